"""Which frames of a trajectory are wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from alzmodel.errors import InputError

__all__ = ["EVERY", "FrameChoice", "parse_frames"]

_ALLOWED: Final = "first, last, a number, or FIRST:END:STEP such as 100:2000:10, from 0, the end left out"


@dataclass(frozen=True, slots=True)
class FrameChoice:
    """Frames of a file: a slice as Python has it, and the text that asked for it."""

    text: str
    chosen: slice

    def of(self, number: int, name: str) -> range:
        """Return the indices of the frames that are wanted of `number`.

        Raises
        ------
        InputError
            If that is none.
        """
        found = range(number)[self.chosen]
        if not found:
            raise InputError(f"--frames {self.text}: {name} has {number} frames; allowed: {_ALLOWED}")
        return found


EVERY: Final = FrameChoice(":", slice(None))


def parse_frames(text: str) -> FrameChoice:
    """Read a choice of frames.

    Parameters
    ----------
    text
        ``first``, ``last``, a number (from 0; negative from the end) or ``FIRST:END:STEP``, each of which may be left
        out; END itself is not taken.

    Raises
    ------
    InputError
        If it is none of these.

    Examples
    --------
    >>> list(parse_frames("2:9:3").of(100, "run.xyz"))
    [2, 5, 8]
    >>> list(parse_frames("last").of(100, "run.xyz"))
    [99]
    """
    plain = text.strip()
    if plain in {"first", "last"}:
        return FrameChoice(plain, slice(0, 1) if plain == "first" else slice(-1, None))
    if re.fullmatch(r"[+-]?\d{1,12}", plain):
        index = int(plain)
        return FrameChoice(plain, slice(index, index + 1 if index != -1 else None))
    match = re.fullmatch(r"([+-]?\d{1,12})?:([+-]?\d{1,12})?(?::(\d{1,12})?)?", plain)
    step = int(match[3]) if match and match[3] else 1
    if match is None or step < 1:
        raise InputError(f"--frames {text}: no choice of frames; allowed: {_ALLOWED}")
    first, end = (int(part) if part else None for part in (match[1], match[2]))
    return FrameChoice(plain, slice(first, end, step))
