"""The command tree and what ends a run: exit codes and one-line errors."""

from __future__ import annotations

import atexit
import contextlib
import gc
import sys
import warnings
from typing import TYPE_CHECKING, Any

import typer

from alzmodel.cli import (
    analyse,
    build,
    cite,
    demo,
    exafs,
    fem,
    inverse,
    library,
    pdf,
    raman,
    reference,
    refine,
    screen,
    solubility,
    study,
    transport,
    vibrations,
    xrd,
)
from alzmodel.cli.output import say
from alzmodel.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, InputError, exit_code
from alzmodel.formats.notes import ReadingNote
from alzmodel.interrupts import interruptible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["app", "main"]

OBJECTS_BETWEEN_COLLECTIONS = 50_000
HELP = ("-h", "--help")

app = typer.Typer(
    name="alzmodel",
    help="Models of Li-La-Zr-O glasses and the X-ray and electron scattering they predict.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": list(HELP)},
)
study.register(app)
build.register(app)
library.register(app)
cite.register(app)
demo.register(app)
refine.register(app)
pdf.register(app)
analyse.register(app)
xrd.register(app)
fem.register(app)
exafs.register(app)
inverse.register(app)
reference.register(app)
screen.register(app)
solubility.register(app)
transport.register(app)
vibrations.register(app)
raman.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        from alzmodel import __version__

        print(f"alzmodel {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "-V", "--version", callback=_show_version, is_eager=True, help="Show the version."
    ),
) -> None:
    del version


TYPES = {
    "<str>": "TEXT",
    "<path>": "FILE",
    "<list[str]>": "TEXT",
    "<list[Path]>": "FILE",
    "<float,float>...": "FLOAT FLOAT",
    "<float,float,float>...": "FLOAT FLOAT FLOAT",
}
"""What some versions of typer call the values of options, and the words for it."""


def command_tree() -> Any:
    """Commands as they are run: help names values by everyday words, and none for an option that takes no value."""
    tree = typer.main.get_command(app)
    waiting: list[Any] = [tree]
    while waiting:
        command = waiting.pop()
        # Lines of the source end elsewhere than those of the terminal.
        command.help = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
        context = typer.Context(command, help_option_names=list(HELP))
        for option in command.get_params(context):
            if getattr(option, "is_flag", False):
                option.metavar = ""
            elif hasattr(option, "display_type_rich"):
                shown = str(option.display_type_rich(context))
                if option.param_type_name == "argument":
                    # Its name stands there, and its help says what it is.
                    option.display_type_rich = _no_words
                elif shown in TYPES:
                    option.metavar = TYPES[shown]
        waiting.extend(getattr(command, "commands", {}).values())
    return tree


def _no_words(ctx: Any) -> str:
    del ctx
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments
        Words after the program's name; those of the process by default.

    Returns
    -------
    int
        0 done, 1 failed, 2 bad usage or input, 3 study partly done, 130 interrupted, 141 reader of the output gone.
    """
    # Imports and figures make objects by the hundred thousand, and nearly all stay: looking through them for dead rings
    # after every 700 new ones, as is the default, takes a tenth of a report. Nor need the interpreter look through what
    # ends with the process.
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    atexit.register(gc.freeze)
    return exit_code(lambda: _command(arguments), "alzmodel")


@contextlib.contextmanager
def _notes_after_the_work() -> Iterator[None]:
    """Say what there is to tell when the work is done; input that is refused gets one line alone."""
    notes: list[str] = []
    shown = warnings.showwarning

    def keep(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, ReadingNote):
            notes.append(str(message))
        else:
            shown(message, category, *rest, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", ReadingNote)
        warnings.showwarning = keep
        yield
    for words in dict.fromkeys(notes):
        say(f"alzmodel: {words}")


def _command(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    for word in words:
        if "\0" in word:
            raise InputError(f"{word!r}: a NUL character; allowed: words and paths without")
    try:
        with interruptible("alzmodel"), _notes_after_the_work():
            code = command_tree()(args=words, prog_name="alzmodel", standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except InputError as error:
        option = _option_meant(str(error), words)
        if option is None:
            raise
        raise InputError(f"{option}{str(error)[len(option) - 2 :]}") from error
    except Exception as error:
        # Usage errors come as a class that typer keeps private and that differs between its versions.
        if not callable(getattr(error, "format_message", None)):
            raise
        message = str(error.format_message())  # type: ignore[attr-defined]
        if not message:
            # No words after a command that needs some: its help has been shown.
            return EXIT_BAD_INPUT
        raise InputError(message.replace("Value error, ", "")) from error
    if code == EXIT_INTERRUPTED:
        # Some versions of typer turn Ctrl-C into the code, without a word.
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _option_meant(message: str, words: Sequence[str]) -> str | None:
    """Name the option of a command line whose plain name begins a message, as ``potential: 'x' is unknown``."""
    name, colon, _ = message.partition(":")
    option = f"--{name}"
    return option if colon and any(word.partition("=")[0] == option for word in words) else None
