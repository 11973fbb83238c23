"""Options of ``alzmodel refine``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alzmodel.cli.options import integer, number

__all__ = ["CellFreedom", "Models", "Optimizer", "Output", "RefineOptions", "Trajectory"]


class CellFreedom(StrEnum):
    """What of the cell may change."""

    FIXED = "fixed"
    ISO = "iso"
    FULL = "full"


class Optimizer(StrEnum):
    """How the atoms are moved."""

    LBFGS = "lbfgs"
    FIRE = "fire"


Models = Annotated[list[Path], typer.Argument(help="Model files, one model each; '-' is extxyz on stdin.")]
Output = Annotated[
    Path,
    typer.Option(
        "-o", "--output", help="Model file; for several models a folder that gets NAME.extxyz of each."
    ),
]
Trajectory = Annotated[Path | None, typer.Option(help="Also write every step here (extxyz); one model only.")]


@dataclass(frozen=True, kw_only=True)
class RefineOptions:
    """How models are relaxed."""

    calculator: Annotated[
        str,
        typer.Option(
            help="7net-mf-0, chgnet (both after pip install '.\\[mlip]'), du-teter, grimes, a name of ASE's "
            "(emt, lj, gulp, …) or package.module:Class."
        ),
    ]
    parameters: Annotated[
        str | None,
        typer.Option(metavar="JSON", help='Keywords of the calculator, such as \'{"device": "cpu"}\'.'),
    ] = None
    fmax: Annotated[float, number("Stop when no force is larger than this, eV/Å.")] = 0.05
    steps: Annotated[int, integer("Stop after this many steps.")] = 500
    cell: Annotated[
        CellFreedom, typer.Option(help="What may change of the cell: nothing, its volume, or all of it.")
    ] = CellFreedom.ISO
    optimizer: Annotated[
        Optimizer, typer.Option(help="lbfgs needs about half the steps; fire copes with bad starting models.")
    ] = Optimizer.LBFGS
    trajectory: Trajectory = None
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check everything, time one evaluation of each model, relax nothing."),
    ] = False
