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
            help="Of the transform in 1/Å; default by edge: Zr-K and La-K 3,12, La-L3 3,10 (then L2 begins).",
        ),
    ] = None
    dk: Annotated[float, number("Width of the window's sills in 1/Å.", "--dk")] = 1.0
    taper: Annotated[
        Taper, typer.Option("--window", case_sensitive=False, help="Window of the transform.")
    ] = Taper.HANNING
    path_radius: Annotated[float, number("Half the length of the longest path in Å.")] = 5.0
    stretch: Annotated[
        float | None,
        number("Wave number in 1/cm of the bond to O (Zr: 550): adds the σ² that frames at 300 K lack."),
    ] = None
    fit: Annotated[
        bool,
        typer.Option(
            "--fit",
            help="Fit N, R and σ², with S0² and E0 of La2Zr2O7, beside the truth of the model.",
            rich_help_panel=FIT,
        ),
    ] = False
    rrange: Annotated[
        str | None,
        typer.Option(
            metavar="FIRST,LAST",
            help="Of the fit in Å of the transform; default by edge.",
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
        Path | None, typer.Option(metavar="FOLDER", help="Keep potentials and phases there for other runs.")
    ] = None
    write: Annotated[
        Path | None,
        typer.Option(metavar="F", help="Write the mean χ(k) as columns: .chi, .dat or .txt."),
    ] = None
    list_sites: Annotated[
        bool, typer.Option("--list-sites", help="With --json: χ(k) of every single site.")
    ] = False
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Measured χ(k) of Athena, Artemis or Larch (.chi, .chik, columns) to lay this over.",
            rich_help_panel=AS_MEASURED,
        ),
    ] = None
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="G", help="Draw χ(k) and its transform (.png, .svg, .pdf; .csv for the numbers)."
        ),
    ] = None
