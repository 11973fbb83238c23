"""A study as tasks: what each one computes from what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alzmodel.errors import InputError
from alzmodel.moved import names_of
from alzmodel.study.stage import model_words
from alzmodel.study.stages import STAGES
from alzmodel.study.task import new_task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alzmodel.study.settings import StudySettings
    from alzmodel.study.stage import Job, Stage
    from alzmodel.study.task import Task

__all__ = ["STAGE_VERSIONS", "bytes_on_disk", "make_task", "plan"]

__getattr__ = names_of(
    __name__,
    {
        "Task": "alzmodel.study.task",
        "digest": "alzmodel.study.task",
        "library_models": "alzmodel.study.stages.glass",
        "protocol_of_study": "alzmodel.study.stages.glass",
    },
)

STAGE_VERSIONS: Mapping[str, int] = {name: stage.version for name, stage in STAGES.items()}
"""Of the stages that come with the package."""

BYTES_OF_PAGE = 1e7


def make_task(
    stage: str,
    label: str,
    inputs: Mapping[str, Any],
    *,
    needs: Mapping[str, Task] | None = None,
    seconds: float = 1.0,
    version: int | None = None,
) -> Task:
    """Make a task, its hash included.

    Parameters
    ----------
    stage, label, inputs, seconds
        As in :class:`~alzmodel.study.task.Task`.
    needs
        Tasks it depends on, by role: through their hashes a change anywhere above changes this one.
    version
        Version of the stage; by default that of the stage of this name.
    """
    number = STAGES[stage].version if version is None else version
    roles = {role: task.key for role, task in (needs or {}).items()}
    return new_task(stage, number, label, inputs, roles, seconds=seconds)


def bytes_on_disk(tasks: Sequence[Task]) -> float:
    """Rough room that tasks take with the page and the figures of their study; none if there are no tasks."""
    return sum((task.room for task in tasks), BYTES_OF_PAGE if tasks else 0.0)


def plan(study: StudySettings) -> tuple[Task, ...]:
    """List the tasks of a study; a task stands after those it needs.

    Every composition, protocol, phase and wavelength is checked here, before any time is spent.

    Raises
    ------
    InputError
        If one of them is not possible.
    """
    tables: dict[str, Any] = dict(study)
    wanted = [stage for stage in STAGES.values() if tables[stage.table] is not False]
    tasks: dict[str, Task] = {}
    for glass in study.glass.each_potential():
        of_one = {**tables, "glass": glass}
        for task in (*_glasses_and_analyses(of_one, wanted), *_once(of_one, wanted)):
            tasks.setdefault(task.key, task)
    return tuple(tasks.values())


def _glasses_and_analyses(tables: Mapping[str, Any], wanted: Sequence[Stage]) -> Iterable[Task]:
    """Every glass, and after it what is made of it."""
    analyses = [stage for stage in wanted if stage.needs]
    for job in STAGES["glass"].jobs(tables):
        glass = _task(STAGES["glass"], job, {}, job.positions)
        yield glass
        done = {"glass": glass}
        model = glass.inputs["model"]
        for stage in analyses:
            for needed in stage.needs:
                if needed not in done:
                    table = STAGES[needed].table
                    raise InputError(
                        f"{stage.table}: needs {table}; allowed: a table [{table}], or no {stage.table}"
                    )
            needs = {role: done[role].key for role in stage.needs}
            for one in stage.jobs(tables):
                done[stage.name] = _task(stage, one, needs, job.positions, model)
                yield done[stage.name]


def _once(tables: Mapping[str, Any], wanted: Sequence[Stage]) -> Iterable[Task]:
    """Yield what is done once a study, whatever its glasses are."""
    for stage in wanted:
        if not stage.needs and stage.name != "glass":
            yield from (_task(stage, job, {}, 0) for job in stage.jobs(tables))


def _task(
    stage: Stage,
    job: Job,
    needs: Mapping[str, str],
    positions: int,
    model: Mapping[str, Any] | None = None,
) -> Task:
    """Make the task of a job; one on a glass is named after it."""
    inputs, label = job.inputs, job.label
    if model is not None:
        inputs, label = {"model": model, **inputs}, f"{label} {model_words(model)}"
    cost = stage.cost(inputs, positions)
    return new_task(stage.name, stage.version, label, inputs, needs, seconds=cost.seconds, room=cost.room)
