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

    numbers, counts = np.unique(atoms.numbers, return_counts=True)
    symbols = np.array([chemical_symbols[number] for number in numbers], dtype=np.str_)
    order = np.argsort(symbols)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return symbols[order].tolist(), rank[np.searchsorted(numbers, atoms.numbers)], counts[order]


def element_symbols(atoms: Atoms) -> NDArray[np.str_]:
    """Symbol of every atom, shape (n_atoms,): the same as ``atoms.get_chemical_symbols()``."""
    symbols, index, _ = elements_of(atoms)
    return np.array(symbols, dtype=np.str_)[index]
