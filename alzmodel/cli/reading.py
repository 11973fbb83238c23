"""How commands read structure files: with the options that say what is read, and words for the user."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from alzmodel.cli.options import Source
from alzmodel.errors import InputError
from alzmodel.formats.choice import EVERY, parse_frames
from alzmodel.formats.notes import tell
from alzmodel.formats.structures import Reading
from alzmodel.io import STANDARD_STREAM, read_frames
from alzmodel.sanity import amounts_of, formula_text, held_in_part, site_words
from alzmodel.species import parse_types

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from alzmodel.cli.options import Frames

__all__ = ["check_max_atoms", "model_words", "read_models", "reading_of", "refused_in"]

LARGEST_MAX_ATOMS = 10**10

_FORMULAS: Final[dict[Path, str]] = {}
"""Of the models that were read, by their files."""

MOST_NAMED: Final = 3
"""Models named in a figure; of more, their number."""


def model_words(files: Sequence[Path]) -> str:
    """Name models that were read, and their compositions, for a figure; stacks of patterns have none."""
    found = []
    for path in files[:MOST_NAMED]:
        name = "stdin" if str(path) == STANDARD_STREAM else path.name
        found.append(f"{name} ({_FORMULAS[path]})" if path in _FORMULAS else name)
    more = len(files) - len(found)
    return ", ".join(found) + (f" and {more} more" if more else "")


def _formula(atoms: Atoms) -> str:
    """Write the composition: of glasses and crystals of Zr with Li or La with two Zr, as everywhere."""
    counts = Counter(atoms.get_chemical_symbols())
    if not (counts["Zr"] and counts["Li"] + counts["La"]):
        return str(atoms.get_chemical_formula(empirical=True))
    order = {"Li": 0, "La": 1, "Zr": 3, "O": 4}
    found = ""
    for element in sorted(counts, key=lambda one: (order.get(one, 2), one)):
        number = f"{2 * counts[element] / counts['Zr']:.3f}".rstrip("0").rstrip(".")
        found += "" if number == "0" else element + ("" if number == "1" else number)
    return found


def refused_in(path: object, error: InputError) -> InputError:
    """Say which file work was refused for; :func:`alzmodel.cli.options.command` names an option instead."""
    words = str(error)
    return InputError(words if words.startswith("--") else f"{path}: {words}")


def check_max_atoms(max_atoms: int) -> None:
    """Refuse a limit of atoms that lets no file in, or that no machine can hold."""
    if not 1 <= max_atoms <= LARGEST_MAX_ATOMS:
        raise InputError(f"--max-atoms {max_atoms}: out of range; allowed: 1 to {LARGEST_MAX_ATOMS:.0e}")


def read_models(
    path: Path, *, max_atoms: int, source: Frames | None = None, mixed: bool = False
) -> list[Atoms]:
    """Read the frames of a file that are asked for; what the reader has to tell is said after the work.

    Parameters
    ----------
    path
        Of the file, or ``-``.
    max_atoms
        Most atoms of all frames.
    source
        Options of the command; None reads the file as it is.
    mixed
        Whether sites may be held in part where no order is asked for.
    """
    check_max_atoms(max_atoms)
    reading = Reading() if source is None else reading_of(source)
    order = None if source is None else source.order
    frames = read_frames(path, max_atoms=max_atoms, reading=reading, mixed=mixed or order is not None)
    if order is not None:
        from alzmodel.ordering import ordered

        frames = [ordered(atoms, order) for atoms in frames]
    _FORMULAS[path] = _formula(frames[0])
    if held_in_part(frames[0]):
        _FORMULAS[path] = formula_text(amounts_of(frames[0]))
        tell(
            f"{path}: {_FORMULAS[path]}, a site is held by {site_words(frames[0])}: average scattering factors"
        )
    return frames


def reading_of(source: Frames) -> Reading:
    """Gather what is to be read of a file from the options of a command."""
    cell = source.cell if isinstance(source, Source) else None
    return Reading(
        frames=EVERY if source.frames is None else parse_frames(source.frames),
        cell=None if cell is None else _cell(cell),
        types=None if source.types is None else parse_types(source.types),
    )


def _cell(text: str) -> tuple[float, float, float, float, float, float]:
    allowed = "A, A,B,C or A,B,C,α,β,γ in Å and degrees"
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if len(values) == 1:
        values *= 3
    if len(values) == 3:
        values += [90.0] * 3
    good = len(values) == 6 and all(map(math.isfinite, values))
    if not good or min(values) <= 0 or max(values[3:]) >= 180:
        raise InputError(f"--cell {text}: no cell; allowed: {allowed}")
    a, b, c, alpha, beta, gamma = values
    if alpha + beta + gamma >= 360 or 2 * max(alpha, beta, gamma) >= alpha + beta + gamma:
        raise InputError(
            f"--cell {text}: three such angles close no cell; allowed: each below the sum of the two others, and less "
            "than 360° together"
        )
    return a, b, c, alpha, beta, gamma
