from __future__ import annotations

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.io import json_text
from alzmodel.local_order.building_units import building_units, effective_coordination
from alzmodel.local_order.shells import bonded, first_shells
from alzmodel.neighbours import neighbour_list
from tests.local_order.models import perovskite, quartz, random_oxide, rough_glass, rutile


def test_pyrochlore_has_six_and_two_plus_six():
    result = building_units(crystal("La2Zr2O7"))
    zirconium, lanthanum = result.units["Zr"], result.units["La"]
    assert zirconium.mean_coordination == 6
    assert zirconium.histogram["6"] == 1
    assert zirconium.std_distance == pytest.approx(0, abs=1e-6)
    assert lanthanum.mean_coordination == 8
    # Two short bonds to 8b oxygen at a √3 / 8, exact; six longer ones.
    atoms = crystal("La2Zr2O7")
    lengths = np.sort(bonded(atoms).bonds[0].distance[atoms.numbers[bonded(atoms).bonds[0].i] == 57])
    edge = atoms.cell.lengths()[0]
    np.testing.assert_allclose(lengths[: 2 * 16], edge * math.sqrt(3) / 8, rtol=1e-6)
    assert lengths[2 * 16] > 2.55
    assert lanthanum.mean_distance == pytest.approx(lengths.mean(), abs=1e-9)


def test_rock_salt_angles_and_distances():
    unit = building_units(bulk("MgO", "rocksalt", a=4.21)).units["Mg"]
    assert unit.mean_coordination == 6
    assert unit.mean_distance == pytest.approx(2.105, abs=1e-9)
    # Twelve right angles and three straight ones.
    assert unit.mean_angle == pytest.approx((12 * 90 + 3 * 180) / 15)
    filled = unit.angle_density > 0
    np.testing.assert_allclose(unit.angle_density[filled] * 2.0, [12 / 15, 3 / 15])
    assert unit.effective_coordination == pytest.approx(6, abs=1e-6)
    assert math.isnan(unit.skew_distance)


def test_tetrahedra_of_quartz():
    unit = building_units(quartz()).units["Si"]
    assert unit.histogram["4"] == 1
    assert unit.mean_angle == pytest.approx(109.47, abs=0.1)
    assert unit.mean_distance == pytest.approx(1.609, abs=0.003)


def test_angle_density_is_a_density():
    for unit in building_units(rough_glass()).units.values():
        assert unit.angle_density.sum() * 2.0 == pytest.approx(1)
        assert unit.angles[0] == 1
        assert unit.angles[-1] == 179


def test_effective_coordination_follows_its_definition():
    # One centre with bonds 1, 1 and 1.2: iterate the definition by hand.
    atoms = Atoms("ZrO3", positions=[[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.2]])
    pairs = neighbour_list(atoms, 1.3)
    length = np.array([1, 1, 1.2])
    mean = 1.0
    for _ in range(100):
        weight = np.exp(1 - (length / mean) ** 6)
        mean = (weight * length).sum() / weight.sum()
    expected = np.exp(1 - (length / mean) ** 6).sum()
    assert effective_coordination(pairs)[0] == pytest.approx(expected, abs=1e-6)
    assert 2 < expected < 3


def test_effective_coordination_without_neighbours():
    pairs = neighbour_list(Atoms("ZrO2", positions=[[0, 0, 0], [2, 0, 0], [9, 0, 0]]), 2.5)
    assert effective_coordination(pairs)[:2].tolist() == pytest.approx([1, 1])
    assert math.isnan(effective_coordination(pairs)[2])
    assert np.isnan(effective_coordination(neighbour_list(Atoms("O"), 2.0))).all()


def test_given_cutoffs_are_used_in_either_order():
    atoms = crystal("La2Zr2O7")
    assert building_units(atoms, cutoffs={"O-La": 2.5}).units["La"].mean_coordination == 2
    unit = building_units(atoms, cutoffs={"La-O": 2.5}).units["La"]
    assert unit.cutoff_source == "given"
    assert unit.mean_coordination == 2
    assert unit.coordination_range == (2, 2)
    assert building_units(atoms, cutoffs={"La-O": 2.6}).units["La"].coordination_range[1] > 2


