"""What analyses take: seconds and memory by rates, told before long work begins.

Rates are of one core of a shared x86 server, seconds of the processor, from ``scripts/benchmarks/costs.py``: ``pdf``,
``lbu``, ``xrd`` and ``fem`` of a glass of 5022 atoms and of 40 176. What every command needs to start is not counted:
some 5 s, of ``lbu`` 11 s where its kernels are new. Told over used, without the start: ``pdf`` up to 60 Å 1.1 in
time; ``lbu`` 1.4, 1.4 and 0.8 in time at 20 088, 60 264 and 400 000 atoms, and 1.3 in memory; ``fem`` of four columns
2 to 3 in time and 1.3 to 1.5 in memory, and at 20 088 atoms 1.0 and 0.7. ``xrd`` of a glass has the rate of ``pdf``.
Debye's sum of spheres of La2Zr2O7 of 12 and 16 nm (63 000 and 150 000 atoms) takes 0.9 to 1.0 of what is told, their
lattice 0.9 to 1.25; ``solubility`` of six glasses of 5020 atoms 1.0. Multislice is of one and two columns 130 Å wide
and 50 Å thick: 59 and 81 s, 1.6 GB. Those of ``reference`` and of stacks are of La2Zr2O7 with MgO, and of 600 patterns
of 256 × 256. Another machine may differ by a factor of three.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alzmodel.local_order.parts import CHEAP, PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from alzmodel.dynamics.harmonic import HarmonicSettings

__all__ = [
    "Cost",
    "fem_cost",
    "lbu_cost",
    "multislice_cost",
    "pdf_cost",
    "reference_cost",
    "solubility_cost",
    "stack_cost",
    "vibration_cost",
    "xrd_cost",
]

START_BYTES: Final = 3e8
"""Of a program that has loaded what it needs."""
PAIRS_A_SECOND: Final = 2.5e8
"""Of pair functions."""
DEBYE_PAIRS_A_SECOND: Final = 1e9
LATTICE_SECONDS_OF_ATOM: Final = 1e-5
LBU_SECONDS_OF_ATOM: Final = 2.5e-4
LBU_BYTES_OF_ATOM: Final = 2.5e3
"""Measured: 1.7e3 of 2000 frames of 295 atoms, 2.3e3 of one frame of 1 053 360."""
VOID_SPACING: Final = 0.25
"""Å; grid on which empty space is looked for."""
VOID_BYTES: Final = 5.0
"""A point of it in single precision, and runs of open points: 3.4 GB for a million atoms."""
FEM_SECONDS_OF_ATOM: Final = 2e-5
FEM_SECONDS_OF_AREA: Final = 1e-4
FEM_BYTES_OF_ATOM: Final = 1e3
FEM_WIDTH: Final = 130.0
"""Å; a column is at least as wide."""
MULTISLICE_FIRST, MULTISLICE_OTHERS = 4.1e-9, 1.5e-9
"""Seconds of a column over the square of its area and its thickness; with two and with one refinement of the pixels."""
MULTISLICE_BYTES: Final = 4.5
"""Times the square of the area."""
OXIDE: Final = 0.09
"""Atoms in an Å³."""
XRD_REACH: Final = 35.0
"""Å; where the pair functions of a glass end on the way to a pattern."""
BYTES_OF_ATOM: Final = 500.0
CRYSTALS_SECONDS: Final = 10.0
ENERGY_SECONDS_OF_ATOM: Final = 1.4e-3
ENERGY_BYTES_OF_ATOM: Final = 1e4
STACK_SECONDS_OF_PIXEL: Final = 1.8e-7
REFERENCE_SECONDS: Final = {"models": 0.1, "xrd": 0.5, "pdf": 0.5, "sq": 1.0, "modes": 0.5}
"""Of a phase of some 40 atoms in a cell."""
REFERENCE_SECONDS_OF_COLUMN: Final = 0.7
"""Of FEM, 50 Å along the beam."""
DENSE_SECONDS: Final = 1e-8
"""Times the cube of the atoms: all modes."""
KPM_SECONDS: Final = 4e-6
"""Times the square of the atoms: moments at 10 cm⁻¹."""
SPARSE_SECONDS: Final = 8e-3
"""Times the atoms: moments at 10 cm⁻¹ of a sparse matrix."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds, and bytes of memory at a time."""

    seconds: float
    memory: float


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pairs(frames: list[Atoms], reach: float) -> float:
    """Pairs closer than `reach` (Å), of all frames."""
    atoms = frames[0]
    density = len(atoms) / abs(atoms.cell.volume) if atoms.pbc.all() else OXIDE
    each = 2 / 3 * 3.1416 * reach**3 * density * len(atoms)
    return len(frames) * (each if atoms.pbc.any() else min(each, len(atoms) ** 2 / 2))


