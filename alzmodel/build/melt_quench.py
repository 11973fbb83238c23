"""Glasses by melt and quench: random packing, melt, quench, anneal, 300 K and a minimisation.

The melt and the quench use the damped shifted force, which is twice as fast as PPPM; the last stage at the final
temperature, whose frames are kept, and the minimisation use PPPM.
"""

from __future__ import annotations

import itertools
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from alzmodel.build.packing import estimated_density, random_packing
from alzmodel.build.protocols import PROTOCOLS, Protocol, Stage, protocol_of
from alzmodel.build.work_folder import identity_hash, versions, work_folder, work_folder_beside
from alzmodel.composition import formula_of, ion, ion_counts, ion_labels
from alzmodel.errors import BuildError, InputError
from alzmodel.forcefields.engine import (
    Segment,
    System,
    Thermo,
    check_ranks,
    read_dump,
    read_thermo,
    run_job,
)
from alzmodel.forcefields.pair_tables import Coulomb, pppm_coulomb
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.forcefields.static import minimise_commands
from alzmodel.progress import Progress, silent
from alzmodel.units import AMU_PER_A3_TO_G_PER_CM3

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from alzmodel.composition import Composition
    from alzmodel.forcefields.potentials import Potential

__all__ = [
    "MSD_REQUIRED",
    "PROTOCOLS",
    "Glass",
    "Protocol",
    "check_request",
    "estimate_memory",
    "estimate_seconds",
    "melt_quench",
    "protocol_of",
    "resumable_folder",
]

MSD_REQUIRED = 10.0
"""Å²; every element's ions must have moved this far in the melt, or it did not forget how it was packed."""

BUILD_VERSION = 2
"""Of the procedure below; part of the input hash."""

DENSITY_MARGIN = 1.05
"""A glass may come out this much denser than estimated, and its cell that much smaller."""

BOILED = 0.75
"""A glass less dense than this share of the estimate holds bubbles."""

DSF_ATOM_STEPS = 3.9e5
PPPM_ATOM_STEPS = 2.2e5
"""Per CPU-second of one core, measured on 600 and 5000 atoms."""

MINIMISE_STEPS = 3300
"""Time steps that a minimisation costs about."""

BASE_BYTES, RANK_BYTES, ATOM_BYTES = 9e7, 6e7, 5000
"""Resident memory: of this process, of each LAMMPS process, of each atom."""

SMALLEST_EDGE = 10.0
"""Å; in narrower cells an ion stands in its own second shell. Cells narrower than twice the cut-off feel their own
images, all of which are summed: what that changes is the effect of finite size."""

HISTORY_POINTS = 200
MSD_FRAMES = 5


@dataclass(frozen=True)
class Glass:
    """A melt-quenched glass.

    Attributes
    ----------
    model
        Minimised with its cell at the pressure of the protocol; formal charges as initial charges,
        provenance in ``info``.
    frames
        Models at the final temperature, evenly spaced in time: curves come from these.
    provenance
        The same nested dictionary that stands in ``model.info["provenance"]``.
    """

    model: Atoms
    frames: list[Atoms]
    provenance: dict[str, Any]


def check_request(
    composition: Composition,
    n_atoms: int,
    protocol: str | Protocol | Mapping[str, Any] = "quick",
    potential: str = "du-teter",
    ranks: int = 1,
) -> None:
    """Refuse a glass that cannot be built, before any time is spent.

    Raises
    ------
    InputError
        If the potential or the protocol is unknown, an ion has no parameters, ranks cannot be started, the cell
        would be smaller than :data:`SMALLEST_EDGE` (the message names the smallest number of atoms), or the build
        would not fit into the memory of this machine.
    """
    protocol_of(protocol)
    pot = potential_of(potential)
    for label, amount in composition.amounts.items():
        if amount:
            pot.ion(label)
    check_ranks(ranks)
    needed, there = estimate_memory(n_atoms, ranks), _memory_there()
    if needed > there:
        most = int(n_atoms * there / needed)
        raise InputError(
            f"number of atoms: {n_atoms} need about {needed / 1e9:.3g} GB of memory, {there / 1e9:.3g} GB are "
            f"there; allowed: about {most:.2g} on this machine"
        )
    edge = _edge(ion_counts(composition, n_atoms))
    if edge < SMALLEST_EDGE:
        raise InputError(
            f"number of atoms: {n_atoms} make a cell of {edge:.1f} Å, smaller than {SMALLEST_EDGE:g} Å; "
            f"allowed: at least {_smallest(composition, n_atoms)}"
        )


