"""Measured curves: written, and laid over computed curves; :mod:`alzmodel.scattering.curves` reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.fitting import rwp
from alzmodel.io import write_text
from alzmodel.results import Item, Result, holds
from alzmodel.scattering.curves.kinds import KINDS
from alzmodel.scattering.curves.reader import read_curve
from alzmodel.scattering.curves.scan import Abscissa, MeasuredCurve

if TYPE_CHECKING:
    from collections.abc import Iterator

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

_MIN_OVERLAP: Final = 10


@dataclass(frozen=True, slots=True, repr=False)
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
    shown: ClassVar[tuple[str, ...]] = ("observed", "calculated", "background")

    @property
    def residual(self) -> FloatArray:
        """Observed minus calculated, shape (n,)."""
        return np.asarray(self.observed - self.calculated)

    def items(self) -> Iterator[Item]:
        """Attributes by their name, the residual and the number of points."""
        yield from Result.items(self)
        yield Item("residual", self.residual)
        yield Item("n_points", int(self.x.size))


def write_curve(
    path: str | Path,
    x: ArrayLike,
    y: ArrayLike,
    *,
    sigma: ArrayLike | None = None,
    abscissa: Abscissa,
    title: str = "",
    counted: bool = False,
    ordinate: str = "",
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
    counted
        Begin .gr, .sq, .fq and .dat with the number of points and the title, as RMCProfile wants them.
    ordinate
        Name of y in the headings of .gr, .sq and .fq; empty is G, S or F by the ending.

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
            heading = [f"# {line}", "#### start data", f"#L r(A) {ordinate or 'G'}(A^-2)"]
            columns = columns[:2]
        case ".sq" | ".fq" if abscissa == "Q":
            heading = [f"# {line}", "#### start data", f"#L Q(A^-1) {ordinate or ending[1].upper()}"]
            columns = columns[:2]
        case _:
            raise InputError(
                f"{target}: ending {ending}; allowed: .xy, .dat, .xye with sigma, .csv, .chi, .gr (r), .sq and .fq (Q)"
            )
    if counted and ending in {".gr", ".sq", ".fq", ".dat"}:
        heading = [f"{columns[0].size:8d}", f"# {line}"]
    rows = (separator.join(f"{value:.9g}" for value in row) for row in zip(*columns, strict=True))
    write_text(target, "\n".join([*heading, *rows]) + "\n")


def measured_pattern(curve: MeasuredCurve, wavelength: float) -> PowderPattern:
    """Return a measured 2θ scan as a pattern, so that lines are fitted by the same code as computed ones."""
    from alzmodel.scattering.xrd.pattern import PowderPattern

    if curve.abscissa != "two_theta":
        raise InputError(f"{curve.source}: x is {KINDS[curve.abscissa]}; allowed: {KINDS['two_theta']}")
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
