"""What is wrong with the pixels and the frames of a measured stack: found in the patterns themselves, and counted."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import InputError
from alzmodel.scattering.fem.stack_frames import FrameFile, frame_blocks
from alzmodel.scattering.fem.stack_geometry import Geometry, find_geometry, ring_medians

if TYPE_CHECKING:
    from alzmodel.progress import Progress

__all__ = ["Faults", "Survey", "find_faults", "lone_pixels", "survey"]

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

_LARGEST: Final = 1e30
"""Counts; more are taken for no number."""
_DIM: Final = 0.2
"""Of the median over frames: a frame with less, in all counts or in their spread over pixels, is dead."""
_HOT: Final = 5.0
"""Times the largest values around it: what a lone pixel must exceed in some frame to be hot."""
_SURE: Final = 1e-2
"""Expected number of pixels in a stack that speckles and counting alone would make as bright as a hot one, or leave
without counts."""
_SIGMAS: Final = 6.0
"""Standard errors of their mean by which pixels must differ from those around them or from their ring."""
_LONE: Final = 4
"""Pixels side by side that may be hot; more are a reflection, whose disc has the width of the aperture."""
_LIKE: Final = 0.3
"""Of the brightness of a pixel: others with more than that make a reflection together with it."""
_SHADOW: Final = 0.5
"""Of the median of its ring: a large patch that is darker is a beam stop or a gap."""
_UMBRA: Final = 0.1
"""Of the brightest ring further out: what is darker lies behind the beam stop even if all of its ring does."""
_PATCH: Final = 25
"""Pixels that a shadow has at least."""
_SCATTER: Final = 3.0
"""Robust standard deviations of a ring by which it must be darker as well."""
_PENUMBRA: Final = 2
"""Pixels by which a shadow is grown: the edge of the stop is not sharp."""
_SHARED: Final = 10
"""Pixels that reach the largest value, and more than come near it: then it is the end of the scale."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Moments of every pixel over the frames that are alive.

    Attributes
    ----------
    mean, square
        ⟨I⟩ and ⟨I²⟩, shape (ky, kx).
    low, high
        Smallest and largest value of each pixel, shape (ky, kx).
    finite
        False where a pixel is no number in some frame, shape (ky, kx).
    alive
        False for dead frames, shape (n,).
    dark
        Counts a pixel in dead frames: what the camera says without electrons. NaN without such frames.
    whole
        Whether all counts are whole numbers.
    """

    mean: FloatArray
    square: FloatArray
    low: FloatArray
    high: FloatArray
    finite: Mask
    alive: Mask
    dark: float
    whole: bool


@dataclass(frozen=True, slots=True)
class Faults:
    """Pixels that do not count, by reason.

    Attributes
    ----------
    pixels
        True for each pixel with this fault, shape (ky, kx): "given", "file", "dead", "hot", "saturated", "beam stop".
        A pixel has one reason.
    full_scale
        The value at which counts end; NaN where they do not.
    geometry
        Found without the pixels that do not count.
    """

    pixels: dict[str, Mask]
    full_scale: float
    geometry: Geometry

    @property
    def mask(self) -> Mask:
        """True where pixels count."""
        return ~np.logical_or.reduce(list(self.pixels.values()))

    @property
    def counted(self) -> dict[str, int]:
        """Pixels of each fault that occurs."""
        return {cause: int(pixels.sum()) for cause, pixels in self.pixels.items() if pixels.any()}


class _Moments:
    """Sums over frames, one at a time."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.total, self.square = np.zeros(shape), np.zeros(shape)
        self.low, self.high = np.full(shape, np.inf), np.full(shape, -np.inf)
        self.finite = np.ones(shape, dtype=np.bool_)
        self.number, self.whole = 0, True

    def add(self, pattern: NDArray[Any], offset: float) -> tuple[float, float]:
        """Take a frame in, unless all its counts are the same; its mean and spread over pixels."""
        counts = pattern.astype(np.float64)
        if pattern.dtype.kind == "f":
            # Comparison is false for what is no number.
            known = np.abs(counts) < _LARGEST
            if not known.all():
                self.finite &= known | (not known.any())
                counts[~known] = 0.0
            self.whole = self.whole and bool((counts == np.rint(counts)).all())
        counts -= offset
        squared = np.square(counts)
        mean = float(counts.mean())
        spread = math.sqrt(max(float(squared.mean()) - mean**2, 0.0))
        if counts.max() == counts.min():
            return mean, 0.0
        self.total += counts
        self.square += squared
        np.minimum(self.low, counts, out=self.low)
        np.maximum(self.high, counts, out=self.high)
        self.number += 1
        return mean, spread


