"""What is written to a file: panels, legends and notes keep clear of each other and of the edge."""

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from alzmodel.report.drawing import STYLE_FILE, draw, grid, legend_below, mark, noted
from tests.report.test_figures import DRAWINGS

NOTE = "Provisional potential parameters: La3+"
X = np.linspace(0.0, 10.0, 20)


def many(figure):
    for number, panel in enumerate(grid(figure, 5)):
        panel.plot(X, 10.0 ** (number - 2) * X, label="curve")
        panel.set(xlabel="r (Å)", ylabel="k (nm⁻¹)", title="Zr–O", xlim=(0, 10))
    legend_below(figure, figure.axes[0], 1)


def beside(figure):
    figure.set_size_inches(5.6, 3.0)
    panel = figure.subplots()
    panel.plot(X, X)
    panel.annotate("La2Zr2O7 sphere, 80 Å (assumed)", (10, 5), annotation_clip=False)
    mark(panel, [(3.0, "222"), (5.0, "a long name")], upright=False)
    panel.set(xlim=(0, 10), yticks=[], xlabel="2θ (°)", ylabel="intensity")


def worded(figure):
    """Labels of the library: longer than four of them have room for side by side."""
    panels = grid(figure, 3)
    for number in range(6):
        panels[0].plot(X, X + number, label=f"x = 4.5, as-deposited-high-Tf, {number}")
    for panel in panels:
        panel.set(xlabel="r (Å)", ylabel="g(r)")
    legend_below(figure, panels[0], 6)


def shared(figure):
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.0, 1.0])
    upper.plot(X, 1000 * X)
    lower.plot(X, X)
    upper.set(ylabel="temperature (K)")
    lower.set(xlabel="time (ps)", ylabel="density", xlim=(0, 10))
    assert upper.bbox.height > lower.bbox.height


def names(figure):
    for panel in grid(figure, 2, most=2):
        panel.barh(["x = 1.5, annealed-low-Tf", "x = 3"], [1, 2])
        panel.set(xlabel="fraction", xlim=(0, 2))


def logarithmic(figure):
    for panel in grid(figure, 2):
        panel.plot(X + 1, 1e5 * 10**X)
        panel.set(xscale="log", yscale="log", xlabel="diameter (Å)", ylabel="V(k)")


def spanning(figure):
    figure.set_size_inches(6.5, 5.0)
    panels = figure.subplot_mosaic([["a", "a"], ["b", "c"]], height_ratios=[1.5, 1])
    for name, panel in panels.items():
        panel.plot(X, 1e-4 * X)
        panel.set(xlabel="k (nm⁻¹)", ylabel=name, title=name)


@pytest.fixture
def written(monkeypatch):
    """Figures as they stood when they were written."""
    figures = []
    write = Figure.savefig

    def kept(figure, *args, **options):
        figures.append(figure)
        return write(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", kept)
    return figures


def boxes_of(figure, dpi):
    """Everything that stands by itself, in pixels."""
    figure.dpi = dpi
    renderer = FigureCanvasAgg(figure).get_renderer()
    titles = [
        child
        for panel in figure.axes
        for child in panel.get_children()
        if isinstance(child, Text) and child not in panel.texts and child.get_text()
    ]
    boxes = [title.get_window_extent(renderer) for title in titles]
    for title in titles:
        title.set_visible(False)
    boxes += [panel.get_tightbbox(renderer) for panel in figure.axes]
    for title in titles:
        title.set_visible(True)
    boxes += [legend.get_window_extent(renderer) for legend in figure.legends]
    boxes += [words.get_window_extent(renderer) for words in figure.texts]
    for panel in figure.axes:
        # The names of the axes touch no tick label.
        for axis in (panel.xaxis, panel.yaxis):
            name = axis.label.get_window_extent(renderer)
            ticks = [tick.label1.get_window_extent(renderer) for tick in axis.get_major_ticks()]
            assert not any(name.overlaps(tick) for tick in ticks if axis.get_label_text())
    return boxes


def check(figure):
    assert [words.get_text() for words in figure.texts] == [NOTE]
    for dpi in (72, 300):
        with mpl.rc_context(fname=STYLE_FILE):
            boxes = boxes_of(figure, dpi)
        half_a_point = 0.5 * dpi / 72
        for box in boxes:
            assert box.x0 >= -half_a_point
            assert box.y0 >= -half_a_point
            assert box.x1 <= figure.bbox.x1 + half_a_point
            assert box.y1 <= figure.bbox.y1 + half_a_point
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)
    return boxes


@pytest.mark.parametrize("build", [many, beside, worded, shared, names, logarithmic, spanning])
def test_nothing_is_cut_off_and_nothing_overlaps(build, written, tmp_path):
    with noted(NOTE):
        draw(build, tmp_path / "figure.svg", {})
    (figure,) = written
    boxes = check(figure)
    # The panels have most of the room.
    cells = figure.axes[0].get_gridspec()
    drawn = sum(
        len(spec.rowspan) * len(spec.colspan) / cells.nrows / cells.ncols
        for spec in (panel.get_subplotspec() for panel in figure.axes)
    )
    covered = sum(box.width * box.height for box in boxes)
    assert covered > 0.7 * drawn * figure.bbox.width * figure.bbox.height


@pytest.mark.parametrize("name", DRAWINGS)
def test_nor_in_the_figures_of_the_package(name, written, tmp_path):
    with noted(NOTE):
        DRAWINGS[name](tmp_path / f"{name}.svg")
    check(written[0])
