"""What the abscissa of a measured curve can be: told by words, doubted by values, turned into one another."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.scattering.curves.scan import Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from alzmodel.scattering.curves.scan import Abscissa

    FloatArray = NDArray[np.float64]

__all__ = [
    "KINDS",
    "UNITS",
    "check_values_of_x",
    "converted",
    "kind_of_header",
    "kind_of_title",
    "settled_kind",
]

KINDS: Final[dict[str, str]] = {
    "two_theta": "2θ in degrees",
    "two_theta_rad": "2θ in radians",
    "theta": "θ, not 2θ,",
    "Q": "Q in Å⁻¹",
    "Q_nm": "Q in nm⁻¹",
    "d": "d in Å",
    "d_nm": "d in nm",
    "r": "r in Å",
    "r_nm": "r in nm",
    "k": "k = 1/d in nm⁻¹",
    "k_angstrom": "k = 1/d in Å⁻¹",
    "time_of_flight": "a time of flight",
    "energy": "an energy",
    "other_axis": "another axis than 2θ",
}
"""Kinds of abscissae, in words."""

UNITS: Final[dict[str, str]] = {
    "2theta": "two_theta",
    "2theta-rad": "two_theta_rad",
    "theta": "theta",
    "Q": "Q",
    "Q-nm": "Q_nm",
    "d": "d",
    "d-nm": "d_nm",
    "r": "r",
    "r-nm": "r_nm",
    "k": "k",
    "k-A": "k_angstrom",
}
"""Names under which a user states them."""

_DIRECT: Final = {"r": 1.0, "r_nm": 10.0}
"""Å."""
_RECIPROCAL: Final = {"Q": 1.0, "Q_nm": 0.1, "k": 2 * math.pi / 10, "k_angstrom": 2 * math.pi}
"""Å⁻¹ of Q."""
_SPACINGS: Final = {"d": 1.0, "d_nm": 10.0}
_ANGLES: Final = {"two_theta": 1.0, "theta": 2.0, "two_theta_rad": math.degrees(1.0)}
"""Degrees 2θ."""

_SMALL_ANGLE: Final = 12.0
"""Degrees; no powder pattern of these materials ends below, so values that all do are Q or d."""
_SMALL_K: Final = 1.5
"""nm⁻¹; no FEM curve ends below, so values that all do are in Å⁻¹."""
_LARGE: Final = {"Q": (5.0, 60.0, "2θ or Q in nm⁻¹"), "k": (10.0, 40.0, "2θ or Q")}
"""No curve of S(Q) or V(k) starts as high as the first number, or ends beyond the second."""

_ANGSTROM: Final = r"(?:\$?\\?a\b|\$\\aa|å|angstrom)"
_TWO_THETA: Final = r"2[\s_*-]?th(?:eta)?(?![a-z])|two[\s_-]?theta|\bt?tth\b|\bttheta\b|2\s?θ|2\s?ϴ"
_RADIANS: Final = r"(?:\(|\[|_|\bin\s|,\s*|\s)rad(?:ians?)?\b"
_FLIGHT: Final = r"\btof\b|time[\s_-]of[\s_-]flight|flight[\s_-](?:time|path)"
# What headers of integration and PDF programs call their abscissa. The line nearest to the numbers counts first:
# further up, PDF programs tell how the raw data looked ("dataformat = twotheta").
_HINTS: Final = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("Q", r"integrationspace\s*=\s*qspace"),
        ("two_theta", r"integrationspace\s*=\s*twotheta"),
        ("time_of_flight", _FLIGHT),
        ("two_theta_rad", rf"(?:{_TWO_THETA}).{{0,12}}{_RADIANS}"),
        ("two_theta", _TWO_THETA),
        ("Q_nm", r"\bq[\s_(\[,-]*(?:space)?[\s(\[]*(?:nm|1/nm|inverse\s+n)"),
        (
            "Q",
            rf"^#L\s+Q\b|\bq[\s_(\[,-]*(?:space)?[\s(\[]*(?:{_ANGSTROM}|a\^|1/a|1/å|inverse\s+(?:å|a))",
        ),
        ("d_nm", r"\bd[\s_-]*(?:spacing|value)?\s*[(\[]\s*nm\b"),
        ("d", r"\bd[\s_-]*(?:spacing|value|\(å\)|\(a\)|\[å\])"),
        ("r_nm", r"\br\s*[\[(]\s*nm\b"),
        ("r", rf"^#L\s+r\b|\br\s*[\[(]\s*{_ANGSTROM}"),
        ("k", r"\bk[\s_]*[\[(]?\s*(?:nm|1/nm)"),
        (
            "other_axis",
            r"\bradial\s+distance(?!.*(?:q_|2th))|\bazimuth(?:al)?\b.*\bdeg|^[\s#]*(?:pixels?|channels?)\b",
        ),
    )
)
_NANO: Final = re.compile(r"nm|nano", re.IGNORECASE)
_PER_ANGSTROM: Final = re.compile(r"\ba\b|\\aa|å|ang|a\^|a-1", re.IGNORECASE)
_TITLES: Final = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("time_of_flight", rf"{_FLIGHT}|^t\s*[(\[]?\s*[µμu]s"),
        ("energy", r"^energ|^e\s*[(\[_]\s*[km]?ev\b"),
        ("two_theta", rf"{_TWO_THETA}|^angle\b|^diffraction angle|^pos(?:ition)?\.?\s*[(\[]?\s*°\s*2"),
        ("theta", r"^(?:th(?:eta)?|θ)(?![a-z])"),
        ("Q", r"^\|?q\|?(?![a-z])|^q[\s_-]?(?:space|grid)|^scattering vector|^momentum transfer"),
        ("d", r"^d(?:$|[\s_-]*(?:spacing|value)|\s*[(\[])"),
        ("r", r"^r(?![a-z])"),
        ("k", r"^k(?![a-z])"),
        ("other_axis", r"^(?:omega|phi|chi|channel|pixel|azimuth|radius)\b"),
    )
)


def kind_of_title(title: str) -> Statement | None:
    """Tell what a column holds by its title; None where that is no abscissa."""
    kind = next((kind for kind, pattern in _TITLES if pattern.search(title)), None)
    if kind is None:
        return None
    nano, inverse = bool(_NANO.search(title)), bool(_PER_ANGSTROM.search(title))
    if kind == "two_theta":
        if re.search(_RADIANS, title, re.IGNORECASE):
            return Statement("two_theta_rad")
        return Statement(kind, not title.lower().startswith("angle"))
    if kind == "Q":
        return Statement("Q_nm" if nano else "Q", nano or inverse)
    if kind in {"d", "r"}:
        return Statement(f"{kind}_nm" if nano else kind, nano or inverse)
    if kind == "k":
        return Statement("k_angstrom" if inverse and not nano else "k", nano or inverse)
    return Statement(kind)


def kind_of_header(header: Sequence[str]) -> Statement | None:
    """Tell what x is by the lines above the numbers; the nearest line counts first."""
    kind = next((kind for line in reversed(header) for kind, hint in _HINTS if hint.search(line)), None)
    return None if kind is None else Statement(kind)


def _group(kind: str) -> str:
    if kind in _DIRECT:
        return "direct"
    return "reciprocal" if kind in {*_RECIPROCAL, *_SPACINGS, *_ANGLES} else kind


def settled_kind(wanted: Abscissa, stated: Statement | None, asked: str | None, name: str) -> str:
    """Kind of the abscissa as it stands in a file.

    Parameters
    ----------
    wanted
        What it must be, or be turned into.
    stated
        What the file says.
    asked
        What the user says: a key of :data:`UNITS`, or None.
    name
        Of the file.

    Raises
    ------
    InputError
        If file and user contradict each other, or x cannot be turned into what is wanted.
    """
    allowed = KINDS[wanted]
    if asked is None:
        if stated is None or stated.kind == wanted:
            return wanted
        unit = next((unit for unit, kind in UNITS.items() if kind == stated.kind), None)
        way = unit is not None and _group(stated.kind) == _group(wanted)
        also = f", or --x-unit {unit}, which converts it" if way else ""
        raise InputError(f"{name}: x is {KINDS[stated.kind]} by the header; allowed here: {allowed}{also}")
    if asked not in UNITS:
        raise InputError(f"--x-unit {asked}: unknown; allowed: {', '.join(UNITS)}")
    kind = UNITS[asked]
    if stated is not None and stated.kind != kind and (stated.with_unit or stated.kind[0] != kind[0]):
        raise InputError(
            f"{name}: x is {KINDS[stated.kind]} by the header, --x-unit {asked} says {KINDS[kind]}; "
            "allowed: what the file says"
        )
    if _group(kind) != _group(wanted):
        raise InputError(
            f"--x-unit {asked}: {KINDS[kind]} does not turn into {allowed}; allowed here: {allowed}"
        )
    return kind


def converted(x: FloatArray, kind: str, wanted: Abscissa, wavelength: float | None, name: str) -> FloatArray:
    """Abscissa in the units that are wanted, in the same order; NaN where no angle reaches it.

    Parameters
    ----------
    x
        Shape (n,).
    kind
        What it is, of the same group as `wanted`: see :func:`settled_kind`.
    wanted
        What it becomes: Q = 2π/d = 4π sin θ/λ, k = Q/2π.
    wavelength
        Å, for angles.
    name
        Of the file.

    Raises
    ------
    InputError
        If a wavelength is needed and None, or all values lie beyond backscattering.
    """
    if kind == wanted:
        return x
    if kind in _DIRECT:
        return x * _DIRECT[kind]
    if kind in _ANGLES and wanted in _ANGLES:
        return x * _ANGLES[kind] / _ANGLES[wanted]
    if (kind in _ANGLES or wanted in _ANGLES) and wavelength is None:
        raise InputError(
            f"{name}: {KINDS[kind]} turns into {KINDS[wanted]} only with a wavelength; allowed: with --wavelength"
        )
    if kind in _SPACINGS:
        if (x <= 0).any():
            raise InputError(f"{name}: d is {x.min():g}; allowed: above zero")
        Q = 2 * np.pi / (x * _SPACINGS[kind])
    elif kind in _ANGLES:
        Q = 4 * np.pi * np.sin(np.radians(x * _ANGLES[kind] / 2)) / (wavelength or math.nan)
    else:
        Q = x * _RECIPROCAL[kind]
    if wanted in _RECIPROCAL:
        return Q / _RECIPROCAL[wanted]
    sine = Q * (wavelength or math.nan) / (4 * np.pi)
    if (sine <= 0).any():
        raise InputError(f"{name}: {KINDS[kind]} goes down to {x.min():g}; allowed: above zero")
    if (sine > 1).all():
        raise InputError(
            f"{name}: {KINDS[kind]} from {x.min():g} to {x.max():g} is beyond backscattering at {wavelength:g} Å; "
            "allowed: what an angle reaches"
        )
    return np.asarray(np.degrees(2 * np.arcsin(np.where(sine > 1, np.nan, sine))))


def check_values_of_x(x: FloatArray, abscissa: Abscissa, name: str, *, told: bool) -> None:
    """Refuse abscissae that by their values are something else than `abscissa`; `told` where file or user say it is.

    Raises
    ------
    InputError
        With what it looks like.
    """
    wanted = KINDS[abscissa]
    unit = " (--x-unit states what it is)"
    if abscissa == "two_theta" and x.max() > 180:
        raise InputError(f"{name}: x goes to {x.max():g}; allowed here: {wanted}, up to 180{unit}")
    if told:
        return
    if abscissa in _LARGE:
        start, end, guess = _LARGE[abscissa]
        if x.min() > start or x.max() > end:
            raise InputError(
                f"{name}: x goes from {x.min():g} to {x.max():g}, which looks like {guess}; "
                f"allowed here: {wanted}{unit}"
            )
    if abscissa == "k" and x.max() < _SMALL_K:
        raise InputError(
            f"{name}: x ends at {x.max():g}, which looks like 1/d in Å⁻¹; allowed here: {wanted}{unit}"
        )
    if abscissa == "two_theta" and x.max() <= _SMALL_ANGLE:
        guess = "d in Å" if (np.diff(x) < 0).all() else "Q in Å⁻¹ or d in Å"
        raise InputError(
            f"{name}: x ends at {x.max():g}, which looks like {guess}; allowed here: {wanted}{unit}"
        )
