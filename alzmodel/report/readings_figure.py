"""Bond or reflection: V(k), the pairs that make it up, and their shares in the two published peaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.report.drawing import GREY, PALE, draw, looks_of, mark, pair_name, width_bars
from alzmodel.scattering.fem.fit import TWO_WINDOWS
from alzmodel.scattering.fem.readings import EHRENFEST, REFLECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from alzmodel.report.drawing import Columns
    from alzmodel.scattering.fem.readings import FEMReadings

__all__ = ["plot_readings"]

DRAWN_PAIRS = 5
"""Curves of single pairs; the others are drawn together."""


def plot_readings(
    readings: FEMReadings,
    path: str | Path,
    *,
    lattice_parameter: float = 10.805,
    measured: Sequence[tuple[str, float, float]] = (),
) -> tuple[Path, ...]:
    """Draw what decides between a bond and a reflection.

    Parameters
    ----------
    readings
        From :func:`alzmodel.scattering.fem.readings.read_peaks`, with its attribution.
    path
        As for :func:`alzmodel.report.figures.plot_pdf`.
    lattice_parameter
        Å, of the pyrochlore whose reflections are marked.
    measured
        A few words, position and full width at half maximum in nm⁻¹ of measured peaks, drawn as bars.

    Raises
    ------
    InputError
        If the ending is none of the formats.

    Notes
    -----
    Top: V(k), fits and gas; solid marks are reflections, dotted ones the k at which a bond of the model scatters most
    by itself (1.23/r), triangles the k = 1/r at which it was looked for. Below: the variance by pairs, and the shares
    of pairs in the two windows beside those of a gas.
    """
    result = readings.result
    curves = _curves(readings)
    columns: Columns = {"k (1/nm)": result.k, "V": result.variance["omega"], "floor": result.floor}
    if readings.gas is not None:
        columns["V gas"] = np.interp(result.k, readings.gas.k, readings.gas.variance["omega"])
    columns |= {f"V of {name}": values for name, values in curves.items()}
    columns |= {"k (1/nm) fit": readings.fit.k, "V fit": readings.fit.curve}
    for label, window in TWO_WINDOWS.items():
        for head, parts in (("", readings.parts), (" gas", readings.gas_parts)):
            if parts is not None:
                shares = parts.shares(*window)
                columns[f"pair{head} {label}"] = list(shares)
                columns[f"share{head} {label}"] = list(shares.values())

    def build(figure: Figure) -> None:
        figure.set_size_inches(5.6, 6.6)
        layout: dict[str, Axes] = figure.subplot_mosaic(
            [["V", "V"], ["pairs", "pairs"], [*TWO_WINDOWS]], height_ratios=[1.25, 1, 1]
        )
        _variance(layout["V"], readings, lattice_parameter, measured)
        looks = looks_of(curves)
        for name, values in curves.items():
            layout["pairs"].plot(result.k, values, label=pair_name(name), **looks[name].line)
        layout["pairs"].plot(result.k, result.variance["omega"], color="black", linewidth=0.7, label="sum")
        layout["pairs"].axhline(0, color=GREY, linewidth=0.5, zorder=0)
        layout["pairs"].set(xlabel="k = 1/d (nm⁻¹)", ylabel="part of V(k)")
        layout["pairs"].margins(x=0)
        layout["pairs"].legend(loc="upper right", ncols=2)
        for label, window in TWO_WINDOWS.items():
            _shares(layout[label], readings, label, window)

    return draw(build, path, columns)


def _curves(readings: FEMReadings) -> dict[str, Any]:
    """Variance of the pairs that matter most within the windows, and of all others together."""
    if readings.parts is None:
        return {}
    variance = readings.parts.variance
    weight = {
        name: max(abs(readings.parts.shares(*window)[name]) for window in TWO_WINDOWS.values())
        for name in variance
    }
    order = sorted(variance, key=lambda name: -weight[name])
    shown = {name: np.asarray(variance[name]) for name in order[:DRAWN_PAIRS]}
    if order[DRAWN_PAIRS:]:
        shown["other pairs"] = np.sum([variance[name] for name in order[DRAWN_PAIRS:]], axis=0)
    return shown


def _variance(
    panel: Axes,
    readings: FEMReadings,
    lattice_parameter: float,
    measured: Sequence[tuple[str, float, float]],
) -> None:
    result = readings.result
    for low, high in TWO_WINDOWS.values():
        panel.axvspan(low, high, color="#eeeeee", linewidth=0, zorder=0)
    panel.plot(result.k, result.variance["omega"], color="#0b2f6b", label="model")
    if np.isfinite(result.variance_ci95["omega"]).all():
        panel.fill_between(
            result.k, *result.variance_ci95["omega"].T, color="#0b2f6b", alpha=0.2, linewidth=0
        )
    if readings.gas is not None:
        panel.plot(
            readings.gas.k,
            readings.gas.variance["omega"],
            color=GREY,
            linewidth=0.9,
            linestyle=(0, (1, 1)),
            label="random gas",
        )
    gaps = np.flatnonzero(np.diff(readings.fit.k) > 1.0) + 1
    if any(peak.significant for peak in readings.fit.peaks):
        panel.plot(
            np.insert(readings.fit.k, gaps, np.nan),
            np.insert(readings.fit.curve, gaps, np.nan),
            color=PALE,
            linewidth=3.2,
            zorder=1.5,
            label="fits",
        )
    top = float(result.variance["omega"].max())
    # Below zero stands where bonds would be looked for.
    strip = 0.08 * len(readings.bonds)
    panel.set_ylim(-top * strip, top * (1.28 + 0.09 * len(measured)))
    panel.set_yticks([tick for tick in panel.get_yticks() if 0 <= tick <= 1.1 * top])
    panel.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    width_bars(panel, measured, top * 1.08, top * 0.09)
    mark(panel, [(10 * root / lattice_parameter, hkl) for hkl, root in REFLECTIONS.items()])
    for number, (pair, length) in enumerate(readings.bonds.items()):
        for k, marker, words in ((10 * EHRENFEST / length, "|", "1.23/r"), (10 / length, "^", "1/r")):
            if result.k[0] <= k <= result.k[-1]:
                height = -top * 0.08 * (number + 0.5)
                panel.plot(
                    k, height, marker=marker, color="#b8481c", markersize=5, linestyle="none", zorder=4
                )
                panel.annotate(
                    f"{words}, {pair_name(pair)}",
                    (k, height),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=6,
                    color="#b8481c",
                )
    panel.set(xlabel="k = 1/d (nm⁻¹)", ylabel="normalised variance V(k)")
    panel.margins(x=0)
    # Above all curves and marks, on a ground of its own: only the lines of reflections reach up to here.
    panel.legend(
        loc="upper right", ncols=3, borderaxespad=0.2, frameon=True, framealpha=1.0, edgecolor="none"
    )


def _shares(panel: Axes, readings: FEMReadings, label: str, window: tuple[float, float]) -> None:
    peak = readings.fit[label]
    if readings.parts is not None:
        shares = readings.parts.shares(*window)
        order = sorted(shares, key=lambda name: -abs(shares[name]))[: DRAWN_PAIRS + 1]
        panel.barh(
            [pair_name(name) for name in order],
            [shares[name] for name in order],
            color="#4fa7c4",
            edgecolor="black",
            linewidth=0.5,
        )
        if readings.gas_parts is not None:
            gas = readings.gas_parts.shares(*window)
            panel.plot(
                [gas.get(name, 0.0) for name in order],
                [pair_name(name) for name in order],
                marker="o",
                color="black",
                markerfacecolor="white",
                markersize=4,
                linestyle="none",
                label="in a gas",
            )
            panel.legend(loc="lower right")
        panel.axvline(0, color="black", linewidth=0.5)
        panel.invert_yaxis()
    n = readings.exponents.get(label)
    thickness = "" if n is None or np.isnan(n) else f", V ∝ tⁿ with n = {n:.2f}"
    words = f"k = {peak.k:.2f}, FWHM {peak.fwhm:.2f} nm⁻¹" if peak.significant else "no peak stands out"
    panel.set(xlabel=f"share of V, {window[0]:g} to {window[1]:g} nm⁻¹")
    panel.set_title(words + thickness, fontsize=6.5)
