"""HDF5 files that would read other files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.hdf5 import open_hdf5
from alzmodel.scattering.fem.stack import read_stack
from alzmodel.study.store import Curve, read_curves, write_curves

if TYPE_CHECKING:
    from pathlib import Path

STACK = (3, 4, 16, 16)
WAYS = ["link", "raw", "virtual"]


def spoil(path: Path, handle: Any, way: str, name: str, shape: tuple[int, ...]) -> None:
    """Put a dataset there whose numbers lie in another file."""
    other = path.with_name("secret")
    if way == "raw":
        other.write_bytes(np.arange(float(np.prod(shape))).tobytes())
        handle.create_dataset(name, shape, dtype="f8", external=[(str(other), 0, h5py.h5f.UNLIMITED)])
        return
    with h5py.File(other, "w") as outside:
        outside["a"] = np.ones(shape)
    if way == "link":
        handle[name] = h5py.ExternalLink(str(other), "/a")
    else:
        layout = h5py.VirtualLayout(shape=shape, dtype="f8")
        layout[...] = h5py.VirtualSource(str(other), "a", shape=shape)
        handle.create_virtual_dataset(name, layout)


@pytest.mark.parametrize("way", WAYS)
def test_curves_of_a_study_do_not_read_other_files(tmp_path: Path, way: str) -> None:
    path = tmp_path / "curves.h5"
    write_curves(path, {"pdf/r": Curve(np.arange(3.0), "Å")})
    with h5py.File(path, "a") as handle:
        spoil(path, handle, way, "pdf/g", (3,))
        if way != "link":
            handle["pdf/g"].attrs["unit"] = ""
    for under in ((), ("pdf/g",), ("pdf/r",)):
        with pytest.raises(InputError, match=r"curves\.h5: pdf/g .*allowed: data in the file itself"):
            read_curves(path, *under)


@pytest.mark.parametrize("ending", [".h5", ".hspy"])
@pytest.mark.parametrize("way", WAYS)
def test_stacks_do_not_read_other_files(tmp_path: Path, way: str, ending: str) -> None:
    path = tmp_path / f"stack{ending}"
    with h5py.File(path, "w") as handle:
        spoil(path, handle, way, "data/patterns", STACK)
    with pytest.raises(InputError, match=r"data/patterns .*allowed: data in the file itself"):
        read_stack(path, pixel_size=0.1, dataset="data/patterns")


def test_links_inside_of_the_file_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "stack.h5"
    with h5py.File(path, "w") as handle:
        handle["data/patterns"] = np.random.default_rng(1).random(STACK)
        handle["alias"] = h5py.SoftLink("/data/patterns")
        handle["again"] = handle["data"]
    assert read_stack(path, pixel_size=0.1, dataset="alias").patterns.shape == STACK
    with open_hdf5(path) as handle:
        assert "data/patterns" in handle
