"""The figures of a study, drawn from its results by :mod:`alzmodel.report.figures`."""

from __future__ import annotations

import difflib
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.compare.quantities import nominal_li, of_state, per_model, potentials_of
from alzmodel.errors import InputError
from alzmodel.moved import names_of
from alzmodel.report.comparison_figure import plot_comparison
from alzmodel.report.drawing import noted
from alzmodel.study import stage as stage_module
from alzmodel.study.against import AGAINST_FIGURES
from alzmodel.study.results import Results, require
from alzmodel.study.stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.measured import Measured
    from alzmodel.scattering.xrd.data import MeasuredCurve
    from alzmodel.study.index import Findings
    from alzmodel.study.store import Store

__all__ = ["draw", "draw_all", "study_figures"]

_moved = names_of(__name__, {"StudyFigure": "alzmodel.study.stage"})


def __getattr__(name: str) -> Any:
    """Find what stood here before."""
    return study_figures() if name == "FIGURES" else _moved(name)


BONDS_OF_PEAKS = {
    "fem_peak1_d": {"Zr–O of the glass": "zr_o_distance"},
    "fem_peak2_d": {"Zr–La of the glass": "zr_la_distance", "La–O of the glass": "la_o_distance"},
}
"""What the two FEM peaks are taken for (Zhu et al., Adv. Mater. 2024, sec. 2.2)."""


def _comparison(results: Results, path: Path) -> tuple[Path, ...]:
    return plot_comparison(require(results.rows, "comparison"), path)


def _fem_peaks(results: Results, path: Path) -> tuple[Path, ...]:
    """Draw the measured distances, with the bonds of the models for which the peaks were taken."""
    potentials = potentials_of(results.quantities) or (None,)
    beside = {
        series: {
            f"{label}, {potential}" if potential else label: points
            for potential, (label, name) in itertools.product(potentials, names.items())
            if (points := _over_content(results, name, potential))
        }
        for series, names in BONDS_OF_PEAKS.items()
    }
    rows = require(results.rows, "comparison")
    return plot_comparison(rows, path, panels=list(BONDS_OF_PEAKS), beside=beside)


def _over_content(
    results: Results, name: str, potential: str | None
) -> list[tuple[float, float, float | None]]:
    """Mean and spread over models of a predicted number of undoped glasses that stand for annealed films."""
    from alzmodel.statistics import mean_std

    models = [
        q
        for q in nominal_li(of_state(results.quantities, "annealed"))
        if q.potential == potential
        and q.name == name
        and q.kind == "predicted"
        and q.source == "glass"
        and q.dopant is None
    ]
    if len({q.protocol for q in models}) > 1:
        return []
    points = []
    for x in sorted({q.x for q in models if q.x is not None}):
        values = list(per_model(q for q in models if q.x == x).values())
        if values:
            mean, spread = mean_std(values)
            points.append((x, mean, spread if len(values) > 1 else None))
    return points


def _d222(results: Results, path: Path) -> tuple[Path, ...]:
    return plot_comparison(require(results.rows, "comparison"), path, panels=["d222"])


def _size(results: Results, path: Path) -> tuple[Path, ...]:
    return plot_comparison(require(results.rows, "comparison"), path, panels=["scherrer_size"])


SCREENED = ("packing_fraction", "site_o_coordination", "zr_o_distance", "zr_o_coordination")
"""Effects that the figure of a screen shows; the table has all."""


