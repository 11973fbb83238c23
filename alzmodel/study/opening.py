"""Before a study is run or looked at: its folder, and the files that it names."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel import reading
from alzmodel.errors import AlzmodelError
from alzmodel.folders import no_space_words
from alzmodel.io import check_output_folder
from alzmodel.study.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alzmodel.study.settings import StudySettings

__all__ = ["checked_store", "full_disk_named", "with_files"]


def checked_store(out: str | Path) -> Store:
    """Return the folder of a study, or of one to be, if it can be written to and nothing else is in it."""
    store = Store(check_output_folder(out))
    store.check()
    return store


@contextlib.contextmanager
def full_disk_named(store: Store) -> Iterator[None]:
    """Let the error of a full disk name the folder of the study."""
    try:
        yield
    except OSError as error:
        words = no_space_words(error, store.folder)
        if words is None:
            raise
        raise AlzmodelError(f"{words}; finished results are kept; run the same command to resume") from error


def with_files(
    settings: StudySettings, measured: str | Path | None, hypotheses: str | Path | None
) -> StudySettings:
    """Put files of measured values and hypotheses in place of those that the study names, and read them once.

    All files are named from the root on, so that the study can be opened from any folder.
    """
    from alzmodel.compare.hypotheses import load_hypotheses
    from alzmodel.compare.measured import load_measured

    named = settings.compare
    given = {"measured": measured or named.measured, "hypotheses": hypotheses or named.hypotheses}
    changes = {name: _from_the_root(path) for name, path in given.items() if path is not None}
    comparison = settings.compare.model_copy(update=changes)
    load_measured(comparison.measured)
    load_hypotheses(comparison.hypotheses)
    protocols = [
        _from_the_root(name) if name.endswith(".toml") else name for name in settings.glass.protocol_names
    ]
    protocol = protocols[0] if isinstance(settings.glass.protocol, str) else protocols
    glass = settings.glass.model_copy(update={"protocol": protocol})
    return settings.model_copy(update={"compare": comparison, "glass": glass})


def _from_the_root(path: str | Path) -> str:
    """Name a file from the root on; a name that no system can hold is refused."""
    reading.check_path(path)
    return str(Path(path).resolve())
