"""Scattering factors against sum rules, limits and each other."""

from __future__ import annotations

import numpy as np
import pytest
from ase.data import atomic_numbers

from alzmodel.errors import InputError
from alzmodel.scattering.form_factors import (
    ELECTRON_ELEMENTS,
    MOTT_BETHE,
    _electron_parameters,
    electron_factor,
    neutron_length,
    photon_energy,
    spectrum_of,
    wavelength_of,
    xray_dispersion,
    xray_factor,
)


def test_table_holds_the_listed_elements():
    assert tuple(_electron_parameters()) == ELECTRON_ELEMENTS


@pytest.mark.parametrize("element", ELECTRON_ELEMENTS)
def test_electron_parameters_give_the_nuclear_charge(element):
    # At large k all that is left is the bare nucleus, f k² -> MOTT_BETHE Z: a mistyped digit would break this.
    a, b = _electron_parameters()[element]
    assert np.sum(a / b) == pytest.approx(MOTT_BETHE * atomic_numbers[element], rel=2e-5)


@pytest.mark.parametrize("element", ELECTRON_ELEMENTS[:98])
def test_electron_factor_obeys_mott_bethe(element):
    # f_x of another parametrisation, from other wave functions, which ends at Cf: they differ most, by 3.2 % of f_e,
    # for Ir at low k.
    k = np.linspace(0.35, 4.0, 74)
    expected = MOTT_BETHE * (atomic_numbers[element] - xray_factor(element, 2 * np.pi * k).real) / k**2
    assert electron_factor(element, k) == pytest.approx(expected, rel=0.033)


def test_electron_factors_go_from_hydrogen_to_lawrencium():
    assert [ELECTRON_ELEMENTS.index(symbol) + 1 for symbol in ("H", "P", "Xe", "U", "Lr")] == [
        1,
        15,
        54,
        92,
        103,
    ]
    # A hydrogen atom in its ground state: f_e(0) = 1 Bohr radius (the integral of r² times its density, times 1/3a0).
    assert electron_factor("H", 0.0) == pytest.approx(0.529, abs=0.001)


def test_isotopes_scatter_neutrons_each_by_itself_and_the_rest_as_the_element():
    # NIST: b of H, D, 6Li, 7Li in fm.
    lengths = {"H": -3.74, "D": 6.67, "6Li": 2.0, "7Li": -2.22}
    for name, length in lengths.items():
        assert neutron_length(name) == pytest.approx(length, abs=0.3)
    assert xray_factor("D", 1.0) == xray_factor("H", 1.0)
    assert electron_factor("7Li", 0.5) == electron_factor("Li", 0.5)


def test_mott_bethe_constant():
    # m e²/(8 π ε0 h²) = 0.023934 Å⁻¹ per (sin θ/λ)², a quarter of it per (1/d)².
    assert pytest.approx(4 * 0.0239337, rel=1e-5) == MOTT_BETHE


def test_xray_factor_starts_at_the_number_of_electrons():
    assert xray_factor("La", 0.0).real == pytest.approx(57, abs=0.05)
    assert xray_factor("La3+", 0.0).real == pytest.approx(54, abs=0.05)
    assert xray_factor("Li+", 0.0).real == pytest.approx(2, abs=0.05)
    assert xray_factor("O2-", 0.0).real == pytest.approx(10, abs=0.05)


def test_xray_factor_keeps_the_shape_and_adds_dispersion():
    Q = np.linspace(0, 8, 12).reshape(3, 4)
    plain = xray_factor("Zr", Q)
    assert plain.shape == Q.shape
    assert np.all(plain.imag == 0)
    difference = xray_factor("Zr", Q, 1.5406) - plain
    assert difference == pytest.approx(np.full(Q.shape, xray_dispersion("Zr", 1.5406)))


def test_dispersion_of_lanthanum_at_copper_radiation():
    # International Tables C (2004), table 4.2.6.8: f' = -1.54 to -2.05, f'' = 9.0 to 9.6 for La at Cu Kα.
    value = xray_dispersion("La", 1.5406)
    assert -2.2 < value.real < -1.4
    assert 8.8 < value.imag < 9.8


def test_neutron_lengths_of_sears_1992():
    assert neutron_length("Li") == pytest.approx(-1.90, abs=0.04)
    assert neutron_length("O") == pytest.approx(5.803, abs=0.005)
    assert neutron_length("Zr") == pytest.approx(7.16, abs=0.01)
    assert neutron_length("La") == pytest.approx(8.24, abs=0.01)


def test_wavelengths():
    assert wavelength_of("CuKa1") == 1.5405929
    assert wavelength_of("CuKa") == pytest.approx(1.54187, abs=1e-5)
    assert wavelength_of("1.5406") == 1.5406
    assert [weight for _, weight in spectrum_of("MoKa")] == pytest.approx([2 / 3, 1 / 3])
    # NIST: 8047.8 eV.
    # Hölzer et al., Phys. Rev. A 56 (1997) 4554 and Bearden, Rev. Mod. Phys. 39 (1967) 78; tables of fluorescence
    # energies are good to some 2e-4.
    assert wavelength_of("CuKb1") == pytest.approx(1.39223, rel=3e-4)
    assert wavelength_of("WLa1") == pytest.approx(1.47639, rel=3e-4)
    # A doublet of the tables: Bearden's 1.65791 and 1.66175 Å.
    assert wavelength_of("NiKa") == pytest.approx((2 * 1.65791 + 1.66175) / 3, rel=3e-4)
    assert [weight for _, weight in spectrum_of("NiKa")] == pytest.approx([2 / 3, 1 / 3])
    assert photon_energy(wavelength_of("CuKa1")) == pytest.approx(8047.82, abs=0.1)


@pytest.mark.parametrize("bad", ["CuKb", "Xx", "nan", -1.5, 0, 15.4, "cuka", None, "XxKa", "AlKa"])
def test_unknown_wavelengths_are_refused(bad):
    with pytest.raises(InputError, match="wavelength"):
        wavelength_of(bad)


@pytest.mark.parametrize(
    "call",
    [
        lambda: electron_factor("Rf", 1.0),
        lambda: electron_factor("La", -1.0),
        lambda: electron_factor("La", np.nan),
        lambda: electron_factor("La", 13.0),
        lambda: xray_factor("La9+", 1.0),
        lambda: xray_factor("Qq", 1.0),
        lambda: xray_factor("La", 100.0),
        lambda: xray_factor("lanthanum", 1.0),
        lambda: xray_dispersion("Qq", 1.5),
        lambda: neutron_length("Qq"),
    ],
)
def test_bad_scatterers_are_named(call):
    with pytest.raises(InputError, match="allowed"):
        call()
