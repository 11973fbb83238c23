"""Dask, killed at every place: nothing lost, nothing done twice, no process left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from alzmodel.cli import main
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.study import dask_executor
from alzmodel.study.dask_executor import DaskExecutor
from alzmodel.study.scheduler import execute
from alzmodel.study.store import Store

from .fault_driver import WORKER, naps
from .processes import MARK, command, marked, wait_for
from .test_faults import results, run_naps

DRIVER = Path(__file__).with_name("fault_driver.py")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "study")
    store.prepare()
    return store


@pytest.fixture
def mark():
    """A mark on everything the test starts; none of it may be left."""
    word = uuid.uuid4().hex
    yield word
    for pid in marked(word):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def start(mark: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=DRIVER.parents[2],
        env={**os.environ, MARK: mark},
        start_new_session=True,
    )


def start_driver(mark: str, store: Store, number: int, steps: int, where: str) -> subprocess.Popen[str]:
    return start(mark, str(DRIVER), str(store.folder), str(number), str(steps), where)


@pytest.fixture
def scheduler(mark: str, tmp_path: Path):
    """Address of a scheduler with two workers, as a user starts them; they outlive the drivers."""
    address = tmp_path / "scheduler.json"
    log = tmp_path / "scheduler.log"
    options = ("--scheduler-file", str(address), "--no-dashboard")
    with log.open("w") as output:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{words[0]}", *options, *words[1:]],
                stdout=output,
                stderr=output,
                env={**os.environ, MARK: mark + "-scheduler"},
                start_new_session=True,
            )
            for words in (
                ("dask_scheduler", "--host", "127.0.0.1", "--port", "0"),
                ("dask_worker", "--nworkers", "2", "--nthreads", "1"),
            )
        ]
    try:
        wait_for(lambda: log.read_text(encoding="utf-8").count("Registered to:") == 2, 60)
        yield json.loads(address.read_text(encoding="utf-8"))["address"]
    finally:
        for pid in marked(mark + "-scheduler"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in started:
            process.wait()


def wait_until_both_work(driver: subprocess.Popen[str], store: Store) -> None:
    def both() -> bool:
        assert driver.poll() is None, driver.stderr.read()
        return len(list(store.work.glob("*/scratch/3"))) == 2

    wait_for(both, 60)


def children(mark: str) -> list[int]:
    return [pid for pid in marked(mark) if "fault_worker" in command(pid)]


@pytest.mark.slow
def test_a_killed_dask_worker_costs_only_its_task(store: Store, mark: str, tmp_path: Path) -> None:
    driver = start_driver(mark, store, 4, 30, "dask")
    wait_until_both_work(driver, store)
    # The child's parent is the Dask worker.
    victim = children(mark)[0]
    parent = int(Path(f"/proc/{victim}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    assert "spawn_main" in command(parent)
    os.kill(parent, signal.SIGKILL)
    wait_for(lambda: victim not in marked(mark), 10)
    words, errors = driver.communicate(timeout=120)
    lines = words.splitlines()
    assert lines[-1] == "end 4 0 0", errors
    assert sum(line.startswith("retried") for line in lines) == 1
    assert len([line for line in lines if line.startswith("done")]) == 4
    wait_for(lambda: not marked(mark), 10)
    calm = Store(tmp_path / "calm")
    calm.prepare()
    run_naps(calm, 4, 30, store.folder / "started")
    assert results(calm) == results(store)


@pytest.mark.slow
def test_a_killed_child_of_a_dask_worker_is_tried_again(store: Store, mark: str) -> None:
    driver = start_driver(mark, store, 2, 30, "dask")
    wait_for(lambda: list(store.work.glob("*/scratch/3")), 60)
    os.kill(children(mark)[0], signal.SIGKILL)
    words, errors = driver.communicate(timeout=120)
    assert words.splitlines()[-1] == "end 2 0 0", errors
    assert "retried" in words
    wait_for(lambda: not marked(mark), 10)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_end_of_the_driver_ends_its_cluster(store: Store, mark: str, how: signal.Signals) -> None:
    driver = start_driver(mark, store, 4, 60, "dask")
    wait_until_both_work(driver, store)
    # As Ctrl-C does: to every process of the terminal's foreground group.
    os.killpg(driver.pid, how) if how == signal.SIGINT else os.kill(driver.pid, how)
    driver.communicate(timeout=60)
    wait_for(lambda: not marked(mark), 20)
    assert not store.is_held()
    run_naps(store, 4, 60, store.folder / "started")
    lines = [line.split() for line in (store.folder / "started").read_text(encoding="utf-8").splitlines()]
    # Four tasks; two were begun twice, the second time from where the first had come.
    assert len(lines) == 6
    assert {int(line[-1]) > 0 for line in lines[2:4]} == {True}


@pytest.mark.slow
def test_a_killed_driver_leaves_a_running_scheduler_idle(store: Store, mark: str, scheduler: str) -> None:
    driver = start_driver(mark, store, 4, 40, scheduler)
    wait_until_both_work(driver, store)
    workers = children(mark + "-scheduler")
    assert len(workers) == 2
    driver.kill()
    driver.communicate()
    # The scheduler notices that nobody waits any more.
    wait_for(lambda: not children(mark + "-scheduler"), 60)
    second = start_driver(mark, store, 4, 40, scheduler)
    words, errors = second.communicate(timeout=120)
    assert words.splitlines()[-1] == "end 4 0 0", errors
    assert len((store.folder / "started").read_text(encoding="utf-8").splitlines()) == 6
    assert not children(mark + "-scheduler")
    assert not marked(mark)


@pytest.mark.slow
def test_a_scheduler_that_goes_is_told_and_loses_nothing(store: Store, mark: str, scheduler: str) -> None:
    killed: list[int] = []

    def kill(event) -> None:
        if event.kind == "done" and not killed:
            killed.extend(pid for pid in marked(mark + "-scheduler") if "dask_scheduler" in command(pid))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    started = store.folder / "started"
    with store.lock(), pytest.raises(AlzmodelError, match="scheduler has gone"):
        execute(naps(6, 20, started), store, DaskExecutor(store, 2, scheduler, WORKER), listen=kill)
    assert killed
    done = results(store)
    assert done
    wait_for(lambda: not children(mark + "-scheduler"), 60)
    run_naps(store, 6, 20, started)
    assert results(store).items() >= done.items()
    assert len(list(store.runs.iterdir())) == 6


def test_places_that_are_not_there_are_refused(capsys, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dask_executor, "SECONDS_TO_CONNECT", 1)
    out = str(tmp_path / "study")
    assert main(["run", "--out", out, "--executor", "cloud"]) == 2
    message = capsys.readouterr().err
    assert "'cloud'" in message
    assert "local, dask, slurm" in message
    with pytest.raises(InputError, match="no scheduler answers"):
        DaskExecutor(Store(tmp_path), 1, "tcp://127.0.0.1:9", WORKER)


@pytest.mark.parametrize(
    "address", ["foo://127.0.0.1:8786", "tcp://", "tcp://host", "tcp://host:port", "://x"]
)
def test_what_is_no_address_is_refused_in_one_line_before_any_work(
    capsys, tmp_path: Path, address: str
) -> None:
    out = tmp_path / "study"
    assert main(["run", "--out", str(out), "--executor", address]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"alzmodel: --executor {address}: no address of a scheduler")
    assert message.count("\n") == 1
    assert not out.exists()
