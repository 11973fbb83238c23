"""How strongly one atom scatters X-rays, neutrons and electrons."""

from __future__ import annotations

import csv
import functools
import math
import re
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import constants

from alzmodel.errors import InputError
from alzmodel.species import split_isotope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ELECTRON_ELEMENTS",
    "MOTT_BETHE",
    "XRAY_Q_MAX",
    "X_RAY_LINES",
    "electron_factor",
    "neutron_length",
    "photon_energy",
    "spectrum_of",
    "wavelength_of",
    "xray_dispersion",
    "xray_factor",
]

MOTT_BETHE: Final = 1.0 / (2.0 * math.pi**2 * constants.value("Bohr radius") * 1e10)
"""Å⁻¹; f_e(k) = MOTT_BETHE (Z − f_x)/k² with k = 1/d, the Mott-Bethe relation (without the relativistic factor)."""

XRAY_Q_MAX: Final = 4.0 * math.pi * 6.0
"""Å⁻¹; the X-ray factors are tabulated up to sin θ/λ = 6 Å⁻¹."""

_ELECTRON_K_MAX: Final = 12.0
_LINE_PATTERN: Final = re.compile(r"^(?P<anode>[A-Z][a-z]?)K(?P<line>a1|a2|a)$")
_OTHER_LINE: Final = re.compile(r"^(?P<anode>[A-Z][a-z]?)(?P<line>[KLM][a-z]\d?(,\d+)?)$")

X_RAY_LINES: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "Cr": (2.2897260, 2.2936510),
        "Fe": (1.9360410, 1.9399730),
        "Co": (1.7889960, 1.7928350),
        "Cu": (1.5405929, 1.5444274),
        "Mo": (0.70931715, 0.7136070),
        "Ag": (0.55942178, 0.5638131),
    }
)
"""Kα1 and Kα2 wavelengths in Å by anode: International Tables for Crystallography C (2004), table 4.2.2.4."""


_SHORTEST: Final = 0.05
_LONGEST: Final = 5.0
_ALLOWED: Final = (
    f"a wavelength of {_SHORTEST:g} to {_LONGEST:g} Å, an anode such as {', '.join(X_RAY_LINES)} followed by Ka, Ka1 "
    "or Ka2, or another line of a tube such as CuKb1 or WLa1"
)


def wavelength_of(name: str | float) -> float:
    """Wavelength in Å of a named X-ray line, or of a number.

    Parameters
    ----------
    name
        A wavelength in Å as number or text, or an anode (Ag, Co, Cr, Cu, Fe, Mo) with its line: ``CuKa1``,
        ``CuKa2``, or ``CuKa`` for the mean of the doublet weighted 2:1. Other lines and anodes (``CuKb1``, ``NiKa``)
        have the energies of the tables of W. T. Elam, B. D. Ravel and J. R. Sieber (2002), as xraydb
        gives them, to some 2e-4 of their value.

    Raises
    ------
    InputError
        If the name is unknown or the number is not between 0.05 and 5 Å.
    """
    lines = spectrum_of(name)
    return sum(wavelength * weight for wavelength, weight in lines)


def spectrum_of(name: str | float) -> tuple[tuple[float, float], ...]:
    """Lines of an X-ray source as (wavelength in Å, weight), the weights adding up to one.

    ``CuKa`` is the doublet with Kα2 half as strong as Kα1; ``CuKa1`` and plain numbers are one line.
    See :func:`wavelength_of` for the names and errors.
    """
    if isinstance(name, str):
        match = _LINE_PATTERN.match(name.strip())
        doublet = None if match is None else _doublet(match["anode"])
        if match is not None and doublet is not None:
            first, second = doublet
            by_line = {
                "a1": ((first, 1.0),),
                "a2": ((second, 1.0),),
                "a": ((first, 2.0 / 3.0), (second, 1.0 / 3.0)),
            }
            return _within(by_line[match["line"]], name)
        other = _OTHER_LINE.match(name.strip())
        tabulated = None if other is None else _tabulated_line(other["anode"], other["line"])
        if tabulated is not None:
            return _within(((tabulated, 1.0),), name)
    try:
        value = float(name)
    except (TypeError, ValueError):
        value = math.nan
    if not _SHORTEST <= value <= _LONGEST:
        raise InputError(f"wavelength: {name}; allowed: {_ALLOWED}")
    return ((value, 1.0),)


def _within(lines: tuple[tuple[float, float], ...], name: str) -> tuple[tuple[float, float], ...]:
    if not all(_SHORTEST <= wavelength <= _LONGEST for wavelength, _ in lines):
        raise InputError(f"wavelength: {name} is {lines[0][0]:.4g} Å; allowed: {_ALLOWED}")
    return lines


