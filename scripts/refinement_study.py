"""Show what refinement with another model of the energy changes in glasses, and whether a trend over x changes.

    python scripts/refinement_study.py --calculators 7net-mf-0 chgnet --models refinement -o docs/results/refinement.md
    python scripts/refinement_study.py --library annealed-low-Tf --models large -o docs/results/refinement-library.md

Glasses of each La content and seed are melt-quenched, or taken from the library, minimised with the pair potential at
zero pressure, then relaxed with each calculator. Every model is kept in the folder --models and used again; one whose
steps ran out goes on when --steps is larger. --report only reads them. Beside the page stands a CSV with one line a
model, energies by the calculator that the line names.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from alzmodel.compare.solubility import whole_cell
from alzmodel.composition import glass_composition, parse_la
from alzmodel.errors import InputError, run_main
from alzmodel.forcefields.calculators import calculator_of
from alzmodel.forcefields.refinement import refine
from alzmodel.forcefields.static import relax
from alzmodel.io import check_writable, read_structure, write_structure, write_text
from alzmodel.local_order.building_units import effective_coordination
from alzmodel.models.library import glasses, load_model
from alzmodel.models.melt_quench import check_request, melt_quench
from alzmodel.models.work_folder import check_models_folder
from alzmodel.neighbours import neighbour_list
from alzmodel.units import mass_density

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from alzmodel.composition import Composition
    from alzmodel.models.library import LibraryModel

CUTOFFS = {"Li": 2.55, "La": 3.3, "Zr": 2.95}
"""Å to O: means over small models of the minima of their own g(r), which lie up to 0.25 Å apart for La from model to
model. One set for all, so that coordination numbers differ by structure alone; ECoN needs none."""
FAR = 5.0
"""Å; beyond all that counts in the effective coordination."""

QUANTITIES = {
    "density": ("density", "g/cm³", 3),
    **{f"r_{ion}": (f"r({ion}–O)", "Å", 3) for ion in CUTOFFS},
    **{f"cn_{ion}": (f"CN({ion}–O)", "", 2) for ion in CUTOFFS},
    **{f"econ_{ion}": (f"ECoN({ion}–O)", "", 2) for ion in CUTOFFS},
}


@dataclass(frozen=True, slots=True)
class Case:
    """One glass Li7LaxZr2O(7.5+1.5x): La content, seed, number of atoms, and its entry if it comes from the library."""

    x: float
    seed: int
    n_atoms: int
    entry: LibraryModel | None = None

    @property
    def composition(self) -> Composition:
        """Per formula unit."""
        return glass_composition(self.x)

    def path(self, folder: Path, calculator: str) -> Path:
        """File of the model that `calculator` left."""
        safe = calculator.replace(":", "-").replace("/", "-")
        return folder / f"{safe}-x{self.x:g}-seed{self.seed}.extxyz"


def cases_of(options: argparse.Namespace) -> list[Case]:
    """Every glass that is asked for, seed by seed.

    Raises
    ------
    InputError
        If the library has no glass of the protocol, or a glass cannot be made as asked for.
    """
    contents = [float(parse_la(text)) for text in options.la]
    seeds = range(1, options.seeds + 1)
    if options.library is None:
        found = [Case(x, seed, whole_cell(x, options.atoms)) for seed in seeds for x in contents]
        for case in found:
            check_request(case.composition, case.n_atoms, options.protocol, options.potential)
        return found
    known = glasses(options.potential)
    chosen = [one for one in known if one.protocol == options.library and one.seed in seeds]
    if not chosen:
        allowed = ", ".join(sorted({one.protocol for one in known})) or "none"
        raise InputError(f"--library: {options.library}; allowed: {allowed}")
    return [
        Case(one.la, one.seed, one.n_atoms, one) for one in sorted(chosen, key=lambda one: (one.seed, one.la))
    ]


def start(case: Case, folder: Path, potential: str, protocol: str) -> Atoms:
    """Return the glass, minimised with its pair potential at zero pressure; make it if it is not there."""
    path = case.path(folder, potential)
    if not path.exists():
        if case.entry is None:
            model = melt_quench(
                case.composition, case.n_atoms, seed=case.seed, protocol=protocol, potential=potential
            ).model
        else:
            model = load_model(case.entry)
        relaxed = relax(model, potential=potential, cell="iso")
        relaxed.atoms.info["provenance"] = {
            **model.info["provenance"],
            "energy_per_atom": relaxed.energy / len(relaxed.atoms),
            "pressure": relaxed.pressure,
        }
        write_structure(relaxed.atoms, path)
    return read_structure(path)


def refine_all(options: argparse.Namespace, cases: Sequence[Case]) -> None:
    """Build and refine what is not there yet, seed by seed, so that what is finished is balanced over x."""
    calculators = {name: calculator_of(name, options.parameters) for name in options.calculators}
    for name, calculator in calculators.items():
        for case in cases:
            target = case.path(options.models, name)
            if _far_enough(target, options):
                continue
            glass = start(case, options.models, options.potential, options.protocol)
            restart = target.with_name(f"{target.name}.restart")
            started = time.monotonic()
            result = refine(
                glass,
                calculator,
                fmax=options.fmax,
                steps=options.steps,
                cell="iso",
                restart=restart,
            )
            write_structure(result.atoms, target)
            if result.converged:
                shutil.rmtree(restart)
            print(
                f"{name}, x = {case.x:g}, seed {case.seed}: {result.steps} steps, fmax {result.fmax:.3f} eV/Å, "
                f"{time.monotonic() - started:.0f} s",
                file=sys.stderr,
            )


def _far_enough(target: Path, options: argparse.Namespace) -> bool:
    """Whether a model is there, and was relaxed as far as is asked for or for as many steps as are allowed."""
    if not target.exists():
        return False
    made = read_structure(target).info["provenance"]
    return bool(made["fmax"] <= options.fmax and made["converged"]) or made["steps"] >= options.steps


def measure(atoms: Atoms) -> dict[str, float]:
    """Density, and of each cation the mean length of its bonds to O, coordination and effective coordination."""
    found = {"density": mass_density(atoms)}
    symbols = np.array(atoms.get_chemical_symbols())
    for ion, cutoff in CUTOFFS.items():
        pairs = neighbour_list(atoms, FAR, of=symbols == ion, among=symbols == "O")
        near = pairs.distance[pairs.distance < cutoff]
        found[f"r_{ion}"] = float(near.mean())
        found[f"cn_{ion}"] = len(near) / int((symbols == ion).sum())
        found[f"econ_{ion}"] = float(effective_coordination(pairs)[symbols == ion].mean())
    return found


def collect(options: argparse.Namespace, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """One row a finished model, those of the pair potential included."""
    rows = []
    for name in (options.potential, *options.calculators):
        for case in cases:
            path = case.path(options.models, name)
            if not path.exists():
                continue
            atoms = read_structure(path)
            made = atoms.info["provenance"]
            refined = made["method"] == "refinement"
            energy = made["energy_after"] if refined else made["energy_per_atom"] * len(atoms)
            rows.append(
                {
                    "calculator": name,
                    "x": case.x,
                    "seed": case.seed,
                    "cell": atoms.get_chemical_formula(),
                    "n_atoms": len(atoms),
                    "energy_eV": energy,
                    "energy_before_eV": made.get("energy_before", math.nan),
                    "fmax_asked": made.get("fmax_asked", math.nan),
                    "fmax": made.get("fmax", math.nan),
                    "steps": made.get("steps", ""),
                    "converged": made.get("converged", True),
                    "pressure_GPa": made["pressure"],
                    **measure(atoms),
                    "versions": " ".join(
                        f"{package} {version}"
                        for package, version in (made["calculator"] if refined else made)["versions"].items()
                    ),
                }
            )
    return rows


def csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """One line a model."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([f"{v:.8g}" if isinstance(v, float) else v for v in row.values()])
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Pairing:
    """The models of one calculator beside the same models as the pair potential left them."""

    calculator: str
    after: list[dict[str, Any]]
    before: list[dict[str, Any]]

    def change(self, quantity: str, x: float) -> list[float]:
        """Difference of each model of one La content."""
        return [
            after[quantity] - before[quantity]
            for after, before in zip(self.after, self.before, strict=True)
            if after["x"] == x
        ]

    @property
    def contents(self) -> list[float]:
        """La contents in rising order."""
        return sorted({row["x"] for row in self.after})

    @property
    def tells_trends(self) -> bool:
        """Whether a line can be fitted with an error."""
        return len(self.contents) > 1 and len(self.after) > 2

    def slopes(self, quantity: str) -> tuple[Slope, Slope, Slope]:
        """Slopes over x before, after, and of the change of each model."""
        x = [row["x"] for row in self.after]
        before = [row[quantity] for row in self.before]
        after = [row[quantity] for row in self.after]
        return slope(x, before), slope(x, after), slope(x, np.subtract(after, before).tolist())


