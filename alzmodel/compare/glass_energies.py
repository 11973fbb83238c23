"""Energies of glasses of several La contents and of the crystals that they compete with, for their solubility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alzmodel.compare.solubility import (
    GATE_CRYSTAL,
    Exsolution,
    Gate,
    Solubility,
    exsolution,
    formation_gate,
    per_formula_unit,
    solubility,
)
from alzmodel.errors import InputError
from alzmodel.forcefields.phase_energies import phase_energy
from alzmodel.forcefields.validation import crystal_properties
from alzmodel.progress import Progress, part_of, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms

__all__ = [
    "CRYSTALS",
    "GlassEnergies",
    "GlassEnergy",
    "common_contents",
    "crystal_energies",
    "glass_energies",
    "made_for",
]

CRYSTALS: Final = ("La2O3", "ZrO2", "ZrO2-cubic", GATE_CRYSTAL, "Li2O")
SAME_CONTENT: Final = 0.05
"""Models whose x differ by less were made for the same x, and miss it by an ion or two."""


def crystal_energies(potential: str, progress: Progress = silent) -> dict[str, float]:
    """Energies of the crystals in eV per formula unit; of ZrO2 that of the lower polymorph.

    Raises
    ------
    InputError
        If the potential lacks one of their ions.
    AlzmodelError
        If LAMMPS fails.
    """
    energies = {}
    for number, name in enumerate(CRYSTALS):
        progress(number / len(CRYSTALS), name)
        energies[name] = crystal_properties(name, potential, compress=False).energy
    energies["ZrO2"] = min(energies["ZrO2"], energies.pop("ZrO2-cubic"))
    return energies


@dataclass(frozen=True, slots=True)
class GlassEnergy:
    """A glass, its energy in eV per formula unit with two Zr at its x, and whether La gathers in it."""

    source: str
    la: float
    n_atoms: int
    energy: float
    order: Exsolution


@dataclass(frozen=True, slots=True)
class GlassEnergies:
    """Glasses beside the crystals: what was computed, and what it says.

    Attributes
    ----------
    glasses
        One for each model.
    crystals
        eV per formula unit, by name.
    found
        The energies over x against ½ E(La2O3).
    gate
        Whether they may be compared across phases.
    """

    glasses: tuple[GlassEnergy, ...]
    crystals: Mapping[str, float]
    found: Solubility
    gate: Gate


def made_for(models: Mapping[str, Atoms]) -> dict[str, float]:
    """Give the x that each model was made for, by its name.

    Raises
    ------
    InputError
        If models are too few or of another composition than Li7LaxZr2O(7.5+1.5x).
    """
    common = common_contents([_la_content(name, atoms) for name, atoms in models.items()])
    contents = dict(zip(models, common, strict=True))
    for name, atoms in models.items():
        try:
            per_formula_unit(atoms, 0.0, la=contents[name], oxides={"Li2O": 0.0, "La2O3": 0.0})
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return contents


def _la_content(name: str, atoms: Atoms) -> float:
    """La for each two Zr."""
    symbols = atoms.get_chemical_symbols()
    if not {"La", "Zr"} <= set(symbols) <= {"Li", "La", "Zr", "O"}:
        raise InputError(
            f"{name}: of {', '.join(sorted(set(symbols)))}; allowed: glasses Li7LaxZr2O(7.5+1.5x) with La and Zr"
        )
    return 2 * symbols.count("La") / symbols.count("Zr")


def common_contents(contents: Sequence[float]) -> list[float]:
    """Give each model the x that it was made for: the mean of those that lie within 0.05 of the one before.

    Raises
    ------
    InputError
        If there are fewer than three x, or fewer than two models of one.

    Examples
    --------
    >>> common_contents([1.5, 3.0, 2.99, 1.5, 4.5, 4.5])
    [1.5, 2.995, 2.995, 1.5, 4.5, 4.5]
    """
    groups: list[list[float]] = []
    for x in sorted(contents):
        if groups and x - groups[-1][-1] < SAME_CONTENT:
            groups[-1].append(x)
        else:
            groups.append([x])
    if len(groups) < 3 or min(map(len, groups)) < 2:
        made = ", ".join(f"{len(group)} at x = {group[0]:.3g}" for group in groups)
        raise InputError(f"models: {made}; allowed: at least two at each of at least three La contents")
    common = {x: round(sum(group) / len(group), 4) for group in groups for x in group}
    return [common[x] for x in contents]


def glass_energies(
    models: Mapping[str, Atoms], potential: str = "du-teter", *, progress: Progress = silent
) -> GlassEnergies:
    """Energies of minimised glasses with nothing cut off, against the crystalline oxide.

    Parameters
    ----------
    models
        By name: Li7LaxZr2O(7.5+1.5x), at least two at each of at least three x. One that misses its x by some ions is
        brought to it with the energies of Li2O and La2O3.
    potential
        Name of the potential that they were minimised with.
    progress
        Told what is being done.

    Raises
    ------
    InputError
        If models are too few or of another composition.
    AlzmodelError
        If LAMMPS fails.
    """
    contents = made_for(models)
    n_parts = len(models) + 1
    crystals = crystal_energies(potential, part_of(progress, 0, n_parts))
    glasses = []
    for number, (name, atoms) in enumerate(models.items(), start=1):
        la = contents[name]
        progress(number / n_parts, name)
        energy = phase_energy(atoms, potential=potential).total
        energy = per_formula_unit(atoms, energy, la=la, oxides=crystals)
        glasses.append(GlassEnergy(name, la, len(atoms), energy, exsolution(atoms)))
    groups: dict[float, list[float]] = {}
    for one in glasses:
        groups.setdefault(one.la, []).append(one.energy)
    found = solubility(groups, crystals["La2O3"] / 2)
    return GlassEnergies(tuple(glasses), crystals, found, formation_gate(crystals))
