"""``alzmodel inverse``: which crystals in a glass would make the measured FEM peaks and the (222) line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alzmodel.cli.options import Files, Json, MaxAtoms, Source, command
from alzmodel.cli.options.fem import ScanOptions
from alzmodel.cli.output import print_json, print_table, say, show_progress
from alzmodel.cli.reading import read_models
from alzmodel.errors import InputError
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import typer

    from alzmodel.scattering.fem.scan import Grid
    from alzmodel.study.inverse import InverseScan

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(command(inverse))


def inverse(
    files: Files,
    options: ScanOptions,
    source: Source,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Scan crystals in a glass for the measured FEM peaks and (222) line: "no such region" is an answer.

    F are glasses, such as 'alzmodel library NAME --frames F' writes; their La/Zr ratio names the film that they stand
    for. All that is scanned is assumed.
    """
    from alzmodel.compare.measured import load_measured
    from alzmodel.scattering.fem.scan import prepare
    from alzmodel.study.inverse import check_scan_folder, inverse_scan

    check_scan_folder(options.output)
    grid = _grid(options)
    values = load_measured(options.measured)
    names = _names(files)
    _say_how_much(grid, len(files))
    if options.dry_run:
        return
    matrices = [
        prepare(name, read_models(path, max_atoms=max_atoms, source=source))
        for name, path in zip(names, files, strict=True)
    ]
    with show_progress("inverse") as progress:
        scan = inverse_scan(matrices, grid, values, options.output, progress=progress)
    for path in scan.damaged:
        say(f"alzmodel: damaged: a specimen was changed on disk; it is in {path} and was made again")
    if scan.n_kept:
        say(f"alzmodel: {scan.n_kept} specimens were there already")
    print_json(scan.to_dict()) if as_json else _print(scan)


def _grid(options: ScanOptions) -> Grid:
    from alzmodel.scattering.fem.scan import Grid
    from alzmodel.scattering.fem.variance import FEMSettings

    return Grid(
        _numbers("--diameters", options.diameters),
        _numbers("--fractions", options.fractions),
        # The rings of the two windows and a little more.
        FEMSettings(k_min=2.5, k_max=5.9, ring_width=options.ring_width),
        displacements=_numbers("--displacements", options.displacements),
        disorders=_numbers("--disorders", options.disorders),
        excesses_la=_numbers("--excess-la", options.excess_la),
        lattice_parameters=_numbers("--lattices", options.lattices),
        thicknesses=_numbers("--thicknesses", options.thicknesses),
        n_columns=options.columns,
        relative_error=options.until,
        seed=options.seed,
    )


def _numbers(option: str, text: str) -> tuple[float, ...]:
    found = []
    for part in text.split(","):
        try:
            found.append(float(part))
        except ValueError:
            raise InputError(
                f"{option}: {part.strip()!r}; allowed: numbers with commas between them"
            ) from None
    return tuple(dict.fromkeys(found))


def _names(files: Sequence[Path]) -> list[str]:
    names = [path.stem for path in files]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name}: named twice; allowed: files of different names")
    return names


def _say_how_much(grid: Grid, n_glasses: int) -> None:
    from alzmodel.study.inverse import seconds_of

    count, seconds = seconds_of(grid, n_glasses)
    most = "" if grid.relative_error is None else "up to "
    minutes = f"{most or 'about '}{seconds / 60:.0f} CPU minutes"
    say(f"alzmodel: {count} specimens of {most}{grid.n_columns} columns, {minutes}")


def _print(scan: InverseScan) -> None:
    for film in scan.films:
        rows = []
        for one in film.criteria:
            met, ranges = film.alone[one.name]
            sizes = f"{ranges['diameter'][0]:g} to {ranges['diameter'][1]:g}" if ranges else None
            shown = f"{one.low:g}" if one.low == one.high else f"{one.low:g} to {one.high:g}"
            miss = film.misses.get(one.name)
            rows.append((one.name, f"{shown} ± {one.tolerance:.2g}", met, sizes, miss))
        print_table(
            f"x = {film.x:g}: {film.n_points} specimens, {film.n_refused} could not be built",
            ("measured", "value", "specimens that meet it", "their diameters (Å)", "miss of the closest"),
            rows,
        )
        print(film.summary)
    print(scan.ratio)
    for file in scan.files:
        say(f"alzmodel: {file}")
