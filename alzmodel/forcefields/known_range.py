"""How far each atom stands from what a learned potential learned from.

An atom's surroundings are its POD descriptors. Those of the training atoms of one element have a mean, principal axes
with their variances, and a rest. The distance of an atom is the root of the sum of the squared scores over their
variances and of the squared rest over its mean (the T² and Q statistics of principal component monitoring: J. E.
Jackson, A User's Guide to Principal Components (1991), chapter 2), in units of the distance that one in a thousand
training atoms exceeds.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.composition import ion_labels
from alzmodel.errors import InputError
from alzmodel.forcefields.engine import BASIS_FILE, COEFFICIENT_FILE, Segment, System, run_job
from alzmodel.forcefields.potentials import learned_folder
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.io import write_text
from alzmodel.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from alzmodel.forcefields.potentials import Potential

__all__ = [
    "AXES",
    "KnownRange",
    "atom_descriptors",
    "fit_range",
    "known_range",
    "range_distances",
    "range_report",
    "save_range",
]

AXES = 30
"""Principal axes that are kept for each element."""

QUANTILE = 0.999
"""Share of the training atoms whose distance is below 1."""

MARKED_SHARE, MARKED_DISTANCE = 0.01, 2.0
"""A model is marked as out of range if more than this share of its atoms is beyond 1, or one beyond this distance."""


@dataclass(frozen=True, slots=True)
class KnownRange:
    """Where the training atoms of one element lie among the descriptors.

    Attributes
    ----------
    mean, scale
        Of each descriptor, (m,).
    axes
        Principal axes of the scaled descriptors as rows, (k, m).
    variances
        Of the scores, (k,).
    rest
        Mean squared rest beside the axes.
    unit
        Distance that one in a thousand training atoms exceeds.
    """

    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    rest: float
    unit: float

    def distances(self, descriptors: np.ndarray) -> np.ndarray:
        """Distances (n,) of atoms with these descriptors (n, m)."""
        scaled = (descriptors - self.mean) / self.scale
        scores = scaled @ self.axes.T
        rest = np.maximum((scaled**2).sum(axis=1) - (scores**2).sum(axis=1), 0.0)
        return np.sqrt((scores**2 / self.variances).sum(axis=1) + rest / self.rest) / self.unit


def fit_range(descriptors: np.ndarray, axes: int = AXES) -> KnownRange:
    """Known range of atoms of one element from their descriptors (n, m), n > m not needed."""
    mean, scale = descriptors.mean(axis=0), descriptors.std(axis=0)
    scale = np.where(scale > 1e-8 * max(scale.max(), 1e-300), scale, np.inf)
    scaled = (descriptors - mean) / scale
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    kept = min(axes, int((values > 1e-12 * values[0]).sum()))
    variances, rows = values[:kept], vectors.T
    rest = float(max(values[kept:].sum(), 1e-12))
    plain = KnownRange(mean, scale, rows[:kept], variances, rest, 1.0)
    return KnownRange(
        mean, scale, rows[:kept], variances, rest, float(np.quantile(plain.distances(descriptors), QUANTILE))
    )


def atom_descriptors(
    models: Sequence[Atoms], potential: Potential, *, progress: Progress = silent
) -> list[np.ndarray]:
    """POD descriptors of every atom of models, (n_atoms, m) each, in the order of the atoms.

    Raises
    ------
    InputError
        If the potential is not a learned one, or an ion has no parameters.
    AlzmodelError
        If LAMMPS fails.
    """
    added = potential.many_body
    if added is None:
        raise InputError(f"potential: {potential.name!r} is not a learned one; allowed: learned")
    system = System(potential, added.labels)
    with tempfile.TemporaryDirectory(prefix="alzmodel-range-") as name:
        folder = Path(name)
        write_text(folder / BASIS_FILE, added.basis)
        write_text(folder / COEFFICIENT_FILE, added.coefficients)
        segments = []
        for number, atoms in enumerate(models):
            system.write_data(atoms, ion_labels(atoms), folder / f"{number}.data")
            commands = (
                "units metal",
                "atom_style charge",
                "boundary p p p",
                "newton on",
                f"read_data {number}.data",
                f"pair_style zero {added.reach + 0.1}",
                "pair_coeff * *",
                f"compute pod all pod/atom {BASIS_FILE} {COEFFICIENT_FILE} {' '.join(added.elements)}",
                f"dump rows all custom 1 {number}.dump.part id c_pod[*]",
                'dump_modify rows sort id format float "%.9g"',
                "run 0",
                "undump rows",
            )
            segments.append(Segment(f"{number}", commands, f"{number}.dump", len(atoms), "descriptors"))
        run_job(folder, segments, progress=progress)
        return [
            np.loadtxt(folder / f"{number}.dump", skiprows=9, ndmin=2)[:, 1:] for number in range(len(models))
        ]


def save_range(path: Path, known: dict[str, KnownRange]) -> None:
    """Write the known ranges of elements."""
    arrays: dict[str, Any] = {}
    for element, one in known.items():
        for field in ("mean", "scale", "axes", "variances"):
            arrays[f"{element}_{field}"] = np.asarray(getattr(one, field), dtype=np.float32)
        arrays[f"{element}_rest"] = np.array([one.rest, one.unit])
    with path.open("wb") as handle:
        np.savez_compressed(handle, **arrays)


def known_range(potential: Potential) -> dict[str, KnownRange]:
    """Known ranges of a shipped learned potential, by element."""
    known = {}
    with np.load(learned_folder(potential.name) / "range.npz") as data:
        for element in sorted({name.partition("_")[0] for name in data.files}):
            fields = {
                field: data[f"{element}_{field}"].astype(float)
                for field in ("mean", "scale", "axes", "variances")
            }
            rest, unit = data[f"{element}_rest"]
            known[element] = KnownRange(**fields, rest=float(rest), unit=float(unit))
    return known


def range_distances(models: Sequence[Atoms], potential: str = "learned") -> list[np.ndarray]:
    """Distance of every atom of models from what a learned potential learned from; above 1 is out of its range.

    Parameters
    ----------
    models
        Periodic models of ions that the potential has.
    potential
        Name of a learned potential.

    Raises
    ------
    InputError
        If the potential is not a learned one, or an ion has no parameters.
    """
    pot = potential_of(potential)
    known = known_range(pot) if pot.many_body else {}
    distances = []
    for atoms, rows in zip(models, atom_descriptors(models, pot), strict=True):
        symbols = np.array(atoms.get_chemical_symbols())
        one = np.zeros(len(atoms))
        for element in dict.fromkeys(symbols.tolist()):
            one[symbols == element] = known[element].distances(rows[symbols == element])
        distances.append(one)
    return distances


def range_report(distances: Sequence[np.ndarray], symbols: Sequence[str]) -> dict[str, Any]:
    """Say for provenance how far frames leave the range.

    Parameters
    ----------
    distances
        Of :func:`range_distances`, one array a frame.
    symbols
        Chemical symbols of the atoms of a frame.

    Returns
    -------
    dict
        ``largest_distance``, ``share_beyond`` 1, the same ``by_element``, and ``out_of_range``: whether the share is
        above :data:`MARKED_SHARE` or an atom beyond :data:`MARKED_DISTANCE`.
    """
    every = np.array(distances)
    elements = np.array(symbols)
    share = float((every > 1).mean())
    return {
        "largest_distance": round(float(every.max()), 3),
        "share_beyond": round(share, 5),
        "by_element": {
            str(element): round(float((every[:, elements == element] > 1).mean()), 5)
            for element in np.unique(elements)
        },
        "out_of_range": bool(share > MARKED_SHARE or every.max() > MARKED_DISTANCE),
    }
