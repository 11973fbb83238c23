"""Patterns in a file that are read some at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import InputError
from alzmodel.limits import check_memory, size_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "LARGEST_BLOCK",
    "WHOLE",
    "FrameFile",
    "Piece",
    "check_pieces",
    "frame_blocks",
    "in_memory",
    "pieces_of",
]

Piece = tuple[slice, ...]
"""Which probe positions, along one or two axes."""
Block = tuple[NDArray[np.int64], NDArray[Any]]
"""Numbers of patterns, counted along the last axis of probe positions first, and the patterns, shape (n, ky, kx)."""

_BLOCK: Final = 16e6
"""Bytes of patterns that are read at a time, where chunks of a file do not ask for more."""
LARGEST_BLOCK: Final = 128e6
"""Bytes of patterns that have to be read together because a chunk holds parts of them all."""
WHOLE: Final = 500e6
"""Bytes of a stack that may be read as a whole, where it cannot be read in parts."""


@dataclass(frozen=True, slots=True)
class FrameFile:
    """Patterns that stay in their file until they are asked for.

    Attributes
    ----------
    shape
        (…, ky, kx): one or two axes of probe positions first.
    dtype
        Of the counts.
    read
        Yields pieces of probe positions and their patterns, each position once. It opens and closes the file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], Iterator[tuple[Piece, NDArray[Any]]]]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All patterns, in memory.

        Raises
        ------
        InputError
            If they do not fit there.
        """
        check_memory(f"patterns of shape {self.shape}", math.prod(self.shape) * self.dtype.itemsize)
        whole = np.empty(self.shape, self.dtype if dtype is None else dtype)
        for piece, patterns in self.read():
            whole[piece] = patterns
        return whole


def in_memory(patterns: NDArray[Any]) -> FrameFile:
    """Patterns that are an array already, or a memory-mapped file."""

    def read() -> Iterator[tuple[Piece, NDArray[Any]]]:
        for piece in pieces_of(patterns.shape, patterns.dtype.itemsize):
            yield piece, patterns[piece]

    return FrameFile(patterns.shape, patterns.dtype, read)


def frame_blocks(patterns: NDArray[Any] | FrameFile) -> Iterator[Block]:
    """Go through all patterns, a few at a time.

    Parameters
    ----------
    patterns
        Shape (…, ky, kx); an array, memory-mapped or not, or a file.

    Yields
    ------
    tuple
        See :data:`Block`.
    """
    scan, frame = patterns.shape[:-2], patterns.shape[-2:]
    if isinstance(patterns, FrameFile):
        numbers = np.arange(math.prod(scan)).reshape(scan)
        for piece, found in patterns.read():
            yield numbers[piece].ravel(), found.reshape(-1, *frame)
        return
    flat = patterns.reshape(-1, *frame)
    step = max(1, int(_BLOCK // (math.prod(frame) * patterns.dtype.itemsize)))
    for start in range(0, len(flat), step):
        yield np.arange(start, min(start + step, len(flat))), flat[start : start + step]


def pieces_of(
    shape: tuple[int, ...], itemsize: int, chunks: tuple[int, ...] | None = None
) -> Iterator[Piece]:
    """Cut the probe positions of a stack into pieces that are read at a time.

    Parameters
    ----------
    shape
        Of the stack, probe positions first.
    itemsize
        Bytes of a count.
    chunks
        Of the file, same length as `shape`: a chunk is read whole whatever is wanted of it, so pieces hold whole ones.
    """
    scan = shape[:-2]
    unit = [1] * len(scan) if chunks is None else list(chunks[: len(scan)])
    frame = math.prod(shape[-2:]) * itemsize
    last = len(scan) - 1
    grown = max(1, int(_BLOCK // max(frame * math.prod(unit), 1)))
    unit[last] = min(scan[last], unit[last] * grown)
    if len(scan) == 1:
        for start in range(0, scan[0], unit[0]):
            yield (slice(start, min(start + unit[0], scan[0])),)
        return
    for row in range(0, scan[0], unit[0]):
        for column in range(0, scan[1], unit[1]):
            yield (
                slice(row, min(row + unit[0], scan[0])),
                slice(column, min(column + unit[1], scan[1])),
            )


def check_pieces(name: str, shape: tuple[int, ...], itemsize: int, chunks: tuple[int, ...] | None) -> None:
    """Refuse a large stack whose chunks cut every pattern: reading one of them would read all.

    Raises
    ------
    InputError
        With the size, and what is allowed.
    """
    if chunks is None:
        return
    patterns = math.prod(map(min, chunks[:-2], shape[:-2]))
    together = patterns * math.prod(shape[-2:]) * itemsize
    whole = math.prod(shape) * itemsize
    if patterns > 1 and together > LARGEST_BLOCK and whole > WHOLE:
        raise InputError(
            f"{name}: {size_words(whole)} in chunks {chunks} that hold parts of {patterns} patterns; "
            f"allowed: chunks of whole patterns in a stack over {size_words(WHOLE)}"
        )
