"""Study folders as an earlier version left them: one finished, one half-melted, one in which a glass failed."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from tests.frozen.paths import write_pair_tables

HERE = Path(__file__).parent
NAMES = ("finished", "half-melted", "failed")

PROTOCOLS = """
[protocols.brief]
melt_temperature = 5000.0
melt_time = 3.0
quench_rate = 4000.0
hot_rate = 4000.0
anneal_time = 0.0
frames = 5
cutoff = 6.0
restart_time = 1.0
[protocols.cold]
melt_temperature = 1000.0
melt_time = 0.1
quench_rate = 4000.0
anneal_time = 0.0
frames = 5
cutoff = 6.0
"""

STUDIES = {
    "finished": """
name = "frozen, finished"
[glass]
la = [1.5, 3.0]
seeds = [1]
atoms = 100
protocol = "brief"
[local_order]
r_max = 8.0
dr = 0.05
[xrd]
two_theta = [10.0, 70.0, 0.2]
crystallite_diameter = 20.0
[fem]
columns = 1
width = 120.0
thickness = 20.0
cluster_diameter = 14.0
cluster_fraction = 0.1
[reference]
phases = ["La2Zr2O7", "MgO"]
""",
    "half-melted": """
name = "frozen, half-melted"
local_order = false
fem = false
reference = false
[glass]
la = [3.0]
seeds = [1, 2]
atoms = 100
protocol = "brief"
[xrd]
two_theta = [10.0, 70.0, 0.2]
crystallite_diameter = 20.0
[run]
workers = 1
""",
    "failed": """
name = "frozen, failed"
fem = false
reference = false
[glass]
la = [3.0]
seeds = [1]
atoms = 100
protocol = ["brief", "cold"]
[[glass.dopants]]
ion = "Ca2+"
fraction = 0.2
[local_order]
r_max = 8.0
dr = 0.05
[xrd]
two_theta = [10.0, 70.0, 0.2]
crystallite_diameter = 20.0
""",
}
"""Some hundred ions and a few ps each: what they say of glasses is nothing, what they hold is all that a study has."""

MADE_ANEW = ("figures", "report.html", "*.lock", "*.table")
"""Parts of a folder that are not kept here: each can be made from the rest. Only work that goes on needs tables of
forces."""

SECONDS_TO_MELT = 120.0


def unpack(name: str, target: Path) -> Path:
    """Put a frozen study into a new folder, which is returned."""
    with tarfile.open(HERE / f"{name}.tar.xz") as archive:
        archive.extractall(target, filter="data")
    for scratch in (target / name).glob("work/glass-*/scratch/*"):
        write_pair_tables(scratch)
    return target / name


def fingerprint(folder: Path) -> dict[str, tuple[int, str]]:
    """Time of change and SHA-256 of every file under a folder, by its name there."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def make(name: str, scratch: Path) -> Path:
    """Run a study of :data:`STUDIES` by the command line of today, and pack its folder; returns the archive."""
    study, folder = scratch / f"{name}.toml", scratch / name
    study.write_text(STUDIES[name] + PROTOCOLS, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    words = [sys.executable, "-m", "alzmodel", "run", str(study), "--out", str(folder)]
    if name == "half-melted":
        _run_until_the_second_melt(words, folder)
    else:
        code = subprocess.run(words, check=False, stdout=subprocess.DEVNULL).returncode
        assert code == (3 if name == "failed" else 0), f"{name}: ended with code {code}"
    for log in folder.rglob("log"):
        # Paths of the machine that made them are nobody's business; logs are no part of a record.
        text = log.read_text(encoding="utf-8").replace(str(scratch), "studies")
        log.write_text(text.replace(str(HERE.parent.parent), "package"), encoding="utf-8")
    tables = {path: path.read_text(encoding="utf-8") for path in folder.glob("work/**/*.table")}
    if name == "half-melted":
        assert len(tables) == 2, f"{name}: {len(tables)} tables of forces"
        write_pair_tables(next(iter(tables)).parent)
        for path, text in tables.items():
            assert path.read_text(encoding="utf-8") == text, f"{path}: not what stands in paths.py"
    archive = HERE / f"{name}.tar.xz"
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        packed.add(folder, name, filter=_plain)
    return archive


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if any(Path(member.name).match(pattern) for pattern in MADE_ANEW):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _run_until_the_second_melt(words: list[str], folder: Path) -> None:
    """Kill the driver when one glass is finished and the other has left its first restart file."""
    driver = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + SECONDS_TO_MELT
    while not (list(folder.glob("runs/glass-*")) and list(folder.glob("work/glass-*/scratch/*/*.restart"))):
        assert time.monotonic() < end, "no second melt"
        assert driver.poll() is None, "it ended before the second melt"
        time.sleep(0.01)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    # The worker ends with its driver, LAMMPS with the worker.
    time.sleep(5.0)
