"""Numbers that come with the library's models: packed JSON beside them."""

from __future__ import annotations

import json
import lzma
from typing import TYPE_CHECKING, Any, TypeVar

from alzmodel.errors import AlzmodelError
from alzmodel.io import atomic_path, json_text
from alzmodel.models.library import library_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["read_shipped", "write_shipped"]

T = TypeVar("T")


def read_shipped(file: str, folder: Path | None, made: Callable[[Any], T], words: str) -> T | None:
    """Read a packed file of the library; None if there is none.

    Parameters
    ----------
    file
        Its name.
    folder
        Of the library; by default the package's own.
    made
        Makes of the content what is returned.
    words
        What the file holds, for the message.

    Raises
    ------
    AlzmodelError
        If the file cannot be read.
    """
    path = (folder or library_folder()) / file
    if not path.is_file():
        return None
    try:
        return made(json.loads(lzma.decompress(path.read_bytes())))
    except (OSError, ValueError, KeyError, TypeError, lzma.LZMAError) as error:
        raise AlzmodelError(f"{path}: no {words} of models ({error}); reinstall alzmodel") from error


def write_shipped(file: str, folder: Path | None, content: Any) -> Path:
    """Pack a file and put it into the library; the path is returned."""
    path = (folder or library_folder()) / file
    with atomic_path(path) as temporary:
        temporary.write_bytes(lzma.compress(json_text(content).encode(), preset=9 | lzma.PRESET_EXTREME))
    return path
