"""Tables for the terminal: measured against model, verdicts, models."""

from __future__ import annotations

import math
import os
import statistics as plain_statistics
import sys
from typing import TYPE_CHECKING, Final

from alzmodel.compare.comparison import same_x
from alzmodel.compare.digits import interval_text, signed
from alzmodel.compare.quantities import per_model, quantity_info
from alzmodel.compare.verdicts import LEAST_MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.measured import Measured
    from alzmodel.compare.network_roles import Answer, IonRole
    from alzmodel.compare.quantities import Quantity
    from alzmodel.compare.side_by_side import SideBySide
    from alzmodel.compare.verdicts import Verdict

__all__ = [
    "comparison_tables",
    "decimals_of_rows",
    "difference_text",
    "effect_text",
    "hypotheses_table",
    "measured_text",
    "model_text",
    "models_rows",
    "models_table",
    "plain_console",
    "print_comparison",
    "print_hypotheses",
    "print_models",
    "print_roles",
    "print_side_by_side",
    "with_error",
]

_WIDTH: Final = 172
"""Columns of text where the output is no terminal."""
_LONGEST_WORD: Final = 24
_NARROW: Final = 120
"""Fewer columns than this have no room for the table of verdicts."""
_STYLES: Final = {
    "compatible": "green",
    "within systematic": "green",
    "differs": "bold red",
    "too few models": "yellow",
    "supported": "bold green",
    "contradicted": "bold red",
    "undecided": "yellow",
    "qualified": "yellow",
    "assumed": "dim",
    "not modelled": "dim",
    "not testable": "dim",
}


def with_error(value: float | None, error: float | None = None) -> str:
    """Write a value with as many digits as its error has any use for: ``2.113 ± 0.004``.

    The error keeps two digits where it starts with a one, else one; without an error four digits of the value stand.
    """
    if value is None or not math.isfinite(value):
        return "–"
    decimals = _decimals(error)
    if decimals is None:
        return f"{value:.4g}"
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def _decimals(error: float | None) -> int | None:
    """Digits behind the point that an error has any use for; None without one."""
    if error is None or not math.isfinite(error) or error <= 0:
        return None
    decimals = -math.floor(math.log10(error))
    if round(error * 10**decimals, 1) < 2:
        decimals += 1
    return max(0, decimals)


def measured_text(row: Comparison) -> str:
    """Write a measured value, its random and its systematic error in words."""
    if isinstance(row.measured, str):
        return row.measured
    if isinstance(row.measured, list):
        return "–".join(f"{end:g}" for end in row.measured)
    text = f"{row.measured:g}"
    if row.error:
        # As stated: with the error's own decimals.
        decimals = len(f"{row.error:.10f}".rstrip("0").split(".")[1])
        text = f"{row.measured:.{decimals}f} ± {row.error:.{decimals}f}"
    return text + (f" (± {row.systematic:g})" if row.systematic else "")


def model_text(row: Comparison, decimals: int | None = None) -> str:
    """Write the models' mean, spread and number in words; `decimals` in place of those that the spread asks for."""
    if row.model is None:
        return "none"
    if decimals is None or not row.model_std:
        return f"{with_error(row.model, row.model_std)} ({row.n_models})"
    return f"{row.model:.{decimals}f} ± {row.model_std:.{decimals}f} ({row.n_models})"


def difference_text(row: Comparison, decimals: int | None = None) -> str:
    """Write the difference of model and measurement with the decimals of the model."""
    if row.difference is None:
        return ""
    return signed(row.difference, _decimals(row.model_std) if decimals is None else decimals)


def decimals_of_rows(rows: Sequence[Comparison]) -> dict[tuple[str, str], int]:
    """Digits behind the point for all rows of a quantity alike: as many as the smallest spread asks for."""
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        own = _decimals(row.model_std)
        if own is not None:
            found[row.label, row.unit] = max(own, found.get((row.label, row.unit), 0))
    return found


