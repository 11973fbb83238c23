"""Files with stacks of patterns: which format, how large a pixel, and no more of them in memory than is asked for."""

from __future__ import annotations

import contextlib
import math
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.hdf5 import open_hdf5
from alzmodel.limits import check_memory, size_words
from alzmodel.scattering.fem.detector import PatternStack
from alzmodel.scattering.fem.stack_frames import WHOLE, FrameFile, Piece, check_pieces, in_memory, pieces_of
from alzmodel.scattering.fem.stack_hdf5 import (
    FileStack,
    check_patterns,
    is_dectris_master,
    read_dectris,
    read_hdf5,
)
from alzmodel.scattering.fem.stack_units import PIXEL_UNITS, Calibration, per_nm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["READ_FORMATS", "is_stack", "read_mask", "read_stack"]

_OWN_FORMATS: Final = (".npy", ".h5", ".hdf5", ".hspy", ".nxs", ".zspy")
_IN_PARTS: Final = (".mib", ".dm3", ".dm4", ".blo", ".emd", ".mrc")
_AS_A_WHOLE: Final = (".ser", ".tif", ".tiff")
_UNPROVED: Final = {
    ".tvips": "a camera of TVIPS",
    ".de5": "Direct Electron in HDF5",
    ".seq": "StreamPix",
    ".prz": "Panta Rhei",
}
"""Formats of stacks that no file from their own program was ever read of here: refused, with the way round."""
READ_FORMATS: Final = (*_OWN_FORMATS, *_IN_PARTS, *_AS_A_WHOLE)
"""The first six are read here (.zspy through zarr), the others by rosettasciio; the last three not in parts."""

_SPECTRA: Final = ("EELS", "EDS", "CL")
"""How types of signals begin that hold a spectrum at each position."""
_FRAMES_AT_A_TIME: Final = 10
"""Patterns of 64-bit numbers that the analysis holds beside those it reads: moments, masks, and what comes between."""


def is_stack(path: str | Path) -> bool:
    """Whether a file is, by its ending, a stack of patterns and no structure."""
    return Path(path).suffix.lower() in {*READ_FORMATS, *_UNPROVED}


def read_stack(
    path: str | Path,
    *,
    pixel_size: float | tuple[float, float] | None = None,
    pixel_unit: str | None = None,
    energy_kev: float | None = None,
    dataset: str | None = None,
) -> PatternStack:
    """Open a stack of patterns; they are read when they are asked for, where the format allows it.

    Parameters
    ----------
    path
        .npy; .h5, .hdf5, .hspy, .nxs (the dataset named, else the only one of three or four axes, or the one that the
        file marks as its data); the master file of a Dectris detector; .zspy through zarr; or a format of microscopes
        through rosettasciio.
    pixel_size
        Of a pixel, or (along x, along y); None takes what the file says.
    pixel_unit
        Of `pixel_size`, one of :data:`alzmodel.scattering.fem.stack_units.PIXEL_UNITS`; None is nm⁻¹. Without
        `pixel_size` it is the unit of what the file says.
    energy_kev
        Of the electrons, for angles; None takes what the file says.
    dataset
        Name inside HDF5.

    Raises
    ------
    InputError
        If the file is missing, has another ending, no or several stacks, other than three or four axes, values that
        are no real numbers, no pixel size, or cannot be read in parts and is larger than half a gigabyte.
    """
    file, name = Path(path), str(path)
    found = _open(file, name, dataset)
    patterns = found.patterns
    if patterns.dtype.kind not in "biuf":
        raise InputError(f"{name}: values of type {patterns.dtype}; allowed: real numbers")
    if patterns.ndim not in {3, 4} or min(patterns.shape[-2:], default=0) < 16:
        raise InputError(
            f"{name}: array of shape {patterns.shape}; allowed: probe positions along one or two axes, then patterns "
            "of at least 16 × 16 real numbers"
        )
    if math.prod(patterns.shape[:-2]) < 2:
        raise InputError(f"{name}: one pattern; allowed: at least two, a variance is asked for")
    check_memory(f"{name}: {patterns.shape} values", _FRAMES_AT_A_TIME * 8.0 * math.prod(patterns.shape[-2:]))
    x, y = _pixels(name, found.calibration, pixel_size, pixel_unit, energy_kev)
    return PatternStack(patterns, x, name, y / x, found.mask)


