"""``alzmodel build crystal`` and ``build nanocrystal``."""

from __future__ import annotations

from typing import Annotated

import typer

from alzmodel.cli.build_options import Json, Output, write_model
from alzmodel.cli.numbers import real, whole
from alzmodel.cli.output import refuse_two_streams
from alzmodel.errors import InputError
from alzmodel.io import check_writable

__all__ = ["crystal", "nanocrystal"]


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
    write_model(model, output, as_json)


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
    write_model(model, output, as_json)
