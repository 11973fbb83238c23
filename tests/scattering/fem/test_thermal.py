"""Frames of the same column: what a detector's average over intensities leaves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ase import Atoms

from alzmodel.composition import glass_composition, ion_counts
from alzmodel.errors import InputError
from alzmodel.models.columns import DISPLACEMENTS, glass_column, slab_columns
from alzmodel.models.packing import random_packing
from alzmodel.scattering.fem.average import fem_converged
from alzmodel.scattering.fem.settings import FEMSettings
from alzmodel.scattering.fem.thermal import (
    frame_temperature,
    harmonic_scale,
    joined_frames,
    snapshots,
    thermal_moments,
)
from alzmodel.scattering.fem.variance import column_moments

COARSE = FEMSettings(k_min=3.0, k_max=3.6, k_step=0.1)
FAR = 0.3
"""Å; rms displacement along each axis."""


def shaken(n_frames, seed=0, n=3000, width=125.0, amplitude=FAR):
    """Frames of a gas of one element whose atoms shake independently."""
    rng = np.random.default_rng(seed)
    cell = np.array([width, width, 20.0])
    places = rng.random((n, 3)) * cell
    frames = []
    for _ in range(n_frames):
        positions = places + amplitude * rng.normal(size=places.shape)
        frames.append(Atoms("La" * n, positions=positions, cell=cell, pbc=True))
    return frames


def test_pairs_of_frames_lose_what_independent_displacements_take():
    """⟨I_a I_b⟩ − ⟨I⟩² over ⟨I_a²⟩ − ⟨I⟩² is exp(−2 q² u²), q = 2πk."""
    kept = lost = 0.0
    for seed in range(3):
        moments = thermal_moments(shaken(3, seed), COARSE)
        product = np.outer(moments.mean, moments.mean)
        lost = lost + np.diagonal(moments.apart - product)
        kept = kept + np.diagonal(moments.cross - product)
    expected = np.exp(-2 * np.square(2 * math.pi * 0.1 * COARSE.k * FAR))
    # The mean of the ratio over rings: it scatters with the noise of the columns.
    assert np.mean(lost / kept) == pytest.approx(np.mean(expected), rel=0.05)
    assert np.mean(expected) < 0.6


def test_averaging_n_frames_leaves_the_limit_and_the_rest_over_n():
    frames = shaken(4)
    moments = thermal_moments(frames, COARSE)
    from alzmodel.scattering.fem.variance import moments_and_rings

    mean_pattern = np.mean([moments_and_rings(frame, COARSE)[1] for frame in frames], axis=0)
    averaged = np.square(mean_pattern).mean(axis=1) / np.square(moments.mean) - 1
    limit = np.diagonal(moments.apart) / np.square(moments.mean) - 1
    single = moments.omega / np.square(moments.mean) - 1
    np.testing.assert_allclose(averaged, limit + (single - limit) / 4, rtol=1e-9)


def test_joined_frames_give_the_frames_back():
    frames = shaken(3, n=50)
    again = snapshots(joined_frames(frames))
    assert len(again) == 3
    for frame, other in zip(frames, again, strict=True):
        gap = frame.get_scaled_positions() - other.get_scaled_positions()
        gap -= np.rint(gap)
        # But for the drift of the whole.
        assert np.abs((gap - gap.mean(axis=0)) @ frame.cell.array).max() < 1e-9
    assert snapshots(frames[0]) == [frames[0]]


def test_scaled_frames_move_more():
    frames = shaken(5, n=400)
    hot = snapshots(joined_frames(frames, scale=harmonic_scale(300.0, 1200.0)))
    assert np.std([one.positions for one in hot], axis=0).mean() == pytest.approx(
        2 * np.std([one.positions for one in frames], axis=0).mean(), rel=0.02
    )


def test_a_column_of_pieces_holds_turned_displacements():
    packing = random_packing(ion_counts(glass_composition(3.0), 600), seed=1)
    rng = np.random.default_rng(2)
    frames = [packing.copy() for _ in range(2)]
    frames[1].positions += np.where(frames[1].numbers[:, None] == 57, 0.3, 0.0) * rng.normal(
        size=frames[1].positions.shape
    )
    plain = glass_column(packing, width=60.0, thickness=20.0, seed=3)
    column = glass_column(joined_frames(frames), width=60.0, thickness=20.0, seed=3)
    # The column is the one without frames; its atoms move as far as those of the model.
    np.testing.assert_array_equal(plain.positions, column.positions)
    moved = np.linalg.norm(column.arrays[DISPLACEMENTS][:, 0], axis=1)
    assert moved[column.numbers == 57].mean() == pytest.approx(0.3 * math.sqrt(8 / math.pi), rel=0.1)
    assert moved[column.numbers != 57].max() < 0.05
    # Distances within a piece are those of the model in the other frame too: La keeps a neighbour's distance.
    assert len(snapshots(column)) == 2


def test_slabs_turn_displacements_with_their_axes():
    frames = shaken(2, n=200, width=140.0)
    frames = [
        Atoms(one.numbers, positions=one.positions, cell=[140.0, 140.0, 140.0], pbc=True) for one in frames
    ]
    frames[1].positions = frames[0].positions + [0.1, 0.0, 0.0] * (np.arange(200) % 2 * 2 - 1)[:, None]
    found = [
        np.abs(slab.arrays[DISPLACEMENTS]).max(axis=(0, 1))
        for slab in slab_columns(joined_frames(frames), thickness=140.0)
    ]
    np.testing.assert_allclose(found, [[0.1, 0, 0], [0, 0, 0.1], [0, 0.1, 0]], atol=1e-9)


def test_one_frame_has_no_pairs_and_today_s_moments():
    (frame,) = shaken(1, n=500)
    moments = thermal_moments([frame], COARSE)
    assert moments.apart is None
    np.testing.assert_array_equal(moments.omega, column_moments(frame, COARSE).omega)
    np.testing.assert_array_equal(np.diagonal(moments.cross), moments.omega)


def test_tilts_average_pairs_of_frames_too():
    joined = joined_frames(shaken(2, n=500))
    tilts = ((0.0, 0.0), (2.0, 0.0))
    (moments,) = fem_converged([joined], COARSE, tilts=tilts).moments
    (straight,) = fem_converged([joined], COARSE).moments
    assert moments.apart is not None
    assert np.abs(moments.apart / straight.apart - 1).max() > 1e-4


def test_frames_of_other_atoms_are_refused():
    frames = shaken(2, n=50)
    frames[1].symbols[0] = "Zr"
    with pytest.raises(InputError, match="the same atoms in the same order"):
        joined_frames(frames)
    with pytest.raises(InputError, match="at least two"):
        joined_frames(frames[:1])


def test_temperature_of_frames_comes_from_their_provenance():
    frame = Atoms("La")
    assert frame_temperature(frame) is None
    frame.info["provenance"] = {"protocol": {"final_temperature": 573.0}}
    assert frame_temperature(frame) == 573.0
    frame.info["temperature"] = 873.0
    assert frame_temperature(frame) == 873.0
    frame.info["temperature"] = "hot"
    assert frame_temperature(frame) is None
