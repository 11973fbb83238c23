"""GSAS powder data: .fxye and fixed columns of ten (STD) or five pairs (ESD) a line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.scattering.curves.radiation import wavelengths_of_header
from alzmodel.scattering.curves.scan import Scan, Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["is_gsas", "read_gsas"]

_BANK: Final = re.compile(r"^BANK\s+\d+(?:\s|$)", re.IGNORECASE)
_WIDTH = 80
_CENTIDEGREES: Final = 100.0


def is_gsas(text: str) -> bool:
    """Whether a text has the line ``BANK`` of GSAS."""
    return any(_BANK.match(line) for line in text.splitlines())


def read_gsas(text: str, name: str) -> list[Scan]:
    """All banks of a GSAS file with constant wavelength, 2θ in degrees.

    Steps are in hundredths of a degree: ``BANK n points records CONST start step 0 0 TYPE``. TYPE is STD (ten fields of
    eight characters a line, a multiplier in the first two: sigma is √(counts/multiplier)), ESD (five pairs of counts
    and errors) or FXY and FXYE (a row a point).

    Raises
    ------
    InputError
        If a bank is of times of flight or of another type, or shorter than it says.

    References
    ----------
    A. C. Larson and R. B. Von Dreele, GSAS, Los Alamos report LAUR 86-748 (2004), powder data file.
    """
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _BANK.match(line)]
    first, second = wavelengths_of_header(lines[: starts[0]], name)
    scans = []
    for place, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        body = [line for line in lines[place + 1 : end] if line.strip() and not line.startswith("#")]
        x, y, sigma = _bank(lines[place].split(), body, name)
        good = bool((np.isfinite(sigma) & (sigma > 0)).all())
        scans.append(Scan(x, y, sigma if good else None, Statement("two_theta"), first, second))
    return scans


def _bank(words: Sequence[str], body: Sequence[str], name: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    try:
        number, kind = int(words[2]), words[4].upper()
        start, step = float(words[5]), float(words[6])
    except (IndexError, ValueError):
        raise InputError(
            f"{name}: '{' '.join(words)[:60]}'; allowed: BANK n points records CONST start step 0 0 TYPE"
        ) from None
    style = words[9].upper() if len(words) > 9 else "STD"
    if kind not in {"CONS", "CONST"}:
        raise InputError(f"{name}: x is a time of flight ({kind}); allowed here: constant wavelength (CONST)")
    if number < 1:
        raise InputError(f"{name}: a bank of {number} points; allowed: one or more")
    try:
        if style in {"FXY", "FXYE"}:
            table = np.array([[float(word) for word in line.split()] for line in body[:number]])
            x, y = table[:, 0] / _CENTIDEGREES, table[:, 1]
            sigma = table[:, 2] if style == "FXYE" else np.sqrt(np.abs(y))
        elif style == "ESD":
            values = _fields(body, 8)[: 2 * number]
            x = _even(start, step, number)
            y, sigma = values[0::2], values[1::2]
        elif style == "STD":
            times, y = _multiplied(body)
            x = _even(start, step, number)
            y = y[:number]
            sigma = np.sqrt(np.abs(y) / times[:number])
        else:
            raise InputError(f"{name}: data of type {style}; allowed: STD, ESD, FXY, FXYE")
    except (ValueError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{name}: words or gaps among the counts; allowed: numbers in their columns"
        ) from error
    if y.shape != (number,) or sigma.shape != (number,) or x.shape != (number,):
        raise InputError(f"{name}: {y.size} points in a bank of {number}; allowed: as many as it says")
    return x, y, sigma


def _even(start: float, step: float, number: int) -> FloatArray:
    return np.asarray((start + step * np.arange(number)) / _CENTIDEGREES, dtype=float)


def _fields(body: Sequence[str], width: int) -> FloatArray:
    fields = [
        line[at : at + width] for line in body for at in range(0, min(len(line.rstrip()), _WIDTH), width)
    ]
    return np.array([float(field) for field in fields])


def _multiplied(body: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Multipliers (1 where blank) and counts of fields I2,F6."""
    times, counts = [], []
    for line in body:
        for at in range(0, min(len(line.rstrip()), _WIDTH), 8):
            times.append(float(line[at : at + 2].strip() or 1) or 1.0)
            counts.append(float(line[at + 2 : at + 8]))
    return np.array(times), np.array(counts)
