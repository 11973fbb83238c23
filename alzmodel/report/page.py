"""The report: one HTML file that needs no network, with the verdicts first."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alzmodel.compare.by_potential import each_verdict
from alzmodel.compare.digits import decimals_of, interval_text, signed
from alzmodel.compare.verdicts import LEAST_MODELS
from alzmodel.errors import InputError
from alzmodel.io import json_text, write_text
from alzmodel.report.opening import opening_html
from alzmodel.report.overlay import overlay_script, overlay_section
from alzmodel.report.potential_table import GATE_NOTE, potential_table
from alzmodel.report.table import decimals_of_rows, difference_text, measured_text, model_text
from alzmodel.report.viewer import viewer_scripts, viewer_section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.measured import Measured
    from alzmodel.compare.rivals import RivalRow
    from alzmodel.compare.verdicts import Verdict
    from alzmodel.report.opening import Opening
    from alzmodel.report.overlay import LaidCurve
    from alzmodel.report.viewer import ModelView

__all__ = ["Page", "PageFigure", "page_html", "write_page"]

_FOLDER: Final = Path(__file__).parent
LONG_WARNING: Final = 320
"""Characters; longer warnings are folded."""
# What a browser may load: nothing but what stands in the file itself.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

_MODELS: Final = "The models and what they are"
_NUMBERS: Final = "Every number of the models: mean ± standard deviation (models)"
_POTENTIALS: Final = "Every claim on every potential: verdict, effect with its 95 % interval, models"
_SCREEN: Final = "Dopants, and what they change against the undoped glass"


@dataclass(frozen=True, slots=True)
class PageFigure:
    """One figure of the page.

    Attributes
    ----------
    title, caption : str
    svg : pathlib.Path
        Drawn by :mod:`alzmodel.report.figures`; it is set into the page.
    csv : pathlib.Path or None
        Its numbers, offered for download.
    """

    title: str
    caption: str
    svg: Path
    csv: Path | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows.

    Attributes
    ----------
    title : str
    verdicts, rows
        From :func:`alzmodel.compare.verdicts.judge_hypotheses` and
        :func:`alzmodel.compare.comparison.compare_models`.
    measured : Measured
        For the citation and the notes that touch every value.
    figures : sequence of PageFigure
    warnings : sequence of str
        What is missing or of an earlier version; it stands at the top.
    notes : sequence of str
        What is provisional, small or assumed about the models that are there; folded.
    protocol, provenance : mapping
        Shown as they are, folded.
    models : sequence of ModelView
        Shown in three dimensions, one at a time.
    model_table : sequence of mapping
        One row a model, its values by column.
    numbers : sequence of mapping
        From :func:`alzmodel.report.table.models_rows`; shown folded.
    screen : sequence of mapping
        One row a dopant, its values by column.
    screen_note : str
        How dopants are ranked.
    rivals
        From :func:`alzmodel.compare.rivals.rival_rows`.
    opening : Opening or None
        What stands first.
    curves : sequence of LaidCurve
        What readers can lay a measured file over.
    wavelength : float
        Å, of the powder patterns among `curves`.
    """

    title: str
    verdicts: Sequence[Verdict]
    rows: Sequence[Comparison]
    measured: Measured
    figures: Sequence[PageFigure] = ()
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    protocol: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    models: Sequence[ModelView] = ()
    model_table: Sequence[Mapping[str, Any]] = ()
    numbers: Sequence[Mapping[str, Any]] = ()
    screen: Sequence[Mapping[str, Any]] = ()
    screen_note: str = ""
    rivals: Sequence[RivalRow] = ()
    opening: Opening | None = None
    curves: Sequence[LaidCurve] = ()
    wavelength: float = 1.5406


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    value: float | None = None
    kind: str = ""
    number: bool = False


def write_page(path: str | Path, page: Page) -> Path:
    """Write the page, whole or not at all.

    Raises
    ------
    InputError
        If a figure's file is missing.
    """
    target = Path(path)
    write_text(target, page_html(page))
    return target


