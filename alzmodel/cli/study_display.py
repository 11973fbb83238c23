"""How a study at work is shown: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

from alzmodel.cli.output import SECONDS_BETWEEN_LINES, say
from alzmodel.errors import InterruptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

    from alzmodel.study.scheduler import Listener, StudyEvent

__all__ = ["show_study"]


@contextlib.contextmanager
def show_study() -> Iterator[Listener]:
    """Yield a listener that shows one bar for the study and one line for each task at work.

    Raises
    ------
    InterruptionError
        After Ctrl-C, with words on how to go on.
    """
    try:
        if sys.stderr.isatty():
            with _bars() as listen:
                yield listen
        else:
            yield _lines()
    except KeyboardInterrupt as error:
        raise InterruptionError(
            "interrupted: finished results are kept; run the same command to resume"
        ) from error


@contextlib.contextmanager
def _bars() -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        whole = bars.add_task("study", total=1.0, words="")
        running: dict[str, TaskID] = {}

        def listen(event: StudyEvent) -> None:
            bars.update(whole, completed=event.study_fraction, words=_whole_words(event))
            if event.kind in {"again", "plan"}:
                bars.console.print(event.label)
            elif event.kind == "step":
                bars.update(whole, words=event.label)
            elif event.kind == "started":
                running[event.label] = bars.add_task(f"  {event.label}", total=1.0, words="")
            elif event.kind == "progress" and event.label in running:
                bars.update(running[event.label], completed=event.fraction, words=event.message)
            elif event.kind in {"done", "failed", "retried"} and event.label in running:
                bars.remove_task(running.pop(event.label))
            if event.kind in {"damaged", "failed", "retried"}:
                bars.console.print(f"{event.kind}: {event.label}: {event.message}")

        yield listen


def _lines() -> Listener:
    last = time.monotonic()

    def listen(event: StudyEvent) -> None:
        nonlocal last
        now = time.monotonic()
        telling = event.kind in {"again", "plan", "damaged", "done", "failed", "retried", "step"}
        if not telling and now - last < SECONDS_BETWEEN_LINES:
            return
        last = now
        if event.kind in {"step", "again", "plan"}:
            say(f"study: {event.label}")
        elif telling:
            words = f": {event.message}" if event.message else ""
            say(f"study: {event.kind}: {event.label}{words} ({_whole_words(event)})")
        else:
            say(f"study: {_whole_words(event)}")

    return listen


def _whole_words(event: StudyEvent) -> str:
    left = "" if event.seconds_left is None else f", about {event.seconds_left:.0f} s left"
    failed = f", {event.failed} failed" if event.failed else ""
    return f"{event.done} of {event.total} tasks{failed}, {event.study_fraction:.0%}{left}"
