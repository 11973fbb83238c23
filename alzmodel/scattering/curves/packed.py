"""Bytes of a file, unpacked where it is packed."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from alzmodel.errors import InputError
from alzmodel.limits import size_words
from alzmodel.reading import OPENERS, packing_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["ARCHIVES", "LARGEST", "members_of", "text_of", "unpacked"]

LARGEST: Final = 200_000_000
"""Bytes that the file of a curve may have, unpacked."""
ARCHIVES: Final = (".brml", ".rasx")
"""Endings of formats that are zip archives themselves."""
_DAMAGE: Final = (
    OSError,
    EOFError,
    lzma.LZMAError,
    zlib.error,
    zipfile.BadZipFile,
    RuntimeError,
    NotImplementedError,
)


def unpacked(path: Path, endings: Collection[str]) -> tuple[str, bytes]:
    """Inner name and bytes of a file, unpacked from gzip, bzip2, xz, or a zip of one file that ends as `endings` say.

    How it is packed is told by its first bytes, whatever its name: servers pack what is plain, and browsers unpack
    what is packed. A zip that is a format of its own (:data:`ARCHIVES`) stays one.

    Raises
    ------
    InputError
        If it cannot be unpacked, is larger than :data:`LARGEST`, or holds several such files.
    """
    packing = packing_of(path)
    if packing == ".zip" and path.suffix.lower() in ARCHIVES:
        packing = None
    if packing == ".zip":
        found = {
            inner: content
            for inner, content in members_of(
                path, lambda inner: PurePosixPath(inner).suffix.lower() in endings
            ).items()
            if not inner.startswith(("__MACOSX/", "."))
        }
        if len(found) != 1:
            raise InputError(
                f"{path}: {len(found)} curves inside; allowed: a .zip that holds one ({', '.join(endings)})"
            )
        ((inner, content),) = found.items()
        return inner, content
    inner = path.stem if path.suffix.lower() in OPENERS else path.name
    try:
        if packing is None:
            if path.stat().st_size > LARGEST:
                raise _too_large(path)
            return inner, path.read_bytes()
        with OPENERS[packing](path, "rb") as handle:
            content = handle.read(LARGEST + 1)
    except _DAMAGE as error:
        raise InputError(f"{path}: does not unpack ({error}); allowed: a whole {packing} file") from error
    if len(content) > LARGEST:
        raise _too_large(path)
    return inner, content


def _too_large(path: Path) -> InputError:
    return InputError(f"{path}: more than {size_words(LARGEST)}; allowed: less")


def members_of(source: Any, wanted: Callable[[str], bool], name: str | Path = "") -> dict[str, bytes]:
    """Files inside of a zip archive whose names are `wanted`, by name.

    Raises
    ------
    InputError
        If it is damaged or they are larger than :data:`LARGEST` together.
    """
    name = name or source
    try:
        with zipfile.ZipFile(source) as archive:
            inside = [one for one in archive.infolist() if not one.is_dir() and wanted(one.filename)]
            if sum(one.file_size for one in inside) > LARGEST:
                raise InputError(f"{name}: more than {size_words(LARGEST)} inside; allowed: less")
            return {one.filename: archive.read(one) for one in inside}
    except _DAMAGE as error:
        raise InputError(f"{name}: does not unpack ({error}); allowed: a whole zip archive") from error


def text_of(content: bytes, name: str, *encodings: str) -> str:
    """Text of a file, with or without a byte order mark, in UTF-8, UTF-16 or an eight-bit encoding.

    Raises
    ------
    InputError
        If it is binary.
    """
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encodings = ("utf-16",)
    for encoding in (*encodings, "utf-8-sig"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        text = content.decode("latin-1")
    if "\0" in text:
        raise InputError(f"{name}: binary, or text of 16 bits; allowed: numbers as plain text")
    return text
