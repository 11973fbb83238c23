"""Where the panels of a figure stand: as much room around each as its labels take, found without drawing them.

matplotlib's own layouts measure every tick label of every panel twice, which takes as long as drawing all of them.
Here the widest label of each axis is measured, and the names of the axes are put beside it at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import numpy as np
from matplotlib.cbook import is_math_text
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from alzmodel.report.rendering import text_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.backend_bases import RendererBase
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

__all__ = ["lay_out"]

PAD: Final = 3.5
"""Points around each panel with its labels, and around all."""
_PASSES: Final = 2
"""How many ticks there are follows from the size of a panel, and its size from their labels."""


@dataclass(frozen=True, slots=True)
class _Room:
    """What a panel needs around itself, in points, and how far from it the names of its axes stand."""

    left: float
    right: float
    bottom: float
    top: float
    name_below: float
    name_left: float


_USUAL: Final = _Room(32.0, 4.0, 28.0, 16.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Words:
    """What texts take, in points: the names of both axes, and all others to the left, to the right and on top."""

    name_below: float
    name_left: float
    left: float
    right: float
    top: float


def lay_out(figure: Figure, renderer: RendererBase, note: Text | None = None) -> None:
    """Place the panels of a figure, the names of their axes, and `note` above all.

    Parameters
    ----------
    figure
        At 72 dots per inch, its panels in one grid, and below them the legends that belong to all. The axes stand to
        the left and below.
    renderer
        Measures texts.
    note
        Words in the top left corner.
    """
    width, height = figure.bbox.width, figure.bbox.height
    above = below = PAD
    if note is not None:
        note.set_y(1 - PAD / height)
        above += note.get_window_extent(renderer).height + PAD
    for legend in figure.legends:
        below += legend.get_window_extent(renderer).height + PAD
    free = (0.0, width), (below, height - above)
    rooms = [_USUAL] * len(figure.axes)
    _place(figure.axes, rooms, *free)
    words = [_words(panel, renderer) for panel in figure.axes]
    for _ in range(_PASSES):
        rooms = [_room(*both) for both in zip(figure.axes, words, strict=True)]
        _place(figure.axes, rooms, *free)
    # Told by hand, or matplotlib would measure every tick label for it while it draws.
    for panel, room in zip(figure.axes, rooms, strict=True):
        panel.xaxis.set_label_coords(0.5, -room.name_below / panel.bbox.height)
        panel.yaxis.set_label_coords(-room.name_left / panel.bbox.width, 0.5)


def _place(
    panels: Sequence[Axes],
    rooms: Sequence[_Room],
    across: tuple[float, float],
    upwards: tuple[float, float],
) -> None:
    """Share the room between the panels, those of a column alike and those of a row."""
    specs = [spec for panel in panels if (spec := panel.get_subplotspec()) is not None]
    grid = specs[0].get_gridspec()
    left, right = np.zeros((2, grid.ncols))
    top, bottom = np.zeros((2, grid.nrows))
    for spec, room in zip(specs, rooms, strict=True):
        first, last = spec.colspan.start, spec.colspan.stop - 1
        left[first], right[last] = max(left[first], room.left), max(right[last], room.right)
        first, last = spec.rowspan.start, spec.rowspan.stop - 1
        top[first], bottom[last] = max(top[first], room.top), max(bottom[last], room.bottom)
    start, end = _edges(left + PAD, right + PAD, across, grid.get_width_ratios())
    # Rows count from the top.
    roof, floor = _edges(top + PAD, bottom + PAD, (-upwards[1], -upwards[0]), grid.get_height_ratios())
    for panel, spec in zip(panels, specs, strict=True):
        x0, x1 = start[spec.colspan.start], end[spec.colspan.stop - 1]
        y0, y1 = -floor[spec.rowspan.stop - 1], -roof[spec.rowspan.start]
        whole = panel.figure.bbox
        panel.set_position(
            (x0 / whole.width, y0 / whole.height, (x1 - x0) / whole.width, (y1 - y0) / whole.height)
        )


def _edges(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    limits: tuple[float, float],
    ratios: ArrayLike,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each column begins and ends, whose widths are as their ratios."""
    free = limits[1] - limits[0] - float(before.sum() + after.sum())
    widths = max(free, 0.1 * (limits[1] - limits[0])) * np.asarray(ratios) / np.sum(ratios)
    ends = limits[0] + np.cumsum(before + widths + after) - after
    return ends - widths, ends


