"""Room for ions between the others, and whether models with more of it conduct better."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.composition import ion_labels
from alzmodel.elements import element_symbols
from alzmodel.ions import ion
from alzmodel.local_order.free_volume import ionic_radii
from alzmodel.local_order.shells import bonded
from alzmodel.local_order.space import radius_at
from alzmodel.local_order.voids import accessible, bottleneck_radius, clearance
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alzmodel.dynamics.trajectory import Trajectory

__all__ = ["FEWEST_MODELS", "Room", "RoomAgainstDiffusion", "room_against_diffusion", "room_of"]

FRAMES: Final = 3
"""Of a run, evenly over it."""
USUAL_COORDINATION: Final = 4
"""At which the radius of the mobile ion is taken, as Li has it in these glasses."""
FEWEST_MODELS: Final = 5
"""For a rank correlation: of four, no order is rarer than one in twenty."""


@dataclass(frozen=True, slots=True, repr=False)
class Room(Result):
    """Space that the centre of a mobile ion reaches between all others, taken as hard spheres; mean over frames.

    Attributes
    ----------
    run
        Name.
    accessible
        Share of the volume.
    percolating
        Share of that space which runs through the periodic model; NaN where there is none.
    bottleneck
        Radius in Å of the largest sphere that could run through: at rest, for real ions give way.
    """

    run: str = field(metadata=holds(role="label"))
    accessible: float = field(metadata=holds())
    percolating: float = field(metadata=holds())
    bottleneck: float = field(metadata=holds("Å"))


@dataclass(frozen=True, slots=True, repr=False)
class RoomAgainstDiffusion(Result):
    """Whether the order of models by their bottleneck is that by their diffusion.

    Attributes
    ----------
    rank, p
        Spearman's coefficient of bottleneck and D, and how often chance alone gives one as large; NaN below
        :data:`FEWEST_MODELS` models.
    n_models
        How many.
    """

    rank: float = field(metadata=holds())
    p: float = field(metadata=holds())
    n_models: int = field(metadata=holds())


def room_of(run: Trajectory, mobile: str = "Li") -> Room:
    """Measure the room that the mobile ions of a run have.

    Parameters
    ----------
    run
        Of an oxide with formal charges that are known.
    mobile
        Element: its ions are taken out, and one of them is the probe.

    Raises
    ------
    InputError
        If the model has no first shells, or an ion no radii.

    References
    ----------
    R. D. Shannon, Acta Cryst. A 32, 751 (1976): radii.
    """
    run.of(mobile)
    rows = []
    frames = run.to_atoms(np.linspace(0, len(run.positions) - 1, FRAMES).astype(int))
    model = bonded(frames)
    for atoms, bonds in zip(model.frames, model.bonds, strict=True):
        others = element_symbols(atoms) != mobile
        label = ion_labels(atoms)[int(np.argmin(others))]
        probe = float(radius_at(ion(label), np.array([USUAL_COORDINATION]))[0])
        field_ = clearance(atoms[others], ionic_radii(atoms, bonds)[others])
        space = accessible(field_, probe)
        through = bool((space.dimensions > 0).any())
        rows.append(
            (space.fraction, space.percolating_fraction, bottleneck_radius(field_, known=(probe, through)))
        )
    reached, percolating, bottleneck = np.array(rows).T
    known = percolating[np.isfinite(percolating)]
    return Room(
        run.name,
        float(reached.mean()),
        float(known.mean()) if len(known) else math.nan,
        float(bottleneck.mean()),
    )


def room_against_diffusion(rooms: Sequence[Room], diffusivities: Sequence[float]) -> RoomAgainstDiffusion:
    """Compare the order of models by room with that by diffusion.

    Parameters
    ----------
    rooms, diffusivities
        One each a model, in any unit.
    """
    from scipy import stats

    n = len(rooms)
    narrow = [room.bottleneck for room in rooms]
    if n < FEWEST_MODELS or len(set(narrow)) < 2 or len(set(diffusivities)) < 2:
        return RoomAgainstDiffusion(math.nan, math.nan, n)
    found = stats.spearmanr(narrow, diffusivities)
    return RoomAgainstDiffusion(float(found.statistic), float(found.pvalue), n)
