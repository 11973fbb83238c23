"""Verdicts by potential, side by side: for terminal, page, CSV and Markdown."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from alzmodel.compare.by_potential import COLUMNS, potential_rows
from alzmodel.report.table import effect_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from alzmodel.compare.verdicts import OfPotential, Verdict

__all__ = [
    "GATE_NOTE",
    "gate_lines",
    "markdown_table",
    "potential_table",
    "print_potentials",
    "verdicts_csv",
]

GATE_NOTE: Final = (
    "A verdict without more words needs all potentials that pass the gate: what they must get right in crystals. "
    "(outside): the gate is not passed; (not validated): nobody looked."
)
_MARKS: Final = {True: "", False: " (outside)", None: " (not validated)"}


def potential_table(verdicts: Sequence[Verdict], *, one_too: bool = False) -> list[dict[str, str]]:
    """Lay hypotheses and potentials out, one line a hypothesis, one column a potential.

    Returns
    -------
    list of dict
        Empty where there is only one potential, unless `one_too` is wanted.
    """
    if not one_too and all(len(verdict.by_potential) < 2 for verdict in verdicts):
        return []
    return [
        {"id": verdict.id, "claim": verdict.title, "together": verdict.words}
        | {one.potential: _cell(one) for one in verdict.by_potential}
        for verdict in verdicts
    ]


def _cell(one: OfPotential) -> str:
    effect = effect_text(one.verdict)
    models = f"{one.verdict.n_models} models" if one.verdict.n_models else ""
    rest = "; ".join(text for text in (effect, models) if text)
    mark = "" if one.verdict.verdict == "not testable" else _MARKS[one.passed]
    return f"{one.verdict.verdict}{mark}" + (f": {rest}" if rest else "")


def gate_lines(verdicts: Iterable[Verdict]) -> list[str]:
    """Name every gate that a potential does not pass, and the hypotheses that need it."""
    found: dict[tuple[str, str], list[str]] = {}
    for verdict in verdicts:
        for one in verdict.by_potential:
            if not one.passed and one.verdict.verdict != "not testable":
                found.setdefault((one.potential, one.gate), []).append(verdict.id)
    return [f"{potential}: {gate} ({', '.join(ids)})" for (potential, gate), ids in found.items()]


def print_potentials(verdicts: Sequence[Verdict], console: Console) -> None:
    """Print the verdicts of several potentials side by side; nothing where there is one."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = potential_table(verdicts)
    if not rows:
        return
    table = Table(title="verdicts by potential", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    shown = [key for key in rows[0] if key != "together"]
    for key in shown:
        table.add_column(key if key != "id" else "", overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[key]) for key in shown))
    console.print(table)
    console.print(GATE_NOTE, markup=False, highlight=False)
    for line in gate_lines(verdicts):
        console.print(f"  {line}", markup=False, highlight=False)


def markdown_table(rows: Sequence[dict[str, Any]]) -> str:
    """Write rows of one shape as a table of Markdown."""
    heads = list(rows[0]) if rows else []
    lines = [heads, ["---"] * len(heads), *(list(row.values()) for row in rows)]
    return "".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |\n" for line in lines)


def verdicts_csv(verdicts: Iterable[Verdict]) -> str:
    """Write every hypothesis on every potential as CSV, one line each."""
    buffer = io.StringIO()
    table = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    table.writeheader()
    for row in potential_rows(verdicts):
        table.writerow({key: _plain(value) for key, value in row.items()})
    return buffer.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else value
