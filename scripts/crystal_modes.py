"""Raman modes of crystals with every potential, beside reference lines: docs/results/vibrations-crystals.csv.

    python scripts/crystal_modes.py [POTENTIAL ...] [-o docs/results/vibrations-crystals]

Crystals are relaxed with each potential, and its second derivatives taken in closed form or by differences of forces.
``7net-mf-0`` and ``chgnet`` need the extra ``mlip``; ``7net-mf-0:PBE`` is its other head. Rows that stand in the CSV
are kept, so that potentials can be added one by one: remove it to start anew. It writes OUTPUT.csv, and OUTPUT.png:
computed over reference frequencies.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.dynamics.calibration import Calibration, calibrate
from alzmodel.errors import run_main
from alzmodel.forcefields.calculators import calculator_of
from alzmodel.forcefields.potentials import POTENTIALS, potential
from alzmodel.io import write_text
from alzmodel.report.vibration_figures import plot_parity

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, str]
PAIR_POTENTIALS = ("du-teter", "grimes", "learned")
COLUMNS = ("potential", "phase", "kind", "irrep", "reference_cm", "computed_cm", "rms_cm")


def rows_of(name: str, found: Sequence[Calibration]) -> list[Row]:
    """One row a line; the root mean square is that of the phase."""
    return [
        dict(
            zip(
                COLUMNS,
                (name, one.phase, one.kind, irrep, f"{reference:g}", f"{computed:.1f}", f"{one.rms_cm:.1f}"),
                strict=True,
            )
        )
        for one in found
        for irrep, reference, computed in zip(one.irreps, one.reference, one.computed, strict=True)
    ]


def measure(name: str) -> list[Row]:
    """Modes of all phases with one potential or calculator."""
    calculator = None
    if name.partition(":")[0] not in {*POTENTIALS, "learned"}:
        bare, _, head = name.partition(":")
        calculator = calculator_of(bare, {"device": "cpu"} | ({"modal": head} if head else {}))
    else:
        potential(name)
    return rows_of(name, calibrate(name if calculator is None else "du-teter", calculator=calculator))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is not in the table, write it, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("potentials", nargs="*", default=list(PAIR_POTENTIALS), metavar="POTENTIAL")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/results/vibrations-crystals"))
    options = parser.parse_args(arguments)
    table = options.output.with_suffix(".csv")
    rows: list[Row] = []
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
    for name in options.potentials:
        if any(row["potential"] == name for row in rows):
            continue
        rows += measure(name)
        lines = [",".join(COLUMNS), *(",".join(row[key] for key in COLUMNS) for row in rows)]
        write_text(table, "\n".join(lines) + "\n")
        print(f"{name}: done", file=sys.stderr, flush=True)
    drawn = []
    for name in dict.fromkeys(row["potential"] for row in rows):
        mine = [row for row in rows if row["potential"] == name]
        misses = {row["phase"]: f"{row['phase']} {float(row['rms_cm']):.0f}" for row in mine}
        drawn.append(
            {
                "label": f"{name}: rms {', '.join(misses.values())} cm⁻¹",
                "reference": [float(row["reference_cm"]) for row in mine],
                "computed": [float(row["computed_cm"]) for row in mine],
            }
        )
    plot_parity(drawn, options.output.with_suffix(".png"))
    return 0


if __name__ == "__main__":
    run_main(main)
