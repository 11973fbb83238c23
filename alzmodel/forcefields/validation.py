"""Crystals at 0 K with a potential: cell, bond lengths, bulk modulus, and formation enthalpy from the binary oxides."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from alzmodel.composition import formal_charges, ion_labels
from alzmodel.crystals import PHASES, crystal
from alzmodel.errors import InputError
from alzmodel.forcefields.phase_energies import phase_energy
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.forcefields.static import relax
from alzmodel.neighbours import neighbour_list
from alzmodel.units import EV_TO_KJ_PER_MOL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms

__all__ = [
    "VALIDATION",
    "CrystalProperties",
    "Validated",
    "bond_lengths",
    "crystal_properties",
    "formation_enthalpy",
    "holds",
    "published_bonds",
    "validation_crystal",
]

STRAIN: Final = 0.003
"""Of the lengths of a cell to either side, between which the bulk modulus is taken: some 1 to 2 GPa."""

SHELL: Final = 3.0
"""Å; longest bond between a cation and oxygen."""

GAP: Final = 1.25
"""A first shell ends where the next oxygen is this many times as far as the nearest one."""

SYMMETRY: Final = 0.02
"""Å, within which a relaxed crystal keeps its space group."""


@dataclass(frozen=True, slots=True)
class Validated:
    """A crystal of the validation table, and what was published about it.

    Attributes
    ----------
    name
        Of the table.
    like, exchange
        Phase whose structure it has, and the elements that are put in place of others.
    oxides
        Binary oxides that make up one formula unit, or nothing.
    bulk_modulus
        GPa and its error, or None.
    formation_enthalpy
        kJ per mole of formula units from the oxides, and its error, or None.
    bonds
        Published mean lengths in Å and numbers of the bonds to oxygen by cation; None: those of the coordinates.
    bulk_modulus_source, formation_enthalpy_source, bonds_source
        Citations.
    stabler
        Polymorph of the table that was found to be the stabler one, or nothing.
    doubtful
        Whether the formation enthalpy contradicts what its own source says beside it.
    """

    name: str
    like: str
    exchange: Mapping[str, str]
    oxides: Mapping[str, float]
    bulk_modulus: tuple[float, float] | None
    formation_enthalpy: tuple[float, float] | None
    bonds: Mapping[str, tuple[float, int]] | None
    bulk_modulus_source: str
    formation_enthalpy_source: str
    bonds_source: str
    stabler: str
    doubtful: bool

    @property
    def has_cell(self) -> bool:
        """Whether its own cell is published in the tables of this program."""
        return not self.exchange


def _load() -> dict[str, Validated]:
    text = resources.files("alzmodel").joinpath("data/validation.toml").read_text(encoding="utf-8")
    return {
        name: Validated(
            name=name,
            like=row.get("like", name),
            exchange=row.get("exchange", {}),
            oxides=row.get("oxides", {}),
            bulk_modulus=_pair(row.get("bulk_modulus")),
            formation_enthalpy=_pair(row.get("formation_enthalpy")),
            bonds=_bonds(row.get("bonds")),
            bulk_modulus_source=row.get("bulk_modulus_source", ""),
            formation_enthalpy_source=row.get("formation_enthalpy_source", ""),
            bonds_source=row.get("bonds_source", ""),
            stabler=row.get("stabler", ""),
            doubtful=row.get("doubtful", False),
        )
        for name, row in tomllib.loads(text).items()
    }


def _pair(numbers: Sequence[float] | None) -> tuple[float, float] | None:
    return None if numbers is None else (float(numbers[0]), float(numbers[1]))


def _bonds(table: Mapping[str, Sequence[float]] | None) -> dict[str, tuple[float, int]] | None:
    return None if table is None else {one: (float(pair[0]), int(pair[1])) for one, pair in table.items()}


VALIDATION: Final[Mapping[str, Validated]] = MappingProxyType(_load())
"""Crystals of the validation table by name; the data stand in ``alzmodel/data/validation.toml``."""


@dataclass(frozen=True, slots=True)
class CrystalProperties:
    """A crystal relaxed with a potential.

    Attributes
    ----------
    name, potential
        Of the crystal and of the potential.
    atoms
        Relaxed at zero pressure.
    space_group
        Its number after the relaxation.
    bonds
        Mean length in Å and number of the bonds to oxygen, by cation.
    bulk_modulus
        GPa.
    energy
        eV per formula unit, comparable across phases (:mod:`alzmodel.forcefields.phase_energies`).
    provisional
        Ions whose parameters are provisional.
    """

    name: str
    potential: str
    atoms: Atoms
    space_group: int
    bonds: dict[str, tuple[float, int]]
    bulk_modulus: float
    energy: float
    provisional: tuple[str, ...]


def holds(name: str, potential: str) -> bool:
    """Whether a potential has every ion of a crystal of the table."""
    return set(ion_labels(validation_crystal(name))) <= set(potential_of(potential).ions)


def validation_crystal(name: str) -> Atoms:
    """Crystal of the table as published; an isotypic one has the cell of its model, scaled to nothing.

    Raises
    ------
    InputError
        If it is not in the table.
    """
    try:
        entry = VALIDATION[name]
    except KeyError:
        raise InputError(f"crystal: {name!r} is not known; allowed: {', '.join(VALIDATION)}") from None
    atoms = crystal(entry.like)
    if entry.exchange:
        atoms.symbols = [entry.exchange.get(symbol, symbol) for symbol in atoms.symbols]
        atoms.set_initial_charges(None)
        atoms.set_initial_charges(formal_charges(atoms))
        atoms.info = {
            "kind": "crystal",
            "phase": name,
            "provenance": {"phase": name, "isotypic_to": entry.like},
        }
    return atoms


def crystal_properties(
    name: str, potential: str = "du-teter", *, compress: bool = True, ranks: int = 1
) -> CrystalProperties:
    """Relax a crystal of the table and measure it.

    Parameters
    ----------
    name
        Of the table.
    potential
        Name of a potential.
    compress
        Whether to find the bulk modulus too, which is NaN else.
    ranks
        MPI ranks.

    Returns
    -------
    CrystalProperties
        The bulk modulus is −V dP/dV at zero pressure with P the mean pressure, the atoms at rest in cells that keep
        their shape. In cubic crystals that is the modulus under hydrostatic pressure, in others an upper bound to it.

    Raises
    ------
    InputError
        If the crystal is not known or the potential lacks one of its ions.
    AlzmodelError
        If LAMMPS fails.
    """
    start = validation_crystal(name)
    # A cell that is neither orthogonal nor hexagonal, or that stands for a disordered one, may change its angles.
    free = not np.isin(np.round(start.cell.angles(), 6), (90.0, 120.0)).all() or _approximant(name)
    mode: bool | Literal["full"] = "full" if free else True
    relaxed = relax(start, potential=potential, cell=mode, ranks=ranks)
    modulus = float("nan")
    if compress:
        wide, tight = (_strained(relaxed.atoms, sign * STRAIN, potential, ranks) for sign in (1, -1))
        # Both pressures are off by the same little that the mesh and the relaxation leave.
        modulus = (tight - wide) / (6 * STRAIN)
    labels = ion_labels(start)
    return CrystalProperties(
        name=name,
        potential=potential,
        atoms=relaxed.atoms,
        space_group=_space_group(relaxed.atoms),
        bonds=bond_lengths(relaxed.atoms),
        bulk_modulus=modulus,
        energy=phase_energy(relaxed.atoms, potential=potential, ranks=ranks).total
        / _formula_units(name, start),
        provisional=potential_of(potential).provisional(dict.fromkeys(labels)),
    )


def _strained(atoms: Atoms, strain: float, potential: str, ranks: int) -> float:
    """Pressure in GPa when every length has grown by `strain` and the atoms have settled."""
    cell = atoms.copy()
    cell.set_cell(cell.cell.array * (1 + strain), scale_atoms=True)
    return relax(cell, potential=potential, cell=False, ranks=ranks).pressure


def _approximant(name: str) -> bool:
    return PHASES[VALIDATION[name].like].ordered_approximant


def _formula_units(name: str, atoms: Atoms) -> int:
    from pymatgen.core import Composition

    per_unit = Composition(PHASES[VALIDATION[name].like].formula).num_atoms
    return round(len(atoms) / per_unit)


def _space_group(atoms: Atoms) -> int:
    import spglib

    found = spglib.get_symmetry_dataset(
        (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec=SYMMETRY
    )
    return 1 if found is None else int(found.number)


def published_bonds(name: str) -> dict[str, tuple[float, int]]:
    """Return mean lengths (Å) and numbers of the bonds to oxygen as published; nothing where none could be read."""
    entry = VALIDATION[name]
    if not entry.has_cell:
        return {}
    return bond_lengths(validation_crystal(name)) if entry.bonds is None else dict(entry.bonds)


def bond_lengths(atoms: Atoms) -> dict[str, tuple[float, int]]:
    """Mean length (Å) and mean number of the bonds to oxygen, by cation.

    A shell holds every oxygen nearer than :data:`GAP` times the nearest one: 8 around La in pyrochlore, 6 around Zr.
    """
    pairs = neighbour_list(atoms, SHELL, of=atoms.numbers != 8, among=atoms.numbers == 8)
    nearest = np.full(len(atoms), np.inf)
    np.minimum.at(nearest, pairs.i, pairs.distance)
    bonded = pairs.distance < GAP * nearest[pairs.i]
    symbols = np.array(atoms.get_chemical_symbols())
    counts = Counter(symbols.tolist())
    found = {}
    for element in dict.fromkeys(symbols[symbols != "O"].tolist()):
        mine = bonded & (symbols[pairs.i] == element)
        found[element] = float(pairs.distance[mine].mean()), round(mine.sum() / counts[element])
    return found


def formation_enthalpy(name: str, energies: Mapping[str, float]) -> float:
    """Enthalpy of a crystal from its binary oxides in kJ per mole of formula units, at 0 K and zero pressure.

    Parameters
    ----------
    name
        Of the table.
    energies
        eV per formula unit of the crystal and of its oxides.

    Raises
    ------
    InputError
        If it is no compound of oxides, or an energy is missing.
    """
    oxides = VALIDATION[name].oxides
    missing = [one for one in (name, *oxides) if one not in energies]
    if not oxides or missing:
        allowed = ", ".join(one for one, entry in VALIDATION.items() if entry.oxides)
        raise InputError(
            f"formation enthalpy of {name}: no energy of {', '.join(missing) or 'any oxide'}; "
            f"allowed: {allowed}, with their oxides"
        )
    return EV_TO_KJ_PER_MOL * (energies[name] - sum(n * energies[one] for one, n in oxides.items()))
