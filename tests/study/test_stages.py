"""What tasks leave to be looked at."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from alzmodel.study.stages.fem import GLASS_AROUND, around_nucleus

WIDTH, THICKNESS, RADIUS = 60.0, 50.0, 8.0


@pytest.mark.parametrize("place", [(30.0, 30.0, 25.0), (1.0, 59.0, 25.0)])
def test_the_nucleus_comes_whole_with_all_that_is_around_it(place: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(1)
    positions = rng.uniform(0, [WIDTH, WIDTH, THICKNESS], (4000, 3))
    vector = positions - place
    vector[:, :2] -= WIDTH * np.round(vector[:, :2] / WIDTH)
    inside = np.linalg.norm(vector, axis=1) < RADIUS
    column = Atoms("O4000", positions, cell=[WIDTH, WIDTH, THICKNESS], pbc=[True, True, False])
    column.set_array("cluster", inside.astype(int))
    piece = around_nucleus(column)
    own = piece.arrays["cluster"] == 1
    centre = piece.positions[own].mean(axis=0)
    assert own.sum() == inside.sum()
    assert np.abs(piece.positions[own] - centre).max() < 1.5 * RADIUS
    # As many atoms as lie in the same cube of the periodic column, each once.
    half = np.abs(piece.positions[own] - centre).max() + GLASS_AROUND
    apart = positions - centre
    apart[:, :2] -= WIDTH * np.round(apart[:, :2] / WIDTH)
    assert len(piece) == (np.abs(apart) <= half).all(axis=1).sum()
    assert not piece.pbc.any()
    np.testing.assert_array_equal(column.positions, positions)


def test_help_lists_the_figures() -> None:
    from alzmodel.cli.study import FIGURES
    from alzmodel.study.figures import study_figures

    assert list(FIGURES) == list(study_figures())
