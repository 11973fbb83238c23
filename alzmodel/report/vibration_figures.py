"""Figures of vibrations and Raman spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.report.drawing import (
    GREY,
    above_zero,
    array,
    draw,
    grid,
    legend_below,
    looks_of,
    name_once,
    require,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from alzmodel.report.drawing import Columns

__all__ = ["plot_densities", "plot_parity", "plot_raman", "plot_unit_densities"]

AXIS: Final = "frequency (cm⁻¹)"
SHIFT: Final = "Raman shift (cm⁻¹)"
MOST_INSIDE: Final = 3
"""Labels of a parity plot that stand above its line."""


def plot_densities(result: Mapping[str, Any], path: str | Path) -> tuple[Path, ...]:
    """Draw the partial densities of states of one model, or of several with their spread.

    Parameters
    ----------
    result
        What ``alzmodel vibrations --json`` prints.
    path
        A file ending in .png, .svg, .pdf or .csv, or a name without ending for PNG, SVG and CSV.
    """
    density = result["vdos"]
    require(density, "densities of states")
    x, n = array(density["grid"]), float(result["n_atoms"])
    elements = [name for name in density["by_element"] if not name.endswith("_std")]
    columns: Columns = {AXIS: x, "total (1/cm⁻¹, per atom)": array(density["total"]) / n}
    for element in elements:
        columns[f"{element} (1/cm⁻¹, per atom)"] = array(density["by_element"][element]) / n

    def build(figure: Figure) -> None:
        figure.set_size_inches(5.0, 3.0)
        panel = figure.subplots()
        panel.fill_between(x, array(density["total"]) / n, color="#dddddd", linewidth=0, label="total")
        for element, look in looks_of(elements).items():
            values = array(density["by_element"][element]) / n
            panel.plot(x, values, label=element, **look.line)
            spread = density["by_element"].get(f"{element}_std")
            if spread is not None:
                band = above_zero(values, array(spread) / n)
                panel.fill_between(x, *band, color=look.color, alpha=0.25, linewidth=0)
        panel.set(xlabel=AXIS, ylabel="modes per atom and cm⁻¹", xlim=(0, x[-1]), ylim=(0, None))
        panel.legend()

    return draw(build, path, columns)


def plot_unit_densities(
    curves: Mapping[str, Mapping[str, Any]],
    path: str | Path,
    *,
    ordinate: str = "weight (10⁻³/cm⁻¹)",
    scale: float = 1e3,
) -> tuple[Path, ...]:
    """Draw spectra of units or densities of elements, a panel each, one curve with its spread over seeds a label.

    Parameters
    ----------
    curves
        Label, such as ``"x = 1.5"``, to ``{"grid": (n,), "ZrO6 A1g": (n,), "ZrO6 A1g_std": (n,), …}``.
    path
        As for :func:`plot_densities`.
    ordinate, scale
        Name of the upright axis, and what the values are multiplied by.
    """
    require(curves, "spectra")
    wanted = list(
        dict.fromkeys(
            name for one in curves.values() for name in one if name != "grid" and not name.endswith("_std")
        )
    )
    require(wanted, "spectra")
    looks = looks_of(curves)
    columns: Columns = {}
    for label, one in curves.items():
        columns[f"{label}, {AXIS}"] = array(one["grid"])
        for name in wanted:
            if name in one:
                columns[f"{label}, {name}"] = scale * array(one[name])

    def build(figure: Figure) -> None:
        panels = grid(figure, len(wanted))
        for panel, name in zip(panels, wanted, strict=True):
            for label, one in curves.items():
                if name not in one:
                    continue
                x, values = array(one["grid"]), scale * array(one[name])
                if f"{name}_std" in one:
                    band = above_zero(values, scale * array(one[f"{name}_std"]))
                    panel.fill_between(x, *band, color=looks[label].color, alpha=0.25, linewidth=0)
                panel.plot(x, values, label=label, **looks[label].line)
            panel.set(xlabel=AXIS, ylabel=ordinate, title=name, xlim=(0, None), ylim=(0, None))
        name_once(panels)
        legend_below(figure, panels[0], len(curves))

    return draw(build, path, columns)


def plot_parity(rows: Sequence[Mapping[str, Any]], path: str | Path) -> tuple[Path, ...]:
    """Draw computed over reference frequencies of crystals, one marker a potential and phase.

    Parameters
    ----------
    rows
        ``{"label", "reference", "computed"}``: cm⁻¹ of each line, the same length.
    path
        As for :func:`plot_densities`.
    """
    require(rows, "crystals")
    looks = looks_of([str(row["label"]) for row in rows])
    columns: Columns = {}
    for row in rows:
        columns[f"{row['label']}, reference (cm⁻¹)"] = array(row["reference"])
        columns[f"{row['label']}, computed (cm⁻¹)"] = array(row["computed"])
    end = (
        max(float(np.max([array(row["reference"]).max(), array(row["computed"]).max()])) for row in rows)
        * 1.05
    )

    def build(figure: Figure) -> None:
        figure.set_size_inches(3.6, 3.8 + (0.2 * len(rows) if len(rows) > MOST_INSIDE else 0.0))
        panel = figure.subplots()
        panel.plot([0, end], [0, end], color=GREY, linewidth=0.8)
        for row in rows:
            look = looks[str(row["label"])]
            panel.plot(
                array(row["reference"]),
                array(row["computed"]),
                look.marker,
                color=look.color,
                markersize=4,
                label=row["label"],
                linestyle="none",
            )
        panel.set(
            xlabel="reference (cm⁻¹)", ylabel="computed (cm⁻¹)", xlim=(0, end), ylim=(0, end), aspect="equal"
        )
        if len(rows) > MOST_INSIDE:
            legend_below(figure, panel, 1)
        else:
            panel.legend()

    return draw(build, path, columns)


def plot_raman(spectrum: Mapping[str, Any], path: str | Path) -> tuple[Path, ...]:
    """Draw VV, VH and their sum, with the range that the table of bonds leaves to the sum.

    Parameters
    ----------
    spectrum
        The key ``raman`` of ``alzmodel raman --json``.
    path
        As for :func:`plot_densities`.
    """
    require(spectrum, "Raman spectrum")
    x = array(spectrum["shift"])
    names = ("VV", "VH", "unpolarised", "low", "high")
    columns: Columns = {SHIFT: x, **{name: array(spectrum[name]) for name in names}}

    def build(figure: Figure) -> None:
        figure.set_size_inches(5.0, 3.0)
        panel = figure.subplots()
        panel.fill_between(
            x,
            columns["low"],
            columns["high"],
            color="#cccccc",
            linewidth=0,
            label="5–95 % of the ranges of the table",
        )
        for name, look in zip(("unpolarised", "VV", "VH"), looks_of(("a", "b", "c")).values(), strict=True):
            panel.plot(
                x, columns[name], label=name, linewidth=1.2 if name == "unpolarised" else 0.8, **look.line
            )
        panel.set(xlabel=SHIFT, ylabel="intensity (relative)", xlim=(0, x[-1]), ylim=(0, None))
        legend_below(figure, panel, 4)

    return draw(build, path, columns)
