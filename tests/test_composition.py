"""Ions, compositions, whole-ion cells."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Species

from alzmodel import composition as comp
from alzmodel.composition import (
    Composition,
    formal_charges,
    formula_of,
    glass_composition,
    ion_counts,
    ion_labels,
    la_from_mol_percent,
    parse_composition,
    parse_la,
)
from alzmodel.errors import InputError
from alzmodel.ions import ELEMENT_ORDER, IONS, OXIDE_RADIUS, dopant_ions, ion, pair_label

ROMAN = {
    2: "II",
    3: "III",
    4: "IV",
    5: "V",
    6: "VI",
    7: "VII",
    8: "VIII",
    9: "IX",
    10: "X",
    11: "XI",
    12: "XII",
}


@pytest.mark.parametrize("label", sorted(IONS))
def test_radii_agree_with_pymatgen(label):
    known = ion(label)
    species = Species(known.element, known.valence)
    for number, radius in known.radii.items():
        spin = "High Spin" if known.element == "Fe" and number != 5 else ""
        assert radius == pytest.approx(species.get_shannon_radius(ROMAN[number], spin, "ionic"))


def test_radii_of_the_main_ions_are_shannons():
    # Typed from Acta Cryst. A 32 (1976) 751, Table 1.
    assert (ion("La3+").radius_cn6, ion("La3+").radius_cn8) == (1.032, 1.160)
    assert (ion("Zr4+").radius_cn6, ion("Zr4+").radius_cn8) == (0.72, 0.84)
    assert (ion("Li+").radius_cn6, ion("Li+").radii[4]) == (0.76, 0.59)
    assert ion("O2-").radius_cn6 == OXIDE_RADIUS == 1.40
    assert ion("Ce3+").radius_cn6 == 1.01
    assert ion("Ce4+").radius_cn8 == 0.97
    assert ion("Al3+").radius_cn8 is None


def test_every_ion_has_a_source_a_six_fold_radius_and_a_label_that_says_what_it_is():
    for label, known in IONS.items():
        sign = "+" if known.valence > 0 else "-"
        number = str(abs(known.valence)) if abs(known.valence) > 1 else ""
        assert label == known.label == f"{known.element}{number}{sign}"
        assert known.source
        assert known.radius_cn6 > 0


def test_field_strengths():
    lanthanum = ion("La3+")
    assert lanthanum.field_strength == pytest.approx(3 / 1.032)
    assert lanthanum.dietzel_field_strength == pytest.approx(3 / 2.432**2)
    # Dietzel's classes: formers above, intermediates about 0.5, modifiers below.
    assert ion("Si4+").dietzel_field_strength > 1.0
    assert 0.46 < lanthanum.dietzel_field_strength < 0.52
    assert ion("Li+").dietzel_field_strength < 0.35
    assert lanthanum.to_dict()["field_strength"] == lanthanum.field_strength


def test_potential_ions_are_all_there():
    needed = (
        "O2- Li+ La3+ Zr4+ Y3+ Nd3+ Eu3+ Er3+ Ce3+ Ce4+ Ca2+ Sr2+ Ba2+ Mg2+ Al3+ Ga3+ Ta5+ Na+ K+ Ti4+ Si4+"
    )
    assert set(needed.split()) <= set(IONS)


def test_dopant_names():
    assert [i.label for i in dopant_ions("Ce")] == ["Ce3+", "Ce4+"]
    assert [i.label for i in dopant_ions("Ce4+")] == ["Ce4+"]
    assert [i.label for i in dopant_ions(" Ca ")] == ["Ca2+"]
    assert [i.label for i in dopant_ions("La")] == ["La3+"]
    for bad in ("Xx", "Ce5+", "O", "Li", "Zr4+", ""):
        with pytest.raises(InputError, match="dopant"):
            dopant_ions(bad)


def test_unknown_ion_names_those_of_the_element():
    with pytest.raises(InputError, match=r"'Ce2\+'.*Ce3\+, Ce4\+$"):
        ion("Ce2+")


@pytest.mark.parametrize(
    ("a", "b", "label"),
    [
        ("La", "Zr", "Zr-La"), ("O", "La", "La-O"), ("Li", "La", "La-Li"), ("Zr", "Zr", "Zr-Zr"), ("O", "Zr", "Zr-O"),
        ("Li", "Zr", "Zr-Li"), ("O", "Li", "Li-O"), ("La", "Ca", "Ca-La"), ("Ce", "Ca", "Ca-Ce"), ("Ca", "Zr", "Zr-Ca"),
        ("Xe", "La", "Xe-La"),
    ],
)  # fmt: skip
def test_pair_labels(a, b, label):
    assert pair_label(a, b) == pair_label(b, a) == label
    order = {element: n for n, element in enumerate(ELEMENT_ORDER)}
    if "Xe" not in (a, b):
        first, second = label.split("-")
        assert order[first] <= order[second]


@pytest.mark.parametrize(
    ("la", "formula"),
    [(1.5, "Li7La1.5Zr2O9.75"), (3.0, "Li7La3Zr2O12"), (4.5, "Li7La4.5Zr2O14.25"), (1.0, "Li7LaZr2O9")],
)
def test_oxygen_balances(la, formula):
    made = glass_composition(la)
    assert made.formula == formula
    assert made.charge == pytest.approx(0, abs=1e-12)
    assert (made.la, made.la_site) == (la, la)


def test_twelve_oxygens_balance_by_lithium():
    made = glass_composition(1.5, oxygen="12")
    assert made.li == pytest.approx(16 - 3 * 1.5)
    assert made.oxygen == pytest.approx(12)


def test_free_lithium():
    assert glass_composition(3.0, li=12.25).oxygen == pytest.approx((12.25 + 9 + 8) / 2)
    assert glass_composition(3.0, li=0).formula == "La3Zr2O8.5"


@pytest.mark.parametrize(
    ("dopant", "compensate", "formula"),
    [
        ("Ca", "li", "Li7.3La2.7Ca0.3Zr2O12"),
        ("Ca", "oxygen", "Li7La2.7Ca0.3Zr2O11.85"),
        ("Ce4+", "li", "Li6.7La2.7Ce0.3Zr2O12"),
        ("Ce3+", "li", "Li7La2.7Ce0.3Zr2O12"),
        ("Ta5+", "li", "Li6.4La2.7Ta0.3Zr2O12"),
        ("La3+", "li", "Li7La3Zr2O12"),
    ],
)
def test_dopants_are_compensated(dopant, compensate, formula):
    made = glass_composition(3.0, dopant=dopant, fraction=0.1, compensate=compensate)
    assert made.formula == formula
    assert made.charge == pytest.approx(0, abs=1e-12)
    assert made.la_site == pytest.approx(3.0)


def test_all_lanthanum_replaced():
    made = glass_composition(3.0, dopant=ion("Er3+"), fraction=1.0)
    assert "La3+" not in made.amounts
    assert made.amounts["Er3+"] == pytest.approx(3.0)


@pytest.mark.parametrize("la", [-1.0, 0.0, math.nan, math.inf, -math.inf, 6.0001])
def test_la_content_out_of_range(la):
    with pytest.raises(InputError, match=r"La content: .*0 < x <= 6"):
        glass_composition(la)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"fraction": 1.2, "dopant": "Ca"}, r"dopant fraction: 1.2; allowed: 0 <= fraction <= 1"),
        ({"fraction": -0.1, "dopant": "Ca"}, "dopant fraction: -0.1"),
        ({"fraction": math.nan, "dopant": "Ca"}, "dopant fraction: nan"),
        ({"fraction": 0.1}, "without a dopant"),
        ({"dopant": "Ce", "fraction": 0.1}, r"several valences; allowed: one of Ce3\+, Ce4\+"),
        ({"dopant": "Ta5+", "fraction": 1.0, "li": 5.0}, r"Li content: -1 would be left"),
        ({"li": -1.0}, "Li content: -1;"),
        ({"li": math.nan}, "Li content: nan"),
        ({"li": math.inf}, "Li content: inf"),
        ({"li": 101.0}, "Li content: 101"),
        ({"li": 7.0, "oxygen": "12"}, "together with oxygen '12'"),
        ({"oxygen": "13"}, "oxygen: '13'"),
        ({"compensate": "zr"}, "compensate: 'zr'"),
        (
            {"oxygen": "12", "dopant": "Ca", "fraction": 0.1, "compensate": "oxygen"},
            "compensate: 'oxygen' together",
        ),
    ],
)
def test_bad_requests(kwargs, words):
    with pytest.raises(InputError, match=words) as caught:
        glass_composition(3.0, **kwargs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("la", [16 / 3, 5.5, 6.0])
def test_twelve_oxygens_need_lithium(la):
    with pytest.raises(InputError, match=r"oxygen: '12' at La content .*x < 16/3"):
        glass_composition(la, oxygen="12")


def test_parse_reads_what_formula_writes():
    for text in (
        "Li7La1.5Zr2O9.75",
        "Li7La3Zr2O12",
        "Li6.7La2.7Ce0.3Zr2O12",
        "Li7La2.7Ce0.3Zr2O12",
        "La3Zr2O8.5",
    ):
        assert parse_composition(text).formula == text
    assert parse_composition("Li14La6Zr4O24").formula == "Li7La3Zr2O12"
    assert parse_composition("Li6.7La2.7Ce0.3Zr2O12").amounts["Ce4+"] == pytest.approx(0.3)
    assert parse_composition("Li7La2.7Ce0.3Zr2O12").amounts["Ce3+"] == pytest.approx(0.3)


@settings(deadline=None, max_examples=40)
@given(la=st.floats(0.05, 6.0), li=st.floats(0.0, 20.0))
def test_parse_forgives_rounded_decimals_and_stays_neutral(la, li):
    parsed = parse_composition(glass_composition(la, li=li).formula)
    assert parsed.la == pytest.approx(la, abs=6e-4)
    assert parsed.li == pytest.approx(li, abs=6e-4)
    assert parsed.charge == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Li7La3Zr2O11", r"charge \+2; allowed: neutral, here O12$"),
        ("Li7La3Zr2O12.5", r"charge -1; .* O12$"),
        ("Li7La3Xx2O12", "holds Xx"),
        ("Li7La3O8", "has no Zr"),
        ("Li7La3Zr2", "has no O"),
        ("Li7La7Zr2O18", "La content of 'Li7La7Zr2O18': 7"),
        ("Li7Zr2O7.5", "La content"),
        ("La-3Zr2O8", "allowed: elements with numbers"),
        ("", "allowed: elements with numbers"),
        ("garbage", "allowed: elements with numbers"),
    ],
)
def test_bad_formulas(text, words):
    with pytest.raises(InputError, match=words):
        parse_composition(text)


def test_mol_percent():
    assert la_from_mol_percent(100) == 3.0
    assert la_from_mol_percent(50) == 1.5
    for bad in (0, -5, 201, math.nan):
        with pytest.raises(InputError, match="mol%"):
            la_from_mol_percent(bad)


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("1.5", 1.5),
        ("50mol%", 1.5),
        ("150 mol%", 4.5),
        (" 100 mol-% ", 3.0),
        ("50%", 1.5),
        (2, 2.0),
        ("3e0", 3.0),
    ],
)
def test_parse_la(text, x):
    assert parse_la(text) == pytest.approx(x)


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "0", "7", "abc", "", "-50mol%", "300mol%", "1.5x"])
def test_bad_la(text):
    with pytest.raises(InputError, match="La content"):
        parse_la(text)


def test_whole_formula_units_are_kept():
    counts = ion_counts(glass_composition(3.0), 600)
    assert counts == {"Li+": 175, "La3+": 75, "Zr4+": 50, "O2-": 300}
    assert formula_of(counts) == "Li7La3Zr2O12"


@settings(deadline=None, max_examples=60)
@given(
    la=st.floats(0.1, 6.0),
    li=st.floats(0.0, 15.0),
    dopant=st.sampled_from(["Ca2+", "Ce4+", "Er3+"]),
    fraction=st.floats(0, 1),
    n_atoms=st.integers(1, 3000),
)
def test_cells_are_whole_neutral_and_large_enough(la, li, dopant, fraction, n_atoms):
    wanted = glass_composition(la, li=li, dopant=dopant, fraction=fraction, compensate="oxygen")
    counts = ion_counts(wanted, n_atoms)
    assert sum(counts.values()) >= n_atoms
    assert sum(n * ion(label).valence for label, n in counts.items()) == 0
    assert set(counts) == set(wanted.amounts)
    assert all(isinstance(n, int) and n >= 1 for n in counts.values())
    if n_atoms > 300:
        total, per_unit = sum(counts.values()), sum(wanted.amounts.values())
        assert total <= n_atoms + per_unit + 10
        for label, n in wanted.amounts.items():
            assert abs(counts[label] - n / per_unit * total) < 3


def test_an_odd_cation_charge_loses_one_lithium():
    counts = comp._neutral_counts({"Li+": 7.0, "La3+": 3.0, "Zr4+": 2.0, "O2-": 12.0}, 1.5)
    # 10.5 -> 11 Li (half up), 4.5 -> 5 La, 3 Zr: 11 + 15 + 12 = 38 is even.
    assert counts == {"Li+": 11, "La3+": 5, "Zr4+": 3, "O2-": 19}
    counts = comp._neutral_counts({"Li+": 8.0, "La3+": 3.0, "Zr4+": 2.0, "O2-": 12.5}, 1.0)
    assert counts == {"Li+": 7, "La3+": 3, "Zr4+": 2, "O2-": 12}


def test_without_lithium_another_odd_cation_gives_way():
    counts = ion_counts(glass_composition(1.5, li=0), 55)
    assert sum(n * ion(label).valence for label, n in counts.items()) == 0
    assert "Li+" not in counts


@pytest.mark.parametrize("n_atoms", [0, -5, 2.5, math.nan, True, "600", 10**9])
def test_bad_sizes(n_atoms):
    with pytest.raises(InputError, match="number of atoms"):
        ion_counts(glass_composition(3.0), n_atoms)


def test_formal_charges_follow_the_model_or_the_elements():
    bare = Atoms("Li2O")
    assert formal_charges(bare).tolist() == [1, 1, -2]
    assert ion_labels(bare) == ["Li+", "Li+", "O2-"]
    cerium = Atoms("Ce2O3")
    assert formal_charges(cerium).tolist() == [3, 3, -2, -2, -2]
    assert formal_charges(Atoms("CeO2"))[0] == 4
    assert formal_charges(Atoms("Ce"))[0] == 4
    cerium.set_initial_charges([4, 3, -2, -2, -2])
    assert ion_labels(cerium)[:2] == ["Ce4+", "Ce3+"]
    with pytest.raises(InputError, match="'Xe'"):
        formal_charges(Atoms("Xe"))
    cerium.set_initial_charges([1.65, 1.65, -1.1, -1.1, -1.1])  # of a force field
    assert ion_labels(cerium)[:3] == ["Ce3+", "Ce3+", "O2-"]
    cerium.set_initial_charges([0, 3, -2, -2, -2])
    with pytest.raises(InputError, match="formal charge of Ce"):
        ion_labels(cerium)


def test_compositions_travel_to_other_processes():
    made = glass_composition(3.0)
    copy = pickle.loads(pickle.dumps(made))
    assert copy == made
    assert isinstance(copy, Composition)
    assert copy.to_dict()["amounts"] == {"Li+": 7.0, "La3+": 3.0, "Zr4+": 2.0, "O2-": 12.0}


def test_formula_of_counts_without_zirconium():
    assert formula_of({"Li+": 4, "O2-": 2}) == "Li4O2"
    assert formula_of({"Ce3+": 1, "Ce4+": 1, "Zr4+": np.int64(2), "O2-": 6}) == "Ce2Zr2O6"
