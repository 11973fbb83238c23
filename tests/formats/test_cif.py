"""CIF files: settings, occupancy, isotopes, by the right values of crystals."""

from __future__ import annotations

import warnings

import pytest
from ase.spacegroup import crystal

from alzmodel.crystals import PHASES, structure_folder
from alzmodel.errors import InputError
from alzmodel.formats.cif import read_cif
from alzmodel.formats.cif_text import blocks, mixture_of, number_of
from alzmodel.formats.symmetry import parse_operator, settings_of
from alzmodel.io import read_frames
from alzmodel.sanity import amounts_of, formula_text
from tests.formats.files import CELL, COLUMNS, YSZ, cif, told

CENTRED = """loop_
_symmetry_equiv_pos_as_xyz
'x,y,z'
'x,y+1/2,z+1/2'
'x+1/2,y,z+1/2'
'x+1/2,y+1/2,z'
"""
MAGNETIC = """loop_
_space_group_symop_magn_operation.xyz
x,y,z,+1
loop_
_space_group_symop_magn_centering.xyz
x,y,z,+1
x,y+1/2,z+1/2,+1
x+1/2,y,z+1/2,+1
x+1/2,y+1/2,z,+1
"""
PYROCHLORE = ["La La 0.5 0.5 0.5", "Zr Zr 0 0 0", "O1 O 0.332 0.125 0.125", "O2 O 0.375 0.375 0.375"]


def formula(text):
    """Formula of what a CIF holds."""
    return formula_text(amounts_of(read_cif(text, "x.cif")[0]))


@pytest.mark.parametrize("name", ["x.cif", "x.mcif", "crystal", "x.txt"])
def test_partial_occupancy_is_seen_under_any_name(tmp_path, name):
    (tmp_path / name).write_text(YSZ)
    (atoms,), _ = told(tmp_path / name, mixed=True)
    assert formula_text(amounts_of(atoms)) == "Zr3.4Y0.6O7.4"
    with pytest.raises(InputError, match=r"held by Zr 0\.85, Y 0\.15; allowed: one whole atom"):
        told(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["_atom_site_occupancy", "_atom_site.occupancy", "_atom_site_Occupancy", "_atom_site_occ"]
)
def test_occupancy_by_any_spelling(name):
    sites = ["Li Li 0 0 0 0.25(3)", "O O .5 .5 .5 1.0"]
    assert formula(cif(sites, a=4.6, occupancy=name)) == "LiO4"


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("0.8Zr + 0.2Y", "Zr3.2Y0.8O8"),
        ("Zr0.8Y0.2", "Zr3.2Y0.8O8"),
        ("(Zr0.8,Y0.2)", "Zr3.2Y0.8O8"),
        ("Zr4+", "Zr4O8"),
        ("0.5Ce4+ + 0.5Gd3+", "Ce2Gd2O8"),
    ],
)
def test_a_mixture_in_the_type_of_a_site(kind, wanted):
    assert formula(cif([f"'M' '{kind}' 0 0 0 1", "O O .25 .25 .25 1"])) == wanted


def test_a_mixture_without_shares_is_refused():
    with pytest.raises(InputError, match=r"'Zr/Y' names no shares; allowed: such as 0\.8Zr\+0\.2Y"):
        formula(cif(["M Zr/Y 0 0 0 1", "O O .25 .25 .25 1"]))


def test_labels_and_types_that_are_no_element():
    assert formula(cif(["SI1 ? 0 0 0", "O1B ? .25 .25 .25", "OW1 ? .5 .5 .5"], occupancy="")) == "Si4O12"
    for row in ("W Wat .5 .5 .5", "Wat1 ? .5 .5 .5"):
        with pytest.raises(InputError, match="is no element"):
            formula(cif(["Zr Zr 0 0 0", row], occupancy=""))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            "_chemical_formula_sum 'O2 Zr'\n_cell_formula_units_Z 8\n",
            "says 8 units of O2Zr a cell, but 12 atoms",
        ),
        ("_chemical_formula_sum 'O2 Zr'\n_cell_formula_units_Z 4\n", ""),
        # pymatgen writes the sum of the whole cell.
        ("_chemical_formula_sum 'Zr4 O8'\n_cell_formula_units_Z 4\n", ""),
        ("_chemical_formula_sum 'Zr8 O16'\n_cell_formula_units_Z 4\n", "says 4 units of Zr8O16 a cell"),
        ("_exptl_crystal_density_diffrn 3.0\n", "says 3 g/cm³, but its atoms make 6.03"),
        ("_exptl_crystal_density_diffrn 6.02(1)\n", ""),
    ],
)
def test_units_and_density_that_do_not_fit_are_told(tmp_path, more, words):
    (tmp_path / "a.cif").write_text(cif(["Zr Zr 0 0 0", "O O .25 .25 .25"], occupancy="", more=more))
    _, said = told(tmp_path / "a.cif")
    assert words in said if words else not said