@dataclass(frozen=True, slots=True)
class Slope:
    """A straight line's slope over x with its standard error and the half-width of its 95 % interval."""

    value: float
    error: float
    half: float

    @property
    def sign(self) -> int:
        """0 where the 95 % interval holds zero, or there is none."""
        return int(np.sign(self.value)) if abs(self.value) > self.half else 0


def slope(x: Sequence[float], y: Sequence[float]) -> Slope:
    """Fit a line by least squares; each model is one point, so that the error holds the spread over seeds."""
    if len(x) < 3 or len(set(x)) < 2:
        return Slope(math.nan, math.nan, math.inf)
    fit = stats.linregress(x, y)
    return Slope(fit.slope, fit.stderr, float(stats.t.ppf(0.975, len(x) - 2)) * fit.stderr)


def pairings(rows: Sequence[dict[str, Any]], potential: str) -> list[Pairing]:
    """Every calculator that has finished a model."""
    start = {(row["x"], row["seed"]): row for row in rows if row["calculator"] == potential}
    found = []
    for name in dict.fromkeys(row["calculator"] for row in rows):
        after = [row for row in rows if row["calculator"] == name]
        if name != potential:
            found.append(Pairing(name, after, [start[row["x"], row["seed"]] for row in after]))
    return found


def verdict(before: Slope, after: Slope) -> str:
    """Words on what became of a trend."""
    if before.sign == 0 and after.sign == 0:
        return "no trend resolved in either"
    if before.sign == after.sign:
        return "same sign"
    if before.sign == -after.sign:
        return "SIGN CHANGES"
    return "resolved only before" if before.sign else "resolved only after"


