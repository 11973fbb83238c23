"""A specimen as the diffractometer sees it: phases by weight, the glass one of them, substrate line, background."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.crystals import crystal, phase_of
from alzmodel.errors import InputError
from alzmodel.scattering.xrd.crystal import bragg_angle
from alzmodel.scattering.xrd.lines import find_lines
from alzmodel.scattering.xrd.pattern import mix_patterns, nanocrystal_pattern, powder_pattern, two_theta_grid
from alzmodel.scattering.xrd.routes import atomic_fractions
from alzmodel.units import mass_density

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.scattering.xrd.grazing import GrazingIncidence
    from alzmodel.scattering.xrd.lines import PatternPeak
    from alzmodel.scattering.xrd.pattern import PowderPattern

    FloatArray = NDArray[np.float64]

__all__ = [
    "Ingredient",
    "SubstrateLine",
    "film_pattern",
    "mixed_material",
    "padded_grid",
    "phase_ingredient",
    "specimen_density",
]

_NEAR: Final = 0.3
"""Degrees within which a line is taken for the one of a phase."""
_PAD: Final = 0.6
"""Degrees that a pattern must reach below the first angle of the detector, for lines shifted up by refraction."""


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One phase of a specimen.

    Attributes
    ----------
    name
        For tables and legends.
    pattern
        On the angles of :func:`padded_grid`.
    weight
        Share by weight, in any unit.
    fractions
        Atomic fractions by element.
    density
        g cm⁻³; NaN where the model has no volume.
    """

    name: str
    pattern: PowderPattern
    weight: float
    fractions: Mapping[str, float]
    density: float


@dataclass(frozen=True, slots=True)
class SubstrateLine:
    """Reflection of an oriented single crystal under the film.

    Attributes
    ----------
    phase, hkl
        Such as "MgO" and (2, 0, 0).
    height
        In units of the highest point of the film's pattern. It depends on how the crystal is cut and turned, so it is
        given and not predicted.
    fwhm
        Degrees 2θ.
    """

    phase: str
    hkl: tuple[int, int, int]
    height: float
    fwhm: float = 0.2

    def __post_init__(self) -> None:
        if not (math.isfinite(self.height) and self.height >= 0 and 0 < self.fwhm < 10):
            raise InputError(
                f"substrate {self.phase}: height {self.height:g}, width {self.fwhm:g}°; "
                "allowed: at least 0, and 0 to 10°"
            )

    def position(self, wavelength: float) -> float:
        """Bragg angle 2θ in degrees.

        Raises
        ------
        InputError
            If the planes cannot reflect this wavelength.
        """
        cell = crystal(self.phase).cell
        norm = float(np.linalg.norm(np.linalg.inv(cell.array) @ np.array(self.hkl)))
        angle = bragg_angle(1 / norm, wavelength) if norm > 0 else math.nan
        if not math.isfinite(angle):
            raise InputError(
                f"substrate {self.phase} {self.hkl}: no reflection at {wavelength:g} Å; allowed: planes that have one"
            )
        return angle

    def profile(self, two_theta: FloatArray, wavelength: float) -> FloatArray:
        """Gaussian of height one, shape of `two_theta`."""
        return np.asarray(
            np.exp(-4 * math.log(2) * ((two_theta - self.position(wavelength)) / self.fwhm) ** 2)
        )


def specimen_density(atoms: Atoms) -> float:
    """Density in g cm⁻³ of a periodic model; of a cluster cut from a reference phase that of the phase; else NaN."""
    if not atoms.pbc.any() and "phase" in atoms.info:
        return phase_of(str(atoms.info["phase"])).density
    return mass_density(atoms)


def padded_grid(two_theta: tuple[float, float, float], refraction: bool) -> tuple[FloatArray, int]:
    """Angles at which patterns are computed, and how many of them lie below the first one asked for."""
    grid = two_theta_grid(two_theta)
    if not refraction:
        return grid, 0
    step = float(grid[1] - grid[0])
    number = min(math.ceil(_PAD / step), math.floor((grid[0] - 0.05) / step))
    return np.concatenate([grid[0] - step * np.arange(number, 0, -1), grid]), number


def phase_ingredient(
    name: str, weight: float, two_theta: FloatArray, *, diameter: float | None = None, **settings: Any
) -> Ingredient:
    """Pattern of a reference phase as spheres of a diameter in Å, or as an infinite crystal.

    Parameters
    ----------
    name
        In :data:`alzmodel.crystals.PHASES`.
    weight
        Share by weight.
    two_theta
        Angles in degrees.
    diameter
        Å; None for an infinite crystal, whose lines have the width of the instrument (0.1° if none is given).
    **settings
        ``wavelength``, ``fwhm``, ``b_iso``, ``polarization`` of :func:`alzmodel.scattering.xrd.pattern.powder_pattern`.

    Raises
    ------
    InputError
        If the phase or an argument is unusable.
    """
    unit = crystal(name)
    if diameter is None:
        pattern = powder_pattern(unit, two_theta=two_theta, method="crystal", **settings)
    else:
        pattern = nanocrystal_pattern(name, diameter, two_theta=two_theta, **settings)
    return Ingredient(unit.info["phase"], pattern, weight, atomic_fractions(unit), mass_density(unit))


