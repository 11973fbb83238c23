"""Coefficients and their errors against walkers whose motion is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alzmodel.dynamics.arrhenius import arrhenius
from alzmodel.dynamics.diffusion import run_diffusion
from alzmodel.dynamics.transport import at_temperature, nernst_einstein, over_temperatures, transport_of
from alzmodel.errors import InputError
from alzmodel.units import BOLTZMANN_EV_K
from tests.dynamics.walks import rattling, trajectory, walk


def measured(ions, temperature=900.0, **more):
    return at_temperature([run_diffusion(trajectory(ions, **more))], temperature)


def coverage(n_runs, first, **how):
    inside = 0
    for seed in range(first, first + n_runs):
        lo, hi = measured(walk(np.random.default_rng(seed), **how)).D["Li"].ci95
        inside += lo <= 1e-4 <= hi
    return inside


@pytest.mark.slow
def test_the_stated_interval_holds_the_truth_in_95_of_100_walks():
    assert 182 <= coverage(200, 0) <= 198


def test_the_interval_is_neither_too_narrow_nor_too_wide():
    """The same with fewer and shorter walks: 20 of 22 are in, or half of the width would do."""
    values = [measured(walk(np.random.default_rng(seed), n=30, frames=301)).D["Li"] for seed in range(24)]
    spread = np.std([one.value for one in values], ddof=1)
    assert np.mean([one.value for one in values]) == pytest.approx(1e-4, abs=4 * spread / math.sqrt(24))
    for errors in ([one.se_blocks for one in values], [one.se_ions for one in values]):
        assert 0.65 < np.sqrt(np.mean(np.square(errors))) / spread < 1.5
    assert sum(one.ci95[0] <= 1e-4 <= one.ci95[1] for one in values) >= 20


def test_drift_changes_nothing():
    rng = np.random.default_rng(5)
    ions = walk(rng)
    drift = np.linspace(0, 40, len(ions))[:, None] * np.array([1.0, -2.0, 0.5])
    still, drifting = measured(ions), measured(ions, framework=drift)
    for element in ("Li", "La", "O"):
        np.testing.assert_allclose(drifting.msd[element], still.msd[element], atol=1e-8)
    assert drifting.D["Li"].value == pytest.approx(still.D["Li"].value, rel=1e-9)
    assert drifting.framework_moves == ()


def test_a_frozen_crystal_does_not_diffuse():
    still = measured(np.repeat(np.random.default_rng(6).random((1, 20, 3)), 101, axis=0))
    assert not still.diffusive
    assert math.isnan(still.D["Li"].value)
    assert still.D["Li"].apparent == pytest.approx(0.0, abs=1e-12)
    assert "not diffusive" in still.reason
    assert still.haven is None
    assert math.isnan(still.sigma_NE)


def test_rattling_is_no_diffusion():
    """The intercept takes what a cage adds: the slope is zero within its error."""
    caged = measured(rattling(np.random.default_rng(7), size=0.5))
    own = caged.D["Li"]
    assert not caged.diffusive
    assert caged.slope < 0.1
    assert abs(own.apparent) < 4 * own.se_blocks
    assert own.se_blocks < 1e-6


def test_rattling_on_top_of_diffusion_changes_nothing():
    rng = np.random.default_rng(8)
    ions = walk(rng, n=60, frames=801)
    plain, both = measured(ions), measured(ions + rng.normal(0, 0.5, ions.shape))
    assert both.msd["Li"][0] - plain.msd["Li"][0] == pytest.approx(6 * 0.25, rel=0.05)
    assert both.D["Li"].value == pytest.approx(plain.D["Li"].value, abs=2 * plain.D["Li"].se_blocks)


@pytest.mark.parametrize(("together", "haven"), [(1, 1.0), (2, 0.5), (4, 0.25)])
def test_walkers_that_follow_each_other_have_the_haven_ratio_of_their_number(together, haven):
    """Groups of m that move as one: the collective coefficient is m times that of one ion."""
    rng = np.random.default_rng(9)
    runs = [
        run_diffusion(trajectory(np.repeat(walk(rng, n=12 // together, frames=1001), together, axis=1)))
        for _ in range(12)
    ]
    found = at_temperature(runs, 900.0).haven
    assert found.n_windows == sum(run.n_blocks for run in runs) > 200
    assert found.ci95[0] < haven < found.ci95[1]
    assert found.value == pytest.approx(haven, rel=0.25)
    assert found.ci95[1] / found.ci95[0] < 1.6


def test_a_haven_ratio_from_few_windows_is_refused():
    short = measured(walk(np.random.default_rng(10), diffusivity=0.25, frames=401))
    assert short.diffusive
    assert short.haven is None
    assert "independent windows of time; needed: 20" in short.haven_reason
    assert math.isnan(short.sigma)
    assert short.sigma_NE > 0


def test_seeds_are_kept_apart_from_blocks():
    rng = np.random.default_rng(11)
    runs = [run_diffusion(trajectory(walk(rng, diffusivity=one))) for one in (0.6, 1.0, 1.4)]
    own = at_temperature(runs, 900.0).D["Li"]
    assert own.value == pytest.approx(1e-4, rel=0.1)
    assert own.se_seeds == pytest.approx(0.4e-4 / math.sqrt(3), rel=0.25)
    assert own.se_blocks < own.se_seeds / 3
    assert own.se == own.se_seeds
    assert own.ci95[1] - own.value == pytest.approx(4.303 * own.se_seeds, rel=1e-3)


def test_a_framework_that_flows_is_named_and_left_out_of_the_fit():
    rng = np.random.default_rng(12)
    moving = trajectory(walk(rng))
    positions = moving.positions.copy()
    positions[:, -6:-4] += walk(rng, n=2) - walk(rng, n=2)[:1]
    flowing = run_diffusion(type(moving)(moving.symbols, positions, moving.cell, moving.frame_time))
    found = at_temperature([flowing], 1200.0)
    assert "La" in found.framework_moves
    assert found.diffusive
    assert not found.usable


def test_conductivity_of_nernst_and_einstein():
    # 3e22 ions in a cm³ with 1e-5 cm²/s: n e² D / kT by hand.
    by_hand = 3e22 * 1.602176634e-19**2 * 1e-5 / (1.380649e-23 * 300)
    assert nernst_einstein(1e-5, 0.03, 1, 300) == pytest.approx(by_hand)
    assert nernst_einstein(1e-5, 0.03, -2, 300) == pytest.approx(4 * by_hand)


def coefficients(energy, temperatures):
    return [1e-2 * math.exp(-energy / (BOLTZMANN_EV_K * one)) for one in temperatures]


def test_activation_energy_of_exact_coefficients():
    kelvin = [600.0, 700.0, 800.0, 900.0]
    values = coefficients(0.37, kelvin)
    fit = arrhenius(kelvin, values, [0.1 * one for one in values])
    assert fit.value == pytest.approx(0.37, abs=1e-9)
    assert pytest.approx(1e-2, rel=1e-8) == fit.D0
    middle, lo, hi = fit.at(300.0)
    assert middle == pytest.approx(coefficients(0.37, [300.0])[0], rel=1e-8)
    assert lo < middle < hi
    # The error by hand: σ_Ea = σ_lnD / sqrt(Σ (x − x̄)²).
    x = 1 / (BOLTZMANN_EV_K * np.array(kelvin))
    assert fit.se == pytest.approx(0.1 / math.sqrt(((x - x.mean()) ** 2).sum()), rel=1e-6)


def test_the_interval_of_the_energy_and_of_300_K_hold_the_truth():
    rng = np.random.default_rng(13)
    kelvin = [600.0, 700.0, 800.0, 900.0, 1000.0]
    true = coefficients(0.4, kelvin)
    inside = at_room = 0
    for _ in range(100):
        values = [one * math.exp(rng.normal(0, 0.15)) for one in true]
        fit = arrhenius(kelvin, values, [0.15 * one for one in values])
        inside += fit.ci95[0] <= 0.4 <= fit.ci95[1]
        at_room += fit.at(300.0)[1] <= coefficients(0.4, [300.0])[0] <= fit.at(300.0)[2]
    assert inside >= 92
    assert at_room >= 92


def test_three_temperatures_are_too_few():
    with pytest.raises(InputError, match="3 temperatures with diffusion in a solid; needed: at least 4"):
        arrhenius([700.0, 800.0, 900.0], [1e-6, 2e-6, 3e-6], [1e-7] * 3)


def test_over_temperatures_from_walks_to_300_K():
    rng = np.random.default_rng(14)
    kelvin = [700.0, 800.0, 900.0, 1000.0]
    runs = [
        (trajectory(walk(rng, diffusivity=200 * math.exp(-0.35 / (BOLTZMANN_EV_K * one)))), one)
        for one in kelvin
    ]
    frozen = trajectory(np.repeat(rng.random((1, 20, 3)), 401, axis=0))
    found = transport_of([*runs, (frozen, 300.0)])
    assert [one.temperature for one in found.temperatures] == [300.0, *kelvin]
    assert found.fit.ci95[0] < 0.35 < found.fit.ci95[1]
    assert found.fit.used.tolist() == kelvin
    payload = found.to_dict()
    assert payload["Ea"]["value"] == found.fit.value
    room = payload["sigma_300K"]
    assert room["extrapolated"] is True
    assert room["lo"] < room["value"] < room["hi"]
    expected = nernst_einstein(200e-4 * math.exp(-0.35 / (BOLTZMANN_EV_K * 300)), 20 / 8000, 1, 300)
    assert room["lo"] < expected < room["hi"]
    assert [one["lo"] for one in room["published"]] == [5.8e-4, 4e-7]
    few = over_temperatures(found.temperatures[:3])
    assert few.fit is None
    assert "2 temperatures" in few.fit_reason


def test_other_compositions_are_refused():
    rng = np.random.default_rng(15)
    with pytest.raises(InputError, match="another composition"):
        transport_of([(trajectory(walk(rng)), 900.0), (trajectory(walk(rng, n=40)), 900.0)])
    with pytest.raises(InputError, match="no Na; allowed: Li, La, O"):
        transport_of([(trajectory(walk(rng)), 900.0)], "Na")
