"""Fluctuation electron microscopy: the normalised variance of nanodiffraction over all positions of the probe.

Lengths of models are Å; scattering vectors are k = 1/d in nm⁻¹ without 2π.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import AlzmodelError, InputError
from alzmodel.progress import Progress, silent
from alzmodel.results import Item, Result, holds
from alzmodel.scattering.fem.settings import WALKED_OFF, FEMSettings
from alzmodel.scattering.fem.waves import (
    Plane,
    at_positions,
    blur,
    intensity_blocks,
    object_waves,
    pixel_blocks,
    plane_of,
    slab_blocks,
)

if TYPE_CHECKING:
    from ase import Atoms

__all__ = [
    "VARIANCES",
    "ColumnMoments",
    "Engine",
    "FEMResult",
    "FEMSettings",
    "column_moments",
    "fem",
    "fem_of_model",
    "intensities",
    "moments_and_rings",
    "pool",
    "speckle_floor",
]

FloatArray = NDArray[np.float64]
Variance = Literal["omega", "r", "re", "image"]
Engine = Literal["kinematic", "multislice"]
Intensities = Iterator[tuple[slice, FloatArray]]
"""Which detector pixels, and |ψ|² per Å² of column in them at every probe position, shape (pixels, positions)."""

VARIANCES: Final[tuple[Variance, ...]] = ("omega", "r", "re", "image")
"""Names of the four variances; "omega" is what is called V(k) where nothing else is said."""

N_BOOTSTRAP: Final = 200

SLAB: Final = 50.0
"""Å; thickest slab."""

SETTLED: Final = 0.01
"""Relative change of V, averaged over rings, at which multislice is sampled finely enough."""


@dataclass(frozen=True, slots=True)
class ColumnMoments:
    """What one column adds to the averages: moments of the intensity over all probe positions.

    Intensities are |ψ|² per Å² of column, in Å² Å⁻². Shapes (k,): `mean` ⟨I⟩, `omega` ⟨⟨I⟩_φ²⟩_p,
    `ensemble` ⟨I²⟩_φp and `rings` ⟨⟨I²⟩_φ/⟨I⟩_φ² − 1⟩_p. Shape (pixels,): `pixel_mean` ⟨I⟩_p and
    `pixel_square` ⟨I²⟩_p. `quadrant_mean` and `quadrant_omega`, shape (4, k), are `mean` and `omega` for the probe in
    one quarter of the column. `floor` is :func:`speckle_floor` for the thickness of the column.

    `cross` ⟨⟨I⟩_φ ⟨I⟩_φ'⟩_p of every two rings, shape (k, k), has `omega` on its diagonal. `apart` is the same with the
    two rings looked at in different frames of a column (:func:`alzmodel.scattering.fem.thermal.thermal_moments`); None
    where there is one frame.
    """

    mean: FloatArray
    omega: FloatArray
    ensemble: FloatArray
    rings: FloatArray
    pixel_mean: FloatArray
    pixel_square: FloatArray
    quadrant_mean: FloatArray
    quadrant_omega: FloatArray
    floor: FloatArray
    plane: Plane
    n_atoms: int
    cross: FloatArray
    apart: FloatArray | None = None


@dataclass(frozen=True, repr=False)
class FEMResult(Result):
    """Outcome of :func:`fem`.

    Attributes
    ----------
    k
        Ring centres, nm⁻¹ (1/d), shape (k,).
    variance
        "omega", "r", "re" and "image", each of shape (k,): see :func:`fem`.
    variance_ci95
        For each, 95 % intervals from a bootstrap over columns, shape (k, 2); NaN for a single column.
    mean_intensity
        ⟨I⟩ per atom and per incident electron in Å² (sum of squared electron factors, without the relativistic
        factor), shape (k,).
    floor
        "omega" variance of a structure without any order, see :func:`speckle_floor`, shape (k,).
    n_columns, n_atoms
        Number of columns and mean number of atoms in one.
    settings
        As given.
    moments
        Per column, for pooling and resampling.
    note
        How the columns came about, in a few words; empty where they were given.
    """

    shown = "variance/omega"
    k: FloatArray = field(metadata=holds("nm⁻¹", role="axis"))
    variance: Mapping[str, FloatArray]
    variance_ci95: Mapping[str, FloatArray]
    mean_intensity: FloatArray = field(metadata=holds("Å²"))
    floor: FloatArray = field(metadata=holds(key="variance_floor", stored="floor"))
    n_columns: int
    n_atoms: float
    settings: FEMSettings = field(metadata=holds(hidden=True))
    moments: tuple[ColumnMoments, ...] = field(metadata=holds(hidden=True))
    note: str = ""

    def items(self) -> Iterator[Item]:
        """Attributes by their name; :func:`alzmodel.scattering.fem.fit.with_peaks` adds the peaks."""
        yield from Result.items(self)
        yield Item("settings", asdict(self.settings))


def fem(
    columns: Sequence[Atoms] | Atoms,
    settings: FEMSettings | None = None,
    *,
    engine: Engine = "kinematic",
    n_bootstrap: int = N_BOOTSTRAP,
    seed: int = 0,
    progress: Progress = silent,
) -> FEMResult:
    """Normalised variance of nanodiffraction over all probe positions.

    Parameters
    ----------
    columns
        Models that are periodic in the plane and at least `settings.min_width` wide, the beam along z; z itself is
        never repeated. See :mod:`alzmodel.models.columns`. Averages run over all of them.
    settings
        None is the instrument of Zhu et al. (Adv. Mater. 2024): 200 keV, 0.51 mrad.
    engine
        "kinematic": single scattering. "multislice": multiple scattering by abTEM, hundreds of times slower, its
        pixels and slices refined on the first column until "omega" changes by less than 1 %.
    n_bootstrap
        Bootstrap samples of the columns for the intervals; 0 leaves them out.
    seed
        Of the bootstrap.
    progress
        Told after every column.

    Returns
    -------
    FEMResult
        With ⟨⟩_φ around a ring, ⟨⟩_p over probe positions (and columns), I the intensity in a detector pixel:

        * omega, variance of the ring mean: ⟨⟨I⟩_φ²⟩_p/⟨⟨I⟩_φ⟩_p² − 1;
        * r, mean variance within a ring: ⟨⟨I²⟩_φ/⟨I⟩_φ² − 1⟩_p;
        * re, variance of the ring ensemble: ⟨I²⟩_φp/⟨I⟩_φp² − 1;
        * image, ring mean of the variance image: ⟨⟨I²⟩_p/⟨I⟩_p² − 1⟩_φ, pooled over columns of the same in-plane
          cell, whose pixels coincide, and averaged over cells.

    Raises
    ------
    InputError
        If there is no column, or one is not periodic in the plane, too narrow, or holds an element without an
        electron factor; if the engine is unknown, or abTEM is not installed.
    AlzmodelError
        If multislice does not settle.

    Notes
    -----
    A probe of beams b with amplitudes c_b at position p gives I_p(q) = |Σ_b c_b exp(−2πi b·p) F(q − b)|² =
    Σ_Δ C_Δ(q) exp(−2πiΔ·p) with C_Δ(q) = Σ_{b−b'=Δ} c_b c*_b' F(q − b) F*(q − b'). Ring means are linear in C_Δ, and
    by Parseval ⟨⟨I⟩_φ²⟩_p = Σ_Δ |⟨C_Δ⟩_φ|². The same sum is the mean over an even grid of more positions per cell
    vector than four times the largest beam index, which is how it is computed here: that one grid also gives "re" and
    "image" exactly, and "r", whose ratio is smooth but no polynomial, to about 1e-3 of its value.

    References
    ----------
    The four variances: T. L. Daulton, K. S. Bondi and K. F. Kelton, Ultramicroscopy 110 (2010) 1279.
    Kinematic FEM of models: M. M. J. Treacy, J. M. Gibson, L. Fan, D. J. Paterson and I. McNulty, Rep. Prog. Phys.
    68 (2005) 2899.
    """
    settings = FEMSettings() if settings is None else settings
    models = [columns] if not isinstance(columns, Sequence) else list(columns)
    if not models:
        raise InputError("FEM: no columns; allowed: at least one")
    names = [f"FEM column {number}" if len(models) > 1 else "FEM column" for number in range(len(models))]
    for model, name in zip(models, names, strict=True):
        if len(model) == 0:
            raise InputError(f"{name}: no atoms; allowed: at least one")
        settings.plane(plane_of(model, name), name)
    if engine not in get_args(Engine):
        raise InputError(f"FEM engine: {engine}; allowed: {', '.join(get_args(Engine))}")
    moments: list[ColumnMoments] = []
    sampling, note = None, ""
    if engine == "multislice":
        from alzmodel.scattering.fem.multislice import check_abtem

        check_abtem()
        progress(0.0, "multislice of the first column, finer until V settles")
        first, sampling, change = _settled(models[0], settings)
        moments.append(first)
        note = (
            f"abTEM multislice, pixels of {sampling[0]:g} Å and slices of {sampling[1]:g} Å; V changed by "
            f"{change:.2%} in the last refinement"
        )
    for number, model in enumerate(models[len(moments) :], start=len(moments)):
        moments.append(column_moments(model, settings, sampling=sampling))
        progress((number + 1) / len(models), f"FEM of column {number + 1} of {len(models)}")
    return replace(pool(moments, settings, n_bootstrap=n_bootstrap, seed=seed), note=note)


def _settled(column: Atoms, settings: FEMSettings) -> tuple[ColumnMoments, tuple[float, float], float]:
    """Multislice of one column at the coarsest sampling whose V is within 1 % of the next coarser one's."""
    from alzmodel.scattering.fem.multislice import REFINEMENTS

    before: FloatArray | None = None
    change = math.nan
    for sampling in REFINEMENTS:
        moments = column_moments(column, settings, sampling=sampling)
        variance = moments.omega / np.square(moments.mean) - 1
        if before is not None:
            change = float(np.mean(np.abs(variance - before)) / np.mean(variance))
            if change < SETTLED:
                return moments, sampling, change
        before = variance
    raise AlzmodelError(
        f"multislice: V still changes by {change:.1%} at pixels of {REFINEMENTS[-1][0]:g} Å; the column is too thick "
        "or too heavy"
    )


def fem_of_model(
    model: Sequence[Atoms] | Atoms,
    *,
    thickness: float = 50.0,
    n_columns: int = 4,
    seed: int = 0,
    settings: FEMSettings | None = None,
    engine: Engine = "kinematic",
    progress: Progress = silent,
) -> FEMResult:
    """FEM of any periodic model: columns are made from it first.

    Parameters
    ----------
    model
        One model, or several of the same material; columns and wide boxes are used as they are or cut, smaller models
        put together: see :class:`alzmodel.models.specimen.Specimen`.
    thickness
        Of the columns that are made, Å.
    n_columns, seed
        Number of columns to put together, and the seed of the first.
    settings, engine, progress
        See :func:`fem`.

    Returns
    -------
    FEMResult
        With a note on the columns.

    Raises
    ------
    InputError
        If the model is not periodic or cannot be cut, or a number is out of range.
    """
    from alzmodel.models.specimen import Specimen

    settings = FEMSettings() if settings is None else settings
    specimen = Specimen(thickness=thickness, min_width=settings.min_width)
    columns = list(specimen.columns(model, n_columns, seed))
    note = specimen.note(model)
    result = fem(columns, settings, engine=engine, progress=progress)
    return replace(result, note=f"{note}; {result.note}" if result.note else note)


def column_moments(
    column: Atoms, settings: FEMSettings, *, sampling: tuple[float, float] | None = None
) -> ColumnMoments:
    """Moments of the intensity of one column over all probe positions; see :func:`fem`.

    `sampling` is that of :func:`intensities`.
    """
    return moments_and_rings(column, settings, sampling=sampling)[0]


def moments_and_rings(
    column: Atoms, settings: FEMSettings, *, sampling: tuple[float, float] | None = None
) -> tuple[ColumnMoments, FloatArray]:
    """Moments as of :func:`column_moments`, and the ring means at every probe position, shape (k, positions)."""
    plane = settings.plane(plane_of(column))
    n_rings, n_pixels = plane.rings.shape
    n_positions = plane.positions[0] * plane.positions[1]
    first = np.zeros((n_rings, n_positions))
    second = np.zeros((n_rings, n_positions))
    pixel_mean, pixel_square = np.empty(n_pixels), np.empty(n_pixels)
    for part, intensity in intensities(column, settings, plane, sampling=sampling):
        square = np.square(intensity)
        share = plane.rings[:, part]
        first += share @ intensity
        second += share @ square
        pixel_mean[part], pixel_square[part] = intensity.mean(axis=1), square.mean(axis=1)
    z = column.positions[:, 2]
    at = np.arange(n_positions)
    quadrant = (
        2 * (2 * (at // plane.positions[1]) // plane.positions[0])
        + 2 * (at % plane.positions[1]) // plane.positions[1]
    )
    omega = np.square(first).mean(axis=1)
    cross = first @ first.T / n_positions
    # The same sum in another order: one of them stands for both.
    np.fill_diagonal(cross, omega)
    moments = ColumnMoments(
        mean=first.mean(axis=1),
        omega=omega,
        ensemble=second.mean(axis=1),
        rings=np.mean(second / np.square(first), axis=1) - 1,
        pixel_mean=pixel_mean,
        pixel_square=pixel_square,
        quadrant_mean=np.array([first[:, quadrant == n].mean(axis=1) for n in range(4)]),
        quadrant_omega=np.array([np.square(first[:, quadrant == n]).mean(axis=1) for n in range(4)]),
        floor=speckle_floor(plane, settings, float(z.max() - z.min())),
        plane=plane,
        n_atoms=len(column),
        cross=cross,
    )
    return moments, first


def intensities(
    column: Atoms,
    settings: FEMSettings,
    plane: Plane,
    *,
    sampling: tuple[float, float] | None = None,
) -> Intensities:
    """Diffracted intensity in the detector pixels at every probe position, some pixels at a time.

    Parameters
    ----------
    column
        Periodic in the plane, beam along z.
    settings
        The instrument.
    plane
        Of the column, from :meth:`FEMSettings.plane`.
    sampling
        None: single scattering. Pixels of the potential and slices in Å: multislice by abTEM.

    Yields
    ------
    slice, numpy.ndarray
        Which pixels, and |ψ|² per Å² of column, shape (pixels of the block, positions).
    """
    if sampling is not None:
        from alzmodel.scattering.fem.multislice import beam_waves

        beams = beam_waves(
            column, plane, settings.energy_kev, sampling=sampling[0], slice_thickness=sampling[1]
        )
        blocks = ((part, [at_positions(beams[part], plane)]) for part in pixel_blocks(plane))
    else:
        slabs, heights = _slabs(column)
        waves = object_waves(
            column,
            slabs,
            plane,
            settings.wavelength,
            curved=settings.curved,
            tolerance=settings.tolerance,
        )
        if len(slabs) > 1 and settings.curved:
            blocks = ((part, [psi]) for part, psi in slab_blocks(waves, heights, plane, settings.wavelength))
        else:
            whole = [np.sum(waves, axis=0)] if len(waves) > 1 else waves
            blocks = ((part, psi) for part, psi in intensity_blocks(whole, plane))
    for part, (psi,) in blocks:
        yield part, blur((np.square(psi.real) + np.square(psi.imag)) / plane.area, plane)


def _slabs(column: Atoms) -> tuple[list[NDArray[np.bool_]], list[float]]:
    """Which atoms lie in each slab of a thick column, and how far its middle is from that of the column, Å."""
    z = column.positions[:, 2]
    low, high = float(z.min()), float(z.max())
    count = 1 if high - low <= WALKED_OFF else math.ceil((high - low) / SLAB)
    step = (high - low) / count
    number = np.minimum((z - low) // step, count - 1) if count > 1 else np.zeros(len(column))
    masks = [number == n for n in range(count)]
    return masks, [step * (n + 0.5 - 0.5 * count) for n in range(count)]


def pool(
    moments: Sequence[ColumnMoments],
    settings: FEMSettings,
    *,
    n_bootstrap: int = N_BOOTSTRAP,
    seed: int = 0,
) -> FEMResult:
    """Averages over columns, with a bootstrap over columns for the intervals; see :func:`fem`."""
    n_columns = len(moments)
    planes = list({id(column.plane): column.plane for column in moments}.values())
    member = np.array([next(n for n, p in enumerate(planes) if p is column.plane) for column in moments])
    weights = np.ones((1, n_columns))
    if n_bootstrap and n_columns > 1:
        rng = np.random.default_rng(seed)
        weights = np.vstack(
            [weights, rng.multinomial(n_columns, np.full(n_columns, 1 / n_columns), size=n_bootstrap)]
        )
    stack = {
        name: np.array([getattr(column, name) for column in moments])
        for name in ("mean", "omega", "ensemble", "rings", "floor")
    }
    average = {name: weights @ values / n_columns for name, values in stack.items()}
    square = np.square(average["mean"])
    curves = {
        "omega": average["omega"] / square - 1,
        "r": average["rings"],
        "re": average["ensemble"] / square - 1,
        "image": _image_variance(moments, planes, member, weights),
    }
    intervals = {
        name: np.quantile(curve[1:], [0.025, 0.975], axis=0).T
        if len(curve) > 1
        else np.full((len(settings.k), 2), math.nan)
        for name, curve in curves.items()
    }
    per_area = np.array([column.n_atoms / column.plane.area for column in moments])
    return FEMResult(
        k=settings.k,
        variance={name: curve[0] for name, curve in curves.items()},
        variance_ci95=intervals,
        mean_intensity=average["mean"][0] / float(per_area.mean()),
        floor=average["floor"][0],
        n_columns=n_columns,
        n_atoms=float(np.mean([column.n_atoms for column in moments])),
        settings=settings,
        moments=tuple(moments),
    )


def _image_variance(
    moments: Sequence[ColumnMoments],
    planes: Sequence[Plane],
    member: NDArray[np.int64],
    weights: FloatArray,
) -> FloatArray:
    """⟨⟨I²⟩_p/⟨I⟩_p² − 1⟩_φ for each row of column weights, shape (rows, k)."""
    total = np.zeros((len(weights), len(moments[0].mean)))
    norm = np.zeros((len(weights), 1))
    for number, plane in enumerate(planes):
        inside: list[int] = np.flatnonzero(member == number).tolist()
        part = weights[:, inside]
        count = part.sum(axis=1)
        used = count > 0
        mean = part[used] @ np.array([moments[n].pixel_mean for n in inside])
        square = part[used] @ np.array([moments[n].pixel_square for n in inside])
        ratio = count[used, None] * square / np.square(mean)
        total[used] += count[used, None] * ((plane.rings @ ratio.T).T - 1)
        norm[used, 0] += count[used]
    return total / norm


def speckle_floor(plane: Plane, settings: FEMSettings, thickness: float) -> FloatArray:
    """Variance "omega" of a structure without any order: what the finite number of speckles in a ring leaves.

    With atoms at random the waves on the reciprocal lattice are independent Gaussian variables, save that F(−q) is
    the conjugate of F(q) up to the curvature of the Ewald sphere. Then, over pixels q with ring weights w,

    V = Σ_qq' w w' [P(q − q') + χ² P'(q + q')],  P(s) = |Σ_b c_b c*_(b+s)|²,  P'(s) = |Σ_b c_b c_(s−b)|²

    (an effective source damps the cross terms in P) with χ = sin(πλq²t)/(πλq²t) for thickness t: thin columns give
    patterns with a centre of symmetry, half as many speckles and twice the variance. Any structure that is disordered
    beyond the size of the probe has this V, whatever its S(k): order shows as an excess over it. N atoms at random add
    the variance of a single atom over N, as their number in the probe fluctuates; a dense glass has less of that.

    Parameters
    ----------
    plane
        From :meth:`FEMSettings.plane`.
    settings
        The instrument.
    thickness
        Of the column, Å.

    Returns
    -------
    numpy.ndarray
        Shape (k,).
    """
    k = 0.1 * settings.k
    chi = np.sinc(settings.wavelength * k**2 * thickness) if settings.curved else np.ones_like(k)
    return np.asarray(plane.speckle + chi**2 * plane.mirrored_speckle, dtype=np.float64)
