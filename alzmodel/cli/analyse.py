"""``alzmodel pdf``, ``lbu``, ``xrd`` and ``fem``: numbers from structure files."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.lbu_display import print_units
from alzmodel.cli.numbers import real, wavelength_text, whole
from alzmodel.cli.output import mark_provisional, print_json, print_table, say, show_progress
from alzmodel.errors import InputError
from alzmodel.io import STANDARD_STREAM, check_writable, read_frames, write_structure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ase import Atoms

    from alzmodel.scattering.xrd_data import Abscissa, MeasuredCurve

__all__ = ["register"]

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


class Method(StrEnum):
    """How a powder pattern is computed."""

    AUTO = "auto"
    DEBYE = "debye"
    LATTICE = "lattice"
    PDF = "pdf"
    CRYSTAL = "crystal"


class ShellCriterion(StrEnum):
    """What ends a first shell."""

    MINIMUM = "first minimum"
    SOLID_ANGLE = "solid angle"
    GAP = "relative gap"


class RingCriterion(StrEnum):
    """Which rings count."""

    PRIMITIVE = "primitive"
    KING = "king"
    GUTTMAN = "guttman"


class Radiation(StrEnum):
    """What is scattered."""

    XRAY = "xray"
    NEUTRON = "neutron"
    ELECTRON = "electron"


def register(app: typer.Typer) -> None:
    """Add the analysis commands to the command tree."""
    app.command()(pdf)
    app.command()(lbu)
    app.command()(xrd)
    app.command()(fem)


def _measured(path: Path | None, abscissa: Abscissa) -> MeasuredCurve | None:
    from alzmodel.scattering.xrd_data import read_curve

    return None if path is None else read_curve(path, abscissa)


def _lay_over(
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


def _each_file(files: Sequence[Path], analyse: Callable[[list[Atoms]], dict[str, Any]]) -> dict[str, Any]:
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


def pdf(
    files: Files,
    r_max: Annotated[
        float,
        typer.Option(parser=real, metavar="FLOAT", help="Largest distance in Å; may pass half the box."),
    ] = 12.0,
    dr: Annotated[float, typer.Option(parser=real, metavar="FLOAT", help="Bin width in Å.")] = 0.02,
    against: Against = None,
    radiation: Annotated[Radiation, typer.Option(help="Which G(r) is laid over DATA.")] = Radiation.XRAY,
    as_json: Json = False,
) -> None:
    """Partial and total pair distribution functions."""
    import numpy as np

    from alzmodel.crystals import is_crystal
    from alzmodel.local_order.pdf import partial_rdf
    from alzmodel.scattering.totals import totals_dict

    _check_positive("--r-max", r_max, 200.0)
    _check_positive("--dr", dr, r_max)
    measured = _measured(against, "r")

    def analyse(frames: list[Atoms]) -> dict[str, Any]:
        rdf = partial_rdf(frames, r_max=r_max, dr=dr)
        if rdf.periodic and r_max > rdf.repeat_length and not is_crystal(frames[0]):
            say(
                f"alzmodel: beyond {rdf.repeat_length:.2f} Å the periodic box repeats: artificial order in a glass"
            )
        totals = totals_dict(rdf)
        for name, curve in totals.items():
            if not math.isnan(rdf.number_density) and np.isnan(curve).all():
                say(f"alzmodel: no {name} factor is tabulated for an element of {', '.join(rdf.elements)}")
        return {**rdf.to_dict(), "totals": totals}

    result = _each_file(files, analyse)
    _lay_over(result, measured, "r", result["totals"][radiation.value], -1, as_json)
    if as_json:
        print_json(result)
        return
    rows = [(pair, peak["r"], peak["fwhm"]) for pair, peak in result["first_peaks"].items()]
    print_table("first peaks of the partials", ("pair", "r (Å)", "fwhm (Å)"), rows)


def lbu(
    files: Files,
    cutoff: Annotated[
        list[str] | None,
        typer.Option(help="First-shell limit such as La-O=3.2 in Å; default: first minimum of the partial."),
    ] = None,
    shells: Annotated[
        ShellCriterion, typer.Option(help="What ends a first shell; the others are reported beside it.")
    ] = ShellCriterion.MINIMUM,
    ring_criterion: Annotated[
        RingCriterion, typer.Option("--rings", help="Which rings of Zr units count.")
    ] = RingCriterion.PRIMITIVE,
    probe: Annotated[
        float,
        typer.Option(
            parser=real, metavar="FLOAT", help="Radius in Å of the probe that looks for room for Li."
        ),
    ] = 0.59,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="G", help="Write the model with an array per atom: coordination, bond valence, …"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Local building units: coordination, distances, angles, and how they share corners, edges and faces."""
    from alzmodel.local_order.building_units import building_units
    from alzmodel.local_order.references import reference_sharing

    cutoffs = dict(_pair_value(text) for text in cutoff) if cutoff else None
    if not 0 <= probe < 3:
        raise InputError(f"--probe {probe:g}: out of range; allowed: from 0 to below 3 Å")
    if write is not None:
        _check_write(write, files, as_json)

    def analyse(frames: list[Atoms]) -> dict[str, Any]:
        units = building_units(
            frames,
            cutoffs=cutoffs,
            criterion=shells.value,
            ring_criterion=ring_criterion.value,
            probe_radius=probe,
        )
        if write is not None:
            _write_arrays(frames, write, cutoffs, shells.value)
        return units.to_dict()

    result = {**_each_file(files, analyse), "references": reference_sharing()}
    if as_json:
        print_json(result)
        return
    if str(write) != STANDARD_STREAM:
        print_units(result)


