"""Neighbour lists with periodic images, and the cut-offs that end a first shell."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms
    from numpy.typing import ArrayLike, NDArray

    _Pairs = tuple[
        NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]
    ]

__all__ = [
    "COINCIDENT",
    "Neighbours",
    "check_apart",
    "first_minimum",
    "minimum_between",
    "neighbour_list",
    "repeat_length",
]

COINCIDENT: Final = 0.01
"""Å; nearer atoms are one atom written twice."""
FEW_PAIRS: Final = 60_000
"""So few neighbours are sorted by NumPy, in 20 ms at most: loading what sorts more of them faster takes 300 ms."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Every neighbour of every atom, once from each end, sorted by `i`, then `j`, then image.

    Attributes
    ----------
    i, j
        Atom indices, int64, shape (n_pairs,). A pair appears as (i, j) and as (j, i); an atom may be its own
        neighbour through the cell's periodicity.
    distance
        Å, shape (n_pairs,).
    vector
        From atom `i` to the image of atom `j`, Å, shape (n_pairs, 3).
    shift
        Lattice translation of that image, whole numbers of cell vectors, int64, shape (n_pairs, 3):
        ``vector = positions[j] + shift @ cell - positions[i]``.
    n_atoms
        Number of atoms the list was made for.
    cutoff
        Å.
    """

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    distance: NDArray[np.float64]
    vector: NDArray[np.float64]
    shift: NDArray[np.int64]
    n_atoms: int
    cutoff: float

    def __len__(self) -> int:
        return len(self.i)

    def offsets(self) -> NDArray[np.int64]:
        """Where each atom's neighbours start: those of atom a are ``offsets[a]:offsets[a + 1]``."""
        return np.concatenate([[0], np.cumsum(np.bincount(self.i, minlength=self.n_atoms))]).astype(np.int64)

    def select(self, mask: NDArray[np.bool_]) -> Neighbours:
        """Only the pairs where `mask`, shape (n_pairs,), is true."""
        return Neighbours(
            self.i[mask],
            self.j[mask],
            self.distance[mask],
            self.vector[mask],
            self.shift[mask],
            self.n_atoms,
            self.cutoff,
        )


def neighbour_list(
    atoms: Atoms,
    cutoff: float,
    *,
    of: NDArray[np.bool_] | None = None,
    among: NDArray[np.bool_] | None = None,
) -> Neighbours:
    """All pairs of atoms closer than a cut-off, periodic images included and told apart.

    Parameters
    ----------
    atoms
        Any cell, any combination of periodic directions, any positions (they need not lie in the cell).
    cutoff
        Å. May exceed the cell: then each image counts.
    of, among
        Whose neighbours are wanted, and which atoms count as neighbours, shape (n_atoms,); None takes all. Sooner
        done than by picking from the whole list.

    Returns
    -------
    Neighbours
        In an order that depends on the input alone.

    Raises
    ------
    InputError
        If the cut-off is not a positive finite number.
    """
    from vesin import NeighborList

    if not (math.isfinite(cutoff) and cutoff > 0):
        raise InputError(f"neighbour cut-off: {cutoff} Å; allowed: a positive number")
    n_atoms = len(atoms)
    # Each pair once: vesin then takes half the time, and turning pairs round costs less than finding them.
    i, j, shift, vector, distance = NeighborList(cutoff=float(cutoff), full_list=False).compute(
        points=np.ascontiguousarray(atoms.positions, dtype=np.float64),
        # Non-periodic directions may come without a cell vector.
        box=np.ascontiguousarray(atoms.cell.complete().array, dtype=np.float64),
        periodic=np.asarray(atoms.pbc, dtype=bool),
        quantities="ijSDd",
    )
    everyone = np.ones(n_atoms, dtype=bool)
    first, second = (np.asarray(ends, dtype=np.uint64).view(np.int64) for ends in (i, j))
    wanted = everyone if of is None else np.asarray(of, dtype=bool)
    counted = everyone if among is None else np.asarray(among, dtype=bool)
    n_wanted = np.sum(wanted[first] & counted[second]) + np.sum(wanted[second] & counted[first])
    both_ways = _both_ways_of_few if n_wanted <= FEW_PAIRS else _compiled()
    start, end, length, arrow, image = both_ways(
        first,
        second,
        np.asarray(shift, dtype=np.int32).reshape(-1, 3),
        np.asarray(vector, dtype=np.float64).reshape(-1, 3),
        np.asarray(distance, dtype=np.float64),
        wanted,
        counted,
    )
    return Neighbours(start, end, length, arrow, image, n_atoms, float(cutoff))


