"""Order among the cations: bond orientations, common neighbours, and surroundings like those in a crystal."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba
import numpy as np

from alzmodel.elements import element_symbols
from alzmodel.local_order.network import percolation
from alzmodel.local_order.shells import ANION, Bonded, bonded
from alzmodel.neighbours import neighbour_list
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = [
    "CationOrder",
    "FrameOrder",
    "Surroundings",
    "cation_order",
    "cation_surroundings",
    "frame_order",
]

N_NEAREST: Final = 12
"""Cations around a cation that are looked at: the first shell of the face-centred lattice of fluorite."""
COHERENT: Final = 0.5
"""Least overlap of the l = 6 orientations of two neighbours that counts as the same order in both."""
LEAST_COHERENT: Final = 8
LEAST_421: Final = 8
"""Of the twelve neighbours, in the same order and with the common neighbours of a face-centred lattice."""
LEAST_MIRRORED: Final = 5
"""Of the six opposite pairs of neighbours that hold one kind of ion twice in pyrochlore."""
_FARTHEST = 8.0  # Å within which the twelve nearest must lie
_LIGHT = ("H", "Li")


@dataclass(frozen=True, slots=True)
class FrameOrder:
    """Order around the cations of one frame; arrays have shape (n_atoms,), NaN, −1 or False for other atoms.

    Attributes
    ----------
    q4, q6
        Steinhardt's parameters over the twelve nearest cations (Li left out). 0.191 and 0.575 on a face-centred, 0.097
        and 0.485 on a hexagonal close packed lattice.
    coherent
        How many of the twelve are ordered in the same way (`COHERENT`).
    n421, n422, n555
        How many of the twelve have the common neighbours of a face-centred, of a hexagonal, of an icosahedral shell.
    fluorite
        Surroundings like in fluorite: at least `LEAST_COHERENT` coherent and `LEAST_421` face-centred neighbours, and
        at least half of the cation's oxygens in tetrahedra of four cations (which rock salt has not).
    pyrochlore
        Of these, also with the order of pyrochlore: five to seven of the twelve of the other kind, and at least
        `LEAST_MIRRORED` of the six opposite pairs of one kind.
    cluster
        Number of the cluster of neighbouring fluorite-like cations, largest first from 0; −1 outside.
    """

    q4: NDArray[np.float64]
    q6: NDArray[np.float64]
    coherent: NDArray[np.int64]
    n421: NDArray[np.int64]
    n422: NDArray[np.int64]
    n555: NDArray[np.int64]
    fluorite: NDArray[np.bool_]
    pyrochlore: NDArray[np.bool_]
    cluster: NDArray[np.int64]


@dataclass(frozen=True, slots=True, repr=False)
class CationOrder(Result):
    """Order among the cations of a model, over its frames.

    Attributes
    ----------
    elements
        Cations that were looked at.
    q4, q6
        Per element ``mean`` and ``std`` over atoms.
    signatures
        Share of the neighbours by common-neighbour signature: ``"421"``, ``"422"``, ``"555"``, ``"other"``.
    coherent_neighbours, std_coherent_neighbours
        Mean number of the twelve neighbours in the same order, and its spread over atoms.
    fluorite_fraction, pyrochlore_fraction
        Share of the cations with such surroundings.
    by_element
        The same two per element.
    n_clusters, largest_cluster
        Clusters of fluorite-like cations per frame, and cations in the largest one, mean over frames.
    cluster_sizes
        Of the last frame, largest first.
    """

    elements: tuple[str, ...]
    q4: dict[str, dict[str, float]]
    q6: dict[str, dict[str, float]]
    signatures: dict[str, float]
    coherent_neighbours: float
    std_coherent_neighbours: float
    fluorite_fraction: float
    pyrochlore_fraction: float
    by_element: dict[str, dict[str, float]]
    n_clusters: float
    largest_cluster: float
    cluster_sizes: tuple[int, ...] = field(
        metadata=holds(hidden=True)
    )  # sizes of single clusters have no mean over models


def cation_order(
    frames: Atoms | Sequence[Atoms] | Bonded, *, around: Sequence[Surroundings] | None = None
) -> CationOrder | None:
    """Order among the cations of a model, Li left out.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model.
    around
        What :func:`cation_surroundings` finds of each frame, if it is known.

    Returns
    -------
    CationOrder or None
        None where no cation but Li is present.

    Raises
    ------
    InputError
        If the model is no oxide.

    References
    ----------
    P. J. Steinhardt, D. R. Nelson and M. Ronchetti, Phys. Rev. B 28, 784 (1983); coherence: P. R. ten Wolde,
    M. J. Ruiz-Montero and D. Frenkel, J. Chem. Phys. 104, 9932 (1996); common neighbours: D. Faken and H.
    Jónsson, Comput. Mater. Sci. 2, 279 (1994), with the adaptive cut-off of A. Stukowski, Model. Simul. Mater. Sci.
    Eng. 20, 045021 (2012).
    """
    model = bonded(frames)
    elements = tuple(element for element in model.cations if element not in _LIGHT)
    if not elements:
        return None
    parts = [
        frame_order(atoms, pairs, around[k] if around else cation_surroundings(atoms, model.ligands))
        for k, (atoms, pairs) in enumerate(zip(model.frames, model.bonds, strict=True))
    ]
    symbols = np.concatenate([element_symbols(atoms) for atoms in model.frames])
    heavy = np.isin(symbols, elements)

    def together(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    full = heavy & (together("coherent") >= 0)
    coherent = together("coherent")[full]
    n_full = max(int(full.sum()), 1)
    shares = {
        name: float(together(f"n{name}")[full].sum() / (N_NEAREST * n_full)) for name in ("421", "422", "555")
    }
    fluorite, pyrochlore = together("fluorite"), together("pyrochlore")
    sizes = [np.bincount(part.cluster[part.cluster >= 0]) for part in parts]
    return CationOrder(
        elements=elements,
        q4=_per_element(together("q4"), symbols, elements),
        q6=_per_element(together("q6"), symbols, elements),
        signatures={**shares, "other": 1 - sum(shares.values())},
        coherent_neighbours=float(coherent.mean()) if len(coherent) else math.nan,
        std_coherent_neighbours=float(coherent.std(ddof=1)) if len(coherent) > 1 else math.nan,
        fluorite_fraction=float(fluorite[heavy].mean()),
        pyrochlore_fraction=float(pyrochlore[heavy].mean()),
        by_element={
            element: {
                "fluorite_fraction": float(fluorite[symbols == element].mean()),
                "pyrochlore_fraction": float(pyrochlore[symbols == element].mean()),
            }
            for element in elements
        },
        n_clusters=float(np.mean([len(size) for size in sizes])),
        largest_cluster=float(np.mean([size.max(initial=0) for size in sizes])),
        cluster_sizes=tuple(sizes[-1].tolist()),
    )


def _per_element(
    values: NDArray[np.float64], symbols: NDArray[np.str_], elements: Sequence[str]
) -> dict[str, dict[str, float]]:
    result = {}
    for element in elements:
        mine = values[(symbols == element) & np.isfinite(values)]
        result[element] = {
            "mean": float(mine.mean()) if len(mine) else math.nan,
            "std": float(mine.std(ddof=1)) if len(mine) > 1 else math.nan,
        }
    return result


class Surroundings(NamedTuple):
    """The twelve nearest cations of every cation but Li, which do not depend on bonds to oxygen.

    Attributes
    ----------
    heavy
        The cations, shape (n,).
    nearest, shifts
        Their neighbours, numbered among them, −1 where there are not twelve, and the images, shapes (n, 12[, 3]).
    values, counts
        q4 and q6; coherent neighbours, 421, 422, 555, neighbours of another kind, opposite pairs of one kind.
    """

    heavy: NDArray[np.int64]
    nearest: NDArray[np.int64]
    shifts: NDArray[np.int64]
    values: NDArray[np.float64]
    counts: NDArray[np.int64]


def cation_surroundings(atoms: Atoms, ligands: Sequence[str] = (ANION,)) -> Surroundings:
    """Find what is around every cation but Li of one frame; `ligands` are the elements that are no cations."""
    symbols = element_symbols(atoms)
    heavy = np.flatnonzero(~np.isin(symbols, (*ligands, *_LIGHT)))
    nearest, vectors, shifts = _twelve_nearest(atoms[heavy])
    _, kind = np.unique(symbols[heavy], return_inverse=True)
    values, counts = _around(nearest, vectors, kind.astype(np.int64))
    return Surroundings(heavy, nearest, shifts, values, counts)


def frame_order(atoms: Atoms, cation_bonds: Neighbours, around: Surroundings | None = None) -> FrameOrder:
    """Order around every cation of one frame; see :func:`cation_order`.

    Parameters
    ----------
    atoms
        The frame.
    cation_bonds
        Its cation–oxygen bonds.
    around
        What :func:`cation_surroundings` finds, if it is known; by default with oxygen as the only ligand.
    """
    n_atoms = len(atoms)
    heavy, nearest, shifts, values, counts = around or cation_surroundings(atoms)
    whole = nearest[:, 0] >= 0
    to_heavy = np.bincount(
        cation_bonds.j, weights=np.isin(cation_bonds.i, heavy).astype(float), minlength=n_atoms
    )
    tetrahedral = to_heavy[cation_bonds.j] == 4
    number = np.bincount(cation_bonds.i, minlength=n_atoms)[heavy]
    inside = np.bincount(cation_bonds.i, weights=tetrahedral.astype(float), minlength=n_atoms)[heavy]
    coherent, n421, n422, n555, other_kind, mirrored = counts.T
    fluorite = (
        whole & (coherent >= LEAST_COHERENT) & (n421 >= LEAST_421) & (number > 0) & (2 * inside >= number)
    )
    pyrochlore = fluorite & (other_kind >= 5) & (other_kind <= 7) & (mirrored >= LEAST_MIRRORED)

    def spread(part: NDArray[Any], nothing: Any) -> NDArray[Any]:
        full = np.full(n_atoms, nothing, dtype=part.dtype)
        full[heavy] = np.where(whole, part, np.array(nothing, dtype=part.dtype))
        return full

    return FrameOrder(
        q4=spread(values[:, 0], math.nan),
        q6=spread(values[:, 1], math.nan),
        coherent=spread(coherent, -1),
        n421=spread(n421, -1),
        n422=spread(n422, -1),
        n555=spread(n555, -1),
        fluorite=spread(fluorite, False),
        pyrochlore=spread(pyrochlore, False),
        cluster=spread(_clusters(fluorite, nearest, shifts), -1),
    )


def _twelve_nearest(
    cations: Atoms,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Find indices (−1 where there are not twelve), vectors and images of the twelve nearest, shapes (n, 12[, 3])."""
    n = len(cations)
    reach = 5.5
    while True:
        pairs = neighbour_list(cations, reach)
        offsets = pairs.offsets()
        number = np.diff(offsets)
        if number.min(initial=N_NEAREST) >= N_NEAREST or reach >= _FARTHEST:
            break
        reach = min(reach * 1.2, _FARTHEST)
    nearest = np.full((n, N_NEAREST), -1, dtype=np.int64)
    vectors = np.zeros((n, N_NEAREST, 3))
    shifts = np.zeros((n, N_NEAREST, 3), dtype=np.int64)
    # Nearest first; among equals the order of the list.
    order = np.lexsort((np.round(pairs.distance, 9), pairs.i))
    whole = np.flatnonzero(number >= N_NEAREST)
    at = order[offsets[whole][:, None] + np.arange(N_NEAREST)]
    nearest[whole], vectors[whole], shifts[whole] = pairs.j[at], pairs.vector[at], pairs.shift[at]
    return nearest, vectors, shifts


