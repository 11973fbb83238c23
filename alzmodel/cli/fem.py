"""``alzmodel fem``: fluctuation electron microscopy of models and of measured patterns."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.costs import fem_cost
from alzmodel.cli.curves import (
    Against,
    Figure,
    Files,
    Json,
    MaxAtoms,
    Window,
    check_positive,
    each_file,
    lay_over_measured,
    measured_curve,
)
from alzmodel.cli.numbers import real, whole
from alzmodel.cli.output import print_json, print_table, say, show_progress
from alzmodel.errors import InputError
from alzmodel.io import check_writable
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ase import Atoms

    from alzmodel.compare.measured import Measured
    from alzmodel.models.specimen import Specimen
    from alzmodel.scattering.fem.detector import Camera
    from alzmodel.scattering.fem.stack import Geometry
    from alzmodel.scattering.fem.variance import FEMResult, FEMSettings

__all__ = ["register"]

CAMERA = "Camera"
AVERAGES = "Specimen and averages"
CLUSTERS = "Clusters and what makes the peaks"
TILTS = 6
STACKS = "Measured stacks"


class Engine(StrEnum):
    """How often an electron may scatter: once, or as often as it does."""

    KINEMATIC = "kinematic"
    MULTISLICE = "multislice"


class Fit(StrEnum):
    """Which peaks of V are fitted."""

    FOUR = "four"
    TWO = "two"
    FREE = "free"


class PeakShape(StrEnum):
    """Profile of a peak of V."""

    GAUSSIAN = "gaussian"
    PSEUDO_VOIGT = "pseudo-voigt"


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(fem)


def fem(
    files: Files,
    thickness: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Thickness of the column in Å.")
    ] = 50.0,
    seed: Annotated[
        int, typer.Option(parser=whole, metavar="INTEGER", help="Random seed of the columns that are made.")
    ] = 1,
    columns: Annotated[
        int, typer.Option(parser=whole, metavar="INTEGER", help="Columns or orientations to average.")
    ] = 4,
    energy: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Electron energy in keV.")
    ] = 200.0,
    semi_angle: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Convergence semi-angle in mrad.")
    ] = 0.51,
    probe_fwhm: Annotated[
        float | None,
        typer.Option(
            parser=real, metavar="FLOAT", help="Width of the probe in focus in Å, in place of --semi-angle."
        ),
    ] = None,
    defocus: Annotated[float, typer.Option(parser=real, metavar="FLOAT", help="Defocus in Å.")] = 0.0,
    source_fwhm: Annotated[
        float,
        typer.Option(parser=real, metavar="FLOAT", help="FWHM of the effective source (coherence) in Å."),
    ] = 0.0,
    ring_width: Annotated[
        float,
        typer.Option(parser=real, metavar="FLOAT", help="Width of the rings in 1/nm; V depends on it."),
    ] = 0.1,
    engine: Annotated[
        Engine, typer.Option(help="Single scattering, or abTEM's multislice if it is installed.")
    ] = Engine.KINEMATIC,
    fit: Annotated[
        Fit, typer.Option(help="Four pyrochlore reflections, the paper's two windows, or what stands out.")
    ] = Fit.FOUR,
    shape: Annotated[PeakShape, typer.Option(help="Profile of the fitted peaks.")] = PeakShape.GAUSSIAN,
    readings: Annotated[
        bool,
        typer.Option(
            "--readings",
            help="Also gather what tells a bond from a reflection: shares of pairs, widths, thickness.",
            rich_help_panel=CLUSTERS,
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="G",
            help="Draw V(k), with --readings also the pairs that make it: .png, .svg, .pdf, .csv.",
            rich_help_panel=CLUSTERS,
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="ELEMENTS", help="Let only these scatter, such as Zr,O.", rich_help_panel=CLUSTERS
        ),
    ] = None,
    cluster_diameter: Annotated[
        float | None,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Put La2Zr2O7 spheres of this diameter in Å into the columns.",
            rich_help_panel=CLUSTERS,
        ),
    ] = None,
    cluster_fraction: Annotated[
        float,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Volume fraction of the spheres.",
            rich_help_panel=CLUSTERS,
        ),
    ] = 0.1,
    cap: Annotated[
        float,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Å of amorphous Si3N4 behind the specimen; 100 under the films of the paper.",
            rich_help_panel=AVERAGES,
        ),
    ] = 0.0,
    tilt: Annotated[
        float,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Degrees by which the beam is tilted too, in six directions.",
            rich_help_panel=AVERAGES,
        ),
    ] = 0.0,
    until: Annotated[
        float | None,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Take columns until the bootstrap error of V is this part of it, --columns at most.",
            rich_help_panel=AVERAGES,
        ),
    ] = None,
    write_stack: Annotated[
        Path | None,
        typer.Option(metavar="G", help="Also write the patterns of the first column: .npy, .h5, .hspy."),
    ] = None,
    electrons: Annotated[
        float,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Electrons a pattern: shot noise in --write-stack.",
            rich_help_panel=CAMERA,
        ),
    ] = 0.0,
    gain: Annotated[
        float,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Counts per electron; for a measured stack this turns on the correction of shot noise.",
            rich_help_panel=CAMERA,
        ),
    ] = 0.0,
    readout: Annotated[
        float,
        typer.Option(
            parser=real, metavar="FLOAT", help="Noise of a pixel in counts.", rich_help_panel=CAMERA
        ),
    ] = 0.0,
    psf: Annotated[
        float,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="FWHM of the point spread (MTF) in pixels.",
            rich_help_panel=CAMERA,
        ),
    ] = 0.0,
    binning: Annotated[
        int,
        typer.Option(
            parser=whole,
            metavar="INTEGER",
            help="Lattice points 1/width of the column that a pixel of --write-stack sums.",
            rich_help_panel=CAMERA,
        ),
    ] = 1,
    pixel_size: Annotated[
        float | None,
        typer.Option(parser=real, metavar="FLOAT", help="1/nm, of a measured stack.", rich_help_panel=STACKS),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Name of the patterns inside an HDF5 file.", rich_help_panel=STACKS)
    ] = None,
    center: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="x and y of the direct beam in pixels; found if not given.", rich_help_panel=STACKS
        ),
    ] = None,
    ellipse: Annotated[
        bool, typer.Option(help="Whether to undo the ellipse of the rings.", rich_help_panel=STACKS)
    ] = True,
    against: Against = None,
    window: Window = None,
    figure: Figure = None,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Fluctuation electron microscopy: normalised variance over all probe positions.

    F is a model, or a stack of measured nanodiffraction patterns (.npy, .h5, .hspy, .mib, .dm4, .blo, …).
    """
    from alzmodel.scattering.fem.average import LEAST, tilts_of
    from alzmodel.scattering.fem.detector import Camera
    from alzmodel.scattering.fem.settings import semi_angle_of
    from alzmodel.scattering.fem.stack import Geometry, is_stack
    from alzmodel.scattering.fem.variance import FEMSettings

    measured = measured_curve(against, "k", figure=figure, window=window)
    stacks = [is_stack(path) for path in files]
    if any(stacks):
        of_models = (
            write_stack,
            plot,
            only,
            cluster_diameter,
            readings or None,
            cap or None,
            tilt or None,
            until,
        )
        if len(files) > 1 or any(option is not None for option in of_models):
            raise InputError(
                f"{files[stacks.index(True)]}: a stack of patterns among {len(files)} files; allowed: one stack alone, "
                "without the options of models"
            )
        camera = Camera(electrons=float(gain > 0), gain=gain or 1.0, readout=readout, psf_fwhm=psf)
        geometry = None if center is None else Geometry(center)
        result = _measured_stack(
            files[0], pixel_size, dataset, ring_width, geometry, ellipse, camera, fit, shape
        )
    else:
        check_positive("--thickness", thickness, 1000.0)
        _check_clusters(cluster_diameter, cluster_fraction)
        settings = FEMSettings(
            energy_kev=energy,
            semi_angle_mrad=semi_angle if probe_fwhm is None else semi_angle_of(probe_fwhm, energy),
            defocus=defocus,
            source_fwhm=source_fwhm,
            ring_width=ring_width,
        )
        camera = Camera(electrons, gain or 1.0, readout, psf, binning)
        work = _FemWork(
            thickness=thickness,
            columns=columns,
            seed=seed,
            settings=settings,
            engine=engine,
            fit=fit,
            shape=shape,
            write_stack=write_stack,
            camera=camera,
            readings=readings,
            plot=plot,
            only=tuple(part.strip() for part in only.split(",")) if only is not None else (),
            clusters=None if cluster_diameter is None else (cluster_diameter, cluster_fraction),
            cap=cap,
            tilts=tilts_of(tilt, TILTS if tilt else 0),
            until=until,
        )
        if engine is Engine.MULTISLICE and (tilt or until is not None):
            raise InputError("--engine multislice: with --tilt or --until; allowed: without them")
        if until is not None and columns < LEAST:
            raise InputError(f"--columns {columns}: with --until; allowed: at least {LEAST}")
        if write_stack is not None:
            _check_write_stack(write_stack, files)
        if plot is not None:
            if len(files) > 1:
                raise InputError(f"--plot {plot}: {len(files)} models; allowed: one")
            from alzmodel.report.drawing import files_of

            for file in files_of(plot):
                check_writable(file)
        cost = functools.partial(fem_cost, thickness=thickness, columns=columns)
        result = each_file(files, work, max_atoms=max_atoms, cost=cost)
        if readings:
            from alzmodel.compare.rivals import rival_numbers

            result["readings"]["rivals"] = [
                row.to_dict() for row in rival_numbers(result["readings"]["numbers"])
            ]
    lay_over_measured(
        result, measured, "k", result["variance"]["omega"], 0, as_json, figure=figure, window=window
    )
    if as_json:
        print_json(result)
        return
    _print_peaks(result)
    if "readings" in result:
        _print_readings(result["readings"])


