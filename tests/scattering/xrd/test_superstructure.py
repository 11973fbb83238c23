"""Superstructure lines: there in pyrochlore, gone in defect fluorite, falling with the square of the order."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.pyrochlore import pyrochlore_defect_fluorite
from alzmodel.scattering.xrd.pattern import crystal_pattern, nanocrystal_pattern, powder_pattern, reflections
from alzmodel.scattering.xrd.superstructure import superstructure_lines

RANGE = (10.0, 75.0, 0.1)


def lines_of(pattern, **options):
    return {line.hkl: line for line in superstructure_lines(pattern.two_theta, pattern.intensity, **options)}


def disordered_sphere(disorder, seed, diameter=63.0):
    atoms = pyrochlore_defect_fluorite(6, disorder, seed=seed)
    atoms.positions -= atoms.cell.lengths() / 2 + 0.7
    atoms = atoms[np.linalg.norm(atoms.positions, axis=1) < diameter / 2]
    atoms.pbc, atoms.cell, atoms.info = False, None, {}
    return powder_pattern(atoms, two_theta=RANGE)


def test_ordered_ratios_are_those_of_the_structure():
    found = lines_of(nanocrystal_pattern("La2Zr2O7", 150.0, two_theta=RANGE))
    table = {line.hkl: line.intensity for line in reflections(crystal("La2Zr2O7"))}
    for weak, strong in (("111", "222"), ("331", "440")):
        expected = table[tuple(map(int, weak))] / table[tuple(map(int, strong))]
        assert found[weak].ordered == pytest.approx(expected, rel=0.03)
        assert found[weak].order == pytest.approx(1, abs=0.02)
        assert found[weak].ratio == pytest.approx(found[weak].order * found[weak].ordered)
    assert found["111"].two_theta == pytest.approx(14.19, abs=0.02)


def test_broad_lines_are_told_from_their_neighbours():
    # At 60 Å (331) is a shoulder on the tail of (400).
    found = lines_of(nanocrystal_pattern("La2Zr2O7", 60.0, two_theta=RANGE))
    assert found["331"].order == pytest.approx(1, abs=0.05)
    assert found["111"].order == pytest.approx(0.88, abs=0.05)


def test_lines_fall_with_the_square_of_the_order_and_vanish_without():
    shares = {disorder: lines_of(disordered_sphere(disorder, seed=3)) for disorder in (0.0, 0.4, 1.0)}
    for hkl in ("111", "331"):
        values = [shares[disorder][hkl].order for disorder in shares]
        assert values == sorted(values, reverse=True)
        assert values[0] == pytest.approx(1, abs=0.15)
        assert values[1] / values[0] == pytest.approx(0.36, abs=0.1)
        assert values[2] == pytest.approx(0, abs=0.08)
        low, high = shares[1.0][hkl].ratio_ci95
        assert low < shares[1.0][hkl].ratio < high


def test_noise_is_covered_and_endless_crystals_need_their_width():
    clean = crystal_pattern(crystal("La2Zr2O7"), two_theta=RANGE, fwhm=0.6)
    exact = lines_of(clean, fwhm=0.6)
    assert exact["331"].order == pytest.approx(1, abs=0.06)
    rng = np.random.default_rng(8)
    top = clean.intensity / clean.intensity.max() * 2000 + 100
    counts = rng.poisson(top).astype(float)
    noisy = superstructure_lines(clean.two_theta, counts, fwhm=0.6, sigma=np.sqrt(counts + 1))
    for line in noisy:
        low, high = line.ratio_ci95
        assert low < exact[line.hkl].ratio < high
        assert 0.001 < high - low < 0.05


def test_lines_outside_of_the_pattern_are_left_out():
    pattern = nanocrystal_pattern("La2Zr2O7", 80.0, two_theta=(20.0, 55.0, 0.05))
    assert set(lines_of(pattern)) == {"331"}
    assert superstructure_lines(pattern.two_theta[:300], pattern.intensity[:300]) == ()
    with pytest.raises(InputError, match="shapes"):
        superstructure_lines(pattern.two_theta, pattern.intensity[:-1])
    with pytest.raises(InputError, match="degree 30"):
        superstructure_lines(pattern.two_theta, pattern.intensity, background=30)
