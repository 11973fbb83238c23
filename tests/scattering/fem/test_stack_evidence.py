"""What a stack tells of the sources of its variance, on speckle whose sources are planted."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.scattering.fem.detector import Camera, PatternStack
from alzmodel.scattering.fem.stack import Corrections, Geometry, measure_stack
from alzmodel.scattering.fem.stack_evidence import band_matrix, interval_of

SIZE, PIXEL, N = 81, 0.16, 160
GEOMETRY = Geometry((40.0, 40.0))
RINGS = {"k_min": 1.5, "k_max": 6.0, "k_step": 0.1, "ring_width": 0.2, "geometry": GEOMETRY}


def speckle(modes=1):
    """Independent pixels of fully developed speckle, mean 1: variance 1/modes."""
    return np.random.default_rng(3).gamma(modes, 1 / modes, (N, SIZE, SIZE))


def k_of_pixels():
    y, x = np.mgrid[:SIZE, :SIZE] - 40.0
    return PIXEL * np.hypot(x, y)


def measured(patterns, **options):
    return measure_stack(
        PatternStack(patterns, PIXEL, "planted"),
        corrections=Corrections(pixels=False),
        **RINGS | {"n_bootstrap": 100} | options,
    )


def test_speckle_alone_shares_nothing():
    found = measured(100 * speckle())
    evidence = found.evidence
    low, high = evidence.peak_correlation_ci95
    assert low < 0 < high
    assert high - low < 0.5
    assert evidence.common_spread < 0.01
    assert evidence.common_spread_ci95[0] == 0
    assert np.abs(evidence.r_re_omega).max() < 0.01
    assert evidence.background_at_most == pytest.approx(0, abs=0.03)
    off = evidence.correlation[~np.eye(len(evidence.k), dtype=bool)]
    assert np.abs(off).mean() < 0.12


@pytest.mark.parametrize("spread", [0.05, 0.15])
def test_a_spread_of_thickness_is_found_and_r_does_not_see_it(spread):
    factor = 1 + spread * np.repeat([-1.0, 1.0], N // 2)
    still, moved = measured(100 * speckle()), measured(100 * speckle() * factor[:, None, None])
    evidence = moved.evidence
    assert evidence.common_spread == pytest.approx(spread, rel=0.05)
    low, high = evidence.common_spread_ci95
    assert low < spread < high + 0.02 * spread
    # Some 390 and 660 pixels in the two bands have speckle of their own.
    own = np.sqrt((spread**2 + 1 / 390) * (spread**2 + 1 / 660))
    assert evidence.peak_correlation == pytest.approx(spread**2 / own, abs=0.15)
    assert moved.variance["r"] == pytest.approx(still.variance["r"], rel=1e-9)
    added = moved.variance["omega"] - still.variance["omega"]
    assert added.mean() == pytest.approx(spread**2, rel=0.1)
    # Its part is the same in all pixels, and taken off before the contrast is read.
    assert evidence.background_at_most == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("modes", [1, 4])
def test_a_background_that_does_not_fluctuate(modes):
    k = k_of_pixels()
    share = np.where(k > 4, 0.5, 0.2)
    patterns = 100 * ((1 - share) * speckle(modes) + share)
    evidence = measured(patterns).evidence
    inner, outer = evidence.k < 3.7, evidence.k > 4.3
    contrast = np.where(inner, 0.8, 0.5) / np.sqrt(modes)
    sure = inner | outer
    assert evidence.background_at_most[sure] == pytest.approx(1 - contrast[sure], abs=0.03)
    # Were all of the contrast that is missing at small k that of modes, 0.5/0.8 would be left at large k.
    assert evidence.background_at_least[outer] == pytest.approx(1 - 0.5 / 0.8, abs=0.05)
    assert evidence.background_at_least[inner] == pytest.approx(0, abs=0.05)
    assert abs(evidence.peak_correlation) < 0.3


def test_shot_noise_is_no_correlation():
    # Counting noise of each ring is its own: with few counts it is most of V, and not of what rings share.
    rng = np.random.default_rng(4)
    factor = 1 + 0.1 * np.repeat([-1.0, 1.0], N // 2)
    patterns = rng.poisson(0.5 * factor[:, None, None] * np.ones((SIZE, SIZE))).astype(float)
    taken = measured(patterns, camera=Camera(electrons=1.0)).evidence
    assert taken.common_spread == pytest.approx(0.1, rel=0.1)
    assert taken.peak_correlation > 0.8
    left = measured(patterns).evidence
    assert left.peak_correlation < taken.peak_correlation


def test_bands_do_not_overlap_and_end_with_the_rings():
    k = 1.5 + 0.05 * np.arange(91)
    middles, means = band_matrix(k)
    assert middles == pytest.approx(1.75 + 0.5 * np.arange(9))
    assert means.sum(axis=1) == pytest.approx(1)
    assert ((means[:9] > 0).sum(axis=0) == 1).all()
    short = band_matrix(k[k < 5.2])[1]
    assert short[-2:].sum(axis=1) == pytest.approx([1, 0])
    assert all(np.isnan(interval_of(np.array([np.nan, 1.0]))))
