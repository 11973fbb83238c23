"""Fluctuation electron microscopy of the glasses, and of glasses with pyrochlore clusters."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from alzmodel.compare.marks import fem_marks, fem_windows
from alzmodel.compare.quantities import QUANTITIES, known
from alzmodel.errors import InputError
from alzmodel.formats.notes import ReadingNote
from alzmodel.io import read_structure, write_structure
from alzmodel.limits import check_memory
from alzmodel.study.files import CURVES
from alzmodel.study.results import average, require, spread_into
from alzmodel.study.stage import Cost, Job, Stage, StageResult, StudyFigure, glass_frames, quantity
from alzmodel.study.store import Curve, curves_of, write_curves
from alzmodel.study.table import Positive, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ase import Atoms

    from alzmodel.compare.measured import Measured
    from alzmodel.progress import Progress
    from alzmodel.report.viewer import ModelView
    from alzmodel.scattering.fem.settings import FEMSettings
    from alzmodel.scattering.fem.variance import FEMResult
    from alzmodel.study.results import Results
    from alzmodel.study.stage import Work
    from alzmodel.study.store import Record

__all__ = ["FEM", "GLASS_AROUND", "NUCLEUS", "FEMStudySettings", "around_nucleus"]

NUCLEUS = "nucleus.extxyz"


GLASS_AROUND = 8.5
"""Å; around the nucleus that a FEM task leaves to be looked at. What is within a shell of the cut is not drawn."""


CLUSTER_ATOMS = 10_000
"""Drawn of a column with clusters: one cluster of 40 Å and what is around it."""


BYTES_OF_COLUMN_ATOM = 2000.0
"""Memory that an atom of a column takes while its waves are computed."""

ATOMS_A_VOLUME = 0.09
"""Atoms in an Å³ of oxide."""


class FEMInstrument(Table):
    """The microscope: keys of :class:`alzmodel.scattering.fem.settings.FEMSettings`."""

    energy_kev: Positive = 200.0
    """Electron energy, keV."""
    semi_angle_mrad: Positive = 0.51
    """Convergence semi-angle of the probe, mrad."""
    probe_fwhm: Positive | None = Field(default=None, examples=[22.0])
    """Width of the probe in focus, Å, in place of the semi-angle."""
    defocus: Annotated[float, Field(allow_inf_nan=False, strict=True)] = 0.0
    """Å."""
    source_fwhm: Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)] = 0.0
    """FWHM of the effective source (coherence), Å."""
    ring_width: Positive = 0.1
    """nm⁻¹; V depends on it."""

    def settings(self) -> FEMSettings:
        """Return the instrument that FEM computes with.

        Raises
        ------
        InputError
            If a value is out of range.
        """
        from alzmodel.scattering.fem.settings import FEMSettings, semi_angle_of

        given = self.model_dump(exclude={"probe_fwhm"})
        if self.probe_fwhm is not None:
            given["semi_angle_mrad"] = semi_angle_of(self.probe_fwhm, self.energy_kev)
        return FEMSettings(**given)


class FEMObserved(Table):
    """V as the microscope records it, and the two readings of its peaks that need no order. Off unless `on` is true."""

    on: bool = False
    """Whether it is computed."""
    film: Positive = 300.0
    """Å; thickness of the film, assumed."""
    membrane: Annotated[float, Field(ge=0, le=1e4, allow_inf_nan=False, strict=True)] = 100.0
    """Å of amorphous Si3N4 under it; 10 nm in Zhu et al. (2024)."""
    filtered: bool = False
    """Whether a zero-loss filter was in."""


class FEMStudySettings(Table):
    """Columns for fluctuation microscopy: of glass, of gas, and of glass with pyrochlore clusters."""

    columns: Annotated[int, Field(ge=1, le=1000, strict=True)] = 3
    """Columns of glass, and of glass with clusters, for every model."""
    width: Annotated[float, Field(ge=120, le=1000, allow_inf_nan=False, strict=True)] = 130.0
    """Å; at least 120, since a 2.2 nm probe has tails."""
    thickness: Annotated[float, Field(ge=5, le=1000, allow_inf_nan=False, strict=True)] = 50.0
    """Å along the beam."""
    cluster_diameter: Annotated[float, Field(ge=6, le=1000, allow_inf_nan=False, strict=True)] = 40.0
    """Å; assumed, of the pyrochlore clusters."""
    cluster_fraction: Annotated[float, Field(gt=0, lt=1, strict=True)] = 0.2
    """Volume fraction of the clusters; assumed."""
    lattice_parameter: Annotated[float, Field(ge=5, le=20, allow_inf_nan=False, strict=True)] = 10.805
    """Å; the measured one of La2Zr2O7, assumed for the clusters."""
    instrument: FEMInstrument = FEMInstrument()
    """The microscope; that of Zhu et al. (2024) if nothing is said."""
    observed: FEMObserved = FEMObserved()
    """As the microscope records it."""

    def task_inputs(self) -> dict[str, Any]:
        """Return what the results depend on; of the instrument only what differs from the usual one.

        Raises
        ------
        InputError
            If the instrument is not possible, or its probe wider than the columns hold.
        """
        from alzmodel.scattering.fem.settings import WALKED_OFF

        instrument = self.instrument.settings()
        if self.width < instrument.min_width:
            raise InputError(
                f"fem.width: {self.width:g} Å for a probe of {instrument.probe_fwhm:.1f} Å; allowed: at least "
                f"{math.ceil(instrument.min_width)} Å"
            )
        changed = self.instrument.model_dump(exclude_defaults=True)
        inputs = self.model_dump(exclude={"instrument", "observed"})
        inputs |= {"instrument": changed} if changed else {}
        # Results of thick columns depend on how beams that walk off are treated, which was not always so.
        inputs |= {"walk_off": "slabs"} if self.thickness > WALKED_OFF else {}
        return inputs | ({"observed": self.observed.model_dump(exclude={"on"})} if self.observed.on else {})

    @model_validator(mode="after")
    def _there_is_memory(self) -> FEMStudySettings:
        atoms = ATOMS_A_VOLUME * self.width**2 * self.thickness
        what = f"columns of {self.width:g} × {self.width:g} × {self.thickness:g} Å"
        check_memory(what, BYTES_OF_COLUMN_ATOM * atoms)
        return self


def _fem(work: Work) -> StageResult:
    """Normalised variance of the glass, of a gas of its ions, and of the glass with pyrochlore clusters."""
    from alzmodel.models.specimen import Clusters, Specimen
    from alzmodel.scattering.fem.fit import fit_fem_peaks
    from alzmodel.scattering.fem.readings import read_peaks
    from alzmodel.scattering.fem.variance import fem

    inputs = work.inputs
    n, model = inputs["columns"], inputs["model"]
    instrument = FEMInstrument(**inputs.get("instrument", {})).settings()
    glass = Specimen(inputs["thickness"], instrument.min_width, inputs["width"])
    clusters = Clusters(
        inputs["cluster_diameter"],
        inputs["cluster_fraction"],
        lattice_parameter=inputs["lattice_parameter"],
    )
    frames = glass_frames(work)
    # Of its own for every column of every glass, and the same whenever it is made again.
    seed = np.random.SeedSequence([model["seed"], round(1000 * model["la"])])
    kinds: dict[str, list[Atoms]] = {"glass": list(glass.columns(frames, n, seed))}
    work.progress(0.2, "columns of glass")
    kinds["gas"] = list(glass.control(frames, n, seed))
    work.progress(0.35, "columns of gas")
    kinds["glass-ceramic"] = list(replace(glass, clusters=clusters).dressed(kinds["glass"], seed))
    write_structure(around_nucleus(kinds["glass-ceramic"][0]), work.folder / NUCLEUS)
    found: dict[str, FEMResult] = {}
    for position, (kind, columns) in enumerate(kinds.items()):
        found[kind] = fem(columns, instrument, progress=_part(work.progress, 0.4 + 0.2 * position, 0.2))
    curves: dict[str, Curve] = {}
    for kind, result in found.items():
        curves |= curves_of(result, f"fem/{kind}")
    fits = {"gas": fit_fem_peaks(found["gas"], "two")}
    rows = []
    for kind, how in (("glass", "predicted"), ("glass-ceramic", "assumed")):
        readings = read_peaks(kinds[kind], found[kind], gas=found["gas"], always=False, n_attributed=1)
        fits[kind] = readings.fit
        rows += [quantity(name, value, kind=how, source=kind) for name, value in readings.numbers().items()]
    results = {
        kind: {**_fem_results(result), "two_windows": fits[kind].to_dict()} for kind, result in found.items()
    }
    for kind, fit in fits.items():
        curves |= curves_of(fit, f"fem/{kind}/fit")
    if "observed" in inputs:
        found_rows, results["observed"], found_curves = _observed(
            kinds["glass"], found["glass"], inputs["observed"]
        )
        rows += found_rows
        curves |= found_curves
    write_curves(work.folder / CURVES, curves)
    return StageResult(rows, results)


def _observed(
    columns: Sequence[Atoms], result: FEMResult, given: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Curve]]:
    """Rows, results and curves of the glass alone as the microscope records it."""
    from alzmodel.scattering.fem.halo import read_halo
    from alzmodel.scattering.fem.observed import Incoherent
    from alzmodel.scattering.fem.recorded import record_columns, resolution_of

    incoherent = Incoherent(**given)
    recorded = record_columns(columns, result, incoherent)
    reading = read_halo(recorded.coherent, incoherent, resolution_of(result.settings))
    rows = [quantity(name, value, source="glass") for name, value in reading.numbers().items()]
    observed = recorded.to_dict()
    plain = {
        key: observed[key] for key in ("predicted", "nuisance", "peaks", "peaks_background", "peaks_bic")
    }
    halo = {"background": reading.background, "times_inelastic": reading.times_inelastic}
    return rows, plain | {"halo": halo}, curves_of(recorded.observed, "fem/observed")


def around_nucleus(column: Atoms) -> Atoms:
    """Cut the first cluster of a column out, with the glass next to it: a model to look at.

    Parameters
    ----------
    column
        From :func:`alzmodel.models.columns.embed_clusters`.

    Returns
    -------
    ase.Atoms
        Not periodic; the cluster lies whole in the middle of a cube, `GLASS_AROUND` from each face (or in as much of it
        as the column has), in the cell of the column.
    """
    own = column.arrays["cluster"] == 1
    cell = column.cell.lengths()
    # Around its first atom, since a cluster may reach across the edge of the cell.
    from_first = column.positions - column.positions[own][0]
    positions = column.positions - np.where(column.pbc, np.round(from_first / cell) * cell, 0.0)
    centre = positions[own].mean(axis=0)
    positions -= np.where(column.pbc, np.round((positions - centre) / cell) * cell, 0.0)
    half = np.abs(positions[own] - centre).max() + GLASS_AROUND
    column = column.copy()
    column.positions, column.pbc = positions, False
    column.info["kind"] = "cut from a glass-ceramic column"
    return column[(np.abs(positions - centre) <= half).all(axis=1)]


def _part(progress: Progress, start: float, share: float) -> Progress:
    return lambda fraction, message: progress(start + share * fraction, message)


def _fem_results(result: FEMResult) -> dict[str, Any]:
    from alzmodel.scattering.fem.fit import fit_fem_peaks, with_peaks

    left_out = {"k", "variance", "variance_ci95", "variance_floor", "mean_intensity"}
    plain = with_peaks(result, fit_fem_peaks(result)).to_dict()
    return {key: value for key, value in plain.items() if key not in left_out}


def _drawn_curves(results: Results, kind: str) -> dict[str, Any]:
    drawn = {}
    for label, records in results.groups("fem").items():
        curves = [results.curves(record) for record in records]
        curve: dict[str, Any] = {"k": curves[0][f"fem/{kind}/k"].values}
        spread_into(curve, "variance", *average(curves, f"fem/{kind}/variance/omega", f"fem/{kind}/k"))
        drawn[label] = curve
    return drawn


def _drawn_fits(results: Results, kind: str) -> dict[str, Any]:
    """Average the fits of the published windows where every model of a composition shows a peak."""
    drawn = {}
    for label, records in results.groups("fem").items():
        if not all(record.results.get(kind, {}).get("two_windows", {}).get("peaks") for record in records):
            continue
        curves = [results.curves(record) for record in records]
        mean, _ = average(curves, f"fem/{kind}/fit/variance", f"fem/{kind}/fit/k")
        k = curves[0][f"fem/{kind}/fit/k"].values
        # The line is lifted between the windows.
        gaps = np.flatnonzero(np.diff(k) > 1.5 * np.median(np.diff(k))) + 1
        drawn[label] = {"k": np.insert(k, gaps, np.nan), "fit": np.insert(mean, gaps, np.nan)}
    return drawn


def _gas(results: Results) -> dict[str, Any]:
    """Average the control over all models: a gas is the same whatever it is made of."""
    curves = [results.curves(record) for record in require(results.of("fem"), "FEM")]
    mean, _ = average(curves, "fem/gas/variance/omega", "fem/gas/k")
    return {"random gas": {"k": curves[0]["fem/gas/k"].values, "variance": mean}}


def _draw_ceramics(results: Results, path: Path) -> tuple[Path, ...]:
    gas = _gas(results)
    curves = {
        f"with clusters (assumed), {label}": curve
        for label, curve in _drawn_curves(results, "glass-ceramic").items()
    }
    fits = {
        f"with clusters (assumed), {label}": fit
        for label, fit in _drawn_fits(results, "glass-ceramic").items()
    }
    return _plot(results, curves, gas, fits, path)


def _draw_glasses(results: Results, path: Path) -> tuple[Path, ...]:
    gas = _gas(results)
    curves = {f"glass, {label}": curve for label, curve in _drawn_curves(results, "glass").items()}
    fits = {f"glass, {label}": fit for label, fit in _drawn_fits(results, "glass").items()}
    return _plot(results, curves, gas, fits, path)


def _plot(
    results: Results, curves: dict[str, Any], gas: dict[str, Any], fits: dict[str, Any], path: Path
) -> tuple[Path, ...]:
    from alzmodel.report import figures

    return figures.plot_fem(
        curves | gas,
        path,
        controls=list(gas),
        fits=fits,
        measured_lines=fem_marks(results.measured),
        windows=fem_windows(results.measured),
    )


def _views(results: Results) -> Iterable[ModelView]:
    """Show the nucleus that the first task kept."""
    from alzmodel.report.viewer import CLUSTERS, model_view

    for record in results.of("fem"):
        cutoffs = results.cutoffs(record)
        if NUCLEUS not in record.files or not cutoffs:
            continue
        # A cluster that was cut into a glass is neither neutral nor free of short distances, and nobody asked.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReadingNote)
            atoms = read_structure(results.folder(record) / NUCLEUS)
        made = atoms.info["provenance"]["clusters"]
        sides = " × ".join(f"{side:g}" for side in atoms.cell.lengths())
        place = record.label.removeprefix("FEM ")
        note = (
            f"One of {made['n_clusters']} spheres of {made['phase']}, {made['diameter']:g} Å, put by hand into a "
            f"column of {sides} Å of {place}, with the glass next to it: the nucleus is assumed, it did not grow. "
            "The view is cut open."
        )
        yield model_view(
            atoms,
            f"glass with a nucleus (assumed), {place}",
            cutoffs=cutoffs,
            most=CLUSTER_ATOMS,
            focus=atoms.positions[atoms.arrays["cluster"] == 1].mean(axis=0),
            note=note,
            start={"colour": CLUSTERS, "cut": 50},
        )
        return


def _jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    yield Job("FEM", study["fem"].task_inputs())


def _cost(inputs: Mapping[str, Any], _: int) -> Cost:
    volume = inputs["columns"] * inputs["width"] ** 2 * inputs["thickness"]
    return Cost(3 * volume / (130**2 * 50), 1e6)


def _caveats(records: Sequence[Record], study: Mapping[str, Any], measured: Measured) -> Iterable[str]:
    fem = study["fem"]
    if not records:
        return
    scan = measured.methods.get("fem", {})
    # Without a probe, or patterns, there is nothing to set the columns against.
    probe = 10 * scan.get("probe_diameter_nm", math.inf)
    patterns = scan.get("patterns_per_scan_at_least", 0)
    places = fem.columns * (fem.width / probe) ** 2
    if places < patterns:
        yield (
            f"FEM columns for each model: {fem.columns}, or some {places:.0f} separate places of the "
            f"probe; a measured scan has at least {patterns:g}. Intervals are wide."
        )
    yield (
        "FEM with clusters, and the powder lines of the crystallite: size, number and lattice parameter are "
        "assumed, so positions and widths are too. They support no hypothesis."
    )


FEM = Stage(
    name="fem",
    version=4,
    run=_fem,
    jobs=_jobs,
    cost=_cost,
    table="fem",
    Settings=FEMStudySettings,
    quantities=known(*(name for name in QUANTITIES if name.startswith("fem_"))),
    figures={
        "fem": StudyFigure(
            _draw_ceramics,
            "FEM of glasses with pyrochlore clusters",
            "Size, number and lattice parameter of the clusters are assumed, so the positions of the peaks are too. "
            "The control is a random gas of the same ions. Grey: windows of the published fits; pale lines: "
            "fits; bands: standard deviation over models.",
        ),
        "fem_glass": StudyFigure(
            _draw_glasses,
            "FEM of the glasses alone",
            "Predicted. What does not stand above the random gas is no order. Bands: standard deviation over models.",
        ),
    },
    caveats=_caveats,
    views=_views,
)
