"""Columns that were drawn for a posterior, each kept on disk as soon as it is computed."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.io import atomic_path
from alzmodel.scattering.fem.draws import (
    COLUMN,
    PARAMETERS,
    SETTINGS,
    draw_points,
    glass_column,
    specimen_column,
)
from alzmodel.study.task import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from alzmodel.scattering.fem.scan import Matrix

__all__ = ["SPECIMENS", "draw_specimens", "glass_columns", "trial_specimen"]

VERSION: Final = 1
"""Of what a specimen holds; another one computes all again."""

SPECIMENS: Final = "specimens"

_SPECIMEN: Final = tuple(one for one in PARAMETERS if not one.nuisance)


def draw_specimens(
    matrix: Matrix, identity: str, count: int, seed: int, folder: Path, told: Callable[[], None]
) -> list[tuple[dict[str, float], dict[str, Any]]]:
    """Return the first `count` specimens of a sequence, with what was computed of them.

    Parameters
    ----------
    matrix, identity
        The glass, and a hash of its atoms.
    count, seed
        Of the sequence: a longer one begins with a shorter one.
    folder
        Holds :data:`SPECIMENS`; what lies there is not computed again.
    told
        Called after each.

    Returns
    -------
    list
        Values and columns; those that could not be built have their reason in "refused".
    """
    found = []
    for number, values in enumerate(draw_points(_SPECIMEN, count, seed)):
        found.append((values, _kept(folder, matrix, identity, values, 1000 * seed + number)))
        told()
    return found


def trial_specimen(
    matrix: Matrix, identity: str, values: Mapping[str, float], seed: int, folder: Path
) -> dict[str, Any]:
    """Compute a specimen of chosen values, or read it if it is there."""
    return _kept(folder, matrix, identity, values, seed)


def glass_columns(
    matrix: Matrix, identity: str, count: int, seed: int, folder: Path, told: Callable[[], None]
) -> list[dict[str, Any]]:
    """Return columns of the glass alone; as :func:`draw_specimens`."""
    found = []
    for number in range(count):
        found.append(_kept(folder, matrix, identity, {}, 1000 * seed + 500 + number))
        told()
    return found


def _kept(
    folder: Path, matrix: Matrix, identity: str, values: Mapping[str, float], seed: int
) -> dict[str, Any]:
    inputs = {
        "version": VERSION,
        "glass": identity,
        "values": dict(values),
        "seed": seed,
        "column": COLUMN,
        "rings": [SETTINGS.k_min, SETTINGS.k_max, SETTINGS.k_step, SETTINGS.ring_width],
    }
    name = digest(inputs)
    place = folder / SPECIMENS
    known = _read(place / name)
    if known is None:
        place.mkdir(parents=True, exist_ok=True)
        known = specimen_column(matrix, values, seed) if values else glass_column(matrix, seed)
        with atomic_path(place / f"{name}.npz") as path:
            np.savez_compressed(path, **known)
    return known


def _read(stem: Path) -> dict[str, Any] | None:
    """Read a specimen; None if it is not there, or its file is damaged (zip archives hold checksums)."""
    file = stem.with_suffix(".npz")
    try:
        with file.open("rb") as handle, np.load(handle, allow_pickle=False) as kept:
            found = {name: kept[name] for name in kept.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError):
        return None
    return {**found, "refused": str(found["refused"])}
