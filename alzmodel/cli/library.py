"""``alzmodel library``: the finished models that come with the package."""

from __future__ import annotations

import difflib
from dataclasses import asdict
from pathlib import Path  # noqa: TC003  typer looks the type up when it runs
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.options import Json
from alzmodel.cli.output import print_json, print_table, refuse_two_streams
from alzmodel.errors import InputError
from alzmodel.io import check_structure_path, write_structure

if TYPE_CHECKING:
    from alzmodel.models.library import LibraryModel

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add ``library`` to the command tree."""
    app.command("library")(show_library)


def show_library(
    name: Annotated[str | None, typer.Argument(help="Model to write; without it all are listed.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Write the model at its energy minimum here; '-' writes extxyz to stdout."
        ),
    ] = None,
    frames: Annotated[Path | None, typer.Option(help="Write its frames at 300 K here (extxyz).")] = None,
    as_json: Json = False,
) -> None:
    """List the finished models that come with the package, or write one as a structure file."""
    from alzmodel.models.library import library, load_frames, load_model

    entries = library()
    if name is None:
        if output is not None or frames is not None:
            raise InputError("-o: no model named; allowed: alzmodel library NAME -o F")
        if as_json:
            print_json({"models": [asdict(entry) for entry in entries]})
        else:
            columns = ("name", "kind", "formula", "atoms", "potential", "seed")
            print_table("models", columns, [_row(entry) for entry in entries])
        return
    entry = next((entry for entry in entries if entry.name == name), None)
    if entry is None:
        near = difflib.get_close_matches(name, [entry.name for entry in entries], n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise InputError(
            f"model: {name!r} is not in the library; {hint}allowed: a name that 'alzmodel library' lists"
        )
    refuse_two_streams(output, as_json)
    if output is not None:
        check_structure_path(output)
    if frames is not None:
        check_structure_path(frames, several=True)
    if output is not None:
        write_structure(load_model(entry), output)
    if frames is not None:
        write_structure(load_frames(entry), frames)
    if as_json:
        print_json({**asdict(entry), "provenance": load_model(entry).info["provenance"]})
    elif str(output) != "-":
        print_table(entry.name, ("quantity", "value"), _told(entry))


def _told(entry: LibraryModel) -> list[tuple[str, Any]]:
    """Say of a model what its index does, but for the name and the digests of its files."""
    return [pair for pair in asdict(entry).items() if pair[0] not in {"name", "sha256", "hot"}]


def _row(entry: LibraryModel) -> tuple[str | int, ...]:
    return entry.name, entry.kind, entry.formula, entry.n_atoms, entry.potential, entry.seed
