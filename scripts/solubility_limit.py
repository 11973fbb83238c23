"""How much La2O3 does the glass hold? Energies of glasses against the crystalline oxide, and whether La gathers.

    python scripts/solubility_limit.py --models glasses -o docs/solubility

builds what is missing in the folder of models, and writes docs/solubility.md, .csv and .png. Energies of another model
(a machine-learned one, say) are added with ``--refined NAME=FILE.csv``: columns ``model`` (la-3-seed-1, or a crystal:
La2O3, La2Zr2O7, ZrO2) and ``energy`` in eV per atom, all of one calculator.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.build.melt_quench import check_request, melt_quench
from alzmodel.compare.solubility import (
    GATE_CRYSTAL,
    Exsolution,
    Gate,
    Solubility,
    exsolution,
    formation_gate,
    per_formula_unit,
    solubility,
)
from alzmodel.composition import glass_composition, parse_la
from alzmodel.errors import InputError, run_main
from alzmodel.forcefields.phase_energies import phase_energy
from alzmodel.forcefields.potentials import POTENTIALS, provisional_ions
from alzmodel.forcefields.validation import VALIDATION, crystal_properties, validation_crystal
from alzmodel.io import check_output_folder, check_writable, read_structure, write_structure, write_text
from alzmodel.report.drawing import draw, looks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ase import Atoms
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from alzmodel.report.drawing import Look

CRYSTALS = ("La2O3", "ZrO2", "ZrO2-cubic", GATE_CRYSTAL)
PER_ZR_PAIR = (16.5, 2.5)
"""Atoms of Li7LaxZr2O(7.5+1.5x): 16.5 + 2.5 x."""
MOST_UNITS = 1000


@dataclass(frozen=True, slots=True)
class Model:
    """A glass: where it lies and what was measured on it."""

    name: str
    la: float
    seed: int
    n_atoms: int
    density: float
    energy: float
    order: Exsolution


@dataclass(frozen=True, slots=True)
class Result:
    """What one source of energies says."""

    source: str
    found: Solubility
    gate: Gate | None


def exact_size(la: float, least: int) -> int:
    """Smallest number of atoms, at least `least`, that holds whole formula units and whole ions.

    Raises
    ------
    InputError
        If x is no simple fraction.
    """
    per_unit = PER_ZR_PAIR[0] + PER_ZR_PAIR[1] * la
    for units in range(1, MOST_UNITS):
        parts = (units * la, units * (7.5 + 1.5 * la))
        if units * per_unit >= least and all(abs(part - round(part)) < 1e-9 for part in parts):
            return round(units * per_unit)
    raise InputError(
        f"La content: {la:g}; allowed: fractions that fit a cell of whole ions, such as 1.5 or 2"
    )


def model_name(la: float, seed: int) -> str:
    """Name of a model's file, without its ending."""
    return f"la-{la:g}-seed-{seed}"


def build(options: argparse.Namespace) -> list[Model]:
    """Build what is missing, and measure every model."""
    cases = [(la, seed) for la in options.la for seed in range(1, options.seeds + 1)]
    models = []
    for number, (la, seed) in enumerate(cases, start=1):
        path = options.models / f"{model_name(la, seed)}.extxyz"
        if not path.is_file():
            glass = melt_quench(
                glass_composition(la),
                exact_size(la, options.atoms),
                seed=seed,
                protocol=options.protocol,
                potential=options.potential,
            )
            write_structure(glass.model, path)
        models.append(measure(path, la, seed, options.potential))
        print(f"{number}/{len(cases)} {path.name}", file=sys.stderr, flush=True)
    return models


def measure(path: Path, la: float, seed: int, potential: str) -> Model:
    """Energy and order of a model; another potential's model is refused."""
    atoms = read_structure(path)
    made = atoms.info["provenance"]
    if made["potential"]["name"] != potential or abs(made["la_content"] - la) > 1e-6 or made["seed"] != seed:
        raise InputError(
            f"{path}: made with {made['potential']['name']}, x = {made['la_content']:g}, seed {made['seed']}; "
            f"allowed: {potential}, x = {la:g}, seed {seed}"
        )
    energy = phase_energy(atoms, potential=potential)
    return Model(
        name=path.stem,
        la=la,
        seed=seed,
        n_atoms=len(atoms),
        density=made["density_300K"],
        energy=per_formula_unit(atoms, energy.total),
        order=exsolution(atoms),
    )


