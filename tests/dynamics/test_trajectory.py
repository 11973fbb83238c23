"""Trajectories of other programs give what ours give, and what a file says of itself holds."""

from __future__ import annotations

import numpy as np
import pytest
from ase.io import write

import alzmodel as am
from alzmodel.dynamics.diffusion import run_diffusion
from alzmodel.dynamics.trajectory import Trajectory, read_trajectory, trajectory_of, unwrapped
from alzmodel.errors import InputError
from alzmodel.formats.choice import parse_frames
from alzmodel.formats.structures import Reading
from tests.dynamics.walks import FRAME_TIME, trajectory, walk


@pytest.fixture(scope="module")
def moving():
    drift = np.linspace(0, 30, 201)[:, None] * np.array([1.0, 0.2, -1.0])
    return trajectory(walk(np.random.default_rng(1), diffusivity=2.0, n=12, frames=201), framework=drift)


def wrapped_frames(moving):
    frames = moving.to_atoms()
    for atoms in frames:
        atoms.wrap()
    return frames


def write_dump(path, frames, columns="id type element x y z", first=1000, every=50):
    """As LAMMPS writes it, with the rows in no order."""
    lines = []
    for number, atoms in enumerate(frames):
        edges = [f"0.0 {edge:.8f}" for edge in atoms.cell.lengths()]
        lines += ["ITEM: TIMESTEP", str(first + every * number), "ITEM: NUMBER OF ATOMS", str(len(atoms))]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *edges, f"ITEM: ATOMS {columns}"]
        order = np.random.default_rng(number).permutation(len(atoms))
        kinds = {
            symbol: kind for kind, symbol in enumerate(dict.fromkeys(atoms.get_chemical_symbols()), start=1)
        }
        for atom in order:
            symbol = atoms.symbols[atom]
            place = " ".join(f"{one:.9f}" for one in atoms.positions[atom])
            lines.append(f"{atom + 1} {kinds[symbol]} {symbol} {place}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", ["a.extxyz", "XDATCAR", "a.lammpstrj", "unwrapped.extxyz"])
def test_foreign_formats_give_the_same(moving, name, tmp_path):
    path = tmp_path / name
    frames = moving.to_atoms() if name.startswith("unwrapped") else wrapped_frames(moving)
    if name == "XDATCAR":
        write(path, frames, format="vasp-xdatcar")
    elif name.endswith("trj"):
        write_dump(path, frames)
    else:
        write(path, frames)
    found, own = run_diffusion(read_trajectory(path, FRAME_TIME)), run_diffusion(moving)
    for element in ("Li", "La", "O"):
        np.testing.assert_allclose(found.msd[element], own.msd[element], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.ion_slopes["Li"], own.ion_slopes["Li"], rtol=1e-4, atol=1e-5)


def test_a_breathing_cell_adds_nothing(moving):
    frames = wrapped_frames(moving)
    rng = np.random.default_rng(2)
    for atoms in frames:
        atoms.set_cell(atoms.cell * rng.uniform(0.98, 1.02), scale_atoms=True)
    found = trajectory_of(frames, FRAME_TIME)
    factor = found.cell[0, 0] / 20.0
    assert factor == pytest.approx(1.0, abs=0.003)
    np.testing.assert_allclose(
        found.positions - found.positions[0], factor * (moving.positions - moving.positions[0]), atol=1e-6
    )


def test_steps_that_could_have_gone_either_way_are_refused():
    with pytest.raises(InputError, match=r"atom 0 moves 0\.45 of the cell between frames 0 and 1"):
        unwrapped(np.array([[[0.0, 0, 0]], [[0.45, 0, 0]]]))
    found = unwrapped(np.array([[[0.9, 0, 0]], [[0.1, 0, 0]], [[0.3, 0, 0]]]))
    np.testing.assert_allclose(found[:, 0, 0], [0.9, 1.1, 1.3])


def test_times_in_the_file_hold(moving, tmp_path):
    path = tmp_path / "a.extxyz"
    write(path, moving.to_atoms())
    assert read_trajectory(path, FRAME_TIME).duration == pytest.approx(20.0)
    with pytest.raises(InputError, match=r"0\.1 ps apart by their time_ps, not 0\.2"):
        read_trajectory(path, 0.2)


@pytest.mark.parametrize("kind", ["dump", "xdatcar"])
def test_uneven_steps_are_refused(moving, kind, tmp_path):
    frames = wrapped_frames(moving)
    path = tmp_path / ("a.lammpstrj" if kind == "dump" else "XDATCAR")
    if kind == "dump":
        write_dump(path, frames)
        text = path.read_text(encoding="utf-8").replace("\n6000\n", "\n6010\n", 1)
    else:
        write(path, frames, format="vasp-xdatcar")
        text = path.read_text(encoding="utf-8").replace(
            "Direct configuration=   101", "Direct configuration=   107", 1
        )
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="evenly spaced in time"):
        read_trajectory(path, FRAME_TIME)


def test_frames_that_are_chosen_are_further_apart(moving, tmp_path):
    write_dump(tmp_path / "a.lammpstrj", wrapped_frames(moving))
    whole = read_trajectory(tmp_path / "a.lammpstrj", FRAME_TIME)
    reading = Reading(frames=parse_frames("20:180:2"))
    found = read_trajectory(tmp_path / "a.lammpstrj", FRAME_TIME, reading=reading)
    assert found.frame_time == 2 * FRAME_TIME
    np.testing.assert_allclose(
        found.positions - found.positions[0], whole.positions[20:180:2] - whole.positions[20], atol=1e-9
    )


def test_what_is_no_trajectory_is_refused(moving):
    frames = moving.to_atoms()
    with pytest.raises(InputError, match="50 frames; allowed: at least 51"):
        trajectory_of(frames[:50], FRAME_TIME)
    with pytest.raises(InputError, match=r"--frame-time 0; allowed"):
        trajectory_of(frames, 0.0)
    other = [*frames[:60], frames[60][::-1]]
    with pytest.raises(InputError, match="frame 60 has other atoms, or in another order"):
        trajectory_of(other, FRAME_TIME)
    frames[3].pbc = [True, True, False]
    with pytest.raises(InputError, match="frame 3 is not periodic"):
        trajectory_of(frames, FRAME_TIME)


def test_without_a_framework_the_ions_themselves_stay():
    positions = walk(np.random.default_rng(3), n=5, frames=60) + np.linspace(0, 9, 60)[:, None, None]
    alone = Trajectory(np.array(["Li"] * 5), positions, np.eye(3) * 20, FRAME_TIME)
    still = alone.relative_to_framework("Li").positions
    np.testing.assert_allclose(still.mean(axis=1) - still[0].mean(axis=0), 0.0, atol=1e-9)


def test_from_python_it_is_one_call(moving):
    found = am.transport(moving.to_atoms(), FRAME_TIME, temperature=900.0).temperatures[0]
    assert found.D["Li"].value == pytest.approx(run_diffusion(moving).ion_slopes["Li"].mean() * 1e-4)
    assert found.sigma_NE > 0
    with pytest.raises(am.InputError, match="1 frames; allowed: at least 51"):
        am.transport(moving.to_atoms()[:1], FRAME_TIME)
