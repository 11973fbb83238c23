"""The potentials against crystals at 0 K: cells, bond lengths, bulk moduli, formation enthalpies.

    python scripts/validate_potential.py -o docs/results/validation

writes docs/results/validation.csv and docs/results/validation.md. Published values and their sources stand in
alzmodel/data/validation.toml and in the CIFs of structures/. Crystals that stand in the CSV are not relaxed again,
unless a learned potential has changed since: remove it to start anew. ``--render`` makes the page alone.
``--gates alzmodel/data/validated.csv`` also writes the few numbers that decide whose verdicts count
(alzmodel.compare.gates).
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.geometry import cellpar_to_cell

from alzmodel.compare.gates import CRYSTALS
from alzmodel.crystals import PHASES
from alzmodel.errors import run_main
from alzmodel.forcefields.potentials import POTENTIALS
from alzmodel.forcefields.validation import (
    VALIDATION,
    CrystalProperties,
    bond_lengths,
    crystal_properties,
    formation_enthalpy,
    holds,
    published_bonds,
    validation_crystal,
)
from alzmodel.io import check_writable, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = dict[str, str]
GATE_COLUMNS = (
    *("crystal", "potential", "fingerprint", "volume_ratio", "bonds", "bonds_published"),
    "formation_enthalpy",
)
CELL = ("a", "b", "c", "alpha", "beta", "gamma")
DASH = "–"

HEADER = """# Validation of the potentials at 0 K

Written by `python scripts/validate_potential.py -o docs/results/validation`; the numbers, with more digits, are in
[validation.csv](validation.csv). Cells and positions are relaxed with the potential as molecular dynamics uses it
(short range cut at 8 Å and shifted in force, Coulomb by PPPM). Published cells and bond lengths are those of the cited
crystal structures, measured at room temperature; the model is at 0 K. Bulk moduli: −V dP/dV at zero pressure in cells
that keep their shape, an upper bound where the crystal is not cubic. Formation enthalpies: from the binary oxides, per
mole of formula units, with energies in which nothing is cut off (`alzmodel.forcefields.phase_energies`); of two
polymorphs of an oxide the lower one counts.

A dash: no published value whose text, its abstract at least, could be read. Crystals marked "like …" have the structure
of an isotypic oxide, for no published cell of their own could be checked; their errors are left out. Ta2O5 is not
there: no text with its coordinates could be read, and KTaO3 and LiTaO3, to which the parameters of Ta were fitted,
stand for it. Ions marked * are provisional.
"""


def measure(names: Sequence[str], potentials: Sequence[str], table: Path) -> list[Row]:
    """Relax every crystal with every potential that has its ions; those that stand in the table already are kept."""
    cases = [(name, one) for one in potentials for name in names if holds(name, one)]
    rows = {(row["crystal"], row["potential"]): row for row in (read(table) if table.is_file() else [])}
    for number, (name, one) in enumerate(cases, start=1):
        known = rows.get((name, one), {})
        if not known or known.get("fingerprint", "") != fingerprint(one):
            rows[name, one] = _row(crystal_properties(name, one))
            write_text(table, csv_text(list(rows.values())))
        print(f"{number}/{len(cases)} {name}, {one}", file=sys.stderr, flush=True)
    return with_enthalpies([rows[case] for case in cases])


def fingerprint(name: str) -> str:
    """Hash of a learned potential; nothing for a pair potential, whose parameters stand in a table of sources."""
    return POTENTIALS[name].learned_identity.get("fingerprint", "")


def gates_text(rows: Sequence[Row]) -> str:
    """Write what the gates look at, their crystals alone, as CSV."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(GATE_COLUMNS)
    for row in rows:
        if row["crystal"] in CRYSTALS:
            ratio = _volume(row, "") / _volume(row, "_published")
            writer.writerow(
                [f"{ratio:.5f}" if key == "volume_ratio" else row.get(key, "") for key in GATE_COLUMNS]
            )
    return buffer.getvalue()


