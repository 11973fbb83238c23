"""Modes of crystals: their symmetry, and what of them Raman and infrared spectra show."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.dynamics.spectra import Modes

__all__ = ["CrystalMode", "crystal_modes", "primitive_cell", "symmetrised"]

SYMPREC: Final = 1e-3
"""Å."""
DEGENERATE: Final = 0.1
"""cm⁻¹; modes nearer to one another are one degenerate set."""


@dataclass(frozen=True, slots=True, repr=False)
class CrystalMode(Result):
    """A degenerate set of optical modes at Γ.

    Attributes
    ----------
    irrep
        Mulliken symbol; None without the extra ``phonons``, or where modes of two symmetries meet.
    cm
        cm⁻¹, negative if imaginary.
    degeneracy
        Number of modes.
    raman, ir
        Whether its symmetry lets it show: it holds a symmetric tensor, or a vector.
    """

    irrep: str | None = field(metadata=holds(role="label"))
    cm: float = field(metadata=holds("cm⁻¹"))
    degeneracy: int
    raman: bool
    ir: bool


def primitive_cell(atoms: Atoms) -> Atoms:
    """Return the primitive cell of a crystal, not turned; atoms of unlike mass are unlike.

    Parameters
    ----------
    atoms
        Periodic in three directions.
    """
    import spglib
    from ase import Atoms as AseAtoms

    kinds, number = np.unique(
        np.stack([atoms.numbers, atoms.get_masses(), atoms.get_initial_charges()], axis=1),
        axis=0,
        return_inverse=True,
    )
    cell = (atoms.cell.array, atoms.get_scaled_positions(), number.reshape(-1) + 1)
    found = spglib.standardize_cell(cell, to_primitive=True, no_idealize=True, symprec=SYMPREC)
    if found is None:
        return atoms
    lattice, scaled, types = found
    chosen = kinds[np.asarray(types) - 1]
    primitive = AseAtoms(
        numbers=chosen[:, 0].astype(int), cell=lattice, scaled_positions=scaled, pbc=True, masses=chosen[:, 1]
    )
    primitive.set_initial_charges(chosen[:, 2])
    return primitive


def crystal_modes(atoms: Atoms, modes: Modes, hessian: NDArray[np.float64]) -> list[CrystalMode]:
    """Sort modes of a primitive cell into degenerate sets, and say which Raman and infrared spectra show.

    A set shows in the Raman spectrum where its character holds that of the symmetric tensor, [(tr R)² + tr R²]/2, and
    in the infrared where it holds that of the vector, tr R. The three translations are left out.

    Parameters
    ----------
    atoms
        A primitive cell.
    modes
        Of that cell.
    hessian
        Second derivatives of that cell, eV/Å², for the names of the symmetries.

    Returns
    -------
    list of CrystalMode
        By rising frequency.

    References
    ----------
    M. S. Dresselhaus, G. Dresselhaus, A. Jorio, Group Theory (2008), ch. 8 and 11.
    """
    rotations, permutations = _operations(atoms)
    names = _mulliken(atoms, hessian)
    n = len(atoms)
    uniform = np.repeat(np.sqrt(atoms.get_masses() / atoms.get_masses().sum()), 3)[:, None] * np.tile(
        np.eye(3), (n, 1)
    )
    trace = np.trace(rotations, axis1=1, axis2=2)
    tensor = (trace**2 + np.trace(rotations @ rotations, axis1=1, axis2=2)) / 2
    found = []
    for members in _sets(modes.frequencies):
        vectors = modes.vectors[:, members]
        if np.sum((uniform.T @ vectors) ** 2) > 0.5 * len(members):
            continue
        field_of = vectors.reshape(n, 3, -1)
        character = np.array(
            [
                np.einsum("iam,ab,ibm->", field_of[to], rotation, field_of)
                for rotation, to in zip(rotations, permutations, strict=True)
            ]
        )
        cm = float(modes.frequencies[members].mean())
        inside = [name for at, name in names if at in members]
        found.append(
            CrystalMode(
                irrep=inside[0] if len(set(inside)) == 1 else None,
                cm=cm,
                degeneracy=len(members),
                raman=bool(np.mean(character * tensor) > 0.5),
                ir=bool(np.mean(character * trace) > 0.5),
            )
        )
    return found


def symmetrised(hessian: NDArray[np.float64], atoms: Atoms) -> NDArray[np.float64]:
    """Mean of second derivatives over the operations of a crystal: it takes the noise of differences away.

    Parameters
    ----------
    hessian
        eV/Å², shape (3n, 3n).
    atoms
        The crystal.

    Returns
    -------
    ndarray, shape (3n, 3n)
        eV/Å²; degenerate modes are degenerate to rounding.
    """
    rotations, permutations = _operations(atoms)
    n = len(atoms)
    blocks = hessian.reshape(n, 3, n, 3)
    total = np.zeros_like(blocks)
    for rotation, to in zip(rotations, permutations, strict=True):
        turned = np.einsum("ac,icjd,bd->iajb", rotation, blocks, rotation, optimize=True)
        total[to[:, None], :, to[None, :], :] += turned.transpose(0, 2, 1, 3)
    mean = (total / len(rotations)).reshape(3 * n, 3 * n)
    return (mean + mean.T) / 2


def _sets(frequencies: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Numbers of modes, in sets of equal frequency."""
    breaks = np.flatnonzero(np.diff(frequencies) > DEGENERATE) + 1
    return [np.asarray(part) for part in np.split(np.arange(len(frequencies)), breaks)]


