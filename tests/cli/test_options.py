"""Options in groups, and commands that dispatch."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer

import alzmodel
from alzmodel.cli import main
from alzmodel.cli.options import command, integer, number
from alzmodel.crystals import crystal
from alzmodel.io import write_structure

PACKAGE = Path(alzmodel.__file__).parent
LONGEST, MOST_PARAMETERS, MOST_OWN_LINES = 120, 15, 15
COMMANDS = {
    *("exafs", "fem", "inverse", "xrd", "pdf", "reference", "lbu", "refine", "screen", "transport"),
    *("vibrations", "raman", "cite"),
    *("glass", "glass_ceramic", "crystal", "nanocrystal"),
}


@dataclass(frozen=True, kw_only=True)
class Size:
    width: Annotated[float, number("Å.")]
    repeats: Annotated[int, integer("Times.", "--times")] = 2


def seen(words):
    """What a command with a group is called with."""
    found = []

    def build(name: Annotated[str, typer.Argument()], size: Size, loud: bool = False) -> None:
        """Build it."""
        found.append((name, size, loud))

    app = typer.Typer()
    app.command()(command(build))
    app(words, standalone_mode=False)
    return found


def test_a_group_of_options_arrives_as_its_dataclass():
    assert seen(["box", "--width", "3.5", "--loud"]) == [("box", Size(width=3.5, repeats=2), True)]
    assert seen(["box", "--width", "1", "--times", "4"]) == [("box", Size(width=1.0, repeats=4), False)]


@pytest.mark.parametrize(
    "words", [["box"], ["box", "--width", "wide"], ["box", "--width", "1", "--times", "x"]]
)
def test_what_is_missing_or_no_number_is_refused(words):
    with pytest.raises(Exception, match=r"width|number"):
        seen(words)


def functions():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield path.relative_to(PACKAGE), node


def parameters(node):
    return len(node.args.posonlyargs) + len(node.args.args) + len(node.args.kwonlyargs)


def is_kernel(node):
    return any("jit" in ast.dump(decorator) for decorator in node.decorator_list)


def test_no_function_is_long_or_has_many_parameters_outside_kernels():
    measured = {
        f"{path}: {node.name}": (node.end_lineno - node.lineno + 1, parameters(node))
        for path, node in functions()
        if not is_kernel(node)
    }
    assert len(measured) > 1000
    large = {name: both for name, both in measured.items() if both[0] > LONGEST or both[1] > MOST_PARAMETERS}
    assert large == {}


def test_a_command_dispatches():
    """Statements of its own, imports and its docstring aside."""
    own = {}
    for path, node in functions():
        if path.parts[0] == "cli" and len(path.parts) == 2 and node.name in COMMANDS:
            statements = [
                one
                for one in ast.walk(node)
                if isinstance(one, ast.stmt)
                and one is not node
                and not isinstance(one, ast.Import | ast.ImportFrom)
                and not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
            ]
            own[node.name] = len(statements)
    assert set(own) == COMMANDS
    assert {name: count for name, count in own.items() if count > MOST_OWN_LINES} == {}


@pytest.mark.parametrize(
    ("words", "option", "said"),
    [
        (["fem", "--energy", "-3"], "--energy", "allowed: 20 to 1500 keV"),
        (["fem", "--probe-fwhm", "1e9"], "--probe-fwhm", "Å at 200 keV"),
        (["fem", "--psf", "-3"], "--psf", "allowed: 0 to 50 pixels"),
        (["fem", "--tilt", "-3"], "--tilt", "allowed: 0 to 10°"),
        (["fem", "--seed", "-3"], "--seed", "allowed: a whole number"),
        (["fem", "--cap", "-3"], "--cap", "out of range"),
        (["xrd", "--range", "40", "20", "1"], "--range", "allowed: rising"),
        (["xrd", "--b-iso", "1e9"], "--b-iso", "allowed: B of 0 to 1000 Å²"),
        (["xrd", "--polarization", "-3"], "--polarization", "allowed: none"),
        (["xrd", "--phase", "Xx"], "--phase", "'Xx' is not known"),
        (["pdf", "--q-damp", "-3"], "--q-damp", "allowed: 0 to 1"),
        (["lbu", "--largest-ring", "3"], "--largest-ring", "allowed: an even number"),
        (
            ["inverse", "--fractions", "-3", "-o", "scan", "--dry-run"],
            "--fractions",
            "allowed: 0.0001 to 0.6",
        ),
    ],
)
def test_a_message_about_an_option_begins_with_it(capsys, tmp_path, monkeypatch, words, option, said):
    monkeypatch.chdir(tmp_path)
    write_structure(crystal("MgO"), "a.extxyz")
    assert main([words[0], "a.extxyz", *words[1:]]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(rf"alzmodel: {option}( -3)?: ", line)
    assert said in line


def test_what_is_no_option_of_the_command_keeps_its_name(capsys, tmp_path):
    """A phase is an argument there."""
    assert main(["build", "nanocrystal", "Xx", "--diameter", "20", "-o", str(tmp_path / "a.extxyz")]) == 2
    assert capsys.readouterr().err.startswith("alzmodel: phase: 'Xx' is not known")
