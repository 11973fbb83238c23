"""FEM and the (222) line of glasses with pyrochlore spheres, over size, number, disorder and formula of the spheres.

What is put in is assumed: a scan asks which crystals, if any, would make the measured peaks.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import AlzmodelError, InputError
from alzmodel.scattering.fem.average import MIN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.models.specimen import Specimen
    from alzmodel.scattering.fem.settings import FEMSettings
    from alzmodel.scattering.fem.variance import FEMResult
    from alzmodel.scattering.xrd.pattern import PowderPattern

__all__ = [
    "AXES",
    "Grid",
    "Matrix",
    "ScanPoint",
    "bare_columns",
    "columns_of",
    "line_of",
    "prepare",
    "scan_point",
]

PHASE: Final = "La2Zr2O7"

AXES: Final[Mapping[str, tuple[float, float, str]]] = {
    "diameter": (8.0, 200.0, "Å"),
    "fraction": (1e-4, 0.6, ""),
    "displacement": (0.0, 1.0, "Å"),
    "disorder": (0.0, 1.0, ""),
    "excess_la": (-0.5, 0.5, "per La2Zr2O7"),
    "lattice_parameter": (9.0, 12.0, "Å"),
    "thickness": (10.0, 500.0, "Å"),
}
"""What is scanned beside the glass: lowest and highest value, unit."""

_CEILING: Final = 0.33
"""Share of space that spheres put down at random one after the other are asked to fill at most: they jam at 0.38 (B.
Widom, J. Chem. Phys. 44 (1966) 3888), which is never reached in finite time."""

_FLAT_CEILING: Final = 0.5
"""The same of discs in a plane, which jam at 0.547 (J. W. Evans, Rev. Mod. Phys. 65 (1993) 1281): spheres in a slab too
thin for two lie side by side."""

_APART: Final = 40.0
"""Å between a sphere and its periodic images: more than the probe is wide."""

_EXACT: Final = 0.02
"""Relative error of a fraction that is let stand, so that points share columns; beyond it columns are made wider."""

_WIDEST: Final = 300.0
"""Å; wider columns than this are not built."""

_ATOMS: Final = 40_000
_SPHERES: Final = 24
"""Disordered spheres are averaged for their powder pattern until they have so many atoms together, or are so many."""

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
        Root mean square displacement of their atoms along each axis, Å.
    disorder
        Of cations and oxygen, from 0, pyrochlore, to 1, defect fluorite: half of it is the share of antisites
        (:func:`alzmodel.pyrochlore.pyrochlore_defect_fluorite`).
    excess_la
        y of La(2+y)Zr(2-y)O(7-y/2) (:func:`alzmodel.pyrochlore.off_stoichiometric_pyrochlore`).
    thickness
        Of the specimen, Å.
    """

    glass: str
    diameter: float
    fraction: float
    displacement: float
    disorder: float
    excess_la: float
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

    Parameters
    ----------
    diameters, fractions, displacements, disorders, excesses_la, lattice_parameters, thicknesses
        See :class:`ScanPoint`.
    settings
        The instrument.
    n_columns
        Columns to average at each point, or with `relative_error` the most.
    relative_error
        Take columns until the bootstrap error of V is this part of it
        (:func:`alzmodel.scattering.fem.average.fem_converged`).
    seed
        Of columns and spheres.

    Raises
    ------
    InputError
        If an axis is empty, a value out of range, two fractions are too close to be told apart, or no column of the
        scan holds spheres of one of the diameters.
    """

    diameters: tuple[float, ...]
    fractions: tuple[float, ...]
    settings: FEMSettings
    displacements: tuple[float, ...] = (0.08,)
    disorders: tuple[float, ...] = (0.0,)
    excesses_la: tuple[float, ...] = (0.0,)
    lattice_parameters: tuple[float, ...] = (10.805,)
    thicknesses: tuple[float, ...] = (50.0,)
    n_columns: int = 4
    relative_error: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        for name, values in self.axes().items():
            low, high, unit = AXES[name]
            if not values:
                raise InputError(f"scan, {name}: no value; allowed: at least one")
            for value in values:
                if not (math.isfinite(value) and low <= value <= high):
                    raise InputError(f"scan, {name}: {value:g}; allowed: {low:g} to {high:g} {unit}".rstrip())
        if isinstance(self.n_columns, bool) or not 1 <= self.n_columns <= 100:
            raise InputError(f"scan, columns: {self.n_columns}; allowed: 1 to 100")
        if self.relative_error is not None:
            if not 0 < self.relative_error < 1:
                raise InputError(f"scan, error to reach: {self.relative_error:g}; allowed: above 0, below 1")
            if self.n_columns < MIN_COLUMNS:
                raise InputError(
                    f"scan, columns: {self.n_columns} with an error to reach; allowed: at least {MIN_COLUMNS}"
                )
        for one, other in itertools.pairwise(sorted(self.fractions)):
            if other * (1 - _EXACT) < one * (1 + _EXACT):
                raise InputError(
                    f"scan, fraction: {one:g} and {other:g}; allowed: at least {2 * _EXACT / (1 - _EXACT):.0%} apart, "
                    f"as spheres are whole and fractions built to {_EXACT:.0%}"
                )
        for diameter in self.diameters:
            if diameter > max(self.thicknesses):
                raise InputError(
                    f"scan, diameter: {diameter:g} Å, but the thickest column has {max(self.thicknesses):g} Å; "
                    "allowed: spheres that a column holds whole"
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
            "disorder": self.disorders,
            "excess_la": self.excesses_la,
            "lattice_parameter": self.lattice_parameters,
            "thickness": self.thicknesses,
        }

    def width(self, diameter: float, fraction: float, thickness: float) -> float:
        """Width of the column, Å, in which whole spheres make up the fraction.

        The usual one where rounding to whole spheres is off by at most 2 %, otherwise the next wider one where
        nothing is rounded: one sphere of 80 Å is 0.16 of a usual column of 100 Å, whatever was asked for. No probe sees
        a sphere and its periodic image.
        """
        from alzmodel.models.specimen import Specimen

        usual = max(Specimen(min_width=self.settings.min_width).built_width, diameter + _APART)
        spheres = fraction * usual**2 * thickness / (math.pi / 6 * diameter**3)
        if abs(round(spheres) - spheres) <= _EXACT * spheres:
            return usual
        return usual * math.sqrt(math.ceil(spheres) / spheres)

    def refusal(self, diameter: float, fraction: float, thickness: float) -> str:
        """Why spheres cannot be put into a column; empty if they can, as far as is known without trying."""
        from alzmodel.models.patches import CONTACT_MAX

        if diameter > thickness:
            return f"spheres of {diameter:g} Å in {thickness:g} Å"
        width = self.width(diameter, fraction, thickness)
        if width > _WIDEST:
            return (
                f"{fraction:g} of spheres of {diameter:g} Å are less than one in a column {_WIDEST:g} Å wide"
            )
        # Spheres are whole: their centres keep to a slab, which they fill with their contacts.
        apart = diameter + CONTACT_MAX
        slab = thickness - diameter
        if slab > apart:
            if fraction * thickness / (slab + apart) * (apart / diameter) ** 3 > _CEILING:
                return f"{fraction:g} of spheres of {diameter:g} Å and their contacts find no place at random"
        # In a thin slab they lie side by side; the ceilings meet where two lie above each other.
        elif fraction * 1.5 * thickness * apart**2 / diameter**3 > _FLAT_CEILING * (1 + slab / apart):
            return f"{fraction:g} of spheres of {diameter:g} Å side by side find no place at random"
        return ""

    def points(self, glasses: Sequence[str]) -> Iterator[ScanPoint]:
        """All points, those that share columns after each other."""
        for glass, thickness, diameter, fraction in itertools.product(
            glasses, self.thicknesses, self.diameters, self.fractions
        ):
            for rest in itertools.product(
                self.displacements, self.disorders, self.excesses_la, self.lattice_parameters
            ):
                yield ScanPoint(glass, diameter, fraction, *rest, thickness)


def prepare(name: str, frames: Sequence[Atoms]) -> Matrix:
    """Look at a glass once: its composition and its powder pattern.

    Raises
    ------
    InputError
        If it is not periodic in all directions, or has no La and Zr.
    """
    from alzmodel.scattering.xrd.pattern import powder_pattern

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
        ``fraction_built``, ``width`` (Å) and ``n_columns`` of the columns, ``error``, the relative bootstrap error of
        V (NaN for fewer than four columns); ``k``, ``variance``, ``floor``.

        ``xrd_222_…`` is the line of the spheres by themselves, fitted as published: pseudo-Voigt on a line, 26.5 to
        30.5°; ``xrd_mixture_…`` the same fit to the mixture with the glass by weight, whose halo lies in the same
        window and widens it. Film and FEM specimen are taken for the same material.
    """
    from alzmodel.scattering.fem.average import bootstrap_error, fem_converged
    from alzmodel.scattering.fem.fit import fit_fem_peaks
    from alzmodel.scattering.fem.readings import PEAKS

    found: dict[str, Any] = {**asdict(point), "x": matrix.x, "refused": None}
    refused = grid.refusal(point.diameter, point.fraction, point.thickness)
    if not refused and point.disorder and point.excess_la:
        refused = "disorder and excess La are not built together"
    if refused:
        return {**found, "refused": refused}
    clusters: list[dict[str, Any]] = []
    try:
        result = fem_converged(
            columns_of(matrix, point, grid, clusters),
            grid.settings,
            relative_error=grid.relative_error,
            most=grid.n_columns,
        )
    except AlzmodelError as error:
        return {**found, "refused": str(error)}
    fit = fit_fem_peaks(result, "two")
    numbers: dict[str, float] = {}
    half_widths: dict[str, float] = {}
    for name, label in PEAKS.items():
        peak = fit[label]
        for key, interval in (("k", peak.k_ci95), ("fwhm", peak.fwhm_ci95), ("height", peak.height_ci95)):
            numbers[f"{name}_{key}"] = getattr(peak, key) if peak.significant else math.nan
            half_widths[f"{name}_{key}"] = 0.5 * (interval[1] - interval[0])
    numbers["fem_ratio"] = numbers["fem_peak2_height"] / numbers["fem_peak1_height"]
    built = float(np.mean([one["volume_fraction"] for one in clusters]))
    numbers |= line_of(matrix, point, built, grid)
    return {
        **found,
        "fraction_built": built,
        "n_spheres": [one["n_clusters"] for one in clusters],
        "width": grid.width(point.diameter, point.fraction, point.thickness),
        "n_columns": result.n_columns,
        "error": bootstrap_error(result) if result.n_columns >= MIN_COLUMNS else math.nan,
        "numbers": numbers,
        "half_widths": half_widths,
        **_curve(result),
    }


