"""Verdicts on synthetic studies of known truth."""

import itertools
import math
import random
from dataclasses import replace

import numpy as np
import pytest

from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.quantities import Quantity
from alzmodel.compare.verdicts import judge_hypotheses
from alzmodel.errors import InputError
from alzmodel.power import models_needed, models_needed_equivalence, power
from tests.compare.test_hypotheses import write

LEVELS = (1.5, 3.0, 4.5)
# Mean and spread of a synthetic glass that shows nothing: no quantity depends on x.
FLAT = {
    "zr_o_distance": (2.11, 0.004),
    "la_o_distance": (2.45, 0.006),
    "li_o_distance": (1.95, 0.005),
    "zr_la_distance": (3.55, 0.02),
    "packing_fraction": (0.50, 0.002),
    "edge_fraction_la_la": (0.40, 0.02),
}


def study(n, rng, slopes=None, flat=FLAT, levels=LEVELS):
    """Quantities of `n` models at each x; `slopes` in units of the quantity per unit x."""
    return [
        Quantity(name, x, f"x{x:g}-seed{seed}", rng.normal(mean + (slopes or {}).get(name, 0.0) * x, spread))
        for name, (mean, spread) in flat.items()
        for x, seed in itertools.product(levels, range(n))
    ]


def judge(tmp_path, quantities, *parts, **words):
    (verdict,) = judge_hypotheses(quantities, load_hypotheses(write(tmp_path, *parts, **words)))
    return verdict


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_models_never_decide(n):
    rng = np.random.default_rng(n)
    strong = {"zr_o_distance": 1.0, "la_o_distance": 1.0, "zr_la_distance": 1.0, "li_o_distance": -1.0}
    for verdict in judge_hypotheses(study(n, rng, strong)):
        assert verdict.verdict in {"undecided", "not testable"}
        assert verdict.p is None
    first = judge_hypotheses(study(n, rng, strong))[0]
    assert f"{n} model" in first.reason
    assert "at least 4 are needed" in first.reason
    if n > 1:
        assert first.models_needed >= 4
        assert f"about {first.models_needed} models at each x would decide" in first.reason


def test_four_models_decide_a_strong_trend():
    strong = {"zr_o_distance": 0.05, "la_o_distance": 0.05, "zr_la_distance": 0.3, "li_o_distance": -0.05}
    rng = np.random.default_rng(0)
    first = judge_hypotheses(study(4, rng, strong))[0]
    assert first.verdict == "supported"
    assert first.p < 0.05
    assert first.models_needed is None
    assert f"; claimed: {'falls' if first.quantity.startswith('Li') else 'rises'}" in first.reason
    against = {name: -slope for name, slope in strong.items()}
    assert judge_hypotheses(study(4, rng, against))[0].verdict == "contradicted"


def test_a_measured_size_that_the_models_exclude_is_named():
    """La–O was measured to grow by 0.05 Å; models without a trend and little spread settle no sign, but that size."""
    first = judge_hypotheses(study(5, np.random.default_rng(3), {}))[0]
    assert first.verdict == "undecided"
    part = next(part for part in first.parts if part.quantity == "La–O distance")
    assert part.ci95[1] < part.measured
    assert "La–O distance" in first.reason.split(": the measured size lies outside")[0]


def test_one_part_that_fails_is_enough_against_and_not_for():
    mixed = {"zr_o_distance": 0.05, "la_o_distance": 0.05, "zr_la_distance": 0.3, "li_o_distance": 0.05}
    first = judge_hypotheses(study(5, np.random.default_rng(0), mixed))[0]
    assert first.verdict == "contradicted"
    assert first.quantity == "Li–O distance"
    assert first.effect == pytest.approx(0.075, abs=0.02)


def test_support_needs_every_part():
    strong = {"zr_o_distance": 0.05, "la_o_distance": 0.05, "zr_la_distance": 0.3}
    first = judge_hypotheses(study(5, np.random.default_rng(3), strong))[0]
    assert first.verdict == "undecided"
    assert first.quantity == "Li–O distance"


