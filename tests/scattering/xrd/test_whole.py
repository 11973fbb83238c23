"""Whole-pattern fits find what was put in, with errors that cover it; phase models equal the exact sum over pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.scattering.xrd.data import MeasuredCurve
from alzmodel.scattering.xrd.grazing import GrazingIncidence, optical_constants
from alzmodel.scattering.xrd.pattern import crystal_pattern, nanocrystal_pattern, powder_pattern
from alzmodel.scattering.xrd.phase_model import crystal_model
from alzmodel.scattering.xrd.specimen import SubstrateLine
from alzmodel.scattering.xrd.whole import ComputedPart, CrystalPart, fit_pattern

GRID = np.arange(20.0, 70.0, 0.1)


@pytest.fixture(scope="module")
def glass():
    atoms = crystal("La2Zr2O7")
    atoms.rattle(0.4, seed=2)
    atoms.info.clear()
    return powder_pattern(atoms, two_theta=GRID, method="pdf")


def model_of(phase, grid=GRID, **settings):
    return crystal_model(crystal(phase), grid, wavelength=1.5406, **settings)


@pytest.mark.parametrize(
    ("phase", "diameter", "fwhm", "tolerance"),
    [
        ("La2Zr2O7", 80.0, None, 2e-3),
        ("La2Zr2O7", 80.0, 0.3, 2e-3),
        ("Li2CO3", 200.0, 0.1, 3e-3),
        ("La2Zr2O7", 30.0, None, 1.5e-2),
    ],
)
def test_phase_models_are_the_sum_over_pairs(phase, diameter, fwhm, tolerance):
    grid = np.arange(25.0, 80.0, 0.02)
    model = model_of(phase, grid, fwhm=fwhm, b_iso=0.4)
    exact = nanocrystal_pattern(phase, diameter, two_theta=grid, fwhm=fwhm, b_iso=0.4)
    difference = np.abs(model.pattern(model.lengths, diameter) - exact.intensity).max()
    assert difference < tolerance * exact.intensity.max()
    assert model.atom_mass == pytest.approx(exact.atom_mass)


def test_an_endless_crystal_has_the_instruments_lines():
    model = model_of("MgO", fwhm=0.2)
    exact = crystal_pattern(crystal("MgO"), two_theta=GRID, fwhm=0.2)
    found = model.pattern(model.lengths, math.inf)
    assert np.abs(found - exact.intensity).max() < 2e-3 * exact.intensity.max()


def test_another_cell_moves_the_lines():
    model = model_of("La2Zr2O7")
    a = 10.9
    exact = nanocrystal_pattern("La2Zr2O7", 80.0, lattice_parameter=a, two_theta=GRID)
    assert model.tied == (0, 0, 0)
    found = model.pattern((a, a, a), 80.0)
    assert np.abs(found - exact.intensity).max() < 4e-3 * exact.intensity.max()
    assert model_of("Li2CO3").tied == (0, 1, 2)


def synthetic(glass, rng, *, sigma=True, grazing=None):
    """Three parts of four glass by weight, 10.88 Å pyrochlore of 70 Å, Li2CO3 lines, MgO line, curved background."""
    inner = GRID if grazing is None else grazing.inner_angle(GRID)
    lzo = nanocrystal_pattern("La2Zr2O7", 70.0, lattice_parameter=10.88, two_theta=inner)
    carbonate = nanocrystal_pattern("Li2CO3", 300.0, two_theta=inner, fwhm=0.15)
    shares = {"glass": 0.70, "lzo": 0.20, "carbonate": 0.10}
    intensity = np.interp(inner, GRID, glass.intensity)
    curve = (
        shares["glass"] / glass.atom_mass * intensity
        + shares["lzo"] / lzo.atom_mass * lzo.intensity
        + shares["carbonate"] / carbonate.atom_mass * carbonate.intensity
    )
    if grazing is not None:
        curve = curve * grazing.factor(GRID)
    curve = 3000 * curve / curve.max()
    place = 2 * (GRID - GRID[0]) / (GRID[-1] - GRID[0]) - 1
    curve = curve + 800 - 300 * place + 200 * (2 * place**2 - 1)
    curve = curve + 1500 * np.exp(-4 * math.log(2) * ((GRID - 42.75) / 0.35) ** 2)
    counts = rng.poisson(curve).astype(float)
    return MeasuredCurve(GRID, counts, np.sqrt(counts) if sigma else None, "two_theta", "film.xye")


def parts_of(glass, grid=GRID):
    intensity = np.interp(grid, GRID, glass.intensity)
    return [
        ComputedPart("glass", intensity, glass.atom_mass),
        CrystalPart("La2Zr2O7", model_of("La2Zr2O7", grid), 50.0),
        CrystalPart("Li2CO3", model_of("Li2CO3", grid, fwhm=0.15), 200.0),
    ]


def test_what_was_put_in_is_found(glass):
    data = synthetic(glass, np.random.default_rng(3))
    line = SubstrateLine("MgO", (2, 0, 0), 0.5, 0.3)
    fit = fit_pattern(data, parts_of(glass), substrate=line, background=2)
    found = {phase.name: phase for phase in fit.phases}
    assert list(found) == ["glass", "La2Zr2O7", "Li2CO3", "MgO substrate"]
    assert fit.success
    assert fit.reduced_chi_square == pytest.approx(1, abs=0.15)
    for name, share in (("glass", 0.70), ("La2Zr2O7", 0.20), ("Li2CO3", 0.10)):
        low, high = found[name].weight_ci95
        assert found[name].weight == pytest.approx(share, abs=1.5 * (high - low) + 0.005)
        assert high - low < 0.1
    assert sum(phase.weight for phase in fit.phases[:3]) == pytest.approx(1)
    lzo = found["La2Zr2O7"]
    assert lzo.lattice_parameters[0] == pytest.approx(10.88, abs=0.01)
    assert lzo.lattice_parameters[0] == lzo.lattice_parameters[2]
    assert lzo.lattice_parameters_ci95[0][1] - lzo.lattice_parameters_ci95[0][0] < 0.02
    assert lzo.size_sphere == pytest.approx(70, rel=0.06)
    assert lzo.size_scherrer == pytest.approx(lzo.size_sphere * 0.9 / 1.107)
    assert found["Li2CO3"].size_sphere == pytest.approx(300, rel=0.25)
    assert np.isnan(found["MgO substrate"].weight)
    assert sum(phase.curve for phase in fit.phases) + fit.background == pytest.approx(fit.calculated)
    assert fit.agreement()["rwp"] == fit.rwp < fit.rwp_background


def test_intervals_cover_the_truth_as_often_as_they_say():
    truth = model_of("La2Zr2O7")
    curve = 0.2 * truth.pattern((10.85,) * 3, 60.0) + 100
    covered = []
    for seed in range(20):
        counts = np.random.default_rng(seed).poisson(curve).astype(float)
        data = MeasuredCurve(GRID, counts, np.sqrt(np.maximum(counts, 1)), "two_theta", "")
        lzo = fit_pattern(data, [CrystalPart("lzo", truth, 50.0)], background=0).phases[0]
        (low, high), (small, large) = lzo.lattice_parameters_ci95[0], lzo.size_sphere_ci95
        covered += [low < 10.85 < high, small < 60.0 < large]
    # 38 of 40 on average; fewer than 34 happen once in 70 such tests.
    assert sum(covered) >= 34


def test_refraction_left_out_is_taken_for_a_smaller_cell(glass):
    optics = optical_constants({"La": 2, "Zr": 2, "O": 7}, 6.0, 1.5406)
    film = GrazingIncidence(1.0, optics, 11000.0, refraction=True)
    data = synthetic(glass, np.random.default_rng(4), grazing=film)
    line = SubstrateLine("MgO", (2, 0, 0), 0.5, 0.3)
    inner = film.inner_angle(GRID)
    right = fit_pattern(data, parts_of(glass, inner), substrate=line, background=2, grazing=film)
    wrong = fit_pattern(data, parts_of(glass), substrate=line, background=2)
    assert right.phases[1].lattice_parameters[0] == pytest.approx(10.88, abs=0.01)
    assert wrong.phases[1].lattice_parameters[0] < right.phases[1].lattice_parameters[0] - 0.01
    assert right.rwp < wrong.rwp


def test_a_phase_that_is_not_there_gets_nothing_and_says_so():
    truth = model_of("La2Zr2O7")
    data = MeasuredCurve(GRID, 0.2 * truth.pattern((10.85,) * 3, 60.0) + 100, None, "two_theta", "")
    absent = CrystalPart("MgO", model_of("MgO"), 80.0, refine_cell=False, refine_size=False)
    fit = fit_pattern(data, [CrystalPart("lzo", truth, 50.0), absent], background=0)
    assert fit.phases[1].weight < 1e-3
    assert fit.phases[0].weight == pytest.approx(1, abs=1e-3)
    assert fit.phases[1].lattice_parameters_ci95[0] == pytest.approx((math.nan, math.nan), nan_ok=True)


def test_the_zero_of_the_angles_is_found():
    truth = model_of("La2Zr2O7")
    curve = truth.pattern((10.85,) * 3, 60.0)
    data = MeasuredCurve(GRID, np.interp(GRID - 0.12, GRID, curve) + 10, None, "two_theta", "")
    fit = fit_pattern(data, [CrystalPart("lzo", truth, 60.0)], background=0, refine_zero=True)
    assert fit.zero == pytest.approx(0.12, abs=0.005)
    assert fit.phases[0].lattice_parameters[0] == pytest.approx(10.85, abs=0.002)


@pytest.mark.parametrize(
    ("parts", "options", "message"),
    [
        ([], {}, "no phase"),
        ([ComputedPart("glass", np.ones(3), 30.0)], {}, "glass: 3 angles"),
        ([ComputedPart("glass", np.ones(GRID.size), 30.0)], {"background": 20}, "degree 20"),
        (
            [ComputedPart("glass", np.ones(GRID.size), 30.0)],
            {"substrate": SubstrateLine("MgO", (4, 0, 0), 1.0)},
            "outside of the measured range",
        ),
    ],
)
def test_bad_input_is_named(parts, options, message):
    data = MeasuredCurve(GRID, np.ones_like(GRID), None, "two_theta", "film.xy")
    with pytest.raises(InputError, match=message):
        fit_pattern(data, parts, **options)
