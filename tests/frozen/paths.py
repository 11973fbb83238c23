"""The one place where the frozen tests name modules of the package: when a module moves, it changes here alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alzmodel.cli import main
from alzmodel.cli.app import app
from alzmodel.crystals import crystal, nanocrystal
from alzmodel.forcefields.engine import System
from alzmodel.forcefields.pair_tables import Coulomb, pppm_coulomb
from alzmodel.forcefields.potentials import potential
from alzmodel.io import read_frames, write_structure
from alzmodel.study.screen_settings import screen_study
from alzmodel.study.settings import PRESETS, StudySettings, load_study, preset
from alzmodel.study.store import read_curves
from alzmodel.study.task import Task
from alzmodel.study.tasks import STAGE_VERSIONS, plan

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "PRESETS",
    "STAGE_VERSIONS",
    "StudySettings",
    "Task",
    "app",
    "crystal",
    "load_study",
    "main",
    "nanocrystal",
    "plan",
    "preset",
    "read_curves",
    "read_frames",
    "screen_study",
    "write_pair_tables",
    "write_structure",
]


def write_pair_tables(folder: Path) -> None:
    """Write the tables of forces that the half-melted glass works with: larger than all else of it."""
    system = System(potential("du-teter"), ("Li+", "La3+", "Zr4+", "O2-"))
    for coulomb in (Coulomb("dsf", 6.0, 0.2), pppm_coulomb(6.0, 1e-4)):
        system.write_tables(folder, coulomb)
