"""Measured stacks of nanodiffraction patterns: centred, their ellipse undone, and turned into the four variances."""

from __future__ import annotations

import contextlib
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alzmodel.errors import InputError
from alzmodel.hdf5 import open_hdf5
from alzmodel.limits import check_memory
from alzmodel.results import Item, Result, holds
from alzmodel.scattering.fem.detector import Camera, PatternStack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


__all__ = [
    "READ_FORMATS",
    "Geometry",
    "StackResult",
    "find_geometry",
    "is_stack",
    "measure_stack",
    "read_stack",
]

FloatArray = NDArray[np.float64]

_OWN_FORMATS: Final = (".npy", ".h5", ".hdf5")
READ_FORMATS: Final = (
    *_OWN_FORMATS,
    *(
        ".hspy",
        ".zspy",
        ".mib",
        ".dm3",
        ".dm4",
        ".blo",
        ".emd",
        ".ser",
        ".tif",
        ".tiff",
        ".tvips",
        ".nxs",
        ".mrc",
    ),
)
"""The first three are read here, the others by rosettasciio."""

_COPIES: Final = 2
"""Of all patterns as 64-bit numbers that are in memory at a time."""
_SUBPIXELS: Final = 4
"""Along each axis: a pixel is shared among rings by where its sixteen parts lie."""