def with_potential(models: Sequence[Model], potential: str) -> Result:
    """Compare the models' own energies."""
    energies = {name: crystal_properties(name, potential, compress=False).energy for name in CRYSTALS}
    energies["ZrO2"] = min(energies["ZrO2"], energies.pop("ZrO2-cubic"))
    return _result(potential, {model.name: model.energy for model in models}, models, energies)


def with_refined(models: Sequence[Model], name: str, path: Path, folder: Path) -> Result:
    """Compare energies that another calculator gave the same models, relaxed by it or not."""
    with path.open(encoding="utf-8", newline="") as handle:
        try:
            table = {row["model"]: float(row["energy"]) for row in csv.DictReader(handle)}
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}: not read ({error}); allowed: columns model, energy (eV/atom)"
            ) from None
    missing = [one for one in ("La2O3", *(model.name for model in models)) if one not in table]
    if missing:
        raise InputError(f"{path}: no energy of {', '.join(missing)}; allowed: one for every model and La2O3")
    glasses = {
        model.name: per_formula_unit(
            read_structure(folder / f"{model.name}.extxyz"), table[model.name] * model.n_atoms
        )
        for model in models
    }
    crystals = {one: table[one] * _atoms_per_unit(one) for one in CRYSTALS if one in table}
    return _result(name, glasses, models, crystals)


def _atoms_per_unit(crystal: str) -> int:
    counts = validation_crystal(crystal).symbols.formula.reduce()[0].count()
    return sum(counts.values())


def _result(
    source: str, glasses: Mapping[str, float], models: Sequence[Model], crystals: Mapping[str, float]
) -> Result:
    groups: dict[float, list[float]] = {}
    for model in models:
        groups.setdefault(model.la, []).append(glasses[model.name])
    known = {GATE_CRYSTAL, *VALIDATION[GATE_CRYSTAL].oxides} <= set(crystals)
    return Result(
        source, solubility(groups, crystals["La2O3"] / 2), formation_gate(crystals) if known else None
    )


def csv_text(models: Sequence[Model]) -> str:
    """One line a model."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        ["model", "la", "seed", "atoms", "density_300K", "energy_per_formula_unit", *Exsolution.__slots__]
    )
    for one in models:
        order = (f"{getattr(one.order, name):.5f}" for name in Exsolution.__slots__)
        writer.writerow(
            [one.name, one.la, one.seed, one.n_atoms, f"{one.density:.4f}", f"{one.energy:.6f}", *order]
        )
    return buffer.getvalue()


def page(models: Sequence[Model], results: Sequence[Result], options: argparse.Namespace) -> str:
    """Return tables and verdicts as Markdown."""
    marks = provisional_ions(*(_provenance(options.models / f"{model.name}.extxyz") for model in models))
    parts = [
        "# How much La2O3 the glass holds\n",
        _introduction(len(models) // len(options.la), options),
        f"Provisional ions: {', '.join(marks)}.\n" if marks else "",
    ]
    for one in results:
        parts.append(f"## Energies: {one.source}\n")
        parts.append(f"**{one.found.verdict(one.gate)}**\n")
        parts.append(f"{str(one.gate)[:1].upper()}{str(one.gate)[1:]}.\n" if one.gate else "No gate.\n")
        parts.append(_energy_table(one))
    parts += ["## Whether La gathers\n", _order_table(models)]
    parts.append(f"![energies and order over x]({options.output.name}.png)\n")
    return "\n".join(part for part in parts if part)


def _introduction(per: int, options: argparse.Namespace) -> str:
    name = options.output.name
    return (
        f"Written by `python scripts/solubility_limit.py`; every model is in [{name}.csv]({name}.csv). Glasses "
        f"Li7LaxZr2O(7.5+1.5x) of some {options.atoms} atoms, {per} for each x, protocol `{options.protocol}`, "
        f"potential `{options.potential}`. Energies at 0 K of the minimised models, with nothing cut off "
        "(`alzmodel.forcefields.phase_energies`), per formula unit with two Zr. At fixed Li7Zr2 each La enters or "
        "leaves with ½ La2O3: where dE/dx lies above ½ E(La2O3) the glass gains energy by giving oxide off. Entropy "
        "is left out, so a limit at 0 K is a lower bound of the limit at the temperature of a film. A quenched glass "
        "lies above the best one by an amount that may depend on x.\n"
    )


def _provenance(path: Path) -> dict[str, object]:
    atoms: Atoms = read_structure(path)
    return atoms.info["provenance"]


def _energy_table(one: Result) -> str:
    found = one.found
    excess, error = found.excess()
    usable = one.gate is not None and one.gate.passed
    note = "" if usable else "Not usable:\n\n"
    rows = []
    for k, x in enumerate(found.x):
        slope = _interval(found.slopes[k]) if k < len(found.slopes) else "–"
        bend = _interval(found.curvatures[k - 1]) if 0 < k <= len(found.curvatures) else "–"
        until = f"{x:g} to {found.x[k + 1]:g}" if k + 1 < len(found.x) else "–"
        rows.append((f"{x:g}", f"{excess[k]:+.3f} ± {error[k]:.3f}", bend, until, slope))
    head = (
        "x",
        "E − x ½ E(La2O3) (eV), from the first x",
        "d²E/dx² (eV), 95 %",
        "between x",
        "dE/dx − ½ E(La2O3) (eV per La), 95 %",
    )
    low, high = found.limit_range
    limit = (
        f"Common tangent with La2O3: x = {found.limit:g}; {low:g} to {high:g} over the scatter of the models with "
        f"½ E(La2O3) moved by {found.tolerance:.3f} eV to either side (the width of the gate). "
        f"½ E(La2O3) = {found.oxide:.4f} eV.\n"
    )
    return note + _table(head, rows) + "\n" + limit


def _interval(outcome: object) -> str:
    low, high = outcome.ci95  # type: ignore[attr-defined]
    return f"{outcome.effect:+.3f} ({low:+.3f} to {high:+.3f})"  # type: ignore[attr-defined]


def _order_table(models: Sequence[Model]) -> str:
    head = (
        "x",
        "density (g/cm³)",
        "La-La Warren-Cowley",
        "oxygens bonded to La alone (%)",
        "the same in a random network (%)",
        "La with seven such oxygens (%)",
    )
    rows = []
    for la in dict.fromkeys(model.la for model in models):
        mine = [model for model in models if model.la == la]
        rows.append(
            (
                f"{la:g}",
                _mean([one.density for one in mine], 3),
                _mean([one.order.la_la_order for one in mine], 3),
                _mean([100 * one.order.la_only_oxygen for one in mine], 2),
                _mean([100 * one.order.la_only_oxygen_random for one in mine], 2),
                _mean([100 * one.order.oxide_like_la for one in mine], 2),
            )
        )
    words = (
        "\nMean ± sample spread over models. Warren-Cowley: 0 at random, below 0 where La prefers La. The random "
        "network has the same shells, each bond going to La with La's share of all bonds. In crystalline La2O3 the "
        "fourth and the last column are 100 %. A quench lasts some 40 ps, in which no oxide can grow: this shows "
        "whether La begins to gather, not whether La2O3 would crystallise.\n"
    )
    return _table(head, rows) + words


def _mean(values: Sequence[float], digits: int) -> str:
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
    return "".join(f"| {line} |\n" for line in lines)


def figure(models: Sequence[Model], results: Sequence[Result], path: Path) -> None:
    """Draw energies, slopes and order over x."""
    looks = looks_of([*(one.source for one in results), "found", "random"])

    def build_figure(canvas: Figure) -> None:
        canvas.set_size_inches(6.6, 4.8)
        left, middle, order, oxygen = canvas.subplots(2, 2).ravel()
        for one in results:
            look, found = looks[one.source], one.found
            mean, error = found.excess()
            left.errorbar(found.x, mean, error, label=one.source, marker=look.marker, capsize=2, **look.line)
            centres = [(a + b) / 2 for a, b in zip(found.x, found.x[1:], strict=False)]
            effects = np.array([slope.effect for slope in found.slopes])
            reach = np.abs(np.array([slope.ci95 for slope in found.slopes]).T - effects)
            middle.errorbar(centres, effects, reach, label="95 %", marker=look.marker, capsize=2, **look.line)
        width = results[0].found.tolerance
        middle.axhspan(-width, width, color="#dddddd", zorder=0, label="width of the gate")
        middle.axhline(0, color="#444444", linewidth=0.8)
        left.set(xlabel="x", ylabel="E − x ½E(La₂O₃) (eV)")
        middle.set(xlabel="x", ylabel="dE/dx − ½E(La₂O₃) (eV)")
        contents = list(dict.fromkeys(model.la for model in models))

        def show(panel: Axes, look: Look, label: str, value: Callable[[Exsolution], float]) -> None:
            values = [[value(model.order) for model in models if model.la == la] for la in contents]
            mean, spread = [np.mean(one) for one in values], [np.std(one, ddof=1) for one in values]
            panel.errorbar(contents, mean, spread, label=label, marker=look.marker, capsize=2, **look.line)

        show(order, looks["found"], "models", lambda one: one.la_la_order)
        order.axhline(0, color="#444444", linewidth=0.8, label="random")
        order.set(xlabel="x", ylabel="La–La Warren–Cowley parameter")
        show(oxygen, looks["found"], "models", lambda one: 100 * one.la_only_oxygen)
        show(oxygen, looks["random"], "random network", lambda one: 100 * one.la_only_oxygen_random)
        oxygen.set(xlabel="x", ylabel="O bonded to La alone (%)")
        for panel in (left, middle, order, oxygen):
            panel.legend()

    columns = {
        "la": [model.la for model in models],
        "energy": [model.energy for model in models],
        "la_la_order": [model.order.la_la_order for model in models],
    }
    draw(build_figure, path, columns)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--la", nargs="+", default=["1", "2", "3", "4", "5", "6"], help="La contents x")
    parser.add_argument("--seeds", type=int, default=3, help="models for each x")
    parser.add_argument("--atoms", type=int, default=600, help="smallest number of atoms")
    parser.add_argument("--protocol", default="quick")
    parser.add_argument("--potential", default="du-teter", choices=list(POTENTIALS))
    parser.add_argument("--models", type=Path, required=True, help="folder of the models")
    parser.add_argument(
        "--refined", nargs="*", default=[], metavar="NAME=CSV", help="energies of another model"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="name of the files, without ending")
    options = parser.parse_args(arguments)
    options.la = sorted({parse_la(text) for text in options.la})
    if len(options.la) < 3 or options.seeds < 2:
        raise InputError(
            f"--la, --seeds: {len(options.la)} contents, {options.seeds} seeds; allowed: at least 3 and 2"
        )
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, measure, compare, write."""
    options = parse_arguments(arguments)
    table, text, picture = (
        options.output.with_name(options.output.name + ending) for ending in (".csv", ".md", ".png")
    )
    for path in (table, text, picture):
        check_writable(path)
    check_output_folder(options.models).mkdir(parents=True, exist_ok=True)
    refined = dict(one.partition("=")[::2] for one in options.refined)
    for name, path in refined.items():
        if not Path(path).is_file():
            raise InputError(f"--refined {name}={path}: no such file; allowed: NAME=CSV")
    for la in options.la:
        size = exact_size(la, options.atoms)
        check_request(glass_composition(la), size, options.protocol, options.potential)
    models = build(options)
    write_text(table, csv_text(models))
    results = [with_potential(models, options.potential)]
    results += [with_refined(models, name, Path(path), options.models) for name, path in refined.items()]
    write_text(text, page(models, results, options))
    figure(models, results, picture)
    for one in results:
        print(f"{one.source}: {one.found.verdict(one.gate)}")
    return 0


if __name__ == "__main__":
    run_main(main)
