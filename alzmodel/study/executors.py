"""Where tasks run: one interface, and worker processes on this machine behind it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol

from alzmodel.child_process import child_environment, last_error, python_module
from alzmodel.errors import AlzmodelError
from alzmodel.moved import names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alzmodel.study.store import Store
    from alzmodel.study.task import Task

__all__ = [
    "WORKER",
    "Executor",
    "LocalExecutor",
    "TaskEvent",
    "WorkerProcess",
    "job_of",
]

__getattr__ = names_of(
    __name__,
    dict.fromkeys(("check_executor", "check_executor_name", "make_executor"), "alzmodel.study.places"),
)

WORKER = "alzmodel.study.worker"
"""The module that a worker runs."""

SINGLE_THREADED = {
    # Sums over threads end differently in the last digit for another number of threads; the tasks fill the cores.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """What a task has to tell.

    Attributes
    ----------
    key
        The task.
    kind
        ``"progress"``; ``"done"``; ``"failed"`` by an error of its own; ``"died"``: its process ended without a word.
    fraction, message
        How far it is, and words: of what is done, or why it failed.
    retry
        Whether another attempt may do better.
    """

    key: str
    kind: Literal["progress", "done", "failed", "died"]
    fraction: float = 0.0
    message: str = ""
    retry: bool = False


if TYPE_CHECKING:
    Hear = Callable[[TaskEvent], None]


class Executor(Protocol):
    """Runs tasks somewhere; results appear in the store."""

    slots: int
    """How many tasks it takes at a time."""

    def submit(self, task: Task, hear: Hear) -> Future[TaskEvent]:
        """Start a task, not more than `slots` at a time: `hear` is told how far it is, the future how it ended."""

    def check(self) -> None:
        """Raise AlzmodelError if what the tasks run on has gone."""

    def close(self) -> None:
        """End everything that is still at work; afterwards no process of it is left."""


def job_of(task: Task, store: Store) -> dict[str, Any]:
    """Give a task as plain values, such as a worker takes."""
    return {"key": task.key, "task": asdict(task), "folder": str(store.folder)}


class WorkerProcess:
    """One worker process, which does one task at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        # Until a task has its log, complaints (a broken installation, say) go here.
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=child_environment(**SINGLE_THREADED),
            text=True,
            # A group of its own: Ctrl-C goes to the driver alone, and one signal ends all that a task has started.
            start_new_session=True,
        )
        self._ending = threading.Lock()

    def is_alive(self) -> bool:
        """Whether it can be given a task."""
        return self._process.poll() is None

    def do(self, job: Mapping[str, Any], hear: Hear) -> TaskEvent:
        """Do a task, tell how far it is, and return how it ended.

        Parameters
        ----------
        job
            From :func:`job_of`.
        hear
            Told of progress, in this thread.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        key = job["key"]
        # A process that died just now is told of below.
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):
                told = json.loads(line)
                event = TaskEvent(
                    key,
                    told["event"],
                    float(told.get("fraction", 0.0)),
                    told.get("message", ""),
                    retry=bool(told.get("retry", False)),
                )
                if event.kind != "progress":
                    return event
                hear(event)
        self.kill()
        return TaskEvent(key, "died", message=self._last_words(), retry=True)

    def _last_words(self) -> str:
        code = self._process.returncode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        self._complaints.seek(0)
        words = last_error(self._complaints.read().decode(errors="replace"))
        return f"its process ended with {how}" + (f": {words}" if words else "")

    def kill(self) -> None:
        """End the process and all that it started; the group's number is ours until `wait` returns."""
        with self._ending:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def close(self) -> None:
        """End it, with all that it has started; its task is over."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._complaints):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class LocalExecutor:
    """Worker processes on this machine, each spoken to by a thread.

    A worker does one task after the other; one that dies costs the task in its hands and is replaced. None outlives
    the driver, even one ended by ``kill -9``: its standard input closes then.

    Parameters
    ----------
    store
        Where results go.
    slots
        Tasks side by side.
    command
        The worker's command line.
    """

    def __init__(
        self,
        store: Store,
        slots: int = 2,
        command: Sequence[str] = python_module(WORKER),
    ) -> None:
        self.slots = slots
        self._store = store
        self._command = command
        self._threads = ThreadPoolExecutor(slots)
        self._workers: list[WorkerProcess] = []
        self._free: list[WorkerProcess] = []
        self._changing = threading.Lock()
        self._closed = False

    def submit(self, task: Task, hear: Hear) -> Future[TaskEvent]:
        """Give a task to a worker that is free, or start one."""
        return self._threads.submit(self._do, job_of(task, self._store), hear)

    def _do(self, job: Mapping[str, Any], hear: Hear) -> TaskEvent:
        worker = self._free_worker()
        event = worker.do(job, hear)
        with self._changing:
            if worker.is_alive():
                self._free.append(worker)
            else:
                self._workers.remove(worker)
                worker.close()
        return event

    def _free_worker(self) -> WorkerProcess:
        with self._changing:
            if self._closed:
                raise AlzmodelError("the workers have been ended")
            while self._free:
                worker = self._free.pop()
                if worker.is_alive():
                    return worker
                self._workers.remove(worker)
                worker.close()
            worker = WorkerProcess(self._command)
            self._workers.append(worker)
            return worker

    def check(self) -> None:
        """Find nothing wrong: this machine is there."""

    def close(self) -> None:
        """End every worker and what it has started."""
        with self._changing:
            self._closed = True
            for worker in self._workers:
                worker.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()
        self._workers.clear()
