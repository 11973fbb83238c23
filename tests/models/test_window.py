"""The silicon nitride window behind a specimen."""

import numpy as np
import pytest
from ase import Atoms
from scipy.spatial import cKDTree

from alzmodel.errors import InputError
from alzmodel.models.columns import glass_column
from alzmodel.models.packing import random_packing
from alzmodel.models.window import NITRIDE_DENSITY, nitride_packing, on_window


def test_the_packing_has_the_density_and_no_overlaps():
    atoms = nitride_packing(2)
    symbols = np.array(atoms.get_chemical_symbols())
    assert (symbols == "N").sum() * 3 == (symbols == "Si").sum() * 4
    density = atoms.get_masses().sum() / atoms.cell.volume / 0.602214
    assert density == pytest.approx(NITRIDE_DENSITY, rel=1e-5)
    length = atoms.cell.lengths()[0]
    tree = cKDTree(atoms.positions % length, boxsize=length)
    pairs = tree.query_pairs(2.3, output_type="ndarray")
    # Only unlike atoms come nearer than 2.35 Å, and none nearer than 1.5 Å.
    assert (symbols[pairs[:, 0]] != symbols[pairs[:, 1]]).all()
    assert len(tree.query_pairs(1.5)) == 0


def test_the_window_lies_behind_the_column():
    packing = random_packing({"Li+": 70, "La3+": 30, "Zr4+": 20, "O2-": 120}, seed=1)
    column = glass_column(packing, width=60.0, thickness=20.0, seed=1)
    column.set_array("cluster", np.arange(len(column)) % 2)
    whole = on_window(column, thickness=30.0, seed=3)
    nitride = np.isin(whole.get_chemical_symbols(), ["Si", "N"])
    assert whole.positions[~nitride, 2].max() <= 20.0 + 1e-9
    assert whole.positions[nitride, 2].min() >= 20.0 - 1e-9
    assert np.ptp(whole.positions[nitride, 2]) == pytest.approx(30.0, abs=1.0)
    density = whole[nitride].get_masses().sum() / (60.0**2 * 30.0) / 0.602214
    assert density == pytest.approx(NITRIDE_DENSITY, rel=0.01)
    assert whole.cell.lengths() == pytest.approx([60.0, 60.0, 50.0])
    assert whole.pbc.tolist() == [True, True, False]
    assert not whole.arrays["cluster"][nitride].any()
    assert whole.arrays["cluster"][~nitride].sum() == column.arrays["cluster"].sum()
    assert whole.info["provenance"]["window"]["thickness"] == 30.0
    shift = whole.positions[~nitride] - column.positions
    np.testing.assert_allclose(shift - shift[0], 0, atol=1e-9)


def test_what_cannot_lie_on_a_window_is_refused():
    oblong = Atoms("O", cell=[60, 70, 10], pbc=[True, True, False])
    with pytest.raises(InputError, match="square in the plane"):
        on_window(oblong, seed=1)
    square = Atoms("O", cell=[60, 60, 10], pbc=[True, True, False])
    with pytest.raises(InputError, match="window: nan Å thick"):
        on_window(square, thickness=float("nan"), seed=1)
