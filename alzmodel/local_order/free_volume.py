"""Space in a model: Voronoi cells, free volume, voids, and the room that Li finds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.composition import ion_kinds
from alzmodel.elements import element_symbols
from alzmodel.errors import InputError
from alzmodel.ions import ion
from alzmodel.local_order.shells import Bonded, bonded
from alzmodel.local_order.space import radius_at
from alzmodel.local_order.voids import accessible, bottleneck_radius, clearance, left_beside
from alzmodel.local_order.voronoi import voronoi_volumes
from alzmodel.neighbours import neighbour_list
from alzmodel.results import Item, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = ["PROBE", "FreeVolume", "check_probe", "free_volume", "ionic_radii"]

PROBE: Final = 0.59
"""Å: Shannon's radius of four-fold Li+, the common coordination in these glasses."""
MOBILE: Final = "Li"
"""The element whose room is looked for: it is taken out first."""


@dataclass(frozen=True, slots=True, repr=False)
class FreeVolume(Result):
    """Space between ions as hard spheres of Shannon's radii, each at the coordination it has; means over frames.

    Attributes
    ----------
    voronoi
        Per element ``mean`` and ``std`` over atoms of the volume of the radical Voronoi cells, Å³.
    fraction
        Share of the volume outside all ions.
    largest_void
        Radius in Å of the largest sphere that fits between all ions.
    probe_radius
        Å.
    accessible_fraction
        Share of the volume in which the centre of the probe touches no ion other than Li (Li being taken out).
    percolating_fraction
        Share of that space that runs through the periodic model.
    dimensions
        Of the largest region: in how many independent directions it runs through.
    n_voids
        Separate regions of at least 1 Å³ per 1000 Å³ of the model.
    bottleneck
        Radius in Å of the largest probe that still could run through. At rest: real ions give way.
    li_inside
        Share of the Li ions that sit in the accessible space (from distances, not from the grid): how far hard spheres
        describe their sites.
    spacing
        Å between the points of the grid; lengths hold to about half of it.
    """

    voronoi: dict[str, dict[str, float]]
    fraction: float
    largest_void: float
    probe_radius: float
    accessible_fraction: float
    percolating_fraction: float
    dimensions: float
    n_voids: float
    bottleneck: float
    li_inside: float
    spacing: float

    def items(self) -> Iterator[Item]:
        """Every attribute by its name, and what radii and cells were taken."""
        yield from Result.items(self)
        yield Item("radii", "Shannon 1976, by coordination")
        yield Item("tessellation", "radical Voronoi")


def ionic_radii(atoms: Atoms, cation_bonds: Neighbours) -> NDArray[np.float64]:
    """Shannon's radius in Å of each ion at the coordination that it has, shape (n_atoms,); oxygen 1.40 Å.

    Raises
    ------
    InputError
        If an ion has no radii here.
    """
    labels, kind = ion_kinds(atoms)
    number = np.bincount(cation_bonds.i, minlength=len(atoms))
    radii = np.empty(len(atoms))
    for index, label in enumerate(labels):
        mine = kind == index
        radii[mine] = radius_at(ion(label), number[mine])
    return radii


def free_volume(
    frames: Atoms | Sequence[Atoms] | Bonded,
    *,
    probe_radius: float = PROBE,
    spacing: float = 0.25,
) -> FreeVolume:
    """Measure the space in a model.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model, periodic in all directions.
    probe_radius
        Å.
    spacing
        Å between grid points, at most.

    Raises
    ------
    InputError
        If the model is no oxide or not periodic in all directions, an ion has no radii here, or a length is bad.

    References
    ----------
    R. D. Shannon, Acta Cryst. A 32, 751 (1976): radii.
    """
    check_probe(probe_radius)
    model = bonded(frames)
    cells: dict[str, list[NDArray[np.float64]]] = {element: [] for element in model.shells.rdf.elements}
    rows = []
    for atoms, pairs in zip(model.frames, model.bonds, strict=True):
        symbols = element_symbols(atoms)
        radii = ionic_radii(atoms, pairs)
        volumes = voronoi_volumes(atoms, radii)
        for element, found in cells.items():
            found.append(volumes[symbols == element])
        mobile = symbols == MOBILE
        frame = clearance(atoms[~mobile], radii[~mobile], spacing=spacing)
        fraction, largest = left_beside(frame, atoms[mobile], radii[mobile])
        space = accessible(frame, probe_radius)
        least = float(atoms.cell.volume) / 1000
        rows.append(
            [
                fraction,
                largest,
                space.fraction,
                space.percolating_fraction,
                float(space.dimensions[0]) if len(space.dimensions) else 0.0,
                float((space.volumes >= least).sum()),
                bottleneck_radius(frame, known=(probe_radius, bool((space.dimensions > 0).any()))),
                _with_room(atoms, mobile, radii, probe_radius),
            ]
        )
    # Where no frame says anything the mean says nothing either.
    means = [_mean([row[k] for row in rows]) for k in range(len(rows[0]))]
    fraction, largest, reached, percolating, dimensions, n_voids, bottleneck, inside = means
    return FreeVolume(
        voronoi={element: _moments(np.concatenate(found)) for element, found in cells.items()},
        fraction=fraction,
        largest_void=largest,
        probe_radius=probe_radius,
        accessible_fraction=reached,
        percolating_fraction=percolating,
        dimensions=dimensions,
        n_voids=n_voids,
        bottleneck=bottleneck,
        li_inside=inside,
        spacing=spacing,
    )


def check_probe(radius: float) -> None:
    """Refuse a probe that is none.

    Raises
    ------
    InputError
        Unless its radius, Å, is a number from 0 to below 3.
    """
    if not (math.isfinite(radius) and 0 <= radius < 3):
        raise InputError(f"probe radius: {radius} Å; allowed: from 0 to below 3")


def _with_room(
    atoms: Atoms, mobile: NDArray[np.bool_], radii: NDArray[np.float64], probe_radius: float
) -> float:
    """Share of the mobile ions that a probe could stand for without touching another ion; NaN without any."""
    if not mobile.any():
        return math.nan
    reach = float(radii[~mobile].max()) + probe_radius
    pairs = neighbour_list(atoms, reach, of=mobile, among=~mobile)
    touched = np.unique(pairs.i[pairs.distance < radii[pairs.j] + probe_radius])
    return float(1 - len(touched) / mobile.sum())


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if finite else math.nan


def _moments(values: NDArray[np.float64]) -> dict[str, float]:
    return {
        "mean": float(values.mean()),
        "std": float(values.std(ddof=1)) if len(values) > 1 else math.nan,
    }
