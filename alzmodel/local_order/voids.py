"""Empty space between hard ions: how much of it a probe reaches, and whether it can run through the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numba
import numpy as np

from alzmodel.errors import InputError
from alzmodel.threads import thread_pool

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Accessible", "Clearance", "accessible", "bottleneck_radius", "clearance", "left_beside"]

FARTHEST: Final = 3.0
"""Å from the surface of the nearest ion beyond which distances are cut off."""
_USUAL: Final = 1.5  # Å; hardly a dense model has a point that is farther from all ions
_FEWEST_PLANES: Final = 4  # for a thread of its own
_SHARE: Final = 20_000  # ions that are put on a grid in a second or less
_SLAB: Final = 1 << 24
"""Grid points worked on at a time where a second grid is needed."""


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
        return sum(int(np.count_nonzero(plane > radius)) for plane in self.values) / self.values.size


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
    values = np.empty(tuple(shape), dtype=np.float32)
    for cut in (_USUAL, FARTHEST):
        values.fill(cut)
        _put(values, 0, int(shape[0]), cell, atoms, radii, cut)
        if float(values.max()) < cut:
            break
    return Clearance(values, cell)


def left_beside(field: Clearance, atoms: Atoms, radii: ArrayLike) -> tuple[float, float]:
    """Measure what further ions, in the same cell, leave of the space of :func:`clearance`.

    Returns
    -------
    tuple
        Share of the volume outside all ions, and radius in Å of the largest sphere that touches none.
    """
    shape = field.values.shape
    cut = float(field.values.max(initial=0.0))
    planes = max(1, _SLAB // (shape[1] * shape[2]))
    outside, largest = 0, -math.inf
    for first in range(0, shape[0], planes):
        slab = field.values[first : first + planes].copy()
        _put(slab, first, shape[0], field.cell, atoms, radii, cut)
        outside += int(np.count_nonzero(slab > 0))
        largest = max(largest, float(slab.max()))
    return outside / field.values.size, largest


def _put(
    slab: NDArray[np.float32],
    first: int,
    n_planes: int,
    cell: NDArray[np.float64],
    atoms: Atoms,
    radii: ArrayLike,
    cut: float,
) -> None:
    """Put ions on the planes of a grid from the `first` on, several threads on planes of their own."""
    inverse = np.linalg.inv(cell)
    fractions = (atoms.positions @ inverse) % 1.0
    # Ions in the order of the grid, so that one after the other finds its points in the cache.
    boxes = (fractions * 16).astype(np.int64)
    order = np.lexsort((boxes[:, 2], boxes[:, 1], boxes[:, 0]))
    sizes = np.asarray(radii, dtype=float)[order]
    heights = 1 / np.linalg.norm(inverse, axis=0)
    fractions = fractions[order]
    threads = numba.get_num_threads()
    shares = max(1, min(len(slab) // _FEWEST_PLANES, max(threads, len(atoms) // _SHARE)))
    bounds = np.linspace(0, len(slab), shares + 1).astype(np.int64)

    def fill(low: int, high: int) -> None:
        middle, half = (first + (low + high - 1) / 2) / n_planes, (high - low) / 2 / n_planes
        away = np.abs((fractions[:, 0] - middle + 0.5) % 1.0 - 0.5)
        near = away <= half + np.maximum(sizes + cut, 0.0) / heights[0]
        _fill(slab[low:high], first + low, n_planes, fractions[near], sizes[near], cell, heights, cut)

    with thread_pool(threads) as pool:
        list(pool.map(fill, bounds[:-1].tolist(), bounds[1:].tolist()))


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
    sizes, dimensions = _regions(field.values, np.float32(radius), False)
    order = np.lexsort((np.arange(len(sizes)), -sizes))
    sizes, dimensions = sizes[order], dimensions[order]
    total = int(sizes.sum())
    return Accessible(
        fraction=total / field.values.size,
        volumes=sizes * field.volume_per_point,
        dimensions=dimensions,
        percolating_fraction=float(sizes[dimensions > 0].sum() / total) if total else math.nan,
    )


def bottleneck_radius(
    field: Clearance, *, tolerance: float = 0.02, known: tuple[float, bool] | None = None
) -> float:
    """Radius in Å of the largest sphere that can run through the model in some direction.

    Negative where every path leads through ions; ``-inf`` where even their insides do not help. Resolved no better than
    the grid: a point misses the middle of a neck by up to half a spacing.

    Parameters
    ----------
    field
        From :func:`clearance`.
    tolerance
        Å, of the radius.
    known
        A radius in Å and whether such a sphere can run through, if that is known already.

    References
    ----------
    The free sphere of T. F. Willems, C. H. Rycroft, M. Kazi, J. C. Meza and M. Haranczyk, Micropor. Mesopor. Mater.
    149, 134 (2012), found here by bisection on a grid.
    """

    def runs_through(radius: float) -> bool:
        # What a larger sphere can do a smaller one can.
        if known and (radius <= known[0] if known[1] else radius >= known[0]):
            return known[1]
        return _percolates(field, radius)

    low, high = 0.0, float(field.values.max())
    if not runs_through(low):
        low, high = float(field.values.min()) - tolerance, 0.0
        if not runs_through(low):
            return -math.inf
    while high - low > tolerance:
        middle = (low + high) / 2
        if runs_through(middle):
            low = middle
        else:
            high = middle
    return low


def _percolates(field: Clearance, radius: float) -> bool:
    _, dimensions = _regions(field.values, np.float32(radius), True)
    return bool((dimensions > 0).any())


@numba.njit(cache=True, nogil=True)
def _fill(
    values: NDArray[np.float32],
    first: int,
    n0: int,
    fractions: NDArray[np.float64],
    radii: NDArray[np.float64],
    cell: NDArray[np.float64],
    heights: NDArray[np.float64],
    cut: float,
) -> None:
    """Lower each grid value to the distance from every atom's surface that is less; images come by wrapping.

    `values` are the planes from the `first` on of a grid of `n0`.
    """
    _, n1, n2 = values.shape
    square2 = cell[2, 0] ** 2 + cell[2, 1] ** 2 + cell[2, 2] ** 2
    length = math.sqrt(square2)
    step = length / n2
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
            w0 = g0 % n0 - first
            if not 0 <= w0 < len(values):
                continue
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
                # Squared distance from the row and from its nearest point, where the compiler can take several at once.
                aside = max(x0 * x0 + y0 * y0 + z0 * z0 - along * along * square2, 0.0)
                while low2 <= high2:
                    turn = low2 // n2
                    stop = min(high2, turn * n2 + n2 - 1)
                    line = values[w0, w1, low2 - turn * n2 : stop + 1 - turn * n2]
                    start = (low2 / n2 - f2 + along) * length
                    for k in range(len(line)):
                        ahead = start + k * step
                        there = np.float32(math.sqrt(aside + ahead * ahead) - radius)
                        line[k] = min(there, line[k])
                    low2 = stop + 1


@numba.njit(cache=True, nogil=True)
def _regions(
    values: NDArray[np.float32],
    radius: np.float32,
    first_way_through: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count points and dimensions of each region above a radius; only that of the first way through, if one asks that.

    Open points that follow each other along the third direction are one run, and runs of neighbouring rows that touch
    are joined. Each run knows in which cell it lies, seen from the first run of its region: where two that are joined
    already disagree, the region runs through the model.
    """
    n0, n1, n2 = values.shape
    rows, first, last = _runs(values, radius)
    n_runs = len(first)
    parent = np.arange(n_runs, dtype=np.int64)
    away = np.zeros((n_runs, 3), dtype=np.int16)
    slot = np.full(n_runs, -1, dtype=np.int32)
    bases, ranks = np.zeros((16, 3, 3)), np.zeros(16, dtype=np.int64)
    n_slots = 0
    move, loop = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    for row in range(n0 * n1):
        s0, s1 = row // n1, row % n1
        for way in range(3):
            move[:] = 0
            if way == 0:
                move[0] = 1 if s0 + 1 == n0 else 0
                other = (s0 + 1) % n0 * n1 + s1
            elif way == 1:
                move[1] = 1 if s1 + 1 == n1 else 0
                other = s0 * n1 + (s1 + 1) % n1
            else:
                move[2] = 1
                other = row
            a, b = rows[row], rows[other]
            while a < rows[row + 1] and b < rows[other + 1]:
                if way == 2:
                    # The last run of the row and the first one, around the cell.
                    a = rows[row + 1] - 1
                    touch = last[a] == n2 - 1 and first[b] == 0
                else:
                    touch = first[a] <= last[b] and first[b] <= last[a]
                if touch:
                    one, two = _root(parent, away, a), _root(parent, away, b)
                    for c in range(3):
                        loop[c] = away[a, c] + move[c] - away[b, c]
                    if one != two:
                        # The earlier root stays, so that regions are told in the order of their first points.
                        low, high = min(one, two), max(one, two)
                        parent[high] = low
                        for c in range(3):
                            away[high, c] = loop[c] if high == two else -loop[c]
                        if slot[high] >= 0 and slot[low] < 0:
                            slot[low] = slot[high]
                        elif slot[high] >= 0:
                            mine, theirs = slot[low], slot[high]
                            for k in range(ranks[theirs]):
                                x, y, z = bases[theirs, k]
                                ranks[mine] = _add_to_basis(bases[mine], ranks[mine], x, y, z)
                    elif loop.any():
                        if first_way_through:
                            return np.ones(1, dtype=np.int64), np.ones(1, dtype=np.int64)
                        if slot[one] < 0:
                            if n_slots == len(ranks):
                                bases = np.concatenate((bases, np.zeros_like(bases)))
                                ranks = np.concatenate((ranks, np.zeros_like(ranks)))
                            slot[one] = n_slots
                            n_slots += 1
                        mine = slot[one]
                        if ranks[mine] < 3:
                            ranks[mine] = _add_to_basis(
                                bases[mine], ranks[mine], float(loop[0]), float(loop[1]), float(loop[2])
                            )
                if way == 2:
                    break
                if last[a] < last[b]:
                    a += 1
                else:
                    b += 1
    sizes = np.zeros(n_runs, dtype=np.int64)
    for run in range(n_runs):
        sizes[_root(parent, away, run)] += last[run] - first[run] + 1
    roots = np.flatnonzero(sizes)
    dimensions = np.zeros(len(roots), dtype=np.int64)
    for k in range(len(roots)):
        if slot[roots[k]] >= 0:
            dimensions[k] = ranks[slot[roots[k]]]
    return sizes[roots], dimensions


