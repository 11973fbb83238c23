"""Order by shell around the nucleus of a glass-ceramic of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alzmodel.compare.quantities import known
from alzmodel.errors import InputError
from alzmodel.study.files import CURVES
from alzmodel.study.stage import Cost, Job, Stage, StageResult, quantity
from alzmodel.study.store import curves_of, write_curves
from alzmodel.study.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from alzmodel.study.stage import Work

__all__ = ["NUCLEUS_SHELLS", "NucleusShellSettings"]

_FRAMES: Final = 2
"""Of 300 K; order of cations hardly changes between them."""


class NucleusShellSettings(Table):
    """Order around a nucleus that was grown into a glass with everything free to move."""

    of: str = "x3-glass-ceramic-La2Zr2O7-40A-seed1"
    """Glass-ceramic of the library ("alzmodel library")."""


def _nucleus_shells(work: Work) -> StageResult:
    """Order of the glass by its distance from the nucleus."""
    from alzmodel.local_order.nucleus_shells import nucleus_shells
    from alzmodel.models.library import library, load_frames

    name = work.inputs["of"]
    found = [model for model in library() if model.name == name]
    if not found:
        raise InputError(f"nucleus_shells.of: {name}; allowed: a model of the library (alzmodel library)")
    shells = nucleus_shells(load_frames(found[0])[:_FRAMES])
    write_curves(work.folder / CURVES, curves_of(shells, "nucleus_shells"))
    rows = [quantity("nucleus_shell_order", shells.first_shell, source="glass-ceramic")]
    return StageResult(rows, shells.to_dict())


def _jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    yield Job("order around a nucleus", study["nucleus_shells"].model_dump())


def _cost(*_: object) -> Cost:
    return Cost(15.0, 5e8)


NUCLEUS_SHELLS = Stage(
    name="nucleus_shells",
    version=1,
    run=_nucleus_shells,
    jobs=_jobs,
    cost=_cost,
    table="nucleus_shells",
    Settings=NucleusShellSettings,
    needs=(),
    optional=True,
    beside_films=True,
    quantities=known("nucleus_shell_order"),
)