def _check_clusters(diameter: float | None, fraction: float) -> None:
    if diameter is not None:
        check_positive("--cluster-diameter", diameter, 1000.0)
    if not 0 < fraction < 1:
        raise InputError(f"--cluster-fraction {fraction:g}: out of range; allowed: above 0, below 1")


@dataclass(frozen=True)
class _FemWork:
    """FEM of the frames of one file, with what was asked for."""

    thickness: float
    columns: int
    seed: int
    settings: FEMSettings
    engine: Engine
    fit: Fit
    shape: PeakShape
    write_stack: Path | None
    camera: Camera
    readings: bool
    plot: Path | None
    only: tuple[str, ...]
    clusters: tuple[float, float] | None
    cap: float
    tilts: tuple[tuple[float, float], ...]
    until: float | None

    def __call__(self, frames: list[Atoms]) -> dict[str, Any]:
        from alzmodel.neighbours import check_apart
        from alzmodel.scattering.fem.average import fem_until
        from alzmodel.scattering.fem.fit import fit_fem_peaks, with_peaks
        from alzmodel.scattering.fem.variance import fem

        check_apart(frames[-1], len(frames) - 1)
        models: list[Atoms] = []
        specimen = self._specimen()
        source = self._scattering(specimen.columns(frames, self.columns, self.seed))
        note = specimen.note(frames) + (f"; only {', '.join(self.only)} scatter" if self.only else "")
        with show_progress("fem") as progress:
            if self.until is None and len(self.tilts) == 1:
                models = list(source)
                result = fem(models, self.settings, engine=self.engine.value, progress=progress)
            else:
                result = fem_until(
                    _kept(source, models),
                    self.settings,
                    relative_error=self.until,
                    most=self.columns,
                    tilts=self.tilts,
                    progress=progress,
                )
        say("alzmodel: " + "; ".join(part for part in (note, result.note) if part))
        if self.write_stack is not None:
            from alzmodel.scattering.fem.detector import simulate_stack, write_stack

            stack = simulate_stack(models[0], self.settings, self.camera, seed=self.seed)
            write_stack(stack, self.write_stack, self.camera)
            say(
                f"alzmodel: {self.write_stack}: {stack.n_patterns} patterns, {stack.pixel_size:.4f} 1/nm a pixel"
            )
        fitted = fit_fem_peaks(result, self.fit.value, shape=self.shape.value)
        found = {**with_peaks(result, fitted), "note": note}
        if self.readings:
            found["readings"] = self._read(frames, models, result)
        elif self.plot is not None:
            from alzmodel.report.figures import plot_fem

            low, high = result.variance_ci95["omega"].T
            curve = {"k": result.k, "variance": result.variance["omega"], "low": low, "high": high}
            floor = {"k": result.k, "variance": result.floor}
            plot_fem({"model": curve, "no order": floor}, self.plot, controls=["no order"])
        return found

    def _specimen(self) -> Specimen:
        from alzmodel.models.specimen import Clusters, Specimen

        return Specimen(
            thickness=self.thickness,
            min_width=self.settings.min_width,
            clusters=None if self.clusters is None else Clusters(*self.clusters),
            cap=self.cap,
        )

    def _scattering(self, columns: Iterable[Atoms]) -> Iterator[Atoms]:
        """Leave out of columns what shall not scatter."""
        from alzmodel.scattering.fem.attribution import only_elements

        for column in columns:
            yield only_elements([column], self.only)[0] if self.only else column

    def _read(self, frames: list[Atoms], columns: list[Atoms], result: FEMResult) -> dict[str, Any]:
        """Gather what tells bonds from reflections, and draw it."""
        from alzmodel.compare.measured import load_measured
        from alzmodel.scattering.fem.readings import bond_lengths, read_peaks
        from alzmodel.scattering.fem.variance import fem

        gas = list(self._scattering(self._specimen().control(frames, len(columns), self.seed)))
        with show_progress("readings") as progress:
            readings = read_peaks(
                columns,
                result,
                gas_columns=gas[:1],
                gas=fem(gas, self.settings, n_bootstrap=0),
                bonds=bond_lengths(frames),
                progress=progress,
            )
        if self.plot is not None:
            from alzmodel.report.readings_figure import plot_readings

            plot_readings(readings, self.plot, measured=measured_peaks(load_measured()))
        return {**readings.to_dict(), "numbers": readings.numbers()}


