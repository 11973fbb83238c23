"""What the models of the library are: density, first shells, sharing, pressure, energy and fictive temperature.

    python scripts/library_table.py -o docs/results/library.md

Means and sample deviations over seeds. Distances, coordination and sharing come from the frames at 300 K; the pressure
is that left in the minimised models; energies are those of the minimised models, and their differences between the
two protocols are taken seed by seed, with the 95 % interval of Student's t.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.errors import InputError, run_main
from alzmodel.forcefields.static import single_point
from alzmodel.io import check_writable, write_text
from alzmodel.local_order.pdf import coordination_from_rdf, partial_rdf
from alzmodel.local_order.sharing import sharing
from alzmodel.local_order.shells import bonded
from alzmodel.models.fictive import fictive_temperature
from alzmodel.models.library import LibraryModel, library, library_folder, load_frames, load_model
from alzmodel.statistics import mean_std, student_ci

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PAIRS = ("Zr-O", "La-O", "Li-O")
COLUMNS = {
    "density": ("density at 300 K (g/cm³)", 3),
    **{f"r {pair}": (f"{pair} (Å)".replace("-", "–"), 3) for pair in PAIRS},
    **{f"n {pair}": (f"CN {pair[:2]}", 2) for pair in PAIRS},
    "edge": ("Zr–La sharing an edge", 3),
    "pressure": ("pressure (GPa)", 2),
    "energy": ("energy (eV/atom)", 4),
    "Tf": ("Tf (K)", 0),
}
"""Key of each number, its heading and its decimals."""


def measure(entry: LibraryModel, folder: Path, liquid: Mapping[str, list[float]]) -> dict[str, float]:
    """Numbers of one model, by the keys of :data:`COLUMNS`."""
    model, frames = load_model(entry, folder), load_frames(entry, folder)
    provenance = model.info["provenance"]
    rdf = partial_rdf(frames, r_max=7.0)
    peaks, cutoffs = rdf.first_peaks(), rdf.cutoffs()
    row = {
        "density": provenance["density_300K"],
        "energy": provenance["energy_per_atom"],
        "pressure": single_point(model, potential=entry.potential).pressure,
        "edge": sharing(bonded(frames[-1])).pairs["Zr-La"].fractions["edge"],
        "Tf": fictive_temperature(provenance["thermo"], liquid),
    }
    for pair in PAIRS:
        row[f"r {pair}"] = peaks[pair]["r"]
        row[f"n {pair}"] = coordination_from_rdf(rdf, *pair.split("-"), cutoffs[pair])
    return row


def slowest_liquid(
    entries: Iterable[LibraryModel], folder: Path
) -> dict[tuple[float, int], dict[str, list[float]]]:
    """Course of the slowest quench of each composition and seed, whose liquid was nearest to equilibrium."""
    found: dict[tuple[float, int], tuple[float, dict[str, list[float]]]] = {}
    for entry in entries:
        provenance = load_model(entry, folder).info["provenance"]
        rate, key = provenance["protocol"]["quench_rate"], (entry.la, entry.seed)
        if key not in found or rate < found[key][0]:
            found[key] = rate, provenance["thermo"]
    return {key: thermo for key, (_, thermo) in found.items()}


def page(rows: Mapping[LibraryModel, Mapping[str, float]]) -> str:
    """Markdown of all tables."""
    groups: dict[tuple[float, str], dict[int, Mapping[str, float]]] = {}
    for entry, row in rows.items():
        groups.setdefault((entry.la, entry.protocol), {})[entry.seed] = row
    lines = ["| x | protocol | models | " + " | ".join(title for title, _ in COLUMNS.values()) + " |"]
    lines.append("|" + "---|" * (len(COLUMNS) + 3))
    for (la, protocol), members in sorted(groups.items()):
        cells = [
            _mean([row[key] for row in members.values()], digits) for key, (_, digits) in COLUMNS.items()
        ]
        lines.append(f"| {la:g} | {protocol} | {len(members)} | " + " | ".join(cells) + " |")
    lines += ["", "| x | annealed less as deposited (meV/atom) | 95 % | seeds |", "|---|---|---|---|"]
    for la in sorted({la for la, _ in groups}):
        annealed = groups.get((la, "annealed-low-Tf"), {})
        deposited = groups.get((la, "as-deposited-high-Tf"), {})
        seeds = sorted(annealed.keys() & deposited.keys())
        gains = [1e3 * (annealed[seed]["energy"] - deposited[seed]["energy"]) for seed in seeds]
        if len(gains) > 1:
            low, high = student_ci(gains)
            lines.append(f"| {la:g} | {_mean(gains, 1)} | {low:.1f} to {high:.1f} | {len(seeds)} |")
    return "\n".join(lines) + "\n"


def _mean(values: Sequence[float], digits: int) -> str:
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    mean, std = mean_std(values)
    return f"{mean:.{digits}f} ± {std:.{digits}f}"


def _csv(rows: Mapping[LibraryModel, Mapping[str, float]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["model", "la", "protocol", "seed", "atoms", *COLUMNS])
    for entry, row in rows.items():
        values = [f"{row[key]:.6g}" for key in COLUMNS]
        writer.writerow([entry.name, entry.la, entry.protocol, entry.seed, entry.n_atoms, *values])
    return buffer.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every glass of the library and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--library", type=Path, default=library_folder(), help="folder of the library")
    parser.add_argument(
        "-o", "--output", type=Path, help="Markdown page; a CSV of every model goes beside it"
    )
    options = parser.parse_args(arguments)
    if options.output is not None:
        check_writable(options.output)
    entries = [entry for entry in library(options.library) if entry.kind == "glass"]
    if not entries:
        raise InputError(
            f"{options.library}: holds no glass; allowed: a folder that make_model_library.py filled"
        )
    liquids = slowest_liquid(entries, options.library)
    rows = {}
    for number, entry in enumerate(entries, start=1):
        rows[entry] = measure(entry, options.library, liquids[entry.la, entry.seed])
        print(f"{number}/{len(entries)} {entry.name}", file=sys.stderr)
    text = page(rows)
    print(text)
    if options.output is not None:
        words = __doc__.partition("-o docs/results/library.md")[2].strip()
        head = f"# The library of models\n\nMade by `python scripts/library_table.py`. {words}\n\n"
        write_text(options.output, head + text)
        write_text(options.output.with_suffix(".csv"), _csv(rows))
    return 0


if __name__ == "__main__":
    run_main(main)
