"""Make the learned potential: sample, label, fit, test, run it and learn from where it leaves its range.

    python scripts/learned_potential.py restore -f FOLDER
    python scripts/learned_potential.py sample -f FOLDER --melts 60
    python scripts/learned_potential.py label -f FOLDER --calculator 7net-mf-0
    python scripts/learned_potential.py accumulate -f FOLDER
    python scripts/learned_potential.py fit -f FOLDER
    python scripts/learned_potential.py active -f FOLDER --round 1
    python scripts/learned_potential.py check -f FOLDER
    python scripts/learned_potential.py test -f FOLDER
    python scripts/learned_potential.py crystals -f FOLDER
    python scripts/learned_potential.py liquid -f FOLDER --calculator 7net-mf-0
    python scripts/learned_potential.py relaxed -f FOLDER --calculator 7net-mf-0
    python scripts/learned_potential.py save -f FOLDER

Every step goes on where it stood. After ``active`` come ``label``, ``accumulate`` and ``fit`` again, until it finds
nothing more. A teacher is any calculator that :func:`alzmodel.forcefields.calculators.calculator_of` knows.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase.geometry import find_mic
from ase.units import kB

from alzmodel.composition import glass_composition
from alzmodel.crystals import phase_of
from alzmodel.errors import AlzmodelError, InputError, run_main
from alzmodel.forcefields.calculators import calculator_of
from alzmodel.forcefields.known_range import (
    MARKED_DISTANCE,
    atom_descriptors,
    fit_range,
    range_distances,
    save_range,
)
from alzmodel.forcefields.potentials import POTENTIALS, RECOMMENDED, learned_folder, learned_potential
from alzmodel.forcefields.refinement import refine
from alzmodel.forcefields.static import single_points
from alzmodel.io import atomic_path, write_text
from alzmodel.learning.active import FRAMES_PER_STAGE, own_run, unknown_frames
from alzmodel.learning.crystal_curves import CrystalCurve, birch_murnaghan, formation_energy
from alzmodel.learning.errors import ErrorRow, errors_of
from alzmodel.learning.labelling import (
    add_samples,
    label,
    labelled,
    names_of,
    pack,
    read_label,
    read_set,
    summary,
    unpack,
)
from alzmodel.learning.liquid import teacher_liquid
from alzmodel.learning.regression import (
    EV_PER_A3,
    Basis,
    base_targets,
    load_normal,
    normal_equations,
    save_normal,
    solve,
    write_potential,
)
from alzmodel.learning.sampling import CRYSTALS, crystal_samples, melt_samples
from alzmodel.learning.stability import hold
from alzmodel.local_order.peak_differences import peak_differences
from alzmodel.models.melt_quench import melt_quench

TITLE = "POD fit to SevenNet-MF-0 (r2SCAN) over a share of Du/Teter"
TEACHER = {
    "name": "7net-mf-0",
    "modal": "R2SCAN",
    "citation": "J. Kim et al., arXiv:2409.07947; weights in the package sevenn 0.13 (MIT licence)",
}
OWN_LADDER = (3500, 3000, 2000, 1000, 300)
"""K; an own run holds each for half a picosecond."""
OTHER_TEACHERS: dict[str, tuple[str, dict[str, str]]] = {
    "chgnet r2scan": ("chgnet", {"model_name": "r2scan"}),
    "7net-l3i5": ("sevenn.calculator:SevenNetCalculator", {"model": "7net-l3i5"}),
}
CHECK_LADDER = (3000, 2000, 1000, 600, 300)
LIQUID = 3000.0
"""K."""
SCALES = (0.95, 0.97, 0.985, 1.0, 1.015, 1.03, 1.05)
"""Of the first samples of each crystal."""
PARTS = {
    "La2Zr2O7": {"La2O3": 1, "ZrO2": 2},
    "Li2ZrO3": {"Li2O": 1, "ZrO2": 1},
    "LLZO-tetragonal": {"Li2O": 3.5, "La2O3": 1.5, "ZrO2": 2},
    "LLZO-cubic": {"Li2O": 3.5, "La2O3": 1.5, "ZrO2": 2},
}
ROOT = Path(__file__).resolve().parents[1]
PACKED = ROOT / "scripts" / "training" / "llzo-7net-mf-0-r2scan.extxyz.xz"
RESULTS = ROOT / "docs" / "results"
BASE_SHARE = 0.3
CORE = {
    "Li-Li": 1.3,
    "Li-La": 1.6,
    "Li-Zr": 2.0,
    "Li-O": 1.45,
    "La-La": 2.65,
    "La-Zr": 2.7,
    "La-O": 1.85,
    "Zr-Zr": 2.62,
    "Zr-O": 1.68,
    "O-O": 2.12,
}
"""Å; the nearest distances of the hottest samples, but for a handful of pairs."""
STIFF = dict.fromkeys(("Li-La", "Li-Zr", "La-La", "La-Zr", "Zr-Zr"), 3000.0)
"""eV/Å³: with 300, own runs at 3300 K and above ended where Li came within 1.6 Å of Zr, or La within 2.5 Å."""
BASIS = Basis(rcut=5.0, radial=(10, 6, 5, 4), angular=(4, 2, 2), coefficients=10004)
CHUNK = 40
OWN_WEIGHT = 6
"""How often a frame of an own run counts: there the fit falls into what it takes for too stable."""
RANGE_MODELS = 150
"""Of the training set; their atoms say what is known."""


def is_test(name: str) -> bool:
    """Whether a sample is kept for testing: every ninth quench, whole, so that no frame has a sister in the fit."""
    return name.startswith("check-") or (name.startswith("melt-") and int(name[5:9]) % 9 == 4)


def sample(arguments: argparse.Namespace) -> None:
    """Crystals first, then one quench after the other."""
    there = {name.rsplit("-", 1)[0] for name in names_of(arguments.folder, "samples")}
    for phase in CRYSTALS:
        if f"crystal-{phase}" not in there:
            add_samples(arguments.folder, f"crystal-{phase}", crystal_samples(phase))
    for number in range(arguments.first, arguments.melts):
        if f"melt-{number:04d}" not in there:
            add_samples(arguments.folder, f"melt-{number:04d}", melt_samples(number))
            print(number, flush=True)


def label_all(arguments: argparse.Namespace) -> None:
    """Label until nothing is left; with --wait, until the deadline."""
    import torch

    torch.set_num_threads(1)
    teacher = calculator_of(arguments.calculator, {"device": "cpu"}).calculator
    i, n = arguments.part
    start = time.time()
    while True:
        made = label(arguments.folder, teacher, part=(i, n))
        print(f"{made} labels after {time.time() - start:.0f} s", flush=True)
        if time.time() - start > arguments.wait * 60:
            return
        time.sleep(5)


def accumulate(arguments: argparse.Namespace) -> None:
    """Add the models that are labelled and not yet in it to the normal equations, a chunk at a time."""
    part, parts = arguments.part
    left = [name for name in names_of(arguments.folder, "labels") if not is_test(name)]
    for kind, mine in {
        "own": [name for name in left if name.startswith("own-")],
        "normal": [name for name in left if not name.startswith("own-")],
    }.items():
        target = arguments.folder / f"{kind}-{part}.npz"
        done, total = load_normal(target)
        names = [name for name in mine[part::parts] if name not in done]
        for first in range(0, len(names), CHUNK):
            chunk = names[first : first + CHUNK]
            models = [read_label(arguments.folder, name) for name in chunk]
            normal = normal_equations(BASIS, models, base_targets(models))
            total = normal if total is None else total + normal
            done += chunk
            save_normal(target, done, total)
            print(f"{kind}: {len(done)} models, {total.rows} rows", flush=True)


def fit(arguments: argparse.Namespace) -> None:
    """Solve the normal equations and write the potential, with its range and its card."""
    done, total = [], None
    for path in sorted([*arguments.folder.glob("normal-*.npz"), *arguments.folder.glob("own-*.npz")]):
        names, normal = load_normal(path)
        assert normal is not None
        done += names
        normal = normal.times(OWN_WEIGHT if path.name.startswith("own-") else 1)
        total = normal if total is None else total + normal
    if total is None:
        raise InputError(f"{arguments.folder}: no normal equations; allowed: after the step accumulate")
    values, residual = solve(total, np.array([1.0, -BASE_SHARE]), ridge=arguments.ridge)
    print(f"{len(done)} models, {total.rows} rows, weighted residual {residual:.3f}", flush=True)
    models = [read_label(arguments.folder, name) for name in done]
    card = {
        "title": TITLE,
        "base": "du-teter",
        "base_share": BASE_SHARE,
        "core": CORE,
        "stiff": STIFF,
        "reach": BASIS.rcut,
        "ions": ["Li+", "La3+", "Zr4+", "O2-"],
        "teacher": TEACHER,
        "training": summary(models),
        "own_weight": OWN_WEIGHT,
        "weighted_residual": residual,
        "ridge": arguments.ridge,
    }
    folder = learned_folder(arguments.name)
    write_potential(folder, BASIS, values, card)
    pot = learned_potential(folder, POTENTIALS)
    models = models[:: max(1, len(models) // RANGE_MODELS)]
    rows = atom_descriptors(models, pot)
    symbols = np.concatenate([atoms.get_chemical_symbols() for atoms in models])
    every = np.concatenate(rows)
    save_range(
        folder / "range.npz",
        {str(element): fit_range(every[symbols == element]) for element in np.unique(symbols)},
    )


def test(arguments: argparse.Namespace) -> None:
    """Errors on the quenches that were kept for it, and on the potential's own runs of this round."""
    for kind, names in {
        "test": [
            name
            for name in names_of(arguments.folder, "labels")
            if name.startswith("melt-") and is_test(name)
        ],
        "own": checked(arguments),
    }.items():
        models = [read_label(arguments.folder, name) for name in names]
        models = [model for model in models if model.info["group"] in {"melt", "own"}]
        if models:
            # One frame with an atom far out of range would drown all others: each side has its own rows.
            for model, far in zip(models, range_distances(models, arguments.name), strict=True):
                model.info["range"] = "beyond" if far.max() > MARKED_DISTANCE else "within"
            rows = errors_of([m for m in models if m.info["range"] == "within"], arguments.name)
            beyond = [m for m in models if m.info["range"] == "beyond"]
            if beyond:
                rows += [row for row in errors_of(beyond, arguments.name) if row.by == "range"]
            write_rows(arguments.results / f"learned-potential-{kind}.csv", [asdict(row) for row in rows])
            print_errors(rows)


