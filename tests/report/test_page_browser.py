"""The report in a real browser, from file://: it draws, sorts and downloads, and asks no one for anything.

``ALZMODEL_REPORT`` names the page of another finished study to be opened in place of a synthetic one.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

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


@pytest.fixture(scope="module")
def report(synthetic_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if given := os.environ.get("ALZMODEL_REPORT"):
        return Path(given).resolve()
    from alzmodel.study.runner import report as write

    return write(synthetic_study, tmp_path_factory.mktemp("browser") / "report.html")


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


@pytest.fixture(scope="module")
def visit(browser, report):
    one = Visit(browser, report, accept_downloads=True)
    yield one
    one.leave()


def share_drawn(picture: np.ndarray) -> float:
    """Share of the picture that is not background."""
    inner = picture[10:-10, 10:-10]
    return float((np.abs(inner - inner[0, 0]).sum(axis=-1) > 30).mean())


def test_verdicts_stand_first(visit) -> None:
    headings = visit.page.locator("h2").all_inner_texts()
    assert headings[:4] == ["Summary", "Figures", "Verdicts", "Measured and modelled"]
    assert visit.page.locator(".brief li").count() >= 8
    assert visit.page.locator("#verdicts tbody tr").count() >= 8
    assert visit.page.locator(".warnings li").count() >= 1
    assert visit.page.locator("figure svg").count() == visit.page.locator("figure").count() > 3


def test_tables_sort_by_mouse_and_by_keyboard(visit) -> None:
    table = visit.page.locator("#comparison table.sortable").first

    def column() -> list[float]:
        cells = table.locator("tbody td:nth-child(4)")
        return cells.evaluate_all("all => all.map(one => one.dataset.value).filter(one => one).map(Number)")

    head = table.locator("thead th:nth-child(4)")
    unsorted = column()
    assert len(unsorted) > 3
    head.locator("button").click()
    assert column() == sorted(unsorted) != unsorted
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").focus()
    visit.page.keyboard.press("Enter")
    assert column() == sorted(unsorted, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"


def test_numbers_of_every_figure_can_be_had(visit, tmp_path: Path) -> None:
    links = visit.page.locator("a.download")
    assert links.count() == visit.page.locator("figure").count()
    for number in range(links.count()):
        with visit.page.expect_download() as waiting:
            links.nth(number).click()
        target = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(target)
        assert target.suffix == ".csv"
        with target.open(encoding="utf-8", newline="") as handle:
            head, *rows = csv.reader(handle)
        assert len(head) > 1
        assert all(name.isprintable() for name in head)
        assert len(rows) >= 2
        assert {len(row) for row in rows} == {len(head)}


@pytest.mark.slow
def test_models_are_drawn_and_follow_the_controls(visit) -> None:
    page = visit.page
    first = visit.draw()
    assert 0.03 < share_drawn(first) < 0.9
    # Atoms, polyhedra and background at least.
    assert len({tuple(colour // 32) for colour in first.reshape(-1, 3)}) > 6
    assert page.locator("#view-legend span").count() >= 4

    page.uncheck("#view-polyhedra input[value=Zr]")
    bare = visit.picture()
    assert np.abs(bare - first).max() > 30
    page.select_option("#view-colour", "oxygens around it")
    coloured = visit.picture()
    assert np.abs(coloured - bare).max() > 30
    assert "6 (" in page.locator("#view-legend").inner_text()
    page.locator("#view-box").focus()
    page.keyboard.press("ArrowLeft")
    turned = visit.picture()
    assert np.abs(turned - coloured).max() > 30
    page.uncheck("#view-atoms")
    page.uncheck("#view-cell")
    assert share_drawn(visit.picture()) == 0
    page.check("#view-atoms")
    page.check("#view-bonds")
    page.check("#view-polyhedra input[value=Zr]")
    page.select_option("#view-colour", "element")
    assert share_drawn(visit.picture()) > 0.03


def test_a_nucleus_can_be_seen(visit) -> None:
    page = visit.page
    visit.draw()
    options = page.locator("#view-model option").all_inner_texts()
    (number,) = [i for i, name in enumerate(options) if "nucleus" in name]
    page.select_option("#view-model", str(number))
    page.wait_for_selector(f"#view-box[data-drawn='{number}']")
    assert page.input_value("#view-cut") == "50"
    assert "Large model" in page.locator("#view-note").inner_text()
    picture = visit.picture()
    assert share_drawn(picture) > 0.05
    # Coloured in the middle, grey around.
    saturation = picture.max(axis=-1) - picture.min(axis=-1)
    high, wide = saturation.shape
    middle = saturation[high // 2 - 40 : high // 2 + 40, wide // 2 - 40 : wide // 2 + 40]
    assert (middle > 40).mean() > 0.2
    page.select_option("#view-model", "0")
    page.wait_for_selector("#view-box[data-drawn='0']")


def test_regions_of_a_glass_ceramic_are_named(browser, tmp_path: Path) -> None:
    from alzmodel.compare.measured import load_measured
    from alzmodel.report.page import Page, write_page
    from alzmodel.report.viewer import model_view
    from tests.report.test_viewer import CUTOFFS, glass_ceramic

    view = model_view(glass_ceramic(), "glass-ceramic", cutoffs=CUTOFFS)
    file = write_page(tmp_path / "page.html", Page("P", [], [], load_measured(), models=[view]))
    visit = Visit(browser, file)
    picture = visit.draw()
    words = visit.page.locator("#view-legend").inner_text()
    assert all(f"{name} (" in words for name in ("nucleus", "interface", "glass"))
    # The nucleus in colour in the middle of the cut, grey glass around it.
    saturation = picture.max(axis=-1) - picture.min(axis=-1)
    high, wide = saturation.shape
    middle = saturation[high // 2 - 40 : high // 2 + 40, wide // 2 - 40 : wide // 2 + 40]
    assert (middle > 40).mean() > 0.2
    visit.leave()


@pytest.mark.slow
def test_every_model_is_drawn(visit) -> None:
    page = visit.page
    visit.draw()
    names = page.locator("#view-model option").all_inner_texts()
    assert any(name.startswith("crystal") for name in names)
    for number, name in enumerate(names):
        page.select_option("#view-model", str(number))
        page.wait_for_selector(f"#view-box[data-drawn='{number}']")
        assert share_drawn(visit.picture()) > 0.02, name


def test_the_picture_is_printed(visit) -> None:
    visit.draw()
    visit.page.emulate_media(media="print")
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    image = visit.page.locator("#view-print")
    assert image.get_attribute("src").startswith("data:image/png;base64,")
    visit.page.wait_for_function("document.getElementById('view-print').naturalWidth > 200")
    assert image.is_visible()
    assert not visit.page.locator("#view-box").is_visible()
    assert not visit.page.locator(".controls").is_visible()
    visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
    visit.page.emulate_media(media="screen")
    assert visit.page.locator("#view-box").is_visible()


def test_a_phone_in_the_dark(browser, report) -> None:
    visit = Visit(
        browser,
        report,
        viewport={"width": 360, "height": 740},
        color_scheme="dark",
        has_touch=True,
        is_mobile=True,
    )
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    picture = visit.draw()
    assert picture[10, 10].sum() < 150
    assert share_drawn(picture) > 0.03
    visit.leave()


def test_without_webgl_a_sentence_stands_there(browser, report) -> None:
    script = """const own = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        return kind.includes("webgl") ? null : own.call(this, kind, ...rest); };"""
    visit = Visit(browser, report, script=script)
    visit.draw()
    assert "No 3D view: this browser draws no WebGL" in visit.page.locator("#view-box").inner_text()
    assert visit.page.locator("#view-model").is_disabled()
    visit.leave()
