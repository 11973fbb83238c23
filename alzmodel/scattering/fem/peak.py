"""A peak of the FEM variance, and intervals from leaving out parts of the data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.results import Item, Result, holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["FEMPeak", "Interval", "jackknife_interval"]

Interval = tuple[float, float]

_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True, repr=False)
class FEMPeak(Result):
    """One peak of V(k); every interval is a 95 % one.

    Attributes
    ----------
    label
        "k3.2" is the peak near 3.2 nm⁻¹.
    k, fwhm
        nm⁻¹.
    height
        Of the peak above the floor and background, in units of V.
    k_ci95, fwhm_ci95, height_ci95
        See :func:`fit_fem_peaks`.
    significant
        Whether the peak stands out of the noise that the speckles of a structure without order have, and lies inside
        its bounds.
    """

    label: str = field(metadata=holds(role="label"))
    k: float = field(metadata=holds("nm⁻¹"))
    fwhm: float = field(metadata=holds("nm⁻¹"))
    height: float
    k_ci95: Interval = field(metadata=holds("nm⁻¹", role="interval"))
    fwhm_ci95: Interval = field(metadata=holds("nm⁻¹", role="interval"))
    height_ci95: Interval = field(metadata=holds(role="interval"))
    significant: bool = field(metadata=holds(hidden=True))

    @property
    def d(self) -> float:
        """Å: 10/k, which is a plane spacing and no bond length."""
        return 10 / self.k

    @property
    def d_ci95(self) -> Interval:
        """Å."""
        return 10 / self.k_ci95[1], 10 / self.k_ci95[0]

    def items(self) -> Iterator[Item]:
        """Attributes by their name, and d with its interval."""
        yield from Result.items(self)
        yield Item("d", self.d, unit="Å")
        yield Item("d_ci95", self.d_ci95, "interval", "Å")


def jackknife_interval(value: float, others: Sequence[float], *, log: bool = False) -> Interval:
    """95 % interval from refits with one unit of the data left out at a time; NaN with fewer than two.

    `log` takes it of the logarithm, for what is above zero.
    """
    from scipy.stats import t

    if log:
        low, high = jackknife_interval(
            math.log(max(value, _TINY)), [math.log(max(other, _TINY)) for other in others]
        )
        return math.exp(low), math.exp(high)
    count = len(others)
    if count < 2:
        return math.nan, math.nan
    deviation = np.asarray(others) - np.mean(others)
    half = float(t.ppf(0.975, count - 1)) * math.sqrt((count - 1) / count) * float(np.linalg.norm(deviation))
    return value - half, value + half
