"""Peaks and backgrounds fitted by least squares, with 95 % intervals."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Background",
    "Companion",
    "ParameterErrors",
    "Peak",
    "PeakFit",
    "PeakGuess",
    "Shape",
    "fit_peaks",
    "peak_area",
    "peak_profile",
    "rwp",
]

FloatArray = NDArray[np.float64]
Interval = tuple[float, float]
Companion = tuple[float, Callable[[float], float]]
Shape = Literal["gaussian", "lorentzian", "pseudo-voigt", "pearson7"]
Background = Literal["none", "constant", "linear"]

SINGULAR: Final = 1e-12
"""Smallest singular value of the derivatives, each of unit length, that still tells parameters apart."""

_EXTRA_BOUNDS: Final[dict[str, tuple[float, float, float]]] = {
    # Start, smallest and largest value of the parameter that mixes Gaussian and Lorentzian character. A Pearson
    # VII has no finite area at m = 1/2, is a Lorentzian at m = 1 and hardly differs from a Gaussian at m = 50.
    "pseudo-voigt": (0.5, 0.0, 1.0),
    "pearson7": (2.0, 0.55, 50.0),
}


@dataclass(frozen=True, slots=True)
class PeakGuess:
    """Where a peak is expected.

    Parameters
    ----------
    label
        Name of the peak; unique within one fit.
    position, fwhm
        Start values, in the units of x.
    height
        Start value in the units of y; None reads it off the data.
    position_bounds, fwhm_bounds
        Allowed ranges; None is the fitted range for the position, and for the width anything from the mean step
        of x to twice the fitted range. Equal bounds hold a parameter fixed.
    positive
        Whether the height must not be negative.
    """

    label: str
    position: float
    fwhm: float
    height: float | None = None
    position_bounds: Interval | None = None
    fwhm_bounds: Interval | None = None
    positive: bool = True


@dataclass(frozen=True, slots=True)
class Peak:
    """A fitted peak; the 95 % intervals are Student t intervals from the covariance of the fit.

    `mixing` is the Lorentzian fraction of a pseudo-Voigt or the exponent of a Pearson VII, else NaN. `at_bound`
    names the parameters that ended on a bound: their intervals mean nothing and are NaN.
    """

    label: str
    position: float
    fwhm: float
    height: float
    area: float
    position_ci95: Interval
    fwhm_ci95: Interval
    height_ci95: Interval
    area_ci95: Interval
    shape: str
    mixing: float = math.nan
    at_bound: tuple[str, ...] = ()

    def profile(self, x: ArrayLike) -> FloatArray:
        """Return the peak alone at `x`, an array of the same shape in the units of y."""
        return peak_profile(
            np.asarray(x, dtype=float), self.height, self.position, self.fwhm, self.shape, self.mixing
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "label": self.label,
            "position": self.position,
            "fwhm": self.fwhm,
            "height": self.height,
            "area": self.area,
            "position_ci95": list(self.position_ci95),
            "fwhm_ci95": list(self.fwhm_ci95),
            "height_ci95": list(self.height_ci95),
            "area_ci95": list(self.area_ci95),
            "shape": self.shape,
            "mixing": self.mixing,
            "at_bound": list(self.at_bound),
        }


@dataclass(frozen=True, slots=True)
class PeakFit:
    """Outcome of :func:`fit_peaks`.

    Attributes
    ----------
    peaks
        In the order of the guesses.
    x, y, residual
        The fitted points and y minus model, shape (n,).
    background
        Polynomial coefficients, lowest first, of x − `x_reference`; empty without background.
    rwp
        Weighted profile residual, see :func:`rwp`.
    reduced_chi_square
        Σ(residual/sigma)²/(n − parameters); with sigma unknown it is in units of y².
    success
        Whether the fit converged and its covariance exists. Intervals are NaN if not.
    """

    peaks: tuple[Peak, ...]
    x: FloatArray
    y: FloatArray
    residual: FloatArray
    background: tuple[float, ...]
    x_reference: float
    rwp: float
    reduced_chi_square: float
    success: bool
    shape: str
    companions: tuple[Companion, ...] = ()

    def background_curve(self, x: ArrayLike) -> FloatArray:
        """Return the fitted background at `x`."""
        return _polynomial(np.asarray(x, dtype=float) - self.x_reference, self.background)

    def curve(self, x: ArrayLike) -> FloatArray:
        """Return the whole fitted model, peaks and background, at `x`."""
        points = np.asarray(x, dtype=float)
        total = self.background_curve(points)
        for peak in self.peaks:
            total = total + peak.profile(points)
            for share, place in self.companions:
                total = total + share * replace(peak, position=place(peak.position)).profile(points)
        return total

    def __getitem__(self, label: str) -> Peak:
        for peak in self.peaks:
            if peak.label == label:
                return peak
        raise KeyError(label)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the arrays."""
        return {
            "peaks": [peak.to_dict() for peak in self.peaks],
            "background": list(self.background),
            "rwp": self.rwp,
            "success": self.success,
            "shape": self.shape,
        }


