"""Mean square displacements over time, and diffusion coefficients over temperature with their fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.dynamics.diffusion import MSD_NEEDED
from alzmodel.report.drawing import (
    COLOURS,
    GREY,
    above_zero,
    bars_above_zero,
    draw,
    legend_below,
    looks_of,
    require,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from alzmodel.dynamics.transport import TemperatureTransport, Transport
    from alzmodel.report.drawing import Columns

__all__ = ["plot_displacements", "plot_transport"]

ROOM: Final = 300.0


def plot_transport(found: Transport, path: str | Path) -> tuple[Path, ...]:
    """Draw the displacements of the mobile ions at each temperature, and what follows from them.

    Parameters
    ----------
    found
        Of one composition and potential.
    path
        A file ending in .png, .svg, .pdf or .csv, or a name without ending for PNG, SVG and CSV.

    Raises
    ------
    InputError
        If the ending is unknown.
    """
    known = [one for one in found.temperatures if math.isfinite(one.temperature)]
    columns: Columns = {}
    for one, label in _labelled(found):
        columns[f"t (ps), {label}"] = one.lag
        columns[f"MSD (Å²), {label}"] = one.msd[one.mobile]
    if known:
        columns["T (K)"] = [one.temperature for one in known]
        columns["D (cm²/s)"] = [one.D[one.mobile].value for one in known]
        columns["D, low"], columns["D, high"] = above_zero(
            columns["D (cm²/s)"], [_half(one) for one in known]
        )

    right = any(one.diffusive for one in known)

    def build(figure: Figure) -> None:
        figure.set_size_inches(6.2 if right else 3.8, 2.9)
        panels = figure.subplots(1, 2 if right else 1, squeeze=False)[0]
        shown = {
            label if one.diffusive else f"{label}, not diffusive": (one.lag, one.msd[one.mobile])
            for one, label in _labelled(found)
        }
        _displacements(panels[0], shown, found.temperatures[0].mobile)
        if right:
            _arrhenius(panels[1], known, found)
        legend_below(figure, panels[0], 4)

    return draw(build, path, columns)


def _labelled(found: Transport) -> list[tuple[TemperatureTransport, str]]:
    return [
        (one, f"{one.temperature:g} K" if math.isfinite(one.temperature) else one.mobile)
        for one in found.temperatures
    ]


def plot_displacements(
    curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], mobile: str, path: str | Path
) -> tuple[Path, ...]:
    """Draw mean square displacements of several models over time.

    Parameters
    ----------
    curves
        Label to times in ps and displacements in Å², (n,) each.
    mobile
        Element.
    path
        As for :func:`plot_transport`.

    Raises
    ------
    InputError
        If there is no curve, or the ending is unknown.
    """
    require(curves, "transport")
    columns: Columns = {}
    for label, (time, squared) in curves.items():
        columns[f"t (ps), {label}"] = time
        columns[f"MSD (Å²), {label}"] = squared

    def build(figure: Figure) -> None:
        figure.set_size_inches(3.8, 3.2)
        panel = figure.subplots()
        _displacements(panel, curves, mobile)
        legend_below(figure, panel, 2)

    return draw(build, path, columns)


def _displacements(
    panel: Axes, curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], mobile: str
) -> None:
    for (label, (time, squared)), look in zip(curves.items(), looks_of(curves).values(), strict=True):
        panel.plot(time, squared, label=label, **look.line)
    words = f"{MSD_NEEDED:g} Å²: less gives no D"
    panel.axhline(MSD_NEEDED, color=GREY, linewidth=0.6, linestyle=(0, (4, 2)), zorder=0, label=words)
    panel.set(
        xscale="log", yscale="log", xlabel="time (ps)", ylabel=f"mean square displacement of {mobile} (Å²)"
    )


def _half(one: TemperatureTransport) -> float:
    """Half of the 95 % interval of D; drawn as :func:`alzmodel.report.drawing.above_zero` has it."""
    low, high = one.D[one.mobile].ci95
    return (high - low) / 2


def _arrhenius(panel: Axes, known: Sequence[TemperatureTransport], found: Transport) -> None:
    for one in (one for one in known if one.diffusive):
        own = one.D[one.mobile]
        panel.errorbar(
            1000 / one.temperature,
            own.value,
            yerr=bars_above_zero([own.value], [_half(one)]),
            fmt="o",
            color=COLOURS[0],
            # A framework that flows takes no part in the fit.
            markerfacecolor="white" if one.framework_moves else COLOURS[0],
            markersize=3.5,
            capsize=2,
            linewidth=0.8,
        )
    if found.fit is not None:
        kelvin = np.linspace(float(found.fit.used.max()), ROOM, 60)
        middle, bottom, top = (np.array(one) for one in zip(*map(found.fit.at, kelvin), strict=True))
        inside = kelvin >= found.fit.used.min()
        panel.plot(1000 / kelvin[inside], middle[inside], color=COLOURS[0], linewidth=0.9)
        panel.plot(1000 / kelvin, middle, color=COLOURS[0], linewidth=0.7, linestyle=(0, (4, 2)))
        panel.fill_between(1000 / kelvin, bottom, top, color=COLOURS[2], alpha=0.25, linewidth=0)
        energy, ends = found.fit.value, found.fit.ci95
        panel.set_title(f"Ea = {energy:.2f} ({ends[0]:.2f} to {ends[1]:.2f}) eV")
        panel.annotate("extrapolated to 300 K", (0.97, 0.9), xycoords="axes fraction", ha="right", fontsize=7)
    panel.set(xlabel="1000 / T (1/K)", ylabel="D (cm²/s)", yscale="log")
