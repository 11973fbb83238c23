"""Measured against model: one row for each measured number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from alzmodel.compare.quantities import (
    absent_words,
    convert,
    nominal_li,
    of_state,
    per_model,
    quantity_info,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alzmodel.compare.measured import Measured, MeasuredValue
    from alzmodel.compare.quantities import Quantity

__all__ = ["SAME_X", "Agreement", "Comparison", "compare_models", "same_x"]

SAME_X: Final = 0.02
"""La contents closer than this are the same composition."""
_NORMAL_95: Final = 1.959964
Agreement = Literal[
    "compatible",
    "within systematic",
    "differs",
    "too few models",
    "assumed",
    "not comparable",
    "not modelled",
]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measured value beside the models' value.

    Attributes
    ----------
    id : str
        The measured value's name; ``name/source`` where it is not the kind of model closest to the specimen, and
        ``name[protocol]`` or ``name[protocol, potential]`` where models of several stand for the same state of the
        film.
    label, unit : str
    quantity : str or None
    x : float or None
    source : str or None
        What was modelled: glass, glass-ceramic or crystal.
    state : str
        Of the specimen: annealed or as deposited.
    protocol, potential : str or None
        How and with what the models were made, where the study holds models of more than one.
    measured : float, [low, high] or str
    error, systematic : float or None
        As the publication states them, in `unit`.
    coverage : str
        What `error` means, see :class:`alzmodel.compare.measured.MeasuredValue`.
    model, model_std : float or None
        Mean and sample standard deviation over the models, in `unit`; no deviation for a single model.
    n_models : int
    kind : {"predicted", "assumed", "not modelled"}
        If any model value was put in by hand, the row is assumed.
    difference : float or None
        Model less measured; against a range, the distance to its nearer end (zero inside).
    z : float or None
        `difference` over the combined random error sqrt(u² + s²/n); the systematic error is no part of it.
    z_beyond_systematic : float or None
        The same for what is left of `difference` after the largest systematic shift in the model's favour.
    agreement : str
        ``compatible`` (no larger than two combined errors), ``within systematic``, ``differs``, ``too few models``
        (larger, but inside the 95 % interval of so few models), ``assumed``, ``not comparable`` (with `reason`),
        ``not modelled``.
    reason : str
        Why there is no z, else empty.
    footnotes : dict of str to str
        Name and text of what is odd about the measured value.
    """

    id: str
    label: str
    unit: str
    quantity: str | None
    x: float | None
    source: str | None
    state: str
    protocol: str | None
    measured: float | list[float] | str
    error: float | None
    systematic: float | None
    coverage: str
    model: float | None
    model_std: float | None
    n_models: int
    kind: Literal["predicted", "assumed", "not modelled"]
    difference: float | None
    z: float | None
    z_beyond_systematic: float | None
    agreement: Agreement
    reason: str
    footnotes: dict[str, str]
    potential: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """All fields under their own names."""
        return {name: getattr(self, name) for name in self.__slots__}


def same_x(a: float | None, b: float | None) -> bool:
    """Whether two La contents name the same composition; None is the same as None alone."""
    if a is None or b is None:
        return a is b
    return abs(a - b) <= SAME_X


def compare_models(quantities: Sequence[Quantity], measured: Measured) -> list[Comparison]:
    """Lay model values beside measured ones.

    Parameters
    ----------
    quantities
        Of undoped models; doped ones are left out. Values of the same model are averaged first: models are the
        independent unit. Models of each potential have rows of their own. Of a study with several protocols, models of
        as-deposited films are laid beside what was measured on those, and the others beside what was measured after
        annealing.
    measured
        See :func:`alzmodel.compare.measured.load_measured`.

    Returns
    -------
    list of Comparison
        At least one row for each measured value, in the order of the file. A value that holds for every x gets a
        row for each x that was modelled. The result does not depend on the order of `quantities`.
    """
    rows: list[Comparison] = []
    for value in measured.values:
        rows.extend(_rows(value, quantities, {name: measured.footnotes[name] for name in value.footnotes}))
    return rows


def _rows(value: MeasuredValue, quantities: Iterable[Quantity], notes: dict[str, str]) -> list[Comparison]:
    if value.quantity is None:
        return [_without_model(value, value.not_modelled or "", notes)]
    fitting = [
        quantity
        for quantity in quantities
        if quantity.name == value.quantity and quantity.dopant is None and quantity.source in value.sources
    ]
    usable = nominal_li(of_state(fitting, value.state))
    rows = []
    for source in value.sources:
        of_source = [quantity for quantity in usable if quantity.source == source]
        ways = sorted({_way(quantity) for quantity in of_source})
        for way in ways:
            of_way = [quantity for quantity in of_source if _way(quantity) == way]
            tag = f"[{_told(way, ways)}]" if len(ways) > 1 else ""
            for x in _contents(value, of_way):
                members = [quantity for quantity in of_way if same_x(quantity.x, x)]
                if members:
                    rows.append(_row(value, members, x, source, notes, tag))
    if not rows:
        reason = f"no model of the {value.state} film" if fitting else "no model of it"
        return [_without_model(value, f"{reason} in this study", notes)]
    return rows


