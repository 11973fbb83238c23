"""``alzmodel demo``: a page of the library's glasses, without any simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alzmodel.cli.options import Json
from alzmodel.cli.options.study import Curves, Measured
from alzmodel.cli.output import print_json, say

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add ``demo`` to the command tree."""
    app.command()(demo)


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Page to write.")] = Path(
        "alzmodel-demo.html"
    ),
    measured: Measured = None,
    against: Curves = None,
    as_json: Json = False,
) -> None:
    """Write a page of the finished glasses that come with the package; your own data can be dropped on it."""
    from alzmodel.study.demo import write_demo

    path = write_demo(output, measured=measured, against=against)
    if as_json:
        print_json({"files": [path]})
    else:
        say(f"alzmodel: wrote {path}; open it in a browser")
