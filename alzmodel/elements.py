"""Elements of a model, found without a step for each atom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

__all__ = ["element_symbols", "elements_of"]


def elements_of(atoms: Atoms) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Symbols of the elements in alphabetical order, which each atom has, and how many have each."""
    from ase.data import chemical_symbols

    counts = np.bincount(atoms.numbers, minlength=len(chemical_symbols))
    present = sorted(np.flatnonzero(counts).tolist(), key=lambda number: chemical_symbols[number])
    rank = np.empty(len(counts), dtype=np.int64)
    rank[present] = np.arange(len(present))
    return [chemical_symbols[number] for number in present], rank[atoms.numbers], counts[present]


def element_symbols(atoms: Atoms) -> NDArray[np.str_]:
    """Symbol of every atom, shape (n_atoms,): the same as ``atoms.get_chemical_symbols()``."""
    symbols, index, _ = elements_of(atoms)
    return np.array(symbols, dtype=np.str_)[index]
