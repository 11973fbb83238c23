"""Kills, refusals and damage: nothing lost, nothing done twice, no process left behind."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from alzmodel.errors import InputError
from alzmodel.study.executors import LocalExecutor
from alzmodel.study.scheduler import StudyEvent, execute
from alzmodel.study.store import Store
from alzmodel.study.tasks import make_task

from .fault_driver import WORKER, naps
from .processes import alive, wait_for

DRIVER = Path(__file__).with_name("fault_driver.py")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "study")
    store.prepare()
    return store


def results(store: Store) -> dict[str, bytes]:
    """Every file of every result but those that tell of the attempt."""
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for path in store.runs.glob("*/*")
        if path.name not in {"log", "timing.json"}
    }


def run_naps(store: Store, number: int, steps: int, started: Path | None = None, listen=lambda _: None):
    with store.lock():
        return execute(
            naps(number, steps, started), store, LocalExecutor(store, 2, WORKER), retries=20, listen=listen
        )


def start_driver(store: Store, number: int, steps: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(DRIVER), str(store.folder), str(number), str(steps)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=DRIVER.parents[2],
        start_new_session=True,
    )


def workers_in(started: Path) -> list[int]:
    return (
        [int(line.split()[0]) for line in started.read_text(encoding="utf-8").splitlines()]
        if started.exists()
        else []
    )


def test_tasks_wait_for_those_they_need_and_are_done_once(store: Store) -> None:
    started = store.folder / "started"
    order: list[tuple[str, str]] = []
    outcome = run_naps(store, 6, 2, started, lambda event: order.append((event.kind, event.label)))
    assert len(outcome.done) == 6
    assert not outcome.failed
    assert not outcome.left
    for index in (1, 3, 5):
        assert order.index(("done", f"nap {index - 1}")) < order.index(("started", f"nap {index}"))
        key = outcome.done[index]
        assert store.record(key, thorough=True).results["heard"] == {"before": f"nap {index - 1}\n"}
    # Two workers did all six.
    assert len(set(workers_in(started))) == 2
    again = run_naps(store, 6, 2, started)
    assert again.done == outcome.done
    assert len(workers_in(started)) == 6
    assert not [path for path in store.work.iterdir() if path.name != ".gitignore"]


def test_kill_of_a_worker_costs_only_its_task_and_changes_no_byte(store: Store, tmp_path: Path) -> None:
    calm = Store(tmp_path / "calm")
    calm.prepare()
    started = store.folder / "started"
    killed: list[int] = []

    def kill_two(event: StudyEvent) -> None:
        if event.kind == "progress" and event.fraction > 0.3 and len(killed) < 2:
            killed.append(workers_in(started)[-1])
            os.kill(killed[-1], signal.SIGKILL)

    outcome = run_naps(store, 4, 16, started, kill_two)
    assert len(killed) == 2
    assert len(outcome.done) == 4
    lines = started.read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 5
    # The second attempt resumed from what the first had left in its scratch folder.
    assert any(int(line.split()[-1]) > 0 for line in lines)
    started.unlink()
    run_naps(calm, 4, 16, started)
    assert results(calm) == results(store)
    assert not any(alive(pid) for pid in killed)


def test_kill_of_the_driver_leaves_no_process_and_the_next_one_finishes(store: Store) -> None:
    started = store.folder / "started"
    driver = start_driver(store, 4, 40)
    wait_for(lambda: len(list(store.work.glob("*/scratch/3"))) == 2)
    workers = workers_in(started)
    assert len(workers) == 2
    assert all(alive(pid) for pid in workers)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    wait_for(lambda: not any(alive(pid) for pid in workers), 5)
    # The lock went with the driver.
    assert not store.is_held()
    second = start_driver(store, 4, 40)
    words, errors = second.communicate(timeout=60)
    assert words.splitlines()[-1] == "end 4 0 0", errors
    # Four tasks, two of them begun twice, the second time from where the first had come.
    lines = [line.split() for line in started.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 6
    assert {int(line[-1]) > 0 for line in lines[2:4]} == {True}


def test_interrupt_ends_the_workers_and_keeps_what_is_done(store: Store) -> None:
    started = store.folder / "started"
    driver = start_driver(store, 4, 30)
    wait_for(lambda: any(store.runs.iterdir()))
    workers = workers_in(started)
    done = results(store)
    os.killpg(driver.pid, signal.SIGINT)
    _, errors = driver.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
    assert not any(alive(pid) for pid in workers)
    assert results(store).items() >= done.items()
    assert not store.is_held()


def test_children_of_a_task_end_with_it(store: Store, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    task = make_task("parent", "parent", {"pids": str(pids)}, version=1)
    executor = LocalExecutor(store, 1, WORKER)
    ended = executor.submit(task, lambda _: None)
    wait_for(lambda: pids.exists() and len(pids.read_text(encoding="utf-8").split()) == 2)
    worker, child = map(int, pids.read_text(encoding="utf-8").split())
    assert alive(worker)
    assert alive(child)
    os.kill(worker, signal.SIGKILL)
    event = ended.result(10)
    assert event.kind == "died"
    assert "SIGKILL" in event.message
    assert event.retry
    wait_for(lambda: not alive(child), 5)
    pids.unlink()
    ended = executor.submit(task, lambda _: None)
    wait_for(lambda: pids.exists() and len(pids.read_text(encoding="utf-8").split()) == 2)
    worker, child = map(int, pids.read_text(encoding="utf-8").split())
    executor.close()
    wait_for(lambda: not alive(worker) and not alive(child), 5)
    assert ended.result(1).kind == "died"
    with pytest.raises(RuntimeError):
        executor.submit(task, lambda _: None)


def test_a_second_driver_is_refused(store: Store) -> None:
    with store.lock():
        assert store.is_held()
        other = start_driver(store, 2, 1)
        _, errors = other.communicate(timeout=30)
        assert f"in use by process {os.getpid()}" in errors
        assert "InputError" in errors
    assert not store.is_held()
    with store.lock():
        pass


def test_a_task_that_keeps_dying_fails_after_its_retries(store: Store, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    deadly = make_task("die", "deadly", {"counter": str(counter), "times": 99}, version=1, seconds=5)
    needy = make_task("nap", "needy", {"name": "a", "steps": 1}, needs={"before": deadly}, version=1)
    other = make_task("nap", "other", {"name": "b", "steps": 1}, version=1)
    outcome = execute([deadly, needy, other], store, LocalExecutor(store, 2, WORKER), retries=2)
    assert len(counter.read_text(encoding="utf-8")) == 3
    assert outcome.done == (other.key,)
    assert "SIGKILL" in outcome.failed[deadly.key]
    assert "3 attempts" in outcome.failed[deadly.key]
    assert outcome.left == (needy.key,)
    assert "SIGKILL" in store.failure(deadly.key)


def test_a_task_that_dies_once_is_done(store: Store, tmp_path: Path) -> None:
    seen: list[str] = []
    task = make_task("die", "frail", {"counter": str(tmp_path / "counter"), "times": 1}, version=1)
    outcome = execute(
        [task], store, LocalExecutor(store, 1, WORKER), listen=lambda event: seen.append(event.kind)
    )
    assert outcome.done == (task.key,)
    assert [kind for kind in seen if kind != "tick"] == ["started", "retried", "started", "done"]


@pytest.mark.parametrize(("how", "attempts"), [("build", 1), ("bug", 1), ("full", 1), ("passing", 3)])
def test_only_failures_that_may_pass_are_tried_again(
    store: Store, tmp_path: Path, how: str, attempts: int
) -> None:
    counter = tmp_path / "counter"
    task = make_task("fail", "faulty", {"counter": str(counter), "how": how}, version=1)
    outcome = execute([task], store, LocalExecutor(store, 1, WORKER), retries=2)
    assert len(counter.read_text(encoding="utf-8")) == attempts
    assert ("No space left" if how == "full" else "it did not melt") in outcome.failed[task.key]
    log = store.log_of(task.key).read_text(encoding="utf-8")
    assert "words before the failure" in log
    assert "Traceback" in log
    assert not any(store.runs.iterdir())


def test_what_a_task_prints_goes_to_its_log_alone(store: Store) -> None:
    task = make_task("shout", "loud", {}, version=1)
    outcome = execute([task], store, LocalExecutor(store, 1, WORKER))
    assert outcome.done == (task.key,)
    log = (store.runs / task.key / "log").read_text(encoding="utf-8")
    assert "from a C library" in log
    assert "and an error" in log


@pytest.mark.parametrize("victim", ["record.json", "text"])
@pytest.mark.parametrize("damage", ["truncated", "changed", "missing"])
def test_a_damaged_result_is_made_again(store: Store, victim: str, damage: str) -> None:
    run_naps(store, 2, 1)
    whole = results(store)
    path = min(store.runs.iterdir()) / victim
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        # One letter of the text, or of a file's digest in the record.
        at = content.index(b'"sha256": "') + 12 if victim == "record.json" else 0
        path.write_bytes(content[:at] + (b"0" if content[at : at + 1] != b"0" else b"1") + content[at + 1 :])
    outcome = run_naps(store, 2, 1)
    assert len(outcome.done) == 2
    assert results(store) == whole


def test_a_worker_that_cannot_start_says_why(store: Store) -> None:
    task = make_task("nap", "nap", {"name": "a", "steps": 1}, version=1)
    executor = LocalExecutor(store, 1, (sys.executable, "-c", "raise SystemExit('no such module')"))
    outcome = execute([task], store, executor, retries=0)
    assert "no such module" in outcome.failed[task.key]


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 256 kB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no mount here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_loses_nothing(small_disk: Path) -> None:
    small = Store(small_disk / "study")
    small.prepare()
    run_naps(small, 2, 1)
    done = results(small)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as handle, contextlib.suppress(OSError):
        while True:
            handle.write(bytes(4096))
    outcome = run_naps(small, 4, 1)
    assert len(outcome.done) == 2
    assert len(outcome.failed) == 1
    assert len(outcome.left) == 1
    assert "No space left" in next(iter(outcome.failed.values()))
    assert results(small) == done
    filler.unlink()
    assert len(run_naps(small, 4, 1).done) == 4


def test_a_disk_that_turns_read_only_loses_nothing(small_disk: Path) -> None:
    store = Store(small_disk / "study")
    store.prepare()
    run_naps(store, 2, 1)
    done = results(store)

    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(small_disk)], check=True)

    remount("ro")
    try:
        with pytest.raises(OSError, match="Read-only"):
            run_naps(store, 4, 1)
        assert results(store) == done
    finally:
        remount("rw")
    assert len(run_naps(store, 4, 1).done) == 4


def test_a_clock_that_jumps_changes_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = Store(tmp_path / "calm")
    calm.prepare()
    run_naps(calm, 4, 6, store.folder / "started")
    # In the workers too; and what lies on disk bears times of tomorrow.
    monkeypatch.setenv("ALZMODEL_TEST_JUMP", "1")
    steps = itertools.cycle((1e9, 0.0, 5e9))
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: next(steps))
        events: list[StudyEvent] = []

        def age(event: StudyEvent) -> None:
            events.append(event)
            for path in store.work.rglob("*"):
                with contextlib.suppress(OSError):
                    os.utime(path, (9e9, 9e9))

        outcome = run_naps(store, 4, 6, store.folder / "started", age)
    assert len(outcome.done) == 4
    assert results(store) == results(calm)
    fractions = [event.study_fraction for event in events]
    assert fractions == sorted(fractions)
    assert all(event.seconds_left is None or 0 <= event.seconds_left < 60 for event in events)


def test_progress_rises_and_tells_the_time_left(store: Store) -> None:
    events: list[StudyEvent] = []
    run_naps(store, 4, 12, listen=events.append)
    fractions = [event.study_fraction for event in events]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert events[-1].done == events[-1].total == 4
    assert events[0].seconds_left is None
    halfway = [event.seconds_left for event in events if 0.4 < event.study_fraction < 0.6]
    assert halfway
    assert all(0 < seconds < 10 for seconds in halfway)
    assert events[-1].seconds_left == 0


@pytest.mark.slow
def test_a_stormy_study_ends_like_a_calm_one(store: Store, tmp_path: Path) -> None:
    """Sixty tasks, five kills of workers, two of the driver."""
    generator = random.Random(7)
    started = store.folder / "started"
    count, steps = 60, 8
    driver = start_driver(store, count, steps)
    plan = ["worker", "driver", "worker", "worker", "driver", "worker", "worker"]
    for number, victim in enumerate(plan):
        wait_for(lambda number=number: len(list(store.runs.iterdir())) > 7 * number, 60)
        time.sleep(generator.uniform(0, 0.3))
        if victim == "driver":
            driver.kill()
            driver.communicate()
            driver = start_driver(store, count, steps)
        else:
            wait_for(lambda: any(alive(pid) for pid in workers_in(started)), 60)
            os.kill(generator.choice([pid for pid in workers_in(started) if alive(pid)]), signal.SIGKILL)
    words, errors = driver.communicate(timeout=120)
    assert words.splitlines()[-1] == f"end {count} 0 0", errors
    assert not any(alive(pid) for pid in workers_in(started))
    # Every kill of a worker costs one task an attempt, that of a driver two: nothing that was done was begun again.
    assert count <= len(workers_in(started)) <= count + plan.count("worker") + 2 * plan.count("driver")
    assert len(list(store.runs.iterdir())) == count
    stormy = results(store)
    shutil.rmtree(store.folder)
    store.prepare()
    run_naps(store, count, steps, started)
    assert results(store) == stormy


def test_status_note_of_a_running_study(store: Store) -> None:
    notes: list[dict] = []

    def look(event: StudyEvent) -> None:
        path = store.work / "progress.json"
        if path.exists():
            notes.append(json.loads(path.read_text(encoding="utf-8")))

    thread = threading.Thread(target=run_naps, args=(store, 1, 48), kwargs={"listen": look})
    thread.start()
    thread.join(30)
    assert notes
    assert notes[-1]["running"][0]["label"] == "nap 0"
    assert not (store.work / "progress.json").exists()


def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path: Path) -> None:
    from alzmodel.io import check_output_folder

    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    with pytest.raises(InputError, match="not writable"):
        check_output_folder(folder / "study")
    assert not list(folder.iterdir())
