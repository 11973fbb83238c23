"""Frames of whatever a user calls a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ase import Atoms

from alzmodel.errors import InputError
from alzmodel.models.library import LibraryModel, load_frames
from alzmodel.models.melt_quench import Glass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymatgen.core import Structure

    Model: TypeAlias = Atoms | Sequence[Atoms] | Structure | Glass | LibraryModel | str | Path

__all__ = ["frames"]

_TAKEN = "an ase.Atoms, a list of them, a glass, a model of the library, a pymatgen Structure or a path"


def frames(model: Model, *, mixed: bool = False) -> list[Atoms]:
    """Frames of any model, as :class:`ase.Atoms`.

    Parameters
    ----------
    model
        One ``Atoms``; frames of one model; a :class:`~alzmodel.models.melt_quench.Glass` or a model of the library,
        which give their frames at 300 K; a pymatgen ``Structure``; or the path of a file with one frame or more.
    mixed
        Whether sites may be held in part or by several elements, each then an atom with its share in ``occupancy``.

    Returns
    -------
    list of ase.Atoms
        At least one frame, lengths in Å.

    Raises
    ------
    InputError
        If it is of another type, holds no frame, has partly occupied sites, or is a file that cannot be read.

    Examples
    --------
    >>> import alzmodel as am
    >>> len(am.frames(am.crystal("MgO"))[0])
    8
    """
    if isinstance(model, Atoms):
        return [model]
    if isinstance(model, str | Path):
        from alzmodel.io import read_frames

        return read_frames(model, mixed=mixed)
    if isinstance(model, Glass):
        return list(model.frames)
    if isinstance(model, LibraryModel):
        return load_frames(model)
    if type(model).__module__.startswith("pymatgen."):
        from alzmodel.formats.pymatgen_models import atoms_of

        return [atoms_of(model, mixed=mixed)]
    if isinstance(model, list | tuple) and all(isinstance(frame, Atoms) for frame in model):
        if not model:
            raise InputError(f"model: an empty {type(model).__name__}; allowed: {_TAKEN}")
        return list(model)
    raise InputError(f"model: {_kind(model)}; allowed: {_TAKEN}")


def _kind(model: object) -> str:
    """Name what was given in place of a model."""
    kind = type(model).__name__
    if isinstance(model, list | tuple):
        inside = next(type(one).__name__ for one in model if not isinstance(one, Atoms))
        return f"a {kind} that holds {inside}"
    return kind
