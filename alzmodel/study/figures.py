"""The figures of a study, drawn from its results by :mod:`alzmodel.report.figures`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.compare.marks import fem_marks, fem_windows, xrd_marks
from alzmodel.compare.quantities import of_state, per_model
from alzmodel.composition import ELEMENT_ORDER
from alzmodel.errors import InputError
from alzmodel.report import figures
from alzmodel.report.comparison_figure import plot_comparison
from alzmodel.report.drawing import noted
from alzmodel.study.stages import CURVES
from alzmodel.study.store import Curve, read_curves

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.measured import Measured
    from alzmodel.study.index import Findings
    from alzmodel.study.store import Record, Store

__all__ = ["FIGURES", "StudyFigure", "draw", "draw_all"]

BINS_PER_POINT = 2
"""Histogram bins that are drawn as one point: 600 atoms make a noisy curve at 0.02 Å."""

BONDS_OF_PEAKS = {
    "fem_peak1_d": {"Zr–O of the glass": "zr_o_distance"},
    "fem_peak2_d": {"Zr–La of the glass": "zr_la_distance", "La–O of the glass": "la_o_distance"},
}
"""What the two FEM peaks are taken for (Zhu et al., Adv. Mater. 2024, sec. 2.2)."""


class _Results:
    """Records and curves of a study, grouped by composition, and what was measured: every figure takes from here."""

    def __init__(self, found: Findings, store: Store, rows: Sequence[Comparison], measured: Measured) -> None:
        self.records = found.records
        self.quantities = found.quantities
        self.rows = rows
        self.measured = measured
        self._store = store
        self._read: dict[tuple[str, ...], dict[str, Curve]] = {}

    def of(self, stage: str) -> list[Record]:
        return [record for record in self.records if record.stage == stage]

    def curves(self, record: Record, *under: str) -> dict[str, Curve]:
        """Curves of a record that stand under these names; read once, as several figures draw from one."""
        key = f"{record.stage}-{record.hash}"
        if (key, *under) not in self._read:
            self._read[key, *under] = read_curves(self._store.runs / key / CURVES, *under)
        return self._read[key, *under]

    def groups(self, stage: str) -> dict[str, list[Record]]:
        """Group the records of one stage by composition, in rising La content."""
        found: dict[str, list[Record]] = {}
        models = sorted(
            self.of(stage), key=lambda record: (record.inputs["model"]["la"], _composition(record))
        )
        for record in models:
            found.setdefault(_composition(record), []).append(record)
        return found


def _composition(record: Record) -> str:
    model = record.inputs["model"]
    doped = f", {model['dopant']} {model['fraction']:g}" if "dopant" in model else ""
    made = f", {model['protocol']}" if model.get("protocol") else ""
    return (
        f"x = {model['la']:g}{doped}" + (" by oxygen" if model.get("compensate") == "oxygen" else "") + made
    )


def _need(found: Any, stage: str) -> Any:
    if not found:
        raise InputError(f"figure: the study has no finished {stage}; allowed: figures of what is done")
    return found


def _average(
    curves: Sequence[Mapping[str, Curve]], name: str, abscissa: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Mean of a curve over models, on the points of the first, and its spread if there is more than one."""
    x = curves[0][abscissa].values
    stack = [np.interp(x, one[abscissa].values, one[name].values) for one in curves if name in one]
    mean = np.mean(stack, axis=0)
    return mean, np.std(stack, axis=0, ddof=1) if len(stack) > 1 else None


def _spread_into(target: dict[str, Any], name: str, mean: np.ndarray, spread: np.ndarray | None) -> None:
    target[name] = mean
    if spread is not None:
        target[f"{name}_std"] = spread


def _pdf(results: _Results, path: Path) -> tuple[Path, ...]:
    drawn = {}
    for label, records in _need(results.groups("local_order"), "local order").items():
        curves = [results.curves(record, "pdf/r", "pdf/partials") for record in records]
        names = [name.rpartition("/")[2] for name in curves[0] if name.startswith("pdf/partials/")]
        partials: dict[str, Any] = {}
        for name in sorted(names, key=_pair_order):
            coarse = [
                {name: _coarser(one[f"pdf/partials/{name}"]), "r": _coarser(one["pdf/r"])} for one in curves
            ]
            _spread_into(partials, name, *_average(coarse, name, "r"))
        drawn[label] = {"r": _coarser(curves[0]["pdf/r"]).values, "partials": partials}
    return figures.plot_pdf(drawn, path)