def checked(arguments: argparse.Namespace) -> list[str]:
    """Labelled frames of the own runs that no fit saw."""
    return [
        name for name in names_of(arguments.folder, "labels") if name.startswith(f"check-{arguments.round}-")
    ]


def teachers(arguments: argparse.Namespace) -> None:
    """Other universal models on the same frames of own runs: the error bar of the teacher."""
    models = [read_label(arguments.folder, name) for name in checked(arguments)]
    labels = np.concatenate([model.get_forces() for model in models])
    pressure = np.array([-model.get_stress()[:3].mean() * EV_PER_A3 for model in models])
    rows = []
    for name, (key, parameters) in OTHER_TEACHERS.items():
        other = calculator_of(key, {**parameters, "device": "cpu"}).calculator
        found = [labelled(model, other) for model in models]
        forces = np.concatenate([model.get_forces() for model in found])
        differ = np.array([-model.get_stress()[:3].mean() * EV_PER_A3 for model in found]) - pressure
        rows.append(
            {
                "teacher": name,
                "models": len(models),
                "force": float(np.sqrt((labels**2).mean())),
                "force_difference": float(np.sqrt(((forces - labels) ** 2).mean())),
                "slope": float((forces * labels).sum() / (labels**2).sum()),
                "pressure_difference_GPa": float(differ.mean()),
            }
        )
        print(rows[-1], flush=True)
    write_rows(arguments.results / "learned-potential-teachers.csv", rows)


