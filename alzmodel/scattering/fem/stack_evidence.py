"""What a measured stack tells of the sources of its variance: what rings share, and what does not fluctuate."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["BAND", "PEAK_RINGS", "StackEvidence", "band_matrix", "evidence_of", "interval_of"]

FloatArray = NDArray[np.float64]

BAND: Final = 0.5
"""nm⁻¹, width of the bands of rings whose means are compared."""
PEAK_RINGS: Final = (3.2, 5.3)
"""nm⁻¹, middles of the two bands whose correlation is told: where V of the films of Zhu et al. (2024) has its peaks."""


@dataclass(frozen=True, repr=False)
class StackEvidence(Result):
    """Outcome of :func:`evidence_of`.

    Attributes
    ----------
    k
        Middles of bands of rings, nm⁻¹, shape (bands,).
    correlation
        Of the band means over probe positions, without the part of the noise, shape (bands, bands).
    peak_correlation, peak_correlation_ci95
        The same for bands around 3.2 and 5.3 nm⁻¹; NaN where rings do not reach them. Near 0 for speckle, also through
        a background that does not fluctuate; near 1 where a spread of thickness makes V.
    common_spread, common_spread_ci95
        Relative standard deviation that all rings share: thickness, and the beam current.
    r_re_omega
        (1 + re) / ((1 + r)(1 + omega)) − 1, shape (bands,): 0 where brightness and contrast of a ring have nothing to
        do with each other.
    background_at_least, background_at_most
        Part of the mean intensity that does not fluctuate with the probe, by the contrast of pixels, shape (bands,).
    offset
        Counts a pixel that are there without scattering: "dead_frames" and "beam_stop" by what is seen there, "at_most"
        the darkest hundredth of the mean pattern. NaN where there is none.
    """

    k: FloatArray = field(metadata=holds("nm⁻¹", role="axis"))
    correlation: FloatArray
    peak_correlation: float
    peak_correlation_ci95: tuple[float, float] = field(metadata=holds(role="interval"))
    common_spread: float
    common_spread_ci95: tuple[float, float] = field(metadata=holds(role="interval"))
    r_re_omega: FloatArray
    background_at_least: FloatArray
    background_at_most: FloatArray
    offset: Mapping[str, float] = field(metadata=holds("counts"))


def band_matrix(k: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bands of rings that do not overlap, and the two around the peaks.

    Returns
    -------
    middles : numpy.ndarray
        nm⁻¹, shape (bands,).
    means : numpy.ndarray
        Rows give the mean over the rings of a band, those of the two peaks last (zero where rings do not reach), shape
        (bands + 2, k).
    """
    number = max(1, int((k[-1] - k[0]) / BAND + 1e-9))
    middles = k[0] + BAND * (np.arange(number) + 0.5)
    rows = []
    for n, middle in enumerate((*middles, *PEAK_RINGS)):
        inside = np.abs(k - middle) <= 0.5 * BAND + 1e-9
        if n < number:
            # A ring at the border belongs to the band above it, unless that is the last.
            inside &= (k < middle + 0.5 * BAND - 1e-9) | (n == number - 1)
        elif k[0] > middle - 0.5 * BAND + 1e-9 or k[-1] < middle + 0.5 * BAND - 1e-9:
            inside[:] = False
        rows.append(inside / max(int(inside.sum()), 1))
    return middles, np.array(rows)


def evidence_of(
    k: FloatArray,
    ring_mean: FloatArray,
    band_noise: FloatArray,
    weights: Iterable[FloatArray],
    variance: Mapping[str, FloatArray],
    offset: Mapping[str, float],
) -> StackEvidence:
    """Tell what the patterns say of the sources of their variance.

    Parameters
    ----------
    k
        Ring centres, nm⁻¹, shape (k,).
    ring_mean
        Of each pattern, shape (n, k).
    band_noise
        Variance of the noise of the band means, shape (bands + 2,).
    weights
        Of the patterns, some rows at a time, shape (rows, n): first the data, then bootstrap samples.
    variance
        "omega", "r", "re" and "image" without noise, each of shape (k,).
    offset
        See :class:`StackEvidence`.

    Returns
    -------
    StackEvidence
        A factor common to all of a pattern, σ its relative spread, adds σ² to ⟨I(k)I(k')⟩/⟨I(k)⟩⟨I(k')⟩ − 1 of any two
        rings, and speckles of rings that are no neighbours add nothing: the mean over pairs of bands that do not touch
        is σ². "r" does not see it, as it is formed within a pattern.

        With a part b of the mean that does not fluctuate and m equal modes, pixels have the variance
        v = (1 − b)²/m + σ² (1 + (1 − b)²/m). Without m, b lies between two limits: that of m = 1, and that of the m
        which makes b zero where the contrast is highest. A camera whose blur is wider than a speckle looks like m.

    References
    ----------
    M. M. J. Treacy, J. M. Gibson, L. Fan, D. J. Paterson and I. McNulty, Rep. Prog. Phys. 68 (2005) 2899, on what V of
    incoherent modes and of a background is.
    """
    middles, means = band_matrix(k)
    bands = ring_mean @ means.T
    number = len(middles)
    reached = means.sum(axis=1) > 0
    bands[:, ~reached] = 1.0
    apart = np.abs(np.subtract.outer(np.arange(number), np.arange(number))) >= 2
    shares, peaks = [], []
    for weight in (row for rows in weights for row in rows):
        mean = weight @ bands
        relative = bands / mean - 1
        shared = (relative * weight[:, None]).T @ relative - np.diag(band_noise / np.square(mean))
        shares.append(float(shared[:number, :number][apart].mean()) if apart.any() else math.nan)
        peaks.append(_correlation(shared[number:, number:])[0, 1] if reached[number:].all() else math.nan)
        if len(shares) == 1:
            first = _correlation(shared[:number, :number])
    common, peak = np.array(shares), np.array(peaks)
    spread = np.sqrt(np.maximum(common, 0.0))
    of_bands = {name: means[:number] @ curve for name, curve in variance.items()}
    low, high = _background(of_bands["image"], float(max(common[0], 0.0)) if apart.any() else 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        related = (1 + of_bands["re"]) / ((1 + of_bands["r"]) * (1 + of_bands["omega"])) - 1
    return StackEvidence(
        k=middles,
        correlation=first,
        peak_correlation=float(peak[0]),
        peak_correlation_ci95=interval_of(peak[1:]),
        common_spread=float(spread[0]),
        common_spread_ci95=interval_of(spread[1:]),
        r_re_omega=related,
        background_at_least=low,
        background_at_most=high,
        offset=offset,
    )


def _correlation(shared: FloatArray) -> FloatArray:
    """Correlation of a covariance; NaN where the noise is more than all there is."""
    own = np.diag(shared)
    scale = np.sqrt(np.where(own > 0, own, np.nan))
    return np.clip(shared / np.outer(scale, scale), -1.0, 1.0)


def _background(image: FloatArray, common: float) -> tuple[FloatArray, FloatArray]:
    contrast = np.sqrt(np.maximum((1 + image) / (1 + common) - 1, 0.0))
    if not np.isfinite(contrast).any() or np.nanmax(contrast) == 0:
        return np.full(len(image), np.nan), np.full(len(image), np.nan)
    return 1 - contrast / np.nanmax(contrast), np.maximum(1 - contrast, 0.0)


def interval_of(samples: FloatArray) -> tuple[float, float]:
    """95 % interval of bootstrap samples; NaN without any."""
    known = samples[np.isfinite(samples)]
    if len(known) < 2:
        return math.nan, math.nan
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
