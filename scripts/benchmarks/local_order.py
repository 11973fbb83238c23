"""How long local order takes, and OVITO for what both do, in one run on the same atoms.

    python scripts/benchmarks/local_order.py --atoms 50000
    python scripts/benchmarks/local_order.py --model glass.extxyz --atoms 50000 --linear 400000
    python scripts/benchmarks/local_order.py --model glass.extxyz --atoms 50000 --first-stage
    python scripts/benchmarks/local_order.py --atoms 50000 --before FILE                      # written by --json

The model is repeated until it has at least that many atoms (without `--model`: tetragonal garnet with every atom moved
by 0.1 Å). Everything runs once on a small model first, so that compiling is not timed; of `--repeat` runs the
fastest counts. A ratio below 1 means less time than OVITO (which the test extra installs). CPU seconds of all threads
stand beside: on a machine that others use they say more than the clock. With `--before` each part is laid beside what
the same command wrote for an earlier version; OVITO's time in both runs tells how fast the machine was.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.crystals import crystal
from alzmodel.errors import InputError, run_main
from alzmodel.io import json_text, read_frames
from alzmodel.local_order.bond_valence import bond_valence
from alzmodel.local_order.cation_order import cation_order
from alzmodel.local_order.free_volume import free_volume, ionic_radii
from alzmodel.local_order.network import network
from alzmodel.local_order.pdf import partial_rdf
from alzmodel.local_order.polyhedra import unit_angles
from alzmodel.local_order.rings import rings
from alzmodel.local_order.roles import roles
from alzmodel.local_order.sensitivity import sensitivity
from alzmodel.local_order.sharing import sharing
from alzmodel.local_order.shells import bonded
from alzmodel.local_order.unit_geometry import unit_geometry
from alzmodel.local_order.voronoi import voronoi_volumes
from alzmodel.neighbours import neighbour_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ase import Atoms

REACH = 9.0
LARGEST_RING = 12
FIRST = ("partials", "neighbours", "distances and angles", "bond valence", "sharing", "rings")
"""What has to be done in 3 s for 50 000 atoms."""
SECOND = ("shapes and volumes", "Voronoi cells", "voids")
"""What has to be done in 30 s."""


def tasks(atoms: Atoms) -> dict[str, Callable[[], object]]:
    """List what is timed, in this order; bonds and radii that several need are made once."""
    model = bonded(atoms)
    reach = max(model.shells.cutoffs[f"{element}-O"] for element in model.cations)
    radii = ionic_radii(atoms, model.bonds[0])
    cutoffs = dict(model.shells.cutoffs)

    oxygen = atoms.numbers == 8
    limit = np.array([cutoffs.get(f"{symbol}-O", 0.0) for symbol in atoms.get_chemical_symbols()])

    def distances_and_angles() -> None:
        pairs = neighbour_list(atoms, reach, of=~oxygen, among=oxygen)
        told = pairs.select(pairs.distance < limit[pairs.i])
        np.histogram(told.distance, 180)
        np.histogram(unit_angles(told), 180)

    return {
        "partials": lambda: partial_rdf(atoms, r_max=REACH),
        "neighbours": lambda: neighbour_list(atoms, reach),
        "distances and angles": distances_and_angles,
        "bond valence": lambda: bond_valence(model),
        "sharing": lambda: sharing(model),
        "rings": lambda: rings(model, largest=LARGEST_RING),
        "network": lambda: network(model),
        "roles": lambda: roles(model),
        "sensitivity": lambda: sensitivity(model),
        "cation order": lambda: cation_order(model),
        "shapes and volumes": lambda: unit_geometry(model),
        "Voronoi cells": lambda: voronoi_volumes(atoms, radii),
        "voids": lambda: free_volume(model),
    }


def ovito_tasks(atoms: Atoms) -> dict[str, Callable[[], object]]:
    """List the same from OVITO, for what it has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ovito.data import CutoffNeighborFinder
        from ovito.io.ase import ase_to_ovito
        from ovito.modifiers import (
            BondAngleDistributionModifier,
            BondLengthDistributionModifier,
            CommonNeighborAnalysisModifier,
            CoordinationAnalysisModifier,
            CreateBondsModifier,
            FindRingsModifier,
            VoronoiAnalysisModifier,
        )
        from ovito.pipeline import Pipeline, StaticSource
    model = bonded(atoms)
    cutoffs = {element: model.shells.cutoffs[f"{element}-O"] for element in model.cations}
    data = ase_to_ovito(atoms)
    data.particles_.create_property("Radius", data=ionic_radii(atoms, model.bonds[0]))
    cations = ase_to_ovito(atoms[~np.isin(atoms.numbers, (3, 8))])

    def bonds(elements: Sequence[str]) -> CreateBondsModifier:
        create = CreateBondsModifier(mode=CreateBondsModifier.Mode.Pairwise)
        for element in elements:
            create.set_pairwise_cutoff(element, "O", cutoffs[element])
        return create

    def run(*modifiers: object, source: object = data) -> object:
        pipeline = Pipeline(source=StaticSource(data=source))
        for modifier in modifiers:
            pipeline.modifiers.append(modifier)
        return pipeline.compute()

    bins = round(REACH / 0.02)
    return {
        "partials": lambda: run(
            CoordinationAnalysisModifier(cutoff=REACH, number_of_bins=bins, partial=True)
        ),
        "neighbours": lambda: CutoffNeighborFinder(max(cutoffs.values()), data).find_all(),
        "distances and angles": lambda: run(
            bonds(list(cutoffs)), BondLengthDistributionModifier(), BondAngleDistributionModifier()
        ),
        "rings": lambda: run(
            bonds(["Zr"]), FindRingsModifier(minimum_ring_size=4, maximum_ring_size=LARGEST_RING)
        ),
        "cation order": lambda: run(CommonNeighborAnalysisModifier(), source=cations),
        "Voronoi cells": lambda: run(VoronoiAnalysisModifier(use_radii=True)),
    }


