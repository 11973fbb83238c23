"""Continuous shape measures: how far a unit is from an ideal tetrahedron, octahedron, cube and their kin."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numba
import numpy as np

from alzmodel.threads import thread_pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = ["SHAPES", "Shape", "shape_measures"]


@dataclass(frozen=True, slots=True)
class Shape:
    """An ideal unit: a centre at the origin and corners at distance 1.

    Attributes
    ----------
    name
        Such as ``"square antiprism"``.
    corners
        Shape (n, 3); the first two are nearest neighbours.
    geometry
        What fixes the angles that the symmetry leaves open.
    """

    name: str
    corners: NDArray[np.float64]
    geometry: str


def _on_sphere(*degrees: tuple[float, float]) -> NDArray[np.float64]:
    """Give unit vectors of (polar angle, azimuth), shape (n, 3)."""
    polar, azimuth = np.radians(np.array(degrees)).T
    return np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], axis=1)


def _ring(polar: float, n: int, start: float = 0.0) -> list[tuple[float, float]]:
    return [(polar, start + 360.0 * k / n) for k in range(n)]


_MANY = 500  # shells that are worth a second thread
_SHARE = 1000  # shells that are measured in less than a second
_STEPS = 50  # turns from one start at most
_SAME = 1e-6  # between corners that are the same
_SYMMETRY = "fixed by symmetry"
_REPULSION = "least repulsion of equal charges on a sphere within the symmetry"
_CUBE_POLAR = math.degrees(math.acos(1 / math.sqrt(3)))
_TETRAHEDRON_POLAR = math.degrees(math.acos(-1 / 3))
# All edges the same: 2 R² = (2 − √2) R² + 4 h² with R = sin θ and h = cos θ gives tan² θ = 2 √2, and for the prism
# 3 R² = 4 h².
_ANTIPRISM_POLAR = math.degrees(math.atan(8**0.25))
_PRISM_POLAR = math.degrees(math.atan(math.sqrt(4 / 3)))
# Minima of the sum of 1 / distance over all pairs of corners.
_SQUARE_PYRAMID_POLAR = 104.0755
_CAPPED_OCTAHEDRON_POLAR = (73.2823, 128.7700)
_CAPPED_PRISM_POLAR, _CAPPED_PRISM_AZIMUTH = (80.8414, 144.1892), 40.9593


def _dodecahedron() -> list[tuple[float, float]]:
    """Corners of the triangular dodecahedron of hard spheres: the polar angles of Hoard and Silverton."""
    a, b = 36.85, 69.46
    return [(a, 0), (a, 180), (180 - a, 90), (180 - a, 270), (b, 90), (b, 270), (180 - b, 0), (180 - b, 180)]


def _capped_prism() -> list[tuple[float, float]]:
    """One corner over the middle of a square face, its four corners, and the two of the edge behind."""
    face, edge = _CAPPED_PRISM_POLAR
    turn = _CAPPED_PRISM_AZIMUTH
    return [
        (0, 0),
        *((face, azimuth) for azimuth in (turn, -turn, 180 - turn, 180 + turn)),
        (edge, 90),
        (edge, 270),
    ]


def _shape(name: str, places: list[tuple[float, float]], geometry: str = _SYMMETRY) -> Shape:
    corners = _on_sphere(*places)
    distance = np.linalg.norm(corners[1:] - corners[0], axis=1)
    nearest = 1 + int(distance.argmin())
    order = [0, nearest, *(k for k in range(1, len(corners)) if k != nearest)]
    return Shape(name, np.ascontiguousarray(corners[order]), geometry)


SHAPES: Final[Mapping[str, Shape]] = {
    shape.name: shape
    for shape in (
        _shape("tetrahedron", [(0, 0), *_ring(_TETRAHEDRON_POLAR, 3)]),
        _shape("square", _ring(90, 4)),
        _shape("trigonal bipyramid", [*_ring(90, 3), (0, 0), (180, 0)]),
        _shape("square pyramid", [(0, 0), *_ring(_SQUARE_PYRAMID_POLAR, 4)], _REPULSION),
        _shape("octahedron", [(0, 0), *_ring(90, 4), (180, 0)]),
        _shape(
            "trigonal prism", [*_ring(_PRISM_POLAR, 3), *_ring(180 - _PRISM_POLAR, 3)], "edges all the same"
        ),
        _shape("pentagonal bipyramid", [*_ring(90, 5), (0, 0), (180, 0)]),
        _shape(
            "capped octahedron",
            [(0, 0), *_ring(_CAPPED_OCTAHEDRON_POLAR[0], 3), *_ring(_CAPPED_OCTAHEDRON_POLAR[1], 3, 60)],
            _REPULSION,
        ),
        _shape("capped trigonal prism", _capped_prism(), _REPULSION),
        _shape("cube", [*_ring(_CUBE_POLAR, 4), *_ring(180 - _CUBE_POLAR, 4)]),
        _shape(
            "square antiprism",
            [*_ring(_ANTIPRISM_POLAR, 4), *_ring(180 - _ANTIPRISM_POLAR, 4, 45)],
            "edges all the same",
        ),
        _shape("triangular dodecahedron", _dodecahedron(), "hard spheres (Hoard and Silverton 1963)"),
    )
}
"""Ideal units by name, of four to eight corners."""


def shape_measures(cation_bonds: Neighbours) -> dict[str, NDArray[np.float64]]:
    """Continuous shape measure of every cation's oxygen shell against the ideal units with as many corners.

    0 is the ideal unit of any size and orientation; square and tetrahedron are 33.3 apart, octahedron and trigonal
    prism 16.7, cube and square antiprism 11.0. The central atom counts as a point of the shape.

    Parameters
    ----------
    cation_bonds
        Bonds with `i` the cation and `j` the oxygen, sorted by cation.

    Returns
    -------
    dict
        For each name of `SHAPES` the measure, shape (n_atoms,); NaN where the number of corners is another one.

    Notes
    -----
    S = 100 min Σ|q − p|² / Σ|q|² over all rotations and sizes of the ideal points p and all ways to pair the corners,
    both sets about their centroids. Every ordered pair of observed corners is laid on one edge of the ideal unit;
    from there the best pairing for the rotation (exact) and the best rotation for the pairing
    (Theobald's quaternion polynomial) take turns until nothing improves or a pairing comes back that was seen before,
    up to a rotation of the ideal unit onto itself. All ideal units here have mirror planes, so
    reflections need no trial of their own.

    References
    ----------
    M. Pinsky and D. Avnir, Inorg. Chem. 37, 5575 (1998); D. Casanova, J. Cirera, M. Llunell, P. Alemany, D.
    Avnir and S. Alvarez, J. Am. Chem. Soc. 126, 1755 (2004) for the shapes of eight corners; J. L. Hoard and J. V.
    Silverton, Inorg. Chem. 2, 235 (1963) for the angles of the dodecahedron; D. L. Theobald, Acta Cryst. A 61, 478
    (2005) for the rotation.
    """
    offsets = cation_bonds.offsets()
    number = np.diff(offsets)
    result = {}
    for name, shape in SHAPES.items():
        n = len(shape.corners)
        values = np.full(cation_bonds.n_atoms, math.nan)
        centres = np.flatnonzero(number == n)
        if len(centres):
            shells = cation_bonds.vector[offsets[centres][:, None] + np.arange(n)]
            values[centres] = _in_threads(np.ascontiguousarray(shells), shape)
        result[name] = values
    return result


def _in_threads(shells: NDArray[np.float64], shape: Shape) -> NDArray[np.float64]:
    threads = numba.get_num_threads()
    ideal, turns = shape.corners, _turns(shape.name)
    if len(shells) < _MANY:
        return _measures(shells, ideal, turns)
    with thread_pool(threads) as pool:
        # Small, so that Ctrl-C is heard between them.
        shares = np.array_split(shells, max(4 * threads, len(shells) // _SHARE))
        return np.concatenate(list(pool.map(lambda share: _measures(share, ideal, turns), shares)))


@cache
def _turns(name: str) -> NDArray[np.int64]:
    """Where each corner of an ideal unit goes by every rotation that maps the unit onto itself, shape (n_turns, n)."""
    corners = SHAPES[name].corners
    n = len(corners)
    found, here, there = [], np.empty((3, 3)), np.empty((3, 3))
    _axes(corners[0], corners[1], there)
    for first, second in itertools.permutations(range(n), 2):
        if _axes(corners[first], corners[second], here):
            turned = corners @ there.T @ here
            distance = np.linalg.norm(turned[:, None] - corners, axis=2)
            if (distance.min(axis=1) < _SAME).all():
                found.append(distance.argmin(axis=1))
    return np.array(found, dtype=np.int64)


@numba.njit(cache=True, nogil=True)
def _best_pairing(gain: NDArray[np.float64], paired: NDArray[np.int64], work: NDArray[np.float64]) -> None:
    """Fill `paired` with the ideal corner of each observed one so that the sum of `gain` is largest.

    Row by row, with a shortest way over the columns that are taken (H. W. Kuhn, Naval Res. Logist. 2, 83 (1955), in the
    form of R. Jonker and A. Volgenant, Computing 38, 325 (1987)). `work` has room for (6, n + 1) numbers.
    """
    n = len(gain)
    # Where every corner has another best one, that is the best pairing.
    taken = 0
    for row in range(n):
        column = 0
        for other in range(1, n):
            if gain[row, other] > gain[row, column]:
                column = other
        paired[row] = column
        taken |= 1 << column
    if taken == (1 << n) - 1:
        return
    price, rent, least = work[0], work[1], work[2]
    owner, before, visited = work[3], work[4], work[5]
    # Column n stands for the row that looks for a column.
    for column in range(n + 1):
        rent[column] = 0.0
        owner[column] = -1.0
    for row in range(n):
        price[row] = -gain[row, paired[row]]
        owner[n] = row
        at = n
        for column in range(n + 1):
            least[column] = math.inf
            visited[column] = 0.0
        while owner[at] >= 0:
            visited[at] = 1.0
            mine = int(owner[at])
            step, following = math.inf, n
            for column in range(n):
                if visited[column] > 0:
                    continue
                cost = -gain[mine, column] - price[mine] - rent[column]
                if cost < least[column]:
                    least[column] = cost
                    before[column] = at
                if least[column] < step:
                    step, following = least[column], column
            for column in range(n + 1):
                if visited[column] > 0:
                    price[int(owner[column])] += step
                    rent[column] -= step
                else:
                    least[column] -= step
            at = following
        while at != n:
            last = int(before[at])
            owner[at] = owner[last]
            at = last
    for column in range(n):
        paired[int(owner[column])] = column


@numba.njit(cache=True, nogil=True)
def _minor(k: NDArray[np.float64], row: int, column: int) -> float:
    """Signed 3 × 3 minor of a 4 × 4 matrix."""
    r0 = 1 if row == 0 else 0
    r1 = 2 if row <= 1 else 1
    r2 = 3 if row <= 2 else 2
    c0 = 1 if column == 0 else 0
    c1 = 2 if column <= 1 else 1
    c2 = 3 if column <= 2 else 2
    value = (
        k[r0, c0] * (k[r1, c1] * k[r2, c2] - k[r1, c2] * k[r2, c1])
        - k[r0, c1] * (k[r1, c0] * k[r2, c2] - k[r1, c2] * k[r2, c0])
        + k[r0, c2] * (k[r1, c0] * k[r2, c1] - k[r1, c1] * k[r2, c0])
    )
    return value if (row + column) % 2 == 0 else -value


@numba.njit(cache=True, nogil=True)
def _best_rotation(
    h: NDArray[np.float64], upper: float, rotation: NDArray[np.float64], k: NDArray[np.float64]
) -> float:
    """Largest trace of (R h) over rotations R, which go to `rotation`; h[a, b] = Σ p_a q_b turns p onto q."""
    k[0, 0] = h[0, 0] + h[1, 1] + h[2, 2]
    k[1, 1] = h[0, 0] - h[1, 1] - h[2, 2]
    k[2, 2] = -h[0, 0] + h[1, 1] - h[2, 2]
    k[3, 3] = -h[0, 0] - h[1, 1] + h[2, 2]
    k[0, 1] = k[1, 0] = h[1, 2] - h[2, 1]
    k[0, 2] = k[2, 0] = h[2, 0] - h[0, 2]
    k[0, 3] = k[3, 0] = h[0, 1] - h[1, 0]
    k[1, 2] = k[2, 1] = h[0, 1] + h[1, 0]
    k[1, 3] = k[3, 1] = h[2, 0] + h[0, 2]
    k[2, 3] = k[3, 2] = h[1, 2] + h[2, 1]
    square = 0.0
    for a in range(3):
        for b in range(3):
            square += h[a, b] * h[a, b]
    c2 = -2.0 * square
    c1 = -8.0 * (
        h[0, 0] * (h[1, 1] * h[2, 2] - h[1, 2] * h[2, 1])
        - h[0, 1] * (h[1, 0] * h[2, 2] - h[1, 2] * h[2, 0])
        + h[0, 2] * (h[1, 0] * h[2, 1] - h[1, 1] * h[2, 0])
    )
    c0 = 0.0
    for column in range(4):
        c0 += k[0, column] * _minor(k, 0, column)
    largest = upper
    for _ in range(60):
        slope = 4 * largest**3 + 2 * c2 * largest + c1
        if slope <= 0:
            break
        step = (largest**4 + c2 * largest**2 + c1 * largest + c0) / slope
        largest -= step
        if abs(step) < 1e-13 * upper:
            break
    for a in range(4):
        k[a, a] -= largest
    longest, w, x, y, z = 0.0, 1.0, 0.0, 0.0, 0.0
    for row in range(4):
        m0, m1, m2, m3 = _minor(k, row, 0), _minor(k, row, 1), _minor(k, row, 2), _minor(k, row, 3)
        length = m0 * m0 + m1 * m1 + m2 * m2 + m3 * m3
        if length > longest:
            longest, w, x, y, z = length, m0, m1, m2, m3
    if longest > 0:
        scale = 1 / math.sqrt(longest)
        w, x, y, z = w * scale, x * scale, y * scale, z * scale
    rotation[0, 0] = w * w + x * x - y * y - z * z
    rotation[1, 1] = w * w - x * x + y * y - z * z
    rotation[2, 2] = w * w - x * x - y * y + z * z
    rotation[0, 1], rotation[1, 0] = 2 * (x * y - w * z), 2 * (x * y + w * z)
    rotation[0, 2], rotation[2, 0] = 2 * (x * z + w * y), 2 * (x * z - w * y)
    rotation[1, 2], rotation[2, 1] = 2 * (y * z - w * x), 2 * (y * z + w * x)
    return largest


@numba.njit(cache=True, nogil=True)
def _axes(a: NDArray[np.float64], b: NDArray[np.float64], frame: NDArray[np.float64]) -> bool:
    """Fill the rows of `frame` with axes along a, in the plane of a and b, and across; False if they are parallel."""
    length = math.sqrt(a[0] ** 2 + a[1] ** 2 + a[2] ** 2)
    if length == 0:
        return False
    for c in range(3):
        frame[0, c] = a[c] / length
    along = frame[0, 0] * b[0] + frame[0, 1] * b[1] + frame[0, 2] * b[2]
    square = 0.0
    for c in range(3):
        frame[1, c] = b[c] - along * frame[0, c]
        square += frame[1, c] ** 2
    if square < 1e-6 * (b[0] ** 2 + b[1] ** 2 + b[2] ** 2):
        return False
    scale = 1 / math.sqrt(square)
    for c in range(3):
        frame[1, c] *= scale
    frame[2, 0] = frame[0, 1] * frame[1, 2] - frame[0, 2] * frame[1, 1]
    frame[2, 1] = frame[0, 2] * frame[1, 0] - frame[0, 0] * frame[1, 2]
    frame[2, 2] = frame[0, 0] * frame[1, 1] - frame[0, 1] * frame[1, 0]
    return True


@numba.njit(cache=True, nogil=True)
def _least_code(paired: NDArray[np.int64], turns: NDArray[np.int64]) -> int:
    """One number for a pairing and all that a rotation of the ideal unit onto itself makes of it."""
    least = 1 << 62
    for turn in turns:
        code = 0
        for corner in paired:
            code = code << 3 | turn[corner]
        least = min(least, code)
    return least


@numba.njit(cache=True, nogil=True)
def _among(codes: NDArray[np.int64], n: int, code: int) -> bool:
    for k in range(n):  # noqa: SIM110 - faster where it is compiled
        if codes[k] == code:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def _measures(
    shells: NDArray[np.float64], ideal: NDArray[np.float64], turns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Shape measure of every shell, shape (n_shells, n, 3), relative to its centre."""
    n = shells.shape[1]
    # Both sets about the centroid of corners and centre.
    p = np.empty((n + 1, 3))
    for c in range(3):
        mean = ideal[:, c].sum() / (n + 1)
        for a in range(n):
            p[a, c] = ideal[a, c] - mean
        p[n, c] = -mean
    p_square = (p**2).sum()
    result = np.empty(len(shells))
    for index in range(len(shells)):
        q = np.empty((n + 1, 3))
        for c in range(3):
            mean = shells[index, :, c].sum() / (n + 1)
            for a in range(n):
                q[a, c] = shells[index, a, c] - mean
            q[n, c] = -mean
        q_square = (q**2).sum()
        upper = math.sqrt(p_square * q_square)
        gain, turned = np.empty((n, n)), np.empty((n, 3))
        work = np.empty((6, n + 1))
        paired, seen = np.empty(n, dtype=np.int64), np.empty(n * n * _STEPS, dtype=np.int64)
        n_seen = 0
        h, k, rotation = np.empty((3, 3)), np.empty((4, 4)), np.empty((3, 3))
        here, there = np.empty((3, 3)), np.empty((3, 3))
        _axes(ideal[0], ideal[1], there)
        top = 0.0
        for first in range(n):
            for second in range(n):
                if first == second or not _axes(shells[index, first], shells[index, second], here):
                    continue
                for a in range(3):
                    for b in range(3):
                        rotation[a, b] = (
                            here[0, a] * there[0, b] + here[1, a] * there[1, b] + here[2, a] * there[2, b]
                        )
                for _ in range(_STEPS):
                    for b in range(n):
                        for c in range(3):
                            turned[b, c] = (
                                rotation[c, 0] * p[b, 0] + rotation[c, 1] * p[b, 1] + rotation[c, 2] * p[b, 2]
                            )
                    for a in range(n):
                        for b in range(n):
                            gain[a, b] = (
                                q[a, 0] * turned[b, 0] + q[a, 1] * turned[b, 1] + q[a, 2] * turned[b, 2]
                            )
                    _best_pairing(gain, paired, work)
                    code = _least_code(paired, turns)
                    if _among(seen, n_seen, code):
                        break
                    seen[n_seen] = code
                    n_seen += 1
                    for b in range(3):
                        for c in range(3):
                            total = p[n, b] * q[n, c]
                            for a in range(n):
                                total += p[paired[a], b] * q[a, c]
                            h[b, c] = total
                    trace = _best_rotation(h, upper, rotation, k)
                    top = max(top, trace)
        result[index] = 100 * max(1 - top**2 / (p_square * q_square), 0.0)
    return result
