"""The main job and what looks at it afterwards: run a study, tell how far it is, compare it, draw it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alzmodel.errors import InputError
from alzmodel.io import check_writable, json_text, parse_json, write_text
from alzmodel.limits import forecast
from alzmodel.moved import names_of
from alzmodel.progress import watched
from alzmodel.study import outcomes
from alzmodel.study.earlier import again_words, earlier_words, with_earlier
from alzmodel.study.opening import (
    checked_store,
    curves_of_study,
    full_disk_named,
    library_words,
    with_files,
)
from alzmodel.study.places import check_executor, check_executor_name, make_executor
from alzmodel.study.scheduler import StudyEvent, execute
from alzmodel.study.settings import StudyBase, load_study, preset, write_template
from alzmodel.study.store import PROGRESS, STUDY, Store
from alzmodel.study.study_file import study_toml, write_study
from alzmodel.study.table import MOST_WORKERS
from alzmodel.study.tasks import bytes_on_disk, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.verdicts import Verdict
    from alzmodel.progress import Progress
    from alzmodel.scattering.xrd.data import Agreement
    from alzmodel.study.executors import Executor
    from alzmodel.study.index import Findings
    from alzmodel.study.judging import Judged
    from alzmodel.study.scheduler import Listener
    from alzmodel.study.screening import ScreenRow
    from alzmodel.study.settings import StudySettings
    from alzmodel.study.store import Record
    from alzmodel.study.task import Task

__all__ = [
    "EXECUTORS",
    "compare",
    "earlier",
    "init",
    "judged_of",
    "laid_over",
    "library_words",
    "measured_file",
    "plan_study",
    "plot",
    "provisional",
    "report",
    "reported",
    "run",
    "screen",
    "status",
]

__getattr__ = names_of(
    __name__,
    dict.fromkeys(("StudyPlan", "StudyResult", "StudyStatus"), "alzmodel.study.outcomes"),
)

EXECUTORS = ("local", "dask", "slurm")
"""Where tasks may run, besides the address of a Dask scheduler."""

RESULTS = "results.csv"
VERDICTS = "verdicts.csv"
DATABASE = "study.db"
COMPARISON = "comparison.json"
FIGURES = "figures"
REPORT = "report.html"
SCREEN_CSV, SCREEN = "screen.csv", "screen.json"


def init(path: str | Path) -> Path:
    """Write a commented study file.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    return write_template(path)


def _settings(study: StudySettings | str | Path | None) -> StudySettings:
    if isinstance(study, StudyBase):
        return study
    return preset("quick") if study is None else load_study(study)


def plan_study(
    study: StudySettings | str | Path | None = None,
    out: str | Path = "alzmodel-study",
    *,
    workers: int | None = None,
    executor: str = "local",
    measured: str | Path | None = None,
    hypotheses: str | Path | None = None,
    against: Sequence[str] | None = None,
) -> outcomes.StudyPlan:
    """Say what :func:`run` would do, without doing any of it.

    Raises
    ------
    InputError
        As :func:`run`.
    """
    check_executor_name(executor)
    settings = with_files(_settings(study), measured, hypotheses, against)
    tasks = plan(settings)
    study_toml(settings)
    store = checked_store(out)
    slots = _slots(settings, workers)
    rows = tuple(
        {
            "label": task.label,
            "stage": task.stage,
            "seconds": task.seconds,
            "done": store.is_done(task.key),
        }
        for task in tasks
    )
    left = [task for task, row in zip(tasks, rows, strict=True) if not row["done"]]
    again = tuple(again_words(tasks, store))
    return outcomes.StudyPlan(rows, _seconds_of(left, slots), bytes_on_disk(left) / 1e6, again)


def _seconds_of(tasks: Sequence[Task], slots: int) -> float:
    """Estimate how long tasks take, `slots` of them side by side."""
    return max([sum(task.seconds for task in tasks) / slots, *(task.seconds for task in tasks)], default=0.0)


def _slots(settings: StudySettings, workers: int | None) -> int:
    if workers is None:
        return settings.run.workers
    if not 1 <= workers <= MOST_WORKERS:
        raise InputError(f"--workers: {workers}; allowed: 1 to {MOST_WORKERS}")
    return workers


