"""The Debye sum of a finite cluster from a pair histogram that keeps the mean distance of every bin."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, Final

import numba
import numpy as np

from alzmodel.errors import InputError
from alzmodel.progress import Progress, silent
from alzmodel.scattering.phase_sums import phase_sums
from alzmodel.threads import thread_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Points = NDArray[np.float32]
    Counts = NDArray[np.int64]
    Packed = NDArray[np.uint64]

__all__ = [
    "PairHistogram",
    "debye_intensity",
    "histogram_step",
    "pair_histogram",
    "sinc_transform",
]

_BLOCK: Final = 32
"""Atoms whose pairs are counted before the packed counters are emptied."""
_COUNT_SHIFT: Final = 40
"""A packed counter holds the number of pairs above this bit and the sum of their places in the bin below it."""
_PLACE_BITS: Final = 16
_PAIRS_OF_SHARE: Final = 300_000_000
"""Counted in half a second: Ctrl-C is heard between two shares."""
_FEW_PAIRS: Final = 1_000_000
"""Below this, starting threads costs more than it saves."""
_TILE: Final = 1024
"""Partners of a block that are worked on together: they fit the innermost cache."""
_MAX_ATOMS: Final = 1 << 19
"""32 atoms with 2^19 partners each are 2^24 pairs, whose places of 16 bits fill 40 bits."""
_MAX_BINS: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class PairHistogram:
    """Pairs of a finite set of atoms by distance.

    Attributes
    ----------
    dr
        Bin width, Å; bin k holds distances from ``k dr`` to ``(k + 1) dr``.
    counts
        Per pair of species (in the order of `species`): number of pairs in each bin, each pair once, shape (n,).
    offsets
        Per pair of species: sum over the pairs of a bin of their distance from the centre of the bin, Å, shape (n,).
    numbers
        Per species: number of atoms.
    """

    dr: float
    counts: Mapping[tuple[str, str], NDArray[np.float64]]
    offsets: Mapping[tuple[str, str], NDArray[np.float64]]
    numbers: Mapping[str, int]


def histogram_step(q_max: float) -> float:
    """Bin width in Å that keeps the Debye sum right to about 1e-5 of its largest peak up to `q_max` Å⁻¹.

    With the mean distance of each bin exact, what is left is the spread inside a bin. It lowers a term by
    at most Q² dr²/24, 2e-5 at `q_max` and less below.
    """
    return min(0.01, 0.02 / q_max)


@numba.njit(fastmath=True, nogil=True, cache=True)
def _count_block(
    x: Points,
    y: Points,
    z: Points,
    first: int,
    last: int,
    begin: int,
    end: int,
    per_unit: np.float32,
    place_bits: int,
    packed: Packed,
    buffer: NDArray[np.int32],
) -> None:
    """Add the pairs of atoms first..last with atoms begin..end (those after themselves only) to `packed`."""
    # Slices and unsigned bins: an index that might be negative costs a gather instead of a vector load, twice the time.
    mask, shift = np.uint32((1 << place_bits) - 1), np.uint32(place_bits)
    one = np.uint64(1 << _COUNT_SHIFT)
    for tile in range(max(begin, first + 1), end, buffer.size):
        stop = min(tile + buffer.size, end)
        for i in range(first, last):
            start = max(tile, i + 1)
            xi, yi, zi = x[i], y[i], z[i]
            xs, ys, zs = x[start:stop], y[start:stop], z[start:stop]
            for k in range(xs.size):
                dx, dy, dz = xs[k] - xi, ys[k] - yi, zs[k] - zi
                buffer[k] = np.int32(np.sqrt(dx * dx + dy * dy + dz * dz) * per_unit)
            for k in range(xs.size):
                value = np.uint32(buffer[k])
                packed[value >> shift] += one + np.uint64(value & mask)


@numba.njit(nogil=True, cache=True)
def _empty_packed(packed: Packed, counts: Counts, moments: Counts) -> None:
    mask = np.uint64((1 << _COUNT_SHIFT) - 1)
    for k in range(packed.size):
        value = packed[k]
        if value != 0:
            counts[k] += np.int64(value >> np.uint64(_COUNT_SHIFT))
            moments[k] += np.int64(value & mask)
            packed[k] = 0


@numba.njit(nogil=True, cache=True)
def _count_share(
    x: Points,
    y: Points,
    z: Points,
    first: int,
    last: int,
    begin: int,
    end: int,
    per_unit: np.float32,
    place_bits: int,
    n_bins: int,
    share: int,
    n_shares: int,
) -> tuple[Counts, Counts]:
    """Pairs of one share of the atoms first..last with begin..end, by bin: counts and sums of places."""
    counts = np.zeros(n_bins, dtype=np.int64)
    moments = np.zeros(n_bins, dtype=np.int64)
    packed = np.zeros(n_bins, dtype=np.uint64)
    buffer = np.empty(_TILE, dtype=np.int32)
    # Blocks are dealt out in turn, since in a triangle of pairs the first ones have the most.
    for low in range(first + share * _BLOCK, last, n_shares * _BLOCK):
        _count_block(x, y, z, low, min(low + _BLOCK, last), begin, end, per_unit, place_bits, packed, buffer)
        _empty_packed(packed, counts, moments)
    return counts, moments


def pair_histogram(
    positions: NDArray[np.float64],
    symbols: Sequence[str],
    dr: float,
    *,
    progress: Progress = silent,
) -> PairHistogram:
    """Count every pair of a finite set of atoms.

    Parameters
    ----------
    positions
        Å, shape (n, 3).
    symbols
        One label per atom; pairs are counted per pair of labels.
    dr
        Bin width, Å; see :func:`histogram_step`.
    progress
        Told how many of the pairs are counted.

    Returns
    -------
    PairHistogram
        Whole counts, independent of the number of threads. Distances are rounded to dr/65536.

    Raises
    ------
    InputError
        If there are more than 2^19 atoms or the cluster is too large for the bin width.
    """
    points = np.asarray(positions, dtype=float)
    if len(points) > _MAX_ATOMS:
        raise InputError(
            f"cluster: {len(points)} atoms; allowed: up to {_MAX_ATOMS} for the sum over all pairs"
        )
    labels = np.asarray(symbols)
    species = sorted(set(labels.tolist()))
    points = points - (points.min(axis=0) + points.max(axis=0)) / 2
    reach = 2 * math.sqrt(float((points**2).sum(axis=1).max()))
    n_bins = int(reach / dr) + 2
    if n_bins > _MAX_BINS:
        raise InputError(f"cluster: {reach:g} Å across in bins of {dr:g} Å; allowed: up to {_MAX_BINS} bins")
    per_species = [points[labels == name] for name in species]
    ordered = np.concatenate(per_species)
    bounds = np.cumsum([0, *(len(part) for part in per_species)])
    x, y, z = (ordered[:, axis].astype(np.float32) for axis in range(3))
    counts: dict[tuple[str, str], NDArray[np.float64]] = {}
    offsets: dict[tuple[str, str], NDArray[np.float64]] = {}
    # Places fill what a signed 32-bit integer leaves beside the bin.
    place_bits = min(_PLACE_BITS, 30 - int(n_bins).bit_length())
    scale = float(1 << place_bits)
    per_unit = np.float32(scale / dr)
    of_kinds = list(combinations_with_replacement(range(len(species)), 2))
    all_pairs = sum(len(per_species[a]) * len(per_species[b]) for a, b in of_kinds)
    done = 0.0
    for a, b in of_kinds:
        n_pairs = len(per_species[a]) * len(per_species[b])
        threads = numba.get_num_threads() if n_pairs > _FEW_PAIRS else 1
        n_shares = max(threads, n_pairs // _PAIRS_OF_SHARE)
        limits = (bounds[a], bounds[a + 1], bounds[b], bounds[b + 1])
        work = functools.partial(_count_share, x, y, z, *limits, per_unit, place_bits, n_bins)
        number, moment = np.zeros(n_bins, dtype=np.int64), np.zeros(n_bins, dtype=np.int64)
        with thread_pool(threads) as pool:
            for counted, moved in pool.map(work, range(n_shares), [n_shares] * n_shares):
                number += counted
                moment += moved
                done += n_pairs / (n_shares * all_pairs)
                progress(done, "pairs")
        key = (species[a], species[b])
        counts[key] = number.astype(float)
        # A place is rounded down: half a unit is added back.
        offsets[key] = ((moment + 0.5 * number) / scale - 0.5 * number) * dr
    return PairHistogram(
        dr=dr,
        counts=counts,
        offsets=offsets,
        numbers={name: len(part) for name, part in zip(species, per_species, strict=True)},
    )


def sinc_transform(
    histogram: PairHistogram, key: tuple[str, str], Q: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Σ over the pairs of one kind of sin(Q r)/(Q r), shape of `Q` (one axis, all above zero).

    Each term is expanded to first order about the centre of its bin, with the pairs' own mean distance.
    """
    counts, offsets, dr = histogram.counts[key], histogram.offsets[key], histogram.dr
    r = (np.arange(counts.size) + 0.5) * dr
    # d/dr sin(Qr)/(Qr) = cos(Qr)/r − sin(Qr)/(Qr²)
    sine = phase_sums((counts - offsets / r) / r, Q, dr).imag / Q
    cosine = phase_sums(offsets / r, Q, dr).real
    return sine + cosine


