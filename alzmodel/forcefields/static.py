"""Energies, forces and minimised structures of any periodic model, with the Coulomb sum by PPPM."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from alzmodel.composition import formal_charges, ion_labels
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.forcefields.engine import Segment, System, check_ranks, read_dump, read_thermo, run_job
from alzmodel.forcefields.pair_tables import Coulomb, pppm_coulomb
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from alzmodel.forcefields.potentials import Potential

__all__ = [
    "LARGE",
    "RMS_FORCE",
    "Relaxed",
    "SinglePoint",
    "check_model",
    "energy",
    "force_norm",
    "minimise_commands",
    "relax",
    "single_point",
    "single_points",
]

CellFreedom = Literal["fixed", "iso", "lengths", "full"]
"""What of a cell may change: nothing, its volume, its lengths at fixed angles, everything."""

COMPARED = 1e-6
"""Accuracy of the mesh: energies come out to some 1e-5 eV per atom."""

MAX_PASSES = 10
PRESSURE_TOLERANCE = 0.05
"""GPa; a relaxed cell is under less than this, some 1e-4 of its length."""


FORCE_NORM = 1e-3
"""eV/Å; a minimisation ends where √Σ|F|² over all atoms is smaller."""

LARGE = 6000
"""Atoms; of a larger model it is √(Σ|F|²/N) that ends the minimisation."""

RMS_FORCE = 5e-5
"""eV/Å; what a model of 400 atoms is left with. A glass of 5016 atoms minimised so took 1860 force evaluations instead
of 2653 and lies 0.014 meV/atom higher, its largest force 1.3e-3 instead of 1.5e-4 eV/Å, its pressure -0.029 instead of
-0.014 GPa."""


@dataclass(frozen=True, slots=True)
class Relaxed:
    """A minimised model.

    Attributes
    ----------
    atoms
        The model, its cell turned back to the orientation it came in.
    energy
        eV for the whole cell.
    pressure
        GPa, left after the relaxation.
    """

    atoms: Atoms
    energy: float
    pressure: float


@dataclass(frozen=True, slots=True)
class SinglePoint:
    """Energy (eV, whole cell), forces (n_atoms, 3) in eV/Å and pressure (GPa) of a model as it stands.

    The stress (3, 3) in GPa is positive where the model is stretched; the pressure is minus its mean.
    """

    energy: float
    forces: np.ndarray
    pressure: float
    stress: np.ndarray


def _system(atoms: Atoms, potential: str) -> tuple[System, list[str]]:
    if not atoms.pbc.all():
        raise InputError(f"pbc: {atoms.pbc.tolist()}; allowed: models that are periodic in three directions")
    pot: Potential = potential_of(potential)
    labels = ion_labels(atoms)
    for label in dict.fromkeys(labels):
        pot.ion(label)
    charge = float(np.sum(formal_charges(atoms)))
    if abs(charge) > 1e-6:
        raise InputError(f"charge of the model: {charge:+g} e; allowed: neutral models")
    return System(pot, tuple(dict.fromkeys(labels))), labels


def check_model(atoms: Atoms, potential: str = "du-teter") -> None:
    """Refuse a model that a potential cannot compute.

    Raises
    ------
    InputError
        If the model is not periodic or not neutral, or an ion has no parameters.
    """
    _system(atoms, potential)


def force_norm(n_atoms: int) -> float:
    """Norm of the forces on all atoms (eV/Å) at which a minimisation ends."""
    return RMS_FORCE * math.sqrt(n_atoms) if n_atoms > LARGE else FORCE_NORM


def minimise_commands(
    cell: CellFreedom, n_atoms: int, *, pressure: float = 0.0, rounds: int = 5, more: int = 0
) -> list[str]:
    """Return the commands that take a loaded system to its nearest minimum at `pressure` (GPa).

    A cell relaxation moves the atoms with the cell, so that each round takes away some two thirds of the pressure; the
    atoms settle before each round at a fixed cell, to 0.02 eV/Å, and to 0.001 eV/Å in the end. That is the norm of the
    forces on all atoms, and asks the more of each the more there are: beyond :data:`LARGE` atoms it is their root mean
    square that ends the work, at :data:`RMS_FORCE` (20 times that while the cell changes). The atoms move by FIRE
    (E. Bitzek et al., Phys. Rev. Lett. 97 (2006) 170201), which looks at forces alone: line searches of conjugate
    gradients stop early at the noise that the mesh puts on the energy, several meV per atom too high in packings.

    The last settling can take atoms of a small glass to another minimum, which leaves some 0.1 GPa. So many as `more`
    further rounds follow, each only where :data:`PRESSURE_TOLERANCE` is left.
    """
    style: dict[str, str] = {"iso": "iso", "lengths": "aniso", "full": "tri"}
    end = force_norm(n_atoms)
    settle = ["min_style fire", f"minimize 0 {20 * end:.10g} 1000 2000"]
    resize = [
        # At a fixed cell first: a packing whose ions repel would blow the cell up on its way.
        *settle,
        "min_style cg",
        f"fix relax all box/relax {style.get(cell, '')} {pressure * 1e4} vmax 0.001",
        "minimize 0 1e-5 1000 10000",
        "unfix relax",
    ]
    finish = ["min_style fire", f"minimize 0 {end:.10g} 3000 6000"]
    commands = ["thermo 50", "timestep 0.002"]
    if cell == "fixed":
        return [*commands, *finish]
    again = " ".join(f'"{command}"' for command in [*resize, *finish])
    return [
        *commands,
        *(resize * rounds),
        *finish,
        f"variable left equal abs(press-{pressure * 1e4})",
        *[f'if "${{left}} > {PRESSURE_TOLERANCE * 1e4:g}" then {again}'] * more,
    ]


def relax(
    atoms: Atoms,
    *,
    potential: str = "du-teter",
    cell: bool | Literal["iso", "full"] = True,
    accuracy: float = COMPARED,
    ranks: int = 1,
    progress: Progress = silent,
) -> Relaxed:
    """Minimise the energy of a model at zero pressure.

    Parameters
    ----------
    atoms
        Periodic in three directions and neutral; any cell.
    potential
        Name of a potential.
    cell
        True: the lengths follow and the angles stay, which keeps a crystal in its class; ``"full"``: the angles
        follow too; ``"iso"``: the volume follows, the shape stays; False: only the atoms move.
    accuracy
        Of the mesh; 1e-5 is three times as fast for some hundred atoms, and some 1e-4 eV per atom off.
    ranks
        MPI ranks.
    progress
        Told how far the work is.

    Returns
    -------
    Relaxed

    Raises
    ------
    InputError
        If the model is not periodic or not neutral, or an ion has no parameters.
    AlzmodelError
        If LAMMPS fails or pressure is left.
    """
    check_ranks(ranks)
    if cell not in {True, False, "iso", "full"}:
        raise InputError(f"cell: {cell!r}; allowed: True, False, 'iso', 'full'")
    system, labels = _system(atoms, potential)
    mode: CellFreedom = cell if isinstance(cell, str) else "lengths" if cell else "fixed"
    commands = minimise_commands(mode, len(atoms), rounds=2)
    with tempfile.TemporaryDirectory(prefix="alzmodel-relax-") as name:
        folder = Path(name)
        coulomb = pppm_coulomb(accuracy=accuracy)
        system.write_tables(folder, coulomb)
        stand = atoms
        for number in range(MAX_PASSES):
            # From a data file each time: a restart file loses atoms that lie on a face of a tilted cell.
            system.write_data(stand, labels, folder / "start.data", triclinic=mode == "full")
            end = f"{number}.dump"
            dump = f"write_dump all custom {end}.part id type xsu ysu zsu modify sort id format float %.17g"
            every = (*system.setup("start.data", coulomb), *commands, dump)
            run_job(
                folder, [Segment("relax", every, end, 1.0, "minimisation")], ranks=ranks, progress=progress
            )
            log = read_thermo([folder / "relax.log"])
            pressure = float(log.pressure[-1])
            ((_, box, scaled),) = read_dump(folder / end)
            if mode == "fixed" or abs(pressure) < PRESSURE_TOLERANCE:
                break
            stand = atoms.copy()
            stand.set_cell(box)
            stand.set_scaled_positions(scaled)
        else:
            raise AlzmodelError(f"relaxation: {pressure:.3f} GPa are left after {MAX_PASSES} passes")
    relaxed = atoms.copy()
    relaxed.set_cell(box @ _turn(atoms))
    relaxed.set_scaled_positions(scaled)
    relaxed.info["provenance"] = {
        **atoms.info.get("provenance", {}),
        "relaxation": system.potential.provenance(system.labels),
    }
    return Relaxed(relaxed, float(log.energy[-1]), pressure)


def _turn(atoms: Atoms) -> np.ndarray:
    # cell = standard cell @ turn
    return np.asarray(atoms.cell.standard_form()[1])


def single_point(
    atoms: Atoms, *, potential: str = "du-teter", coulomb: Coulomb | None = None, ranks: int = 1
) -> SinglePoint:
    """Energy, forces and pressure of a model as it stands.

    Parameters
    ----------
    atoms
        Periodic in three directions and neutral.
    potential
        Name of a potential.
    coulomb
        By default PPPM; the damped shifted force leaves out a constant, see
        :func:`alzmodel.forcefields.pair_tables.dsf_self_energy`.
    ranks
        MPI ranks.

    Raises
    ------
    InputError
        If the model is not periodic or not neutral, or an ion has no parameters.
    AlzmodelError
        If LAMMPS fails.
    """
    (point,) = single_points([atoms], potential=potential, coulomb=coulomb, ranks=ranks)
    return point


def single_points(
    models: Sequence[Atoms],
    *,
    potential: str = "du-teter",
    coulomb: Coulomb | None = None,
    ranks: int = 1,
    progress: Progress = silent,
) -> list[SinglePoint]:
    """Energies, forces and pressures of many models by one child process; see :func:`single_point`."""
    check_ranks(ranks)
    coulomb = pppm_coulomb(accuracy=COMPARED) if coulomb is None else coulomb
    # Nothing moves, so that LAMMPS's pressure is all virial.
    virial = " ".join(f"c_thermo_press[{component}]" for component in range(1, 7))
    checked = [_system(atoms, potential) for atoms in models]
    kinds = dict.fromkeys(label for one, _ in checked for label in one.labels)
    system = System(potential_of(potential), tuple(kinds))
    points = []
    with tempfile.TemporaryDirectory(prefix="alzmodel-energy-") as name:
        folder = Path(name)
        system.write_tables(folder, coulomb)
        segments = []
        for number, (atoms, (_, labels)) in enumerate(zip(models, checked, strict=True)):
            system.write_data(atoms, labels, folder / f"{number}.data")
            dump = (
                f"write_dump all custom {number}.dump.part id type fx fy fz modify sort id format float %.17g"
            )
            tensor = f"fix tensor all ave/time 1 1 1 {virial} file {number}.stress format ' %.12g'"
            commands = (*system.setup(f"{number}.data", coulomb), tensor, "run 0", "unfix tensor", dump)
            segments.append(Segment(f"{number}", commands, f"{number}.dump", 1.0, "energy"))
        run_job(folder, segments, ranks=ranks, progress=progress)
        for number, atoms in enumerate(models):
            log = read_thermo([folder / f"{number}.log"])
            ((_, _, forces),) = read_dump(folder / f"{number}.dump")
            xx, yy, zz, xy, xz, yz = np.loadtxt(folder / f"{number}.stress")[1:] * -1e-4
            turn = _turn(atoms)
            stress = turn.T @ np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ turn
            points.append(SinglePoint(float(log.energy[-1]), forces @ turn, float(log.pressure[-1]), stress))
    return points


def energy(atoms: Atoms, potential: str = "du-teter") -> float:
    """Potential energy of a model in eV, with PPPM; see :func:`single_point`."""
    return single_point(atoms, potential=potential).energy
