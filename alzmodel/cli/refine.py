"""``alzmodel refine``: relax models with any calculator."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from alzmodel.cli.options import Frames, Json, MaxAtoms, command
from alzmodel.cli.options.refine import Models, Output, RefineOptions
from alzmodel.cli.output import (
    mark_provisional,
    print_json,
    print_table,
    refuse_two_streams,
    say,
    show_progress,
)
from alzmodel.cli.reading import read_models, refused_in
from alzmodel.errors import InputError, InterruptionError
from alzmodel.io import (
    STANDARD_STREAM,
    check_output_folder,
    check_structure_path,
    parse_json,
    read_frames,
    write_structure,
)
from alzmodel.limits import forecast
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms

    from alzmodel.forcefields.calculators import NamedCalculator

__all__ = ["register"]

EXIT_NOT_CONVERGED = 1


def register(app: typer.Typer) -> None:
    """Add ``refine`` to the command tree."""
    app.command()(command(refine))


def refine(
    models: Models,
    output: Output,
    options: RefineOptions,
    source: Frames,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Relax models with any ASE calculator, machine-learned ones included, at zero pressure.

    Each step is kept beside OUTPUT: the same command goes on where it was interrupted. If the steps run out, the model
    is written all the same, the exit code is 1, and the same command with more --steps goes on.
    """
    refuse_two_streams(output, as_json)
    jobs, chosen = _jobs(models, output, options, source, max_atoms)
    if options.dry_run:
        _show_plan(jobs, chosen, options.steps, as_json)
        return
    if len(models) > 1:
        output.mkdir(parents=True, exist_ok=True)
    _tell_time([job for job in jobs if _left(job, options)], chosen, options.steps)
    summaries = [_refine_one(job, chosen, options, as_json) for job in jobs]
    if as_json:
        print_json(summaries[0] if len(summaries) == 1 else summaries)
    if not all(summary["converged"] for summary in summaries):
        raise typer.Exit(EXIT_NOT_CONVERGED)


@dataclass(frozen=True)
class _Job:
    """One model, where it goes, and the hash of all that its relaxation depends on."""

    path: Path
    atoms: Atoms
    target: Path
    identity: str


def _settings(options: RefineOptions) -> dict[str, Any]:
    return {
        "fmax": options.fmax,
        "steps": options.steps,
        "cell": options.cell.value,
        "optimizer": options.optimizer.value,
    }


def _jobs(
    models: list[Path], output: Path, options: RefineOptions, source: Frames, max_atoms: int
) -> tuple[list[_Job], NamedCalculator]:
    """Check everything, before any work."""
    from alzmodel.forcefields.calculators import calculator_of
    from alzmodel.forcefields.refinement import check_refinement, refinement_hash

    targets = _targets(models, output)
    trajectory = options.trajectory
    if trajectory is not None:
        if len(models) > 1:
            raise InputError(f"--trajectory {trajectory}: {len(models)} models; allowed: with one model")
        check_structure_path(trajectory, several=True)
    _check_apart(models, [*targets, *([] if trajectory is None else [trajectory])])
    keywords = _keywords(options.parameters)
    loaded = [_one_model(path, source, max_atoms) for path in models]
    chosen = calculator_of(options.calculator, keywords)
    jobs = []
    for path, atoms, target in zip(models, loaded, targets, strict=True):
        try:
            check_refinement(atoms, chosen, **_settings(options))
        except InputError as error:
            raise refused_in(path, error) from error
        identity = refinement_hash(atoms, chosen, options.cell.value, options.optimizer.value)
        _standing(target, identity)
        jobs.append(_Job(path, atoms, target, identity))
    return jobs, chosen


def _left(job: _Job, options: RefineOptions) -> bool:
    """Whether there is something to do: a trajectory is always made anew."""
    return options.trajectory is not None or _finished(job.target, job.identity, options.fmax) is None


def _tell_time(jobs: list[_Job], chosen: NamedCalculator, steps: int) -> None:
    """Say what all steps would take, by the time of one evaluation, where that is long."""
    from alzmodel.forcefields.refinement import refine as run

    if not jobs:
        return
    before = time.monotonic()
    run(jobs[0].atoms, chosen, steps=0, cell="fixed")
    atoms = sum(len(job.atoms) for job in jobs)
    seconds = (time.monotonic() - before) * steps * atoms / len(jobs[0].atoms)
    ahead = forecast(f"{atoms} atoms, up to {steps} steps", seconds)
    if ahead is not None:
        say(f"alzmodel: {ahead}")


