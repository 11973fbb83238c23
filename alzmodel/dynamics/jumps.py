"""Jumps of ions from cage to cage: how many bonds they have before, during and after, and which windows they pass."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.ions import pair_label
from alzmodel.local_order.shells import first_shells
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from alzmodel.dynamics.trajectory import Trajectory
    from alzmodel.local_order.shells import Shells

__all__ = ["JUMP_LENGTH", "Coordination", "Jump", "Jumps", "Passage", "Window", "find_jumps", "jumps_of"]

CAGE_TIME: Final = 1.0
"""ps before and after a moment, over which the place of an ion is averaged."""
JUMP_LENGTH: Final = 1.2
"""Å between both mean places: the sites of Li in garnets are 1.6 Å and more apart (96h–24d)."""
COARSEST: Final = 0.25
"""ps between frames: four in the time of a cage."""
MOST_LOOKED_AT: Final = 2000
"""Jumps whose surroundings are looked at, evenly over all: that leaves a share no error above 0.011."""
SHELL_FRAMES, REST_FRAMES = 10, 20
"""Frames that the first shells are found in, and those that tell the windows around ions at rest."""
CORNERS: Final = 3
"""Anions of a window: those that a jumping ion squeezes through, the triangle that both cages share."""


@dataclass(frozen=True, slots=True)
class Jump:
    """One jump: which ion (of the mobile ones), at which frame, from where to where in Å."""

    ion: int
    frame: int
    start: NDArray[np.float64]
    end: NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class Coordination(Result):
    """Mean number of anions around a jumping ion: in its old cage, in the window, in its new cage."""

    before: float = field(metadata=holds())
    during: float = field(metadata=holds())
    after: float = field(metadata=holds())


@dataclass(frozen=True, slots=True, repr=False)
class Passage(Result):
    """Windows of one kind, by the cations that hold two or three of its anions.

    Attributes
    ----------
    share, se
        Of the jumps, and its standard error by counting.
    at_rest
        Of the triangles of the three nearest anions of all mobile ions at all times: what there is to pass.
    """

    share: float = field(metadata=holds())
    se: float = field(metadata=holds())
    at_rest: float = field(metadata=holds())


@dataclass(frozen=True, slots=True, repr=False)
class Window(Result):
    """Distance in Å from the centre of the circle through the three anions of a window to each of them."""

    passed: float = field(metadata=holds("Å"))
    at_rest: float = field(metadata=holds("Å"))


@dataclass(frozen=True, slots=True, repr=False)
class Jumps(Result):
    """Jumps in all runs at one temperature.

    Attributes
    ----------
    n_jumps, n_looked_at
        How many, and in how many the surroundings were looked at.
    rate, rate_se
        Jumps of an ion in 1 ns; the error is that of the spread over ions.
    length, length_std
        Å, mean and standard deviation.
    back
        Share of jumps that the next jump of the ion undoes: it ends nearer than half a jump to where the first began.
        NaN where no ion jumps twice.
    coordination, window, passages
        See there; None and empty without jumps.
    """

    n_jumps: int = field(metadata=holds())
    n_looked_at: int = field(metadata=holds())
    rate: float = field(metadata=holds("1/ns"))
    rate_se: float = field(metadata=holds("1/ns"))
    length: float = field(metadata=holds("Å"))
    length_std: float = field(metadata=holds("Å"))
    back: float = field(metadata=holds())
    coordination: Coordination | None = field(metadata=holds())
    window: Window | None = field(metadata=holds())
    passages: Mapping[str, Passage] = field(metadata=holds())


@dataclass(frozen=True, slots=True)
class _Seen:
    """What surrounds ions: number of anions, radius of the window in Å, and its kind, one entry each."""

    number: NDArray[np.int64]
    radius: NDArray[np.float64]
    kind: list[str]


def find_jumps(positions: NDArray[np.float64], frame_time: float) -> list[Jump]:
    """Find when ions change their cage.

    A moment parts the time around it into a stretch before and one after. The measure is
    p = √(⟨(r − ⟨r⟩_after)²⟩_before ⟨(r − ⟨r⟩_before)²⟩_after), large where both stretches lie in unlike places. Jumps
    are the maxima of p in stretches where the mean places are :data:`JUMP_LENGTH` apart.

    Parameters
    ----------
    positions
        (frames, ions, 3), Å, at rest relative to the framework.
    frame_time
        ps.

    References
    ----------
    R. Candelier, O. Dauchot, G. Biroli, Phys. Rev. Lett. 102 (2009) 088001; A. Smessaert, J. Rottler, Phys. Rev. E 88
    (2013) 022314, eq. 1.
    """
    half = _half(frame_time)
    x = positions - positions.mean(axis=0)
    if len(x) < 2 * half + 1:
        return []
    zero = np.zeros((1, *x.shape[1:]))
    sums = np.concatenate([zero, x.cumsum(axis=0)])
    squares = np.concatenate([zero[..., 0], (x**2).sum(axis=2).cumsum(axis=0)])
    means = (sums[half:] - sums[:-half]) / half
    spread = (squares[half:] - squares[:-half]) / half - (means**2).sum(axis=2)
    before, after = means[:-half], means[half:]
    apart = ((after - before) ** 2).sum(axis=2)
    measure = (spread[:-half] + apart) * (spread[half:] + apart)
    found = []
    for ion in np.flatnonzero((apart > JUMP_LENGTH**2).any(axis=0)):
        far = np.concatenate([[False], apart[:, ion] > JUMP_LENGTH**2, [False]])
        edges = np.flatnonzero(far[1:] != far[:-1])
        for first, last in edges.reshape(-1, 2):
            top = first + int(np.argmax(measure[first:last, ion]))
            places = (one[top, ion] + positions[:, ion].mean(axis=0) for one in (before, after))
            found.append(Jump(int(ion), top + half, *places))
    return found


def _half(frame_time: float) -> int:
    return max(2, round(CAGE_TIME / frame_time))


def jumps_of(runs: Sequence[Trajectory], mobile: str = "Li") -> Jumps:
    """Find the jumps in independent runs at one temperature, and look at their surroundings.

    Parameters
    ----------
    runs
        Of one composition, with drift or without.
    mobile
        Element that jumps.

    Raises
    ------
    InputError
        If frames are more than :data:`COARSEST` apart, there are no or few anions, the ions are anions themselves, or
        the cell is too narrow for the shells.
    """
    counts, found, looks, backs = [], [], [], []
    for run in runs:
        if run.frame_time > COARSEST + 1e-9:
            raise InputError(f"jumps: frames {run.frame_time:g} ps apart; needed: at most {COARSEST:g} ps")
        still = run.relative_to_framework(mobile)
        jumps = find_jumps(still.of(mobile), still.frame_time)
        n_ions = still.of(mobile).shape[1]
        per_ion = np.bincount([one.ion for one in jumps], minlength=n_ions)
        counts.append(per_ion / (still.duration * 1e-3))
        found += jumps
        backs += _undone(jumps)
        looks.append(_look(still, jumps, mobile, math.ceil(MOST_LOOKED_AT / len(runs))))
    rates = np.concatenate(counts)
    lengths = np.array([float(np.linalg.norm(one.end - one.start)) for one in found])
    n = len(lengths)
    shared = _joined(looks)
    return Jumps(
        n_jumps=n,
        n_looked_at=sum(len(one.sides) for one in looks),
        rate=float(rates.mean()),
        rate_se=float(rates.std(ddof=1)) / math.sqrt(len(rates)) if len(rates) > 1 else math.nan,
        length=float(lengths.mean()) if n else math.nan,
        length_std=float(lengths.std(ddof=1)) if n > 1 else math.nan,
        back=float(np.mean(backs)) if backs else math.nan,
        coordination=shared[0],
        window=shared[1],
        passages=shared[2],
    )


def _undone(jumps: Sequence[Jump]) -> list[bool]:
    """Whether the next jump of the same ion undoes each, for all that have one."""
    return [
        bool(np.linalg.norm(late.end - early.start) < 0.5 * np.linalg.norm(early.end - early.start))
        for early, late in itertools.pairwise(jumps)
        if early.ion == late.ion
    ]


@dataclass(frozen=True, slots=True)
class _Looks:
    """Anions before and after each jump, shape (n, 2); what is around the ion in the window, and around all ions."""

    sides: NDArray[np.float64]
    passed: _Seen
    resting: _Seen


def _look(still: Trajectory, jumps: Sequence[Jump], mobile: str, most: int) -> _Looks:
    spread = np.linspace(0, len(still.positions) - 1, SHELL_FRAMES).astype(int)
    atoms = still.to_atoms(spread)
    shells = first_shells(atoms)
    _check(still, shells, mobile)
    ions = np.flatnonzero(still.symbols == mobile)
    looked = [jumps[k] for k in np.unique(np.linspace(0, len(jumps) - 1, most).astype(int))] if jumps else []
    half = _half(still.frame_time)
    quarter = half // 2
    path = still.of(mobile)
    sides, middle = [], []
    for jump in looked:
        own = ions[jump.ion]
        stretches = (
            range(jump.frame - half, jump.frame - quarter),
            range(jump.frame + quarter, jump.frame + half),
        )
        numbers = [
            float(_around(still, shells, mobile, np.full(len(frames), own), np.array(frames)).number.mean())
            for frames in stretches
        ]
        sides.append((numbers[0], numbers[1]))
        middle.append(_crossing(path[:, jump.ion], jump, quarter))
    crossing = _around(still, shells, mobile, ions[[one.ion for one in looked]], np.array(middle, dtype=int))
    rest = np.unique(np.linspace(0, len(still.positions) - 1, REST_FRAMES).astype(int))
    resting = _around(still, shells, mobile, np.tile(ions, len(rest)), np.repeat(rest, len(ions)))
    return _Looks(np.array(sides).reshape(-1, 2), crossing, resting)


def _crossing(path: NDArray[np.float64], jump: Jump, quarter: int) -> int:
    """Frame in which the ion is nearest to the plane half-way between both cages."""
    near = np.arange(jump.frame - quarter, jump.frame + quarter + 1)
    way = jump.end - jump.start
    along = (path[near] - jump.start) @ way / (way @ way)
    return int(near[np.argmin(np.abs(along - 0.5))])


def _check(still: Trajectory, shells: Shells, mobile: str) -> None:
    if mobile in shells.ligands:
        raise InputError(f"jumps: {mobile} is an anion here; needed: a cation that jumps between anions")
    n = int(np.isin(still.symbols, shells.ligands).sum())
    if n <= CORNERS:
        raise InputError(f"jumps: {n} anions; needed: more than the {CORNERS} of a window")
    half = 0.5 / float(np.linalg.norm(np.linalg.inv(still.cell), axis=0).max())
    longest = max(
        reach for label, reach in shells.cutoffs.items() if set(label.split("-")) & set(shells.ligands)
    )
    if longest > half:
        raise InputError(
            f"jumps: first shells of {longest:.1f} Å in a cell of {2 * half:.1f} Å; needed: at most half"
        )


def _around(
    still: Trajectory,
    shells: Shells,
    mobile: str,
    atoms: NDArray[np.int64],
    frames: NDArray[np.int64],
) -> _Seen:
    """Look at the anions around one atom in one frame each, and at the cations that hold the nearest three."""
    anions = np.flatnonzero(np.isin(still.symbols, shells.ligands))
    reach = np.array([shells.cutoffs[pair_label(mobile, str(one))] for one in still.symbols[anions]])
    holders = [
        (cation, np.flatnonzero(still.symbols == cation)) for cation in shells.cations if cation != mobile
    ]
    inverse = np.asarray(np.linalg.inv(still.cell), dtype=np.float64)
    numbers, radii, kinds = [], [], []
    for atom, frame in zip(atoms, frames, strict=True):
        places = still.positions[frame]
        away = _shortest(places[anions] - places[atom], still.cell, inverse)
        distance = np.linalg.norm(away, axis=1)
        numbers.append(int((distance < reach).sum()))
        nearest = np.argpartition(distance, CORNERS)[:CORNERS]
        corners = away[nearest]
        radii.append(_circumradius(corners))
        names = still.symbols[anions[nearest]]
        held: list[str] = []
        for cation, members in holders:
            bonds = _shortest((places[members] - places[atom])[None] - corners[:, None], still.cell, inverse)
            limits = np.array([shells.cutoffs[pair_label(cation, str(one))] for one in names])
            touching = (np.linalg.norm(bonds, axis=2) < limits[:, None]).sum(axis=0)
            held += [cation] * int((touching >= CORNERS - 1).sum())
        kinds.append("-".join(held) or "none")
    return _Seen(np.array(numbers, dtype=np.int64), np.array(radii), kinds)


def _shortest(
    vectors: NDArray[np.float64], cell: NDArray[np.float64], inverse: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Nearest image; right for all distances up to half of the smallest height of the cell."""
    scaled = vectors @ inverse
    return np.asarray((scaled - np.rint(scaled)) @ cell)


