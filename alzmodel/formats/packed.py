"""Files that are packed or carry a mark of their text: read as what is inside."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alzmodel.errors import InputError
from alzmodel.reading import OPENERS, encoding_of, packing_of, zip_member

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["plain_file"]

_BLOCK: Final = 1 << 20


@contextlib.contextmanager
def plain_file(path: Path) -> Iterator[Path]:
    """Give a path to what is inside a file: itself, or a copy that is unpacked and without a mark of its text.

    Parameters
    ----------
    path
        Of an existing file; gzip, bzip2, xz and zip are known by how they begin, whatever they are called. The copy has
        the name without the ending, or that of the one file in a zip.

    Raises
    ------
    InputError
        If it is damaged, or a zip of no or several files.
    """
    packing = packing_of(path)
    with path.open("rb") as handle:
        head = handle.read(4)
    encoding = encoding_of(head)
    if packing is None and encoding is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="alzmodel-") as folder:
        if packing is None:
            copy = Path(folder, path.name)
            copy.write_bytes(path.read_bytes())
        else:
            copy = Path(folder, _inner_name(path, packing))
            _unpack(path, packing, copy)
        with copy.open("rb") as handle:
            head = handle.read(4)
        encoding = encoding_of(head)
        if encoding is not None:
            copy.write_text(copy.read_bytes().decode(encoding, errors="replace"), encoding="utf-8")
        yield copy


def _inner_name(path: Path, packing: str) -> str:
    if packing == ".zip":
        return Path(zip_member(path)).name
    ending = path.suffix.lower()
    return path.stem if ending in {*OPENERS, ".gzip"} and path.stem else path.name


def _unpack(path: Path, packing: str, copy: Path) -> None:
    try:
        with OPENERS[packing](path, "rb") as source, copy.open("wb") as target:
            while block := source.read(_BLOCK):
                target.write(block)
    except InputError:
        raise
    except Exception as error:
        # Each library of packing has errors of its own.
        raise InputError(f"{path}: damaged ({error}); allowed: a whole file") from error
