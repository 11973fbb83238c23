"""Formats of which ASE reads a part alone, and shares of sites under other names."""

from __future__ import annotations

import pytest

from alzmodel.errors import InputError
from alzmodel.formats.structures import read_frames
from tests.formats.files import told

SHELX = (
    "TITL own\nCELL 0.71073 4.2 4.2 4.2 90 90 90\nZERR 4 0 0 0 0 0 0\n{more}SFAC Mg O\n"
    "Mg 1 0 0 0 {sof}\nO 2 .5 0 0 1.0\nEND\n"
)
PDB = (
    "CRYST1    4.200    4.200    4.200  90.00  90.00  90.00 {group:11}   1\n"
    "ATOM      1 MG   MGO A   1       0.000   0.000   0.000  1.00  0.00          MG\n"
    "ATOM      2  O   MGO A   1       2.100   0.000   0.000  1.00  0.00           O\nEND\n"
)
EMPTY = "1 0 0\n0 1 0\n0 0 1\n0 0 0\n"


def crystal(operators):
    cell = "4.2 0 0\n0 4.2 0\n0 0 4.2\n"
    return f"3 1 1\n{cell}{operators}\n{EMPTY * operators}2\n12 0 0 0\n8 2.1 0 0\n"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.res", SHELX.format(more="LATT -1\n", sof="1.0"), None),
        ("a.res", SHELX.format(more="LATT -1\n", sof="11.00000"), None),
        ("a.res", SHELX.format(more="LATT -1\n", sof="0.5"), r"site Mg with an occupation of 0\.5"),
        ("a.res", SHELX.format(more="LATT -1\n", sof="-21.0"), "site Mg with an occupation of -21"),
        ("a.res", SHELX.format(more="LATT 4\n", sof="1.0"), r"symmetry \(LATT 4\)"),
        ("a.res", SHELX.format(more="LATT -1\nSYMM -X, -Y, Z\n", sof="1.0"), r"symmetry \(SYMM -X"),
        ("a.pdb", PDB.format(group="P 1"), None),
        ("a.pdb", PDB.format(group=""), None),
        ("a.pdb", PDB.format(group="F m -3 m"), "space group F m -3 m, whose images"),
        ("a.f34", crystal(1), None),
        ("a.f34", crystal(2), "2 symmetry operators"),
    ],
)
def test_symmetry_that_is_not_read_is_refused(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    if words is None:
        (atoms,), _ = told(tmp_path / name)
        assert str(atoms.symbols) == "MgO"
        return
    with pytest.raises(InputError, match=words):
        told(tmp_path / name)


@pytest.mark.parametrize("column", ["occupancy", "Occupancy", "occupancies", "occ", "SOF", "site_occupancy"])
def test_shares_under_any_name(tmp_path, column):
    head = f'3\nLattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3:{column}:R:1\n'
    (tmp_path / "a.xyz").write_text(head + "Zr 0 0 0 .8\nY 0 0 0 .2\nO 2.1 0 0 1\n")
    with pytest.raises(InputError, match=r"held by Zr 0\.8, Y 0\.2"):
        told(tmp_path / "a.xyz")
    (tmp_path / "a.xyz").write_text(head + "Zr 0 0 0 0\nY 2 2 0 0\nO 2.1 0 0 0\n")
    assert len(told(tmp_path / "a.xyz")[0][0]) == 3


def test_all_models_of_a_pdb_file_have_its_cell(tmp_path):
    atom = "ATOM  {:5d} {:<4s} MOL     1    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00          {:>2s}\n".format
    models = "".join(
        f"MODEL {k:8d}\n{atom(1, 'ZR', 0, 0, 0, 'ZR')}{atom(2, 'O', x, 1.285, 1.285, 'O')}ENDMDL\n"
        for k, x in ((1, 1.285), (2, 1.385))
    )
    path = tmp_path / "a.pdb"
    cell = "CRYST1    5.140    5.140    5.140  90.00  90.00  90.00 P 1           1\n"
    path.write_text(cell + models)
    (first, second), _ = told(path)
    assert second.cell.lengths() == pytest.approx([5.14] * 3)
    assert second.pbc.all()
    assert second.positions[1, 0] == pytest.approx(first.positions[1, 0] + 0.1)


@pytest.mark.parametrize(
    ("name", "element", "symbol"),
    [
        (" CA ", "", "C"),
        ("CA  ", "", "Ca"),
        (" CD ", "", "C"),
        (" NE ", "", "N"),
        (" NH1", "", "N"),
        ("HG11", "", "H"),
        ("1HB ", "", "H"),
        ("ZR1 ", "", "Zr"),
        (" CA ", "CA", "Ca"),
        (" O  ", "", "O"),
    ],
)
def test_elements_of_a_pdb_file_by_the_place_of_names(tmp_path, name, element, symbol):
    row = f"ATOM  {{:5d}} {{:4s}} ARG     1    {{:8.3f}}   0.000   0.000  1.00  0.00          {element:>2s}\n"
    path = tmp_path / "a.pdb"
    path.write_text(
        "CRYST1   20.000   20.000   20.000  90.00  90.00  90.00 P 1           1\n" + row.format(1, name, 0)
    )
    (atoms,), _ = told(path)
    assert str(atoms.symbols) == symbol


RMC = """(Version 6f format configuration file)
Number of atoms: 2
Cell (Ang/deg): 5.14 5.14 5.14 90.0 90.0 90.0
Lattice vectors (Ang):
5.14 0 0
0 5.14 0
0 0 5.14
Atoms:
1 Zr [1] 0.0 0.0 0.0 1 0 0 0
2 O [1] 0.4 0.0 0.0 2 0 0 0
"""
GRO = """t
 2
    1ZRO     Zr    1   0.000   0.000   0.000
    1ZRO      O    2   0.206   0.000   0.000
   0.51400   0.51400   0.51400
"""
CONFIG = "t\n 0 1 2\n 5.14 0 0\n 0 5.14 0\n 0 0 5.14\nZr 1\n 0 0 0\nO 2\n 2.06 0 0\n"


@pytest.mark.parametrize(
    ("name", "text", "lost"),
    [
        ("a.rmc6f", RMC, "2 O [1] 0.4 0.0 0.0 2 0 0 0\n"),
        ("a.gro", GRO, "    1ZRO      O    2   0.206   0.000   0.000\n"),
        ("CONFIG", CONFIG, "O 2\n 2.06 0 0\n"),
    ],
)
def test_fewer_atoms_than_a_file_announces(tmp_path, name, text, lost):
    (tmp_path / name).write_text(text)
    (atoms,), _ = told(tmp_path / name)
    assert str(atoms.symbols) == "ZrO"
    assert atoms.get_distance(0, 1, mic=True) == pytest.approx(2.06, abs=0.01)
    (tmp_path / name).write_text(text.replace(lost, ""))
    with pytest.raises(InputError, match="1 of 2 atoms are there"):
        told(tmp_path / name)


BELOW_ZERO = {
    "a.pdb": "CRYST1  -10.000   10.000   10.000  90.00  90.00  90.00 P 1\n"
    "ATOM      1  O   MOL     1       1.000   1.000   1.000  1.00  0.00           O\nEND\n",
    "a.gro": "t\n    1\n    1MOL     O    1   0.100   0.100   0.100\n  -1.00000   1.00000   1.00000\n",
    "a.cell": "%BLOCK LATTICE_ABC\n-10 10 10\n90 90 90\n%ENDBLOCK LATTICE_ABC\n"
    "%BLOCK POSITIONS_FRAC\nO 0.1 0.1 0.1\n%ENDBLOCK POSITIONS_FRAC\n",
    "a.abinit.in": "natom 1\nntypat 1\nacell -10 10 10 angstrom\nrprim 1 0 0 0 1 0 0 0 1\nznucl 8\ntypat 1\n"
    "xred 0.1 0.1 0.1\n",
    "a.car": "!BIOSYM archive 3\nPBC=ON\n\n!DATE\n"
    "PBC  -10.0000   10.0000   10.0000   90.0000   90.0000   90.0000 (P1)\n"
    "O1      1.000000000    1.000000000    1.000000000 XXXX 1      xx      O   0.000\nend\nend\n",
}


@pytest.mark.parametrize("name", list(BELOW_ZERO))
def test_lengths_below_zero(tmp_path, name):
    text = BELOW_ZERO[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match="a cell of negative volume"):
        read_frames(tmp_path / name)
    (tmp_path / name).write_text(
        text.replace(" -10", " 10", 1).replace("\n-10", "\n10").replace("-1.0", " 1.0")
    )
    assert len(read_frames(tmp_path / name)[0]) == 1