def comparison_tables(rows: Sequence[Comparison]) -> tuple[Table, Table, dict[str, str]]:
    """Lay rows out: what has a model value, and what has none, there with one line a series.

    Returns
    -------
    modelled, not_modelled : rich.table.Table
    notes : dict
        The footnotes in the order of their numbers in the tables.
    """
    modelled = _table(
        "measured and modelled",
        "quantity",
        "x",
        "model is",
        right=("measured", "model (models)", "difference", "z"),
    )
    for name in ("result", "note"):
        modelled.add_column(name)
    missing = _table(
        "measured and not modelled", "quantity", "measured (at x)", "why there is no model value", "note"
    )
    notes: dict[str, str] = {}
    decimals = decimals_of_rows(rows)
    for group in _lines(rows):
        marks = _marks(group, notes)
        first = group[0]
        if first.kind == "not modelled":
            values = "; ".join(
                measured_text(row) + ("" if row.x is None else f" ({row.x:g})") for row in group
            )
            missing.add_row(_named(first), values, first.reason, marks)
            continue
        digits = decimals.get((first.label, first.unit))
        result = _result(first)
        modelled.add_row(
            _named(first),
            "–" if first.x is None else f"{first.x:g}",
            f"{first.source}, {first.kind}",
            measured_text(first),
            model_text(first, digits),
            difference_text(first, digits),
            _z_text(first),
            f"[{_STYLES[first.agreement]}]{result}[/]" if first.agreement in _STYLES else result,
            marks,
        )
    return modelled, missing, notes


def _named(row: Comparison) -> str:
    return f"{row.label} ({row.unit})" if row.unit else row.label


def _marks(rows: Sequence[Comparison], notes: dict[str, str]) -> str:
    """Give the numbers of the footnotes of some rows; new ones are added to `notes`."""
    for row in rows:
        notes.update(row.footnotes)
    order = list(notes)
    return ",".join(
        str(order.index(name) + 1) for name in dict.fromkeys(n for row in rows for n in row.footnotes)
    )


def _result(row: Comparison) -> str:
    return row.reason if row.agreement == "not comparable" else row.agreement


def _z_text(row: Comparison) -> str:
    z = "" if row.z is None else signed(row.z, 1)
    if row.z_beyond_systematic is not None and row.systematic:
        z += f" ({signed(row.z_beyond_systematic, 1)})"
    return z


def _table(title: str, *left: str, right: Sequence[str] = ()) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _whole_words(table: Table) -> Table:
    """Make every column as wide as its longest word, so that none is split."""
    for column in table.columns:
        texts = [str(column.header), *(str(cell) for cell in column.cells)]
        words = [word for text in texts for word in _plain(text).split()]
        column.min_width = min(_LONGEST_WORD, max(map(len, words), default=0))
    return table


def _plain(text: str) -> str:
    from rich.text import Text

    return Text.from_markup(text).plain


def _lines(rows: Sequence[Comparison]) -> list[list[Comparison]]:
    """Rows that share a line of the table: one row, or all of a quantity that no model says anything about."""
    lines: dict[tuple[object, ...], list[Comparison]] = {}
    for row in rows:
        key: tuple[object, ...] = (row.label, row.unit, row.kind, row.source, row.agreement, row.reason)
        if row.kind != "not modelled":
            key += (row.x, measured_text(row), model_text(row))
        lines.setdefault(key, []).append(row)
    labels = list(dict.fromkeys(row.label for row in rows))
    # All lines of one quantity together, the models closest to the specimen first.
    return sorted(lines.values(), key=lambda line: (labels.index(line[0].label), line[0].source == "glass"))


def hypotheses_table(verdicts: Sequence[Verdict]) -> Table:
    """Lay verdicts out, one line a hypothesis."""
    table = _table(
        "hypotheses", "", "claim", "verdict", right=("deciding effect, 95 %", "p (Holm)", "models")
    )
    table.add_column("why", ratio=1)
    table.columns[2].no_wrap = True
    for verdict in verdicts:
        style = _STYLES[verdict.verdict]
        table.add_row(
            verdict.id,
            verdict.title,
            f"[{style}]{verdict.verdict}[/]",
            effect_text(verdict),
            "" if verdict.p is None else f"{verdict.p:.2g}",
            str(verdict.n_models) if verdict.n_models else "",
            _why(verdict).replace("[", "\\["),
        )
    return table


def _why(verdict: Verdict) -> str:
    """Words of a verdict where there are several potentials, and the reason."""
    several = len(verdict.by_potential) > 1 and verdict.verdict != "not testable"
    return "; ".join(text for text in (verdict.words if several else "", verdict.reason) if text)


def effect_text(verdict: Verdict) -> str:
    """Write the effect of the deciding part with its interval in words."""
    if verdict.effect is None:
        return ""
    return f"{verdict.quantity}: {interval_text(verdict.effect, verdict.ci95, verdict.unit)}"


