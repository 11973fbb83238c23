"""``alzmodel reference``: patterns and models of the reference phases as files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from alzmodel.cli.costs import reference_cost
from alzmodel.cli.numbers import wavelength_text
from alzmodel.cli.options import Json, command
from alzmodel.cli.options.xrd import Folder, ReferenceOptions
from alzmodel.cli.output import print_json, say, show_progress
from alzmodel.limits import forecast

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add ``reference`` to the command tree."""
    app.command()(command(reference))


def reference(
    output: Folder,
    options: ReferenceOptions,
    phases: Annotated[
        list[str] | None, typer.Argument(metavar="[PHASE...]", help="Names such as La2Zr2O7; default: all.")
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            metavar="KINDS", help="Write only some of: models, xrd, pdf, sq, fem, modes (vibrations at Γ)."
        ),
    ] = "models,xrd,pdf,sq,fem",
    as_json: Json = False,
) -> None:
    """Write XRD, G(r), S(Q), FEM and model files of reference phases, for other programs to read."""
    from alzmodel.crystals import FILM_PHASES, phase_of
    from alzmodel.scattering.reference_patterns import (
        ReferenceSettings,
        check_reference_folder,
        write_reference,
    )

    given = asdict(options)
    settings = ReferenceSettings(**{**given, "wavelength": wavelength_text(options.wavelength)})
    kinds = [word.strip() for word in only.split(",")]
    chosen = [phase_of(name).name for name in phases or FILM_PHASES]
    settings.check(kinds)
    check_reference_folder(output)
    cost = reference_cost(len(chosen), kinds, settings.columns)
    ahead = forecast(f"{len(chosen)} phase{'s' if len(chosen) > 1 else ''}", cost.seconds)
    if ahead is not None:
        say(f"alzmodel: {ahead}")
    with show_progress("reference") as progress:
        files = write_reference(chosen, output, settings, kinds=kinds, progress=progress)
    if as_json:
        print_json({"files": files})
    else:
        say(f"alzmodel: wrote {len(files)} files to {output}")
