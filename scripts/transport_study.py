"""Transport of Li in glasses of different La and Li content, by each potential: runs, table, figure.

    python scripts/transport_study.py --workdir study --jobs 2
    python scripts/transport_study.py --workdir study --table docs/results

Each glass is built with the potential that moves it then. Short runs of seed 1 come first, so that a whole table is
there early. The same call goes on where the last one stood; ``--table`` takes what is finished, runs nothing, and
writes ``transport.csv``, ``transport.md`` and a figure into its folder.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import resource
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from alzmodel.composition import glass_composition
from alzmodel.dynamics.arrhenius import PUBLISHED
from alzmodel.dynamics.jumps import jumps_of
from alzmodel.dynamics.room import room_against_diffusion, room_of
from alzmodel.dynamics.trajectory import read_trajectory
from alzmodel.dynamics.transport import transport_of
from alzmodel.dynamics.transport_run import (
    FRAME_TIME,
    DynamicsRun,
    DynamicsSettings,
    check_run,
    run_dynamics,
)
from alzmodel.errors import InputError, run_main
from alzmodel.io import read_structure, write_structure, write_text
from alzmodel.models.melt_quench import melt_quench
from alzmodel.report.transport_figure import plot_displacements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from alzmodel.dynamics.trajectory import Trajectory
    from alzmodel.dynamics.transport import Transport

ATOMS = 216
PROTOCOL = "standard"
CONTENTS = (1.5, 3.0, 4.5)
POTENTIALS = ("du-teter", "grimes")
LITHIUM = (5.0, 9.0)
"""Li beside 7, at x = 3."""
SEEDS = (1, 2, 3)
TEMPERATURES = (1000.0, 950.0, 900.0, 850.0, 800.0)
"""K; above, La diffuses too."""
BRIEF = 60.0
"""ps, with which a round begins."""


@dataclass(frozen=True, slots=True)
class Case:
    """One glass that is moved.

    Attributes
    ----------
    la, li
        Per two Zr.
    potential
        Builds and moves it.
    seed
        Of the glass.
    coulomb
        Of the moves; the glass is the same.
    """

    la: float
    li: float
    potential: str
    seed: int
    coulomb: Literal["dsf", "pppm"] = "dsf"

    @property
    def glass(self) -> str:
        """Name of the glass."""
        return f"x{self.la:g}-li{self.li:g}-{self.potential}-seed{self.seed}"


@dataclass(frozen=True, slots=True)
class Round:
    """Cases that are moved before others: a whole table is there early."""

    cases: tuple[Case, ...]
    temperatures: tuple[float, ...]
    max_time: float


def rounds(max_time: float) -> list[Round]:
    """In their order; a later round goes on with what an earlier one began."""
    by_seed = {
        seed: tuple(Case(la, 7.0, potential, seed) for la in CONTENTS for potential in POTENTIALS)
        for seed in SEEDS
    }
    lithium = tuple(Case(3.0, li, "du-teter", 1) for li in LITHIUM)
    exact = (Case(3.0, 7.0, "du-teter", 1, "pppm"),)
    hot, others = TEMPERATURES[:1], TEMPERATURES[1:]
    own = {
        potential: tuple(case for case in by_seed[1] if case.potential == potential)
        for potential in POTENTIALS
    }
    return [
        *(Round(own[potential], hot, BRIEF) for potential in POTENTIALS),
        Round(own["du-teter"], hot, max_time),
        Round(lithium, hot, BRIEF),
        Round(exact, hot, BRIEF),
        *(Round(by_seed[seed], hot, BRIEF) for seed in SEEDS[1:]),
        Round(by_seed[1], others, BRIEF),
        *(Round(by_seed[seed], TEMPERATURES, max_time) for seed in SEEDS),
        Round(lithium, TEMPERATURES, max_time),
        Round(exact, hot, max_time),
    ]


def built(case: Case, folder: Path) -> Atoms:
    """Read the glass, or build it."""
    path = folder / "glasses" / f"{case.glass}.extxyz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        before = cpu_seconds()
        composition = glass_composition(case.la, li=case.li)
        glass = melt_quench(
            composition,
            ATOMS,
            seed=case.seed,
            protocol=PROTOCOL,
            potential=case.potential,
            workdir=path.with_suffix(".build"),
        )
        write_text(path.with_suffix(".json"), json.dumps({"cpu_seconds": cpu_seconds() - before}))
        write_structure(glass.model, path)
    return read_structure(path)


def run_of(case: Case, atoms: Atoms, kelvin: float, max_time: float) -> DynamicsRun:
    """One glass at one temperature."""
    settings = DynamicsSettings(max_time=max_time, coulomb=case.coulomb)
    return DynamicsRun(atoms, case.glass, kelvin, case.potential, "Li", settings)


def cpu_seconds() -> float:
    """CPU-seconds of this process and of the children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def work(case: Case, temperatures: Sequence[float], folder: Path, max_time: float) -> str:
    """Build a glass and move it; the CPU-seconds of every call are added up beside it."""
    atoms = built(case, folder)
    runs = [run_of(case, atoms, kelvin, max_time) for kelvin in temperatures]
    for run in runs:
        check_run(run)
    for run in runs:
        cost = cost_file(folder, run)
        cost.parent.mkdir(exist_ok=True)
        spent = json.loads(cost.read_text(encoding="utf-8"))["cpu_seconds"] if cost.exists() else 0.0
        before = cpu_seconds()
        found = run_dynamics(run, folder)
        write_text(cost, json.dumps({"cpu_seconds": spent + cpu_seconds() - before, "ps": found.duration}))
    return f"{case.glass} {case.coulomb}"


