"""Crystals that need a potential or a temperature: relaxed cells, atoms displaced as heat displaces them."""

from __future__ import annotations

import functools
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.composition import ion_labels
from alzmodel.crystals import checked_seed, crystal, phase_of, supercell
from alzmodel.errors import InputError
from alzmodel.forcefields.engine import Segment, System, check_ranks, read_dump, run_job
from alzmodel.forcefields.pair_tables import pppm_coulomb
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.forcefields.static import relax
from alzmodel.models.protocol_run import PPPM_ATOM_STEPS
from alzmodel.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms

__all__ = [
    "DISPLACEMENT_MAX",
    "SAMPLE_EDGE",
    "TEMPERATURE_MAX",
    "ThermalCrystal",
    "check_displacements",
    "check_temperature",
    "displaced",
    "estimate_seconds",
    "hot_time",
    "relaxation_seconds",
    "relaxed_cell",
    "relaxed_model",
    "rms_displacements",
    "thermal_crystal",
    "thermal_unit",
]

TEMPERATURE_MAX: Final = 3000.0
DISPLACEMENT_MAX: Final = 0.5
"""K and Å (along each axis); beyond, these crystals are not crystals any more."""

SAMPLE_EDGE: Final = 16.0
"""Å; of the supercell whose displacements stand for those of a larger model."""

TIMESTEP: Final = 0.002
FRICTION_TIME: Final = 0.2
BAROSTAT_TIME: Final = 1.0
"""ps."""

EQUILIBRATION: Final = 4.0
BETWEEN_FRAMES: Final = 0.4
"""ps; friction makes the modes forget themselves in some 0.2 ps."""

RELAXATION_SECONDS: Final = 0.015
RELAXATION_POWER: Final = 1.35


def relaxed_cell(phase: str, potential: str = "du-teter") -> Atoms:
    """Conventional cell of a reference phase at the minimum of its energy, at zero pressure and 0 K.

    Lengths and positions follow the potential, angles stay. The provenance keeps the published cell beside it.

    Raises
    ------
    InputError
        If the phase is unknown or one of its ions has no parameters in the potential.
    AlzmodelError
        If LAMMPS fails.
    """
    atoms = _relaxed(phase_of(phase).name, potential).copy()
    atoms.info["provenance"] = crystal(phase).info["provenance"] | _relaxed_provenance(atoms, potential)
    return atoms


@functools.cache
def _relaxed(phase: str, potential: str) -> Atoms:
    return relax(crystal(phase), potential=potential).atoms


def relaxed_model(atoms: Atoms, potential: str = "du-teter", *, progress: Progress = silent) -> Atoms:
    """Copy of a periodic model at the minimum of its energy, at zero pressure; its angles stay.

    Raises
    ------
    InputError
        If an ion has no parameters in the potential.
    AlzmodelError
        If LAMMPS fails.
    """
    relaxed = relax(atoms, potential=potential, progress=progress).atoms
    relaxed.info["provenance"] = atoms.info["provenance"] | _relaxed_provenance(relaxed, potential)
    return relaxed


def _relaxed_provenance(atoms: Atoms, potential: str) -> dict[str, Any]:
    return {
        "lattice_parameters": [round(float(length), 6) for length in _per_unit(atoms, atoms.cell.lengths())],
        "lattice_relaxed_with": potential,
        "potential": potential_of(potential).provenance(ion_labels(atoms)),
    }


@dataclass(frozen=True, slots=True)
class ThermalCrystal:
    """A crystal at a temperature.

    Attributes
    ----------
    frames
        Models as the run passed through them, evenly spaced in time, each with the provenance.
    rms
        Root of the mean square displacement along one axis in Å, by element.
    """

    frames: list[Atoms]
    rms: dict[str, float]


