"""Two readings of the FEM peaks that need no order: a halo through a background, and a spread of thickness.

Coherent scattering of a structure without order has a V that knows no S(k). What does not fluctuate does shape V: with
a background B it is V₀ (I/(I + B))², so that the halo of the mean pattern I shows in it (H7G). And where the film is
thicker, all rings are brighter together, the more so the more of a ring the film scatters:
V_t = σ_t² (∂ ln I/∂ ln t)², on a membrane the halo again (H7T).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.results import Result
from alzmodel.scattering.fem.observed import Incoherent, observe, thickness_slope
from alzmodel.scattering.fem.speckle import radial_speckle
from alzmodel.scattering.fem.two_peaks import LEVEL, fit_best, fit_two_peaks, peak_chances

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from alzmodel.scattering.fem.observed import Coherent
    from alzmodel.scattering.fem.two_peaks import TwoPeaks

__all__ = ["WIDEST_PUBLISHED", "HaloReading", "read_halo", "structureless"]

WIDEST_PUBLISHED: Final = 1.17
"""nm⁻¹; the widest peak at 3.2 nm⁻¹ in Zhu et al. (Adv. Mater. 2024, sec. 2.2), that of x = 4.5. The halo shows as a
broader one as long as the background is small."""

BACKGROUNDS_TRIED: Final = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0)
"""β, of a background without structure on top of that of inelastic scattering."""

_RANGE: Final = (2.0, 7.5)


@dataclass(frozen=True, repr=False)
class HaloReading(Result):
    """Outcome of :func:`read_halo`.

    Attributes
    ----------
    physical
        Peaks with nothing but what inelastic scattering gives.
    needed
        Peaks with the smallest background that makes the first peak as narrow as the widest published one.
    background
        That background β, over Σ n f²; NaN if none of those tried does.
    times_inelastic
        Both backgrounds together over that of inelastic scattering, means over 2 to 7.5 nm⁻¹: "needs a background at
        least N times what inelastic scattering gives".
    spread
        Peaks of V_t alone, a spread of thickness on the membrane.
    """

    physical: TwoPeaks
    needed: TwoPeaks
    background: float
    times_inelastic: float
    spread: TwoPeaks

    def numbers(self) -> dict[str, float]:
        """Plain numbers under the names of :data:`alzmodel.compare.quantities.QUANTITIES`; NaN for no peak."""
        found = {"fem_halo_background": self.times_inelastic}
        for name, fit in (("halo", self.needed), ("spread", self.spread)):
            for number, label in ((1, "k5.3"), (2, "k3.2")):
                peak = next((one for one in fit.peaks if one.label == label and one.significant), None)
                found[f"fem_{name}_peak{number}_k"] = math.nan if peak is None else peak.k
                found[f"fem_{name}_peak{number}_fwhm"] = math.nan if peak is None else peak.fwhm
            both = len(fit.peaks) == 2 and all(peak.significant for peak in fit.peaks)
            found[f"fem_{name}_ratio"] = fit.ratio if both else math.nan
        return found


def structureless(coherent: Coherent) -> Coherent:
    """Return the same mean pattern with the V of a structure without order, free of the noise of few columns.

    What thermal motion leaves of V is kept, as a smooth fit: ln(V∞/V₁) is taken to fall as k².
    """
    floor = radial_speckle(coherent.plane, coherent.settings, coherent.thickness)
    if coherent.averaged is None:
        return replace(coherent, single=floor)
    kept = np.diagonal(coherent.averaged) / np.diagonal(coherent.single)
    square = np.square(coherent.k)
    good = kept > 0
    slope = float(np.sum(square[good] * np.log(kept[good])) / np.sum(np.square(square[good])))
    damping = np.exp(0.5 * slope * square)
    return replace(coherent, single=floor, averaged=floor * np.outer(damping, damping))


def read_halo(coherent: Coherent, incoherent: Incoherent, resolution: float) -> HaloReading:
    """Compute what the two readings without order predict.

    Parameters
    ----------
    coherent
        Of the glass: its mean pattern is used, and the floor in place of its V (:func:`structureless`).
    incoherent
        Specimen; its background, glare and spread of thickness are not used.
    resolution
        From :func:`alzmodel.scattering.fem.recorded.resolution_of`.

    Returns
    -------
    HaloReading
        Positions, the width of the second peak, the ratio of heights and their trends over films are predictions: the
        background is set by one width alone, to that of :data:`WIDEST_PUBLISHED`, between two of
        :data:`BACKGROUNDS_TRIED` along a straight line.
    """
    glass = structureless(coherent)
    bare = replace(incoherent, background=0.0, glare=0.0, thickness_spread=0.0)

    def recorded(background: float) -> NDArray[np.float64]:
        return observe(glass, replace(bare, background=background)).variance

    def fit(variance: NDArray[np.float64]) -> TwoPeaks:
        return fit_two_peaks(glass.k, {"omega": variance}, resolution=resolution)

    background = _smallest(glass.k, recorded, resolution)
    inside = (glass.k >= _RANGE[0]) & (glass.k <= _RANGE[1])
    rings = slice(glass.first, glass.first + len(glass.k))
    inelastic = float(np.mean((glass.film.inelastic[rings] / glass.film.gas)[inside]))
    known = 0.0 if math.isnan(background) else background
    return HaloReading(
        physical=fit(recorded(0.0)),
        needed=fit(recorded(known)),
        background=background,
        times_inelastic=(background + inelastic) / inelastic,
        spread=fit(np.square(thickness_slope(glass, bare))),
    )


def _smallest(
    k: NDArray[np.float64], recorded: Callable[[float], NDArray[np.float64]], resolution: float
) -> float:
    """Smallest background at which the peak at 3.2 nm⁻¹ is as narrow as was published."""
    before: tuple[float, float] | None = None
    for background in BACKGROUNDS_TRIED:
        variance = recorded(background)
        fit = fit_best(k, variance, resolution=resolution)
        width = float(fit.fwhm[0])
        there = not fit.at_bound[0] and peak_chances(k, variance, fit, resolution=resolution)[0][0] < LEVEL
        if there and width <= WIDEST_PUBLISHED:
            if before is None:
                return background
            if before[1] <= WIDEST_PUBLISHED:
                return background
            share = (before[1] - WIDEST_PUBLISHED) / (before[1] - width)
            return before[0] + share * (background - before[0])
        before = (background, width)
    return math.nan
