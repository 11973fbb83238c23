"""A packing taken through a protocol: its stages as LAMMPS segments, and what their logs and dumps say.

Shared by every builder that melts and quenches. Ions can be held: they stand still until the anneal, while the others
melt and cool around them.
"""

from __future__ import annotations

import itertools
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from alzmodel.composition import ion_labels
from alzmodel.errors import BuildError
from alzmodel.forcefields.engine import Segment, System, read_dump, read_thermo, run_job
from alzmodel.forcefields.known_range import range_distances, range_report
from alzmodel.forcefields.pair_tables import Coulomb, pppm_coulomb
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.forcefields.static import LARGE, RMS_FORCE, minimise_commands
from alzmodel.models.protocols import for_potential
from alzmodel.models.work_folder import versions
from alzmodel.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alzmodel.forcefields.engine import Thermo
    from alzmodel.forcefields.potentials import Potential
    from alzmodel.models.protocols import Protocol, Stage

__all__ = [
    "MSD_REQUIRED",
    "PPPM_ATOM_STEPS",
    "PRE_MELT",
    "ProtocolRun",
    "cpu_seconds",
    "minimisation_identity",
    "minimise_evaluations",
    "potential_identity",
    "pre_melted",
    "run_protocol",
]

MSD_REQUIRED = 10.0
"""Å²; every element's ions must have moved this far in the melt, or it did not forget how it was packed."""

DSF_ATOM_STEPS = 3.6e5
PPPM_ATOM_STEPS = 2.0e5
MINIMISE_ATOM_STEPS = 1.15e5
"""Atoms times force evaluations per CPU-second of one core, measured on 216 to 50 016 atoms; a minimisation has the
finest mesh."""

MORE_ROUNDS = 5
"""Of the minimisation, at most, where more pressure is left than a relaxed cell may have."""

LARGE_EVALUATIONS = 2200.0
"""Of the forces in the minimisation of a large model: 1860 for 5016 atoms minimised as such, a fifth more for size."""

START_SECONDS = 2.0
"""CPU-seconds: imports, packing, tables, restart files."""

BOILED = 0.75
"""A glass less dense than this share of the estimate holds bubbles."""

LEARNED_ATOM_STEPS = 1.2e4
"""The same for a learned potential, whatever the stage."""

PRE_MELT = 0.5
"""ps that a packing moves with the pair potential before a learned one takes over."""

HISTORY_POINTS = 200
MSD_FRAMES = 5

HELD_STAGES = ("melt", "hot_quench_to_anneal", "quench_to_anneal")
"""Stages in which held ions stand still; the anneal frees them."""

LAMMPS_SEEDS = 900_000_000
"""LAMMPS takes seeds from 1 to this."""


@dataclass(frozen=True, slots=True)
class ProtocolRun:
    """What a protocol made of a packing.

    Attributes
    ----------
    minimised
        The model in the end, with the info and the arrays of the packing.
    frames
        Models at the final temperature, evenly spaced in time.
    record
        How and with what it was run and what it gave: part of the provenance.
    """

    minimised: Atoms
    frames: list[Atoms]
    record: dict[str, Any]


