"""Carrying out tasks in order of need and length, with retries, and telling how far they are."""

from __future__ import annotations

import contextlib
import queue
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from alzmodel.io import json_text
from alzmodel.study.store import PROGRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from alzmodel.study.executors import Executor, TaskEvent
    from alzmodel.study.store import Store
    from alzmodel.study.task import Task

__all__ = ["Listener", "Outcome", "StudyEvent", "execute", "ignore"]

SECONDS_PER_TICK = 1.0
SECONDS_BETWEEN_FILES = 5.0


@dataclass(frozen=True, slots=True)
class StudyEvent:
    """Something that happened in a study.

    Attributes
    ----------
    kind
        ``"damaged"`` for a finished task whose result is not what it was, ``"started"``, ``"progress"``, ``"done"``,
        ``"failed"`` (for good), ``"retried"`` for a task; ``"tick"``
        about once a second, with no task; ``"step"`` for the work after the tasks (index, comparison, figures);
        before them, ``"again"`` for results that are there and not taken, ``"plan"`` for what takes long.
    label
        The task's words, or the step's.
    fraction
        How much of the task is done, 0 to 1.
    message
        Words on what it does or why it failed.
    done, failed, total
        Tasks.
    study_fraction
        How much of the whole is done, 0 to 1, by estimated time.
    seconds_left
        Estimated from the speed so far; None at the beginning.
    """

    kind: Literal[
        "again", "plan", "damaged", "started", "progress", "done", "failed", "retried", "tick", "step"
    ]
    label: str = ""
    fraction: float = 0.0
    message: str = ""
    done: int = 0
    failed: int = 0
    total: int = 0
    study_fraction: float = 0.0
    seconds_left: float | None = None


if TYPE_CHECKING:
    Listener = Callable[[StudyEvent], None]


def ignore(event: StudyEvent) -> None:
    """Listen to nothing."""
    del event


@dataclass(frozen=True, slots=True)
class Outcome:
    """Keys of the tasks that are done, those that failed with the reason, and those left undone."""

    done: tuple[str, ...]
    failed: Mapping[str, str]
    left: tuple[str, ...]


class _Progress:
    """Fractions, times and counts of a run."""

    def __init__(self, tasks: Sequence[Task], done: set[str], slots: int) -> None:
        self.tasks = {task.key: task for task in tasks}
        self.done = done
        self.failed: dict[str, str] = {}
        self.running: dict[str, tuple[float, str]] = {}
        self._slots = slots
        self._started: dict[str, float] = {}
        # Estimated and real seconds of what was done in this run, for the speed of this machine.
        self._estimated = self._real = 0.0

    def start(self, key: str) -> None:
        self.running[key] = 0.0, ""
        self._started[key] = time.monotonic()

    def finish(self, key: str) -> None:
        del self.running[key]
        self.done.add(key)
        self._estimated += self.tasks[key].seconds
        self._real += time.monotonic() - self._started[key]

    @property
    def fraction(self) -> float:
        total = sum(task.seconds for task in self.tasks.values())
        past = sum(self.tasks[key].seconds for key in self.done)
        past += sum(self.tasks[key].seconds * part for key, (part, _) in self.running.items())
        return past / total if total else 1.0

    @property
    def seconds_left(self) -> float | None:
        now = time.monotonic()
        estimated, real = self._estimated, self._real
        for key, (part, _) in self.running.items():
            if part > 0.02:
                estimated += self.tasks[key].seconds * part
                real += now - self._started[key]
        if not estimated:
            return None
        open_ = [
            task.seconds * (1 - self.running.get(key, (0.0, ""))[0])
            for key, task in self.tasks.items()
            if key not in self.done and key not in self.failed
        ]
        return real / estimated * max([sum(open_) / self._slots, *open_], default=0.0)

    def event(self, kind: str, key: str = "", message: str = "") -> StudyEvent:
        return StudyEvent(
            kind,  # type: ignore[arg-type]
            self.tasks[key].label if key else "",
            1.0 if kind == "done" else self.running.get(key, (0.0, ""))[0],
            message,
            len(self.done),
            len(self.failed),
            len(self.tasks),
            self.fraction,
            self.seconds_left,
        )


