"""Options of the commands that make or show a study: what its models are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Curves", "Hypotheses", "Measured"]

Measured = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Measured values (TOML); default: Zhu et al. 2024.")
]
Hypotheses = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Hypotheses (TOML); default: the conclusions of Zhu et al. 2024."),
]
Curves = Annotated[
    list[str] | None,
    typer.Option(
        "--against",
        metavar="KIND=FILE",
        help="A measured curve to lay over the models: fem=V.csv, xrd=… or pdf=…; once for each kind.",
    ),
]
