"""Physical constants and conversions: CODATA values through :mod:`scipy.constants`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from scipy import constants

if TYPE_CHECKING:
    from ase import Atoms

__all__ = [
    "AMU_PER_A3_TO_G_PER_CM3",
    "BOLTZMANN_EV_K",
    "COULOMB_EV_A",
    "CU_K_ALPHA1",
    "EV_PER_A3_TO_GPA",
    "EV_TO_KJ_PER_MOL",
    "electron_interaction_constant",
    "electron_wavelength",
    "mass_density",
    "relativistic_factor",
]

AMU_PER_A3_TO_G_PER_CM3: Final = constants.atomic_mass * 1e3 / 1e-24
EV_PER_A3_TO_GPA: Final = constants.e / 1e-30 / 1e9
EV_TO_KJ_PER_MOL: Final = constants.e * constants.N_A / 1e3
BOLTZMANN_EV_K: Final = constants.k / constants.e
COULOMB_EV_A: Final = constants.e / (4 * math.pi * constants.epsilon_0) / 1e-10
"""e²/(4πε₀) in eV Å."""

CU_K_ALPHA1: Final = 1.5406
"""Å; the value Zhu et al. (Adv. Mater. 2024) give for their diffractometer."""


def mass_density(atoms: Atoms) -> float:
    """Density of a periodic model in g cm⁻³; NaN for a cluster, which fills no cell."""
    if not atoms.pbc.all():
        return math.nan
    return float(atoms.get_masses().sum() / atoms.cell.volume * AMU_PER_A3_TO_G_PER_CM3)


def electron_wavelength(energy_kev: float) -> float:
    """Relativistic de Broglie wavelength of an electron.

    Parameters
    ----------
    energy_kev
        Kinetic energy in keV.

    Returns
    -------
    float
        Wavelength in Å: h c / sqrt(E (E + 2 m c²)).

    References
    ----------
    E. J. Kirkland, Advanced Computing in Electron Microscopy, 2nd ed. (2010), eq. 2.5.
    """
    energy = energy_kev * 1e3 * constants.e
    rest = constants.m_e * constants.c**2
    return constants.h * constants.c / math.sqrt(energy * (energy + 2 * rest)) * 1e10


def relativistic_factor(energy_kev: float) -> float:
    """Lorentz factor γ = 1 + E/(m c²) of an electron of `energy_kev` keV."""
    return 1 + energy_kev * 1e3 * constants.e / (constants.m_e * constants.c**2)


def electron_interaction_constant(energy_kev: float) -> float:
    """Interaction constant σ = 2π γ m e λ / h² in rad V⁻¹ Å⁻¹ at `energy_kev` keV.

    References
    ----------
    E. J. Kirkland, Advanced Computing in Electron Microscopy, 2nd ed. (2010), eq. 5.6.
    """
    wavelength = electron_wavelength(energy_kev) * 1e-10
    mass = relativistic_factor(energy_kev) * constants.m_e
    return 2 * math.pi * mass * constants.e * wavelength / constants.h**2 * 1e-10
