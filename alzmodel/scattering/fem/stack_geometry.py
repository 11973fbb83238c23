"""Where the direct beam of a measured pattern is, how circles became ellipses, and how the beam moves with the scan."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import InputError
from alzmodel.scattering.fem.stack_frames import FrameFile, frame_blocks

if TYPE_CHECKING:
    from alzmodel.progress import Progress

__all__ = ["Geometry", "find_geometry", "follow_beam", "ring_medians"]

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

_TRIM_AFTER: Final = 4
"""Rounds of the fit after which points far off their ring are left out: a beam stop that nobody masked."""
_TRIM: Final = 4.0
"""Robust standard deviations that such points are off."""
_CONTRAST: Final = 4.0
"""How many times brighter than the rings the direct beam must be for each pattern to be centred by it."""
_NOISY: Final = 0.25
"""Pixels by which the centre of mass may jump between patterns and still be one of its own for each."""
_HALF: Final = 0.5
"""Of the brightest value of the direct beam: pixels above it make its centre of mass."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the direct beam is and how circles became ellipses.

    Attributes
    ----------
    center
        (x, y) of the direct beam in pixels, 0 the middle of the first pixel.
    ratio
        Long over short axis of a ring on the camera, its pixels taken for what `aspect` says; 1 is a circle.
    angle
        Of the long axis from x towards y, degrees, 0 to 180.
    aspect
        Size of a pixel along y over that along x.
    """

    center: tuple[float, float]
    ratio: float = 1.0
    angle: float = 0.0
    aspect: float = 1.0

    @property
    def strain(self) -> FloatArray:
        """Symmetric matrix E without trace: (1 − E)(x − center) lies on a circle, shape (2, 2)."""
        e = (self.ratio - 1) / (self.ratio + 1)
        c, s = math.cos(2 * math.radians(self.angle)), math.sin(2 * math.radians(self.angle))
        return e * np.array([[c, s], [s, -c]])

    def radius(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Distance from the direct beam in pixels (their size along x), the ellipse undone, shape of `x`."""
        m = np.eye(2) - self.strain
        dx, dy = x - self.center[0], self.aspect * (y - self.center[1])
        return np.asarray(np.hypot(m[0, 0] * dx + m[0, 1] * dy, m[1, 0] * dx + m[1, 1] * dy))

    def largest(self, shape: tuple[int, ...]) -> float:
        """Radius of the largest whole circle on a camera of (ky, kx) pixels, in pixels along x."""
        (x, y), (height, width) = self.center, shape
        nearest = min(x, width - 1 - x, self.aspect * y, self.aspect * (height - 1 - y))
        return nearest * (1 - abs(self.ratio - 1) / (self.ratio + 1)) - max(1.0, self.aspect)


