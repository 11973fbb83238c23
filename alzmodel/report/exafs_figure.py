"""χ(k) and its transform, of models and of a measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alzmodel.report.drawing import GREY, array, draw, legend_below, looks_of, require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from alzmodel.report.drawing import Columns

__all__ = ["plot_exafs"]


def plot_exafs(
    curves: Mapping[str, Mapping[str, Any]],
    path: str | Path,
    *,
    k_weight: int = 2,
    k_range: tuple[float, float] = (3.0, 12.0),
    measured: Mapping[str, Any] | None = None,
    r_max: float = 6.0,
) -> tuple[Path, ...]:
    """Draw k^w χ(k) above the magnitude of its transform.

    Parameters
    ----------
    curves
        Label to ``{"k": (n,), "chi": (n,), "r": (m,), "ft": (m,)}``, Å⁻¹ and Å; ``"sem"`` or ``"chi_std"`` is drawn as
        a band if it is there.
    path
        A file ending in .png, .svg, .pdf or .csv, or a name without ending for PNG, SVG and CSV.
    k_weight, k_range
        Of the transform; the range is shaded.
    measured
        ``{"k": (p,), "chi": (p,), "r": (m,), "ft": (m,)}``.
    r_max
        Å; right end of the lower axis.

    Raises
    ------
    InputError
        If there is nothing to draw, or the ending is none of the formats.
    """
    require(curves, "EXAFS curves")
    looks = looks_of(curves)
    columns: Columns = {}
    named = {**curves, **({"measured": measured} if measured else {})}
    ordinate = {0: "χ(k)", 1: "k χ(k) (Å⁻¹)"}.get(
        k_weight, f"k{'⁰¹²³'[k_weight]} χ(k) (Å⁻{'⁰¹²³'[k_weight]})"
    )
    magnitude = f"|χ(R)| (Å⁻{'¹²³⁴'[k_weight]})"
    for label, curve in named.items():
        columns[f"k (Å⁻¹), {label}"] = array(curve["k"])
        columns[f"{ordinate}, {label}"] = array(curve["k"]) ** k_weight * array(curve["chi"])
        columns[f"R (Å), {label}"] = array(curve["r"])
        columns[f"{magnitude}, {label}"] = array(curve["ft"])

    def build(figure: Figure) -> None:
        figure.set_size_inches(5.6, 5.0)
        upper, lower = figure.subplots(2, 1)
        for label, curve in curves.items():
            k, weight = array(curve["k"]), array(curve["k"]) ** k_weight
            spread = curve.get("chi_std", curve.get("sem"))
            upper.plot(k, weight * array(curve["chi"]), label=label, **looks[label].line)
            if spread is not None:
                chi, half = array(curve["chi"]), array(spread)
                upper.fill_between(
                    k, weight * (chi - half), weight * (chi + half), alpha=0.25, linewidth=0, color=GREY
                )
            lower.plot(array(curve["r"]), array(curve["ft"]), **looks[label].line)
        if measured:
            upper.plot(
                array(measured["k"]),
                array(measured["k"]) ** k_weight * array(measured["chi"]),
                ".",
                color=GREY,
                markersize=2.5,
                label="measured",
            )
            lower.plot(array(measured["r"]), array(measured["ft"]), ".", color=GREY, markersize=2.5)
        upper.axvspan(*k_range, color=GREY, alpha=0.1, linewidth=0)
        upper.axhline(0, color=GREY, linewidth=0.5, zorder=0)
        upper.set(xlabel="k (Å⁻¹)", ylabel=ordinate, xlim=(0, min(20.0, k_range[1] + 2)))
        inside = [
            abs(weighted[(k >= 2) & (k <= k_range[1] + 2)]).max()
            for k, weighted in (
                (array(curve["k"]), array(curve["k"]) ** k_weight * array(curve["chi"]))
                for curve in named.values()
            )
        ]
        upper.set(ylim=(-1.15 * max(inside), 1.15 * max(inside)))
        lower.set(
            xlabel="R (Å), not corrected for the phase", ylabel=magnitude, xlim=(0, r_max), ylim=(0, None)
        )
        legend_below(figure, upper, 3)

    return draw(build, path, columns)
