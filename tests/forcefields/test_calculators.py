"""Calculators by name: what each is made of, and one line for what is not there."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from ase.units import GPa

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.forcefields.calculators import PairPotential, calculator_of
from alzmodel.forcefields.static import single_point


def test_stress_of_a_pair_potential_is_the_slope_of_the_energy_with_strain():
    atoms = crystal("La2O3")
    atoms.positions += np.random.default_rng(4).normal(0, 0.05, atoms.positions.shape)
    atoms.rotate(50, (1, 2, 3), rotate_cell=True)
    atoms.calc = PairPotential("grimes")
    stress = atoms.get_stress(voigt=False)
    h = 1e-3
    for i, j in ((0, 0), (1, 2)):
        ends = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[i, j] += sign * h / 2
            strain[j, i] += sign * h / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            strained.calc = atoms.calc
            ends.append(strained.get_potential_energy())
        slope = (ends[0] - ends[1]) / (2 * h) / atoms.get_volume()
        assert slope == pytest.approx(stress[i, j], abs=1e-4)
    point = single_point(atoms, potential="grimes")
    assert np.trace(stress) / 3 / GPa == pytest.approx(-point.pressure, abs=1e-6)
    assert np.array_equal(point.forces, atoms.get_forces())


@pytest.mark.parametrize(
    ("name", "parameters", "named"),
    [
        ("7net-mf-1", None, ["'7net-mf-1' is unknown", "7net-mf-0", "du-teter", "emt"]),
        ("no_such_package.calculators:Best", None, ["no_such_package", "package.module:Class"]),
        ("ase.calculators.emt:NoSuch", None, ["NoSuch", "package.module:Class"]),
        ("math:floor", None, ["math:floor", "allowed"]),
        ("asap", None, ["'asap' is not installed", "asap3", "allowed"]),
        ("lj", {"sgima": 3.4}, ["parameter of lj: 'sgima'", "sigma", "epsilon"]),
        ("eam", {"potential": "none.alloy"}, ["'eam'", '"none.alloy"', "allowed"]),
        ("du-teter", {"colour": 1}, ["'du-teter'", '"colour"', "allowed"]),
    ],
)
def test_what_is_not_there_is_named(name, parameters, named):
    with pytest.raises(InputError) as caught:
        calculator_of(name, parameters)
    assert "\n" not in str(caught.value)
    for words in named:
        assert words in str(caught.value)


@pytest.mark.parametrize(("name", "package"), [("7net-mf-0", "sevenn"), ("chgnet", "chgnet")])
def test_models_that_are_not_installed_say_how_to_get_them(monkeypatch, name, package):
    for module in (package, "sevenn.calculator", "chgnet.model.dynamics"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(sys, "version_info", (3, 11, 0))
    with pytest.raises(InputError, match=rf"'{name}' is not installed.*\.\[mlip\].*du-teter"):
        calculator_of(name)


def test_chgnet_says_which_pythons_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "chgnet", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr(sys, "version_info", (3, 13, 1))
    with pytest.raises(
        InputError, match=r"'chgnet' has no wheel for Python 3\.13; allowed: Python 3\.11 or 3\.12"
    ):
        calculator_of("chgnet")


def test_ase_names_and_classes_of_any_package_give_the_same():
    named, imported = calculator_of("emt"), calculator_of("ase.calculators.emt:EMT", {"asap_cutoff": True})
    assert isinstance(named.calculator, EMT)
    assert isinstance(imported.calculator, EMT)
    assert named.provenance["class"] == imported.provenance["class"] == "ase.calculators.emt:EMT"
    assert set(named.provenance["versions"]) == {"ase"}
    assert imported.provenance["parameters"] == {"asap_cutoff": True}
    assert imported.calculator.parameters["asap_cutoff"]


def test_a_pair_potential_refuses_what_it_has_no_parameters_for():
    atoms = Atoms("CaO", [[0, 0, 0], [2.4, 0, 0]], cell=[4.8] * 3, pbc=True)
    named = calculator_of("grimes")
    with pytest.raises(InputError, match=r"Ca2\+ has no parameters in the potential 'grimes'"):
        named.refuse(atoms)
    assert "lammps" in named.provenance["versions"]
