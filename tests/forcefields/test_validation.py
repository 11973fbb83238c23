"""The crystals of the validation table, and what is measured on them."""

from __future__ import annotations

import math

import pytest

from alzmodel.composition import ion_labels
from alzmodel.crystals import PHASES, crystal
from alzmodel.errors import InputError
from alzmodel.forcefields.potentials import POTENTIALS
from alzmodel.forcefields.static import single_point
from alzmodel.forcefields.validation import (
    VALIDATION,
    bond_lengths,
    crystal_properties,
    formation_enthalpy,
    holds,
    published_bonds,
    validation_crystal,
)


@pytest.mark.parametrize("name", VALIDATION)
def test_crystals_are_neutral_and_du_teter_has_their_ions(name):
    atoms = validation_crystal(name)
    assert atoms.get_initial_charges().sum() == 0
    assert holds(name, "du-teter")
    entry = VALIDATION[name]
    assert entry.like in PHASES
    assert set(entry.oxides) <= set(VALIDATION)
    # A published number has a source, and no source stands there for nothing.
    assert bool(entry.bulk_modulus) == bool(entry.bulk_modulus_source)
    assert bool(entry.formation_enthalpy) == bool(entry.formation_enthalpy_source)
    assert bool(entry.bonds) == bool(entry.bonds_source)
    assert not entry.stabler or entry.stabler in VALIDATION


def test_oxides_of_a_compound_hold_its_atoms():
    from pymatgen.core import Composition

    for name, entry in VALIDATION.items():
        if entry.oxides:
            made = sum((Composition(oxide) * n for oxide, n in entry.oxides.items()), Composition())
            assert made == Composition(PHASES[entry.like].formula), name


def test_exchanged_ions_have_the_valence_that_the_structure_asks_for():
    assert set(ion_labels(validation_crystal("Ce2O3"))) == {"Ce3+", "O2-"}
    assert set(ion_labels(validation_crystal("CeO2"))) == {"Ce4+", "O2-"}
    assert set(ion_labels(validation_crystal("ZrO2-cubic"))) == {"Zr4+", "O2-"}
    assert not holds("CeO2", "grimes")
    with pytest.raises(InputError, match=r"'quartz' is not known; allowed: La2Zr2O7"):
        validation_crystal("quartz")


def test_bond_lengths_of_published_crystals():
    # La of pyrochlore has 6 oxygens at 2.635 and 2 at 2.339 Å.
    length, number = bond_lengths(crystal("La2Zr2O7"))["La"]
    assert number == 8
    assert length == pytest.approx((6 * 2.635 + 2 * math.sqrt(3) / 8 * 10.805) / 8, abs=0.005)
    assert bond_lengths(crystal("La2Zr2O7"))["Zr"] == pytest.approx((2.106, 6), abs=0.003)
    assert bond_lengths(crystal("MgO"))["Mg"] == pytest.approx((4.211 / 2, 6))
    assert bond_lengths(crystal("ZrO2"))["Zr"][1] == 7
    assert bond_lengths(crystal("La2O3"))["La"][1] == 7


def test_published_bonds_are_those_of_the_coordinates_unless_these_are_not_published():
    assert published_bonds("MgO")["Mg"] == pytest.approx((4.211 / 2, 6))
    assert published_bonds("Ga2O3") == {"Ga": (1.932, 5)}
    assert published_bonds("LiTaO3") == published_bonds("Er2O3") == {}


def test_properties_of_rock_salt():
    found = crystal_properties("MgO")
    assert found.space_group == 225
    a = found.atoms.cell.lengths()[0]
    assert found.bonds["Mg"] == pytest.approx((a / 2, 6), abs=1e-4)
    # The same modulus from pressures of two cells that were not relaxed: in rock salt every atom is at rest.
    cells = []
    for factor in (0.9985, 1.0015):
        cell = found.atoms.copy()
        cell.set_cell(cell.cell * factor, scale_atoms=True)
        cells.append((cell.cell.volume, single_point(cell).pressure))
    (small, high), (large, low) = cells
    slope = -found.atoms.cell.volume * (high - low) / (small - large)
    assert found.bulk_modulus == pytest.approx(slope, rel=0.012)
    assert found.provisional == ()
    assert math.isnan(crystal_properties("MgO", compress=False).bulk_modulus)


def test_formation_enthalpy_is_a_difference():
    energies = {"La2O3": -49.0, "ZrO2": -46.0, "La2Zr2O7": -142.0}
    assert formation_enthalpy("La2Zr2O7", energies) == pytest.approx(-96.485, abs=0.001)
    with pytest.raises(InputError, match="no energy of Li2O"):
        formation_enthalpy("LLZO-cubic", {**energies, "LLZO-cubic": -1.0})
    with pytest.raises(InputError, match="allowed: La2Zr2O7, LLZO-cubic"):
        formation_enthalpy("MgO", {"MgO": -1.0})


def test_provisional_ions_of_crystals():
    for name in ("CeO2", "Ga2O3", "KTaO3", "LiTaO3"):
        labels = set(ion_labels(validation_crystal(name)))
        assert POTENTIALS["du-teter"].provisional(labels)
