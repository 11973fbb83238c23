"""Jumps that were made are found, with the bonds and the windows that they were made with."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.dynamics.jumps import find_jumps, jumps_of
from alzmodel.dynamics.trajectory import Trajectory
from alzmodel.errors import InputError

FRAME_TIME = 0.1
CAGES = 4
"""Å from cage to cage, along x; there are three in a row."""
ROWS = ((0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (10.0, 10.0))
"""Å, y and z; so far apart that none knows of the others."""
CELL = np.diag([12.0, 20.0, 20.0])


def hopper(rng, plan, *, frames=400, size=0.1, drift=0.0):
    """Ions that rattle about the places of a plan: by ion, frames and the place from there on."""
    positions = np.zeros((frames, len(plan), 3))
    for ion, moves in enumerate(plan):
        for first, place in moves:
            positions[first:, ion] = place
    return positions + rng.normal(0, size, positions.shape) + drift * np.arange(frames)[:, None, None]


def test_each_jump_is_found_when_and_where_it_was_made():
    rng = np.random.default_rng(1)
    plan = [
        [(0, (0, 0, 0)), (100, (2.5, 0, 0)), (200, (2.5, 2.5, 0))],
        [(0, (9, 9, 9))],
        [(0, (5, 5, 5)), (150, (5, 5, 7)), (180, (5, 5, 5)), (300, (3, 5, 5))],
    ]
    found = find_jumps(hopper(rng, plan), FRAME_TIME)
    assert [(one.ion, one.frame) for one in found] == [(0, 100), (0, 200), (2, 150), (2, 180), (2, 300)]
    np.testing.assert_allclose(found[1].start, (2.5, 0, 0), atol=0.15)
    np.testing.assert_allclose(found[1].end, (2.5, 2.5, 0), atol=0.15)


def test_rattling_drifting_with_the_framework_and_short_excursions_are_no_jumps():
    rng = np.random.default_rng(2)
    still = [[(0, (3 * k, 0, 0))] for k in range(4)]
    assert find_jumps(hopper(rng, still, size=0.35), FRAME_TIME) == []
    away = [[(0, (0, 0, 0)), (100, (2.5, 0, 0)), (102, (0, 0, 0))]]
    assert find_jumps(hopper(rng, away), FRAME_TIME) == []
    assert find_jumps(np.zeros((8, 3, 3)), FRAME_TIME) == []


def test_the_measure_is_that_of_its_definition():
    """By hand: the top of p, from the mean squares over both stretches, is where a noisy jump is told."""
    half, n_seen = 10, 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        path = hopper(rng, [[(0, (0, 0, 0)), (50, (1.8, 0, 0))]], frames=100, size=0.5)
        p, apart = np.zeros(100), np.zeros(100)
        for t in range(half, 100 - half + 1):
            old, new = path[t - half : t, 0], path[t : t + half, 0]
            one = ((old - new.mean(axis=0)) ** 2).sum(axis=1).mean()
            p[t] = one * ((new - old.mean(axis=0)) ** 2).sum(axis=1).mean()
            apart[t] = np.linalg.norm(new.mean(axis=0) - old.mean(axis=0))
        found = find_jumps(path, FRAME_TIME)
        far = np.flatnonzero(apart > 1.2)
        if len(found) == 1 and len(far) == far[-1] - far[0] + 1:
            assert found[0].frame == int(far[np.argmax(p[far])])
            n_seen += 1
    assert n_seen > 10


def cell_with_windows():
    """Cages of six O and between them, at x = 4 k, windows of three O that La or Zr hold, by turns."""
    places, symbols = [], []
    for row, (y, z) in enumerate(ROWS):
        for k in range(3):
            turn = 2 * np.pi * (np.arange(3) / 3 + 0.1 * row)
            for angle in turn:
                places.append((CAGES * k, y + 1.8 * np.cos(angle), z + 1.8 * np.sin(angle)))
                symbols.append("O")
            holder = "Zr" if (k + row) % 2 else "La"
            # Above one edge of the triangle: it holds two of the three.
            angle = turn[:2].mean()
            away = 0.9 + np.sqrt((2.0 if holder == "Zr" else 2.4) ** 2 - (1.8 * np.sin(np.pi / 3)) ** 2)
            places.append((CAGES * k, y + away * np.cos(angle), z + away * np.sin(angle)))
            symbols.append(holder)
            # Beyond the third corner: it holds one alone, and no window.
            places.append((CAGES * k, y + 4.0 * np.cos(turn[2]), z + 4.0 * np.sin(turn[2])))
            symbols.append("La" if holder == "Zr" else "Zr")
    return np.array(places), symbols


def windowed(rng, jumps):
    """One Li a row, that starts at x = 2 and jumps through the window at x = 4 at the frames named."""
    places, symbols = cell_with_windows()
    frames = 300
    paths = np.zeros((frames, 4, 3))
    for row, (y, z) in enumerate(ROWS):
        paths[:, row] = (2.0, y, z)
        for first in jumps.get(row, ()):
            paths[first:, row, 0] += CAGES
            paths[first, row, 0] -= CAGES / 2
    paths += rng.normal(0, 0.05, paths.shape)
    rest = np.broadcast_to(places, (frames, *places.shape)) + rng.normal(0, 0.02, (frames, *places.shape))
    positions = np.concatenate([paths, rest], axis=1)
    return Trajectory(np.array(["Li"] * 4 + symbols), positions, CELL, FRAME_TIME)


def test_bonds_and_windows_of_known_jumps():
    moved = windowed(np.random.default_rng(4), {0: [100], 1: [120, 200], 3: [60]})
    found = jumps_of([moved])
    assert found.n_jumps == found.n_looked_at == 4
    # Of the ten frames after the jump one is spent half-way.
    assert found.length == pytest.approx(3.8, abs=0.05)
    assert found.rate == pytest.approx(4 / 4 / (29.9e-3))
    assert found.back == 0.0
    # Through x = 4 (k = 1) of row 0: Zr; of row 1: La, then k = 2: Zr; of row 3: La.
    assert {kind: way.share for kind, way in found.passages.items()} == {"La": 0.5, "Zr": 0.5}
    # A cage has the three O of each side, 2.7 Å away; in the window there are three at 1.8 Å.
    assert found.coordination.before == found.coordination.after == pytest.approx(6.0, abs=0.3)
    assert found.coordination.during == pytest.approx(3.0)
    assert found.window.passed == pytest.approx(1.8, abs=0.05)


def test_a_jump_back_is_told():
    rng = np.random.default_rng(5)
    moved = windowed(rng, {0: [100]})
    back = moved.positions.copy()
    back[200:, 0, 0] -= CAGES
    found = jumps_of([Trajectory(moved.symbols, back, moved.cell, FRAME_TIME)])
    assert (found.n_jumps, found.back) == (2, 1.0)


def test_without_jumps_there_is_nothing_to_tell_and_coarse_frames_are_refused():
    still = windowed(np.random.default_rng(6), {})
    found = jumps_of([still])
    assert found.n_jumps == 0
    assert found.coordination is None
    assert np.isnan(found.length)
    with pytest.raises(InputError, match=r"frames 0\.5 ps apart; needed: at most 0\.25 ps"):
        jumps_of([Trajectory(still.symbols, still.positions, still.cell, 0.5)])


def test_what_has_no_windows_is_refused():
    moved = windowed(np.random.default_rng(7), {})
    with pytest.raises(InputError, match="O is an anion here"):
        jumps_of([moved], "O")
    few = np.concatenate([np.flatnonzero(moved.symbols != "O"), np.flatnonzero(moved.symbols == "O")[:3]])
    with pytest.raises(InputError, match="3 anions; needed: more than the 3"):
        jumps_of([Trajectory(moved.symbols[few], moved.positions[:, few], moved.cell, FRAME_TIME)])
    narrow = np.diag([12.0, 20.0, 4.0])
    with pytest.raises(InputError, match="needed: at most half"):
        jumps_of([Trajectory(moved.symbols, moved.positions, narrow, FRAME_TIME)])
