from __future__ import annotations

import json

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.crystals import crystal, nanocrystal
from alzmodel.io import read_frames, write_structure
from alzmodel.local_order.bond_valence import bond_valence
from alzmodel.local_order.per_atom import atom_arrays, with_atom_arrays
from alzmodel.local_order.shapes import SHAPES
from alzmodel.local_order.shells import bonded
from tests.local_order.models import quartz, rough_glass, rutile


def test_pyrochlore_atom_by_atom():
    atoms = crystal("La2Zr2O7")
    arrays = atom_arrays(bonded(atoms))
    zr, la, oxygen = (atoms.symbols == element for element in ("Zr", "La", "O"))
    assert set(arrays["coordination"][zr]) == {6}
    assert set(arrays["coordination"][la]) == {8}
    assert set(arrays["coordination"][oxygen]) == {4}
    assert set(arrays["formers"][oxygen]) == {0, 2}
    assert set(arrays["formers"][zr]) == {-1}
    names = list(SHAPES)
    assert {names[k] for k in arrays["shape"][zr]} == {"octahedron"}
    assert {names[k] for k in arrays["shape"][la]} == {"cube"}
    assert set(arrays["shape"][oxygen]) == {-1}
    assert set(arrays["surroundings"][zr | la]) == {2}
    assert set(arrays["surroundings"][oxygen]) == {-1}
    assert set(arrays["order_cluster"][zr]) == {0}
    assert arrays["voronoi_volume"].sum() == pytest.approx(atoms.get_volume())
    np.testing.assert_allclose(arrays["bond_valence_excess"][zr], arrays["bond_valence_sum"][zr] - 4)
    assert np.isnan(arrays["q6"][oxygen]).all()
    assert np.isfinite(arrays["q6"][zr]).all()


def test_means_of_the_arrays_are_the_models():
    model = bonded(rough_glass())
    arrays = atom_arrays(model)
    zr = model.frames[0].symbols == "Zr"
    assert arrays["bond_valence_sum"][zr].mean() == pytest.approx(bond_valence(model).ions["Zr4+"]["mean"])
    bonds = model.bonds[0]
    lengths = bonds.distance[zr[bonds.i]]
    weighted = (arrays["mean_bond_length"] * arrays["coordination"])[zr].sum() / arrays["coordination"][
        zr
    ].sum()
    assert weighted == pytest.approx(lengths.mean())


def test_arrays_come_back_from_the_file(tmp_path):
    frames = [rough_glass(seed=1), rough_glass(seed=2)]
    made = with_atom_arrays(frames)
    assert "coordination" not in frames[0].arrays
    write_structure(made, tmp_path / "out.extxyz")
    back = read_frames(tmp_path / "out.extxyz")
    assert len(back) == 2
    for one, other in zip(made, back, strict=True):
        for name, values in atom_arrays(bonded(one)).items():
            assert name in other.arrays
            assert values.shape == other.arrays[name].shape
        np.testing.assert_array_equal(one.arrays["coordination"], other.arrays["coordination"])
        np.testing.assert_allclose(one.arrays["q6"], other.arrays["q6"], atol=1e-6)
        assert other.info["local_order"]["shapes"] == list(SHAPES)


def test_a_finite_crystal_has_no_cells():
    arrays = atom_arrays(bonded(nanocrystal("La2Zr2O7", 24)))
    assert "voronoi_volume" not in arrays
    assert (arrays["surroundings"] == 2).any()


def run(capsys, *words):
    code = main([str(word) for word in words])
    return code, *capsys.readouterr()