def peak_profile(
    x: FloatArray, height: float, position: float, fwhm: float, shape: str, mixing: float = math.nan
) -> FloatArray:
    """Peak of a given height and full width at half maximum.

    Parameters
    ----------
    x
        Points, any shape.
    height, position, fwhm
        In the units of y, x and x.
    shape
        "gaussian", "lorentzian", "pseudo-voigt" (`mixing` is the Lorentzian fraction) or "pearson7" (`mixing` is
        the exponent m).

    Returns
    -------
    numpy.ndarray
        Of the shape of `x`.

    References
    ----------
    R. A. Young (ed.), The Rietveld Method (Oxford University Press, 1993), table 1.2.
    """
    t = np.square((x - position) / (0.5 * fwhm))
    match shape:
        case "gaussian":
            profile = np.exp(-math.log(2) * t)
        case "lorentzian":
            profile = 1 / (1 + t)
        case "pseudo-voigt":
            profile = mixing / (1 + t) + (1 - mixing) * np.exp(-math.log(2) * t)
        case _:
            profile = np.exp(-mixing * np.log1p((2 ** (1 / mixing) - 1) * t))
    return height * profile


def peak_area(height: float, fwhm: float, shape: str, mixing: float = math.nan) -> float:
    """Area under :func:`peak_profile` over the whole axis."""
    gaussian = 0.5 * math.sqrt(math.pi / math.log(2))
    match shape:
        case "gaussian":
            factor = gaussian
        case "lorentzian":
            factor = 0.5 * math.pi
        case "pseudo-voigt":
            factor = mixing * 0.5 * math.pi + (1 - mixing) * gaussian
        case _:
            # These take numbers with errors as well, as the arithmetic of the other shapes does.
            from uncertainties import umath

            gammas = umath.exp(umath.lgamma(mixing - 0.5) - umath.lgamma(mixing))
            factor = 0.5 * umath.sqrt(math.pi / (2 ** (1 / mixing) - 1)) * gammas
    return height * fwhm * factor


def rwp(observed: ArrayLike, calculated: ArrayLike, sigma: ArrayLike | None = None) -> float:
    """Weighted profile residual sqrt(Σ w (o − c)²/Σ w o²), w = 1/sigma² (1 without sigma).

    References
    ----------
    B. H. Toby, Powder Diffr. 21 (2006) 67, eq. 1.
    """
    o = np.asarray(observed, dtype=float)
    weight = 1.0 if sigma is None else 1 / np.square(np.asarray(sigma, dtype=float))
    norm = float(np.sum(weight * o**2))
    difference = float(np.sum(weight * (o - np.asarray(calculated, dtype=float)) ** 2))
    return math.sqrt(difference / norm) if norm > 0 else math.nan


def _polynomial(x: FloatArray, coefficients: Sequence[float]) -> FloatArray:
    result = np.zeros_like(x)
    for coefficient in reversed(coefficients):
        result = result * x + coefficient
    return result


