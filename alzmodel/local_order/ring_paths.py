"""Rings along shortest paths, image by image: King's and Guttman's criteria, and one form for each ring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = [
    "Graph",
    "decode",
    "find_slot",
    "place_key",
    "reached",
    "shortest_path_rings",
    "step_codes",
    "walk",
    "whole_graph",
]

Graph = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]"]
"""Where each atom's bonds start, the atoms they lead to, and the images of those."""


def whole_graph(cation_bonds: Neighbours) -> Graph:
    """Bonds of all atoms in both directions."""
    a = np.concatenate([cation_bonds.i, cation_bonds.j])
    b = np.concatenate([cation_bonds.j, cation_bonds.i])
    shift = np.concatenate([cation_bonds.shift, -cation_bonds.shift])
    order = np.argsort(a, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(a, minlength=cation_bonds.n_atoms))]).astype(np.int64)
    return starts, b[order], np.ascontiguousarray(shift[order])


def shortest_path_rings(
    cation_bonds: Neighbours, largest: int, *, king: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the shortest rings through every pair of bonds at a cation (King), or through every bond (Guttman).

    Parameters
    ----------
    cation_bonds
        Bonds with `i` the cation and `j` the oxygen, each once.
    largest
        Longest rings in atoms, even.
    king
        King's criterion if true, else Guttman's.

    Returns
    -------
    codes
        Every ring once, whatever number of times it was met, in the form that :func:`decode` reads; int64, shape
        (n_rings, largest), filled up with −1. Rings that differ by a lattice translation are one.
    met
        How often rings were met by half their length, shape (largest // 2 + 1,): for King the sum over all angles at
        cations of the number of shortest rings, as in the vertex symbol of a net.

    Notes
    -----
    Where several rings are the shortest of an angle or a bond, all count. Walks from both ends, kept apart from the
    cation (King) or the bond (Guttman) that the ring closes over, meet in the middle.

    References
    ----------
    S. V. King, Nature 213, 1112 (1967); L. Guttman, J. Non-Cryst. Solids 116, 145 (1990).
    """
    graph = whole_graph(cation_bonds)
    step = int(np.abs(graph[2]).max(initial=0))
    reach = 2 * (largest // 2 * step + 1)
    roots = np.unique(cation_bonds.i)
    slots, room = 1 << 10, max(64 * len(roots), 1024)
    while True:
        codes = np.empty((room, largest), dtype=np.int64)
        n, met, fits = _search(*graph, roots, largest, reach, step, slots, king, codes)
        if fits and n <= room:
            break
        if fits:
            room = n
        else:
            slots *= 4
    return np.unique(codes[:n], axis=0), met


def decode(codes: NDArray[np.int64], step: int) -> dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Atoms and images of rings, by number of atoms.

    Parameters
    ----------
    codes
        As :func:`shortest_path_rings` gives them.
    step
        Largest component of any bond's image.

    Returns
    -------
    dict
        Per number of atoms n: indices along the ring, shape (n_rings, n), and images, shape (n_rings, n, 3), the first
        atom's being zero.
    """
    base = 2 * step + 1
    result = {}
    number = (codes >= 0).sum(axis=1)
    for n in np.unique(number):
        rows = codes[number == n, :n]
        atoms, image = np.divmod(rows, base**3)
        moves = np.stack([image // base**2, image // base % base, image % base], axis=-1) - step
        places = np.concatenate([np.zeros_like(moves[:, :1]), np.cumsum(moves[:, :-1], axis=1)], axis=1)
        result[int(n)] = (atoms, places)
    return result


@numba.njit(cache=True, nogil=True)
def find_slot(keys: NDArray[np.int64], stamps: NDArray[np.int64], stamp: int, key: int) -> int:
    """Slot of a hash table that holds `key` or is free for it."""
    mask = len(keys) - 1
    slot = (key * 0x9E3779B97F4A7C1 >> 20) & mask
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@numba.njit(cache=True, nogil=True)
def place_key(node: int, x: int, y: int, z: int, reach: int) -> int:
    """One whole number for an atom's image no more than `reach` cells away."""
    base = 2 * reach + 1
    return ((node * base + x + reach) * base + y + reach) * base + z + reach


@numba.njit(cache=True, nogil=True)
def step_codes(ring: NDArray[np.int64], step: int, row: NDArray[np.int64]) -> None:
    """Write the form of a ring that does not depend on its start, direction or cell: the least of all its readings.

    `ring` holds atom and image along the ring, shape (n, 4); each number written stands for an atom and the image of
    the next one relative to its own.
    """
    n = len(ring)
    base = 2 * step + 1
    codes = np.empty((2, n), dtype=np.int64)
    for a in range(n):
        for way in range(2):
            b = (a + 1) % n if way == 0 else (a - 1) % n
            code = ring[a, 0]
            for c in range(1, 4):
                code = code * base + ring[b, c] - ring[a, c] + step
            codes[way, a] = code
    best_way, best = 0, 0
    for way in range(2):
        move = 1 if way == 0 else -1
        for start in range(n):
            for k in range(n):
                mine = codes[way, (start + move * k) % n]
                other = codes[best_way, (best + (1 if best_way == 0 else -1) * k) % n]
                if mine != other:
                    if mine < other:
                        best_way, best = way, start
                    break
    for k in range(n):
        row[k] = codes[best_way, (best + (1 if best_way == 0 else -1) * k) % n]
    row[n:] = -1


@numba.njit(cache=True, nogil=True)
def walk(
    root: NDArray[np.int64],
    depth: int,
    blocked: NDArray[np.int64],
    starts: NDArray[np.int64],
    partner: NDArray[np.int64],
    shift: NDArray[np.int64],
    reach: int,
    keys: NDArray[np.int64],
    stamps: NDArray[np.int64],
    owner: NDArray[np.int64],
    stamp: int,
    place: NDArray[np.int64],
    far: NDArray[np.int64],
) -> int:
    """Reach every atom within `depth` bonds of the root, nearest first; −1 if the table is too small.

    `root` is an atom and its image; place, bonds and order of those reached go to `place` and `far`. `blocked` are two
    keys: no step leads from one to the other; where the second is −1, none leads to the first; where both are, all do.
    """
    place[0] = root
    far[0] = 0
    key = place_key(root[0], root[1], root[2], root[3], reach)
    slot = find_slot(keys, stamps, stamp, key)
    keys[slot], stamps[slot], owner[slot] = key, stamp, 0
    size, head = 1, 0
    limit = len(keys) // 2
    while head < size and far[head] < depth:
        node = place[head, 0]
        own = place_key(node, place[head, 1], place[head, 2], place[head, 3], reach)
        for k in range(starts[node], starts[node + 1]):
            x, y, z = place[head, 1] + shift[k, 0], place[head, 2] + shift[k, 1], place[head, 3] + shift[k, 2]
            key = place_key(partner[k], x, y, z, reach)
            if key == blocked[0] and (blocked[1] < 0 or own == blocked[1]):
                continue
            if key == blocked[1] and own == blocked[0]:
                continue
            slot = find_slot(keys, stamps, stamp, key)
            if stamps[slot] != stamp:
                if size == limit:
                    return -1
                keys[slot], stamps[slot], owner[slot] = key, stamp, size
                place[size, 0], place[size, 1], place[size, 2], place[size, 3] = partner[k], x, y, z
                far[size] = far[head] + 1
                size += 1
        head += 1
    return size


@numba.njit(cache=True, nogil=True)
def reached(
    at: NDArray[np.int64],
    node: int,
    move: NDArray[np.int64],
    reach: int,
    keys: NDArray[np.int64],
    stamps: NDArray[np.int64],
    owner: NDArray[np.int64],
    stamp: int,
) -> int:
    """Find where in a walk the atom stands that a bond over `move` cells leads to from `at`; −1 if not reached."""
    key = place_key(node, at[1] + move[0], at[2] + move[1], at[3] + move[2], reach)
    slot = find_slot(keys, stamps, stamp, key)
    return owner[slot] if stamps[slot] == stamp else -1


@numba.njit(cache=True, nogil=True)
def _paths(
    end: int,
    starts: NDArray[np.int64],
    partner: NDArray[np.int64],
    shift: NDArray[np.int64],
    reach: int,
    keys: NDArray[np.int64],
    stamps: NDArray[np.int64],
    owner: NDArray[np.int64],
    stamp: int,
    place: NDArray[np.int64],
    far: NDArray[np.int64],
) -> NDArray[np.int64]:
    """All shortest paths from the root of a walk to one of its places, shape (n_paths, bonds + 1), root first."""
    d = far[end]
    paths = np.full((1, d + 1), end, dtype=np.int64)
    for step in range(d, 0, -1):
        grown = np.empty((8 * len(paths), d + 1), dtype=np.int64)
        n = 0
        for p in range(len(paths)):
            at = paths[p, step]
            node = place[at, 0]
            for k in range(starts[node], starts[node + 1]):
                before = reached(place[at], partner[k], shift[k], reach, keys, stamps, owner, stamp)
                if before < 0 or far[before] != step - 1:
                    continue
                if n == len(grown):
                    larger = np.empty((2 * n, d + 1), dtype=np.int64)
                    larger[:n] = grown
                    grown = larger
                grown[n] = paths[p]
                grown[n, step - 1] = before
                n += 1
        paths = grown[:n].copy()
    return paths


@numba.njit(cache=True, nogil=True)
def _search(
    starts: NDArray[np.int64],
    partner: NDArray[np.int64],
    shift: NDArray[np.int64],
    roots: NDArray[np.int64],
    largest: int,
    reach: int,
    step: int,
    slots: int,
    king: bool,
    codes: NDArray[np.int64],
) -> tuple[int, NDArray[np.int64], bool]:
    """Rings met, as many as fit written to `codes`; how often by half length; and whether the tables sufficed."""
    depth = largest // 2
    met = np.zeros(depth + 1, dtype=np.int64)
    widest = 1
    for root in roots:
        widest = max(widest, starts[root + 1] - starts[root])
    sides = widest if king else 2
    keys = np.empty((sides, slots), dtype=np.int64)
    stamps = np.full((sides, slots), -1, dtype=np.int64)
    owner = np.empty((sides, slots), dtype=np.int64)
    place, far = np.empty((sides, slots, 4), dtype=np.int64), np.empty((sides, slots), dtype=np.int64)
    sizes = np.zeros(sides, dtype=np.int64)
    blocked = np.empty(2, dtype=np.int64)
    ends = np.empty((sides, 4), dtype=np.int64)
    ring = np.empty((largest, 4), dtype=np.int64)
    stamp, n = 0, 0
    for root in roots:
        first, degree = starts[root], starts[root + 1] - starts[root]
        own = place_key(root, 0, 0, 0, reach)
        rounds = 1 if king else degree
        for bond in range(rounds):
            # The walks of this round: from every oxygen of the cation, or from both ends of one bond.
            if king:
                count = degree
                blocked[0], blocked[1] = own, -1
                for a in range(degree):
                    ends[a, 0] = partner[first + a]
                    ends[a, 1:] = shift[first + a]
            else:
                count = 2
                ends[0] = 0
                ends[0, 0] = root
                ends[1, 0] = partner[first + bond]
                ends[1, 1:] = shift[first + bond]
                blocked[0] = own
                blocked[1] = place_key(ends[1, 0], ends[1, 1], ends[1, 2], ends[1, 3], reach)
            for a in range(count):
                sizes[a] = walk(
                    ends[a],
                    depth if not king and a == 0 else depth - 1,
                    blocked,
                    starts,
                    partner,
                    shift,
                    reach,
                    keys[a],
                    stamps[a],
                    owner[a],
                    stamp,
                    place[a],
                    far[a],
                )
                if sizes[a] < 0:
                    return n, met, False
            extra = 0 if king else 1
            for a in range(count):
                for b in range(a + 1, count):
                    # Half way lies what is as far from both oxygens, or one bond nearer to the bond's oxygen.
                    half = -1
                    for at in range(sizes[a]):
                        if half >= 0 and far[a, at] > half + extra:
                            break
                        key = place_key(
                            place[a, at, 0], place[a, at, 1], place[a, at, 2], place[a, at, 3], reach
                        )
                        slot = find_slot(keys[b], stamps[b], stamp, key)
                        if stamps[b, slot] != stamp:
                            continue
                        other = owner[b, slot]
                        if far[b, other] + extra != far[a, at]:
                            continue
                        half = far[b, other]
                        left = _paths(
                            at,
                            starts,
                            partner,
                            shift,
                            reach,
                            keys[a],
                            stamps[a],
                            owner[a],
                            stamp,
                            place[a],
                            far[a],
                        )
                        right = _paths(
                            other,
                            starts,
                            partner,
                            shift,
                            reach,
                            keys[b],
                            stamps[b],
                            owner[b],
                            stamp,
                            place[b],
                            far[b],
                        )
                        length = 2 * half + 2
                        for p in range(len(left)):
                            for q in range(len(right)):
                                met[length // 2] += 1
                                if n < len(codes):
                                    m = 0
                                    if king:
                                        ring[0] = 0
                                        ring[0, 0] = root
                                        m = 1
                                    for k in range(left.shape[1]):
                                        ring[m] = place[a, left[p, k]]
                                        m += 1
                                    for k in range(right.shape[1] - 2, -1, -1):
                                        ring[m] = place[b, right[q, k]]
                                        m += 1
                                    step_codes(ring[:length], step, codes[n])
                                n += 1
            stamp += 1
    return n, met, True
