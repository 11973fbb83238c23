from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from alzmodel.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_WORDS = 601
"""Beside the table of verdicts."""


def block(marker, page="README.md"):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", text, re.DOTALL)[1]


def test_it_is_short():
    plain = re.sub(r"\]\([^)]*\)|```.*?```", "", README, flags=re.DOTALL)
    lines = [line for line in plain.splitlines() if not re.match(r"\| (H\d|claim)", line)]
    assert len(" ".join(lines).split()) < MOST_WORDS


def test_install_lines_are_single_lines_that_begin_with_a_virtual_environment():
    for marker in ("ci: run", "ci: test"):
        line = block(marker)
        assert line.count("\n") == 1
        assert line.startswith("python3 -m venv .venv && ")


def test_pictures_are_there():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file()


@pytest.mark.slow
def test_the_python_example_does_what_it_says():
    names: dict = {}
    exec(block("test: api", "docs/python-api.md"), names)
    assert names["first_peaks"]["Zr-O"]["r"] == pytest.approx(2.12, abs=0.04)
    assert 6.4 < names["la_coordination"] < 7.5
    assert names["halo"] == pytest.approx(28.5, abs=1.5)
    assert (names["variance"] > 0).all()


@pytest.mark.slow
def test_the_lines_on_fem_do_what_they_say(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = []
    for line in block("test: fem", "docs/scattering.md").splitlines():
        program, *words = shlex.split(line)
        assert program == "alzmodel"
        assert main(words) == 0, line
        said.append(capsys.readouterr().err)
    assert "10 of 10 expectations of reflections are met" in said[1]
    assert Path("peaks.png").stat().st_size > 10_000
    for words in ("50 Å of amorphous Si3N4", "only La, Zr scatter", "7 tilts", "V known to"):
        assert words in said[2]
