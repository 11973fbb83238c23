"""Files that ask for more than they hold: atoms and bytes are counted first, and reading is bounded."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import itertools
import lzma
import signal
import threading
import zipfile
import zlib
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alzmodel.errors import InputError
from alzmodel.limits import size_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "BYTES_OF_ATOM",
    "MAX_ATOMS",
    "OPENERS",
    "bounded_reading",
    "check_announced",
    "check_path",
    "check_size",
    "check_xyz",
    "encoding_of",
    "file_text",
    "packing_of",
    "plain_text",
    "zip_member",
]

MAX_ATOMS: Final = 10_000_000
"""Atoms of all frames of a file, if nothing else is asked for."""
BYTES_OF_ATOM: Final = 200
"""More than a line of positions, velocities and forces takes."""
PACKED: Final = 200
"""How many times its size a packed file may unpack to; digits of coordinates pack to a tenth at best."""
_FEW_BYTES: Final = 10_000_000
"""Which any packed file may unpack to."""
SECONDS: Final = 10.0
"""Time of the processor that reading any file may take, and more by :data:`BYTES_A_SECOND`."""
BYTES_A_SECOND: Final = 1e5
"""A twentieth of what the slowest readers manage."""
_ROOM: Final = 1e9
_ROOM_FOR_BYTE: Final = 60
"""Memory that reading may take: as much at any rate, and as much for each byte of the file."""
_BLOCK: Final = 1 << 20
_STARTS: Final = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\x00": ".xz", b"PK\x03\x04": ".zip"}
"""How packed files begin."""
_DAMAGED: Final = (
    OSError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    lzma.LZMAError,
    zlib.error,
    zipfile.BadZipFile,
)
"""What libraries raise on damaged, locked or unknown packing."""
_XYZ: Final = {".xyz", ".extxyz", ""}
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""How texts begin that say their encoding, as editors on Windows write them."""


def encoding_of(head: bytes) -> str | None:
    """Return the encoding that a text names by its first bytes; None if it names none."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def plain_text(path: str | Path) -> str:
    """Text of a file in UTF-8, or in UTF-16 that says so by its first bytes, without that mark.

    Raises
    ------
    OSError, UnicodeDecodeError
        If it cannot be read.
    """
    found = Path(path).read_bytes()
    return found.decode(encoding_of(found) or "utf-8").replace("\r\n", "\n").replace("\r", "\n")


def zip_member(path: str | Path) -> str:
    """Name of the one file in a zip.

    Raises
    ------
    InputError
        If it is damaged, or holds no file or several.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [one.filename for one in archive.infolist() if not one.is_dir()]
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: damaged ({error}); allowed: a whole file") from error
    names = [name for name in names if not name.startswith("__MACOSX")]
    if len(names) != 1:
        words = ", ".join(names[:5]) or "nothing"
        raise InputError(f"{path}: holds {len(names)} files ({words}); allowed: a zip of one file")
    return names[0]


@contextlib.contextmanager
def _open_zip(path: str | Path, _mode: str = "rb") -> Iterator[Any]:
    """Open the one file in a zip."""
    with zipfile.ZipFile(path) as archive, archive.open(zip_member(path)) as handle:
        yield handle


