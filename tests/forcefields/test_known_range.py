"""Atoms far from what was learned are told apart."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.forcefields.known_range import fit_range, range_distances, range_report


def descriptors(rng, n):
    """Five of twenty directions carry nearly all."""
    axes = np.random.default_rng(7).normal(size=(5, 20))
    return rng.normal(size=(n, 5)) @ axes + 0.05 * rng.normal(size=(n, 20)) + 3.0


def test_one_training_atom_in_a_thousand_is_beyond_one():
    known = fit_range(descriptors(np.random.default_rng(0), 20_000), axes=5)
    assert (known.distances(descriptors(np.random.default_rng(1), 20_000)) > 1).mean() == pytest.approx(
        1e-3, abs=6e-4
    )


def test_atoms_off_the_mean_and_off_the_axes_are_far():
    rng = np.random.default_rng(0)
    known = fit_range(descriptors(rng, 5000), axes=5)
    usual = descriptors(rng, 1)
    aside = rng.normal(size=20)
    aside -= aside @ known.axes.T @ known.axes
    assert known.distances(usual)[0] < 1.2
    assert known.distances(3.0 + 8 * (usual - 3.0))[0] > 1
    assert known.distances(usual + aside * known.scale)[0] > 2


def test_a_share_or_a_single_atom_far_away_marks_a_model():
    symbols = ["Li"] * 100 + ["O"] * 100
    inside = np.full((2, 200), 0.4)
    assert not range_report(list(inside), symbols)["out_of_range"]
    one = inside.copy()
    one[0, 0] = 2.5
    report = range_report(list(one), symbols)
    assert report["out_of_range"]
    assert report["by_element"] == {"Li": 0.005, "O": 0.0}
    some = inside.copy()
    some[:, :3] = 1.1
    assert range_report(list(some), symbols)["out_of_range"]


def test_a_pair_potential_has_no_range():
    with pytest.raises(InputError, match="not a learned one"):
        range_distances([crystal("Li2O")], "du-teter")
