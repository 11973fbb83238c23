"""The figure of a dopant screen: what ions do against their field strength."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from alzmodel.report.drawing import COLOURS, GREY, Columns, draw, grid, legend_below, require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_screen"]

_NAME_WIDTH = 0.055
"""Of a panel's width, for one name written upright."""


def plot_screen(
    panels: Sequence[Mapping[str, Any]],
    path: str | Path,
    *,
    host: tuple[str, float],
) -> tuple[Path, ...]:
    """Draw effects against field strength, a panel each.

    Parameters
    ----------
    panels
        Each with ``label`` (the axis, with its unit), ``points`` of ``ion``, ``x`` (z/r in e/Å), ``effect``, ``low``,
        ``high`` (NaN where there is no interval) and ``isovalent``, and ``trends``: group to ``r``, ``low``, ``high``.
    path
        As for :func:`alzmodel.report.figures.plot_pdf`.
    host
        Ion that is replaced, and its field strength: at no effect by definition.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    require(panels, "dopant screen")
    names = ("quantity", "ion", "field strength (e/Å)", "effect", "low", "high", "isovalent")
    rows = [
        (
            panel["label"],
            point["ion"],
            point["x"],
            point["effect"],
            point["low"],
            point["high"],
            str(point["isovalent"]),
        )
        for panel in panels
        for point in panel["points"]
    ]
    columns: Columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))

    def build(figure: Figure) -> None:
        axes = grid(figure, len(panels), most=2, height=2.5, width=3.3)
        for axis, panel in zip(axes, panels, strict=True):
            _panel(axis, panel, host)
        legend_below(figure, axes[0], 3)

    return draw(build, path, columns)


def _panel(axis: Axes, panel: Mapping[str, Any], host: tuple[str, float]) -> None:
    axis.axhline(0, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
    groups = (
        (True, "o", COLOURS[0], COLOURS[0], "charge of La"),
        (False, "s", COLOURS[1], "white", "other charge: Li or O changes too"),
    )
    for isovalent, marker, colour, fill, label in groups:
        points = [point for point in panel["points"] if point["isovalent"] == isovalent]
        if not points:
            continue
        x = [point["x"] for point in points]
        y = [point["effect"] for point in points]
        below = [_length(point["effect"] - point["low"]) for point in points]
        above = [_length(point["high"] - point["effect"]) for point in points]
        axis.errorbar(
            x,
            y,
            yerr=[below, above],
            linestyle="none",
            marker=marker,
            color=colour,
            markerfacecolor=fill,
            capsize=2,
            elinewidth=0.8,
            label=label,
            zorder=3,
        )
    axis.plot(
        [host[1]], [0.0], linestyle="none", marker="*", color="black", label=f"{host[0]}, undoped", zorder=4
    )
    words = [
        f"{group}: r = {trend['r']:.2f} ({trend['low']:.2f} to {trend['high']:.2f})"
        if math.isfinite(trend["r"])
        else f"{group}: too few ions"
        for group, trend in panel["trends"].items()
    ]
    axis.set_title("\n".join(words), fontsize=7)
    axis.set(xlabel="field strength z/r (e/Å)", ylabel=panel["label"])
    axis.margins(x=0.08, y=0.1)
    low, high = axis.get_ylim()
    # Room for the names.
    axis.set_ylim(low, high + 0.45 * (high - low))
    _name(axis, panel["points"])


def _name(axis: Axes, points: Sequence[Mapping[str, Any]]) -> None:
    """Write the ions side by side along the top, each joined to its point, since many have nearly the same strength."""
    first, last = axis.get_xlim()
    ordered = sorted(points, key=lambda point: (point["x"], point["ion"]))
    places: list[float] = []
    for point in ordered:
        wanted = (point["x"] - first) / (last - first)
        places.append(max(wanted, places[-1] + _NAME_WIDTH) if places else wanted)
    # Names pushed beyond the right edge push their neighbours back.
    for number in range(len(places) - 1, -1, -1):
        right = places[number + 1] - _NAME_WIDTH if number + 1 < len(places) else 0.98
        places[number] = min(places[number], right)
    for point, place in zip(ordered, places, strict=True):
        axis.annotate(
            point["ion"],
            (point["x"], point["effect"]),
            xytext=(place, 0.99),
            textcoords="axes fraction",
            rotation=90,
            ha="center",
            va="top",
            fontsize=6.5,
            color=COLOURS[0] if point["isovalent"] else COLOURS[1],
            arrowprops={"arrowstyle": "-", "linewidth": 0.3, "color": GREY, "shrinkA": 0, "shrinkB": 2},
        )


def _length(value: float) -> float:
    return value if math.isfinite(value) else 0.0
