"""Results on disk: one folder a task, there whole or not at all, named by what made it.

A study's folder holds ``study.toml``; ``runs/<stage>-<hash>/`` with ``record.json`` and the files that it lists,
besides ``log`` and ``timing.json``, which are the only files that differ from one machine or attempt to the next;
and ``work/``, where the results in the making lie.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.errors import AlzmodelError, reason_of
from alzmodel.io import hold, json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from alzmodel.study.tasks import Task

__all__ = ["Curve", "Record", "Store", "read_curves", "write_curves"]

RECORD = "record.json"
TIMING = "timing.json"
LOG = "log"
FAILURE = "failure.json"
SCRATCH = "scratch"
UNLISTED = {RECORD, TIMING, LOG}


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
        As in :class:`~alzmodel.study.tasks.Task`.
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
        try:
            handle = os.open(self.folder / ".lock", os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(handle)
        return False

    def record(self, key: str, *, thorough: bool = False) -> Record | None:
        """Read the record of a finished task.

        Parameters
        ----------
        key
            Name of the result's folder.
        thorough
            Whether the files' contents are checked, not just their sizes.

        Returns
        -------
        Record or None
            None if the task is not finished, or if its record or one of its files is damaged.
        """
        folder = self.runs / key
        try:
            record = Record(**json.loads((folder / RECORD).read_text(encoding="utf-8")))
            for name, facts in record.files.items():
                path = folder / name
                if path.stat().st_size != facts["size"]:
                    return None
                if thorough and _sha256(path) != facts["sha256"]:
                    return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return record if f"{record.stage}-{record.hash}" == key else None

    def is_done(self, key: str) -> bool:
        """Whether a result stands there with all its files, by their sizes; many times faster than its record."""
        folder = self.runs / key
        try:
            text = (folder / RECORD).read_text(encoding="utf-8")
            # The last key of a record; what comes before is large.
            files = json.loads("{" + text[text.rindex('\n "files": ') :])["files"]
            return all((folder / name).stat().st_size == facts["size"] for name, facts in files.items())
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return False

    def remove_damaged(self, key: str) -> bool:
        """Clear away what is left of a result that is not whole; returns whether there was anything."""
        folder = self.runs / key
        if not folder.exists():
            return False
        shutil.rmtree(folder)
        return True

    def begin(self, task: Task) -> Path:
        """Make the folder to work in.

        What an earlier attempt left there goes, except ``scratch``, from which long work resumes.
        """
        folder = self.work / task.key
        folder.mkdir(parents=True, exist_ok=True)
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
        files = {
            path.name: {"size": path.stat().st_size, "sha256": _sha256(path)}
            for path in sorted(folder.iterdir())
            if path.name not in UNLISTED
        }
        record = Record(
            task.stage, task.hash, task.label, task.inputs, task.needs, quantities, dict(results), files
        )
        (folder / TIMING).write_text(json_text(dict(timing)) + "\n", encoding="utf-8")
        (folder / RECORD).write_text(_record_text(record), encoding="utf-8")
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
            facts = json.loads((self.work / key / FAILURE).read_text(encoding="utf-8"))
            return str(facts["reason"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def forget_all_but(self, keys: Container[str]) -> None:
        """Clear away unfinished work on tasks that are no longer wanted; finished results are never touched."""
        for path in self.work.iterdir():
            if path.name.removeprefix(".").removesuffix(".lock") in keys:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def log_of(self, key: str) -> Path:
        """Name the log of a task that is at work or failed."""
        return self.work / key / LOG


def _record_text(record: Record) -> str:
    """JSON with one line a key: numbers indented one by one take longer to write, and a third more room."""
    lines = (f' "{one.name}": {json_text(getattr(record, one.name))}' for one in fields(record))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_curves(path: Path, curves: Mapping[str, Curve]) -> None:
    """Write curves as HDF5: one dataset a name (slashes make groups), its unit in the attribute ``unit``."""
    import h5py

    with h5py.File(path, "w") as handle:
        for name, curve in curves.items():
            values = np.asarray(curve.values)
            dataset = handle.create_dataset(name, data=values, track_times=False)
            dataset.attrs["unit"] = curve.unit


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
        If the file is no such file.
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
        with h5py.File(path, "r") as handle:
            for name in under or ("/",):
                if name in handle:
                    take(handle[name])
    except (OSError, KeyError) as error:
        raise AlzmodelError(f"{path}: not a file of curves ({error})") from error
    return curves
