"""Options of ``alzmodel cite``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

__all__ = ["CiteOptions", "CiteStyle", "Cited"]


class CiteStyle(StrEnum):
    """How citations are written."""

    TEXT = "text"
    BIBTEX = "bibtex"


Cited = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[WHAT]...",
        help="Models that alzmodel wrote, names of models of the library, folders of studies.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class CiteOptions:
    """How they are written."""

    style: Annotated[
        CiteStyle, typer.Option("--format", case_sensitive=False, help="Lines to read, or entries of BibTeX.")
    ] = CiteStyle.TEXT
