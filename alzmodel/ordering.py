"""Ordered supercells of crystals whose sites are held in part or by several elements."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.crystals import checked_seed
from alzmodel.errors import InputError
from alzmodel.formats.notes import tell
from alzmodel.ions import IONS
from alzmodel.neighbours import neighbour_list
from alzmodel.sanity import OCCUPANCY, amounts_of, formula_text, held_in_part
from alzmodel.species import ISOTOPE

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

__all__ = ["EDGE", "ordered", "usual_charge"]

EDGE: Final = 12.0
"""Å; least edge of the supercell, so that first shells do not meet their own images."""
_MOST_SITES: Final = 20_000
_CHARGES: Final = {
    "O": -2,
    "S": -2,
    "Se": -2,
    "Te": -2,
    "F": -1,
    "Cl": -1,
    "Br": -1,
    "I": -1,
    "N": -3,
    "H": 1,
}
"""Formal charges in e that stand before those of the table of ions."""
_REACH: Final = 9.0
"""Å; where the damped shifted force of a pair of charges ends."""
_DAMPING: Final = 0.2
"""Å⁻¹."""
_TOO_NEAR: Final = 1.3
"""Å; nearer sites are not both held (0.8 Å with hydrogen): split sites of one atom."""
_PENALTY: Final = 1000.0
"""eV a pair of such sites."""
_HOT, _COLD, _SWEEPS = 2.0, 0.02, 30
_BONDED: Final = 1.2
"""Of the sum of covalent radii: so near are the ligands of a centre."""
_STRONG: Final = 1.0
"""Charge of a centre over the number of its ligands from which on they are one unit (SiO4, PS4, BO3; not ZrO6)."""
_CENTRES: Final = {"S": 2, "Se": 2, "Te": 2, "N": 1, "Cl": 1, "Br": 1, "I": 1}
"""Anions that are centres among oxygens, and the charge in −e of the unit that they then form (SO4, NO3, ClO4)."""
_COULOMB: Final = 14.399645
"""eV Å."""


@dataclass(frozen=True, slots=True)
class _Sites:
    """Places of a supercell that the same species may hold, with the same shares."""

    places: NDArray[np.int64]
    atoms: tuple[int, ...]
    """One atom of the disordered cell for each species."""
    shares: tuple[float, ...]
    bound: bool
    """Whether the places are full ligands of a unit, which stays whole."""


def usual_charge(symbol: str) -> int:
    """Formal charge in e of an element's usual ion; 0 where none is known."""
    if symbol in _CHARGES:
        return _CHARGES[symbol]
    known = [one.valence for one in IONS.values() if one.element == symbol and one.usual]
    if known:
        return known[0]
    import periodictable

    return max((charge for charge in getattr(periodictable, symbol).ions if charge > 0), default=0)


