"""``alzmodel pdf``: pair distribution functions and structure factors of structure files."""

from __future__ import annotations

import functools
import math
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.costs import pdf_cost
from alzmodel.cli.curves import (
    Against,
    Figure,
    Files,
    Json,
    MaxAtoms,
    Window,
    check_positive,
    each_file,
    lay_over_measured,
    measured_curve,
)
from alzmodel.cli.numbers import real
from alzmodel.cli.output import print_json, print_table, say, show_progress
from alzmodel.errors import InputError
from alzmodel.io import check_writable
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from ase import Atoms

    from alzmodel.local_order.pdf import PartialRDF

__all__ = ["register"]

RANGE = "As measured"
ORDINATES = {"G": "G(r) (Å⁻²)", "T": "T(r) (Å⁻²)", "D": "D(r)", "S": "S(Q)", "F": "F(Q) (Å⁻¹)"}


class Radiation(StrEnum):
    """What is scattered."""

    XRAY = "xray"
    NEUTRON = "neutron"
    ELECTRON = "electron"


class Function(StrEnum):
    """Which total."""

    G = "G"
    T = "T"
    D = "D"
    S = "S"
    F = "F"


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(pdf)


def pdf(
    files: Files,
    r_max: Annotated[
        float,
        typer.Option(parser=real, metavar="FLOAT", help="Largest distance in Å; may pass half the box."),
    ] = 12.0,
    dr: Annotated[float, typer.Option(parser=real, metavar="FLOAT", help="Bin width in Å.")] = 0.02,
    function: Annotated[
        Function,
        typer.Option(help="Total that is laid over DATA or written; S and F are computed when asked for."),
    ] = Function.G,
    radiation: Annotated[
        Radiation, typer.Option(help="Of the total that is laid over DATA or written.")
    ] = Radiation.XRAY,
    write: Annotated[
        Path | None,
        typer.Option(metavar="F", help="Write that total: .gr, .sq, .fq, .xy, .dat, .csv or .chi."),
    ] = None,
    q_range: Annotated[
        tuple[float, float, float],
        typer.Option("--q-range", help="First and last Q and step in 1/Å, of S and F."),
    ] = (0.5, 25.0, 0.02),
    q_max: Annotated[
        float | None,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="End of the measured Q range in 1/Å: G, T and D go through S(Q) and back.",
            rich_help_panel=RANGE,
        ),
    ] = None,
    q_min: Annotated[
        float,
        typer.Option(parser=real, metavar="FLOAT", help="Its start, with --q-max.", rich_help_panel=RANGE),
    ] = 0.0,
    lorch: Annotated[
        bool, typer.Option("--lorch", help="Lorch's window on F(Q), with --q-max.", rich_help_panel=RANGE)
    ] = False,
    q_damp: Annotated[
        float,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Resolution in 1/Å that damps G(r) at large r.",
            rich_help_panel=RANGE,
        ),
    ] = 0.0,
    q_broad: Annotated[
        float,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Resolution in 1/Å that widens G(r) at large r, as PDFgui fits it to a standard.",
            rich_help_panel=RANGE,
        ),
    ] = 0.0,
    against: Against = None,
    window: Window = None,
    figure: Figure = None,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Partial and total pair distribution functions, and structure factors."""
    check_positive("--r-max", r_max, 200.0)
    check_positive("--dr", dr, r_max)
    if q_max is not None:
        check_positive("--q-max", q_max, 75.0)
    elif q_min or lorch:
        raise InputError("--q-min, --lorch: no end of the Q range is given; allowed: with --q-max")
    reciprocal = function in {Function.S, Function.F}
    x = "Q" if reciprocal else "r"
    measured = measured_curve(against, "Q" if reciprocal else "r", figure=figure, window=window)
    if write is not None:
        _check_write(write, reciprocal)

    def analyse(frames: list[Atoms]) -> dict[str, Any]:
        from alzmodel.local_order.pdf import partial_rdf

        with show_progress("pdf") as progress:
            rdf = partial_rdf(frames, r_max=r_max, dr=dr, progress=progress)
        _warn(rdf, r_max, frames[0])
        settings = {
            "q_min": q_min,
            "window": "lorch" if lorch else "none",
            "q_damp": q_damp,
            "q_broad": q_broad,
        }
        result = {**rdf.to_dict(), **_totals(frames, rdf, dr, q_max, settings)}
        if reciprocal:
            result |= _reciprocal(frames, q_range, dr)
        return result

    cost = functools.partial(pdf_cost, r_max=r_max)
    result = each_file(files, analyse, max_atoms=max_atoms, cost=cost)
    curve = result["totals" if function is Function.G else function.value][radiation.value]
    lay_over_measured(
        result,
        measured,
        x,
        curve,
        -1,
        as_json,
        figure=figure,
        window=window,
        ordinate=ORDINATES[function.value],
    )
    if write is not None:
        from alzmodel.scattering.xrd.data import write_curve

        title = f"{function.value} of {', '.join(map(str, files))}, {radiation.value}"
        write_curve(write, result[x], curve, abscissa="Q" if reciprocal else "r", title=title)
    if as_json:
        print_json(result)
        return
    rows = [(pair, peak["r"], peak["fwhm"]) for pair, peak in result["first_peaks"].items()]
    print_table("first peaks of the partials", ("pair", "r (Å)", "fwhm (Å)"), rows)


def _check_write(path: Path, reciprocal: bool) -> None:
    allowed = (".xy", ".dat", ".csv", ".chi", *((".sq", ".fq") if reciprocal else (".gr",)))
    if path.suffix not in allowed:
        raise InputError(f"--write {path}: ending {path.suffix or 'none'}; allowed: {', '.join(allowed)}")
    check_writable(path)


def _warn(rdf: PartialRDF, r_max: float, atoms: Atoms) -> None:
    from alzmodel.crystals import is_crystal
    from alzmodel.scattering.totals import RADIATIONS, is_tabulated

    if rdf.periodic and r_max > rdf.repeat_length and not is_crystal(atoms):
        say(
            f"alzmodel: beyond {rdf.repeat_length:.2f} Å the periodic box repeats: artificial order in a glass"
        )
    for radiation in RADIATIONS:
        if not math.isnan(rdf.number_density) and not is_tabulated(rdf, radiation):
            say(f"alzmodel: no {radiation} factor is tabulated for an element of {', '.join(rdf.elements)}")


def _totals(
    frames: list[Atoms], rdf: PartialRDF, dr: float, q_max: float | None, settings: dict[str, Any]
) -> dict[str, Any]:
    """G, T and D of every radiation; NaN where an element is not tabulated."""
    import numpy as np

    from alzmodel.scattering.totals import RADIATIONS, is_tabulated, resolved_totals, total_pdf

    if q_max is None:
        found = {
            str(name): total_pdf(rdf, name, q_damp=settings["q_damp"], q_broad=settings["q_broad"])
            for name in RADIATIONS
            if is_tabulated(rdf, name)
        }
    else:
        r_max = float(rdf.r[-1] + 0.5 * rdf.dr)
        found = resolved_totals(frames, r_max=r_max, dr=dr, q_max=q_max, **settings)
    nothing = np.full(rdf.r.shape, np.nan)
    return {
        key: {
            name: getattr(found[name], attribute) if name in found else nothing
            for name in map(str, RADIATIONS)
        }
        for key, attribute in (("totals", "G"), ("T", "T"), ("D", "D"))
    }


def _reciprocal(frames: list[Atoms], q_range: tuple[float, float, float], dr: float) -> dict[str, Any]:
    """S and F of every radiation, with the default taper of the pair functions."""
    import numpy as np

    from alzmodel.scattering.totals import RADIATIONS, model_structure_factor

    found = model_structure_factor(frames, q_range, dr=dr)
    say(f"alzmodel: S(Q): pair functions fade out from {found.taper[0]:.1f} to {found.taper[1]:.1f} Å")
    nothing = np.full(found.Q.shape, np.nan)
    return {
        "Q": found.Q,
        "S": {name: found.total.get(name, nothing) for name in RADIATIONS},
        "F": {name: found.reduced(name) if name in found.total else nothing for name in RADIATIONS},
        "taper": list(found.taper),
    }
