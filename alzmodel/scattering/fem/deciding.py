"""What would tell the readings of the FEM peaks apart: measurements that each of them predicts differently.

Bonds (H7), pyrochlore reflections (H7R), a halo through a background (H7G) and a spread of thickness (H7T) may all show
two peaks. They differ in what becomes of the peaks under a zero-loss filter and in a thicker film, in whether both
peaks rise and fall together over places, in whether k V follows the mean pattern, and in V within rings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from alzmodel.results import Item, Result
from alzmodel.scattering.fem.halo import WIDEST_PUBLISHED, read_halo, structureless
from alzmodel.scattering.fem.observed import Incoherent, observe, thickness_slope
from alzmodel.scattering.fem.speckle import radial_speckle
from alzmodel.scattering.fem.two_peaks import BACKGROUNDS, fit_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alzmodel.scattering.fem.observed import Coherent

__all__ = [
    "PATTERNS",
    "PUBLISHED_TRENDS",
    "Deciding",
    "Expected",
    "decide",
    "expected_of",
    "sampling_errors",
    "sampling_noise",
]

FloatArray = NDArray[np.float64]

PATTERNS: Final = 1600
"""Patterns of which V was measured: four scans of 400 (Zhu et al., Adv. Mater. 2024)."""

SPREAD: Final = 0.2
"""σ_t of H7T: at that its peaks are about as high as the floor of a film of 200 Å."""

PEAKS: Final = (3.2, 5.3)
_BESIDE: Final = (2.4, 4.2)
"""nm⁻¹; either side of the first peak."""

_REPEATS: Final = 40

_RANGE_95: Final = 3.314
"""Range of three normal numbers in standard deviations that is exceeded in 5 % of all cases: the studentized range
(scipy.stats.studentized_range) of endless degrees of freedom."""

PUBLISHED_TRENDS: Final[Mapping[str, float]] = {
    "k3.2_k": 0.06,
    "k3.2_fwhm": 0.18,
    "k5.3_k": 0.47,
    "k5.3_fwhm": 0.12,
}
"""nm⁻¹; largest less smallest number of the three annealed films (Zhu et al., Adv. Mater. 2024, sec. 2.2, Fig. 5d)."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What one reading predicts.

    Attributes
    ----------
    reading
        "bonds", "reflections", "halo" or "spread".
    contrast
        V(3.2)/sqrt(V(2.4) V(4.2)) over the same of the speckle floor; 1 is no peak.
    contrast_filtered
        The same behind a zero-loss filter. That of the halo is for a background of electrons that lost energy; one of
        other origin stays.
    thickness_exponents
        n of V ∝ tⁿ at 3.2 and 5.3 nm⁻¹, from half to twice the film.
    ring_correlation
        Of the rings at 3.2 and 5.3 nm⁻¹ over places.
    follows_mean
        Correlation over k of k V with the elastic mean pattern per Σ n f².
    re
        Variance of pixels at 3.2 and 5.3 nm⁻¹: (elastic share)²/m of speckle, and the spread of thickness. Sharp
        pixels: what losses to small angles smear within a ring is left out.
    """

    reading: str
    contrast: float
    contrast_filtered: float
    thickness_exponents: tuple[float, float]
    ring_correlation: float
    follows_mean: float
    re: tuple[float, float]

    def to_dict(self) -> dict[str, object]:
        """All fields under their own names."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, repr=False)
class Deciding(Result):
    """Outcome of :func:`decide`.

    Attributes
    ----------
    expected
        One a reading.
    background
        β that the halo needs, NaN if none of those tried does.
    sampling
        Standard deviations of positions and widths, nm⁻¹, and of the relative ratio of heights, from the number of
        patterns alone, for the halo with that background.
    patterns
        That number.
    words
        What the published numbers can tell.
    """

    expected: tuple[Expected, ...]
    background: float
    sampling: Mapping[str, float]
    patterns: int
    words: tuple[str, ...]

    def items(self) -> Iterator[Item]:
        """Entries of JSON."""
        yield Item("expected", tuple(one.to_dict() for one in self.expected))
        yield Item("background", self.background)
        yield Item("sampling", dict(self.sampling))
        yield Item("patterns", self.patterns)
        yield Item("words", list(self.words))


def expected_of(
    reading: str, coherent: Coherent, incoherent: Incoherent, filtered: Incoherent | None = None
) -> Expected:
    """Compute what one reading predicts.

    Parameters
    ----------
    reading
        Its name.
    coherent, incoherent
        Specimen and recording as the reading has them.
    filtered
        The same behind a zero-loss filter; None takes losses away and nothing else.
    """
    filtered = replace(incoherent, filtered=True) if filtered is None else filtered
    film = coherent.thickness if incoherent.film is None else incoherent.film
    floor = np.diagonal(radial_speckle(coherent.plane, coherent.settings, film + incoherent.membrane))
    k = coherent.k
    first, second, left, right = (int(np.argmin(np.abs(k - place))) for place in (*PEAKS, *_BESIDE))

    def contrast(one: Incoherent) -> float:
        ratio = observe(coherent, one).variance / floor
        return float(ratio[first]) / _root(ratio[left] * ratio[right])

    record = observe(coherent, incoherent)
    speckle = observe(coherent, replace(incoherent, thickness_spread=0.0, electrons=0.0)).variance
    thick, thin = (
        observe(coherent, replace(incoherent, film=film * factor)).variance for factor in (2.0, 0.5)
    )
    exponents = [_log(thick[ring] / thin[ring]) / math.log(4.0) for ring in (first, second)]
    slope = incoherent.thickness_spread * thickness_slope(coherent, incoherent)
    own = coherent.single
    alike = float(own[first, second]) / _root(own[first, first] * own[second, second])
    shared = alike * _root(speckle[first] * speckle[second]) + slope[first] * slope[second]
    both = (speckle[first] + slope[first] ** 2) * (speckle[second] + slope[second] ** 2)
    inside = (k >= 2.0) & (k <= 7.5)
    pattern = coherent.mean / (coherent.thickness * coherent.film.gas)
    elastic = record.parts["film"] + record.parts.get("membrane", 0.0)
    sharp = np.square(elastic / record.intensity) / incoherent.modes
    pixels = (1 + sharp) * (1 + np.square(slope)) - 1
    return Expected(
        reading=reading,
        contrast=contrast(incoherent),
        contrast_filtered=contrast(filtered),
        thickness_exponents=(exponents[0], exponents[1]),
        ring_correlation=float(shared) / _root(both),
        follows_mean=float(np.corrcoef((k * record.variance)[inside], pattern[inside])[0, 1]),
        re=(float(pixels[first]), float(pixels[second])),
    )


