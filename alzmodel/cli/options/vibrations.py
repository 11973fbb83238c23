"""Options of ``alzmodel vibrations`` and ``raman``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alzmodel.cli.options import integer, number

__all__ = ["CoulombSum", "HarmonicOptions", "Models", "SpectrumMethod", "VibrationFigure"]


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


@dataclass(frozen=True, kw_only=True)
class HarmonicOptions:
    """What gives the forces, and how spectra are made of them."""

    potential: Annotated[str, typer.Option(help="Interatomic potential; F must be a minimum of it.")] = (
        "du-teter"
    )
    calculator: Annotated[
        str | None,
        typer.Option(
            help="In place of --potential, any that refine takes (7net-mf-0, chgnet, emt, …): six evaluations of the "
            "forces for each atom."
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
    seed: Annotated[int, integer("Of the random vectors of --method kpm.")] = 0
