"""What a diffractometer does to the scattering of the sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["Resolution", "broaden", "polarization_factor", "resolution_width"]

Resolution = float | tuple[float, float, float]
"""FWHM in degrees 2θ, or the three coefficients (U, V, W) in square degrees of :func:`resolution_width`."""


def polarization_factor(two_theta: FloatArray, mode: str | float) -> FloatArray:
    """Polarisation factor, 1 in the forward direction.

    Parameters
    ----------
    two_theta
        Degrees, any shape.
    mode
        "none"; "unpolarized" for a sealed tube, (1 + cos² 2θ)/2; or the 2θ in degrees of a flat crystal monochromator
        in the same plane, (1 + cos² 2θ_m cos² 2θ)/(1 + cos² 2θ_m).

    Raises
    ------
    InputError
        If the mode is none of these.

    References
    ----------
    L. V. Azaroff, Acta Cryst. 8 (1955) 701.
    """
    squared = np.cos(np.radians(two_theta)) ** 2
    if mode == "none":
        return np.ones_like(squared)
    if mode == "unpolarized":
        return np.asarray((1 + squared) / 2)
    if isinstance(mode, str) or not 0 <= mode < 180:
        raise InputError(
            f"polarization: {mode}; allowed: none, unpolarized, or the 2θ of a monochromator in degrees, 0 to 180"
        )
    crystal = math.cos(math.radians(mode)) ** 2
    return np.asarray((1 + crystal * squared) / (1 + crystal))


def resolution_width(two_theta: FloatArray, resolution: Resolution) -> FloatArray:
    """FWHM in degrees 2θ of the instrument, shape of `two_theta`: constant, or U tan² θ + V tan θ + W squared.

    Raises
    ------
    InputError
        If a width is negative or not a number anywhere.

    References
    ----------
    G. Caglioti, A. Paoletti and F. P. Ricci, Nucl. Instrum. 3 (1958) 223.
    """
    if isinstance(resolution, tuple):
        u, v, w = resolution
        tangent = np.tan(np.radians(two_theta) / 2)
        squared = u * tangent**2 + v * tangent + w
    else:
        squared = np.full_like(np.asarray(two_theta, dtype=float), float(resolution) * abs(float(resolution)))
    if not (np.isfinite(squared).all() and (squared >= 0).all()):
        raise InputError(
            f"fwhm: {resolution}; allowed: widths in degrees 2θ of at least zero over the whole range"
        )
    return np.asarray(np.sqrt(squared))


def broaden(
    two_theta: FloatArray, intensity: FloatArray, at: FloatArray, resolution: Resolution
) -> FloatArray:
    """Convolve a pattern with the Gaussian of the instrument, whose width may change with the angle.

    Parameters
    ----------
    two_theta, intensity
        The pattern on a uniform grid, shape (n,), reaching two FWHM beyond `at` on either side.
    at
        Degrees 2θ where it is wanted, shape (m,).
    resolution
        See :func:`resolution_width`.

    Returns
    -------
    numpy.ndarray
        Shape (m,). Each point is a mean of its surroundings with the Gaussian belonging to that point.
    """
    width = resolution_width(at, resolution)
    if not width.any():
        return np.interp(at, two_theta, intensity)
    step = float(two_theta[1] - two_theta[0])
    result = np.empty(at.shape)
    for k, (centre, fwhm) in enumerate(zip(at, width, strict=True)):
        if fwhm < step:
            result[k] = np.interp(centre, two_theta, intensity)
            continue
        first = max(int((centre - 2 * fwhm - two_theta[0]) / step), 0)
        last = int((centre + 2 * fwhm - two_theta[0]) / step) + 2
        near = two_theta[first:last]
        weight = np.exp(-4 * math.log(2) * ((near - centre) / fwhm) ** 2)
        result[k] = float(weight @ intensity[first:last]) / float(weight.sum())
    return result
