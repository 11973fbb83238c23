"""Density of states from the velocities of a trajectory: the check of the harmonic one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import constants

from alzmodel.dynamics.spectra import FWHM_TO_SIGMA
from alzmodel.errors import InputError
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

__all__ = ["VelocitySpectrum", "velocity_spectrum"]

CM_PS: Final = constants.c * 100 * 1e-12
"""Periods a ps of 1 cm⁻¹."""
FEWEST_FRAMES: Final = 50
WINDOW_END: Final = 3.0
"""Standard deviations in time at which the Gaussian window has fallen to 1 %."""
_ATOMS_AT_A_TIME: Final = 200


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VelocitySpectrum(Result):
    """Density of states from velocities, beside the harmonic one.

    Attributes
    ----------
    grid
        cm⁻¹.
    total
        Modes a cm⁻¹; its integral is 3 n_atoms.
    temperature
        K, of the velocities.
    n_frames
        Of the trajectory.
    overlap
        ∫ √(g h) dν / 3 n_atoms with the harmonic density h: 1 where both are alike. In a harmonic crystal each mode
        keeps the energy that it began with, so that a short trajectory of few atoms stays some per cent below. The
        three translations stand in the harmonic density alone: of n atoms √(1 − 1/n) is the most, 0.96 of 12.
    """

    grid: NDArray[np.float64] = field(metadata=holds("cm⁻¹", role="axis"))
    total: NDArray[np.float64] = field(metadata=holds("cm"))
    temperature: float = field(metadata=holds("K"))
    n_frames: int
    overlap: float


def velocity_spectrum(
    frames: Sequence[Atoms],
    frame_time: float,
    grid: NDArray[np.float64],
    harmonic: NDArray[np.float64],
    fwhm: float,
) -> VelocitySpectrum:
    """Power spectrum of the velocities, weighted by mass, normalised to three modes an atom.

    It is the cosine transform of the velocity autocorrelation times a Gaussian in time, which broadens it as the
    harmonic density is broadened. What the centre of mass does is taken away.

    Parameters
    ----------
    frames
        With velocities, evenly apart in time, in equilibrium.
    frame_time
        ps from one to the next.
    grid, harmonic
        Points in cm⁻¹ and the harmonic density there.
    fwhm
        Width, cm⁻¹.

    Raises
    ------
    InputError
        If there are too few frames for the width, too far apart for the highest mode, without velocities, or of
        changing atoms.

    References
    ----------
    J. M. Dickey, A. Paskin, Phys. Rev. 188 (1969) 1407, eq. 6.
    """
    n = len(frames)
    if not 0 < frame_time <= 10:
        raise InputError(f"frame time: {frame_time:g} ps; allowed: above 0, up to 10")
    if n < FEWEST_FRAMES:
        raise InputError(f"trajectory: {n} frames; allowed: at least {FEWEST_FRAMES}")
    if any(not np.array_equal(frame.numbers, frames[0].numbers) for frame in frames):
        raise InputError("trajectory: atoms change between frames; allowed: the same atoms in the same order")
    # A Gaussian of σ in frequency is one of 1/(2πσ) in time.
    spread = 1 / (2 * math.pi * fwhm * FWHM_TO_SIGMA * CM_PS)
    lags = math.ceil(WINDOW_END * spread / frame_time)
    if lags >= n:
        raise InputError(
            f"trajectory: {n} frames of {frame_time:g} ps; allowed for {fwhm:g} cm⁻¹: more than {lags} frames"
        )
    occupied = grid[harmonic > 1e-3 * harmonic.max()]
    nyquist = 1 / (2 * frame_time * CM_PS)
    if occupied[-1] > nyquist:
        raise InputError(
            f"frame time: {frame_time:g} ps ends at {nyquist:.0f} cm⁻¹; allowed: up to "
            f"{1 / (2 * occupied[-1] * CM_PS):.2g} ps for modes at {occupied[-1]:.0f} cm⁻¹"
        )
    correlation = _autocorrelation(frames, lags)
    window = np.exp(-((np.arange(lags + 1) * frame_time / spread) ** 2) / 2)
    weights = correlation / correlation[0] * window
    weights[1:] *= 2
    phase = np.cos(2 * math.pi * CM_PS * frame_time * np.outer(grid, np.arange(lags + 1)))
    # Twice the two-sided density: what lies below zero is folded up.
    density = 3 * len(frames[0]) * 2 * CM_PS * frame_time * (phase @ weights)
    density = np.maximum(density, 0.0)
    area = float(np.trapezoid(density, grid))
    overlap = float(np.trapezoid(np.sqrt(density / area * harmonic / np.trapezoid(harmonic, grid)), grid))
    temperature = float(np.mean([frame.get_temperature() for frame in frames]))
    return VelocitySpectrum(grid, density, temperature, n, overlap)


def _autocorrelation(frames: Sequence[Atoms], lags: int) -> NDArray[np.float64]:
    """Σ m ⟨v(0)·v(t)⟩ for the first lags, shape (lags + 1,)."""
    n, masses = len(frames), frames[0].get_masses()
    velocities = np.array([frame.get_velocities() for frame in frames])
    if not velocities.any() or not np.isfinite(velocities).all():
        raise InputError("trajectory: holds no velocities; allowed: frames with velocities or momenta")
    velocities -= np.einsum("i,tia->ta", masses, velocities)[:, None] / masses.sum()
    total = np.zeros(lags + 1)
    for start in range(0, len(masses), _ATOMS_AT_A_TIME):
        part = slice(start, start + _ATOMS_AT_A_TIME)
        transformed = np.fft.rfft(velocities[:, part], n=2 * n, axis=0)
        power = np.einsum("i,tia->t", masses[part], np.abs(transformed) ** 2)
        total += np.fft.irfft(power, n=2 * n)[: lags + 1]
    return total / (n - np.arange(lags + 1))
