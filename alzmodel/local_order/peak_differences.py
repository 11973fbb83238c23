"""First peaks of the partial g(r) of two models beside one another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d

from alzmodel.local_order.pdf import partial_rdf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["PeakDifference", "peak_differences"]

SMOOTHING = 0.06
"""Å; standard deviation of the Gaussian that smooths g(r) before its height is read, for both models alike."""

BIN = 0.02
"""Å."""

NEAR = 0.3
"""Å; the height is the largest this near to the position."""


@dataclass(frozen=True, slots=True)
class PeakDifference:
    """First maximum of a partial g(r) in a model and in the one that it is held against.

    Attributes
    ----------
    pair
        Label of the pair of elements.
    position, reference_position
        Å.
    position_error
        Percent of the reference.
    height, reference_height
        Of the smoothed curves.
    height_error
        Percent of the reference.
    """

    pair: str
    position: float
    reference_position: float
    position_error: float
    height: float
    reference_height: float
    height_error: float


def peak_differences(frames: Sequence[Atoms], reference: Sequence[Atoms]) -> list[PeakDifference]:
    """First peaks of every partial that has one in both models.

    Parameters
    ----------
    frames
        Of the model.
    reference
        Of the one that it is held against.
    """
    ours, theirs = (partial_rdf(list(one), r_max=6.0, dr=BIN) for one in (frames, reference))
    found, expected = ours.first_peaks(), theirs.first_peaks()
    rows = []
    for pair in sorted(set(found) & set(expected)):
        here, there = found[pair]["r"], expected[pair]["r"]
        if math.isfinite(here + there):
            high, right = _height(ours.r, ours.g[pair], here), _height(theirs.r, theirs.g[pair], there)
            rows.append(
                PeakDifference(
                    pair, here, there, 100 * (here / there - 1), high, right, 100 * (high / right - 1)
                )
            )
    return rows


def _height(r: np.ndarray, g: np.ndarray, position: float) -> float:
    smooth = gaussian_filter1d(g, SMOOTHING / BIN)
    return float(smooth[np.abs(r - position) < NEAR].max())
