"""A film of several phases: shares by weight, substrate line, background, and the beam through it."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.crystals import crystal, nanocrystal
from alzmodel.errors import InputError
from alzmodel.scattering.xrd.grazing import GrazingIncidence, optical_constants
from alzmodel.scattering.xrd.pattern import powder_pattern
from alzmodel.scattering.xrd.routes import atomic_fractions
from alzmodel.scattering.xrd.specimen import (
    Ingredient,
    SubstrateLine,
    film_pattern,
    mixed_material,
    padded_grid,
    phase_ingredient,
    specimen_density,
)

GRID = np.linspace(15.0, 60.0, 2251)


def lzo(weight=1.0, grid=GRID, **settings):
    return phase_ingredient("La2Zr2O7", weight, grid, diameter=80.0, **settings)


def test_one_phase_without_options_stays_as_it_is():
    one = lzo()
    assert film_pattern([one]) is one.pattern


def test_shares_are_by_weight():
    light, heavy = phase_ingredient("Li2CO3", 0.25, GRID), phase_ingredient("MgO", 0.75, GRID)
    mixed = film_pattern([light, heavy])
    # A gram of a phase holds 1/mass atoms.
    grams = [0.25 / light.pattern.atom_mass, 0.75 / heavy.pattern.atom_mass]
    expected = np.average([light.pattern.intensity, heavy.pattern.intensity], axis=0, weights=grams)
    assert mixed.intensity == pytest.approx(expected)
    strongest = max(mixed.peaks, key=lambda peak: np.interp(peak.two_theta, GRID, mixed.intensity))
    assert strongest.hkl == "MgO 200"
    fractions, density = mixed_material([light, heavy])
    assert sum(fractions.values()) == pytest.approx(1)
    assert density == pytest.approx(1 / (0.25 / light.density + 0.75 / heavy.density))
    assert fractions["Mg"] == pytest.approx(0.5 * grams[1] / sum(grams))


def test_the_mgo_line_of_the_films_and_a_background():
    line = SubstrateLine("MgO", (2, 0, 0), 0.5, 0.3)
    one = lzo()
    made = film_pattern([one], substrate=line, background=(0.2, -0.1))
    assert line.position(1.5406) == pytest.approx(42.93, abs=0.03)
    names = {peak.hkl: peak for peak in made.peaks}
    assert {"222", "400", "440", "622", "MgO 200"} <= set(names)
    assert names["MgO 200"].fwhm == pytest.approx(0.3, abs=0.03)
    top = one.pattern.intensity.max()
    added = made.intensity - one.pattern.intensity
    assert added[0] == pytest.approx(0.3 * top)
    assert added[-1] == pytest.approx(0.1 * top)
    assert added.max() == pytest.approx((0.5 + 0.176) * top, rel=1e-3)


def test_refraction_shifts_the_lines_of_a_film_and_absorption_changes_their_heights():
    optics = optical_constants(atomic_fractions(crystal("La2Zr2O7")), 6.05, 1.5406)
    grid, skipped = padded_grid((15.0, 60.0, 0.02), True)
    assert grid[skipped] == pytest.approx(15.0)
    straight = film_pattern([lzo()])
    bent = film_pattern(
        [lzo(grid=grid)], skipped, grazing=GrazingIncidence(1.0, optics, 11000.0, refraction=True)
    )
    assert bent.two_theta[[0, -1]] == pytest.approx(straight.two_theta[[0, -1]])
    lines = [{peak.hkl: peak for peak in pattern.peaks} for pattern in (straight, bent)]
    shift = lines[1]["222"].two_theta - lines[0]["222"].two_theta
    assert shift == pytest.approx(0.059, abs=0.002)
    assert lines[1]["222"].size_sphere == pytest.approx(lines[0]["222"].size_sphere, rel=0.03)
    plain = film_pattern([lzo()], grazing=GrazingIncidence(1.0, optics, 11000.0))
    expected = straight.intensity * GrazingIncidence(1.0, optics, 11000.0).factor(GRID)
    assert plain.intensity == pytest.approx(expected)


def test_density_of_a_sphere_is_that_of_its_phase():
    assert specimen_density(nanocrystal("La2Zr2O7", 30.0)) == pytest.approx(
        specimen_density(crystal("La2Zr2O7")), rel=0.01
    )
    bare = nanocrystal("La2Zr2O7", 30.0)
    bare.info.clear()
    assert np.isnan(specimen_density(bare))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: film_pattern([]), "no phase"),
        (lambda: film_pattern([lzo()], background=[np.nan]), "background"),
        (lambda: SubstrateLine("MgO", (2, 0, 0), -1.0), "height -1"),
        (lambda: SubstrateLine("MgO", (9, 9, 9), 1.0).position(1.54), "no reflection"),
        (lambda: SubstrateLine("MgO", (0, 0, 0), 1.0).position(1.54), "no reflection"),
        (lambda: phase_ingredient("NaCl", 1.0, GRID), "NaCl"),
        (lambda: film_pattern([lzo(0.0), lzo(0.0)]), "weights"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_the_model_may_be_one_of_the_phases():
    atoms = crystal("La2Zr2O7").repeat(2)
    atoms.rattle(0.3, seed=1)
    atoms.info.clear()
    glass = powder_pattern(atoms, two_theta=GRID, method="pdf")
    model = Ingredient("glass", glass, 0.7, atomic_fractions(atoms), specimen_density(atoms))
    mixed = film_pattern([model, phase_ingredient("Li2CO3", 0.3, GRID)])
    assert "0.7 (pair functions" in mixed.note
    assert "0.3 (infinite crystal" in mixed.note
