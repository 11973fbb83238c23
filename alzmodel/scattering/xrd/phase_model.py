"""The pattern of one crystalline phase as a quick function of its cell and crystallite size, for fits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.scattering.form_factors import spectrum_of
from alzmodel.scattering.phase_sums import phase_sums
from alzmodel.scattering.xrd.corrections import Resolution, polarization_factor, resolution_width
from alzmodel.scattering.xrd.crystal import squared_structure_factors
from alzmodel.scattering.xrd.routes import (
    Displacement,
    atomic_fractions,
    damped_factor,
    displacements,
    momentum,
    thermal_diffuse,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ase import Atoms
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["CrystalModel", "crystal_model"]

_STEP: Final = 0.2
"""Å between the distances that are summed: images of a line lie 2π/0.2 = 31 Å⁻¹ away, where its tail is below 1e-5."""
_MARGIN: Final = 1.0
"""Å⁻¹ beyond the range, up to which reflections reach into it with their tails."""
_GAUSSIAN_END: Final = 6.0
_EQUAL_LENGTHS: Final = 1e-4


@dataclass(frozen=True, slots=True)
class CrystalModel:
    """Reflections of a crystal, ready to be drawn for any cell and size.

    Attributes
    ----------
    lengths
        Lengths of the published cell in Å.
    tied
        Index of the first cell edge of the same length, for each edge: equal edges stay equal.
    atom_mass
        Mean mass of an atom in u.
    two_theta
        Degrees at which the scattering happens, shape (n,).
    """

    lengths: tuple[float, float, float]
    tied: tuple[int, int, int]
    atom_mass: float
    two_theta: FloatArray
    _angles: FloatArray
    _n_atoms: int
    _hkl: tuple[FloatArray, ...]
    _strength: tuple[FloatArray, ...]
    _own: tuple[FloatArray, ...]
    _diffuse: FloatArray
    _lines: tuple[tuple[float, float], ...]
    _fwhm: Resolution | None
    _polarization: FloatArray

    def pattern(self, lengths: tuple[float, float, float], diameter: float) -> FloatArray:
        """Intensity per atom of spheres cut anywhere from the crystal, in electron units.

        I(Q) = 4π/(n V Q) Σ_G |F_G|²/G ∫₀ᴰ γ(r/D) sin(Gr) sin(Qr) exp(−σ_G² r²/2) dr

        with γ = 1 − 3x/2 + x³/2 and σ_G the instrument's width in Q at the line: the Debye sum over all pairs of the
        sphere, but that |F|² is carried from G to Q by the mean square of the scattering factors and reflections more
        than 1 Å⁻¹ above the range are left out (1e-3 of the peak at 80 Å, 5e-3 at 30 Å), and that the scattering about
        Q = 0 is left out, which in a dense film is not that of a sphere in empty space.

        Parameters
        ----------
        lengths
            Of the cell in Å; the angles stay.
        diameter
            D in Å; infinite where the instrument has a width.

        Returns
        -------
        numpy.ndarray
            Shape of `two_theta`.

        References
        ----------
        A. Guinier, X-ray Diffraction in Crystals, Imperfect Crystals, and Amorphous Bodies (1963), sec. 5.2.
        """
        total = np.zeros_like(self.two_theta)
        for number, (line, weight) in enumerate(self._lines):
            waves, scale = self._waves(number, lengths, diameter)
            sums = phase_sums(waves.sum(axis=1), momentum(self.two_theta, line), _STEP).imag
            total += weight * scale * sums
        return np.asarray((total + self._diffuse) * self._polarization)

    def lines(
        self, lengths: tuple[float, float, float], diameter: float
    ) -> tuple[FloatArray, NDArray[np.float64]]:
        """Every line by itself, at the first wavelength alone: spacings d in Å (m,), intensities (m, n).

        They add up to :meth:`pattern` without its diffuse part.
        """
        waves, scale = self._waves(0, lengths, diameter)
        curves = phase_sums(
            np.ascontiguousarray(waves.T), momentum(self.two_theta, self._lines[0][0]), _STEP
        ).imag
        d = 2 * np.pi / np.linalg.norm(self._hkl[0] @ self._reciprocal(lengths), axis=1)
        return d, np.asarray(curves * scale * self._polarization)

    def _reciprocal(self, lengths: tuple[float, float, float]) -> FloatArray:
        from ase.cell import Cell

        return np.asarray(2 * np.pi * np.linalg.inv(Cell.new([*lengths, *self._angles]).array).T)

    def _waves(
        self, number: int, lengths: tuple[float, float, float], diameter: float
    ) -> tuple[FloatArray, FloatArray]:
        """Integrand at the distances for each line, shape (r, m), and the factor of its transform, shape (n,)."""
        line = self._lines[number][0]
        reciprocal = self._reciprocal(lengths)
        G = np.linalg.norm(self._hkl[number] @ reciprocal, axis=1)
        sigma = self._sigma(G, line)
        end = min(diameter, _GAUSSIAN_END / float(sigma.min()) if sigma.all() else math.inf)
        r = (np.arange(math.ceil(end / _STEP)) + 0.5) * _STEP
        x = np.minimum(r / diameter, 1.0)
        waves = np.sin(np.outer(r, G)) * (1 - 1.5 * x + 0.5 * x**3)[:, None] * (self._strength[number] / G)
        if sigma.any():
            waves *= np.exp(-0.5 * np.square(np.outer(r, sigma)))
        volume = (2 * np.pi) ** 3 / abs(float(np.linalg.det(reciprocal)))
        Q = momentum(self.two_theta, line)
        scale = self._own[number] * 4 * np.pi * _STEP / (self._n_atoms * volume * Q)
        return waves, np.asarray(scale)

    def _sigma(self, G: FloatArray, line: float) -> FloatArray:
        """Return the instrument's standard deviation in Q at each line; 0 without instrument."""
        if self._fwhm is None:
            return np.zeros_like(G)
        sine = np.clip(G * line / (4 * np.pi), 0, 0.999)
        theta = np.arcsin(sine)
        width = np.radians(resolution_width(np.degrees(2 * theta), self._fwhm))
        return np.asarray(width * 2 * np.pi / line * np.cos(theta) / math.sqrt(8 * math.log(2)))