def debye_intensity(
    histogram: PairHistogram,
    Q: NDArray[np.float64],
    factor: Callable[[str, NDArray[np.float64]], NDArray[Any]],
) -> NDArray[np.float64]:
    """Debye scattering of a cluster, all atoms and all pairs.

    I(Q) = Σ_i |f_i|² + 2 Σ_{i<j} Re(f_i f_j*) sin(Q r_ij)/(Q r_ij), per atom.

    Parameters
    ----------
    histogram
        From :func:`pair_histogram`.
    Q
        Å⁻¹, above zero, shape (m,).
    factor
        Scattering factor of a species at `Q`, real or complex, shape (m,), with its displacement factor.

    Returns
    -------
    numpy.ndarray
        Shape (m,), in the square of the units of `factor` per atom. The self term carries the displacement factor
        as well: a caller that wants thermal diffuse scattering adds it.

    References
    ----------
    P. Debye, Ann. Phys. 351 (1915) 809.
    """
    factors = {name: np.asarray(factor(name, Q)) for name in histogram.numbers}
    total = sum(n * np.abs(factors[name]) ** 2 for name, n in histogram.numbers.items())
    for a, b in histogram.counts:
        weight = 2 * np.real(factors[a] * np.conj(factors[b]))
        total = total + weight * sinc_transform(histogram, (a, b), Q)
    return np.asarray(total, dtype=float) / sum(histogram.numbers.values())