def _volume(row: Row, which: str) -> float:
    return abs(float(np.linalg.det(cellpar_to_cell([float(row[name + which]) for name in CELL]))))


def read(table: Path) -> list[Row]:
    """Rows of the CSV."""
    with table.open(encoding="utf-8", newline="") as handle:
        return [{key: value for key, value in row.items() if value} for row in csv.DictReader(handle)]


def _row(found: CrystalProperties) -> Row:
    entry = VALIDATION[found.name]
    start = validation_crystal(found.name)
    row = {
        "crystal": found.name,
        "like": entry.like if entry.exchange else "",
        "potential": found.potential,
        "provisional": " ".join(found.provisional),
        "space_group": str(found.space_group),
        "energy": f"{found.energy:.6f}",
        "bulk_modulus": f"{found.bulk_modulus:.1f}",
        "bonds": _bonds(bond_lengths(found.atoms)),
        "fingerprint": fingerprint(found.potential),
    }
    row |= {name: f"{value:.5f}" for name, value in zip(CELL, found.atoms.cell.cellpar(), strict=True)}
    if entry.has_cell:
        row |= {
            f"{name}_published": f"{value:.5f}"
            for name, value in zip(CELL, start.cell.cellpar(), strict=True)
        }
        row["bonds_published"] = _bonds(published_bonds(found.name))
    return row


def _bonds(bonds: Mapping[str, tuple[float, int]]) -> str:
    return "; ".join(f"{cation}-O {length:.3f} x {number}" for cation, (length, number) in bonds.items())


def with_enthalpies(rows: list[Row]) -> list[Row]:
    """Add formation enthalpies where the oxides are there too."""
    for row in rows:
        energies = _energies(rows, row["potential"])
        if VALIDATION[row["crystal"]].oxides and set(VALIDATION[row["crystal"]].oxides) <= set(energies):
            row["formation_enthalpy"] = f"{formation_enthalpy(row['crystal'], energies):.2f}"
    return rows


def _energies(rows: Sequence[Row], potential: str) -> dict[str, float]:
    """Energies per formula unit with one potential; an oxide's is that of its lowest polymorph."""
    lowest: dict[str, float] = {}
    for row in rows:
        if row["potential"] == potential:
            lowest[row["crystal"]] = float(row["energy"])
            oxide = row["crystal"].partition("-")[0]
            if oxide in VALIDATION:
                lowest[oxide] = min(lowest.get(oxide, math.inf), float(row["energy"]))
    return lowest


