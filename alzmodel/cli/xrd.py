"""``alzmodel xrd``: powder patterns of structure files, and of films that hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.costs import xrd_cost
from alzmodel.cli.curves import (
    Against,
    Figure,
    Files,
    Json,
    MaxAtoms,
    Window,
    check_positive,
    each_file,
    lay_over_measured,
    measured_curve,
)
from alzmodel.cli.numbers import real, wavelength_text, whole
from alzmodel.cli.output import print_json, print_table, say, show_progress
from alzmodel.cli.xrd_display import print_fit, print_lines, print_superstructure
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
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from alzmodel.scattering.xrd.data import MeasuredCurve
    from alzmodel.scattering.xrd.grazing import GrazingIncidence
    from alzmodel.scattering.xrd.specimen import Ingredient, SubstrateLine

__all__ = ["register"]

INSTRUMENT = "Instrument"
FILM = "Film at grazing incidence"
SPECIMEN = "Specimen"
FITS = "Fits"


class Method(StrEnum):
    """How a powder pattern is computed."""

    AUTO = "auto"
    DEBYE = "debye"
    LATTICE = "lattice"
    PDF = "pdf"
    CRYSTAL = "crystal"


class LineShape(StrEnum):
    """Profile of a single line."""

    GAUSSIAN = "gaussian"
    LORENTZIAN = "lorentzian"
    PSEUDO_VOIGT = "pseudo-voigt"
    PEARSON7 = "pearson7"


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
    line: Annotated[
        list[float] | None,
        typer.Option(
            metavar="DEG",
            help="Fit a single line at this 2θ, of the model and of DATA.",
            rich_help_panel=FITS,
        ),
    ] = None,
    line_width: Annotated[
        float,
        typer.Option(
            parser=real, metavar="FLOAT", help="Degrees fitted to either side of it.", rich_help_panel=FITS
        ),
    ] = 2.0,
    line_shape: Annotated[LineShape, typer.Option(help="Its profile.", rich_help_panel=FITS)] = (
        LineShape.PSEUDO_VOIGT
    ),
    superstructure: Annotated[
        bool,
        typer.Option(
            "--superstructure",
            help="Areas of (111) and (331) of pyrochlore over (222) and (440), of the model and of DATA.",
            rich_help_panel=FITS,
        ),
    ] = False,
    fit: Annotated[
        bool,
        typer.Option(
            "--fit",
            help="Fit DATA with the model, every --phase (shares, cells, sizes), --substrate and a background.",
            rich_help_panel=FITS,
        ),
    ] = False,
    degree: Annotated[
        int | None,
        typer.Option(
            parser=whole,
            metavar="INTEGER",
            help="Degree of the polynomial background under DATA, -1 for none.",
            show_default="1, with --fit 3",
            rich_help_panel=FITS,
        ),
    ] = None,
    fit_zero: Annotated[
        bool,
        typer.Option("--fit-zero", help="With --fit: also the zero of 2θ.", rich_help_panel=FITS),
    ] = False,
    against: Against = None,
    window: Window = None,
    figure: Figure = None,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """X-ray powder pattern and its peaks."""
    phases = [phase_text(text) for text in phase or ()]
    check_positive("--substrate-fwhm", substrate_fwhm, 10.0)
    check_positive("--line-width", line_width, 30.0)
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
    if fit:
        _check_fit(measured, phases, background)
        result = each_file(
            files,
            replace(work, phases=(), background=(), substrate=None, bare=True),
            max_atoms=max_atoms,
            cost=xrd_cost,
        )
        _whole_fit(result, work, measured, window, 3 if degree is None else degree, fit_zero, figure, as_json)
    else:
        _check_shares(phases)
        if fit_zero:
            raise InputError("--fit-zero: no whole-pattern fit is asked for; allowed: with --fit")
        result = each_file(files, work, max_atoms=max_atoms, cost=xrd_cost)
        lay_over_measured(
            result,
            measured,
            "two_theta",
            result["intensity"],
            1 if degree is None else degree,
            as_json,
            figure=figure,
            window=window,
        )
    if line:
        result["lines"] = _lines(line, result, measured, work, line_width, line_shape)
    if superstructure:
        result["superstructure"] = _superstructure(result, measured, work)
    _warn_of_steps(result, work)
    if as_json:
        print_json(result)
        return
    if line:
        print_lines(result["lines"])
    if superstructure:
        print_superstructure(result["superstructure"])
    columns = ("2θ (°)", "fwhm (°)", "d (Å)", "hkl", "Scherrer, K = 0.9 (Å)", "sphere (Å)")
    keys = ("two_theta", "fwhm", "d", "hkl", "size_scherrer", "size_sphere")
    print_table("peaks", columns, [tuple(peak[key] for key in keys) for peak in result["peaks"]])


def _warn_of_steps(result: Mapping[str, Any], work: _XrdWork) -> None:
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
        say(
            f"alzmodel: steps of {step:g}° miss lines {width:.2g}° wide; a finer --range or a wider --fwhm shows them"
        )


def _check_fit(
    measured: MeasuredCurve | None, phases: Sequence[PhaseRequest], background: str | None
) -> None:
    if measured is None:
        raise InputError("--fit: nothing measured to fit; allowed: with --against DATA")
    if background is not None:
        raise InputError("--background: is fitted with --fit; allowed: --degree")
    for one in phases:
        if one.weight is not None:
            raise InputError(
                f"--phase {one.name}={one.weight:g}: shares are fitted with --fit; allowed: {one.name}"
            )


def _whole_fit(
    result: dict[str, Any],
    work: _XrdWork,
    measured: MeasuredCurve | None,
    window: tuple[float, float] | None,
    degree: int,
    fit_zero: bool,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Add the keys ``fit`` and ``against``, draw and print."""
    import numpy as np

    from alzmodel.scattering.xrd.pattern import PowderPattern
    from alzmodel.scattering.xrd.whole import fit_specimen

    assert measured is not None
    pattern = PowderPattern(
        np.asarray(result["two_theta"]),
        np.asarray(result["intensity"]),
        float(result["wavelength"]),
        "computed",
        "",
        (),
        float(result.pop("atom_mass")),
    )
    found = fit_specimen(
        measured,
        pattern,
        [(one.name, one.diameter) for one in work.phases],
        window=window,
        fwhm=work.fwhm,
        b_iso=work.b_iso,
        polarization=work.polarization,
        wavelength=work.wavelength,
        background=degree,
        grazing=work.film.geometry(work.seen[:1], work.wavelength),
        substrate=work.substrate,
        refine_zero=fit_zero,
    )
    result["fit"] = found.to_dict()
    result["against"] = found.agreement()
    if figure is not None:
        from alzmodel.report.against_figure import plot_against

        parts = {phase.name: phase.curve for phase in found.phases}
        plot_against(result["against"], "two_theta", figure, parts=parts)
    if not as_json:
        print_fit(found)


