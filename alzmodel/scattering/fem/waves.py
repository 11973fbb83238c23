"""Diffracted waves of a column and their sums over all probe positions: what the FEM variance is made of.

A column is periodic in the plane, so its wave exists only on the reciprocal lattice of that plane, and the probe is
a finite sum of plane waves ("beams") of the same lattice. Everything that is averaged over probe positions is then a
trigonometric polynomial of the position, whose mean over all positions equals its mean over a small even grid.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import finufft
import numpy as np
from numpy.typing import NDArray
from scipy import fft, sparse, special

from alzmodel.errors import InputError
from alzmodel.scattering.form_factors import electron_factor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms

__all__ = [
    "Plane",
    "at_positions",
    "blur",
    "disc_overlap",
    "intensity_blocks",
    "object_waves",
    "pixel_blocks",
    "plane_of",
    "probe_plane",
    "slab_blocks",
]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_BLOCK_VALUES = 1 << 20
"""Complex values held at once while pixels are turned into intensities (16 MiB)."""

_PIXELS_PER_RADIUS = 2.5
"""Columns so wide that the reciprocal lattice is finer than this many points per aperture radius use a sublattice of it
for detector pixels: speckles are as large as the aperture, so nothing is lost and cost stays linear."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Beams, detector pixels and rings that belong to one in-plane cell and one set of instrument settings.

    Attributes
    ----------
    cell
        In-plane cell vectors as rows, Å, shape (2, 2); `reciprocal` their reciprocal vectors (no 2π), Å⁻¹.
    beams
        Indices of the plane waves of the probe, shape (b, 2), and `amplitudes` c_b, shape (b,), Σ|c_b|² = 1.
    half
        Largest index of the wave grid in each direction; grids have shape (2 half[0] + 1, 2 half[1] + 1).
    pixels
        Indices of the detector pixels, shape (p, 2).
    rings
        Sparse matrix, shape (k, p), rows adding up to one: the share of each pixel in each ring, by area.
    positions
        Number of probe positions along each cell vector.
    source
        Fourier coefficients of the effective source on the grid of positions, shape `positions`; None is a point.
    speckle, mirrored_speckle
        Σ_qq' w w' P(q − q') and the same with q + q', shape (k,): see
        :func:`alzmodel.scattering.fem.variance.speckle_floor`.
    """

    cell: FloatArray
    reciprocal: FloatArray
    beams: NDArray[np.int64]
    amplitudes: ComplexArray
    half: tuple[int, int]
    pixels: NDArray[np.int64]
    rings: sparse.csr_array
    positions: tuple[int, int]
    source: FloatArray | None
    speckle: FloatArray
    mirrored_speckle: FloatArray

    @property
    def area(self) -> float:
        """Area of the in-plane cell, Å²."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def independent_positions(self) -> float:
        """Number of independent probe positions N on the column: V of a random structure scatters by V sqrt(2/N).

        N = (Σ_Δ a)²/Σ_Δ a² over Δ ≠ 0, a(Δ) = Σ_b |c_b|² |c_(b−Δ)|² the mean power of a ring at that frequency.
        """
        weight = np.zeros(4 * np.abs(self.beams).max(axis=0) + 1)
        weight[tuple((self.beams - self.beams.min(axis=0)).T)] = np.abs(self.amplitudes) ** 2
        power = np.abs(fft.ifft2(np.abs(fft.fft2(weight)) ** 2))
        power[0, 0] = 0.0
        return float(power.sum() ** 2 / np.sum(power**2))


def disc_overlap(centres: FloatArray, spanning: FloatArray, radius: float) -> FloatArray:
    """Area shared by parallelograms and a disc around the origin.

    Parameters
    ----------
    centres
        Shape (n, 2).
    spanning
        The two edge vectors of every parallelogram as rows, shape (2, 2).
    radius
        Of the disc, in the unit of the others.

    Returns
    -------
    numpy.ndarray
        Shape (n,), exact: every edge and the origin span a triangle, whose part in the disc is a triangle between
        two circular sectors.
    """
    corners = 0.5 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ spanning
    area = np.zeros(len(centres))
    for n in range(4):
        start, end = centres + corners[n], centres + corners[(n + 1) % 4]
        along = end - start
        # Where the line through the edge meets the circle, as fractions of the edge.
        a = float(np.dot(along[0], along[0])) if len(along) else 1.0
        b = np.einsum("ij,ij->i", start, along)
        c = np.einsum("ij,ij->i", start, start) - radius**2
        root = np.sqrt(np.maximum(b * b - a * c, 0.0))
        enter = start + np.clip((-b - root) / a, 0, 1)[:, None] * along
        leave = start + np.clip((-b + root) / a, 0, 1)[:, None] * along
        area += _sector(start, enter, radius) + 0.5 * _cross(enter, leave) + _sector(leave, end, radius)
    turn = math.copysign(1.0, float(spanning[0, 0] * spanning[1, 1] - spanning[0, 1] * spanning[1, 0]))
    return np.maximum(turn * area, 0.0)


def _cross(u: FloatArray, v: FloatArray) -> FloatArray:
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]


