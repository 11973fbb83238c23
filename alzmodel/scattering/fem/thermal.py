"""Thermal motion in FEM: the same column in several frames, whose intensities a detector adds up.

An electron passes in a time in which atoms stand still, and a pattern takes a second: it is the mean of the INTENSITIES
over all places that the atoms take. What fluctuates from frame to frame is gone from it.
"""

from __future__ import annotations

from dataclasses import fields, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.models.columns import DISPLACEMENTS
from alzmodel.scattering.fem.variance import ColumnMoments, moments_and_rings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from alzmodel.scattering.fem.settings import FEMSettings

__all__ = ["frame_temperature", "harmonic_scale", "joined_frames", "snapshots", "thermal_moments"]

_NOT_AVERAGED: Final = frozenset({"plane", "n_atoms", "apart"})


def joined_frames(frames: Sequence[Atoms], *, scale: float = 1.0) -> Atoms:
    """Join frames of the same atoms: the first, with what every atom moves by in the others.

    Parameters
    ----------
    frames
        At least two, the same atoms in the same order, in cells that differ by the fluctuations of a barostat alone.
    scale
        Of the motion about the mean of the frames; see :func:`harmonic_scale`.

    Returns
    -------
    ase.Atoms
        The first frame with the array "displacements", Å, shape (n, frames − 1, 3). Motion of the whole is taken out,
        and that of the cell: positions are compared in fractions of the cell.

    Raises
    ------
    InputError
        If there is one frame only, or the frames are not of the same atoms.
    """
    if len(frames) < 2:
        raise InputError(f"frames of one model: {len(frames)}; allowed: at least two")
    first = frames[0]
    if any(not np.array_equal(frame.numbers, first.numbers) for frame in frames):
        raise InputError(
            "frames of one model: other atoms in some of them; allowed: the same atoms in the same order"
        )
    start = first.get_scaled_positions(wrap=False)
    moved = []
    for frame in frames:
        step = frame.get_scaled_positions(wrap=False) - start
        step -= np.where(first.pbc, np.rint(step), 0.0)
        moved.append((step - step.mean(axis=0)) @ first.cell.array)
    about = np.array(moved) - np.mean(moved, axis=0)
    joined = first.copy()
    joined.positions += (scale - 1) * about[0]
    joined.set_array(DISPLACEMENTS, scale * np.moveaxis(about[1:] - about[0], 0, 1))
    return joined


def snapshots(column: Atoms) -> list[Atoms]:
    """Return the frames of a column that was made from :func:`joined_frames`; of any other column, itself."""
    found = [column]
    if DISPLACEMENTS in column.arrays:
        for number in range(column.arrays[DISPLACEMENTS].shape[1]):
            other = column.copy()
            other.positions += column.arrays[DISPLACEMENTS][:, number]
            found.append(other)
    return found


def thermal_moments(frames: Sequence[Atoms], settings: FEMSettings) -> ColumnMoments:
    """Moments of the same column in several frames.

    Parameters
    ----------
    frames
        From :func:`snapshots`.
    settings
        The instrument.

    Returns
    -------
    ColumnMoments
        All moments of one frame are averaged over frames. `apart` is ⟨I_a I_b⟩ over pairs of different frames,
        (⟨S S'⟩ − Σ_a ⟨I_a I_a'⟩)/(n (n − 1)) with S = Σ_a I_a: what endless averaging over independent frames would
        leave, where averaging n of them leaves V∞ + (V₁ − V∞)/n. Motion that is slower than the frames are apart is
        taken for structure.
    """
    all_moments: list[ColumnMoments] = []
    total = None
    for frame in frames:
        moments, rings = moments_and_rings(frame, settings)
        all_moments.append(moments)
        total = rings if total is None else total + rings
    if len(all_moments) == 1 or total is None:
        return all_moments[0]
    n = len(all_moments)
    averages: dict[str, Any] = {
        one.name: np.mean([getattr(moments, one.name) for moments in all_moments], axis=0)
        for one in fields(ColumnMoments)
        if one.name not in _NOT_AVERAGED
    }
    pairs = total @ total.T / total.shape[1] - n * averages["cross"]
    return replace(all_moments[0], **averages, apart=pairs / (n * (n - 1)))


def frame_temperature(model: Atoms) -> float | None:
    """Temperature in K at which frames were taken; None where they do not say it.

    Models say it in their provenance, trajectories of ``alzmodel transport`` as "temperature".
    """
    if "temperature" in model.info:
        own = model.info["temperature"]
        return float(own) if isinstance(own, Real) and float(own) > 0 else None
    protocol = model.info.get("provenance", {}).get("protocol", {})
    value = protocol.get("final_temperature") if isinstance(protocol, dict) else None
    return float(value) if isinstance(value, int | float) and value > 0 else None


def harmonic_scale(frames: float, wanted: float) -> float:
    """Factor of displacements between two temperatures in K: sqrt(T/T₀), classical and harmonic.

    Zero-point motion is left out, as in molecular dynamics, and so are bonds that soften and ions that hop.
    """
    return float(np.sqrt(wanted / frames))
