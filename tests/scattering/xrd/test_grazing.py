"""The beam in a film against limits known in closed form and against quadrature of the path."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from alzmodel.errors import InputError
from alzmodel.scattering.xrd.grazing import GrazingIncidence, OpticalConstants, optical_constants

LZO = optical_constants({"La": 2, "Zr": 2, "O": 7}, 6.05, 1.5406)
ANGLES = np.array([15.0, 28.5, 47.5, 60.0, 110.0])


def sine(degrees):
    return np.sin(np.radians(degrees))


def test_constants_of_known_materials():
    # Si at Cu Ka1: mu = 14 1/mm, critical angle 0.223 degrees.
    silicon = optical_constants({"Si": 1}, 2.329, "CuKa1")
    assert silicon.attenuation == pytest.approx(145, rel=0.05)
    assert silicon.critical_angle == pytest.approx(0.223, abs=0.002)
    # Two tables, of attenuation and of f'', agree on beta.
    import xraydb

    assert xraydb.xray_delta_beta("La2Zr2O7", 6.05, 8047.8)[1] == pytest.approx(LZO.beta, rel=0.06)
    assert LZO.attenuation_length == pytest.approx(1e8 / LZO.attenuation)


def test_symmetric_reflection_from_a_thick_specimen_needs_no_correction():
    for angle in (5.0, 20.0, 40.0):
        assert GrazingIncidence(angle, LZO).factor(np.array([2 * angle])) == pytest.approx([1.0])


def test_a_thick_film_depends_on_the_ratio_of_the_sines():
    expected = 2 / (1 + sine(1.0) / sine(ANGLES - 1.0))
    assert GrazingIncidence(1.0, LZO).factor(ANGLES) == pytest.approx(expected)


def test_a_thin_film_is_lit_evenly():
    thin = GrazingIncidence(1.0, LZO, thickness=1.0).factor(ANGLES)
    expected = 2 * LZO.attenuation * 1e-8 / sine(1.0)
    assert thin == pytest.approx(np.full(5, expected), rel=1e-3)


@pytest.mark.parametrize("thickness", [500.0, 11000.0])
def test_any_film_is_the_integral_over_its_depth(thickness):
    mu = LZO.attenuation * 1e-8
    for angle in ANGLES:
        paths = 1 / sine(1.0) + 1 / sine(angle - 1.0)
        depth, _ = quad(lambda z, paths=paths: math.exp(-mu * z * paths), 0, thickness, epsabs=1e-9)
        found = GrazingIncidence(1.0, LZO, thickness).factor(np.array([angle]))
        assert found == pytest.approx([2 * mu * depth / sine(1.0)])


def test_what_passes_over_the_specimen_is_lost():
    # A beam of 0.2 mm lights 11.5 mm at one degree.
    assert GrazingIncidence(1.0, LZO, beam_height=0.2, specimen_length=20).footprint == 1
    short = GrazingIncidence(1.0, LZO, beam_height=0.2, specimen_length=5)
    assert short.footprint == pytest.approx(5 * sine(1.0) / 0.2)
    assert short.factor(ANGLES) == pytest.approx(short.footprint * GrazingIncidence(1.0, LZO).factor(ANGLES))


def test_refraction_vanishes_far_above_the_critical_angle():
    plain = GrazingIncidence(20.0, LZO, 5e4)
    bent = GrazingIncidence(20.0, LZO, 5e4, refraction=True)
    angles = np.array([40.0, 60.0, 110.0])
    assert bent.factor(angles) == pytest.approx(plain.factor(angles), rel=3e-4)
    assert bent.inner_angle(angles) == pytest.approx(angles, abs=0.01)
    assert plain.inner_angle(angles) is angles


def test_refraction_moves_lines_up_by_what_snell_says():
    found = GrazingIncidence(1.0, LZO, refraction=True).inner_angle(ANGLES)
    alpha = math.radians(1.0)
    entry = math.degrees(alpha - math.sqrt(alpha**2 - 2 * LZO.delta))
    leave = np.degrees(LZO.delta / np.tan(np.radians(ANGLES - 1.0)))
    # The refractive index of the film itself shortens Q by delta.
    index = np.degrees(2 * LZO.delta * np.tan(np.radians(ANGLES / 2)))
    assert ANGLES - found == pytest.approx(entry + leave, abs=3 * index.max())
    assert (ANGLES - found)[1] == pytest.approx(0.059, abs=0.001)


def test_below_the_critical_angle_only_a_skin_is_lit():
    lossless = OpticalConstants(1e-6, LZO.delta, LZO.wavelength)
    skin = GrazingIncidence(0.01, lossless, refraction=True)
    inner = skin._inside(np.array([sine(0.01)]))
    depth = lossless.wavelength / (4 * math.pi * inner.imag)
    assert depth == pytest.approx(lossless.wavelength / (4 * math.pi * math.sqrt(2 * LZO.delta)), rel=0.002)
    # Little gets in: the field just below the surface goes with the angle squared.
    bent = GrazingIncidence(0.05, LZO, refraction=True).factor(ANGLES)
    assert (bent < 0.1 * GrazingIncidence(0.05, LZO).factor(ANGLES)).all()
    # At the critical angle the field is up to four times the incident one.
    edge = GrazingIncidence(LZO.critical_angle, LZO, thickness=5.0, refraction=True).factor(ANGLES)
    plain = GrazingIncidence(LZO.critical_angle, LZO, thickness=5.0).factor(ANGLES)
    assert 1.5 < (edge / plain)[1] < 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GrazingIncidence(0.0, LZO), "angle of incidence: 0"),
        (lambda: GrazingIncidence(math.nan, LZO), "angle of incidence"),
        (lambda: GrazingIncidence(1.0, LZO, thickness=-5), "film thickness: -5"),
        (lambda: GrazingIncidence(1.0, LZO, beam_height=-1), "beam height"),
        (lambda: GrazingIncidence(10.0, LZO).factor(ANGLES - 5), "incidence; allowed: from 10.5"),
        (lambda: optical_constants({"La": 1}, 0.0, 1.54), "density: 0"),
        (lambda: optical_constants({"Xx": 1}, 1.0, 1.54), "material: Xx"),
        (lambda: optical_constants({"La": 1}, 1.0, "CuKz"), "CuKz"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "allowed" in str(caught.value)
