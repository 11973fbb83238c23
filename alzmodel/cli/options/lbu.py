"""Options of ``alzmodel lbu``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from alzmodel.cli.options import integer, number
from alzmodel.local_order.parts import PARTS

__all__ = ["RingCriterion", "ShellCriterion", "UnitOptions"]


class ShellCriterion(StrEnum):
    """What ends a first shell."""

    MINIMUM = "first minimum"
    SOLID_ANGLE = "solid angle"
    GAP = "relative gap"


class RingCriterion(StrEnum):
    """Which rings count."""

    PRIMITIVE = "primitive"
    KING = "king"
    GUTTMAN = "guttman"


@dataclass(frozen=True, kw_only=True)
class UnitOptions:
    """Shells, rings and room."""

    only: Annotated[
        str | None,
        typer.Option(
            metavar="PARTS",
            help=f"Only these parts, separated by commas: {', '.join(PARTS)} (the cheap first); default: all.",
        ),
    ] = None
    brief: Annotated[
        bool, typer.Option("--brief", help="A few lines alone: coordination, distances, sharing, packing.")
    ] = False
    cutoff: Annotated[
        list[str] | None,
        typer.Option(help="First-shell limit such as La-O=3.2 in Å; default: first minimum of the partial."),
    ] = None
    shells: Annotated[
        ShellCriterion,
        typer.Option(
            case_sensitive=False,
            help="What ends a first shell; results with the other choices stand beside it.",
        ),
    ] = ShellCriterion.MINIMUM
    former: Annotated[
        str | None,
        typer.Option(
            metavar="ELEMENTS",
            help="Network former, or several such as Si,Al; default: Zr, else the cation of largest field strength.",
        ),
    ] = None
    ring_criterion: Annotated[
        RingCriterion, typer.Option("--rings", case_sensitive=False, help="Which rings count.")
    ] = RingCriterion.PRIMITIVE
    ring_centres: Annotated[
        str | None,
        typer.Option(metavar="ELEMENTS", help="Cations in the rings, such as Zr,La; default: the former."),
    ] = None
    largest_ring: Annotated[int, integer("Longest rings to look for, in atoms: even, up to 24.")] = 12
    list_rings: Annotated[
        bool, typer.Option("--list-rings", help="With --json: the atoms of every ring of the last frame.")
    ] = False
    probe: Annotated[
        float,
        number("Radius in Å of the probe that finds free space for Li."),
    ] = 0.59
    plot_cutoffs: Annotated[
        Path | None,
        typer.Option(
            metavar="G", help="Draw coordination over the cut-off (.png, .svg, .pdf; .csv for the numbers)."
        ),
    ] = None
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="G", help="Write the model with an array per atom: coordination, bond valence, …"
        ),
    ] = None
