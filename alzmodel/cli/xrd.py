"""``alzmodel xrd``: powder patterns of structure files, and of films that hold them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.curves import (
    Against,
    Figure,
    Files,
    Json,
    Window,
    check_positive,
    each_file,
    lay_over_measured,
    measured_curve,
)
from alzmodel.cli.numbers import real, wavelength_text
from alzmodel.cli.output import print_json, print_table
from alzmodel.cli.xrd_options import (
    PhaseRequest,
    background_text,
    displacement_text,
    phase_text,
    polarization_text,
    resolution_text,
    substrate_text,
)
from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from alzmodel.scattering.xrd_grazing import GrazingIncidence
    from alzmodel.scattering.xrd_specimen import Ingredient, SubstrateLine

__all__ = ["register"]

INSTRUMENT = "Instrument"
FILM = "Film at grazing incidence"
SPECIMEN = "Specimen"


class Method(StrEnum):
    """How a powder pattern is computed."""

    AUTO = "auto"
    DEBYE = "debye"
    LATTICE = "lattice"
    PDF = "pdf"
    CRYSTAL = "crystal"


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(xrd)


def xrd(
    files: Files,
    wavelength: Annotated[str, typer.Option(help="Å, or a line such as CuKa, CuKa1, MoKa1.")] = "1.5406",
    two_theta: Annotated[
        tuple[float, float, float], typer.Option("--range", help="First and last 2θ and step, in degrees.")
    ] = (10.0, 80.0, 0.02),
    method: Annotated[Method, typer.Option(help="How it is computed.")] = Method.AUTO,
    fwhm: Annotated[
        str | None,
        typer.Option(
            metavar="DEG|U,V,W",
            help="Gaussian width in degrees 2θ, or Caglioti's coefficients.",
            show_default="0.1 for infinite crystals, else none",
            rich_help_panel=INSTRUMENT,
        ),
    ] = None,
    b_iso: Annotated[
        str,
        typer.Option(
            metavar="B|La=B,O=B",
            help="Displacements B = 8π²⟨u²⟩ in Å²; frames at temperature hold theirs.",
            rich_help_panel=INSTRUMENT,
        ),
    ] = "0",
    polarization: Annotated[
        str,
        typer.Option(
            metavar="NAME|DEG",
            help="unpolarized, none, or the 2θ of a monochromator.",
            rich_help_panel=INSTRUMENT,
        ),
    ] = "unpolarized",
    phase: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:Å]=SHARE",
            help="Reference phase mixed in by weight, such as Li2CO3=0.1 or La2Zr2O7:80=0.3; F makes up the rest.",
            rich_help_panel=SPECIMEN,
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(
            metavar="C,C,…",
            help="Chebyshev coefficients in units of the highest point, added to the pattern.",
            rich_help_panel=SPECIMEN,
        ),
    ] = None,
    substrate: Annotated[
        str | None,
        typer.Option(
            metavar="NAME:hkl=HEIGHT",
            help="Line of the crystal underneath, such as MgO:200=0.5.",
            rich_help_panel=SPECIMEN,
        ),
    ] = None,
    substrate_fwhm: Annotated[
        float,
        typer.Option(parser=real, metavar="FLOAT", help="Its width in degrees.", rich_help_panel=SPECIMEN),
    ] = 0.2,
    incidence: Annotated[
        float | None,
        typer.Option(
            parser=real, metavar="FLOAT", help="Fixed angle to the film in degrees.", rich_help_panel=FILM
        ),
    ] = None,
    film_thickness: Annotated[
        float | None,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="Å; else it takes up the whole beam.",
            rich_help_panel=FILM,
        ),
    ] = None,
    density: Annotated[
        float | None,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="g/cm³ of the film.",
            show_default="that of the model",
            rich_help_panel=FILM,
        ),
    ] = None,
    beam_height: Annotated[
        float,
        typer.Option(
            parser=real,
            metavar="FLOAT",
            help="mm; what passes over a short specimen is lost.",
            rich_help_panel=FILM,
        ),
    ] = 0.0,
    specimen_length: Annotated[
        float | None,
        typer.Option(parser=real, metavar="FLOAT", help="mm along the beam.", rich_help_panel=FILM),
    ] = None,
    refraction: Annotated[
        bool,
        typer.Option("--refraction", help="Bend and weaken the beams at the surface.", rich_help_panel=FILM),
    ] = False,
    against: Against = None,
    window: Window = None,
    figure: Figure = None,
    as_json: Json = False,
) -> None:
    """X-ray powder pattern and its peaks."""
    phases = [phase_text(text) for text in phase or ()]
    _check_shares(phases)
    check_positive("--substrate-fwhm", substrate_fwhm, 10.0)
    film = _Film(incidence, film_thickness, density, beam_height, specimen_length, refraction)
    film.check()
    work = _XrdWork(
        wavelength_text(wavelength),
        two_theta,
        method,
        None if fwhm is None else resolution_text(fwhm),
        displacement_text(b_iso),
        polarization_text(polarization),
        phases,
        background_text(background),
        None if substrate is None else substrate_text(substrate, substrate_fwhm),
        film,
    )
    measured = measured_curve(against, "two_theta", figure=figure, window=window)
    result = each_file(files, work)
    lay_over_measured(
        result, measured, "two_theta", result["intensity"], 1, as_json, figure=figure, window=window
    )
    if as_json:
        print_json(result)
        return
    columns = ("2θ (°)", "fwhm (°)", "d (Å)", "hkl", "Scherrer, K = 0.9 (Å)", "sphere (Å)")
    keys = ("two_theta", "fwhm", "d", "hkl", "size_scherrer", "size_sphere")
    print_table("peaks", columns, [tuple(peak[key] for key in keys) for peak in result["peaks"]])


def _check_shares(phases: Sequence[PhaseRequest]) -> None:
    for one in phases:
        if one.weight is None:
            raise InputError(f"--phase {one.name}: no share by weight; allowed: such as {one.name}=0.1")
    total = sum(one.weight or 0.0 for one in phases)
    if total >= 1:
        raise InputError(f"--phase: shares add up to {total:g}; allowed: less than 1, the model is the rest")


@dataclass(frozen=True)
class _Film:
    """What was said of the film."""

    incidence: float | None
    thickness: float | None
    density: float | None
    beam_height: float
    length: float | None
    refraction: bool

    def check(self) -> None:
        """Refuse what means nothing without an angle of incidence."""
        given = {
            "--film-thickness": self.thickness is not None,
            "--beam-height": self.beam_height != 0,
            "--specimen-length": self.length is not None,
            "--refraction": self.refraction,
        }
        if self.incidence is None:
            for name, is_given in given.items():
                if is_given:
                    raise InputError(f"{name}: no angle of incidence; allowed: with --incidence")
        elif (self.beam_height != 0) != (self.length is not None):
            raise InputError("--beam-height, --specimen-length: one without the other; allowed: both")

    def geometry(self, ingredients: Sequence[Ingredient], wavelength: float | str) -> GrazingIncidence | None:
        """Put the film's optics into the geometry."""
        from alzmodel.scattering.xrd_grazing import GrazingIncidence, optical_constants
        from alzmodel.scattering.xrd_specimen import mixed_material

        if self.incidence is None:
            return None
        fractions, density = mixed_material(ingredients)
        if self.density is None and math.isnan(density):
            raise InputError("--incidence: the model has no density; allowed: with --density in g/cm3")
        optics = optical_constants(fractions, self.density or density, wavelength)
        return GrazingIncidence(
            self.incidence,
            optics,
            math.inf if self.thickness is None else self.thickness,
            self.beam_height,
            math.inf if self.length is None else self.length,
            self.refraction,
        )


@dataclass(frozen=True)
class _XrdWork:
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
    film: _Film

    def __call__(self, frames: list[Atoms]) -> dict[str, Any]:
        from alzmodel.scattering.xrd import powder_pattern
        from alzmodel.scattering.xrd_routes import atomic_fractions
        from alzmodel.scattering.xrd_specimen import (
            Ingredient,
            film_pattern,
            padded_grid,
            phase_ingredient,
            specimen_density,
        )

        settings = {
            "wavelength": self.wavelength,
            "fwhm": self.fwhm,
            "b_iso": self.b_iso,
            "polarization": self.polarization,
        }
        grid, skipped = padded_grid(self.two_theta, self.film.refraction)
        pattern = powder_pattern(frames, two_theta=grid, method=self.method.value, **settings)
        rest = 1 - sum(one.weight or 0.0 for one in self.phases)
        atoms = frames[0]
        ingredients = [Ingredient("model", pattern, rest, atomic_fractions(atoms), specimen_density(atoms))]
        ingredients += [
            phase_ingredient(one.name, one.weight or 0.0, grid, diameter=one.diameter, **settings)
            for one in self.phases
        ]
        geometry = self.film.geometry(ingredients, self.wavelength)
        made = film_pattern(
            ingredients, skipped, grazing=geometry, substrate=self.substrate, background=self.background
        )
        result = made.to_dict()
        if geometry is not None:
            result["film"] = {
                "incidence": geometry.angle,
                "attenuation_length": geometry.optics.attenuation_length,
                "critical_angle": geometry.optics.critical_angle,
                "footprint": geometry.footprint,
                "refraction": geometry.refraction,
            }
        return result
