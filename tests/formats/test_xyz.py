"""XYZ: labels, units, cuts, and which frames."""

from __future__ import annotations

import pytest

from alzmodel.errors import InputError
from alzmodel.formats.choice import parse_frames
from alzmodel.formats.structures import Reading
from alzmodel.species import parse_types
from tests.formats.files import told

FRAME = """3
Lattice="6 0 0 0 6 0 0 0 6" Properties=species:S:1:pos:R:3 pbc="T T T"
{a} 0 0 {z}
{b} 2.0 0 0
{b} 0 2.0 0
"""


def frame(a="Zr", b="O", z=0):
    return FRAME.format(a=a, b=b, z=z)


@pytest.mark.parametrize(
    ("a", "b", "charges"),
    [
        ("Zr4+", "O2-", [4, -2, -2]),
        ("Zr+4", "O-2", [4, -2, -2]),
        ("Zr1", "O2", [0, 0, 0]),
        ("ZR", "O", [0, 0, 0]),
    ],
)
def test_labels_of_ions_and_numbers(tmp_path, a, b, charges):
    (tmp_path / "a.xyz").write_text(frame(a, b))
    (atoms,), _ = told(tmp_path / "a.xyz")
    assert atoms.get_chemical_symbols() == ["Zr", "O", "O"]
    assert atoms.get_initial_charges().tolist() == charges


@pytest.mark.parametrize(("label", "isotope"), [("D", 2), ("2H", 2), ("T", 3), ("D+", 2)])
def test_isotopes_of_hydrogen(tmp_path, label, isotope):
    (tmp_path / "a.extxyz").write_text(frame("O", label).replace("2.0", "0.98"))
    (atoms,), _ = told(tmp_path / "a.extxyz")
    assert atoms.get_chemical_symbols() == ["O", "H", "H"]
    assert atoms.arrays["isotope"].tolist() == [0, isotope, isotope]


def test_masses_of_isotopes(tmp_path):
    rows = '2\nLattice="6 0 0 0 6 0 0 0 6" Properties=species:S:1:pos:R:3:masses:R:1\nLi 0 0 0 {}\nO 2 0 0 15.999\n'
    for mass, isotope in ((6.015, 6), (7.016, 7), (6.94, None)):
        (tmp_path / "a.extxyz").write_text(rows.format(mass))
        (atoms,), _ = told(tmp_path / "a.extxyz")
        assert (atoms.arrays["isotope"][0] if isotope else "isotope" not in atoms.arrays) == (isotope or True)


def test_numbers_in_place_of_symbols(tmp_path):
    (tmp_path / "a.xyz").write_text(frame("1", "2"))
    with pytest.raises(InputError, match="numbers in place of symbols; allowed: --types"):
        told(tmp_path / "a.xyz")
    (atoms,), _ = told(tmp_path / "a.xyz", reading=Reading(types=parse_types("Zr,O")))
    assert atoms.get_chemical_formula() == "O2Zr"
    # Atomic numbers do not count from 1.
    (tmp_path / "a.xyz").write_text(frame("40", "8"))
    assert told(tmp_path / "a.xyz")[0][0].get_chemical_formula() == "O2Zr"


def test_types_that_were_written_as_hydrogen_and_helium(tmp_path):
    (tmp_path / "a.extxyz").write_text(frame("H", "He"))
    assert "its elements are H, He, …" in told(tmp_path / "a.extxyz")[1]
    (atoms,), _ = told(tmp_path / "a.extxyz", reading=Reading(types=parse_types("Zr,O")))
    assert atoms.get_chemical_formula() == "O2Zr"


@pytest.mark.parametrize("cut", [6, 10, 30, 90])
def test_a_cut_file_gives_its_whole_frames(tmp_path, cut):
    (tmp_path / "a.extxyz").write_text((frame() + frame(z=0.5))[:-cut])
    frames, words = told(tmp_path / "a.extxyz")
    assert len(frames) == 1
    assert frames[0].positions[0, 2] == 0
    assert "was cut; 1 whole frame" in words


def test_a_file_without_a_whole_frame_is_refused(tmp_path):
    (tmp_path / "a.xyz").write_text(frame()[:-10])
    with pytest.raises(InputError, match="no whole frame"):
        told(tmp_path / "a.xyz")


@pytest.mark.parametrize(
    ("comment", "factor"),
    [("units: bohr", 0.529177), ("positions in nm", 10), ("coordinates (a.u.)", 0.529177), ("angstrom", 1),
     ("energy=-3.5 a.u.", 1), ("bohr", 0.529177), ("step 5, energy in au", 1)],
)  # fmt: skip
def test_units_in_the_comment(tmp_path, comment, factor):
    (tmp_path / "a.xyz").write_text(f"2\n{comment}\nZr 0 0 0\nO 2 0 0\n")
    assert told(tmp_path / "a.xyz")[0][0].get_distance(0, 1) == pytest.approx(2 * factor, rel=1e-5)


