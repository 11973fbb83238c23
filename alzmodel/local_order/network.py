"""The network that the units make: what oxygens bridge, what hangs together, and who prefers whom."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from alzmodel.elements import element_symbols
from alzmodel.ions import pair_label
from alzmodel.local_order.ligands import former_elements, is_among
from alzmodel.local_order.sharing import link_units
from alzmodel.local_order.shells import Bonded, bonded
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = ["Network", "SubNetwork", "network", "percolation"]


@dataclass(frozen=True, slots=True, repr=False)
class SubNetwork(Result):
    """Units of one cation joined over shared oxygens, mean over frames.

    Attributes
    ----------
    n_clusters
        Separate pieces per cell.
    largest_fraction
        Share of the cations of this element that the largest piece holds.
    dimensions
        In how many independent directions the largest piece runs through the whole periodic model (3: percolates
        everywhere; 0: an island).
    links_per_unit, std_links_per_unit
        Other units of the same element that a unit shares oxygen with; the spread is over units.
    """

    n_clusters: float
    largest_fraction: float
    dimensions: float
    links_per_unit: float
    std_links_per_unit: float


@dataclass(frozen=True, slots=True, repr=False)
class Network(Result):
    """How the units of a model are connected, over all frames.

    Attributes
    ----------
    former
        Element whose units the words bridging and Qn refer to; several with commas between them.
    oxygen
        Fraction of the oxygens (and of other ligands, such as ``"N-Zr2"``) by their cation neighbours, such as
        ``"O-Zr2La2Li"``, most frequent first; ``"O"`` has none. Only those that occur.
    former_neighbours
        Fraction of the oxygens by the number of formers they are bonded to, as text.
    non_bridging_fraction, free_fraction
        Of the oxygens: bonded to one former, to none.
    qn
        Fraction of the former's units by the number of their oxygens that are bonded to a further former, as text.
    mean_qn, std_qn
        Mean of that number, and its spread over units.
    sub_networks
        Per cation element, and of several formers together.
    short_range_order
        Warren–Cowley parameter α per pair of cations ``"Zr-La"`` and direction: 1 − p / c, with p the share of the
        second element among the cation neighbours of the first (each kind of pair within its own cut-off) and c its
        share of the cations. 0 for ions dealt out at random over one sort of sites, negative where the two prefer each
        other; where ions of different size have different cut-offs, the smaller ones count less.
    bridge_order
        The same for bonds, which takes the coordination numbers out: p is the share of the second element among the
        other bonds of the oxygens that the first is bonded to, c its share of all cation–oxygen bonds. 0 where bonds
        meet at oxygens at random.
    std_short_range_order, std_bridge_order
        Spreads of both over the cations of the first element, each with its own neighbours or bonds.
    """

    former: str
    oxygen: dict[str, float] = field(metadata=holds(role="frequency"))
    former_neighbours: dict[str, float] = field(metadata=holds(role="frequency"))
    non_bridging_fraction: float
    free_fraction: float
    qn: dict[str, float] = field(metadata=holds(role="frequency"))
    mean_qn: float
    std_qn: float
    sub_networks: dict[str, SubNetwork]
    short_range_order: dict[str, float]
    std_short_range_order: dict[str, float]
    bridge_order: dict[str, float]
    std_bridge_order: dict[str, float]


def network(
    frames: Atoms | Sequence[Atoms] | Bonded,
    *,
    former: str = "Zr",
    cutoffs: Mapping[str, float] | None = None,
) -> Network:
    """Describe how units are connected over oxygen.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model.
    former
        Cation that counts as network former, or several such as ``"Si,Al"``, whose units are one network.
    cutoffs
        Å by pair label, in place of what is found.

    Raises
    ------
    InputError
        If the model is no oxide, a cut-off is bad, or `former` is no cation of the model.

    References
    ----------
    Short-range order: J. M. Cowley, Phys. Rev. 77, 669 (1950), eq. 1. Qn counts bridging oxygens as in silicates (E.
    Lippmaa et al., J. Am. Chem. Soc. 102, 4889 (1980)), here for units of any coordination.
    """
    model = bonded(frames, cutoffs=cutoffs)
    names = former_elements(former, model.cations)
    species: Counter[str] = Counter()
    formers: Counter[int] = Counter()
    bridges: Counter[int] = Counter()
    kinds, pairs, meetings = [], [], []
    n_bonds = np.zeros(len(model.cations))
    parts: dict[str, list[SubNetwork]] = {element: [] for element in model.cations}
    for frame, (atoms, cation_bonds) in enumerate(zip(model.frames, model.bonds, strict=True)):
        symbols = element_symbols(atoms)
        table = np.stack(
            [
                np.bincount(cation_bonds.j[symbols[cation_bonds.i] == element], minlength=len(atoms))
                for element in model.cations
            ],
            axis=1,
        )
        is_cation = ~is_among(atoms, model.ligands)
        for ligand in model.ligands:
            rows, counts = np.unique(table[symbols == ligand], axis=0, return_counts=True)
            for row, count in zip(rows, counts, strict=True):
                species[_species_name(ligand, model.cations, row)] += int(count)
        n_bonds += table[~is_cation].sum(axis=0)
        kinds.append(symbols[is_cation])
        pairs.append(_neighbour_counts(model.pairs_of_cations(frame), symbols, model)[is_cation])
        meetings.append(_meeting_bonds(cation_bonds, symbols, table, model.cations)[is_cation])
        to_former = table[:, [model.cations.index(name) for name in names]].sum(axis=1)
        is_former = is_among(atoms, names)
        formers.update(to_former[~is_cation].tolist())
        bridging = is_former[cation_bonds.i] & (to_former[cation_bonds.j] > 1)
        qn = np.bincount(cation_bonds.i[bridging], minlength=len(atoms))[is_former]
        bridges.update(qn.tolist())
        for element in model.cations:
            parts[element].append(_sub_network(cation_bonds, symbols == element))
        if len(names) > 1:
            parts.setdefault(",".join(names), []).append(_sub_network(cation_bonds, is_former))
    n_oxygen, n_former = sum(formers.values()), sum(bridges.values())
    mean_qn = sum(n * count for n, count in bridges.items()) / n_former
    square = sum(n**2 * count for n, count in bridges.items()) / n_former
    kind = np.concatenate(kinds)
    shares = np.array([model.shells.rdf.concentrations[element] for element in model.cations])
    short_range, std_short_range = _preference(np.concatenate(pairs), kind, model.cations, shares)
    bridge, std_bridge = _preference(np.concatenate(meetings), kind, model.cations, n_bonds)
    return Network(
        former=",".join(names),
        oxygen={
            name: count / n_oxygen for name, count in sorted(species.items(), key=lambda s: (-s[1], s[0]))
        },
        former_neighbours={str(n): formers[n] / n_oxygen for n in range(max(formers) + 1)},
        non_bridging_fraction=formers[1] / n_oxygen,
        free_fraction=formers[0] / n_oxygen,
        qn={str(n): bridges[n] / n_former for n in range(max(bridges) + 1)},
        mean_qn=mean_qn,
        std_qn=math.sqrt(max(square - mean_qn**2, 0.0) * n_former / (n_former - 1))
        if n_former > 1
        else math.nan,
        sub_networks={element: _mean_part(found) for element, found in parts.items()},
        short_range_order=short_range,
        std_short_range_order=std_short_range,
        bridge_order=bridge,
        std_bridge_order=std_bridge,
    )


def _species_name(ligand: str, cations: Sequence[str], counts: NDArray[np.int64]) -> str:
    inside = "".join(
        element + (str(n) if n > 1 else "") for element, n in zip(cations, counts, strict=True) if n
    )
    return f"{ligand}-{inside}" if inside else ligand


def _sub_network(cation_bonds: Neighbours, mine: NDArray[np.bool_]) -> SubNetwork:
    links = link_units(cation_bonds.select(mine[cation_bonds.i]))
    piece, dimensions = percolation(len(mine), links.a, links.b, links.shift)
    sizes = np.bincount(piece[mine])
    largest = int(sizes.argmax())
    n_units = int(mine.sum())
    number = np.bincount(links.a, minlength=len(mine)) + np.bincount(links.b, minlength=len(mine))
    return SubNetwork(
        n_clusters=int((sizes > 0).sum()),
        largest_fraction=int(sizes[largest]) / n_units,
        dimensions=int(dimensions[largest]),
        links_per_unit=2 * len(links.a) / n_units,
        std_links_per_unit=float(number[mine].std(ddof=1)) if n_units > 1 else math.nan,
    )


def _mean_part(parts: Sequence[SubNetwork]) -> SubNetwork:
    return SubNetwork(
        *(float(np.mean([getattr(part, name) for part in parts])) for name in SubNetwork.__slots__)
    )


def percolation(
    n_nodes: int,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    shift: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the connected pieces of a periodic graph, and in how many directions each runs through it.

    Parameters
    ----------
    n_nodes
        Number of nodes in the cell.
    a, b, shift
        Links from node a in the home cell to node b in cell `shift`; shapes (n_links,), (n_links,), (n_links, 3).

    Returns
    -------
    piece
        Number of each node's piece, shape (n_nodes,).
    dimensions
        Rank, 0 to 3, of the lattice translations that connect a piece to its own images, shape (n_pieces,).

    Notes
    -----
    Every node gets the cell it lies in when its piece is unfolded along a spanning tree. A link that closes a loop and
    does not fit is a translation that maps the piece onto itself.
    """
    piece, cell = _unfold(n_nodes, a.astype(np.int64), b.astype(np.int64), shift.astype(np.int64))
    loops = cell[a] + shift - cell[b]
    return piece, _ranks(piece[a], loops, int(piece.max(initial=-1)) + 1)


