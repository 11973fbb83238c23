"""Empty space between hard ions: how much of it a probe reaches, and whether it can run through the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numba
import numpy as np

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Accessible", "Clearance", "accessible", "bottleneck_radius", "clearance", "with_more"]

FARTHEST: Final = 3.0
"""Å from the surface of the nearest ion beyond which distances are cut off."""
_USUAL: Final = 1.5  # Å; hardly a dense model has a point that is farther from all ions


@dataclass(frozen=True, slots=True)
class Clearance:
    """Distance from the points of a grid to the nearest surface of an ion.

    Attributes
    ----------
    values
        Å, negative inside ions, no more than `FARTHEST`; shape (nx, ny, nz), the grid points at fractions i / nx and so
        on of the cell vectors.
    cell
        Å, rows are vectors.
    """

    values: NDArray[np.float32]
    cell: NDArray[np.float64]

    @property
    def volume_per_point(self) -> float:
        """Å³."""
        return float(abs(np.linalg.det(self.cell))) / self.values.size

    def fraction(self, radius: float) -> float:
        """Share of the volume in which the centre of a sphere of this radius (Å) touches no ion."""
        return float(np.count_nonzero(self.values > radius) / self.values.size)


@dataclass(frozen=True, slots=True)
class Accessible:
    """Where the centre of a probe can be.

    Attributes
    ----------
    fraction
        Of the volume.
    volumes
        Å³ of the connected regions, largest first, shape (n_regions,).
    dimensions
        In how many independent directions each runs through the periodic model, shape (n_regions,).
    percolating_fraction
        Share of the accessible volume that runs through the model in at least one direction; NaN where nothing is
        accessible.
    """

    fraction: float
    volumes: NDArray[np.float64]
    dimensions: NDArray[np.int64]
    percolating_fraction: float


def clearance(atoms: Atoms, radii: ArrayLike, *, spacing: float = 0.25) -> Clearance:
    """Lay a grid over a model and find the distance of each point from the nearest ion's surface.

    Parameters
    ----------
    atoms
        Periodic in all three directions.
    radii
        Å, one an atom.
    spacing
        Å between points, at most.

    Raises
    ------
    InputError
        If a direction is not periodic, or the spacing is not between 0.02 and 2 Å.
    """
    if not np.all(atoms.pbc):
        raise InputError(
            f"voids: periodic directions {list(map(bool, atoms.pbc))}; allowed: all three periodic"
        )
    if not (math.isfinite(spacing) and 0.02 <= spacing <= 2):
        raise InputError(f"voids: grid spacing {spacing} Å; allowed: 0.02 to 2")
    cell = np.asarray(atoms.cell.array, dtype=float)
    lengths = np.linalg.norm(cell, axis=1)
    shape = np.maximum(np.ceil(lengths / spacing).astype(np.int64), 1)
    for cut in (_USUAL, FARTHEST):
        field = with_more(Clearance(np.full(tuple(shape), cut, dtype=np.float32), cell), atoms, radii)
        if float(field.values.max()) < cut:
            break
    return field


def with_more(field: Clearance, atoms: Atoms, radii: ArrayLike) -> Clearance:
    """Put further ions, in the same cell, on the grid of :func:`clearance`."""
    inverse = np.linalg.inv(field.cell)
    heights = 1 / np.linalg.norm(inverse, axis=0)
    values = field.values.copy()
    fractions = (atoms.positions @ inverse) % 1.0
    # Ions in the order of the grid, so that one after the other finds its points in the cache.
    boxes = (fractions * 16).astype(np.int64)
    order = np.lexsort((boxes[:, 2], boxes[:, 1], boxes[:, 0]))
    sizes = np.asarray(radii, dtype=float)[order]
    _fill(values, fractions[order], sizes, field.cell, heights, float(values.max(initial=0.0)))
    return Clearance(values, field.cell)


def accessible(field: Clearance, radius: float) -> Accessible:
    """Split the space in which a probe's centre can be into connected regions.

    Parameters
    ----------
    field
        From :func:`clearance`.
    radius
        Of the probe, Å.

    Notes
    -----
    Points that share a face of their boxes are connected. A region that meets itself a lattice translation away runs
    through the model; the rank of these translations is its dimension.
    """
    open_points = field.values > radius
    sizes, dimensions = _regions(open_points, False)
    order = np.lexsort((np.arange(len(sizes)), -sizes))
    sizes, dimensions = sizes[order], dimensions[order]
    total = int(sizes.sum())
    return Accessible(
        fraction=total / open_points.size,
        volumes=sizes * field.volume_per_point,
        dimensions=dimensions,
        percolating_fraction=float(sizes[dimensions > 0].sum() / total) if total else math.nan,
    )


def bottleneck_radius(field: Clearance, *, tolerance: float = 0.02) -> float:
    """Radius in Å of the largest sphere that can run through the model in some direction.

    Negative where every path leads through ions; ``-inf`` where even their insides do not help. Resolved no better than
    the grid: a point misses the middle of a neck by up to half a spacing.

    References
    ----------
    The free sphere of T. F. Willems, C. H. Rycroft, M. Kazi, J. C. Meza and M. Haranczyk, Micropor. Mesopor. Mater.
    149, 134 (2012), found here by bisection on a grid.
    """
    low, high = 0.0, float(field.values.max())
    if not _percolates(field, low):
        low, high = float(field.values.min()) - tolerance, 0.0
        if not _percolates(field, low):
            return -math.inf
    while high - low > tolerance:
        middle = (low + high) / 2
        if _percolates(field, middle):
            low = middle
        else:
            high = middle
    return low


def _percolates(field: Clearance, radius: float) -> bool:
    _, dimensions = _regions(field.values > radius, True)
    return bool((dimensions > 0).any())


@numba.njit(cache=True, nogil=True)
def _fill(
    values: NDArray[np.float32],
    fractions: NDArray[np.float64],
    radii: NDArray[np.float64],
    cell: NDArray[np.float64],
    heights: NDArray[np.float64],
    cut: float,
) -> None:
    """Lower each grid value to the distance from every atom's surface that is less; images come by wrapping."""
    n0, n1, n2 = values.shape
    square2 = cell[2, 0] ** 2 + cell[2, 1] ** 2 + cell[2, 2] ** 2
    for atom in range(len(fractions)):
        radius = radii[atom]
        reach = radius + cut
        if reach <= 0:
            continue
        f0, f1, f2 = fractions[atom]
        low0, high0 = math.ceil((f0 - reach / heights[0]) * n0), math.floor((f0 + reach / heights[0]) * n0)
        low1, high1 = math.ceil((f1 - reach / heights[1]) * n1), math.floor((f1 + reach / heights[1]) * n1)
        for g0 in range(low0, high0 + 1):
            d0 = g0 / n0 - f0
            w0 = g0 % n0
            for g1 in range(low1, high1 + 1):
                d1 = g1 / n1 - f1
                w1 = g1 % n1
                x0 = d0 * cell[0, 0] + d1 * cell[1, 0]
                y0 = d0 * cell[0, 1] + d1 * cell[1, 1]
                z0 = d0 * cell[0, 2] + d1 * cell[1, 2]
                # The stretch of this row of points that lies within reach.
                along = (x0 * cell[2, 0] + y0 * cell[2, 1] + z0 * cell[2, 2]) / square2
                inside = reach * reach - (x0 * x0 + y0 * y0 + z0 * z0) + along * along * square2
                if inside <= 0:
                    continue
                half = math.sqrt(inside / square2)
                low2, high2 = math.ceil((f2 - along - half) * n2), math.floor((f2 - along + half) * n2)
                w2 = low2 % n2
                for g2 in range(low2, high2 + 1):
                    d2 = g2 / n2 - f2
                    x, y, z = x0 + d2 * cell[2, 0], y0 + d2 * cell[2, 1], z0 + d2 * cell[2, 2]
                    square = x * x + y * y + z * z
                    limit = values[w0, w1, w2] + radius
                    if limit > 0 and square < limit * limit:
                        values[w0, w1, w2] = math.sqrt(square) - radius
                    w2 += 1
                    if w2 == n2:
                        w2 = 0


