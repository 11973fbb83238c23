"""Modes of crystals: which ones Raman and infrared spectra show, and their names."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from alzmodel.crystals import crystal, supercell
from alzmodel.dynamics.hessian import pair_hessian
from alzmodel.dynamics.spectra import dense_modes, dynamical_matrix
from alzmodel.dynamics.symmetry import crystal_modes, primitive_cell, symmetrised
from tests.dynamics.models import lithia, minimised, pyrochlore


def modes_of(atoms):
    cell = primitive_cell(atoms)
    hessian = pair_hessian(cell)
    return crystal_modes(cell, dense_modes(dynamical_matrix(hessian.copy(), cell.get_masses())), hessian)


def test_pyrochlore_shows_six_raman_modes_and_nothing_else(monkeypatch):
    monkeypatch.setitem(sys.modules, "phonopy", None)
    modes = modes_of(pyrochlore())
    # T2g Eg T2g A1g T2g T2g, and seven T1u.
    assert [one.degeneracy for one in modes if one.raman] == [3, 2, 3, 1, 3, 3]
    assert [one.degeneracy for one in modes if one.ir] == [3] * 7
    assert not any(one.raman and one.ir for one in modes)
    assert sum(one.degeneracy for one in modes) == 3 * 22 - 3
    expected = (277, 302, 383, 546, 552, 822)
    assert [one.cm for one in modes if one.raman] == pytest.approx(expected, abs=1)


@pytest.mark.slow
def test_names_of_the_modes_of_pyrochlore():
    modes = modes_of(pyrochlore())
    assert [one.irrep for one in modes if one.raman] == ["T2g", "Eg", "T2g", "A1g", "T2g", "T2g"]
    assert {one.irrep for one in modes if one.ir} == {"T1u"}


def test_names_of_the_modes_of_lanthana():
    modes = modes_of(minimised(crystal("La2O3")))
    assert [one.irrep for one in modes if one.raman] == ["Eg", "A1g", "Eg", "A1g"]
    assert {one.irrep for one in modes if one.ir} == {"Eu", "A2u"}


def test_lithia_shows_one_infrared_and_one_raman_mode():
    modes = modes_of(lithia())
    assert [(one.degeneracy, one.raman, one.ir) for one in modes] == [(3, False, True), (3, True, False)]


def test_rock_salt_shows_nothing_in_raman():
    modes = modes_of(crystal("MgO"))
    assert [(one.degeneracy, one.raman, one.ir) for one in modes] == [(3, False, True)]


def test_a_supercell_has_the_modes_of_its_primitive_cell():
    cell = primitive_cell(supercell(lithia(), 2))
    assert len(cell) == 3
    assert cell.get_masses() == pytest.approx(primitive_cell(lithia()).get_masses())


def test_isotopes_are_unlike_atoms():
    atoms = lithia().copy()
    masses = atoms.get_masses()
    masses[0] = 6.015 if atoms.numbers[0] == 3 else 17.999
    atoms.set_masses(masses)
    assert len(primitive_cell(atoms)) == 12


def test_without_phonopy_names_are_missing_and_activity_stays(monkeypatch):
    monkeypatch.setitem(sys.modules, "phonopy", None)
    modes = modes_of(lithia())
    assert [one.irrep for one in modes] == [None, None]
    assert [one.raman for one in modes] == [False, True]


def test_noise_of_differences_goes_and_what_is_symmetric_stays():
    cell = primitive_cell(pyrochlore())
    hessian = pair_hessian(cell)
    assert symmetrised(hessian, cell) == pytest.approx(hessian, abs=1e-6)
    noise = np.random.default_rng(3).normal(0, 0.02, hessian.shape)
    rough = hessian + noise + noise.T
    smooth = symmetrised(rough, cell)
    exact, split, mended = (
        dense_modes(dynamical_matrix(one.copy(), cell.get_masses())).frequencies[3:]
        for one in (hessian, rough, smooth)
    )
    assert np.ptp(split[-3:]) > 0.1
    assert np.ptp(mended[-3:]) < 1e-3
    assert mended[-10:] == pytest.approx(exact[-10:], abs=0.3)
