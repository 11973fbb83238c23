"""X-ray powder patterns of the glasses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field, field_validator

from alzmodel.compare.marks import xrd_marks
from alzmodel.compare.quantities import known
from alzmodel.study.files import CURVES
from alzmodel.study.results import average, require, spread_into
from alzmodel.study.stage import Cost, Job, Stage, StageResult, StudyFigure, glass_frames, quantity
from alzmodel.study.store import curves_of, write_curves
from alzmodel.study.table import Positive, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from alzmodel.scattering.xrd.pattern import PowderPattern
    from alzmodel.study.results import Results
    from alzmodel.study.stage import Work

__all__ = ["XRD", "XRDSettings", "pattern_inputs", "pattern_results"]

HALO_Q = (1.5, 2.7)
"""Å⁻¹; where the first halo of these glasses lies (22° to 39° with Cu Kα)."""


MOST_STEPS = 100_000
"""Points of a pattern."""


class XRDSettings(Table):
    """Powder patterns of the glasses, the reference crystals and one La2Zr2O7 crystallite."""

    wavelength: Annotated[float, Field(ge=0.05, le=5, allow_inf_nan=False, strict=True)] | str = 1.5406
    """Å, or a line by name: "CuKa"."""
    two_theta: tuple[Positive, Positive, Positive] = (10.0, 80.0, 0.02)
    """First, last and step, degrees."""
    crystallite_diameter: Annotated[float, Field(ge=5, le=300, allow_inf_nan=False, strict=True)] = 80.0
    """Å; assumed size of the La2Zr2O7 crystallite."""
    lattice_parameter: Annotated[float, Field(ge=5, le=20, allow_inf_nan=False, strict=True)] = 10.805
    """Å; the measured one of La2Zr2O7, assumed for the crystallite."""

    @field_validator("two_theta")
    @classmethod
    def _rising(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        first, last, step = value
        if not (first < last < 180 and (last - first) / MOST_STEPS <= step < last - first):
            raise ValueError(
                f"first < last < 180 and a step that fits between at most {MOST_STEPS} times, degrees"
            )
        return value


def pattern_inputs(xrd: XRDSettings) -> dict[str, Any]:
    """Give the inputs that every powder pattern of a study has.

    Raises
    ------
    InputError
        If the X-ray line is unknown.
    """
    if isinstance(xrd.wavelength, str):
        from alzmodel.scattering.form_factors import wavelength_of

        wavelength_of(xrd.wavelength)
    return {"wavelength": xrd.wavelength, "two_theta": list(xrd.two_theta)}


def pattern_results(pattern: PowderPattern) -> dict[str, Any]:
    """Numbers of a powder pattern for the record."""
    kept = ("peaks", "wavelength", "method", "note")
    return {key: value for key, value in pattern.to_dict().items() if key in kept}


def _xrd(work: Work) -> StageResult:
    """Powder pattern of the glass."""
    from alzmodel.scattering.xrd.pattern import powder_pattern

    pattern = powder_pattern(
        glass_frames(work),
        wavelength=work.inputs["wavelength"],
        two_theta=tuple(work.inputs["two_theta"]),
        method="pdf",
    )
    write_curves(work.folder / CURVES, curves_of(pattern, "xrd"))
    halos = [
        peak
        for peak in pattern.peaks
        if HALO_Q[0]
        < 4 * math.pi * math.sin(math.radians(peak.two_theta / 2)) / pattern.wavelength
        < HALO_Q[1]
    ]
    first = max(
        halos,
        key=lambda peak: float(np.interp(peak.two_theta, pattern.two_theta, pattern.intensity)),
        default=None,
    )
    rows = [
        quantity("xrd_halo_two_theta", None if first is None else first.two_theta),
        quantity("xrd_halo_fwhm", None if first is None else first.fwhm),
    ]
    return StageResult(rows, pattern_results(pattern))


def _jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    yield Job("XRD", pattern_inputs(study["xrd"]))


def _cost(_: Mapping[str, Any], positions: int) -> Cost:
    return Cost(0.3 + 2e-5 * positions, 8e4)


def _draw_patterns(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report import figures

    drawn: dict[str, Any] = {}
    wavelength = None
    for label, records in results.groups("xrd").items():
        curves = [results.curves(record) for record in records]
        pattern: dict[str, Any] = {"two_theta": curves[0]["xrd/two_theta"].values}
        spread_into(pattern, "intensity", *average(curves, "xrd/intensity", "xrd/two_theta"))
        drawn[f"glass, {label}"] = pattern
        wavelength = records[0].results["wavelength"]
    for record in results.of("crystallite"):
        curves_ = results.curves(record)
        drawn[f"La2Zr2O7 sphere, {record.inputs['diameter']:g} Å (assumed)"] = {
            "two_theta": curves_["xrd/two_theta"].values,
            "intensity": curves_["xrd/intensity"].values,
        }
        wavelength = record.results["wavelength"]
    require(drawn, "XRD")
    lines = xrd_marks(results.measured, wavelength)
    return figures.plot_xrd(drawn, path, measured_lines=lines, wavelength=wavelength)


XRD = Stage(
    name="xrd",
    version=1,
    run=_xrd,
    jobs=_jobs,
    cost=_cost,
    table="xrd",
    Settings=XRDSettings,
    quantities=known("xrd_halo_two_theta", "xrd_halo_fwhm"),
    figures={
        "xrd": StudyFigure(
            _draw_patterns,
            "X-ray powder patterns",
            "Glasses as predicted; above them a La2Zr2O7 crystallite whose size and lattice parameter are assumed. "
            "Dashed: lines of the measured films. Bands: standard deviation over models.",
        )
    },
)
