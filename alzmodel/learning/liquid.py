"""A hot liquid as a teacher moves it, to be held against that of the potential that learned from it.

The teacher starts from a frame of the learned potential's liquid, at the same volume and temperature: what differs in
the end is the force alone. The teacher's run is slow (some tens of atom-steps in a second), so that it keeps its state
and goes on from there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.io import atomic_path
from alzmodel.models.direct_quench import thermal_momenta
from alzmodel.progress import Progress, silent

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms
    from ase.calculators.calculator import Calculator

__all__ = ["teacher_liquid"]

FRICTION = 0.01
"""fs⁻¹; of the Langevin thermostat: g(r) does not depend on it, and a liquid at 3000 K is mixed in a picosecond."""

SAVED_STEPS = 10
"""Between two frames on disk."""


def teacher_liquid(
    start: Atoms,
    calculator: Calculator,
    folder: Path,
    *,
    temperature: float,
    time: float,
    timestep: float = 2.0,
    seed: int = 1,
    progress: Progress = silent,
) -> tuple[list[Atoms], np.ndarray]:
    """Move a liquid at constant volume with an ASE calculator, or go on where an earlier call stood.

    Parameters
    ----------
    start
        Periodic; velocities are drawn.
    calculator
        The teacher.
    folder
        Keeps ``liquid.npz``: state, frames and pressures.
    temperature
        K.
    time, timestep
        fs. At 3000 K a step of 2 fs is a sixtieth of the fastest Li–O vibration's period at most.
    seed
        Of velocities and thermostat.
    progress
        Told the fraction done.

    Returns
    -------
    frames
        One every :data:`SAVED_STEPS` steps.
    pressures
        GPa, of each frame, the ideal part of the moving atoms included; shape (n,).
    """
    from ase import units
    from ase.md.langevin import Langevin

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "liquid.npz"
    atoms = start.copy()
    positions: list[np.ndarray] = []
    pressures: list[float] = []
    if path.exists():
        with np.load(path) as data:
            positions, pressures = list(data["positions"]), data["pressures"].tolist()
            atoms.positions = positions[-1]
            atoms.set_momenta(data["momenta"])
    else:
        atoms.set_momenta(thermal_momenta(atoms, temperature, seed))
    atoms.calc = calculator
    wanted = math.ceil(time / (timestep * SAVED_STEPS))
    while len(positions) < wanted:
        mover = Langevin(
            atoms,
            timestep * units.fs,
            temperature_K=temperature,
            friction=FRICTION / units.fs,
            rng=np.random.default_rng([seed, len(positions)]),
        )
        mover.run(SAVED_STEPS)
        positions.append(atoms.positions.copy())
        stress = atoms.get_stress(include_ideal_gas=True)
        pressures.append(float(-stress[:3].mean() / units.GPa))
        with atomic_path(path) as partial, partial.open("wb") as handle:
            np.savez(
                handle,
                positions=np.array(positions),
                pressures=np.array(pressures),
                momenta=atoms.get_momenta(),
            )
        progress(len(positions) / wanted, f"{atoms.get_temperature():.0f} K")
    frames = []
    for moved in positions[:wanted]:
        frame = start.copy()
        frame.positions = moved
        frame.wrap()
        frames.append(frame)
    return frames, np.array(pressures[:wanted])
