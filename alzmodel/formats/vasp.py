"""POSCAR and XDATCAR: names that are no plain symbols, trajectories that were cut."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from alzmodel.errors import InputError
from alzmodel.formats.notes import tell
from alzmodel.species import Species, name_species, species_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

__all__ = ["read_vasp", "read_xdatcar"]


def _header(lines: list[str], types: Sequence[Species] | None, name: str) -> list[Species]:
    """Put plain symbols into the header of a POSCAR or XDATCAR; the species of every atom in turn.

    Nothing is returned where the file has no line of symbols and none are named: ASE then looks in the title.
    """
    numbers_at = 5 if len(lines) > 5 and all(word.isdigit() for word in lines[5].split()) else 6
    if len(lines) <= numbers_at or not all(word.isdigit() for word in lines[numbers_at].split()):
        return []
    numbers = [int(word) for word in lines[numbers_at].split()]
    if numbers_at == 6:
        words = lines[5].split()
        species = [species_of(word.split("/")[0]) for word in words]
        for word, one in zip(words, species, strict=True):
            if one is None:
                raise InputError(f"{name}: unknown symbol {word!r}; allowed: chemical symbols and ions")
    elif types is not None:
        species = list(types)
        lines.insert(5, "")
    else:
        return []
    if len(species) != len(numbers):
        raise InputError(
            f"{name}: {len(species)} elements for {len(numbers)} numbers of atoms; allowed: one each"
        )
    known = [one for one in species if one is not None]
    lines[5] = " ".join(one.symbol for one in known) + "\n"
    return [one for one, number in zip(known, numbers, strict=True) for _ in range(number)]


def read_vasp(path: Path, name: str, types: Sequence[Species] | None) -> list[Atoms]:
    """Read a POSCAR or CONTCAR whose names of elements may be ions or isotopes.

    Raises
    ------
    InputError
        If a name is no element.
    """
    import ase.io

    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    species = _header(lines, types, name)
    if not species:
        try:
            return [ase.io.read(path, format="vasp")]
        except ase.io.ParseError as error:
            raise InputError(
                f"{name}: names no elements; allowed: a line of symbols, or --types Li,La,Zr,O for its numbers of atoms"
            ) from error
    atoms = ase.io.read(io.StringIO("".join(lines)), format="vasp")
    name_species(atoms, species)
    return [atoms]


def read_xdatcar(text: str, name: str, types: Sequence[Species] | None) -> list[Atoms]:
    """Read the whole frames of an XDATCAR, and tell if it was cut.

    Raises
    ------
    InputError
        If no frame is whole, or a name is no element.
    """
    import ase.io

    lines = text.splitlines(keepends=True)
    species = _header(lines, types, name)
    starts = [k for k, line in enumerate(lines) if "configuration" in line.lower()]
    if not starts or not species:
        raise InputError(f"{name}: no frames of a trajectory; allowed: an XDATCAR of VASP 5")
    rows = lines[starts[-1] + 1 : starts[-1] + 1 + len(species)]
    whole = len(rows) == len(species) and all(len(row.split()) >= 3 for row in rows)
    if not whole:
        tell(f"{name}: was cut; {len(starts) - 1} whole frames are used")
        lines = lines[: starts[-1]]
    if not whole and len(starts) == 1:
        raise InputError(f"{name}: frame 0 is cut; allowed: at least one whole frame")
    frames: list[Atoms] = ase.io.read(io.StringIO("".join(lines)), index=":", format="vasp-xdatcar")
    for atoms in frames:
        name_species(atoms, species)
    return frames