def _refine_one(job: _Job, chosen: NamedCalculator, options: RefineOptions, as_json: bool) -> dict[str, Any]:
    from alzmodel.forcefields.refinement import refine as run

    target, trajectory = job.target, options.trajectory
    beside = target.with_name(f"{target.name}.refine-{job.identity[:8]}")
    restart = None if str(target) == STANDARD_STREAM else beside
    summary = None if _left(job, options) else _finished(target, job.identity, options.fmax)
    if summary is None:
        try:
            with show_progress(job.path.name) as progress:
                result = run(
                    job.atoms,
                    chosen,
                    **_settings(options),
                    restart=restart,
                    keep_frames=trajectory is not None,
                    progress=progress,
                )
        except KeyboardInterrupt as error:
            goes_on = "" if restart is None else f"; the same command goes on from {restart}"
            raise InterruptionError(f"interrupted{goes_on}") from error
        write_structure(result.atoms, target)
        if trajectory is not None:
            write_structure(result.frames, trajectory)
        if restart is not None and result.converged:
            shutil.rmtree(restart)
        summary = _summary(result.provenance)
    else:
        say(f"alzmodel: {target} holds this relaxation already")
    mark_provisional(summary, summary["provenance"])
    if not summary["converged"]:
        more = "" if restart is None else f"; the same command with more --steps goes on from {restart}"
        say(
            f"alzmodel: {job.path}: {options.steps} steps left {summary['fmax']:.3f} eV/Å, asked for "
            f"{options.fmax:g}; the model was written{more}"
        )
    if not as_json and str(target) != STANDARD_STREAM:
        hidden = {"provenance", "provisional", "calculator"}
        rows = [(name, value) for name, value in summary.items() if name not in hidden]
        versions = " ".join(
            f"{name} {version}" for name, version in summary["calculator"]["versions"].items()
        )
        print_table(
            str(target), ("quantity", "value"), [*rows, ("calculator", f"{chosen.name} ({versions})")]
        )
    return summary


def _finished(target: Path, identity: str, fmax: float) -> dict[str, Any] | None:
    """Summary of what `target` holds, if that is this very relaxation, far enough."""
    found = _standing(target, identity)
    return _summary(found) if found and found["converged"] and found["fmax"] <= fmax else None


def _standing(target: Path, identity: str) -> dict[str, Any] | None:
    """Provenance of an earlier call that came less far, or as far; anything else would be lost and is refused."""
    if str(target) == STANDARD_STREAM or not target.exists():
        return None
    try:
        found = read_frames(target)[-1].info.get("provenance")
    except InputError:
        found = None
    if not isinstance(found, dict) or found.get("input_hash") != identity:
        raise InputError(f"{target}: exists, and holds something else; allowed: another name, or remove it")
    return found


def _check_apart(models: list[Path], outputs: list[Path]) -> None:
    """Refuse a file that is written to and is another one's too."""
    taken = {path.resolve(): "one of the models" for path in models if str(path) != STANDARD_STREAM}
    for output in outputs:
        if str(output) != STANDARD_STREAM:
            if output.resolve() in taken:
                raise InputError(
                    f"{output}: is {taken[output.resolve()]}; allowed: another name for what is written"
                )
            taken[output.resolve()] = "the refined model"


def _summary(provenance: dict[str, Any]) -> dict[str, Any]:
    keys = (
        "formula",
        "n_atoms",
        "energy_before",
        "energy_after",
        "fmax",
        "steps",
        "converged",
        "pressure_before",
        "pressure",
        "density_before",
        "density",
        "calculator",
    )
    return {**{key: provenance[key] for key in keys}, "provenance": provenance}


def _targets(models: list[Path], output: Path) -> list[Path]:
    if len(models) == 1:
        check_structure_path(output)
        return [output]
    if str(output) == STANDARD_STREAM:
        raise InputError(f"-o -: {len(models)} models; allowed: a folder")
    names = [path.stem for path in models]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(
            f"models: two are called {twice!r}; allowed: names that differ, they name the results"
        )
    check_output_folder(output)
    return [output / f"{name}.extxyz" for name in names]


def _keywords(parameters: str | None) -> dict[str, Any]:
    if parameters is None:
        return {}
    try:
        found = parse_json(parameters)
    except ValueError as error:
        raise InputError(f"--parameters {parameters}: no JSON ({error}); allowed: an object") from error
    if not isinstance(found, dict):
        raise InputError(f"--parameters {parameters}: is no object; allowed: '{{\"name\": value}}'")
    return found


def _one_model(path: Path, source: Frames, max_atoms: int) -> Atoms:
    frames = read_models(path, max_atoms=max_atoms, source=source)
    if len(frames) > 1:
        raise InputError(f"{path}: holds {len(frames)} frames; allowed: one model, such as --frames last")
    return frames[0]


def _show_plan(jobs: list[_Job], chosen: NamedCalculator, steps: int, as_json: bool) -> None:
    from alzmodel.forcefields.refinement import refine as run

    plan = []
    for job in jobs:
        before = time.monotonic()
        result = run(job.atoms, chosen, steps=0, cell="fixed")
        seconds = time.monotonic() - before
        plan.append(
            {
                "file": str(job.path),
                "n_atoms": len(job.atoms),
                "calculator": chosen.name,
                "energy_before": result.energy_before,
                "fmax_before": result.fmax,
                "seconds_a_step": seconds,
                "seconds_at_most": seconds * steps,
            }
        )
    if as_json:
        print_json(plan)
        return
    columns = ("file", "atoms", "calculator", "energy (eV)", "fmax (eV/Å)", "s a step", "s at most")
    print_table("plan", columns, [tuple(step.values()) for step in plan])
