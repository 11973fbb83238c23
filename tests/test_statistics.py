"""Intervals, trends, volcanoes and equivalence against exact counts, scipy, and synthetic data of known truth."""

import functools
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alzmodel import statistics
from alzmodel.errors import InputError


def test_mean_and_student_interval_agree_with_scipy():
    values = [2.11, 2.12, 2.125, 2.118]
    assert statistics.mean_std(values) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    low, high = stats.t.interval(0.9, 3, np.mean(values), stats.sem(values))
    assert statistics.student_ci(values, 0.9) == pytest.approx((low, high), rel=1e-12)


def test_single_value_has_no_spread():
    mean, std = statistics.mean_std([3.0])
    assert mean == 3.0
    assert math.isnan(std)
    assert all(math.isnan(end) for end in statistics.student_ci([3.0]))
    assert all(math.isnan(end) for end in statistics.bootstrap_ci([3.0]))


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [[1.0], [2.0]]])
def test_values_that_are_no_list_of_numbers_are_refused(values):
    with pytest.raises(InputError, match=r"values: .*; allowed: a list"):
        statistics.mean_std(values)


def test_student_interval_holds_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(3)
    intervals = [statistics.student_ci(rng.normal(5.0, 2.0, 4)) for _ in range(2000)]
    covered = np.mean([low < 5.0 < high for low, high in intervals])
    assert covered == pytest.approx(0.95, abs=0.015)


def test_bootstrap_is_reproducible_and_blind_to_order():
    rng = np.random.default_rng(0)
    values = rng.normal(size=30)
    first = statistics.bootstrap_ci(values, n_resamples=999)
    assert statistics.bootstrap_ci(rng.permutation(values), n_resamples=999) == first
    assert statistics.bootstrap_ci(values, n_resamples=999, seed=1) != first
    assert first == pytest.approx(statistics.student_ci(values), abs=0.1)
    assert statistics.bootstrap_ci([2.0, 2.0, 2.0]) == (2.0, 2.0)


def test_contrast_of_two_groups_is_welch():
    a, b = [1.0, 1.2, 0.9, 1.1, 1.05], [1.3, 1.9, 1.2]
    mine = statistics.contrast([a, b], [-1, 1])
    theirs = stats.ttest_ind(b, a, equal_var=False)
    assert mine.effect == pytest.approx(np.mean(b) - np.mean(a))
    assert mine.p_greater == pytest.approx(theirs.pvalue / 2, rel=1e-10)
    assert mine.p_less == pytest.approx(1 - theirs.pvalue / 2, rel=1e-10)
    assert mine.ci95 == pytest.approx(tuple(theirs.confidence_interval(0.95)), rel=1e-10)


def test_contrast_with_one_variance_is_that_of_least_squares():
    """Slope of a line over groups of two, its error from the scatter within groups: scipy and by hand."""
    rng = np.random.default_rng(3)
    x = np.array([1.0, 2.0, 4.0])
    groups = [list(2 * one + rng.normal(0, 0.3, 2)) for one in x]
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    found = statistics.contrast(groups, list(weights), equal_variances=True)
    values = np.array(groups)
    fit = stats.linregress(np.repeat(x, 2), values.ravel())
    assert found.effect == pytest.approx(fit.slope)
    variance = values.var(axis=1, ddof=1).mean()
    error = math.sqrt(variance / (2 * ((x - x.mean()) ** 2).sum()))
    half = stats.t.ppf(0.975, 3) * error
    assert found.ci95 == pytest.approx((fit.slope - half, fit.slope + half))
    # Two groups with one variance are Student's old test.
    old = stats.ttest_ind(groups[1], groups[0])
    pair = statistics.contrast(groups[:2], [-1, 1], equal_variances=True)
    assert 2 * min(pair.p_greater, pair.p_less) == pytest.approx(old.pvalue)
    # A third group of weight zero tells of the scatter all the same.
    assert statistics.contrast(groups, [-1, 1, 0], equal_variances=True).std == pytest.approx(
        math.sqrt(variance)
    )


def test_contrast_without_a_spread_decides_nothing():
    outcome = statistics.contrast([[1.0], [2.0]], [-1, 1])
    assert outcome.effect == 1.0
    assert (outcome.p_greater, outcome.p_less) == (1.0, 1.0)
    assert math.isnan(outcome.ci95[0])


