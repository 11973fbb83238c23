"""What ASE's readers of some formats leave unread: symmetry, sites held in part, edges below zero."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

__all__ = ["check_edges", "check_stated_number", "refuse_unread"]

_WHOLE: Final = {1.0, 11.0}
"""Occupation of a whole atom in SHELX: 10 is added to what is not refined."""
_KEYWORDS: Final = re.compile(r"^(?:[A-Z]{4}|END|REM)\b", re.IGNORECASE)


_STATED: Final = {
    "rmc6f": re.compile(r"^Number of atoms:\s*(\d+)", re.MULTILINE | re.IGNORECASE),
    "gromacs": re.compile(r"\A[^\n]*\n\s*(\d+)\s*\n"),
    "dlp4": re.compile(r"\A[^\n]*\n\s*\d+\s+\d+\s+(\d+)"),
}
"""Where a file says how many atoms it holds, by ASE's name of its format: those whose readers do not look."""


_BY_EDGES: Final = {"abinit-in", "castep-cell", "dmol-car", "gromacs", "proteindatabank", "res"}
"""Formats that give edges of the cell by their lengths."""


def check_edges(kind: str | None, text: Callable[[], str], atoms: Atoms, name: str) -> None:
    """Refuse a cell with a length below zero, in formats that give lengths.

    Parameters
    ----------
    kind, text, name
        As in :func:`refuse_unread`.
    atoms
        Model that was read.

    Raises
    ------
    InputError
        If the volume is negative.
    """
    import numpy as np

    if kind not in _BY_EDGES or np.linalg.det(atoms.cell.array) >= 0:
        return
    if kind == "castep-cell" and "LATTICE_ABC" not in text().upper():
        return
    raise InputError(f"{name}: a cell of negative volume; allowed: lengths above 0 Å")


def check_stated_number(kind: str | None, text: Callable[[], str], n_atoms: int, name: str) -> None:
    """Refuse a file that was cut among its atoms.

    Parameters
    ----------
    kind, text, name
        As in :func:`refuse_unread`.
    n_atoms
        Atoms that were read.

    Raises
    ------
    InputError
        If the file announces another number.
    """
    found = _STATED[kind].search(text()) if kind in _STATED else None
    if found is not None and 0 < int(found[1]) != n_atoms:
        raise InputError(f"{name}: {n_atoms} of {found[1]} atoms are there; allowed: a whole file")


def refuse_unread(kind: str | None, text: Callable[[], str], name: str) -> None:
    """Refuse a file of which ASE would read a part alone.

    Parameters
    ----------
    kind
        ASE's name of the format.
    text
        Gives the text of the file.
    name
        Of the file.

    Raises
    ------
    InputError
        If a SHELX file has symmetry or sites that are held in part, if a PDB file names another group than P 1, or if a
        file of CRYSTAL has symmetry.
    """
    found = None
    if kind == "res":
        found = _of_shelx(text())
    elif kind == "proteindatabank":
        group = next((line[55:66].strip() for line in text().splitlines() if line.startswith("CRYST1")), "")
        if group.replace(" ", "") not in {"", "1", "P1"}:
            found = f"space group {group}, whose images are not in this file"
    elif kind == "crystal":
        lines = text().splitlines()
        number = lines[4].strip() if len(lines) > 4 else ""
        if number.isdigit() and int(number) > 1:
            found = f"{number} symmetry operators, whose images are not in this file"
    if found is not None:
        raise InputError(f"{name}: {found}; allowed: all atoms of the cell, or a CIF")


def _of_shelx(text: str) -> str | None:
    """Say what a SHELX file holds beside whole atoms; None if nothing."""
    for line in text.splitlines():
        words = line.split()
        if not words or line[0].isspace():
            continue
        keyword = words[0].upper()
        if keyword == "SYMM" or (keyword == "LATT" and len(words) > 1 and words[1] != "-1"):
            return f"symmetry ({line.strip()}), whose images are not in this file"
        if len(words) > 5 and not _KEYWORDS.match(words[0]):
            try:
                values = [float(word) for word in words[1:6]]
            except ValueError:
                continue
            if abs(values[4]) not in _WHOLE:
                return f"site {words[0]} with an occupation of {values[4]:g}"
    return None
