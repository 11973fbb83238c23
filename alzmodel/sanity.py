"""What physics says against a model: bonds of no length that bonds have, charges that no ions have."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.elements import elements_of
from alzmodel.errors import InputError
from alzmodel.species import isotope_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

__all__ = [
    "B_ISO",
    "OCCUPANCY",
    "amounts_of",
    "charge_problem",
    "check_lengths",
    "formula_text",
    "held_in_part",
    "length_problem",
    "shares_of",
    "site_words",
    "sites_of",
]

B_ISO: Final = "b_iso"
"""Array of a model that holds B = 8π²⟨u²⟩ in Å² of each atom, NaN where it is not known; there if the file says it."""
OCCUPANCY: Final = "occupancy"
"""Array of a model that holds the share of each atom in its site; there only if a site is held in part."""
LEAST_BOND: Final = 0.5
"""Of the sum of covalent radii. The shortest bonds of solids reach 0.75 (metals in high charge to oxygen), those of
collisions in melts 0.6."""
REFUSED_BOND: Final = 0.35
"""Of the sum of covalent radii, the median over atoms: points at random, as dense as an oxide, have 0.5, nm 0.1."""
MOST_BOND: Final = 1.55
"""Of the sum of covalent radii: ionic bonds reach 1.2. A length in bohr that is read in Å is 1.9 times too long."""
_ROUNDED: Final = 2e-3
"""e an atom, which rounded shares leave of a neutral formula."""
_LEAST_LIGHT: Final = 0.78
"""Of the sum of covalent radii, between oxygen and fluorine: O2 has 0.92."""
_PAIRS: Final = 250_000
"""Pairs that are looked at; of larger models the atoms about the first one."""
_NEAR_PAIRS: Final = 20_000_000
"""Pairs within half of the largest bond that are looked at; any solid of five million atoms has fewer."""
_ONLY: Final[Mapping[tuple[int, int], str]] = {
    (-2, -2): "O",
    (-1, -1): "F",
    (-1, 1): "H",
    (1, 1): "Li Na K Rb Cs",
    (2, 2): "Be Mg Ca Sr Ba Zn Cd",
    (3, 3): "B Al Ga Sc Y La Nd Gd Dy Ho Er Tm Lu",
    (2, 3): "Sm Eu Yb",
    (3, 4): "Ce Pr Tb",
    (4, 4): "Si Zr Hf Th",
    (1, 3): "In",
    (2, 4): "Ti Ge Sn",
    (3, 5): "Nb Ta",
    (-4, 4): "C",
    (-3, 5): "N P As Sb",
    (-2, 6): "S Se Te",
    (-1, 7): "Cl Br I",
}
"""Least and largest charge in e in compounds with oxygen, sulphur, nitrogen or halogens; other elements may have any
positive charge that periodictable lists."""
_OF: Final = {symbol: charges for charges, text in _ONLY.items() for symbol in text.split()}
_ANIONS: Final = frozenset({"O", "F", "Cl", "Br", "I", "S", "Se", "Te", "N"})
_PEROXIDES: Final = frozenset({"H", "Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", "O"})
"""Where all elements are among these, oxygen may be that of a peroxide or superoxide."""


def held_in_part(atoms: Atoms) -> bool:
    """Whether a site of the model is held in part, or by more than one element."""
    return OCCUPANCY in atoms.arrays and bool((np.abs(atoms.arrays[OCCUPANCY] - 1) > 1e-3).any())


def shares_of(atoms: Atoms) -> NDArray[np.float64]:
    """Share of each atom in its site, shape (n_atoms,); 1 where the model says none."""
    return np.asarray(atoms.arrays.get(OCCUPANCY, np.ones(len(atoms))), dtype=float)


def amounts_of(atoms: Atoms) -> dict[str, float]:
    """Atoms of each element in the cell, partly held sites by their shares."""
    symbols, index, _ = elements_of(atoms)
    amounts = np.bincount(index, shares_of(atoms), len(symbols))
    # In the order of the model.
    found, first = np.unique(index, return_index=True)
    return {symbols[element]: float(amounts[element]) for element in found[np.argsort(first)]}


def formula_text(amounts: Mapping[str, float]) -> str:
    """Write a formula such as ``Zr3.2Y0.8O8``, in the order given, to three decimals."""
    parts = []
    for symbol, amount in amounts.items():
        number = f"{amount:.3f}".rstrip("0").rstrip(".")
        parts.append(symbol + ("" if number == "1" else number))
    return "".join(parts)


def site_words(atoms: Atoms) -> str:
    """Say what holds the first site that is held in part, such as ``Zr 0.8, Y 0.2``."""
    first = next(
        held for held in sites_of(atoms, isotope_names(atoms)) if len(held) > 1 or abs(held[0][1] - 1) > 1e-3
    )
    return ", ".join(f"{symbol} {share:g}" for symbol, share in first)


def sites_of(atoms: Atoms, names: Sequence[str] | None = None) -> dict[tuple[tuple[str, float], ...], int]:
    """Count the sites by what holds them and shares; atoms nearer than 0.05 Å are on one site.

    Parameters
    ----------
    atoms
        The model.
    names
        Of its atoms; None takes their symbols.
    """
    from vesin import NeighborList

    i, j = NeighborList(cutoff=0.05, full_list=True).compute(
        points=np.ascontiguousarray(atoms.positions, dtype=np.float64),
        box=np.ascontiguousarray(atoms.cell.complete().array, dtype=np.float64),
        periodic=np.asarray(atoms.pbc, dtype=bool),
        quantities="ij",
    )
    first = np.arange(len(atoms))
    np.minimum.at(first, np.asarray(i, dtype=np.int64), np.asarray(j, dtype=np.int64))
    members: dict[int, list[tuple[str, float]]] = {}
    for site, symbol, share in zip(
        first.tolist(), names or atoms.get_chemical_symbols(), shares_of(atoms), strict=True
    ):
        members.setdefault(site, []).append((symbol, round(float(share), 6)))
    numbers: dict[tuple[tuple[str, float], ...], int] = {}
    for held in members.values():
        numbers[tuple(held)] = numbers.get(tuple(held), 0) + 1
    return numbers


def _nearest(atoms: Atoms, reach: float) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Distance of the nearest neighbour over the sum of covalent radii, and both atoms, of each that has one.

    Between oxygen and fluorine it is less by 0.5/0.78, so that :data:`LEAST_BOND` is where their bonds end.
    """
    from ase.data import covalent_radii
    from vesin import NeighborList

    radii = covalent_radii[atoms.numbers]
    i, j, distance = NeighborList(cutoff=reach, full_list=True).compute(
        points=np.ascontiguousarray(atoms.positions, dtype=np.float64),
        box=np.ascontiguousarray(atoms.cell.complete().array, dtype=np.float64),
        periodic=np.asarray(atoms.pbc, dtype=bool),
        quantities="ijd",
    )
    first, second = np.asarray(i, dtype=np.int64), np.asarray(j, dtype=np.int64)
    ratio = np.asarray(distance) / (radii[first] + radii[second])
    light = np.isin(atoms.numbers, (8, 9))
    ratio[light[first] & light[second]] *= LEAST_BOND / _LEAST_LIGHT
    if OCCUPANCY in atoms.arrays:
        shares = atoms.arrays[OCCUPANCY]
        full = shares[first] + shares[second] > 1.02
        first, second, ratio = first[full], second[full], ratio[full]
    order = np.lexsort((second, ratio, first))
    atoms_seen, where = np.unique(first[order], return_index=True)
    return ratio[order][where], atoms_seen, second[order][where]


