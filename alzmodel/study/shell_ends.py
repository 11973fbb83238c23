"""How much the coordination that a hypothesis is judged by depends on where its shell ends, in words."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from alzmodel.compare.quantities import film_state, quantity_info
from alzmodel.errors import AlzmodelError
from alzmodel.io import json_text, write_text
from alzmodel.models.library import library, library_folder, load_frames

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from alzmodel.compare.verdicts import Verdict
    from alzmodel.study.store import Record

__all__ = [
    "FILE",
    "ShellEnd",
    "ends_of_library",
    "ends_of_study",
    "with_shell_ends",
    "write_library_ends",
]

FILE: Final = "shells.json"
"""Name of the file beside the models of the library."""
SHIFT: Final = 0.1
"""Å, of the cut-offs in :attr:`alzmodel.local_order.building_units.Unit.coordination_range`."""


@dataclass(frozen=True, slots=True)
class ShellEnd:
    """Shell of one cation in one model.

    Attributes
    ----------
    potential
        What made the model; None where it is not told apart.
    element
        The cation.
    cutoff
        Å.
    coordination, shorter, longer
        With it, and with one 0.1 Å shorter and longer.
    """

    potential: str | None
    element: str
    cutoff: float
    coordination: float
    shorter: float
    longer: float


def ends_of_study(records: Iterable[Record]) -> list[ShellEnd]:
    """Shells of the undoped models of annealed films."""
    found = []
    for record in records:
        model = record.inputs.get("model", {})
        judged = "dopant" not in model and film_state(model.get("protocol")) != "as deposited"
        if record.stage == "local_order" and judged:
            for element, unit in record.results["units"].items():
                numbers = (unit["cutoff"], unit["mean_coordination"], *unit["coordination_range"])
                found.append(ShellEnd(model.get("potential"), element, *numbers))
    return found


@functools.cache
def ends_of_library(folder: Path | None = None) -> tuple[ShellEnd, ...]:
    """Shells of the finished models of annealed films; none if the library does not say.

    Raises
    ------
    AlzmodelError
        If its file cannot be read.
    """
    path = (folder or library_folder()) / FILE
    if not path.is_file():
        return ()
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        entries = {one.name: one for one in library(folder)}
        return tuple(
            ShellEnd(entries[row["model"]].potential, row["element"], *row["numbers"])
            for row in rows
            if row["model"] in entries and row["sha256"] == entries[row["model"]].sha256[1]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AlzmodelError(f"{path}: no shells of models ({error}); reinstall alzmodel") from error


def write_library_ends(folder: Path | None = None) -> Path:
    """Write the shells of every glass of the library that stands for an annealed film beside the models."""
    from alzmodel.local_order.building_units import some_units
    from alzmodel.local_order.shells import bonded

    rows = []
    for entry in library(folder):
        if entry.kind != "glass" or film_state(entry.protocol) == "as deposited":
            continue
        units = some_units(bonded(load_frames(entry, folder)), ["first"]).to_dict()["units"]
        for element, unit in units.items():
            numbers = (unit["cutoff"], unit["mean_coordination"], *unit["coordination_range"])
            row = {"model": entry.name, "sha256": entry.sha256[1], "element": element}
            rows.append({**row, "numbers": [round(float(one), 4) for one in numbers]})
    path = (folder or library_folder()) / FILE
    write_text(path, json_text(rows, indent=1) + "\n")
    ends_of_library.cache_clear()
    return path


def with_shell_ends(verdicts: Sequence[Verdict], ends: Sequence[ShellEnd]) -> list[Verdict]:
    """Add to the reason of each verdict on coordination what depends on the cut-off.

    Parameters
    ----------
    verdicts
        From :func:`alzmodel.compare.by_potential.judge_by_potential`.
    ends
        Shells of the models that were judged. Those without a potential are of the one that made all.
    """
    return [_with_ends(verdict, ends) for verdict in verdicts]


def _with_ends(verdict: Verdict, ends: Sequence[ShellEnd]) -> Verdict:
    elements = [
        element
        for element in dict.fromkeys(end.element for end in ends)
        if any(part.quantity == _label(element) and part.means for part in verdict.parts)
    ]
    if not elements:
        return verdict
    members = tuple(
        replace(
            one,
            verdict=replace(one.verdict, reason=_joined(one.verdict.reason, elements, ends, one.potential)),
        )
        for one in verdict.by_potential
    )
    names: list[str | None] = [one.potential for one in verdict.by_potential] or [None]
    reason = verdict.reason
    for name in names:
        reason = _joined(reason, elements, ends, name, told=len(names) > 1)
    return replace(verdict, reason=reason, by_potential=members)


def _label(element: str) -> str:
    return quantity_info(f"{element.lower()}_o_coordination").label


def _joined(
    reason: str,
    elements: Sequence[str],
    ends: Sequence[ShellEnd],
    potential: str | None,
    *,
    told: bool = False,
) -> str:
    """Put words on the cut-offs behind a reason."""
    words = []
    for element in elements:
        own = [end for end in ends if end.element == element and end.potential in {None, potential}]
        own = [end for end in own if math.isfinite(end.shorter) and math.isfinite(end.longer)]
        if own:
            mean = {
                name: math.fsum(getattr(end, name) for end in own) / len(own)
                for name in ("cutoff", "coordination", "shorter", "longer")
            }
            words.append(
                f"{element} {mean['coordination']:.2f} with a cut-off of {mean['cutoff']:.2f} Å, "
                f"{mean['shorter']:.2f} and {mean['longer']:.2f} with one {SHIFT:g} Å shorter and longer"
            )
    if not words:
        return reason
    on = f" on {potential}" if told else ""
    text = f"coordination depends on the cut-off{on}: {'; '.join(words)}"
    return f"{reason}; {text}" if reason else text
