"""How far a potential misses the Raman lines of crystals, and bands of units in the windows of the paper."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.progress import Progress, silent
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.dynamics.symmetry import CrystalMode
    from alzmodel.forcefields.calculators import NamedCalculator

__all__ = [
    "WINDOWS",
    "Calibration",
    "band_in_window",
    "calibrate",
    "modes_at",
    "overlaps",
    "raman_lines",
    "stretch_stiffness",
]

WINDOWS: Final = {"ZrO6 A1g": (525.0, 770.0), "LiO6 Eg": (350.0, 460.0), "LiO6 T2g": (460.0, 560.0)}
"""cm⁻¹, measured: where Zhu et al. (2024, §2.1, Fig. 4) see each band: all the centres that they give, and room for
its width."""
AT_REST: Final = 0.003
"""eV/Å; forces that are left on a crystal that a calculator relaxes."""
SYMMETRIES: Final = {1: "A1g", 2: "Eg", 3: "T2g"}
"""Of Raman-active modes of La2Zr2O7 and La2O3, by how many they are."""


@dataclass(frozen=True, slots=True, repr=False)
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
    unstable
        Modes of imaginary frequency, of any symmetry: with those the potential has another structure there.
    """

    phase: str = field(metadata=holds(role="label"))
    kind: str
    source: str
    irreps: tuple[str, ...]
    reference: tuple[float, ...] = field(metadata=holds("cm⁻¹"))
    computed: tuple[float, ...] = field(metadata=holds("cm⁻¹"))
    rms_cm: float = field(metadata=holds("cm⁻¹"))
    unstable: int


LIO6_BANDS: Final = (381.0, 407.0, 499.0, 506.0)
"""cm⁻¹; what Zhu et al. (2024, §2.1) read as LiO6."""
LIO6_BAND: Final = "the band read as LiO6"
OVERLAP: Final = 12.0
"""cm⁻¹; bands of films are wider."""


@cache
def raman_lines() -> Mapping[str, Mapping[str, Any]]:
    """Return reference lines by phase: ``kind``, ``source`` and ``lines`` of ``irrep`` and ``cm``."""
    text = resources.files("alzmodel.data").joinpath("raman_lines.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def modes_at(
    atoms: Atoms, potential: str, *, cell: bool = True, calculator: NamedCalculator | None = None
) -> tuple[CrystalMode, ...]:
    """Relax a crystal and return its modes.

    Parameters
    ----------
    atoms
        The crystal.
    potential
        Name of a potential.
    cell
        Whether the cell follows.
    calculator
        In place of the potential.

    Raises
    ------
    InputError
        If the potential or calculator does not know the crystal.
    AlzmodelError
        If it does not come to rest.
    """
    from alzmodel.dynamics.harmonic import HarmonicSettings
    from alzmodel.dynamics.symmetry import primitive_cell
    from alzmodel.dynamics.vibrations import vibrations
    from alzmodel.forcefields.refinement import refine
    from alzmodel.forcefields.static import relax

    if calculator is None:
        small = primitive_cell(relax(atoms, potential=potential, cell=cell).atoms)
    else:
        start = primitive_cell(atoms)
        small = refine(start, calculator, fmax=AT_REST, steps=1000, cell="full" if cell else "fixed").atoms
    small.info["kind"] = "crystal"
    settings = HarmonicSettings(potential=potential, method="dense")
    found = vibrations(small, settings, calculator=calculator, units=False)
    assert found.modes is not None
    return found.modes


def calibrate(
    potential: str, *, calculator: NamedCalculator | None = None, progress: Progress = silent
) -> tuple[Calibration, ...]:
    """Lay the Raman modes of crystals, relaxed with a potential, beside reference lines of known symmetry.

    Parameters
    ----------
    potential
        Name of a potential.
    calculator
        In place of the potential.
    progress
        Told how far the work is.

    Raises
    ------
    InputError
        If the potential or calculator does not know an element.
    """
    from alzmodel.crystals import crystal

    found = []
    phases = {name: about for name, about in raman_lines().items() if "irrep" in about["lines"][0]}
    for number, (phase, about) in enumerate(phases.items()):
        progress(number / len(phases), f"modes of {phase}")
        modes = modes_at(crystal(phase), potential, calculator=calculator)
        pairs = _paired(about["lines"], [one for one in modes if one.raman])
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
                unstable=sum(one.degeneracy for one in modes if one.cm < 0),
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


def overlaps(phase: str) -> list[tuple[float, str, float]]:
    """Lines of a phase that lie within 12 cm⁻¹ of lines of other phases, or of the bands read as LiO6.

    Parameters
    ----------
    phase
        Name in :func:`raman_lines`.

    Returns
    -------
    list
        Line in cm⁻¹, whose the other one is, and where that lies; the nearest other for each.
    """
    others = [(LIO6_BAND, band) for band in LIO6_BANDS]
    others += [
        (name, float(line["cm"]))
        for name, about in raman_lines().items()
        if name != phase and about["kind"] == "measured"
        for line in about["lines"]
    ]
    found = []
    for cm in sorted({float(line["cm"]) for line in raman_lines()[phase]["lines"]}):
        name, at = min(others, key=lambda other: abs(other[1] - cm))
        if abs(at - cm) <= OVERLAP:
            found.append((cm, name, at))
    return found


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