def _doublet(anode: str) -> tuple[float, float] | None:
    """Kα1 and Kα2 wavelengths in Å of an anode, or None where no table has both."""
    if anode in X_RAY_LINES:
        return X_RAY_LINES[anode]
    first, second = _tabulated_line(anode, "Ka1"), _tabulated_line(anode, "Ka2")
    return None if first is None or second is None else (first, second)


def _tabulated_line(anode: str, line: str) -> float | None:
    """Wavelength in Å of a line that :data:`X_RAY_LINES` does not hold; None if there is none of that name."""
    import xraydb

    try:
        found = xraydb.xray_lines(anode).get(line)
    except (ValueError, KeyError, AttributeError):
        return None
    return None if found is None else photon_energy(1.0) / float(found.energy)


def photon_energy(wavelength: float) -> float:
    """Photon energy in eV of X-rays of `wavelength` Å."""
    return constants.h * constants.c / constants.e / (wavelength * 1e-10)


def _xraydb_label(species: str) -> str:
    """Spell an ion as the tables do: ``Li+`` is ``Li1+`` there."""
    match = re.fullmatch(r"([A-Z][a-z]?)(\d*)([+-])", species)
    return f"{match[1]}{match[2] or '1'}{match[3]}" if match else species


def _element_of(species: str) -> str:
    match = re.fullmatch(r"([A-Z][a-z]?)(?:\d*[+-])?", split_isotope(species)[0])
    if match is None:
        raise InputError(f"element: {species}; allowed: a chemical symbol such as La, or an ion such as La3+")
    return match[1]


@functools.lru_cache(maxsize=256)
def xray_dispersion(element: str, wavelength: float) -> complex:
    """Anomalous dispersion f' + i f'' in electrons of an element at `wavelength` Å.

    From C. T. Chantler, J. Phys. Chem. Ref. Data 24 (1995) 71 and 29 (2000) 597, through xraydb.

    Raises
    ------
    InputError
        If the element is unknown.
    """
    import xraydb

    energy = photon_energy(wavelength)
    try:
        return complex(
            float(np.asarray(xraydb.f1_chantler(element, energy)).item()),
            float(np.asarray(xraydb.f2_chantler(element, energy)).item()),
        )
    except (ValueError, IndexError, KeyError) as error:
        raise InputError(
            f"element: {element}; allowed: elements with tabulated X-ray dispersion (Z = 1 to 92)"
        ) from error


def xray_factor(species: str, Q: ArrayLike, wavelength: float | None = None) -> NDArray[np.complex128]:
    """X-ray scattering factor f0(Q) + f' + i f'' of an atom or ion.

    Parameters
    ----------
    species
        Chemical symbol ("La": the neutral atom), ion ("La3+", "O2-", "Li+") or isotope ("D", "7Li").
    Q
        4π sin θ/λ in Å⁻¹, any shape, between 0 and :data:`XRAY_Q_MAX`.
    wavelength
        Å; adds the dispersion of the element. None leaves it out.

    Returns
    -------
    numpy.ndarray
        Complex, in electrons, of the shape of `Q`.

    Raises
    ------
    InputError
        If the element or ion is not tabulated, or `Q` is out of range.

    References
    ----------
    f0: D. Waasmaier and A. Kirfel, Acta Cryst. A51 (1995) 416, through xraydb.
    """
    import xraydb

    q = np.asarray(Q, dtype=float)
    if not np.isfinite(q).all() or (q.size and (q.min() < 0 or q.max() > XRAY_Q_MAX)):
        raise InputError(f"Q: {_range_text(q)} Å⁻¹; allowed: 0 to {XRAY_Q_MAX:.1f} Å⁻¹ for X-ray factors")
    element = _element_of(species)
    label = _xraydb_label(split_isotope(species)[0])
    try:
        factor = np.asarray(xraydb.f0(label, q.ravel() / (4 * np.pi)), dtype=float)
    except ValueError as error:
        known = ", ".join(_known_species(element)) or "none of this element"
        raise InputError(f"X-ray scatterer: {species}; allowed: {known}") from error
    result = factor.reshape(q.shape).astype(np.complex128)
    if wavelength is not None:
        result += xray_dispersion(element, wavelength)
    return result


def _known_species(element: str) -> list[str]:
    import xraydb

    try:
        return [str(name) for name in xraydb.f0_ions(element)]
    except ValueError:
        return []


