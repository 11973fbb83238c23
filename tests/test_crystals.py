"""Reference crystals, supercells and spheres."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alzmodel import crystals
from alzmodel.crystals import (
    PHASES,
    crystal,
    nanocrystal,
    phase_of,
    structure_folder,
    supercell,
)
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.io import read_structure, write_structure

FORMULA_UNITS = {
    "La2Zr2O7": 8, "La2O3": 1, "LLZO-cubic": 8, "LLZO-tetragonal": 8, "Li2O": 4, "Li2CO3": 4, "Li2ZrO3": 4, "ZrO2": 4,
    "MgO": 4, "CeO2": 4, "Y2O3": 16, "CaO": 4, "BaO": 4, "SrO": 4, "ZrO2-cubic": 4, "Al2O3": 6,
    "KTaO3": 1, "LiTaO3": 6, "Ga2O3": 4,
}  # fmt: skip


@pytest.mark.parametrize("name", PHASES)
def test_cells_hold_whole_formula_units_and_no_charge(name):
    atoms = crystal(name)
    assert atoms.pbc.all()
    assert atoms.get_initial_charges().sum() == 0
    assert atoms.get_initial_charges().all()
    assert atoms.info["kind"] == "crystal"
    assert atoms.info["phase"] == name
    counts = Counter(atoms.get_chemical_symbols())
    assert math.gcd(*counts.values()) == FORMULA_UNITS[name] * {"LLZO-cubic": 1}.get(name, 1)
    assert set(atoms.arrays) == {"numbers", "positions", "initial_charges"}


def test_names_and_aliases_in_any_case():
    assert phase_of("la2zr2o7") is phase_of("Pyrochlore") is PHASES["La2Zr2O7"]
    assert phase_of("LLZO") is PHASES["LLZO-cubic"]
    with pytest.raises(InputError, match=r"phase: 'Quartz' is not known; allowed: La2Zr2O7, La2O3, .*MgO"):
        crystal("Quartz")
    assert set(crystals._ALIASES.values()) <= set(PHASES)


def test_every_file_is_a_phase_and_cites_its_source():
    files = {path.name for path in structure_folder().glob("*.cif")}
    assert files == {phase.file for phase in PHASES.values()}
    for phase in PHASES.values():
        text = (structure_folder() / phase.file).read_text()
        assert text.startswith("#")
        assert (phase.citation + phase.note + phase.name).isascii()
        if "doi" in phase.citation:
            assert phase.citation.rsplit("doi ", 1)[1] in text.split("data_")[0]
        assert phase.ordered_approximant == ("ordered approximant" in text.lower())


def test_structures_are_found_in_the_package_first_and_beside_it_second(tmp_path, monkeypatch):
    package = tmp_path / "site" / "alzmodel"
    package.mkdir(parents=True)
    monkeypatch.setattr(crystals, "__file__", str(package / "crystals.py"))
    with pytest.raises(AlzmodelError, match="reinstall"):
        structure_folder()
    beside = tmp_path / "site" / "structures"
    beside.mkdir()
    assert structure_folder() == beside
    inside = package / "structures"
    inside.mkdir()
    assert structure_folder() == inside


def test_a_set_lattice_parameter_scales_all_axes():
    atoms = crystal("La2O3", lattice_parameter=4.0)
    published = crystal("La2O3")
    assert atoms.cell.lengths()[0] == pytest.approx(4.0)
    assert atoms.cell.lengths()[2] / published.cell.lengths()[2] == pytest.approx(
        4.0 / published.cell.lengths()[0]
    )
    assert atoms.get_scaled_positions() == pytest.approx(published.get_scaled_positions())
    assert atoms.info["provenance"]["lattice_parameter_set"]
    for bad in (0.0, -10.8, math.nan, math.inf, 30.0):
        with pytest.raises(InputError, match=r"lattice parameter: .*allowed for La2Zr2O7: 5.* to 21"):
            crystal("La2Zr2O7", lattice_parameter=bad)


def test_cells_are_the_callers_own():
    crystal("MgO").positions += 1.0
    crystal("MgO").info["provenance"]["phase"] = "spoiled"
    assert np.abs(crystal("MgO").positions[0]).max() == 0
    assert crystal("MgO").info["provenance"]["phase"] == "MgO"


def test_supercells_keep_charges_and_say_what_they_are():
    unit = crystal("La2Zr2O7")
    atoms = supercell(unit, (1, 2, 3))
    assert len(atoms) == 6 * len(unit)
    assert atoms.cell.lengths() == pytest.approx(10.805 * np.array([1, 2, 3]))
    assert atoms.get_initial_charges().sum() == 0
    assert atoms.info["provenance"]["supercell"] == [1, 2, 3]
    assert "supercell" not in unit.info["provenance"]
    assert len(supercell(unit, 2)) == 8 * len(unit)
    for bad in (0, -1, 1.5, (1, 2), (1, 1, 0), True, 100):
        with pytest.raises(InputError, match="supercell"):
            supercell(unit, bad)


def test_models_keep_their_provenance_on_disk(tmp_path):
    atoms = nanocrystal("La2Zr2O7", 20.0, seed=3)
    write_structure(atoms, tmp_path / "sphere.extxyz")
    back = read_structure(tmp_path / "sphere.extxyz")
    assert back.info["provenance"] == atoms.info["provenance"]
    assert back.info["kind"] == "nanocrystal"
    assert back.get_initial_charges() == pytest.approx(atoms.get_initial_charges())
    assert not back.pbc.any()


@pytest.mark.parametrize("name", ["La2Zr2O7", "La2O3", "Li2CO3", "LLZO-cubic"])
def test_spheres_are_the_atoms_of_the_crystal_inside_them(name):
    radius = 14.0
    sphere = nanocrystal(name, 2 * radius, neutral=False, seed=5)
    unit = crystal(name)
    centre = np.array(sphere.info["provenance"]["centre"]) @ unit.cell.array
    block = supercell(unit, 9)
    block.positions -= centre + 4 * unit.cell.array.sum(axis=0)
    inside = block[np.linalg.norm(block.positions, axis=1) <= radius]
    assert len(sphere) == len(inside)
    for symbol in set(unit.get_chemical_symbols()):
        mine, brute = (np.round(a.positions[a.symbols == symbol], 4) + 0.0 for a in (sphere, inside))
        assert np.lexsort(mine.T).size == np.lexsort(brute.T).size
        assert mine[np.lexsort(mine.T)] == pytest.approx(brute[np.lexsort(brute.T)], abs=2e-4)


@settings(deadline=None, max_examples=12)
@given(
    name=st.sampled_from(sorted(PHASES)),
    diameter=st.floats(16.0, 32.0),
    seed=st.integers(0, 1000),
)
def test_neutral_spheres_are_whole_formula_units_trimmed_from_outside(name, diameter, seed):
    full = nanocrystal(name, diameter, neutral=False, seed=seed)
    sphere = nanocrystal(name, diameter, seed=seed)
    assert sphere.get_initial_charges().sum() == sphere.info["provenance"]["charge"] == 0
    made = full.info["provenance"]
    assert made["charge"] == full.get_initial_charges().sum()
    assert made["formula"] == full.get_chemical_formula()
    assert sphere.info["provenance"]["formula"] == PHASES[name].formula
    per_unit = Counter(crystal(name).get_chemical_symbols())
    counts = Counter(sphere.get_chemical_symbols())
    units = {counts[symbol] * math.gcd(*per_unit.values()) / n for symbol, n in per_unit.items()}
    assert len(units) == 1
    for symbol in per_unit:
        kept, all_of_them = (
            np.sort(np.linalg.norm(a.positions[a.symbols == symbol], axis=1)) for a in (sphere, full)
        )
        assert kept == pytest.approx(all_of_them[: len(kept)])
    # One element is complete: no more formula units fit.
    full_counts = Counter(full.get_chemical_symbols())
    divisor = math.gcd(*per_unit.values())
    assert min(full_counts[s] // (n // divisor) for s, n in per_unit.items()) == units.pop()


def test_spheres_depend_on_the_seed_alone_and_have_the_density_of_the_crystal():
    first, again, other = (nanocrystal("La2Zr2O7", 60.0, seed=seed, neutral=False) for seed in (1, 1, 2))
    assert (first.positions == again.positions).all()
    assert len(first) != len(other) or not np.allclose(first.positions, other.positions)
    assert len(first) == pytest.approx(88 / 10.805**3 * math.pi / 6 * 60**3, rel=0.01)
    shrunk = nanocrystal("La2Zr2O7", 60.0, lattice_parameter=10.6, neutral=False)
    assert len(shrunk) == pytest.approx(88 / 10.6**3 * math.pi / 6 * 60**3, rel=0.01)


def test_bad_spheres():
    for bad in (0.0, -5.0, math.nan, math.inf, 401.0):
        with pytest.raises(InputError, match=r"diameter: .*0 < d <= 400"):
            nanocrystal("La2Zr2O7", bad)
    for neutral in (True, False):
        with pytest.raises(InputError, match=r"diameter: 0.5 Å holds no formula unit of La2Zr2O7"):
            nanocrystal("La2Zr2O7", 0.5, neutral=neutral)
    for seed in (-1, 1.5, True):
        with pytest.raises(InputError, match="seed"):
            nanocrystal("La2Zr2O7", 20.0, seed=seed)


def test_a_crystal_is_told_from_a_glass_box_by_its_symmetry():
    cell = crystals.crystal("La2Zr2O7")
    bare = type(cell)(cell.numbers, positions=cell.positions, cell=cell.cell, pbc=True)
    shaken = bare.copy()
    shaken.rattle(0.1, seed=1)
    assert crystals.is_crystal(cell)
    assert crystals.is_crystal(bare)
    assert not crystals.is_crystal(shaken)
    shaken.info["kind"] = "crystal"
    assert crystals.is_crystal(shaken)
    bare.pbc = False
    assert not crystals.is_crystal(bare)
