"""The models that a part of a hypothesis compares: group by group, each model one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alzmodel.compare.comparison import same_x
from alzmodel.compare.hypotheses import ONE_GROUP
from alzmodel.compare.quantities import (
    absent_words,
    nominal_li,
    of_state,
    per_model,
    potentials_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alzmodel.compare.hypotheses import Hypothesis, Part
    from alzmodel.compare.quantities import Quantity

__all__ = ["Groups", "groups_of"]


@dataclass(frozen=True, slots=True)
class Groups:
    """Values by model, group by group in the order of the factor.

    Attributes
    ----------
    names
        Values of x or of the Li content, or ions.
    values
        Of the models of each group.
    protocol
        How these models were made, where there are several ways.
    """

    names: tuple[str, ...]
    values: tuple[list[float], ...]
    protocol: str | None


def groups_of(part: Part, hypothesis: Hypothesis, quantities: Sequence[Quantity]) -> Groups | str:
    """Give the groups that a part compares, or the reason why there are none."""
    of_part = [q for q in quantities if q.name == part.quantity and q.source == part.source]
    predicted = [q for q in of_part if q.kind == "predicted"]
    if not predicted:
        return "its model values are assumed, not predicted" if of_part else "no model of it in this study"
    if len(names := potentials_of(predicted)) > 1:
        return f"models of {len(names)} potentials ({', '.join(names)}), which are judged one by one"
    usable = _one_protocol(part, predicted)
    if isinstance(usable, str):
        return usable
    if hypothesis.factor == "field_strength":
        return _dopant_groups(part, hypothesis, usable, quantities)
    undoped = [q for q in usable if q.dopant is None]
    if hypothesis.factor == "li":
        return _li_groups(part, hypothesis, undoped, quantities)
    undoped = nominal_li(undoped)
    levels = part.levels or _distinct(q.x for q in undoped)
    groups: dict[str, list[float]] = {}
    for x in levels:
        members = [q for q in undoped if same_x(q.x, x)]
        contents = _distinct(q.li for q in members)
        if len(contents) > 1:
            shown = ", ".join(f"{one:g}" for one in contents)
            return f"models at x = {x:g} with Li = {shown}, none of them nominal"
        values = _less(part, members, quantities)
        if not values:
            seen = absent_words(part.quantity) if members else "no model"
            return f"{seen} at x = {x:g}"
        groups[f"{x:g}"] = values
    if not groups or (len(groups) == 1 and part.test not in ONE_GROUP):
        return f"models at {len(groups)} value of x, at least two are compared"
    return Groups(tuple(groups), tuple(groups.values()), usable[0].protocol)


def _distinct(contents: Iterable[float | None]) -> list[float]:
    """Contents that are not the same, rising; None is none."""
    found: list[float] = []
    for content in sorted({one for one in contents if one is not None}):
        if not any(same_x(content, known) for known in found):
            found.append(content)
    return found


def _li_groups(
    part: Part, hypothesis: Hypothesis, undoped: Sequence[Quantity], quantities: Sequence[Quantity]
) -> Groups | str:
    """Models of one La content by their Li content."""
    at_x = [q for q in undoped if hypothesis.at_x is None or same_x(q.x, hypothesis.at_x)]
    contents = _distinct(q.x for q in at_x)
    if len(contents) > 1:
        shown = ", ".join(f"{x:g}" for x in contents)
        return f"models at x = {shown}, of which at_x must name one"
    groups: dict[str, list[float]] = {}
    for li in part.levels or _distinct(q.li for q in at_x):
        members = [q for q in at_x if same_x(q.li, li)]
        values = _less(part, members, quantities)
        if not values:
            return f"{absent_words(part.quantity) if members else 'no model'} with Li = {li:g}"
        groups[f"{li:g}"] = values
    if not groups or (len(groups) == 1 and part.test not in ONE_GROUP):
        return f"models of {len(groups)} Li content, at least two are compared"
    return Groups(tuple(groups), tuple(groups.values()), at_x[0].protocol)


def _one_protocol(part: Part, quantities: Sequence[Quantity]) -> list[Quantity] | str:
    """Take the models that were made in one way: the conclusions are on annealed films, unless the part says more."""
    if part.protocol is not None:
        chosen = [q for q in quantities if q.protocol == part.protocol]
        return chosen or f"no model of protocol {part.protocol} in this study"
    usable = of_state(quantities, "annealed")
    names = sorted({q.protocol or "unnamed" for q in usable})
    if not names:
        return "no model of the annealed film in this study"
    if len(names) > 1:
        return f"models of {len(names)} protocols ({', '.join(names)}), of which the part must name one"
    return usable


def _less(part: Part, members: Sequence[Quantity], quantities: Sequence[Quantity]) -> list[float]:
    """Values by model, less those of the other quantity of the same model."""
    own = per_model(members)
    if part.minus is None:
        return list(own.values())
    models = {(q.model, q.x, q.dopant, q.protocol) for q in members}
    other = per_model(
        q
        for q in quantities
        if q.name == part.minus and q.kind == "predicted" and (q.model, q.x, q.dopant, q.protocol) in models
    )
    return [value - other[model] for model, value in own.items() if model in other]


def _dopant_groups(
    part: Part, hypothesis: Hypothesis, usable: Sequence[Quantity], quantities: Sequence[Quantity]
) -> Groups | str:
    from alzmodel.ions import ion

    at_x = [q for q in usable if hypothesis.at_x is None or same_x(q.x, hypothesis.at_x)]
    doped = [
        q
        for q in at_x
        if q.dopant is not None
        and (hypothesis.at_fraction is None or q.fraction in {None, hypothesis.at_fraction})
    ]
    dopants = {q.dopant for q in doped}
    if len(dopants) < 2:
        return f"models with {len(dopants)} dopants, at least two are compared"
    # What differs in more than the dopant says nothing about it.
    for key, name in (("x", "at_x"), ("fraction", "at_fraction")):
        found = sorted({getattr(q, key) for q in doped} - {None})
        if len(found) > 1:
            return f"doped models at {key} = {', '.join(f'{one:g}' for one in found)}, of which {name} must name one"
    # At the La content of the doped ones.
    undoped = [q for q in at_x if q.dopant is None and any(same_x(q.x, one.x) for one in doped)]
    groups: dict[str, list[float]] = {}
    for name in sorted(
        {"La3+", *(q.dopant for q in doped if q.dopant)}, key=lambda one: (ion(one).field_strength, one)
    ):
        members = undoped if name == "La3+" else [q for q in doped if q.dopant == name]
        values = _less(part, members, quantities)
        if values:
            groups[name] = values
    if len(groups) < 2:
        return absent_words(part.quantity)
    return Groups(tuple(groups), tuple(groups.values()), usable[0].protocol)
