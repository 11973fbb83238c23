"""The child process and the files that go to LAMMPS and back."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, spacegroup

from alzmodel.composition import ion_labels
from alzmodel.crystals import crystal, supercell
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.forcefields.engine import Segment, System, check_ranks, read_dump, read_thermo, run_job
from alzmodel.forcefields.lammps_worker import mpi_library
from alzmodel.forcefields.pair_tables import Coulomb, pppm_coulomb
from alzmodel.forcefields.potentials import potential
from alzmodel.forcefields.static import relax
from alzmodel.models.packing import random_packing
from alzmodel.models.protocols import PROTOCOLS
from alzmodel.units import BOLTZMANN_EV_K

DSF = Coulomb("dsf")


def lithium_oxide() -> Atoms:
    """Antifluorite, 324 atoms."""
    sites = [(0.25, 0.25, 0.25), (0, 0, 0)]
    return spacegroup.crystal(["Li", "O"], sites, spacegroup=225, cellpar=[4.619] * 3 + [90] * 3).repeat(3)


def job(folder: Path, atoms: Atoms | None = None, coulomb: Coulomb = DSF) -> tuple[System, list[str]]:
    atoms = lithium_oxide() if atoms is None else atoms
    labels = ion_labels(atoms)
    system = System(potential("du-teter"), tuple(dict.fromkeys(labels)))
    system.write_tables(folder, coulomb)
    system.write_data(atoms, labels, folder / "start.data")
    return system, system.setup("start.data", coulomb)


def run(name: str, setup: list[str], steps: int, output: str, first_step: int = 0) -> Segment:
    commands = (
        *setup,
        "timestep 0.002",
        "thermo 10",
        "fix move all nve",
        f"run {steps}",
        f"write_restart {output}.part",
    )
    return Segment(name, commands, output, float(steps), name, first_step, steps)


def test_data_and_dump_carry_a_turned_tilted_cell_through(tmp_path):
    atoms = crystal("La2O3")
    atoms.rotate(40, (1, 1, 2), rotate_cell=True)
    _, setup = job(tmp_path, atoms)
    dump = "write_dump all custom out.part id type xsu ysu zsu modify sort id format float %.17g"
    run_job(tmp_path, [Segment("copy", (*setup, "run 0", dump), "out", 1.0, "")])
    ((step, cell, scaled),) = read_dump(tmp_path / "out")
    assert step == 0
    # The metric of the cell is what no turn changes.
    assert cell @ cell.T == pytest.approx(atoms.cell.array @ atoms.cell.array.T, abs=1e-9)
    shift = scaled - atoms.get_scaled_positions()
    assert np.abs(shift - np.round(shift)).max() < 1e-9


def test_finished_segments_are_skipped_and_progress_rises(tmp_path):
    system, setup = job(tmp_path)
    first = run("first", setup, 40, "first.restart")
    second = run("second", system.setup("first.restart", DSF), 60, "second.restart", 40)
    told: list[tuple[float, str]] = []
    run_job(tmp_path, [first, second], upto=1, progress=lambda f, m: told.append((f, m)))
    assert not (tmp_path / "second.restart").exists()
    stamp = (tmp_path / "first.restart").stat().st_mtime_ns
    run_job(tmp_path, [first, second], progress=lambda f, m: told.append((f, m)))
    assert (tmp_path / "first.restart").stat().st_mtime_ns == stamp
    assert (tmp_path / "second.restart").exists()
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] >= 0.4
    log = read_thermo([tmp_path / "first.log", tmp_path / "second.log"])
    assert log.step.tolist() == list(range(0, 101, 10))
    assert log.density[0] == pytest.approx(log.density[-1])
    assert not list(tmp_path.glob("*.part"))


def test_energy_is_conserved_and_pppm_runs_in_a_tilted_cell(tmp_path):
    atoms = supercell(crystal("La2O3"), (3, 3, 2))
    atoms.positions += np.random.default_rng(1).normal(0, 0.05, atoms.positions.shape)
    _, setup = job(tmp_path, atoms, pppm_coulomb())
    segment = run("nve", setup, 200, "nve.restart")
    run_job(tmp_path, [segment])
    log = read_thermo([tmp_path / "nve.log"])
    kinetic = 1.5 * (len(atoms) - 1) * 8.617333e-5 * log.temperature
    total = (log.energy + kinetic) / len(atoms)
    assert kinetic[-1] / len(atoms) > 5e-3
    assert np.ptp(total) < 5e-4


@pytest.mark.slow
@pytest.mark.parametrize("coulomb", [DSF, pppm_coulomb(accuracy=1e-4)], ids=["dsf", "pppm"])
def test_the_energy_of_a_glass_does_not_drift(tmp_path, coulomb):
    """Below 0.02 meV per atom and ps over 20 ps at 300 K, with the time step and the mesh of the builds."""
    packing = random_packing({"Li+": 63, "La3+": 27, "Zr4+": 18, "O2-": 108}, seed=1)
    atoms = relax(packing, cell="iso", accuracy=1e-5).atoms
    _, setup = job(tmp_path, atoms, coulomb)
    step, warm, steps = PROTOCOLS["quick"].timestep, 1000, 10_000
    commands = (
        *setup,
        f"timestep {step}",
        "thermo 20",
        "velocity all create 600 7 mom yes",
        "fix warm all nvt temp 300 300 0.1",
        f"run {warm}",
        "unfix warm",
        "fix move all nve",
        f"run {steps}",
        "write_restart end.part",
    )
    run_job(tmp_path, [Segment("nve", commands, "end", 1.0, "nve")])
    log = read_thermo([tmp_path / "nve.log"])
    total = (log.energy + 1.5 * (len(atoms) - 1) * BOLTZMANN_EV_K * log.temperature) / len(atoms)
    assert 250 < log.temperature.mean() < 350
    drift = np.polyfit(log.step * step, total, 1)[0]
    print(f"{coulomb.kind}: {1e3 * drift:+.5f} meV/atom/ps")
    assert abs(1e3 * drift) < 0.02


def test_failure_of_lammps_is_told_in_its_own_words(tmp_path):
    _, setup = job(tmp_path)
    segment = Segment("wrong", (*setup, "pair_coeff 9 9 nothing"), "out", 1.0, "")
    with pytest.raises(AlzmodelError, match=r"LAMMPS failed: .*Illegal pair_coeff"):
        run_job(tmp_path, [segment])
    assert not (tmp_path / "out").exists()


def children() -> set[str]:
    found = set()
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = status.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"alzmodel.forcefields.lammps_worker" in words:
            found.add(words[-2].decode())
    return found


def wait_until(condition, seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


PARENT = """
import sys
from pathlib import Path
from tests.forcefields.test_engine import job, run
from alzmodel.forcefields.engine import run_job
folder = Path(sys.argv[1])
_, setup = job(folder)
run_job(folder, [run("long", setup, 10_000_000, "long.restart")], ranks=int(sys.argv[2]))
"""


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads the process list of Linux")
@pytest.mark.parametrize(("signal", "ranks"), [("kill", 1), ("terminate", 1), ("kill", 2)])
def test_no_orphan_is_left_when_the_parent_is_killed(tmp_path, signal, ranks):
    name = str(tmp_path.resolve())
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path), str(ranks)], cwd=root)
    try:
        assert wait_until((tmp_path / "long.log").exists, 90)
        assert name in children()
        getattr(parent, signal)()
        parent.wait(5)
        assert wait_until(lambda: name not in children(), 10)
    finally:
        parent.kill()
        parent.wait()


def test_child_ends_when_the_progress_function_raises(tmp_path):
    _, setup = job(tmp_path)

    def interrupt(fraction: float, message: str) -> None:
        if (tmp_path / "long.log").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(tmp_path, [run("long", setup, 10_000_000, "long.restart")], progress=interrupt)
    assert not (tmp_path / "long.restart").exists()
    if Path("/proc/self/cmdline").exists():
        assert str(tmp_path.resolve()) not in children()


def test_two_ranks_move_the_ions_of_a_hot_melt_as_one_does(tmp_path):
    """Across a restart file, with ions that leave the cell and come from one rank to the other.

    Rounding differs, and a melt makes 1e-10 Å of it into 1e-6 Å within 0.4 ps.
    """
    energies, frames = [], []
    coulomb = pppm_coulomb()
    for ranks in (1, 2):
        folder = tmp_path / str(ranks)
        folder.mkdir()
        system, setup = job(folder, random_packing({"Li+": 96, "Zr4+": 24, "O2-": 96}, seed=2), coulomb)
        dump = "dump frames all custom 50 {}.dump id type xsu ysu zsu"
        sort = "dump_modify frames sort id format float %.17g"
        heat = ["minimize 0 0 20 100", "velocity all create 4000 7 mom yes rot no dist gaussian"]
        segments = [
            run("first", [*setup, *heat, dump.format("first"), sort], 100, "first.restart"),
            run("second", [*system.setup("first.restart", coulomb), dump.format("second"), sort], 50, "end"),
        ]
        run_job(folder, segments, ranks=ranks)
        energies.append(read_thermo([folder / "first.log", folder / "second.log"]).energy)
        frames.append([(cell, scaled) for _, cell, scaled in read_dump(folder / "second.dump")])
    assert energies[0] == pytest.approx(energies[1], rel=1e-6)
    for (cell, one), (_, two) in zip(*frames, strict=True):
        assert ((one < 0) | (one >= 1)).any(axis=1).sum() > 10
        assert np.abs((one - two) @ cell).max() < 1e-4


def test_numbers_of_ranks_that_cannot_be_started_are_refused():
    check_ranks(1)
    for ranks in (0, -1, 10_000, 1.0, True):
        with pytest.raises(InputError, match=rf"ranks: {ranks}.*allowed"):
            check_ranks(ranks)


def test_the_mpi_library_of_the_wheel_is_a_library():
    library = mpi_library()
    assert library is None or library.stat().st_size > 10_000


def test_what_lammps_says_is_told_whole(tmp_path):
    _, setup = job(tmp_path)
    name = "no_such_style_" + "x" * 500
    with pytest.raises(AlzmodelError) as caught:
        run_job(tmp_path, [Segment("bad", (*setup, f"fix 1 all {name}"), "out", 1.0, "")])
    assert str(caught.value).startswith("LAMMPS failed: ERROR: Unrecognized fix style")
    assert name in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("ranks", [1, 2])
def test_modules_in_the_current_folder_do_not_reach_lammps(tmp_path, monkeypatch, ranks):
    folder, here = tmp_path / "job", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    _, setup = job(folder)
    monkeypatch.chdir(here)
    for name in ("json", "ctypes", "threading", "numpy", "lammps", "alzmodel"):
        (here / f"{name}.py").write_text(f"raise SystemExit('poison {name}')")
    run_job(folder, [run("first", setup, 10, "out")], ranks=ranks)
    assert (folder / "out").exists()
