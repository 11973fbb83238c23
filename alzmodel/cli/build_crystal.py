"""``alzmodel build crystal`` and ``build nanocrystal``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alzmodel.cli.build_options import Json, Output, Potential, Ranks, Seed, check_models, write_model
from alzmodel.cli.numbers import real, whole
from alzmodel.cli.output import refuse_two_streams, say, show_progress
from alzmodel.errors import InputError
from alzmodel.io import write_structure

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["crystal", "nanocrystal"]

RELAXED = "relaxed"

Lattice = Annotated[
    str | None,
    typer.Option(
        metavar="FLOAT|relaxed",
        help="Lattice parameter a in Å, or 'relaxed' with the potential.",
        show_default="the published one",
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        parser=real,
        metavar="FLOAT",
        help="Displace the atoms as the potential does at this temperature in K.",
    ),
]
Displacement = Annotated[
    str | None,
    typer.Option(help="Displace at random instead: rms along one axis in Å, such as La=0.08,Zr=0.06,O=0.09."),
]
HotFrames = Annotated[
    Path | None, typer.Option(help="With --temperature: also write ten frames of the run here (extxyz).")
]


def crystal(
    phase: Annotated[str, typer.Argument(help="Reference phase, such as La2Zr2O7.")],
    output: Output,
    supercell: Annotated[
        int,
        typer.Option(
            parser=whole, metavar="INTEGER", help="Repeats of the conventional cell along each axis."
        ),
    ] = 1,
    lattice: Lattice = None,
    disorder: Annotated[
        float,
        typer.Option(parser=real, metavar="FLOAT", help="La2Zr2O7 only: 0 pyrochlore to 1 defect fluorite."),
    ] = 0.0,
    excess_la: Annotated[
        float,
        typer.Option(parser=real, metavar="FLOAT", help="y of La(2+y)Zr(2-y)O(7-y/2), of either sign."),
    ] = 0.0,
    temperature: Temperature = None,
    displacement: Displacement = None,
    frames: HotFrames = None,
    potential: Potential = "du-teter",
    ranks: Ranks = 1,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Write a reference crystal: perfect, disordered, off-stoichiometric; cold or hot; as published or relaxed.

    With --temperature it is a frame of molecular dynamics: at the published or given lattice parameter, or with
    --lattice relaxed at the one that the potential has at that temperature.
    """
    from alzmodel import crystals
    from alzmodel.models import crystal_models
    from alzmodel.models.melt_quench import check_memory, estimate_memory

    refuse_two_streams(output, as_json)
    check_models(output, frames=frames)
    _check_numbers(seed, potential, ranks)
    found = crystals.phase_of(phase)
    for option, value in (("--disorder", disorder), ("--excess-la", excess_la)):
        if value and found.name != "La2Zr2O7":
            raise InputError(f"{option} {value:g}: {found.name} is no pyrochlore; allowed: La2Zr2O7")
    if disorder and excess_la:
        raise InputError(f"--disorder {disorder:g} and --excess-la {excess_la:g}: both; allowed: one of them")
    if frames and temperature is None:
        raise InputError(f"--frames {frames}: without --temperature; allowed: both together")
    length, relaxed = _lattice(lattice)
    moves = _moves(temperature, displacement, crystals.crystal(phase))
    model = _cell(found.name, supercell, length, disorder, excess_la, seed)
    if temperature is not None or (relaxed and (disorder or excess_la)):
        check_memory(len(model), ranks)
    if temperature is not None:
        seconds = crystal_models.estimate_seconds(len(model)) / ranks
        megabytes = estimate_memory(len(model), ranks) / 1e6
        say(
            f"alzmodel: {found.name} at {temperature:g} K: about {seconds:.0f} s and {megabytes:.0f} MB of memory"
        )
    with show_progress(found.name) as progress:
        if relaxed:
            if disorder or excess_la:
                model = crystal_models.relaxed_model(model, potential, progress=progress)
            else:
                model = crystals.supercell(crystal_models.relaxed_cell(phase, potential), supercell)
        if temperature is not None:
            run = crystal_models.thermal_crystal(
                model,
                temperature,
                potential=potential,
                free_cell=relaxed,
                seed=seed,
                ranks=ranks,
                progress=progress,
            )
            model = run.frames[-1]
            if frames:
                write_structure(run.frames, frames)
        elif moves:
            model = crystal_models.displaced(model, moves, seed=seed)
    write_model(model, output, as_json)


