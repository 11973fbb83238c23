"""Stacks that makers' own programs wrote: those of rosettasciio's test data (GPL-3.0), which do not ship here.

``ALZMODEL_VENDOR_FILES`` names a copy of its folder ``rsciio/tests/data``; the numbers were noted from the bytes of the
files, or are what their authors put in.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.scattering.fem.stack_files import _of_signal, _open, is_stack, read_stack

FOLDER = os.environ.get("ALZMODEL_VENDOR_FILES", "")
vendor = pytest.mark.skipif(not FOLDER, reason="ALZMODEL_VENDOR_FILES names no folder")


def whole(name):
    found = _open(Path(FOLDER) / name, name, None)
    patterns = np.zeros(found.patterns.shape, found.patterns.dtype)
    for piece, values in found.patterns.read():
        patterns[piece] = values
    return patterns, found.calibration


@vendor
@pytest.mark.parametrize("ending", ["dm3", "dm4"])
@pytest.mark.parametrize("kind", [1, 2, 6, 7, 9, 10, 11, 12])
def test_digitalmicrograph(ending, kind):
    patterns, calibration = whole(f"digitalmicrograph/3D/test-{kind}.{ending}")
    assert patterns.tolist() == np.arange(1, 9).reshape(2, 2, 2).tolist()
    assert np.isnan(calibration.size).all()


@vendor
@pytest.mark.parametrize(
    ("name", "shape", "total", "first"),
    [
        ("emd/fei_example_tem_stack.emd", (2, 3, 3), 153, [0, 2, 4, 6]),
        ("blockfile/test1.blo", (3, 2, 144, 144), 5164570, [17, 21, 24, 27]),
        ("tia/new/128x128x5-diffraction_preview_1.ser", (5, 128, 128), 9416326, [128, 126, 250, 63]),
        ("mrc/Custom_movie.mrc", (30, 16, 16), 9006430, [726, 690, 698, 702]),
        ("mrc/ROI_Random_Scan_movie.mrc", (348, 16, 16), 104477835, [727, 692, 696, 701]),
    ],
)
def test_numbers_of_stacks(name, shape, total, first):
    patterns, _ = whole(name)
    assert patterns.shape == shape
    assert patterns.sum(dtype=np.int64) == total
    assert patterns.ravel()[:4].tolist() == first


@vendor
def test_a_pixel_size_that_no_file_states_is_not_used():
    assert np.isnan(whole("mrc/20241021_00405_movie.mrc")[1].size).all()


@vendor
@pytest.mark.parametrize(
    "name",
    [
        "digitalmicrograph/3D/EELS_SI.dm4",
        "digitalmicrograph/2D/test-MonarcCL_spectrum-SI.dm4",
        "tia/old/16x16-spectrum_image-5x5x1024_1.ser",
    ],
)
def test_spectra_of_makers(name):
    with pytest.raises(InputError, match=r"spectra|a spectrum at each position"):
        whole(name)


def signal(navigate, *, kind="", scale=0.5):
    axes = [{"navigate": one, "scale": scale, "units": "1/nm"} for one in navigate]
    data = np.ones((4, 16, 20, 24)[: len(navigate)])
    return {"data": data, "axes": axes, "metadata": {"Signal": {"signal_type": kind}}}


def test_signals_that_hold_no_patterns():
    assert _of_signal(signal([True, False, False]), "a").calibration.size == (0.5, 0.5)
    assert np.isnan(_of_signal(signal([True, False, False], scale=1.0), "a").calibration.size).all()
    assert _of_signal(signal([False, False, False]), "a").patterns.shape == (4, 16, 20)
    with pytest.raises(InputError, match="a spectrum at each position"):
        _of_signal(signal([True, True, True, False]), "a")
    with pytest.raises(InputError, match="EELS spectra"):
        _of_signal(signal([True, False, False], kind="EELS"), "a")
    assert _of_signal(signal([False]), "a").patterns.shape == (4,)


@pytest.mark.parametrize("ending", ["tvips", "de5", "seq", "prz"])
def test_formats_without_a_file_of_their_maker_are_refused_by_name(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"\0" * 4096)
    assert is_stack(path)
    with pytest.raises(InputError, match=r"could not be tried; allowed: the same patterns as \.hspy"):
        read_stack(path, pixel_size=0.1)


def test_a_spectrum_image_of_hyperspy_is_no_stack(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.hspy", "w") as handle:
        group = handle.create_group("Experiments/a")
        group["data"] = np.ones((20, 20, 64))
        for number, navigate in enumerate((True, True, False)):
            axis = group.create_group(f"axis-{number}")
            axis.attrs.update({"scale": 0.1, "units": "1/nm", "navigate": navigate})
    with pytest.raises(InputError, match="a spectrum at each position"):
        read_stack(tmp_path / "a.hspy", pixel_size=0.1)


def test_a_nexus_plot_of_spectra_is_no_stack(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.nxs", "w") as handle:
        group = handle.create_group("entry/data")
        group.attrs.update({"NX_class": "NXdata", "signal": "data", "axes": [".", ".", "."]})
        group["data"] = np.ones((20, 20, 64))
        group["data"].attrs["interpretation"] = "spectrum"
    with pytest.raises(InputError, match="a spectrum at each position"):
        read_stack(tmp_path / "a.nxs", pixel_size=0.1)


@pytest.mark.parametrize(("largest", "readable"), [(127, True), (200, False)])
def test_bytes_of_mrc_with_and_without_a_sign(largest, readable):
    arrays = pytest.importorskip("dask.array")
    counts = np.zeros((4, 16, 20), dtype=np.uint8)
    counts[2, 3, 4] = largest
    lazy = signal([True, False, False]) | {"data": arrays.from_array(counts)}
    assert max(values.max() for _, values in _of_signal(lazy, "a.dm4").patterns.read()) == largest
    found = _of_signal(lazy, "a.mrc").patterns
    if readable:
        assert max(values.max() for _, values in found.read()) == largest
        return
    with pytest.raises(InputError, match="bytes of 128 and more"):
        list(found.read())