def check(arguments: argparse.Namespace) -> None:
    """Frames of own runs as they come, in or out of range, to be labelled and tested on."""
    for number in range(arguments.first, arguments.first + arguments.runs):
        prefix = f"check-{arguments.round}-{number:03d}"
        if any(name.startswith(prefix) for name in names_of(arguments.folder, "samples")):
            continue
        run = own_run(number, arguments.name, CHECK_LADDER, seed=1000 + arguments.round)
        last = run.frames[FRAMES_PER_STAGE - 1 :: FRAMES_PER_STAGE]
        add_samples(arguments.folder, prefix, last)
        end = "whole" if run.completed else f"ended after {len(run.frames)} frames: {run.reason[-120:]}"
        print(f"{prefix}: {end}; {len(last)} frames", flush=True)


def crystals(arguments: argparse.Namespace) -> None:
    """Energy over volume of the reference crystals, by the teacher's labels and by the potentials."""
    names = names_of(arguments.folder, "labels")
    curves: dict[str, dict[str, CrystalCurve]] = {}
    for phase in CRYSTALS:
        mine = sorted(name for name in names if name.rsplit("-", 1)[0] == f"crystal-{phase}")
        models = [read_label(arguments.folder, name) for name in mine if int(name[-3:]) < len(SCALES)]
        if len(models) < 5:
            continue
        scales = [SCALES[int(name[-3:])] for name in mine if int(name[-3:]) < len(SCALES)]
        volume = float(np.mean([m.get_volume() / s**3 for m, s in zip(models, scales, strict=True)]))
        energies = {"teacher": [model.get_potential_energy() for model in models]}
        for name in (arguments.name, "du-teter", "grimes"):
            energies[name] = [point.energy for point in single_points(models, potential=name)]
        for name, values in energies.items():
            curves.setdefault(name, {})[phase] = birch_murnaghan(scales, volume, values, len(models[0]))
    rows = []
    for name, found in curves.items():
        known = {phase: (curve.energy, phase_of(phase).formula) for phase, curve in found.items()}
        for phase, curve in found.items():
            formed = (
                formation_energy(phase, PARTS[phase], known)
                if phase in PARTS and set(PARTS[phase]) <= set(known)
                else None
            )
            rows.append(
                {
                    "potential": name,
                    "phase": phase,
                    "length_over_published": round(curve.scale, 5),
                    "length_over_teacher_percent": round(
                        100 * (curve.scale / curves["teacher"][phase].scale - 1), 3
                    ),
                    "bulk_modulus_GPa": round(curve.bulk_modulus, 1),
                    "formation_from_oxides_kJ_per_mol": None if formed is None else round(formed, 1),
                }
            )
    write_rows(arguments.results / "learned-potential-crystals.csv", rows)
    for row in rows:
        print(row)