def _operations(atoms: Atoms) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Rotations in Cartesian axes, (n_ops, 3, 3), and the atom that each atom goes to, (n_ops, n_atoms)."""
    import spglib

    kinds = np.unique(np.stack([atoms.numbers, atoms.get_masses()], axis=1), axis=0, return_inverse=True)[
        1
    ].reshape(-1)
    scaled, cell = atoms.get_scaled_positions(), atoms.cell.array
    symmetry = spglib.get_symmetry((cell, scaled, kinds + 1), symprec=SYMPREC)
    turned, permutations = [], []
    for rotation, shift in zip(symmetry["rotations"], symmetry["translations"], strict=True):
        moved = scaled @ rotation.T + shift
        apart = moved[:, None] - scaled[None]
        apart -= np.round(apart)
        distance = np.linalg.norm(apart @ cell, axis=2)
        distance[kinds[:, None] != kinds[None]] = math.inf
        permutations.append(distance.argmin(axis=1))
        turned.append(cell.T @ rotation @ np.linalg.inv(cell.T))
    return np.array(turned), np.array(permutations)


def _mulliken(atoms: Atoms, hessian: NDArray[np.float64]) -> Sequence[tuple[int, str]]:
    """Name of the symmetry of each mode by its number; nothing without phonopy."""
    try:
        from phonopy import Phonopy
        from phonopy.structure.atoms import PhonopyAtoms
    except ImportError:
        return []
    cell: Any = PhonopyAtoms(
        symbols=atoms.get_chemical_symbols(),
        cell=atoms.cell.array,
        scaled_positions=atoms.get_scaled_positions(),
        masses=atoms.get_masses(),
    )
    n = len(atoms)
    phonons = Phonopy(cell, np.eye(3, dtype=int), primitive_matrix=np.eye(3), symprec=SYMPREC, log_level=0)
    phonons.force_constants = np.ascontiguousarray(hessian.reshape(n, 3, n, 3).transpose(0, 2, 1, 3))
    irreps = phonons.run_irreps([0, 0, 0], degeneracy_tolerance=1e-3)
    labels = irreps._ir_labels  # noqa: SLF001  phonopy hands them out in a file or as text alone
    if labels is None:
        return []
    return [
        (int(at), str(label))
        for members, label in zip(irreps.band_indices, labels, strict=True)
        if label is not None
        for at in members
    ]