def _open(file: Path, name: str, dataset: str | None) -> FileStack:
    ending = file.suffix.lower()
    if ending in _UNPROVED:
        raise InputError(
            f"{name}: of {_UNPROVED[ending]}, whose own files could not be tried; allowed: the same patterns as .hspy, "
            f"which HyperSpy writes, or {', '.join(READ_FORMATS)}"
        )
    if not (file.is_file() or (ending == ".zspy" and file.is_dir())):
        raise InputError(f"{name}: no such file; allowed: a stack of patterns ({', '.join(READ_FORMATS)})")
    if ending == ".npy":
        try:
            patterns = np.load(file, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, OverflowError, SyntaxError, OSError) as error:
            raise InputError(f"{name}: not a NumPy array ({error}); allowed: .npy of numbers") from error
        return FileStack(in_memory(patterns), Calibration())
    if ending in {".h5", ".hdf5", ".hspy", ".nxs"}:
        return read_dectris(file, name) if is_dectris_master(file) else read_hdf5(file, name, dataset)
    if ending == ".zspy":
        return _read_zspy(file, name)
    if ending == ".emd":
        # EMD is HDF5 of several layouts; those that are marked as data are read here, others by rosettasciio.
        with contextlib.suppress(InputError):
            return read_hdf5(file, name, dataset)
    if ending in READ_FORMATS:
        return _read_microscope(file, name)
    raise InputError(f"{name}: ending {ending or 'none'}; allowed: {', '.join(READ_FORMATS)}")


def _pixels(
    name: str,
    stated: Calibration,
    pixel_size: float | tuple[float, float] | None,
    pixel_unit: str | None,
    energy_kev: float | None,
) -> tuple[float, float]:
    """Size of a pixel along x and y in nm⁻¹; what is given counts more than what the file says."""
    if pixel_unit is not None and pixel_unit not in PIXEL_UNITS:
        raise InputError(f"pixel unit: {pixel_unit}; allowed: {', '.join(PIXEL_UNITS)}")
    energy = stated.energy_kev if energy_kev is None else energy_kev
    if pixel_size is None:
        (y, x), unit = stated.size, pixel_unit or stated.unit
    else:
        x, y = (pixel_size, pixel_size) if isinstance(pixel_size, int | float) else pixel_size
        unit = pixel_unit or "1/nm"
    known = math.isfinite(x) and math.isfinite(y)
    factor = per_nm(unit, energy, name) if known else None
    if factor is None:
        said = f"{x:g} in units {unit!r}" if known else "not in the file"
        raise InputError(f"{name}: pixel size {said}; allowed: 0.0001 to 5 nm⁻¹, given as --pixel-size")
    sizes = (abs(x * factor), abs(y * factor)) if pixel_size is None else (x * factor, y * factor)
    if not all(1e-4 <= size <= 5 for size in sizes):
        raise InputError(f"{name}: pixel size {sizes[0]:g} × {sizes[1]:g} nm⁻¹; allowed: 0.0001 to 5 nm⁻¹")
    if not 0.2 <= sizes[1] / sizes[0] <= 5:
        raise InputError(
            f"{name}: pixels of {sizes[0]:g} × {sizes[1]:g} nm⁻¹; allowed: sides within a factor of five"
        )
    return sizes


