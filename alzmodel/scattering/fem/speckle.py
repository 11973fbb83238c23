"""Speckle of a structure without any order, and how far it ties rings to their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from alzmodel.scattering.fem.variance import speckle_floor

if TYPE_CHECKING:
    from alzmodel.scattering.fem.settings import FEMSettings
    from alzmodel.scattering.fem.waves import Plane

__all__ = ["FloatArray", "radial_speckle", "ring_correlation"]

FloatArray = NDArray[np.float64]


def radial_speckle(plane: Plane, settings: FEMSettings, thickness: float) -> FloatArray:
    """Normalised covariance of the rings of a structure without any order, shape (k, k).

    The diagonal is :func:`alzmodel.scattering.fem.variance.speckle_floor`. Off it, rings are correlated as far as the
    speckles reach: ρ(Δ) = Σ_s P(s) T(Δ − s·n)/Σ_s P(s) T(s·n), P(s) = |Σ_b c_b c*_(b+s)|², T the triangle that two
    rings of one width share and n any direction. The curvature of rings (speckle over k, squared: below 1 %) and the
    effective source are left out of ρ.
    """
    floor = speckle_floor(plane, settings, thickness)
    rows = np.abs(np.subtract.outer(np.arange(len(floor)), np.arange(len(floor))))
    return np.sqrt(np.outer(floor, floor)) * ring_correlation(plane, settings, len(floor))[rows]


def ring_correlation(plane: Plane, settings: FEMSettings, count: int) -> FloatArray:
    """Correlation ρ of :func:`radial_speckle` of rings 0, 1, 2, … steps apart, shape (count,)."""
    size = 4 * np.abs(plane.beams).max(axis=0) + 1
    waves = np.zeros(size, dtype=np.complex128)
    waves[tuple((plane.beams - plane.beams.min(axis=0)).T)] = plane.amplitudes
    overlap = np.square(np.abs(fft.ifft2(np.square(np.abs(fft.fft2(waves))))))
    index = np.stack(np.meshgrid(*[np.rint(fft.fftfreq(n) * n) for n in size], indexing="ij"), axis=-1)
    steps = (index @ plane.reciprocal).reshape(-1, 2)
    power = overlap.ravel()
    kept = power > 1e-9 * power.max()
    turns = np.pi * (np.arange(12) + 0.5) / 12
    along = 10 * steps[kept] @ np.array([np.cos(turns), np.sin(turns)])
    apart = settings.k_step * np.arange(count)
    shared = np.array(
        [
            float(power[kept] @ np.maximum(0.0, 1 - np.abs(gap - along) / settings.ring_width).mean(axis=1))
            for gap in apart
        ]
    )
    return np.asarray(shared / shared[0])
