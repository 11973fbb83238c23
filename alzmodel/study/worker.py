"""The process that does the tasks: ``python -m alzmodel.study.worker``.

Jobs come in on standard input, one JSON line each, and what happens goes out on standard output the same way:
several tasks one after the other, so that numba's kernels are compiled once. What the work itself prints goes to the
task's log. The process, with all it has started, ends when its standard input closes: the kernel closes it when the
driver dies, however it dies.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from alzmodel.errors import AlzmodelError, BuildError, InputError
from alzmodel.folders import HeldError, locked, no_space_words
from alzmodel.forcefields.exchange import exchanged
from alzmodel.io import json_text
from alzmodel.moved import names_of
from alzmodel.study import stage as stage_module
from alzmodel.study.store import LOG, SCRATCH, Store
from alzmodel.study.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from alzmodel.progress import Progress
    from alzmodel.study.stage import StageResult, Work

__all__ = ["main", "perform"]

__getattr__ = names_of(__name__, dict.fromkeys(("StageResult", "Work"), "alzmodel.study.stage"))

SECONDS_BETWEEN_REPORTS = 0.5
SECONDS_FOR_PREDECESSOR = 60.0


if TYPE_CHECKING:
    Run = Callable[[Work], StageResult]


def main(stages: Mapping[str, Run] | None = None) -> int:
    """Do tasks until standard input closes.

    Parameters
    ----------
    stages
        Functions by stage name; by default those of :mod:`alzmodel.study.stages`.
    """
    # Ctrl-C in the terminal reaches the driver, which decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nothing that prints may write between the events.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()

    def tell(event: Mapping[str, Any]) -> None:
        events.write(json_text(dict(event)) + "\n")

    while True:
        job = json.loads(jobs.get())
        task, store = Task(**job["task"]), Store(job["folder"])
        if stages is None:
            from alzmodel.study.stages import STAGES

            stages = STAGES
        tell(_attempt(task, store, stages[task.stage], tell))


def _listen(jobs: queue.SimpleQueue[str]) -> None:
    """Pass jobs on; when the driver has gone, end the whole process group at once."""
    with contextlib.suppress(OSError):
        for line in sys.stdin:
            jobs.put(line)
    # A worker that leads no group of its own (started by hand) must not take its shell along.
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _attempt(
    task: Task, store: Store, stage: Run, tell: Callable[[Mapping[str, Any]], None]
) -> dict[str, Any]:
    """Do a task and say how it ended, whatever happens."""
    last = 0.0

    def progress(fraction: float, message: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_REPORTS:
            last = now
            tell({"event": "progress", "key": task.key, "fraction": fraction, "message": message})

    started = time.monotonic()
    try:
        perform(task, store, stage, progress)
    except Exception as error:  # noqa: BLE001  whatever a task raises costs that task only
        passing = isinstance(error, AlzmodelError | OSError | MemoryError)
        lasting = isinstance(error, InputError | BuildError) or (
            isinstance(error, OSError)
            and error.errno in {errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT}
        )
        words = no_space_words(error, store.folder) if isinstance(error, OSError) else None
        reason = " ".join((words or str(error)).split()) or type(error).__name__
        if not isinstance(error, AlzmodelError | OSError):
            reason = f"{type(error).__name__}: {reason}"
        return {"event": "failed", "key": task.key, "message": reason, "retry": passing and not lasting}
    return {"event": "done", "key": task.key, "message": "", "seconds": time.monotonic() - started}


def perform(task: Task, store: Store, stage: Run, progress: Progress) -> None:
    """Do one task and put its result in place.

    Raises
    ------
    AlzmodelError
        If a result that it needs is not there, or as the stage does.
    """
    with _sole_worker(store, task.key):
        folder = store.begin(task)
        with _output_to(folder / LOG):
            print(f"{task.label}\n{json_text(task.inputs)}", flush=True)
            clock, cpu = time.monotonic(), _cpu_seconds()
            try:
                for role, key in task.needs.items():
                    if store.record(key) is None:
                        raise AlzmodelError(f"{task.label}: the {role} it needs, {key}, is not there")
                scratch = folder / SCRATCH
                scratch.mkdir(exist_ok=True)
                needs = {role: store.runs / key for role, key in task.needs.items()}
                with exchanged(task.inputs.get("model", {}).get("exchange", "").split()):
                    outcome = stage(stage_module.Work(task.inputs, needs, folder, scratch, progress))
            except BaseException:
                traceback.print_exc()
                raise
            timing = {"wall_seconds": time.monotonic() - clock, "cpu_seconds": _cpu_seconds() - cpu}
            print(json_text(timing), flush=True)
        store.commit(task, folder, quantities=outcome.quantities, results=outcome.results, timing=timing)


def _cpu_seconds() -> float:
    """CPU time of this process and of the children it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextlib.contextmanager
def _sole_worker(store: Store, key: str) -> Iterator[None]:
    """Wait until a worker of a driver that was killed has let go of the task's folder."""
    path = store.work / f".{key}.lock"
    try:
        with locked(path, wait=SECONDS_FOR_PREDECESSOR):
            yield
            path.unlink(missing_ok=True)
    except HeldError as error:
        raise AlzmodelError(f"{path}: another process is still at work there ({error})") from None


@contextlib.contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Send everything printed, by C libraries too, to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, number)
            os.close(copy)


if __name__ == "__main__":
    sys.exit(main())
