"""Glasses of small cells quenched by any ASE calculator: slow, and free of what a fast potential assumes.

The stages are those of a protocol, run by ASE with Berendsen's thermostat and barostat (H. J. C. Berendsen et al.,
J. Chem. Phys. 81 (1984) 3684). They draw no random numbers, so that a run goes on exactly from positions, velocities
and cell; they do not give the fluctuations of a canonical ensemble, on which a quench does not lean.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.composition import formula_of, ion_counts
from alzmodel.errors import BuildError, InputError
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.forcefields.refinement import refine
from alzmodel.io import atomic_path
from alzmodel.models.melt_quench import Glass
from alzmodel.models.packing import estimated_density, random_packing
from alzmodel.models.protocol_run import PRE_MELT, pre_melted
from alzmodel.models.protocols import protocol_of
from alzmodel.models.requests import check_seed, la_content
from alzmodel.models.work_folder import identity_hash, versions, work_folder
from alzmodel.progress import Progress, Watch, watched
from alzmodel.units import mass_density

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ase import Atoms

    from alzmodel.composition import Composition
    from alzmodel.forcefields.calculators import NamedCalculator
    from alzmodel.models.protocols import Protocol, Stage

__all__ = ["direct_hash", "direct_quench", "seconds_of", "thermal_momenta"]

COMPRESSIBILITY = 0.01
"""GPa⁻¹; of these glasses about (bulk modulus 100 GPa). It sets how fast the barostat acts, not where it ends."""

SAVE_STEPS = 20
"""Between two states on disk."""

RELAXED = 0.05
"""eV/Å; largest force after the relaxation in the end."""


def seconds_of(
    composition: Composition,
    n_atoms: int,
    calculator: NamedCalculator,
    protocol: str | Protocol | Mapping[str, Any] = "quick",
) -> float:
    """Seconds that a direct quench takes about here: the second of two evaluations of a packing, times the steps."""
    counts = ion_counts(composition, n_atoms)
    packing = random_packing(counts, seed=0)
    calculator.refuse(packing)
    packing.calc = calculator.calculator
    packing.get_forces()
    packing.positions += 0.01
    start = time.monotonic()
    packing.get_forces()
    return (time.monotonic() - start) * sum(stage.steps for stage in protocol_of(protocol).stages())


def direct_hash(
    composition: Composition,
    n_atoms: int,
    calculator: NamedCalculator,
    *,
    seed: int,
    protocol: str | Protocol | Mapping[str, Any] = "quick",
) -> str:
    """Hash of what a direct quench depends on."""
    return identity_hash(
        {
            "direct_version": 1,
            "counts": ion_counts(composition, n_atoms),
            "seed": check_seed(seed),
            "protocol": protocol_of(protocol).to_dict(),
            "calculator": calculator.provenance,
        }
    )


def direct_quench(
    composition: Composition,
    n_atoms: int,
    calculator: NamedCalculator,
    *,
    seed: int,
    protocol: str | Protocol | Mapping[str, Any] = "quick",
    pre_melt: str = "du-teter",
    progress: Watch = None,
    workdir: str | Path | None = None,
) -> Glass:
    """Melt and quench a small glass with an ASE calculator.

    Parameters
    ----------
    composition, n_atoms, seed, protocol, progress, workdir
        As for :func:`alzmodel.models.melt_quench.melt_quench`.
    calculator
        From :func:`alzmodel.forcefields.calculators.calculator_of`; it needs a stress.
    pre_melt
        Pair potential that takes the overlaps out of the packing.

    Returns
    -------
    Glass

    Raises
    ------
    InputError
        If the calculator computes no stress or does not know the ions, or as :func:`melt_quench`.
    BuildError
        If energies stop being finite.
    """
    chosen = protocol_of(protocol)
    if not calculator.has_stress:
        raise InputError(f"calculator: {calculator.name} computes no stress; allowed: one that does")
    counts = ion_counts(composition, n_atoms)
    inputs = direct_hash(composition, n_atoms, calculator, seed=seed, protocol=chosen)
    packing_seed, velocity_seed = np.random.SeedSequence(check_seed(seed)).generate_state(2)
    with work_folder(workdir, inputs) as folder, watched(progress, composition.formula) as told:
        estimate = estimated_density(counts)
        packing = random_packing(counts, seed=int(packing_seed), density=chosen.melt_density * estimate)
        calculator.refuse(packing)
        atoms, frames = _run(packing, chosen, calculator, folder, int(velocity_seed), pre_melt, told)
        relaxed = refine(atoms, calculator, fmax=RELAXED, cell="iso", restart=folder / "relaxation")
    provenance: dict[str, Any] = {
        "method": "melt-quench",
        "formula": formula_of(counts),
        "formula_requested": composition.formula,
        "la_content": la_content(counts, composition),
        "composition": counts,
        "n_atoms": len(packing),
        "seed": seed,
        "protocol": chosen.to_dict(),
        "calculator": calculator.provenance,
        "pre_melt": f"{PRE_MELT} ps at 3000 K with {pre_melt}",
        "thermostat": "Berendsen",
        "versions": versions(),
        "input_hash": inputs,
        "density_300K": float(np.mean([mass_density(frame) for frame in frames])),
        "density_minimised": float(mass_density(relaxed.atoms)),
        "energy_per_atom": relaxed.energy_after / len(packing),
        "curves_from": f"frames at {chosen.final_temperature:g} K",
    }
    for model in (relaxed.atoms, *frames):
        model.calc = None
        model.info = {"kind": "glass", "provenance": provenance}
    return Glass(relaxed.atoms, frames, provenance)


def _run(
    packing: Atoms,
    protocol: Protocol,
    calculator: NamedCalculator,
    folder: Path,
    seed: int,
    pre_melt: str,
    progress: Progress,
) -> tuple[Atoms, list[Atoms]]:
    """Model at the end of the last stage, and frames of it."""
    stages = protocol.stages()
    total = sum(stage.steps for stage in stages)
    state = folder / "state.npz"
    if state.exists():
        atoms, done, frames = _load(state, packing)
    else:
        atoms, done, frames = pre_melted(packing, potential_of(pre_melt), seed), 0, []
        atoms.set_momenta(thermal_momenta(atoms, stages[0].start, seed))
    atoms.calc = calculator.calculator
    first = 0
    for stage in stages:
        while done < first + stage.steps:
            within = done - first
            steps = min(SAVE_STEPS, stage.steps - within)
            if stage is stages[-1]:
                steps = min(steps, protocol.frame_interval - within % protocol.frame_interval)
            _advance(atoms, protocol, stage, within, steps)
            done += steps
            if not np.isfinite(atoms.positions).all():
                raise BuildError(f"{calculator.name}: positions stop being finite in the stage {stage.name}")
            if stage is stages[-1] and (done - first) % protocol.frame_interval == 0:
                frames.append((atoms.cell.array.copy(), atoms.get_scaled_positions()))
            _save(state, atoms, done, frames)
            progress(done / total, f"{stage.name}, {atoms.get_temperature():.0f} K")
        first += stage.steps
    models = []
    for cell, scaled in frames[-protocol.frames :]:
        model = packing.copy()
        model.set_cell(cell)
        model.set_scaled_positions(scaled)
        models.append(model)
    end = packing.copy()
    end.set_cell(atoms.cell)
    end.set_scaled_positions(atoms.get_scaled_positions())
    return end, models


def thermal_momenta(atoms: Atoms, temperature: float, seed: int) -> np.ndarray:
    """Momenta of Maxwell's distribution at rest as a whole, in ASE's units."""
    from ase.units import kB

    masses = atoms.get_masses()[:, None]
    drawn = np.random.default_rng(seed).normal(size=(len(atoms), 3)) * np.sqrt(masses * kB * temperature)
    drift: np.ndarray = drawn - masses * drawn.sum(axis=0) / masses.sum()
    return drift


def _advance(atoms: Atoms, protocol: Protocol, stage: Stage, within: int, steps: int) -> None:
    from ase import units
    from ase.md.nptberendsen import NPTBerendsen
    from ase.md.nvtberendsen import NVTBerendsen

    middle = (within + steps / 2) / stage.steps
    settings: dict[str, Any] = {
        "timestep": 1000 * protocol.timestep * units.fs,
        "temperature_K": stage.start + middle * (stage.stop - stage.start),
        "taut": 1000 * protocol.thermostat_time * units.fs,
    }
    if stage.ensemble == "nvt":
        dynamics = NVTBerendsen(atoms, **settings)
    else:
        dynamics = NPTBerendsen(
            atoms,
            **settings,
            pressure_au=protocol.pressure * units.GPa,
            taup=1000 * protocol.barostat_time * units.fs,
            compressibility_au=COMPRESSIBILITY / units.GPa,
        )
    dynamics.run(steps)


def _save(path: Path, atoms: Atoms, done: int, frames: list[tuple[np.ndarray, np.ndarray]]) -> None:
    with atomic_path(path) as partial, partial.open("wb") as handle:
        np.savez(
            handle,
            cell=atoms.cell.array,
            positions=atoms.positions,
            momenta=atoms.get_momenta(),
            done=done,
            cells=np.array([cell for cell, _ in frames]).reshape(-1, 3, 3),
            scaled=np.array([scaled for _, scaled in frames]).reshape(-1, len(atoms), 3),
        )


def _load(path: Path, like: Atoms) -> tuple[Atoms, int, list[tuple[np.ndarray, np.ndarray]]]:
    atoms = like.copy()
    with np.load(path) as data:
        atoms.set_cell(data["cell"])
        atoms.positions = data["positions"]
        atoms.set_momenta(data["momenta"])
        return atoms, int(data["done"]), list(zip(data["cells"], data["scaled"], strict=True))