@pytest.mark.parametrize("action", ["always", "ignore"])
def test_notes_name_the_line_of_the_user_and_heed_filters(tmp_path, action):
    more = "_chemical_formula_sum 'O2 Zr'\n_cell_formula_units_Z 8\n"
    (tmp_path / "a.cif").write_text(cif(["Zr Zr 0 0 0", "O O .25 .25 .25"], occupancy="", more=more))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        read_frames(tmp_path / "a.cif")
    assert [note.filename for note in caught] == ([__file__] if action == "always" else [])


@pytest.mark.parametrize(("zr", "o"), [("?", "."), (".", "1.0"), ("?", "1.00(1)")])
def test_an_unknown_occupancy_is_one(zr, o):
    assert formula(cif([f"Zr Zr 0 0 0 {zr}", f"O O .25 .25 .25 {o}"])) == "Zr4O8"


@pytest.mark.parametrize("share", ["1.4", "-0.1", "half"])
def test_an_occupancy_that_is_none_is_refused(share):
    with pytest.raises(InputError, match="Zr"):
        formula(cif([f"Zr Zr 0 0 0 {share}", "O O .25 .25 .25 1"]))


def test_two_whole_atoms_on_one_place_are_refused():
    with pytest.raises(InputError, match=r"place of site Zr is held by 2 atoms"):
        formula(cif(["Zr Zr 0 0 0 1", "Y Y 0 0 0 1", "O O .25 .25 .25 1"]))


@pytest.mark.parametrize(
    "operators",
    [
        CENTRED,
        CENTRED.replace("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz"),
        CENTRED.replace("_symmetry_equiv_pos_as_xyz", "_space_group_symop.operation_xyz").replace("'", '"'),
        MAGNETIC,
    ],
)
def test_operators_alone_are_enough(operators):
    sites = ["Zr Zr 0 0 0", "O1 O .25 .25 .25", "O2 O .75 .75 .75"]
    assert formula(cif(sites, group="", number="", more=operators, occupancy="")) == "Zr4O8"


@pytest.mark.parametrize(
    ("symbol", "more"),
    [
        ("'F d -3 m :2'", ""),
        ("'F d -3 m Z'", ""),
        ("'F d -3 m'", "_space_group_name_Hall '-F 4vw 2vw 3'\n"),
        ("'F d -3 m'", "_space_group_IT_coordinate_system_code 2\n"),
        # By the charges: origin 1 would make La8Zr8O128.
        ("'F d -3 m'", ""),
    ],
)
def test_the_origin_that_a_file_names_or_that_charges_allow(symbol, more):
    text = cif(PYROCHLORE, a=10.805, group=symbol, number="227", more=more, occupancy="")
    assert formula(text) == "La16Zr16O56"


def test_an_origin_that_stays_open_is_refused():
    text = cif(["Si Si 0 0 0"], a=5.431, group="'F d -3 m'", number="227", occupancy="")
    with pytest.raises(InputError, match=r"choice 1: Si8; group 227, choice 2: Si16\); allowed: symmetry op"):
        formula(text)
    assert formula(text.replace("d -3 m'", "d -3 m S'")) == "Si8"


def test_spinel_and_garnet_by_the_axes_of_the_tables():
    spinel = ["Mg Mg 0.125 0.125 0.125", "Al Al 0.5 0.5 0.5", "O O 0.2624 0.2624 0.2624"]
    text = cif(spinel, a=8.083, group="'F d -3 m :2'", number="227", occupancy="")
    assert formula(text) == "Mg8Al16O32"
    calcite = CELL.format(a=1).replace("_cell_length_a 1", "_cell_length_a 4.99")
    calcite = calcite.replace("_cell_length_b 1", "_cell_length_b 4.99").replace(
        "_cell_length_c 1", "_cell_length_c 17.06"
    )
    calcite = calcite.replace("gamma 90", "gamma 120")
    rows = "Ca Ca 0 0 0\nC C 0 0 0.25\nO O 0.2569 0 0.25\n"
    text = f"{calcite}_space_group_name_H-M_alt 'R -3 c'\n{COLUMNS}{rows}"
    # The cell is hexagonal, and so the axes are.
    assert formula(text) == "Ca6C6O18"


def test_a_group_that_the_cell_has_not_is_refused():
    text = cif(["Zr Zr 0 0 0"], occupancy="").replace("_cell_length_c 5.14", "_cell_length_c 5.4")
    with pytest.raises(InputError, match=r"space group 'F m -3 m 225' is not known, or not of this cell"):
        formula(text)