def survey(patterns: NDArray[Any] | FrameFile, offset: float, progress: Progress) -> Survey:
    """Go through the patterns; see :class:`Survey`.

    A frame is dead if all its counts are the same, or none is a number, or if their sum or their spread over pixels is
    below a fifth of the median over frames. `offset` is taken off all counts.

    Raises
    ------
    InputError
        If less than two frames are alive.
    """
    n = math.prod(patterns.shape[:-2])
    means, spreads = np.zeros(n), np.zeros(n)
    alive = np.ones(n, dtype=np.bool_)
    while True:
        moments = _Moments(patterns.shape[-2:])
        for numbers, block in frame_blocks(patterns):
            for number, pattern in zip(numbers, block, strict=True):
                if alive[number]:
                    means[number], spreads[number] = moments.add(pattern, offset)
            progress((int(numbers[-1]) + 1) / n, "faults of pixels and frames")
        alive = spreads > 0
        if alive.any():
            alive &= (means > _DIM * np.median(means[alive])) & (spreads > _DIM * np.median(spreads[alive]))
        if alive.sum() < 2:
            raise InputError(
                f"patterns: {int(alive.sum())} of {n} frames hold a pattern; allowed: at least two"
            )
        # Flat frames were left out on the way; others that are dead have to be taken out again.
        if alive.sum() == moments.number:
            break
    dark = float(np.mean(means[~alive])) if not alive.all() else math.nan
    return Survey(
        moments.total / moments.number,
        moments.square / moments.number,
        moments.low,
        moments.high,
        moments.finite,
        alive,
        dark,
        moments.whole,
    )


def find_faults(
    found: Survey,
    *,
    given: dict[str, Mask],
    look: bool,
    near: float,
    geometry: Geometry | None,
    ellipse: bool,
    aspect: float,
) -> Faults:
    """Pixels that do not count, and the geometry that is found without them.

    * dead: not a number in any frame, the same in all frames where others vary, or far darker than those around it;
    * hot: up to four pixels side by side, in some frame five times as bright as the largest values around them and
      brighter than speckles and counting can make them, or far brighter than those around them in the mean;
    * beam stop: a patch of at least 25 pixels darker than half the median of their ring, or whole rings from the
      centre on that are darker than a tenth of the brightest further out, grown by two pixels. Dark rings between
      bright ones, and pairs of gaps across the centre, as textures have, are none;
    * saturated: near the full scale on average. There is a full scale if ten or more pixels reach the largest value,
      and fewer come within a tenth of it.

    Parameters
    ----------
    found
        From :func:`survey`.
    given
        Pixels left out by name of the reason: "given" and "file".
    look
        Whether to look for others.
    near
        Radius in pixels inside which the direct beam is: nothing there is taken for hot.
    geometry
        As given; None is to be found.
    ellipse, aspect
        See :func:`alzmodel.scattering.fem.stack_geometry.find_geometry`.

    Raises
    ------
    InputError
        If no pixels are left, or no ring is to be seen.
    """
    pixels = {"given": np.zeros(found.mean.shape, dtype=np.bool_), **given}
    faults = Faults(pixels, math.nan, Geometry((0.0, 0.0), aspect=aspect))

    if not faults.mask.any():
        raise InputError("mask: no pixel left; allowed: some of every ring")
    full = math.nan

    def with_geometry(faults: Faults) -> Faults:
        if geometry is not None:
            return replace(faults, geometry=replace(geometry, aspect=aspect))
        shown = faults.mask
        if math.isfinite(full) and (shown & (found.high < full)).sum() > 0.3 * shown.sum():
            # Rings that are cut off at the top say less of where their middle is.
            shown &= found.high < full
        return replace(faults, geometry=find_geometry(found.mean, ellipse=ellipse, mask=shown, aspect=aspect))

    if not look:
        return with_geometry(faults)
    seen = faults.mask
    hot, dead, weak = lone_pixels(found, seen)
    full = _full_scale(found, seen & ~hot)
    if math.isfinite(full):
        dead &= (found.high < full) | ~found.finite
    faults = with_geometry(replace(faults, pixels=pixels | {"dead": dead | weak, "hot": hot}))
    for _ in range(3):
        # The direct beam may be as narrow as a hot pixel, and its foot darker than what is around it.
        medians, ring = ring_medians(found.mean, faults.geometry, seen)
        near_beam = ring <= near
        # The bottom of a dark ring is no darker than the rest of it.
        below = np.nan_to_num(medians, nan=np.inf)[ring] - found.mean
        scatter, _ = ring_medians(np.abs(below), faults.geometry, seen)
        alone = (below > found.mean) & ~(below < 1.4826 * _SCATTER * scatter[ring])
        lone = {"dead": dead | (weak & alone & ~near_beam), "hot": hot & ~near_beam}
        stop = _shadow(found, faults.geometry, seen & ~dead & ~lone["hot"], near) & seen
        lone = {cause: one & ~stop for cause, one in lone.items()}
        before, faults = faults, with_geometry(replace(faults, pixels=pixels | lone | {"beam stop": stop}))
        if np.array_equal(before.mask, faults.mask):
            break
    if math.isfinite(full):
        # Never so many that a ring has none left: those are told, and stay.
        stuck = (found.mean > 0.95 * full) & faults.mask
        _, ring = ring_medians(found.mean, faults.geometry, seen)
        share = np.bincount(ring.ravel(), stuck.ravel()) / np.maximum(np.bincount(ring.ravel()), 1)
        stuck &= (share < 0.5)[ring]
        faults = with_geometry(replace(faults, pixels=faults.pixels | {"saturated": stuck}, full_scale=full))
    return faults


