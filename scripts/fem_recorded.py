"""V of the library's glasses, coherent and as a microscope records it: table and figure of docs/scattering.md.

    python scripts/fem_recorded.py -o docs/results --work fem-columns --columns 6

Columns are kept in the folder `--work` as soon as they are computed; a run that was cut goes on. The first column of
each glass is seen in two frames, for what thermal motion leaves.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.compare.measured import load_measured
from alzmodel.compare.quantities import film_state
from alzmodel.errors import run_main
from alzmodel.io import atomic_path, write_text
from alzmodel.models.library import library, load_frames
from alzmodel.models.specimen import Specimen
from alzmodel.report.drawing import GREY, draw
from alzmodel.scattering.fem.halo import read_halo
from alzmodel.scattering.fem.observed import Coherent, Incoherent, film_of, prepared
from alzmodel.scattering.fem.recorded import resolution_of
from alzmodel.scattering.fem.settings import FEMSettings
from alzmodel.scattering.fem.thermal import joined_frames, snapshots, thermal_moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from alzmodel.models.library import LibraryModel

SETTINGS = FEMSettings()
FILM, MEMBRANE = 300.0, 100.0
"""Å; the thickness of the film in the microscope is not published, that of its window is 10 nm."""
BINS = np.arange(2.0, 8.01, 0.5)
FRAMES = 2


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the table and the figure")
    parser.add_argument("--work", type=Path, required=True, help="folder of the columns")
    parser.add_argument("--columns", type=int, default=5, help="of every glass, at least two")
    parser.add_argument("--only-columns", action="store_true", help="compute columns, no table")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute columns that are missing, then the table and the figure."""
    options = parse_arguments(arguments)
    models = [model for model in library() if model.kind == "glass"]
    for number in range(options.columns):
        for model in models:
            compute(model, number, options.work)
        print(f"column {number + 1} of {options.columns} of all glasses", file=sys.stderr)
    if not options.only_columns:
        write_tables(models, options)
    return 0


def file_of(work: Path, name: str, number: int) -> Path:
    """Where a column is kept."""
    return work / f"{name}-{number}.npz"


def compute(model: LibraryModel, number: int, work: Path) -> None:
    """Compute one column of a glass, if it is not there."""
    file = file_of(work, model.name, number)
    if file.exists():
        return
    frames = load_frames(model)
    joined = joined_frames(frames[:FRAMES])
    (column,) = Specimen().columns(joined, 1, seed=100 * model.seed + number)
    seen = snapshots(column)
    moments = thermal_moments(seen if number == 0 else seen[:1], SETTINGS)
    atoms, thickness = film_of([column])
    kept: dict[str, Any] = {
        "mean": moments.mean,
        "cross": moments.cross,
        "floor": moments.floor,
        "elements": np.array(list(atoms)),
        "numbers": np.array(list(atoms.values())),
        "thickness": thickness,
    }
    if moments.apart is not None:
        kept["apart"] = moments.apart
    work.mkdir(parents=True, exist_ok=True)
    with atomic_path(file) as path:
        np.savez_compressed(path, **kept)


def read_columns(model: LibraryModel, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Columns of a glass that were computed."""
    found = []
    for number in range(options.columns):
        file = file_of(options.work, model.name, number)
        if file.exists():
            with np.load(file) as kept:
                found.append(dict(kept))
    return found


def pooled_glass(columns: Sequence[dict[str, Any]]) -> Coherent:
    """Coherent scattering of a glass; what thermal motion leaves is that of the columns seen in several frames."""
    width = Specimen().built_width
    plane = SETTINGS.plane(((width, 0.0), (0.0, width)))
    mean = np.mean([column["mean"] for column in columns], axis=0)
    single = np.mean([column["cross"] for column in columns], axis=0) / np.outer(mean, mean) - 1
    moved = [column for column in columns if "apart" in column]
    whole, apart = (
        np.sum([np.diagonal(column[key]) - column["mean"] ** 2 for column in moved], axis=0)
        for key in ("cross", "apart")
    )
    kept = np.sqrt(np.maximum(apart / whole, 0.0))
    first = columns[0]
    number = dict(zip(first["elements"].tolist(), first["numbers"].tolist(), strict=True))
    averages = {"mean": mean, "single": single, "averaged": single * np.outer(kept, kept)}
    return prepared(averages, plane, SETTINGS, number, float(first["thickness"]))


def in_bins(columns: Sequence[dict[str, Any]]) -> np.ndarray[Any, Any]:
    """V over the floor of one glass, in bins of k, shape (bins,).

    ⟨I⟩² is the product of the means of two different columns: the square of the mean of few places is too large by
    their own scatter, and V of one column 13 nm wide is 6 % too small by that.
    """
    k = SETTINGS.k
    means = np.array([column["mean"] for column in columns])
    count = len(means)
    square = (means.sum(axis=0) ** 2 - np.sum(means**2, axis=0)) / (count * (count - 1))
    second = np.mean([np.diagonal(column["cross"]) for column in columns], axis=0)
    ratio = (second / square - 1) / np.mean([column["floor"] for column in columns], axis=0)
    return np.array([ratio[(k >= low) & (k < low + 0.5)].mean() for low in BINS[:-1]])


def row_of(model: LibraryModel, columns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Numbers of one glass."""
    coherent = pooled_glass(columns)
    reading = read_halo(coherent, Incoherent(film=FILM, membrane=MEMBRANE), resolution_of(SETTINGS))
    row: dict[str, Any] = {
        "model": model.name,
        "x": model.la,
        "state": film_state(model.protocol),
        "seed": model.seed,
        "columns": len(columns),
        "v_over_floor": float(in_bins(columns).mean()),
        "background": reading.background,
        "times_inelastic": reading.times_inelastic,
    }
    for name, fit in (("physical", reading.physical), ("needed", reading.needed), ("spread", reading.spread)):
        for peak in fit.peaks:
            there = peak.significant
            row[f"{name}_{peak.label}_k"] = peak.k if there else math.nan
            row[f"{name}_{peak.label}_fwhm"] = peak.fwhm if there else math.nan
            row[f"{name}_{peak.label}_fwhm_systematic"] = peak.fwhm_systematic if there else math.nan
        row[f"{name}_ratio"] = fit.ratio if all(peak.significant for peak in fit.peaks) else math.nan
    return row


def write_tables(models: Sequence[LibraryModel], options: argparse.Namespace) -> None:
    """Write the table of the glasses, that of the bins, and the figure."""
    columns = {model.name: read_columns(model, options) for model in models}
    rows = [row_of(model, columns[model.name]) for model in models]
    ratios = np.array([in_bins(found) for found in columns.values()])
    bins = [
        {
            "k_low": low,
            "k_high": low + 0.5,
            "v_over_floor": mean,
            "standard_error": error,
            "glasses": len(ratios),
            "columns": sum(len(found) for found in columns.values()),
        }
        for low, mean, error in zip(
            BINS[:-1].tolist(),
            ratios.mean(axis=0).tolist(),
            (ratios.std(axis=0, ddof=1) / math.sqrt(len(ratios))).tolist(),
            strict=True,
        )
    ]
    write_csv(options.output / "fem-recorded.csv", rows)
    write_csv(options.output / "fem-recorded-floor.csv", bins)
    draw_all(rows, bins, options.output / "fem-recorded.png")


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows with three digits after the point."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {key: f"{value:.4f}" if isinstance(value, float) else value for key, value in row.items()}
        )
    write_text(path, text.getvalue())


