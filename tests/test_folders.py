"""Folders of others, links, locks on file systems that have none, and names that are too long."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from alzmodel import folders
from alzmodel import io as alz_io
from alzmodel.errors import InputError
from alzmodel.folders import HeldError, check_length, check_links, check_ours, hold, is_held, locked

if TYPE_CHECKING:
    from pathlib import Path

GONE = 2**22 + 1
"""No process has this number: it is above the largest of Linux."""


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """Everything in a folder: contents of files, targets of links."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else ""
        for path in sorted(folder.rglob("*"))
    }


def test_a_folder_of_others_is_refused_by_one_of_its_names(tmp_path: Path) -> None:
    check_ours(tmp_path / "none", lambda _: False, "a new one")
    check_ours(tmp_path, lambda _: False, "a new one")
    # Left by a start that was killed at once.
    (tmp_path / ".lock").touch()
    check_ours(tmp_path, lambda _: False, "a new one")
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(
        InputError, match=r"holds 'thesis.tex', which alzmodel did not make; allowed: .* a study"
    ):
        check_ours(tmp_path, lambda _: False, "a study")
    check_ours(tmp_path, lambda _: True, "a study")


@pytest.mark.parametrize("what", ["link", "link to a folder", "broken link", "pipe"])
def test_links_and_pipes_are_refused_by_name(tmp_path: Path, what: str) -> None:
    inside = tmp_path / "study" / "runs" / "glass"
    inside.mkdir(parents=True)
    bad = inside / "bad"
    if what == "pipe":
        os.mkfifo(bad)
    else:
        bad.symlink_to({"link": "/etc/hosts", "link to a folder": "/etc", "broken link": "nowhere"}[what])
    with pytest.raises(InputError, match=f"{bad}: is "):
        check_links(tmp_path / "study")
    bad.unlink()
    check_links(tmp_path / "study")
    # The folder itself may be a link.
    (tmp_path / "alias").symlink_to(tmp_path / "study")
    check_links(tmp_path / "alias")


@pytest.mark.parametrize("how", ["link", "hard link", "pipe", "folder", "words of others"])
def test_a_lock_that_is_not_ours_is_left_as_it_is(tmp_path: Path, how: str) -> None:
    outside = tmp_path / "outside"
    # As another lock of ours: its words alone do not tell.
    outside.write_text("process 1 on a-machine that is precious", encoding="utf-8")
    folder = tmp_path / "study"
    folder.mkdir()
    lock = folder / ".lock"
    match how:
        case "link":
            lock.symlink_to(outside)
        case "hard link":
            lock.hardlink_to(outside)
        case "pipe":
            os.mkfifo(lock)
        case "folder":
            lock.mkdir()
        case _:
            lock.write_text("precious", encoding="utf-8")
    before = snapshot(tmp_path) if how != "pipe" else None
    with pytest.raises(InputError, match=r"\.lock: "), hold(folder):
        pass
    assert not is_held(folder)
    if before is not None:
        assert snapshot(tmp_path) == before


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks, as NFS without its lock daemon."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    folders._warn_once.cache_clear()


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_file_stands_in_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), hold(tmp_path):
        assert is_held(tmp_path)
        assert (tmp_path / ".lock.held").read_text() == f"process {os.getpid()} on {socket.gethostname()}\n"
        words = r"in use by process .* has no locks: No locks available.*remove"
        with pytest.raises(InputError, match=words), hold(tmp_path):
            pass
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    (told,) = caplog.messages
    assert told.startswith(f"{tmp_path}: its file system has no locks (No locks available)")
    with hold(tmp_path):
        pass


@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize(
    ("holder", "refused"),
    [
        (f"process {GONE} on {socket.gethostname()}", False),
        (f"process {GONE} on another-machine", True),
        (f"process {os.getppid()} on {socket.gethostname()}", True),
        ("", True),
    ],
)
def test_a_stand_in_is_taken_over_from_the_dead_of_this_machine_alone(
    tmp_path: Path, holder: str, refused: bool
) -> None:
    (tmp_path / ".lock.held").write_text(holder)
    if refused:
        with pytest.raises(InputError, match="in use by"), hold(tmp_path):
            pass
        assert (tmp_path / ".lock.held").read_text() == holder
    else:
        with hold(tmp_path):
            assert is_held(tmp_path)
        assert not is_held(tmp_path)


