"""Measured curves over those of a study: ``against`` in its file, or ``--against`` of the commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alzmodel.errors import InputError
from alzmodel.study.library_curves import GAS, laid_curves
from alzmodel.study.results import Results, require
from alzmodel.study.stage import StudyFigure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alzmodel.report.overlay import LaidCurve
    from alzmodel.scattering.xrd.data import Abscissa, Agreement, MeasuredCurve
    from alzmodel.study.index import Findings
    from alzmodel.study.store import Store

__all__ = [
    "AGAINST_FIGURES",
    "KINDS",
    "draw_over",
    "measured_curves",
    "over_curves",
    "over_study",
    "split_kind",
]

KINDS: Final[Mapping[str, Abscissa]] = {"fem": "k", "xrd": "two_theta", "pdf": "r"}
"""Kind of data to what its abscissa is."""
_BACKGROUNDS: Final = {"fem": 0, "xrd": 1, "pdf": -1}
"""Degree of the polynomial below the curve, as the commands of the same names have it."""
_GROUPS: Final = {"fem": ("recorded", "ideal"), "xrd": ("",), "pdf": ("xray",)}
"""Curves that are drawn: the first that the study has. G(r) is taken for one of X-rays."""


def split_kind(text: str) -> tuple[str, str]:
    """Kind, with its unit where one is named, and file: of ``fem=v.csv``, or ``fem:k-A=v.csv``.

    Raises
    ------
    InputError
        If it is no such text.
    """
    kind, equals, file = text.partition("=")
    if not (equals and file and kind.partition(":")[0] in KINDS):
        raise InputError(
            f"against: {text!r}; allowed: KIND=FILE with {', '.join(KINDS)} for KIND, or such as fem:k-A=FILE"
        )
    return kind, file


def measured_curves(against: Sequence[str] | None, wavelength: float | str) -> dict[str, MeasuredCurve]:
    """Read the measured curves of a study, by kind.

    Parameters
    ----------
    against
        Each as ``KIND=FILE``, or ``KIND:UNIT=FILE`` with a unit as the option ``--x-unit`` has it.
    wavelength
        Of the powder patterns of the study, Å or a line by name.

    Raises
    ------
    InputError
        If a text or a file cannot be used, or a kind is named twice.
    """
    if not against:
        return {}
    from alzmodel.scattering.curves.reader import read_curve
    from alzmodel.scattering.form_factors import wavelength_of

    found: dict[str, MeasuredCurve] = {}
    for text in against:
        named, file = split_kind(text)
        kind, _, unit = named.partition(":")
        if kind in found:
            raise InputError(f"against: {kind} twice; allowed: one file of each kind")
        line = wavelength_of(wavelength) if isinstance(wavelength, str) else wavelength
        try:
            found[kind] = read_curve(
                file,
                KINDS[kind],
                x_unit=unit or None,
                wavelength=(line,) if kind == "xrd" and unit else (),
                default_wavelength=line if kind == "xrd" else None,
            )
        except InputError as error:
            # A study has no option of its own for the unit.
            raise InputError(re.sub(r"--x-unit ([\w-]+)", rf"{kind}:\1=FILE", str(error))) from error
    return found


def over_curves(kind: str, measured: MeasuredCurve, curves: Sequence[LaidCurve]) -> dict[str, Agreement]:
    """Scale the curves of models onto a measured one.

    Parameters
    ----------
    kind
        One of :data:`KINDS`.
    measured
        From :func:`measured_curves`.
    curves
        From :func:`alzmodel.study.library_curves.laid_curves`; of several groups the first in the order "as recorded",
        "ideal microscope" is taken, for G(r) that of X-rays. V(k) always has the random gas beside it.

    Returns
    -------
    dict
        Label of each curve to how it agrees; :func:`alzmodel.scattering.xrd.data.lay_over` with a constant background
        for V(k), a straight one for powder patterns, none for G(r).

    Raises
    ------
    InputError
        If no curve is of that kind, or none overlaps the measured one.
    """
    from alzmodel.scattering.xrd.data import lay_over

    own = [one for one in curves if one.kind == kind]
    group = next((one for one in _GROUPS[kind] if any(curve.group == one for curve in own)), None)
    shown = {
        one.label.removeprefix("this study, ").removeprefix("library, "): one
        for one in own
        if one.group == group
    }
    require(shown, kind.upper())
    if group == "recorded":
        # The gas is the control of all V, and known for the ideal microscope alone.
        shown |= {f"{GAS}, ideal microscope": one for one in own if GAS in one.label}
    degree = _BACKGROUNDS[kind]
    return {label: lay_over(measured, one.x, one.y, background=degree) for label, one in shown.items()}


def over_study(
    measured: Mapping[str, MeasuredCurve], found: Findings, store: Store
) -> dict[str, dict[str, Agreement]]:
    """Scale the mean curves of a study onto measured ones: by ``KIND: FILE`` and composition.

    Raises
    ------
    InputError
        As :func:`over_curves`.
    """
    from alzmodel.compare.measured import load_measured

    laid = laid_curves(Results(found.records, found.quantities, store, (), load_measured(None)))
    return {f"{kind}: {one.source}": over_curves(kind, one, laid) for kind, one in measured.items()}


def draw_over(
    kind: str, measured: MeasuredCurve, curves: Sequence[LaidCurve], path: Path, whose: str
) -> tuple[Path, ...]:
    """Draw a measured curve over those of models, named in words by `whose`.

    Raises
    ------
    InputError
        As :func:`over_curves`, or if the ending of `path` is unknown.
    """
    from alzmodel.report.against_figure import plot_against_several

    agreements = {label: one.to_dict() for label, one in over_curves(kind, measured, curves).items()}
    words = f"{Path(measured.source).name} over {whose}"
    return plot_against_several(agreements, KINDS[kind], path, words=words)


def _drawing(kind: str) -> Callable[[Results, Path], tuple[Path, ...]]:
    def draw(results: Results, path: Path) -> tuple[Path, ...]:
        measured = results.against.get(kind)
        if measured is None:
            raise InputError(f"figure: no measured curve of this kind; allowed: with --against {kind}=FILE")
        return draw_over(kind, measured, laid_curves(results), path, "the glasses of this study")

    return draw


_CAPTION: Final = "Each curve is scaled onto the measured points, {}; Rwp says what is left."
AGAINST_FIGURES: Final[Mapping[str, StudyFigure]] = {
    "against_fem": StudyFigure(
        _drawing("fem"), "Measured V(k) over the models", _CAPTION.format("with a constant background")
    ),
    "against_xrd": StudyFigure(
        _drawing("xrd"), "Measured XRD over the models", _CAPTION.format("with a straight background")
    ),
    "against_pdf": StudyFigure(
        _drawing("pdf"), "Measured G(r) over the models", _CAPTION.format("without background")
    ),
}
"""Drawn where a study has measured curves."""
