"""Rings of the cation–oxygen network by three criteria, in cells of any size and shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np

from alzmodel.elements import element_symbols
from alzmodel.errors import InputError
from alzmodel.local_order.ring_paths import (
    decode,
    place_key,
    reached,
    shortest_path_rings,
    step_codes,
    walk,
    whole_graph,
)
from alzmodel.local_order.shells import Bonded, bonded
from alzmodel.results import Item, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = [
    "CRITERIA",
    "LARGEST",
    "Rings",
    "check_largest",
    "check_rings",
    "primitive_rings",
    "ring_members",
    "rings",
    "rings_through",
]

CRITERIA = {
    "primitive": "no two atoms of the ring are nearer along bonds than along the ring",
    "king": "the ring is among the shortest through two bonds of a cation",
    "guttman": "the ring is among the shortest through a bond",
}
"""Names of the criteria, and which rings count."""
LARGEST = 12
"""Longest rings, in atoms, that are looked for unless asked otherwise."""
LARGEST_MAX = 24
"""Longest rings, in atoms, that can be asked for."""
_FAR_BITS = 5
"""Hold the bonds to the farthest atom that is looked at."""


@dataclass(frozen=True, slots=True, repr=False)
class Rings(Result):
    """Ring statistics.

    Attributes
    ----------
    centres
        Cations whose bonds to oxygen make the network.
    largest
        Longest rings that were looked for, in atoms.
    counts
        Rings per frame by their number of atoms (cations and oxygens), as text: ``"4"`` is a shared edge.
    per_centre
        The same per cation of the network.
    through_centre
        Rings that pass through a cation of the network: ``mean`` and ``std`` over cations and frames, by number of
        atoms. The mean is half that number times `per_centre`.
    criterion
        Name of the criterion (`CRITERIA`).
    """

    centres: tuple[str, ...]
    largest: int
    counts: dict[str, float]
    per_centre: dict[str, float]
    through_centre: dict[str, dict[str, float]]
    criterion: str = "primitive"

    def items(self) -> Iterator[Item]:
        """Every attribute by its name, and ``length``: that lengths count atoms, not cations."""
        yield from Result.items(self)
        yield Item("length", "atoms")


def rings(
    frames: Atoms | Sequence[Atoms] | Bonded,
    *,
    centres: Sequence[str] = ("Zr",),
    largest: int = LARGEST,
    criterion: str = "primitive",
    cutoffs: Mapping[str, float] | None = None,
) -> Rings:
    """Count the rings of units joined over oxygen.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model.
    centres
        Cations of the network; other cations are left out.
    largest
        Longest rings, in atoms: an even number from 4 to 24. The time grows steeply with it where units share
        much.
    criterion
        ``"primitive"``, ``"king"`` or ``"guttman"`` (`CRITERIA`).
    cutoffs
        Å by pair label, in place of what is found.

    Raises
    ------
    InputError
        If the model is no oxide, a cut-off is bad, a centre is not in the model, or the criterion or `largest` is not
        allowed.

    References
    ----------
    D. S. Franzblau, Phys. Rev. B 44, 4925 (1991): shortest-path rings; X. Yuan and A. N. Cormack, Comput. Mater.
    Sci. 24, 343 (2002) call them primitive. S. V. King, Nature 213, 1112 (1967). L. Guttman, J. Non-Cryst. Solids 116,
    145 (1990).
    """
    model = bonded(frames, cutoffs=cutoffs)
    check_rings(model, centres, criterion, largest)
    parts = []
    for atoms, cation_bonds in zip(model.frames, model.bonds, strict=True):
        is_centre = np.isin(element_symbols(atoms), list(centres))
        network = cation_bonds.select(is_centre[cation_bonds.i])
        parts.append(rings_through(network, largest, criterion)[is_centre])
    through = np.concatenate(parts)
    # Each ring passes through half as many cations as it has atoms.
    per_centre = through.mean(axis=0) / np.maximum(np.arange(largest // 2 + 1), 1)
    spread = through.std(axis=0, ddof=1) if len(through) > 1 else np.full(largest // 2 + 1, math.nan)
    lengths = range(4, largest + 1, 2)
    return Rings(
        centres=tuple(centres),
        largest=largest,
        counts={str(n): float(per_centre[n // 2]) * len(parts[0]) for n in lengths},
        per_centre={str(n): float(per_centre[n // 2]) for n in lengths},
        through_centre={
            str(n): {"mean": float(through[:, n // 2].mean()), "std": float(spread[n // 2])} for n in lengths
        },
        criterion=criterion,
    )


def check_rings(model: Bonded, centres: Sequence[str], criterion: str, largest: int) -> None:
    """Refuse centres, a criterion or a length of rings that :func:`rings` cannot look for.

    Raises
    ------
    InputError
        As :func:`rings`.
    """
    for centre in centres:
        if centre not in model.cations:
            raise InputError(
                f"ring centre: {centre!r} is no cation of the model; allowed: {', '.join(model.cations)}"
            )
    if criterion not in CRITERIA:
        raise InputError(f"ring criterion: {criterion!r}; allowed: {', '.join(CRITERIA)}")
    check_largest(largest)


def check_largest(largest: int) -> None:
    """Refuse a length of the longest rings, in atoms, that cannot be looked for.

    Raises
    ------
    InputError
        Unless it is an even number from 4 to 24.
    """
    if largest % 2 or not 4 <= largest <= LARGEST_MAX:
        raise InputError(f"largest ring: {largest} atoms; allowed: an even number from 4 to {LARGEST_MAX}")


def rings_through(cation_bonds: Neighbours, largest: int, criterion: str = "primitive") -> NDArray[np.int64]:
    """Count the rings that pass through each cation of a network of bonds.

    Parameters
    ----------
    cation_bonds
        Bonds with `i` the cation and `j` the oxygen, each once.
    largest
        Longest rings in atoms, even.
    criterion
        One of `CRITERIA`.

    Returns
    -------
    ndarray, shape (n_atoms, largest // 2 + 1)
        By half the number of atoms; zero for atoms that are no cation of the network.
    """
    through = np.zeros((cation_bonds.n_atoms, largest // 2 + 1), dtype=np.int64)
    if criterion == "primitive":
        met, _ = _primitive_rings(cation_bonds, largest, collect=False)
        through[np.unique(cation_bonds.i)] = met
        return through
    is_cation = np.zeros(cation_bonds.n_atoms, dtype=bool)
    is_cation[cation_bonds.i] = True
    for n, (atoms, _) in ring_members(cation_bonds, largest, criterion).items():
        through[:, n // 2] = np.bincount(atoms[is_cation[atoms]], minlength=cation_bonds.n_atoms)
    return through


def ring_members(
    cation_bonds: Neighbours, largest: int, criterion: str = "primitive"
) -> dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """List the rings of a network of bonds.

    Parameters
    ----------
    cation_bonds
        Bonds with `i` the cation and `j` the oxygen, each once.
    largest
        Longest rings in atoms, even.
    criterion
        One of `CRITERIA`.

    Returns
    -------
    dict
        Per number of atoms n that occurs: atoms along each ring, shape (n_rings, n), and their images, shape
        (n_rings, n, 3), that of the first atom being zero. The order depends on the network alone.
    """
    if criterion == "primitive":
        _, codes = _primitive_rings(cation_bonds, largest, collect=True)
        codes = np.unique(codes, axis=0)
    else:
        codes, _ = shortest_path_rings(cation_bonds, largest, king=criterion == "king")
    return decode(codes, int(np.abs(cation_bonds.shift).max(initial=0)))


def primitive_rings(cation_bonds: Neighbours, largest: int) -> NDArray[np.int64]:
    """Count the primitive rings of a network of bonds.

    Parameters
    ----------
    cation_bonds
        Bonds with `i` the cation and `j` the oxygen, each once.
    largest
        Longest rings in atoms, even.

    Returns
    -------
    ndarray, shape (largest // 2 + 1,)
        Rings per cell by half their number of atoms. Rings that differ by a lattice translation are one.

    Notes
    -----
    From every cation two shortest paths to the opposite atom make a ring of 2 d atoms; it is primitive if all other
    opposite atoms are d bonds apart too. All atoms carry their image, so that a ring that closes only by going
    around the cell is none. Each ring is met once from each of its d cations.
    """
    met, _ = _primitive_rings(cation_bonds, largest, collect=False)
    return met.sum(axis=0) // np.maximum(np.arange(largest // 2 + 1), 1)


def _primitive_rings(
    cation_bonds: Neighbours, largest: int, *, collect: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rings met from each cation by half length; the codes of all rings met, several times each, if collected."""
    graph = whole_graph(cation_bonds)
    depth = largest // 2
    step = int(np.abs(graph[2]).max(initial=0))
    reach = depth * step + 1
    roots = np.unique(cation_bonds.i)
    slots, codes = 1 << 12, np.empty((0, largest), dtype=np.int64)
    while True:
        *balls, fits = _balls(*graph, depth - 2, 2 * reach, slots)
        if fits:
            counts, fits = _search(*graph, roots, depth, 2 * reach, slots, *balls, step, codes)
            met = int(counts.sum())
            if fits and collect and len(codes) < met:
                codes = np.empty((met, largest), dtype=np.int64)
                continue
            if fits:
                return counts, codes
        slots *= 4


@numba.njit(cache=True, nogil=True)
def _balls(
    starts: NDArray[np.int64],
    partner: NDArray[np.int64],
    shift: NDArray[np.int64],
    depth: int,
    reach: int,
    slots: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    """Who lies within `depth` bonds of each atom, as starts and sorted numbers, and whether the table sufficed.

    A number is the key of a place and, in its last bits, the bonds to it. Two opposite atoms of a ring may not be among
    them at a lesser distance than along the ring.
    """
    keys, stamps = np.empty(slots, dtype=np.int64), np.full(slots, -1, dtype=np.int64)
    owner = np.empty(slots, dtype=np.int64)
    place, far = np.empty((slots, 4), dtype=np.int64), np.empty(slots, dtype=np.int64)
    nobody, root = np.full(2, -1, dtype=np.int64), np.zeros(4, dtype=np.int64)
    n_atoms = len(starts) - 1
    ball_starts = np.zeros(n_atoms + 1, dtype=np.int64)
    balls = np.empty(16 * len(partner) + 16, dtype=np.int64)
    at = 0
    for node in range(n_atoms):
        if starts[node] < starts[node + 1]:
            root[0] = node
            size = walk(
                root, depth, nobody, starts, partner, shift, reach, keys, stamps, owner, node, place, far
            )
            if size < 0:
                return ball_starts, balls, False
            if at + size > len(balls):
                larger = np.empty(2 * at + size, dtype=np.int64)
                larger[:at] = balls[:at]
                balls = larger
            for k in range(size):
                key = place_key(place[k, 0], place[k, 1], place[k, 2], place[k, 3], reach)
                balls[at + k] = (key << _FAR_BITS) + far[k]
            balls[at : at + size].sort()
            at += size
        ball_starts[node + 1] = at
    return ball_starts, balls[:at], True


@numba.njit(cache=True, nogil=True)
def _search(
    starts: NDArray[np.int64],
    partner: NDArray[np.int64],
    shift: NDArray[np.int64],
    roots: NDArray[np.int64],
    depth: int,
    reach: int,
    slots: int,
    ball_starts: NDArray[np.int64],
    balls: NDArray[np.int64],
    step_reach: int,
    codes: NDArray[np.int64],
) -> tuple[NDArray[np.int64], bool]:
    """Rings met from each root by half length, and whether the tables sufficed; rings that fit go to `codes`."""
    n_met = 0
    ring = np.empty((2 * depth, 4), dtype=np.int64)
    counts = np.zeros((len(roots), depth + 1), dtype=np.int64)
    keys, stamps = np.empty(slots, dtype=np.int64), np.full(slots, -1, dtype=np.int64)
    owner = np.empty(slots, dtype=np.int64)
    place, far = np.empty((slots, 4), dtype=np.int64), np.empty(slots, dtype=np.int64)
    stamp = 0
    ways = np.empty(slots, dtype=np.int64)
    nobody, home = np.full(2, -1, dtype=np.int64), np.zeros(4, dtype=np.int64)
    for index in range(len(roots)):
        home[0] = roots[index]
        size = walk(
            home, depth, nobody, starts, partner, shift, reach, keys, stamps, owner, stamp, place, far
        )
        if size < 0:
            return counts, False
        ways[0] = 1
        for end in range(1, size):
            node, d = place[end, 0], far[end]
            ways[end] = 0
            n_before = 0
            for k in range(starts[node], starts[node + 1]):
                before = reached(place[end], partner[k], shift[k], reach, keys, stamps, owner, stamp)
                if before >= 0 and far[before] == d - 1:
                    ways[end] += ways[before]
                    n_before += 1
            if d < 2 or n_before < 2:
                continue
            # All shortest paths from the root to this atom, backwards.
            paths = np.empty((ways[end], d + 1), dtype=np.int64)
            paths[0, d] = end
            n_paths = 1
            for step in range(d, 0, -1):
                for p in range(n_paths):
                    at = paths[p, step]
                    first = True
                    for k in range(starts[place[at, 0]], starts[place[at, 0] + 1]):
                        before = reached(place[at], partner[k], shift[k], reach, keys, stamps, owner, stamp)
                        if before < 0 or far[before] != step - 1:
                            continue
                        if first:
                            paths[p, step - 1] = before
                            first = False
                        else:
                            for later in range(step, d + 1):
                                paths[n_paths, later] = paths[p, later]
                            paths[n_paths, step - 1] = before
                            n_paths += 1
            for p in range(n_paths):
                for q in range(p):
                    if not _primitive(paths, p, q, d, place, reach, ball_starts, balls):
                        continue
                    counts[index, d] += 1
                    if n_met < len(codes):
                        for k in range(d + 1):
                            ring[k] = place[paths[p, k]]
                        for k in range(1, d):
                            ring[d + k] = place[paths[q, d - k]]
                        step_codes(ring[: 2 * d], step_reach, codes[n_met])
                    n_met += 1
        stamp += 1
    return counts, True


@numba.njit(cache=True, nogil=True)
def _primitive(
    paths: NDArray[np.int64],
    one: int,
    two: int,
    d: int,
    place: NDArray[np.int64],
    reach: int,
    ball_starts: NDArray[np.int64],
    balls: NDArray[np.int64],
) -> int:
    """1 if all opposite atoms of the ring of two paths are d bonds apart, else 0."""
    for k in range(1, d):
        a, b = paths[one, k], paths[two, d - k]
        node = place[a, 0]
        key = place_key(
            place[b, 0],
            place[b, 1] - place[a, 1],
            place[b, 2] - place[a, 2],
            place[b, 3] - place[a, 3],
            reach,
        )
        wanted = key << _FAR_BITS
        low, high = ball_starts[node], ball_starts[node + 1]
        while low < high:
            middle = (low + high) // 2
            if balls[middle] < wanted:
                low = middle + 1
            else:
                high = middle
        if low < ball_starts[node + 1] and balls[low] < wanted + d:
            return 0
    return 1