def test_a_contradiction_pays_for_every_part_it_could_have_come_from(tmp_path):
    rng = np.random.default_rng(4)
    values = study(
        4, rng, {"packing_fraction": -0.003}, {"packing_fraction": (0.5, 0.002), "density": (4.6, 0.1)}
    )
    falling = 'quantity = "packing_fraction"\ntest = "rises"\nlevels = [1.5, 4.5]'
    flat = 'quantity = "density"\ntest = "rises"\nlevels = [1.5, 4.5]'
    alone, beside = judge(tmp_path, values, falling), judge(tmp_path, values, falling, flat, flat)
    assert alone.verdict == "contradicted"
    assert beside.p == pytest.approx(3 * alone.p)


def test_undecided_says_how_many_models_would_decide(tmp_path):
    rng = np.random.default_rng(2)
    weak = study(6, rng, {"packing_fraction": 0.001}, {"packing_fraction": (0.5, 0.004)})
    verdict = judge(tmp_path, weak, 'quantity = "packing_fraction"\ntest = "rises"\nlevels = [1.5, 4.5]')
    assert verdict.verdict == "undecided"
    assert verdict.models_needed > 6
    assert f"about {verdict.models_needed} models at each x would decide" in verdict.reason
    (part,) = verdict.parts
    assert power(part.effect, 0.004, verdict.models_needed) == pytest.approx(0.8, abs=0.25)


def test_assumed_values_support_nothing(tmp_path):
    part = 'quantity = "d222"\nsource = "glass-ceramic"\ntest = "peak"\nlevels = [1.5, 3.0, 4.5]\nat = 3.0'
    rng = np.random.default_rng(3)
    for kind, verdict in (("assumed", "not testable"), ("predicted", "supported")):
        values = [
            Quantity("d222", x, f"{x}-{i}", rng.normal(d, 0.002), kind=kind, source="glass-ceramic")
            for x, d in ((1.5, 3.10), (3.0, 3.15), (4.5, 3.10))
            for i in range(4)
        ]
        result = judge(tmp_path, values, part)
        assert result.verdict == verdict
        assert ("assumed" in result.reason) == (kind == "assumed")


def test_other_kinds_of_model_do_not_count(tmp_path):
    values = [
        Quantity("zr_o_distance", x, f"{x}-{i}", 2 + x + 0.01 * i, source="glass-ceramic")
        for x in LEVELS
        for i in range(5)
    ]
    verdict = judge(tmp_path, values, 'quantity = "zr_o_distance"\ntest = "rises"')
    assert verdict.verdict == "not testable"


@pytest.mark.parametrize(
    ("test", "means", "verdict"),
    [
        ("rises", (1.0, 2.0, 3.0), "supported"),
        ("rises", (3.0, 2.0, 1.0), "contradicted"),
        ("rises", (1.0, 1.0, 1.0), "undecided"),
        ("falls", (3.0, 2.0, 1.0), "supported"),
        ("falls", (1.0, 2.0, 3.0), "contradicted"),
        ("trend", (1.0, 2.0, 3.0), "supported"),
        ("trend", (3.0, 2.0, 1.0), "supported"),
        ("peak", (1.0, 2.0, 1.0), "supported"),
        ("peak", (1.0, 2.0, 3.0), "contradicted"),
        ("valley", (2.0, 1.0, 2.0), "supported"),
        ("valley", (1.0, 2.0, 1.0), "contradicted"),
        ("equal", (1.0, 1.0, 1.0), "supported"),
        ("equal", (1.0, 1.0, 2.0), "contradicted"),
        ("is", (0.0, 0.0, 0.0), "supported"),
        ("is", (0.0, 1.0, 0.0), "contradicted"),
        ("above", (1.0, 2.0, 1.0), "supported"),
        ("above", (1.0, -1.0, 1.0), "contradicted"),
        ("below", (-1.0, -1.0, -1.0), "supported"),
        ("below", (-1.0, 1.0, -1.0), "contradicted"),
    ],
)
def test_every_test_knows_its_direction(tmp_path, test, means, verdict):
    rng = np.random.default_rng(7)
    noise = rng.normal(size=6)
    noise = 0.05 * (noise - noise.mean())  # the same in every group, so that equal means are equal
    values = [
        Quantity("packing_fraction", x, f"{x}-{i}", mean + shift + 1e-6 * x)
        for x, mean in zip(LEVELS, means, strict=True)
        for i, shift in enumerate(noise)
    ]
    more = {"peak": "levels = [1.5, 3.0, 4.5]\nat = 3.0", "equal": "margin = 0.3", "is": "margin = 0.3"}
    more |= {"valley": more["peak"], "above": "target = 0.0", "below": "target = 0.0"}
    result = judge(tmp_path, values, f'quantity = "packing_fraction"\ntest = "{test}"\n{more.get(test, "")}')
    assert result.verdict == verdict


