"""The observed variance in every limit that has a formula."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from alzmodel.errors import InputError
from alzmodel.scattering.fem.observed import (
    Incoherent,
    coherent_of,
    film_of,
    observe,
    observed_variance,
    thickness_slope,
)
from alzmodel.scattering.fem.settings import FEMSettings
from alzmodel.scattering.fem.speckle import radial_speckle
from alzmodel.scattering.fem.variance import fem, speckle_floor

COARSE = FEMSettings(k_min=2.0, k_max=6.0, k_step=0.1)
STILL = Incoherent(inelastic=False)
"""Nothing but the coherent variance."""


def gas(seed, n=3000, width=125.0, thickness=30.0, symbol="La"):
    rng = np.random.default_rng(seed)
    cell = [width, width, thickness]
    return Atoms([symbol] * n, positions=rng.random((n, 3)) * cell, cell=cell, pbc=[True, True, False])


@pytest.fixture(scope="module")
def measured():
    columns = [gas(seed) for seed in range(4)]
    return columns, fem(columns, COARSE, n_bootstrap=0)


@pytest.fixture(scope="module")
def coherent(measured):
    columns, result = measured
    return coherent_of(result.moments, COARSE, *film_of(columns))


@pytest.fixture(scope="module")
def structureless(coherent):
    """A gas without the noise of its columns: the mean and the floor as formulas give them."""
    floor = radial_speckle(coherent.plane, COARSE, coherent.thickness)
    return replace(coherent, mean=coherent.film.gas * coherent.thickness, single=floor)


@pytest.fixture(scope="module")
def halo(structureless):
    """A glass: the same without order, its mean pattern with two halos."""
    return replace(structureless, mean=structureless.mean * shape(COARSE.k))


def shape(k):
    return 0.5 + np.exp(-np.square((k - 3.2) / 0.6)) + 0.4 * np.exp(-np.square((k - 5.3) / 1.2))


def floor_of(coherent):
    return np.diagonal(radial_speckle(coherent.plane, COARSE, coherent.thickness))


def test_without_any_cause_it_is_today_s_variance_to_the_last_digit(measured, coherent):
    one = coherent_of(measured[1].moments[:1], COARSE, *film_of(measured[0]))
    found = observe(one, STILL)
    moments = measured[1].moments[0]
    np.testing.assert_array_equal(found.variance, moments.omega / np.square(moments.mean) - 1)
    np.testing.assert_allclose(observe(coherent, STILL).variance, measured[1].variance["omega"], rtol=1e-12)
    result = observed_variance(coherent, STILL)
    np.testing.assert_allclose(result.mean_intensity, measured[1].mean_intensity, rtol=1e-12)
    assert list(result.parts) == ["coherent"]


def test_a_filter_takes_away_all_that_lost_energy(measured, coherent):
    filtered = observe(coherent, Incoherent(filtered=True))
    np.testing.assert_allclose(filtered.variance, measured[1].variance["omega"], rtol=1e-12)
    assert list(filtered.parts) == ["film"]
    assert (filtered.intensity < coherent.mean).all()


def test_a_gas_on_a_background_stays_flat(structureless):
    found = observe(structureless, replace(STILL, background=0.7))
    np.testing.assert_allclose(found.variance, floor_of(structureless) / 1.7**2, rtol=1e-12)


def test_a_glass_on_a_background_shows_its_halo(halo):
    beta, s = 0.4, shape(COARSE.k)
    found = observe(halo, replace(STILL, background=beta))
    np.testing.assert_allclose(found.variance, floor_of(halo) * np.square(s / (s + beta)), rtol=1e-12)
    # Far more background than signal: β² V becomes V₀ S².
    far = observe(halo, replace(STILL, background=1e5))
    np.testing.assert_allclose(1e10 * far.variance, floor_of(halo) * s**2, rtol=1e-4)


def test_modes_divide(coherent):
    np.testing.assert_allclose(
        observe(coherent, replace(STILL, modes=4.0)).variance,
        observe(coherent, STILL).variance / 4,
        rtol=1e-12,
    )


def test_a_film_of_many_layers_has_the_floor_and_its_order_over_their_number(halo):
    ordered = replace(halo, single=halo.single + 0.02)
    thick = 5 * halo.thickness
    found = observe(ordered, replace(STILL, film=thick))
    floor = speckle_floor(halo.plane, COARSE, thick)
    np.testing.assert_allclose(found.variance, floor + 0.02 / 5, rtol=1e-9)
    np.testing.assert_allclose(found.intensity, 5 * halo.mean, rtol=1e-12)


def test_the_sum_of_two_structureless_fields_is_one(halo):
    """A coherent membrane changes nothing: V is the floor of both together."""
    found = observe(halo, replace(STILL, membrane=100.0))
    np.testing.assert_allclose(
        found.variance, speckle_floor(halo.plane, COARSE, halo.thickness + 100), rtol=1e-9
    )
    assert found.parts["membrane"].sum() > 0.1 * found.parts["film"].sum()


def test_a_membrane_in_the_formula_is_one_in_the_atoms():
    """Columns of La on N, put there atom by atom, against the formula for a layer of another gas."""
    formula, atoms = [], []
    for seed in range(4):
        film, below = gas(seed, n=2000, thickness=30.0), gas(seed + 50, n=15000, thickness=30.0, symbol="Si")
        below.positions[:, 2] += 30.0
        both = film + below
        both.cell[2, 2] = 60.0
        atoms.append(both)
        formula.append(film)
    explicit = fem(atoms, COARSE, n_bootstrap=0)
    lone = fem(formula, COARSE, n_bootstrap=0)
    coherent = coherent_of(lone.moments, COARSE, *film_of(formula))
    silicon = coherent_of(lone.moments, COARSE, *film_of([gas(1, n=15000, symbol="Si")]))
    found = observe(replace(coherent, membrane=silicon.film), replace(STILL, membrane=30.0))
    area = 125.0**2
    expected = explicit.mean_intensity * 17000 / area
    np.testing.assert_allclose(found.intensity, expected, rtol=0.12)
    assert found.intensity.mean() == pytest.approx(expected.mean(), rel=0.01)
    assert np.mean(found.variance / explicit.variance["omega"]) == pytest.approx(1, abs=0.1)


def test_rings_of_a_gas_are_correlated_as_far_as_speckles_reach():
    fine = FEMSettings(k_min=3.0, k_max=3.6, k_step=0.05)
    result = fem([gas(seed, n=1500) for seed in range(12)], fine, n_bootstrap=0)
    mean = np.mean([one.mean for one in result.moments], axis=0)
    covariance = np.mean([one.cross for one in result.moments], axis=0) / np.outer(mean, mean) - 1
    expected = radial_speckle(result.moments[0].plane, fine, 30.0)
    found, formula = (
        np.array([np.diagonal(one, gap).mean() for gap in range(9)]) for one in (covariance, expected)
    )
    # The number of atoms under the probe moves all rings of a gas together.
    np.testing.assert_allclose(found - found[8], formula, atol=0.08 * formula[0])
    assert formula[8] < 0.03 * formula[0]
    assert 0.4 < formula[3] / formula[0] < 0.8


def test_motion_under_the_beam_damps_like_a_debye_waller_factor(coherent):
    u = 0.05
    found = observe(coherent, replace(STILL, displacement=u)).variance / observe(coherent, STILL).variance
    np.testing.assert_allclose(found, np.exp(-2 * np.square(2 * math.pi * 0.1 * COARSE.k * u)), rtol=1e-12)


def test_a_spread_of_thickness_moves_all_rings_together(structureless):
    found = observe(structureless, replace(STILL, thickness_spread=0.1))
    np.testing.assert_allclose(found.variance, floor_of(structureless) + 0.01, rtol=1e-6)
    # On a membrane the part that the film scatters moves, and no more: the halo of the film shows.
    on_membrane = replace(STILL, membrane=100.0)
    slope = thickness_slope(structureless, on_membrane)
    record = observe(structureless, on_membrane)
    np.testing.assert_allclose(slope, record.parts["film"] / record.intensity, rtol=1e-6)


def test_shot_noise_is_one_over_the_electrons_in_a_ring(structureless):
    settings = COARSE
    more = observe(structureless, replace(STILL, electrons=1e6)).variance - floor_of(structureless)
    # γ² f² λ² dΩ-wise: the share of one electron that ends in a ring.
    wave = settings.wavelength * (1 + 200 / 510.99895)
    share = structureless.mean * wave**2 * 2 * math.pi * 0.1 * settings.k * 0.1 * settings.ring_width
    np.testing.assert_allclose(more, 1 / (1e6 * share), rtol=1e-5)


def test_small_angle_losses_smear_speckle_like_a_few_more_modes(structureless):
    thick = replace(structureless, thickness=300.0, mean=structureless.mean * 10)
    result = observed_variance(thick, Incoherent())
    smear = result.parts["small-angle inelastic"] / result.parts["coherent"]
    assert (smear[5:-5] < 0.99).all()
    assert (smear > 0.7).all()
    # The last rings are smeared as those before them: what lies beyond is speckle too.
    np.testing.assert_allclose(smear[-6:], smear[-12:-6].mean(), rtol=0.02)
    # Losses of no length smear nothing.
    still = observe(thick, Incoherent(path_scale=10.0)).variance
    assert (still > result.variance).all()
    low, high = result.variance_range.T
    assert (low < result.variance).all()
    assert (result.variance < high).all()


def test_parts_of_the_intensity_add_up_and_parameters_are_told_apart(halo):
    everything = Incoherent(
        film=200.0, membrane=100.0, background=0.1, glare=0.05, modes=2.0, thickness_spread=0.1, displacement=0.02,
        electrons=1e7,
    )  # fmt: skip
    result = observed_variance(halo, everything)
    np.testing.assert_allclose(sum(result.intensity_parts.values()), result.mean_intensity, rtol=1e-12)
    assert set(result.intensity_parts) == {"film", "membrane", "large-angle inelastic", "background", "glare"}
    assert set(result.nuisance) == {
        "background", "glare", "modes", "thickness_spread", "displacement", "electrons"
    }  # fmt: skip
    assert not set(result.nuisance) & set(result.predicted)
    assert set(result.parts) >= {
        "coherent", "membrane", "small-angle inelastic", "large-angle inelastic", "thickness_spread",
        "electrons",
    }  # fmt: skip
    assert np.isfinite(result.variance).all()
    assert result.to_dict()["nuisance"]["modes"] == 2.0


def test_averaged_frames_replace_the_single_ones(halo):
    averaged = replace(halo, averaged=0.5 * halo.single)
    np.testing.assert_allclose(observe(averaged, STILL).variance, 0.5 * floor_of(halo), rtol=1e-12)
    np.testing.assert_allclose(
        observe(averaged, replace(STILL, thermal=False)).variance, floor_of(halo), rtol=1e-12
    )
    assert "thermal" in observed_variance(averaged, STILL).parts


@pytest.mark.parametrize(
    ("name", "value"),
    [("film", 1.0), ("background", -0.1), ("modes", 0.5), ("modes", math.nan), ("glare", math.inf)],
)
def test_numbers_out_of_range_are_named(name, value):
    with pytest.raises(InputError, match=f"{name}: "):
        Incoherent(**{name: value})