def cost_file(folder: Path, run: DynamicsRun) -> Path:
    """Where the cost of a run stands."""
    return folder / "costs" / f"{run.folder_name()}.json"


Group: TypeAlias = "tuple[float, float, str, str]"
"""x, Li, potential, Coulomb sum."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A run that was read back: of which case, at which temperature, and what it took."""

    case: Case
    kelvin: float
    trajectory: Trajectory
    cpu: float


def finished(folder: Path, max_time: float) -> list[Moved]:
    """Read all runs that have left a trajectory."""
    found = []
    asked = dict.fromkeys(
        (case, kelvin) for one in rounds(max_time) for case in one.cases for kelvin in one.temperatures
    )
    for case, kelvin in asked:
        path = folder / "glasses" / f"{case.glass}.extxyz"
        if not path.exists():
            continue
        run = run_of(case, read_structure(path), kelvin, max_time)
        moved = folder / "runs" / run.folder_name() / "trajectory.extxyz"
        if moved.exists():
            spent = json.loads(cost_file(folder, run).read_text(encoding="utf-8"))["cpu_seconds"]
            found.append(Moved(case, kelvin, read_trajectory(moved, FRAME_TIME), spent))
    return found


def by_group(moved: Sequence[Moved]) -> dict[Group, Transport]:
    """Transport of each composition and potential; its glasses are seeds of each other."""
    groups: dict[Group, list[tuple[Trajectory, float]]] = {}
    for one in moved:
        key = (one.case.la, one.case.li, one.case.potential, one.case.coulomb)
        groups.setdefault(key, []).append((one.trajectory, one.kelvin))
    return {key: transport_of(runs) for key, runs in sorted(groups.items())}


HEADS = (
    "x", "Li", "potential", "Coulomb", "T (K)", "glasses", "ps", "MSD (Å²)", "slope", "D (1e-6 cm²/s)", "95 %",
    "± blocks", "± ions", "± seeds", "jumps per ns", "±", "neck (Å)", "CPU-s",
)  # fmt: skip


