"""Averages over columns and tilts, and when they end."""

import math
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from alzmodel.errors import InputError
from alzmodel.scattering.fem.average import bootstrap_error, fem_converged, tilted, tilts_of
from alzmodel.scattering.fem.variance import FEMSettings, column_moments, fem, intensities, pool
from alzmodel.scattering.fem.waves import plane_of

SETTINGS = FEMSettings(k_min=3.0, k_max=5.0, k_step=0.25)
CELL = [125.0, 125.0, 40.0]


def gas(seed, n=300):
    rng = np.random.default_rng(seed)
    symbols = rng.choice(["Li", "La", "Zr", "O"], n)
    return Atoms(symbols, positions=rng.random((n, 3)) * CELL, cell=CELL, pbc=[True, True, False])


def pattern(atoms, settings=SETTINGS):
    plane = settings.plane(plane_of(atoms))
    return np.concatenate([part for _, part in intensities(atoms, settings, plane)])


def test_a_tilted_beam_sees_what_a_turned_specimen_shows():
    """Small angles: turning the atoms about y, cosines and all, and shifting them by z tan θ."""
    rng = np.random.default_rng(3)
    positions = rng.normal([60, 60, 0], 6.0, (40, 3))
    atoms = Atoms("La40", positions=positions, cell=CELL, pbc=[True, True, False])
    angle = 1.5
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    centre = np.array([60, 60, 0.5 * (positions[:, 2].max() + positions[:, 2].min())])
    turned = atoms.copy()
    turned.positions = (positions - centre) @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) + centre
    shifted = pattern(tilted(atoms, (angle, 0.0)))
    assert np.corrcoef(shifted.ravel(), pattern(turned).ravel())[0, 1] > 0.999
    assert np.corrcoef(shifted.ravel(), pattern(atoms).ravel())[0, 1] < 0.99
    turned.positions = (positions - centre) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) + centre
    assert np.corrcoef(shifted.ravel(), pattern(turned).ravel())[0, 1] < 0.99


def test_tilts_are_spread_evenly_and_small():
    tilts = tilts_of(2.0, 4)
    assert tilts[0] == (0.0, 0.0)
    np.testing.assert_allclose(tilts[1:], [(2, 0), (0, 2), (-2, 0), (0, -2)], atol=1e-12)
    assert tilts_of(0.0, 0) == ((0.0, 0.0),)
    for wrong in (11.0, -1.0, math.nan):
        with pytest.raises(InputError, match="tilt"):
            tilts_of(wrong, 2)
    with pytest.raises(InputError, match="tilts: -1"):
        tilts_of(1.0, -1)
    with pytest.raises(InputError, match="together up to"):
        tilted(gas(1), (9.0, 9.0))


def test_one_tilt_and_no_rule_is_the_plain_average():
    columns = [gas(seed) for seed in range(3)]
    plain = fem(columns, SETTINGS)
    same = fem_converged(iter(columns), SETTINGS)
    for name in ("omega", "r", "re", "image"):
        np.testing.assert_allclose(same.variance[name], plain.variance[name], rtol=1e-12)
    assert same.note == ""


def test_tilts_of_a_column_are_one_unit_of_the_bootstrap():
    columns = [gas(seed) for seed in range(2)]
    tilts = tilts_of(3.0, 2)
    result = fem_converged(iter(columns), SETTINGS, tilts=tilts)
    assert result.n_columns == 2
    seen = [column_moments(tilted(column, tilt), SETTINGS) for column in columns for tilt in tilts]
    np.testing.assert_allclose(result.variance["omega"], pool(seen, SETTINGS).variance["omega"], rtol=1e-12)
    assert "3 tilts" in result.note


def test_columns_are_taken_until_the_error_is_small():
    """The rule ends where it is met, with an error that other columns confirm."""
    asked = []

    def columns():
        for seed in range(1000):
            asked.append(seed)
            yield gas(seed)

    result = fem_converged(columns(), SETTINGS, relative_error=0.13, most=60)
    assert len(asked) == result.n_columns
    assert 5 <= result.n_columns < 60
    assert bootstrap_error(result) <= 0.13
    before = pool(result.moments[:-1], SETTINGS)
    assert bootstrap_error(before) > 0.13
    assert "V known to" in result.note
    # Against what further columns really scatter by.
    many = [column_moments(gas(seed), SETTINGS) for seed in range(100, 130)]
    single = np.array([one.omega / np.square(one.mean) - 1 for one in many])
    scatter = float(np.mean(single.std(axis=0, ddof=1) / single.mean(axis=0))) / math.sqrt(result.n_columns)
    assert bootstrap_error(result) == pytest.approx(scatter, rel=0.5)


def test_an_error_that_is_not_reached_is_told():
    result = fem_converged((gas(seed) for seed in range(50)), SETTINGS, relative_error=0.001, most=5)
    assert result.n_columns == 5
    assert "not the 0.1% asked for" in result.note
    few = fem_converged((gas(seed) for seed in range(2)), SETTINGS, relative_error=0.5)
    assert few.note == "ended after 2 columns: fewer than the 4 that tell how well V is known"
    with pytest.raises(InputError, match="error to reach: 1"):
        fem_converged([gas(1)], SETTINGS, relative_error=1.0)
    with pytest.raises(InputError, match="most columns: 0"):
        fem_converged([gas(1)], SETTINGS, most=0)
    with pytest.raises(InputError, match="no columns"):
        fem_converged([], SETTINGS)
    with pytest.raises(InputError, match="tilts: none"):
        fem_converged([gas(1)], replace(SETTINGS), tilts=())
