"""Reference crystals as :class:`ase.Atoms`: unit cells, supercells and spheres.

The structures stand as CIF files in ``structures/``, each with its citation. Every model has formal charges as initial
charges and its origin in ``info["provenance"]``.
"""

from __future__ import annotations

import functools
import math
import tomllib
import warnings
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.composition import ATOMS_MAX, formal_charges
from alzmodel.errors import AlzmodelError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms
    from numpy.typing import NDArray

__all__ = [
    "DIAMETER_MAX",
    "FILM_PHASES",
    "PHASES",
    "SYMMETRIC_ATOMS",
    "Phase",
    "checked_seed",
    "crystal",
    "is_crystal",
    "nanocrystal",
    "phase_of",
    "sphere_of",
    "structure_folder",
    "supercell",
]

DIAMETER_MAX: Final = 400.0
"""Largest sphere in Å (some two million atoms)."""

_CANDIDATES: Final = 1_000_000
"""Atoms that are looked at together."""

SYMMETRIC_ATOMS: Final = 2000
"""Largest model whose symmetry is searched to tell a crystal from a glass."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A reference phase.

    Attributes
    ----------
    name
        What users type.
    file
        CIF in the structure folder.
    formula
        Formula unit.
    space_group
        Number of the published structure in International Tables A.
    density
        X-ray density of the published cell in g cm⁻³.
    citation
        Source of cell and coordinates; ASCII, since extended XYZ files keep nothing else.
    ordered_approximant
        Whether partly filled sites were replaced by one ordered arrangement.
    note
        What a user should know, or nothing.
    dopant_oxide
        Whether it is here for the validation of potentials alone, and no phase of the films.
    """

    name: str
    file: str
    formula: str
    space_group: int
    density: float
    citation: str
    ordered_approximant: bool = False
    note: str = ""
    dopant_oxide: bool = False


def _load_phases() -> dict[str, Phase]:
    table = tomllib.loads(
        resources.files("alzmodel").joinpath("data/phases.toml").read_text(encoding="utf-8")
    )
    return {name: Phase(name=name, file=f"{name}.cif", **row) for name, row in table.items()}


PHASES: Final[Mapping[str, Phase]] = _load_phases()
"""Every reference phase by its name; the data stand in ``alzmodel/data/phases.toml``."""

FILM_PHASES: Final = tuple(name for name, phase in PHASES.items() if not phase.dopant_oxide)
"""Names of the phases that may stand in a film or under it."""

_ALIASES: Final[Mapping[str, str]] = {
    "pyrochlore": "La2Zr2O7",
    "lzo": "La2Zr2O7",
    "llzo": "LLZO-cubic",
    "c-llzo": "LLZO-cubic",
    "cllzo": "LLZO-cubic",
    "t-llzo": "LLZO-tetragonal",
    "tllzo": "LLZO-tetragonal",
    "zirconia": "ZrO2",
}