def stability(arguments: argparse.Namespace) -> None:
    """Hold melts at 3000 K, and a melt at 1000 K without a thermostat; one row a run, those that stand are kept."""
    path = arguments.results / "learned-potential-stability.csv"
    asked = [{"la": la, "temperature": 3000.0, "time": 30.0, "timestep": 0.001} for la in (1.5, 3.0, 4.5)]
    asked.append({"la": 3.0, "temperature": 1000.0, "time": 10.0, "timestep": 0.001, "ensemble": "nve"})
    for settings in asked[arguments.part[0] :: arguments.part[1]]:
        row = asdict(hold(arguments.name, n_atoms=arguments.atoms, **settings))
        print(row, flush=True)
        there = []
        if path.exists():
            with path.open(encoding="utf-8") as handle:
                there = list(csv.DictReader(handle))
        write_rows(path, [*there, row])


def liquid(arguments: argparse.Namespace) -> None:
    """Compare the liquid at 3000 K with the one that the teacher moves by itself at the same volume."""
    start, frames = own_liquid(arguments)
    teacher = calculator_of(arguments.calculator, {"device": "cpu"}).calculator
    theirs, pressures = teacher_liquid(
        start, teacher, arguments.folder / "liquid", temperature=LIQUID, time=1000 * arguments.time
    )
    mixed = len(theirs) // 3
    rows = [asdict(row) for row in peak_differences(frames, theirs[mixed:])]
    write_rows(arguments.results / "learned-potential-liquid.csv", rows)
    ours = np.array([-p.stress[:3, :3].trace() / 3 for p in single_points(frames, potential=arguments.name)])
    moving = len(start) * kB * LIQUID / start.get_volume() * EV_PER_A3
    print(f"{len(frames)} frames, {len(theirs) - mixed} of the teacher, after {mixed} to mix")
    print(f"pressure: {ours.mean() + moving:.2f} GPa, the teacher's {pressures[mixed:].mean():.2f} GPa")
    for row in rows:
        print(row)


