"""Second derivatives of the energy: in closed form for the pair potentials, by differences of forces for the rest.

All are those of the cell as it stands: atoms move together with their periodic images (wave vector Γ).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy.special import erfc

from alzmodel.composition import ion_labels
from alzmodel.errors import InputError
from alzmodel.forcefields.pair_tables import Coulomb
from alzmodel.forcefields.potentials import OXYGEN, splice
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.neighbours import neighbour_list
from alzmodel.progress import Progress, silent
from alzmodel.units import COULOMB_EV_A

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ase import Atoms
    from numpy.typing import DTypeLike, NDArray
    from scipy.sparse import csr_array

    from alzmodel.forcefields.potentials import IonParameters, Potential

    _Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]

__all__ = [
    "COULOMBS",
    "CoulombSum",
    "difference_hessian",
    "displaced",
    "largest_force",
    "pair_curvature",
    "pair_forces",
    "pair_hessian",
    "sparse_pair_hessian",
]

CoulombSum = Literal["ewald", "dsf"]
COULOMBS: Final = ("ewald", "dsf")
EWALD_CUTOFF: Final = 10.0
"""Å; end of the sum in real space."""
LEAST_WAVES: Final = 32
MOST_WAVES: Final = 2e8
"""Points of the grid in reciprocal space; a cubic model of 20 000 atoms has a third of it."""
EWALD_REACH: Final = 4.2
"""Splitting parameter times the cut-off: what lies beyond is erfc(4.2) = 3e-9 of the bare Coulomb energy."""
NUFFT_ACCURACY: Final = 1e-9
SINGLE_ACCURACY: Final = 1e-5
"""Of the same sum in single precision, of its largest term: some 1e-4 eV/Å²."""
STEP: Final = 0.01
"""Å; displacement for differences of forces."""
_BLOCK: Final = 4e6
"""Pairs of atoms whose sum in reciprocal space is done at a time."""


def pair_hessian(
    atoms: Atoms,
    *,
    potential: str = "du-teter",
    coulomb: CoulombSum = "ewald",
    dtype: DTypeLike = np.float64,
    progress: Progress = silent,
) -> NDArray[np.floating]:
    """Second derivatives of the energy of a pair potential, in closed form.

    For i ≠ j the block is −Σ [U″ r̂r̂ + (U′/r)(1 − r̂r̂)] over the images of j, plus that of the Ewald sum in
    reciprocal space, (4π/V) q_i q_j Σ_k exp(−k²/4α²)/k² kk cos k·(r_i − r_j). The blocks of a row sum to zero, since
    no force changes when all atoms move alike. The field of k = 0 is left out: polar modes are the transverse ones.

    Parameters
    ----------
    atoms
        Periodic in three directions and neutral.
    potential
        Name of a pair potential.
    coulomb
        ``"ewald"``, or ``"dsf"``: damped shifted force, as melts are run with.
    dtype
        Of the result; float32 halves its memory, and its frequencies are right to 1e-3 cm⁻¹ or better.
    progress
        Told how far the work is.

    Returns
    -------
    ndarray, shape (3 n_atoms, 3 n_atoms)
        eV/Å².

    Raises
    ------
    InputError
        If the model or the potential cannot be used.

    References
    ----------
    M. Born, K. Huang, Dynamical Theory of Crystal Lattices (1954), §30; M. P. Allen, D. J. Tildesley, Computer
    Simulation of Liquids, 2nd ed. (2017), eq. 6.4, differentiated twice.
    """
    pot, labels, charges = _checked(atoms, potential, coulomb)
    n = len(atoms)
    hessian = np.zeros((n, 3, n, 3), dtype=dtype)
    if coulomb == "ewald":
        _add_reciprocal(hessian, atoms, charges, progress)
    i, j, blocks = _pair_blocks(atoms, pot, labels, charges, coulomb)
    for a in range(3):
        for b in range(3):
            np.add.at(hessian[:, a, :, b], (i, j), blocks[:, a, b].astype(hessian.dtype))
    own = np.arange(n)
    hessian[own, :, own, :] = 0
    hessian[own, :, own, :] = -hessian.sum(axis=2, dtype=np.float64)
    return hessian.reshape(3 * n, 3 * n)


def _checked(
    atoms: Atoms, potential: str, coulomb: CoulombSum
) -> tuple[Potential, list[str], NDArray[np.float64]]:
    from alzmodel.forcefields.static import check_model

    if coulomb not in COULOMBS:
        raise InputError(f"coulomb: {coulomb!r}; allowed: {', '.join(COULOMBS)}")
    pot = potential_of(potential)
    if pot.many_body is not None:
        raise InputError(
            f"potential: {potential!r} has no second derivatives in closed form; allowed: a pair potential, or "
            "the same name as a calculator"
        )
    check_model(atoms, potential)
    labels = ion_labels(atoms)
    return pot, labels, np.array([pot.ion(label).charge for label in labels])


def _coulomb_of(coulomb: CoulombSum) -> tuple[float, float]:
    """Cut-off (Å) and splitting or damping parameter (Å⁻¹)."""
    if coulomb == "ewald":
        return EWALD_CUTOFF, EWALD_REACH / EWALD_CUTOFF
    fast = Coulomb("dsf")
    return fast.cutoff, fast.damping


def _pair_derivatives(
    pot: Potential, labels: list[str], charges: NDArray[np.float64], coulomb: CoulombSum, pairs: _Pairs
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """U′ (eV/Å) and U″ (eV/Å²) of every pair."""
    i, j, r = pairs
    cutoff, damping = _coulomb_of(coulomb)
    product = COULOMB_EV_A * charges[i] * charges[j]
    force, curvature = _damped(r, damping)
    if coulomb == "dsf":
        force = force - _damped(np.array([cutoff]), damping)[0]
    first, second = -product * force, product * curvature
    kinds = list(dict.fromkeys(labels))
    number = np.array([kinds.index(label) for label in labels])
    for a, name in enumerate(kinds):
        for b, other in enumerate(kinds):
            if OXYGEN in {name, other}:
                here = (number[i] == a) & (number[j] == b) & (r < pot.short_range_cutoff)
                first[here] -= pot.short_range(name, other, r[here])[1]
                second[here] += pair_curvature(pot, name, other, r[here])
    return first, second


def _damped(r: NDArray[np.float64], damping: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minus the first and the second derivative of erfc(αr)/r."""
    bare = erfc(damping * r)
    gauss = 2 * damping / math.sqrt(math.pi) * np.exp(-((damping * r) ** 2))
    return bare / r**2 + gauss / r, 2 * bare / r**3 + 2 * gauss / r**2 + 2 * damping**2 * gauss


