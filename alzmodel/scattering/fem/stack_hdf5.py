"""Stacks in HDF5: of py4DSTEM and other EMD files, HyperSpy and pyxem, Nexus, Dectris detectors, and plain ones."""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.hdf5 import check_inside, open_hdf5
from alzmodel.limits import MUCH, size_words
from alzmodel.scattering.fem.stack_frames import FrameFile, Piece, check_pieces, pieces_of
from alzmodel.scattering.fem.stack_units import Calibration, is_of_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FileStack", "check_patterns", "is_dectris_master", "read_dectris", "read_hdf5"]

_MOST_PACKED: Final = 1000
"""Bytes of counts for a byte in the file: what the best packed of sparse counts stay below."""
_DATA_FILE: Final = re.compile(r"[^/\\]+_data_\d{3,}\.h5")
"""Names of the files beside a master file of a Dectris detector."""


@dataclass(frozen=True, slots=True)
class FileStack:
    """Patterns of a file and what it says about them.

    Attributes
    ----------
    patterns
        Not read yet.
    calibration
        Size of the pixels.
    mask
        True where pixels count, shape (ky, kx); None where the file names no bad ones.
    """

    patterns: FrameFile
    calibration: Calibration
    mask: NDArray[np.bool_] | None = None


def check_patterns(name: str, navigate: Sequence[object]) -> None:
    """Refuse a stack of other things than patterns.

    Parameters
    ----------
    name
        What messages call the file.
    navigate
        Of each axis whether it counts positions of the probe; None where the file does not say.

    Raises
    ------
    InputError
        If all axes say it, some do, and not two are left within a pattern: a spectrum at each position has one.
    """
    within = [not one for one in navigate]
    if None not in navigate and sum(within) not in {2, len(within)}:
        what = "a spectrum" if sum(within) == 1 else f"{sum(within)} axes"
        raise InputError(f"{name}: {what} at each position; allowed: patterns, which have two axes")


def read_hdf5(file: Path, name: str, dataset: str | None) -> FileStack:
    """Find the stack in an HDF5 file and what is said about it; nothing of it is read yet.

    Parameters
    ----------
    file, name
        Path and what messages call it.
    dataset
        Path inside the file; None takes the only stack, or the one that the file marks as its data.

    Raises
    ------
    InputError
        If it is no HDF5 file, reads from other files, or holds no or several stacks.
    """
    try:
        with open_hdf5(file) as handle:
            if "Data/Image" in handle and dataset is None:
                raise InputError(f"{name}: a file of Velox; allowed: with the ending .emd")
            chosen = _choose(handle, name, dataset)
            data = handle[chosen]
            backwards = _is_backwards(data)
            order = slice(None, None, -1 if backwards else 1)
            shape, kind = tuple(data.shape)[order], data.dtype
            chunks = None if data.chunks is None else data.chunks[order]
            _check_filters(data, name)
            _check_announced(data, name)
            calibration = _calibration(handle, data)
    except OSError as error:
        raise InputError(f"{name}: not HDF5 ({error}); allowed: an HDF5 file with a stack") from error
    check_pieces(name, shape, kind.itemsize, chunks)

    def read() -> Iterator[tuple[Piece, NDArray[Any]]]:
        try:
            with open_hdf5(file) as handle:
                for piece in pieces_of(shape, kind.itemsize, chunks):
                    wanted = (*piece, slice(None), slice(None))[order]
                    found = handle[chosen][wanted]
                    yield piece, found.transpose() if backwards else found
        except OSError as error:
            raise InputError(f"{name}: {chosen} is damaged ({error}); allowed: a whole file") from error

    return FileStack(FrameFile(shape, kind, read), calibration)


