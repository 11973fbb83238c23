"""HDF5 files of unknown origin: opened without leaving the file."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check_inside", "open_hdf5"]


@contextlib.contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading, after :func:`check_inside`.

    No lock is asked for: not every file system has them, and nobody writes to a file that appears whole.

    Yields
    ------
    h5py.File

    Raises
    ------
    OSError
        If it is no HDF5 file.
    InputError
        As :func:`check_inside`.
    """
    import h5py

    with h5py.File(path, "r", locking=False) as handle:
        check_inside(handle, path)
        yield handle


def check_inside(handle: Any, path: Path) -> None:
    """Refuse an HDF5 file that reads from other files.

    Links to other files, datasets whose bytes lie in other files, and virtual datasets made of other files would let
    a received file read whatever its reader may read.

    Parameters
    ----------
    handle
        An open ``h5py.File``.
    path
        Its name, for the message.

    Raises
    ------
    InputError
        With the name of the link or dataset.
    """
    import h5py

    # Its words are returned: an exception would not pass through HDF5 unharmed.
    def look(name: str, link: Any) -> str | None:
        if isinstance(link, h5py.ExternalLink):
            return f"{name} is a link to another file, {link.filename!r}"
        item = handle[name] if isinstance(link, h5py.HardLink) else None
        if isinstance(item, h5py.Dataset) and (item.external is not None or item.is_virtual):
            return f"{name} keeps its numbers in another file"
        return None

    fault = handle.visititems_links(look)
    if fault is not None:
        raise InputError(f"{path}: {fault}; allowed: data in the file itself")
