"""Patterns of ``alzmodel xrd``: of models, and of films that hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from alzmodel.cli.costs import xrd_cost
from alzmodel.cli.curves import check_positive, each_file, lay_over_measured
from alzmodel.cli.output import show_progress
from alzmodel.cli.xrd_options import (
    PhaseRequest,
    background_text,
    displacement_text,
    displacements_of,
    phase_text,
    polarization_text,
    resolution_text,
    substrate_text,
    tell_displacements,
)
from alzmodel.errors import InputError
from alzmodel.formats.notes import tell
from alzmodel.results import together

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from alzmodel.cli.options import Comparison, Source
    from alzmodel.cli.options.xrd import FilmOptions, FitOptions, Method, PatternOptions, SpecimenOptions
    from alzmodel.results import Result
    from alzmodel.scattering.xrd.data import MeasuredCurve
    from alzmodel.scattering.xrd.grazing import GrazingIncidence
    from alzmodel.scattering.xrd.specimen import Ingredient, SubstrateLine

__all__ = ["XrdWork", "check_film", "computed_pattern", "film_geometry", "warn_of_steps", "xrd_work"]


def xrd_work(
    pattern: PatternOptions, specimen: SpecimenOptions, film: FilmOptions, wavelength: float | str
) -> XrdWork:
    """Read what was asked for, or refuse it."""
    phases = [phase_text(text) for text in specimen.phase or ()]
    check_positive("--substrate-fwhm", specimen.substrate_fwhm, 10.0)
    check_film(film)
    return XrdWork(
        wavelength,
        pattern.two_theta,
        pattern.method,
        None if pattern.fwhm is None else resolution_text(pattern.fwhm),
        displacement_text(pattern.b_iso),
        polarization_text(pattern.polarization),
        phases,
        background_text(specimen.background),
        None if specimen.substrate is None else substrate_text(specimen.substrate, specimen.substrate_fwhm),
        film,
    )


def computed_pattern(
    files: Sequence[Path],
    work: XrdWork,
    fits: FitOptions,
    measured: MeasuredCurve | None,
    comparison: Comparison,
    source: Source,
    max_atoms: int,
    as_json: bool,
) -> dict[str, Any]:
    """Pattern of the film, laid over the measured one if there is one."""
    work.check_shares()
    if fits.fit_zero:
        raise InputError("--fit-zero: no whole-pattern fit is asked for; allowed: with --fit")
    cost = partial(xrd_cost, method=work.method.value)
    result = each_file(files, work, max_atoms=max_atoms, cost=cost, source=source, mixed=True)
    degree = 1 if fits.degree is None else fits.degree
    lay_over_measured(
        result, measured, "two_theta", result["intensity"], degree, as_json, comparison, files=files
    )
    return result


def warn_of_steps(result: Mapping[str, Any], work: XrdWork) -> None:
    """Say that lines of an endless crystal fall between points."""
    from alzmodel.scattering.xrd.corrections import resolution_width
    from alzmodel.scattering.xrd.pattern import CRYSTAL_FWHM

    if result.get("method") != "crystal":
        return
    import numpy as np

    width = float(
        resolution_width(
            np.asarray(result["two_theta"]), CRYSTAL_FWHM if work.fwhm is None else work.fwhm
        ).min()
    )
    step = work.two_theta[2]
    if step > 0.5 * width:
        tell(f"steps of {step:g}° miss lines {width:.2g}° wide; a finer --range or a wider --fwhm shows them")


def _check_displacements(
    b_iso: float | Mapping[str, float] | None, model: Atoms, phases: Sequence[PhaseRequest]
) -> None:
    """Refuse B of elements that are nowhere in the film."""
    from alzmodel.crystals import crystal

    if not isinstance(b_iso, Mapping):
        return
    there = set(model.get_chemical_symbols()).union(
        *(crystal(one.name).get_chemical_symbols() for one in phases)
    )
    for element in b_iso:
        if element not in there:
            raise InputError(f"--b-iso: {element!r} is not in the film; allowed: {', '.join(sorted(there))}")


def check_film(film: FilmOptions) -> None:
    """Refuse what means nothing without an angle of incidence."""
    given = {
        "--film-thickness": film.film_thickness is not None,
        "--beam-height": film.beam_height != 0,
        "--specimen-length": film.specimen_length is not None,
        "--refraction": film.refraction,
    }
    if film.incidence is None:
        for name, is_given in given.items():
            if is_given:
                raise InputError(f"{name}: no angle of incidence; allowed: with --incidence")
    elif (film.beam_height != 0) != (film.specimen_length is not None):
        raise InputError("--beam-height, --specimen-length: one without the other; allowed: both")


def film_geometry(
    film: FilmOptions, ingredients: Sequence[Ingredient], wavelength: float | str
) -> GrazingIncidence | None:
    """Put the film's optics into the geometry."""
    from alzmodel.scattering.xrd.grazing import GrazingIncidence, optical_constants
    from alzmodel.scattering.xrd.specimen import mixed_material

    if film.incidence is None:
        return None
    fractions, density = mixed_material(ingredients)
    if film.density is None and math.isnan(density):
        raise InputError("--incidence: the model has no density; allowed: with --density in g/cm3")
    optics = optical_constants(fractions, film.density or density, wavelength)
    return GrazingIncidence(
        film.incidence,
        optics,
        math.inf if film.film_thickness is None else film.film_thickness,
        film.beam_height,
        math.inf if film.specimen_length is None else film.specimen_length,
        film.refraction,
    )