def page(rows: Sequence[dict[str, Any]], options: argparse.Namespace, csv_name: str, asked: int) -> str:
    """Return the page as Markdown; `asked` is the number of models that each calculator was to relax."""
    found = pairings(rows, options.potential)
    lines = [
        "# What refinement with a machine-learned potential changes",
        "",
        f"Written by `python scripts/refinement_study.py` from the models in `{csv_name}`. Glasses "
        f"Li7LaxZr2O(7.5+1.5x) of some {_typical_size(rows)} atoms, {_origin(options)} and minimised with "
        f"`{options.potential}` at zero pressure, were relaxed with each calculator, the volume "
        "free, the shape held. Everything is at 0 K. Distances are means over the first shell, coordination numbers "
        "(CN) count the oxygens within "
        + ", ".join(f"{cutoff:g} Å of {ion}" for ion, cutoff in CUTOFFS.items())
        + " in every model (the minima of La–O lie up to 0.25 Å apart, so that CN(La–O) varies with its cut-off); "
        "ECoN is Hoppe's effective coordination, which needs no cut-off. Means ± spread over seeds; "
        "changes are of the same model before and after, ± standard error of the mean. Energies of two calculators "
        "have different zeros and are never compared.",
    ]
    for pairing in found:
        lines += ["", f"## {pairing.calculator}", "", *_status(pairing, asked), "", *_table(pairing)]
        if pairing.tells_trends:
            lines += [
                "",
                "Slopes over x (per La in the formula unit) ± standard error:",
                "",
                *_trends(pairing),
            ]
    lines += ["", "## What that says", "", *_summary(found)]
    return "\n".join(lines) + "\n"


def _origin(options: argparse.Namespace) -> str:
    if options.library is None:
        return f"melt-quenched (protocol `{options.protocol}`)"
    return f"taken from the library (protocol `{options.library}`)"


def _typical_size(rows: Sequence[dict[str, Any]]) -> str:
    return f"{round(statistics.fmean(row['n_atoms'] for row in rows), -2):.0f}"


def _status(pairing: Pairing, asked: int) -> list[str]:
    rows = pairing.after
    drops = [1e3 * (row["energy_before_eV"] - row["energy_eV"]) / row["n_atoms"] for row in rows]
    short = [row for row in rows if not row["converged"]]
    steps = [row["steps"] for row in rows]
    limits = "/".join(f"{limit:g}" for limit in sorted({row["fmax_asked"] for row in rows}))
    stopped = (
        f"{len(short)} of them stopped before they came below the largest force asked for, {limits} eV/Å, after "
        f"{_range([row['steps'] for row in short])} steps"
        if short
        else f"all came below the largest force asked for, {limits} eV/Å, after {_range(steps)} steps"
    )
    text = (
        f"{len(rows)} of {asked} models are there; {stopped} (largest force left "
        f"{max(row['fmax'] for row in rows):.2f} eV/Å, largest pressure "
        f"{max(abs(row['pressure_GPa']) for row in rows):.2f} GPa). The relaxation lowered the energy, by this "
        f"calculator, by {statistics.fmean(drops):.0f} meV/atom ({min(drops):.0f} to {max(drops):.0f}). Versions: "
        f"{', '.join(dict.fromkeys(row['versions'] for row in rows))}."
    )
    return [text]


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


def _table(pairing: Pairing) -> list[str]:
    lines = ["| quantity | x | n | before | after | change |", "|---|---|---|---|---|---|"]
    for key, (title, unit, digits) in QUANTITIES.items():
        for x in pairing.contents:
            before = [row[key] for row in pairing.before if row["x"] == x]
            after = [row[key] for row in pairing.after if row["x"] == x]
            change = pairing.change(key, x)
            error = statistics.stdev(change) / math.sqrt(len(change)) if len(change) > 1 else math.nan
            shown = f"{statistics.fmean(change):+.{digits}f}"
            shown += f" ± {error:.{digits}f}" if len(change) > 1 else ""
            name = f"{title} ({unit})" if unit else title
            lines.append(
                f"| {name} | {x:g} | {len(change)} | {_mean(before, digits)} | {_mean(after, digits)} | {shown} |"
            )
    return lines


