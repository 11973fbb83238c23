"""A posterior on disk, through the command: specimens kept, files written, wrong input refused."""

import csv
import json
import math
import sys

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.compare.posterior import Datum, Taught
from alzmodel.composition import glass_composition, ion_counts
from alzmodel.io import write_structure
from alzmodel.models.packing import random_packing
from alzmodel.scattering.fem import draws
from alzmodel.study import posterior as module
from alzmodel.study import specimens


@pytest.fixture(scope="module")
def glass(tmp_path_factory):
    path = tmp_path_factory.mktemp("glass") / "glass.extxyz"
    write_structure(random_packing(ion_counts(glass_composition(3.0), 600), seed=1), path)
    return path


def run(capsys, *words):
    code = main(["inverse", *(str(word) for word in words)])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def numbers(values, random):
    """Peaks that depend on the specimen and on the background alone."""
    size = math.log(values.get("diameter", 8.0) / 30)
    mean = [3.2, 5.3, 0.1 - 0.3 * size, 0.6 - 0.2 * size, 0.5 - 0.2 * values.get("background", 0.0)]
    return np.array(mean) + 0.05 * random.normal(size=5)


@pytest.fixture
def cheap(monkeypatch):
    """Specimens of no cost; the seeds of those that were made, and after how many the work is cut."""
    state = {"made": [], "cut": [10, 14]}

    def column(matrix, values, seed):
        if len(state["made"]) in state["cut"]:
            state["cut"].remove(len(state["made"]))
            raise KeyboardInterrupt
        state["made"].append(seed)
        return {"refused": "", "mean": np.ones(3), "xrd": np.array([28.5, 2.4 * 30 / values["diameter"]])}

    monkeypatch.setattr(specimens, "specimen_column", column)
    monkeypatch.setattr(specimens, "glass_column", lambda *_: {"refused": "", "xrd": np.full(2, np.nan)})
    monkeypatch.setattr(draws, "coherent_from", lambda kept: kept)
    monkeypatch.setattr(draws, "recorded_numbers", lambda _, values, random: numbers(values, random))
    return state


def test_specimens_are_kept_as_they_come(capsys, cheap, glass, tmp_path):
    """Cut after ten specimens, one of which is then damaged: that one and the next three are made."""
    words = (glass, "-o", tmp_path / "scan", "--posterior", "--specimens", 20, "--live", 50)
    place = tmp_path / "scan" / "specimens"
    assert run(capsys, *words)[0] == 130
    glasses = module.GLASS_COLUMNS
    assert len(list(place.iterdir())) == glasses + 10
    one = next(file for file in sorted(place.iterdir()) if b"mean" in file.read_bytes())
    data = one.read_bytes()
    one.write_bytes(data[: len(data) // 2])
    assert run(capsys, *words)[0] == 130
    assert len(list(place.iterdir())) == glasses + 13
    assert len(set(cheap["made"])) == len(cheap["made"]) - 1 == 13


@pytest.mark.slow
def test_a_posterior_writes_what_it_found(capsys, cheap, monkeypatch, glass, tmp_path):
    """A line 1.1° wide, as of spheres of 65 Å, and peaks that depend on size and background."""
    cheap["cut"].clear()
    monkeypatch.setattr(module, "SCALES", (1.0,))
    monkeypatch.setattr(module, "_EACH", 3)
    code, out, err = run(
        capsys, glass, "-o", tmp_path / "scan", "--posterior", "--specimens", 20, "--live", 50, "--json"
    )
    assert code == 0, err
    result = json.loads(out)
    (film,) = result["films"]
    assert (film["x"], film["n_specimens"], film["n_refused"]) == (3.0, 20, 0)
    by_name = {one["name"]: one for one in film["parameters"]}
    assert by_name["diameter"]["of_prior"] < 0.5 < by_name["disorder"]["of_prior"]
    assert by_name["diameter"]["ci95"][0] > 45
    assert {one["reading"] for one in film["evidence"]} == {"all", "reflections", "halo", "spread", "bonds"}
    assert {one["name"]: one["kind"] for one in result["priors"]}["background"] == "nuisance"
    assert result["joint"] is None
    rows = list(csv.DictReader((tmp_path / "scan" / "rows-x3.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 60
    assert (tmp_path / "scan" / "posterior-x3.png").stat().st_size > 10_000
    with np.load(tmp_path / "scan" / "samples.npz") as samples:
        assert samples["x3_samples"].shape == (2000, 8)


def taught_of(numbers, line):
    return Taught("all", (), 0.5, None, numbers, line)


def test_what_was_not_taught_is_left_out_and_told():
    """Without an emulator of the line its numbers count for nothing, and are not taken for unlikely."""
    data = (Datum("fem_peak2_k", 3.2, 3.2, 0.1), Datum("xrd_222_fwhm", 0.1, 0.1, 0.1))
    kept, note = module._usable(data, taught_of("numbers", "line"), 64)
    assert (kept, note) == (data, "")
    kept, note = module._usable(data, taught_of("numbers", None), 20)
    assert [one.name for one in kept] == ["fem_peak2_k"]
    assert note == "too few of 20 specimens show (222): it counts for nothing; more are needed"
    assert "no posterior" in module._usable(data, taught_of(None, "line"), 20)[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--live", "100"), "--live: allowed with --posterior only"),
        (("--posterior", "--columns", "3"), "--columns: allowed without --posterior only"),
        (("--posterior", "--specimens", "3"), "--specimens: 3; allowed: 16 to 4096"),
        (("--posterior", "--live", "7"), "--live: 7; allowed: 50 to 5000"),
    ],
)
def test_wrong_input_is_refused_before_work(capsys, glass, tmp_path, words, said):
    code, out, err = run(capsys, glass, "-o", tmp_path / "scan", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert not (tmp_path / "scan").exists()


def test_the_extra_is_named_without_dynesty(capsys, monkeypatch, glass, tmp_path):
    monkeypatch.setitem(sys.modules, "dynesty", None)
    code, _, err = run(capsys, glass, "-o", tmp_path / "scan", "--posterior")
    assert code == 2
    assert "--posterior needs dynesty, which is not installed: pip install '.[posterior]'" in err


def test_two_glasses_of_one_film_are_refused(capsys, glass, tmp_path):
    other = tmp_path / "other.extxyz"
    other.write_bytes(glass.read_bytes())
    code, _, err = run(capsys, glass, other, "-o", tmp_path / "scan", "--posterior")
    assert code == 2
    assert "two glasses for the film x = 3; allowed: one for each" in err
    assert not (tmp_path / "scan").exists()


def test_a_plan_says_what_it_costs(capsys, glass, tmp_path):
    code, _, err = run(capsys, glass, "-o", tmp_path / "scan", "--posterior", "--dry-run")
    assert code == 0
    assert "64 specimens for each glass, about" in err
    assert not (tmp_path / "scan").exists()