def ordered(atoms: Atoms, seed: int) -> Atoms:
    """Fill sites that are held in part, in a supercell with edges of at least :data:`EDGE`.

    Numbers of atoms are whole, make the cell neutral by formal charges, and are otherwise as near as they can be to the
    shares (the sum of the differences is smallest). Full sites of cations stay full. So do those of the ligands of a
    unit whose centre has at least the charge of one to each of them, by Pauling's rule: a PS4 keeps its S, a ZrO6 may
    lose an O where a file forgets its vacancies. Numbers are dealt to the sites at random and then exchanged, by Monte
    Carlo from 2 eV down to 0.02 eV, so that sites nearer than 1.3 Å are not both held and the energy of point charges
    (damped shifted force, 9 Å) falls. That is an arrangement which charges allow, not the ground state; the seed gives
    others.

    Parameters
    ----------
    atoms
        With the array ``occupancy``; what has none is handed back.
    seed
        Of the arrangement.

    Returns
    -------
    ase.Atoms
        ``info["kind"]`` is "crystal", the provenance has the key ``ordered``.

    Raises
    ------
    InputError
        If the seed is bad or the supercell too large.

    Warns
    -----
    ReadingNote
        What was built.

    References
    ----------
    Energy: C. J. Fennell and J. D. Gezelter, J. Chem. Phys. 124, 234104 (2006). Strength of a bond: L. Pauling, J. Am.
    Chem. Soc. 51, 1010 (1929).
    """
    checked_seed(seed)
    if not held_in_part(atoms):
        return atoms
    repeats = tuple(max(1, math.ceil(EDGE / length - 1e-6)) for length in atoms.cell.lengths())
    if len(atoms) * math.prod(repeats) > _MOST_SITES:
        raise InputError(
            f"--order {seed}: {len(atoms) * math.prod(repeats)} sites; allowed: up to {_MOST_SITES}"
        )
    large = atoms.repeat(repeats)
    place, where = _places(large)
    charges = np.array([usual_charge(symbol) for symbol in large.get_chemical_symbols()], dtype=float)
    units = _units(large, place, where, charges)
    groups = _groups(large, place, units.bound)
    counts, neutral = _whole_numbers(groups, charges)
    state = _dealt(groups, counts, len(where), np.random.default_rng(seed))
    clashes = _exchange(large, where, groups, charges, state, np.random.default_rng([seed, 1]))
    held = np.flatnonzero(state >= 0)
    result = large[state[held]]
    result.positions = large.positions[where[held]]
    result = result[np.argsort(result.numbers, kind="stable")]
    del result.arrays[OCCUPANCY]
    shares = formula_text({key: n * math.prod(repeats) for key, n in amounts_of(atoms).items()})
    built = {key: float(n) for key, n in Counter(result.get_chemical_symbols()).items()}
    built = {key: built[key] for key in amounts_of(atoms) if key in built}
    words = f"{'×'.join(map(str, repeats))} cells ordered by seed {seed}: {formula_text(built)} for {shares}"
    words += ", neutral" if neutral else ", which no whole numbers make neutral"
    if clashes:
        words += f"; {clashes} pairs of split sites nearer than {_TOO_NEAR:g} Å are both held, which these shares force"
    words += units.broken(state >= 0)
    tell(words)
    result.info = {
        **atoms.info,
        "kind": "crystal",
        "provenance": {"formula": formula_text(built), "ordered": {"seed": seed, "from": shares}},
    }
    return result


