"""POSCAR and XDATCAR: ions and isotopes for names, cut trajectories."""

from __future__ import annotations

import pytest

from alzmodel.errors import InputError
from alzmodel.formats.structures import Reading
from alzmodel.species import parse_types
from tests.formats.files import told

POSCAR = """own
1.0
6 0 0
0 6 0
0 0 6
{names}1 2
Direct
0 0 0
.3 0 0
0 .3 0
"""
XDATCAR = POSCAR.partition("Direct")[0] + "Direct configuration= 1\n0 0 0\n.3 0 0\n0 .3 0\n"


@pytest.mark.parametrize("names", ["Zr O", "Zr4+ O2-", "Zr_sv O", "Zr/abc O/def"])
def test_names_of_a_poscar(tmp_path, names):
    (tmp_path / "POSCAR").write_text(POSCAR.format(names=names + "\n"))
    (atoms,), _ = told(tmp_path / "POSCAR")
    assert atoms.get_chemical_symbols() == ["Zr", "O", "O"]
    assert atoms.get_distance(0, 1) == pytest.approx(1.8)
    assert atoms.get_initial_charges()[0] == (4 if "+" in names else 0)


def test_deuterium_in_a_poscar(tmp_path):
    (tmp_path / "a.vasp").write_text(POSCAR.format(names="O D\n"))
    assert told(tmp_path / "a.vasp")[0][0].arrays["isotope"].tolist() == [0, 2, 2]


def test_a_poscar_without_any_name_says_what_is_allowed(tmp_path):
    (tmp_path / "a.vasp").write_text("x\n5\n1 0 0\n0 1 0\n0 0 1\n1 1\nDirect\n0 0 0\n.5 .5 .5\n")
    with pytest.raises(InputError, match="names no elements; allowed: a line of symbols, or --types"):
        told(tmp_path / "a.vasp")


def test_a_poscar_without_names(tmp_path):
    (tmp_path / "POSCAR").write_text(POSCAR.format(names=""))
    (atoms,), _ = told(tmp_path / "POSCAR", reading=Reading(types=parse_types("Zr,O")))
    assert atoms.get_chemical_formula() == "O2Zr"
    (tmp_path / "POSCAR").write_text(POSCAR.format(names="Qq O\n"))
    with pytest.raises(InputError, match="unknown symbol 'Qq'"):
        told(tmp_path / "POSCAR")


@pytest.mark.parametrize(("rest", "number"), [("", 1), ("Direct configuration= 2\n0 0 0\n.3 0\n", 1),
                                              ("Direct configuration= 2\n0 0 0\n.3 0 0\n0 .4 0\n", 2)])  # fmt: skip
def test_whole_frames_of_an_xdatcar(tmp_path, rest, number):
    (tmp_path / "XDATCAR").write_text(XDATCAR.format(names="Zr O\n") + rest)
    frames, words = told(tmp_path / "XDATCAR")
    assert len(frames) == number
    assert ("was cut; 1 whole" in words) == (bool(rest) and number == 1)
    assert frames[0].get_distance(0, 1) == pytest.approx(1.8)
