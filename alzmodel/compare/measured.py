"""Measured values from one TOML file: what they are, how sure they are, and what is odd about them."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alzmodel.compare.quantities import SOURCES, convert, quantity_info
from alzmodel.errors import InputError
from alzmodel.reading import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Coverage", "Measured", "MeasuredValue", "explain", "load_measured", "read_toml"]

Coverage = Literal["ci95", "unstated", "rounding", "none"]
_DEFAULT_FILE: Final = Path(__file__).with_name("measured.toml")
_NORMAL_95: Final = 1.959964
_CONTENT: Final = {"value", "low", "high", "text"}
_NUMBERS: Final = {"wavelength_A", "probe_diameter_nm", "patterns_per_scan_at_least"}
_WINDOWS: Final = "fit_windows_per_nm"
# Strict: `true` is no number. The ends are far beyond anything measured, and squares of them are finite.
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e30, le=1e30, strict=True)]
Error = Annotated[float, Field(allow_inf_nan=False, gt=0, le=1e30, strict=True)]


class _Point(BaseModel):
    model_config = ConfigDict(extra="forbid")
    x: Finite | None = None
    value: Finite | None = None
    low: Finite | None = None
    high: Finite | None = None
    text: str | None = None
    error: Error | None = None
    systematic: Error | None = None
    footnotes: list[str] = []

    def shown(self) -> str:
        parts = [
            f"{key} = {item}" for key, item in self.model_dump(include=_CONTENT).items() if item is not None
        ]
        return ", ".join(parts) or "no value"


class _Series(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    label: str
    quantity: str | None = None
    sources: list[Literal["glass", "glass-ceramic", "crystal"]] = []
    unit: str
    method: str
    state: str = "annealed"
    source: str
    coverage: Coverage = "none"
    error: Error | None = None
    systematic: Error | None = None
    derived: bool = False
    not_modelled: str | None = None
    footnotes: list[str] = []
    points: list[_Point] = Field(min_length=1)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    schema_: Literal[1] = Field(alias="schema")
    title: str
    citation: str
    doi: str = ""
    license: str = ""
    general_footnotes: list[str] = []
    footnotes: dict[str, str] = {}
    methods: dict[str, dict[str, Any]] = {}
    series: list[_Series] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One measured number, range or statement.

    Attributes
    ----------
    id : str
        ``series`` or ``series@x``.
    series, label, unit, method, state, source : str
        Name of the series, words for it, unit, method key, state of the specimen, place in the publication.
    quantity : str or None
        Model quantity that it is compared with; None if nothing of the kind is modelled.
    sources : tuple of str
        Kinds of model that it may be compared with, the closest to the specimen first.
    x : float or None
        La per formula unit; None where the value holds for every x.
    value, low, high : float or None
        A number, or the ends of a range.
    text : str or None
        A statement, where no number was given.
    error : float or None
        Random error as stated, with the meaning that `coverage` gives.
    systematic : float or None
        Largest common shift that the source admits.
    derived : bool
        Computed from other numbers of the source.
    footnotes : tuple of str
        Keys of :attr:`Measured.footnotes`.
    not_modelled : str or None
        Why there is no model value for it.
    """

    id: str
    series: str
    label: str
    unit: str
    method: str
    state: str
    source: str
    quantity: str | None
    sources: tuple[str, ...]
    x: float | None
    value: float | None
    low: float | None
    high: float | None
    text: str | None
    error: float | None
    systematic: float | None
    coverage: Coverage
    derived: bool
    footnotes: tuple[str, ...]
    not_modelled: str | None

    @property
    def shown(self) -> float | list[float] | str:
        """The number, the range as ``[low, high]``, or the words."""
        if self.value is not None:
            return self.value
        if self.low is not None and self.high is not None:
            return [self.low, self.high]
        return self.text or ""

    @property
    def standard_error(self) -> float | None:
        """`error` as one standard deviation: 95 % half widths over 1.96, rounding as a uniform distribution.

        An error whose coverage the source leaves open is taken as one standard deviation.
        """
        return standard_error(self.error, self.coverage)


