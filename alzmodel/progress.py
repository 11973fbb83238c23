"""How long work tells what it has done, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "silent"]

Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and a few words on what is being done."""


def silent(fraction: float, message: str) -> None:
    """Tell nobody."""
    del fraction, message
