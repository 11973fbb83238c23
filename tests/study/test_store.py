from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from alzmodel.errors import AlzmodelError, InputError
from alzmodel.io import json_text
from alzmodel.study import worker
from alzmodel.study.seal import sealed
from alzmodel.study.stage import StageResult
from alzmodel.study.store import Curve, Store, read_curves, write_curves
from alzmodel.study.tasks import make_task
from alzmodel.study.worker import perform

if TYPE_CHECKING:
    from pathlib import Path

    from alzmodel.study.task import Task


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.prepare()
    return store


def task(name: str = "a") -> Task:
    return make_task("nap", name, {"name": name}, version=1)


def commit(store: Store, one: Task, text: str = "words\n") -> None:
    folder = store.begin(one)
    (folder / "text").write_text(text, encoding="utf-8")
    (folder / "log").write_text("log\n", encoding="utf-8")
    rows = [{"name": "density", "value": np.float64(4.5)}]
    store.commit(
        one, folder, quantities=rows, results={"a": np.arange(3), "b": np.nan}, timing={"wall_seconds": 1.0}
    )


def test_a_result_comes_back_as_it_went(store: Store) -> None:
    commit(store, task())
    record = store.record(task().key, thorough=True)
    assert record.inputs == {"name": "a"}
    assert record.quantities == [{"name": "density", "value": 4.5}]
    assert record.results == {"a": [0, 1, 2], "b": None}
    assert list(record.files) == ["text"]
    assert not list(store.work.iterdir())
    assert sorted(path.name for path in (store.runs / task().key).iterdir()) == [
        "log",
        "record.json",
        "text",
        "timing.json",
    ]


def test_a_result_in_the_making_is_none(store: Store) -> None:
    folder = store.begin(task())
    (folder / "text").write_text("half", encoding="utf-8")
    assert store.record(task().key) is None
    assert store.set_aside(task().key) is None


def test_beginning_again_keeps_the_scratch_folder_only(store: Store) -> None:
    folder = store.begin(task())
    (folder / "scratch").mkdir()
    (folder / "scratch" / "restart").touch()
    (folder / "text").touch()
    (folder / "sub").mkdir()
    assert [path.name for path in store.begin(task()).iterdir()] == ["scratch"]
    assert (folder / "scratch" / "restart").exists()


def test_a_record_of_another_task_is_none(store: Store) -> None:
    commit(store, task())
    (store.runs / task().key).rename(store.runs / task("b").key)
    assert store.record(task("b").key) is None
    assert store.set_aside(task("b").key) == store.damaged / task("b").key
    assert not any(store.runs.iterdir())
    assert (store.damaged / task("b").key / "text").read_text(encoding="utf-8") == "words\n"


def test_the_same_result_twice_stays_and_another_is_refused(store: Store) -> None:
    commit(store, task())
    commit(store, task())
    assert store.record(task().key, thorough=True) is not None
    assert not list(store.work.iterdir())
    (store.runs / task().key / "text").write_text("spoilt", encoding="utf-8")
    with pytest.raises(AlzmodelError, match="cannot be put in place"):
        commit(store, task())


def test_failures_are_kept_until_the_next_attempt(store: Store) -> None:
    store.fail(task(), "it boiled")
    assert store.failure(task().key) == "it boiled"
    assert store.failure(task("b").key) is None
    store.begin(task())
    assert store.failure(task().key) is None


def test_unfinished_work_of_another_plan_goes_and_results_stay(store: Store) -> None:
    commit(store, task("done"))
    for name in ("wanted", "unwanted"):
        store.begin(task(name))
        (store.work / f".{task(name).key}.lock").touch()
    store.forget_all_but({task("wanted").key})
    assert {path.name for path in store.work.iterdir()} == {task("wanted").key, f".{task('wanted').key}.lock"}
    assert store.record(task("done").key) is not None


def test_curves_carry_units_and_the_same_bytes(tmp_path: Path) -> None:
    curves = {"pdf/r": Curve(np.linspace(0, 1, 5), "Å"), "pdf/g/La-O": Curve(np.array([1, np.nan]), "")}
    write_curves(tmp_path / "a.h5", curves)
    write_curves(tmp_path / "b.h5", curves)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    found = read_curves(tmp_path / "a.h5")
    assert set(found) == set(curves)
    for name, curve in curves.items():
        np.testing.assert_array_equal(found[name].values, curve.values)
        assert found[name].unit == curve.unit
    assert set(read_curves(tmp_path / "a.h5", "pdf/g", "none")) == {"pdf/g/La-O"}
    assert set(read_curves(tmp_path / "a.h5", "pdf/r")) == {"pdf/r"}
    with h5py.File(tmp_path / "a.h5") as handle:
        assert handle["pdf/r"].attrs["unit"] == "Å"


def test_a_broken_file_of_curves_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"nothing")
    with pytest.raises(AlzmodelError, match=r"a\.h5"):
        read_curves(tmp_path / "a.h5")


def test_a_quick_look_sees_what_a_reading_sees(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    task = make_task("nap", "nap", {}, version=1)
    assert not store.is_done(task.key)
    folder = store.begin(task)
    (folder / "text").write_text("words", encoding="utf-8")
    # Words that look like the end of a record.
    results = {"files": {"text": {"size": 3}}, "trap": '\n "files": '}
    store.commit(task, folder, quantities=[], results=results, timing={})
    assert store.is_done(task.key)
    record = store.runs / task.key / "record.json"
    whole = record.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-3], b""):
        record.write_bytes(damaged)
        assert not store.is_done(task.key)
        assert store.record(task.key) is None
    record.write_bytes(whole)
    (store.runs / task.key / "text").write_text("word", encoding="utf-8")
    assert not store.is_done(task.key)


