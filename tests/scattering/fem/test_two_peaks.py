"""Fits of two broad peaks return what was put in."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.fitting import peak_profile
from alzmodel.scattering.fem.two_peaks import BACKGROUNDS, fit_once, fit_two_peaks

K = 1.5 + 0.05 * np.arange(131)
LEVELS = {"constant": 0.004 + 0 * K, "1/k": 0.002 + 0.02 / K, "linear": 0.008 - 0.0008 * K}


def two(widths, heights=(0.01, 0.006), shape="gaussian", mixing=math.nan):
    places = (3.19, 5.21)
    return sum(
        peak_profile(K, h, k, w, shape, mixing) for h, k, w in zip(heights, places, widths, strict=True)
    )


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("widths", [(1.10, 1.85), (0.5, 2.7)], ids=str)
def test_widths_come_back_on_every_background(background, widths):
    """Without a background 1.41 and 2.61 nm⁻¹ came out for 1.10 and 1.85 on a constant."""
    fit = fit_once(K, two(widths) + LEVELS[background], background=background)
    np.testing.assert_allclose(fit.fwhm, widths, rtol=2e-3)
    np.testing.assert_allclose(fit.positions, [3.19, 5.21], atol=1e-3)
    assert not any(fit.at_bound)


@pytest.mark.parametrize("background", ["1/k", "linear"])
def test_the_background_is_found_too(background):
    found = fit_two_peaks(K, {"omega": two((1.10, 1.85)) + LEVELS[background]}, resolution=0.3)
    assert found.background_kind == background
    np.testing.assert_allclose([peak.fwhm for peak in found.peaks], [1.10, 1.85], rtol=2e-3)
    assert all(peak.significant for peak in found.peaks)
    assert found.ratio == pytest.approx(0.01 / 0.006, rel=5e-3)
    assert found.bic > 10


def test_noise_of_four_hundred_patterns_moves_widths_by_what_the_intervals_say():
    rng = np.random.default_rng(3)
    curve = two((1.10, 1.85)) + 0.004
    kernel = np.exp(-0.5 * np.square(np.arange(-12, 13) / 2.5))
    kernel /= math.sqrt(np.sum(kernel**2))
    trials = []
    for _ in range(12):
        noise = np.convolve(rng.normal(size=K.size + 24), kernel, mode="valid")
        fit = fit_once(K, curve * (1 + 0.03 * noise), background="constant")
        trials.append(fit.fwhm)
    mean = np.mean(trials, axis=0)
    np.testing.assert_allclose(mean, [1.10, 1.85], rtol=0.05)
    assert 0.01 < np.std(trials, axis=0)[0] < 0.15


def test_the_systematic_error_holds_what_other_backgrounds_give():
    curve = two((1.1, 1.85)) + LEVELS["1/k"]
    found = fit_two_peaks(K, {"omega": curve}, resolution=0.3)
    widths = [fit_once(K, curve, background=background).fwhm[0] for background in BACKGROUNDS]
    assert found.peaks[0].fwhm_systematic >= 0.5 * (max(widths) - min(widths)) - 1e-9
    # Another kind of variance widens it.
    other = fit_two_peaks(K, {"omega": curve, "re": two((2.6, 1.85)) + 0.004}, resolution=0.3)
    assert other.peaks[0].fwhm_systematic > found.peaks[0].fwhm_systematic
    assert other.peaks[0].fwhm == found.peaks[0].fwhm


def test_a_curve_without_peaks_has_none():
    """Of a floor that falls as 1/k with noise of its speckles the test takes few bumps for peaks."""
    rng = np.random.default_rng(5)
    kernel = np.exp(-0.5 * np.square(np.arange(-12, 13) / 2.5))
    kernel /= math.sqrt(np.sum(kernel**2))
    found = []
    for _ in range(2):
        noise = np.convolve(rng.normal(size=K.size + 24), kernel, mode="valid")
        found += fit_two_peaks(K, {"omega": 0.03 / K * (1 + 0.05 * noise)}, resolution=0.3).peaks
    assert sum(peak.significant for peak in found) <= 1


def test_a_lone_peak_leaves_the_other_without_significance():
    rng = np.random.default_rng(6)
    curve = two((1.1, 1.85), (0.01, 0.0)) + 0.004 + 2e-4 * rng.normal(size=K.size)
    first, second = fit_two_peaks(K, {"omega": curve}, resolution=0.3).peaks
    assert first.significant
    assert not second.significant
    assert first.p_value < 1e-6 < second.p_value


def test_a_peak_on_its_bound_is_none():
    found = fit_two_peaks(K, {"omega": two((1.1, 6.0)) + 0.004}, resolution=0.3)
    assert found.peaks[1].fwhm == pytest.approx(3.0, abs=0.3)
    assert not found.peaks[1].significant or found.peaks[1].fwhm < 3.0 - 1e-3


def test_pseudo_voigts_come_back():
    curve = two((1.10, 1.85), shape="pseudo-voigt", mixing=0.3) + 0.004
    fit = fit_once(K, curve, shape="pseudo-voigt")
    np.testing.assert_allclose(fit.fwhm, [1.10, 1.85], rtol=0.01)


def test_intervals_come_from_the_units():
    curve = two((1.1, 1.85)) + 0.004
    units = [curve * (1 + 0.02 * n * np.sin(K)) for n in (-1, 0, 1)]
    peak = fit_two_peaks(K, {"omega": curve}, units=units, resolution=0.3).peaks[0]
    low, high = peak.fwhm_ci95
    assert low < 1.1 < high
    assert high - low > 0.01


def test_rings_that_end_early_give_a_word():
    short = K <= 5.95
    found = fit_two_peaks(K[short], {"omega": (two((1.1, 1.85)) + 0.004)[short]}, resolution=0.3)
    assert "1.5 to 5.95" in found.note
    assert found.peaks[0].fwhm == pytest.approx(1.1, rel=0.01)
    none = fit_two_peaks(K[:6], {"omega": K[:6]}, resolution=0.3)
    assert none.peaks == ()
    assert "allowed: more than" in none.note
    with pytest.raises(InputError, match="allowed: more than 7"):
        fit_once(K[:14], K[:14])
