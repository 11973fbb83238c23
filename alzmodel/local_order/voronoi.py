"""Voronoi cells of atoms of different size, in periodic models of any shape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numba
import numpy as np

from alzmodel.errors import AlzmodelError, InputError
from alzmodel.threads import thread_pool

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import ArrayLike, NDArray

__all__ = ["voronoi_volumes"]

_REACH: Final = 60.0  # Å, farthest neighbours that are looked for in several goes
_FACES: Final = 256  # faces that a cell can have at a time
_SLACKS: Final = (1e-10, 1e-8, 1e-12, 1e-7)
"""Å by which a corner may lie beyond a plane and stay; tried one after the other where a cell does not close."""
_CLOSED: Final = 1e-6  # by which all cells together may miss the volume of the model, relative
_IN_BIN: Final = 4.0  # atoms
_SHARE: Final = 5000  # atoms whose cells are cut in a fraction of a second
_OPEN: Final = -1.0
_TOO_FAR: Final = -2.0
"""In place of the volume of a cell that does not close, or that reaches too far."""


def voronoi_volumes(atoms: Atoms, radii: ArrayLike | None = None) -> NDArray[np.float64]:
    """Volume of every atom's cell in the radical (Laguerre) tessellation.

    A point belongs to the atom with the least d² − R²: the plane between two atoms stands where tangents to both have
    the same length, nearer to the smaller one. Without radii it is Voronoi's own tessellation.

    Parameters
    ----------
    atoms
        Periodic in all three directions, of any cell.
    radii
        Å, shape (n_atoms,); None takes all the same.

    Returns
    -------
    ndarray, shape (n_atoms,)
        Å³; together the volume of the cell. An atom that sits inside a larger one may have none.

    Raises
    ------
    InputError
        If a direction is not periodic, or the radii are not one finite number an atom.
    AlzmodelError
        If the model holds an empty region of more than 25 Å, or two atoms stand at one place.

    Notes
    -----
    Each cell is cut out of a large cube by the planes to its neighbours, nearest first, until no farther one can reach
    its farthest corner. A new corner lies on the edge between one that is cut off and one that stays, so that no system
    of equations is solved. A corner that misses a plane by less than 1e-10 Å stays: corners where more than four
    cells meet, as in crystals, need nothing else. That all cells fill the model is checked to 1e-6.

    References
    ----------
    B. J. Gellatly and J. L. Finney, J. Non-Cryst. Solids 50, 313 (1982): the radical tessellation of atoms. C. H.
    Rycroft, Chaos 19, 041111 (2009): cells cut one by one, and when no farther neighbour counts.
    """
    if not np.all(atoms.pbc):
        raise InputError(
            f"Voronoi cells: periodic directions {list(map(bool, atoms.pbc))}; allowed: all three periodic"
        )
    n_atoms = len(atoms)
    size = np.zeros(n_atoms) if radii is None else np.asarray(radii, dtype=float)
    if size.shape != (n_atoms,) or not np.isfinite(size).all():
        raise InputError(
            f"Voronoi radii: shape {size.shape}; allowed: one finite number in Å for each of {n_atoms} atoms"
        )
    cell = np.asarray(atoms.cell.array, dtype=float)
    inverse = np.linalg.inv(cell)
    heights = 1 / np.linalg.norm(inverse, axis=0)
    volume = abs(float(np.linalg.det(cell)))
    spacing = (volume / n_atoms) ** (1 / 3)
    bins = np.maximum((heights / (_IN_BIN ** (1 / 3) * spacing)).astype(np.int64), 1)
    fractions = (atoms.positions @ inverse) % 1.0
    # Rounding can turn a fraction just below zero into one.
    fractions[fractions >= 1.0] = 0.0
    place = (fractions * bins).astype(np.int64)
    key = (place[:, 0] * bins[1] + place[:, 1]) * bins[2] + place[:, 2]
    order = np.argsort(key, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=int(bins.prod())))])
    sorted_fractions, squares = np.ascontiguousarray(fractions[order]), size[order] ** 2
    threads = numba.get_num_threads()

    def cut(share: NDArray[np.int64]) -> NDArray[np.float64]:
        first, last = int(share[0]), int(share[-1]) + 1
        return _cells(first, last, sorted_fractions, squares, starts, bins, cell, heights, spacing)

    with thread_pool(threads) as pool:
        # Small, so that Ctrl-C is heard between them.
        shares = np.array_split(np.arange(n_atoms), max(1, math.ceil(n_atoms / _SHARE)))
        found = np.concatenate(list(pool.map(cut, shares)))
    if (found == _TOO_FAR).any():
        raise AlzmodelError("Voronoi cells: the model holds an empty region of more than 25 Å")
    if (found == _OPEN).any() or abs(float(found.sum()) / volume - 1) > _CLOSED:
        raise AlzmodelError("Voronoi cells: they do not fill the model; do two atoms stand at one place?")
    volumes = np.empty(n_atoms)
    volumes[order] = found
    return volumes


@numba.njit(cache=True, nogil=True)
def _cells(
    begin: int,
    end: int,
    fractions: NDArray[np.float64],
    squares: NDArray[np.float64],
    starts: NDArray[np.int64],
    bins: NDArray[np.int64],
    cell: NDArray[np.float64],
    heights: NDArray[np.float64],
    spacing: float,
) -> NDArray[np.float64]:
    """Volumes of the cells of atoms sorted by bin, from `begin` to before `end`; `_OPEN` or `_TOO_FAR` without one."""
    result = np.empty(end - begin)
    planes, corners = np.empty((4 * _FACES, 3), dtype=np.int64), np.empty((4 * _FACES, 3))
    at, uses = np.zeros((_FACES, _FACES), dtype=np.int64), np.zeros(_FACES, dtype=np.int64)
    beyond = np.empty(4 * _FACES)
    most = squares.max()
    # No point is farther from the nearest image of an atom than half the edges of the cell together.
    edge = math.sqrt(most)
    for c in range(3):
        edge += math.sqrt(cell[c, 0] ** 2 + cell[c, 1] ** 2 + cell[c, 2] ** 2)
    for atom in range(begin, end):
        for slack in _SLACKS:
            n = _cube(edge, planes, corners, at, uses)
            inner, reach, far = -1.0, 2.2 * spacing, math.inf
            done = False
            while not done:
                towards, square, index = _around(atom, inner, reach, fractions, starts, bins, cell, heights)
                for k in _in_order(square):
                    # No plane of an atom so far away, or farther, reaches the farthest corner.
                    if square[k] + squares[atom] - most > 2 * math.sqrt(square[k]) * far:
                        break
                    offset = (square[k] + squares[atom] - squares[index[k]]) / 2
                    least = slack * math.sqrt(square[k])
                    n, cut = _cut(towards, k, offset, least, planes, corners, beyond, at, uses, n)
                    if n <= 0:
                        break
                    if cut:
                        far = _farthest(corners, n)
                inner, reach = reach, 1.3 * reach
                done = n <= 0 or inner**2 + squares[atom] - most > 2 * inner * far
                if not done and inner > _REACH:
                    result[atom - begin] = _TOO_FAR
                    break
            if done:
                result[atom - begin] = _volume(planes, corners, at, n)
            if result[atom - begin] != _OPEN:
                break
    return result


@numba.njit(cache=True, nogil=True)
def _around(
    atom: int,
    inner: float,
    outer: float,
    fractions: NDArray[np.float64],
    starts: NDArray[np.int64],
    bins: NDArray[np.int64],
    cell: NDArray[np.float64],
    heights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Vectors to all atoms and images beyond `inner` and up to `outer` Å, squared distances, and which they are."""
    f0, f1, f2 = fractions[atom, 0], fractions[atom, 1], fractions[atom, 2]
    low, high = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for c in range(3):
        low[c] = math.floor((fractions[atom, c] - outer / heights[c]) * bins[c])
        high[c] = math.floor((fractions[atom, c] + outer / heights[c]) * bins[c])
    room = 0
    for g0 in range(low[0], high[0] + 1):
        for g1 in range(low[1], high[1] + 1):
            row = (g0 % bins[0] * bins[1] + g1 % bins[1]) * bins[2]
            for g2 in range(low[2], high[2] + 1):
                room += starts[row + g2 % bins[2] + 1] - starts[row + g2 % bins[2]]
    vector, square, index = np.empty((room, 3)), np.empty(room), np.empty(room, dtype=np.int64)
    n = 0
    for g0 in range(low[0], high[0] + 1):
        for g1 in range(low[1], high[1] + 1):
            row = (g0 % bins[0] * bins[1] + g1 % bins[1]) * bins[2]
            for g2 in range(low[2], high[2] + 1):
                home = row + g2 % bins[2]
                m0, m1, m2 = g0 // bins[0], g1 // bins[1], g2 // bins[2]
                for other in range(starts[home], starts[home + 1]):
                    d0 = fractions[other, 0] + m0 - f0
                    d1 = fractions[other, 1] + m1 - f1
                    d2 = fractions[other, 2] + m2 - f2
                    x = d0 * cell[0, 0] + d1 * cell[1, 0] + d2 * cell[2, 0]
                    y = d0 * cell[0, 1] + d1 * cell[1, 1] + d2 * cell[2, 1]
                    z = d0 * cell[0, 2] + d1 * cell[1, 2] + d2 * cell[2, 2]
                    distance = math.sqrt(x * x + y * y + z * z)
                    if not inner < distance <= outer or (other == atom and m0 == 0 and m1 == 0 and m2 == 0):
                        continue
                    vector[n, 0], vector[n, 1], vector[n, 2] = x, y, z
                    square[n], index[n] = distance**2, other
                    n += 1
    return vector[:n], square[:n], index[:n]


