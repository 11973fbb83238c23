"""Hypotheses as data: what the package claims, and files that are refused by name."""

from dataclasses import replace

import pytest

from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.quantities import Quantity, quantity_info
from alzmodel.compare.verdicts import judge_hypotheses
from alzmodel.errors import InputError


def write(tmp_path, *parts, head='id = "A"\ntitle = "t"\nstatement = "s"', top="schema = 1"):
    file = tmp_path / "hypotheses.toml"
    text = "\n".join("[[hypothesis.parts]]\n" + part for part in parts)
    file.write_text(f"{top}\n[[hypothesis]]\n{head}\n{text}\n", encoding="utf-8")
    return file


def test_the_claims_of_the_paper_and_the_rival_are_there():
    hypotheses = load_hypotheses()
    assert [h.id for h in hypotheses] == [
        *("H1", "H1R", "H2", "H3", "H4", "H5", "H6", "H7", "H7R", "H7G", "H7T"),
        *("H8", "H9", "H10", "H11", "H12", "H13", "H14", "H15", "H16", "H17", "H18"),
    ]
    assert [p.quantity for p in hypotheses[0].parts] == [
        "zr_o_distance",
        "la_o_distance",
        "zr_la_distance",
        "li_o_distance",
    ]


def test_both_readings_of_the_fem_peaks_speak_of_the_same_facts():
    """Positions, heights, widths, attribution and thickness: the one claims what the other denies."""
    by_id = {hypothesis.id: hypothesis for hypothesis in load_hypotheses()}
    rival = by_id["H7R"]
    assert rival.rival == "H7"
    for number in (1, 2):
        bonds = {p.quantity: p for p in by_id["H7"].parts}
        reflections = {p.quantity: p for p in rival.parts}
        for name, target in (("fwhm", 0.7), ("thickness_exponent", -0.5)):
            both = bonds[f"fem_peak{number}_{name}"], reflections[f"fem_peak{number}_{name}"]
            assert {part.test for part in both} == {"above", "below"}
            assert {part.target for part in both} == {target}
        assert bonds[f"fem_peak{number}_excess"] == reflections[f"fem_peak{number}_excess"]
        assert bonds[f"fem_peak{number}_d"].minus
        assert reflections[f"fem_peak{number}_k"].target == pytest.approx(5.236 if number == 1 else 3.206)
        assert f"fem_peak{number}_share_bonds" in bonds
        assert f"fem_peak{number}_share_cations" in reflections
    assert quantity_info("fem_peak1_thickness_exponent").unit == ""


GOOD = 'quantity = "packing_fraction"\ntest = "rises"'


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ('quantity = "packing"\ntest = "rises"', "quantity: 'packing'"),
        ('quantity = "density"\ntest = "grows"', r"parts\[0\].test: 'grows'; allowed"),
        (GOOD + "\nlevels = [3.0, 1.5]", "levels: .*rising"),
        (GOOD + "\nlevels = [3.0]", "levels of 'rises'.*at least two"),
        (GOOD + "\nmargin = 1.0", "margin of 'rises': 1.0"),
        (GOOD + "\ntarget = 1.0", "target of 'rises': 1.0"),
        ('quantity = "density"\ntest = "equal"', "margin of 'equal': None"),
        ('quantity = "density"\ntest = "above"', "target of 'above': none"),
        ('quantity = "density"\ntest = "peak"\nlevels = [1.0, 2.0]\nat = 2.0', "at of 'peak': 2.0"),
        ('quantity = "density"\ntest = "rises"\nminus = "d222"', "minus: 'd222'"),
        (GOOD + "\ncolour = 1", "unknown key"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, part, message):
    with pytest.raises(InputError, match=message) as caught:
        load_hypotheses(write(tmp_path, part))
    assert "hypotheses.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ('id = "A"\ntitle = "t"\nstatement = "s"\nrival = "B"', "A: rival: 'B'; allowed"),
        ('id = "A"\ntitle = "t"\nstatement = "s"\nrival = "A"', "A: rival: 'A'; allowed"),
        ('id = "A"\ntitle = "t"\nstatement = "s"\nat_x = 3.0', "at_x or at_fraction with factor 'x'"),
    ],
)
def test_bad_hypotheses_are_refused_in_one_line(tmp_path, head, message):
    with pytest.raises(InputError, match=message):
        load_hypotheses(write(tmp_path, GOOD, head=head))


@pytest.mark.parametrize(
    ("head", "part", "message"),
    [
        ('not_modelled = "too slow"', GOOD, "parts and not_modelled: both"),
        ('gates = ["beauty"]', GOOD, "gates: 'beauty' is unknown; allowed: cells, energies, bonds of Zr"),
        ('factor = "li"\nat_fraction = 0.1', GOOD, "at_fraction with factor 'li'"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, head, part, message):
    with pytest.raises(InputError, match=message):
        load_hypotheses(write(tmp_path, part, head=f'id = "A"\ntitle = "t"\nstatement = "s"\n{head}'))


def test_a_claim_without_parts_says_why(tmp_path):
    path = tmp_path / "hypotheses.toml"
    head = 'schema = 1\n[[hypothesis]]\nid = "A"\ntitle = "t"\nstatement = "s"\n'
    path.write_text(head, encoding="utf-8")
    with pytest.raises(InputError, match="A: parts and not_modelled: neither"):
        load_hypotheses(path)
    path.write_text(f'{head}not_modelled = "too slow for any model"\n', encoding="utf-8")
    (verdict,) = judge_hypotheses([], load_hypotheses(path))
    assert (verdict.verdict, verdict.reason) == ("not testable", "too slow for any model")


LI = [one for one in load_hypotheses() if one.id == "H18"]


def glasses_of(li, x=3.0, shift=0.0):
    return [
        Quantity(name, x, f"x{x:g}-li{li:g}-seed{seed}", value + shift + 0.001 * seed, li=li)
        for name, value in (("zr_o_distance", 2.1), ("la_o_coordination", 6.7))
        for seed in range(5)
    ]


@pytest.mark.parametrize(("shift", "word"), [(0.0, "supported"), (0.1, "contradicted")])
def test_li_content_is_an_axis_of_its_own(shift, word):
    (verdict,) = judge_hypotheses([*glasses_of(5.0), *glasses_of(7.0), *glasses_of(9.0, shift=shift)], LI)
    assert verdict.verdict == word
    assert all(part.levels == ("5", "7", "9") for part in verdict.parts)


def test_li_contents_that_cannot_be_compared_say_why():
    assert "models of 1 Li content" in judge_hypotheses(glasses_of(7.0), LI)[0].reason
    plain = [replace(q, li=None) for q in glasses_of(7.0)]
    assert "models of 0 Li content" in judge_hypotheses(plain, LI)[0].reason


def test_models_of_other_li_contents_do_not_count_over_x():
    """They have another composition: over x the nominal ones stand alone, and without these nothing is mixed."""
    (h11,) = (one for one in load_hypotheses() if one.id == "H11")
    nominal = [*glasses_of(7.0), *glasses_of(7.0, 4.5, shift=-0.05)]
    (alone,) = judge_hypotheses(nominal, [h11])
    assert alone.verdict == "supported"
    assert judge_hypotheses([*nominal, *glasses_of(5.0, shift=-1.0)], [h11]) == [alone]
    others = [*glasses_of(5.0), *glasses_of(9.0), *glasses_of(7.0, 4.5)]
    assert "models at x = 3 with Li = 5, 9, none of them nominal" in judge_hypotheses(others, [h11])[0].reason
