"""Pair functions of atoms that vibrate: what displacement parameters make of a perfect crystal's sharp distances."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.errors import InputError
from alzmodel.progress import Progress, silent
from alzmodel.sanity import B_ISO, shares_of
from alzmodel.species import split_isotope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.local_order.pdf import PartialRDF

__all__ = ["BEYOND", "counted", "displaced", "displacement_words", "stated_displacements"]

BEYOND = 1.0
"""Å further than wanted that pairs are to be counted, so that those that move in are there."""
_FINE = 0.002
"""Å; widest bins that sharp distances are counted in."""
_MOST = 20.0
"""Å²; B of atoms that are nearly free."""


def counted(
    frames: Atoms | Sequence[Atoms],
    *,
    r_max: float,
    dr: float,
    b_iso: float | Mapping[str, float] = 0.0,
    progress: Progress = silent,
) -> PartialRDF:
    """Partial pair functions up to `r_max` Å with isotopes apart, of atoms displaced by `b_iso`.

    Arguments and errors as in :func:`alzmodel.local_order.pdf.partial_rdf` and :func:`displaced`.
    """
    from alzmodel.local_order.pdf import partial_rdf

    if not b_iso:
        return partial_rdf(frames, r_max=r_max, dr=dr, isotopes=True, progress=progress)
    fold = math.ceil(dr / _FINE)
    wider = partial_rdf(frames, r_max=r_max + BEYOND, dr=dr / fold, isotopes=True, progress=progress)
    return displaced(wider, b_iso, r_max, fold)


def stated_displacements(frames: Sequence[Atoms]) -> dict[str, float]:
    """B in Å² of each element of a crystal whose file states displacements: the mean over its atoms.

    Sites of one element share it. Where their B differ by ΔB, a pair's variance is wrong by up to ΔB/8π² each way.

    Parameters
    ----------
    frames
        Of one model. Several frames hold their displacements themselves.

    Returns
    -------
    dict
        By element; empty if the file states none, 0 for elements without.
    """
    if len(frames) != 1 or B_ISO not in frames[0].arrays:
        return {}
    atoms = frames[0]
    symbols = np.array(atoms.get_chemical_symbols())
    values, shares = np.asarray(atoms.arrays[B_ISO], dtype=float), shares_of(atoms)
    known = np.isfinite(values) & (values > 0) & (values <= _MOST)
    found = {}
    for symbol in dict.fromkeys(symbols.tolist()):
        here = known & (symbols == symbol)
        found[symbol] = float(np.average(values[here], weights=shares[here])) if here.any() else 0.0
    return found if any(found.values()) else {}


def displacement_words(b_iso: Mapping[str, float]) -> str:
    """Say what displacements of a file are used."""
    parts = ", ".join(f"{symbol} {value:.3g}" for symbol, value in b_iso.items())
    return f"displacements of the file are used, B in Å²: {parts} (means over sites); --b-iso states others"


def displaced(rdf: PartialRDF, b_iso: float | Mapping[str, float], r_max: float, fold: int = 1) -> PartialRDF:
    """Spread every distance by independent Gaussian displacements of both atoms.

    With ⟨u²⟩ = B/8π² along each axis, r (g − 1) of a pair, continued as an odd function, is convolved with a Gaussian
    of variance (B_a + B_b)/8π². Correlations, which sharpen the first shells of real crystals, are left out.

    Parameters
    ----------
    rdf
        Counted :data:`BEYOND` further than `r_max`.
    b_iso
        B in Å², for all elements or by element (0 for those not named).
    r_max
        Å, where the result ends.
    fold
        Bins that are put together afterwards: sharp distances are counted in fine ones, since their centres stand for
        the distances.

    Returns
    -------
    PartialRDF
        Its counts are those of the spread distances.

    Raises
    ------
    InputError
        If B is not between 0 and 20 Å², or of an element that is not there.

    References
    ----------
    B. E. Warren, X-ray Diffraction (1969), ch. 3.
    """
    values = _checked(b_iso, rdf)
    n_bins = math.ceil(r_max / (fold * rdf.dr) - 1e-9)
    shell = (rdf.r + rdf.dr / 2) ** 3 - (rdf.r - rdf.dr / 2) ** 3

    def folded(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(values[: n_bins * fold].reshape(n_bins, fold).sum(axis=1))

    gas = 1.0 if rdf.periodic else 0.0
    g, counts = {}, {}
    for label, sharp in rdf.g.items():
        first, second = label.split("-")
        sigma = math.sqrt((values[first] + values[second]) / (8 * math.pi**2))
        curve = gas + _spread(rdf.r * (sharp - gas), rdf.dr, sigma) / rdf.r if sigma > 0 else sharp
        # Pairs and g times the volume of the shell are one number apart.
        held = sharp > 0
        ratio = float(np.median(rdf.counts[label][held] / (sharp[held] * shell[held]))) if held.any() else 0.0
        spread = np.maximum(ratio * shell * curve, 0.0) if sigma > 0 else rdf.counts[label]
        g[label], counts[label] = folded(curve * shell) / folded(shell), folded(spread)
    return replace(rdf, r=folded(rdf.r) / fold, dr=fold * rdf.dr, g=g, counts=counts)


def _checked(b_iso: float | Mapping[str, float], rdf: PartialRDF) -> dict[str, float]:
    """B of every species of a model."""
    elements = {name: split_isotope(name)[0] for name in rdf.concentrations}
    if isinstance(b_iso, Mapping):
        for name in b_iso:
            if name not in {*elements, *elements.values()}:
                raise InputError(f"--b-iso: {name!r} is not in the model; allowed: {', '.join(elements)}")
        values = {name: float(b_iso.get(name, b_iso.get(element, 0.0))) for name, element in elements.items()}
    else:
        values = dict.fromkeys(elements, float(b_iso))
    if not all(0 <= value <= _MOST for value in values.values()):
        raise InputError(f"--b-iso: {b_iso}; allowed: B of 0 to {_MOST:g} Å²")
    return values


def _spread(odd: NDArray[np.float64], dr: float, sigma: float) -> NDArray[np.float64]:
    """Convolve an odd function, given at r > 0, with a Gaussian; its bins hold whole shares of the Gaussian."""
    from scipy.special import erf

    reach = math.ceil(6 * sigma / dr) + 1
    steps = dr * np.arange(-reach, reach + 1)
    share = 0.5 * (
        erf((steps + 0.5 * dr) / (sigma * math.sqrt(2))) - erf((steps - 0.5 * dr) / (sigma * math.sqrt(2)))
    )
    both = np.concatenate([-odd[::-1], odd, np.full(reach, odd[-1])])
    return np.asarray(np.convolve(both, share, mode="same")[len(odd) : 2 * len(odd)])
