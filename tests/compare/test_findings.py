"""What stands out: effects beside their errors, in words."""

from __future__ import annotations

import dataclasses

import pytest

from alzmodel.compare.findings import findings
from alzmodel.compare.quantities import Quantity
from alzmodel.compare.verdicts import LEAST_MODELS, judge_hypotheses

SPREAD = (-1.5, -0.5, 0.5, 1.5)


def _models(name, means, spread, **more):
    return [
        Quantity(name, x, f"x{x}-seed{i}", mean + spread * SPREAD[i], **more)
        for x, mean in zip((1.5, 3.0, 4.5), means, strict=True)
        for i in range(len(SPREAD))
    ]


@pytest.fixture(scope="module")
def network():
    """Packing that falls clearly, distances that hardly move, shares of edges far above what is asked for."""
    return [
        *_models("packing_fraction", (0.565, 0.552, 0.543), 0.001),
        *_models("zr_o_distance", (2.10, 2.1001, 2.1002), 0.004),
        *_models("la_o_coordination", (6.8, 6.7, 6.7), 0.02),
        *_models("zr_o_coordination", (6.0, 6.01, 6.0), 0.02),
    ]


def test_the_largest_effect_beside_its_error_comes_first(network):
    found = findings(judge_hypotheses(network))
    assert [one.ratio for one in found] == sorted((one.ratio for one in found), reverse=True)
    coordination = next(one for one in found if one.quantity == "La–O coordination")
    assert coordination.effect < 0
    assert coordination.text.startswith("La–O coordination: 6.8")
    assert "below 7 by 0.3" in coordination.text
    assert "H5 contradicted" in coordination.text
    assert coordination.caveat.startswith("one reading of the words of many")
    assert all(abs(one.effect) > (one.ci95[1] - one.ci95[0]) / 2 for one in found)
    assert "Zr–O distance" not in {one.quantity for one in found}


def test_few_models_give_no_finding(network):
    few = [one for one in network if int(one.model[-1]) < LEAST_MODELS - 1]
    assert findings(judge_hypotheses(few)) == []
    assert findings([]) == []


def test_dopants_are_named(network):
    doped = [
        Quantity("packing_fraction", 3.0, f"{ion}-{i}", value + 0.001 * SPREAD[i], dopant=ion, fraction=0.1)
        for ion, value in (("Sr2+", 0.55), ("Y3+", 0.56), ("Ce4+", 0.57))
        for i in range(4)
    ]
    found = findings(judge_hypotheses([*network, *doped]))
    of_dopants = [one for one in found if one.hypothesis == "H8"]
    assert of_dopants
    assert "rises with field strength by 0.0" in of_dopants[0].text
    assert "with Sr2+, La3+, Y3+, Ce4+" in of_dopants[0].text


def test_an_extreme_that_is_there_and_one_that_is_not():
    (found,) = findings(judge_hypotheses(_models("packing_fraction", (0.56, 0.54, 0.57), 0.001)))
    assert "a minimum at x = 3, by 0.02" in found.text
    (found,) = findings(judge_hypotheses(_models("packing_fraction", (0.565, 0.552, 0.543), 0.001)))
    assert "no minimum at x = 3: it lies 0.009" in found.text


def test_each_quantity_once_and_hypotheses_in_turn(network):
    verdicts = judge_hypotheses(network)
    twice = [*verdicts, *(dataclasses.replace(one, id=f"{one.id}b") for one in verdicts)]
    names = [one.quantity for one in findings(twice, most=10)]
    assert len(names) == len(set(names))


@pytest.fixture(scope="module")
def glasses():
    """Numbers of the finished glasses of the library."""
    from alzmodel.study.basis import library_results
    from alzmodel.study.index import quantities_of

    results = library_results()
    assert results is not None
    return quantities_of([{"value": None, **row} for row in results.rows])


def _annealed_again(glasses):
    """The as-deposited glasses in place of the annealed ones: another study, of another thermal history."""
    return [
        dataclasses.replace(one, protocol="annealed-low-Tf")
        for one in glasses
        if one.protocol == "as-deposited-high-Tf"
    ]


def _dealt_out(glasses):
    """The same glasses with their contents dealt out anew by seed: nothing depends on the content."""
    contents = (1.5, 3.0, 4.5)
    return [
        dataclasses.replace(one, x=contents[(contents.index(one.x) + int(one.model[-1])) % 3])
        if one.x in contents and one.model[-5:-1] == "seed"
        else one
        for one in glasses
    ]


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        (list, ["Zr–La pairs sharing an edge", "La–O coordination", "Packing fraction"]),
        (_annealed_again, ["Zr–La pairs sharing an edge", "La–O coordination", "Packing fraction"]),
        (
            lambda glasses: [one for one in glasses if one.x != 4.5],
            ["Zr–La pairs sharing an edge", "La–O coordination", "ZrO6 A1g, band"],
        ),
        (lambda glasses: [one for one in glasses if one.model[-1] not in "34"], []),
    ],
)
def test_findings_of_studies_of_real_glasses(glasses, study, expected):
    found = findings(judge_hypotheses(study(glasses)))
    assert [one.quantity.lower() for one in found] == [name.lower() for name in expected]


def test_what_depends_on_nothing_gives_no_finding_about_the_content(glasses):
    found = findings(judge_hypotheses(_dealt_out(glasses)))
    assert not any(
        words in one.text for one in found for words in ("with x", "minimum", "maximum", "rises", "falls")
    )


@pytest.mark.parametrize("study", [list, _annealed_again])
def test_a_finding_holds_what_the_models_give(glasses, study):
    """Coordination of La, taken from the numbers of the models here."""
    from scipy import stats

    numbers = study(glasses)
    found = next(one for one in findings(judge_hypotheses(numbers)) if one.quantity == "La–O coordination")
    by_content = {
        x: [
            one.value
            for one in numbers
            if (one.name, one.x, one.protocol, one.source)
            == ("la_o_coordination", x, "annealed-low-Tf", "glass")
        ]
        for x in (1.5, 3.0, 4.5)
    }
    assert {len(values) for values in by_content.values()} == {4}
    means = [f"{stats.tmean(values):.3f}" for values in by_content.values()]
    assert ", ".join(means) in found.text
    # The claim speaks of all contents: the one nearest to 7 in units of its error decides; it is among these.
    effects = {x: stats.tmean(values) - 7 for x, values in by_content.items()}
    at = min(effects, key=lambda x: abs(effects[x] - found.effect))
    assert found.effect == pytest.approx(effects[at])
    half = stats.t.ppf(0.975, 3) * stats.tsem(by_content[at])
    assert found.ci95 == pytest.approx((effects[at] - half, effects[at] + half), rel=1e-6)
