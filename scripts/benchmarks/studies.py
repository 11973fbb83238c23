"""What a study costs besides its molecular dynamics, and how fast a large one is looked at.

    python scripts/benchmarks/studies.py overhead --repeat 5
    python scripts/benchmarks/studies.py index --runs 2000

`overhead` does the quick preset with glasses that were packed, not melted, all else as it is (`packed_study.py`).
Counted is the CPU time of the driver as a whole program (interpreter and imports, plan, store, scheduling, index,
comparison, figures, page, tables in the terminal) and of its workers outside of their tasks (start, imports, hashing,
putting results in place); not counted is what tasks compute, with what they import for it. It is set against the CPU
seconds of molecular dynamics that the preset would take on this machine: one short melt is measured in the same run,
and what it says of the speed is applied to the whole. Beside it stand the CPU seconds of `alzmodel report` of that
study. It ends with an error where the share is above 5 % or the report takes longer than 10 s.

`index` makes a study of many finished runs and times `alzmodel status` as a program, and the tables and database that
are made anew.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.composition import glass_composition
from alzmodel.errors import AlzmodelError, run_main
from alzmodel.models.melt_quench import estimate_seconds, melt_quench
from alzmodel.study import index, runner, stage, store
from alzmodel.study.settings import StudySettings, parse_study, preset
from alzmodel.study.stages import STAGES
from alzmodel.study.store import Store
from alzmodel.study.study_file import study_toml
from alzmodel.study.tasks import plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alzmodel.study.stage import StageResult

MOST_SHARE = 0.05
MOST_REPORT_SECONDS = 10.0
PACKED = Path(__file__).with_name("packed_study.py")


def cpu() -> tuple[float, float]:
    """CPU seconds of this process, and of the children that it has waited for."""
    spent = os.times()
    return spent.user + spent.system, spent.children_user + spent.children_system


def dynamics_speed() -> float:
    """Real CPU seconds per estimated one: a small melt, timed."""
    protocol = {
        "base": "quick",
        "melt_time": 4.0,
        "hot_rate": 2000.0,
        "quench_rate": 2000.0,
        "anneal_time": 0.0,
    }
    before = sum(cpu())
    melt_quench(glass_composition(3.0), 600, seed=1, protocol=protocol)
    return (sum(cpu()) - before) / estimate_seconds(600, protocol)


def overhead(repeat: int) -> dict[str, float]:
    """Share of CPU time that is neither dynamics nor analysis, and time of the report, of `repeat` runs the median."""
    speed = dynamics_speed()
    settings = preset("quick")
    glasses = len(settings.glass.la) * len(settings.glass.seeds)
    dynamics = glasses * speed * estimate_seconds(settings.glass.atoms, settings.glass.protocol)
    drivers, idle, analyses, reports = [], [], [], []
    for number in range(repeat):
        with tempfile.TemporaryDirectory() as folder:
            before = cpu()[1]
            words = (sys.executable, str(PACKED), folder)
            # The plain lines of a program without a terminal, which are no output of ours.
            told = subprocess.run(
                words, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            if told.returncode:
                raise AlzmodelError("the study failed")
            # Of the driver, and of the workers that it waited for.
            everything = cpu()[1] - before
            words = (sys.executable, "-m", "alzmodel", "report", folder)
            subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
            reports.append(cpu()[1] - before - everything)
            spent = {
                path.parent.name: json.loads(path.read_text(encoding="utf-8"))["cpu_seconds"]
                for path in Path(folder).glob("runs/*/timing.json")
            }
        own, tasks = float(told.stdout), sum(spent.values())
        drivers.append(own)
        idle.append(everything - own - tasks)
        analyses.append(sum(seconds for key, seconds in spent.items() if not key.startswith("glass-")))
        print(
            f"{number + 1}/{repeat}: driver and report {own:.2f} s, workers outside of tasks {idle[-1]:.2f} s, "
            f"dynamics {dynamics:.0f} s: {(own + idle[-1]) / dynamics:.2%}; report alone {reports[-1]:.2f} s",
            file=sys.stderr,
        )
    return {
        "driver_cpu_seconds": statistics.median(drivers),
        "workers_cpu_seconds": statistics.median(idle),
        "analyses_cpu_seconds": statistics.median(analyses),
        "dynamics_cpu_seconds": dynamics,
        "report_cpu_seconds": statistics.median(reports),
        "share": statistics.median((a + b) / dynamics for a, b in zip(drivers, idle, strict=True)),
    }


def large_study(folder: Path, runs: int) -> StudySettings:
    """Make a study with that many finished runs: glasses and their local order, all copies of one."""
    text = (
        "fem = false\nxrd = false\nreference = false\n[glass]\nla = [1.5, 2.0, 2.5, 3.0, 3.5]\n"
        f"seeds = {list(range(1, runs // 10 + 1))}\natoms = 600\n"
    )
    from packed_study import packed

    settings = parse_study(text, "large")
    whole = Store(folder)
    whole.prepare()
    (folder / runner.STUDY).write_text(study_toml(settings), encoding="utf-8")
    # What is measured is reading.
    store._sync = lambda _: None  # noqa: SLF001
    made: dict[str, StageResult] = {}
    sources: dict[str, Path] = {}
    stages = {**STAGES, "glass": packed}
    for task in plan(settings):
        work_folder = whole.begin(task)
        if task.stage in made:
            for path in sources[task.stage].iterdir():
                if path.name not in store.UNLISTED:
                    (work_folder / path.name).write_bytes(path.read_bytes())
        else:
            needs = {role: whole.runs / key for role, key in task.needs.items()}
            work = stage.Work(task.inputs, needs, work_folder, work_folder / "scratch", lambda _f, _w: None)
            made[task.stage] = stages[task.stage](work)
        result = made[task.stage]
        whole.commit(task, work_folder, quantities=result.quantities, results=result.results, timing={})
        sources.setdefault(task.stage, whole.runs / task.key)
    return settings


def looking(runs: int) -> dict[str, float]:
    """Seconds of `alzmodel status`, and of tables and database made anew."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = large_study(folder, runs)
        words = (sys.executable, "-m", "alzmodel", "status", name, "--json")
        seconds = []
        for _ in range(3):
            start, before = time.perf_counter(), cpu()[1]
            told = subprocess.run(words, check=True, stdout=subprocess.PIPE)
            seconds.append((time.perf_counter() - start, cpu()[1] - before))
        done = json.loads(told.stdout)["tasks"]["done"]
        status, status_cpu = min(seconds)
        start, own = time.perf_counter(), cpu()[0]
        found = index.gather(index.collect_records(plan(settings), Store(folder)))
        index.write_results(found, folder / runner.RESULTS)
        index.write_database(found, Store(folder), folder / runner.DATABASE)
        return {
            "runs": done,
            "status_seconds": status,
            "status_cpu_seconds": status_cpu,
            "index_seconds": time.perf_counter() - start,
            "index_cpu_seconds": cpu()[0] - own,
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("overhead", "index"))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--runs", type=int, default=2000, help="a multiple of ten")
    options = parser.parse_args(arguments)
    found = overhead(options.repeat) if options.what == "overhead" else looking(options.runs)
    print(json.dumps(found, indent=1))
    late = found.get("report_cpu_seconds", 0.0) > MOST_REPORT_SECONDS
    return int(late or found.get("share", 0.0) > MOST_SHARE)


if __name__ == "__main__":
    run_main(main)
