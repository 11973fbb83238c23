"""Partial pair distribution functions: every pair of elements at once, any cell, any distance."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numba
import numpy as np
from ase import Atoms
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import ConvexHull, QhullError

from alzmodel.elements import element_symbols
from alzmodel.errors import InputError
from alzmodel.ions import ELEMENT_ORDER, pair_label
from alzmodel.limits import check_memory
from alzmodel.neighbours import COINCIDENT, check_apart, first_minimum, repeat_length
from alzmodel.progress import Progress, part_of, silent
from alzmodel.results import Item, Result, holds
from alzmodel.species import isotope_names
from alzmodel.threads import thread_pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["PartialRDF", "coordination_from_rdf", "frame_list", "partial_rdf", "smoothing_width"]

_PEAK_FOOT = 0.4  # of its height: how far down a peak is fitted; tails of glasses are not Gaussian
_NEWTON_STEPS = 50
_FWHM_PER_SIGMA = math.sqrt(8 * math.log(2))
_SMALL_SYSTEM = 2e6  # pairs; below this starting threads costs more than it saves
_PAIRS_OF_SHARE = 2e7  # counted in a tenth of a second: Ctrl-C is heard between two shares
_BYTES_OF_BOX = 200  # of memory that a box of the stencil takes while it is made
_BYTES_OF_BIN = 100  # of memory that a bin of one pair of elements takes, with all its totals


@dataclass(frozen=True, slots=True, repr=False)
class PartialRDF(Result):
    """Pair counts and partial pair distribution functions of a model, averaged over its frames.

    Attributes
    ----------
    r
        Bin centres, Å, shape (n,). Bin k holds distances from ``k dr`` up to ``(k + 1) dr``.
    dr
        Bin width, Å.
    counts
        Per pair label: number of pairs of atoms in each bin per frame, shape (n,). A pair is counted once, not
        once from each end; each periodic image is a pair of its own.
    g
        Per pair label: g(r), 1 where pairs are as frequent as in an ideal gas of the same density, shape (n,).
        The ideal gas is counted in the exact volume of each shell. NaN where the model has no volume (a
        non-periodic model in one plane).
    concentrations
        Per element: fraction of the atoms.
    number_density
        Atoms per Å³. For a cluster its volume is that of the convex hull of the atoms.
    n_atoms, n_frames
        Per frame, and how many.
    repeat_length
        Å: half the shortest lattice translation. A periodic glass model repeats itself beyond it; infinite
        for a cluster.
    periodic
        Whether any direction is periodic.
    """

    shown: ClassVar[str] = "partials"
    r: NDArray[np.float64] = field(metadata=holds("Å", role="axis"))
    dr: float = field(metadata=holds("Å", hidden=True))
    counts: dict[str, NDArray[np.float64]] = field(metadata=holds("pairs per frame", hidden=True))
    g: dict[str, NDArray[np.float64]] = field(metadata=holds(key="partials"))
    concentrations: dict[str, float]
    number_density: float = field(metadata=holds("Å⁻³"))
    n_atoms: int
    n_frames: int
    repeat_length: float = field(metadata=holds("Å"))
    periodic: bool

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols, in the order of the pair labels."""
        return tuple(self.concentrations)

    def pair(self, a: str, b: str) -> NDArray[np.float64]:
        """g(r) of two elements in either order."""
        return self.g[pair_label(a, b)]

    def first_peaks(self) -> dict[str, dict[str, float]]:
        """Position and width of the first maximum of every partial.

        A curve whose logarithm is cubic in r (a Gaussian with skew) is fitted to the counts of the peak's upper 60 %
        by maximum likelihood (Poisson counts), so that neither bins nor the long far side of oxide shells move the
        position. A peak that lies in fewer than five bins, as in a crystal without displacements, gives its centroid.
        Shells of cations around cations are broad and split in glasses: there the fit says where the highest part
        is, not where the shell is.

        Returns
        -------
        dict
            Per pair label ``r`` (position of the maximum, Å) and ``fwhm`` (Å); both NaN where there is no peak.
        """
        return {label: _first_peak(self, label) for label in self.counts}

    def cutoffs(self) -> dict[str, float]:
        """End of the first shell, Å, of every partial that has a first shell.

        The first minimum of g(r) (:func:`alzmodel.neighbours.first_minimum`), smoothed by :func:`smoothing_width`.
        A peak that counting noise could have made does not count: a gas has no cut-offs.
        """
        found = {}
        for label in self.counts:
            cutoff = _first_shell(self, label)
            if cutoff is not None:
                found[label] = cutoff
        return found

    def items(self) -> Iterator[Item]:
        """Attributes by their name, g as ``partials``, and ``first_peaks``."""
        yield from Result.items(self)
        yield Item("first_peaks", self.first_peaks())


