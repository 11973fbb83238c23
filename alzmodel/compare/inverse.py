"""Which of many modelled specimens make the measured FEM peaks and the measured (222) line, if any does."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from alzmodel.compare.quantities import quantity_info
from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alzmodel.compare.measured import Measured, MeasuredValue

__all__ = ["CRITERIA", "MARGINS", "Criterion", "Film", "criteria_of", "ratio_order", "search"]

CRITERIA: Final = (
    "fem_peak1_k",
    "fem_peak1_fwhm",
    "fem_peak2_k",
    "fem_peak2_fwhm",
    "xrd_222_two_theta",
    "xrd_222_fwhm",
)
"""Series of measured numbers that a specimen must meet, all at once."""

MARGINS: Final[Mapping[str, float]] = {
    "fem_peak1_k": 0.10,
    "fem_peak1_fwhm": 0.30,
    "fem_peak2_k": 0.10,
    "fem_peak2_fwhm": 0.20,
    "xrd_222_two_theta": 0.10,
    "xrd_222_fwhm": 0.15,
}
"""Least tolerance, nm⁻¹ and degrees. Ours, not the paper's: its errors are those of fits, and neither calibration and
background of the measurement nor one shape for all crystals of the model is as good as that. A sixth of the widths."""

SAME_FILM: Final = 0.3
"""La contents nearer than this to a measured film stand for it."""

_NORMAL_95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Criterion:
    """One measured number and how near a model must come.

    Attributes
    ----------
    name
        Series and quantity.
    low, high
        Measured: twice the number, or the ends of a range.
    tolerance
        The larger of the stated 95 % error and :data:`MARGINS`, plus the stated systematic error.
    ours
        Whether :data:`MARGINS` is the larger: the tolerance is then not a measured error, but our choice.
    """

    name: str
    low: float
    high: float
    tolerance: float
    ours: bool

    def miss(self, value: float, half_width: float = 0.0) -> float:
        """How far a value is off, in tolerances: up to 1 it is met; infinite where there is no value.

        The model's own 95 % half width widens the tolerance, but no more than to twice.
        """
        if not math.isfinite(value):
            return math.inf
        own = min(half_width, self.tolerance) if math.isfinite(half_width) else self.tolerance
        return max(self.low - value, value - self.high, 0.0) / (self.tolerance + own)


@dataclass(frozen=True)
class Film:
    """What a scan says of one measured film.

    Attributes
    ----------
    x
        La per formula unit of the film.
    criteria
        Measured numbers that were asked for.
    n_points, n_refused
        Specimens that were computed, and those that could not be built.
    matching
        Numbers (in the list of points) of the specimens that meet all criteria.
    region
        Lowest and highest value of every axis among them; empty: there is no such region.
    alone
        By criterion the number of specimens that meet it, and their ranges of every axis.
    conflicts
        Pairs of criteria, each met by some specimen, that none meets together.
    closest
        Number of the specimen whose largest miss is smallest, None if every one lacks a number.
    misses
        Of the closest, by criterion, in tolerances.
    """

    x: float
    criteria: tuple[Criterion, ...]
    n_points: int
    n_refused: int
    matching: tuple[int, ...]
    region: Mapping[str, tuple[float, float]]
    alone: Mapping[str, tuple[int, Mapping[str, tuple[float, float]]]]
    conflicts: tuple[tuple[str, str], ...]
    closest: int | None
    misses: Mapping[str, float]

    @property
    def summary(self) -> str:
        """One sentence."""
        if self.matching:
            ranges = ", ".join(
                f"{_axis(name)} {low:g} to {high:g}" for name, (low, high) in self.region.items()
            )
            count = f"{len(self.matching)} of {self.n_points} specimens"
            return f"x = {self.x:g}: {count} meet all measured numbers: {ranges}"
        never = [name for name, (count, _) in self.alone.items() if count == 0]
        parts = []
        if never:
            parts.append("met by none: " + ", ".join(quantity_info(name).label for name in never))
        if self.conflicts:
            parts.append("never together: " + "; ".join(_words(pair) for pair in self.conflicts))
        return f"x = {self.x:g}: no such region among {self.n_points} specimens" + (
            ": " + "; ".join(parts) if parts else ""
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "x": self.x,
            "criteria": [
                {
                    "name": one.name,
                    "measured": [one.low, one.high],
                    "tolerance": one.tolerance,
                    "tolerance_is": "ours" if one.ours else "measured",
                }
                for one in self.criteria
            ],
            "n_points": self.n_points,
            "n_refused": self.n_refused,
            "matching": list(self.matching),
            "region": {name: list(ends) for name, ends in self.region.items()} if self.region else None,
            "alone": {
                name: {"n_points": count, "ranges": {axis: list(ends) for axis, ends in ranges.items()}}
                for name, (count, ranges) in self.alone.items()
            },
            "conflicts": [list(pair) for pair in self.conflicts],
            "closest": self.closest,
            "misses": dict(self.misses),
            "summary": self.summary,
        }


def _axis(name: str) -> str:
    """Name an axis of a scan, such as ``lattice_parameter``, in words."""
    return name.replace("_la", " of La").replace("_", " ")


def _words(names: Sequence[str]) -> str:
    return " and ".join(quantity_info(name).label for name in names)


def criteria_of(measured: Measured, x: float) -> tuple[float, tuple[Criterion, ...]]:
    """Measured film that stands for a La content, and its numbers.

    Raises
    ------
    InputError
        If no film of about that content was measured, or none of the numbers asked for.
    """
    wanted = [value for value in measured.values if value.series in CRITERIA and value.x is not None]
    films = sorted({value.x for value in wanted if value.x is not None})
    near = [film for film in films if abs(film - x) <= SAME_FILM]
    if not near:
        raise InputError(
            f"La content: {x:g} by the ratio of La to Zr; allowed: near that of a measured film, "
            f"{', '.join(f'{film:g}' for film in films)}"
        )
    film = min(near, key=lambda one: abs(one - x))
    criteria = [_criterion(value) for value in wanted if value.x == film]
    return film, tuple(sorted((one for one in criteria if one), key=lambda one: CRITERIA.index(one.name)))


def _criterion(value: MeasuredValue) -> Criterion | None:
    ends = (value.value, value.value) if value.value is not None else (value.low, value.high)
    if ends[0] is None or ends[1] is None:
        return None
    error = _NORMAL_95 * value.standard_error if value.standard_error is not None else 0.0
    margin = MARGINS[value.series]
    tolerance = max(error, margin) + (value.systematic or 0.0)
    return Criterion(value.series, ends[0], ends[1], tolerance, ours=margin > error)


def search(points: Sequence[Mapping[str, Any]], measured: Measured, axes: Sequence[str]) -> tuple[Film, ...]:
    """Look for the region of a scan that matches the measurement.

    Parameters
    ----------
    points
        From :func:`alzmodel.scattering.fem.scan.scan_point`.
    measured
        From :func:`alzmodel.compare.measured.load_measured`.
    axes
        Keys of the points that span the region.

    Returns
    -------
    tuple of Film
        One for every measured film that a glass of the scan stands for, by rising La content.

    Raises
    ------
    InputError
        If there is no point, or a glass stands for no film.
    """
    if not points:
        raise InputError("inverse scan: no points; allowed: at least one")
    groups: dict[float, list[int]] = {}
    criteria: dict[float, tuple[Criterion, ...]] = {}
    for x in dict.fromkeys(float(point["x"]) for point in points):
        film, asked = criteria_of(measured, x)
        criteria[film] = asked
        groups.setdefault(film, []).extend(n for n, point in enumerate(points) if float(point["x"]) == x)
    return tuple(_film(film, criteria[film], groups[film], points, axes) for film in sorted(groups))


def _film(
    x: float,
    criteria: tuple[Criterion, ...],
    numbers: Sequence[int],
    points: Sequence[Mapping[str, Any]],
    axes: Sequence[str],
) -> Film:
    built = [n for n in numbers if points[n]["refused"] is None]
    misses = {
        n: {
            one.name: one.miss(
                _number(points[n]["numbers"].get(one.name)),
                _number(points[n]["half_widths"].get(one.name, 0.0)),
            )
            for one in criteria
        }
        for n in built
    }
    met = {one.name: {n for n in built if misses[n][one.name] <= 1} for one in criteria}
    matching = sorted(set(built).intersection(*met.values())) if met else []
    worst = {n: max(misses[n].values(), default=math.inf) for n in built}
    closest = min(worst, key=lambda n: worst[n], default=None)
    if closest is not None and math.isinf(worst[closest]):
        closest = None

    def ranges(members: Sequence[int]) -> dict[str, tuple[float, float]]:
        return (
            {
                axis: (min(points[n][axis] for n in members), max(points[n][axis] for n in members))
                for axis in axes
            }
            if members
            else {}
        )

    return Film(
        x=x,
        criteria=criteria,
        n_points=len(built),
        n_refused=len(numbers) - len(built),
        matching=tuple(matching),
        region=ranges(matching),
        alone={name: (len(members), ranges(sorted(members))) for name, members in met.items()},
        conflicts=tuple(
            (a, b) for a, b in itertools.combinations(met, 2) if met[a] and met[b] and not met[a] & met[b]
        ),
        closest=closest,
        misses=misses[closest] if closest is not None else {},
    )


def _number(value: Any) -> float:
    """NaN for the null of JSON."""
    return math.nan if value is None else float(value)


def ratio_order(films: Sequence[Film], points: Sequence[Mapping[str, Any]]) -> str:
    """Say whether matching specimens can give the measured order of V(3.2)/V(5.3), which rises with the La content.

    The paper gives the ratios by order only (sec. 2.2).
    """
    choices = [sorted(_number(points[n]["numbers"]["fem_ratio"]) for n in film.matching) for film in films]
    if len(films) < 2 or not all(choices):
        return (
            "V(3.2)/V(5.3): its order over the films can be asked only where two films or more have a region"
        )
    last = -math.inf
    for ratios in choices:
        higher = [ratio for ratio in ratios if ratio > last]
        if not higher:
            return "V(3.2)/V(5.3): no choice of matching specimens makes it rise with the La content, as measured"
        last = higher[0]
    return (
        "V(3.2)/V(5.3): matching specimens can be chosen that make it rise with the La content, as measured"
    )
