"""Fits of shells that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erfinv

from alzmodel.crystals import crystal, supercell
from alzmodel.errors import InputError
from alzmodel.scattering.exafs.edges import EDGES
from alzmodel.scattering.exafs.feff import K_GRID, ScatteringPath
from alzmodel.scattering.exafs.shell_fit import Standard, Truth, fit_shell, shell_chi, true_shell
from alzmodel.scattering.exafs.sites import ExafsSettings, check_r_range

SETTINGS = ExafsSettings(EDGES["Zr-K"])


@pytest.fixture(scope="module")
def path():
    """An oxygen-like scatterer, with a linear phase and a constant mean free path."""
    k = np.linspace(0.0, 20.0, 101)
    return ScatteringPath(
        k=k,
        amplitude=0.8 * np.exp(-(((k - 4) / 8) ** 2)),
        phase=-0.8 * k + 3.0,
        wave_number=np.sqrt(k**2 + 4.0),
        mean_free_path=np.full(k.size, 8.0) + 0.5 * k,
        reff=2.1,
        number=6.0,
        scatterers=("O",),
    )


@pytest.fixture(scope="module")
def standard(path):
    truth = Truth(6.0, 2.1, 0.0, 0.0, 3.0)
    return Standard("La2Zr2O7", 0.95, 1.0, 2.1, 0.0, truth, 6.0, 0.0, (1.0, 2.3), path)


def test_a_fit_gives_back_what_went_in(path, standard):
    chi = shell_chi(path, N=5.5, R=2.13, sigma2=0.007, C3=3e-4, E0=1.0, S02=0.95)
    found = fit_shell(chi, SETTINGS, standard, third=True)
    assert pytest.approx(5.5, abs=1e-3) == found.N
    assert pytest.approx(2.13, abs=1e-4) == found.R
    assert found.sigma2 == pytest.approx(0.007, abs=1e-5)
    assert pytest.approx(3e-4, abs=1e-5) == found.C3
    assert found.r_factor < 1e-8


def test_an_asymmetric_shell_reads_short_without_its_third_cumulant(path, standard):
    chi = shell_chi(path, N=6.0, R=2.13, sigma2=0.007, C3=4e-4, E0=1.0, S02=0.95)
    found = fit_shell(chi, SETTINGS, standard)
    assert found.C3 == 0.0
    assert found.R < 2.13 - 0.005
    assert np.isnan(found.C3_error)


def test_single_bonds_sum_up_to_the_cumulants_of_their_distances(path, standard):
    """Bonds of a skewed distribution, each a path of its own length, against the expansion around one path."""
    rng = np.random.default_rng(3)
    distances = 1.94 + rng.gamma(16.0, 0.011, 3000)
    chi = np.mean([shell_chi(path, N=6.0, R=r, sigma2=0.0, E0=1.0, S02=0.95) for r in distances], axis=0)
    found = fit_shell(chi, SETTINGS, standard, third=True)
    away = distances - distances.mean()
    assert pytest.approx(6.0, abs=0.1) == found.N
    assert pytest.approx(distances.mean(), abs=0.004) == found.R
    assert found.sigma2 == pytest.approx(np.mean(away**2), rel=0.06)
    assert pytest.approx(np.mean(away**3), rel=0.3) == found.C3


def test_near_neighbours_weigh_more_and_the_fit_knows(path, standard):
    """Without the term 2σ²/R it would read 0.005 Å short."""
    distances = 2.1 + 0.07 * np.sqrt(2) * erfinv(np.linspace(-1, 1, 801)[1:-1])
    chi = np.mean([shell_chi(path, N=6.0, R=r, sigma2=0.0, E0=1.0, S02=0.95) for r in distances], axis=0)
    found = fit_shell(chi, SETTINGS, standard)
    assert pytest.approx(2.1, abs=0.0015) == found.R
    assert found.sigma2 == pytest.approx(np.var(distances), rel=0.03)


def test_an_amplitude_that_is_wrong_goes_into_the_number(path, standard):
    """N and S₀² are one number: it is why S₀² is held."""
    chi = shell_chi(path, N=6.0, R=2.1, sigma2=0.005, E0=1.0, S02=0.95 * 0.9)
    assert pytest.approx(5.4, abs=0.01) == fit_shell(chi, SETTINGS, standard).N


def test_the_true_shell_of_a_crystal_is_counted():
    cell = supercell(crystal("La2Zr2O7"), 2)
    zr = [(0, int(n)) for n in np.flatnonzero(cell.symbols == "Zr")[:5]]
    la = [(0, int(n)) for n in np.flatnonzero(cell.symbols == "La")[:5]]
    octahedron, cube = true_shell(cell, zr, "Zr"), true_shell(cell, la, "La")
    assert (octahedron.CN, cube.CN) == (6.0, 8.0)
    assert octahedron.r == pytest.approx(2.1056, abs=1e-4)
    assert octahedron.var == pytest.approx(0.0, abs=1e-12)
    # Two near and six far oxygens.
    near, far = 2.3394, 2.6349
    mean = (2 * near + 6 * far) / 8
    assert cube.r == pytest.approx(mean, abs=1e-3)
    assert cube.var == pytest.approx((2 * (near - mean) ** 2 + 6 * (far - mean) ** 2) / 8, rel=0.01)
    assert cube.C3 < 0


def test_nothing_below_the_edge(path):
    assert shell_chi(path, N=6.0, R=2.1, sigma2=0.005, E0=10.0)[K_GRID < 1.5].max() == 0.0


@pytest.mark.parametrize("window", [(1.5, 1.7), (2.0, 1.0), (0.0, 2.0)])
def test_ranges_that_hold_too_little_are_refused(window):
    with pytest.raises(InputError, match="R range"):
        check_r_range(window, SETTINGS)