def own_liquid(arguments: argparse.Namespace) -> tuple[Any, list[Any]]:
    """Start of the teacher's run, and frames of the potential's own; kept in the folder."""
    path = arguments.folder / "liquid" / "own.extxyz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        run = own_run(1, arguments.name, [LIQUID] * 6, seed=2000, n_atoms=arguments.atoms, timestep=0.0015)
        if not run.completed:
            raise AlzmodelError(f"{arguments.name}: the liquid ended early: {run.reason}")
        with atomic_path(path) as partial:
            ase.io.write(partial, run.frames[FRAMES_PER_STAGE - 1 :], format="extxyz")
    first, *frames = ase.io.read(path, ":", format="extxyz")
    return first, frames


def relaxed(arguments: argparse.Namespace) -> None:
    """Relax glasses of the potential by the teacher and by itself; compare density and places."""
    path = arguments.results / "learned-potential-relaxed.csv"
    rows: list[dict[str, Any]] = []
    for la in (1.5, 3.0, 4.5):
        glass = melt_quench(
            glass_composition(la),
            arguments.atoms,
            seed=1,
            protocol="quick",
            potential=arguments.name,
            workdir=arguments.folder / f"relaxed-{la:g}",
        ).atoms
        ours, theirs = (
            refine(glass, calculator_of(name, settings), restart=arguments.folder / f"relaxed-{la:g}" / name)
            for name, settings in (("learned", {}), (arguments.calculator, {"device": "cpu"}))
        )
        moved = ours.atoms.get_scaled_positions() - theirs.atoms.get_scaled_positions()
        distances = find_mic(moved @ theirs.atoms.cell.array, theirs.atoms.cell)[1]
        rows.append(
            {
                "la": la,
                "atoms": len(glass),
                "density": ours.density,
                "teacher_density": theirs.density,
                "density_error_percent": 100 * (ours.density / theirs.density - 1),
                "moved_rms_A": float(np.sqrt((distances**2).mean())),
            }
        )
        print(rows[-1], flush=True)
        write_rows(path, rows)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {key: f"{value:.5g}" if isinstance(value, float) else value for key, value in row.items()}
        )
    write_text(path, text.getvalue())


def save(arguments: argparse.Namespace) -> None:
    """Pack the labelled set into the file that the repository keeps."""
    pack(read_set(arguments.folder), arguments.set)


def restore(arguments: argparse.Namespace) -> None:
    """Unpack the labelled set of the repository into a folder: samples and labels."""
    for name, atoms in unpack(arguments.set).items():
        for kind in ("samples", "labels"):
            (arguments.folder / kind).mkdir(parents=True, exist_ok=True)
            target = arguments.folder / kind / f"{name}.extxyz"
            if not target.exists():
                with atomic_path(target) as path:
                    ase.io.write(path, atoms, format="extxyz")


