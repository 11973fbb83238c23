"""Peaks of the FEM variance, with intervals that hold when the specimen is measured again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import InputError
from alzmodel.fitting import PeakFit, PeakGuess, fit_peaks
from alzmodel.results import Item, Result, Together, holds, together
from alzmodel.scattering.fem.peak import FEMPeak, Interval, jackknife_interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alzmodel.fitting import Peak, Shape
    from alzmodel.scattering.fem.stack import StackResult
    from alzmodel.scattering.fem.variance import FEMResult

__all__ = [
    "FOUR_PEAKS",
    "TWO_WINDOWS",
    "FEMFit",
    "FEMPeak",
    "FitMode",
    "fit_curve",
    "fit_fem_peaks",
    "fit_stack_peaks",
    "with_peaks",
]

FloatArray = NDArray[np.float64]
FitMode = Literal["four", "two", "free", "broad"]
_Fitter = Callable[[FloatArray], tuple[PeakFit, ...]]

FOUR_PEAKS: Final = {"k3.2": 3.206, "k3.7": 3.702, "k5.2": 5.235, "k6.1": 6.139}
"""nm⁻¹: 222, 400, 440 and 622 of La2Zr2O7 with a = 10.805 Å."""

FOUR_WINDOW: Final = (2.5, 6.7)

TWO_WINDOWS: Final = {"k3.2": (2.6, 3.45), "k5.3": (4.6, 5.8)}
"""nm⁻¹: where Zhu et al. (Adv. Mater. 2024, §2.2) find their second and first peak."""

FREE_WINDOW: Final = (2.0, 7.8)

_NOISE_LIMIT: Final = 5.0
"""Standard deviations of the speckle noise that a peak must exceed. Some fifteen independent stretches of k could
each show a spurious one, and columns cut from one model share its atoms: V of ions at random spreads by 1.2 times that
noise over models, and one of 92 fitted windows showed a peak (4 columns of 130 Å from cells of 5016 ions)."""

_NULL_LIMIT: Final = 2.5
"""Mean square, in units of speckle noise, of what a constant leaves: 1 ± 0.4 for a structure without order."""

_FEWEST: Final = 8
"""Rings that a peak on a background takes."""

_SPECKLE: Final = 0.3
"""nm⁻¹; a ring of 0.1 nm⁻¹ and a speckle of half a milliradian at 200 keV, which a measured stack does not tell."""

_MAX_UNITS: Final = 12
"""Refits for the jackknife; more columns than this are left out in groups."""


@dataclass(frozen=True, repr=False)
class FEMFit(Result):
    """Outcome of :func:`fit_fem_peaks`.

    Attributes
    ----------
    peaks
        In rising k, those that do not stand out included.
    mode, shape
        As asked for.
    k, curve
        Ring centres (nm⁻¹) in the fitted range and the fitted V there, floor included; with two windows both.
    units
        What was left out in turn for the intervals: "columns" or "quadrants" of columns, and how many.
    note
        Why there are no peaks, or fewer rings than wanted; empty otherwise.
    """

    peaks: tuple[FEMPeak, ...] = field(metadata=holds(hidden=True))
    mode: str
    shape: str
    k: FloatArray = field(metadata=holds("nm⁻¹", role="axis", hidden=True))
    curve: FloatArray = field(metadata=holds(stored="variance", hidden=True))
    units: tuple[str, int] = field(metadata=holds(hidden=True))
    note: str = field(default="", metadata=holds(hidden=True))

    @property
    def significant(self) -> tuple[FEMPeak, ...]:
        """Peaks that stand out."""
        return tuple(peak for peak in self.peaks if peak.significant)

    def __getitem__(self, label: str) -> FEMPeak:
        for peak in self.peaks:
            if peak.label == label:
                return peak
        raise KeyError(label)

    def items(self) -> Iterator[Item]:
        """Mode, shape and the peaks that stand out."""
        yield from Result.items(self)
        yield Item("peaks", self.significant)


def fit_fem_peaks(result: FEMResult, mode: FitMode = "four", *, shape: Shape = "gaussian") -> FEMFit:
    """Fit peaks to the "omega" variance above its speckle floor.

    Parameters
    ----------
    result
        From :func:`alzmodel.scattering.fem.variance.fem`; its rings must cover the fitted range.
    mode
        "four": the reflections 222, 400, 440 and 622 of pyrochlore together, on a constant background, 2.5 to
        6.7 nm⁻¹. "two": one peak in each window of the published analysis, 2.6 to 3.45 and 4.6 to 5.8 nm⁻¹, each by
        itself. "free": whatever stands out between 2.0 and 7.8 nm⁻¹, no positions assumed. "broad": two peaks up to
        3 nm⁻¹ wide on a background (:func:`alzmodel.scattering.fem.two_peaks.fit_two_peaks`), of V as it is, without
        taking the floor off.
    shape
        See :func:`alzmodel.fitting.peak_profile`.

    Returns
    -------
    FEMFit
        Neighbouring points of V share speckles, and a computed curve has no counting noise, so the covariance of the
        least-squares fit says nothing on how far a peak would move for other columns. The intervals come from leaving
        out one column at a time (with fewer than four columns, one quadrant of the probe positions of one column),
        refitting, and Student's t for that number of units: for widths that of the logarithm, and heights end at 0.
        NaN for peaks that do not stand out. Rings that do not cover the range of the mode give no peaks, and a note.

    Raises
    ------
    InputError
        If the mode is unknown.

    References
    ----------
    Jackknife: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), eq. 11.5.
    """
    units, name = _jackknife_curves(result)
    if mode == "broad":
        settings = result.settings
        return _broad(
            result,
            [unit + result.floor for unit in units],
            name,
            settings.ring_width + 10 * settings.aperture,
            shape,
        )
    fitted = fit_curve(
        result.k, result.variance["omega"] - result.floor, _noise(result), units, name, mode, shape=shape
    )
    return replace(fitted, curve=fitted.curve + np.interp(fitted.k, result.k, result.floor))


def fit_stack_peaks(result: StackResult, mode: FitMode = "four", *, shape: Shape = "gaussian") -> FEMFit:
    """Fit peaks to "omega" of measured patterns, by the fit that models get.

    Parameters
    ----------
    result
        From :func:`alzmodel.scattering.fem.stack.measure_stack`. A measured V has no speckle floor taken off; its
        noise is that of the bootstrap over patterns, and intervals come from leaving out groups of patterns.
    mode, shape
        As in :func:`fit_fem_peaks`.

    Raises
    ------
    InputError
        If the mode is unknown.
    """
    low, high = result.variance_ci95["omega"].T
    noise = np.maximum((high - low) / 3.92, 1e-12)
    groups = [np.asarray(curve) for curve in result.groups]
    if mode == "broad":
        return _broad(result, groups, "groups of patterns", _SPECKLE, shape)
    return fit_curve(
        result.k, result.variance["omega"], noise, groups, "groups of patterns", mode, shape=shape
    )


def with_peaks(result: FEMResult | StackResult, fit: FEMFit) -> Together:
    """Return a result with the peaks of a fit that stand out: ``peaks``, and ``peaks_note`` if there was no fit."""
    return together(result, {"peaks": fit.significant}, {"peaks_note": fit.note} if fit.note else {})


def _broad(
    result: FEMResult | StackResult, units: Sequence[FloatArray], name: str, resolution: float, shape: Shape
) -> FEMFit:
    """Two peaks on a background, of "omega", and of "re" and "image" for what depends on the kind of variance."""
    from alzmodel.scattering.fem.two_peaks import fit_two_peaks

    curves = {kind: np.asarray(result.variance[kind]) for kind in ("omega", "re", "image")}
    found = fit_two_peaks(result.k, curves, units=units, resolution=resolution, shape=shape)
    return FEMFit(found.peaks, "broad", shape, found.k, found.curve, (name, len(units)), found.note)


def fit_curve(
    k: FloatArray,
    excess: FloatArray,
    noise: FloatArray,
    units: Sequence[FloatArray],
    unit_name: str,
    mode: FitMode = "four",
    *,
    shape: Shape = "gaussian",
) -> FEMFit:
    """Fit peaks to any curve of V; see :func:`fit_fem_peaks`.

    Parameters
    ----------
    k
        nm⁻¹, shape (k,).
    excess
        The curve, what it would be without any order taken off as far as that is known, shape (k,).
    noise
        Standard deviation of the curve, shape (k,).
    units
        The curve with one unit of the data left out at a time.
    unit_name
        What a unit is, in the plural.
    mode, shape
        As in :func:`fit_fem_peaks`, but for "broad".

    Raises
    ------
    InputError
        If the mode is unknown.
    """
    if mode not in get_args(FitMode) or mode == "broad":
        raise InputError(f"FEM fit: {mode}; allowed: {', '.join(get_args(FitMode))}")
    note = _too_short(mode, k)
    if note:
        return FEMFit((), mode, shape, k[:0], excess[:0], (unit_name, len(units)), note)
    fitter = _fitter(mode, k, excess, noise, shape)
    fits = fitter(excess)
    stands_out = [
        [
            _has_structure(fit, np.interp(fit.x, k, noise))
            and not peak.at_bound
            and peak.height > _NOISE_LIMIT * float(np.interp(peak.position, k, noise))
            for peak in fit.peaks
        ]
        for fit in fits
    ]
    refits = [fitter(curve) for curve in units] if any(map(any, stands_out)) else []
    peaks = []
    for part, fit in enumerate(fits):
        for n, peak in enumerate(fit.peaks):
            repeats = [refit[part].peaks[n] for refit in refits] if stands_out[part][n] else []
            peaks.append(_with_intervals(peak, repeats))
    if mode == "free":
        peaks = _named_by_place(peaks)
    order = np.argsort([peak.k for peak in peaks], kind="stable")
    points = np.concatenate([fit.x for fit in fits]) if fits else np.empty(0)
    curve = np.concatenate([fit.curve(fit.x) for fit in fits]) if fits else np.empty(0)
    return FEMFit(
        peaks=tuple(peaks[n] for n in order),
        mode=mode,
        shape=shape,
        k=points,
        curve=curve,
        units=(unit_name, len(units)),
    )


def _fitter(mode: str, k: FloatArray, excess: FloatArray, noise: FloatArray, shape: Shape) -> _Fitter:
    match mode:
        case "four":
            guesses = [
                PeakGuess(
                    label, centre, 0.3, position_bounds=(centre - 0.2, centre + 0.2), fwhm_bounds=(0.1, 1.5)
                )
                for label, centre in FOUR_PEAKS.items()
            ]
            return lambda y: (
                fit_peaks(k, y, guesses, shape=shape, background="constant", window=FOUR_WINDOW),
            )
        case "two":
            starts = {
                label: PeakGuess(
                    label, _highest(k, excess, window), 0.4, position_bounds=window, fwhm_bounds=(0.1, 4.0)
                )
                for label, window in TWO_WINDOWS.items()
            }
            return lambda y: tuple(
                fit_peaks(k, y, [starts[label]], shape=shape, window=window)
                for label, window in TWO_WINDOWS.items()
            )
        case _:
            window = (max(FREE_WINDOW[0], float(k[0])), min(FREE_WINDOW[1], float(k[-1])))
            found = _find(k, excess, noise, window)
            if not found:
                return lambda _y: ()
            return lambda y: (fit_peaks(k, y, found, shape=shape, background="constant", window=window),)


def _too_short(mode: str, k: FloatArray) -> str:
    """Say why rings do not do for a fit; empty if they do."""
    windows = {"four": (FOUR_WINDOW,), "two": tuple(TWO_WINDOWS.values())}.get(mode, ())
    for low, high in windows:
        if k[0] > low + 1e-9 or k[-1] < high - 1e-9:
            return (
                f"the fit {mode!r} was left out: rings from {k[0]:g} to {k[-1]:g} nm⁻¹ do not cover {low:g} to "
                f"{high:g}; 'free' and 'broad' take what there is"
            )
    return f"the fit {mode!r} was left out: {len(k)} rings" if len(k) < _FEWEST else ""


def _highest(k: FloatArray, y: FloatArray, window: Interval) -> float:
    inside = np.flatnonzero((k >= window[0]) & (k <= window[1]))
    return float(k[inside[int(np.argmax(y[inside]))]])


def _noise(result: FEMResult) -> FloatArray:
    """Return the standard deviation of V of a structure without order, for this many probe areas."""
    independent = sum(column.plane.independent_positions for column in result.moments)
    return result.floor * math.sqrt(2 / independent)


def _has_structure(fit: PeakFit, noise: FloatArray) -> bool:
    """Whether the curve departs from a constant over the floor by more than speckle noise does."""
    weight = 1 / np.square(noise)
    constant = float(np.sum(weight * fit.y) / np.sum(weight))
    return float(np.mean(np.square((fit.y - constant) / noise))) > _NULL_LIMIT


def _find(k: FloatArray, excess: FloatArray, noise: FloatArray, window: Interval) -> list[PeakGuess]:
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks, peak_widths

    step = float(k[1] - k[0])
    smooth = gaussian_filter1d(excess, 0.06 / step, mode="nearest")
    limit = _NOISE_LIMIT * noise
    places, _ = find_peaks(smooth, prominence=limit)
    places = np.array(
        [n for n in places if window[0] < k[n] < window[1] and smooth[n] > limit[n]], dtype=np.int64
    )
    if len(places) == 0:
        return []
    widths = peak_widths(smooth, places, rel_height=0.5)[0] * step
    gaps = np.diff(k[places])
    guesses = []
    for n, (place, width) in enumerate(zip(places, widths, strict=True)):
        left = 0.5 * gaps[n - 1] if n > 0 else 0.4
        right = 0.5 * gaps[n] if n + 1 < len(places) else 0.4
        centre = float(k[place])
        bounds = (max(centre - float(left), window[0]), min(centre + float(right), window[1]))
        guesses.append(
            PeakGuess(
                f"peak {n}",
                centre,
                float(np.clip(width, 0.15, 2.0)),
                position_bounds=bounds,
                fwhm_bounds=(0.1, 3.0),
            )
        )
    return guesses


def _jackknife_curves(result: FEMResult) -> tuple[list[FloatArray], str]:
    """V above the floor with one unit of data left out at a time."""
    if result.n_columns >= 4:
        name = "columns"
        mean = np.array([column.mean for column in result.moments])
        square = np.array([column.omega for column in result.moments])
    else:
        name = "quadrants"
        mean = np.concatenate([column.quadrant_mean for column in result.moments])
        square = np.concatenate([column.quadrant_omega for column in result.moments])
    count = len(mean)
    groups = np.array_split(np.arange(count), min(count, _MAX_UNITS))
    curves = []
    for group in groups:
        kept = np.setdiff1d(np.arange(count), group)
        first, second = mean[kept].mean(axis=0), square[kept].mean(axis=0)
        curves.append(second / np.square(first) - 1 - result.floor)
    return curves, name


def _with_intervals(peak: Peak, repeats: Sequence[Peak]) -> FEMPeak:
    """Attach jackknife intervals; without repeats the peak is one that does not stand out."""
    height = jackknife_interval(peak.height, [repeat.height for repeat in repeats])
    return FEMPeak(
        label=peak.label,
        k=peak.position,
        fwhm=peak.fwhm,
        height=peak.height,
        k_ci95=jackknife_interval(peak.position, [repeat.position for repeat in repeats]),
        fwhm_ci95=jackknife_interval(peak.fwhm, [repeat.fwhm for repeat in repeats], log=True),
        height_ci95=(max(height[0], 0.0) if repeats else math.nan, height[1]),
        significant=bool(repeats),
    )


def _named_by_place(peaks: Sequence[FEMPeak]) -> list[FEMPeak]:
    """Rename peaks by their fitted positions, with as many digits as tell them apart."""
    for digits in (1, 2, 3):
        names = [f"k{peak.k:.{digits}f}" for peak in peaks]
        if len(set(names)) == len(names):
            break
    return [replace(peak, label=name) for peak, name in zip(peaks, names, strict=True)] if peaks else []
