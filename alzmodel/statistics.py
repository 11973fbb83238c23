"""Statistics for few independent models: intervals, ordered trends, volcanoes, equivalence, many tests.

The independent unit is the model, never an atom or a column: average over those first. Group means of some hundred
atoms are close to normal, so means are compared by Welch's t; orders over more than two groups by ranks.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import special

from alzmodel.errors import InputError
from alzmodel.moved import names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Outcome",
    "bootstrap_ci",
    "contrast",
    "equivalence",
    "holm",
    "jonckheere_terpstra",
    "mack_wolfe",
    "mean_std",
    "one_sample",
    "score_interval",
    "student_ci",
    "umbrella",
]

__getattr__ = names_of(__name__, {"combine": "alzmodel.combining"})

_EXACT_LIMIT: Final = 60
_PERMUTATIONS: Final = 4000
_ROUNDING: Final = 1e-12
"""Of the largest value: spreads and differences below are those of arithmetic, not of models."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a test with two directions.

    Attributes
    ----------
    effect : float
        What was estimated, in the unit of the values.
    ci95 : (float, float)
        Its two-sided 95 % interval; NaN where there are too few values.
    p_greater, p_less : float
        One-sided p-values for the effect being above and below the null value. For tests of a claim that has no
        direction, those for the claim (`p_greater`) and for its contrary (`p_less`); each test says so.
    std : float
        Standard deviation of single values, pooled over the groups compared; for planning.
    """

    effect: float
    ci95: tuple[float, float]
    p_greater: float
    p_less: float
    std: float


def _values(values: ArrayLike, what: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise InputError(f"{what}: {array.tolist()!s:.60}; allowed: a list of at least one finite number")
    return array


def mean_std(values: ArrayLike) -> tuple[float, float]:
    """Mean and sample standard deviation (n − 1); the latter is NaN for a single value.

    Raises
    ------
    InputError
        If there is no value, or one that is not finite.
    """
    array = _values(values, "values")
    std = float(array.std(ddof=1)) if array.size > 1 else math.nan
    return float(array.mean()), std


def student_ci(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean; NaN for a single value.

    Raises
    ------
    InputError
        If there is no value, one that is not finite, or a level outside (0, 1).
    """
    array = _values(values, "values")
    _check_level(level)
    if array.size < 2:
        return math.nan, math.nan
    half = special.stdtrit(array.size - 1, 0.5 + level / 2) * array.std(ddof=1) / math.sqrt(array.size)
    return float(array.mean() - half), float(array.mean() + half)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"level: {level}; allowed: between 0 and 1, both left out")


