"""Hypotheses as data: what is claimed of which quantity, between which compositions, and how it is tested."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alzmodel.compare.gates import GATES
from alzmodel.compare.measured import Finite, explain, read_toml
from alzmodel.compare.quantities import quantity_info
from alzmodel.errors import InputError

__all__ = ["ONE_GROUP", "Hypothesis", "Part", "load_hypotheses"]

_DEFAULT_FILE: Final = Path(__file__).with_name("hypotheses.toml")
Test = Literal["rises", "falls", "trend", "peak", "valley", "equal", "is", "above", "below"]
ONE_GROUP: Final = frozenset({"is", "above", "below"})
"""Tests of each group by itself against a number."""
_WITH_MARGIN: Final = frozenset({"equal", "is"})


class Part(BaseModel):
    """One testable claim about one quantity; the keys are explained at the head of ``hypotheses.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    quantity: str
    minus: str | None = None
    source: Literal["glass", "glass-ceramic", "crystal"] = "glass"
    protocol: str | None = None
    test: Test
    levels: tuple[Finite, ...] = ()
    at: Finite | None = None
    margin: Finite | None = None
    target: Finite | None = None
    measured: Finite | None = None
    evidence: str = ""
    shown: bool = False

    @property
    def name(self) -> str:
        """The quantity in words."""
        label = quantity_info(self.quantity).label
        return label if self.minus is None else f"{label} less {quantity_info(self.minus).label}"


class Hypothesis(BaseModel):
    """A claim that models can test; the keys are explained at the head of ``hypotheses.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    title: str
    statement: str
    source: str = ""
    factor: Literal["x", "field_strength", "li"] = "x"
    at_x: Finite | None = None
    at_fraction: Finite | None = None
    rival: str | None = None
    contradictable: bool = True
    caveat: str = ""
    gates: tuple[str, ...] = ()
    not_modelled: str = ""
    parts: tuple[Part, ...] = ()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    schema_: Literal[1] = Field(alias="schema")
    hypothesis: list[Hypothesis] = Field(min_length=1)


def load_hypotheses(path: str | Path | None = None) -> tuple[Hypothesis, ...]:
    """Read hypotheses.

    Parameters
    ----------
    path
        A TOML file laid out as ``alzmodel/compare/hypotheses.toml``, which is read if left out: the claims of Zhu et
        al., Adv. Mater. 2024, 2302438, and the rival reading of its FEM peaks.

    Raises
    ------
    InputError
        If the file is missing, is not TOML, has unknown or missing keys, unknown quantities, or a test without what it
        needs.
    """
    file = Path(path) if path is not None else _DEFAULT_FILE
    data = read_toml(file)
    try:
        hypotheses = tuple(_File.model_validate(data).hypothesis)
    except ValidationError as error:
        raise explain(error, file, data) from error
    names = [hypothesis.id for hypothesis in hypotheses]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{file}: hypothesis {name!r} stands there twice; allowed: one of each id")
    for hypothesis in hypotheses:
        if hypothesis.rival is not None and hypothesis.rival not in {*names} - {hypothesis.id}:
            raise InputError(
                f"{file}: {hypothesis.id}: rival: {hypothesis.rival!r}; allowed: the id of another hypothesis there"
            )
        try:
            _check(hypothesis)
            for part in hypothesis.parts:
                _check_part(part, hypothesis)
        except InputError as error:
            raise InputError(f"{file}: {hypothesis.id}: {error}") from error
    return hypotheses


def _check(hypothesis: Hypothesis) -> None:
    if bool(hypothesis.parts) == bool(hypothesis.not_modelled):
        there = "both" if hypothesis.parts else "neither"
        raise InputError(f"parts and not_modelled: {there}; allowed: parts, or the reason why there are none")
    for name in hypothesis.gates:
        if name not in GATES:
            raise InputError(f"gates: {name!r} is unknown; allowed: {', '.join(GATES)}")


def _check_part(part: Part, hypothesis: Hypothesis) -> None:
    quantity_info(part.quantity)
    if part.minus is not None and quantity_info(part.minus).unit != quantity_info(part.quantity).unit:
        raise InputError(f"minus: {part.minus!r}; allowed: a quantity in the unit of {part.quantity}")
    if (part.test in _WITH_MARGIN) != (part.margin is not None) or (
        part.margin is not None and part.margin <= 0
    ):
        raise InputError(
            f"margin of {part.test!r}: {part.margin}; allowed: above 0 with 'equal' and 'is', else none"
        )
    if part.target is not None and part.test not in ONE_GROUP:
        raise InputError(
            f"target of {part.test!r}: {part.target}; allowed: with 'is', 'above' and 'below' only"
        )
    if part.test in {"above", "below"} and part.target is None:
        raise InputError(f"target of {part.test!r}: none; allowed: a number")
    inner = part.levels[1:-1]
    if part.test in {"peak", "valley"} and (part.at is None or part.at not in inner):
        raise InputError(f"at of {part.test!r}: {part.at}; allowed: one of the inner levels {list(inner)}")
    if list(part.levels) != sorted(set(part.levels)):
        raise InputError(f"levels: {list(part.levels)}; allowed: rising numbers")
    if len(part.levels) == 1 and part.test not in ONE_GROUP:
        raise InputError(f"levels of {part.test!r}: {list(part.levels)}; allowed: at least two")
    if hypothesis.factor == "x" and (hypothesis.at_x is not None or hypothesis.at_fraction is not None):
        raise InputError("at_x or at_fraction with factor 'x'; allowed: with factor 'field_strength' only")
    if hypothesis.factor == "li" and hypothesis.at_fraction is not None:
        raise InputError("at_fraction with factor 'li'; allowed: with factor 'field_strength' only")
    if hypothesis.factor == "field_strength" and (part.levels or part.test in {"peak", "valley"}):
        raise InputError(
            f"levels: {list(part.levels)}; allowed: none with dopants, which are put in order themselves"
        )
