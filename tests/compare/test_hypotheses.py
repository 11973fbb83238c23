"""Hypotheses as data: what the package claims, and files that are refused by name."""

import pytest

from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.quantities import quantity_info
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
        *("H8", "H9", "H10", "H11", "H12", "H13", "H14"),
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