def _places(atoms: Atoms) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Place of every atom, and one atom of every place: atoms nearer than 0.1 Å share one."""
    pairs = neighbour_list(atoms, 0.1)
    first = np.arange(len(atoms))
    np.minimum.at(first, pairs.i, pairs.j)
    where, place = np.unique(first, return_inverse=True)
    return place, where


@dataclass(frozen=True, slots=True)
class _Units:
    """Centres with strong bonds and their ligands: pairs of places, and the sum of shares of ligands of each centre."""

    centre: NDArray[np.int64]
    ligand: NDArray[np.int64]
    expected: NDArray[np.float64]
    """Shape (n_places,); NaN where there is no centre."""
    bound: NDArray[np.bool_]
    """Places that are ligands and full, shape (n_places,)."""

    def broken(self, held: NDArray[np.bool_]) -> str:
        """Say how many centres have another number of ligands than they should, if any; `held` is of each place."""
        whole = np.flatnonzero(np.isfinite(self.expected) & held)
        number = np.bincount(self.centre, held[self.ligand], minlength=len(held))
        off = int((np.abs(number - self.expected)[whole] > 0.99).sum())
        return f"; {off} of {len(whole)} units of formers have lost or won a ligand" if off else ""


def _units(
    atoms: Atoms, place: NDArray[np.int64], where: NDArray[np.int64], charges: NDArray[np.float64]
) -> _Units:
    """Find units; `charges` of centres that are anions elsewhere, such as sulphur among oxygens, are set to theirs."""
    from ase.data import covalent_radii

    shares = atoms.arrays[OCCUPANCY]
    filled = np.bincount(place, shares)
    radii = covalent_radii[atoms.numbers]
    pairs = neighbour_list(atoms, 2 * _BONDED * float(radii.max()))
    near = (pairs.distance < _BONDED * (radii[pairs.i] + radii[pairs.j])) & (place[pairs.i] != place[pairs.j])
    i, j = pairs.i[near], pairs.j[near]
    symbols = np.array(atoms.get_chemical_symbols())
    oxygens = np.bincount(i, shares[j] * (symbols[j] == "O"), minlength=len(atoms))
    for symbol, charge in _CENTRES.items():
        central = (symbols == symbol) & (oxygens > 1.5)
        charges[central] = 2 * np.rint(oxygens[central]) - charge
    bond = (charges[i] > 0) & (charges[j] < 0)
    i, j = i[bond], j[bond]
    bonds = np.bincount(place[i], shares[i] * shares[j], minlength=len(where))
    own = np.bincount(place, shares * np.maximum(charges, 0.0))
    ligands = bonds / np.maximum(np.bincount(place, shares * (charges > 0)), 1e-9)
    strong = (ligands > 1.5) & (own / np.maximum(filled, 1e-9) >= _STRONG * ligands - 0.05)
    strong &= np.bincount(place, shares * (charges <= 0)) < 1e-9
    ends = np.unique(np.stack([place[i], place[j]], axis=1)[strong[place[i]]], axis=0)
    bound = np.zeros(len(where), dtype=np.bool_)
    bound[ends[:, 1]] = True
    bound &= (filled > 1 - 1e-3) & (np.bincount(place, shares * (charges >= 0)) < 1e-9)
    return _Units(ends[:, 0], ends[:, 1], np.where(strong, ligands, np.nan), bound)


def _groups(atoms: Atoms, place: NDArray[np.int64], bound: NDArray[np.bool_]) -> list[_Sites]:
    """Places by what holds them."""
    shares = atoms.arrays[OCCUPANCY]
    isotopes = atoms.arrays.get(ISOTOPE, np.zeros(len(atoms), dtype=np.int64))
    members: list[list[int]] = [[] for _ in range(int(place.max()) + 1)]
    for atom, at in enumerate(place.tolist()):
        members[at].append(atom)
    kinds: dict[tuple[bool, tuple[tuple[int, int, float], ...]], list[int]] = {}
    for at, held in enumerate(members):
        key = tuple(
            sorted((int(atoms.numbers[k]), int(isotopes[k]), round(float(shares[k]), 4)) for k in held)
        )
        kinds.setdefault((bool(bound[at]), key), []).append(at)
    groups = []
    for (whole, _), places in kinds.items():
        here = members[places[0]]
        groups.append(_Sites(np.array(places), tuple(here), tuple(float(shares[k]) for k in here), whole))
    return groups


def _whole_numbers(
    groups: list[_Sites], charges: NDArray[np.float64]
) -> tuple[list[NDArray[np.int64]], bool]:
    """Whole numbers of each species in each group, nearest to the shares and neutral; and whether they are."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    wanted = np.concatenate([np.array(one.shares) * len(one.places) for one in groups])
    charge = np.concatenate([charges[list(one.atoms)] for one in groups])
    room = [float(len(one.places)) for one in groups]
    n = len(wanted)
    owner = np.repeat(np.arange(len(groups)), [len(one.shares) for one in groups])
    filled = (owner[None, :] == np.arange(len(groups))[:, None]).astype(float)
    # Full sites of cations stay full; anions may leave theirs, as oxygen does where a file forgets its vacancies,
    # unless they are ligands of a unit.
    full = np.array(
        [one.bound or (sum(one.shares) > 1 - 1e-3 and charges[list(one.atoms)].min() >= 0) for one in groups]
    )
    nothing = np.zeros((len(groups), n))
    rows = [
        LinearConstraint(np.hstack([np.eye(n), -np.eye(n)]), -np.inf, wanted),
        LinearConstraint(np.hstack([np.eye(n), np.eye(n)]), wanted, np.inf),
        LinearConstraint(np.hstack([filled, nothing]), np.where(full, room, 0.0), room),
    ]
    balance = LinearConstraint(np.concatenate([charge, np.zeros(n)])[None, :], 0.0, 0.0)
    whole = np.concatenate([np.ones(n), np.zeros(n)])
    # Of equal differences the one that spreads over the larger amounts.
    price = np.concatenate([np.zeros(n), 1 + 1e-3 / (1 + wanted)])
    largest = np.concatenate([np.array(room)[owner], np.full(n, np.inf)])
    for neutral in (True, False):
        found = milp(
            price,
            constraints=[*rows, balance] if neutral else rows,
            integrality=whole,
            bounds=Bounds(0, largest),
        )
        if found.success:
            break
    numbers = np.rint(found.x[:n]).astype(np.int64)
    return [numbers[owner == k] for k in range(len(groups))], neutral


