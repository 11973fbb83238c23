"""Options of ``alzmodel exafs``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from alzmodel.cli.options import Seed, integer, number

__all__ = ["Edges", "ExafsOptions", "ExafsOutput", "Taper"]

AS_MEASURED = "Comparison with a measurement"
FIT = "Fit of the first shell"


class Edges(StrEnum):
    """Which edge."""

    ZR_K = "Zr-K"
    LA_L3 = "La-L3"
    LA_K = "La-K"


class Taper(StrEnum):
    """Window of the transform."""

    HANNING = "hanning"
    KAISER = "kaiser"


@dataclass(frozen=True, kw_only=True)
class ExafsOptions:
    """What is computed, and how it is transformed."""

    edge: Annotated[Edges, typer.Option(case_sensitive=False, help="Absorption edge.")] = Edges.ZR_K
    sites: Annotated[int, integer("Absorbers drawn from all frames; all if there are fewer.")] = 200
    seed: Seed = 0
    kweight: Annotated[int, integer("Power of k in the transform and the fit: 0 to 3.")] = 2
    krange: Annotated[
        str | None,
        typer.Option(
            metavar="FIRST,LAST",
            help="Range of the transform in 1/Å. Default: 3,12 for Zr-K and La-K; 3,10 for La-L3, where L2 begins.",
        ),
    ] = None
    dk: Annotated[float, number("Width in 1/Å over which the window rises and falls.", "--dk")] = 1.0
    taper: Annotated[
        Taper, typer.Option("--window", case_sensitive=False, help="Window of the transform.")
    ] = Taper.HANNING
    path_radius: Annotated[float, number("Half the length of the longest path in Å.")] = 5.0
    stretch: Annotated[
        float | None,
        number(
            "Add the σ² that frames at 300 K lack, for a bond to O of this wave number in 1/cm (Zr: 550)."
        ),
    ] = None
    fit: Annotated[
        bool,
        typer.Option(
            "--fit",
            help="Fit N, R and σ², with S0² and E0 from La2Zr2O7, and show the true values of the model beside them.",
            rich_help_panel=FIT,
        ),
    ] = False
    rrange: Annotated[
        str | None,
        typer.Option(
            metavar="FIRST,LAST",
            help="Range of the fit in the transform, in Å. Default by edge.",
            rich_help_panel=FIT,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ExafsOutput:
    """Where the work is done, and what is written."""

    workers: Annotated[int | None, integer("Processes; default: the cores that there are.")] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the sites and an estimate of time.")] = (
        False
    )
    phases: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep potentials and phases in this folder for later runs."),
    ] = None
    write: Annotated[
        Path | None,
        typer.Option(metavar="F", help="Write the mean χ(k) as columns: .chi, .dat or .txt."),
    ] = None
    list_sites: Annotated[bool, typer.Option("--list-sites", help="With --json: add χ(k) of every site.")] = (
        False
    )
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Measured χ(k) from Athena, Artemis or Larch (.chi, .chik, columns) to compare with.",
            rich_help_panel=AS_MEASURED,
        ),
    ] = None
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="G", help="Draw χ(k) and its transform (.png, .svg, .pdf; .csv for the numbers)."
        ),
    ] = None
