"""Files of other programs through the commands: the right number, or a clear no."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from ase import Atoms

from alzmodel.cli import main
from alzmodel.io import write_structure
from tests.formats.files import YSZ, cif
from tests.local_order.models import cristobalite

MIXED = cif(["'Zr,Y' '0.8Zr + 0.2Y' 0 0 0 1", "O O .25 .25 .25 1"])
HEAVY_WATER = ["O O 0 0 0", "D1 D 0.0815 0 0", "D2 D -0.02 0.079 0"]


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in a folder of its own: exit code, JSON or text, words."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = main([str(word) for word in words])
        caught = capsys.readouterr()
        return code, json.loads(caught.out) if "--json" in words and code == 0 else caught.out, caught.err

    return call


def test_mixed_sites_scatter_by_their_average(run, tmp_path):
    (tmp_path / "ysz.cif").write_text(MIXED)
    code, result, words = run("xrd", "ysz.cif", "--json")
    assert code == 0
    assert "Zr3.2Y0.8O8" in result["note"]
    assert "held by Zr 0.8, Y 0.2: average scattering factors" in words
    assert [peak["hkl"] for peak in result["peaks"]][:3] == ["111", "200", "220"]
    from pymatgen.analysis.diffraction.xrd import XRDCalculator
    from pymatgen.core import Lattice, Structure

    structure = Structure.from_spacegroup(
        225, Lattice.cubic(5.14), [{"Zr": 0.8, "Y": 0.2}, "O"], [[0, 0, 0], [0.25] * 3]
    )
    # Heights over the strongest: pymatgen's factors differ by some percent of them.
    lines = XRDCalculator(1.5406).get_pattern(structure, two_theta_range=(10, 80))
    angle, intensity = np.array(result["two_theta"]), np.array(result["intensity"])
    areas = [
        intensity[abs(angle - x) < 0.3].sum() - 30 * intensity[abs(angle - x + 0.5).argmin()]
        for x in lines.x[:4]
    ]
    assert np.array(areas) / areas[0] == pytest.approx(lines.y[:4] / lines.y[0], rel=0.12)


def test_average_factors_are_those_of_whole_atoms_where_both_are_one(run, tmp_path):
    (tmp_path / "half.cif").write_text(cif(["Zr Zr 0 0 0 0.5", "Zr2 Zr 0 0 0 0.5", "O O .25 .25 .25 1"]))
    (tmp_path / "whole.cif").write_text(cif(["Zr Zr 0 0 0 1", "O O .25 .25 .25 1"]))
    curves = [run("xrd", name, "--json")[1]["intensity"] for name in ("half.cif", "whole.cif")]
    assert curves[0] == pytest.approx(curves[1], rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("command", ["lbu", "pdf", "fem"])
def test_mixed_sites_need_an_order_elsewhere(run, tmp_path, command):
    (tmp_path / "ysz.cif.gz").write_bytes(gzip.compress(YSZ.encode()))
    code, _, words = run(command, "ysz.cif.gz")
    assert code == 2
    assert "held by Zr 0.85, Y 0.15" in words
    assert "--order SEED" in words


def test_an_ordered_supercell_goes_through_pdf(run, tmp_path):
    (tmp_path / "ysz.cif.gz").write_bytes(gzip.compress(YSZ.encode()))
    code, result, words = run("pdf", "ysz.cif.gz", "--order", "1", "--r-max", "5", "--json")
    assert code == 0
    assert "Zr92Y16O208 for Zr91.8Y16.2O199.8, neutral" in words
    assert result["first_peaks"]["Zr-O"]["r"] == pytest.approx(5.14 * 3**0.5 / 4, abs=0.02)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d2o.cif", cif(HEAVY_WATER, a=12, group="'P 1'", number="1", occupancy="")),
        ("d2o.xyz", "3\n\nO 0 0 0\nD .978 0 0\nD -.24 .948 0\n"),
        ("d2o.vasp", "x\n1\n12 0 0\n0 12 0\n0 0 12\nO D\n1 2\nCartesian\n0 0 0\n.978 0 0\n-.24 .948 0\n"),
    ],
)
def test_deuterium_counts_positive_and_hydrogen_negative(run, tmp_path, name, text):
    peaks = []
    for content in (
        text,
        text.replace("D1 D", "D1 H").replace("D2 D", "D2 H").replace("\nD ", "\nH ").replace("O D", "O H"),
    ):
        (tmp_path / name).write_text(content)
        options = ["--cell", "12"] if name.endswith("xyz") else []
        code, result, _ = run("pdf", name, "--radiation", "neutron", "--r-max", "1.3", "--json", *options)
        assert code == 0
        curve = np.array(result["totals"]["neutron"])
        near = abs(np.array(result["r"]) - 0.978) < 0.03
        peaks.append(float(curve[near][abs(curve[near]).argmax()]))
        assert set(result["partials"]) == (
            {"D-D", "D-O", "O-O"} if len(peaks) == 1 else {"H-H", "H-O", "O-O"}
        )
    assert peaks[0] > 0 > peaks[1]


def test_hydroxide_has_its_bond_and_hydrogen_is_no_former(run, tmp_path):
    cell = [[3.589, 0, 0], [-1.7945, 3.108165, 0], [0, 0, 4.911]]
    places = [
        [0, 0, 0],
        [0, 2.07211, 1.149665],
        [1.7945, 1.036055, 3.761335],
        [0, 2.07211, 2.090122],
        [1.7945, 1.036055, 2.820878],
    ]
    write_structure(Atoms("CaO2H2", places, cell=cell, pbc=True), tmp_path / "a.extxyz")
    code, result, _ = run("lbu", "a.extxyz", "--json")
    assert code == 0
    assert result["units"]["H"]["mean_coordination"] == 1
    assert result["units"]["H"]["mean_distance"] == pytest.approx(0.940, abs=1e-3)
    assert result["former"] == "Ca"
    assert result["units"]["Ca"]["mean_coordination"] == 6


@pytest.mark.parametrize(("element", "n_bonds"), [("N", 2), ("S", 2), ("F", 2), ("Cl", 2)])
def test_anions_beside_oxygen_are_ligands(run, tmp_path, element, n_bonds):
    atoms = Atoms(
        ["Zr", "O", "O", element],
        [[0, 0, 0], [2.1, 0, 0], [0, 2.1, 0], [0, 0, 2.1]],
        cell=[4.2] * 3,
        pbc=True,
    )
    write_structure(atoms, tmp_path / "a.extxyz")
    code, result, _ = run("lbu", "a.extxyz", "--json")
    assert code == 0
    assert set(result["units"]) == {"Zr"}
    assert result["units"]["Zr"]["mean_coordination"] == 6
    assert result["units"]["Zr"]["by_ligand"] == {"O": 4, element: n_bonds}


def test_two_formers_are_one_network(run, tmp_path):
    atoms = cristobalite()
    silicon = np.flatnonzero(atoms.symbols == "Si")
    atoms.symbols[silicon[::2]] = "Al"
    write_structure(atoms, tmp_path / "a.extxyz")
    code, result, _ = run("lbu", "a.extxyz", "--former", "Si,Al", "--json")
    assert code == 0
    assert result["network"]["non_bridging_fraction"] == 0
    assert result["network"]["qn"]["4"] == 1
    assert result["network"]["sub_networks"]["Si,Al"]["largest_fraction"] == 1
    code, _, words = run("lbu", "a.extxyz", "--former", "Si,Ga")
    assert code == 2
    assert "former: 'Ga' is no cation" in words


def test_hydrogen_has_electron_factors(run, tmp_path):
    write_structure(Atoms("HO", [[0, 0, 0], [0.97, 0, 0]], cell=[6] * 3, pbc=True), tmp_path / "a.extxyz")
    code, result, words = run("pdf", "a.extxyz", "--json")
    assert code == 0
    assert "factor" not in words
    assert np.isfinite(result["totals"]["electron"]).all()


def test_a_slab_without_a_third_vector(run, tmp_path):
    head = '3\nLattice="5 0 0 0 5 0 0 0 0" Properties=species:S:1:pos:R:3 pbc="T T F"\n'
    text = head + "Zr 0 0 0\nO 2.0 0 0.5\nO 0 2.0 -0.5\n"
    (tmp_path / "slab.extxyz").write_text(text)
    code, result, _ = run("pdf", "slab.extxyz", "--json")
    assert code == 0
    assert result["first_peaks"]["Zr-O"]["r"] == pytest.approx(2.0616, abs=0.02)


def test_options_of_frames_cells_and_types(run, tmp_path):
    frame = '2\nLattice="9 0 0 0 9 0 0 0 9" pbc="T T T"\nZr 0 0 0\nO {} 0 0\n'
    (tmp_path / "run.extxyz").write_text("".join(frame.format(2 + 0.1 * n) for n in range(5)))
    code, result, _ = run("pdf", "run.extxyz", "--frames", "last", "--r-max", "4", "--json")
    assert code == 0
    assert result["first_peaks"]["Zr-O"]["r"] == pytest.approx(2.4, abs=0.011)
    (tmp_path / "plain.xyz").write_text("2\n\n1 0 0 0\n2 2 0 0\n")
    code, result, words = run(
        "pdf", "plain.xyz", "--types", "Zr,O", "--cell", "9,9,9", "--r-max", "4", "--json"
    )
    assert code == 0
    assert result["first_peaks"]["Zr-O"]["r"] == pytest.approx(2.0, abs=0.011)
    assert "cluster" not in words
    for bad in (["--frames", "x"], ["--cell", "0"], ["--cell", "5,5"], ["--types", "Q"], ["--frames", "7"]):
        code, _, words = run("pdf", "run.extxyz", *bad)
        assert code == 2
        assert "allowed" in words
        assert words.count("\n") == 1


@pytest.mark.parametrize("angles", ["10,10,170", "120,120,120", "60,60,120"])
def test_angles_that_close_no_cell(run, tmp_path, angles):
    (tmp_path / "m.xyz").write_text("3\nw\nO 0 0 0\nH .957 0 0\nH -.24 .927 0\n")
    code, _, words = run("pdf", "m.xyz", "--cell", f"10,10,10,{angles}")
    assert code == 2
    assert "three such angles close no cell" in words


def test_isotopes_on_one_site_are_named(run, tmp_path):
    shared = ["O O 0 0 0 1", "D D 0.0815 0 0 0.5", "H H 0.0815 0 0 0.5"]
    (tmp_path / "a.cif").write_text(cif(shared, a=12, group="'P 1'", number="1"))
    code, _, words = run("pdf", "a.cif", "--radiation", "neutron")
    assert code == 2
    assert "D 0.5, H 0.5" in words


@pytest.mark.parametrize(("function", "name"), [("G", "a.gr"), ("T", "a.gr"), ("D", "a.gr"), ("F", "a.sq")])
def test_written_totals_say_which_they_are(run, tmp_path, function, name):
    write_structure(cristobalite(), tmp_path / "a.extxyz")
    run("pdf", "a.extxyz", "--r-max", "4", "--function", function, "--write", name)
    heading = next(line for line in (tmp_path / name).read_text().splitlines() if line.startswith("#L"))
    assert heading.split(" ")[2].partition("(")[0] == function