def _sector(u: FloatArray, v: FloatArray, radius: float) -> FloatArray:
    return 0.5 * radius**2 * np.arctan2(_cross(u, v), np.einsum("ij,ij->i", u, v))


def _lattice_disc(reciprocal: FloatArray, radius: float) -> NDArray[np.int64]:
    """Return the indices of the lattice points whose parallelogram may touch the disc, shape (n, 2), in fixed order."""
    reach = radius + 0.5 * float(np.linalg.norm(reciprocal, axis=1).sum())
    # Heights of the reciprocal cell: |h| ≤ reach / height.
    heights = abs(np.linalg.det(reciprocal)) / np.linalg.norm(reciprocal[::-1], axis=1)
    spans = [np.arange(-int(reach / height), int(reach / height) + 1) for height in heights]
    indices = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 2)
    return indices[np.linalg.norm(indices @ reciprocal, axis=1) <= reach]


@functools.lru_cache(maxsize=4)
def probe_plane(
    cell: tuple[tuple[float, float], tuple[float, float]],
    aperture: float,
    defocus_phase: float,
    source_sigma: float,
    ring_centres: tuple[float, ...],
    ring_width: float,
) -> Plane:
    """Lay out beams, pixels and rings for one in-plane cell.

    Parameters
    ----------
    cell
        In-plane cell vectors, Å.
    aperture
        Radius of the aperture α/λ, Å⁻¹.
    defocus_phase
        π λ Δf, Å²: beam b gets the phase exp(−i πλΔf b²).
    source_sigma
        Standard deviation of the Gaussian effective source, Å.
    ring_centres, ring_width
        Å⁻¹.

    Returns
    -------
    Plane
        Beams carry the share of their lattice cell inside the aperture, which makes the summed probe the
        two-dimensional midpoint rule of the continuous one; a beam on the rim that were in or out as a whole would
        change the probe's size with the width of the column. Pixels share their area among rings the same way.
    """
    vectors = np.array(cell, dtype=np.float64)
    reciprocal = np.asarray(np.linalg.inv(vectors).T, dtype=np.float64)
    lattice_area = abs(np.linalg.det(reciprocal))

    beams = _lattice_disc(reciprocal, aperture)
    share = disc_overlap(beams @ reciprocal, reciprocal, aperture) / lattice_area
    beams, share = beams[share > 1e-12], share[share > 1e-12]
    square = np.einsum("ij,ij->i", beams @ reciprocal, beams @ reciprocal)
    amplitudes = share * np.exp(-1j * defocus_phase * square)
    amplitudes /= math.sqrt(float(np.sum(np.abs(amplitudes) ** 2)))

    steps = _thinning(reciprocal, aperture / _PIXELS_PER_RADIUS)
    coarse = steps @ reciprocal
    edge = ring_centres[-1] + 0.5 * ring_width
    pixels = _lattice_disc(coarse, edge)
    points = pixels @ coarse
    distance = np.linalg.norm(points, axis=1)
    margin = 0.5 * float(np.linalg.norm(coarse, axis=1).sum())
    rows = []
    for centre in ring_centres:
        low, high = max(centre - 0.5 * ring_width, 0.0), centre + 0.5 * ring_width
        near = np.flatnonzero((distance > low - margin) & (distance < high + margin))
        share = disc_overlap(points[near], coarse, high) - disc_overlap(points[near], coarse, low)
        inside = share > 1e-12 * lattice_area
        rows.append((near[inside], share[inside] / share[inside].sum()))
    counts = np.array([len(columns) for columns, _ in rows])
    rings = sparse.csr_array(
        (
            np.concatenate([values for _, values in rows]),
            np.concatenate([columns for columns, _ in rows]),
            np.concatenate([[0], np.cumsum(counts)]),
        ),
        shape=(len(ring_centres), len(pixels)),
    )
    used = np.flatnonzero(np.diff(rings.tocsc().indptr) > 0)
    pixels, rings = pixels[used] @ steps, rings[:, used].tocsr()

    reach = np.abs(beams).max(axis=0)
    half = np.abs(pixels).max(axis=0) + reach
    # Squared intensities contain frequencies up to 4 reach: this many points average them without aliasing.
    positions = tuple(int(fft.next_fast_len(4 * int(n) + 1)) for n in reach)
    direct, mirrored = _speckle_sums(beams, amplitudes, reciprocal, source_sigma, pixels, rings)
    source = None
    if source_sigma > 0:
        frequency = np.stack(
            np.meshgrid(*[np.rint(fft.fftfreq(n) * n) for n in positions], indexing="ij"), axis=-1
        )
        square = np.sum((frequency @ reciprocal) ** 2, axis=-1)
        source = np.exp(-2 * (math.pi * source_sigma) ** 2 * square)
    return Plane(
        cell=vectors,
        reciprocal=reciprocal,
        beams=beams,
        amplitudes=amplitudes,
        half=(int(half[0]), int(half[1])),
        pixels=pixels,
        rings=rings,
        positions=(positions[0], positions[1]),
        source=source,
        speckle=direct,
        mirrored_speckle=mirrored,
    )