def run_protocol(
    packing: Atoms,
    protocol: Protocol,
    potential: Potential,
    folder: Path,
    *,
    seed: int,
    estimate: float,
    held: int = 0,
    ranks: int = 1,
    inputs: str,
    progress: Progress = silent,
) -> ProtocolRun:
    """Melt, quench, anneal and minimise a packing; a folder in which that began is gone on with.

    Parameters
    ----------
    packing
        Periodic, neutral, with formal charges.
    protocol, potential
        How, and with what forces.
    folder
        For restart files, logs and dumps.
    seed
        Of the velocities, at least 0.
    estimate
        Density in g cm⁻³ that is expected.
    held
        The first `held` ions stand still until the anneal. The forces between them are left out meanwhile: the
        pressure that is left then is zero exactly where the tension of the others is, since a rigid body at rest adds
        to the virial what its surface feels.
    ranks
        MPI ranks.
    inputs
        Hash of what is built, for the record.
    progress
        Told the fraction done, the stage and the temperature.

    Raises
    ------
    BuildError
        If an element moved less than :data:`MSD_REQUIRED` in the melt, or the melt boiled.
    AlzmodelError
        If LAMMPS fails.
    """
    labels = ion_labels(packing)
    system = System(potential, tuple(dict.fromkeys(labels)))
    start = folder / "start.data"
    if not start.exists():
        if potential.many_body:
            packing = pre_melted(packing, potential_of(potential.many_body.card["base"]), seed, held=held)
        dsf, _, pppm = _coulombs(protocol)
        for coulomb in (dsf, pppm):
            system.write_tables(folder, coulomb)
        system.write_data(packing, labels, start)
    segments, groups = _segments(protocol, system, seed, len(packing), held=held)
    run_job(folder, segments, upto=len(groups["melt"]), ranks=ranks, progress=progress)
    msd = _melt_msd(folder, groups["melt"], np.array(packing.get_chemical_symbols()), held=held)
    _check_melted(msd, protocol)
    run_job(folder, segments, ranks=ranks, progress=progress)
    final = read_thermo([folder / f"{segment.name}.log" for segment in groups["final"]])
    late = final.step > final.step[-1] / 5
    density = float(final.density[late].mean())
    if density < BOILED * estimate:
        raise BuildError(
            f"glass: density {density:.2f} g/cm3 where about {estimate:.2f} is expected: the melt boiled; "
            "melt at constant volume or at most 3000 K"
        )
    minimised = read_thermo([folder / "minimise.log"])
    record = {
        "ranks": ranks,
        "protocol": protocol.to_dict(),
        "potential": potential.provenance(system.labels),
        "coulomb": "PPPM"
        if potential.many_body
        else "damped shifted force in melt, quench and anneal; PPPM in the final stage and the minimisation",
        **({"pre_melt": f"{PRE_MELT} ps at 3000 K with the pair potential"} if potential.many_body else {}),
        "versions": versions(),
        "input_hash": inputs,
        "thermo": _history(folder, groups, protocol, len(packing)),
        "msd_melt": dict(msd),
        "density_300K": density,
        "final_temperature": float(final.temperature[late].mean()),
        "energy_per_atom": float(minimised.energy[-1]) / len(packing),
        "density_minimised": float(minimised.density[-1]),
        **minimisation_identity(len(packing)),
        "curves_from": f"frames at {protocol.final_temperature:g} K",
    }
    frames = [
        _model(packing, cell, scaled)
        for cell, scaled in _read_frames(folder, groups["final"])[-protocol.frames :]
    ]
    ((_, cell, scaled),) = read_dump(folder / "minimised.dump")
    minimised = _model(packing, cell, scaled)
    if potential.many_body:
        for atoms in [minimised, *frames]:
            atoms.arrays["range_distance"] = range_distances([atoms], potential.name)[0]
        record["range"] = range_report(
            [atoms.arrays["range_distance"] for atoms in frames], packing.get_chemical_symbols()
        )
    return ProtocolRun(minimised, frames, record)


def pre_melted(packing: Atoms, pair: Potential, seed: int, *, held: int = 0) -> Atoms:
    """Packing after :data:`PRE_MELT` ps with a pair potential: a fit knows nothing of ions that overlap."""
    labels = ion_labels(packing)
    system = System(pair, tuple(dict.fromkeys(labels)))
    coulomb = Coulomb("dsf")
    group = "moving" if held else "all"
    commands = [
        *system.setup("start.data", coulomb),
        *_hold(held),
        "timestep 0.001",
        *_start(3000, _lammps_seed(seed), held),
        f"fix melt {group} nvt temp 3000 3000 0.1",
        f"run {round(PRE_MELT / 0.001)}",
        "write_dump all custom end.dump.part id type xsu ysu zsu modify sort id format float %.17g",
    ]
    with tempfile.TemporaryDirectory(prefix="alzmodel-pre-melt-") as name:
        folder = Path(name)
        system.write_tables(folder, coulomb)
        system.write_data(packing, labels, folder / "start.data")
        run_job(folder, [Segment("pre-melt", tuple(commands), "end.dump", 1.0, "pre-melt")])
        ((_, cell, scaled),) = read_dump(folder / "end.dump")
    return _model(packing, cell, scaled)


