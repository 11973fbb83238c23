"""Parts that the building units of a model are told in, the cheap ones first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CHEAP", "PARTS", "Part", "chosen_parts"]


class Part(NamedTuple):
    """One part: its field in :class:`~alzmodel.local_order.building_units.BuildingUnits`, and its share of the time."""

    field: str
    share: float


PARTS: Final[Mapping[str, Part]] = {
    "first": Part("units", 0.12),
    "cutoff_dependence": Part("cutoff_dependence", 0.01),
    "bond_valence": Part("bond_valence", 0.02),
    "packing": Part("packing", 0.01),
    "sharing": Part("sharing", 0.06),
    "network": Part("network", 0.04),
    "rings": Part("rings", 0.02),
    "order": Part("order", 0.04),
    "roles": Part("roles", 0.05),
    "symmetry": Part("symmetry", 0.18),
    "free_volume": Part("free_volume", 0.3),
    "sensitivity": Part("sensitivity", 0.16),
}
"""By name, in the order in which they are found. All but the first are named as in JSON. The shares are those of a
glass."""
CHEAP: Final = (
    *("first", "cutoff_dependence", "bond_valence", "packing", "sharing"),
    *("network", "rings", "order", "roles"),
)
"""What takes seconds where the others take minutes."""


def chosen_parts(names: Iterable[str] | None) -> tuple[str, ...]:
    """Names of parts in their order, each once; None takes all.

    Raises
    ------
    InputError
        If there is no such part, or no name at all.
    """
    if names is None:
        return tuple(PARTS)
    wanted = [name.strip() for name in names]
    unknown = [name for name in wanted if name not in PARTS]
    if unknown or not wanted:
        raise InputError(
            f"part of the building units: {', '.join(map(repr, unknown)) or 'none'}; allowed: {', '.join(PARTS)}"
        )
    return tuple(name for name in PARTS if name in wanted)
