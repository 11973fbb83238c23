"""``alzmodel build crystal`` and ``build nanocrystal``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alzmodel.cli.build_reports import check_models, write_model
from alzmodel.cli.options import Json, ModelFile
from alzmodel.cli.options.build import CrystalOptions, Phase, SphereOptions
from alzmodel.cli.output import refuse_two_streams, say, show_progress
from alzmodel.errors import InputError
from alzmodel.io import write_structure
from alzmodel.limits import forecast

if TYPE_CHECKING:
    from ase import Atoms

    from alzmodel.progress import Progress

__all__ = ["crystal", "nanocrystal"]

RELAXED = "relaxed"


def crystal(phase: Phase, output: ModelFile, options: CrystalOptions, as_json: Json = False) -> None:
    """Write a reference crystal: perfect, disordered, off-stoichiometric; cold or hot; as published or relaxed.

    With --temperature it is a frame of molecular dynamics: at the published or given lattice parameter, or with
    --lattice relaxed at the one that the potential has at that temperature.
    """
    from alzmodel import crystals

    refuse_two_streams(output, as_json)
    check_models(output, frames=options.frames)
    _check_numbers(options.seed, options.potential, options.ranks)
    name = crystals.phase_of(phase).name
    _check_crystal(name, options)
    length, relaxed = _lattice(options.lattice)
    moves = _moves(options.temperature, options.displacement, crystals.crystal(phase))
    model = _cell(name, length, options)
    _check_cost(name, model, relaxed, options)
    with show_progress(name) as progress:
        model = _crystal_model(name, model, relaxed, moves, options, progress)
    write_model(model, output, as_json, energy=_energy(model, options) if relaxed else None)


def _energy(model: Atoms, options: CrystalOptions) -> float | None:
    """Energy in eV of a relaxed crystal; frames of molecular dynamics have none that tells much."""
    from alzmodel.forcefields.static import energy

    return energy(model, options.potential) if options.temperature is None else None


def _check_crystal(name: str, options: CrystalOptions) -> None:
    disorder, excess_la = options.disorder, options.excess_la
    for option, value in (("--disorder", disorder), ("--excess-la", excess_la)):
        if value and name != "La2Zr2O7":
            raise InputError(f"{option} {value:g}: {name} is no pyrochlore; allowed: La2Zr2O7")
    if disorder and excess_la:
        raise InputError(f"--disorder {disorder:g} and --excess-la {excess_la:g}: both; allowed: one of them")
    if options.frames and options.temperature is None:
        raise InputError(f"--frames {options.frames}: without --temperature; allowed: both together")


def _check_cost(name: str, model: Atoms, relaxed: bool, options: CrystalOptions) -> None:
    from alzmodel.models import crystal_models
    from alzmodel.models.melt_quench import check_memory, estimate_memory

    hot = options.temperature is not None
    moving = relaxed and bool(options.disorder or options.excess_la)
    if hot or moving:
        check_memory(len(model), options.ranks)
    if moving:
        ahead = forecast(
            f"relaxing {len(model)} atoms",
            crystal_models.relaxation_seconds(len(model)),
            estimate_memory(len(model)),
        )
        if ahead is not None:
            say(f"alzmodel: {name}: {ahead}")
    if hot:
        seconds = crystal_models.estimate_seconds(len(model)) / options.ranks
        megabytes = estimate_memory(len(model), options.ranks) / 1e6
        say(
            f"alzmodel: {name} at {options.temperature:g} K: about {seconds:.0f} s and {megabytes:.0f} MB of memory"
        )


def _crystal_model(
    name: str,
    model: Atoms,
    relaxed: bool,
    moves: dict[str, float],
    options: CrystalOptions,
    progress: Progress,
) -> Atoms:
    """Relax, heat or displace a crystal."""
    from alzmodel import crystals
    from alzmodel.models import crystal_models

    if relaxed:
        if options.disorder or options.excess_la:
            model = crystal_models.relaxed_model(model, options.potential, progress=progress)
        else:
            cell = crystal_models.relaxed_cell(name, options.potential)
            model = crystals.supercell(cell, options.supercell)
    if options.temperature is not None:
        run = crystal_models.thermal_crystal(
            model,
            options.temperature,
            potential=options.potential,
            free_cell=relaxed,
            seed=options.seed,
            ranks=options.ranks,
            progress=progress,
        )
        model = run.frames[-1]
        if options.frames:
            write_structure(run.frames, options.frames)
    elif moves:
        model = crystal_models.displaced(model, moves, seed=options.seed)
    return model


def _cell(phase: str, length: float | None, options: CrystalOptions) -> Atoms:
    from alzmodel import crystals, pyrochlore

    repeats, seed = options.supercell, options.seed
    if options.excess_la:
        return pyrochlore.off_stoichiometric_pyrochlore(
            repeats, options.excess_la, seed, lattice_parameter=length
        )
    if options.disorder:
        return pyrochlore.pyrochlore_defect_fluorite(
            repeats, options.disorder, seed, lattice_parameter=length
        )
    return crystals.supercell(crystals.crystal(phase, lattice_parameter=length), repeats)


def nanocrystal(phase: Phase, output: ModelFile, options: SphereOptions, as_json: Json = False) -> None:
    """Write a sphere cut from a reference crystal, stoichiometric and neutral.

    With --temperature its atoms are displaced at random by as much as each element moves in the infinite crystal.
    """
    refuse_two_streams(output, as_json)
    check_models(output, frames=None)
    _check_numbers(options.seed, options.potential)
    write_model(_sphere(phase, options), output, as_json)


def _sphere(phase: str, options: SphereOptions) -> Atoms:
    from alzmodel import crystals
    from alzmodel.models import crystal_models

    potential, temperature, seed = options.potential, options.temperature, options.seed
    length, relaxed = _lattice(options.lattice)
    unit = crystals.crystal(phase, lattice_parameter=length)
    moves, source = _moves(temperature, options.displacement, unit), "given"
    # Refused before the cell is relaxed or run.
    crystals.sphere_of(unit, options.diameter, neutral=not options.every_atom, seed=seed)
    with show_progress(unit.info["phase"]) as progress:
        if relaxed:
            unit = crystal_models.relaxed_cell(phase, potential)
        if temperature is not None:
            unit, moves = crystal_models.thermal_unit(
                unit, temperature, potential=potential, free_cell=relaxed, seed=seed, progress=progress
            )
            source = f"molecular dynamics of the crystal at {temperature:g} K with {potential}"
    model = crystals.sphere_of(unit, options.diameter, neutral=not options.every_atom, seed=seed)
    return crystal_models.displaced(model, moves, seed=seed, source=source) if moves else model


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