def lone_pixels(found: Survey, seen: Mask) -> tuple[Mask, Mask, Mask]:
    """Hot, dead and weak pixels by those around them; see :func:`find_faults`.

    How bright a pixel can be by chance: counts of one mode of speckle are geometrically distributed in units u, with
    P(≥ t) = (1 + u/I)^(−t/u). The unit is taken from the data, u = var/I, which is the gain for counting alone, and
    the larger the more modes are counted together: the bound is safe.
    """
    from scipy.ndimage import median_filter, percentile_filter, rank_filter

    n = int(found.alive.sum())
    usual, unit = _around(found, seen)
    peak = np.maximum(median_filter(found.high, 5, mode="nearest"), unit)
    chance = 1.5 * unit * math.log(n * usual.size / _SURE) / np.log1p(unit / usual)
    once = (found.high > _HOT * peak) & (found.high > chance)
    error = np.sqrt(unit * usual / n)
    always = (found.mean > 2 * usual) & (found.low > usual + _SIGMAS * error)
    lone = rank_filter(found.high, -(_LONE + 1), 5, mode="nearest") < _LIKE * found.high
    hot = (once | always) & lone & seen

    usual, unit = _around(found, seen & ~hot)
    constant = found.high == found.low
    if constant[seen].mean() > 0.5:
        constant[:] = False
    # Most of those around must be brighter: beside the edge of a disc half of them are.
    most = percentile_filter(found.mean, 25, 5, mode="nearest")
    # Where few counts are expected, a pixel without any is none that is dead.
    counts = np.log1p(np.maximum(most, 0.0) / unit)
    constant &= (n * counts > -math.log(_SURE / usual.size)) | (found.high > 0)
    weak = found.mean < 0.5 * most
    weak &= (usual - found.mean > _SIGMAS * np.sqrt(unit * usual / n)) & (found.high < 0.5 * peak)
    dead = (constant & ~hot) | ~found.finite
    return hot, dead & seen, weak & seen & ~dead


def _around(found: Survey, seen: Mask) -> tuple[FloatArray, FloatArray]:
    """Mean around each pixel, and variance over mean there.

    The median of 5 × 5 pixels; where counts are so few that it says nothing, the mean of the outer 16 of them.
    """
    from scipy.ndimage import median_filter, uniform_filter

    def outer(image: FloatArray) -> FloatArray:
        whole, middle = uniform_filter(image, 5, mode="nearest"), uniform_filter(image, 3, mode="nearest")
        return np.maximum(25 * whole - 9 * middle, 0.0)

    n = int(found.alive.sum())
    variance = np.maximum(found.square - np.square(found.mean), 0.0)
    counted = seen & (found.mean > 0)
    # What is counted one by one, for places without any count around.
    one = float(np.median(variance[counted] / found.mean[counted])) if counted.any() else 1.0
    share = np.maximum(outer(seen.astype(np.float64)), 1e-9)
    middle = median_filter(found.mean, 5, mode="nearest")
    mean = np.maximum(outer(np.where(seen, found.mean, 0.0)) / share, one / (16 * n))
    many = middle > 0.5 * mean
    usual = np.maximum(np.where(many, middle, mean), 1e-300)
    spread = np.where(
        many, median_filter(variance, 5, mode="nearest"), outer(np.where(seen, variance, 0.0)) / share
    )
    unit = np.maximum(spread / usual, np.where(many, 1e-12 * usual, one))
    return usual, np.maximum(unit, 1e-300)


