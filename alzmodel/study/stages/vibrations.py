"""Vibrations of the glasses and of the crystals that the paper's Raman spectra name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field

from alzmodel.compare.quantities import QuantityInfo, known
from alzmodel.errors import InputError
from alzmodel.study.files import CURVES, MODEL
from alzmodel.study.results import average, require, spread_into
from alzmodel.study.stage import Cost, Job, Stage, StageResult, StudyFigure, quantity
from alzmodel.study.store import Curve, write_curves
from alzmodel.study.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from alzmodel.dynamics.vibrations import Vibrations
    from alzmodel.study.results import Results
    from alzmodel.study.stage import Work
    from alzmodel.study.store import Record

__all__ = ["CRYSTAL_MODES", "VIBRATIONS", "VibrationSettings"]

UNITS: Final = {
    "zro6_a1g_rms": "ZrO6 A1g",
    "zro6_eg_rms": "ZrO6 Eg",
    "zro6_t2g_rms": "ZrO6 T2g",
    "lio4_a1_rms": "LiO4 A1",
    "lio4_e_rms": "LiO4 E",
    "lio4_cage_rms": "LiO4 Li-cage",
    "lao_radial_rms": "LaOn radial",
    "lao_strain_rms": "LaOn strain",
}
BANDS: Final = {"zro6_a1g_band": "ZrO6 A1g", "lio6_eg_band": "LiO6 Eg", "lio6_t2g_band": "LiO6 T2g"}
PAIR_SECONDS: Final = 7e-6
"""Times the square of the atoms, at 20 cm⁻¹."""
SPARSE_SECONDS: Final = 4e-3
"""Times the atoms where the matrix is sparse, at 20 cm⁻¹."""
USUAL_FRAMES: Final = 7
"""Frames of a glass at 300 K, between those of the library and those of usual protocols."""


class VibrationSettings(Table):
    """Vibrations of the minimised glasses; some minutes for each of 5000 atoms."""

    resolution: Annotated[float, Field(ge=1, le=200, allow_inf_nan=False, strict=True)] = 20.0
    """cm⁻¹; width of spectra."""
    coulomb: Literal["ewald", "dsf"] = "ewald"
    """Coulomb sum of the second derivatives; ``"dsf"`` moves modes by 2 cm⁻¹ and takes a third of the time."""
    lattice_parameters: tuple[float, float] = (10.73, 10.91)
    """Å; of La2Zr2O7 at low and medium La content, from the measured d222: the shift of its E_g mode is predicted."""


def _vibrations(work: Work) -> StageResult:
    """Densities of states and spectra of the building units of the minimised glass."""
    from alzmodel.dynamics.calibration import calibrate, stretch_stiffness
    from alzmodel.dynamics.harmonic import HarmonicSettings
    from alzmodel.dynamics.vibrations import vibrations
    from alzmodel.io import read_structure

    inputs = work.inputs
    settings = HarmonicSettings(
        potential=inputs["potential"],
        resolution=inputs["resolution"],
        coulomb=inputs.get("coulomb", "ewald"),
    )
    found = vibrations(read_structure(work.needs["glass"] / MODEL), settings, progress=work.progress)
    calibrations = calibrate(inputs["potential"])
    stiffness = stretch_stiffness(calibrations)
    density = found.vdos
    curves = {
        "vdos/grid": Curve(density.grid, "cm⁻¹"),
        "vdos/total": Curve(density.total, "cm"),
        **{f"vdos/by_element/{name}": Curve(values, "cm") for name, values in density.by_element.items()},
        **{
            f"units/{name}": Curve(unit.spectrum, "cm")
            for name, unit in found.units.items()
            if unit.spectrum is not None
        },
    }
    write_curves(work.folder / CURVES, curves)
    return StageResult(
        _quantities(found, stiffness),
        {
            "units": {
                name: {"n": unit.n, "rms_cm": unit.rms_cm, "sd_units": unit.sd_units}
                for name, unit in found.units.items()
            },
            "populations": {name: one.to_dict() for name, one in found.populations.items()},
            "imaginary": [one.to_dict() for one in found.imaginary],
            "notes": list(found.notes),
            "method": found.method,
            "resolution": found.resolution,
            "max_force": found.max_force,
            "n_atoms": found.n_atoms,
            "calibration": [one.to_dict() for one in calibrations],
            "stretch_stiffness": stiffness,
        },
    )


def _quantities(found: Vibrations, stiffness: float) -> list[dict[str, Any]]:
    from alzmodel.dynamics.calibration import WINDOWS, band_in_window

    rows = []
    for name, unit in UNITS.items():
        if unit in found.units:
            rows.append(quantity(name, found.units[unit].rms_cm))
    bands = {}
    for name, unit in BANDS.items():
        scale = stiffness if unit.startswith("Zr") else 1.0
        window = WINDOWS[unit]
        spectrum = found.units[unit].spectrum if unit in found.units else None
        bands[name] = (
            None
            if spectrum is None
            else band_in_window(found.vdos.grid, spectrum, (scale * window[0], scale * window[1]))
        )
        rows.append(quantity(name, bands[name]))
    band = bands["zro6_a1g_band"]
    rows.append(quantity("zro6_a1g_position", None if band is None else band / stiffness, kind="assumed"))
    six = found.populations.get("LiO6")
    if six is not None and six.n_centres:
        rows.append(quantity("lio6_share", 100 * six.n / six.n_centres))
    return rows


def _crystal_modes(work: Work) -> StageResult:
    """Raman modes of La2Zr2O7 at two lattice parameters, and of La2O3."""
    from alzmodel.crystals import crystal
    from alzmodel.dynamics.calibration import calibrate, modes_at

    inputs = work.inputs
    eg = []
    for number, a in enumerate(inputs["lattice_parameters"]):
        work.progress(0.3 * number, f"La2Zr2O7, a = {a:g} Å")
        modes = modes_at(crystal("La2Zr2O7", lattice_parameter=a), inputs["potential"], cell=False)
        eg.append(next(one.cm for one in modes if one.raman and one.degeneracy == 2))
    work.progress(0.6, "relaxed crystals")
    calibrations = calibrate(inputs["potential"])
    mark = {"potential": inputs["told_apart"]} if "told_apart" in inputs else {}
    rows = [quantity("pyrochlore_eg_shift", eg[1] - eg[0], source="crystal", **mark)]
    oxide = next(one for one in calibrations if one.phase == "La2O3")
    for name, cm in zip(("la2o3_eg", "la2o3_a1g", "la2o3_eg_high"), oxide.computed, strict=False):
        rows.append(quantity(name, cm, kind="assumed", source="crystal", **mark))
    return StageResult(
        rows,
        {
            "potential": inputs["potential"],
            "lattice_parameters": inputs["lattice_parameters"],
            "pyrochlore_eg": eg,
            "calibration": [one.to_dict() for one in calibrations],
        },
    )


def _is_left_out(study: Mapping[str, Any]) -> bool:
    """Whether a study of several potentials has come to one without second derivatives in closed form."""
    from alzmodel.forcefields.potentials import potential

    glass = study["glass"]
    return len(glass.potential_names) > 1 and potential(glass.potential).many_body is not None


def _potential(study: Mapping[str, Any]) -> str | None:
    from alzmodel.forcefields.potentials import potential

    name: str = study["glass"].potential
    if _is_left_out(study):
        return None
    if potential(name).many_body is not None:
        raise InputError(
            f"vibrations: potential {name!r} has no second derivatives in closed form; allowed in studies: a pair "
            "potential (alzmodel vibrations takes others)"
        )
    return name


def _jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    settings = study["vibrations"]
    name = _potential(study)
    if name is None:
        return
    inputs = {"potential": name, "resolution": settings.resolution}
    if settings.coulomb != "ewald":
        inputs["coulomb"] = settings.coulomb
    yield Job("vibrations", inputs)


def _crystal_jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    name = _potential(study)
    if name is None:
        return
    inputs = {"potential": name, "lattice_parameters": list(study["vibrations"].lattice_parameters)}
    label = "Raman modes of La2Zr2O7 and La2O3"
    if len(study["glass"].potential_names) > 1:
        inputs["told_apart"] = name
        label += f" {name}"
    yield Job(label, inputs)


def _cost(inputs: Mapping[str, Any], positions: int) -> Cost:
    atoms = positions / USUAL_FRAMES
    seconds = SPARSE_SECONDS * atoms if "coulomb" in inputs else PAIR_SECONDS * atoms**2
    return Cost(10 + seconds * 20 / inputs["resolution"], 2e5)


def _crystal_cost(*_: object) -> Cost:
    return Cost(15, 2e4)


def _caveats(records: Sequence[Record], study: Mapping[str, Any], *_: object) -> Iterable[str]:
    each = study["glass"].each_potential() if "glass" in study else ()
    left = [glass.potential for glass in each if _is_left_out({"glass": glass})]
    if left:
        yield f"No vibrations with {', '.join(left)}: studies have them of pair potentials alone."
    stiff = [record.results["stretch_stiffness"] for record in records]
    if stiff:
        yield (
            f"The potential makes the stretching of Zr–O {100 * (np.mean(stiff) - 1):.0f} % too stiff in La2Zr2O7, "
            "against a density-functional calculation: windows of bands are moved by that, shifts are predicted, "
            "positions are not."
        )
    shares = [record.results["populations"].get("LiO6") for record in records]
    if any(shares):
        n, of = (sum(one[key] for one in shares if one) for key in ("n", "n_centres"))
        yield (
            f"{n} of {of} lithium ions have six oxygens: the Raman bands read as LiO6 have hardly a carrier in these "
            "glasses."
        )


def _crystal_caveats(records: Sequence[Record], *_: object) -> Iterable[str]:
    from alzmodel.dynamics.calibration import overlaps

    beside = [f"{cm:g} cm⁻¹ beside {name} at {at:g}" for cm, name, at in overlaps("La2O3")]
    if records and beside:
        yield f"Lines of La2O3 as measured lie near others of the same films: {', '.join(beside)}."
    misses = [
        f"{one['phase']} {one['rms_cm']:.0f} ({one['kind']})"
        for record in records[:1]
        for one in record.results["calibration"]
    ]
    if misses:
        yield f"Raman modes of crystals miss their reference lines by, in cm⁻¹ rms: {', '.join(misses)}."


def _draw_densities(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report.vibration_figures import plot_unit_densities

    drawn = {}
    for label, records in require(results.groups("vibrations"), "vibrations").items():
        curves = [results.curves(record, "vdos") for record in records]
        one: dict[str, Any] = {"grid": curves[0]["vdos/grid"].values}
        names = sorted(name for name in curves[0] if name.startswith("vdos/by_element/"))
        for name in names:
            spread_into(one, name.rpartition("/")[2], *average(curves, name, "vdos/grid"))
        drawn[label] = one
    return plot_unit_densities(drawn, path, ordinate="modes per cm⁻¹", scale=1.0)


def _draw_units(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report.vibration_figures import plot_unit_densities

    drawn = {}
    for label, records in require(results.groups("vibrations"), "vibrations").items():
        curves = [results.curves(record, "vdos", "units") for record in records]
        one: dict[str, Any] = {"grid": curves[0]["vdos/grid"].values}
        for name in sorted(name for name in curves[0] if name.startswith("units/")):
            spread_into(one, name.rpartition("/")[2], *average(curves, name, "vdos/grid"))
        drawn[label] = one
    return plot_unit_densities(drawn, path, ordinate="weight (10⁻³/cm⁻¹)", scale=1e3)


def _draw_parity(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report.vibration_figures import plot_parity

    rows = [
        {
            "label": f"{one['phase']}, {one['kind']}, rms {one['rms_cm']:.0f} cm⁻¹",
            "reference": one["reference"],
            "computed": one["computed"],
        }
        for record in require(results.of("crystal_modes"), "Raman modes of crystals")
        for one in record.results["calibration"]
    ]
    return plot_parity(rows, path)


def _declared() -> tuple[QuantityInfo, ...]:
    return known(*UNITS, *BANDS, "zro6_a1g_position", "lio6_share")


VIBRATIONS = Stage(
    name="vibrations",
    version=1,
    run=_vibrations,
    jobs=_jobs,
    cost=_cost,
    table="vibrations",
    Settings=VibrationSettings,
    optional=True,
    quantities=_declared(),
    caveats=_caveats,
    figures={
        "vibrations": StudyFigure(
            _draw_densities,
            "Vibrational densities of states",
            "Harmonic, of the minimised glasses, by element; shaded: spread over seeds.",
        ),
        "unit_spectra": StudyFigure(
            _draw_units,
            "Spectra of building units",
            "Weight of the symmetry coordinates of units in the modes, each of unit area; shaded: spread over seeds. "
            "The root of their second moment is no peak, and a Raman peak is another thing again.",
        ),
    },
)

CRYSTAL_MODES = Stage(
    name="crystal_modes",
    version=1,
    run=_crystal_modes,
    jobs=_crystal_jobs,
    cost=_crystal_cost,
    table="vibrations",
    needs=(),
    optional=True,
    beside_films=True,
    quantities=known("pyrochlore_eg_shift", "la2o3_eg", "la2o3_a1g", "la2o3_eg_high"),
    caveats=_crystal_caveats,
    figures={
        "raman_parity": StudyFigure(
            _draw_parity,
            "Raman modes of crystals",
            "Computed with the potential of the study, cells relaxed, over reference lines. Those of La2Zr2O7 are "
            "another calculation, those of La2O3 were measured.",
        )
    },
)
