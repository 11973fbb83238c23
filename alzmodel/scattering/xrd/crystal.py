"""Bragg reflections of a crystal: positions, families of planes, structure factors and their powder intensity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.sanity import amounts_of, shares_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["Reflection", "bragg_angle", "hkl_text", "powder_reflections", "squared_structure_factors"]

_ROUNDING: Final = 1e-12
_SAME_D: Final = 1e-6
_MAX_VECTORS: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class Reflection:
    """All reflections of one plane spacing.

    Attributes
    ----------
    hkl
        Of the strongest family of planes at this spacing, in the axes of the cell; the representative with the
        largest indices in order h, k, l.
    d
        Å.
    two_theta
        Degrees at the wavelength asked for; NaN where the wavelength cannot reach it.
    multiplicity
        Number of reciprocal lattice vectors with this spacing and a structure factor above zero.
    strength
        Σ |F|² over all of them, in the square of the units of the scattering factors.
    intensity
        Powder intensity relative to the strongest of the list (1): strength with the Lorentz and polarisation
        factors (1 + cos² 2θ)/(sin² θ cos θ).
    """

    hkl: tuple[int, int, int]
    d: float
    two_theta: float
    multiplicity: int
    strength: float
    intensity: float


def bragg_angle(d: float, wavelength: float) -> float:
    """2θ in degrees of planes `d` Å apart at `wavelength` Å; NaN beyond backscattering."""
    sine = wavelength / (2 * d)
    return math.degrees(2 * math.asin(sine)) if sine <= 1 else math.nan


def hkl_text(hkl: tuple[int, int, int]) -> str:
    """Miller indices as a label: "222", or with spaces and signs where digits alone would be ambiguous."""
    if all(0 <= index <= 9 for index in hkl):
        return "".join(str(index) for index in hkl)
    return " ".join(str(index) for index in hkl)


def powder_reflections(
    atoms: Atoms,
    wavelength: float,
    q_range: tuple[float, float],
    factor: Callable[[str, FloatArray], NDArray[np.complex128]],
    *,
    threshold: float = 1e-6,
) -> list[Reflection]:
    """Reflections of a periodic cell with 2π/d in a range.

    Parameters
    ----------
    atoms
        Periodic in three directions.
    wavelength
        Å.
    q_range
        Lowest and highest 2π/d in Å⁻¹.
    factor
        Scattering factor of an element at given Q, complex, with its displacement factor.
    threshold
        Reflections with less than this share of the strongest Σ|F|² are absent, and those that rounding alone makes:
        an amplitude below 1e-6 of all atoms in phase.

    Returns
    -------
    list of Reflection
        By falling d.

    Raises
    ------
    InputError
        If the model is not periodic in three directions, or the cell is so large that the list would be endless.
    """
    hkl, Q, squared = squared_structure_factors(atoms, q_range, factor)
    if len(hkl) == 0:
        return []
    order = np.argsort(Q, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(Q[order]) > _SAME_D * Q[order][1:]) + 1)
    total = [float(squared[group].sum()) for group in groups]
    in_phase = (
        np.asarray(sum(n * np.abs(factor(element, Q)) for element, n in amounts_of(atoms).items())) ** 2
    )
    reflections = []
    for group, strength in zip(groups, total, strict=True):
        if strength < max(threshold * max(total), _ROUNDING * float(in_phase[group].sum())):
            continue
        d = 2 * math.pi / float(Q[group].mean())
        present = group[squared[group] > 1e-9 * squared[group].max()]
        reflections.append((_representative(hkl[group], squared[group]), d, len(present), strength))
    angles = [bragg_angle(d, wavelength) for _, d, _, _ in reflections]
    powder = [
        strength * _lorentz_polarisation(angle)
        for (_, _, _, strength), angle in zip(reflections, angles, strict=True)
    ]
    strongest = max((value for value in powder if math.isfinite(value)), default=1.0)
    return [
        Reflection(label, d, angle, multiplicity, strength, value / strongest)
        for (label, d, multiplicity, strength), angle, value in zip(reflections, angles, powder, strict=True)
    ]


def squared_structure_factors(
    atoms: Atoms, q_range: tuple[float, float], factor: Callable[[str, FloatArray], NDArray[np.complex128]]
) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Every reciprocal lattice vector with 2π/d in a range: hkl (n, 3), 2π/d in Å⁻¹ (n,) and |F|² (n,).

    A site that is held in part scatters with the average factor of what holds it.
    Arguments and errors as :func:`powder_reflections`.
    """
    if not atoms.pbc.all():
        raise InputError(
            "reflections: the model is not periodic in three directions; allowed: a crystal's unit cell"
        )
    import finufft

    hkl, Q = _vectors(atoms, q_range)
    if len(hkl) == 0:
        return hkl, Q, Q
    symbols = np.asarray(atoms.get_chemical_symbols())
    shares = shares_of(atoms).astype(complex)
    x, y, z = np.ascontiguousarray(2 * np.pi * (atoms.get_scaled_positions() % 1.0).T)
    half = np.abs(hkl).max(axis=0)
    modes = tuple(int(2 * n + 1) for n in half)
    place = tuple((hkl + half).T)
    amplitude = np.zeros(len(hkl), dtype=complex)
    # Friedel partners differ under dispersion; both are in the list.
    for element in sorted(set(symbols.tolist())):
        mine = symbols == element
        held = np.ascontiguousarray(shares[mine])
        sums = finufft.nufft3d1(x[mine], y[mine], z[mine], held, modes, eps=1e-13, isign=1, nthreads=1)
        amplitude += factor(element, Q) * sums[place]
    return hkl, Q, np.abs(amplitude) ** 2


def _lorentz_polarisation(two_theta: float) -> float:
    theta = math.radians(two_theta) / 2
    return (1 + math.cos(2 * theta) ** 2) / (math.sin(theta) ** 2 * math.cos(theta))


def _vectors(atoms: Atoms, q_range: tuple[float, float]) -> tuple[NDArray[np.int64], FloatArray]:
    reciprocal = 2 * np.pi * np.linalg.inv(atoms.cell.array).T
    # |h| = |a·G|/2π cannot exceed |a| Q/2π.
    limits = np.floor(atoms.cell.lengths() * q_range[1] / (2 * np.pi)).astype(int)
    number = math.prod(int(2 * limit + 1) for limit in limits)
    if number > _MAX_VECTORS:
        raise InputError(
            f"reflections: a cell of {len(atoms)} atoms and {atoms.cell.volume:.0f} Å³; allowed: a unit cell"
        )
    axes = [np.arange(-limit, limit + 1) for limit in limits]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    Q = np.linalg.norm(hkl @ reciprocal, axis=1)
    keep = (q_range[0] <= Q) & (q_range[1] >= Q) & (Q > 0)
    return hkl[keep], Q[keep]


def _representative(hkl: NDArray[np.int64], squared: FloatArray) -> tuple[int, int, int]:
    """Family with the largest share of the intensity at one spacing, its member with the largest indices."""
    families: dict[tuple[int, ...], float] = {}
    members: dict[tuple[int, ...], list[tuple[int, int, int]]] = {}
    for index, value in zip(hkl.tolist(), squared, strict=True):
        # Planes of one family differ by signs and, in cubic crystals, by order; in others order is told apart by |F|.
        key = (*sorted(abs(i) for i in index), round(float(value) / (float(squared.max()) or 1.0), 4))
        families[key] = families.get(key, 0.0) + float(value)
        members.setdefault(key, []).append((index[0], index[1], index[2]))
    best = max(families, key=lambda key: (families[key], key))
    return max(members[best], key=lambda index: (min(index) >= 0, index))
