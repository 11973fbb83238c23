"""A driver that the tests kill: ``python fault_driver.py FOLDER TASKS STEPS [WHERE]``; prints one line an event.

WHERE is ``local``, ``dask``, ``slurm`` or the address of a scheduler.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.study.executors import Executor, LocalExecutor
from alzmodel.study.scheduler import StudyEvent, execute
from alzmodel.study.settings import SlurmSettings
from alzmodel.study.store import Store
from alzmodel.study.tasks import make_task

if TYPE_CHECKING:
    from alzmodel.study.task import Task

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


def executor_of(where: str, store: Store, slots: int = 2) -> Executor:
    """Make the executor to try, its tasks done by the misbehaving worker."""
    if where == "local":
        return LocalExecutor(store, slots, WORKER)
    from alzmodel.study import dask_executor

    cluster: object = where
    if where == "dask":
        cluster = dask_executor.local_cluster(slots)
    if where == "slurm":
        cluster = dask_executor.slurm_cluster(SlurmSettings(memory="400MB", walltime="0:10:00"), slots, store)
    return dask_executor.DaskExecutor(store, slots, cluster, WORKER)


def tell(event: StudyEvent) -> None:
    print(event.kind, event.label, flush=True)


if __name__ == "__main__":
    folder, number, steps = sys.argv[1:4]
    where = sys.argv[4] if len(sys.argv) > 4 else "local"
    store = Store(folder)
    store.prepare()
    with store.lock():
        outcome = execute(
            naps(int(number), int(steps), Path(folder) / "started"),
            store,
            executor_of(where, store),
            retries=20,
            listen=tell,
        )
    print("end", len(outcome.done), len(outcome.failed), len(outcome.left), flush=True)
