"""Options of the commands, each declared once.

An option is a type that typer reads. Options that always come together are the fields of a dataclass, and
:func:`command` gives a function that takes such a dataclass its options on the command line, in the same order. What
several commands share stands here, the rest in the module of the command's name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator  # noqa: TC003 - read when a command is made
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from alzmodel.cli.numbers import real, whole
from alzmodel.cli.options.named import option_named
from alzmodel.errors import InputError

__all__ = [
    "COMPARISON",
    "Against",
    "Comparison",
    "Figure",
    "Files",
    "Frames",
    "Json",
    "MaxAtoms",
    "ModelFile",
    "Potential",
    "Ranks",
    "Seed",
    "Source",
    "TableOptions",
    "Window",
    "command",
    "given_options",
    "integer",
    "number",
]


def number(words: str, *names: str, panel: str | None = None, default: str | bool = True) -> Any:
    """Return an option that is a number; see :func:`alzmodel.cli.numbers.real`."""
    return typer.Option(
        *names, parser=real, metavar="FLOAT", help=words, rich_help_panel=panel, show_default=default
    )


def integer(words: str, *names: str, panel: str | None = None, default: str | bool = True) -> Any:
    """Return an option that is a whole number; see :func:`alzmodel.cli.numbers.whole`."""
    return typer.Option(
        *names, parser=whole, metavar="INTEGER", help=words, rich_help_panel=panel, show_default=default
    )


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Give a function the options of the dataclasses that it takes, in place of each such parameter.

    Parameters
    ----------
    function
        Its parameters are annotated: with a dataclass of options, or as typer wants them.

    Returns
    -------
    callable
        What typer takes for the command: every field is a parameter.
    """
    hints = get_type_hints(function, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in groups:
            parameters += _options_of(groups[parameter.name])
        else:
            parameters.append(
                parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
            )

    known = {spelling for one in parameters for spelling in _spellings(one)}

    def run(**given: Any) -> None:
        made = {
            name: kind(**{one.name: given.pop(one.name) for one in fields(kind)})
            for name, kind in groups.items()
        }
        try:
            function(**given, **made)
        except InputError as error:
            raise option_named(error, known) from error

    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def given_options(context: typer.Context) -> dict[str, str]:
    """Give the options that stand on the command line: their spelling by the name of the parameter."""
    spelled = {
        str(one.name): max(one.opts, key=len)
        for one in context.command.params
        if one.param_type_name == "option"
    }
    return {
        name: spelling
        for name, spelling in spelled.items()
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }


def _spellings(parameter: inspect.Parameter) -> Iterator[str]:
    """Give how an option is typed: as it says, or else by the name of its parameter."""
    for one in getattr(parameter.annotation, "__metadata__", ()):
        if isinstance(one, typer.models.OptionInfo):
            # Until typer has read it, its first name stands for its default.
            named = [
                str(name) for name in (one.default, *(one.param_decls or ())) if str(name).startswith("-")
            ]
            yield from named or [f"--{parameter.name.replace('_', '-')}"]


def _options_of(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    declared = inspect.signature(group).parameters.values()
    return [one.replace(annotation=hints[one.name], kind=inspect.Parameter.KEYWORD_ONLY) for one in declared]


Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="F...",
        help="Structure files; '-' reads extxyz from stdin. Several frames in one file are averaged as one model.",
    ),
]
MaxAtoms = Annotated[
    int, integer("Refuse files with more atoms, or with more than 200 bytes per atom.", "--max-atoms")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
ModelFile = Annotated[
    Path,
    typer.Option(
        "-o", "--output", help="Model file; its ending sets the format. '-' writes extxyz to stdout."
    ),
]
Seed = Annotated[int, integer("Random seed; the same seed gives the same model.")]
Potential = Annotated[str, typer.Option(help="Interatomic potential.")]
Ranks = Annotated[int, integer("MPI ranks of LAMMPS.")]

COMPARISON = "Comparison with a measurement"
Against = Annotated[
    Path | None,
    typer.Option(
        metavar="DATA",
        help="Measured curve to compare with (.xy, .xye, .csv, .chi, .gr, .xrdml, .raw, .brml, .rasx, …).",
        rich_help_panel=COMPARISON,
    ),
]


Window = Annotated[
    tuple[float, float] | None,
    typer.Option(
        metavar="FIRST LAST",
        help="With --against: compare only in this range of x.",
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


XUnit = Annotated[
    str | None,
    typer.Option(
        "--x-unit",
        metavar="UNIT",
        help="Unit of x in DATA, if the file does not say it, or to convert it: 2theta, 2theta-rad, theta, Q, Q-nm, d, "
        "d-nm, r, r-nm, k, k-A.",
        rich_help_panel=COMPARISON,
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y[,E]",
        help="Columns of DATA: x, y and its error, by number from 1 or by title.",
        rich_help_panel=COMPARISON,
    ),
]
Scan = Annotated[
    int | None, integer("Which of the scans in DATA, from 1.", panel=COMPARISON, default="all, if repeats")
]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A measured curve, and what is done with it."""

    against: Against = None
    window: Window = None
    figure: Figure = None
    x_unit: XUnit = None


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """Which part of a file is the measured curve."""

    columns: Columns = None
    scan: Scan = None


SOURCE = "What is read of F"


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Which frames are read of structure files, and what their atoms are."""

    frames: Annotated[
        str | None,
        typer.Option(
            metavar="FIRST:END:STEP",
            help="Which frames of a trajectory: first, last, a number from 0, or a range such as 100:2000:10.",
            show_default="all",
            rich_help_panel=SOURCE,
        ),
    ] = None
    types: Annotated[
        str | None,
        typer.Option(
            metavar="ELEMENTS",
            help="Elements of the LAMMPS types 1, 2, …, such as Li,La,Zr,O.",
            rich_help_panel=SOURCE,
        ),
    ] = None
    order: Annotated[
        int | None,
        integer(
            "Random seed: fill partly occupied sites, in a neutral supercell close to the composition.",
            panel=SOURCE,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Source(Frames):
    """What is read of structure files, and what they do not say themselves."""

    cell: Annotated[
        str | None,
        typer.Option(
            metavar="A[,B,C[,α,β,γ]]",
            help="Cell in Å and degrees of a file without one.",
            show_default="none: a cluster",
            rich_help_panel=SOURCE,
        ),
    ] = None
