"""What adds to a FEM pattern without speckle, and what smears it: inelastic scattering, by tables and formulas.

Scattering vectors are k = 1/d in nm⁻¹ without 2π, lengths Å, energies keV and losses eV.
"""

from __future__ import annotations

import csv
import functools
import math
from importlib import resources
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import constants

from alzmodel.errors import InputError
from alzmodel.scattering.form_factors import MOTT_BETHE, electron_factor
from alzmodel.units import AMU_PER_A3_TO_G_PER_CM3, electron_wavelength, relativistic_factor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "MEAN_LOSS",
    "PATH_ERROR",
    "SMALL_ANGLES",
    "circles_of_loss",
    "density_of",
    "incoherent_elements",
    "incoherent_function",
    "inelastic_intensity",
    "large_angle_losses",
    "loss_vector",
    "mean_free_path",
    "mean_free_path_malis",
    "mean_square_factor",
    "ring_kernel",
    "scaled_function",
]

FloatArray = NDArray[np.float64]

MEAN_LOSS: Final = 25.0
"""eV; loss of the volume plasmon of an oxide, and about the middle of the losses to small angles."""

PATH_ERROR: Final = 0.2
"""Relative error of a mean free path: spread of the 36 elements and oxides about the fit of Iakoubovskii et al. (2008),
and distance between that and Malis et al. (1988)."""

SMALL_ANGLES: Final = 1.0
"""nm⁻¹; up to here one loss is a plasmon or a transition of the valence band (2πk is 0.6 Å⁻¹, at about the cut-off of
plasmons) whose number comes from the mean free path; beyond, the electrons of free atoms scatter one by one."""

_DETECTED: Final = 20.0
"""mrad; an electron scattered up to here is on the detector. Malis's formula knows a collection angle."""

_K_LAST: Final = 100.0
"""nm⁻¹; losses to larger angles are not counted: some 0.1 % of them."""

_QUANTILES: Final = 64
_TURNS: Final = 48


@functools.cache
def _table() -> tuple[FloatArray, dict[str, FloatArray]]:
    file = resources.files("alzmodel.scattering.fem").joinpath("incoherent_hubbell_1975.csv")
    rows = list(csv.reader(line for line in file.read_text("utf-8").splitlines() if not line.startswith("#")))
    return (
        np.array(rows[0][1:], dtype=np.float64),
        {row[0]: np.array(row[1:], dtype=np.float64) for row in rows[1:]},
    )


_BEYOND: Final = {"Es": 99, "Fm": 100, "Md": 101, "No": 102, "Lr": 103}
"""Elements without a table: that of Cf (98) is scaled, S/Z being one function of x/Z^(2/3) in the model of Thomas and
Fermi. From Cm to Cf, two elements apart, that is right to 4 %."""


def incoherent_elements() -> tuple[str, ...]:
    """Elements with an incoherent scattering function, H to Lr."""
    return (*_table()[1], *_BEYOND)


def scaled_function(element: str, number: int, wanted: int, k: ArrayLike) -> FloatArray:
    """S_inc of the element of atomic number `wanted`, from that of another by the scaling of Thomas and Fermi."""
    ratio = wanted / number
    return ratio * incoherent_function(element, np.asarray(k, dtype=np.float64) / ratio ** (2 / 3))


def incoherent_function(element: str, k: ArrayLike) -> FloatArray:
    """Incoherent scattering function S_inc of a free atom: how many of its electrons recoil.

    Parameters
    ----------
    element
        Chemical symbol, H to Lr; those beyond Cf by :func:`scaled_function`.
    k
        1/d in nm⁻¹, any shape, from 0 to 120.

    Returns
    -------
    numpy.ndarray
        In electrons, of the shape of `k`: 0 at k = 0, the atomic number at large k. Interpolated in the logarithms
        (0.5 % of the tabulated values between the points).

    Raises
    ------
    InputError
        If the element is not tabulated, or k out of range.

    References
    ----------
    J. H. Hubbell et al., J. Phys. Chem. Ref. Data 4 (1975) 471, by way of xraylib.
    """
    if element in _BEYOND:
        return scaled_function("Cf", 98, _BEYOND[element], k)
    x, functions = _table()
    if element not in functions:
        raise InputError(f"incoherent scatterer: {element}; allowed: elements from H to Lr")
    # The table goes by sin θ/λ = k/2 in Å⁻¹.
    wanted = 0.05 * np.asarray(k, dtype=np.float64)
    if not np.isfinite(wanted).all() or (
        wanted.size and (wanted.min() < 0 or wanted.max() > x[-1] * (1 + 1e-12))
    ):
        raise InputError(f"k of incoherent scattering: allowed: 0 to {20 * x[-1]:g} nm⁻¹")
    low = wanted < x[1]
    inside = np.exp(
        np.interp(np.log(np.where(low, x[1], wanted)), np.log(x[1:]), np.log(functions[element][1:]))
    )
    # S_inc rises as k² from zero.
    found: FloatArray = np.where(low, functions[element][1] * np.square(wanted / x[1]), inside)
    return found