@pytest.mark.usefixtures("no_locks")
def test_one_that_takes_over_is_not_met_by_another(tmp_path: Path) -> None:
    (tmp_path / ".lock.held").write_text(f"process {GONE} on {socket.gethostname()}")
    (tmp_path / ".lock.held.taking").touch()
    with pytest.raises(InputError, match="in use by"), hold(tmp_path):
        pass


def test_a_lock_waits_and_goes_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    code = (
        "import sys; from pathlib import Path; from alzmodel.folders import locked\n"
        f"with locked(Path({str(path)!r})): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(HeldError, match=f"process {other.pid} on"), locked(path, wait=0.1):
            pass
        other.kill()
        with locked(path, wait=10):
            pass


def test_names_and_paths_that_are_too_long_are_refused_beforehand(tmp_path: Path) -> None:
    check_length(tmp_path / ("a" * 200))
    with pytest.raises(InputError, match=r"a name of 230 bytes is too long; allowed: up to 223 bytes"):
        alz_io.check_writable(tmp_path / ("a" * 230))
    with pytest.raises(InputError, match=r"a name of 300 bytes is too long; allowed: up to 255 bytes"):
        alz_io.check_output_folder(tmp_path / ("a" * 300) / "study")
    # Bytes count, not letters.
    with pytest.raises(InputError, match="a name of 260 bytes"):
        alz_io.check_output_folder(tmp_path / ("Å" * 130))
    deep = tmp_path.joinpath(*["d" * 100] * 39)
    assert len(str(deep)) < 4096
    with pytest.raises(InputError, match=r"a path of \d+ bytes is too long; allowed: up to 3895 bytes"):
        alz_io.check_output_folder(deep)
    assert not list(tmp_path.iterdir())


def test_the_longest_file_name_that_is_taken_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 215 + ".extxyz")
    alz_io.check_writable(path)
    alz_io.write_text(path, "words")
    assert path.read_text() == "words"


def writing(folder: Path):
    return alz_io.atomic_path(folder / "model.xyz")


@pytest.mark.parametrize(
    "error",
    [
        OSError(
            errno.ENOSPC, "Unable to synchronously create file (file write failed: time = Tue Dec 1 2026)"
        ),
        OSError("4 requested and 0 written"),
        RuntimeError("database or disk is full"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_full_disk_in_the_words_of_libraries(tmp_path: Path, monkeypatch, error: Exception) -> None:
    monkeypatch.setattr(alz_io, "full_disk", lambda _: errno.ENOSPC)
    with pytest.raises(OSError) as caught, writing(tmp_path):
        raise error
    assert str(caught.value) == f"[Errno 28] {os.strerror(errno.ENOSPC)}: '{tmp_path / 'model.xyz'}'"
    assert not list(tmp_path.iterdir())


def test_a_disk_with_room_takes_a_little_more(tmp_path: Path) -> None:
    assert folders.full_disk(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_a_disk_that_takes_no_more(tmp_path: Path, monkeypatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, "fsync", refuse)
    assert folders.full_disk(tmp_path) == errno.EDQUOT


def test_a_name_that_is_a_link_is_refused(tmp_path: Path) -> None:
    target, link = tmp_path / "mine.txt", tmp_path / "a.extxyz"
    for there in (True, False):
        target.write_text("mine", encoding="utf-8") if there else target.unlink()
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        with pytest.raises(InputError, match=r"a\.extxyz: is a link to .*mine\.txt; allowed"):
            alz_io.check_writable(link)
    link.unlink()
    link.symlink_to("/dev/null")
    alz_io.check_writable(link)


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OSError, match=r"No space left on device: .*model\.xyz") as caught, writing(tmp_path):
        raise full
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())