def pdf_cost(frames: list[Atoms], r_max: float) -> Cost:
    """Of partial pair distribution functions up to `r_max` Å."""
    return Cost(
        _pairs(frames, r_max) / (PAIRS_A_SECOND * _cores()), START_BYTES + BYTES_OF_ATOM * len(frames[0])
    )


def lbu_cost(frames: list[Atoms], parts: Sequence[str] = tuple(PARTS)) -> Cost:
    """Of parts of the building units; empty space is looked for on a grid over the cell."""
    atoms = frames[0]
    voids = atoms.pbc.all() and "free_volume" in parts
    grid = abs(atoms.cell.volume) / VOID_SPACING**3 * VOID_BYTES if voids else 0.0
    cheap = sum(PARTS[name].share for name in {"first", *parts} if name in CHEAP)
    rest = sum(PARTS[name].share for name in parts if name not in CHEAP)
    # Shells of all frames; shapes, voids and other shells of two of them.
    seconds = LBU_SECONDS_OF_ATOM * len(atoms) * (cheap * len(frames) + rest * min(len(frames), 2))
    return Cost(seconds, START_BYTES + LBU_BYTES_OF_ATOM * len(atoms) * len(frames) + grid)


def xrd_cost(frames: list[Atoms], method: str = "auto") -> Cost:
    """Of a powder pattern: all pairs of a cluster, those up to 35 Å of a periodic model.

    Only ``method="lattice"`` says that a cluster is a perfect crystal; the usual method finds that out at work, and
    then takes less time than is told here.
    """
    n = len(frames[0])
    memory = START_BYTES + BYTES_OF_ATOM * n
    if frames[0].pbc.any():
        return Cost(_pairs(frames, XRD_REACH) / (PAIRS_A_SECOND * _cores()), memory)
    if method == "lattice":
        return Cost(LATTICE_SECONDS_OF_ATOM * n * len(frames), memory)
    return Cost(len(frames) * n**2 / 2 / (DEBYE_PAIRS_A_SECOND * _cores()), memory)


def fem_cost(frames: list[Atoms], thickness: float, columns: int) -> Cost:
    """Of the variance of columns, each as thick as asked for and as wide as the model or a probe with its tails."""
    area = _column_area(frames)
    atoms = OXIDE * area * thickness
    seconds = columns * (FEM_SECONDS_OF_ATOM * atoms + FEM_SECONDS_OF_AREA * area)
    return Cost(seconds, START_BYTES + FEM_BYTES_OF_ATOM * atoms * columns)


def multislice_cost(frames: list[Atoms], thickness: float, columns: int) -> Cost:
    """Of the variance of columns by multislice: both the beams of the probe and their pixels go with the area.

    The first column is done twice, with coarse pixels and with the finer ones of the others; more refinements, which
    heavy or thick columns may need, are not counted.
    """
    area = _column_area(frames)
    seconds = (MULTISLICE_FIRST + MULTISLICE_OTHERS * (columns - 1)) * area**2 * thickness
    return Cost(seconds, START_BYTES + MULTISLICE_BYTES * area**2)


def _column_area(frames: list[Atoms]) -> float:
    lengths = frames[-1].cell.lengths()
    return max(FEM_WIDTH, float(lengths[0])) * max(FEM_WIDTH, float(lengths[1]))


def stack_cost(patterns: Sequence[int]) -> Cost:
    """Of the rings of a stack of patterns, its axes (positions, rows, columns)."""
    return Cost(STACK_SECONDS_OF_PIXEL * math.prod(patterns), START_BYTES)


def reference_cost(n_phases: int, kinds: Sequence[str], columns: int) -> Cost:
    """Of the reference files of so many phases, with so many FEM columns each."""
    each = sum(REFERENCE_SECONDS.get(kind, 0.0) for kind in kinds)
    return Cost(n_phases * (each + ("fem" in kinds) * columns * REFERENCE_SECONDS_OF_COLUMN), START_BYTES)


def solubility_cost(sizes: Sequence[int]) -> Cost:
    """Of energies of glasses of so many atoms with nothing cut off, and of the crystals beside them."""
    seconds = CRYSTALS_SECONDS + ENERGY_SECONDS_OF_ATOM * sum(sizes)
    return Cost(seconds, START_BYTES + ENERGY_BYTES_OF_ATOM * max(sizes))


def vibration_cost(n_atoms: int, settings: HarmonicSettings) -> Cost:
    """Of the vibrations of a model; the forces of a calculator come on top, and no one knows what they take."""
    from alzmodel.dynamics.harmonic import all_modes, is_sparse, memory_needed

    if all_modes(n_atoms, settings.method):
        seconds = DENSE_SECONDS * n_atoms**3
    elif is_sparse(n_atoms, settings):
        seconds = SPARSE_SECONDS * n_atoms * 10 / settings.resolution
    else:
        seconds = KPM_SECONDS * n_atoms**2 * 10 / settings.resolution
    return Cost(seconds, memory_needed(n_atoms, settings))
