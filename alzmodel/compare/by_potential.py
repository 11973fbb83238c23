"""Verdicts by the models of each potential alone, and what they say together.

The statistics are those of :func:`alzmodel.compare.verdicts.judge_hypotheses`, potential by potential; models of two
potentials are never pooled. Together they are *supported* or *contradicted* without more words only where all those
potentials say so that pass the gates of the hypothesis (:mod:`alzmodel.compare.gates`). Otherwise the verdict says what
holds on which.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from alzmodel.compare.gates import gates_of_quantity, passage
from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.quantities import of_potential, potentials_of
from alzmodel.compare.verdicts import OfPotential, judge_hypotheses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from alzmodel.compare.hypotheses import Hypothesis
    from alzmodel.compare.quantities import Quantity
    from alzmodel.compare.verdicts import Verdict

__all__ = ["COLUMNS", "each_verdict", "gates_of", "judge_by_potential", "potential_rows"]

_DECIDED: Final = frozenset({"supported", "contradicted"})

COLUMNS: Final = (
    *("hypothesis", "title", "verdict", "potential", "gate_passed", "gate", "of_potential"),
    *("quantity", "effect", "ci95_low", "ci95_high", "unit", "p", "n_models", "reason"),
)
"""Keys of :func:`potential_rows`."""


def judge_by_potential(
    quantities: Sequence[Quantity],
    hypotheses: Sequence[Hypothesis] | None = None,
    *,
    made_with: str | None = None,
    level: float = 0.05,
) -> list[Verdict]:
    """Judge hypotheses by the models of each potential, and say what holds on which.

    Parameters
    ----------
    quantities
        Those that carry no potential (reference crystals) are used with each.
    hypotheses
        From :func:`~alzmodel.compare.hypotheses.load_hypotheses`, which is called if left out.
    made_with
        Name of the potential where `quantities` name none.
    level
        Error rate of the family of one potential.

    Returns
    -------
    list of Verdict
        One a hypothesis, in their order, with `by_potential` and `words`. Of one potential all else is as
        :func:`~alzmodel.compare.verdicts.judge_hypotheses` has it. Of several: effect, interval and p are of the
        potential that counts and is least sure; a qualified verdict has none.

    Raises
    ------
    InputError
        If the level is outside (0, 1).
    """
    if hypotheses is None:
        hypotheses = load_hypotheses()
    names = potentials_of(quantities) or (() if made_with is None else (made_with,))
    if not names:
        return judge_hypotheses(quantities, hypotheses, level=level)
    columns = {
        name: judge_hypotheses(of_potential(quantities, name), hypotheses, level=level) for name in names
    }
    return [
        _together(hypothesis, [_of_one(name, hypothesis, columns[name][place]) for name in names])
        for place, hypothesis in enumerate(hypotheses)
    ]


def gates_of(hypothesis: Hypothesis) -> tuple[str, ...]:
    """Name the gates of a hypothesis: its own, else those of the quantities of its parts."""
    if hypothesis.gates:
        return hypothesis.gates
    names = [name for part in hypothesis.parts for name in (part.quantity, part.minus) if name is not None]
    return tuple(dict.fromkeys(gate for name in names for gate in gates_of_quantity(name)))


def _of_one(name: str, hypothesis: Hypothesis, verdict: Verdict) -> OfPotential:
    found = passage(name, gates_of(hypothesis))
    return OfPotential(name, found.passed, found.words, replace(verdict, potential=name))


def _together(hypothesis: Hypothesis, members: Sequence[OfPotential]) -> Verdict:
    """Say what several potentials have in common."""
    if len(members) == 1:
        (one,) = members
        words = _on(one.verdict.verdict, [one])
        return replace(one.verdict, words=words, by_potential=tuple(members))
    counted = [one for one in members if one.passed]
    said = {one.verdict.verdict for one in members}
    agreed = {one.verdict.verdict for one in counted}
    if not said & _DECIDED:
        return _open(members)
    if len(agreed) == 1 and agreed <= _DECIDED:
        return _unqualified(counted, members)
    first = (counted or members)[0].verdict
    return replace(
        first,
        verdict="qualified",
        effect=None,
        ci95=None,
        unit="",
        quantity="",
        p=None,
        n_models=_fewest(members),
        models_needed=None,
        reason=_reason(members, hypothesis.caveat, counted=bool(counted)),
        potential=None,
        words=_each(members),
        by_potential=tuple(members),
    )


def _unqualified(deciding: Sequence[OfPotential], members: Sequence[OfPotential]) -> Verdict:
    """Verdict of the potentials that count; the least sure of them gives the numbers."""
    weakest = max(deciding, key=lambda one: -1.0 if one.verdict.p is None else one.verdict.p).verdict
    others = [one for one in members if one not in deciding]
    words = _on(weakest.verdict, deciding)
    if others:
        words += f"; outside the gate: {_each(others)}"
    return replace(
        weakest,
        n_models=_fewest(deciding),
        reason=_reason(members, weakest.reason, counted=True) if others else weakest.reason,
        potential=None,
        words=words,
        by_potential=tuple(members),
    )


def _open(members: Sequence[OfPotential]) -> Verdict:
    """Verdict where no potential decides anything: undecided if one could be tested."""
    undecided = [one for one in members if one.verdict.verdict == "undecided"]
    found = _unqualified(undecided or members, undecided or members)
    return replace(found, words=_each(members), by_potential=tuple(members))


def _fewest(members: Iterable[OfPotential]) -> int:
    return min((one.verdict.n_models for one in members if one.verdict.n_models), default=0)


def _on(word: str, members: Iterable[OfPotential]) -> str:
    names = [one.potential for one in members]
    return f"{word} on {' and '.join([', '.join(names[:-1]), names[-1]] if len(names) > 1 else names)}"


def _each(members: Sequence[OfPotential]) -> str:
    """Verdicts in words, those that are alike together."""
    words = dict.fromkeys(one.verdict.verdict for one in members)
    return ", ".join(_on(word, [one for one in members if one.verdict.verdict == word]) for word in words)


def _reason(members: Sequence[OfPotential], rest: str, *, counted: bool) -> str:
    """Name the gates that are not passed, before the rest."""
    told = [
        f"{one.potential} {'fails' if one.passed is False else 'does not count'}: {one.gate}"
        for one in members
        if not one.passed
    ]
    if not counted:
        told.insert(0, "no potential passes the gate")
    return "; ".join([*told, rest] if rest else told)


def each_verdict(verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """Yield the verdicts of each potential where there are several, else the verdict itself."""
    for verdict in verdicts:
        if len(verdict.by_potential) > 1:
            yield from (one.verdict for one in verdict.by_potential)
        else:
            yield verdict


def potential_rows(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Lay all hypotheses and potentials out: one row each, with effect, interval and number of models.

    Returns
    -------
    list of dict
        With the keys :data:`COLUMNS`: ``verdict`` is in words and of all potentials together, ``of_potential`` that of
        the row's; None where there is no number.
    """
    rows = []
    for verdict in verdicts:
        for one in verdict.by_potential:
            own = one.verdict
            low, high = own.ci95 or (None, None)
            values = (
                *(verdict.id, verdict.title, verdict.words, one.potential, one.passed, one.gate, own.verdict),
                *(own.quantity, own.effect, low, high, own.unit, own.p, own.n_models, own.reason),
            )
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows
