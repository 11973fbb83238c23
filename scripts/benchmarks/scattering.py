"""How long scattering takes, and its peers for the same work, in one run on the same machine.

    python scripts/benchmarks/scattering.py
    python scripts/benchmarks/scattering.py --only pairs lattice --json numbers.json

* pairs, lattice: powder pattern of a 12 nm sphere of La2Zr2O7 (some 63 000 atoms) at 2251 points by the sum over all
  pairs and by the lattice FFT, beside DebyeCalculator on its CPU path.
* partials: all partial pair functions of 50 000 atoms to 20 Å, beside OVITO.
* fem: V(k) of a 13 × 13 × 5 nm column over all probe positions, beside abTEM multislice for 400 probes, of which
  `--probes` are run and the rest counted at the same price (the potential once).
* linear-fem, linear-pdf: FEM and partials of up to `--largest` atoms: seconds an atom, and memory.

The fastest of `--repeat` runs counts after one that compiles. Seconds are CPU seconds of all threads and wall seconds:
where other programs share the cores, the ratio of CPU seconds is the one to read. Peers that are not installed are
left out and named.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import os
import platform
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.crystals import crystal, nanocrystal
from alzmodel.errors import InputError, run_main
from alzmodel.io import check_writable, json_text, write_text
from alzmodel.local_order.pdf import partial_rdf
from alzmodel.models.columns import glass_column
from alzmodel.models.packing import random_packing
from alzmodel.scattering.fem.variance import FEMSettings, fem
from alzmodel.scattering.form_factors import xray_factor
from alzmodel.scattering.xrd.debye import debye_intensity, histogram_step, pair_histogram
from alzmodel.scattering.xrd.lattice import lattice_histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

Q = np.linspace(1.0, 5.5, 2251)
PARTS = ("pairs", "lattice", "partials", "fem", "linear-fem", "linear-pdf")
PACKAGES = ("alzmodel", "numpy", "numba", "finufft", "DebyeCalculator", "torch", "ovito", "abtem")
N_PROBES = 400
Seconds = tuple[float, float]


def timed(work: Callable[[], Any], repeat: int) -> tuple[Seconds, Any]:
    """Fewest CPU and wall seconds of a few runs, and what the last one gave."""
    found = []
    result = None
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        found.append((time.process_time() - cpu, time.perf_counter() - wall))
    return (min(cpu for cpu, _ in found), min(wall for _, wall in found)), result


def row(
    name: str, mine: Seconds, peer: str, theirs: Seconds | None, goal: float, note: str
) -> dict[str, Any]:
    """One line of the table."""
    print(f"{name}: {mine[0]:.2f} CPU s; {note}", file=sys.stderr, flush=True)
    ratio = (theirs[0] / mine[0], theirs[1] / mine[1]) if theirs else (None, None)
    return {
        "work": name,
        "cpu_s": mine[0],
        "wall_s": mine[1],
        "peer": peer,
        "peer_cpu_s": theirs[0] if theirs else None,
        "peer_wall_s": theirs[1] if theirs else None,
        "ratio_cpu": ratio[0],
        "ratio_wall": ratio[1],
        "goal": goal,
        "note": note,
    }


def powder(parts: Sequence[str], repeat: int) -> list[dict[str, Any]]:
    """Debye sums of a 12 nm sphere."""
    sphere = nanocrystal("La2Zr2O7", 120.0, lattice_parameter=10.805)
    unit = crystal("La2Zr2O7", lattice_parameter=10.805)
    symbols = sphere.get_chemical_symbols()
    step = histogram_step(float(Q[-1]))
    routes: dict[str, tuple[Callable[[], Any], float]] = {
        "pairs": (
            lambda: debye_intensity(pair_histogram(sphere.positions, symbols, step), Q, xray_factor),
            10.0,
        ),
        "lattice": (
            lambda: debye_intensity(lattice_histogram(sphere, unit, float(Q[-1])), Q, xray_factor),
            30.0,
        ),
    }
    theirs, reference = debye_calculator(sphere, repeat)
    rows = []
    for name in parts:
        work, goal = routes[name]
        work()
        mine, curve = timed(work, repeat)
        note = f"{len(sphere)} atoms, {Q.size} points"
        if reference is not None:
            # It counts every pair once: its pattern is half of the Debye sum.
            difference = np.abs(curve - 2 * reference / len(sphere)).max() / curve.max()
            note += f", curves differ by {difference:.1e} of the peak"
        rows.append(row(name, mine, "DebyeCalculator, CPU", theirs, goal, note))
    return rows


def debye_calculator(sphere: Atoms, repeat: int) -> tuple[Seconds | None, np.ndarray | None]:
    """Seconds of DebyeCalculator and its I(Q) at the same points; None where it is not installed."""
    try:
        from debyecalculator import DebyeCalculator
    except ImportError:
        return None, None
    from ase import Atoms

    plain = Atoms(sphere.get_chemical_symbols(), positions=sphere.positions)
    step = float(Q[1] - Q[0])
    calculator = DebyeCalculator(qmin=1.0, qmax=float(Q[-1]) + 0.5 * step, qstep=step, biso=0.0, device="cpu")
    calculator.iq(plain[:500])
    seconds, (at, curve) = timed(lambda: calculator.iq(plain), repeat)
    return seconds, np.interp(Q, np.asarray(at, dtype=float), np.asarray(curve, dtype=float))


def glass(n_atoms: int) -> Atoms:
    """Periodic box of a random packing, repeated and with every atom moved."""
    packing = random_packing({"Li+": 140, "La3+": 60, "Zr4+": 40, "O2-": 240}, seed=1)
    edge = round((n_atoms / len(packing)) ** (1 / 3))
    copies = packing.repeat([edge, edge, max(1, round(n_atoms / len(packing) / edge**2))])
    copies.positions += np.random.default_rng(0).normal(0, 0.1, copies.positions.shape)
    return copies


def partials(repeat: int) -> list[dict[str, Any]]:
    """All partial pair functions to 20 Å."""
    atoms = glass(50_000)
    partial_rdf(atoms[:3000], r_max=20.0)
    mine, rdf = timed(lambda: partial_rdf(atoms, r_max=20.0, dr=0.02), repeat)
    theirs = None
    try:
        from ovito.io.ase import ase_to_ovito
        from ovito.modifiers import CoordinationAnalysisModifier
    except ImportError:
        pass
    else:
        data = ase_to_ovito(atoms)

        def work() -> Any:
            table = data.clone()
            table.apply(CoordinationAnalysisModifier(cutoff=20.0, number_of_bins=1000, partial=True))
            return table.tables["coordination-rdf"].xy()

        theirs, _ = timed(work, 1)
    note = f"{len(atoms)} atoms, {len(rdf.g)} partials"
    return [row("partials to 20 Å", mine, "OVITO", theirs, 25.0, note)]


def column(width: float, thickness: float) -> Atoms:
    """Column of a random packing."""
    packing = random_packing({"Li+": 140, "La3+": 60, "Zr4+": 40, "O2-": 240}, seed=1)
    return glass_column(packing, width=width, thickness=thickness, seed=1)


def fluctuation(repeat: int, probes: int) -> list[dict[str, Any]]:
    """V(k) over all probe positions."""
    atoms = column(130.0, 50.0)
    settings = FEMSettings()
    fem(atoms, settings)
    mine, _ = timed(lambda: fem(atoms, settings), repeat)
    theirs = multislice(atoms, settings, probes)
    note = f"{len(atoms)} atoms; {probes} of {N_PROBES} probes run"
    return [row("FEM, all positions", mine, f"abTEM, {N_PROBES} probes", theirs, 100.0, note)]


def multislice(atoms: Atoms, settings: FEMSettings, probes: int) -> Seconds | None:
    """Seconds of abTEM for 400 probes, counted up from a few."""
    try:
        import abtem
    except ImportError:
        return None
    boxed = atoms.copy()
    boxed.pbc = True
    boxed.positions[:, 2] -= boxed.positions[:, 2].min()

    def build() -> Any:
        return abtem.Potential(boxed, sampling=0.18, slice_thickness=1.8, parametrization="lobato").build(
            lazy=False
        )

    def run(potential: Any, number: int) -> Any:
        probe = abtem.Probe(energy=1e3 * settings.energy_kev, semiangle_cutoff=settings.semi_angle_mrad)
        probe.grid.match(potential)
        places = np.random.default_rng(0).random((number, 2)) * np.diag(boxed.cell.array)[:2]
        detector = abtem.PixelatedDetector(max_angle=1e3 * settings.wavelength * 0.1 * (settings.k_max + 0.1))
        return probe.multislice(potential, scan=abtem.CustomScan(places), detectors=detector).compute()

    with abtem.config.set({"local_diagnostics.progress_bar": False}):
        potential = build()
        run(potential, 1)
        once, potential = timed(build, 1)
        some, _ = timed(lambda: run(potential, probes), 1)
    return once[0] + some[0] * N_PROBES / probes, once[1] + some[1] * N_PROBES / probes


def linear(largest: int, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Cost an atom as models grow, and the memory that the largest takes."""
    rows = []
    works: dict[str, Callable[[Atoms], Any]] = {
        "FEM": lambda atoms: fem(atoms, FEMSettings()),
        "partials to 20 Å": lambda atoms: partial_rdf(atoms, r_max=20.0, dr=0.02),
    }
    # Columns grow along the plane: probes and rings stay what they are.
    per_area = len(column(130.0, 50.0)) / 130.0**2
    for kind, (name, work) in zip(("linear-fem", "linear-pdf"), works.items(), strict=True):
        if kind not in kinds:
            continue
        first = None
        for n_atoms in (largest // 6, largest // 3, largest // 2, largest):
            atoms = wide(n_atoms, per_area) if name == "FEM" else glass(n_atoms)
            seconds, _ = timed(functools.partial(work, atoms), 1)
            each = 1e6 * seconds[0] / len(atoms)
            first = first or each
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
                1024**3 if sys.platform == "darwin" else 1024**2
            )
            note = f"{len(atoms)} atoms: {each:.2f} µs each, {each / first:.2f} of the smallest; {peak:.2f} GiB so far"
            rows.append(row(name, seconds, "", None, 1.0, note))
    return rows


