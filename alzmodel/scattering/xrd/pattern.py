"""X-ray powder patterns of clusters, crystals and glasses, all on one scale: electron units per atom."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from ase import Atoms

from alzmodel.crystals import is_crystal
from alzmodel.errors import InputError
from alzmodel.neighbours import check_apart
from alzmodel.progress import Progress, silent
from alzmodel.results import Result, holds
from alzmodel.sanity import amounts_of, formula_text, held_in_part, shares_of, site_words
from alzmodel.scattering.form_factors import spectrum_of
from alzmodel.scattering.xrd.corrections import Resolution, polarization_factor, resolution_width
from alzmodel.scattering.xrd.crystal import Reflection, powder_reflections
from alzmodel.scattering.xrd.lines import LineFit, PatternPeak, find_lines, fit_profile
from alzmodel.scattering.xrd.routes import (
    Displacement,
    atomic_fractions,
    damped_factor,
    debye_evaluator,
    disorder_diffuse,
    displacements,
    evaluator,
    momentum,
    observed,
    reference_cell,
    thermal_diffuse,
)
from alzmodel.units import CU_K_ALPHA1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from alzmodel.fitting import Background, Shape
    from alzmodel.scattering.totals import Taper

    FloatArray = NDArray[np.float64]

__all__ = [
    "Method",
    "PowderPattern",
    "crystal_pattern",
    "fit_line",
    "mix_patterns",
    "nanocrystal_pattern",
    "powder_pattern",
    "reflections",
    "two_theta_grid",
]

Method = Literal["auto", "debye", "lattice", "pdf", "crystal"]

DEFAULT_RANGE: Final = (10.0, 80.0, 0.02)
CRYSTAL_FWHM: Final = 0.1
"""Degrees 2θ; width of the lines of an infinite crystal where none is given."""


@dataclass(frozen=True, slots=True, repr=False)
class PowderPattern(Result):
    """A powder pattern.

    Attributes
    ----------
    two_theta
        Degrees, shape (n,).
    intensity
        Electron units per atom times the polarisation factor, shape (n,); of measured patterns whatever was measured.
        No Lorentz factor belongs to it: a powder average carries it already.
    wavelength
        Å, the weighted mean of the lines.
    method
        How it was computed: "debye", "lattice", "sphere", "pdf", "crystal", "mixture" or "measured".
    note
        What the reader of the curve must know about the method, one sentence.
    peaks
        Lines found in it; of models with a reference phase those that lie on one of its reflections.
    atom_mass
        Mean mass of an atom in u, for mixtures by weight; NaN if unknown.
    spectrum
        Lines as (Å, weight) where there is more than one, the main one first.
    """

    two_theta: FloatArray = field(metadata=holds("degrees", role="axis"))
    intensity: FloatArray = field(metadata=holds("electron units per atom"))
    wavelength: float = field(metadata=holds("Å"))
    method: str
    note: str
    peaks: tuple[PatternPeak, ...] = ()
    atom_mass: float = field(default=math.nan, metadata=holds("u", hidden=True))
    spectrum: tuple[tuple[float, float], ...] = field(default=(), metadata=holds(hidden=True))

    @property
    def lines(self) -> tuple[tuple[float, float], ...]:
        """Lines of the radiation as (Å, weight)."""
        return self.spectrum or ((self.wavelength, 1.0),)

    @property
    def Q(self) -> FloatArray:
        """4π sin θ/λ in Å⁻¹, shape (n,)."""
        return momentum(self.two_theta, self.wavelength)


def two_theta_grid(two_theta: tuple[float, float, float] | ArrayLike) -> FloatArray:
    """Angles in degrees from (first, last, step) given as a tuple, or any rising array as it is.

    Raises
    ------
    InputError
        If an angle is not between 0 and 180, the step is not positive, or the points do not rise.
    """
    if isinstance(two_theta, tuple):
        if len(two_theta) != 3 or not all(math.isfinite(value) for value in two_theta):
            raise InputError(f"two_theta: {two_theta}; allowed: first, last and step in degrees")
        first, last, step = two_theta
        if not (step > 0 and first < last and (last - first) / step < 1e6):
            raise InputError(
                f"two_theta: {first:g} to {last:g} in steps of {step:g}; allowed: rising, step above zero"
            )
        grid = first + step * np.arange(math.floor((last - first) / step + 1e-9) + 1)
    else:
        grid = np.asarray(two_theta, dtype=float)
    if grid.ndim != 1 or grid.size < 2 or not np.isfinite(grid).all() or (np.diff(grid) <= 0).any():
        raise InputError("two_theta: not a rising list of angles; allowed: degrees between 0 and 180")
    if grid[0] <= 0 or grid[-1] >= 180:
        raise InputError(f"two_theta: {grid[0]:g} to {grid[-1]:g}; allowed: degrees between 0 and 180")
    return np.asarray(grid)


def powder_pattern(
    frames: Atoms | Sequence[Atoms],
    *,
    wavelength: float | str = CU_K_ALPHA1,
    two_theta: tuple[float, float, float] | ArrayLike = DEFAULT_RANGE,
    method: Method = "auto",
    fwhm: Resolution | None = None,
    b_iso: Displacement = 0.0,
    polarization: str | float = "unpolarized",
    taper: Taper | None = None,
    unit: Atoms | None = None,
    progress: Progress = silent,
) -> PowderPattern:
    """Powder pattern of any model.

    Parameters
    ----------
    frames
        One model, or frames of one.
    wavelength
        Å, or a name such as "CuKa1", or "CuKa" for the doublet.
    two_theta
        (first, last, step) or points, degrees.
    method
        "debye": exact sum over the pairs of a cluster. "lattice": the same number from the lattice of a perfect
        crystallite. "pdf": a periodic glass through its pair functions, faded out at large distance. "crystal": Bragg
        reflections of an infinite crystal. "auto": lattice, else debye, for what is not periodic; crystal for what is
        called a crystal or has symmetry; pdf for the rest.
    fwhm
        Gaussian instrument width in degrees 2θ, or Caglioti's (U, V, W). None: no broadening (0.1° for crystals).
    b_iso
        Displacement parameter B = 8π²⟨u²⟩ in Å², one number or per element (0 for those not named). The scattering
        that it takes from the pairs goes, uncorrelated, into the background. Frames of a simulation at temperature
        already hold their displacements.
    polarization
        "unpolarized", "none" or the 2θ of a monochromator; see
        :func:`alzmodel.scattering.xrd.corrections.polarization_factor`.
    taper
        Å, for "pdf": :func:`alzmodel.scattering.totals.default_taper` if None.
    unit
        Unit cell of the reference crystal, for "lattice" and the labels; from ``info["phase"]`` if None.
    progress
        Told how many of the pairs are counted.

    Returns
    -------
    PowderPattern

    Raises
    ------
    InputError
        If an argument is unusable, the method does not suit the model, two atoms lie on one site, or an element has no
        tabulated factor.

    References
    ----------
    B. E. Warren, X-ray Diffraction (1969), chs. 9, 10 and 13.
    """
    listed = _frame_list(frames)
    grid = two_theta_grid(two_theta)
    lines = spectrum_of(wavelength)
    mean = sum(line * weight for line, weight in lines)
    polarization_factor(grid, polarization)
    displacement = displacements(b_iso, listed[0])
    if method not in get_args(Method):
        raise InputError(f"XRD method: {method}; allowed: {', '.join(get_args(Method))}")
    chosen = _choose(listed) if method == "auto" else method
    _check_method(chosen, listed)
    for number, model in enumerate(listed):
        if not held_in_part(model):
            check_apart(model, number)
    if chosen == "crystal":
        pattern = crystal_pattern(
            listed[0],
            wavelength=wavelength,
            two_theta=grid,
            fwhm=CRYSTAL_FWHM if fwhm is None else fwhm,
            b_iso=b_iso,
            polarization=polarization,
        )
        return replace(pattern, peaks=_lines_of(pattern, _labels(listed[0], unit, pattern)))
    q_max = momentum(np.array([180.0]), min(line for line, _ in lines))[0]
    reach = resolution_width(grid, fwhm).max() if fwhm is not None else 0.0
    top = min(180.0, float(grid[-1]) + 2.2 * float(reach))
    q_max = min(q_max, float(momentum(np.array([top]), min(line for line, _ in lines))[0]))
    evaluate, name, note = evaluator(
        chosen, listed, q_max, displacement, taper, unit, automatic=method == "auto", progress=progress
    )
    intensity = observed(evaluate, grid, lines, fwhm, polarization)
    pattern = PowderPattern(grid, intensity, mean, name, note, (), _mean_mass(listed[0]), lines)
    return replace(pattern, peaks=_lines_of(pattern, _labels(listed[0], unit, pattern)))


def nanocrystal_pattern(
    phase: str,
    diameter: float,
    *,
    lattice_parameter: float | None = None,
    wavelength: float | str = CU_K_ALPHA1,
    two_theta: tuple[float, float, float] | ArrayLike = DEFAULT_RANGE,
    fwhm: Resolution | None = None,
    b_iso: Displacement = 0.0,
    polarization: str | float = "unpolarized",
) -> PowderPattern:
    """Pattern of spheres cut from a reference crystal, averaged over where they are cut.

    Exact, in a fraction of a second at 12 nm, and free of the scatter from sphere to sphere of
    ``powder_pattern(nanocrystal(...))``.

    Parameters
    ----------
    phase
        Name in :data:`alzmodel.crystals.PHASES`.
    diameter
        Å.
    lattice_parameter
        Å; the measured one of the phase if None.
    wavelength, two_theta, fwhm, b_iso, polarization
        As in :func:`powder_pattern`.

    Raises
    ------
    InputError
        If the phase is unknown, the diameter is not between 5 and 1000 Å, or another argument is unusable.
    """
    from alzmodel.crystals import crystal
    from alzmodel.scattering.xrd.lattice import sphere_histogram

    if not 5 <= diameter <= 1000:
        raise InputError(f"diameter: {diameter:g} Å; allowed: 5 to 1000 Å")
    unit = crystal(phase, lattice_parameter=lattice_parameter)
    grid = two_theta_grid(two_theta)
    lines = spectrum_of(wavelength)
    mean = sum(line * weight for line, weight in lines)
    reach = float(resolution_width(grid, fwhm).max()) if fwhm is not None else 0.0
    top = np.array([min(180.0, float(grid[-1]) + 2.2 * reach)])
    histogram = sphere_histogram(unit, diameter, float(momentum(top, min(line for line, _ in lines))[0]))
    evaluate = debye_evaluator([histogram], displacements(b_iso, unit))
    intensity = observed(evaluate, grid, lines, fwhm, polarization)
    note = (
        f"spheres of {diameter:g} Å cut from {unit.info['phase']} at any place (size and lattice are assumed)"
    )
    pattern = PowderPattern(grid, intensity, mean, "sphere", note, (), _mean_mass(unit), lines)
    return replace(pattern, peaks=_lines_of(pattern, _labels(unit, unit, pattern)))


def crystal_pattern(
    atoms: Atoms,
    *,
    wavelength: float | str = CU_K_ALPHA1,
    two_theta: tuple[float, float, float] | ArrayLike = DEFAULT_RANGE,
    fwhm: Resolution = CRYSTAL_FWHM,
    b_iso: Displacement = 0.0,
    polarization: str | float = "unpolarized",
) -> PowderPattern:
    """Bragg reflections of an infinite crystal under Gaussians of the instrument's width.

    Per atom I(Q) = 1/n Σ_G |F_G|² 2π²/(V Q²) P(Q − G), P of unit area, on the scale of the Debye sum. Arguments as in
    :func:`powder_pattern`; `peaks` is left empty.

    Raises
    ------
    InputError
        If the model is not periodic, its cell too large, or a width is zero.

    References
    ----------
    B. E. Warren, X-ray Diffraction (1969), eq. 4.10.
    """
    grid = two_theta_grid(two_theta)
    lines = spectrum_of(wavelength)
    widths = resolution_width(grid, fwhm)
    if not (widths > 0).all():
        raise InputError(
            f"fwhm: {fwhm}; allowed: above zero for an infinite crystal, whose lines have no width"
        )
    displacement = displacements(b_iso, atoms)
    total = np.zeros_like(grid)
    for line, weight in lines:
        ends = np.clip([grid[0] - 3 * widths[0], grid[-1] + 3 * widths[-1]], 0.01, 180.0)
        low, high = momentum(ends, line)
        factor = damped_factor(line, displacement)
        Q = momentum(grid, line)
        curve = np.zeros_like(grid)
        for reflection in powder_reflections(atoms, line, (float(low), float(high)), factor):
            width = np.interp(reflection.two_theta, grid, widths)
            shape = np.exp(-4 * math.log(2) * ((grid - reflection.two_theta) / width) ** 2)
            curve += reflection.strength * shape * 2 * math.sqrt(math.log(2) / math.pi) / width
        # Degrees 2θ per Å⁻¹: the profile has unit area in Q.
        per_q = np.degrees(line / (2 * np.pi * np.cos(np.radians(grid) / 2)))
        curve *= per_q * 2 * np.pi**2 / (atoms.cell.volume * Q**2 * shares_of(atoms).sum())
        total += weight * (curve + thermal_diffuse(Q, line, atomic_fractions(atoms), displacement))
        total += weight * disorder_diffuse(Q, line, atoms, displacement)
    mean = sum(line * weight for line, weight in lines)
    note = (
        f"infinite crystal, lines {fwhm} degrees wide" if not isinstance(fwhm, tuple) else "infinite crystal"
    )
    if held_in_part(atoms):
        note += f", {formula_text(amounts_of(atoms))} with average scattering factors where sites are held in part"
    intensity = total * polarization_factor(grid, polarization)
    return PowderPattern(grid, intensity, mean, "crystal", note, (), _mean_mass(atoms), lines)


def reflections(
    atoms: Atoms,
    wavelength: float | str = CU_K_ALPHA1,
    *,
    two_theta: tuple[float, float] = (5.0, 120.0),
    b_iso: Displacement = 0.0,
) -> list[Reflection]:
    """Reflections of a crystal between two angles (degrees), by rising angle; Miller indices in the cell as given.

    Raises
    ------
    InputError
        If the model is not periodic in three directions.
    """
    lines = spectrum_of(wavelength)
    mean = sum(line * weight for line, weight in lines)
    low, high = momentum(np.array(two_theta), mean)
    return powder_reflections(
        atoms, mean, (float(low), float(high)), damped_factor(mean, displacements(b_iso, atoms))
    )


def fit_line(
    pattern: PowderPattern,
    centre: float,
    *,
    window: tuple[float, float] | float = 2.0,
    shape: Shape = "pseudo-voigt",
    background: Background = "linear",
    instrument_fwhm: float = 0.0,
) -> LineFit:
    """Fit one line of a pattern; arguments as in :func:`alzmodel.scattering.xrd.lines.fit_profile`.

    The paper's window for (222) of La2Zr2O7 is 26.5 to 30.5°, which is the default about 28.5°.
    """
    return fit_profile(
        pattern.two_theta,
        pattern.intensity,
        centre,
        pattern.lines,
        window=window,
        shape=shape,
        background=background,
        instrument_fwhm=instrument_fwhm,
        sizes=pattern.method != "crystal",
    )


def mix_patterns(patterns: Sequence[PowderPattern], weights: Sequence[float]) -> PowderPattern:
    """Mixture of phases by weight, per atom of the mixture.

    Parameters
    ----------
    patterns
        Computed on the same angles and wavelength with the same corrections.
    weights
        Shares by weight, at least zero; scaled to add up to one.

    Raises
    ------
    InputError
        If numbers do not match, weights are negative or all zero, or a pattern has no known mass.
    """
    shares = np.asarray(weights, dtype=float)
    if len(patterns) != shares.size or not (
        np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0
    ):
        raise InputError(
            f"weights: {list(weights)}; allowed: one share of at least zero for each of the patterns"
        )
    first = patterns[0]
    for pattern in patterns:
        if pattern.two_theta.shape != first.two_theta.shape or not np.allclose(
            pattern.two_theta, first.two_theta
        ):
            raise InputError("mixture: patterns on different angles; allowed: the same two_theta for all")
        if abs(pattern.wavelength - first.wavelength) > 1e-6 or not math.isfinite(pattern.atom_mass):
            raise InputError(
                "mixture: another wavelength or a measured pattern; allowed: computed ones alike"
            )
    atoms = shares / [pattern.atom_mass for pattern in patterns]
    atoms /= atoms.sum()
    intensity = np.sum([n * pattern.intensity for n, pattern in zip(atoms, patterns, strict=True)], axis=0)
    mass = float(sum(n * pattern.atom_mass for n, pattern in zip(atoms, patterns, strict=True)))
    note = "mixture of " + " + ".join(
        f"{share:.3g} ({pattern.note})"
        for share, pattern in zip(shares / shares.sum(), patterns, strict=True)
    )
    mixed = PowderPattern(
        first.two_theta, intensity, first.wavelength, "mixture", note, (), mass, first.spectrum
    )
    known = [peak for pattern in patterns for peak in pattern.peaks]
    found = find_lines(mixed.two_theta, mixed.intensity, mixed.lines, sizes=False)
    labelled = []
    for peak in found:
        near = [other for other in known if abs(other.two_theta - peak.two_theta) < 0.25 and other.hkl]
        labelled.append(replace(peak, hkl=near[0].hkl) if near else peak)
    return replace(mixed, peaks=tuple(labelled))


def _frame_list(frames: Atoms | Sequence[Atoms]) -> list[Atoms]:
    from alzmodel.local_order.pdf import frame_list

    return frame_list(frames)


def _mean_mass(atoms: Atoms) -> float:
    return float(np.average(atoms.get_masses(), weights=shares_of(atoms)))


def _choose(frames: Sequence[Atoms]) -> str:
    atoms = frames[0]
    if not atoms.pbc.any():
        return "debye"
    if held_in_part(atoms) or (len(frames) == 1 and is_crystal(atoms)):
        return "crystal"
    return "pdf"


def _check_method(method: str, frames: Sequence[Atoms]) -> None:
    periodic = frames[0].pbc
    if method != "crystal" and held_in_part(frames[0]):
        raise InputError(
            f"XRD method {method}: a site is held by {site_words(frames[0])}; allowed: crystal, or whole atoms"
        )
    if method in {"debye", "lattice"} and periodic.any():
        raise InputError(
            f"XRD method {method}: the model is periodic; allowed: pdf or crystal for periodic models"
        )
    if method in {"pdf", "crystal"} and not periodic.all():
        raise InputError(
            f"XRD method {method}: the model is periodic in {int(periodic.sum())} directions; "
            "allowed: three (debye for clusters without any)"
        )


def _labels(atoms: Atoms, unit: Atoms | None, pattern: PowderPattern) -> list[Reflection]:
    """Reflections to name lines by: of the given or named reference, else of a symmetric model itself."""
    reference = unit if unit is not None else reference_cell(atoms)
    if reference is None:
        if pattern.method != "crystal":
            return []
        reference = _conventional(atoms)
    span = (max(float(pattern.two_theta[0]) - 1, 0.5), min(float(pattern.two_theta[-1]) + 1, 179.0))
    return reflections(reference, pattern.lines[0][0], two_theta=span)


def _conventional(atoms: Atoms) -> Atoms:
    import spglib

    if held_in_part(atoms):
        return atoms
    found = spglib.standardize_cell(
        (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), to_primitive=False, symprec=1e-3
    )
    if found is None:
        return atoms
    cell, positions, numbers = found
    return Atoms(numbers=numbers, scaled_positions=positions, cell=cell, pbc=True)


def _lines_of(pattern: PowderPattern, labels: Sequence[Reflection]) -> tuple[PatternPeak, ...]:
    steps = np.diff(pattern.two_theta)
    if steps.max() > 1.001 * steps.min():
        return ()
    found = find_lines(
        pattern.two_theta,
        pattern.intensity,
        pattern.lines,
        reflections=labels,
        halos=pattern.method == "pdf",
        sizes=pattern.method in {"debye", "lattice", "sphere"},
    )
    # A sphere has fringes at small angles that are no reflections.
    return tuple(peak for peak in found if peak.hkl) if labels else found
