"""Calls of the release before that :class:`alzmodel.models.specimen.Specimen` took over; they go with the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from alzmodel.models.columns import MIN_WIDTH, THICKNESS, WIDTH
from alzmodel.models.specimen import Specimen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["columns_of", "fem_columns"]


class _Probe(Protocol):
    @property
    def min_width(self) -> float: ...


def fem_columns(
    models: Sequence[Atoms] | Atoms,
    *,
    n_columns: int = 4,
    width: float = WIDTH,
    thickness: float = THICKNESS,
    min_width: float = MIN_WIDTH,
    seed: int = 0,
) -> tuple[list[Atoms], str]:
    """Columns of a specimen, and how they came about."""
    specimen = Specimen(thickness, min_width, width)
    return list(specimen.columns(models, n_columns, seed)), specimen.note(models)


def columns_of(
    model: Sequence[Atoms] | Atoms, *, thickness: float, n_columns: int, seed: int, settings: _Probe
) -> tuple[list[Atoms], str]:
    """Columns that hold a probe, and how they came about."""
    specimen = Specimen(thickness, settings.min_width)
    return list(specimen.columns(model, n_columns, seed)), specimen.note(model)
