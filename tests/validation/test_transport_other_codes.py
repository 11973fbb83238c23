"""Transport against kinisi, and trajectories as MDAnalysis reads them."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from alzmodel.dynamics.displacements import mean_square_displacements
from alzmodel.dynamics.trajectory import Trajectory
from alzmodel.dynamics.transport import transport_of
from alzmodel.dynamics.transport_run import _write, _write_dump
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


def test_the_engine_of_kinisi_gives_what_ours_gives():
    pytest.importorskip("kinisi", exc_type=ImportError)
    moving = trajectory(walk(np.random.default_rng(5), n=30, frames=201))
    found = transport_of([(moving, 900.0)], kinisi=True).temperatures[0]
    own, theirs = found.D["Li"], found.kinisi
    assert theirs.value == pytest.approx(own.value, abs=2 * math.hypot(own.se_blocks, theirs.se))
    # Known: 1 Å²/ps.
    assert theirs.ci95[0] < 1e-4 < theirs.ci95[1]
    assert "value_ci95" in found.to_dict()["kinisi"]


def test_gemdat_reads_what_a_run_leaves(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gemdat = pytest.importorskip("gemdat")
    cell = np.array([[20.0, 0, 0], [3.0, 18.0, 0], [-2.0, 1.0, 22.0]])
    moving = trajectory(walk(np.random.default_rng(2), diffusivity=0.3, n=4, frames=60))
    moving = Trajectory(moving.symbols, moving.positions, cell, FRAME_TIME)
    _write(moving, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = gemdat.Trajectory.from_lammps(
            coords_file=tmp_path / "trajectory.lammpstrj",
            data_file=tmp_path / "trajectory.data",
            coords_format="LAMMPSDUMP",
            atom_style="charge",
            temperature=900,
            time_step=FRAME_TIME,
        )
        lithium = read.filter("Li")
        theirs = np.asarray(lithium.mean_squared_displacement()).mean(axis=0)
    assert [str(one) for one in read.species] == list(moving.symbols)
    own = mean_square_displacements(moving.of("Li")).mean(axis=1)
    np.testing.assert_allclose(theirs[1:20], own[1:20], rtol=1e-3)


def test_without_kinisi_one_line_names_the_extra(monkeypatch):
    import importlib.util

    from alzmodel.errors import InputError

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    moving = trajectory(walk(np.random.default_rng(5), n=3, frames=60))
    with pytest.raises(
        InputError, match=r'kinisi is not installed; allowed after: pip install "\.\[kinisi\]"'
    ):
        transport_of([(moving, 900.0)], kinisi=True)
