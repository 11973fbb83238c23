"""What this machine can do: memory that is there, and words on work that will take long."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

from alzmodel.errors import InputError

__all__ = ["LONG", "MUCH", "check_memory", "forecast", "memory_there", "size_words"]

LONG: Final = 60.0
"""Seconds of work that are told before it begins."""
MUCH: Final = 4e9
"""Bytes of memory that are told before work begins."""
_GROUP_FILES: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_there() -> float:
    """Bytes of memory that this process may use at most: of the machine, its container and its own limits."""
    import resource

    found = [float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")]
    for name in _GROUP_FILES:
        try:
            found.append(float(Path(name).read_text(encoding="ascii")))
        except (OSError, ValueError):
            # No container, or one without a limit ("max").
            continue
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, _ = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            found.append(float(soft))
    return min(found)


def check_memory(what: str, need: float) -> None:
    """Refuse work that needs more memory than is there.

    Parameters
    ----------
    what
        Names the input and its value.
    need
        Bytes, estimated.

    Raises
    ------
    InputError
        If `need` is more than :func:`memory_there`.
    """
    there = memory_there()
    if not need <= there:
        raise InputError(
            f"{what}: needs about {size_words(need)} of memory; allowed here: up to {size_words(there)}"
        )


def forecast(what: str, seconds: float, need: float = 0.0) -> str | None:
    """Words on work that will take more than a minute or 4 GB; None for less. No `need` is not told."""
    if seconds <= LONG and need <= MUCH:
        return None
    return f"{what}: about {_time_words(seconds)}" + (f" and {size_words(need)} of memory" if need else "")


def size_words(number: float) -> str:
    """Bytes as people read them: 850 MB, 4.2 GB, 19 TB, more than 1000 PB."""
    for unit, scale in (("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("PB", 1e15)):
        if number < 1000 * scale:
            return f"{number / scale:.2g} {unit}" if number < 100 * scale else f"{number / scale:.0f} {unit}"
    return "more than 1000 PB"


def _time_words(seconds: float) -> str:
    if not math.isfinite(seconds) or seconds > 1e8:
        return "years"
    for unit, scale in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 1.5 * scale:
            return f"{seconds / scale:.1f} {unit}"
    return f"{seconds:.0f} s"
