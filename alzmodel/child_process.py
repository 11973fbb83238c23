"""Python in child processes: started alike from every folder, and heard to the last word when it fails."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

__all__ = ["child_environment", "last_error", "python_module"]

UNWANTED = {"PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONPATH"}
"""Variables that would change what a child does, or where it finds its modules."""

_TRACEBACK = "Traceback (most recent call last):"
_LAMMPS_ERROR = re.compile(r"^(?:\[?\d*\]?\s*)?ERROR\b")
_BANNER = re.compile(r"^={20,}$")
"""mpiexec puts words of its own between two such lines below those of its ranks."""


def python_module(module: str) -> tuple[str, ...]:
    """Command line that runs a module of this package; a ``csv.py`` in the current folder is not imported."""
    return sys.executable, "-P", "-m", module


def child_environment(**more: str) -> dict[str, str]:
    """Environment of a child process.

    Of ``PYTHONPATH`` those entries stay that name the same folder from everywhere: an empty or a relative one means
    the current folder. What the child starts itself does not import from there either (FEFF's own workers).

    Parameters
    ----------
    more
        Further variables.
    """
    kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    places = [
        place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if Path(place).is_absolute()
    ]
    if places:
        kept["PYTHONPATH"] = os.pathsep.join(places)
    return {**kept, "PYTHONSAFEPATH": "1", **more}


def last_error(output: str) -> str:
    """Take the error out of what a failed process has printed, whole and in one line; empty if it printed nothing.

    That is what LAMMPS says after ``ERROR``, else the end of the last Python traceback with all its lines, else the
    last line.
    """
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    banner = next((number for number, line in enumerate(lines) if _BANNER.match(line)), None)
    if banner:
        lines = lines[:banner]
    if not lines:
        return ""
    chosen = lines[-1:]
    for number in range(len(lines) - 1, -1, -1):
        if _LAMMPS_ERROR.match(lines[number]):
            chosen = lines[number:]
            break
        if lines[number] == _TRACEBACK:
            # The frames are indented; what is raised begins at the margin.
            ends = (place for place in range(number + 1, len(lines)) if not lines[place].startswith(" "))
            chosen = lines[next(ends, len(lines) - 1) :]
            break
    return " ".join(" ".join(chosen).split())
