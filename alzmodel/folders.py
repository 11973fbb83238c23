"""Folders that are written to: whose they are, links in them, locks on them, and how long their names may be.

A folder or a file that a user made is never emptied, truncated or rewritten. What a study or a restart folder holds
may come from somebody else, so links in it are refused by name: they could lead anywhere.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import logging
import os
import socket
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.errors import AlzmodelError, InputError, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "HeldError",
    "check_length",
    "check_links",
    "check_ours",
    "full_disk",
    "hold",
    "is_held",
    "locked",
    "no_space_words",
]

LOCK = ".lock"
HELD = ".held"
"""Ending of the file that stands in for a lock where the file system has none."""
TAKING = ".taking"
HELD_BY_ANOTHER = {errno.EAGAIN, errno.EACCES}
SECONDS_BETWEEN_TRIES = 0.05
ROOM_IN_NAME = 32
"""Bytes that temporary and restart files put behind the name of a file."""
ROOM_IN_FOLDER = 200
"""Bytes of the longest name that is written below an output folder."""
NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
PROBE = 1 << 16
"""Bytes that a disk which is not full takes."""

_log = logging.getLogger("alzmodel")


class HeldError(AlzmodelError):
    """A lock that another process has; its text names the process."""


def check_ours(folder: Path, is_ours: Callable[[Path], bool], what: str, *, ignore: str = LOCK) -> None:
    """Refuse a folder that holds something which is not ours, and links in one that is.

    Parameters
    ----------
    folder
        May be missing, and may itself be a link.
    is_ours
        Whether a folder that is not empty was made by the same command.
    what
        Words for what is allowed, such as ``"the folder of a study"``.
    ignore
        Beginning of the names that a start which was killed at once leaves in an empty folder.

    Raises
    ------
    InputError
        With the folder and one name in it, or with the link.
    """
    if not folder.is_dir():
        return
    names = sorted(entry.name for entry in os.scandir(folder))
    rest = [name for name in names if not name.startswith((LOCK, ignore))]
    if rest and not is_ours(folder):
        raise InputError(
            f"{folder}: holds {rest[0]!r}, which alzmodel did not make; allowed: a new or empty folder, or {what}"
        )
    check_links(folder)


def check_links(folder: Path) -> None:
    """Refuse links, pipes and devices anywhere in a folder, which may itself be a link.

    Raises
    ------
    InputError
        With the name of the first one.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif not entry.is_file(follow_symlinks=False):
                    words = "is a link" if entry.is_symlink() else "is no plain file"
                    raise InputError(f"{entry.path}: {words}; allowed: files and folders of the study itself")


def check_length(path: Path, *, behind: int = ROOM_IN_NAME, below: int = 0) -> None:
    """Refuse a path that is too long for the file system, before any work.

    Parameters
    ----------
    path
        File or folder to be written; need not exist.
    behind
        Bytes that will be put behind its name.
    below
        Bytes of the longest name that will be written below it.

    Raises
    ------
    InputError
        With the length and the limit.
    """
    whole = Path(os.path.abspath(path))  # noqa: PTH100  `resolve` fails on names that are too long
    there = next(folder for folder in (whole, *whole.parents) if os.path.exists(folder))  # noqa: PTH110  as above
    longest = os.pathconf(there, "PC_NAME_MAX")
    for part, room in [*((part, 0) for part in whole.parts[:-1]), (whole.name, behind)]:
        if len(os.fsencode(part)) + room > longest:
            raise InputError(
                f"{_brief(path)}: a name of {len(os.fsencode(part))} bytes is too long; "
                f"allowed: up to {longest - room} bytes"
            )
    # One of them ends the text in C.
    longest = os.pathconf(there, "PC_PATH_MAX") - 1 - behind - below
    if len(os.fsencode(whole)) > longest:
        raise InputError(
            f"{_brief(path)}: a path of {len(os.fsencode(whole))} bytes is too long; "
            f"allowed: up to {longest} bytes"
        )


