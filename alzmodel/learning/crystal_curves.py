"""Lattice, stiffness and formation energies from the energy of crystals over their volume.

The cells are the published ones, scaled, with nothing relaxed inside: teacher and potentials are compared on the same
structures. Relaxed lattices are those of :mod:`alzmodel.forcefields.validation`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CrystalCurve", "birch_murnaghan", "formation_energy"]

EV_PER_A3 = 160.21766208
"""GPa."""

KJ_PER_MOL = 96.48533212
"""Of one eV per formula unit."""


@dataclass(frozen=True, slots=True)
class CrystalCurve:
    """Minimum of an energy–volume curve.

    Attributes
    ----------
    scale
        Length of the cell at the minimum over that of the published cell.
    energy
        eV per atom at the minimum.
    bulk_modulus
        GPa, atoms inside the cell held at their fractional places.
    """

    scale: float
    energy: float
    bulk_modulus: float


def birch_murnaghan(
    scales: Sequence[float], volume: float, energies: Sequence[float], atoms: int
) -> CrystalCurve:
    """Fit the third-order Birch–Murnaghan curve (F. Birch, Phys. Rev. 71 (1947) 809), a cubic in V^(−2/3).

    Parameters
    ----------
    scales
        Lengths over those of the published cell, at least four.
    volume
        Å³ of the published cell.
    energies
        eV of the cell at each.
    atoms
        In the cell.
    """
    x = np.asarray(scales, dtype=float) ** -2
    centre = x.mean()
    c3, c2, c1, c0 = np.polyfit(x - centre, energies, 3)
    roots = np.roots([3 * c3, 2 * c2, c1])
    real = roots[np.isreal(roots)].real
    lowest = real[np.argmin(np.abs(real))]
    # With x = (V/V_published)^(−2/3): V² E'' = (4/9) x² E_xx at the minimum.
    curvature = 6 * c3 * lowest + 2 * c2
    at = lowest + centre
    minimum = float(np.polyval([c3, c2, c1, c0], lowest))
    stiffness = 4 / 9 * at**2 * curvature / (volume * at**-1.5) * EV_PER_A3
    return CrystalCurve(float(at**-0.5), minimum / atoms, float(stiffness))


def formation_energy(
    product: str, parts: Mapping[str, float], energies: Mapping[str, tuple[float, str]]
) -> float:
    """Energy in kJ/mol of a formula unit of `product` over that of its `parts`.

    Parameters
    ----------
    product
        Phase.
    parts
        Formula units of each phase that one of the product is made of.
    energies
        eV per atom and the formula unit of each phase.
    """

    def of(phase: str) -> float:
        per_atom, formula = energies[phase]
        return per_atom * sum(Counter(_symbols(formula)).values())

    return KJ_PER_MOL * (of(product) - sum(n * of(phase) for phase, n in parts.items()))


def _symbols(formula: str) -> list[str]:
    from ase.formula import Formula

    return list(Formula(formula))
