"""FEM averaged over columns and tilts until its error is small enough."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.progress import Progress, silent
from alzmodel.scattering.fem.fit import TWO_WINDOWS
from alzmodel.scattering.fem.thermal import snapshots, thermal_moments
from alzmodel.scattering.fem.variance import ColumnMoments, FEMResult, pool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ase import Atoms

    from alzmodel.scattering.fem.settings import FEMSettings

__all__ = ["MIN_COLUMNS", "TILT_MAX", "bootstrap_error", "fem_converged", "tilted", "tilts_of"]

TILT_MAX: Final = 10.0
"""Degrees; a beam that far off passes 1.5 % more material, which is not counted."""

MIN_COLUMNS: Final = 4
"""Columns before the bootstrap is believed."""

_SHARED: Final = frozenset({"plane", "n_atoms"})
_NORMAL_95: Final = 1.959964


def tilted(column: Atoms, tilt: tuple[float, float]) -> Atoms:
    """Look at a column with the beam tilted by two small angles.

    Parameters
    ----------
    column
        Periodic in the plane, beam along z.
    tilt
        Degrees about y and x, together at most :data:`TILT_MAX`.

    Returns
    -------
    ase.Atoms
        With r_xy + z tan(tilt) in place of r_xy: for a tilted beam the Ewald sphere lies at q_z = −λq²/2 + q·tan(tilt),
        and exp(−2πi q·tan(tilt) z) is this shift. The cell stays as it is, so that the column remains periodic.

    Raises
    ------
    InputError
        If an angle is not a number or too large.
    """
    if not (all(map(math.isfinite, tilt)) and math.hypot(*tilt) <= TILT_MAX + 1e-9):
        raise InputError(f"tilt: {tilt[0]:g}°, {tilt[1]:g}°; allowed: together up to {TILT_MAX:g}°")
    result = column.copy()
    z = column.positions[:, 2]
    middle = 0.5 * float(z.max() + z.min())
    result.positions[:, :2] += np.tan(np.radians(tilt)) * (z - middle)[:, None]
    return result


def tilts_of(angle: float, count: int) -> tuple[tuple[float, float], ...]:
    """Untilted and `count` tilts by `angle` degrees in evenly spread directions.

    Raises
    ------
    InputError
        If the count is negative or the angle out of range.
    """
    if isinstance(count, bool) or count < 0:
        raise InputError(f"tilts: {count}; allowed: a whole number from 0")
    if not (math.isfinite(angle) and 0 <= angle <= TILT_MAX):
        raise InputError(f"tilt: {angle:g}°; allowed: 0 to {TILT_MAX:g}°")
    turns = 2 * math.pi * np.arange(count) / max(count, 1)
    return ((0.0, 0.0), *((angle * math.cos(turn), angle * math.sin(turn)) for turn in turns))


def bootstrap_error(result: FEMResult) -> float:
    """Relative standard error of "omega" by the bootstrap over columns, the larger of both published windows.

    The mean over the rings of a window (or over all rings, where none lies in it). NaN for one column.
    """
    low, high = result.variance_ci95["omega"].T
    error = (high - low) / (2 * _NORMAL_95 * result.variance["omega"])
    inside = [(result.k >= start) & (result.k <= end) for start, end in TWO_WINDOWS.values()]
    means = [float(error[mask].mean()) for mask in inside if mask.any()]
    return max(means) if means else float(error.mean())


def fem_converged(
    columns: Iterable[Atoms],
    settings: FEMSettings,
    *,
    relative_error: float | None = None,
    most: int = 64,
    tilts: Sequence[tuple[float, float]] = ((0.0, 0.0),),
    seed: int = 0,
    progress: Progress = silent,
) -> FEMResult:
    """Average columns one after the other until the bootstrap error of V is small enough.

    Parameters
    ----------
    columns
        Made when they are asked for; at least one. Of a column with frames (:mod:`alzmodel.scattering.fem.thermal`)
        every moment is their mean.
    settings
        The instrument.
    relative_error
        Of "omega", see :func:`bootstrap_error`; None takes all columns up to `most`.
    most
        Columns after which it ends in any case.
    tilts
        Degrees, see :func:`tilted`. All tilts of a column are averaged into one: they look at the same atoms, and the
        bootstrap draws whole columns.
    seed
        Of the bootstrap.
    progress
        Told after every column.

    Returns
    -------
    FEMResult
        Its note says after how many columns it ended, and with what error.

    Raises
    ------
    InputError
        If there is no column, one cannot be used, or a number is out of range.
    """
    if relative_error is not None and not (math.isfinite(relative_error) and 0 < relative_error < 1):
        raise InputError(f"FEM, error to reach: {relative_error:g}; allowed: above 0, below 1")
    if isinstance(most, bool) or most < 1:
        raise InputError(f"FEM, most columns: {most}; allowed: a whole number from 1")
    if not tilts:
        raise InputError("FEM, tilts: none; allowed: at least one, (0, 0) is untilted")
    moments: list[ColumnMoments] = []
    error = math.nan
    for column in columns:
        frames = snapshots(column)
        moments.append(
            _mean([thermal_moments([tilted(one, tilt) for one in frames], settings) for tilt in tilts])
        )
        count = len(moments)
        if relative_error is not None and count >= MIN_COLUMNS:
            error = bootstrap_error(pool(moments, settings, seed=seed))
        progress(
            min(1.0, max(count / most, (relative_error or 0.0) ** 2 / error**2 if error > 0 else 0.0)),
            f"FEM of column {count}" + (f", error {error:.1%}" if error > 0 else ""),
        )
        if count >= most or (relative_error is not None and error <= relative_error):
            break
    if not moments:
        raise InputError("FEM: no columns; allowed: at least one")
    result = pool(moments, settings, seed=seed)
    parts = []
    if len(tilts) > 1:
        parts.append(f"{len(tilts)} tilts of each column averaged")
    if relative_error is not None:
        error = bootstrap_error(result)
        reached = "" if error <= relative_error else f", not the {relative_error:.1%} asked for"
        known = f"V known to {error:.1%} (bootstrap by column){reached}"
        if len(moments) < MIN_COLUMNS:
            known = f"fewer than the {MIN_COLUMNS} that tell how well V is known"
        parts.append(f"ended after {len(moments)} columns: {known}")
    return replace(result, note="; ".join(parts))


def _mean(moments: Sequence[ColumnMoments]) -> ColumnMoments:
    """One column seen in several ways: all its moments are averages over probes, and average on."""
    if len(moments) == 1:
        return moments[0]
    averages: dict[str, Any] = {
        one.name: np.mean([getattr(part, one.name) for part in moments], axis=0)
        for one in fields(ColumnMoments)
        if one.name not in _SHARED and getattr(moments[0], one.name) is not None
    }
    return replace(moments[0], **averages)
