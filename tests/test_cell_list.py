"""The neighbour search against vesin and itself; `test_neighbours.py` holds it against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from vesin import NeighborList

from alzmodel import cell_list
from alzmodel.cell_list import pairs_within
from alzmodel.errors import InputError


def found(positions, cell, periodic, cutoff, of=None, among=None):
    everyone = np.ones(len(positions), dtype=bool)
    return pairs_within(
        positions,
        cell,
        np.array(periodic),
        cutoff,
        everyone if of is None else of,
        everyone if among is None else among,
    )


def by_vesin(positions, cell, periodic, cutoff):
    """The same, in the same order."""
    i, j, shift, vector, distance = NeighborList(cutoff=cutoff, full_list=True).compute(
        positions, cell, np.array(periodic), quantities="ijSDd"
    )
    order = np.lexsort((*shift.T[::-1], j, i))
    return tuple(values[order] for values in (i, j, distance, vector, shift))


def random_model(seed, n_atoms, size=3.5, spread=5.0):
    rng = np.random.default_rng(seed)
    while True:
        cell = rng.normal(size=(3, 3)) + size * np.eye(3)
        if abs(np.linalg.det(cell)) > 0.3 * size**3:
            return rng.uniform(-spread, spread, (n_atoms, 3)), cell


def assert_same(mine, theirs):
    for a, b in zip(mine, theirs, strict=True):
        if a.dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
        else:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("periodic", list(itertools.product([False, True], repeat=3)))
@given(
    seed=st.integers(0, 10_000),
    n_atoms=st.integers(1, 40),
    size=st.floats(2.0, 15.0),
    cutoff=st.floats(0.5, 9.0),
)
@settings(max_examples=12, deadline=None)
def test_same_as_vesin(periodic, seed, n_atoms, size, cutoff):
    model = random_model(seed, n_atoms, size, 1.5 * size)
    assert_same(found(*model, periodic, cutoff), by_vesin(*model, periodic, cutoff))


@pytest.mark.parametrize("periodic", [(True, True, True), (True, True, False), (False, False, False)])
def test_same_as_vesin_with_many_boxes(periodic):
    positions, cell = random_model(1, 4000, 40.0, 60.0)
    assert_same(found(positions, cell, periodic, 3.3), by_vesin(positions, cell, periodic, 3.3))


def test_threads_change_nothing(monkeypatch):
    positions, cell = random_model(2, 3000, 35.0, 50.0)
    alone = found(positions, cell, (True, True, True), 4.0)
    monkeypatch.setattr(cell_list, "_PAIRS_PER_THREAD", 1)
    monkeypatch.setattr(cell_list.numba, "get_num_threads", lambda: 5)
    for a, b in zip(alone, found(positions, cell, (True, True, True), 4.0), strict=True):
        np.testing.assert_array_equal(a, b)


def test_some_among_others_with_threads(monkeypatch):
    positions, cell = random_model(3, 2000, 30.0, 50.0)
    rng = np.random.default_rng(0)
    of, among = rng.random(2000) < 0.3, rng.random(2000) < 0.6
    i, j, *rest = found(positions, cell, (True, True, True), 4.0)
    picked = of[i] & among[j]
    monkeypatch.setattr(cell_list, "_PAIRS_PER_THREAD", 1)
    monkeypatch.setattr(cell_list.numba, "get_num_threads", lambda: 3)
    part = found(positions, cell, (True, True, True), 4.0, of, among)
    for a, b in zip(part, (i[picked], j[picked], *(x[picked] for x in rest)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_pairs_at_the_very_cutoff_count_from_both_ends_or_not_at_all():
    # All lengths a / sqrt(2) of a crystal, none of which rounds like the next.
    crystal = bulk("Cu", "fcc", a=3.61, cubic=True) * 5
    crystal.rotate(37, (1, 2, 3), rotate_cell=True)
    lengths = found(crystal.positions, crystal.cell.array, (True, True, True), 2.6)[2]
    for cutoff in np.quantile(lengths, [0.1, 0.5, 0.9]):
        i, j, distance, _, shift = found(crystal.positions, crystal.cell.array, (True, True, True), cutoff)
        pairs = set(zip(i.tolist(), j.tolist(), *shift.T.tolist(), strict=True))
        assert pairs == {(b, a, -x, -y, -z) for a, b, x, y, z in pairs}
        assert 0 < len(pairs) == len(distance) < len(lengths)
        assert distance.max() < cutoff


def test_atoms_far_from_the_cell_keep_their_neighbours():
    positions, cell = random_model(4, 500, 18.0, 9.0)
    rng = np.random.default_rng(1)
    away = rng.integers(-50_000, 50_000, (500, 3))
    near = found(positions, cell, (True, True, True), 3.5)
    far = found(positions + away @ cell, cell, (True, True, True), 3.5)
    np.testing.assert_array_equal(far[0], near[0])
    np.testing.assert_array_equal(far[1], near[1])
    np.testing.assert_allclose(far[2], near[2], atol=1e-8)
    np.testing.assert_array_equal(far[4], near[4] + away[near[0]] - away[near[1]])


def test_two_clusters_far_apart_need_no_more_boxes_than_atoms():
    positions, cell = random_model(5, 50, 3.0, 3.0)
    both = np.concatenate([positions, positions + np.array([3e6, 0, 2e6])])
    i, j, *_ = found(both, np.eye(3), (False, False, False), 2.0)
    one = found(positions, cell, (False, False, False), 2.0)
    assert len(i) == 2 * len(one[0])
    assert ((i < 50) == (j < 50)).all()


@pytest.mark.parametrize(
    ("positions", "cell", "cutoff", "words"),
    [
        ([[np.nan, 0, 0]], np.eye(3), 1.0, "positions"),
        ([[0, 0, 0]], [[1, 0, 0], [2, 0, 0], [0, 0, 1]], 1.0, "cell: volume"),
        ([[0, 0, 0]], np.diag([1, 1, 0.001]), 5.0, "cells across"),
    ],
)
def test_what_cannot_be_searched_is_refused(positions, cell, cutoff, words):
    with pytest.raises(InputError, match=words):
        found(np.array(positions, dtype=float), np.array(cell, dtype=float), (True, True, True), cutoff)