def _pair_order(label: str) -> tuple[int, ...]:
    return tuple(ELEMENT_ORDER.index(element) for element in label.split("-"))


def _coarser(curve: Curve) -> Curve:
    whole = len(curve.values) // BINS_PER_POINT * BINS_PER_POINT
    return Curve(curve.values[:whole].reshape(-1, BINS_PER_POINT).mean(axis=1), curve.unit)


def _coordination(results: _Results, path: Path) -> tuple[Path, ...]:
    return figures.plot_coordination(_combined(results, "units"), path)


def _sharing(results: _Results, path: Path) -> tuple[Path, ...]:
    return figures.plot_sharing(_combined(results, "sharing"), path)


def _combined(results: _Results, key: str) -> dict[str, Any]:
    from alzmodel.local_order.building_units import Unit
    from alzmodel.local_order.sharing import PairSharing
    from alzmodel.results import roles_of
    from alzmodel.statistics import combine

    groups = _need(results.groups("local_order"), "local order")
    roles = {"units": {"*": roles_of(Unit)}, "sharing": {"*": roles_of(PairSharing)}}
    return {
        label: combine([{key: record.results[key]} for record in records], roles)[key]
        for label, records in groups.items()
    }


def _xrd(results: _Results, path: Path) -> tuple[Path, ...]:
    drawn: dict[str, Any] = {}
    wavelength = None
    for label, records in results.groups("xrd").items():
        curves = [results.curves(record) for record in records]
        pattern: dict[str, Any] = {"two_theta": curves[0]["xrd/two_theta"].values}
        _spread_into(pattern, "intensity", *_average(curves, "xrd/intensity", "xrd/two_theta"))
        drawn[f"glass, {label}"] = pattern
        wavelength = records[0].results["wavelength"]
    for record in results.of("crystallite"):
        curves_ = results.curves(record)
        drawn[f"La2Zr2O7 sphere, {record.inputs['diameter']:g} Å (assumed)"] = {
            "two_theta": curves_["xrd/two_theta"].values,
            "intensity": curves_["xrd/intensity"].values,
        }
        wavelength = record.results["wavelength"]
    _need(drawn, "XRD")
    lines = xrd_marks(results.measured, wavelength)
    return figures.plot_xrd(drawn, path, measured_lines=lines, wavelength=wavelength)


def _reference(results: _Results, path: Path) -> tuple[Path, ...]:
    drawn: dict[str, Any] = {}
    wavelength = None
    for record in results.of("crystal"):
        if "xrd" in record.results:
            curves = results.curves(record, "xrd")
            drawn[record.results["phase"]] = {
                "two_theta": curves["xrd/two_theta"].values,
                "intensity": curves["xrd/intensity"].values,
            }
            wavelength = record.results["xrd"]["wavelength"]
    return figures.plot_xrd(_need(drawn, "reference crystals"), path, wavelength=wavelength)


def _fem_curves(results: _Results, kind: str) -> dict[str, Any]:
    drawn = {}
    for label, records in results.groups("fem").items():
        curves = [results.curves(record) for record in records]
        curve: dict[str, Any] = {"k": curves[0][f"fem/{kind}/k"].values}
        _spread_into(curve, "variance", *_average(curves, f"fem/{kind}/variance/omega", f"fem/{kind}/k"))
        drawn[label] = curve
    return drawn


def _fem_fits(results: _Results, kind: str) -> dict[str, Any]:
    """Average the fits of the published windows where every model of a composition shows a peak."""
    drawn = {}
    for label, records in results.groups("fem").items():
        if not all(record.results.get(kind, {}).get("two_windows", {}).get("peaks") for record in records):
            continue
        curves = [results.curves(record) for record in records]
        mean, _ = _average(curves, f"fem/{kind}/fit/variance", f"fem/{kind}/fit/k")
        k = curves[0][f"fem/{kind}/fit/k"].values
        # The line is lifted between the windows.
        gaps = np.flatnonzero(np.diff(k) > 1.5 * np.median(np.diff(k))) + 1
        drawn[label] = {"k": np.insert(k, gaps, np.nan), "fit": np.insert(mean, gaps, np.nan)}
    return drawn