@pytest.mark.parametrize(
    ("cutoffs", "message"),
    [
        ({"La-X": 3.0}, "La-X"),
        ({"O-O": 3.0}, "O-O"),
        ({"La": 3.0}, "'La'"),
        ({"La-O": -1.0}, "-1"),
        ({"La-O": math.nan}, "nan"),
        ({"La-O": 30.0}, "30"),
    ],
)
def test_bad_cutoffs_are_refused(cutoffs, message):
    with pytest.raises(InputError, match=message):
        building_units(crystal("La2Zr2O7"), cutoffs=cutoffs)


@pytest.mark.parametrize("atoms", [bulk("Cu"), Atoms("O2", positions=[[0, 0, 0], [1.2, 0, 0]])])
def test_models_that_are_no_oxides_are_refused(atoms):
    with pytest.raises(InputError, match="oxides"):
        building_units(atoms)


def test_a_gas_falls_back_to_radii_and_says_so():
    rng = np.random.default_rng(0)
    edge = (1000 / 0.08) ** (1 / 3)
    atoms = Atoms(
        ["Zr", "La", "O", "O", "O"] * 200,
        positions=rng.uniform(0, edge, (1000, 3)),
        cell=[edge] * 3,
        pbc=True,
    )
    shells = first_shells(atoms)
    assert shells.sources["Zr-O"] == shells.sources["La-O"] == "radii"
    assert shells.cutoffs["Zr-O"] == pytest.approx(1.28 * 2.12)
    unit = building_units(atoms).units["Zr"]
    expected = 4 / 3 * math.pi * unit.cutoff**3 * 0.08 * 0.6
    assert unit.mean_coordination == pytest.approx(expected, rel=0.15)


def test_cation_shells_hold_edges_and_corners():
    # Edges at a/√2 = 2.98 Å, straight corners at a = 4.21 Å; the first minimum of g(r) lies between them.
    shells = first_shells(bulk("MgO", "rocksalt", a=4.21))
    assert 4.21 < shells.cutoffs["Mg-Mg"] < 5.1
    assert shells.rdf.cutoffs()["Mg-Mg"] < 4.2
    assert shells.sources["Mg-Mg"] == "minimum beyond a straight bridge"
    assert shells.sources["Mg-O"] == "first minimum"


def test_frames_are_pooled():
    first, second = rough_glass(seed=1), rough_glass(seed=2)
    cutoffs = {"Zr-O": 2.6, "La-O": 3.1, "Li-O": 2.5}
    both = building_units([first, second], cutoffs=cutoffs)
    apart = [building_units(frame, cutoffs=cutoffs) for frame in (first, second)]
    for element, unit in both.units.items():
        assert unit.mean_coordination == pytest.approx(
            np.mean([one.units[element].mean_coordination for one in apart])
        )
        assert unit.n_centres == apart[0].units[element].n_centres
    assert both.n_frames == 2


def test_to_dict_has_the_promised_keys_and_is_json():
    result = building_units(rutile()).to_dict()
    assert set(result) >= {"units", "sharing", "packing_fraction", "bond_valence"}
    assert set(result["units"]["Ti"]) >= {
        "mean_coordination", "histogram", "mean_distance", "std_distance", "cutoff",
    }  # fmt: skip
    assert set(result["sharing"]["Ti-Ti"]) >= {"corner", "edge", "face", "none", "n_pairs"}
    assert isinstance(result["packing_fraction"], float)
    assert "null" in json_text(result)
    assert result["former"] == "Ti"
    assert result["formula"] == "TiO2"
    # Cations by rising charge, oxygen last.
    assert building_units(quartz()).formula == "SiO2"
    assert building_units(perovskite()).formula == "SrTiO3"
    assert building_units(crystal("Li2CO3")).formula == "Li2CO3"
    pyrochlore = building_units(crystal("La2Zr2O7")).to_dict()
    assert pyrochlore["network"]["qn"]["6"] == 1
    assert pyrochlore["rings"]["per_centre"]["6"] == 2


