"""Energy-volume curves against a closed form."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.learning.crystal_curves import birch_murnaghan, formation_energy


def test_the_curve_gives_back_its_own_parameters():
    volume0, modulus, slope, least = 64.0, 170.0, 4.7, -31.0
    scales = np.array([0.95, 0.97, 0.985, 1.0, 1.015, 1.03, 1.05])
    published = 60.0
    volumes = published * scales**3
    eta = (volume0 / volumes) ** (2 / 3)
    energies = least + 9 * volume0 * modulus / 160.21766208 / 16 * (
        (eta - 1) ** 3 * slope + (eta - 1) ** 2 * (6 - 4 * eta)
    )
    curve = birch_murnaghan(scales, published, energies, 12)
    assert curve.scale == pytest.approx((volume0 / published) ** (1 / 3), rel=1e-8)
    assert curve.energy == pytest.approx(least / 12, rel=1e-10)
    assert curve.bulk_modulus == pytest.approx(modulus, rel=1e-6)


def test_formation_energy_counts_formula_units():
    energies = {"La2Zr2O7": (-9.0, "La2Zr2O7"), "La2O3": (-8.0, "La2O3"), "ZrO2": (-9.3, "ZrO2")}
    found = formation_energy("La2Zr2O7", {"La2O3": 1, "ZrO2": 2}, energies)
    assert found == pytest.approx((-99 + 40 + 2 * 27.9) * 96.48533212)