def execute(
    tasks: Sequence[Task],
    store: Store,
    executor: Executor,
    *,
    retries: int = 2,
    listen: Listener = ignore,
) -> Outcome:
    """Do the tasks that are not done yet.

    Those on the longest way to the end come first. A task whose process dies is started again up to `retries`
    times; one that fails for good leaves those that need it undone and does not stop the others.

    Parameters
    ----------
    tasks
        Each after those it needs.
    store
        Prepared and locked by the caller.
    executor
        Closed here, also when this is interrupted: nothing stays at work.
    retries
        Attempts after the first.
    listen
        Told of everything that happens.
    """
    done = set()
    damaged: list[tuple[Task, Path]] = []
    for task in tasks:
        if store.record(task.key, thorough=True) is not None:
            done.add(task.key)
        elif (moved := store.set_aside(task.key)) is not None:
            damaged.append((task, moved))
    progress = _Progress(tasks, done, executor.slots)
    for task, moved in damaged:
        listen(
            progress.event("damaged", task.key, f"was changed on disk; it is in {moved} and is made again")
        )
    urgency = _ways_to_the_end(tasks)
    attempts: dict[str, int] = {}
    told: queue.SimpleQueue[TaskEvent | Future[TaskEvent]] = queue.SimpleQueue()
    published = 0.0
    try:
        while True:
            free = executor.slots - len(progress.running)
            for task in _ready(tasks, progress, urgency)[:free] if free else ():
                attempts[task.key] = attempts.get(task.key, 0) + 1
                executor.submit(task, told.put).add_done_callback(told.put)
                progress.start(task.key)
                listen(progress.event("started", task.key))
            if not progress.running:
                break
            event = _next_event(told)
            if event is None:
                executor.check()
                listen(progress.event("tick"))
            elif event.key in progress.running:
                listen(_take(event, progress, store, attempts, retries))
            if time.monotonic() - published > SECONDS_BETWEEN_FILES:
                _publish(store, progress)
                published = time.monotonic()
    finally:
        executor.close()
        (store.work / PROGRESS).unlink(missing_ok=True)
    left = tuple(key for key in progress.tasks if key not in done and key not in progress.failed)
    return Outcome(tuple(key for key in progress.tasks if key in done), progress.failed, left)


def _next_event(told: queue.SimpleQueue[TaskEvent | Future[TaskEvent]]) -> TaskEvent | None:
    """Wait a little for what tasks have to tell; an error of the executor is raised here."""
    try:
        found = told.get(timeout=SECONDS_PER_TICK)
    except queue.Empty:
        return None
    return found.result() if isinstance(found, Future) else found


def _take(
    event: TaskEvent, progress: _Progress, store: Store, attempts: Mapping[str, int], retries: int
) -> StudyEvent:
    """Book one event of a task."""
    key = event.key
    task = progress.tasks[key]
    if event.kind == "progress":
        progress.running[key] = min(max(event.fraction, 0.0), 1.0), event.message
        return progress.event("progress", key, event.message)
    # A worker killed between putting its result in place and saying so has done its task.
    if store.record(key) is not None:
        progress.finish(key)
        return progress.event("done", key)
    del progress.running[key]
    reason = event.message or "its result is not there"
    if event.retry and attempts[key] <= retries:
        return progress.event("retried", key, reason)
    if attempts[key] > 1:
        reason += f" ({attempts[key]} attempts)"
    progress.failed[key] = reason
    store.fail(task, reason)
    return progress.event("failed", key, f"{reason}; log: {store.log_of(key)}")


def _ways_to_the_end(tasks: Sequence[Task]) -> dict[str, float]:
    """Seconds from the start of each task to the end of the longest chain that begins with it."""
    own = {task.key: task.seconds for task in tasks}
    ways = dict(own)
    for task in reversed(tasks):
        for needed in task.needs.values():
            ways[needed] = max(ways[needed], own[needed] + ways[task.key])
    return ways


def _ready(tasks: Sequence[Task], progress: _Progress, urgency: Mapping[str, float]) -> list[Task]:
    waiting = [
        task
        for task in tasks
        if task.key not in progress.done
        and task.key not in progress.failed
        and task.key not in progress.running
        and all(key in progress.done for key in task.needs.values())
    ]
    return sorted(waiting, key=lambda task: -urgency[task.key])


def _publish(store: Store, progress: _Progress) -> None:
    """Leave a note that ``alzmodel status`` in another shell reads."""
    note = {
        "running": [
            {"label": progress.tasks[key].label, "fraction": fraction, "message": message}
            for key, (fraction, message) in progress.running.items()
        ],
        "fraction": progress.fraction,
        "seconds_left": progress.seconds_left,
    }
    # Whole, but not flushed to disk: after a power cut nothing is at work. A full disk ends the tasks that need room;
    # the note is not worth an end.
    with contextlib.suppress(OSError):
        beside = store.work / f".{PROGRESS}"
        beside.write_text(json_text(note) + "\n", encoding="utf-8")
        beside.replace(store.work / PROGRESS)