def rows_of(groups: dict[Group, Transport], moved: Sequence[Moved]) -> list[list[str]]:
    """One line for each group and temperature; no D where the motion is not diffusive."""
    found = []
    for key, transport in groups.items():
        for one in transport.temperatures:
            own, around = one.D["Li"], one.surroundings
            jumps = around.jumps if around else None
            necks = [room.bottleneck for room in around.room] if around else []
            spent = sum(
                run.cpu
                for run in moved
                if (run.case.la, run.case.li, run.case.potential, run.case.coulomb) == key
                and run.kelvin == one.temperature
            )
            low, high = own.ci95
            numbers = [
                f"{one.window_msd:.2f}",
                f"{one.slope:.2f}",
                f"{1e6 * own.value:.3g}" if one.diffusive else "not diffusive",
                f"{1e6 * low:.3g} to {1e6 * high:.3g}" if one.diffusive else "",
                *(
                    f"{1e6 * se:.2g}" if math.isfinite(se) else ""
                    for se in (own.se_blocks, own.se_ions, own.se_seeds)
                ),
                f"{jumps.rate:.1f}" if jumps else "",
                f"{jumps.rate_se:.1f}" if jumps else "",
                f"{np.mean(necks):.3f}" if necks else "",
                f"{spent:.0f}",
            ]
            found.append(
                [*map(_text, key), f"{one.temperature:g}", str(len(one.runs)), f"{one.duration:g}", *numbers]
            )
    return found


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def energies(groups: dict[Group, Transport]) -> str:
    """Markdown: activation energies, and 300 K beside what is published."""
    lines = ["| x | Li | potential | Ea (eV) | σ at 300 K (S/cm), extrapolated |", "|---|---|---|---|---|"]
    for (la, li, potential, coulomb), found in groups.items():
        name = f"{potential}, {coulomb}"
        if found.fit is None or found.sigma_300K is None:
            n = sum(one.usable for one in found.temperatures)
            lines.append(f"| {la:g} | {li:g} | {name} | none: {n} diffusive temperatures, 4 needed | none |")
            continue
        low, high = found.fit.ci95
        room = found.sigma_300K
        lines.append(
            f"| {la:g} | {li:g} | {name} | {found.fit.value:.2f} ({low:.2f} to {high:.2f}) | "
            f"{room.value:.2g} ({room.lo:.2g} to {room.hi:.2g}) |"
        )
    for one in PUBLISHED:
        value = f"{one.lo:.2g} to {one.hi:.2g}" if one.lo < one.hi else f"{one.lo:.2g}"
        lines.append(f"| | | published: {one.of} ({one.source}) | | {value} |")
    lines.append("| | | Zhu et al. 2024, Fig. S8 | values not at hand | values not at hand |")
    return "\n".join(lines) + "\n"


def trend(groups: dict[Group, Transport], potential: str, factor: int) -> str:
    """One sentence: how fast Li is over x (factor 0) or Li (1), at the hottest temperature that all have.

    A line through the logarithm of D or, where one glass has none, of the rate of jumps; weights are the errors by
    blocks and seeds, or by ions.
    """
    name = ("x", "Li")[factor]
    rest = (7.0, 3.0)[factor]
    own = {
        key[factor]: found
        for key, found in groups.items()
        if key[2:] == (potential, "dsf") and key[1 - factor] == rest
    }
    if len(own) < 3:
        return f"- {potential}, over {name}: {len(own)} compositions; needed: 3."
    shared = set.intersection(*({one.temperature for one in found.temperatures} for found in own.values()))
    if not shared:
        return f"- {potential}, over {name}: no temperature that all have."
    kelvin = max(shared)
    at = [next(one for one in own[value].temperatures if one.temperature == kelvin) for value in sorted(own)]
    jumps = [one.surroundings.jumps for one in at if one.surroundings and one.surroundings.jumps]
    if all(one.diffusive for one in at):
        what, unit = "D", "1e-6 cm²/s"
        values = [1e6 * one.D["Li"].value for one in at]
        errors = [1e6 * one.D["Li"].se for one in at]
    elif len(jumps) == len(at) and all(one.n_jumps for one in jumps):
        what, unit = "rate of jumps", "per ion and ns (not all are diffusive: no D)"
        values, errors = [one.rate for one in jumps], [one.rate_se for one in jumps]
    else:
        return f"- {potential}, over {name}: at {kelvin:g} K some ions do not move."
    x, y = np.array(sorted(own)), np.log(values)
    weights = np.array(values) / np.array(errors)
    (slope, _), covariance = np.polyfit(x, y, 1, w=weights, cov="unscaled")
    half = 1.96 * math.sqrt(float(covariance[0, 0]))
    verdict = "no trend within the error"
    if abs(slope) > half:
        verdict = f"more {('La', 'Li')[factor]}, {'faster' if slope > 0 else 'slower'} Li"
    listed = ", ".join(f"{value:.3g} ± {error:.2g}" for value, error in zip(values, errors, strict=True))
    glasses = min(len(one.runs) for one in at)
    return (
        f"- {potential}, over {name} = {', '.join(f'{one:g}' for one in x)} at {kelvin:g} K, {glasses} "
        f"{'glass' if glasses == 1 else 'glasses'} each: {what} {listed} {unit}; "
        f"ln changes by {slope:+.2f} ± {half:.2f} for one more: **{verdict}**."
    )


