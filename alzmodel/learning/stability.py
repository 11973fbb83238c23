"""Whether a potential keeps its atoms in a hot melt, and its energy without a thermostat."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from alzmodel.composition import glass_composition, ion_counts, ion_labels
from alzmodel.errors import AlzmodelError
from alzmodel.forcefields.engine import Segment, System, read_thermo, run_job
from alzmodel.forcefields.pair_tables import pppm_coulomb
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.learning.sampling import CONSTANT_VOLUME, PRE_MELT, ramp
from alzmodel.models.packing import estimated_density, random_packing

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Hold", "hold"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A run at one temperature.

    Attributes
    ----------
    la
        La per formula unit.
    n_atoms
        Of the cell.
    ensemble
        ``"nvt"`` or ``"nve"``.
    temperature
        K; the mean of the second half.
    time
        ps that were run; short of what was asked for if the run failed.
    completed
        Whether it reached its end with all its atoms.
    timestep
        ps.
    drift
        Change of the total energy in meV per atom over the run, from a straight line; NaN but for ``"nve"``.
    atom_steps
        Per CPU-second.
    """

    la: float
    n_atoms: int
    ensemble: str
    temperature: float
    time: float
    completed: bool
    timestep: float
    drift: float
    atom_steps: float


def hold(
    potential: str,
    *,
    la: float,
    temperature: float,
    time: float,
    timestep: float,
    ensemble: Literal["nvt", "nve"] = "nvt",
    n_atoms: int = 120,
    seed: int = 1,
) -> Hold:
    """Melt a packing (see :mod:`alzmodel.learning.active`) and hold it at a temperature.

    Parameters
    ----------
    potential
        Name of a learned potential.
    la, n_atoms, seed
        Composition, smallest size, random numbers.
    temperature, time, timestep
        K, ps, ps.
    ensemble
        ``"nve"``: a picosecond with a thermostat first.
    """
    counts = ion_counts(glass_composition(la), n_atoms)
    packing = random_packing(counts, seed=seed, density=0.95 * estimated_density(counts))
    (melted,) = ramp(packing, [CONSTANT_VOLUME + 1], seed=seed, hold=PRE_MELT)
    labels = ion_labels(melted)
    system = System(potential_of(potential), tuple(dict.fromkeys(labels)))
    coulomb = pppm_coulomb(accuracy=1e-4 if ensemble == "nvt" else 1e-5)
    steps = round(time / timestep)
    commands = [
        *system.setup("start.data", coulomb),
        f"thermo_style custom step temp press density {'pe' if ensemble == 'nvt' else 'etotal'} vol",
        "thermo 100",
        f"timestep {timestep}",
        f"velocity all create {temperature} {seed} dist gaussian",
        f"fix move all nvt temp {temperature} {temperature} 0.1",
    ]
    if ensemble == "nve":
        commands += [f"run {round(1 / timestep)}", "unfix move", "fix move all nve", "reset_timestep 0"]
    commands += [f"run {steps}", "write_data end.part"]
    with tempfile.TemporaryDirectory(prefix="alzmodel-hold-") as name:
        folder = Path(name)
        system.write_tables(folder, coulomb)
        system.write_data(melted, labels, folder / "start.data")
        completed = True
        try:
            run_job(folder, [Segment("hold", tuple(commands), "end", 1.0, "hold")])
        except AlzmodelError:
            completed = False
        return _told(folder / "hold.log", melted, la, ensemble, timestep, completed=completed)


def _told(log: Path, atoms: Atoms, la: float, ensemble: str, timestep: float, *, completed: bool) -> Hold:
    thermo = read_thermo([log])
    slope = np.polyfit(thermo.step, thermo.energy, 1)[0] if len(thermo.step) > 2 else float("nan")
    drift = 1e3 * slope * (thermo.step[-1] - thermo.step[0]) / len(atoms)
    text = log.read_text(encoding="utf-8")
    loops = re.findall(r"Loop time of (\S+) on 1 procs for (\d+) steps", text)
    used = re.findall(r"([\d.]+)% CPU use", text)
    speed = float("nan")
    if loops and used:
        speed = int(loops[-1][1]) * len(atoms) / (float(loops[-1][0]) * float(used[-1]) / 100)
    half = len(thermo.step) // 2
    return Hold(
        la=la,
        n_atoms=len(atoms),
        ensemble=ensemble,
        temperature=float(thermo.temperature[half:].mean()),
        time=float(thermo.step[-1] * timestep),
        completed=completed,
        timestep=timestep,
        drift=float(drift) if ensemble == "nve" else float("nan"),
        atom_steps=speed,
    )
