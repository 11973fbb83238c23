"""Columns of numbers in text: what is a number, what is a title, and which column is what."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.scattering.curves.kinds import kind_of_header, kind_of_title
from alzmodel.scattering.curves.radiation import wavelengths_of_header
from alzmodel.scattering.curves.scan import Scan, Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["Table", "read_table", "scan_of_table"]

_COMMENT: Final = re.compile(r"^\s*[#!;%'\"/*]")
_START: Final = re.compile(r"^\s*#+\s*start\s+(?:of\s+)?data", re.IGNORECASE)
_DECIMAL_COMMA: Final = re.compile(r"\d,\d")
_OTHER_SEPARATOR: Final = re.compile(r"\d[;\s]+[-+.\d]")
_WITH_ERROR: Final = re.compile(r"^([-+]?)(\d*)(?:\.(\d*))?\((\d+)\)((?:[eEdD][-+]?\d+)?)$")
_MARKS: Final = re.compile(r"^(?:[\s#!;%'\"/*>-]|L\s)+")
_NAME_LINE: Final = re.compile(r"\s{2,}|\t")
_TITLE: Final = re.compile(r"[^\s(\[]+(?:\s*[(\[][^)\]]*[)\]])*")
_CALLED_ERROR: Final = re.compile(r"^sig|sigma|error|esd|std|uncertainty|σ", re.IGNORECASE)
_LEAST_ERROR: Final = 1e-30
_LARGEST_ERROR: Final = 1e30
_NO_ERROR: Final = 0.5
"""An error of half of y in the middle of a file is none: the column is another curve."""
_COUNTS: Final = 10
"""Counts of less have errors of about as much."""
_FEW: Final = 3
_KIND_OF_ENDING: Final = {".gr": "r", ".sq": "Q", ".fq": "Q", ".iq": "Q"}
_ROLES: Final = tuple(
    (role, re.compile(pattern, re.IGNORECASE))
    for role, pattern in (
        ("error of x", r"^d_?[rqx]$|^δ[rqx]"),
        (
            "error",
            (
                r"sigma|error|e\.?s\.?d\b|std|uncertainty|σ|^sig[_ ]?[a-z]?$|\bunc\b|^e(?:rr)?$|\berr\b"
                r"|^d_?(?:y|i|g|gr|s|f|sq|fq|int)(?![a-z])|±"
            ),
        ),
        ("background", r"b(?:ac)?k[\s_-]?g(?:r(?:ou)?n?d)?|^back|^bg\b|baseline"),
        ("difference", r"diff|delta|resid|obs\w*\s*[-−]\s*\w*cal|^gdiff"),
        ("calculated", r"calc|cal$|^fit|^model|simul|^best|\brmc\b"),
        ("weight", r"weight|^wt?$"),
        (
            "other",
            r"time|index|^i_?0$|^no\.?$|^n$|^#|phase|pos|tick|hkl|atten|monitor|^temp|mask|norm\w*[\s_-]?factor|^unnamed|^$",
        ),
        ("observed", r"obs|exp(?:t|erimental)?\b|meas|raw"),
        ("curve", r"intens|count|\bcps\b|\bpsd\b|varian|^[yivgtsf](?![a-z])|^lin\b"),
    )
)


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers of a text file.

    `rows` has shape (n, columns), `errors` the same: what stands in brackets behind a number, as 1.234(5) has it, else
    NaN. `header` are the lines without numbers, `titles` the names of the columns if there are any.
    """

    rows: FloatArray
    errors: FloatArray
    header: tuple[str, ...]
    titles: tuple[str, ...]

    def below(self) -> Table:
        """Return the table without its first row."""
        return replace(self, rows=self.rows[1:], errors=self.errors[1:])