def models_rows(quantities: Sequence[Quantity]) -> list[dict[str, str]]:
    """Lay model values out: one row a quantity and kind of model, its cells by column.

    The columns are ``quantity``, ``of``, ``glass`` (dopant, protocol, potential where there are any) and one for each
    x: mean ± standard deviation (models).
    """
    contents: list[float | None] = []
    for content in sorted({q.x for q in quantities if q.x is not None}):
        if not any(same_x(content, known) for known in contents):
            contents.append(content)
    if any(q.x is None for q in quantities):
        contents.append(None)
    keys = dict.fromkeys(_kind_of(q) for q in quantities)
    rows = []
    for key in keys:
        name, source, kind, dopant, fraction, protocol, potential, li = key
        info = quantity_info(name)
        doped = None if dopant is None else dopant if fraction is None else f"{dopant} {fraction:g}"
        row = {
            "quantity": f"{info.label} ({info.unit})" if info.unit else info.label,
            "of": f"{source}, {kind}",
            "glass": ", ".join(word for word in (doped, li, protocol, potential) if word),
        }
        for x in contents:
            values = list(per_model(q for q in quantities if _kind_of(q) == key and same_x(q.x, x)).values())
            spread = plain_statistics.stdev(values) if len(values) > 1 else math.nan
            heading = "no x" if x is None else f"x = {x:g}"
            row[heading] = (
                f"{with_error(plain_statistics.fmean(values), spread)} ({len(values)})" if values else ""
            )
        rows.append(row)
    return rows


def _kind_of(
    q: Quantity,
) -> tuple[str, str, str, str | None, float | None, str | None, str | None, str | None]:
    """Values that may be averaged at one x: models of two protocols, potentials or Li contents never are."""
    li = None if q.li is None else f"Li {q.li:g}"
    return q.name, q.source, q.kind, q.dopant, q.fraction, q.protocol, q.potential, li


def models_table(quantities: Sequence[Quantity]) -> Table:
    """Lay model values out as :func:`models_rows` does."""
    rows = models_rows(quantities)
    left, right = list(rows[0])[:3] if rows else (), list(rows[0])[3:] if rows else ()
    table = _table("models: mean ± standard deviation (models)", *left, right=right)
    for row in rows:
        table.add_row(*row.values())
    return table


def plain_console() -> Console:
    """Where tables are printed: as wide as the terminal, or as ``COLUMNS`` says where there is none."""
    from rich.console import Console

    if sys.stdout.isatty():
        return Console()
    columns = os.environ.get("COLUMNS", "")
    return Console(width=int(columns) if columns.isdecimal() and int(columns) > 0 else _WIDTH)


def _console(console: Console | None) -> Console:
    return console or plain_console()


def print_comparison(
    rows: Sequence[Comparison], measured: Measured | None = None, *, console: Console | None = None
) -> None:
    """Print measured against model with its footnotes; with `measured` also the notes that touch every value."""
    out = _console(console)
    notes: dict[str, str] = {}
    if out.width < _NARROW:
        _print_rows(rows, notes, out)
    else:
        modelled, missing, notes = comparison_tables(rows)
        for table in (modelled, missing):
            if table.rows:
                out.print(_whole_words(table))
    out.print(
        "measured: ± random error (± systematic); model: mean ± standard deviation over models. z: difference over the "
        "combined random error (and what is left of it after the largest systematic shift). compatible: |z| below 2; "
        "too few models: above, but not at 95 % with so few. assumed: put in by hand, or follows from it."
    )
    for number, text in enumerate(notes.values(), start=1):
        out.print(f"{number:3d}  {text}", markup=False, highlight=False)
    for name in measured.general_footnotes if measured is not None else ():
        out.print(f"  *  {measured.footnotes[name] if measured else ''}", markup=False, highlight=False)


def print_hypotheses(verdicts: Sequence[Verdict], *, console: Console | None = None) -> None:
    """Print the verdicts, and what they cannot say; one below the other where a table would split words."""
    out = _console(console)
    if out.width < _NARROW:
        _print_list(verdicts, out)
    else:
        out.print(_whole_words(hypotheses_table(verdicts)))
    few = [verdict.n_models for verdict in verdicts if 0 < verdict.n_models < LEAST_MODELS]
    if few:
        out.print(
            f"Fewer than {LEAST_MODELS} models at each x ({min(few)} here) support no hypothesis and contradict none.",
            style="yellow",
        )