def thermal_crystal(
    atoms: Atoms,
    temperature: float,
    *,
    potential: str = "du-teter",
    free_cell: bool = False,
    n_frames: int = 10,
    seed: int = 1,
    ranks: int = 1,
    progress: Progress = silent,
) -> ThermalCrystal:
    """Molecular dynamics of a crystal.

    Langevin dynamics with PPPM samples the canonical ensemble of every mode, also of nearly harmonic ones. The motion
    is classical: zero-point motion is left out, which makes mean squares too small by about (ħω/2kT) coth(ħω/2kT) − 1,
    for O at 300 K some tens of per cent. Waves longer than the cell are left out too.

    Parameters
    ----------
    atoms
        Periodic, neutral crystal.
    temperature
        K, 1 to :data:`TEMPERATURE_MAX`.
    potential
        Name of a potential.
    free_cell
        Whether the lengths of the cell follow at zero pressure; else the cell stays as it is.
    n_frames
        At least 1.
    seed
        Of the velocities and the noise.
    ranks
        MPI ranks.
    progress
        Told how far the run is.

    Returns
    -------
    ThermalCrystal

    Raises
    ------
    InputError
        If the temperature is out of range or an ion has no parameters.
    AlzmodelError
        If LAMMPS fails.
    """
    check_temperature(temperature)
    check_ranks(ranks)
    if isinstance(n_frames, bool) or not isinstance(n_frames, int) or n_frames < 1:
        raise InputError(f"number of frames: {n_frames}; allowed: a whole number of at least 1")
    pot = potential_of(potential)
    labels = ion_labels(atoms)
    system = System(pot, tuple(dict.fromkeys(labels)))
    for label in system.labels:
        pot.ion(label)
    lammps_seed = checked_seed(seed) % 900_000_000 + 1
    coulomb = pppm_coulomb(accuracy=1e-4)
    warm, between = round(EQUILIBRATION / TIMESTEP), round(BETWEEN_FRAMES / TIMESTEP)
    # Half of the energy goes into the positions at once, since all start on their sites.
    commands = [
        *system.setup("start.data", coulomb),
        f"timestep {TIMESTEP}",
        f"velocity all create {2 * temperature} {lammps_seed} mom yes rot no dist gaussian",
        f"fix bath all langevin {temperature} {temperature} {FRICTION_TIME} {lammps_seed} zero yes",
        f"fix move all nph aniso 0.0 0.0 {BAROSTAT_TIME}" if free_cell else "fix move all nve",
        "thermo 50",
        f"run {warm}",
        f"dump frames all custom {between} frames.part id type xsu ysu zsu",
        "dump_modify frames sort id format float %.17g first no",
        f"run {between * n_frames}",
        "undump frames",
        "shell mv frames.part frames.dump.part",
    ]
    with tempfile.TemporaryDirectory(prefix="alzmodel-crystal-") as name:
        folder = Path(name)
        system.write_tables(folder, coulomb)
        system.write_data(atoms, labels, folder / "start.data")
        segment = Segment(
            "crystal",
            tuple(commands),
            "frames.dump",
            1.0,
            f"crystal at {temperature:g} K",
            steps=warm + between * n_frames,
        )
        run_job(folder, [segment], ranks=ranks, progress=progress)
        found = list(read_dump(folder / "frames.dump"))
    turn = np.asarray(atoms.cell.standard_form()[1])
    frames = []
    for _, cell, scaled in found[-n_frames:]:
        frame = atoms.copy()
        frame.set_cell(cell @ turn)
        frame.positions = scaled @ frame.cell.array
        frames.append(frame)
    rms = rms_displacements(atoms, frames)
    mean_cell = np.mean([frame.cell.lengths() for frame in frames], axis=0)
    provenance = {
        **atoms.info["provenance"],
        **(
            {"lattice_parameters": [round(float(x), 6) for x in _per_unit(atoms, mean_cell)]}
            if free_cell
            else {}
        ),
        "potential": pot.provenance(labels),
        "displacements": {
            "method": "molecular dynamics, classical",
            "temperature": float(temperature),
            "cell": "free at zero pressure" if free_cell else "fixed",
            "seed": int(seed),
            "rms_per_axis": rms,
            "b_factor": {element: 8 * math.pi**2 * u**2 for element, u in rms.items()},
        },
    }
    for frame in frames:
        frame.info = {**atoms.info, "provenance": provenance}
    return ThermalCrystal(frames, rms)


def hot_time(n_frames: int = 10) -> float:
    """Time in ps that :func:`thermal_crystal` runs for."""
    return EQUILIBRATION + BETWEEN_FRAMES * n_frames


def estimate_seconds(n_atoms: int, n_frames: int = 10) -> float:
    """CPU-seconds that :func:`thermal_crystal` takes about, on one core."""
    return n_atoms * hot_time(n_frames) / TIMESTEP / PPPM_ATOM_STEPS


def relaxation_seconds(n_atoms: int) -> float:
    """CPU-seconds that :func:`relaxed_model` takes about, on one core.

    The more atoms, the more steps: disordered La2Zr2O7 took 6 s for 88 atoms and 104 s for 704.
    """
    return RELAXATION_SECONDS * n_atoms**RELAXATION_POWER


def check_temperature(temperature: float) -> None:
    """Refuse a temperature at which no crystal is displaced."""
    if not (math.isfinite(temperature) and 1 <= temperature <= TEMPERATURE_MAX):
        raise InputError(f"temperature: {temperature:g} K; allowed: 1 to {TEMPERATURE_MAX:g} K")


def _per_unit(atoms: Atoms, lengths: np.ndarray) -> np.ndarray:
    """Lengths of the conventional cell in a supercell."""
    return np.asarray(lengths / np.asarray(atoms.info["provenance"].get("supercell", [1, 1, 1])))


