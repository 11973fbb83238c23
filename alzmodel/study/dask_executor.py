"""Tasks on the workers of a Dask scheduler: one of our own on this machine or under Slurm, or one that runs already.

Every Dask worker starts the same child process as on one machine (:mod:`alzmodel.study.worker`) and hands its words on,
so that a task is done in the same way everywhere and ends with the worker, or with the driver, however these end.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shlex
import shutil
import sys
import threading
import time
import uuid
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alzmodel.child_process import child_environment, python_module
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.study.executors import WORKER, TaskEvent, WorkerProcess, job_of
from alzmodel.study.store import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from alzmodel.study.executors import Hear
    from alzmodel.study.settings import SlurmSettings
    from alzmodel.study.store import Store
    from alzmodel.study.task import Task

__all__ = [
    "DaskExecutor",
    "check_address",
    "check_dask",
    "check_keys",
    "check_slurm",
    "check_slurm_folder",
    "local_cluster",
    "slurm_cluster",
]

SECONDS_TO_CONNECT = 10
SECONDS_BETWEEN_LOOKS = 0.25
SECONDS_TO_END = 15.0
HERE_ALONE = "127.0.0.1:0"
"""Of the HTTP servers that Dask starts in any case: they have no keys, and no pages here."""
NO_PAGES = ("distributed.scheduler.http.routes", "distributed.worker.http.routes")
UNSAFE = re.compile(r"[^\w./+@:,=-]")
"""Characters that a job script would not take as they are."""


def check_dask() -> None:
    """Refuse Dask where it is not installed.

    Raises
    ------
    InputError
        With the line that installs it.
    """
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise InputError(
            "--executor: Dask is not installed; allowed: local, or pip install '.[dask]' first"
        ) from None


def check_keys(name: str) -> None:
    """Refuse a cluster of our own where nothing can make its keys.

    Raises
    ------
    InputError
        With the line that installs it.
    """
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise InputError(
            f"--executor {name}: cryptography is not installed, which makes the keys of its connections; "
            f"allowed: pip install '.[{name}]' first"
        ) from None


def check_address(address: str) -> None:
    """Refuse what is no address of a scheduler; whether one answers there is seen on connecting.

    Raises
    ------
    InputError
        With the form that is allowed, or where credentials belong that ``tls://`` needs.
    """
    from distributed import Security
    from distributed.comm import parse_address
    from distributed.comm.registry import get_backend

    scheme, place = parse_address(address)
    try:
        get_backend(scheme).get_address_host(place)
    except ValueError as error:
        raise InputError(
            f"--executor {address}: no address of a scheduler ({error}); allowed: such as tcp://host:8786"
        ) from None
    if scheme == "tls":
        try:
            context = Security().get_connection_args("client")["ssl_context"]
        except (OSError, ValueError) as error:
            raise InputError(
                f"--executor {address}: its credentials cannot be used ({error}); {_CREDENTIALS}"
            ) from error
        if context is None:
            raise InputError(f"--executor {address}: no credentials for it; {_CREDENTIALS}")


_GONE = "the Dask scheduler has gone: finished results are kept; run the same command to resume"
_CREDENTIALS = (
    "allowed: files named in Dask's configuration as distributed.comm.tls.ca-file, .client.cert and .client.key, or in "
    "DASK_DISTRIBUTED__COMM__TLS__CA_FILE and its like"
)


def check_slurm_folder(folder: Path) -> None:
    """Refuse a study's folder whose name would not stand in a job script as it is.

    Raises
    ------
    InputError
        With the first such character.
    """
    found = UNSAFE.search(str(folder))
    if found:
        raise InputError(
            f"--executor slurm: the folder {str(folder)!r} has {found[0]!r} in its name; "
            "allowed: letters, digits and . _ - + @ : , = /"
        )


def check_slurm() -> None:
    """Refuse Slurm where it, or what speaks to it, is not installed, or does not answer.

    Raises
    ------
    InputError
        With what is missing.
    """
    import shutil
    import subprocess

    try:
        import dask_jobqueue  # noqa: F401
    except ImportError:
        raise InputError(
            "--executor slurm: dask-jobqueue is not installed; allowed: pip install '.[slurm]' first"
        ) from None
    if shutil.which("sbatch") is None:
        raise InputError(
            "--executor slurm: there is no sbatch here; allowed: a machine that submits Slurm jobs"
        )
    # Without it jobs would be refused one after the other, and the study would wait for ever.
    told = subprocess.run(("sinfo", "--noheader"), check=False, capture_output=True, text=True)
    if told.returncode:
        words = told.stderr.strip().splitlines()
        raise InputError(
            f"--executor slurm: Slurm does not answer ({words[-1] if words else 'sinfo fails'}); "
            "allowed: a machine that submits Slurm jobs"
        )


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    """Set up a scheduler of our own: retries are counted here, and there are no pages for browsers."""
    import dask

    settings: dict[str, Any] = {
        "distributed.scheduler.allowed-failures": 0,
        "distributed.admin.tick.limit": "60s",
        **{name: [] for name in NO_PAGES},
    }
    before = dict(os.environ)
    # For the workers that are started now, and for those that take their place. Dask prefers what stands in the
    # environment, so it must stand there too.
    os.environ.update(_import_variables())
    for name in _import_variables():
        settings[f"distributed.nanny.pre-spawn-environ.{name}"] = os.environ[name]
    try:
        with dask.config.set(settings):
            yield
    finally:
        for name in _import_variables():
            os.environ.pop(name, None)
        os.environ.update(before)


def _import_variables() -> dict[str, str]:
    """Variables with which no Dask worker imports what lies in the current folder."""
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": child_environment().get("PYTHONPATH", "")}


def _keys_in(folder: Path) -> Any:
    """Make the keys of one scheduler and its workers, as files that their owner alone reads.

    Returns
    -------
    distributed.Security
    """
    from distributed import Security

    made = Security.temporary()
    folder.mkdir(mode=0o700)
    names = {}
    # One certificate, signed by itself, is that of all three and the one that all trust.
    for name, text in (("cert", made.tls_worker_cert), ("key", made.tls_worker_key)):
        path = folder / f"{name}.pem"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
        names[name] = str(path)
    roles = ("client", "scheduler", "worker")
    files = {f"tls_{role}_{name}": path for role in roles for name, path in names.items()}
    return Security(require_encryption=True, tls_ca_file=names["cert"], **files)


def _remove_keys(security: Any) -> None:
    """Remove what :func:`_keys_in` has made; keys in memory have no folder."""
    key = getattr(security, "tls_worker_key", None)
    if isinstance(key, str) and "\n" not in key and Path(key).parent.name.startswith(KEYS):
        shutil.rmtree(Path(key).parent, ignore_errors=True)


def local_cluster(slots: int) -> Any:
    """Start a scheduler and `slots` workers on this machine, with keys in memory."""
    from distributed import LocalCluster, Security

    with _own_settings():
        return LocalCluster(
            n_workers=slots,
            threads_per_worker=1,
            processes=True,
            # Limits and spilling are for data in memory, of which there is none here.
            memory_limit=0,
            dashboard_address=HERE_ALONE,
            scheduler_kwargs={"dashboard": False},
            worker_dashboard_address=HERE_ALONE,
            security=Security.temporary(),
            silence_logs=logging.CRITICAL,
            # Ctrl-C in the terminal reaches the driver, which decides.
            preload="import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
        )


def slurm_cluster(settings: SlurmSettings, slots: int, store: Store) -> Any:
    """Start a scheduler here and keep as many Slurm jobs in the queue as `slots` tasks need.

    All connections have keys of their own, below ``work``, where the jobs find them; closing the executor removes them.
    """
    logs = store.work / "slurm"
    logs.mkdir(parents=True, exist_ok=True)
    security = _keys_in(store.work / f"{KEYS}{uuid.uuid4().hex}")
    try:
        return _slurm_cluster(settings, slots, logs, security)
    except BaseException:
        _remove_keys(security)
        raise


def _slurm_cluster(settings: SlurmSettings, slots: int, logs: Path, security: Any) -> Any:
    from dask_jobqueue import SLURMCluster

    per_job = min(settings.tasks_per_job, slots)
    variables = _import_variables()
    variables |= {f"DASK_{name.upper().replace('.', '__')}": "[]" for name in NO_PAGES}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    with _own_settings():
        cluster = SLURMCluster(
            cores=per_job * settings.cores_per_task,
            processes=per_job,
            job_cpu=per_job * settings.cores_per_task,
            memory=settings.memory,
            walltime=settings.walltime,
            queue=settings.partition,
            account=settings.account,
            job_extra_directives=list(settings.directives),
            job_script_prologue=[*exports, *settings.prologue],
            interface=settings.interface,
            local_directory=settings.local_directory,
            log_directory=str(logs),
            python=shlex.quote(sys.executable),
            worker_extra_args=[
                *("--nthreads", "1", "--memory-limit", "0"),
                *("--no-dashboard", "--dashboard-address", HERE_ALONE),
            ],
            scheduler_options={"dashboard_address": HERE_ALONE, "dashboard": False},
            security=security,
        )
        jobs = -(-slots // per_job)
        # A job that ends, at its time limit or by a broken node, is followed by another.
        cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)
    return cluster


class DaskExecutor:
    """Tasks on Dask workers that see the study's folder.

    Parameters
    ----------
    store
        Where results go: on a disk that all workers share.
    slots
        Tasks at a time.
    cluster
        From :func:`local_cluster` or :func:`slurm_cluster`, closed with this; or the address of a running scheduler,
        which is left running.
    command
        Command line of the child processes; by default the Python of each Dask worker.

    Raises
    ------
    InputError
        If the scheduler cannot be reached.
    """

    def __init__(
        self, store: Store, slots: int, cluster: Any | str, command: Sequence[str] | None = None
    ) -> None:
        from distributed import Client

        self.slots = slots
        self._store = store
        self._command = command
        self._cluster = None if isinstance(cluster, str) else cluster
        self._at_work: dict[str, tuple[Any, Hear]] = {}
        self._topic = f"alzmodel-{uuid.uuid4().hex}"
        # A scheduler that goes is told in one line of our own.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        try:
            self._client = Client(cluster, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except (OSError, TimeoutError, ValueError, AssertionError) as error:
            # An assertion of Dask's: the other side has other keys.
            words = str(error) or "it does not take these credentials"
            raise InputError(
                f"--executor {cluster}: no scheduler answers there ({words}); allowed: the address of a running "
                "Dask scheduler, such as tcp://host:8786"
            ) from error
        self._client.subscribe_topic(self._topic, self._hear)

    def _hear(self, told: tuple[float, Mapping[str, Any]]) -> None:
        event = TaskEvent(**told[1])
        current = self._at_work.get(event.key)
        if current is not None:
            current[1](event)

    def submit(self, task: Task, hear: Hear) -> Future[TaskEvent]:
        """Hand a task to the scheduler.

        Raises
        ------
        AlzmodelError
            If the scheduler has gone.
        """
        if self._client.status != "running":
            raise AlzmodelError(_GONE)
        ended: Future[TaskEvent] = Future()
        theirs: Any = self._client.submit(
            _work,
            job_of(task, self._store),
            self._topic,
            self._command,
            key=f"{task.key}-{uuid.uuid4().hex}",
            pure=False,
            retries=0,
        )
        self._at_work[task.key] = theirs, hear
        theirs.add_done_callback(lambda done: self._finished(task.key, done, ended))
        return ended

    def _finished(self, key: str, theirs: Any, ended: Future[TaskEvent]) -> None:
        current = self._at_work.get(key)
        if current is None or current[0] is not theirs:
            return
        del self._at_work[key]
        died = theirs.status != "finished"
        ended.set_result(
            TaskEvent(key, "died", message=_why(theirs), retry=True) if died else theirs.result()
        )

    def check(self) -> None:
        """See that the scheduler is there.

        Raises
        ------
        AlzmodelError
            If it has gone.
        """
        if self._client.status not in {"running", "connecting"}:
            raise AlzmodelError(_GONE)

    def close(self) -> None:
        """End what is at work, and the cluster if it is ours."""
        futures = [future for future, _ in self._at_work.values()]
        self._at_work.clear()
        with contextlib.suppress(Exception):
            self._client.cancel(futures, force=True)
        if self._cluster is None:
            # The workers stay; they are asked until their child processes have ended.
            end = time.monotonic() + SECONDS_TO_END
            with contextlib.suppress(Exception):
                while futures and time.monotonic() < end:
                    if not any(self._client.run(_at_work, self._topic).values()):
                        break
                    time.sleep(SECONDS_BETWEEN_LOOKS)
        with contextlib.suppress(Exception):
            self._client.close(timeout=5)
        if self._cluster is not None:
            with contextlib.suppress(Exception):
                self._cluster.close(timeout=SECONDS_TO_END)
            _remove_keys(self._cluster.security)


def _why(future: Any) -> str:
    if future.status == "cancelled":
        return "the scheduler lost it"
    with contextlib.suppress(Exception):
        error = future.exception(timeout=1)
        words = str(error).strip().splitlines()
        return f"its Dask worker was lost: {words[0] if words else type(error).__name__}"
    return "its Dask worker was lost"


# Run on the Dask workers ----------------------------------------------------------------------------------------------

_RUNNING: dict[str, int] = {}
_GUARD = threading.Lock()


def _at_work(topic: str) -> int:
    return _RUNNING.get(topic, 0)


def _work(job: Mapping[str, Any], topic: str, command: Sequence[str] | None) -> TaskEvent:
    """Do one task in a child process and pass its words on; returns how it ended."""
    from distributed import Status, get_worker

    worker = get_worker()
    key = worker.get_current_task()
    with _GUARD:
        _RUNNING[topic] = _RUNNING.get(topic, 0) + 1
    child = WorkerProcess(command or python_module(WORKER))
    over = threading.Event()

    def watch() -> None:
        """End the child where nobody waits any more.

        The driver was stopped or has died, the task was given to another worker, or the scheduler has gone and this
        worker is about to.
        """
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            state = worker.state.tasks.get(key)
            wanted = state is not None and state.state in {"executing", "long-running"}
            if not wanted or worker.status != Status.running:
                child.kill()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        return child.do(job, lambda event: worker.log_event(topic, asdict(event)))
    finally:
        over.set()
        watcher.join()
        child.close()
        with _GUARD:
            _RUNNING[topic] -= 1
