from __future__ import annotations

import pytest

from alzmodel.errors import InputError
from alzmodel.species import Species, parse_types, species_of, species_of_mass


@pytest.mark.parametrize(
    ("label", "wanted"),
    [
        ("La", Species("La")),
        ("LA", Species("La")),
        ("la3+", Species("La", 0, 3.0)),
        ("La+3", Species("La", 0, 3.0)),
        ("O2-", Species("O", 0, -2.0)),
        ("Li+", Species("Li", 0, 1.0)),
        ("D", Species("H", 2)),
        ("7Li+", Species("Li", 7, 1.0)),
        ("Zr_sv", Species("Zr")),
        ("O12", Species("O")),
    ],
)
def test_labels(label, wanted):
    assert species_of(label) == wanted


@pytest.mark.parametrize("label", ["", "Q", "Xx", "99Li", "1", "Water", "Li Na"])
def test_what_names_no_element(label):
    assert species_of(label) is None


@pytest.mark.parametrize(
    ("mass", "wanted"),
    [
        (138.9055, "La"),
        (139.0, "La"),
        (91.2, "Zr"),
        (28.0, "Si"),
        (35.5, "Cl"),
        (7.0, "Li"),
        (1.0, "H"),
        (16.0, "O"),
    ],
)
def test_masses_of_elements(mass, wanted):
    assert species_of_mass(mass) == Species(wanted)


@pytest.mark.parametrize(
    ("mass", "symbol", "isotope"), [(2.014, "H", 2), (2.0, "H", 2), (6.015, "Li", 6), (7.016, "Li", 7)]
)
def test_masses_of_isotopes(mass, symbol, isotope):
    assert species_of_mass(mass) == Species(symbol, isotope)


def test_masses_of_nothing():
    assert species_of_mass(5.0) is None
    assert species_of_mass(500.0) is None


def test_types():
    assert [one.symbol for one in parse_types("Li, La,Zr,O")] == ["Li", "La", "Zr", "O"]
    with pytest.raises(InputError, match="'Q' is no element"):
        parse_types("Li,Q")
