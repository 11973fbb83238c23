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
        *("--phase", "Li2CO3=0.2", "--phase", "MgO:100=0.1"),
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
        (["--polarization", "sideways"], ["sideways"]),
        (["--background", "a"], ["--background a"]),
        (["--substrate", "MgO=0.5"], ["--substrate MgO=0.5", "MgO:200"]),
        (["--substrate", "MgO:200=-1"], ["-1"]),
        (["--film-thickness", "100"], ["--film-thickness", "--incidence"]),
        (["--incidence", "1", "--beam-height", "0.2"], ["--specimen-length"]),
        (["--incidence", "30"], ["30", "allowed: from 30.5"]),
        (["--incidence", "1", "--density", "90"], ["density: 90"]),
    ],
)
def test_bad_input_ends_in_one_line(capsys, folder, words, named):
    code, out, err = run(capsys, "xrd", folder / "sphere.extxyz", *RANGE, *words)
    assert code == 2
    assert out == ""
    for words_of_it in named:
        assert words_of_it in err.splitlines()[-1]