def run(
    study: StudySettings | str | Path | None = None,
    out: str | Path = "alzmodel-study",
    *,
    workers: int | None = None,
    executor: str | Callable[[Store, int], Executor] = "local",
    measured: str | Path | None = None,
    hypotheses: str | Path | None = None,
    against: Sequence[str] | None = None,
    listen: Listener | None = None,
) -> outcomes.StudyResult:
    """Do a study, or what is still missing of it, and compare it with what was measured.

    Parameters
    ----------
    study
        Settings, or a study file; without it the preset ``quick``.
    out
        Folder of the study; see :class:`~alzmodel.study.store.Store`.
    workers
        Tasks side by side; by default what the study says.
    executor
        One of :data:`EXECUTORS`, the address of a Dask scheduler, or what makes an executor of a store and a number of
        slots.
    measured, hypotheses
        Files of measured values and of hypotheses; by default what the study says. They stay with the study.
    against
        Measured curves to be drawn over the models, each as ``KIND=FILE``: fem (V(k)), xrd, pdf (G(r)). They stay too.
    listen
        Told of everything that happens; by default a bar with the time left on terminals and in notebooks.

    Returns
    -------
    alzmodel.study.outcomes.StudyResult
        Failed tasks do not stop the others and are told there.

    Raises
    ------
    InputError
        If anything asked for is not possible, the folder cannot be written to, holds anything but a study, or another
        process works on it; before any work.
    AlzmodelError
        If the disk is full.
    KeyboardInterrupt
        After Ctrl-C, when every process has ended: what is done stays done.
    """
    if listen is None:
        with watched(None, "study") as told:
            return run(
                study,
                out,
                workers=workers,
                executor=executor,
                measured=measured,
                hypotheses=hypotheses,
                against=against,
                listen=_brief(told),
            )
    settings = with_files(_settings(study), measured, hypotheses, against)
    if isinstance(executor, str):
        check_executor(executor, Path(out).resolve())
    slots = _slots(settings, workers)
    tasks = plan(settings)
    study_toml(settings)
    store = checked_store(out)
    store.folder.mkdir(parents=True, exist_ok=True)
    with full_disk_named(store), store.lock():
        # First of all: it says whose folder this is.
        write_study(store, settings)
        store.prepare()
        store.forget_all_but({task.key for task in tasks})
        for words in again_words(tasks, store):
            listen(StudyEvent("again", words, total=len(tasks)))
        left = [task for task in tasks if not store.is_done(task.key)]
        ahead = forecast(f"{len(left)} tasks, {slots} at a time", _seconds_of(left, slots))
        if ahead is not None:
            listen(StudyEvent("plan", ahead, total=len(tasks)))
        outcome = execute(
            tasks,
            store,
            make_executor(executor, store, slots, settings.run)
            if isinstance(executor, str)
            else executor(store, slots),
            retries=settings.run.retries,
            listen=listen,
        )
        labels = {task.key: task.label for task in tasks}
        failures = tuple(
            {"label": labels[key], "reason": reason, "log": str(store.log_of(key))}
            for key, reason in outcome.failed.items()
        )
        found, files, judged = _finish(settings, tasks, store, listen)
    return outcomes.StudyResult(
        out=store.folder,
        tasks={"done": len(outcome.done), "failed": len(outcome.failed), "left": len(outcome.left)},
        files=files,
        judged=judged,
        failures=failures,
        provisional=found.provisional,
    )


def _brief(progress: Progress) -> Listener:
    """Tell of a study as of one piece of work."""

    def listen(event: StudyEvent) -> None:
        words = event.label if event.kind == "step" else f"{event.done} of {event.total} tasks"
        progress(event.study_fraction, words)

    return listen


def _finish(
    settings: StudySettings,
    tasks: tuple[Task, ...],
    store: Store,
    listen: Listener,
) -> tuple[Findings, tuple[Path, ...], Judged]:
    """Gather the results and write what people look at."""
    from alzmodel.compare.measured import load_measured
    from alzmodel.report.page import write_page
    from alzmodel.report.potential_table import verdicts_csv
    from alzmodel.study.figures import draw_all
    from alzmodel.study.index import collect_records, gather, write_database, write_results
    from alzmodel.study.judging import judge
    from alzmodel.study.page import study_page

    def step(label: str, number: int) -> None:
        listen(StudyEvent("step", label, number / 4, total=len(tasks), study_fraction=1.0))

    step("results.csv and study.db", 0)
    found = gather(collect_records(tasks, store))
    write_results(found, store.folder / RESULTS)
    write_database(found, store, store.folder / DATABASE)
    screened = _write_screen(found.records, store)
    step("comparison with measured values", 1)
    judged = judge(settings, found)
    note = {**judged.to_dict(), "provisional": list(found.provisional)}
    write_text(store.folder / COMPARISON, json_text(note, indent=1) + "\n")
    write_text(store.folder / VERDICTS, verdicts_csv(judged.verdicts))
    step("figures", 2)
    values = load_measured(settings.compare.measured)
    drawn = draw_all(
        found, store, judged.rows, values, store.folder / FIGURES, ("",), curves_of_study(settings)
    )
    step("report", 3)
    write_page(store.folder / REPORT, study_page(settings, tasks, store, found, judged, values, drawn))
    step("all written", 4)
    files = [store.folder / name for name in (STUDY, RESULTS, VERDICTS, DATABASE, COMPARISON, REPORT)]
    return found, (*files, *screened, *drawn), judged