def find_geometry(
    mean: FloatArray,
    *,
    ellipse: bool = True,
    annulus: tuple[float, float] | None = None,
    mask: Mask | None = None,
    aspect: float = 1.0,
) -> Geometry:
    """Centre and ellipse of the mean pattern.

    The centre of inversion is found first (highest self-convolution, values clipped so that rings count beside the
    direct beam); then rings are made round: the pattern is linear in small shifts and strains of its radial profile,
    and the four of them are fitted by least squares over an annulus, repeatedly. Points far off their ring, such as
    those under a beam stop, are left out after some rounds.

    Parameters
    ----------
    mean
        Mean pattern, shape (ky, kx).
    ellipse
        Whether to look for one.
    annulus
        Inner and outer radius in pixels; None is 0.25 to 0.85 of the largest whole circle.
    mask
        True where pixels count, shape (ky, kx); None: all of them.
    aspect
        Size of a pixel along y over that along x.

    Raises
    ------
    InputError
        If no ring is to be seen.
    """
    from scipy.signal import fftconvolve

    seen = np.ones(mean.shape, dtype=np.bool_) if mask is None else mask
    clipped = np.minimum(mean, np.quantile(mean[seen], 0.99))
    clipped = np.where(seen, clipped - np.quantile(clipped[seen], 0.05), 0.0)
    own = fftconvolve(clipped, clipped)
    row, column = np.unravel_index(int(own.argmax()), own.shape)
    x, y = 0.5 * float(column), 0.5 * float(row)
    largest = min(x, mean.shape[1] - 1 - x, aspect * y, aspect * (mean.shape[0] - 1 - y))
    if largest < 8:
        raise InputError(
            f"patterns: the direct beam seems to be at ({x:.1f}, {y:.1f}); allowed: whole rings, or a centre that is "
            "given"
        )
    low, high = annulus or (0.25 * largest, 0.85 * largest)
    (x, y), strain = _make_round(_filled(mean, seen), seen, (x, y), (low, high), ellipse, aspect)
    e = math.hypot(strain[0, 0], strain[0, 1])
    if e > 0.2 or not (0 <= x < mean.shape[1] and 0 <= y < mean.shape[0]):
        raise InputError(
            "patterns: no ring to find the centre by; allowed: patterns with rings, or a centre given"
        )
    angle = math.degrees(0.5 * math.atan2(strain[0, 1], strain[0, 0])) % 180
    return Geometry((x, y), (1 + e) / (1 - e), angle if ellipse else 0.0, aspect)


def _filled(mean: FloatArray, seen: Mask) -> FloatArray:
    """Mean pattern with smooth values where pixels do not count, so that interpolation beside them is sound."""
    if seen.all():
        return mean
    from scipy.ndimage import gaussian_filter

    share = gaussian_filter(seen.astype(np.float64), 2.0)
    smooth = gaussian_filter(np.where(seen, mean, 0.0), 2.0) / np.maximum(share, 1e-6)
    return np.where(seen, mean, smooth)


def _make_round(
    mean: FloatArray,
    seen: Mask,
    start: tuple[float, float],
    annulus: tuple[float, float],
    ellipse: bool,
    aspect: float,
) -> tuple[tuple[float, float], FloatArray]:
    """Shift and strain that make each ring as bright all around."""
    from scipy.ndimage import map_coordinates

    (x, y), strain = start, np.zeros((2, 2))
    r = np.arange(*annulus, 0.5)
    phi = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    cos, sin = np.cos(phi)[:, None], np.sin(phi)[:, None]
    cos2, sin2 = np.cos(2 * phi)[:, None], np.sin(2 * phi)[:, None]
    kept = np.ones((len(phi), len(r)), dtype=np.bool_)
    whole = seen.all()
    for attempt in range(20):
        stretch = np.eye(2) + strain
        u, v = r * cos, r * sin
        at_x = x + stretch[0, 0] * u + stretch[0, 1] * v
        at_y = y + (stretch[1, 0] * u + stretch[1, 1] * v) / aspect
        polar = map_coordinates(mean, [at_y, at_x], order=3, mode="nearest")
        # A point beside one that does not count was interpolated with it.
        inside = (
            whole or map_coordinates(seen.astype(np.float64), [at_y, at_x], order=1, mode="nearest") > 0.99
        )
        weight = (kept & inside).astype(np.float64)
        number = weight.sum(axis=0)
        profile = np.maximum((weight * polar).sum(axis=0) / np.maximum(number, 1), 1e-12 * float(mean.max()))
        off = polar / profile - 1
        if attempt >= _TRIM_AFTER:
            middle = np.median(off[weight > 0]) if weight.any() else 0.0
            spread = 1.4826 * np.median(np.abs(off[weight > 0] - middle)) if weight.any() else 0.0
            kept = np.abs(off - middle) <= max(_TRIM * float(spread), 1e-9)
        # Relative to the profile, or the steep foot of the direct beam would decide alone.
        slope = np.gradient(profile, r) / profile
        # A ring of which a quarter is not seen says little, and its profile may lean to one side.
        weight *= number > 0.25 * len(phi)
        terms = [-slope * cos, -slope * sin]
        if ellipse:
            terms += [-slope * r * cos2, -slope * r * sin2]
        used = weight > 0
        if used.sum() < 20:
            raise InputError("patterns: no ring to find the centre by; allowed: a centre given")
        matrix = np.stack([np.broadcast_to(term, polar.shape)[used] for term in terms], axis=1)
        step, *_ = np.linalg.lstsq(matrix, off[used], rcond=None)
        x, y = x + float(step[0]), y + float(step[1]) / aspect
        if ellipse:
            strain += np.array([[step[2], step[3]], [step[3], -step[2]]])
        still = np.abs(step[:2]).max() < 1e-3 and (not ellipse or np.abs(step[2:]).max() < 1e-5)
        if still and attempt > _TRIM_AFTER:
            break
    return (x, y), strain