def _circumradius(corners: NDArray[np.float64]) -> float:
    """Of a triangle: abc / 4A."""
    a, b, c = corners
    sides = np.linalg.norm([a - b, b - c, c - a], axis=1)
    area = float(np.linalg.norm(np.cross(b - a, c - a))) / 2
    return float(sides.prod() / (4 * max(area, 1e-9)))


def _joined(looks: Sequence[_Looks]) -> tuple[Coordination | None, Window | None, dict[str, Passage]]:
    sides = np.concatenate([one.sides for one in looks])
    if not len(sides):
        return None, None, {}
    passed = _pooled([one.passed for one in looks])
    resting = _pooled([one.resting for one in looks])
    coordination = Coordination(
        float(sides[:, 0].mean()), float(passed.number.mean()), float(sides[:, 1].mean())
    )
    # Three anions that nearly lie on a line have a circle of any size: the median knows nothing of it.
    window = Window(float(np.median(passed.radius)), float(np.median(resting.radius)))
    through, there = Counter(passed.kind), Counter(resting.kind)
    n, m = len(passed.kind), len(resting.kind)
    passages = {}
    for kind, count in sorted(through.items(), key=_by_count):
        share = count / n
        passages[kind] = Passage(share, math.sqrt(share * (1 - share) / n), there[kind] / m)
    return coordination, window, passages


def _pooled(seen: Sequence[_Seen]) -> _Seen:
    return _Seen(
        np.concatenate([one.number for one in seen]),
        np.concatenate([one.radius for one in seen]),
        [kind for one in seen for kind in one.kind],
    )


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
