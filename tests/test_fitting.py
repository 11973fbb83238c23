"""Peaks are recovered from synthetic data, and their intervals cover the truth as often as they claim."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from alzmodel.errors import InputError
from alzmodel.fitting import PeakGuess, fit_peaks, peak_area, peak_profile, rwp

X = np.linspace(0, 10, 401)


@pytest.mark.parametrize(
    ("shape", "mixing"),
    [("gaussian", math.nan), ("lorentzian", math.nan), ("pseudo-voigt", 0.3), ("pearson7", 3.0)],
)
def test_exact_data_give_back_their_parameters(shape, mixing):
    y = peak_profile(X, 2e-3, 4.2, 0.8, shape, mixing) + 1e-3 + 1e-4 * X
    fit = fit_peaks(X, y, [PeakGuess("a", 4.5, 1.2)], shape=shape, background="linear")
    peak = fit["a"]
    assert fit.success
    assert (peak.position, peak.fwhm, peak.height) == pytest.approx((4.2, 0.8, 2e-3), rel=1e-6)
    assert fit.rwp < 1e-6
    assert fit.background_curve(X) == pytest.approx(1e-3 + 1e-4 * X, abs=1e-9)
    assert fit.curve(X) == pytest.approx(y, abs=1e-9)
    area = 2 * quad(lambda v: float(peak.profile(peak.position + v / (1 - v))) / (1 - v) ** 2, 0, 1)[0]
    assert peak.area == pytest.approx(area, rel=1e-6)
    if not math.isnan(mixing):
        assert peak.mixing == pytest.approx(mixing, rel=1e-4)


@pytest.mark.parametrize("shape", ["gaussian", "lorentzian", "pseudo-voigt", "pearson7"])
def test_profile_is_half_its_height_at_half_its_width(shape):
    assert peak_profile(np.array([3.0, 3.6, 2.4]), 5.0, 3.0, 1.2, shape, 0.7) == pytest.approx(
        [5.0, 2.5, 2.5]
    )


def test_pearson7_joins_the_lorentzian_and_the_gaussian():
    lorentz = peak_profile(X, 1, 5, 1, "lorentzian")
    gauss = peak_profile(X, 1, 5, 1, "gaussian")
    assert peak_profile(X, 1, 5, 1, "pearson7", 1.0) == pytest.approx(lorentz)
    assert peak_profile(X, 1, 5, 1, "pearson7", 1e4) == pytest.approx(gauss, abs=1e-4)
    assert peak_area(1, 1, "pearson7", 1e4) == pytest.approx(peak_area(1, 1, "gaussian"), rel=1e-3)


@settings(deadline=None, max_examples=10)
@given(factor=st.floats(1e-6, 1e6), shift=st.floats(-50, 50))
def test_fit_follows_a_change_of_units(factor, shift):
    noise = np.random.default_rng(3).normal(0, 0.01, X.size)
    y = peak_profile(X, 1.0, 5.0, 1.0, "gaussian") + 0.2 + noise
    plain = fit_peaks(X, y, [PeakGuess("a", 5.2, 1.4)], background="constant")["a"]
    scaled = fit_peaks(X + shift, y * factor, [PeakGuess("a", 5.2 + shift, 1.4)], background="constant")["a"]
    assert scaled.height == pytest.approx(plain.height * factor, rel=1e-5)
    assert scaled.position - shift == pytest.approx(plain.position, abs=1e-5)
    assert scaled.fwhm_ci95 == pytest.approx(plain.fwhm_ci95, rel=1e-4)
    assert scaled.area_ci95 == pytest.approx(tuple(factor * v for v in plain.area_ci95), rel=1e-4)


@pytest.mark.parametrize("known_sigma", [False, True])
def test_intervals_cover_the_truth(known_sigma):
    rng = np.random.default_rng(7)
    x = np.linspace(0, 10, 60)
    truth = {"position": 4.0, "fwhm": 1.5, "height": 1.0, "area": peak_area(1.0, 1.5, "gaussian")}
    hits = dict.fromkeys(truth, 0)
    n = 200
    for _ in range(n):
        y = peak_profile(x, 1.0, 4.0, 1.5, "gaussian") + 0.5 + rng.normal(0, 0.05, x.size)
        sigma = 0.05 if known_sigma else None
        peak = fit_peaks(x, y, [PeakGuess("a", 4.3, 1.0)], background="constant", sigma=sigma)["a"]
        for name, value in truth.items():
            low, high = getattr(peak, f"{name}_ci95")
            hits[name] += low <= value <= high
    # 95 % of 200 within four standard deviations of the binomial.
    for name, count in hits.items():
        assert 0.88 <= count / n <= 1.0, name


def test_two_overlapping_peaks_and_window():
    y = peak_profile(X, 1, 3, 1, "gaussian") + peak_profile(X, 0.5, 4, 1.2, "gaussian")
    y[X > 8] = 30.0
    guesses = [PeakGuess("low", 2.8, 0.8), PeakGuess("high", 4.3, 0.8)]
    fit = fit_peaks(X, y, guesses, window=(0, 8))
    assert fit.x[-1] <= 8
    assert [p.position for p in fit.peaks] == pytest.approx([3, 4], abs=1e-5)
    assert fit.to_dict()["peaks"][1]["label"] == "high"


def test_parameter_on_its_bound_says_so():
    y = peak_profile(X, 1, 3, 1, "gaussian")
    peak = fit_peaks(X, y, [PeakGuess("a", 4.0, 1.0, position_bounds=(3.5, 5.0))])["a"]
    assert peak.at_bound == ("position",)
    assert np.isnan(peak.position_ci95).all()


def test_equal_bounds_hold_a_parameter():
    y = peak_profile(X, 1, 3, 1, "gaussian")
    peak = fit_peaks(X, y, [PeakGuess("a", 3.1, 1.0, position_bounds=(3.1, 3.1))])["a"]
    assert peak.position == 3.1
    assert peak.at_bound == ()


def test_flat_data_do_not_crash():
    fit = fit_peaks(X, np.zeros_like(X), [PeakGuess("a", 3.0, 1.0)])
    assert fit["a"].height == pytest.approx(0, abs=1e-6)


def test_rwp_of_perfect_and_null_models():
    y = np.array([1.0, 2.0, 3.0])
    assert rwp(y, y) == 0
    assert rwp(y, 0 * y) == pytest.approx(1)
    assert rwp(y, y + 0.1, [1.0, 2.0, 4.0]) == pytest.approx(
        math.sqrt((0.01 * (1 + 1 / 4 + 1 / 16)) / (1 + 1 + 9 / 16))
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": "triangle"}, "triangle"),
        ({"background": "cubic"}, "cubic"),
        ({"window": (5, 5.05)}, "points"),
        ({"window": (6, 5)}, "window"),
        ({"sigma": 0.0}, "sigma"),
        ({"y": np.where(X > 5, np.nan, 1.0)}, "NaN"),
        ({"x": X[::-1]}, "rising"),
        ({"y": X[:-1]}, "shape"),
        ({"guesses": []}, "at least one"),
        ({"guesses": [PeakGuess("a", 3, 1), PeakGuess("a", 4, 1)]}, "different"),
        ({"guesses": [PeakGuess("a", 30, 1)]}, "position 30"),
        ({"guesses": [PeakGuess("a", 3, 1, fwhm_bounds=(0, 2))]}, "above zero"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"x": X, "y": np.ones_like(X), "guesses": [PeakGuess("a", 3, 1)], **change}
    x, y, guesses = arguments.pop("x"), arguments.pop("y"), arguments.pop("guesses")
    with pytest.raises(InputError, match=message):
        fit_peaks(x, y, guesses, **arguments)


def test_a_fit_without_covariance_has_values_and_no_intervals():
    """Both of two peaks at one place fit as well with any share of the height."""
    y = peak_profile(X, 1.0, 5.0, 1.0, "gaussian")
    held = {"position_bounds": (5.0, 5.0), "fwhm_bounds": (1.0, 1.0)}
    fit = fit_peaks(X, y, [PeakGuess(name, 5.0, 1.0, **held) for name in "ab"])
    assert sum(peak.height for peak in fit.peaks) == pytest.approx(1.0)
    assert sum(peak.area for peak in fit.peaks) == pytest.approx(peak_area(1.0, 1.0, "gaussian"))
    assert not fit.success
    assert np.isnan([peak.area_ci95 for peak in fit.peaks]).all()
