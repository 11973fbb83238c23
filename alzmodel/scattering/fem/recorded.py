"""The recorded variance of columns, with its two peaks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.results import Item, Result
from alzmodel.scattering.fem.observed import (
    Coherent,
    Incoherent,
    coherent_of,
    film_of,
    observe,
    observed_variance,
    pooled,
)
from alzmodel.scattering.fem.two_peaks import fit_two_peaks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms

    from alzmodel.fitting import Shape
    from alzmodel.scattering.fem.observed import Observed
    from alzmodel.scattering.fem.settings import FEMSettings
    from alzmodel.scattering.fem.two_peaks import TwoPeaks
    from alzmodel.scattering.fem.variance import ColumnMoments, FEMResult

__all__ = ["Recorded", "left_out", "record_columns", "resolution_of"]

_MOST_UNITS = 12


@dataclass(frozen=True, repr=False)
class Recorded(Result):
    """Outcome of :func:`record_columns`.

    Attributes
    ----------
    observed
        V, mean pattern and parts.
    coherent
        What they were made from, for other parameters.
    fit
        Two peaks of the observed V.
    """

    observed: Observed
    coherent: Coherent
    fit: TwoPeaks

    def items(self) -> Iterator[Item]:
        """Entries of the observed V, and its peaks: all of them, with a word whether they are significant."""
        yield from self.observed.items()
        yield Item("peaks", tuple(peak for peak in self.fit.peaks if peak.significant))
        yield Item("peaks_background", self.fit.background_kind)
        yield Item("peaks_ratio", self.fit.ratio)
        yield Item("peaks_ratio_systematic", self.fit.ratio_systematic)
        yield Item("peaks_bic", self.fit.bic)
        yield Item("peaks_note", self.fit.note)


def record_columns(
    columns: Sequence[Atoms],
    result: FEMResult,
    incoherent: Incoherent | None = None,
    *,
    shape: Shape = "gaussian",
) -> Recorded:
    """Turn the coherent variance of columns into the recorded one, and fit its two peaks.

    Parameters
    ----------
    columns, result
        Columns with the beam along z, and what :func:`alzmodel.scattering.fem.variance.fem` or
        :func:`alzmodel.scattering.fem.average.fem_converged` made of them.
    incoherent
        Specimen and recording; None is :class:`~alzmodel.scattering.fem.observed.Incoherent` as it is.
    shape
        Of the peaks, "gaussian" or "pseudo-voigt".

    Returns
    -------
    Recorded
        Intervals of the peaks come from leaving out one column at a time.

    Raises
    ------
    InputError
        If an element has no incoherent scattering function, or there are fewer than four rings.

    Examples
    --------
    >>> from alzmodel.scattering.fem.observed import Incoherent
    >>> from alzmodel.scattering.fem.recorded import record_columns
    >>> def recorded(columns, result):
    ...     return record_columns(columns, result, Incoherent(film=300.0, membrane=100.0))
    """
    incoherent = Incoherent() if incoherent is None else incoherent
    coherent = coherent_of(result.moments, result.settings, *film_of(columns))
    units = [observe(one, incoherent).variance for one in left_out(coherent, result.moments)]
    observed = observed_variance(coherent, incoherent)
    return Recorded(
        observed=observed,
        coherent=coherent,
        fit=fit_two_peaks(
            coherent.k,
            {"omega": observed.variance},
            units=units,
            resolution=resolution_of(result.settings),
            shape=shape,
        ),
    )


def left_out(coherent: Coherent, moments: Sequence[ColumnMoments]) -> list[Coherent]:
    """Leave out one group of columns at a time; empty for a single column."""
    count = len(moments)
    if count == 1:
        return []
    found = []
    for group in np.array_split(np.arange(count), min(count, _MOST_UNITS)):
        kept = [moments[n] for n in np.setdiff1d(np.arange(count), group)]
        found.append(replace(coherent, **pooled(kept)))
    return found


def resolution_of(settings: FEMSettings) -> float:
    """Distance in nm⁻¹ of rings whose noise is independent: a ring and the radius of a speckle."""
    return settings.ring_width + 10 * settings.aperture