def _dealt(
    groups: list[_Sites], counts: list[NDArray[np.int64]], n_places: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Atom whose species holds each place, −1 for none, shape (n_places,)."""
    state = np.full(n_places, -1, dtype=np.int64)
    for one, numbers in zip(groups, counts, strict=True):
        hands = np.repeat(np.array(one.atoms), numbers)
        hands = np.concatenate([hands, np.full(len(one.places) - len(hands), -1)])
        state[one.places] = rng.permutation(hands) if len(set(hands.tolist())) > 1 else hands
    return state


def _exchange(
    atoms: Atoms,
    where: NDArray[np.int64],
    groups: list[_Sites],
    charges: NDArray[np.float64],
    state: NDArray[np.int64],
    rng: np.random.Generator,
) -> int:
    """Exchange what holds two places of a group, by Metropolis' rule at a falling temperature; `state` is changed.

    Returns
    -------
    int
        Pairs of places left that are held and too near.
    """
    mixed = [one.places for one in groups if len(set(state[one.places].tolist())) > 1]
    if not mixed:
        return 0
    energy, clash = _interactions(atoms, where)
    n_moves = _SWEEPS * sum(len(places) for places in mixed)
    charge = np.where(state >= 0, charges[state], 0.0)
    held = (state >= 0).astype(float)
    field, crowd = energy @ charge, clash @ held
    sizes = np.array([len(places) for places in mixed], dtype=float)
    chosen = rng.choice(len(mixed), size=n_moves, p=sizes / sizes.sum())
    dice = rng.random((n_moves, 3))
    temperatures = _HOT * (_COLD / _HOT) ** (np.arange(n_moves) / n_moves)
    for move in range(n_moves):
        places = mixed[chosen[move]]
        a, b = places[int(dice[move, 0] * len(places))], places[int(dice[move, 1] * len(places))]
        if state[a] == state[b]:
            continue
        dq, dn = charge[b] - charge[a], held[b] - held[a]
        change = dq * (field[a] - field[b]) + 0.5 * dq**2 * (energy[a, a] + energy[b, b] - 2 * energy[a, b])
        change += _PENALTY * (dn * (crowd[a] - crowd[b]) - dn**2 * clash[a, b])
        if change > 0 and dice[move, 2] >= math.exp(-min(change / temperatures[move], 700.0)):
            continue
        field += dq * (energy[:, a] - energy[:, b])
        crowd += dn * (clash[:, a] - clash[:, b])
        charge[a], charge[b] = charge[b], charge[a]
        held[a], held[b] = held[b], held[a]
        state[a], state[b] = state[b], state[a]
    return round(float(held @ clash @ held) / 2)


def _interactions(atoms: Atoms, where: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energy in eV of unit charges on every pair of places, all images, and pairs that are too near; both (n, n)."""
    from scipy.special import erfc

    places = atoms[where]
    pairs = neighbour_list(places, _REACH)
    r = pairs.distance
    end = erfc(_DAMPING * _REACH) / _REACH
    slope = erfc(_DAMPING * _REACH) / _REACH**2
    slope += 2 * _DAMPING / math.sqrt(math.pi) * math.exp(-((_DAMPING * _REACH) ** 2)) / _REACH
    # Split sites may lie as near as 0.1 Å; their penalty decides, not their charges.
    pair_energy = _COULOMB * (erfc(_DAMPING * r) / np.maximum(r, 1.0) - end + slope * (r - _REACH))
    n = len(where)
    energy, clash = np.zeros((n, n)), np.zeros((n, n))
    np.add.at(energy, (pairs.i, pairs.j), pair_energy)
    hydrogen = places.numbers == 1
    limit = np.where(hydrogen[pairs.i] | hydrogen[pairs.j], 0.8, _TOO_NEAR)
    near = (r < limit) & (pairs.i != pairs.j)
    np.add.at(clash, (pairs.i[near], pairs.j[near]), 1.0)
    return energy, clash