def csv_text(rows: Sequence[Row]) -> str:
    """One line a crystal and potential."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def page(rows: Sequence[Row]) -> str:
    """Return the tables as Markdown."""
    parts = [HEADER]
    for potential in dict.fromkeys(row["potential"] for row in rows):
        mine = [row for row in rows if row["potential"] == potential]
        parts.append(f"## {POTENTIALS[potential].title} (`{potential}`)\n")
        parts.append(
            _table(
                ("crystal", "cell (Å, °)", "published", "error (%)", "bonds (Å)", "published"),
                [
                    (
                        _name(row),
                        _cell(row, ""),
                        _cell(row, "_published"),
                        _errors(row),
                        row["bonds"],
                        row.get("bonds_published") or DASH,
                    )
                    for row in mine
                ],
            )
        )
        parts.append(
            _table(
                ("crystal", "bulk modulus (GPa)", "published", "formation enthalpy (kJ/mol)", "published"),
                [
                    (
                        _name(row),
                        row["bulk_modulus"],
                        _published(VALIDATION[row["crystal"]].bulk_modulus),
                        row.get("formation_enthalpy") or DASH,
                        _published(VALIDATION[row["crystal"]].formation_enthalpy)
                        + (" (doubtful)" if VALIDATION[row["crystal"]].doubtful else ""),
                    )
                    for row in mine
                ],
            )
        )
        parts += _changed(mine)
    parts.append(_sources(dict.fromkeys(row["crystal"] for row in rows)))
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
    return "".join(f"| {line} |\n" for line in lines)


def _name(row: Row) -> str:
    mark = "*" if row.get("provisional") else ""
    return f"{row['crystal']}{mark}" + (f" (like {row['like']})" if row.get("like") else "")


def _cell(row: Row, which: str) -> str:
    if not row.get(f"a{which}"):
        return DASH
    a, b, c, *angles = (float(row[name + which]) for name in CELL)
    lengths = [a]
    lengths += [b] if abs(b - a) > 1e-3 else []
    lengths += [c] if abs(c - a) > 1e-3 else []
    odd = [angle for angle in angles if min(abs(angle - 90), abs(angle - 120)) > 0.05]
    return ", ".join([*(f"{length:.3f}" for length in lengths), *(f"{angle:.2f}°" for angle in odd)])


def _errors(row: Row) -> str:
    if not row.get("a_published"):
        return DASH
    errors = [100 * (float(row[name]) / float(row[f"{name}_published"]) - 1) for name in CELL[:3]]
    shown = errors[:1]
    shown += [errors[1]] if abs(errors[1] - errors[0]) > 5e-3 else []
    shown += [errors[2]] if abs(errors[2] - errors[0]) > 5e-3 else []
    return ", ".join(f"{error:+.2f}" for error in shown)


def _published(value: tuple[float, float] | None) -> str:
    if value is None:
        return DASH
    return f"{value[0]:g}" + (f" ± {value[1]:g}" if value[1] else "")


def _changed(rows: Sequence[Row]) -> list[str]:
    energies = {row["crystal"]: float(row["energy"]) for row in rows}
    lines = []
    for row in rows:
        phase = PHASES[VALIDATION[row["crystal"]].like]
        if not phase.ordered_approximant and int(row["space_group"]) != phase.space_group:
            lines.append(
                f"- {row['crystal']} does not stay: from space group {phase.space_group} it relaxes to "
                f"{row['space_group']}.\n"
            )
        stabler = VALIDATION[row["crystal"]].stabler
        if stabler in energies:
            gap = energies[row["crystal"]] - energies[stabler]
            lines.append(
                f"- {row['crystal']} lies {abs(gap):.3f} eV per formula unit {'above' if gap > 0 else 'below'} "
                f"{stabler}, which was found to be the stabler one.\n"
            )
    return lines


def _sources(names: Mapping[str, None]) -> str:
    lines = ["## Sources\n\n"]
    for name in names:
        entry = VALIDATION[name]
        phase = PHASES[entry.like]
        said = [f"cell: {phase.citation}"] if entry.has_cell else []
        said += [phase.note] if entry.has_cell and "coordinates" in phase.note else []
        said += [f"bonds: {entry.bonds_source}"] if entry.bonds_source else []
        said += [f"bulk modulus: {entry.bulk_modulus_source}"] if entry.bulk_modulus else []
        said += [f"formation enthalpy: {entry.formation_enthalpy_source}"] if entry.formation_enthalpy else []
        if said:
            lines.append(f"- {name}: {'; '.join(said)}.\n")
    return "".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or read what was measured, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="name of the files, without ending")
    parser.add_argument("--crystals", nargs="+", default=list(VALIDATION), choices=list(VALIDATION))
    parser.add_argument("--potentials", nargs="+", default=list(POTENTIALS), choices=list(POTENTIALS))
    parser.add_argument("--render", action="store_true", help="only make the page from the CSV")
    parser.add_argument("--gates", type=Path, metavar="FILE", help="also write what the gates look at")
    options = parser.parse_args(arguments)
    table, text = (options.output.with_name(options.output.name + ending) for ending in (".csv", ".md"))
    for path in (table, text, options.gates):
        if path is not None:
            check_writable(path)
    if options.render:
        rows = read(table)
    else:
        rows = measure(options.crystals, options.potentials, table)
        write_text(table, csv_text(rows))
    write_text(text, page(rows))
    if options.gates is not None:
        write_text(options.gates, gates_text(rows))
    return 0


if __name__ == "__main__":
    run_main(main)