def _checked_data(
    x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None, window: Interval | None
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    points, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if points.ndim != 1 or points.shape != values.shape:
        raise InputError(
            f"fit data: x of shape {points.shape}, y of shape {values.shape}; allowed: equal, one axis"
        )
    errors = None if sigma is None else np.broadcast_to(np.asarray(sigma, dtype=float), points.shape)
    if window is not None:
        low, high = window
        if not low < high:
            raise InputError(f"fit window: {low:g} to {high:g}; allowed: a lower and a higher bound")
        keep = (points >= low) & (points <= high)
        points, values = points[keep], values[keep]
        errors = None if errors is None else errors[keep]
    if not (np.isfinite(points).all() and np.isfinite(values).all()):
        raise InputError("fit data: NaN or infinite values in the fitted range; allowed: finite numbers")
    if (np.diff(points) <= 0).any():
        raise InputError("fit data: x is not rising everywhere; allowed: sorted x without repeats")
    if errors is not None and not (np.isfinite(errors).all() and (errors > 0).all()):
        raise InputError("fit data: sigma is not positive everywhere; allowed: standard errors above zero")
    return points, values, errors


def fit_peaks(
    x: ArrayLike,
    y: ArrayLike,
    guesses: Sequence[PeakGuess],
    *,
    shape: Shape = "gaussian",
    background: Background = "none",
    window: Interval | None = None,
    sigma: ArrayLike | None = None,
    companions: Sequence[Companion] = (),
) -> PeakFit:
    """Fit a sum of peaks and a background by bounded least squares.

    Parameters
    ----------
    x, y
        Shape (n,); x rising.
    guesses
        One per peak.
    shape
        Profile of every peak: see :func:`peak_profile`.
    background
        "none", "constant" or "linear", fitted together with the peaks.
    window
        Lowest and highest x that take part; None is all.
    sigma
        Standard errors of y, a number or shape (n,). Given: intervals follow from them, widened by the square root
        of the reduced χ² where that is above one. None: the scatter about the fit stands for them. Either way the
        errors of neighbouring points are taken as independent, so for a smooth computed curve the intervals measure
        how well the shape suits, not how often a repeat would fall inside.
    companions
        Copies that every peak has: height over the peak's own, and position by the peak's position. Heights and areas
        of the result are those of the peak alone.

    Returns
    -------
    PeakFit
        With `success` False, and NaN intervals, where no covariance exists.

    Raises
    ------
    InputError
        If arrays, window, guesses or names are unusable, or there are fewer points than parameters.
    """
    if shape not in get_args(Shape):
        raise InputError(f"peak shape: {shape}; allowed: {', '.join(get_args(Shape))}")
    if background not in get_args(Background):
        raise InputError(f"background: {background}; allowed: {', '.join(get_args(Background))}")
    points, values, errors = _checked_data(x, y, sigma, window)
    n_background = {"none": 0, "constant": 1, "linear": 2}[background]
    n_per_peak = 4 if shape in _EXTRA_BOUNDS else 3
    n_parameters = n_background + n_per_peak * len(guesses)
    if not guesses or len({guess.label for guess in guesses}) != len(guesses):
        raise InputError(
            f"peaks: {[guess.label for guess in guesses]}; allowed: at least one, labels all different"
        )
    if points.size <= n_parameters:
        raise InputError(
            f"fit data: {points.size} points in the fitted range; allowed: more than the {n_parameters} parameters"
        )
    return _fit(points, values, errors, guesses, shape, n_background, tuple(companions))


def _fit(
    points: FloatArray,
    values: FloatArray,
    errors: FloatArray | None,
    guesses: Sequence[PeakGuess],
    shape: str,
    n_background: int,
    companions: tuple[Companion, ...],
) -> PeakFit:
    from lmfit import Model
    from lmfit.models import PolynomialModel
    from scipy.special import stdtrit

    # Tolerances of the optimiser are absolute in the gradient: variances of 1e-3 would stop it at once.
    scale = float(np.max(np.abs(values))) or 1.0
    scaled = values / scale
    weights = np.ones_like(points) if errors is None else scale / errors
    # Keep the weighted residuals near one as well.
    weight_scale = float(weights.mean())
    names = ["height", "position", "fwhm", *(["mixing"] if shape in _EXTRA_BOUNDS else [])]
    profile = _with_companions(companions) if companions else peak_profile
    parts = [Model(profile, ["x"], names, prefix=f"p{j}_", shape=shape) for j in range(len(guesses))]
    if n_background:
        parts.append(PolynomialModel(n_background - 1))
    model = functools.reduce(operator.add, parts)
    floor = float(min(scaled[0], scaled[-1])) if n_background else 0.0
    parameters = model.make_params(**{f"c{i}": 0.0 if i else floor for i in range(n_background)})
    for j, guess in enumerate(guesses):
        _start(parameters, f"p{j}_", guess, shape, points, scaled - floor, scale)
    result = model.fit(
        scaled,
        parameters,
        x=points,
        weights=weights / weight_scale,
        method="least_squares",
        scale_covar=False,
        max_nfev=5000,
        fit_kws={"x_scale": "jac", "ftol": 1e-12, "xtol": 1e-12, "gtol": 1e-12},
    )
    degrees = points.size - len(result.var_names)
    # χ² per degree of freedom in units of sigma; without sigma the scatter about the fit stands for it.
    reduced = float(result.chisqr) / degrees * weight_scale**2
    widening = math.sqrt(reduced if errors is None else max(1.0, reduced)) / weight_scale
    success = bool(result.success) and _is_determined(result)
    half = float(stdtrit(degrees, 0.975)) * widening if success else math.nan
    fitted = result.best_fit * scale
    reference = float(points.mean())
    line = [float(result.params[f"c{i}"].value) * scale for i in range(n_background)]
    return PeakFit(
        peaks=tuple(
            _peak(result, f"p{j}_", guess.label, shape, scale, half) for j, guess in enumerate(guesses)
        ),
        x=points,
        y=values,
        residual=values - fitted,
        # lmfit's polynomial is one in x itself.
        background=(math.fsum(c * reference**i for i, c in enumerate(line)), *line[1:]) if line else (),
        x_reference=reference,
        rwp=rwp(values, fitted, errors),
        reduced_chi_square=reduced * (scale**2 if errors is None else 1.0),
        success=success,
        shape=shape,
        companions=companions,
    )


def _with_companions(companions: Sequence[Companion]) -> Callable[..., FloatArray]:
    """:func:`peak_profile` with copies beside it."""

    def profile(
        x: FloatArray, height: float, position: float, fwhm: float, shape: str, mixing: float = math.nan
    ) -> FloatArray:
        total = peak_profile(x, height, position, fwhm, shape, mixing)
        for share, place in companions:
            total = total + share * peak_profile(x, height, place(position), fwhm, shape, mixing)
        return total

    return profile


def _is_determined(result: Any) -> bool:
    """Whether a fit has a covariance: not where parameters can stand for each other, which rounding may hide."""
    if result.covar is None or not np.isfinite(result.covar).all():
        return False
    lengths = np.linalg.norm(result.jac, axis=0)
    if not lengths.all():
        return False
    return bool(np.linalg.svd(result.jac / lengths, compute_uv=False)[-1] > SINGULAR)


def _start(
    parameters: Any,
    prefix: str,
    guess: PeakGuess,
    shape: str,
    x: FloatArray,
    y: FloatArray,
    scale: float,
) -> None:
    """Set start values and bounds of one peak."""
    where = f"peak {guess.label}"
    span = float(x[-1] - x[0])
    position_bounds = guess.position_bounds or (float(x[0]), float(x[-1]))
    _set(parameters[f"{prefix}position"], guess.position, position_bounds, f"{where}: position")
    fwhm_bounds = guess.fwhm_bounds or (span / (x.size - 1), 2 * span)
    _set(parameters[f"{prefix}fwhm"], guess.fwhm, fwhm_bounds, f"{where}: fwhm")
    if fwhm_bounds[0] <= 0:
        raise InputError(f"{where}: fwhm down to {fwhm_bounds[0]:g}; allowed: above zero")
    height = float(np.interp(guess.position, x, y)) if guess.height is None else guess.height / scale
    if guess.positive:
        parameters[f"{prefix}height"].set(value=max(height, 1e-3), min=0.0)
    else:
        parameters[f"{prefix}height"].set(value=height)
    if shape in _EXTRA_BOUNDS:
        start, low, high = _EXTRA_BOUNDS[shape]
        parameters[f"{prefix}mixing"].set(value=start, min=low, max=high)


def _set(parameter: Any, value: float, bounds: Interval, what: str) -> None:
    low, high = bounds
    if not (math.isfinite(value) and low <= value <= high):
        raise InputError(f"{what} {value:g}; allowed: {low:g} to {high:g}")
    if low == high:
        parameter.set(value=value, vary=False)
    else:
        parameter.set(value=value, min=low, max=high)


class ParameterErrors:
    """Half widths of 95 % intervals from a covariance, for parameters and functions of them.

    Parameters
    ----------
    names
        Of the parameters, in the order of the covariance.
    covariance
        Shape (n, n); None where there is none, and every interval is NaN.
    student
        Student's quantile of the interval.
    """

    def __init__(self, names: Sequence[str], covariance: FloatArray | None, student: float) -> None:
        self.names = list(names)
        self.covariance = covariance
        self.student = student

    def half_width(self, gradient: Mapping[str, float]) -> float:
        """Interval of a quantity whose derivatives with respect to the parameters are `gradient`."""
        if self.covariance is None:
            return math.nan
        g = np.array([gradient.get(name, 0.0) for name in self.names])
        return self.student * math.sqrt(max(float(g @ self.covariance @ g), 0.0))


def _peak(result: Any, prefix: str, label: str, shape: str, scale: float, half: float) -> Peak:
    """Read one peak off; `half` is the half width of an interval in standard errors."""
    own = {name[len(prefix) :]: one for name, one in result.params.items() if name.startswith(prefix)}
    at_bound = tuple(
        name
        for name in ("position", "fwhm", "height", "mixing")
        if name in own
        and own[name].vary
        and min(abs(own[name].value - own[name].min), abs(own[name].value - own[name].max))
        < 1e-6 * (abs(own[name].value) + 1e-12)
    )
    # lmfit's values with their correlated errors; none where the fit has no covariance.
    known = getattr(result, "uvars", None) or {}
    sizes = {name: known.get(prefix + name, one.value) for name, one in own.items()}
    area = peak_area(sizes["height"], sizes["fwhm"], shape, sizes.get("mixing", math.nan))

    def interval(name: str, value: float, error: float | None, unit: float) -> Interval:
        if name in at_bound or (name == "area" and at_bound):
            return (math.nan, math.nan)
        # What was held fixed has no error.
        width = half * (error or 0.0) * unit
        return (value * unit - width, value * unit + width)

    values = {name: float(one.value) for name, one in own.items()}
    return Peak(
        label=label,
        position=values["position"],
        fwhm=values["fwhm"],
        height=values["height"] * scale,
        area=getattr(area, "nominal_value", area) * scale,
        position_ci95=interval("position", values["position"], own["position"].stderr, 1.0),
        fwhm_ci95=interval("fwhm", values["fwhm"], own["fwhm"].stderr, 1.0),
        height_ci95=interval("height", values["height"], own["height"].stderr, scale),
        area_ci95=interval(
            "area", getattr(area, "nominal_value", area), getattr(area, "std_dev", 0.0), scale
        ),
        shape=shape,
        mixing=values.get("mixing", math.nan),
        at_bound=at_bound,
    )
