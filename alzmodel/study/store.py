"""Results on disk: one folder a task, there whole or not at all, named by what made it.

A study's folder holds ``study.toml``; ``runs/<stage>-<hash>/`` with ``record.json`` and the files that it lists,
besides ``log`` and ``timing.json``, which are the only files that differ from one machine or attempt to the next;
``work/``, where the results in the making lie; and ``damaged/``, where results lie that were changed afterwards.

``record.json`` has the checksums of the files, ``timing.json`` that of the log, and both end with one of themselves.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import itertools
import os
import re
import shutil
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.errors import AlzmodelError, InputError, reason_of
from alzmodel.folders import check_links, check_ours, hold, is_held
from alzmodel.hdf5 import open_hdf5
from alzmodel.io import json_text, parse_json, write_text
from alzmodel.reading import encoding_of
from alzmodel.study.seal import is_sealed, sealed

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from alzmodel.results import Result
    from alzmodel.study.task import Task

__all__ = [
    "HEADER",
    "KEYS",
    "PROGRESS",
    "STUDY",
    "Curve",
    "Record",
    "Store",
    "curves_of",
    "read_curves",
    "write_curves",
]

STUDY = "study.toml"
HEADER = "# A study of alzmodel"
"""Beginning of a study file in the folder of a study; it says that the folder is ours."""

FORMAT = 2
"""Of records. Those of the first format have no number, and no checksum of themselves."""

RECORD = "record.json"
TIMING = "timing.json"
LOG = "log"
FAILURE = "failure.json"
SCRATCH = "scratch"
UNLISTED = {RECORD, TIMING, LOG}

KEY = re.compile(r"[a-z_]+-[0-9a-f]{16}")
PROGRESS = "progress.json"
KEYS = "tls-"
"""Beginning of the name of the folder below ``work`` with the keys of a scheduler."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One column of numbers with its unit, as it stands in ``curves.h5``."""

    values: np.ndarray
    unit: str