def _screen(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.ions import ion
    from alzmodel.report.screen_figure import plot_screen
    from alzmodel.study import screening

    rows = require(screening.screen_rows(results.records), "dopants")
    found = screening.trends(rows)
    places = [row.place for row in rows]
    # One content is drawn: that of most ions, of these the largest.
    place = max(places, key=lambda one: (places.count(one), one))
    columns = {column.name: column for column in (*screening.COLUMNS, screening.MOBILITY)}
    panels = []
    for name in SCREENED:
        column = columns[name]
        points = [
            {
                "ion": row.dopant + (" by O" if row.compensate == "oxygen" else ""),
                "x": row.field_strength,
                "effect": row.effects[name].effect,
                "low": row.effects[name].ci95[0],
                "high": row.effects[name].ci95[1],
                "isovalent": row.isovalent,
            }
            for row in rows
            if row.place == place and np.isfinite(row.effects[name].effect)
        ]
        trends = {
            trend.group: {"r": trend.r, "low": trend.ci95[0], "high": trend.ci95[1]}
            for trend in found
            if trend.quantity == name and (trend.la, trend.protocol, trend.fraction) == place
        }
        unit = f" ({column.unit})" if column.unit else ""
        if points:
            panels.append({"label": f"Δ {column.label}{unit}", "points": points, "trends": trends})
    host = ion(screening.HOST)
    return plot_screen(panels, path, host=(host.label, host.field_strength))


OWN: Mapping[str, stage_module.StudyFigure] = {
    "comparison": stage_module.StudyFigure(
        _comparison,
        "Measured and modelled over the La content",
        "Open symbols: assumed, they support nothing. Bars: one standard deviation, of the measurement (stated 95 % "
        "errors over 1.96, rounding over √3) and over models; near zero longer upwards (Wilson).",
    ),
    "screen": stage_module.StudyFigure(
        _screen,
        "What dopants change, against their field strength",
        "Doped less undoped glass with 95 % intervals, at the content with most ions; correlation with its 95 % "
        "interval. Ions of another charge than La change the Li (or oxygen) content as well.",
    ),
    "fem_peaks": stage_module.StudyFigure(
        _fem_peaks,
        "FEM distances over the La content",
        "Laid out as Fig. 5d of Zhu et al., beside the bonds of the models for which the peaks were taken. Open: "
        "assumed. Bars: one standard deviation.",
    ),
    "d222": stage_module.StudyFigure(
        _d222, "d222 over the La content", "Laid out as Fig. 6e of Zhu et al.", on_page=False
    ),
    "size": stage_module.StudyFigure(
        _size, "Scherrer size over the La content", "Laid out as Fig. 6f of Zhu et al.", on_page=False
    ),
}
"""Figures that draw from several analyses."""


def study_figures() -> dict[str, stage_module.StudyFigure]:
    """Figures by name, in the order of the page: of the analyses, of several of them, and of the glasses."""
    *analyses, glass = sorted(STAGES.values(), key=lambda stage: stage.name == "glass")
    found: dict[str, stage_module.StudyFigure] = {}
    for stage in analyses:
        found |= stage.figures
    return found | dict(OWN) | dict(AGAINST_FIGURES) | dict(glass.figures)


def draw(
    what: str,
    found: Findings,
    store: Store,
    rows: Sequence[Comparison],
    measured: Measured,
    path: Path,
    against: Mapping[str, MeasuredCurve] | None = None,
) -> tuple[Path, ...]:
    """Draw one figure.

    Parameters
    ----------
    what
        A name of :func:`study_figures`.
    found, store
        What the finished tasks say, and where they lie.
    rows
        Of the comparison.
    measured
        What the models were compared with: marks and windows.
    path
        File to write; without an ending PNG, SVG and CSV.
    against
        Measured curves by kind.

    Raises
    ------
    InputError
        If there is no such figure, or nothing to draw for it.
    """
    figures = study_figures()
    if what not in figures:
        near = difflib.get_close_matches(what, figures, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(f"figure: {what!r} is unknown; {hint}allowed: {', '.join(figures)}")
    results = Results(found.records, found.quantities, store, rows, measured, against)
    with noted(_doubt(found)):
        return figures[what].draw(results, path)


def _doubt(found: Findings) -> str:
    ions = found.provisional
    return f"Provisional potential parameters: {', '.join(ions)}" if ions else ""


def draw_all(
    found: Findings,
    store: Store,
    rows: Sequence[Comparison],
    measured: Measured,
    folder: Path,
    endings: Sequence[str] = ("",),
    against: Mapping[str, MeasuredCurve] | None = None,
) -> list[Path]:
    """Draw every figure for which there is something; returns the files.

    Without an ending a figure is PNG, SVG and CSV at once, as for :func:`draw`.
    """
    folder.mkdir(exist_ok=True)
    results = Results(found.records, found.quantities, store, rows, measured, against)
    doubt = _doubt(found)
    files: list[Path] = []
    for name, figure in study_figures().items():
        try:
            with noted(doubt):
                for ending in endings:
                    files += figure.draw(results, folder / f"{name}{ending}")
        except InputError:
            # Left out of the study, or failed: the tasks tell of that.
            continue
    return files
