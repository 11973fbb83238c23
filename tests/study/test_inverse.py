"""A scan on disk: kept as it goes, continued, drawn."""

import csv
import json
import re

import pytest

from alzmodel.cli import main
from alzmodel.composition import glass_composition, ion_counts
from alzmodel.io import write_structure
from alzmodel.models.packing import random_packing
from alzmodel.study import inverse as module

OPTIONS = (
    "--diameters",
    "20,30",
    "--fractions",
    "0.1",
    "--displacements",
    "0.08",
    "--disorders",
    "0",
    "--columns",
    "1",
)


@pytest.fixture(scope="module")
def glass(tmp_path_factory):
    path = tmp_path_factory.mktemp("glass") / "glass.extxyz"
    write_structure(random_packing(ion_counts(glass_composition(3.0), 600), seed=1), path)
    return path


def run(capsys, *words):
    code = main(["inverse", *(str(word) for word in words)])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def test_a_scan_that_was_cut_goes_on(capsys, monkeypatch, glass, tmp_path):
    """Cut after the second point of three; one kept point is damaged: it and the third are computed."""
    folder = tmp_path / "scan"
    words = (glass, "-o", folder, *OPTIONS, "--thicknesses", "25,40", "--json")
    computed = []
    real = module.scan_point

    def counted(matrix, point, grid):
        computed.append(point)
        if len(computed) == 3:
            raise KeyboardInterrupt
        return real(matrix, point, grid)

    monkeypatch.setattr(module, "scan_point", counted)
    assert run(capsys, *words)[0] == 130
    files = sorted((folder / "points").glob("*.json"))
    assert len(files) == 2
    data = files[0].read_bytes()
    place = re.search(rb"\d\.\d", data).start()
    changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    files[0].write_bytes(changed)
    json.loads(changed)
    monkeypatch.setattr(module, "scan_point", real)
    code, out, err = run(capsys, *words)
    assert code == 0
    assert "1 specimens were there already" in err
    assert f"damaged: a specimen was changed on disk; it is in {folder / 'damaged' / files[0].name}" in err
    assert (folder / "damaged" / files[0].name).read_bytes() == changed
    assert files[0].read_bytes() == data
    result = json.loads(out)
    assert len(result["points"]) == 4
    assert [point["refused"] is None for point in result["points"]] == [True, False, True, True]
    (film,) = result["films"]
    assert film["region"] is None
    assert "no such region" in film["summary"]
    rows = list(csv.DictReader((folder / "scan.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["diameter"] for row in rows] == ["20", "30", "20", "30"]
    assert (folder / "inverse.png").stat().st_size > 10_000
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.suffix in {".csv", ".svg"}}
    assert run(capsys, *words[:-1])[0] == 0
    assert before == {name: (folder / name).read_bytes() for name in before}


def test_the_plan_is_shown_and_nothing_written(capsys, glass, tmp_path):
    code, out, err = run(capsys, glass, "-o", tmp_path / "scan", *OPTIONS, "--dry-run")
    assert (code, out) == (0, "")
    assert "4 specimens" in err
    assert not (tmp_path / "scan").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--diameters", "20,wide"), "--diameters: 'wide'"),
        (("--diameters", "80", "--thicknesses", "50"), "80 Å, but the thickest column has 50 Å"),
        (("--columns", "0"), "columns: 0"),
        (("--disorders", "0,2"), "--disorders: 2; allowed: 0 to 1"),
        (("--excess-la", "0.9"), "--excess-la: 0.9; allowed: -0.5 to 0.5 per La2Zr2O7"),
        (("--until", "2"), "--until: 2"),
        (("--until", "0.1", "--columns", "2"), "columns: 2 with an error to reach; allowed: at least 4"),
        (("--fractions", "0.2,0.1,0.202"), "--fractions: 0.2 and 0.202; allowed: at least 4% apart"),
    ],
)
def test_bad_scans_end_in_one_line(capsys, glass, tmp_path, words, named):
    code, out, err = run(capsys, glass, "-o", tmp_path / "scan", *words)
    assert (code, out) == (2, "")
    assert named in err.splitlines()[-1]


def test_a_glass_that_stands_for_no_film_is_refused_in_one_line(capsys, tmp_path):
    write_structure(random_packing(ion_counts(glass_composition(5.2), 300), seed=1), tmp_path / "g.extxyz")
    code, _, err = run(capsys, tmp_path / "g.extxyz", "-o", tmp_path / "scan", *OPTIONS)
    assert code == 2
    assert "allowed: near that of a measured film" in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "scan").exists()
