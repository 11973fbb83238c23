"""An inverse scan in one figure: what every specimen shows, over the size of its crystals, beside what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.report.drawing import GREY, array, draw, grid, legend_below, require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from alzmodel.compare.inverse import Film
    from alzmodel.report.drawing import Columns

__all__ = ["plot_inverse"]

_PANELS: Final = {
    "fem_peak2_k": "peak 2, k (nm⁻¹)",
    "fem_peak2_fwhm": "peak 2, FWHM (nm⁻¹)",
    "xrd_222_two_theta": "(222), 2θ (°)",
    "fem_peak1_k": "peak 1, k (nm⁻¹)",
    "fem_peak1_fwhm": "peak 1, FWHM (nm⁻¹)",
    "xrd_222_fwhm": "(222), FWHM (°)",
}
_MARKERS: Final = ("o", "s", "^", "D", "v", "P")
_BANDS: Final = ("////", "\\\\\\\\", "....", "xx")


def plot_inverse(
    points: Sequence[Mapping[str, Any]], films: Sequence[Film], path: str | Path
) -> tuple[Path, ...]:
    """Draw the numbers of a scan over the diameter of the spheres.

    Parameters
    ----------
    points
        From :func:`alzmodel.scattering.fem.scan.scan_point`.
    films
        From :func:`alzmodel.compare.inverse.search`.
    path
        As for :func:`alzmodel.report.figures.plot_pdf`.

    Raises
    ------
    InputError
        If no specimen was computed.

    Notes
    -----
    One panel a measured number; hatched bands are what was measured of each film, with its tolerance. One marker a
    glass, its size growing with the volume fraction; full where all numbers match. Specimens without a peak have no
    mark in that panel.
    """
    built = [n for n, point in enumerate(points) if point["refused"] is None]
    require(built, "inverse scan")
    matching = {n for film in films for n in film.matching}
    columns: Columns = {"glass": [points[n]["glass"] for n in built]}
    for key in (
        "diameter",
        "fraction",
        "displacement",
        "disorder",
        "excess_la",
        "lattice_parameter",
        "thickness",
    ):
        columns[key] = array([points[n][key] for n in built])
    for key in _PANELS:
        columns[key] = array([points[n]["numbers"].get(key) for n in built])
    columns["matches"] = ["yes" if n in matching else "no" for n in built]
    glasses = list(dict.fromkeys(points[n]["glass"] for n in built))

    def build(figure: Figure) -> None:
        panels = grid(figure, len(_PANELS), height=2.0)
        largest = max(points[n]["fraction"] for n in built)
        for panel, (key, words) in zip(panels, _PANELS.items(), strict=True):
            for number, film in enumerate(films):
                for one in film.criteria:
                    if one.name == key:
                        panel.axhspan(
                            one.low - one.tolerance,
                            one.high + one.tolerance,
                            facecolor="none",
                            edgecolor="#999999",
                            hatch=_BANDS[number % len(_BANDS)],
                            linewidth=0.5,
                            label=f"measured, x = {film.x:g}",
                            zorder=0,
                        )
            for number, glass in enumerate(glasses):
                members = [n for n in built if points[n]["glass"] == glass]
                for full in (False, True):
                    shown = [n for n in members if (n in matching) == full]
                    if not shown:
                        continue
                    panel.scatter(
                        [points[n]["diameter"] for n in shown],
                        array([points[n]["numbers"].get(key) for n in shown]),
                        s=[6 + 26 * points[n]["fraction"] / largest for n in shown],
                        marker=_MARKERS[number % len(_MARKERS)],
                        facecolors="black" if full else "none",
                        edgecolors="#0b2f6b",
                        linewidths=0.7,
                        label=f"{glass}, matches" if full else glass,
                    )
            sizes = sorted({points[n]["diameter"] for n in built})
            panel.set(xscale="log", xlabel="diameter of the spheres (Å)", ylabel=words)
            panel.set_xticks(sizes, [f"{size:g}" for size in sizes])
            panel.set_xticks([], minor=True)
            panel.margins(y=0.1)
            panel.set_xlim(0.85 * sizes[0], sizes[-1] / 0.85)
            if not np.isfinite(array([points[n]["numbers"].get(key) for n in built])).any():
                panel.annotate(
                    "no specimen shows it", (0.5, 0.5), xycoords="axes fraction", ha="center", color=GREY
                )
        legend_below(
            figure,
            panels[0],
            4,
            title="larger: more of the volume; full: all six numbers match",
            title_fontsize=7,
        )

    return draw(build, path, columns)
