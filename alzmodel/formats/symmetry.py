"""Symmetry operators: as a file lists them, or of a space group in the setting that it names."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Operators", "Setting", "closed", "orbit", "parse_operator", "settings_of"]

_TERM: Final = re.compile(r"([+-]?)(?:(\d+(?:\.\d*)?|\.\d+)(?:/(\d+))?)?\*?([xyz])?")
_HALL_NUMBERS: Final = range(1, 531)
_ORIGINS: Final = {"1", "2", "H", "R"}
"""Choices of origin or axes that share one symbol."""
_CODES: Final = {
    "s": "1",
    "z": "2",
    "o1": "1",
    "o2": "2",
    "h": "H",
    "r": "R",
    "hexagonal": "H",
    "rhombohedral": "R",
}
_GLIDES: Final = {"abm2": "aem2", "aba2": "aea2", "cmca": "cmce", "cmma": "cmme", "ccca": "ccce"}
"""Symbols before and after P. M. de Wolff et al., Acta Cryst. A48 (1992) 727."""


@dataclass(frozen=True, slots=True)
class Operators:
    """Symmetry operators x → R x + t on fractional coordinates: shapes (n, 3, 3) and (n, 3)."""

    rotations: NDArray[np.float64]
    translations: NDArray[np.float64]

    def __len__(self) -> int:
        """Return their number."""
        return len(self.rotations)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a space group: its number in Hall's list, and the words for it."""

    hall_number: int
    words: str

    @property
    def operators(self) -> Operators:
        """Its operators, from spglib's table."""
        import spglib

        found = spglib.get_symmetry_from_database(self.hall_number)
        return Operators(found["rotations"].astype(float), found["translations"].astype(float))


