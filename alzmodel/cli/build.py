"""``alzmodel build``: from a composition or a phase to a model file."""

from __future__ import annotations

import functools
import shutil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.build_crystal import crystal, nanocrystal
from alzmodel.cli.build_options import (
    Compensate,
    Compensation,
    Dopant,
    DryRun,
    Formula,
    Fraction,
    Frames,
    Json,
    La,
    Li,
    Output,
    Oxygen,
    OxygenContent,
    Potential,
    Ranks,
    Seed,
    Workdir,
    check_models,
    compositions_of,
    report,
    summary_of,
)
from alzmodel.cli.numbers import real, whole
from alzmodel.cli.output import print_json, print_table, refuse_two_streams, say, show_progress
from alzmodel.errors import AlzmodelError, BuildError, InputError, InterruptionError
from alzmodel.io import STANDARD_STREAM, write_structure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ase import Atoms

    from alzmodel.models.melt_quench import Glass

__all__ = ["register"]


build = typer.Typer(
    no_args_is_help=True, help="Build a model: a glass, a crystal, a nanocrystal, a glass-ceramic."
)


def register(app: typer.Typer) -> None:
    """Add ``build`` to the command tree."""
    build.command()(crystal)
    build.command()(nanocrystal)
    app.add_typer(build, name="build")


