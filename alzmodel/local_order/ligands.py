"""Which elements of a model are ligands and which are centres of units, and how far apart they bond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.elements import element_symbols, elements_of
from alzmodel.errors import InputError
from alzmodel.ions import IONS, OXIDE_RADIUS
from alzmodel.local_order.bonds import ANION
from alzmodel.neighbours import neighbour_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

__all__ = ["RADII", "bond_length", "former_elements", "is_among", "ligand_elements"]

RADII: Final[Mapping[str, float]] = {
    ANION: OXIDE_RADIUS,
    "F": 1.33,
    "N": 1.46,
    "Cl": 1.81,
    "Br": 1.96,
    "S": 1.84,
    "I": 2.20,
    "Se": 1.98,
    "Te": 2.21,
}
"""Å, of the anions that are ligands, by falling electronegativity but for oxygen, which comes first; six-fold, nitrogen
four-fold. R. D. Shannon, Acta Cryst. A 32 (1976) 751, table 1."""
_COVALENT: Final = 1.15
"""Of the sum of covalent radii: so near to oxygen is the centre of an oxyanion (sulphate, nitrate, perchlorate)."""


def ligand_elements(atoms: Atoms) -> tuple[str, ...]:
    """Find the elements whose atoms are ligands of the others.

    Oxygen is one. So are nitrogen, sulphur, selenium, tellurium and the halogens, unless most of their atoms are bonded
    to oxygen or fluorine (or a halogen in front of them) as in a sulphate or nitrate: then they are centres.

    Parameters
    ----------
    atoms
        One model.

    Returns
    -------
    tuple of str
        Oxygen first.

    Raises
    ------
    InputError
        If there is no anion, or nothing else.
    """
    elements = set(elements_of(atoms)[0])
    found: list[str] = []
    for element in RADII:
        if element in elements and not (found and _is_centre(atoms, element, found)):
            found.append(element)
    if not found or elements <= set(found):
        raise InputError(
            f"model: {atoms.get_chemical_formula()} has no cation–oxygen units; "
            f"allowed: oxides, and compounds of {', '.join(list(RADII)[1:])}"
        )
    return tuple(found)


def _is_centre(atoms: Atoms, element: str, ligands: Sequence[str]) -> bool:
    """Whether most atoms of an element are bonded to a ligand by a covalent length."""
    from ase.data import atomic_numbers, covalent_radii

    centre = atoms.symbols == element
    own = float(covalent_radii[atomic_numbers[element]])
    bonded = np.zeros(len(atoms), dtype=bool)
    for ligand in ligands:
        reach = _COVALENT * (own + float(covalent_radii[atomic_numbers[ligand]]))
        bonded[neighbour_list(atoms, reach, of=centre, among=atoms.symbols == ligand).i] = True
    return bool(2 * bonded.sum() > centre.sum())


def is_among(atoms: Atoms, elements: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each atom is one of these elements, shape (n_atoms,)."""
    return np.isin(element_symbols(atoms), list(elements))


def bond_length(cation: str, ligand: str) -> float:
    """Usual length of a bond in Å: the sum of six-fold radii, with hydrogen or without data of covalent radii.

    References
    ----------
    Covalent radii: B. Cordero et al., Dalton Trans. (2008) 2832.
    """
    radii = [known.radius_cn6 for known in IONS.values() if known.element == cation and known.usual]
    if radii and cation != "H":
        return radii[0] + RADII[ligand]
    from ase.data import atomic_numbers, covalent_radii

    return float(covalent_radii[atomic_numbers[cation]] + covalent_radii[atomic_numbers[ligand]])


def former_elements(former: str, cations: Sequence[str]) -> tuple[str, ...]:
    """Elements of a former such as ``Zr`` or ``Si,Al``.

    Raises
    ------
    InputError
        If one is no cation of the model.
    """
    names = tuple(dict.fromkeys(name.strip() for name in former.split(",")))
    for name in names:
        if name not in cations:
            raise InputError(f"former: {name!r} is no cation of the model; allowed: {', '.join(cations)}")
    return names
