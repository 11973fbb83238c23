"""First shells: which oxygen belongs to which cation, and which cations are each other's neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.elements import element_symbols, elements_of
from alzmodel.errors import InputError
from alzmodel.ions import pair_label
from alzmodel.local_order.bonds import ANION
from alzmodel.local_order.criteria import CRITERIA, select_shell
from alzmodel.local_order.ligands import bond_length, is_among, ligand_elements
from alzmodel.local_order.pdf import PartialRDF, frame_list, partial_rdf, smoothing_width
from alzmodel.neighbours import Neighbours, check_apart, minimum_between, neighbour_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

__all__ = ["ANION", "FAR", "LARGEST_CUTOFF", "Bonded", "Shells", "bonded", "first_shells", "pair_limits"]

_RADII_TO_MINIMUM = 1.28
"""Where a partial shows no minimum: cut-off over the sum of radii. In La2Zr2O7, ZrO2, MgO and their melts the first
minimum lies at 1.25 to 1.35 of r(CN 6) + r(O)."""
_LEAST_TO_MINIMUM = 1.15
"""A gap nearer than this times the sum of radii splits a shell (as around a distorted site) and does not end it."""
FAR: Final = 1.0
"""Å beyond the cut-off within which the effective coordination looks for more oxygen."""
_PAIR_SMOOTHING = 0.25
"""Å, of g(r) between cations: as much as few pairs need, and the same for models of all sizes."""
_MOST_TO_MINIMUM = 1.6
"""A gap beyond this times the sum of radii ends a further shell: that of hydrogen bonds, or of a cation without bonds
to this ligand."""
LARGEST_CUTOFF: Final = 9.0
"""Å; g(r) is looked at up to here, which holds the second shell of every cation pair."""


@dataclass(frozen=True, slots=True)
class Shells:
    """Cut-offs of a model's first shells.

    Attributes
    ----------
    cutoffs
        Å by pair label, for every cation with oxygen and every pair of cations.
    sources
        By pair label. Cation–oxygen: ``"given"``, ``"first minimum"`` of g(r) (one that
        only splits the shell of a distorted site, below 1.15 times the sum of Shannon's six-fold radii, is passed
        over), or ``"radii"`` where g(r) shows no first
        shell (as in a gas), 1.28 times the sum of Shannon's six-fold radii. Cation–cation: ``"given"``, or ``"minimum
        beyond a straight bridge"``: where g(r) is lowest between 1.0 and 1.25 times the sum of both mean bond
        lengths to oxygen. A straight bridge of mean bonds is the longest that two units share a corner over, so
        the shell holds edges and corners alike; the first minimum itself lies between them in some glasses and
        behind them in others, and fractions would not compare.
    rdf
        The partials that the minima were read from.
    ligands
        Elements that the units are built of; see :func:`alzmodel.local_order.ligands.ligand_elements`.
    """

    cutoffs: dict[str, float]
    sources: dict[str, str]
    rdf: PartialRDF
    ligands: tuple[str, ...] = (ANION,)

    @property
    def cations(self) -> tuple[str, ...]:
        """Elements other than the ligands, in the order of the pair labels."""
        return tuple(element for element in self.rdf.elements if element not in self.ligands)


def first_shells(
    frames: Atoms | Sequence[Atoms],
    *,
    cutoffs: Mapping[str, float] | None = None,
) -> Shells:
    """Find where the first shells of a model end.

    Parameters
    ----------
    frames
        One model or frames of one.
    cutoffs
        Å by pair label (either order), to be used in place of what is found, such as ``{"La-O": 3.2}``.

    Raises
    ------
    InputError
        If the model has no anions, or a given cut-off names no pair of it or is not between 0 and 9 Å.
    """
    listed = frame_list(frames)
    ligands = ligand_elements(listed[0])
    cations = sorted(set(elements_of(listed[0])[0]) - set(ligands))
    given = _checked(cutoffs or {}, cations, ligands)
    rdf = partial_rdf(listed, r_max=LARGEST_CUTOFF)
    minima = rdf.cutoffs()
    found: dict[str, float] = {}
    sources: dict[str, str] = {}
    lengths = {}
    for cation in sorted(cations, key=rdf.elements.index):
        # Without any bond the radii stand in.
        distances, numbers = [], []
        for ligand in ligands:
            label, radii = pair_label(cation, ligand), bond_length(cation, ligand)
            if label in given:
                found[label], sources[label] = given[label], "given"
            elif label in minima and _is_bond(rdf, label, radii):
                found[label] = _beyond_splits(rdf, label, minima[label], radii)
                sources[label] = "first minimum"
            else:
                found[label], sources[label] = _RADII_TO_MINIMUM * radii, "radii"
            inside = rdf.r < found[label]
            distances.append(rdf.r[inside])
            numbers.append(rdf.counts[label][inside])
        number = np.concatenate(numbers)
        lengths[cation] = (
            float(np.average(np.concatenate(distances), weights=number))
            if number.any()
            else bond_length(cation, ligands[0])
        )
    for label in rdf.counts:
        a, b = label.split("-")
        if {a, b} & set(ligands):
            continue
        if label in given:
            found[label], sources[label] = given[label], "given"
        else:
            bridge = lengths[a] + lengths[b]
            found[label] = _pair_cutoff(rdf, label, bridge)
            sources[label] = "minimum beyond a straight bridge"
    return Shells(found, sources, rdf, ligands)


def _is_bond(rdf: PartialRDF, label: str, radii: float) -> bool:
    """Whether a pair has distances as bonds have."""
    return bool(rdf.counts[label][rdf.r < _MOST_TO_MINIMUM * radii].any())


def _beyond_splits(rdf: PartialRDF, label: str, minimum: float, radii: float) -> float:
    """Return the first minimum, or where g(r) is lowest about the radii if it lies inside the shell or far beyond."""
    low, high = _LEAST_TO_MINIMUM * radii, 1.45 * radii
    if low <= minimum <= _MOST_TO_MINIMUM * radii:
        return minimum
    return minimum_between(rdf.r, rdf.g[label], low, high, smoothing=smoothing_width(rdf, label))


def _pair_cutoff(rdf: PartialRDF, label: str, bridge: float) -> float:
    # A crystal's straight bridges must lie inside, whatever the rounding of its bins.
    low, high = bridge + 2 * rdf.dr, min(1.25 * bridge, rdf.r[-1])
    if not np.isfinite(rdf.g[label]).all() or low >= high:
        return 1.1 * bridge
    return minimum_between(rdf.r, rdf.g[label], low, high, smoothing=_PAIR_SMOOTHING)


def _checked(
    cutoffs: Mapping[str, float], cations: Sequence[str], ligands: Sequence[str]
) -> dict[str, float]:
    elements = {*cations, *ligands}
    checked = {}
    for name, value in cutoffs.items():
        a, _, b = name.partition("-")
        if a not in elements or b not in elements or {a, b} <= set(ligands):
            pairs = sorted({pair_label(x, y) for x in elements for y in cations})
            raise InputError(f"cut-off: pair {name!r} is not in the model; allowed: {', '.join(pairs)}")
        if not (math.isfinite(value) and 0 < value <= LARGEST_CUTOFF):
            raise InputError(f"cut-off of {name}: {value} Å; allowed: 0 < cut-off ≤ {LARGEST_CUTOFF:g}")
        checked[pair_label(a, b)] = float(value)
    return checked


@dataclass(frozen=True, slots=True)
class Bonded:
    """Frames of a model with their cation–oxygen bonds: what every count of local order starts from.

    Attributes
    ----------
    frames
        The frames.
    shells
        Cut-offs, the same for all frames.
    bonds
        Per frame: `i` is the cation, `j` the oxygen, sorted by cation.
    far_bonds
        Per frame: the same with every cut-off `FAR` longer.
    criterion
        How the bonds were told from the rest: one of :data:`alzmodel.local_order.criteria.CRITERIA`.
    cation_pairs
        Per frame what :meth:`pairs_of_cations` finds, or None: then it is found whenever it is asked for.
    """

    frames: tuple[Atoms, ...]
    shells: Shells
    bonds: tuple[Neighbours, ...]
    far_bonds: tuple[Neighbours, ...]
    criterion: str = CRITERIA[0]
    cation_pairs: tuple[Neighbours, ...] | None = None

    @property
    def cations(self) -> tuple[str, ...]:
        """Elements other than the ligands, in the order of the pair labels."""
        return self.shells.cations

    @property
    def ligands(self) -> tuple[str, ...]:
        """Elements that the units are built of, oxygen first."""
        return self.shells.ligands

    @property
    def periodic(self) -> bool:
        """Whether all frames are periodic in all directions."""
        return all(bool(np.all(atoms.pbc)) for atoms in self.frames)

    def with_criterion(self, criterion: str) -> Bonded:
        """Return the same frames with first shells told in another way; the cut-offs stay what they are.

        Raises
        ------
        InputError
            If the criterion has no such name.
        """
        _check_criterion(criterion)
        if criterion == self.criterion:
            return self
        if criterion == CRITERIA[0]:
            near = tuple(
                _within(atoms, far, self.shells)
                for atoms, far in zip(self.frames, self.far_bonds, strict=True)
            )
        else:
            near = tuple(
                select_shell(far, criterion, _limits(atoms, self.shells) + FAR)
                for atoms, far in zip(self.frames, self.far_bonds, strict=True)
            )
        return replace(self, bonds=near, criterion=criterion)

    def with_moved_cutoffs(self, by: float) -> Bonded:
        """Return the same frames with the cut-offs of all cation–oxygen pairs moved by so many Å, at most `FAR`."""
        cutoffs = {
            label: cutoff + by if set(self.ligands) & set(label.split("-")) else cutoff
            for label, cutoff in self.shells.cutoffs.items()
        }
        shells = Shells(cutoffs, self.shells.sources, self.shells.rdf, self.ligands)
        near = tuple(
            _within(atoms, far, shells) for atoms, far in zip(self.frames, self.far_bonds, strict=True)
        )
        return replace(self, shells=shells, bonds=near, criterion=CRITERIA[0])

    def pairs_of_cations(self, frame: int) -> Neighbours:
        """Pairs of cations up to the longest cut-off between any, each numbered among the cations of the frame."""
        if self.cation_pairs is not None:
            return self.cation_pairs[frame]
        ligands = set(self.ligands)
        reach = max(
            cutoff for pair, cutoff in self.shells.cutoffs.items() if not ligands & set(pair.split("-"))
        )
        atoms = self.frames[frame]
        return neighbour_list(atoms[~is_among(atoms, self.ligands)], reach)

    def with_cation_pairs(self) -> Bonded:
        """Return the same with `cation_pairs` found: for those who count over them several times."""
        if self.cation_pairs is not None:
            return self
        return replace(
            self, cation_pairs=tuple(self.pairs_of_cations(frame) for frame in range(len(self.frames)))
        )

    def thinned(self, most: int) -> Bonded:
        """Return at most `most` of the frames, evenly spread and with the last one."""
        n = len(self.frames)
        if n <= most:
            return self
        kept = [n - 1 - (n * k) // most for k in range(most - 1, -1, -1)]
        return Bonded(
            tuple(self.frames[k] for k in kept),
            self.shells,
            tuple(self.bonds[k] for k in kept),
            tuple(self.far_bonds[k] for k in kept),
            self.criterion,
            tuple(self.cation_pairs[k] for k in kept) if self.cation_pairs is not None else None,
        )


def _check_criterion(criterion: str) -> None:
    if criterion not in CRITERIA:
        raise InputError(f"shell criterion: {criterion!r}; allowed: {', '.join(CRITERIA)}")


def _within(atoms: Atoms, pairs: Neighbours, shells: Shells) -> Neighbours:
    """Cation–ligand pairs within the cut-offs."""
    return pairs.select(pairs.distance < pair_limits(atoms, pairs, shells))


def pair_limits(atoms: Atoms, pairs: Neighbours, shells: Shells) -> NDArray[np.float64]:
    """Cut-off of each cation–ligand pair of a frame, Å, shape (n_pairs,)."""
    if len(shells.ligands) == 1:
        return _limits(atoms, shells)[pairs.i]
    rank = {element: index for index, element in enumerate((*shells.cations, *shells.ligands))}
    symbols, kind = element_symbols(atoms), np.zeros(len(atoms), dtype=np.int64)
    for element, index in rank.items():
        kind[symbols == element] = index
    table = np.zeros((len(rank), len(rank)))
    for cation in shells.cations:
        for ligand in shells.ligands:
            table[rank[cation], rank[ligand]] = shells.cutoffs[pair_label(cation, ligand)]
    return np.asarray(table[kind[pairs.i], kind[pairs.j]])


def _limits(atoms: Atoms, shells: Shells) -> NDArray[np.float64]:
    """Largest cut-off of every cation with a ligand, shape (n_atoms,); zero for ligands."""
    symbols, limits = element_symbols(atoms), np.zeros(len(atoms))
    for element in shells.cations:
        limits[symbols == element] = max(
            shells.cutoffs[pair_label(element, ligand)] for ligand in shells.ligands
        )
    return limits


def bonded(
    frames: Atoms | Sequence[Atoms] | Bonded,
    *,
    cutoffs: Mapping[str, float] | None = None,
    criterion: str = CRITERIA[0],
) -> Bonded:
    """Find the first shells and all bonds of a model; what is bonded already is handed back.

    Parameters
    ----------
    frames
        One model, frames of one, or what this function returned (then nothing else is looked at).
    cutoffs
        As for :func:`first_shells`.
    criterion
        One of :data:`alzmodel.local_order.criteria.CRITERIA`: what ends the oxygen shell of a cation. The cut-offs are
        found all the same, and those between cations always hold.

    Raises
    ------
    InputError
        As :func:`first_shells`, or if the criterion has no such name.
    """
    if isinstance(frames, Bonded):
        return frames
    _check_criterion(criterion)
    listed = frame_list(frames)
    for number, atoms in enumerate(listed):
        check_apart(atoms, number)
    shells = first_shells(listed, cutoffs=cutoffs)
    near, far = [], []
    for atoms in listed:
        ligand = is_among(atoms, shells.ligands)
        reach = float(_limits(atoms, shells).max()) + FAR
        pairs = neighbour_list(atoms, reach, of=~ligand, among=ligand)
        pairs = pairs.select(pairs.distance < pair_limits(atoms, pairs, shells) + FAR)
        far.append(pairs)
        near.append(_within(atoms, pairs, shells))
    return Bonded(tuple(listed), shells, tuple(near), tuple(far)).with_criterion(criterion)
