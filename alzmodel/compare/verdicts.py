"""The verdict of the models on each hypothesis."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from alzmodel import power, statistics
from alzmodel.compare.digits import decimals_of
from alzmodel.compare.groups import groups_of
from alzmodel.compare.hypotheses import ONE_GROUP, load_hypotheses
from alzmodel.compare.quantities import quantity_info
from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alzmodel.compare.groups import Groups
    from alzmodel.compare.hypotheses import Hypothesis, Part
    from alzmodel.compare.quantities import Quantity

__all__ = ["LEAST_MODELS", "OfPotential", "PartResult", "Verdict", "VerdictWord", "judge_hypotheses"]

LEAST_MODELS: Final = 4
"""With fewer models at any x no hypothesis is supported or contradicted."""
PLANNED_POWER: Final = 0.8
"""Probability of a decision that the stated number of models gives."""
VerdictWord = Literal["supported", "contradicted", "undecided", "not testable", "qualified"]
"""``qualified`` is one that :attr:`Verdict.words` say potential by potential."""


@dataclass(frozen=True, slots=True)
class PartResult:
    """What the models say about one part.

    Attributes
    ----------
    quantity, test, unit, evidence : str
    claim : str
        What `test` asks for, in words.
    protocol : str or None
        How the models were made that were judged, where the study holds models of more than one protocol.
    levels : tuple of str
        The groups compared: values of x or ions.
    means : tuple of float
        Mean over the models of each group.
    effect : float or None
        In `unit`; for several comparisons the one that decides, for claims about a target the mean less the target.
    ci95 : (float, float) or None
    p_for, p_against : float
        One-sided p-values, not adjusted, for the claim and for its contrary.
    n_models : int
        In the smallest group.
    models_needed : int or None
        Models a group for a decision with 80 % power; None where it cannot be told.
    measured : float or None
        The size that the publication gives, in `unit`.
    power : float or None
        Probability that as many models with this spread would support the part if the truth were the measured size
        (for "equal" and "is": no difference); None where no size was stated or the spread is not known.
    detectable : float or None
        Size in `unit` that as many models would find with 80 % power.
    problem : str
        Why it could not be tested, else empty.
    """

    quantity: str
    test: str
    unit: str
    evidence: str
    claim: str = ""
    protocol: str | None = None
    levels: tuple[str, ...] = ()
    means: tuple[float, ...] = ()
    effect: float | None = None
    ci95: tuple[float, float] | None = None
    p_for: float = 1.0
    p_against: float = 1.0
    n_models: int = 0
    models_needed: int | None = None
    measured: float | None = None
    power: float | None = None
    detectable: float | None = None
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """All fields under their own names."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one hypothesis.

    Attributes
    ----------
    id, title, statement, source, caveat : str
    verdict : {"supported", "contradicted", "undecided", "not testable", "qualified"}
        ``qualified`` where it depends on the potential (:mod:`alzmodel.compare.by_potential`).
    effect, ci95, unit, quantity
        Of the part that decides: the weakest for support, the strongest against.
    p : float or None
        Two-sided p-value after Holm's correction over all hypotheses tested together; None below `LEAST_MODELS`.
    n_models : int
        In the smallest group of any part that could be tested.
    models_needed : int or None
        Models at each x that would decide an undecided hypothesis (80 % power at the corrected level).
    reason : str
        One line.
    parts : tuple of PartResult
    potential : str or None
        What made the models; None where that is not known, or there are several.
    words : str
        The verdict with the potentials that it holds on.
    by_potential : tuple of OfPotential
        The verdicts by the models of each potential alone.
    """

    id: str
    title: str
    statement: str
    source: str
    caveat: str
    verdict: VerdictWord
    effect: float | None
    ci95: tuple[float, float] | None
    unit: str
    quantity: str
    p: float | None
    n_models: int
    models_needed: int | None
    reason: str
    parts: tuple[PartResult, ...]
    potential: str | None = None
    words: str = ""
    by_potential: tuple[OfPotential, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All fields under their own names, parts and potentials as lists of mappings."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {
            **fields,
            "parts": [part.to_dict() for part in self.parts],
            "by_potential": [one.to_dict() for one in self.by_potential],
        }


@dataclass(frozen=True, slots=True)
class OfPotential:
    """The verdict by the models of one potential.

    Attributes
    ----------
    potential : str
    passed : bool or None
        Whether the potential passes the gates that the hypothesis needs; None where it was never validated.
    gate : str
        Those gates in words, with what the potential has to show.
    verdict : Verdict
    """

    potential: str
    passed: bool | None
    gate: str
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """All that differs from one potential to the next."""
        keys = (
            *("verdict", "effect", "ci95", "unit", "quantity", "p", "n_models", "models_needed"),
            "reason",
        )
        return {
            "potential": self.potential,
            "passed": self.passed,
            "gate": self.gate,
            **{key: getattr(self.verdict, key) for key in keys},
            "parts": [part.to_dict() for part in self.verdict.parts],
        }


def judge_hypotheses(
    quantities: Sequence[Quantity],
    hypotheses: Sequence[Hypothesis] | None = None,
    *,
    level: float = 0.05,
) -> list[Verdict]:
    """Judge hypotheses by the models.

    A hypothesis is supported if every part is (the largest p counts), contradicted if any part is (the smallest,
    times the number of parts). Both directions are tested, and all hypotheses that have enough models share one error
    rate `level` by Holm's correction. Only predicted values count.

    Parameters
    ----------
    quantities
        Values of a quantity from the same model must carry the same model name, also across ``source``. Their order
        does not matter. Of several protocols the one for annealed films is judged, or the one that a part names.
    hypotheses
        From :func:`load_hypotheses`, which is called if left out.
    level
        Error rate of the family.

    Returns
    -------
    list of Verdict
        One a hypothesis, in their order.

    Raises
    ------
    InputError
        If the level is outside (0, 1).
    """
    if not 0 < level < 1:
        raise InputError(f"level: {level}; allowed: between 0 and 1, both left out")
    if hypotheses is None:
        hypotheses = load_hypotheses()
    groups = [
        [groups_of(part, hypothesis, quantities) for part in hypothesis.parts] for hypothesis in hypotheses
    ]
    family = max(1, sum(any(not isinstance(group, str) for group in parts) for parts in groups))
    drafts = [
        _draft(
            hypothesis,
            _test_parts(hypothesis.parts, parts, level / family),
        )
        for hypothesis, parts in zip(hypotheses, groups, strict=True)
    ]
    tested = [i for i, draft in enumerate(drafts) if draft.p is not None]
    raw = [draft.p for draft in drafts if draft.p is not None]
    for i, p in zip(tested, statistics.holm(raw), strict=True):
        drafts[i] = _decide(drafts[i], p, level, hypotheses[i])
    return drafts


def _test_parts(parts: Sequence[Part], groups: Sequence[Groups | str], level: float) -> list[PartResult]:
    claims = [
        0 if isinstance(found, str) else _claims(part, found)
        for part, found in zip(parts, groups, strict=True)
    ]
    design = _Design(level, sum(number > 0 for number in claims), sum(claims))
    return [_test(part, found, design) for part, found in zip(parts, groups, strict=True)]


@dataclass(frozen=True, slots=True)
class _Design:
    """What the planning of one part must know of the whole hypothesis.

    Support needs every claim at once, so each must be found with more than the planned power; a contradiction may
    come from any of them, and pays for their number.
    """

    level: float
    parts: int
    claims: int

    @property
    def wanted(self) -> float:
        return 1 - (1 - PLANNED_POWER) / max(1, self.claims)


def _claims(part: Part, groups: Groups) -> int:
    """Count the comparisons that must all come out for the part to be supported."""
    if part.test in {"peak", "valley"}:
        return 2
    if part.test == "equal":
        return math.comb(len(groups.names), 2)
    return len(groups.names) if part.test in ONE_GROUP else 1


def _claim(part: Part) -> str:
    match part.test:
        case "rises" | "falls":
            return part.test
        case "trend":
            return "rises or falls"
        case "peak" | "valley":
            return f"{'highest' if part.test == 'peak' else 'lowest'} at {part.at:g}"
        case "equal":
            return f"equal to within {part.margin:g}"
        case "is":
            return f"{part.target or 0.0:g} to within {part.margin:g}"
        case _:
            return f"{part.test} {part.target:g}"


def _test(part: Part, groups: Groups | str, design: _Design) -> PartResult:
    unit = quantity_info(part.quantity).unit
    blank = PartResult(part.name, part.test, unit, part.evidence, _claim(part), measured=part.measured)
    if isinstance(groups, str):
        return replace(blank, problem=groups)
    values = [sorted(group) for group in groups.values]
    outcome = _outcome(part, values)
    n = min(len(group) for group in values)
    one = 1 if part.test in ONE_GROUP else 2
    known = n > 1 and math.isfinite(outcome.std)
    return replace(
        blank,
        protocol=groups.protocol,
        levels=groups.names,
        means=tuple(math.fsum(group) / len(group) for group in values),
        effect=outcome.effect,
        ci95=None if math.isnan(outcome.ci95[0]) else outcome.ci95,
        p_for=outcome.p_greater,
        p_against=outcome.p_less,
        n_models=n,
        models_needed=_needed(part, outcome, n, design, _claims(part, groups)),
        power=_power(part, outcome.std, n, design.level) if known else None,
        detectable=power.detectable_effect(
            outcome.std, n, level=design.level, wanted=PLANNED_POWER, groups=one
        )
        if known
        else None,
    )


def _power(part: Part, std: float, n: int, level: float) -> float | None:
    groups = 1 if part.test in ONE_GROUP else 2
    if part.margin is not None:
        return power.power_equivalence(0.0, std, part.margin, n, level=level / 2, groups=groups)
    if part.measured is None:
        return None
    return power.power(abs(part.measured), std, n, level=level, groups=groups)


def _outcome(part: Part, values: list[list[float]]) -> statistics.Outcome:
    """Test of one part; `p_greater` is for the claim, `p_less` against it."""
    test = part.test
    if test in {"rises", "falls", "trend"}:
        rise = (
            statistics.contrast(values, [-1, 1])
            if len(values) == 2
            else statistics.jonckheere_terpstra(values)
        )
        if test == "falls":
            return replace(rise, p_greater=rise.p_less, p_less=rise.p_greater)
        if test == "trend":
            return replace(rise, p_greater=min(1.0, 2 * min(rise.p_greater, rise.p_less)), p_less=1.0)
        return rise
    if test in {"peak", "valley"}:
        assert part.at is not None
        top = part.levels.index(part.at)
        if test == "peak":
            return statistics.umbrella(values, top)
        upside_down = statistics.umbrella([[-value for value in group] for group in values], top)
        low, high = upside_down.ci95
        # 0 − 0 has no sign.
        return replace(upside_down, effect=0.0 - upside_down.effect, ci95=(0.0 - high, 0.0 - low))
    if test == "equal":
        assert part.margin is not None
        return _worst([_same(a, b, part.margin) for a, b in itertools.combinations(values, 2)])
    target = part.target or 0.0
    if test == "is":
        assert part.margin is not None
        return _worst([_at(group, target, part.margin) for group in values])
    outcomes = [statistics.one_sample(group, target) for group in values]
    if test == "below":
        outcomes = [replace(o, p_greater=o.p_less, p_less=o.p_greater) for o in outcomes]
    return _worst(outcomes)


def _same(a: list[float], b: list[float], margin: float) -> statistics.Outcome:
    return statistics.equivalence(lambda null: statistics.contrast([a, b], [-1, 1], null), margin)


def _at(group: list[float], target: float, margin: float) -> statistics.Outcome:
    shifted = [value - target for value in group]
    return statistics.equivalence(lambda null: statistics.one_sample(shifted, null), margin)


def _worst(outcomes: list[statistics.Outcome]) -> statistics.Outcome:
    """All must hold: the largest p for, the smallest against times their number."""
    weakest = max(outcomes, key=lambda o: (o.p_greater, -o.p_less))
    return replace(weakest, p_less=min(1.0, len(outcomes) * min(o.p_less for o in outcomes)))


def _needed(part: Part, outcome: statistics.Outcome, n: int, design: _Design, claims: int) -> int | None:
    """Models a group that would decide: for an effect as large as measured, else as large as seen."""
    groups = 1 if part.test in ONE_GROUP else 2
    if part.margin is not None and abs(outcome.effect) < part.margin:
        return power.models_needed_equivalence(
            outcome.effect,
            outcome.std,
            part.margin,
            level=design.level / 2,
            wanted=design.wanted,
            groups=groups,
            least=LEAST_MODELS,
        )
    against = outcome.p_less < outcome.p_greater
    level = design.level / (claims * design.parts) if against else design.level
    wanted = PLANNED_POWER if against else design.wanted
    beyond = abs(outcome.effect) - (part.margin or 0.0)
    sizes = [beyond] if part.measured is None else [abs(part.measured), beyond]
    found = [
        power.models_needed(size, outcome.std, level=level, wanted=wanted, groups=groups, least=LEAST_MODELS)
        for size in sizes
    ]
    # Where an effect of the measured size would have been found by now, what is there is smaller.
    enough = [number for number in found if number is not None and number > n]
    return enough[0] if enough else found[-1]


def _draft(hypothesis: Hypothesis, parts: list[PartResult]) -> Verdict:
    """Everything but the corrected p; `p` is the raw two-sided one, None where no verdict may be given."""
    tested = [part for part in parts if not part.problem]
    verdict = Verdict(
        id=hypothesis.id,
        title=hypothesis.title,
        statement=hypothesis.statement,
        source=hypothesis.source,
        caveat=hypothesis.caveat,
        verdict="not testable",
        effect=None,
        ci95=None,
        unit="",
        quantity="",
        p=None,
        n_models=0,
        models_needed=None,
        reason="",
        parts=tuple(parts),
    )
    missing = "; ".join(
        f"{_named([p.quantity for p in parts if p.problem == problem])}: {problem}"
        for problem in dict.fromkeys(part.problem for part in parts if part.problem)
    )
    if not tested:
        return replace(verdict, reason=_join(hypothesis.not_modelled, missing, hypothesis.caveat))
    p_for, p_against = _directions(parts, hypothesis)
    deciding = (
        max(tested, key=lambda part: part.p_for)
        if p_for <= p_against
        else min(tested, key=lambda part: part.p_against)
    )
    n = min(part.n_models for part in tested)
    verdict = replace(
        verdict,
        verdict="undecided",
        effect=deciding.effect,
        ci95=deciding.ci95,
        unit=deciding.unit,
        quantity=deciding.quantity,
        n_models=n,
        models_needed=_needed_together(tested, hypothesis),
    )
    shown = [p for p, known in zip(parts, hypothesis.parts, strict=True) if known.shown and p.means]
    missing = _join(
        *(f"{p.quantity}: {', '.join(f'{mean:.3g}' for mean in p.means)}" for p in shown), missing
    )
    if n < LEAST_MODELS:
        few = f"{n} model{'s' if n > 1 else ''} at each {_factor(hypothesis)}, at least {LEAST_MODELS} are needed"
        return replace(verdict, reason=_join(few, _planning(verdict, hypothesis), missing, hypothesis.caveat))
    p = p_for if not hypothesis.contradictable else min(1.0, 2 * min(p_for, p_against))
    return replace(verdict, p=p, reason=missing)


def _named(quantities: Sequence[str]) -> str:
    names = [*dict.fromkeys(quantities)]
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2} more"


def _directions(parts: Sequence[PartResult], hypothesis: Hypothesis) -> tuple[float, float]:
    """p-values for and against the whole; a part that could not be tested cannot be supported."""
    tested = [part for part in parts if not part.problem]
    p_against = min(1.0, len(tested) * min(part.p_against for part in tested))
    p_for = max((part.p_for for part in parts), default=1.0)
    return p_for, p_against if hypothesis.contradictable else 1.0


def _factor(hypothesis: Hypothesis) -> str:
    return {"x": "x", "li": "Li content", "field_strength": "dopant"}[hypothesis.factor]


def _needed_together(tested: Sequence[PartResult], hypothesis: Hypothesis) -> int | None:
    """Support needs every part, contradiction one: the larger number, or the smallest of those that point against."""
    against = [part.models_needed for part in tested if part.p_against < part.p_for and part.models_needed]
    if against and hypothesis.contradictable:
        return min(against)
    if len(tested) < len(hypothesis.parts):
        return None
    numbers = [part.models_needed for part in tested]
    known = [number for number in numbers if number is not None]
    return max(known) if known and len(known) == len(numbers) else None


def _planning(verdict: Verdict, hypothesis: Hypothesis) -> str:
    if verdict.models_needed is None and any(part.problem for part in verdict.parts):
        return "no number of models decides while a part cannot be tested"
    if verdict.models_needed is None:
        return "how many would decide cannot be told from these"
    number = max(verdict.models_needed, LEAST_MODELS)
    return (
        f"about {number} models at each {_factor(hypothesis)} would decide, going by the spread seen so far"
    )


def _join(*words: str) -> str:
    return "; ".join(word for word in words if word)


def _decide(draft: Verdict, p: float, level: float, hypothesis: Hypothesis) -> Verdict:
    p_for, p_against = _directions(draft.parts, hypothesis)
    missing = draft.reason
    if p <= level and p_for <= p_against:
        words = _join(_shown(draft, hypothesis), draft.caveat)
        return replace(draft, verdict="supported", p=p, models_needed=None, reason=words)
    if p <= level:
        return replace(
            draft,
            verdict="contradicted",
            p=p,
            models_needed=None,
            reason=_join(_shown(draft, hypothesis), missing, draft.caveat),
        )
    if draft.models_needed is not None:
        draft = replace(draft, models_needed=max(draft.models_needed, draft.n_models + 1))
    reason = _join(
        f"p = {p:.2g}", _planning(draft, hypothesis), _too_large(draft.parts), missing, draft.caveat
    )
    return replace(draft, p=p, reason=reason)


def _too_large(parts: Sequence[PartResult]) -> str:
    """Name the measured sizes that the models exclude although they do not settle the sign."""
    excluded = [
        part.quantity
        for part in parts
        if part.measured is not None
        and part.ci95 is not None
        # A size has no sign, an effect has.
        and not part.ci95[0] <= (-part.measured if part.test == "falls" else part.measured) <= part.ci95[1]
    ]
    return f"{_named(excluded)}: the measured size lies outside the 95 % interval" if excluded else ""


def _shown(draft: Verdict, hypothesis: Hypothesis) -> str:
    """Name the numbers that decided, beside what was claimed of them."""
    part = next(one for one in draft.parts if one.quantity == draft.quantity and one.effect == draft.effect)
    decimals = decimals_of(part.ci95)
    style = ".4g" if decimals is None else f".{decimals}f"
    means = ", ".join(f"{mean:{style}}" for mean in part.means)
    unit = f" {draft.unit}" if draft.unit else ""
    where = {"x": "at x = ", "li": "at Li = ", "field_strength": "with "}[hypothesis.factor]
    return f"{part.quantity}: {means}{unit} {where}{', '.join(part.levels)}; claimed: {part.claim}"
