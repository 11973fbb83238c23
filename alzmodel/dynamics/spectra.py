"""Spectra of the dynamical matrix: by all its modes, or by Chebyshev moments where there are too many.

Both give the same thing: of each start vector its weight at every frequency, broadened by a Gaussian of a stated
width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import numpy as np
from scipy import constants

from alzmodel.errors import InputError
from alzmodel.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    MatrixT = TypeVar("MatrixT", NDArray[np.floating], csr_array)

__all__ = [
    "DENSE_ATOMS",
    "MOST_MOMENTS",
    "ROOT_TO_CM",
    "Chebyshev",
    "Modes",
    "Spectra",
    "chebyshev",
    "dense_modes",
    "dynamical_matrix",
    "frequency_grid",
    "gaussian_kernel",
    "moments_for",
    "wavenumber",
]

ROOT_TO_CM: Final = math.sqrt(constants.e / (1e-20 * constants.atomic_mass)) / (
    2 * math.pi * constants.c * 100
)
"""cm⁻¹ of an eigenvalue of 1 eV/(Å² u)."""
FWHM_TO_SIGMA: Final = 1 / math.sqrt(8 * math.log(2))
DENSE_ATOMS: Final = 1500
"""Atoms; larger models are not diagonalised unless that is asked for."""
MOST_MOMENTS: Final = 20_000
TAIL: Final = 5.0
"""The Gaussian is cut off at exp(−TAIL²/2) = 4e-6 of its height, in the frequency and in the Chebyshev series."""
REACH: Final = 4.0
"""Standard deviations of the Gaussian beyond the highest mode where grids end."""
UNSTABLE: Final = 1.0
"""cm⁻¹; imaginary frequencies below this are the rounding of translations."""
FARTHEST: Final = 3.0
"""Standard deviations of the Gaussian down to which its continuation to imaginary frequencies is used."""
LANCZOS_STEPS: Final = 80
BOUND_MARGIN: Final = 0.01
ROUNDING: Final = 3e-6
_KERNEL_POINTS: Final = 4_000_000
"""Values of the kernel that are held at a time: 32 MB."""


def dynamical_matrix(hessian: MatrixT, masses: NDArray[np.float64]) -> MatrixT:
    """Divide second derivatives (3n, 3n) in eV/Å² by the roots of both masses (n,) in u; done in place."""
    root = np.repeat(1 / np.sqrt(masses), 3).astype(hessian.dtype)
    if not isinstance(hessian, np.ndarray):
        hessian.data *= np.repeat(root, np.diff(hessian.indptr))
        hessian.data *= root[hessian.indices]
        return hessian
    hessian *= root[:, None]
    hessian *= root[None, :]
    return hessian


def wavenumber(eigenvalues: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn eigenvalues in eV/(Å² u) into cm⁻¹; imaginary frequencies are negative."""
    return np.sign(eigenvalues) * np.sqrt(np.abs(eigenvalues)) * ROOT_TO_CM


def frequency_grid(highest: float, fwhm: float) -> NDArray[np.float64]:
    """Frequencies from 0 to beyond the highest mode (cm⁻¹), a fifth of the width apart; ends at whole 100 cm⁻¹."""
    end = 100 * math.ceil((highest + REACH * fwhm * FWHM_TO_SIGMA) / 100)
    return np.linspace(0.0, end, round(end / (fwhm / 5)) + 1)


def gaussian_kernel(
    grid: NDArray[np.float64], frequencies: NDArray[np.float64], fwhm: float
) -> NDArray[np.float64]:
    """Gaussians of unit area about every frequency and its mirror image below zero, shape (n_grid, n_frequencies).

    With the image the area above zero is one for every mode, however low, and the sum is a smooth function of ω². A
    mode of imaginary frequency counts at zero.
    """
    sigma = fwhm * FWHM_TO_SIGMA
    real = np.maximum(frequencies, 0.0)[None, :]
    here = np.exp(-(((grid[:, None] - real) / sigma) ** 2) / 2)
    image = np.exp(-(((grid[:, None] + real) / sigma) ** 2) / 2)
    return (here + image) / (sigma * math.sqrt(2 * math.pi))


