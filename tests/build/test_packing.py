"""Random packings: the right ions, the right volume, no overlaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alzmodel.build.packing import (
    CONTACT,
    LIKE_CHARGES,
    PACKING_FRACTION,
    estimated_density,
    random_packing,
)
from alzmodel.composition import ion, ion_labels
from alzmodel.errors import InputError

COUNTS = {"Li+": 42, "La3+": 18, "Zr4+": 12, "O2-": 72}


def nearest(atoms, first, second):
    labels = np.array(ion_labels(atoms))
    vector = atoms.positions[labels == first][:, None] - atoms.positions[labels == second][None]
    length = atoms.cell.lengths()[0]
    distance = np.linalg.norm(vector - length * np.round(vector / length), axis=-1)
    return distance[distance > 0].min()


def check(atoms, counts):
    labels = ion_labels(atoms)
    assert {label: labels.count(label) for label in counts} == counts
    for a in counts:
        for b in counts:
            if a == b and counts[a] == 1:
                continue
            like = ion(a).valence * ion(b).valence > 0
            contact = LIKE_CHARGES if like else CONTACT * (ion(a).radius_cn6 + ion(b).radius_cn6)
            assert nearest(atoms, a, b) > 0.97 * contact


@settings(deadline=None, max_examples=8)
@given(
    n=st.integers(4, 12),
    la=st.integers(1, 12),
    dopant=st.sampled_from(["Ca2+", "Ta5+"]),
    seed=st.integers(0, 99),
)
def test_no_two_ions_overlap_at_the_estimated_density(n, la, dopant, seed):
    counts = {"Li+": 7 * n, "La3+": la, dopant: 2, "Zr4+": 2 * n, "O2-": 8 * n}
    atoms = random_packing(counts, seed=seed)
    check(atoms, counts)
    mass = atoms.get_masses().sum()
    assert mass / atoms.get_volume() * 1.66053907 == pytest.approx(estimated_density(counts), rel=1e-6)


def test_density_can_be_given_and_the_estimate_is_that_of_the_glasses():
    atoms = random_packing(COUNTS, seed=1, density=4.0)
    assert atoms.get_masses().sum() / atoms.get_volume() * 1.66053907 == pytest.approx(4.0)
    assert atoms.pbc.all()
    assert atoms.info["kind"] == "glass"
    assert atoms.get_initial_charges().sum() == 0
    # Densities of Du/Teter glasses at x = 1.5, 3.0, 4.5.
    for la, density in ((1.5, 4.1), (3.0, 4.6), (4.5, 4.9)):
        counts = {"Li+": 28, "La3+": int(4 * la), "Zr4+": 8, "O2-": int(2 * (15 + 3 * la))}
        assert estimated_density(counts) == pytest.approx(density, rel=0.03)


def test_estimated_density_of_oxygen_alone():
    volume = 4 / 3 * np.pi * 1.40**3 / PACKING_FRACTION
    assert estimated_density({"O2-": 5}) == pytest.approx(15.999 / volume * 1.66053907, rel=1e-5)


def test_same_seed_same_packing():
    one, same, other = (random_packing(COUNTS, seed=seed) for seed in (5, 5, 6))
    assert (one.positions == same.positions).all()
    assert np.abs(one.positions - other.positions).max() > 1.0


@pytest.mark.parametrize("density", [-1.0, 0.0, float("nan"), 8.0])
def test_densities_without_room_are_refused(density):
    with pytest.raises(InputError, match=r"density: .*; allowed: above 0 and at most \d"):
        random_packing(COUNTS, seed=1, density=density)


@pytest.mark.parametrize("counts", [{}, {"Li+": 0}, {"Li+": -1, "O2-": 2}])
def test_counts_that_make_no_cell_are_refused(counts):
    with pytest.raises(InputError, match="counts"):
        random_packing(counts, seed=1)
