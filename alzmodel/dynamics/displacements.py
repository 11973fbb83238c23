"""Mean square displacements, their distribution, and van Hove functions of unwrapped positions.

Arrays of positions are (frames, ions, 3) in Å; a lag is a number of frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import fft

from alzmodel.errors import InputError
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from alzmodel.dynamics.trajectory import Trajectory

__all__ = ["VanHove", "mean_square_displacements", "non_gaussian", "spaced_lags", "van_hove"]

DISTINCT_ORIGINS: Final = 40
"""Origins of time of the distinct part: it takes all pairs for each."""


def mean_square_displacements(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean square displacement of each ion over all origins of time.

    MSD(m) = Σ_k |r(k + m) − r(k)|² / (N − m) for N frames: the sum of squares by a recurrence, the cross term as an
    autocorrelation by the fast Fourier transform, padded with zeros.

    Parameters
    ----------
    positions
        (frames, ions, 3), Å.

    Returns
    -------
    ndarray, shape (frames, ions)
        Å², by lag from 0.

    References
    ----------
    V. Calandrini et al., École thématique de la Société Française de la Neutronique 12 (2011) 201, eqs. 2.34 to 2.44.
    """
    # Differences do not change, and less is lost to rounding.
    x = positions - positions.mean(axis=0)
    n = len(x)
    spectrum = fft.rfft(x, n=fft.next_fast_len(2 * n, real=True), axis=0)
    power = (spectrum.real**2 + spectrum.imag**2).sum(axis=2)
    cross = fft.irfft(power, n=fft.next_fast_len(2 * n, real=True), axis=0)[:n]
    squares = (x**2).sum(axis=2)
    total = 2 * squares.sum(axis=0)
    gone = np.zeros_like(squares)
    gone[1:] = np.cumsum(squares[:-1] + squares[:0:-1], axis=0)
    counts = np.arange(n, 0, -1)[:, None]
    msd: NDArray[np.float64] = np.maximum((total - gone - 2 * cross) / counts, 0.0)
    msd[0] = 0.0
    return msd


def spaced_lags(longest: int, n: int = 40) -> NDArray[np.int64]:
    """At most `n` lags from 1 to `longest`, evenly spaced in their logarithm."""
    return np.unique(np.rint(np.geomspace(1, max(longest, 1), n)).astype(np.int64))


def non_gaussian(
    positions: NDArray[np.float64], lags: Sequence[int] | NDArray[np.int64]
) -> NDArray[np.float64]:
    """Non-Gaussian parameter α₂ = 3 ⟨r⁴⟩ / (5 ⟨r²⟩²) − 1: zero for diffusion, positive where few ions jump.

    Parameters
    ----------
    positions
        (frames, ions, 3), Å.
    lags
        In frames.

    Returns
    -------
    ndarray, shape (lags,)
        NaN where nothing moves.

    References
    ----------
    A. Rahman, Phys. Rev. 136 (1964) A405.
    """
    found = []
    for lag in lags:
        squared = ((positions[lag:] - positions[:-lag]) ** 2).sum(axis=2)
        second = float(squared.mean())
        found.append(0.6 * float((squared**2).mean()) / second**2 - 1 if second > 0 else np.nan)
    return np.array(found)


@dataclass(frozen=True, slots=True, repr=False)
class VanHove(Result):
    """How far ions have gone after a time, and where the others are then.

    Attributes
    ----------
    r
        (n,), Å, mid-points of the bins.
    lags
        (m,), ps.
    self_part
        (m, n), 4πr² G_s in Å⁻¹: its integral over r is the share of ions that went less far than r ends.
    distinct
        (m, n), G_d / ρ: the pair function of ions of one kind over the time; 1 far out.
    """

    r: NDArray[np.float64] = field(metadata=holds("Å", role="axis"))
    lags: NDArray[np.float64] = field(metadata=holds("ps"))
    self_part: NDArray[np.float64] = field(metadata=holds("1/Å", key="self"))
    distinct: NDArray[np.float64] = field(metadata=holds())


def van_hove(
    trajectory: Trajectory, element: str, lags: Sequence[int], *, dr: float = 0.1, r_max: float | None = None
) -> VanHove:
    """Self and distinct van Hove functions of one element.

    Parameters
    ----------
    trajectory
        Without drift.
    element
        Its ions.
    lags
        In frames, each at least 1.
    dr
        Å.
    r_max
        Å; half of the smallest height of the cell by default, and at most.

    Raises
    ------
    InputError
        If there is none of the element, or a lag is as long as the trajectory.

    References
    ----------
    L. Van Hove, Phys. Rev. 95 (1954) 249.
    """
    positions = trajectory.of(element)
    frames, n, _ = positions.shape
    if not all(1 <= lag < frames for lag in lags):
        raise InputError(f"lags: {list(lags)}; allowed: 1 to {frames - 1} frames")
    half = 0.5 / float(np.linalg.norm(np.linalg.inv(trajectory.cell), axis=0).max())
    end = half if r_max is None else min(r_max, half)
    edges = np.arange(0.0, end + 1e-9, dr)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    inverse = np.linalg.inv(trajectory.cell)
    density = (n - 1) / trajectory.volume
    own, others = [], []
    apart = ~np.eye(n, dtype=bool)
    for lag in lags:
        moved = np.linalg.norm(positions[lag:] - positions[:-lag], axis=2)
        own.append(np.histogram(moved, edges)[0] / (moved.size * dr))
        counts = np.zeros(len(shells))
        origins = np.unique(np.linspace(0, frames - 1 - lag, DISTINCT_ORIGINS).astype(int))
        for origin in origins:
            scaled = (positions[origin + lag][None] - positions[origin][:, None])[apart] @ inverse
            # Right for all distances up to half of the smallest height.
            distances = np.linalg.norm((scaled - np.rint(scaled)) @ trajectory.cell, axis=1)
            counts += np.histogram(distances, edges)[0]
        pairs = max(density * n * len(origins), 1e-300)
        others.append(counts / (pairs * shells))
    return VanHove(
        r=(edges[1:] + edges[:-1]) / 2,
        lags=np.array(lags) * trajectory.frame_time,
        self_part=np.array(own),
        distinct=np.array(others),
    )
