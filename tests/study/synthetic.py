"""Studies on disk without molecular dynamics: packed ions for glasses, real analyses, curves drawn by hand for FEM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.build.packing import random_packing
from alzmodel.composition import Composition, formula_of, ion_counts
from alzmodel.io import write_structure
from alzmodel.study.runner import STUDY
from alzmodel.study.settings import parse_study, study_toml
from alzmodel.study.stages import FRAMES, MODEL, STAGES
from alzmodel.study.store import Curve, Store, write_curves
from alzmodel.study.tasks import plan
from alzmodel.study.worker import StageResult, Work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from alzmodel.study.tasks import Task

SETTINGS = """
name = "synthetic <study>"
local_order = { r_max = 9.0 }
reference = { phases = ["La2Zr2O7", "MgO"], relax = [] }
[glass]
la = [1.5, 3.0]
seeds = [1, 2]
atoms = 180
protocol_changes = { cutoff = 6.0 }
[xrd]
two_theta = [10.0, 80.0, 0.1]
crystallite_diameter = 40.0
[fem]
columns = 1
"""


def _glass(work: Work) -> StageResult:
    inputs = work.inputs
    counts = ion_counts(Composition(dict(inputs["amounts"])), inputs["atoms"])
    seed = inputs["model"]["seed"]
    model = random_packing(counts, seed=seed)
    provenance: dict[str, Any] = {
        "formula": formula_of(counts),
        "n_atoms": len(model),
        "seed": seed,
        "protocol": inputs["protocol"],
        "potential": {"name": "du-teter", "title": "Du/Teter", "provisional": ["La3+"] if seed == 2 else []},
        "versions": {"alzmodel": "0"},
        "thermo": {"time_ps": [0.0, 1.0], "temperature": [3000.0, 300.0], "density": [4.0, 4.5]},
        "density_300K": 4.5 + 0.01 * seed,
        "energy_per_atom": -9.0,
    }
    model.info.update(kind="glass", provenance=provenance)
    rng = np.random.default_rng(seed)
    frames = [model.copy() for _ in range(2)]
    for frame in frames:
        frame.positions += rng.normal(scale=0.05, size=frame.positions.shape)
    write_structure(model, work.folder / MODEL)
    write_structure(frames, work.folder / FRAMES)
    return StageResult([{"name": "density", "value": provenance["density_300K"]}], {"provenance": provenance})


def _fem(work: Work) -> StageResult:
    k = np.arange(1.5, 8.0, 0.05)
    curves = {}
    for kind, height in {"glass": 0.01, "gas": 0.0, "glass-ceramic": 0.1}.items():
        peak = height * np.exp(-(((k - 3.2) / 0.2) ** 2))
        curves |= {f"fem/{kind}/k": Curve(k, "1/nm"), f"fem/{kind}/variance/omega": Curve(0.02 + peak, "")}
    write_curves(work.folder / "curves.h5", curves)
    return StageResult([], {})


def make_study(folder: Path, *, wanted: Callable[[Task], bool] = lambda _: True) -> Path:
    """Write a study whose tasks are done where `wanted` says so."""
    settings = parse_study(SETTINGS, "synthetic")
    store = Store(folder)
    store.prepare()
    (folder / STUDY).write_text(study_toml(settings), encoding="utf-8")
    stages = {**STAGES, "glass": _glass, "fem": _fem}
    for task in plan(settings):
        if not wanted(task):
            continue
        work_folder = store.begin(task)
        needs = {role: store.runs / key for role, key in task.needs.items()}
        work = Work(task.inputs, needs, work_folder, work_folder / "scratch", lambda _fraction, _words: None)
        result = stages[task.stage](work)
        store.commit(task, work_folder, quantities=result.quantities, results=result.results, timing={})
    return folder
