"""Random packings: the right ions, the right volume, no overlaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alzmodel.composition import ion_labels
from alzmodel.crystals import nanocrystal
from alzmodel.errors import InputError
from alzmodel.ions import ion
from alzmodel.models.packing import (
    CONTACT,
    LIKE_CHARGES,
    PACKING_FRACTION,
    estimated_density,
    mass_of,
    pack_around,
    random_packing,
)

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


def test_ions_are_packed_around_a_nucleus_that_stands_still():
    nucleus = nanocrystal("La2Zr2O7", 14.0, seed=1)
    counts = {"Li+": 112, "La3+": 48, "Zr4+": 32, "O2-": 192}
    atoms = pack_around(nucleus, counts, length=19.0, seed=2)
    assert atoms.positions[: len(nucleus)] == pytest.approx(nucleus.positions + 9.5)
    assert (atoms.numbers[: len(nucleus)] == nucleus.numbers).all()
    labels = ion_labels(atoms[len(nucleus) :])
    assert {label: labels.count(label) for label in counts} == counts
    assert atoms.get_initial_charges().sum() == 0
    # Pairs inside the crystal stand at its own distances, which contacts allow too.
    check(atoms, {label: ion_labels(atoms).count(label) for label in counts})
    again, other = (pack_around(nucleus, counts, length=19.0, seed=seed) for seed in (2, 3))
    assert (again.positions == atoms.positions).all()
    assert np.abs(other.positions - atoms.positions).max() > 1.0


def test_no_room_beside_a_nucleus_is_refused():
    nucleus = nanocrystal("La2Zr2O7", 14.0, seed=1)
    with pytest.raises(InputError, match=r"box: 12 Å; allowed: wider than the nucleus, 1\d\.\d Å"):
        pack_around(nucleus, COUNTS, length=12.0, seed=1)
    with pytest.raises(InputError, match=r"density: .* where ions overlap"):
        pack_around(nucleus, {label: 4 * n for label, n in COUNTS.items()}, length=19.0, seed=1)


def test_mass():
    assert mass_of({"Li+": 2, "O2-": 1}) == pytest.approx(29.88, abs=0.01)
