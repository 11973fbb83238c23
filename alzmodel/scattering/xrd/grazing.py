"""A film under a beam at a small fixed angle: path through it, share of the beam on it, refraction at its surface."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.scattering.form_factors import photon_energy, wavelength_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["GrazingIncidence", "OpticalConstants", "optical_constants"]

_LOWEST_EXIT: Final = 0.5
"""Degrees; below this exit angle the surface itself decides, which is not modelled."""


@dataclass(frozen=True, slots=True)
class OpticalConstants:
    """Refractive index 1 − δ + iβ of a material.

    Attributes
    ----------
    attenuation
        Linear attenuation coefficient μ in 1/cm.
    delta
        δ; the critical angle is √(2δ).
    wavelength
        Å.
    """

    attenuation: float
    delta: float
    wavelength: float

    @property
    def beta(self) -> float:
        """μλ/4π."""
        return self.attenuation * self.wavelength * 1e-8 / (4 * math.pi)

    @property
    def critical_angle(self) -> float:
        """Degrees; below it an incident beam is reflected."""
        return math.degrees(math.sqrt(2 * self.delta))

    @property
    def attenuation_length(self) -> float:
        """1/μ in Å."""
        return 1e8 / self.attenuation


def optical_constants(
    fractions: Mapping[str, float], density: float, wavelength: float | str
) -> OpticalConstants:
    """Attenuation and refraction of a material.

    Parameters
    ----------
    fractions
        Atoms per element, in any unit.
    density
        g cm⁻³.
    wavelength
        Å or a named line.

    Raises
    ------
    InputError
        If the density is not between 0.01 and 30 g cm⁻³, or an element or wavelength is unknown.

    References
    ----------
    Attenuation: W. T. Elam, B. D. Ravel and J. R. Sieber, Radiat. Phys. Chem. 63 (2002) 121; δ: C. T. Chantler,
    J. Phys. Chem. Ref. Data 29 (2000) 597; both through xraydb.
    """
    import xraydb

    if not 0.01 <= density <= 30:
        raise InputError(f"density: {density:g} g/cm3; allowed: 0.01 to 30")
    length = wavelength_of(wavelength)
    energy = photon_energy(length)
    formula = "".join(f"{element}{number:.8f}" for element, number in fractions.items() if number > 0)
    try:
        attenuation = float(np.asarray(xraydb.material_mu(formula, energy, density=density)).item())
        delta = float(np.asarray(xraydb.xray_delta_beta(formula, density, energy)[0]).item())
    except (ValueError, KeyError, IndexError) as error:
        raise InputError(
            f"material: {formula}; allowed: elements with tabulated attenuation (Z = 1 to 92)"
        ) from error
    return OpticalConstants(attenuation, delta, length)


@dataclass(frozen=True, slots=True)
class GrazingIncidence:
    """Beam at a fixed angle α to a flat film, detector in the same plane at 2θ: the exit angle is 2θ − α.

    Attributes
    ----------
    angle
        α in degrees.
    optics
        Of the film.
    thickness
        Å; infinite for a film that takes up the whole beam.
    beam_height
        mm, of a beam of even brightness; 0 for one that lies wholly on the specimen.
    specimen_length
        mm along the beam.
    refraction
        Whether the beam is bent and weakened at the surface. Below two critical angles it should.
    """

    angle: float
    optics: OpticalConstants
    thickness: float = math.inf
    beam_height: float = 0.0
    specimen_length: float = math.inf
    refraction: bool = False

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("angle of incidence", self.angle, 0.01, 89.0),
            ("film thickness", self.thickness, 1.0, math.inf),
            ("beam height", self.beam_height, 0.0, 100.0),
            ("specimen length", self.specimen_length, 0.01, math.inf),
        ):
            if not low <= value <= high:
                raise InputError(f"{name}: {value:g}; allowed: {low:g} to {high:g}")

    @property
    def footprint(self) -> float:
        """Share of the beam that meets the specimen: it covers beam height/sin α, at most the specimen's length."""
        lit = self.specimen_length * math.sin(math.radians(self.angle))
        return 1.0 if self.beam_height <= lit else lit / self.beam_height

    @property
    def lowest_angle(self) -> float:
        """Degrees 2θ from which the beam leaves the surface steeply enough to be computed."""
        return self.angle + _LOWEST_EXIT

    def check(self, two_theta: FloatArray) -> None:
        """Refuse angles of the detector below or in the surface.

        Raises
        ------
        InputError
            If 2θ is not at least half a degree above the angle of incidence.
        """
        if two_theta.min() < self.lowest_angle:
            raise InputError(
                f"2θ from {two_theta.min():g}° at {self.angle:g}° incidence; allowed: from {self.lowest_angle:g}°, "
                "since the beam leaves along the surface below"
            )

    def factor(self, two_theta: FloatArray) -> FloatArray:
        """Intensity over that of an endlessly thick specimen in symmetric reflection, which needs no correction.

        Without refraction, with k = 1/sin α + 1/sin(2θ − α),

            (2μ/sin α) ∫₀ᵗ exp(−μ k z) dz = 2 (1 − exp(−μ k t))/(1 + sin α/sin(2θ − α)),

        times :attr:`footprint`. With refraction μ/sin of either angle is replaced by (4π/λ) Im s with
        s = √(sin² − 2δ + 2iβ), and both beams are weakened by Fresnel's |2 sin/(sin + s)|².

        Parameters
        ----------
        two_theta
            Degrees as the detector stands, shape (n,).

        Returns
        -------
        numpy.ndarray
            Shape (n,).

        References
        ----------
        T. R. S. Prasanna, arXiv:1612.01805, for the absorption of films in symmetric and grazing incidence. Roughness,
        reflection at the substrate and multiple scattering are left out.
        """
        self.check(two_theta)
        entry = math.sin(math.radians(self.angle))
        leave = np.sin(np.radians(two_theta - self.angle))
        mu = self.optics.attenuation * 1e-8
        if self.refraction:
            inner_entry, inner_leave = self._inside(np.array([entry])), self._inside(leave)
            rate = 4 * math.pi / self.optics.wavelength * (inner_entry.imag + inner_leave.imag)
            passed = np.abs(2 * entry / (entry + inner_entry)) ** 2
            passed = passed * np.abs(2 * leave / (leave + inner_leave)) ** 2
        else:
            rate, passed = mu * (1 / entry + 1 / leave), np.ones(1)
        depth = -np.expm1(-rate * self.thickness) / rate
        return np.asarray(self.footprint * passed * 2 * mu * depth / entry)

    def inner_angle(self, two_theta: FloatArray) -> FloatArray:
        """2θ of the scattering inside the film that the detector at 2θ sees, degrees, shape (n,).

        Without refraction 2θ itself. With it the part of Q along the surface is kept and the part across it is
        (2π/λ)(Re s + Re s′); lines stand higher on the detector by α − √(α² − 2δ) of the entry and a little of the
        exit. At α = 1° and the (222) line that is 0.059° for La2Zr2O7 and Cu Kα1.

        References
        ----------
        Snell's law; that lattice constants of films need this correction: R. Resel et al., J. Synchrotron Rad. 23
        (2016), issue 3.
        """
        self.check(two_theta)
        if not self.refraction:
            return two_theta
        alpha, exit_angle = math.radians(self.angle), np.radians(two_theta - self.angle)
        along = np.cos(exit_angle) - math.cos(alpha)
        across = self._inside(np.array([math.sin(alpha)])).real + self._inside(np.sin(exit_angle)).real
        return np.asarray(np.degrees(2 * np.arcsin(np.clip(np.hypot(along, across) / 2, 0, 1))))

    def _inside(self, sine: FloatArray) -> NDArray[np.complex128]:
        return np.sqrt(sine.astype(complex) ** 2 - 2 * self.optics.delta + 2j * self.optics.beta)
