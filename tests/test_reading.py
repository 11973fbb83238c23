from __future__ import annotations

import bz2
import gzip
import io
import lzma

import numpy as np
import pytest
from ase import Atoms

from alzmodel import reading
from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.io import read_frames, write_structure

XYZ = 'Lattice="10 0 0 0 10 0 0 0 10" Properties=species:S:1:pos:R:3 pbc="T T T"\n'
ROWS = "Zr 0 0 0\nO 2 0 0\nO 0 2 0\n"


@pytest.mark.parametrize(
    "text",
    [f"1000000000000\n{XYZ}{ROWS}", f"-3\n{XYZ}{ROWS}", f"3\n{XYZ}{ROWS}1000000000000\n{XYZ}"],
    ids=["at once", "below zero", "later"],
)
@pytest.mark.parametrize("name", ["a.extxyz", "a.xyz", "a", "a.xyz.gz", "-"])
def test_more_atoms_announced_than_allowed(tmp_path, monkeypatch, text, name):
    if name == "-":
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
    path = "-" if name == "-" else tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    elif name != "-":
        path.write_text(text)
    with pytest.raises(InputError, match="announces"):
        read_frames(path)


@pytest.mark.parametrize(
    ("ending", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
def test_a_small_file_that_unpacks_to_much_is_refused(tmp_path, ending, compress):
    path = tmp_path / f"a.extxyz.{ending}"
    path.write_bytes(compress(bytes(1 << 22)))
    assert path.stat().st_size < 10_000
    with pytest.raises(InputError, match="unpacked"):
        read_frames(path, max_atoms=20_000)


def test_what_unpacks_to_far_more_than_coordinates_do_is_refused(tmp_path):
    path = tmp_path / "a.extxyz.bz2"
    path.write_bytes(bz2.compress(bytes(1 << 24)))
    with pytest.raises(InputError, match="unpacks to more than 200 times its size"):
        read_frames(path)


def test_limits_of_atoms_and_bytes_of_plain_files(tmp_path):
    path = tmp_path / "a.extxyz"
    write_structure([crystal("MgO")] * 5, path)
    assert len(read_frames(path, max_atoms=40)) == 5
    with pytest.raises(InputError, match="announces 40 atoms; allowed: 0 to 39"):
        read_frames(path, max_atoms=39)
    traj = tmp_path / "a.traj"
    write_structure([crystal("MgO")] * 5, traj)
    with pytest.raises(InputError, match="40 atoms in all; allowed: up to 39"):
        read_frames(traj, max_atoms=39)
    with path.open("r+b") as handle:
        handle.truncate(1 << 40)
    with pytest.raises(InputError, match="more than 2 GB"):
        read_frames(path)


def test_a_format_that_announces_too_much_meets_the_bound_on_memory(tmp_path):
    path = tmp_path / "a.lmp"
    path.write_text(
        "title\n\n1000000000000 atoms\n1 atom types\n0 10 xlo xhi\n0 10 ylo yhi\n0 10 zlo zhi\n\n"
        "Masses\n\n1 91\n\nAtoms\n\n1 1 0 0 0\n"
    )
    with pytest.raises(InputError, match=r"a\.lmp"):
        read_frames(path)


def test_memory_that_a_small_file_cannot_fill_is_refused():
    with pytest.raises(InputError, match="asks for more memory"), reading.bounded_reading("a.cube", 100):
        np.ones(10**9)
    assert np.ones(10).sum() == 10


def test_reading_without_end_is_ended(monkeypatch):
    monkeypatch.setattr(reading, "SECONDS", 0.05)
    with pytest.raises(InputError, match="not read after"), reading.bounded_reading("a.xyz", 0):  # noqa: PT012
        while True:
            pass


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ([[10, 0, 0], [9.999999, 1e-6, 0], [0, 0, 10]], "opposite faces 1e-06"),
        ([[1000, 0, 0], [999, 0.4, 0], [0, 0, 1000]], "opposite faces 0.4 "),
        (np.eye(3) * 1e-3, "opposite faces 0.001"),
        (np.eye(3) * 1e300, "cell of 1e"),
        ([[10, 0, 0], [10, 0, 0], [0, 0, 10]], "no volume"),
        ([[np.nan, 0, 0], [0, 10, 0], [0, 0, 10]], "not finite"),
        (np.eye(3), "4 atoms in 1 Å³"),
    ],
)
def test_cells_that_no_model_can_have(tmp_path, cell, said):
    path = tmp_path / "a.traj"
    Atoms("ZrO3", positions=[[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2]], cell=cell, pbc=True).write(path)
    with pytest.raises(InputError, match=said):
        read_frames(path)


@pytest.mark.parametrize("cell", [[10, 10, 10], [[2.5, 2.5, 0], [0, 2.5, 2.5], [2.5, 0, 2.5]], [3, 3, 60]])
def test_cells_of_real_models_pass(tmp_path, cell):
    path = tmp_path / "a.extxyz"
    Atoms("ZrO", positions=[[0, 0, 0], [1, 1, 1]], cell=cell, pbc=True).write(path)
    assert len(read_frames(path)[0]) == 2


@pytest.mark.parametrize("y", [[1e308, 0, 0], [1e308, 1e308, 1e308]])
def test_atoms_beyond_all_bounds(tmp_path, y):
    path = tmp_path / "a.traj"
    Atoms("ZrO2", positions=[[0, y[0], 0], [2, y[1], 0], [0, y[2], 2]], cell=[9, 9, 9], pbc=True).write(path)
    with pytest.raises(InputError, match="from the origin"):
        read_frames(path)


def test_a_nul_in_a_path():
    with pytest.raises(InputError, match="NUL"):
        read_frames("a\0b.extxyz")


def test_names_that_the_package_uses_too_hold_what_it_expects(tmp_path):
    path = tmp_path / "a.extxyz"
    path.write_text(f'3\n{XYZ.strip()} provenance="measured by me" phase=7 kind=3.5\n{ROWS}')
    (atoms,) = read_frames(path)
    assert atoms.info["provenance"] == {"said": "measured by me"}
    assert atoms.info["phase"] == "7"
    assert atoms.info["kind"] == "3.5"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_that_says_its_encoding(tmp_path, encoding):
    path = tmp_path / "a.toml"
    path.write_bytes("a = 'Å'\r\n".encode(encoding))
    assert reading.plain_text(path) == "a = 'Å'\n"


def test_text_of_no_encoding(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes("a = 'Å'".encode("latin-1"))
    with pytest.raises(UnicodeDecodeError):
        reading.plain_text(path)
