"""Whole-pattern fits: phases by weight, their cells and sizes, and a background, all at once, with 95 % intervals.

A measured pattern is taken as a sum of phases. Of a crystalline one the scale, the cell edges and the diameter of the
crystallites are refined, and its atoms stay where the reference structure has them. The pattern of a model, such as a
glass, is taken as computed and only scaled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.fitting import ParameterErrors, rwp
from alzmodel.results import Result, holds
from alzmodel.scattering.xrd.lines import SCHERRER_CONSTANT, SPHERE_CONSTANT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from alzmodel.scattering.xrd.corrections import Resolution
    from alzmodel.scattering.xrd.data import MeasuredCurve
    from alzmodel.scattering.xrd.grazing import GrazingIncidence
    from alzmodel.scattering.xrd.pattern import PowderPattern
    from alzmodel.scattering.xrd.phase_model import CrystalModel
    from alzmodel.scattering.xrd.routes import Displacement
    from alzmodel.scattering.xrd.specimen import SubstrateLine

    FloatArray = NDArray[np.float64]

__all__ = ["ComputedPart", "CrystalPart", "PatternFit", "PhaseResult", "fit_pattern", "fit_specimen"]

Interval = tuple[float, float]
SIZE_BOUNDS: Final = (8.0, 3000.0)
"""Å; a diameter that ends on a bound is no result."""
CELL_BOUND: Final = 0.03
"""Largest relative change of a cell edge."""
START_DIAMETER: Final = 100.0
"""Å; where the size of crystallites starts if nothing is said of it."""
_FEW: Final = 10
_SUBSTRATE_SHIFT: Final = 0.6
_NOTHING: Final = (math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class CrystalPart:
    """A crystalline phase: its reflections at the angles of the measurement, and where to start from."""

    name: str
    model: CrystalModel
    diameter: float
    refine_cell: bool = True
    refine_size: bool = True


@dataclass(frozen=True, slots=True)
class ComputedPart:
    """A pattern that is only scaled: intensity per atom at the angles of the measurement, mean mass of an atom in u."""

    name: str
    intensity: FloatArray
    atom_mass: float


@dataclass(frozen=True, slots=True, repr=False)
class PhaseResult(Result):
    """What a fit says of a phase.

    Attributes
    ----------
    name
        As given.
    scale
        Of the pattern per atom.
    weight
        Fraction by weight of the crystalline and computed phases, if all stand evenly in the beam; NaN of a substrate.
    lattice_parameters
        a, b, c in Å; empty unless crystalline.
    size_sphere, size_scherrer
        Å: the diameter of the spheres, and what Scherrer's equation with K = 0.9 would say of the same lines.
    curve
        Share of the calculated pattern, shape (n,).
    """

    name: str = field(metadata=holds(key="label", role="label"))
    scale: float
    scale_ci95: Interval = field(metadata=holds(role="interval"))
    weight: float
    weight_ci95: Interval = field(metadata=holds(role="interval"))
    lattice_parameters: tuple[float, ...]
    lattice_parameters_ci95: tuple[Interval, ...]
    size_sphere: float
    size_sphere_ci95: Interval = field(metadata=holds(role="interval"))
    size_scherrer: float
    curve: FloatArray


@dataclass(frozen=True, slots=True, repr=False)
class PatternFit(Result):
    """Outcome of :func:`fit_pattern`.

    Attributes
    ----------
    phases
        In the order given, the substrate last.
    x, observed, calculated, background
        Degrees and intensities, shape (n,).
    zero
        Shift of the zero of 2θ in degrees; 0 if not refined.
    rwp, rwp_background
        Weighted profile residual, and with the background taken off the observation.
    reduced_chi_square
        Per degree of freedom, in units of sigma; NaN without errors of the data.
    at_bound
        Parameters that ended on a bound: their intervals are NaN.
    success
        Whether the fit converged and its covariance exists.
    """

    phases: tuple[PhaseResult, ...]
    x: FloatArray = field(metadata=holds(hidden=True))
    observed: FloatArray = field(metadata=holds(hidden=True))
    calculated: FloatArray = field(metadata=holds(hidden=True))
    background: FloatArray = field(metadata=holds(hidden=True))
    zero: float
    zero_ci95: Interval = field(metadata=holds(role="interval"))
    rwp: float
    rwp_background: float
    reduced_chi_square: float
    at_bound: tuple[str, ...]
    success: bool

    def agreement(self) -> dict[str, Any]:
        """Return the keys of ``against``: the curves and how well they agree."""
        return {
            "x": self.x,
            "observed": self.observed,
            "calculated": self.calculated,
            "background": self.background,
            "residual": self.observed - self.calculated,
            "scale": self.phases[0].scale,
            "rwp": self.rwp,
            "rwp_background": self.rwp_background,
            "correlation": float(np.corrcoef(self.observed, self.calculated)[0, 1]),
            "n_points": int(self.x.size),
        }


@dataclass
class _Problem:
    """Parts, points and how parameters make a pattern; remembers the last pattern of each crystal."""

    measured: MeasuredCurve
    crystals: Sequence[CrystalPart]
    computed: Sequence[ComputedPart]
    substrate: SubstrateLine | None
    wavelength: float
    factor: FloatArray
    basis: FloatArray
    _kept: dict[int, tuple[tuple[float, ...], FloatArray]] = field(default_factory=dict)

    def crystal_curve(self, j: int, p: Mapping[str, float]) -> FloatArray:
        """Pattern of crystal j per unit of scale."""
        part = self.crystals[j]
        edges = tuple(p[f"cell{j}_{part.model.tied[i]}"] for i in range(3))
        key = (*edges, p[f"size{j}"])
        if self._kept.get(j, ((), None))[0] != key:
            curve = part.model.pattern((edges[0], edges[1], edges[2]), p[f"size{j}"])
            self._kept[j] = (key, curve * self.factor)
        return self._kept[j][1]

    def substrate_curve(self, p: Mapping[str, float]) -> FloatArray:
        """Gaussian of height one."""
        return np.asarray(
            np.exp(-4 * math.log(2) * ((self.measured.x - p["substrate_at"]) / p["substrate_fwhm"]) ** 2)
        )

    def unit_curves(self, p: Mapping[str, float]) -> list[FloatArray]:
        """Curve of each part per unit of scale: crystals, computed, substrate; shifted by the zero."""
        curves = [self.crystal_curve(j, p) for j in range(len(self.crystals))]
        curves += [part.intensity * self.factor for part in self.computed]
        if p["zero"]:
            x = self.measured.x
            curves = [np.interp(x - p["zero"], x, curve) for curve in curves]
        if self.substrate is not None:
            curves.append(self.substrate_curve(p))
        return curves


def _check_parts(parts: Sequence[CrystalPart | ComputedPart], n_points: int, background: int) -> None:
    if not parts:
        raise InputError("whole-pattern fit: no phase; allowed: at least one")
    if not -1 <= background <= 12:
        raise InputError(f"background: degree {background}; allowed: -1 (none) to 12")
    for part in parts:
        size = part.model.two_theta.size if isinstance(part, CrystalPart) else part.intensity.size
        if size != n_points:
            raise InputError(f"{part.name}: {size} angles; allowed: those of the {n_points} measured points")


def fit_pattern(
    measured: MeasuredCurve,
    parts: Sequence[CrystalPart | ComputedPart],
    *,
    background: int = 3,
    grazing: GrazingIncidence | None = None,
    substrate: SubstrateLine | None = None,
    wavelength: float = 1.5406,
    refine_zero: bool = False,
) -> PatternFit:
    """Fit phases, substrate line and background to a measured pattern by weighted least squares.

    Parameters
    ----------
    measured
        2θ in degrees; its errors weigh the points, which else weigh alike.
    parts
        Crystalline and computed phases, at the points of `measured` (inside a film: at
        :meth:`alzmodel.scattering.xrd.grazing.GrazingIncidence.inner_angle` of them).
    background
        Degree of the Chebyshev polynomial, 0 to 12; -1 none.
    grazing
        Path and footprint of a film.
    substrate
        A line whose height, width and position (within 0.6°) are refined too.
    wavelength
        Å, of the substrate line.
    refine_zero
        Whether the zero of 2θ is refined; it goes with the cell edges and needs lines far apart.

    Returns
    -------
    PatternFit

    Raises
    ------
    InputError
        If there is no part, an argument is unusable, or there are fewer points than parameters.

    Notes
    -----
    Weights follow from scales times masses. Intervals come from the covariance, scaled by the reduced χ² (where errors
    are given: if above one). Points are taken as independent, and what the model leaves out (texture, strain, other
    sizes and shapes) is not in them.

    References
    ----------
    R. A. Young (ed.), The Rietveld Method (Oxford University Press, 1993).
    """
    import lmfit
    from scipy.special import stdtrit

    crystals = [part for part in parts if isinstance(part, CrystalPart)]
    computed = [part for part in parts if isinstance(part, ComputedPart)]
    x = measured.x
    _check_parts(parts, x.size, background)
    factor = np.ones_like(x) if grazing is None else grazing.factor(x)
    place = 2 * (x - x[0]) / (x[-1] - x[0]) - 1
    basis = (
        np.polynomial.chebyshev.chebvander(place, background) if background >= 0 else np.empty((x.size, 0))
    )
    problem = _Problem(measured, crystals, computed, substrate, wavelength, factor, basis)
    sigma = np.ones_like(x) if measured.sigma is None else measured.sigma
    parameters = _start(problem, sigma, refine_zero)
    free = sum(parameter.vary for parameter in parameters.values())
    if x.size <= free:
        raise InputError(f"{measured.source}: {x.size} points; allowed: more than the {free} parameters")
    # The optimiser's tolerances suit residuals near one.
    unit = float(np.abs(measured.y / sigma).max()) or 1.0
    n_scales = len(parts) + (substrate is not None)

    def model(p: Mapping[str, float]) -> FloatArray:
        curves = problem.unit_curves(p)
        total = sum(p[f"scale{i}"] * curve for i, curve in enumerate(curves))
        return np.asarray(total + basis @ np.array([p[f"b{i}"] for i in range(basis.shape[1])]))

    def residual(p: Any) -> FloatArray:
        return (measured.y - model(p.valuesdict())) / sigma / unit

    result = lmfit.minimize(
        residual,
        parameters,
        method="least_squares",
        scale_covar=False,
        x_scale="jac",
        ftol=1e-10,
        xtol=1e-10,
        gtol=1e-10,
        max_nfev=400,
    )
    p = {name: float(parameter.value) for name, parameter in result.params.items()}
    degrees = x.size - len(result.var_names)
    reduced = float(result.chisqr) / degrees
    chi = reduced * unit**2
    scale = reduced if measured.sigma is None else max(1.0, chi) / unit**2
    covariance = None if result.covar is None else np.asarray(result.covar) * scale
    success = bool(result.success) and covariance is not None and bool(np.isfinite(covariance).all())
    errors = ParameterErrors(
        result.var_names, covariance if success else None, float(stdtrit(degrees, 0.975))
    )
    bounds = _at_bound(result.params)
    below = np.asarray(basis @ np.array([p[f"b{i}"] for i in range(basis.shape[1])]))
    calculated = model(p)
    curves = problem.unit_curves(p)
    phases = _results(problem, p, errors, bounds, curves[:n_scales])
    return PatternFit(
        phases=tuple(sorted(phases, key=lambda phase: _place_of(phase.name, parts))),
        x=x,
        observed=measured.y,
        calculated=calculated,
        background=below if basis.shape[1] else np.zeros_like(x),
        zero=p["zero"],
        zero_ci95=_interval(p["zero"], {"zero": 1.0}, errors) if refine_zero else _NOTHING,
        rwp=rwp(measured.y, calculated, sigma),
        rwp_background=rwp(measured.y - below, calculated - below, sigma),
        reduced_chi_square=math.nan if measured.sigma is None else chi,
        at_bound=tuple(bounds),
        success=success,
    )


def fit_specimen(
    measured: MeasuredCurve,
    model: PowderPattern,
    phases: Sequence[tuple[str, float | None]],
    *,
    window: Interval | None = None,
    fwhm: Resolution | None = None,
    b_iso: Displacement = 0.0,
    polarization: str | float = "unpolarized",
    wavelength: float | str = 1.5406,
    background: int = 3,
    grazing: GrazingIncidence | None = None,
    substrate: SubstrateLine | None = None,
    refine_zero: bool = False,
) -> PatternFit:
    """Fit a model's computed pattern together with reference phases.

    Parameters
    ----------
    measured
        2θ scan; the points inside the range of `model` take part.
    model
        Only scaled; computed for the wavelength, width and polarisation given here, without the film.
    phases
        Names of reference phases, each with the diameter in Å to start from (:data:`START_DIAMETER` if None).
    window
        Range of 2θ in degrees.
    fwhm, b_iso, polarization, wavelength
        As in :func:`alzmodel.scattering.xrd.pattern.powder_pattern`.
    background, grazing, substrate, refine_zero
        As in :func:`fit_pattern`.

    Raises
    ------
    InputError
        As :func:`fit_pattern`; also if a phase is unknown or named twice, or ten points are not left.
    """
    from alzmodel.crystals import crystal
    from alzmodel.scattering.xrd.phase_model import crystal_model

    names = [name for name, _ in phases]
    if len(set(names)) < len(names):
        raise InputError(f"phases: {', '.join(names)}; allowed: each once")
    low, high = window or (-math.inf, math.inf)
    lowest = -math.inf if grazing is None else grazing.lowest_angle
    keep = (measured.x >= max(low, lowest)) & (measured.x <= high)
    x = measured.x[keep]
    inner = x if grazing is None else grazing.inner_angle(x)
    inside = (inner >= model.two_theta[0] - 1e-9) & (inner <= model.two_theta[-1] + 1e-9)
    x, inner = x[inside], inner[inside]
    if x.size < _FEW:
        raise InputError(
            f"{measured.source}: {x.size} points in the range of the model and the window; allowed: at least {_FEW}"
        )
    sigma = None if measured.sigma is None else measured.sigma[keep][inside]
    data = replace(measured, x=x, y=measured.y[keep][inside], sigma=sigma)
    parts: list[CrystalPart | ComputedPart] = [
        ComputedPart("model", np.interp(inner, model.two_theta, model.intensity), model.atom_mass)
    ]
    for name, diameter in phases:
        reflections = crystal_model(
            crystal(name), inner, wavelength=wavelength, fwhm=fwhm, b_iso=b_iso, polarization=polarization
        )
        parts.append(CrystalPart(name, reflections, diameter or START_DIAMETER))
    return fit_pattern(
        data,
        parts,
        background=background,
        grazing=grazing,
        substrate=substrate,
        wavelength=model.wavelength,
        refine_zero=refine_zero,
    )


def _place_of(name: str, parts: Sequence[CrystalPart | ComputedPart]) -> int:
    return next((i for i, part in enumerate(parts) if part.name == name), len(parts))


def _start(problem: _Problem, sigma: FloatArray, refine_zero: bool) -> Any:
    """Start values: cells and sizes as given, then scales and background by linear least squares."""
    import lmfit
    from scipy.optimize import lsq_linear

    parameters = lmfit.Parameters()
    parameters.add("zero", value=0.0, min=-0.5, max=0.5, vary=refine_zero)
    for j, part in enumerate(problem.crystals):
        for i in sorted(set(part.model.tied)):
            edge = part.model.lengths[i]
            limits = (edge * (1 - CELL_BOUND), edge * (1 + CELL_BOUND))
            parameters.add(f"cell{j}_{i}", value=edge, min=limits[0], max=limits[1], vary=part.refine_cell)
        parameters.add(
            f"size{j}",
            value=part.diameter,
            min=min(SIZE_BOUNDS[0], part.diameter),
            max=max(SIZE_BOUNDS[1], part.diameter),
            vary=part.refine_size,
        )
    if problem.substrate is not None:
        at = problem.substrate.position(problem.wavelength)
        if not problem.measured.x[0] < at < problem.measured.x[-1]:
            raise InputError(f"substrate line at {at:.2f}°: outside of the measured range; allowed: inside")
        parameters.add("substrate_at", value=at, min=at - _SUBSTRATE_SHIFT, max=at + _SUBSTRATE_SHIFT)
        parameters.add("substrate_fwhm", value=problem.substrate.fwhm, min=0.02, max=3.0)
    curves = problem.unit_curves(parameters.valuesdict())
    matrix = np.column_stack([*curves, problem.basis]) / sigma[:, None]
    norms = np.linalg.norm(matrix, axis=0)
    low = [0.0] * len(curves) + [-np.inf] * problem.basis.shape[1]
    values = (
        lsq_linear(matrix / norms, problem.measured.y / sigma, bounds=(low, np.inf), method="bvls").x / norms
    )
    top = float(np.abs(problem.measured.y).max())
    for i, curve in enumerate(curves):
        # A scale of zero would leave cell and size without effect.
        least = 1e-3 * top / (float(curve.max()) or 1.0)
        parameters.add(f"scale{i}", value=max(float(values[i]), least), min=0.0)
    for i in range(problem.basis.shape[1]):
        parameters.add(f"b{i}", value=float(values[len(curves) + i]))
    return parameters


def _at_bound(parameters: Any) -> list[str]:
    names = []
    for name, parameter in parameters.items():
        value = float(parameter.value)
        spread = max(abs(value), 1e-9)
        near = min(abs(value - parameter.min), abs(value - parameter.max))
        if (parameter.vary and near < 1e-5 * spread) or (
            parameter.vary and name.startswith("scale") and value < 1e-12
        ):
            names.append(name)
    return names


def _interval(value: float, gradient: Mapping[str, float], errors: ParameterErrors) -> Interval:
    half = errors.half_width(gradient)
    return (value - half, value + half)


def _results(
    problem: _Problem,
    p: Mapping[str, float],
    errors: ParameterErrors,
    bounds: Sequence[str],
    curves: Sequence[FloatArray],
) -> list[PhaseResult]:
    masses = [part.model.atom_mass for part in problem.crystals] + [
        part.atom_mass for part in problem.computed
    ]
    grams = np.array([p[f"scale{i}"] * mass for i, mass in enumerate(masses)])
    total = float(grams.sum()) or math.nan

    def direct(name: str) -> Interval:
        return _NOTHING if name in bounds else _interval(p[name], {name: 1.0}, errors)

    results = []
    names = [part.name for part in problem.crystals] + [part.name for part in problem.computed]
    for i, name in enumerate(names):
        share = float(grams[i] / total)
        # Derivatives of m_i s_i/Σ m s.
        gradient = {
            f"scale{k}": masses[k] * ((1.0 if k == i else 0.0) - share) / total for k in range(len(masses))
        }
        edges: tuple[float, ...] = ()
        edge_intervals: tuple[Interval, ...] = ()
        size, size_interval = math.nan, _NOTHING
        if i < len(problem.crystals):
            part = problem.crystals[i]
            keys = [f"cell{i}_{k}" for k in part.model.tied]
            edges = tuple(p[key] for key in keys)
            edge_intervals = tuple(direct(key) if part.refine_cell else _NOTHING for key in keys)
            size = p[f"size{i}"]
            size_interval = direct(f"size{i}") if part.refine_size else _NOTHING
        results.append(
            PhaseResult(
                name=name,
                scale=p[f"scale{i}"],
                scale_ci95=direct(f"scale{i}"),
                weight=share,
                weight_ci95=_interval(share, gradient, errors),
                lattice_parameters=edges,
                lattice_parameters_ci95=edge_intervals,
                size_sphere=size,
                size_sphere_ci95=size_interval,
                size_scherrer=size * SCHERRER_CONSTANT / SPHERE_CONSTANT,
                curve=p[f"scale{i}"] * curves[i],
            )
        )
    if problem.substrate is not None:
        i = len(names)
        results.append(
            PhaseResult(
                name=f"{problem.substrate.phase} substrate",
                scale=p[f"scale{i}"],
                scale_ci95=direct(f"scale{i}"),
                weight=math.nan,
                weight_ci95=_NOTHING,
                lattice_parameters=(),
                lattice_parameters_ci95=(),
                size_sphere=math.nan,
                size_sphere_ci95=_NOTHING,
                size_scherrer=math.nan,
                curve=p[f"scale{i}"] * curves[i],
            )
        )
    return results
