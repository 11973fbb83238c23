from __future__ import annotations

import json

import pytest

from alzmodel.cli import main
from alzmodel.io import read_frames, read_structure
from alzmodel.models.library import library


def test_models_are_listed_and_written(capsys, tmp_path):
    assert main(["library", "--json"]) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    assert [model["name"] for model in models] == [entry.name for entry in library()]
    entry = models[0]
    target, frames = tmp_path / "one.extxyz", tmp_path / "frames.extxyz"
    assert main(["library", entry["name"], "-o", str(target), "--frames", str(frames), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["provenance"]["formula"] == entry["formula"]
    assert len(read_structure(target)) == entry["n_atoms"]
    assert len(read_frames(frames)) >= 5


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (
            ["x3-annealed-low-Tf-seed99"],
            ["x3-annealed-low-Tf-seed99", "did you mean x3-annealed-low-Tf-seed"],
        ),
        (["-o", "somewhere.extxyz"], ["no model named"]),
        (["x3-annealed-low-Tf-seed1", "-o", "none/somewhere.extxyz"], ["does not exist"]),
    ],
)
def test_bad_requests_end_in_one_line(capsys, words, named):
    assert main(["library", *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert all(word in err for word in named)
