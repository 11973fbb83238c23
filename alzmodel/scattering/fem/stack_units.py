"""What the pixels of a camera mean: units of scattering vectors and angles, in nm⁻¹."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from alzmodel.errors import InputError
from alzmodel.units import electron_wavelength

__all__ = ["PIXEL_UNITS", "Calibration", "is_of_pattern", "per_nm"]

PIXEL_UNITS: Final = ("1/nm", "1/A", "q_nm^-1", "q_A^-1", "mrad", "deg")
"""Units that can be named. k = 1/d is meant by 1/nm and 1/A, q = 2π/d by those with a q, the whole scattering angle
by mrad and deg."""

_LENGTHS: Final = {
    "1/nm": 1.0,
    "1/a": 10.0,
    "q_nm^-1": 1 / (2 * math.pi),
    "q_a^-1": 10 / (2 * math.pi),
    "1/m": 1e-9,
    "1/pm": 1e3,
}
_ANGLES: Final = {"mrad": 1e-3, "rad": 1.0, "deg": math.pi / 180}
_SPELLINGS: Final = {
    "nm^-1": "1/nm",
    "nm-1": "1/nm",
    "k_nm^-1": "1/nm",
    "1/nanometer": "1/nm",
    "a^-1": "1/a",
    "a-1": "1/a",
    "k_a^-1": "1/a",
    "1/angstrom": "1/a",
    "m^-1": "1/m",
    "pm^-1": "1/pm",
    "mradian": "mrad",
    "milliradian": "mrad",
    "radian": "rad",
    "2th_rad": "rad",
    "2th_mrad": "mrad",
    "2th_deg": "deg",
    "degree": "deg",
    "degrees": "deg",
    "°": "deg",
}


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a file says about the pixels of a pattern.

    Attributes
    ----------
    size
        Of a pixel along the last but one and the last axis, in `unit`; NaN where nothing is said.
    unit
        As written in the file.
    energy_kev
        Of the electrons; NaN where nothing is said.
    """

    size: tuple[float, float] = (math.nan, math.nan)
    unit: str = ""
    energy_kev: float = math.nan


def per_nm(unit: str, energy_kev: float, name: str) -> float | None:
    """How many nm⁻¹ (k = 1/d) one of a unit is.

    An angle 2θ is taken for 2 sin θ: at 20 mrad that is wrong by 2e-5 of k, and by 1.3e-4 if the camera is flat.

    Parameters
    ----------
    unit
        One of :data:`PIXEL_UNITS` or another spelling, such as those of pyxem, HyperSpy and py4DSTEM.
    energy_kev
        Of the electrons, for angles.
    name
        Of the file, for messages.

    Returns
    -------
    float or None
        None for units that say nothing about k, such as pixels.

    Raises
    ------
    InputError
        If the unit is an angle and no energy is known.

    Examples
    --------
    >>> per_nm("$A^{-1}$", float("nan"), "a.hspy")
    10.0
    """
    plain = unit.strip().strip("[]").replace("$", "").replace("{", "").replace("}", "").replace(" ", "")
    plain = plain.replace("\\AA", "A").replace("Å", "A").replace("\u212b", "A").replace("A\u030a", "A")
    plain = plain.replace("⁻¹", "^-1").replace("**-1", "^-1").replace("_^-1", "^-1").lower()
    plain = _SPELLINGS.get(plain, plain)
    if plain not in _LENGTHS and plain not in _ANGLES:
        # EMD files of HyperSpy have [1_/_n_m].
        plain = plain.replace("_", "")
        plain = _SPELLINGS.get(plain, plain)
    if plain in _LENGTHS:
        return _LENGTHS[plain]
    if plain not in _ANGLES:
        return None
    if not math.isfinite(energy_kev):
        raise InputError(f"{name}: pixels in {unit}; allowed: with the energy of the electrons, as --energy")
    return 10 * _ANGLES[plain] / electron_wavelength(energy_kev)


def is_of_pattern(unit: str) -> bool:
    """Whether a unit is one of scattering vectors or angles."""
    return per_nm(unit, 200.0, "") is not None
