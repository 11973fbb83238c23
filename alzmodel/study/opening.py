"""Before a study is run or looked at: its folder, and the files that it names."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alzmodel import reading
from alzmodel.errors import AlzmodelError
from alzmodel.folders import no_space_words
from alzmodel.io import check_output_folder
from alzmodel.study.against import measured_curves, split_kind
from alzmodel.study.stages.glass import library_models
from alzmodel.study.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alzmodel.scattering.xrd.data import MeasuredCurve
    from alzmodel.study.settings import StudySettings

__all__ = ["checked_store", "curves_of_study", "full_disk_named", "library_words", "with_files"]


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
    settings: StudySettings,
    measured: str | Path | None,
    hypotheses: str | Path | None,
    against: Sequence[str] | None = None,
) -> StudySettings:
    """Put files of measured values, hypotheses and measured curves in place of the study's, and read them once.

    All files are named from the root on, so that the study can be opened from any folder.
    """
    from alzmodel.compare.hypotheses import load_hypotheses
    from alzmodel.compare.measured import load_measured

    named = settings.compare
    given = {"measured": measured or named.measured, "hypotheses": hypotheses or named.hypotheses}
    changes: dict[str, Any] = {name: _from_the_root(path) for name, path in given.items() if path is not None}
    curves = [split_kind(text) for text in against or named.against or ()]
    if curves:
        changes["against"] = tuple(f"{kind}={_from_the_root(file)}" for kind, file in curves)
    comparison = settings.compare.model_copy(update=changes)
    load_measured(comparison.measured)
    load_hypotheses(comparison.hypotheses)
    curves_of_study(settings.model_copy(update={"compare": comparison}))
    protocols = [
        _from_the_root(name) if name.endswith(".toml") else name for name in settings.glass.protocol_names
    ]
    protocol = protocols[0] if isinstance(settings.glass.protocol, str) else protocols
    glass = settings.glass.model_copy(update={"protocol": protocol})
    return settings.model_copy(update={"compare": comparison, "glass": glass})


def curves_of_study(settings: StudySettings) -> dict[str, MeasuredCurve]:
    """Read the measured curves that a study names, by kind."""
    xrd = settings.xrd
    wavelength = 1.5406 if isinstance(xrd, bool) else xrd.wavelength
    return measured_curves(settings.compare.against, wavelength)


def _from_the_root(path: str | Path) -> str:
    """Name a file from the root on; a name that no system can hold is refused."""
    reading.check_path(path)
    return str(Path(path).resolve())


def library_words(study: StudySettings) -> str:
    """Say which finished models stand in place of what a study would build.

    Raises
    ------
    InputError
        As :func:`alzmodel.study.stages.glass.library_models`.
    """
    entries = [entry for glass in study.glass.each_potential() for entry, _ in library_models(glass)]
    sizes = sorted({entry.n_atoms for entry in entries})
    protocols = ", ".join(sorted({entry.protocol for entry in entries}))
    seeds = sorted({entry.seed for entry in entries})
    return (
        f"{len(entries)} finished glasses from the library, nothing is built: {sizes[0]} to {sizes[-1]} atoms, "
        f"protocols {protocols}, seeds {seeds[0]} to {seeds[-1]}"
    )