@pytest.mark.parametrize(
    ("comment", "cell"),
    [
        ("cell: 6.0 7.0 8.0", [6, 7, 8, 90, 90, 90]),
        ("step 3 box = 6, 7, 8 T=300", [6, 7, 8, 90, 90, 90]),
        ("Cell parameters 6 7 8 90 95.5 90", [6, 7, 8, 90, 95.5, 90]),
        ("lattice vectors 6 0 0 0 7 0 0 0 8", [6, 7, 8, 90, 90, 90]),
        ("box size 0.6 0.7 0.8, positions in nm", [6, 7, 8, 90, 90, 90]),
        ("lattice constant 4.2 at 300 K", None),
        ("cell 1 of 3", None),
    ],
)
def test_a_cell_in_words(tmp_path, comment, cell):
    x = 0.2 if "nm" in comment else 2.0
    (tmp_path / "a.xyz").write_text(f"2\n{comment}\nZr 0 0 0\nO {x} 0 0\n")
    (frames,), words = told(tmp_path / "a.xyz")
    assert frames.get_distance(0, 1) == pytest.approx(2.0)
    assert frames.pbc.all() == (cell is not None)
    assert ("the cell of its comment" if cell else "taken as a cluster") in words
    if cell:
        assert frames.cell.cellpar() == pytest.approx(cell)


@pytest.mark.parametrize("column", ["species", "element", "type", "symbols", "atom_types"])
def test_names_of_the_column_of_symbols(tmp_path, column):
    text = frame().replace("Properties=species:S:1:", f"Properties={column}:S:1:")
    (tmp_path / "a.xyz").write_text(text)
    assert str(told(tmp_path / "a.xyz")[0][0].symbols) == "ZrO2"


def test_exponents_of_fortran(tmp_path):
    (tmp_path / "a.xyz").write_text("2\n\nZr 0.0D+00 0 0\nO .2d1 0 0\n")
    assert told(tmp_path / "a.xyz")[0][0].get_distance(0, 1) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("first", [0]),
        ("last", [9]),
        ("3", [3]),
        ("-2", [8]),
        ("2:9:3", [2, 5, 8]),
        ("7:", [7, 8, 9]),
        (":2", [0, 1]),
        ("::5", [0, 5]),
    ],
)
def test_frames_that_are_asked_for(tmp_path, text, wanted):
    (tmp_path / "a.extxyz").write_text("".join(frame(z=0.1 * n) for n in range(10)))
    frames, _ = told(tmp_path / "a.extxyz", reading=Reading(frames=parse_frames(text)))
    assert [round(atoms.positions[0, 2] * 10) for atoms in frames] == wanted


@pytest.mark.parametrize("text", ["12", "5:2", "20:30"])
def test_frames_that_are_not_there(tmp_path, text):
    (tmp_path / "a.extxyz").write_text(frame())
    with pytest.raises(InputError, match=f"--frames {text}: .* has 1 frames; allowed: first, last"):
        told(tmp_path / "a.extxyz", reading=Reading(frames=parse_frames(text)))


@pytest.mark.parametrize("text", ["", "a", "1:2:0", "1:2:-1", "1,2"])
def test_no_choice_of_frames(text):
    with pytest.raises(InputError, match="no choice of frames"):
        parse_frames(text)


def test_a_cell_beside_the_file_and_a_word_without(tmp_path):
    (tmp_path / "a.xyz").write_text("2\n\nZr 0 0 0\nO 2 0 0\n")
    frames, words = told(tmp_path / "a.xyz")
    assert not frames[0].pbc.any()
    assert "taken as a cluster" in words
    cell = Reading(cell=(6, 6, 6, 90, 90, 90))
    frames, words = told(tmp_path / "a.xyz", reading=cell)
    assert frames[0].pbc.all()
    assert "cluster" not in words
    (tmp_path / "b.extxyz").write_text(frame())
    with pytest.raises(InputError, match="has a cell of its own"):
        told(tmp_path / "b.extxyz", reading=cell)


@pytest.mark.parametrize("column", ["mass", "masses", "Atomic_mass"])
def test_a_column_of_masses_names_isotopes(tmp_path, column):
    path = tmp_path / "a.extxyz"
    head = f'3\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3:{column}:R:1\n'
    path.write_text(head + "O 0 0 0 15.999\nH .96 0 0 2.014\nH -.24 .93 0 1.008\n")
    (atoms,), _ = told(path)
    assert atoms.arrays["isotope"].tolist() == [0, 2, 0]
    assert atoms.get_masses()[1] == pytest.approx(2.014)
