"""Pairs of atoms within a cut-off, found by sorting atoms into boxes: the kernels of :mod:`alzmodel.neighbours`.

Own code in place of a library: vesin, the fastest neighbour list on PyPI, takes for the search alone what OVITO takes,
gives an atom's neighbours in no order, and finds all pairs where only those of some atoms with some others are wanted.
The tests hold every pair against vesin and brute force.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeAlias

import numba
import numpy as np

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Pairs", "pairs_within"]

_PAIRS_PER_THREAD: Final = 200_000
"""Fewer than this cost more in starting a thread than it saves."""
_BITS: Final = 10
_MOST_IMAGES: Final = 1 << (_BITS - 1)
"""An image along one direction, moved by so many, fits into so many bits of a key."""
_SLACK: Final = 1e-9
"""Relative width of the shell around the cut-off in which a pair is looked at to the last digit."""

Pairs: TypeAlias = tuple[
    "NDArray[np.int64]",
    "NDArray[np.int64]",
    "NDArray[np.float64]",
    "NDArray[np.float64]",
    "NDArray[np.int64]",
]
"""First atom, second atom, distance, vector and shift of each pair."""


def pairs_within(
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    cutoff: float,
    of: NDArray[np.bool_],
    among: NDArray[np.bool_],
) -> Pairs:
    """All pairs closer than a cut-off, each from both ends, sorted by first atom, second atom and image.

    Parameters
    ----------
    positions
        Å, shape (n_atoms, 3), anywhere.
    cell
        Å, rows are vectors that do not lie in one plane, shape (3, 3).
    periodic
        Which vectors are translations of the model, shape (3,).
    cutoff
        Å, positive.
    of, among
        Which atoms come first in a pair, and which second, shape (n_atoms,).

    Returns
    -------
    tuple
        As :class:`alzmodel.neighbours.Neighbours` holds them.

    Raises
    ------
    InputError
        If the cell has no volume, a position is not finite, or the cut-off spans more than 500 cells.

    Notes
    -----
    Whether a pair counts hangs on ``positions[j] - positions[i] + shift @ cell`` alone, which has the same length from
    both ends to the last digit.
    """
    n_atoms = len(positions)
    if not np.isfinite(positions).all():
        raise InputError("positions: not all are finite; allowed: lengths in Å")
    volume = abs(float(np.linalg.det(cell)))
    if not (math.isfinite(volume) and volume > 0):
        raise InputError(f"cell: volume {volume} Å³; allowed: three vectors that do not lie in one plane")
    inverse = np.linalg.inv(cell)
    heights = 1 / np.linalg.norm(inverse, axis=0)
    # Positions far from the cell lose digits when they are brought home.
    slack = _SLACK * cutoff + 1e-14 * float(np.abs(positions).max(initial=0.0))
    wide = cutoff + slack

    inside, fractions, wraps, low, high = _wrapped(positions, cell, inverse, periodic)
    span = np.maximum(high - low, 0.0)
    grid = _grid(span * heights, wide, n_atoms)
    thickness = np.where(span > 0, span * heights / grid, np.inf)
    reach = np.ceil(np.minimum(wide / thickness, 1e9)).astype(np.int64)
    reach = np.where(periodic, reach, np.minimum(reach, grid - 1))
    if (reach // grid + 1).max() >= _MOST_IMAGES:
        raise InputError(
            f"neighbour cut-off: {cutoff:g} Å in a cell {heights.min():.2g} Å thick; allowed: up to "
            f"{_MOST_IMAGES - 2} cells across"
        )
    box = _boxes(fractions, low, grid / np.where(span > 0, span, 1.0), grid)
    n_boxes = int(grid.prod())
    here, first = _by_box(box, of, n_boxes)
    there, second = _by_box(box, among, n_boxes)

    filled = max(float((span * heights).prod()), 1.0)
    expected = min(4.2 * cutoff**3 * len(here) * len(there) / filled, 1e8)
    threads = min(numba.get_num_threads(), 1 + int(expected / _PAIRS_PER_THREAD))
    # Whole boxes, with as many atoms for each thread as may be.
    cuts = np.searchsorted(first, np.linspace(0, len(here), threads + 1))
    cuts[0], cuts[-1] = 0, n_boxes
    images = [np.arange(-r, n + r) // n for r, n in zip(reach, grid, strict=True)]
    counts, begins = np.zeros(n_atoms, dtype=np.int64), np.zeros(n_atoms, dtype=np.int64)

    def search(number: int) -> NDArray[np.int64]:
        return _search(
            *(cuts[number], cuts[number + 1]),
            *(here, first, there, second),
            *(positions, inside, wraps),
            *(cell, periodic, grid, reach, *images),
            *(cutoff, slack),
            *(counts, begins),
            int(1.2 * expected / threads) + 64,
        )

    ends = np.linspace(0, n_atoms, threads + 1).astype(np.int64)
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(search, range(threads)))
        for number in range(1, threads):
            begins[here[first[cuts[number]] : first[cuts[number + 1]]]] += sum(map(len, parts[:number]))
        keys = parts[0] if threads == 1 else np.concatenate(parts)
        offsets = np.zeros(n_atoms + 1, dtype=np.int64)
        np.cumsum(counts, out=offsets[1:])
        pairs = _room(int(offsets[-1]))

        def unpack(number: int) -> None:
            _unpack(
                *(ends[number], ends[number + 1]),
                *(keys, begins, offsets),
                *(positions, wraps, cell),
                *pairs,
            )

        list(pool.map(unpack, range(threads)))
    return pairs


def _grid(lengths: NDArray[np.float64], wide: float, n_atoms: int) -> NDArray[np.int64]:
    """Boxes along each direction: no thinner than the cut-off, and not many more than atoms."""
    grid = np.maximum(lengths / wide, 1.0)
    most = 4.0 * n_atoms + 64
    while float(np.floor(grid).prod()) > most:
        grid = np.maximum(grid * 0.9, 1.0)
    return np.floor(grid).astype(np.int64)


def _room(n_pairs: int) -> Pairs:
    return (
        np.empty(n_pairs, dtype=np.int64),
        np.empty(n_pairs, dtype=np.int64),
        np.empty(n_pairs),
        np.empty((n_pairs, 3)),
        np.empty((n_pairs, 3), dtype=np.int64),
    )


@numba.njit(cache=True, nogil=True)
def _wrapped(
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    inverse: NDArray[np.float64],
    periodic: NDArray[np.bool_],
) -> tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]
]:
    """Positions brought into the cell along its periodic directions, as lengths and fractions; by how many cells.

    And the lowest and highest fractions, which are 0 and 1 where a direction is periodic.
    """
    n_atoms = len(positions)
    inside, fractions = np.empty((n_atoms, 3)), np.empty((n_atoms, 3))
    wraps = np.zeros((n_atoms, 3), dtype=np.int64)
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for atom in range(n_atoms):
        for c in range(3):
            inside[atom, c] = positions[atom, c]
        for k in range(3):
            fraction = 0.0
            for c in range(3):
                fraction += positions[atom, c] * inverse[c, k]
            if periodic[k]:
                turns = math.floor(fraction)
                fraction -= turns
                wraps[atom, k] = turns
                for c in range(3):
                    inside[atom, c] -= turns * cell[k, c]
            else:
                low[k], high[k] = min(low[k], fraction), max(high[k], fraction)
            fractions[atom, k] = fraction
    for k in range(3):
        if periodic[k] or n_atoms == 0:
            low[k], high[k] = 0.0, 1.0
    return inside, fractions, wraps, low, high


@numba.njit(cache=True, nogil=True)
def _boxes(
    fractions: NDArray[np.float64],
    low: NDArray[np.float64],
    scale: NDArray[np.float64],
    grid: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Box of each atom; those along the third direction follow each other."""
    box = np.zeros(len(fractions), dtype=np.int64)
    for atom in range(len(fractions)):
        for k in range(3):
            at = np.int64((fractions[atom, k] - low[k]) * scale[k])
            box[atom] = box[atom] * grid[k] + min(max(at, 0), grid[k] - 1)
    return box


