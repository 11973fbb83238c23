"""``alzmodel fem``: fluctuation electron microscopy of models and of measured patterns."""

from __future__ import annotations

import typer  # noqa: TC002 - read when the command is made

from alzmodel.cli.curves import lay_over_measured, measured_curve
from alzmodel.cli.fem_display import print_fem, tell_note
from alzmodel.cli.fem_models import fem_of_models
from alzmodel.cli.fem_stack import fem_of_stack, refuse_stack_options
from alzmodel.cli.options import Comparison, Files, Json, MaxAtoms, Source, command, given_options
from alzmodel.cli.options.fem import (
    AverageOptions,
    CameraOptions,
    ClusterOptions,
    ColumnOptions,
    InstrumentOptions,
    ObservedOptions,
    PeakOptions,
    StackOptions,
)
from alzmodel.cli.output import print_json
from alzmodel.reading import MAX_ATOMS

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(command(fem))


def fem(
    context: typer.Context,
    files: Files,
    columns: ColumnOptions,
    instrument: InstrumentOptions,
    peaks: PeakOptions,
    clusters: ClusterOptions,
    averages: AverageOptions,
    observed: ObservedOptions,
    camera: CameraOptions,
    stack: StackOptions,
    comparison: Comparison,
    source: Source,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Fluctuation electron microscopy: normalised variance over all probe positions.

    F is a model, or a stack of measured nanodiffraction patterns (.npy, .h5, .hspy, .mib, .dm4, .blo, …).
    """
    from alzmodel.scattering.fem.stack import is_stack

    measured = measured_curve(comparison, "k")
    if any(is_stack(path) for path in files):
        result = fem_of_stack(given_options(context), files, stack, instrument, peaks, camera)
    else:
        refuse_stack_options(given_options(context), files[0])
        result = fem_of_models(
            files, columns, instrument, peaks, clusters, averages, camera, observed, source, max_atoms
        )
    lay_over_measured(
        result,
        measured,
        "k",
        result["variance"]["omega"],
        0,
        as_json,
        comparison,
        files=files,
        control=("random gas (no order)", result["variance_floor"]) if "variance_floor" in result else None,
    )
    tell_note(result)
    if as_json:
        print_json(result)
        return
    print_fem(result)
