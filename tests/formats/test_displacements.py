"""Displacement parameters of CIF files, under every name, and what pair functions and patterns make of them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import alzmodel as am
from alzmodel.cli import main
from alzmodel.errors import InputError
from alzmodel.formats.cif import read_cif
from tests.formats.files import told

U = 1 / (8 * math.pi**2)
"""Å² of U where B is 1 Å²."""
CELL = {
    "cubic": "_cell_length_a 5.14\n_cell_length_b 5.14\n_cell_length_c 5.14\n"
    "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n_space_group_IT_number 225\n",
    "trigonal": "_cell_length_a 476(1)\n_cell_length_a_pm 476\n_cell_length_b_pm 476\n_cell_length_c_pm 1299\n"
    "_cell_angle_gamma 120\n_space_group_name_H-M_alt 'R -3 c'\n",
}
ANISO = "loop_\n_atom_site_aniso_label\n" + "".join(
    f"_atom_site_aniso_{{0}}_{place}\n" for place in ("11", "22", "33", "23", "13", "12")
)


def structure(tag, zr, oxygen, more=""):
    rows = f"Zr1 Zr4+ 0 0 0 {zr}\nO1 O2- .25 .25 .25 {oxygen}\n"
    names = "".join(
        f"_atom_site_{name}\n" for name in ("label", "type_symbol", "fract_x", "fract_y", "fract_z")
    )
    return f"data_x\n{CELL['cubic']}loop_\n{names}{tag}\n{rows}{more}"


def found(text):
    (atoms,) = read_cif(text, "a.cif")
    values = atoms.arrays.get("b_iso", np.full(len(atoms), np.nan))
    return {symbol: float(values[atoms.symbols == symbol][0]) for symbol in dict.fromkeys(atoms.symbols)}


@pytest.mark.parametrize(
    ("text", "zr", "oxygen"),
    [
        (structure("_atom_site_B_iso_or_equiv", "0.4", "0.9(1)"), 0.4, 0.9),
        (structure("_atom_site_U_iso_or_equiv", 0.4 * U, 0.9 * U), 0.4, 0.9),
        (structure("_atom_site.B_iso_or_equiv", "0.4", "?"), 0.4, math.nan),
        (structure("_atom_site_U_iso_or_equiv", "0.0", 0.9 * U), math.nan, 0.9),
        (structure("_atom_site_U_iso_or_equiv", "-0.003(2)", "."), math.nan, math.nan),
        (
            structure(
                "_atom_site_U_iso_or_equiv", 9 * U, 0.9 * U,
                ANISO.format("U") + f"Zr1 {0.3 * U} {0.4 * U} {0.5 * U} 0 0 0\n",
            ),
            0.4,
            0.9,
        ),
        (
            structure("_atom_site_calc_flag", ".", ".", ANISO.format("B") + "Zr1 .3 .4 .5 0.01 0 0\nO1 ? ? ? ? ? ?\n"),
            0.4,
            math.nan,
        ),
    ],
)  # fmt: skip
def test_displacements_by_any_name(text, zr, oxygen):
    assert found(text) == pytest.approx({"Zr": zr, "O": oxygen}, nan_ok=True)


def test_a_tensor_in_oblique_axes():
    # In a hexagonal cell ⟨u²⟩ that is the same in all directions has U12 = U11/2.
    names = "".join(f"_atom_site_{name}\n" for name in ("label", "fract_x", "fract_y", "fract_z"))
    text = f"data_x\n{CELL['trigonal'].split(chr(10), 1)[1]}loop_\n{names}Al1 0 0 .3522\nO1 .3062 0 .25\n"
    text += ANISO.format("U") + f"Al1 {0.5 * U} {0.5 * U} {0.5 * U} 0 0 {0.25 * U}\nO1 {U} {U} {U} 0 0 0\n"
    assert found(text) == pytest.approx({"Al": 0.5, "O": (2 * 4 / 3 + 1) / 3})


def test_what_programs_write_that_know_none_is_not_used(tmp_path):
    (tmp_path / "a.cif").write_text(structure("_atom_site_B_iso_or_equiv", "1.000", "1.0"))
    (atoms,), words = told(tmp_path / "a.cif")
    assert "B = 1 Å² of every site" in words
    assert "b_iso" not in atoms.arrays
    assert found(structure("_atom_site_B_iso_or_equiv", "1.0", "1.1")) == pytest.approx({"Zr": 1.0, "O": 1.1})


@pytest.mark.parametrize(("zr", "named"), [("40", "B of Zr1 is 40"), ("x", "'x' is no number")])
def test_displacements_that_are_none(zr, named):
    with pytest.raises(InputError, match=named):
        found(structure("_atom_site_B_iso_or_equiv", zr, "0.5"))


def test_pdf_and_xrd_use_what_the_file_says(capsys, tmp_path):
    plain, stated = tmp_path / "plain.cif", tmp_path / "stated.cif"
    plain.write_text(structure("_atom_site_calc_flag", ".", "."))
    stated.write_text(structure("_atom_site_U_iso_or_equiv", 0.4 * U, 0.9 * U))

    def run(*words):
        assert main([*map(str, words), "--json"]) == 0
        caught = capsys.readouterr()
        return json.loads(caught.out), caught.err

    for command, curve in (
        (("pdf", "--r-max", "4"), lambda result: result["totals"]["xray"]),
        (("xrd", "--range", "20", "40", "0.05"), lambda result: result["intensity"]),
    ):
        from_file, words = run(*command, stated)
        assert "displacements of the file are used, B in Å²: Zr 0.4, O 0.9" in words
        asked, _ = run(*command, plain, "--b-iso", "Zr=0.4,O=0.9")
        sharp, words = run(*command, stated, "--b-iso", "0")
        assert "displacements" not in words
        assert curve(from_file) == pytest.approx(curve(asked), rel=1e-9, abs=1e-9)
        assert curve(sharp) == pytest.approx(curve(run(*command, plain)[0]), rel=1e-9, abs=1e-9)
        assert max(curve(sharp)) > 1.02 * max(curve(from_file))
    assert am.pdf(stated, r_max=4.0).g["Zr-O"].max() < 20 < am.pdf(plain, r_max=4.0).g["Zr-O"].max()
    assert am.xrd(stated).intensity.max() < 0.99 * am.xrd(plain).intensity.max()
