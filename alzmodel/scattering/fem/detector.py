"""Nanodiffraction patterns as a camera records them: pixels, shot noise and blur, written for other programs."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from alzmodel import __version__
from alzmodel.errors import InputError
from alzmodel.interrupts import UNFINISHED
from alzmodel.io import atomic_path
from alzmodel.scattering.fem.variance import intensities
from alzmodel.scattering.fem.waves import plane_of
from alzmodel.units import relativistic_factor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from alzmodel.scattering.fem.settings import FEMSettings
    from alzmodel.scattering.fem.stack_frames import FrameFile

__all__ = ["WRITTEN_FORMATS", "Camera", "PatternStack", "check_stack_path", "simulate_stack", "write_stack"]

FloatArray = NDArray[np.float64]
Patterns = NDArray[np.float32]

WRITTEN_FORMATS: Final = (".npy", ".h5", ".hdf5", ".hspy")
_LARGEST: Final = 4_000_000_000
"""Bytes of a stack that is made in memory."""


@dataclass(frozen=True, slots=True)
class Camera:
    """What a camera makes of the electrons, and what the analysis has to know about it.

    Parameters
    ----------
    electrons
        Per pattern; 0 is a perfect measurement without shot noise, in shares of the incident beam.
    gain
        Counts per electron.
    readout
        Root mean square noise of a pixel, counts.
    psf_fwhm
        FWHM of the Gaussian that one electron is spread over, pixels; its transform is the MTF exp(−2π²σ²u²).
    binning
        Pixels of the simulation, one per lattice point 1/a of a column a wide, that one pixel of the camera sums
        along each axis.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    electrons: float = 0.0
    gain: float = 1.0
    readout: float = 0.0
    psf_fwhm: float = 0.0
    binning: int = 1

    def __post_init__(self) -> None:
        ranges = {
            "electrons": (0.0, 1e12, "a pattern"),
            "gain": (1e-6, 1e6, "counts per electron"),
            "readout": (0.0, 1e6, "counts"),
            "psf_fwhm": (0.0, 50.0, "pixels"),
            "binning": (1, 16, "pixels"),
        }
        for name, (low, high, unit) in ranges.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(f"camera {name}: {value}; allowed: {low:g} to {high:g} {unit}")
        if int(self.binning) != self.binning:
            raise InputError(f"camera binning: {self.binning}; allowed: a whole number")


@dataclass(frozen=True, slots=True)
class PatternStack:
    """Nanodiffraction patterns with their calibration.

    Attributes
    ----------
    patterns
        Counts (or shares of the incident beam), shape (…, ky, kx): one or two axes of probe positions first. Those of a
        file may stay there; ``np.asarray`` reads them.
    pixel_size
        nm⁻¹ (1/d), along x; NaN if unknown.
    source
        File, or what it was made from.
    aspect
        Size of a pixel along y over that along x.
    mask
        True where pixels count by what the file says of the detector, shape (ky, kx); None where it says nothing.
    """

    patterns: NDArray[Any] | FrameFile
    pixel_size: float
    source: str
    aspect: float = 1.0
    mask: NDArray[np.bool_] | None = None

    @property
    def n_patterns(self) -> int:
        """Number of probe positions."""
        return math.prod(self.patterns.shape[:-2])


def simulate_stack(
    column: Atoms,
    settings: FEMSettings,
    camera: Camera | None = None,
    *,
    seed: int = 0,
    sampling: tuple[float, float] | None = None,
) -> PatternStack:
    """Patterns of a column at an even grid of probe positions, the direct beam included.

    Parameters
    ----------
    column
        Square in the plane, beam along z.
    settings
        The instrument; patterns reach a little beyond its outermost ring.
    camera
        None is a perfect one.
    seed
        Of the noise.
    sampling
        See :func:`alzmodel.scattering.fem.variance.intensities`.

    Returns
    -------
    PatternStack
        Positions are those whose averages are exact for the column (see
        :func:`alzmodel.scattering.fem.variance.fem`), first axis along y. A pixel holds |ψ|² (λγ/A)²,
        the share of the incident electrons (or counts of `camera`). Pixels in the direct beam hold the probe's aperture
        and what was not scattered; its interference with the diffracted wave is left out.

    Raises
    ------
    InputError
        If the cell is not a square, or the stack would take more than 4 GB.
    """
    camera = Camera() if camera is None else camera
    plane = settings.plane(plane_of(column))
    edge = float(plane.cell[0, 0])
    if not np.allclose(plane.cell, edge * np.eye(2), atol=1e-6 * edge):
        raise InputError(
            f"stack: in-plane cell {plane.cell.round(3).tolist()} Å; allowed: a square cell, whose pixels are square"
        )
    n = math.ceil((0.1 * (settings.k_max + 0.5 * settings.ring_width) + 2 * settings.aperture) * edge)
    size, n_positions = 2 * n + 1, plane.positions[0] * plane.positions[1]
    if 4 * size**2 * n_positions > _LARGEST:
        raise InputError(
            f"stack: {n_positions} patterns of {size} × {size} pixels; allowed: up to {_LARGEST / 1e9:g} GB"
        )
    along = np.arange(-n, n + 1)
    pixels = np.stack(np.meshgrid(along, along, indexing="ij"), axis=-1).reshape(-1, 2)
    reach = np.abs(plane.beams).max(axis=0)
    full = replace(plane, pixels=pixels, half=(n + int(reach[0]), n + int(reach[1])))
    share = (settings.wavelength * relativistic_factor(settings.energy_kev)) ** 2 / plane.area
    stack = np.empty((len(pixels), n_positions), dtype=np.float32)
    for part, intensity in intensities(column, settings, full, sampling=sampling):
        stack[part] = share * intensity
    places = (plane.beams + n) @ np.array([size, 1])
    stack[places] = 0.0
    passed = 1 - stack.sum(axis=0, dtype=np.float64)
    stack[places] = (np.abs(plane.amplitudes) ** 2)[:, None] * passed
    # First cell vector is x, the last axis of an image.
    patterns = stack.T.reshape(*plane.positions, size, size).transpose(1, 0, 3, 2)
    recorded = _record(np.ascontiguousarray(patterns), camera, np.random.default_rng(seed))
    return PatternStack(recorded, 10 / edge * camera.binning, "simulated")


