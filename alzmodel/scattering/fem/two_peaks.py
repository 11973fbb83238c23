"""Two broad peaks of V on a background, with what background, range and kind of variance make of them.

What the published fit used as background, range and variance is not said (Zhu et al., Adv. Mater. 2024). Two Gaussians
alone, one in each window, are too broad when anything lies below them. So three of each are tried, and their spread is
the systematic error.
"""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import InputError
from alzmodel.fitting import peak_profile
from alzmodel.results import Result, holds
from alzmodel.scattering.fem.peak import FEMPeak, Interval, jackknife_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alzmodel.fitting import Shape

__all__ = [
    "BACKGROUNDS",
    "RANGES",
    "Background",
    "BroadPeak",
    "TwoPeaks",
    "fit_best",
    "fit_once",
    "fit_two_peaks",
]

FloatArray = NDArray[np.float64]
Background = Literal["constant", "linear", "1/k"]

BACKGROUNDS: Final[tuple[Background, ...]] = get_args(Background)
"""A constant, with a slope, or with a part that falls as 1/k as the number of speckles in a ring rises."""

RANGES: Final[tuple[Interval, ...]] = ((2.0, 7.5), (2.2, 7.1), (2.0, 6.7))
"""nm⁻¹ that are fitted."""

SPLIT: Final = 4.25
"""nm⁻¹; the first peak lies below, the second above."""

WIDEST: Final = 3.0
"""nm⁻¹; a wider peak is background."""

LEVEL: Final = 0.01
"""Chance at which a peak of the F-test is taken for one."""

_STARTS: Final = ((3.2, 1.0), (5.3, 1.8))
_NARROWEST: Final = 0.1
_LABELS: Final = ("k3.2", "k5.3")


@dataclass(frozen=True, slots=True)
class BroadPeak(FEMPeak):
    """A peak of :func:`fit_two_peaks`; the other attributes are those of the base.

    Attributes
    ----------
    k_systematic, fwhm_systematic, height_systematic
        Half of the range over backgrounds, ranges and kinds of variance.
    p_value
        Of the F-test: the chance that a curve without this peak is fitted so much better by adding it.
    """

    k_systematic: float = field(default=math.nan, metadata=holds("nm⁻¹"))
    fwhm_systematic: float = field(default=math.nan, metadata=holds("nm⁻¹"))
    height_systematic: float = math.nan
    p_value: float = math.nan


@dataclass(frozen=True, repr=False)
class TwoPeaks(Result):
    """Outcome of :func:`fit_two_peaks`.

    Attributes
    ----------
    peaks
        Both, in rising k.
    k, curve
        Fitted rings and the fitted V there: widest range, first curve.
    background
        Of the same fit, V of the background on the rings.
    ratio, ratio_systematic
        Height of the first over that of the second, and its spread as for the peaks.
    bic
        Bayesian information criterion of background alone less that of the fit: above 10 speaks strongly for the peaks
        (R. E. Kass and A. E. Raftery, J. Am. Stat. Assoc. 90 (1995) 773).
    background_kind
        Which of :data:`BACKGROUNDS` has the lowest BIC: the one that is fitted.
    note
        What could not be fitted, in words; empty if all could.
    """

    peaks: tuple[BroadPeak, ...]
    k: FloatArray = field(metadata=holds("nm⁻¹", role="axis"))
    curve: FloatArray
    background: FloatArray
    ratio: float
    ratio_systematic: float
    bic: float
    background_kind: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Once:
    """One least-squares fit: positions, widths and heights of the peaks, its points and what it leaves."""

    positions: FloatArray
    fwhm: FloatArray
    heights: FloatArray
    k: FloatArray
    curve: FloatArray
    background: FloatArray
    rest: float
    n_parameters: int
    at_bound: tuple[bool, ...]
    kind: Background


def _level(x: FloatArray, c0: float, c1: float, kind: str) -> FloatArray:
    match kind:
        case "constant":
            return np.full_like(x, c0)
        case "linear":
            return c0 + c1 * (x - SPLIT)
        case _:
            return c0 + c1 * SPLIT / x