def _clusters(
    chosen: NDArray[np.bool_], nearest: NDArray[np.int64], shifts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Give the number of each chosen cation's cluster, largest first; −1 for the others."""
    a = np.repeat(np.arange(len(chosen)), N_NEAREST)
    b, shift = nearest.ravel(), shifts.reshape(-1, 3)
    linked = chosen[a] & (b >= 0) & chosen[b]
    piece, _ = percolation(len(chosen), a[linked], b[linked], shift[linked])
    result = np.full(len(chosen), -1, dtype=np.int64)
    names, first, index, sizes = np.unique(
        piece[chosen], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(len(names))
    result[chosen] = rank[index.ravel()]
    return result


@numba.njit(cache=True, nogil=True)
def _p4(x: float) -> float:
    s = x * x
    return (35 * s * s - 30 * s + 3) / 8


@numba.njit(cache=True, nogil=True)
def _p6(x: float) -> float:
    s = x * x
    return (231 * s * s * s - 315 * s * s + 105 * s - 5) / 16


@numba.njit(cache=True, nogil=True)
def _around(
    nearest: NDArray[np.int64], vectors: NDArray[np.float64], kind: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """q4 and q6; coherent neighbours, 421, 422, 555, neighbours of another kind, and opposite pairs of one kind.

    Sums over m of products of spherical harmonics are Legendre polynomials of the angles between bonds (the addition
    theorem), so that no harmonics are needed.
    """
    n_atoms, n = nearest.shape
    unit = np.empty_like(vectors)
    values = np.full((n_atoms, 2), np.nan)
    counts = np.zeros((n_atoms, 6), dtype=np.int64)
    for i in range(n_atoms):
        if nearest[i, 0] < 0:
            continue
        for a in range(n):
            length = math.sqrt(vectors[i, a, 0] ** 2 + vectors[i, a, 1] ** 2 + vectors[i, a, 2] ** 2)
            for c in range(3):
                unit[i, a, c] = vectors[i, a, c] / length
        four, six = 0.0, 0.0
        for a in range(n):
            for b in range(n):
                x = 0.0
                for c in range(3):
                    x += unit[i, a, c] * unit[i, b, c]
                four += _p4(x)
                six += _p6(x)
        values[i, 0] = math.sqrt(max(four, 0.0)) / n
        values[i, 1] = math.sqrt(max(six, 0.0)) / n
    near = np.empty((n, n), dtype=np.bool_)
    common = np.empty(n, dtype=np.int64)
    for i in range(n_atoms):
        if nearest[i, 0] < 0:
            continue
        reach = 0.0
        for a in range(n):
            reach += math.sqrt(vectors[i, a, 0] ** 2 + vectors[i, a, 1] ** 2 + vectors[i, a, 2] ** 2) / n
        reach *= (1 + math.sqrt(2.0)) / 2
        for a in range(n):
            for b in range(n):
                square = 0.0
                for c in range(3):
                    square += (vectors[i, a, c] - vectors[i, b, c]) ** 2
                near[a, b] = a != b and square < reach * reach
        for a in range(n):
            j = nearest[i, a]
            if nearest[j, 0] >= 0:
                overlap = 0.0
                for b in range(n):
                    for d in range(n):
                        x = 0.0
                        for c in range(3):
                            x += unit[i, b, c] * unit[j, d, c]
                        overlap += _p6(x)
                if overlap > COHERENT * n * n * values[i, 1] * values[j, 1]:
                    counts[i, 0] += 1
            if kind[j] != kind[i]:
                counts[i, 4] += 1
            # The opposite neighbour, if it is nearly opposite; each pair counts once.
            opposite, lowest = -1, 0.0
            for b in range(n):
                x = 0.0
                for c in range(3):
                    x += unit[i, a, c] * unit[i, b, c]
                if x < lowest:
                    opposite, lowest = b, x
            if lowest < -0.866 and a < opposite and kind[j] == kind[nearest[i, opposite]]:
                counts[i, 5] += 1
            m = 0
            for b in range(n):
                if near[a, b]:
                    common[m] = b
                    m += 1
            bonds, most = 0, 0
            for b in range(m):
                degree = 0
                for d in range(m):
                    if near[common[b], common[d]]:
                        degree += 1
                bonds += degree
                most = max(most, degree)
            bonds //= 2
            # Four common neighbours with two bonds: apart (421), or in one chain (422); five in a ring: 555.
            if m == 4 and bonds == 2:
                counts[i, 1 if most == 1 else 2] += 1
            elif m == 5 and bonds == 5 and most == 2:
                counts[i, 3] += 1
    return values, counts