def _edge(counts: Mapping[str, int]) -> float:
    mass = sum(n * Atoms(ion(label).element).get_masses()[0] for label, n in counts.items())
    density = DENSITY_MARGIN * estimated_density(counts)
    return float((mass / density * AMU_PER_A3_TO_G_PER_CM3) ** (1 / 3))


def _smallest(composition: Composition, n_atoms: int) -> int:
    counts = ion_counts(composition, max(n_atoms, 100))
    # Volume grows with the number of atoms; whole ions make it uneven, so step up from well below.
    guess = max(1, math.floor(sum(counts.values()) * (SMALLEST_EDGE / _edge(counts)) ** 3 * 0.7))
    while _edge(ion_counts(composition, guess)) < SMALLEST_EDGE:
        guess += 1
    return guess


def _memory_there() -> float:
    return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")


def estimate_seconds(n_atoms: int, protocol: str | Protocol | Mapping[str, Any] = "quick") -> float:
    """CPU-seconds that a glass takes about, on one core."""
    *earlier, final = protocol_of(protocol).stages()
    dsf = sum(stage.steps for stage in earlier) / DSF_ATOM_STEPS
    return n_atoms * (dsf + (final.steps + MINIMISE_STEPS) / PPPM_ATOM_STEPS)


def estimate_memory(n_atoms: int, ranks: int = 1) -> float:
    """Bytes of resident memory that a build takes about, all its processes together."""
    return BASE_BYTES + ranks * RANK_BYTES + n_atoms * ATOM_BYTES


def melt_quench(
    composition: Composition,
    n_atoms: int,
    *,
    seed: int,
    protocol: str | Protocol | Mapping[str, Any] = "quick",
    potential: str = "du-teter",
    ranks: int = 1,
    progress: Progress = silent,
    workdir: str | Path | None = None,
) -> Glass:
    """Build a glass.

    The same inputs, seed, ranks, package versions and kind of CPU give the same model to the last bit, also when
    the build was interrupted and taken up again.

    Parameters
    ----------
    composition
        Neutral composition.
    n_atoms
        Smallest number of atoms; see :func:`alzmodel.composition.ion_counts`.
    seed
        Of the packing and the first velocities, ≥ 0.
    protocol
        Name, :class:`~alzmodel.build.protocols.Protocol`, or mapping of changed fields.
    potential
        Name of a potential.
    ranks
        MPI ranks.
    progress
        Told the fraction done, the stage and the temperature.
    workdir
        Folder for restart files: a later call with the same inputs goes on where this one stood. Without it a
        temporary folder is used and removed.

    Returns
    -------
    Glass

    Raises
    ------
    InputError
        See :func:`check_request`; also for a workdir that holds another build, or a negative seed.
    BuildError
        If an element moved less than :data:`MSD_REQUIRED` in the melt, or the melt boiled.
    AlzmodelError
        If LAMMPS fails.
    """
    request = _request(composition, n_atoms, seed, protocol, potential, ranks)
    with work_folder(workdir, request.hash()) as folder:
        return _build(request, folder, progress)