@numba.njit(cache=True, nogil=True)
def _runs(
    values: NDArray[np.float32], radius: np.float32
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Where the runs of each row start among all, and the first and last point of each run."""
    n0, n1, n2 = values.shape
    rows = np.zeros(n0 * n1 + 1, dtype=np.int64)
    for row in range(n0 * n1):
        line = values[row // n1, row % n1]
        n = 0
        for s2 in range(n2):
            n += line[s2] > radius and (s2 == 0 or not line[s2 - 1] > radius)
        rows[row + 1] = rows[row] + n
    first, last = np.empty(rows[-1], dtype=np.int32), np.empty(rows[-1], dtype=np.int32)
    run = 0
    for row in range(n0 * n1):
        line = values[row // n1, row % n1]
        for s2 in range(n2):
            if not line[s2] > radius:
                continue
            if s2 == 0 or not line[s2 - 1] > radius:
                first[run] = s2
            if s2 == n2 - 1 or not line[s2 + 1] > radius:
                last[run] = s2
                run += 1
    return rows, first, last


@numba.njit(cache=True, nogil=True)
def _root(parent: NDArray[np.int64], away: NDArray[np.int16], run: int) -> int:
    """First run of the region so far; what lies on the way is hung on it."""
    root, x, y, z = run, 0, 0, 0
    while parent[root] != root:
        x, y, z = x + away[root, 0], y + away[root, 1], z + away[root, 2]
        root = parent[root]
    while run != root and parent[run] != root:
        above, dx, dy, dz = parent[run], away[run, 0], away[run, 1], away[run, 2]
        parent[run] = root
        away[run, 0], away[run, 1], away[run, 2] = x, y, z
        x, y, z = x - dx, y - dy, z - dz
        run = above
    return root


@numba.njit(cache=True, nogil=True)
def _add_to_basis(basis: NDArray[np.float64], rank: int, x: float, y: float, z: float) -> int:
    """Orthogonalise a translation against those known; the new rank."""
    v = np.array([x, y, z])
    for k in range(rank):
        v -= (v * basis[k]).sum() * basis[k]
    length = math.sqrt((v**2).sum())
    if length < 1e-6:
        return rank
    basis[rank] = v / length
    return rank + 1