def test_difference_of_two_quantities_is_taken_model_by_model(tmp_path):
    rng = np.random.default_rng(8)
    values = []
    for i in range(5):
        wander = rng.normal(0, 0.5)
        values += [
            Quantity("fem_peak1_d", 3.0, f"m{i}", 2.0 + wander + rng.normal(0, 0.01)),
            Quantity("zr_o_distance", 3.0, f"m{i}", 2.0 + wander),
        ]
    part = 'quantity = "fem_peak1_d"\nminus = "zr_o_distance"\ntest = "is"\nmargin = 0.15'
    assert judge(tmp_path, values, part).verdict == "supported"


def test_what_is_missing_is_named(tmp_path):
    values = study(5, np.random.default_rng(0), flat={"packing_fraction": (0.5, 0.001)}, levels=(1.5, 3.0))
    verdict = judge(
        tmp_path, values, 'quantity = "packing_fraction"\ntest = "valley"\nlevels = [1.5, 3.0, 4.5]\nat = 3.0'
    )
    assert verdict.verdict == "not testable"
    assert "no model at x = 4.5" in verdict.reason
    one = 'quantity = "density"\ntest = "rises"'
    other = 'quantity = "packing_fraction"\ntest = "rises"'
    verdict = judge(tmp_path, values, one, other)
    assert verdict.verdict == "undecided"
    assert "density: no model of it in this study" in verdict.reason
    assert verdict.models_needed is None


def test_not_contradictable_is_never_contradicted(tmp_path):
    values = study(8, np.random.default_rng(0), {"edge_fraction_la_la": -0.2})
    part = 'quantity = "edge_fraction_la_la"\ntest = "rises"\nlevels = [3.0, 4.5]'
    assert judge(tmp_path, values, part).verdict == "contradicted"
    head = 'id = "A"\ntitle = "t"\nstatement = "s"\ncontradictable = false'
    assert judge(tmp_path, values, part, head=head).verdict == "undecided"


def test_dopants_instead_of_x(tmp_path):
    rng = np.random.default_rng(9)
    # z/r rises from Sr2+ over Ca2+ and La3+ to Ce4+
    order = {"Sr2+": 0.50, "Ca2+": 0.51, None: 0.52, "Ce4+": 0.53}
    values = [
        Quantity("packing_fraction", 3.0, f"{ion}-{i}", rng.normal(mean, 0.002), dopant=ion)
        for ion, mean in order.items()
        for i in range(4)
    ]
    head = 'id = "A"\ntitle = "t"\nstatement = "s"\nfactor = "field_strength"\nat_x = 3.0'
    verdict = judge(tmp_path, values, 'quantity = "packing_fraction"\ntest = "rises"', head=head)
    assert verdict.verdict == "supported"
    assert verdict.parts[0].levels == ("Sr2+", "Ca2+", "La3+", "Ce4+")


def test_order_of_models_does_not_matter():
    values = study(5, np.random.default_rng(10), {"zr_o_distance": 0.003})
    verdicts = judge_hypotheses(values)
    random.Random(1).shuffle(values)
    assert judge_hypotheses(values) == verdicts


def test_holm_makes_a_family_stricter(tmp_path):
    values = study(5, np.random.default_rng(12), {"packing_fraction": 0.003})
    part = '[[hypothesis.parts]]\nquantity = "packing_fraction"\ntest = "rises"\nlevels = [1.5, 4.5]\n'
    idle = '[[hypothesis.parts]]\nquantity = "edge_fraction_la_la"\ntest = "rises"\nlevels = [1.5, 4.5]\n'
    head = '[[hypothesis]]\nid = "{}"\ntitle = "t"\nstatement = "s"\n'
    file = tmp_path / "family.toml"
    alone, family = head.format("A") + part, "".join(head.format(i) + idle for i in range(9))
    p = []
    for text in (alone, alone + family):
        file.write_text("schema = 1\n" + text, encoding="utf-8")
        p.append(judge_hypotheses(values, load_hypotheses(file))[0].p)
    assert p[1] == pytest.approx(10 * p[0])