def frame_list(frames: Atoms | Sequence[Atoms]) -> list[Atoms]:
    """One model or several frames of one model, as a list.

    Raises
    ------
    InputError
        If there is no frame, a frame without atoms, or frames that differ in composition or periodicity.
    """
    listed = [frames] if isinstance(frames, Atoms) else list(frames)
    if not listed:
        raise InputError("frames: none given; allowed: at least one model")
    if any(len(atoms) == 0 for atoms in listed):
        raise InputError("frames: a frame without atoms; allowed: at least one atom in each")
    first = Counter(listed[0].numbers.tolist())
    for number, atoms in enumerate(listed):
        if Counter(atoms.numbers.tolist()) != first or (atoms.pbc != listed[0].pbc).any():
            raise InputError(
                f"frames: frame {number} is {atoms.get_chemical_formula()} with periodicity {atoms.pbc.tolist()}; "
                f"allowed: that of frame 0, {listed[0].get_chemical_formula()} {listed[0].pbc.tolist()}"
            )
    return listed


def partial_rdf(
    frames: Atoms | Sequence[Atoms],
    *,
    r_max: float | None = None,
    dr: float = 0.02,
    isotopes: bool = False,
    progress: Progress = silent,
) -> PartialRDF:
    """Count all pairs of atoms by distance, for every pair of elements.

    Every image is counted exactly, so distances beyond half the cell are right for the infinite periodic
    structure; for a glass that structure is not the glass any more (see ``repeat_length``). Counts are whole
    numbers and do not depend on the number of threads.

    Parameters
    ----------
    frames
        One model, or frames of one. Any cell, any combination of periodic directions.
    r_max
        Largest distance, Å, rounded up to a whole bin. By default the repeat length, but at least 10 and at
        most 20 Å.
    dr
        Bin width, Å.
    isotopes
        Whether isotopes that the model names (``D``, ``6Li``) count as elements of their own.
    progress
        Told how many of the pairs are counted.

    Returns
    -------
    PartialRDF

    Raises
    ------
    InputError
        If `dr` or `r_max` is not positive or needs more memory than is there, two atoms lie on one site, or the frames
        do not belong together.

    References
    ----------
    D. A. Keen, J. Appl. Cryst. 34, 172 (2001), eq. 8: g_ij(r) = n_ij(r) / (4π r² dr ρ_j), here with the exact
    shell volume 4π/3 (r_out³ − r_in³) in place of 4π r² dr.
    """
    listed = frame_list(frames)
    if not (math.isfinite(dr) and dr > 0):
        raise InputError(f"bin width dr: {dr} Å; allowed: a positive number")
    repeat = min(repeat_length(atoms) for atoms in listed)
    reach = min(20.0, max(10.0, repeat)) if r_max is None else float(r_max)
    if not (math.isfinite(reach) and reach > 0):
        raise InputError(f"r_max: {r_max} Å; allowed: a positive number")
    names = isotope_names if isotopes else _symbols
    symbols = _in_order(names(listed[0]))
    n_species = len(symbols)
    check_memory(
        f"{reach:g} Å in bins of {dr:g} Å", _BYTES_OF_BIN * reach / dr * n_species * (n_species + 1) / 2
    )
    n_bins = max(1, math.ceil(reach / dr - 1e-9))
    table = np.zeros((n_species, n_species), dtype=np.int64)
    labels: list[str] = []
    for a in range(n_species):
        for b in range(a, n_species):
            table[a, b] = table[b, a] = len(labels)
            labels.append(pair_label(symbols[a], symbols[b]))

    edges = np.arange(n_bins + 1) * dr
    shell = 4 * np.pi / 3 * np.diff(edges**3)
    counts = np.zeros((len(labels), n_bins))
    weighted = np.zeros((len(labels), n_bins))
    volumes = []
    for number, atoms in enumerate(listed):
        frame_progress = part_of(progress, number, len(listed))
        frame_counts = _count_pairs(atoms, names(atoms), symbols, table, n_bins, dr, frame_progress)
        if frame_counts[:, : math.ceil(COINCIDENT / dr)].any():
            check_apart(atoms, number)
        volume = _volume(atoms)
        counts += frame_counts
        weighted += frame_counts * volume
        volumes.append(volume)
    counts /= len(listed)
    weighted /= len(listed)

    present = Counter(names(listed[0]))
    g = {}
    for a, first in enumerate(symbols):
        for b, second in enumerate(symbols[a:], start=a):
            pairs = present[first] * present[second] / (2 if a == b else 1)
            g[labels[table[a, b]]] = weighted[table[a, b]] / (pairs * shell)
    n_atoms = len(listed[0])
    return PartialRDF(
        r=(edges[:-1] + edges[1:]) / 2,
        dr=float(dr),
        counts=dict(zip(labels, counts, strict=True)),
        g=g,
        concentrations={symbol: present[symbol] / n_atoms for symbol in symbols},
        number_density=float(n_atoms / np.mean(volumes)),
        n_atoms=n_atoms,
        n_frames=len(listed),
        repeat_length=repeat,
        periodic=bool(listed[0].pbc.any()),
    )