def loss_vector(energy_kev: float, loss: float = MEAN_LOSS) -> float:
    """Smallest momentum k_E that a loss takes, nm⁻¹: E/(γ m v²) over the wavelength; 0.029 for 25 eV at 200 keV.

    References
    ----------
    R. F. Egerton, Electron Energy-Loss Spectroscopy in the Electron Microscope, 3rd ed. (2011), eq. 3.28.
    """
    rest = constants.m_e * constants.c**2 / constants.e / 1e3
    gamma = relativistic_factor(energy_kev)
    twice = rest * (gamma - 1 / gamma)
    return 10 * 1e-3 * loss / twice / electron_wavelength(energy_kev)


def inelastic_intensity(
    areal: Mapping[str, float], k: FloatArray, energy_kev: float, loss: float = MEAN_LOSS
) -> FloatArray:
    """Intensity i₁ of electrons that lost energy once, in the unit of the elastic intensity.

    i₁(k) = C² Σ_j n_j S_inc,j(k)/[k² (k² + k_E²)] with C the Mott-Bethe constant: the first Born approximation, where
    f_e = C (Z − f_x)/k² is replaced by what the electrons do one by one.

    Parameters
    ----------
    areal
        Atoms per Å² by element.
    k
        nm⁻¹, above zero.
    energy_kev, loss
        keV, eV.

    Returns
    -------
    numpy.ndarray
        Å² per Å², without the relativistic factor, of the shape of `k`.

    References
    ----------
    Egerton (2011), eqs. 3.1 and 3.15; F. Lenz, Z. Naturforsch. 9a (1954) 185.
    """
    k_e = loss_vector(energy_kev, loss)
    electrons = np.zeros_like(k)
    for element, number in areal.items():
        electrons += number * incoherent_function(element, k)
    # 1/Å⁴ of k in nm⁻¹.
    return MOTT_BETHE**2 * electrons * 1e4 / (np.square(k) * (np.square(k) + k_e**2))


def mean_square_factor(areal: Mapping[str, float], k: FloatArray) -> FloatArray:
    """Σ_j n_j f_j² in Å² per Å²: the intensity of the same atoms without any order (`k` in nm⁻¹)."""
    total = np.zeros_like(k)
    for element, number in areal.items():
        total += number * np.square(electron_factor(element, 0.1 * k))
    return total


def mean_free_path(density: float, energy_kev: float) -> float:
    """Mean free path of inelastic scattering in Å, from the density in g/cm³; right to :data:`PATH_ERROR`.

    1/λ = 11 ρ^0.3/(200 F E) · 2 ln(θ_C/θ_E), F = (1 + E/1022)/(1 + E/511)², θ_E = 5.5 ρ^0.3/(F E) mrad and
    θ_C = 20 mrad, lengths in nm, for all angles.

    Raises
    ------
    InputError
        If the density is not above zero.

    References
    ----------
    K. Iakoubovskii, K. Mitsuishi, Y. Nakayama and K. Furuya, Microsc. Res. Tech. 71 (2008) 626, eq. 3;
    Phys. Rev. B 77 (2008) 104102.
    """
    if not (math.isfinite(density) and density > 0):
        raise InputError(f"density: {density:g} g/cm³; allowed: above zero")
    scale = _slowed(energy_kev) * energy_kev
    theta = 5.5 * density**0.3 / scale
    return 10 * 200 * scale / (11 * density**0.3 * 2 * math.log(20.0 / theta))


def mean_free_path_malis(fractions: Mapping[str, float], energy_kev: float) -> float:
    """Mean free path of inelastic scattering in Å, from the mean atomic number.

    λ = 106 F (E/E_m)/ln(2βE/E_m) nm, E_m = 7.6 Z^0.36 eV, for a collection angle β of 20 mrad. For compounds
    Z = Σ c Z^1.3/Σ c Z^0.3 (Egerton 2011, eq. 5.4).

    Parameters
    ----------
    fractions
        Share of each element among the atoms, up to a factor.
    energy_kev
        keV.

    References
    ----------
    T. Malis, S. C. Cheng and R. F. Egerton, J. Electron Microsc. Tech. 8 (1988) 193.
    """
    from ase.data import atomic_numbers

    numbers = np.array([float(atomic_numbers[element]) for element in fractions])
    shares = np.array(list(fractions.values()))
    mean = float(shares @ numbers**1.3 / (shares @ numbers**0.3))
    ratio = energy_kev / (7.6 * mean**0.36)
    return 10 * 106 * _slowed(energy_kev) * ratio / math.log(2 * _DETECTED * ratio)