def _root(value: float) -> float:
    """Square root; NaN of what is not above zero, as V of few columns may be once it is scaled to a thick film."""
    return math.sqrt(value) if value > 0 else math.nan


def _log(value: float) -> float:
    return math.log(value) if value > 0 else math.nan


def decide(
    coherent: Coherent,
    incoherent: Incoherent,
    resolution: float,
    *,
    spheres: Coherent | None = None,
    patterns: int = PATTERNS,
    seed: int = 1,
) -> Deciding:
    """Compute what each reading of the peaks predicts for the measurements that tell them apart.

    Parameters
    ----------
    coherent
        Of a glass. Its mean pattern is used, with the V of a structure without order
        (:func:`alzmodel.scattering.fem.halo.structureless`).
    incoherent
        Specimen and recording; background, glare and spread of thickness are set by the readings.
    resolution
        From :func:`alzmodel.scattering.fem.recorded.resolution_of`.
    spheres
        Of the glass with pyrochlore spheres, for H7R, which is left out without them.
    patterns
        Whose number gives the sampling error.
    seed
        Of the noise of sampling.
    """
    glass = structureless(coherent)
    bare = replace(incoherent, background=0.0, glare=0.0, thickness_spread=0.0)
    background = read_halo(coherent, bare, resolution).background
    halo = replace(bare, background=0.0 if math.isnan(background) else background)
    expected = [expected_of("bonds", glass, bare)]
    if spheres is not None:
        expected.append(expected_of("reflections", spheres, bare))
    expected.append(expected_of("halo", glass, halo, replace(bare, filtered=True)))
    expected.append(expected_of("spread", glass, replace(bare, thickness_spread=SPREAD)))
    errors = sampling_errors(glass, halo, patterns=patterns, seed=seed)
    return Deciding(tuple(expected), background, errors, patterns, _words(errors, background))


def sampling_noise(coherent: Coherent, patterns: int, random: np.random.Generator) -> FloatArray:
    """Relative error of V from a number of patterns, shape (k,).

    The variance of N ring means that are about normal has a relative error of sqrt(2/N); two rings whose means
    correlate by ρ have errors that correlate by ρ².
    """
    count = len(coherent.k)
    apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    shape = (2 / patterns) * np.square(coherent.correlation[apart])
    return np.asarray(random.multivariate_normal(np.zeros(count), shape, method="eigh"))


def sampling_errors(
    coherent: Coherent,
    incoherent: Incoherent,
    *,
    patterns: int = PATTERNS,
    seed: int = 1,
    repeats: int = _REPEATS,
) -> dict[str, float]:
    """Find the standard deviations of the fitted peaks from the number of patterns alone.

    Returns
    -------
    dict
        "k3.2_k", "k3.2_fwhm", "k5.3_k", "k5.3_fwhm" in nm⁻¹ and "ratio", relative, over `repeats` draws of the noise,
        fitted on a background that falls as 1/k, as the floor does.
    """
    variance = observe(coherent, incoherent).variance
    random = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        noise = sampling_noise(coherent, patterns, random)
        fit = fit_once(coherent.k, variance * (1 + noise), background=BACKGROUNDS[2])
        ratio = fit.heights[0] / max(float(fit.heights[1]), 1e-12)
        found.append(
            [fit.positions[0], fit.fwhm[0], fit.positions[1], fit.fwhm[1], math.log(max(ratio, 1e-12))]
        )
    deviations = np.std(np.array(found), axis=0, ddof=1)
    return dict(zip((*PUBLISHED_TRENDS, "ratio"), deviations.tolist(), strict=True))


def _words(errors: Mapping[str, float], background: float) -> tuple[str, ...]:
    """Say for each published trend whether its size is beyond what sampling alone makes."""
    names = {
        "k3.2_k": "place of the peak at 3.2",
        "k3.2_fwhm": "width of the peak at 3.2",
        "k5.3_k": "place of the peak at 5.3",
        "k5.3_fwhm": "width of the peak at 5.3",
    }
    found = []
    if math.isnan(background):
        found.append(
            f"no background makes the first peak as narrow as {WIDEST_PUBLISHED:g} nm⁻¹: errors are without one"
        )
    for key, words in names.items():
        ratio = PUBLISHED_TRENDS[key] / errors[key] if errors[key] > 0 else math.inf
        said = "tells something" if ratio > _RANGE_95 else "tells nothing: sampling alone makes as much"
        found.append(
            f"{words} nm⁻¹: varies by {PUBLISHED_TRENDS[key]:g} nm⁻¹ over the films, "
            f"{ratio:.1f} sampling errors of {errors[key]:.2g}; {said}"
        )
    return tuple(found)