def test_differences_of_rounding_are_no_differences():
    """Equal numbers that came about in different ways: no test finds anything in their last digit."""
    sums = [0.1 + 0.2, 0.3, 0.3 + 1e-16, 0.15 * 2]
    other = [0.3, 0.1 * 3, 0.6 / 2, 0.3]
    assert len({*sums, *other}) > 1
    outcome = statistics.contrast([sums, other], [-1, 1])
    assert (outcome.p_greater, outcome.p_less) == (1.0, 1.0)
    assert statistics.one_sample(sums, 0.3).p_greater == 1.0
    volcano = statistics.umbrella([other, sums, other], 1)
    assert (volcano.p_greater, volcano.p_less) == (1.0, 1.0)
    rise = statistics.jonckheere_terpstra([other, [value * (1 + 3e-16) for value in other], sums])
    assert (rise.p_greater, rise.p_less) == (1.0, 1.0)
    # A real difference between models that are all alike stays one.
    assert statistics.contrast([[0.3] * 4, [0.4] * 4], [-1, 1]).p_greater == 0.0


def test_contrast_refuses_weights_that_do_not_sum_to_zero():
    with pytest.raises(InputError, match="weights"):
        statistics.contrast([[1.0, 2.0], [2.0, 3.0]], [1, 1])


def test_one_sample_agrees_with_scipy():
    values = [0.12, 0.18, 0.15, 0.2]
    theirs = stats.ttest_1samp(values, 0.1, alternative="greater")
    outcome = statistics.one_sample(values, 0.1)
    assert outcome.p_greater == pytest.approx(theirs.pvalue, rel=1e-10)
    assert outcome.effect == pytest.approx(np.mean(values) - 0.1)


def _jt_by_counting(groups):
    """Exact p-values from every arrangement of the pooled values."""
    pooled = [value for group in groups for value in group]
    sizes = [len(group) for group in groups]
    label = [number for number, size in enumerate(sizes) for _ in range(size)]

    def count(labels):
        return sum(
            value_b > value_a
            for (a, value_a), (b, value_b) in itertools.permutations(zip(labels, pooled, strict=True), 2)
            if a < b
        )

    observed = count(label)
    all_counts = [count(labels) for labels in set(itertools.permutations(label))]
    n = len(all_counts)
    return sum(c >= observed for c in all_counts) / n, sum(c <= observed for c in all_counts) / n


@pytest.mark.parametrize(
    "groups",
    [
        [[1.0, 2.0], [3.0, 2.5], [4.0, 0.5]],
        [[1.0, 4.0, 7.0], [2.0, 5.0], [3.0, 8.0]],
        [[5.0, 6.0], [3.0], [2.0, 1.0, 4.0]],
    ],
)
def test_jonckheere_terpstra_is_exact(groups):
    outcome = statistics.jonckheere_terpstra(groups)
    assert (outcome.p_greater, outcome.p_less) == pytest.approx(_jt_by_counting(groups), rel=1e-12)


def test_jonckheere_terpstra_of_two_groups_is_mann_whitney():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=7), rng.normal(0.8, size=6)
    theirs = stats.mannwhitneyu(b, a, alternative="greater", method="exact").pvalue
    assert statistics.jonckheere_terpstra([a, b]).p_greater == pytest.approx(theirs, rel=1e-12)


def test_jonckheere_terpstra_normal_limit_meets_the_exact_one(monkeypatch):
    rng = np.random.default_rng(6)
    groups = [rng.normal(0.2 * i, 1, 12) for i in range(3)]
    exact = statistics.jonckheere_terpstra(groups)
    monkeypatch.setattr(statistics, "_EXACT_LIMIT", 0)
    assert statistics.jonckheere_terpstra(groups).p_greater == pytest.approx(exact.p_greater, rel=0.1)


def test_jonckheere_terpstra_with_ties_permutes():
    tied = [[1.0, 1.0, 2.0], [2.0, 3.0, 3.0], [3.0, 4.0, 4.0]]
    outcome = statistics.jonckheere_terpstra(tied)
    assert outcome.p_greater < 0.01
    assert statistics.jonckheere_terpstra(tied).p_greater == outcome.p_greater
    assert statistics.jonckheere_terpstra(tied[::-1]).p_less < 0.01


