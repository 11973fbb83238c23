"""Options of ``alzmodel pdf``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from alzmodel.cli.options import COMPARISON, number

__all__ = ["Function", "Radiation", "TotalOptions"]

AS_MEASURED = "As measured"


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
    KEEN_G = "Keen-G"
    KEEN_D = "Keen-D"
    KEEN_T = "Keen-T"
    KEEN_F = "Keen-F"


@dataclass(frozen=True, kw_only=True)
class TotalOptions:
    """Pair functions, their totals, and the range that a measurement sees."""

    r_max: Annotated[float, number("Largest distance in Å; may exceed half the box.")] = 12.0
    dr: Annotated[float, number("Bin width in Å.")] = 0.02
    function: Annotated[
        Function,
        typer.Option(
            help="Which total is compared with DATA or written; S and F are computed only on request."
        ),
    ] = Function.G
    radiation: Annotated[Radiation, typer.Option(help="Radiation of that total.")] = Radiation.XRAY
    write: Annotated[
        Path | None,
        typer.Option(metavar="F", help="Write that total: .gr, .sq, .fq, .xy, .dat, .csv or .chi."),
    ] = None
    q_range: Annotated[
        tuple[float, float, float],
        typer.Option("--q-range", help="First and last Q and step in 1/Å, of S and F."),
    ] = (0.5, 25.0, 0.02)
    q_max: Annotated[
        float | None,
        number("End of the measured Q range in 1/Å: G, T and D go through S(Q) and back.", panel=AS_MEASURED),
    ] = None
    q_min: Annotated[
        float, number("Start of the measured Q range in 1/Å, with --q-max.", panel=AS_MEASURED)
    ] = 0.0
    lorch: Annotated[
        bool,
        typer.Option("--lorch", help="Lorch's window on F(Q), with --q-max.", rich_help_panel=AS_MEASURED),
    ] = False
    wavelength: Annotated[
        str | None,
        typer.Option(
            help="Wavelength in Å, or a line such as MoKa1, if x of DATA is an angle.",
            rich_help_panel=COMPARISON,
        ),
    ] = None
    q_damp: Annotated[float, number("Resolution in 1/Å that damps G(r) at large r.", panel=AS_MEASURED)] = 0.0
    q_broad: Annotated[
        float,
        number(
            "Resolution in 1/Å that widens G(r) at large r, as PDFgui fits it to a standard.",
            panel=AS_MEASURED,
        ),
    ] = 0.0
    b_iso: Annotated[
        str | None,
        typer.Option(
            metavar="B|La=B,O=B",
            help="Thermal displacements B = 8π²⟨u²⟩ in Å² of a perfect crystal; frames of a simulation have their own.",
            show_default="what the CIF says, else 0",
        ),
    ] = None
