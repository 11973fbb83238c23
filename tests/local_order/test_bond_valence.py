from __future__ import annotations

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from alzmodel.crystals import crystal
from alzmodel.ions import IONS, pair_label
from alzmodel.local_order.bond_valence import bond_valence, parameters
from alzmodel.local_order.bonds import bonds_within
from alzmodel.local_order.shells import bonded
from tests.local_order.models import quartz, rough_glass, rutile


@pytest.mark.parametrize(
    "atoms",
    [crystal("La2Zr2O7"), bulk("MgO", "rocksalt", a=4.2112), quartz(), rutile()],
    ids=lambda a: str(a.symbols),
)
def test_sums_in_crystals_are_near_the_charge(atoms):
    result = bond_valence(atoms)
    for label, ion in result.ions.items():
        assert ion["mean"] == pytest.approx(ion["valence"], rel=0.08), label
    assert result.missing == ()
    assert result.global_instability_index < 0.3


def test_one_bond_by_hand():
    atoms = Atoms("MgO", positions=[[0, 0, 0], [2.0, 0, 0]])
    expected = math.exp((1.608 - 2.0) / 0.443)
    result = bond_valence(bonded(atoms, cutoffs={"Mg-O": 2.1}))
    assert result.ions["Mg2+"]["mean"] == pytest.approx(expected)
    assert result.ions["O2-"]["mean"] == pytest.approx(expected)
    assert result.ions["Mg2+"]["per_bond"] == pytest.approx(expected)
    assert result.global_instability_index == pytest.approx(2 - expected)


def test_cations_and_oxygens_hold_the_same_valence():
    result = bond_valence(rough_glass())
    counts = {"Li+": 72, "La3+": 36, "Zr4+": 24, "O2-": 144}
    cations = sum(result.ions[label]["mean"] * n for label, n in counts.items() if label != "O2-")
    assert result.ions["O2-"]["mean"] * counts["O2-"] == pytest.approx(cations)


def test_charges_of_the_model_choose_the_parameters():
    atoms = crystal("La2Zr2O7")
    atoms.numbers[atoms.numbers == 57] = 58
    charges = atoms.get_initial_charges()
    trivalent = bond_valence(atoms).ions
    assert "Ce3+" in trivalent
    charges[atoms.numbers == 58] = 4
    atoms.set_initial_charges(charges)
    tetravalent = bond_valence(atoms).ions
    assert tetravalent["Ce4+"]["mean"] != pytest.approx(trivalent["Ce3+"]["mean"], rel=0.01)


def test_ions_without_parameters_are_named(monkeypatch):
    atoms = crystal("La2Zr2O7")
    name, table = parameters()
    less = {label: row for label, row in table.items() if label != "La3+"}
    monkeypatch.setattr("alzmodel.local_order.bond_valence.parameters", lambda: (name, less))
    result = bond_valence(atoms)
    assert result.missing == ("La3+",)
    assert math.isnan(result.ions["La3+"]["mean"])
    assert math.isnan(result.global_instability_index)
    assert result.ions["Zr4+"]["mean"] == pytest.approx(3.73, abs=0.02)


def test_parameters_give_unit_valence_at_r0():
    name, table = parameters()
    assert "2015" in name
    assert set(table) == {label for label, ion in IONS.items() if ion.valence > 0}
    assert all(1.0 < r0 < 2.3 and 0.25 < b < 0.7 for r0, b in table.values())
    # Typical six-fold distances (Shannon radii + 1.40 Å) give sums near the charge.
    for label, distance, number, charge in (
        ("Zr4+", 2.12, 6, 4),
        ("La3+", 2.432, 6, 3),
        ("Ca2+", 2.40, 6, 2),
        ("Li+", 1.99, 4, 1),
    ):
        r0, b = table[label]
        assert number * np.exp((r0 - distance) / b) == pytest.approx(charge, rel=0.15)


def test_bonds_within_known_cutoffs_are_those_of_the_analysis():
    atoms = crystal("La2Zr2O7")
    model = bonded(atoms)
    cutoffs = {element: model.shells.cutoffs[pair_label(element, "O")] for element in model.cations}
    found = bonds_within(atoms, cutoffs)
    np.testing.assert_array_equal(found.i, model.bonds[0].i)
    np.testing.assert_array_equal(found.j, model.bonds[0].j)
    np.testing.assert_array_equal(
        bonds_within(atoms, {"Zr": cutoffs["Zr"]}).i, found.i[atoms.symbols[found.i] == "Zr"]
    )
