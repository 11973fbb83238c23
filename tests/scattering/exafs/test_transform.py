"""The transform against analytic shells, and against Larch where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import wofz

from alzmodel.errors import InputError
from alzmodel.scattering.exafs.transform import K_STEP, N_POINTS, fourier_transform, k_window

K = np.arange(401) * K_STEP


def test_a_gaussian_shell_has_the_analytic_transform():
    """∫₀^∞ exp(−2σ²k²) sin(2kR₀) exp(−2ikR) dk by the Faddeeva function; the window is flat where there is signal."""
    distance, sigma2 = 2.1, 0.05
    chi = np.sin(2 * K * distance) * np.exp(-2 * sigma2 * K**2)
    r, found = fourier_transform(K, chi, k_weight=0, k_range=(-2.0, 18.0))

    def half_line(shift):
        # ∫₀^∞ exp(−ak² + ibk) dk = ½√(π/a) w(b/2√a)
        return 0.5 * np.sqrt(np.pi / (2 * sigma2)) * wofz(2 * shift / (2 * np.sqrt(2 * sigma2)))

    expected = (half_line(distance - r) - half_line(-distance - r)) / 2j / np.sqrt(np.pi)
    # The sum stands for an integral whose integrand starts at zero: its error is of second order in the step.
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())
    assert r[np.argmax(np.abs(found))] == pytest.approx(distance, abs=0.02)


def test_points_are_those_of_ifeffit():
    r, _ = fourier_transform(K, np.zeros_like(K))
    assert r[1] == pytest.approx(np.pi / (0.05 * 2048))
    assert N_POINTS == 2048


def test_weight_and_window_act_on_the_curve():
    chi = np.cos(3.0 * K)
    _, plain = fourier_transform(K, chi * K**2 * k_window(K, (3.0, 12.0)), k_weight=0, k_range=(-50.0, 70.0))
    _, weighted = fourier_transform(K, chi, k_weight=2, k_range=(3.0, 12.0))
    np.testing.assert_allclose(weighted, plain, atol=1e-12)


def test_several_curves_at_once_are_one_after_the_other():
    curves = np.array([np.sin(4.0 * K), np.cos(5.0 * K)])
    _, together = fourier_transform(K, curves)
    for curve, found in zip(curves, together, strict=True):
        np.testing.assert_allclose(fourier_transform(K, curve)[1], found, atol=1e-12)


@pytest.mark.parametrize("window", ["hanning", "kaiser"])
def test_windows_are_symmetric_and_end(window):
    values = k_window(K, (3.0, 12.0), dk=2.0, window=window)
    assert values[K < 2.0].max() == values[K > 13.0].max() == 0.0
    assert values.max() == pytest.approx(1.0)
    np.testing.assert_allclose(values, k_window(15.0 - K, (3.0, 12.0), dk=2.0, window=window), atol=1e-12)


def test_the_hanning_window_is_one_half_at_the_ends_of_its_range():
    assert k_window([3.0, 12.0], (3.0, 12.0)) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"window": "welch"}, "hanning, kaiser"),
        ({"dk": 0.0}, "dk: 0"),
        ({"dk": 10.0}, "dk: 10"),
    ],
)
def test_bad_windows_are_refused(change, said):
    with pytest.raises(InputError, match=said):
        k_window(K, (3.0, 12.0), **change)


def test_another_grid_is_refused():
    with pytest.raises(InputError, match=r"0\.05"):
        fourier_transform(K + 0.01, K)


@pytest.mark.parametrize(("ours", "theirs"), [("hanning", "hanning"), ("kaiser", "kaiser")])
def test_larch_finds_the_same(ours, theirs):
    larch = pytest.importorskip("larch.xafs")
    group = pytest.importorskip("larch").Group(k=K, chi=np.sin(4.2 * K) * np.exp(-0.01 * K**2))
    larch.xftf(group, kmin=3.0, kmax=12.0, dk=2.0, kweight=2, window=theirs)
    r, found = fourier_transform(K, group.chi, k_range=(3.0, 12.0), dk=2.0, window=ours)
    np.testing.assert_allclose(group.r[: r.size], r, atol=1e-9)
    np.testing.assert_allclose(group.chir[: r.size], found, atol=1e-9 * np.abs(found).max())