def _superstructure(
    result: dict[str, Any], measured: MeasuredCurve | None, work: _XrdWork
) -> dict[str, list[dict[str, Any]]]:
    """Superstructure lines of the model's pattern and of the measured one."""
    from alzmodel.scattering.xrd.pattern import CRYSTAL_FWHM
    from alzmodel.scattering.xrd.superstructure import superstructure_lines

    wavelength = float(result["wavelength"])
    curves: dict[str, tuple[Any, Any, Any]] = {"model": (result["two_theta"], result["intensity"], None)}
    if measured is not None:
        curves["measured"] = (measured.x, measured.y, measured.sigma)
    return {
        name: [
            found.to_dict()
            for found in superstructure_lines(
                x,
                y,
                wavelength=wavelength,
                fwhm=CRYSTAL_FWHM if work.fwhm is None and result["method"] == "crystal" else work.fwhm,
                polarization=work.polarization,
                sigma=sigma,
            )
        ]
        for name, (x, y, sigma) in curves.items()
    }


def _lines(
    centres: Sequence[float],
    result: dict[str, Any],
    measured: MeasuredCurve | None,
    work: _XrdWork,
    half_width: float,
    shape: LineShape,
) -> list[dict[str, Any]]:
    """Single-line fits of the model's pattern and of the measured one."""
    import numpy as np

    from alzmodel.scattering.xrd.lines import fit_profile

    curves: list[tuple[str, Any, Any, Any]] = [("model", result["two_theta"], result["intensity"], None)]
    if measured is not None:
        curves.append(("measured", measured.x, measured.y, measured.sigma))
    instrument = work.fwhm if isinstance(work.fwhm, float) else 0.0
    found = []
    for centre in centres:
        for name, x, y, sigma in curves:
            fit = fit_profile(
                np.asarray(x),
                np.asarray(y),
                centre,
                float(result["wavelength"]),
                window=half_width,
                shape=shape.value,
                instrument_fwhm=instrument,
                sigma=sigma,
            )
            found.append({"label": f"{name} {centre:g}°", **fit.to_dict()})
    return found


def _check_displacements(
    b_iso: float | Mapping[str, float], model: Atoms, phases: Sequence[PhaseRequest]
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
        from alzmodel.scattering.xrd.grazing import GrazingIncidence, optical_constants
        from alzmodel.scattering.xrd.specimen import mixed_material

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
    bare: bool = False
    """Only the model's own pattern: a fit adds the rest."""
    seen: list[Ingredient] = field(default_factory=list)
    """The models that were computed."""

    def __call__(self, frames: list[Atoms]) -> dict[str, Any]:
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
            "b_iso": self.b_iso,
            "polarization": self.polarization,
        }
        _check_displacements(self.b_iso, frames[0], self.phases)
        grid, skipped = padded_grid(self.two_theta, self.film.refraction and not self.bare)
        with show_progress("xrd") as progress:
            pattern = powder_pattern(
                frames, two_theta=grid, method=self.method.value, progress=progress, **settings
            )
        rest = 1 - sum(one.weight or 0.0 for one in self.phases)
        atoms = frames[0]
        ingredients = [Ingredient("model", pattern, rest, atomic_fractions(atoms), specimen_density(atoms))]
        self.seen.append(ingredients[0])
        if self.bare:
            return {**pattern.to_dict(), "atom_mass": pattern.atom_mass}
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
