"""How densely ions fill a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.composition import ion_kinds
from alzmodel.errors import InputError
from alzmodel.ions import ion
from alzmodel.local_order.shells import Bonded, bonded
from alzmodel.results import Item, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.ions import Ion

__all__ = ["Packing", "packing", "radius_at"]


@dataclass(frozen=True, slots=True, repr=False)
class Packing(Result):
    """Fraction of the volume inside spheres of Shannon's radii (overlap of neighbours counted twice).

    Attributes
    ----------
    cn6
        With six-fold radii throughout: changes only with composition and density.
    by_coordination
        With the radius of each cation at the coordination number it has, between tabulated ones by linear
        interpolation, and at the ends of the table the last value; oxygen stays at its six-fold 1.40 Å.
    """

    cn6: float
    by_coordination: float

    def items(self) -> Iterator[Item]:
        """Both fractions and the name of the radii."""
        yield from Result.items(self)
        yield Item("radii", "Shannon 1976")


def packing(frames: Atoms | Sequence[Atoms] | Bonded) -> Packing:
    """Packing fraction of a model with ionic radii.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model.

    Raises
    ------
    InputError
        If the model is no oxide, is not periodic in all directions (what volume a surface ion has is open), or an ion
        has no radii here.

    References
    ----------
    R. D. Shannon, Acta Cryst. A 32, 751 (1976), Table 1.
    """
    model = bonded(frames)
    if not model.periodic:
        raise InputError(
            "packing: a model that is not periodic in all directions; allowed: all three periodic"
        )
    plain, adapted = 0.0, 0.0
    for atoms, pairs in zip(model.frames, model.bonds, strict=True):
        labels, kind = ion_kinds(atoms)
        number = np.bincount(pairs.i, minlength=len(atoms))
        for index, label in sorted(enumerate(labels), key=lambda one: one[1]):
            known = ion(label)
            mine = number[kind == index]
            plain += len(mine) * known.radius_cn6**3
            adapted += float((radius_at(known, mine) ** 3).sum())
    # The mean volume of the frames belongs to the mean sum over frames.
    rdf = model.shells.rdf
    per_volume = 4 / 3 * np.pi * rdf.number_density / rdf.n_atoms / len(model.frames)
    return Packing(cn6=per_volume * plain, by_coordination=per_volume * adapted)


def radius_at(known: Ion, coordination: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shannon's radius in Å of an ion at each coordination number, as `Packing` says."""
    if known.valence < 0:
        return np.full(len(coordination), known.radius_cn6)
    numbers = sorted(known.radii)
    return np.interp(coordination, numbers, [known.radii[number] for number in numbers])
