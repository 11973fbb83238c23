"""``alzmodel pdf``: pair distribution functions and structure factors of structure files."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from alzmodel.cli.costs import pdf_cost
from alzmodel.cli.curves import check_positive, each_file, lay_over_measured, measured_curve
from alzmodel.cli.numbers import wavelength_text
from alzmodel.cli.options import Comparison, Files, Json, MaxAtoms, Source, TableOptions, command
from alzmodel.cli.options.pdf import TotalOptions
from alzmodel.cli.output import print_json, print_table, show_progress
from alzmodel.cli.xrd_options import displacement_text, displacements_of, tell_displacements
from alzmodel.errors import InputError
from alzmodel.formats.notes import tell
from alzmodel.io import check_writable
from alzmodel.reading import MAX_ATOMS
from alzmodel.results import Result, holds, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import typer
    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.local_order.pdf import PartialRDF
    from alzmodel.scattering.totals import TotalPDF

__all__ = ["register"]

ORDINATES = {
    "G": "G(r) (Å⁻²)",
    "T": "T(r) (Å⁻²)",
    "D": "D(r)",
    "S": "S(Q)",
    "F": "F(Q) (Å⁻¹)",
    "Keen-G": "G(r), Keen (barn)",
    "Keen-D": "D(r), Keen (barn Å⁻²)",
    "Keen-T": "T(r), Keen (barn Å⁻²)",
    "Keen-F": "F(Q), Keen (barn)",
}


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(command(pdf))


def pdf(
    files: Files,
    options: TotalOptions,
    comparison: Comparison,
    table: TableOptions,
    source: Source,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Partial and total pair distribution functions, and structure factors."""
    _check(options)
    x: Literal["Q", "r"] = "Q" if _is_reciprocal(options) else "r"
    measured = measured_curve(comparison, x, table, wavelength=_wavelength(options, comparison))
    cost = functools.partial(pdf_cost, r_max=options.r_max)
    result = each_file(
        files, lambda frames: _analyse(frames, options), max_atoms=max_atoms, cost=cost, source=source
    )
    name = options.function.value
    curve = result["totals" if name == "G" else name][options.radiation.value]
    lay_over_measured(
        result, measured, x, curve, -1, as_json, comparison, ordinate=ORDINATES[name], files=files
    )
    if options.write is not None:
        _write(options.write, files, result[x], curve, options)
    if as_json:
        print_json(result)
        return
    rows = [(pair, peak["r"], peak["fwhm"]) for pair, peak in result["first_peaks"].items()]
    print_table("first peaks of the partials", ("pair", "r (Å)", "fwhm (Å)"), rows)


def _wavelength(options: TotalOptions, comparison: Comparison) -> float | str | None:
    if options.wavelength is None:
        return None
    if comparison.against is None:
        raise InputError("--wavelength: nothing measured to turn; allowed: with --against DATA")
    return wavelength_text(options.wavelength)


def _check(options: TotalOptions) -> None:
    check_positive("--r-max", options.r_max, 200.0)
    check_positive("--dr", options.dr, options.r_max)
    displacement_text(options.b_iso)
    if options.q_max is not None:
        check_positive("--q-max", options.q_max, 75.0)
    elif options.q_min or options.lorch:
        raise InputError("--q-min, --lorch: no end of the Q range is given; allowed: with --q-max")
    if options.write is not None:
        _check_write(options.write, _is_reciprocal(options))


def _is_reciprocal(options: TotalOptions) -> bool:
    return options.function.value in {"S", "F", "Keen-F"}


def _analyse(frames: list[Atoms], options: TotalOptions) -> Result:
    from alzmodel.scattering.displaced import counted

    asked = displacement_text(options.b_iso)
    b_iso = displacements_of(asked, frames)
    with show_progress("pdf") as progress:
        rdf = counted(frames, r_max=options.r_max, dr=options.dr, b_iso=b_iso, progress=progress)
    _warn(rdf, options.r_max, frames[0])
    tell_displacements(asked, b_iso)
    settings = {
        "q_min": options.q_min,
        "window": "lorch" if options.lorch else "none",
        "q_damp": options.q_damp,
        "q_broad": options.q_broad,
        "b_iso": b_iso,
    }
    found = _found(frames, rdf, options.dr, options.q_max, settings)
    totals = _totals(rdf, found)
    if not _is_reciprocal(options):
        return together(rdf, totals, _keen(rdf, found, options.function.value))
    reciprocal = _reciprocal(frames, options.q_range, options.dr, b_iso)
    if options.function.value != "Keen-F":
        return together(rdf, totals, reciprocal)
    from alzmodel.scattering.keen import keen_F

    keen = {name: keen_F(found[name], S) for name, S in reciprocal.S.items() if name in found}
    return together(rdf, totals, reciprocal, {"Keen-F": keen})