def resumable_folder(
    output: Path,
    composition: Composition,
    n_atoms: int,
    *,
    seed: int,
    protocol: str | Protocol | Mapping[str, Any] = "quick",
    potential: str = "du-teter",
    ranks: int = 1,
) -> Path:
    """Name a `workdir` beside the file that a glass is to be written to; other inputs have another name.

    Parameters and errors as those of :func:`melt_quench`.
    """
    request = _request(composition, n_atoms, seed, protocol, potential, ranks)
    return work_folder_beside(output, request.hash())


def _request(
    composition: Composition,
    n_atoms: int,
    seed: int,
    protocol: str | Protocol | Mapping[str, Any],
    potential: str,
    ranks: int,
) -> _Request:
    check_request(composition, n_atoms, protocol, potential, ranks)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed: {seed}; allowed: a whole number of at least 0")
    return _Request(
        composition=composition,
        counts=ion_counts(composition, n_atoms),
        n_atoms=n_atoms,
        seed=int(seed),
        protocol=protocol_of(protocol),
        potential=potential_of(potential),
        ranks=ranks,
    )


@dataclass(frozen=True)
class _Request:
    composition: Composition
    counts: dict[str, int]
    n_atoms: int
    seed: int
    protocol: Protocol
    potential: Potential
    ranks: int

    def identity(self) -> dict[str, Any]:
        """Everything that the model depends on, but for package versions and the CPU."""
        pot = self.potential
        return {
            "build_version": BUILD_VERSION,
            "counts": self.counts,
            "seed": self.seed,
            "protocol": self.protocol.to_dict(),
            "potential": {
                "name": pot.name,
                "short_range_cutoff": pot.short_range_cutoff,
                "ions": {label: _parameters(pot, label) for label in self.counts},
            },
            "ranks": self.ranks,
        }

    def hash(self) -> str:
        return identity_hash(self.identity())


def _parameters(potential: Potential, label: str) -> list[float]:
    known = potential.ion(label)
    return [known.charge, known.A, known.rho, known.C]


def _build(request: _Request, folder: Path, progress: Progress) -> Glass:
    protocol = request.protocol
    packing_seed, velocity_seed = np.random.SeedSequence(request.seed).generate_state(2)
    start = folder / "start.data"
    system = System(request.potential, tuple(request.counts))
    packing = random_packing(
        request.counts,
        seed=int(packing_seed),
        density=protocol.melt_density * estimated_density(request.counts),
    )
    labels = ion_labels(packing)
    if not start.exists():
        dsf, _, pppm = _coulombs(protocol)
        for coulomb in (dsf, pppm):
            system.write_tables(folder, coulomb)
        system.write_data(packing, labels, start)
    # LAMMPS takes seeds from 1 to 900 million.
    segments, groups = _segments(request, system, int(velocity_seed) % 900_000_000 + 1)
    run_job(folder, segments, upto=len(groups["melt"]), ranks=request.ranks, progress=progress)
    msd = _melt_msd(folder, groups["melt"], np.array(packing.get_chemical_symbols()))
    _check_melted(msd, protocol)
    run_job(folder, segments, ranks=request.ranks, progress=progress)
    return _collect(request, folder, groups, packing, msd)


def _coulombs(protocol: Protocol) -> tuple[Coulomb, Coulomb, Coulomb]:
    """Of the melt and the quench, of the final stage, of the minimisation; the last two share one table."""
    cutoff = protocol.cutoff
    return Coulomb("dsf", cutoff, protocol.damping), pppm_coulomb(cutoff, 1e-4), pppm_coulomb(cutoff)