def _reach(atoms: Atoms) -> float:
    from ase.data import covalent_radii

    return 2 * MOST_BOND * float(covalent_radii[atoms.numbers].max()) + 0.1


def _part(atoms: Atoms) -> Atoms:
    """Give the model, or of one with many pairs (large, or far too dense) the atoms about the first."""
    if _pairs(atoms, _reach(atoms)) <= _PAIRS:
        return atoms
    far = ((atoms.positions - atoms.positions[0]) ** 2).sum(axis=1)
    part: Atoms = atoms[np.sort(np.argsort(far, kind="stable")[: round(_PAIRS**0.5)])]
    part.pbc = False
    return part


def _pairs(atoms: Atoms, reach: float) -> float:
    """About how many pairs there are within a distance."""
    room = abs(float(atoms.cell.volume)) if atoms.pbc.all() else float(np.ptp(atoms.positions, axis=0).prod())
    within = 4.2 * reach**3 * len(atoms) / max(room, 1e-6)
    return len(atoms) * min(within, len(atoms) if not atoms.pbc.any() else 1e9)


def _too_near(atoms: Atoms) -> tuple[int, str]:
    """How many atoms are nearer to another than bonds are, and which pair is the nearest; 0 if there are too many."""
    from ase.data import covalent_radii

    reach = max(2 * LEAST_BOND * float(covalent_radii[atoms.numbers].max()), 1.2)
    if _pairs(atoms, reach) > _NEAR_PAIRS:
        return 0, ""
    ratio, first, second = _nearest(atoms, reach)
    count = int((ratio < LEAST_BOND).sum())
    if not count:
        return 0, ""
    a, b = (int(ends[int(ratio.argmin())]) for ends in (first, second))
    distance = float(atoms.get_distance(a, b, mic=bool(atoms.pbc.any())))
    return count, f"{atoms.symbols[a]}-{atoms.symbols[b]} {distance:.3g} Å"


