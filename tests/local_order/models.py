"""Small structures with known local order."""

from __future__ import annotations

import functools

import numpy as np
from ase import Atoms
from ase.spacegroup import crystal as from_space_group


def rutile() -> Atoms:
    """TiO2, P4_2/mnm, u = 0.305: two neighbours over an edge along c, eight over a corner."""
    return from_space_group(
        ["Ti", "O"],
        [(0, 0, 0), (0.305, 0.305, 0)],
        spacegroup=136,
        cellpar=[4.594, 4.594, 2.959, 90, 90, 90],
    )


def perovskite() -> Atoms:
    """SrTiO3, Pm-3m: five atoms; Ti–Ti over corners, Sr–Ti and Sr–Sr over faces or more."""
    return Atoms(
        "SrTiO3",
        scaled_positions=[[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]],
        cell=[3.905] * 3,
        pbc=True,
    )


def quartz() -> Atoms:
    """SiO2, P3_221 (α-quartz)."""
    return from_space_group(
        ["Si", "O"],
        [(0.4697, 0, 2 / 3), (0.4135, 0.2669, 0.7858)],
        spacegroup=154,
        cellpar=[4.9134, 4.9134, 5.4052, 90, 90, 120],
    )


def cristobalite() -> Atoms:
    """SiO2, idealised β-cristobalite: Si on a diamond lattice, O half way."""
    return from_space_group(
        ["Si", "O"],
        [(0, 0, 0), (0.125, 0.125, 0.125)],
        spacegroup=227,
        setting=1,
        cellpar=[7.16] * 3 + [90] * 3,
    )


@functools.cache
def _rough_glass(n_units: int = 12, seed: int = 0) -> Atoms:
    rng = np.random.default_rng(seed)
    symbols = ["Li"] * 6 * n_units + ["La"] * 3 * n_units + ["Zr"] * 2 * n_units + ["O"] * 12 * n_units
    size = {"Li": 0.9, "La": 1.25, "Zr": 1.0, "O": 1.25}
    edge = (len(symbols) / 0.085) ** (1 / 3)
    atoms = Atoms(symbols, positions=rng.uniform(0, edge, (len(symbols), 3)), cell=[edge] * 3, pbc=True)
    radius = np.array([size[symbol] for symbol in symbols])
    cation = np.array(symbols) != "O"
    reach = radius[:, None] + radius[None, :]
    # Like charges keep away from each other.
    reach *= np.where(cation[:, None] == cation[None, :], 1.12, 0.92)
    points = atoms.positions
    for _ in range(100):
        vector = points[None] - points[:, None]
        vector -= edge * np.rint(vector / edge)
        distance = np.sqrt(np.einsum("ijk,ijk->ij", vector, vector)) + np.eye(len(points)) * 99
        overlap = np.clip(reach - distance, 0, None) / distance
        points -= 0.3 * np.einsum("ij,ijk->ik", overlap, vector)
    return atoms


def rough_glass(n_units: int = 12, seed: int = 0) -> Atoms:
    """A random packing of Li6La3Zr2O12 atoms pushed apart until hardly a pair is closer than a bond."""
    return _rough_glass(n_units, seed).copy()


def random_oxide(seed: int, n_atoms: int = 7) -> Atoms:
    """A few atoms in a small triclinic cell, in which units meet their own images."""
    rng = np.random.default_rng(seed)
    while True:
        cell = rng.normal(size=(3, 3)) * 0.8 + 3.6 * np.eye(3)
        if abs(np.linalg.det(cell)) > 25:
            break
    symbols = (
        ["O"] * (n_atoms // 2) + ["Zr"] + list(rng.choice(["Li", "La", "Zr"], n_atoms - n_atoms // 2 - 1))
    )
    return Atoms(symbols, positions=rng.uniform(-4, 4, (n_atoms, 3)), cell=cell, pbc=True)
