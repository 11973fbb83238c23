"""How crystals share corners, edges and faces, to stand beside a glass."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from alzmodel.crystals import crystal
from alzmodel.local_order.sharing import sharing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BESIDE", "reference_sharing"]

BESIDE: Final = ("La2Zr2O7", "LLZO-cubic")
"""Phases that glasses are held against: pyrochlore and garnet."""


@functools.cache
def reference_sharing() -> Mapping[str, Mapping[str, Any]]:
    """Give the sharing per pair of cations in each phase of `BESIDE`."""
    return {phase: sharing(crystal(phase)).to_dict() for phase in BESIDE}