def _cell(
    phase: str, repeats: int, length: float | None, disorder: float, excess_la: float, seed: int
) -> Atoms:
    from alzmodel import crystals, pyrochlore

    if excess_la:
        return pyrochlore.off_stoichiometric_pyrochlore(repeats, excess_la, seed, lattice_parameter=length)
    if disorder:
        return pyrochlore.pyrochlore_defect_fluorite(repeats, disorder, seed, lattice_parameter=length)
    return crystals.supercell(crystals.crystal(phase, lattice_parameter=length), repeats)


def nanocrystal(
    phase: Annotated[str, typer.Argument(help="Reference phase, such as La2Zr2O7.")],
    output: Output,
    diameter: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Diameter of the sphere in Å.")
    ],
    lattice: Lattice = None,
    temperature: Temperature = None,
    displacement: Displacement = None,
    every_atom: Annotated[
        bool, typer.Option("--every-atom", help="Keep every atom of the sphere, neutral or not.")
    ] = False,
    potential: Potential = "du-teter",
    seed: Annotated[
        int,
        typer.Option(parser=whole, metavar="INTEGER", help="Random seed of the sphere's centre."),
    ] = 1,
    as_json: Json = False,
) -> None:
    """Write a sphere cut from a reference crystal, stoichiometric and neutral.

    With --temperature its atoms are displaced at random by as much as each element moves in the infinite crystal.
    """
    from alzmodel import crystals
    from alzmodel.models import crystal_models

    refuse_two_streams(output, as_json)
    check_models(output, frames=None)
    _check_numbers(seed, potential)
    length, relaxed = _lattice(lattice)
    unit = crystals.crystal(phase, lattice_parameter=length)
    moves, source = _moves(temperature, displacement, unit), "given"
    # Refused before the cell is relaxed or run.
    crystals.sphere_of(unit, diameter, neutral=not every_atom, seed=seed)
    with show_progress(unit.info["phase"]) as progress:
        if relaxed:
            unit = crystal_models.relaxed_cell(phase, potential)
        if temperature is not None:
            unit, moves = crystal_models.thermal_unit(
                unit, temperature, potential=potential, free_cell=relaxed, seed=seed, progress=progress
            )
            source = f"molecular dynamics of the crystal at {temperature:g} K with {potential}"
    model = crystals.sphere_of(unit, diameter, neutral=not every_atom, seed=seed)
    if moves:
        model = crystal_models.displaced(model, moves, seed=seed, source=source)
    write_model(model, output, as_json)


def _check_numbers(seed: int, potential: str, ranks: int = 1) -> None:
    """Refuse what this model may have no use for, too."""
    from alzmodel.crystals import checked_seed
    from alzmodel.forcefields.engine import check_ranks
    from alzmodel.forcefields.potentials import potential as potential_of

    checked_seed(seed)
    potential_of(potential)
    check_ranks(ranks)


def _lattice(text: str | None) -> tuple[float | None, bool]:
    """Return a length if one was given, and whether the cell is to be relaxed."""
    if text is None or text == RELAXED:
        return None, text == RELAXED
    try:
        return float(text), False
    except ValueError:
        raise InputError(f"--lattice {text!r}; allowed: a length in Å, or '{RELAXED}'") from None


def _moves(temperature: float | None, displacement: str | None, atoms: Atoms) -> dict[str, float]:
    from alzmodel.models.crystal_models import check_displacements, check_temperature

    if temperature is not None:
        if displacement is not None:
            raise InputError(
                f"--temperature {temperature:g} and --displacement {displacement}: both; allowed: one of them"
            )
        check_temperature(temperature)
    if displacement is None:
        return {}
    moves = {}
    for word in displacement.split(","):
        element, _, number = word.partition("=")
        if element.strip() in moves:
            raise InputError(f"--displacement {displacement!r}: {element.strip()} twice; allowed: once")
        try:
            moves[element.strip()] = float(number)
        except ValueError:
            raise InputError(
                f"--displacement {displacement!r}: {word!r}; allowed: element=Å, such as La=0.08,Zr=0.06,O=0.09"
            ) from None
    check_displacements(moves, set(atoms.get_chemical_symbols()))
    return moves