def structure_folder() -> Path:
    """Folder of the reference CIFs: inside the installed package, or beside it in a checkout.

    Raises
    ------
    AlzmodelError
        If neither is there, which means a broken installation.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "structures", package.parent / "structures"):
        if folder.is_dir():
            return folder
    raise AlzmodelError(
        f"the reference structures are in neither {package} nor {package.parent}: reinstall alzmodel"
    )


def phase_of(name: str) -> Phase:
    """Find a phase by its name or an alias; upper and lower case are the same.

    Raises
    ------
    InputError
        If there is no such phase.
    """
    wanted = name.strip().casefold()
    wanted = _ALIASES.get(wanted, wanted).casefold()
    for phase in PHASES.values():
        if phase.name.casefold() == wanted:
            return phase
    raise InputError(f"phase: {name!r} is not known; allowed: {', '.join(PHASES)}")


@functools.cache
def _read_phase(file: str) -> Atoms:
    import ase.io

    with warnings.catch_warnings():
        # ASE remarks on occupancies and settings that the tests of each file cover.
        warnings.simplefilter("ignore")
        return ase.io.read(structure_folder() / file, format="cif")


def crystal(phase: str, *, lattice_parameter: float | None = None) -> Atoms:
    """Conventional cell of a reference phase.

    Parameters
    ----------
    phase
        Name or alias; see :data:`PHASES`.
    lattice_parameter
        a in Å in place of the published one; b and c are scaled by the same factor and the angles kept.

    Returns
    -------
    ase.Atoms
        Periodic, with formal charges and ``info`` keys ``kind`` ("crystal"), ``phase`` and ``provenance``.

    Raises
    ------
    InputError
        If the phase is unknown, or the lattice parameter is not within a factor of two of the published one.
    """
    found = phase_of(phase)
    atoms = _read_phase(found.file).copy()
    published = float(atoms.cell.lengths()[0])
    if lattice_parameter is not None:
        if not (math.isfinite(lattice_parameter) and 0.5 * published <= lattice_parameter <= 2 * published):
            raise InputError(
                f"lattice parameter: {lattice_parameter:g} Å; allowed for {found.name}: "
                f"{0.5 * published:.3f} to {2 * published:.3f} Å"
            )
        atoms.set_cell(atoms.cell * (lattice_parameter / published), scale_atoms=True)
    for name in list(atoms.arrays):
        if name not in {"numbers", "positions"}:
            del atoms.arrays[name]
    atoms.pbc = True
    atoms.set_initial_charges(formal_charges(atoms))
    atoms.info = {
        "kind": "crystal",
        "phase": found.name,
        "provenance": {
            "phase": found.name,
            "formula": found.formula,
            "citation": found.citation,
            "space_group": found.space_group,
            "ordered_approximant": found.ordered_approximant,
            "note": found.note,
            "lattice_parameters": [round(float(length), 6) for length in atoms.cell.lengths()],
            "published_a": round(published, 6),
            "lattice_parameter_set": lattice_parameter is not None,
        },
    }
    return atoms


def is_crystal(atoms: Atoms) -> bool:
    """Whether a periodic model is called a crystal, or anything but the identity maps it on itself.

    A glass box has no symmetry. A crystal with displaced atoms has none either and must be called one
    (``info["kind"]``); models above :data:`SYMMETRIC_ATOMS` atoms are not searched.
    """
    if not atoms.pbc.all():
        return False
    if "kind" in atoms.info:
        return bool(atoms.info["kind"] == "crystal")
    if len(atoms) > SYMMETRIC_ATOMS:
        return False
    import spglib

    found = spglib.get_symmetry((atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec=1e-3)
    return found is not None and len(found["rotations"]) > 1


def _repeats(repeats: int | tuple[int, int, int]) -> tuple[int, int, int]:
    triple = tuple(repeats) if isinstance(repeats, (tuple, list)) else (repeats,) * 3
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 1 for n in triple)
    if len(triple) != 3 or not whole:
        raise InputError(f"supercell: {repeats!r}; allowed: one or three whole numbers of at least 1")
    return int(triple[0]), int(triple[1]), int(triple[2])


def supercell(atoms: Atoms, repeats: int | tuple[int, int, int]) -> Atoms:
    """Repeat a cell along its axes; charges and ``info`` are kept, the provenance gains ``supercell``.

    Raises
    ------
    InputError
        If `repeats` is not one or three whole numbers of at least 1, or more than five million atoms would result.
    """
    triple = _repeats(repeats)
    if len(atoms) * math.prod(triple) > ATOMS_MAX:
        raise InputError(
            f"supercell: {triple} makes {len(atoms) * math.prod(triple)} atoms; allowed: at most {ATOMS_MAX}"
        )
    repeated = atoms.repeat(triple)
    repeated.info = {**atoms.info}
    repeated.info["provenance"] = {**atoms.info.get("provenance", {}), "supercell": list(triple)}
    return repeated


def checked_seed(seed: int) -> int:
    """Return a seed, or refuse it.

    Raises
    ------
    InputError
        If it is not a whole number of at least 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed: {seed!r}; allowed: a whole number of at least 0")
    return int(seed)


def nanocrystal(
    phase: str,
    diameter: float,
    *,
    lattice_parameter: float | None = None,
    neutral: bool = True,
    seed: int = 0,
) -> Atoms:
    """Sphere cut from a reference crystal.

    The centre is a point of the unit cell drawn at random (uniformly) from `seed`, not a site of high symmetry: a
    sphere about a symmetric point takes whole shells of equal atoms at once, so that its composition and its pattern
    jump with the diameter. Averages over seeds belong to a sphere of that size placed anywhere.

    Parameters
    ----------
    phase
        Name or alias; see :data:`PHASES`.
    diameter
        In Å; an atom is inside if its centre is.
    lattice_parameter
        a in Å; the published one if not given.
    neutral
        True: the outermost ions that are too many for whole formula units are left out. False: every atom inside is
        kept, as the closed expressions for spheres assume.
    seed
        Of the centre.

    Returns
    -------
    ase.Atoms
        Not periodic, no cell, centred at the origin; ``info["kind"]`` is "nanocrystal".

    Raises
    ------
    InputError
        If the diameter is not within 0 < d <= 400 Å or holds no formula unit, or another argument cannot be used.
    """
    return sphere_of(
        crystal(phase, lattice_parameter=lattice_parameter), diameter, neutral=neutral, seed=seed
    )


