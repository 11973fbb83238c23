"""X-ray powder pattern of one La2Zr2O7 crystallite of assumed size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from alzmodel.compare.quantities import known
from alzmodel.study.files import CURVES
from alzmodel.study.stage import Cost, Job, Stage, StageResult, quantity
from alzmodel.study.stages.xrd import pattern_inputs, pattern_results
from alzmodel.study.store import curves_of, write_curves

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from alzmodel.study.stage import Work

__all__ = ["CRYSTALLITE"]

PYROCHLORE_LINES = ("400", "440", "622")


def _crystallite(work: Work) -> StageResult:
    """Pattern of a La2Zr2O7 crystallite whose size and lattice parameter are assumed."""
    from alzmodel.scattering.xrd.pattern import fit_line, nanocrystal_pattern

    inputs = work.inputs
    a = inputs["lattice_parameter"]
    pattern = nanocrystal_pattern(
        inputs["phase"],
        inputs["diameter"],
        lattice_parameter=a,
        wavelength=inputs["wavelength"],
        two_theta=tuple(inputs["two_theta"]),
    )
    write_curves(work.folder / CURVES, curves_of(pattern, "xrd"))
    assumed = {"kind": "assumed", "source": "glass-ceramic"}
    rows = [
        quantity("cluster_lattice_parameter", a, **assumed),
        quantity("cluster_diameter", inputs["diameter"], **assumed),
    ]
    results = pattern_results(pattern)
    centre = _bragg_angle(a, "222", pattern.wavelength)
    if pattern.two_theta[0] + 2 < centre < pattern.two_theta[-1] - 2:
        line = fit_line(pattern, centre)
        results["line_222"] = line.to_dict()
        rows += [
            quantity("xrd_222_two_theta", line.two_theta, **assumed),
            quantity("xrd_222_fwhm", line.fwhm, **assumed),
            quantity("d222", line.d, **assumed),
            quantity("scherrer_size", line.size_scherrer, **assumed),
            quantity("sphere_size", line.size_sphere, **assumed),
        ]
    for hkl in PYROCHLORE_LINES:
        where = _bragg_angle(a, hkl, pattern.wavelength)
        near = [peak for peak in pattern.peaks if abs(peak.two_theta - where) < 0.5]
        if near:
            peak = min(near, key=lambda peak: abs(peak.two_theta - where))
            rows.append(quantity(f"xrd_{hkl}_two_theta", peak.two_theta, **assumed))
    return StageResult(rows, results)


def _bragg_angle(a: float, hkl: str, wavelength: float) -> float:
    """2θ in degrees of a reflection of a cubic cell; NaN beyond backscattering."""
    sine = wavelength * math.sqrt(sum(int(index) ** 2 for index in hkl)) / (2 * a)
    return math.degrees(2 * math.asin(sine)) if sine < 1 else math.nan


def _jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    xrd = study["xrd"]
    inputs = {
        "phase": "La2Zr2O7",
        "diameter": xrd.crystallite_diameter,
        "lattice_parameter": xrd.lattice_parameter,
        **pattern_inputs(xrd),
    }
    yield Job("XRD of a La2Zr2O7 crystallite", inputs)


def _cost(inputs: Mapping[str, Any], _: int) -> Cost:
    return Cost(min(0.5 * (inputs["diameter"] / 80) ** 3, 60), 8e4)


CRYSTALLITE = Stage(
    name="crystallite",
    version=2,
    run=_crystallite,
    jobs=_jobs,
    cost=_cost,
    table="xrd",
    needs=(),
    quantities=known(
        *("cluster_lattice_parameter", "cluster_diameter", "xrd_222_two_theta", "xrd_222_fwhm", "d222"),
        *("scherrer_size", "sphere_size", *(f"xrd_{hkl}_two_theta" for hkl in PYROCHLORE_LINES)),
    ),
    beside_films=True,
)
