"""The electron probe and the rings of a FEM experiment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import InputError
from alzmodel.scattering.fem.waves import Plane, probe_plane
from alzmodel.units import electron_wavelength

__all__ = ["AIRY_FWHM", "MIN_WIDTH_IN_PROBES", "WALKED_OFF", "FEMSettings", "semi_angle_of"]

FloatArray = NDArray[np.float64]

AIRY_FWHM: Final = 0.5145
"""FWHM of the intensity of an Airy pattern times semi-angle over wavelength: [2 J₁(v)/v]² = ½ at v = 1.6163, and
2 v/(2π) = 0.5145."""

_SEMI_ANGLES: Final = (0.02, 10.0)
"""mrad, of apertures."""
WALKED_OFF: Final = 60.0
"""Å; thicker columns are looked at in slabs, as the beams of the probe walk off sideways."""

MIN_WIDTH_IN_PROBES: Final = 4.7
"""Smallest width of a column in probe FWHMs: the tails of the periodic copies of the probe then carry less than a
percent. 12 nm for half a milliradian at 200 keV."""


@dataclass(frozen=True, slots=True)
class FEMSettings:
    """The instrument and the rings.

    Parameters
    ----------
    energy_kev
        Electron energy, keV.
    semi_angle_mrad
        Convergence semi-angle of the probe, mrad: a sharp aperture of radius α/λ.
    defocus
        Å; 0 is a probe in focus at the middle of the column.
    source_fwhm
        FWHM of a Gaussian effective source in the plane of the column, Å; 0 is full spatial coherence.
    k_min, k_max, k_step
        Centres of the first and last ring and their distance, nm⁻¹.
    ring_width
        Radial width of every ring, nm⁻¹. V depends on it: wider rings average more speckles.
    curved
        Whether the Ewald sphere is curved. A flat one is wrong by a factor 1.2 in V at 5 nm and 1.6 at 10 nm; it is
        there for comparison.
    tolerance
        Relative error of the diffracted waves, 1e-14 to 1e-2.

    Raises
    ------
    InputError
        If a value is not finite or out of range.
    """

    energy_kev: float = 200.0
    semi_angle_mrad: float = 0.51
    defocus: float = 0.0
    source_fwhm: float = 0.0
    k_min: float = 1.5
    k_max: float = 8.0
    k_step: float = 0.05
    ring_width: float = 0.1
    curved: bool = True
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        ranges = {
            "energy_kev": (20.0, 1500.0, "keV"),
            "semi_angle_mrad": (*_SEMI_ANGLES, "mrad"),
            "defocus": (-1e6, 1e6, "Å"),
            "source_fwhm": (0.0, 1e3, "Å"),
            "k_min": (0.2, 20.0, "nm⁻¹"),
            "k_max": (0.2, 20.0, "nm⁻¹"),
            "k_step": (1e-3, 5.0, "nm⁻¹"),
            "ring_width": (1e-3, 5.0, "nm⁻¹"),
            "tolerance": (1e-14, 1e-2, ""),
        }
        for name, (low, high, unit) in ranges.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(f"FEM {name}: {value}; allowed: {low:g} to {high:g} {unit}".rstrip())
        if self.k_max < self.k_min:
            raise InputError(f"FEM k_max: {self.k_max}; allowed: at least k_min = {self.k_min:g} nm⁻¹")
        if self.k_min - 0.5 * self.ring_width < 10 * self.aperture:
            raise InputError(
                f"FEM k_min: {self.k_min:g}; allowed: above {10 * self.aperture + 0.5 * self.ring_width:.2f} nm⁻¹, "
                "the direct beam and half a ring"
            )

    @property
    def wavelength(self) -> float:
        """Å."""
        return electron_wavelength(self.energy_kev)

    @property
    def aperture(self) -> float:
        """Radius of the aperture α/λ in Å⁻¹."""
        return self.semi_angle_mrad * 1e-3 / self.wavelength

    @property
    def probe_fwhm(self) -> float:
        """FWHM of the coherent probe in focus (Airy pattern), Å."""
        return AIRY_FWHM / self.aperture

    @property
    def min_width(self) -> float:
        """Narrowest column that holds the probe, Å."""
        return MIN_WIDTH_IN_PROBES * self.probe_fwhm

    @property
    def k(self) -> FloatArray:
        """Ring centres, nm⁻¹."""
        count = math.floor((self.k_max - self.k_min) / self.k_step + 1e-9) + 1
        return np.asarray(self.k_min + self.k_step * np.arange(count), dtype=np.float64)

    def plane(self, cell: tuple[tuple[float, float], tuple[float, float]], name: str = "column") -> Plane:
        """Beams, pixels and rings for an in-plane cell (rows, Å).

        Raises
        ------
        InputError
            If the cell is narrower than `min_width`.
        """
        vectors = np.array(cell)
        heights = abs(np.linalg.det(vectors)) / np.linalg.norm(vectors, axis=1)
        if heights.min() < self.min_width:
            raise InputError(
                f"{name}: {heights.min():.1f} Å wide; allowed: at least {self.min_width:.0f} Å, {MIN_WIDTH_IN_PROBES} "
                f"times the {self.probe_fwhm:.1f} Å probe (a glass column is made from a smaller model)"
            )
        return probe_plane(
            cell,
            self.aperture,
            math.pi * self.wavelength * self.defocus,
            self.source_fwhm / math.sqrt(8 * math.log(2)),
            tuple((0.1 * self.k).tolist()),
            0.1 * self.ring_width,
        )


def semi_angle_of(probe_fwhm: float, energy_kev: float) -> float:
    """Convergence semi-angle in mrad whose probe in focus is `probe_fwhm` Å wide (Airy pattern).

    Raises
    ------
    InputError
        If no aperture of :class:`FEMSettings` makes such a probe.
    """
    product = 1e3 * AIRY_FWHM * electron_wavelength(energy_kev)
    widest, narrowest = (product / angle for angle in _SEMI_ANGLES)
    if not narrowest <= probe_fwhm <= widest:
        raise InputError(
            f"FEM probe: {probe_fwhm:g} Å wide; allowed: {narrowest:.2g} to {widest:.3g} Å at {energy_kev:g} keV"
        )
    return product / probe_fwhm