def _check_write(path: Path, files: Sequence[Path], as_json: bool) -> None:
    if len(files) > 1:
        raise InputError(f"--write {path}: {len(files)} files to analyse; allowed: one")
    if as_json and str(path) == STANDARD_STREAM:
        raise InputError("--write -: both the structure and --json would go to stdout; allowed: a file name")
    if path.suffix not in {"", ".xyz", ".extxyz"}:
        raise InputError(f"--write {path}: {path.suffix} keeps no arrays; allowed: .extxyz, .xyz, -")
    check_writable(path)


def _write_arrays(
    frames: list[Atoms], path: Path, cutoffs: Mapping[str, float] | None, criterion: str
) -> None:
    from alzmodel.local_order.per_atom import with_atom_arrays
    from alzmodel.local_order.shells import bonded

    write_structure(with_atom_arrays(bonded(frames, cutoffs=cutoffs, criterion=criterion)), path)


def _pair_value(text: str) -> tuple[str, float]:
    pair, _, value = text.partition("=")
    try:
        cutoff = float(value)
    except ValueError:
        cutoff = float("nan")
    if not 0 < cutoff < 20:
        raise InputError(f"--cutoff {text}: not a pair and a length; allowed: La-O=3.2 (Å, 0 to 20)")
    return pair, cutoff


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

    measured = _measured(against, "two_theta")
    result = _each_file(
        files,
        lambda frames: powder_pattern(
            frames, wavelength=wavelength_text(wavelength), two_theta=two_theta, method=method.value
        ).to_dict(),
    )
    _lay_over(result, measured, "two_theta", result["intensity"], 1, as_json)
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
    against: Against = None,
    as_json: Json = False,
) -> None:
    """Fluctuation electron microscopy: normalised variance over all probe positions."""
    from alzmodel.scattering.fem import FEMSettings, fem_of_model

    _check_positive("--thickness", thickness, 1000.0)
    settings = FEMSettings(energy_kev=energy, semi_angle_mrad=semi_angle)
    measured = _measured(against, "k")

    def analyse(frames: list[Atoms]) -> dict[str, Any]:
        with show_progress("fem") as progress:
            result = fem_of_model(
                frames[-1],
                thickness=thickness,
                n_columns=columns,
                seed=seed,
                settings=settings,
                progress=progress,
            )
        say(f"alzmodel: {result.note}")
        return result.to_dict()

    result = _each_file(files, analyse)
    _lay_over(result, measured, "k", result["variance"]["omega"], 0, as_json)
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


def _check_positive(name: str, value: float, largest: float) -> None:
    if not 0 < value <= largest:
        raise InputError(f"{name} {value:g}: out of range; allowed: above 0, up to {largest:g}")
