"""Molecular dynamics for transport: the plan, what is refused, and that interruptions leave no trace."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from alzmodel.crystals import crystal, supercell
from alzmodel.dynamics import transport_run
from alzmodel.dynamics.trajectory import read_trajectory
from alzmodel.dynamics.transport import transport_of
from alzmodel.dynamics.transport_run import DynamicsRun, DynamicsSettings, check_run, run_dynamics
from alzmodel.errors import InputError
from alzmodel.forcefields.engine import read_thermo
from alzmodel.io import write_structure
from tests.dynamics.walks import trajectory, walk

BRIEF = {"SEGMENT_TIME": 0.2, "FRAME_TIME": 0.01, "FIRST_LOOK": 0.4, "SETTLE_TIME": 0.05}


@pytest.fixture
def brief(monkeypatch):
    for name, value in BRIEF.items():
        monkeypatch.setattr(transport_run, name, value)


def a_run(*, temperature=600.0, repeats=3, potential="du-teter", mobile="Li", **settings):
    settings = {"coulomb": "dsf", "equilibration": 1.0, **settings}
    model = supercell(crystal("Li2O"), repeats)
    return DynamicsRun(model, "Li2O", temperature, potential, mobile, DynamicsSettings(**settings))


@pytest.mark.slow
def test_a_longer_time_goes_on_from_a_shorter_one_as_if_it_had_been_asked_for(brief, tmp_path):
    whole = run_dynamics(a_run(repeats=2, time=0.4), tmp_path / "whole")
    short = run_dynamics(a_run(repeats=2, time=0.2), tmp_path / "parts")
    both = run_dynamics(a_run(repeats=2, time=0.4), tmp_path / "parts")
    assert len(short.positions) == 21
    assert len(both.positions) == 41
    np.testing.assert_array_equal(both.positions, whole.positions)
    np.testing.assert_array_equal(both.positions[:21], short.positions)
    (place,) = (tmp_path / "parts" / "runs").iterdir()
    # The volume is held at its mean over the second half of the equilibration, of which the log has every tenth value.
    log = read_thermo([place / "equilibrate.log", place / "run-0.log"])
    assert np.ptp(log.volume[-3:]) < 1e-6
    assert abs(np.linalg.det(both.cell)) == pytest.approx(log.volume[-1], rel=1e-9)
    # Other programs read what we read.
    for name in ("trajectory.extxyz", "trajectory.lammpstrj"):
        again = read(place / name, index=":")
        assert len(again) == 41
        assert again[0].get_chemical_symbols() == list(both.symbols)
        assert again[0].info.get("temperature") == (600.0 if name.endswith("extxyz") else None)
        moved = again[-1].positions - again[0].positions
        np.testing.assert_allclose(moved, both.positions[-1] - both.positions[0], atol=3e-6)
    # Shorter than what stands there is its beginning.
    np.testing.assert_array_equal(
        run_dynamics(a_run(repeats=2, time=0.2), tmp_path / "parts").positions, short.positions
    )


@pytest.mark.parametrize("text", ["", "[" * 100_000, "[1]"])
def test_a_damaged_note_of_what_was_written_costs_the_writing_alone(tmp_path, text):
    found = trajectory(walk(np.random.default_rng(1), n=3, frames=4))
    transport_run._write(found, tmp_path, 600.0)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "written.json").write_text(text)
    transport_run._write(found, tmp_path, 600.0)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == whole


def test_the_mean_volume_is_that_of_the_second_half():
    words = " ".join(transport_run._rescale(crystal("Li2O")))
    assert words.startswith("change_box all x scale ${scale}")
    assert "xy" not in words
    skewed = crystal("Li2O")
    skewed.set_cell(skewed.cell.array + np.eye(3)[[1, 0, 2]])
    assert "xy final $(xy*v_scale)" in " ".join(transport_run._rescale(skewed))


def test_a_run_of_its_own_length_ends_when_the_ions_diffuse_or_at_the_latest(tmp_path, monkeypatch):
    """With walkers in place of molecular dynamics."""
    looked = []
    steps = {"fast": 1.0, "slow": 0.01}

    def walkers(run, _, segments):
        looked.append(len(segments) - 1)
        rng = np.random.default_rng(1)
        return trajectory(walk(rng, diffusivity=steps[run.name], n=40, frames=50 * looked[-1] + 1))

    monkeypatch.setattr(transport_run, "run_job", lambda *_, **__: None)
    monkeypatch.setattr(transport_run, "_trajectory", walkers)
    for name in steps:
        run_dynamics(dataclasses.replace(a_run(max_time=150.0), name=name), tmp_path)
    assert looked == [4, 4, 8, 15]


def test_the_next_look_is_where_ten_square_angstrom_are_expected(monkeypatch):
    rng = np.random.default_rng(1)
    fast, slow = (trajectory(walk(rng, diffusivity=one, n=40)) for one in (2.0, 0.1))
    assert transport_run._next_look(fast, "Li", 4) == 4
    # 4.8 Å² are reached in a fifth: 2.5 times as long would do, and twice as long is looked at.
    assert transport_run._next_look(slow, "Li", 4) == 8


def test_folders_of_other_inputs_differ_and_of_other_lengths_do_not():
    names = {
        a_run().folder_name(),
        a_run(temperature=700.0).folder_name(),
        a_run(potential="grimes").folder_name(),
        a_run(seed=2).folder_name(),
        a_run(coulomb="pppm").folder_name(),
        a_run(repeats=4).folder_name(),
    }
    assert len(names) == 6
    assert a_run(time=50.0).folder_name() == a_run(max_time=100.0).folder_name() in names
    assert (
        "/"
        not in DynamicsRun(crystal("Li2O"), "a/b", 600.0, "du-teter", "Li", DynamicsSettings()).folder_name()
    )


def test_time_that_is_told():
    """Atoms times steps over what a core does in a second."""
    run = a_run(time=60.0)
    assert run.seconds() == pytest.approx(2.0 + 324 * (60 + 1 + 2) / 0.002 / 3.6e5)
    assert a_run(time=60.0, coulomb="pppm").seconds() > 1.5 * run.seconds()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"time": 5.0}, r"--time 5; allowed: 20 to 100000 ps"),
        ({"time": float("nan")}, "--time nan"),
        ({"max_time": 1e9}, "--max-time"),
        ({"equilibration": 0.0}, "--equilibration 0"),
        ({"seed": -1}, "--seed -1"),
        ({"ranks": 10_000}, "ranks: 10000"),
        ({"temperature": 0.0}, "temperature: 0"),
        ({"mobile": "Na"}, "no Na; allowed: Li, O"),
        ({"repeats": 2}, "a cell of 9.2 Å"),
        ({"potential": "nobody"}, "nobody"),
        ({"potential": "learned"}, "--coulomb dsf: learned was fitted to an Ewald sum; allowed: pppm"),
    ],
)
def test_what_cannot_be_run_is_refused_before_any_time_is_spent(how, said):
    with pytest.raises(InputError, match=said):
        check_run(a_run(**how))


@pytest.mark.slow
def test_a_killed_command_goes_on_and_ends_with_the_same_trajectory(tmp_path):
    write_structure(supercell(crystal("Li2O"), 3), tmp_path / "model.extxyz")

    def words(folder):
        return [
            *(
                sys.executable,
                "-m",
                "alzmodel",
                "transport",
                tmp_path / "model.extxyz",
                "-o",
                folder,
                "--json",
            ),
            *("--temperatures", "900", "--time", "20", "--coulomb", "dsf", "--equilibration", "1"),
        ]

    def trajectory_in(folder):
        (place,) = (folder / "runs").iterdir()
        return place / "trajectory.extxyz"

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole = subprocess.run(words(tmp_path / "a"), capture_output=True, text=True, check=True, env=environment)
    with subprocess.Popen(words(tmp_path / "b"), stdout=subprocess.DEVNULL, env=environment) as killed:
        end = time.monotonic() + 60
        while not list((tmp_path / "b").glob("runs/*/run-0.restart")) and time.monotonic() < end:
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
    (place,) = (tmp_path / "b" / "runs").iterdir()
    assert not Path(place / "run-5000.restart").exists()
    before = (place / "run-0.restart").stat().st_mtime_ns
    again = subprocess.run(words(tmp_path / "b"), capture_output=True, text=True, check=True, env=environment)
    assert (place / "run-0.restart").stat().st_mtime_ns == before
    assert trajectory_in(tmp_path / "a").read_bytes() == trajectory_in(tmp_path / "b").read_bytes()
    assert json.loads(whole.stdout) == json.loads(again.stdout)
    # Through the door of foreign trajectories it gives the same.
    found = json.loads(whole.stdout)["temperatures"][0]
    foreign = read_trajectory(trajectory_in(tmp_path / "a"), 0.2)
    assert foreign.duration == pytest.approx(found["duration"])
    assert found["diffusive"] is False


@pytest.mark.slow
def test_li_is_faster_in_cubic_llzo_than_in_tetragonal(tmp_path):
    """By grimes, which keeps Li of the tetragonal garnet on its sites; du-teter tells them apart by a third only."""
    found = {}
    for phase in ("LLZO-cubic", "LLZO-tetragonal"):
        settings = DynamicsSettings(time=20.0, coulomb="dsf", equilibration=4.0)
        run = DynamicsRun(crystal(phase), phase, 800.0, "grimes", "Li", settings)
        (found[phase],) = transport_of([(run_dynamics(run, tmp_path), 800.0)]).temperatures
    cubic, tetragonal = (found[phase].surroundings.jumps for phase in found)
    assert cubic.rate - 2 * cubic.rate_se > 5 * tetragonal.rate
    assert found["LLZO-cubic"].window_msd > 3 * found["LLZO-tetragonal"].window_msd
    assert not any(one.framework_moves for one in found.values())
