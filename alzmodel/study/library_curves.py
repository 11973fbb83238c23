"""Curves of the glasses: V(k), powder pattern and G(r), of a study and of the library, for measured data to be laid on.

Those of the library come with the package, beside its models, so that they are there without any simulation.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.models.library import library
from alzmodel.report.overlay import LaidCurve
from alzmodel.study.files import CURVES
from alzmodel.study.shipped import read_shipped, write_shipped
from alzmodel.study.stages import STAGES
from alzmodel.study.store import read_curves

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from alzmodel.study.results import Results
    from alzmodel.study.store import Curve, Record, Store

    FloatArray = NDArray[np.float64]

__all__ = [
    "FILE",
    "GAS",
    "KINDS",
    "WAVELENGTH",
    "CurveKind",
    "LibraryCurves",
    "laid_curves",
    "library_curves",
    "write_library_curves",
]

FILE: Final = "curves.json.xz"
"""Name of the file beside the models of the library."""

WAVELENGTH: Final = 1.5406
"""Å, Cu Kα1: of the patterns of the library."""

DIGITS: Final = 5
"""Of a value in that file."""


GAS: Final = "random gas"
"""A gas of the same ions scatters alike whatever its composition: one curve for all."""


@dataclass(frozen=True, slots=True)
class CurveKind:
    """One curve that every glass has.

    Attributes
    ----------
    data
        Kind of measured data that it is laid beside: "fem", "xrd" or "pdf".
    words
        What tells it from others of the same kind of data; empty for the usual one.
    group
        Curves that are drawn together.
    stage, x, y
        Which analysis records it, and under which names.
    step
        Points nearer than this, in the unit of x, are averaged: bins finer than any feature.
    """

    data: str
    words: str
    group: str
    stage: str
    x: str
    y: str
    step: float = 0.0

    def taken(self, curves: Mapping[str, Curve]) -> tuple[FloatArray, FloatArray] | None:
        """Abscissa and ordinate from the curves of a task, shape (n,) each; None if it has none of these."""
        if self.y not in curves:
            return None
        x, y = curves[self.x].values, curves[self.y].values
        every = max(1, round(self.step / (x[1] - x[0])))
        whole = len(x) // every * every
        return tuple(values[:whole].reshape(-1, every).mean(axis=1) for values in (x, y))


KINDS: Final[Mapping[str, CurveKind]] = {
    "V_recorded": CurveKind(
        "fem", "as recorded", "recorded", "fem", "fem/observed/k", "fem/observed/variance"
    ),
    "V": CurveKind("fem", "ideal microscope", "ideal", "fem", "fem/glass/k", "fem/glass/variance/omega"),
    "V_gas": CurveKind("fem", GAS, "ideal", "fem", "fem/gas/k", "fem/gas/variance/omega"),
    "xrd": CurveKind("xrd", "", "", "xrd", "xrd/two_theta", "xrd/intensity", step=0.1),
    "G_xray": CurveKind("pdf", "X-rays", "xray", "local_order", "pdf/r", "pdf/totals/xray", step=0.04),
    "G_neutron": CurveKind(
        "pdf", "neutrons", "neutron", "local_order", "pdf/r", "pdf/totals/neutron", step=0.04
    ),
    "G_electron": CurveKind(
        "pdf", "electrons", "electron", "local_order", "pdf/r", "pdf/totals/electron", step=0.04
    ),
}
"""By their names in the file."""


@dataclass(frozen=True, slots=True)
class LibraryCurves:
    """Curves of the models of the library.

    Attributes
    ----------
    stages
        Name and version of each analysis that they come from.
    sha256
        Name of each model, and the digest of its file and of its frames.
    wavelength
        Å, of the powder patterns.
    axes
        Name of each kind of curve to its abscissa, shape (n,).
    models
        Name of each model to its curves, by kind, shape (n,).
    cutoffs
        Name of each model to where the shell of oxygens ends around each cation, Å.
    """

    stages: dict[str, int]
    sha256: dict[str, list[str]]
    wavelength: float
    axes: dict[str, FloatArray]
    models: dict[str, dict[str, FloatArray]]
    cutoffs: dict[str, dict[str, float]]

    def laid(self, wavelength: float = WAVELENGTH) -> list[LaidCurve]:
        """Mean and spread over the glasses of each content and protocol, as the page takes them.

        Powder patterns of another wavelength than `wavelength`, Å, are left out.
        """
        members: dict[tuple[str, str], list[FloatArray]] = {}
        entries = {one.name: one for one in library()}
        names = sorted(
            self.models, key=lambda name: (entries[name].la, name) if name in entries else (0.0, name)
        )
        several = len({entries[name].potential for name in names if name in entries}) > 1
        for name in names:
            entry = entries.get(name)
            if entry is None or list(entry.sha256) != self.sha256[name]:
                continue
            for key, values in self.models[name].items():
                made = ", ".join((entry.protocol, entry.potential) if several else (entry.protocol,))
                own = "" if KINDS[key].words == GAS else f", x = {entry.la:g}, {made}"
                members.setdefault((key, f"library{own}"), []).append(values)
        return [
            _laid(KINDS[key], label, self.axes[key], members[key, label])
            for key, label in sorted(members, key=lambda one: list(KINDS).index(one[0]))
            if KINDS[key].data != "xrd" or math.isclose(wavelength, self.wavelength)
        ]


def _laid(kind: CurveKind, label: str, x: FloatArray, members: Sequence[FloatArray]) -> LaidCurve:
    y = np.array(members)
    spread = y.std(axis=0, ddof=1) if len(members) > 1 else None
    number = f" ({len(members)} models)" if len(members) > 1 else ""
    name = f"{label}, {kind.words}" if kind.words else label
    return LaidCurve(kind.data, name + number, kind.group, x, y.mean(axis=0), spread)


@functools.cache
def library_curves(folder: Path | None = None) -> LibraryCurves | None:
    """Read the curves that come with the library; None if there are none.

    Raises
    ------
    AlzmodelError
        If the file cannot be read.
    """
    return read_shipped(FILE, folder, _curves_of, "curves")


def _curves_of(data: Any) -> LibraryCurves:
    axes = {name: np.array(values) for name, values in data["axes"].items()}
    models = {
        model: {name: np.array(values) for name, values in curves.items()}
        for model, curves in data["models"].items()
    }
    return LibraryCurves(data["stages"], data["sha256"], data["wavelength"], axes, models, data["cutoffs"])


def write_library_curves(records: Iterable[Record], store: Store, folder: Path | None = None) -> Path:
    """Put the curves of a study of the library's glasses beside them.

    Parameters
    ----------
    records, store
        Of a study with ``models = "library"``.
    folder
        Of the library; by default the package's own.
    """
    records = list(records)
    glasses = {f"glass-{record.hash}": record for record in records if record.stage == "glass"}
    axes: dict[str, list[float]] = {}
    models: dict[str, dict[str, list[float]]] = {}
    cutoffs: dict[str, dict[str, float]] = {}
    wavelengths = {record.results["wavelength"] for record in records if record.stage == "xrd"}
    used = {kind.stage for kind in KINDS.values()}
    for record in records:
        if record.stage not in used:
            continue
        curves = read_curves(store.runs / f"{record.stage}-{record.hash}" / CURVES)
        name = glasses[record.needs["glass"]].inputs["library"]["name"]
        if "units" in record.results:
            units = record.results["units"].items()
            cutoffs[name] = {element: round(unit["cutoff"], 4) for element, unit in units}
        for key, kind in KINDS.items():
            found = kind.taken(curves) if kind.stage == record.stage else None
            if found is not None:
                axes[key] = _rounded(found[0])
                models.setdefault(name, {})[key] = _rounded(found[1])
    (wavelength,) = wavelengths
    content = {
        "stages": {name: STAGES[name].version for name in sorted(used)},
        "sha256": {
            record.inputs["library"]["name"]: record.inputs["library"]["sha256"]
            for record in glasses.values()
        },
        "wavelength": wavelength,
        "axes": axes,
        "models": models,
        "cutoffs": cutoffs,
    }
    path = write_shipped(FILE, folder, content)
    library_curves.cache_clear()
    return path


def _rounded(values: FloatArray) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]


def laid_curves(results: Results) -> list[LaidCurve]:
    """Curves of a study, the mean and spread over the glasses of each composition."""
    found = []
    for kind in KINDS.values():
        groups = results.groups(kind.stage)
        if kind.words == GAS and groups:
            groups = {"": [record for records in groups.values() for record in records]}
        for label, records in groups.items():
            taken = [
                pair
                for record in records
                if (pair := kind.taken(results.curves(record, kind.x, kind.y))) is not None
            ]
            if taken:
                x = taken[0][0]
                members = [np.interp(x, *pair) for pair in taken]
                found.append(_laid(kind, f"this study, {label}" if label else "this study", x, members))
    return found
