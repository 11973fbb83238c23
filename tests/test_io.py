from __future__ import annotations

import io
import json
import os
import stat
import subprocess

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write

from alzmodel import io as alz_io
from alzmodel.errors import InputError
from alzmodel.io import check_writable, write_structure


@pytest.fixture
def salt():
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    atoms.info["provenance"] = {"seed": 3, "thermo": {"time_ps": [0.0, 1.0]}}
    return atoms


def test_extended_xyz_keeps_provenance_and_charges(salt, tmp_path):
    salt.set_initial_charges([1, -1] * 4)
    path = tmp_path / "model.extxyz"
    alz_io.write_structure(salt, path)
    again = alz_io.read_structure(path)
    assert again.info["provenance"] == salt.info["provenance"]
    np.testing.assert_array_equal(again.get_initial_charges(), salt.get_initial_charges())


def test_read_structure_takes_the_last_frame(salt, tmp_path):
    moved = salt.copy()
    moved.positions += 0.5
    path = tmp_path / "two.extxyz"
    alz_io.write_structure([salt, moved], path)
    assert len(alz_io.read_frames(path)) == 2
    np.testing.assert_allclose(alz_io.read_structure(path).positions, moved.positions, atol=1e-7)


@pytest.mark.parametrize(
    "name", ["model.cif", "POSCAR.vasp", "POSCAR", "model.xyz", "model", "model.data", "a.lmp"]
)
def test_other_formats_by_ending(salt, tmp_path, name):
    alz_io.write_structure(salt, tmp_path / name)
    again = alz_io.read_structure(tmp_path / name)
    assert again.get_chemical_formula() == salt.get_chemical_formula()
    np.testing.assert_allclose(again.cell.cellpar(), salt.cell.cellpar(), atol=1e-5)


def test_lammps_data_keeps_charges_and_other_formats_their_maker(salt, tmp_path):
    salt.set_initial_charges([1, -1] * 4)
    salt.info["provenance"] = {"formula": "NaCl", "seed": 3, "citation": "someone"}
    for name in ("a.lmp", "a.cif", "a.vasp"):
        alz_io.write_structure(salt, tmp_path / name)
        first = (tmp_path / name).read_text(encoding="ascii").splitlines()[0]
        assert "NaCl written by alzmodel" in first
        assert "seed 3" in first
        assert "after someone" in first
    charges = alz_io.read_structure(tmp_path / "a.lmp").get_initial_charges()
    np.testing.assert_allclose(charges, salt.get_initial_charges())


def test_lammps_data_must_name_their_elements(salt, tmp_path):
    write(tmp_path / "a.data", salt, format="lammps-data")
    with pytest.raises(InputError, match=r"a\.data: LAMMPS types of unknown elements; allowed: .*Masses"):
        alz_io.read_frames(tmp_path / "a.data")
    write(tmp_path / "a.data", salt, format="lammps-data", masses=True)
    assert alz_io.read_structure(tmp_path / "a.data").symbols.formula.count() == {"Na": 4, "Cl": 4}


@pytest.mark.parametrize("name", ["a.cif", "a.vasp", "a.lmp"])
def test_a_cluster_gets_a_box_where_one_is_needed(tmp_path, name):
    alz_io.write_structure(Atoms("OZr", [[0, 0, 0], [2.1, 0, 0]]), tmp_path / name)
    again = alz_io.read_structure(tmp_path / name)
    assert again.cell.lengths() == pytest.approx([22.1, 20, 20], abs=1e-4)
    assert again.get_distance(0, 1) == pytest.approx(2.1, abs=1e-4)


def test_formats_of_one_model_refuse_frames(salt, tmp_path):
    with pytest.raises(InputError, match="2 frames"):
        alz_io.write_structure([salt, salt], tmp_path / "a.lmp")
    assert not any(tmp_path.iterdir())


def test_a_file_named_poscar_is_one(salt, tmp_path):
    salt.write(tmp_path / "POSCAR", format="vasp")
    assert len(alz_io.read_structure(tmp_path / "POSCAR")) == len(salt)


def test_standard_streams(salt, monkeypatch, capsys):
    alz_io.write_structure(salt, "-")
    text = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert alz_io.read_structure("-").get_chemical_formula() == "Cl4Na4"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "not a structure"),
        ("this is no structure\n", "not a structure"),
        ('1\nLattice="1 0 0 0 1 0 0 0 1" pbc="T T T"\nO nan 0 0\n', "not finite"),
        ('1\nLattice="0 0 0 0 0 0 0 0 0" pbc="T T T"\nO 0 0 0\n', "no volume"),
        ("0\n\n", "no atoms"),
        ("2\n\nO 0 0 0\nO 1e8 0 0\n", "1e+08 Å from the origin"),
        ("1\n\nXx 0 0 0\n", "unknown symbol"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, content, named):
    path = tmp_path / "bad.xyz"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        alz_io.read_frames(path)
    message = str(caught.value)
    assert str(path) in message
    assert named in message
    assert "allowed" in message
    assert "\n" not in message