@given(seed=st.integers(0, 500))
@settings(max_examples=6, deadline=None)
def test_numbers_survive_rotation_translation_order_and_supercell(seed):
    rng = np.random.default_rng(seed)
    atoms = random_oxide(seed)
    moved = atoms * (1, 2, 1)
    moved.rotate(float(rng.uniform(0, 360)), rng.normal(size=3), rotate_cell=True)
    moved.positions += rng.uniform(-20, 20, 3)
    moved = moved[rng.permutation(len(moved))]
    elements = sorted(set(atoms.get_chemical_symbols()) - {"O"})
    cutoffs = {f"{a}-O": 2.71 for a in elements} | {f"{a}-{b}": 3.93 for a in elements for b in elements}
    one, two = building_units(atoms, cutoffs=cutoffs), building_units(moved, cutoffs=cutoffs)
    for element, unit in one.units.items():
        other = two.units[element]
        assert other.mean_coordination == pytest.approx(unit.mean_coordination)
        assert other.histogram == pytest.approx(unit.histogram)
        assert other.mean_distance == pytest.approx(unit.mean_distance, nan_ok=True)
        assert other.effective_coordination == pytest.approx(
            unit.effective_coordination, rel=1e-5, nan_ok=True
        )
        assert other.mean_angle == pytest.approx(unit.mean_angle, nan_ok=True)
    for label, pair in one.sharing.pairs.items():
        assert two.sharing.pairs[label].fractions == pytest.approx(pair.fractions, nan_ok=True)
        assert two.sharing.pairs[label].n_pairs == 2 * pair.n_pairs
        assert two.sharing.pairs[label].mean_angle == pytest.approx(pair.mean_angle, nan_ok=True)
    assert two.packing.cn6 == pytest.approx(one.packing.cn6)
    assert two.packing.by_coordination == pytest.approx(one.packing.by_coordination)
    assert two.bond_valence.global_instability_index == pytest.approx(
        one.bond_valence.global_instability_index
    )


def test_former_is_the_strongest_cation_where_there_is_no_zr():
    assert building_units(perovskite()).former == "Ti"
    assert building_units(crystal("Li2CO3")).former == "C"
    assert building_units(crystal("La2Zr2O7")).former == "Zr"
    by_la = building_units(crystal("La2Zr2O7"), former="La")
    assert by_la.network.former == by_la.roles.former == "La"
    assert by_la.rings.centres == ("La",)
    both = building_units(crystal("La2Zr2O7"), ring_centres=("Zr", "La"), largest_ring=6)
    # 96 Zr–La and 48 La–La edges a cell.
    assert both.rings.counts["4"] == 144
    with pytest.raises(InputError, match="'Si' is no cation"):
        building_units(crystal("La2Zr2O7"), former="Si")


def test_what_needs_charges_is_left_out_and_said():
    atoms = rutile()
    atoms.symbols[atoms.symbols == "Ti"] = "U"
    units = building_units(atoms)
    assert units.former == "U"
    assert units.packing is units.bond_valence is units.roles is units.free_volume is None
    assert "U" in units.notes[0]
    assert "bond valence" in units.notes[0]
    table = units.to_dict()
    assert table["units"]["U"]["mean_coordination"] == 6
    assert table["sensitivity"]["solid_angle"]["units"]["U"]["mean_coordination"] == 6
    assert not {"packing", "bond_valence", "roles", "free_volume"} & set(table)
    assert '"packing_fraction": null' in json_text(table)
    # Halide ions beside oxygen are anions too, not cations.
    atoms.symbols[[index for index, symbol in enumerate(atoms.symbols) if symbol == "O"][:1]] = "F"
    unit = building_units(atoms).units["U"]
    assert unit.mean_coordination == 6
    assert unit.by_ligand == {"O": 4.5, "F": 1.5}


def test_sensitivity_has_every_choice_and_result():
    table = building_units(rough_glass()).sensitivity
    assert list(table) == [
        "first_minimum",
        "solid_angle",
        "relative_gap",
        "cutoffs_shorter",
        "cutoffs_longer",
    ]
    usual = table["first_minimum"]
    for row in table.values():
        assert set(row) == set(usual)
    coordination = [table[name]["units"]["La"]["mean_coordination"] for name in table]
    assert coordination[3] < coordination[0] < coordination[4]
    assert usual["rings"]["4"] > 0
    assert usual["packing_fraction"] > 0


def test_a_model_that_is_not_neutral_is_told():
    whole = crystal("MgO")
    assert building_units(whole).notes == ()
    (note,) = building_units(whole[:-1] if whole.symbols[-1] == "O" else whole[1:]).notes
    assert note == "not neutral: the formal charges that were taken add up to +2 e"
