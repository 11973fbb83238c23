from __future__ import annotations

import numpy as np
from ase import Atoms

from alzmodel.elements import element_symbols, elements_of


def test_symbols_are_those_of_ase():
    atoms = Atoms("ZrOLi2XLaO3Zr")
    assert element_symbols(atoms).tolist() == atoms.get_chemical_symbols()
    symbols, index, counts = elements_of(atoms)
    assert symbols == ["La", "Li", "O", "X", "Zr"]
    assert [symbols[k] for k in index] == atoms.get_chemical_symbols()
    assert counts.tolist() == [1, 2, 4, 1, 2]
    assert element_symbols(Atoms()).shape == (0,)
    np.testing.assert_array_equal(element_symbols(atoms) == "O", atoms.symbols == "O")
