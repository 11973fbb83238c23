"""Options of ``alzmodel build``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alzmodel.cli.options import Potential, Ranks, Seed, integer, number

__all__ = [
    "BuildOptions",
    "CeramicOptions",
    "Compensate",
    "Compensation",
    "CompositionOptions",
    "CrystalOptions",
    "Dopant",
    "DryRun",
    "Formula",
    "Fraction",
    "Frames",
    "GlassOptions",
    "La",
    "Li",
    "NucleusOptions",
    "Oxygen",
    "OxygenContent",
    "Phase",
    "SphereOptions",
    "Workdir",
]


class Oxygen(StrEnum):
    """How the oxygen content follows."""

    BALANCE = "balance"
    TWELVE = "12"


class Compensation(StrEnum):
    """What balances the charge of a dopant."""

    LITHIUM = "li"
    OXYGEN = "oxygen"


Phase = Annotated[str, typer.Argument(help="Reference phase, such as La2Zr2O7.")]
Lattice = Annotated[
    str | None,
    typer.Option(
        metavar="FLOAT|relaxed",
        help="Lattice parameter a in Å, or 'relaxed' with the potential.",
        show_default="the published one",
    ),
]
Temperature = Annotated[
    float | None, number("Displace the atoms by their thermal motion at this temperature in K.")
]
Displacement = Annotated[
    str | None,
    typer.Option(help="Displace at random instead: rms along one axis in Å, such as La=0.08,Zr=0.06,O=0.09."),
]
La = Annotated[str | None, typer.Option(help="La per Li7LaxZr2O(12-d), 0 < x <= 6, or '50mol%'.")]
Formula = Annotated[str | None, typer.Option(help="A neutral formula instead of --la.")]
Li = Annotated[float | None, number("Li per formula unit.", default="7")]
OxygenContent = Annotated[
    Oxygen, typer.Option(help="Oxygen from neutral charge, or 12 with Li as the balance.")
]
Dopant = Annotated[str | None, typer.Option(help="Ion on the La site: Ca, Ce3+, …; 'Ce' is both.")]
Fraction = Annotated[float | None, number("Fraction of La replaced, 0 to 1.")]
Compensate = Annotated[Compensation, typer.Option(help="What balances the dopant's charge.")]
Frames = Annotated[Path | None, typer.Option(help="Also write the 300 K frames here (extxyz).")]
Workdir = Annotated[
    Path | None,
    typer.Option(
        help="Folder for restart files; the same command resumes from it.",
        show_default="OUTPUT.build-HASH, gone when the model is written",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan, its time and memory, build nothing.")]


@dataclass(frozen=True, kw_only=True)
class CompositionOptions:
    """What a glass consists of."""

    la: La = None
    formula: Formula = None
    li: Li = None
    oxygen: OxygenContent = Oxygen.BALANCE
    dopant: Dopant = None
    fraction: Fraction = None
    compensate: Compensate = Compensation.LITHIUM


@dataclass(frozen=True, kw_only=True)
class GlassOptions:
    """Size, seed and protocol of a glass."""

    atoms: Annotated[int, integer("Smallest number of atoms; rounded up to whole ions.")] = 600
    seed: Seed = 1
    protocol: Annotated[
        str,
        typer.Option(
            help="quick, standard, as-deposited-high-Tf, annealed-low-Tf, or a TOML file of temperatures, rates, …"
        ),
    ] = "standard"
    calculator: Annotated[
        str | None,
        typer.Option(
            help="Quench with an ASE calculator such as 7net-mf-0 instead: for some 200 atoms; the time is told first."
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class NucleusOptions:
    """The nucleus of a glass-ceramic, and the size of the model."""

    nucleus: Annotated[str, typer.Option(help="Reference phase of the nucleus, such as La2Zr2O7.")]
    diameter: Annotated[float, number("Diameter of the nucleus in Å (assumed).")]
    box: Annotated[float | None, number("Approximate edge of the cube in Å.")] = None
    atoms: Annotated[int | None, integer("Smallest number of atoms, instead of --box.")] = None


@dataclass(frozen=True, kw_only=True)
class CeramicOptions:
    """Seed and protocol of a glass-ceramic."""

    seed: Seed = 1
    protocol: Annotated[
        str, typer.Option(help="glass-ceramic, or another protocol with an anneal, or a TOML file.")
    ] = "glass-ceramic"


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """How a glass is built, and what is kept."""

    potential: Potential = "du-teter"
    ranks: Ranks = 1
    frames: Frames = None
    workdir: Workdir = None
    dry_run: DryRun = False


@dataclass(frozen=True, kw_only=True)
class CrystalOptions:
    """A crystal: cell, disorder, displacements."""

    supercell: Annotated[int, integer("Repeats of the conventional cell along each axis.")] = 1
    lattice: Lattice = None
    disorder: Annotated[float, number("La2Zr2O7 only: 0 pyrochlore to 1 defect fluorite.")] = 0.0
    excess_la: Annotated[float, number("y of La(2+y)Zr(2-y)O(7-y/2), of either sign.")] = 0.0
    temperature: Temperature = None
    displacement: Displacement = None
    frames: Annotated[
        Path | None,
        typer.Option(help="With --temperature: also write ten frames of the run here (extxyz)."),
    ] = None
    potential: Potential = "du-teter"
    ranks: Ranks = 1
    seed: Seed = 1


@dataclass(frozen=True, kw_only=True)
class SphereOptions:
    """A sphere of a crystal."""

    diameter: Annotated[float, number("Diameter of the sphere in Å.")]
    lattice: Lattice = None
    temperature: Temperature = None
    displacement: Displacement = None
    every_atom: Annotated[
        bool, typer.Option("--every-atom", help="Keep every atom of the sphere, neutral or not.")
    ] = False
    potential: Potential = "du-teter"
    seed: Annotated[int, integer("Random seed of the sphere's centre.")] = 1
