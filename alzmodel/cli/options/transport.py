"""Options of ``alzmodel transport``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alzmodel.cli.options import Ranks, integer, number

__all__ = ["CoulombSum", "DynamicsOptions", "Output", "TransportFiles", "TransportOptions"]

DYNAMICS = "Molecular dynamics of models"


class CoulombSum(StrEnum):
    """How the Coulomb force is computed."""

    PPPM = "pppm"
    DSF = "dsf"


TransportFiles = Annotated[
    list[Path],
    typer.Argument(
        metavar="F...",
        help="Models, one in each file; or trajectories (extxyz, LAMMPS dump, XDATCAR, …) with --frame-time. Files of "
        "one composition and temperature count as seeds.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="Folder for transport.json, figures, trajectories and restart files."
    ),
]


@dataclass(frozen=True, kw_only=True)
class TransportOptions:
    """What moves, how hot, and how far apart the frames are."""

    frame_time: Annotated[
        float | None,
        number("Time between frames in ps; F are then trajectories.", "--frame-time"),
    ] = None
    temperatures: Annotated[
        str | None,
        typer.Option(
            help="Temperatures in K, with commas between. For models 600,700,800,900,1000 by default; for trajectories "
            "one of all, or one for each."
        ),
    ] = None
    ion: Annotated[str, typer.Option(help="Element that conducts; all others are the framework.")] = "Li"
    kinisi: Annotated[
        bool, typer.Option("--kinisi", help="Compute D by kinisi too (needs the extra kinisi).")
    ] = False


@dataclass(frozen=True, kw_only=True)
class DynamicsOptions:
    """How models are moved."""

    time: Annotated[
        str,
        typer.Option(
            metavar="auto|PS",
            help="Time of each run in ps; auto runs until the ions diffuse.",
            rich_help_panel=DYNAMICS,
        ),
    ] = "auto"
    max_time: Annotated[float, number("Longest time in ps that auto takes.", panel=DYNAMICS)] = 1000.0
    potential: Annotated[
        list[str] | None,
        typer.Option(
            help="Interatomic potential, du-teter by default; may be repeated.", rich_help_panel=DYNAMICS
        ),
    ] = None
    coulomb: Annotated[
        CoulombSum, typer.Option(help="Coulomb sum; dsf takes half the time.", rich_help_panel=DYNAMICS)
    ] = CoulombSum.PPPM
    equilibration: Annotated[
        float, number("Time at zero pressure in ps, before frames are kept.", panel=DYNAMICS)
    ] = 10.0
    seed: Annotated[int, integer("Random seed of the velocities.", panel=DYNAMICS)] = 1
    ranks: Ranks = 1
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check everything; show the plan and an estimate of time.",
            rich_help_panel=DYNAMICS,
        ),
    ] = False
