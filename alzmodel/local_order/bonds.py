"""Cation–oxygen bonds where the first shells are known: all that a picture of a model needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.neighbours import Neighbours, neighbour_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms

__all__ = ["ANION", "bonds_within"]

ANION: Final = "O"
"""The element that building units are built of."""


def bonds_within(atoms: Atoms, cutoffs: Mapping[str, float]) -> Neighbours:
    """All bonds of a model whose first shells are known already.

    Parameters
    ----------
    atoms
        One model.
    cutoffs
        Å, to oxygen by cation; those that are left out have no bonds.

    Returns
    -------
    Neighbours
        From cation to oxygen.
    """
    oxygen = atoms.symbols == ANION
    limit = np.array([cutoffs.get(element, 0.0) for element in atoms.get_chemical_symbols()])
    pairs = neighbour_list(atoms, max(cutoffs.values()), of=~oxygen, among=oxygen)
    return pairs.select(pairs.distance < limit[pairs.i])
