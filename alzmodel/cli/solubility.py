"""``alzmodel solubility``: how much La2O3 the glass holds, by energies of models of several La contents."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.options import Files, Frames, Json, MaxAtoms, Potential, command
from alzmodel.cli.output import mark_provisional, print_json, print_table, say, show_progress
from alzmodel.cli.reading import read_models
from alzmodel.errors import InputError
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from alzmodel.compare.glass_energies import GlassEnergies
    from alzmodel.statistics import Outcome

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(command(solubility))


def solubility(
    files: Files,
    source: Frames,
    potential: Potential = "du-teter",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the models and an estimate of time.")
    ] = False,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """How much La2O3 the glass holds: energies of minimised glasses against the crystal, and whether La gathers.

    F are models Li7LaxZr2O(7.5+1.5x), at least two at each of at least three x, such as 'alzmodel build glass' and
    'alzmodel library NAME -o F' write. Energies are at 0 K; the entropy of mixing of the cations at 873 K is estimated
    beside them, that of vibrations left out.
    """
    from alzmodel.cli.costs import solubility_cost
    from alzmodel.cli.curves import tell_cost
    from alzmodel.compare.glass_energies import glass_energies, made_for
    from alzmodel.forcefields.potentials import potential as known

    known(potential)
    models = _models(files, source, max_atoms)
    contents = made_for(models)
    cost = solubility_cost([len(atoms) for atoms in models.values()])
    if dry_run:
        _show_plan(models, contents, cost.seconds, as_json)
        return
    tell_cost(files, [cost], sum(map(len, models.values())))
    with show_progress("solubility") as progress:
        found = glass_energies(models, potential, progress=progress)
    payload = _payload(found, potential)
    mark_provisional(payload, *(atoms.info.get("provenance") for atoms in models.values()))
    print_json(payload) if as_json else _print(found, payload)


def _models(files: Sequence[Path], source: Frames, max_atoms: int) -> dict[str, Atoms]:
    """Read one model of each file."""
    models: dict[str, Atoms] = {}
    for path in files:
        frames = read_models(path, max_atoms=max_atoms, source=source)
        if len(frames) > 1:
            raise InputError(f"{path}: holds {len(frames)} frames; allowed: one minimised model")
        if str(path) in models:
            raise InputError(f"{path}: named twice; allowed: each model once")
        models[str(path)] = frames[0]
    return models


def _show_plan(models: dict[str, Atoms], contents: dict[str, float], seconds: float, as_json: bool) -> None:
    rows = [{"file": name, "la": contents[name], "n_atoms": len(atoms)} for name, atoms in models.items()]
    if as_json:
        print_json({"models": rows, "seconds": seconds})
        return
    print_table("plan", ("file", "x", "atoms"), [tuple(row.values()) for row in rows])
    say(f"alzmodel: about {seconds:.0f} s")


def _outcome(found: Outcome) -> dict[str, Any]:
    return {"effect": found.effect, "ci95": list(found.ci95)}


def _payload(energies: GlassEnergies, potential: str) -> dict[str, Any]:
    from alzmodel.compare.measured import load_measured
    from alzmodel.compare.solubility import Exsolution, gathering_words

    found, gate = energies.found, energies.gate
    orders: dict[float, list[Exsolution]] = {}
    for one in energies.glasses:
        orders.setdefault(one.la, []).append(one.order)
    (measured,) = load_measured().series("solubility_limit")
    words = {
        "verdict": found.verdict(gate),
        "convexity": found.convexity(),
        "mixing": found.mixing(),
        "gathering": gathering_words(orders),
    }
    if gate.passed and measured.low is not None and measured.high is not None:
        words["beside_measured"] = found.beside(measured.low, measured.high)
    return {
        "potential": potential,
        "models": [asdict(one) for one in energies.glasses],
        "crystals": dict(energies.crystals),
        "x": list(found.x),
        "oxide": found.oxide,
        "slopes": [_outcome(one) for one in found.slopes],
        "curvatures": [_outcome(one) for one in found.curvatures],
        "bend": _outcome(found.bend),
        "limit": found.limit,
        "limit_range": list(found.limit_range),
        "limit_with_mixing": found.limit_at(),
        "tolerance": found.tolerance,
        "gate": asdict(gate),
        "words": words,
    }


def _print(energies: GlassEnergies, payload: dict[str, Any]) -> None:
    found = energies.found
    excess, error = found.excess()
    rows = []
    for number, x in enumerate(found.x):
        slope = found.slopes[number] if number < len(found.slopes) else None
        rows.append(
            (
                f"{x:g}",
                len(found.groups[number]),
                f"{excess[number]:+.3f} ± {error[number]:.3f}",
                "–"
                if slope is None
                else f"{slope.effect:+.3f} ({slope.ci95[0]:+.3f} to {slope.ci95[1]:+.3f})",
            )
        )
    heads = ("x", "models", "E − x ½E(La2O3) (eV)", "to the next x: dE/dx − ½E(La2O3) (eV per La), 95 %")
    print_table("energy of the glass for two Zr against La2O3, at 0 K", heads, rows)
    for words in payload["words"].values():
        print(words)
