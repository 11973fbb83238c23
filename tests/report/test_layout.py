"""Panels keep clear of each other and of the edge, measured by matplotlib itself."""

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from alzmodel.report.drawing import STYLE_FILE, grid, legend_below, mark
from alzmodel.report.layout import lay_out
from alzmodel.report.rendering import Drawing

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


@pytest.mark.parametrize("note", ["", "Provisional potential parameters: La3+"])
@pytest.mark.parametrize("build", [many, beside, shared, names, logarithmic, spanning])
def test_nothing_is_cut_off_and_nothing_overlaps(build, note):
    with mpl.rc_context(fname=STYLE_FILE):
        figure = Figure()
        drawing = Drawing(figure)
        build(figure)
        words = figure.suptitle(note, x=0.02, ha="left", va="top", fontsize=6.5) if note else None
        renderer = drawing.get_renderer()
        lay_out(figure, renderer, words)
        boxes = [panel.get_tightbbox(renderer) for panel in figure.axes]
        boxes += [legend.get_window_extent(renderer) for legend in figure.legends]
        boxes += [words.get_window_extent(renderer)] if words is not None else []
        for box in boxes:
            assert box.x0 >= -0.5
            assert box.y0 >= -0.5
            assert box.x1 <= figure.bbox.x1 + 0.5
            assert box.y1 <= figure.bbox.y1 + 0.5
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)
        # The names of the axes touch no tick label, and the panels have most of the room.
        for panel in figure.axes:
            for axis in (panel.xaxis, panel.yaxis):
                name = axis.label.get_window_extent(renderer)
                ticks = [tick.label1.get_window_extent(renderer) for tick in axis.get_major_ticks()]
                assert not any(name.overlaps(tick) for tick in ticks if axis.get_label_text())
        cells = figure.axes[0].get_gridspec()
        drawn = sum(
            len(spec.rowspan) * len(spec.colspan) / cells.nrows / cells.ncols
            for spec in (panel.get_subplotspec() for panel in figure.axes)
        )
        covered = sum(box.width * box.height for box in boxes)
        assert covered > 0.75 * drawn * figure.bbox.width * figure.bbox.height
