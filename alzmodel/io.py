"""Reading any structure, and writing files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alzmodel.errors import AlzmodelError, InputError
from alzmodel.folders import NO_SPACE, ROOM_IN_FOLDER, check_length, full_disk
from alzmodel.formats.structures import STANDARD_STREAM, check_cell, read_frames, read_structure
from alzmodel.interrupts import UNFINISHED
from alzmodel.moved import names_of
from alzmodel.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms

__all__ = [
    "STANDARD_STREAM",
    "atomic_path",
    "check_cell",
    "check_output_folder",
    "check_structure_path",
    "check_writable",
    "json_text",
    "parse_json",
    "read_frames",
    "read_structure",
    "write_structure",
    "write_text",
]

__getattr__ = names_of("alzmodel.io", "alzmodel.folders")

LAMMPS_ENDINGS = (".lmp", ".data", ".lammps")
DEVICES = Path("/dev")
EMPTY_SPACE = 10.0
"""Å on every side of a cluster, in the formats that need a cell."""


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path` when the block ends well.

    The content is flushed to disk before the rename, so that a reader, or a restart after a power cut, finds
    the old file or the new one, never a part. On an exception nothing is left behind. A device or a pipe
    (``/dev/null``, ``/dev/stdout``) stays what it is: the content is written into it.
    """
    target = Path(path)
    into = _is_stream(target)
    folder = None if into else target.parent
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=folder)
    os.close(descriptor)
    temporary = Path(name)
    UNFINISHED.add(temporary)
    try:
        yield temporary
        if into:
            with temporary.open("rb") as source, target.open("wb") as stream:
                shutil.copyfileobj(source, stream)
            return
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except (AlzmodelError, MemoryError):
        raise
    except Exception as error:
        # Libraries have words of their own for it, and some name no file.
        number = error.errno if isinstance(error, OSError) else None
        full = number if number in NO_SPACE else full_disk(temporary.parent)
        if full is not None:
            raise OSError(full, os.strerror(full), str(target)) from error
        if isinstance(error, OSError) and error.filename is None and number is not None:
            raise OSError(number, error.strerror, str(target)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
        UNFINISHED.discard(temporary)


def _is_stream(target: Path) -> bool:
    """Whether it is a device, a pipe, or a name that the system keeps for one: never to be replaced by a file."""
    return target.exists() and (
        target.absolute().parent == DEVICES or not (target.is_file() or target.is_dir())
    )


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_structure(atoms: Atoms | Sequence[Atoms], path: str | Path) -> None:
    """Write one model or several frames, whole or not at all.

    The format follows the ending: .cif, .vasp (or a file called POSCAR), .lmp or .data for LAMMPS (with charges and
    masses), and all others that ASE knows. No ending or ``-`` (standard output) is extended XYZ, the only format that
    keeps the provenance; CIF, POSCAR and LAMMPS data say in a comment what made them. A cluster without a cell gets a
    box there, :data:`EMPTY_SPACE` larger on every side.

    Raises
    ------
    InputError
        If ASE cannot write that format, or it holds one model only.
    """
    import ase.io

    if str(path) == STANDARD_STREAM:
        buffer = io.StringIO()
        ase.io.write(buffer, atoms, format="extxyz")
        sys.stdout.write(buffer.getvalue())
        return
    target = Path(path)
    with atomic_path(target) as temporary:
        try:
            ending = _ending(target)
            if ending in {"cif", "vasp", "lammps-data"}:
                temporary.write_text(_exchange_text(atoms, ending, target), encoding="utf-8")
            else:
                ase.io.write(temporary, atoms, format=ending)
        except (ValueError, KeyError, AttributeError, ase.io.formats.UnknownFileTypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{path}: cannot be written ({error}); allowed endings: .extxyz, .xyz, .cif, .vasp, .lmp, …"
            ) from error


def check_structure_path(path: str | Path, *, several: bool = False) -> None:
    """Refuse, before anything is computed, a file that :func:`write_structure` could not write.

    Parameters
    ----------
    path
        A file, or ``-``.
    several
        Whether more than one model is to go into it.

    Raises
    ------
    InputError
        As :func:`check_writable`; also if no format goes with the ending, or it holds one model where there are more.
    """
    from ase.io.formats import UnknownFileTypeError, filetype, ioformats

    check_writable(path)
    if str(path) == STANDARD_STREAM:
        return
    ending = _ending(Path(path))
    try:
        chosen = ioformats[ending or filetype(str(path), read=False)]
    except (UnknownFileTypeError, KeyError):
        chosen = None
    if chosen is None or not chosen.can_write:
        raise InputError(
            f"{path}: no format for models ends so; allowed endings: .extxyz, .xyz, .cif, .vasp, .lmp, …"
        )
    if several and (chosen.single or ending in {"cif", "vasp", "lammps-data"}):
        raise InputError(f"{path}: holds one model; allowed for several frames: .extxyz, .xyz, .traj, …")


def _ending(path: Path) -> str | None:
    """Name the format of a file to write; None leaves it to ASE."""
    suffix = path.suffix.lower()
    if path.name.upper() in {"POSCAR", "CONTCAR"} or suffix in {".vasp", ".poscar"}:
        return "vasp"
    if suffix in LAMMPS_ENDINGS:
        return "lammps-data"
    return {"": "extxyz", ".xyz": "extxyz", ".extxyz": "extxyz", ".cif": "cif"}.get(suffix)


def _exchange_text(atoms: Atoms | Sequence[Atoms], file_format: str, path: Path) -> str:
    """Text of a model in a format of another program, its title first."""
    import ase.io

    frames: list[Any] = list(atoms) if isinstance(atoms, list | tuple) else [atoms]
    if len(frames) != 1:
        raise InputError(
            f"{path}: {len(frames)} frames; allowed in this format: one model (.extxyz takes all)"
        )
    model: Atoms = frames[0].copy()
    title = _title(model)
    if not model.pbc.any() or model.cell.rank != 3:
        model.center(vacuum=EMPTY_SPACE)
        title += f", in a box with {EMPTY_SPACE:g} angstrom of empty space around it"
    if file_format == "cif":
        binary = io.BytesIO()
        ase.io.write(binary, model, format="cif")
        return f"# {title}\n{binary.getvalue().decode()}"
    options: dict[str, Any] = {"sort": True, "direct": True}
    if file_format == "lammps-data":
        title += ", units metal"
        options = {"atom_style": "charge", "masses": True, "units": "metal"}
    buffer = io.StringIO()
    ase.io.write(buffer, model, format=file_format, **options)
    # Both begin with a line of comment, which says nothing as ASE writes it.
    return f"{title}\n{buffer.getvalue().partition(chr(10))[2]}"


def _title(model: Atoms) -> str:
    """Say in one ASCII line what made a model."""
    from alzmodel import __version__

    provenance = model.info.get("provenance")
    known = provenance if isinstance(provenance, dict) else {}
    words = [f"{known.get('formula') or model.get_chemical_formula()} written by alzmodel {__version__}"]
    if "kind" in model.info:
        words.append(str(model.info["kind"]))
    words += [f"{name} {known[name]}" for name in ("diameter", "seed") if name in known]
    if "citation" in known:
        words.append(f"after {known['citation']}")
    return " ".join(", ".join(words).split()).encode("ascii", "replace").decode()


def check_writable(path: str | Path) -> None:
    """Refuse an output file that could not be written, before work starts.

    Raises
    ------
    InputError
        If the folder is missing or not writable, or `path` is a folder, too long, or a link: neither it nor what it
        leads to is replaced unasked.
    """
    if str(path) == STANDARD_STREAM:
        return
    target = Path(path)
    check_length(target)
    if target.is_dir():
        raise InputError(f"{target}: is a folder; allowed: a file name")
    if not target.parent.is_dir():
        raise InputError(f"{target}: the folder {target.parent} does not exist; allowed: an existing folder")
    if _is_stream(target):
        if not os.access(target, os.W_OK):
            raise InputError(f"{target}: cannot be written to; allowed: a file that can be written")
        return
    if target.is_symlink():
        raise InputError(f"{target}: is a link to {target.readlink()}; allowed: the name of that file itself")
    _check_folder_writable(target.parent)


def check_output_folder(path: str | Path) -> Path:
    """Refuse an output folder that could not be created or written to, before work starts.

    Returns
    -------
    pathlib.Path
        The folder, which need not exist yet; nothing is created.

    Raises
    ------
    InputError
        If it is a file or its path too long, or it or its nearest existing parent is not writable.
    """
    folder = Path(path)
    check_length(folder, behind=0, below=ROOM_IN_FOLDER)
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        where = "" if existing == folder else f"{existing} "
        raise InputError(f"{folder}: {where}is a file; allowed: a folder that can be written to")
    _check_folder_writable(existing)
    return folder


def _check_folder_writable(folder: Path) -> None:
    # The permission bits count for the superuser too: a folder marked read-only was meant so.
    marked_read_only = not folder.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    if not marked_read_only:
        try:
            with tempfile.TemporaryFile(dir=folder):
                return
        except OSError:
            pass
    raise InputError(f"{folder}: folder is not writable; allowed: a folder that you may write to")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON of dataclasses, NumPy values and arrays; NaN and infinities become ``null``."""
    return json.dumps(_plain(value), indent=indent, allow_nan=False, ensure_ascii=False)


def parse_json(text: str | bytes) -> Any:
    """Read JSON that others may have changed; what is nested deeper than Python reads is a ValueError too."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error


def _plain(value: Any) -> Any:
    if isinstance(value, str | int) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Result):
        return _plain(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Path):
        return str(value)
    import numpy as np

    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    return value
