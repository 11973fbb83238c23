"""What the build commands share: compositions that are asked for, files and tables of models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from alzmodel.cli.output import mark_provisional, print_json, print_table
from alzmodel.errors import InputError
from alzmodel.io import STANDARD_STREAM, check_structure_path, write_structure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ase import Atoms

    from alzmodel.cli.options.build import CompositionOptions
    from alzmodel.composition import Composition

__all__ = ["check_models", "compositions_of", "report", "summary_of", "write_model"]


def compositions_of(asked: CompositionOptions) -> dict[str, Composition]:
    """Compositions that the options stand for, by the label of the dopant ion ("" without one)."""
    from alzmodel.composition import glass_composition, parse_composition, parse_la
    from alzmodel.ions import dopant_ions

    if (asked.la is None) == (asked.formula is None):
        given = "both" if asked.la else "neither"
        raise InputError(f"--la and --formula: {given} given; allowed: one of them")
    if asked.formula is not None:
        if (
            asked.li is not None
            or asked.dopant
            or asked.fraction is not None
            or asked.oxygen.value != "balance"
        ):
            raise InputError(
                f"--formula {asked.formula}: says it all; allowed: no --li, --oxygen, --dopant, --fraction"
            )
        return {"": parse_composition(asked.formula)}
    if (asked.dopant is None) != (asked.fraction is None):
        missing = "--fraction" if asked.fraction is None else "--dopant"
        raise InputError(f"{missing}: missing; allowed: --dopant and --fraction together")
    content = parse_la(str(asked.la))
    labels = [found.label for found in dopant_ions(asked.dopant)] if asked.dopant else [None]
    return {
        label or "": glass_composition(
            content,
            li=asked.li,
            oxygen=asked.oxygen.value,
            dopant=label,
            fraction=asked.fraction or 0.0,
            compensate=asked.compensate.value,
        )
        for label in labels
    }


def check_models(*outputs: Path, frames: Path | None) -> None:
    """Refuse files for models, and one for frames, that could not be written or are one file."""
    for output in outputs:
        check_structure_path(output)
    if frames is not None:
        check_structure_path(frames, several=True)
        same = [output for output in outputs if output.resolve() == frames.resolve()]
        if same:
            raise InputError(f"--frames {frames}: is the file of the model; allowed: another name")


def write_model(model: Atoms, output: Path, as_json: bool, *, energy: float | None = None) -> None:
    """Write a model and print its summary; `energy` in eV is of this model as it stands."""
    write_structure(model, output)
    summary = summary_of(model)
    if energy is not None:
        summary["energy"] = energy
    if as_json:
        print_json(summary)
    report(summary, output, as_json)


def summary_of(model: Atoms) -> dict[str, Any]:
    """Gather what ``--json`` prints of a model."""
    from alzmodel.units import mass_density

    provenance = model.info["provenance"]
    summary = {
        "formula": provenance["formula"],
        "n_atoms": len(model),
        "density": mass_density(model),
        "energy": provenance.get("energy_per_atom", math.nan) * len(model),
        "provenance": provenance,
    }
    mark_provisional(summary, provenance)
    return summary


def report(summary: dict[str, Any], output: Path, as_json: bool) -> None:
    """Print the table of a model, unless JSON or the model itself goes to stdout."""
    if not as_json and str(output) != STANDARD_STREAM:
        rows = [(_LABELS[name], value) for name, value in summary.items() if name in _LABELS]
        print_table(str(output), ("quantity", "value"), [*rows, *_lattice(summary["provenance"])])


_LABELS = {
    "formula": "formula",
    "n_atoms": "atoms",
    "density": "density (g/cm³)",
    "energy": "energy (eV)",
}


def _lattice(provenance: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Lattice parameters of a crystal, and where they come from."""
    lengths = provenance.get("lattice_parameters")
    if provenance.get("phase") is None or lengths is None:
        return
    potential = provenance.get("lattice_relaxed_with")
    origin = f"relaxed with {potential}" if potential else "published"
    if provenance.get("lattice_parameter_set") and not potential:
        origin = "as asked for"
    yield f"a, b, c (Å), {origin}", ", ".join(f"{length:.4f}" for length in lengths)
    if potential and "published_a" in provenance:
        yield "a (Å), published", f"{provenance['published_a']:.4f}"
    if not potential:
        yield "a (Å) and energy of a potential", "with --lattice relaxed"
