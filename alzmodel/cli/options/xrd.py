"""Options of ``alzmodel xrd`` and ``reference``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alzmodel.cli.options import integer, number

__all__ = [
    "FilmOptions",
    "FitOptions",
    "Folder",
    "LineShape",
    "Method",
    "PatternOptions",
    "ReferenceOptions",
    "SpecimenOptions",
]

INSTRUMENT = "Instrument"
FILM = "Film at grazing incidence"
SPECIMEN = "Specimen"
FITS = "Fits"
_NO_WIDTH = "0.1 for infinite crystals, else none"

Range = Annotated[
    tuple[float, float, float], typer.Option("--range", help="First and last 2θ and step, in degrees.")
]
Folder = Annotated[
    Path,
    typer.Option("-o", "--output", metavar="DIR", help="Folder; each phase gets a folder of its own in it."),
]


class Method(StrEnum):
    """How a powder pattern is computed."""

    AUTO = "auto"
    DEBYE = "debye"
    LATTICE = "lattice"
    PDF = "pdf"
    CRYSTAL = "crystal"


class LineShape(StrEnum):
    """Profile of a single line."""

    GAUSSIAN = "gaussian"
    LORENTZIAN = "lorentzian"
    PSEUDO_VOIGT = "pseudo-voigt"
    PEARSON7 = "pearson7"


@dataclass(frozen=True, kw_only=True)
class PatternOptions:
    """The powder pattern and the diffractometer."""

    wavelength: Annotated[
        str | None,
        typer.Option(
            help="Å, or a line such as CuKa, CuKa1, MoKa1.", show_default="what DATA says, else 1.5406"
        ),
    ] = None
    two_theta: Range = (10.0, 80.0, 0.02)
    method: Annotated[Method, typer.Option(help="How the pattern is computed.")] = Method.AUTO
    fwhm: Annotated[
        str | None,
        typer.Option(
            metavar="DEG|U,V,W",
            help="Gaussian width in degrees 2θ, or Caglioti's coefficients.",
            show_default=_NO_WIDTH,
            rich_help_panel=INSTRUMENT,
        ),
    ] = None
    b_iso: Annotated[
        str | None,
        typer.Option(
            metavar="B|La=B,O=B",
            help="Thermal displacements B = 8π²⟨u²⟩ in Å²; frames of a simulation have their own.",
            show_default="what the CIF says, else 0",
            rich_help_panel=INSTRUMENT,
        ),
    ] = None
    polarization: Annotated[
        str,
        typer.Option(
            metavar="NAME|DEG",
            help="unpolarized, none, or the 2θ of a monochromator.",
            rich_help_panel=INSTRUMENT,
        ),
    ] = "unpolarized"


@dataclass(frozen=True, kw_only=True)
class SpecimenOptions:
    """What lies in the film and under it beside the model."""

    phase: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:Å]=SHARE",
            help="Reference phase mixed in by weight, such as Li2CO3=0.1 or La2Zr2O7:80=0.3; F makes up the rest.",
            rich_help_panel=SPECIMEN,
        ),
    ] = None
    background: Annotated[
        str | None,
        typer.Option(
            metavar="C,C,…",
            help="Chebyshev coefficients in units of the highest point, added to the pattern.",
            rich_help_panel=SPECIMEN,
        ),
    ] = None
    substrate: Annotated[
        str | None,
        typer.Option(
            metavar="NAME:hkl=HEIGHT",
            help="Line of the crystal underneath, such as MgO:200=0.5.",
            rich_help_panel=SPECIMEN,
        ),
    ] = None
    substrate_fwhm: Annotated[float, number("Its width in degrees.", panel=SPECIMEN)] = 0.2


@dataclass(frozen=True, kw_only=True)
class FilmOptions:
    """The film at grazing incidence."""

    incidence: Annotated[float | None, number("Fixed angle to the film in degrees.", panel=FILM)] = None
    film_thickness: Annotated[
        float | None, number("Thickness in Å; without it the film absorbs the whole beam.", panel=FILM)
    ] = None
    density: Annotated[
        float | None, number("Density of the film in g/cm³.", panel=FILM, default="that of the model")
    ] = None
    beam_height: Annotated[
        float, number("Height of the beam in mm: what passes over a short specimen is lost.", panel=FILM)
    ] = 0.0
    specimen_length: Annotated[
        float | None, number("Length of the specimen along the beam in mm.", panel=FILM)
    ] = None
    refraction: Annotated[
        bool,
        typer.Option("--refraction", help="Bend and weaken the beams at the surface.", rich_help_panel=FILM),
    ] = False


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """Lines and patterns that are fitted."""

    line: Annotated[
        list[float] | None,
        typer.Option(
            metavar="DEG",
            help="Fit a single line at this 2θ, of the model and of DATA.",
            rich_help_panel=FITS,
        ),
    ] = None
    line_width: Annotated[
        float, number("Degrees on either side of the line that are fitted.", panel=FITS)
    ] = 2.0
    line_shape: Annotated[LineShape, typer.Option(help="Its profile.", rich_help_panel=FITS)] = (
        LineShape.PSEUDO_VOIGT
    )
    superstructure: Annotated[
        bool,
        typer.Option(
            "--superstructure",
            help="Areas of (111) and (331) of pyrochlore over (222) and (440), of the model and of DATA.",
            rich_help_panel=FITS,
        ),
    ] = False
    fit: Annotated[
        bool,
        typer.Option(
            "--fit",
            help="Fit DATA with the model, every --phase (shares, cells, sizes), --substrate and a background.",
            rich_help_panel=FITS,
        ),
    ] = False
    degree: Annotated[
        int | None,
        integer(
            "Degree of the polynomial background under DATA, -1 for none.",
            panel=FITS,
            default="1, with --fit 3",
        ),
    ] = None
    fit_zero: Annotated[
        bool,
        typer.Option("--fit-zero", help="With --fit: also the zero of 2θ.", rich_help_panel=FITS),
    ] = False


@dataclass(frozen=True, kw_only=True)
class ReferenceOptions:
    """Patterns of the reference phases."""

    wavelength: Annotated[str, typer.Option(help="Å, or a line such as CuKa, MoKa1, WLa1.")] = "1.5406"
    size: Annotated[
        float | None, number("Diameter of the crystallites in Å.", default="infinite crystals")
    ] = None
    two_theta: Range = (5.0, 120.0, 0.02)
    fwhm: Annotated[float | None, number("Instrument width in degrees 2θ.", default=_NO_WIDTH)] = None
    b_iso: Annotated[float, number("Displacements B = 8π²⟨u²⟩ in Å².")] = 0.5
    r_max: Annotated[float, number("Largest r of G(r) in Å.")] = 30.0
    columns: Annotated[int, integer("FEM: columns of grains to average.")] = 4
    thickness: Annotated[float, number("FEM: thickness of the columns in Å.")] = 50.0
    seed: Annotated[int, integer("FEM: random seed.")] = 1
