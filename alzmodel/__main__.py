"""``python -m alzmodel``."""

from __future__ import annotations

import sys

from alzmodel.cli import main

if __name__ == "__main__":
    sys.exit(main())
