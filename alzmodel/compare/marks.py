"""What a file of measured values puts into figures: lines where peaks were measured, and the windows of the fits."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alzmodel.compare.measured import Measured

__all__ = ["fem_marks", "fem_windows", "xrd_marks"]

Mark = tuple[float, str]


def fem_marks(measured: Measured) -> tuple[Mark, ...]:
    """Where the FEM peaks of annealed films are centred.

    Returns
    -------
    tuple of (float, str)
        k in nm⁻¹ and words, by rising k: one a peak. A value for all films goes before the mean over them.
    """
    centres = _centres(measured, r"fem_peak\d+_k")
    return tuple(sorted((k, f"measured {k:.3g}") for k, _ in centres.values()))


def xrd_marks(measured: Measured, wavelength: float | None) -> tuple[Mark, ...]:
    """Where the powder lines of annealed films lie.

    Parameters
    ----------
    measured
        From :func:`alzmodel.compare.measured.load_measured`.
    wavelength
        Å, of the pattern that is drawn; angles measured with another are turned into its own by Bragg's law.

    Returns
    -------
    tuple of (float, str)
        2θ in degrees and hkl, by rising angle. Lines of a method without ``wavelength_A`` are left out, and all are
        without a wavelength to draw them for.
    """
    marks = []
    for quantity, (angle, method) in _centres(measured, r"xrd_\d+_two_theta").items():
        own = measured.methods[method].get("wavelength_A")
        if own is None or wavelength is None:
            continue
        sine = math.sin(math.radians(angle / 2)) * wavelength / own
        if sine < 1:
            marks.append((math.degrees(2 * math.asin(sine)), quantity.split("_")[1]))
    return tuple(sorted(marks))


def fem_windows(measured: Measured) -> tuple[tuple[float, float], ...]:
    """Ranges of k in nm⁻¹ in which the measured FEM peaks were fitted; empty where the file does not say."""
    return tuple((low, high) for low, high in measured.methods.get("fem", {}).get("fit_windows_per_nm", ()))


def _centres(measured: Measured, pattern: str) -> dict[str, tuple[float, str]]:
    """By quantity the number for all annealed films, or the mean over them, and how it was measured."""
    found: dict[str, tuple[float, str]] = {}
    own = [
        one
        for one in measured.values
        if one.state == "annealed" and one.value is not None and re.fullmatch(pattern, one.quantity or "")
    ]
    for quantity in dict.fromkeys(one.quantity or "" for one in own):
        values = [one for one in own if one.quantity == quantity]
        common = [one for one in values if one.x is None] or values
        mean = math.fsum(one.value or 0.0 for one in common) / len(common)
        found[quantity] = (mean, common[0].method)
    return found
