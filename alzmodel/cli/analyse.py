"""``alzmodel lbu``: building units of structure files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.costs import lbu_cost
from alzmodel.cli.curves import Files, Json, MaxAtoms, each_file
from alzmodel.cli.lbu_display import print_units
from alzmodel.cli.numbers import real, whole
from alzmodel.cli.output import print_json, say, show_progress
from alzmodel.errors import InputError
from alzmodel.io import STANDARD_STREAM, check_writable, write_structure
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from alzmodel.local_order.rings import Rings
    from alzmodel.local_order.shells import Bonded

__all__ = ["register"]


class ShellCriterion(StrEnum):
    """What ends a first shell."""

    MINIMUM = "first minimum"
    SOLID_ANGLE = "solid angle"
    GAP = "relative gap"


class RingCriterion(StrEnum):
    """Which rings count."""

    PRIMITIVE = "primitive"
    KING = "king"
    GUTTMAN = "guttman"


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(lbu)


def lbu(
    files: Files,
    cutoff: Annotated[
        list[str] | None,
        typer.Option(help="First-shell limit such as La-O=3.2 in Å; default: first minimum of the partial."),
    ] = None,
    shells: Annotated[
        ShellCriterion,
        typer.Option(
            case_sensitive=False, help="What ends a first shell; the others are reported beside it."
        ),
    ] = ShellCriterion.MINIMUM,
    former: Annotated[
        str | None,
        typer.Option(
            metavar="ELEMENT", help="Network former; default: Zr, else the cation of largest field strength."
        ),
    ] = None,
    ring_criterion: Annotated[
        RingCriterion, typer.Option("--rings", case_sensitive=False, help="Which rings count.")
    ] = RingCriterion.PRIMITIVE,
    ring_centres: Annotated[
        str | None,
        typer.Option(
            metavar="ELEMENTS", help="Cations that rings run over, such as Zr,La; default: the former."
        ),
    ] = None,
    largest_ring: Annotated[
        int, typer.Option(parser=whole, metavar="INTEGER", help="Longest rings in atoms, even, up to 24.")
    ] = 12,
    list_rings: Annotated[
        bool, typer.Option("--list-rings", help="With --json: the atoms of every ring of the last frame.")
    ] = False,
    probe: Annotated[
        float,
        typer.Option(
            parser=real, metavar="FLOAT", help="Radius in Å of the probe that looks for room for Li."
        ),
    ] = 0.59,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="G", help="Write the model with an array per atom: coordination, bond valence, …"
        ),
    ] = None,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Local building units: coordination, distances, angles, and how they share corners, edges and faces."""
    from alzmodel.local_order.building_units import building_units
    from alzmodel.local_order.per_atom import with_atom_arrays
    from alzmodel.local_order.references import reference_order, reference_sharing
    from alzmodel.local_order.rings import check_largest
    from alzmodel.local_order.shells import bonded

    cutoffs = _pair_values(cutoff) if cutoff else None
    centres = list(dict.fromkeys(name.strip() for name in ring_centres.split(","))) if ring_centres else None
    check_largest(largest_ring)
    if not 0 <= probe < 3:
        raise InputError(f"--probe {probe:g}: out of range; allowed: from 0 to below 3 Å")
    if list_rings and not as_json:
        raise InputError("--list-rings: without --json; allowed: with --json, which holds the lists")
    if list_rings and len(files) > 1:
        raise InputError(f"--list-rings: {len(files)} files to analyse; allowed: one")
    if write is not None:
        _check_write(write, files, as_json)

    notes: dict[str, None] = {}

    def analyse(frames: list[Atoms]) -> dict[str, Any]:
        with show_progress("lbu") as progress:
            model = bonded(frames, cutoffs=cutoffs, criterion=shells.value)
            units = building_units(
                model,
                former=former,
                ring_criterion=ring_criterion.value,
                ring_centres=centres,
                largest_ring=largest_ring,
                probe_radius=probe,
                progress=progress,
            )
        if write is not None:
            write_structure(with_atom_arrays(model, former=units.former), write)
        notes.update(dict.fromkeys(units.notes))
        table = units.to_dict()
        if list_rings:
            table["rings"]["members"] = _members(model, units.rings)
        return table

    result = each_file(files, analyse, max_atoms=max_atoms, cost=lbu_cost)
    if not isinstance(result["former"], str):
        words = ", ".join(dict.fromkeys(result["former"]))
        notes[
            f"models of different formers ({words}): network and rings are means over both; --former sets one"
        ] = None
    for note in notes:
        say(f"alzmodel: {note}")
    result |= {"notes": list(notes), "references": reference_sharing(), "order_ends": reference_order()}
    if as_json:
        print_json(result)
        return
    if str(write) != STANDARD_STREAM:
        print_units(result)


def _check_write(path: Path, files: Sequence[Path], as_json: bool) -> None:
    if len(files) > 1:
        raise InputError(f"--write {path}: {len(files)} files to analyse; allowed: one")
    if as_json and str(path) == STANDARD_STREAM:
        raise InputError("--write -: both the structure and --json would go to stdout; allowed: a file name")
    if path.suffix not in {"", ".xyz", ".extxyz"}:
        raise InputError(f"--write {path}: {path.suffix} keeps no arrays; allowed: .extxyz, .xyz, -")
    check_writable(path)


def _members(model: Bonded, rings: Rings) -> dict[str, list[dict[str, Any]]]:
    """Atoms along each ring of the last frame and the cells they lie in, by number of atoms."""
    import numpy as np

    from alzmodel.local_order.rings import ring_members

    bonds = model.bonds[-1]
    symbols = np.array(model.frames[-1].get_chemical_symbols())
    network = bonds.select(np.isin(symbols[bonds.i], list(rings.centres)))
    return {
        str(n): [
            {"atoms": ring.tolist(), "cells": cells.tolist()}
            for ring, cells in zip(atoms, images, strict=True)
        ]
        for n, (atoms, images) in ring_members(network, rings.largest, rings.criterion).items()
    }


def _pair_values(texts: Sequence[str]) -> dict[str, float]:
    from alzmodel.composition import pair_label
    from alzmodel.local_order.shells import LARGEST_CUTOFF

    cutoffs: dict[str, float] = {}
    for text in texts:
        pair, _, value = text.partition("=")
        a, _, b = pair.strip().partition("-")
        try:
            cutoff = float(value)
        except ValueError:
            cutoff = float("nan")
        if not (a and b and 0 < cutoff <= LARGEST_CUTOFF):
            raise InputError(
                f"--cutoff {text}: not a pair and a length; allowed: such as La-O=3.2, above 0 and up to "
                f"{LARGEST_CUTOFF:g} Å"
            )
        label = pair_label(a, b)
        if label in cutoffs:
            raise InputError(f"--cutoff {text}: {label} is given twice; allowed: each pair once")
        cutoffs[label] = cutoff
    return cutoffs
