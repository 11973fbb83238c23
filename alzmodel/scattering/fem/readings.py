"""What a FEM peak is: the numbers by which a bond and a reflection of a crystal would differ.

Zhu et al. (Adv. Mater. 2024, sec. 2.2) take the peak at 5.3 nm⁻¹ for the Zr–O bond and that at 3.2 nm⁻¹ for La–O and
Zr–La; both also lie on reflections of pyrochlore, (440) and (222). The readings differ in what makes the peak, in how
wide it is, and in what becomes of it in a thinner specimen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.ions import pair_label
from alzmodel.progress import Progress, silent
from alzmodel.results import Item, Result, Together, together
from alzmodel.scattering.fem.attribution import attribute
from alzmodel.scattering.fem.fit import TWO_WINDOWS, fit_fem_peaks
from alzmodel.scattering.fem.thickness import thickness_exponents

if TYPE_CHECKING:
    from ase import Atoms

    from alzmodel.scattering.fem.attribution import Attribution
    from alzmodel.scattering.fem.fit import FEMFit
    from alzmodel.scattering.fem.variance import FEMResult

__all__ = ["BOND_PAIRS", "EHRENFEST", "PEAKS", "REFLECTIONS", "FEMReadings", "bond_lengths", "read_peaks"]

PEAKS: Final = {"fem_peak1": "k5.3", "fem_peak2": "k3.2"}
"""Windows of the published fits: the paper calls the peak at 5.3 its first, and that at 3.2 its second."""

BOND_PAIRS: Final = {"fem_peak1": ("Zr-O",), "fem_peak2": ("La-O", "Zr-La")}
"""Pairs that Zhu et al. take for the makers of the peaks."""

REFLECTIONS: Final = {"222": math.sqrt(12), "400": 4.0, "440": math.sqrt(32), "622": math.sqrt(44)}
"""Strong reflections of pyrochlore and their k times the lattice parameter."""

EHRENFEST: Final = 1.2295
"""k r at the first maximum of sin(2πkr)/(2πkr) beyond the origin, where a pair at distance r alone scatters most:
tan x = x at x = 7.7253, which is 2π times this. A bond of length r makes no maximum at k = 1/r."""

_LIGHT: Final = frozenset({"O", "Li"})


@dataclass(frozen=True, repr=False)
class FEMReadings(Result):
    """Outcome of :func:`read_peaks`.

    Attributes
    ----------
    result, gas
        V of the columns, and of a gas built the same way; None where there is none.
    fit, gas_fit
        Their fits in the two published windows.
    parts, gas_parts
        Attribution to pairs of elements; None where it was not worth computing.
    regions
        Attribution to clusters, matrix and their interference; None in columns without clusters.
    exponents
        By label of the peak n in V ∝ thicknessⁿ; empty where it was not worth computing.
    bonds
        Å by pair label, from :func:`bond_lengths`; may be empty.
    """

    result: FEMResult
    gas: FEMResult | None
    fit: FEMFit
    gas_fit: FEMFit | None
    parts: Attribution | None
    gas_parts: Attribution | None
    regions: Attribution | None
    exponents: Mapping[str, float]
    bonds: Mapping[str, float]

    def numbers(self) -> dict[str, float]:
        """Plain numbers under the names of :data:`alzmodel.compare.quantities.QUANTITIES`.

        Positions, widths, shares and exponents are NaN for a peak that does not stand out; heights above the gas are
        always there if a gas is.
        """
        found: dict[str, float] = {}
        heights = []
        for name, label in PEAKS.items():
            peak = self.fit[label]
            heights.append(peak.height if peak.significant else math.nan)
            found[f"{name}_k"] = peak.k if peak.significant else math.nan
            found[f"{name}_d"] = peak.d if peak.significant else math.nan
            found[f"{name}_fwhm"] = peak.fwhm if peak.significant else math.nan
            if self.gas_fit is not None:
                found[f"{name}_excess"] = peak.height - self.gas_fit[label].height
        found["fem_ratio"] = heights[1] / heights[0]
        for name, label in PEAKS.items():
            there = self.fit[label].significant
            shares = self.parts.shares(*TWO_WINDOWS[label]) if self.parts is not None and there else None
            heavy = [pair for pair in shares or () if not _LIGHT & set(pair.split("-"))]
            found[f"{name}_share_bonds"] = _sum(shares, BOND_PAIRS[name])
            found[f"{name}_share_cations"] = _sum(shares, heavy)
            found[f"{name}_thickness_exponent"] = self.exponents.get(label, math.nan) if there else math.nan
        for pair, length in self.bonds.items():
            found[f"{pair.lower().replace('-', '_')}_distance"] = length
        return found

    def items(self) -> Iterator[Item]:
        """One entry a peak, what stands out or not; the ratio of their heights; bonds."""
        yield Item("peaks", tuple(self._peak(name, label) for name, label in PEAKS.items()))
        yield Item("ratio", self.numbers()["fem_ratio"])
        yield Item("bonds", self.bonds, unit="Å")

    def _peak(self, name: str, label: str) -> Together:
        """Peak of a window with all that tells what it is."""
        parts = {"shares": self.parts, "shares_gas": self.gas_parts, "shares_regions": self.regions}
        return together(
            self.fit[label],
            {
                "stands_out": self.fit[label].significant,
                "height_above_gas": self.numbers().get(f"{name}_excess"),
                "thickness_exponent": self.exponents.get(label),
            },
            {key: None if one is None else one.shares(*TWO_WINDOWS[label]) for key, one in parts.items()},
        )


def _sum(shares: Mapping[str, float] | None, pairs: Sequence[str]) -> float:
    return math.nan if shares is None else math.fsum(shares.get(pair, 0.0) for pair in pairs)


def read_peaks(
    columns: Sequence[Atoms],
    result: FEMResult,
    *,
    gas_columns: Sequence[Atoms] = (),
    gas: FEMResult | None = None,
    bonds: Mapping[str, float] | None = None,
    always: bool = True,
    n_attributed: int | None = None,
    progress: Progress = silent,
) -> FEMReadings:
    """Gather the numbers that tell a bond from a reflection, for the two published peaks.

    Parameters
    ----------
    columns, result
        As given to :func:`alzmodel.scattering.fem.variance.fem`, and what it returned.
    gas_columns, gas
        Control without order, and its variance; with columns its attribution is computed too.
    bonds
        From :func:`bond_lengths`.
    always
        False leaves attribution and thickness out where no peak stands out.
    n_attributed
        How many of the columns are attributed; all if left out. Which pairs interfere differs little between columns
        of one glass.
    progress
        Told after every part.

    Returns
    -------
    FEMReadings
        Positions, widths and heights with 95 % intervals (:func:`alzmodel.scattering.fem.fit.fit_fem_peaks`), shares
        of pairs in the variance (:func:`alzmodel.scattering.fem.attribution.attribute`) and exponents of the thickness
        (:func:`alzmodel.scattering.fem.thickness.thickness_exponents`).

        A bond gives a peak made by its own pair, as wide as half its period 1/r, independent of its neighbours, so
        that V falls as one over the thickness. A reflection gives a peak at its k, made by the heavy pairs, as narrow
        as the crystal is large, and V that does not fall that fast once crystals are as long as the specimen.
    """
    fit = fit_fem_peaks(result, "two")
    worth = always or any(peak.significant for peak in fit.peaks)
    parts = gas_parts = regions = None
    exponents: dict[str, float] = {}
    if worth:
        chosen = list(columns)[:n_attributed]
        parts = attribute(chosen, result.settings)
        progress(0.4, "attribution to pairs")
        if all(_has_clusters(column) for column in chosen):
            regions = attribute(chosen, result.settings, by="regions")
        if gas_columns:
            gas_parts = attribute(list(gas_columns), result.settings)
        progress(0.6, "attribution of the gas")
        exponents = thickness_exponents(columns, result)
        progress(1.0, "halves of the columns")
    return FEMReadings(
        result=result,
        gas=gas,
        fit=fit,
        gas_fit=None if gas is None else fit_fem_peaks(gas, "two"),
        parts=parts,
        gas_parts=gas_parts,
        regions=regions,
        exponents=exponents,
        bonds=dict(bonds or {}),
    )


def _has_clusters(column: Atoms) -> bool:
    marks = column.arrays.get("cluster")
    return marks is not None and bool((marks > 0).any()) and bool((marks == 0).any())


def bond_lengths(frames: Sequence[Atoms] | Atoms) -> dict[str, float]:
    """Å of Zr–O, La–O and Zr–La of a model, those that it has.

    Bonds to oxygen are the maximum of g(r); Zr–La is the mean over the first shell
    (:func:`alzmodel.local_order.shells.first_shells`), whose highest point jumps between shared edges and corners.
    """
    from alzmodel.local_order.shells import first_shells

    listed = list(frames) if isinstance(frames, Sequence) else [frames]
    elements = set(listed[0].get_chemical_symbols())
    if "O" not in elements or not {"La", "Zr"} & elements:
        return {}
    shells = first_shells(listed)
    rdf = shells.rdf
    peaks = rdf.first_peaks()
    found = {
        label: peaks[label]["r"]
        for cation in ("Zr", "La")
        if (label := pair_label(cation, "O")) in peaks and math.isfinite(peaks[label]["r"])
    }
    between = pair_label("Zr", "La")
    if between in rdf.counts:
        inside = rdf.r < shells.cutoffs[between]
        if rdf.counts[between][inside].any():
            found[between] = float(np.average(rdf.r[inside], weights=rdf.counts[between][inside]))
    return found