@pytest.mark.parametrize("n", [4, 6])
def test_false_positives_stay_within_the_level(n):
    """With x permuted, hardly any study supports or contradicts any hypothesis that claims a trend."""
    rng = np.random.default_rng(2024 + n)
    hypotheses = [h for h in load_hypotheses() if h.id in {"H1", "H2", "H6"}]
    supported = contradicted = 0
    for _ in range(200):
        words = {v.verdict for v in judge_hypotheses(study(n, rng), hypotheses)}
        supported += "supported" in words
        contradicted += "contradicted" in words
    # 5 % of 200 is 10, and 17 is three standard deviations more
    assert supported <= 10
    assert supported + contradicted <= 17


def test_permuted_x_supports_nothing_more_often_than_the_level():
    """Studies with real trends, their models dealt out to x at random: the same models, no claim left to be true."""
    rng = np.random.default_rng(103)
    hypotheses = load_hypotheses()
    supported = 0
    for _ in range(200):
        values = study(4, rng, {"zr_o_distance": 0.002, "packing_fraction": 0.001})
        models = {value.model: value.x for value in values}
        dealt = dict(zip(models, rng.permutation(list(models.values())), strict=True))
        values = [replace(value, x=float(dealt[value.model])) for value in values]
        supported += any(verdict.verdict == "supported" for verdict in judge_hypotheses(values, hypotheses))
    assert supported <= 10


def test_false_positives_of_single_tests_are_as_many_as_the_level_says(tmp_path):
    """A level that is kept by never deciding would be no level: one two-sided Welch test must use its 5 % up."""
    rng = np.random.default_rng(5)
    file = write(tmp_path, 'quantity = "packing_fraction"\ntest = "rises"\nlevels = [1.5, 4.5]')
    hypotheses = load_hypotheses(file)
    decided = sum(
        judge_hypotheses(study(4, rng, flat={"packing_fraction": (0.5, 0.01)}), hypotheses)[0].verdict
        != "undecided"
        for _ in range(600)
    )
    assert decided / 600 == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 600))


def test_power_is_as_computed(tmp_path):
    rng = np.random.default_rng(6)
    hypotheses = load_hypotheses(
        write(tmp_path, 'quantity = "packing_fraction"\ntest = "rises"\nlevels = [1.5, 4.5]')
    )
    slopes = {"packing_fraction": 0.02 / 3}
    flat = {"packing_fraction": (0.5, 0.01)}
    found = sum(
        judge_hypotheses(study(6, rng, slopes, flat), hypotheses)[0].verdict == "supported"
        for _ in range(500)
    )
    assert found / 500 == pytest.approx(power(0.02, 0.01, 6), abs=0.06)


def test_a_level_that_is_none_is_refused():
    with pytest.raises(InputError, match="level: 1"):
        judge_hypotheses([], level=1.0)


def test_json_keys():
    verdict = judge_hypotheses(study(2, np.random.default_rng(0)))[0].to_dict()
    assert set(verdict) >= {"id", "verdict", "effect", "ci95", "p", "n_models", "reason"}
    assert verdict["parts"][0]["quantity"] == "Zr–O distance"


PACKING = {"packing_fraction": (0.5, 0.01)}
RISES = 'quantity = "packing_fraction"\ntest = "rises"\nlevels = [1.5, 4.5]'


def with_protocols(quantities, **shifts):
    """Each model once for every protocol, its values shifted."""
    return [
        replace(
            one, protocol=name.replace("_", "-"), model=f"{one.model}-{name}", value=one.value + shift * one.x
        )
        for one in quantities
        for name, shift in shifts.items()
    ]