def page_html(page: Page) -> str:
    """Make the page: self-contained, without dates, so that equal studies give equal pages.

    Raises
    ------
    InputError
        If a figure's file is missing.
    """
    few = sorted({v.n_models for v in page.verdicts if 0 < v.n_models < LEAST_MODELS})
    notes = list(page.notes)
    if few:
        notes.append(
            f"Fewer than {LEAST_MODELS} models at each x ({few[0]} here) support no hypothesis and contradict none."
        )
    first = "" if page.opening is None else opening_html(page.opening)
    sections = [
        ("summary", "Summary", first + _brief(page.verdicts) + _notes(notes)),
        ("figures", "Figures", "".join(_figure(one, i) for i, one in enumerate(page.figures, start=1))),
        ("data", "Your data", overlay_section(page.curves, page.wavelength)),
        (
            "verdicts",
            "Verdicts",
            _verdicts(page.verdicts)
            + _rows_table(_POTENTIALS, potential_table(page.verdicts), GATE_NOTE)
            + _parts(page.verdicts)
            + _rivals(page.rivals),
        ),
        ("comparison", "Measured and modelled", _comparison(page)),
        ("screen", "Dopants", _rows_table(_SCREEN, page.screen, page.screen_note)),
        (
            "models",
            "Models",
            viewer_section(page.models) + _rows_table(_MODELS, page.model_table) + _numbers(page.numbers),
        ),
        ("protocol", "Protocol", _settings(page.protocol)),
        ("provenance", "Provenance", _folded("Models, versions and inputs", page.provenance)),
    ]
    shown = [section for section in sections if section[2]]
    links = " ".join(f'<a href="#{name}">{escape(title)}</a>' for name, title, _ in shown)
    body = "\n".join(
        f'<section id="{name}" aria-labelledby="h-{name}"><h2 id="h-{name}">{escape(title)}</h2>\n{text}</section>'
        for name, title, text in shown
    )
    notice = "".join(f"<li>{_warning(warning)}</li>" for warning in page.warnings)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{escape(page.title)}</title>
