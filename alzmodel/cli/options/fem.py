"""Options of ``alzmodel fem`` and ``inverse``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from alzmodel.cli.options import integer, number
from alzmodel.cli.options.study import Measured

__all__ = [
    "AverageOptions",
    "CameraOptions",
    "ClusterOptions",
    "ColumnOptions",
    "Engine",
    "Fit",
    "InstrumentOptions",
    "ObservedOptions",
    "PeakOptions",
    "PeakShape",
    "ScanOptions",
    "StackOptions",
]

CLUSTERS = "Clusters and what makes the peaks"
AVERAGES = "Specimen and averages"
CAMERA = "Camera"
POSTERIOR = "Posterior"
STACKS = "Measured stacks"
OBSERVED = "As the microscope records it"
_UNTIL = "Add columns until the bootstrap error of V is below this fraction of V; at most --columns."


class Engine(StrEnum):
    """How often an electron may scatter: once, or as often as it does."""

    KINEMATIC = "kinematic"
    MULTISLICE = "multislice"


class Fit(StrEnum):
    """Which peaks of V are fitted."""

    FOUR = "four"
    TWO = "two"
    FREE = "free"
    BROAD = "broad"


class PeakShape(StrEnum):
    """Profile of a peak of V."""

    GAUSSIAN = "gaussian"
    PSEUDO_VOIGT = "pseudo-voigt"


@dataclass(frozen=True, kw_only=True)
class ColumnOptions:
    """Columns of the specimen."""

    thickness: Annotated[float, number("Thickness of the column in Å.")] = 50.0
    seed: Annotated[int, integer("Random seed of the columns that are made.")] = 1
    columns: Annotated[int, integer("Columns or orientations to average.")] = 4


@dataclass(frozen=True, kw_only=True)
class InstrumentOptions:
    """The microscope."""

    energy: Annotated[float, number("Electron energy in keV.")] = 200.0
    semi_angle: Annotated[float, number("Convergence semi-angle in mrad.")] = 0.51
    probe_fwhm: Annotated[
        float | None, number("Width of the probe in focus in Å, in place of --semi-angle.")
    ] = None
    defocus: Annotated[float, number("Defocus in Å.")] = 0.0
    source_fwhm: Annotated[float, number("FWHM of the effective source (coherence) in Å.")] = 0.0
    ring_width: Annotated[float, number("Width of the rings in 1/nm; V depends on it.")] = 0.1
    engine: Annotated[
        Engine, typer.Option(help="Single scattering, or abTEM's multislice if it is installed.")
    ] = Engine.KINEMATIC


@dataclass(frozen=True, kw_only=True)
class PeakOptions:
    """Peaks that are fitted to V."""

    fit: Annotated[
        Fit,
        typer.Option(
            help="Four pyrochlore reflections, the paper's two windows, what stands out, or two broad peaks on a "
            "background."
        ),
    ] = Fit.FOUR
    shape: Annotated[PeakShape, typer.Option(help="Profile of the fitted peaks.")] = PeakShape.GAUSSIAN


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Clusters, and what makes the peaks."""

    readings: Annotated[
        bool,
        typer.Option(
            "--readings",
            help="Also gather what tells a bond from a reflection: shares of pairs, widths, thickness.",
            rich_help_panel=CLUSTERS,
        ),
    ] = False
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="G",
            help="Draw V(k), with --readings also the pairs that make it: .png, .svg, .pdf, .csv.",
            rich_help_panel=CLUSTERS,
        ),
    ] = None
    measured: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Measured values (TOML) whose peaks --plot marks; default: Zhu et al. 2024.",
            rich_help_panel=CLUSTERS,
        ),
    ] = None
    only: Annotated[
        str | None,
        typer.Option(
            metavar="ELEMENTS", help="Let only these scatter, such as Zr,O.", rich_help_panel=CLUSTERS
        ),
    ] = None
    cluster_diameter: Annotated[
        float | None, number("Put La2Zr2O7 spheres of this diameter in Å into the columns.", panel=CLUSTERS)
    ] = None
    cluster_fraction: Annotated[float, number("Volume fraction of the spheres.", panel=CLUSTERS)] = 0.1


@dataclass(frozen=True, kw_only=True)
class AverageOptions:
    """Cap of the specimen, and what is averaged."""

    cap: Annotated[
        float,
        number(
            "Thickness in Å of amorphous Si3N4 behind the specimen; the paper's films lie on 100.",
            panel=AVERAGES,
        ),
    ] = 0.0
    tilt: Annotated[
        float, number("Also tilt the beam by so many degrees, in six directions.", panel=AVERAGES)
    ] = 0.0
    until: Annotated[float | None, number(_UNTIL, panel=AVERAGES)] = None


@dataclass(frozen=True, kw_only=True)
class CameraOptions:
    """Patterns that are written, and the camera that records patterns."""

    write_stack: Annotated[
        Path | None,
        typer.Option(metavar="G", help="Also write the patterns of the first column: .npy, .h5, .hspy."),
    ] = None
    electrons: Annotated[float, number("Electrons a pattern: shot noise in --write-stack.", panel=CAMERA)] = (
        0.0
    )
    gain: Annotated[
        float,
        number(
            "Counts per electron; for a measured stack this turns on the correction of shot noise.",
            panel=CAMERA,
        ),
    ] = 0.0
    readout: Annotated[float, number("Noise of a pixel in counts.", panel=CAMERA)] = 0.0
    psf: Annotated[float, number("FWHM of the point spread (MTF) in pixels.", panel=CAMERA)] = 0.0
    binning: Annotated[
        int,
        integer("Lattice points 1/width of the column that a pixel of --write-stack sums.", panel=CAMERA),
    ] = 1


