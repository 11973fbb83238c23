"""Lines of certified reference materials, at the angles and spacings that their cards and certificates give."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.spacegroup import crystal as spacegroup_crystal

from alzmodel.scattering.xrd.crystal import bragg_angle
from alzmodel.scattering.xrd.lines import find_lines, fit_profile
from alzmodel.scattering.xrd.pattern import crystal_pattern, powder_pattern

CU = 1.540598
"""Å, of the cards."""


def lanthanum_hexaboride(a):
    return spacegroup_crystal(
        ("La", "B"), [(0, 0, 0), (0.1993, 0.5, 0.5)], spacegroup=221, cellpar=[a, a, a, 90, 90, 90]
    )


def corundum(a, c):
    basis = [(0, 0, 0.3522), (0.3062, 0, 0.25)]
    return spacegroup_crystal(("Al", "O"), basis, spacegroup=167, cellpar=[a, a, c, 90, 90, 120])


# Angles of the cards made with these materials: PDF 34-427 (SRM 660), 27-1402 (640), 46-1212 (676). The card of CeO2
# gives single readings: the angles here are Bragg's for the edge that SRM 674b certifies.
MATERIALS = {
    "LaB6": (
        lanthanum_hexaboride(4.15690),
        {
            "100": 21.357,
            "110": 30.384,
            "111": 37.441,
            "200": 43.506,
            "210": 48.957,
            "211": 53.988,
            "220": 63.218,
        },
    ),
    "Si": (
        bulk("Si", "diamond", a=5.43088, cubic=True),
        {
            "111": 28.443,
            "220": 47.304,
            "311": 56.122,
            "400": 69.132,
            "331": 76.380,
            "422": 88.029,
            "511": 94.951,
        },
    ),
    "CeO2": (
        bulk("CeO2", "fluorite", a=5.411651, cubic=True),
        {
            "111": 28.546,
            "200": 33.080,
            "220": 47.482,
            "311": 56.340,
            "222": 59.087,
            "400": 69.412,
            "331": 76.698,
        },
    ),
    "Al2O3": (
        corundum(4.7587, 12.9929),
        {"104": 35.152, "113": 43.355, "024": 52.549, "116": 57.496, "300": 68.212},
    ),
}


@pytest.mark.parametrize("name", MATERIALS)
def test_angles_of_the_cards(name):
    atoms, lines = MATERIALS[name]
    pattern = powder_pattern(atoms, wavelength=CU, two_theta=(20.0, 100.0, 0.01), method="crystal", fwhm=0.06)
    for label, angle in lines.items():
        near = [peak for peak in pattern.peaks if abs(peak.two_theta - angle) < 0.15]
        # The cards give three decimals of angles that were refined, and Cu Kα1 to 2e-6.
        assert [peak.two_theta for peak in near] == pytest.approx([angle], abs=0.006), label
        assert np.isnan(near[0].size_scherrer)


@pytest.mark.parametrize(
    ("atoms", "square", "a"),
    [
        # SRM 660c, 640e and 674b: certified cell edges, and Cu Kα1 and Kα2 as one line each.
        (lanthanum_hexaboride(4.156826), (1, 2, 3, 4, 5, 6, 8, 9), 4.156826),
        (bulk("Si", "diamond", a=5.431179, cubic=True), (3, 8, 11, 16, 19, 24, 27), 5.431179),
        (bulk("CeO2", "fluorite", a=5.411651, cubic=True), (3, 4, 8, 11, 12, 16, 19, 20, 24), 5.411651),
    ],
)
def test_both_lines_of_a_tube_are_one_line_of_the_certified_spacing(atoms, square, a):
    pattern = powder_pattern(
        atoms, wavelength="CuKa", two_theta=(20.0, 96.0, 0.01), method="crystal", fwhm=0.08
    )
    found = [a / peak.d for peak in pattern.peaks]
    strong = {n for n in square if any(abs(value - n**0.5) < 1e-3 for value in found)}
    assert strong == set(square)
    # No line stands for Kα2: every one is a reflection of the crystal.
    for value in found:
        assert value**2 == pytest.approx(round(value**2), abs=2e-3)
    assert len(found) == len({round(value**2) for value in found})


@pytest.mark.parametrize(
    ("fwhm", "anode", "wavelengths"),
    [
        (0.05, "CuKa", (1.5405929, 1.5444274)),
        (0.4, "CoKa", (1.788996, 1.792835)),
        (0.15, "MoKa", (0.70931715, 0.713607)),
    ],
)
def test_spacing_from_a_doublet_resolved_or_not(fwhm, anode, wavelengths):
    d = 5.431179 / 24**0.5
    angle = bragg_angle(d, wavelengths[0])
    pattern = crystal_pattern(
        bulk("Si", "diamond", a=5.431179, cubic=True),
        wavelength=anode,
        two_theta=(angle - 2, angle + 2, 0.005),
        fwhm=fwhm,
    )
    fit = fit_profile(pattern.two_theta, pattern.intensity, angle, pattern.lines, window=1.8)
    assert fit.d == pytest.approx(d, abs=3e-5)
    assert fit.fwhm == pytest.approx(fwhm, rel=0.02)
    (line,) = find_lines(pattern.two_theta, pattern.intensity, pattern.lines)
    assert line.d == pytest.approx(d, abs=5e-5)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("with_errors", [True, False])
def test_noise_and_slopes_are_no_lines(seed, with_errors):
    x = np.arange(60.0, 70.0, 0.02)
    rng = np.random.default_rng(seed)
    for truth in (np.full_like(x, 400.0), 400 + 30 * (x - 60), 400 + 4e4 / (x - 59.0) ** 2):
        y = rng.poisson(truth).astype(float)
        fit = fit_profile(x, y, 66.0, CU, window=1.0, sigma=np.sqrt(y) if with_errors else None)
        assert not fit.present
        assert np.isnan([fit.two_theta, fit.fwhm, fit.d, fit.size_scherrer, fit.size_sphere]).all()
        line = truth + 150 * np.exp(-4 * np.log(2) * ((x - 66.1) / 0.3) ** 2)
        y = rng.poisson(line).astype(float)
        fit = fit_profile(x, y, 66.0, CU, window=1.0, sigma=np.sqrt(y) if with_errors else None)
        assert fit.present
        assert fit.two_theta == pytest.approx(66.1, abs=0.05)


def test_a_line_no_wider_than_the_instrument_has_no_size():
    x = np.arange(40.0, 50.0, 0.01)
    noise = np.random.default_rng(2).normal(0, 5, x.size)
    for fwhm, has_size in ((0.1, False), (0.098, False), (0.3, True)):
        y = 1000 * np.exp(-4 * np.log(2) * ((x - 45) / fwhm) ** 2) + 50 + noise
        fit = fit_profile(x, y, 45.0, CU, window=1.5, instrument_fwhm=0.1)
        assert fit.present
        assert np.isfinite(fit.size_scherrer) == has_size
        assert np.isnan(fit_profile(x, y, 45.0, CU, window=1.5, sizes=False).size_sphere)


@pytest.mark.parametrize(("height", "there"), [(22.0, False), (60.0, True)])
def test_a_line_must_lower_the_misfit_by_thirty(height, there):
    # Σ(line/σ)² is 13 and 99 here; pure noise gives up to some 20 in the best of a hundred windows.
    x = np.arange(60.0, 70.0, 0.02)
    y = 400 + height * np.exp(-4 * np.log(2) * ((x - 66.1) / 0.3) ** 2)
    assert fit_profile(x, y, 66.0, CU, window=1.0, sigma=np.full_like(x, 20.0)).present == there
