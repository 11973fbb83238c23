"""What the damped shifted force does to a glass: energy, forces, density and shells beside those with PPPM.

    python scripts/coulomb_study.py glass.extxyz -o docs/results/coulomb.md

Each glass is taken as it stands for energy and forces, and run at 300 K and zero pressure with both Coulomb parts, from
the same positions and velocities. Melts and quenches use the damped shifted force; what ends in curves and energies
does not.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from alzmodel.composition import ion_labels
from alzmodel.errors import InputError, run_main
from alzmodel.forcefields.engine import Segment, System, read_dump, read_thermo, run_job
from alzmodel.forcefields.pair_tables import Coulomb, dsf_self_energy, pppm_coulomb
from alzmodel.forcefields.potentials import potential
from alzmodel.forcefields.static import single_point
from alzmodel.io import check_writable, read_structure, write_text
from alzmodel.local_order.pdf import coordination_from_rdf, partial_rdf

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMESTEP = 0.002
SETTLE = 0.3
"""Share of a run that is not averaged over."""
PAIRS = (("Zr", "O"), ("La", "O"), ("Li", "O"))


HEADER = """# Damped shifted force beside PPPM on the same glass

Written by `python scripts/coulomb_study.py`. Melt and quench use the damped shifted force (9 Å, α = 0.20 Å⁻¹); the last
stage at 300 K and the minimisation use PPPM. Energy and pressure of the model as it stands; forces on one of its frames
at 300 K; density and g(r) from two runs at 300 K and zero pressure that start alike.
"""


def compare(path: Path, time: float) -> list[tuple[str, float, float]]:
    """Measure a glass with PPPM and with the damped shifted force: rows of name and two numbers."""
    atoms = read_structure(path)
    name = atoms.info.get("provenance", {}).get("potential", {}).get("name", "du-teter")
    dsf = Coulomb("dsf")
    exact, fast = single_point(atoms, potential=name), single_point(atoms, potential=name, coulomb=dsf)
    charges = np.array([potential(name).ion(label).charge for label in ion_labels(atoms)])
    n = len(atoms)
    rows = [
        ("energy (eV/atom)", exact.energy / n, (fast.energy + dsf_self_energy(charges, dsf)) / n),
        ("pressure as it stands (GPa)", exact.pressure, fast.pressure),
    ]
    frames = {one.kind: dynamics(atoms, name, one, time) for one in (pppm_coulomb(accuracy=1e-4), dsf)}
    shaken = frames["pppm"][1][-1]
    forces = [single_point(shaken, potential=name, coulomb=one).forces for one in (pppm_coulomb(), dsf)]
    difference = _rms(forces[1] - forces[0])
    rows += [
        ("rms force at 300 K (eV/Å)", _rms(forces[0]), _rms(forces[1])),
        ("rms difference of the forces (eV/Å)", 0.0, difference),
        ("the same over the rms force (%)", 0.0, 100 * difference / _rms(forces[0])),
        ("density at 300 K (g/cm³)", frames["pppm"][0], frames["dsf"][0]),
    ]
    rdfs = {kind: partial_rdf(found, r_max=8.0) for kind, (_, found) in frames.items()}
    for cation, anion in PAIRS:
        pair = f"{cation}-{anion}"
        found = []
        for rdf in rdfs.values():
            cutoff = rdfs["pppm"].cutoffs()[pair]
            found.append((rdf.first_peaks()[pair]["r"], coordination_from_rdf(rdf, cation, anion, cutoff)))
        rows.append((f"{pair} first peak (Å)", found[0][0], found[1][0]))
        rows.append((f"{pair} coordination", found[0][1], found[1][1]))
    coarse = [partial_rdf(found, r_max=8.0, dr=0.1) for _, found in frames.values()]
    for pair in ("Zr-La", "La-La"):
        exact_g, fast_g = (rdf.g[pair][rdf.r > 3.0] for rdf in coarse)
        rows.append((f"{pair} rms of g(r) - 1, 3 to 8 Å", _rms(exact_g - 1), _rms(fast_g - 1)))
        rows.append((f"{pair} rms difference of g(r)", 0.0, _rms(fast_g - exact_g)))
    return rows


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def dynamics(atoms: Atoms, name: str, coulomb: Coulomb, time: float) -> tuple[float, list[Atoms]]:
    """Run at 300 K and zero pressure; mean density in g/cm³ and frames."""
    labels = ion_labels(atoms)
    system = System(potential(name), tuple(dict.fromkeys(labels)))
    steps = round(time / TIMESTEP)
    with tempfile.TemporaryDirectory(prefix="alzmodel-coulomb-") as folder_name:
        folder = Path(folder_name)
        system.write_tables(folder, coulomb)
        system.write_data(atoms, labels, folder / "start.data")
        commands = (
            *system.setup("start.data", coulomb),
            f"timestep {TIMESTEP}",
            "thermo 20",
            "velocity all create 600 11 mom yes",
            "fix move all npt temp 300 300 0.1 iso 0 0 1.0",
            f"dump frames all custom {max(1, steps // 40)} frames.dump id type xsu ysu zsu",
            "dump_modify frames sort id format float %.17g",
            f"run {steps}",
            "write_restart end.part",
        )
        run_job(folder, [Segment("npt", commands, "end", 1.0, coulomb.kind)])
        log = read_thermo([folder / "npt.log"])
        frames = [
            Atoms(atoms.symbols, scaled_positions=scaled % 1.0, cell=cell, pbc=True)
            for step, cell, scaled in read_dump(folder / "frames.dump")
            if step > SETTLE * steps
        ]
    for frame in frames:
        frame.set_initial_charges(atoms.get_initial_charges())
    return float(log.after(round(SETTLE * steps)).density.mean()), frames


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare every glass and print the tables."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--time", type=float, default=5.0, help="ps at 300 K")
    parser.add_argument("-o", "--output", type=Path, help="also write the tables as Markdown")
    options = parser.parse_args(arguments)
    if options.output is not None:
        check_writable(options.output)
    if not 0.1 <= options.time <= 1000:
        raise InputError(f"--time {options.time:g} ps; allowed: 0.1 to 1000")
    parts = [HEADER]
    for path in options.models:
        table = Table("", "PPPM", "damped shifted force", title=path.name)
        parts.append(
            f"## {path.stem}, {options.time:g} ps\n\n| | PPPM | damped shifted force |\n| --- | --- | --- |"
        )
        for name, exact, fast in compare(path, options.time):
            table.add_row(name, f"{exact:.4f}", f"{fast:.4f}")
            parts.append(f"| {name} | {exact:.4f} | {fast:.4f} |")
        Console(width=100).print(table)
    if options.output is not None:
        write_text(options.output, "\n".join(parts) + "\n")
    return 0


if __name__ == "__main__":
    run_main(main)