<style>
{(_FOLDER / "page.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<header><h1>{escape(page.title)}</h1>
<nav aria-label="Sections">{links}</nav>
{f'<div class="warnings" role="note"><ul>{notice}</ul></div>' if notice else ""}</header>
<main>
{body}
</main>
<script>
{(_FOLDER / "page.js").read_text(encoding="utf-8")}</script>
{overlay_script() if page.curves else ""}
{viewer_scripts() if page.models else ""}
</body>
</html>
"""


def _warning(text: str) -> str:
    """Fold a long list, so that on a phone the verdicts are not pages away."""
    if len(text) <= LONG_WARNING:
        return escape(text)
    shown = text[: text.rfind(" ", 0, LONG_WARNING // 2)]
    return f"<details><summary>{escape(shown)} …</summary>{escape(text)}</details>"


def _brief(verdicts: Sequence[Verdict]) -> str:
    """One line a claim, which fits the screen of a phone; those that are decided first, the others folded."""
    decided = [one for one in verdicts if one.verdict in {"supported", "contradicted", "qualified"}]
    others = [one for one in verdicts if one not in decided]
    text = _lines(decided)
    if others:
        counted = Counter(one.verdict for one in others)
        words = ", ".join(f"{number} {word}" for word, number in counted.items())
        text += f"<details><summary>{words}</summary>{_lines(others)}</details>\n"
    return text


def _lines(verdicts: Sequence[Verdict]) -> str:
    lines = "".join(
        f"<li><strong>{escape(verdict.id)}</strong> {escape(verdict.title)}: "
        f'<span class="{verdict.verdict.replace(" ", "-")}">{escape(_words(verdict))}</span></li>'
        for verdict in verdicts
    )
    return f'<ul class="brief">{lines}</ul>\n' if lines else ""


def _words(verdict: Verdict) -> str:
    """Give the verdict; with the potentials that it holds on, where there are several."""
    return verdict.words if len(verdict.by_potential) > 1 else verdict.verdict


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    lines = "".join(f"<li>{_warning(note)}</li>" for note in notes)
    words = f"{len(notes)} note{'s' if len(notes) > 1 else ''} on these models"
    return f'<details class="warnings"><summary>{words}</summary><ul>{lines}</ul></details>\n'


def _table(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[_Cell]], *, stacked: bool = False
) -> str:
    """Write a table that can be sorted; a stacked one has its cells below each other on a narrow screen."""
    head = "".join(f'<th scope="col"><button type="button">{escape(name)}</button></th>' for name in heads)
    names = heads if stacked else [""] * len(heads)
    body = "".join(f"<tr>{''.join(map(_td, row, names))}</tr>\n" for row in rows)
    kind = "sortable stacked" if stacked else "sortable"
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table class="{kind}">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )


def _td(cell: _Cell, head: str = "") -> str:
    kinds = " ".join(name for name in (cell.kind.replace(" ", "-"), "number" if cell.number else "") if name)
    value = "" if cell.value is None else f' data-value="{cell.value!r}"'
    named = f' class="{kinds}"' if kinds else ""
    told = f' data-head="{escape(head)}"' if head else ""
    return f"<td{named}{value}{told}>{escape(cell.text)}</td>"


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for verdict in verdicts:
        effect = interval_text(verdict.effect, verdict.ci95, verdict.unit)
        needed = verdict.models_needed
        rows.append(
            [
                _Cell(verdict.id),
                _Cell(verdict.statement),
                _Cell(_words(verdict), kind=verdict.verdict),
                _Cell(verdict.quantity),
                _Cell(effect, verdict.effect, number=True),
                _Cell("" if verdict.p is None else f"{verdict.p:.2g}", verdict.p, number=True),
                _Cell(
                    str(verdict.n_models) if verdict.n_models else "", float(verdict.n_models), number=True
                ),
                _Cell(
                    "" if needed is None else str(needed),
                    None if needed is None else float(needed),
                    number=True,
                ),
                _Cell(verdict.reason),
            ]
        )
    heads = (
        "id",
        "claim",
        "verdict",
        "decided by",
        "effect, 95 %",
        "p (Holm)",
        "models at each x",
        "would decide",
        "why",
    )
    return _table("What the models say about each claim", heads, rows, stacked=True)


def _parts(verdicts: Sequence[Verdict]) -> str:
    """Every part of every claim: what was compared, and what so many models could have found."""
    rows = []
    several = any(len(verdict.by_potential) > 1 for verdict in verdicts)
    for verdict in each_verdict(verdicts):
        name = f"{verdict.id}, {verdict.potential}" if several and verdict.potential else verdict.id
        for part in verdict.parts:
            decimals = decimals_of(part.ci95)
            means = ", ".join(
                f"{name}: {mean:.4g}" if decimals is None else f"{name}: {mean:.{decimals}f}"
                for name, mean in zip(part.levels, part.means, strict=True)
            )
            tested = not part.problem
            rows.append(
                [
                    _Cell(name),
                    _Cell(f"{part.quantity} ({part.unit})" if part.unit else part.quantity),
                    _Cell(part.test),
                    _Cell(means or part.problem, kind="" if tested else "not testable"),
                    _Cell(
                        interval_text(part.effect, part.ci95),
                        part.effect,
                        number=True,
                    ),
                    _probability(part.p_for if tested else None),
                    _probability(part.p_against if tested else None),
                    _probability(part.measured, sign=True),
                    _probability(part.power),
                    _probability(part.detectable),
                    _Cell(part.evidence),
                ]
            )
    heads = (
        "id",
        "quantity",
        "claim",
        "mean over models",
        "effect, 95 %",
        "p for",
        "p against",
        "measured size",
        "power",
        "detectable",
        "evidence in the measurement",
    )
    if not rows:
        return ""
    table = _table("Every part of every claim", heads, rows)
    return (
        f"<details><summary>Every part of every claim: {len(rows)} tests</summary>\n{table}"
        "<p class='small'>p: one-sided, not corrected for the number of hypotheses. Power: how often as many models "
        "with this spread would support the part if the truth were of the measured size (where sameness is claimed: "
        "if there were no difference). Detectable: the size that they find in four of five studies.</p></details>\n"
    )


def _probability(value: float | None, *, sign: bool = False) -> _Cell:
    if value is None:
        return _Cell("")
    return _Cell(f"{value:+.2g}" if sign else f"{value:.2g}", value, number=True)


def _rivals(rows: Sequence[RivalRow]) -> str:
    """Rival readings of one measurement, a table each."""
    text = ""
    for ids, potential in dict.fromkeys((row.ids, row.potential) for row in rows):
        cells = [
            [
                _Cell(f"{row.quantity} ({row.unit})" if row.unit else row.quantity),
                _Cell(row.claims[0]),
                _Cell(row.claims[1]),
                _Cell(row.evidence),
                _Cell(_by_content(row.predicted)),
                _Cell(_by_content(row.assumed), kind="assumed"),
            ]
            for row in rows
            if (row.ids, row.potential) == (ids, potential)
        ]
        heads = (
            "property",
            f"{ids[0]} expects",
            f"{ids[1]} expects",
            "measured",
            "models, nothing put in",
            "models with inserted nuclei (assumed)",
        )
        on = f", {potential}" if potential else ""
        text += _table(f"{ids[0]} and its rival {ids[1]}{on}", heads, cells)
    return text


def _by_content(values: Sequence[tuple[float, float | None, int]]) -> str:
    if not values:
        return "no model"
    if all(mean is None for _, mean, _ in values):
        return "no such peak in the models"
    return ", ".join(f"{x:g}: {'none' if mean is None else f'{mean:.3g}'}" for x, mean, _ in values)


def _comparison(page: Page) -> str:
    notes: dict[str, str] = {}
    modelled, missing = [], []
    decimals = decimals_of_rows(page.rows)
    for row in page.rows:
        digits = decimals.get((row.label, row.unit))
        notes.update(row.footnotes)
        order = list(notes)
        marks = _Cell(", ".join(str(order.index(name) + 1) for name in row.footnotes))
        first = [
            _Cell(f"{row.label} ({row.unit})" if row.unit else row.label),
            _Cell("" if row.x is None else f"{row.x:g}", row.x, number=True),
            _Cell(
                measured_text(row),
                row.measured if isinstance(row.measured, float | int) else None,
                number=True,
            ),
        ]
        if row.kind == "not modelled":
            missing.append([*first, _Cell(row.reason, kind=row.kind), marks])
            continue
        beyond = row.z_beyond_systematic if row.systematic else None
        result = (
            row.agreement
            if not row.reason or row.agreement == "assumed"
            else f"{row.agreement}: {row.reason}"
        )
        modelled.append(
            [
                *first,
                _Cell("" if row.n_models == 0 else model_text(row, digits), row.model, number=True),
                _Cell(difference_text(row, digits), row.difference, number=True),
                _Cell("" if row.z is None else signed(row.z, 1), row.z, number=True),
                _Cell("" if beyond is None else signed(beyond, 1), beyond, number=True),
                _Cell(f"{row.source}, {row.kind}" if row.source else row.kind, kind=row.kind),
                _Cell(result, kind=row.agreement),
                marks,
            ]
        )
    heads = ("quantity", "x", "measured (± systematic)")
    more = ("model (models)", "difference", "z", "z beyond systematic", "model is", "result", "notes")
    text = ""
    if modelled:
        text = _table(f"Against {page.measured.title}", (*heads, *more), modelled)
        text += (
            "<p class='small'>z: difference over the combined random error; the systematic error is kept apart."
            " compatible: |z| below 2; too few models: above, but not at 95 % with so few."
            " assumed: put in by hand, or follows from what was.</p>\n"
        )
    if missing:
        table = _table(
            "Measured, and not modelled", (*heads, "why there is no model value", "notes"), missing
        )
        text += f"<details><summary>{len(missing)} measured values without a model value</summary>\n{table}</details>\n"
    text += "<ol class='notes'>" + "".join(f"<li>{escape(note)}</li>" for note in notes.values()) + "</ol>\n"
    general = "".join(
        f"<li>{escape(page.measured.footnotes[name])}</li>" for name in page.measured.general_footnotes
    )
    doi = f" doi:{escape(page.measured.doi)}" if page.measured.doi else ""
    return (
        text + f"<ul class='small'>{general}<li>Measured: {escape(page.measured.citation)}{doi}</li></ul>\n"
    )


def _figure(figure: PageFigure, number: int) -> str:
    title = escape(f"Figure {number}. {figure.title}")
    name = escape(figure.svg.stem)
    links = "".join(
        f' <button type="button" class="download" data-as="{kind.lower()}" data-name="{name}" '
        f'aria-label="{title}: picture ({kind})">{kind}</button>'
        for kind in ("PNG", "SVG")
    )
    if figure.csv is not None:
        data = base64.b64encode(_read(figure.csv).encode("utf-8")).decode("ascii")
        links += (
            f' <a class="download" download="{escape(figure.csv.name)}"'
            f' href="data:text/csv;charset=utf-8;base64,{data}" aria-label="{title}: numbers (CSV)">numbers (CSV)</a>'
        )
    return (
        f'<figure id="figure-{number}"><div role="img" aria-label="{escape(figure.title)}">'
        f"{_inline(_read(figure.svg), f'f{number}-', figure.title)}</div>\n"
        f"<figcaption><strong>{title}.</strong> {escape(figure.caption)}{links}"
        "</figcaption></figure>\n"
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); allowed: a figure that was drawn"
        ) from error


def _inline(svg: str, prefix: str, title: str) -> str:
    """Take the svg element alone, titled, its names unique in the page, without metadata that names other hosts."""
    start = svg.find("<svg")
    if start < 0:
        raise InputError(f"figure: {svg[:40]!r}; allowed: SVG")
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", svg[start:], flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = re.sub(r'href="#', f'href="#{prefix}', text)
    text = re.sub(r"url\(#", f"url(#{prefix}", text)
    end = text.index(">") + 1
    return f"{text[:end]}<title>{escape(title)}</title>{text[end:]}"


def _rows_table(caption: str, rows: Sequence[Mapping[str, Any]], note: str = "") -> str:
    if not rows:
        return ""
    heads = list(dict.fromkeys(key for row in rows for key in row))
    table = _table(caption, heads, [[_value(row.get(key)) for key in heads] for row in rows])
    return f"<p>{escape(note)}</p>\n{table}" if note else table


def _numbers(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    table = _rows_table(_NUMBERS, rows)
    return f"<details><summary>{escape(_NUMBERS)}</summary>\n{table}</details>\n"


def _value(value: Any) -> _Cell:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _Cell("" if value is None else str(value))
    return _Cell(f"{value:.5g}" if isinstance(value, float) else str(value), float(value), number=True)


def _settings(content: Mapping[str, Any]) -> str:
    """Nested settings as one table, the keys joined by dots as they stand in the study file."""
    rows = [[_Cell(key), _Cell(text)] for key, text in _flat(content)]
    return _table("Settings by name", ("setting", "value"), rows) if rows else ""


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            yield f"{prefix}{key}", value
        elif value is not None:
            yield f"{prefix}{key}", json_text(value)


def _folded(title: str, content: Mapping[str, Any]) -> str:
    if not content:
        return ""
    text = escape(json_text(content, indent=1))
    # Dozens of pages: printed only where a reader has opened it.
    return (
        f"<details class='long'><summary>{escape(title)}</summary><pre tabindex='0'>{text}</pre></details>\n"
    )
