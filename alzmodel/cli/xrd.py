"""``alzmodel xrd``: powder patterns of structure files, and of films that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alzmodel.cli.curves import check_positive, measured_curve
from alzmodel.cli.numbers import wavelength_text
from alzmodel.cli.options import Comparison, Files, Json, MaxAtoms, Source, TableOptions, command
from alzmodel.cli.options.xrd import FilmOptions, FitOptions, PatternOptions, SpecimenOptions
from alzmodel.cli.output import print_json
from alzmodel.cli.xrd_display import print_pattern
from alzmodel.cli.xrd_fits import add_line_fits, fitted_pattern
from alzmodel.cli.xrd_patterns import computed_pattern, warn_of_steps, xrd_work
from alzmodel.reading import MAX_ATOMS
from alzmodel.units import CU_K_ALPHA1

if TYPE_CHECKING:
    import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(command(xrd))


def xrd(
    files: Files,
    pattern: PatternOptions,
    specimen: SpecimenOptions,
    film: FilmOptions,
    fits: FitOptions,
    comparison: Comparison,
    table: TableOptions,
    source: Source,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """X-ray powder pattern and its peaks."""
    check_positive("--line-width", fits.line_width, 30.0)
    asked = None if pattern.wavelength is None else wavelength_text(pattern.wavelength)
    work = xrd_work(pattern, specimen, film, CU_K_ALPHA1 if asked is None else asked)
    measured = measured_curve(
        comparison, "two_theta", table, wavelength=asked, default_wavelength=CU_K_ALPHA1
    )
    work = work.with_wavelength_of(measured, asked)
    make = fitted_pattern if fits.fit else computed_pattern
    result = make(files, work, fits, measured, comparison, source, max_atoms, as_json)
    add_line_fits(result, work, fits, measured)
    warn_of_steps(result, work)
    print_json(result) if as_json else print_pattern(result)
