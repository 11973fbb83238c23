"""A whole analysis in one file: how far each atom of a glass has moved from its place, on average over the frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.compare.quantities import QuantityInfo
from alzmodel.io import read_structure
from alzmodel.study.files import CURVES, MODEL
from alzmodel.study.stage import Cost, Job, Stage, StageResult, StudyFigure, glass_frames, quantity
from alzmodel.study.store import Curve, write_curves
from alzmodel.study.table import Positive, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from alzmodel.study.results import Results
    from alzmodel.study.stage import Work


class ShiftSettings(Table):
    """How far atoms are from their places."""

    longest: Positive = 3.0
    """Å; shifts are counted up to here."""
    bins: int = 30
    """Of the histogram."""


def _run(work: Work) -> StageResult:
    model = read_structure(work.needs["glass"] / MODEL)
    moved = np.array([frame.positions - model.positions for frame in glass_frames(work)])
    shift = np.linalg.norm(moved, axis=2).mean(axis=0)
    counts, edges = np.histogram(shift, work.inputs["bins"], (0.0, work.inputs["longest"]))
    curves = {
        "shift/r": Curve((edges[1:] + edges[:-1]) / 2, "Å"),
        "shift/atoms": Curve(counts / len(shift), ""),
        "atoms/shift": Curve(shift, "Å"),
    }
    write_curves(work.folder / CURVES, curves)
    return StageResult([quantity("mean_shift", shift.mean())], {"n_atoms": len(shift)})


def _jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    yield Job("shifts", study["shift"].model_dump())


def _draw(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report.figures import plot_history

    drawn = {}
    for record in results.of("shift"):
        curves = results.curves(record, "shift")
        drawn[record.label] = {
            "time_ps": curves["shift/r"].values,
            "temperature": curves["shift/atoms"].values,
            "density": curves["shift/atoms"].values,
        }
    return plot_history(drawn, path)


SHIFT = Stage(
    name="shift",
    version=1,
    run=_run,
    jobs=_jobs,
    cost=lambda _, positions: Cost(0.1 + 1e-6 * positions, 5e4),
    table="shift",
    Settings=ShiftSettings,
    quantities=(QuantityInfo("mean_shift", "mean shift from its place", "Å"),),
    figures={"shift": StudyFigure(_draw, "How far atoms are from their places", "One curve a model.")},
    caveats=lambda records, *_: [f"Shifts of {len(records)} models, from few frames."] if records else (),
)