def _choose(handle: Any, name: str, dataset: str | None) -> str:
    import h5py

    found: list[str] = []
    handle.visititems(
        lambda path, item: (
            found.append(path)
            if isinstance(item, h5py.Dataset) and item.ndim in {3, 4} and item.dtype.kind in "biuf"
            else None
        )
    )
    marked = [path for path in found if _is_marked(handle, path)]
    only = found if len(found) == 1 else marked
    chosen = dataset or (only[0] if len(only) == 1 else None)
    if chosen is None or chosen not in handle:
        raise InputError(
            f"{name}: dataset {dataset or 'not named'}; allowed: one of {', '.join(found) or 'none here'}"
        )
    data = handle[chosen]
    if not isinstance(data, h5py.Dataset) or data.dtype.kind not in "biuf":
        raise InputError(f"{name}: {chosen} is {_kind(data)}; allowed: a dataset of real numbers")
    if data.ndim not in {3, 4}:
        raise InputError(
            f"{name}: {chosen} has shape {data.shape}; allowed: probe positions along one or two axes, then patterns"
        )
    return str(chosen)


def _kind(item: Any) -> str:
    return f"of type {item.dtype}" if hasattr(item, "dtype") else "a group"


def _is_marked(handle: Any, path: str) -> bool:
    """Whether a dataset is what its file is about: a datacube of py4DSTEM, or the signal of a Nexus plot."""
    group = handle[path].parent
    if _text(group.attrs.get("python_class")) == "DataCube" or "/datacubes/" in f"/{path}":
        return True
    leaf = path.rsplit("/", 1)[-1]
    return _text(group.attrs.get("NX_class")) == "NXdata" and (
        _text(group.attrs.get("signal")) == leaf or "signal" in handle[path].attrs
    )


def _check_announced(data: Any, name: str) -> None:
    """Refuse a large dataset that is all but empty: no camera wrote it, and to go through it would take for ever."""
    announced, held = math.prod(data.shape) * data.dtype.itemsize, data.id.get_storage_size()
    if announced > MUCH and announced > _MOST_PACKED * held:
        raise InputError(
            f"{name}: {data.name} announces {size_words(announced)} and holds {size_words(held)}; allowed: up to "
            f"{_MOST_PACKED} times what it holds"
        )


def _check_filters(data: Any, name: str) -> None:
    """Say at once what an unknown compression needs, not in the middle of the work."""
    import h5py

    plist = data.id.get_create_plist()
    for number in range(plist.get_nfilters()):
        code = plist.get_filter(number)[0]
        if not h5py.h5z.filter_avail(code):
            with contextlib.suppress(ImportError):
                from importlib import import_module

                import_module("hdf5plugin")
        if not h5py.h5z.filter_avail(code):
            raise InputError(
                f"{name}: compressed by HDF5 filter {code}, which is not installed; allowed: after "
                "`pip install '.[stacks]'`"
            )


def _calibration(handle: Any, data: Any) -> Calibration:
    """Size of the pixels, from whichever of the known layouts the file has."""
    if "pixel_size" in data.attrs:
        both = np.broadcast_to(np.asarray(data.attrs["pixel_size"], dtype=np.float64).ravel(), (2,))
        found = Calibration((float(both[0]), float(both[1])), _text(data.attrs.get("pixel_unit")) or "1/nm")
    else:
        layouts = (_py4dstem, _hyperspy, _emd_axes, _nexus_axes)
        found = next((one for layout in layouts if (one := layout(handle, data)) is not None), Calibration())
    return replace(found, energy_kev=_energy(handle))


def _py4dstem(handle: Any, _data: Any) -> Calibration | None:
    """Calibration of py4DSTEM: Q_pixel_size and Q_pixel_units anywhere in its metadata."""
    found: list[Any] = []

    def look(path: str, item: Any) -> None:
        if path.rsplit("/", 1)[-1] == "Q_pixel_size":
            found.append(item.parent)
        elif "Q_pixel_size" in item.attrs:
            found.append(item)

    handle.visititems(look)
    if not found:
        return None
    values = {
        key: found[0][key][()] if key in getattr(found[0], "keys", tuple)() else found[0].attrs.get(key)
        for key in ("Q_pixel_size", "Q_pixel_units")
    }
    size = _number(values["Q_pixel_size"])
    return Calibration((size, size), _text(values["Q_pixel_units"]))