def parse_operator(text: str, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation and translation of an operator such as ``-x+y, y, z+1/2``; time reversal behind it is left out.

    Raises
    ------
    InputError
        If it is no operator; `name` says where it stands.
    """
    parts = text.lower().replace(" ", "").strip("'\"").split(",")
    rotation, translation = np.zeros((3, 3)), np.zeros(3)
    magnetic = len(parts) == 4 and parts[3].strip("+-") in {"1", "m"}
    good = len(parts) == 3 or magnetic
    for row, part in enumerate(parts[:3]):
        good = good and bool(part) and "".join(m[0] for m in _TERM.finditer(part)) == part
        for sign, number, over, axis in _TERM.findall(part):
            if not number and not axis:
                continue
            value = float(Fraction(number) / int(over or 1)) if number and int(over or 1) else 1.0
            value = -value if sign == "-" else value
            if axis:
                rotation[row, "xyz".index(axis)] += value
            else:
                translation[row] += value
    if not good or abs(abs(np.linalg.det(rotation)) - 1) > 1e-6:
        raise InputError(f"{name}: {text!r} is no symmetry operator; allowed: such as x,y+1/2,-z")
    return rotation, translation


def closed(operators: Sequence[str], centrings: Sequence[str], name: str) -> Operators:
    """Operators that a file lists, combined with the centrings that magnetic files list apart."""
    parsed = [parse_operator(text, name) for text in operators]
    shifts = [parse_operator(text, name)[1] for text in centrings] or [np.zeros(3)]
    return Operators(
        np.array([rotation for rotation, _ in parsed for _ in shifts]),
        np.array([translation + shift for _, translation in parsed for shift in shifts]),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """A setting as spglib lists it, its symbols without spaces."""

    hall_number: int
    number: int
    symbols: frozenset[str]
    hall: str
    choice: str

    @property
    def setting(self) -> Setting:
        return Setting(
            self.hall_number, f"group {self.number}" + f", choice {self.choice}" * bool(self.choice)
        )


@functools.cache
def _rows() -> tuple[_Row, ...]:
    import spglib

    rows: list[_Row] = []
    for hall in _HALL_NUMBERS:
        found = spglib.get_spacegroup_type(hall)
        choice = str(found.choice)
        names = {found.international_full, found.international.split("=")[-1]}
        axes = [word for word in found.international_full.split() if word != "1"]
        if choice[:1] in {"a", "b", "c"} and len(axes) == 2:
            names.add("".join(axes))
        if choice in _ORIGINS or all(row.number != found.number for row in rows):
            names |= {found.international_short, found.international.split("=")[0]}
        rows.append(
            _Row(hall, int(found.number), frozenset(map(_plain, names)), _plain(found.hall_symbol), choice)
        )
    return tuple(rows)


def _plain(name: str) -> str:
    """Symbol without spaces, underscores and the case of letters."""
    return re.sub(r"[\s_]", "", name).lower().replace("'", '"')


def settings_of(
    *, hall: str | None, symbol: str | None, number: int | None, choice: str | None
) -> list[Setting]:
    """Find the settings of a space group that agree with what a file says of it.

    Parameters
    ----------
    hall
        Hall symbol.
    symbol
        Hermann-Mauguin symbol; ``:1``, ``:2``, ``:H``, ``:R``, or ``S``, ``Z``, ``H``, ``R`` behind it name
        the setting.
    number
        In the International Tables.
    choice
        Code of the setting: ``1``, ``2``, ``H``, ``R``, ``b1`` …

    Returns
    -------
    list of Setting
        Several where the file leaves the origin or the axes open; empty if no group is known by these names.
    """
    same = [row for row in _rows() if hall is not None and row.hall == _plain(hall)]
    if same:
        return [same[0].setting]
    name, code = _with_code(symbol or "", choice or "")
    if name:
        rows = [row for row in _named(name) if number in {None, row.number}]
    else:
        rows = [row for row in _rows() if row.number == number]
        rows = [row for row in rows if row.choice in _ORIGINS] or rows[:1]
    if code:
        rows = [row for row in rows if row.choice.lower() == code.lower()]
    elif any(row.choice.startswith("b") for row in rows):
        # The unique axis is b unless a file says so.
        rows = [row for row in rows if row.choice.startswith("b")][:1]
    return [row.setting for row in rows]


def _with_code(symbol: str, choice: str) -> tuple[str, str]:
    """Part a symbol from the code of its setting."""
    name, _, behind = symbol.partition(":")
    words = name.split()
    if len(words) > 1 and words[-1] in {"S", "Z", "H", "R"}:
        name, behind = " ".join(words[:-1]), words[-1]
    code = (behind or choice).strip()
    return name.strip(), _CODES.get(code.lower(), code)


def _named(name: str) -> list[_Row]:
    """Find the settings of a symbol; older ones leave out the bar of cubic groups and name glides otherwise."""
    plain = _plain(name)
    for spelling in (plain, re.sub(r"([a-z])3(?=[a-z]|$)", r"\1-3", plain), _GLIDES.get(plain, plain)):
        found = [row for row in _rows() if spelling in row.symbols]
        if found:
            return found
    return []


def orbit(
    point: NDArray[np.float64], operators: Operators, cell: NDArray[np.float64], apart: float
) -> NDArray[np.float64]:
    """Fractional coordinates, shape (n, 3), of all images of a point in the cell.

    Images nearer than `apart` Å are one, at their mean: a special position whose coordinates were rounded.
    """
    images = (operators.rotations @ point + operators.translations) % 1.0
    kept: list[NDArray[np.float64]] = []
    members: list[list[NDArray[np.float64]]] = []
    for image in images:
        if kept:
            offsets = image - np.array(kept)
            offsets -= np.rint(offsets)
            distance = np.linalg.norm(offsets @ cell, axis=1)
            nearest = int(distance.argmin())
            if distance[nearest] < apart:
                members[nearest].append(offsets[nearest])
                continue
        kept.append(image)
        members.append([np.zeros(3)])
    means = [image + np.mean(offsets, axis=0) for image, offsets in zip(kept, members, strict=True)]
    result = np.array(means) % 1.0
    # A rounding error below zero would stand for one.
    return np.asarray(np.where(result > 1 - 1e-9, 0.0, result))
