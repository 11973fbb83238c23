from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from alzmodel.errors import AlzmodelError
from alzmodel.study.store import Curve, Store, read_curves, write_curves
from alzmodel.study.tasks import Task, make_task

if TYPE_CHECKING:
    from pathlib import Path


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
    assert not store.remove_damaged(task().key)


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
    assert store.remove_damaged(task("b").key)
    assert not any(store.runs.iterdir())


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
