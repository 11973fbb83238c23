"""How much La2O3 does the glass hold? Energies of glasses against the crystalline oxide, and whether La gathers.

    python scripts/solubility_limit.py --models glasses -o docs/results/solubility

builds what is missing in the folder of models, and writes docs/results/solubility.md, .csv and .png.
``--library PROTOCOL`` adds the larger glasses of that protocol that come with the package. ``--refinement
docs/results/refinement.csv`` adds glasses that scripts/refinement_study.py relaxed with machine-learned potentials;
energies of the crystals with the same calculator are kept beside it (refinement-crystals.csv) and computed where they
are missing.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from alzmodel.compare.glass_energies import CRYSTALS, crystal_energies
from alzmodel.compare.measured import load_measured
from alzmodel.compare.solubility import (
    Exsolution,
    Gate,
    Solubility,
    atoms_per_unit,
    exsolution,
    formation_gate,
    gathering_words,
    per_formula_unit,
    solubility,
    whole_cell,
)
from alzmodel.composition import glass_composition, parse_la
from alzmodel.errors import InputError, run_main
from alzmodel.forcefields.phase_energies import phase_energy
from alzmodel.forcefields.potentials import POTENTIALS, provisional_ions
from alzmodel.forcefields.validation import validation_crystal
from alzmodel.io import check_writable, read_structure, write_structure, write_text
from alzmodel.models.library import glasses, load_model
from alzmodel.models.melt_quench import check_request, melt_quench
from alzmodel.models.work_folder import check_models_folder
from alzmodel.report.drawing import GREY, Look, draw, looks_of
from alzmodel.statistics import mean_std, student_ci

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from alzmodel.models.library import LibraryModel

FEWEST_CONTENTS, FEWEST_SEEDS = 3, 2
CRYSTAL_TABLE = "refinement-crystals.csv"


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
    gate: Gate


@dataclass(frozen=True, slots=True)
class Series:
    """Models made alike, and what their energies say."""

    label: str
    title: str
    models: list[Model]
    results: list[Result]
    provisional: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> dict[float, list[Model]]:
        """Models by La content."""
        return {
            la: [one for one in self.models if one.la == la] for la in sorted({one.la for one in self.models})
        }


def model_name(la: float, seed: int) -> str:
    """Name of a model's file, without its ending."""
    return f"la-{la:g}-seed-{seed}"


def build(options: argparse.Namespace) -> tuple[list[Model], tuple[str, ...]]:
    """Build what is missing, and measure every model; also name provisional ions."""
    cases = [(la, seed) for la in options.la for seed in range(1, options.seeds + 1)]
    models, marks = [], []
    for number, (la, seed) in enumerate(cases, start=1):
        path = options.models / f"{model_name(la, seed)}.extxyz"
        if not path.is_file():
            glass = melt_quench(
                glass_composition(la),
                whole_cell(la, options.atoms),
                seed=seed,
                protocol=options.protocol,
                potential=options.potential,
            )
            write_structure(glass.model, path)
        atoms = read_structure(path)
        made = atoms.info["provenance"]
        _check_model(path, made, la, seed, options)
        models.append(measure(path.stem, atoms, la, seed, options.potential))
        marks.append(made)
        print(f"{number}/{len(cases)} {path.name}", file=sys.stderr, flush=True)
    return models, provisional_ions(*marks)


def _check_model(
    path: Path, made: Mapping[str, Any], la: float, seed: int, options: argparse.Namespace
) -> None:
    found = made["potential"]["name"], made["protocol"]["name"], made["la_content"], made["seed"]
    if found[:2] != (options.potential, options.protocol) or abs(found[2] - la) > 1e-6 or found[3] != seed:
        raise InputError(
            f"{path}: made with {found[0]}, {found[1]}, x = {found[2]:g}, seed {found[3]}; "
            f"allowed: {options.potential}, {options.protocol}, x = {la:g}, seed {seed}"
        )


def glasses_of_library(protocol: str, potential: str) -> list[LibraryModel]:
    """Glasses of the library that one protocol made with Li7.

    Raises
    ------
    InputError
        If there are too few.
    """
    chosen = [one for one in glasses(potential) if one.protocol == protocol]
    contents = [one.la for one in chosen]
    if len(set(contents)) < FEWEST_CONTENTS or min(map(contents.count, contents)) < FEWEST_SEEDS:
        names = ", ".join(one.name for one in chosen) or "none"
        raise InputError(
            f"--library {protocol}: {names}; allowed: a protocol with at least {FEWEST_CONTENTS} contents and "
            f"{FEWEST_SEEDS} seeds each"
        )
    return chosen


