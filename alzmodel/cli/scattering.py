"""``alzmodel xrd`` and ``fem``: scattering of structure files."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.curves import (
    Against,
    Files,
    Json,
    check_positive,
    each_file,
    lay_over_measured,
    measured_curve,
)
from alzmodel.cli.numbers import real, wavelength_text, whole
from alzmodel.cli.output import print_json, print_table, say, show_progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms

__all__ = ["register"]


class Method(StrEnum):
    """How a powder pattern is computed."""

    AUTO = "auto"
    DEBYE = "debye"
    LATTICE = "lattice"
    PDF = "pdf"
    CRYSTAL = "crystal"


class Engine(StrEnum):
    """How often an electron may scatter: once, or as often as it does."""

    KINEMATIC = "kinematic"
    MULTISLICE = "multislice"


class Fit(StrEnum):
    """Which peaks of V are fitted."""

    FOUR = "four"
    TWO = "two"
    FREE = "free"


class PeakShape(StrEnum):
    """Profile of a peak of V."""

    GAUSSIAN = "gaussian"
    PSEUDO_VOIGT = "pseudo-voigt"


def register(app: typer.Typer) -> None:
    """Add the commands to the command tree."""
    app.command()(xrd)
    app.command()(fem)


def xrd(
    files: Files,
    wavelength: Annotated[str, typer.Option(help="Å, or a line such as CuKa, CuKa1, MoKa1.")] = "1.5406",
    two_theta: Annotated[
        tuple[float, float, float], typer.Option("--range", help="First and last 2θ and step, in degrees.")
    ] = (10.0, 80.0, 0.02),
    method: Annotated[Method, typer.Option(help="How it is computed.")] = Method.AUTO,
    against: Against = None,
    as_json: Json = False,
) -> None:
    """X-ray powder pattern and its peaks."""
    from alzmodel.scattering.xrd import powder_pattern

    measured = measured_curve(against, "two_theta")
    result = each_file(
        files,
        lambda frames: powder_pattern(
            frames, wavelength=wavelength_text(wavelength), two_theta=two_theta, method=method.value
        ).to_dict(),
    )
    lay_over_measured(result, measured, "two_theta", result["intensity"], 1, as_json)
    if as_json:
        print_json(result)
        return
    columns = ("2θ (°)", "fwhm (°)", "d (Å)", "hkl", "Scherrer, K = 0.9 (Å)", "sphere (Å)")
    keys = ("two_theta", "fwhm", "d", "hkl", "size_scherrer", "size_sphere")
    print_table("peaks", columns, [tuple(peak[key] for key in keys) for peak in result["peaks"]])


def fem(
    files: Files,
    thickness: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Thickness of the column in Å.")
    ] = 50.0,
    seed: Annotated[
        int, typer.Option(parser=whole, metavar="INTEGER", help="Random seed of the columns that are made.")
    ] = 1,
    columns: Annotated[
        int, typer.Option(parser=whole, metavar="INTEGER", help="Columns or orientations to average.")
    ] = 4,
    energy: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Electron energy in keV.")
    ] = 200.0,
    semi_angle: Annotated[
        float, typer.Option(parser=real, metavar="FLOAT", help="Convergence semi-angle in mrad.")
    ] = 0.51,
    probe_fwhm: Annotated[
        float | None,
        typer.Option(
            parser=real, metavar="FLOAT", help="Width of the probe in focus in Å, in place of --semi-angle."
        ),
    ] = None,
    defocus: Annotated[float, typer.Option(parser=real, metavar="FLOAT", help="Defocus in Å.")] = 0.0,
    source_fwhm: Annotated[
        float,
        typer.Option(parser=real, metavar="FLOAT", help="FWHM of the effective source (coherence) in Å."),
    ] = 0.0,
    ring_width: Annotated[
        float,
        typer.Option(parser=real, metavar="FLOAT", help="Width of the rings in 1/nm; V depends on it."),
    ] = 0.1,
    engine: Annotated[
        Engine, typer.Option(help="Single scattering, or abTEM's multislice if it is installed.")
    ] = Engine.KINEMATIC,
    fit: Annotated[
        Fit, typer.Option(help="Four pyrochlore reflections, the paper's two windows, or what stands out.")
    ] = Fit.FOUR,
    shape: Annotated[PeakShape, typer.Option(help="Profile of the fitted peaks.")] = PeakShape.GAUSSIAN,
    against: Against = None,
    as_json: Json = False,
) -> None:
    """Fluctuation electron microscopy: normalised variance over all probe positions."""
    from alzmodel.scattering.fem import FEMSettings, fem_of_model
    from alzmodel.scattering.fem_settings import semi_angle_of

    check_positive("--thickness", thickness, 1000.0)
    if probe_fwhm is not None:
        semi_angle = semi_angle_of(probe_fwhm, energy)
    settings = FEMSettings(
        energy_kev=energy,
        semi_angle_mrad=semi_angle,
        defocus=defocus,
        source_fwhm=source_fwhm,
        ring_width=ring_width,
    )
    measured = measured_curve(against, "k")

    def analyse(frames: list[Atoms]) -> dict[str, Any]:
        with show_progress("fem") as progress:
            result = fem_of_model(
                frames[-1],
                thickness=thickness,
                n_columns=columns,
                seed=seed,
                settings=settings,
                engine=engine.value,
                progress=progress,
            )
        say(f"alzmodel: {result.note}")
        return result.to_dict(fit.value, shape=shape.value)

    result = each_file(files, analyse)
    lay_over_measured(result, measured, "k", result["variance"]["omega"], 0, as_json)
    if as_json:
        print_json(result)
        return
    if not result["peaks"]:
        say("alzmodel: no peak of V stands above what a structure without order shows")
        return
    names = ("peak", "k (1/nm)", "95 %", "d (Å)", "fwhm (1/nm)", "height")
    rows = [
        (peak["label"], peak["k"], _interval(peak, "k"), peak["d"], peak["fwhm"], peak["height"])
        for peak in result["peaks"]
    ]
    print_table("peaks of the normalised variance", names, rows)


def _interval(peak: Mapping[str, Any], key: str) -> str:
    low, high = peak[f"{key}_ci95"]
    return f"{low:.3f} to {high:.3f}"
