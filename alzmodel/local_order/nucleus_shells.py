"""Order by shell around a nucleus in a glass: whether the glass near it is ordered as it is."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import InputError
from alzmodel.local_order.cation_order import cation_surroundings, frame_order
from alzmodel.local_order.shells import bonded
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["EDGES", "NucleusShells", "nucleus_shells"]

FloatArray = NDArray[np.float64]

EDGES: Final = (-math.inf, -4.0, 0.0, 4.0, 8.0, 12.0, math.inf)
"""Å from the sphere that the nucleus was cut with: its inside, its rim, shells of the glass one distance between
cations thick, and the glass beyond."""

_FROM_NUCLEUS: Final = "from_nucleus"
_REGION, _INSIDE = "region", "nucleus"


@dataclass(frozen=True, repr=False)
class NucleusShells(Result):
    """Outcome of :func:`nucleus_shells`; each array has one number a shell of :data:`EDGES`.

    Attributes
    ----------
    inner, outer
        Å from the sphere of the nucleus; infinite ends are NaN.
    n_cations
        Cations but Li, mean over frames: of the nucleus within the sphere, of the glass beyond it.
    coherent_neighbours, error
        Of the twelve nearest cations those that are ordered in the same way, mean and its standard error over cations.
    fluorite_fraction
        Share with surroundings like in fluorite, of which pyrochlore is a superlattice.
    share
        Order of each shell between that of the glass beyond, 0, and that of the inside of the nucleus, 1; NaN where
        both are alike.
    share_error
        Its standard error.
    """

    inner: FloatArray = field(metadata=holds("Å", role="axis"))
    outer: FloatArray = field(metadata=holds("Å"))
    n_cations: FloatArray
    coherent_neighbours: FloatArray
    error: FloatArray
    fluorite_fraction: FloatArray
    share: FloatArray
    share_error: FloatArray

    @property
    def first_shell(self) -> float:
        """Share of the first shell of glass."""
        return float(self.share[EDGES.index(0.0)])


def nucleus_shells(frames: Atoms | Sequence[Atoms]) -> NucleusShells:
    """Measure the order of cations by their distance from the surface of a nucleus.

    Parameters
    ----------
    frames
        A glass-ceramic, or frames of one, with the arrays "from_nucleus" and "region" that
        :func:`alzmodel.models.glass_ceramic.glass_ceramic` gives.

    Returns
    -------
    NucleusShells
        Ions that came from the nucleus count within its sphere, those of the glass outside: what left its place is not
        taken for either. Order is that of P. R. ten Wolde et al., J. Chem. Phys. 104 (1996) 9932
        (:func:`alzmodel.local_order.cation_order.cation_order`).

    Raises
    ------
    InputError
        If there is no nucleus.
    """
    model = bonded(frames)
    per_shell: list[list[FloatArray]] = [[] for _ in EDGES[1:]]
    fluorite: list[list[NDArray[np.bool_]]] = [[] for _ in EDGES[1:]]
    for atoms, bonds in zip(model.frames, model.bonds, strict=True):
        distance = _from_surface(atoms)
        order = frame_order(atoms, bonds, cation_surroundings(atoms, model.ligands))
        own = atoms.arrays[_FROM_NUCLEUS] > 0
        for n, (low, high) in enumerate(itertools.pairwise(EDGES)):
            here = (distance >= low) & (distance < high) & (order.coherent >= 0) & (own == (high <= 0))
            per_shell[n].append(order.coherent[here].astype(np.float64))
            fluorite[n].append(order.fluorite[here])
    values = [np.concatenate(one) for one in per_shell]
    if len(values[0]) < 2 or len(values[-1]) < 2:
        raise InputError("order around a nucleus: no inside or no glass far from it; allowed: a larger box")
    frames_count = len(model.frames)
    mean = np.array([one.mean() if len(one) else math.nan for one in values])
    # Frames of one model are not independent: errors are those of the cations of one.
    error = np.array(
        [one.std(ddof=1) / math.sqrt(len(one) / frames_count) if len(one) > 1 else math.nan for one in values]
    )
    # Where inside and outside are alike there is no scale between them.
    scale = mean[0] - mean[-1] or math.nan
    share = (mean - mean[-1]) / scale
    share_error = np.sqrt(
        np.square(error) + np.square((1 - share) * error[-1]) + np.square(share * error[0])
    ) / abs(scale)
    share_error[[0, -1]] = 0.0 * scale
    ends = np.array(EDGES)
    ends[~np.isfinite(ends)] = math.nan
    return NucleusShells(
        inner=ends[:-1],
        outer=ends[1:],
        n_cations=np.array([len(one) / frames_count for one in values]),
        coherent_neighbours=mean,
        error=error,
        fluorite_fraction=np.array(
            [float(np.concatenate(one).mean()) if sum(map(len, one)) else math.nan for one in fluorite]
        ),
        share=share,
        share_error=share_error,
    )


def _from_surface(atoms: Atoms) -> FloatArray:
    """Distance of every atom from the sphere of the nucleus, Å, negative inside."""
    if _FROM_NUCLEUS not in atoms.arrays or not (atoms.arrays[_FROM_NUCLEUS] > 0).any():
        raise InputError("order around a nucleus: no atom marked 'from_nucleus'; allowed: a glass-ceramic")
    nucleus = atoms.info.get("provenance", {}).get("nucleus", {})
    diameter = nucleus.get("diameter") if isinstance(nucleus, dict) else None
    if not isinstance(diameter, int | float) or diameter <= 0:
        raise InputError(
            "order around a nucleus: its diameter is not in the provenance; allowed: a glass-ceramic"
        )
    inside = atoms.arrays[_FROM_NUCLEUS] > 0
    if _REGION in atoms.arrays and (atoms.arrays[_REGION] == _INSIDE).any():
        inside = inside & (atoms.arrays[_REGION] == _INSIDE)
    turns = 2j * math.pi * atoms.get_scaled_positions()[inside]
    centre = np.angle(np.exp(turns).mean(axis=0)) / (2 * math.pi)
    shifted = atoms.get_scaled_positions() - centre
    shifted -= np.rint(shifted)
    return np.asarray(np.linalg.norm(shifted @ atoms.cell.array, axis=1) - 0.5 * diameter)
