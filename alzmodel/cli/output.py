"""What commands print: results go to stdout, messages and bars to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from alzmodel.errors import InputError
from alzmodel.formats.notes import tell
from alzmodel.io import STANDARD_STREAM, json_text
from alzmodel.progress import SECONDS_BETWEEN_LINES, lines, terminal_bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from alzmodel.progress import Progress

__all__ = [
    "SECONDS_BETWEEN_LINES",
    "mark_provisional",
    "print_json",
    "print_table",
    "refuse_two_streams",
    "say",
    "show_progress",
]


_WIDTH: Final = 120
"""Columns of text where the output is no terminal and ``COLUMNS`` says nothing."""


def say(words: str) -> None:
    """Print words for the user to stderr."""
    print(words, file=sys.stderr)


def print_json(payload: Any) -> None:
    """Print one JSON document to stdout."""
    print(json_text(payload))


def mark_provisional(result: dict[str, Any], *provenances: Any) -> None:
    """Add the key ``provisional`` to a result, and tell of the ions in it whose parameters are provisional.

    Parameters
    ----------
    result
        What ``--json`` prints.
    *provenances
        Of the models that went in; or the ions themselves under a key ``provisional``.
    """
    from alzmodel.forcefields.potentials import provisional_ions

    ions = provisional_ions(*provenances)
    result["provisional"] = list(ions)
    if ions:
        tell(
            f"provisional potential parameters for {', '.join(ions)}: no published source could be "
            "verified, or they were fitted here"
        )


def refuse_two_streams(output: Path | None, as_json: bool) -> None:
    """Refuse a structure and a JSON document on one stdout."""
    if as_json and str(output) == STANDARD_STREAM:
        raise InputError(
            "-o -: both the structure and --json would go to stdout; allowed: a file name with --json"
        )


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table to stdout: numbers right-aligned; when piped as wide as ``COLUMNS`` says, or as suits a file."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, name in enumerate(columns):
        numeric = any(isinstance(row[number], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    columns = os.environ.get("COLUMNS", "")
    asked = int(columns) if columns.isdecimal() else 0
    console = Console() if sys.stdout.isatty() else Console(width=asked or _WIDTH)
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}"  # noqa: PLR0124  NaN is the one value unlike itself
    return str(value)


@contextlib.contextmanager
def show_progress(title: str) -> Iterator[Progress]:
    """Yield a :data:`~alzmodel.progress.Progress` that draws a bar, or prints a line now and then."""
    if sys.stderr.isatty():
        with terminal_bar(title) as progress:
            yield progress
    else:
        yield lines(title)