def coordination_from_rdf(rdf: PartialRDF, centre: str, neighbour: str, cutoff: float) -> float:
    """Mean number of `neighbour` atoms within `cutoff` Å of a `centre` atom, from the pair counts.

    The bin that holds the cut-off counts in proportion to its volume inside.

    Raises
    ------
    InputError
        If an element is not in the model, or the cut-off lies beyond the counted range.
    """
    for element in (centre, neighbour):
        if element not in rdf.concentrations:
            raise InputError(f"element: {element!r}; allowed: {', '.join(rdf.elements)}")
    if not 0 < cutoff <= len(rdf.r) * rdf.dr * (1 + 1e-9):
        raise InputError(f"cut-off: {cutoff} Å; allowed: 0 < cut-off ≤ {len(rdf.r) * rdf.dr:.2f}")
    counts = rdf.counts[pair_label(centre, neighbour)]
    whole = min(int(cutoff / rdf.dr), len(counts))
    total = counts[:whole].sum()
    if whole < len(counts):
        low, high = whole * rdf.dr, (whole + 1) * rdf.dr
        total += counts[whole] * (cutoff**3 - low**3) / (high**3 - low**3)
    return float(total * (2 if centre == neighbour else 1) / (rdf.concentrations[centre] * rdf.n_atoms))


def _symbols(atoms: Atoms) -> list[str]:
    symbols: list[str] = element_symbols(atoms).tolist()
    return symbols


def _in_order(names: Sequence[str]) -> list[str]:
    """Every name once, in the order that pair labels use."""
    order = {symbol: rank for rank, symbol in enumerate(ELEMENT_ORDER)}
    return sorted(set(names), key=lambda symbol: (order.get(symbol, 0.5), symbol))


def _volume(atoms: Atoms) -> float:
    """Volume in Å³: of the cell, of a slab up to its outermost atoms, or of a cluster's convex hull."""
    if atoms.pbc.all():
        return float(abs(np.linalg.det(atoms.cell.array)))
    if atoms.pbc.any():
        return float(abs(np.linalg.det(_box(atoms)[0])))
    try:
        return float(ConvexHull(atoms.positions).volume)
    except (QhullError, ValueError):
        # Fewer than four atoms, or all in one plane.
        return math.nan


