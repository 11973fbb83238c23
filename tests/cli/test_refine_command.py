from __future__ import annotations

import json

import pytest
from ase.build import bulk

from alzmodel.cli import main
from alzmodel.crystals import crystal
from alzmodel.io import read_frames, read_structure, write_structure


@pytest.fixture
def metal(tmp_path):
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    write_structure(atoms, tmp_path / "metal.extxyz")
    return tmp_path / "metal.extxyz"


def run(capsys, *words):
    code = main(["refine", *(str(word) for word in words)])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def test_json_has_the_fixed_keys_and_the_model_is_written(capsys, metal, tmp_path):
    target, trail = tmp_path / "out.extxyz", tmp_path / "trail.extxyz"
    words = (metal, "--calculator", "emt", "-o", target, "--json")
    code, out, _ = run(capsys, *words, "--trajectory", trail)
    summary = json.loads(out)
    assert code == 0
    assert summary["energy_after"] < summary["energy_before"]
    assert summary["fmax"] <= 0.05
    assert summary["steps"] > 0
    assert summary["converged"] is True
    assert summary["calculator"]["versions"]["ase"]
    assert read_structure(target).info["provenance"] == summary["provenance"]
    frames = read_frames(trail)
    assert len(frames) == summary["steps"] + 1
    assert frames[-1].info["energy_eV"] == pytest.approx(summary["energy_after"])
    # Nothing but the results is left, and the same command computes nothing again.
    assert {path.name for path in tmp_path.iterdir()} == {"metal.extxyz", "out.extxyz", "trail.extxyz"}
    code, out, err = run(capsys, *words)
    assert code == 0
    assert json.loads(out) == summary
    assert "holds this relaxation already" in err
    code, out, err = run(capsys, *words, "--fmax", "0.001")
    assert json.loads(out)["fmax"] <= 0.001


def test_steps_that_run_out_end_in_1_with_the_model_written(capsys, metal, tmp_path):
    target = tmp_path / "out.extxyz"
    words = (metal, "--calculator", "emt", "-o", target, "--json")
    code, out, err = run(capsys, *words, "--steps", "2")
    assert code == 1
    assert json.loads(out)["converged"] is False
    assert json.loads(out)["steps"] == 2
    assert read_structure(target).info["provenance"]["converged"] is False
    assert "2 steps left" in err
    assert "more --steps goes on from" in err
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert json.loads(out)["converged"] is True
    assert {path.name for path in tmp_path.iterdir()} == {"metal.extxyz", "out.extxyz"}


def test_several_models_go_into_a_folder(capsys, metal, tmp_path):
    other = tmp_path / "other.extxyz"
    atoms = read_structure(metal)
    atoms.rattle(0.05, seed=3)
    write_structure(atoms, other)
    code, out, _ = run(capsys, metal, other, "--calculator", "emt", "-o", tmp_path / "refined", "--json")
    assert code == 0
    assert [summary["formula"] for summary in json.loads(out)] == ["Cu4", "Cu4"]
    assert sorted(path.name for path in (tmp_path / "refined").iterdir()) == ["metal.extxyz", "other.extxyz"]


def test_dry_run_times_one_step_and_writes_nothing(capsys, metal, tmp_path):
    code, out, _ = run(
        capsys, metal, "--calculator", "emt", "-o", tmp_path / "out.extxyz", "--dry-run", "--json"
    )
    (plan,) = json.loads(out)
    assert code == 0
    assert plan["n_atoms"] == 4
    assert plan["seconds_at_most"] == pytest.approx(500 * plan["seconds_a_step"])
    assert not (tmp_path / "out.extxyz").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--calculator", "bogus"], ["bogus", "7net-mf-0"]),
        (["--calculator", "emt", "--fmax", "-1"], ["fmax", "-1", "allowed"]),
        (["--calculator", "emt", "--fmax", "soft"], ["soft"]),
        (["--calculator", "emt", "--cell", "cubic"], ["cubic", "iso"]),
        (["--calculator", "emt", "--parameters", "{"], ["--parameters", "JSON"]),
        (["--calculator", "emt", "--parameters", "[" * 100_000], ["--parameters", "JSON"]),
        (["--calculator", "emt", "--parameters", "[1]"], ["--parameters", "object"]),
        (["--calculator", "du-teter"], ["metal.extxyz", "Cu"]),
        ([], ["--calculator"]),
    ],
)
def test_bad_requests_end_in_one_line(capsys, metal, tmp_path, words, named):
    code, out, err = run(capsys, metal, *words, "-o", tmp_path / "out.extxyz")
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    for text in named:
        assert text in err
    assert {path.name for path in tmp_path.iterdir()} == {"metal.extxyz"}


def test_no_file_is_lost(capsys, metal, tmp_path):
    other, stood = tmp_path / "other.extxyz", metal.read_bytes()
    write_structure(bulk("Cu", cubic=True), other)
    words = (metal, "--calculator", "emt")
    for more, named in (
        (("-o", metal), ["metal.extxyz", "is one of the models"]),
        (("-o", other), ["other.extxyz", "exists, and holds something else"]),
        (("-o", tmp_path / "out.extxyz", "--trajectory", tmp_path / "out.extxyz"), ["is the refined model"]),
        (("-o", tmp_path / "out.extxyz", "--trajectory", metal), ["is one of the models"]),
    ):
        code, out, err = run(capsys, *words, *more)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert all(text in err for text in named)
    assert run(capsys, *words, "-o", tmp_path / "out.extxyz")[0] == 0
    code, _, err = run(capsys, *words, "-o", tmp_path / "out.extxyz", "--cell", "fixed")
    assert code == 2
    assert "exists, and holds something else" in err
    assert metal.read_bytes() == stood


def test_frames_clusters_and_places_are_checked_first(capsys, metal, tmp_path):
    several, sphere = tmp_path / "several.extxyz", tmp_path / "sphere.extxyz"
    write_structure(crystal("MgO"), tmp_path / "oxide.extxyz")
    write_structure([read_structure(metal)] * 3, several)
    free = crystal("MgO")
    free.pbc = False
    write_structure(free, sphere)
    for models, output, named in (
        ([several], "out.extxyz", ["several.extxyz", "3 frames"]),
        ([sphere], "out.extxyz", ["sphere.extxyz", "pbc", "periodic in three"]),
        ([metal], "none/out.extxyz", ["none", "does not exist"]),
        ([metal, sphere], "-", ["-o -", "folder"]),
        ([metal, metal], "refined", ["'metal'", "allowed"]),
        ([tmp_path / "missing.extxyz"], "out.extxyz", ["missing.extxyz", "no such file"]),
        ([tmp_path / "oxide.extxyz"], "out.extxyz", ["emt cannot compute this model", "Mg"]),
    ):
        target = output if output == "-" else tmp_path / output
        code, out, err = run(capsys, *models, "--calculator", "emt", "-o", target)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        for text in named:
            assert text in err
    assert not list(tmp_path.glob("out.extxyz*"))


def test_long_work_is_told_before_it_begins_and_done_work_is_not(capsys, metal, tmp_path, monkeypatch):
    monkeypatch.setattr("alzmodel.limits.LONG", 0.0)
    words = (metal, "--calculator", "emt", "-o", tmp_path / "out.extxyz", "--steps", "300")
    _, _, err = run(capsys, *words)
    assert err.startswith("alzmodel: 4 atoms, up to 300 steps: about ")
    _, _, err = run(capsys, *words)
    assert "about" not in err
