"""First peaks of two models."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.crystals import crystal
from alzmodel.local_order.peak_differences import peak_differences


def test_a_model_that_is_two_percent_longer_is_told():
    atoms = crystal("La2Zr2O7").repeat((2, 1, 1))
    rng = np.random.default_rng(5)
    frames = []
    for _ in range(40):
        frame = atoms.copy()
        frame.positions += rng.normal(scale=0.15, size=frame.positions.shape)
        frames.append(frame)
    longer = [frame.copy() for frame in frames]
    for frame in longer:
        frame.set_cell(1.02 * frame.cell, scale_atoms=True)
    same = {row.pair: row for row in peak_differences(frames, frames)}
    assert all(row.position_error == 0 and row.height_error == 0 for row in same.values())
    found = {row.pair: row for row in peak_differences(longer, frames)}
    assert found["Zr-O"].position_error == pytest.approx(2.0, abs=0.3)
    assert found["Zr-O"].height > 1
