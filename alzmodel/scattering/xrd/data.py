"""Measured curves: files read with their mistakes told apart, written back, and laid over computed curves."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np

from alzmodel.errors import InputError
from alzmodel.fitting import rwp
from alzmodel.io import write_text
from alzmodel.results import Item, Result, holds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from numpy.typing import ArrayLike, NDArray

    from alzmodel.scattering.xrd.pattern import PowderPattern

    FloatArray = NDArray[np.float64]

__all__ = [
    "Abscissa",
    "Agreement",
    "MeasuredCurve",
    "lay_over",
    "measured_pattern",
    "read_curve",
    "write_curve",
]

Abscissa = Literal["two_theta", "Q", "r", "k"]
"""2θ in degrees, Q in Å⁻¹ with 2π, r in Å, k = 1/d in nm⁻¹."""

FORMATS: Final = (".xy", ".xye", ".dat", ".txt", ".csv", ".chi", ".gr", ".sq", ".fq", ".xrdml")
_COMMENT: Final = re.compile(r"^\s*[#!;%'\"/*]")
_DECIMAL_COMMA: Final = re.compile(r"\d,\d")
_OTHER_SEPARATOR: Final = re.compile(r"\d[;\s]+[-+.\d]")
_ERROR_NAME: Final = re.compile(r"sigma|error|esd|std|uncertainty|σ", re.IGNORECASE)
_X_NAME: Final = re.compile(r"angle|theta|2θ|\b(?:q|r|k|x|d)\b", re.IGNORECASE)
_Y_NAME: Final = re.compile(r"intens|count|\bcps\b|\bpsd\b|varian|\b[yivgtsf]\b", re.IGNORECASE)
_FEW: Final = 3
_SMALL_ANGLE: Final = 12.0
"""Degrees; no powder pattern of these materials ends below, so values that all do are Q or d."""
_SMALL_K: Final = 1.5
"""nm⁻¹; no FEM curve ends below, so values that all do are in Å⁻¹."""
_LARGE: Final = {"Q": (5.0, 60.0, "2θ or Q in nm⁻¹"), "k": (10.0, 40.0, "2θ or Q")}
"""No curve of S(Q) or V(k) starts as high as the first number, or ends beyond the second."""
_MIN_OVERLAP: Final = 10
_LARGEST: Final = 1e30
"""No count, intensity or S(Q) is larger; squares and sums of what is smaller stay finite."""
_LEAST_ERROR: Final = 1e-30
_POSITIVE: Final = {"two_theta": "an intensity", "k": "a variance"}
"""Curves that cannot lie at or below zero all along."""
_NAMES: Final[dict[str, str]] = {
    "two_theta": "2θ in degrees",
    "Q": "Q in Å⁻¹",
    "r": "r in Å",
    "k": "k = 1/d in nm⁻¹",
    "d": "d in Å",
    "Q_nm": "Q in nm⁻¹",
    "r_nm": "r in nm",
    "theta": "θ, not 2θ,",
}
# What headers of integration and PDF programs call their abscissa. The line nearest to the numbers counts first:
# further up, PDF programs tell how the raw data looked ("dataformat = twotheta").
_ANGSTROM: Final = r"(?:\$?\\?a\b|\$\\aa|å|angstrom)"
_HINTS: Final = (
    ("two_theta", re.compile(r"2[\s_-]?th(?:eta)?(?![a-z])|two[\s_-]?theta|2θ", re.IGNORECASE)),
    ("Q_nm", re.compile(r"\bq[\s_(\[,-]*(?:space)?[\s(\[]*(?:nm|1/nm|inverse nano)", re.IGNORECASE)),
    (
        "Q",
        re.compile(
            rf"^#L\s+Q\b|\bq[\s_(\[,-]*(?:space)?[\s(\[]*(?:{_ANGSTROM}|a\^|1/a|1/å|inverse å|inverse ang)",
            re.IGNORECASE,
        ),
    ),
    ("d", re.compile(r"\bd[\s_-]*(?:spacing|value|\(å\)|\(a\)|\[å\])", re.IGNORECASE)),
    ("r_nm", re.compile(r"\br\s*[\[(]\s*nm\b", re.IGNORECASE)),
    ("r", re.compile(rf"^#L\s+r\b|\br\s*[\[(]\s*{_ANGSTROM}", re.IGNORECASE)),
    ("k", re.compile(r"\bk[\s_]*[\[(]?\s*(?:nm|1/nm)", re.IGNORECASE)),
)
_THETA: Final = re.compile(r"[\s#'\"]*(?:th(?:eta)?\b|θ)", re.IGNORECASE)
"""A table whose first column is called θ."""


@dataclass(frozen=True, slots=True)
class MeasuredCurve:
    """A measured curve: rising finite `x`, `y` and, if the file has them, standard errors `sigma`, each shape (n,)."""

    x: FloatArray
    y: FloatArray
    sigma: FloatArray | None
    abscissa: Abscissa
    source: str


@dataclass(frozen=True, slots=True)
class Agreement(Result):
    """A computed curve scaled onto a measured one.

    Attributes
    ----------
    x, observed, calculated, background
        Shape (n,): the measured points inside the range of the computed curve; `calculated` contains `background`.
    scale
        Factor of the computed curve, zero or more.
    rwp, rwp_background
        Weighted profile residual; and with the background subtracted from the observation, which is the harsher one.
    correlation
        Pearson's r of observed and calculated.
    """

    x: FloatArray = field(metadata=holds(role="axis"))
    observed: FloatArray
    calculated: FloatArray
    background: FloatArray
    scale: float
    rwp: float
    rwp_background: float
    correlation: float

    @property
    def residual(self) -> FloatArray:
        """Observed minus calculated, shape (n,)."""
        return np.asarray(self.observed - self.calculated)

    def items(self) -> Iterator[Item]:
        """Attributes by their name, the residual and the number of points."""
        yield from Result.items(self)
        yield Item("residual", self.residual)
        yield Item("n_points", int(self.x.size))


def read_curve(path: str | Path, abscissa: Abscissa) -> MeasuredCurve:
    """Read two or three columns of numbers, or an XRDML scan.

    Parameters
    ----------
    path
        .xy, .xye, .dat, .txt, .csv, .chi, .gr, .sq, .fq: columns x, y and optionally the error of y, separated by
        blanks, commas, semicolons or tabs; header lines are skipped but searched for the unit of x. The columns of a
        .csv with titles are found by them. .xrdml: PANalytical's XML.
    abscissa
        What x must be.

    Returns
    -------
    MeasuredCurve

    Raises
    ------
    InputError
        One line each for: no such file, unknown ending, no numbers, NaN, x that falls or repeats, and x that by its
        header or its values is another quantity than `abscissa`.
    """
    name = str(path)
    file = Path(path)
    if abscissa not in get_args(Abscissa):
        raise InputError(f"abscissa: {abscissa}; allowed: {', '.join(get_args(Abscissa))}")
    if not file.is_file():
        raise InputError(f"{name}: no such file; allowed: a measured curve ({', '.join(FORMATS)})")
    if file.suffix.lower() not in FORMATS:
        raise InputError(f"{name}: ending {file.suffix or 'none'}; allowed: {', '.join(FORMATS)}")
    try:
        # Windows programs put a byte order mark before the first number.
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = file.read_text(encoding="latin-1")
    if "\0" in text:
        raise InputError(f"{name}: binary, or text of 16 bits; allowed: numbers as plain text")
    if file.suffix.lower() == ".xrdml":
        rows, header = _xrdml(text, name), "2Theta"
    else:
        rows, header = _columns(text, name)
        if file.suffix.lower() == ".csv":
            rows = _by_title(rows, header)
        elif file.suffix.lower() == ".chi" and len(rows) > 1 and rows[0, 0] == len(rows) - 1:
            # The fourth line is the number of points, and sometimes of columns.
            rows = rows[1:]
    if len(rows) < _FEW:
        raise InputError(
            f"{name}: holds {len(rows)} rows of numbers; allowed: at least {_FEW} rows of x and y"
        )
    x, y = rows[:, 0], rows[:, 1]
    if not np.isfinite(x).all():
        raise InputError(
            f"{name}: x is NaN or infinite in row {int(np.argmin(np.isfinite(x))) + 1}; allowed: numbers"
        )
    if not np.isfinite(y).all():
        raise InputError(
            f"{name}: y is NaN or infinite in row {int(np.argmin(np.isfinite(y))) + 1}; allowed: numbers"
        )
    _check_values(y, abscissa, name)
    _check_unit(x, abscissa, header, name)
    steps = np.diff(x)
    if (steps == 0).any():
        raise InputError(f"{name}: x repeats at {x[int(np.argmax(steps == 0))]:g}; allowed: each x once")
    if (steps < 0).any():
        raise InputError(f"{name}: x falls after {x[int(np.argmax(steps < 0))]:g}; allowed: rising x")
    sigma = None if file.suffix.lower() == ".xrdml" else _errors(rows, file.suffix.lower(), header, name)
    return MeasuredCurve(x, y, sigma, abscissa, name)


def _check_values(y: FloatArray, abscissa: Abscissa, name: str) -> None:
    """Refuse ordinates that nothing measured can have."""
    if np.abs(y).max() > _LARGEST:
        row = int(np.argmax(np.abs(y) > _LARGEST))
        raise InputError(f"{name}: y is {y[row]:g} in row {row + 1}; allowed: up to {_LARGEST:g}")
    if not y.any():
        raise InputError(f"{name}: y is zero in every row; allowed: a measured curve")
    if abscissa in _POSITIVE and (y <= 0).all():
        raise InputError(
            f"{name}: y is {y.max():g} at most; allowed: {_POSITIVE[abscissa]}, above zero somewhere"
        )


def _errors(rows: FloatArray, ending: str, header: str, name: str) -> FloatArray | None:
    """Find the standard errors of y, where the file has them."""
    if rows.shape[1] < 3 or (ending == ".csv" and not _ERROR_NAME.search(header)):
        return None
    # The .gr of PDFgetX has x, y, dx, dy; all others put the error of y third.
    column = rows[:, 3] if rows.shape[1] > 3 else rows[:, 2]
    good = np.isfinite(column) & (column > _LEAST_ERROR) & (column < _LARGEST)
    if good.all():
        return column
    if ending == ".xye" or _ERROR_NAME.search(header):
        row = int(np.argmin(good))
        raise InputError(
            f"{name}: the error of y is {column[row]:g} in row {row + 1}; allowed: above zero (or no third column)"
        )
    return None


def _by_title(rows: FloatArray, header: str) -> FloatArray:
    """Columns x, y and error of a table by the titles above it; as they stand where titles do not tell."""
    lines = header.splitlines()
    titles = [word.strip(" '\"#") for word in re.split(r"[,;\t]", lines[-1])] if lines else []
    if len(titles) != rows.shape[1] or rows.shape[1] < 3:
        return rows
    x = next((n for n, title in enumerate(titles) if _X_NAME.search(title)), None)
    if x is None or x == len(titles) - 1:
        return rows
    later = range(x + 1, len(titles))
    y = next((n for n in later if _Y_NAME.search(titles[n]) and not _ERROR_NAME.search(titles[n])), x + 1)
    error = next((n for n in later if n != y and _ERROR_NAME.search(titles[n])), None)
    return rows[:, [x, y] if error is None else [x, y, error]]


def _columns(text: str, name: str) -> tuple[FloatArray, str]:
    """Rows of numbers, and all the other lines."""
    rows: list[list[float]] = []
    header = []
    for line in text.splitlines():
        if not line.strip():
            continue
        row = _numbers(line)
        if row is None:
            if rows and not _COMMENT.match(line):
                raise InputError(f"{name}: '{line.strip()[:40]}' among the numbers; allowed: columns x, y")
            header.append(line)
            continue
        if _DECIMAL_COMMA.search(line) and _OTHER_SEPARATOR.search(line):
            raise InputError(f"{name}: decimal commas in '{line.strip()[:40]}'; allowed: decimal points")
        if len(row) < 2:
            # The fourth line of a .chi file is the number of points.
            if rows:
                raise InputError(f"{name}: a row with one number; allowed: columns x, y and optionally sigma")
            continue
        if rows and len(row) != len(rows[0]):
            raise InputError(
                f"{name}: {len(row)} numbers in row {len(rows) + 1}, {len(rows[0])} above; allowed: as many in each"
            )
        rows.append(row)
    width = len(rows[0]) if rows else 2
    return np.array(rows, dtype=float).reshape(-1, width), "\n".join(header)


def _numbers(line: str) -> list[float] | None:
    """Numbers of a line, which spreadsheets may put in quotes; None if it holds anything else."""
    bare = line.replace('"', "")
    if _COMMENT.match(bare):
        return None
    try:
        return [float(word) for word in re.split(r"[,;\s]+", bare.strip().strip(",;"))]
    except ValueError:
        return None


def _xrdml(text: str, name: str) -> FloatArray:
    """Read the scans of a PANalytical XRDML file: positions from start and end, or listed; intensities or counts.

    Repeats of one scan are added; absorbers in the beam are undone where raw counts are given.
    """
    from xml.etree import ElementTree as ET

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        # No instrument writes them, and entities can be made to blow up a parser.
        raise InputError(
            f"{name}: an XML document type is declared; allowed: XRDML as the instrument wrote it"
        )
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities were refused above
    except ET.ParseError as error:
        raise InputError(f"{name}: not XML ({error}); allowed: an XRDML file") from error
    found = root.findall(".//{*}dataPoints")
    if not found:
        raise InputError(f"{name}: no dataPoints; allowed: an XRDML file with a scan")
    try:
        scans = [_scan(points, name) for points in found]
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name}: {error}; allowed: an XRDML file with numbers") from error
    first = scans[0]
    for scan in scans[1:]:
        if scan.shape != first.shape or not np.allclose(scan[:, 0], first[:, 0], atol=1e-6):
            raise InputError(f"{name}: {len(scans)} scans of different ranges; allowed: repeats of one scan")
    return np.column_stack([first[:, 0], np.sum([scan[:, 1] for scan in scans], axis=0)])


def _scan(points: Element, name: str) -> FloatArray:
    found = next(
        (node for tag in ("intensities", "counts") for node in points.findall(f".//{{*}}{tag}")), None
    )
    axis = next((node for node in points.findall(".//{*}positions") if node.get("axis") == "2Theta"), None)
    if found is None or axis is None or not found.text:
        raise InputError(
            f"{name}: no 2Theta positions with intensities; allowed: an XRDML file with a 2θ scan"
        )
    y = np.array([float(word) for word in found.text.split()])
    factors = points.findtext(".//{*}beamAttenuationFactors")
    if found.tag.endswith("counts") and factors:
        y = y * np.array([float(word) for word in factors.split()])
    listed = axis.findtext("{*}listPositions")
    if listed:
        x = np.array([float(word) for word in listed.split()])
    else:
        ends = [axis.findtext(f"{{*}}{tag}") for tag in ("startPosition", "endPosition")]
        if None in ends:
            raise InputError(f"{name}: 2Theta without start and end; allowed: an XRDML file with a 2θ scan")
        x = np.linspace(float(ends[0] or 0), float(ends[1] or 0), y.size)
    if x.size != y.size:
        raise InputError(f"{name}: {x.size} positions, {y.size} intensities; allowed: as many of both")
    return np.column_stack([x, y])


def _check_unit(x: FloatArray, abscissa: Abscissa, header: str, name: str) -> None:
    wanted = _NAMES[abscissa]
    lines = header.splitlines()
    stated = next((unit for line in reversed(lines) for unit, hint in _HINTS if hint.search(line)), None)
    if abscissa == "two_theta" and lines and _THETA.match(lines[-1]):
        stated = "theta"
    if stated is not None and stated != abscissa:
        raise InputError(f"{name}: x is {_NAMES[stated]} by the header; allowed here: {wanted}")
    if abscissa in _LARGE and stated is None:
        start, end, guess = _LARGE[abscissa]
        if x.min() > start or x.max() > end:
            raise InputError(
                f"{name}: x goes from {x.min():g} to {x.max():g}, which looks like {guess}; allowed here: {wanted}"
            )
    if abscissa != "two_theta" or stated == "two_theta":
        if abscissa == "k" and stated is None and x.max() < _SMALL_K:
            raise InputError(
                f"{name}: x ends at {x.max():g}, which looks like 1/d in Å⁻¹; allowed here: {wanted}"
            )
        return
    if x.max() > 180:
        raise InputError(f"{name}: x goes to {x.max():g}; allowed here: {wanted}, up to 180")
    if x.max() <= _SMALL_ANGLE:
        guess = "d in Å" if (np.diff(x) < 0).all() else "Q in Å⁻¹ or d in Å"
        raise InputError(f"{name}: x ends at {x.max():g}, which looks like {guess}; allowed here: {wanted}")


def write_curve(
    path: str | Path,
    x: ArrayLike,
    y: ArrayLike,
    *,
    sigma: ArrayLike | None = None,
    abscissa: Abscissa,
    title: str = "",
) -> None:
    """Write a curve so that other programs read it, whole or not at all.

    Parameters
    ----------
    path
        .xy or .dat (two columns), .xye (with `sigma`), .csv (with a heading), .chi (Fit2D), .gr, .sq and .fq (as
        PDFgetX writes).
    x, y, sigma
        Shape (n,).
    abscissa
        What x is; goes into the heading.
    title
        One line.

    Raises
    ------
    InputError
        If shapes differ, values are not finite, the ending is unknown, or .xye lacks `sigma`.
    """
    target = Path(path)
    columns = [np.asarray(x, dtype=float), np.asarray(y, dtype=float)]
    if sigma is not None:
        columns.append(np.asarray(sigma, dtype=float))
    if columns[0].ndim != 1 or any(column.shape != columns[0].shape for column in columns):
        raise InputError(
            f"{target}: columns of shapes {[c.shape for c in columns]}; allowed: equal, one axis"
        )
    if not all(np.isfinite(column).all() for column in columns):
        raise InputError(f"{target}: NaN or infinite values; allowed: finite numbers")
    line = " ".join(title.split())
    ending = target.suffix.lower()
    separator = "," if ending == ".csv" else " "
    # A unit is spelled so that the reader above knows it again.
    unit = {"two_theta": "2theta (deg)", "Q": "Q (A^-1)", "r": "r (A)", "k": "k (nm^-1)"}[abscissa]
    match ending:
        case ".xy" | ".dat":
            heading = [f"# {line}", f"# {unit} y"]
            columns = columns[:2]
        case ".xye" if sigma is not None:
            heading = [f"# {line}", f"# {unit} y sigma"]
        case ".csv":
            heading = [",".join([unit, "y", "sigma"][: len(columns)])]
        case ".chi":
            heading = [line or "curve", unit, "Intensity", f"{columns[0].size:8d}"]
            columns = columns[:2]
        case ".gr" if abscissa == "r":
            heading = [f"# {line}", "#### start data", "#L r(A) G(A^-2)"]
            columns = columns[:2]
        case ".sq" | ".fq" if abscissa == "Q":
            heading = [f"# {line}", "#### start data", f"#L Q(A^-1) {ending[1].upper()}"]
            columns = columns[:2]
        case _:
            raise InputError(
                f"{target}: ending {ending}; allowed: .xy, .dat, .xye with sigma, .csv, .chi, .gr (r), .sq and .fq (Q)"
            )
    rows = (separator.join(f"{value:.9g}" for value in row) for row in zip(*columns, strict=True))
    write_text(target, "\n".join([*heading, *rows]) + "\n")


def measured_pattern(curve: MeasuredCurve, wavelength: float) -> PowderPattern:
    """Return a measured 2θ scan as a pattern, so that lines are fitted by the same code as computed ones."""
    from alzmodel.scattering.xrd.pattern import PowderPattern

    if curve.abscissa != "two_theta":
        raise InputError(f"{curve.source}: x is {_NAMES[curve.abscissa]}; allowed: {_NAMES['two_theta']}")
    return PowderPattern(curve.x, curve.y, wavelength, "measured", curve.source)


def lay_over(
    measured: MeasuredCurve,
    x: ArrayLike,
    y: ArrayLike,
    *,
    background: int = 1,
    window: tuple[float, float] | None = None,
) -> Agreement:
    """Scale a computed curve onto a measured one, with a polynomial background, by weighted least squares.

    Parameters
    ----------
    measured
        From :func:`read_curve`; its errors weigh the points, which else weigh alike.
    x, y
        Computed curve in the same abscissa, shape (m,), x rising.
    background
        Degree of the Chebyshev polynomial: 0 constant, 1 straight line, …, up to 12; -1 none (for G(r)).
    window
        Range of x that takes part.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        If fewer than ten measured points lie inside the computed range, or an argument is unusable.

    References
    ----------
    B. H. Toby, Powder Diffr. 21 (2006) 67 for the residuals.
    """
    from scipy.optimize import lsq_linear

    points, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if points.ndim != 1 or points.shape != values.shape or points.size < 2 or (np.diff(points) <= 0).any():
        raise InputError(
            "computed curve: x does not rise or differs in shape from y; allowed: two equal arrays"
        )
    if not -1 <= background <= 12:
        raise InputError(f"background: degree {background}; allowed: -1 (none) to 12")
    low, high = window or (-math.inf, math.inf)
    inside = (measured.x >= max(low, points[0])) & (measured.x <= min(high, points[-1]))
    at, observed = measured.x[inside], measured.y[inside]
    if at.size < max(_MIN_OVERLAP, background + 3):
        raise InputError(
            f"{measured.source}: {at.size} points between {max(low, points[0]):g} and {min(high, points[-1]):g}; "
            f"allowed: an overlap of at least {_MIN_OVERLAP} points with the computed curve"
        )
    sigma = np.ones_like(at) if measured.sigma is None else measured.sigma[inside]
    model = np.interp(at, points, values)
    unit = float(np.abs(model).max()) or 1.0
    place = 2 * (at - at[0]) / (at[-1] - at[0]) - 1
    basis = (
        np.polynomial.chebyshev.chebvander(place, background) if background >= 0 else np.empty((at.size, 0))
    )
    matrix = np.column_stack([model / unit, basis]) / sigma[:, None]
    bounds = ([0.0] + [-np.inf] * basis.shape[1], np.inf)
    solution = lsq_linear(matrix, observed / sigma, bounds=bounds, method="bvls").x
    below = basis @ solution[1:]
    calculated = model / unit * solution[0] + below
    varied = float(np.std(observed)) > 0 and float(np.std(calculated)) > 0
    return Agreement(
        x=at,
        observed=observed,
        calculated=calculated,
        background=np.asarray(below),
        scale=float(solution[0] / unit),
        rwp=rwp(observed, calculated, sigma),
        rwp_background=rwp(observed - below, calculated - below, sigma),
        correlation=float(np.corrcoef(observed, calculated)[0, 1]) if varied else math.nan,
    )