def _continued(grid: NDArray[np.float64], imaginary: NDArray[np.float64], fwhm: float) -> NDArray[np.float64]:
    """Continue the kernel to ω = iκ, where no mode lies: what is smooth in ω² there has a short Chebyshev series."""
    sigma = fwhm * FWHM_TO_SIGMA
    kappa = np.minimum(imaginary, FARTHEST * sigma)[None, :]
    height = np.exp((kappa**2 - grid[:, None] ** 2) / (2 * sigma**2)) * np.cos(
        grid[:, None] * kappa / sigma**2
    )
    return 2 * height / (sigma * math.sqrt(2 * math.pi))


class Spectra(Protocol):
    """What gives the spectra of vectors in the space of mass-weighted displacements."""

    @property
    def name(self) -> str:
        """``"dense"`` or ``"kpm"``."""

    def spectrum(
        self, vectors: NDArray[np.float64], grid: NDArray[np.float64], fwhm: float
    ) -> NDArray[np.float64]:
        """Of each vector, weight by frequency; shape (n_vectors, n_grid), the area is the square of its length."""

    def cross_spectrum(
        self, groups: NDArray[np.float64], grid: NDArray[np.float64], fwhm: float
    ) -> NDArray[np.float64]:
        """Of each group of vectors its matrix of spectra; shape (n_groups, n, n, n_grid)."""


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """All modes of a model.

    Attributes
    ----------
    frequencies
        cm⁻¹, rising, shape (3n,); imaginary ones negative.
    vectors
        Orthonormal, mass-weighted, one a column, shape (3n, 3n).
    """

    frequencies: NDArray[np.float64]
    vectors: NDArray[np.float64]
    name: str = "dense"

    def participation(self) -> NDArray[np.float64]:
        """Share of the atoms that take part in each mode, shape (3n,).

        (Σ e²)² / (n Σ e⁴), e² the share of an atom in the kinetic energy: 1 where all move alike, 1/n where one does.

        References
        ----------
        R. J. Bell, P. Dean, Discuss. Faraday Soc. 50 (1970) 55.
        """
        share = self.shares()
        return 1 / (len(share) * np.sum(share**2, axis=0))

    def shares(self) -> NDArray[np.float64]:
        """Share of each atom in the kinetic energy of each mode, shape (n, 3n)."""
        n = len(self.frequencies) // 3
        shares: NDArray[np.float64] = np.sum(self.vectors.reshape(n, 3, -1) ** 2, axis=1)
        return shares

    def broadened(
        self, weights: NDArray[np.float64], grid: NDArray[np.float64], fwhm: float
    ) -> NDArray[np.float64]:
        """Spectra of weights of the modes, shape (…, 3n), to shape (…, n_grid)."""
        rows = max(1, _KERNEL_POINTS // len(self.frequencies))
        parts = [
            weights @ gaussian_kernel(grid[start : start + rows], self.frequencies, fwhm).T
            for start in range(0, len(grid), rows)
        ]
        return np.concatenate(parts, axis=-1)

    def spectrum(
        self, vectors: NDArray[np.float64], grid: NDArray[np.float64], fwhm: float
    ) -> NDArray[np.float64]:
        """See :class:`Spectra`; `vectors` has the shape (3n, n_vectors)."""
        return self.broadened((vectors.T @ self.vectors) ** 2, grid, fwhm)

    def cross_spectrum(
        self, groups: NDArray[np.float64], grid: NDArray[np.float64], fwhm: float
    ) -> NDArray[np.float64]:
        """See :class:`Spectra`; `groups` has the shape (n_groups, 3n, n)."""
        overlaps = np.einsum("gxp,xm->gpm", groups, self.vectors, optimize=True)
        return self.broadened(overlaps[:, :, None] * overlaps[:, None], grid, fwhm)


def dense_modes(matrix: NDArray[np.floating]) -> Modes:
    """Diagonalise a dynamical matrix (eV/(Å² u)), which is overwritten; time grows with the cube of its size."""
    from scipy.linalg import eigh

    values, vectors = eigh(matrix, overwrite_a=True, check_finite=False, driver="evd")
    return Modes(wavenumber(values), vectors)


@dataclass(frozen=True, slots=True, eq=False)
class Chebyshev:
    """Spectra by the kernel polynomial method.

    Frequencies are ω² = b + a cos θ with the bounds of the spectrum at both ends; near its lower bound ω is
    proportional to the sine of θ'/2, so that a series of M moments resolves the same width at every low frequency. The
    Gaussian itself is what is expanded, not a delta function with a damping kernel: with enough moments the curve is
    that of :class:`Modes` to 1e-5 of its height.

    Attributes
    ----------
    matrix
        Dynamical matrix, eV/(Å² u), dense or sparse.
    low, high
        Bounds of its eigenvalues.
    lowest
        cm⁻¹; the lowest frequency that Lanczos steps came upon, negative if imaginary. There may be a lower one.
    progress
        Told how far a recursion is.

    References
    ----------
    A. Weiße, G. Wellein, A. Alvermann, H. Fehske, Rev. Mod. Phys. 78 (2006) 275, eqs. 14, 30 to 36.
    """

    matrix: NDArray[np.floating] | csr_array
    low: float
    high: float
    lowest: float
    progress: Progress = silent
    name: str = "kpm"

    def spectrum(
        self, vectors: NDArray[np.float64], grid: NDArray[np.float64], fwhm: float
    ) -> NDArray[np.float64]:
        """See :class:`Spectra`."""
        groups = np.asarray(vectors).T[:, :, None]
        return self.cross_spectrum(groups, grid, fwhm)[:, 0, 0]

    def cross_spectrum(
        self, groups: NDArray[np.float64], grid: NDArray[np.float64], fwhm: float
    ) -> NDArray[np.float64]:
        """See :class:`Spectra`."""
        moments = self._moments(groups, moments_for(fwhm, self.low, self.high))
        rows = max(1, _KERNEL_POINTS // (2 * moments.shape[-1]))
        parts = [
            moments @ self._coefficients(grid[start : start + rows], fwhm).T
            for start in range(0, len(grid), rows)
        ]
        return np.concatenate(parts, axis=-1)

    def _coefficients(self, grid: NDArray[np.float64], fwhm: float) -> NDArray[np.float64]:
        """Chebyshev coefficients of the kernel of every point of the grid, shape (n_grid, n_moments)."""
        from scipy.fft import dct

        n_moments = moments_for(fwhm, self.low, self.high)
        n_points = 2 * n_moments
        angle = math.pi * (np.arange(n_points) + 0.5) / n_points
        values = (self.high + self.low) / 2 + (self.high - self.low) / 2 * np.cos(angle)
        kernel = gaussian_kernel(grid, wavenumber(values), fwhm)
        if self.lowest > -UNSTABLE:
            below = values < 0
            kernel[:, below] = _continued(grid, wavenumber(-values[below]), fwhm)
        coefficients = dct(kernel, type=2, axis=1)[:, :n_moments] / n_points
        coefficients[:, 0] /= 2
        return coefficients

    def _moments(self, groups: NDArray[np.float64], n_moments: int) -> NDArray[np.float64]:
        """⟨v|T_n|w⟩ of the vectors of each group, shape (n_groups, n, n, n_moments): two for each product."""
        n_groups, size, n = groups.shape
        kind = self.matrix.dtype
        first = np.ascontiguousarray(np.moveaxis(groups, 1, 0).reshape(size, -1), dtype=kind)
        half, middle = (self.high - self.low) / 2, (self.high + self.low) / 2

        def apply(block: NDArray[np.floating]) -> NDArray[np.floating]:
            product: NDArray[np.floating] = (self.matrix @ block - kind.type(middle) * block) / kind.type(
                half
            )
            return product

        def overlaps(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
            shape = (size, n_groups, n)
            found: NDArray[np.float64] = (
                np.einsum(
                    "xgp,xgq->gpq", a.reshape(shape), b.reshape(shape), dtype=np.float64, optimize=False
                )
                if n > 1
                else np.einsum("xg,xg->g", a, b, dtype=np.float64)[:, None, None]
            )
            return found

        moments = np.zeros((n_moments + 2, n_groups, n, n))
        moments[0] = overlaps(first, first)
        before, now = first, apply(first)
        moments[1] = overlaps(first, now)
        for k in range(1, n_moments // 2 + 1):
            self.progress(2 * k / n_moments, "moments")
            moments[2 * k] = 2 * overlaps(now, now) - moments[0]
            if 2 * k + 1 >= n_moments:
                break
            before, now = now, 2 * apply(now) - before
            cross = overlaps(now, before)
            moments[2 * k + 1] = cross + np.swapaxes(cross, 1, 2) - moments[1]
        return np.moveaxis(moments[:n_moments], 0, -1)


def moments_for(fwhm: float, low: float, high: float) -> int:
    """Chebyshev moments that a width (cm⁻¹) needs between two bounds of the eigenvalues.

    The Gaussian is narrowest in the angle θ, σ/(dω/dθ) with dω/dθ at most half the span of ω; its series has fallen to
    exp(−TAIL²/2) after TAIL/σ_θ terms.

    Raises
    ------
    InputError
        If there are more than :data:`MOST_MOMENTS`.
    """
    steepest = math.sqrt(high - low) * ROOT_TO_CM / 2
    needed = math.ceil(TAIL * steepest / (fwhm * FWHM_TO_SIGMA)) + 1
    if needed > MOST_MOMENTS:
        least = fwhm * needed / MOST_MOMENTS
        raise InputError(
            f"resolution: {fwhm:g} cm⁻¹ needs {needed} moments; allowed: from {least:.2g} cm⁻¹ up, or --method dense"
        )
    return needed


def chebyshev(
    matrix: NDArray[np.floating] | csr_array, *, seed: int = 0, progress: Progress = silent
) -> Chebyshev:
    """Find the bounds of a dynamical matrix by Lanczos steps, and make ready for its moments.

    A bound is the extreme Ritz value and the residual of its vector beyond it; above, one per cent of the span more.

    References
    ----------
    Y. Zhou, R.-C. Li, Linear Algebra Appl. 435 (2011) 480: safe upper bounds from a few Lanczos steps.
    """
    from scipy.linalg import eigh_tridiagonal

    size = int(matrix.shape[0])
    rng = np.random.default_rng(seed)
    steps = min(LANCZOS_STEPS, size)
    basis = np.zeros((size, steps), dtype=matrix.dtype)
    vector = rng.standard_normal(size).astype(matrix.dtype)
    vector /= np.linalg.norm(vector)
    diagonal, beside = [], []
    for k in range(steps):
        progress(k / steps, "bounds")
        basis[:, k] = vector
        product = matrix @ vector
        diagonal.append(float(vector @ product))
        product -= basis[:, : k + 1] @ (basis[:, : k + 1].T @ product)
        product -= basis[:, : k + 1] @ (basis[:, : k + 1].T @ product)
        length = float(np.linalg.norm(product))
        beside.append(length)
        if length < 1e-6 * max(map(abs, diagonal)):
            break
        vector = product / matrix.dtype.type(length)
    values, vectors = eigh_tridiagonal(diagonal, beside[: len(diagonal) - 1])
    residual = beside[-1] * np.abs(vectors[-1])
    # Zero is always among the eigenvalues: three translations. Rounding puts it some 1e-7 of the span aside.
    low = min(values[0] - residual[0], 0.0) - ROUNDING * values[-1]
    high = values[-1] + residual[-1] + BOUND_MARGIN * (values[-1] - values[0])
    lowest = float(wavenumber(values[:1])[0])
    return Chebyshev(matrix, float(low), float(high), lowest, progress)
