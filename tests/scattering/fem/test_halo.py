"""Readings of the peaks without order: a halo through a background, a spread of thickness."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from alzmodel.scattering.fem.halo import WIDEST_PUBLISHED, read_halo, structureless
from alzmodel.scattering.fem.observed import Incoherent, coherent_of, film_of, observe
from alzmodel.scattering.fem.settings import FEMSettings
from alzmodel.scattering.fem.speckle import radial_speckle
from alzmodel.scattering.fem.variance import fem

SETTINGS = FEMSettings(k_step=0.1)


@pytest.fixture(scope="module")
def glass():
    """A gas of the right elements with the halo of an oxide glass in its mean pattern."""
    rng = np.random.default_rng(1)
    cell = [125.0, 125.0, 10.0]
    symbols = rng.choice(["La", "Zr", "O"], 3000, p=[0.2, 0.15, 0.65])
    gas = Atoms(symbols, positions=rng.random((3000, 3)) * cell, cell=cell, pbc=[True, True, False])
    coherent = coherent_of(fem(gas, SETTINGS, n_bootstrap=0).moments, SETTINGS, *film_of([gas]))
    k = coherent.k
    halo = 0.25 + 1.0 * np.exp(-np.square((k - 3.2) / 0.62)) + 0.75 / (1 + np.exp(-(k - 4.6) / 0.2))
    return replace(coherent, mean=coherent.film.gas * coherent.thickness * halo)


def test_v_of_the_glass_is_the_floor_in_place_of_its_noise(glass):
    floor = np.diagonal(radial_speckle(glass.plane, SETTINGS, glass.thickness))
    still = Incoherent(inelastic=False)
    np.testing.assert_allclose(observe(structureless(glass), still).variance, floor, rtol=1e-12)
    damping = np.exp(-0.004 * np.square(glass.k))
    hot = replace(glass, averaged=glass.single * np.outer(damping, damping))
    np.testing.assert_allclose(
        observe(structureless(hot), still).variance, floor * np.square(damping), rtol=1e-9
    )


@pytest.mark.slow
def test_the_background_is_the_one_that_makes_the_peak_narrow_enough(glass):
    found = read_halo(glass, Incoherent(film=300.0, membrane=100.0), 0.3)
    numbers = found.numbers()
    assert found.physical.peaks[0].fwhm > WIDEST_PUBLISHED
    assert found.needed.peaks[0].fwhm == pytest.approx(WIDEST_PUBLISHED, abs=0.05)
    assert found.background > 0
    assert numbers["fem_halo_background"] == found.times_inelastic > 1.3
    assert numbers["fem_halo_peak2_k"] == pytest.approx(3.2, abs=0.15)
    # A spread of thickness alone shows the halo on the membrane.
    assert numbers["fem_spread_peak2_k"] == pytest.approx(3.2, abs=0.2)


@pytest.mark.slow
def test_a_study_records_the_glass_as_observed():
    from alzmodel.compare.quantities import QUANTITIES
    from alzmodel.study.stages.fem import FEMObserved, _observed

    rng = np.random.default_rng(2)
    cell = [125.0, 125.0, 20.0]
    columns = [
        Atoms(
            rng.choice(["La", "Zr", "O"], 6000, p=[0.2, 0.15, 0.65]),
            positions=rng.random((6000, 3)) * cell,
            cell=cell,
            pbc=[True, True, False],
        )
        for _ in range(3)
    ]
    given = FEMObserved().model_dump(exclude={"on"})
    rows, results, curves = _observed(columns, fem(columns, FEMSettings(), n_bootstrap=0), given)
    assert {row["name"] for row in rows} <= set(QUANTITIES)
    assert all(row["source"] == "glass" for row in rows)
    assert results["predicted"]["film"] == 300.0
    assert len(curves["fem/observed/variance"].values) == len(curves["fem/observed/k"].values)
    # A gas has no halo that a background could show.
    assert math.isnan(results["halo"]["times_inelastic"])
