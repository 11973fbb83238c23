"""Crystals and liquids to stand beside a glass: how they share oxygen, and the order among their cations."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from alzmodel.crystals import crystal
from alzmodel.local_order.sharing import sharing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BESIDE", "reference_order", "reference_sharing"]

BESIDE: Final = ("La2Zr2O7", "LLZO-cubic")
"""Phases that glasses are held against: pyrochlore and garnet."""


@functools.cache
def reference_sharing() -> Mapping[str, Mapping[str, Any]]:
    """Give the sharing per pair of cations in each phase of `BESIDE`."""
    return {phase: sharing(crystal(phase)).to_dict() for phase in BESIDE}


@functools.cache
def reference_order() -> Mapping[str, Mapping[str, Any]]:
    """Give the order among the cations of crystals at 300 K and of liquids: the two ends for a glass.

    Returns
    -------
    Mapping
        By title, such as ``"La2Zr2O7 crystal, 300 K"``: ``order`` as
        :meth:`alzmodel.local_order.cation_order.CationOrder.to_dict` gives it, and how the reference was made
        (``scripts/make_order_ends.py``).
    """
    text = resources.files("alzmodel").joinpath("local_order/order_ends.json").read_text(encoding="utf-8")
    return {row["title"]: row for row in json.loads(text)}
