"""Measured points, the computed curve laid over them, and what is left between the two."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.report.drawing import COLOURS, GREY, array, draw, legend_below, looks_of, require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from alzmodel.report.drawing import Columns

__all__ = ["AXIS_NAMES", "plot_against", "plot_against_several"]

_LINE: Final = 84
"""Letters of a line of the title."""

AXIS_NAMES: Final = {
    "two_theta": "2θ (°)",
    "Q": "Q (Å⁻¹)",
    "r": "r (Å)",
    "k": "k (nm⁻¹)",
    "shift": "Raman shift (cm⁻¹)",
}
_ORDINATES: Final = {
    "two_theta": "intensity",
    "Q": "S(Q), F(Q)",
    "r": "G(r) (Å⁻²)",
    "k": "normalised variance",
    "shift": "intensity",
}


def plot_against(
    agreement: Mapping[str, Any],
    abscissa: str,
    path: str | Path,
    *,
    ordinate: str | None = None,
    parts: Mapping[str, Any] | None = None,
    words: str = "",
) -> tuple[Path, ...]:
    """Draw an observed curve, the calculated one and its background, and the residual below on the same scale.

    Parameters
    ----------
    agreement
        ``{"x": (n,), "observed": (n,), "calculated": (n,), "background": (n,), "rwp": number}``, as the key ``against``
        of the commands has it.
    abscissa
        "two_theta", "Q", "r", "k" or "shift".
    path
        A file ending in .png, .svg, .pdf or .csv, or a name without ending for PNG, SVG and CSV.
    ordinate
        Name of the upper axis; by the abscissa if None.
    parts
        Label to (n,): what the calculated curve is made of, each drawn upon the background.
    words
        What is compared with what; stands over the figure.

    Raises
    ------
    InputError
        If the abscissa or the ending is unknown.
    """
    if abscissa not in AXIS_NAMES:
        raise InputError(f"abscissa: {abscissa}; allowed: {', '.join(AXIS_NAMES)}")
    x, observed, calculated, background = (
        array(agreement[name]) for name in ("x", "observed", "calculated", "background")
    )
    residual = observed - calculated
    columns: Columns = {
        AXIS_NAMES[abscissa]: x,
        "observed": observed,
        "calculated": calculated,
        "background": background,
        "residual": residual,
    }
    for label, part in (parts or {}).items():
        columns[label] = array(part)

    def build(figure: Figure) -> None:
        figure.set_size_inches(5.6, 3.6)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
        # The curve lies on the points, dark on light: many points would hide it, in grey above all.
        ring = {"markersize": 3.6, "markerfacecolor": "none", "markeredgewidth": 0.5}
        upper.plot(x, observed, "o", color="#8a8a8a", label="observed", **ring)
        upper.plot(x, calculated, color=COLOURS[0], linewidth=0.9, zorder=3, label="calculated")
        if np.any(background):
            # Thin and unbroken, as no other curve is: it differs from them in grey too.
            upper.plot(x, background, color=GREY, linewidth=0.6, label="background")
        looks = looks_of(["", *(parts or {})])
        for label, part in (parts or {}).items():
            style = looks[label].line | {"linewidth": 0.8}
            upper.plot(x, background + array(part), label=label, zorder=1, **style)
        lower.plot(x, residual, color=COLOURS[0], linewidth=0.7)
        lower.axhline(0, color=GREY, linewidth=0.5, zorder=0)
        title = "\n".join([*wrap(words, _LINE), f"Rwp = {float(agreement['rwp']):.3f}"])
        upper.set(ylabel=ordinate or _ORDINATES[abscissa], title=title)
        lower.set(xlim=(x[0], x[-1]), xlabel=AXIS_NAMES[abscissa], ylabel="residual")
        legend_below(figure, upper, 4)

    return draw(build, path, columns)


def plot_against_several(
    agreements: Mapping[str, Mapping[str, Any]], abscissa: str, path: str | Path, *, words: str = ""
) -> tuple[Path, ...]:
    """Draw an observed curve, and several calculated ones, each scaled onto it.

    Parameters
    ----------
    agreements
        Label to what :func:`plot_against` takes; all of one observed curve.
    abscissa, path, words
        As for :func:`plot_against`.

    Raises
    ------
    InputError
        If there is nothing to draw, or the abscissa or the ending is unknown.
    """
    require(agreements, "curves")
    if abscissa not in AXIS_NAMES:
        raise InputError(f"abscissa: {abscissa}; allowed: {', '.join(AXIS_NAMES)}")
    first = next(iter(agreements.values()))
    x, observed = array(first["x"]), array(first["observed"])
    columns: Columns = {AXIS_NAMES[abscissa]: x, "observed": observed}
    for label, one in agreements.items():
        columns[f"calculated {label}"] = array(one["calculated"])

    def build(figure: Figure) -> None:
        figure.set_size_inches(5.6, 3.4 + 0.16 * len(agreements))
        panel = figure.subplots()
        panel.plot(x, observed, ".", color=GREY, markersize=2.5, label="observed")
        looks = looks_of(agreements)
        for label, one in agreements.items():
            name = f"{label}: Rwp {float(one['rwp']):.3f}"
            panel.plot(array(one["x"]), array(one["calculated"]), label=name, **looks[label].line)
        panel.set(
            xlim=(x[0], x[-1]),
            xlabel=AXIS_NAMES[abscissa],
            ylabel=_ORDINATES[abscissa],
            title="\n".join(wrap(words, _LINE)),
        )
        legend_below(figure, panel, 1)

    return draw(build, path, columns)