OPENERS: Final[dict[str, Callable[..., Any]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zip": _open_zip,
}
"""What opens a packed file, by its usual ending."""


def packing_of(path: str | Path) -> str | None:
    """Usual ending of how a file is packed, by its first bytes; None if it is not."""
    with Path(path).open("rb") as handle:
        head = handle.read(6)
    return next((ending for start, ending in _STARTS.items() if head.startswith(start)), None)


def check_path(path: str | Path) -> None:
    """Refuse a path that no system can hold.

    Raises
    ------
    InputError
        If it holds a NUL character.
    """
    if "\0" in str(path):
        raise InputError(f"{str(path)!r}: a NUL character in a path; allowed: a path of other characters")


def check_size(path: str | Path, max_atoms: int) -> int:
    """Bytes of a file of structures, unpacked.

    Parameters
    ----------
    path
        An existing file; what is packed by gzip, bzip2, xz or zip is unpacked, but not kept.
    max_atoms
        Gives the largest size, with :data:`BYTES_OF_ATOM` each.

    Raises
    ------
    InputError
        If the file is larger than that, or unpacks to more than :data:`PACKED` times its size and 10 MB.
    """
    file = Path(path)
    limit = BYTES_OF_ATOM * max_atoms
    size = file.stat().st_size
    packing = packing_of(file)
    opener = None if packing is None else OPENERS[packing]
    words = "bytes"
    if opener is not None:
        words = "unpacked"
        most = max(PACKED * size, _FEW_BYTES)
        # What is damaged is left to the reader, which says so.
        with contextlib.suppress(*_DAMAGED), opener(file, "rb") as handle:
            size = 0
            while size <= min(limit, most) and (block := handle.read(_BLOCK)):
                size += len(block)
        if most < size <= limit:
            raise InputError(
                f"{path}: unpacks to more than {PACKED} times its size; allowed: less, or the file unpacked before"
            )
    if size > limit:
        raise InputError(
            f"{path}: more than {size_words(limit)} {words}; allowed: less, or a larger --max-atoms than {max_atoms} "
            f"({BYTES_OF_ATOM} bytes an atom)"
        )
    return size


def check_xyz(path: str | Path, name: str, max_atoms: int) -> None:
    """Refuse a file of (extended) XYZ that announces more atoms than it can hold; other files pass.

    Parameters
    ----------
    path, name
        Of the file, which is not packed; the name is for the message.
    max_atoms
        Most atoms.

    Raises
    ------
    InputError
        If frames announce more than `max_atoms` atoms together, or more than there are lines.
    """
    file = Path(path)
    if file.suffix.lower() not in _XYZ:
        return
    with contextlib.suppress(OSError), file.open(encoding="utf-8", errors="replace") as handle:
        check_announced(handle, name, max_atoms)


def check_announced(lines: Iterable[str], name: str, max_atoms: int) -> None:
    """Go through the lines of XYZ frames by the numbers of atoms that they announce; see :func:`check_xyz`."""
    rest = iter(lines)
    total = 0
    for line in rest:
        try:
            number = int(line)
        except ValueError:
            # Another format, or an error that the reader names.
            return
        total += number
        if number < 0 or total > max_atoms:
            raise InputError(
                f"{name}: announces {total} atoms; allowed: 0 to {max_atoms}, or a larger --max-atoms"
            )
        deque(itertools.islice(rest, number + 1), maxlen=0)


def file_text(handle: Any, name: str, limit: int) -> str:
    """Text of an open file or stream of at most `limit` characters.

    Raises
    ------
    InputError
        If there is more.
    """
    text: str = handle.read(limit + 1)
    if len(text) > limit:
        raise InputError(f"{name}: more than {size_words(limit)}; allowed: less, or a larger --max-atoms")
    return text


@contextlib.contextmanager
def bounded_reading(name: str, size: int) -> Iterator[None]:
    """End the reading of a file that takes far more time or memory than its size explains.

    Parameters
    ----------
    name
        Of the file.
    size
        Its bytes, unpacked.

    Raises
    ------
    InputError
        After :data:`SECONDS` of processor time and one more for each :data:`BYTES_A_SECOND`, or with 1 GB of memory and
        60 bytes for each byte of the file used up (on Linux).
    """
    seconds = SECONDS + size / BYTES_A_SECOND

    def end(*_: object) -> None:
        raise InputError(
            f"{name}: not read after {seconds:.0f} s; allowed: a file that holds what it announces"
        )

    try:
        with contextlib.ExitStack() as stack:
            if threading.current_thread() is threading.main_thread():
                before = signal.signal(signal.SIGVTALRM, end)
                stack.callback(signal.signal, signal.SIGVTALRM, before)
                signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
                stack.callback(signal.setitimer, signal.ITIMER_VIRTUAL, 0.0)
            stack.enter_context(_bounded_memory(_ROOM + _ROOM_FOR_BYTE * size))
            yield
    except MemoryError:
        raise InputError(
            f"{name}: asks for more memory than a file of {size_words(size)} can fill; "
            "allowed: a file that holds what it announces"
        ) from None


@contextlib.contextmanager
def _bounded_memory(room: float) -> Iterator[None]:
    """Lower the process's limit of data to what it has now and `room` bytes more; nothing where that is not told."""
    import resource

    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        now = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))
    except (OSError, StopIteration):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = int(now + room)
    if soft != resource.RLIM_INFINITY:
        wanted = min(wanted, soft)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