def _read_zspy(file: Path, name: str) -> FileStack:
    try:
        import zarr
    except ImportError:
        raise InputError(
            f"{name}: zarr is not installed; allowed: other formats, or this after `pip install '.[stacks]'`"
        ) from None
    try:
        store = zarr.storage.ZipStore(file, mode="r") if file.is_file() else str(file)
        experiments: Any = zarr.open_group(store, mode="r")["Experiments"]
        groups: list[Any] = [experiments[key] for key in experiments.group_keys()]
        signals = [group for group in groups if "data" in group and group["data"].ndim in {3, 4}]
        if len(signals) != 1:
            raise InputError(f"{name}: {len(signals)} stacks; allowed: one of three or four axes")
        (group,) = signals
        data = group["data"]
        axes = [dict(group[f"axis-{number}"].attrs) for number in range(data.ndim)]
        check_patterns(name, [axis.get("navigate") for axis in axes])
        microscope: Mapping[str, Any] = {}
        if "metadata/Acquisition_instrument/TEM" in group:
            microscope = dict(group["metadata/Acquisition_instrument/TEM"].attrs)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{name}: not a .zspy folder ({error}); allowed: what HyperSpy writes") from error
    shape, kind, chunks = tuple(data.shape), np.dtype(data.dtype), tuple(data.chunks)
    check_pieces(name, shape, kind.itemsize, chunks)

    def read() -> Iterator[tuple[Piece, NDArray[Any]]]:
        for piece in pieces_of(shape, kind.itemsize, chunks):
            yield piece, np.asarray(data[piece])

    calibration = _of_axes(axes, microscope.get("beam_energy"))
    return FileStack(FrameFile(shape, kind, read), calibration)


def _of_axes(axes: list[Any], energy: Any) -> Calibration:
    """Calibration from HyperSpy's axes, of which the last two belong to the pattern."""
    if len(axes) < 2:
        return Calibration()
    scales = [float(axis.get("scale", math.nan)) for axis in axes[-2:]]
    units = {str(axis.get("units", "")) for axis in axes[-2:]}
    unit = units.pop() if len(units) == 1 else ""
    return Calibration((scales[0], scales[1]), unit, float(energy) if energy is not None else math.nan)


def _read_microscope(file: Path, name: str) -> FileStack:
    try:
        from rsciio import IO_PLUGINS
    except ImportError:
        raise InputError(
            f"{name}: rosettasciio is not installed; allowed: {', '.join(_OWN_FORMATS)}, or this after "
            "`pip install '.[stacks]'`"
        ) from None
    ending = file.suffix.lower()
    size = file.stat().st_size
    if ending in _AS_A_WHOLE and size > WHOLE:
        raise InputError(
            f"{name}: {size_words(size)}, and {ending} cannot be read in parts; allowed: up to {size_words(WHOLE)}, "
            "or the same patterns as .hspy, .h5 or .npy"
        )
    with contextlib.suppress(OSError), open_hdf5(file):
        # Several of these formats are HDF5, and their readers would follow links to other files.
        pass
    readers = [plugin for plugin in IO_PLUGINS if ending.lstrip(".") in plugin["file_extensions"]]
    reason: object = "no reader"
    for plugin in readers:
        try:
            signals = import_module(plugin["api"]).file_reader(str(file), lazy=ending in _IN_PARTS)
        except ImportError as error:
            reason = f"{error.name or error} is not installed, which rosettasciio needs for {ending}"
            continue
        except Exception as error:  # noqa: BLE001 - each reader has errors of its own
            reason = error
            continue
        stacks = [one for one in signals if one["data"].ndim in {3, 4} and _has_patterns(one)] or signals[:1]
        if len(stacks) == 1:
            return _of_signal(stacks[0], name)
        reason = f"{len(stacks)} stacks"
    raise InputError(f"{name}: not readable by rosettasciio ({reason}); allowed: a stack")


def _has_patterns(signal: Mapping[str, Any]) -> bool:
    """Whether a signal has two axes within each position of the probe, or says nothing of its axes."""
    return sum(not axis.get("navigate", False) for axis in signal["axes"]) in {2, signal["data"].ndim}


