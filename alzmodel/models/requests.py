"""What every build asks of its request, and says of what was requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alzmodel.composition import ZR_PER_FORMULA
from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alzmodel.composition import Composition

__all__ = ["check_seed", "la_content"]


def check_seed(seed: int) -> int:
    """Return a seed as a whole number.

    Raises
    ------
    InputError
        If it is negative or no whole number.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed: {seed}; allowed: a whole number of at least 0")
    return int(seed)


def la_content(counts: Mapping[str, int], composition: Composition) -> float:
    """La per two Zr of the ions of a cell; without Zr, that of the composition that was asked for."""
    zirconium = counts.get("Zr4+", 0)
    return ZR_PER_FORMULA * counts.get("La3+", 0) / zirconium if zirconium else float(composition.la)
