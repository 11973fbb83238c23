"""Coverage of the posterior of "alzmodel inverse --posterior": truths from the prior, data by the whole simulator.

    alzmodel library x3-annealed-low-Tf-seed1 -o model.extxyz --frames x3.extxyz
    python scripts/fem_posterior_calibration.py x3.extxyz --scan scan -o docs/results --trials 100

Each trial draws all unknown numbers from their priors, builds that specimen (off the points of the emulator, with atoms
of its own), records it with the noise of 1600 patterns, and asks the posterior for its intervals. Truths whose
recording shows no two peaks are drawn again, as the film that was published shows two. Trials are kept one by one; a
run that was cut goes on, and the table says how many there are.
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

from alzmodel.compare.posterior import Datum, sample, teach
from alzmodel.errors import InputError, run_main
from alzmodel.io import atomic_path, read_frames, write_text
from alzmodel.scattering.fem.draws import (
    FEM_NUMBERS,
    PARAMETERS,
    XRD_NUMBERS,
    coherent_from,
    draw_points,
    record_rows,
    recorded_numbers,
)
from alzmodel.scattering.fem.scan import prepare
from alzmodel.study.inverse import identity_of
from alzmodel.study.specimens import draw_specimens, trial_specimen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alzmodel.compare.posterior import Taught
    from alzmodel.scattering.fem.scan import Matrix

LINE_ERROR = (0.05, 0.01)
"""Degrees in place and relative in width: what is added to the (222) line of a trial."""
LEVELS = (0.025, 0.16, 0.84, 0.975)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("glass", type=Path, help="frames of a glass")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the table")
    parser.add_argument("--scan", type=Path, required=True, help="folder of specimens and trials")
    parser.add_argument("--specimens", type=int, default=64, help="that the emulator learns from")
    parser.add_argument("--trials", type=int, default=100, help="to make")
    parser.add_argument("--live", type=int, default=100, help="live points of the nested sampling")
    parser.add_argument("--seed", type=int, default=1, help="of the specimens of the emulator")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the trials that are missing, then the table."""
    options = parse_arguments(arguments)
    matrix = prepare(options.glass.stem, read_frames(options.glass))
    identity = identity_of(matrix)
    drawn = draw_specimens(
        matrix,
        identity,
        options.specimens,
        options.seed,
        options.scan,
        lambda: print("specimen", file=sys.stderr),
    )
    built = [(values, kept) for values, kept in drawn if not kept["refused"]]
    nuisance = [one for one in PARAMETERS if one.nuisance]
    values = [one for one, _ in built]
    columns = [kept for _, kept in built]
    rows = record_rows(columns, values, nuisance, 8, options.seed)
    taught = teach("all", rows, values, np.array([kept["xrd"] for kept in columns]))
    if taught.numbers is None or taught.line is None:
        raise InputError(
            f"{len(built)} specimens show too few peaks or (222) lines; allowed: more --specimens"
        )
    trials = options.scan / "trials"
    trials.mkdir(parents=True, exist_ok=True)
    for number in range(options.trials):
        file = trials / f"{len(built)}-{options.live}-{number}.npz"
        if not file.exists():
            with atomic_path(file) as path:
                np.savez(path, **one_trial(matrix, identity, taught, number, options))
            write_table(trials, len(built), taught, options)
        print(f"trial {number + 1} of {options.trials}", file=sys.stderr)
    write_table(trials, len(built), taught, options)
    return 0


def one_trial(
    matrix: Matrix, identity: str, taught: Taught, number: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Truth and intervals of one trial, as coordinates."""
    random = np.random.default_rng(7000 + number)
    for attempt in range(50):
        (truth,) = draw_points(PARAMETERS, 1, 100_000 + 50 * number + attempt, prior=True)
        specimen = {one.name: truth[one.name] for one in PARAMETERS if not one.nuisance}
        kept = trial_specimen(matrix, identity, specimen, 500_000 + 50 * number + attempt, options.scan)
        if kept["refused"] or not np.isfinite(kept["xrd"]).all():
            continue
        numbers = recorded_numbers(coherent_from(kept), truth, random)
        if np.isfinite(numbers).all():
            break
    else:
        raise RuntimeError(f"trial {number}: no two peaks in 50 draws")
    line = [
        kept["xrd"][0] + LINE_ERROR[0] * random.normal(),
        math.log(kept["xrd"][1]) + LINE_ERROR[1] * random.normal(),
    ]
    data = [Datum(name, value, value, 0.0) for name, value in zip(FEM_NUMBERS[:4], numbers[:4], strict=True)]
    data += [
        Datum(name, value, value, error)
        for name, value, error in zip(XRD_NUMBERS, line, LINE_ERROR, strict=True)
    ]
    posterior = sample(taught, data, live=options.live, seed=number + 1)
    return {
        "truth": np.array([float(one.coordinate(truth[one.name])) for one in PARAMETERS]),
        "cuts": np.quantile(posterior.coordinates, LEVELS, axis=0),
        "ends": posterior.ends,
        "attempts": attempt + 1,
    }


def write_table(trials: Path, built: int, taught: Taught, options: argparse.Namespace) -> None:
    """How many truths lie in their intervals, of how many trials there are."""
    found = []
    for number in range(options.trials):
        file = trials / f"{built}-{options.live}-{number}.npz"
        if file.exists():
            with np.load(file) as kept:
                found.append({name: kept[name] for name in kept.files})
    if not found:
        return
    truth = np.array([one["truth"] for one in found])
    cuts = np.array([one["cuts"] for one in found])
    prior = np.array([one["ends"] for one in found])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["parameter", "trials", "in_95", "in_68", "width_over_prior", "specimens"])
    for n, one in enumerate(taught.parameters):
        in95 = int(((truth[:, n] >= cuts[:, 0, n]) & (truth[:, n] <= cuts[:, 3, n])).sum())
        in68 = int(((truth[:, n] >= cuts[:, 1, n]) & (truth[:, n] <= cuts[:, 2, n])).sum())
        width = float(np.median((cuts[:, 3, n] - cuts[:, 0, n]) / (0.95 * (prior[:, n, 1] - prior[:, n, 0]))))
        writer.writerow([one.name, len(found), in95, in68, f"{width:.3f}", built])
    write_text(options.output / "fem-posterior-calibration.csv", text.getvalue())


if __name__ == "__main__":
    run_main(main)