def _shadow(found: Survey, geometry: Geometry, seen: Mask, near: float) -> Mask:
    """Large patches that are dark for their ring, or hide whole rings from the centre on; see :func:`find_faults`."""
    from scipy.ndimage import binary_dilation, label, uniform_filter

    share = np.maximum(uniform_filter(seen.astype(np.float64), 3, mode="nearest"), 1e-9)
    smooth = uniform_filter(np.where(seen, found.mean, 0.0), 3, mode="nearest") / share
    medians, ring = ring_medians(smooth, geometry, seen)
    whole = int(max(geometry.largest(smooth.shape), 2))
    usual = np.maximum(np.where(np.isfinite(medians), medians, 0.0), 0.0)
    beyond = np.maximum.accumulate(usual[whole::-1])[::-1]
    beyond = np.concatenate([beyond, np.zeros(max(len(usual) - len(beyond), 0))])
    _, unit = _around(found, seen)
    sure = _SIGMAS * np.sqrt(unit * usual[ring] / (9 * int(found.alive.sum())))
    deep = (smooth < _UMBRA * beyond[ring]) & (beyond[ring] - smooth > sure)
    # At the foot of the direct beam one pixel makes half the brightness: rings are not yet flat there.
    flat = (ring > 0.5 * near) & (ring <= whole) & (usual[ring] - smooth > sure)
    hidden = _hidden_rings(
        usual < _UMBRA * beyond, ring, whole, near, flat & (smooth < _SHADOW * usual[ring])
    )
    deep &= hidden[ring]
    dark = deep | (flat & (smooth < _SHADOW * usual[ring]))
    # Nor may it be within the scatter of the ring: a texture, or frames that are not independent.
    scatter, _ = ring_medians(np.abs(smooth - usual[ring]), geometry, seen)
    clear = dark & (usual[ring] - smooth > 1.4826 * _SCATTER * np.nan_to_num(scatter)[ring])
    groups, _ = label(clear | deep)
    large = np.bincount(groups.ravel()) >= _PATCH
    large[0] = False
    patch = _no_texture(large[groups], geometry)
    if not patch.any():
        return patch
    # A stop goes on where the scatter of the rings is larger.
    groups, _ = label(patch | (flat & (smooth < 0.5 * _SHADOW * usual[ring])))
    reached = np.zeros(int(groups.max()) + 1, dtype=np.bool_)
    reached[np.unique(groups[patch])] = True
    return binary_dilation(reached[groups], iterations=_PENUMBRA)


def _hidden_rings(dim: Mask, ring: NDArray[np.int64], whole: int, near: float, dark: Mask) -> Mask:
    """Rings that lie behind a beam stop all around, by number; a dark ring between bright ones is a ring.

    A stop hides the rings from the centre on. If the direct beam shines through it, they begin beside the beam, and the
    arm of the stop, dark for its rings, goes on from there to the border.

    Parameters
    ----------
    dim
        Rings far darker than those further out, shape (number of rings,).
    ring
        Of each pixel, shape (ky, kx).
    whole
        The largest whole ring.
    near
        Radius in pixels inside which the direct beam is.
    dark
        Pixels that are dark for their ring, shape (ky, kx).
    """
    from scipy.ndimage import label

    hidden = np.zeros(len(dim), dtype=np.bool_)
    start = 0 if dim[0] else int(np.argmax(dim))
    if not dim[start] or start > near:
        return hidden
    end = start + int(np.argmin(np.append(dim[start:], False)))
    if start > 0:
        beyond = dark & (ring >= end)
        groups, n_groups = label(beyond)
        arms = [
            set(np.unique(groups[beyond & side]).tolist()) for side in (ring <= end + 3, ring >= whole - 1)
        ]
        if n_groups == 0 or not set.intersection(*arms):
            return hidden
    hidden[start:end] = True
    return hidden


def _no_texture(patch: Mask, geometry: Geometry) -> Mask:
    """Leave out patches whose like lies across the centre, as gaps of a texture do by Friedel's law.

    Stops and gaps reach the border or the centre, and a grain of dust has no like.
    """
    from scipy.ndimage import label, map_coordinates

    height, width = patch.shape
    y, x = np.mgrid[:height, :width]
    across = [2 * geometry.center[1] - y, 2 * geometry.center[0] - x]
    like = patch & (map_coordinates(patch.astype(np.float64), across, order=1, mode="constant") > 0.5)
    groups, n_groups = label(patch)
    size, shared = np.bincount(groups.ravel()), np.bincount(groups.ravel(), like.ravel())
    radius = geometry.radius(x.astype(float), y.astype(float))
    least = np.array([radius[groups == n].min() for n in range(n_groups + 1)])
    most = np.array([radius[groups == n].max() for n in range(n_groups + 1)])
    inside = (least > _PATCH**0.5) & (most < geometry.largest(patch.shape) - 1)
    texture = inside & (shared > 0.5 * size)
    return patch & ~texture[groups]


def _full_scale(found: Survey, mask: Mask) -> float:
    """Value that many pixels share as their largest; NaN if none is."""
    high = found.high[mask]
    top = float(high.max())
    close = min(0.9 * top, top - 1.0) if found.whole else 0.9 * top
    shared = int((high == top).sum())
    return top if shared >= _SHARED and shared > int(((high >= close) & (high < top)).sum()) else math.nan
