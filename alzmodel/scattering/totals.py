"""Partial to total functions: S(Q), F(Q), G(r), T(r) and D(r) for X-rays, neutrons and electrons."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from alzmodel.errors import InputError
from alzmodel.ions import pair_label
from alzmodel.results import Result, holds
from alzmodel.scattering.displaced import counted
from alzmodel.scattering.form_factors import XRAY_Q_MAX, electron_factor, neutron_length, xray_factor
from alzmodel.scattering.phase_sums import phase_sums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import ArrayLike, NDArray

    from alzmodel.local_order.pdf import PartialRDF

    FloatArray = NDArray[np.float64]

__all__ = [
    "OPEN_TAPER",
    "RADIATIONS",
    "Radiation",
    "StructureFactor",
    "Taper",
    "TotalPDF",
    "broadened",
    "constant_weights",
    "cosine_taper",
    "default_taper",
    "faber_ziman_weights",
    "is_tabulated",
    "lorch_window",
    "model_structure_factor",
    "partial_structure_factors",
    "resolved_totals",
    "scattering_strength",
    "structure_factor",
    "total_pdf",
    "totals_dict",
    "untabulated",
]

Radiation = Literal["xray", "neutron", "electron"]
RADIATIONS: Final[tuple[Radiation, ...]] = get_args(Radiation)
Taper = tuple[float, float]

TAPER_RATIO: Final = 1.75
"""End of the taper over its start: 20 to 35 Å where the model is large enough."""
TAPER_START: Final = 20.0
ELECTRON_MEAN_Q: Final = (0.5, 20.0)
"""Å⁻¹; range over which electron weights are averaged where one number per pair is wanted."""
OPEN_TAPER: Final[Taper] = (40.0, 70.0)
"""Å; where the pair functions of an infinite crystal fade out on the way to S(Q): it widens the lines to some
0.06 Å⁻¹."""
RESOLUTION_MAX: Final = 1.0
"""Å⁻¹; a hundred times that of a good instrument."""
PAIR_WIDTH: Final = 0.1
"""Å; standard deviation of a pair distance in metals that instruments are calibrated with: √(2U), U = 0.005 Å²."""
FADE: Final = (5.0, 15.0)
"""Å beyond the last distance wanted: where pair functions start to fade, and where they end."""


@dataclass(frozen=True, slots=True, repr=False)
class StructureFactor(Result):
    """Faber-Ziman structure factors.

    Attributes
    ----------
    Q
        Å⁻¹, shape (n,).
    partials
        Per pair label S_ab(Q), shape (n,); 1 where there are no correlations.
    total
        Per radiation S(Q), shape (n,).
    taper
        Å; the pair functions count fully up to the first distance and not at all beyond the second.
    """

    Q: FloatArray = field(metadata=holds("Å⁻¹", role="axis"))
    partials: dict[str, FloatArray]
    total: dict[str, FloatArray] = field(metadata=holds(stored="totals"))
    taper: Taper

    def reduced(self, radiation: Radiation) -> FloatArray:
        """F(Q) = Q (S(Q) − 1) in Å⁻¹, shape (n,)."""
        return np.asarray(self.Q * (self.total[radiation] - 1))


@dataclass(frozen=True, slots=True, repr=False)
class TotalPDF(Result):
    """Total pair distribution function.

    Attributes
    ----------
    r
        Å, shape (n,).
    G
        4π r ρ (g(r) − 1) in Å⁻², the weighted g normalised to 1 at large r, shape (n,). (Of a cluster:
        4π r ρ (g(r) − γ(r)) with the shape function γ of a sphere of equal volume.)
    radiation
        "xray", "neutron" or "electron".
    number_density
        ρ in atoms per Å³.
    q_max
        Å⁻¹, if the curve went through S(Q) with a limited range; None if not.
    mean_squared_strength
        ⟨b⟩² (fm²) of neutrons, which D(r) is scaled with; 1 for the others.
    """

    r: FloatArray = field(metadata=holds("Å", role="axis"))
    G: FloatArray = field(metadata=holds("Å⁻²"))
    radiation: Radiation
    number_density: float
    q_max: float | None
    mean_squared_strength: float

    @property
    def T(self) -> FloatArray:
        """Total correlation function G(r) + 4π r ρ in Å⁻²: positive, its peak areas count neighbours."""
        return np.asarray(self.G + 4 * np.pi * self.r * self.number_density)

    @property
    def D(self) -> FloatArray:
        """Differential correlation function ⟨b⟩² G(r); D. A. Keen, J. Appl. Cryst. 34 (2001) 172, eqs. 26, 42."""
        return np.asarray(self.mean_squared_strength * self.G)


def default_taper(repeat_length: float, reach: float = math.inf) -> Taper:
    """Distances in Å between which pair functions fade out, for a model that repeats beyond `repeat_length`.

    Flat up to the repeat length, at most 20 Å, then a squared cosine to 1.75 times that (20 to 35 Å): what lies
    beyond the repeat length is order of the box, and a sharp end there would ripple or broaden the halo. `reach` is
    the largest distance that was counted.
    """
    start = min(TAPER_START, repeat_length, reach / TAPER_RATIO)
    return (start, TAPER_RATIO * start)


def cosine_taper(r: FloatArray, taper: Taper) -> FloatArray:
    """1 up to ``taper[0]``, cos² down to 0 at ``taper[1]``; shape of `r`."""
    start, end = taper
    phase = np.clip((r - start) / (end - start), 0, 1) if end > start else (r > start).astype(float)
    return np.asarray(np.cos(0.5 * np.pi * phase) ** 2)


def lorch_window(Q: FloatArray, q_max: float) -> FloatArray:
    """sin(πQ/Qmax)/(πQ/Qmax): E. Lorch, J. Phys. C 2 (1969) 229."""
    return np.asarray(np.sinc(Q / q_max))


def _checked_q(Q: ArrayLike) -> FloatArray:
    q = np.asarray(Q, dtype=float)
    if q.ndim != 1 or q.size == 0 or not np.isfinite(q).all() or (q <= 0).any():
        raise InputError("Q: not a list of positive numbers; allowed: 4π sin θ/λ in Å⁻¹, above zero")
    return q


def _check_radiation(radiation: str) -> None:
    if radiation not in RADIATIONS:
        raise InputError(f"radiation: {radiation}; allowed: {', '.join(RADIATIONS)}")


def scattering_strength(element: str, radiation: Radiation, Q: ArrayLike) -> NDArray[Any]:
    """Scattering factor of an element at `Q` (Å⁻¹, with 2π): electrons, fm or Å, shape of `Q`.

    Raises
    ------
    InputError
        If the radiation is unknown or the element not tabulated for it.
    """
    _check_radiation(radiation)
    q = np.asarray(Q, dtype=float)
    if radiation == "xray":
        return xray_factor(element, q).real
    if radiation == "neutron":
        return np.full(q.shape, neutron_length(element))
    return electron_factor(element, q / (2 * np.pi))


def partial_structure_factors(
    rdf: PartialRDF, Q: ArrayLike, *, taper: Taper | None = None
) -> dict[str, FloatArray]:
    """Faber-Ziman partials S_ab(Q) = 1 + 4πρ ∫ r² (g_ab(r) − 1) W(r) sin(Qr)/(Qr) dr.

    Parameters
    ----------
    rdf
        Of a periodic model. The ideal gas was subtracted in the exact volume of each shell, so that g − 1 has no bias
        at small r, and the smoothing by the bins is undone by dividing by sin(Q dr/2)/(Q dr/2).
    Q
        Å⁻¹, above zero, shape (n,).
    taper
        Å; see :func:`cosine_taper`. :func:`default_taper` if None.

    Returns
    -------
    dict
        Per pair label, shape (n,).

    Raises
    ------
    InputError
        If `Q` is not positive, the taper reaches beyond the counted distances, or the model is not periodic.

    References
    ----------
    T. E. Faber and J. M. Ziman, Philos. Mag. 11 (1965) 153; D. A. Keen, J. Appl. Cryst. 34 (2001) 172, eq. 12.
    """
    q = _checked_q(Q)
    reach = float(rdf.r[-1] + 0.5 * rdf.dr)
    if not rdf.periodic:
        raise InputError(
            "S(Q): the model is a cluster without cell; allowed: a periodic model (use the Debye sum)"
        )
    window = _checked_taper(taper or default_taper(rdf.repeat_length, reach), reach)
    inside = rdf.r < window[1]
    r = rdf.r[inside]
    # 4πρ r² dr of each bin, exactly.
    edges = np.append(r - 0.5 * rdf.dr, r[-1] + 0.5 * rdf.dr)
    atoms = rdf.number_density * 4 * np.pi / 3 * np.diff(edges**3) * cosine_taper(r, window)
    labels = list(rdf.g)
    strength = np.stack([(rdf.g[label][inside] - 1) * atoms / r for label in labels])
    result = phase_sums(strength, q, rdf.dr).imag / q
    result /= np.sinc(q * rdf.dr / (2 * np.pi))
    return {label: 1 + result[k] for k, label in enumerate(labels)}


def _checked_taper(taper: Taper, reach: float) -> Taper:
    start, end = taper
    if not (0 <= start <= end and end > 0 and end <= reach * (1 + 1e-9)):
        raise InputError(
            f"taper: {start:g} to {end:g} Å; allowed: rising, up to the {reach:g} Å that pairs were counted"
        )
    return (float(start), float(end))


def faber_ziman_weights(
    concentrations: Mapping[str, float], factors: Mapping[str, NDArray[Any]]
) -> dict[str, FloatArray]:
    """Weights w_ab(Q) of the partials; unlike pairs carry both orders, and all add up to one.

    w_ab = (2 − δ_ab) c_a c_b Re(f_a f_b*) / |⟨f⟩|².

    Parameters
    ----------
    concentrations
        Atomic fractions.
    factors
        Scattering factor per element, real or complex, all of one shape.
    """
    elements = list(concentrations)
    mean = sum(concentrations[element] * factors[element] for element in elements)
    norm = np.abs(np.asarray(mean)) ** 2
    weights = {}
    for i, a in enumerate(elements):
        for b in elements[i:]:
            product = np.real(factors[a] * np.conj(factors[b])) * concentrations[a] * concentrations[b]
            weights[pair_label(a, b)] = np.asarray((1 if a == b else 2) * product / norm)
    return weights


def structure_factor(
    rdf: PartialRDF,
    Q: ArrayLike,
    *,
    radiations: tuple[Radiation, ...] = RADIATIONS,
    taper: Taper | None = None,
) -> StructureFactor:
    """Partial and total Faber-Ziman structure factors of a periodic model.

    Parameters
    ----------
    rdf, Q, taper
        See :func:`partial_structure_factors`.
    radiations
        For which totals are wanted. X-ray and electron factors are those of neutral atoms, without dispersion.

    Returns
    -------
    StructureFactor

    Raises
    ------
    InputError
        As :func:`partial_structure_factors`; also for an element that is not tabulated.
    """
    q = _checked_q(Q)
    reach = float(rdf.r[-1] + 0.5 * rdf.dr)
    window = taper or default_taper(rdf.repeat_length, reach)
    partials = partial_structure_factors(rdf, q, taper=window)
    totals = {}
    for radiation in radiations:
        factors = {element: scattering_strength(element, radiation, q) for element in rdf.concentrations}
        weights = faber_ziman_weights(rdf.concentrations, factors)
        totals[radiation] = 1 + sum(weights[label] * (partials[label] - 1) for label in partials)
    return StructureFactor(q, partials, {name: np.asarray(curve) for name, curve in totals.items()}, window)


def model_structure_factor(
    frames: Atoms | Sequence[Atoms],
    q_range: tuple[float, float, float],
    *,
    dr: float = 0.02,
    b_iso: float | Mapping[str, float] = 0.0,
) -> StructureFactor:
    """Structure factors straight from a model, for every radiation that all its elements are tabulated for.

    Parameters
    ----------
    frames
        One periodic model, or frames of one. Of a glass the pair functions fade out as :func:`default_taper` says, of
        a crystal from 40 to 70 Å.
    q_range
        First and last Q and step in Å⁻¹.
    dr
        Å, bins of the pair functions.
    b_iso
        Å², see :func:`alzmodel.scattering.displaced.displaced`.

    Raises
    ------
    InputError
        If the model is not periodic or the range is unusable.
    """
    from alzmodel.crystals import is_crystal
    from alzmodel.local_order.pdf import frame_list
    from alzmodel.neighbours import repeat_length

    first, last, step = q_range
    if not (0 < first < last <= XRAY_Q_MAX and step > 0 and (last - first) / step < 1e6):
        raise InputError(
            f"Q range: {first:g} to {last:g} in steps of {step:g}; allowed: rising, above 0, up to {XRAY_Q_MAX:.0f} Å⁻¹"
        )
    listed = frame_list(frames)
    window = OPEN_TAPER if is_crystal(listed[0]) else default_taper(min(map(repeat_length, listed)))
    if not listed[0].pbc.any():
        raise InputError("S(Q): the model is a cluster without cell; allowed: a periodic model")
    rdf = counted(listed, r_max=window[1], dr=dr, b_iso=b_iso)
    radiations = tuple(name for name in RADIATIONS if is_tabulated(rdf, name))
    Q = first + step * np.arange(math.floor((last - first) / step + 1e-9) + 1)
    return structure_factor(rdf, Q, radiations=radiations, taper=window)


def constant_weights(rdf: PartialRDF, radiation: Radiation) -> dict[str, float]:
    """One weight per pair: scattering lengths for neutrons, electron numbers for X-rays, a mean for electrons.

    X-ray factors are taken at Q = 0, as if every f had the shape of the mean one (B. E. Warren, H. Krutter and
    O. Morningstar, J. Am. Ceram. Soc. 19 (1936) 202). Electron factors at Q = 0 measure valence shells and not the
    inner potential that most of the curve comes from, so their weights are averaged over :data:`ELECTRON_MEAN_Q`.
    """
    _check_radiation(radiation)
    q = np.linspace(*ELECTRON_MEAN_Q, 200) if radiation == "electron" else np.zeros(1)
    factors = {element: scattering_strength(element, radiation, q) for element in rdf.concentrations}
    weights = faber_ziman_weights(rdf.concentrations, factors)
    return {label: float(np.mean(weight)) for label, weight in weights.items()}


def total_pdf(
    rdf: PartialRDF,
    radiation: Radiation,
    *,
    q_max: float | None = None,
    q_min: float = 0.0,
    window: Literal["lorch", "none"] = "none",
    q_damp: float = 0.0,
    q_broad: float = 0.0,
    taper: Taper | None = None,
) -> TotalPDF:
    """Weighted sum of the partials as G(r), optionally with the limited Q range of a measurement.

    Parameters
    ----------
    rdf
        Partial pair distribution functions.
    radiation
        "xray", "neutron" or "electron".
    q_max
        Å⁻¹. None: partials with :func:`constant_weights`, as sharp as the model gives them. A number: S(Q) is
        computed with scattering factors that depend on Q, cut to `q_min`..`q_max` and transformed back, with the
        ripples and the width that a measured curve of that range has. Needs a periodic model, and distances beyond
        the end of its taper come out as zero.
    q_min
        Å⁻¹, lower end of the range.
    window
        "lorch" or "none": window on F(Q) before the transform.
    q_damp
        Å⁻¹; resolution of the instrument, multiplies G(r) with exp(−(r q_damp)²/2).
    q_broad
        Å⁻¹; resolution that grows with Q, see :func:`broadened`.
    taper
        Å, with `q_max`: see :func:`partial_structure_factors`.

    Returns
    -------
    TotalPDF

    Raises
    ------
    InputError
        For an unknown radiation or element, or a range of Q that is not 0 <= q_min < q_max.

    References
    ----------
    D. A. Keen, J. Appl. Cryst. 34 (2001) 172; C. L. Farrow and S. J. L. Billinge, Acta Cryst. A65 (2009) 232.
    """
    _check_radiation(radiation)
    if window not in {"lorch", "none"}:
        raise InputError(f"window: {window}; allowed: lorch, none")
    if q_max is not None and not (math.isfinite(q_max) and 0 <= q_min < q_max):
        raise InputError(f"Q range: {q_min:g} to {q_max:g} Å⁻¹; allowed: 0 <= q_min < q_max")
    for name, value in (("q_damp", q_damp), ("q_broad", q_broad)):
        if not (math.isfinite(value) and 0 <= value <= RESOLUTION_MAX):
            raise InputError(f"{name}: {value:g} Å⁻¹; allowed: 0 to {RESOLUTION_MAX:g}")
    if q_broad:
        rdf = broadened(rdf, q_broad)
    strength = 1.0
    if radiation == "neutron":
        strength = sum(c * neutron_length(element) for element, c in rdf.concentrations.items()) ** 2
    if q_max is None:
        weights = constant_weights(rdf, radiation)
        weighted = np.sum([weights[label] * rdf.g[label] for label in rdf.g], axis=0)
        density = 4 * np.pi * rdf.r * rdf.number_density
        curve = density * (weighted - _shape_function(rdf))
    else:
        curve = _transform_back(rdf, radiation, q_min, q_max, window, taper)
    curve = curve * np.exp(-0.5 * (rdf.r * q_damp) ** 2)
    return TotalPDF(rdf.r, np.asarray(curve), radiation, rdf.number_density, q_max, float(strength))


def broadened(rdf: PartialRDF, q_broad: float) -> PartialRDF:
    """Spread every distance r by a Gaussian of standard deviation q_broad · r · 0.1 Å.

    A resolution ΔQ = εQ in standard deviations damps sin(Qr) by exp(−(εQr)²/2), which spreads r by εr. PDFgui gives it
    as Q_broad: the width σ of a pair grows by √(1 + (Q_broad r)²) (JeongPeakWidth of diffpy.srreal), so that
    ε = Q_broad σ. A number fitted there to a standard holds with the σ of that standard, :data:`PAIR_WIDTH`. Here that
    ε, which is the instrument's, widens all pairs alike, whatever their own width.

    Parameters
    ----------
    rdf
        Partial pair distribution functions.
    q_broad
        Å⁻¹.

    Returns
    -------
    PartialRDF
        With r (g − 1) spread, of clusters r g; counts as they were.
    """
    from scipy.special import erf

    epsilon, dr = q_broad * PAIR_WIDTH, rdf.dr
    reach = math.ceil(6 * epsilon * float(rdf.r[-1]) / dr) + 1
    steps = dr * np.arange(-reach, reach + 1)
    # What bin j gives to the bins about it.
    scale = np.maximum(epsilon * rdf.r, 1e-9 * dr)[:, None] * math.sqrt(2)
    share = 0.5 * (erf((steps + 0.5 * dr) / scale) - erf((steps - 0.5 * dr) / scale))
    gas = 1.0 if rdf.periodic else 0.0
    spread = {}
    for label, g in rdf.g.items():
        weight = rdf.r * (g - gas)
        total = np.zeros(rdf.r.size + 2 * reach)
        for n in range(2 * reach + 1):
            total[n : n + rdf.r.size] += weight * share[:, n]
        spread[label] = gas + total[reach : reach + rdf.r.size] / rdf.r
    return replace(rdf, g=spread)


def _shape_function(rdf: PartialRDF) -> FloatArray:
    """1 in a periodic model; for a cluster that of a sphere of its volume, 1 − 3x/2 + x³/2 with x = r/D."""
    if rdf.periodic:
        return np.ones_like(rdf.r)
    diameter = (6 * rdf.n_atoms / (np.pi * rdf.number_density)) ** (1 / 3)
    x = np.clip(rdf.r / diameter, 0, 1)
    return np.asarray(1 - 1.5 * x + 0.5 * x**3)


def _transform_back(
    rdf: PartialRDF, radiation: Radiation, q_min: float, q_max: float, window: str, taper: Taper | None
) -> FloatArray:
    # Distances up to r need steps in Q well below π/r.
    n = max(64, math.ceil(4 * (q_max - q_min) * float(rdf.r[-1]) / np.pi))
    step = (q_max - q_min) / n
    Q: FloatArray = q_min + (np.arange(n, dtype=float) + 0.5) * step
    reduced = structure_factor(rdf, Q, radiations=(radiation,), taper=taper).reduced(radiation)
    if window == "lorch":
        reduced = reduced * lorch_window(Q, q_max)
    return np.asarray(2 / np.pi * step * (np.sin(np.outer(rdf.r, Q)) @ reduced))


def resolved_totals(
    frames: Atoms | Sequence[Atoms],
    *,
    r_max: float,
    dr: float = 0.02,
    q_max: float,
    q_min: float = 0.0,
    window: Literal["lorch", "none"] = "none",
    q_damp: float = 0.0,
    q_broad: float = 0.0,
    b_iso: float | Mapping[str, float] = 0.0,
) -> dict[str, TotalPDF]:
    """G(r) of every radiation as a measurement of limited Q range gives it.

    Pairs are counted :data:`FADE` beyond `r_max` and faded out there, so that the ripples of the last distances are
    those of an endless model. Arguments as in :func:`total_pdf` and :func:`alzmodel.scattering.displaced.displaced`;
    radiations for which an element has no tabulated factor are left out.

    Raises
    ------
    InputError
        As :func:`total_pdf`, and for clusters.
    """
    start, end = r_max + FADE[0], r_max + FADE[1]
    rdf = counted(frames, r_max=end, dr=dr, b_iso=b_iso)
    if not rdf.periodic:
        raise InputError("q_max: the model is a cluster without cell; allowed: a periodic model")
    if not (math.isfinite(q_max) and 0 <= q_min < q_max):
        raise InputError(f"Q range: {q_min:g} to {q_max:g} Å⁻¹; allowed: 0 <= q_min < q_max")
    inside = rdf.r <= r_max
    totals = {}
    for radiation in RADIATIONS:
        if not is_tabulated(rdf, radiation):
            continue
        total = total_pdf(
            rdf,
            radiation,
            q_max=q_max,
            q_min=q_min,
            window=window,
            q_damp=q_damp,
            q_broad=q_broad,
            taper=(start, end),
        )
        totals[str(radiation)] = replace(total, r=total.r[inside], G=total.G[inside])
    return totals


def is_tabulated(rdf: PartialRDF, radiation: Radiation) -> bool:
    """Whether every element of a model has a scattering factor for a radiation."""
    return not untabulated(rdf, radiation)


def untabulated(rdf: PartialRDF, radiation: Radiation) -> list[str]:
    """Elements of a model without a scattering factor for a radiation."""
    missing = []
    for element in rdf.concentrations:
        try:
            scattering_strength(element, radiation, 1.0)
        except InputError:
            missing.append(element)
    return missing


def totals_dict(rdf: PartialRDF) -> dict[str, FloatArray]:
    """G(r) in Å⁻² for the three radiations, with constant weights: the ``totals`` of ``alzmodel pdf --json``.

    NaN throughout where an element has no tabulated factor for a radiation.
    """
    return {
        radiation: total_pdf(rdf, radiation).G
        if is_tabulated(rdf, radiation)
        else np.full(rdf.r.shape, np.nan)
        for radiation in RADIATIONS
    }