def fit_once(
    k: FloatArray,
    variance: FloatArray,
    *,
    background: Background = "constant",
    window: Interval = RANGES[0],
    shape: Shape = "gaussian",
    peaks: Sequence[int] = (0, 1),
) -> Once:
    """Fit the two peaks, or some of them, on a background by least squares.

    Parameters
    ----------
    k, variance
        Rings in nm⁻¹ and V, shape (k,).
    background, window, shape
        See :data:`BACKGROUNDS`, :data:`RANGES` and :func:`alzmodel.fitting.peak_profile`.
    peaks
        0 is the one below, 1 the one above :data:`SPLIT`.

    Raises
    ------
    InputError
        If there are not more rings in the window than parameters.
    """
    from lmfit import Model

    inside = (k >= window[0] - 1e-9) & (k <= window[1] + 1e-9) & np.isfinite(variance)
    x, y = k[inside], variance[inside]
    names = ["height", "position", "fwhm", *(["mixing"] if shape == "pseudo-voigt" else [])]
    free = {"constant": 1, "linear": 2, "1/k": 2}[background] + len(names) * len(peaks)
    if len(x) <= free:
        raise InputError(
            f"fit of two peaks: {len(x)} rings from {window[0]:g} to {window[1]:g} nm⁻¹; allowed: more than {free}"
        )
    scale = float(np.max(np.abs(y))) or 1.0
    level = Model(_level, ["x"], ["c0", "c1"], prefix="b_", kind=background)
    parts = [Model(peak_profile, ["x"], names, prefix=f"p{n}_", shape=shape) for n in peaks]
    model = functools.reduce(operator.add, [level, *parts])
    parameters = model.make_params()
    low = float(np.quantile(y, 0.1)) / scale
    parameters["b_c0"].set(value=low)
    parameters["b_c1"].set(value=0.0, vary=background != "constant")
    for n in peaks:
        place, width = _STARTS[n]
        ends = (window[0], SPLIT) if n == 0 else (SPLIT, window[1])
        parameters[f"p{n}_position"].set(value=place, min=ends[0], max=ends[1])
        parameters[f"p{n}_fwhm"].set(value=width, min=_NARROWEST, max=WIDEST)
        there = float(np.interp(place, x, y)) / scale - low
        parameters[f"p{n}_height"].set(value=max(there, 0.05), min=0.0)
        if shape == "pseudo-voigt":
            parameters[f"p{n}_mixing"].set(value=0.3, min=0.0, max=1.0)
    result = model.fit(
        y / scale, parameters, x=x, method="least_squares", calc_covar=False, max_nfev=500,
        fit_kws={"x_scale": "jac", "ftol": 1e-10, "xtol": 1e-10, "gtol": 1e-12},
    )  # fmt: skip
    values = result.params
    return Once(
        positions=_of(values, peaks, "position"),
        fwhm=_of(values, peaks, "fwhm"),
        heights=_of(values, peaks, "height") * scale,
        k=x,
        curve=np.asarray(result.best_fit) * scale,
        background=_level(x, float(values["b_c0"].value), float(values["b_c1"].value), background) * scale,
        rest=float(np.sum(np.square(y - np.asarray(result.best_fit) * scale))),
        n_parameters=free,
        at_bound=tuple(any(_at_bound(values[f"p{n}_{name}"]) for name in names[:3]) for n in peaks),
        kind=background,
    )


def _of(values: Any, peaks: Sequence[int], name: str) -> FloatArray:
    return np.array([float(values[f"p{n}_{name}"].value) for n in peaks])


def _at_bound(parameter: Any) -> bool:
    ends = [end for end in (parameter.min, parameter.max) if math.isfinite(end)]
    return any(abs(parameter.value - end) < 1e-4 * max(abs(end), 1e-3) for end in ends)


def fit_two_peaks(
    k: FloatArray,
    curves: Mapping[str, FloatArray],
    *,
    units: Sequence[FloatArray] = (),
    resolution: float,
    shape: Shape = "gaussian",
) -> TwoPeaks:
    """Fit two peaks up to 3 nm⁻¹ wide on a background.

    Parameters
    ----------
    k
        Rings, nm⁻¹, shape (k,).
    curves
        V by the name of its kind, each of shape (k,). The first is fitted, the others tell what depends on the kind.
    units
        The first curve with one unit of the data left out at a time: a jackknife gives the intervals.
    resolution
        nm⁻¹ between rings whose noise is independent: the size of a speckle and of a ring. The F-test counts as many
        points as the range has of these.
    shape
        "gaussian" or "pseudo-voigt".

    Returns
    -------
    TwoPeaks
        A peak is significant if the F-test finds it below a chance of 1 % and it does not end on a bound. Rings that do
        not reach over a range are fitted as far as they go, with a word; where they are too few, there are no peaks.

    References
    ----------
    F-test of nested models: P. R. Bevington and D. K. Robinson, Data Reduction and Error Analysis, 3rd ed. (2003),
    eq. 11.50.
    """
    main, *others = curves.values()
    low, high = RANGES[0]
    note = ""
    if k[0] > low + 1e-9 or k[-1] < high - 1e-9:
        note = f"rings from {k[0]:g} to {k[-1]:g} nm⁻¹ are fitted where {low:g} to {high:g} are wanted"
    windows = list(dict.fromkeys((max(low, float(k[0])), min(high, float(k[-1]))) for low, high in RANGES))
    try:
        tried = [
            fit_once(k, curve, background=background, window=window, shape=shape)
            for curve in (main, *others)
            for window in windows
            for background in BACKGROUNDS
        ]
    except InputError as error:
        nothing = np.full_like(k, math.nan)
        return TwoPeaks((), k, nothing, nothing, math.nan, math.nan, math.nan, "", str(error))
    points = _independent(tried[0], resolution)
    best = min(tried[: len(BACKGROUNDS)], key=lambda one: _criterion(one, points))
    chances, gain = peak_chances(k, main, best, resolution=resolution, shape=shape)
    repeats = [fit_once(k, curve, background=best.kind, window=windows[0], shape=shape) for curve in units]
    peaks = tuple(_peak(n, best, tried, repeats, chances[n]) for n in range(2))
    return TwoPeaks(
        peaks=peaks,
        k=best.k,
        curve=best.curve,
        background=best.background,
        ratio=_ratio(best),
        ratio_systematic=_half_range([_ratio(one) for one in tried]),
        bic=gain,
        background_kind=best.kind,
        note=note,
    )


