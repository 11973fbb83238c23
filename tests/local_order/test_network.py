from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.io import json_text
from alzmodel.local_order.network import network, percolation
from alzmodel.local_order.shells import bonded
from alzmodel.neighbours import neighbour_list
from tests.local_order.models import perovskite, quartz, random_oxide, rough_glass, rutile

NOTHING = np.empty(0, dtype=np.int64)


def test_quartz_is_all_q4():
    result = network(quartz(), former="Si")
    assert result.qn["4"] == 1
    assert result.mean_qn == 4
    assert result.oxygen == {"O-Si2": 1}
    assert result.non_bridging_fraction == 0
    part = result.sub_networks["Si"]
    assert (part.n_clusters, part.largest_fraction, part.dimensions, part.links_per_unit) == (1, 1, 3, 4)


def test_pyrochlore_oxygens():
    result = network(crystal("La2Zr2O7"))
    # 48f oxygen: two Zr and two La; 8b oxygen: four La.
    assert result.oxygen == pytest.approx({"O-Zr2La2": 6 / 7, "O-La4": 1 / 7})
    assert result.qn["6"] == 1
    assert result.free_fraction == pytest.approx(1 / 7)
    # Every cation has six neighbours of either kind: no preference.
    assert result.short_range_order["Zr-La"] == pytest.approx(0)
    assert result.short_range_order["Zr-Zr"] == pytest.approx(0)


def test_perovskite_links_to_its_own_images():
    result = network(perovskite(), former="Ti")
    part = result.sub_networks["Ti"]
    assert part.n_clusters == 1
    assert part.dimensions == 3
    assert part.links_per_unit == 6
    assert result.oxygen == {"O-Sr4Ti2": 1}


def test_cut_network_has_non_bridging_and_free_oxygen():
    # Zr–O–Zr, one O on the first Zr, one O on Li alone, one alone.
    atoms = Atoms(
        "Zr2LiO4",
        positions=[[0, 0, 0], [4, 0, 0], [20, 0, 0], [2, 0, 0], [-2, 0, 0], [21.9, 0, 0], [40, 0, 0]],
    )
    result = network(atoms, cutoffs={"Zr-O": 2.5, "Li-O": 2.5, "Zr-Zr": 4.5, "Zr-Li": 4.5, "Li-Li": 4.5})
    assert result.former_neighbours == {"0": 0.5, "1": 0.25, "2": 0.25}
    assert result.non_bridging_fraction == 0.25
    assert result.free_fraction == 0.5
    assert result.oxygen == {"O": 0.25, "O-Li": 0.25, "O-Zr": 0.25, "O-Zr2": 0.25}
    assert result.qn == {"0": 0, "1": 1}
    assert result.sub_networks["Zr"].dimensions == 0
    assert result.sub_networks["Li"].links_per_unit == 0


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ([], 0),
        ([[1, 0, 0]], 1),
        ([[1, 0, 0], [2, 0, 0]], 1),
        ([[1, 0, 0], [1, 1, 0]], 2),
        ([[1, 2, 0], [-2, -4, 0], [0, 1, 0], [3, 5, 0]], 2),
        ([[1, 2, 0], [0, 1, 0], [3, 5, 0], [0, 2, -1]], 3),
        (np.eye(3, dtype=int), 3),
    ],
)
def test_percolation_of_one_node(shifts, expected):
    shift = np.array(shifts, dtype=np.int64).reshape(-1, 3)
    zeros = np.zeros(len(shift), dtype=np.int64)
    piece, dimensions = percolation(1, zeros, zeros, shift)
    assert piece.tolist() == [0]
    assert dimensions.tolist() == [expected]


def test_a_link_over_the_boundary_alone_does_not_percolate():
    piece, dimensions = percolation(3, np.array([0]), np.array([1]), np.array([[1, 0, 0]]))
    assert piece.tolist() == [0, 0, 1]
    assert dimensions.tolist() == [0, 0]
    # The same link from the other end, walked against its direction.
    _, dimensions = percolation(2, np.array([1, 0]), np.array([0, 1]), np.array([[1, 0, 0], [-1, 0, 0]]))
    assert dimensions.tolist() == [0]
    # A second link inside the cell closes the loop around it.
    _, dimensions = percolation(3, np.array([0, 0]), np.array([1, 1]), np.array([[1, 0, 0], [0, 0, 0]]))
    assert dimensions.tolist() == [1, 0]


def test_random_labels_have_no_short_range_order():
    atoms = rough_glass(n_units=12)
    rng = np.random.default_rng(0)
    cutoffs = {f"{a}-{b}": 4.5 for a in ("Zr", "La", "Li") for b in ("Zr", "La", "Li")}
    values = []
    cations = np.flatnonzero(atoms.numbers != 8)
    for _ in range(8):
        atoms.numbers[cations] = rng.permutation(atoms.numbers[cations])
        values.append(network(atoms, cutoffs=cutoffs).short_range_order["Zr-La"])
    assert abs(np.mean(values)) < 0.06


