"""Fourier transform of χ(k), with the conventions of the field's standard programs.

Those of IFEFFIT (M. Newville, J. Synchrotron Rad. 8, 322, 2001), which Athena, Artemis and Larch share: a step of
0.05 Å⁻¹, 2048 points, χ(R) = (δk/√π) Σ χ(k) k^w Ω(k) exp(−2ikR). R is not corrected for the phase: a shell stands some
0.4 to 0.5 Å below its distance.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["K_STEP", "N_POINTS", "WINDOWS", "Window", "fourier_transform", "k_window"]

K_STEP: Final = 0.05
"""Å⁻¹."""
N_POINTS: Final = 2048
Window = Literal["hanning", "kaiser"]
WINDOWS: Final[tuple[Window, ...]] = ("hanning", "kaiser")
R_MAX: Final = 8.0
"""Å; the transform is kept up to here."""


def k_window(
    k: ArrayLike, k_range: tuple[float, float], *, dk: float = 1.0, window: Window = "hanning"
) -> FloatArray:
    """Window Ω(k) of the transform.

    Parameters
    ----------
    k
        Å⁻¹, shape (n,).
    k_range
        First and last k, Å⁻¹: the middles of the sills.
    dk
        Å⁻¹; width of the sills. For ``"kaiser"`` also the argument of the Bessel function, so the window is wider than
        its range.
    window
        ``"hanning"``: cos² sills; ``"kaiser"``: the Kaiser–Bessel window as IFEFFIT has it, zero at its ends.

    Returns
    -------
    ndarray
        Shape (n,), from 0 to 1.

    Raises
    ------
    InputError
        If the window has no such name, or a number cannot be used.

    Examples
    --------
    >>> k_window([2.5, 3.0, 3.5, 7.0], (3.0, 12.0)).round(2).tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    if window not in WINDOWS:
        raise InputError(f"window: {window}; allowed: {', '.join(WINDOWS)}")
    first, last = k_range
    if not (0 < dk <= last - first):
        raise InputError(f"dk: {dk:g}; allowed: above 0, up to the width of the range, {last - first:g}")
    at = np.asarray(k, dtype=float)
    low, high = first - dk / 2, last + dk / 2
    if window == "hanning":
        inside = np.minimum(at - low, high - at) / dk
        return np.sin(np.pi / 2 * np.clip(inside, 0.0, 1.0)) ** 2
    from scipy.special import i0

    middle, half = (low + high) / 2, (high - low) / 2
    argument = dk * np.sqrt(np.clip(1 - ((at - middle) / half) ** 2, 0.0, None))
    return np.asarray((i0(argument) - 1) / (i0(dk) - 1))


def fourier_transform(
    k: ArrayLike,
    chi: ArrayLike,
    *,
    k_weight: int = 2,
    k_range: tuple[float, float] = (3.0, 12.0),
    dk: float = 1.0,
    window: Window = "hanning",
    r_max: float = R_MAX,
) -> tuple[FloatArray, NDArray[np.complex128]]:
    """Transform χ(k) to R.

    Parameters
    ----------
    k
        Å⁻¹, shape (n,): steps of 0.05 from 0.
    chi
        Shape (n,) or (m, n).
    k_weight
        w of k^w.
    k_range, dk, window
        As for :func:`k_window`.
    r_max
        Å; the transform is cut there.

    Returns
    -------
    r : ndarray
        Å, not corrected for the phase, shape (p,).
    transform : ndarray
        Complex, shape (p,) or (m, p), Å^−(w+1).

    Raises
    ------
    InputError
        If k does not rise from 0 in steps of 0.05, or an argument cannot be used.
    """
    at, values = np.asarray(k, dtype=float), np.asarray(chi, dtype=float)
    if at.size > N_POINTS or not np.allclose(at, K_STEP * np.arange(at.size), atol=1e-6):
        raise InputError(f"k: not 0, 0.05, 0.1, …; allowed: these steps, up to {N_POINTS * K_STEP:g} Å⁻¹")
    weighted = values * at**k_weight * k_window(at, k_range, dk=dk, window=window)
    found = K_STEP / np.sqrt(np.pi) * np.fft.fft(weighted, n=N_POINTS, axis=-1)
    r = np.arange(N_POINTS // 2, dtype=np.float64) * (math.pi / (K_STEP * N_POINTS))
    kept = r <= r_max
    return r[kept], np.asarray(found[..., : N_POINTS // 2][..., kept], dtype=np.complex128)