def test_command_writes_and_prints(tmp_path, capsys):
    write_structure(rough_glass(), tmp_path / "glass.extxyz")
    code, out, _ = run(
        capsys,
        "lbu",
        tmp_path / "glass.extxyz",
        "--write",
        tmp_path / "with.extxyz",
        "--json",
        "--rings",
        "king",
    )
    assert code == 0
    result = json.loads(out)
    assert result["rings"]["criterion"] == "king"
    assert result["free_volume"]["probe_radius"] == 0.59
    assert result["roles"]["ions"]["La3+"]["paper"] == "modifier"
    assert result["references"]["La2Zr2O7"]["Zr-La"]["edge"] == 1
    assert "bond_valence_sum" in read_frames(tmp_path / "with.extxyz")[0].arrays
    code, out, _ = run(capsys, "lbu", tmp_path / "glass.extxyz", "--shells", "solid angle", "--probe", "0.3")
    assert code == 0
    for words in ("former or modifier", "Zr-La distance by what is shared", "octahedron", "0.3 Å"):
        assert words in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{one}", "--former", "Si"], "former: 'Si' is no cation"),
        (["{one}", "--ring-centres", "Zr,Si"], "--ring-centres: 'Si' is no cation"),
        (["{one}", "--largest-ring", "13"], "even number"),
        (["{one}", "--list-rings"], "--list-rings"),
        (["{one}", "{one}", "--write", "{new}"], "allowed: one"),
        (["{one}", "--write", "-", "--json"], "stdout"),
        (["{one}", "--write", "{dir}/no/where.extxyz"], "does not exist"),
        (["{one}", "--write", "{dir}/a.cif"], ".extxyz"),
        (["{one}", "--probe", "-1"], "--probe"),
        (["{one}", "--shells", "gap"], "solid angle"),
        (["{one}", "--rings", "queen"], "guttman"),
        (["{one}", "--cutoff", "La-O=12"], "up to 9"),
        (["{one}", "--cutoff", "La=3"], "La-O=3.2"),
        (["{one}", "--cutoff", "La-O=3", "--cutoff", "O-La=3.1"], "given twice"),
    ],
)
def test_bad_requests(tmp_path, capsys, words, said):
    write_structure(rough_glass(), tmp_path / "one.extxyz")
    places = {"one": tmp_path / "one.extxyz", "new": tmp_path / "new.extxyz", "dir": tmp_path}
    code, _, err = run(capsys, "lbu", *(word.format(**places) for word in words))
    assert code == 2
    assert said in err


def test_rings_are_listed_and_several_models_told_apart(tmp_path, capsys):
    write_structure(quartz(), tmp_path / "quartz.cif")
    words = ["lbu", tmp_path / "quartz.cif", "--rings", "king", "--json", "--list-rings"]
    code, out, _ = run(capsys, *words)
    assert code == 0
    result = json.loads(out)
    assert result["former"] == "Si"
    (members,) = result["rings"]["members"].values()
    assert len(members) == result["rings"]["counts"]["12"] == 3
    assert len(members[0]["atoms"]) == len(members[0]["cells"]) == 12
    assert set(result["order_ends"]) >= {"La2Zr2O7 crystal, 300 K", "LLZO liquid, 2500 K"}
    for seed in (1, 2):
        write_structure(rough_glass(seed=seed), tmp_path / f"{seed}.extxyz")
    code, out, err = run(capsys, "lbu", tmp_path / "1.extxyz", tmp_path / "2.extxyz")
    assert code == 0
    for words in ("2 models, mean ± spread", "these models", "O-Zr", "Sun: former", "cut-offs + 0.1 Å"):
        assert words in out
    assert "_std" not in out
    # The stand-in glasses are not neutral, and nothing else is amiss.
    assert all("not neutral" in line for line in err.splitlines() if "not" in line)


def test_models_of_other_cations_and_formers_stand_side_by_side(tmp_path, capsys):
    write_structure(quartz(), tmp_path / "quartz.cif")
    cluster = crystal("MgO")
    cluster.pbc = False
    write_structure(cluster, tmp_path / "cluster.extxyz")
    code, out, err = run(
        capsys, "lbu", tmp_path / "quartz.cif", tmp_path / "cluster.extxyz", "--rings", "King"
    )
    assert code == 0
    assert "SiO2, MgO: 2 models" in out
    assert "1 frame of 8±1 atoms" in out
    assert "network, Si or Mg as the former" in out
    assert "q4 of Mg" in out
    assert "different formers (Si, Mg)" in err
    assert "no packing and voids" in err


def test_every_number_of_several_models_has_its_spread(tmp_path, capsys):
    for seed in (1, 2):
        write_structure(rough_glass(5, seed=seed), tmp_path / f"{seed}.extxyz")
    code, out, _ = run(capsys, "lbu", tmp_path / "1.extxyz", tmp_path / "2.extxyz", "--json")
    assert code == 0
    result = json.loads(out)
    found = 0
    tables = [(key, value) for key, value in result.items() if key not in {"references", "order_ends"}]
    while tables:
        name, table = tables.pop()
        if isinstance(table, dict):
            tables += table.items()
            for key, value in table.items():
                if isinstance(value, int | float) and not key.endswith("_std"):
                    assert f"{key}_std" in table, (name, key)
                    found += 1
    assert found > 700


def test_an_element_without_charge_costs_only_what_needs_it(tmp_path, capsys):
    atoms = rutile()
    atoms.symbols[atoms.symbols == "Ti"] = "U"
    write_structure(atoms, tmp_path / "u.extxyz")
    code, out, err = run(capsys, "lbu", tmp_path / "u.extxyz", "--write", tmp_path / "with.extxyz")
    assert code == 0
    assert "UO6 100.0%" in out
    assert "'U'" in err
    arrays = read_frames(tmp_path / "with.extxyz")[0].arrays
    assert "bond_valence_sum" not in arrays
    assert set(arrays["edges"][atoms.symbols == "U"]) == {2}
