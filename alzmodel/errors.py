"""The kinds of failure that a user meets, and how a program ends with them."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AlzmodelError",
    "BuildError",
    "InputError",
    "InterruptionError",
    "exit_code",
    "reason_of",
    "run_main",
]

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141
"""What a shell shows of a program that SIGPIPE ended: 128 + 13."""


class AlzmodelError(Exception):
    """Work that was asked for correctly and failed; the command line ends with exit code 1."""


class BuildError(AlzmodelError):
    """A model that was computed but is not what was asked for, such as a melt that did not melt."""


class InputError(AlzmodelError, ValueError):
    """Input that cannot be used; the command line prints its one line and ends with exit code 2.

    The message names the input, its value and what is allowed.
    """


class InterruptionError(AlzmodelError):
    """Work that Ctrl-C or SIGTERM ended, with words on what is left of it; the command line ends with exit code 130."""


def reason_of(error: Exception) -> str:
    """Words of an error without the file names that the system adds, for a line that names the file already."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def exit_code(work: Callable[[], int | None], program: str) -> int:
    """Do the work of a program, and turn what may end it into one line on stderr and an exit code.

    Parameters
    ----------
    work
        Returns its own exit code; None means 0.
    program
        Name before the line.

    Returns
    -------
    int
        1 after an :class:`AlzmodelError`, an error of the operating system or without memory, 2 after an
        :class:`InputError`, 130 after Ctrl-C or an :class:`InterruptionError`, 141 without a word where the reader of
        the output has gone (as other tools that are piped into `head`), else what `work` returns.
    """
    try:
        code = work() or 0
        # Else what is still held back would meet the closed pipe after this function, with words from Python.
        sys.stdout.flush()
    except InputError as error:
        return _fail(program, error, EXIT_BAD_INPUT)
    except InterruptionError as error:
        return _fail(program, error, EXIT_INTERRUPTED)
    except (BrokenPipeError, SystemExit) as error:
        # rich and typer turn the one into the other.
        if not isinstance(error, BrokenPipeError) and not isinstance(error.__context__, BrokenPipeError):
            raise
        _silence(sys.stdout, sys.stderr)
        return EXIT_PIPE
    except (AlzmodelError, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            name = str(error.filename)
            words = f"{name[:28]} … {name[-28:]}: a name of {len(name)} characters is too long; allowed: shorter names"
            return _fail(program, words, EXIT_BAD_INPUT)
        return _fail(program, error, EXIT_FAILED)
    except MemoryError as error:
        return _fail(
            program, f"not enough memory ({error})" if str(error) else "not enough memory", EXIT_FAILED
        )
    except KeyboardInterrupt:
        return _fail(program, "interrupted", EXIT_INTERRUPTED)
    return code


def run_main(main: Callable[[], int | None]) -> NoReturn:
    """End a script with the exit code of its `main`; see :func:`exit_code`."""
    sys.exit(exit_code(main, Path(sys.argv[0]).name))


def _silence(*streams: TextIO) -> None:
    """Send what is left for streams without a reader to nowhere: Python would complain about it at exit."""
    for stream in streams:
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fail(program: str, reason: object, code: int) -> int:
    line = " ".join(str(reason).split())
    print(f"{program}: {line}", file=sys.stderr)
    return code