def _kept(columns: Iterable[Atoms], kept: list[Atoms]) -> Iterator[Atoms]:
    """Hand columns on, and keep them."""
    for column in columns:
        kept.append(column)
        yield column


def _check_write_stack(path: Path, files: Sequence[Path]) -> None:
    from alzmodel.scattering.fem.detector import check_stack_path

    if len(files) > 1:
        raise InputError(f"--write-stack {path}: {len(files)} models; allowed: one")
    check_stack_path(path)
    check_writable(path)


def _measured_stack(
    path: Path,
    pixel_size: float | None,
    dataset: str | None,
    ring_width: float,
    geometry: Geometry | None,
    ellipse: bool,
    camera: Camera,
    fit: Fit,
    shape: PeakShape,
) -> dict[str, Any]:
    from alzmodel.scattering.fem.fit import fit_stack_peaks, with_peaks
    from alzmodel.scattering.fem.stack import measure_stack, read_stack

    stack = read_stack(path, pixel_size=pixel_size, dataset=dataset)
    result = measure_stack(stack, ring_width=ring_width, geometry=geometry, ellipse=ellipse, camera=camera)
    found = result.geometry
    say(
        f"alzmodel: {path}: {result.n_patterns} patterns, centre ({found.center[0]:.2f}, {found.center[1]:.2f}), "
        f"rings {found.ratio:.4f} as long as wide, long axis at {found.angle:.0f}°"
    )
    return with_peaks(result, fit_stack_peaks(result, fit.value, shape=shape.value))


