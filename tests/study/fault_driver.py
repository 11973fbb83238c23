"""A driver that the tests kill: ``python fault_driver.py FOLDER TASKS STEPS``; prints one word an event."""

from __future__ import annotations

import sys
from pathlib import Path

from alzmodel.study.executors import LocalExecutor
from alzmodel.study.scheduler import StudyEvent, execute
from alzmodel.study.store import Store
from alzmodel.study.tasks import Task, make_task

WORKER = (sys.executable, str(Path(__file__).with_name("fault_worker.py")))


def naps(number: int, steps: int, started: Path | None = None) -> list[Task]:
    """Pairs of tasks, the second of which needs the first."""
    tasks = []
    for index in range(number):
        inputs = {"name": f"nap {index}", "steps": steps}
        if started is not None:
            inputs["started"] = str(started)
        needs = {"before": tasks[-1]} if index % 2 else {}
        tasks.append(make_task("nap", f"nap {index}", inputs, needs=needs, version=1, seconds=steps * 0.05))
    return tasks


def tell(event: StudyEvent) -> None:
    print(event.kind, event.label, flush=True)


if __name__ == "__main__":
    folder, number, steps = sys.argv[1:4]
    store = Store(folder)
    store.prepare()
    with store.lock():
        outcome = execute(
            naps(int(number), int(steps), Path(folder) / "started"),
            store,
            LocalExecutor(store, 2, WORKER),
            retries=20,
            listen=tell,
        )
    print("end", len(outcome.done), len(outcome.failed), len(outcome.left), flush=True)
