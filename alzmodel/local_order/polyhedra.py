"""Volume, distortion and angles of coordination polyhedra."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = ["Polyhedra", "polyhedra", "polyhedron_volumes", "unit_angles"]

# Volume of the regular polyhedron whose corners are at distance 1 from its centre, ideal angle between bonds to
# corners that share an edge, and number of such angles.
_REGULAR: Final = {4: (8 / (9 * math.sqrt(3)), math.degrees(math.acos(-1 / 3)), 6), 6: (4 / 3, 90.0, 12)}
_MOST_CORNERS: Final = 24


@dataclass(frozen=True, slots=True)
class Polyhedra:
    """The oxygen polyhedron around every atom; each array has shape (n_atoms,).

    Attributes
    ----------
    volume
        Of the convex hull of the oxygens, Å³; NaN with fewer than four.
    bond_length_distortion
        Baur's index, mean |l − ⟨l⟩| / ⟨l⟩; NaN without bonds.
    quadratic_elongation, angle_variance
        Robinson's ⟨(l / l₀)²⟩, with l₀ the bond length of the regular polyhedron of the same volume, and variance of
        the angles between neighbouring bonds about the ideal one in degrees²; of tetrahedra and octahedra (four and
        six oxygens), else NaN.
    """

    volume: NDArray[np.float64]
    bond_length_distortion: NDArray[np.float64]
    quadratic_elongation: NDArray[np.float64]
    angle_variance: NDArray[np.float64]


def polyhedra(cation_bonds: Neighbours) -> Polyhedra:
    """Measure the polyhedron of oxygens around each cation.

    Parameters
    ----------
    cation_bonds
        Bonds with `i` the cation and `j` the oxygen, sorted by cation.

    References
    ----------
    W. H. Baur, Acta Cryst. B 30, 1195 (1974): distortion index. K. Robinson, G. V. Gibbs and P. H. Ribbe, Science
    172, 567 (1971): quadratic elongation and angle variance (of an octahedron the twelve smallest of its
    fifteen angles are the ones between neighbouring bonds).
    """
    n_atoms = cation_bonds.n_atoms
    offsets = cation_bonds.offsets()
    number = np.diff(offsets)
    mean = np.bincount(cation_bonds.i, cation_bonds.distance, n_atoms) / np.maximum(number, 1)
    deviation = np.abs(cation_bonds.distance - mean[cation_bonds.i])
    with np.errstate(invalid="ignore"):
        distortion = np.bincount(cation_bonds.i, deviation, n_atoms) / (number * mean)
    volume = polyhedron_volumes(cation_bonds)
    elongation, variance = np.full(n_atoms, math.nan), np.full(n_atoms, math.nan)
    for n, (unit_volume, ideal, n_angles) in _REGULAR.items():
        centres = np.flatnonzero(number == n)
        at = offsets[centres][:, None] + np.arange(n)
        square = (cation_bonds.distance[at] ** 2).mean(axis=1)
        with np.errstate(divide="ignore"):
            elongation[centres] = square / (volume[centres] / unit_volume) ** (2 / 3)
        unit = cation_bonds.vector[at] / cation_bonds.distance[at][..., None]
        left, right = np.triu_indices(n, 1)
        cosine = np.einsum("aij,aij->ai", unit[:, left], unit[:, right])
        angles = np.sort(np.degrees(np.arccos(np.clip(cosine, -1, 1))), axis=1)[:, :n_angles]
        variance[centres] = ((angles - ideal) ** 2).sum(axis=1) / (n_angles - 1)
    return Polyhedra(volume, distortion, elongation, variance)


def polyhedron_volumes(cation_bonds: Neighbours) -> NDArray[np.float64]:
    """Volume of the oxygens' convex hull around each cation in Å³, NaN with fewer than four, shape (n_atoms,)."""
    return _volumes(cation_bonds.offsets(), np.ascontiguousarray(cation_bonds.vector))


