"""Which atoms make a FEM peak: intensity and variance split into parts that add up to the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import InputError
from alzmodel.ions import pair_label
from alzmodel.progress import Progress, silent
from alzmodel.results import Result, holds
from alzmodel.scattering.fem.variance import FEMSettings
from alzmodel.scattering.fem.waves import blur, intensity_blocks, object_waves, plane_of

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Attribution", "attribute", "only_elements"]

FloatArray = NDArray[np.float64]
By = Literal["elements", "regions"]


@dataclass(frozen=True, repr=False)
class Attribution(Result):
    """Outcome of :func:`attribute`.

    Attributes
    ----------
    k
        Ring centres, nm⁻¹, shape (k,).
    by
        "elements" or "regions".
    mean_intensity
        ⟨I⟩ per part, Å² per Å² of column; parts may be negative where waves interfere destructively. The sum over
        parts is `total_intensity`.
    variance
        Per part Cov(I_part, I)/⟨I⟩² of the ring means over probe positions; the sum is `total_variance`, the "omega"
        variance.
    alone
        "omega" variance of the column when only one group of atoms scatters, and when only the groups of one of the
        `subsets` do, such as "Zr+O".
    total_intensity, total_variance
        Of the whole, shape (k,).
    """

    k: FloatArray = field(metadata=holds("nm⁻¹", role="axis"))
    by: str
    mean_intensity: Mapping[str, FloatArray]
    variance: Mapping[str, FloatArray]
    alone: Mapping[str, FloatArray]
    total_intensity: FloatArray
    total_variance: FloatArray

    def shares(self, low: float, high: float) -> dict[str, float]:
        """Share of each part in the variance between two scattering vectors in nm⁻¹; they add up to one.

        Raises
        ------
        InputError
            If no ring lies between them.
        """
        inside = (self.k >= low) & (self.k <= high)
        if not inside.any():
            raise InputError(
                f"range of k: {low:g} to {high:g} nm⁻¹ holds no ring; allowed: {self.k[0]:g} to {self.k[-1]:g} nm⁻¹"
            )
        total = float(self.total_variance[inside].sum())
        return {name: float(part[inside].sum()) / total for name, part in self.variance.items()}


def attribute(
    columns: Sequence[Atoms] | Atoms,
    settings: FEMSettings | None = None,
    *,
    by: By = "elements",
    subsets: Sequence[Sequence[str]] = (),
    progress: Progress = silent,
) -> Attribution:
    """Split the mean intensity and the "omega" variance among pairs of groups of atoms.

    Parameters
    ----------
    columns
        As for :func:`alzmodel.scattering.fem.variance.fem`.
    settings
        The instrument.
    by
        "elements": one part for each pair of elements, such as "Zr-O". "regions": "cluster", "matrix" and "cross",
        by the per-atom array "cluster" of :func:`alzmodel.models.columns.embed_clusters`.
    subsets
        Groups, such as ``[("Zr", "O")]``, that are also computed as if they alone scattered.
    progress
        Told after every column.

    Returns
    -------
    Attribution
        The wave is the sum of the waves of the groups, so the intensity in a pixel is the sum over pairs of groups
        I_gh = Re(ψ_g ψ*_h) (2 − δ_gh). Means add up. The variance of a sum is the sum of the covariances of its parts
        with the whole, Var(I) = Σ_gh Cov(I_gh, I), which shares every interference of two parts equally between them.

    Raises
    ------
    InputError
        If there is no column, a column cannot be used, `by` or a group of a subset is unknown, or the regions are
        missing.
    """
    settings = FEMSettings() if settings is None else settings
    models = list(columns) if isinstance(columns, Sequence) else [columns]
    if by not in get_args(By):
        raise InputError(f"attribution by: {by}; allowed: {', '.join(get_args(By))}")
    if not models:
        raise InputError("attribution: no columns; allowed: at least one")
    names = _group_names(models, by)
    chosen = {name: (name,) for name in names} | {"+".join(subset): tuple(subset) for subset in subsets}
    for name in {member for subset in subsets for member in subset} - set(names):
        raise InputError(f"attribution, scattering alone: {name!r}; allowed: {', '.join(names)}")
    pairs = [(a, b) for a in range(len(names)) for b in range(a, len(names))]
    labels = [_label(names[a], names[b], by) for a, b in pairs]
    within = {
        label: [n for n, (a, b) in enumerate(pairs) if {names[a], names[b]} <= set(subset)]
        for label, subset in chosen.items()
    }
    first = np.zeros((len(pairs), len(settings.k)))
    second = np.zeros_like(first)
    squares = {label: np.zeros(len(settings.k)) for label in chosen}
    for number, model in enumerate(models):
        rings = _ring_means(model, settings, _groups(model, names, by), pairs)
        whole = rings.sum(axis=0)
        first += rings.mean(axis=2) / len(models)
        second += np.mean(rings * whole, axis=2) / len(models)
        for label, members in within.items():
            squares[label] += np.mean(np.square(rings[members].sum(axis=0)), axis=1) / len(models)
        progress((number + 1) / len(models), f"attribution of column {number + 1} of {len(models)}")
    total = first.sum(axis=0)
    covariance = (second - first * total) / np.square(total)
    return Attribution(
        k=settings.k,
        by=by,
        mean_intensity=dict(zip(labels, first, strict=True)),
        variance=dict(zip(labels, covariance, strict=True)),
        alone={
            label: squares[label] / np.square(first[members].sum(axis=0)) - 1
            for label, members in within.items()
        },
        total_intensity=total,
        total_variance=second.sum(axis=0) / np.square(total) - 1,
    )


def only_elements(columns: Sequence[Atoms], elements: Sequence[str]) -> list[Atoms]:
    """Leave the other elements out of columns: the same places, only some of them scattering.

    The middle of what is left lies up to some tenths of Å from that of the whole, a shift of focus too small to see.

    Raises
    ------
    InputError
        If a column has none of the elements, or an element stands in no column.
    """
    found = {symbol for column in columns for symbol in column.get_chemical_symbols()}
    for element in elements:
        if element not in found:
            raise InputError(f"only some elements: {element!r}; allowed: {', '.join(sorted(found))}")
    kept = [column[[symbol in elements for symbol in column.get_chemical_symbols()]] for column in columns]
    for number, column in enumerate(kept):
        if len(column) == 0:
            raise InputError(
                f"column {number}: no {' or '.join(elements)}; allowed: elements that every column has"
            )
    return kept


def _group_names(models: Sequence[Atoms], by: str) -> list[str]:
    if by == "elements":
        return sorted({symbol for model in models for symbol in model.get_chemical_symbols()})
    for number, model in enumerate(models):
        marks = model.arrays.get("cluster")
        if marks is None or not (marks > 0).any() or not (marks == 0).any():
            raise InputError(
                f"attribution by regions: column {number} has no clusters in a matrix; "
                "allowed: columns with an array 'cluster' that is 0 in the matrix and positive in clusters"
            )
    return ["cluster", "matrix"]


def _groups(model: Atoms, names: Sequence[str], by: str) -> list[NDArray[np.bool_]]:
    if by == "elements":
        symbols = np.array(model.get_chemical_symbols())
        return [np.asarray(symbols == name) for name in names]
    marks = np.asarray(model.arrays["cluster"])
    return [marks > 0, marks == 0]


def _label(first: str, second: str, by: str) -> str:
    if by == "elements":
        return pair_label(first, second)
    return first if first == second else "cross"


def _ring_means(
    model: Atoms,
    settings: FEMSettings,
    groups: Sequence[NDArray[np.bool_]],
    pairs: Sequence[tuple[int, int]],
) -> FloatArray:
    """Ring means of the parts of the intensity at every probe position, shape (pairs, k, positions)."""
    plane = settings.plane(plane_of(model))
    waves = object_waves(
        model, groups, plane, settings.wavelength, curved=settings.curved, tolerance=settings.tolerance
    )
    result = np.zeros((len(pairs), len(settings.k), plane.positions[0] * plane.positions[1]))
    for part, psi in intensity_blocks(waves, plane):
        share = plane.rings[:, part]
        for n, (a, b) in enumerate(pairs):
            product = (psi[a].real * psi[b].real + psi[a].imag * psi[b].imag) * ((2 - (a == b)) / plane.area)
            result[n] += share @ blur(product, plane)
    return result