def standard_error(error: float | None, coverage: str) -> float | None:
    """Turn an error with a coverage, as :attr:`MeasuredValue.coverage` has it, into one standard deviation."""
    if error is None:
        return None
    if coverage == "ci95":
        return error / _NORMAL_95
    if coverage == "rounding":
        return error / math.sqrt(3)
    return error


@dataclass(frozen=True, slots=True)
class Measured:
    """The measured values of one publication or data file.

    Attributes
    ----------
    title, citation, doi : str
    values : tuple of MeasuredValue
        In the order of the file.
    footnotes : mapping of str to str
    general_footnotes : tuple of str
        Footnotes that touch every value.
    methods : mapping
        Instrument settings and specimens by method.
    path : pathlib.Path
        The file read.
    """

    title: str
    citation: str
    doi: str
    values: tuple[MeasuredValue, ...]
    footnotes: Mapping[str, str]
    general_footnotes: tuple[str, ...]
    methods: Mapping[str, Mapping[str, Any]]
    path: Path

    def series(self, name: str) -> tuple[MeasuredValue, ...]:
        """Values of the series `name`, by rising x.

        Raises
        ------
        InputError
            If there is no such series.
        """
        found = tuple(value for value in self.values if value.series == name)
        if not found:
            names = dict.fromkeys(value.series for value in self.values)
            raise InputError(f"measured series: {name!r}; allowed: {', '.join(names)}")
        return tuple(sorted(found, key=lambda value: (value.x is not None, value.x or 0.0)))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    InputError
        If it is missing, unreadable or not TOML.
    """
    try:
        return tomllib.loads(plain_text(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); allowed: a TOML file") from error
    except (ValueError, RecursionError) as error:
        # A path with a NUL, bytes that are no UTF-8, no TOML, or lists in lists without end.
        raise InputError(f"{path}: not TOML ({error}); allowed: a TOML file in UTF-8") from error


def explain(error: ValidationError, path: Path, data: Mapping[str, Any]) -> InputError:
    """Turn pydantic's complaint into one line that names the file, the key, the value and what is allowed."""
    # A misspelt key is told before the one that is then missing.
    first = max(error.errors(), key=lambda item: item["type"] == "extra_forbidden")
    place: list[str] = []
    node: Any = data
    for step in first["loc"]:
        if isinstance(step, int):
            node = node[step] if isinstance(node, list) and step < len(node) else None
            name = node.get("id") if isinstance(node, dict) else None
            place.append(f"[{name or step}]")
        else:
            node = node.get(step) if isinstance(node, dict) else None
            place.append(step)
    key = ".".join(place).replace(".[", "[")
    if first["type"] == "extra_forbidden":
        return InputError(
            f"{path}: unknown key {key!r}; allowed: the keys that {_DEFAULT_FILE.parent.name}/*.toml use"
        )
    if first["type"] == "missing":
        return InputError(f"{path}: {key}: is missing; allowed: a value for it")
    shown = repr(first["input"]) if not isinstance(first["input"], dict | list) else "a table or list"
    return InputError(f"{path}: {key}: {shown[:80]}; allowed: {first['msg'][:1].lower()}{first['msg'][1:]}")


