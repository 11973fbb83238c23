"""Tables and formulas of inelastic scattering against numbers from elsewhere, and the kernel of rings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from scipy.signal import fftconvolve

from alzmodel.errors import InputError
from alzmodel.scattering.fem.incoherent import (
    SMALL_ANGLES,
    circles_of_loss,
    density_of,
    incoherent_elements,
    incoherent_function,
    inelastic_intensity,
    large_angle_losses,
    loss_vector,
    mean_free_path,
    mean_free_path_malis,
    mean_square_factor,
    ring_kernel,
    scaled_function,
)
from alzmodel.scattering.form_factors import ELECTRON_ELEMENTS, MOTT_BETHE, electron_factor, xray_factor
from alzmodel.units import electron_wavelength, relativistic_factor

LZO = {"La": 0.011, "Zr": 0.011, "O": 0.044}


def test_every_element_with_an_electron_factor_has_an_incoherent_function():
    assert set(ELECTRON_ELEMENTS) <= set(incoherent_elements())
    from ase.data import atomic_numbers

    k = np.geomspace(0.05, 120, 200)
    for element in incoherent_elements():
        s = incoherent_function(element, k)
        assert (np.diff(s) >= -1e-9).all(), element
        assert 0.8 * atomic_numbers[element] < s[-1] <= atomic_numbers[element] + 1e-3, element
        assert incoherent_function(element, 0.0) == 0


def test_incoherent_functions_are_those_of_xraylib():
    # xraylib 4.3.0, SF_Compt, at sin θ/λ = k/2 in Å⁻¹.
    known = {"H": [0.1033, 0.7688, 1.0], "O": [0.271, 2.799, 6.901], "La": [2.199, 10.204, 32.758]}
    for element, values in known.items():
        np.testing.assert_allclose(incoherent_function(element, [1.0, 4.0, 20.0]), values, rtol=5e-3)


def test_what_has_no_table_is_scaled_from_its_neighbour():
    k = np.geomspace(1.0, 20.0, 20)
    np.testing.assert_allclose(scaled_function("Cm", 96, 98, k), incoherent_function("Cf", k), rtol=0.04)
    assert (incoherent_function("Lr", k) > incoherent_function("Cf", k)).all()


def test_hydrogen_has_its_analytic_function():
    # S = 1 − F², F = (1 + (π k a₀)²)⁻² of the 1s state.
    k = np.geomspace(0.2, 20, 30)
    form = (1 + np.square(math.pi * 0.1 * k * 0.529177)) ** -2
    np.testing.assert_allclose(incoherent_function("H", k), 1 - form**2, rtol=6e-3)


def test_what_has_no_table_is_refused():
    with pytest.raises(InputError, match=r"Xx; allowed: elements from H to Lr"):
        incoherent_function("Xx", 1.0)
    with pytest.raises(InputError, match="0 to 120"):
        incoherent_function("O", [1.0, 121.0])
    with pytest.raises(InputError, match="above zero"):
        mean_free_path(0.0, 200.0)


@pytest.mark.parametrize("element", ["O", "Si", "Zr", "La"])
def test_electron_factors_follow_from_x_ray_factors_by_mott_and_bethe(element):
    # One source of elastic scattering, one of inelastic: both use C (Z − f_x)/k², and agree with each other.
    from ase.data import atomic_numbers

    k = np.linspace(0.25, 0.8, 12)
    x_ray = xray_factor(element, 2 * math.pi * k).real
    expected = MOTT_BETHE * (atomic_numbers[element] - x_ray) / k**2
    np.testing.assert_allclose(electron_factor(element, k), expected, rtol=0.02)


def test_momentum_of_a_loss():
    # 25 eV at 200 keV: 0.073 mrad, 0.029 nm⁻¹.
    assert loss_vector(200.0) == pytest.approx(0.0290, abs=2e-4)
    assert loss_vector(200.0, 50.0) == pytest.approx(2 * loss_vector(200.0))


def test_mean_free_paths_lie_where_they_were_measured():
    # Iakoubovskii et al. (2008), table 1, 200 keV: Si 145 nm, Al2O3 (3.97 g/cm³) 128 to 140 nm, Au 84 nm.
    assert mean_free_path(2.33, 200.0) == pytest.approx(1450, rel=0.2)
    assert mean_free_path(19.3, 200.0) == pytest.approx(840, rel=0.2)
    assert mean_free_path_malis({"Si": 1.0}, 200.0) == pytest.approx(1500, rel=0.35)
    assert mean_free_path(6.0, 300.0) > mean_free_path(6.0, 200.0)


def test_losses_beyond_the_small_angles_are_the_area_under_their_intensity():
    k = np.linspace(SMALL_ANGLES, 100, 400_000)
    intensity = inelastic_intensity(LZO, k, 200.0)
    wave = relativistic_factor(200.0) * electron_wavelength(200.0)
    expected = 1e-2 * wave**2 * np.trapezoid(2 * math.pi * k * intensity, k)
    number, circles = large_angle_losses(LZO, 200.0)
    assert number == pytest.approx(expected, rel=2e-3)
    inside = k < np.median(circles)
    half = 1e-2 * wave**2 * np.trapezoid((2 * math.pi * k * intensity)[inside], k[inside])
    assert half == pytest.approx(0.5 * expected, rel=0.03)
    assert number < 1 / mean_free_path(density_of(LZO), 200.0)


def test_inelastic_background_is_some_tenth_of_what_the_atoms_scatter():
    k = np.array([2.0, 5.0])
    share = inelastic_intensity(LZO, k, 200.0) / mean_square_factor(LZO, k)
    assert (share > 0.05).all()
    assert (share < 0.5).all()


def test_ring_kernel_equals_the_convolution_in_the_plane():
    """A pattern with rings and speckle, smeared in two dimensions, has the ring means that the kernel gives."""
    step, k_e, k_c = 0.02, 0.06, 0.5
    x = step * np.arange(-300, 301)
    kx, ky = np.meshgrid(x, x, indexing="ij")
    radius = np.hypot(kx, ky)
    rng = np.random.default_rng(1)
    noise = fftconvolve(rng.random(radius.shape), np.ones((9, 9)) / 81, mode="same")
    pattern = np.exp(-np.square((radius - 2.5) / 0.25)) * (1 + noise) + 0.1
    # The kernel in pixels: each pixel's share by points inside of it.
    fine = (np.arange(9) - 4) / 9 * step
    span = step * np.arange(-30, 31)
    fx = (span[:, None] + fine[None]).ravel()
    square = fx[:, None] ** 2 + fx[None] ** 2
    weights = np.where(square < k_c**2, 1 / (square + k_e**2), 0.0)
    kernel = weights.reshape(61, 9, 61, 9).sum(axis=(1, 3))
    smeared = fftconvolve(pattern, kernel / kernel.sum(), mode="same")
    k = 1.5 + 0.05 * np.arange(41)
    turns = 2 * math.pi * np.arange(720) / 720

    def rings(image):
        places = [(k[:, None] * f(turns) - x[0]) / step for f in (np.cos, np.sin)]
        return map_coordinates(image, places, order=3).mean(axis=1)

    found = ring_kernel(k, circles_of_loss(k_e, k_c)) @ rings(pattern)
    expected = rings(smeared)
    inside = (k > 2.0) & (k < 3.0)
    np.testing.assert_allclose(found[inside], expected[inside], rtol=6e-3)
    # The smear is no small thing here.
    assert np.abs(rings(pattern) / expected - 1)[inside].max() > 0.1


def test_ring_kernel_conserves_electrons():
    k = 0.5 + 0.05 * np.arange(120)
    kernel = ring_kernel(k, circles_of_loss(loss_vector(200.0)))
    np.testing.assert_allclose(kernel.sum(axis=1), 1.0, rtol=1e-12)
    pattern = np.exp(-np.square((k - 3.4) / 0.3))
    assert np.sum(k * (kernel @ pattern)) == pytest.approx(np.sum(k * pattern), rel=2e-3)


@pytest.mark.parametrize("k", [np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0, 5.0])])
def test_ring_kernel_wants_even_rings(k):
    with pytest.raises(InputError, match="at least four, evenly spaced"):
        ring_kernel(k, [0.1])
