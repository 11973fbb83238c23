"""Energies that may be compared across phases: no cut that shifts them, and the dispersion summed to infinity.

The tables that move atoms end the short-range part at 8 Å and shift its force to zero there. That moves the energy of
every phase by tens of meV per atom, and differently from phase to phase, since each has its own number of pairs in
reach. Here the short-range part is summed as it stands to a long distance, and beyond it the r⁻⁶ attraction is that of
an even density.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.composition import ion_labels
from alzmodel.errors import InputError
from alzmodel.forcefields.potentials import OXYGEN
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.forcefields.static import single_point
from alzmodel.neighbours import neighbour_list

if TYPE_CHECKING:
    from ase import Atoms

    from alzmodel.forcefields.potentials import Potential

__all__ = ["LONG_CUTOFF", "PhaseEnergy", "dispersion_tail", "phase_energy", "short_range_energy"]

LONG_CUTOFF = 16.0
"""Å; from here on an even density leaves less than 0.1 meV per atom out, in crystals too."""


@dataclass(frozen=True, slots=True)
class PhaseEnergy:
    """Energy of a model as it stands, in eV for the whole cell.

    Attributes
    ----------
    total
        Coulomb by PPPM, short range to the long cut-off without a shift, tail.
    shifted
        The same model with the short-range part cut and shifted, as molecular dynamics and relaxations have it.
    tail
        Share of the tail in `total`.
    n_atoms
        Of the model.
    """

    total: float
    shifted: float
    tail: float
    n_atoms: int

    @property
    def per_atom(self) -> float:
        """`total` in eV per atom."""
        return self.total / self.n_atoms


def phase_energy(
    atoms: Atoms, *, potential: str = "du-teter", cutoff: float = LONG_CUTOFF, ranks: int = 1
) -> PhaseEnergy:
    """Energy of a model with nothing cut off.

    Parameters
    ----------
    atoms
        Periodic in three directions and neutral.
    potential
        Name of a potential.
    cutoff
        Å, from which on the short-range part is a tail; may exceed the cell.
    ranks
        MPI ranks of the Coulomb sum.

    Returns
    -------
    PhaseEnergy

    Raises
    ------
    InputError
        If the cut-off is shorter than that of the tables, or as :func:`~alzmodel.forcefields.static.single_point`.
    AlzmodelError
        If LAMMPS fails.

    Notes
    -----
    A model relaxed with the shifted potential is not quite at the minimum of this one, whose cell is some 0.2 %
    shorter. That is of second order: 0.3 meV per atom in La2O3, 0.4 in La2Zr2O7.
    """
    pot = potential_of(potential)
    if not (math.isfinite(cutoff) and cutoff >= pot.short_range_cutoff):
        raise InputError(
            f"cut-off: {cutoff:g} Å; allowed: at least {pot.short_range_cutoff:g} Å, where the tables end"
        )
    shifted = single_point(atoms, potential=potential, ranks=ranks).energy
    if pot.many_body:
        # Fitted with its pair part cut: that cut is part of it.
        return PhaseEnergy(shifted, shifted, 0.0, len(atoms))
    labels = ion_labels(atoms)
    exchanged = short_range_energy(atoms, labels, pot, cutoff) - short_range_energy(atoms, labels, pot)
    tail = dispersion_tail(pot, Counter(labels), float(atoms.cell.volume), cutoff)
    return PhaseEnergy(shifted + exchanged + tail, shifted, tail, len(atoms))


def short_range_energy(
    atoms: Atoms, labels: list[str], potential: Potential, unshifted_to: float | None = None
) -> float:
    """Short-range energy in eV of all pairs: cut and shifted as in the tables, or plain to `unshifted_to` (Å)."""
    cutoff = potential.short_range_cutoff if unshifted_to is None else unshifted_to
    oxygen = np.array([label == OXYGEN for label in labels])
    kinds = list(dict.fromkeys(labels))
    kind = np.array([kinds.index(label) for label in labels])
    # Every pair that feels it has an oxygen at one end.
    pairs = neighbour_list(atoms, cutoff, of=oxygen)
    total = 0.0
    for number, label in enumerate(kinds):
        r = pairs.distance[kind[pairs.j] == number]
        if unshifted_to is None:
            energy = potential.short_range(OXYGEN, label, r)[0]
        else:
            energy = potential.unshifted_energy(OXYGEN, label, r)
        # Pairs of two oxygens stand in the list from both ends.
        total += (0.5 if label == OXYGEN else 1.0) * float(energy.sum())
    return total


def dispersion_tail(potential: Potential, counts: Counter[str], volume: float, cutoff: float) -> float:
    """Energy in eV of the −C/r⁶ beyond `cutoff` (Å) in a cell of `volume` (Å³), with an even density there.

    −(4π/3) C N_i N_j / (V R³) for each pair of unlike ions, half of that for like ones (M. P. Allen, D. J. Tildesley,
    Computer Simulation of Liquids, 2nd ed. (2017), section 2.8). The exponential has fallen below 1e-10 eV there.
    """
    total = 0.0
    for first, second in combinations_with_replacement(counts, 2):
        if OXYGEN not in {first, second}:
            continue
        dispersion = potential.ion(second if first == OXYGEN else first).C
        pairs = counts[first] * counts[second] * (0.5 if first == second else 1.0)
        total -= 4 * math.pi / 3 * dispersion * pairs / (volume * cutoff**3)
    return total
