"""Coordination over the cut-off that ends a shell, with the cut-offs in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.report.drawing import draw, grid, legend_below, looks_of, require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from alzmodel.report.drawing import Columns

__all__ = ["RANGES", "plot_cutoffs"]

RANGES: Final = {"Zr": (1.8, 3.4), "La": (2.2, 4.0), "Li": (1.6, 3.4)}
"""Å, of the panels; others show all."""
MOST_OXYGENS: Final = 14.0


def plot_cutoffs(curves: Mapping[str, Mapping[str, Mapping[str, Any]]], path: str | Path) -> tuple[Path, ...]:
    """Draw how many oxygens each cation has over the cut-off, one panel a cation.

    Parameters
    ----------
    curves
        Label to ``{"La": {"cutoffs": Å, "coordination": numbers, "used": Å}}`` as ``alzmodel lbu`` gives; a curve each,
        the cut-off in use marked on it.
    path
        As for :func:`alzmodel.report.figures.plot_pdf`.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    require(curves, "coordination")
    cations = list(dict.fromkeys(cation for one in curves.values() for cation in one))
    require(cations, "cations")
    looks = looks_of(curves)
    columns: Columns = {}
    for label, one in curves.items():
        for cation, curve in one.items():
            columns[f"cut-off of {cation}, {label} (Å)"] = np.asarray(curve["cutoffs"], dtype=float)
            columns[f"oxygens of {cation}, {label}"] = np.asarray(curve["coordination"], dtype=float)
            columns[f"used for {cation}, {label} (Å)"] = [float(curve["used"])]

    top = min(
        MOST_OXYGENS,
        1.05 * max(_highest(cation, curve) for one in curves.values() for cation, curve in one.items()),
    )

    def build(figure: Figure) -> None:
        panels = grid(figure, len(cations), height=2.1)
        for panel, cation in zip(panels, cations, strict=True):
            for label, one in curves.items():
                if cation not in one:
                    continue
                r, n = (np.asarray(one[cation][key], dtype=float) for key in ("cutoffs", "coordination"))
                used, look = float(one[cation]["used"]), looks[label]
                panel.plot(r, n, linewidth=1.1, label=label, **look.line)
                panel.plot(
                    [used],
                    [np.interp(used, r, n)],
                    marker=look.marker,
                    color=look.color,
                    markeredgecolor="black",
                    markersize=6,
                    linestyle="none",
                )
            low, high = RANGES.get(cation, (None, None))
            panel.set(xlim=(low, high), ylim=(0, top), xlabel="cut-off (Å)", ylabel=f"oxygens of {cation}")
        legend_below(figure, panels[0], len(curves))

    return draw(build, path, columns)


def _highest(cation: str, curve: Mapping[str, Any]) -> float:
    """Give the most oxygens within what is drawn of a cation."""
    r, n = (np.asarray(curve[key], dtype=float) for key in ("cutoffs", "coordination"))
    low, high = RANGES.get(cation, (r[0], r[-1]))
    return float(n[(r >= low) & (r <= high)].max(initial=1.0))
