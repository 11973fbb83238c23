"""``alzmodel lbu``: building units of structure files."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from alzmodel.cli.costs import lbu_cost
from alzmodel.cli.curves import each_file
from alzmodel.cli.lbu_display import print_units
from alzmodel.cli.options import Files, Json, MaxAtoms, Source, command
from alzmodel.cli.options.lbu import UnitOptions
from alzmodel.cli.output import print_json, show_progress
from alzmodel.cli.vibrations import check_figure
from alzmodel.errors import InputError
from alzmodel.formats.notes import tell
from alzmodel.io import STANDARD_STREAM, check_writable, write_structure
from alzmodel.local_order.parts import CHEAP, chosen_parts
from alzmodel.reading import MAX_ATOMS
from alzmodel.results import together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
    parts = _parts(options)
    _check(options, files, parts, as_json)
    beside = _beside(parts)
    printed = not as_json and str(options.write) != STANDARD_STREAM
    # Of one file each part is shown as soon as it is known.
    show = _Display(parts, beside, brief=options.brief) if printed and len(files) == 1 else None
    work = _UnitWork(options, parts, _pair_values(options.cutoff) if options.cutoff else None, show)
    result = each_file(files, work, max_atoms=max_atoms, cost=partial(lbu_cost, parts=parts), source=source)
    _plot_cutoffs(options, files, result)
    result |= {"notes": _told([*work.notes, *_notes_on_formers(result["former"])]), **beside}
    if as_json:
        print_json(result)
    elif printed and show is None:
        print_units(result, parts, brief=options.brief)


def _told(notes: list[str]) -> list[str]:
    """Tell notes, and hand them on."""
    for note in notes:
        tell(note)
    return notes


def _plot_cutoffs(options: UnitOptions, files: Sequence[Path], result: Mapping[str, Any]) -> None:
    """Draw coordination over the cut-off, if that is asked for."""
    if options.plot_cutoffs is None:
        return
    from alzmodel.report.cutoff_figure import plot_cutoffs

    label = files[0].stem if len(files) == 1 else f"{len(files)} models"
    plot_cutoffs({label: result["cutoff_dependence"]}, options.plot_cutoffs)


def _beside(parts: Sequence[str]) -> dict[str, Any]:
    """Numbers of reference crystals that stand beside those of a model."""
    from alzmodel.local_order.references import reference_order, reference_sharing

    found: dict[str, Any] = {"references": reference_sharing()} if "sharing" in parts else {}
    return found | ({"order_ends": reference_order()} if "order" in parts else {})


BRIEF = ("first", "packing", "sharing")
"""What ``--brief`` tells of."""


def _parts(options: UnitOptions) -> tuple[str, ...]:
    if options.brief:
        if options.only is not None:
            raise InputError(f"--brief and --only {options.only}: both; allowed: one of them")
        return chosen_parts(BRIEF)
    try:
        return chosen_parts(None if options.only is None else options.only.split(","))
    except InputError as error:
        raise InputError(f"--only {options.only}: {error}") from error


@dataclass
class _Display:
    """Print parts of the only file as they become known: first all that is cheap, then one after the other."""

    parts: Sequence[str]
    beside: Mapping[str, Any]
    brief: bool = False
    waiting: list[str] = field(default_factory=list)

    def __call__(self, name: str, known: Result) -> None:
        from alzmodel.combining import combine

        self.waiting.append(name)
        following = self.parts[self.parts.index(name) + 1 :]
        if following and following[0] in CHEAP:
            return
        first = self.waiting[0] == self.parts[0]
        print_units({**combine([known]), **self.beside}, self.waiting, headline=first, brief=self.brief)
        self.waiting.clear()


def _check(options: UnitOptions, files: Sequence[Path], parts: Sequence[str], as_json: bool) -> None:
    from alzmodel.local_order.rings import check_largest

    check_largest(options.largest_ring)
    if not 0 <= options.probe < 3:
        raise InputError(f"--probe {options.probe:g}: out of range; allowed: from 0 to below 3 Å")
    if options.list_rings and not as_json:
        raise InputError("--list-rings: without --json; allowed: with --json, which holds the lists")
    if options.list_rings and "rings" not in parts:
        raise InputError(f"--list-rings: with --only {options.only}; allowed: with rings among the parts")
    if options.list_rings and len(files) > 1:
        raise InputError(f"--list-rings: {len(files)} files to analyse; allowed: one")
    if options.plot_cutoffs is not None:
        if "cutoff_dependence" not in parts:
            raise InputError(
                f"--plot-cutoffs {options.plot_cutoffs}: without the part that is drawn; allowed: cutoff_dependence "
                "among the parts of --only, and no --brief"
            )
        check_figure(options.plot_cutoffs, "--plot-cutoffs")
    if options.write is not None:
        _check_write(options.write, files, as_json)


@dataclass(frozen=True)
class _UnitWork:
    """Building units of the frames of one file, with what was asked for."""

    options: UnitOptions
    parts: Sequence[str]
    cutoffs: dict[str, float] | None
    show: _Display | None
    notes: dict[str, None] = field(default_factory=dict)

    def __call__(self, frames: list[Atoms]) -> Result:
        from alzmodel.local_order.building_units import UnitSettings, notes_on, some_units
        from alzmodel.local_order.per_atom import with_atom_arrays
        from alzmodel.local_order.shells import bonded

        options, text = self.options, self.options.ring_centres
        settings = UnitSettings(
            former=options.former,
            ring_criterion=options.ring_criterion.value,
            ring_centres=list(dict.fromkeys(name.strip() for name in text.split(","))) if text else None,
            largest_ring=options.largest_ring,
            probe_radius=options.probe,
        )
        with show_progress("lbu") as progress:
            progress(0.0, "first shells")
            model = bonded(frames, cutoffs=self.cutoffs, criterion=options.shells.value)
            units = some_units(model, self.parts, settings, progress=progress, done=self.show)
        known = {item.key: item.value for item in units.items()}
        if options.write is not None:
            write_structure(with_atom_arrays(model, former=known["former"]), options.write)
        self.notes.update(dict.fromkeys(notes_on(model)))
        if options.list_rings:
            rings = known["rings"]
            return together(units, {"rings": together(rings, {"members": _members(model, rings)})})
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
    from alzmodel.ions import pair_label
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