def sphere_of(unit: Atoms, diameter: float, *, neutral: bool = True, seed: int = 0) -> Atoms:
    """Sphere cut from any crystal that `unit` is a cell of; otherwise as :func:`nanocrystal`."""
    from ase import Atoms

    if not (math.isfinite(diameter) and 0 < diameter <= DIAMETER_MAX):
        raise InputError(f"diameter: {diameter:g} Å; allowed: 0 < d <= {DIAMETER_MAX:g} Å")
    rng = np.random.default_rng(checked_seed(seed))
    centre = rng.random(3)
    positions, basis = _inside_sphere(unit, centre, diameter / 2)
    if neutral:
        kept = _whole_formula_units(unit, positions, basis)
        positions, basis = positions[kept], basis[kept]
    per_cell = min(Counter(unit.get_chemical_symbols()).values())
    if len(basis) == 0 or (not neutral and len(set(unit.numbers[basis])) < len(set(unit.numbers))):
        raise InputError(
            f"diameter: {diameter:g} Å holds no formula unit of {unit.info['phase']}; "
            f"allowed: about {2 * (unit.cell.volume / per_cell) ** (1 / 3):.0f} Å and more"
        )
    atoms = Atoms(
        numbers=unit.numbers[basis],
        positions=positions,
        charges=unit.get_initial_charges()[basis],
        pbc=False,
    )
    atoms.info = {
        "kind": "nanocrystal",
        "phase": unit.info["phase"],
        "provenance": {
            **unit.info["provenance"],
            # Of every atom inside, the sphere is no whole number of formula units.
            **({} if neutral else {"formula": atoms.get_chemical_formula()}),
            "charge": float(atoms.get_initial_charges().sum()),
            "diameter": float(diameter),
            "neutral": bool(neutral),
            "seed": int(seed),
            "centre": [float(value) for value in centre],
        },
    }
    return atoms


def _inside_sphere(
    unit: Atoms, centre: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Positions (n, 3) about the centre in Å, and the index in the unit cell, of all atoms within `radius`."""
    cell = unit.cell.array
    # About the centre an atom of the cell lies within half a cell along each axis; planes of lattice points are
    # 1/|reciprocal vector| apart.
    scaled = unit.get_scaled_positions() - centre
    scaled -= np.rint(scaled)
    reach = np.floor(radius * np.linalg.norm(np.linalg.inv(cell), axis=0) + 0.5).astype(int)
    axes = [np.arange(-n, n + 1) for n in reach]
    shifts = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) @ cell
    positions, basis = [], []
    step = max(1, _CANDIDATES // len(shifts))
    for start in range(0, len(unit), step):
        candidates = (scaled[start : start + step] @ cell)[:, None] + shifts
        which, where = np.nonzero((candidates**2).sum(axis=-1) <= radius**2)
        positions.append(candidates[which, where])
        basis.append(start + which)
    return np.concatenate(positions), np.concatenate(basis)


def _whole_formula_units(
    unit: Atoms, positions: NDArray[np.float64], basis: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the indices, in rising order, of the atoms left when the outermost of each surplus element go."""
    per_cell: dict[int, int] = Counter(int(number) for number in unit.numbers)
    divisor = math.gcd(*per_cell.values())
    per_unit: dict[int, int] = {number: n // divisor for number, n in per_cell.items()}
    numbers = unit.numbers[basis]
    units = min(int((numbers == number).sum()) // n for number, n in per_unit.items())
    # Rounded, so that atoms at equal distance keep the order of the cell on every machine.
    distance = np.round(np.linalg.norm(positions, axis=1), 6)
    kept = []
    for number, n in per_unit.items():
        mine = np.flatnonzero(numbers == number)
        kept.append(mine[np.argsort(distance[mine], kind="stable")][: units * n])
    return np.sort(np.concatenate(kept))