def _thinning(reciprocal: FloatArray, spacing: float) -> NDArray[np.int64]:
    """Vectors of the coarsest sublattice [[a, b], [−b, a]] whose points are at most `spacing` apart, shape (2, 2).

    Of a square lattice these are its square sublattices, 1, 2, 4, 5, 8, 9, … times as coarse, so that the number of
    pixels follows the width of a column without large steps.
    """
    most = int(spacing / float(np.linalg.norm(reciprocal, axis=1).min())) + 1
    best = np.eye(2, dtype=np.int64)
    for a in range(1, most + 1):
        for b in range(a + 1):
            steps = np.array([[a, b], [-b, a]])
            coarser = a * a + b * b > int(best[0] @ best[0])
            if coarser and float(np.linalg.norm(steps @ reciprocal, axis=1).max()) <= spacing:
                best = steps
    return best


def _speckle_sums(
    beams: NDArray[np.int64],
    amplitudes: ComplexArray,
    reciprocal: FloatArray,
    source_sigma: float,
    pixels: NDArray[np.int64],
    rings: sparse.csr_array,
) -> tuple[FloatArray, FloatArray]:
    """Σ_qq' w w' P(q − q') and Σ_qq' w w' P'(q + q') over the pixels of each ring.

    P(s) = Σ_bb' X_b X*_b' exp(−4π²σ²|b − b'|²) with X_b = c_b c*_(b+s), and P'(s) the same with X_b = c_b c_(s−b): the
    covariance of |ψ|² between two pixels when all waves F are independent, or F(−q) the conjugate of F(q).
    """
    reach = np.abs(beams).max(axis=0)
    size = 6 * reach + 1
    padded = np.zeros(size, dtype=np.complex128)
    padded[tuple((beams + 3 * reach).T)] = amplitudes
    spans = [np.arange(-2 * int(n), 2 * int(n) + 1) for n in reach]
    steps = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 2)
    partner = padded[tuple((beams[:, None] + steps[None] + 3 * reach).transpose(2, 0, 1))]
    opposite = padded[tuple((steps[None] - beams[:, None] + 3 * reach).transpose(2, 0, 1))]
    products = (amplitudes[:, None] * np.conj(partner), amplitudes[:, None] * opposite)
    if source_sigma > 0:
        gaps = np.sum(((beams[:, None] - beams[None]) @ reciprocal) ** 2, axis=-1)
        damping = np.exp(-4 * (math.pi * source_sigma) ** 2 * gaps)
        powers = [np.sum(np.conj(x) * (damping @ x), axis=0).real for x in products]
    else:
        powers = [np.abs(x.sum(axis=0)) ** 2 for x in products]

    # For every pixel the pixels one step away, and the mirror images of those; the last entry is nowhere.
    margin = np.abs(pixels).max(axis=0) + 2 * reach
    width = 2 * margin + 1
    number = np.full(width[0] * width[1], len(pixels), dtype=np.int32)
    flat = (pixels + margin) @ np.array([width[1], 1])
    number[flat] = np.arange(len(pixels))
    offsets = steps @ np.array([width[1], 1])
    used = [np.flatnonzero(power > 1e-14 * power.max()) for power in powers]
    tables = [
        number[flat[:, None] + offsets[used[0]]],
        number[len(number) - 1 - flat[:, None] + offsets[used[1]]],
    ]
    sums = np.zeros((2, rings.shape[0]))
    weight = np.zeros(len(pixels) + 1)
    for n in range(rings.shape[0]):
        row = slice(rings.indptr[n], rings.indptr[n + 1])
        members, share = rings.indices[row], rings.data[row]
        weight[members] = share
        for m in range(2):
            sums[m, n] = share @ (weight[tables[m][members]] @ powers[m][used[m]])
        weight[members] = 0.0
    return sums[0], sums[1]


def plane_of(atoms: Atoms, name: str = "column") -> tuple[tuple[float, float], tuple[float, float]]:
    """In-plane cell of a column whose beam direction is z.

    Raises
    ------
    InputError
        If the model is not periodic along its first two cell vectors, or those do not lie in the xy plane.
    """
    cell = atoms.cell.array
    if not (atoms.pbc[0] and atoms.pbc[1]):
        raise InputError(
            f"{name}: periodic along {atoms.pbc.tolist()}; allowed: a model periodic in the plane, [true, true, …]"
        )
    in_plane = np.abs(cell[:2, 2]).max() < 1e-6 and abs(np.linalg.det(cell[:2, :2])) > 1e-6
    if not in_plane:
        raise InputError(
            f"{name}: cell vectors {cell[0].round(3).tolist()}, {cell[1].round(3).tolist()}; "
            "allowed: two vectors that span the xy plane, the beam along z"
        )
    (ax, ay), (bx, by) = cell[:2, :2].round(9).tolist()
    return (ax, ay), (bx, by)


def object_waves(
    atoms: Atoms,
    groups: Sequence[NDArray[np.bool_]],
    plane: Plane,
    wavelength: float,
    *,
    curved: bool = True,
    tolerance: float = 1e-6,
) -> list[ComplexArray]:
    """Kinematic diffracted wave F(q) of each group of atoms.

    F(q) = Σ_e f_e(q) Σ_j exp(−2πi q·r_j) exp(+iπλq² z_j), the sum over elements e and their atoms j, z from the middle
    of the column. The last factor is the curvature of the Ewald sphere, and q² stands for the (q + b)² − b² of
    scattering from probe beam b into q + b: the walk-off of the beams is dropped, see :func:`slab_blocks`.

    Parameters
    ----------
    atoms
        The column, beam along z.
    groups
        Masks over the atoms, one per wave; their waves add up.
    plane
        From :func:`probe_plane`.
    wavelength
        Å.
    curved
        Whether the Ewald sphere is curved.
    tolerance
        Error of the waves relative to Σ|f|, by the transforms and by the expansion in z.

    Returns
    -------
    list of numpy.ndarray
        Å, complex, of shape (2 half[0] + 1, 2 half[1] + 1): index n stands for the multiple n − half.

    Notes
    -----
    With u = (z − centre)/(half thickness) in [−1, 1] and x = πλq² times the half thickness,
    exp(ixu) = Σ_m (2 − δ_m0) i^m J_m(x) T_m(u) (Jacobi-Anger; Abramowitz and Stegun 9.1.44-45). The series converges
    faster than exponentially once m > x, and x is about one for 5 nm, so that fewer terms reach any accuracy than
    slabs would reach a phase error of 0.1 rad. The terms have real weights T_m(u_j), so two of them share one
    complex transform (finufft, type 1; A. H. Barnett, J. Magland and L. af Klinteberg, SIAM J. Sci. Comput. 41
    (2019) C479).
    """
    shape = (2 * plane.half[0] + 1, 2 * plane.half[1] + 1)
    h = np.arange(-plane.half[0], plane.half[0] + 1)[:, None, None] * plane.reciprocal[0]
    k = np.arange(-plane.half[1], plane.half[1] + 1)[None, :, None] * plane.reciprocal[1]
    square = np.sum((h + k) ** 2, axis=-1)

    # Corners of the grid beyond the outermost ring and beam are never looked at.
    reach = float(np.linalg.norm(plane.pixels @ plane.reciprocal, axis=1).max()) + float(
        np.linalg.norm(plane.beams @ plane.reciprocal, axis=1).max()
    )
    seen = square <= (reach * (1 + 1e-9)) ** 2
    z = atoms.positions[:, 2]
    centre, half_thickness = 0.5 * float(z.max() + z.min()), 0.5 * float(z.max() - z.min())
    if curved and half_thickness > 0:
        argument = math.pi * wavelength * half_thickness * square[seen]
        orders = _series_length(float(argument.max()), tolerance)
        factors = [(2 - (m == 0)) * 1j**m * special.jv(m, argument) for m in range(orders)]
        height = np.clip((z - centre) / half_thickness, -1, 1)
    else:
        factors = [np.ones(int(seen.sum()), dtype=np.complex128)]
        height = np.zeros(len(z))

    fractional = np.linalg.solve(plane.cell.T, atoms.positions[:, :2].T)
    phases = 2 * math.pi * (fractional - np.floor(fractional))
    q = np.sqrt(square[seen])
    symbols = np.array(atoms.get_chemical_symbols())
    form_factors = {str(element): electron_factor(str(element), q) for element in np.unique(symbols)}
    waves = []
    for group in groups:
        wave = np.zeros(shape, dtype=np.complex128)
        for element, form_factor in form_factors.items():
            chosen = np.flatnonzero(group & (symbols == element))
            if len(chosen):
                terms = _transforms(
                    np.ascontiguousarray(phases[:, chosen]), height[chosen], len(factors), shape, tolerance
                )
                total = np.zeros(len(q), dtype=np.complex128)
                for factor, term in zip(factors, terms, strict=True):
                    total += factor * term[seen]
                wave[seen] += form_factor * total
        waves.append(wave)
    return waves


