"""Options of ``alzmodel vibrations`` and ``raman``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alzmodel.cli.options import integer, number

__all__ = [
    "CoulombSum",
    "HarmonicOptions",
    "Models",
    "RamanFigure",
    "RamanOptions",
    "SpectrumMethod",
    "TrajectoryOptions",
    "VibrationFigure",
]


class CoulombSum(StrEnum):
    """Coulomb sum of the second derivatives."""

    EWALD = "ewald"
    DSF = "dsf"


class SpectrumMethod(StrEnum):
    """How spectra are computed."""

    AUTO = "auto"
    DENSE = "dense"
    KPM = "kpm"


Models = Annotated[
    list[Path],
    typer.Argument(metavar="F...", help="Models at a minimum, one a file; '-' is extxyz on stdin."),
]
VibrationFigure = Annotated[
    Path | None,
    typer.Option(metavar="G", help="Draw the densities of states (.png, .svg, .pdf; .csv for the numbers)."),
]
RamanFigure = Annotated[
    Path | None,
    typer.Option(
        "--plot", metavar="G", help="Draw VV, VH and unpolarised (.png, .svg, .pdf; .csv for the numbers)."
    ),
]


@dataclass(frozen=True, kw_only=True)
class HarmonicOptions:
    """What gives the forces, and how spectra are made of them."""

    potential: Annotated[str, typer.Option(help="Interatomic potential; F must be a minimum of it.")] = (
        "du-teter"
    )
    calculator: Annotated[
        str | None,
        typer.Option(
            help="ASE calculator in place of --potential, as refine takes it (7net-mf-0, chgnet, emt, …). It needs six "
            "evaluations of the forces for each atom."
        ),
    ] = None
    parameters: Annotated[
        str | None,
        typer.Option(metavar="JSON", help='Keywords of the calculator, such as \'{"device": "cpu"}\'.'),
    ] = None
    coulomb: Annotated[
        CoulombSum, typer.Option(help="Coulomb sum of the second derivatives of a pair potential.")
    ] = CoulombSum.EWALD
    method: Annotated[
        SpectrumMethod,
        typer.Option(help="dense: all modes; kpm: Chebyshev moments; auto: all modes up to 1500 atoms."),
    ] = SpectrumMethod.AUTO
    resolution: Annotated[float, number("Width (FWHM) of the Gaussian in spectra, cm⁻¹.")] = 10.0
    mass: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EL=U", help="Mass of an element, such as Li=6.015 for lithium-6; may be repeated."
        ),
    ] = None
    seed: Annotated[int, integer("Random seed of --method kpm.")] = 0


@dataclass(frozen=True, kw_only=True)
class RamanOptions:
    """How light is scattered, and by what."""

    bonds: Annotated[
        str,
        typer.Option(
            metavar="TABLE.toml",
            help="Table of bond polarizabilities. 'example' comes with the package; all its numbers are assumed.",
        ),
    ]
    phase: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE=SHARE",
            help="Mix in a reference phase, or a model at a minimum, with this share of the volume, such as "
            "La2Zr2O7=0.2. F makes up the rest.",
        ),
    ] = None
    temperature: Annotated[float, number("Temperature in K of the Bose factor.")] = 300.0
    laser: Annotated[float, number("Wavelength of the laser in nm.")] = 532.0
    background: Annotated[
        int,
        integer("With --against: degree of the polynomial below the measured spectrum, -1 for none."),
    ] = 1
    reduced: Annotated[
        bool, typer.Option("--reduced", help="Leave out the Bose factor, 1/ν and (ν_L − ν)⁴.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class TrajectoryOptions:
    """Frames at temperature, as a check of the harmonic density."""

    trajectory: Annotated[
        Path | None,
        typer.Option(
            metavar="FRAMES",
            help="Frames of the same atoms with velocities. Their power spectrum is shown beside the harmonic one.",
        ),
    ] = None
    frame_time: Annotated[float | None, number("With --trajectory: time between frames in ps.")] = None
