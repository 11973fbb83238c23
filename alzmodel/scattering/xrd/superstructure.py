"""Lines (111) and (331), which only the order of cations and vacancies makes: pyrochlore or defect fluorite."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.results import Item, Result, holds
from alzmodel.scattering.xrd.crystal import bragg_angle
from alzmodel.scattering.xrd.phase_model import crystal_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from alzmodel.scattering.xrd.corrections import Resolution
    from alzmodel.scattering.xrd.phase_model import CrystalModel

    FloatArray = NDArray[np.float64]

__all__ = ["PAIRS", "SuperstructureLine", "superstructure_lines"]

PAIRS: Final = (((1, 1, 1), (2, 2, 2)), ((3, 3, 1), (4, 4, 0)))
"""Each superstructure line of pyrochlore, and the line of the fluorite lattice that it is compared with."""
_START: Final = 100.0
_SIZES: Final = (15.0, 1500.0)
"""Å; diameters between which the crystallites are looked for. Wider lines than at 15 Å are no lines."""
_CELL: Final = 0.03
_ROOM: Final = 1.0
"""Degrees on either side of a line that must lie in the pattern."""


@dataclass(frozen=True, slots=True, repr=False)
class SuperstructureLine(Result):
    """A superstructure line relative to its fluorite partner.

    Attributes
    ----------
    hkl, partner
        Labels in the pyrochlore cell.
    two_theta
        Degrees, by the cell that was fitted.
    ratio
        Intensity over the partner's, as it stands in the pattern (area over 2θ); about zero, and also below, where
        there is no line.
    ratio_ci95
        95 % interval at the fitted cell and size; of computed patterns it measures how well the profile suits.
    ordered
        The same ratio of ordered La2Zr2O7 with the published structure.
    """

    hkl: str = field(metadata=holds(key="label", role="label"))
    partner: str
    two_theta: float
    ratio: float
    ratio_ci95: tuple[float, float] = field(metadata=holds(role="interval"))
    ordered: float

    @property
    def order(self) -> float:
        """ratio/ordered: 1 in pyrochlore, 0 in defect fluorite. It goes with the square of the order parameter."""
        return self.ratio / self.ordered

    def items(self) -> Iterator[Item]:
        """Attributes by their name, and the order."""
        yield from Result.items(self)
        yield Item("order", self.order)


def superstructure_lines(
    two_theta: ArrayLike,
    intensity: ArrayLike,
    *,
    wavelength: float = 1.5406,
    fwhm: Resolution | None = None,
    polarization: str | float = "unpolarized",
    background: int = 5,
    sigma: ArrayLike | None = None,
) -> tuple[SuperstructureLine, ...]:
    """Superstructure lines of La2Zr2O7 in a computed or measured pattern.

    The whole pattern is fitted by the lines of pyrochlore as spheres of one size in one cell over a polynomial, each
    with an intensity of its own and of either sign, so that overlapping tails are told apart and a line that is not
    there cannot run away. Small-angle scattering of small spheres reaches (111): at 60 Å its ratio comes out 12 % low.

    Parameters
    ----------
    two_theta, intensity
        Degrees, rising, and any units, shape (n,).
    wavelength
        Å; one line.
    fwhm, polarization
        As in :func:`alzmodel.scattering.xrd.pattern.powder_pattern`; patterns of infinite crystals need their
        width here.
    background
        Degree of the Chebyshev polynomial under the pattern, 0 to 12.
    sigma
        Standard errors of the intensity.

    Returns
    -------
    tuple of SuperstructureLine
        Those whose line and partner lie in the pattern, possibly none.

    Raises
    ------
    InputError
        If shapes differ or an argument is unusable.

    References
    ----------
    G. S. Pawley, J. Appl. Cryst. 14 (1981) 357, for patterns fitted with an intensity for each line.
    """
    from scipy.optimize import least_squares
    from scipy.special import stdtrit

    x, y = np.asarray(two_theta, dtype=float), np.asarray(intensity, dtype=float)
    errors = np.ones_like(x) if sigma is None else np.asarray(sigma, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or errors.shape != x.shape:
        raise InputError(f"pattern: shapes {x.shape} and {y.shape}; allowed: equal, one axis")
    if not 0 <= background <= 12:
        raise InputError(f"background: degree {background}; allowed: 0 to 12")
    unit = crystal("La2Zr2O7")
    published = float(unit.cell.lengths()[0])
    pairs = [pair for pair in PAIRS if all(_inside(x, hkl, published, wavelength) for hkl in pair)]
    if not pairs:
        return ()
    model = crystal_model(unit, x, wavelength=wavelength, fwhm=fwhm, polarization=polarization)
    squares = np.rint((published / model.lines(model.lengths, _START)[0]) ** 2).astype(np.int64)
    angles = np.array([bragg_angle(published / math.sqrt(n), wavelength) for n in squares])
    chosen = (angles > x[0]) & (angles < x[-1])
    squares = squares[chosen]
    top = float(np.abs(y).max()) or 1.0
    target = y / top / errors
    place = 2 * (x - x[0]) / (x[-1] - x[0]) - 1
    smooth = np.polynomial.chebyshev.chebvander(place, background)

    def residual(p: FloatArray) -> FloatArray:
        matrix = _system(model, p, chosen, smooth)[0] / errors[:, None]
        return np.asarray(target - matrix @ np.linalg.lstsq(matrix, target, rcond=None)[0])

    low = [published * (1 - _CELL), math.log(_SIZES[0])]
    high = [published * (1 + _CELL), math.log(_SIZES[1])]
    start = [published, math.log(_START)]
    found = least_squares(residual, start, bounds=(low, high), x_scale=[0.01, 0.1], xtol=1e-6, ftol=1e-9).x
    matrix, curves = _system(model, found, chosen, smooth)
    matrix /= errors[:, None]
    solution = np.linalg.lstsq(matrix, target, rcond=None)[0]
    left = target - matrix @ solution
    degrees = x.size - matrix.shape[1] - 2
    if degrees < 1:
        raise InputError(f"pattern: {x.size} points; allowed: more than the {matrix.shape[1] + 2} parameters")
    reduced = float(left @ left) / degrees
    # The target is in units of the highest point: so is its scatter.
    scatter = reduced if sigma is None else max(1.0, reduced * top**2) / top**2
    covariance = np.linalg.pinv(matrix.T @ matrix) * scatter
    student = float(stdtrit(degrees, 0.975))
    lines = []
    for weak, strong in pairs:
        i, j = (int(np.flatnonzero(squares == sum(n * n for n in hkl))[0]) for hkl in (weak, strong))
        # Lines are counted in those of the ordered crystal.
        ordered = float(np.trapezoid(curves[i], x) / np.trapezoid(curves[j], x))
        share = float(solution[i] / solution[j]) if solution[j] else math.nan
        gradient = np.array([1 / solution[j], -share / solution[j]])
        half = student * math.sqrt(float(gradient @ covariance[np.ix_([i, j], [i, j])] @ gradient)) * ordered
        lines.append(
            SuperstructureLine(
                "".join(map(str, weak)),
                "".join(map(str, strong)),
                bragg_angle(float(found[0]) / math.hypot(*weak), wavelength),
                share * ordered,
                (share * ordered - half, share * ordered + half),
                ordered,
            )
        )
    return tuple(lines)


def _inside(x: FloatArray, hkl: tuple[int, int, int], a: float, wavelength: float) -> bool:
    angle = bragg_angle(a / math.hypot(*hkl), wavelength)
    return math.isfinite(angle) and float(x[0]) <= angle - _ROOM and angle + _ROOM <= float(x[-1])


def _system(
    model: CrystalModel, p: FloatArray, chosen: NDArray[np.bool_], smooth: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Columns of the linear problem at a cell edge and the logarithm of a size, and the lines' curves (m, n)."""
    a = float(p[0])
    curves = model.lines((a, a, a), math.exp(float(p[1])))[1][chosen]
    return np.column_stack([*(curves / curves.max()), *smooth.T]), curves
