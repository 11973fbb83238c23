"""Figures for a paper: PNG and SVG, or PDF, with the numbers drawn beside them as CSV.

Every function takes plain mappings of arrays, keyed as the ``--json`` output is, and writes the same bytes for the
same input, with the same versions and on the same type of CPU. Curves differ by line style and lightness as well as
by colour, so that they are told apart in grey.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.errors import InputError
from alzmodel.report.drawing import (
    GREY,
    PALE,
    above_zero,
    array,
    bars_above_zero,
    draw,
    grid,
    legend_below,
    looks_of,
    mark,
    name_once,
    pair_name,
    require,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from alzmodel.report.drawing import Columns

__all__ = [
    "plot_coordination",
    "plot_fem",
    "plot_history",
    "plot_pdf",
    "plot_sharing",
    "plot_totals",
    "plot_xrd",
]


def plot_pdf(
    curves: Mapping[str, Mapping[str, Any]],
    path: str | Path,
    *,
    pairs: Sequence[str] | None = None,
    r_max: float = 8.0,
) -> tuple[Path, ...]:
    """Draw partial pair distribution functions g(r), one panel a pair, one curve a label.

    Parameters
    ----------
    curves
        Label to ``{"r": (n,), "partials": {"La-O": (n,), "La-O_std": (n,), …}}``, r in Å; the spreads may be missing.
    path
        A file ending in .png, .svg, .pdf or .csv, or a name without ending for PNG, SVG and CSV.
    pairs
        Which to draw; left out: all, in the order of the first label.
    r_max
        Å; right end of the axis.

    Raises
    ------
    InputError
        If there is nothing to draw, a pair is not there, or the ending is none of the formats.
    """
    require(curves, "PDF curves")
    known = [name for name in next(iter(curves.values()))["partials"] if not name.endswith("_std")]
    wanted = list(pairs) if pairs is not None else known
    for name in wanted:
        if name not in known:
            raise InputError(f"pair: {name!r}; allowed: {', '.join(known)}")
    require(wanted, "pairs")
    looks = looks_of(curves)
    columns: Columns = {}
    for label, curve in curves.items():
        columns[f"r (Å) {label}"] = array(curve["r"])
        for name in wanted:
            columns[f"g {name} {label}"] = array(curve["partials"].get(name, ()))

    def build(figure: Figure) -> None:
        panels = grid(figure, len(wanted))
        for panel, name in zip(panels, wanted, strict=True):
            for label, curve in curves.items():
                if name not in curve["partials"]:
                    continue
                r, g = array(curve["r"]), array(curve["partials"][name])
                inside = r <= r_max
                panel.plot(r[inside], g[inside], label=label, **looks[label].line)
                spread = curve["partials"].get(f"{name}_std")
                if spread is not None:
                    panel.fill_between(
                        r[inside],
                        *above_zero(g[inside], array(spread)[inside]),
                        color=looks[label].color,
                        alpha=0.2,
                        linewidth=0,
                    )
            panel.axhline(1, color=GREY, linewidth=0.5, zorder=0)
            panel.set(xlim=(1.0, r_max), ylim=(0, None), xlabel="r (Å)", ylabel="g(r)", title=pair_name(name))
        name_once(panels)
        legend_below(figure, panels[0], len(curves))

    return draw(build, path, columns)


def plot_totals(
    curves: Mapping[str, Mapping[str, Any]], path: str | Path, *, r_max: float = 12.0
) -> tuple[Path, ...]:
    """Draw total pair distribution functions G(r) above each other, each raised by the same step.

    Parameters
    ----------
    curves
        Label to ``{"r": (n,) Å, "G": (n,) Å⁻²}``, the lowest curve first.
    path
        As for :func:`plot_pdf`.
    r_max
        Å; right end of the axis.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    require(curves, "G(r)")
    looks = looks_of(curves)
    columns: Columns = {}
    for label, curve in curves.items():
        columns[f"r (Å) {label}"] = array(curve["r"])
        columns[f"G (Å⁻²) {label}"] = array(curve["G"])

    def build(figure: Figure) -> None:
        figure.set_size_inches(5.6, 1.4 + 0.55 * len(curves))
        panel = figure.subplots()
        inside = {label: array(curve["r"]) <= r_max for label, curve in curves.items()}
        step = 0.7 * max(float(np.ptp(array(curve["G"])[inside[label]])) for label, curve in curves.items())
        for number, (label, curve) in enumerate(curves.items()):
            r, total = array(curve["r"])[inside[label]], array(curve["G"])[inside[label]]
            panel.plot(r, total + step * number, **(looks[label].line | {"linestyle": "-"}))
            panel.axhline(step * number, color=GREY, linewidth=0.4, zorder=0)
            panel.annotate(
                label,
                (r_max, step * number),
                xytext=(3, 3),
                textcoords="offset points",
                color=looks[label].color,
                va="bottom",
                annotation_clip=False,
            )
        words = "G(r) (Å⁻²)" if len(curves) == 1 else f"G(r) (Å⁻²), each raised by {step:.2g}"
        panel.set(xlim=(0, r_max), xlabel="r (Å)", ylabel=words)

    return draw(build, path, columns)


