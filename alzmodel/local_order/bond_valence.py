"""Bond valences: how well each ion's bonds add up to its charge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.composition import formal_charges, ion_kinds
from alzmodel.ions import ION_TABLE
from alzmodel.results import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.local_order.shells import Bonded
    from alzmodel.neighbours import Neighbours

__all__ = ["BondValence", "atom_sums", "bond_valence", "parameters"]


@dataclass(frozen=True, slots=True, repr=False)
class BondValence(Result):
    """Bond-valence sums of a model.

    Attributes
    ----------
    parameters
        Name of the parameter set.
    ions
        Per ion label: ``valence`` (the size of its charge), ``mean`` and ``std`` of the sums over atoms, ``per_bond``
        and ``std_per_bond`` (sum over number of bonds, mean and spread over atoms). NaN for an ion without parameters,
        and for oxygen beside one.
    global_instability_index
        Root mean square of (sum − valence) over all atoms, valence units.
    missing
        Ion labels without parameters.
    """

    parameters: str
    ions: dict[str, dict[str, float]]
    global_instability_index: float
    missing: tuple[str, ...]


def parameters() -> tuple[str, dict[str, tuple[float, float]]]:
    """Name of the parameter set, and (r0, b) in Å by ion label."""
    pairs = {label: row["bond_valence"] for label, row in ION_TABLE["ions"].items() if "bond_valence" in row}
    return ION_TABLE["sources"]["bond_valence"]["name"], {
        label: (pair["r0"], pair["b"]) for label, pair in pairs.items()
    }


def atom_sums(atoms: Atoms, pairs: Neighbours) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bond-valence sum and mean valence per bond of every atom, both shape (n_atoms,).

    `pairs` are the cation–oxygen bonds of the frame, the cation as `i`.
    """
    _, known = parameters()
    labels, kind = ion_kinds(atoms)
    r0, b = np.array([known.get(label, (math.nan, math.nan)) for label in labels])[kind].T
    valence = np.exp((r0[pairs.i] - pairs.distance) / b[pairs.i])
    n_atoms = len(atoms)
    sums = np.zeros(n_atoms)
    sums += np.bincount(pairs.i, valence, n_atoms)
    sums += np.bincount(pairs.j, valence, n_atoms)
    number = np.bincount(pairs.i, minlength=n_atoms) + np.bincount(pairs.j, minlength=n_atoms)
    # An ion without parameters and without bonds would otherwise read as zero.
    sums[np.isnan(r0) & (formal_charges(atoms) > 0)] = math.nan
    return sums, sums / np.maximum(number, 1)


def _labels(atoms: Atoms) -> NDArray[np.str_]:
    labels, kind = ion_kinds(atoms)
    return np.array(labels)[kind]


def bond_valence(frames: Atoms | Sequence[Atoms] | Bonded) -> BondValence:
    """Bond-valence sums over first shells.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model. Charges are the formal ones
        (:func:`alzmodel.composition.formal_charges`).

    Raises
    ------
    InputError
        If the model is no oxide, or an element's charge is not known.

    References
    ----------
    Sums: I. D. Brown and D. Altermatt, Acta Cryst. B 41, 244 (1985), eq. 1 and 2. Parameters: O. C. Gagné and F. C.
    Hawthorne, Acta Cryst. B 71, 562 (2015). Index: A. Salinas-Sanchez, J. L. Garcia-Muñoz, J. Rodriguez-Carvajal, R.
    Saez-Puche and J. L. Martinez, J. Solid State Chem. 100, 201 (1992).
    """
    # Here, since numba comes with it.
    from alzmodel.local_order.shells import bonded

    model = bonded(frames)
    parts = [
        (*atom_sums(atoms, pairs), np.abs(formal_charges(atoms)), _labels(atoms))
        for atoms, pairs in zip(model.frames, model.bonds, strict=True)
    ]
    sums = np.concatenate([part[0] for part in parts])
    per_bond = np.concatenate([part[1] for part in parts])
    labels = np.concatenate([part[3] for part in parts])
    valences = np.concatenate([part[2] for part in parts])
    name, known = parameters()
    found = sorted({label for atoms in model.frames for label in ion_kinds(atoms)[0]})
    ions = {}
    for label in found:
        mine = labels == label
        ions[label] = {
            "valence": float(valences[mine][0]),
            "mean": float(sums[mine].mean()),
            "std": float(sums[mine].std(ddof=1)) if mine.sum() > 1 else math.nan,
            "per_bond": float(per_bond[mine].mean()),
            "std_per_bond": float(per_bond[mine].std(ddof=1)) if mine.sum() > 1 else math.nan,
        }
    return BondValence(
        parameters=name,
        ions=ions,
        global_instability_index=float(np.sqrt(np.mean((sums - valences) ** 2))),
        missing=tuple(label for label in found if label not in known and label.endswith("+")),
    )