def test_two_protocols_are_never_mixed(tmp_path):
    """The same compositions quenched in two ways: the annealed ones are judged, as if the others were not there."""
    base = study(5, np.random.default_rng(31), flat=PACKING)
    both = with_protocols(base, annealed_low_Tf=0.02, as_deposited_high_Tf=-0.02)
    annealed = [q for q in both if q.protocol == "annealed-low-Tf"]
    verdict = judge(tmp_path, both, RISES)
    assert verdict.verdict == "supported"
    assert verdict.n_models == 5
    assert verdict.parts[0].protocol == "annealed-low-Tf"
    assert verdict == judge(tmp_path, annealed, RISES)
    # A claim about the other state names it, and is then judged on that alone.
    other = judge(tmp_path, both, RISES + '\nprotocol = "as-deposited-high-Tf"')
    assert other.verdict == "contradicted"
    assert other.parts[0].effect == pytest.approx(verdict.parts[0].effect - 0.04 * 3)
    # Without the key all is as it was.
    plain = [replace(q, protocol=None) for q in annealed]
    assert judge(tmp_path, plain, RISES).parts[0].effect == verdict.parts[0].effect


def test_several_protocols_for_one_state_need_a_choice(tmp_path):
    both = with_protocols(study(4, np.random.default_rng(32), flat=PACKING), quick=0.0, standard=0.0)
    verdict = judge(tmp_path, both, RISES)
    assert verdict.verdict == "not testable"
    assert "2 protocols (quick, standard)" in verdict.reason
    assert judge(tmp_path, both, RISES + '\nprotocol = "quick"').n_models == 4
    hot = with_protocols(study(4, np.random.default_rng(1), flat=PACKING), as_deposited_a=0.0)
    assert "no model of the annealed film" in judge(tmp_path, hot, RISES).reason
    assert "no model of protocol slow" in judge(tmp_path, hot, RISES + '\nprotocol = "slow"').reason


DOPED_HEAD = 'id = "D"\ntitle = "t"\nstatement = "s"\nfactor = "field_strength"'


def doped(fractions, contents=(3.0,), n=4):
    rng = np.random.default_rng(33)
    return [
        Quantity(
            "density",
            x,
            f"{ion}-{x}-{fraction}-{i}",
            strength + rng.normal(0, 0.01),
            dopant=ion,
            fraction=fraction,
        )
        for ion, strength in (("Ca2+", 1.0), ("Er3+", 2.0), ("Ce4+", 3.0))
        for x, fraction, i in itertools.product(contents, fractions, range(n))
    ]


def test_dopants_are_compared_at_one_fraction_and_one_content(tmp_path):
    part = 'quantity = "density"\ntest = "rises"'
    assert judge(tmp_path, doped([0.1]), part, head=DOPED_HEAD).verdict == "supported"
    mixed = judge(tmp_path, doped([0.1, 0.2]), part, head=DOPED_HEAD)
    assert (mixed.verdict, mixed.n_models) == ("not testable", 0)
    assert "fraction = 0.1, 0.2, of which at_fraction must name one" in mixed.reason
    chosen = judge(tmp_path, doped([0.1, 0.2]), part, head=DOPED_HEAD + "\nat_fraction = 0.2")
    assert (chosen.verdict, chosen.n_models) == ("supported", 4)
    contents = judge(tmp_path, doped([0.1], (1.5, 3.0)), part, head=DOPED_HEAD)
    assert "x = 1.5, 3, of which at_x must name one" in contents.reason


def test_power_of_the_design_is_told_for_the_measured_size(tmp_path):
    """Power and detectable size of a part are those of its own spread, number of models and level."""
    values = study(6, np.random.default_rng(34), flat=PACKING)
    (part,) = judge(tmp_path, values, RISES + "\nmeasured = 0.02").parts
    groups = [[q.value for q in values if q.x == x] for x in (1.5, 4.5)]
    spread = math.sqrt(np.mean([np.var(group, ddof=1) for group in groups]))
    assert part.power == pytest.approx(power(0.02, spread, 6))
    assert power(part.detectable, spread, 6) == pytest.approx(0.8, abs=1e-3)
    assert judge(tmp_path, values, RISES).parts[0].power is None
    (one,) = judge(tmp_path, values[:1] + values[12:13], RISES + "\nmeasured = 0.02").parts
    assert (one.power, one.detectable) == (None, None)