def _print_list(verdicts: Sequence[Verdict], out: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    for verdict in verdicts:
        head = Text.assemble((verdict.id, "bold"), "  ", (verdict.verdict, _STYLES[verdict.verdict]))
        out.print(head.append(f"  {verdict.title}"))
        for line in (effect_text(verdict), _why(verdict)):
            if line:
                out.print(Padding(Text(line), (0, 0, 0, 4)))


def _print_rows(rows: Sequence[Comparison], notes: dict[str, str], out: Console) -> None:
    """Print rows one below the other, for a terminal that is too narrow for the table."""
    from rich.padding import Padding
    from rich.text import Text

    decimals = decimals_of_rows(rows)
    for group in _lines(rows):
        first, digits = group[0], decimals.get((group[0].label, group[0].unit))
        marks = _marks(group, notes)
        where = "" if first.x is None or first.kind == "not modelled" else f", x = {first.x:g}"
        out.print(Text.assemble((f"{_named(first)}{where}", "bold"), f"  [{marks}]" if marks else ""))
        if first.kind == "not modelled":
            values = "; ".join(
                measured_text(row) + ("" if row.x is None else f" ({row.x:g})") for row in group
            )
            lines = [f"measured {values}", f"no model: {first.reason}"]
        else:
            by = [("measured", measured_text(first)), ("model", model_text(first, digits))]
            by += [("difference", difference_text(first, digits)), ("z", _z_text(first))]
            lines = [", ".join(f"{name} {text}" for name, text in by if text)]
            result = _result(first)
            lines.append(f"{first.source}, {first.kind}" + (f": {result}" if result != first.kind else ""))
        for line in lines:
            out.print(Padding(Text(line), (0, 0, 0, 4)))


def print_side_by_side(
    rows: Sequence[SideBySide], studies: Sequence[str], *, console: Console | None = None
) -> None:
    """Print what several studies say of the same hypotheses."""
    from rich.table import Table

    table = Table(title="verdicts side by side", title_justify="left")
    for heading in ("hypothesis", "quantity", "test", *studies, "depends on the study"):
        table.add_column(heading)
    for row in rows:
        cells = [
            f"{verdict}: {interval_text(effect, ci95, row.unit) or '–'}"
            for verdict, effect, ci95 in zip(row.verdicts, row.effects, row.ci95, strict=True)
        ]
        depends = {True: "yes", False: "no", None: "undecided"}[row.depends]
        table.add_row(row.title, row.quantity, row.test, *cells, depends)
    _console(console).print(table)


def print_models(quantities: Sequence[Quantity], *, console: Console | None = None) -> None:
    """Print the model values."""
    _console(console).print(models_table(quantities))


def print_roles(rows: Sequence[IonRole], answer: Answer, *, console: Console | None = None) -> None:
    """Print what each cation is on every scale, and what speaks for and against one of them as a modifier."""
    out = _console(console)
    table = _table(
        "former or modifier: mean ± standard deviation over models",
        "cation",
        "x",
        "protocol",
        right=("models", "coordination", "bonds to bridging O", "z/r (e/Å)", "z/d² (e/Å²)", "kJ/mol a bond"),
    )
    for name in ("Dietzel", "Sun", "the Encyclopedia", "the paper"):
        table.add_column(name, overflow="fold")
    for row in rows:
        bridging, spread = row.numbers["bridging_share"]
        table.add_row(
            row.ion,
            f"{row.la:g}",
            row.protocol or "",
            str(row.n_models),
            with_error(*row.numbers["coordination"]),
            f"{with_error(100 * bridging, 100 * spread)} %",
            f"{row.field_strength:.2f}",
            with_error(*row.numbers["dietzel"]),
            with_error(*row.numbers["sun"]),
            *(" / ".join(row.classes[scale]) for scale in ("dietzel", "sun", "table")),
            row.paper,
        )
    out.print(table)
    out.print(f"Is {answer.ion} a network modifier? {answer.answer}", highlight=False)
    for one in answer.evidence:
        out.print(f"  {one.says:8s} {one.of}: {one.words}", markup=False, highlight=False)
    out.print(
        "yes: all that speaks is for; no: all is against; disputed: both; undecided: neither, or fewer than "
        f"{LEAST_MODELS} models of a composition",
        highlight=False,
    )
