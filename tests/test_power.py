"""Power as computed must be power as found on synthetic data."""

import functools

import numpy as np
import pytest
from scipy import stats

from alzmodel import statistics
from alzmodel.errors import InputError
from alzmodel.power import models_needed, models_needed_equivalence, power


def test_power_of_a_textbook_case():
    # Cohen (1988), table 2.3.5: d = 0.5, n = 64 a group, two-sided 5 %: 0.80
    assert power(0.5, 1.0, 64) == pytest.approx(0.80, abs=0.01)
    assert models_needed(0.5, 1.0) == 64


@pytest.mark.parametrize(("effect", "n"), [(1.5, 4), (1.0, 8), (3.0, 4)])
def test_power_is_found_on_synthetic_data(effect, n):
    rng = np.random.default_rng(20)
    a, b = rng.normal(size=(4000, n)), rng.normal(effect, 1, size=(4000, n))
    test = stats.ttest_ind(b, a, axis=1)
    found = np.mean((test.pvalue < 0.05) & (test.statistic > 0))
    assert found == pytest.approx(power(effect, 1.0, n), abs=0.025)


def test_power_against_a_number():
    rng = np.random.default_rng(21)
    test = stats.ttest_1samp(rng.normal(1.2, 1, size=(4000, 6)), 0, axis=1)
    assert np.mean((test.pvalue < 0.05) & (test.statistic > 0)) == pytest.approx(
        power(1.2, 1, 6, groups=1), abs=0.025
    )


def test_models_needed_are_just_enough():
    n = models_needed(1.1, 1.0, level=0.01)
    assert power(1.1, 1.0, n, level=0.01) >= 0.8 > power(1.1, 1.0, n - 1, level=0.01)
    assert models_needed(50.0, 1.0) == 4
    assert models_needed(0.0, 1.0) is None
    assert models_needed(1e-6, 1.0) is None
    assert models_needed(1.0, float("nan")) is None


def test_equivalence_planned_is_equivalence_found():
    n = models_needed_equivalence(0.0, 1.0, 1.0)
    rng = np.random.default_rng(22)
    found = []
    for _ in range(800):
        test = functools.partial(statistics.contrast, rng.normal(size=(2, n)), [-1, 1])
        found.append(statistics.equivalence(test, 1.0).p_greater < 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)
    assert models_needed_equivalence(1.2, 1.0, 1.0) is None


def test_power_needs_two_models():
    with pytest.raises(InputError, match="models in each group: 1"):
        power(1.0, 1.0, 1)
