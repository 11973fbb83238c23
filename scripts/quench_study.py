"""Does the quench do anything? Glasses of several quench rates and both potentials beside random packings.

    python scripts/quench_study.py --atoms 600 --seeds 4 --rates 30 100 1000 -o quench_study.csv

First-neighbour distances and coordination hardly tell a quenched glass from a random packing that was only
minimised; the energy does. Every model is minimised alike (zero pressure, PPPM), so that the energies of one
potential can be compared. Energies of two potentials can not.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.composition import glass_composition, ion_counts, parse_la
from alzmodel.errors import run_main
from alzmodel.forcefields.potentials import POTENTIALS
from alzmodel.forcefields.static import relax
from alzmodel.io import check_writable, write_text
from alzmodel.local_order.pdf import coordination_from_rdf, partial_rdf
from alzmodel.models.melt_quench import check_request, melt_quench, protocol_of
from alzmodel.models.packing import random_packing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from alzmodel.composition import Composition

PAIRS = (("Zr", "O"), ("La", "O"), ("Li", "O"))
PACKING = "packing"
ACCURACY = 1e-5


@dataclass(frozen=True, slots=True)
class Case:
    """One model: a packing (rate None) or a glass quenched at `rate` K/ps."""

    potential: str
    rate: float | None
    seed: int

    @property
    def treatment(self) -> str:
        """Words for the table."""
        return PACKING if self.rate is None else f"{self.rate:g} K/ps"


def build(case: Case, composition: Composition, n_atoms: int, base: str) -> dict[str, float]:
    """Build and measure one model: energy (eV/atom), density (g/cm³), distances (Å) and coordination."""
    frames: Sequence[Atoms]
    if case.rate is None:
        packing = random_packing(ion_counts(composition, n_atoms), seed=case.seed)
        relaxed = relax(packing, potential=case.potential, cell="iso", accuracy=ACCURACY)
        frames = [relaxed.atoms]
        msd = math.nan
    else:
        protocol = {"base": base, "quench_rate": case.rate}
        glass = melt_quench(composition, n_atoms, seed=case.seed, protocol=protocol, potential=case.potential)
        relaxed = relax(glass.model, potential=case.potential, cell="iso", accuracy=ACCURACY)
        frames = glass.frames
        msd = min(glass.provenance["msd_melt"].values())
    rdf = partial_rdf(frames, r_max=7.0)
    peaks, cutoffs = rdf.first_peaks(), rdf.cutoffs()
    atoms = relaxed.atoms
    row = {
        "energy": relaxed.energy / len(atoms),
        "density": statistics.fmean(f.get_masses().sum() / f.get_volume() for f in frames) * 1.66053907,
        "least_msd": msd,
    }
    for cation, anion in PAIRS:
        pair = f"{cation}-{anion}"
        row[f"r_{pair}"] = peaks[pair]["r"]
        row[f"n_{pair}"] = coordination_from_rdf(rdf, cation, anion, cutoffs[pair])
    return row


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--la", default="3.0", help="La content x, or mol %% of the paper (100mol%%)")
    parser.add_argument("--atoms", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=4, help="models of each kind")
    parser.add_argument("--rates", type=float, nargs="+", default=[30.0, 100.0, 1000.0], metavar="K/PS")
    parser.add_argument("--potentials", nargs="+", default=list(POTENTIALS), choices=list(POTENTIALS))
    parser.add_argument("--protocol", default="quick", help="what else the glasses share")
    parser.add_argument("--workers", type=int, default=1, help="models side by side")
    parser.add_argument("-o", "--output", type=Path, help="CSV of every model")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build all models, print the table, write the CSV."""
    options = parse_arguments(arguments)
    composition = glass_composition(parse_la(options.la))
    if options.output is not None:
        check_writable(options.output)
    for name in options.potentials:
        for rate in options.rates:
            protocol = protocol_of({"base": options.protocol, "quench_rate": rate})
            check_request(composition, options.atoms, protocol, name)
    cases = [
        Case(potential, rate, seed)
        for potential in options.potentials
        for rate in (None, *sorted(options.rates, reverse=True))
        for seed in range(1, options.seeds + 1)
    ]
    with ThreadPoolExecutor(options.workers) as pool:
        futures = {
            case: pool.submit(build, case, composition, options.atoms, options.protocol) for case in cases
        }
        rows = {}
        for done, (case, future) in enumerate(futures.items(), start=1):
            rows[case] = future.result()
            print(
                f"{done}/{len(cases)} {case.potential}, {case.treatment}, seed {case.seed}", file=sys.stderr
            )
    if options.output is not None:
        write_text(options.output, csv_text(rows))
    show(rows)
    return 0


def csv_text(rows: dict[Case, dict[str, float]]) -> str:
    """One line a model."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = list(next(iter(rows.values())))
    writer.writerow(["potential", "treatment", "seed", *names])
    for case, row in rows.items():
        writer.writerow([case.potential, case.treatment, case.seed, *(f"{row[name]:.6g}" for name in names)])
    return buffer.getvalue()


def show(rows: dict[Case, dict[str, float]]) -> None:
    """Print means and sample spreads, and the energy of each kind against the packings."""
    from rich.console import Console
    from rich.table import Table

    groups: dict[tuple[str, str], list[dict[str, float]]] = {}
    for case, row in rows.items():
        groups.setdefault((case.potential, case.treatment), []).append(row)
    names = [name for name in next(iter(rows.values())) if name not in {"energy", "least_msd"}]
    table = Table(
        title="mean ± spread over seeds; energies in meV/atom against the packings of the same potential"
    )
    for title in ("potential", "treatment", "ΔE", "highest ΔE", *names):
        table.add_column(title, no_wrap=True)
    for (potential, treatment), members in groups.items():
        lowest = min(row["energy"] for row in groups[potential, PACKING])
        mean = statistics.fmean(row["energy"] for row in groups[potential, PACKING])
        energies = [1e3 * (row["energy"] - mean) for row in members]
        # Against the lowest packing: below zero, every one of these lies under every packing.
        highest = 1e3 * (max(row["energy"] for row in members) - lowest)
        cells = [_mean(energies, 1), "–" if treatment == PACKING else f"{highest:.1f}"]
        cells += [_mean([row[name] for row in members], 3 if name.startswith("r_") else 2) for name in names]
        table.add_row(potential, treatment, *cells)
    Console(width=200).print(table)


def _mean(values: Sequence[float], digits: int) -> str:
    # Adding zero turns a rounded "-0.0" into "0.0".
    mean = f"{round(statistics.fmean(values), digits) + 0.0:.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


if __name__ == "__main__":
    run_main(main)
