"""FEM and the (222) line of glasses with pyrochlore spheres, over size, number and disorder of the spheres.

What is put in is assumed: a scan asks which crystals, if any, would make the measured peaks.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import AlzmodelError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.scattering.fem import FEMResult
    from alzmodel.scattering.fem_settings import FEMSettings
    from alzmodel.scattering.xrd import PowderPattern

__all__ = ["AXES", "Grid", "Matrix", "ScanPoint", "prepare", "scan_point"]

PHASE: Final = "La2Zr2O7"

AXES: Final[Mapping[str, tuple[float, float, str]]] = {
    "diameter": (8.0, 200.0, "Å"),
    "fraction": (1e-4, 0.6, ""),
    "displacement": (0.0, 1.0, "Å"),
    "lattice_parameter": (9.0, 12.0, "Å"),
    "thickness": (10.0, 500.0, "Å"),
}
"""What is scanned beside the glass: lowest and highest value, unit."""

_CEILING: Final = 0.33
"""Share of space that spheres put down at random one after the other are asked to fill at most: they jam at 0.38 (B.
Widom, J. Chem. Phys. 44 (1966) 3888), which is never reached in finite time."""

_APART: Final = 40.0
"""Å between a sphere and its periodic images: more than the probe is wide."""

XRD_RANGE: Final = (24.0, 33.0, 0.02)
XRD_WINDOW: Final = (26.5, 30.5)
"""Degrees; the window in which Zhu et al. (Adv. Mater. 2024, sec. 2.3) fit (222)."""


@dataclass(frozen=True, slots=True)
class ScanPoint:
    """One set of assumptions.

    Attributes
    ----------
    glass
        Name of the matrix.
    diameter, lattice_parameter
        Of the spheres, Å.
    fraction
        Of the volume that they fill.
    displacement
        Root mean square displacement of their atoms along each axis, Å: the disorder within the crystals.
    thickness
        Of the specimen, Å.
    """

    glass: str
    diameter: float
    fraction: float
    displacement: float
    lattice_parameter: float
    thickness: float


@dataclass(frozen=True)
class Matrix:
    """A glass to put spheres into.

    Attributes
    ----------
    name
        For tables.
    frames
        Models of it, periodic in all directions.
    x
        La per formula unit Li7LaxZr2O(12-d).
    pattern
        Its powder pattern over `XRD_RANGE`.
    """

    name: str
    frames: tuple[Atoms, ...]
    x: float
    pattern: PowderPattern


@dataclass(frozen=True)
class Grid:
    """The values of every axis, and how each point is computed.

    Raises
    ------
    InputError
        If an axis is empty, a value out of range, no column of the scan holds spheres of one of the diameters, or the
        columns are too narrow for them.
    """

    diameters: tuple[float, ...]
    fractions: tuple[float, ...]
    settings: FEMSettings
    displacements: tuple[float, ...] = (0.08,)
    lattice_parameters: tuple[float, ...] = (10.805,)
    thicknesses: tuple[float, ...] = (50.0,)
    n_columns: int = 4
    seed: int = 1
    width: float = field(init=False)

    def __post_init__(self) -> None:
        from alzmodel.build.columns import MIN_WIDTH, WIDTH

        object.__setattr__(self, "width", max(WIDTH, 1.05 * max(MIN_WIDTH, self.settings.min_width)))
        for name, values in self.axes().items():
            low, high, unit = AXES[name]
            if not values:
                raise InputError(f"scan, {name}: no value; allowed: at least one")
            for value in values:
                if not (math.isfinite(value) and low <= value <= high):
                    raise InputError(f"scan, {name}: {value:g}; allowed: {low:g} to {high:g} {unit}".rstrip())
        if isinstance(self.n_columns, bool) or not 1 <= self.n_columns <= 100:
            raise InputError(f"scan, columns: {self.n_columns}; allowed: 1 to 100")
        for diameter in self.diameters:
            if diameter > max(self.thicknesses):
                raise InputError(
                    f"scan, diameter: {diameter:g} Å, but the thickest column has {max(self.thicknesses):g} Å; "
                    "allowed: spheres that a column holds whole"
                )
            if diameter > self.width - _APART:
                raise InputError(
                    f"scan, diameter: {diameter:g} Å in columns {self.width:g} Å wide; allowed: up to "
                    f"{self.width - _APART:g} Å, so that no probe sees a sphere and its periodic image"
                )
            reasons = [
                self.refusal(diameter, fraction, thickness)
                for fraction in self.fractions
                for thickness in self.thicknesses
            ]
            if all(reasons):
                raise InputError(
                    f"scan, diameter: {diameter:g} Å fits no fraction and thickness of the scan: {reasons[-1]}"
                )

    def axes(self) -> dict[str, tuple[float, ...]]:
        """Values by the names of :data:`AXES`."""
        return {
            "diameter": self.diameters,
            "fraction": self.fractions,
            "displacement": self.displacements,
            "lattice_parameter": self.lattice_parameters,
            "thickness": self.thicknesses,
        }

    def refusal(self, diameter: float, fraction: float, thickness: float) -> str:
        """Why spheres cannot be put into a column; empty if they can, as far as is known without trying."""
        from alzmodel.build.patches import CONTACT_MAX

        if diameter > thickness:
            return f"spheres of {diameter:g} Å in {thickness:g} Å"
        volume, sphere = self.width**2 * thickness, math.pi / 6 * diameter**3
        if round(fraction * volume / sphere) == 0:
            return f"{fraction:g} of a column is not one sphere of {diameter:g} Å, which is {sphere / volume:.2f} of it"
        # Spheres are whole: their centres keep to a slab, which they fill with their contacts.
        apart = diameter + CONTACT_MAX
        slab = thickness - diameter
        if slab > apart and fraction * thickness / (slab + apart) * (apart / diameter) ** 3 > _CEILING:
            return f"{fraction:g} of spheres of {diameter:g} Å and their contacts find no place at random"
        return ""

    def points(self, glasses: Sequence[str]) -> Iterator[ScanPoint]:
        """All points, those that share columns after each other."""
        for glass, thickness in itertools.product(glasses, self.thicknesses):
            for rest in itertools.product(
                self.diameters, self.fractions, self.displacements, self.lattice_parameters
            ):
                yield ScanPoint(glass, *rest, thickness)


def prepare(name: str, frames: Sequence[Atoms]) -> Matrix:
    """Look at a glass once: its composition and its powder pattern.

    Raises
    ------
    InputError
        If it is not periodic in all directions, or has no La and Zr.
    """
    from alzmodel.scattering.xrd import powder_pattern

    symbols = frames[0].get_chemical_symbols()
    if not symbols.count("La") or not symbols.count("Zr"):
        raise InputError(
            f"{name}: {frames[0].get_chemical_formula()}; allowed: a glass with La and Zr, whose ratio names the film"
        )
    if not all(frame.pbc.all() for frame in frames):
        raise InputError(
            f"{name}: periodic along {frames[0].pbc.tolist()}; allowed: a glass periodic in all directions"
        )
    pattern = powder_pattern(list(frames), two_theta=XRD_RANGE, method="pdf")
    return Matrix(name, tuple(frames), 2 * symbols.count("La") / symbols.count("Zr"), pattern)


def scan_point(matrix: Matrix, point: ScanPoint, grid: Grid) -> dict[str, Any]:
    """Compute one point.

    Parameters
    ----------
    matrix
        The glass of the point.
    point
        What is put in.
    grid
        How it is computed. Columns of the same glass and thickness are the same for all points, so that differences
        between points are not those between columns.

    Returns
    -------
    dict
        The fields of the point; ``refused``, the reason if it cannot be built, else None; ``numbers`` by name,
        null or NaN where there is no such peak, and half widths of 95 % intervals under ``half_widths``;
        ``fraction_built``; ``k``, ``variance``, ``floor``.

        ``xrd_222_…`` is the line of the spheres by themselves, fitted as published: pseudo-Voigt on a line, 26.5 to
        30.5°; ``xrd_mixture_…`` the same fit to the mixture with the glass by weight, whose halo lies in the same
        window and widens it. Film and FEM specimen are taken for the same material.
    """
    from alzmodel.build.columns import embed_clusters
    from alzmodel.scattering.fem import fem
    from alzmodel.scattering.fem_fit import fit_fem_peaks
    from alzmodel.scattering.fem_readings import PEAKS

    found: dict[str, Any] = {**asdict(point), "x": matrix.x, "refused": None}
    refused = grid.refusal(point.diameter, point.fraction, point.thickness)
    if refused:
        return {**found, "refused": refused}
    try:
        columns = [
            embed_clusters(
                column,
                phase=PHASE,
                diameter=point.diameter,
                volume_fraction=point.fraction,
                seed=grid.seed + number,
                lattice_parameter=point.lattice_parameter,
                displacement=point.displacement,
            )
            for number, column in enumerate(_columns(matrix, point.thickness, grid))
        ]
    except AlzmodelError as error:
        return {**found, "refused": str(error)}
    result = fem(columns, grid.settings, n_bootstrap=0)
    fit = fit_fem_peaks(result, "two")
    numbers: dict[str, float] = {}
    half_widths: dict[str, float] = {}
    for name, label in PEAKS.items():
        peak = fit[label]
        for key, interval in (("k", peak.k_ci95), ("fwhm", peak.fwhm_ci95), ("height", peak.height_ci95)):
            numbers[f"{name}_{key}"] = getattr(peak, key) if peak.significant else math.nan
            half_widths[f"{name}_{key}"] = 0.5 * (interval[1] - interval[0])
    numbers["fem_ratio"] = numbers["fem_peak2_height"] / numbers["fem_peak1_height"]
    built = float(np.mean([c.info["provenance"]["clusters"]["volume_fraction"] for c in columns]))
    numbers |= _line(matrix, point, built)
    return {
        **found,
        "fraction_built": built,
        "n_spheres": [column.info["provenance"]["clusters"]["n_clusters"] for column in columns],
        "numbers": numbers,
        "half_widths": half_widths,
        **_curve(result),
    }


def _columns(matrix: Matrix, thickness: float, grid: Grid) -> list[Atoms]:
    """Columns of the glass; those of the last glass and thickness are kept."""
    from alzmodel.build.columns import glass_column

    key = (id(matrix), thickness, grid.width, grid.seed, grid.n_columns)
    if _KEPT.get("key") != key:
        _KEPT["columns"] = [
            glass_column(list(matrix.frames), width=grid.width, thickness=thickness, seed=grid.seed + number)
            for number in range(grid.n_columns)
        ]
        _KEPT["key"] = key
    columns: list[Atoms] = _KEPT["columns"]
    return columns


_KEPT: dict[str, Any] = {}


def _line(matrix: Matrix, point: ScanPoint, fraction: float) -> dict[str, float]:
    """Place and width of (222) in the mixture of spheres and glass; NaN where there is no line in the window."""
    from alzmodel.scattering.xrd import fit_line, mix_patterns, nanocrystal_pattern

    crystal = nanocrystal_pattern(
        PHASE,
        point.diameter,
        lattice_parameter=point.lattice_parameter,
        two_theta=XRD_RANGE,
        b_iso=8 * math.pi**2 * point.displacement**2,
    )
    mixture = mix_patterns([crystal, matrix.pattern], _weights(matrix, point, fraction))
    low, high = XRD_WINDOW
    found = {}
    for name, pattern in (("222", crystal), ("mixture", mixture)):
        line = fit_line(pattern, 0.5 * (low + high), window=XRD_WINDOW)
        # A line wider than the window is a background.
        there = line.height > 0 and low + 0.1 < line.two_theta < high - 0.1 and line.fwhm < high - low
        found[f"xrd_{name}_two_theta"] = line.two_theta if there else math.nan
        found[f"xrd_{name}_fwhm"] = line.fwhm if there else math.nan
    return found


def _weights(matrix: Matrix, point: ScanPoint, fraction: float) -> tuple[float, float]:
    """Masses of spheres and glass in a volume of one."""
    from alzmodel.crystals import crystal

    unit = crystal(PHASE, lattice_parameter=point.lattice_parameter)
    glass = matrix.frames[0]
    return (
        fraction * float(unit.get_masses().sum() / unit.cell.volume),
        (1 - fraction) * float(glass.get_masses().sum() / glass.cell.volume),
    )


def _curve(result: FEMResult) -> dict[str, NDArray[np.float64]]:
    return {"k": result.k, "variance": result.variance["omega"], "floor": result.floor}