@pytest.mark.parametrize(("sites", "held"), [("Mg1 Mg 0.5", "Mg 0.5"), ("Mg1 Mg 0.5\nCa1 Ca 0.5", "Ca 0.5")])
def test_partly_occupied_sites_are_refused(tmp_path, sites, held):
    path = tmp_path / "disordered.cif"
    columns = ("label", "type_symbol", "occupancy", "fract_x", "fract_y", "fract_z")
    cell = [f"_cell_length_{edge} 4.21" for edge in "abc"]
    cell += [f"_cell_angle_{angle} 90" for angle in ("alpha", "beta", "gamma")]
    atoms = [f"{site} 0 0 0" for site in sites.splitlines()]
    loop = ["_symmetry_Int_Tables_number 225", "loop_", *(f"_atom_site_{name}" for name in columns)]
    path.write_text("\n".join(["data_x", *cell, *loop, *atoms, "O1 O 1.0 0.5 0.5 0.5", ""]))
    with pytest.raises(InputError, match=held):
        alz_io.read_frames(path)
    path.write_text("\n".join(["data_x", *cell, *loop, "Mg1 Mg 1.0 0 0 0", "O1 O 1.0 0.5 0.5 0.5", ""]))
    assert len(alz_io.read_structure(path)) == 8


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        alz_io.read_frames(tmp_path / "nothing.cif")


def _write_half(target):
    with alz_io.atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError


def test_atomic_path_leaves_the_old_file_when_writing_fails(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError):
        _write_half(target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_a_pipe_is_written_into_and_stays_one(salt, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        check_writable(pipe)
        write_structure(salt, pipe)
        text, _ = reader.communicate(timeout=20)
    assert text.startswith(f"{len(salt)}\n")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [one.name for one in tmp_path.iterdir()] == ["pipe"]


def test_atomic_path_respects_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        alz_io.write_text(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_unknown_output_format_names_the_file_and_leaves_nothing(salt, tmp_path):
    with pytest.raises(InputError, match=r"model\.nonsense"):
        alz_io.write_structure(salt, tmp_path / "model.nonsense")
    assert not any(tmp_path.iterdir())


def test_outputs_are_checked_before_work(tmp_path):
    (tmp_path / "file").write_text("x")
    alz_io.check_writable(tmp_path / "new.xyz")
    alz_io.check_output_folder(tmp_path / "deep" / "folder")
    with pytest.raises(InputError, match="is a folder"):
        alz_io.check_writable(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        alz_io.check_writable(tmp_path / "none" / "new.xyz")
    with pytest.raises(InputError, match="is a file"):
        alz_io.check_output_folder(tmp_path / "file" / "study")
    with pytest.raises(InputError) as caught:
        alz_io.check_output_folder(tmp_path / "file")
    assert str(caught.value).count(str(tmp_path / "file")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["a.extxyz", "a.xyz", "a", "a.traj", "a.xyz.gz", "-"])
def test_files_of_several_models_are_taken(tmp_path, name):
    alz_io.check_structure_path(name if name == "-" else tmp_path / name, several=True)


@pytest.mark.parametrize("name", ["a.cif", "POSCAR", "a.vasp", "a.lmp", "a.xsf"])
def test_formats_of_one_model_are_told_from_those_of_several(salt, tmp_path, name):
    path = tmp_path / name
    alz_io.check_structure_path(path)
    alz_io.write_structure(salt, path)
    if name == "a.xsf":
        alz_io.check_structure_path(path, several=True)
        return
    with pytest.raises(InputError, match=r"holds one model; allowed for several frames: \.extxyz"):
        alz_io.check_structure_path(path, several=True)


@pytest.mark.parametrize("name", ["a.foo", "a.gz", "a.pdf"])
def test_endings_that_no_format_has_are_refused_beforehand(tmp_path, name):
    with pytest.raises(InputError, match=r"no format for models ends so; allowed endings: \.extxyz"):
        alz_io.check_structure_path(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_marked_read_only_is_refused(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    try:
        with pytest.raises(InputError, match="not writable"):
            alz_io.check_output_folder(folder / "study")
        with pytest.raises(InputError, match="not writable"):
            alz_io.check_writable(folder / "model.xyz")
    finally:
        folder.chmod(0o755)


def test_json_turns_nan_to_null_and_arrays_to_lists():
    value = {"a": np.array([1.0, np.nan]), "b": np.float64("inf"), 3: (np.int64(2), None), "c": "Å"}
    assert json.loads(alz_io.json_text(value)) == {"a": [1.0, None], "b": None, "3": [2, None], "c": "Å"}


def test_atoms_without_a_cell_are_taken(tmp_path):
    path = tmp_path / "cluster.xyz"
    alz_io.write_structure(Atoms("OZr", [[0, 0, 0], [2.1, 0, 0]]), path)
    assert not alz_io.read_structure(path).pbc.any()
