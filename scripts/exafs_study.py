"""EXAFS of glasses of the library and of crystals: the first shell as a fit reads it, beside the truth.

    python scripts/exafs_study.py docs/results/exafs.csv

Each row is kept as soon as it is there: the same call goes on where the last one stood. Needs the extra ``exafs``.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import alzmodel as am
from alzmodel.errors import run_main
from alzmodel.io import check_writable, write_text
from alzmodel.scattering.exafs.edges import edge_of
from alzmodel.scattering.exafs.feff import check_installed
from alzmodel.scattering.exafs.shell_fit import shell_beside_truth, standard_of
from alzmodel.scattering.exafs.sites import ExafsSettings, exafs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from alzmodel.scattering.exafs.shell_fit import Standard

GLASSES = ("x3", "x1.5", "x4.5")
CRYSTALS = ("La2Zr2O7", "LLZO-tetragonal", "ZrO2")
STRETCH = {"Zr": 550.0, "La": None}
"""cm⁻¹; of the La–O bond no band stands alone, and at 300 K it lacks little."""
HEADS = (
    "model", "edge", "sites", "N fitted", "N true", "R fitted (Å)", "R with C3 (Å)", "R true (Å)",
    "σ² fitted (Å²)", "σ² true (Å²)", "peak (Å)", "peak error (Å)", "R factor", "CPU-s",
)  # fmt: skip


def wanted(seeds: int) -> list[tuple[str, str]]:
    """Models and edges, those first that make a whole table."""
    found = [(name, "Zr-K") for name in ("La2Zr2O7", "LLZO-tetragonal")]
    for seed in range(1, seeds + 1):
        for edge in ("Zr-K", "La-L3"):
            found += [(f"{glass}-annealed-low-Tf-seed{seed}", edge) for glass in GLASSES]
    found += [("La2Zr2O7", "La-L3"), ("LLZO-tetragonal", "La-L3")]
    return [*found, *((f"{glass}-annealed-low-Tf-seed1", "La-K") for glass in GLASSES)]


def model_of(name: str) -> list[Atoms]:
    """Frames of a glass at 300 K, or a crystal at rest."""
    return [am.crystal(name)] if name in CRYSTALS else am.frames(am.library(name))


def row_of(name: str, edge: str, sites: int, standards: dict[str, Standard]) -> list[str]:
    """Compute one row."""
    frames = model_of(name)
    at_rest = name in CRYSTALS
    which = edge_of(edge)
    settings = ExafsSettings(which, sites, stretch=None if at_rest else STRETCH[which.element])
    began = sum(os.times()[:4])
    if edge not in standards:
        standards[edge] = standard_of(settings, which.r_range, workers=1)
    found = exafs(frames, settings, workers=1)
    shell = shell_beside_truth(found, frames, settings, standards[edge])
    fit, truth = shell.fit, shell.truth
    return [
        name, edge, str(found.n_sites), f"{fit.N:.2f}", f"{truth.CN:.2f}", f"{fit.R:.4f}", f"{shell.fit_C3.R:.4f}",
        f"{truth.r:.4f}", f"{fit.sigma2:.5f}", f"{truth.var:.5f}", f"{found.peak:.4f}", f"{found.peak_sem:.4f}",
        f"{fit.r_factor:.4f}", f"{sum(os.times()[:4]) - began:.0f}",
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, help="CSV; made if missing")
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    check_installed()
    check_writable(options.table)
    rows: list[list[str]] = []
    if options.table.exists():
        with options.table.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.reader(handle))[1:]
    standards: dict[str, Standard] = {}
    for name, edge in wanted(options.seeds):
        if any(row[:2] == [name, edge] for row in rows):
            continue
        rows.append(row_of(name, edge, options.sites, standards))
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([HEADS, *rows])
        write_text(options.table, buffer.getvalue())
        print(", ".join(rows[-1]), file=sys.stderr)
    return 0


if __name__ == "__main__":
    run_main(main)
