"""The study file in the folder of a study: every key of the study, and the comments that a user put there."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from alzmodel.errors import InputError
from alzmodel.io import write_text
from alzmodel.reading import plain_text
from alzmodel.study.settings import StudySettings, parse_study
from alzmodel.study.store import HEADER, STUDY

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from pathlib import Path

    from alzmodel.study.store import Store

__all__ = ["merged_toml", "study_toml", "write_study"]

WORDS = (
    f"{HEADER}: every key. 'alzmodel run' keeps comments, and changes values to those of the study it runs."
)


def study_toml(study: StudySettings) -> str:
    """Write a study as TOML; :func:`~alzmodel.study.settings.parse_study` of it gives the same study.

    Raises
    ------
    InputError
        If it holds text that no file in UTF-8 can hold, or a number that is not finite.
    """
    document = tomlkit.document()
    document.add(tomlkit.comment(WORDS.removeprefix("# ")))
    values = _without_none(study.model_dump())
    for key, value in sorted(values.items(), key=lambda pair: isinstance(pair[1], dict)):
        document.add(key, tomlkit.item(value))
    return _checked(tomlkit.dumps(document), study)


def merged_toml(text: str, study: StudySettings) -> str:
    """Put a study into the text of a study file, whose comments and order stay.

    Values that say the same stay as they are written.

    Parameters
    ----------
    text
        A study file.
    study
        What it shall say.

    Raises
    ------
    InputError
        As :func:`study_toml`, or if the text is no study file.
    """
    before = parse_study(text, STUDY).model_dump()
    document = tomlkit.parse(text)
    _merge(document, before, study.model_dump())
    merged = tomlkit.dumps(document)
    if not merged.startswith(HEADER):
        merged = f"{WORDS}\n{merged}"
    return _checked(merged, study)


def write_study(store: Store, study: StudySettings) -> None:
    """Write the study file of a study, if it says anything else.

    A file that does not begin as ours do, and one that cannot be read, is kept under another name.

    Raises
    ------
    InputError
        As :func:`study_toml`.
    """
    path = store.folder / STUDY
    if not path.exists():
        write_text(path, study_toml(study))
        return
    try:
        text = plain_text(path)
        same = parse_study(text, STUDY) == study
    except (ValueError, OSError):
        text, same = "", False
    ours = text.startswith(HEADER)
    if same and not ours:
        return
    try:
        merged = merged_toml(text, study) if text else study_toml(study)
    except (InputError, TOMLKitError):
        # Of a form that cannot be changed piece by piece.
        merged, ours = study_toml(study), False
    if merged == text:
        return
    if not ours:
        path.rename(_free_name(path))
    write_text(path, merged)


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in itertools.count(1))
    return next(name for name in names if not name.exists())


def _checked(text: str, study: StudySettings) -> str:
    """Refuse what would not be read back as the same study."""
    try:
        text.encode()
        same = parse_study(text, "study") == study
    except UnicodeEncodeError as error:
        raise InputError(
            f"study: {error.object[error.start : error.end]!r} cannot be written; allowed: text in UTF-8"
        ) from error
    if not same:
        raise InputError("study: a value cannot be written; allowed: text, and finite numbers")
    return text


def _without_none(value: Any) -> Any:
    # TOML has no null: a key without a value is left out, and read back as None.
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


def _merge(document: MutableMapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Change what differs, and add what is missing."""
    for key in [key for key in document if after.get(key) is None]:
        del document[key]
    for key, value in after.items():
        if value is None:
            continue
        old, there = before.get(key), document.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and isinstance(there, dict):
            _merge(there, old, value)
        elif pairs := _pairs(there, old, value):
            for item, was, shall in pairs:
                _merge(item, was, shall)
        elif there is None or value != old:
            document[key] = tomlkit.item(_without_none(value))


def _pairs(*lists: Any) -> list[tuple[Any, ...]]:
    """Put lists of as many tables side by side; empty if they are anything else."""
    if not all(isinstance(one, list) and all(isinstance(item, dict) for item in one) for one in lists):
        return []
    return list(zip(*lists, strict=True)) if len({len(one) for one in lists}) == 1 else []