@numba.njit(cache=True, nogil=True)
def _in_order(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Where the smallest value stands, the next one and so on: Shell's sort, which compiles sooner than NumPy's."""
    order = np.arange(len(values))
    gap = 1
    while 3 * gap < len(values):
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(gap, len(values)):
            mine, at = order[k], k
            while at >= gap and values[order[at - gap]] > values[mine]:
                order[at] = order[at - gap]
                at -= gap
            order[at] = mine
        gap //= 3
    return order


@numba.njit(cache=True, nogil=True)
def _cube(
    half: float,
    planes: NDArray[np.int64],
    corners: NDArray[np.float64],
    at: NDArray[np.int64],
    uses: NDArray[np.int64],
) -> int:
    """Start with a cube of half an edge; the number of its corners.

    Each corner lies on three planes, told in the order in which they follow each other around it, seen from outside;
    `at[i, j]` is the corner in whose round j follows i, and `uses` counts the corners on each plane. Planes 0 to 5 are
    the sides −x, +x, −y, +y, −z, +z.
    """
    uses.fill(0)
    for n in range(8):
        up = 0
        for c in range(3):
            corners[n, c] = half if n >> c & 1 else -half
            planes[n, c] = 2 * c + (n >> c & 1)
            up += n >> c & 1
        if up % 2 == 0:
            planes[n, 1], planes[n, 2] = planes[n, 2], planes[n, 1]
        for c in range(3):
            at[planes[n, c], planes[n, (c + 1) % 3]] = n
            uses[planes[n, c]] += 1
    return 8


@numba.njit(cache=True, nogil=True)
def _farthest(corners: NDArray[np.float64], n: int) -> float:
    square = 0.0
    for k in range(n):
        square = max(square, corners[k, 0] ** 2 + corners[k, 1] ** 2 + corners[k, 2] ** 2)
    return math.sqrt(square)


@numba.njit(cache=True, nogil=True)
def _cut(
    towards: NDArray[np.float64],
    which: int,
    offset: float,
    slack: float,
    planes: NDArray[np.int64],
    corners: NDArray[np.float64],
    beyond: NDArray[np.float64],
    at: NDArray[np.int64],
    uses: NDArray[np.int64],
    n: int,
) -> tuple[int, bool]:
    """Cut off where `towards[which]` · x > `offset`; corners left (−1 without room for more), and if any went."""
    outside = 0
    a, b, d = towards[which, 0], towards[which, 1], towards[which, 2]
    for k in range(n):
        beyond[k] = a * corners[k, 0] + b * corners[k, 1] + d * corners[k, 2] - offset
        outside += beyond[k] > slack
    if outside in (0, n):
        return n - outside, outside > 0
    plane = 0
    while plane < _FACES and uses[plane]:
        plane += 1
    if plane == _FACES:
        return -1, True
    total = n
    for k in range(n):
        if beyond[k] <= slack:
            continue
        for c in range(3):
            i, j = planes[k, c], planes[k, (c + 1) % 3]
            uses[i] -= 1
            kept = at[j, i]
            if beyond[kept] > slack:
                continue
            if total == len(planes):
                return -1, True
            # On the edge where planes i and j meet.
            share = max(-beyond[kept], 0.0) / (beyond[k] - min(beyond[kept], 0.0))
            for axis in range(3):
                corners[total, axis] = corners[kept, axis] + share * (corners[k, axis] - corners[kept, axis])
            planes[total, 0], planes[total, 1], planes[total, 2] = i, j, plane
            at[i, j] = at[j, plane] = at[plane, i] = total
            beyond[total] = -math.inf
            total += 1
    for k in range(n, total):
        for c in range(3):
            uses[planes[k, c]] += 1
    # The last corners fill the gaps.
    k = 0
    while k < total:
        if beyond[k] <= slack:
            k += 1
            continue
        total -= 1
        if k < total:
            beyond[k] = beyond[total]
            for c in range(3):
                planes[k, c], corners[k, c] = planes[total, c], corners[total, c]
            if beyond[k] <= slack:
                for c in range(3):
                    at[planes[k, c], planes[k, (c + 1) % 3]] = k
    return total, True


@numba.njit(cache=True, nogil=True)
def _triple(x: NDArray[np.float64], a: int, b: int, d: int) -> float:
    """Six times the signed volume of three corners and the atom."""
    return (
        x[a, 0] * (x[b, 1] * x[d, 2] - x[b, 2] * x[d, 1])
        + x[a, 1] * (x[b, 2] * x[d, 0] - x[b, 0] * x[d, 2])
        + x[a, 2] * (x[b, 0] * x[d, 1] - x[b, 1] * x[d, 0])
    )


@numba.njit(cache=True, nogil=True)
def _volume(planes: NDArray[np.int64], corners: NDArray[np.float64], at: NDArray[np.int64], n: int) -> float:
    """Volume of a cell with n corners; `_OPEN` if they do not close.

    Of the tetrahedra that every edge of every face makes with one corner of the face and the atom.
    """
    if n <= 0:
        return 0.0 if n == 0 else _OPEN
    first = np.full(_FACES, -1, dtype=np.int64)
    faces, total = 0, 0.0
    for k in range(n):
        for c in range(3):
            i, j = planes[k, c], planes[k, (c + 1) % 3]
            other = at[j, i]
            if at[i, j] != k or other >= n:
                return _OPEN
            if first[i] < 0:
                first[i] = k
                faces += 1
            total += _triple(corners, first[i], k, other)
    # Euler: a body without holes, three edges at each corner.
    return abs(total) / 6 if n == 2 * faces - 4 else _OPEN
