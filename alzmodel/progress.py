"""How long work tells what it has done, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "part_of", "silent"]

Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and a few words on what is being done."""


def part_of(progress: Progress, number: int, total: int) -> Progress:
    """Tell what is done of part `number` (from 0) of `total` equal parts as what is done of all."""
    return lambda fraction, message: progress((number + fraction) / total, message)


def silent(fraction: float, message: str) -> None:
    """Tell nobody."""
    del fraction, message
