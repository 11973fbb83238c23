"""A worker with stages that misbehave on request, run by the tests as ``python fault_worker.py``."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from alzmodel.errors import AlzmodelError, BuildError
from alzmodel.study.stage import StageResult, Work
from alzmodel.study.worker import main


def nap(work: Work) -> StageResult:
    """Sleep in small steps that survive a kill, then write what follows from the inputs alone."""
    steps = work.inputs["steps"]
    if "started" in work.inputs:
        # Who began and with what: one line an attempt.
        with Path(work.inputs["started"]).open("a", encoding="utf-8") as handle:
            handle.write(f"{os.getpid()} {work.inputs['name']} {len(list(work.scratch.iterdir()))}\n")
    for step in range(steps):
        mark = work.scratch / str(step)
        if mark.exists():
            continue
        time.sleep(0.05)
        mark.touch()
        work.progress((step + 1) / steps, f"step {step + 1}")
    (work.folder / "text").write_text(f"{work.inputs['name']}\n", encoding="utf-8")
    heard = {role: (folder / "text").read_text(encoding="utf-8") for role, folder in work.needs.items()}
    return StageResult([], {"name": work.inputs["name"], "heard": heard})


def die(work: Work) -> StageResult:
    """End like a process out of memory, the first so many times."""
    counter = Path(work.inputs["counter"])
    tried = len(counter.read_text(encoding="utf-8")) if counter.exists() else 0
    if tried < work.inputs["times"]:
        counter.write_text("x" * (tried + 1), encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)
    return StageResult([], {"tried": tried})


def fail(work: Work) -> StageResult:
    """Fail in the asked way."""
    print("words before the failure")
    with Path(work.inputs["counter"]).open("a", encoding="utf-8") as handle:
        handle.write("x")
    kind = {"build": BuildError, "passing": AlzmodelError, "bug": KeyError, "full": OSError}[
        work.inputs["how"]
    ]
    raise kind(*([28, "No space left on device"] if work.inputs["how"] == "full" else ["it did not melt"]))


def parent(work: Work) -> StageResult:
    """Start a child that would outlive everything, and wait for it."""
    with subprocess.Popen(["sleep", "1000"]) as child:
        Path(work.inputs["pids"]).write_text(f"{os.getpid()} {child.pid}", encoding="utf-8")
        child.wait()
    return StageResult([], {})


def shout(work: Work) -> StageResult:
    """Print where only events belong."""
    print('{"event": "done", "key": "nothing"}')
    os.write(1, b"from a C library\n")
    sys.stderr.write("and an error\n")
    return StageResult([], {})


def jumping_clock() -> None:
    """Make the time of day jump by hours, to and fro, at every look."""
    steps = itertools.cycle((7200.0, -7200.0, 0.0))
    real = time.time
    time.time = lambda: real() + next(steps)


if __name__ == "__main__":
    if "ALZMODEL_TEST_JUMP" in os.environ:
        jumping_clock()
    main({"nap": nap, "die": die, "fail": fail, "parent": parent, "shout": shout})