def _box(atoms: Atoms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a cell that holds all atoms, and its origin: free directions run along the normal of the periodic ones."""
    cell = np.array(atoms.cell.complete().array)
    periodic = np.asarray(atoms.pbc, dtype=bool)
    if periodic.all():
        return cell, np.zeros(3)
    basis = np.linalg.qr(cell[periodic].T, mode="complete")[0].T if periodic.any() else np.eye(3)
    origin = np.zeros(3)
    for axis, normal in zip(np.flatnonzero(~periodic), basis[periodic.sum() :], strict=True):
        height = atoms.positions @ normal
        origin += height.min() * normal
        cell[axis] = max(float(np.ptp(height)), 1e-3) * (1 + 1e-9) * normal
    return cell, origin


def _count_pairs(
    atoms: Atoms,
    names: Sequence[str],
    symbols: Sequence[str],
    table: NDArray[np.int64],
    n_bins: int,
    dr: float,
    progress: Progress,
) -> NDArray[np.int64]:
    """Pairs by species pair and distance bin, shape (n_labels, n_bins)."""
    rank = {symbol: index for index, symbol in enumerate(symbols)}
    species = np.array([rank[name] for name in names], dtype=np.uint8)
    cell, origin = _box(atoms)
    periodic = np.asarray(atoms.pbc, dtype=bool)
    fractions = (atoms.positions - origin) @ np.linalg.inv(cell)
    fractions[:, periodic] %= 1.0
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    reach = n_bins * dr

    # Boxes of about a dozen atoms, but no smaller than a twelfth of the reach.
    density = len(atoms) / abs(np.linalg.det(cell))
    width = max((12 / density) ** (1 / 3), reach / 12)
    grid = np.clip((heights / width).astype(np.int64), 1, 256)
    home = np.clip((fractions * grid).astype(np.int64), 0, grid - 1)
    flat = (home[:, 0] * grid[1] + home[:, 1]) * grid[2] + home[:, 2]
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(int(grid.prod()) + 1))
    points = np.ascontiguousarray((fractions[order] @ cell).T)
    kinds = species[order]
    rows = _stencil(cell, grid, reach, periodic)

    estimate = _pairs_within(atoms, reach, density)
    threads = numba.get_num_threads() if estimate > _SMALL_SYSTEM else 1
    columns = int(grid[0] * grid[1])
    # More shares than threads, so that sparse ones (a cluster's corners) do not leave a thread idle.
    n_shares = max(4 * threads if threads > 1 else 1, min(columns, int(estimate / _PAIRS_OF_SHARE)))
    shares = np.linspace(0, columns, n_shares + 1).astype(np.int64)

    def work(index: int) -> NDArray[np.int64]:
        return _histogram(
            points,
            kinds,
            starts,
            grid,
            periodic,
            cell,
            rows,
            table,
            shares[index],
            shares[index + 1],
            n_bins,
            dr,
        )

    if n_shares == 1:
        return work(0)
    counts = np.zeros((int(table.max()) + 1, n_bins), dtype=np.int64)
    with thread_pool(threads) as pool:
        for done, part in enumerate(pool.map(work, range(n_shares)), start=1):
            counts += part
            progress(done / n_shares, "pairs")
    return counts


def _pairs_within(atoms: Atoms, reach: float, density: float) -> float:
    """Pairs closer than `reach` (Å) that a model of this density has; those of a cluster are no more than all."""
    pairs = 2 / 3 * np.pi * reach**3 * density * len(atoms)
    return float(pairs if atoms.pbc.any() else min(pairs, len(atoms) ** 2 / 2))


def _stencil(
    cell: NDArray[np.float64],
    grid: NDArray[np.int64],
    reach: float,
    periodic: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Rows of boxes that may hold partners: (dx, dy, first dz, last dz), of each pair of boxes only one end."""
    steps = cell / grid[:, None]
    heights = 1 / np.linalg.norm(np.linalg.inv(steps), axis=0)
    limits = np.ceil(reach / heights).astype(np.int64)
    limits = np.where(periodic, limits, np.minimum(limits, grid - 1))
    check_memory(f"pairs up to {reach:g} Å in this cell", _BYTES_OF_BOX * float(np.prod(2.0 * limits + 1)))
    x, y, z = np.meshgrid(*(np.arange(-limit, limit + 1) for limit in limits), indexing="ij")
    offsets = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    if np.allclose(steps @ steps.T, np.diag(np.diag(steps @ steps.T)), atol=1e-9):
        gaps = np.linalg.norm(np.maximum(np.abs(offsets) - 1, 0) * heights, axis=1)
    else:
        # The nearest points of two parallel boxes are no closer than their centres less a body diagonal, nor
        # than the planes between them.
        corners = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]) @ steps
        centres = np.linalg.norm(offsets @ steps, axis=1)
        planes = (np.maximum(np.abs(offsets) - 1, 0) * heights).max(axis=1)
        gaps = np.maximum(centres - np.linalg.norm(corners, axis=1).max(), planes)
    near = offsets[gaps < reach * (1 + 1e-12)]
    ahead = near[
        (near[:, 0] > 0)
        | ((near[:, 0] == 0) & (near[:, 1] > 0))
        | ((near[:, 0] == 0) & (near[:, 1] == 0) & (near[:, 2] >= 0))
    ]
    pairs, where = np.unique(ahead[:, :2], axis=0, return_inverse=True)
    first = np.full(len(pairs), np.iinfo(np.int64).max)
    last = np.full(len(pairs), np.iinfo(np.int64).min)
    np.minimum.at(first, where.ravel(), ahead[:, 2])
    np.maximum.at(last, where.ravel(), ahead[:, 2])
    return np.column_stack([pairs, first, last]).astype(np.int64)


