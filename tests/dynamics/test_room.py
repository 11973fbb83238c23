"""Room for ions: a channel that is open or closed, and the order of models by it."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.dynamics.room import Room, room_against_diffusion, room_of
from alzmodel.dynamics.trajectory import Trajectory

SPACING = 3.0


def channelled(*, plugged):
    """A close grid of La and O without one column along z, which Li fills; O may plug it at one height."""
    edge = 4 * SPACING
    grid = np.array([(i, j, k) for i in range(4) for j in range(4) for k in range(4)], dtype=float)
    column = (grid[:, 0] == 1) & (grid[:, 1] == 1)
    rest = grid[~column] * SPACING
    kinds = ["La" if int(place.sum() / SPACING + 0.5) % 2 else "O" for place in rest]
    # Between the rows of the grid no probe passes.
    fill = (grid + 0.5) * SPACING
    clear = np.linalg.norm(((fill[:, :2] - SPACING + edge / 2) % edge) - edge / 2, axis=1) > 2.0
    places = np.concatenate([rest, fill[clear]])
    kinds += ["O"] * int(clear.sum())
    heights = grid[column][:, 2] * SPACING
    plug = [heights[0]] if plugged else []
    symbols = np.array(["O"] * len(plug) + kinds + ["Li"] * (len(heights) - len(plug)))
    inside = [(SPACING, SPACING, z) for z in plug] + list(places)
    inside += [(SPACING, SPACING, z) for z in heights[len(plug) :]]
    positions = np.broadcast_to(np.array(inside), (51, len(symbols), 3))
    return Trajectory(symbols, positions, np.eye(3) * edge, 0.1, "made up")


def test_an_open_channel_percolates_and_a_plug_closes_it():
    free, shut = room_of(channelled(plugged=False)), room_of(channelled(plugged=True))
    assert free.percolating > 0.5
    # The nearest O, of 1.40 Å, stand 1.5 √2 Å away from the axis.
    assert free.bottleneck == pytest.approx(1.5 * np.sqrt(2) - 1.40, abs=0.1)
    assert shut.percolating == 0.0
    assert shut.bottleneck < 0.59
    assert shut.accessible < free.accessible


def test_the_order_of_models_is_that_of_their_necks():
    rooms = [Room(str(k), 0.1, 0.5, 0.1 * k) for k in range(5)]
    found = room_against_diffusion(rooms, [1.0, 2.0, 3.0, 5.0, 8.0])
    assert found.rank == pytest.approx(1.0)
    assert found.p < 0.05
    assert room_against_diffusion(rooms, [8.0, 5.0, 3.0, 2.0, 1.0]).rank == pytest.approx(-1.0)


def test_four_models_say_nothing():
    rooms = [Room(str(k), 0.1, 0.5, 0.1 * k) for k in range(4)]
    found = room_against_diffusion(rooms, [1.0, 2.0, 3.0, 4.0])
    assert np.isnan(found.rank)
    assert found.n_models == 4
