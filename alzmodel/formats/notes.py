"""What was done with the files of a user that the user should know."""

from __future__ import annotations

import inspect
import warnings
from itertools import takewhile

__all__ = ["ReadingNote", "tell"]


class ReadingNote(UserWarning):
    """A file was read, but something in it had to be decided, left out or looks wrong."""


def tell(words: str) -> None:
    """Tell the user; commands print it on stderr, in Python it is a warning."""
    callers = (frame.frame.f_globals.get("__name__", "") for frame in inspect.stack(context=0)[1:])
    own = sum(
        1 for _ in takewhile(lambda name: name.partition(".")[0] in {"alzmodel", "contextlib"}, callers)
    )
    # The line of the user, not one of the package, is shown beside the words.
    warnings.warn(words, ReadingNote, stacklevel=own + 2)
