"""Results that an earlier version or other settings left: what is made again and why, and what can be shown still."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from alzmodel.study.stages import STAGES
from alzmodel.study.task import new_task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from alzmodel.study.store import Record, Store
    from alzmodel.study.task import Task

__all__ = ["again_words", "earlier_words", "with_earlier"]

LONGEST_SHOWN = 60
"""Characters of two values that are told."""


def with_earlier(tasks: Sequence[Task], store: Store) -> tuple[Task, ...]:
    """Put results of earlier versions in place of tasks that are not done.

    Parameters
    ----------
    tasks
        Of the study, each after those it needs.
    store
        Where results lie.

    Returns
    -------
    tuple of Task
        The same tasks; one that is not done, but was by an earlier version of its stage from the same inputs, has the
        key of that result, the newest there is.
    """
    taken: dict[str, str] = {}
    found = []
    for task in tasks:
        shown = task
        if not store.is_done(task.key):
            shown = next((one for one in _earlier(task, taken) if store.is_done(one.key)), task)
        taken[task.key] = shown.key
        found.append(shown)
    return tuple(found)


def _earlier(task: Task, taken: Mapping[str, str]) -> Iterator[Task]:
    """Yield a task as this and earlier versions of its stage would name it, on the results that are taken."""
    needs = {role: taken.get(key, key) for role, key in task.needs.items()}
    for version in range(STAGES[task.stage].version, 0, -1):
        named = new_task(task.stage, version, task.label, task.inputs, needs)
        yield replace(task, needs=needs, hash=named.hash)


def earlier_words(tasks: Iterable[Task]) -> list[str]:
    """Say which of these tasks, from :func:`with_earlier`, stand for results of an earlier version."""
    old: Counter[tuple[str, int]] = Counter()
    for task in tasks:
        version = _version_of(task.stage, task.inputs, task.needs, task.hash)
        if version is not None and version < STAGES[task.stage].version:
            old[task.stage, version] += 1
    return [
        f"{stage}: {_results(number)} of version {version}, which is {STAGES[stage].version} now; "
        "'alzmodel run' makes them again"
        for (stage, version), number in old.items()
    ]


def again_words(tasks: Sequence[Task], store: Store) -> list[str]:
    """Say what of a study is made again although there are results of its kind, and why.

    Parameters
    ----------
    tasks
        Of the study, each after those it needs.
    store
        Where results lie.

    Returns
    -------
    list of str
        One line for each stage and reason; nothing on tasks that are done, or were never done.
    """
    missing = [task for task in tasks if not store.is_done(task.key)]
    stages = {task.stage for task in missing}
    wanted = {task.key for task in tasks}
    left: dict[tuple[str, str], list[Record]] = {}
    folders = sorted(store.runs.iterdir()) if missing and store.runs.is_dir() else []
    for folder in folders:
        if folder.name in wanted or folder.name.rpartition("-")[0] not in stages:
            continue
        record = store.record(folder.name)
        if record is not None:
            left.setdefault((record.stage, record.label), []).append(record)
    again = Counter(
        (task.stage, _why(task, left[task.stage, task.label]))
        for task in missing
        if (task.stage, task.label) in left
    )
    return [
        f"{stage}: {_results(number)} made again, since {why}; the old ones stay in {store.runs}"
        for (stage, why), number in again.items()
    ]


def _results(number: int) -> str:
    return f"{number} result{'s are' if number > 1 else ' is'}"


def _why(task: Task, left: Sequence[Record]) -> str:
    """Say why results under the label of a task are none for it, by the one that is nearest."""
    reasons = []
    for record in left:
        changed = _changed(record.inputs, task.inputs)
        if changed:
            reasons.append((2, ", ".join(changed)))
            continue
        version = _version_of(record.stage, record.inputs, record.needs, record.hash)
        now = STAGES[task.stage].version
        if version is not None and version != now:
            reasons.append((0, f"they are of version {version} of the stage, which is {now} now"))
        else:
            reasons.append((1, f"they were made from another {' and '.join(task.needs)}"))
    return min(reasons)[1]


def _version_of(stage: str, inputs: Mapping[str, Any], needs: Mapping[str, str], named: str) -> int | None:
    """Version of the stage that gave a result its name; None for one that is not known here."""
    for version in range(STAGES[stage].version, 0, -1):
        if new_task(stage, version, "", inputs, needs).hash == named:
            return version
    return None


def _changed(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Name what differs between two inputs, with both values where they are short."""
    found: list[str] = []
    for key in dict.fromkeys((*before, *now)):
        a, b = before.get(key), now.get(key)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            found += _changed(a, b, f"{prefix}{key}.")
        elif len(f"{a}{b}") > LONGEST_SHOWN:
            found.append(f"{prefix}{key} is another")
        else:
            found.append(f"{prefix}{key} is {b} in place of {a}")
    return found
