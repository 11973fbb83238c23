"""What a run, a look at one, and a plan of one tell."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.verdicts import Verdict
    from alzmodel.study.judging import Judged

__all__ = ["StudyPlan", "StudyResult", "StudyStatus"]

EXIT_DONE, EXIT_FAILED, EXIT_PARTLY = 0, 1, 3


@dataclass(frozen=True, slots=True)
class StudyResult:
    """Outcome of a run, or of a look at one.

    Attributes
    ----------
    out
        The study's folder.
    tasks
        Numbers of tasks ``done``, ``failed`` and ``left``.
    files
        What was written for people, besides the runs themselves.
    judged
        Rows of measured and modelled values, verdicts, and what stands out.
    failures
        Label of each failed task, why it failed, and its log.
    provisional
        Ions whose potential parameters are provisional, by alphabet.
    """

    out: Path
    tasks: dict[str, int]
    files: tuple[Path, ...]
    judged: Judged
    failures: tuple[dict[str, str], ...] = ()
    provisional: tuple[str, ...] = ()

    @property
    def measured(self) -> tuple[Comparison, ...]:
        """Rows of measured and modelled values."""
        return self.judged.rows

    @property
    def hypotheses(self) -> tuple[Verdict, ...]:
        """Verdicts."""
        return self.judged.verdicts

    @property
    def exit_code(self) -> int:
        """0 if all is done, 3 if a part is, 1 if nothing is."""
        if not self.tasks["failed"] and not self.tasks["left"]:
            return EXIT_DONE
        return EXIT_PARTLY if self.tasks["done"] else EXIT_FAILED

    def to_dict(self) -> dict[str, Any]:
        """Return the keys that ``alzmodel run --json`` prints."""
        return {
            "tasks": self.tasks,
            "files": [str(path) for path in self.files],
            **self.judged.to_dict(),
            "failures": list(self.failures),
        }


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """How far a study is.

    Attributes
    ----------
    tasks
        Numbers of tasks ``done``, ``failed`` and ``left``.
    at_work
        Whether a process works on it at this moment.
    running
        Label, fraction and words of each task at work.
    fraction, seconds_left
        Of the study at work, else of the tasks and None.
    failures
        As in :class:`StudyResult`.
    files
        What is there for people.
    """

    tasks: dict[str, int]
    at_work: bool
    running: tuple[dict[str, Any], ...]
    fraction: float
    seconds_left: float | None
    failures: tuple[dict[str, str], ...]
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the keys that ``alzmodel status --json`` prints."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What a run would do.

    Attributes
    ----------
    tasks
        Label, stage and seconds on one core of each task, and whether it is done already.
    seconds
        Estimated time that is left, with the workers of the study.
    megabytes
        Estimated room on disk of what is left.
    again
        What is made again although there are results of its kind, and why: one line for each stage and reason.
    """

    tasks: tuple[dict[str, Any], ...]
    seconds: float
    megabytes: float
    again: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the keys that ``alzmodel run --dry-run --json`` prints."""
        return {"tasks": self.tasks, "seconds": self.seconds, "megabytes": self.megabytes}
