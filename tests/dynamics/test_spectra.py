"""Spectra: exact small systems, all modes against Chebyshev moments."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import constants

from alzmodel.dynamics.hessian import pair_hessian
from alzmodel.dynamics.spectra import (
    Chebyshev,
    chebyshev,
    dense_modes,
    dynamical_matrix,
    frequency_grid,
    moments_for,
    wavenumber,
)
from alzmodel.errors import InputError
from tests.dynamics.models import lithia, pyrochlore, springs

PER_CM = 2 * math.pi * constants.c * 100


def modes_of(hessian, masses):
    return dense_modes(dynamical_matrix(hessian.copy(), np.asarray(masses, dtype=float)))


def in_cm(spring, mass):
    """Frequency √(k/m) in cm⁻¹, k in eV/Å², m in u, from SI."""
    return math.sqrt(spring * constants.e / 1e-20 / (mass * constants.atomic_mass)) / PER_CM


def test_diatomic():
    masses = [15.999, 91.224]
    reduced = masses[0] * masses[1] / sum(masses)
    found = modes_of(springs([(0, 1, 7.3)], 2), masses).frequencies
    assert found[-1] == pytest.approx(in_cm(7.3, reduced), rel=1e-6)
    assert np.abs(found[:-1]).max() < 1e-4


def test_diatomic_chain():
    """ω² = k (1/m + 1/M) ± k √((1/m + 1/M)² − 4 sin²(qa/2)/(mM)) at the wave vectors that a ring of cells holds."""
    n, k, light, heavy = 10, 5.0, 15.999, 138.905
    bonds = [(i, (i + 1) % (2 * n), k) for i in range(2 * n)]
    found = modes_of(springs(bonds, 2 * n), [light, heavy] * n).frequencies[4 * n :]
    total = 1 / light + 1 / heavy
    half = np.pi * np.arange(n) / n
    root = np.sqrt(total**2 - 4 * np.sin(half) ** 2 / (light * heavy))
    squares = np.concatenate([k * (total - root), k * (total + root)])
    expected = np.sort([in_cm(max(square, 0.0), 1.0) for square in squares])
    assert np.sort(np.abs(found)) == pytest.approx(expected, rel=1e-6, abs=1e-4)


def test_participation():
    modes = modes_of(springs([(0, 1, 5.0), (2, 3, 20.0)], 4), [1.0, 1.0, 1.0, 1.0])
    assert modes.participation()[-1] == pytest.approx(0.5)
    assert modes.shares().sum(axis=0) == pytest.approx(np.ones(12))


@pytest.fixture(scope="module")
def matrix():
    atoms = pyrochlore()
    return dynamical_matrix(pair_hessian(atoms), atoms.get_masses())


def test_moments_give_what_all_modes_give(matrix):
    modes = dense_modes(matrix.copy())
    solver = chebyshev(matrix)
    grid = frequency_grid(float(modes.frequencies[-1]), 10.0)
    vectors = np.random.default_rng(0).standard_normal((len(matrix), 3))
    for fwhm in (10.0, 40.0):
        dense, moments = modes.spectrum(vectors, grid, fwhm), solver.spectrum(vectors, grid, fwhm)
        assert moments == pytest.approx(dense, abs=2e-5 * dense.max())
        centroids = [(curves * grid).sum(axis=1) / curves.sum(axis=1) for curves in (dense, moments)]
        assert centroids[1] == pytest.approx(centroids[0], abs=0.2)
    groups = np.moveaxis(vectors[:, :2].T[None], 1, 2)
    assert solver.cross_spectrum(groups, grid, 40.0) == pytest.approx(
        modes.cross_spectrum(groups, grid, 40.0), abs=1e-4
    )


def test_spectra_in_parts_of_the_grid_are_the_whole_ones(matrix, monkeypatch):
    """The kernel of a narrow width would not fit in memory at once."""
    modes, solver = dense_modes(matrix.copy()), chebyshev(matrix)
    grid = frequency_grid(900.0, 40.0)
    vectors = np.random.default_rng(4).standard_normal((len(matrix), 2))
    groups = np.moveaxis(vectors.T[None], 1, 2)
    whole = [one.cross_spectrum(groups, grid, 40.0) for one in (modes, solver)]
    monkeypatch.setattr("alzmodel.dynamics.spectra._KERNEL_POINTS", 3000)
    parts = [one.cross_spectrum(groups, grid, 40.0) for one in (modes, solver)]
    for one, other in zip(whole, parts, strict=True):
        assert other.shape == (1, 2, 2, len(grid))
        assert other == pytest.approx(one, abs=1e-12)


def test_the_width_at_100_is_that_asked_for(matrix):
    """A single mode near 100 cm⁻¹ through moments is a Gaussian of the width of `fwhm`."""
    modes = dense_modes(matrix.copy())
    near = int(np.abs(modes.frequencies - 100).argmin())
    grid = modes.frequencies[near] + np.linspace(-30.0, 30.0, 3001)
    for fwhm in (5.0, 12.0):
        (curve,) = chebyshev(matrix).spectrum(modes.vectors[:, [near]], grid, fwhm)
        above = grid[curve > curve.max() / 2]
        assert above[-1] - above[0] == pytest.approx(fwhm, rel=0.01)
        assert np.average(grid, weights=curve) == pytest.approx(modes.frequencies[near], abs=0.05)


def test_single_precision_is_enough_for_moments(matrix):
    grid = frequency_grid(900.0, 20.0)
    vectors = np.random.default_rng(1).standard_normal((len(matrix), 1))
    double = chebyshev(matrix).spectrum(vectors, grid, 20.0)
    single = chebyshev(matrix.astype(np.float32)).spectrum(vectors, grid, 20.0)
    assert single == pytest.approx(double, abs=1e-3 * double.max())


def test_density_adds_up_to_the_number_of_modes(matrix):
    modes = dense_modes(matrix.copy())
    grid = frequency_grid(float(modes.frequencies[-1]), 10.0)
    density = modes.broadened(np.ones(len(matrix)), grid, 10.0)
    assert np.trapezoid(density, grid) == pytest.approx(len(matrix), rel=1e-4)


def test_bounds_hold_all_eigenvalues(matrix):
    for seed in range(4):
        solver = chebyshev(matrix, seed=seed)
        values = np.linalg.eigvalsh(matrix)
        assert solver.low <= values[0]
        assert solver.high >= values[-1]


def test_an_unstable_mode_is_come_upon_and_does_not_diverge():
    atoms = pyrochlore().copy()
    atoms.positions[0] += [0.8, 0, 0]
    matrix = dynamical_matrix(pair_hessian(atoms), atoms.get_masses())
    modes, solver = dense_modes(matrix.copy()), chebyshev(matrix)
    assert modes.frequencies[0] < -20
    assert solver.lowest == pytest.approx(modes.frequencies[0], abs=1)
    grid = frequency_grid(float(modes.frequencies[-1]), 20.0)
    vectors = np.ones((len(matrix), 1))
    assert solver.spectrum(vectors, grid, 20.0)[0, 40:] == pytest.approx(
        modes.spectrum(vectors, grid, 20.0)[0, 40:], abs=0.02
    )


def test_a_width_beyond_all_moments_is_refused():
    with pytest.raises(InputError, match=r"resolution: 0\.1 cm⁻¹ needs \d+ moments; allowed: from"):
        moments_for(0.1, 0.0, 4.0)
    assert isinstance(chebyshev(np.diag(np.arange(9.0))), Chebyshev)


def test_isotopes():
    """A mode in which one element moves alone goes with the root of its mass; T2g of Li2O is of lithium alone."""
    atoms = lithia()
    hessian = pair_hessian(atoms)
    oxygen = atoms.numbers == 8

    def spectrum_of(lithium, oxide):
        return modes_of(hessian, np.where(oxygen, oxide, lithium))

    usual, heavy = spectrum_of(7.016, 15.999), spectrum_of(7.016, 17.999)
    light = spectrum_of(6.015, 15.999)
    still = [np.flatnonzero(modes.shares()[oxygen].sum(axis=0) < 1e-9) for modes in (usual, heavy, light)]
    assert len(still[0]) == len(still[1]) == len(still[2]) >= 3
    assert usual.frequencies[still[0]] == pytest.approx(heavy.frequencies[still[1]], rel=1e-9)
    ratio = light.frequencies[still[2]] / usual.frequencies[still[0]]
    assert ratio == pytest.approx(math.sqrt(7.016 / 6.015), rel=1e-9)
    assert heavy.frequencies.sum() < usual.frequencies.sum() - 1


def test_wavenumber_of_a_negative_eigenvalue_is_negative():
    assert wavenumber(np.array([-1.0, 0.0, 1.0])) == pytest.approx([-in_cm(1, 1), 0, in_cm(1, 1)])