def rms_displacements(sites: Atoms, frames: Sequence[Atoms]) -> dict[str, float]:
    """Root of the mean square displacement from the sites along one axis in Å, by element.

    Sites are those of the perfect crystal strained to the cell of each frame; the drift of the whole is taken out.
    Atoms of one element on unlike sites are averaged; a site that itself shifts with temperature counts as displaced.
    """
    perfect = sites.get_scaled_positions(wrap=False)
    masses = sites.get_masses()
    squares = np.zeros(len(sites))
    for frame in frames:
        gap = frame.get_scaled_positions(wrap=False) - perfect
        shift = (gap - np.round(gap)) @ frame.cell.array
        shift -= masses @ shift / masses.sum()
        squares += (shift**2).sum(axis=1) / 3
    squares /= len(frames)
    return {
        symbol: float(math.sqrt(squares[sites.symbols == symbol].mean()))
        for symbol in dict.fromkeys(sites.get_chemical_symbols())
    }


def displaced(atoms: Atoms, rms: Mapping[str, float], *, seed: int, source: str = "given") -> Atoms:
    """Copy of a model whose atoms are displaced at random, each by itself.

    Displacements are Gaussian and the same in all directions, as the Debye–Waller factor exp(−B sin²θ/λ²) with
    B = 8π²u² assumes (B. T. M. Willis, A. W. Pryor, Thermal Vibrations in Crystallography, Cambridge 1975); neighbours
    do not move together, so that first peaks of a pair distribution come out too wide.

    Parameters
    ----------
    atoms
        Any model with provenance.
    rms
        u in Å along one axis, by element; elements that are not named stay.
    seed
        Of the displacements.
    source
        Where the numbers are from, for the provenance.

    Raises
    ------
    InputError
        If an element is not in the model, or u is not within 0 to :data:`DISPLACEMENT_MAX`.
    """
    check_displacements(rms, set(atoms.get_chemical_symbols()))
    rng = np.random.default_rng(checked_seed(seed))
    widths = np.array([rms.get(symbol, 0.0) for symbol in atoms.get_chemical_symbols()])
    moved = atoms.copy()
    moved.positions += rng.normal(size=(len(atoms), 3)) * widths[:, None]
    moved.info["provenance"] = {
        **atoms.info["provenance"],
        "displacements": {
            "method": "isotropic Gaussian, uncorrelated",
            "source": source,
            "seed": int(seed),
            "rms_per_axis": dict(rms),
            "b_factor": {element: 8 * math.pi**2 * u**2 for element, u in rms.items()},
        },
    }
    return moved


def check_displacements(rms: Mapping[str, float], elements: set[str]) -> None:
    """Refuse displacements of absent elements, or too large ones."""
    for element, u in rms.items():
        if element not in elements:
            raise InputError(
                f"displacement: {element} is not in the model; allowed: {', '.join(sorted(elements))}"
            )
        if not (math.isfinite(u) and 0 <= u <= DISPLACEMENT_MAX):
            raise InputError(f"displacement of {element}: {u:g} Å; allowed: 0 to {DISPLACEMENT_MAX:g} Å")


def thermal_unit(
    unit: Atoms,
    temperature: float,
    *,
    potential: str = "du-teter",
    free_cell: bool = False,
    seed: int = 1,
    progress: Progress = silent,
) -> tuple[Atoms, dict[str, float]]:
    """Cell of a crystal at a temperature, and how far its atoms move: for models too large to be run themselves.

    A supercell at least :data:`SAMPLE_EDGE` wide is run (:func:`thermal_crystal`).

    Returns
    -------
    unit
        Copy with the mean lengths if `free_cell`; lengths that were equal stay equal.
    rms
        Displacement along one axis in Å by element, for :func:`displaced`.
    """
    lengths = unit.cell.lengths()
    repeats = [math.ceil(SAMPLE_EDGE / length) for length in lengths]
    sample = supercell(unit, (repeats[0], repeats[1], repeats[2]))
    run = thermal_crystal(
        sample,
        temperature,
        potential=potential,
        free_cell=free_cell,
        n_frames=20,
        seed=seed,
        progress=progress,
    )
    atoms = unit.copy()
    if free_cell:
        ratios = np.mean([frame.cell.lengths() for frame in run.frames], axis=0) / sample.cell.lengths()
        alike = np.abs(lengths[:, None] - lengths[None]) < 1e-3
        ratios = (alike @ ratios) / alike.sum(axis=1)
        atoms.set_cell(unit.cell.array * ratios[:, None], scale_atoms=True)
        atoms.info["provenance"] = {
            **unit.info["provenance"],
            "lattice_parameters": [round(float(length), 6) for length in atoms.cell.lengths()],
            "lattice_at": f"{temperature:g} K",
        }
    return atoms, run.rms