def _gas(results: _Results) -> dict[str, Any]:
    """Average the control over all models: a gas is the same whatever it is made of."""
    curves = [results.curves(record) for record in _need(results.of("fem"), "FEM")]
    mean, _ = _average(curves, "fem/gas/variance/omega", "fem/gas/k")
    return {"random gas": {"k": curves[0]["fem/gas/k"].values, "variance": mean}}


def _fem(results: _Results, path: Path) -> tuple[Path, ...]:
    gas = _gas(results)
    curves = {
        f"with clusters (assumed), {label}": curve
        for label, curve in _fem_curves(results, "glass-ceramic").items()
    }
    fits = {
        f"with clusters (assumed), {label}": fit for label, fit in _fem_fits(results, "glass-ceramic").items()
    }
    return _plot_fem(results, curves, gas, fits, path)


def _plot_fem(
    results: _Results, curves: dict[str, Any], gas: dict[str, Any], fits: dict[str, Any], path: Path
) -> tuple[Path, ...]:
    return figures.plot_fem(
        curves | gas,
        path,
        controls=list(gas),
        fits=fits,
        measured_lines=fem_marks(results.measured),
        windows=fem_windows(results.measured),
    )


def _fem_glass(results: _Results, path: Path) -> tuple[Path, ...]:
    gas = _gas(results)
    curves = {f"glass, {label}": curve for label, curve in _fem_curves(results, "glass").items()}
    fits = {f"glass, {label}": fit for label, fit in _fem_fits(results, "glass").items()}
    return _plot_fem(results, curves, gas, fits, path)


def _comparison(results: _Results, path: Path) -> tuple[Path, ...]:
    return plot_comparison(_need(results.rows, "comparison"), path)


def _fem_peaks(results: _Results, path: Path) -> tuple[Path, ...]:
    """Draw the measured distances, with the bonds of the models for which the peaks were taken."""
    beside = {
        series: {label: points for label, name in names.items() if (points := _over_content(results, name))}
        for series, names in BONDS_OF_PEAKS.items()
    }
    rows = _need(results.rows, "comparison")
    return plot_comparison(rows, path, panels=list(BONDS_OF_PEAKS), beside=beside)


