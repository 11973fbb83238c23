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

    from rich.console import Console

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
_LONGEST_WORD: Final = 24
_FEW_COLUMNS: Final = 2
"""So many always stay a table: names and values."""


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
    """Print a table to stdout: numbers right-aligned; when piped as wide as ``COLUMNS`` says, or as suits a file.

    Where it would have to split words, the rows stand one below the other, a line for each cell.
    """
    from rich.console import Console
    from rich.table import Table

    asked = os.environ.get("COLUMNS", "")
    width = int(asked) if asked.isdecimal() and int(asked) > 0 else _WIDTH
    console = Console() if sys.stdout.isatty() else Console(width=width)
    cells = [[_cell(value) for value in row] for row in rows]
    least = [
        max((min(_LONGEST_WORD, len(word)) for text in column for word in text.split()), default=0)
        for column in zip(columns, *cells, strict=True)
    ]
    if len(columns) > _FEW_COLUMNS and sum(least) + 3 * len(columns) + 1 > console.width:
        _print_list(title, columns, cells, console)
        return
    table = Table(title=title, title_justify="left", show_header=any(columns))
    for number, name in enumerate(columns):
        numeric = any(isinstance(row[number], int | float) for row in rows)
        table.add_column(
            name, justify="right" if numeric else "left", overflow="fold", min_width=least[number]
        )
    for row in cells:
        table.add_row(*row)
    console.print(table)


def _print_list(title: str, columns: Sequence[str], cells: Sequence[Sequence[str]], console: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    console.print(Text(title, "italic"))
    for first, *rest in cells:
        console.print(Text(f"{columns[0]} {first}".strip(), "bold"))
        words = [f"{name} {text}" for name, text in zip(columns[1:], rest, strict=True) if text != "–"]
        console.print(Padding(Text(", ".join(words)), (0, 0, 0, 4)))


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
