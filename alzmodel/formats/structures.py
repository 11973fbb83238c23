"""Structure files of any kind: read by their own words, looked over, and refused where they cannot be true."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alzmodel.errors import InputError
from alzmodel.formats.choice import EVERY, FrameChoice
from alzmodel.formats.cif import read_cif
from alzmodel.formats.cif_text import looks_like_cif
from alzmodel.formats.lammps import looks_like_data, looks_like_dump, read_data, read_dump
from alzmodel.formats.notes import ReadingNote, tell
from alzmodel.formats.packed import plain_file
from alzmodel.formats.pdb import read_pdb
from alzmodel.formats.unread import check_edges, check_stated_number, refuse_unread
from alzmodel.formats.vasp import read_vasp, read_xdatcar
from alzmodel.formats.xyz import read_xyz
from alzmodel.reading import (
    BYTES_OF_ATOM,
    MAX_ATOMS,
    bounded_reading,
    check_announced,
    check_path,
    check_size,
    check_xyz,
    file_text,
)
from alzmodel.sanity import (
    OCCUPANCY,
    amounts_of,
    charge_problem,
    check_lengths,
    held_in_part,
    site_words,
)
from alzmodel.species import Species, masses_as_isotopes, name_species

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms

__all__ = ["AS_IT_IS", "STANDARD_STREAM", "Reading", "check_cell", "read_frames", "read_structure"]

STANDARD_STREAM: Final = "-"
LARGEST_EXTENT: Final = 1e6
"""Å, of a model, its cell and its distance from the origin."""
LEAST_HEIGHT: Final = 0.5
"""Å between opposite faces of a periodic cell: half of what any crystal has."""
LEAST_VOLUME: Final = 0.5
"""Å³ an atom in a periodic cell: a tenth of what diamond has."""
_HEAD: Final = 8192
_XYZ: Final = {".xyz", ".extxyz"}
_OCCUPANCIES: Final = {
    "occ",
    "occupancy",
    "occupancies",
    "occupation",
    "occupations",
    "site_occupancy",
    "site_occupancies",
    "sof",
}
"""Names that programs give to the column of shares, in small letters."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be read of a file, and what it does not say itself.

    Attributes
    ----------
    frames
        Which frames.
    cell
        Lengths a, b, c in Å and angles in degrees of models without a cell, which are then periodic.
    types
        Elements of the types 1, 2, ….
    """

    frames: FrameChoice = EVERY
    cell: tuple[float, float, float, float, float, float] | None = None
    types: tuple[Species, ...] | None = None


AS_IT_IS: Final = Reading()


def read_frames(
    path: str | Path, *, max_atoms: int = MAX_ATOMS, reading: Reading = AS_IT_IS, mixed: bool = False
) -> list[Atoms]:
    """Read the frames of a structure file.

    Parameters
    ----------
    path
        Any file that ASE reads, also packed (gzip, bzip2, xz, zip); ``-`` is extended XYZ on standard input.
    max_atoms
        Atoms that all frames together may have; files of more than 200 bytes for each, unpacked, are refused.
    reading
        Which frames, and what the file does not say.
    mixed
        Whether sites may be held in part or by several elements. Each of them is then an atom of its own, with its
        share in the array ``occupancy``.

    Returns
    -------
    list of ase.Atoms
        At least one frame, each with at least one atom. Isotopes that the file names are in the array ``isotope``.

    Raises
    ------
    InputError
        If the file is missing, is no structure, is empty, holds positions or cells that are not finite or that no model
        can have, announces or unpacks to more than is allowed, or does not say which elements its types are; if sites
        are held in part and `mixed` is false.

    Warns
    -----
    ReadingNote
        If something was decided or left out, a trajectory was cut, or lengths or charges look wrong.
    """
    check_path(path)
    name = str(path)
    if name == STANDARD_STREAM:
        text = file_text(sys.stdin, name, BYTES_OF_ATOM * max_atoms)
        check_announced(io.StringIO(text), name, max_atoms)
        with _explained(name, len(text)):
            frames = read_xyz(text, name, reading.types, reading.frames)
    else:
        if not Path(path).is_file():
            problem = "no plain file" if Path(path).exists() else "no such file"
            raise InputError(f"{name}: {problem}; allowed: a structure file that ASE reads, or '-'")
        size = check_size(path, max_atoms)
        with plain_file(Path(path)) as plain:
            check_xyz(plain, name, max_atoms)
            with _explained(name, size):
                frames = _read(plain, name, reading)
    if not frames:
        raise InputError(f"{name}: holds no structure; allowed: at least one frame with at least one atom")
    if (total := sum(map(len, frames))) > max_atoms:
        raise InputError(f"{name}: {total} atoms in all; allowed: up to {max_atoms}, or a larger --max-atoms")
    for number, atoms in enumerate(frames):
        _complete(atoms, name, reading)
        _check_atoms(atoms, name, number)
        _as_own_info(atoms)
    if held_in_part(frames[0]) and not mixed:
        raise InputError(
            f"{name}: a site is held by {site_words(frames[0])}; allowed: one whole atom a site, as in an ordered "
            "approximant, or --order SEED, which builds one"
        )
    _look_over(frames[0], name)
    return frames


@contextlib.contextmanager
def _explained(name: str, size: int) -> Iterator[None]:
    """Bound the reading of a file, and say in one line why it cannot be read."""
    try:
        with warnings.catch_warnings(record=True) as caught, bounded_reading(name, size):
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", ReadingNote)
            yield
    except InputError:
        raise
    except Exception as error:
        # ASE's readers raise nearly anything on a file that is not theirs.
        reason = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
        if isinstance(error, KeyError):
            reason = f"unknown symbol {reason}"
        raise InputError(
            f"{name}: not a structure that ASE can read ({reason}); allowed: extxyz, CIF, POSCAR, LAMMPS data, …"
        ) from error
    for note in caught:
        tell(str(note.message))


def _read(plain: Path, name: str, reading: Reading) -> list[Atoms]:
    """Read the chosen frames of a file that is not packed, in its own format."""
    import ase.io

    with plain.open("rb") as handle:
        head = handle.read(_HEAD).decode("utf-8", errors="replace")
    suffix = plain.suffix.lower()
    types, choice = reading.types, reading.frames

    def text() -> str:
        return plain.read_text(encoding="utf-8", errors="replace")

    if looks_like_dump(head):
        return read_dump(text(), name, types, choice)
    if suffix in _XYZ:
        return read_xyz(text(), name, types, choice)
    if suffix in {".cif", ".mcif"} or looks_like_cif(head):
        return _chosen(read_cif(text(), name), choice, name)
    if looks_like_data(head):
        return _chosen(read_data(text(), name, types), choice, name)
    kind = _format_of(plain)
    if kind == "extxyz":
        return read_xyz(text(), name, types, choice)
    if kind == "vasp":
        return _chosen(read_vasp(plain, name, types), choice, name)
    if kind == "vasp-xdatcar":
        return _chosen(read_xdatcar(text(), name, types), choice, name)
    if kind == "castep-cell" and "MIXTURE" in text().upper():
        raise InputError(f"{name}: sites are held in part (MIXTURE); allowed: whole atoms, or a CIF")
    refuse_unread(kind, text, name)
    frames: list[Atoms] = (
        read_pdb(text()) if kind == "proteindatabank" else ase.io.read(plain, index=":", format=None)
    )
    for atoms in frames:
        check_edges(kind, text, atoms, name)
    if len(frames) == 1:
        check_stated_number(kind, text, len(frames[0]), name)
    if types is not None:
        for atoms in frames:
            _name_types(atoms, types, name)
    return _chosen(frames, choice, name)


def _format_of(path: Path) -> str | None:
    """Name the format of a file by its name, and where that has an ending by its content; None if ASE knows neither."""
    from ase.io.formats import UnknownFileTypeError, filetype

    if path.suffix.lower() in {".vasp", ".poscar"}:
        return "vasp"
    try:
        # The marks of some eighty formats are not tried on a name without an ending: that is extended XYZ.
        found: str = filetype(str(path), guess=bool(path.suffix))
    except UnknownFileTypeError:
        return None if path.suffix else "extxyz"
    return found


def _chosen(frames: Sequence[Atoms], choice: FrameChoice, name: str) -> list[Atoms]:
    return [frames[k] for k in choice.of(len(frames), name)] if frames else []


def _name_types(atoms: Atoms, types: Sequence[Species], name: str) -> None:
    """Put elements in place of types that a reader took for the atomic numbers 1, 2, …."""
    if not ((atoms.numbers >= 1) & (atoms.numbers <= len(types))).all():
        raise InputError(f"--types: {name} has elements of its own; allowed: without --types")
    species = [types[number - 1] for number in atoms.numbers]
    atoms.set_chemical_symbols([one.symbol for one in species])
    name_species(atoms, species)


def _complete(atoms: Atoms, name: str, reading: Reading) -> None:
    """Add what was said beside the file."""
    masses_as_isotopes(atoms)
    if reading.cell is not None:
        if atoms.pbc.any():
            raise InputError(f"--cell: {name} has a cell of its own; allowed: for models without one")
        atoms.set_cell(reading.cell)
        atoms.pbc = True
    spelled = next((key for key in atoms.arrays if key.lower() in _OCCUPANCIES), None)
    if spelled is not None and OCCUPANCY not in atoms.arrays:
        atoms.arrays[OCCUPANCY] = atoms.arrays.pop(spelled)
    shares = atoms.arrays.get(OCCUPANCY)
    if shares is not None and (shares.dtype.kind != "f" or not (shares > 0).any()):
        # Programs that know no occupancy fill the column with zeros.
        del atoms.arrays[OCCUPANCY]
    elif shares is not None and not ((shares >= 0) & (shares <= 1.02)).all():
        raise InputError(f"{name}: an occupancy that is no share; allowed: 0 to 1")


def _look_over(atoms: Atoms, name: str) -> None:
    """Tell what speaks against a model."""
    if words := check_lengths(atoms, name):
        tell(f"{name}: {words}")
    if words := charge_problem(amounts_of(atoms)):
        tell(f"{name}: {words}")
    numbers = set(atoms.numbers.tolist())
    if 2 in numbers and numbers == set(range(1, len(numbers) + 1)):
        tell(f"{name}: its elements are H, He, …: if these are types, --types Li,La,Zr,O names them")
    if not atoms.pbc.any() and "kind" not in atoms.info:
        tell(f"{name}: has no cell and is taken as a cluster; --cell A or A,B,C makes it periodic")
    said: Any = atoms.info.get(OCCUPANCY)
    sites = said.values() if isinstance(said, dict) else ()
    if any(
        isinstance(site, dict) and any(abs(share - 1) > 1e-3 for share in site.values()) for site in sites
    ):
        tell(f"{name}: says that sites are held in part; its atoms are taken as whole")


def _check_atoms(atoms: Atoms, name: str, number: int) -> None:
    import numpy as np

    if len(atoms) == 0:
        raise InputError(f"{name}: frame {number} has no atoms; allowed: at least one")
    if not np.isfinite(atoms.positions).all():
        raise InputError(f"{name}: frame {number} has positions that are not finite; allowed: numbers in Å")
    farthest = float(np.abs(atoms.positions).max())
    if farthest > LARGEST_EXTENT:
        raise InputError(
            f"{name}: frame {number} has an atom {farthest:.3g} Å from the origin; "
            f"allowed: up to {LARGEST_EXTENT:.0e} Å"
        )
    if (atoms.numbers <= 0).any():
        raise InputError(f"{name}: frame {number} has atoms of unknown element; allowed: chemical symbols")
    check_cell(atoms, f"{name}: frame {number}")


def check_cell(atoms: Atoms, name: str) -> None:
    """Refuse a cell that no model can have.

    Parameters
    ----------
    atoms
        The model.
    name
        Of the file and frame, before the message.

    Raises
    ------
    InputError
        If the cell is not finite or longer than :data:`LARGEST_EXTENT`; of a periodic model, if it has no volume, is so
        flat or skewed that opposite faces are nearer than :data:`LEAST_HEIGHT`, or holds more than one atom in
        :data:`LEAST_VOLUME`.
    """
    import numpy as np

    cell = np.asarray(atoms.cell.array, dtype=float)
    if not np.isfinite(cell).all():
        raise InputError(f"{name} has a cell that is not finite; allowed: lengths in Å")
    if float(np.abs(cell).max(initial=0.0)) > LARGEST_EXTENT:
        raise InputError(
            f"{name} has a cell of {np.abs(cell).max():.3g} Å; allowed: up to {LARGEST_EXTENT:.0e} Å"
        )
    periodic = np.asarray(atoms.pbc, dtype=bool)
    if not periodic.any():
        return
    full = np.asarray(atoms.cell.complete().array, dtype=float)
    volume = abs(float(np.linalg.det(full)))
    if volume < 1e-9 or not np.any(cell[periodic], axis=1).all():
        raise InputError(f"{name} is periodic but its cell has no volume; allowed: a full cell in Å")
    areas = [float(np.linalg.norm(np.cross(full[(k + 1) % 3], full[(k + 2) % 3]))) for k in range(3)]
    height = min(volume / areas[k] for k in np.flatnonzero(periodic))
    if height < LEAST_HEIGHT:
        raise InputError(
            f"{name} has a cell with opposite faces {height:.2g} Å apart; allowed: at least {LEAST_HEIGHT:g} Å"
        )
    if periodic.all() and volume < LEAST_VOLUME * len(atoms):
        raise InputError(
            f"{name} has {len(atoms)} atoms in {volume:.3g} Å³; allowed: at least {LEAST_VOLUME:g} Å³ an atom"
        )


def _as_own_info(atoms: Atoms) -> None:
    """Give what a file says under names that this package uses the type that it has here; nothing is dropped."""
    if not isinstance(atoms.info.get("provenance", {}), dict):
        atoms.info["provenance"] = {"said": atoms.info["provenance"]}
    for name in {"phase", "kind"} & atoms.info.keys():
        atoms.info[name] = str(atoms.info[name])


def read_structure(path: str | Path, *, max_atoms: int = MAX_ATOMS) -> Atoms:
    """Read the last frame of a structure file; see :func:`read_frames`."""
    return read_frames(path, max_atoms=max_atoms)[-1]
