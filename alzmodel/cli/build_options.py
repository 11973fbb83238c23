"""Options and reports that the build commands share."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.numbers import real, whole
from alzmodel.cli.output import mark_provisional, print_json, print_table
from alzmodel.errors import InputError
from alzmodel.io import STANDARD_STREAM, check_structure_path, write_structure

if TYPE_CHECKING:
    from ase import Atoms

    from alzmodel.composition import Composition

__all__ = [
    "Compensate",
    "Compensation",
    "Dopant",
    "DryRun",
    "Formula",
    "Fraction",
    "Frames",
    "Json",
    "La",
    "Li",
    "Output",
    "Oxygen",
    "OxygenContent",
    "Potential",
    "Ranks",
    "Seed",
    "Workdir",
    "check_models",
    "compositions_of",
    "report",
    "summary_of",
    "write_model",
]


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
La = Annotated[str | None, typer.Option(help="La per Li7LaxZr2O(12-d), 0 < x <= 6, or '50mol%'.")]
Formula = Annotated[str | None, typer.Option(help="A neutral formula instead of --la.")]
Li = Annotated[
    float | None,
    typer.Option(parser=real, metavar="FLOAT", help="Li per formula unit.", show_default="7"),
]
OxygenContent = Annotated[
    Oxygen, typer.Option(help="Oxygen from neutral charge, or 12 with Li as the balance.")
]
Dopant = Annotated[str | None, typer.Option(help="Ion on the La site: Ca, Ce3+, …; 'Ce' is both.")]
Fraction = Annotated[
    float | None, typer.Option(parser=real, metavar="FLOAT", help="Fraction of La replaced, 0 to 1.")
]
Compensate = Annotated[Compensation, typer.Option(help="What balances the dopant's charge.")]
Seed = Annotated[
    int,
    typer.Option(parser=whole, metavar="INTEGER", help="Random seed; the same seed gives the same model."),
]
Potential = Annotated[str, typer.Option(help="Interatomic potential.")]
Ranks = Annotated[int, typer.Option(parser=whole, metavar="INTEGER", help="MPI ranks of LAMMPS.")]
Frames = Annotated[Path | None, typer.Option(help="Also write the 300 K frames here (extxyz).")]
Workdir = Annotated[
    Path | None,
    typer.Option(
        help="Folder for restart files: the same command goes on there.",
        show_default="OUTPUT.build-HASH, gone when the model is written",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan, its time and memory, build nothing.")]


def compositions_of(
    la: str | None,
    formula: str | None,
    li: float | None,
    oxygen: Oxygen,
    dopant: str | None,
    fraction: float | None,
    compensate: Compensation,
) -> dict[str, Composition]:
    """Compositions that the options stand for, by the label of the dopant ion ("" without one)."""
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


def check_models(*outputs: Path, frames: Path | None) -> None:
    """Refuse files for models, and one for frames, that could not be written or are one file."""
    for output in outputs:
        check_structure_path(output)
    if frames is not None:
        check_structure_path(frames, several=True)
        same = [output for output in outputs if output.resolve() == frames.resolve()]
        if same:
            raise InputError(f"--frames {frames}: is the file of the model; allowed: another name")


def write_model(model: Atoms, output: Path, as_json: bool) -> None:
    """Write a model and print its summary."""
    write_structure(model, output)
    summary = summary_of(model)
    if as_json:
        print_json(summary)
    report(summary, output, as_json)


def summary_of(model: Atoms) -> dict[str, Any]:
    """Gather what ``--json`` prints of a model."""
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


def report(summary: dict[str, Any], output: Path, as_json: bool) -> None:
    """Print the table of a model, unless JSON or the model itself goes to stdout."""
    if not as_json and str(output) != STANDARD_STREAM:
        rows = [(name, value) for name, value in summary.items() if name not in {"provenance", "provisional"}]
        print_table(str(output), ("quantity", "value"), rows)
