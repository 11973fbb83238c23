"""``alzmodel inverse``: which crystals in a glass would make the measured FEM peaks and the (222) line."""

from __future__ import annotations

import importlib.util
from dataclasses import fields
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

    from alzmodel.compare.measured import Measured
    from alzmodel.compare.posterior import Posterior
    from alzmodel.scattering.fem.scan import Grid, Matrix
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

    F are glasses, such as 'alzmodel library NAME --frames F' writes. Their La/Zr ratio tells which film they
    stand for. All that is scanned is assumed. --posterior draws specimens in place of a grid, and says what
    the measured numbers tell of them and of the recording; it needs the extra "posterior".
    """
    from alzmodel.compare.inverse import criteria_of
    from alzmodel.compare.measured import load_measured
    from alzmodel.scattering.fem.scan import prepare
    from alzmodel.study.inverse import check_scan_folder

    check_scan_folder(options.output)
    _check_mode(options)
    values = load_measured(options.measured)
    names = _names(files)
    if options.dry_run:
        _say_how_much(options, _grid(options), len(files))
        return
    matrices = [
        prepare(name, read_models(path, max_atoms=max_atoms, source=source))
        for name, path in zip(names, files, strict=True)
    ]
    for matrix in matrices:
        criteria_of(values, matrix.x)
    _say_how_much(options, _grid(options), len(files))
    work = _posterior if options.posterior else _scan
    work(matrices, values, options, as_json=as_json)


def _scan(matrices: Sequence[Matrix], values: Measured, options: ScanOptions, *, as_json: bool) -> None:
    from alzmodel.study.inverse import inverse_scan

    with show_progress("inverse") as progress:
        scan = inverse_scan(matrices, _grid(options), values, options.output, progress=progress)
    for path in scan.damaged:
        say(f"alzmodel: damaged: a specimen was changed on disk; it is in {path} and was made again")
    if scan.n_kept:
        say(f"alzmodel: {scan.n_kept} specimens were there already")
    print_json(scan.to_dict()) if as_json else _print(scan)


def _check_mode(options: ScanOptions) -> None:
    """Refuse options of the grid with a posterior, and those of a posterior without one."""
    of_posterior = ("specimens", "live")
    of_grid = (
        *("diameters", "fractions", "displacements", "disorders", "excess_la", "lattices", "thicknesses"),
        *("columns", "until", "ring_width"),
    )
    for one in fields(options):
        wrong = of_grid if options.posterior else of_posterior
        if one.name in wrong and getattr(options, one.name) != one.default:
            mode = "without --posterior" if options.posterior else "with --posterior"
            raise InputError(f"--{one.name.replace('_', '-')}: allowed {mode} only")
    if options.posterior:
        for name, low, high in (("specimens", 16, 4096), ("live", 50, 5000)):
            value = getattr(options, name)
            if not low <= value <= high:
                raise InputError(f"--{name}: {value}; allowed: {low} to {high}")
        if importlib.util.find_spec("dynesty") is None:
            raise InputError("--posterior needs dynesty, which is not installed: pip install '.[posterior]'")


def _posterior(matrices: Sequence[Matrix], values: Measured, options: ScanOptions, *, as_json: bool) -> None:
    from alzmodel.compare.posterior import verdict
    from alzmodel.study.posterior import inverse_posterior

    with show_progress("posterior") as progress:
        found = inverse_posterior(
            matrices,
            values,
            options.output,
            specimens=options.specimens,
            live=options.live,
            seed=options.seed,
            progress=progress,
        )
    if as_json:
        print_json(found.to_dict())
        return
    for film in found.films:
        if film.note:
            say(f"alzmodel: x = {film.x:g}: {film.note}")
        _print_posterior(f"x = {film.x:g}: {film.n_specimens} specimens", film.posterior)
        print_table(
            f"x = {film.x:g}: evidence of each reading",
            ("reading", "(222) counts", "width of priors", "ln Z", "± ", "draws with both peaks"),
            [
                (
                    one.reading,
                    "yes" if one.with_line else "no",
                    one.prior_scale,
                    one.log_evidence,
                    one.error,
                    one.peaks_in,
                )
                for one in film.evidence
            ],
        )
        print(verdict(film.evidence))
    if found.together is not None:
        _print_posterior("all films together, one recording", found.together)
    for file in found.files:
        say(f"alzmodel: {file}")


def _print_posterior(title: str, posterior: Posterior) -> None:
    from alzmodel.compare.posterior import summarise, words_of

    rows = [
        (one.name, one.unit, one.median, *one.ci68, *one.ci95, one.of_prior) for one in summarise(posterior)
    ]
    head = ("unknown", "unit", "median", "68 %", "to", "95 %", "to", "of prior")
    print_table(title, head, rows)
    for line in words_of(posterior):
        print(line)


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


def _say_how_much(options: ScanOptions, grid: Grid, n_glasses: int) -> None:
    from alzmodel.study.inverse import seconds_of
    from alzmodel.study.posterior import seconds_of_posterior

    if options.posterior:
        spent = seconds_of_posterior(options.specimens, n_glasses) / 60
        say(f"alzmodel: {options.specimens} specimens for each glass, about {spent:.0f} CPU minutes")
        return
    count, seconds = seconds_of(grid, n_glasses)
    most = "" if grid.relative_error is None else "up to "
    minutes = f"{most or 'about '}{seconds / 60:.0f} CPU minutes"
    say(f"alzmodel: {count} specimens of {most}{grid.n_columns} columns, {minutes}")


def _print(scan: InverseScan) -> None:
    from alzmodel.compare.quantities import quantity_info

    for film in scan.films:
        rows = []
        for one in film.criteria:
            met, ranges = film.alone[one.name]
            sizes = f"{ranges['diameter'][0]:g} to {ranges['diameter'][1]:g}" if ranges else None
            shown = f"{one.low:g}" if one.low == one.high else f"{one.low:g} to {one.high:g}"
            miss = film.misses.get(one.name)
            about = quantity_info(one.name)
            label = f"{about.label} ({about.unit})" if about.unit else about.label
            tolerance = f"{one.tolerance:.2g}{' (ours)' if one.ours else ''}"
            rows.append((label, shown, tolerance, met, sizes, miss))
        print_table(
            f"x = {film.x:g}: {film.n_points} specimens, {film.n_refused} could not be built",
            (
                "measured",
                "value",
                "tolerance ±",
                "met by",
                "diameters (Å)",
                "closest misses by",
            ),
            rows,
        )
        print(film.summary)
    print("The closest specimen misses by so many tolerances; up to 1 a number is met.")
    print(scan.ratio)
    if any(one.ours for film in scan.films for one in film.criteria):
        print(
            "(ours): the paper's errors are those of fits only. Where they are smaller we allow more: 0.1 nm⁻¹ or 0.1° "
            "for a position, about a sixth of itself for a width."
        )
    for file in scan.files:
        say(f"alzmodel: {file}")
