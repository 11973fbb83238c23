"""V against thickness: short independent order gives 1/t, order longer than the specimen does not."""

import numpy as np
import pytest
from ase import Atoms

from alzmodel.crystals import nanocrystal
from alzmodel.errors import InputError
from alzmodel.scattering.fem.thickness import thickness_exponents
from alzmodel.scattering.fem.variance import FEMSettings, fem

SETTINGS = FEMSettings(k_min=2.5, k_max=3.6, k_step=0.1)
WINDOW = {"222": (2.9, 3.5)}
WIDTH = 125.0


def column(diameter, count, thickness, seed):
    """Pyrochlore spheres in vacuum, turned at random; those longer than the thickness stand in one layer."""
    rng = np.random.default_rng(seed)
    sphere = nanocrystal("La2Zr2O7", diameter, seed=1)
    # Oxygen scatters little here, and three quarters of the time go into it.
    sphere = sphere[[symbol != "O" for symbol in sphere.get_chemical_symbols()]]
    parts = Atoms()
    for _ in range(count):
        one = sphere.copy()
        rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        room = max(0.0, thickness - diameter)
        place = np.array([*rng.uniform(0, WIDTH, 2), 0.5 * thickness + rng.uniform(-0.5, 0.5) * room])
        one.positions = one.positions @ rotation + place
        parts += one
    parts.positions[:, :2] %= WIDTH
    parts.set_cell([WIDTH, WIDTH, thickness])
    parts.set_pbc([True, True, False])
    return parts


def exponent(diameter, count, thickness, n=4):
    columns = [column(diameter, count, thickness, seed) for seed in range(n)]
    return thickness_exponents(columns, fem(columns, SETTINGS, n_bootstrap=0), WINDOW)["222"]


def test_many_short_pieces_fall_as_one_over_thickness():
    assert exponent(16.0, 160, 240.0) == pytest.approx(-1.0, abs=0.3)


def test_pieces_as_long_as_the_column_do_not():
    assert exponent(50.0, 12, 50.0) > -0.3


def test_columns_that_cannot_be_cut_are_refused():
    flat = column(16.0, 1, 30.0, 0)
    result = fem([flat], SETTINGS, n_bootstrap=0)
    thin = flat.copy()
    thin.positions[:, 2] = 1.0
    with pytest.raises(InputError, match="cannot be cut in two"):
        thickness_exponents([thin], result, WINDOW)
    with pytest.raises(InputError, match="window far"):
        thickness_exponents([flat], result, {"far": (9.0, 9.5)})
