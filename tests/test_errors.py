"""How the command line and the scripts end."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from alzmodel.errors import AlzmodelError, InputError, InterruptionError, exit_code

SCRIPTS = sorted((Path(__file__).parents[1] / "scripts").rglob("*.py"))


def ends_with(error):
    def work():
        raise error

    return exit_code(work, "program")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("--la 9:\n  too much"), 2, "program: --la 9: too much\n"),
        (AlzmodelError("the melt is solid"), 1, "program: the melt is solid\n"),
        (FileNotFoundError(2, "No such file", "a.cif"), 1, "program: [Errno 2] No such file: 'a.cif'\n"),
        (KeyboardInterrupt(), 130, "program: interrupted\n"),
        (InterruptionError("interrupted; more in a folder"), 130, "program: interrupted; more in a folder\n"),
    ],
)
def test_an_error_is_one_line_and_a_code(error, code, line, capsys):
    assert ends_with(error) == code
    assert capsys.readouterr() == ("", line)


def test_what_work_returns_is_the_code():
    assert exit_code(lambda: 3, "program") == 3
    assert exit_code(lambda: None, "program") == 0


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        ends_with(ZeroDivisionError())


@pytest.mark.parametrize("lines", [9999, 3], ids=["while it prints", "before it prints"])
def test_a_reader_that_goes_ends_the_program_without_a_word(lines):
    code = (
        "from alzmodel.errors import run_main\n"
        f"run_main(lambda: [input()] + [print('x' * 70) for _ in range({lines})] and 0)"
    )
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", code], **pipes, text=True) as run:
        run.stdout.close()
        run.stdin.write("go\n")
        run.stdin.flush()
        assert run.stderr.read() == ""
    # As of a program that SIGPIPE ended.
    assert run.returncode == 141


@pytest.mark.parametrize("words", [["--help"], ["library"], ["--version"]])
def test_every_command_ends_so(words):
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-m", "alzmodel", *words], **pipes, text=True) as run:
        # Long before anything is printed.
        run.stdout.close()
        assert run.stderr.read() == ""
    assert run.returncode == 141


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_ends_by_the_helper(script):
    last = ast.parse(script.read_text(encoding="utf-8")).body[-1]
    assert ast.unparse(last).endswith("run_main(main)")


def test_a_script_tells_of_bad_input_under_its_own_name(tmp_path):
    script = next(path for path in SCRIPTS if path.stem == "make_reference_patterns")
    words = [sys.executable, script, "-o", tmp_path / "out", "--sizes", "big"]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr == "make_reference_patterns.py: --sizes big: allowed: diameters in Å, or 'infinite'\n"
