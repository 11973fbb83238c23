"""The kinds of work that a study consists of: one file each, from which all else follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alzmodel.compare.quantities import declare
from alzmodel.errors import InputError
from alzmodel.moved import names_of
from alzmodel.study.files import CURVES, FRAMES, MODEL
from alzmodel.study.stages.crystal import CRYSTAL
from alzmodel.study.stages.crystallite import CRYSTALLITE
from alzmodel.study.stages.exafs import EXAFS
from alzmodel.study.stages.fem import FEM, NUCLEUS
from alzmodel.study.stages.glass import GLASS
from alzmodel.study.stages.local_order import LOCAL_ORDER
from alzmodel.study.stages.nucleus_shells import NUCLEUS_SHELLS
from alzmodel.study.stages.transport import TRANSPORT
from alzmodel.study.stages.vibrations import CRYSTAL_MODES, VIBRATIONS
from alzmodel.study.stages.xrd import XRD

if TYPE_CHECKING:
    from alzmodel.study.stage import Stage

__all__ = ["CURVES", "FRAMES", "MODEL", "NUCLEUS", "STAGES", "add"]

__getattr__ = names_of(__name__, {"around_nucleus": "alzmodel.study.stages.fem"})

STAGES: Final[dict[str, Stage]] = {}
"""Stages by name; tables, figures and caveats of a study stand in this order. A stage comes after those it needs."""


def add(stage: Stage) -> None:
    """Put a stage at the end of :data:`STAGES`.

    Raises
    ------
    InputError
        If there is one of that name, it needs one that is not there, or a quantity of it has another meaning already.
    """
    if stage.name in STAGES:
        raise InputError(f"stage {stage.name!r}: stands there already; allowed: another name")
    for name in stage.needs:
        if name not in STAGES:
            raise InputError(f"stage {stage.name!r}: needs {name!r}; allowed: {', '.join(STAGES)}")
    declare(*stage.quantities)
    STAGES[stage.name] = stage


_ALL: Final = (
    *(GLASS, LOCAL_ORDER, XRD, CRYSTAL, CRYSTALLITE, FEM),
    *(EXAFS, TRANSPORT, VIBRATIONS, CRYSTAL_MODES, NUCLEUS_SHELLS),
)
for _stage in _ALL:
    add(_stage)
