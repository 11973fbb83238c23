"""LAMMPS data and dumps: styles, units, types, tilts, cuts."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.formats.structures import Reading, read_frames
from alzmodel.species import parse_types
from tests.formats.files import told

HEAD = """{title}

3 atoms
2 atom types
0 6 xlo xhi
0 6 ylo yhi
0 6 zlo zhi
{masses}
Atoms{style}

"""
MASSES = "\nMasses\n\n1 28.0855\n2 15.999\n"
ROWS = {
    "": ["1 1 0 0 0", "2 2 1.6 0 0", "3 2 0 1.6 0"],
    "charge": ["1 1 2.4 0 0 0", "2 2 -1.2 1.6 0 0", "3 2 -1.2 0 1.6 0"],
    "molecular": ["1 1 1 0 0 0", "2 1 2 1.6 0 0", "3 1 2 0 1.6 0"],
    "full": ["1 1 1 2.4 0 0 0", "2 1 2 -1.2 1.6 0 0", "3 1 2 -1.2 0 1.6 0"],
}
DUMP = """ITEM: TIMESTEP
{step}
ITEM: NUMBER OF ATOMS
3
ITEM: BOX BOUNDS pp pp pp
0 6
0 6
0 6
ITEM: ATOMS id type x y z
1 1 0 0 0
3 2 0 1.6 0
2 2 1.6 0 0
"""
BAD_BOUNDS = ["6 0", "0 0", "6 -1e9"]
SILICA = Reading(types=parse_types("Si,O"))


def data(style="", *, title="own", named=False, masses=MASSES, images=""):
    head = HEAD.format(title=title, masses=masses, style=f" # {style}" if named else "")
    return head + "\n".join(row + images for row in ROWS[style]) + "\n"


@pytest.mark.parametrize("style", list(ROWS))
@pytest.mark.parametrize("images", ["", " 0 0 1"])
def test_every_style_by_its_columns(tmp_path, style, images):
    (tmp_path / "sio2.data").write_text(data(style, images=images))
    (atoms,), _ = told(tmp_path / "sio2.data")
    assert atoms.get_chemical_symbols() == ["Si", "O", "O"]
    assert atoms.get_distance(0, 1) == pytest.approx(1.6)
    assert atoms.get_initial_charges()[0] == (2.4 if style in {"charge", "full"} else 0)


def test_whole_charges_are_told_from_molecules(tmp_path):
    rows = ROWS["charge"]
    text = data("charge").replace("2.4", "4").replace("-1.2", "-2")
    (tmp_path / "a.lmp").write_text(text)
    (atoms,), _ = told(tmp_path / "a.lmp")
    assert atoms.get_initial_charges().tolist() == [4, -2, -2]
    assert len(rows) == 3


def test_a_style_that_is_not_known_is_refused(tmp_path):
    (tmp_path / "a.data").write_text(data("", named=True).replace("# ", "# peri"))
    with pytest.raises(InputError, match="atom style 'peri' with 5 columns"):
        told(tmp_path / "a.data")


@pytest.mark.parametrize(
    ("title", "factor"),
    [
        ("LAMMPS data file, units = metal", 1),
        ("LAMMPS data file via write_data, units = electron", 0.529177),
        ("own, units nano", 10),
        ("units real", 1),
    ],
)
def test_units_that_the_title_names(tmp_path, title, factor):
    (tmp_path / "a.data").write_text(data(title=title))
    (atoms,), _ = told(tmp_path / "a.data")
    assert atoms.cell.lengths() == pytest.approx([6 * factor] * 3, rel=1e-5)
    assert atoms.positions[1, 0] == pytest.approx(1.6 * factor, rel=1e-5)


def test_units_without_lengths_are_refused(tmp_path):
    (tmp_path / "a.data").write_text(data(title="units = lj"))
    with pytest.raises(InputError, match="units lj, whose lengths are not known"):
        told(tmp_path / "a.data")


@pytest.mark.parametrize(
    ("mass", "isotope"), [("2.014", 2), ("2.0141", 2), ("1.008", 0), ("1.0", 0), ("3.016", 3)]
)
def test_masses_tell_hydrogen_from_deuterium(tmp_path, mass, isotope):
    (tmp_path / "a.data").write_text(data(masses=MASSES.replace("28.0855", mass)))
    (atoms,), _ = told(tmp_path / "a.data")
    assert atoms.symbols[0] == "H"
    assert atoms.arrays.get("isotope", [0])[0] == isotope


@pytest.mark.parametrize("masses", ["", "\nMasses\n\n1 1.0\n2 1.0\n", "\nMasses\n\n1 500\n2 15.999\n"])
def test_types_without_elements_are_refused_or_named(tmp_path, masses):
    (tmp_path / "a.data").write_text(data(masses=masses))
    with pytest.raises(InputError, match="--types Li,La,Zr,O names the elements"):
        told(tmp_path / "a.data")
    (atoms,), _ = told(tmp_path / "a.data", reading=SILICA)
    assert atoms.get_chemical_formula() == "O2Si"


def test_labels_and_comments_name_types(tmp_path):
    (tmp_path / "a.data").write_text(data(masses="\nMasses\n\n1 99.0 # Si\n2 98.0 # O2-\n"))
    assert told(tmp_path / "a.data")[0][0].get_chemical_formula() == "O2Si"
    labels = "\nAtom Type Labels\n\n1 Zr\n2 O\n"
    (tmp_path / "a.data").write_text(data(masses=labels).replace("2 2 1.6", "2 O 1.6"))
    assert told(tmp_path / "a.data")[0][0].get_chemical_formula() == "O2Zr"


def test_a_tilted_box(tmp_path):
    text = data().replace("0 6 zlo zhi", "0 6 zlo zhi\n1 2 0.5 xy xz yz")
    (tmp_path / "a.data").write_text(text)
    (atoms,), _ = told(tmp_path / "a.data")
    assert atoms.cell.array.tolist() == [[6, 0, 0], [1, 6, 0], [2, 0.5, 6]]


@pytest.mark.parametrize("name", ["a.lammpstrj", "a.dump", "dump.1000", "run"])
def test_dumps_without_elements_are_refused_under_any_name(tmp_path, name):
    (tmp_path / name).write_text(DUMP.format(step=0))
    with pytest.raises(InputError, match=r"LAMMPS types of unknown elements; allowed: .*--types"):
        told(tmp_path / name)
    (atoms,), _ = told(tmp_path / name, reading=SILICA)
    assert atoms.get_chemical_symbols() == ["Si", "O", "O"]
    # Sorted by id.
    assert atoms.positions[1].tolist() == [1.6, 0, 0]


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ("id element x y z", ["1 Si 0 0 0", "2 O 1.6 0 0", "3 O 0 1.6 0"]),
        ("element xs ys zs", ["Si4+ 0 0 0", "O2- 0.266666667 0 0", "O2- 0 0.266666667 0"]),
        ("id type mass xu yu zu", ["1 1 28.09 0 0 0", "2 2 16 1.6 0 0", "3 2 16 0 1.6 0"]),
    ],
)
def test_columns_that_name_the_elements(tmp_path, columns, rows):
    head = DUMP.partition("ITEM: ATOMS")[0].format(step=5)
    (tmp_path / "a.dump").write_text(head + f"ITEM: ATOMS {columns}\n" + "\n".join(rows) + "\n")
    (atoms,), _ = told(tmp_path / "a.dump")
    assert atoms.get_chemical_formula() == "O2Si"
    assert atoms.get_distance(0, 1) == pytest.approx(1.6)


def test_units_boundaries_and_tilt_of_a_dump(tmp_path):
    text = DUMP.format(step=0).replace("ITEM: TIMESTEP", "ITEM: UNITS\nnano\nITEM: TIMESTEP", 1)
    text = "ITEM: TIMESTEP\n0\nITEM: UNITS\nnano\n" + text.partition("0\n")[2]
    text = text.replace(
        "BOX BOUNDS pp pp pp\n0 6\n0 6\n0 6", "BOX BOUNDS xy xz yz pp pp ff\n0 7 1\n0 6 0\n0 6 0"
    )
    (tmp_path / "a.dump").write_text(text)
    (atoms,), _ = told(tmp_path / "a.dump", reading=SILICA)
    assert atoms.pbc.tolist() == [True, True, False]
    assert np.allclose(atoms.cell.array, [[60, 0, 0], [10, 60, 0], [0, 0, 60]])
    assert atoms.positions[1, 0] == pytest.approx(16)


@pytest.mark.parametrize(
    ("units", "factor"), [("metal", 1.0), ("real", 1.0), ("electron", 0.52917721), ("nano", 10.0)]
)
def test_units_stand_above_the_first_step(tmp_path, units, factor):
    # As LAMMPS writes them: units once and first of all, the time above each step.
    frames = "".join(f"ITEM: TIME\n{step}\n" + DUMP.format(step=step) for step in (0, 10))
    (tmp_path / "a.dump").write_text(f"ITEM: UNITS\n{units}\n{frames}")
    found, _ = told(tmp_path / "a.dump", reading=SILICA)
    assert [atoms.info["timestep"] for atoms in found] == [0, 10]
    for atoms in found:
        assert atoms.cell.lengths() == pytest.approx([6 * factor] * 3)
        assert atoms.get_distance(0, 1) == pytest.approx(1.6 * factor)
    (tmp_path / "a.dump").write_text(f"ITEM: UNITS\nlj\n{frames}")
    with pytest.raises(InputError, match="units lj, whose lengths are not known"):
        told(tmp_path / "a.dump", reading=SILICA)


def test_carbon_where_no_element_is_named(tmp_path):
    head = DUMP.partition("ITEM: ATOMS")[0].format(step=5)
    rows = "1 1 C 0 0 0\n2 2 C 1.6 0 0\n3 2 C 0 1.6 0\n"
    (tmp_path / "a.dump").write_text(f"{head}ITEM: ATOMS id type element x y z\n{rows}")
    with pytest.raises(
        InputError, match="element of every atom is C, which LAMMPS writes where none is named"
    ):
        told(tmp_path / "a.dump")
    (atoms,), _ = told(tmp_path / "a.dump", reading=SILICA)
    assert str(atoms.symbols) == "SiO2"
    (tmp_path / "a.dump").write_text(
        f"{head}ITEM: ATOMS id type element x y z\n{rows.replace(' 2 C', ' 1 C')}"
    )
    (atoms,), words = told(tmp_path / "a.dump")
    assert str(atoms.symbols) == "C3"
    assert "which LAMMPS writes where none is named" in words


def test_labels_of_types_in_a_dump(tmp_path):
    head = DUMP.partition("ITEM: ATOMS")[0].format(step=5)
    rows = "1 Si 0 0 0\n2 O 1.6 0 0\n3 O 0 1.6 0\n"
    (tmp_path / "a.dump").write_text(f"{head}ITEM: ATOMS id typelabel x y z\n{rows}")
    assert str(told(tmp_path / "a.dump")[0][0].symbols) == "SiO2"


def test_a_name_that_its_mass_contradicts_is_told(tmp_path):
    (tmp_path / "a.data").write_text(data(masses="\nMasses\n\n1 28.09 # O\n2 16.0 # O\n"))
    (atoms,), words = told(tmp_path / "a.data")
    assert set(atoms.symbols) == {"O"}
    assert "type 1 is called O but has the mass of Si" in words


@pytest.mark.parametrize("lost", [1, 12, 30, 60])
def test_a_cut_dump_gives_its_whole_frames(tmp_path, lost):
    text = DUMP.format(step=0) + DUMP.format(step=10)
    (tmp_path / "a.dump").write_text(text[:-lost])
    frames, words = told(tmp_path / "a.dump", reading=SILICA)
    # The last line may lack its end alone.
    assert len(frames) == (2 if lost == 1 else 1)
    assert ("was cut; 1 whole frame" in words) == (lost > 1)


@pytest.mark.parametrize(("style", "factor"), [("metal", 1.0), ("real", 1000.0), ("nano", 0.01)])
def test_velocities_of_dumps_and_data(tmp_path, style, factor):
    from ase import units

    head = DUMP.partition("ITEM: ATOMS")[0].format(step=5)
    rows = "1 Si 0 0 0 1 2 3\n2 O 1.6 0 0 4 5 6\n3 O 0 1.6 0 7 8 9\n"
    text = f"ITEM: UNITS\n{style}\n"
    text = (
        head.replace("ITEM: NUMBER", text + "ITEM: NUMBER") + f"ITEM: ATOMS id element x y z vx vy vz\n{rows}"
    )
    (tmp_path / "a.dump").write_text(text)
    (atoms,), _ = told(tmp_path / "a.dump")
    assert atoms.get_velocities()[1] * 1000 * units.fs == pytest.approx(np.array([4, 5, 6]) * factor)
    (tmp_path / "a.data").write_text(
        data(title=f"units = {style}") + "\nVelocities\n\n2 4 5 6\n1 1 2 3\n3 7 8 9\n"
    )
    (atoms,), _ = told(tmp_path / "a.data")
    assert atoms.get_velocities()[1] * 1000 * units.fs == pytest.approx(np.array([4, 5, 6]) * factor)


def test_unwrapped_coordinates_come_first(tmp_path):
    head = DUMP.partition("ITEM: ATOMS")[0].format(step=5)
    (tmp_path / "a.dump").write_text(
        head
        + "ITEM: ATOMS id element x y z xu yu zu\n"
        + "".join(f"{k} O 1 {k} 0 13 {k} 0\n" for k in (1, 2, 3))
    )
    assert told(tmp_path / "a.dump")[0][0].positions[0].tolist() == [13, 1, 0]


def test_types_that_contradict_the_masses_are_refused(tmp_path):
    path = tmp_path / "a.data"
    path.write_text(
        "t\n\n2 atoms\n2 atom types\n0 5 xlo xhi\n0 5 ylo yhi\n0 5 zlo zhi\n\nMasses\n\n1 91.224\n2 15.999\n\n"
        "Atoms # atomic\n\n1 1 0 0 0\n2 2 2.1 0 0\n"
    )
    with pytest.raises(InputError, match="type 1 is called O but has the mass of Zr"):
        told(path, reading=Reading(types=parse_types("O,Zr")))
    (atoms,), _ = told(path, reading=Reading(types=parse_types("Zr,O")))
    assert str(atoms.symbols) == "ZrO"


@pytest.mark.parametrize("bounds", BAD_BOUNDS)
@pytest.mark.parametrize("kind", ["data", "dump"])
def test_bounds_that_do_not_rise(tmp_path, bounds, kind):
    path = tmp_path / f"sio2.{kind}"
    text = data().replace("0 6 ylo", f"{bounds} ylo")
    if kind == "dump":
        text = DUMP.format(step=0).replace("0 6\n0 6\n", f"0 6\n{bounds}\n", 1)
    path.write_text(text)
    with pytest.raises(InputError, match=r"box bounds in y: from .* does not rise"):
        read_frames(path, reading=SILICA)


def test_tilts_larger_than_the_bounds_of_a_dump(tmp_path):
    tilted = DUMP.format(step=0).replace("pp pp pp\n0 6\n0 6\n0 6", "xy xz yz pp pp pp\n0 6 7\n0 6 0\n0 6 0")
    (tmp_path / "a.dump").write_text(tilted)
    with pytest.raises(InputError, match="box bounds in x"):
        read_frames(tmp_path / "a.dump", reading=SILICA)


@pytest.mark.parametrize("bounds", ["0", "0 6 0 0 0", ""])
def test_bounds_of_another_number(tmp_path, bounds):
    text = DUMP.format(step=0).replace("0 6\n0 6\n0 6", f"{bounds}\n0 6\n0 6" if bounds else "0 6\n0 6")
    (tmp_path / "a.dump").write_text(text)
    with pytest.raises(InputError, match="box bounds: three lines of two, three or four numbers are wanted"):
        read_frames(tmp_path / "a.dump", reading=SILICA)
