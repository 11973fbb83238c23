"""How many oxygens a cation has, over the distance that ends its shell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.elements import element_symbols
from alzmodel.ions import pair_label
from alzmodel.local_order.ligands import is_among
from alzmodel.neighbours import neighbour_list
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alzmodel.local_order.shells import Bonded

__all__ = ["CUTOFFS", "CutoffDependence", "cutoff_dependence"]

CUTOFFS: Final = np.round(np.arange(1.5, 4.0001, 0.05), 2)
"""Å, shape (51,): from below the shortest bond of Li to beyond the longest of La."""


@dataclass(frozen=True, slots=True, repr=False)
class CutoffDependence(Result):
    """Mean coordination of one cation for every cut-off.

    Attributes
    ----------
    used
        Å; the cut-off of the coordination that is told elsewhere: of the pair with oxygen, or the first ligand.
    cutoffs
        Å, shape (51,): :data:`CUTOFFS`.
    coordination
        Oxygens (and other ligands) no farther than that, mean over cations and frames, shape (51,).
    """

    used: float
    cutoffs: NDArray[np.float64] = field(metadata=holds("Å", role="axis"))
    coordination: NDArray[np.float64]


def cutoff_dependence(model: Bonded) -> dict[str, CutoffDependence]:
    """Count the oxygens of each cation for every cut-off.

    Parameters
    ----------
    model
        From :func:`alzmodel.local_order.shells.bonded`.

    Returns
    -------
    dict
        By cation. Where the count is flat around the cut-off, coordination is a fact; where it climbs, as around La in
        these glasses, a convention.

    Examples
    --------
    >>> from alzmodel.crystals import crystal
    >>> from alzmodel.local_order.shells import bonded
    >>> zr = cutoff_dependence(bonded(crystal("La2Zr2O7")))["Zr"]
    >>> float(zr.coordination[zr.cutoffs == 2.2][0])
    6.0
    """
    totals = {element: np.zeros(len(CUTOFFS)) for element in model.cations}
    numbers = dict.fromkeys(model.cations, 0)
    for atoms in model.frames:
        symbols, ligand = element_symbols(atoms), is_among(atoms, model.ligands)
        pairs = neighbour_list(atoms, float(CUTOFFS[-1]) + 1e-6, of=~ligand, among=ligand)
        for element in model.cations:
            centre = symbols == element
            numbers[element] += int(centre.sum())
            lengths = np.sort(pairs.distance[centre[pairs.i]])
            # A bond as long as the cut-off counts, whatever the last digit of its length.
            totals[element] += np.searchsorted(lengths, CUTOFFS + 1e-9, side="right")
    return {
        element: CutoffDependence(
            float(model.shells.cutoffs[pair_label(element, model.ligands[0])]),
            CUTOFFS,
            totals[element] / numbers[element],
        )
        for element in model.cations
    }
