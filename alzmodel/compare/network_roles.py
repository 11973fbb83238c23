"""Former or modifier over many models: every cation on every scale, and what that says of La."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from alzmodel.compare.quantities import quantity_info
from alzmodel.compare.verdicts import LEAST_MODELS
from alzmodel.errors import InputError
from alzmodel.ions import ion as ion_of
from alzmodel.statistics import mean_std

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alzmodel.compare.verdicts import Verdict

__all__ = ["Answer", "Evidence", "IonRole", "modifier_answer", "role_rows", "roles_csv"]

SCALES: Final = {
    "sun": "Sun's bond strength",
    "dietzel": "Dietzel's field strength z/d²",
    "table": "the Encyclopedia's table",
}
"""The conventional scales of :mod:`alzmodel.local_order.roles`, by the first word of their keys there."""
NUMBERS: Final = ("coordination", "distance", "valence_per_bond", "bridging_share", "dietzel", "sun")
CONNECTIVITY: Final = ("links_per_cation", "bridging_fraction", "largest_fraction")
STRUCTURE: Final = "H5"
"""The hypothesis of the paper's list that reads roles from coordination."""
_MODIFIER: Final = frozenset({"modifier", "modifier to intermediate"})
_SILENT: Final = frozenset({"unknown", "not listed"})


@dataclass(frozen=True, slots=True)
class IonRole:
    """One cation in all models of one composition and protocol.

    Attributes
    ----------
    ion
        Label, such as ``"La3+"``.
    la
        La per formula unit.
    protocol
        Name, where a study has several.
    n_models
        Models that hold it.
    numbers
        Mean and sample deviation over models of what :class:`~alzmodel.local_order.roles.Role` holds: ``coordination``,
        ``distance`` (Å), ``valence_per_bond``, ``bridging_share``, ``dietzel`` (e/Å²), ``sun`` (kJ/mol), and without
        this cation ``links_per_cation``, ``bridging_fraction`` and ``largest_fraction``.
    field_strength
        z/r, e/Å: the paper's scale, which has no thresholds.
    classes
        By scale, how many models put it into which class.
    paper
        What the paper calls it, or ``"not named"``.
    """

    ion: str
    la: float
    protocol: str | None
    n_models: int
    numbers: Mapping[str, tuple[float, float]]
    field_strength: float
    classes: Mapping[str, Mapping[str, int]]
    paper: str

    def to_dict(self) -> dict[str, Any]:
        """Every attribute by its name; a deviation under the name with ``_std``."""
        plain = {key: value for key, value in asdict(self).items() if key != "numbers"}
        for name, (mean, std) in self.numbers.items():
            plain |= {name: mean, f"{name}_std": std}
        return plain


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one scale or test says: ``"for"``, ``"against"`` or ``"silent"``, and in what words."""

    of: str
    says: Literal["for", "against", "silent"]
    words: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether an ion is a modifier.

    Attributes
    ----------
    ion
        Label.
    answer
        ``"yes"`` if nothing speaks against it and something for it, ``"no"`` the other way round, ``"disputed"`` if
        both do, ``"undecided"`` if neither does or a composition has fewer than
        :data:`~alzmodel.compare.verdicts.LEAST_MODELS` models.
    evidence
        One entry a scale and test.
    """

    ion: str
    answer: Literal["yes", "no", "disputed", "undecided"]
    evidence: tuple[Evidence, ...]

    def to_dict(self) -> dict[str, Any]:
        """Every attribute by its name."""
        return asdict(self)


