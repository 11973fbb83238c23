"""How the FEM peaks depend on the thickness of the specimen: what tells long order along the beam from short."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.errors import InputError
from alzmodel.scattering.fem.fit import TWO_WINDOWS
from alzmodel.scattering.fem.variance import fem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms

    from alzmodel.scattering.fem.variance import FEMResult

__all__ = ["thickness_exponents"]


def thickness_exponents(
    columns: Sequence[Atoms],
    whole: FEMResult,
    windows: Mapping[str, tuple[float, float]] = TWO_WINDOWS,
) -> dict[str, float]:
    """Compare the variance of columns with that of their halves, cut across the beam.

    Parameters
    ----------
    columns
        As for :func:`alzmodel.scattering.fem.variance.fem`.
    whole
        Their variance.
    windows
        By name the range of k in nm⁻¹ over which the variance above the speckle floor is averaged.

    Returns
    -------
    dict
        For each window log2 of the excess of the columns over that of their halves, which is the exponent n of
        V ∝ tⁿ between half the thickness t and t. NaN where either shows no excess.

        Ordered regions that are much shorter than t and independent of each other give n = −1, since the intensity of
        N of them fluctuates by 1/√N and N grows with t. Regions longer than t are cut by a thin specimen: their
        number in the beam hardly grows with t while the intensity of each does, so that n lies above −1 and may be
        positive.

    Raises
    ------
    InputError
        If there are no columns, or one is too thin to be cut.
    """
    pieces = []
    for number, column in enumerate(columns):
        z = column.positions[:, 2]
        middle = 0.5 * float(z.min() + z.max()) if len(column) else 0.0
        halves = [column[z < middle], column[z >= middle]]
        if not all(len(half) for half in halves):
            raise InputError(
                f"FEM column {number}: cannot be cut in two across the beam; allowed: columns of some Å"
            )
        pieces += halves
    thin = fem(pieces, whole.settings, n_bootstrap=0)
    found = {}
    for name, (low, high) in windows.items():
        inside = (whole.k >= low) & (whole.k <= high)
        if not inside.any():
            raise InputError(
                f"window {name}: {low:g} to {high:g} nm⁻¹ holds no ring; allowed: within the rings"
            )
        thick, half = (float(np.mean((one.variance["omega"] - one.floor)[inside])) for one in (whole, thin))
        found[name] = math.log2(thick / half) if thick > 0 and half > 0 else math.nan
    return found
