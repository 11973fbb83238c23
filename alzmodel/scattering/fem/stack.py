"""Measured stacks of nanodiffraction patterns: centred, their ellipse undone, and turned into the four variances."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alzmodel.errors import InputError
from alzmodel.progress import Progress, part_of, silent
from alzmodel.results import Item, Result, holds
from alzmodel.scattering.fem.detector import Camera, PatternStack
from alzmodel.scattering.fem.stack_evidence import StackEvidence, band_matrix, evidence_of
from alzmodel.scattering.fem.stack_faults import Faults, Survey, find_faults, survey
from alzmodel.scattering.fem.stack_files import READ_FORMATS, is_stack, read_mask, read_stack
from alzmodel.scattering.fem.stack_frames import frame_blocks
from alzmodel.scattering.fem.stack_geometry import Geometry, find_geometry, follow_beam
from alzmodel.scattering.fem.stack_rings import RingPlan, Rings, plan_rings, ring_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


__all__ = [
    "READ_FORMATS",
    "Corrections",
    "Geometry",
    "StackEvidence",
    "StackResult",
    "find_geometry",
    "is_stack",
    "measure_stack",
    "read_mask",
    "read_stack",
]

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

_UNITS: Final = 12
"""Groups of patterns that are left out in turn for the intervals of the peaks."""

_STILL: Final = 0.25
"""Pixels, root mean square, by which the direct beam must move over the scan for patterns to be centred one by one."""
_STEP: Final = 4
"""Parts of a pixel to which the centre of a single pattern is rounded."""
_FEW_COUNTS: Final = 30.0
"""Counts in a ring, on average, below which a pattern may have none by chance (speckles included)."""
_LARGEST_OFFSET: Final = 1e9
"""Counts."""
_ROWS: Final = 25
"""Bootstrap samples at a time."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """What is looked for in a stack, and undone.

    Attributes
    ----------
    pixels
        Whether to leave out pixels that seem dead, hot, saturated, or behind a beam stop.
    descan
        Whether to follow the direct beam from pattern to pattern; never with a centre that is given.
    offset
        Counts that every pixel has without electrons; taken off.

    Raises
    ------
    InputError
        If the offset is not within ±1e9.
    """

    pixels: bool = True
    descan: bool = True
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not abs(self.offset) <= _LARGEST_OFFSET:
            raise InputError(f"offset: {self.offset:g} counts; allowed: up to {_LARGEST_OFFSET:g}")


@dataclass(frozen=True, repr=False)
class StackResult(Result):
    """Outcome of :func:`measure_stack`.

    Attributes
    ----------
    k
        Ring centres, nm⁻¹, shape (k,).
    variance
        "omega", "r", "re" and "image" without the part of the noise, each of shape (k,); "image" is NaN where a ring
        has no pixel with enough counts, "r" where a pattern has none in a ring.
    variance_raw
        The same with it.
    variance_ci95
        95 % intervals of `variance` from a bootstrap over patterns, shape (k, 2).
    mean_intensity
        Counts a pixel, shape (k,).
    at_full_scale
        Part of the counts of a ring that stand at the end of the scale: V is too low there. Shape (k,).
    geometry, pixel_size, camera
        As found or given.
    n_patterns
        Patterns that took part.
    dead_frames
        Numbers of those that did not, counted from 0 along the last axis of probe positions first.
    masked
        Pixels left out, by reason: "given", "file", "dead", "hot", "saturated", "beam stop".
    mask
        True where pixels count, shape (ky, kx).
    centers
        (x, y) of the direct beam in each pattern that took part, pixels, shape (n, 2).
    rings_end
        Why rings end where they do; empty where nothing is wrong.
    evidence
        What the stack tells of the sources of its variance.
    groups
        "omega" with one of twelve groups of patterns left out, shape (groups, k).
    """

    k: FloatArray = field(metadata=holds("nm⁻¹", role="axis"))
    variance: Mapping[str, FloatArray]
    variance_raw: Mapping[str, FloatArray]
    variance_ci95: Mapping[str, FloatArray]
    mean_intensity: FloatArray = field(metadata=holds("counts"))
    at_full_scale: FloatArray
    geometry: Geometry = field(metadata=holds(hidden=True))
    pixel_size: float = field(metadata=holds("nm⁻¹"))
    n_patterns: int
    dead_frames: tuple[int, ...]
    masked: Mapping[str, int]
    mask: Mask = field(metadata=holds(hidden=True))
    centers: FloatArray = field(metadata=holds("pixels", hidden=True))
    full_scale: float = field(metadata=holds("counts"))
    rings_end: str
    camera: Camera = field(metadata=holds(hidden=True))
    evidence: StackEvidence
    groups: FloatArray = field(metadata=holds(hidden=True))

    @property
    def drift(self) -> float:
        """Root mean square motion of the direct beam over the scan, pixels."""
        return _spread(self.centers)

    def items(self) -> Iterator[Item]:
        """Attributes by their name; :func:`alzmodel.scattering.fem.fit.with_peaks` adds the peaks."""
        yield from Result.items(self)
        yield Item("center", self.geometry.center)
        yield Item(
            "ellipse",
            {"ratio": self.geometry.ratio, "angle": self.geometry.angle, "aspect": self.geometry.aspect},
        )
        yield Item("descan", {"rms": self.drift}, unit="pixels")
        yield Item("camera", asdict(self.camera))


def measure_stack(
    stack: PatternStack,
    *,
    k_min: float = 1.5,
    k_max: float | None = None,
    k_step: float = 0.05,
    ring_width: float = 0.1,
    geometry: Geometry | None = None,
    ellipse: bool = True,
    camera: Camera | None = None,
    mask: Mask | None = None,
    corrections: Corrections | None = None,
    n_bootstrap: int = 200,
    seed: int = 0,
    progress: Progress = silent,
) -> StackResult:
    """Four variances of a stack of patterns, with the part of the noise taken off.

    Parameters
    ----------
    stack
        From :func:`read_stack` or :func:`alzmodel.scattering.fem.detector.simulate_stack`.
    k_min, k_max, k_step, ring_width
        Rings, nm⁻¹; k_max None is the largest whole circle up to which every pattern has counts, at most 8.
    geometry
        None finds it in the mean pattern; an `ellipse` only if asked for.
    camera
        Its `gain`, `readout` and `psf_fwhm` say what noise the counts hold; None or ``electrons=0`` takes none off.
    mask
        Pixels that count (beam stop and dead pixels False), shape (ky, kx); besides what the file says.
    corrections
        None is all of them.
    n_bootstrap, seed
        Bootstrap over patterns for the intervals.
    progress
        Told after every block of patterns; they are read two times, or three.

    Returns
    -------
    StackResult
        An electron gives g counts spread by the point spread h (Σh = 1), so a pixel has noise g Σh² I + σ², and a
        ring mean with pixel weights w has g Σ(w∗h)² I + σ² Σw². These means are taken off ⟨I²⟩ and ⟨I⟩² wherever a
        square was averaged, before the ratio is formed. Blur that is wider than a speckle lowers V all the same.
        Where the direct beam moves by more than a quarter pixel, rings go with it, their centre rounded to a quarter
        pixel; noise weights stay those of the mean centre.

    Raises
    ------
    InputError
        If rings do not fit on the patterns, a pattern has no counts in one that was asked for (V divides by its mean),
        or a value is unusable.

    References
    ----------
    T. L. Daulton, K. S. Bondi and K. F. Kelton, Ultramicroscopy 110 (2010) 1279.
    """
    camera = Camera() if camera is None else camera
    corrections = Corrections() if corrections is None else corrections
    _check_rings(stack, (k_min, k_max, k_step, ring_width))
    left_out = _left_out(stack, mask)
    found = survey(stack.patterns, corrections.offset, part_of(progress, 0, 3))
    near = max(k_min - ring_width, 0.0) / stack.pixel_size
    faults = find_faults(
        found,
        given=left_out,
        look=corrections.pixels,
        near=near,
        geometry=geometry,
        ellipse=ellipse,
        aspect=stack.aspect,
    )
    centers = np.tile(np.asarray(faults.geometry.center), (len(found.alive), 1))
    if corrections.descan and geometry is None:
        followed = follow_beam(
            stack.patterns,
            found.mean,
            faults.geometry,
            faults.mask,
            found.alive,
            near,
            part_of(progress, 1, 3),
        )
        if _spread(followed[found.alive]) > _STILL:
            faults, centers = _with_moving_beam(stack, faults, followed, found.alive, ellipse)
    wanted = (k_min, k_max, k_step, ring_width)
    plan = plan_rings(
        faults.geometry, stack.patterns.shape[-2:], stack.pixel_size, wanted, centers, stack.source
    )
    rings_at = ring_weights(plan, faults.geometry, stack.pixel_size, faults.mask)
    sums = _add_up(stack, corrections.offset, rings_at, faults, centers, found.alive, part_of(progress, 2, 3))
    weights = rings_at(*faults.geometry.center).weights
    pixels = 1 / np.asarray(weights.power(2).sum(axis=1)).ravel()
    # Without a gain, whole numbers may be electrons; others are taken for many.
    counted = camera.gain if camera.electrons > 0 else 1.0 if found.whole else 1e-300
    sums, end = _counted_rings(plan.k, sums, pixels / counted, stack.source, exactly=k_max is not None)
    return StackResult(
        **_curves(
            plan,
            sums,
            weights,
            camera,
            (n_bootstrap, seed),
            _offsets(found, faults),
        ),
        geometry=faults.geometry,
        pixel_size=stack.pixel_size,
        n_patterns=len(sums.numbers),
        dead_frames=tuple(np.setdiff1d(np.arange(len(found.alive)), sums.numbers).tolist()),
        masked=faults.counted,
        mask=faults.mask,
        centers=centers[sums.numbers],
        full_scale=faults.full_scale,
        rings_end=end,
        camera=camera,
    )


def _check_rings(stack: PatternStack, wanted: tuple[float, float | None, float, float]) -> None:
    """Refuse rings that no centre makes fit, before patterns are read."""
    k_min, k_max, k_step, ring_width = wanted
    if not (k_min > 0 and k_step > 0 and ring_width > 0):
        raise InputError(f"rings: from {k_min:g}, {k_step:g} apart, {ring_width:g} wide; allowed: above zero")
    height, width = stack.patterns.shape[-2:]
    half = 0.5 * stack.pixel_size * min(width - 1, stack.aspect * (height - 1))
    last = k_min if k_max is None else k_max
    if last < k_min or last + 0.5 * ring_width > half:
        raise InputError(
            f"rings: {k_min:g} to {last:g} nm⁻¹, {ring_width:g} wide; allowed: up to {half - 0.5 * ring_width:.2f} "
            f"nm⁻¹, the largest whole circle of {stack.source}"
        )
    pixel = stack.pixel_size * max(1.0, stack.aspect)
    if ring_width < pixel * (1 - 1e-9):
        raise InputError(f"ring width: {ring_width:g} nm⁻¹; allowed: at least one pixel, {pixel:g} nm⁻¹")


def _left_out(stack: PatternStack, mask: Mask | None) -> dict[str, Mask]:
    """Pixels that do not count by what the file says and by what is given."""
    shape = stack.patterns.shape[-2:]
    causes = {}
    for cause, counts in (("given", mask), ("file", stack.mask)):
        if counts is not None:
            if counts.shape != shape:
                raise InputError(f"mask: shape {counts.shape}; allowed: that of a pattern, {shape}")
            causes[cause] = ~np.asarray(counts, dtype=np.bool_)
    if len(causes) == 2:
        causes["file"] &= ~causes["given"]
    return causes


def _with_moving_beam(
    stack: PatternStack, faults: Faults, followed: FloatArray, alive: Mask, ellipse: bool
) -> tuple[Faults, FloatArray]:
    """Geometry of the mean of the patterns laid over each other, and centres to a part of a pixel."""
    moves = followed - followed[alive].mean(axis=0)
    whole = np.rint(moves).astype(np.int64)
    total, number = np.zeros(faults.mask.shape), np.zeros(faults.mask.shape)
    for numbers, block in frame_blocks(stack.patterns):
        for at, pattern in zip(numbers, block, strict=True):
            if alive[at]:
                back = (-whole[at, 1], -whole[at, 0])
                total += np.roll(np.where(faults.mask, pattern, 0), back, axis=(0, 1))
                number += np.roll(faults.mask, back, axis=(0, 1))
    mean, seen = total / np.maximum(number, 1), number > 0.5 * alive.sum()
    geometry = find_geometry(mean, ellipse=ellipse, mask=seen, aspect=stack.aspect)
    centers = np.asarray(geometry.center) + np.where(alive[:, None], moves, 0.0)
    return replace(faults, geometry=geometry), np.rint(centers * _STEP) / _STEP


def _spread(centers: FloatArray) -> float:
    """Root mean square distance from the mean, pixels."""
    return float(np.sqrt(np.square(centers - centers.mean(axis=0)).sum(axis=1).mean()))


def _offsets(found: Survey, faults: Faults) -> dict[str, float]:
    """Give counts a pixel that are there without scattering, by where they are seen."""
    stop = faults.pixels.get("beam stop")
    return {
        "dead_frames": found.dark,
        "beam_stop": float(np.median(found.mean[stop])) if stop is not None and stop.any() else math.nan,
        "at_most": float(np.quantile(found.mean[faults.mask], 0.01)),
    }


@dataclass(frozen=True, slots=True)
class _Sums:
    """What is kept of the patterns.

    `numbers` of the patterns that took part, shape (n,); `ring_mean` and `ring_square`, shape (n, k); `total`,
    `squared` and `seen`, sums over patterns of counts, their squares and of whether the pixel counts, in the part of
    the camera around the direct beam; `at_end`, part of the counts of each ring at the end of the scale, shape (k,).
    """

    numbers: NDArray[np.int64]
    ring_mean: FloatArray
    ring_square: FloatArray
    total: FloatArray
    squared: FloatArray
    seen: FloatArray
    at_end: FloatArray


def _add_up(
    stack: PatternStack,
    offset: float,
    rings_at: Callable[[float, float], Rings],
    faults: Faults,
    centers: FloatArray,
    alive: Mask,
    progress: Progress,
) -> _Sums:
    first = rings_at(*centers[0])
    n_rings, n_pixels = first.weights.shape
    n, kept = len(alive), np.flatnonzero(alive)
    row_of = np.cumsum(alive) - 1
    ring_mean, ring_square = np.empty((len(kept), n_rings)), np.empty((len(kept), n_rings))
    total, squared, seen = np.zeros(n_pixels), np.zeros(n_pixels), np.zeros(n_pixels)
    at_end = np.zeros(n_rings)
    scale = faults.full_scale if math.isfinite(faults.full_scale) else math.inf
    for numbers, block in frame_blocks(stack.patterns):
        for number, pattern in zip(numbers, block, strict=True):
            if not alive[number]:
                continue
            rings = rings_at(*centers[number])
            counts = rings.cut(pattern).astype(np.float64).ravel() - offset
            counts[~rings.counted] = 0.0
            row = row_of[number]
            ring_mean[row] = rings.weights @ counts
            square = counts * counts
            ring_square[row] = rings.weights @ square
            if not np.isfinite(ring_mean[row]).all():
                raise InputError(
                    f"{stack.source}: NaN or infinite counts in pattern {number}; allowed: finite numbers"
                )
            total += counts
            squared += square
            seen += rings.counted
            if scale < math.inf:
                at_end += rings.weights @ (counts >= scale)
        progress((int(numbers[-1]) + 1) / n, "rings")
    return _Sums(kept, ring_mean, ring_square, total, squared, seen, at_end / len(kept))


def _counted_rings(
    k: FloatArray, sums: _Sums, pixels: FloatArray, source: str, *, exactly: bool
) -> tuple[_Sums, str]:
    """Keep the rings before the first in which a pattern has no counts though many are expected.

    Patterns without counts in one of the first two rings are left out, as dead ones. Where a ring has so few counts
    that it may have none by chance, "r" is NaN, as it divides by the mean of each pattern, and the others stay.
    `pixels` in each ring over the counts of an electron, shape (k,).
    """
    expected = sums.ring_mean.mean(axis=0) * pixels
    filled = (sums.ring_mean > 0) | ((expected > 0) & (expected < _FEW_COUNTS))
    kept = filled[:, :2].all(axis=1)
    if kept.sum() < 2:
        raise InputError(
            f"{source}: {int(kept.sum())} patterns have counts in the ring at {k[0]:.2f} nm⁻¹; allowed: at least two"
        )
    empty = np.flatnonzero(~filled[kept].all(axis=0))
    last, words = len(k), ""
    if len(empty):
        last = int(empty[0])
        pattern = int(sums.numbers[kept][filled[kept, last].argmin()])
        words = f"pattern {pattern} has no counts in the ring at {k[last]:.2f} nm⁻¹"
        if exactly:
            raise InputError(f"{source}: {words}; allowed: rings with counts in every pattern")
    if kept.all() and not len(empty):
        return sums, words
    cut = replace(
        sums,
        numbers=sums.numbers[kept],
        ring_mean=sums.ring_mean[kept, :last],
        ring_square=sums.ring_square[kept, :last],
        at_end=sums.at_end[:last],
    )
    return cut, words


def _curves(
    plan: RingPlan,
    sums: _Sums,
    rings: sparse.csr_array,
    camera: Camera,
    bootstrap: tuple[int, int],
    offsets: Mapping[str, float],
) -> dict[str, Any]:
    """Variances with their intervals, and what they tell; fields of :class:`StackResult`."""
    n, n_rings = sums.ring_mean.shape
    k, rings = plan.k[:n_rings], rings[:n_rings]
    mean = sums.total / np.maximum(sums.seen, 1)
    _, means = band_matrix(k)
    bands = sparse.csr_array(sparse.csr_array(means) @ rings)
    shot, dark = (camera.gain, camera.readout**2) if camera.electrons > 0 else (0.0, 0.0)
    pixel_noise, ring_noise = _noise_weights(sparse.vstack([rings, bands]).tocsr(), plan.size, camera)
    squares = np.asarray(sparse.vstack([rings, bands]).tocsr().power(2).sum(axis=1)).ravel()
    both = shot * np.asarray(ring_noise @ mean) + dark * squares
    noise = _Noise(pixel=shot * pixel_noise, ring=both[:n_rings], dark=dark)
    nothing = _Noise(0.0, np.zeros(n_rings), 0.0)
    curves = _variances(_resampled(n, *bootstrap), sums.ring_mean, sums.ring_square, noise)
    raw = _variances(_resampled(n, 0, 0), sums.ring_mean, sums.ring_square, nothing)
    image, image_raw = (_image_variance(rings, sums, part) for part in (noise, nothing))
    variance = {**{name: curve[0] for name, curve in curves.items()}, "image": image}
    groups = np.arange(n) * min(_UNITS, n) // n
    left_out = np.array([(groups != g) / (groups != g).sum() for g in range(groups.max() + 1)])
    intervals = {
        name: np.quantile(curve[1:], [0.025, 0.975], axis=0).T
        if len(curve) > 1
        else np.full((n_rings, 2), np.nan)
        for name, curve in curves.items()
    }
    return {
        "k": k,
        "variance": variance,
        "variance_raw": {**{name: curve[0] for name, curve in raw.items()}, "image": image_raw},
        "variance_ci95": intervals,
        "mean_intensity": sums.ring_mean.mean(axis=0),
        "at_full_scale": sums.at_end,
        "groups": _variances([left_out], sums.ring_mean, sums.ring_square, noise)["omega"],
        "evidence": evidence_of(
            k, sums.ring_mean, both[n_rings:], _resampled(n, *bootstrap), variance, offsets
        ),
    }


def _resampled(n: int, n_bootstrap: int, seed: int) -> Iterator[FloatArray]:
    """Weights of the patterns, some rows at a time: each the same, then bootstrap samples."""
    yield np.full((1, n), 1 / n)
    rng = np.random.default_rng(seed)
    for start in range(0, n_bootstrap, _ROWS):
        yield rng.multinomial(n, np.full(n, 1 / n), size=min(_ROWS, n_bootstrap - start)) / n


@dataclass(frozen=True, slots=True)
class _Noise:
    """Variance of the noise: of a pixel `pixel` times its counts plus `dark`, of a ring mean `ring`."""

    pixel: float
    ring: FloatArray
    dark: float


def _variances(
    batches: Iterable[FloatArray], ring_mean: FloatArray, ring_square: FloatArray, noise: _Noise
) -> dict[str, FloatArray]:
    """Variances for each row of pattern weights (rows add up to one), which come some at a time; shape (rows, k)."""
    mean_square = np.square(ring_mean)
    # Within one pattern: its own ring mean was squared, noise and all.
    within = ring_square - noise.pixel * ring_mean
    within -= noise.dark
    within /= np.maximum(mean_square - noise.ring, 1e-300)
    within[:, ~(ring_mean > 0).all(axis=0)] = np.nan
    found: dict[str, list[FloatArray]] = {"omega": [], "r": [], "re": []}
    for weights in batches:
        mean = weights @ ring_mean
        square = weights @ ring_square - noise.pixel * mean - noise.dark
        found["omega"].append((weights @ mean_square - noise.ring) / mean**2 - 1)
        found["r"].append(weights @ within - 1)
        found["re"].append(square / mean**2 - 1)
    return {name: np.vstack(rows) for name, rows in found.items()}


def _image_variance(rings: sparse.csr_array, sums: _Sums, noise: _Noise) -> FloatArray:
    """Ring means of the variance of each pixel over patterns, shape (k,).

    Pixels whose mean is not above zero by five standard errors cannot be divided by and do not take part.
    """
    n = np.maximum(sums.seen, 1)
    mean, square = sums.total / n, sums.squared / n
    seen = (sums.seen > 1) & (mean > 0)
    seen &= mean > 5 * np.sqrt(np.maximum(noise.pixel * mean + noise.dark, 0) / n)
    part = rings[:, np.flatnonzero(seen)]
    if not (part.sum(axis=1) > 0).all():
        return np.full(rings.shape[0], np.nan)
    lost = noise.pixel * mean[seen] + noise.dark
    # The square of a mean of n patterns holds their noise as well, an nth of it.
    ratio = (square[seen] - lost) / (mean[seen] ** 2 - lost / n[seen]) - 1
    return np.asarray((part @ ratio) / np.asarray(part.sum(axis=1)).ravel())


def _noise_weights(
    rings: sparse.csr_array, shape: tuple[int, int], camera: Camera
) -> tuple[float, sparse.csr_array]:
    """Σh² of a pixel, and (w∗h)² of every ring: what an electron's count adds to the noise."""
    if camera.psf_fwhm == 0:
        return 1.0, rings.power(2)
    from scipy.ndimage import gaussian_filter

    sigma = camera.psf_fwhm / math.sqrt(8 * math.log(2))
    side = 2 * math.ceil(6 * sigma) + 1
    spread = np.zeros((side, side))
    spread[side // 2, side // 2] = 1.0
    spread = gaussian_filter(spread, sigma)
    blurred = []
    for number in range(rings.shape[0]):
        image = rings[[number]].toarray().reshape(shape)
        blurred.append(sparse.csr_array(gaussian_filter(image, sigma).ravel()[None] ** 2))
    return float(np.sum(spread**2)), sparse.vstack(blurred).tocsr()
