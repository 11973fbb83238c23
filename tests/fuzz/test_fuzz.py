"""A thousand bad inputs through the real entry point: only four answers are known.

Done (exit 0), partly done (3), and bad input (2) or a failure (1) with one line. A traceback, a warning of Python, a
signal, 20 s of work or 4 GB are faults.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.files import write_files
from tests.fuzz.inputs import BASES, NEVER, commands, make_inputs
from tests.fuzz.plants import PLANTS
from tests.fuzz.server import answer, waited

pytestmark = pytest.mark.fuzz

SEED = 20240517
NUMBER = 1000
SECONDS = 20
PLANTED_SECONDS = 3
"""Of work for a child with a fault put back: all of them take less than one without it."""
BYTES = 4 * 10**9


class Server:
    """The process that forks the children."""

    def __init__(self) -> None:
        environment = dict(os.environ, OMP_NUM_THREADS="1", MPLBACKEND="Agg", COLUMNS="200")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[2],
        )

    def ask(
        self, argv: tuple[str, ...], folder: Path, plant: str = "", seconds: int = SECONDS
    ) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        request = {"argv": argv, "folder": str(folder), "seconds": seconds, "bytes": BYTES, "plant": plant}
        print(json.dumps(request), file=self.process.stdin, flush=True)
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def fault(found: dict[str, Any]) -> str:
    """Say what is wrong with an answer; nothing if it is one of the four."""
    code, err = found["code"], found["err"]
    if "Traceback" in err:
        return f"a traceback: {err.strip().splitlines()[-1][:200]}"
    if "Warning: " in err:
        return f"a warning of Python: {err[-300:]!r}"
    if code in {0, 3}:
        return ""
    if code not in {1, 2}:
        return f"ended with {code} after {found['work']} s of work and {found['seconds']} s: {err[-200:]}"
    said = [line for line in err.splitlines() if line.startswith("alzmodel: ")]
    if not said or err.splitlines()[-1] != said[-1]:
        return f"exit {code} without a line at the end: {err[-200:]!r}"
    if code == 2 and len([line for line in err.splitlines() if "% done" not in line]) > 1 + sum(
        ": about " in line for line in said[:-1]
    ):
        return f"exit 2 with more than a line: {err[-300:]!r}"
    return ""


def linked(files: Path, folder: Path) -> None:
    """Fill `folder` with links to all files, and with nothing else: what a command writes never reaches the files."""
    names = {path.name for path in files.iterdir()}
    if folder.is_dir():
        for path in folder.iterdir():
            if not (path.is_symlink() and path.name in names):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.mkdir(exist_ok=True)
    for name in names - {path.name for path in folder.iterdir()}:
        (folder / name).symlink_to(files / name)


@pytest.fixture(scope="module")
def files(tmp_path_factory, synthetic_study):
    folder = tmp_path_factory.mktemp("fuzz")
    write_files(folder, synthetic_study, SEED)
    return folder


@pytest.fixture(scope="module")
def server():
    found = Server()
    yield found
    found.close()


def test_there_are_forty_inputs_for_each_command():
    inputs = make_inputs(NUMBER, SEED)
    assert len(inputs) >= NUMBER
    for name in BASES:
        assert sum(one.command == name for one in inputs) >= 40


def test_every_command_and_every_option_has_its_turn():
    tried = {name: set() for name in BASES}
    for one in make_inputs(NUMBER, SEED):
        tried[one.command].update(one.argv)
    known = commands()
    # These are commands of their own as well.
    assert set(known) - {f"study {name}" for name in BASES} == set(BASES)
    for name, words in tried.items():
        for option in known[name].params:
            if option.param_type_name == "option" and option.opts[0] not in NEVER:
                assert words & {*option.opts, *option.secondary_opts}, (name, option.opts)


@pytest.mark.parametrize(
    ("code", "signals"),
    [("while True: pass", ("SIGXCPU", "SIGKILL")), ("import time; time.sleep(60)", ("SIGKILL",))],
)
def test_a_child_has_its_seconds_and_no_more(tmp_path, monkeypatch, code, signals):
    """One that works without end, and one that waits without end."""
    monkeypatch.setattr("alzmodel.cli.main", lambda _: exec(code))
    found = answer({"argv": [], "folder": str(tmp_path), "seconds": 1, "bytes": BYTES, "plant": ""})
    assert signal.Signals(-found["code"]).name in signals
    assert fault(found)


def test_the_wait_for_a_processor_does_not_count():
    before = waited(os.getpid())
    crowd = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * (os.cpu_count() or 1))
    ]
    try:
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            pass
        assert waited(os.getpid()) > before + 0.1
    finally:
        for one in crowd:
            one.kill()
            one.wait()


@pytest.mark.parametrize("command", BASES)
def test_every_bad_input_ends_in_one_of_four_ways(server, files, tmp_path, command):
    faults = []
    for one in make_inputs(NUMBER, SEED):
        if one.command == command:
            linked(files, tmp_path / "here")
            if words := fault(server.ask(one.argv, tmp_path / "here")):
                faults.append(f"alzmodel {' '.join(repr(word)[:80] for word in one.argv)}\n    {words}")
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults)


@pytest.mark.parametrize("name", PLANTS)
def test_a_fault_put_back_is_found(server, files, tmp_path, name):
    linked(files, tmp_path / "here")
    assert not fault(server.ask(PLANTS[name].argv, tmp_path / "here"))
    assert fault(server.ask(PLANTS[name].argv, tmp_path / "here", name, seconds=PLANTED_SECONDS))
