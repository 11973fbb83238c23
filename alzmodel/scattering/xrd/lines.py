"""Lines of a powder pattern: found, fitted, and read as plane spacings and sizes."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.fitting import Background, PeakGuess, Shape, fit_peaks
from alzmodel.results import Item, Result, holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from alzmodel.fitting import Companion, PeakFit
    from alzmodel.scattering.xrd.crystal import Reflection

    Spectrum = Sequence[tuple[float, float]]
    FloatArray = NDArray[np.float64]

__all__ = [
    "SCHERRER_CONSTANT",
    "SPHERE_CONSTANT",
    "LineFit",
    "PatternPeak",
    "bragg_spacing",
    "find_lines",
    "fit_profile",
    "rough_width",
    "size_from_width",
]

SCHERRER_CONSTANT: Final = 0.9
"""K of the paper (Zhu et al., Adv. Mater. 2024, sec. 2.3)."""
SPHERE_CONSTANT: Final = 1.107
"""FWHM times diameter of the line of a sphere, FWHM in 2 sin θ/λ: the half height of ∫ γ(r) cos(2π s r) dr with
γ = 1 − 3x/2 + x³/2, x = r/D. A. L. Patterson, Phys. Rev. 56 (1939) 978, table I."""

_HALO_PROMINENCE: Final = 0.05
_HALO_SMOOTHING: Final = 1.0
_PROMINENCE: Final = 0.01
"""Share of the largest intensity that a line must stand above its surroundings."""
_GAIN: Final = 30.0
_FAINTEST: Final = 1e-6
_SECOND: Final = (0.25, 0.8)
"""Height of Kα2 over Kα1 of one line, with room for what overlaps."""
_NOTHING: Final[dict[str, Any]] = {
    **dict.fromkeys(("two_theta", "fwhm", "height", "area", "d", "size_scherrer", "size_sphere"), math.nan),
    **dict.fromkeys(("two_theta_ci95", "fwhm_ci95", "d_ci95"), (math.nan, math.nan)),
}


@dataclass(frozen=True, slots=True, repr=False)
class PatternPeak(Result):
    """A line or halo of a pattern.

    Attributes
    ----------
    two_theta, fwhm
        Degrees, from a pseudo-Voigt on a linear background. Of halos, and where that fit fails, from the curve itself:
        middle and width at half height above the line that joins the minima on either side.
    d
        Å, by Bragg's law.
    hkl
        Miller indices in the axes of the reference phase, "" where there is none.
    size_scherrer, size_sphere
        Å: K λ/(fwhm cos θ) with K = 0.9 and with 1.107; NaN where the width is no size (halos, and patterns
        whose width was put in). A pseudo-Voigt fit of a sphere's own line makes `size_sphere` 0 to 6 % larger than
        the diameter, since the line has shoulders that no Voigt has.
    """

    two_theta: float
    fwhm: float
    d: float
    hkl: str
    size_scherrer: float
    size_sphere: float

    def items(self) -> Iterator[Item]:
        """Attributes by their name, and a label that stays the same from model to model."""
        yield Item("label", self.hkl or f"{self.two_theta:.0f}°", "label")
        yield from (
            item._replace(value=item.value or None) if item.key == "hkl" else item
            for item in Result.items(self)
        )


@dataclass(frozen=True, slots=True, repr=False)
class LineFit(Result):
    """A single fitted line; angles in degrees 2θ, d and sizes in Å, intervals 95 %.

    `shape`, `background` and `window` say how it was fitted, because sizes depend on it. `fwhm` is as fitted, the sizes
    are corrected for `instrument_fwhm`; they are NaN where the line is not wider than that by more than its error. With
    Kα1 and Kα2 the numbers are those of Kα1, and Kα2 is fitted beside it. `present` is False, and all numbers are NaN,
    where no line stands out of the window: see :func:`fit_profile`.
    """

    two_theta: float
    fwhm: float
    height: float
    area: float
    d: float
    size_scherrer: float
    size_sphere: float
    two_theta_ci95: tuple[float, float] = field(metadata=holds(role="interval"))
    fwhm_ci95: tuple[float, float] = field(metadata=holds(role="interval"))
    d_ci95: tuple[float, float] = field(metadata=holds(role="interval"))
    shape: str
    background: str
    window: tuple[float, float]
    instrument_fwhm: float
    rwp: float
    success: bool
    present: bool = True


def bragg_spacing(two_theta: float, wavelength: float) -> float:
    """Plane spacing d = λ/(2 sin θ) in Å of a line at 2θ degrees."""
    return wavelength / (2 * math.sin(math.radians(two_theta) / 2))


def size_from_width(
    two_theta: float, fwhm: float, wavelength: float, constant: float, *, instrument_fwhm: float = 0.0
) -> float:
    """Size in Å from the width of a line: constant · λ/(β cos θ), β the width in radians.

    Parameters
    ----------
    two_theta, fwhm
        Degrees 2θ.
    wavelength
        Å.
    constant
        :data:`SCHERRER_CONSTANT` or :data:`SPHERE_CONSTANT`.
    instrument_fwhm
        Degrees; subtracted in squares, as for Gaussians.

    Returns
    -------
    float
        NaN where the line is not wider than the instrument.

    References
    ----------
    P. Scherrer, Nachr. Ges. Wiss. Goettingen (1918) 98;
    J. I. Langford and A. J. C. Wilson, J. Appl. Cryst. 11 (1978) 102.
    """
    squared = fwhm**2 - instrument_fwhm**2
    if not squared > 0:
        return math.nan
    beta = math.radians(math.sqrt(squared))
    return constant * wavelength / (beta * math.cos(math.radians(two_theta) / 2))


def fit_profile(
    two_theta: FloatArray,
    intensity: FloatArray,
    centre: float,
    wavelength: float | Spectrum,
    *,
    window: tuple[float, float] | float = 2.0,
    shape: Shape = "pseudo-voigt",
    background: Background = "linear",
    instrument_fwhm: float = 0.0,
    sigma: FloatArray | None = None,
    sizes: bool = True,
) -> LineFit:
    """Fit one line.

    A line is present if it lowers Σ(residual/σ)² of a straight background by at least 30 (pure noise reaches that in
    less than one window of a thousand), is higher than 1e-6 of the pattern, and the 95 % intervals of its height and
    width, which is less than the window, do not hold zero. σ is `sigma`, or the scatter about the fit where that is
    more.

    Parameters
    ----------
    two_theta, intensity
        Shape (n,), degrees and any units.
    centre
        Degrees, where the line is expected.
    wavelength
        Å, or lines as (Å, weight): d follows from the first, the others are fitted beside it.
    window
        Range in degrees, or its half width about `centre`.
    shape, background
        See :func:`alzmodel.fitting.fit_peaks`.
    instrument_fwhm
        Degrees, taken off for the sizes.
    sigma
        Standard errors of the intensity.
    sizes
        Whether the width stands for a size; that of an infinite crystal is the instrument's.

    Raises
    ------
    InputError
        If the window is outside of the pattern or holds too few points, or the centre is outside the window.
    """
    low, high = window if isinstance(window, tuple) else (centre - window, centre + window)
    if not (low < centre < high and low >= two_theta[0] - 1e-9 and high <= two_theta[-1] + 1e-9):
        raise InputError(
            f"line at {centre:g}°, window {low:g} to {high:g}°; allowed: a window around the line within "
            f"{two_theta[0]:g} to {two_theta[-1]:g}°"
        )
    inside = (two_theta >= low) & (two_theta <= high)
    x, y = two_theta[inside], intensity[inside]
    start = rough_width(x, y) if x.size > 3 else (centre, (high - low) / 4)
    spectrum = ((wavelength, 1.0),) if isinstance(wavelength, float | int) else tuple(wavelength)
    fit = fit_peaks(
        two_theta,
        intensity,
        [PeakGuess("line", start[0], start[1], position_bounds=(low, high))],
        shape=shape,
        background=background,
        window=(low, high),
        sigma=sigma,
        companions=_companions(spectrum),
    )
    peak = fit.peaks[0]
    present = _is_present(fit, float(np.abs(intensity).max()), None if sigma is None else sigma[inside])
    main = spectrum[0][0]
    spacings = [bragg_spacing(angle, main) if angle > 0 else math.nan for angle in peak.position_ci95]
    wide = sizes and peak.fwhm_ci95[0] > instrument_fwhm
    size, sphere = (
        size_from_width(peak.position, peak.fwhm, main, constant, instrument_fwhm=instrument_fwhm)
        if wide
        else math.nan
        for constant in (SCHERRER_CONSTANT, SPHERE_CONSTANT)
    )
    found = LineFit(
        two_theta=peak.position,
        fwhm=peak.fwhm,
        height=peak.height,
        area=peak.area,
        d=bragg_spacing(peak.position, main),
        size_scherrer=size,
        size_sphere=sphere,
        two_theta_ci95=peak.position_ci95,
        fwhm_ci95=peak.fwhm_ci95,
        d_ci95=(spacings[1], spacings[0]),
        shape=shape,
        background=background,
        window=(low, high),
        instrument_fwhm=instrument_fwhm,
        rwp=fit.rwp,
        success=fit.success,
    )
    return found if present else replace(found, present=False, **_NOTHING)


def _companions(spectrum: Spectrum) -> list[Companion]:
    """Heights over the first line, and places, of the other lines of a spectrum."""
    main, strength = spectrum[0]
    return [
        (weight / strength, functools.partial(_moved, ratio=other / main)) for other, weight in spectrum[1:]
    ]


def _moved(two_theta: float, ratio: float) -> float:
    """Place of a line of the same planes at `ratio` times the wavelength, in degrees; 180 beyond backscattering."""
    return math.degrees(2 * math.asin(min(1.0, ratio * math.sin(math.radians(two_theta) / 2))))


def _is_present(fit: PeakFit, highest: float, sigma: FloatArray | None) -> bool:
    """Whether a fitted line is more than its background and noise."""
    peak = fit.peaks[0]
    # NaN, of a parameter on its bound, is not above zero either.
    if not (
        fit.success
        and peak.height > _FAINTEST * highest
        and peak.fwhm_ci95[0] > 0
        and peak.height_ci95[0] > 0
    ):
        return False
    if not (peak.fwhm < fit.x[-1] - fit.x[0] and math.isfinite(peak.position_ci95[0])):
        return False
    degree = len(fit.background) - 1
    weight = np.ones_like(fit.x) if sigma is None else 1 / sigma
    bare = fit.y * weight
    if degree >= 0:
        basis = np.polynomial.polynomial.polyvander(fit.x - fit.x_reference, degree) * weight[:, None]
        bare = bare - basis @ np.linalg.lstsq(basis, bare, rcond=None)[0]
    left = float(np.sum((fit.residual * weight) ** 2))
    scatter = left / max(fit.x.size - 4 - len(fit.background), 1)
    if sigma is not None:
        scatter = max(scatter, 1.0)
    return float(np.sum(bare**2)) - left > _GAIN * scatter


def rough_width(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Middle and full width at half height above the straight line between the ends."""
    above = y - np.interp(x, [x[0], x[-1]], [y[0], y[-1]])
    top = int(above.argmax())
    half = above[top] / 2
    low = top - int(np.argmax(above[top::-1] <= half))
    high = top + int(np.argmax(above[top:] <= half))
    step = float(x[-1] - x[0]) / (x.size - 1)
    if top in {low, high}:
        return float(np.clip(x[top], x[0] + step, x[-1] - step)), float(x[-1] - x[0]) / 4
    left = float(np.interp(half, above[low : low + 2], x[low : low + 2]))
    right = float(np.interp(half, above[high - 1 : high + 1][::-1], x[high - 1 : high + 1][::-1]))
    return 0.5 * (left + right), max(right - left, 2 * step)


