"""Transport against kinisi, and trajectories as MDAnalysis reads them."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from alzmodel.dynamics.displacements import mean_square_displacements
from alzmodel.dynamics.trajectory import Trajectory
from alzmodel.dynamics.transport import transport_of
from alzmodel.dynamics.transport_run import _write_dump
from tests.dynamics.walks import FRAME_TIME, trajectory, walk


@pytest.mark.parametrize("seed", [0, 1])
def test_displacements_and_coefficient_equal_those_of_kinisi(seed):
    """Not among what the tests install: it wants newer packages than the lowest that this one works with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analyze = pytest.importorskip("kinisi.analyze")
    scipp = pytest.importorskip("scipp")
    moving = trajectory(walk(np.random.default_rng(seed), n=30, frames=201))
    frames = moving.to_atoms()
    for atoms in frames:
        atoms.wrap()
    times = np.arange(2.0, 7.5, 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = analyze.DiffusionAnalyzer.from_ase(
            frames,
            specie="Li",
            time_step=scipp.scalar(FRAME_TIME, unit="ps"),
            step_skip=scipp.scalar(1, unit="dimensionless"),
            dt=scipp.array(dims=["time interval"], values=times, unit="ps"),
            progress=False,
        )
        theirs.diffusion(
            scipp.scalar(2.0, unit="ps"),
            n_samples=200,
            n_burn=100,
            progress=False,
            random_state=np.random.RandomState(1),
        )
    ions, lags = moving.of("Li"), np.rint(times / FRAME_TIME).astype(int)
    own = mean_square_displacements(ions).mean(axis=1)[lags]
    # kinisi 2.1 has one window more, from the first frame and a step short.
    extra = ((ions[lags - 1] - ions[0]) ** 2).sum(axis=2).mean(axis=1)
    windows = len(ions) - lags
    np.testing.assert_allclose((windows * own + extra) / (windows + 1), theirs.msd.values, rtol=1e-6)
    ours = transport_of([(moving, 900.0)]).temperatures[0].D["Li"]
    together = math.hypot(ours.se_blocks, float(theirs.D.values.std()))
    assert ours.value == pytest.approx(float(theirs.D.values.mean()), abs=2 * together)


@pytest.mark.parametrize("skewed", [False, True])
def test_dumps_are_read_by_mdanalysis(skewed, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        universe_of = pytest.importorskip("MDAnalysis").Universe
    moving = trajectory(walk(np.random.default_rng(2), n=4, frames=11))
    cell = np.array([[20.0, 0, 0], [3.0, 18.0, 0], [-2.0, 1.0, 22.0]]) if skewed else moving.cell
    moving = Trajectory(moving.symbols, moving.positions, cell, FRAME_TIME)
    _write_dump(moving, tmp_path / "a.lammpstrj")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        universe = universe_of(
            str(tmp_path / "a.lammpstrj"), format="LAMMPSDUMP", topology_format="LAMMPSDUMP", dt=FRAME_TIME
        )
        assert len(universe.trajectory) == 11
        assert universe.atoms.types.tolist() == ["1"] * 4 + ["2"] * 2 + ["3"] * 4
        places = np.array([frame.positions.copy() for frame in universe.trajectory])
        box = universe.trajectory[0].triclinic_dimensions
    np.testing.assert_allclose(places[-1] - places[0], moving.positions[-1] - moving.positions[0], atol=1e-4)
    np.testing.assert_allclose(box, cell, atol=1e-4)