def test_bonds_that_meet_at_random_have_no_order():
    atoms = rough_glass(n_units=12)
    rng = np.random.default_rng(0)
    cutoffs = {"Zr-O": 2.7, "La-O": 2.7, "Li-O": 2.7}
    values = []
    cations = np.flatnonzero(atoms.numbers != 8)
    for _ in range(8):
        atoms.numbers[cations] = rng.permutation(atoms.numbers[cations])
        values.append(list(network(atoms, cutoffs=cutoffs).bridge_order.values()))
    assert np.abs(np.mean(values, axis=0)).max() < 0.12


def test_bridges_of_pyrochlore():
    # 48 O(Zr2La2) and 8 O(La4): beside a bond of Zr there is one of Zr and two of La; Zr has 96 of 224 bonds. Beside
    # those of La are 48 · 4 of Zr, and 48 · 2 + 8 · 12 of La.
    order = network(crystal("La2Zr2O7")).bridge_order
    assert order["Zr-Zr"] == pytest.approx(1 - (1 / 3) / (96 / 224))
    assert order["Zr-La"] == pytest.approx(1 - (2 / 3) / (128 / 224))
    assert order["La-Zr"] == pytest.approx(1 - (192 / 384) / (96 / 224))


def test_spreads_of_order_are_those_of_single_cations():
    model = bonded(rough_glass())
    atoms, bonds, found = model.frames[0], model.bonds[0], network(model)
    symbols = np.array(atoms.get_chemical_symbols())
    share = (symbols[bonds.i] == "La").mean()
    own = []
    for zr in np.flatnonzero(symbols == "Zr"):
        met = [
            symbols[other]
            for oxygen in bonds.j[bonds.i == zr]
            for other in bonds.i[bonds.j == oxygen]
            if other != zr
        ]
        if met:
            own.append(1 - met.count("La") / len(met) / share)
    assert found.std_bridge_order["Zr-La"] == pytest.approx(np.std(own, ddof=1))
    reach = {element: model.shells.cutoffs[f"Zr-{element}"] for element in ("Zr", "La", "Li")}
    pairs = neighbour_list(atoms, max(reach.values()))
    near = np.array(
        [d < reach.get(symbols[j], 0) for j, d in zip(pairs.j, pairs.distance, strict=True)], dtype=bool
    )
    own = [
        1 - (symbols[pairs.j[near & (pairs.i == zr)]] == "Li").mean() / (6 / 11)
        for zr in np.flatnonzero(symbols == "Zr")
    ]
    assert found.std_short_range_order["Zr-Li"] == pytest.approx(np.std(own, ddof=1))


def test_order_is_seen():
    # Rock-salt order of two cations on one lattice: unlike neighbours only.
    result = network(rutile_like_ordered(), former="Ti", cutoffs={"Ti-Ti": 3.3, "Ti-Zr": 3.3, "Zr-Zr": 3.3})
    assert result.short_range_order["Ti-Zr"] == pytest.approx(-1)
    assert result.short_range_order["Ti-Ti"] == pytest.approx(1)


def rutile_like_ordered() -> Atoms:
    """Rutile doubled along c, every second Ti of a chain replaced by Zr."""
    atoms = rutile() * (1, 1, 2)
    metals = np.flatnonzero(atoms.numbers == 22)
    upper = metals[atoms.positions[metals, 2] > 2.9]
    atoms.numbers[upper] = 40
    return atoms


def test_former_must_be_in_the_model():
    with pytest.raises(InputError, match="Si"):
        network(crystal("La2Zr2O7"), former="Si")


def test_to_dict_is_json():
    assert "sub_networks" in json_text(network(rough_glass()).to_dict())


@given(seed=st.integers(0, 500))
@settings(max_examples=6, deadline=None)
def test_numbers_survive_supercell_translation_and_order(seed):
    rng = np.random.default_rng(seed)
    atoms = random_oxide(seed)
    moved = atoms * (2, 1, 1)
    moved.positions += rng.uniform(-20, 20, 3)
    moved = moved[rng.permutation(len(moved))]
    elements = sorted(set(atoms.get_chemical_symbols()) - {"O"})
    cutoffs = {f"{a}-O": 2.71 for a in elements} | {f"{a}-{b}": 3.93 for a in elements for b in elements}
    one, two = network(atoms, cutoffs=cutoffs), network(moved, cutoffs=cutoffs)
    assert two.oxygen == pytest.approx(one.oxygen)
    assert two.qn == pytest.approx(one.qn)
    assert two.short_range_order == pytest.approx(one.short_range_order, nan_ok=True)
    assert two.bridge_order == pytest.approx(one.bridge_order, nan_ok=True)
    for element, part in one.sub_networks.items():
        assert two.sub_networks[element].links_per_unit == pytest.approx(part.links_per_unit)