def mixed_material(ingredients: Sequence[Ingredient]) -> tuple[dict[str, float], float]:
    """Atomic fractions and density in g cm⁻³ of a dense mixture: the phases' volumes add up.

    The density is NaN where that of a phase is unknown.
    """
    grams = np.array([i.weight for i in ingredients], dtype=float)
    grams /= grams.sum()
    atoms = grams / [i.pattern.atom_mass for i in ingredients]
    fractions: dict[str, float] = {}
    for number, ingredient in zip(atoms / atoms.sum(), ingredients, strict=True):
        for element, fraction in ingredient.fractions.items():
            fractions[element] = fractions.get(element, 0.0) + float(number) * fraction
    return fractions, float(1 / np.sum(grams / [i.density for i in ingredients]))


def film_pattern(
    ingredients: Sequence[Ingredient],
    skipped: int = 0,
    *,
    grazing: GrazingIncidence | None = None,
    substrate: SubstrateLine | None = None,
    background: Sequence[float] = (),
) -> PowderPattern:
    """Pattern of a specimen.

    Parameters
    ----------
    ingredients
        At least one, all on the same angles.
    skipped
        Angles at the start that serve refraction alone, from :func:`padded_grid`.
    grazing
        Path, footprint and refraction of a film at fixed incidence; its optics are those given.
    substrate
        A line of the crystal underneath.
    background
        Chebyshev coefficients over the range, constant first, in units of the highest point of the film's pattern.

    Returns
    -------
    PowderPattern
        With the lines found in it, named by phase and reflection where there are several phases; those of a single
        ingredient without any option are left as they were.

    Raises
    ------
    InputError
        If patterns do not fit together or an option is unusable.
    """
    if not ingredients:
        raise InputError("specimen: no phase; allowed: at least one")
    pattern = ingredients[0].pattern
    if len(ingredients) > 1:
        pattern = mix_patterns([i.pattern for i in ingredients], [i.weight for i in ingredients])
    elif grazing is None and substrate is None and not len(background):
        return pattern
    grid = pattern.two_theta[skipped:]
    intensity = pattern.intensity[skipped:]
    notes = [pattern.note]
    if grazing is not None:
        intensity = _from_film(pattern, grid, grazing)
        refracted = " with refraction" if grazing.refraction else ""
        notes.append(
            f"incidence {grazing.angle:g}°{refracted}, 1/μ {grazing.optics.attenuation_length:.3g} Å"
        )
    top = float(intensity.max())
    if substrate is not None:
        intensity = intensity + top * substrate.height * substrate.profile(grid, pattern.wavelength)
        notes.append(f"{substrate.phase} substrate line of given height")
    if len(background):
        if not np.isfinite(background).all():
            raise InputError(f"background: {list(background)}; allowed: numbers")
        place = 2 * (grid - grid[0]) / (grid[-1] - grid[0]) - 1
        intensity = intensity + top * np.polynomial.chebyshev.chebval(place, background)
    changed = replace(pattern, two_theta=grid, intensity=np.asarray(intensity), note="; ".join(notes))
    return replace(changed, peaks=_named_lines(changed, ingredients, substrate))


def _from_film(pattern: PowderPattern, grid: FloatArray, grazing: GrazingIncidence) -> FloatArray:
    from scipy.interpolate import CubicSpline

    inner = grazing.inner_angle(grid)
    if inner.min() < pattern.two_theta[0] - 1e-9:
        raise InputError(
            f"2θ from {grid[0]:g}°: refraction at {grazing.angle:g}° moves lines from {inner.min():.3g}°; "
            "allowed: a range that starts higher"
        )
    inside = (
        CubicSpline(pattern.two_theta, pattern.intensity)(inner) if grazing.refraction else pattern.intensity
    )
    return np.asarray(inside * grazing.factor(grid))


def _named_lines(
    pattern: PowderPattern, ingredients: Sequence[Ingredient], substrate: SubstrateLine | None
) -> tuple[PatternPeak, ...]:
    """Lines of a pattern, named after what gives most of the intensity there."""
    from alzmodel.scattering.xrd.crystal import hkl_text

    alone = len(ingredients) == 1
    # Angle, name, and the height that the line has in its phase, in the units of the mixture.
    names: list[tuple[float, str, float]] = []
    for one in ingredients:
        share = one.weight / one.pattern.atom_mass
        for peak in one.pattern.peaks:
            height = share * float(np.interp(peak.two_theta, one.pattern.two_theta, one.pattern.intensity))
            names.append((peak.two_theta, peak.hkl if alone else f"{one.name} {peak.hkl}".strip(), height))
    if substrate is not None:
        top = max((height for _, _, height in names), default=1.0)
        label = f"{substrate.phase} {hkl_text(substrate.hkl)}"
        names.append((substrate.position(pattern.wavelength), label, top * substrate.height))
    methods = {one.pattern.method for one in ingredients}
    found = find_lines(
        pattern.two_theta,
        pattern.intensity,
        pattern.lines,
        halos=methods == {"pdf"} and substrate is None,
        sizes=alone and methods <= {"debye", "lattice", "sphere"} and substrate is None,
    )
    named = []
    for peak in found:
        near = [name for name in names if abs(name[0] - peak.two_theta) < max(_NEAR, 0.5 * peak.fwhm)]
        best = max(near, key=lambda name: name[2], default=(0.0, peak.hkl, 0.0))
        named.append(replace(peak, hkl=best[1]))
    return tuple(named)
