"""``alzmodel transport``: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.crystals import crystal, supercell
from alzmodel.dynamics.diffusion import run_diffusion
from alzmodel.dynamics.trajectory import read_trajectory
from alzmodel.io import read_frames, write_structure
from alzmodel.units import BOLTZMANN_EV_K
from tests.dynamics.walks import FRAME_TIME, rattling, trajectory, walk

KELVIN = (700, 800, 900, 1000)


def run(capsys, *words):
    code = main([str(word) for word in words])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trajectories")
    rng = np.random.default_rng(1)
    for kelvin in KELVIN:
        moving = trajectory(
            walk(rng, diffusivity=100 * math.exp(-0.3 / (BOLTZMANN_EV_K * kelvin)), n=12, frames=201)
        )
        write_structure(moving.to_atoms(), folder / f"{kelvin}.extxyz")
    write_structure(trajectory(rattling(rng, n=12, frames=101)).to_atoms(), folder / "caged.extxyz")
    return folder


def test_one_trajectory_gives_a_coefficient_and_no_conductivity(capsys, folder):
    code, out, err = run(capsys, "transport", folder / "900.extxyz", "--frame-time", FRAME_TIME, "--json")
    found = json.loads(out)["temperatures"][0]
    assert code == 0
    assert "Traceback" not in err
    assert found["T"] is None
    assert found["sigma_NE"] is None
    own = found["D"]["Li"]
    assert own["value_ci95"][0] < own["value"] < own["value_ci95"][1]
    assert own["value"] == pytest.approx(1e-2 * math.exp(-0.3 / (BOLTZMANN_EV_K * 900)), rel=0.3)
    assert own["se_seeds"] is None
    assert len(found["lag"]) == len(found["msd"]["Li"]) == len(found["non_gaussian"])
    around = found["surroundings"]
    assert around["jumps"]["n_jumps"] > 0
    assert set(around["jumps"]["coordination"]) == {"before", "during", "after"}
    assert sum(way["share"] for way in around["jumps"]["passages"].values()) == pytest.approx(1.0)
    assert around["room"][0]["bottleneck"] > 0
    assert around["room_against_D"] == {"rank": None, "p": None, "n_models": 1}
    assert "kinisi" not in found


def test_types_and_frames_of_a_dump(capsys, folder):
    frames = read_frames(folder / "900.extxyz")
    names = [str(one) for one in dict.fromkeys(frames[0].symbols)]
    lines = []
    for number, atoms in enumerate(frames):
        bounds = "".join(f"0 {length}\n" for length in atoms.cell.lengths())
        lines.append(f"ITEM: TIMESTEP\n{number}\nITEM: NUMBER OF ATOMS\n{len(atoms)}\n")
        lines.append(f"ITEM: BOX BOUNDS pp pp pp\n{bounds}ITEM: ATOMS id type xu yu zu\n")
        rows = zip(atoms.symbols, atoms.positions.tolist(), strict=True)
        lines += [f"{k} {names.index(s) + 1} {x} {y} {z}\n" for k, (s, (x, y, z)) in enumerate(rows)]
    (folder / "900.lammpstrj").write_text("".join(lines))
    words = ("--frame-time", FRAME_TIME, "--json")
    code, _, err = run(capsys, "transport", folder / "900.lammpstrj", *words)
    assert code == 2
    assert "--types" in err
    named = ("--types", ",".join(names), *words)
    found = [
        json.loads(run(capsys, "transport", *file)[1])["temperatures"][0]["D"]["Li"]["value"]
        for file in ((folder / "900.extxyz", *words), (folder / "900.lammpstrj", *named))
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-6)
    code, out, err = run(capsys, "transport", folder / "900.lammpstrj", *named, "--frames", "::2")
    assert json.loads(out)["temperatures"][0]["D"]["Li"]["value"] == pytest.approx(found[0], rel=0.15)
    code, _, err = run(capsys, "transport", folder / "900.extxyz", *words, "--order", "1")
    assert code == 2
    assert "--order 1: F have been moved already" in err


def test_four_temperatures_give_an_activation_energy_and_300_K(capsys, folder, tmp_path):
    files = [folder / f"{kelvin}.extxyz" for kelvin in KELVIN]
    words = ("--frame-time", FRAME_TIME, "--temperatures", ",".join(map(str, KELVIN)), "-o", tmp_path / "new")
    code, out, err = run(capsys, "transport", *files, *words, "--json")
    found = json.loads(out)
    assert code == 0, err
    assert [one["T"] for one in found["temperatures"]] == list(KELVIN)
    assert found["Ea"]["value_ci95"][0] < 0.3 < found["Ea"]["value_ci95"][1]
    assert found["sigma_300K"]["extrapolated"] is True
    assert json.loads((tmp_path / "new" / "transport.json").read_text(encoding="utf-8")) == found
    code, out, _ = run(capsys, "transport", *files, *words)
    assert code == 0
    assert "extrapolated" in out
    assert "Kalita" in out
    table = (tmp_path / "new" / "transport.csv").read_text(encoding="utf-8").splitlines()
    assert table[0].startswith('"t (ps), 700 K","MSD (Å²), 700 K"')
    assert all((tmp_path / "new" / f"transport.{ending}").stat().st_size > 5000 for ending in ("png", "svg"))


def test_ions_in_their_cages_have_no_coefficient(capsys, folder):
    code, out, err = run(capsys, "transport", folder / "caged.extxyz", "--frame-time", FRAME_TIME)
    assert code == 0
    assert "none" in out
    assert "not diffusive: Li has gone" in err
    code, out, _ = run(capsys, "transport", folder / "caged.extxyz", "--frame-time", FRAME_TIME, "--json")
    found = json.loads(out)["temperatures"][0]
    assert found["diffusive"] is False
    assert found["D"]["Li"]["value"] is None


def test_what_has_no_oxygen_has_a_coefficient_and_a_word_why_no_jumps(capsys, tmp_path):
    moving = trajectory(walk(np.random.default_rng(3), n=12, frames=201))
    frames = [atoms[[one.symbol != "O" for one in atoms]] for atoms in moving.to_atoms()]
    write_structure(frames, tmp_path / "metal.extxyz")
    words = (tmp_path / "metal.extxyz", "--frame-time", FRAME_TIME, "--json")
    code, out, err = run(capsys, "transport", *words)
    assert code == 0, err
    found = json.loads(out)["temperatures"][0]
    assert found["D"]["Li"]["value"] > 0
    assert found["surroundings"]["jumps"] is None
    assert found["surroundings"]["jumps_reason"]
    assert found["surroundings"]["room_reason"]


def test_the_library_gives_what_the_command_gives(capsys, folder):
    own = run_diffusion(read_trajectory(folder / "800.extxyz", FRAME_TIME))
    _, out, _ = run(capsys, "transport", folder / "800.extxyz", "--frame-time", FRAME_TIME, "--json")
    assert json.loads(out)["temperatures"][0]["slope"] == own.slope


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--frame-time", "0"), "--frame-time 0; allowed"),
        (("--frame-time", "nan"), "--frame-time"),
        (("--frame-time", "0.2"), "0.1 ps apart by their time_ps, not 0.2"),
        (("--frame-time", "0.1", "--ion", "Na"), "no Na; allowed: Li, La, O"),
        (("--frame-time", "0.1", "--temperatures", "hot"), "--temperatures hot"),
        (("--frame-time", "0.1", "--temperatures", "600,700"), "2 for 1 trajectories"),
        (("--frame-time", "0.1", "--temperatures", "-5"), "--temperatures -5"),
    ],
)
def test_bad_words_are_named(capsys, folder, words, said):
    code, out, err = run(capsys, "transport", folder / "900.extxyz", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_one_run_is_not_taken_for_two(capsys, folder):
    twice = (folder / "900.extxyz", folder / "900.extxyz", "--frame-time", FRAME_TIME)
    for more in ((), ("--temperatures", "900")):
        code, out, err = run(capsys, "transport", *twice, *more)
        assert (code, out) == (2, "")
        assert "the same as" in err


def test_one_model_is_not_taken_for_two(capsys, tmp_path):
    write_structure(supercell(crystal("Li2O"), 3), tmp_path / "one.extxyz")
    write_structure(supercell(crystal("Li2O"), 3), tmp_path / "two.extxyz")
    words = (tmp_path / "one.extxyz", tmp_path / "two.extxyz", "--dry-run", "-o", tmp_path / "new")
    code, out, err = run(capsys, "transport", *words)
    assert (code, out) == (2, "")
    assert "two: the same model as one" in err


def test_types_of_a_dump_are_named_and_frames_chosen(capsys, folder, tmp_path):
    moved = read_trajectory(folder / "900.extxyz", FRAME_TIME)
    lines = []
    for number, places in enumerate(moved.positions):
        lines += ["ITEM: TIMESTEP", str(50 * number), "ITEM: NUMBER OF ATOMS", str(len(places))]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *["0 20"] * 3, "ITEM: ATOMS id type xu yu zu"]
        kinds = {"Li": 1, "La": 2, "O": 3}
        for atom, (symbol, (x, y, z)) in enumerate(zip(moved.symbols, places, strict=True), start=1):
            lines.append(f"{atom} {kinds[symbol]} {x:.8f} {y:.8f} {z:.8f}")
    path = tmp_path / "a.lammpstrj"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, _, err = run(capsys, "transport", path, "--frame-time", FRAME_TIME)
    assert code == 2
    assert "--types" in err
    words = ("transport", path, "--frame-time", FRAME_TIME, "--types", "Li,La,O", "--json")
    code, out, err = run(capsys, *words)
    assert code == 0, err
    found = json.loads(out)["temperatures"][0]
    assert found["D"]["Li"]["apparent"] == pytest.approx(
        1e-4 * run_diffusion(moved).ion_slopes["Li"].mean(), rel=1e-4
    )
    code, out, _ = run(capsys, *words, "--frames", "50:")
    assert code == 0
    assert json.loads(out)["temperatures"][0]["duration"] == pytest.approx((200 - 50) * FRAME_TIME)


def test_a_folder_of_somebody_else_is_refused(capsys, folder, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    code, _, err = run(capsys, "transport", folder / "900.extxyz", "--frame-time", "0.1", "-o", tmp_path)
    assert code == 2
    assert "mine.txt" in err