def test_identity_alone_beside_a_group():
    # All atoms of the cell are listed, as programs write them; the name of the group is for the reader.
    listed = [
        f"Zr{n} Zr {x} {y} {z}"
        for n, (x, y, z) in enumerate([(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)])
    ]
    listed += [
        f"O{n} O {(1 + 2 * (n & 1)) / 4} {(1 + (n & 2)) / 4} {(1 + (n & 4) / 2) / 4}" for n in range(8)
    ]
    identity = "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n"
    assert formula(cif(listed, more=identity, occupancy="")) == "Zr4O8"


def test_deuterium_and_other_isotopes_are_kept():
    atoms = read_cif(
        cif(["O O 0 0 0", "D1 D .19 0 0", "Li 7Li .5 0 0"], a=8, group="'P 1'", number="1", occupancy=""), "x"
    )[0]
    assert atoms.arrays["isotope"].tolist() == [0, 2, 7]
    assert atoms.get_masses()[1] == pytest.approx(2.014, abs=1e-3)


def test_what_is_left_out_or_contradicts_is_told(tmp_path):
    path = tmp_path / "x.cif"
    path.write_text(
        cif(["Zr Zr 0 0 0 1", "O O .25 .25 .25 1", "H H ? ? ? 1"], more="_chemical_formula_sum 'Zr O3'\n")
    )
    _, words = told(path)
    assert "sites without coordinates are left out: H" in words
    assert "says ZrO3, but its atoms make Zr4O8" in words
    path.write_text(cif(["Zr Zr 0 0 0"], group="", number="", occupancy=""))
    assert "names no symmetry" in told(path)[1]


def test_every_reference_crystal_has_the_atoms_that_ase_finds():
    import ase.io

    for phase in list(PHASES.values())[:8]:
        path = structure_folder() / phase.file
        own = read_cif(path.read_text(encoding="utf-8"), path.name)[0]
        other = ase.io.read(path)
        assert sorted(own.symbols) == sorted(other.symbols)
        assert own.cell.cellpar() == pytest.approx(other.cell.cellpar())


def test_settings_by_symbol_number_and_hall():
    def halls(**words):
        return [
            one.hall_number
            for one in settings_of(**{"hall": None, "symbol": None, "number": None, "choice": None, **words})
        ]

    assert halls(symbol="P 1 21/n 1", number=14) == halls(symbol="P 21/n") != halls(symbol="P 21/c")
    assert halls(symbol="C m c a") == halls(symbol="C m c e")
    assert halls(symbol="I a 3 d") == halls(symbol="I a -3 d", number=230)
    assert len(halls(symbol="F d -3 m")) == len(halls(number=227)) == 2
    assert halls(symbol="Q q") == []


def test_operators_are_read_as_written():
    rotation, translation = parse_operator("-X+Y, 1/3+y, z-0.25", "x")
    assert rotation.tolist() == [[-1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert translation.tolist() == pytest.approx([0, 1 / 3, -0.25])
    for text in ("x,y", "x,y,q", "x,x,z", ""):
        with pytest.raises(InputError, match="no symmetry operator"):
            parse_operator(text, "x")


def test_the_words_of_a_cif():
    (block,) = blocks(
        "data_a\n_one 'it''s a' # no\n_two\n;long\ntext\n;\nloop_\n_p\n_q.r\n1 2\n3\n4\n_three 5\n"
    )
    assert block.values == {
        "_one": ["it''s a"],
        "_two": ["long\ntext"],
        "_p": ["1", "3"],
        "_q_r": ["2", "4"],
        "_three": ["5"],
    }
    assert number_of("0.1234(5)", "x") == 0.1234
    assert number_of("-1/4", "x") == -0.25
    assert [(one.symbol, share) for one, share in mixture_of("0.8Zr + 0.2Y")] == [("Zr", 0.8), ("Y", 0.2)]


def test_ase_builds_the_same_origin_two():
    made = crystal(
        ["La", "Zr", "O", "O"],
        [(0.5, 0.5, 0.5), (0, 0, 0), (0.332, 0.125, 0.125), (0.375, 0.375, 0.375)],
        spacegroup=227, setting=2, cellpar=[10.805] * 3 + [90] * 3,
    )  # fmt: skip
    own = read_cif(cif(PYROCHLORE, a=10.805, group="'F d -3 m :2'", number="227", occupancy=""), "x")[0]
    assert sorted(own.get_all_distances(mic=True).ravel().round(5)) == sorted(
        made.get_all_distances(mic=True).ravel().round(5)
    )