def crystal_model(
    unit: Atoms,
    two_theta: FloatArray,
    *,
    wavelength: float | str,
    fwhm: Resolution | None = None,
    b_iso: Displacement = 0.0,
    polarization: str | float = "unpolarized",
) -> CrystalModel:
    """Reflections of a crystal over a range of angles.

    Parameters
    ----------
    unit
        Periodic unit cell.
    two_theta
        Degrees, rising, shape (n,).
    wavelength, fwhm, b_iso, polarization
        As in :func:`alzmodel.scattering.xrd.pattern.powder_pattern`.

    Raises
    ------
    InputError
        If an argument is unusable or the cell too large for a list of reflections.
    """
    lines = spectrum_of(wavelength)
    displacement = displacements(b_iso, unit)
    fractions = atomic_fractions(unit)
    lengths = tuple(float(length) for length in unit.cell.lengths())
    tied = tuple(
        next(j for j in range(3) if abs(lengths[j] / lengths[i] - 1) < _EQUAL_LENGTHS) for i in range(3)
    )
    hkl, strength, own = [], [], []
    diffuse = np.zeros_like(two_theta)
    for line, weight in lines:
        factor = damped_factor(line, displacement)
        Q = momentum(two_theta, line)

        low, high = max(float(Q[0]) - _MARGIN, 0.3), float(Q[-1]) + _MARGIN
        vectors, G, squared = squared_structure_factors(unit, (low, high), factor)
        merged, sums = _merge(vectors, squared / _mean_square(G, factor, fractions), unit, tied)
        hkl.append(merged)
        strength.append(sums)
        own.append(_mean_square(Q, factor, fractions))
        diffuse += weight * thermal_diffuse(Q, line, fractions, displacement)
    return CrystalModel(
        lengths=(lengths[0], lengths[1], lengths[2]),
        tied=(tied[0], tied[1], tied[2]),
        atom_mass=float(np.mean(unit.get_masses())),
        two_theta=two_theta,
        _angles=np.asarray(unit.cell.angles()),
        _n_atoms=len(unit),
        _hkl=tuple(hkl),
        _strength=tuple(strength),
        _own=tuple(own),
        _diffuse=diffuse,
        _lines=lines,
        _fwhm=fwhm,
        _polarization=polarization_factor(two_theta, polarization),
    )


def _mean_square(
    Q: FloatArray,
    factor: Callable[[str, FloatArray], NDArray[np.complex128]],
    fractions: Mapping[str, float],
) -> FloatArray:
    return np.asarray(sum(c * np.abs(factor(element, Q)) ** 2 for element, c in fractions.items()))


def _merge(
    hkl: NDArray[np.int64], strength: FloatArray, unit: Atoms, tied: tuple[int, ...]
) -> tuple[FloatArray, FloatArray]:
    """Add up reflections that keep one spacing however the free edges of the cell change; drop absent ones."""
    from ase.cell import Cell

    keys = []
    for change in ((1.0, 1.0, 1.0), (1.011, 1.023, 1.037)):
        edges = unit.cell.lengths() * [change[i] for i in tied]
        reciprocal = np.linalg.inv(Cell.new([*edges, *unit.cell.angles()]).array).T
        keys.append(np.round(np.linalg.norm(hkl @ reciprocal, axis=1), 7))
    _, first, group = np.unique(np.stack(keys, axis=1), axis=0, return_index=True, return_inverse=True)
    sums = np.bincount(group.ravel(), weights=strength)
    present = sums > 1e-7 * sums.max()
    return hkl[first][present].astype(float), sums[present]
