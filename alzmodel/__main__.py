"""The program ``alzmodel``, and ``python -m alzmodel``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run one command and return its exit code; Ctrl-C counts from here on, also while commands are loaded."""
    try:
        from alzmodel.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("alzmodel: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
