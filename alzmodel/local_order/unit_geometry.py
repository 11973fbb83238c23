"""Shape, volume and distortion of the building units, over all units of a kind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.elements import element_symbols
from alzmodel.local_order.polyhedra import Polyhedra, polyhedra
from alzmodel.local_order.shapes import SHAPES, shape_measures
from alzmodel.local_order.shells import Bonded, bonded
from alzmodel.results import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

__all__ = ["UnitGeometry", "nearest_shapes", "unit_geometry"]


@dataclass(frozen=True, slots=True, repr=False)
class UnitGeometry(Result):
    """Geometry of the units of one cation, over its atoms and frames.

    Attributes
    ----------
    shapes
        Per ideal unit (:data:`alzmodel.local_order.shapes.SHAPES`): ``mean`` and ``std`` of the continuous shape
        measure over the units with as many corners (NaN where there are none), and ``nearest``, the share of all units
        of this cation whose nearest shape it is.
    polyhedra
        ``mean`` and ``std`` over units of each attribute of :class:`alzmodel.local_order.polyhedra.Polyhedra`.
    """

    shapes: dict[str, dict[str, float]]
    polyhedra: dict[str, dict[str, float]]


def nearest_shapes(
    measures: dict[str, NDArray[np.float64]],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Index into `SHAPES` of each atom's nearest shape (−1 without one) and its measure (NaN), shape (n_atoms,)."""
    table = np.stack([measures[name] for name in SHAPES])
    known = np.isfinite(table).any(axis=0)
    filled = np.where(np.isfinite(table), table, math.inf)
    index = np.where(known, filled.argmin(axis=0), -1)
    return index.astype(np.int64), np.where(known, filled.min(axis=0), math.nan)


def unit_geometry(frames: Atoms | Sequence[Atoms] | Bonded) -> dict[str, UnitGeometry]:
    """Measure the shapes of the building units of each cation.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model.

    Raises
    ------
    InputError
        If the model is no oxide.
    """
    model = bonded(frames)
    measures = [shape_measures(pairs) for pairs in model.bonds]
    bodies = [polyhedra(pairs) for pairs in model.bonds]
    nearest = np.concatenate([nearest_shapes(measure)[0] for measure in measures])
    symbols = np.concatenate([element_symbols(atoms) for atoms in model.frames])
    result = {}
    for element in model.cations:
        mine = symbols == element
        shapes = {}
        for index, name in enumerate(SHAPES):
            values = np.concatenate([measure[name] for measure in measures])[mine]
            shapes[name] = {**_moments(values), "nearest": float((nearest[mine] == index).mean())}
        result[element] = UnitGeometry(
            shapes=shapes,
            polyhedra={
                name: _moments(np.concatenate([getattr(body, name) for body in bodies])[mine])
                for name in Polyhedra.__slots__
            },
        )
    return result


def _moments(values: NDArray[np.float64]) -> dict[str, float]:
    known = values[np.isfinite(values)]
    return {
        "mean": float(known.mean()) if len(known) else math.nan,
        "std": float(known.std(ddof=1)) if len(known) > 1 else math.nan,
    }
