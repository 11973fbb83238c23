"""What was done with the files of a user that the user should know."""

from __future__ import annotations

import warnings

__all__ = ["ReadingNote", "tell"]


class ReadingNote(UserWarning):
    """A file was read, but something in it had to be decided, left out or looks wrong."""


def tell(words: str) -> None:
    """Tell the user; commands print it on stderr, in Python it is a warning."""
    warnings.warn(words, ReadingNote, stacklevel=2)