def _write_screen(records: Sequence[Record], store: Store) -> list[Path]:
    """Write the table of dopants, if there are any."""
    from alzmodel.study.screening import SCORE, screen_csv, screen_rows, trends

    rows = screen_rows(records)
    if not rows:
        return []
    note = {"score": SCORE, "rows": [row.to_dict() for row in rows], "trends": trends(rows)}
    write_text(store.folder / SCREEN, json_text(note, indent=1) + "\n")
    write_text(store.folder / SCREEN_CSV, screen_csv(rows))
    return [store.folder / SCREEN_CSV, store.folder / SCREEN]


def screen(out: str | Path) -> list[ScreenRow]:
    """Say what the dopants of a study change; see :mod:`alzmodel.study.screening`.

    Raises
    ------
    InputError
        If `out` is no study's folder, or no dopant in it is done.
    """
    from alzmodel.study.screening import screen_rows

    _, tasks, store = _open(out)
    rows = screen_rows(_finished(out, tasks, store).records)
    if not rows:
        raise InputError(
            f"{out}: no doped glass is done; allowed: a study with dopants and the undoped glass"
        )
    return rows


def _open(
    out: str | Path,
    measured: str | Path | None = None,
    hypotheses: str | Path | None = None,
    against: Sequence[str] | None = None,
) -> tuple[StudySettings, tuple[Task, ...], Store]:
    folder = Path(out)
    if not (folder / STUDY).is_file():
        raise InputError(
            f"{folder}: holds no {STUDY}; allowed: the folder of a study that 'alzmodel run' made"
        )
    settings = with_files(load_study(folder / STUDY), measured, hypotheses, against)
    store = Store(folder)
    return settings, with_earlier(plan(settings), store), store


