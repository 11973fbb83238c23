from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from alzmodel.cli import main
from alzmodel.errors import InputError
from scripts import make_reference_patterns


def test_reference_lists_its_files(capsys, tmp_path):
    words = ["reference", "MgO", "-o", str(tmp_path / "out"), "--only", "models,xrd", "--json"]
    assert main([*words, "--wavelength", "CrKa1", "--size", "20"]) == 0
    files = [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]
    assert len(files) == 10
    assert all(path.is_file() for path in files)
    assert "CrKa1 (mean 2.28972" in files[-1].read_text(encoding="ascii")


def test_unknown_phases_and_lines_end_in_one_line(capsys, tmp_path):
    for words, named in (
        (["Xx"], "'Xx'"),
        (["MgO", "--wavelength", "CuX"], "CuX"),
        (["MgO", "--seed", "-1"], "--seed -1"),
    ):
        assert main(["reference", *words, "-o", str(tmp_path / "out")]) == 2
        caught = capsys.readouterr()
        assert named in caught.err
        assert caught.err.count("\n") == 1
        assert not (tmp_path / "out").exists()


def test_the_script_writes_a_folder_for_each_line_and_size(tmp_path):
    words = ["MgO", "-o", str(tmp_path), "--lines", "CuKa1", "0.5", "--sizes", "20", "infinite"]
    assert make_reference_patterns.main([*words, "--only", "models", "xrd"]) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["0.5-20A", "0.5-infinite", "20A", "CuKa1-20A", "CuKa1-infinite", "infinite"]
    assert (tmp_path / "0.5-20A" / "MgO" / "MgO-xrd-sticks.csv").is_file()


def test_the_script_refuses_a_size_before_it_writes_another(tmp_path):
    words = ["MgO", "-o", str(tmp_path / "out"), "--lines", "CuKa1", "--sizes", "20", "5", "--only", "xrd"]
    with pytest.raises(InputError, match="--size 5: out of range; allowed: 10 to 400"):
        make_reference_patterns.main(words)
    assert not (tmp_path / "out").exists()


def test_modes_of_phases_are_written_when_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "phonopy", None)
    out = tmp_path / "out"
    assert main(["reference", "La2O3", "Li2CO3", "-o", str(out), "--only", "modes"]) == 0
    lines = (out / "La2O3" / "La2O3-modes.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    assert rows[0] == ["source", "irrep", "cm", "degeneracy", "raman", "infrared"]
    assert [round(float(row[2])) for row in rows if row[0] == "computed" and row[4] == "1"] == [
        93,
        141,
        441,
        451,
    ]
    assert [row[2] for row in rows if row[0] == "measured"] == ["110", "197", "410", "410"]
    assert any("another" in line or "du-teter" in line for line in lines)
    text = (out / "Li2CO3" / "Li2CO3-modes.csv").read_text(encoding="utf-8")
    assert "# no modes: ion: C4+ has no parameters" in text
    assert "measured,,101,,1,\nmeasured,,132,,1,\nmeasured,,160,,1,\nmeasured,,198,,1," in text


def test_long_work_is_told_before_it_begins(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("alzmodel.limits.LONG", 0.05)
    assert main(["reference", "MgO", "-o", str(tmp_path / "out"), "--only", "models"]) == 0
    assert capsys.readouterr().err.startswith("alzmodel: 1 phase: about ")
    assert main(["reference", "Xx", "-o", str(tmp_path / "other"), "--only", "models"]) == 2
    assert "about" not in capsys.readouterr().err
