"""Effects and their intervals in words: with one number of decimals, the one that the interval has any use for."""

from __future__ import annotations

import math

__all__ = ["decimals_of", "interval_text", "signed"]

_MOST = 6


def decimals_of(ci95: tuple[float, float] | None) -> int | None:
    """Count the decimals that leave two digits of half an interval; None without a finite interval.

    Examples
    --------
    >>> decimals_of((-0.026, 0.0034)), decimals_of((-25.0, -10.0))
    (3, 1)
    """
    half = (ci95[1] - ci95[0]) / 2 if ci95 is not None else math.nan
    if not math.isfinite(half) or half <= 0:
        return None
    return min(_MOST, max(0, 1 - math.floor(math.log10(half))))


def signed(value: float, decimals: int | None) -> str:
    """Write a value with its sign, a true minus; three digits without a number of decimals."""
    text = f"{value:+.3g}" if decimals is None else f"{value:+.{decimals}f}"
    return text.replace("-", "−")


def interval_text(effect: float | None, ci95: tuple[float, float] | None, unit: str = "") -> str:
    """Write an effect with its interval: ``−0.011 (−0.026 to +0.003) Å``; nothing without an effect.

    Parameters
    ----------
    effect
        In `unit`.
    ci95
        Its interval; three digits of the effect stand where there is none.
    unit
        Behind both.
    """
    if effect is None:
        return ""
    decimals = decimals_of(ci95)
    ends = "" if ci95 is None else f" ({signed(ci95[0], decimals)} to {signed(ci95[1], decimals)})"
    return f"{signed(effect, decimals)}{ends} {unit}".rstrip()
