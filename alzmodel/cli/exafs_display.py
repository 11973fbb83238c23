"""Tables of ``alzmodel exafs``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from alzmodel.cli.output import print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["print_exafs"]


def print_exafs(result: Mapping[str, Any]) -> None:
    """Print the first peak, the fit beside the truth, and how well a measurement is met."""
    first, last = result["k_range"]
    title = f"{result['edge']} edge, k^{result['k_weight']:g} χ(k), {first:g} to {last:g} Å⁻¹"
    rows = [
        ("sites", result["n_sites"]),
        ("first peak of the transform (Å)", f"{result['peak']:.4f}"),
        ("its standard error over sites (Å)", f"{result['peak_sem']:.4f}"),
    ]
    print_table(title, ("", "value"), rows)
    if "fit" in result:
        _print_fit(result)
    if "against" in result:
        against = result["against"]
        rows = [(words, against[key]) for key, words in _AGAINST.items()]
        print_table("against the measured χ(k)", ("", "value"), rows)


_AGAINST = {
    "scale": "scale (S0² of the measurement if all else is right)",
    "r_factor": "R factor",
    "correlation": "correlation",
}


_ROWS = (
    ("neighbours N", "N", "CN", 2),
    ("distance R (Å)", "R", "r", 4),
    ("σ² (Å²)", "sigma2", "var", 4),
    ("C3 (Å³)", "C3", "C3", 5),
    ("R factor", "r_factor", "", 4),
)
"""What is printed, its keys in the fit and in the truth, and its digits."""


def _print_fit(result: Mapping[str, Any]) -> None:
    fit, third, truth, standard = (result[key] for key in ("fit", "fit_C3", "truth", "standard"))
    rows = [
        (
            words,
            *(
                None if value is None or math.isnan(value) else f"{value:.{digits}f}"
                for value in (fit.get(key), fit.get(f"{key}_error"), third.get(key), truth.get(true))
            ),
        )
        for words, key, true, digits in _ROWS
    ]
    names = ("first shell of oxygen", "fitted", "± by the fit", "with C3 free", "true")
    print_table(
        f"S0² = {standard['S02']:.3f} and E0 = {standard['E0']:.2f} eV held, from {standard['phase']}",
        names,
        rows,
    )
