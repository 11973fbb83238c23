"""Two readings of the same measurement side by side: what each expects, what was measured, what the models show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alzmodel.compare.comparison import same_x
from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.quantities import of_state, per_model, quantity_info

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alzmodel.compare.hypotheses import Hypothesis, Part
    from alzmodel.compare.quantities import Quantity

__all__ = ["RivalRow", "rival_rows"]


@dataclass(frozen=True, slots=True)
class RivalRow:
    """One property that two rival hypotheses say something about.

    Attributes
    ----------
    ids : (str, str)
        The hypothesis and its rival.
    quantity, unit : str
    claims : (str, str)
        What each expects, in words; empty where it says nothing.
    evidence : str
        What was measured, in words.
    predicted, assumed : tuple of (float, float or None, int)
        La content, mean over models (None where they show no such thing) and number of models: of glasses with nothing
        put in, and of those with inserted nuclei. Empty where models of several protocols would be mixed.
    """

    ids: tuple[str, str]
    quantity: str
    unit: str
    claims: tuple[str, str]
    evidence: str
    predicted: tuple[tuple[float, float | None, int], ...]
    assumed: tuple[tuple[float, float | None, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """All fields under their own names."""
        return {name: getattr(self, name) for name in self.__slots__}


def rival_rows(
    quantities: Sequence[Quantity], hypotheses: Sequence[Hypothesis] | None = None
) -> list[RivalRow]:
    """Lay every hypothesis that names a rival beside it, property by property.

    Parameters
    ----------
    quantities
        As for :func:`alzmodel.compare.verdicts.judge_hypotheses`. Values that were put in by hand are shown too: they
        support nothing, and say what the reading would look like.
    hypotheses
        From :func:`alzmodel.compare.hypotheses.load_hypotheses`, which is called if left out.
    """
    if hypotheses is None:
        hypotheses = load_hypotheses()
    by_id = {hypothesis.id: hypothesis for hypothesis in hypotheses}
    rows = []
    for rival in hypotheses:
        if rival.rival is None:
            continue
        first = by_id[rival.rival]
        sides = [{(part.quantity, part.minus): part for part in one.parts} for one in (first, rival)]
        for name, minus in dict.fromkeys([*sides[0], *sides[1]]):
            parts = [side.get((name, minus)) for side in sides]
            known = next(part for part in parts if part is not None)
            rows.append(
                RivalRow(
                    ids=(first.id, rival.id),
                    quantity=known.name,
                    unit=quantity_info(name).unit,
                    claims=(_claim(parts[0]), _claim(parts[1])),
                    evidence="; ".join(dict.fromkeys(part.evidence for part in parts if part is not None)),
                    predicted=_means(quantities, known, "predicted"),
                    assumed=_means(quantities, known, "assumed"),
                )
            )
    return rows


def _claim(part: Part | None) -> str:
    if part is None:
        return ""
    at = "" if part.target is None else f" {part.target:g}"
    within = "" if part.margin is None else f" ± {part.margin:g}"
    if part.test == "is" and part.target is None:
        return f"0{within}"
    return f"{'' if part.test == 'is' else part.test}{at}{within}".strip()


def _means(
    quantities: Iterable[Quantity], part: Part, kind: str
) -> tuple[tuple[float, float | None, int], ...]:
    """Mean of the undoped models at each La content, less that of the other quantity of the same models."""
    usable = [q for q in of_state(quantities, "annealed") if q.dopant is None and q.x is not None]
    own = [
        q
        for q in usable
        if q.name == part.quantity and q.kind == kind and part.protocol in {None, q.protocol}
    ]
    if len({q.protocol for q in own}) > 1:
        return ()
    found: list[tuple[float, float | None, int]] = []
    for x in sorted({q.x for q in own if q.x is not None}):
        if found and same_x(x, found[-1][0]):
            continue
        values = per_model(q for q in own if same_x(q.x, x))
        if part.minus is not None:
            other = per_model(q for q in usable if q.name == part.minus and same_x(q.x, x))
            values = {model: value - other[model] for model, value in values.items() if model in other}
        mean = math.fsum(values.values()) / len(values) if values else None
        found.append((x, mean, len(values)))
    return tuple(found)