@dataclass(frozen=True)
class XrdWork:
    """Pattern of the frames of one file, with what was asked for."""

    wavelength: float | str
    two_theta: tuple[float, float, float]
    method: Method
    fwhm: Any
    b_iso: Any
    polarization: str | float
    phases: Sequence[PhaseRequest]
    background: tuple[float, ...]
    substrate: SubstrateLine | None
    film: FilmOptions
    bare: bool = False
    """Only the model's own pattern."""
    seen: list[Ingredient] = field(default_factory=list)
    """The models that were computed."""

    def with_wavelength_of(self, measured: MeasuredCurve | None, asked: float | str | None) -> XrdWork:
        """Return the work at the wavelength of the measurement, if the file states it and the user does not."""
        if measured is None or asked is not None:
            return self
        if measured.wavelength is None:
            tell(
                f"{measured.source}: no wavelength in the file; {self.wavelength} Å is taken, or --wavelength"
            )
            return self
        tell(f"{measured.source}: a wavelength of {measured.wavelength:.5f} Å is in the file and used")
        return replace(self, wavelength=measured.wavelength)

    def check_to_be_fitted(self) -> None:
        """Refuse what a fit to a measured pattern finds by itself."""
        if self.background:
            raise InputError("--background: is fitted with --fit; allowed: --degree")
        for one in self.phases:
            if one.weight is not None:
                raise InputError(
                    f"--phase {one.name}={one.weight:g}: shares are fitted with --fit; allowed: {one.name}"
                )

    def check_shares(self) -> None:
        """Refuse shares that are missing, or leave nothing for the model."""
        for one in self.phases:
            if one.weight is None:
                raise InputError(f"--phase {one.name}: no share by weight; allowed: such as {one.name}=0.1")
        total = sum(one.weight or 0.0 for one in self.phases)
        if total >= 1:
            raise InputError(
                f"--phase: shares add up to {total:g}; allowed: less than 1, the model is the rest"
            )

    def model_alone(self) -> XrdWork:
        """Only the model's own pattern: a fit adds the rest."""
        return replace(self, phases=(), background=(), substrate=None, bare=True)

    def __call__(self, frames: list[Atoms]) -> Result:
        """Pattern of a file."""
        from alzmodel.scattering.xrd.pattern import powder_pattern
        from alzmodel.scattering.xrd.routes import atomic_fractions
        from alzmodel.scattering.xrd.specimen import (
            Ingredient,
            film_pattern,
            padded_grid,
            phase_ingredient,
            specimen_density,
        )

        settings = {
            "wavelength": self.wavelength,
            "fwhm": self.fwhm,
            "polarization": self.polarization,
        }
        _check_displacements(self.b_iso, frames[0], self.phases)
        b_iso = displacements_of(self.b_iso, frames)
        grid, skipped = padded_grid(self.two_theta, self.film.refraction and not self.bare)
        with show_progress("xrd") as progress:
            pattern = powder_pattern(
                frames, two_theta=grid, method=self.method.value, b_iso=b_iso, progress=progress, **settings
            )
        tell_displacements(self.b_iso, b_iso)
        rest = 1 - sum(one.weight or 0.0 for one in self.phases)
        atoms = frames[0]
        ingredients = [Ingredient("model", pattern, rest, atomic_fractions(atoms), specimen_density(atoms))]
        self.seen.append(ingredients[0])
        if self.bare:
            return together(pattern, {"atom_mass": pattern.atom_mass})
        ingredients += [
            phase_ingredient(
                one.name, one.weight or 0.0, grid, diameter=one.diameter, b_iso=self.b_iso or 0.0, **settings
            )
            for one in self.phases
        ]
        geometry = film_geometry(self.film, ingredients, self.wavelength)
        made = film_pattern(
            ingredients, skipped, grazing=geometry, substrate=self.substrate, background=self.background
        )
        if geometry is None:
            return made
        film = {
            "incidence": geometry.angle,
            "attenuation_length": geometry.optics.attenuation_length,
            "critical_angle": geometry.optics.critical_angle,
            "footprint": geometry.footprint,
            "refraction": geometry.refraction,
        }
        return together(made, {"film": film})