def bootstrap_ci(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.mean,
    *,
    level: float = 0.95,
    n_resamples: int = 5000,
    seed: int = 0,
) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap interval (B. Efron, J. Am. Stat. Assoc. 82, 171 (1987)).

    Parameters
    ----------
    values : (n,) array_like
        One value a model. Below about ten models it is too short; prefer :func:`student_ci` there.
    statistic
        Takes an array and an ``axis``.
    level, n_resamples, seed
        Same seed, same interval.

    Raises
    ------
    InputError
        If there is no value, one that is not finite, or a level outside (0, 1).
    """
    from scipy import stats

    array = np.sort(_values(values, "values"))  # the order of models must not matter
    _check_level(level)
    if array.size < 2:
        return math.nan, math.nan
    if np.ptp(array) == 0:
        same = float(statistic(array, axis=0))
        return same, same
    interval = stats.bootstrap(
        (array,), statistic, confidence_level=level, n_resamples=n_resamples, rng=np.random.default_rng(seed)
    ).confidence_interval
    return float(interval.low), float(interval.high)


def _moments(values: ArrayLike, what: str) -> tuple[int, float, float]:
    array = _values(values, what)
    return array.size, float(array.mean()), float(array.var(ddof=1)) if array.size > 1 else math.nan


def _from_t(
    effect: float, error: float, freedom: float, std: float, null: float = 0.0, scale: float = 0.0
) -> Outcome:
    tiny = _ROUNDING * max(scale, abs(null))
    if not math.isfinite(error) or not freedom > 0:
        return Outcome(effect, (math.nan, math.nan), 1.0, 1.0, std)
    if error <= tiny:
        # Identical values: the interval has no width; a difference is certain, its absence says nothing.
        if abs(effect - null) <= tiny:
            effect = null
        sign = np.sign(effect - null)
        return Outcome(effect, (effect, effect), float(sign <= 0), float(sign >= 0), std)
    t = (effect - null) / error
    half = special.stdtrit(freedom, 0.975) * error
    return Outcome(
        effect,
        (float(effect - half), float(effect + half)),
        float(special.stdtr(freedom, -t)),
        float(special.stdtr(freedom, t)),
        std,
    )


def contrast(
    groups: Sequence[ArrayLike],
    weights: Sequence[float],
    null: float = 0.0,
    *,
    equal_variances: bool = False,
) -> Outcome:
    """Test whether Σ w_g mean_g differs from `null`.

    Parameters
    ----------
    groups : sequence of (n_g,) array_like
    weights : sequence of float
        One a group, summing to zero.
    null : float
    equal_variances : bool
        Take one variance for all groups, from the spread within every one of them, those of weight zero too: with two
        or three values a group its own variance is hardly known.

    Returns
    -------
    Outcome
        Degrees of freedom: of the pooled variance, or after B. L. Welch, Biometrika 34, 28 (1947), eq. 28 with
        F. E. Satterthwaite, Biometrics Bull. 2, 110 (1946). Groups of one value each give p = 1 and no interval, one
        group of one value too unless variances are equal.

    Raises
    ------
    InputError
        If the weights do not fit, or a group is empty or not finite.
    """
    if len(weights) != len(groups) or abs(math.fsum(weights)) > 1e-9 or not any(weights):
        raise InputError(
            f"weights: {list(weights)} for {len(groups)} groups; allowed: one each, summing to zero"
        )
    if equal_variances:
        return _pooled_contrast(groups, weights, null)
    used = [
        (*_moments(group, "group"), weight) for group, weight in zip(groups, weights, strict=True) if weight
    ]
    effect = math.fsum(weight * mean for _, mean, _, weight in used)
    parts = [weight**2 * variance / n for n, _, variance, weight in used]
    total = math.fsum(parts)
    if not math.isfinite(total):
        return _from_t(effect, math.nan, 0.0, math.nan)
    # parts are divided by their sum first: squares of tiny variances would underflow
    shares = [part / total for part in parts] if total > 0 else parts
    spread = math.fsum(share**2 / (n - 1) for share, (n, *_) in zip(shares, used, strict=True))
    freedom = 1 / spread if spread > 0 else 1.0
    pooled = math.sqrt(math.fsum(variance for _, _, variance, _ in used) / len(used))
    largest = max(_largest(group) for group, weight in zip(groups, weights, strict=True) if weight)
    return _from_t(effect, math.sqrt(total), freedom, pooled, null, largest)


def _pooled_contrast(groups: Sequence[ArrayLike], weights: Sequence[float], null: float) -> Outcome:
    every = [_values(group, "group") for group in groups]
    freedom = sum(len(group) - 1 for group in every)
    effect = math.fsum(weight * float(group.mean()) for group, weight in zip(every, weights, strict=True))
    if freedom == 0:
        return _from_t(effect, math.nan, 0.0, math.nan)
    squares = math.fsum(float(((group - group.mean()) ** 2).sum()) for group in every)
    std = math.sqrt(squares / freedom)
    error = std * math.sqrt(
        math.fsum(weight**2 / len(group) for group, weight in zip(every, weights, strict=True))
    )
    return _from_t(effect, error, freedom, std, null, max(_largest(group) for group in every))


def _largest(values: ArrayLike) -> float:
    return float(np.max(np.abs(np.asarray(values, dtype=float))))


def _ranked(groups: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Replace values by whole numbers that keep their order; those that differ by rounding alone become ties."""
    pooled = np.concatenate(groups)
    order = np.argsort(pooled, kind="stable")
    steps = np.diff(pooled[order], prepend=pooled[order[0]]) > _ROUNDING * _largest(pooled)
    ranks = np.empty(pooled.size)
    ranks[order] = np.cumsum(steps)
    return np.split(ranks, np.cumsum([group.size for group in groups])[:-1])


def one_sample(values: ArrayLike, null: float) -> Outcome:
    """Student's t test of the mean of `values` against `null`; `effect` is the difference from it."""
    n, mean, variance = _moments(values, "values")
    error = math.sqrt(variance / n) if n > 1 else math.nan
    std = math.sqrt(variance) if n > 1 else math.nan
    return _from_t(mean - null, error, n - 1, std, scale=max(_largest(values), abs(null)))


def _q_binomial(a: int, b: int) -> list[int]:
    """Coefficients of the Gaussian binomial [a + b choose a]: how often U takes each value in 0 … a b."""
    counts = [0] * (a * b + 1)
    counts[0] = 1
    for i in range(1, a + 1):
        # times (1 − q^(b + i)), then divided by (1 − q^i)
        for power_ in range(len(counts) - 1, b + i - 1, -1):
            counts[power_] -= counts[power_ - b - i]
        for power_ in range(i, len(counts)):
            counts[power_] += counts[power_ - i]
    return counts


