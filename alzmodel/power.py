"""The power of a design, and how many models a question needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy import special, stats

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["models_needed", "models_needed_equivalence", "power"]


def power(effect: float, std: float, n: int, *, level: float = 0.05, groups: int = 2) -> float:
    """Probability that a two-sided t test at `level` finds `effect` with its sign.

    Parameters
    ----------
    effect, std : float
        Difference of the means, and standard deviation of single models, in one unit.
    n : int
        Models in each group, at least 2.
    groups : {1, 2}
        One group against a number, or two groups against each other.

    References
    ----------
    J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd ed. (1988), ch. 2 (noncentral t).
    """
    if n < 2:
        raise InputError(f"models in each group: {n}; allowed: at least 2")
    if not std > 0:
        return float(effect != 0)
    freedom = groups * (n - 1)
    critical = special.stdtrit(freedom, 1 - level / 2)
    shift = abs(effect) / std * math.sqrt(n / groups)
    return (
        float(stats.nct.sf(critical, freedom, shift)) if shift < 35 else 1.0
    )  # beyond, only rounding is left


def models_needed(
    effect: float,
    std: float,
    *,
    level: float = 0.05,
    wanted: float = 0.8,
    groups: int = 2,
    least: int = 4,
    most: int = 10_000,
) -> int | None:
    """Find the smallest number of models a group that gives :func:`power` of at least `wanted`.

    Returns
    -------
    int or None
        At least `least`; None if more than `most` would be needed, or effect or spread is not known.
    """
    if not (math.isfinite(effect) and math.isfinite(std)) or effect == 0:
        return None
    return _smallest(lambda n: power(effect, std, n, level=level, groups=groups) >= wanted, least, most)


def models_needed_equivalence(
    effect: float,
    std: float,
    margin: float,
    *,
    level: float = 0.05,
    wanted: float = 0.8,
    groups: int = 2,
    least: int = 4,
) -> int | None:
    """Find the smallest number of models a group that would show `effect` to lie within ±`margin`.

    Uses the normal approximation of the two one-sided tests; None if `effect` is not inside the margin.
    """
    room = margin - abs(effect)
    if not (math.isfinite(room) and math.isfinite(std)) or room <= 0:
        return None
    # Around zero effect both tests can fail, so each gets half of what may go wrong.
    share = (1 - wanted) / 2 if abs(effect) < 0.1 * margin else 1 - wanted
    z = special.ndtri(1 - level) + special.ndtri(1 - share)
    return max(least, math.ceil(groups * (z * std / room) ** 2) + 1)


def _smallest(enough: Callable[[int], bool], least: int, most: int) -> int | None:
    low = max(2, least)
    high = low
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high
