"""The browser that pages are opened in."""

from __future__ import annotations

import os

import pytest

from tests.report.visits import CHROMIUM, FLAGS


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        words = "Chromium is not installed: the report is not opened in a browser (apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    from playwright.sync_api import sync_playwright

    # A new profile in a temporary folder, headless.
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()