def _over_content(results: _Results, name: str) -> list[tuple[float, float, float | None]]:
    """Mean and spread over models of a predicted number of undoped glasses that stand for annealed films."""
    from alzmodel.statistics import mean_std

    models = [
        q
        for q in of_state(results.quantities, "annealed")
        if q.name == name and q.kind == "predicted" and q.source == "glass" and q.dopant is None
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


def _d222(results: _Results, path: Path) -> tuple[Path, ...]:
    return plot_comparison(_need(results.rows, "comparison"), path, panels=["d222"])


def _size(results: _Results, path: Path) -> tuple[Path, ...]:
    return plot_comparison(_need(results.rows, "comparison"), path, panels=["scherrer_size"])


def _history(results: _Results, path: Path) -> tuple[Path, ...]:
    drawn = {
        f"{label}, seed {record.inputs['model']['seed']}": record.results["provenance"]["thermo"]
        for label, records in _need(results.groups("glass"), "glass").items()
        # One a composition: the others differ by noise.
        for record in records[:1]
    }
    return figures.plot_history(drawn, path)


SCREENED = ("packing_fraction", "site_o_coordination", "zr_o_distance", "zr_o_coordination")
"""Effects that the figure of a screen shows; the table has all."""


def _screen(results: _Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.composition import ion
    from alzmodel.report.screen_figure import plot_screen
    from alzmodel.study import screening

    rows = _need(screening.screen_rows(results.records), "dopants")
    found = screening.trends(rows)
    places = [row.place for row in rows]
    # One content is drawn: that of most ions, of these the largest.
    place = max(places, key=lambda one: (places.count(one), one))
    columns = {column.name: column for column in screening.COLUMNS}
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


@dataclass(frozen=True, slots=True)
class StudyFigure:
    """A figure of a study: how it is drawn, and the words that stand with it in the report."""

    draw: Callable[[_Results, Path], tuple[Path, ...]]
    title: str
    caption: str
    on_page: bool = True


FIGURES: Mapping[str, StudyFigure] = {
    "pdf": StudyFigure(
        _pdf,
        "Partial pair distribution functions",
        "Frames at 300 K; the band is the standard deviation over models.",
    ),
    "coordination": StudyFigure(
        _coordination,
        "Coordination of the cations",
        "Oxygens within the first minimum of each partial.",
    ),
    "sharing": StudyFigure(
        _sharing,
        "How the building units are joined",
        "Share of the cation pairs within the second shell that share one, two or more oxygens.",
    ),
    "xrd": StudyFigure(
        _xrd,
        "X-ray powder patterns",
        "Glasses as predicted; above them a La2Zr2O7 crystallite whose size and lattice parameter are assumed. Dashed: "
        "lines of the measured films.",
    ),
    "reference": StudyFigure(_reference, "Reference crystals", "Reflections of the published structures."),
    "fem": StudyFigure(
        _fem,
        "FEM of glasses with pyrochlore clusters",
        "Size, number and lattice parameter of the clusters are assumed, so the positions of the peaks are too. The "
        "control is a random gas of the same ions. Grey: windows of the published fits.",
    ),
    "fem_glass": StudyFigure(
        _fem_glass,
        "FEM of the glasses alone",
        "Predicted. What does not stand above the random gas is no order.",
    ),
    "comparison": StudyFigure(
        _comparison,
        "Measured and modelled over the La content",
        "Open symbols: assumed, they support nothing.",
    ),
    "screen": StudyFigure(
        _screen,
        "What dopants change, against their field strength",
        "Doped less undoped glass with 95 % intervals, at the content with most ions; correlation with its 95 % "
        "interval. Ions of another charge than La change the Li (or oxygen) content as well.",
    ),
    "fem_peaks": StudyFigure(
        _fem_peaks,
        "FEM distances over the La content",
        "Laid out as Fig. 5d of Zhu et al., beside the bonds of the models for which the peaks were taken. Open: "
        "assumed.",
    ),
    "d222": StudyFigure(
        _d222, "d222 over the La content", "Laid out as Fig. 6e of Zhu et al.", on_page=False
    ),
    "size": StudyFigure(
        _size, "Scherrer size over the La content", "Laid out as Fig. 6f of Zhu et al.", on_page=False
    ),
    "history": StudyFigure(_history, "How the glasses were made", "Temperature and density, one model each."),
}
"""Figures by name."""


def draw(
    what: str, found: Findings, store: Store, rows: Sequence[Comparison], measured: Measured, path: Path
) -> tuple[Path, ...]:
    """Draw one figure.

    Parameters
    ----------
    what
        A key of :data:`FIGURES`.
    found, store
        What the finished tasks say, and where they lie.
    rows
        Of the comparison.
    measured
        What the models were compared with: marks and windows.
    path
        File to write; without an ending PNG, SVG and CSV.

    Raises
    ------
    InputError
        If there is no such figure, or nothing to draw for it.
    """
    if what not in FIGURES:
        near = difflib.get_close_matches(what, FIGURES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(f"figure: {what!r} is unknown; {hint}allowed: {', '.join(FIGURES)}")
    with noted(_doubt(found)):
        return FIGURES[what].draw(_Results(found, store, rows, measured), path)


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
) -> list[Path]:
    """Draw every figure for which there is something; returns the files.

    Without an ending a figure is PNG, SVG and CSV at once, as for :func:`draw`.
    """
    folder.mkdir(exist_ok=True)
    results = _Results(found, store, rows, measured)
    doubt = _doubt(found)
    files: list[Path] = []
    for name, figure in FIGURES.items():
        try:
            with noted(doubt):
                for ending in endings:
                    files += figure.draw(results, folder / f"{name}{ending}")
        except InputError:
            # Left out of the study, or failed: the tasks tell of that.
            continue
    return files
