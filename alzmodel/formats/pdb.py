"""PDB files: elements by the columns of atom names where none is stated, and one cell for all models."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["read_pdb"]

_NAME: Final = slice(12, 16)
_ELEMENT: Final = slice(76, 78)


def read_pdb(text: str) -> list[Atoms]:
    """Read the models of a PDB file.

    Symbols of elements stand in columns 77 and 78. Where those are empty, the name of the atom says the element by its
    place: it is right-justified in columns 13 and 14, so that `` CA`` is a carbon and ``CA`` calcium (PDB format 3.3,
    ATOM; a name of four letters that begins with H is a hydrogen). CRYST1 stands once, above all models.

    Parameters
    ----------
    text
        Of the file.
    """
    import ase.io

    lines = [_with_element(line) for line in text.splitlines()]
    frames: list[Atoms] = ase.io.read(
        io.StringIO("\n".join(lines) + "\n"), index=":", format="proteindatabank"
    )
    for earlier, atoms in pairwise(frames):
        if earlier.pbc.any() and not atoms.pbc.any():
            atoms.set_cell(earlier.cell)
            atoms.pbc = earlier.pbc
    return frames


def _with_element(line: str) -> str:
    """Write the element that the name of an atom says where its own columns are empty."""
    from ase.data import atomic_numbers

    if not line.startswith(("ATOM", "HETATM")) or line[_ELEMENT].strip():
        return line
    name = line[_NAME]
    first, letters = name[:1], name[:2].strip(" 0123456789'\"").capitalize()
    if not (first.isalpha() and not (first == "H" and len(name.strip()) == 4) and letters in atomic_numbers):
        letters = next((letter for letter in name if letter.isalpha()), "").upper()
    if letters not in atomic_numbers:
        return line
    return f"{line[: _ELEMENT.start]:<76s}{letters:>2s}{line[_ELEMENT.stop :]}"
