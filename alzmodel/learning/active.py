"""Runs of a learned potential by itself, and what of them it does not know.

A run melts, holds and cools a random packing. Its frames are kept close to one another in time, so that when a run ends
badly the way there is at hand: the frames where the first atoms leave the known range are those to label.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.composition import glass_composition, ion_counts, ion_labels
from alzmodel.errors import AlzmodelError
from alzmodel.forcefields.engine import Segment, System, read_dump, run_job
from alzmodel.forcefields.known_range import range_distances
from alzmodel.forcefields.pair_tables import pppm_coulomb
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.learning.sampling import COMPOSITIONS, CONSTANT_VOLUME, PRE_MELT, ramp, through
from alzmodel.models.packing import estimated_density, random_packing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["OwnRun", "own_run", "unknown_frames"]

FRAMES_PER_STAGE = 12
"""Of a stage of an own run."""

FARTHEST = 6.0
"""Distance beyond which a frame is wreckage: a teacher would say nothing of use."""


@dataclass(frozen=True, slots=True)
class OwnRun:
    """A run of a potential by itself.

    Attributes
    ----------
    frames
        ``info`` has ``group`` "own", ``temperature`` and ``la``.
    completed
        Whether it reached its end with all its atoms.
    reason
        What LAMMPS said if not.
    """

    frames: list[Atoms]
    completed: bool
    reason: str


def own_run(
    number: int,
    potential: str,
    temperatures: Sequence[float],
    *,
    seed: int = 0,
    la: float | None = None,
    n_atoms: int = 110,
    density: float = 0.95,
    hold: float = 1.0,
    timestep: float = 0.001,
) -> OwnRun:
    """Melt a random packing, half a picosecond of it with the pair potential, and take it through temperatures.

    Parameters
    ----------
    number, seed
        Set composition, packing and velocities.
    potential
        Name of a learned potential.
    temperatures
        K, in order; each is reached and held in `hold` ps.
    la
        La per formula unit; without it the compositions of the training set in turn.
    n_atoms
        Smallest number of atoms.
    density
        In units of :func:`~alzmodel.models.packing.estimated_density`; protocols melt at 0.92.
    hold, timestep
        ps.
    """
    rng = np.random.default_rng([seed, number, 1])
    la = COMPOSITIONS[number % len(COMPOSITIONS)] if la is None else la
    counts = ion_counts(glass_composition(la), n_atoms)
    packing = random_packing(
        counts, seed=int(rng.integers(2**31)), density=density * estimated_density(counts)
    )
    (melted,) = ramp(packing, [CONSTANT_VOLUME + 1], seed=int(rng.integers(2**31)), hold=PRE_MELT)
    labels = ion_labels(melted)
    system = System(potential_of(potential), tuple(dict.fromkeys(labels)))
    coulomb = pppm_coulomb(accuracy=1e-4)
    steps = round(hold / timestep)
    every = steps // FRAMES_PER_STAGE
    commands = [
        *system.setup("start.data", coulomb),
        f"timestep {timestep}",
        f"velocity all create {temperatures[0]} {int(rng.integers(1, 900_000_000))} dist gaussian",
        "thermo 100",
        f"dump frames all custom {every} frames.dump id type xsu ysu zsu",
        'dump_modify frames sort id first no flush yes format float "%.12g"',
    ]
    commands += [*through(temperatures, steps), "undump frames", "write_data end.part"]
    with tempfile.TemporaryDirectory(prefix="alzmodel-own-") as name:
        folder = Path(name)
        system.write_tables(folder, coulomb)
        system.write_data(melted, labels, folder / "start.data")
        completed, reason = True, ""
        try:
            run_job(folder, [Segment("own", tuple(commands), "end", 1.0, "own run")])
        except AlzmodelError as error:
            completed, reason = False, str(error)
        frames = _frames(folder / "frames.dump", melted)
    for index, atoms in enumerate(frames):
        stage = min(index // FRAMES_PER_STAGE, len(temperatures) - 1)
        atoms.info = {"group": "own", "temperature": float(temperatures[stage]), "la": la}
    return OwnRun(frames, completed, reason)


def _frames(path: Path, like: Atoms) -> list[Atoms]:
    made: list[Atoms] = []
    try:
        for _, cell, scaled in read_dump(path):
            if len(scaled) != len(like) or not np.isfinite(scaled).all():
                break
            atoms = like.copy()
            atoms.set_cell(cell)
            atoms.set_scaled_positions(scaled % 1.0)
            made.append(atoms)
    except (OSError, ValueError, IndexError):
        # A run that was torn off leaves half a frame.
        return made
    return made


def unknown_frames(run: OwnRun, potential: str, *, most: int = 4) -> tuple[list[Atoms], float]:
    """Frames of a run in which atoms leave the known range, and the largest distance of any atom in the run.

    Parameters
    ----------
    run
        Of :func:`own_run`.
    potential
        Name of the learned potential.
    most
        Frames that are taken at most: the ones that reach farthest before :data:`FARTHEST`, none beside another.
    """
    if not run.frames:
        return [], float("inf")
    largest = np.array([one.max() for one in range_distances(run.frames, potential)])
    chosen: list[int] = []
    for index in np.argsort(-np.where(largest <= FARTHEST, largest, -np.inf)):
        if not 1.0 < largest[index] <= FARTHEST or len(chosen) == most:
            break
        if all(abs(index - other) > 1 for other in chosen):
            chosen.append(int(index))
    return [run.frames[index] for index in sorted(chosen)], float(largest.max())
