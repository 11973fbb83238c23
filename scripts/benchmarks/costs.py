"""What the program tells of long work, beside what it takes: seconds of the processor and memory, told over used.

Commands run on supercells of a glass of the library, and on spheres of La2Zr2O7 (Debye's sum, lattice), in children of
one thread each. Run as ``python scripts/benchmarks/costs.py [REPEATS ...]``; a glass of 5000 atoms repeated once and
twice by default, and spheres of 8 nm times that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.cli import costs
from alzmodel.crystals import nanocrystal
from alzmodel.errors import run_main
from alzmodel.io import read_frames, write_structure

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

OF_GLASSES: dict[tuple[str, ...], Callable[[list[Atoms]], costs.Cost]] = {
    ("pdf",): lambda frames: costs.pdf_cost(frames, 12.0),
    ("pdf", "--r-max", "60"): lambda frames: costs.pdf_cost(frames, 60.0),
    ("lbu",): costs.lbu_cost,
    ("xrd", "--method", "pdf"): costs.xrd_cost,
    ("fem", "--columns", "4"): lambda frames: costs.fem_cost(frames, 50.0, 4),
}
OF_SPHERES: dict[tuple[str, ...], Callable[[list[Atoms]], costs.Cost]] = {
    ("xrd", "--method", method): partial(costs.xrd_cost, method=method) for method in ("debye", "lattice")
}
DIAMETER = 80.0
"""Å."""


def glass() -> Atoms:
    """Return the largest glass of the library without its frames."""
    from alzmodel.models.library import library, load_model

    largest = max((one for one in library() if one.kind == "glass"), key=lambda one: one.n_atoms)
    found = load_model(largest)
    found.info.clear()
    return found


def used(words: list[str]) -> tuple[float, float]:
    """Seconds of the processor and peak bytes of a command."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1")
    command = [sys.executable, "-m", "alzmodel", *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}: ended with {process.returncode}")
    scale = 1 if sys.platform == "darwin" else 1024
    return usage.ru_utime + usage.ru_stime, float(usage.ru_maxrss * scale)


def main() -> None:
    """Print one row for each command and size."""
    repeats = [int(word) for word in sys.argv[1:]] or [1, 2]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    print("told_s used_s ratio told_GB used_GB ratio atoms command")
    with tempfile.TemporaryDirectory() as folder:
        for repeat in repeats:
            sphere = nanocrystal("La2Zr2O7", DIAMETER * repeat)
            for model, commands in ((glass().repeat(repeat), OF_GLASSES), (sphere, OF_SPHERES)):
                path = Path(folder) / "a.traj"
                write_structure(model, path)
                frames = read_frames(path)
                for words, cost in commands.items():
                    told = cost(frames)
                    seconds, memory = used([words[0], str(path), *words[1:]])
                    # Told for all cores; what goes with the atoms counts on one.
                    alone = words[0] in {"fem", "lbu"} or "lattice" in words
                    all_seconds = told.seconds * (1 if alone else cores)
                    print(
                        f"{all_seconds:.1f} {seconds:.1f} {all_seconds / seconds:.2f} {told.memory / 1e9:.2f} "
                        f"{memory / 1e9:.2f} {told.memory / memory:.2f} {len(model)} {' '.join(words)}",
                        flush=True,
                    )


if __name__ == "__main__":
    run_main(main)
