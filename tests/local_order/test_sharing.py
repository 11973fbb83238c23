from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from alzmodel.crystals import crystal
from alzmodel.ions import pair_label
from alzmodel.local_order.sharing import link_units, pair_keys, sharing
from alzmodel.local_order.shells import bonded
from tests.local_order.models import perovskite, random_oxide, rough_glass, rutile


def brute_force(atoms: Atoms, to_oxygen: float, between: float) -> dict[str, Counter[int]]:
    """Shared oxygens of every pair of cations in range, all images written out as one big cluster."""
    reach = 4
    shifts = np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)))
    symbols = np.array(atoms.get_chemical_symbols())
    oxygens = (atoms.positions[symbols == "O"][:, None] + (shifts @ atoms.cell.array)[None]).reshape(-1, 3)
    cations = np.flatnonzero(symbols != "O")
    small = np.array(list(itertools.product(range(-3, 4), repeat=3)))
    found: dict[str, Counter[int]] = {}
    for a in cations:
        mine = np.linalg.norm(oxygens - atoms.positions[a], axis=1) < to_oxygen
        for b in cations:
            for shift in small:
                if (a, b) == (b, a) and not shift.any():
                    continue
                place = atoms.positions[b] + shift @ atoms.cell.array
                if np.linalg.norm(place - atoms.positions[a]) >= between:
                    continue
                theirs = np.linalg.norm(oxygens - place, axis=1) < to_oxygen
                found.setdefault(pair_label(symbols[a], symbols[b]), Counter())[
                    min(int((mine & theirs).sum()), 3)
                ] += 1
    # Every pair was met from both ends.
    return {label: Counter({k: v // 2 for k, v in counts.items()}) for label, counts in found.items()}


@pytest.mark.parametrize("seed", range(6))
def test_brute_force_in_small_triclinic_cells(seed):
    atoms = random_oxide(seed)
    atoms.wrap()
    elements = sorted(set(atoms.get_chemical_symbols()) - {"O"})
    cutoffs = {f"{a}-O": 2.7 for a in elements} | {f"{a}-{b}": 4.6 for a in elements for b in elements}
    result = sharing(atoms, cutoffs=cutoffs)
    reference = brute_force(atoms, 2.7, 4.6)
    for label, pair in result.pairs.items():
        counts = reference.get(label, Counter())
        assert pair.n_pairs == sum(counts.values())
        for mode, name in enumerate(("none", "corner", "edge", "face")):
            share = counts[mode] / pair.n_pairs if pair.n_pairs else math.nan
            assert pair.fractions[name] == pytest.approx(share, nan_ok=True), (label, name)


def test_pyrochlore():
    pairs = sharing(crystal("La2Zr2O7")).pairs
    assert pairs["Zr-Zr"].fractions["corner"] == 1
    assert pairs["Zr-La"].fractions["edge"] == 1
    assert pairs["La-La"].fractions["edge"] == 1
    # Each cation has six neighbours of either kind at a / (2 √2).
    assert pairs["Zr-La"].n_pairs == 16 * 6
    assert pairs["Zr-Zr"].n_pairs == 16 * 6 / 2
    edge = crystal("La2Zr2O7").cell.lengths()[0]
    assert pairs["Zr-La"].mean_distance == pytest.approx(edge / math.sqrt(8))
    assert pairs["Zr-La"].distances["edge"] == pytest.approx(edge / math.sqrt(8))
    assert math.isnan(pairs["Zr-La"].distances["corner"])


def test_rutile_shares_edges_along_c_and_corners_across():
    pair = sharing(rutile()).pairs["Ti-Ti"]
    assert pair.n_pairs == 10
    assert pair.fractions["edge"] == pytest.approx(2 / 10)
    assert pair.fractions["corner"] == pytest.approx(8 / 10)
    assert pair.distances["edge"] == pytest.approx(2.959)
    assert pair.distances["corner"] == pytest.approx(math.sqrt(2 * 2.297**2 + 1.4795**2), abs=1e-3)


def test_perovskite_meets_its_own_images():
    pairs = sharing(
        perovskite(), cutoffs={"Ti-Ti": 4.2, "Sr-Ti": 3.6, "Sr-Sr": 4.2, "Ti-O": 2.3, "Sr-O": 3.0}
    ).pairs
    assert pairs["Ti-Ti"].n_pairs == 3
    assert pairs["Ti-Ti"].fractions["corner"] == 1
    assert pairs["Ti-Ti"].mean_angle == pytest.approx(180)
    # SrO12 shares a face of three oxygens with each of eight TiO6, and a square of four with each of six SrO12.
    assert pairs["Sr-Ti"].n_pairs == 8
    assert pairs["Sr-Ti"].fractions["face"] == 1
    assert pairs["Sr-Sr"].fractions["face"] == 1


def test_rock_salt_edges_and_corners():
    pair = sharing(bulk("MgO", "rocksalt", a=4.21), cutoffs={"Mg-Mg": 4.5}).pairs["Mg-Mg"]
    assert pair.n_pairs == 9
    assert pair.fractions["edge"] == pytest.approx(6 / 9)
    assert pair.fractions["corner"] == pytest.approx(3 / 9)


def test_face_in_a_cluster():
    ring = [[1.5 * math.cos(a), 1.5 * math.sin(a), 0] for a in (0, 2 * math.pi / 3, 4 * math.pi / 3)]
    cluster = Atoms("LaZrO3", positions=[[0, 0, 1.4], [0, 0, -1.4], *ring])
    pair = sharing(cluster, cutoffs={"La-O": 2.5, "Zr-O": 2.5, "Zr-La": 3.5}).pairs["Zr-La"]
    assert pair.fractions == {"none": 0, "corner": 0, "edge": 0, "face": 1}
    assert pair.n_pairs == 1


def test_pairs_without_shared_oxygen_and_links_beyond_the_cutoff():
    atoms = Atoms("Zr3O", positions=[[0, 0, 0], [4.0, 0, 0], [0, 3.0, 0], [2.0, 0, 0]])
    pair = sharing(atoms, cutoffs={"Zr-O": 2.1, "Zr-Zr": 3.5}).pairs["Zr-Zr"]
    assert pair.n_pairs == 1
    assert pair.fractions["none"] == 1
    assert pair.linked_beyond == 1
    assert math.isnan(pair.mean_angle)


def test_fractions_add_up_in_a_glass():
    result = sharing(rough_glass())
    assert list(result.pairs) == ["Zr-Zr", "Zr-La", "Zr-Li", "La-La", "La-Li", "Li-Li"]
    for pair in result.pairs.values():
        assert sum(pair.fractions.values()) == pytest.approx(1)
        parts = [pair.fractions[m] * pair.distances[m] for m in pair.fractions if pair.fractions[m]]
        assert sum(parts) == pytest.approx(pair.mean_distance)


def test_four_rings_and_links_in_rutile():
    # Per cell two Ti, each pair along c shares an edge: one four-ring per Ti.
    links = link_units(bonded(rutile()).bonds[0])
    assert links.four_rings() == 2
    # Every oxygen has three Ti: three bridges each.
    assert len(links.angle) == 4 * 3
    assert links.shared.sum() == len(links.angle)


def test_no_bonds_no_links():
    atoms = Atoms("ZrO", positions=[[0, 0, 0], [2, 0, 0]])
    links = link_units(bonded(atoms, cutoffs={"Zr-O": 1.0}).bonds[0])
    assert len(links.a) == 0
    assert links.four_rings() == 0


def test_angles_between_units_are_a_density():
    pair = sharing(rough_glass()).pairs["Zr-La"]
    step = pair.angles[1] - pair.angles[0]
    assert pair.angle_density.sum() * step == pytest.approx(1)
    assert (pair.angles * pair.angle_density).sum() * step == pytest.approx(pair.mean_angle, abs=step)
    rows = sharing(rutile()).pairs["Ti-Ti"]
    # Rutile: the angle at O over the shared edge and the two over the corner.
    peaks = rows.angles[rows.angle_density > 0]
    assert len(peaks) == 2
    assert peaks == pytest.approx([99, 130.5], abs=1.5)


@pytest.mark.parametrize("n_atoms", [10, 400_000, 5_000_000])
def test_pairs_have_keys_of_their_own_in_models_of_any_size(n_atoms):
    rng = np.random.default_rng(0)
    reach = 3 if n_atoms > 1000 else 400
    a, b = (rng.integers(max(0, n_atoms - 5), n_atoms, 4000) for _ in range(2))
    shift = rng.integers(-reach, reach + 1, (4000, 3))
    keys = pair_keys(a, b, shift, n_atoms)
    # In the order of atoms and images, and the same only for the same.
    rows = np.column_stack([a, b, shift])
    order = np.lexsort(rows.T[::-1])
    different = (rows[order][1:] != rows[order][:-1]).any(axis=1)
    np.testing.assert_array_equal(np.diff(keys[order]) > 0, different)
    assert (keys >= 0).all()


def test_pairs_that_are_known_change_nothing():
    model = bonded([rough_glass(), rough_glass()])
    assert sharing(model).to_dict().keys() == sharing(model.with_cation_pairs()).to_dict().keys()
    for one, two in zip(
        sharing(model).pairs.values(), sharing(model.with_cation_pairs()).pairs.values(), strict=True
    ):
        assert (one.n_pairs, one.fractions) == (two.n_pairs, two.fractions)