def measured_peaks(measured: Measured) -> list[tuple[str, float, float]]:
    """La content in words, position and width in nm⁻¹ of the measured FEM peaks that have both."""
    found = []
    for number in (1, 2):
        values = {
            name: {
                one.x: one.value
                for one in measured.values
                if one.series == f"fem_peak{number}_{name}" and one.value is not None
            }
            for name in ("k", "fwhm")
        }
        found += [
            (f"measured, x = {x:g}", k, values["fwhm"][x])
            for x, k in values["k"].items()
            if x in values["fwhm"]
        ]
    return found


def _print_readings(readings: Mapping[str, Any]) -> None:
    rows: list[tuple[Any, ...]] = []
    for row in readings["rivals"]:
        unit = f" ({row['unit']})" if row["unit"] else ""
        rows.append(
            (
                row["quantity"] + unit,
                row["value"],
                *(
                    f"{claim}: {_ANSWER[met]}" if claim else None
                    for claim, met in zip(row["claims"], row["met"], strict=True)
                ),
            )
        )
    if readings["peaks"][0]["shares_regions"] is not None:
        say("alzmodel: clusters were put in: what follows from them is assumed and supports neither reading")
    first, second = readings["rivals"][0]["ids"]
    print_table(
        "bond or reflection",
        ("", "value", f"bonds ({first})", f"pyrochlore reflections ({second})"),
        rows,
    )
    for number, claimed in enumerate(("bonds", "reflections")):
        asked = [row["met"][number] for row in readings["rivals"] if row["claims"][number]]
        say(
            f"alzmodel: {sum(met is True for met in asked)} of {len(asked)} expectations of {claimed} are met"
        )


_ANSWER = {True: "yes", False: "no", None: "no number"}


def _print_peaks(result: Mapping[str, Any]) -> None:
    if not result["peaks"]:
        say("alzmodel: no peak of V stands above what a structure without order shows")
        return
    names = ("peak", "k (1/nm)", "95 %", "d (Å)", "fwhm (1/nm)", "height")
    rows = [
        (peak["label"], peak["k"], _interval(peak, "k"), peak["d"], peak["fwhm"], peak["height"])
        for peak in result["peaks"]
    ]
    print_table("peaks of the normalised variance", names, rows)


def _interval(peak: Mapping[str, Any], key: str) -> str:
    low, high = peak[f"{key}_ci95"]
    return f"{low:.3f} to {high:.3f}"