_UNITS: Final = 12
"""Groups of patterns that are left out in turn for the intervals of the peaks."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the direct beam is and how circles became ellipses.

    Attributes
    ----------
    center
        (x, y) of the direct beam in pixels, 0 the middle of the first pixel.
    ratio
        Long over short axis of a ring on the camera; 1 is a circle.
    angle
        Of the long axis from x towards y, degrees, 0 to 180.
    """

    center: tuple[float, float]
    ratio: float = 1.0
    angle: float = 0.0

    @property
    def strain(self) -> FloatArray:
        """Symmetric matrix E without trace: (1 − E)(x − center) lies on a circle, shape (2, 2)."""
        e = (self.ratio - 1) / (self.ratio + 1)
        c, s = math.cos(2 * math.radians(self.angle)), math.sin(2 * math.radians(self.angle))
        return e * np.array([[c, s], [s, -c]])

    def radius(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Distance from the direct beam in pixels with the ellipse undone, shape of `x`."""
        m = np.eye(2) - self.strain
        dx, dy = x - self.center[0], y - self.center[1]
        return np.asarray(np.hypot(m[0, 0] * dx + m[0, 1] * dy, m[1, 0] * dx + m[1, 1] * dy))


@dataclass(frozen=True, repr=False)
class StackResult(Result):
    """Outcome of :func:`measure_stack`.

    Attributes
    ----------
    k
        Ring centres, nm⁻¹, shape (k,).
    variance
        "omega", "r", "re" and "image" without the part of the noise, each of shape (k,); "image" is NaN where a ring
        has no pixel with enough counts.
    variance_raw
        The same with it.
    variance_ci95
        95 % intervals of `variance` from a bootstrap over patterns, shape (k, 2).
    mean_intensity
        Counts a pixel, shape (k,).
    geometry, pixel_size, n_patterns, camera
        As found or given.
    groups
        "omega" with one of twelve groups of patterns left out, shape (groups, k).
    """

    k: FloatArray = field(metadata=holds("nm⁻¹", role="axis"))
    variance: Mapping[str, FloatArray]
    variance_raw: Mapping[str, FloatArray]
    variance_ci95: Mapping[str, FloatArray]
    mean_intensity: FloatArray = field(metadata=holds("counts"))
    geometry: Geometry = field(metadata=holds(hidden=True))
    pixel_size: float = field(metadata=holds("nm⁻¹"))
    n_patterns: int
    camera: Camera = field(metadata=holds(hidden=True))
    groups: FloatArray = field(metadata=holds(hidden=True))

    def items(self) -> Iterator[Item]:
        """Attributes by their name; :func:`alzmodel.scattering.fem.fit.with_peaks` adds the peaks."""
        yield from Result.items(self)
        yield Item("center", self.geometry.center)
        yield Item("ellipse", {"ratio": self.geometry.ratio, "angle": self.geometry.angle})
        yield Item("camera", asdict(self.camera))


def is_stack(path: str | Path) -> bool:
    """Whether a file is, by its ending, a stack of patterns and no structure."""
    return Path(path).suffix.lower() in READ_FORMATS


def read_stack(
    path: str | Path, *, pixel_size: float | None = None, dataset: str | None = None
) -> PatternStack:
    """Read a stack of patterns.

    Parameters
    ----------
    path
        .npy; .h5 or .hdf5 (the dataset named, else the only one of three or four axes); or a format of microscopes
        through rosettasciio.
    pixel_size
        nm⁻¹; None takes what the file says.
    dataset
        Name inside HDF5.

    Raises
    ------
    InputError
        If the file is missing, has another ending, no or several stacks, other than three or four axes, values that
        are no finite numbers, or no pixel size.
    """
    file, name = Path(path), str(path)
    ending = file.suffix.lower()
    if not file.is_file():
        raise InputError(f"{name}: no such file; allowed: a stack of patterns ({', '.join(READ_FORMATS)})")
    if ending == ".npy":
        try:
            patterns, stated = np.load(file, mmap_mode="r", allow_pickle=False), math.nan
        except (ValueError, EOFError, OverflowError, SyntaxError, OSError) as error:
            raise InputError(f"{name}: not a NumPy array ({error}); allowed: .npy of numbers") from error
    elif ending in {".h5", ".hdf5"}:
        patterns, stated = _read_hdf5(file, name, dataset)
    elif ending in READ_FORMATS:
        patterns, stated = _read_microscope(file, name)
    else:
        raise InputError(f"{name}: ending {ending or 'none'}; allowed: {', '.join(READ_FORMATS)}")
    if patterns.dtype.kind not in "biuf":
        raise InputError(f"{name}: values of type {patterns.dtype}; allowed: real numbers")
    if patterns.ndim not in {3, 4} or min(patterns.shape[-2:], default=0) < 16 or not np.isrealobj(patterns):
        raise InputError(
            f"{name}: array of shape {patterns.shape}; allowed: probe positions along one or two axes, then patterns "
            "of at least 16 × 16 real numbers"
        )
    if math.prod(patterns.shape[:-2]) < 2:
        raise InputError(f"{name}: one pattern; allowed: at least two, a variance is asked for")
    check_memory(f"{name}: {patterns.shape} values", _COPIES * 8.0 * math.prod(patterns.shape))
    size = stated if pixel_size is None else float(pixel_size)
    if not (math.isfinite(size) and 1e-4 <= size <= 5):
        raise InputError(
            f"{name}: pixel size {'not in the file' if math.isnan(size) else size}; allowed: 0.0001 to 5 nm⁻¹, given "
            "as --pixel-size"
        )
    return PatternStack(patterns, size, name)


def _read_hdf5(file: Path, name: str, dataset: str | None) -> tuple[NDArray[Any], float]:
    import h5py

    try:
        with open_hdf5(file) as handle:
            found: list[str] = []
            handle.visititems(
                lambda path, item: (
                    found.append(path) if isinstance(item, h5py.Dataset) and item.ndim in {3, 4} else None
                )
            )
            chosen = dataset or (found[0] if len(found) == 1 else None)
            if chosen is None or chosen not in handle:
                raise InputError(
                    f"{name}: dataset {dataset or 'not named'}; allowed: one of {', '.join(found) or 'none here'}"
                )
            data = handle[chosen]
            if not isinstance(data, h5py.Dataset) or data.dtype.kind not in "biuf":
                raise InputError(f"{name}: {chosen} is {_kind(data)}; allowed: a dataset of real numbers")
            check_memory(f"{name}: {chosen} of shape {data.shape}", _COPIES * 8.0 * math.prod(data.shape))
            return np.asarray(data[()]), float(data.attrs.get("pixel_size", math.nan))
    except OSError as error:
        raise InputError(f"{name}: not HDF5 ({error}); allowed: an HDF5 file with a stack") from error


def _kind(item: Any) -> str:
    return f"of type {item.dtype}" if hasattr(item, "dtype") else "a group"


def _read_microscope(file: Path, name: str) -> tuple[NDArray[Any], float]:
    try:
        from rsciio import IO_PLUGINS
    except ImportError:
        raise InputError(
            f"{name}: rosettasciio is not installed; allowed: {', '.join(_OWN_FORMATS)}, or this after "
            "`pip install '.[stacks]'`"
        ) from None
    from importlib import import_module

    ending = file.suffix.lower().lstrip(".")
    with contextlib.suppress(OSError), open_hdf5(file):
        # Several of these formats are HDF5, and their readers would follow links to other files.
        pass
    readers = [plugin for plugin in IO_PLUGINS if ending in plugin["file_extensions"]]
    for plugin in readers:
        try:
            (signal, *_) = import_module(plugin["api"]).file_reader(str(file))
        except Exception as error:  # noqa: BLE001 - each reader has errors of its own
            reason = error
            continue
        axes = [axis for axis in signal["axes"] if not axis.get("navigate", False)]
        units = {str(axis.get("units", "")).replace(" ", "") for axis in axes}
        known = len(axes) == 2 and units <= {
            "1/nm",
            "nm^-1",
            "nm⁻¹",
            "$nm^{-1}$",
            "1/Å",
            "1/A",
            "Å^-1",
            "$A^{-1}$",
        }
        scale = float(axes[-1].get("scale", math.nan)) if known else math.nan
        per_nm = 10.0 if units & {"1/Å", "1/A", "Å^-1", "$A^{-1}$"} else 1.0
        return np.asarray(signal["data"]), per_nm * scale
    raise InputError(
        f"{name}: not readable by rosettasciio ({reason if readers else 'no reader'}); allowed: a stack"
    )


def find_geometry(
    mean: FloatArray, *, ellipse: bool = True, annulus: tuple[float, float] | None = None
) -> Geometry:
    """Centre and ellipse of the mean pattern.

    The centre of inversion is found first (highest self-convolution, values clipped so that rings count beside the
    direct beam); then rings are made round: the pattern is linear in small shifts and strains of its radial profile,
    and the four of them are fitted by least squares over an annulus, repeatedly.

    Parameters
    ----------
    mean
        Mean pattern, shape (ky, kx).
    ellipse
        Whether to look for one.
    annulus
        Inner and outer radius in pixels; None is 0.25 to 0.85 of the largest whole circle.

    Raises
    ------
    InputError
        If no ring is to be seen.
    """
    from scipy.ndimage import map_coordinates
    from scipy.signal import fftconvolve

    clipped = np.minimum(mean, np.quantile(mean, 0.99))
    clipped = clipped - np.quantile(clipped, 0.05)
    own = fftconvolve(clipped, clipped)
    row, column = np.unravel_index(int(own.argmax()), own.shape)
    x, y = 0.5 * float(column), 0.5 * float(row)
    strain = np.zeros((2, 2))
    largest = min(x, y, mean.shape[1] - 1 - x, mean.shape[0] - 1 - y)
    if largest < 8:
        raise InputError(
            f"patterns: the direct beam seems to be at ({x:.1f}, {y:.1f}); allowed: whole rings, or a centre that is "
            "given"
        )
    low, high = annulus or (0.25 * largest, 0.85 * largest)
    r = np.arange(low, high, 0.5)
    phi = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    cos, sin = np.cos(phi)[:, None], np.sin(phi)[:, None]
    cos2, sin2 = np.cos(2 * phi)[:, None], np.sin(2 * phi)[:, None]
    for _ in range(12):
        stretch = np.eye(2) + strain
        u, v = r * cos, r * sin
        at_x = x + stretch[0, 0] * u + stretch[0, 1] * v
        at_y = y + stretch[1, 0] * u + stretch[1, 1] * v
        polar = map_coordinates(mean, [at_y, at_x], order=3, mode="nearest")
        profile = np.maximum(polar.mean(axis=0), 1e-12 * float(mean.max()))
        # Relative to the profile, or the steep foot of the direct beam would decide alone.
        slope = np.gradient(profile, r) / profile
        terms = [-slope * cos, -slope * sin]
        if ellipse:
            terms += [-slope * r * cos2, -slope * r * sin2]
        matrix = np.stack([np.broadcast_to(term, polar.shape).ravel() for term in terms], axis=1)
        step, *_ = np.linalg.lstsq(matrix, (polar / profile - 1).ravel(), rcond=None)
        x, y = x + float(step[0]), y + float(step[1])
        if ellipse:
            strain += np.array([[step[2], step[3]], [step[3], -step[2]]])
        if np.abs(step[:2]).max() < 1e-3 and (not ellipse or np.abs(step[2:]).max() < 1e-5):
            break
    e = math.hypot(strain[0, 0], strain[0, 1])
    if e > 0.2 or not (0 <= x < mean.shape[1] and 0 <= y < mean.shape[0]):
        raise InputError(
            "patterns: no ring to find the centre by; allowed: patterns with rings, or a centre given"
        )
    angle = math.degrees(0.5 * math.atan2(strain[0, 1], strain[0, 0])) % 180
    return Geometry((x, y), (1 + e) / (1 - e), angle if ellipse else 0.0)


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
    mask: NDArray[np.bool_] | None = None,
    n_bootstrap: int = 200,
    seed: int = 0,
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
        Pixels that count (beam stop and dead pixels False), shape (ky, kx).
    n_bootstrap, seed
        Bootstrap over patterns for the intervals.

    Returns
    -------
    StackResult
        An electron gives g counts spread by the point spread h (Σh = 1), so a pixel has noise g Σh² I + σ², and a
        ring mean with pixel weights w has g Σ(w∗h)² I + σ² Σw². These means are taken off ⟨I²⟩ and ⟨I⟩² wherever a
        square was averaged, before the ratio is formed. Blur that is wider than a speckle lowers V all the same.

    Raises
    ------
    InputError
        If rings do not fit on the patterns, a pattern has no counts in one of them (V divides by its mean), or a value
        is unusable.

    References
    ----------
    T. L. Daulton, K. S. Bondi and K. F. Kelton, Ultramicroscopy 110 (2010) 1279.
    """
    camera = Camera() if camera is None else camera
    patterns = stack.patterns.reshape(-1, *stack.patterns.shape[-2:])
    mean = np.zeros(patterns.shape[1:])
    for pattern in patterns:
        mean += pattern
    mean /= len(patterns)
    if not np.isfinite(mean).all():
        raise InputError(f"{stack.source}: NaN or infinite counts; allowed: finite numbers")
    found = find_geometry(mean, ellipse=ellipse) if geometry is None else geometry
    ring_k, rings = _rings(mean.shape, found, stack, (k_min, k_max, k_step, ring_width), mask)
    used = np.flatnonzero(np.diff(rings.tocsc().indptr) > 0)
    rings = rings[:, used].tocsr()

    pixel_noise, ring_noise = _noise_weights(rings, used, mean.shape, camera)
    n, n_rings = len(patterns), rings.shape[0]
    ring_mean, ring_square = np.empty((n, n_rings)), np.empty((n, n_rings))
    total, squared = np.zeros(len(used)), np.zeros(len(used))
    groups = np.arange(n) * min(_UNITS, n) // n
    for number, pattern in enumerate(patterns):
        counts = np.asarray(pattern, dtype=np.float64).ravel()[used]
        total += counts
        squared += counts * counts
        ring_mean[number] = rings @ counts
        ring_square[number] = rings @ (counts * counts)
    n_rings = _counted_rings(ring_k, ring_mean, stack.source, exactly=k_max is not None)
    ring_k, rings = ring_k[:n_rings], rings[:n_rings]
    ring_noise, ring_mean, ring_square = (
        ring_noise[:n_rings],
        ring_mean[:, :n_rings],
        ring_square[:, :n_rings],
    )
    electrons = camera.electrons > 0
    shot = camera.gain if electrons else 0.0
    dark = camera.readout**2 if electrons else 0.0
    noise = _Noise(
        pixel=shot * pixel_noise,
        ring=shot * np.asarray(ring_noise @ (total / n))
        + dark * np.asarray(rings.power(2).sum(axis=1)).ravel(),
        dark=dark,
    )
    nothing = _Noise(0.0, np.zeros(n_rings), 0.0)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap) / n
    weights = np.vstack([np.full((1, n), 1 / n), draws])
    curves = _variances(weights, ring_mean, ring_square, noise)
    raw = _variances(weights[:1], ring_mean, ring_square, nothing)
    image, image_raw = (_image_variance(rings, total / n, squared / n, part, n) for part in (noise, nothing))
    intervals = {name: np.quantile(curve[1:], [0.025, 0.975], axis=0).T for name, curve in curves.items()}
    left_out = np.array([(groups != g) / (groups != g).sum() for g in range(groups.max() + 1)])
    return StackResult(
        k=ring_k,
        variance={**{name: curve[0] for name, curve in curves.items()}, "image": image},
        variance_raw={**{name: curve[0] for name, curve in raw.items()}, "image": image_raw},
        variance_ci95=intervals,
        mean_intensity=ring_mean.mean(axis=0),
        geometry=found,
        pixel_size=stack.pixel_size,
        n_patterns=n,
        camera=camera,
        groups=_variances(left_out, ring_mean, ring_square, noise)["omega"],
    )