def _hyperspy(_handle: Any, data: Any) -> Calibration | None:
    """Scales of the last two axes of a HyperSpy signal, kept in groups axis-0, axis-1 … beside the data."""
    axes = [data.parent.get(f"axis-{number}") for number in range(data.ndim)]
    if any(axis is None for axis in axes):
        return None
    check_patterns(str(data.file.filename), [axis.attrs.get("navigate") for axis in axes])
    sizes = tuple(_number(axis.attrs.get("scale")) for axis in axes[-2:])
    units = {_text(axis.attrs.get("units")) for axis in axes[-2:]}
    return Calibration((sizes[0], sizes[1]), units.pop() if len(units) == 1 else "")


def _emd_axes(_handle: Any, data: Any) -> Calibration | None:
    """Axes of an EMD file: dim0, dim1 … or dim1, dim2 … with at least their first two values."""
    axes = _dims(data)
    return None if axes is None else _from_axes([axes[1], axes[0]] if _is_backwards(data) else axes[-2:])


def _dims(data: Any) -> list[Any] | None:
    group = data.parent
    if "emd_group_type" not in group.attrs:
        return None
    first = 0 if "dim0" in group else 1
    return [group.get(f"dim{first + number}") for number in range(data.ndim)]


def _is_backwards(data: Any) -> bool:
    """Whether the pattern has the first two axes and not the last: EMD files are written in both orders."""
    axes = _dims(data)
    if axes is None or any(axis is None for axis in axes):
        return False
    of_pattern = [is_of_pattern(_text(axis.attrs.get("units"))) for axis in axes]
    return all(of_pattern[:2]) and not any(of_pattern[-2:] if data.ndim == 4 else of_pattern[2:])


def _nexus_axes(_handle: Any, data: Any) -> Calibration | None:
    """Axes of a Nexus plot: named by the attribute `axes` of the group or of the signal."""
    group = data.parent
    if _text(group.attrs.get("NX_class")) != "NXdata":
        return None
    if _text(data.attrs.get("interpretation")).startswith("spectrum"):
        check_patterns(str(data.file.filename), [*[True] * (data.ndim - 1), False])
    named = group.attrs.get("axes", data.attrs.get("axes", ""))
    names = (
        [_text(one) for one in named] if isinstance(named, np.ndarray) else re.split(r"[:,]", _text(named))
    )
    return _from_axes([group.get(one) for one in names[-2:]] if len(names) == data.ndim else [None, None])


def _from_axes(axes: list[Any]) -> Calibration | None:
    # A Nexus file names an axis without values ".", which HDF5 takes for the group itself.
    if not all(_is_axis(axis) for axis in axes):
        return None
    sizes = []
    for axis in axes:
        values = np.asarray(axis[()], dtype=np.float64).ravel()
        steps = np.diff(values)
        even = np.allclose(steps, steps[0], rtol=1e-3, atol=0)
        sizes.append(abs(float(steps[0])) if even else math.nan)
    units = {_text(axis.attrs.get("units")) for axis in axes}
    return Calibration((sizes[0], sizes[1]), units.pop() if len(units) == 1 else "")


def _is_axis(item: Any) -> bool:
    import h5py

    return isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf" and item.ndim > 0 and item.size > 1


def _energy(handle: Any) -> float:
    """Electron energy of HyperSpy's metadata, keV."""
    found = []
    for group in handle.get("Experiments", {}).values():
        microscope = group.get("metadata/Acquisition_instrument/TEM") if hasattr(group, "get") else None
        if microscope is not None:
            found.append(_number(microscope.attrs.get("beam_energy")))
    return found[0] if found else math.nan


def is_dectris_master(file: Path) -> bool:
    """Whether a file is the master of a Dectris detector, by its name: NAME_master.h5."""
    return file.name.endswith("_master.h5")