def _specimen(point: ScanPoint, grid: Grid) -> Specimen:
    from alzmodel.models.specimen import Clusters, Specimen

    return Specimen(
        thickness=point.thickness,
        min_width=grid.settings.min_width,
        width=grid.width(point.diameter, point.fraction, point.thickness),
        clusters=Clusters(
            point.diameter,
            point.fraction,
            lattice_parameter=point.lattice_parameter,
            displacement=point.displacement,
            disorder=point.disorder,
            excess_la=point.excess_la,
        ),
    )


def columns_of(
    matrix: Matrix, point: ScanPoint, grid: Grid, clusters: list[dict[str, Any]]
) -> Iterator[Atoms]:
    """Columns with spheres, each built when it is asked for; what was put in is added to `clusters`."""
    specimen = _specimen(point, grid)
    for column in specimen.dressed(_bare(matrix, specimen, grid), grid.seed):
        clusters.append(column.info["provenance"]["clusters"])
        yield column


def bare_columns(matrix: Matrix, thickness: float, settings: FEMSettings, seed: int) -> Iterator[Atoms]:
    """One column of the glass alone."""
    from alzmodel.models.specimen import Specimen

    specimen = Specimen(thickness=thickness, min_width=settings.min_width)
    return specimen.columns(list(matrix.frames), 1, seed)