def _segments(
    request: _Request, system: System, velocity_seed: int
) -> tuple[list[Segment], dict[str, list[Segment]]]:
    protocol = request.protocol
    dsf, dynamics, pppm = _coulombs(protocol)
    segments: list[Segment] = []
    groups: dict[str, list[Segment]] = {}
    source = "start.data"
    stages = protocol.stages()
    for number, stage in enumerate(stages):
        final = stage is stages[-1]
        coulomb = dynamics if final else dsf
        here = groups[stage.name] = []
        for first, last in _cuts(stage.steps, protocol.steps(protocol.restart_time)):
            name = f"{number}-{stage.name}-{first}"
            commands = [*system.setup(source, coulomb), f"timestep {protocol.timestep}"]
            if source == "start.data":
                commands += [
                    # Takes the heat of the worst contacts away before the first step.
                    "minimize 0 0 50 200",
                    f"velocity all create {stage.start} {velocity_seed} mom yes rot no dist gaussian",
                ]
            if first == 0:
                commands.append("reset_timestep 0")
            commands += _run(protocol, stage, name, first, last)
            segment = Segment(
                name=name,
                commands=tuple(commands),
                output=f"{name}.restart",
                weight=(last - first) / (PPPM_ATOM_STEPS if final else DSF_ATOM_STEPS),
                message=stage.name,
                first_step=first,
                steps=last - first,
            )
            segments.append(segment)
            here.append(segment)
            source = segment.output
    minimise = Segment(
        name="minimise",
        commands=(
            *system.setup(source, pppm),
            *minimise_commands("iso", pressure=protocol.pressure),
            "write_dump all custom minimised.dump.part id type xsu ysu zsu modify sort id format float %.17g",
        ),
        output="minimised.dump",
        weight=MINIMISE_STEPS / PPPM_ATOM_STEPS,
        message="minimisation",
    )
    groups["minimise"] = [minimise]
    return [*segments, minimise], groups


def _cuts(steps: int, interval: int) -> list[tuple[int, int]]:
    edges = [*range(0, steps, interval), steps]
    return list(itertools.pairwise(edges))


