"""Faults that users met: each ends in one line with exit code 2."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from ase import Atoms

from alzmodel import limits
from alzmodel.cli import costs, curves, main
from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.io import write_structure


def run(capsys, *words):
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def one_line(capsys, *words):
    code, _, err = run(capsys, *words)
    assert code == 2
    assert err.startswith("alzmodel: ")
    assert len(err.splitlines()) == 1
    return err


COMMANDS = [("pdf",), ("lbu",), ("xrd",), ("xrd", "--method", "crystal"), ("fem", "--columns", "1")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_two_atoms_on_one_site(capsys, tmp_path, words):
    atoms = crystal("MgO")
    atoms += Atoms("O", positions=[atoms.positions[5] + atoms.cell[0]])
    path = tmp_path / "a.extxyz"
    write_structure(atoms, path)
    err = one_line(capsys, *words, path)
    assert "atoms 5 and 8 of frame 0 lie" in err
    assert "allowed: at least 0.01 Å" in err


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("cell", [np.eye(3) * 1e-3, [[10, 0, 0], [9.999999, 1e-6, 0], [0, 0, 10]]])
def test_cells_of_no_model(capsys, tmp_path, words, cell):
    path = tmp_path / "a.traj"
    Atoms("ZrO2", positions=[[0, 0, 0], [2, 0, 0], [0, 2, 0]], cell=cell, pbc=True).write(path)
    assert "opposite faces" in one_line(capsys, *words, path)


@pytest.mark.parametrize(
    "words", [*COMMANDS, ("refine", "--calculator", "lj", "-o", "b.extxyz")], ids=" ".join
)
def test_max_atoms(capsys, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    write_structure(crystal("MgO"), "a.extxyz")
    assert "a larger --max-atoms" in one_line(capsys, *words, "a.extxyz", "--max-atoms", "7")
    assert "--max-atoms 0: out of range" in one_line(capsys, *words, "a.extxyz", "--max-atoms", "0")


def test_a_nul_in_any_word(capsys):
    assert "a NUL character" in one_line(capsys, "pdf", "a\0b.extxyz")
    assert "a NUL character" in one_line(capsys, "report", "study", "-o", "a\0b.html")


@pytest.mark.parametrize("fraction", ["-1", "0", "1", "nan", "2"])
def test_fraction_of_clusters(capsys, tmp_path, fraction):
    write_structure(crystal("MgO"), tmp_path / "a.extxyz")
    err = one_line(capsys, "fem", tmp_path / "a.extxyz", "--cluster-fraction", fraction)
    assert "--cluster-fraction" in err
    assert "allowed: above 0, below 1" in err


def curve(path, y, sigma=None):
    rows = [np.arange(len(y)) * 0.5 + 20, y, *([] if sigma is None else [sigma])]
    np.savetxt(path, np.column_stack(rows))
    return path


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.zeros(80), "y is zero in every row"),
        (-np.arange(80.0), "y is -0 at most"),
        (np.full(80, 1e308), "y is 1e+308 in row 1"),
        (np.where(np.arange(80) == 3, -1e308, 5), "y is -1e+308 in row 4"),
    ],
)
def test_measured_curves_of_nothing(capsys, tmp_path, y, said):
    write_structure(crystal("MgO"), tmp_path / "a.extxyz")
    data = curve(tmp_path / "a.xy", y)
    assert said in one_line(capsys, "xrd", tmp_path / "a.extxyz", "--against", data)


@pytest.mark.parametrize("sigma", [0.0, -1.0, 1e-320, 1e308])
@pytest.mark.parametrize("everywhere", [True, False])
def test_measured_errors_of_zero_or_below(capsys, tmp_path, sigma, everywhere):
    write_structure(crystal("MgO"), tmp_path / "a.extxyz")
    errors = np.full(80, sigma) if everywhere else np.where(np.arange(80) == 5, sigma, 1.0)
    data = curve(tmp_path / "a.xye", np.arange(80.0) + 1, errors)
    err = one_line(capsys, "xrd", tmp_path / "a.extxyz", "--against", data)
    assert "the error of y is" in err
    assert f"row {1 if everywhere else 6}" in err


def test_stacks_of_objects_and_of_nothing(capsys, tmp_path):
    objects = tmp_path / "a.npy"
    np.save(objects, np.full((4, 32, 32), None, dtype=object), allow_pickle=True)
    assert "not a NumPy array" in one_line(capsys, "fem", objects, "--pixel-size", "0.3")
    words = tmp_path / "b.npy"
    np.save(words, np.full((4, 32, 32), "x"))
    assert "values of type <U1" in one_line(capsys, "fem", words, "--pixel-size", "0.3")
    sparse = tmp_path / "a.h5"
    with h5py.File(sparse, "w") as handle:
        handle.create_dataset("a", (19 << 15, 8192, 8192), dtype="f8", chunks=(1, 64, 64))
        handle.create_dataset("b", (4, 32, 32), dtype=h5py.string_dtype())
        handle.create_group("c")
    for name, said in (("a", "announces 334 TB and holds 0 MB"), ("b", "of type object"), ("c", "a group")):
        assert said in one_line(capsys, "fem", sparse, "--pixel-size", "0.3", "--dataset", name)


def test_bins_that_no_machine_holds(capsys, tmp_path):
    write_structure(crystal("MgO"), tmp_path / "a.extxyz")
    err = one_line(capsys, "pdf", tmp_path / "a.extxyz", "--dr", "1e-12")
    assert "12 Å in bins of 1e-12 Å: needs about" in err


@pytest.mark.parametrize("command", ["pdf", "vibrations", "solubility", "transport"])
def test_a_name_to_read_that_is_too_long(capsys, command):
    words = {"transport": ("--frame-time", "1")}.get(command, ())
    assert "is too long; allowed: shorter" in one_line(capsys, command, "a" * 300 + ".extxyz", *words)


def test_a_cell_too_thin_for_an_ewald_sum(capsys, tmp_path):
    atoms = Atoms("ZrO2", positions=[[0, 0, 0], [2, 0, 0], [5, 0, 0]], cell=[1e5, 1, 1], pbc=True)
    write_structure(atoms, tmp_path / "a.extxyz")
    err = one_line(capsys, "vibrations", tmp_path / "a.extxyz", "--potential", "grimes", "--no-units")
    assert "100000 × 1 × 1 Å, too long and thin" in err


def test_a_library_study_that_is_refused_says_nothing_else(capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "is a file" in one_line(capsys, "run", "--models", "library", "--out", tmp_path / "file")


def test_empty_space_that_no_machine_holds(capsys, tmp_path):
    atoms = Atoms("ZrO2", positions=[[0, 0, 0], [2, 0, 0], [0, 2, 0]], cell=[9e4] * 3, pbc=True)
    write_structure(atoms, tmp_path / "a.extxyz")
    assert "of memory; allowed here" in one_line(capsys, "lbu", tmp_path / "a.extxyz")


@pytest.mark.parametrize(
    ("words", "name"), [(("pdf",), "pdf_cost"), (("lbu",), "lbu_cost"), (("xrd",), "xrd_cost")]
)
def test_long_work_is_told_before_it_begins(capsys, tmp_path, monkeypatch, words, name):
    def stop(said):
        raise InputError(said)

    module = {"pdf": "pdf", "lbu": "analyse", "xrd": "xrd_patterns"}[words[0]]
    monkeypatch.setattr(f"alzmodel.cli.{module}.{name}", lambda *_, **__: costs.Cost(600.0, 5e9))
    monkeypatch.setattr(limits, "memory_there", lambda: 1e10)
    monkeypatch.setattr(curves, "say", stop)
    write_structure(crystal("MgO"), tmp_path / "a.extxyz")
    err = one_line(capsys, *words, tmp_path / "a.extxyz")
    assert "a.extxyz: 8 atoms: about 10.0 minutes and 5 GB of memory" in err


@pytest.mark.parametrize(
    ("words", "repeat", "said"),
    [
        (("fem", "--engine", "multislice", "--columns", "8"), 1, "88 atoms: about 3.5 minutes and 1.6 GB"),
        (("exafs", "--edge", "Zr-K", "--sites", "100", "--workers", "1"), 2, "704 atoms: about 63 s and"),
        (("exafs", "--edge", "Zr-K", "--sites", "90", "--workers", "1"), 2, None),
    ],
)
def test_rates_of_slow_engines_are_told(capsys, tmp_path, monkeypatch, words, repeat, said):
    def stop(*_, **__):
        raise InputError("begun")

    monkeypatch.setattr("alzmodel.scattering.exafs.sites.exafs", stop)
    monkeypatch.setattr("alzmodel.scattering.fem.variance.fem", stop)
    write_structure(crystal("La2Zr2O7").repeat(repeat), tmp_path / "a.extxyz")
    assert main([words[0], str(tmp_path / "a.extxyz"), *words[1:]]) == 2
    *before, last = capsys.readouterr().err.splitlines()
    assert last.endswith("begun")
    assert ("about" in " ".join(before)) == (said is not None)
    assert said is None or said in before[0]


def test_costs_grow_with_the_work():
    cell = crystal("La2Zr2O7")
    large = cell.repeat(2)
    cluster = large.copy()
    cluster.pbc = False
    by_size = [
        functools.partial(costs.pdf_cost, r_max=12.0),
        costs.lbu_cost,
        costs.xrd_cost,
    ]
    for cost in by_size:
        assert cost([large]).seconds == pytest.approx(8 * cost([cell]).seconds, rel=1e-9)
        more, start = cost([large]).memory - costs.START_BYTES, cost([cell]).memory - costs.START_BYTES
        assert more == pytest.approx(8 * start, rel=1e-9)
    assert costs.pdf_cost([cell], 24.0).seconds == pytest.approx(8 * costs.pdf_cost([cell], 12.0).seconds)
    assert costs.xrd_cost([cluster]).seconds < costs.xrd_cost([large]).seconds
    assert costs.fem_cost([cell], 50.0, 8).seconds == pytest.approx(
        2 * costs.fem_cost([cell], 50.0, 4).seconds
    )


def interrupted(tmp_path, number, *words):
    """Exit code, last line and seconds, of a command that gets a signal at work."""
    command = [sys.executable, "-m", "alzmodel", *map(str, words)]
    environment = dict(os.environ, PYTHONUNBUFFERED="1")
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as child:
        yield child
        before = time.monotonic()
        child.send_signal(number)
        err = child.stderr.read()
        child.wait()
    yield child.returncode, err.splitlines()[-1], time.monotonic() - before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("wait", [6.0, 12.0, 20.0])
def test_a_signal_ends_lbu_of_a_large_model(tmp_path, number, wait):
    large = crystal("La2Zr2O7").repeat(16)
    large.positions += np.random.default_rng(1).normal(0, 0.15, large.positions.shape)
    large.write(tmp_path / "a.traj")
    work = interrupted(tmp_path, number, "lbu", tmp_path / "a.traj")
    child = next(work)
    time.sleep(wait)
    assert child.poll() is None
    code, line, seconds = next(work)
    assert (code, line) == (130, "alzmodel: interrupted")
    assert seconds < 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("run", "--preset", "quick", "--out"), ("screen", "--dopants", "Ce", "--seeds", "1", "-o")]
)
def test_sigterm_ends_a_study_and_the_same_command_goes_on(tmp_path, words):
    out = tmp_path / "study"
    work = interrupted(tmp_path, signal.SIGTERM, *words, out)
    child = next(work)
    deadline = time.monotonic() + 120
    while not (out / "work").is_dir() or not any((out / "work").iterdir()):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.1)
    code, line, _ = next(work)
    assert code == 130
    assert "run the same command to resume" in line


def test_sigterm_ends_a_relaxation_and_the_same_command_goes_on(tmp_path):
    atoms = crystal("La2Zr2O7").repeat(2)
    atoms.positions += np.random.default_rng(1).normal(0, 0.3, atoms.positions.shape)
    write_structure(atoms, tmp_path / "a.extxyz")
    words = ("refine", tmp_path / "a.extxyz", "--calculator", "lj", "--fmax", "1e-9", "--steps", "100000")
    work = interrupted(tmp_path, signal.SIGTERM, *words, "-o", tmp_path / "b.extxyz")
    child = next(work)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("b.extxyz.refine-*/*.json")):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.1)
    code, line, seconds = next(work)
    (folder,) = tmp_path.glob("b.extxyz.refine-*")
    assert code == 130
    assert line == f"alzmodel: interrupted; the same command goes on from {folder}"
    assert seconds < 3
