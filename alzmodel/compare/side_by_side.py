"""The same hypotheses judged by several studies: which conclusions depend on what differs between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alzmodel.compare.verdicts import PartResult, Verdict

__all__ = ["SideBySide", "side_by_side"]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One part of a hypothesis in every study.

    Attributes
    ----------
    id, title, quantity, test, unit : str
    verdicts : tuple of str
        On the whole hypothesis, in the order of the studies.
    effects : tuple of float or None
        Of this part, in `unit`.
    ci95 : tuple of (float, float) or None
    depends : bool or None
        Whether the conclusion depends on the study: one supports what another contradicts, or the 95 % intervals of the
        effects exclude one another. None where neither is so and some study decides nothing.
    """

    id: str
    title: str
    quantity: str
    test: str
    unit: str
    verdicts: tuple[str, ...]
    effects: tuple[float | None, ...]
    ci95: tuple[tuple[float, float] | None, ...]
    depends: bool | None

    def to_dict(self) -> dict[str, Any]:
        """All fields under their own names."""
        return {name: getattr(self, name) for name in self.__slots__}


def side_by_side(studies: Mapping[str, Sequence[Verdict]]) -> list[SideBySide]:
    """Lay the verdicts of several studies beside one another, part by part.

    Parameters
    ----------
    studies
        Verdicts on the same hypotheses, by name of the study; at least two.

    Raises
    ------
    InputError
        If there are fewer than two studies, or they judge different hypotheses.
    """
    if len(studies) < 2:
        raise InputError(f"studies: {len(studies)} given; allowed: at least two to lay side by side")
    first, *others = studies.values()
    for name, verdicts in studies.items():
        if [_shape(verdict) for verdict in verdicts] != [_shape(verdict) for verdict in first]:
            raise InputError(
                f"{name}: judges other hypotheses than {next(iter(studies))}; allowed: the same for all"
            )
    rows = []
    for number, verdict in enumerate(first):
        same = [verdict, *(verdicts[number] for verdicts in others)]
        words = tuple(one.verdict for one in same)
        for place, part in enumerate(verdict.parts):
            parts = [one.parts[place] for one in same]
            rows.append(
                SideBySide(
                    id=verdict.id,
                    title=verdict.title,
                    quantity=part.quantity,
                    test=part.test,
                    unit=part.unit,
                    verdicts=words,
                    effects=tuple(one.effect for one in parts),
                    ci95=tuple(one.ci95 for one in parts),
                    depends=_depends(words, parts),
                )
            )
    return rows


def _shape(verdict: Verdict) -> tuple[str, tuple[tuple[str, str], ...]]:
    return verdict.id, tuple((part.quantity, part.test) for part in verdict.parts)


def _depends(words: Sequence[str], parts: Sequence[PartResult]) -> bool | None:
    known = [part.ci95 for part in parts if part.ci95 is not None]
    apart = bool(known) and max(low for low, _ in known) > min(high for _, high in known)
    if apart or {"supported", "contradicted"} <= set(words):
        return True
    return False if set(words) in ({"supported"}, {"contradicted"}) else None