def pair_curvature(
    potential: Potential, first: str, second: str, r: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Second derivative of the short-range energy of a pair of ions.

    Parameters
    ----------
    potential, first, second
        The potential and two ion labels.
    r
        Distances in Å, any shape, > 0.

    Returns
    -------
    ndarray
        eV/Å², of the shape of `r`: A/ρ² exp(−r/ρ) − 42 C/r⁸, inside the splice n (n + 1) B/rⁿ⁺² + 2 D; zero at and
        beyond the cut-off (the shift in force is linear in r) and for two cations.
    """
    if OXYGEN not in {first, second}:
        return np.zeros_like(r)
    ion: IonParameters = potential.ion(second if first == OXYGEN else first)
    found = ion.A / ion.rho**2 * np.exp(-r / ion.rho) - 42 * ion.C / r**8
    branch = splice(ion.A, ion.rho, ion.C)
    if branch is not None:
        wall = branch.n * (branch.n + 1) * branch.B * r ** (-branch.n - 2) + 2 * branch.D
        found = np.where(r < branch.r0, wall, found)
    return np.where(r < potential.short_range_cutoff, found, 0.0)


def _pair_blocks(
    atoms: Atoms, pot: Potential, labels: list[str], charges: NDArray[np.float64], coulomb: CoulombSum
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Second derivatives of the pairs within the cut-off: i, j ≠ i, and eV/Å², shape (n_pairs, 3, 3); by rising i, j.

    A pair of atoms stands there once for each of its images.
    """
    cutoff = max(_coulomb_of(coulomb)[0], pot.short_range_cutoff)
    pairs = neighbour_list(atoms, cutoff)
    pairs = pairs.select(pairs.i != pairs.j)
    r = pairs.distance
    first, second = _pair_derivatives(pot, labels, charges, coulomb, (pairs.i, pairs.j, r))
    direction = pairs.vector / r[:, None]
    across = first / r
    blocks = (across - second)[:, None, None] * direction[:, :, None] * direction[:, None, :]
    blocks -= across[:, None, None] * np.eye(3)
    return pairs.i, pairs.j, blocks


def sparse_pair_hessian(
    atoms: Atoms, *, potential: str = "du-teter", dtype: DTypeLike = np.float32
) -> csr_array:
    """Second derivatives of a pair potential with the damped shifted force, which ends at its cut-off: a sparse matrix.

    Parameters
    ----------
    atoms
        Periodic in three directions and neutral.
    potential
        Name of a pair potential.
    dtype
        Of the result.

    Returns
    -------
    csr_array, shape (3 n_atoms, 3 n_atoms)
        eV/Å², the numbers of ``pair_hessian(atoms, coulomb="dsf")``.

    Raises
    ------
    InputError
        If the model or the potential cannot be used.
    """
    from scipy.sparse import bsr_array, csr_array

    pot, labels, charges = _checked(atoms, potential, "dsf")
    i, j, blocks = _pair_blocks(atoms, pot, labels, charges, "dsf")
    n = len(atoms)
    new = np.flatnonzero(np.concatenate([[True], (np.diff(i) != 0) | (np.diff(j) != 0)]))
    sums = np.add.reduceat(blocks, new, axis=0)
    starts = np.searchsorted(i[new], np.arange(n + 1))
    own = np.zeros((n, 3, 3))
    np.add.at(own, i, -blocks)
    apart = bsr_array((sums.astype(dtype), j[new], starts), shape=(3 * n, 3 * n))
    diagonal = bsr_array((own.astype(dtype), np.arange(n), np.arange(n + 1)), shape=(3 * n, 3 * n))
    return csr_array(apart + diagonal)


def _reciprocal(atoms: Atoms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wave vectors on a grid, shape (n1, n2, n3, 3), and 4π/V exp(−k²/4α²)/k², zero at k = 0 and far out."""
    _, alpha = _coulomb_of("ewald")
    k_max = 2 * alpha * EWALD_REACH * 1.05
    cell = atoms.cell.array
    most = np.ceil(k_max * np.linalg.norm(cell, axis=1) / (2 * math.pi)).astype(int)
    # The transform works on a grid twice as fine, and no thinner than its own kernels.
    if math.prod(float(max(2 * (2 * m + 1), LEAST_WAVES)) for m in most) > MOST_WAVES:
        lengths = " × ".join(f"{length:g}" for length in atoms.cell.lengths())
        raise InputError(
            f"cell: {lengths} Å, too long and thin for an Ewald sum; allowed: such as those of models"
        )
    indices = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in most), indexing="ij"), axis=-1)
    k = 2 * math.pi * indices @ np.linalg.inv(cell).T
    square = np.sum(k * k, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.exp(-square / (4 * alpha**2)) / square
    weight[(square > k_max**2) | (square < 1e-20)] = 0.0
    return k, COULOMB_EV_A * 4 * math.pi / abs(atoms.cell.volume) * weight


def _add_reciprocal(
    hessian: NDArray[np.floating], atoms: Atoms, charges: NDArray[np.float64], progress: Progress
) -> None:
    """Add q_i q_j T(r_i − r_j), T the smooth periodic tensor of the sum over k, by FFTs to all pairs at once."""
    import finufft

    k, weight = _reciprocal(atoms)
    components = [(a, b) for a in range(3) for b in range(a, 3)]
    single = hessian.dtype == np.float32
    coefficients = np.stack([weight * k[..., a] * k[..., b] for a, b in components]).astype(
        np.complex64 if single else np.complex128
    )
    accuracy = SINGLE_ACCURACY if single else NUFFT_ACCURACY
    angles = 2 * math.pi * atoms.get_scaled_positions(wrap=False)
    n = len(atoms)
    rows = max(1, int(_BLOCK // n))
    for start in range(0, n, rows):
        progress(start / n, "Ewald sum")
        end = min(start + rows, n)
        apart = (angles[start:end, None] - angles[None, start:]).reshape(-1, 3)
        apart -= 2 * math.pi * np.round(apart / (2 * math.pi))
        points = np.ascontiguousarray(apart.T, dtype=hessian.dtype)
        sums = finufft.nufft3d2(*points, coefficients, eps=accuracy, isign=1, nthreads=1)
        product = charges[start:end, None] * charges[None, start:]
        for (a, b), values in zip(components, sums, strict=True):
            block = (values.real.reshape(product.shape) * product).astype(hessian.dtype)
            for one, other in {(a, b), (b, a)}:
                hessian[start:end, one, start:, other] = block
                hessian[start:, other, start:end, one] = block.T


def pair_forces(
    atoms: Atoms, *, potential: str = "du-teter", coulomb: CoulombSum = "ewald"
) -> NDArray[np.float64]:
    """Add up the forces of a pair potential, with the sums that :func:`pair_hessian` differentiates.

    Returns
    -------
    ndarray, shape (n_atoms, 3)
        eV/Å.
    """
    pot, labels, charges = _checked(atoms, potential, coulomb)
    pairs = neighbour_list(atoms, max(_coulomb_of(coulomb)[0], pot.short_range_cutoff))
    first, _ = _pair_derivatives(pot, labels, charges, coulomb, (pairs.i, pairs.j, pairs.distance))
    along = (first / pairs.distance)[:, None] * pairs.vector
    forces: NDArray[np.float64] = np.stack(
        [np.bincount(pairs.i, along[:, a], minlength=len(atoms)) for a in range(3)], axis=1
    ).astype(np.float64)
    if coulomb == "ewald":
        forces += _reciprocal_forces(atoms, charges)
    return forces


def _reciprocal_forces(atoms: Atoms, charges: NDArray[np.float64]) -> NDArray[np.float64]:
    import finufft

    k, weight = _reciprocal(atoms)
    angles = 2 * math.pi * atoms.get_scaled_positions(wrap=False)
    points = np.ascontiguousarray(((angles + math.pi) % (2 * math.pi) - math.pi).T)
    density = finufft.nufft3d1(
        *points, charges.astype(np.complex128), weight.shape, eps=NUFFT_ACCURACY, isign=-1, nthreads=1
    )
    field = np.stack([-1j * k[..., a] * weight * density for a in range(3)])
    return (charges * finufft.nufft3d2(*points, field, eps=NUFFT_ACCURACY, isign=1, nthreads=1).real).T


def largest_force(forces: NDArray[np.float64]) -> float:
    """Length of the longest force, of forces of shape (n_atoms, 3)."""
    return float(np.linalg.norm(forces, axis=1).max())


def displaced(atoms: Atoms, step: float = STEP) -> Iterator[Atoms]:
    """Yield copies of a model, each with one atom moved by ±`step` Å: along x+, x−, y+, … of atom 0, then of 1."""
    for atom in range(len(atoms)):
        for axis in range(3):
            for sign in (1, -1):
                copy = atoms.copy()
                copy.positions[atom, axis] += sign * step
                yield copy


def difference_hessian(
    atoms: Atoms,
    forces_of: Callable[[Iterable[Atoms]], Iterable[NDArray[np.float64]]],
    *,
    step: float = STEP,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """Second derivatives of the energy from central differences of forces: 6 n_atoms evaluations.

    The error is of the second order in the step: with 0.01 Å some 0.1 % of a stiff bond. The result is made symmetric,
    and the sum of each row is taken from its diagonal block, which removes the noise of the forces from translations.

    Parameters
    ----------
    atoms
        The model.
    forces_of
        Takes models, returns their forces in eV/Å, shape (n_atoms, 3) each, in the same order.
    step
        Å.
    progress
        Told how far the work is.

    Returns
    -------
    ndarray, shape (3 n_atoms, 3 n_atoms)
        eV/Å².
    """
    n = len(atoms)
    hessian = np.zeros((3 * n, 3 * n))
    forces = iter(forces_of(displaced(atoms, step)))
    for row in range(3 * n):
        progress(row / (3 * n), "forces of displaced atoms")
        forward, backward = next(forces), next(forces)
        hessian[row] = -(forward - backward).reshape(-1) / (2 * step)
    hessian = (hessian + hessian.T) / 2
    blocks = hessian.reshape(n, 3, n, 3)
    own = np.arange(n)
    blocks[own, :, own, :] -= blocks.sum(axis=2)
    return (hessian + hessian.T) / 2