def _model(packing: Atoms, cell: np.ndarray, scaled: np.ndarray) -> Atoms:
    atoms = packing.copy()
    atoms.set_cell(cell)
    atoms.set_scaled_positions(scaled % 1.0)
    return atoms


def potential_identity(potential: Potential, labels: Iterable[str]) -> dict[str, Any]:
    """Everything of a potential that a model of these ions depends on."""
    ions = {}
    for label in labels:
        known = potential.ion(label)
        ions[label] = [known.charge, known.A, known.rho, known.C]
    identity = {"name": potential.name, "short_range_cutoff": potential.short_range_cutoff, "ions": ions}
    return identity | potential.learned_identity


def minimisation_identity(n_atoms: int) -> dict[str, Any]:
    """Rms force (eV/Å) that ends the minimisation of a large model; the smaller ones are minimised as they always were.

    See :func:`alzmodel.forcefields.static.minimise_commands`.
    """
    return {"minimised_to_rms_force": RMS_FORCE} if n_atoms > LARGE else {}


def cpu_seconds(n_atoms: int, protocol: Protocol, potential: str = "du-teter") -> float:
    """CPU-seconds that a protocol and the minimisation take about, on one core."""
    if potential_of(potential).many_body:
        protocol = for_potential(protocol, potential_of(potential))
        steps = sum(stage.steps for stage in protocol.stages()) + minimise_evaluations(n_atoms)
        return START_SECONDS + n_atoms * steps / LEARNED_ATOM_STEPS
    *earlier, final = protocol.stages()
    dsf = sum(stage.steps for stage in earlier) / DSF_ATOM_STEPS
    dynamics = dsf + final.steps / PPPM_ATOM_STEPS
    return START_SECONDS + n_atoms * (dynamics + minimise_evaluations(n_atoms) / MINIMISE_ATOM_STEPS)


def minimise_evaluations(n_atoms: int) -> float:
    """Force evaluations that the minimisation of a glass at 300 K takes about.

    Up to :data:`~alzmodel.forcefields.static.LARGE` atoms they grow with √N, as the force per atom at which it ends
    falls with 1/√N. Measured: 598 for 216 atoms, 935 for 623, 1210 for 1512, 1839 and 2653 for 5016.
    """
    return LARGE_EVALUATIONS if n_atoms > LARGE else 35.0 * math.sqrt(n_atoms)


def _coulombs(protocol: Protocol) -> tuple[Coulomb, Coulomb, Coulomb]:
    """Of the melt and the quench, of the final stage, of the minimisation; the last two share one table."""
    cutoff = protocol.cutoff
    return Coulomb("dsf", cutoff, protocol.damping), pppm_coulomb(cutoff, 1e-4), pppm_coulomb(cutoff)


def _segments(
    protocol: Protocol, system: System, seed: int, n_atoms: int, *, held: int = 0
) -> tuple[list[Segment], dict[str, list[Segment]]]:
    """Segments of a whole build from ``start.data``, in order and by stage."""
    dsf, dynamics, pppm = _coulombs(protocol)
    segments: list[Segment] = []
    groups: dict[str, list[Segment]] = {}
    source = "start.data"
    stages = protocol.stages()
    for number, stage in enumerate(stages):
        final = stage is stages[-1]
        coulomb = dynamics if final else dsf
        holding = held if stage.name in HELD_STAGES else 0
        here = groups[stage.name] = []
        for first, last in _cuts(stage.steps, protocol.steps(protocol.restart_time)):
            name = f"{number}-{stage.name}-{first}"
            commands = [
                *system.setup(source, coulomb),
                f"timestep {protocol.timestep}",
                *_hold(holding),
            ]
            if source == "start.data":
                commands += _start(
                    stage.start, _lammps_seed(seed), holding, overlaps=not system.potential.many_body
                )
            if held and stage.name == "anneal" and first == 0:
                commands += _release(held, stage.start, _lammps_seed(seed + 1))
            if first == 0:
                commands.append("reset_timestep 0")
            commands += _run(protocol, stage, name, first, last, holding=bool(holding))
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
            *minimise_commands("iso", n_atoms, pressure=protocol.pressure, more=MORE_ROUNDS),
            "write_dump all custom minimised.dump.part id type xsu ysu zsu modify sort id format float %.17g",
        ),
        output="minimised.dump",
        weight=minimise_evaluations(n_atoms) / MINIMISE_ATOM_STEPS,
        message="minimisation",
    )
    groups["minimise"] = [minimise]
    return [*segments, minimise], groups


