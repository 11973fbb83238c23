"""``alzmodel xrd``: instrument, specimen, film, comparison and fits from the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.crystals import crystal, nanocrystal
from alzmodel.io import write_structure

RANGE = ("--range", 20, 60, 0.05)


def run(capsys, *words):
    code = main([str(word) for word in words])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def pattern_of(capsys, *words):
    code, out, err = run(capsys, "xrd", *words, *RANGE, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_structure(nanocrystal("La2Zr2O7", 40.0), folder / "sphere.extxyz")
    write_structure(crystal("La2Zr2O7"), folder / "crystal.extxyz")
    return folder


def test_instrument(capsys, folder):
    file = folder / "sphere.extxyz"
    plain = np.array(pattern_of(capsys, file)["intensity"])
    wide = np.array(pattern_of(capsys, file, "--fwhm", 1.0)["intensity"])
    caglioti = np.array(pattern_of(capsys, file, "--fwhm", "0,0,1")["intensity"])
    assert wide.max() < 0.95 * plain.max()
    assert caglioti == pytest.approx(wide)
    some = np.array(pattern_of(capsys, file, "--b-iso", "La=0.5,O=1")["intensity"])
    assert some.max() < plain.max()
    straight = np.array(pattern_of(capsys, file, "--polarization", "none")["intensity"])
    angle = np.radians(np.linspace(20, 60, 801))
    assert plain / straight == pytest.approx((1 + np.cos(angle) ** 2) / 2)
    mono = np.array(pattern_of(capsys, file, "--polarization", "26.6")["intensity"])
    assert not np.allclose(mono, plain)


def test_film_of_several_phases(capsys, folder):
    result = pattern_of(
        capsys,
        folder / "sphere.extxyz",
        *("--phase", "Li2CO3=0.2", "--phase", "MgO:100=0.1", "--fwhm", 0.2),
        *("--substrate", "MgO:200=0.5", "--background", "0.1"),
        *("--incidence", 1, "--film-thickness", 11000, "--refraction"),
        *("--beam-height", 0.2, "--specimen-length", 5),
    )
    assert result["film"]["footprint"] == pytest.approx(0.436, abs=0.001)
    assert 0.27 < result["film"]["critical_angle"] < 0.29  # 0.33 of La2Zr2O7 alone
    names = {peak["hkl"] for peak in result["peaks"]}
    assert any(name and name.startswith("Li2CO3") for name in names)
    assert {"model 222", "MgO 200"} <= names
    assert len(result["two_theta"]) == 801


def test_whole_pattern_fit_of_a_film_made_here(capsys, folder, tmp_path):
    film = ("--incidence", 1, "--film-thickness", 11000, "--refraction", "--density", 5.0)
    made = pattern_of(
        capsys,
        folder / "sphere.extxyz",
        *("--phase", "MgO:120=0.3", "--substrate", "La2Zr2O7:111=0", "--background", "0.2,0.1", *film),
    )
    data = np.transpose([made["two_theta"], 7 * np.array(made["intensity"])])
    np.savetxt(tmp_path / "film.xy", data)
    words = ("--phase", "MgO:80", "--fit", "--against", tmp_path / "film.xy", "--figure", tmp_path / "f.csv")
    result = pattern_of(capsys, folder / "sphere.extxyz", *words, *film, "--degree", 1)
    model, oxide = result["fit"]["phases"]
    assert model["label"] == "model"
    assert oxide["weight"] == pytest.approx(0.3, abs=0.01)
    assert oxide["size_sphere"] == pytest.approx(120, rel=0.03)
    assert oxide["lattice_parameters"][0] == pytest.approx(4.211, abs=0.002)
    assert result["against"]["rwp"] == result["fit"]["rwp"] < 0.01
    heading = (tmp_path / "f.csv").read_text().splitlines()[0]
    assert heading == "2θ (°),observed,calculated,background,residual,model,MgO"
    code, out, _ = run(capsys, "xrd", folder / "sphere.extxyz", *words, *RANGE)
    assert code == 0
    assert "whole-pattern fit" in out


def test_single_lines_of_model_and_measurement(capsys, folder, tmp_path):
    pattern = pattern_of(capsys, folder / "sphere.extxyz")
    np.savetxt(tmp_path / "own.xy", np.transpose([pattern["two_theta"], pattern["intensity"]]))
    words = ("--line", 28.6, "--line-width", 2.5, "--against", tmp_path / "own.xy")
    for shape in ("gaussian", "lorentzian", "pseudo-voigt", "pearson7"):
        ours, measured = pattern_of(capsys, folder / "sphere.extxyz", *words, "--line-shape", shape)["lines"]
        assert ours["two_theta"] == pytest.approx(measured["two_theta"], abs=1e-6)
        assert ours["shape"] == shape
        assert ours["size_scherrer"] == pytest.approx(ours["size_sphere"] * 0.9 / 1.107)
        assert 30 < ours["size_sphere"] < 55
    assert "fits of single lines" in run(capsys, "xrd", folder / "sphere.extxyz", *RANGE, *words)[1]


def test_superstructure_of_model_and_measurement(capsys, folder, tmp_path):
    file = folder / "crystal.extxyz"
    words = ("xrd", file, "--range", 12, 55, 0.1, "--fwhm", 0.4)
    pattern = json.loads(run(capsys, *words, "--json")[1])
    np.savetxt(tmp_path / "own.xy", np.transpose([pattern["two_theta"], pattern["intensity"]]))
    words = (*words, "--superstructure", "--against", tmp_path / "own.xy")
    result = json.loads(run(capsys, *words, "--json")[1])["superstructure"]
    assert [line["label"] for line in result["model"]] == ["111", "331"]
    for ours, measured in zip(result["model"], result["measured"], strict=True):
        assert ours["order"] == pytest.approx(1, abs=0.06)
        assert measured["ratio"] == pytest.approx(ours["ratio"], rel=1e-3)


def test_steps_that_miss_lines_are_told(capsys, folder):
    words = ("xrd", folder / "crystal.extxyz", "--json")
    assert "miss lines 0.1° wide" in run(capsys, *words, "--range", "20", "40", "0.2")[2]
    assert "miss" not in run(capsys, *words, "--range", "20", "40", "0.2", "--fwhm", "0.5")[2]
    assert "miss" not in run(capsys, *words, "--range", "20", "40", "0.02")[2]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--phase", "NaCl=0.1"], ["NaCl", "La2Zr2O7"]),
        (["--phase", "MgO"], ["MgO", "no share"]),
        (["--phase", "MgO:2=0.1"], ["MgO:2=0.1", "5 to 1000"]),
        (["--phase", "MgO=1.5"], ["1.5"]),
        (["--phase", "MgO=0.6", "--phase", "Li2CO3=0.6"], ["1.2"]),
        (["--fwhm", "wide"], ["--fwhm wide"]),
        (["--fwhm", "1,2"], ["--fwhm 1,2"]),
        (["--b-iso", "La="], ["--b-iso La="]),
        (["--b-iso", "La=0.3,la=0.3"], ["--b-iso: 'la'", "La, O, Zr"]),
        (["--polarization", "sideways"], ["sideways"]),
        (["--background", "a"], ["--background a"]),
        (["--substrate", "MgO=0.5"], ["--substrate MgO=0.5", "MgO:200"]),
        (["--substrate", "MgO:200=-1"], ["-1"]),
        (["--film-thickness", "100"], ["--film-thickness", "--incidence"]),
        (["--incidence", "1", "--beam-height", "0.2"], ["--specimen-length"]),
        (["--incidence", "30"], ["30", "allowed: from 30.5"]),
        (["--fit"], ["--fit", "--against"]),
        (["--fit-zero"], ["--fit-zero", "--fit"]),
        (["--fit", "--against", "{data}", "--phase", "MgO=0.1"], ["MgO=0.1", "fitted"]),
        (["--fit", "--against", "{data}", "--phase", "MgO", "--phase", "MgO"], ["MgO, MgO", "each once"]),
        (["--fit", "--against", "{data}", "--background", "0.1"], ["--degree"]),
        (["--fit", "--against", "{data}", "--window", "30", "30.1"], ["points"]),
        (["--against", "{data}", "--degree", "40"], ["degree 40"]),
        (["--line", "19"], ["19"]),
        (["--line-shape", "box"], ["box", "pearson7"]),
        (["--incidence", "1", "--density", "90"], ["density: 90"]),
    ],
)
def test_bad_input_ends_in_one_line(capsys, folder, tmp_path, words, named):
    np.savetxt(tmp_path / "data.xy", np.transpose([np.arange(20, 60, 0.1), np.arange(20, 60, 0.1)]))
    words = [word.format(data=tmp_path / "data.xy") for word in words]
    code, out, err = run(capsys, "xrd", folder / "sphere.extxyz", *RANGE, *words)
    assert code == 2
    assert out == ""
    for words_of_it in named:
        assert words_of_it in err.splitlines()[-1]


def test_between_the_lines_of_a_crystal_there_is_nothing(capsys, tmp_path):
    """Rounding leaves 1e-26 of a forbidden 211 of silicon: alone in a range, it was read as a line."""
    from ase.build import bulk

    path = tmp_path / "si.extxyz"
    silicon = bulk("Si", "diamond", a=5.43123, cubic=True)
    silicon.positions -= 1e-16 * silicon.positions
    write_structure(silicon, path)
    code, out, words = run(
        capsys, "xrd", path, "--range", 33, 47, 0.02, "--line", 40, "--line-width", 1, "--json"
    )
    assert code == 0
    assert "no line stands out of the model pattern between 39 and 41°" in words
    result = json.loads(out)
    assert result["peaks"] == []
    assert max(result["intensity"]) == 0
    assert result["lines"][0]["two_theta"] is None
