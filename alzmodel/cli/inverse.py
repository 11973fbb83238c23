"""``alzmodel inverse``: which crystals in a glass would make the measured FEM peaks and the (222) line."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from alzmodel.cli.curves import Files, Json, MaxAtoms, check_max_atoms
from alzmodel.cli.numbers import real, whole
from alzmodel.cli.output import print_json, print_table, say, show_progress
from alzmodel.errors import InputError
from alzmodel.io import read_frames
from alzmodel.reading import MAX_ATOMS

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(inverse)


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


def inverse(
    files: Files,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="Folder of the scan; one that was cut goes on."),
    ],
    diameters: Annotated[str, typer.Option(help="Å, of the La2Zr2O7 spheres.")] = "8,12,16,20,30,40,60,80",
    fractions: Annotated[str, typer.Option(help="Volume fractions of the spheres.")] = "0.05,0.1,0.2",
    displacements: Annotated[
        str, typer.Option(help="Å, rms displacement along an axis of the atoms of the spheres.")
    ] = "0.08,0.2",
    disorders: Annotated[
        str, typer.Option(help="Of the spheres, 0 pyrochlore to 1 defect fluorite; half of it are antisites.")
    ] = "0,1",
    excess_la: Annotated[
        str, typer.Option(help="y of La(2+y)Zr(2-y)O(7-y/2), of the spheres; not together with disorder.")
    ] = "0",
    lattices: Annotated[str, typer.Option(help="Å, lattice parameters of the spheres.")] = "10.805",
    thicknesses: Annotated[str, typer.Option(help="Å, of the specimen.")] = "50,100",
    columns: Annotated[
        int, typer.Option(parser=whole, metavar="INTEGER", help="Columns to average at each point.")
    ] = 4,
    until: Annotated[
        float | None,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Take columns until the bootstrap error of V is this part of it, --columns at most.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(parser=whole, metavar="INTEGER", help="Random seed.")] = 1,
    ring_width: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Width of the rings in 1/nm.")
    ] = 0.1,
    measured: Annotated[
        Path | None, typer.Option(help="Measured values in place of those of the paper.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and an estimate of time.")
    ] = False,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Scan crystals in a glass for the measured FEM peaks and (222) line: "no such region" is an answer.

    F are glasses, such as 'alzmodel library NAME --frames F' writes; their La/Zr ratio names the film that they stand
    for. All that is scanned is assumed.
    """
    from alzmodel.compare.measured import load_measured
    from alzmodel.scattering.fem.scan import Grid, prepare
    from alzmodel.scattering.fem.variance import FEMSettings
    from alzmodel.study.inverse import check_scan_folder, inverse_scan, seconds_of

    check_scan_folder(output)
    # The rings of the two windows and a little more.
    settings = FEMSettings(k_min=2.5, k_max=5.9, ring_width=ring_width)
    grid = Grid(
        _numbers("--diameters", diameters),
        _numbers("--fractions", fractions),
        settings,
        displacements=_numbers("--displacements", displacements),
        disorders=_numbers("--disorders", disorders),
        excesses_la=_numbers("--excess-la", excess_la),
        lattice_parameters=_numbers("--lattices", lattices),
        thicknesses=_numbers("--thicknesses", thicknesses),
        n_columns=columns,
        relative_error=until,
        seed=seed,
    )
    values = load_measured(measured)
    names = [path.stem for path in files]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name}: named twice; allowed: files of different names")
    count, seconds = seconds_of(grid, len(files))
    most = "" if until is None else "up to "
    say(
        f"alzmodel: {count} specimens of {most}{columns} columns, {most or 'about '}{seconds / 60:.0f} CPU minutes"
    )
    if dry_run:
        return
    check_max_atoms(max_atoms)
    matrices = [
        prepare(name, read_frames(path, max_atoms=max_atoms)) for name, path in zip(names, files, strict=True)
    ]
    with show_progress("inverse") as progress:
        scan = inverse_scan(matrices, grid, values, output, progress=progress)
    if scan.n_kept:
        say(f"alzmodel: {scan.n_kept} specimens were there already")
    if as_json:
        print_json(
            {
                "films": [film.to_dict() for film in scan.films],
                "ratio": scan.ratio,
                "points": scan.points,
                "files": scan.files,
            }
        )
        return
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
