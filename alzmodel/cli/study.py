"""``alzmodel run`` and its kin: a grid of models, analysed, compared and shown."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.numbers import whole
from alzmodel.cli.options.study import Curves, Hypotheses, Measured
from alzmodel.cli.output import mark_provisional, print_json, print_table, say
from alzmodel.errors import InputError

if TYPE_CHECKING:
    from alzmodel.scattering.xrd.data import Agreement
    from alzmodel.study.judging import Judged
    from alzmodel.study.outcomes import StudyPlan, StudyStatus
    from alzmodel.study.scheduler import Listener, StudyEvent
    from alzmodel.study.settings import StudySettings

__all__ = ["print_plan", "register"]


class Preset(StrEnum):
    """Studies that come with the package."""

    QUICK = "quick"
    PAPER = "paper"
    PRODUCTION = "production"


class Models(StrEnum):
    """Where the glasses of a study come from."""

    BUILD = "build"
    LIBRARY = "library"


Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a study.")]
Full = Annotated[bool, typer.Option("--full", help="Also list every measured value beside the models.")]
FIGURES = (
    *(
        "pdf",
        "coordination",
        "cutoffs",
        "sharing",
        "xrd",
        "reference",
        "fem",
        "fem_glass",
        "exafs",
        "transport",
    ),
    *(
        "vibrations",
        "unit_spectra",
        "raman_parity",
        "comparison",
        "screen",
        "fem_peaks",
        "d222",
        "size",
        "against_fem",
        "against_xrd",
        "against_pdf",
        "history",
    ),
)
"""Names of :func:`alzmodel.study.figures.study_figures`, which is slow to import."""
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]

study = typer.Typer(no_args_is_help=True, help="Study files.")


def register(app: typer.Typer) -> None:
    """Add the commands of a study to the command tree."""
    app.command()(run)
    app.add_typer(study, name="study")
    for command in (status, compare, plot, report):
        app.command()(command)
        study.command()(command)


def run(
    study_file: Annotated[
        Path | None, typer.Argument(metavar="[STUDY.toml]", help="Study file; see 'alzmodel study init'.")
    ] = None,
    preset: Annotated[Preset | None, typer.Option(help="A ready-made study.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the study.")] = Path("alzmodel-study"),
    workers: Annotated[
        int | None,
        typer.Option(parser=whole, metavar="INTEGER", help="How many tasks run at once.", show_default="2"),
    ] = None,
    executor: Annotated[
        str, typer.Option(help="Where tasks run: local, dask, slurm, or the address of a Dask scheduler.")
    ] = "local",
    measured: Measured = None,
    hypotheses: Hypotheses = None,
    against: Curves = None,
    models: Annotated[
        Models | None,
        typer.Option(help="Build the glasses, or take finished ones from the library of the package."),
    ] = None,
    potential: Annotated[
        str | None,
        typer.Option(help="Use this potential in place of the study's: which conclusions depend on it?"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show tasks, time and disk; do nothing.")
    ] = False,
    full: Full = False,
    as_json: Json = False,
) -> None:
    """Build a grid of models, analyse them, compare them with measurements; the same command resumes."""
    from alzmodel.cli.study_display import show_study
    from alzmodel.study import runner

    settings = _settings(study_file, preset, models, potential)
    # Refuses what can be refused, before a word is said.
    planned = runner.plan_study(
        settings,
        out,
        workers=workers,
        executor=executor,
        measured=measured,
        hypotheses=hypotheses,
        against=against,
    )
    if settings.glass.models == "library":
        say(f"alzmodel: {runner.library_words(settings)}")
    if dry_run:
        for words in planned.again:
            say(f"alzmodel: {words}")
        print_json(planned.to_dict()) if as_json else print_plan(planned)
        return
    with show_study() as listen:
        result = runner.run(
            settings,
            out,
            workers=workers,
            executor=executor,
            measured=measured,
            hypotheses=hypotheses,
            against=against,
            listen=_with_place(listen, out),
        )
    for failure in result.failures:
        say(f"alzmodel: failed: {failure['label']}: {failure['reason']}; log: {failure['log']}")
    payload = result.to_dict()
    mark_provisional(payload, {"provisional": result.provisional})
    if as_json:
        print_json(payload)
    else:
        _print_judged(result.judged, out, measured or settings.compare.measured, full=full)
        say(f"alzmodel: {result.tasks['done']} tasks done; results in {out}")
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _with_place(listen: Listener, out: Path) -> Listener:
    """Say where the results go, when the work begins and all that was asked for is known to be possible."""
    told: list[Path] = []

    def tell(event: StudyEvent) -> None:
        if not told:
            told.append(out)
            say(f"alzmodel: results go to {out}")
        listen(event)

    return tell


def _settings(
    study_file: Path | None, preset: Preset | None, models: Models | None, potential: str | None
) -> StudySettings:
    from alzmodel.study import settings

    if study_file is not None and preset is not None:
        raise InputError(f"{study_file} and --preset {preset.value}: two studies; allowed: one of them")
    if study_file is not None:
        study = settings.load_study(study_file)
    else:
        study = settings.preset((preset or Preset.QUICK).value)
    changes: dict[str, str | None] = {}
    if models is not None:
        changes["models"] = models.value
    if potential is not None:
        changes |= {"potential": potential, "potentials": None}
    return study.model_copy(update={"glass": study.glass.model_copy(update=changes)})


@study.command()
def init(path: Annotated[Path, typer.Argument(metavar="F", help="Study file to write.")]) -> None:
    """Write a commented study file."""
    from alzmodel.study import runner

    say(f"alzmodel: wrote {runner.init(path)}; run it with 'alzmodel run {path}'")


def status(folder: Folder, as_json: Json = False) -> None:
    """Tell how far a study is, also while it runs."""
    from alzmodel.study import runner

    found = runner.status(folder)
    print_json(found.to_dict()) if as_json else _print_status(found)
    if found.tasks["failed"] + found.tasks["left"] and not found.at_work:
        say(f"alzmodel: go on with 'alzmodel run {folder / 'study.toml'} --out {folder}'")


def compare(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...",
            help="Folder of a study. Several folders: their verdicts side by side.",
        ),
    ],
    measured: Measured = None,
    hypotheses: Hypotheses = None,
    against: Curves = None,
    full: Full = False,
    as_json: Json = False,
) -> None:
    """Lay the models of a study beside the measured values and judge the hypotheses."""
    from alzmodel.study import runner

    if len(folders) > 1:
        _compare_studies(folders, measured, hypotheses, against, as_json)
        return
    (folder,) = folders
    judged = runner.judged_of(folder, measured, hypotheses)
    laid = runner.laid_over(folder, against)
    payload = judged.to_dict() | _against_entry(laid)
    _mark(payload, folder)
    if as_json:
        print_json(payload)
    else:
        _print_judged(judged, folder, measured or runner.measured_file(folder), full=full)
        _print_against(laid)


def _against_entry(laid: dict[str, dict[str, Agreement]]) -> dict[str, Any]:
    """Give how well each curve agrees, without the curves: the figures have them."""
    if not laid:
        return {}
    named = ("scale", "rwp", "rwp_background", "correlation", "n_points")
    return {
        "against": {
            file: {
                label: {name: value for name, value in one.to_dict().items() if name in named}
                for label, one in curves.items()
            }
            for file, curves in laid.items()
        }
    }


def _print_against(laid: dict[str, dict[str, Agreement]], study_name: str = "") -> None:
    for file, curves in laid.items():
        rows = [
            (label, f"{one.scale:.4g}", round(one.rwp, 3), round(one.correlation, 3), int(one.x.size))
            for label, one in curves.items()
        ]
        print_table(
            f"measured {file} over the models{study_name}", ("model", "scale", "Rwp", "r", "points"), rows
        )


def _compare_studies(
    folders: list[Path],
    measured: Path | None,
    hypotheses: Path | None,
    against: list[str] | None,
    as_json: bool,
) -> None:
    from alzmodel.compare.side_by_side import side_by_side
    from alzmodel.report.table import print_side_by_side
    from alzmodel.study import runner

    if len(set(folders)) != len(folders):
        raise InputError(f"{' '.join(map(str, folders))}: a study twice; allowed: each once")
    studies = {str(folder): runner.compare(folder, measured, hypotheses)[1] for folder in folders}
    laid = {str(folder): runner.laid_over(folder, against) for folder in folders}
    rows = side_by_side(studies)
    payload: dict[str, Any] = {
        "studies": {
            name: {"hypotheses": [verdict.to_dict() for verdict in verdicts]} | _against_entry(laid[name])
            for name, verdicts in studies.items()
        },
        "side_by_side": [row.to_dict() for row in rows],
    }
    _mark(payload, *folders)
    if as_json:
        print_json(payload)
    else:
        print_side_by_side(rows, list(studies))
        for name, curves in laid.items():
            _print_against(curves, f" of {name}")


def plot(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[WHAT]", help=f"One of {', '.join(FIGURES)}; left out: they are listed."),
    ] = None,
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Folder of a study.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write: .png, .svg or .pdf.")
    ] = None,
    measured: Measured = None,
    against: Curves = None,
) -> None:
    """Draw one figure of a study; without words after it, list the figures."""
    from alzmodel.study import runner
    from alzmodel.study.figures import study_figures

    if what is None:
        _list_figures()
        return
    if folder is None:
        raise InputError(
            "DIR: no study named; allowed: alzmodel plot WHAT DIR -o F; 'alzmodel plot' lists WHAT"
        )
    if output is None:
        raise InputError(f"-o: no file named; allowed: alzmodel plot {what} {folder} -o {what}.png")
    say(f"alzmodel: wrote {runner.plot(what, folder, output, measured, against)}")
    figure = study_figures()[what]
    say(f"alzmodel: {figure.title}. {figure.caption}")
    _mark({}, folder)


def _list_figures() -> None:
    from alzmodel.study.figures import study_figures

    rows = [(name, figure.title) for name, figure in study_figures().items()]
    print_table("figures", ("WHAT", "shows"), rows)


def report(
    folder: Folder,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Page to write.", show_default="DIR/report.html")
    ] = None,
    measured: Measured = None,
    hypotheses: Hypotheses = None,
    against: Curves = None,
) -> None:
    """Write the study as one HTML page that needs no network, and print what stands first on it."""
    from alzmodel.report.opening import print_opening
    from alzmodel.report.table import plain_console
    from alzmodel.study import runner

    written, judged = runner.reported(
        folder, output, measured=measured, hypotheses=hypotheses, against=against
    )
    print_opening(judged.opening, plain_console(), folder)
    say(f"alzmodel: wrote {written}")
    _mark({}, folder)


def _mark(payload: dict[str, Any], *folders: Path) -> None:
    """Say which parameters behind the results are provisional, and which results are of an earlier version."""
    from alzmodel.study import runner

    mark_provisional(payload, *({"provisional": runner.provisional(folder)} for folder in folders))
    for words in dict.fromkeys(line for folder in folders for line in runner.earlier(folder)):
        say(f"alzmodel: {words}")


def print_plan(planned: StudyPlan) -> None:
    """Show tasks, time and disk of a study that was not begun."""
    rows = [
        (task["label"], task["stage"], "done" if task["done"] else f"{task['seconds']:.0f}")
        for task in planned.tasks
    ]
    print_table("plan", ("task", "stage", "estimated CPU time (s)"), rows)
    say(f"alzmodel: about {planned.seconds:.0f} s left and {planned.megabytes:.0f} MB on disk")


def _print_status(found: StudyStatus) -> None:
    rows: list[tuple[str, Any]] = [("tasks " + name, number) for name, number in found.tasks.items()]
    rows.append(("done", f"{found.fraction:.0%}"))
    if found.seconds_left is not None:
        rows.append(("time left (s)", f"{found.seconds_left:.0f}"))
    rows.extend((f"at work: {task['label']}", f"{task['fraction']:.0%}") for task in found.running)
    rows.extend((f"failed: {failure['label']}", failure["reason"]) for failure in found.failures)
    print_table("at work" if found.at_work else "not at work", ("", ""), rows)


def _print_judged(judged: Judged, folder: Path, measured: str | Path | None, *, full: bool) -> None:
    """Print what stands first, the verdicts, and on request every row."""
    from alzmodel.compare.measured import load_measured
    from alzmodel.report.opening import print_opening
    from alzmodel.report.potential_table import print_potentials
    from alzmodel.report.table import plain_console, print_comparison, print_hypotheses

    console = plain_console()
    print_opening(judged.opening, console, folder)
    print_hypotheses(judged.verdicts, console=console)
    print_potentials(judged.verdicts, console)
    if full:
        print_comparison(judged.rows, load_measured(measured), console=console)