def _way(quantity: Quantity) -> tuple[str, str]:
    """How and with what a model was made."""
    return quantity.protocol or "", quantity.potential or ""


def _told(way: tuple[str, str], ways: Sequence[tuple[str, str]]) -> str:
    """Words on a way that tell it from the others."""
    return ", ".join(
        word or "None" for place, word in enumerate(way) if len({other[place] for other in ways}) > 1
    )


def _contents(value: MeasuredValue, quantities: Sequence[Quantity]) -> list[float | None]:
    """La contents to compare at: the value's own, or every one that was modelled."""
    if value.x is not None:
        return [value.x]
    found: list[float | None] = []
    for x in sorted((q.x for q in quantities), key=lambda x: (x is not None, x or 0.0)):
        if not any(same_x(x, known) for known in found):
            found.append(x)
    return found


def _without_model(value: MeasuredValue, reason: str, notes: dict[str, str]) -> Comparison:
    return Comparison(
        id=value.id,
        label=value.label,
        unit=value.unit,
        quantity=value.quantity,
        x=value.x,
        source=None,
        state=value.state,
        protocol=None,
        measured=value.shown,
        error=value.error,
        systematic=value.systematic,
        coverage=value.coverage,
        model=None,
        model_std=None,
        n_models=0,
        kind="not modelled",
        difference=None,
        z=None,
        z_beyond_systematic=None,
        agreement="not modelled",
        reason=reason,
        footnotes=notes,
    )


def _row(
    value: MeasuredValue,
    members: Sequence[Quantity],
    x: float | None,
    source: str,
    notes: dict[str, str],
    tag: str,
) -> Comparison:
    assert value.quantity is not None
    unit = quantity_info(value.quantity).unit
    numbers = [convert(number, unit, value.unit) for number in per_model(members).values()]
    n = len(numbers)
    mean = math.fsum(numbers) / n if n else None
    std = None
    if mean is not None and n > 1:
        std = math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / (n - 1))
    kind: Literal["predicted", "assumed"] = (
        "assumed" if any(member.kind == "assumed" for member in members) else "predicted"
    )
    difference = None if mean is None else _difference(mean, value)
    z, beyond, limit, reason = _in_errors(
        difference, value, std, n, random=kind == "predicted" and source != "crystal"
    )
    if mean is None:
        reason = absent_words(value.quantity)
    if kind == "assumed":
        agreement: Agreement = "assumed"
        reason = reason or "put in by hand, or follows from what was"
    elif z is None or beyond is None:
        agreement = "not comparable"
    elif abs(z) <= _NORMAL_95:
        agreement = "compatible"
    elif abs(beyond) <= _NORMAL_95:
        agreement = "within systematic"
    else:
        agreement = "differs" if abs(beyond) > limit else "too few models"
    name = value.id if value.x is not None or x is None else f"{value.id}@{x:g}"
    return Comparison(
        id=(name if source == value.sources[0] else f"{name}/{source}") + tag,
        label=value.label,
        unit=value.unit,
        quantity=value.quantity,
        x=x,
        source=source,
        state=value.state,
        protocol=members[0].protocol,
        measured=value.shown,
        error=value.error,
        systematic=value.systematic,
        coverage=value.coverage,
        model=mean,
        model_std=std,
        n_models=n,
        kind=kind,
        difference=difference,
        z=z,
        z_beyond_systematic=beyond,
        agreement=agreement,
        reason=reason,
        footnotes=notes,
        potential=members[0].potential,
    )


def _difference(model: float, value: MeasuredValue) -> float | None:
    if value.value is not None:
        return model - value.value
    if value.low is None or value.high is None:
        return None
    return min(0.0, model - value.low) + max(0.0, model - value.high)


def _in_errors(
    difference: float | None, value: MeasuredValue, std: float | None, n: int, *, random: bool
) -> tuple[float | None, float | None, float, str]:
    """z, z beyond the systematic error, the 95 % limit of both, and why there is none."""
    none = (None, None, math.nan)
    if value.text is not None:
        return *none, "measured in words only"
    if difference is None:
        return *none, ""
    # Without a stated error a range still has its ends; a number then only has the models' spread.
    own = value.standard_error
    if own is None and value.value is not None:
        return *none, "no error stated"
    own = own or 0.0
    # What was put in, and a perfect crystal, have no spread: one model is enough to know them.
    if std is None and random:
        return *none, "one model has no spread"
    spread = 0.0 if std is None else std / math.sqrt(n)
    combined = math.hypot(own, spread)
    if combined == 0:
        return *none, "no error stated"
    left = max(0.0, abs(difference) - (value.systematic or 0.0))
    return difference / combined, math.copysign(left, difference) / combined, _limit(own, spread, n), ""


def _limit(own: float, spread: float, n: int) -> float:
    """Two-sided 95 % point of Student's t with the Welch–Satterthwaite degrees of freedom of the combined error.

    The measured part counts as known; see B. L. Welch, Biometrika 34, 28 (1947).
    """
    if spread == 0:
        return _NORMAL_95
    from scipy.special import stdtrit

    freedom = (own**2 + spread**2) ** 2 / (spread**4 / (n - 1))
    return float(stdtrit(freedom, 0.975))
