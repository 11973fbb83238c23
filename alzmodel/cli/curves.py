"""What the commands share that compute curves: arguments, reading of models, measured data beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.output import mark_provisional, print_table
from alzmodel.errors import InputError
from alzmodel.io import read_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

    from alzmodel.scattering.xrd_data import Abscissa, MeasuredCurve

__all__ = ["Against", "Files", "Json", "check_positive", "each_file", "lay_over_measured", "measured_curve"]

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
        metavar="DATA", help="Measured curve (.xy, .xye, .csv, .chi, .gr, .xrdml, …) to lay this over."
    ),
]


def measured_curve(path: Path | None, abscissa: Abscissa) -> MeasuredCurve | None:
    """Read the measured curve that is laid over, if there is one."""
    from alzmodel.scattering.xrd_data import read_curve

    return None if path is None else read_curve(path, abscissa)


def lay_over_measured(
    result: dict[str, Any], measured: MeasuredCurve | None, x: str, y: Any, background: int, as_json: bool
) -> None:
    """Add the key ``against``: the curve scaled onto the measured one, and how well they agree."""
    if measured is None:
        return
    from alzmodel.scattering.xrd_data import lay_over

    agreement = lay_over(measured, result[x], y, background=background)
    result["against"] = agreement.to_dict()
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