def _jt_distribution(sizes: Sequence[int]) -> NDArray[np.float64]:
    """Null probabilities of the Jonckheere–Terpstra statistic without ties, by its values 0, 1, 2, …."""
    total = np.ones(1)
    for number, size in enumerate(sizes[1:], start=1):
        counts = _q_binomial(sum(sizes[:number]), size)
        whole = sum(counts)
        total = np.convolve(total, np.array([count / whole for count in counts]))
    return total


def _pair_counts(groups: Sequence[NDArray[np.float64]], pairs: Sequence[tuple[int, int]]) -> float:
    """How often a value of the second group of a pair lies above one of the first; ties count half."""
    count = 0.0
    for low, high in pairs:
        difference = groups[high][None, :] - groups[low][:, None]
        count += float((difference > 0).sum() + 0.5 * (difference == 0).sum())
    return count


def _permuted(
    groups: Sequence[NDArray[np.float64]], pairs: Sequence[tuple[int, int]], seed: int
) -> tuple[float, float]:
    """Conditional permutation p-values of the pair count, by fixed-seed sampling; they are valid with ties."""
    observed = _pair_counts(groups, pairs)
    pooled = np.sort(np.concatenate(groups))
    edges = np.cumsum([group.size for group in groups])[:-1]
    rng = np.random.default_rng(seed)
    above = below = 1
    for _ in range(_PERMUTATIONS):
        count = _pair_counts(np.split(rng.permutation(pooled), edges), pairs)
        above += count >= observed
        below += count <= observed
    whole = _PERMUTATIONS + 1
    return above / whole, below / whole


def jonckheere_terpstra(groups: Sequence[ArrayLike], *, seed: int = 0) -> Outcome:
    """Test an order: whether values rise, or fall, from group to group.

    Parameters
    ----------
    groups : sequence of (n_g,) array_like
        At least two, in the order of the factor.
    seed
        For sampling permutations, which is done only if values are tied.

    Returns
    -------
    Outcome
        `p_greater` against a rise, `p_less` against a fall: exact for up to 60 values without ties, by permutation
        with ties, else from the normal limit. `effect` and `ci95` are the last group's mean less the first's.

    Raises
    ------
    InputError
        If there are fewer than two groups, or one is empty or not finite.

    References
    ----------
    A. R. Jonckheere, Biometrika 41, 133 (1954); T. J. Terpstra, Indag. Math. 14, 327 (1952).
    """
    arrays = [_values(group, "group") for group in groups]
    if len(arrays) < 2:
        raise InputError(f"groups: {len(arrays)}; allowed: at least two")
    pairs = list(itertools.combinations(range(len(arrays)), 2))
    ranks = _ranked(arrays)
    observed = _pair_counts(ranks, pairs)
    sizes = [array.size for array in arrays]
    n = sum(sizes)
    if np.unique(np.concatenate(ranks)).size < n:
        p_greater, p_less = _permuted(ranks, pairs, seed)
    elif n <= _EXACT_LIMIT:
        probabilities = _jt_distribution(sizes)
        p_greater = float(probabilities[round(observed) :].sum())
        p_less = float(probabilities[: round(observed) + 1].sum())
    else:
        mean = (n**2 - sum(size**2 for size in sizes)) / 4
        variance = (n**2 * (2 * n + 3) - sum(size**2 * (2 * size + 3) for size in sizes)) / 72
        z = (observed - mean) / math.sqrt(variance)
        p_greater, p_less = float(special.ndtr(-z)), float(special.ndtr(z))
    weights = [-1.0, *[0.0] * (len(arrays) - 2), 1.0]
    ends = contrast(arrays, weights)
    return Outcome(ends.effect, ends.ci95, min(1.0, p_greater), min(1.0, p_less), ends.std)


