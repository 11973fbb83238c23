"""What the size of a glass and the rate of its quench change: density, distances, coordination, sharing, energy.

    python scripts/size_and_rate_study.py runs.csv --sizes 200 1500 5000 --rates 1 10 100 --seeds 2
    python scripts/size_and_rate_study.py runs.csv --sizes 200 --rates 1 -o docs/results/size-and-rate.md

Every model is a line of the CSV, kept as soon as it is finished: the same call, or one with other sizes and rates, goes
on where the last one stood (the restart files of a model in work lie beside the CSV). The tables are made of all lines.
Below 3000 K everything cools at the stated rate; nothing is annealed. Cells narrower than twice the cut-off of 9 Å
feel their own images.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from alzmodel.composition import glass_composition, parse_la
from alzmodel.errors import run_main
from alzmodel.io import check_writable, write_text
from alzmodel.local_order.pdf import coordination_from_rdf, partial_rdf
from alzmodel.local_order.sharing import sharing
from alzmodel.models.fictive import fictive_temperature
from alzmodel.models.melt_quench import check_request, estimate_seconds, input_hash, melt_quench
from alzmodel.models.work_folder import work_folder_beside
from alzmodel.statistics import mean_std

if TYPE_CHECKING:
    from collections.abc import Sequence

PAIRS = ("Zr-O", "La-O", "Li-O")
NUMBERS = {
    "density": ("density at 300 K (g/cm³)", 3),
    "energy": ("energy (eV/atom)", 4),
    "Tf": ("Tf (K)", 0),
    **{f"r {pair}": (f"{pair} (Å)".replace("-", "–"), 3) for pair in PAIRS},
    **{f"n {pair}": (f"CN {pair[:2]}", 2) for pair in PAIRS},
    **{f"{mode} Zr-La": (f"Zr–La {mode}", 3) for mode in ("corner", "edge", "face")},
}
"""Key of each number, its heading and its decimals."""

KEYS = ("la", "atoms", "rate", "seed")


def build(la: float, n_atoms: int, rate: float, seed: int, folder: Path, ranks: int = 1) -> dict[str, float]:
    """Build and measure one glass; its restart files lie in `folder` until it is done."""
    protocol = {"base": "quick", "anneal_time": 0.0, "quench_rate": rate, "hot_rate": max(rate, 400.0)}
    composition = glass_composition(la)
    made = input_hash(composition, n_atoms, seed=seed, protocol=protocol, ranks=ranks)
    work = work_folder_beside(folder / f"{n_atoms}-{rate:g}", made)
    glass = melt_quench(composition, n_atoms, seed=seed, protocol=protocol, workdir=work, ranks=ranks)
    rdf = partial_rdf(glass.frames, r_max=7.0)
    peaks, cutoffs = rdf.first_peaks(), rdf.cutoffs()
    shared = sharing(glass.frames).pairs["Zr-La"].fractions
    provenance = glass.provenance
    row = {
        "density": provenance["density_300K"],
        "energy": provenance["energy_per_atom"],
        "Tf": fictive_temperature(provenance["thermo"]),
        **{f"{mode} Zr-La": shared[mode] for mode in ("corner", "edge", "face")},
    }
    for pair in PAIRS:
        row[f"r {pair}"] = peaks[pair]["r"]
        row[f"n {pair}"] = coordination_from_rdf(rdf, *pair.split("-"), cutoffs[pair])
    shutil.rmtree(work)
    return row


def read(path: Path) -> dict[tuple[float, ...], dict[str, float]]:
    """Rows of the CSV by La content, atoms, rate and seed."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as handle:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(handle)]
    return {tuple(row[key] for key in KEYS): {key: row[key] for key in NUMBERS} for row in rows}


def write(path: Path, rows: dict[tuple[float, ...], dict[str, float]]) -> None:
    """Write all rows, whole or not at all."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*KEYS, *NUMBERS])
    for key, row in sorted(rows.items()):
        writer.writerow([*(f"{value:g}" for value in key), *(f"{row[name]:.7g}" for name in NUMBERS)])
    write_text(path, buffer.getvalue())


def table(rows: dict[tuple[float, ...], dict[str, float]]) -> str:
    """Markdown: mean and sample deviation over seeds."""
    groups: dict[tuple[float, float, float], list[dict[str, float]]] = {}
    for (la, atoms, rate, _), row in sorted(rows.items()):
        groups.setdefault((la, atoms, rate), []).append(row)
    lines = ["| x | atoms | K/ps | models | " + " | ".join(title for title, _ in NUMBERS.values()) + " |"]
    lines.append("|" + "---|" * (len(NUMBERS) + 4))
    for (la, atoms, rate), members in groups.items():
        cells = [_mean([row[key] for row in members], digits) for key, (_, digits) in NUMBERS.items()]
        lines.append(f"| {la:g} | {atoms:g} | {rate:g} | {len(members)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def effects(rows: dict[tuple[float, ...], dict[str, float]]) -> str:
    """Markdown: what slower cooling and a larger cell change, by least squares through all models of one content.

    Every quantity is taken as a + b log10(rate) + c / atoms: a cell without surfaces is off by a term in 1/N. The
    scatter about that plane, which holds seeds as well as what the plane misses, gives Student's 95 % intervals.
    """
    lines = []
    for la in sorted({key[0] for key in rows}):
        keys = [key for key in rows if key[0] == la]
        atoms, rate = (np.array([key[i] for key in keys]) for i in (1, 2))
        design = np.column_stack([np.ones(len(keys)), np.log10(rate), 1 / atoms])
        freedom = len(keys) - design.shape[1]
        if np.linalg.matrix_rank(design) < design.shape[1] or freedom < 1:
            continue
        small, large = atoms.min(), atoms.max()
        asked = np.array([[0, -1, 0], [0, 0, 1 / large - 1 / small]])
        covariance = asked @ np.linalg.inv(design.T @ design) @ asked.T
        lines += [
            f"| x = {la:g} | cooled ten times slower | {large:g} atoms in place of {small:g} |",
            "|---|---|---|",
        ]
        for key, (title, digits) in NUMBERS.items():
            values = np.array([rows[one][key] for one in keys])
            fit, *_ = np.linalg.lstsq(design, values)
            scatter = ((values - design @ fit) ** 2).sum() / freedom
            half = stats.t.ppf(0.975, freedom) * np.sqrt(scatter * covariance.diagonal())
            cells = [
                f"{change:+.{digits + 1}f} ± {error:.{digits + 1}f}{' *' if abs(change) > error else ''}"
                for change, error in zip(asked @ fit, half, strict=True)
            ]
            lines.append(f"| {title} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _mean(values: Sequence[float], digits: int) -> str:
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    mean, std = mean_std(values)
    return f"{mean:.{digits}f} ± {std:.{digits}f}"


def _not_run(rows: dict[tuple[float, ...], dict[str, float]]) -> str:
    """Name pairs of a size and a rate that are not there, though both are."""
    made = {key[:3] for key in rows}
    missing = [
        f"{atoms:g} atoms at {rate:g} K/ps (x = {la:g})"
        for la, atoms, rate in itertools.product(*(sorted(set(column)) for column in zip(*made, strict=True)))
        if (la, atoms, rate) not in made
    ]
    return f"\nNot run: {', '.join(missing)}.\n" if missing else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what is missing, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, help="CSV of finished models; made if missing")
    parser.add_argument("--la", default="3.0", help="La content x")
    parser.add_argument("--sizes", type=int, nargs="*", default=[200, 1500, 5000], metavar="ATOMS")
    parser.add_argument("--rates", type=float, nargs="*", default=[1.0, 10.0, 100.0], metavar="K/PS")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--ranks", type=int, default=1, help="MPI ranks of each model")
    parser.add_argument("-o", "--output", type=Path, help="Markdown page of the table")
    options = parser.parse_args(arguments)
    for path in (options.runs, options.output):
        if path is not None:
            check_writable(path)
    la = parse_la(options.la)
    rows = read(options.runs)
    wanted = [
        (la, atoms, rate, seed)
        for seed in range(1, options.seeds + 1)
        for atoms in sorted(options.sizes)
        for rate in sorted(options.rates, reverse=True)
        if (la, atoms, rate, seed) not in rows
    ]
    for _, atoms, rate, _ in wanted:
        check_request(
            glass_composition(la),
            atoms,
            {"base": "quick", "anneal_time": 0.0, "quench_rate": rate},
            ranks=options.ranks,
        )
    for number, (content, atoms, rate, seed) in enumerate(wanted, start=1):
        seconds = estimate_seconds(atoms, {"base": "quick", "anneal_time": 0.0, "quench_rate": rate})
        print(
            f"{number}/{len(wanted)} {atoms} atoms, {rate:g} K/ps, seed {seed}: {seconds:.0f} s",
            file=sys.stderr,
        )
        rows[content, atoms, rate, seed] = build(
            content, atoms, rate, seed, options.runs.parent, options.ranks
        )
        write(options.runs, rows)
    print(table(rows))
    if options.output is not None:
        words = __doc__.partition("\n\n")[0]
        head = (
            f"# Finite size and quench rate\n\n{words} Mean ± sample deviation over seeds, 300 K frames.\n\n"
        )
        fitted = (
            "\nWhat changes, from value = a + b log10(rate) + c/atoms through all models above; ± is the half width of "
            "the 95 % interval, * an interval without zero:\n\n"
        )
        found = effects(rows)
        write_text(options.output, head + table(rows) + _not_run(rows) + (fitted + found if found else ""))
    return 0


if __name__ == "__main__":
    run_main(main)