@pytest.mark.parametrize("name", ["record.json", "text", "log", "timing.json"])
def test_any_changed_byte_is_noticed(store: Store, name: str) -> None:
    commit(store, task())
    path = store.runs / task().key / name
    whole = path.read_bytes()
    for place in range(len(whole)):
        for other in {whole[place] ^ 1, whole[place] ^ 32}:
            path.write_bytes(whole[:place] + bytes([other]) + whole[place + 1 :])
            assert store.record(task().key, thorough=True) is None, (place, other)
    for changed in (whole[:-1], whole + b"\n", b" " + whole, b""):
        path.write_bytes(changed)
        assert store.record(task().key, thorough=True) is None, changed
    path.write_bytes(whole)
    assert store.record(task().key, thorough=True) is not None


def test_a_changed_record_is_noticed_at_a_glance_too(store: Store) -> None:
    commit(store, task())
    path = store.runs / task().key / "record.json"
    path.write_text(path.read_text(encoding="utf-8").replace("4.5", "4.6"), encoding="utf-8")
    assert not store.is_done(task().key)
    assert store.record(task().key) is None


@pytest.mark.parametrize("text", ["[" * 200_000, "[1]", "\0" * 100, ""])
def test_a_record_that_is_none_is_noticed(store: Store, text: str) -> None:
    commit(store, task())
    folder = store.runs / task().key
    for name in ("timing.json", "record.json"):
        (folder / name).write_text(text, encoding="utf-8")
        assert store.record(task().key, thorough=True) is None
    assert not store.is_done(task().key)
    store.fail(task(), "a reason")
    (store.work / task().key / "failure.json").write_text(text, encoding="utf-8")
    assert store.failure(task().key) is None


def test_a_log_that_was_removed_costs_nothing(store: Store) -> None:
    commit(store, task())
    for name in ("log", "timing.json"):
        (store.runs / task().key / name).unlink()
        assert store.record(task().key, thorough=True) is not None


def as_the_first_format(store: Store, one: Task) -> None:
    """Write a record as versions before did: no number of the format, no checksum of itself."""
    folder = store.runs / one.key
    values = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    del values["format"], values["sha256"]
    lines = (f' "{name}": {json_text(value)}' for name, value in values.items())
    (folder / "record.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    (folder / "timing.json").write_text('{"wall_seconds": 1.0}\n', encoding="utf-8")


def test_records_of_the_first_format_stay_readable(store: Store) -> None:
    commit(store, task())
    new = store.record(task().key, thorough=True)
    as_the_first_format(store, task())
    assert store.record(task().key, thorough=True) == new
    assert store.is_done(task().key)
    (store.runs / task().key / "text").write_text("wordz\n", encoding="utf-8")
    assert store.record(task().key, thorough=True) is None


def test_records_of_a_newer_format_are_refused_and_stay(store: Store) -> None:
    commit(store, task())
    path = store.runs / task().key / "record.json"
    values = json.loads(path.read_bytes())
    del values["sha256"]
    path.write_bytes(sealed(values | {"format": 3}))
    with pytest.raises(InputError, match=r"record\.json: of format 3; allowed: up to 2, or a newer version"):
        store.record(task().key)
    # The same number without the checksum that belongs to it is damage.
    path.write_bytes(path.read_bytes().replace(b'"format": 3', b'"format": 4'))
    assert store.record(task().key) is None


def test_names_of_files_do_not_lead_out_of_the_folder(store: Store) -> None:
    commit(store, task())
    (store.runs / "text").write_text("words\n", encoding="utf-8")
    path = store.runs / task().key / "record.json"
    as_the_first_format(store, task())
    path.write_text(path.read_text(encoding="utf-8").replace('"text"', '"../text"'), encoding="utf-8")
    assert store.record(task().key, thorough=True) is None
    assert not store.is_done(task().key)


def test_what_is_set_aside_keeps_what_was_set_aside_before(store: Store) -> None:
    store.damaged.mkdir()
    # A file of a user, and an empty folder, over which a system would rename.
    (store.damaged / f"{task().key}-3").write_text("theirs", encoding="utf-8")
    (store.damaged / f"{task().key}-4").mkdir()
    for number, name in enumerate(("", "-2", "-5")):
        commit(store, task(), f"words {number}")
        assert store.set_aside(task().key) == store.damaged / f"{task().key}{name}"
    texts = sorted(path.read_text(encoding="utf-8") for path in store.damaged.glob("*/text"))
    assert texts == ["words 0", "words 1", "words 2"]
    assert (store.damaged / f"{task().key}-3").read_text(encoding="utf-8") == "theirs"
    assert not list((store.damaged / f"{task().key}-4").iterdir())


def test_curves_on_a_full_disk_are_told_in_the_words_of_the_system(tmp_path: Path) -> None:
    # A device that is always full.
    (tmp_path / "curves.h5").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_curves(tmp_path / "curves.h5", {"a": Curve(np.zeros(10), "")})
    assert caught.value.errno == errno.ENOSPC


def test_a_worker_without_locks_does_its_task(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    perform(task(), store, lambda _: StageResult([], {}), lambda *_: None)
    assert store.record(task().key, thorough=True) is not None
    assert not list(store.work.iterdir())
    held = store.work / f".{task('b').key}.lock.held"
    held.write_text("process 1 on another-machine", encoding="utf-8")
    monkeypatch.setattr(worker, "SECONDS_FOR_PREDECESSOR", 0.1)
    with pytest.raises(AlzmodelError, match=r"still at work there .*no locks"):
        perform(task("b"), store, lambda _: StageResult([], {}), lambda *_: None)
