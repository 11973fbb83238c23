"""``alzmodel build``: from a composition or a phase to a model file."""

from __future__ import annotations

import math
import shutil
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.numbers import real, whole
from alzmodel.cli.output import (
    mark_provisional,
    print_json,
    print_table,
    refuse_two_streams,
    say,
    show_progress,
)
from alzmodel.errors import InputError
from alzmodel.io import STANDARD_STREAM, check_output_folder, check_writable, write_structure

if TYPE_CHECKING:
    from ase import Atoms

    from alzmodel.composition import Composition

__all__ = ["register"]


class Oxygen(StrEnum):
    """How the oxygen content follows."""

    BALANCE = "balance"
    TWELVE = "12"


class Compensation(StrEnum):
    """What balances the charge of a dopant."""

    LITHIUM = "li"
    OXYGEN = "oxygen"


Output = Annotated[
    Path,
    typer.Option("-o", "--output", help="Model file; the ending names the format, '-' is extxyz on stdout."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]

build = typer.Typer(no_args_is_help=True, help="Build a model: a glass, a crystal, a nanocrystal.")


def register(app: typer.Typer) -> None:
    """Add ``build`` to the command tree."""
    app.add_typer(build, name="build")


@build.command()
def glass(
    output: Output,
    la: Annotated[str | None, typer.Option(help="La per Li7LaxZr2O(12-d), 0 < x <= 6, or '50mol%'.")] = None,
    formula: Annotated[str | None, typer.Option(help="A neutral formula instead of --la.")] = None,
    li: Annotated[
        float | None,
        typer.Option(parser=real, metavar="FLOAT", help="Li per formula unit.", show_default="7"),
    ] = None,
    oxygen: Annotated[
        Oxygen, typer.Option(help="Oxygen from neutral charge, or 12 with Li as the balance.")
    ] = (Oxygen.BALANCE),
    dopant: Annotated[str | None, typer.Option(help="Ion on the La site: Ca, Ce3+, …; 'Ce' is both.")] = None,
    fraction: Annotated[
        float | None, typer.Option(parser=real, metavar="FLOAT", help="Fraction of La replaced, 0 to 1.")
    ] = None,
    compensate: Annotated[Compensation, typer.Option(help="What balances the dopant's charge.")] = (
        Compensation.LITHIUM
    ),
    atoms: Annotated[
        int,
        typer.Option(
            parser=whole, metavar="INTEGER", help="Smallest number of atoms; rounded up to whole ions."
        ),
    ] = 600,
    seed: Annotated[
        int,
        typer.Option(
            parser=whole, metavar="INTEGER", help="Random seed; the same seed gives the same model."
        ),
    ] = 1,
    protocol: Annotated[
        str,
        typer.Option(
            help="quick, standard, as-deposited-high-Tf, annealed-low-Tf, or a TOML file of temperatures, rates, …"
        ),
    ] = "standard",
    potential: Annotated[str, typer.Option(help="Interatomic potential.")] = "du-teter",
    ranks: Annotated[int, typer.Option(parser=whole, metavar="INTEGER", help="MPI ranks of LAMMPS.")] = 1,
    frames: Annotated[Path | None, typer.Option(help="Also write the 300 K frames here (extxyz).")] = None,
    workdir: Annotated[
        Path | None,
        typer.Option(
            help="Folder for restart files: the same command goes on there.",
            show_default="OUTPUT.build-HASH, gone when the model is written",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, its time and memory, build nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Melt-quench a glass with LAMMPS and write the minimised model."""
    from alzmodel.build import melt_quench

    refuse_two_streams(output, as_json)
    compositions = _compositions(la, formula, li, oxygen, dopant, fraction, compensate)
    outputs = _output_names(output, list(compositions))
    for target in [*outputs, *([frames] if frames else [])]:
        check_writable(target)
    if frames and len(outputs) > 1:
        raise InputError(
            f"--frames {frames}: {dopant} stands for several ions; allowed: one ion, such as {dopant}3+"
        )
    if workdir is not None:
        check_output_folder(workdir)
    for composition in compositions.values():
        melt_quench.check_request(composition, atoms, protocol, potential, ranks)
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
    for label, composition, target in zip(compositions, compositions.values(), outputs, strict=True):
        how: dict[str, Any] = {
            "seed": seed,
            "protocol": protocol,
            "potential": potential,
            "ranks": ranks,
        }
        folder = _work_folder(workdir, label, target, composition, atoms, how)
        say(f"alzmodel: {composition.formula}: about {seconds:.0f} s and {megabytes:.0f} MB of memory")
        try:
            with show_progress(composition.formula) as progress:
                result = melt_quench.melt_quench(composition, atoms, **how, progress=progress, workdir=folder)
        except KeyboardInterrupt:
            if folder is not None:
                say(f"alzmodel: the same command goes on from {folder}")
            raise
        write_structure(result.model, target)
        if frames:
            write_structure(result.frames, frames)
        if folder is not None and workdir is None:
            shutil.rmtree(folder)
        summaries.append(_summary(result.model))
        _report(summaries[-1], target, as_json)
    if as_json:
        print_json(summaries[0] if len(summaries) == 1 else summaries)


def _work_folder(
    workdir: Path | None,
    label: str,
    target: Path,
    composition: Composition,
    atoms: int,
    how: dict[str, Any],
) -> Path | None:
    from alzmodel.build.melt_quench import resumable_folder

    if workdir is not None:
        return workdir / label if label else workdir
    if str(target) == STANDARD_STREAM:
        return None
    return resumable_folder(target, composition, atoms, **how)


def _compositions(
    la: str | None,
    formula: str | None,
    li: float | None,
    oxygen: Oxygen,
    dopant: str | None,
    fraction: float | None,
    compensate: Compensation,
) -> dict[str, Composition]:
    from alzmodel.composition import dopant_ions, glass_composition, parse_composition, parse_la

    if (la is None) == (formula is None):
        given = "both" if la else "neither"
        raise InputError(f"--la and --formula: {given} given; allowed: one of them")
    if formula is not None:
        if li is not None or dopant or fraction is not None or oxygen != Oxygen.BALANCE:
            raise InputError(
                f"--formula {formula}: says it all; allowed: no --li, --oxygen, --dopant, --fraction"
            )
        return {"": parse_composition(formula)}
    if (dopant is None) != (fraction is None):
        missing = "--fraction" if fraction is None else "--dopant"
        raise InputError(f"{missing}: missing; allowed: --dopant and --fraction together")
    content = parse_la(str(la))
    labels = [found.label for found in dopant_ions(dopant)] if dopant else [None]
    return {
        label or "": glass_composition(
            content,
            li=li,
            oxygen=oxygen.value,
            dopant=label,
            fraction=fraction or 0.0,
            compensate=compensate.value,
        )
        for label in labels
    }


def _output_names(output: Path, labels: list[str]) -> list[Path]:
    if len(labels) == 1:
        return [output]
    if str(output) == STANDARD_STREAM:
        raise InputError(f"-o -: {' and '.join(labels)} are two models; allowed: a file name")
    return [output.with_name(f"{output.stem}-{label}{output.suffix}") for label in labels]


@build.command()
def crystal(
    phase: Annotated[str, typer.Argument(help="Reference phase, such as La2Zr2O7.")],
    output: Output,
    supercell: Annotated[
        int,
        typer.Option(
            parser=whole, metavar="INTEGER", help="Repeats of the conventional cell along each axis."
        ),
    ] = 1,
    lattice: Annotated[
        float | None, typer.Option(help="Lattice parameter a in Å instead of the published.")
    ] = None,
    disorder: Annotated[
        float,
        typer.Option(parser=real, metavar="FLOAT", help="La2Zr2O7 only: 0 pyrochlore to 1 defect fluorite."),
    ] = 0.0,
    seed: Annotated[
        int, typer.Option(parser=whole, metavar="INTEGER", help="Random seed of the disorder.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Write a reference crystal: perfect, or disordered from pyrochlore towards defect fluorite."""
    from alzmodel import crystals

    refuse_two_streams(output, as_json)
    check_writable(output)
    if disorder:
        found = crystals.phase_of(phase)
        if found.name != "La2Zr2O7":
            raise InputError(f"--disorder {disorder}: {found.name} is no pyrochlore; allowed: La2Zr2O7")
        model = crystals.pyrochlore_defect_fluorite(supercell, disorder, seed, lattice_parameter=lattice)
    else:
        model = crystals.supercell(crystals.crystal(phase, lattice_parameter=lattice), supercell)
    _write(model, output, as_json)


@build.command()
def nanocrystal(
    phase: Annotated[str, typer.Argument(help="Reference phase, such as La2Zr2O7.")],
    output: Output,
    diameter: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Diameter of the sphere in Å.")
    ],
    lattice: Annotated[
        float | None, typer.Option(help="Lattice parameter a in Å instead of the published.")
    ] = None,
    every_atom: Annotated[
        bool, typer.Option("--every-atom", help="Keep every atom of the sphere, neutral or not.")
    ] = False,
    seed: Annotated[
        int,
        typer.Option(
            parser=whole, metavar="INTEGER", help="Random seed of the surface ions that are left out."
        ),
    ] = 1,
    as_json: Json = False,
) -> None:
    """Write a sphere cut from a reference crystal, stoichiometric and neutral."""
    from alzmodel import crystals

    refuse_two_streams(output, as_json)
    check_writable(output)
    model = crystals.nanocrystal(
        phase, diameter, lattice_parameter=lattice, neutral=not every_atom, seed=seed
    )
    _write(model, output, as_json)


def _write(model: Atoms, output: Path, as_json: bool) -> None:
    write_structure(model, output)
    summary = _summary(model)
    if as_json:
        print_json(summary)
    _report(summary, output, as_json)


def _summary(model: Atoms) -> dict[str, Any]:
    from alzmodel.units import mass_density

    provenance = model.info["provenance"]
    summary = {
        "formula": provenance["formula"],
        "n_atoms": len(model),
        "density": mass_density(model),
        "energy": provenance.get("energy_per_atom", math.nan) * len(model),
        "provenance": provenance,
    }
    mark_provisional(summary, provenance)
    return summary


def _report(summary: dict[str, Any], output: Path, as_json: bool) -> None:
    if not as_json and str(output) != STANDARD_STREAM:
        rows = [(name, value) for name, value in summary.items() if name not in {"provenance", "provisional"}]
        print_table(str(output), ("quantity", "value"), rows)


def _print_plan(plan: list[dict[str, Any]]) -> None:
    columns = ("formula", "atoms at least", "protocol", "estimated time (s)", "memory (MB)")
    print_table("plan", columns, [tuple(step.values()) for step in plan])
