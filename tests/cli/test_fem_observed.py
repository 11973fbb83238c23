"""``alzmodel fem --observed`` through the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms

from alzmodel.cli import main
from alzmodel.cli.fem_observed import print_observed
from alzmodel.crystals import crystal
from alzmodel.formats.notes import ReadingNote
from alzmodel.io import write_structure

SMALL = ("--columns", "1", "--thickness", "10")


def run(capsys, *words):
    code = main([str(word) for word in words])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(5)
    gas = Atoms("La40Zr40O140", rng.random((220, 3)) * 14.0, cell=[14.0] * 3, pbc=True)
    hot = gas.copy()
    hot.rattle(0.1, seed=1)
    for frame in (gas, hot):
        frame.info["provenance"] = {"protocol": {"final_temperature": 300.0}}
    write_structure(gas, folder / "gas.extxyz")
    write_structure([gas, hot], folder / "frames.extxyz")
    other = hot[::-1]
    write_structure([gas, other], folder / "other.extxyz")
    np.save(folder / "stack.npy", rng.poisson(100, (4, 4, 32, 32)).astype(np.float32))
    return folder


def test_observed_stands_beside_the_coherent_variance(capsys, folder, tmp_path):
    code, out, err = run(
        capsys, "fem", folder / "frames.extxyz", *SMALL, "--observed", "--film", "300", "--membrane", "100",
        "--background", "0.3", "--modes", "2", "--temperature", "573", "--json", "--plot", tmp_path / "v.csv",
    )  # fmt: skip
    assert code == 0, err
    result = json.loads(out)
    observed = result["observed"]
    assert observed["predicted"]["film"] == 300
    assert observed["predicted"]["thermal"] is True
    assert observed["nuisance"]["background"] == 0.3
    assert set(observed["parts"]) >= {"coherent", "thermal", "membrane", "modes", "background"}
    assert len(observed["variance"]) == len(result["k"]) == len(observed["mean_intensity"])
    assert max(observed["variance"]) < max(result["variance"]["omega"])
    assert "motion scaled by 1.38 to 573 K" in err
    assert "V recorded" in (tmp_path / "v.csv").read_text(encoding="utf-8")


@pytest.mark.slow
def test_readings_are_laid_side_by_side(capsys, folder):
    code, out, err = run(
        capsys, "fem", folder / "gas.extxyz", "--columns", "1", "--thickness", "25", "--observed", "--decide",
        "--cluster-diameter", "15", "--json",
    )  # fmt: skip
    assert code == 0, err
    deciding = json.loads(out)["observed"]["deciding"]
    assert [one["reading"] for one in deciding["expected"]] == ["bonds", "reflections", "halo", "spread"]
    assert deciding["sampling"]["k5.3_fwhm"] > 0


def test_side_by_side_takes_one_model(capsys, folder):
    code, _, err = run(capsys, "fem", folder / "gas.extxyz", folder / "gas.extxyz", "--observed", "--decide")
    assert code == 2
    assert "--decide: 2 models; allowed: one" in err


def test_a_table_tells_predicted_from_nuisance(capsys):
    observed = {
        "predicted": {"film": 300.0, "filtered": True},
        "nuisance": {"background": 0.3},
        "peaks": [],
        "peaks_note": "rings from 3 to 5 nm⁻¹",
    }
    with pytest.warns(ReadingNote) as told:
        print_observed(observed)
    words = [str(one.message) for one in told]
    caught = capsys.readouterr()
    rows = [line.split() for line in caught.out.splitlines()]
    assert any({"predicted", "film", "300"} <= set(row) for row in rows)
    assert any({"nuisance", "background", "0.3"} <= set(row) for row in rows)
    assert words == ["rings from 3 to 5 nm⁻¹", "no peak of the recorded V is significant by the F-test"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["{gas}", "--film", "300"], ["--film 300", "--observed"]),
        (["{gas}", "--modes", "2"], ["--modes 2", "--observed"]),
        (["{gas}", "--observed", "--modes", "0.5"], ["modes: 0.5", "1 to"]),
        (["{gas}", "--observed", "--background=-1"], ["background: -1"]),
        (["{gas}", "--observed", "--film", "1"], ["film: 1", "5 to"]),
        (["{gas}", "--observed", "--cap", "50"], ["--cap 50", "--membrane"]),
        (["{gas}", "--cap", "-3"], ["--cap -3", "5 to 1000"]),
        (["{gas}", "--cap", "nan"], ["--cap nan", "5 to 1000"]),
        (["{gas}", "--observed", "--only", "La"], ["--only La"]),
        (["{gas}", "--observed", "--readings"], ["--readings"]),
        (["{gas}", "--observed", "--temperature", "573"], ["--temperature 573", "several frames"]),
        (["{gas}", "--observed", "--temperature", "0"], ["--temperature 0", "3000 K"]),
        (["{gas}", "--observed", "--engine", "multislice"], ["multislice", "--observed"]),
        (["{other}", "--observed"], ["other.extxyz", "the same atoms in the same order"]),
        (["{stack}", "--pixel-size", "0.3", "--observed"], ["--observed", "recorded already"]),
        (["{stack}", "--pixel-size", "0.3", "--film", "100"], ["--film", "recorded already"]),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_in_one_line(capsys, folder, words, named):
    files = {"gas": folder / "gas.extxyz", "other": folder / "other.extxyz", "stack": folder / "stack.npy"}
    code, out, err = run(capsys, "fem", *(word.format(**files) for word in words))
    assert code == 2
    assert out == ""
    last = err.strip().splitlines()[-1]
    for part in named:
        assert part in last


def test_rings_that_end_before_the_fit_give_the_variance_and_a_word(capsys, folder):
    # Sixteen pixels of 0.3 nm⁻¹ end at 4.8 nm⁻¹.
    code, out, err = run(
        capsys, "fem", folder / "stack.npy", "--pixel-size", "0.3", "--ring-width", "0.3", "--json"
    )
    assert code == 0, err
    result = json.loads(out)
    assert len(result["k"]) > 3
    assert result["peaks"] == []
    assert "the fit 'four' was left out" in err


def test_a_file_of_measured_peaks_is_looked_at_before_the_work(tmp_path, capsys):
    write_structure(crystal("MgO"), tmp_path / "m.extxyz")
    words = ["fem", str(tmp_path / "m.extxyz"), "--measured", str(tmp_path / "none.toml")]
    assert main([*words, "--plot", str(tmp_path / "p.png")]) == 2
    assert "none.toml: cannot be read" in capsys.readouterr().err
    assert main(words) == 2
    assert "without --plot; allowed: with it" in capsys.readouterr().err
