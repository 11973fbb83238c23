"""``alzmodel vibrations`` and ``raman`` from the command line."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.crystals import crystal
from alzmodel.dynamics.harmonic import harmonic
from alzmodel.dynamics.velocities import CM_PS
from alzmodel.io import write_structure
from tests.dynamics.models import lithia, pyrochlore


@pytest.fixture(scope="module", autouse=True)
def no_names():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "phonopy", None)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("minima")
    write_structure(lithia(), folder / "lithia.extxyz")
    write_structure(pyrochlore(), folder / "pyrochlore.extxyz")
    write_structure(crystal("La2Zr2O7"), folder / "measured.extxyz")
    write_structure([lithia(), lithia()], folder / "frames.extxyz")
    (folder / "film.dat").write_text(
        "".join(f"{shift} 1.0\n" for shift in range(100, 800, 8)), encoding="utf-8"
    )
    return folder


def run(capsys, *words):
    code = main([str(word) for word in words])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def test_vibrations_as_json(capsys, folder):
    code, out, err = run(
        capsys, "vibrations", folder / "lithia.extxyz", "--json", "--figure", folder / "d.png"
    )
    assert code == 0, err
    result = json.loads(out)
    density = result["vdos"]
    assert np.trapezoid(density["total"], density["grid"]) == pytest.approx(36, rel=1e-6)
    assert set(density["by_element"]) == {"Li", "O"}
    assert [mode["raman"] for mode in result["modes"]] == [False, True]
    assert result["imaginary"] == []
    assert result["method"] == "dense"
    assert (folder / "d.png").stat().st_size > 1000


def test_one_frame_of_several(capsys, folder):
    results = [
        json.loads(run(capsys, "vibrations", folder / name, *words, "--json")[1])["vdos"]["total"]
        for name, words in (("lithia.extxyz", ()), ("frames.extxyz", ("--frames", "last")))
    ]
    np.testing.assert_allclose(*results)


def test_several_files_give_mean_and_spread(capsys, folder):
    code, out, err = run(
        *(capsys, "vibrations", folder / "lithia.extxyz", folder / "lithia.extxyz", "--json"),
    )
    assert code == 0, err
    result = json.loads(out)
    assert result["n_models"] == 2
    assert np.max(result["vdos"]["total_std"]) == 0


def test_calibration(capsys, folder):
    code, out, err = run(
        capsys, "vibrations", folder / "lithia.extxyz", "--calibrate", "--json", "--no-units"
    )
    assert code == 0, err
    found = json.loads(out)["calibration"]
    assert found["stretch_stiffness"] == pytest.approx(1.125, abs=0.01)
    assert [one["phase"] for one in found["phases"]] == ["La2Zr2O7", "La2O3"]


def test_vibrations_as_tables(capsys, folder):
    code, out, err = run(
        capsys, "vibrations", folder / "lithia.extxyz", "--mass", "Li=6.015", "--coulomb", "dsf"
    )
    assert code == 0, err
    assert "modes at Γ of the primitive cell" in out
    assert "closed form, dsf" in out


def test_a_trajectory_is_laid_beside(capsys, folder):
    """Harmonic motion of equal energy in every mode: its velocities have the harmonic density."""
    atoms = lithia()
    modes = harmonic(atoms).spectra
    times = 0.02 * np.arange(400)
    real = modes.frequencies > 10
    phases = np.random.default_rng(1).uniform(0, 2 * np.pi, real.sum())
    swing = np.cos(2 * np.pi * CM_PS * np.outer(times, modes.frequencies[real]) + phases)
    weighted = (swing @ modes.vectors[:, real].T).reshape(len(times), -1, 3)
    frames = []
    for one in 0.01 * weighted / np.sqrt(atoms.get_masses())[:, None]:
        frame = atoms.copy()
        frame.set_velocities(one)
        frames.append(frame)
    write_structure(frames, folder / "moving.extxyz")
    code, out, err = run(
        *(capsys, "vibrations", folder / "lithia.extxyz", "--json", "--resolution", 20),
        *("--trajectory", folder / "moving.extxyz", "--frame-time", 0.02),
    )
    assert code == 0, err
    found = json.loads(out)["velocities"]
    assert found["n_frames"] == 400
    # The harmonic density holds three translations of 36 modes, and these velocities none.
    assert found["overlap"] == pytest.approx(np.sqrt(33 / 36), abs=0.005)
    assert len(found["total"]) == len(found["grid"])


def test_raman_of_a_mixture(capsys, folder):
    code, out, err = run(
        *(capsys, "raman", folder / "pyrochlore.extxyz", "--bonds", "example", "--reduced", "--json"),
        *("--phase", f"{folder / 'lithia.extxyz'}=0.25", "--plot", folder / "r.csv"),
    )
    assert code == 0, err
    result = json.loads(out)
    assert len(result["assumed"]) == 9
    assert "are assumed" in err
    assert list(result["phases"].values()) == [0.25]
    assert {round(peak["shift"], -1) for peak in result["peaks"]} >= {280, 380, 550, 820}
    assert max(result["raman"]["unpolarised"]) == pytest.approx(1.0)
    assert (folder / "r.csv").read_text(encoding="utf-8").startswith("Raman shift")


def test_raman_against_a_measurement(capsys, folder):
    """A spectrum of its own with a slope and in another unit is found again."""
    file = folder / "pyrochlore.extxyz"
    code, out, _ = run(capsys, "raman", file, "--bonds", "example", "--json")
    assert code == 0
    spectrum = json.loads(out)["raman"]
    x, y = np.array(spectrum["shift"]), np.array(spectrum["unpolarised"])
    data = folder / "film.txt"
    rows = zip(x[::-1], (40 * y + 3 + 0.01 * x)[::-1], strict=True)
    data.write_text("Raman shift (cm-1)\tcounts\n" + "\n".join(f"{a:.6f}\t{b:.8f}" for a, b in rows))
    figure = folder / "over.csv"
    code, out, err = run(
        *(capsys, "raman", file, "--bonds", "example", "--json", "--against", data, "--figure", figure),
        *("--window", 100, 850),
    )
    assert code == 0, err
    against = json.loads(out)["raman"]["against"]
    assert against["scale"] == pytest.approx(40, rel=1e-3)
    assert against["rwp"] < 1e-3
    assert figure.read_text(encoding="utf-8").startswith("Raman shift (cm⁻¹)")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("vibrations", "measured.extxyz"), "alzmodel refine {folder}/measured.extxyz --calculator du-teter"),
        (("vibrations", "frames.extxyz"), "2 frames; allowed: one model at a minimum"),
        (("vibrations", "lithia.extxyz", "--mass", "Li"), "--mass Li: no element with its mass"),
        (("vibrations", "lithia.extxyz", "--mass", "Zr=90"), "mass of Zr: not in the model"),
        (("vibrations", "lithia.extxyz", "--resolution", "0"), "resolution: 0 cm⁻¹"),
        (("vibrations", "lithia.extxyz", "--resolution", "0.1", "--method", "kpm"), "needs"),
        (("vibrations", "lithia.extxyz", "--parameters", "{{}}"), "no calculator"),
        (("vibrations", "lithia.extxyz", "--figure", "x.doc"), "--figure x.doc"),
        (("vibrations", "lithia.extxyz", "--potential", "grimes"), ""),
        (("vibrations", "lithia.extxyz", "--trajectory", "frames.extxyz"), "--trajectory, --frame-time"),
        (
            ("vibrations", "lithia.extxyz", "--trajectory", "frames.extxyz", "--frame-time", "0.01"),
            "2 frames; allowed: at least 50",
        ),
        (("raman", "lithia.extxyz", "--bonds", "missing.toml"), "missing.toml: cannot be read"),
        (("raman", "lithia.extxyz", "--bonds", "example", "--laser", "0"), "laser: 0 nm"),
        (("raman", "lithia.extxyz", "--bonds", "example", "--against", "no.txt"), "no.txt: cannot be read"),
        (
            ("raman", "lithia.extxyz", "--bonds", "example", "--window", "1", "2"),
            "nothing measured to compare with",
        ),
        (
            ("raman", "lithia.extxyz", "--bonds", "example", "--against", "x", "--background", "20"),
            "--background 20",
        ),
        (("raman", "lithia.extxyz", "--bonds", "example", "--phase", "MgO=1"), "--phase MgO=1"),
        (
            ("raman", "lithia.extxyz", "--bonds", "example", "--phase", "Li2CO3=0.1"),
            "--phase Li2CO3: ion: C4+ has no parameters",
        ),
        (("raman", "lithia.extxyz", "--bonds", "example", "--plot", "x.doc"), "--plot x.doc"),
        (
            (
                "raman",
                "lithia.extxyz",
                "--bonds",
                "example",
                "--against",
                "film.dat",
                "--window",
                "200",
                "215",
            ),
            "--window 200 215: 2 points of film.dat; allowed: at least 10",
        ),
        (("raman", "lithia.extxyz", "--bonds", "example", "--phase", "Nope=0.1"), "--phase Nope: no file"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(capsys, folder, monkeypatch, words, message):
    monkeypatch.chdir(folder)
    command, file, *rest = words
    code, out, err = run(capsys, command, folder / file, *(one.replace("{{}}", "{}") for one in rest))
    if not message:
        assert code == 0, err
        return
    assert code == 2
    assert out == ""
    assert message.format(folder=folder) in err
    assert len(err.strip().splitlines()) == 1