def draw_all(rows: Sequence[dict[str, Any]], bins: Sequence[dict[str, Any]], path: Path) -> None:
    """V over its floor; positions, widths and ratios of the readings beside the published ones."""
    measured = load_measured()

    def published(series: str) -> dict[float, float]:
        return {
            one.x: one.value
            for one in measured.values
            if one.series == series and one.value is not None and one.x is not None
        }

    def build(figure: Figure) -> None:
        figure.set_size_inches(6.4, 6.4)
        panels = figure.subplots(3, 2).ravel()
        middle = [one["k_low"] + 0.25 for one in bins]
        panels[0].axhline(1, color=GREY, linewidth=0.7)
        panels[0].errorbar(
            middle, [one["v_over_floor"] for one in bins], yerr=[one["standard_error"] for one in bins],
            fmt="o", color="black", markersize=3, capsize=2,
        )  # fmt: skip
        panels[0].set(xlabel="k = 1/d (nm⁻¹)", ylabel="coherent V / floor", ylim=(0.9, 1.1))
        drawn = (
            ("k3.2_k", "fem_peak2_k", "first peak, k (nm⁻¹)"),
            ("k3.2_fwhm", "fem_peak2_fwhm", "first peak, FWHM (nm⁻¹)"),
            ("k5.3_k", "fem_peak1_k", "second peak, k (nm⁻¹)"),
            ("k5.3_fwhm", "fem_peak1_fwhm", "second peak, FWHM (nm⁻¹)"),
            ("ratio", None, "V(3.2) / V(5.3)"),
        )
        looks = {"physical": ("^", "#4fa7c4"), "needed": ("o", "#0b2f6b"), "spread": ("v", "#b8481c")}
        for panel, (key, series, label) in zip(panels[1:], drawn, strict=True):
            for name, (marker, colour) in looks.items():
                for state, face in (("annealed", colour), ("as deposited", "white")):
                    chosen = [row for row in rows if row["state"] == state]
                    panel.plot(
                        [row["x"] for row in chosen], [row[f"{name}_{key}"] for row in chosen],
                        marker=marker, color=colour, markerfacecolor=face, markersize=3.5, linestyle="none",
                    )  # fmt: skip
            if series is not None:
                known = published(series)
                panel.plot(
                    list(known),
                    list(known.values()),
                    marker="s",
                    color="black",
                    markersize=5,
                    linestyle="none",
                )
            panel.set(xlabel="La per formula unit, x", ylabel=label, xlim=(1.2, 4.8), xticks=(1.5, 3.0, 4.5))
        for name, (marker, colour) in looks.items():
            words = {
                "physical": "losses alone",
                "needed": "background as needed",
                "spread": "spread of thickness",
            }[name]
            panels[5].plot([], [], marker=marker, color=colour, linestyle="none", markersize=3.5, label=words)
        panels[5].plot([], [], marker="s", color="black", linestyle="none", label="published")
        title = (
            "one marker a glass; full: annealed, open: as deposited; bars: one standard error over glasses"
        )
        figure.legend(loc="outside lower center", ncols=4, title=title)

    keys = list(rows[0])
    draw(build, path, {key: [row[key] for row in rows] for key in keys})


if __name__ == "__main__":
    run_main(main)
