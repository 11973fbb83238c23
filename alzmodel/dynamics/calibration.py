"""How far a potential misses the Raman lines of crystals, and bands of units in the windows of the paper."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.dynamics.symmetry import CrystalMode

__all__ = [
    "WINDOWS",
    "Calibration",
    "band_in_window",
    "calibrate",
    "modes_at",
    "raman_lines",
    "stretch_stiffness",
]

WINDOWS: Final = {"ZrO6 A1g": (525.0, 770.0), "LiO6 Eg": (350.0, 460.0), "LiO6 T2g": (460.0, 560.0)}
"""cm⁻¹, measured: where Zhu et al. (2024, §2.1, Fig. 4) see each band: all the centres that they give, and room for
its width."""
SYMMETRIES: Final = {1: "A1g", 2: "Eg", 3: "T2g"}
"""Of Raman-active modes of La2Zr2O7 and La2O3, by how many they are."""


@dataclass(frozen=True, slots=True)
class Calibration(Result):
    """Modes of a crystal beside reference lines.

    Attributes
    ----------
    phase
        Name of the reference phase, relaxed with the potential.
    kind, source
        Of the reference lines: measured, or another calculation.
    irreps, reference, computed
        Symmetry and cm⁻¹ of each line; lines of one symmetry are paired by rising frequency.
    rms_cm
        Root mean square of computed less reference.
    """

    phase: str = field(metadata=holds(role="label"))
    kind: str
    source: str
    irreps: tuple[str, ...]
    reference: tuple[float, ...] = field(metadata=holds("cm⁻¹"))
    computed: tuple[float, ...] = field(metadata=holds("cm⁻¹"))
    rms_cm: float = field(metadata=holds("cm⁻¹"))


@cache
def raman_lines() -> Mapping[str, Mapping[str, Any]]:
    """Return reference lines by phase: ``kind``, ``source`` and ``lines`` of ``irrep`` and ``cm``."""
    text = resources.files("alzmodel.data").joinpath("raman_lines.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def modes_at(atoms: Atoms, potential: str, *, cell: bool = True) -> tuple[CrystalMode, ...]:
    """Relax a crystal with a potential and return its modes.

    Parameters
    ----------
    atoms
        The crystal.
    potential
        Name of a pair potential.
    cell
        Whether the lengths of the cell follow.
    """
    from alzmodel.dynamics.harmonic import HarmonicSettings
    from alzmodel.dynamics.symmetry import primitive_cell
    from alzmodel.dynamics.vibrations import vibrations
    from alzmodel.forcefields.static import relax

    relaxed = relax(atoms, potential=potential, cell=cell).atoms
    small = primitive_cell(relaxed)
    small.info["kind"] = "crystal"
    found = vibrations(small, HarmonicSettings(potential=potential, method="dense"), units=False)
    assert found.modes is not None
    return found.modes


def calibrate(potential: str) -> tuple[Calibration, ...]:
    """Lay the Raman modes of crystals, relaxed with a pair potential, beside reference lines.

    Raises
    ------
    InputError
        If the potential does not know an element.
    """
    from alzmodel.crystals import crystal

    found = []
    for phase, about in raman_lines().items():
        modes = [one for one in modes_at(crystal(phase), potential) if one.raman]
        pairs = _paired(about["lines"], modes)
        reference, computed = np.array([pair[1] for pair in pairs]), np.array([pair[2] for pair in pairs])
        found.append(
            Calibration(
                phase=phase,
                kind=about["kind"],
                source=about["source"],
                irreps=tuple(pair[0] for pair in pairs),
                reference=tuple(reference.tolist()),
                computed=tuple(computed.tolist()),
                rms_cm=float(np.sqrt(np.mean((computed - reference) ** 2))),
            )
        )
    return tuple(found)


def _paired(lines: list[dict[str, Any]], modes: list[CrystalMode]) -> list[tuple[str, float, float]]:
    """Symmetry, reference and computed frequency; those of one symmetry in turn."""
    waiting = {
        name: sorted(one.cm for one in modes if SYMMETRIES.get(one.degeneracy) == name)
        for name in SYMMETRIES.values()
    }
    rising = sorted(lines, key=lambda line: float(line["cm"]))
    return [
        (line["irrep"], float(line["cm"]), waiting[line["irrep"]].pop(0))
        for line in rising
        if waiting[line["irrep"]]
    ]


def stretch_stiffness(calibrations: tuple[Calibration, ...]) -> float:
    """By how much a potential is too stiff where zirconium and oxygen stretch: computed over reference frequency.

    The mean over the two modes of La2Zr2O7 that are mostly stretches, A1g and the highest T2g; NaN without them. It
    moves the windows in which bands are looked for, and turns a band into a position, which is then assumed and not
    predicted.
    """
    for one in calibrations:
        if one.phase == "La2Zr2O7":
            ratios = {
                irrep: computed / reference
                for irrep, reference, computed in zip(one.irreps, one.reference, one.computed, strict=True)
            }
            # Of T2g the last, highest pair stays.
            return (ratios["A1g"] + ratios["T2g"]) / 2
    return math.nan


def band_in_window(
    grid: NDArray[np.float64], spectrum: NDArray[np.float64], window: tuple[float, float]
) -> float | None:
    """Place of the band of a spectrum in a window: the centroid of what lies above half of its highest point there.

    Parameters
    ----------
    grid, spectrum
        cm⁻¹ and weight, shape (n,).
    window
        Its ends, cm⁻¹.

    Returns
    -------
    float or None
        cm⁻¹; None where the highest point is an end of the window: no band lies inside.
    """
    inside = np.flatnonzero((grid >= window[0]) & (grid <= window[1]))
    if len(inside) < 3:
        return None
    values = spectrum[inside]
    top = int(values.argmax())
    if top in {0, len(values) - 1} or not values[top] > 0:
        return None
    # The connected stretch about the top alone, so that a second band does not pull.
    low, high = top, top
    while low > 0 and values[low - 1] > values[top] / 2:
        low -= 1
    while high < len(values) - 1 and values[high + 1] > values[top] / 2:
        high += 1
    part = slice(low, high + 1)
    above = values[part] - values[top] / 2
    return float(np.average(grid[inside][part], weights=np.maximum(above, 0.0)))
