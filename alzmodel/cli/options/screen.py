"""Options of ``alzmodel screen``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from alzmodel.cli.options import Potential, integer
from alzmodel.cli.options.study import Curves, Measured

__all__ = ["ScreenOptions"]


@dataclass(frozen=True, kw_only=True)
class ScreenOptions:
    """Dopants, glasses and how they are made."""

    dopants: Annotated[
        str,
        typer.Option(
            metavar="IONS",
            help="Dopants such as Ce,Er,Ca2+,La. Ce means Ce3+ and Ce4+ in turn; La is the control.",
        ),
    ]
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of the study.")]
    la: Annotated[str, typer.Option(metavar="NUMBERS", help="La contents before doping.")] = "3.0"
    fractions: Annotated[str, typer.Option(metavar="NUMBERS", help="Fractions of La replaced.")] = "0.1"
    seeds: Annotated[int, integer("Models of every glass.")] = 4
    compensate: Annotated[str, typer.Option(metavar="li,oxygen", help="What balances the charge.")] = "li"
    atoms: Annotated[int, integer("Smallest number of atoms.")] = 600
    protocol: Annotated[str, typer.Option(help="Melt-quench protocol.")] = "quick"
    potential: Potential = "du-teter"
    transport: Annotated[
        bool,
        typer.Option("--transport", help="Also move each glass at 900 K, and rank by how fast Li is there."),
    ] = False
    workers: Annotated[int, integer("How many tasks run at once.")] = 2
    executor: Annotated[
        str, typer.Option(help="Where tasks run: local, dask, slurm, or the address of a Dask scheduler.")
    ] = "local"
    measured: Measured = None
    against: Curves = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show tasks, time and disk; do nothing.")] = False
