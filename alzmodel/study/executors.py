"""Where tasks run: one interface, and worker processes on this machine behind it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol

from alzmodel.child_process import child_environment, last_error, python_module
from alzmodel.errors import AlzmodelError
from alzmodel.moved import names_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alzmodel.study.store import Store
    from alzmodel.study.task import Task

__all__ = [
    "WORKER",
    "Executor",
    "LocalExecutor",
    "TaskEvent",
    "WorkerProcess",
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


class Executor(Protocol):
    """Runs tasks somewhere; results appear in the store, events tell of them."""

    slots: int
    """How many tasks it takes at a time."""

    def submit(self, task: Task) -> None:
        """Start a task; not more than `slots` at a time."""

    def next_event(self, timeout: float) -> TaskEvent | None:
        """Wait up to `timeout` seconds for the next event."""

    def close(self) -> None:
        """End everything that is still at work; afterwards no process of it is left."""


class WorkerProcess:
    """One worker process with the task it has."""

    def __init__(
        self, command: Sequence[str], events: queue.SimpleQueue[tuple[WorkerProcess, dict[str, Any]]]
    ) -> None:
        self.key: str | None = None
        # Until a task has its log, complaints (a broken installation, say) go here.
        self.complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            env=child_environment(**SINGLE_THREADED),
            text=True,
            # A group of its own: Ctrl-C goes to the driver alone, and one signal ends all that a task has started.
            start_new_session=True,
        )
        self._events = events
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                self._events.put((self, json.loads(line)))
        self.kill()
        self._events.put((self, {"event": "died", "message": self._last_words()}))

    def _last_words(self) -> str:
        code = self.process.returncode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        self.complaints.seek(0)
        words = last_error(self.complaints.read().decode(errors="replace"))
        return f"its process ended with {how}" + (f": {words}" if words else "")

    def send(self, task: Task, store: Store) -> None:
        """Give it a task."""
        self.key = task.key
        self.send_job({"task": asdict(task), "folder": str(store.folder)})

    def send_job(self, job: Mapping[str, Any]) -> None:
        """Give it a task as plain values."""
        assert self.process.stdin is not None
        # A worker that died just now is told of by its reader.
        with contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()

    def kill(self) -> None:
        """End the process and all that it started; the group's number is ours until `wait` returns."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def close(self) -> None:
        """End it, with all that it has started."""
        self.kill()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.complaints):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class LocalExecutor:
    """Worker processes on this machine.

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
        self._workers: list[WorkerProcess] = []
        self._events: queue.SimpleQueue[tuple[WorkerProcess, dict[str, Any]]] = queue.SimpleQueue()

    def submit(self, task: Task) -> None:
        """Give a task to a worker that is free, or start one.

        Raises
        ------
        AlzmodelError
            If all are busy.
        """
        free = next((worker for worker in self._workers if worker.key is None), None)
        if free is None:
            if len(self._workers) >= self.slots:
                raise AlzmodelError(f"{task.label}: all {self.slots} workers are busy")
            free = WorkerProcess(self._command, self._events)
            self._workers.append(free)
        free.send(task, self._store)

    def next_event(self, timeout: float) -> TaskEvent | None:
        """Wait up to `timeout` seconds for the next event."""
        try:
            worker, told = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        kind, message = told["event"], told.get("message", "")
        if kind == "died":
            key = worker.key
            if worker in self._workers:
                self._workers.remove(worker)
                worker.close()
            return None if key is None else TaskEvent(key, "died", message=message, retry=True)
        if kind in {"done", "failed"}:
            worker.key = None
        return TaskEvent(
            told["key"], kind, float(told.get("fraction", 0.0)), message, retry=bool(told.get("retry", False))
        )

    def close(self) -> None:
        """End every worker and what it has started."""
        for worker in self._workers:
            worker.close()
        self._workers.clear()
