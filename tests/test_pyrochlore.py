"""Disordered and off-stoichiometric pyrochlore: counts, sites, charges, distances."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from alzmodel.crystals import crystal, supercell
from alzmodel.errors import InputError
from alzmodel.pyrochlore import off_stoichiometric_pyrochlore, pyrochlore_defect_fluorite


def test_no_disorder_is_the_crystal():
    atoms = pyrochlore_defect_fluorite(2, 0.0, seed=1)
    perfect = supercell(crystal("La2Zr2O7"), 2)
    assert (atoms.numbers == perfect.numbers).all()
    assert atoms.positions == pytest.approx(perfect.positions)
    assert atoms.get_initial_charges() == pytest.approx(perfect.get_initial_charges())


@pytest.mark.parametrize("disorder", [0.0, 0.2, 0.5, 1.0])
def test_disorder_does_what_it_says(disorder):
    atoms = pyrochlore_defect_fluorite(3, disorder, seed=4)
    perfect = supercell(crystal("La2Zr2O7"), 3)
    assert Counter(atoms.get_chemical_symbols()) == Counter(perfect.get_chemical_symbols())
    assert atoms.get_initial_charges().sum() == 0
    antisites = (atoms.numbers[perfect.numbers == 57] == 40).mean()
    assert antisites == pytest.approx(disorder / 2, abs=2e-3)
    assert antisites == pytest.approx(atoms.info["provenance"]["antisite_fraction"])
    scaled = atoms[atoms.symbols == "O"].get_scaled_positions() * 3
    assert _is_8a(scaled).sum() == pytest.approx(disorder * 7 / 8 * 8 * 27, abs=0.6)
    assert neighbor_list("d", atoms, 2.0).size == 0


def _is_8a(scaled):
    """Whether points, in cells, lie on 8a of Fd-3m (origin choice 2)."""
    eight = np.array([[1, 1, 1], [7, 3, 3]]) / 8
    eight = (eight[:, None] + np.array([[0, 0, 0], [0, 4, 4], [4, 0, 4], [4, 4, 0]]) / 8).reshape(-1, 3)
    gap = (scaled[:, None] - eight[None] + 0.5) % 1 - 0.5
    return np.abs(gap).max(axis=2).min(axis=1) < 1e-3


def test_the_superlattice_line_fades_with_disorder():
    """Cations alone scatter into 111 of pyrochlore in proportion to (1 - disorder)²."""

    def intensity(disorder):
        atoms = pyrochlore_defect_fluorite(4, disorder, seed=2)
        cations = atoms[atoms.numbers != 8]
        phase = np.exp(2j * np.pi * (4 * cations.get_scaled_positions()) @ [1, 1, 1])
        return abs((np.where(cations.numbers == 57, 57, 40) * phase).sum()) ** 2

    assert intensity(0.5) / intensity(0.0) == pytest.approx(0.25, abs=0.05)
    assert intensity(1.0) / intensity(0.0) < 0.02


def test_full_disorder_spreads_oxygen_evenly():
    atoms = pyrochlore_defect_fluorite(5, 1.0, seed=3)
    scaled = (atoms[atoms.symbols == "O"].get_scaled_positions() * 5) % 1
    # All on the 64 fluorite sites of the cell, each 7/8 full.
    site = np.rint((scaled - 0.125) * 4).astype(int) % 4
    assert np.abs((scaled - 0.125) * 4 - np.rint((scaled - 0.125) * 4)).max() < 1e-6
    filling = np.bincount(site @ [16, 4, 1], minlength=64) / 125
    assert filling.mean() == pytest.approx(7 / 8)
    assert filling.std() == pytest.approx(math.sqrt(7 / 64 / 125), rel=0.35)


def test_bad_disorder():
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(InputError, match="disorder"):
            pyrochlore_defect_fluorite(1, bad, seed=0)
    with pytest.raises(InputError, match="seed"):
        pyrochlore_defect_fluorite(1, 0.5, seed=-1)
    with pytest.raises(InputError, match="supercell"):
        pyrochlore_defect_fluorite(0, 0.5, seed=1)


@pytest.mark.parametrize("excess", [-0.5, -0.25, 0.0, 0.1, 0.25, 0.5])
def test_excess_changes_sites_as_it_says_and_stays_neutral(excess):
    atoms = off_stoichiometric_pyrochlore(2, excess, seed=3)
    perfect = supercell(crystal("La2Zr2O7"), 2)
    units = 64
    built = atoms.info["provenance"]["excess_la"]
    assert built == pytest.approx(excess, abs=1 / units)
    counts = Counter(atoms.get_chemical_symbols())
    assert counts["La"] == pytest.approx((2 + built) * units)
    assert counts["Zr"] == pytest.approx((2 - built) * units)
    assert counts["O"] == pytest.approx((7 - built / 2) * units)
    assert atoms.get_initial_charges().sum() == 0
    # Cations stay on the sites of the crystal; only one kind of them has changed.
    cations, sites = atoms[atoms.numbers != 8], perfect[perfect.numbers != 8]
    assert cations.positions == pytest.approx(sites.positions)
    changed = cations.numbers != sites.numbers
    assert changed.sum() == pytest.approx(abs(built) * units)
    assert set(sites.numbers[changed]) <= ({40} if excess > 0 else {57})
    oxygen, of_crystal = atoms[atoms.numbers == 8], perfect[perfect.numbers == 8]
    gaps = np.linalg.norm(oxygen.positions[:, None] - of_crystal.positions[None], axis=2)
    extra, missing = gaps.min(axis=1) > 0.5, gaps.min(axis=0) > 0.5
    assert extra.sum() == max(0, round(-built * units / 2))
    assert missing.sum() == max(0, round(built * units / 2))
    assert _is_8a(oxygen[extra].get_scaled_positions() * 2).all()
    near_zirconium = neighbor_list("i", perfect, {("O", "Zr"): 2.4})
    assert np.isin(np.flatnonzero(perfect.numbers == 8)[missing], near_zirconium).all()
    # No nearer than Zr and O in the crystal (2.10 Å), within the rounding of x.
    assert neighbor_list("d", atoms, 2.0).size == 0


def test_the_formula_of_an_excess_is_the_one_built():
    assert off_stoichiometric_pyrochlore(1, 0.25, seed=1).info["provenance"]["formula"] == "La2.571Zr2O7.857"
    assert off_stoichiometric_pyrochlore(2, 0.0, seed=1).info["provenance"]["formula"] == "La2Zr2O7"
    one, same, other = (off_stoichiometric_pyrochlore(2, -0.2, seed=seed) for seed in (1, 1, 2))
    assert (one.numbers == same.numbers).all()
    assert (one.positions == same.positions).all()
    assert (one.numbers != other.numbers).any()


def test_bad_excess():
    for bad in (-0.51, 0.6, math.nan, math.inf):
        with pytest.raises(InputError, match=r"excess La: .*; allowed: -0.5 to 0.5"):
            off_stoichiometric_pyrochlore(2, bad, seed=0)
    with pytest.raises(InputError, match=r"excess La: 0.1 is less than two ions in 8 formula units"):
        off_stoichiometric_pyrochlore(1, 0.1, seed=0)
    off_stoichiometric_pyrochlore(1, 0.13, seed=0)
    with pytest.raises(InputError, match="seed"):
        off_stoichiometric_pyrochlore(1, 0.5, seed=-1)