def plot_coordination(units: Mapping[str, Mapping[str, Any]], path: str | Path) -> tuple[Path, ...]:
    """Draw how many oxygens the cations have, one panel a cation.

    Parameters
    ----------
    units
        Label to ``{"Zr": {"histogram": {"6": fraction, …}, "mean_coordination": …}, …}`` as ``alzmodel lbu`` gives.
    path
        As for :func:`plot_pdf`.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    require(units, "coordination")
    cations = list(dict.fromkeys(name for one in units.values() for name in one if "histogram" in one[name]))
    require(cations, "coordination histograms")
    looks = looks_of(units)
    rows: list[tuple[Any, ...]] = []
    data: dict[tuple[str, str], tuple[list[int], list[float], list[float]]] = {}
    for label, cation in itertools.product(units, cations):
        histogram = units[label].get(cation, {}).get("histogram", {})
        numbers = sorted(int(float(key)) for key in histogram if not str(key).endswith("_std"))
        by_number = {
            int(float(key)): value for key, value in histogram.items() if not str(key).endswith("_std")
        }
        spreads = {
            int(float(key[:-4])): value for key, value in histogram.items() if str(key).endswith("_std")
        }
        fractions = [float(by_number[number]) for number in numbers]
        spread = [float(spreads.get(number, math.nan)) for number in numbers]
        total = math.fsum(fractions) or 1.0
        data[label, cation] = numbers, [f / total for f in fractions], [s / total for s in spread]
        rows += [(label, cation, *row) for row in zip(*data[label, cation], strict=True)]
    columns: Columns = dict(
        zip(("label", "cation", "oxygens", "fraction", "fraction std"), zip(*rows, strict=True), strict=True)
    )

    def build(figure: Figure) -> None:
        from matplotlib.ticker import MaxNLocator

        panels = grid(figure, len(cations), height=2.1)
        means = {
            label: ", ".join(
                f"{cation} {float(one[cation]['mean_coordination']):.2f}"
                if "mean_coordination" in one.get(cation, {})
                else f"{cation} none"
                for cation in cations
                if not data[label, cation][0] or "mean_coordination" in one[cation]
            )
            for label, one in units.items()
        }
        for panel, cation in zip(panels, cations, strict=True):
            shown = [
                number
                for label in units
                for number, value in zip(*data[label, cation][:2], strict=True)
                if value >= 0.002 * max(data[label, cation][1])
            ]
            for order, label in enumerate(units):
                numbers, fractions, spread = data[label, cation]
                look = looks[label]
                panel.errorbar(
                    numbers,
                    fractions,
                    yerr=None if np.isnan(spread).all() else bars_above_zero(fractions, spread, most=1.0),
                    marker=look.marker,
                    # The first is the largest and lies lowest: at one place all stay visible.
                    markersize=max(3.0, 8.0 - 1.2 * order),
                    markerfacecolor="white" if order % 2 else look.color,
                    label=f"{label}: mean {means[label]}" if means[label] else label,
                    capsize=max(1.5, 4.0 - 0.5 * order),
                    elinewidth=0.8,
                    linewidth=0.9,
                    zorder=3 + 0.1 * order,
                    **look.line,
                )
            panel.set(
                xlabel=f"oxygens around {cation}", ylabel="fraction", title=f"{cation}–O", ylim=(0, None)
            )
            panel.margins(y=0.08)
            if shown:
                panel.set_xlim(min(shown) - 0.6, max(shown) + 0.6)
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        legend_below(figure, panels[0], 1 if len(cations) > 1 else 2)
        figure.set_size_inches(figure.get_figwidth(), figure.get_figheight() + 0.15 * len(units))
        name_once(panels)

    return draw(build, path, columns)


def plot_sharing(sharing: Mapping[str, Mapping[str, Any]], path: str | Path) -> tuple[Path, ...]:
    """Draw how neighbouring polyhedra share oxygens: stacked bars of corner, edge, face and none.

    Parameters
    ----------
    sharing
        Label to ``{"Zr-La": {"corner", "edge", "face", "none"}, …}`` as ``alzmodel lbu`` gives, fractions of pairs.
    path
        As for :func:`plot_pdf`.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    require(sharing, "sharing")
    pairs = list(dict.fromkeys(name for one in sharing.values() for name in one))
    require(pairs, "pairs")
    kinds = {
        "corner": ("#0b2f6b", ""),
        "edge": ("#c4673f", "////"),
        "face": ("#a9cfe0", "...."),
        "none": ("#f2f2f2", ""),
    }
    cells = [
        (
            label,
            pair_name(name),
            kind,
            sharing[label].get(name, {}).get(kind),
            sharing[label].get(name, {}).get(f"{kind}_std"),
        )
        for label, name, kind in itertools.product(sharing, pairs, kinds)
    ]
    columns: Columns = dict(
        zip(("label", "pair", "kind", "fraction", "fraction std"), zip(*cells, strict=True), strict=True)
    )

    def build(figure: Figure) -> None:
        panels = grid(figure, len(pairs), height=0.55 + 0.28 * len(sharing), most=2, width=3.3)
        for panel, name in zip(panels, pairs, strict=True):
            left = np.zeros(len(sharing))
            for kind, (color, hatch) in kinds.items():
                widths = np.array([float(one.get(name, {}).get(kind) or 0.0) for one in sharing.values()])
                panel.barh(
                    list(sharing),
                    widths,
                    left=left,
                    color=color,
                    hatch=hatch,
                    edgecolor="black",
                    linewidth=0.5,
                    label=kind,
                )
                left += widths
            panel.invert_yaxis()
            panel.set(xlim=(0, 1), xlabel="fraction of neighbouring pairs", title=pair_name(name))
        name_once(panels)
        legend_below(figure, panels[0], len(kinds))

    return draw(build, path, columns)