def wide(n_atoms: int, per_area: float) -> Atoms:
    """Gas of the density of a column, as wide as the number of atoms asks for."""
    from ase import Atoms

    width = (n_atoms / per_area) ** 0.5
    rng = np.random.default_rng(1)
    symbols = rng.choice(["Li", "La", "Zr", "O"], n_atoms, p=[0.29, 0.13, 0.08, 0.5])
    cell = np.diag([width, width, 50.0])
    return Atoms(symbols, positions=rng.random((n_atoms, 3)) @ cell, cell=cell, pbc=[True, True, False])


def machine() -> dict[str, str]:
    """Name what this runs on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        model = names[0] if names else model
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "cpu": f"{model}, {os.cpu_count()} cores, load {load}",
        "python": platform.python_version(),
        **versions,
    }


def show(rows: Sequence[dict[str, Any]], where: dict[str, str]) -> None:
    """Print the table as Markdown."""
    print(", ".join(f"{name} {value}" if name != "cpu" else value for name, value in where.items()))
    print()
    print("| work | CPU s | wall s | peer | CPU s | wall s | ratio CPU | ratio wall | goal | |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for line in rows:
        cells = [
            line["work"],
            f"{line['cpu_s']:.2f}",
            f"{line['wall_s']:.2f}",
            line["peer"],
            *(
                "–" if line[key] is None else f"{line[key]:.3g}"
                for key in ("peer_cpu_s", "peer_wall_s", "ratio_cpu", "ratio_wall")
            ),
            f"{line['goal']:g}" if line["peer"] else "",
            line["note"],
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--probes", type=int, default=8, help="multislice probes that are run")
    parser.add_argument("--largest", type=int, default=400_000, help="atoms of the largest model")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers too")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    rows: list[dict[str, Any]] = []
    if min(options.repeat, options.probes) < 1 or options.largest < 400_000:
        raise InputError("--repeat, --probes, --largest: too small; allowed: from 1, and 400000 atoms")
    if options.json:
        check_writable(options.json)
    chosen = [part for part in ("pairs", "lattice") if part in options.only]
    # First, since the peak of memory is that of the whole process.
    rows += linear(options.largest, options.only)
    if chosen:
        rows += powder(chosen, options.repeat)
    if "partials" in options.only:
        rows += partials(options.repeat)
    if "fem" in options.only:
        rows += fluctuation(options.repeat, options.probes)
    where = machine()
    show(rows, where)
    if options.json:
        write_text(options.json, json_text({"machine": where, "rows": rows}, indent=1))
    return 0


if __name__ == "__main__":
    run_main(main)