def _words(panel: Axes, renderer: RendererBase) -> _Words:
    """Measure the texts of a panel besides the labels of its ticks, which do not hang on its size."""
    box = panel.bbox
    left = right = top = 0.0
    for text in panel.get_children():
        if not isinstance(text, Text) or not text.get_text() or not text.get_visible():
            continue
        extent = text.get_window_extent(renderer)
        top = max(top, extent.y1 - box.y1)
        # Titles may be wider than their panel: no layout could help that.
        if text in panel.texts:
            left, right = max(left, box.x0 - extent.x0), max(right, extent.x1 - box.x1)
    below, beside = (
        name.get_window_extent(renderer) if name.get_text() else Bbox.null()
        for name in (panel.xaxis.label, panel.yaxis.label)
    )
    return _Words(max(0.0, below.height), max(0.0, beside.width), left, right, top)


def _room(panel: Axes, words: _Words) -> _Room:
    """Add what the ticks take and their labels."""
    box = panel.bbox
    along, widths, reach, height = _labels(panel.xaxis)
    below = reach + height
    left = float(np.max(box.x0 - along + widths / 2, initial=words.left))
    right = float(np.max(along + widths / 2 - box.x1, initial=words.right))
    _, widths, reach, height = _labels(panel.yaxis)
    beside = reach + float(np.max(widths, initial=0.0))
    # The power of ten that all labels share stands above them.
    shared = height + PAD if panel.yaxis.get_major_formatter().get_offset() else 0.0
    name_below, name_left = below + panel.xaxis.labelpad, beside + panel.yaxis.labelpad
    return _Room(
        max(left, name_left + words.name_left if words.name_left else beside),
        right,
        name_below + words.name_below if words.name_below else below,
        max(words.top, shared),
        name_below,
        name_left,
    )


def _labels(axis: Axis) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
    """Where tick labels stand along an axis and how wide they are, shape (n,); how far off they begin; their height."""
    panel = axis.axes
    number, side, style = (0, "bottom", "xtick") if axis is panel.xaxis else (1, "left", "ytick")
    major = axis.get_majorticklocs()
    reach = mpl.rcParams[f"{style}.major.size"] if len(major) else 0.0
    if not axis.get_tick_params().get(f"label{side}", True):
        return np.empty(0), np.empty(0), reach, 0.0
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    shown = [
        (place, words)
        for places, formatter in (
            (major, axis.get_major_formatter()),
            (axis.get_minorticklocs(), axis.get_minor_formatter()),
        )
        for place, words in zip(places, formatter.format_ticks(list(places)), strict=True)
        if words and low - slack <= place <= high + slack
    ]
    if not shown:
        return np.empty(0), np.empty(0), reach, 0.0
    font = FontProperties(size=mpl.rcParams[f"{style}.labelsize"])
    widths, heights = np.array([_size(words, font) for _, words in shown]).T
    points = np.zeros((len(shown), 2))
    points[:, number] = [place for place, _ in shown]
    transform = panel.get_xaxis_transform() if number == 0 else panel.get_yaxis_transform()
    # A line is as high as letters with both strokes, whatever stands in it.
    height = max(float(heights.max()), _size("lp", font)[1])
    return transform.transform(points)[:, number], widths, reach + mpl.rcParams[f"{style}.major.pad"], height


def _size(words: str, font: FontProperties) -> tuple[float, float]:
    """Width and height in points."""
    width, height, _ = text_size(words, font, is_math_text(words))
    return width, height
