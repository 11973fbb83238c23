"""Primitive rings of the cation–oxygen network, in cells of any size and shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from alzmodel.errors import InputError
from alzmodel.local_order.shells import Bonded, bonded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = ["CRITERION", "Rings", "primitive_rings", "rings"]

CRITERION = "primitive"
"""A ring counts if no two of its atoms are nearer along bonds than along the ring."""
LARGEST_MAX = 24
"""Longest rings, in atoms, that can be asked for."""


@dataclass(frozen=True, slots=True)
class Rings:
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
    criterion
        Name of the criterion (`CRITERION`).
    """

    centres: tuple[str, ...]
    largest: int
    counts: dict[str, float]
    per_centre: dict[str, float]
    criterion: str = CRITERION

    def to_dict(self) -> dict[str, Any]:
        """Every attribute by its name, and ``length``: that lengths count atoms, not cations."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "centres"}
        return {"centres": list(self.centres), "length": "atoms", **plain}


def rings(
    frames: Atoms | Sequence[Atoms] | Bonded,
    *,
    centres: Sequence[str] = ("Zr",),
    largest: int = 12,
    cutoffs: Mapping[str, float] | None = None,
) -> Rings:
    """Count the primitive rings of units joined over oxygen.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model.
    centres
        Cations of the network; other cations are left out.
    largest
        Longest rings, in atoms: an even number from 4 to 24. The time grows steeply with it where units share
        much.
    cutoffs
        Å by pair label, in place of what is found.

    Raises
    ------
    InputError
        If the model is no oxide, a cut-off is bad, a centre is not in the model, or `largest` is not allowed.

    References
    ----------
    D. S. Franzblau, Phys. Rev. B 44, 4925 (1991): shortest-path rings; X. Yuan and A. N. Cormack, Comput. Mater.
    Sci. 24, 343 (2002) call them primitive.
    """
    model = bonded(frames, cutoffs=cutoffs)
    for centre in centres:
        if centre not in model.cations:
            raise InputError(
                f"ring centre: {centre!r} is no cation of the model; allowed: {', '.join(model.cations)}"
            )
    if largest % 2 or not 4 <= largest <= LARGEST_MAX:
        raise InputError(f"largest ring: {largest} atoms; allowed: an even number from 4 to {LARGEST_MAX}")
    found = np.zeros(largest // 2 + 1)
    for atoms, cation_bonds in zip(model.frames, model.bonds, strict=True):
        symbols = np.array(atoms.get_chemical_symbols())
        found += primitive_rings(
            cation_bonds.select(np.isin(symbols[cation_bonds.i], list(centres))), largest
        )
    found /= len(model.frames)
    first = model.frames[0].get_chemical_symbols()
    n_centres = sum(first.count(centre) for centre in centres)
    lengths = range(4, largest + 1, 2)
    return Rings(
        centres=tuple(centres),
        largest=largest,
        counts={str(n): float(found[n // 2]) for n in lengths},
        per_centre={str(n): float(found[n // 2]) / n_centres for n in lengths},
    )


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
    n_atoms = cation_bonds.n_atoms
    cations, oxygens = cation_bonds.i, cation_bonds.j
    a = np.concatenate([cations, oxygens])
    b = np.concatenate([oxygens, cations])
    shift = np.concatenate([cation_bonds.shift, -cation_bonds.shift])
    order = np.argsort(a, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(a, minlength=n_atoms))]).astype(np.int64)
    depth = largest // 2
    reach = depth * int(np.abs(shift).max(initial=0)) + 1
    roots = np.unique(cations)
    graph = (starts, b[order], np.ascontiguousarray(shift[order]))
    slots = 1 << 12
    while True:
        balls = _sorted_balls(graph, depth - 2, 2 * reach, slots)
        if balls is not None:
            counts, fits = _search(*graph, roots, depth, 2 * reach, slots, *balls)
            if fits:
                return counts // np.maximum(np.arange(depth + 1), 1)
        slots *= 4


def _sorted_balls(
    graph: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    depth: int,
    reach: int,
    slots: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
    """List the surroundings of all atoms as starts, sorted keys and distances; None where the tables are too small.

    Two opposite atoms of a ring may not be among them at a lesser distance than along the ring.
    """
    sizes = np.zeros(len(graph[0]) - 1, dtype=np.int64)
    empty = np.empty(0, dtype=np.int64)
    if not _balls(*graph, depth, reach, slots, sizes, empty, empty):
        return None
    keys, far = np.empty(sizes.sum(), dtype=np.int64), np.empty(sizes.sum(), dtype=np.int64)
    _balls(*graph, depth, reach, slots, sizes, keys, far)
    order = np.lexsort((keys, np.repeat(np.arange(len(sizes)), sizes)))
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), keys[order], far[order]


@numba.njit(cache=True)
def _find(keys: NDArray[np.int64], stamps: NDArray[np.int64], stamp: int, key: int) -> int:
    """Slot of a hash table that holds `key` or is free for it."""
    mask = len(keys) - 1
    slot = (key * 0x9E3779B97F4A7C1 >> 20) & mask
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@numba.njit(cache=True)
def _key(node: int, x: int, y: int, z: int, reach: int) -> int:
    base = 2 * reach + 1
    return ((node * base + x + reach) * base + y + reach) * base + z + reach


@numba.njit(cache=True)
def _walk(
    root: int,
    depth: int,
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
    """Reach every atom within `depth` bonds of the root, nearest first: (atom, image) to `place`, bonds to `far`."""
    place[0, 0], place[0, 1], place[0, 2], place[0, 3] = root, 0, 0, 0
    far[0] = 0
    slot = _find(keys, stamps, stamp, _key(root, 0, 0, 0, reach))
    keys[slot], stamps[slot], owner[slot] = _key(root, 0, 0, 0, reach), stamp, 0
    size, head = 1, 0
    limit = len(keys) // 2
    while head < size:
        if far[head] == depth:
            break
        node = place[head, 0]
        for k in range(starts[node], starts[node + 1]):
            x, y, z = place[head, 1] + shift[k, 0], place[head, 2] + shift[k, 1], place[head, 3] + shift[k, 2]
            key = _key(partner[k], x, y, z, reach)
            slot = _find(keys, stamps, stamp, key)
            if stamps[slot] != stamp:
                if size == limit:
                    return -1
                keys[slot], stamps[slot], owner[slot] = key, stamp, size
                place[size, 0], place[size, 1], place[size, 2], place[size, 3] = partner[k], x, y, z
                far[size] = far[head] + 1
                size += 1
        head += 1
    return size


@numba.njit(cache=True)
def _balls(
    starts: NDArray[np.int64],
    partner: NDArray[np.int64],
    shift: NDArray[np.int64],
    depth: int,
    reach: int,
    slots: int,
    sizes: NDArray[np.int64],
    ball_keys: NDArray[np.int64],
    ball_far: NDArray[np.int64],
) -> bool:
    """Who lies within `depth` bonds of each atom: fills `sizes` and, where there is room for them, keys and bonds."""
    keys, stamps = np.empty(slots, dtype=np.int64), np.full(slots, -1, dtype=np.int64)
    owner = np.empty(slots, dtype=np.int64)
    place, far = np.empty((slots, 4), dtype=np.int64), np.empty(slots, dtype=np.int64)
    at = 0
    for node in range(len(sizes)):
        size = _walk(node, depth, starts, partner, shift, reach, keys, stamps, owner, node, place, far)
        if size < 0:
            return False
        sizes[node] = size
        if len(ball_keys) > 0:
            for k in range(size):
                ball_keys[at] = _key(place[k, 0], place[k, 1], place[k, 2], place[k, 3], reach)
                ball_far[at] = far[k]
                at += 1
    return True


@numba.njit(cache=True)
def _search(
    starts: NDArray[np.int64],
    partner: NDArray[np.int64],
    shift: NDArray[np.int64],
    roots: NDArray[np.int64],
    depth: int,
    reach: int,
    slots: int,
    ball_starts: NDArray[np.int64],
    ball_keys: NDArray[np.int64],
    ball_far: NDArray[np.int64],
) -> tuple[NDArray[np.int64], bool]:
    """Rings met from all roots by half length, and whether the tables were large enough."""
    counts = np.zeros(depth + 1, dtype=np.int64)
    keys, stamps = np.empty(slots, dtype=np.int64), np.full(slots, -1, dtype=np.int64)
    owner = np.empty(slots, dtype=np.int64)
    place, far = np.empty((slots, 4), dtype=np.int64), np.empty(slots, dtype=np.int64)
    stamp = 0
    ways = np.empty(slots, dtype=np.int64)
    for root in roots:
        size = _walk(root, depth, starts, partner, shift, reach, keys, stamps, owner, stamp, place, far)
        if size < 0:
            return counts, False
        ways[0] = 1
        for end in range(1, size):
            node, d = place[end, 0], far[end]
            ways[end] = 0
            n_before = 0
            for k in range(starts[node], starts[node + 1]):
                key = _key(
                    partner[k],
                    place[end, 1] + shift[k, 0],
                    place[end, 2] + shift[k, 1],
                    place[end, 3] + shift[k, 2],
                    reach,
                )
                slot = _find(keys, stamps, stamp, key)
                if stamps[slot] == stamp and far[owner[slot]] == d - 1:
                    ways[end] += ways[owner[slot]]
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
                        key = _key(
                            partner[k],
                            place[at, 1] + shift[k, 0],
                            place[at, 2] + shift[k, 1],
                            place[at, 3] + shift[k, 2],
                            reach,
                        )
                        slot = _find(keys, stamps, stamp, key)
                        if stamps[slot] != stamp or far[owner[slot]] != step - 1:
                            continue
                        if first:
                            paths[p, step - 1] = owner[slot]
                            first = False
                        else:
                            for later in range(step, d + 1):
                                paths[n_paths, later] = paths[p, later]
                            paths[n_paths, step - 1] = owner[slot]
                            n_paths += 1
            for p in range(n_paths):
                for q in range(p):
                    counts[d] += _primitive(paths, p, q, d, place, reach, ball_starts, ball_keys, ball_far)
        stamp += 1
    return counts, True


@numba.njit(cache=True)
def _primitive(
    paths: NDArray[np.int64],
    one: int,
    two: int,
    d: int,
    place: NDArray[np.int64],
    reach: int,
    ball_starts: NDArray[np.int64],
    ball_keys: NDArray[np.int64],
    ball_far: NDArray[np.int64],
) -> int:
    """1 if all opposite atoms of the ring of two paths are d bonds apart, else 0."""
    for k in range(1, d):
        a, b = paths[one, k], paths[two, d - k]
        node = place[a, 0]
        key = _key(
            place[b, 0],
            place[b, 1] - place[a, 1],
            place[b, 2] - place[a, 2],
            place[b, 3] - place[a, 3],
            reach,
        )
        low, high = ball_starts[node], ball_starts[node + 1]
        while low < high:
            middle = (low + high) // 2
            if ball_keys[middle] < key:
                low = middle + 1
            else:
                high = middle
        if low < ball_starts[node + 1] and ball_keys[low] == key and ball_far[low] < d:
            return 0
    return 1
