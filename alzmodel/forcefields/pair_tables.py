"""Tables of pair energies and forces for LAMMPS, with the Coulomb force folded in.

One table per pair of ions holds the short-range part and the real-space Coulomb part together, so that a step
costs one table lookup a pair. Two Coulomb parts exist: the damped shifted force (no reciprocal space at all,
the fast path) and the real-space half of an Ewald sum (LAMMPS adds the other half by PPPM).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import erfc

from alzmodel.units import COULOMB_EV_A

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alzmodel.forcefields.potentials import Potential

__all__ = [
    "INNER_CUTOFF",
    "Coulomb",
    "damped_shifted_force",
    "dsf_self_energy",
    "ewald_real_space",
    "pair_energy_force",
    "pppm_coulomb",
    "table_text",
]

INNER_CUTOFF = 0.5
"""Å; no pair comes nearer at 10 000 K, and LAMMPS stops with an error if one does."""

TABLE_POINTS = 3000
"""Rows of a table: forces in a melt at 2000 K are right to 1e-6 eV/Å; longer tables leave the processor's cache."""


@dataclass(frozen=True, slots=True)
class Coulomb:
    """How the Coulomb force is computed.

    Attributes
    ----------
    kind
        ``"dsf"``: damped and shifted in force, pairs only; ``"pppm"``: Ewald sum on a mesh.
    cutoff
        Range of the pair part in Å.
    damping
        α of erfc(α r) in Å⁻¹.
    accuracy
        Of the mesh forces, relative to two unit charges 1 Å apart; not used by ``"dsf"``.
    """

    kind: Literal["dsf", "pppm"]
    cutoff: float = 9.0
    damping: float = 0.20
    accuracy: float = 1e-5


def pppm_coulomb(cutoff: float = 9.0, accuracy: float = 1e-5) -> Coulomb:
    """Ewald sum with its pair part cut at `cutoff` (Å).

    1e-4 does for molecular dynamics, 1e-5 for minimisation: the pair part has fallen to erfc(3.12) = 1e-5 of the bare
    Coulomb energy at the cut-off. A finer `accuracy`, for energies that are compared, makes it erfc(3.6) = 4e-7.
    """
    return Coulomb("pppm", cutoff, (3.12 if accuracy >= 1e-5 else 3.6) / cutoff, accuracy)


def damped_shifted_force(r: np.ndarray, damping: float, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """Energy and force of two unit charges by the damped shifted force.

    Parameters
    ----------
    r
        Distances in Å, any shape.
    damping
        α in Å⁻¹.
    cutoff
        R in Å.

    Returns
    -------
    energy, force
        eV and eV/Å: erfc(αr)/r − erfc(αR)/R + (r − R) F(R) and F(r) − F(R) with
        F = erfc(αr)/r² + 2α/√π exp(−α²r²)/r, in units of e²/4πε₀; zero beyond R.

    References
    ----------
    C. J. Fennell, J. D. Gezelter, J. Chem. Phys. 124 (2006) 234104, eqs. 18 and 19.
    """
    energy, force = ewald_real_space(r, damping)
    last_energy, last_force = ewald_real_space(np.asarray(cutoff, dtype=float), damping)
    within = r < cutoff
    return (
        np.where(within, energy - last_energy + (r - cutoff) * last_force, 0.0),
        np.where(within, force - last_force, 0.0),
    )


def dsf_self_energy(charges: np.ndarray, coulomb: Coulomb) -> float:
    """Constant that the damped shifted force leaves out, in eV.

    ½ Σ q² lim(r → 0) [U(r) − 1/r] = −½ (erfc(αR)/R + R F(R) + 2α/√π) Σ q²: added to the pair sum it makes the energy
    an estimate of the Madelung energy.

    References
    ----------
    The reasoning is that of D. Wolf et al., J. Chem. Phys. 110 (1999) 8254, eq. 5.13, for the potential shifted in
    energy; here U is the one shifted in force too.
    """
    alpha, cutoff = coulomb.damping, coulomb.cutoff
    last_energy, last_force = ewald_real_space(np.asarray(cutoff), alpha)
    constant = last_energy + cutoff * last_force + COULOMB_EV_A * 2 * alpha / math.sqrt(math.pi)
    return float(-0.5 * constant * np.sum(np.square(charges)))


def ewald_real_space(r: np.ndarray, damping: float) -> tuple[np.ndarray, np.ndarray]:
    """Energy and force of two unit charges in the real-space half of an Ewald sum.

    Parameters
    ----------
    r
        Distances in Å, any shape.
    damping
        Splitting parameter in Å⁻¹.

    Returns
    -------
    energy, force
        eV and eV/Å.

    References
    ----------
    M. P. Allen, D. J. Tildesley, Computer Simulation of Liquids, 2nd ed. (2017), eq. 6.4.
    """
    energy = COULOMB_EV_A * erfc(damping * r) / r
    gauss = COULOMB_EV_A * 2 * damping / math.sqrt(math.pi) * np.exp(-((damping * r) ** 2))
    return energy, (energy + gauss) / r


def pair_energy_force(
    potential: Potential, first: str, second: str, coulomb: Coulomb, r: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Energy (eV) and force (eV/Å) that the table of a pair of ions holds at the distances `r` (Å)."""
    cutoff = min(potential.short_range_cutoff, coulomb.cutoff)
    energy, force = potential.short_range(first, second, r, cutoff=cutoff)
    if potential.many_body:
        wall_energy, wall_force = potential.many_body.wall(first, second, r)
        energy, force = energy + wall_energy, force + wall_force
    product = potential.ion(first).charge * potential.ion(second).charge
    if coulomb.kind == "dsf":
        electric_energy, electric_force = damped_shifted_force(r, coulomb.damping, coulomb.cutoff)
    else:
        electric_energy, electric_force = ewald_real_space(r, coulomb.damping)
    return energy + product * electric_energy, force + product * electric_force


def table_text(
    potential: Potential, labels: Sequence[str], coulomb: Coulomb, *, points: int = TABLE_POINTS
) -> str:
    """Write the tables of every pair of `labels` as a LAMMPS table file.

    Parameters
    ----------
    potential
        Parameters.
    labels
        Ion labels in the order of the LAMMPS atom types; the table of types i ≤ j has the keyword ``P_i_j``.
    coulomb
        Coulomb part to fold in.
    points
        Rows of each table, evenly spaced in r², which puts them where LAMMPS's spline looks.

    Returns
    -------
    str
        Content of the file: r in Å, energy in eV, force in eV/Å.
    """
    squared = np.linspace(INNER_CUTOFF**2, coulomb.cutoff**2, points)
    r = np.sqrt(squared)
    r[-1] = coulomb.cutoff
    index = np.arange(1, points + 1)
    blocks = [
        f"# {potential.title}; {coulomb.kind}, cut-off {coulomb.cutoff} Å UNITS: metal\n".replace("Å", "A")
    ]
    for (i, first), (j, second) in combinations_with_replacement(enumerate(labels, start=1), 2):
        energy, force = pair_energy_force(potential, first, second, coulomb, r)
        rows = "\n".join(
            f"{k} {distance:.12g} {e:.15g} {f:.15g}"
            for k, distance, e, f in zip(index, r, energy, force, strict=True)
        )
        blocks.append(f"\nP_{i}_{j}\nN {points} RSQ {INNER_CUTOFF} {coulomb.cutoff}\n\n{rows}\n")
    return "".join(blocks)
