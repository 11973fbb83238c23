"""Tables of ``alzmodel xrd``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alzmodel.cli.output import print_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alzmodel.scattering.xrd.whole import PatternFit

__all__ = ["print_fit", "print_lines", "print_pattern", "print_superstructure"]


def _range(interval: Sequence[float], digits: int) -> str | None:
    low, high = interval
    return None if low != low else f"{low:.{digits}f} to {high:.{digits}f}"  # noqa: PLR0124  NaN


def print_fit(fit: PatternFit) -> None:
    """Print what a whole-pattern fit found."""
    rows = []
    for phase in fit.phases:
        cell = phase.lattice_parameters
        rows.append(
            (
                phase.name,
                phase.weight,
                _range(phase.weight_ci95, 3),
                " ".join(f"{edge:.3f}" for edge in dict.fromkeys(cell)) or None,
                _range(phase.lattice_parameters_ci95[0], 3) if cell else None,
                phase.size_sphere,
                _range(phase.size_sphere_ci95, 0),
                phase.size_scherrer,
            )
        )
    names = (
        "phase",
        "weight",
        "95 %",
        "a, b, c (Å)",
        "a, 95 %",
        "sphere (Å)",
        "95 %",
        "Scherrer, K = 0.9 (Å)",
    )
    title = f"whole-pattern fit of {fit.x.size} points: Rwp {fit.rwp:.4f}, without background {fit.rwp_background:.4f}"
    if fit.zero:
        title += f"; zero of 2θ {fit.zero:.3f}° ({_range(fit.zero_ci95, 3)})"
    if fit.at_bound:
        title += f"; at a bound: {', '.join(fit.at_bound)}"
    if not fit.success:
        title += "; did not converge: no intervals"
    print_table(title, names, rows)


def print_lines(lines: Sequence[Mapping[str, Any]]) -> None:
    """Print single-line fits."""
    names = (
        "line",
        "profile",
        "2θ (°)",
        "95 %",
        "fwhm (°)",
        "95 %",
        "d (Å)",
        "Scherrer, K = 0.9 (Å)",
        "sphere (Å)",
    )
    rows = [
        (
            line["label"],
            line["shape"],
            line["two_theta"],
            _range(line["two_theta_ci95"], 3),
            line["fwhm"],
            _range(line["fwhm_ci95"], 3),
            line["d"],
            line["size_scherrer"],
            line["size_sphere"],
        )
        for line in lines
    ]
    print_table("fits of single lines", names, rows)


def print_superstructure(lines: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print the lines that tell pyrochlore from defect fluorite."""
    names = ("pattern", "line", "over", "2θ (°)", "ratio of areas", "95 %", "ordered", "share")
    rows = [
        (
            name,
            line["label"],
            line["partner"],
            line["two_theta"],
            line["ratio"],
            _range(line["ratio_ci95"], 4),
            line["ordered"],
            line["order"],
        )
        for name, found in lines.items()
        for line in found
    ]
    print_table("superstructure lines: share 1 in pyrochlore, 0 in defect fluorite", names, rows)


def print_pattern(result: Mapping[str, Any]) -> None:
    """Print the peaks of a pattern, and the lines that were fitted."""
    if "lines" in result:
        print_lines(result["lines"])
    if "superstructure" in result:
        print_superstructure(result["superstructure"])
    columns = ("2θ (°)", "fwhm (°)", "d (Å)", "hkl", "Scherrer, K = 0.9 (Å)", "sphere (Å)")
    keys = ("two_theta", "fwhm", "d", "hkl", "size_scherrer", "size_sphere")
    print_table("peaks", columns, [tuple(peak[key] for key in keys) for peak in result["peaks"]])