@numba.njit(cache=True, nogil=True)
def _histogram(
    points: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    starts: NDArray[np.int64],
    grid: NDArray[np.int64],
    periodic: NDArray[np.bool_],
    cell: NDArray[np.float64],
    rows: NDArray[np.int64],
    table: NDArray[np.int64],
    first_column: int,
    last_column: int,
    n_bins: int,
    dr: float,
) -> NDArray[np.int64]:
    """Count partners of the atoms in the columns of boxes from `first_column` up to `last_column`."""
    n_labels = table.max() + 1
    # One bin more takes everything beyond the reach, so that the inner loops have no branch.
    counts = np.zeros((n_labels, n_bins + 1), dtype=np.int64)
    flat = counts.reshape(-1)
    base = (table * (n_bins + 1)).astype(np.int32)
    limit = float(n_bins)
    xs, ys, zs = points[0], points[1], points[2]
    per_dr = 1.0 / dr
    longest = 1
    for column in range(grid[0] * grid[1]):
        longest = max(longest, starts[(column + 1) * grid[2]] - starts[column * grid[2]])
    where = np.empty(longest, dtype=np.int32)
    for column in range(first_column, last_column):
        bx, by = column // grid[1], column % grid[1]
        for bz in range(grid[2]):
            box = column * grid[2] + bz
            if starts[box] == starts[box + 1]:
                continue
            for row in range(rows.shape[0]):
                cx, cy = bx + rows[row, 0], by + rows[row, 1]
                image_x, image_y = cx // grid[0], cy // grid[1]
                if (image_x != 0 and not periodic[0]) or (image_y != 0 and not periodic[1]):
                    continue
                other = (cx - image_x * grid[0]) * grid[1] + cy - image_y * grid[1]
                low, high = bz + rows[row, 2], bz + rows[row, 3]
                for image_z in range(low // grid[2], high // grid[2] + 1):
                    if image_z != 0 and not periodic[2]:
                        continue
                    # The part of the row that lies in this image: neighbours in memory.
                    cz_low = max(low - image_z * grid[2], 0)
                    cz_high = min(high - image_z * grid[2], grid[2] - 1)
                    begin = starts[other * grid[2] + cz_low]
                    end = starts[other * grid[2] + cz_high + 1]
                    shift_x = image_x * cell[0, 0] + image_y * cell[1, 0] + image_z * cell[2, 0]
                    shift_y = image_x * cell[0, 1] + image_y * cell[1, 1] + image_z * cell[2, 1]
                    shift_z = image_x * cell[0, 2] + image_y * cell[1, 2] + image_z * cell[2, 2]
                    own = rows[row, 0] == 0 and rows[row, 1] == 0 and image_z == 0
                    for i in range(starts[box], starts[box + 1]):
                        start = max(begin, i + 1) if own else begin
                        x, y, z = xs[i] - shift_x, ys[i] - shift_y, zs[i] - shift_z
                        if start >= end:
                            continue
                        sx, sy, sz, kind = xs[start:end], ys[start:end], zs[start:end], kinds[start:end]
                        # Two passes: the first runs in vector registers, the second cannot.
                        for k in range(len(sx)):
                            dx, dy, dz = sx[k] - x, sy[k] - y, sz[k] - z
                            scaled = np.sqrt(dx * dx + dy * dy + dz * dz) * per_dr
                            where[k] = np.int32(min(scaled, limit))
                        of_kind = base[kinds[i]]
                        for k in range(len(sx)):
                            flat[np.uint64(of_kind[kind[k]] + where[k])] += 1
    return counts[:, :n_bins].copy()


def _ideal(rdf: PartialRDF, label: str) -> float:
    """Pairs per Å³ of shell volume and frame that an ideal gas of the same density has."""
    a, b = label.split("-")
    pairs = rdf.concentrations[a] * rdf.concentrations[b] * rdf.number_density * rdf.n_atoms
    return pairs / (2 if a == b else 1)


def smoothing_width(rdf: PartialRDF, label: str) -> float:
    """Width, Å, that g(r) of a pair is smoothed with before its minima are read off.

    0.08 Å with oxygen, whose shells end in a deep gap, so that a supercell shows the same minimum. Among cations, where
    pairs are rare, as far as 0.25 Å so that some twenty pairs of an ideal gas at 3 Å stand behind each value.
    """
    if "O" in label.split("-"):
        return 0.08
    per_length = _ideal(rdf, label) * 4 * math.pi * 3.0**2 * rdf.n_frames
    return float(np.clip(20 / (per_length * math.sqrt(2 * math.pi)), 0.08, 0.25))


def _first_shell(rdf: PartialRDF, label: str) -> float | None:
    """End of the first shell in Å, or None where no peak stands above the counting noise."""
    if not np.isfinite(rdf.g[label]).all():
        return None
    smoothing = smoothing_width(rdf, label)
    try:
        end = first_minimum(rdf.r, rdf.g[label], smoothing=smoothing)
    except InputError:
        return None
    # The cell of a crystal holds few pairs, but its infinite repetition has no noise.
    copies = rdf.n_frames * (max(1.0, 200 / rdf.n_atoms) if rdf.periodic else 1.0)
    window = np.ones(2 * max(1, round(smoothing / rdf.dr)) + 1)
    seen = copies * np.convolve(rdf.counts[label], window, mode="same")
    expected = copies * _ideal(rdf, label) * np.convolve(4 * math.pi * rdf.r**2 * rdf.dr, window, mode="same")
    stands_out = seen > expected + 5 * np.sqrt(expected + 1)
    return end if stands_out[rdf.r < end].any() else None


def _first_peak(rdf: PartialRDF, label: str) -> dict[str, float]:
    nothing = {"r": math.nan, "fwhm": math.nan}
    end = _first_shell(rdf, label)
    if end is None:
        return nothing
    inside = rdf.r < end
    r, g, counts = rdf.r[inside], rdf.g[label][inside], rdf.counts[label][inside] * rdf.n_frames
    filled = np.flatnonzero(counts)
    if len(filled) < 5:
        total = counts.sum()
        mean = float((counts * r).sum() / total)
        spread = math.sqrt(float((counts * (r - mean) ** 2).sum() / total))
        return {"r": mean, "fwhm": _FWHM_PER_SIGMA * spread}
    smooth = gaussian_filter1d(g, 0.04 / rdf.dr, mode="constant")
    top = int(smooth.argmax())
    low = smooth < _PEAK_FOOT * smooth[top]
    start = int(np.flatnonzero(low[:top])[-1]) + 1 if low[:top].any() else 0
    stop = top + int(np.flatnonzero(low[top:])[0]) if low[top:].any() else len(r)
    if stop - start < 5:
        start, stop = max(0, top - 2), min(len(r), top + 3)
    pairs_per_g = np.median(counts[filled] / (g[filled] * r[filled] ** 2)) * r[start:stop] ** 2
    coefficients = _log_cubic(r[start:stop] - r[top], counts[start:stop], pairs_per_g)
    x = np.linspace(r[start] - rdf.dr / 2, r[stop - 1] + rdf.dr / 2, 2001)
    log_g = np.polynomial.polynomial.polyval(x - r[top], coefficients)
    peak = int(log_g.argmax())
    fwhm = _width_at_half(x, log_g, peak)
    if math.isnan(fwhm):
        # A split shell leaves the cubic no flank of half height; the smoothed curve still has one.
        fwhm = _width_at_half(r, np.log(np.maximum(smooth, 1e-12)), top)
    return {"r": float(x[peak]), "fwhm": fwhm}


def _log_cubic(
    t: NDArray[np.float64], observed: NDArray[np.float64], pairs_per_g: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Coefficients of the cubic ln g(t) that makes Poisson counts `observed` likeliest: Newton's method."""
    scale = float(np.abs(t).max())
    powers = np.vander(t / scale, 4, increasing=True)
    start = np.log(np.maximum(observed, 0.5) / pairs_per_g)
    coefficients = np.linalg.lstsq(
        powers * np.sqrt(observed + 0.5)[:, None], start * np.sqrt(observed + 0.5)
    )[0]
    for _ in range(_NEWTON_STEPS):
        expected = pairs_per_g * np.exp(powers @ coefficients)
        curvature = powers.T @ (powers * expected[:, None])
        step = np.linalg.lstsq(curvature, powers.T @ (observed - expected))[0]
        coefficients += step
        if np.abs(step).max() < 1e-9:
            break
    return np.asarray(coefficients / scale ** np.arange(4))


def _width_at_half(x: NDArray[np.float64], log_g: NDArray[np.float64], peak: int) -> float:
    """Full width at half maximum; a side that ends above half height is taken to be as wide as the other."""
    below = log_g < log_g[peak] - math.log(2)
    left = np.flatnonzero(below[:peak])
    right = np.flatnonzero(below[peak:])
    halves = [x[peak] - x[left[-1]]] if len(left) else []
    halves += [x[peak + right[0]] - x[peak]] if len(right) else []
    return float(2 * np.mean(halves)) if halves else math.nan
