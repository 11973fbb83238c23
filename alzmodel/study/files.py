"""Names of the files that tasks leave."""

from __future__ import annotations

from typing import Final

__all__ = ["ATOMS", "CURVES", "FRAMES", "MODEL"]

MODEL: Final = "model.extxyz"
FRAMES: Final = "frames.extxyz"
CURVES: Final = "curves.h5"
ATOMS: Final = "atoms"
"""Curves under this name have one number for each atom of the model: the viewer offers them as colours."""
