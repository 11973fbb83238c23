from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from alzmodel.crystals import PHASES, crystal
from alzmodel.errors import InputError
from alzmodel.io import read_frames, write_structure
from alzmodel.sanity import amounts_of, charge_problem, check_lengths, length_problem
from tests.formats.files import told


@pytest.mark.parametrize("name", list(PHASES))
def test_reference_crystals_are_sound(name):
    atoms = crystal(name)
    assert length_problem(atoms) == (False, "")
    assert charge_problem(amounts_of(atoms)) == ""


@pytest.mark.parametrize(
    "formula",
    [
        {"La": 8, "Zr": 8, "O": 128},
        {"Zr": 1, "O": 3},
        {"Li": 1, "F": 2},
        {"Li": 7, "La": 3, "Zr": 2, "O": 11},
        {"Na": 2, "Cl": 1},
    ],
)
def test_formulas_that_no_charges_balance(formula):
    assert "no charges of these elements balance" in charge_problem(formula)


@pytest.mark.parametrize(
    "formula",
    [
        {"Li": 2, "O": 2}, {"K": 1, "O": 2}, {"Fe": 3, "O": 4}, {"Li": 3, "P": 1, "O": 3, "N": 0.5}, {"Cu": 3, "Al": 1},
        {"Li": 6, "P": 1, "S": 5, "Cl": 1}, {"Ca": 1, "O": 2, "H": 2}, {"Si": 8}, {"Li": 2, "C": 1, "O": 3},
        {"Ce": 4, "O": 7},
    ],
)  # fmt: skip
def test_formulas_that_charges_balance(formula):
    assert charge_problem(formula) == ""


@pytest.mark.parametrize("factor", [0.1, 0.01])
def test_lengths_that_are_not_in_angstrom_are_refused(tmp_path, factor):
    atoms = crystal("La2Zr2O7")
    atoms.pbc = False
    atoms.cell = None
    atoms.positions *= factor
    write_structure(atoms, tmp_path / "a.xyz")
    with pytest.raises(InputError, match=r"shorter than any bond \(88 of 88 atoms\); allowed: lengths in Å"):
        read_frames(tmp_path / "a.xyz")


def test_lengths_in_bohr_and_one_short_pair_are_told(tmp_path):
    atoms = crystal("MgO")
    atoms.set_cell(atoms.cell / 0.529177, scale_atoms=True)
    write_structure(atoms, tmp_path / "a.extxyz")
    assert "are the lengths in Å?" in told(tmp_path / "a.extxyz")[1]
    atoms = crystal("MgO").repeat(2)
    atoms.positions[0] = atoms.positions[1] + [0.4, 0, 0]
    assert "apart is shorter than any bond" in check_lengths(atoms, "x")


def test_one_short_pair_far_from_the_first_atom_is_told():
    atoms = crystal("La2Zr2O7").repeat(4)
    assert check_lengths(atoms, "x") == ""
    atoms.positions[-1] = atoms.positions[-2] + [0.5, 0.5, 0.5]
    assert f"O-O 0.866 Å apart is shorter than any bond (2 of {len(atoms)} atoms)" in check_lengths(
        atoms, "x"
    )


@pytest.mark.parametrize(
    ("pair", "distance", "told"),
    [("OO", 1.0, True), ("OO", 1.208, False), ("OF", 0.9, True), ("NN", 1.0975, False), ("CO", 1.128, False)],
)
def test_the_shortest_molecules_are_no_clashes(pair, distance, told):
    atoms = Atoms(pair, [[0, 0, 0], [distance, 0, 0]])
    assert ("shorter than any bond" in check_lengths(atoms, "x")) == told


def test_a_gas_as_dense_as_an_oxide_is_not_refused():
    rng = np.random.default_rng(1)
    gas = Atoms("La40Zr40O140", rng.random((220, 3)) * 14.0, cell=[14.0] * 3, pbc=True)
    assert "shorter than any bond" in check_lengths(gas, "gas")


def test_rounded_shares_balance_and_real_lacks_are_told():
    # Garnet as published: Li 0.56 on 24d and 0.442 on 96h leave 0.13 e of 192.
    assert charge_problem({"Li": 55.872, "La": 24.0, "Zr": 16.0, "O": 96.0}) == ""
    assert "balance" in charge_problem({"Zr": 3.2, "O": 8.0})
    assert "balance" in charge_problem({"Li": 55.0, "La": 24.0, "Zr": 16.0, "O": 96.0})
