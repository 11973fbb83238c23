"""Displacement parameters of CIF files: B of every site, whatever the file calls it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.formats.cif_text import Block, number_of
from alzmodel.formats.notes import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["site_displacements"]

_ISOTROPIC: Final = {
    "_atom_site_b_iso_or_equiv": 1.0,
    "_atom_site_b_equiv_geom_mean": 1.0,
    "_atom_site_u_iso_or_equiv": 8 * math.pi**2,
    "_atom_site_u_equiv_geom_mean": 8 * math.pi**2,
}
"""Å² of B in one unit of each."""
_TENSORS: Final = {"_atom_site_aniso_b": 1.0, "_atom_site_aniso_u": 8 * math.pi**2}
_PLACES: Final = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
_SAME: Final = 1e-3
_LARGEST: Final = 20.0
"""Å²; B of atoms that are nearly free."""


def site_displacements(block: Block, labels: Sequence[str], name: str) -> list[float]:
    """B = 8π²⟨u²⟩ in Å² of every row of the list of atoms, NaN where nothing is said.

    Tensors go before isotropic values, U and B alike: B is a third of the trace in Cartesian axes. Zero or less
    stands for what was not refined. B = 1 Å² of every site, as ASE and VESTA write where they know none, says nothing.

    Parameters
    ----------
    block
        With its cell.
    labels
        Of the rows, by which the list of tensors names them.
    name
        Of the file.

    Raises
    ------
    InputError
        If a value is no number, or above 20 Å².

    References
    ----------
    R. T. Downs, Rev. Mineral. Geochem. 41 (2000) 61 (equivalent values); the core CIF dictionary of the IUCr (names).
    """
    found = [math.nan] * len(labels)
    for tag, factor in _ISOTROPIC.items():
        values = block.get(tag)
        if values is not None and len(values) == len(labels):
            for row, text in enumerate(values):
                if math.isnan(found[row]):
                    found[row] = factor * _value(text, f"{name}: {tag} of {labels[row]}")
    if found and all(abs(value - 1.0) < _SAME for value in found):
        tell(
            f"{name}: B = 1 Å² of every site is what programs write that know none, and is not used; "
            "--b-iso 1 uses it"
        )
        found = [math.nan] * len(labels)
    for tag, factor in _TENSORS.items():
        for label, value in _traces(block, tag, name).items():
            for row in [row for row, one in enumerate(labels) if one == label]:
                found[row] = factor * value
    for label, value in zip(labels, found, strict=True):
        if value > _LARGEST:
            raise InputError(f"{name}: B of {label} is {value:.3g} Å²; allowed: up to {_LARGEST:g} Å²")
    return found


def _value(text: str, name: str) -> float:
    """Return a number above zero, or NaN where there is none."""
    if text in {"?", "."}:
        return math.nan
    value = number_of(text, name)
    return value if value > 0 else math.nan


def _traces(block: Block, tag: str, name: str) -> dict[str, float]:
    """Third of the trace of every tensor of a list, in Cartesian axes, by the label of its site."""
    names = block.get("_atom_site_aniso_label")
    columns = [block.get(f"{tag}_{a + 1}{b + 1}") for a, b in _PLACES]
    if names is None or any(column is None or len(column) != len(names) for column in columns):
        return {}
    metric = _metric(block, name)
    stars = np.sqrt(np.diag(np.linalg.inv(metric)))
    found = {}
    for row, label in enumerate(names):
        texts = [column[row] for column in columns if column is not None]
        if any(text in {"?", "."} for text in texts):
            continue
        tensor = np.zeros((3, 3))
        for (a, b), text in zip(_PLACES, texts, strict=True):
            tensor[a, b] = tensor[b, a] = number_of(text, f"{name}: {tag} of {label}")
        value = float(np.sum(tensor * np.outer(stars, stars) * metric)) / 3
        if value > 0:
            found[label] = value
    return found


def _metric(block: Block, name: str) -> NDArray[np.float64]:
    """Metric tensor of the cell; its scale does not matter here."""
    lengths, cosines = [], []
    for axis, angle in zip("abc", ("alpha", "beta", "gamma"), strict=True):
        text = block.one(*(f"_cell_length_{axis}{unit}" for unit in ("", "_pm", "_nm")))
        lengths.append(number_of(text or "1", f"{name}: _cell_length_{axis}"))
        text = block.one(f"_cell_angle_{angle}")
        cosines.append(math.cos(math.radians(number_of(text or "90", f"{name}: _cell_angle_{angle}"))))
    alpha, beta, gamma = cosines
    shape = np.array([[1, gamma, beta], [gamma, 1, alpha], [beta, alpha, 1]])
    return np.asarray(shape * np.outer(lengths, lengths))
