"""``alzmodel lbu``: building units of structure files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alzmodel.cli.costs import lbu_cost
from alzmodel.cli.curves import each_file
from alzmodel.cli.lbu_display import print_units
from alzmodel.cli.options import Files, Json, MaxAtoms, Source, command
from alzmodel.cli.options.lbu import UnitOptions
from alzmodel.cli.output import print_json, say, show_progress
from alzmodel.errors import InputError
from alzmodel.io import STANDARD_STREAM, check_writable, write_structure
from alzmodel.reading import MAX_ATOMS
from alzmodel.results import together

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import typer
    from ase import Atoms

    from alzmodel.local_order.rings import Rings
    from alzmodel.local_order.shells import Bonded
    from alzmodel.results import Result

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(command(lbu))


def lbu(
    files: Files,
    options: UnitOptions,
    source: Source,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Local building units: coordination, distances, angles, and how they share corners, edges and faces."""
    from alzmodel.local_order.references import reference_order, reference_sharing

    work = _UnitWork(options, _pair_values(options.cutoff) if options.cutoff else None)
    _check(options, files, as_json)
    result = each_file(files, work, max_atoms=max_atoms, cost=lbu_cost, source=source)
    notes = [*work.notes, *_notes_on_formers(result["former"])]
    for note in notes:
        say(f"alzmodel: {note}")
    result |= {"notes": notes, "references": reference_sharing(), "order_ends": reference_order()}
    if as_json:
        print_json(result)
    elif str(options.write) != STANDARD_STREAM:
        print_units(result)


def _check(options: UnitOptions, files: Sequence[Path], as_json: bool) -> None:
    from alzmodel.local_order.rings import check_largest

    check_largest(options.largest_ring)
    if not 0 <= options.probe < 3:
        raise InputError(f"--probe {options.probe:g}: out of range; allowed: from 0 to below 3 Å")
    if options.list_rings and not as_json:
        raise InputError("--list-rings: without --json; allowed: with --json, which holds the lists")
    if options.list_rings and len(files) > 1:
        raise InputError(f"--list-rings: {len(files)} files to analyse; allowed: one")
    if options.write is not None:
        _check_write(options.write, files, as_json)


@dataclass(frozen=True)
class _UnitWork:
    """Building units of the frames of one file, with what was asked for."""

    options: UnitOptions
    cutoffs: dict[str, float] | None
    notes: dict[str, None] = field(default_factory=dict)

    def __call__(self, frames: list[Atoms]) -> Result:
        from alzmodel.local_order.building_units import building_units
        from alzmodel.local_order.per_atom import with_atom_arrays
        from alzmodel.local_order.shells import bonded

        options, text = self.options, self.options.ring_centres
        with show_progress("lbu") as progress:
            model = bonded(frames, cutoffs=self.cutoffs, criterion=options.shells.value)
            units = building_units(
                model,
                former=options.former,
                ring_criterion=options.ring_criterion.value,
                ring_centres=list(dict.fromkeys(name.strip() for name in text.split(","))) if text else None,
                largest_ring=options.largest_ring,
                probe_radius=options.probe,
                progress=progress,
            )
        if options.write is not None:
            write_structure(with_atom_arrays(model, former=units.former), options.write)
        self.notes.update(dict.fromkeys(units.notes))
        if options.list_rings:
            return together(
                units, {"rings": together(units.rings, {"members": _members(model, units.rings)})}
            )
        return units


def _notes_on_formers(former: str | Sequence[str]) -> list[str]:
    if isinstance(former, str):
        return []
    words = ", ".join(dict.fromkeys(former))
    return [
        f"models of different formers ({words}): network and rings are means over both; --former sets one"
    ]


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
