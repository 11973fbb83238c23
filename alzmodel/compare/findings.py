"""What stands out in the models: the effects that are largest beside their errors, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from alzmodel.compare.by_potential import each_verdict
from alzmodel.compare.digits import decimals_of
from alzmodel.compare.verdicts import LEAST_MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alzmodel.compare.verdicts import PartResult, Verdict

__all__ = ["MOST_FINDINGS", "Finding", "findings"]

MOST_FINDINGS: Final = 3
_OF_SAMENESS: Final = frozenset({"equal", "is"})
_CHANGES: Final = frozenset({"rises", "falls", "trend"})
_STEPS: Final = frozenset({"peak", "valley"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One effect that stands out of its error.

    Attributes
    ----------
    text : str
        One sentence: the quantity, its means, the effect and its interval.
    caveat : str
        What the hypothesis says against reading too much into it, or an empty text.
    hypothesis : str
        Whose part it is.
    quantity, unit : str
    effect : float
        In `unit`.
    ci95 : (float, float)
        Of this effect by itself, not widened for the number of effects looked at.
    n_models : int
        In the smallest group.
    potential : str or None
        What made the models, where the study has several.
    ratio : float
        Size of the effect over half of its interval; above one, or it is no finding.
    """

    text: str
    caveat: str
    hypothesis: str
    quantity: str
    unit: str
    effect: float
    ci95: tuple[float, float]
    n_models: int
    ratio: float
    potential: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """All fields under their own names."""
        return {name: getattr(self, name) for name in self.__slots__}


def findings(verdicts: Sequence[Verdict], most: int = MOST_FINDINGS) -> list[Finding]:
    """Choose the effects that are largest beside their errors.

    Parameters
    ----------
    verdicts
        From :func:`alzmodel.compare.by_potential.judge_by_potential`; of several potentials each has its own. Parts
        that claim sameness have no effect to tell.
    most
        How many. Each quantity gives one at most, and each hypothesis one before any gives a second.

    Returns
    -------
    list of Finding
        The clearest first. Fewer where fewer effects have a 95 % interval that leaves out zero, or models: there are
        at least :data:`~alzmodel.compare.verdicts.LEAST_MODELS` at each x.
    """
    left = sorted(_candidates(verdicts), key=lambda one: -one.ratio)
    chosen: list[Finding] = []
    for new_only in (True, False):
        for one in left:
            known = any(one.quantity == other.quantity for other in chosen)
            same = any(one.hypothesis == other.hypothesis for other in chosen)
            if len(chosen) < most and not known and not (new_only and same):
                chosen.append(one)
    return sorted(chosen, key=lambda one: -one.ratio)


def _candidates(verdicts: Sequence[Verdict]) -> Iterator[Finding]:
    several = any(len(verdict.by_potential) > 1 for verdict in verdicts)
    for verdict in each_verdict(verdicts):
        potential = verdict.potential if several else None
        for part in verdict.parts:
            if part.problem or part.effect is None or part.ci95 is None or part.n_models < LEAST_MODELS:
                continue
            low, high = part.ci95
            half = (high - low) / 2
            if part.test in _OF_SAMENESS or low <= 0 <= high or not math.isfinite(half) or half == 0:
                continue
            yield Finding(
                text=_sentence(part, verdict, potential),
                caveat=verdict.caveat,
                hypothesis=verdict.id,
                quantity=part.quantity,
                unit=part.unit,
                effect=part.effect,
                ci95=part.ci95,
                n_models=part.n_models,
                ratio=abs(part.effect) / half,
                potential=potential,
            )


def _sentence(part: PartResult, verdict: Verdict, potential: str | None) -> str:
    """Say what a part found; figures with the digits that the interval has any use for."""
    assert part.effect is not None
    assert part.ci95 is not None
    decimals = decimals_of(part.ci95) or 0
    unit = f" {part.unit}" if part.unit else ""
    means = ", ".join(f"{mean:.{decimals}f}" for mean in part.means)
    of_x = all(_is_number(level) for level in part.levels)
    where = f"at x = {', '.join(part.levels)}" if of_x else f"with {', '.join(part.levels)}"
    on = f" on {potential}" if potential else ""
    # The interval of a finding leaves out zero: its ends have one sign, that of the words before them.
    low, high = (f"{end:.{decimals}f}" for end in sorted(map(abs, part.ci95)))
    effect = f"{_effect(part, of_x=of_x)} {abs(part.effect):.{decimals}f}{unit}{_beside(part)}"
    return (
        f"{part.quantity[:1].upper()}{part.quantity[1:]}: {means}{unit} {where}; {effect} (95 % {low} to {high}; "
        f"{verdict.id} {verdict.verdict}{on})"
    )


def _effect(part: PartResult, *, of_x: bool) -> str:
    """Say what the effect is; its size follows."""
    up = part.effect is not None and part.effect > 0
    # The claim names the place or the number: "highest at 3", "above 7".
    named = part.claim.rpartition(" ")[2]
    if part.test in _CHANGES:
        return f"{'rises' if up else 'falls'} with {'x' if of_x else 'field strength'} by"
    if part.test in _STEPS:
        there, kind = up == (part.test == "peak"), "maximum" if part.test == "peak" else "minimum"
        return f"a {kind} at x = {named}, by" if there else f"no {kind} at x = {named}: it lies"
    return f"{'above' if up else 'below'} {named} by"


def _beside(part: PartResult) -> str:
    """Say what the size of a step counts from."""
    if part.test not in _STEPS:
        return ""
    up = part.effect is not None and part.effect > 0
    there = up == (part.test == "peak")
    return " beside its nearer neighbour" if there else f" {'above' if up else 'below'} a neighbour"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