def room_line(moved: Sequence[Moved]) -> str:
    """One sentence: whether glasses with a wider neck have faster Li, over all glasses of one potential."""
    lines = []
    for potential in POTENTIALS:
        hot = [
            one
            for one in moved
            if (one.case.potential, one.case.coulomb, one.kelvin) == (potential, "dsf", TEMPERATURES[0])
        ]
        rooms = [room_of(one.trajectory) for one in hot]
        rates = [jumps_of([one.trajectory]).rate for one in hot]
        found = room_against_diffusion(rooms, rates)
        known = f"rank {found.rank:+.2f}, p = {found.p:.2f}" if math.isfinite(found.rank) else "too few"
        lines.append(f"- {potential}: {found.n_models} glasses at {TEMPERATURES[0]:g} K, {known}.")
    return "\n".join(lines)


PAGE = """# Transport of Li in small glasses

Written by `python scripts/transport_study.py --workdir DIR --table docs/results`. Glasses of {atoms} atoms by the
protocol `{protocol}`, each built and moved by one potential; frames every 0.2 ps, `dsf` where nothing else is said.
D is given where a run is diffusive and nowhere else; jumps are counted in all. CPU-seconds are of the moves alone; a
glass took up to {build:.0f} before. {unfinished}

{table}
![How far Li goes](transport.png)

## Activation energies

{energies}
## Trends

{trends}

Errors are those of blocks and seeds for D, those of ions for jumps. Of one glass each they hold nothing of how glasses
of one composition differ.

## Room and motion

Whether glasses with a wider neck between the ions have more jumps:

{room}
"""


def draw(groups: dict[Group, Transport], target: Path) -> None:
    """Draw how far Li goes at the hottest temperature, one curve a composition and potential."""
    curves = {}
    for (la, li, potential, coulomb), found in groups.items():
        hot = found.temperatures[-1]
        if coulomb == "dsf" and hot.temperature == TEMPERATURES[0]:
            curves[f"{potential}, x = {la:g}, Li {li:g}"] = (hot.lag, hot.msd["Li"])
    plot_displacements(curves, "Li", target / "transport.png")


def write_table(folder: Path, target: Path, max_time: float) -> None:
    """Write what is finished."""
    moved = finished(folder, max_time)
    if not moved:
        raise InputError(f"{folder}: no finished run; allowed: a folder with some")
    groups = by_group(moved)
    rows = rows_of(groups, moved)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([HEADS, *rows])
    write_text(target / "transport.csv", buffer.getvalue())
    lines = ["| " + " | ".join(row) + " |" for row in (HEADS, ["---"] * len(HEADS), *rows)]
    built = [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "glasses").glob("*.json")]
    page = PAGE.format(
        atoms=ATOMS,
        protocol=PROTOCOL,
        unfinished=_missing(moved, max_time),
        build=max([one["cpu_seconds"] for one in built]),
        table="\n".join(lines) + "\n",
        energies=energies(groups),
        trends="\n".join([*(trend(groups, one, 0) for one in POTENTIALS), trend(groups, "du-teter", 1)]),
        room=room_line(moved),
    )
    write_text(target / "transport.md", page)
    draw(groups, target)


def _missing(moved: Sequence[Moved], max_time: float) -> str:
    """Say how much of the plan is done."""
    asked = {(case, kelvin) for one in rounds(max_time) for case in one.cases for kelvin in one.temperatures}
    if len(moved) == len(asked):
        return ""
    return f"{len(moved)} of the {len(asked)} runs of the plan are done: the same command goes on with the others."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, or make the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workdir", type=Path, required=True, help="folder of glasses and runs")
    parser.add_argument("--max-time", type=float, default=300.0, help="ps, at which a run ends at the latest")
    parser.add_argument("--jobs", type=int, default=1, help="glasses side by side")
    parser.add_argument("--table", type=Path, metavar="DIR", help="write the tables there, and run nothing")
    options = parser.parse_args(arguments)
    if options.table is not None:
        write_table(options.workdir, options.table, options.max_time)
        return 0
    options.workdir.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(options.jobs, max_tasks_per_child=1) as pool:
        for number, one in enumerate(rounds(options.max_time), start=1):
            jobs = [
                pool.submit(work, case, one.temperatures, options.workdir, one.max_time) for case in one.cases
            ]
            for job in as_completed(jobs):
                print(f"round {number}: {job.result()}", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    run_main(main)
