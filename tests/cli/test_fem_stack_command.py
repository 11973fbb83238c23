"""``alzmodel fem STACK``: what is told, what is refused."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from alzmodel.cli.app import main
from alzmodel.crystals import crystal
from alzmodel.io import write_structure

SIZE, PIXEL = 64, 0.16
MIDDLE = 31.5


def patterns():
    y, x = np.mgrid[:SIZE, :SIZE] - MIDDLE
    k = PIXEL * np.hypot(x, y)
    still = 3e4 * np.exp(-((k / 0.3) ** 2)) + 200 * np.exp(-k / 3) + 20
    ring = 600 * np.exp(-(((k - 3.2) / 0.4) ** 2))
    factors = 1 + 0.2 * np.repeat([-1.0, 1.0], 6)
    return np.random.default_rng(1).poisson(still + factors[:, None, None] * ring).astype(np.uint16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stacks")
    whole = patterns()
    np.save(folder / "a.npy", whole)
    y, x = np.mgrid[:SIZE, :SIZE] - MIDDLE
    stop = (np.hypot(x, y) < 7) | ((x < 0) & (np.abs(y) < 4))
    faulty = whole * ~stop
    faulty[:, 40, 52] = 60000
    np.save(folder / "faulty.npy", np.insert(faulty, 5, 0, axis=0))
    np.save(folder / "mask.npy", ~stop)
    np.save(folder / "clipped.npy", np.minimum(whole, 300))
    with h5py.File(folder / "mrad.h5", "w") as handle:
        handle["a"] = whole
        handle["a"].attrs["pixel_size"], handle["a"].attrs["pixel_unit"] = 0.4, "mrad"
    write_structure(crystal("MgO"), folder / "model.extxyz")
    return folder


SIZES = ("--pixel-size", "0.16", "--ring-width", "0.16")


def run(capsys, folder, name, *options):
    code = main(["fem", str(folder / name), *options])
    out, err = capsys.readouterr()
    return code, out, err


def test_faults_are_told_and_the_numbers_are_there(capsys, folder):
    code, out, err = run(capsys, folder, "faulty.npy", *SIZES, "--gain", "1", "--fit", "free", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["dead_frames"] == [5]
    assert result["n_patterns"] == 12
    assert set(result["masked"]) == {"beam stop", "hot"}
    assert result["center"] == pytest.approx([MIDDLE, MIDDLE], abs=0.1)
    n = int(np.argmin(np.abs(np.array(result["k"]) - 3.2)))
    assert abs(result["variance"]["r"][n]) < 0.003
    # 600 of 600 + 72 + 20 + 20 counts rise and fall by a fifth.
    assert result["variance"]["omega"][n] == pytest.approx((0.2 * 600 / 689) ** 2, rel=0.05)
    for words in (
        "1 dead frames are left out: 5",
        "1 hot",
        "beam stop",
        "centre (31.",
        "pixels of 0.16 1/nm",
    ):
        assert words in err


def test_a_mask_and_no_search(capsys, folder):
    options = ("--mask", str(folder / "mask.npy"), "--no-auto-mask", "--json", "--fit", "free")
    code, out, _ = run(capsys, folder, "a.npy", *SIZES, *options)
    assert code == 0
    assert list(json.loads(out)["masked"]) == ["given"]


def test_rings_that_end_before_the_fit_give_v_and_a_word(capsys, folder):
    code, out, err = run(capsys, folder, "a.npy", *SIZES, "--json")
    assert code == 0
    result = json.loads(out)
    assert result["peaks"] == []
    assert len(result["variance"]["omega"]) == len(result["k"])
    assert result["k"][-1] < 5
    assert "the fit 'four' was left out" in err
    code, out, _ = run(capsys, folder, "a.npy", *SIZES)
    assert code == 0


def test_saturation_is_told(capsys, folder):
    code, _, err = run(capsys, folder, "clipped.npy", *SIZES, "--fit", "free")
    assert code == 0
    assert "counts end at 300" in err
    assert "V is too low" in err


def test_angles_take_the_energy_that_is_given(capsys, folder):
    code, _, err = run(capsys, folder, "mrad.h5", "--ring-width", "0.2")
    assert code == 2
    assert "pixels in mrad; allowed: with the energy of the electrons, as --energy" in err
    for energy, size in ((200, 0.1595), (300, 0.2032)):
        code, out, _ = run(
            capsys,
            folder,
            "mrad.h5",
            "--ring-width",
            "0.21",
            "--energy",
            str(energy),
            "--json",
            "--fit",
            "free",
        )
        assert code == 0
        assert json.loads(out)["pixel_size"] == pytest.approx(size, abs=2e-4)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("a.npy", ("--thickness", "50"), "--thickness: "),
        ("a.npy", ("--columns", "4"), "--columns: "),
        ("a.npy", ("--engine", "kinematic"), "--engine: "),
        ("a.npy", ("--semi-angle", "0.5"), "--semi-angle: "),
        ("a.npy", ("--electrons", "5"), "--electrons: "),
        ("a.npy", ("--max-atoms", "5"), "--max-atoms: "),
        ("a.npy", ("--tilt", "0"), "--tilt: "),
        ("model.extxyz", ("--mask", "m.npy"), "--mask: "),
        ("model.extxyz", ("--descan",), "--descan: "),
        ("a.npy", ("--pixel-size-y", "0.2"), "--pixel-size-y: "),
        ("a.npy", ("--pixel-size", "0.16", "--descan", "--center", "3", "3"), "--descan: "),
        ("a.npy", ("--pixel-size", "0.16", "--offset", "inf"), "offset"),
        ("a.npy", ("--pixel-size", "0.01", "--ring-width", "0.1"), "rings: 1.5 to 1.5"),
        ("a.npy", ("--pixel-size", "0.16", "--mask", "none.npy"), "none.npy: no such file"),
    ],
)
def test_options_that_do_nothing_and_unusable_ones_are_refused(capsys, folder, name, options, words):
    code, out, err = run(capsys, folder, name, *options)
    assert code == 2
    assert out == ""
    line = [one for one in err.splitlines() if one.startswith("alzmodel: ")]
    assert len(line) == 1
    assert words in line[0]
    assert "allowed" in line[0]


def test_long_work_is_told_before_it_begins(capsys, folder, monkeypatch):
    monkeypatch.setattr("alzmodel.limits.LONG", 0.0)
    _, _, err = run(capsys, folder, "a.npy", *SIZES)
    assert err.startswith("alzmodel: ")
    assert "a.npy: about " in err.splitlines()[0]