def _counted_rings(ring_k: FloatArray, ring_mean: FloatArray, source: str, *, exactly: bool) -> int:
    """Count the rings before the first in which a pattern has no counts: V divides by that mean."""
    empty = np.flatnonzero(~(ring_mean > 0).all(axis=0))
    if not len(empty):
        return len(ring_k)
    first = int(empty[0])
    if exactly or first < 2:
        pattern = int((ring_mean[:, first] > 0).argmin())
        raise InputError(
            f"{source}: pattern {pattern} has no counts in the ring at {ring_k[first]:.2f} nm⁻¹; "
            "allowed: rings with counts in every pattern"
        )
    return first


@dataclass(frozen=True, slots=True)
class _Noise:
    """Variance of the noise: of a pixel `pixel` times its counts plus `dark`, of a ring mean `ring`."""

    pixel: float
    ring: FloatArray
    dark: float


def _variances(
    weights: FloatArray, ring_mean: FloatArray, ring_square: FloatArray, noise: _Noise
) -> dict[str, FloatArray]:
    """Variances for each row of pattern weights (rows add up to one), shape (rows, k)."""
    mean = weights @ ring_mean
    second = weights @ (ring_mean**2) - noise.ring
    square = weights @ ring_square - noise.pixel * mean - noise.dark
    # Within one pattern: its own ring mean was squared, noise and all.
    own = np.maximum(ring_mean**2 - noise.ring, 1e-300)
    rings = (ring_square - noise.pixel * ring_mean - noise.dark) / own
    return {
        "omega": second / mean**2 - 1,
        "r": weights @ rings - 1,
        "re": square / mean**2 - 1,
    }