@build.command()
def glass(
    output: Output,
    la: La = None,
    formula: Formula = None,
    li: Li = None,
    oxygen: OxygenContent = Oxygen.BALANCE,
    dopant: Dopant = None,
    fraction: Fraction = None,
    compensate: Compensate = Compensation.LITHIUM,
    atoms: Annotated[
        int,
        typer.Option(
            parser=whole, metavar="INTEGER", help="Smallest number of atoms; rounded up to whole ions."
        ),
    ] = 600,
    seed: Seed = 1,
    protocol: Annotated[
        str,
        typer.Option(
            help="quick, standard, as-deposited-high-Tf, annealed-low-Tf, or a TOML file of temperatures, rates, …"
        ),
    ] = "standard",
    potential: Potential = "du-teter",
    ranks: Ranks = 1,
    frames: Frames = None,
    workdir: Workdir = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Melt-quench a glass with LAMMPS and write the minimised model."""
    from alzmodel.models import melt_quench
    from alzmodel.models.work_folder import check_work_folder

    refuse_two_streams(output, as_json)
    compositions = compositions_of(la, formula, li, oxygen, dopant, fraction, compensate)
    outputs = _output_names(output, list(compositions))
    check_models(*outputs, frames=frames)
    if frames and len(outputs) > 1:
        raise InputError(
            f"--frames {frames}: {dopant} stands for several ions; allowed: one ion, such as {dopant}3+"
        )
    if workdir is not None:
        for label in compositions:
            check_work_folder(workdir / label if label else workdir)
    how: dict[str, Any] = {"seed": seed, "protocol": protocol, "potential": potential, "ranks": ranks}
    hashes = [melt_quench.input_hash(composition, atoms, **how) for composition in compositions.values()]
    finished = [_finished(target, frames, made) for target, made in zip(outputs, hashes, strict=True)]
    seconds = melt_quench.estimate_seconds(atoms, protocol) / ranks
    megabytes = melt_quench.estimate_memory(atoms, ranks) / 1e6
    if dry_run:
        plan = [
            {
                "formula": composition.formula,
                "n_atoms": atoms,
                "protocol": protocol,
                "seconds": seconds,
                "megabytes": megabytes,
            }
            for composition in compositions.values()
        ]
        print_json(plan) if as_json else _print_plan(plan)
        return
    summaries = []
    for label, composition, target, made, standing in zip(
        compositions, compositions.values(), outputs, hashes, finished, strict=True
    ):
        if standing is not None:
            summaries.append(summary_of(standing))
        else:
            folder = _work_folder(workdir / label if workdir and label else workdir, target, made)
            say(f"alzmodel: {composition.formula}: about {seconds:.0f} s and {megabytes:.0f} MB of memory")
            job = functools.partial(melt_quench.melt_quench, composition, atoms, **how)
            result = _built(job, composition.formula, folder, named=workdir is not None)
            _write(result, target, frames, folder, named=workdir is not None)
            summaries.append(summary_of(result.model))
        report(summaries[-1], target, as_json)
    if as_json:
        print_json(summaries[0] if len(summaries) == 1 else summaries)


@build.command("glass-ceramic")
def glass_ceramic(
    output: Output,
    nucleus: Annotated[str, typer.Option(help="Reference phase of the nucleus, such as La2Zr2O7.")],
    diameter: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Diameter of the nucleus in Å (assumed).")
    ],
    box: Annotated[
        float | None, typer.Option(parser=real, metavar="FLOAT", help="Edge of the cube in Å, about.")
    ] = None,
    atoms: Annotated[
        int | None,
        typer.Option(parser=whole, metavar="INTEGER", help="Smallest number of atoms, instead of --box."),
    ] = None,
    la: La = None,
    formula: Formula = None,
    li: Li = None,
    oxygen: OxygenContent = Oxygen.BALANCE,
    dopant: Dopant = None,
    fraction: Fraction = None,
    compensate: Compensate = Compensation.LITHIUM,
    seed: Seed = 1,
    protocol: Annotated[
        str, typer.Option(help="glass-ceramic, or another protocol with an anneal, or a TOML file.")
    ] = "glass-ceramic",
    potential: Potential = "du-teter",
    ranks: Ranks = 1,
    frames: Frames = None,
    workdir: Workdir = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Melt-quench a glass around a nucleus of crystal, free the nucleus, relax both; the composition is the glass's."""
    from alzmodel.models import glass_ceramic, melt_quench
    from alzmodel.models.work_folder import check_work_folder

    refuse_two_streams(output, as_json)
    found = compositions_of(la, formula, li, oxygen, dopant, fraction, compensate)
    if len(found) > 1:
        raise InputError(f"--dopant {dopant}: stands for {' and '.join(found)}; allowed: one of them")
    (composition,) = found.values()
    check_models(output, frames=frames)
    if workdir is not None:
        check_work_folder(workdir)
    how: dict[str, Any] = {
        "nucleus": nucleus,
        "diameter": diameter,
        "box": box,
        "n_atoms": atoms,
        "seed": seed,
        "protocol": protocol,
        "potential": potential,
        "ranks": ranks,
    }
    expected = glass_ceramic.check_request(composition, **how)
    seconds = glass_ceramic.estimate_seconds(expected, protocol) / ranks
    megabytes = melt_quench.estimate_memory(expected, ranks) / 1e6
    if dry_run:
        plan = {
            "formula": composition.formula,
            "n_atoms": expected,
            "protocol": protocol,
            "seconds": seconds,
            "megabytes": megabytes,
        }
        print_json(plan) if as_json else _print_plan([plan])
        return
    made = glass_ceramic.input_hash(composition, **how)
    model = _finished(output, frames, made)
    if model is None:
        title = f"{nucleus} in {composition.formula}"
        say(f"alzmodel: {title}: about {expected} atoms, {seconds:.0f} s and {megabytes:.0f} MB of memory")
        folder = _work_folder(workdir, output, made)
        job = functools.partial(glass_ceramic.glass_ceramic, composition, **how)
        result = _built(job, title, folder, named=workdir is not None)
        _write(result, output, frames, folder, named=workdir is not None)
        model = result.model
    summary = summary_of(model)
    if as_json:
        print_json(summary)
    report(summary, output, as_json)
    if not as_json and str(output) != STANDARD_STREAM:
        _print_nucleus(summary["provenance"])
    if not summary["provenance"]["nucleus"]["survived"]:
        share = summary["provenance"]["nucleus"]["inner_on_site"]
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


def _print_plan(plan: list[dict[str, Any]]) -> None:
    columns = ("formula", "atoms at least", "protocol", "estimated time (s)", "memory (MB)")
    print_table("plan", columns, [tuple(step.values()) for step in plan])
