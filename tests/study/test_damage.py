"""Results that were changed on disk are kept aside and made again; failures are told in whole."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from alzmodel.errors import InputError
from alzmodel.study.executors import LocalExecutor
from alzmodel.study.index import collect_records
from alzmodel.study.scheduler import StudyEvent, execute
from alzmodel.study.store import Store
from alzmodel.study.tasks import make_task

from .fault_driver import WORKER, naps
from .test_faults import results, run_naps
from .test_store import as_the_first_format, commit, task

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "study")
    store.prepare()
    return store


@pytest.mark.parametrize("victim", ["record.json", "text", "log", "timing.json"])
def test_a_changed_result_is_kept_aside_and_made_again(store: Store, victim: str) -> None:
    run_naps(store, 2, 1)
    whole = results(store)
    path = min(store.runs.iterdir()) / victim
    content = path.read_bytes()
    changed = content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]
    path.write_bytes(changed)
    events: list[StudyEvent] = []
    outcome = run_naps(store, 2, 1, listen=events.append)
    assert len(outcome.done) == 2
    assert results(store) == whole
    (kept,) = store.damaged.iterdir()
    assert (kept / victim).read_bytes() == changed
    told = [event for event in events if event.kind == "damaged"]
    assert [event.message for event in told] == [f"was changed on disk; it is in {kept} and is made again"]
    # The other one was not made again.
    assert [event.kind for event in events].count("started") == 1
    run_naps(store, 2, 1)
    assert len(list(store.damaged.iterdir())) == 1


def test_results_of_the_first_format_are_not_made_again(store: Store) -> None:
    tasks = naps(2, 1)
    run_naps(store, 2, 1)
    for one in tasks:
        as_the_first_format(store, one)
    before = results(store)
    kinds: list[str] = []
    outcome = run_naps(store, 2, 1, listen=lambda event: kinds.append(event.kind))
    assert len(outcome.done) == 2
    assert "started" not in kinds
    assert results(store) == before
    assert not store.damaged.exists()


def test_a_look_at_a_changed_result_is_refused(store: Store) -> None:
    commit(store, task())
    assert len(collect_records([task(), task("b")], store, thorough=True)) == 1
    (store.runs / task().key / "text").write_text("wordz\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"{task().key}: was changed on disk; allowed: 'alzmodel run' again"):
        collect_records([task(), task("b")], store, thorough=True)


def test_a_full_disk_names_the_folder(store: Store, tmp_path: Path) -> None:
    full = make_task("fail", "faulty", {"counter": str(tmp_path / "counter"), "how": "full"}, version=1)
    outcome = execute([full], store, LocalExecutor(store, 1, WORKER), retries=2)
    assert outcome.failed[full.key] == f"{store.folder}: No space left on device"


def test_the_last_line_of_a_failed_process_is_told_whole(store: Store) -> None:
    words = "no module of this name: " + "x" * 2000
    nap = make_task("nap", "nap", {"name": "a", "steps": 1}, version=1)
    code = f"def f():\n    raise ImportError({words!r})\nf()"
    outcome = execute([nap], store, LocalExecutor(store, 1, (sys.executable, "-c", code)), retries=0)
    assert outcome.failed[nap.key] == f"its process ended with exit code 1: ImportError: {words}"
