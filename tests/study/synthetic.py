"""Studies on disk without molecular dynamics: packed ions for glasses, real analyses, curves drawn by hand for FEM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.composition import Composition, formula_of, ion_counts
from alzmodel.io import read_frames, write_structure
from alzmodel.models.columns import embed_clusters, glass_column
from alzmodel.models.packing import random_packing
from alzmodel.study import worker
from alzmodel.study.runner import STUDY
from alzmodel.study.settings import parse_study
from alzmodel.study.stage import StageResult, Work
from alzmodel.study.stages import FRAMES, MODEL, NUCLEUS, STAGES
from alzmodel.study.stages.fem import around_nucleus
from alzmodel.study.store import Curve, Store, write_curves
from alzmodel.study.study_file import study_toml
from alzmodel.study.tasks import plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from alzmodel.study.task import Task

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
    """Draw variances by hand: none for the glass, two peaks for the clusters."""
    k = np.arange(1.5, 8.0, 0.05)
    model = work.inputs["model"]
    rng = np.random.default_rng([model["seed"], round(10 * model["la"])])
    centres = {"fem_peak1": 5.24 + rng.normal(0, 0.01), "fem_peak2": 3.2 + rng.normal(0, 0.01)}
    curves = {}
    for kind, height in {"glass": 0.01, "gas": 0.0, "glass-ceramic": 0.1}.items():
        peaks = sum(height * np.exp(-(((k - centre) / 0.2) ** 2)) for centre in centres.values())
        inside = ((k > 2.6) & (k < 3.45)) | ((k > 4.6) & (k < 5.8))
        curves |= {
            f"fem/{kind}/k": Curve(k, "1/nm"),
            f"fem/{kind}/variance/omega": Curve(0.02 + peaks, ""),
            f"fem/{kind}/fit/k": Curve(k[inside], "1/nm"),
            f"fem/{kind}/fit/variance": Curve((0.02 + peaks)[inside], ""),
        }
    write_curves(work.folder / "curves.h5", curves)
    if model["seed"] == 1:
        frames = read_frames(work.needs["glass"] / FRAMES)
        column = glass_column(frames, width=60.0, thickness=50.0, seed=1)
        column = embed_clusters(column, volume_fraction=0.2, seed=1)
        write_structure(around_nucleus(column), work.folder / NUCLEUS)
    rows = []
    for kind, source in (("predicted", "glass"), ("assumed", "glass-ceramic")):
        there = kind == "assumed"
        for name, centre in centres.items():
            numbers = {"k": centre, "d": 10 / centre, "fwhm": 0.28 + rng.normal(0, 0.01)}
            numbers |= {"share_bonds": 0.1, "share_cations": 0.8, "thickness_exponent": 0.5}
            for key, value in numbers.items():
                rows.append((f"{name}_{key}", value if there else None, kind, source))
            rows.append((f"{name}_excess", 0.1 if there else rng.normal(0.0, 0.001), kind, source))
    quantities = [
        {"name": name, "value": value, "kind": kind, "source": source} for name, value, kind, source in rows
    ]
    peaks_of = {"glass": [], "gas": [], "glass-ceramic": [{"label": "k3.2"}, {"label": "k5.3"}]}
    return StageResult(
        quantities, {kind: {"two_windows": {"peaks": list(found)}} for kind, found in peaks_of.items()}
    )


def make_study(
    folder: Path,
    *,
    wanted: Callable[[Task], bool] = lambda _: True,
    settings_text: str = SETTINGS,
    glass: Callable[[Work], StageResult] = _glass,
) -> Path:
    """Write a study whose tasks are done where `wanted` says so."""
    settings = parse_study(settings_text, "synthetic")
    store = Store(folder)
    store.prepare()
    (folder / STUDY).write_text(study_toml(settings), encoding="utf-8")
    stages = {**STAGES, "glass": glass, "fem": _fem}
    for task in plan(settings):
        if not wanted(task):
            continue
        work_folder = store.begin(task)
        needs = {role: store.runs / key for role, key in task.needs.items()}
        work = Work(task.inputs, needs, work_folder, work_folder / "scratch", lambda _fraction, _words: None)
        result = stages[task.stage](work)
        store.commit(task, work_folder, quantities=result.quantities, results=result.results, timing={})
    return folder


if __name__ == "__main__":
    # As a worker: everything is real but glasses and FEM.
    worker.main({**STAGES, "glass": _glass, "fem": _fem})
