"""The command tree and what ends a run: exit codes and one-line errors."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer

from alzmodel.cli import analyse, build, library, reference, refine, scattering, screen, study
from alzmodel.errors import AlzmodelError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["app", "main"]

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="alzmodel",
    help="Models of Li-La-Zr-O glasses and the X-ray and electron scattering they predict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
study.register(app)
build.register(app)
library.register(app)
refine.register(app)
analyse.register(app)
scattering.register(app)
reference.register(app)
screen.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        from alzmodel import __version__

        print(f"alzmodel {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version."
    ),
) -> None:
    del version


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments
        Words after the program's name; those of the process by default.

    Returns
    -------
    int
        0 done, 1 failed, 2 bad usage or input, 3 study partly done, 130 interrupted.
    """
    try:
        code = app(args=None if arguments is None else list(arguments), standalone_mode=False)
    except InputError as error:
        return _fail(error, EXIT_BAD_INPUT)
    except AlzmodelError as error:
        return _fail(error, EXIT_FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        return _fail(error, EXIT_FAILED)
    except Exception as error:
        # Usage errors come as a class that typer keeps private and that differs between its versions.
        if not callable(getattr(error, "format_message", None)):
            raise
        return _fail(error.format_message(), EXIT_BAD_INPUT)  # type: ignore[attr-defined]
    return code if isinstance(code, int) else 0


def _fail(reason: object, code: int) -> int:
    line = " ".join(str(reason).split())
    print(f"alzmodel: {line}", file=sys.stderr)
    return code
