"""``alzmodel build``: from a composition or a phase to a model file."""

from __future__ import annotations

import functools
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from alzmodel.cli.build_crystal import crystal, nanocrystal
from alzmodel.cli.build_reports import check_models, compositions_of, report, summary_of
from alzmodel.cli.options import Json, ModelFile, command
from alzmodel.cli.options.build import (
    BuildOptions,
    CeramicOptions,
    CompositionOptions,
    GlassOptions,
    NucleusOptions,
)
from alzmodel.cli.output import print_json, print_table, refuse_two_streams, say, show_progress
from alzmodel.errors import AlzmodelError, BuildError, InputError, InterruptionError
from alzmodel.io import STANDARD_STREAM, write_structure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ase import Atoms

    from alzmodel.composition import Composition
    from alzmodel.models.melt_quench import Glass

__all__ = ["register"]


build = typer.Typer(
    no_args_is_help=True, help="Build a model: a glass, a crystal, a nanocrystal, a glass-ceramic."
)


def register(app: typer.Typer) -> None:
    """Add ``build`` to the command tree."""
    build.command()(command(glass))
    build.command("glass-ceramic")(command(glass_ceramic))
    build.command()(command(crystal))
    build.command()(command(nanocrystal))
    app.add_typer(build, name="build")


def glass(
    output: ModelFile,
    composition: CompositionOptions,
    recipe: GlassOptions,
    building: BuildOptions,
    as_json: Json = False,
) -> None:
    """Melt-quench a glass with LAMMPS and write the minimised model."""
    refuse_two_streams(output, as_json)
    jobs = _glass_jobs(output, composition, recipe, building)
    standing = [_finished(job.target, building.frames, job.made) for job in jobs]
    if building.dry_run:
        print_json([job.plan() for job in jobs]) if as_json else _show_plan(jobs)
        return
    summaries = []
    for job, found in zip(jobs, standing, strict=True):
        summaries.append(summary_of(_made(job, building.frames) if found is None else found))
        report(summaries[-1], job.target, as_json)
    if as_json:
        print_json(summaries[0] if len(summaries) == 1 else summaries)


def glass_ceramic(
    output: ModelFile,
    nucleus: NucleusOptions,
    composition: CompositionOptions,
    recipe: CeramicOptions,
    building: BuildOptions,
    as_json: Json = False,
) -> None:
    """Melt and quench a glass around a crystal nucleus, then relax both; the composition is that of the glass."""
    refuse_two_streams(output, as_json)
    job = _ceramic_job(output, nucleus, composition, recipe, building)
    if building.dry_run:
        print_json(job.plan()) if as_json else _show_plan([job])
        return
    model = _finished(output, building.frames, job.made)
    summary = summary_of(_made(job, building.frames) if model is None else model)
    if as_json:
        print_json(summary)
    report(summary, output, as_json)
    if not as_json and str(output) != STANDARD_STREAM:
        _print_nucleus(summary["provenance"])
    _warn_of_nucleus(summary["provenance"]["nucleus"])


@dataclass(frozen=True)
class _Job:
    """One model to build: what it is, what it costs, where it goes.

    `made` is the hash of its inputs, `workdir` the folder that the user named for restart files.
    """

    title: str
    words: str
    formula: str
    n_atoms: int
    protocol: str
    seconds: float
    megabytes: float
    target: Path
    made: str
    workdir: Path | None
    run: Callable[..., Glass]

    def plan(self) -> dict[str, Any]:
        """Give what ``--dry-run`` shows."""
        return {
            "formula": self.formula,
            "n_atoms": self.n_atoms,
            "protocol": self.protocol,
            "seconds": self.seconds,
            "megabytes": self.megabytes,
        }


