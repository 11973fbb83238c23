"""What the program does around every command."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from alzmodel.cli import main
from alzmodel.cli.app import command_tree
from alzmodel.cli.output import print_table
from alzmodel.cli.study import FIGURES
from alzmodel.study.figures import study_figures

LAST_WORDS = """
import atexit, gc, sys
atexit.register(lambda: print(gc.get_freeze_count(), file=sys.stderr))
from alzmodel.cli import main
sys.exit(main(["--version"]))
"""


def test_the_interpreter_ends_without_looking_through_what_is_left():
    """What is frozen is left alone by the collections at the end, a tenth of a report."""
    ended = subprocess.run([sys.executable, "-c", LAST_WORDS], capture_output=True, text=True, check=True)
    assert int(ended.stderr) > 1000


def flags(command):
    inner = getattr(command, "commands", None)
    if inner is not None:
        for one in inner.values():
            yield from flags(one)
        return
    yield from (option for option in command.params if getattr(option, "is_flag", False))


def test_help_names_no_type_for_options_without_a_value():
    found = list(flags(command_tree()))
    assert len(found) > 50
    assert {option.metavar for option in found} == {""}


def pages(command, words=()):
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words
        return
    for name, one in inner.items():
        yield from pages(one, (*words, name))


def test_help_speaks_no_python(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    commands = list(pages(command_tree()))
    assert len(commands) > 25
    for words in commands:
        main([*words, "--help"])
        out = capsys.readouterr().out
        assert not re.findall(r"<(?:str|bool|path|list\[|float,)[^>]*>", out), words
        # Square brackets that mark text up are taken away from it.
        assert "install '.'" not in out, words


def test_help_breaks_its_lines_where_the_terminal_ends(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["inverse", "--help"]) == 0
    assert "tells which film they stand for" in capsys.readouterr().out


@pytest.mark.parametrize("width", [60, 200])
def test_tables_are_as_wide_as_columns_says_when_piped(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    print_table("title", ("name", "what"), [("one", "word " * 50)])
    lines = capsys.readouterr().out.splitlines()
    assert width - 6 <= max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [40, 60, 90])
def test_a_narrow_terminal_splits_no_word(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    names = ["x1.5-annealed-low-Tf-seed1", "Li7La1.5Zr2O9.75", "du-teter", 5022, 1.5, None]
    print_table("models", ("name", "formula", "potential", "atoms", "x", "dopant"), [names, names])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= width
    for word in ("x1.5-annealed-low-Tf-seed", "Li7La1.5Zr2O9.75", "du-teter", "5022", "1.5", "formula"):
        assert out.count(word) >= 2 - ("┃" in out and word == "formula"), word


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (
            ["build", "glass", "--la", "3", "--potential", "nope", "-o", "x.extxyz"],
            "--potential: 'nope' is unknown",
        ),
        (["demo", "--against=zz=1"], "--against: 'zz=1'; allowed: KIND=FILE"),
        (["vibrations", "nowhere.xyz"], "nowhere.xyz: no such file"),
    ],
)
def test_messages_about_an_option_begin_with_it(capsys, tmp_path, monkeypatch, words, begins):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"alzmodel: {begins}")


def test_a_table_without_headings_has_no_empty_line_for_them(capsys):
    print_table("not at work", ("", ""), [("tasks done", 3)])
    assert "┃" not in capsys.readouterr().out


def test_plot_alone_lists_the_figures_that_it_knows(capsys):
    assert main(["plot"]) == 0
    out = capsys.readouterr().out
    for name, figure in study_figures().items():
        assert name in FIGURES
        assert f"│ {name} " in out
        assert figure.title in out
    assert set(study_figures()) == set(FIGURES)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["xrd"], "DIR: no study named; allowed: alzmodel plot WHAT DIR -o F; 'alzmodel plot' lists WHAT"),
        (["xrd", "here"], "-o: no file named; allowed: alzmodel plot xrd here -o xrd.png"),
    ],
)
def test_plot_says_what_is_missing(capsys, words, said):
    assert main(["plot", *words]) == 2
    assert capsys.readouterr().err == f"alzmodel: {said}\n"


def test_status_of_a_failed_study_says_how_to_go_on(capsys, tmp_path):
    with tarfile.open(Path(__file__).parents[1] / "frozen" / "failed.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    study = tmp_path / "failed"
    assert main(["status", str(study)]) == 0
    said = capsys.readouterr()
    assert "melt hotter" in said.out
    assert said.err == f"alzmodel: go on with 'alzmodel run {study / 'study.toml'} --out {study}'\n"