def _brief(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 60 else f"{text[:28]} … {text[-28:]}"


def no_space_words(error: OSError, folder: Path) -> str | None:
    """Words on a full disk that name the folder; None for any other error."""
    return f"{folder}: {reason_of(error)}" if error.errno in NO_SPACE else None


def full_disk(folder: Path) -> int | None:
    """Error number of a disk that takes no more; None where there is room. Libraries tell it in words of their own."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            left = PROBE
            while left:
                left -= probe.write(bytes(left)) or 0
            os.fsync(probe.fileno())
    except OSError as error:
        return error.errno if error.errno in NO_SPACE else None
    return None


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold a folder: a second program that works in it is refused.

    The lock (on the file ``.lock``) goes with the process, however that ends, so none is ever left behind. See
    :func:`locked` for file systems without locks.

    Raises
    ------
    InputError
        If another process holds it, or ``.lock`` is a link or a file of somebody else.
    """
    try:
        with locked(folder / LOCK):
            yield
    except HeldError as error:
        raise InputError(
            f"{folder}: is in use by {error}; allowed: wait until it ends, or another folder"
        ) from None


@contextlib.contextmanager
def locked(path: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock on a file, which is made if it is missing.

    Where the file system has no locks, a second file with the ending ``.held``, created exclusively, stands in for it,
    and a warning says so. After a kill that file stays; a process on the same machine sees that its maker has gone.

    Parameters
    ----------
    path
        The file.
    wait
        Seconds to try for.

    Raises
    ------
    HeldError
        If another process has it.
    InputError
        If the file is a link, no plain file, or holds other words than the name of a process.
    """
    handle = _open_lock(path)
    try:
        end = time.monotonic() + wait
        while (taken := _take(handle, path)) is not None:
            if time.monotonic() > end:
                raise HeldError(taken)
            time.sleep(SECONDS_BETWEEN_TRIES)
        os.truncate(handle, 0)
        # The name of the holder is for the message only: a full disk may go without.
        with contextlib.suppress(OSError):
            os.pwrite(handle, _this_process().encode(), 0)
        try:
            yield
            os.truncate(handle, 0)
        finally:
            if _names_us(_stand_in(path)):
                _stand_in(path).unlink(missing_ok=True)
    finally:
        os.close(handle)


def _open_lock(path: Path) -> int:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    except OSError as error:
        if error.errno not in {errno.ELOOP, errno.ENXIO, errno.EISDIR}:
            raise
        raise InputError(
            f"{path}: is a link or no plain file; allowed: a plain file or nothing there"
        ) from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
            raise InputError(f"{path}: is a link or no plain file; allowed: a plain file or nothing there")
        words = os.pread(handle, 200, 0)
        if words and not words.startswith(b"process "):
            raise InputError(f"{path}: holds words that alzmodel did not write; allowed: no such file there")
    except BaseException:
        os.close(handle)
        raise
    return handle


def _take(handle: int, path: Path) -> str | None:
    """Take the lock; returns who has it already, or None."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in HELD_BY_ANOTHER:
            return os.pread(handle, 200, 0).decode(errors="replace").strip() or "another process"
        _warn_once(path.parent, reason_of(error))
        return _take_stand_in(_stand_in(path), reason_of(error))
    return None


@functools.cache
def _warn_once(folder: Path, reason: str) -> None:
    _log.warning("%s: its file system has no locks (%s); files ending in %s stand in", folder, reason, HELD)


def _stand_in(path: Path) -> Path:
    return path.with_name(path.name + HELD)


def _take_stand_in(path: Path, reason: str) -> str | None:
    if _create(path):
        return None
    holder = _words_of(path)
    taking = path.with_name(path.name + TAKING)
    if _has_gone(holder) and _create(taking):
        try:
            # Another one may have taken it over since it was looked at.
            holder = _words_of(path)
            if _has_gone(holder):
                path.unlink(missing_ok=True)
                if _create(path):
                    return None
        finally:
            taking.unlink(missing_ok=True)
    return (
        f"{holder or 'another process'} (its file system has no locks: {reason}; if that process is gone, "
        f"remove {path})"
    )


def _create(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    except FileExistsError:
        return False
    try:
        os.write(handle, _this_process().encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    return True


def _this_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}\n"


def _words_of(path: Path) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        return os.read(handle, 200).decode(errors="replace").strip()
    finally:
        os.close(handle)


def _names_us(path: Path) -> bool:
    return _words_of(path) == _this_process().strip()


def _has_gone(holder: str) -> bool:
    """Whether a process of this machine has ended; of another machine nobody here can tell."""
    words = holder.split()
    if len(words) != 4 or words[3] != socket.gethostname() or not words[1].isdigit():
        return False
    try:
        os.kill(int(words[1]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def is_held(folder: Path) -> bool:
    """Whether some process holds a folder at this moment."""
    path = folder / LOCK
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in HELD_BY_ANOTHER:
            return True
        holder = _words_of(_stand_in(path))
        return bool(holder) and not _has_gone(holder)
    finally:
        os.close(handle)
    return False