def _looked_through(atoms: Atoms) -> float:
    """Give a length in Å that holds few pairs, but not so short that the cell falls into very many boxes."""
    volume = abs(float(np.linalg.det(atoms.cell.array)))
    between = (volume / max(len(atoms), 1)) ** (1 / 3) if atoms.pbc.all() else 1.0
    return max(COINCIDENT, min(0.4 * between, 1.0))


def check_apart(atoms: Atoms, number: int = 0) -> None:
    """Refuse a model in which two atoms lie on one site.

    Parameters
    ----------
    atoms
        The model.
    number
        Of the frame, for the message.

    Raises
    ------
    InputError
        If two atoms are nearer than :data:`COINCIDENT`.
    """
    pairs = neighbour_list(atoms, _looked_through(atoms))
    pairs = pairs.select(pairs.distance < COINCIDENT)
    if len(pairs.i):
        raise InputError(
            f"frames: atoms {pairs.i[0]} and {pairs.j[0]} of frame {number} lie {pairs.distance[0]:.2g} Å apart; "
            f"allowed: at least {COINCIDENT:g} Å"
        )


@functools.cache
def _compiled() -> Callable[..., _Pairs]:
    import numba

    return numba.njit(cache=True, nogil=True)(_both_ways)


def _both_ways_of_few(
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    shift: NDArray[np.int32],
    vector: NDArray[np.float64],
    distance: NDArray[np.float64],
    of: NDArray[np.bool_],
    among: NDArray[np.bool_],
) -> _Pairs:
    """Do what `_both_ways` does, by one sort."""
    there, back = np.flatnonzero(of[i] & among[j]), np.flatnonzero(of[j] & among[i])
    first, second = np.concatenate([i[there], j[back]]), np.concatenate([j[there], i[back]])
    image = np.concatenate([shift[there], -shift[back]]).astype(np.int64)
    order = np.lexsort((image[:, 2], image[:, 1], image[:, 0], second, first))
    length = np.concatenate([distance[there], distance[back]])
    arrow = np.concatenate([vector[there], -vector[back]])
    return first[order], second[order], length[order], arrow[order], image[order]


def _both_ways(
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    shift: NDArray[np.int32],
    vector: NDArray[np.float64],
    distance: NDArray[np.float64],
    of: NDArray[np.bool_],
    among: NDArray[np.bool_],
) -> _Pairs:
    """Take the pairs that are wanted from both ends and put them in order: first atom, second atom, image."""
    starts = np.zeros(len(of) + 1, dtype=np.int64)
    for k in range(len(i)):
        starts[i[k] + 1] += of[i[k]] and among[j[k]]
        starts[j[k] + 1] += of[j[k]] and among[i[k]]
    starts = np.cumsum(starts)
    ends = starts[:-1].copy()
    second = np.empty(starts[-1], dtype=np.int64)
    image = np.empty((starts[-1], 3), dtype=np.int64)
    length = np.empty(starts[-1])
    arrow = np.empty((starts[-1], 3))
    for k in range(len(i)):
        for sign in (1, -1):
            start, end = (i[k], j[k]) if sign == 1 else (j[k], i[k])
            if not (of[start] and among[end]):
                continue
            # Into its place among the pairs of this atom so far: those are few.
            at = ends[start]
            ends[start] += 1
            while at > starts[start] and second[at - 1] >= end:
                if second[at - 1] == end:
                    later = False
                    for c in range(3):
                        if image[at - 1, c] != sign * shift[k, c]:
                            later = image[at - 1, c] < sign * shift[k, c]
                            break
                    if later:
                        break
                second[at], length[at] = second[at - 1], length[at - 1]
                for c in range(3):
                    image[at, c], arrow[at, c] = image[at - 1, c], arrow[at - 1, c]
                at -= 1
            second[at], length[at] = end, distance[k]
            for c in range(3):
                image[at, c] = sign * shift[k, c]
                arrow[at, c] = sign * vector[k, c]
    first = np.repeat(np.arange(len(of)), starts[1:] - starts[:-1])
    return first, second, length, arrow, image


def repeat_length(atoms: Atoms) -> float:
    """Half the shortest lattice translation: beyond it an atom meets images of atoms it already met.

    In a glass box everything beyond this distance (Å) is order that the box imposes. It is infinite where no
    direction is periodic.
    """
    periodic = np.asarray(atoms.pbc, dtype=bool)
    if not periodic.any():
        return math.inf
    from ase.geometry import minkowski_reduce

    reduced, _ = minkowski_reduce(atoms.cell.complete().array, pbc=periodic)
    # The shortest vectors of a Minkowski-reduced lattice are the lattice's own minima.
    return float(np.linalg.norm(reduced[periodic], axis=1).min()) / 2


