"""Forks one child for each input from a process that has the package loaded: ``python -m tests.fuzz.server``.

Reads one JSON object a line: `argv`, `folder`, the `seconds` and `bytes` that a child may take, and as `plant` the name
of a fault of :mod:`tests.fuzz.plants` that it gets, or nothing. Answers with one line each: `code` (negative: the
signal that ended it), `err`, `seconds` of time and `work`, the seconds of the processor.

A child has `seconds`, of the processor and by the clock. While it, or a process that it has started, waits for its turn
on a loaded machine the clock stands still, as the kernel counts that wait (``/proc/PID/task/TID/schedstat``).
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

LIFE = 600
"""Seconds that a child may live, however loaded the machine is."""
SECONDS_BETWEEN_LOOKS = 0.5


def preload() -> None:
    """Load what the commands load, so that a child need not."""
    import importlib

    for name in (
        "alzmodel.cli.app",
        "ase.io.extxyz",
        "ase.io.cif",
        "ase.io.vasp",
        "ase.io.lammpsdata",
        "alzmodel.local_order.building_units",
        "alzmodel.local_order.per_atom",
        "alzmodel.local_order.references",
        "alzmodel.compare.rivals",
        "alzmodel.compare.inverse",
        "alzmodel.compare.hypotheses",
        "alzmodel.forcefields.refinement",
        "alzmodel.forcefields.calculators",
        "alzmodel.models.glass_ceramic",
        "alzmodel.models.library",
        "alzmodel.models.melt_quench",
        "alzmodel.report.figures",
        "alzmodel.report.page",
        "alzmodel.report.against_figure",
        "alzmodel.scattering.fem.average",
        "alzmodel.scattering.fem.stack",
        "alzmodel.scattering.reference_patterns",
        "alzmodel.scattering.totals",
        "alzmodel.scattering.xrd.data",
        "alzmodel.scattering.xrd.debye",
        "alzmodel.scattering.xrd.pattern",
        "alzmodel.scattering.xrd.specimen",
        "alzmodel.scattering.xrd.whole",
        "alzmodel.study.figures",
        "alzmodel.study.page",
        "alzmodel.study.runner",
        "alzmodel.study.inverse",
        "alzmodel.study.screen_settings",
        "matplotlib.figure",
        "matplotlib.backends.backend_agg",
        "rich.table",
        "rich.console",
        "scipy.optimize",
        "scipy.signal",
        "h5py",
        "vesin",
        "xraydb",
        "spglib",
        "lmfit",
    ):
        importlib.import_module(name)


def child(request: dict[str, object]) -> None:
    """Be the command: never returns."""
    code = 99
    try:
        folder = Path(str(request["folder"]))
        os.chdir(folder)
        os.setpgid(0, 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        seconds = int(request["seconds"])
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_DATA, (int(request["bytes"]), int(request["bytes"])))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        from alzmodel.cli import main

        if request["plant"]:
            from tests.fuzz.plants import PLANTS

            PLANTS[str(request["plant"])].undo_mend()
        code = main([str(word) for word in request["argv"]])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - what no command may raise
        import traceback

        traceback.print_exc()
        code = 98
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def waited(process: int) -> float:
    """Seconds that a process, its threads and its descendants have waited for a processor, one after the other."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # The name in brackets may hold anything.
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    family = {process}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    nanoseconds = 0
    for member in family:
        for thread in Path(f"/proc/{member}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                nanoseconds += int(thread.read_text().split()[1])
    return nanoseconds / 1e9


def answer(request: dict[str, object]) -> dict[str, object]:
    """Run one input in a child and tell how it ended."""
    started = time.monotonic()
    process = os.fork()
    if process == 0:
        child(request)
    look = started + float(str(request["seconds"]))
    pause = 0.002
    while True:
        done, status, used = os.wait4(process, os.WNOHANG)
        if done:
            break
        late = False
        if time.monotonic() > look:
            life = time.monotonic() - started
            late = life > LIFE or life - waited(process) > float(str(request["seconds"]))
            look = time.monotonic() + SECONDS_BETWEEN_LOOKS
        if late:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
            _, status, used = os.wait4(process, 0)
            break
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    # What the child has started goes with it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)
    words = (Path(str(request["folder"])) / "err").read_text(encoding="utf-8", errors="replace")
    return {
        "code": os.waitstatus_to_exitcode(status),
        "err": words[-20000:],
        "seconds": round(time.monotonic() - started, 3),
        "work": round(used.ru_utime + used.ru_stime, 3),
    }


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    requests = os.fdopen(os.dup(0), "r")
    preload()
    for line in requests:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
