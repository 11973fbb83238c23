"""Faults of the past, put back in a child: the fuzz test must find each of them.

Each undoes one mend, and names the command and the words with which it shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


def _nothing(*_: object, **__: object) -> None:
    """Stand in for a check."""


def _no_cell_check() -> None:
    from alzmodel.formats import structures

    structures.check_cell = _nothing


def _no_announcement_check() -> None:
    import contextlib
    import io

    import ase.io

    from alzmodel.formats import structures

    structures.check_xyz = _nothing
    structures.bounded_reading = lambda *_: contextlib.nullcontext()
    # As it was read before files that were cut were.
    structures.read_xyz = lambda text, *_: ase.io.read(io.StringIO(text), index=":", format="extxyz")


def _no_size_check() -> None:
    import contextlib

    from alzmodel.formats import structures

    structures.check_size = lambda path, _: path.stat().st_size
    structures.check_xyz = _nothing
    structures.bounded_reading = lambda *_: contextlib.nullcontext()


def _no_nul_check() -> None:
    import alzmodel.reading as module

    module.check_path = lambda _: None


def _mathtext() -> None:
    import matplotlib as mpl

    from alzmodel.report import drawing

    style = dict(drawing._style())
    style["text.parse_math"] = True
    drawing._style = lambda: style
    mpl.rcParams["text.parse_math"] = True


def _no_ordinate_check() -> None:
    from alzmodel.scattering.curves import reader

    reader._check_values = _nothing


def _no_memory_check() -> None:
    from alzmodel.cli import app
    from alzmodel.local_order import pdf
    from alzmodel.scattering.fem import stack_files, stack_hdf5

    pdf.check_memory = _nothing
    stack_files.check_memory = _nothing
    stack_hdf5._check_announced = _nothing
    kept = app.exit_code

    def exit_code(work, program):
        def loud():
            try:
                return work()
            except MemoryError as error:
                raise RuntimeError(str(error)) from error

        return kept(loud, program)

    app.exit_code = exit_code


def _no_check_of_bins() -> None:
    _no_cell_check()
    _no_memory_check()


def _any_type_of_stack() -> None:
    from alzmodel.scattering.fem import stack
    from alzmodel.scattering.fem.detector import PatternStack

    plain = stack.read_stack

    def read(path, **options):
        if path.suffix == ".npy":
            return PatternStack(np.load(path, allow_pickle=True), 0.2, str(path))
        return plain(path, **options)

    stack.read_stack = read


def _text_for_provenance() -> None:
    from alzmodel.formats import structures

    structures._as_own_info = _nothing


@dataclass(frozen=True)
class Plant:
    """One mend undone, and a call that shows it."""

    undo_mend: Callable[[], None]
    argv: tuple[str, ...]


PLANTS = {
    "skewed cell": Plant(_no_cell_check, ("lbu", "skewed.extxyz")),
    "tiny cell": Plant(_no_check_of_bins, ("pdf", "tiny.extxyz")),
    "announced atoms": Plant(_no_announcement_check, ("pdf", "announced.extxyz")),
    "unpacks to gigabytes": Plant(_no_size_check, ("pdf", "bomb.extxyz.xz")),
    "NUL in a path": Plant(_no_nul_check, ("run", "nul-path.toml", "--dry-run", "--out", "folder")),
    "mathtext": Plant(
        _mathtext, ("plot", "comparison", "study", "-o", "new.png", "--measured", "label.toml")
    ),
    "ordinate of 1e308": Plant(_no_ordinate_check, ("xrd", "small.extxyz", "--against", "huge.xy")),
    "array of words": Plant(
        _any_type_of_stack, ("fem", "words.npy", "--pixel-size", "0.2", "--ring-width", "0.3")
    ),
    "334 TB in HDF5": Plant(
        _no_memory_check, ("fem", "sparse.h5", "--pixel-size", "0.2", "--ring-width", "0.3")
    ),
    "text for provenance": Plant(_text_for_provenance, ("xrd", "odd-info.extxyz", "--method", "crystal")),
}
