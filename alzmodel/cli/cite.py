"""``alzmodel cite``: what to cite with a model, a study, or the program alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alzmodel.cli.options import Json, command
from alzmodel.cli.options.cite import Cited, CiteOptions, CiteStyle
from alzmodel.cli.output import print_json
from alzmodel.errors import InputError

if TYPE_CHECKING:
    import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(command(cite))


def cite(options: CiteOptions, what: Cited = None, as_json: Json = False) -> None:
    """Say how to cite the program, and the potentials, data and measurements behind models and studies."""
    from alzmodel.study.citations import bibtex, citations_of

    if as_json and options.style is not CiteStyle.TEXT:
        raise InputError(f"--format {options.style.value} and --json: both; allowed: one of them")
    found = citations_of(what or ())
    if as_json:
        print_json({"citations": [one.to_dict() for one in found]})
    elif options.style is CiteStyle.BIBTEX:
        print("\n\n".join(bibtex(one) for one in found))
    else:
        for one in found:
            link = f", https://doi.org/{one.doi}" if one.doi else ""
            ions = f" ({', '.join(one.ions)})" if one.ions else ""
            print(f"{one.words}{ions}:\n    {one.text.partition(', doi ')[0]}{link}")