def _lammps_seed(seed: int) -> int:
    return seed % LAMMPS_SEEDS + 1


def _hold(held: int) -> list[str]:
    if not held:
        return []
    return [
        f"group held id <= {held}",
        "group moving subtract all held",
        "neigh_modify exclude group held held",
        "compute mobile moving temp",
        "thermo_modify temp mobile",
    ]


def _start(temperature: float, seed: int, held: int, *, overlaps: bool = True) -> list[str]:
    group = "moving" if held else "all"
    # Takes the heat of the worst contacts of a packing away before the first step. After a pre-melt there are none,
    # and a fit that is minimised far from equilibrium falls where it knows nothing.
    settle = ["minimize 0 0 50 200"] if overlaps else []
    if held:
        settle = [
            "fix still held setforce 0.0 0.0 0.0",
            *settle,
            "unfix still",
            "velocity held set 0.0 0.0 0.0",
        ]
    return [*settle, f"velocity {group} create {temperature} {seed} mom yes rot no dist gaussian"]


def _release(held: int, temperature: float, seed: int) -> list[str]:
    return [
        f"group held id <= {held}",
        f"velocity held create {temperature} {seed} mom yes rot no dist gaussian",
        "velocity all zero linear",
    ]


def _cuts(steps: int, interval: int) -> list[tuple[int, int]]:
    edges = [*range(0, steps, interval), steps]
    return list(itertools.pairwise(edges))


def _run(protocol: Protocol, stage: Stage, name: str, first: int, last: int, *, holding: bool) -> list[str]:
    slope = (stage.stop - stage.start) / stage.steps
    begin, end = stage.start + slope * first, stage.start + slope * last
    group = "moving" if holding else "all"
    fix = f"fix {stage.name} {group} {stage.ensemble} temp {begin:.10g} {end:.10g} {protocol.thermostat_time}"
    if stage.ensemble == "npt":
        # 1 GPa is 10⁴ bar.
        fix += f" iso {protocol.pressure * 1e4} {protocol.pressure * 1e4} {protocol.barostat_time}"
        if holding:
            fix += " dilate moving"
    commands = [fix, f"thermo {_thermo_interval(protocol)}"]
    if holding:
        commands.insert(1, f"fix_modify {stage.name} temp mobile")
    dumped = {"melt": max(1, stage.steps // MSD_FRAMES), "final": protocol.frame_interval}.get(stage.name)
    if dumped:
        commands += [
            f"dump frames all custom {dumped} {name}.dump id type xsu ysu zsu",
            "dump_modify frames sort id format float %.17g",
        ]
    return [*commands, f"run {last - first}", f"write_restart {name}.restart.part"]


def _thermo_interval(protocol: Protocol) -> int:
    return max(1, min(100, protocol.total_steps // HISTORY_POINTS))


def _read_frames(folder: Path, segments: Sequence[Segment]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cells (3, 3) in Å and unwrapped fractional coordinates (n, 3) that a stage has dumped, in order of time."""
    found = {}
    for segment in segments:
        for step, cell, scaled in read_dump(folder / f"{segment.name}.dump"):
            # The step where a run was cut stands in two files.
            found[step] = cell, scaled
    return [found[step] for step in sorted(found)]


def _melt_msd(
    folder: Path, segments: Sequence[Segment], symbols: np.ndarray, *, held: int = 0
) -> dict[str, float]:
    """Mean square displacement in Å² by element, from one fifth of the melt to its end, drift taken out.

    The first `held` ions do not count.
    """
    frames = _read_frames(folder, segments)
    (_, early), (cell, late) = frames[1], frames[-1]
    shift, symbols = ((late - early) @ cell)[held:], symbols[held:]
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


def _history(
    folder: Path, groups: Mapping[str, Sequence[Segment]], protocol: Protocol, n_atoms: int
) -> dict[str, list[float]]:
    """Time (ps), temperature (K), density (g cm⁻³) and energy (eV per atom) in at most 200 blocks."""
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