def status(out: str | Path) -> outcomes.StudyStatus:
    """Tell how far a study is, also while another process works on it.

    Raises
    ------
    InputError
        If `out` is no study's folder.
    """
    settings, _, store = _open(out)
    tasks = plan(settings)
    done = {task.key for task in tasks if store.is_done(task.key)}
    at_work = store.is_held()
    failures = tuple(
        {"label": task.label, "reason": reason, "log": str(store.log_of(task.key))}
        for task in tasks
        if task.key not in done and (reason := store.failure(task.key)) is not None
    )
    note: dict[str, Any] = {}
    if at_work:
        try:
            note = dict(parse_json((store.work / PROGRESS).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            # Not written yet, between two tasks, or no note of ours.
            note = {}
    total = sum(task.seconds for task in tasks)
    past = sum(task.seconds for task in tasks if task.key in done)
    names = [STUDY, RESULTS, VERDICTS, DATABASE, COMPARISON, REPORT, SCREEN_CSV, SCREEN]
    files = [store.folder / name for name in names if (store.folder / name).is_file()]
    return outcomes.StudyStatus(
        tasks={"done": len(done), "failed": len(failures), "left": len(tasks) - len(done) - len(failures)},
        at_work=at_work,
        running=tuple(note.get("running", ())),
        fraction=note.get("fraction", past / total if total else 1.0),
        seconds_left=note.get("seconds_left"),
        failures=failures,
        files=(*files, *sorted((store.folder / FIGURES).glob("*"))),
    )


def compare(
    out: str | Path, measured: str | Path | None = None, hypotheses: str | Path | None = None
) -> tuple[tuple[Comparison, ...], tuple[Verdict, ...]]:
    """Lay what a study has so far beside measured values.

    Parameters
    ----------
    out
        Folder of the study.
    measured, hypotheses
        Files of measured values and of hypotheses; by default what the study says.

    Raises
    ------
    InputError
        If `out` is no study's folder, nothing in it is done, or a file cannot be used.
    """
    judged = judged_of(out, measured, hypotheses)
    return judged.rows, judged.verdicts


def judged_of(
    out: str | Path, measured: str | Path | None = None, hypotheses: str | Path | None = None
) -> Judged:
    """Compare as :func:`compare` does, and say besides whose models the verdicts rest on, and what stands out.

    Raises
    ------
    InputError
        As :func:`compare`.
    """
    from alzmodel.study.judging import judge

    settings, tasks, store = _open(out, measured, hypotheses)
    return judge(settings, _finished(out, tasks, store))


def laid_over(out: str | Path, against: Sequence[str] | None = None) -> dict[str, dict[str, Agreement]]:
    """Scale the mean curves of a study's glasses onto measured curves.

    Parameters
    ----------
    out, against
        As for :func:`report`.

    Returns
    -------
    dict
        Each measured file, as ``KIND: FILE``, to the agreement of each composition.

    Raises
    ------
    InputError
        As :func:`report`, or if the study has no curve of that kind.
    """
    from alzmodel.study.against import over_study

    settings, tasks, store = _open(out, against=against)
    curves = curves_of_study(settings)
    return over_study(curves, _finished(out, tasks, store), store) if curves else {}


def provisional(out: str | Path) -> tuple[str, ...]:
    """Ions of a study whose potential parameters are provisional, by alphabet.

    Raises
    ------
    InputError
        If `out` is no study's folder.
    """
    from alzmodel.study.index import collect_records, provisional_of

    _, tasks, store = _open(out)
    return provisional_of(collect_records(tasks, store))


def earlier(out: str | Path) -> list[str]:
    """Say which results of a study, as they are compared and shown, an earlier version of a stage has made.

    Raises
    ------
    InputError
        If `out` is no study's folder.
    """
    _, tasks, _ = _open(out)
    return earlier_words(tasks)


def measured_file(out: str | Path) -> str | None:
    """Name the file of measured values that a study is compared with; None is the one that comes with the package.

    Raises
    ------
    InputError
        If `out` is no study's folder.
    """
    settings, _, _ = _open(out)
    return settings.compare.measured


def plot(
    what: str,
    out: str | Path,
    target: str | Path,
    measured: str | Path | None = None,
    against: Sequence[str] | None = None,
) -> Path:
    """Draw one figure of a study.

    Parameters
    ----------
    what
        A name of :func:`alzmodel.study.figures.study_figures`.
    out
        Folder of the study.
    target
        File to write: ``.png``, ``.svg`` or ``.pdf``.
    measured
        File of measured values; by default what the study says.
    against
        Measured curves, each as ``KIND=FILE``; by default what the study says.

    Raises
    ------
    InputError
        If there is no such figure, the study has nothing to draw for it, or the file cannot be written.
    """
    from alzmodel.compare.comparison import compare_models
    from alzmodel.compare.measured import load_measured
    from alzmodel.study.figures import draw

    settings, tasks, store = _open(out, measured, None, against)
    check_writable(target)
    found = _finished(out, tasks, store)
    values = load_measured(settings.compare.measured)
    rows = compare_models(found.quantities, values)
    return draw(what, found, store, rows, values, Path(target), curves_of_study(settings))[0]


def report(
    out: str | Path,
    target: str | Path | None = None,
    *,
    measured: str | Path | None = None,
    hypotheses: str | Path | None = None,
    against: Sequence[str] | None = None,
) -> Path:
    """Write a study as one HTML page that needs no network.

    Parameters
    ----------
    out
        Folder of the study.
    target
        The page; by default ``report.html`` in that folder.
    measured, hypotheses
        Files of measured values and of hypotheses; by default what the study says.
    against
        Measured curves, each as ``KIND=FILE``; by default what the study says.

    Raises
    ------
    InputError
        If `out` is no study's folder, nothing in it is done, or the page cannot be written.
    """
    return reported(out, target, measured=measured, hypotheses=hypotheses, against=against)[0]


def reported(
    out: str | Path,
    target: str | Path | None = None,
    *,
    measured: str | Path | None = None,
    hypotheses: str | Path | None = None,
    against: Sequence[str] | None = None,
) -> tuple[Path, Judged]:
    """Write the page as :func:`report` does, and say what stands on it.

    Raises
    ------
    InputError
        As :func:`report`.
    """
    from alzmodel.compare.measured import load_measured
    from alzmodel.report.page import write_page
    from alzmodel.study.figures import draw_all
    from alzmodel.study.judging import judge
    from alzmodel.study.page import study_page

    settings, tasks, store = _open(out, measured, hypotheses, against)
    path = store.folder / REPORT if target is None else Path(target)
    check_writable(path)
    found = _finished(out, tasks, store)
    if target is None:
        store.check()
    judged = judge(settings, found)
    values = load_measured(settings.compare.measured)
    with tempfile.TemporaryDirectory() as figures:
        drawn = draw_all(
            found, store, judged.rows, values, Path(figures), (".svg", ".csv"), curves_of_study(settings)
        )
        written = write_page(path, study_page(settings, tasks, store, found, judged, values, drawn))
    return written, judged


def _finished(out: str | Path, tasks: Sequence[Task], store: Store) -> Findings:
    from alzmodel.study.index import collect_records, gather

    records = collect_records(tasks, store, thorough=True)
    if not records:
        raise InputError(f"{out}: nothing of the study is done yet; allowed: a study with finished tasks")
    return gather(records)
