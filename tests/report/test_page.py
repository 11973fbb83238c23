"""The report is one file that asks for nothing else, verdicts first."""

import base64
import itertools
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from alzmodel.compare.comparison import compare_models
from alzmodel.compare.measured import load_measured
from alzmodel.compare.quantities import Quantity
from alzmodel.compare.verdicts import judge_hypotheses
from alzmodel.errors import InputError
from alzmodel.report.figures import plot_history, plot_xrd
from alzmodel.report.page import Page, PageFigure, page_html, write_page

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Outline(HTMLParser):
    """Opens and closes balance, and no id stands twice."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.loads, self.tables = [], [], [], []

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in names:
            self.ids.append(names["id"])
        if tag == "caption":
            self.tables.append(len(self.open))
        for key in ("src", "href", "xlink:href", "data", "action"):
            if key in names and tag != "a":
                self.loads.append(names[key])

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    angle = np.linspace(10, 80, 50)
    plot_xrd(
        {"<glass> & x": {"two_theta": angle, "intensity": angle}},
        folder / "xrd",
        measured_lines=[(28.5, "222")],
    )
    plot_history(
        {"a": {"time_ps": [0, 1], "temperature": [3000, 300], "density": [4, 5]}}, folder / "history"
    )
    rng = np.random.default_rng(0)
    quantities = [
        Quantity("zr_o_distance", x, f"{x}-{i}", rng.normal(2.12, 0.01))
        for x, i in itertools.product((1.5, 3.0), range(2))
    ]
    measured = load_measured()
    return Page(
        title="Quick study <1>",
        verdicts=judge_hypotheses(quantities),
        rows=compare_models(quantities, measured),
        measured=measured,
        figures=[
            PageFigure("Diffraction", "Curves of <glass>.", folder / "xrd.svg", folder / "xrd.csv"),
            PageFigure("History", "T and density.", folder / "history.svg"),
        ],
        warnings=["one model failed: x = 4.5, seed 1"],
        protocol={"melt_temperature": 3000},
        provenance={"versions": {"alzmodel": "0.1.0"}},
    )


def test_page_is_well_formed_and_loads_nothing(page):
    outline = Outline()
    text = page_html(page)
    outline.feed(text)
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert all(link.startswith(("#", "data:")) for link in outline.loads)
    assert "default-src 'none'" in text
    assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttp", text)


def test_verdicts_come_first_and_warnings_above_them(page):
    text = page_html(page)
    places = [
        text.index(words)
        for words in (
            *(
                "one model failed",
                'id="summary"',
                "<strong>H1</strong>",
                "Fewer than 4 models",
                'id="figures"',
            ),
            *('id="verdicts"', 'id="comparison"', 'id="provenance"'),
        )
    ]
    assert places == sorted(places)


def test_headings_and_buttons_have_names(page):
    text = page_html(page)
    assert '<button type="button"></button>' not in text
    assert 'data-head="verdict"' in text


def test_words_are_escaped(page):
    text = page_html(page)
    assert "Quick study &lt;1&gt;" in text
    assert "Curves of &lt;glass&gt;." in text
    assert "Quick study <1>" not in text


def test_figures_offer_their_numbers(page):
    text = page_html(page)
    (data,) = re.findall(r'download="xrd\.csv" href="data:text/csv;charset=utf-8;base64,([^"]+)"', text)
    assert base64.b64decode(data) == page.figures[0].csv.read_bytes()
    assert 'download="history.csv"' not in text


def test_contradictions_of_the_paper_are_there(page):
    text = page_html(page)
    for note in page.measured.footnotes.values():
        assert note.replace("'", "&#x27;") in text
    assert "not-modelled" in text
    assert "bond polarizabilities that nobody has published" in text


def test_same_input_same_bytes(page, tmp_path):
    one, two = write_page(tmp_path / "a.html", page), write_page(tmp_path / "b.html", page)
    assert one.read_bytes() == two.read_bytes()


def test_missing_figure_leaves_nothing(page, tmp_path):
    broken = Page(
        page.title, page.verdicts, page.rows, page.measured, [PageFigure("F", "", tmp_path / "none.svg")]
    )
    with pytest.raises(InputError, match=r"none\.svg: cannot be read"):
        write_page(tmp_path / "report.html", broken)
    assert not list(tmp_path.iterdir())
