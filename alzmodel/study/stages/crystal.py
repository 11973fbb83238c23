"""Reference crystals: their local order, powder lines and the cell that the potential gives them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from alzmodel.compare.quantities import known
from alzmodel.errors import InputError
from alzmodel.io import write_structure
from alzmodel.study.files import CURVES, MODEL
from alzmodel.study.results import require
from alzmodel.study.stage import Cost, Job, Stage, StageResult, StudyFigure, quantity
from alzmodel.study.stages.local_order import pdf_curves, recorded_units
from alzmodel.study.stages.xrd import pattern_inputs, pattern_results
from alzmodel.study.store import curves_of, write_curves
from alzmodel.study.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ase import Atoms

    from alzmodel.study.results import Results
    from alzmodel.study.stage import Work
    from alzmodel.study.store import Curve

__all__ = ["CRYSTAL", "ReferenceSettings"]

RELAXED = "relaxed.extxyz"

REFERENCE_PHASES = (
    "La2Zr2O7",
    "La2O3",
    "LLZO-cubic",
    "LLZO-tetragonal",
    "Li2O",
    "Li2CO3",
    "Li2ZrO3",
    "ZrO2",
    "MgO",
)


class ReferenceSettings(Table):
    """Reference crystals."""

    phases: list[str] = Field(default=[*REFERENCE_PHASES])
    """By name, as `alzmodel build crystal` takes them."""
    relax: list[str] = Field(default=["La2Zr2O7"])
    """Phases whose cell is relaxed with the potential, to be held against the measured cell."""


def _crystal(work: Work) -> StageResult:
    """Describe a reference crystal, and the cell that the potential would give it."""
    from alzmodel.crystals import crystal, phase_of

    inputs = work.inputs
    atoms = crystal(inputs["phase"])
    phase = phase_of(inputs["phase"])
    write_structure(atoms, work.folder / MODEL)
    curves: dict[str, Curve] = {}
    rows: list[dict[str, Any]] = []
    results: dict[str, Any] = {
        "phase": phase.name,
        "citation": phase.citation,
        "note": phase.note,
        "cell": atoms.cell.cellpar(),
        "provenance": atoms.info["provenance"],
    }
    if inputs["local_order"] is not None:
        results |= _order(atoms, inputs["local_order"], curves)
        work.progress(0.3, "local order")
    if inputs["xrd"] is not None:
        from alzmodel.scattering.xrd.pattern import powder_pattern

        pattern = powder_pattern(
            atoms,
            wavelength=inputs["xrd"]["wavelength"],
            two_theta=tuple(inputs["xrd"]["two_theta"]),
            method="crystal",
        )
        curves |= curves_of(pattern, "xrd")
        results["xrd"] = pattern_results(pattern)
        work.progress(0.5, "XRD")
    if inputs["relax"] is not None:
        results["relaxed"] = _relaxed(atoms, inputs["relax"]["potential"], work)
        if phase.name == "La2Zr2O7":
            a = float(np.mean(results["relaxed"]["cell"][:3]))
            mark = {"potential": inputs["told_apart"]} if "told_apart" in inputs else {}
            rows.append(quantity("la2zr2o7_lattice_parameter", a, source="crystal", **mark))
    if curves:
        write_curves(work.folder / CURVES, curves)
    return StageResult(rows, results)


def _order(atoms: Atoms, settings: Mapping[str, Any], curves: dict[str, Curve]) -> dict[str, Any]:
    from alzmodel.local_order.building_units import building_units
    from alzmodel.local_order.pdf import partial_rdf

    rdf = partial_rdf(atoms, r_max=settings["r_max"], dr=settings["dr"])
    curves.update(pdf_curves(rdf))
    return {"first_peaks": rdf.first_peaks(), **recorded_units(building_units(atoms))}


def _relaxed(atoms: Atoms, potential: str, work: Work) -> dict[str, Any]:
    from alzmodel.forcefields.static import relax

    def progress(fraction: float, message: str) -> None:
        work.progress(0.5 + 0.5 * fraction, message)

    relaxed = relax(atoms, potential=potential, progress=progress)
    write_structure(relaxed.atoms, work.folder / RELAXED)
    return {
        "potential": potential,
        "provisional": relaxed.atoms.info["provenance"]["relaxation"]["provisional"],
        "cell": relaxed.atoms.cell.cellpar(),
        "change_percent": 100 * (relaxed.atoms.cell.lengths() / atoms.cell.lengths() - 1),
        "energy_per_atom": relaxed.energy / len(atoms),
    }


def _jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    from alzmodel.crystals import phase_of
    from alzmodel.forcefields.potentials import potential

    reference, order, xrd = study["reference"], study["local_order"], study["xrd"]
    names = [phase_of(name).name for name in reference.phases]
    relaxed = {phase_of(name).name for name in reference.relax}
    if relaxed - set(names):
        missing = ", ".join(sorted(relaxed - set(names)))
        raise InputError(
            f"reference.relax: {missing}; allowed: phases of reference.phases, {', '.join(names)}"
        )
    for name in names:
        relax = None
        if name in relaxed:
            field = potential(study["glass"].potential)
            relax = {
                "potential": study["glass"].potential,
                "ions": {label: asdict(parameters) for label, parameters in field.ions.items()},
                **field.learned_identity,
            }
        inputs = {
            "phase": name,
            "relax": relax,
            "local_order": order.model_dump() if order else None,
            "xrd": pattern_inputs(xrd) if xrd else None,
        }
        label = f"crystal {name}"
        if relax is not None and len(study["glass"].potential_names) > 1:
            inputs["told_apart"] = field.name
            label += f" {field.name}"
        yield Job(label, inputs)


def _cost(inputs: Mapping[str, Any], _: int) -> Cost:
    return Cost(0.8 if inputs["relax"] is None else 10, 2.6e5)


def _draw_patterns(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report import figures

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
    return figures.plot_xrd(require(drawn, "reference crystals"), path, wavelength=wavelength)


CRYSTAL = Stage(
    name="crystal",
    version=3,
    run=_crystal,
    jobs=_jobs,
    cost=_cost,
    table="reference",
    Settings=ReferenceSettings,
    needs=(),
    quantities=known("la2zr2o7_lattice_parameter"),
    figures={
        "reference": StudyFigure(
            _draw_patterns, "Reference crystals", "Reflections of the published structures."
        )
    },
)
