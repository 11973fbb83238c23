"""A page in a real browser, without a network."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE = 120_000
"""ms; drawing without a graphics card takes seconds on a busy machine."""


class Visit:
    """One page, and all that it said and asked for."""

    def __init__(self, browser, report: Path, *, script: str = "", **context) -> None:
        self.context = browser.new_context(
            offline=True, **{"viewport": {"width": 1100, "height": 800}, **context}
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        if script:
            self.page.add_init_script(script)
        self.page.goto(report.as_uri())

    def wait(self, words: str, given: object = None) -> None:
        """Wait until a function of the page is true: asked from outside, since the page forbids code made of text."""
        for _ in range(PATIENCE // 50):
            if self.page.evaluate(words, given):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"the page never said so: {words}")

    def draw(self) -> np.ndarray:
        """Scroll to the 3D view, wait for it and take its picture."""
        box = self.page.locator("#view-box")
        box.scroll_into_view_if_needed()
        self.page.wait_for_selector("#view-box[data-drawn]")
        return self.picture()

    def picture(self) -> np.ndarray:
        from PIL import Image

        self.page.wait_for_timeout(300)
        shot = self.page.locator("#view-box").screenshot(timeout=PATIENCE)
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=int)

    def leave(self) -> None:
        """Nothing went wrong, and nothing but the page itself was asked for."""
        asked = [url for url in self.requests if not url.startswith(("data:", "blob:"))]
        self.context.close()
        assert self.errors == []
        assert len(asked) == 1
        assert asked[0].startswith("file://")
