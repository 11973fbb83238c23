"""The quick preset with ions packed at random in place of glasses, for `studies.py`: all else is `alzmodel run`.

    python scripts/benchmarks/packed_study.py FOLDER

Nothing is imported before it is needed, as in the program and its workers themselves: their imports are measured.
Prints the CPU seconds of the driver, without those of its workers.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

from alzmodel.errors import InputError, run_main

if TYPE_CHECKING:
    from alzmodel.study.executors import LocalExecutor
    from alzmodel.study.stage import StageResult, Work
    from alzmodel.study.store import Store

AS_WORKER = "--as-worker"


def packed(work: Work) -> StageResult:
    """Ions packed at random in place of a glass."""
    import numpy as np

    from alzmodel.composition import Composition, formula_of, ion_counts
    from alzmodel.io import write_structure
    from alzmodel.models.packing import random_packing
    from alzmodel.study.stage import StageResult
    from alzmodel.study.stages import FRAMES, MODEL

    inputs = work.inputs
    counts = ion_counts(Composition(dict(inputs["amounts"])), inputs["atoms"])
    model = random_packing(counts, seed=inputs["model"]["seed"])
    provenance: dict[str, Any] = {
        "formula": formula_of(counts),
        "n_atoms": len(model),
        "seed": inputs["model"]["seed"],
        "protocol": inputs["protocol"],
        "potential": {"name": "du-teter", "title": "Du/Teter", "provisional": []},
        "versions": {"alzmodel": "0"},
        "thermo": {"time_ps": [0.0, 1.0], "temperature": [3000.0, 300.0], "density": [4.0, 4.5]},
        "density_300K": 4.5,
        "energy_per_atom": -9.0,
    }
    model.info.update(kind="glass", provenance=provenance)
    rng = np.random.default_rng(inputs["model"]["seed"])
    frames = [model.copy() for _ in range(10)]
    for frame in frames:
        frame.positions += rng.normal(scale=0.05, size=frame.positions.shape)
    write_structure(model, work.folder / MODEL)
    write_structure(frames, work.folder / FRAMES)
    return StageResult([{"name": "density", "value": 4.5}], {"provenance": provenance})


def work() -> int:
    """Do what `python -m alzmodel.study.worker` does."""
    from alzmodel.study import worker
    from alzmodel.study.stages import STAGES

    return worker.main({**STAGES, "glass": packed})


def drive(folder: str) -> int:
    """Do what `alzmodel run --preset quick --out FOLDER` does, with workers of ours."""
    from alzmodel import cli
    from alzmodel.study import places

    local = places.LocalExecutor

    def ours(store: Store, slots: int) -> LocalExecutor:
        return local(store, slots, (sys.executable, __file__, AS_WORKER))

    places.LocalExecutor = ours  # type: ignore[assignment, misc]
    with contextlib.redirect_stdout(sys.stderr):
        code = cli.main(["run", "--preset", "quick", "--out", folder])
    spent = os.times()
    print(spent.user + spent.system)
    return code


def main() -> int:
    """Be the driver, or a worker of it."""
    if len(sys.argv) != 2:
        raise InputError(f"arguments: {sys.argv[1:]}; allowed: the folder of the study to make")
    return work() if sys.argv[1] == AS_WORKER else drive(sys.argv[1])


if __name__ == "__main__":
    run_main(main)
