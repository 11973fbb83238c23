"""Peaks of ``alzmodel fem``: fitted, or told why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alzmodel.cli.output import say
from alzmodel.errors import InputError
from alzmodel.results import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from alzmodel.results import Result, Together
    from alzmodel.scattering.fem.fit import FEMFit

__all__ = ["with_fitted_peaks"]


def with_fitted_peaks(result: Result, fit: Callable[[], FEMFit]) -> Together:
    """Return a result with its peaks; without, and with ``peaks_note``, where its rings do not reach far enough.

    The variance took the time: it is not thrown away because a fit does not suit it.
    """
    try:
        return together(result, {"peaks": fit().significant})
    except InputError as error:
        words = (
            f"{error}; --fit free takes what stands out, a smaller --ring-width or a wider range fits more"
        )
        say(f"alzmodel: peaks are left out: {words}")
        return together(result, {"peaks": (), "peaks_note": words})