def _trends(pairing: Pairing) -> list[str]:
    lines = ["| quantity | before | after | change | trend |", "|---|---|---|---|---|"]
    for key, (title, unit, digits) in QUANTITIES.items():
        before, after, change = pairing.slopes(key)
        cells = " | ".join(
            "–" if math.isnan(part.value) else f"{part.value:+.{digits + 1}f} ± {part.error:.{digits + 1}f}"
            for part in (before, after, change)
        )
        lines.append(f"| {title}{f' ({unit})' if unit else ''} | {cells} | {verdict(before, after)} |")
    return lines


def _summary(found: Sequence[Pairing]) -> list[str]:
    lines = []
    for pairing in found:
        slopes = {title: pairing.slopes(key)[:2] for key, (title, _, _) in QUANTITIES.items()}
        changed = [title for title, pair in slopes.items() if verdict(*pair) == "SIGN CHANGES"]
        kept = [title for title, pair in slopes.items() if verdict(*pair) == "same sign"]
        contents = pairing.contents
        if len(contents) < 2 or len(pairing.after) < 3:
            words = (
                f"{len(pairing.after)} models at x = {', '.join(f'{x:g}' for x in contents)} tell no trend."
            )
        elif changed:
            words = f"The trend over x changes its sign for {', '.join(changed)}."
        else:
            words = "No trend over x that is resolved at 95 % before and after changes its sign."
        if kept:
            words += f" Same sign before and after: {', '.join(kept)}."
        lines += [f"- `{pairing.calculator}`: {words}"]
    return lines + _disagreement(found)


def _disagreement(found: Sequence[Pairing]) -> list[str]:
    """Say which quantities two calculators move in opposite directions, where the 95 % intervals leave zero out."""
    signs: dict[str, dict[str, int]] = {}
    for pairing in found:
        for key, (title, _, _) in QUANTITIES.items():
            changes = np.concatenate([pairing.change(key, x) for x in pairing.contents])
            if len(changes) > 2:
                error = changes.std(ddof=1) / math.sqrt(len(changes))
                resolved = abs(changes.mean()) > stats.t.ppf(0.975, len(changes) - 1) * error
                signs.setdefault(title, {})[pairing.calculator] = int(np.sign(changes.mean())) * int(resolved)
    opposed = [title for title, of in signs.items() if {-1, 1} <= set(of.values())]
    if not opposed:
        return []
    line = (
        f"- The calculators move {', '.join(opposed)} in opposite directions: such values depend on the model of the "
        "energy."
    )
    return [line]


def _mean(values: Sequence[float], digits: int) -> str:
    mean = f"{statistics.fmean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--la", nargs="+", default=["1", "2", "3", "4", "5", "6"], metavar="X", help="La contents"
    )
    parser.add_argument("--seeds", type=int, default=3, help="models of each La content")
    parser.add_argument("--atoms", type=int, default=600, help="smallest number of atoms in a cell")
    parser.add_argument("--potential", default="du-teter", help="pair potential of the glasses")
    parser.add_argument("--protocol", default="quick", help="melt-quench protocol")
    parser.add_argument(
        "--library",
        metavar="PROTOCOL",
        help="glasses of the library that this protocol made, in place of new ones",
    )
    parser.add_argument(
        "--calculators", nargs="+", default=["7net-mf-0"], help="as alzmodel refine takes them"
    )
    parser.add_argument("--parameters", type=json.loads, default={}, help="JSON, for each calculator")
    parser.add_argument("--fmax", type=float, default=0.15, help="largest force that may be left, eV/Å")
    parser.add_argument("--steps", type=int, default=60, help="most steps a model")
    parser.add_argument(
        "--models", type=Path, default=Path("refinement"), help="folder that keeps every model"
    )
    parser.add_argument("--report", action="store_true", help="only read what is finished")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/results/refinement.md"))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, refine, measure and write."""
    options = parse_arguments(arguments)
    table = options.output.with_suffix(".csv")
    for path in (options.output, table):
        check_writable(path)
    cases = cases_of(options)
    check_models_folder(options.models)
    options.models.mkdir(parents=True, exist_ok=True)
    if not options.report:
        refine_all(options, cases)
    rows = collect(options, cases)
    if not rows:
        raise InputError(
            f"--models {options.models}: holds no finished model; allowed: a run without --report"
        )
    write_text(table, csv_text(rows))
    write_text(options.output, page(rows, options, table.name, len(cases)))
    print(f"{options.output}, {table}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    run_main(main)