def _bare(matrix: Matrix, specimen: Specimen, grid: Grid) -> Iterator[Atoms]:
    """Columns of the glass alone; those of the last glass, width and thickness are kept."""
    plain = replace(specimen, clusters=None)
    key = (id(matrix), plain, grid.seed)
    if _KEPT.get("key") != key:
        made = plain.columns(list(matrix.frames), grid.n_columns, grid.seed)
        _KEPT.update(key=key, columns=[], made=made)
    columns: list[Atoms] = _KEPT["columns"]
    for number in range(grid.n_columns):
        if len(columns) <= number:
            columns.append(next(_KEPT["made"]))
        yield columns[number]


_KEPT: dict[str, Any] = {}


def line_of(matrix: Matrix, point: ScanPoint, fraction: float, grid: Grid) -> dict[str, float]:
    """Place and width of (222) in the mixture of spheres and glass; NaN where there is no line in the window."""
    from alzmodel.scattering.xrd.pattern import fit_line, mix_patterns

    crystal = _sphere_pattern(point, grid)
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


def _sphere_pattern(point: ScanPoint, grid: Grid) -> PowderPattern:
    """Pattern of the spheres: averaged over where they are cut, or of some of them where they have disorder."""
    from alzmodel.models.columns import sphere_anywhere
    from alzmodel.scattering.xrd.pattern import mix_patterns, nanocrystal_pattern, powder_pattern

    clusters = _specimen(point, grid).clusters
    assert clusters is not None
    b_iso = 8 * math.pi**2 * point.displacement**2
    patterns: list[PowderPattern] = []
    masses, n_atoms = [], 0
    while len(patterns) < _SPHERES and n_atoms < _ATOMS:
        number = grid.seed + len(patterns)
        unit = clusters.unit(number)
        if unit is None:
            return nanocrystal_pattern(
                PHASE,
                point.diameter,
                lattice_parameter=point.lattice_parameter,
                two_theta=XRD_RANGE,
                b_iso=b_iso,
            )
        sphere = sphere_anywhere(unit, point.diameter, number, whole=False)
        patterns.append(powder_pattern(sphere, two_theta=XRD_RANGE, method="debye", b_iso=b_iso))
        masses.append(float(sphere.get_masses().sum()))
        n_atoms += len(sphere)
    return mix_patterns(patterns, masses)


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