@dataclass(frozen=True, kw_only=True)
class ObservedOptions:
    """V as recorded: what follows from the specimen, and what nobody knows beforehand (nuisance)."""

    observed: Annotated[
        bool,
        typer.Option(
            "--observed",
            help="Also give V as recorded: inelastic and thermal scattering, membrane, background.",
            rich_help_panel=OBSERVED,
        ),
    ] = False
    film: Annotated[
        float | None, number("Thickness of the film in Å; that of the columns if left out.", panel=OBSERVED)
    ] = None
    membrane: Annotated[float, number("Å of amorphous Si3N4 under the film.", panel=OBSERVED)] = 0.0
    filtered: Annotated[
        bool,
        typer.Option(
            "--filtered", help="Zero-loss filter: no electron that lost energy.", rich_help_panel=OBSERVED
        ),
    ] = False
    temperature: Annotated[
        float | None,
        number("K of the measurement: motion of the frames of the file, scaled from theirs.", panel=OBSERVED),
    ] = None
    background: Annotated[
        float, number("Nuisance: background over what the atoms scatter without order.", panel=OBSERVED)
    ] = 0.0
    glare: Annotated[
        float, number("Nuisance: flat background over the mean of the rings.", panel=OBSERVED)
    ] = 0.0
    modes: Annotated[float, number("Nuisance: incoherent modes of the probe.", panel=OBSERVED)] = 1.0
    thickness_spread: Annotated[
        float, number("Nuisance: relative spread of thickness over the probed places.", panel=OBSERVED)
    ] = 0.0
    displacement: Annotated[
        float, number("Nuisance: rms motion of atoms under the beam in Å along an axis.", panel=OBSERVED)
    ] = 0.0
    decide: Annotated[
        bool,
        typer.Option(
            "--decide",
            help="What each reading of the peaks predicts for measurements that tell them apart.",
            rich_help_panel=OBSERVED,
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """A measured stack of patterns."""

    pixel_size: Annotated[
        float | None, number("Of a measured stack, in --pixel-unit; else what its file says.", panel=STACKS)
    ] = None
    pixel_size_y: Annotated[
        float | None, number("Of a pixel from row to row, where that is another size.", panel=STACKS)
    ] = None
    pixel_unit: Annotated[
        str | None,
        typer.Option(
            help="1/nm (usual), 1/A, q_nm^-1, q_A^-1 (q = 2π/d), mrad, deg (with --energy).",
            rich_help_panel=STACKS,
        ),
    ] = None
    dataset: Annotated[
        str | None, typer.Option(help="Name of the patterns inside an HDF5 file.", rich_help_panel=STACKS)
    ] = None
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Pixels that count (.npy, .h5, .png, .tif, .txt); zero ones are left out.",
            rich_help_panel=STACKS,
        ),
    ] = None
    auto_mask: Annotated[
        bool,
        typer.Option(
            "--auto-mask/--no-auto-mask",
            help="Whether to look for a beam stop, and for dead, hot and saturated pixels.",
            rich_help_panel=STACKS,
        ),
    ] = True
    center: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="x and y of the direct beam in pixels; found if not given.", rich_help_panel=STACKS
        ),
    ] = None
    ellipse: Annotated[
        bool, typer.Option(help="Whether to undo the ellipse of the rings.", rich_help_panel=STACKS)
    ] = True
    descan: Annotated[
        bool,
        typer.Option(
            help="Whether to follow the direct beam from pattern to pattern; not with --center.",
            rich_help_panel=STACKS,
        ),
    ] = True
    offset: Annotated[
        float, number("Counts of a pixel without electrons, to be taken off.", panel=STACKS)
    ] = 0.0


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """Axes and columns of an inverse scan."""

    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="Folder of the scan; the same command resumes."),
    ]
    diameters: Annotated[str, typer.Option(help="Diameters of the La2Zr2O7 spheres in Å.")] = (
        "8,12,16,20,30,40,60,80"
    )
    fractions: Annotated[str, typer.Option(help="Volume fractions of the spheres.")] = "0.05,0.1,0.2"
    displacements: Annotated[
        str, typer.Option(help="Rms displacements of the atoms of the spheres along one axis in Å.")
    ] = "0.08,0.2"
    disorders: Annotated[
        str,
        typer.Option(
            help="Disorder of the spheres: 0 pyrochlore to 1 defect fluorite; half of it are antisites."
        ),
    ] = "0,1"
    excess_la: Annotated[
        str,
        typer.Option(help="Formula of the spheres: y of La(2+y)Zr(2-y)O(7-y/2); not together with disorder."),
    ] = "0"
    lattices: Annotated[str, typer.Option(help="Lattice parameters of the spheres in Å.")] = "10.805"
    thicknesses: Annotated[str, typer.Option(help="Thicknesses of the specimen in Å.")] = "50,100"
    columns: Annotated[int, integer("Columns to average at each point.")] = 4
    until: Annotated[float | None, number(_UNTIL)] = None
    seed: Annotated[int, integer("Random seed.")] = 1
    ring_width: Annotated[float, number("Width of the rings in 1/nm.")] = 0.1
    measured: Measured = None
    posterior: Annotated[
        bool,
        typer.Option(
            "--posterior",
            help="Draw specimens and recordings from ranges, and sample what is not known of them.",
            rich_help_panel=POSTERIOR,
        ),
    ] = False
    specimens: Annotated[int, integer("Specimens to draw for each glass.", panel=POSTERIOR)] = 64
    live: Annotated[int, integer("Live points of the nested sampling.", panel=POSTERIOR)] = 200
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and an estimate of time.")] = False