def read_dectris(file: Path, name: str) -> FileStack:
    """Read the master file of a Dectris detector, and of the files of data beside it what is asked for.

    Links are followed to files of the same folder named NAME_data_NNNNNN.h5 only, and those must hold their numbers
    themselves. `pixel_mask` marks bad pixels. The scan is ntrigger × nimages if both are above one.

    Raises
    ------
    InputError
        If there are no data, or a link leads elsewhere.
    """
    import h5py

    parts: list[tuple[Path, str]] = []
    mask, rows, columns, calibration = None, 0, 0, Calibration()
    try:
        with h5py.File(file, "r", locking=False) as handle:
            group = handle.get("entry/data")
            for key in sorted(group or ()):
                link = group.get(key, getlink=True)
                if isinstance(link, h5py.ExternalLink):
                    if _DATA_FILE.fullmatch(link.filename) is None:
                        raise InputError(
                            f"{name}: {key} is a link to {link.filename!r}; allowed: files NAME_data_NNNNNN.h5 of "
                            "the same folder"
                        )
                    parts.append((file.parent / link.filename, link.path))
                else:
                    check_inside(group.file, file)
                    parts.append((file, f"entry/data/{key}"))
            special = handle.get("entry/instrument/detector/detectorSpecific", {})
            if "pixel_mask" in special:
                mask = np.asarray(special["pixel_mask"][()]) == 0
            rows, columns = (
                int(_number(special[key][()])) if key in special else 0 for key in ("ntrigger", "nimages")
            )
            calibration = _of_detector(handle.get("entry/instrument"))
        if not parts:
            raise InputError(f"{name}: no data; allowed: a master file with links in entry/data")
        stacks = [read_part(path, inside) for path, inside in parts]
    except OSError as error:
        raise InputError(f"{name}: not HDF5 ({error}); allowed: a master file and its data") from error
    frame, kind = stacks[0].shape[1:], stacks[0].dtype
    if any(one.shape[1:] != frame or one.ndim != 3 for one in stacks):
        raise InputError(f"{name}: data of different shapes; allowed: patterns of one size")
    starts = np.concatenate([[0], np.cumsum([one.shape[0] for one in stacks])])

    def read() -> Iterator[tuple[Piece, NDArray[Any]]]:
        for start, one in zip(starts, stacks, strict=False):
            for (piece,), patterns in one.read():
                yield (slice(int(start) + piece.start, int(start) + piece.stop),), patterns

    total = int(starts[-1])
    patterns = FrameFile((total, *frame), kind, read)
    if min(rows, columns) > 1 and rows * columns == total:
        patterns = _as_scan(patterns, (rows, columns))
    return FileStack(patterns, calibration, mask)


def _of_detector(instrument: Any) -> Calibration:
    """Pixels in nm⁻¹ from their size and distance (m) and the wavelength (Å), where all of them are stated."""
    names = ("beam/incident_wavelength", "detector/detector_distance")
    sides = ("detector/y_pixel_size", "detector/x_pixel_size")
    values = [
        _number(instrument[key][()]) if instrument is not None and key in instrument else math.nan
        for key in (*names, *sides)
    ]
    if not all(math.isfinite(value) and value > 0 for value in values):
        return Calibration()
    wavelength, distance, y, x = values
    return Calibration((10 * y / (distance * wavelength), 10 * x / (distance * wavelength)), "1/nm")


def read_part(path: Path, inside: str) -> FrameFile:
    """Patterns of one file of data of a Dectris detector."""
    if path.is_symlink() or not path.is_file():
        raise InputError(f"{path}: no such file; allowed: the data beside their master file")
    return read_hdf5(path, str(path), inside).patterns


def _as_scan(patterns: FrameFile, scan: tuple[int, int]) -> FrameFile:
    """Patterns in the order of a line, told as rows of a scan: pieces are cut at the ends of rows."""

    def read() -> Iterator[tuple[Piece, NDArray[Any]]]:
        for (piece,), found in patterns.read():
            first = piece.start
            while first < piece.stop:
                row, column = divmod(first, scan[1])
                last = min(piece.stop, (row + 1) * scan[1])
                part = found[first - piece.start : last - piece.start]
                yield (slice(row, row + 1), slice(column, column + len(part))), part[None]
                first = last

    return FrameFile((*scan, *patterns.shape[1:]), patterns.dtype, read)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, np.ndarray) and value.size == 1:
        return _text(value.ravel()[0])
    return "" if value is None else str(value)


def _number(value: Any) -> float:
    try:
        return float(np.asarray(value).ravel()[0])
    except (TypeError, ValueError, IndexError):
        return math.nan