def _image_variance(
    rings: sparse.csr_array, mean: FloatArray, square: FloatArray, noise: _Noise, n: int
) -> FloatArray:
    """Ring means of the variance of each pixel over patterns, shape (k,).

    Pixels whose mean is not above zero by five standard errors cannot be divided by and do not take part.
    """
    seen = (mean > 0) & (mean > 5 * np.sqrt(np.maximum(noise.pixel * mean + noise.dark, 0) / n))
    if not (rings[:, np.flatnonzero(seen)].sum(axis=1) > 0).all():
        return np.full(rings.shape[0], np.nan)
    lost = noise.pixel * mean[seen] + noise.dark
    # The square of a mean of n patterns holds their noise as well, an nth of it.
    ratio = (square[seen] - lost) / (mean[seen] ** 2 - lost / n) - 1
    part = rings[:, np.flatnonzero(seen)]
    return np.asarray((part @ ratio) / np.asarray(part.sum(axis=1)).ravel())


def _rings(
    shape: tuple[int, ...],
    geometry: Geometry,
    stack: PatternStack,
    wanted: tuple[float, float | None, float, float],
    mask: NDArray[np.bool_] | None,
) -> tuple[FloatArray, sparse.csr_array]:
    """Ring centres in nm⁻¹ and the share of each pixel in each ring, rows adding up to one."""
    k_min, k_max, k_step, ring_width = wanted
    height, width = shape
    (x, y), e = geometry.center, abs(geometry.ratio - 1) / (geometry.ratio + 1)
    whole = (min(x, y, width - 1 - x, height - 1 - y) * (1 - e) - 1) * stack.pixel_size
    last = min(8.0, math.floor((whole - 0.5 * ring_width) / k_step) * k_step) if k_max is None else k_max
    if not (k_step > 0 and ring_width > 0 and 0 < k_min <= last) or last + 0.5 * ring_width > whole + 1e-9:
        raise InputError(
            f"rings: {k_min:g} to {last:g} nm⁻¹, {ring_width:g} wide; allowed: up to {whole - 0.5 * ring_width:.2f} "
            f"nm⁻¹, the largest whole circle of {stack.source}"
        )
    if ring_width < stack.pixel_size:
        raise InputError(
            f"ring width: {ring_width:g} nm⁻¹; allowed: at least one pixel, {stack.pixel_size:g} nm⁻¹"
        )
    if mask is not None and mask.shape != shape:
        raise InputError(f"mask: shape {mask.shape}; allowed: that of a pattern, {shape}")
    count = math.floor((last - k_min) / k_step + 1e-9) + 1
    k: FloatArray = k_min + k_step * np.arange(count, dtype=np.float64)
    parts = (np.arange(_SUBPIXELS) + 0.5) / _SUBPIXELS - 0.5
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    built = []
    radii = [
        stack.pixel_size * geometry.radius(columns + dx, rows + dy).ravel() for dy in parts for dx in parts
    ]
    middle = stack.pixel_size * geometry.radius(columns, rows).ravel()
    for centre in k:
        near = np.flatnonzero(np.abs(middle - centre) < 0.5 * ring_width + stack.pixel_size)
        if mask is not None:
            near = near[mask.ravel()[near]]
        inside = np.mean([np.abs(radius[near] - centre) <= 0.5 * ring_width for radius in radii], axis=0)
        kept = inside > 0
        if not kept.any():
            raise InputError(f"mask: no pixel left at {centre:g} nm⁻¹; allowed: some of every ring")
        built.append((near[kept], inside[kept] / inside[kept].sum()))
    starts = np.concatenate([[0], np.cumsum([len(columns) for columns, _ in built])])
    matrix = sparse.csr_array(
        (np.concatenate([w for _, w in built]), np.concatenate([c for c, _ in built]), starts),
        shape=(len(k), height * width),
    )
    return k, matrix


def _noise_weights(
    rings: sparse.csr_array, used: NDArray[np.int64], shape: tuple[int, ...], camera: Camera
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
        image = np.zeros(math.prod(shape))
        image[used] = rings[[number]].toarray().ravel()
        blurred.append(
            sparse.csr_array(gaussian_filter(image.reshape(shape), sigma).ravel()[used][None] ** 2)
        )
    return float(np.sum(spread**2)), sparse.vstack(blurred).tocsr()
