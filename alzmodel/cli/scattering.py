"""``alzmodel xrd``: powder patterns of structure files."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from alzmodel.cli.curves import (
    Against,
    Figure,
    Files,
    Json,
    Window,
    each_file,
    lay_over_measured,
    measured_curve,
)
from alzmodel.cli.numbers import wavelength_text
from alzmodel.cli.output import print_json, print_table

__all__ = ["register"]


class Method(StrEnum):
    """How a powder pattern is computed."""

    AUTO = "auto"
    DEBYE = "debye"
    LATTICE = "lattice"
    PDF = "pdf"
    CRYSTAL = "crystal"


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(xrd)


def xrd(
    files: Files,
    wavelength: Annotated[str, typer.Option(help="Å, or a line such as CuKa, CuKa1, MoKa1.")] = "1.5406",
    two_theta: Annotated[
        tuple[float, float, float], typer.Option("--range", help="First and last 2θ and step, in degrees.")
    ] = (10.0, 80.0, 0.02),
    method: Annotated[Method, typer.Option(help="How it is computed.")] = Method.AUTO,
    against: Against = None,
    window: Window = None,
    figure: Figure = None,
    as_json: Json = False,
) -> None:
    """X-ray powder pattern and its peaks."""
    from alzmodel.scattering.xrd import powder_pattern

    measured = measured_curve(against, "two_theta", figure=figure, window=window)
    result = each_file(
        files,
        lambda frames: powder_pattern(
            frames, wavelength=wavelength_text(wavelength), two_theta=two_theta, method=method.value
        ).to_dict(),
    )
    lay_over_measured(
        result, measured, "two_theta", result["intensity"], 1, as_json, figure=figure, window=window
    )
    if as_json:
        print_json(result)
        return
    columns = ("2θ (°)", "fwhm (°)", "d (Å)", "hkl", "Scherrer, K = 0.9 (Å)", "sphere (Å)")
    keys = ("two_theta", "fwhm", "d", "hkl", "size_scherrer", "size_sphere")
    print_table("peaks", columns, [tuple(peak[key] for key in keys) for peak in result["peaks"]])
