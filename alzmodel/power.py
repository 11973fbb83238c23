"""The power of a design, and how many models a question needs."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from scipy import special

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "detectable_effect",
    "models_needed",
    "models_needed_equivalence",
    "power",
    "power_equivalence",
]


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
    return _beyond(critical, freedom, abs(effect) / std * math.sqrt(n / groups))


def power_equivalence(
    effect: float, std: float, margin: float, n: int, *, level: float = 0.05, groups: int = 2
) -> float:
    """Probability that two one-sided t tests at `level` place `effect` within ±`margin`.

    Parameters
    ----------
    effect, std, margin : float
        True effect, standard deviation of single models, and margin, in one unit.
    n : int
        Models in each group, at least 2.
    level
        Of each of the two tests.
    groups : {1, 2}
        One group against a number, or two groups against each other.

    Notes
    -----
    The sum of what both noncentral t tests reach less one, which takes them for independent of the estimated spread:
    an approximation that is low by some hundredths where the power is below one half.

    References
    ----------
    D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15, 657 (1987).
    """
    if n < 2:
        raise InputError(f"models in each group: {n}; allowed: at least 2")
    if not std > 0:
        return float(abs(effect) < margin)
    freedom = groups * (n - 1)
    critical = special.stdtrit(freedom, 1 - level)
    error = std * math.sqrt(groups / n)
    found = [_beyond(critical, freedom, (margin + side * effect) / error) for side in (-1, 1)]
    return max(0.0, sum(found) - 1)


def _beyond(critical: float, freedom: float, shift: float) -> float:
    # Far beyond, only rounding is left.
    return float(1 - special.nctdtr(freedom, shift, critical)) if shift < 35 else 1.0


def detectable_effect(
    std: float, n: int, *, level: float = 0.05, wanted: float = 0.8, groups: int = 2
) -> float:
    """Find the effect that `n` models a group show with :func:`power` of `wanted`, in the unit of `std`."""
    return std * _detectable(n, level, wanted, groups) if std > 0 else 0.0


@functools.lru_cache(maxsize=256)
def _detectable(n: int, level: float, wanted: float, groups: int) -> float:
    """Find the effect in standard deviations: one design serves many quantities."""
    from scipy.optimize import brentq

    high = 1.0
    while power(high, 1.0, n, level=level, groups=groups) < wanted:
        high *= 2
    return float(
        brentq(lambda size: power(size, 1.0, n, level=level, groups=groups) - wanted, 0.0, high, xtol=1e-4)
    )


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
    most: int = 10_000,
) -> int | None:
    """Find the smallest number of models a group that would show `effect` to lie within ±`margin`.

    Returns
    -------
    int or None
        By :func:`power_equivalence`; None if `effect` is not inside the margin, or more than `most` would be needed.
    """
    room = margin - abs(effect)
    if not (math.isfinite(room) and math.isfinite(std)) or room <= 0:
        return None
    return _smallest(
        lambda n: power_equivalence(effect, std, margin, n, level=level, groups=groups) >= wanted, least, most
    )


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
