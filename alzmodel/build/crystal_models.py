"""Crystals that need a potential: cells relaxed with it, and atoms displaced as they are at a temperature."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from alzmodel.crystals import crystal, phase_of
from alzmodel.forcefields.static import relax

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["relaxed_cell"]


def relaxed_cell(phase: str, potential: str = "du-teter") -> Atoms:
    """Conventional cell of a reference phase at the minimum of its energy, at zero pressure and 0 K.

    Lengths and positions follow the potential, angles stay. The provenance keeps the published cell beside it.

    Raises
    ------
    InputError
        If the phase is unknown or one of its ions has no parameters in the potential.
    AlzmodelError
        If LAMMPS fails.
    """
    atoms = _relaxed(phase_of(phase).name, potential).copy()
    atoms.info["provenance"] = {
        **crystal(phase).info["provenance"],
        "lattice_parameters": [round(float(length), 6) for length in atoms.cell.lengths()],
        "lattice_relaxed_with": potential,
    }
    return atoms


@functools.cache
def _relaxed(phase: str, potential: str) -> Atoms:
    return relax(crystal(phase), potential=potential).atoms
