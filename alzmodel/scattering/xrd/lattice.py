"""Pair counts of perfect crystallites from their lattice: exact, without going through the pairs.

Two routes. A cluster whose atoms all sit on lattice sites is a set of occupancy grids, one for each site of the
primitive cell, and a fast Fourier transform gives the number of pairs for every lattice vector. A sphere cut anywhere
from a crystal, averaged over where, has the pairs of the infinite crystal times the overlap of the sphere with its
shifted copy.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

import numba
import numpy as np

from alzmodel.errors import InputError
from alzmodel.scattering.xrd.debye import PairHistogram

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["lattice_histogram", "lattice_step", "lattice_vectors", "sphere_histogram"]

_ON_LATTICE: Final = 1e-4
"""Å; an atom further from its site than this is off the lattice."""
_SAME_PLACE: Final = 1e-3
"""Å; an atom is no neighbour of itself."""
_LATTICE_STEP: Final = 0.005
"""Share of the wavelength scale 1/Q that a bin is wide: distances are few, so fine bins cost nothing."""


def lattice_step(q_max: float) -> float:
    """Bin width in Å for these routes: errors of Q² dr²/24, below 2e-6 of a term at `q_max`."""
    return _LATTICE_STEP / q_max


def lattice_vectors(unit: Atoms) -> FloatArray:
    """Primitive lattice vectors of a crystal in its own orientation, rows, Å, shape (3, 3).

    All translations that map the structure on itself are found by spglib; the three shortest that span the primitive
    cell are returned.
    """
    import spglib

    dataset = spglib.get_symmetry((unit.cell.array, unit.get_scaled_positions(), unit.numbers), symprec=1e-4)
    cell = np.asarray(unit.cell.array, dtype=float)
    if dataset is None:
        return cell
    pure = (np.asarray(dataset["rotations"]) == np.eye(3, dtype=int)).all(axis=(1, 2))
    shifts = np.round(np.asarray(dataset["translations"])[pure] * 24) / 24
    whole = np.array(list(itertools.product((-1, 0, 1), repeat=3)), dtype=float)
    vectors = (shifts[None] + whole[:, None]).reshape(-1, 3) @ cell
    vectors = np.unique(np.round(vectors, 9), axis=0)
    vectors = vectors[np.argsort(np.round(np.linalg.norm(vectors, axis=1), 6), kind="stable")][1:]
    volume = abs(float(np.linalg.det(cell))) / int(pure.sum())
    for triple in itertools.combinations(vectors[:24], 3):
        found = np.array(triple)
        if abs(abs(float(np.linalg.det(found))) - volume) < 1e-6 * volume:
            return found
    return cell


@numba.njit(cache=True, nogil=True)
def _add_distances(
    counts: FloatArray,
    offsets: FloatArray,
    number: FloatArray,
    origin: NDArray[np.int64],
    lattice: FloatArray,
    shift: FloatArray,
    weight: float,
    dr: float,
) -> None:
    """Add number·weight pairs at r = |n·lattice + shift|, n in a box that starts at `origin`."""
    for i in range(number.shape[0]):
        for j in range(number.shape[1]):
            for k in range(number.shape[2]):
                pairs = number[i, j, k] * weight
                if pairs == 0:
                    continue
                a, b, c = i + origin[0], j + origin[1], k + origin[2]
                dx = a * lattice[0, 0] + b * lattice[1, 0] + c * lattice[2, 0] + shift[0]
                dy = a * lattice[0, 1] + b * lattice[1, 1] + c * lattice[2, 1] + shift[1]
                dz = a * lattice[0, 2] + b * lattice[1, 2] + c * lattice[2, 2] + shift[2]
                r = math.sqrt(dx * dx + dy * dy + dz * dz)
                if r < _SAME_PLACE:
                    continue
                place = r / dr
                where = int(place)
                counts[where] += pairs
                offsets[where] += pairs * (place - where - 0.5) * dr


@numba.njit(cache=True, nogil=True)
def _add_sphere(
    counts: FloatArray,
    offsets: FloatArray,
    half: NDArray[np.int64],
    lattice: FloatArray,
    shift: FloatArray,
    diameter: float,
    weight: float,
    dr: float,
) -> None:
    """Add weight·γ(r/diameter) pairs at r = |n·lattice + shift| for all lattice vectors n with r < diameter."""
    vx, vy, vz = lattice[2, 0], lattice[2, 1], lattice[2, 2]
    length2 = vx * vx + vy * vy + vz * vz
    for a in range(-half[0], half[0] + 1):
        for b in range(-half[1], half[1] + 1):
            x = a * lattice[0, 0] + b * lattice[1, 0] + shift[0]
            y = a * lattice[0, 1] + b * lattice[1, 1] + shift[1]
            z = a * lattice[0, 2] + b * lattice[1, 2] + shift[2]
            # The row along the third vector is inside between the roots of |p + c v|² = D².
            along = (x * vx + y * vy + z * vz) / length2
            rest = along * along - (x * x + y * y + z * z - diameter * diameter) / length2
            if rest <= 0:
                continue
            root = math.sqrt(rest)
            for c in range(math.ceil(-along - root), math.floor(-along + root) + 1):
                dx, dy, dz = x + c * vx, y + c * vy, z + c * vz
                r = math.sqrt(dx * dx + dy * dy + dz * dz)
                if r < _SAME_PLACE or r >= diameter:
                    continue
                u = r / diameter
                pairs = weight * (1 - 1.5 * u + 0.5 * u * u * u)
                place = r / dr
                where = int(place)
                counts[where] += pairs
                offsets[where] += pairs * (place - where - 0.5) * dr


def _empty_histograms(
    elements: list[str], reach: float, dr: float
) -> tuple[dict[tuple[str, str], FloatArray], dict[tuple[str, str], FloatArray]]:
    pairs = list(itertools.combinations_with_replacement(elements, 2))
    n_bins = int(reach / dr) + 2
    return {pair: np.zeros(n_bins) for pair in pairs}, {pair: np.zeros(n_bins) for pair in pairs}


def _primitive_counts(unit: Atoms, vectors: FloatArray) -> dict[str, int]:
    cells = round(abs(float(unit.cell.volume / np.linalg.det(vectors))))
    symbols = unit.get_chemical_symbols()
    return {element: symbols.count(element) // cells for element in sorted(set(symbols))}


def _sites(
    points: FloatArray, symbols: NDArray[np.str_], vectors: FloatArray, allowed: dict[str, int]
) -> list[tuple[str, FloatArray, NDArray[np.int64]]]:
    """Sort atoms by lattice site: (element, position of one atom, lattice vectors from it to all of that site)."""
    inverse = np.linalg.inv(vectors)
    found = []
    for element, n_sites in allowed.items():
        rest = points[symbols == element]
        for _ in range(n_sites):
            if len(rest) == 0:
                break
            steps = (rest - rest[0]) @ inverse
            whole = np.rint(steps)
            near = np.linalg.norm((steps - whole) @ vectors, axis=1) < _ON_LATTICE
            found.append((element, rest[0], whole[near].astype(np.int64)))
            rest = rest[~near]
        if len(rest):
            raise InputError(
                f"cluster: {len(rest)} {element} atoms off the lattice sites by more than {_ON_LATTICE:g} Å; "
                "allowed: an undistorted crystallite (use the sum over pairs)"
            )
    return found


def lattice_histogram(atoms: Atoms, unit: Atoms, q_max: float) -> PairHistogram:
    """Pairs of a cluster cut from a perfect crystal, by FFT correlation of its occupancy grids.

    Parameters
    ----------
    atoms
        Cluster; its periodicity is not used. Every atom is checked. Vacancies, any shape and any origin are allowed.
    unit
        Unit cell of the crystal, in the orientation of the cluster.
    q_max
        Å⁻¹; sets the bin width.

    Returns
    -------
    PairHistogram
        Per pair of elements; counts are whole.

    Raises
    ------
    InputError
        If an atom is more than 1e-4 Å off the lattice sites, or two share a site.
    """
    from scipy import fft

    points = np.asarray(atoms.positions, dtype=float)
    symbols = np.asarray(atoms.get_chemical_symbols())
    vectors = lattice_vectors(unit)
    allowed = _primitive_counts(unit, vectors)
    elements = sorted(set(symbols.tolist()))
    foreign = sorted(set(elements) - set(allowed))
    if foreign:
        raise InputError(f"cluster: {', '.join(foreign)} not in the crystal; allowed: {', '.join(allowed)}")
    sites = _sites(points, symbols, vectors, allowed)
    # One frame for all sublattices: as few planes as the cluster needs, so that the grids stay small.
    fractions = np.array([position for _, position, _ in sites]) @ np.linalg.inv(vectors)
    corner = np.floor(fractions).astype(np.int64)
    cells = [steps + corner[index] for index, (_, _, steps) in enumerate(sites)]
    lowest = np.min([own.min(axis=0) for own in cells], axis=0)
    extent = np.max([own.max(axis=0) for own in cells], axis=0) - lowest + 1
    shape = tuple(int(fft.next_fast_len(int(2 * n - 1), real=True)) for n in extent)
    transforms = []
    for (element, _, _), own in zip(sites, cells, strict=True):
        grid = np.zeros(shape, dtype=np.float32)
        np.add.at(grid, tuple((own - lowest).T), 1.0)
        if grid.max() > 1:
            raise InputError(f"cluster: two {element} atoms on one lattice site; allowed: one atom a site")
        transforms.append(fft.rfftn(grid))
    dr = lattice_step(q_max)
    reach = 2 * float(np.linalg.norm(points - points.mean(axis=0), axis=1).max())
    counts, offsets = _empty_histograms(elements, reach, dr)
    # Lattice vectors from −(extent − 1) to extent − 1, where the FFT has put them.
    order = np.ix_(*(np.arange(-(n - 1), n) % size for n, size in zip(extent, shape, strict=True)))
    origins = (fractions - corner) @ vectors
    for a, b in itertools.combinations_with_replacement(range(len(sites)), 2):
        correlation = fft.irfftn(np.conj(transforms[a]) * transforms[b], s=shape)[order]
        pair = (sites[a][0], sites[b][0])
        _add_distances(
            counts[pair],
            offsets[pair],
            np.rint(correlation).astype(float),
            1 - extent,
            vectors,
            origins[b] - origins[a],
            # On one sublattice every pair appears with both signs.
            0.5 if a == b else 1.0,
            dr,
        )
    return PairHistogram(dr, counts, offsets, {name: int((symbols == name).sum()) for name in elements})


def sphere_histogram(unit: Atoms, diameter: float, q_max: float) -> PairHistogram:
    """Pairs per primitive cell of a sphere cut from a crystal, averaged over the position of its centre.

    The crystal's pairs at distance r count γ(r/D) = 1 − 3x/2 + x³/2, x = r/D: the volume that a sphere and its copy
    shifted by r have in common.

    Parameters
    ----------
    unit
        Unit cell.
    diameter
        D in Å.
    q_max
        Å⁻¹; sets the bin width.

    References
    ----------
    A. Guinier, X-ray Diffraction in Crystals, Imperfect Crystals, and Amorphous Bodies (1963), sec. 5.2 and eq. 2.33
    for γ of a sphere.
    """
    vectors = lattice_vectors(unit)
    allowed = _primitive_counts(unit, vectors)
    points = np.asarray(unit.positions, dtype=float)
    sites = _sites(points, np.asarray(unit.get_chemical_symbols()), vectors, allowed)
    inverse = np.linalg.inv(vectors)
    fractions = np.array([position for _, position, _ in sites]) @ inverse
    origins = (fractions - np.floor(fractions)) @ vectors
    dr = lattice_step(q_max)
    counts, offsets = _empty_histograms(list(allowed), diameter, dr)
    # Planes are 1/|reciprocal vector| apart; sites differ by less than one cell.
    half = np.ceil(diameter * np.linalg.norm(inverse, axis=0)).astype(np.int64) + 1
    for a, b in itertools.combinations_with_replacement(range(len(sites)), 2):
        pair = (sites[a][0], sites[b][0])
        weight = 0.5 if a == b else 1.0
        _add_sphere(counts[pair], offsets[pair], half, vectors, origins[b] - origins[a], diameter, weight, dr)
    return PairHistogram(dr, counts, offsets, allowed)
