"""The command line: thin commands over the library, no physics."""

from __future__ import annotations

from alzmodel.cli.app import main

__all__ = ["main"]
