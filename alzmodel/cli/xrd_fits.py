"""Fits of ``alzmodel xrd``: whole patterns, single lines and superstructure lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alzmodel.cli.costs import xrd_cost
from alzmodel.cli.curves import each_file
from alzmodel.cli.reading import model_words
from alzmodel.cli.xrd_display import print_fit
from alzmodel.cli.xrd_patterns import film_geometry
from alzmodel.errors import InputError
from alzmodel.formats.notes import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alzmodel.cli.options import Comparison, Source
    from alzmodel.cli.options.xrd import FitOptions
    from alzmodel.cli.xrd_patterns import XrdWork
    from alzmodel.scattering.xrd.data import MeasuredCurve

__all__ = ["add_line_fits", "fitted_pattern"]


def fitted_pattern(
    files: Sequence[Path],
    work: XrdWork,
    fits: FitOptions,
    measured: MeasuredCurve | None,
    comparison: Comparison,
    source: Source,
    max_atoms: int,
    as_json: bool,
) -> dict[str, Any]:
    """Pattern of the model, with the keys ``fit`` and ``against`` of a fit to the measured one; draws and prints."""
    import numpy as np

    from alzmodel.scattering.xrd.pattern import PowderPattern
    from alzmodel.scattering.xrd.whole import fit_specimen

    if measured is None:
        raise InputError("--fit: nothing measured to fit; allowed: with --against DATA")
    work.check_to_be_fitted()
    result = each_file(
        files, work.model_alone(), max_atoms=max_atoms, cost=xrd_cost, source=source, mixed=True
    )
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
        window=comparison.window,
        fwhm=work.fwhm,
        b_iso=work.b_iso or 0.0,
        polarization=work.polarization,
        wavelength=work.wavelength,
        background=3 if fits.degree is None else fits.degree,
        grazing=film_geometry(work.film, work.seen[:1], work.wavelength),
        substrate=work.substrate,
        refine_zero=fits.fit_zero,
    )
    result["fit"] = found.to_dict()
    result["against"] = found.agreement()
    if comparison.figure is not None:
        from alzmodel.report.against_figure import plot_against

        words = f"{Path(measured.source).name} over {model_words(files)}"
        parts = {phase.name: phase.curve for phase in found.phases}
        plot_against(result["against"], "two_theta", comparison.figure, parts=parts, words=words)
    if not as_json:
        print_fit(found)
    return result


def add_line_fits(
    result: dict[str, Any], work: XrdWork, fits: FitOptions, measured: MeasuredCurve | None
) -> None:
    """Add the keys ``lines`` and ``superstructure`` if they are asked for."""
    if fits.line:
        result["lines"] = _lines(result, measured, work, fits)
    if fits.superstructure:
        result["superstructure"] = _superstructure(result, measured, work)


def _superstructure(
    result: dict[str, Any], measured: MeasuredCurve | None, work: XrdWork
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
    result: dict[str, Any],
    measured: MeasuredCurve | None,
    work: XrdWork,
    fits: FitOptions,
) -> list[dict[str, Any]]:
    """Single-line fits of the model's pattern and of the measured one."""
    import numpy as np

    from alzmodel.scattering.form_factors import spectrum_of
    from alzmodel.scattering.xrd.corrections import resolution_width
    from alzmodel.scattering.xrd.lines import fit_profile
    from alzmodel.scattering.xrd.pattern import CRYSTAL_FWHM

    curves: list[tuple[str, Any, Any, Any]] = [("model", result["two_theta"], result["intensity"], None)]
    if measured is not None:
        curves.append(("measured", measured.x, measured.y, measured.sigma))
    endless = result["method"] == "crystal"
    fwhm = CRYSTAL_FWHM if endless and work.fwhm is None else work.fwhm
    spectrum = spectrum_of(work.wavelength)
    found = []
    for centre in fits.line or ():
        instrument = 0.0 if fwhm is None else float(resolution_width(np.array([centre]), fwhm)[0])
        for name, x, y, sigma in curves:
            fit = fit_profile(
                np.asarray(x),
                np.asarray(y),
                centre,
                spectrum,
                window=fits.line_width,
                shape=fits.line_shape.value,
                instrument_fwhm=instrument,
                sigma=sigma,
                sizes=not (endless and name == "model"),
            )
            if not fit.present:
                tell(
                    f"no line stands out of the {name} pattern between {fit.window[0]:g} and "
                    f"{fit.window[1]:g}°: no angle, width or size"
                )
            found.append({"label": f"{name} {centre:g}°", **fit.to_dict()})
    return found
