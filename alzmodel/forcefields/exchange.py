"""The control of a dopant screen: two ions with each other's radii and pair parameters."""

from __future__ import annotations

import contextlib
import dataclasses
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from alzmodel.errors import InputError
from alzmodel.forcefields import potentials
from alzmodel.ions import IONS, ion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alzmodel.forcefields.potentials import Potential
    from alzmodel.ions import Ion

__all__ = ["check_exchange", "exchanged"]


def check_exchange(pair: Sequence[str]) -> tuple[Ion, Ion]:
    """Return the two ions that are to be exchanged.

    Raises
    ------
    InputError
        If one is unknown, their charges differ, or they are one ion.
    """
    first, second = (ion(label) for label in pair)
    if first.valence != second.valence:
        raise InputError(
            f"exchange: {first.label} and {second.label} have charges {first.valence} and {second.valence}; "
            "allowed: two ions of one charge"
        )
    if first == second:
        raise InputError(f"exchange: {first.label} with itself; allowed: two ions of one charge")
    return first, second


@contextlib.contextmanager
def exchanged(pair: Sequence[str]) -> Iterator[None]:
    """Let two ions of one charge have each other's radii and pair parameters, in the whole process; masses stay.

    Parameters
    ----------
    pair
        Two ion labels, or nothing: then all is as it stands.

    Raises
    ------
    InputError
        As :func:`check_exchange`.
    """
    if not pair:
        yield
        return
    a, b = check_exchange(pair)
    # In place: other modules hold the same table.
    ions = cast("dict[str, Ion]", IONS)
    tables = potentials.POTENTIALS
    ions[a.label] = dataclasses.replace(b, label=a.label, element=a.element, usual=a.usual)
    ions[b.label] = dataclasses.replace(a, label=b.label, element=b.element, usual=b.usual)
    potentials.POTENTIALS = MappingProxyType(
        {name: _with_rows(table, a.label, b.label) for name, table in tables.items()}
    )
    try:
        yield
    finally:
        ions[a.label], ions[b.label] = a, b
        potentials.POTENTIALS = tables


def _with_rows(table: Potential, first: str, second: str) -> Potential:
    rows = dict(table.ions)
    if first not in rows or second not in rows:
        # Without the other's row an ion has none: what needs it is refused.
        return dataclasses.replace(
            table,
            ions=MappingProxyType(
                {label: row for label, row in rows.items() if label not in {first, second}}
            ),
        )
    a, b = rows[first], rows[second]
    rows[first] = dataclasses.replace(b, label=first, element=a.element)
    rows[second] = dataclasses.replace(a, label=second, element=b.element)
    return dataclasses.replace(table, ions=MappingProxyType(rows))