def read_table(text: str, name: str) -> Table:
    """Rows of numbers, and all the other lines.

    What stands before a line such as ``##### start data`` is header, numbers or not.

    Raises
    ------
    InputError
        If rows differ in length, or words stand between numbers.
    """
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _START.match(line)]
    header = [line for line in lines[: starts[-1] + 1] if line.strip()] if starts else []
    rows: list[list[float]] = []
    errors: list[list[float]] = []
    for line in lines[starts[-1] + 1 :] if starts else lines:
        if not line.strip():
            continue
        row = _numbers(line)
        if row is None:
            if rows and not _COMMENT.match(line):
                raise InputError(f"{name}: '{line.strip()[:40]}' among the numbers; allowed: columns x, y")
            header.append(line)
            continue
        values, brackets = row
        if len(values) < 2:
            # The fourth line of a .chi file is the number of points.
            if rows:
                raise InputError(f"{name}: a row with one number; allowed: columns x, y and optionally sigma")
            continue
        if (
            _DECIMAL_COMMA.search(line)
            and not set(line.strip()) & {";", "\t"}
            and _OTHER_SEPARATOR.search(line)
        ):
            raise InputError(
                f"{name}: decimal commas in '{line.strip()[:40]}'; "
                "allowed: decimal points, or columns apart by semicolons or tabs"
            )
        if rows and len(values) != len(rows[0]):
            raise InputError(
                f"{name}: {len(values)} numbers in row {len(rows) + 1}, {len(rows[0])} above; allowed: as many in each"
            )
        rows.append(values)
        errors.append(brackets)
    width = len(rows[0]) if rows else 2
    return Table(
        np.array(rows, dtype=float).reshape(-1, width),
        np.array(errors, dtype=float).reshape(-1, width),
        tuple(header),
        _titles(header, width),
    )


def _numbers(line: str) -> tuple[list[float], list[float]] | None:
    """Numbers of a line, which spreadsheets may put in quotes, and errors in brackets; None if it holds words."""
    if '","' in line:
        # Spreadsheets put numbers with decimal commas in quotes.
        line = ";".join(word.strip(' "') for word in line.strip().split('","'))
    bare = line.replace('"', "")
    if _COMMENT.match(bare):
        return None
    # Between semicolons and tabs a comma can only be a decimal one.
    if ";" in bare or ("\t" in bare.strip() and "," in bare and not re.search(r",[\s]", bare)):
        words = re.split(r"[;\t]+" if ";" in bare else r"\t+", bare.strip().strip(";").replace(",", "."))
    else:
        words = re.split(r"[,\s]+", bare.strip().strip(","))
    values, errors = [], []
    for word in words:
        found = _number(word.strip())
        if found is None:
            return None
        values.append(found[0])
        errors.append(found[1])
    return values, errors


def _number(word: str) -> tuple[float, float] | None:
    try:
        return float(word), float("nan")
    except ValueError:
        pass
    try:
        # Fortran writes double precision with a D.
        return float(re.sub(r"(?<=[\d.])[dD](?=[-+]?\d)", "e", word)), float("nan")
    except ValueError:
        pass
    match = _WITH_ERROR.match(word)
    if match is None or not (match[2] or match[3]):
        return None
    sign, whole, decimals, error, power = match.groups()
    power = re.sub("[dD]", "e", power)
    value = float(f"{sign}{whole or 0}.{decimals or 0}{power}")
    return value, float(f"{error}e{-len(decimals or '')}") * float(f"1{power}")


def _titles(header: Sequence[str], width: int) -> tuple[str, ...]:
    """Names of the columns: of the line with as many words of which most are known, the nearest to the numbers."""
    best: tuple[str, ...] = ()
    known = 0
    for line in reversed(header[-12:]):
        if "=" in line:
            continue
        for found in _splits(_MARKS.sub("", line).rstrip(" ,;\t")):
            words = tuple(word.strip(" '\"#") for word in found)
            if len(words) != width or any(_number(word) or word.startswith(("(", "[")) for word in words):
                continue
            score = sum(bool(kind_of_title(word)) or _role(word) not in {None, "other"} for word in words)
            if score > known:
                best, known = words, score
    return best


def _splits(line: str) -> list[list[str]]:
    found = [line.split(mark) for mark in (";", "\t", ",") if mark in line]
    # A table may begin with an index that has no title.
    return [*found, _NAME_LINE.split(line), _TITLE.findall(line), line.split()]


def _role(title: str) -> str | None:
    return next((role for role, pattern in _ROLES if pattern.search(title)), None)