def score_interval(
    mean: ArrayLike, std: ArrayLike, *, most: float = math.inf
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give an interval of a quantity that ends at zero: never below it, longer upwards.

    It is Wilson's interval: the θ with ``(mean − θ)² = std² v(θ) / v(mean)``: for a share v(θ) = θ(1 − θ / most), as of
    a count out of ``mean (most − mean) / std²`` trials, and v(θ) = θ without an upper end, as of a count.
    Far from the ends it is mean ± std. Where v(mean) is less than half of `std` (noise around zero, not counts: of n
    values of zero or more `std` is at most √n times the mean) half of `std` stands for it, so that the upper end stays
    below `mean` and two and a half times `std`.

    Parameters
    ----------
    mean
        Any shape; what lies beyond an end is taken for the end.
    std
        What stands for one step of the interval, in the unit of `mean`: a standard deviation, or half of an interval.
    most
        Upper end: 1 for fractions.

    Returns
    -------
    low, high
        In the shape of `mean`.

    References
    ----------
    E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927); for counts L. Barker, Am. Stat. 56, 85 (2002); trials from a
    variance: E. L. Korn and B. I. Graubard, Surv. Methodol. 24, 193 (1998).

    Examples
    --------
    >>> [round(float(end), 3) for end in score_interval(0.1, 0.05, most=1.0)]
    [0.06, 0.161]
    """
    centre, step = np.clip(np.asarray(mean, dtype=float), 0.0, most), np.asarray(std, dtype=float)
    spread = np.maximum(centre * (1 - centre / most), step / 2)
    ratio = np.divide(step**2, spread, out=np.zeros_like(spread), where=spread != 0)
    middle, leading = 2 * centre + ratio, 1 + ratio / most
    high = (middle + np.sqrt(np.maximum(middle**2 - 4 * leading * centre**2, 0.0))) / (2 * leading)
    # The product of both roots is known: their difference would lose what is small.
    low = np.divide(centre**2, leading * high, out=np.zeros_like(high), where=high != 0)
    return low, high


def mack_wolfe(groups: Sequence[ArrayLike], peak: int, *, seed: int = 0) -> tuple[float, float]:
    """Rank test of an umbrella: rising up to group `peak`, falling after it.

    A plateau counts for it as well, so a volcano is claimed with :func:`umbrella`; this is the rank test beside it.

    Returns
    -------
    p_up, p_down : float
        One-sided p-values for an umbrella and for an upside-down one, by permutation with a fixed seed.

    Raises
    ------
    InputError
        If `peak` is not the index of a group, or a group is empty or not finite.

    References
    ----------
    G. A. Mack and D. A. Wolfe, J. Am. Stat. Assoc. 76, 175 (1981), known peak.
    """
    arrays = [_values(group, "group") for group in groups]
    _check_peak(peak, len(arrays))
    rising = list(itertools.combinations(range(peak + 1), 2))
    falling = [(high, low) for low, high in itertools.combinations(range(peak, len(arrays)), 2)]
    return _permuted(_ranked(arrays), rising + falling, seed)


def _check_peak(peak: int, n: int) -> None:
    if not 0 < peak < n - 1:
        raise InputError(f"peak: {peak} of {n} groups; allowed: an inner group, 1 to {n - 2}")


def umbrella(groups: Sequence[ArrayLike], peak: int) -> Outcome:
    """Test a volcano: whether the mean of group `peak` lies above the first group's and above the last's.

    Both flanks must be real, so the p-value is the larger of the two (R. L. Berger, Technometrics 24, 295 (1982),
    intersection–union): a plateau or a monotone rise is no volcano.

    Parameters
    ----------
    groups : sequence of (n_g,) array_like
        At least three.
    peak : int
        Index of the inner group where the top is claimed.

    Returns
    -------
    Outcome
        `p_greater` for a volcano, `p_less` for its contrary, the peak group lying below at least one flank (the
        smaller p of the two, doubled). `effect` and `ci95` belong to the flank with the smaller step. Negate the
        values to test a valley.

    Raises
    ------
    InputError
        If `peak` is not an inner group, or a group is empty or not finite.
    """
    _check_peak(peak, len(groups))
    flanks = [contrast([groups[end], groups[peak]], [-1.0, 1.0]) for end in (0, len(groups) - 1)]
    weaker = max(flanks, key=lambda flank: flank.p_greater)
    contrary = min(1.0, 2 * min(flank.p_less for flank in flanks))
    return Outcome(weaker.effect, weaker.ci95, weaker.p_greater, contrary, weaker.std)


def equivalence(test: Callable[[float], Outcome], margin: float) -> Outcome:
    """Two one-sided tests (TOST): whether an effect lies within ±`margin` of zero.

    Parameters
    ----------
    test
        The test of the effect against a null value, such as ``lambda null: one_sample(values, null)``.
    margin : float
        Above zero, in the unit of the effect.

    Returns
    -------
    Outcome
        `p_greater` for the effect lying inside the margin (the larger of the two one-sided p), `p_less` for it lying
        outside (the smaller of the other two, doubled). Effect and interval are those of ``test(0.0)``.

    Raises
    ------
    InputError
        If the margin is not above zero.

    References
    ----------
    D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15, 657 (1987).
    """
    if not margin > 0 or not math.isfinite(margin):
        raise InputError(f"margin: {margin}; allowed: a finite number above 0")
    difference, upper, lower = test(0.0), test(margin), test(-margin)
    inside = max(upper.p_less, lower.p_greater)
    outside = min(1.0, 2 * min(upper.p_greater, lower.p_less))
    return Outcome(difference.effect, difference.ci95, inside, outside, difference.std)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number, so that the error rate of the whole family stays below the level.

    References
    ----------
    S. Holm, Scand. J. Stat. 6, 65 (1979).

    Returns
    -------
    list of float
        Adjusted values in the order given, none above 1.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted
