"""Fluctuation electron microscopy: the normalised variance of nanodiffraction over all positions of the probe.

Lengths of models are Å; scattering vectors are k = 1/d in nm⁻¹ without 2π.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import InputError
from alzmodel.progress import Progress, silent
from alzmodel.scattering.fem_waves import (
    Plane,
    blur,
    intensity_blocks,
    object_waves,
    plane_of,
    probe_plane,
)
from alzmodel.units import electron_wavelength

if TYPE_CHECKING:
    from ase import Atoms

    from alzmodel.scattering.fem_fit import FEMPeak, FitMode

__all__ = [
    "VARIANCES",
    "ColumnMoments",
    "FEMResult",
    "FEMSettings",
    "column_moments",
    "fem",
    "fem_of_model",
    "pool",
    "speckle_floor",
]

FloatArray = NDArray[np.float64]
Variance = Literal["omega", "r", "re", "image"]

VARIANCES: Final[tuple[Variance, ...]] = ("omega", "r", "re", "image")
"""Names of the four variances; "omega" is what is called V(k) where nothing else is said."""

AIRY_FWHM: Final = 0.5145
"""FWHM of the intensity of an Airy pattern times semi-angle over wavelength: [2 J₁(v)/v]² = ½ at v = 1.6163, and
2 v/(2π) = 0.5145."""

MIN_WIDTH_IN_PROBES: Final = 4.7
"""Smallest width of a column in probe FWHMs: the tails of the periodic copies of the probe then carry less than a
percent. 12 nm for half a milliradian at 200 keV."""

N_BOOTSTRAP: Final = 200


@dataclass(frozen=True, slots=True)
class FEMSettings:
    """The instrument and the rings.

    Parameters
    ----------
    energy_kev
        Electron energy, keV.
    semi_angle_mrad
        Convergence semi-angle of the probe, mrad: a sharp aperture of radius α/λ.
    defocus
        Å; 0 is a probe in focus at the middle of the column.
    source_fwhm
        FWHM of a Gaussian effective source in the plane of the column, Å; 0 is full spatial coherence.
    k_min, k_max, k_step
        Centres of the first and last ring and their distance, nm⁻¹.
    ring_width
        Radial width of every ring, nm⁻¹. V depends on it: wider rings average more speckles.
    curved
        Whether the Ewald sphere is curved. A flat one is wrong by a factor 1.2 in V at 5 nm and 1.6 at 10 nm; it is
        there for comparison.
    tolerance
        Relative error of the diffracted waves, 1e-14 to 1e-2.

    Raises
    ------
    InputError
        If a value is not finite or out of range.
    """

    energy_kev: float = 200.0
    semi_angle_mrad: float = 0.51
    defocus: float = 0.0
    source_fwhm: float = 0.0
    k_min: float = 1.5
    k_max: float = 8.0
    k_step: float = 0.05
    ring_width: float = 0.1
    curved: bool = True
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        ranges = {
            "energy_kev": (20.0, 1500.0, "keV"),
            "semi_angle_mrad": (0.02, 10.0, "mrad"),
            "defocus": (-1e6, 1e6, "Å"),
            "source_fwhm": (0.0, 1e3, "Å"),
            "k_min": (0.2, 20.0, "nm⁻¹"),
            "k_max": (0.2, 20.0, "nm⁻¹"),
            "k_step": (1e-3, 5.0, "nm⁻¹"),
            "ring_width": (1e-3, 5.0, "nm⁻¹"),
            "tolerance": (1e-14, 1e-2, ""),
        }
        for name, (low, high, unit) in ranges.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(f"FEM {name}: {value}; allowed: {low:g} to {high:g} {unit}".rstrip())
        if self.k_max < self.k_min:
            raise InputError(f"FEM k_max: {self.k_max}; allowed: at least k_min = {self.k_min:g} nm⁻¹")
        if self.k_min - 0.5 * self.ring_width < 10 * self.aperture:
            raise InputError(
                f"FEM k_min: {self.k_min:g}; allowed: above {10 * self.aperture + 0.5 * self.ring_width:.2f} nm⁻¹, "
                "the direct beam and half a ring"
            )

    @property
    def wavelength(self) -> float:
        """Å."""
        return electron_wavelength(self.energy_kev)

    @property
    def aperture(self) -> float:
        """Radius of the aperture α/λ in Å⁻¹."""
        return self.semi_angle_mrad * 1e-3 / self.wavelength

    @property
    def probe_fwhm(self) -> float:
        """FWHM of the coherent probe in focus (Airy pattern), Å."""
        return AIRY_FWHM / self.aperture

    @property
    def min_width(self) -> float:
        """Narrowest column that holds the probe, Å."""
        return MIN_WIDTH_IN_PROBES * self.probe_fwhm

    @property
    def k(self) -> FloatArray:
        """Ring centres, nm⁻¹."""
        count = math.floor((self.k_max - self.k_min) / self.k_step + 1e-9) + 1
        return np.asarray(self.k_min + self.k_step * np.arange(count), dtype=np.float64)

    def plane(self, cell: tuple[tuple[float, float], tuple[float, float]], name: str = "column") -> Plane:
        """Beams, pixels and rings for an in-plane cell (rows, Å).

        Raises
        ------
        InputError
            If the cell is narrower than `min_width`.
        """
        vectors = np.array(cell)
        heights = abs(np.linalg.det(vectors)) / np.linalg.norm(vectors, axis=1)
        if heights.min() < self.min_width:
            raise InputError(
                f"{name}: {heights.min():.1f} Å wide; allowed: at least {self.min_width:.0f} Å, {MIN_WIDTH_IN_PROBES} "
                f"times the {self.probe_fwhm:.1f} Å probe (a glass column is made from a smaller model)"
            )
        return probe_plane(
            cell,
            self.aperture,
            math.pi * self.wavelength * self.defocus,
            self.source_fwhm / math.sqrt(8 * math.log(2)),
            tuple((0.1 * self.k).tolist()),
            0.1 * self.ring_width,
        )


@dataclass(frozen=True, slots=True)
class ColumnMoments:
    """What one column adds to the averages: moments of the intensity over all probe positions.

    Intensities are |ψ|² per Å² of column, in Å² Å⁻². Shapes (k,): `mean` ⟨I⟩, `omega` ⟨⟨I⟩_φ²⟩_p,
    `ensemble` ⟨I²⟩_φp and `rings` ⟨⟨I²⟩_φ/⟨I⟩_φ² − 1⟩_p. Shape (pixels,): `pixel_mean` ⟨I⟩_p and
    `pixel_square` ⟨I²⟩_p. `quadrant_mean` and `quadrant_omega`, shape (4, k), are `mean` and `omega` for the probe in
    one quarter of the column. `floor` is :func:`speckle_floor` for the thickness of the column.
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


@dataclass(frozen=True)
class FEMResult:
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

    k: FloatArray
    variance: Mapping[str, FloatArray]
    variance_ci95: Mapping[str, FloatArray]
    mean_intensity: FloatArray
    floor: FloatArray
    n_columns: int
    n_atoms: float
    settings: FEMSettings
    moments: tuple[ColumnMoments, ...]
    note: str = ""

    def peaks(self, mode: FitMode = "four") -> tuple[FEMPeak, ...]:
        """Peaks of the "omega" variance that stand out: see :func:`alzmodel.scattering.fem_fit.fit_fem_peaks`."""
        from alzmodel.scattering.fem_fit import fit_fem_peaks

        return tuple(peak for peak in fit_fem_peaks(self, mode).peaks if peak.significant)

    def to_dict(self, mode: FitMode = "four") -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "k": self.k,
            "variance": dict(self.variance),
            "variance_ci95": dict(self.variance_ci95),
            "variance_floor": self.floor,
            "mean_intensity": self.mean_intensity,
            "peaks": [peak.to_dict() for peak in self.peaks(mode)],
            "n_columns": self.n_columns,
            "n_atoms": self.n_atoms,
            "settings": asdict(self.settings),
            "note": self.note,
        }


def fem(
    columns: Sequence[Atoms] | Atoms,
    settings: FEMSettings | None = None,
    *,
    n_bootstrap: int = N_BOOTSTRAP,
    seed: int = 0,
    progress: Progress = silent,
) -> FEMResult:
    """Normalised variance of kinematic nanodiffraction over all probe positions.

    Parameters
    ----------
    columns
        Models that are periodic in the plane and at least `settings.min_width` wide, the beam along z; z itself is
        never repeated. See :mod:`alzmodel.build.columns`. Averages run over all of them.
    settings
        None is the instrument of Zhu et al. (Adv. Mater. 2024): 200 keV, 0.51 mrad.
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
        electron factor.

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
    moments = []
    for number, model in enumerate(models):
        moments.append(column_moments(model, settings))
        progress((number + 1) / len(models), f"FEM of column {number + 1} of {len(models)}")
    return pool(moments, settings, n_bootstrap=n_bootstrap, seed=seed)


def fem_of_model(
    model: Sequence[Atoms] | Atoms,
    *,
    thickness: float = 50.0,
    n_columns: int = 4,
    seed: int = 0,
    settings: FEMSettings | None = None,
    progress: Progress = silent,
) -> FEMResult:
    """FEM of any periodic model: columns are made from it first.

    Parameters
    ----------
    model
        One model, or several of the same material; columns and wide boxes are used as they are or cut, smaller models
        put together: see :func:`alzmodel.build.columns.fem_columns`.
    thickness
        Of the columns that are made, Å.
    n_columns, seed
        Number of columns to put together, and the seed of the first.
    settings, progress
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
    from alzmodel.build.columns import MIN_WIDTH, WIDTH, fem_columns

    settings = FEMSettings() if settings is None else settings
    # Wider probes need wider columns; the usual one leaves the tenth that the default width has over its limit.
    min_width = max(MIN_WIDTH, settings.min_width)
    columns, note = fem_columns(
        model,
        n_columns=n_columns,
        width=max(WIDTH, 1.05 * min_width),
        thickness=thickness,
        min_width=min_width,
        seed=seed,
    )
    return replace(fem(columns, settings, progress=progress), note=note)


def column_moments(column: Atoms, settings: FEMSettings) -> ColumnMoments:
    """Moments of the intensity of one column over all probe positions; see :func:`fem`."""
    plane = settings.plane(plane_of(column))
    everything = [np.ones(len(column), dtype=np.bool_)]
    waves = object_waves(
        column,
        everything,
        plane,
        settings.wavelength,
        curved=settings.curved,
        tolerance=settings.tolerance,
    )
    n_rings, n_pixels = plane.rings.shape
    n_positions = plane.positions[0] * plane.positions[1]
    first = np.zeros((n_rings, n_positions))
    second = np.zeros((n_rings, n_positions))
    pixel_mean, pixel_square = np.empty(n_pixels), np.empty(n_pixels)
    for part, (psi,) in intensity_blocks(waves, plane):
        intensity = blur((np.square(psi.real) + np.square(psi.imag)) / plane.area, plane)
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
    return ColumnMoments(
        mean=first.mean(axis=1),
        omega=np.square(first).mean(axis=1),
        ensemble=second.mean(axis=1),
        rings=np.mean(second / np.square(first), axis=1) - 1,
        pixel_mean=pixel_mean,
        pixel_square=pixel_square,
        quadrant_mean=np.array([first[:, quadrant == n].mean(axis=1) for n in range(4)]),
        quadrant_omega=np.array([np.square(first[:, quadrant == n]).mean(axis=1) for n in range(4)]),
        floor=speckle_floor(plane, settings, float(z.max() - z.min())),
        plane=plane,
        n_atoms=len(column),
    )


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
