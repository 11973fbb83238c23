"""Small models of known vibrations."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.crystals import crystal
from alzmodel.dynamics.hessian import pair_forces, pair_hessian

if TYPE_CHECKING:
    from ase import Atoms


def minimised(atoms: Atoms, potential: str = "du-teter") -> Atoms:
    """The nearest minimum at a fixed cell, by Newton steps on the Hessian."""
    model = atoms.copy()
    for _ in range(30):
        forces = pair_forces(model, potential=potential)
        if np.abs(forces).max() < 1e-7:
            return model
        hessian = pair_hessian(model, potential=potential)
        values, vectors = np.linalg.eigh(hessian)
        # Downhill along every direction; translations stay.
        inverse = np.where(np.abs(values) > 1e-6, 1 / np.maximum(np.abs(values), 0.5), 0.0)
        step = (vectors @ (inverse * (vectors.T @ forces.reshape(-1)))).reshape(-1, 3)
        model.positions += step * min(1.0, 0.1 / np.abs(step).max())
    raise AssertionError(f"no minimum: {np.abs(forces).max()} eV/Å left")


def cube_of(cell: Atoms, a: float) -> Atoms:
    """The same cell at another lattice parameter."""
    scaled = cell.copy()
    scaled.set_cell(scaled.cell * (a / scaled.cell.lengths()[0]), scale_atoms=True)
    return scaled


@functools.cache
def pyrochlore() -> Atoms:
    """La2Zr2O7, 88 atoms, at the minimum of du-teter: a = 10.945 Å."""
    return minimised(cube_of(crystal("La2Zr2O7"), 10.944667))


@functools.cache
def lithia() -> Atoms:
    """Li2O, 12 atoms; every atom is held by symmetry, at any lattice parameter."""
    return crystal("Li2O")


def springs(bonds: list[tuple[int, int, float]], n: int) -> np.ndarray:
    """Hessian (3n, 3n) of atoms on a line along x joined by springs: (i, j, eV/Å²)."""
    hessian = np.zeros((3 * n, 3 * n))
    for i, j, k in bonds:
        hessian[3 * i, 3 * i] += k
        hessian[3 * j, 3 * j] += k
        hessian[3 * i, 3 * j] -= k
        hessian[3 * j, 3 * i] -= k
    return hessian