def scan_of_table(table: Table, ending: str, name: str, columns: str | None = None) -> Scan:
    """Columns x, y and error of a table: by `columns` if given, by titles, else as they stand.

    Parameters
    ----------
    table
        From :func:`read_table`.
    ending
        Of the file, lower case.
    name
        Of the file.
    columns
        Numbers from 1 or titles of x, y and optionally the error of y, such as "1,2,4".

    Raises
    ------
    InputError
        If there are fewer than three rows, or `columns` names what is not there.
    """
    rows, titles = table.rows, table.titles
    if len(rows) < _FEW:
        raise InputError(
            f"{name}: holds {len(rows)} rows of numbers; allowed: at least {_FEW} rows of x and y"
        )
    notes: tuple[str, ...] = ()
    if columns is not None:
        x, y, error = _asked(columns, titles, rows.shape[1], name)
    elif titles:
        x, y, error = _by_title(titles)
        notes = _left_out(titles, x, y, name)
    else:
        x, y, error, notes = _as_they_stand(table, ending, name)
    sigma = None if error is None else rows[:, error]
    if sigma is None and np.isfinite(table.errors[:, y]).all():
        sigma = table.errors[:, y]
    if sigma is not None:
        named = error is not None and bool(titles) and _CALLED_ERROR.search(titles[error]) is not None
        sigma = _checked(sigma, name, insist=columns is not None or named or ending == ".xye")
    first, second = wavelengths_of_header(table.header, name)
    stated = (kind_of_title(titles[x]) if titles else None) or kind_of_header(table.header)
    if stated is None and ending in _KIND_OF_ENDING:
        stated = Statement(_KIND_OF_ENDING[ending], with_unit=False)
    return Scan(rows[:, x], rows[:, y], sigma, stated, first, second, notes=notes)


def _asked(columns: str, titles: Sequence[str], width: int, name: str) -> tuple[int, int, int | None]:
    words = [word.strip() for word in columns.split(",")]
    if len(words) not in {2, 3}:
        raise InputError(
            f"--columns {columns}: {len(words)} columns; allowed: x,y or x,y,error, such as 1,2,4"
        )
    found = []
    for word in words:
        if word in titles:
            found.append(titles.index(word))
        elif word.isdigit() and 1 <= int(word) <= width:
            found.append(int(word) - 1)
        else:
            known = f" or {', '.join(titles)}" if titles else ""
            raise InputError(
                f"--columns {columns}: {name} has no column {word}; allowed: 1 to {width}{known}"
            )
    if len(set(found)) != len(found):
        raise InputError(f"--columns {columns}: a column twice; allowed: each once")
    return found[0], found[1], found[2] if len(found) == 3 else None


def _by_title(titles: Sequence[str]) -> tuple[int, int, int | None]:
    roles = [_role(title) for title in titles]
    x = next((n for n, title in enumerate(titles) if kind_of_title(title) and roles[n] is None), None)
    if x is None:
        x = next((n for n, title in enumerate(titles) if kind_of_title(title)), 0)
    if x == len(titles) - 1:
        x = 0
    later = range(x + 1, len(titles))
    y = next(
        (n for wanted in ("observed", "curve", None, "calculated") for n in later if roles[n] == wanted),
        x + 1,
    )
    error = next((n for n in later if n != y and roles[n] == "error"), None)
    return x, y, error


def _left_out(titles: Sequence[str], x: int, y: int, name: str) -> tuple[str, ...]:
    """Say which columns could be a curve just as well."""
    others = [
        title
        for number, title in enumerate(titles)
        if number not in {x, y} and _role(title) in {None, "curve", "observed"} and not kind_of_title(title)
    ]
    if not others:
        return ()
    return (
        f"{name}: column {titles[y]} is taken; {', '.join(others)} are left out, --columns states another",
    )


def _as_they_stand(table: Table, ending: str, name: str) -> tuple[int, int, int | None, tuple[str, ...]]:
    width = table.rows.shape[1]
    if width == 2:
        return 0, 1, None, ()
    if ending == ".xye":
        return 0, 1, 2, ()
    known = "--columns states others"
    if width > 3 or ending in {".csv", ".tsv"}:
        if ending in {".gr", ".sq", ".fq", ".iq"}:
            # PDFgetX and PDFgetN write x, y, dx, dy.
            return 0, 1, 3, ()
        words = f"{width} columns without titles: 1 is taken for x, 2 for y, none for its error"
        return 0, 1, None, (f"{name}: {words}; {known}",)
    y, third = np.abs(table.rows[:, 1]), np.abs(table.rows[:, 2])
    strong = y > 0
    if strong.any() and y.max() > _COUNTS and float(np.median(third[strong] / y[strong])) > _NO_ERROR:
        return 0, 1, None, (f"{name}: column 3 is too large for the error of column 2 and left out; {known}",)
    return 0, 1, 2, ()


def _checked(sigma: FloatArray, name: str, *, insist: bool) -> FloatArray | None:
    """Errors above zero; None where they are not and nothing says that the column holds errors."""
    good = np.isfinite(sigma) & (sigma > _LEAST_ERROR) & (sigma < _LARGEST_ERROR)
    if good.all():
        return sigma
    if insist:
        row = int(np.argmin(good))
        raise InputError(
            f"{name}: the error of y is {sigma[row]:g} in row {row + 1}; allowed: above zero (or no third column)"
        )
    return None