def of_library(
    chosen: Sequence[LibraryModel], potential: str, oxides: Mapping[str, float]
) -> tuple[list[Model], tuple[str, ...]]:
    """Measure glasses of the library; also name provisional ions."""
    models, marks = [], []
    for number, one in enumerate(chosen, start=1):
        atoms = load_model(one)
        models.append(measure(one.name, atoms, one.la, one.seed, potential, oxides))
        marks.append(atoms.info["provenance"])
        print(f"{number}/{len(chosen)} {one.name}", file=sys.stderr, flush=True)
    return models, provisional_ions(*marks)


def measure(
    name: str,
    atoms: Atoms,
    la: float,
    seed: int,
    potential: str,
    oxides: Mapping[str, float] | None = None,
) -> Model:
    """Energy and order of a model."""
    energy = phase_energy(atoms, potential=potential)
    return Model(
        name=name,
        la=la,
        seed=seed,
        n_atoms=len(atoms),
        density=atoms.info["provenance"]["density_300K"],
        energy=per_formula_unit(atoms, energy.total, la=la, oxides=oxides),
        order=exsolution(atoms),
    )


def with_potential(models: Sequence[Model], source: str, energies: Mapping[str, float]) -> Result:
    """Compare the models' own energies."""
    groups: dict[float, list[float]] = {}
    for model in models:
        groups.setdefault(model.la, []).append(model.energy)
    return Result(source, solubility(groups, energies["La2O3"] / 2), formation_gate(energies))


def _atoms_per_unit(crystal: str) -> int:
    counts = validation_crystal(crystal).symbols.formula.reduce()[0].count()
    return sum(counts.values())


