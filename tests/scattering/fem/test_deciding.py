"""What decides between readings: limits of a structureless film, and noise against its own formula."""

import math
from dataclasses import replace

import numpy as np
import pytest

from alzmodel.scattering.fem.deciding import decide, expected_of, sampling_errors, sampling_noise
from alzmodel.scattering.fem.observed import Incoherent, prepared
from alzmodel.scattering.fem.recorded import resolution_of
from alzmodel.scattering.fem.settings import FEMSettings
from alzmodel.scattering.fem.speckle import radial_speckle

SETTINGS = FEMSettings(k_min=2.0, k_max=7.5, k_step=0.1)
NUMBER = {"La": 0.010, "Zr": 0.007, "O": 0.050}


@pytest.fixture(scope="module")
def glass():
    """A film whose mean pattern has the halo of a glass, and whose V is the floor."""
    width = 130.0
    plane = SETTINGS.plane(((width, 0.0), (0.0, width)))
    k = SETTINGS.k
    halo = 1 + 0.8 * np.exp(-4 * math.log(2) * ((k - 3.2) / 0.9) ** 2)
    halo += 0.3 * np.exp(-4 * math.log(2) * ((k - 5.3) / 1.6) ** 2)
    averages = {"mean": np.ones_like(k), "single": np.eye(len(k)), "averaged": None}
    bare = prepared(averages, plane, SETTINGS, NUMBER, 100.0)
    return replace(bare, mean=halo * 100.0 * bare.film.gas, single=radial_speckle(plane, SETTINGS, 100.0))


def test_coherent_glass_decides_nothing(glass):
    """No losses: no peak, no common rise of rings, pixels with the variance of speckle."""
    bonds = expected_of("bonds", glass, Incoherent(inelastic=False, modes=2.0))
    assert bonds.contrast == pytest.approx(1, abs=1e-9)
    assert bonds.re == pytest.approx((0.5, 0.5))
    assert bonds.ring_correlation == pytest.approx(0, abs=1e-6)


def test_a_halo_goes_with_the_filter_and_pixels_tell_its_background(glass):
    """V = floor (S/(S + β))², re = (S/(S + β))² with S the structure factor of the glass."""
    beta = 0.8
    halo = expected_of(
        "halo",
        glass,
        Incoherent(inelastic=False, background=beta),
        Incoherent(inelastic=False, filtered=True),
    )
    pattern = glass.mean / (100.0 * glass.film.gas)
    share = np.square(pattern / (pattern + beta))
    at = {place: int(np.argmin(np.abs(glass.k - place))) for place in (2.4, 3.2, 4.2, 5.3)}
    assert halo.contrast == pytest.approx(
        share[at[3.2]] / math.sqrt(share[at[2.4]] * share[at[4.2]]), rel=1e-9
    )
    assert halo.contrast > 1.3
    assert halo.contrast_filtered == pytest.approx(1, abs=1e-9)
    assert halo.re == pytest.approx((share[at[3.2]], share[at[5.3]]), rel=1e-9)
    assert halo.ring_correlation == pytest.approx(0, abs=1e-6)
    # k V of the floor alone falls a little with k.
    assert halo.follows_mean > expected_of("bonds", glass, Incoherent(inelastic=False)).follows_mean + 0.2


def test_a_spread_of_thickness_moves_rings_together(glass):
    """V_t alone: rings correlate by one, V does not depend on the film, pixels gain (1 + re)(1 + σ²) − 1."""
    spread = expected_of("spread", glass, Incoherent(inelastic=False, modes=1e6, thickness_spread=0.3))
    assert spread.ring_correlation == pytest.approx(1, abs=1e-3)
    assert spread.thickness_exponents == pytest.approx((0, 0), abs=1e-3)
    assert spread.re == pytest.approx((0.09, 0.09), rel=1e-3)


def test_noise_of_sampling_is_that_of_a_variance(glass):
    """sqrt(2/N) on each ring; neighbours correlate, far rings do not."""
    random = np.random.default_rng(1)
    noise = np.array([sampling_noise(glass, 800, random) for _ in range(2000)])
    assert noise.std(axis=0).mean() == pytest.approx(math.sqrt(2 / 800), rel=0.02)
    correlation = np.corrcoef(noise.T)
    assert correlation[10, 11] == pytest.approx(glass.correlation[1] ** 2, abs=0.06)
    assert abs(correlation[10, 40]) < 0.08


@pytest.mark.slow
def test_sixteen_times_the_patterns_are_a_quarter_of_the_error(glass):
    halo = Incoherent(inelastic=False, background=1.0)
    few, many = (sampling_errors(glass, halo, patterns=patterns, repeats=12) for patterns in (4000, 64000))
    assert np.median([few[key] / many[key] for key in few]) == pytest.approx(4, rel=0.35)


@pytest.mark.slow
def test_readings_lie_side_by_side(glass):
    found = decide(glass, Incoherent(film=200.0, membrane=100.0), resolution_of(SETTINGS), spheres=glass)
    by_name = {one.reading: one for one in found.expected}
    assert list(by_name) == ["bonds", "reflections", "halo", "spread"]
    assert by_name["spread"].ring_correlation > 0.5 > abs(by_name["halo"].ring_correlation)
    assert by_name["halo"].contrast > by_name["halo"].contrast_filtered
    assert len(found.words) == 4
    assert "sampling errors of" in found.words[0]
    assert set(found.to_dict()) >= {"expected", "background", "sampling", "patterns", "words"}