@numba.njit(cache=True, nogil=True)
def _ranks(piece: NDArray[np.int64], loops: NDArray[np.int64], n_pieces: int) -> NDArray[np.int64]:
    """Rank of the translations of each piece: how many of them are independent."""
    ranks = np.zeros(n_pieces, dtype=np.int64)
    basis = np.zeros((n_pieces, 2, 3), dtype=np.int64)
    for k in range(len(loops)):
        x, y, z = loops[k]
        mine = piece[k]
        if ranks[mine] == 3 or x == y == z == 0:
            continue
        if ranks[mine] > 0:
            a, b, c = basis[mine, 0]
            across = (b * z - c * y, c * x - a * z, a * y - b * x)
            if across[0] == across[1] == across[2] == 0:
                continue
            d, e, f = basis[mine, 1]
            if ranks[mine] == 2:
                ranks[mine] += d * across[0] + e * across[1] + f * across[2] != 0
                continue
        basis[mine, ranks[mine]] = loops[k]
        ranks[mine] += 1
    return ranks


@numba.njit(cache=True, nogil=True)
def _unfold(
    n_nodes: int,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    shift: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Piece and unfolded cell of every node, by walks that keep a stack."""
    n_links = len(a)
    starts = np.zeros(n_nodes + 1, dtype=np.int64)
    for k in range(n_links):
        starts[a[k] + 1] += 1
        starts[b[k] + 1] += 1
    starts = np.cumsum(starts)
    ends = starts[:-1].copy()
    link = np.empty(2 * n_links, dtype=np.int64)
    for k in range(n_links):
        link[ends[a[k]]] = k
        ends[a[k]] += 1
        link[ends[b[k]]] = k
        ends[b[k]] += 1
    piece = np.full(n_nodes, -1, dtype=np.int64)
    cell = np.zeros((n_nodes, 3), dtype=np.int64)
    stack = np.empty(n_nodes, dtype=np.int64)
    n_pieces = 0
    for root in range(n_nodes):
        if piece[root] >= 0:
            continue
        piece[root] = n_pieces
        stack[0], size = root, 1
        while size:
            size -= 1
            node = stack[size]
            for slot in range(starts[node], starts[node + 1]):
                k = link[slot]
                other, sign = (b[k], 1) if a[k] == node else (a[k], -1)
                if piece[other] < 0:
                    piece[other] = n_pieces
                    for axis in range(3):
                        cell[other, axis] = cell[node, axis] + sign * shift[k, axis]
                    stack[size] = other
                    size += 1
        n_pieces += 1
    return piece, cell


def _neighbour_counts(pairs: Neighbours, symbols: NDArray[Any], model: Bonded) -> NDArray[np.float64]:
    """Neighbours of every cation within the cut-off of their kind, by element, shape (n_atoms, n_elements)."""
    cations = np.flatnonzero(~np.isin(symbols, model.ligands))
    limits = {
        pair: cutoff
        for pair, cutoff in model.shells.cutoffs.items()
        if not set(model.ligands) & set(pair.split("-"))
    }
    first, second = cations[pairs.i], cations[pairs.j]
    counts = np.zeros((len(symbols), len(model.cations)))
    for b, other in enumerate(model.cations):
        reach = np.zeros(len(symbols))
        for element in model.cations:
            reach[symbols == element] = limits[pair_label(element, other)]
        near = (symbols[second] == other) & (pairs.distance < reach[first])
        counts[:, b] = np.bincount(first[near], minlength=len(symbols))
    return counts


def _meeting_bonds(
    cation_bonds: Neighbours, symbols: NDArray[Any], table: NDArray[np.int64], cations: Sequence[str]
) -> NDArray[np.float64]:
    """Other bonds of the oxygens that every cation is bonded to, by element, shape (n_atoms, n_elements)."""
    counts = np.zeros((len(symbols), len(cations)))
    for b, other in enumerate(cations):
        counts[:, b] = np.bincount(cation_bonds.i, table[cation_bonds.j, b], len(symbols))
        counts[:, b] -= np.where(symbols == other, np.bincount(cation_bonds.i, minlength=len(symbols)), 0)
    return counts


def _preference(
    counts: NDArray[np.float64], kind: NDArray[Any], elements: Sequence[str], weights: NDArray[np.float64]
) -> tuple[dict[str, float], dict[str, float]]:
    """Cowley's 1 − p / c of all cations of an element together, and the spread of each one's own."""
    shares = weights / weights.sum() if weights.any() else np.full(len(weights), math.nan)
    alpha, spread = {}, {}
    for first in elements:
        mine = counts[kind == first]
        mine = mine[mine.sum(axis=1) > 0]
        for b, second in enumerate(elements):
            known = len(mine) and shares[b] > 0
            own = mine[:, b] / mine.sum(axis=1) / shares[b] if known else np.empty(0)
            name = f"{first}-{second}"
            alpha[name] = float(1 - mine[:, b].sum() / mine.sum() / shares[b]) if known else math.nan
            spread[name] = float(own.std(ddof=1)) if len(own) > 1 else math.nan
    return alpha, spread