def of_refinement(path: Path) -> Series:
    """Compare the glasses of a table of the refinement study, by calculator; our own potentials are left out.

    Notes tell of calculators with too few glasses, and of glasses that were not relaxed to the end.

    Raises
    ------
    InputError
        If the file is not one of that study, or crystals are missing and the calculator is not installed.
    """
    table = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    try:
        rows = [
            (
                row["calculator"],
                row["converged"],
                Atoms(row["cell"]),
                float(row["x"]),
                float(row["energy_eV"]),
            )
            for row in table
            if row["calculator"] not in POTENTIALS
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not read ({error}); allowed: a table of refinement_study.py") from None
    if not rows:
        raise InputError(f"{path}: holds no refined glass; allowed: a table of refinement_study.py")
    size = f"{round(np.mean([len(row[2]) for row in rows]), -2):.0f}"
    results, notes = [], []
    for calculator in dict.fromkeys(row[0] for row in rows):
        mine = [row for row in rows if row[0] == calculator]
        energies = refined_crystals(calculator, path.with_name(CRYSTAL_TABLE))
        groups: dict[float, list[float]] = {}
        for _, _, cell, la, energy in mine:
            groups.setdefault(la, []).append(per_formula_unit(cell, energy, la=la, oxides=energies))
        gate = formation_gate(energies)
        if len(groups) >= FEWEST_CONTENTS and min(map(len, groups.values())) >= FEWEST_SEEDS:
            found = solubility(groups, energies["La2O3"] / 2)
            results.append(Result(f"{calculator}, {size} atoms", found, gate))
        else:
            notes.append(f"{calculator}, {len(mine)} glasses, too few to compare: {gate}.\n")
        stopped = sum(row[1] != "True" for row in mine)
        if stopped:
            notes.append(
                f"{calculator}: {stopped} of {len(mine)} glasses stopped when their steps ran out.\n"
            )
    title = f"Machine-learned potentials: some {size} atoms, relaxed ([{path.stem}.md]({path.stem}.md))"
    return Series("refined", title, [], results, (), tuple(notes))


def refined_crystals(calculator: str, path: Path) -> dict[str, float]:
    """Energies of crystals in eV per formula unit with a calculator, from the file or computed and added to it."""
    known: dict[tuple[str, str], float] = {}
    if path.is_file():
        table = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        known = {(row["calculator"], row["crystal"]): float(row["energy"]) for row in table}
    missing = [name for name in CRYSTALS if (calculator, name) not in known]
    if missing:
        from alzmodel.forcefields.calculators import calculator_of
        from alzmodel.forcefields.refinement import refine

        chosen = calculator_of(calculator)
        for name in missing:
            start = validation_crystal(name)
            relaxed = refine(start, chosen, fmax=0.02, cell="full")
            known[calculator, name] = relaxed.energy_after / len(start) * _atoms_per_unit(name)
            print(f"{calculator}: {name}", file=sys.stderr, flush=True)
        lines = [f"{one},{name},{energy:.6f}\n" for (one, name), energy in known.items()]
        write_text(path, "calculator,crystal,energy\n" + "".join(lines))
    energies = {name: known[calculator, name] for name in CRYSTALS}
    energies["ZrO2"] = min(energies["ZrO2"], energies.pop("ZrO2-cubic"))
    return energies


def csv_text(series: Sequence[Series]) -> str:
    """One line a model."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        ["model", "la", "seed", "atoms", "density_300K", "energy_per_formula_unit", *Exsolution.__slots__]
    )
    for one in (model for part in series for model in part.models):
        order = (f"{getattr(one.order, name):.5f}" for name in Exsolution.__slots__)
        writer.writerow(
            [one.name, one.la, one.seed, one.n_atoms, f"{one.density:.4f}", f"{one.energy:.6f}", *order]
        )
    return buffer.getvalue()


def page(series: Sequence[Series], options: argparse.Namespace) -> str:
    """Return tables and verdicts as Markdown."""
    parts = ["# How much La2O3 the glass holds\n", _introduction(options)]
    for part in series:
        parts.append(f"## {part.title}\n")
        if part.provisional:
            parts.append(f"Provisional ions: {', '.join(part.provisional)}.\n")
        for one in part.results:
            parts.append(f"### Energies: {one.source}\n")
            parts.append(f"**{one.found.verdict(one.gate)}**\n")
            if one.gate.passed:
                parts.append(f"{one.found.beside(*measured_limit())}\n")
                parts.append(f"{str(one.gate)[:1].upper()}{str(one.gate)[1:]}.\n")
            parts.append(f"{one.found.convexity()}\n")
            parts.append(f"{one.found.mixing()}\n")
            parts.append(_energy_table(one))
        parts += part.notes
        if part.models:
            parts += ["### Whether La gathers\n", f"**{_gathering(part)}**\n", _order_table(part)]
    parts.append(ORDER_WORDS)
    parts.append(f"![energies and order over x]({options.output.name}.png)\n")
    parts.append(FIGURE_WORDS)
    return "\n".join(part for part in parts if part)


def measured_limit() -> tuple[float, float]:
    """Between which x the film's Raman lines of La2O3 appear."""
    (value,) = load_measured().series("solubility_limit")
    return value.low, value.high


def _gathering(part: Series) -> str:
    return gathering_words({la: [one.order for one in models] for la, models in part.groups.items()})


def _introduction(options: argparse.Namespace) -> str:
    name = options.output.name
    return (
        f"Written by `python scripts/solubility_limit.py`; every model is in [{name}.csv]({name}.csv). Glasses "
        "Li7LaxZr2O(7.5+1.5x). Energies at 0 K of the minimised models, with nothing cut off "
        "(`alzmodel.forcefields.phase_energies`), per formula unit with two Zr. At fixed Li7Zr2 each La enters or "
        "leaves with ½ La2O3: where dE/dx lies above ½ E(La2O3) the glass gains energy by giving oxide off. La2O3 is "
        "the only competitor looked at. Limits are at 0 K: what the entropy of mixing would do is estimated in a "
        "line of its own, that of vibrations is left out. A limit at 0 K is a lower bound of that of a film. "
        "A quenched glass lies above the best one by an amount that may depend on x.\n\n"
        "The scatter of models of one x is pooled over all x: two to four seeds do not tell it for each x. The "
        "curvature compares glasses with glasses, and holds whether or not the gate is passed.\n"
    )


def _energy_table(one: Result) -> str:
    found = one.found
    excess, error = found.excess()
    note = "" if one.gate.passed else "Not usable, but for the curvatures:\n\n"
    rows = []
    for k, x in enumerate(found.x):
        slope = _interval(found.slopes[k]) if k < len(found.slopes) else "–"
        bend = _interval(found.curvatures[k - 1]) if 0 < k <= len(found.curvatures) else "–"
        until = f"{x:g} to {found.x[k + 1]:g}" if k + 1 < len(found.x) else "–"
        rows.append((f"{x:g}", f"{excess[k]:+.3f} ± {error[k]:.3f}", bend, until, slope))
    head = (
        "x",
        "E − x ½ E(La2O3) (eV), from the first x, ± standard error",
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


ORDER_WORDS = (
    "Mean ± sample spread over models; surplus: oxygens bonded to La alone less those of a random network, with "
    "Student's 95 % interval of its mean. The random network has the same shells, each bond going to La with La's "
    "share of all bonds. Warren-Cowley: 0 at random, below 0 where La prefers La. Over all neighbours it is below 0 "
    "without any gathering, since La has the longest reach of the cations; over bonds that is taken out. In "
    "crystalline La2O3 the shares of the fifth, eighth and ninth column are 100 %, in La2Zr2O7 14, 25 and 0 %. Where "
    "no La has seven such oxygens, < gives the share that would have shown one with 95 % probability. A quench lasts "
    "some 40 ps, in which no oxide can grow: this shows whether La begins to gather, not whether La2O3 would "
    "crystallise.\n"
)
FIGURE_WORDS = (
    "Bars: standard errors of energies, 95 % intervals of slopes, sample spreads of order. Grey band: what the gate "
    "allows ½ E(La2O3) to be off by.\n"
)


def _order_table(part: Series) -> str:
    head = (
        "x",
        "density (g/cm³)",
        "La-La Warren-Cowley, neighbours",
        "La-La Warren-Cowley, bonds",
        "oxygens bonded to La alone (%)",
        "the same in a random network (%)",
        "surplus (%), 95 %",
        "bonds of La to such oxygens (%)",
        "La with seven such oxygens (%)",
    )
    rows = []
    for la, mine in part.groups.items():
        surplus = [100 * one.order.gathering for one in mine]
        low, high = student_ci(surplus)
        rows.append(
            (
                f"{la:g}",
                _mean([one.density for one in mine], 3),
                _mean([one.order.la_la_order for one in mine], 3),
                _mean([one.order.la_la_bridges for one in mine], 3),
                _mean([100 * one.order.la_only_oxygen for one in mine], 2),
                _mean([100 * one.order.la_only_oxygen_random for one in mine], 2),
                f"{np.mean(surplus):+.2f} ({low:+.2f} to {high:+.2f})",
                _mean([100 * one.order.la_only_shell for one in mine], 1),
                _oxide_like(mine),
            )
        )
    return _table(head, rows)


def _oxide_like(models: Sequence[Model]) -> str:
    shares = [100 * one.order.oxide_like_la for one in models]
    if any(shares):
        return _mean(shares, 2)
    number = sum(_la_ions(one) for one in models)
    return f"0 (< {100 * (1 - 0.05 ** (1 / number)):.2f})"


def _la_ions(model: Model) -> float:
    return model.la * model.n_atoms / atoms_per_unit(model.la)


def _mean(values: Sequence[float], digits: int) -> str:
    mean, std = mean_std(values)
    return f"{mean:.{digits}f} ± {std:.{digits}f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
    return "".join(f"| {line} |\n" for line in lines)


def figure(series: Sequence[Series], path: Path) -> None:
    """Draw energies, slopes and order over x."""
    looks = looks_of(one.source for part in series for one in part.results)
    looks["random"] = Look(GREY, ":", "x")
    # Models of one series look the same in every panel.
    looks |= {part.label: looks[part.results[0].source] for part in series if part.models}

    def build_figure(canvas: Figure) -> None:
        canvas.set_size_inches(6.6, 4.8)
        energy, slope, order, oxygen = canvas.subplots(2, 2).ravel()
        for one in (one for part in series for one in part.results):
            _draw_energies(energy, slope, one, looks[one.source])
        width = series[0].results[0].found.tolerance
        slope.axhspan(-width, width, color="#dddddd", zorder=0, label="gate")
        slope.axhline(0, color="#444444", linewidth=0.8)
        energy.set(xlabel="x", ylabel="E − x ½E(La₂O₃) (eV per 2 Zr)")
        slope.set(xlabel="x", ylabel="dE/dx − ½E(La₂O₃) (eV per La)")
        order.axhline(0, color="#444444", linewidth=0.8, label="random")
        for number, part in enumerate(part for part in series if part.models):
            look = looks[part.label]
            _draw_order(order, part, look, part.label, lambda one: one.la_la_bridges)
            _draw_order(oxygen, part, look, part.label, lambda one: 100 * one.la_only_oxygen)
            _draw_order(
                oxygen,
                part,
                looks["random"],
                "" if number else "random network",
                lambda one: 100 * one.la_only_oxygen_random,
            )
        order.set(xlabel="x", ylabel="La–La Warren–Cowley, bonds")
        oxygen.set(xlabel="x", ylabel="O bonded to La alone (%)")
        slope.legend(loc="upper left")
        for panel in (energy, order, oxygen):
            panel.legend()

    models = [model for part in series for model in part.models]
    columns = {
        "la": [model.la for model in models],
        "energy": [model.energy for model in models],
        "la_la_bridges": [model.order.la_la_bridges for model in models],
    }
    draw(build_figure, path, columns)


def _draw_energies(energy: Axes, slope: Axes, one: Result, look: Look) -> None:
    found = one.found
    mean, error = found.excess()
    energy.errorbar(found.x, mean, error, label=one.source, marker=look.marker, capsize=2, **look.line)
    centres = [(a + b) / 2 for a, b in pairwise(found.x)]
    effects = np.array([outcome.effect for outcome in found.slopes])
    reach = np.abs(np.array([outcome.ci95 for outcome in found.slopes]).T - effects)
    slope.errorbar(centres, effects, reach, marker=look.marker, capsize=2, **look.line)


def _draw_order(
    panel: Axes, part: Series, look: Look, label: str, value: Callable[[Exsolution], float]
) -> None:
    pairs = [mean_std([value(one.order) for one in models]) for models in part.groups.values()]
    mean, spread = zip(*pairs, strict=True)
    panel.errorbar(
        list(part.groups),
        mean,
        spread,
        label=label or None,
        marker=look.marker,
        capsize=2,
        **look.line,
    )


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
        "--refinement",
        type=Path,
        nargs="+",
        default=[],
        metavar="CSV",
        help="also glasses that refinement_study.py relaxed",
    )
    parser.add_argument(
        "--library", metavar="PROTOCOL", help="also the glasses of the library of this protocol"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="name of the files, without ending")
    options = parser.parse_args(arguments)
    options.la = sorted({parse_la(text) for text in options.la})
    if len(options.la) < FEWEST_CONTENTS or options.seeds < FEWEST_SEEDS:
        raise InputError(
            f"--la, --seeds: {len(options.la)} contents, {options.seeds} seeds; allowed: at least "
            f"{FEWEST_CONTENTS} and {FEWEST_SEEDS}"
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
    check_models_folder(options.models)
    options.models.mkdir(parents=True, exist_ok=True)
    for path in options.refinement:
        if not path.is_file():
            raise InputError(f"--refinement {path}: no such file; allowed: a table of refinement_study.py")
    for la in options.la:
        size = whole_cell(la, options.atoms)
        check_request(glass_composition(la), size, options.protocol, options.potential)
    chosen = glasses_of_library(options.library, options.potential) if options.library else []
    refined = [of_refinement(path) for path in options.refinement]
    models, marks = build(options)
    crystals = crystal_energies(options.potential)
    results = [with_potential(models, options.potential, crystals)]
    title = f"Some {options.atoms} atoms, {options.seeds} seeds for each x, protocol `{options.protocol}`"
    series = [Series(options.protocol, title, models, results, marks)]
    if chosen:
        models, marks = of_library(chosen, options.potential, crystals)
        results = [with_potential(models, f"{options.potential}, {options.library}", crystals)]
        title = f"The library: some 5000 atoms, {len(models)} models, protocol `{options.library}`"
        series.append(Series(options.library, title, models, results, marks))
    series += refined
    write_text(table, csv_text(series))
    write_text(text, page(series, options))
    figure(series, picture)
    for one in (one for part in series for one in part.results):
        print(f"{one.source}: {one.found.verdict(one.gate)}")
    return 0


if __name__ == "__main__":
    run_main(main)