def _glass_jobs(
    output: Path, asked: CompositionOptions, recipe: GlassOptions, building: BuildOptions
) -> list[_Job]:
    """One for every ion that the dopant stands for."""
    from alzmodel.models import melt_quench
    from alzmodel.models.work_folder import check_work_folder

    compositions = compositions_of(asked)
    outputs = _output_names(output, list(compositions))
    frames, workdir, dopant = building.frames, building.workdir, asked.dopant
    check_models(*outputs, frames=frames)
    if frames and len(outputs) > 1:
        raise InputError(
            f"--frames {frames}: {dopant} stands for several ions; allowed: one ion, such as {dopant}3+"
        )
    if workdir is not None:
        for label in compositions:
            check_work_folder(workdir / label if label else workdir)
    make, hashes, seconds = _glass_maker(list(compositions.values()), recipe, building)
    megabytes = melt_quench.estimate_memory(recipe.atoms, building.ranks) / 1e6
    return [
        _Job(
            title=composition.formula,
            words=f"about {seconds:.0f} s",
            formula=composition.formula,
            n_atoms=recipe.atoms,
            protocol=recipe.protocol,
            seconds=seconds,
            megabytes=megabytes,
            target=target,
            made=made,
            workdir=workdir / label if workdir and label else workdir,
            run=functools.partial(make, composition, recipe.atoms),
        )
        for (label, composition), target, made in zip(compositions.items(), outputs, hashes, strict=True)
    ]


def _glass_maker(
    compositions: list[Composition], recipe: GlassOptions, building: BuildOptions
) -> tuple[Callable[..., Glass], list[str], float]:
    """Give what builds a glass of a composition, the hashes of their inputs, and the seconds that one takes."""
    from alzmodel.models import melt_quench

    how: dict[str, Any] = {"seed": recipe.seed, "protocol": recipe.protocol}
    if recipe.calculator is None:
        how |= {"potential": building.potential, "ranks": building.ranks}
        hashes = [melt_quench.input_hash(one, recipe.atoms, **how) for one in compositions]
        seconds = melt_quench.estimate_seconds(recipe.atoms, recipe.protocol, building.potential)
        return functools.partial(melt_quench.melt_quench, **how), hashes, seconds / building.ranks
    from alzmodel.forcefields.calculators import calculator_of
    from alzmodel.models import direct_quench

    how["calculator"] = calculator_of(recipe.calculator)
    hashes = [direct_quench.direct_hash(one, recipe.atoms, **how) for one in compositions]
    seconds = max(
        direct_quench.seconds_of(one, recipe.atoms, how["calculator"], recipe.protocol)
        for one in compositions
    )
    return functools.partial(direct_quench.direct_quench, **how), hashes, seconds


def _ceramic_job(
    output: Path,
    nucleus: NucleusOptions,
    asked: CompositionOptions,
    recipe: CeramicOptions,
    building: BuildOptions,
) -> _Job:
    from alzmodel.models import glass_ceramic, melt_quench
    from alzmodel.models.work_folder import check_work_folder

    found = compositions_of(asked)
    if len(found) > 1:
        raise InputError(f"--dopant {asked.dopant}: stands for {' and '.join(found)}; allowed: one of them")
    (composition,) = found.values()
    check_models(output, frames=building.frames)
    if building.workdir is not None:
        check_work_folder(building.workdir)
    how: dict[str, Any] = {
        "nucleus": nucleus.nucleus,
        "diameter": nucleus.diameter,
        "box": nucleus.box,
        "n_atoms": nucleus.atoms,
        "seed": recipe.seed,
        "protocol": recipe.protocol,
        "potential": building.potential,
        "ranks": building.ranks,
    }
    expected = glass_ceramic.check_request(composition, **how)
    seconds = glass_ceramic.estimate_seconds(expected, recipe.protocol) / building.ranks
    return _Job(
        title=f"{nucleus.nucleus} in {composition.formula}",
        words=f"about {expected} atoms, {seconds:.0f} s",
        formula=composition.formula,
        n_atoms=expected,
        protocol=recipe.protocol,
        seconds=seconds,
        megabytes=melt_quench.estimate_memory(expected, building.ranks) / 1e6,
        target=output,
        made=glass_ceramic.input_hash(composition, **how),
        workdir=building.workdir,
        run=functools.partial(glass_ceramic.glass_ceramic, composition, **how),
    )


def _made(job: _Job, frames: Path | None) -> Atoms:
    """Build a model, and write it and its frames."""
    folder = _work_folder(job.workdir, job.target, job.made)
    say(f"alzmodel: {job.title}: {job.words} and {job.megabytes:.0f} MB of memory")
    result = _built(job.run, job.title, folder, named=job.workdir is not None)
    _write(result, job.target, frames, folder, named=job.workdir is not None)
    return result.model


