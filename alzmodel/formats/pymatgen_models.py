"""Models that pymatgen holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms

from alzmodel.errors import InputError
from alzmodel.sanity import OCCUPANCY

__all__ = ["atoms_of"]


def atoms_of(structure: Any, *, mixed: bool) -> Atoms:
    """Atoms of a pymatgen ``Structure`` or ``Molecule``; sites that are held in part are refused unless they may be.

    Raises
    ------
    InputError
        If a site is held in part and `mixed` is false.
    """
    ordered = getattr(structure, "is_ordered", False)
    if not ordered and not mixed:
        raise InputError(
            f"model: {structure.__class__.__name__} {getattr(structure, 'formula', '')} with sites held in part; "
            "allowed: one whole atom a site"
        )
    held = [(site, name, share) for site in structure for name, share in site.species.items()]
    atoms = Atoms(
        [getattr(name, "element", name).symbol for _, name, _ in held],
        positions=[site.coords for site, _, _ in held],
        **({"cell": structure.lattice.matrix, "pbc": True} if hasattr(structure, "lattice") else {}),
    )
    if not ordered:
        atoms.set_array(OCCUPANCY, np.array([float(share) for _, _, share in held]))
    return atoms