def ring_medians(image: FloatArray, geometry: Geometry, seen: Mask) -> tuple[FloatArray, NDArray[np.int64]]:
    """Median of an image over each ring one pixel wide, and the number of the ring of every pixel.

    Rings without a pixel that counts have NaN.
    """
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float64)
    ring = np.rint(geometry.radius(columns, rows)).astype(np.int64)
    flat, values = ring[seen], image[seen]
    order = np.lexsort((values, flat))
    flat, values = flat[order], values[order]
    starts = np.searchsorted(flat, np.arange(int(ring.max()) + 2))
    number = np.diff(starts)
    middle = np.minimum(starts[:-1] + number // 2, max(len(values) - 1, 0))
    return np.where(number > 0, values[middle], np.nan), ring


def follow_beam(
    patterns: NDArray[Any] | FrameFile,
    mean: FloatArray,
    geometry: Geometry,
    mask: Mask,
    alive: Mask,
    reach: float,
    progress: Progress,
) -> FloatArray:
    """Centre of each pattern: descan moves the direct beam over the camera while the probe is scanned.

    Where the direct beam is seen and far brighter than the rings, its centre of mass (of what is above half its
    maximum) is taken. If that is not smooth along the scan to a quarter pixel, which is noise and no descan, a plane
    over the probe positions is laid through it. Behind a beam stop each pattern is compared with the rings of the mean
    one, which are linear in small shifts, and a plane is laid through the shifts, in two rounds.

    Parameters
    ----------
    patterns
        Shape (…, ky, kx).
    mean
        Mean pattern, shape (ky, kx).
    geometry
        Of the mean pattern.
    mask
        True where pixels count.
    alive
        False for dead frames, shape (n,).
    reach
        Radius in pixels inside which the direct beam is, and beyond which rings begin.
    progress
        Told after every block.

    Returns
    -------
    numpy.ndarray
        (x, y) in pixels, shape (n, 2).
    """
    medians, ring = ring_medians(mean, geometry, mask)
    inside = (ring <= max(reach, 6.0)) & mask
    core = (ring <= 2) & mask
    beyond = medians[int(max(reach, 6.0)) + 1 :]
    bright = (
        core.sum() >= 0.9 * (ring <= 2).sum()
        and beyond.size > 0
        and mean[core].max() > _CONTRAST * np.nanmax(beyond)
    )
    if bright:
        centers = _of_direct_beam(patterns, geometry, inside, progress)
        if _jitter(centers, patterns.shape[:-2], alive) > _NOISY:
            design = _plane_terms(patterns.shape[:-2])
            solution, *_ = np.linalg.lstsq(design[alive], centers[alive], rcond=None)
            centers = design @ solution
    else:
        centers = _of_rings(patterns, mean, geometry, (ring > max(reach, 6.0)) & mask, alive, progress)
    # The middle of the rings and that of the direct beam's brightness need not be the same.
    return centers - centers[alive].mean(axis=0) + np.asarray(geometry.center)


def _jitter(centers: FloatArray, scan: tuple[int, ...], alive: Mask) -> float:
    """Root mean square of what is no smooth motion: of second differences along the scan over √6."""
    along = np.where(alive[:, None], centers, np.nan).reshape(-1, scan[-1], 2)
    second = np.square(np.diff(along, 2, axis=1)).sum(axis=-1)
    known = second[np.isfinite(second)]
    return float(np.sqrt(known.mean() / 6)) if known.size else 0.0


def _plane_terms(scan: tuple[int, ...]) -> FloatArray:
    """Columns of ones and of the coordinates of the probe, from their middle, shape (n, 1 + axes)."""
    along = np.indices(scan).reshape(len(scan), -1).T.astype(np.float64)
    return np.column_stack([np.ones(len(along)), along - along.mean(axis=0)])


def _of_direct_beam(
    patterns: NDArray[Any] | FrameFile, geometry: Geometry, inside: Mask, progress: Progress
) -> FloatArray:
    rows, columns = np.nonzero(inside)
    x, y = columns.astype(np.float64), rows.astype(np.float64)
    n = math.prod(patterns.shape[:-2])
    centers = np.tile(np.asarray(geometry.center), (n, 1))
    for numbers, block in frame_blocks(patterns):
        for number, pattern in zip(numbers, block, strict=True):
            counts = pattern[rows, columns].astype(np.float64)
            above = np.maximum(counts - _HALF * counts.max(), 0.0)
            total = above.sum()
            if total > 0:
                centers[number] = above @ x / total, above @ y / total
        progress((int(numbers[-1]) + 1) / n, "the centre of each pattern")
    return centers


def _of_rings(
    patterns: NDArray[Any] | FrameFile,
    mean: FloatArray,
    geometry: Geometry,
    used: Mask,
    alive: Mask,
    progress: Progress,
) -> FloatArray:
    """Shifts against the rings of the mean pattern, a plane laid through them; see :func:`follow_beam`.

    Rings and not the mean pattern itself: each pattern is part of that, speckles and all, which would hold it back.
    """
    from scipy.ndimage import gaussian_filter1d

    scan = patterns.shape[:-2]
    n = math.prod(scan)
    medians, _ = ring_medians(mean, geometry, used)
    profile = gaussian_filter1d(_without_gaps(medians), 1.0, mode="nearest")
    slope = np.gradient(profile)
    at = np.arange(len(profile), dtype=np.float64)
    design = _plane_terms(scan)
    plane = np.zeros((n, 2))
    rows, columns = np.nonzero(used)
    x, y = columns.astype(np.float64), rows.astype(np.float64)
    for turn in range(2):
        shifts = np.zeros((n, 2))
        for numbers, block in frame_blocks(patterns):
            for number, pattern in zip(numbers, block, strict=True):
                dx, dy = plane[number]
                moved = replace(geometry, center=(geometry.center[0] + dx, geometry.center[1] + dy))
                r = np.maximum(moved.radius(x, y), 1.0)
                expected = np.interp(r, at, profile)
                scale = np.maximum(expected, 1e-3 * float(expected.max()))
                inward = np.interp(r, at, slope) / r
                gx, gy = inward * (x - moved.center[0]), inward * geometry.aspect**2 * (y - moved.center[1])
                matrix = np.stack([expected, -gx, -gy], axis=1) / scale[:, None]
                counts = pattern[rows, columns].astype(np.float64) / scale
                fitted, *_ = np.linalg.lstsq(matrix.T @ matrix, matrix.T @ counts, rcond=None)
                if fitted[0] > 0:
                    shifts[number] = plane[number] + fitted[1:] / fitted[0]
            progress((turn + (int(numbers[-1]) + 1) / n) / 2, "the centre of each pattern")
        solution, *_ = np.linalg.lstsq(design[alive], shifts[alive], rcond=None)
        plane = design @ solution
    return plane + np.asarray(geometry.center)


def _without_gaps(profile: FloatArray) -> FloatArray:
    known = np.isfinite(profile)
    at = np.arange(len(profile))
    return np.interp(at, at[known], profile[known])