def _warn_of_nucleus(nucleus: dict[str, Any]) -> None:
    if not nucleus["survived"]:
        share = nucleus["inner_on_site"]
        say(f"alzmodel: the nucleus did not survive: {share:.0%} of its inner cations are on their sites")


def _print_nucleus(provenance: dict[str, Any]) -> None:
    places = [(name, provenance["regions"][name]) for name in provenance["regions"]]
    parts = [("ions of the nucleus", provenance["nucleus"]), ("ions of the matrix", provenance["matrix"])]
    rows = [(name, part["n_atoms"], part["formula"], part["charge"]) for name, part in [*places, *parts]]
    print_table(
        "where the ions are, and where they came from", ("region", "atoms", "formula", "charge (e)"), rows
    )
    nucleus = provenance["nucleus"]
    lattice = " ".join(
        f"{value:.3f} ± {error:.3f}"
        for value, error in zip(
            nucleus["lattice_parameters"], nucleus["lattice_parameters_error"], strict=True
        )
    )
    print_table(
        f"nucleus of {nucleus['phase']}",
        ("quantity", "value", "is"),
        [
            ("diameter (Å)", f"{nucleus['diameter']:g}", "assumed"),
            (f"a, b, c (Å) at {provenance['final_temperature']:.0f} K", lattice, "predicted"),
            ("inner cations on their sites", f"{nucleus['inner_on_site']:.3f}", "predicted"),
            ("all its cations on their sites", f"{nucleus['on_site']:.3f}", "predicted"),
        ],
    )


def _finished(target: Path, frames: Path | None, made: str) -> Atoms | None:
    """Model of an earlier call with the same inputs, if all that it writes is there."""
    from alzmodel.models.work_folder import finished_in

    model = finished_in(target, made)
    if frames is not None and finished_in(frames, made) is None:
        return None
    if model is not None:
        say(f"alzmodel: {target} holds this model already")
    return model


def _work_folder(workdir: Path | None, target: Path, made: str) -> Path | None:
    from alzmodel.models.work_folder import work_folder_beside

    if workdir is not None:
        return workdir
    return None if str(target) == STANDARD_STREAM else work_folder_beside(target, made)


def _built(job: Callable[..., Glass], title: str, folder: Path | None, *, named: bool) -> Glass:
    """Build in `folder`, which stays for as long as the same command can go on from it, or if the user `named` it."""
    goes_on = f"; the same command goes on from {folder}" if folder is not None else ""
    try:
        with show_progress(title) as progress:
            return job(progress=progress, workdir=folder)
    except InputError:
        raise
    except BuildError as error:
        # All that stands there leads to this error again.
        if named:
            raise BuildError(f"{error}; what was computed is in {folder}") from error
        if folder is not None:
            shutil.rmtree(folder)
        raise
    except KeyboardInterrupt as error:
        raise InterruptionError(f"interrupted{goes_on}") from error
    except (AlzmodelError, OSError) as error:
        raise AlzmodelError(f"{error}{goes_on}") from error


def _write(result: Glass, target: Path, frames: Path | None, folder: Path | None, *, named: bool) -> None:
    """Write a model and its frames; then the folder that it was built in goes, unless the user `named` it."""
    write_structure(result.model, target)
    if frames:
        write_structure(result.frames, frames)
    if folder is not None and not named:
        shutil.rmtree(folder)


def _output_names(output: Path, labels: list[str]) -> list[Path]:
    if len(labels) == 1:
        return [output]
    if str(output) == STANDARD_STREAM:
        raise InputError(f"-o -: {' and '.join(labels)} are two models; allowed: a file name")
    return [output.with_name(f"{output.stem}-{label}{output.suffix}") for label in labels]


def _show_plan(jobs: list[_Job]) -> None:
    columns = ("formula", "atoms at least", "protocol", "estimated time (s)", "memory (MB)")
    print_table("plan", columns, [tuple(job.plan().values()) for job in jobs])