PLANS = {
    # Test, true means at x = 1.5, 3.0, 4.5 with spread 1, and the models needed for all comparisons at once.
    "two levels": ('test = "rises"\nlevels = [1.5, 4.5]', (0, 0, 2.0), lambda: models_needed(2.0, 1.0)),
    "three levels": ('test = "rises"', (0, 1.0, 2.0), lambda: models_needed(2.0, 1.0)),
    "volcano": (
        'test = "peak"\nlevels = [1.5, 3.0, 4.5]\nat = 3.0',
        (0, 2.0, 0),
        lambda: models_needed(2.0, 1.0, wanted=0.9),
    ),
    "above": (
        'test = "above"\ntarget = 0.0',
        (1.5, 1.5, 1.5),
        lambda: models_needed(1.5, 1.0, wanted=1 - 0.2 / 3, groups=1),
    ),
    "equal": (
        'test = "equal"\nmargin = 2.0',
        (0, 0, 0),
        lambda: models_needed_equivalence(0.0, 1.0, 2.0, level=0.025, wanted=1 - 0.2 / 3),
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_planned_studies_decide_as_often_as_planned(tmp_path, name):
    """With the number of models said to decide, four of five synthetic studies do, however many groups must agree."""
    test, means, needed = PLANS[name]
    hypotheses = load_hypotheses(write(tmp_path, f'quantity = "packing_fraction"\n{test}'))
    n = needed()
    rng = np.random.default_rng(35)
    supported = 0
    for _ in range(200):
        values = [
            Quantity("packing_fraction", x, f"{x}-{i}", rng.normal(mean, 1.0))
            for x, mean in zip(LEVELS, means, strict=True)
            for i in range(n)
        ]
        supported += judge_hypotheses(values, hypotheses)[0].verdict == "supported"
    # Three standard deviations of 200 draws at 0.8 are 0.085.
    assert supported / 200 > 0.8 - 0.085


def test_plans_count_every_comparison_that_must_agree(tmp_path):
    """Two parts at three contents need more models each than one part alone would."""
    rng = np.random.default_rng(36)
    values = study(3, rng, flat={"packing_fraction": (0.5, 0.4), "density": (0.5, 0.4)})
    one = 'quantity = "packing_fraction"\ntest = "above"\ntarget = 0.2'
    alone = judge(tmp_path, values, one).parts[0].models_needed
    beside = judge(tmp_path, values, one, one.replace("packing_fraction", "density")).parts[0].models_needed
    assert beside > alone


@pytest.mark.parametrize(("needed", "place"), [(1.1, 5.2), (6.0, 5.2), (1.1, 4.4), (6.0, 4.4)])
def test_a_halo_says_how_much_more_background_it_needs(needed, place):
    """H7G names the background whatever part decides."""
    rng = np.random.default_rng(4)
    at = {"fem_halo_peak1_k": place, "fem_halo_peak2_k": 3.2, "fem_halo_peak1_fwhm": 1.85}
    quantities = [
        Quantity(name, x, f"x{x:g}-seed{seed}", rng.normal(value + slope * x, 0.01))
        for name, value, slope in (
            *((name, value, 0.0) for name, value in at.items()),
            ("fem_halo_ratio", 1.5, 0.3),
            ("fem_halo_background", needed, 0.0),
        )
        for x, seed in itertools.product(LEVELS, range(5))
    ]
    (verdict,) = [one for one in judge_hypotheses(quantities) if one.id == "H7G"]
    assert verdict.verdict == ("supported" if needed < 1.5 and place > 5 else "contradicted")
    if verdict.verdict == "contradicted":
        given = verdict.reason.split("over what inelastic scattering gives: ")[1].split(",")[0]
        assert float(given) == pytest.approx(needed, abs=0.03)
    (spread,) = [one for one in judge_hypotheses(quantities) if one.id == "H7T"]
    assert spread.verdict == "not testable"


@pytest.mark.parametrize(("measured", "outside"), [(0.06, False), (0.5, True)])
def test_a_measured_fall_is_laid_beside_the_effect_with_its_sign(tmp_path, measured, outside):
    """A size has no sign: a fall by 0.06 lies in the interval about an effect of −0.06."""
    rng = np.random.default_rng(7)
    found = study(6, rng, {"zr_o_distance": -0.04}, levels=(1.5, 3.0))
    falls = f'quantity = "zr_o_distance"\ntest = "falls"\nlevels = [1.5, 3.0]\nmeasured = {measured}\n'
    unclear = 'quantity = "la_o_distance"\ntest = "rises"\nlevels = [1.5, 3.0]\n'
    verdict = judge(tmp_path, found, falls, unclear)
    assert verdict.verdict == "undecided"
    assert ("outside the 95 % interval" in verdict.reason) is outside