@numba.njit(cache=True, nogil=True)
def _by_box(
    box: NDArray[np.int64], wanted: NDArray[np.bool_], n_boxes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Wanted atoms in the order of their boxes, and where each box starts among them."""
    starts = np.zeros(n_boxes + 1, dtype=np.int64)
    for atom in range(len(box)):
        if wanted[atom]:
            starts[box[atom] + 1] += 1
    starts = np.cumsum(starts)
    ends = starts[:-1].copy()
    order = np.empty(starts[-1], dtype=np.int64)
    for atom in range(len(box)):
        if wanted[atom]:
            order[ends[box[atom]]] = atom
            ends[box[atom]] += 1
    return order, starts


@numba.njit(cache=True, nogil=True)
def _search(
    first_box: int,
    last_box: int,
    here: NDArray[np.int64],
    first: NDArray[np.int64],
    there: NDArray[np.int64],
    second: NDArray[np.int64],
    positions: NDArray[np.float64],
    inside: NDArray[np.float64],
    wraps: NDArray[np.int64],
    cell: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    grid: NDArray[np.int64],
    reach: NDArray[np.int64],
    images0: NDArray[np.int64],
    images1: NDArray[np.int64],
    images2: NDArray[np.int64],
    cutoff: float,
    slack: float,
    counts: NDArray[np.int64],
    begins: NDArray[np.int64],
    room: int,
) -> NDArray[np.int64]:
    """Neighbours of the atoms in a stretch of boxes: one key for atom and image each, in order for each atom."""
    sure, possible = max(cutoff - slack, 0.0) ** 2, (cutoff + slack) ** 2
    keys = np.empty(room, dtype=np.int64)
    m = 0
    # Who may be a neighbour of the atoms in one box.
    x, y, z, square = np.empty(64), np.empty(64), np.empty(64), np.empty(64)
    name = np.empty(64, dtype=np.int64)
    for box in range(first_box, last_box):
        if first[box] == first[box + 1]:
            continue
        h2, rest = box % grid[2], box // grid[2]
        h1, h0 = rest % grid[1], rest // grid[1]
        n = 0
        for c0 in range(h0 - reach[0], h0 + reach[0] + 1):
            image0 = images0[c0 + reach[0]]
            if image0 != 0 and not periodic[0]:
                continue
            for c1 in range(h1 - reach[1], h1 + reach[1] + 1):
                image1 = images1[c1 + reach[1]]
                if image1 != 0 and not periodic[1]:
                    continue
                row = ((c0 - image0 * grid[0]) * grid[1] + c1 - image1 * grid[1]) * grid[2]
                low, high = h2 - reach[2], h2 + reach[2]
                for image2 in range(images2[low + reach[2]], images2[high + reach[2]] + 1):
                    if image2 != 0 and not periodic[2]:
                        continue
                    # The part of the row of boxes that lies in this image: neighbours in memory.
                    start = second[row + max(low - image2 * grid[2], 0)]
                    end = second[row + min(high - image2 * grid[2], grid[2] - 1) + 1]
                    if n + end - start > len(x):
                        more = n + 2 * (end - start)
                        x, y, z, square = _longer(x, more), _longer(y, more), _longer(z, more), np.empty(more)
                        name = _longer(name, more)
                    dx = image0 * cell[0, 0] + image1 * cell[1, 0] + image2 * cell[2, 0]
                    dy = image0 * cell[0, 1] + image1 * cell[1, 1] + image2 * cell[2, 1]
                    dz = image0 * cell[0, 2] + image1 * cell[1, 2] + image2 * cell[2, 2]
                    image = _key(0, image0, image1, image2)
                    for k in range(start, end):
                        j = there[k]
                        x[n], y[n], z[n] = inside[j, 0] + dx, inside[j, 1] + dy, inside[j, 2] + dz
                        name[n] = (j << 3 * _BITS) + image
                        n += 1
        for at in range(first[box], first[box + 1]):
            i = here[at]
            begins[i] = m
            itself = _key(i, 0, 0, 0)
            xi, yi, zi = inside[i]
            if m + n > len(keys):
                keys = _longer(keys, 2 * m + n)
            # Two passes: the first runs in vector registers, the second cannot.
            for k in range(n):
                square[k] = (x[k] - xi) ** 2 + (y[k] - yi) ** 2 + (z[k] - zi) ** 2
            for k in range(n):
                if square[k] >= possible:
                    continue
                key = name[k]
                if key == itself:
                    continue
                if square[k] >= sure:
                    j, s0, s1, s2 = _image_of(key, i, wraps)
                    vx, vy, vz = _vector(positions, cell, i, j, s0, s1, s2)
                    if math.sqrt(vx * vx + vy * vy + vz * vz) >= cutoff:
                        continue
                place = m
                while place > begins[i] and keys[place - 1] > key:
                    keys[place] = keys[place - 1]
                    place -= 1
                keys[place] = key
                m += 1
            counts[i] = m - begins[i]
    return keys[:m]


@numba.njit(cache=True, nogil=True)
def _longer(values: NDArray[np.generic], size: int) -> NDArray[np.generic]:
    longer = np.empty(size, dtype=values.dtype)
    longer[: len(values)] = values
    return longer


@numba.njit(cache=True, nogil=True)
def _key(atom: int, image0: int, image1: int, image2: int) -> int:
    """One number for an atom, as it lies in the cell, and an image; keys sort as these do."""
    return (
        (atom << 3 * _BITS)
        + ((image0 + _MOST_IMAGES) << 2 * _BITS)
        + ((image1 + _MOST_IMAGES) << _BITS)
        + (image2 + _MOST_IMAGES)
    )


@numba.njit(cache=True, nogil=True)
def _image_of(key: int, i: int, wraps: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """Atom of a key, and the shift that leads from atom `i` to it, where both lie in the file."""
    mask = 2 * _MOST_IMAGES - 1
    j = key >> 3 * _BITS
    return (
        j,
        (key >> 2 * _BITS & mask) - _MOST_IMAGES + wraps[i, 0] - wraps[j, 0],
        (key >> _BITS & mask) - _MOST_IMAGES + wraps[i, 1] - wraps[j, 1],
        (key & mask) - _MOST_IMAGES + wraps[i, 2] - wraps[j, 2],
    )


@numba.njit(cache=True, nogil=True)
def _vector(
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    i: int,
    j: int,
    s0: int,
    s1: int,
    s2: int,
) -> tuple[float, float, float]:
    """From one atom to an image of another."""
    return (
        positions[j, 0] - positions[i, 0] + (s0 * cell[0, 0] + s1 * cell[1, 0] + s2 * cell[2, 0]),
        positions[j, 1] - positions[i, 1] + (s0 * cell[0, 1] + s1 * cell[1, 1] + s2 * cell[2, 1]),
        positions[j, 2] - positions[i, 2] + (s0 * cell[0, 2] + s1 * cell[1, 2] + s2 * cell[2, 2]),
    )


@numba.njit(cache=True, nogil=True)
def _unpack(
    first: int,
    last: int,
    keys: NDArray[np.int64],
    begins: NDArray[np.int64],
    offsets: NDArray[np.int64],
    positions: NDArray[np.float64],
    wraps: NDArray[np.int64],
    cell: NDArray[np.float64],
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    distance: NDArray[np.float64],
    vector: NDArray[np.float64],
    shift: NDArray[np.int64],
) -> None:
    """Write the pairs of a stretch of atoms."""
    for i in range(first, last):
        for k in range(offsets[i + 1] - offsets[i]):
            j, s0, s1, s2 = _image_of(keys[begins[i] + k], i, wraps)
            x, y, z = _vector(positions, cell, i, j, s0, s1, s2)
            at = offsets[i] + k
            one[at], other[at] = i, j
            distance[at] = math.sqrt(x * x + y * y + z * z)
            vector[at, 0], vector[at, 1], vector[at, 2] = x, y, z
            shift[at, 0], shift[at, 1], shift[at, 2] = s0, s1, s2