def _series_length(argument: float, tolerance: float) -> int:
    """Terms after which the rest of the Jacobi-Anger series is below `tolerance`."""
    m = np.arange(int(argument) + 60)
    rest = np.cumsum(2 * np.abs(special.jv(m, argument))[::-1])[::-1]
    return int(np.argmax(rest < tolerance))


def _transforms(
    phases: FloatArray, height: FloatArray, orders: int, shape: tuple[int, int], tolerance: float
) -> list[ComplexArray]:
    """Σ_j T_m(u_j) exp(−2πi q·r_j) on the grid for m = 0 … orders − 1."""
    weights = np.polynomial.chebyshev.chebvander(height, orders - 1).T
    pairs = np.zeros(((orders + 1) // 2, len(height)), dtype=np.complex128)
    pairs.real = weights[0::2]
    pairs.imag[: orders // 2] = weights[1::2]
    # One thread: sums then have one order, and two tasks side by side do not get in each other's way.
    packed = finufft.nufft2d1(phases[0], phases[1], pairs, shape, eps=tolerance, isign=-1, nthreads=1)
    packed = np.reshape(packed, (-1, *shape))
    mirrored = np.conj(packed[:, ::-1, ::-1])
    real, imaginary = 0.5 * (packed + mirrored), -0.5j * (packed - mirrored)
    return [(imaginary if m % 2 else real)[m // 2] for m in range(orders)]


def intensity_blocks(
    waves: Sequence[ComplexArray], plane: Plane
) -> Iterator[tuple[slice, list[ComplexArray]]]:
    """Waves in the detector pixels at every probe position, some pixels at a time.

    ψ_p(q) = Σ_b c_b exp(−2πi b·p) F(q − b), the position p on the even grid of `plane.positions` points.

    Parameters
    ----------
    waves
        From :func:`object_waves`.
    plane
        From :func:`probe_plane`.

    Yields
    ------
    slice, list of numpy.ndarray
        Which pixels, and for each wave ψ in Å of shape (pixels of the block, positions).
    """
    for part, where in _sources(plane):
        yield part, [at_positions(wave.ravel()[where], plane) for wave in waves]


def slab_blocks(
    waves: Sequence[ComplexArray], heights: Sequence[float], plane: Plane, wavelength: float
) -> Iterator[tuple[slice, ComplexArray]]:
    """Waves of a thick column in the detector pixels, the walk-off of the beams put back slab by slab.

    Scattering of beam b into q has the phase πλ(q² − b²)z, where :func:`object_waves` has πλ|q − b|²z. The difference,
    2πλ b·(q − b) z, is that of a probe that moves sideways by λ(q − b)z on its way. It is put back for the middle of
    each slab; what is left within a slab of 5 nm is 1 % of a pattern at 3 nm⁻¹ and 2 % at 6 nm⁻¹.

    Parameters
    ----------
    waves, heights
        From :func:`object_waves`, one wave a slab, and the z of its middle in Å from the middle of the column.
    plane
        From :func:`probe_plane`.
    wavelength
        Å.

    Yields
    ------
    slice, numpy.ndarray
        Which pixels, and ψ in Å of shape (pixels of the block, positions).
    """
    beams = plane.beams @ plane.reciprocal
    for part, where in _sources(plane):
        scattered = (plane.pixels[part] @ plane.reciprocal)[:, None, :] - beams[None]
        turn = 2 * math.pi * wavelength * np.einsum("pbi,bi->pb", scattered, beams)
        total = np.zeros(where.shape, dtype=np.complex128)
        for wave, height in zip(waves, heights, strict=True):
            total += wave.ravel()[where] * np.exp(1j * height * turn)
        yield part, at_positions(total, plane)


def _sources(plane: Plane) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Blocks of pixels, and where on the grid of waves F(q − b) lies, shape (pixels, beams)."""
    width = 2 * plane.half[1] + 1
    shifted = (plane.pixels + np.array(plane.half)) @ np.array([width, 1])
    offsets = plane.beams @ np.array([width, 1])
    for part in pixel_blocks(plane):
        yield part, shifted[part, None] - offsets[None, :]


def pixel_blocks(plane: Plane) -> Iterator[slice]:
    """Detector pixels in blocks that bound the memory of what is computed at all probe positions."""
    block = max(1, _BLOCK_VALUES // (plane.positions[0] * plane.positions[1]))
    for start in range(0, len(plane.pixels), block):
        yield slice(start, min(start + block, len(plane.pixels)))


def at_positions(diffracted: ComplexArray, plane: Plane) -> ComplexArray:
    """Waves ψ_p(q) = Σ_b c_b exp(−2πi b·p) Ψ_b(q) of the probe at every position.

    Parameters
    ----------
    diffracted
        Wave Ψ_b(q) that beam b alone diffracts into each pixel, shape (n, beams).
    plane
        From :func:`probe_plane`.

    Returns
    -------
    numpy.ndarray
        Shape (n, positions).
    """
    n1, n2 = plane.positions
    slots = (plane.beams[:, 0] % n1) * n2 + plane.beams[:, 1] % n2
    grid = np.zeros((len(diffracted), n1 * n2), dtype=np.complex128)
    grid[:, slots] = diffracted * plane.amplitudes
    psi: ComplexArray = fft.fft2(grid.reshape(-1, n1, n2), axes=(1, 2), overwrite_x=True)
    return psi.reshape(-1, n1 * n2)


def blur(intensity: FloatArray, plane: Plane) -> FloatArray:
    """Convolve intensities over probe positions with the effective source.

    Parameters
    ----------
    intensity
        Shape (…, positions).
    plane
        From :func:`probe_plane`; without a source the input comes back.

    Returns
    -------
    numpy.ndarray
        Of the same shape; exact, since an intensity holds only frequencies that the grid resolves.
    """
    if plane.source is None:
        return intensity
    n1, n2 = plane.positions
    spectrum = fft.rfft2(intensity.reshape(-1, n1, n2), axes=(1, 2))
    spectrum *= plane.source[:, : n2 // 2 + 1]
    blurred: FloatArray = fft.irfft2(spectrum, s=(n1, n2), axes=(1, 2)).reshape(intensity.shape)
    return blurred