def _slowed(energy_kev: float) -> float:
    """Relativistic factor F of both formulas: m v²/2 over the energy."""
    return (1 + energy_kev / 1022) / (1 + energy_kev / 511) ** 2


def density_of(per_volume: Mapping[str, float]) -> float:
    """g/cm³ of atoms per Å³ by element."""
    from ase.data import atomic_masses, atomic_numbers

    mass = math.fsum(number * float(atomic_masses[atomic_numbers[e]]) for e, number in per_volume.items())
    return mass * AMU_PER_A3_TO_G_PER_CM3


def large_angle_losses(areal: Mapping[str, float], energy_kev: float) -> tuple[float, FloatArray]:
    """Mean number of losses beyond :data:`SMALL_ANGLES`, and the k in nm⁻¹ that as many of them go to each.

    The number is (γλ)² ∫ i₁ d²k; the vectors are quantiles of that distribution, shape (n,).
    """
    k = np.geomspace(SMALL_ANGLES, _K_LAST, 600)
    density = 2 * math.pi * k * inelastic_intensity(areal, k, energy_kev)
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(k)
    cumulated = np.concatenate([[0.0], np.cumsum(steps)])
    wave = relativistic_factor(energy_kev) * electron_wavelength(energy_kev)
    # Per Å⁻² of k.
    number = 1e-2 * wave**2 * float(cumulated[-1])
    return number, np.interp(_middles() * cumulated[-1], cumulated, k)


def circles_of_loss(k_e: float, k_c: float = SMALL_ANGLES) -> FloatArray:
    """Radii in nm⁻¹, each of which as many losses to small angles go to: 1/(k² + k_E²) up to k_C, shape (n,)."""
    return np.asarray(k_e * np.sqrt(np.expm1(_middles() * math.log1p((k_c / k_e) ** 2))), dtype=np.float64)


def _middles() -> FloatArray:
    return (np.arange(_QUANTILES) + 0.5) / _QUANTILES


def ring_kernel(k: FloatArray, circles: Sequence[float] | FloatArray) -> FloatArray:
    """Matrix that smears ring means by scattering into circles around every direction.

    A smear that is the same in all directions commutes with the mean around a ring, so that it acts on ring means of
    any pattern, speckle and all: I'(k) = ⟨I(|k + s|)⟩ over circles s and their azimuths.

    Parameters
    ----------
    k
        Ring centres, nm⁻¹, evenly spaced, shape (k,), at least four.
    circles
        Radii s in nm⁻¹, all with the same weight, shape (n,).

    Returns
    -------
    numpy.ndarray
        Shape (k, k); each row adds up to one. Between rings the pattern is a cubic through four of them; beyond the
        first and the last it goes on as a constant, which touches rings nearer to the ends than the radii.

    Raises
    ------
    InputError
        If there are fewer than four rings, or they are not evenly spaced.
    """
    step = float(k[1] - k[0]) if len(k) > 1 else 0.0
    if len(k) < 4 or np.abs(np.diff(k) - step).max() > 1e-6 * step:
        raise InputError(f"rings of an inelastic kernel: {len(k)}; allowed: at least four, evenly spaced")
    turns = np.pi * (np.arange(_TURNS) + 0.5) / _TURNS
    s = np.asarray(circles, dtype=np.float64)[:, None]
    size = len(k)
    kernel = np.empty((size, size))
    for n, centre in enumerate(k):
        radius = np.sqrt(centre**2 + s**2 + 2 * centre * s * np.cos(turns)).ravel()
        at = np.clip((radius - k[0]) / step, 0.0, size - 1.0)
        first = np.clip(np.floor(at).astype(np.int64) - 1, 0, size - 4)
        x = at - first
        # Lagrange polynomials on 0, 1, 2, 3.
        weights = np.stack(
            [
                -(x - 1) * (x - 2) * (x - 3) / 6,
                x * (x - 2) * (x - 3) / 2,
                -x * (x - 1) * (x - 3) / 2,
                x * (x - 1) * (x - 2) / 6,
            ]
        )
        kernel[n] = np.bincount((first + np.arange(4)[:, None]).ravel(), weights.ravel(), size)
    return kernel / (s.size * turns.size)