def _keen(rdf: PartialRDF, found: Mapping[str, TotalPDF], name: str) -> dict[str, Any]:
    """Keen's function of that name, if it is one, by radiation; NaN where an element is not tabulated."""
    import numpy as np

    from alzmodel.scattering import keen
    from alzmodel.scattering.totals import RADIATIONS

    if not name.startswith("Keen-"):
        return {}
    function = getattr(keen, name.replace("Keen-", "keen_"))
    nothing = np.full(rdf.r.shape, np.nan)
    return {name: {str(one): function(found[one]) if one in found else nothing for one in RADIATIONS}}


def _write(path: Path, files: Sequence[Path], x: Any, curve: Any, options: TotalOptions) -> None:
    from alzmodel.scattering.xrd.data import write_curve

    title = f"{options.function.value} of {', '.join(map(str, files))}, {options.radiation.value}"
    write_curve(
        path,
        x,
        curve,
        abscissa="Q" if _is_reciprocal(options) else "r",
        title=title,
        counted=options.function.value.startswith("Keen-"),
        ordinate=options.function.value,
    )


def _check_write(path: Path, reciprocal: bool) -> None:
    allowed = (".xy", ".dat", ".csv", ".chi", *((".sq", ".fq") if reciprocal else (".gr",)))
    if path.suffix not in allowed:
        raise InputError(f"--write {path}: ending {path.suffix or 'none'}; allowed: {', '.join(allowed)}")
    check_writable(path)


def _warn(rdf: PartialRDF, r_max: float, atoms: Atoms) -> None:
    from alzmodel.crystals import is_crystal
    from alzmodel.scattering.totals import RADIATIONS, untabulated

    if rdf.periodic and r_max > rdf.repeat_length and not is_crystal(atoms):
        tell(f"beyond {rdf.repeat_length:.2f} Å the periodic box repeats: artificial order in a glass")
    for radiation in RADIATIONS:
        missing = [] if math.isnan(rdf.number_density) else untabulated(rdf, radiation)
        if missing:
            tell(f"no {radiation} factor is tabulated for {', '.join(missing)}")


def _found(
    frames: list[Atoms], rdf: PartialRDF, dr: float, q_max: float | None, settings: dict[str, Any]
) -> dict[str, TotalPDF]:
    """Total pair functions of every radiation that all elements are tabulated for."""
    from alzmodel.scattering.totals import RADIATIONS, is_tabulated, resolved_totals, total_pdf

    if q_max is None:
        return {
            str(name): total_pdf(rdf, name, q_damp=settings["q_damp"], q_broad=settings["q_broad"])
            for name in RADIATIONS
            if is_tabulated(rdf, name)
        }
    r_max = float(rdf.r[-1] + 0.5 * rdf.dr)
    return {
        str(name): total
        for name, total in resolved_totals(frames, r_max=r_max, dr=dr, q_max=q_max, **settings).items()
    }


def _totals(rdf: PartialRDF, found: Mapping[str, TotalPDF]) -> dict[str, Any]:
    """G, T and D of every radiation; NaN where an element is not tabulated."""
    import numpy as np

    from alzmodel.scattering.totals import RADIATIONS

    nothing = np.full(rdf.r.shape, np.nan)
    return {
        key: {
            name: getattr(found[name], attribute) if name in found else nothing
            for name in map(str, RADIATIONS)
        }
        for key, attribute in (("totals", "G"), ("T", "T"), ("D", "D"))
    }


@dataclass(frozen=True, slots=True, repr=False)
class _Reciprocal(Result):
    """S and F by radiation, NaN where an element is not tabulated; Q in Å⁻¹, F in Å⁻¹."""

    Q: NDArray[np.float64] = field(metadata=holds("Å⁻¹", role="axis"))
    S: dict[str, NDArray[np.float64]]
    F: dict[str, NDArray[np.float64]]
    taper: tuple[float, float]


def _reciprocal(
    frames: list[Atoms], q_range: tuple[float, float, float], dr: float, b_iso: float | dict[str, float]
) -> _Reciprocal:
    """S and F of every radiation, with the default taper of the pair functions."""
    import numpy as np

    from alzmodel.scattering.totals import RADIATIONS, model_structure_factor

    found = model_structure_factor(frames, q_range, dr=dr, b_iso=b_iso)
    tell(f"S(Q): pair functions fade out from {found.taper[0]:.1f} to {found.taper[1]:.1f} Å")
    nothing = np.full(found.Q.shape, np.nan)
    return _Reciprocal(
        Q=found.Q,
        S={name: found.total.get(name, nothing) for name in RADIATIONS},
        F={name: found.reduced(name) if name in found.total else nothing for name in RADIATIONS},
        taper=found.taper,
    )
