"""EXAFS of the glasses: χ(k), and what a fit of its first shell would read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from alzmodel.compare.quantities import known
from alzmodel.study.files import CURVES
from alzmodel.study.results import average, require, spread_into
from alzmodel.study.stage import Cost, Job, Stage, StageResult, StudyFigure, glass_frames, quantity
from alzmodel.study.store import Curve, curves_of, write_curves
from alzmodel.study.table import Positive, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from alzmodel.compare.measured import Measured
    from alzmodel.study.results import Results
    from alzmodel.study.stage import Work
    from alzmodel.study.store import Record

__all__ = ["EXAFS", "ExafsStudySettings"]

SECONDS_OF_SITE, SECONDS_BEFORE = 0.5, 30.0
"""Of one core: a site, and before them phases and the fit of the crystal."""
BYTES_OF_SITE = 4e3
_READ = ("distance", "coordination", "variance")


class ExafsStudySettings(Table):
    """EXAFS of the glasses at one edge; needs the extra ``exafs``."""

    edge: Literal["Zr-K", "La-L3", "La-K"] = "Zr-K"
    """Absorption edge."""
    sites: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 200
    """Absorbers drawn from all frames of a glass."""
    k_weight: Annotated[int, Field(ge=0, le=3, strict=True)] = 2
    """Power of k in the transform and the fit."""
    k_range: tuple[Positive, Positive] | None = Field(default=None, examples=[(3.0, 12.0)])
    """Å⁻¹, of the transform; by default that of the edge."""

    @model_validator(mode="after")
    def _usable(self) -> ExafsStudySettings:
        self.settings()
        return self

    def settings(self) -> Any:
        """Return them as the computation takes them; it refuses what cannot be used."""
        return _settings(self.model_dump())


def _settings(inputs: Mapping[str, Any]) -> Any:
    from alzmodel.scattering.exafs.edges import edge_of
    from alzmodel.scattering.exafs.sites import ExafsSettings

    k_range = inputs["k_range"]
    return ExafsSettings(
        edge=edge_of(inputs["edge"]),
        n_sites=inputs["sites"],
        k_weight=inputs["k_weight"],
        k_range=None if k_range is None else (float(k_range[0]), float(k_range[1])),
    )


def _exafs(work: Work) -> StageResult:
    """χ(k) of the glass, and its first shell as a fit reads it."""
    from alzmodel.progress import part_of
    from alzmodel.scattering.exafs.shell_fit import shell_beside_truth, standard_of
    from alzmodel.scattering.exafs.sites import exafs

    settings = _settings(work.inputs)
    frames = glass_frames(work)
    found = exafs(frames, settings, workers=1, progress=part_of(work.progress, 0, 2))
    standard = standard_of(settings, settings.edge.r_range, workers=1, progress=part_of(work.progress, 1, 2))
    fitted = shell_beside_truth(found, frames, settings, standard)
    single = {"exafs/site_chi": Curve(found.site_chi, "")}
    write_curves(work.folder / CURVES, curves_of(found, "exafs") | single)
    bond = f"exafs_{settings.edge.element.lower()}_o"
    rows = [
        quantity(f"{bond}_distance", fitted.fit.R),
        quantity(f"{bond}_coordination", fitted.fit.N),
        quantity(f"{bond}_variance", fitted.fit.sigma2),
    ]
    kept = ("edge", "k_weight", "k_range", "n_sites", "n_absorbers", "peak", "peak_sem", "notes")
    numbers = {key: value for key, value in found.to_dict().items() if key in kept}
    return StageResult(rows, {**numbers, **fitted.to_dict()})


def _jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    settings = study["exafs"]
    inputs = settings.model_dump()
    if inputs["k_range"] is not None:
        inputs["k_range"] = list(inputs["k_range"])
    yield Job(f"EXAFS {settings.edge}", inputs)


def _cost(inputs: Mapping[str, Any], _: int) -> Cost:
    return Cost(SECONDS_BEFORE + SECONDS_OF_SITE * inputs["sites"], 1e5 + BYTES_OF_SITE * inputs["sites"])


def _draw(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report.exafs_figure import plot_exafs

    drawn: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    for label, records in results.groups("exafs").items():
        curves = [results.curves(record) for record in records]
        one: dict[str, Any] = {"k": curves[0]["exafs/k"].values, "r": curves[0]["exafs/r"].values}
        spread_into(one, "chi", *average(curves, "exafs/chi", "exafs/k"))
        spread_into(one, "ft", *average(curves, "exafs/ft", "exafs/r"))
        drawn[label] = one
        shown = dict(records[0].results)
    require(drawn, "EXAFS")
    first, last = shown["k_range"]
    return plot_exafs(drawn, path, k_weight=int(shown["k_weight"]), k_range=(first, last))


def _caveats(records: Sequence[Record], _: Mapping[str, Any], __: Measured) -> Iterable[str]:
    return dict.fromkeys(f"EXAFS: {note}." for record in records for note in record.results["notes"])


EXAFS = Stage(
    name="exafs",
    version=1,
    run=_exafs,
    jobs=_jobs,
    cost=_cost,
    table="exafs",
    Settings=ExafsStudySettings,
    optional=True,
    quantities=known(
        *(f"exafs_{element}_o_{what}" for element in ("zr", "la") for what in _READ),
    ),
    figures={
        "exafs": StudyFigure(
            _draw,
            "EXAFS of the glasses",
            "Mean over sites, frames and seeds; band: spread over models; shaded: range of the transform, which is "
            "not corrected for the phase.",
        )
    },
    caveats=_caveats,
)