def role_rows(models: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[IonRole]:
    """Gather the roles of the cations by La content, protocol and ion.

    Parameters
    ----------
    models
        Of each model its ``la`` (and ``protocol`` where there are several), and
        :meth:`alzmodel.local_order.roles.Roles.to_dict`.
    """
    groups: dict[tuple[float, str, str], list[Mapping[str, Any]]] = {}
    for model, table in models:
        for label, role in table["ions"].items():
            made = ", ".join(model[key] for key in ("protocol", "potential") if model.get(key))
            groups.setdefault((model["la"], made, label), []).append(role)
    return [
        _row(la, protocol or None, label, roles)
        for (la, protocol, label), roles in sorted(
            groups.items(), key=lambda item: (*item[0][:2], _place(item[0][2]), item[0][2])
        )
    ]


def _place(label: str) -> int:
    """Put the cations that the paper names first, in its order."""
    # Inside, since numba comes with it.
    from alzmodel.local_order.roles import PAPER

    order = list(PAPER)
    element = ion_of(label).element
    return order.index(element) if element in order else len(order)


def _row(la: float, protocol: str | None, label: str, roles: Sequence[Mapping[str, Any]]) -> IonRole:
    numbers = {name: mean_std([role[name] for role in roles if role[name] is not None]) for name in NUMBERS}
    numbers |= {name: mean_std([role["without"][name] for role in roles]) for name in CONNECTIVITY}
    return IonRole(
        ion=label,
        la=la,
        protocol=protocol,
        n_models=len(roles),
        numbers=numbers,
        field_strength=roles[0]["field_strength"],
        classes={scale: dict(Counter(role[f"{scale}_class"] for role in roles)) for scale in SCALES},
        paper=roles[0]["paper"],
    )


def modifier_answer(
    rows: Sequence[IonRole], verdicts: Sequence[Verdict] = (), *, ion: str = "La3+"
) -> Answer:
    """Say whether an ion is a network modifier, by every scale and by the hypothesis on coordinations.

    A scale speaks for it where it puts the ion among the modifiers in every model, at every La content; it is silent
    where it does not know the ion. The hypothesis speaks against it only where its part on this ion fails.

    Parameters
    ----------
    rows
        Of :func:`role_rows`.
    verdicts
        Of the paper's hypotheses: the one named :data:`STRUCTURE` counts as one more scale.
    ion
        Label of the ion.

    Raises
    ------
    InputError
        If no model holds the ion.
    """
    mine = [row for row in rows if row.ion == ion]
    if not mine:
        there = ", ".join(dict.fromkeys(row.ion for row in rows)) or "none"
        raise InputError(f"ion: {ion!r} is in no model; allowed: {there}")
    evidence = [_scale(scale, title, mine) for scale, title in SCALES.items()]
    evidence += [_structure(verdict, ion) for verdict in verdicts if verdict.id == STRUCTURE]
    said = {one.says for one in evidence}
    answer: Literal["yes", "no", "disputed", "undecided"] = "undecided"
    if min(row.n_models for row in mine) >= LEAST_MODELS:
        if {"for", "against"} <= said:
            answer = "disputed"
        elif said != {"silent"}:
            answer = "yes" if "for" in said else "no"
    return Answer(ion, answer, tuple(evidence))


def _scale(scale: str, title: str, rows: Sequence[IonRole]) -> Evidence:
    found: Counter[str] = Counter()
    for row in rows:
        found.update(row.classes[scale])
    total = sum(found.values())
    words = ", ".join(f"{name} in {count} of {total} models" for name, count in found.most_common())
    if scale in NUMBERS:
        means = [row.numbers[scale][0] for row in rows]
        unit, digits = ("kJ/mol a bond", 0) if scale == "sun" else ("e/Å²", 2)
        words += f" ({min(means):.{digits}f} to {max(means):.{digits}f} {unit} over the compositions)"
    if set(found) <= _SILENT:
        return Evidence(title, "silent", words)
    return Evidence(title, "for" if set(found) <= _MODIFIER else "against", words)


def _structure(verdict: Verdict, label: str) -> Evidence:
    words = f"{verdict.verdict}: {verdict.reason}"
    says: Literal["for", "against", "silent"] = "for" if verdict.verdict == "supported" else "silent"
    name = quantity_info(f"{ion_of(label).element.lower()}_o_coordination").label
    for part in verdict.parts:
        if part.quantity != name or part.effect is None or part.ci95 is None:
            continue
        words += f"; {part.quantity} less its bound {part.effect:+.2f} ({part.ci95[0]:+.2f} to {part.ci95[1]:+.2f})"
        if verdict.verdict == "contradicted" and part.ci95[1] < 0:
            says = "against"
    return Evidence(f"{verdict.id}, {verdict.title}", says, words)


def roles_csv(rows: Sequence[IonRole]) -> str:
    """Write the table of roles as CSV; classes as ``modifier 3, intermediate 1``."""
    buffer = io.StringIO()
    plain = [row.to_dict() | {f"{scale}_class": _counts(row, scale) for scale in SCALES} for row in rows]
    names = [name for name in (plain[0] if plain else {}) if name != "classes"]
    table = csv.DictWriter(buffer, names, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(plain)
    return buffer.getvalue()


def _counts(row: IonRole, scale: str) -> str:
    return ", ".join(f"{name} {count}" for name, count in row.classes[scale].items())
