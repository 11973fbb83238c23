"""How long work tells what it has done, and how that is shown: as a bar on a terminal or in a notebook, or as lines.

Work takes a :data:`Progress` and does not know who listens. Functions that users call in Python take a :data:`Watch`,
and :func:`watched` makes the one of the other.
"""

from __future__ import annotations

import contextlib
import html
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "SECONDS_BEFORE_BAR",
    "SECONDS_BETWEEN_LINES",
    "Progress",
    "Watch",
    "lines",
    "part_of",
    "seconds_left",
    "silent",
    "terminal_bar",
    "watched",
]

Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and a few words on what is being done."""

Watch: TypeAlias = "Progress | bool | None"
"""What is told of the progress: a function; True for a bar, or for lines where stderr is no terminal; False for nobody;
None for a bar on terminals and in notebooks, and for nobody elsewhere."""

SECONDS_BETWEEN_LINES: Final = 15.0
SECONDS_BEFORE_BAR: Final = 1.0
"""Work that ends sooner shows no bar."""
_SECONDS_BETWEEN_DRAWINGS: Final = 0.25


def part_of(progress: Progress, number: int, total: int) -> Progress:
    """Tell what is done of part `number` (from 0) of `total` equal parts as what is done of all."""
    return lambda fraction, message: progress((number + fraction) / total, message)


def silent(fraction: float, message: str) -> None:
    """Tell nobody."""
    del fraction, message


def seconds_left(started: float, fraction: float) -> str:
    """Say how long the rest takes if it goes on as since `started` (:func:`time.monotonic`); nothing at the start."""
    if fraction <= 0:
        return ""
    return f", about {(time.monotonic() - started) * (1 - fraction) / fraction:.0f} s left"


@contextlib.contextmanager
def watched(progress: Watch, title: str) -> Iterator[Progress]:
    """Yield what long work is to tell of its progress.

    Parameters
    ----------
    progress
        See :data:`Watch`.
    title
        Stands before the bar.
    """
    if callable(progress):
        yield progress
    elif progress is False:
        yield silent
    elif _in_notebook():
        with _notebook_bar(title) as told:
            yield told
    elif sys.stderr.isatty():
        with terminal_bar(title, after=SECONDS_BEFORE_BAR) as told:
            yield told
    else:
        yield lines(title) if progress else silent


def _in_notebook() -> bool:
    """Whether a kernel of Jupyter runs this, whose front end draws."""
    interactive = sys.modules.get("IPython")
    shell = None if interactive is None else interactive.get_ipython()
    return getattr(shell, "kernel", None) is not None


@contextlib.contextmanager
def terminal_bar(title: str, *, after: float = 0.0) -> Iterator[Progress]:
    """Yield a :data:`Progress` that draws a bar with the time left on stderr, from `after` seconds on."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    bars = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bars.add_task(title, total=1.0)
    started = time.monotonic()
    if not after:
        bars.start()

    def update(fraction: float, message: str) -> None:
        if not bars.live.is_started and time.monotonic() - started >= after:
            bars.start()
        bars.update(task, completed=fraction, description=f"{title}: {message}")

    try:
        yield update
    finally:
        bars.stop()


def lines(title: str) -> Progress:
    """Give a :data:`Progress` that prints a line to stderr every :data:`SECONDS_BETWEEN_LINES`."""
    started = last = time.monotonic()

    def update(fraction: float, message: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < SECONDS_BETWEEN_LINES:
            return
        last = now
        print(f"{title}: {message}, {fraction:.0%} done{seconds_left(started, fraction)}", file=sys.stderr)

    return update


@contextlib.contextmanager
def _notebook_bar(title: str) -> Iterator[Progress]:
    """Yield a :data:`Progress` that draws a bar in the output of a cell; at the end a line stays."""
    from IPython import display

    started = last = time.monotonic()
    handle: Any = None

    def show(words: str) -> None:
        nonlocal handle
        if handle is None:
            handle = display.display(display.HTML(words), display_id=True)
        else:
            handle.update(display.HTML(words))

    def update(fraction: float, message: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - started < SECONDS_BEFORE_BAR or now - last < _SECONDS_BETWEEN_DRAWINGS:
            return
        last = now
        share = min(max(fraction, 0.0), 1.0)
        words = html.escape(f"{title}: {message}, {share:.0%}{seconds_left(started, share)}")
        show(f"<progress value='{share:.3f}' style='width:16em'></progress> {words}")

    ended = "stopped"
    try:
        yield update
        ended = "done"
    finally:
        if handle is not None:
            show(f"{html.escape(title)}: {ended} after {time.monotonic() - started:.0f} s")