@dataclass(frozen=True, slots=True)
class Record:
    """What a finished task leaves besides its files.

    Attributes
    ----------
    stage, hash, label, inputs, needs
        As in :class:`~alzmodel.study.task.Task`.
    quantities
        Rows of name, x, model, value, unit, kind and source: what is compared with measured values.
    results
        Numbers of the stage, as its dataclasses write themselves.
    files
        Size in bytes and SHA-256 of each file of the folder.
    """

    stage: str
    hash: str
    label: str
    inputs: Mapping[str, Any]
    needs: Mapping[str, str]
    quantities: list[dict[str, Any]]
    results: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Store:
    """The folder of one study.

    Parameters
    ----------
    folder
        The study's folder; nothing is created until :meth:`prepare`.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).resolve()
        self.runs = self.folder / "runs"
        self.work = self.folder / "work"
        self.damaged = self.folder / "damaged"

    def check(self) -> None:
        """Refuse a folder that is neither a study's nor empty, and links in a study's; nothing is written.

        Raises
        ------
        InputError
            With what is in the way.
        """
        check_ours(self.folder, lambda _: self._is_study(), "the folder of a study", ignore=f".{STUDY}.")
        for folder in (self.runs, self.work, self.damaged):
            if folder.exists() and not folder.is_dir():
                raise InputError(f"{folder}: is a file; allowed: a folder, which 'alzmodel run' makes")

    def _is_study(self) -> bool:
        """Whether ``study.toml`` begins as ours does, or there is a finished result."""
        file = self.folder / STUDY
        if file.is_file():
            with file.open("rb") as handle:
                head = handle.read(2 * len(HEADER) + 2)
            if head.decode(encoding_of(head) or "utf-8", errors="ignore").startswith(HEADER):
                return True
        return self.runs.is_dir() and any(self.record(path.name) for path in sorted(self.runs.iterdir()))

    def prepare(self) -> None:
        """Create the folders."""
        for folder in (self.folder, self.runs, self.work):
            folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the study: a second program that works on it is refused.

        The lock goes with the process, however that ends, so none is ever left behind.

        Raises
        ------
        InputError
            If another process holds it.
        """
        with hold(self.folder):
            yield

    def is_held(self) -> bool:
        """Whether some process works on the study at this moment."""
        return is_held(self.folder)

    def record(self, key: str, *, thorough: bool = False) -> Record | None:
        """Read the record of a finished task.

        Parameters
        ----------
        key
            Name of the result's folder.
        thorough
            Whether the files' contents are checked, not just their sizes; of the log too.

        Returns
        -------
        Record or None
            None if the task is not finished, or if its record or one of its files is damaged.

        Raises
        ------
        InputError
            If a newer version made it, which alone can tell whether it is whole.
        """
        folder = self.runs / key
        try:
            data = (folder / RECORD).read_bytes()
            values = parse_json(data)
            number = values.pop("format", 1)
            whole = is_sealed(data)
            if whole != (number > 1):
                return None
            if whole:
                del values["sha256"]
            if number > FORMAT:
                raise InputError(
                    f"{folder / RECORD}: of format {number}; allowed: up to {FORMAT}, or a newer version of alzmodel"
                )
            record = Record(**values)
            if not all(_is_whole(folder, name, facts, thorough) for name, facts in record.files.items()):
                return None
            if whole and thorough and not _is_log_whole(folder):
                return None
        except InputError:
            raise
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return record if f"{record.stage}-{record.hash}" == key else None

    def is_done(self, key: str) -> bool:
        """Whether a result stands there with all its files, by their sizes; many times faster than its record."""
        folder = self.runs / key
        try:
            data = (folder / RECORD).read_bytes()
            # The last key of a record, but for its checksum; what comes before is large.
            last = parse_json(b"{" + data[data.rindex(b'\n "files": ') :])
            if "sha256" in last and not is_sealed(data):
                return False
            return all(_is_whole(folder, name, facts, False) for name, facts in last["files"].items())
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return False

    def set_aside(self, key: str) -> Path | None:
        """Move a result that is not whole to ``damaged/``; returns where it is then, or None if there was nothing."""
        folder = self.runs / key
        if not os.path.lexists(folder):
            return None
        self.damaged.mkdir(exist_ok=True)
        for number in itertools.count(1):
            target = self.damaged / (key if number == 1 else f"{key}-{number}")
            if os.path.lexists(target):
                continue
            try:
                folder.rename(target)
            except OSError as error:
                if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                    continue
                raise
            _sync(self.damaged)
            _sync(self.runs)
            return target
        return None

    def begin(self, task: Task) -> Path:
        """Make the folder to work in.

        What an earlier attempt left there goes, except ``scratch``, from which long work resumes.

        Raises
        ------
        InputError
            If there is a link in it.
        """
        folder = self.work / task.key
        if folder.is_symlink():
            raise InputError(f"{folder}: is a link; allowed: files and folders of the study itself")
        folder.mkdir(parents=True, exist_ok=True)
        check_links(folder)
        for path in folder.iterdir():
            if path.name == SCRATCH:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        return folder

    def commit(
        self,
        task: Task,
        folder: Path,
        *,
        quantities: list[dict[str, Any]],
        results: Mapping[str, Any],
        timing: Mapping[str, float],
    ) -> None:
        """Turn a work folder into a result, in one step that cannot be seen half done.

        Raises
        ------
        AlzmodelError
            If another result of that name stands there already and is not whole.
        """
        shutil.rmtree(folder / SCRATCH, ignore_errors=True)
        files = {path.name: _facts_of(path) for path in sorted(folder.iterdir()) if path.name not in UNLISTED}
        record = Record(
            task.stage, task.hash, task.label, task.inputs, task.needs, quantities, dict(results), files
        )
        log = _facts_of(folder / LOG) if (folder / LOG).exists() else None
        (folder / TIMING).write_bytes(sealed({**timing, "log": log}))
        # Files come last, where `is_done` looks for them.
        values = {one.name: getattr(record, one.name) for one in fields(record)}
        (folder / RECORD).write_bytes(sealed({"format": FORMAT, **values}))
        for path in folder.iterdir():
            _sync(path)
        _sync(folder)
        try:
            folder.rename(self.runs / task.key)
        except OSError as error:
            if self.record(task.key, thorough=True) is None:
                raise AlzmodelError(
                    f"{self.runs / task.key}: cannot be put in place ({reason_of(error)})"
                ) from error
            shutil.rmtree(folder, ignore_errors=True)
        _sync(self.runs)

    def fail(self, task: Task, reason: str) -> None:
        """Note beside the log why a task failed for good."""
        folder = self.work / task.key
        # On a full disk the reason is still told, just not kept.
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            write_text(folder / FAILURE, json_text({"label": task.label, "reason": reason}, indent=1) + "\n")

    def failure(self, key: str) -> str | None:
        """Why a task failed when it was last tried, or None."""
        try:
            facts = parse_json((self.work / key / FAILURE).read_text(encoding="utf-8"))
            return str(facts["reason"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def forget_all_but(self, keys: Container[str]) -> None:
        """Clear away unfinished work on tasks that are no longer wanted, and keys of a scheduler that was killed.

        Finished results are never touched, nor what is not named as we name it.
        """
        for path in self.work.iterdir():
            name = path.name.removeprefix(".").partition(".lock")[0]
            ours = KEY.fullmatch(name) or name == PROGRESS or name.startswith(KEYS)
            if not ours or name in keys:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def log_of(self, key: str) -> Path:
        """Name the log of a task that is at work or failed."""
        return self.work / key / LOG


def _facts_of(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": _sha256(path)}


def _is_whole(folder: Path, name: str, facts: Mapping[str, Any], thorough: bool) -> bool:
    """Whether a file of a result has the size, and the content, that its record says."""
    path = folder / name
    # A name that leads elsewhere is none of ours.
    if path.parent != folder or path.stat().st_size != facts["size"]:
        return False
    return not thorough or _sha256(path) == facts["sha256"]


def _is_log_whole(folder: Path) -> bool:
    """Whether log and times are as they were; they may have been removed, since nothing rests on them."""
    try:
        data = (folder / TIMING).read_bytes()
    except FileNotFoundError:
        return True
    log = parse_json(data)["log"]
    if not is_sealed(data):
        return False
    return log is None or not (folder / LOG).exists() or _is_whole(folder, LOG, log, thorough=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def curves_of(result: Result, under: str) -> dict[str, Curve]:
    """Curves of a result with their units, by the names that they have in HDF5; `under` is put before them."""
    return {
        f"{under}/{name}": Curve(values, unit)
        for name, (values, unit) in result.columns().items()
        if values.ndim == 1
    }


def write_curves(path: Path, curves: Mapping[str, Curve]) -> None:
    """Write curves as HDF5: one dataset a name (slashes make groups), its unit in the attribute ``unit``."""
    import h5py

    # In memory first: a full disk is then told in the words of the system, and no lock is asked for.
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as handle:
        for name, curve in curves.items():
            values = np.asarray(curve.values)
            dataset = handle.create_dataset(name, data=values, track_times=False)
            dataset.attrs["unit"] = curve.unit
    path.write_bytes(buffer.getvalue())


def read_curves(path: Path, *under: str) -> dict[str, Curve]:
    """Read what :func:`write_curves` wrote.

    Parameters
    ----------
    path
        The file.
    under
        Names of curves or groups; left out: all. Those that the file lacks are left out.

    Raises
    ------
    AlzmodelError
        If the file is no such file, or reads from other files.
    """
    import h5py

    curves: dict[str, Curve] = {}

    def take(item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            curves[item.name.lstrip("/")] = Curve(item[()], str(item.attrs["unit"]))
        else:
            for inner in item.values():
                take(inner)

    try:
        with open_hdf5(path) as handle:
            for name in under or ("/",):
                if name in handle:
                    take(handle[name])
    except (OSError, KeyError) as error:
        raise AlzmodelError(f"{path}: not a file of curves ({error})") from error
    return curves
