"""The library of finished models: what is put in comes out, and what is not as the index says is refused."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.composition import formula_of, ion_labels
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.models.library import add_model, glasses, library, load_frames, load_model
from alzmodel.models.packing import random_packing

COUNTS = {"Li+": 14, "La3+": 6, "Zr4+": 4, "O2-": 24}


def model(seed: int):
    atoms = random_packing(COUNTS, seed=seed)
    atoms.info["provenance"] = {
        "seed": seed,
        "protocol": {"name": "tiny"},
        "potential": {"name": "du-teter", "provisional": []},
        "formula": formula_of(COUNTS),
        "thermo": {"time_ps": [0.0, 1.0], "temperature": [4200.0, 300.0]},
    }
    return atoms


def test_models_come_back_as_they_were(tmp_path):
    frames = [model(seed) for seed in (2, 3)]
    entry = add_model("one", model(1), frames, la=3.0, li=7.0, folder=tmp_path)
    assert library(tmp_path) == (entry,)
    assert (entry.kind, entry.seed, entry.protocol, entry.n_atoms) == ("glass", 1, "tiny", 48)
    back = load_model(entry, tmp_path)
    assert np.abs(back.positions - model(1).positions).max() <= 0.51e-4
    assert ion_labels(back) == ion_labels(model(1))
    assert back.info["provenance"] == model(1).info["provenance"]
    assert [len(frame) for frame in load_frames(entry, tmp_path)] == [48, 48]
    assert "thermo" not in load_frames(entry, tmp_path)[0].info["provenance"]


def test_a_model_of_the_same_name_takes_the_place_of_the_old_one(tmp_path):
    add_model("b", model(1), [model(1)], la=3.0, li=7.0, folder=tmp_path)
    add_model("a", model(2), [model(2)], la=1.5, li=7.0, folder=tmp_path)
    again = add_model("b", model(3), [model(3)], la=3.0, li=7.0, folder=tmp_path)
    assert [entry.name for entry in library(tmp_path)] == ["a", "b"]
    assert library(tmp_path)[1] == again
    assert np.abs(load_model(again, tmp_path).positions - model(3).positions).max() < 1e-4


def test_other_files_than_the_index_names_are_refused(tmp_path):
    assert library(tmp_path) == ()
    entry = add_model("one", model(1), [model(2)], la=3.0, li=7.0, folder=tmp_path)
    path = tmp_path / "one.extxyz.xz"
    path.write_bytes((tmp_path / "one-300K.extxyz.xz").read_bytes())
    with pytest.raises(AlzmodelError, match="is not the file that the index names"):
        load_model(entry, tmp_path)
    path.unlink()
    with pytest.raises(InputError, match=r"one.extxyz.xz: no such file"):
        load_model(entry, tmp_path)
    (tmp_path / "index.json").write_text("[{}]")
    library.cache_clear()
    with pytest.raises(AlzmodelError, match="no index of models"):
        library(tmp_path)


def test_glasses_of_a_potential_are_found_without_the_glass_ceramic():
    found = glasses("du-teter")
    assert {entry.kind for entry in found} == {"glass"}
    assert {entry.la for entry in found} == {1.5, 3.0, 4.5}
    assert glasses("grimes") == glasses("du-teter", li=6.0) == []


def test_frames_at_other_temperatures_stand_beside_those_at_300_k(tmp_path):
    hot = {873.0: [model(4), model(5)], 573.0: [model(6)]}
    entry = add_model("one", model(1), [model(2)], la=3.0, li=7.0, hot=hot, folder=tmp_path)
    assert library(tmp_path) == (entry,)
    assert [kelvin for kelvin, _ in entry.hot] == [573.0, 873.0]
    assert len(load_frames(entry, tmp_path, temperature=873)) == 2
    back = load_frames(entry, tmp_path, temperature=573.0)[0]
    assert np.abs(back.positions - model(6).positions).max() <= 0.51e-4
    with pytest.raises(InputError, match=r"one: no frames at 400 K; allowed: 300, 573, 873 K"):
        load_frames(entry, tmp_path, temperature=400)
    (tmp_path / "one-573K.extxyz.xz").write_bytes((tmp_path / "one-873K.extxyz.xz").read_bytes())
    with pytest.raises(AlzmodelError, match="is not the file that the index names"):
        load_frames(entry, tmp_path, temperature=573)