@numba.njit(cache=True, nogil=True)
def _regions(
    open_points: NDArray[np.bool_],
    first_way_through: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count points and dimensions of each region; none after the first way through, if that is all one asks."""
    n0, n1, n2 = open_points.shape
    region = np.full((n0, n1, n2), -1, dtype=np.int32)
    # The cell that a point lies in when its region is unfolded; nearest first, so that these stay small.
    away = np.zeros((n0, n1, n2, 3), dtype=np.int8)
    sizes, ranks = [0], [0]
    sizes.clear()
    ranks.clear()
    queue = np.empty((1024, 3), dtype=np.int64)
    basis = np.zeros((3, 3))
    for s0 in range(n0):
        for s1 in range(n1):
            for s2 in range(n2):
                if not open_points[s0, s1, s2] or region[s0, s1, s2] >= 0:
                    continue
                name = len(sizes)
                size, rank = 0, 0
                region[s0, s1, s2] = name
                queue[0, 0], queue[0, 1], queue[0, 2] = s0, s1, s2
                head, tail = 0, 1
                while head < tail:
                    p0, p1, p2 = queue[head]
                    head += 1
                    size += 1
                    for way in range(6):
                        step = 1 if way % 2 == 0 else -1
                        q0, q1, q2 = p0, p1, p2
                        c0, c1, c2 = away[p0, p1, p2]
                        if way < 2:
                            q0 += step
                            if q0 == n0:
                                q0, c0 = 0, c0 + 1
                            elif q0 < 0:
                                q0, c0 = n0 - 1, c0 - 1
                        elif way < 4:
                            q1 += step
                            if q1 == n1:
                                q1, c1 = 0, c1 + 1
                            elif q1 < 0:
                                q1, c1 = n1 - 1, c1 - 1
                        else:
                            q2 += step
                            if q2 == n2:
                                q2, c2 = 0, c2 + 1
                            elif q2 < 0:
                                q2, c2 = n2 - 1, c2 - 1
                        if not open_points[q0, q1, q2]:
                            continue
                        if region[q0, q1, q2] < 0:
                            region[q0, q1, q2] = name
                            away[q0, q1, q2, 0] = c0
                            away[q0, q1, q2, 1] = c1
                            away[q0, q1, q2, 2] = c2
                            if tail == len(queue):
                                waiting = tail - head
                                larger = np.empty((max(2 * waiting, 1024), 3), dtype=np.int64)
                                larger[:waiting] = queue[head:tail]
                                queue, head, tail = larger, 0, waiting
                            queue[tail, 0], queue[tail, 1], queue[tail, 2] = q0, q1, q2
                            tail += 1
                        elif rank < 3:
                            t0 = c0 - away[q0, q1, q2, 0]
                            t1 = c1 - away[q0, q1, q2, 1]
                            t2 = c2 - away[q0, q1, q2, 2]
                            if t0 != 0 or t1 != 0 or t2 != 0:
                                rank = _add_to_basis(basis, rank, t0, t1, t2)
                                if first_way_through:
                                    return np.array([size]), np.array([rank])
                sizes.append(size)
                ranks.append(rank)
    return np.array(sizes, dtype=np.int64), np.array(ranks, dtype=np.int64)


@numba.njit(cache=True)
def _add_to_basis(basis: NDArray[np.float64], rank: int, x: int, y: int, z: int) -> int:
    """Orthogonalise a translation against those known; the new rank."""
    v = np.array([float(x), float(y), float(z)])
    for k in range(rank):
        v -= (v * basis[k]).sum() * basis[k]
    length = math.sqrt((v**2).sum())
    if length < 1e-6:
        return rank
    basis[rank] = v / length
    return rank + 1
