"""Make the two ends that order in a glass is held against: crystals at 300 K and liquids.

    python scripts/make_order_ends.py            # runs, frames and numbers
    python scripts/make_order_ends.py --numbers  # numbers anew from the frames that are there

Molecular dynamics with the Du/Teter potential at zero pressure, Coulomb sum by PPPM at 300 K. Crystals start from the
published structures and run for 6 ps. Liquids start from random packings, are held at 4200 K and constant volume for
8 ps, then at 2500 K and zero pressure for 8 ps (damped shifted force, as in every melt here). Two frames of each are
kept, the last and one in the middle, positions to 0.001 Å, in tests/local_order/ends/; the order among their cations
goes to alzmodel/local_order/order_ends.json. Takes some two minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.composition import formula_of, ion_labels
from alzmodel.crystals import crystal
from alzmodel.errors import run_main
from alzmodel.forcefields.engine import Segment, System, read_dump, read_thermo, run_job
from alzmodel.forcefields.pair_tables import Coulomb, pppm_coulomb
from alzmodel.forcefields.potentials import potential
from alzmodel.io import json_text, read_frames, write_text
from alzmodel.local_order.cation_order import cation_order
from alzmodel.models.packing import estimated_density, random_packing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

ROOT = Path(__file__).parents[1]
FRAMES = ROOT / "tests/local_order/ends"
NUMBERS = ROOT / "alzmodel/local_order/order_ends.json"
POTENTIAL = "du-teter"
CUTOFF = 9.0
DAMPING = 0.20
SEED = 5
STEPS_PER_PS = 500
MELT_DENSITY = 0.92
"""Of a liquid at 4200 K over the estimate for the solid, as in the protocols of glasses."""


@dataclass(frozen=True, slots=True)
class End:
    """One reference: its file, what it starts from, and its runs as (K, ensemble, ps)."""

    file: str
    title: str
    crystal: str = ""
    repeat: tuple[int, int, int] = (1, 1, 1)
    ions: tuple[tuple[str, int], ...] = ()

    @property
    def runs(self) -> tuple[tuple[float, str, float], ...]:
        """Temperature, ensemble and length of each run; frames come from the second half of the last."""
        return ((300.0, "npt", 6.0),) if self.crystal else ((4200.0, "nvt", 8.0), (2500.0, "npt", 8.0))


ENDS = (
    End("La2Zr2O7-crystal-300K.extxyz", "La2Zr2O7 crystal, 300 K", "La2Zr2O7", (2, 2, 2)),
    End("LLZO-crystal-300K.extxyz", "LLZO crystal, 300 K", "LLZO-cubic", (2, 2, 1)),
    End(
        "La2Zr2O7-liquid-2500K.extxyz",
        "La2Zr2O7 liquid, 2500 K",
        ions=(("La3+", 120), ("Zr4+", 120), ("O2-", 420)),
    ),
    End(
        "LLZO-liquid-2500K.extxyz",
        "LLZO liquid, 2500 K",
        ions=(("Li+", 210), ("La3+", 90), ("Zr4+", 60), ("O2-", 360)),
    ),
)


def start(end: End) -> Atoms:
    """Atoms that the first run starts from."""
    if end.crystal:
        return crystal(end.crystal).repeat(end.repeat)
    counts = dict(end.ions)
    return random_packing(counts, seed=SEED, density=MELT_DENSITY * estimated_density(counts))


def segments(end: End, system: System, coulomb: Coulomb) -> list[Segment]:
    """Return the runs of LAMMPS, each from the restart file of the one before."""
    made = []
    source = "start.data"
    for number, (temperature, ensemble, time) in enumerate(end.runs):
        steps = round(time * STEPS_PER_PS)
        commands = [*system.setup(source, coulomb), "timestep 0.002", "thermo 50"]
        if number == 0:
            # Half of the energy that a crystal at rest is given goes into its springs.
            first = 2 * temperature if end.crystal else temperature
            commands += [
                "minimize 0 0 50 200",
                f"velocity all create {first} {SEED} mom yes rot no dist gaussian",
            ]
        box = "" if ensemble == "nvt" else f" {'aniso' if end.crystal else 'iso'} 0 0 1.0"
        commands += [
            "reset_timestep 0",
            f"fix move all {ensemble} temp {temperature} {temperature} 0.1{box}",
        ]
        if number == len(end.runs) - 1:
            commands += [
                f"dump frames all custom {steps // 4} frames.dump id type xsu ysu zsu",
                "dump_modify frames sort id format float %.17g",
            ]
        name = f"run{number}"
        commands += [f"run {steps}", f"write_restart {name}.restart.part"]
        made.append(Segment(name, tuple(commands), f"{name}.restart", steps, name, 0, steps))
        source = f"{name}.restart"
    return made


def run(end: End) -> tuple[list[Atoms], dict[str, object]]:
    """Frames and provenance of one reference."""
    atoms = start(end)
    labels = ion_labels(atoms)
    coulomb = pppm_coulomb(CUTOFF, 1e-4) if end.crystal else Coulomb("dsf", CUTOFF, DAMPING)
    system = System(potential(POTENTIAL), tuple(dict.fromkeys(labels)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        system.write_tables(folder, coulomb)
        system.write_data(atoms, labels, folder / "start.data")
        jobs = segments(end, system, coulomb)
        run_job(folder, jobs)
        frames = []
        for _, cell, scaled in read_dump(folder / "frames.dump"):
            frame = atoms.copy()
            frame.set_cell(cell)
            frame.set_scaled_positions(scaled % 1.0)
            frames.append(frame)
        log = read_thermo([folder / f"{jobs[-1].name}.log"])
    half = log.step >= log.step[-1] // 2
    early = (log.step >= log.step[-1] // 4) & ~half
    drift = float(log.density[half].mean() / log.density[early].mean() - 1)
    return [frames[2], frames[4]], {
        "title": end.title,
        "made_by": "scripts/make_order_ends.py",
        "formula": formula_of({label: labels.count(label) for label in dict.fromkeys(labels)}),
        "potential": POTENTIAL,
        "coulomb": "PPPM" if end.crystal else "damped shifted force",
        "start": end.crystal or "random packing",
        "runs": [f"{ensemble} at {temperature:g} K, {time:g} ps" for temperature, ensemble, time in end.runs],
        "temperature": round(float(log.temperature[half].mean()), 1),
        "density": round(float(log.density[half].mean()), 3),
        "density_drift": round(drift, 4),
        "seed": SEED,
    }


def text(frames: Sequence[Atoms], provenance: dict[str, object]) -> str:
    """Give the extended XYZ of the frames, positions and cells to 0.001 Å."""
    lines = []
    quoted = json.dumps(provenance).replace('"', '\\"')
    for frame in frames:
        cell = " ".join(f"{x:.4f}" for x in np.asarray(frame.cell.array).ravel())
        lines += [
            str(len(frame)),
            f'Lattice="{cell}" Properties=species:S:1:pos:R:3 pbc="T T T" provenance="_JSON {quoted}"',
        ]
        lines += [
            f"{symbol} {x:.3f} {y:.3f} {z:.3f}"
            for symbol, (x, y, z) in zip(frame.get_chemical_symbols(), frame.positions, strict=True)
        ]
    return "\n".join(lines) + "\n"


def numbers() -> str:
    """Give order and provenance of every reference, as JSON."""
    rows = []
    for end in ENDS:
        frames = read_frames(FRAMES / end.file)
        order = cation_order(frames)
        assert order is not None, "every reference has Zr"
        rows.append({**frames[-1].info["provenance"], "frames": end.file, "order": order.to_dict()})
    return json_text(rows, indent=1) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make all references."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--numbers", action="store_true", help="only the numbers, from the frames")
    options = parser.parse_args(arguments)
    if not options.numbers:
        FRAMES.mkdir(exist_ok=True)
        for end in ENDS:
            frames, provenance = run(end)
            write_text(FRAMES / end.file, text(frames, provenance))
            print(json.dumps(provenance))
    write_text(NUMBERS, numbers())
    return 0


if __name__ == "__main__":
    run_main(main)
