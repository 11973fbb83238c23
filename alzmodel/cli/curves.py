"""What the commands share that compute curves: arguments, reading of models, measured data beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.output import mark_provisional, print_table
from alzmodel.errors import InputError
from alzmodel.io import check_writable, read_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

    from alzmodel.scattering.xrd.data import Abscissa, MeasuredCurve

__all__ = [
    "Against",
    "Figure",
    "Files",
    "Json",
    "Window",
    "check_positive",
    "each_file",
    "lay_over_measured",
    "measured_curve",
]

COMPARISON = "Comparison with a measurement"

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="F...",
        help="Structure files, '-' is extxyz on stdin. A file of several frames is one model: their average.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
Against = Annotated[
    Path | None,
    typer.Option(
        metavar="DATA",
        help="Measured curve (.xy, .xye, .csv, .chi, .gr, .xrdml, …) to lay this over.",
        rich_help_panel=COMPARISON,
    ),
]
Figure = Annotated[
    Path | None,
    typer.Option(
        metavar="G",
        help="With --against: draw both and the residual (.png, .svg, .pdf; .csv for the numbers).",
        rich_help_panel=COMPARISON,
    ),
]
Window = Annotated[
    tuple[float, float] | None,
    typer.Option(
        metavar="FIRST LAST",
        help="With --against: the range of the abscissa that takes part.",
        rich_help_panel=COMPARISON,
    ),
]


def measured_curve(
    path: Path | None,
    abscissa: Abscissa,
    *,
    figure: Path | None = None,
    window: tuple[float, float] | None = None,
) -> MeasuredCurve | None:
    """Read the measured curve that is laid over, if there is one, and check what is to be done with it."""
    from alzmodel.scattering.xrd.data import read_curve

    if path is None:
        for name, value in (("--figure", figure), ("--window", window)):
            if value is not None:
                raise InputError(
                    f"{name} {value}: nothing measured to compare with; allowed: with --against DATA"
                )
        return None
    if window is not None and not window[0] < window[1]:
        raise InputError(f"--window {window[0]:g} {window[1]:g}: does not rise; allowed: first and last")
    if figure is not None:
        from alzmodel.report.drawing import FORMATS

        if figure.suffix not in FORMATS:
            raise InputError(f"--figure {figure}: ending {figure.suffix!r}; allowed: {', '.join(FORMATS)}")
        check_writable(figure)
    return read_curve(path, abscissa)


def lay_over_measured(
    result: dict[str, Any],
    measured: MeasuredCurve | None,
    x: str,
    y: Any,
    background: int,
    as_json: bool,
    *,
    figure: Path | None = None,
    window: tuple[float, float] | None = None,
    ordinate: str | None = None,
) -> None:
    """Add the key ``against``: the curve scaled onto the measured one, and how well they agree."""
    if measured is None:
        return
    from alzmodel.scattering.xrd.data import lay_over

    agreement = lay_over(measured, result[x], y, background=background, window=window)
    result["against"] = agreement.to_dict()
    if figure is not None:
        from alzmodel.report.against_figure import plot_against

        plot_against(result["against"], x, figure, ordinate=ordinate)
    if not as_json:
        rows = [
            ("scale", agreement.scale),
            ("Rwp", agreement.rwp),
            ("Rwp, background subtracted", agreement.rwp_background),
            ("correlation", agreement.correlation),
            ("points", len(agreement.x)),
        ]
        print_table("against the measured curve", ("", "value"), rows)


def each_file(files: Sequence[Path], analyse: Callable[[list[Atoms]], dict[str, Any]]) -> dict[str, Any]:
    """Analyse the frames of every file; several files give means and spreads."""
    from alzmodel.statistics import combine

    models = [read_frames(path) for path in files]
    results = []
    for path, frames in zip(files, models, strict=True):
        try:
            results.append(analyse(frames))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    combined = combine(results)
    mark_provisional(combined, [frames[0].info.get("provenance") for frames in models])
    return combined


def check_positive(name: str, value: float, largest: float) -> None:
    """Refuse a number that is not above zero and at most `largest`."""
    if not 0 < value <= largest:
        raise InputError(f"{name} {value:g}: out of range; allowed: above 0, up to {largest:g}")
