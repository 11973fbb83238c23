"""Ctrl-C inside compiled code; each child here would go on for a minute."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alzmodel.interrupts import interruptible
from alzmodel.threads import thread_pool

ROOT = Path(__file__).parents[1] / "alzmodel"
STUCK = """
import ctypes, sys
from alzmodel.errors import exit_code
from alzmodel.interrupts import UNFINISHED, interruptible
from alzmodel.io import atomic_path

def work():
    with interruptible("prog"), atomic_path(sys.argv[1]) as path:
        print("begun", flush=True)
        end = __import__("time").monotonic() + 60
        while __import__("time").monotonic() < end:
            ctypes.CDLL(None).{call}

sys.exit(exit_code(work, "prog"))
"""


def ended(code, tmp_path, number):
    """Exit code, words and seconds after a signal."""
    command = [sys.executable, "-c", code, str(tmp_path / "a.txt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "begun\n"
        time.sleep(0.2)
        before = time.monotonic()
        child.send_signal(number)
        words = child.stderr.read()
        child.wait()
    return child.returncode, words, time.monotonic() - before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("call", ["sleep(0)"])
def test_a_signal_between_calls_is_an_interrupt(tmp_path, number, call):
    code, words, seconds = ended(STUCK.format(call=call), tmp_path, number)
    assert (code, words) == (130, "prog: interrupted\n")
    assert seconds < 1.5
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_inside_a_long_call_ends_the_process_and_leaves_no_file(tmp_path, number):
    # Gives up the lock of the interpreter, and hears nothing.
    code = STUCK.format(call="sleep(0), __import__('hashlib').pbkdf2_hmac('sha1', b'', b'', 2**31 - 1)")
    found, words, seconds = ended(code, tmp_path, number)
    assert (found, words) == (130, "prog: interrupted\n")
    assert seconds < 3
    assert not list(tmp_path.iterdir())


def test_a_signal_while_commands_are_loaded(tmp_path):
    # In place of typer, which the commands import first.
    (tmp_path / "typer.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(60)\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from alzmodel.__main__ import main; sys.exit(main())"
    assert ended(code, tmp_path, signal.SIGINT)[:2] == (130, "alzmodel: interrupted\n")


def test_handlers_are_given_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interruptible("prog"):
        assert signal.getsignal(signal.SIGTERM) is not before[1]
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with interruptible("prog"):
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_every_kernel_gives_up_the_lock_of_the_interpreter():
    found = 0
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "njit":
                found += 1
                options = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
                assert options.get("nogil") is True, f"{file}:{node.lineno}"
    assert found > 20


def test_what_numba_makes_of_an_interrupt_is_one():
    with pytest.raises(KeyboardInterrupt), interruptible("prog"):  # noqa: PT012
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
        except KeyboardInterrupt as error:
            raise SystemError("returned a result with an exception set") from error
    with pytest.raises(SystemError), interruptible("prog"):
        raise SystemError("other")


def test_work_of_a_pool_that_has_not_begun_is_dropped_on_the_way_out():
    begun = []

    def work(number):
        begun.append(number)
        time.sleep(0.05)

    with pytest.raises(KeyboardInterrupt), thread_pool(2) as pool:  # noqa: PT012
        for _ in pool.map(work, range(100)):
            raise KeyboardInterrupt
    assert len(begun) < 10
