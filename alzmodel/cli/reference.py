"""``alzmodel reference``: patterns and models of the reference phases as files."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer

from alzmodel.cli.numbers import real, wavelength_text, whole
from alzmodel.cli.output import print_json, say, show_progress

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add ``reference`` to the command tree."""
    app.command()(reference)


def reference(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder; each phase gets one in it.")
    ],
    phases: Annotated[
        list[str] | None, typer.Argument(metavar="[PHASE...]", help="Such as La2Zr2O7; all without it.")
    ] = None,
    wavelength: Annotated[str, typer.Option(help="Å, or a line such as CuKa, MoKa1, WLa1.")] = "1.5406",
    size: Annotated[
        float | None,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Diameter of the crystallites in Å.",
            show_default="infinite crystals",
        ),
    ] = None,
    two_theta: Annotated[
        tuple[float, float, float], typer.Option("--range", help="First and last 2θ and step, in degrees.")
    ] = (5.0, 120.0, 0.02),
    fwhm: Annotated[
        float | None,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Instrument width in degrees 2θ.",
            show_default="0.1 for infinite crystals, else none",
        ),
    ] = None,
    b_iso: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Displacements B = 8π²⟨u²⟩ in Å².")
    ] = 0.5,
    r_max: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Largest r of G(r) in Å.")
    ] = 30.0,
    columns: Annotated[
        int, typer.Option(parser=whole, metavar="INTEGER", help="FEM: columns of grains to average.")
    ] = 4,
    thickness: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="FEM: thickness of the columns in Å.")
    ] = 50.0,
    seed: Annotated[int, typer.Option(parser=whole, metavar="INTEGER", help="FEM: random seed.")] = 1,
    only: Annotated[
        str, typer.Option(metavar="KINDS", help="Of these some: models, xrd, pdf, sq, fem.")
    ] = "models,xrd,pdf,sq,fem",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")] = False,
) -> None:
    """Write XRD, G(r), S(Q), FEM and model files of reference phases, for other programs to read."""
    from alzmodel.crystals import FILM_PHASES
    from alzmodel.scattering.reference_patterns import ReferenceSettings, write_reference

    settings = ReferenceSettings(
        wavelength=wavelength_text(wavelength),
        size=size,
        two_theta=two_theta,
        fwhm=fwhm,
        b_iso=b_iso,
        r_max=r_max,
        columns=columns,
        thickness=thickness,
        seed=seed,
    )
    kinds = [word.strip() for word in only.split(",")]
    with show_progress("reference") as progress:
        files = write_reference(phases or list(FILM_PHASES), output, settings, kinds=kinds, progress=progress)
    if as_json:
        print_json({"files": files})
    else:
        say(f"alzmodel: wrote {len(files)} files to {output}")