def _record(patterns: Patterns, camera: Camera, rng: np.random.Generator) -> Patterns:
    """Bin, add shot noise, blur, and amplify."""
    from scipy.ndimage import gaussian_filter

    if camera.binning > 1:
        # The middle pixel stays in the middle of an odd number of bins.
        b, size = int(camera.binning), patterns.shape[-1]
        count = size // b - (size // b + 1) % 2
        start = (size - count * b) // 2
        cut = patterns[..., start : start + count * b, start : start + count * b]
        patterns = cut.reshape(*cut.shape[:-2], count, b, count, b).sum(axis=(-3, -1))
    if camera.electrons == 0:
        sigma = camera.psf_fwhm / math.sqrt(8 * math.log(2))
        return gaussian_filter(patterns, (0, 0, sigma, sigma)) if sigma > 0 else patterns
    result = np.empty(patterns.shape, dtype=np.float32)
    sigma = camera.psf_fwhm / math.sqrt(8 * math.log(2))
    for row, source in enumerate(patterns):
        counts = rng.poisson(np.maximum(camera.electrons * source.astype(np.float64), 0)).astype(np.float64)
        if sigma > 0:
            counts = gaussian_filter(counts, (0, sigma, sigma))
        counts *= camera.gain
        if camera.readout > 0:
            counts += camera.readout * rng.normal(size=counts.shape)
        result[row] = counts
    return result


def write_stack(stack: PatternStack, path: str | Path, camera: Camera | None = None) -> None:
    """Write patterns so that other programs read them, whole or not at all.

    Parameters
    ----------
    stack
        Patterns with their pixel size.
    path
        .npy (the array alone), .h5 or .hdf5 (dataset "patterns" with attributes `pixel_size` in nm⁻¹ and `axes`), or
        .hspy (HyperSpy, pyxem and LiberTEM; needs rosettasciio).
    camera
        Written beside the patterns in HDF5.

    Raises
    ------
    InputError
        If the ending is unknown, or rosettasciio is missing.
    """
    target = Path(path)
    ending = target.suffix.lower()
    check_stack_path(target)
    with atomic_path(target) as temporary:
        if ending == ".npy":
            with temporary.open("wb") as file:
                np.save(file, np.asarray(stack.patterns))
        elif ending == ".hspy":
            # The writer insists on the ending, and checks it.
            named = temporary.with_name(temporary.name + ".hspy")
            UNFINISHED.add(named)
            try:
                _write_hspy(stack, named)
                named.replace(temporary)
            finally:
                named.unlink(missing_ok=True)
                UNFINISHED.discard(named)
        else:
            import h5py

            with h5py.File(temporary, "w") as file:
                data = file.create_dataset("patterns", data=np.asarray(stack.patterns))
                size = stack.pixel_size
                data.attrs["pixel_size"] = size if stack.aspect == 1 else (size * stack.aspect, size)
                data.attrs["pixel_unit"] = "1/nm"
                data.attrs["axes"] = "scan y, scan x, k y, k x"
                for name, value in asdict(camera or Camera()).items():
                    data.attrs[name] = value


def check_stack_path(path: Path) -> None:
    """Refuse a name that no stack can be written to; see :func:`write_stack`."""
    ending = path.suffix.lower()
    if ending not in WRITTEN_FORMATS:
        raise InputError(f"{path}: ending {ending or 'none'}; allowed: {', '.join(WRITTEN_FORMATS)}")
    if ending == ".hspy":
        from importlib.util import find_spec

        if find_spec("rsciio") is None:
            raise InputError(
                f"{path}: rosettasciio is not installed; allowed: .npy, .h5, or .hspy after "
                "`pip install '.[stacks]'`"
            )


def _write_hspy(stack: PatternStack, path: Path) -> None:
    from rsciio.hspy import file_writer

    names: Sequence[str] = ("y", "x", "ky", "kx")[-stack.patterns.ndim :]
    axes = []
    for axis, (name, size) in enumerate(zip(names, stack.patterns.shape, strict=True)):
        signal = name.startswith("k")
        scale = stack.pixel_size * (stack.aspect if name == "ky" else 1.0) if signal else 1.0
        axes.append(
            {
                "_type": "UniformDataAxis",
                "name": name,
                "size": size,
                "scale": scale,
                "offset": -scale * (size // 2) if signal else 0.0,
                "units": "1/nm" if signal else "",
                "navigate": not signal,
                "is_binned": False,
                "index_in_array": axis,
            }
        )
    metadata = {
        "General": {"title": "simulated nanodiffraction"},
        "Signal": {"signal_type": "electron_diffraction"},
    }
    signal_dict = {
        "data": np.asarray(stack.patterns),
        "axes": axes,
        "metadata": metadata,
        "original_metadata": {},
        "learning_results": {},
        "package_info": {"package": "alzmodel", "package_version": __version__},
        "tmp_parameters": {},
        "attributes": {"_lazy": False, "ragged": False},
        "models": {},
    }
    file_writer(str(path), signal_dict)