def unit_angles(pairs: Neighbours) -> NDArray[np.float64]:
    """Angles between the bonds of each atom, in degrees, every pair of bonds once, shape (n_angles,)."""
    offsets = pairs.offsets()
    number = np.diff(offsets)
    unit = pairs.vector / pairs.distance[:, None]
    found = [np.empty(0)]
    for n in np.unique(number[number > 1]):
        shells = unit[offsets[:-1][number == n][:, None] + np.arange(n)]
        left, right = np.triu_indices(int(n), 1)
        cosine = np.einsum("aij,aij->ai", shells[:, left], shells[:, right])
        found.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))).ravel())
    return np.concatenate(found)


@numba.njit(cache=True, nogil=True)
def _volumes(offsets: NDArray[np.int64], vector: NDArray[np.float64]) -> NDArray[np.float64]:
    result = np.full(len(offsets) - 1, math.nan)
    for centre in range(len(result)):
        n = offsets[centre + 1] - offsets[centre]
        if 4 <= n <= _MOST_CORNERS:
            result[centre] = _hull_volume(vector[offsets[centre] : offsets[centre + 1]])
    return result


@numba.njit(cache=True, nogil=True)
def _hull_volume(points: NDArray[np.float64]) -> float:
    """Volume of the convex hull: every face once, however many corners it has, as a pyramid over the centroid."""
    n = len(points)
    x = points - points.sum(axis=0) / n
    size = math.sqrt((x**2).sum() / n)
    if size == 0:
        return 0.0
    tolerance = 1e-9 * size
    total = 0.0
    face = np.empty(n, dtype=np.int64)
    angle = np.empty(n)
    for a in range(n):
        for b in range(a + 1, n):
            u0, u1, u2 = x[b, 0] - x[a, 0], x[b, 1] - x[a, 1], x[b, 2] - x[a, 2]
            for c in range(b + 1, n):
                v0, v1, v2 = x[c, 0] - x[a, 0], x[c, 1] - x[a, 1], x[c, 2] - x[a, 2]
                n0, n1, n2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
                length = math.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
                if length < tolerance * size:
                    continue
                n0, n1, n2 = n0 / length, n1 / length, n2 / length
                height = n0 * x[a, 0] + n1 * x[a, 1] + n2 * x[a, 2]
                if height < 0:
                    n0, n1, n2, height = -n0, -n1, -n2, -height
                if height < tolerance:
                    continue
                # A face has all corners on one side, and is taken from its first three corners alone.
                m = 0
                for d in range(n):
                    above = n0 * x[d, 0] + n1 * x[d, 1] + n2 * x[d, 2] - height
                    if above > tolerance or (above > -tolerance and d < c and d not in (a, b)):
                        m = 0
                        break
                    if above > -tolerance:
                        face[m] = d
                        m += 1
                if m == 3:
                    total += length / 2 * height / 3
                elif m > 3:
                    total += _face_area(x, face[:m], np.array([n0, n1, n2]), angle) * height / 3
    return total


@numba.njit(cache=True, nogil=True)
def _face_area(
    x: NDArray[np.float64], face: NDArray[np.int64], normal: NDArray[np.float64], angle: NDArray[np.float64]
) -> float:
    """Area of a face of more than three corners, which are taken in their order around its middle."""
    m = len(face)
    middle = np.zeros(3)
    for k in range(m):
        middle += x[face[k]] / m
    u = x[face[0]] - middle
    v = np.cross(normal, u)
    for k in range(m):
        w = x[face[k]] - middle
        angle[k] = math.atan2((w * v).sum(), (w * u).sum())
    order = np.argsort(angle[:m])
    area = 0.0
    for k in range(m):
        p = x[face[order[k]]] - middle
        q = x[face[order[(k + 1) % m]]] - middle
        area += (normal * np.cross(p, q)).sum() / 2
    return area
