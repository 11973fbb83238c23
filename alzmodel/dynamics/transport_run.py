"""Molecular dynamics of a model at one temperature, cut into segments that a later call goes on from."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from alzmodel.composition import ion_labels
from alzmodel.dynamics.diffusion import MSD_NEEDED, run_diffusion
from alzmodel.dynamics.trajectory import Trajectory
from alzmodel.dynamics.transport_folder import RUNS
from alzmodel.errors import InputError
from alzmodel.forcefields.engine import Segment, System, check_ranks, read_dump, run_job
from alzmodel.forcefields.pair_tables import Coulomb, pppm_coulomb
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.forcefields.static import check_model
from alzmodel.io import atomic_path, parse_json, write_structure, write_text
from alzmodel.models.melt_quench import SMALLEST_EDGE
from alzmodel.models.protocol_run import (
    DSF_ATOM_STEPS,
    LEARNED_ATOM_STEPS,
    PPPM_ATOM_STEPS,
    START_SECONDS,
    potential_identity,
)
from alzmodel.models.work_folder import identity_hash, versions, work_folder
from alzmodel.progress import Progress, silent

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms

__all__ = ["FRAME_TIME", "DynamicsRun", "DynamicsSettings", "check_run", "run_dynamics"]

TIMESTEP: Final = 0.002
"""ps."""
FRAME_TIME: Final = 0.2
"""ps from frame to frame."""
SEGMENT_TIME: Final = 10.0
"""ps; the run is cut there and read back from its restart file, disturbed or not."""
FIRST_LOOK: Final = 40.0
"""ps, after which a run of its own length is looked at first."""
SETTLE_TIME: Final = 2.0
"""ps at the mean volume, before frames are kept."""
THERMOSTAT_TIME, BAROSTAT_TIME = 0.1, 1.0
"""ps; of the Nosé–Hoover chains."""
LONGEST: Final = 100_000.0
"""ps."""
_READABLE: Final = ("trajectory.extxyz", "trajectory.lammpstrj", "trajectory.data")
"""For other programs: gemdat wants the cell and the ions as LAMMPS data beside the dump."""
VOLUME_SAMPLES: Final = 10
"""Steps between the volumes that are averaged."""


@dataclass(frozen=True, slots=True)
class DynamicsSettings:
    """How a model is moved.

    Attributes
    ----------
    time
        ps; None is until the mobile ions diffuse, see :func:`alzmodel.dynamics.diffusion.run_diffusion`.
    max_time
        ps, at which a run of its own length ends at the latest.
    coulomb
        ``"pppm"`` or ``"dsf"``, which takes half the time; D differs by a fifth at 900 K.
    equilibration
        ps at zero pressure, before the volume is held at its mean over the second half.
    seed
        Of the velocities.
    ranks
        MPI ranks.
    """

    time: float | None = None
    max_time: float = 1000.0
    coulomb: Literal["dsf", "pppm"] = "pppm"
    equilibration: float = 10.0
    seed: int = 1
    ranks: int = 1

    def check(self) -> None:
        """Refuse settings that cannot be.

        Raises
        ------
        InputError
            With the setting, its value and what is allowed.
        """
        limits = {
            "time": (self.time, FIRST_LOOK / 2),
            "max-time": (self.max_time, FIRST_LOOK),
            "equilibration": (self.equilibration, 1.0),
        }
        for name, (value, least) in limits.items():
            if value is not None and not least <= value <= LONGEST:
                raise InputError(f"--{name} {value:g}; allowed: {least:g} to {LONGEST:g} ps")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"--seed {self.seed}; allowed: 0 to {2**31 - 1}")
        check_ranks(self.ranks)

    @property
    def coulomb_sum(self) -> Coulomb:
        """For the engine."""
        return pppm_coulomb(accuracy=1e-4) if self.coulomb == "pppm" else Coulomb("dsf")


@dataclass(frozen=True, slots=True)
class DynamicsRun:
    """One model at one temperature with one potential.

    Attributes
    ----------
    atoms
        The model.
    name
        Of the model, for folders and messages.
    temperature
        K.
    potential
        Name.
    mobile
        Element that conducts.
    settings
        See there.
    """

    atoms: Atoms
    name: str
    temperature: float
    potential: str
    mobile: str
    settings: DynamicsSettings

    def identity(self) -> dict[str, Any]:
        """All that the run depends on, but for its length, package versions and the CPU."""
        settings = asdict(self.settings)
        for free in ("time", "max_time"):
            del settings[free]
        where = np.concatenate([self.atoms.cell.array, self.atoms.get_scaled_positions()])
        labels = ion_labels(self.atoms)
        return {
            "run_version": 1,
            "model": hashlib.sha256(where.tobytes()).hexdigest(),
            "ions": labels,
            "temperature": self.temperature,
            "potential": potential_identity(potential_of(self.potential), dict.fromkeys(labels)),
            **settings,
        }

    def folder_name(self) -> str:
        """Name of its folder: other inputs and versions never meet."""
        text = identity_hash(self.identity()) + json.dumps(versions(), sort_keys=True)
        mark = hashlib.sha256(text.encode()).hexdigest()[:8]
        stem = "".join(one if one.isalnum() or one in "-_." else "-" for one in self.name)[:60]
        return f"{stem}-{self.potential}-{self.settings.coulomb}-{self.temperature:g}K-{mark}"

    def seconds(self) -> float:
        """CPU-seconds that it takes about, on one core; of a run of its own length at most."""
        time = self.settings.max_time if self.settings.time is None else self.settings.time
        steps = (self.settings.equilibration + SETTLE_TIME + time) / TIMESTEP
        rate = {"dsf": DSF_ATOM_STEPS, "pppm": PPPM_ATOM_STEPS}[self.settings.coulomb]
        if potential_of(self.potential).many_body:
            rate = LEARNED_ATOM_STEPS
        return START_SECONDS + len(self.atoms) * steps / rate


def check_run(run: DynamicsRun) -> None:
    """Refuse a run that cannot be done, before any time is spent.

    Raises
    ------
    InputError
        If the model is not periodic, not neutral, narrower than 10 Å, has ions without parameters or none of the
        mobile element, or a setting cannot be.
    """
    run.settings.check()
    if not 1 <= run.temperature <= 10_000:
        raise InputError(f"temperature: {run.temperature:g}; allowed: 1 to 10000 K")
    if potential_of(run.potential).many_body and run.settings.coulomb == "dsf":
        raise InputError(f"--coulomb dsf: {run.potential} was fitted to an Ewald sum; allowed: pppm")
    try:
        check_model(run.atoms, run.potential)
    except InputError as error:
        raise InputError(f"{run.name}: {error}") from error
    symbols = set(run.atoms.get_chemical_symbols())
    if run.mobile not in symbols:
        raise InputError(f"{run.name}: no {run.mobile}; allowed: {', '.join(sorted(symbols))}")
    height = 1 / float(np.linalg.norm(np.linalg.inv(run.atoms.cell.array), axis=0).max())
    if height < SMALLEST_EDGE:
        raise InputError(
            f"{run.name}: a cell of {height:.1f} Å; allowed: at least {SMALLEST_EDGE:g} Å between opposite faces"
        )


def run_dynamics(run: DynamicsRun, folder: Path, progress: Progress = silent) -> Trajectory:
    """Move a model, and write its trajectory where other programs read it.

    The model is brought to the temperature at zero pressure, then held at its mean volume. The same call goes on where
    an earlier one stood; a longer time continues a shorter one.

    Parameters
    ----------
    run
        Checked by :func:`check_run`.
    folder
        Gets ``runs/NAME`` with restart files, ``trajectory.extxyz``, ``trajectory.lammpstrj`` and its first frame as
        ``trajectory.data``.
    progress
        Told the fraction done of what is asked for or expected, and the temperature.

    Returns
    -------
    Trajectory

    Raises
    ------
    InputError
        If the folder holds something else, or another process works in it.
    AlzmodelError
        If LAMMPS fails.
    """
    place = folder / RUNS / run.folder_name()
    place.parent.mkdir(parents=True, exist_ok=True)
    settings = run.settings
    with work_folder(place, identity_hash(run.identity())):
        system = _start(run, place)
        n = math.ceil((FIRST_LOOK if settings.time is None else settings.time) / SEGMENT_TIME - 1e-9)
        most = n if settings.time is not None else math.floor(settings.max_time / SEGMENT_TIME + 1e-9)
        while True:
            segments = _segments(run, system, n)
            run_job(place, segments, ranks=settings.ranks, progress=progress)
            found = _trajectory(run, place, segments)
            if n >= most:
                break
            n = min(most, _next_look(found, run.mobile, n))
            if n == len(segments) - 1:
                break
        _write(found, place, run.temperature)
    return found


def _start(run: DynamicsRun, place: Path) -> System:
    labels = ion_labels(run.atoms)
    system = System(potential_of(run.potential), tuple(dict.fromkeys(labels)))
    if not (place / "start.data").exists():
        system.write_tables(place, run.settings.coulomb_sum)
        system.write_data(run.atoms, labels, place / "start.data")
    return system


def _next_look(found: Trajectory, mobile: str, n: int) -> int:
    """Segments after which it is worth to look again; as many as there are where the ions diffuse."""
    seen = run_diffusion(found, mobile)
    if seen.diffusive:
        return n
    expected = 1.2 * MSD_NEEDED / max(seen.window_msd, 1e-9)
    return math.ceil(n * min(max(expected, 1.25), 2.0))


def _segments(run: DynamicsRun, system: System, n: int) -> list[Segment]:
    """Equilibration and `n` segments with frames."""
    coulomb = run.settings.coulomb_sum
    kelvin, seed = (
        run.temperature,
        int(np.random.SeedSequence(run.settings.seed).generate_state(1)[0]) % 900_000_000 + 1,
    )
    nvt = f"fix move all nvt temp {kelvin:g} {kelvin:g} {THERMOSTAT_TIME}"
    half = math.ceil(run.settings.equilibration / 2 / TIMESTEP / VOLUME_SAMPLES) * VOLUME_SAMPLES
    settle = round(SETTLE_TIME / TIMESTEP)
    commands = [
        *system.setup("start.data", coulomb),
        f"timestep {TIMESTEP}",
        "minimize 0 0 50 200",
        "reset_timestep 0",
        f"velocity all create {kelvin:g} {seed} mom yes rot no dist gaussian",
        f"fix move all npt temp {kelvin:g} {kelvin:g} {THERMOSTAT_TIME} iso 0 0 {BAROSTAT_TIME}",
        "thermo 100",
        f"run {half}",
        "variable room equal vol",
        f"fix mean all ave/time {VOLUME_SAMPLES} {half // VOLUME_SAMPLES} {half} v_room",
        f"run {half}",
        "variable scale equal $((f_mean/vol)^(1/3))",
        "unfix mean",
        "unfix move",
        *_rescale(run.atoms),
        nvt,
        f"run {settle}",
        "reset_timestep 0",
        "write_restart equilibrate.restart.part",
    ]
    weight = (2 * half + settle) * TIMESTEP
    first = Segment(
        "equilibrate", tuple(commands), "equilibrate.restart", weight, f"equilibration at {kelvin:g} K"
    )
    segments = [first]
    steps, every = round(SEGMENT_TIME / TIMESTEP), round(FRAME_TIME / TIMESTEP)
    for begin in range(0, n * steps, steps):
        name = f"run-{begin}"
        commands = [
            *system.setup(segments[-1].output, coulomb),
            f"timestep {TIMESTEP}",
            nvt,
            "thermo 100",
            f"dump frames all custom {every} {name}.dump id type xsu ysu zsu",
            "dump_modify frames sort id format float %.10g",
            f"run {steps}",
            f"write_restart {name}.restart.part",
        ]
        message = f"{n * SEGMENT_TIME:g} ps"
        segments.append(
            Segment(name, tuple(commands), f"{name}.restart", SEGMENT_TIME, message, begin, steps)
        )
    return segments


def _rescale(atoms: Atoms) -> list[str]:
    """Commands that give the cell its mean volume, its shape kept."""
    cell = atoms.cell.standard_form()[0].array
    tilted = max(abs(cell[1, 0]), abs(cell[2, 0]), abs(cell[2, 1])) > 1e-9
    tilts = " ".join(f"{name} final $({name}*v_scale)" for name in ("xy", "xz", "yz")) if tilted else ""
    return [
        f"change_box all x scale ${{scale}} y scale ${{scale}} z scale ${{scale}} {tilts} remap units box"
    ]


def _trajectory(run: DynamicsRun, place: Path, segments: list[Segment]) -> Trajectory:
    frames: dict[int, np.ndarray] = {}
    cell = np.eye(3)
    for segment in segments[1:]:
        for step, box, scaled in read_dump(place / f"{segment.name}.dump"):
            # The step where a run was cut stands in two files.
            frames[step], cell = scaled, box
    steps = sorted(frames)
    every = round(FRAME_TIME / TIMESTEP)
    if any(late - early != every for early, late in itertools.pairwise(steps)):
        raise InputError(f"{place}: frames are missing; allowed: a folder as it was made")
    positions = np.array([frames[step] for step in steps]) @ cell
    symbols = np.array(run.atoms.get_chemical_symbols())
    return Trajectory(
        symbols, positions, cell, FRAME_TIME, f"{run.name} {run.potential} {run.temperature:g} K"
    )


def _write(found: Trajectory, place: Path, temperature: float) -> None:
    """Write what other programs read, unless it stands there."""
    mark, length = place / "written.json", {"frames": len(found.positions), "files": list(_READABLE)}
    with contextlib.suppress(OSError, ValueError):
        if parse_json(mark.read_text(encoding="utf-8")) == length:
            return
    extxyz, dump, data = (place / name for name in _READABLE)
    frames = found.to_atoms()
    for frame in frames:
        frame.info["temperature"] = temperature
    write_structure(frames, extxyz)
    _write_dump(found, dump)
    (first,) = found.to_atoms([0])
    write_structure(first, data)
    write_text(mark, json.dumps(length))


def _write_dump(found: Trajectory, path: Path) -> None:
    """LAMMPS dump with elements and unwrapped positions, as MDAnalysis, ASE and OVITO read it."""
    (xx, _, _), (xy, yy, _), (xz, yz, zz) = found.cell
    bounds = [
        (min(0.0, xy, xz, xy + xz), xx + max(0.0, xy, xz, xy + xz)),
        (min(0.0, yz), yy + max(0.0, yz)),
        (0.0, zz),
    ]
    tilted = max(abs(xy), abs(xz), abs(yz)) > 1e-9
    tilts = (xy, xz, yz) if tilted else ()
    box = [
        " ".join(f"{number:.10g}" for number in (*ends, *tilts[axis : axis + 1]))
        for axis, ends in enumerate(bounds)
    ]
    kinds = {element: kind for kind, element in enumerate(found.elements(), start=1)}
    heads = [
        f"{atom} {kinds[symbol]} {symbol}" for atom, symbol in enumerate(map(str, found.symbols), start=1)
    ]
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as handle:
        for number, positions in enumerate(found.positions):
            step = number * round(found.frame_time / TIMESTEP)
            handle.write(f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(heads)}\n")
            handle.write(
                f"ITEM: BOX BOUNDS {'xy xz yz ' if tilted else ''}pp pp pp\n" + "\n".join(box) + "\n"
            )
            handle.write("ITEM: ATOMS id type element xu yu zu\n")
            for head, (x, y, z) in zip(heads, positions, strict=True):
                handle.write(f"{head} {x:.6f} {y:.6f} {z:.6f}\n")
