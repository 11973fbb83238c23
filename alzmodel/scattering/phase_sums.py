"""Sums of waves over evenly spaced distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["phase_sums"]


def phase_sums(values: NDArray[np.float64], Q: NDArray[np.float64], dr: float) -> NDArray[np.complex128]:
    """Σ_k values_k exp(i Q r_k) at bin centres r_k = (k + ½) dr, for many Q at once by a non-uniform FFT.

    Parameters
    ----------
    values
        Shape (n,), or (m, n) for several sums at once.
    Q
        Å⁻¹, shape (q,), any spacing.
    dr
        Å.

    Returns
    -------
    numpy.ndarray
        Shape (q,) or (m, q), right to 1e-11 of Σ|values|.
    """
    import finufft

    # Modes run from -n/2: shift them to start at zero.
    phase = (0.5 + values.shape[-1] // 2) * dr
    angles = np.mod(Q * dr + np.pi, 2 * np.pi) - np.pi
    sums: NDArray[np.complex128] = finufft.nufft1d2(
        angles, values.astype(np.complex128), isign=1, eps=1e-11, nthreads=1
    )
    return sums * np.exp(1j * Q * phase)
