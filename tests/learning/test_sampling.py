"""Samples are what their names say."""

from __future__ import annotations

import numpy as np

from alzmodel.crystals import crystal
from alzmodel.learning.sampling import pushed, ramp, strained


def test_strains_stay_within_their_bound_and_move_atoms_with_the_cell():
    atoms = crystal("La2Zr2O7")
    rng = np.random.default_rng(0)
    volumes = []
    for _ in range(200):
        model = strained(atoms, rng)
        volumes.append(model.get_volume() / atoms.get_volume())
        assert np.allclose(model.get_scaled_positions(), atoms.get_scaled_positions(), atol=1e-9)
    assert 0.75 < min(volumes) < 0.95
    assert 1.05 < max(volumes) < 1.3


def test_pushed_neighbours_stand_nearer():
    atoms = crystal("La2Zr2O7")
    nearest = atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)].min()
    moved = pushed(atoms, np.random.default_rng(0))
    now = moved.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)].min()
    assert 0.65 * nearest < now < 0.95 * nearest
    assert (np.linalg.norm(moved.positions - atoms.positions, axis=1) > 0).sum() in {2, 3}


def test_a_ramp_gives_a_frame_for_each_temperature():
    atoms = crystal("Li2O").repeat(2)
    cold, warm = ramp(atoms, [10, 1500], seed=1, hold=0.06)
    assert len(cold) == len(warm) == len(atoms)
    assert not np.allclose(cold.positions, warm.positions, atol=0.05)
