"""Finished models that come with the package: ``structures/models``, made once by the study file that lies there.

Each model is a pair of extended XYZ files, compressed: the minimised model with its whole provenance, and frames at
300 K. Positions are rounded to :data:`DECIMALS`, which moves the energy by less than 1e-6 eV per atom.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import lzma
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.crystals import structure_folder
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.io import atomic_path, json_text, read_frames, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ase import Atoms

__all__ = [
    "DECIMALS",
    "INDEX",
    "LibraryModel",
    "add_model",
    "glasses",
    "library",
    "library_folder",
    "load_frames",
    "load_model",
]

DECIMALS = 4
"""Of the positions in Å."""

INDEX = "index.json"

FINAL_TEMPERATURE = 300.0
"""K, of the frames that every model has."""


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """One finished model.

    Attributes
    ----------
    name
        Stem of its files.
    kind
        ``"glass"`` or ``"glass-ceramic"``.
    la, li
        Per formula unit, as asked for.
    seed, protocol, potential
        What it was made with.
    formula, n_atoms
        What was really built.
    sha256
        Of the file of the model and of that of the frames.
    hot
        Temperature in K and digest of the file of each further set of frames.
    """

    name: str
    kind: str
    la: float
    li: float
    seed: int
    protocol: str
    potential: str
    formula: str
    n_atoms: int
    sha256: tuple[str, str]
    hot: tuple[tuple[float, str], ...] = ()


def library_folder() -> Path:
    """Folder of the library."""
    return structure_folder() / "models"


@functools.cache
def library(folder: Path | None = None) -> tuple[LibraryModel, ...]:
    """List the models of the library by name; none if there is no library.

    Raises
    ------
    AlzmodelError
        If its index cannot be read.
    """
    path = (folder or library_folder()) / INDEX
    if not path.is_file():
        return ()
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        models = [
            LibraryModel(
                **{
                    **row,
                    "sha256": tuple(row["sha256"]),
                    "hot": tuple((kelvin, digest) for kelvin, digest in row.get("hot", ())),
                }
            )
            for row in rows
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise AlzmodelError(f"{path}: no index of models ({error}); reinstall alzmodel") from error
    return tuple(sorted(models, key=lambda model: model.name))


def glasses(potential: str, li: float = 7.0) -> list[LibraryModel]:
    """Glasses of the library that a potential made with so much Li, of every La content, seed and protocol."""
    return [one for one in library() if (one.kind, one.potential, one.li) == ("glass", potential, li)]


def _files(model: LibraryModel, folder: Path | None) -> tuple[Path, Path]:
    place = folder or library_folder()
    return place / f"{model.name}.extxyz.xz", place / f"{model.name}-300K.extxyz.xz"


def _hot_file(model: LibraryModel, kelvin: float, folder: Path | None) -> Path:
    return (folder or library_folder()) / f"{model.name}-{kelvin:g}K.extxyz.xz"


def _checked(path: Path, sha256: str) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: no such file; allowed: a model of the library, as installed")
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise AlzmodelError(f"{path}: is not the file that the index names; reinstall alzmodel")
    return path


def load_model(model: LibraryModel, folder: Path | None = None) -> Atoms:
    """Read the minimised model.

    Raises
    ------
    InputError, AlzmodelError
        If its file is missing, or is another than the index names.
    """
    return read_frames(_checked(_files(model, folder)[0], model.sha256[0]))[-1]


def load_frames(
    model: LibraryModel, folder: Path | None = None, *, temperature: float = FINAL_TEMPERATURE
) -> list[Atoms]:
    """Read the frames at a temperature, 300 K by default; errors as :func:`load_model`.

    Raises
    ------
    InputError
        Also if there are none at this temperature.
    """
    if temperature == FINAL_TEMPERATURE:
        return read_frames(_checked(_files(model, folder)[1], model.sha256[1]))
    digests = dict(model.hot)
    if temperature not in digests:
        allowed = ", ".join(f"{kelvin:g}" for kelvin in (FINAL_TEMPERATURE, *digests))
        raise InputError(f"{model.name}: no frames at {temperature:g} K; allowed: {allowed} K")
    return read_frames(_checked(_hot_file(model, temperature, folder), digests[temperature]))


def add_model(
    name: str,
    model: Atoms,
    frames: Sequence[Atoms],
    *,
    la: float,
    li: float,
    hot: Mapping[float, Sequence[Atoms]] | None = None,
    folder: Path | None = None,
) -> LibraryModel:
    """Put a finished model into a library, in place of one of the same name.

    Parameters
    ----------
    name
        Of the new entry.
    model, frames
        Minimised, and at 300 K, with the provenance that the builders give.
    la, li
        Per formula unit, as asked for.
    hot
        Frames at other temperatures, by K.
    folder
        Of the library; by default the package's own.
    """
    provenance = model.info["provenance"]
    place = folder or library_folder()
    place.mkdir(parents=True, exist_ok=True)
    # The course of the temperature stands with the model once.
    brief = {key: value for key, value in provenance.items() if key != "thermo"}
    texts = (_xyz([model], provenance), _xyz(frames, brief))
    warm = {
        float(kelvin): _xyz(
            some, {key: value for key, value in some[0].info["provenance"].items() if key != "thermo"}
        )
        for kelvin, some in sorted((hot or {}).items())
    }
    entry = LibraryModel(
        name=name,
        kind=model.info["kind"],
        la=la,
        li=li,
        seed=provenance["seed"],
        protocol=provenance["protocol"]["name"],
        potential=provenance["potential"]["name"],
        formula=provenance["formula"],
        n_atoms=len(model),
        sha256=(hashlib.sha256(texts[0]).hexdigest(), hashlib.sha256(texts[1]).hexdigest()),
        hot=tuple((kelvin, hashlib.sha256(data).hexdigest()) for kelvin, data in warm.items()),
    )
    paths = (*_files(entry, place), *(_hot_file(entry, kelvin, place) for kelvin in warm))
    for path, data in zip(paths, (*texts, *warm.values()), strict=True):
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
    rows = [asdict(known) for known in library(place) if known.name != name]
    _write_index([*rows, asdict(entry)], place)
    return entry


def _write_index(rows: Iterable[dict[str, Any]], folder: Path) -> None:
    ordered = sorted(rows, key=lambda row: str(row["name"]))
    write_text(folder / INDEX, json_text(ordered, indent=1) + "\n")
    library.cache_clear()


def _xyz(models: Sequence[Atoms], provenance: dict[str, Any]) -> bytes:
    import ase.io

    rounded = []
    for atoms in models:
        copy = atoms.copy()
        copy.positions = np.round(copy.positions, DECIMALS)
        copy.info = {"kind": atoms.info["kind"], "provenance": provenance}
        rounded.append(copy)
    buffer = io.StringIO()
    ase.io.write(buffer, rounded, format="extxyz")
    return lzma.compress(buffer.getvalue().encode(), preset=9 | lzma.PRESET_EXTREME)
