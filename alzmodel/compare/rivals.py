"""Two readings of the same measurement side by side: what each expects, what was measured, what the models show."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alzmodel.compare.comparison import same_x
from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.quantities import (
    nominal_li,
    of_potential,
    of_state,
    per_model,
    potentials_of,
    quantity_info,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alzmodel.compare.hypotheses import Hypothesis, Part
    from alzmodel.compare.quantities import Quantity

__all__ = ["RivalNumber", "RivalRow", "rival_numbers", "rival_rows"]


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
        La content, mean over models (None where there is none) and number of models: of glasses with nothing
        put in, and of those with inserted nuclei. Empty where models of several protocols would be mixed.
    potential : str or None
        What made the models, where there are several; a row for each then.
    """

    ids: tuple[str, str]
    quantity: str
    unit: str
    claims: tuple[str, str]
    evidence: str
    predicted: tuple[tuple[float, float | None, int], ...]
    assumed: tuple[tuple[float, float | None, int], ...]
    potential: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """All fields under their own names."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class RivalNumber:
    """One number of one model, and what two rival hypotheses expect of it.

    Attributes
    ----------
    ids, quantity, unit, claims
        As in :class:`RivalRow`.
    value : float
        NaN where the model has none.
    met : (bool or None, bool or None)
        Whether the number is what each expects; None where it says nothing, or there is no number.
    """

    ids: tuple[str, str]
    quantity: str
    unit: str
    claims: tuple[str, str]
    value: float
    met: tuple[bool | None, bool | None]

    def to_dict(self) -> dict[str, Any]:
        """All fields under their own names."""
        return {name: getattr(self, name) for name in self.__slots__}


def rival_numbers(
    values: Mapping[str, float], hypotheses: Sequence[Hypothesis] | None = None
) -> list[RivalNumber]:
    """Hold the numbers of one model against every hypothesis that names a rival, and that rival.

    Parameters
    ----------
    values
        By name of the quantity, as :meth:`alzmodel.scattering.fem.readings.FEMReadings.numbers` gives them.
    hypotheses
        As for :func:`rival_rows`.

    Returns
    -------
    list of RivalNumber
        One a property of which either says something; rivals about none of the values are left out. One model proves
        nothing: its number has no spread.
    """
    rows = []
    listed = load_hypotheses() if hypotheses is None else hypotheses
    asked = {one.id for one in listed if any(part.quantity in values for part in one.parts)}
    for ids, known, parts in _properties(listed):
        if ids[1] not in asked:
            continue
        value = values.get(known.quantity, math.nan)
        if known.minus is not None:
            value -= values.get(known.minus, math.nan)
        rows.append(
            RivalNumber(
                ids=ids,
                quantity=known.name,
                unit=quantity_info(known.quantity).unit,
                claims=(_claim(parts[0]), _claim(parts[1])),
                value=value,
                met=(_met(parts[0], value), _met(parts[1], value)),
            )
        )
    return rows


def _met(part: Part | None, value: float) -> bool | None:
    if part is None or math.isnan(value):
        return None
    target = part.target or 0.0
    match part.test:
        case "above":
            return value > target
        case "below":
            return value < target
        case "is":
            return abs(value - target) <= (part.margin or 0.0)
        case _:
            # Compares contents, of which one model has one.
            return None


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
    rows = []
    properties = list(_properties(hypotheses))
    for potential, (ids, known, parts) in itertools.product(potentials_of(quantities) or (None,), properties):
        of_one = quantities if potential is None else of_potential(quantities, potential)
        rows.append(
            RivalRow(
                ids=ids,
                quantity=known.name,
                unit=quantity_info(known.quantity).unit,
                claims=(_claim(parts[0]), _claim(parts[1])),
                evidence="; ".join(dict.fromkeys(part.evidence for part in parts if part is not None)),
                predicted=_means(of_one, known, "predicted"),
                assumed=_means(of_one, known, "assumed"),
                potential=potential,
            )
        )
    return rows


def _properties(
    hypotheses: Sequence[Hypothesis],
) -> Iterable[tuple[tuple[str, str], Part, tuple[Part | None, Part | None]]]:
    """Ids of each pair of rivals, a part that names the property, and what either says of it."""
    by_id = {hypothesis.id: hypothesis for hypothesis in hypotheses}
    for rival in hypotheses:
        if rival.rival is None:
            continue
        first = by_id[rival.rival]
        sides = [{(part.quantity, part.minus): part for part in one.parts} for one in (first, rival)]
        for key in dict.fromkeys([*sides[0], *sides[1]]):
            parts = (sides[0].get(key), sides[1].get(key))
            yield (first.id, rival.id), next(part for part in parts if part is not None), parts


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
    annealed = nominal_li(of_state(quantities, "annealed"))
    usable = [q for q in annealed if q.dopant is None and q.x is not None]
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