def load_measured(path: str | Path | None = None) -> Measured:
    """Read measured values.

    Parameters
    ----------
    path
        A TOML file laid out as ``alzmodel/compare/measured.toml``, which is read if left out: Zhu et al.,
        Adv. Mater. 2024, 2302438.

    Raises
    ------
    InputError
        If the file is missing, is not TOML, has unknown or missing keys, errors of zero or below, unknown quantities or
        units, values named twice, footnotes that it does not hold, or a method's number that is none.
    """
    file = Path(path) if path is not None else _DEFAULT_FILE
    data = read_toml(file)
    try:
        content = _File.model_validate(data)
    except ValidationError as error:
        raise explain(error, file, data) from error
    _check_methods(content, file)
    values: dict[str, MeasuredValue] = {}
    for series in content.series:
        if series.method not in content.methods:
            allowed = ", ".join(content.methods) or "none is described under [methods]"
            raise InputError(f"{file}: method of {series.id}: {series.method!r}; allowed: {allowed}")
        if series.quantity is not None:
            _check_quantity(series, file)
        for point in series.points:
            value = _value(series, point, content, file)
            if value.id in values:
                raise InputError(
                    f"{file}: {value.id!r} stands there twice; allowed: one value per series and x"
                )
            values[value.id] = value
    for note in content.general_footnotes:
        _check_footnote(note, content, file, "general_footnotes")
    return Measured(
        title=content.title,
        citation=content.citation,
        doi=content.doi,
        values=tuple(values.values()),
        footnotes=content.footnotes,
        general_footnotes=tuple(content.general_footnotes),
        methods=content.methods,
        path=file,
    )


def _check_methods(content: _File, file: Path) -> None:
    """Of what is said about methods, check what is computed with: numbers above zero, and windows."""
    for method, settings in content.methods.items():
        for key in _NUMBERS & settings.keys():
            if not _above_zero(settings[key]):
                raise InputError(
                    f"{file}: methods.{method}.{key}: {settings[key]!r}; allowed: a number above zero"
                )
        windows = settings.get(_WINDOWS, [])
        if not isinstance(windows, list) or not all(
            isinstance(pair, list) and len(pair) == 2 and all(map(_above_zero, pair)) and pair[0] < pair[1]
            for pair in windows
        ):
            raise InputError(
                f"{file}: methods.{method}.{_WINDOWS}: {windows!r}; allowed: pairs such as [2.6, 3.45]"
            )


def _above_zero(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _check_quantity(series: _Series, file: Path) -> None:
    assert series.quantity is not None
    try:
        convert(1.0, quantity_info(series.quantity).unit, series.unit)
    except InputError as error:
        raise InputError(f"{file}: {series.id}: {error}") from error


def _check_footnote(note: str, content: _File, file: Path, where: str) -> None:
    if note not in content.footnotes:
        allowed = ", ".join(content.footnotes) or "none is defined under [footnotes]"
        raise InputError(f"{file}: footnote of {where}: {note!r}; allowed: {allowed}")


def _value(series: _Series, point: _Point, content: _File, file: Path) -> MeasuredValue:
    name = series.id if point.x is None else f"{series.id}@{point.x:g}"
    given = [
        point.value is not None,
        point.low is not None and point.high is not None,
        point.text is not None,
    ]
    if sum(given) != 1 or (point.low is None) != (point.high is None):
        raise InputError(f"{file}: {name}: {point.shown()}; allowed: one of value, low with high, or text")
    if point.low is not None and point.high is not None and point.low > point.high:
        raise InputError(f"{file}: {name}: low {point.low} is above high {point.high}; allowed: low ≤ high")
    notes = tuple(dict.fromkeys([*series.footnotes, *point.footnotes]))
    for note in notes:
        _check_footnote(note, content, file, name)
    error = point.error if point.error is not None else series.error
    if error is not None and series.coverage == "none":
        raise InputError(
            f"{file}: coverage of {series.id}: 'none' beside an error; allowed: ci95, unstated, rounding"
        )
    numeric = point.text is None
    systematic = point.systematic if point.systematic is not None else series.systematic
    reason = series.not_modelled or content.methods[series.method].get("not_modelled")
    if series.quantity is None and reason is None:
        reason = "nothing of the kind is computed"
    return MeasuredValue(
        id=name,
        series=series.id,
        label=series.label,
        unit=series.unit,
        method=series.method,
        state=series.state,
        source=series.source,
        quantity=series.quantity,
        sources=tuple(series.sources) or SOURCES,
        x=point.x,
        value=point.value,
        low=point.low,
        high=point.high,
        text=point.text,
        error=error if numeric else None,
        systematic=systematic if numeric else None,
        coverage=series.coverage if numeric else "none",
        derived=series.derived,
        footnotes=notes,
        not_modelled=None if series.quantity is not None else reason,
    )
