"""What an analysis is: one :class:`Stage`, from which everything that a study does with it follows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alzmodel.study.files import FRAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ase import Atoms

    from alzmodel.compare.measured import Measured
    from alzmodel.compare.quantities import QuantityInfo
    from alzmodel.progress import Progress
    from alzmodel.report.viewer import ModelView
    from alzmodel.study.results import Results
    from alzmodel.study.store import Record
    from alzmodel.study.table import Table

__all__ = [
    "Cost",
    "Job",
    "Stage",
    "StageResult",
    "StudyFigure",
    "Work",
    "glass_frames",
    "made_words",
    "model_words",
    "quantity",
]


@dataclass(frozen=True, slots=True)
class Work:
    """What a stage is given.

    Attributes
    ----------
    inputs
        The task's inputs.
    needs
        Folders of the results it reads, by role.
    folder
        Where it writes its files.
    scratch
        A folder for restart files: it outlives a killed attempt and goes when the task is done.
    progress
        Called with fraction and words.
    """

    inputs: Mapping[str, Any]
    needs: Mapping[str, Path]
    folder: Path
    scratch: Path
    progress: Progress


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage returns besides its files: rows of quantities, and numbers for the record."""

    quantities: list[dict[str, Any]]
    results: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """One task as a stage asks for it.

    Attributes
    ----------
    label
        Words for people; those on the glass follow where the stage needs one.
    inputs
        Everything that the result depends on; those of a stage that needs a glass get its ``model``.
    positions
        Of a glass: its atoms times its frames at 300 K.
    """

    label: str
    inputs: Mapping[str, Any]
    positions: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """Rough seconds on one core, and bytes on disk."""

    seconds: float
    room: float


@dataclass(frozen=True, slots=True)
class StudyFigure:
    """A figure of a study: how it is drawn, and the words that stand with it in the report.

    Attributes
    ----------
    draw
        Takes the results of the study and the file to write; without an ending PNG, SVG and CSV. It raises
        :class:`~alzmodel.errors.InputError` where the study has nothing to draw.
    title, caption
        On the page.
    on_page
        Whether it stands there.
    """

    draw: Callable[[Results, Path], tuple[Path, ...]]
    title: str
    caption: str
    on_page: bool = True


def _nothing(*_: object) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """An analysis, or another kind of work of a study.

    Attributes
    ----------
    name
        Its results stand in folders of this name.
    version
        Raised whenever its results change for the same inputs: what it made before is then made again.
    run
        The work: from inputs and needed results to files, quantities and numbers.
    jobs
        Its tasks, by the tables of the study (name to settings); for a stage with `needs` those for one glass.
    cost
        From the inputs of a task and the positions of its glass (atoms times frames) to time and room.
    table
        The table of the study file that it goes by; ``TABLE = false`` leaves the stage out.
    Settings
        What stands in that table; None where it is another stage's.
    needs
        Stages whose results it reads, for the same glass. Stages without needs do their tasks once a study.
    optional
        Whether it is left out unless its table stands in the study file.
    quantities
        What it records; those that :mod:`alzmodel.compare.quantities` does not have are declared so.
    figures
        By name.
    caveats
        From the records of the stage, of which there may be none, the tables of the study and what was measured to
        sentences for the top of the report.
    views
        Models to be looked at besides those that its tasks leave as ``model.extxyz``.
    beside_films
        Whether its numbers hold for every composition and are laid beside the film of each.
    """

    name: str
    version: int
    run: Callable[[Work], StageResult]
    jobs: Callable[[Mapping[str, Any]], Iterable[Job]]
    cost: Callable[[Mapping[str, Any], int], Cost]
    table: str
    Settings: type[Table] | None = None
    needs: tuple[str, ...] = ("glass",)
    optional: bool = False
    quantities: tuple[QuantityInfo, ...] = ()
    figures: Mapping[str, StudyFigure] = field(default_factory=dict)
    caveats: Callable[[Sequence[Record], Mapping[str, Any], Measured], Iterable[str]] = _nothing
    views: Callable[[Results], Iterable[ModelView]] = _nothing
    beside_films: bool = False

    def __call__(self, work: Work) -> StageResult:
        """Do the work of one task."""
        return self.run(work)


def quantity(name: str, value: float | None, **rest: str) -> dict[str, Any]:
    """Row of a quantity for the record; None is NaN: the model has none."""
    return {"name": name, "value": math.nan if value is None else float(value), **rest}


def glass_frames(work: Work) -> list[Atoms]:
    """Read the frames at 300 K of the glass that a task needs."""
    from alzmodel.io import read_frames

    return read_frames(work.needs["glass"] / FRAMES)


def made_words(model: Mapping[str, Any]) -> str:
    """Protocol and potential of a glass, where a study has several; else an empty text."""
    return ", ".join(model[key] for key in ("protocol", "potential") if model.get(key))


def model_words(model: Mapping[str, Any], *, seed: bool = True) -> str:
    """Words on a glass: its composition, and with `seed` how it was made and its seed."""
    words = f"x={model['la']:g}"
    if "li_content" in model:
        words += f" Li {model['li_content']:g}"
    if "dopant" in model:
        words += f" {model['dopant']} {model['fraction']:g}"
    if model.get("compensate") == "oxygen":
        words += " by oxygen"
    if seed:
        made = "".join(f" {model[key]}" for key in ("potential", "protocol") if key in model)
        words += f"{made} seed {model['seed']}"
    return words