def _run(protocol: Protocol, stage: Stage, name: str, first: int, last: int) -> list[str]:
    slope = (stage.stop - stage.start) / stage.steps
    begin, end = stage.start + slope * first, stage.start + slope * last
    fix = f"fix {stage.name} all {stage.ensemble} temp {begin:.10g} {end:.10g} {protocol.thermostat_time}"
    if stage.ensemble == "npt":
        # 1 GPa is 10⁴ bar.
        fix += f" iso {protocol.pressure * 1e4} {protocol.pressure * 1e4} {protocol.barostat_time}"
    commands = [fix, f"thermo {_thermo_interval(protocol)}"]
    dumped = {"melt": max(1, stage.steps // MSD_FRAMES), "final": protocol.frame_interval}.get(stage.name)
    if dumped:
        commands += [
            f"dump frames all custom {dumped} {name}.dump id type xsu ysu zsu",
            "dump_modify frames sort id format float %.17g",
        ]
    return [*commands, f"run {last - first}", f"write_restart {name}.restart.part"]


def _thermo_interval(protocol: Protocol) -> int:
    return max(1, min(100, protocol.total_steps // HISTORY_POINTS))


def _frames(folder: Path, segments: Sequence[Segment]) -> list[tuple[np.ndarray, np.ndarray]]:
    found = {}
    for segment in segments:
        for step, cell, scaled in read_dump(folder / f"{segment.name}.dump"):
            # The step where a run was cut stands in two files.
            found[step] = cell, scaled
    return [found[step] for step in sorted(found)]


def _melt_msd(folder: Path, segments: Sequence[Segment], symbols: np.ndarray) -> dict[str, float]:
    """Mean square displacement in Å² by element, from one fifth of the melt to its end, drift taken out."""
    frames = _frames(folder, segments)
    (_, early), (cell, late) = frames[1], frames[-1]
    shift = (late - early) @ cell
    masses = Atoms(symbols).get_masses()
    shift -= masses @ shift / masses.sum()
    squared = (shift**2).sum(axis=1)
    return {str(symbol): float(squared[symbols == symbol].mean()) for symbol in dict.fromkeys(symbols)}


def _check_melted(msd: Mapping[str, float], protocol: Protocol) -> None:
    stuck = {symbol: value for symbol, value in msd.items() if value <= MSD_REQUIRED}
    if stuck:
        values = ", ".join(f"{symbol} {value:.1f} Å²" for symbol, value in stuck.items())
        raise BuildError(
            f"melt: mean square displacement {values} after {protocol.melt_time:g} ps at "
            f"{protocol.melt_temperature:g} K; needed: more than {MSD_REQUIRED:g} Å² for every "
            "element: melt hotter or longer"
        )


def _collect(
    request: _Request,
    folder: Path,
    groups: Mapping[str, Sequence[Segment]],
    packing: Atoms,
    msd: Mapping[str, float],
) -> Glass:
    protocol = request.protocol
    final = read_thermo([folder / f"{segment.name}.log" for segment in groups["final"]])
    density = float(final.density[final.step > final.step[-1] / 5].mean())
    estimate = estimated_density(request.counts)
    if density < BOILED * estimate:
        raise BuildError(
            f"glass: density {density:.2f} g/cm3 where about {estimate:.2f} is expected: the melt boiled; "
            "melt at constant volume or at most 3000 K"
        )
    minimised = read_thermo([folder / "minimise.log"])
    counts, composition, pot = request.counts, request.composition, request.potential
    la = 2 * counts.get("La3+", 0) / counts["Zr4+"] if counts.get("Zr4+") else float(composition.la)
    provenance = {
        "method": "melt-quench",
        "formula": formula_of(counts),
        "formula_requested": composition.formula,
        "la_content": la,
        "composition": counts,
        "n_atoms": len(packing),
        "seed": request.seed,
        "ranks": request.ranks,
        "protocol": protocol.to_dict(),
        "potential": pot.provenance(counts),
        "coulomb": "damped shifted force in melt, quench and anneal; PPPM in the final stage and the minimisation",
        "versions": versions(),
        "input_hash": request.hash(),
        "thermo": _history(folder, groups, protocol, len(packing)),
        "msd_melt": dict(msd),
        "density_300K": density,
        "final_temperature": float(final.temperature[final.step > final.step[-1] / 5].mean()),
        "energy_per_atom": float(minimised.energy[-1]) / len(packing),
        "density_minimised": float(minimised.density[-1]),
        "curves_from": f"frames at {protocol.final_temperature:g} K",
    }
    frames = [
        _model(packing, cell, scaled, provenance)
        for cell, scaled in _frames(folder, groups["final"])[-protocol.frames :]
    ]
    ((_, cell, scaled),) = read_dump(folder / "minimised.dump")
    return Glass(_model(packing, cell, scaled, provenance), frames, provenance)


def _model(packing: Atoms, cell: np.ndarray, scaled: np.ndarray, provenance: dict[str, Any]) -> Atoms:
    atoms = packing.copy()
    atoms.set_cell(cell)
    atoms.set_scaled_positions(scaled % 1.0)
    atoms.info = {"kind": "glass", "provenance": provenance}
    return atoms


def _history(
    folder: Path, groups: Mapping[str, Sequence[Segment]], protocol: Protocol, n_atoms: int
) -> dict[str, list[float]]:
    logs: list[Thermo] = []
    times: list[np.ndarray] = []
    before = 0
    for stage in protocol.stages():
        log = read_thermo([folder / f"{segment.name}.log" for segment in groups[stage.name]])
        # The first step of a stage is the last one of the stage before.
        log = log.after(0 if before else -1)
        logs.append(log)
        times.append((before + log.step) * protocol.timestep)
        before += stage.steps
    columns = {
        "time_ps": np.concatenate(times),
        "temperature": np.concatenate([log.temperature for log in logs]),
        "density": np.concatenate([log.density for log in logs]),
        "energy": np.concatenate([log.energy for log in logs]) / n_atoms,
    }
    blocks = np.array_split(np.arange(len(columns["time_ps"])), HISTORY_POINTS)
    return {
        name: [round(float(values[block].mean()), 5) for block in blocks if len(block)]
        for name, values in columns.items()
    }