def find_lines(
    two_theta: FloatArray,
    intensity: FloatArray,
    wavelength: float | Spectrum,
    *,
    reflections: Sequence[Reflection] = (),
    halos: bool = False,
    sizes: bool = True,
) -> tuple[PatternPeak, ...]:
    """All lines that stand out of a pattern by a hundredth of its largest intensity.

    Parameters
    ----------
    two_theta, intensity
        Shape (n,); uniform steps in degrees.
    wavelength
        Å, or lines as (Å, weight). Kα1 and Kα2 of the same planes are one line: its angle and d are those of Kα1, or,
        where they are not told apart and no profile fits, those of their mean.
    reflections
        Of the reference phase at the first wavelength, for the labels.
    halos
        Whether to look for the broad maxima of a glass: searched with 1° of smoothing, at a twentieth of the largest
        intensity, and read off the curve, since no profile suits them.
    sizes
        Whether widths stand for sizes.

    Returns
    -------
    tuple of PatternPeak
        By rising angle.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    if two_theta.size < 20 or not float(np.ptp(intensity)) > 0:
        return ()
    spectrum = ((wavelength, 1.0),) if isinstance(wavelength, float | int) else tuple(wavelength)
    step = float(two_theta[1] - two_theta[0])
    smooth = gaussian_filter1d(intensity, _HALO_SMOOTHING / 2.3548 / step) if halos else intensity
    share = _HALO_PROMINENCE if halos else _PROMINENCE
    tops, _ = find_peaks(smooth, prominence=share * float(smooth.max()), width=3)
    partners = {} if halos else _partners(two_theta, smooth, tops, spectrum)
    peaks = []
    for number, top in enumerate(tops):
        if top in partners.values():
            continue
        left = tops[number - 1] + int(smooth[tops[number - 1] : top].argmin()) if number else 0
        last = number + (top in partners)
        right = (
            tops[last] + int(smooth[tops[last] : tops[last + 1]].argmin())
            if last + 1 < len(tops)
            else smooth.size - 1
        )
        rough = rough_width(two_theta[left : right + 1], smooth[left : right + 1])
        if halos:
            peaks.append(_read(*rough, _mean(spectrum), reflections, sizes))
            continue
        # Two widths to either side hold the line; more would take in its neighbours' tails.
        low = max(left, top - int(2 * rough[1] / step))
        high = min(right, tops[last] + int(2 * rough[1] / step))
        if top in partners:
            rough = (float(two_theta[top]), rough[1])
        peaks.append(
            _peak(
                two_theta, intensity, (low, top, high), rough, (spectrum, top in partners), reflections, sizes
            )
        )
    return tuple(peaks)


def _mean(spectrum: Spectrum) -> float:
    return sum(line * weight for line, weight in spectrum)


def _partners(
    two_theta: FloatArray, y: FloatArray, tops: NDArray[np.intp], spectrum: Spectrum
) -> dict[int, int]:
    """Maxima of Kα1 and the next ones, where those are Kα2 of the same planes: by place and height."""
    if len(spectrum) < 2:
        return {}
    ratio = spectrum[1][0] / spectrum[0][0]
    found: dict[int, int] = {}
    for top, after in zip(tops[:-1].tolist(), tops[1:].tolist(), strict=True):
        if top in found.values():
            continue
        apart = _moved(float(two_theta[top]), ratio) - float(two_theta[top])
        off = abs(float(two_theta[after] - two_theta[top]) - apart)
        near = off < max(0.25 * apart, 2 * float(two_theta[1] - two_theta[0]))
        if near and _SECOND[0] < y[after] / y[top] < _SECOND[1]:
            found[top] = after
    return found


def _peak(
    two_theta: FloatArray,
    intensity: FloatArray,
    where: tuple[int, int, int],
    rough: tuple[float, float],
    source: tuple[Spectrum, bool],
    reflections: Sequence[Reflection],
    sizes: bool,
) -> PatternPeak:
    low, top, high = where
    position, fwhm = rough
    spectrum, resolved = source
    wavelength = spectrum[0][0] if resolved else _mean(spectrum)
    if high - low > 8:
        fit = fit_profile(
            two_theta,
            intensity,
            float(two_theta[top]),
            spectrum,
            window=(float(two_theta[low]), float(two_theta[high])),
        )
        # A fit that ran away from the maximum (a shoulder, an edge of the range) describes something else.
        if fit.success and abs(fit.two_theta - position) < 0.5 * rough[1] and 0.3 < fit.fwhm / rough[1] < 3:
            position, fwhm, wavelength = fit.two_theta, fit.fwhm, spectrum[0][0]
    return _read(position, fwhm, wavelength, reflections, sizes)


def _read(
    position: float, fwhm: float, wavelength: float, reflections: Sequence[Reflection], sizes: bool
) -> PatternPeak:
    scherrer, sphere = (
        size_from_width(position, fwhm, wavelength, constant) if sizes else math.nan
        for constant in (SCHERRER_CONSTANT, SPHERE_CONSTANT)
    )
    return PatternPeak(
        two_theta=position,
        fwhm=fwhm,
        d=bragg_spacing(position, wavelength),
        hkl=_label(position, fwhm, reflections),
        size_scherrer=scherrer,
        size_sphere=sphere,
    )


def _label(position: float, fwhm: float, reflections: Sequence[Reflection]) -> str:
    from alzmodel.scattering.xrd.crystal import hkl_text

    reach = max(0.25, 0.5 * fwhm)
    near = [r for r in reflections if abs(r.two_theta - position) < reach]
    if not near:
        return ""
    best = max(near, key=lambda r: r.intensity * math.exp(-(((r.two_theta - position) / reach) ** 2)))
    return hkl_text(best.hkl)
