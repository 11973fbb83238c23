"""Ligands and centres: what anions are, and how far hydrogen reaches."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from alzmodel.errors import InputError
from alzmodel.local_order.building_units import building_units
from alzmodel.local_order.ligands import former_elements, ligand_elements

CORNERS = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) / 3**0.5


def oxyanion(centre, distance, number=4, cation="Li"):
    """A centre with oxygens about it, and a cation far away."""
    places = [[4, 4, 4], *(CORNERS[:number] * distance + 4), [0, 0, 0]]
    return Atoms([centre, *"O" * number, cation], places, cell=[8] * 3, pbc=True)


@pytest.mark.parametrize(
    ("centre", "distance", "number"),
    [("S", 1.47, 4), ("N", 1.25, 3), ("Cl", 1.44, 4), ("Se", 1.64, 4), ("I", 1.8, 3)],
)
def test_centres_of_oxyanions_are_no_ligands(centre, distance, number):
    atoms = oxyanion(centre, distance, number)
    assert ligand_elements(atoms) == ("O",)
    unit = building_units(atoms).units[centre]
    assert unit.mean_coordination == number
    assert unit.mean_distance == pytest.approx(distance, abs=1e-6)


@pytest.mark.parametrize("name", ["S", "Se", "N", "Cl", "F"])
def test_anions_without_oxygen_are_ligands(name):
    atoms = bulk("LiX".replace("X", name), "rocksalt", a=5.0, cubic=True)
    units = building_units(atoms).units
    assert set(units) == {"Li"}
    assert units["Li"].mean_coordination == 6
    assert units["Li"].by_ligand == {name: 6}


def test_phosphorus_oxynitride_has_both():
    atoms = oxyanion("P", 1.55)
    atoms.symbols[1] = "N"
    unit = building_units(atoms).units["P"]
    assert unit.by_ligand == {"O": 3, "N": 1}
    assert set(unit.cutoffs) == {"P-O", "N-P"}


@pytest.mark.parametrize("shift", [1.5, 1.7, 1.9])
def test_hydrogen_bonds_are_no_bonds(shift):
    water = molecule("H2O")
    other = water.copy()
    other.positions += [0, 0, -shift - 0.6]
    atoms = water + other
    atoms += Atoms("Zr", [[10, 10, 10]])
    atoms.set_cell([20] * 3)
    atoms.pbc = True
    units = building_units(atoms)
    assert units.units["H"].mean_coordination == 1
    assert units.units["H"].mean_distance == pytest.approx(0.969, abs=0.001)
    assert units.former == "Zr"


def test_without_anions_there_are_no_units():
    for atoms in (bulk("Cu"), molecule("O2"), molecule("Cl2")):
        with pytest.raises(InputError, match="allowed: oxides, and compounds of F, N"):
            ligand_elements(atoms)


def test_formers_by_name():
    assert former_elements("Si, Al", ("Si", "Al", "Na")) == ("Si", "Al")
    with pytest.raises(InputError, match="'Ga' is no cation"):
        former_elements("Si,Ga", ("Si", "Al"))