def fit_best(k: FloatArray, variance: FloatArray, *, resolution: float, shape: Shape = "gaussian") -> Once:
    """Fit on each of :data:`BACKGROUNDS` and return the one of the lowest BIC; see :func:`fit_two_peaks`.

    Raises
    ------
    InputError
        If there are too few rings.
    """
    window = (max(RANGES[0][0], float(k[0])), min(RANGES[0][1], float(k[-1])))
    tried = [
        fit_once(k, variance, background=background, window=window, shape=shape) for background in BACKGROUNDS
    ]
    points = _independent(tried[0], resolution)
    return min(tried, key=lambda one: _criterion(one, points))


def _independent(fit: Once, resolution: float) -> int:
    """Points of a fit whose noise is independent."""
    return min(len(fit.k), int((fit.k[-1] - fit.k[0]) / resolution) + 1)


def _ratio(fit: Once) -> float:
    return float(fit.heights[0] / fit.heights[1]) if fit.heights[1] > 0 else math.nan


def _criterion(fit: Once, points: int) -> float:
    """Bayesian information criterion; what is below a millionth of the curve is no misfit."""
    rest = max(fit.rest, 1e-12 * float(np.sum(np.square(fit.curve))))
    return points * math.log(rest) + fit.n_parameters * math.log(points)


def peak_chances(
    k: FloatArray, variance: FloatArray, best: Once, *, resolution: float, shape: Shape = "gaussian"
) -> tuple[list[float], float]:
    """Chance of each of two peaks by the F-test, and the gain in BIC over a background alone.

    `best` is their fit to `variance`; the rest is as in :func:`fit_two_peaks`.
    """
    from scipy.stats import f

    points = _independent(best, resolution)
    window = (float(best.k[0]), float(best.k[-1]))
    alone = fit_once(k, variance, background=best.kind, window=window, shape=shape, peaks=())
    gain = _criterion(alone, points) - _criterion(best, points)
    spare = points - best.n_parameters
    if spare < 1:
        return [1.0, 1.0], gain
    chances = []
    for n in range(2):
        without = fit_once(k, variance, background=best.kind, window=window, shape=shape, peaks=(1 - n,))
        extra = best.n_parameters - without.n_parameters
        better = max(without.rest - best.rest, 0.0) / extra
        chances.append(float(f.sf(better / max(best.rest / spare, 1e-300), extra, spare)))
    return chances, gain


def _half_range(values: Sequence[float]) -> float:
    return 0.5 * (max(values) - min(values))


def _peak(n: int, best: Once, tried: Sequence[Once], repeats: Sequence[Once], chance: float) -> BroadPeak:
    k, fwhm, height = float(best.positions[n]), float(best.fwhm[n]), float(best.heights[n])
    return BroadPeak(
        label=_LABELS[n],
        k=k,
        fwhm=fwhm,
        height=height,
        k_ci95=jackknife_interval(k, [float(one.positions[n]) for one in repeats]),
        fwhm_ci95=jackknife_interval(fwhm, [float(one.fwhm[n]) for one in repeats], log=True),
        height_ci95=jackknife_interval(height, [float(one.heights[n]) for one in repeats]),
        significant=chance < LEVEL and not best.at_bound[n],
        k_systematic=_half_range([float(one.positions[n]) for one in tried]),
        fwhm_systematic=_half_range([float(one.fwhm[n]) for one in tried]),
        height_systematic=_half_range([float(one.heights[n]) for one in tried]),
        p_value=chance,
    )
