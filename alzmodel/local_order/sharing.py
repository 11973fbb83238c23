"""How building units are joined: pairs of cations that share one, two or more oxygens, or none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from alzmodel.elements import element_symbols
from alzmodel.ions import pair_label
from alzmodel.local_order.shells import Bonded, Shells, bonded
from alzmodel.results import Item, Result, holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = ["MODES", "Links", "PairSharing", "Sharing", "angle_density", "link_units", "sharing"]

MOBILE = "Li"
"""The element whose sites are of another sort than those of all other cations."""
ANGLE_STEP = 2.0
"""Width of the bins of angle distributions, degrees."""
MODES = ("none", "corner", "edge", "face")
"""Names for 0, 1, 2, and 3 or more shared oxygens."""


@dataclass(frozen=True, slots=True)
class Links:
    """Pairs of cations that share oxygen, each pair (each image of it) once.

    Attributes
    ----------
    a, b
        Cation indices with a ≤ b, shape (n_pairs,).
    shift
        Image of `b`, whole cell vectors, shape (n_pairs, 3).
    shared
        Number of oxygens (each image apart) that both are bonded to, shape (n_pairs,).
    angle_pair
        For every a–O–b bridge the index of its pair, shape (n_bridges,).
    angle
        Angle at the oxygen, degrees, shape (n_bridges,).
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    shift: NDArray[np.int64]
    shared: NDArray[np.int64]
    angle_pair: NDArray[np.int64]
    angle: NDArray[np.float64]

    def four_rings(self) -> int:
        """Count the rings cation–O–cation–O: n (n − 1) / 2 for a pair that shares n oxygens."""
        return int((self.shared * (self.shared - 1) // 2).sum())


@dataclass(frozen=True, slots=True, repr=False)
class PairSharing(Result):
    """How one kind of cation pair within its cut-off shares oxygen, over all frames.

    Attributes
    ----------
    fractions
        Of the pairs, by mode (`MODES`).
    n_pairs
        Per frame.
    cutoff, cutoff_source
        Å, and where it comes from.
    mean_distance, std_distance
        Å, of all pairs.
    distances, distance_stds
        Å by mode; NaN where there is no such pair.
    mean_angle, std_angle
        a–O–b in degrees over all bridges of pairs within the cut-off.
    angles, angle_density
        Their distribution: middles of the bins in degrees and fraction per degree, shape (90,); not divided by sin θ.
    linked_beyond
        Fraction of the pairs sharing oxygen that lie beyond the cut-off and are not counted.
    random_mixture
        What the fractions would be if ions were dealt out at random over their sites, bonds and all: those of all pairs
        of this sort of site, Li sites and sites of other cations being two sorts.
    random_distances, random_distance_stds
        Å by mode for the same mixture, and their spread over pairs.
    """

    fractions: dict[str, float] = field(metadata=holds(hidden=True))
    n_pairs: float
    cutoff: float
    cutoff_source: str
    mean_distance: float
    std_distance: float
    distances: dict[str, float]
    distance_stds: dict[str, float]
    mean_angle: float
    std_angle: float
    angles: NDArray[np.float64] = field(metadata=holds("°", role="axis"))
    angle_density: NDArray[np.float64]
    linked_beyond: float
    random_mixture: dict[str, float]
    random_distances: dict[str, float]
    random_distance_stds: dict[str, float]

    def items(self) -> Iterator[Item]:
        """Fractions by their mode, then the rest."""
        yield from (Item(mode, self.fractions[mode]) for mode in ("corner", "edge", "face", "none"))
        yield from Result.items(self)


@dataclass(frozen=True, slots=True, repr=False)
class Sharing(Result):
    """Sharing of every kind of cation pair, by pair label."""

    pairs: dict[str, PairSharing]

    def items(self) -> Iterator[Item]:
        """One entry for each pair label."""
        yield from (Item(label, pair) for label, pair in self.pairs.items())


def link_units(cation_bonds: Neighbours) -> Links:
    """Join the bonds at each oxygen to pairs of cations.

    Parameters
    ----------
    cation_bonds
        Bonds with `i` the cation and `j` the oxygen, as :func:`alzmodel.local_order.shells.bonded` finds them.

    Notes
    -----
    A cation may meet its own image: then a = b and the shift is not zero.
    """
    a, b, shift, angle = _bridges(
        cation_bonds.i,
        cation_bonds.j,
        cation_bonds.shift,
        cation_bonds.vector,
        cation_bonds.distance,
        cation_bonds.n_atoms,
    )
    where, index = _alike(a, b, shift, cation_bonds.n_atoms)
    return Links(
        a[where],
        b[where],
        shift[where],
        np.bincount(index, minlength=len(where)),
        index,
        angle,
    )


@numba.njit(cache=True, nogil=True)
def _bridges(
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    shift: NDArray[np.int64],
    vector: NDArray[np.float64],
    distance: NDArray[np.float64],
    n_atoms: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Two bonds of an oxygen each: cations a ≤ b, image of b, and angle in degrees; oxygen by oxygen."""
    starts = np.zeros(n_atoms + 1, dtype=np.int64)
    for k in range(len(j)):
        starts[j[k] + 1] += 1
    n = 0
    for atom in range(n_atoms):
        n += starts[atom + 1] * (starts[atom + 1] - 1) // 2
    starts = np.cumsum(starts)
    ends = starts[:-1].copy()
    order = np.empty(len(j), dtype=np.int64)
    for k in range(len(j)):
        order[ends[j[k]]] = k
        ends[j[k]] += 1
    a, b = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    image, angle = np.empty((n, 3), dtype=np.int64), np.empty(n)
    n = 0
    for atom in range(n_atoms):
        for left in range(starts[atom], starts[atom + 1]):
            for right in range(left + 1, starts[atom + 1]):
                one, two = order[left], order[right]
                cosine = 0.0
                for c in range(3):
                    # From the oxygen both cations lie at minus their bond's shift.
                    image[n, c] = shift[one, c] - shift[two, c]
                    cosine += vector[one, c] * vector[two, c]
                cosine /= distance[one] * distance[two]
                angle[n] = math.degrees(math.acos(min(max(cosine, -1.0), 1.0)))
                a[n], b[n] = i[one], i[two]
                x, y, z = image[n]
                if a[n] > b[n] or (a[n] == b[n] and (x, y, z) < (0, 0, 0)):
                    a[n], b[n] = b[n], a[n]
                    image[n] = -image[n]
                n += 1
    return a, b, image, angle


@numba.njit(cache=True, nogil=True)
def _alike(
    a: NDArray[np.int64], b: NDArray[np.int64], shift: NDArray[np.int64], n_atoms: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First of each set of equal (a, b, image), the sets in their order, and the number of every one's set."""
    n = len(a)
    starts = np.zeros(n_atoms + 1, dtype=np.int64)
    for k in range(n):
        starts[a[k] + 1] += 1
    starts = np.cumsum(starts)
    ends = starts[:-1].copy()
    order = np.empty(n, dtype=np.int64)
    for k in range(n):
        # Into its place among those of this atom so far: those are few.
        at = ends[a[k]]
        ends[a[k]] += 1
        while at > starts[a[k]] and _before(b, shift, k, order[at - 1]):
            order[at] = order[at - 1]
            at -= 1
        order[at] = k
    first, index = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    n_sets = 0
    for k in range(n):
        mine = order[k]
        if k == 0 or a[order[k - 1]] != a[mine] or _before(b, shift, order[k - 1], mine):
            first[n_sets] = mine
            n_sets += 1
        index[mine] = n_sets - 1
    return first[:n_sets].copy(), index


@numba.njit(cache=True, nogil=True)
def _before(b: NDArray[np.int64], shift: NDArray[np.int64], one: int, two: int) -> bool:
    """Whether the end of pair `one` comes before that of `two`: by atom, then by image."""
    if b[one] != b[two]:
        return bool(b[one] < b[two])
    for c in range(3):
        if shift[one, c] != shift[two, c]:
            return bool(shift[one, c] < shift[two, c])
    return False


def _points_back(shift: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the first entry of a shift that is not zero is negative, shape (n,)."""
    x, y, z = shift.T
    return (x < 0) | ((x == 0) & (y < 0)) | ((x == 0) & (y == 0) & (z < 0))


def pair_keys(
    a: NDArray[np.int64], b: NDArray[np.int64], shift: NDArray[np.int64], n_atoms: int
) -> NDArray[np.int64]:
    """One whole number for each (a, b, image), the same for the same; images up to 500 cells away.

    Of models of more than 90 000 atoms fewer, as many as the numbers have room for: 100 cells at a million atoms.
    """
    reach = min(500, int((2**63 / n_atoms**2) ** (1 / 3) - 1) // 2)
    base = 2 * reach + 1
    image = ((shift[:, 0] + reach) * base + shift[:, 1] + reach) * base + shift[:, 2] + reach
    return (a * n_atoms + b) * np.int64(base**3) + image


def sharing(
    frames: Atoms | Sequence[Atoms] | Bonded,
    *,
    cutoffs: Mapping[str, float] | None = None,
) -> Sharing:
    """Count how neighbouring cations share oxygen.

    Every pair of cations closer than the end of their shell (:class:`alzmodel.local_order.shells.Shells`) counts, each
    image apart; it shares
    a corner, an edge or a face where one, two, or three and more oxygens belong to the first shell of both.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model.
    cutoffs
        Å by pair label (cation–oxygen and cation–cation), in place of what is found.

    Raises
    ------
    InputError
        If the model is no oxide or a cut-off is bad.
    """
    model = bonded(frames, cutoffs=cutoffs)
    limits = model.shells
    tables = [
        _pairs_of_frame(atoms, bonds, model.pairs_of_cations(frame), limits)
        for frame, (atoms, bonds) in enumerate(zip(model.frames, model.bonds, strict=True))
    ]
    kind, shared, distance = (
        np.concatenate(columns) for columns in zip(*(t[:3] for t in tables), strict=True)
    )
    angle_kind, angle, beyond_kind, linked_kind = (
        np.concatenate(columns) for columns in zip(*(t[3:] for t in tables), strict=True)
    )
    result = {}
    labels = _cation_labels(limits)
    sort = np.array([label.split("-").count(MOBILE) for label in labels])
    alike = {
        n: [distance[(sort[kind] == n) & (np.minimum(shared, 3) == mode)] for mode in range(len(MODES))]
        for n in np.unique(sort)
    }
    for index, label in enumerate(labels):
        mine = kind == index
        modes = np.minimum(shared[mine], 3)
        lengths = distance[mine]
        total = len(lengths)
        split = [lengths[modes == mode] for mode in range(4)]
        angles = angle[angle_kind == index]
        middles, density = angle_density(angles)
        pool = alike[sort[index]]
        linked = int((linked_kind == index).sum())
        result[label] = PairSharing(
            fractions={
                name: (len(part) / total if total else math.nan)
                for name, part in zip(MODES, split, strict=True)
            },
            n_pairs=total / len(model.frames),
            cutoff=limits.cutoffs[label],
            cutoff_source=limits.sources[label],
            mean_distance=_mean(lengths),
            std_distance=_std(lengths),
            distances={name: _mean(part) for name, part in zip(MODES, split, strict=True)},
            distance_stds={name: _std(part) for name, part in zip(MODES, split, strict=True)},
            mean_angle=_mean(angles),
            std_angle=_std(angles),
            angles=middles,
            angle_density=density,
            linked_beyond=int((beyond_kind == index).sum()) / linked if linked else 0.0,
            random_mixture=_shares(pool),
            random_distances={name: _mean(part) for name, part in zip(MODES, pool, strict=True)},
            random_distance_stds={name: _std(part) for name, part in zip(MODES, pool, strict=True)},
        )
    return Sharing(result)


def _shares(pool: Sequence[NDArray[np.float64]]) -> dict[str, float]:
    total = sum(len(part) for part in pool)
    return {name: (len(part) / total if total else math.nan) for name, part in zip(MODES, pool, strict=True)}


def _cation_labels(shells: Shells) -> list[str]:
    return [label for label in shells.cutoffs if not set(shells.ligands) & set(label.split("-"))]


def _pairs_of_frame(
    atoms: Atoms, cation_bonds: Neighbours, pairs: Neighbours, shells: Shells
) -> tuple[NDArray[Any], ...]:
    """Kind, shared oxygens and distance of all pairs in range; kind and angle of bridges; kinds of all linked pairs."""
    labels = _cation_labels(shells)
    rank = {element: index for index, element in enumerate((*shells.cations, *shells.ligands))}
    table = np.full((len(rank), len(rank)), -1)
    for a in shells.cations:
        for b in shells.cations:
            table[rank[a], rank[b]] = labels.index(pair_label(a, b))
    limit = np.array([shells.cutoffs[label] for label in labels])
    symbols = element_symbols(atoms)
    species = np.empty(len(atoms), dtype=np.int64)
    for element, index in rank.items():
        species[symbols == element] = index

    cations = np.flatnonzero(species < len(shells.cations))
    first, second = cations[pairs.i], cations[pairs.j]
    kinds = table[species[first], species[second]]
    ahead = (first < second) | ((first == second) & ~_points_back(pairs.shift))
    near = ahead & (pairs.distance < limit[kinds])
    links = link_units(cation_bonds)
    known = pair_keys(links.a, links.b, links.shift, len(atoms))
    wanted = pair_keys(first[near], second[near], pairs.shift[near], len(atoms))
    at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
    hit = known[at] == wanted if len(known) else np.zeros(len(wanted), dtype=bool)
    shared = np.where(hit, links.shared[at] if len(known) else 0, 0)

    linked_kind = table[species[links.a], species[links.b]]
    within = np.zeros(len(known), dtype=bool)
    within[at[hit]] = True
    bridge_within = within[links.angle_pair]
    return (
        kinds[near],
        shared,
        pairs.distance[near],
        linked_kind[links.angle_pair][bridge_within],
        links.angle[bridge_within],
        linked_kind[~within],
        linked_kind,
    )


def angle_density(angles: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distribution of angles: middles of the bins in degrees, and fraction per degree, both shape (90,)."""
    edges = np.arange(0, 180 + ANGLE_STEP / 2, ANGLE_STEP)
    density = np.histogram(angles, edges)[0] / (max(len(angles), 1) * ANGLE_STEP)
    return (edges[:-1] + edges[1:]) / 2, density


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _std(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan
