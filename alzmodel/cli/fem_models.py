"""``alzmodel fem MODEL``: the variance of models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from alzmodel.cli.costs import fem_cost, multislice_cost
from alzmodel.cli.curves import check_positive, each_file
from alzmodel.cli.fem_observed import check_observed, frames_of_column, incoherent_of
from alzmodel.cli.options.fem import Engine
from alzmodel.cli.output import show_progress
from alzmodel.errors import InputError
from alzmodel.formats.notes import tell
from alzmodel.io import check_writable
from alzmodel.results import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ase import Atoms

    from alzmodel.cli.costs import Cost
    from alzmodel.cli.options import Source
    from alzmodel.cli.options.fem import (
        AverageOptions,
        CameraOptions,
        ClusterOptions,
        ColumnOptions,
        InstrumentOptions,
        ObservedOptions,
        PeakOptions,
    )
    from alzmodel.compare.measured import Measured
    from alzmodel.models.specimen import Specimen
    from alzmodel.results import Result
    from alzmodel.scattering.fem.detector import Camera
    from alzmodel.scattering.fem.observed import Incoherent
    from alzmodel.scattering.fem.recorded import Recorded
    from alzmodel.scattering.fem.settings import FEMSettings
    from alzmodel.scattering.fem.variance import FEMResult

__all__ = ["fem_of_models", "measured_peaks"]

TILTS = 6


def fem_of_models(
    files: Sequence[Path],
    columns: ColumnOptions,
    instrument: InstrumentOptions,
    peaks: PeakOptions,
    clusters: ClusterOptions,
    averages: AverageOptions,
    camera: CameraOptions,
    observed: ObservedOptions,
    source: Source,
    max_atoms: int,
) -> dict[str, Any]:
    """FEM of structure files, for JSON."""
    from alzmodel.models.window import MAX_CAP, MIN_CAP
    from alzmodel.scattering.fem.average import tilts_of
    from alzmodel.scattering.fem.detector import Camera

    check_positive("--thickness", columns.thickness, 1000.0)
    _check_clusters(clusters)
    if averages.cap and not MIN_CAP <= averages.cap <= MAX_CAP:
        raise InputError(
            f"--cap {averages.cap:g}: out of range; allowed: {MIN_CAP:g} to {MAX_CAP:g}, or 0 for none"
        )
    check_observed(observed, clusters, averages)
    work = _FemWork(
        columns=columns,
        settings=_settings(instrument),
        engine=instrument.engine,
        peaks=peaks,
        clusters=clusters,
        averages=averages,
        camera=Camera(camera.electrons, camera.gain or 1.0, camera.readout, camera.psf, camera.binning),
        write_stack=camera.write_stack,
        tilts=tilts_of(averages.tilt, TILTS if averages.tilt else 0),
        observed=observed,
    )
    work.check(files)

    def cost(frames: list[Atoms]) -> Cost:
        if instrument.engine is Engine.MULTISLICE:
            return multislice_cost(frames, columns.thickness, columns.columns)
        # Frames are averaged one by one.
        times = len(frames) if observed.observed else 1
        return fem_cost(frames, thickness=columns.thickness, columns=columns.columns * times)

    result = each_file(files, work, max_atoms=max_atoms, cost=cost, source=source)
    if clusters.readings:
        from alzmodel.compare.rivals import rival_numbers

        numbers = result["readings"]["numbers"]
        result["readings"]["rivals"] = [row.to_dict() for row in rival_numbers(numbers)]
    return result


def _check_clusters(clusters: ClusterOptions) -> None:
    if clusters.cluster_diameter is not None:
        check_positive("--cluster-diameter", clusters.cluster_diameter, 1000.0)
    fraction = clusters.cluster_fraction
    if not 0 < fraction < 1:
        raise InputError(f"--cluster-fraction {fraction:g}: out of range; allowed: above 0, below 1")


def _settings(instrument: InstrumentOptions) -> FEMSettings:
    from alzmodel.scattering.fem.settings import FEMSettings, semi_angle_of

    probe = instrument.probe_fwhm
    return FEMSettings(
        energy_kev=instrument.energy,
        semi_angle_mrad=instrument.semi_angle if probe is None else semi_angle_of(probe, instrument.energy),
        defocus=instrument.defocus,
        source_fwhm=instrument.source_fwhm,
        ring_width=instrument.ring_width,
    )


@dataclass(frozen=True)
class _FemWork:
    """FEM of the frames of one file, with what was asked for."""

    columns: ColumnOptions
    settings: FEMSettings
    engine: Engine
    peaks: PeakOptions
    clusters: ClusterOptions
    averages: AverageOptions
    camera: Camera
    write_stack: Path | None
    tilts: tuple[tuple[float, float], ...]
    observed: ObservedOptions

    @property
    def only(self) -> tuple[str, ...]:
        """Elements that scatter; none named: all of them."""
        text = self.clusters.only
        return () if text is None else tuple(part.strip() for part in text.split(","))

    def check(self, files: Sequence[Path]) -> None:
        """Refuse options that do not go together, and files that cannot be written."""
        from alzmodel.scattering.fem.average import MIN_COLUMNS

        until, most, plot = self.averages.until, self.columns.columns, self.clusters.plot
        if self.engine is Engine.MULTISLICE and (
            self.averages.tilt or until is not None or self.observed.observed
        ):
            raise InputError("--engine multislice: with --tilt, --until or --observed; allowed: without them")
        if until is not None and most < MIN_COLUMNS:
            raise InputError(f"--columns {most}: with --until; allowed: at least {MIN_COLUMNS}")
        if self.observed.decide and len(files) > 1:
            raise InputError(f"--decide: {len(files)} models; allowed: one")
        if self.write_stack is not None:
            _check_write_stack(self.write_stack, files)
        if plot is None and self.clusters.measured is not None:
            raise InputError(f"--measured {self.clusters.measured}: without --plot; allowed: with it")
        if plot is not None:
            from alzmodel.compare.measured import load_measured

            load_measured(self.clusters.measured)
            if len(files) > 1:
                raise InputError(f"--plot {plot}: {len(files)} models; allowed: one")
            from alzmodel.report.drawing import files_of

            for file in files_of(plot):
                check_writable(file)

    def __call__(self, frames: list[Atoms]) -> Result:
        from alzmodel.neighbours import check_apart
        from alzmodel.scattering.fem.average import fem_converged
        from alzmodel.scattering.fem.fit import fit_fem_peaks, with_peaks
        from alzmodel.scattering.fem.variance import fem

        models: list[Atoms] = []
        for number, frame in enumerate(frames):
            check_apart(frame, number)
        if self.observed.observed:
            frames = frames_of_column(frames, self.observed)
        specimen = self._specimen()
        source = self._scattering(specimen.columns(frames, self.columns.columns, self.columns.seed))
        note = specimen.note(frames) + (f"; only {', '.join(self.only)} scatter" if self.only else "")
        with show_progress("fem") as progress:
            if self.averages.until is None and len(self.tilts) == 1 and not self.observed.observed:
                models = list(source)
                result = fem(models, self.settings, engine=self.engine.value, progress=progress)
            else:
                result = fem_converged(
                    _kept(source, models),
                    self.settings,
                    relative_error=self.averages.until,
                    most=self.columns.columns,
                    tilts=self.tilts,
                    progress=progress,
                )
        tell("; ".join(part for part in (note, result.note) if part))
        if self.write_stack is not None:
            from alzmodel.scattering.fem.detector import simulate_stack, write_stack

            stack = simulate_stack(models[0], self.settings, self.camera, seed=self.columns.seed)
            write_stack(stack, self.write_stack, self.camera)
            tell(f"{self.write_stack}: {stack.n_patterns} patterns, {stack.pixel_size:.4f} 1/nm a pixel")
        peaks = self.peaks
        fitted = with_peaks(result, fit_fem_peaks(result, peaks.fit.value, shape=peaks.shape.value))
        found = together(fitted, {"note": note})
        if self.observed.observed:
            return together(found, {"observed": self._record(frames, models, result)})
        if self.clusters.readings:
            return together(found, {"readings": self._read(frames, models, result)})
        if self.clusters.plot is not None:
            from alzmodel.report.figures import plot_fem

            low, high = result.variance_ci95["omega"].T
            curve = {"k": result.k, "variance": result.variance["omega"], "low": low, "high": high}
            floor = {"k": result.k, "variance": result.floor}
            plot_fem({"model": curve, "no order": floor}, self.clusters.plot, controls=["no order"])
        return found

    def _record(self, frames: list[Atoms], columns: list[Atoms], result: FEMResult) -> Result:
        """Turn V into V as recorded, and draw it."""
        from alzmodel.compare.measured import load_measured
        from alzmodel.scattering.fem.recorded import record_columns

        incoherent = incoherent_of(self.observed, self.camera.electrons)
        recorded = record_columns(columns, result, incoherent, shape=self.peaks.shape.value)
        if self.clusters.plot is not None:
            from alzmodel.report.observed_figure import plot_recorded

            plot_recorded(
                result,
                recorded,
                self.clusters.plot,
                measured=measured_peaks(load_measured(self.clusters.measured)),
            )
        if self.observed.decide:
            return together(recorded, {"deciding": self._decide(frames, recorded, incoherent)})
        return recorded

    def _decide(self, frames: list[Atoms], recorded: Recorded, incoherent: Incoherent) -> Result:
        """Lay the readings beside each other; with spheres in the columns, the glass is computed without them too."""
        from alzmodel.scattering.fem.average import fem_converged
        from alzmodel.scattering.fem.deciding import decide
        from alzmodel.scattering.fem.observed import coherent_of, film_of
        from alzmodel.scattering.fem.recorded import resolution_of

        glass, spheres = recorded.coherent, None
        if self.clusters.cluster_diameter is not None:
            spheres = glass
            bare = replace(self._specimen(), clusters=None)
            columns = list(bare.columns(frames, self.columns.columns, self.columns.seed))
            alone = fem_converged(columns, self.settings, relative_error=None, most=len(columns))
            glass = coherent_of(alone.moments, self.settings, *film_of(columns))
        return decide(
            glass, incoherent, resolution_of(self.settings), spheres=spheres, seed=self.columns.seed
        )

    def _specimen(self) -> Specimen:
        from alzmodel.models.specimen import Clusters, Specimen

        diameter = self.clusters.cluster_diameter
        return Specimen(
            thickness=self.columns.thickness,
            min_width=self.settings.min_width,
            clusters=None if diameter is None else Clusters(diameter, self.clusters.cluster_fraction),
            cap=self.averages.cap,
        )

    def _scattering(self, columns: Iterable[Atoms]) -> Iterator[Atoms]:
        """Leave out of columns what shall not scatter."""
        from alzmodel.scattering.fem.attribution import only_elements

        for column in columns:
            yield only_elements([column], self.only)[0] if self.only else column

    def _read(self, frames: list[Atoms], columns: list[Atoms], result: FEMResult) -> Result:
        """Gather what tells bonds from reflections, and draw it."""
        from alzmodel.compare.measured import load_measured
        from alzmodel.scattering.fem.readings import bond_lengths, read_peaks
        from alzmodel.scattering.fem.variance import fem

        gas = list(self._scattering(self._specimen().control(frames, len(columns), self.columns.seed)))
        with show_progress("readings") as progress:
            readings = read_peaks(
                columns,
                result,
                gas_columns=gas[:1],
                gas=fem(gas, self.settings, n_bootstrap=0),
                bonds=bond_lengths(frames),
                progress=progress,
            )
        if self.clusters.plot is not None:
            from alzmodel.report.readings_figure import plot_readings

            plot_readings(
                readings, self.clusters.plot, measured=measured_peaks(load_measured(self.clusters.measured))
            )
        return together(readings, {"numbers": readings.numbers()})


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