def first_minimum(
    r: ArrayLike,
    g: ArrayLike,
    *,
    smoothing: float = 0.08,
    prominence: float = 0.15,
) -> float:
    """Distance at which the first shell of a pair distribution function ends.

    g(r) is smoothed by a Gaussian, weighted by the shell area: the smoothed curve is the count in a soft-edged shell
    over its volume, so that the noisy first Ångström weighs little. The first peak is the first maximum that
    stands out by `prominence` of the largest one, and the second the next of that kind. The minimum is the centre
    of the stretch between both in which the smoothed curve stays within 2 % of the first peak's height above its
    lowest value. A gap of zeros therefore gives its middle, and noise at the bottom of a broad minimum moves
    the result little.

    Parameters
    ----------
    r
        Bin centres, Å, evenly spaced, shape (n,).
    g
        g(r), shape (n,).
    smoothing
        Standard deviation of the Gaussian, Å.
    prominence
        Of a maximum, as a fraction of the largest smoothed value.

    Returns
    -------
    float
        Å.

    Raises
    ------
    InputError
        If there is no peak followed by a minimum, as in an ideal gas, or the curve is too short to show one.
    """
    from scipy.signal import find_peaks

    x, smooth = _smoothed(r, g, smoothing)
    largest = float(smooth.max())
    # Maxima at either end of the curve are cut off by it and say nothing; padding by zeros keeps a peak in the
    # first bins visible.
    peaks, _ = find_peaks(np.concatenate([[0.0], smooth]), prominence=prominence * largest)
    peaks = peaks - 1
    if largest <= 0 or len(peaks) == 0:
        raise InputError("g(r): no first peak; allowed: a curve with a peak followed by a minimum")
    first = int(peaks[0])
    end = int(peaks[1]) if len(peaks) > 1 else len(smooth)
    valley = smooth[first:end]
    lowest = float(valley.min())
    if len(peaks) == 1 and valley[-1] == lowest and lowest > 0.02 * smooth[first]:
        raise InputError(
            f"g(r): still falling at {x[-1]:.2f} Å after its first peak; allowed: a curve that reaches the minimum"
        )
    return _bottom(x[first:end], valley, 0.02 * (smooth[first] - lowest), smoothing)


def minimum_between(
    r: ArrayLike,
    g: ArrayLike,
    low: float,
    high: float,
    *,
    smoothing: float = 0.08,
) -> float:
    """Distance between `low` and `high` at which a pair distribution function is lowest.

    Smoothed and centred as in :func:`first_minimum`; where the curve only rises or falls, `low` or `high` itself.

    Parameters
    ----------
    r
        Bin centres, Å, evenly spaced, shape (n,).
    g
        g(r), shape (n,).
    low, high
        Å.
    smoothing
        Standard deviation of the Gaussian, Å.

    Returns
    -------
    float
        Å.

    Raises
    ------
    InputError
        If the curve has no bins between `low` and `high`.
    """
    x, smooth = _smoothed(r, g, smoothing)
    inside = (x >= low) & (x <= high)
    if not inside.any():
        raise InputError(f"g(r): no bins between {low:.2f} and {high:.2f} Å; allowed: a longer curve")
    valley = smooth[inside]
    lowest = float(valley.min())
    return _bottom(x[inside], valley, 0.02 * (float(smooth.max()) - lowest), smoothing)


def _smoothed(
    r: ArrayLike, g: ArrayLike, smoothing: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bin centres, and the count in a soft-edged shell over that of an ideal gas."""
    x = np.asarray(r, dtype=np.float64)
    y = np.asarray(g, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 5 or not np.isfinite(y).all():
        raise InputError(
            f"g(r): arrays of shapes {x.shape} and {y.shape}; allowed: two of the same length ≥ 5, finite"
        )
    from scipy.ndimage import gaussian_filter1d

    width = smoothing * (len(x) - 1) / (x[-1] - x[0])
    area = gaussian_filter1d(x**2, width, mode="nearest")
    return x, gaussian_filter1d(y * x**2, width, mode="nearest") / area


def _bottom(x: NDArray[np.float64], valley: NDArray[np.float64], tolerance: float, smoothing: float) -> float:
    """Centre of the stretch around the lowest value that stays within `tolerance` of it."""
    low = np.flatnonzero(valley <= valley.min() + tolerance)
    # Only the stretch that holds the lowest value: another dip of the same depth is not the same minimum.
    at = int(np.searchsorted(low, int(valley.argmin())))
    step = x[1] - x[0] if len(x) > 1 else smoothing
    breaks = np.flatnonzero(np.diff(low) > max(1, round(smoothing / step)))
    left = low[breaks[breaks < at][-1] + 1] if (breaks < at).any() else low[0]
    right = low[breaks[breaks >= at][0]] if (breaks >= at).any() else low[-1]
    return float((x[left] + x[right]) / 2)