def _range_text(values: NDArray[np.float64]) -> str:
    return f"{np.min(values):g} to {np.max(values):g}" if values.size else "nothing"


@functools.cache
def neutron_length(element: str) -> float:
    """Bound coherent neutron scattering length in fm of the natural element, or of an isotope such as ``D``, ``7Li``.

    Negative for H, Li and Ti, positive for D and 6Li.

    From V. F. Sears, Neutron News 3 (1992) 26, with later corrections, through periodictable.

    Raises
    ------
    InputError
        If the element is unknown or has no tabulated length.
    """
    import periodictable

    number = split_isotope(element)[1]
    try:
        found = periodictable.elements.symbol(_element_of(element))
        length = (found[number] if number else found).neutron.b_c
    except (ValueError, KeyError):
        length = None
    if length is None:
        raise InputError(f"element: {element}; allowed: elements with a tabulated neutron scattering length")
    return float(length)


@functools.cache
def _electron_parameters() -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    text = resources.files("alzmodel.scattering").joinpath("lobato_van_dyck_2014.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        row["element"]: (
            np.array([float(row[f"a{i}"]) for i in range(1, 6)]),
            np.array([float(row[f"b{i}"]) for i in range(1, 6)]),
        )
        for row in rows
    }


ELECTRON_ELEMENTS: Final = (
    *(
        "H",
        "He",
        "Li",
        "Be",
        "B",
        "C",
        "N",
        "O",
        "F",
        "Ne",
        "Na",
        "Mg",
        "Al",
        "Si",
        "P",
        "S",
        "Cl",
        "Ar",
        "K",
        "Ca",
    ),
    *(
        "Sc",
        "Ti",
        "V",
        "Cr",
        "Mn",
        "Fe",
        "Co",
        "Ni",
        "Cu",
        "Zn",
        "Ga",
        "Ge",
        "As",
        "Se",
        "Br",
        "Kr",
        "Rb",
        "Sr",
    ),
    *(
        "Y",
        "Zr",
        "Nb",
        "Mo",
        "Tc",
        "Ru",
        "Rh",
        "Pd",
        "Ag",
        "Cd",
        "In",
        "Sn",
        "Sb",
        "Te",
        "I",
        "Xe",
        "Cs",
        "Ba",
    ),
    *(
        "La",
        "Ce",
        "Pr",
        "Nd",
        "Pm",
        "Sm",
        "Eu",
        "Gd",
        "Tb",
        "Dy",
        "Ho",
        "Er",
        "Tm",
        "Yb",
        "Lu",
        "Hf",
        "Ta",
        "W",
    ),
    *(
        "Re",
        "Os",
        "Ir",
        "Pt",
        "Au",
        "Hg",
        "Tl",
        "Pb",
        "Bi",
        "Po",
        "At",
        "Rn",
        "Fr",
        "Ra",
        "Ac",
        "Th",
        "Pa",
        "U",
    ),
    *("Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr"),
)
"""Elements with tabulated electron factors: Z = 1 to 103."""


def electron_factor(element: str, k: ArrayLike) -> NDArray[np.float64]:
    """Electron scattering factor of a neutral atom in the first Born approximation.

    Parameters
    ----------
    element
        One of :data:`ELECTRON_ELEMENTS`, or an isotope of one, whose electrons are the same.
    k
        1/d = 2 sin θ/λ in Å⁻¹ (no 2π), any shape, 0 to 12 Å⁻¹.

    Returns
    -------
    numpy.ndarray
        Å, of the shape of `k`, for an electron at rest: multiply by the relativistic factor where the absolute
        value matters. f_e(k) = Σ_i a_i (2 + b_i k²)/(1 + b_i k²)².

    Raises
    ------
    InputError
        If the element is not tabulated or `k` is out of range.

    References
    ----------
    I. Lobato and D. Van Dyck, Acta Cryst. A70 (2014) 636, doi 10.1107/S205327331401643X.
    """
    q = np.asarray(k, dtype=float)
    if not np.isfinite(q).all() or (q.size and (q.min() < 0 or q.max() > _ELECTRON_K_MAX)):
        raise InputError(f"k: {_range_text(q)} Å⁻¹; allowed: 0 to {_ELECTRON_K_MAX:g} Å⁻¹ (1/d, without 2π)")
    parameters = _electron_parameters().get(split_isotope(element)[0])
    if parameters is None:
        raise InputError(f"electron scatterer: {element}; allowed: elements from H to Lr")
    a, b = parameters
    bk2 = b * np.square(q)[..., None]
    result: NDArray[np.float64] = np.sum(a * (2 + bk2) / np.square(1 + bk2), axis=-1)
    return result
