"""Fixtures that several folders share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Tables are printed as without a terminal, however wide the one is that the tests were started in.
os.environ.pop("COLUMNS", None)


@pytest.fixture(scope="session")
def synthetic_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished study that took no molecular dynamics; see :mod:`tests.study.synthetic`."""
    from tests.study.synthetic import make_study

    return make_study(tmp_path_factory.mktemp("synthetic") / "study")