def plot_xrd(
    patterns: Mapping[str, Mapping[str, Any]],
    path: str | Path,
    *,
    measured_lines: Sequence[tuple[float, str]] = (),
    wavelength: float | None = None,
) -> tuple[Path, ...]:
    """Draw powder patterns above each other, each scaled to its own highest point.

    Parameters
    ----------
    patterns
        Label to ``{"two_theta": (n,) degrees, "intensity": (n,)}``, the lowest curve first; ``intensity_std`` may be
        there.
    path
        As for :func:`plot_pdf`.
    measured_lines
        2θ in degrees and a few words, such as ``(28.5, "222")``; drawn as vertical lines.
    wavelength
        Å; named on the axis.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    require(patterns, "patterns")
    looks = looks_of(patterns)
    columns: Columns = {}
    for label, pattern in patterns.items():
        columns[f"2θ (°) {label}"] = array(pattern["two_theta"])
        columns[f"intensity {label}"] = array(pattern["intensity"])

    def build(figure: Figure) -> None:
        figure.set_size_inches(5.6, 1.2 + 0.75 * len(patterns))
        panel = figure.subplots()
        low = min(float(array(pattern["two_theta"]).min()) for pattern in patterns.values())
        high = max(float(array(pattern["two_theta"]).max()) for pattern in patterns.values())
        for number, (label, pattern) in enumerate(patterns.items()):
            angle, intensity = array(pattern["two_theta"]), array(pattern["intensity"])
            top = np.nanmax(intensity) if np.isfinite(intensity).any() else 1.0
            height = intensity / (top or 1.0) + 1.12 * number
            panel.plot(angle, height, **(looks[label].line | {"linestyle": "-"}))
            spread = pattern.get("intensity_std")
            if spread is not None:
                band = above_zero(intensity, spread) / (top or 1.0) + 1.12 * number
                panel.fill_between(angle, *band, color=looks[label].color, alpha=0.25, linewidth=0)
            panel.annotate(
                label,
                (high, 1.12 * number),
                xytext=(3, 3),
                textcoords="offset points",
                color=looks[label].color,
                va="bottom",
                annotation_clip=False,
            )
        mark(panel, [line for line in measured_lines if low <= line[0] <= high], upright=False)
        name = "2θ (°)" if wavelength is None else f"2θ (°), λ = {wavelength:g} Å"
        panel.set(xlim=(low, high), ylim=(-0.05, None), yticks=[], xlabel=name, ylabel="intensity (scaled)")

    return draw(build, path, columns)


def plot_fem(
    curves: Mapping[str, Mapping[str, Any]],
    path: str | Path,
    *,
    controls: Sequence[str] = (),
    fits: Mapping[str, Mapping[str, Any]] | None = None,
    measured_lines: Sequence[tuple[float, str]] = (),
    windows: Sequence[tuple[float, float]] = (),
    log: bool = False,
) -> tuple[Path, ...]:
    """Draw the normalised variance V(k).

    Parameters
    ----------
    curves
        Label to ``{"k": (n,) nm⁻¹, "variance": (n,)}``, and ``variance_std`` or ``low`` and ``high`` for a band.
    path
        As for :func:`plot_pdf`.
    controls
        Labels drawn thin and grey: random gases built the same way.
    fits
        Label to ``{"k": (m,), "fit": (m,)}``.
    measured_lines
        k in nm⁻¹ and a few words; drawn as vertical lines.
    windows
        Ranges of k in nm⁻¹ that are shaded: where measured peaks were fitted.
    log
        Logarithmic V, for curves that differ by tens.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    require(curves, "FEM curves")
    looks = looks_of(label for label in curves if label not in controls)
    columns: Columns = {}
    for label, curve in curves.items():
        columns[f"k (1/nm) {label}"] = array(curve["k"])
        columns[f"V {label}"] = array(curve["variance"])
    for label, fit in (fits or {}).items():
        columns[f"k (1/nm) fit {label}"] = array(fit["k"])
        columns[f"V fit {label}"] = array(fit["fit"])

    def build(figure: Figure) -> None:
        figure.set_size_inches(5.6, 3.4)
        panel = figure.subplots()
        for low, high in windows:
            panel.axvspan(low, high, color="#eeeeee", linewidth=0, zorder=0)
        for label, curve in curves.items():
            k, variance = array(curve["k"]), array(curve["variance"])
            if label in controls:
                panel.plot(k, variance, color=GREY, linewidth=0.9, linestyle=(0, (1, 1)), label=label)
                continue
            panel.plot(k, variance, label=label, **looks[label].line)
            band = _band(curve, variance)
            if band is not None:
                panel.fill_between(k, *band, color=looks[label].color, alpha=0.2, linewidth=0)
            fit = (fits or {}).get(label)
            if fit is not None:
                words = "fits" if label == [one for one in curves if one in (fits or {})][-1] else None
                # Broad and pale below the curve: it shows where it departs from it and hides nothing.
                panel.plot(
                    array(fit["k"]),
                    array(fit["fit"]),
                    color=PALE,
                    linewidth=3.2,
                    zorder=1.5,
                    label=words,
                )
        mark(panel, measured_lines)
        limits = {"yscale": "log"} if log else {"ylim": (0, None)}
        panel.set(xlabel="k = 1/d (nm⁻¹)", ylabel="normalised variance V(k)", **limits)
        panel.margins(x=0)
        if len(curves) > 4:
            across = 2 if max(map(len, curves)) < 34 else 1
            figure.set_size_inches(5.6, 3.2 + 0.16 * math.ceil((len(curves) + 1) / across))
            legend_below(figure, panel, across)
        else:
            panel.legend(loc="upper right")

    return draw(build, path, columns)