def _of_signal(signal: Mapping[str, Any], name: str) -> FileStack:
    """Stack of a signal of rosettasciio, whose axes say which of them are probe positions."""
    data, axes = signal["data"], list(signal["axes"])
    kind = str(signal.get("metadata", {}).get("Signal", {}).get("signal_type", ""))
    if kind.startswith(_SPECTRA):
        raise InputError(f"{name}: {kind} spectra; allowed: patterns, which have two axes")
    if data.ndim in {3, 4}:
        check_patterns(name, [axis.get("navigate", False) for axis in axes])
    of_pattern = [number for number, axis in enumerate(axes) if not axis.get("navigate", False)]
    if len(of_pattern) == 2 and of_pattern != [data.ndim - 2, data.ndim - 1]:
        order = [number for number in range(data.ndim) if number not in of_pattern] + of_pattern
        data, axes = data.transpose(order), [axes[number] for number in order]
    microscope = signal.get("metadata", {}).get("Acquisition_instrument", {}).get("TEM", {})
    calibration = _of_axes(axes, microscope.get("beam_energy"))
    if calibration.size == (1.0, 1.0):
        # What readers put where a file is silent: a .mrc of Direct Electron whose own notes said 0.1 came out as 1.
        calibration = Calibration(energy_kev=calibration.energy_kev)
    if isinstance(data, np.ndarray) or data.ndim not in {3, 4}:
        return FileStack(in_memory(np.asarray(data)), calibration)
    shape, kind = tuple(data.shape), np.dtype(data.dtype)
    # Mode 0 of MRC2014 is signed, many programs count without sign in it, and the reader takes it so.
    signed_bytes = kind == np.uint8 and name.lower().endswith(".mrc")

    def read() -> Iterator[tuple[Piece, NDArray[Any]]]:
        try:
            for piece in pieces_of(shape, kind.itemsize):
                found = np.asarray(data[piece].compute(scheduler="synchronous"))
                if signed_bytes and found.max(initial=0) >= 128:
                    raise InputError(
                        f"{name}: bytes of 128 and more, which programs write with and without a sign; allowed: counts "
                        "below, or 16-bit numbers"
                    )
                yield piece, found
        except (OSError, ValueError) as error:
            raise InputError(f"{name}: damaged ({error}); allowed: a whole file") from error

    return FileStack(FrameFile(shape, kind, read), calibration)


def read_mask(path: str | Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Read which pixels count.

    Parameters
    ----------
    path
        .npy, .h5 or .hdf5 (the only dataset of two axes), .tif or .png, or text of rows: zero, black or False is left
        out.
    shape
        Of a pattern, (ky, kx).

    Raises
    ------
    InputError
        If it cannot be read, has another shape, other values than two, or leaves nothing.
    """
    file, name = Path(path), str(path)
    if not file.is_file():
        raise InputError(f"{name}: no such file; allowed: a mask (.npy, .h5, .png, .tif, .txt)")
    try:
        values = _mask_values(file)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{name}: not a mask ({error}); allowed: .npy, .h5, .png, .tif or rows of 0 and 1"
        ) from error
    if values.ndim == 3:
        values = values[..., :3].max(axis=-1)
    if values.shape != shape:
        raise InputError(f"{name}: mask of shape {values.shape}; allowed: that of a pattern, {shape}")
    if values.dtype.kind not in "biuf" or len(np.unique(values)) > 2:
        raise InputError(
            f"{name}: mask with {len(np.unique(values))} different values; allowed: two, zero for pixels that are "
            "left out"
        )
    counts: NDArray[np.bool_] = values != 0
    if not counts.any():
        raise InputError(f"{name}: mask of zeros alone; allowed: other values for pixels that count")
    return counts


def _mask_values(file: Path) -> NDArray[Any]:
    ending = file.suffix.lower()
    if ending == ".npy":
        return np.asarray(np.load(file, allow_pickle=False))
    if ending in {".h5", ".hdf5"}:
        import h5py

        found: list[NDArray[Any]] = []
        with open_hdf5(file) as handle:
            handle.visititems(
                lambda _, item: (
                    found.append(item[()]) if isinstance(item, h5py.Dataset) and item.ndim == 2 else None
                )
            )
        if len(found) != 1:
            raise InputError(f"{file}: {len(found)} datasets of two axes; allowed: one")
        return np.asarray(found[0])
    if ending in {".png", ".tif", ".tiff"}:
        from matplotlib.image import imread

        return np.asarray(imread(file))
    return np.loadtxt(file)
