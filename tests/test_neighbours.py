from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene
from hypothesis import given, settings
from hypothesis import strategies as st

from alzmodel import neighbours
from alzmodel.errors import InputError
from alzmodel.neighbours import first_minimum, minimum_between, neighbour_list, repeat_length


@pytest.fixture(autouse=True, scope="module", params=[neighbours.FEW_PAIRS, 0], ids=["few", "many"])
def sorted_by(request):
    """Every test holds for what sorts few pairs and for what sorts many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "FEW_PAIRS", request.param)
        yield


def brute_force(atoms: Atoms, cutoff: float) -> set[tuple[int, ...]]:
    """Every (i, j, image) closer than the cut-off, by trying all images that could be."""
    cell = atoms.cell.complete().array
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    span = np.linalg.norm(np.ptp(atoms.positions, axis=0)) + cutoff
    reach = [math.ceil(span / heights[k]) if atoms.pbc[k] else 0 for k in range(3)]
    shifts = np.array(list(itertools.product(*(range(-m, m + 1) for m in reach))))
    found = set()
    for i, j in itertools.product(range(len(atoms)), repeat=2):
        distance = np.linalg.norm(atoms.positions[j] - atoms.positions[i] + shifts @ cell, axis=1)
        for shift in shifts[distance < cutoff]:
            if i != j or shift.any():
                found.add((i, j, *shift.tolist()))
    return found


def random_cell(seed: int, pbc: tuple[bool, ...], n_atoms: int = 6) -> Atoms:
    rng = np.random.default_rng(seed)
    while True:
        cell = rng.normal(size=(3, 3)) + 3.5 * np.eye(3)
        if abs(np.linalg.det(cell)) > 15:
            break
    # Positions outside the cell on purpose.
    return Atoms(f"O{n_atoms}", positions=rng.uniform(-5, 5, (n_atoms, 3)), cell=cell, pbc=pbc)


@pytest.mark.parametrize("pbc", list(itertools.product([False, True], repeat=3)))
def test_same_pairs_as_brute_force_in_small_triclinic_cells(pbc):
    for seed in range(3):
        atoms = random_cell(seed, pbc)
        pairs = neighbour_list(atoms, 4.2)
        found = set(zip(pairs.i.tolist(), pairs.j.tolist(), *pairs.shift.T.tolist(), strict=True))
        assert found == brute_force(atoms, 4.2)
        assert len(found) == len(pairs)


def test_vectors_distances_and_shifts_belong_together():
    atoms = random_cell(4, (True, True, True))
    pairs = neighbour_list(atoms, 5.0)
    expected = atoms.positions[pairs.j] + pairs.shift @ atoms.cell.array - atoms.positions[pairs.i]
    np.testing.assert_allclose(pairs.vector, expected, atol=1e-12)
    np.testing.assert_allclose(pairs.distance, np.linalg.norm(expected, axis=1), atol=1e-12)


def test_sorted_and_offsets_point_to_each_atom():
    atoms = random_cell(5, (True, True, True))
    pairs = neighbour_list(atoms, 4.0)
    keys = list(zip(pairs.i, pairs.j, *pairs.shift.T, strict=True))
    assert keys == sorted(keys)
    offsets = pairs.offsets()
    assert offsets[0] == 0
    assert offsets[-1] == len(pairs)
    for atom in range(len(atoms)):
        assert (pairs.i[offsets[atom] : offsets[atom + 1]] == atom).all()


def test_select_keeps_the_pairs_of_the_mask():
    pairs = neighbour_list(bulk("MgO", "rocksalt", a=4.21), 3.1)
    near = pairs.select(pairs.distance < 2.5)
    assert len(near) == 12
    assert near.distance.max() < 2.5
    assert near.n_atoms == 2


def test_an_atom_meets_its_own_images():
    pairs = neighbour_list(bulk("Cu", "fcc", a=3.6), 2.6)
    assert len(pairs) == 12
    assert (pairs.i == 0).all()
    assert (pairs.j == 0).all()


def test_slab_without_a_third_cell_vector():
    atoms = Atoms("O2", positions=[[0, 0, 0], [0, 0, 30.0]], cell=[3, 3, 0], pbc=[True, True, False])
    assert len(neighbour_list(atoms, 3.1)) == 8


def test_no_neighbours_gives_empty_arrays():
    pairs = neighbour_list(Atoms("O"), 3.0)
    assert len(pairs) == 0
    assert pairs.vector.shape == (0, 3)
    assert pairs.offsets().tolist() == [0, 0]


@pytest.mark.parametrize("cutoff", [0.0, -1.0, math.nan, math.inf])
def test_cutoff_must_be_positive_and_finite(cutoff):
    with pytest.raises(InputError, match="cut-off"):
        neighbour_list(Atoms("O"), cutoff)


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_distances_survive_rotation_translation_and_order(seed):
    rng = np.random.default_rng(seed)
    atoms = random_cell(seed, (True, True, True))
    moved = atoms.copy()
    moved.rotate(float(rng.uniform(0, 360)), rng.normal(size=3), rotate_cell=True)
    moved.positions += rng.uniform(-20, 20, 3)
    moved = moved[rng.permutation(len(moved))]
    before = np.sort(neighbour_list(atoms, 4.0).distance)
    after = np.sort(neighbour_list(moved, 4.0).distance)
    np.testing.assert_allclose(after, before, atol=1e-9)


def test_repeat_length_is_half_the_shortest_translation():
    assert repeat_length(bulk("MgO", "rocksalt", a=4.2, cubic=True)) == pytest.approx(2.1)
    # The primitive cell of the same lattice repeats after its shorter diagonal.
    assert repeat_length(bulk("MgO", "rocksalt", a=4.2)) == pytest.approx(4.2 / math.sqrt(2) / 2)
    # A skewed description of a cubic lattice does not hide the cube's edge.
    skewed = Atoms("O", cell=[[4.0, 0, 0], [40.0, 4.0, 0], [0, -12.0, 4.0]], pbc=True)
    assert repeat_length(skewed) == pytest.approx(2.0)


def test_repeat_length_of_layers_and_clusters():
    layer = graphene(vacuum=10)
    assert repeat_length(layer) == pytest.approx(2.46 / 2, abs=1e-6)
    assert repeat_length(Atoms("O")) == math.inf


def two_shells(r, first=2.1, second=3.6):
    return 8 * np.exp(-(((r - first) / 0.1) ** 2) / 2) + 2 * np.exp(-(((r - second) / 0.35) ** 2) / 2)


def test_first_minimum_between_two_peaks():
    r = np.arange(0.01, 6, 0.02)
    g = two_shells(r)
    between = (r > 2.1) & (r < 3.6)
    found = first_minimum(r, g)
    assert np.interp(found, r, g) < g[between].min() + 0.02 * g.max()
    assert found == pytest.approx(r[between][g[between].argmin()], abs=0.15)


def test_first_minimum_moves_little_under_noise():
    rng = np.random.default_rng(0)
    r = np.arange(0.01, 6, 0.02)
    clean = first_minimum(r, two_shells(r))
    counts = 4 * np.pi * r**2 * 0.02 * 40
    noisy = [first_minimum(r, rng.poisson(two_shells(r) * counts) / counts) for _ in range(40)]
    assert np.std(noisy) < 0.08
    assert abs(np.mean(noisy) - clean) < 0.08


def test_first_minimum_of_a_gap_is_its_middle():
    r = np.arange(0.01, 6, 0.02)
    g = np.where(np.abs(r - 2.0) < 0.1, 5.0, 0) + np.where(r > 3.0, 1.0, 0)
    assert first_minimum(r, g, smoothing=0.04) == pytest.approx(2.55, abs=0.08)


def test_first_minimum_of_a_nearly_flat_bottom_is_its_middle():
    # The bottom climbs by one per cent of the peak from 2.4 to 3.6 Å: its lower end is not the end of the shell.
    r = np.arange(0.01, 6, 0.02)
    g = np.where(np.abs(r - 2.0) < 0.2, 5.0, 0) + np.where(r > 3.6, 1.0, 0)
    g += np.where((r > 2.2) & (r < 3.6), 0.05 * (r - 2.2) / 1.4, 0)
    assert first_minimum(r, g, smoothing=0.04) == pytest.approx(2.9, abs=0.1)


def test_first_minimum_takes_the_first_of_several():
    r = np.arange(0.01, 9, 0.02)
    g = two_shells(r) + 3 * np.exp(-(((r - 6.0) / 0.3) ** 2) / 2)
    assert 2.3 < first_minimum(r, g) < 3.2


@pytest.mark.parametrize(
    "g",
    [
        np.zeros(300),
        np.ones(300),
        np.exp(-np.arange(300) / 200) * np.exp(-1000.0 / (1 + np.arange(300) ** 2)),
    ],
)
def test_no_minimum_is_said(g):
    with pytest.raises(InputError, match=r"g\(r\)"):
        first_minimum(np.arange(0.01, 6, 0.02), g)


def test_malformed_curves_are_refused():
    with pytest.raises(InputError, match="shapes"):
        first_minimum([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match="finite"):
        first_minimum(np.arange(6.0), [0, 1, np.nan, 1, 0, 1])


def test_minimum_between_is_the_lowest_place_of_the_stretch():
    r = np.arange(0.01, 9, 0.02)
    g = 2 + np.cos(2 * np.pi * r / 3)  # minima at 1.5, 4.5, 7.5
    assert minimum_between(r, g, 3.2, 5.8) == pytest.approx(4.5, abs=0.02)
    assert minimum_between(r, g, 4.6, 5.8) == pytest.approx(4.6, abs=0.2)
    with pytest.raises(InputError, match="no bins"):
        minimum_between(r, g, 20, 21)


def test_some_of_some_is_picked_from_all():
    atoms = random_cell(3, (True, True, False), 9)
    rng = np.random.default_rng(0)
    of, among = rng.random(len(atoms)) < 0.6, rng.random(len(atoms)) < 0.5
    whole, part = neighbour_list(atoms, 4.0), neighbour_list(atoms, 4.0, of=of, among=among)
    picked = whole.select(of[whole.i] & among[whole.j])
    for name in ("i", "j", "distance", "vector", "shift"):
        np.testing.assert_array_equal(getattr(part, name), getattr(picked, name))
    assert 0 < len(part) < len(neighbour_list(atoms, 4.0, of=of)) < len(whole)


def test_few_pairs_stand_as_many_do():
    atoms = bulk("MgO", "rocksalt", a=4.2, cubic=True) * (2, 2, 2)
    atoms.rattle(0.1, seed=2)
    oxygen = atoms.symbols == "O"
    found = []
    for few in (neighbours.FEW_PAIRS, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(neighbours, "FEW_PAIRS", few)
            found.append(neighbour_list(atoms, 5.0, of=~oxygen, among=oxygen))
    for name in ("i", "j", "distance", "vector", "shift"):
        few, many = (getattr(pairs, name) for pairs in found)
        assert few.dtype == many.dtype
        np.testing.assert_array_equal(few, many)
