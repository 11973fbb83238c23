"""Numbers on the command line, refused by name and value."""

from __future__ import annotations

import typer

__all__ = ["real", "wavelength_text", "whole"]


def whole(text: str) -> int:
    """Read a whole number, or refuse the option with its value."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r}; allowed: a whole number") from None


def real(text: str) -> float:
    """Read a number, or refuse the option with its value; its range is checked where it is used."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r}; allowed: a number") from None


def wavelength_text(text: str) -> float | str:
    """Read Å, or leave the name of a line as it is."""
    try:
        return float(text)
    except ValueError:
        return text
