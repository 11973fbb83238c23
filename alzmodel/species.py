"""What files call their atoms: elements, ions, isotopes, types."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = [
    "ISOTOPE",
    "Species",
    "isotope_names",
    "make_atoms",
    "masses_as_isotopes",
    "name_species",
    "parse_types",
    "species_of",
    "species_of_mass",
    "split_isotope",
]

ISOTOPE: Final = "isotope"
"""Array of a model that holds the mass number of each atom, 0 for the natural element; there only if one is not."""
_HYDROGEN: Final = {"D": 2, "T": 3}
_LABEL: Final = re.compile(
    r"(?P<mass>\d{1,3})?(?P<letters>[A-Za-z]{1,2})"
    r"(?P<charge>[+-]\d+\.?\d*|\d*\.?\d*[+-])?"
    r"(?P<rest>\d*[A-Za-z']?|[_.:(*#/].*)"
)
_MASSES: Final = {"mass", "masses", "atomic_mass", "atomic_masses"}
"""Names of a column of masses, in small letters."""
_NEAR: Final = 0.006
"""u; so near to the mass of an isotope must a mass be that stands for it."""


@dataclass(frozen=True, slots=True)
class Species:
    """What a label says of an atom.

    Attributes
    ----------
    symbol
        Of the element.
    isotope
        Mass number, 0 for the natural element.
    charge
        In e; None where the label says none.
    """

    symbol: str
    isotope: int = 0
    charge: float | None = None


@functools.lru_cache(maxsize=4096)
def species_of(label: str) -> Species | None:
    """Read a label such as ``La``, ``La3+``, ``O2-``, ``D``, ``6Li``, ``O1``, ``Zr_sv`` or ``LA``.

    Returns
    -------
    Species or None
        None if it names no element.

    Examples
    --------
    >>> species_of("La3+")
    Species(symbol='La', isotope=0, charge=3.0)
    >>> species_of("D").isotope
    2
    """
    from ase.data import atomic_numbers

    match = _LABEL.fullmatch(label.strip())
    if match is None:
        return None
    letters = match["letters"]
    symbol = letters if letters in atomic_numbers or letters in _HYDROGEN else letters.capitalize()
    if symbol not in _HYDROGEN and atomic_numbers.get(symbol, 0) == 0:
        return None
    isotope = _HYDROGEN.get(symbol, 0)
    symbol = "H" if isotope else symbol
    if match["mass"]:
        if isotope or not _is_isotope(symbol, int(match["mass"])):
            return None
        isotope = int(match["mass"])
    return Species(symbol, isotope, _charge(match["charge"]))


def _charge(text: str | None) -> float | None:
    if not text:
        return None
    sign = -1.0 if "-" in text else 1.0
    number = text.strip("+-")
    return sign * (float(number) if number else 1.0)


@functools.cache
def _isotope_masses(symbol: str) -> dict[int, float]:
    """Masses in u of the isotopes that have a neutron scattering length, by mass number."""
    import periodictable

    element = periodictable.elements.symbol(symbol)
    return {
        number: float(element[number].mass)
        for number in element.isotopes
        if element[number].neutron.b_c is not None
    }


def _is_isotope(symbol: str, number: int) -> bool:
    return number in _isotope_masses(symbol)


def split_isotope(name: str) -> tuple[str, int]:
    """Symbol and mass number of a name such as ``D``, ``7Li`` or ``La`` (0); ions keep their charge in the symbol."""
    if name in _HYDROGEN:
        return "H", _HYDROGEN[name]
    match = re.fullmatch(r"(\d+)([A-Z].*)", name)
    return (match[2], int(match[1])) if match else (name, 0)


def _isotope_name(symbol: str, isotope: int) -> str:
    """``D``, ``T``, ``7Li``; the bare symbol of a natural element."""
    if symbol == "H" and isotope in _HYDROGEN.values():
        return {2: "D", 3: "T"}[isotope]
    return f"{isotope}{symbol}" if isotope else symbol


def isotope_names(atoms: Atoms) -> list[str]:
    """Symbol of every atom, with isotopes by their own name: ``D``, ``6Li``."""
    symbols: list[str] = atoms.get_chemical_symbols()
    if ISOTOPE not in atoms.arrays:
        return symbols
    return [
        _isotope_name(symbol, int(isotope))
        for symbol, isotope in zip(symbols, atoms.arrays[ISOTOPE], strict=True)
    ]


def species_of_mass(mass: float) -> Species | None:
    """Element or isotope of a mass in u; None if it is that of none.

    Whole numbers and rounded masses are taken for the element: an isotope only where the mass is its own to
    0.006 u and not the element's, or where no element has such a mass.
    """
    from ase.data import atomic_masses, chemical_symbols

    nearest = min(range(1, 104), key=lambda number: abs(float(atomic_masses[number]) - mass))
    symbol = chemical_symbols[nearest]
    off = abs(float(atomic_masses[nearest]) - mass)
    room = min(0.5, 0.03 * mass)
    if off > 0.02:
        # Of masses that two isotopes share, hydrogen's comes first.
        isotopes = [
            (round(abs(own - mass), 3), order, name, number)
            for order, name in enumerate(("H", "Li", "B", symbol))
            for number, own in _isotope_masses(name).items()
        ]
        distance, _, name, number = min(isotopes)
        if distance < _NEAR or (off > room and distance < 0.02):
            return Species(name, number)
    return Species(symbol) if off <= room else None


def make_atoms(species: Sequence[Species], *, positions: Any, cell: Any = None, pbc: Any = False) -> Atoms:
    """Model of what labels say, with the charges, isotopes and masses that they name.

    Parameters
    ----------
    species
        One an atom.
    positions
        Å, shape (n_atoms, 3).
    cell, pbc
        As :class:`ase.Atoms` takes them.
    """
    from ase import Atoms
    from ase.data import atomic_numbers

    numbers = [atomic_numbers[one.symbol] for one in species]
    atoms = Atoms(numbers=numbers, positions=positions, cell=cell, pbc=pbc)
    name_species(atoms, species)
    return atoms


def name_species(atoms: Atoms, species: Sequence[Species]) -> None:
    """Give a model the charges, isotopes and masses that the labels of its atoms name."""
    import numpy as np

    isotopes = np.array([one.isotope for one in species], dtype=np.int64)
    if isotopes.any():
        atoms.set_array(ISOTOPE, isotopes)
        masses = atoms.get_masses()
        for index in np.flatnonzero(isotopes):
            masses[index] = _isotope_masses(species[int(index)].symbol)[int(isotopes[index])]
        atoms.set_masses(masses)
    if any(one.charge is not None for one in species):
        atoms.set_initial_charges([one.charge or 0.0 for one in species])


def parse_types(text: str) -> tuple[Species, ...]:
    """Read the elements of the types 1, 2, … from a list such as ``Li,La,Zr,O``.

    Raises
    ------
    InputError
        If one names no element.
    """
    found = []
    for name in text.split(","):
        one = species_of(name)
        if one is None:
            raise InputError(
                f"--types {text}: {name.strip()!r} is no element; allowed: one for each type, such as Li,La,Zr,O"
            )
        found.append(one)
    return tuple(found)


def masses_as_isotopes(atoms: Atoms) -> None:
    """Take masses that are those of isotopes for isotopes: of the model, or of a column that programs call mass."""
    import numpy as np

    column = next((key for key in atoms.arrays if key.lower() in _MASSES), None)
    if ISOTOPE in atoms.arrays or column is None or atoms.arrays[column].shape != (len(atoms),):
        return
    masses = atoms.arrays[column]
    if masses.dtype.kind != "f":
        return
    isotopes = np.zeros(len(atoms), dtype=np.int64)
    for mass in np.unique(masses[np.isin(atoms.numbers, (1, 3, 5))]):
        one = species_of_mass(float(mass))
        if one is not None and one.isotope:
            here = (masses == mass) & (atoms.symbols == one.symbol)
            isotopes[here] = one.isotope
    if isotopes.any():
        atoms.set_array(ISOTOPE, isotopes)
        atoms.set_masses(np.where(isotopes > 0, masses, atoms.get_masses()))
