"""What the program does around every command."""

from __future__ import annotations

import subprocess
import sys

LAST_WORDS = """
import atexit, gc, sys
atexit.register(lambda: print(gc.get_freeze_count(), file=sys.stderr))
from alzmodel.cli import main
sys.exit(main(["--version"]))
"""


def test_the_interpreter_ends_without_looking_through_what_is_left():
    """What is frozen is left alone by the collections at the end, a tenth of a report."""
    ended = subprocess.run([sys.executable, "-c", LAST_WORDS], capture_output=True, text=True, check=True)
    assert int(ended.stderr) > 1000