def timed(what: Mapping[str, Callable[[], object]], repeat: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds by the clock and CPU seconds of each; the least of `repeat` runs."""
    clock: dict[str, float] = {}
    cpu: dict[str, float] = {}
    for name, work in what.items():
        seconds, used = [], []
        for _ in range(repeat):
            start, before = time.perf_counter(), time.process_time()
            work()
            seconds.append(time.perf_counter() - start)
            used.append(time.process_time() - before)
        clock[name], cpu[name] = min(seconds), min(used)
        print(f"{name}: {clock[name]:.2f} s, {cpu[name]:.2f} CPU-s", file=sys.stderr)
    return clock, cpu


def repeated(unit: Atoms, n_atoms: int) -> Atoms:
    """Return the model repeated along its axes, as evenly as may be, until it has at least `n_atoms`."""
    times = [1, 1, 1]
    while len(unit) * math.prod(times) < n_atoms:
        times[int(np.argmin(unit.cell.lengths() * times))] += 1
    return unit * tuple(times)


def default_model() -> Atoms:
    """Tetragonal garnet, every atom moved."""
    atoms = crystal("LLZO-tetragonal")
    atoms.positions += np.random.default_rng(0).normal(size=atoms.positions.shape) * 0.1
    return atoms


def report(
    mine: Mapping[str, float], theirs: Mapping[str, float], n_atoms: int, unit: str
) -> dict[str, object]:
    """Print the table and return what it says."""
    print(f"{n_atoms} atoms, {unit}\n{'':24s}{'alzmodel':>10s}{'OVITO':>10s}{'ratio':>8s}")
    for name, seconds in mine.items():
        other = theirs.get(name)
        beside = f"{other:10.2f}{seconds / other:8.2f}" if other else f"{'–':>10s}{'–':>8s}"
        print(f"{name:24s}{seconds:10.2f}{beside}")
    result: dict[str, object] = {"alzmodel": dict(mine), "ovito": dict(theirs)}
    result["first_stage"] = first = sum(mine[name] for name in FIRST)
    print(f"first stage {first:.2f} (3 s on 2 cores asked of 50 000 atoms)")
    if "voids" in mine:
        # The cells are part of what the voids are made of.
        result["second_stage"] = second = mine["shapes and volumes"] + mine["voids"]
        print(f"second stage {second:.2f} (30 s asked)")
    shared = [name for name in FIRST if name in theirs]
    for key, names in {"ratio": shared, "ratio_without_partials": shared[1:]}.items():
        if names:
            share, ovito = sum(mine[name] for name in names), sum(theirs[name] for name in names)
            result[key] = share / ovito
            print(f"{', '.join(names)}: {share:.2f} against OVITO's {ovito:.2f}, ratio {share / ovito:.2f}")
    return result


def lay_beside(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, float]:
    """Print how many times faster each part is than in an earlier run, the machine's own speed taken out."""
    shared = [name for name in now["ovito"] if name in before["ovito"]]
    machine = (
        sum(before["ovito"][name] for name in shared) / sum(now["ovito"][name] for name in shared)
        if shared
        else 1.0
    )
    faster = {
        name: before["alzmodel"][name] / seconds / machine
        for name, seconds in now["alzmodel"].items()
        if name in before["alzmodel"]
    }
    print(f"times faster than before (OVITO took {machine:.2f} of its time now)")
    for name, ratio in faster.items():
        print(f"{name:24s}{before['alzmodel'][name]:10.2f}{now['alzmodel'][name]:10.2f}{ratio:8.2f}")
    return faster


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, help="periodic oxide with Zr; default: garnet, atoms moved by 0.1 Å"
    )
    parser.add_argument("--atoms", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--linear", type=int, metavar="N", help="also time N atoms, without OVITO")
    parser.add_argument("--first-stage", action="store_true", help="nothing beyond the first stage")
    parser.add_argument(
        "--before", type=Path, metavar="FILE", help="what --json wrote for an earlier version"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers too")
    options = parser.parse_args(arguments)
    if min(options.atoms, options.repeat, options.linear or 1) < 1:
        raise InputError("--atoms, --repeat, --linear: less than 1; allowed: whole numbers from 1")
    unit = read_frames(options.model)[-1] if options.model else default_model()
    if not unit.pbc.all() or "Zr" not in unit.get_chemical_symbols():
        raise InputError("--model: not periodic, or without Zr; allowed: a periodic oxide with Zr")

    def chosen(what: dict[str, Callable[[], object]]) -> dict[str, Callable[[], object]]:
        return {name: work for name, work in what.items() if name in FIRST or not options.first_stage}

    for work in chosen(tasks(unit)).values():
        work()
    atoms = repeated(unit, options.atoms)
    mine = timed(chosen(tasks(atoms)), options.repeat)
    try:
        theirs = timed(chosen(ovito_tasks(atoms)), options.repeat)
    except ImportError:
        print("OVITO is not installed: no ratios", file=sys.stderr)
        theirs = {}, {}
    result: dict[str, Any] = {"n_atoms": len(atoms)}
    for unit_of_time, ours, others in zip(("seconds", "CPU seconds"), mine, theirs, strict=True):
        result[unit_of_time] = report(ours, others, len(atoms), unit_of_time)
    if options.before:
        before = json.loads(options.before.read_text(encoding="utf-8"))
        if before["n_atoms"] != len(atoms):
            raise InputError(
                f"--before {options.before}: of {before['n_atoms']} atoms; allowed: of {len(atoms)} as here"
            )
        unit_of_time = "CPU seconds"
        result["times_faster"] = lay_beside(before[unit_of_time], result[unit_of_time])
    if options.linear:
        large = repeated(unit, options.linear)
        _, slow = timed(chosen(tasks(large)), 1)
        growth = {name: slow[name] / cpu * len(atoms) / len(large) for name, cpu in mine[1].items()}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            2**20 if sys.platform != "darwin" else 2**30
        )
        print(
            f"{len(large)} atoms: {sum(slow.values()):.1f} CPU-s, at most {peak:.1f} GiB; "
            f"CPU seconds an atom over those of {len(atoms)} atoms:"
        )
        print(", ".join(f"{name} {ratio:.2f}" for name, ratio in growth.items()))
        result["linear"] = {
            "n_atoms": len(large),
            "cpu_seconds": slow,
            "per_atom_ratio": growth,
            "gib": peak,
        }
    if options.json:
        options.json.write_text(json_text(result, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    run_main(main)