def _band(curve: Mapping[str, Any], variance: np.ndarray[Any, Any]) -> tuple[Any, Any] | None:
    if "low" in curve and "high" in curve:
        return array(curve["low"]), array(curve["high"])
    if "variance_std" in curve:
        low, high = above_zero(variance, curve["variance_std"])
        return low, high
    return None


def plot_history(histories: Mapping[str, Mapping[str, Any]], path: str | Path) -> tuple[Path, ...]:
    """Draw temperature and density over the simulated time.

    Parameters
    ----------
    histories
        Label to ``{"time_ps": (n,), "temperature": (n,) K, "density": (n,) g/cm³}`` as the provenance of a glass
        holds under ``thermo``.
    path
        As for :func:`plot_pdf`.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    require(histories, "histories")
    looks = looks_of(histories)
    axes_of = {"temperature": "temperature (K)", "density": "density (g/cm³)"}
    columns: Columns = {}
    for label, history in histories.items():
        columns[f"time (ps) {label}"] = array(history["time_ps"])
        for key, name in axes_of.items():
            columns[f"{name} {label}"] = array(history[key])

    def build(figure: Figure) -> None:
        figure.set_size_inches(5.6, 3.6)
        panels = figure.subplots(2, 1, sharex=True)
        for panel, (key, name) in zip(panels, axes_of.items(), strict=True):
            for label, history in histories.items():
                panel.plot(
                    array(history["time_ps"]),
                    array(history[key]),
                    label=label,
                    linewidth=1.0,
                    **looks[label].line,
                )
            panel.set_ylabel(name)
        panels[-1].set_xlabel("time (ps)")
        panels[-1].margins(x=0)
        legend_below(figure, panels[0], len(histories))

    return draw(build, path, columns)
