from __future__ import annotations

import math

import ase.units
import pytest
from ase.build import bulk, molecule

from alzmodel import units


def test_conversions_agree_with_ase():
    assert pytest.approx(1 / (ase.units.mol / 1e24), rel=1e-6) == units.AMU_PER_A3_TO_G_PER_CM3
    assert pytest.approx(1 / ase.units.GPa, rel=1e-6) == units.EV_PER_A3_TO_GPA
    assert pytest.approx(ase.units.kB, rel=1e-6) == units.BOLTZMANN_EV_K
    assert pytest.approx(ase.units.Hartree * ase.units.Bohr, rel=1e-6) == units.COULOMB_EV_A


@pytest.mark.parametrize(("energy", "wavelength"), [(100, 0.0370), (200, 0.0251), (300, 0.0197)])
def test_electron_wavelength_of_textbook_energies(energy, wavelength):
    # Kirkland (2010), table 2.2.
    assert units.electron_wavelength(energy) == pytest.approx(wavelength, abs=5e-5)


def test_interaction_constant_of_textbook_energies():
    # Kirkland (2010), table 5.1 gives 0.7288 rad kV⁻¹ Å⁻¹ at 200 keV.
    assert units.electron_interaction_constant(200) * 1e3 == pytest.approx(0.7288, abs=2e-4)


def test_relativistic_factor_at_the_rest_energy():
    assert units.relativistic_factor(510.99895) == pytest.approx(2.0, rel=1e-8)


def test_density_of_aluminium():
    assert units.mass_density(bulk("Al", a=4.0496)) == pytest.approx(2.699, abs=2e-3)


def test_a_cluster_has_no_density():
    assert math.isnan(units.mass_density(molecule("H2O")))
