"""The normalised variance as a microscope records it: the coherent one with all that adds, smears and averages.

The model holds for "omega", the variance of ring means over probes. With the elastic ring means I_p of probe p,

    I_p' = K I_p + D,   V = [K C K^T]_kk/(K⟨I⟩ + D)² + σ_t² (∂ ln I'/∂ ln t)² + shot noise,

C the covariance of the elastic ring means over probes. K is what losses to small angles do to rings, D all that carries
no speckle. What is PREDICTED follows from thickness, temperature, membrane and filter; what is NUISANCE nobody knows
beforehand (background, glare, modes, spread of thickness, motion under the beam, dose) and is 0 by default, modes 1.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.linalg import expm

from alzmodel.errors import InputError
from alzmodel.models.window import NITRIDE_DENSITY
from alzmodel.results import Result, holds
from alzmodel.scattering.fem.incoherent import (
    PATH_ERROR,
    circles_of_loss,
    density_of,
    inelastic_intensity,
    large_angle_losses,
    loss_vector,
    mean_free_path,
    mean_free_path_malis,
    mean_square_factor,
    ring_kernel,
)
from alzmodel.scattering.fem.speckle import FloatArray, radial_speckle, ring_correlation
from alzmodel.units import AMU_PER_A3_TO_G_PER_CM3, relativistic_factor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.scattering.fem.settings import FEMSettings
    from alzmodel.scattering.fem.variance import ColumnMoments
    from alzmodel.scattering.fem.waves import Plane

__all__ = [
    "NUISANCE",
    "Coherent",
    "Incoherent",
    "Layer",
    "Observed",
    "Record",
    "coherent_of",
    "film_of",
    "nitride",
    "observe",
    "observed_variance",
    "pooled",
    "prepared",
    "thickness_slope",
]

_BEYOND: Final = 1.0
"""nm⁻¹ by which the rings are carried on beyond both ends while they are smeared."""

_LOWEST: Final = 0.2
"""nm⁻¹; the direct beam is left alone."""

_SLOPE_STEP: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Layer:
    """A homogeneous layer.

    Attributes
    ----------
    number
        Atoms per Å³ by element.
    mean_free_path
        Of inelastic scattering, Å.
    losses_beyond
        Mean number of losses to large angles for each Å.
    inelastic
        i₁ on the extended rings for each Å, shape (extended k,).
    gas
        Σ n f² on the rings for each Å, shape (k,).
    circles
        nm⁻¹, that losses to large angles scatter into.
    """

    number: Mapping[str, float]
    mean_free_path: float
    losses_beyond: float
    inelastic: FloatArray
    gas: FloatArray
    circles: FloatArray


@dataclass(frozen=True, slots=True)
class Coherent:
    """What the columns scatter elastically, and matrices that do not depend on the parameters of :class:`Incoherent`.

    Attributes
    ----------
    k
        Ring centres, nm⁻¹, shape (k,).
    mean
        ⟨I⟩ per Å² of column, shape (k,).
    single, averaged
        ⟨I_k I_l⟩/(⟨I_k⟩⟨I_l⟩) − 1 within one frame, and over thermal motion (None without frames), shape (k, k). The
        diagonal of `single` is today's V to the last digit.
    thickness
        Of the columns, Å.
    plane
        Of the first column.
    settings
        The instrument.
    film, membrane
        Materials.
    small, large
        Kernels of losses to small angles, and of those to large angles, on the extended rings.
    first
        Number of extended rings before the first ring.
    correlation
        Of the rings of a structureless field by their distance, in steps, shape (extended k,).
    """

    k: FloatArray
    mean: FloatArray
    single: FloatArray
    averaged: FloatArray | None
    thickness: float
    plane: Plane
    settings: FEMSettings
    film: Layer
    membrane: Layer
    small: FloatArray
    large: FloatArray
    first: int
    correlation: FloatArray


@dataclass(frozen=True, slots=True)
class Incoherent:
    """Specimen and recording.

    Parameters
    ----------
    film
        Thickness of the film, Å; None is that of the columns. A film of N columns' thickness has N independent fields
        one behind the other: what order adds to V falls as 1/N, what is left is the floor of that thickness.
    membrane
        Å of amorphous Si3N4 behind it, a field of its own that adds to that of the film.
    inelastic
        Whether electrons lose energy at all.
    filtered
        Zero-loss filter: what lost energy is gone.
    thermal
        Whether frames are averaged as a detector does.
    path_scale
        Factor on the mean free paths, which are known to :data:`~alzmodel.scattering.fem.incoherent.PATH_ERROR`.
    background
        β: nuisance, a background β Σ n f² that knows no structure.
    glare
        Nuisance, a flat background over the mean of the elastic rings.
    modes
        m: nuisance, incoherent modes of the probe, V/m.
    thickness_spread
        σ_t: nuisance, relative spread of thickness over the probed places.
    displacement
        u: nuisance, rms motion under the beam along each axis, Å; the covariance falls by exp(−u²(q² + q'²)), q = 2πk.
    electrons
        Nuisance, electrons in a pattern whose shot noise was not taken off; 0 is none.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    film: float | None = None
    membrane: float = 0.0
    inelastic: bool = True
    filtered: bool = False
    thermal: bool = True
    path_scale: float = 1.0
    background: float = 0.0
    glare: float = 0.0
    modes: float = 1.0
    thickness_spread: float = 0.0
    displacement: float = 0.0
    electrons: float = 0.0

    def __post_init__(self) -> None:
        ranges = {
            "film": (5.0, 1e5, " Å"),
            "membrane": (0.0, 1e4, " Å"),
            "path_scale": (0.1, 10.0, ""),
            "background": (0.0, 1e6, ""),
            "glare": (0.0, 1e6, ""),
            "modes": (1.0, 1e6, ""),
            "thickness_spread": (0.0, 1.0, ""),
            "displacement": (0.0, 2.0, " Å"),
            "electrons": (0.0, 1e15, ""),
        }
        for name, (low, high, unit) in ranges.items():
            value = getattr(self, name)
            if name == "film" and value is None:
                continue
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(f"observed FEM, {name}: {value:g}; allowed: {low:g} to {high:g}{unit}")


NUISANCE: Final = ("background", "glare", "modes", "thickness_spread", "displacement", "electrons")


@dataclass(frozen=True, repr=False)
class Observed(Result):
    """Outcome of :func:`observed_variance`.

    Attributes
    ----------
    k
        nm⁻¹, shape (k,).
    variance
        V as recorded ("omega"), shape (k,).
    variance_range
        For mean free paths that are 20 % shorter and longer, shape (k, 2).
    mean_intensity
        ⟨I'⟩ per atom of the film in Å², shape (k,), and `intensity_parts`, which add up to it.
    parts
        V where one cause alone is added to the coherent one of a film that thick ("coherent"), by name of the cause.
    predicted, nuisance
        Parameters, told apart.
    """

    k: FloatArray = field(metadata=holds("nm⁻¹", role="axis"))
    variance: FloatArray
    variance_range: FloatArray
    mean_intensity: FloatArray = field(metadata=holds("Å²"))
    intensity_parts: Mapping[str, FloatArray]
    parts: Mapping[str, FloatArray]
    predicted: Mapping[str, float | bool | None]
    nuisance: Mapping[str, float]


def film_of(columns: Sequence[Atoms]) -> tuple[dict[str, float], float]:
    """Atoms per Å³ by element, and thickness in Å, of columns with the beam along z."""
    volume = math.fsum(abs(float(np.linalg.det(column.cell.array))) for column in columns)
    counts: dict[str, int] = {}
    for column in columns:
        for element, number in column.symbols.formula.count().items():
            counts[element] = counts.get(element, 0) + number
    thickness = math.fsum(float(column.cell.array[2, 2]) for column in columns) / len(columns)
    return {element: number / volume for element, number in counts.items()}, thickness


@functools.cache
def nitride() -> dict[str, float]:
    """Atoms per Å³ of amorphous Si3N4 by element."""
    from ase.data import atomic_masses, atomic_numbers

    unit = 3 * float(atomic_masses[atomic_numbers["Si"]]) + 4 * float(atomic_masses[atomic_numbers["N"]])
    units = NITRIDE_DENSITY / (unit * AMU_PER_A3_TO_G_PER_CM3)
    return {"Si": 3 * units, "N": 4 * units}


def _layer(
    number: Mapping[str, float], settings: FEMSettings, extended: FloatArray, rings: FloatArray
) -> Layer:
    beyond, circles = large_angle_losses(number, settings.energy_kev)
    return Layer(
        number=dict(number),
        mean_free_path=mean_free_path(density_of(number), settings.energy_kev),
        losses_beyond=beyond,
        inelastic=inelastic_intensity(number, extended, settings.energy_kev),
        gas=mean_square_factor(number, rings),
        circles=circles,
    )


def coherent_of(
    moments: Sequence[ColumnMoments], settings: FEMSettings, number: Mapping[str, float], thickness: float
) -> Coherent:
    """Pool columns, and prepare what :func:`observe` needs whatever its parameters.

    Parameters
    ----------
    moments
        One a column: those of a :class:`alzmodel.scattering.fem.variance.FEMResult`.
    settings
        The instrument.
    number, thickness
        From :func:`film_of`.

    Raises
    ------
    InputError
        If there are fewer than four rings, or an element without an incoherent scattering function.
    """
    return prepared(pooled(moments), moments[0].plane, settings, number, thickness)


def prepared(
    averages: Mapping[str, Any],
    plane: Plane,
    settings: FEMSettings,
    number: Mapping[str, float],
    thickness: float,
) -> Coherent:
    """As :func:`coherent_of`, of averages from :func:`pooled`."""
    k = settings.k
    first = int(min(_BEYOND, k[0] - _LOWEST) / settings.k_step)
    last = int(_BEYOND / settings.k_step)
    extended = k[0] + settings.k_step * np.arange(-first, len(k) + last)
    film = _layer(number, settings, extended, k)
    return Coherent(
        k=k,
        **averages,
        thickness=thickness,
        plane=plane,
        settings=settings,
        film=film,
        membrane=_layer(nitride(), settings, extended, k),
        small=ring_kernel(extended, circles_of_loss(loss_vector(settings.energy_kev))),
        large=ring_kernel(extended, film.circles),
        first=first,
        correlation=ring_correlation(plane, settings, len(extended)),
    )


def pooled(moments: Sequence[ColumnMoments]) -> dict[str, Any]:
    """`mean`, `single` and `averaged` of :class:`Coherent`, of all columns together."""
    mean = np.mean([column.mean for column in moments], axis=0)
    product = np.outer(mean, mean)
    apart = [column.apart for column in moments if column.apart is not None]
    return {
        "mean": mean,
        "single": np.mean([column.cross for column in moments], axis=0) / product - 1,
        "averaged": np.mean(apart, axis=0) / product - 1 if len(apart) == len(moments) else None,
    }


@dataclass(frozen=True, slots=True)
class Record:
    """What :func:`observe` finds: V and ⟨I'⟩ per Å², and the parts of the latter, each of shape (k,)."""

    variance: FloatArray
    intensity: FloatArray
    parts: Mapping[str, FloatArray]


def observe(coherent: Coherent, incoherent: Incoherent) -> Record:
    """V and mean pattern for one set of parameters: the forward model, some milliseconds.

    References
    ----------
    The background: M. M. J. Treacy and J. M. Gibson on decoherence, A. Rezikyan et al., Microsc. Microanal. 21 (2015)
    1455; J. M. Gibson and M. M. J. Treacy, J. Microsc. (2025), doi 10.1111/jmi.70027. Plural scattering as a Poisson
    process: Egerton (2011), sec. 4.1.1.
    """
    film = coherent.thickness if incoherent.film is None else incoherent.film
    elastic, membrane = (
        coherent.mean * (film / coherent.thickness),
        incoherent.membrane * coherent.membrane.gas,
    )
    covariance = _elastic_covariance(coherent, incoherent, film) / incoherent.modes
    summed = elastic + membrane if incoherent.membrane else elastic
    kernel, parts = _pattern(coherent, incoherent, film)
    speckled, variance = _smeared(coherent, kernel, summed, covariance)
    survived = _survival(coherent, incoherent, film)
    total = survived * speckled + sum(parts.values(), np.zeros_like(speckled))
    found = variance * np.square(survived * speckled / total)
    if incoherent.thickness_spread:
        found = found + np.square(incoherent.thickness_spread * thickness_slope(coherent, incoherent))
    if incoherent.electrons:
        found = found + 1 / (incoherent.electrons * _caught(coherent) * total)
    share = membrane / summed
    elastic_parts = {"film": survived * speckled * (1 - share)}
    if incoherent.membrane:
        elastic_parts["membrane"] = survived * speckled * share
    return Record(found, total, elastic_parts | parts)


def _beyond(coherent: Coherent) -> NDArray[np.int64]:
    """Say which ring stands for each extended ring: the first or the last one for those beyond."""
    return np.clip(np.arange(len(coherent.small)) - coherent.first, 0, len(coherent.k) - 1)


def _smeared(
    coherent: Coherent, kernel: FloatArray | None, pattern: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean and normalised variance of rings after a kernel (None: as they are).

    Beyond the rings mean and variance go on as constants, and rings are correlated as those of a structureless field.
    """
    if kernel is None:
        return pattern, np.diagonal(covariance)
    at = _beyond(coherent)
    whole = pattern[at]
    joint = covariance[np.ix_(at, at)]
    outside = np.arange(len(at)) - coherent.first != at
    deviation = np.sqrt(np.maximum(np.diagonal(joint), 0.0))
    gaps = np.abs(np.subtract.outer(np.arange(len(at)), np.arange(len(at))))
    alike = np.outer(deviation, deviation) * coherent.correlation[gaps]
    joint = np.where(outside[:, None] | outside[None, :], alike, joint) * np.outer(whole, whole)
    mean = kernel @ whole
    return mean, np.einsum("ij,jk,ik->i", kernel, joint, kernel, optimize=True) / np.square(mean)


def _survival(coherent: Coherent, incoherent: Incoherent, film: float) -> float:
    """Share of the elastic electrons that a filter lets through; 1 without a filter."""
    if not (incoherent.inelastic and incoherent.filtered):
        return 1.0
    return math.exp(-sum(_losses(coherent, incoherent, film)))


def _losses(coherent: Coherent, incoherent: Incoherent, film: float) -> tuple[float, float]:
    """Mean number of losses to small and to large angles."""
    layers = ((coherent.film, film), (coherent.membrane, incoherent.membrane))
    large = sum(layer.losses_beyond * thickness for layer, thickness in layers)
    every = sum(thickness / (layer.mean_free_path * incoherent.path_scale) for layer, thickness in layers)
    return max(every - large, 0.0), large


def _pattern(
    coherent: Coherent, incoherent: Incoherent, film: float
) -> tuple[FloatArray | None, dict[str, FloatArray]]:
    """Return the kernel of the rings (None: no smear) and what adds to them without speckle.

    Losses are independent, so their numbers are Poisson's and Σ e^−τ τⁿLⁿ/n! is the exponential of the matrix
    τ(L − 1). L holds small angles alone: electrons that lost energy at a large angle are D = e^−τ' exp[τ(L − 1)] i₁, τ'
    their mean number, to first order in τ'. Then no half stands before τ L i₁, and nothing is counted twice.
    """
    size, first = len(coherent.k), coherent.first
    kernel: FloatArray | None = None
    parts: dict[str, FloatArray] = {}
    if incoherent.inelastic and not incoherent.filtered:
        small, large = _losses(coherent, incoherent, film)
        one = np.eye(len(coherent.small))
        to_small = expm(small * (coherent.small - one))
        kernel = expm(small * (coherent.small - one) + large * (coherent.large - one))[first : first + size]
        lost = film * coherent.film.inelastic + incoherent.membrane * coherent.membrane.inelastic
        parts["large-angle inelastic"] = math.exp(-large) * (to_small @ lost)[first : first + size]
    if incoherent.background:
        parts["background"] = incoherent.background * film * coherent.film.gas
    if incoherent.glare:
        level = float(coherent.mean.mean()) * film / coherent.thickness
        parts["glare"] = np.full(size, incoherent.glare * level)
    return kernel, parts


def _elastic_covariance(coherent: Coherent, incoherent: Incoherent, film: float) -> FloatArray:
    """Normalised covariance of the elastic rings of film and membrane together.

    Fields of layers add: with U the overlap |⟨ψψ'*⟩|² of a structureless field, the sum of a film a and a membrane b
    has C = C_a + 2 U sqrt(I_a I_a' I_b I_b') + U I_b I_b', so that two structureless layers give U (I_a + I_b)²: the
    speckle of a sum of Gaussian fields does not know of how many.
    """
    thermal = incoherent.thermal and coherent.averaged is not None
    found = coherent.averaged if thermal and coherent.averaged is not None else coherent.single
    whole = found
    if film != coherent.thickness or incoherent.membrane:
        own = radial_speckle(coherent.plane, coherent.settings, coherent.thickness)
        whole = radial_speckle(coherent.plane, coherent.settings, film + incoherent.membrane)
        found = whole + (found - own) * (coherent.thickness / film)
    if incoherent.displacement:
        damping = np.exp(-np.square(2 * math.pi * 0.1 * coherent.k * incoherent.displacement))
        found = found * np.outer(damping, damping)
    if incoherent.membrane:
        share = coherent.mean * (film / coherent.thickness)
        share = share / (share + incoherent.membrane * coherent.membrane.gas)
        rest = 1 - share
        mixed = 2 * np.outer(np.sqrt(share * rest), np.sqrt(share * rest)) + np.outer(rest, rest)
        found = found * np.outer(share, share) + whole * mixed
    return found


def thickness_slope(coherent: Coherent, incoherent: Incoherent) -> FloatArray:
    """∂ ln ⟨I'⟩/∂ ln t on the rings, shape (k,), by central differences.

    It is 1 but for the membrane, glare and plural losses.
    """
    film = coherent.thickness if incoherent.film is None else incoherent.film
    level = incoherent.glare
    logs = []
    for sign in (1, -1):
        other = film * (1 + sign * _SLOPE_STEP)
        # Glare does not grow with the film.
        changed = replace(incoherent, film=other, thickness_spread=0.0, glare=level * film / other)
        elastic = coherent.mean * (other / coherent.thickness) + incoherent.membrane * coherent.membrane.gas
        kernel, parts = _pattern(coherent, changed, other)
        speckled = elastic if kernel is None else kernel @ elastic[_beyond(coherent)]
        total = _survival(coherent, changed, other) * speckled + sum(parts.values(), np.zeros_like(speckled))
        logs.append(np.log(total))
    return np.asarray((logs[0] - logs[1]) / (math.log1p(_SLOPE_STEP) - math.log1p(-_SLOPE_STEP)))


def _caught(coherent: Coherent) -> FloatArray:
    """Electrons in a ring for one incident electron and an intensity of one Å² per Å²."""
    settings = coherent.settings
    wave = relativistic_factor(settings.energy_kev) * settings.wavelength
    return np.asarray(wave**2 * 2 * math.pi * coherent.k * settings.ring_width * 1e-2)


def observed_variance(coherent: Coherent, incoherent: Incoherent | None = None) -> Observed:
    """V, mean pattern and parts as a microscope records them.

    Parameters
    ----------
    coherent
        From :func:`coherent_of`.
    incoherent
        None is a film as thick as the columns, with losses, on no membrane.

    Returns
    -------
    Observed
        Pixel variances ("r", "re", "image") need the kernel on pairs of pixels, which is not done.

    Examples
    --------
    >>> from alzmodel.scattering.fem.observed import Incoherent
    >>> Incoherent(film=300.0, background=0.2).modes
    1.0
    """
    incoherent = Incoherent() if incoherent is None else incoherent
    film = coherent.thickness if incoherent.film is None else incoherent.film
    atoms = film * math.fsum(coherent.film.number.values())
    record = observe(coherent, incoherent)
    edges = [
        observe(coherent, replace(incoherent, path_scale=incoherent.path_scale * factor)).variance
        for factor in (1 - PATH_ERROR, 1 + PATH_ERROR)
    ]
    small, large = _losses(coherent, incoherent, film)
    return Observed(
        k=coherent.k,
        variance=record.variance,
        variance_range=np.stack(edges, axis=1),
        mean_intensity=record.intensity / atoms,
        intensity_parts={name: part / atoms for name, part in record.parts.items()},
        parts=_parts(coherent, incoherent),
        predicted={
            "film": film,
            "membrane": incoherent.membrane,
            "filtered": incoherent.filtered,
            "thermal": incoherent.thermal and coherent.averaged is not None,
            "mean_free_path": coherent.film.mean_free_path * incoherent.path_scale,
            "mean_free_path_malis": mean_free_path_malis(coherent.film.number, coherent.settings.energy_kev),
            "mean_free_path_error": PATH_ERROR,
            "losses_small_angle": small,
            "losses_large_angle": large,
            "background_of_losses": float(
                np.mean(
                    coherent.film.inelastic[coherent.first : coherent.first + len(coherent.k)]
                    / coherent.film.gas
                )
            ),
        },
        nuisance={
            one.name: getattr(incoherent, one.name) for one in fields(incoherent) if one.name in NUISANCE
        },
    )


def _parts(coherent: Coherent, incoherent: Incoherent) -> dict[str, FloatArray]:
    """V with each cause alone added to the coherent one of this film; causes that are not there are left out."""
    bare = Incoherent(film=incoherent.film, inelastic=False, thermal=False)
    causes: dict[str, Incoherent] = {"coherent": bare}
    if incoherent.thermal and coherent.averaged is not None:
        causes["thermal"] = replace(bare, thermal=True)
    if incoherent.membrane:
        causes["membrane"] = replace(bare, membrane=incoherent.membrane)
    for name in NUISANCE:
        if getattr(incoherent, name) != getattr(bare, name):
            causes[name] = replace(bare, **{name: getattr(incoherent, name)})
    found = {name: observe(coherent, one).variance for name, one in causes.items()}
    if incoherent.inelastic and not incoherent.filtered:
        found |= _loss_parts(coherent, replace(bare, inelastic=True, path_scale=incoherent.path_scale))
    return found


def _loss_parts(coherent: Coherent, losses: Incoherent) -> dict[str, FloatArray]:
    """V with losses to small angles alone, which smear, and with those to large angles alone, which add."""
    film = coherent.thickness if losses.film is None else losses.film
    kernel, parts = _pattern(coherent, losses, film)
    covariance = _elastic_covariance(coherent, losses, film)
    elastic = coherent.mean * (film / coherent.thickness)
    _, small = _smeared(coherent, kernel, elastic, covariance)
    added = parts["large-angle inelastic"]
    return {
        "small-angle inelastic": small,
        "large-angle inelastic": np.diagonal(covariance) * np.square(elastic / (elastic + added)),
    }