def active(arguments: argparse.Namespace) -> None:
    """Run the potential by itself and keep what it does not know as samples to label."""
    for number in range(arguments.first, arguments.first + arguments.runs):
        prefix = f"own-{arguments.round}-{number:03d}"
        run = own_run(
            number,
            arguments.name,
            arguments.temperatures or OWN_LADDER,
            seed=arguments.round,
            la=arguments.la,
            hold=0.5,
            timestep=arguments.timestep,
        )
        unknown, largest = unknown_frames(run, arguments.name)
        # A fit seeks out what it takes for too stable: frames of its own within the range teach it, too.
        whole = run.frames[FRAMES_PER_STAGE - 1 :: FRAMES_PER_STAGE]
        frames = [*unknown, *whole[:: max(1, len(whole) // len(OWN_LADDER))]]
        add_samples(arguments.folder, prefix, frames)
        end = "whole" if run.completed else f"ended after {len(run.frames)} frames: {run.reason[-120:]}"
        print(f"{prefix}: {end}; farthest {largest:.2f}; {len(unknown)} frames beyond", flush=True)


def print_errors(rows: list[ErrorRow]) -> None:
    """Print a line for each class."""
    print(
        f"{'by':<12}{'value':>18}{'models':>8}{'F':>8}{'dF':>8}{'%':>7}{'dE':>8}{'<dE>':>8}{'dP':>8}{'<dP>':>8}"
    )
    for row in rows:
        print(
            f"{row.by:<12}{row.value:>18}{row.n_models:>8}{row.force:>8.3f}{row.force_error:>8.3f}"
            f"{100 * row.force_error / max(row.force, 1e-9):>7.1f}{row.energy_error:>8.2f}{row.energy_offset:>8.2f}"
            f"{row.pressure_error:>8.2f}{row.pressure_offset:>8.2f}"
        )


STEPS = {
    "sample": sample,
    "label": label_all,
    "accumulate": accumulate,
    "fit": fit,
    "test": test,
    "active": active,
    "check": check,
    "crystals": crystals,
    "stability": stability,
    "liquid": liquid,
    "relaxed": relaxed,
    "teachers": teachers,
    "save": save,
    "restore": restore,
}


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "step", choices=list(STEPS), help="; ".join(f"{n}: {s.__doc__}" for n, s in STEPS.items())
    )
    parser.add_argument("-f", "--folder", type=Path, required=True, help="samples, labels, normal equations")
    parser.add_argument("--set", type=Path, default=PACKED, help="the labelled set, packed")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the tables")
    parser.add_argument("--melts", type=int, default=60, help="quenches to sample")
    parser.add_argument("--first", type=int, default=0, help="number of the first quench or own run")
    parser.add_argument("--calculator", default="7net-mf-0", help="the teacher")
    parser.add_argument(
        "--part", type=int, nargs=2, default=(0, 1), help="i n: share the work with n processes"
    )
    parser.add_argument("--wait", type=float, default=0.0, help="minutes to wait for new samples")
    parser.add_argument("--name", default=RECOMMENDED, help="of the potential")
    parser.add_argument("--round", type=int, default=1, help="of the active loop")
    parser.add_argument("--runs", type=int, default=6, help="own runs of a round")
    parser.add_argument("--la", type=float, help="of own runs; without it several in turn")
    parser.add_argument(
        "--temperatures", type=float, nargs="+", help="of own runs, K; each is held half a picosecond"
    )
    parser.add_argument("--timestep", type=float, default=0.001, help="of own runs, ps")
    parser.add_argument("--atoms", type=int, default=120, help="of the runs of stability")
    parser.add_argument("--time", type=float, default=3.0, help="ps of the teacher's liquid")
    parser.add_argument("--ridge", type=float, default=1e-6, help="of the fit, relative")
    arguments = parser.parse_args()
    STEPS[arguments.step](arguments)
    return 0


if __name__ == "__main__":
    run_main(main)
