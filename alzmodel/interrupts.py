"""Ctrl-C and SIGTERM end a program in time, also while it is inside compiled code."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

from alzmodel.errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["PATIENCE", "UNFINISHED", "interruptible"]

PATIENCE: Final = 1.5
"""Seconds that the main thread has to notice a signal."""
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
UNFINISHED: Final[set[Path]] = set()
"""Files that are being written and have not got their names yet: what is cut short leaves none."""


@contextlib.contextmanager
def interruptible(program: str) -> Iterator[None]:
    """Raise KeyboardInterrupt for Ctrl-C and SIGTERM inside the block, and end the process if nobody hears it.

    Python calls handlers of signals between two steps of its own. A thread therefore watches: when the main thread is
    inside compiled code for longer than :data:`PATIENCE`, the thread removes unfinished files, prints one line and ends
    the process with exit code 130. It needs compiled code that gives up the lock of the interpreter (``nogil``).

    Parameters
    ----------
    program
        Name before the line.

    Notes
    -----
    A signal that the parent process ignores (``nohup``) stays ignored. Outside the main thread nothing happens: only
    that one gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = threading.Event()

    def interrupt(*_: object) -> None:
        heard.set()
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt)
        for number in SIGNALS
        if signal.getsignal(number) not in {signal.SIG_IGN, None}
    }
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    earlier = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader, heard, program), daemon=True).start()
    try:
        yield
    except SystemError as error:
        # numba's own name for KeyboardInterrupt at the end of a call.
        if heard.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.set_wakeup_fd(earlier)
        # The watching thread reads the end of the pipe and goes.
        os.close(writer)
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(reader: int, heard: threading.Event, program: str) -> None:
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while arrived := pipe.read(1):
            if arrived[0] in SIGNALS and not heard.wait(PATIENCE):
                _leave(program)


def _leave(program: str) -> None:
    """End the process from a thread: the main one is in compiled code and cannot."""
    for path in tuple(UNFINISHED):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    # The stream may be held by the main thread: the line goes past it.
    with contextlib.suppress(OSError):
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{program}: interrupted\n".encode())
    os._exit(EXIT_INTERRUPTED)


# A forked child has the pipe of its parent, and would tell it of signals that were not for it.
os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
