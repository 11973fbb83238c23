"""The two kinds of failure that a user meets."""

from __future__ import annotations

__all__ = ["AlzmodelError", "BuildError", "InputError"]


class AlzmodelError(Exception):
    """Work that was asked for correctly and failed; the command line ends with exit code 1."""


class BuildError(AlzmodelError):
    """A model that was computed but is not what was asked for, such as a melt that did not melt."""


class InputError(AlzmodelError, ValueError):
    """Input that cannot be used; the command line prints its one line and ends with exit code 2.

    The message names the input, its value and what is allowed.
    """
