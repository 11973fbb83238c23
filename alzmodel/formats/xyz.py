"""XYZ and extended XYZ: labels that are no plain symbols, units in the comment, trajectories that were cut."""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alzmodel.errors import InputError
from alzmodel.formats.choice import EVERY, FrameChoice
from alzmodel.formats.notes import tell
from alzmodel.species import Species, name_species, species_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ase import Atoms

__all__ = ["read_xyz"]

_BOHR: Final = 0.529177210544
_UNITS: Final = {"bohr": _BOHR, "au": _BOHR, "a.u.": _BOHR, "nm": 10.0, "pm": 0.01}
"""Å in a unit of length that a comment may name."""
_LENGTH: Final = r"(?P<{0}>bohrs?|nm|nanomet(?:er|re)s?|pm|picomet(?:er|re)s?{1})(?![\w.])"
_SAYS_UNIT: Final = (
    # Of lengths, or of anything: energies stand in comments too, and have units of their own.
    re.compile(
        r"\b(?:lengths?|positions?|coordinates?|coords?|distances?|cell|lattice)\W*(?:units?)?\W*(?:are|is)?\W*(?:in)?\W*"
        + _LENGTH.format("unit", r"|au|a\.u\."),
        re.IGNORECASE,
    ),
    re.compile(
        r"(?:\bunits?\b\W*(?:are|is)?\W*|\bin\s+|[\[(]|^\s*)" + _LENGTH.format("unit", ""), re.IGNORECASE
    ),
)
_FORTRAN: Final = re.compile(r"(?<=\s)([-+]?(?:\d+\.\d*|\.\d+))[dD]([-+]?\d+)(?!\S)")
_FORTRAN_MARKS: Final = ("D+", "D-", "D0", "d+", "d-", "d0")
_OTHER_NAME: Final = re.compile(
    r"(?<=[=:\"])(?:element|symbols?|type|atom_types?|name)(?=:S:1(?!\d))", re.IGNORECASE
)
"""What programs call the column of symbols in place of ``species``."""
_NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CELL: Final = re.compile(
    rf"\b(?:cell|box|lattice)(?:[\s_]*(?:size|lengths?|vectors?|parameters?|dimensions?))?[\s=:\"\[(]+"
    rf"({_NUMBER}(?:[\s,;]+{_NUMBER}){{2,8}})",
    re.IGNORECASE,
)
_SPECIES: Final = re.compile(r"[Pp]roperties=\"?([^\s\"]*)")


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Lines of one frame: number of atoms, comment, atoms."""

    lines: list[str]

    @property
    def comment(self) -> str:
        return self.lines[1]

    def column(self) -> int:
        """Column of the species."""
        match = _SPECIES.search(self.comment)
        if match is None:
            return 0
        words = match[1].split(":")
        at = 0
        for field, width in zip(words[::3], words[2::3], strict=False):
            if field.lower() == "species":
                return at
            at += int(width) if width.isdigit() else 1
        return -1


def _chunks(lines: Iterable[str]) -> tuple[list[_Chunk], bool]:
    """Whole frames, and whether one more was cut."""
    rest = iter(lines)
    found: list[_Chunk] = []
    for line in rest:
        if not line.strip():
            continue
        try:
            number = int(line)
        except ValueError:
            return found, True
        block = [line, *itertools.islice(rest, max(number, 0) + 1)]
        whole = len(block) == number + 2
        if whole and number > 1:
            whole = len(block[-1].split()) >= len(block[2].split())
        elif whole and number == 1:
            whole = len(block[-1].split()) >= 4
        if not whole:
            return found, True
        if "species:" not in block[1] and (named := _SPECIES.search(block[1])):
            block[1] = block[1].replace(named[0], _OTHER_NAME.sub("species", named[0], count=1))
        found.append(_Chunk(block))
    return found, False


def read_xyz(
    text: str, name: str, types: Sequence[Species] | None = None, choice: FrameChoice = EVERY
) -> list[Atoms]:
    """Read the whole frames of an XYZ file; ASE reads what each line says beside the labels.

    Parameters
    ----------
    text, name
        Of the file; the name is for messages.
    types
        Elements of numeric labels 1, 2, ….
    choice
        Frames that are wanted.

    Raises
    ------
    InputError
        If no frame is whole, or a label names no element.
    """
    import ase.io

    if any(mark in text for mark in _FORTRAN_MARKS):
        # Fortran writes double precision with a D.
        text = _FORTRAN.sub(r"\1e\2", text)
    chunks, cut = _chunks(text.splitlines(keepends=True))
    if not chunks:
        raise InputError(
            f"{name}: not a structure: no whole frame; allowed: XYZ with at least one whole frame"
        )
    if cut:
        tell(f"{name}: was cut; {len(chunks)} whole frame{'s' * (len(chunks) > 1)} are used")
    frames: list[Atoms] = []
    for index in choice.of(len(chunks), name):
        chunk = chunks[index]
        column = chunk.column()
        species = _labels(chunk, column, types, name) if column >= 0 else None
        atoms = ase.io.read(io.StringIO("".join(chunk.lines)), index=0, format="extxyz")
        if species is not None:
            name_species(atoms, species)
        _take_cell(atoms, chunk.comment, name)
        frames.append(_in_angstrom(atoms, chunk.comment))
    return frames


def _take_cell(atoms: Atoms, comment: str, name: str) -> None:
    """Give a model the cell that its comment says in words: three lengths, with three angles, or three vectors."""
    match = _CELL.search(comment)
    if match is None or atoms.cell.rank or atoms.pbc.any():
        return
    values = [float(word) for word in re.split(r"[\s,;]+", match[1])]
    lengths, angles = values[:3], values[3:6]
    if len(values) == 9:
        cell: list[float] | list[list[float]] = [values[0:3], values[3:6], values[6:9]]
    elif min(lengths) > 0 and (not angles or (len(values) == 6 and all(20 < one < 160 for one in angles))):
        cell = values
    else:
        return
    atoms.set_cell(cell)
    atoms.pbc = True
    tell(f"{name}: the cell of its comment, {match[1]}, is used")


def _in_angstrom(atoms: Atoms, comment: str) -> Atoms:
    """Turn lengths into Å where the comment says another unit."""
    match = _SAYS_UNIT[0].search(comment) or _SAYS_UNIT[1].search(comment)
    if match is None:
        return atoms
    said = match["unit"].lower()
    unit = _UNITS[{"b": "bohr", "n": "nm", "p": "pm", "a": "au"}[said[0]]]
    atoms.set_cell(atoms.cell.array * unit)
    atoms.positions *= unit
    return atoms


def _labels(chunk: _Chunk, column: int, types: Sequence[Species] | None, name: str) -> list[Species] | None:
    """Write plain symbols into the lines of a frame; the species of each atom where its labels say more."""
    heads = [line.split(None, column + 1) for line in chunk.lines[2:]]
    labels = [row[column] if len(row) > column else "" for row in heads]
    known = {label: _species(label, set(labels), types, name) for label in dict.fromkeys(labels)}
    if all(label == one.symbol for label, one in known.items()):
        return None
    words = [line.split() for line in chunk.lines[2:]]
    for row, label in zip(words, labels, strict=True):
        row[column] = known[label].symbol
    chunk.lines[2:] = [" ".join(row) + "\n" for row in words]
    return [known[label] for label in labels]


def _species(label: str, every: set[str], types: Sequence[Species] | None, name: str) -> Species:
    from ase.data import atomic_numbers, chemical_symbols

    if types is not None:
        # A converter may have written H, He, … for the types 1, 2, ….
        number = int(label) if label.isdigit() else atomic_numbers.get(label, 0)
        if not 1 <= number <= len(types):
            raise InputError(f"{name}: type {label!r}; allowed with --types: 1 to {len(types)}")
        return types[number - 1]
    if label.isdigit():
        numbers = {int(one) for one in every if one.isdigit()}
        # Types count from 1; atomic numbers of a compound hardly do.
        if (
            numbers != set(range(1, len(numbers) + 1))
            and 0 < max(numbers) < len(chemical_symbols)
            and min(numbers)
        ):
            return Species(chemical_symbols[int(label)])
        raise InputError(
            f"{name}: numbers in place of symbols; allowed: --types Li,La,Zr,O names the elements of the types 1, 2, …"
        )
    found = species_of(label)
    if found is None:
        raise InputError(
            f"{name}: unknown symbol {label!r}; allowed: chemical symbols, ions such as La3+, isotopes such as D"
        )
    return found
