"""Roles over many models, and the answer for La."""

import csv
import io

import pytest

from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.network_roles import modifier_answer, role_rows, roles_csv
from alzmodel.compare.quantities import Quantity
from alzmodel.compare.verdicts import judge_hypotheses
from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.local_order.roles import roles

CONTENTS = (1.5, 3.0, 4.5)


@pytest.fixture(scope="module")
def pyrochlore():
    return roles(crystal("La2Zr2O7")).to_dict()


def models(table, number=4, **la):
    """As many models at each x, La's row changed."""
    ions = {**table["ions"], "La3+": {**table["ions"]["La3+"], **la}}
    return [({"la": x}, {**table, "ions": ions}) for x in CONTENTS for _ in range(number)]


def verdicts(la_o, zr_o=(6.0, 6.0, 6.0)):
    values = [
        Quantity(name, x, f"{x}-{i}", value + 0.01 * (i % 2))
        for name, each in {
            "zr_o_coordination": zr_o,
            "li_o_coordination": (3.6, 3.6, 3.6),
            "la_o_coordination": la_o,
        }.items()
        for x, value in zip(CONTENTS, each, strict=True)
        for i in range(6)
    ]
    return judge_hypotheses(values, load_hypotheses(None))


def said(answer):
    return {one.of.split(",")[0].split("'")[0]: one.says for one in answer.evidence}


def test_rows_stand_by_content_and_hold_means_and_spreads(pyrochlore):
    other = {**pyrochlore["ions"]["La3+"], "coordination": 7.0, "dietzel_class": "modifier"}
    two = [
        ({"la": 3.0}, pyrochlore),
        ({"la": 3.0}, {**pyrochlore, "ions": {**pyrochlore["ions"], "La3+": other}}),
        ({"la": 1.5, "protocol": "b"}, pyrochlore),
        ({"la": 1.5, "protocol": "a"}, pyrochlore),
    ]
    rows = role_rows(two)
    assert [(row.la, row.protocol, row.ion) for row in rows] == [
        (1.5, "a", "Zr4+"),
        (1.5, "a", "La3+"),
        (1.5, "b", "Zr4+"),
        (1.5, "b", "La3+"),
        (3.0, None, "Zr4+"),
        (3.0, None, "La3+"),
    ]
    la = rows[-1]
    assert la.n_models == 2
    assert la.numbers["coordination"] == pytest.approx((7.5, 0.5**0.5))
    assert la.classes["dietzel"] == {"between modifier and intermediate": 1, "modifier": 1}
    table = list(csv.DictReader(io.StringIO(roles_csv(rows))))
    assert table[-1]["dietzel_class"] == "between modifier and intermediate 1, modifier 1"
    assert float(table[-1]["coordination_std"]) == pytest.approx(0.5**0.5)


def test_scales_that_contradict_each_other_make_it_disputed(pyrochlore):
    answer = modifier_answer(role_rows(models(pyrochlore)), verdicts((8.0, 8.0, 8.0)))
    # In La2Zr2O7: 1699 kJ/mol over 8 bonds, and z/d² of 0.48.
    assert said(answer) == {"Sun": "for", "Dietzel": "against", "the Encyclopedia": "for", "H5": "for"}
    assert answer.answer == "disputed"


def test_what_all_say_is_the_answer(pyrochlore):
    modifier = role_rows(models(pyrochlore, dietzel_class="modifier"))
    assert modifier_answer(modifier, verdicts((8.0, 8.0, 8.0))).answer == "yes"
    former = role_rows(
        models(pyrochlore, dietzel_class="former", sun_class="former", table_class="not listed")
    )
    answer = modifier_answer(former, verdicts((6.0, 6.0, 6.0)))
    assert said(answer)["the Encyclopedia"] == "silent"
    assert said(answer)["H5"] == "against"
    assert answer.answer == "no"


def test_a_hypothesis_that_fails_through_another_cation_says_nothing_of_la(pyrochlore):
    judged = verdicts((8.0, 8.0, 8.0), zr_o=(6.0, 6.0, 7.0))
    assert {v.id: v.verdict for v in judged}["H5"] == "contradicted"
    assert said(modifier_answer(role_rows(models(pyrochlore)), judged))["H5"] == "silent"


def test_one_model_that_differs_turns_a_scale(pyrochlore):
    table = [*models(pyrochlore), *models(pyrochlore, 1, sun_class="intermediate")]
    assert said(modifier_answer(role_rows(table)))["Sun"] == "against"


def test_few_models_decide_nothing(pyrochlore):
    assert modifier_answer(role_rows(models(pyrochlore, 3))).answer == "undecided"


def test_an_ion_that_is_in_no_model_is_refused(pyrochlore):
    with pytest.raises(InputError, match=r"'Ca2\+' is in no model; allowed: Zr4\+, La3\+"):
        modifier_answer(role_rows(models(pyrochlore)), ion="Ca2+")
