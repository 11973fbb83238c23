"""Measured Raman spectra: two columns of numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FEWEST", "read_raman"]

FEWEST: Final = 10
LARGEST_SHIFT: Final = 5000.0
"""cm⁻¹; no vibration lies beyond."""
_COMMENT: Final = "#!;%'\"/*"
_WAVELENGTH: Final = re.compile(r"wavelength|\bnm\b", re.IGNORECASE)


def read_raman(path: str | Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read a Raman spectrum.

    Parameters
    ----------
    path
        Text: columns of shift in cm⁻¹ and intensity, apart by blanks, tabs, commas or semicolons; rising or falling
        shifts, as spectrometers write either. Lines before the numbers are a header, and refused if they tell of a
        wavelength.

    Returns
    -------
    shift, intensity
        Rising shifts in cm⁻¹, shape (n,) each.

    Raises
    ------
    InputError
        If it cannot be read, holds fewer than ten points, is not finite, repeats a shift, goes up and down, reaches
        beyond 5000 cm⁻¹, or is no shift by its header.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); allowed: a table of shift and intensity"
        ) from error
    rows, header = _rows(text)
    titles = (header.splitlines() or [""])[-1]
    if _WAVELENGTH.search(titles):
        raise InputError(f"{path}: wavelengths by its header; allowed: Raman shifts in cm⁻¹")
    if len(rows) < FEWEST:
        raise InputError(
            f"{path}: {len(rows)} points; allowed: at least {FEWEST} lines of shift and intensity"
        )
    shift, intensity = np.array(rows).T
    if not (np.isfinite(shift).all() and np.isfinite(intensity).all()):
        raise InputError(f"{path}: holds NaN or infinity; allowed: numbers")
    if np.all(np.diff(shift) < 0):
        shift, intensity = shift[::-1], intensity[::-1]
    if not np.all(np.diff(shift) > 0):
        raise InputError(f"{path}: shifts go up and down, or repeat; allowed: rising or falling")
    if shift[-1] > LARGEST_SHIFT:
        raise InputError(
            f"{path}: goes up to {shift[-1]:g}; allowed: shifts up to {LARGEST_SHIFT:g} cm⁻¹ from the laser"
        )
    if not (intensity > 0).any():
        raise InputError(f"{path}: no intensity above zero; allowed: a measured spectrum")
    return np.ascontiguousarray(shift), np.ascontiguousarray(intensity)


def _rows(text: str) -> tuple[list[tuple[float, float]], str]:
    """Return the first two numbers of each line, and what stands before them."""
    rows: list[tuple[float, float]] = []
    header = []
    for line in text.splitlines():
        words = [word for word in re.split(r"[\s,;]+", line.strip()) if word]
        try:
            if len(words) < 2 or line.lstrip()[0] in _COMMENT:
                raise ValueError
            rows.append((float(words[0]), float(words[1])))
        except ValueError:
            if not rows:
                header.append(line)
    return rows, "\n".join(header)