def test_umbrella_asks_for_both_flanks():
    rng = np.random.default_rng(1)
    low, high = rng.normal(0, 0.1, 6), rng.normal(1, 0.1, 6)
    volcano = statistics.umbrella([low, high, low + 0.01], 1)
    assert volcano.p_greater < 1e-4
    assert volcano.p_less > 0.9
    plateau = statistics.umbrella([low, high, high + 0.01], 1)
    assert plateau.p_greater > 0.3
    rise = statistics.umbrella([low, high, high + 1], 1)
    assert rise.p_greater > 0.9
    assert rise.p_less < 1e-3
    # the rank test lets a plateau with a hint of a fall pass, which is why a volcano is not claimed with it
    assert (
        statistics.mack_wolfe([low, high, high - 0.03], 1)[0]
        < 0.05
        < statistics.umbrella([low, high, high - 0.03], 1).p_greater
    )
    assert statistics.mack_wolfe([low, high, low + 0.01], 1)[0] < 0.01


@pytest.mark.parametrize("peak", [0, 2, 5])
def test_umbrella_refuses_a_peak_at_the_end(peak):
    with pytest.raises(InputError, match="peak"):
        statistics.umbrella([[1.0, 2.0]] * 3, peak)


def test_equivalence_inside_outside_and_between():
    values = [0.01, -0.01, 0.02, 0.0, 0.005]

    def test(shift):
        moved = [value + shift for value in values]
        return statistics.equivalence(lambda null: statistics.one_sample(moved, null), 0.1)

    assert test(0.0).p_greater < 1e-3
    assert test(0.0).p_less > 0.9
    assert test(0.3).p_less < 1e-3
    assert test(0.3).p_greater > 0.9
    at_margin = test(0.1)
    assert at_margin.p_greater > 0.05
    assert at_margin.p_less > 0.05
    with pytest.raises(InputError, match="margin"):
        statistics.equivalence(lambda null: statistics.one_sample(values, null), 0.0)


def test_equivalence_error_rate_at_the_margin():
    rng = np.random.default_rng(11)
    claimed = []
    for _ in range(1000):
        groups = [rng.normal(size=6), rng.normal(1.0, size=6)]
        test = functools.partial(statistics.contrast, groups, [-1, 1])
        claimed.append(statistics.equivalence(test, 1.0).p_greater < 0.05)
    assert np.mean(claimed) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)


def test_holm_by_hand():
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([0.6, 0.9]) == [1.0, 1.0]
    assert statistics.holm([]) == []


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.randoms())
def test_holm_does_not_depend_on_the_order(p_values, random):
    order = list(range(len(p_values)))
    random.shuffle(order)
    shuffled = statistics.holm([p_values[i] for i in order])
    straight = statistics.holm(p_values)
    assert [straight[i] for i in order] == pytest.approx(shuffled)
    assert all(adjusted >= p for adjusted, p in zip(straight, p_values, strict=True))


@pytest.mark.parametrize(("count", "trials"), [(1, 40), (3, 8), (7, 8), (500, 1000)])
def test_an_interval_of_a_share_is_wilsons(count, trials):
    share = count / trials
    step = math.sqrt(share * (1 - share) / trials)
    found = statistics.score_interval(share, step, most=1.0)
    level = stats.norm.cdf(1.0) - stats.norm.cdf(-1.0)
    own = stats.binomtest(count, trials).proportion_ci(level, method="wilson")
    assert [float(end) for end in found] == pytest.approx(own, rel=1e-10)


def test_an_interval_of_a_count_holds_it_and_ends_above_zero():
    # The roots of (mean - t)² = std² t / mean, by hand: 4 ± 2 becomes 4.5 ± √4.25.
    assert [float(end) for end in statistics.score_interval(4.0, 2.0)] == pytest.approx(
        [4.5 - math.sqrt(4.25), 4.5 + math.sqrt(4.25)]
    )
    means = np.array([1e-9, 0.01, 0.3, 2.1])
    low, high = statistics.score_interval(means, [1.0, 0.05, 0.2, 1e-4])
    # Noise around zero makes no bar that is higher than all else.
    assert high[0] == pytest.approx(2.0)
    assert statistics.score_interval(-1e-9, 1.0)[1] == pytest.approx(2.0)
    assert (low > 0).all()
    assert (low < means).all()
    assert (high - means > means - low).all()
    # Far from the end it is mean ± std.
    assert [low[3], high[3]] == pytest.approx([2.0999, 2.1001], abs=1e-8)


def test_an_interval_where_every_model_says_none_or_all():
    assert statistics.score_interval([0.0, 1.0], [0.0, 0.0], most=1.0)[0].tolist() == [0.0, 1.0]
    assert statistics.score_interval([0.0, 1.0], [0.0, 0.0], most=1.0)[1].tolist() == [0.0, 1.0]
    assert np.isnan(statistics.score_interval([0.5], [math.nan])[1]).all()
