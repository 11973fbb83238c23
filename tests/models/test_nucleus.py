"""The lattice of a nucleus, found again after strain, turns and noise; regions by place."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from alzmodel.crystals import nanocrystal
from alzmodel.models.nucleus import (
    INTERFACE,
    core_of,
    fit_lattice,
    regions_of,
    similarity,
    summary_of,
    unwrapped,
)


def cations(diameter=30.0):
    sphere = nanocrystal("La2Zr2O7", diameter, seed=3)
    return sphere.positions[sphere.get_initial_charges() > 0]


@settings(deadline=None, max_examples=25)
@given(strain=st.floats(-0.05, 0.05), seed=st.integers(0, 1000))
def test_strain_turn_and_shift_are_found_exactly_without_noise(strain, seed):
    rng = np.random.default_rng(seed)
    sites, turn, shift = cations(16.0), Rotation.random(random_state=rng).as_matrix(), rng.normal(size=3) * 20
    frame = (1 + strain) * sites @ turn.T + shift
    fit = fit_lattice(sites, frame[None])
    assert fit.scale == pytest.approx(1 + strain, abs=1e-12)
    assert fit.rotation == pytest.approx(turn, abs=1e-10)
    assert fit.shift == pytest.approx(shift, abs=1e-9)
    assert fit.rms < 1e-9
    assert fit.on_site.all()


def test_mirror_images_are_no_turns():
    sites = cations(16.0)
    _, rotation, _ = similarity(sites, sites * [1, 1, -1])
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_true_lattice_lies_within_the_error():
    """Static displacements, the same in all frames, and thermal ones of each: pulls have a spread of about one."""
    rng = np.random.default_rng(1)
    sites, pulls = cations(), []
    for _ in range(200):
        turn = Rotation.random(random_state=rng).as_matrix()
        true = 1 + rng.normal() * 0.01
        placed = true * sites @ turn.T + rng.normal(scale=0.15, size=sites.shape)
        frames = placed + rng.normal(scale=0.1, size=(10, *sites.shape))
        fit = fit_lattice(sites, frames)
        pulls.append((fit.scale - true) / fit.scale_error)
    assert abs(np.mean(pulls)) < 0.3
    # The noise of the frames stands in the mean positions and in the spread over frames: a little too careful.
    assert 0.75 < np.std(pulls) < 1.1


def test_ions_that_left_their_sites_do_not_spoil_the_lattice():
    rng = np.random.default_rng(2)
    sites = cations()
    frame = 1.02 * sites + rng.normal(scale=0.05, size=sites.shape)
    gone = rng.choice(len(sites), len(sites) // 5, replace=False)
    frame[gone] += 6 * rng.normal(size=(len(gone), 3))
    fit = fit_lattice(sites, frame[None])
    assert fit.scale == pytest.approx(1.02, abs=5 * fit.scale_error)
    assert fit.scale_error < 1e-3
    assert fit.on_site.mean() == pytest.approx(0.8, abs=0.01)
    assert fit.on_site[gone].mean() < 0.05


def test_a_nucleus_that_melted_has_no_lattice():
    rng = np.random.default_rng(3)
    sites = cations()
    fit = fit_lattice(sites, (sites + rng.normal(scale=4.0, size=sites.shape))[None])
    assert math.isnan(fit.scale)
    assert math.isnan(fit.scale_error)
    assert fit.on_site.mean() < 0.1
    assert np.abs(fit.shift).max() < 2.0


def test_the_core_lies_deeper_than_the_interface():
    sites = np.array([[0.0, 0, 0], [15.9, 0, 0], [16.1, 0, 0]])
    assert core_of(sites, 20.0).tolist() == [True, True, False]
    assert core_of(np.array([[4.1, 0, 0], [4.3, 0, 0]]), 6.0).tolist() == [True, False]


@given(shift=st.tuples(*[st.floats(-40, 40)] * 3))
def test_a_nucleus_across_the_border_of_the_box_is_put_together(shift):
    sphere = nanocrystal("La2Zr2O7", 16.0, seed=1)
    box = Atoms(sphere.numbers, sphere.positions + 13 + np.array(shift), cell=[26.0] * 3, pbc=True)
    box.wrap()
    together = unwrapped(box, np.arange(len(box)))
    gap = together - sphere.positions
    assert gap == pytest.approx(np.broadcast_to(gap[0], gap.shape), abs=1e-6)


def test_regions_by_distance_from_the_surface_across_the_border():
    centre = np.array([1.0, 2.0, 3.0])
    distances = np.array(
        [0.0, 10 - INTERFACE * 0.75 - 0.01, 10 - 2.99, 10.0, 10 + INTERFACE - 0.01, 14.01, 16.0]
    )
    expected = ["nucleus", "nucleus", "interface", "interface", "interface", "glass", "glass"]
    atoms = Atoms(
        "La2Zr2O3",
        centre - np.outer(distances, [0.6, 0.0, 0.8]),
        cell=[40.0] * 3,
        pbc=True,
    )
    atoms.wrap()
    assert regions_of(atoms, centre + 40.0, 10.0).tolist() == expected


def test_summary_counts_ions_and_charge():
    sphere = nanocrystal("La2Zr2O7", 20.0, seed=1)
    every = summary_of(sphere, np.ones(len(sphere), dtype=bool))
    counts = Counter(sphere.get_chemical_symbols())
    assert every["formula"] == "La2Zr2O7"
    assert every["charge"] == 0
    assert every["composition"] == {"La3+": counts["La"], "O2-": counts["O"], "Zr4+": counts["Zr"]}
    oxygen = summary_of(sphere, sphere.symbols == "O")
    assert oxygen["charge"] == -2 * counts["O"]
    assert summary_of(sphere, np.zeros(len(sphere), dtype=bool))["formula"] == ""
