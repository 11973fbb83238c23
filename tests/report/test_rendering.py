"""One drawing as SVG and as pixels, against matplotlib's own two."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from alzmodel.report.rendering import PIXELS_PER_INCH, Drawing


def figure_of_all_sorts() -> Figure:
    figure = Figure(figsize=(4, 3))
    left, right = figure.subplots(1, 2)
    x = np.linspace(0, 10, 50)
    # Beyond the axes, so that it is cut off there.
    left.plot(x, np.sin(x), linestyle="--", linewidth=2)
    left.set(xlim=(2, 8), ylim=(-0.5, 0.5), xlabel="r (Å)", title="cut")
    left.fill_between(x, np.sin(x) - 0.2, np.sin(x) + 0.2, alpha=0.3, linewidth=0)
    right.errorbar([1, 2, 3], [1, 4, 2], yerr=[0.5, 1, 0.2], fmt="o", capsize=3, label="points")
    right.barh([1, 3], [2, 1], hatch="//", edgecolor="black")
    right.scatter([1, 2, 3], [3, 1, 2], s=[10, 40, 90])
    right.axvline(2.5, color="grey")
    right.annotate("turned", (2, 2), rotation=90)
    right.legend()
    return figure


def test_the_svg_is_that_of_matplotlib() -> None:
    with mpl.rc_context({"svg.hashsalt": "alzmodel"}):
        drawing = Drawing(figure_of_all_sorts())
        drawing.draw_once()
        buffer = io.StringIO()
        figure_of_all_sorts().savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    assert drawing.svg() == buffer.getvalue()


def test_the_pixels_are_those_of_matplotlib() -> None:
    drawing = Drawing(figure_of_all_sorts())
    drawing.draw_once()
    figure = figure_of_all_sorts()
    figure.dpi = PIXELS_PER_INCH
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    theirs = np.asarray(canvas.buffer_rgba())[..., :3].astype(float)
    ours = drawing.pixels()[..., :3].astype(float)
    assert ours.shape == theirs.shape
    # Letters are set by their exact widths and not by those in pixels: they move by a fraction of one.
    blocks = [
        image.reshape(PIXELS_PER_INCH * 3 // 10, 10, PIXELS_PER_INCH * 4 // 10, 10, 3).mean(axis=(1, 3))
        for image in (ours, theirs)
    ]
    assert np.abs(blocks[0] - blocks[1]).mean() < 1.0
    assert np.abs(blocks[0] - 255).mean() > 5.0
