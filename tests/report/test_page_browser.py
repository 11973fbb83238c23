"""The report in a real browser, from file://: it draws, sorts and downloads, and asks no one for anything.

``ALZMODEL_REPORT`` names the page of another finished study to be opened in place of a synthetic one.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from tests.report.visits import Visit


@pytest.fixture(scope="module")
def report(synthetic_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if given := os.environ.get("ALZMODEL_REPORT"):
        return Path(given).resolve()
    from alzmodel.study.runner import report as write

    return write(synthetic_study, tmp_path_factory.mktemp("browser") / "report.html")


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
    assert headings[:5] == ["Summary", "Figures", "Your data", "Verdicts", "Measured and modelled"]
    assert visit.page.locator(".brief li").count() >= 8
    assert visit.page.locator("#verdicts tbody tr").count() >= 8
    assert visit.page.locator(".warnings li").count() >= 1
    assert visit.page.locator("figure svg").count() == visit.page.locator("figure").count() > 3
    titles = visit.page.locator("figure svg > title").all_text_contents()
    assert len(set(titles)) == visit.page.locator("figure").count()
    assert all(titles)


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
    assert links.count() == visit.page.locator("#figures figure").count()
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


def test_a_figure_can_be_had_as_a_picture(visit, tmp_path: Path) -> None:
    from PIL import Image

    figure = visit.page.locator("#figures figure").first
    for kind in ("PNG", "SVG"):
        with visit.page.expect_download() as waiting:
            figure.get_by_role("button", name=kind).click()
        waiting.value.save_as(tmp_path / waiting.value.suggested_filename)
    (png,) = tmp_path.glob("*.png")
    picture = np.asarray(Image.open(png).convert("L"))
    assert picture.shape[1] >= 1400
    assert (picture < 128).mean() > 0.005
    (svg,) = tmp_path.glob("*.svg")
    assert svg.read_text(encoding="utf-8").startswith("<svg")


def test_the_first_figure_is_within_two_screens(browser, report) -> None:
    for width, height in ((390, 844), (1400, 900)):
        visit = Visit(browser, report, viewport={"width": width, "height": height})
        box = visit.page.locator("#figures figure").first.bounding_box()
        assert box["y"] < 2 * height
        assert box["width"] > 0.75 * min(width, 1152)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        visit.leave()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_found(browser, report, scheme: str) -> None:
    """axe-core, with all that is folded open: no violation of any impact, also on a phone."""
    import axe_playwright_python

    rules = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    for width in (390, 1400):
        visit = Visit(browser, report, viewport={"width": width, "height": 900}, color_scheme=scheme)
        visit.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        visit.page.evaluate(rules)
        found = visit.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        assert len(found["passes"]) > 20
        assert [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]] == []
        visit.leave()


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


@pytest.mark.slow
def test_a_large_model_shows_a_slab_in_its_cell(browser, tmp_path: Path) -> None:
    from alzmodel.compare.measured import load_measured
    from alzmodel.crystals import crystal, supercell
    from alzmodel.report.page import Page, write_page
    from alzmodel.report.viewer import model_view
    from tests.report.test_viewer import CUTOFFS

    view = model_view(supercell(crystal("La2Zr2O7"), 3), "large", cutoffs=CUTOFFS)
    file = write_page(tmp_path / "page.html", Page("P", [], [], load_measured(), models=[view]))
    visit = Visit(browser, file)
    visit.draw()
    page = visit.page

    def drawn() -> int:
        return int(page.get_attribute("#view-box", "aria-label").rsplit(": ", 1)[1].split()[0])

    assert page.input_value("#view-slab") == "12"
    assert page.is_checked("#view-cell")
    assert page.is_enabled("#view-cell")
    heights = np.reshape(view.data["xyz"], (-1, 3))[:, 2] / 100
    assert drawn() == (np.abs(heights - (heights.min() + heights.max()) / 2) <= 6).sum()
    page.check("#view-bonds")
    page.select_option("#view-slab", "0")
    assert drawn() == len(view.data["element"])
    visit.leave()


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
    visit.wait("() => document.getElementById('view-print').naturalWidth > 200")
    assert image.is_visible()
    assert not visit.page.locator("#view-box").is_visible()
    assert not visit.page.get_by_label("What is drawn").is_visible()
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
