from __future__ import annotations

import json
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
