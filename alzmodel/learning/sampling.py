"""Structures to learn from: melts and glasses of many compositions, crystals, strained and pushed together.

Each sample is made from its name and its seed alone, so that an interrupted sampling goes on where it stood.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.composition import glass_composition, ion_counts, ion_labels
from alzmodel.crystals import crystal, supercell
from alzmodel.forcefields.engine import Segment, System, read_dump, run_job
from alzmodel.forcefields.pair_tables import Coulomb
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.models.packing import estimated_density, random_packing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms

__all__ = ["CRYSTALS", "LADDER", "crystal_samples", "melt_samples", "pushed", "ramp", "strained", "through"]

LADDER = (4000, 3500, 3000, 2500, 2000, 1500, 1200, 1000, 800, 600, 400, 300)
"""K; temperatures at which a quench is sampled."""

CONSTANT_VOLUME = 3000
"""K; above it the volume is held, since the melt boils at zero pressure."""

CRYSTALS = {
    "La2Zr2O7": (1, 1, 1),
    "La2O3": (3, 3, 2),
    "Li2O": (2, 2, 2),
    "ZrO2-cubic": (2, 2, 2),
    "ZrO2": (2, 2, 2),
    "Li2ZrO3": (2, 1, 2),
    "LLZO-tetragonal": (1, 1, 1),
    "LLZO-cubic": (1, 1, 1),
}
"""Reference phases and their supercells of some hundred atoms."""

COMPOSITIONS = (1.5, 3.0, 4.5, 1.5, 3.0, 4.5, 0.5, 6.0, 2.2, 3.7)
"""La per formula unit; sampled in turn."""

PRE_MELT = 0.5
"""ps with the pair potential, in which a packing forgets its overlaps."""

MASSIVE_STRAIN, SHEAR = 0.02, 0.015
"""Standard deviations of the isotropic and of the other strains of a sample; three times the first make ± 6 %."""


def strained(atoms: Atoms, rng: np.random.Generator, *, scale: float = 1.0) -> Atoms:
    """Copy of a model under a random homogeneous strain: isotropic up to 6 %, and small changes of shape.

    Parameters
    ----------
    atoms
        Periodic model.
    rng
        Source of the strain.
    scale
        Factor on its size.
    """
    size = np.clip(rng.normal(0.0, MASSIVE_STRAIN), -0.06, 0.06)
    shape = rng.normal(0.0, SHEAR, (3, 3))
    strain = scale * (size * np.eye(3) + (shape + shape.T) / 2)
    copy = atoms.copy()
    copy.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return copy


def pushed(atoms: Atoms, rng: np.random.Generator, *, pairs: int = 3) -> Atoms:
    """Copy of a model in which some neighbours stand 10 to 30 % nearer to each other than they did."""
    copy = atoms.copy()
    for _ in range(pairs):
        i = int(rng.integers(len(copy)))
        vectors = copy.get_distances(i, range(len(copy)), mic=True, vector=True)
        lengths = np.linalg.norm(vectors, axis=1)
        lengths[i] = np.inf
        near = np.argsort(lengths)[:6]
        j = int(rng.choice(near))
        copy.positions[j] -= rng.uniform(0.1, 0.3) * vectors[j]
    return copy


def through(temperatures: Sequence[float], steps: int) -> Iterator[str]:
    """Commands of LAMMPS that take a model through temperatures (K), each reached and held in `steps`.

    The volume is held above :data:`CONSTANT_VOLUME`; below, the pressure is zero.
    """
    before = temperatures[0]
    for temperature in temperatures:
        if temperature > CONSTANT_VOLUME:
            yield f"fix move all nvt temp {before} {temperature} 0.1"
        else:
            yield f"fix move all npt temp {min(before, CONSTANT_VOLUME)} {temperature} 0.1 iso 0 0 1"
        yield from (f"run {steps}", "unfix move")
        before = temperature


def ramp(
    start: Atoms,
    temperatures: Sequence[float],
    *,
    seed: int,
    potential: str = "du-teter",
    hold: float = 1.0,
    timestep: float = 0.0015,
) -> list[Atoms]:
    """Take a model through temperatures with a pair potential; return a frame at the end of each.

    Parameters
    ----------
    start
        Periodic, neutral, with formal charges.
    temperatures
        K, in order; each is reached and held in `hold` ps.
    seed
        Of the velocities.
    potential
        Name of a pair potential.
    hold
        ps at each temperature, the change to it included.
    timestep
        ps.
    """
    labels = ion_labels(start)
    system = System(potential_of(potential), tuple(dict.fromkeys(labels)))
    coulomb = Coulomb("dsf")
    steps = round(hold / timestep)
    commands = [
        *system.setup("start.data", coulomb),
        "min_style cg",
        "minimize 0 0 30 60",
        f"timestep {timestep}",
        f"velocity all create {temperatures[0]} {seed % 900_000_000 + 1} dist gaussian",
        "thermo 200",
        f"dump frames all custom {steps} frames.dump.part id type xsu ysu zsu",
        'dump_modify frames sort id first no format float "%.12g"',
    ]
    commands += [*through(temperatures, steps), "undump frames"]
    with tempfile.TemporaryDirectory(prefix="alzmodel-sample-") as name:
        folder = Path(name)
        system.write_tables(folder, coulomb)
        system.write_data(start, labels, folder / "start.data")
        run_job(folder, [Segment("ramp", tuple(commands), "frames.dump", 1.0, "sampling")])
        frames = list(read_dump(folder / "frames.dump"))[-len(temperatures) :]
    made = []
    for _, cell, scaled in frames:
        atoms = start.copy()
        atoms.set_cell(cell)
        atoms.set_scaled_positions(scaled % 1.0)
        made.append(atoms)
    return made


def melt_samples(number: int, *, seed: int = 0, potential: str = "du-teter") -> list[Atoms]:
    """Sample one quench from a random packing, and the packing.

    Parameters
    ----------
    number
        Of the quench: it sets composition, size and random numbers.
    seed
        Of the whole sampling.
    potential
        Pair potential that moves the ions.

    Returns
    -------
    list of ase.Atoms
        In ``info``: ``group`` "melt", "packing" or "pushed", ``temperature`` in K, ``la`` per formula unit. Every
        other one is strained.
    """
    rng = np.random.default_rng([seed, number])
    la = COMPOSITIONS[number % len(COMPOSITIONS)]
    lithium = 7.0 if number % 3 else float(rng.uniform(4.0, 9.0))
    counts = ion_counts(glass_composition(la, li=lithium), int(rng.integers(85, 145)))
    density = estimated_density(counts) * float(rng.uniform(0.9, 1.05))
    packing = random_packing(counts, seed=int(rng.integers(2**31)), density=density)
    ladder = [t for t in LADDER if t < 4000 or rng.random() < 0.5]
    frames = ramp(packing, ladder, seed=int(rng.integers(2**31)), potential=potential)
    samples = []
    for temperature, frame in zip(ladder, frames, strict=True):
        group, model = "melt", frame
        if rng.random() < 0.5:
            model = strained(model, rng)
        if rng.random() < 0.06:
            group, model = "pushed", pushed(model, rng)
        samples.append(_told(model, group, temperature, la))
    if number % 4 == 0:
        samples.append(_told(packing, "packing", 0, la))
    return samples


def _told(atoms: Atoms, group: str, temperature: float, la: float | None, phase: str | None = None) -> Atoms:
    told = {"group": group, "temperature": float(temperature), "la": la, "phase": phase}
    atoms.info = {key: value for key, value in told.items() if value is not None}
    return atoms


def crystal_samples(phase: str, *, seed: int = 0, potential: str = "du-teter") -> list[Atoms]:
    """Sample a reference crystal: strained perfect, displaced cells, and a warm supercell.

    Returns
    -------
    list of ase.Atoms
        ``info`` as for :func:`melt_samples`, with ``phase`` in place of ``la``.
    """
    rng = np.random.default_rng([seed, *phase.encode()])
    unit = crystal(phase)
    primitive = _primitive(unit)
    samples = []
    for size in (-0.05, -0.03, -0.015, 0.0, 0.015, 0.03, 0.05):
        model = primitive.copy()
        model.set_cell(model.cell.array * (1 + size), scale_atoms=True)
        samples.append(_told(model, "crystal", 0, None, phase))
    for _ in range(6):
        model = strained(primitive, rng)
        model.positions += rng.normal(0, 0.03, model.positions.shape)
        samples.append(_told(model, "crystal", 0, None, phase))
    big = supercell(unit, CRYSTALS[phase]) if len(unit) < 150 else unit
    warm = (300, 600, 1000, 1500, 2000, 2500)
    for frame, temperature in zip(
        ramp(big, warm, seed=int(rng.integers(2**31)), potential=potential), warm, strict=True
    ):
        samples.append(_told(frame, "crystal", temperature, None, phase))
        samples.append(_told(strained(frame, rng), "crystal", temperature, None, phase))
    for _ in range(4):
        model = strained(big, rng)
        model.positions += rng.normal(0, rng.uniform(0.02, 0.12), model.positions.shape)
        samples.append(_told(model, "crystal", 300, None, phase))
    return samples


def _primitive(unit: Atoms) -> Atoms:
    import spglib
    from ase import Atoms as Model

    from alzmodel.composition import formal_charges

    found = spglib.find_primitive((unit.cell.array, unit.get_scaled_positions(), unit.numbers), symprec=1e-3)
    if found is None or len(found[2]) == len(unit):
        return unit.copy()
    cell, scaled, numbers = found
    model = Model(numbers=numbers, cell=cell, scaled_positions=scaled, pbc=True)
    model.set_initial_charges(formal_charges(model))
    return model