def length_problem(atoms: Atoms) -> tuple[bool, str]:
    """Say what speaks against the lengths of a model.

    Returns
    -------
    refuse : bool
        Whether half of the atoms are so near to another (:data:`REFUSED_BOND`) that the lengths cannot be in Å.
    words : str
        Nothing if no pair is nearer than half the sum of covalent radii (B. Cordero et al., Dalton Trans. (2008) 2832;
        0.78 of it between oxygen and fluorine) and the atoms are not all far apart.
    """
    if len(atoms) < 2:
        return False, ""
    whole, atoms = atoms, _part(atoms)
    ratio, first, second = _nearest(atoms, _reach(atoms))
    if len(ratio) == 0:
        return False, "no two atoms are near enough for a bond; are the lengths in Å?" * bool(atoms.pbc.any())
    closest = int(ratio.argmin())
    if ratio[closest] < LEAST_BOND:
        symbols = atoms.get_chemical_symbols()
        pair = f"{symbols[first[closest]]}-{symbols[second[closest]]}"
        distance = float(atoms.get_distance(first[closest], second[closest], mic=bool(atoms.pbc.any())))
        count = int((ratio < LEAST_BOND).sum())
        many = float(np.median(ratio)) < REFUSED_BOND
        words = f"{pair} {distance:.3g} Å apart is shorter than any bond ({count} of {len(atoms)} atoms)"
        return many, words
    count, pair = _too_near(whole)
    if count:
        return False, f"{pair} apart is shorter than any bond ({count} of {len(whole)} atoms)"
    if atoms.pbc.all() and len(ratio) > 1 and float(np.median(ratio)) > MOST_BOND:
        return False, (
            f"nearest atoms are {float(np.median(ratio)):.2f} times as far apart as bonds are; are the lengths in Å?"
        )
    return False, ""


def check_lengths(atoms: Atoms, name: str) -> str:
    """Words of :func:`length_problem` to be told, or a refusal.

    Raises
    ------
    InputError
        If half of the atoms are nearer to another than bonds can be.
    """
    refuse, words = length_problem(atoms)
    if refuse:
        raise InputError(f"{name}: {words}; allowed: lengths in Å")
    return words


@functools.cache
def _charges_of(symbol: str) -> tuple[int, int]:
    """Least and largest charge in e of an element."""
    if symbol in _OF:
        return _OF[symbol]
    import periodictable

    positive = [charge for charge in getattr(periodictable, symbol).ions if charge > 0]
    return (0, max(positive, default=0))


def charge_problem(amounts: Mapping[str, float]) -> str:
    """Say that no charges of the elements balance a formula; nothing if some do, or it is a metal or one element."""
    if len(amounts) < 2 or not set(amounts) & _ANIONS:
        return ""
    low = math.fsum(n * _charges_of(symbol)[0] for symbol, n in amounts.items())
    high = math.fsum(n * _charges_of(symbol)[1] for symbol, n in amounts.items())
    if set(amounts) <= _PEROXIDES:
        high += 1.5 * amounts.get("O", 0.0)
    # Shares of sites are printed to two or three digits.
    whole = all(abs(n - round(n)) < 1e-6 for n in amounts.values())
    room = 1e-6 if whole else _ROUNDED * math.fsum(amounts.values())
    if low <= room and high >= -room:
        return ""
    off = low if low > 0 else high
    return f"{formula_text(amounts)}: no charges of these elements balance, they are {off:+.3g} e off at best"
