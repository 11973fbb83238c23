"""Displacements against sums by hand and against analytic limits."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.dynamics.displacements import mean_square_displacements, non_gaussian, spaced_lags, van_hove
from alzmodel.errors import InputError
from tests.dynamics.walks import FRAME_TIME, trajectory, walk


def test_by_transform_as_by_hand():
    positions = walk(np.random.default_rng(1), n=3, frames=37) + 50.0
    found = mean_square_displacements(positions)
    for lag in range(1, 37):
        by_hand = ((positions[lag:] - positions[:-lag]) ** 2).sum(axis=2).mean(axis=0)
        np.testing.assert_allclose(found[lag], by_hand, rtol=1e-9, atol=1e-10)
    assert (found[0] == 0).all()


def test_a_flight_goes_with_the_square_of_time():
    time = np.arange(30.0)[:, None, None]
    found = mean_square_displacements(time * np.array([[[1.0, 2.0, 2.0]]]))
    np.testing.assert_allclose(found[:, 0], 9.0 * np.arange(30.0) ** 2, rtol=1e-9)


def test_lags_are_whole_and_rise():
    lags = spaced_lags(500)
    assert lags[0] == 1
    assert lags[-1] == 500
    assert (np.diff(lags) > 0).all()
    assert spaced_lags(1).tolist() == [1]


def test_brownian_motion_is_gaussian_and_few_jumps_are_not():
    rng = np.random.default_rng(2)
    alpha = non_gaussian(walk(rng, n=200, frames=201), [1, 10])
    np.testing.assert_allclose(alpha, 0.0, atol=0.05)
    # One ion in ten goes one way: ⟨r⁴⟩ / ⟨r²⟩² is ten.
    jump = np.zeros((2, 100, 3))
    jump[1, :10, 0] = 3.0
    np.testing.assert_allclose(non_gaussian(jump, [1]), 0.6 * 10 - 1)
    assert np.isnan(non_gaussian(np.zeros((3, 2, 3)), [1])).all()


def test_van_hove_of_brownian_motion():
    moving = trajectory(walk(np.random.default_rng(3), diffusivity=0.05, n=120, frames=101))
    found = van_hove(moving, "Li", [20])
    # G_s is Gaussian with a variance of 2 D t in each direction.
    variance = 2 * 0.05 * 20 * FRAME_TIME
    expected = (
        4 * np.pi * found.r**2 * (2 * np.pi * variance) ** -1.5 * np.exp(-(found.r**2) / (2 * variance))
    )
    np.testing.assert_allclose(found.self_part[0], expected, atol=0.1)
    assert found.self_part[0].sum() * 0.1 == pytest.approx(1.0)
    # Walkers that do not see each other are nowhere more often than elsewhere.
    assert found.distinct[0][found.r > 3].mean() == pytest.approx(1.0, abs=0.02)
    assert found.lags.tolist() == [2.0]
    assert found.r[-1] < 10.0
    with pytest.raises(InputError, match="lags"):
        van_hove(moving, "Li", [101])


def test_distinct_part_at_rest_is_the_pair_function_in_a_skewed_cell():
    cell = np.array([[8.0, 0, 0], [3.0, 7.0, 0], [1.0, 2.0, 9.0]])
    rng = np.random.default_rng(4)
    ions = np.repeat((rng.random((12, 3)) @ cell)[None], 3, axis=0)
    still = trajectory(ions)
    still = type(still)(still.symbols, still.positions, cell, FRAME_TIME)
    found = van_hove(still, "Li", [1])
    images = np.array(
        [[i, j, k] for i in (-2, -1, 0, 1, 2) for j in (-2, -1, 0, 1, 2) for k in (-2, -1, 0, 1, 2)]
    )
    apart = ions[0][None, :, None] - ions[0][:, None, None] + images @ cell
    distances = np.linalg.norm(apart, axis=-1)[~np.eye(12, dtype=bool)].min(axis=1)
    expected = np.histogram(distances, np.arange(0, len(found.r) + 1) * 0.1)[0]
    shells = 4 / 3 * np.pi * np.diff((np.arange(len(found.r) + 1) * 0.1) ** 3)
    pairs = 12 * 11 / abs(np.linalg.det(cell))
    np.testing.assert_allclose(found.distinct[0] * shells * pairs, expected, atol=1e-6)
