"""Rings on a camera: which part of which pixel belongs to which, wherever the direct beam is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from alzmodel.scattering.fem.stack_geometry import Geometry

__all__ = ["RingPlan", "Rings", "plan_rings", "ring_weights"]

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SUBPIXELS: Final = 4
"""Along each axis: a pixel is shared among rings by where its sixteen parts lie."""
_KEPT: Final = 64
"""Ring tables that are kept while the direct beam moves over the camera in steps of a quarter pixel."""


@dataclass(frozen=True, slots=True)
class RingPlan:
    """Which rings, and the part of the camera around the direct beam that holds them.

    Attributes
    ----------
    k
        Ring centres, nm⁻¹, shape (k,).
    width
        Of a ring, nm⁻¹.
    half
        Pixels of the part on each side of its middle one, (y, x).
    """

    k: FloatArray
    width: float
    half: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Pixels of the part, (y, x)."""
        return 2 * self.half[0] + 1, 2 * self.half[1] + 1


@dataclass(frozen=True, slots=True)
class Rings:
    """Shares of pixels in rings for one position of the direct beam.

    Attributes
    ----------
    weights
        Rows add up to one, shape (k, pixels of the part).
    counted
        Pixels of the part that count, shape (pixels of the part,).
    corner, size
        First row and column of the part on the camera, below zero where it begins outside, and its size.
    """

    weights: sparse.csr_array
    counted: Mask
    corner: tuple[int, int]
    size: tuple[int, int]

    def cut(self, pattern: NDArray[Any]) -> NDArray[Any]:
        """Give the part of a pattern around its direct beam, zero outside the camera, shape `size`."""
        (top, left), (height, width) = self.corner, self.size
        rows, columns = pattern.shape
        if top >= 0 and left >= 0 and top + height <= rows and left + width <= columns:
            return pattern[top : top + height, left : left + width]
        part = np.zeros(self.size, dtype=pattern.dtype)
        inside = pattern[max(top, 0) : top + height, max(left, 0) : left + width]
        part[
            max(-top, 0) : max(-top, 0) + inside.shape[0], max(-left, 0) : max(-left, 0) + inside.shape[1]
        ] = inside
        return part


def plan_rings(
    geometry: Geometry,
    shape: tuple[int, ...],
    pixel_size: float,
    wanted: tuple[float, float | None, float, float],
    centers: FloatArray,
    source: str,
) -> RingPlan:
    """Rings that fit on every pattern.

    Parameters
    ----------
    geometry
        Of the mean pattern.
    shape
        Of a pattern, (ky, kx).
    pixel_size
        nm⁻¹, along x.
    wanted
        First and last ring, their distance and their width, nm⁻¹; the last None is the largest that fits, at most 8.
    centers
        (x, y) of the direct beam in each pattern, shape (n, 2).
    source
        For messages.

    Raises
    ------
    InputError
        If rings do not fit on the patterns, or are narrower than a pixel.
    """
    k_min, k_max, k_step, ring_width = wanted
    edges = [centers.min(axis=0), centers.max(axis=0)]
    whole = pixel_size * min(
        replace(geometry, center=(float(x), float(y))).largest(shape)
        for x in {float(edge[0]) for edge in edges}
        for y in {float(edge[1]) for edge in edges}
    )
    last = min(8.0, math.floor((whole - 0.5 * ring_width) / k_step) * k_step) if k_max is None else k_max
    if not (k_step > 0 and ring_width > 0 and 0 < k_min <= last) or last + 0.5 * ring_width > whole + 1e-9:
        raise InputError(
            f"rings: {k_min:g} to {last:g} nm⁻¹, {ring_width:g} wide; allowed: up to {whole - 0.5 * ring_width:.2f} "
            f"nm⁻¹, the largest whole circle of {source}"
        )
    count = math.floor((last - k_min) / k_step + 1e-9) + 1
    k: FloatArray = k_min + k_step * np.arange(count, dtype=np.float64)
    e = abs(geometry.ratio - 1) / (geometry.ratio + 1)
    reach = (float(k[-1]) + 0.5 * ring_width) / pixel_size / (1 - e) + 1.0
    return RingPlan(k, ring_width, (math.ceil(reach / geometry.aspect) + 1, math.ceil(reach) + 1))


def ring_weights(
    plan: RingPlan, geometry: Geometry, pixel_size: float, mask: Mask
) -> Callable[[float, float], Rings]:
    """Give a function from the position of the direct beam, (x, y) in pixels, to its rings under a mask.

    Raises
    ------
    InputError
        By the function, if a ring has no pixel left.
    """
    empty = sparse.csr_array((0, 0))

    @lru_cache(maxsize=16)
    def shares(fx: float, fy: float) -> sparse.csr_array:
        return _shares(plan, replace(geometry, center=(plan.half[1] + fx, plan.half[0] + fy)), pixel_size)

    @lru_cache(maxsize=_KEPT)
    def rings(x: float, y: float) -> Rings:
        middle = math.floor(x + 0.5), math.floor(y + 0.5)
        corner = middle[1] - plan.half[0], middle[0] - plan.half[1]
        place = Rings(empty, np.zeros(0, dtype=np.bool_), corner, plan.size)
        counted = place.cut(mask).ravel()
        weights = shares(x - middle[0], y - middle[1])
        kept = (weights @ sparse.diags_array(counted.astype(np.float64))).tocsr()
        kept.eliminate_zeros()
        totals = np.asarray(kept.sum(axis=1)).ravel()
        if not (totals > 0).all():
            centre = float(plan.k[int(np.argmin(totals))])
            raise InputError(
                f"mask: no pixel left at {centre:g} nm⁻¹; allowed: some of every ring, as with rings further out, or "
                "--no-auto-mask where a dark ring is no beam stop"
            )
        scaled = (sparse.diags_array(1 / totals) @ kept).tocsr()
        return replace(place, weights=scaled, counted=counted)

    return rings


def _shares(plan: RingPlan, geometry: Geometry, pixel_size: float) -> sparse.csr_array:
    """Part of each pixel in each ring, shape (k, pixels)."""
    height, width = plan.size
    parts = (np.arange(_SUBPIXELS) + 0.5) / _SUBPIXELS - 0.5
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    radii = [pixel_size * geometry.radius(columns + dx, rows + dy).ravel() for dy in parts for dx in parts]
    middle = pixel_size * geometry.radius(columns, rows).ravel()
    edge = pixel_size * max(1.0, geometry.aspect)
    order = np.argsort(middle)
    ordered = middle[order]
    built = []
    for centre in plan.k:
        first, last = np.searchsorted(
            ordered, [centre - 0.5 * plan.width - edge, centre + 0.5 * plan.width + edge]
        )
        near = np.sort(order[first:last])
        inside = np.mean([np.abs(radius[near] - centre) <= 0.5 * plan.width for radius in radii], axis=0)
        kept = inside > 0
        built.append((near[kept], inside[kept]))
    starts = np.concatenate([[0], np.cumsum([len(near) for near, _ in built])])
    return sparse.csr_array(
        (np.concatenate([w for _, w in built]), np.concatenate([c for c, _ in built]), starts),
        shape=(len(plan.k), height * width),
    )
