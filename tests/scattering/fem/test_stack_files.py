"""Files of stacks: what they say of their pixels, read in parts, or refused in one line."""

from __future__ import annotations

import math

import h5py
import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.scattering.fem import stack_frames
from alzmodel.scattering.fem.stack import read_mask, read_stack
from alzmodel.scattering.fem.stack_frames import frame_blocks
from alzmodel.scattering.fem.stack_units import per_nm
from alzmodel.units import electron_wavelength

PATTERNS = np.random.default_rng(1).integers(0, 900, (3, 4, 32, 40), dtype=np.uint16)


def same(stack, patterns=PATTERNS):
    """Patterns come back whole and in order, as an array and block by block."""
    assert stack.patterns.shape == patterns.shape
    assert np.array_equal(np.asarray(stack.patterns), patterns)
    flat = patterns.reshape(-1, *patterns.shape[-2:])
    seen = np.zeros(len(flat), dtype=int)
    for numbers, block in frame_blocks(stack.patterns):
        assert np.array_equal(block, flat[numbers])
        seen[numbers] += 1
    assert (seen == 1).all()
    return True


WAVELENGTH = electron_wavelength(200.0)
SPELLINGS = {
    "1/nm": 1.0,
    "nm^-1": 1.0,
    "nm⁻¹": 1.0,
    "k_nm^-1": 1.0,
    "$nm^{-1}$": 1.0,
    "[1/nm]": 1.0,
    "[1_/_n_m]": 1.0,
    "1/Å": 10.0,
    "A^-1": 10.0,
    "k_A^-1": 10.0,
    "$A^{-1}$": 10.0,
    "$\\AA^{-1}$": 10.0,
    "q_nm^-1": 1 / (2 * math.pi),
    "q_A^-1": 10 / (2 * math.pi),
    "mrad": 0.01 / WAVELENGTH,
    "rad": 10 / WAVELENGTH,
    "2th_deg": 10 * math.pi / 180 / WAVELENGTH,
    "1/m": 1e-9,
}


@pytest.mark.parametrize("unit", SPELLINGS)
def test_units_of_other_programs(unit):
    assert per_nm(unit, 200.0, "a") == pytest.approx(SPELLINGS[unit])


@pytest.mark.parametrize("unit", ["pixels", "", "px", "nm", "eV", "s"])
def test_units_that_say_nothing_of_k(unit):
    assert per_nm(unit, 200.0, "a") is None


def test_an_angle_needs_an_energy(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, PATTERNS)
    with pytest.raises(InputError, match="as --energy"):
        read_stack(path, pixel_size=0.5, pixel_unit="mrad")
    # 1 mrad at 200 keV, λ = 2.508 pm, is 0.399 nm⁻¹.
    found = read_stack(path, pixel_size=0.5, pixel_unit="mrad", energy_kev=200.0)
    assert found.pixel_size == pytest.approx(0.1994, abs=1e-4)
    assert read_stack(path, pixel_size=0.5, pixel_unit="mrad", energy_kev=80.0).pixel_size < 0.13
    with pytest.raises(InputError, match="pixel unit: furlong; allowed"):
        read_stack(path, pixel_size=0.5, pixel_unit="furlong")


def test_unequal_pixels_that_are_given(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, PATTERNS)
    found = read_stack(path, pixel_size=(0.1, 0.12))
    assert (found.pixel_size, found.aspect) == (pytest.approx(0.1), pytest.approx(1.2))
    for sizes in ((0.1, 0.9), (0.1, -0.1), (0.0, 0.1)):
        with pytest.raises(InputError, match="pixel"):
            read_stack(path, pixel_size=sizes)


@pytest.mark.parametrize("chunks", [None, True, (1, 2, 32, 40), (3, 4, 8, 8), (2, 3, 32, 40)])
def test_hdf5_is_read_in_pieces_of_its_chunks(tmp_path, monkeypatch, chunks):
    monkeypatch.setattr(stack_frames, "_BLOCK", 2.5 * 32 * 40 * 2)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        handle.create_dataset("a", data=PATTERNS, chunks=chunks)
    assert same(read_stack(path, pixel_size=0.1))


def test_stacks_along_a_line_and_in_other_orders_of_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(stack_frames, "_BLOCK", 2.5 * 32 * 40 * 2)
    line = PATTERNS.reshape(12, 32, 40)
    np.save(tmp_path / "a.npy", np.asfortranarray(line))
    assert same(read_stack(tmp_path / "a.npy", pixel_size=0.1), line)
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle["a"] = line.astype(">f4")
    assert same(read_stack(tmp_path / "a.h5", pixel_size=0.1), line)


def test_large_stacks_whose_chunks_cut_every_pattern_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(stack_frames, "LARGEST_BLOCK", 1e4)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        handle.create_dataset("a", data=PATTERNS, chunks=(3, 4, 1, 1))
    assert same(read_stack(path, pixel_size=0.1))
    monkeypatch.setattr(stack_frames, "WHOLE", 1e4)
    with pytest.raises(InputError, match="allowed: chunks of whole patterns"):
        read_stack(path, pixel_size=0.1)


def test_formats_that_are_read_whole_are_refused_above_a_size(tmp_path, monkeypatch):
    pytest.importorskip("rsciio")
    monkeypatch.setattr("alzmodel.scattering.fem.stack_files.WHOLE", 1e3)
    path = tmp_path / "a.tif"
    path.write_bytes(bytes(5000))
    with pytest.raises(InputError, match=r"\.tif cannot be read in parts; allowed: up to"):
        read_stack(path, pixel_size=0.1)


def test_datasets_that_announce_more_than_they_hold(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("a", (20_000, 512, 512), dtype="u2", chunks=(1, 512, 512))
    with pytest.raises(InputError, match="announces 10 GB and holds 0 MB"):
        read_stack(tmp_path / "a.h5", pixel_size=0.1)


def py4dstem(path, size=0.0125, unit="A^-1"):
    with h5py.File(path, "w") as handle:
        root = handle.create_group("datacube_root")
        root.attrs["emd_group_type"] = "root"
        cube = root.create_group("datacube")
        cube.attrs["emd_group_type"], cube.attrs["python_class"] = "array", "DataCube"
        cube["data"] = PATTERNS
        for n in range(4):
            cube[f"dim{n}"] = [0, 1]
            cube[f"dim{n}"].attrs["units"] = "pixels"
        other = root.create_group("virtual")
        other.attrs["emd_group_type"], other.attrs["python_class"] = "array", "RealSlice"
        other["data"] = np.ones((3, 4, 5))
        saved = root.create_group("metadatabundle/calibration")
        saved["Q_pixel_size"], saved["Q_pixel_units"] = size, unit


def emd_backwards(path):
    """As HyperSpy writes it."""
    with h5py.File(path, "w") as handle:
        group = handle.create_group("signals/test")
        group.attrs["emd_group_type"] = 1
        group["data"] = PATTERNS.transpose()
        for n, (unit, step) in enumerate((("1_/_n_m", 0.125), ("1_/_n_m", 0.11), ("n_m", 1), ("n_m", 1))):
            group[f"dim{n + 1}"] = [0, step]
            group[f"dim{n + 1}"].attrs["units"] = f"[{unit}]"


def emd(path, legacy=False):
    with h5py.File(path, "w") as handle:
        group = handle.create_group("data/stack")
        group.attrs["emd_group_type"] = 1
        group["data"] = PATTERNS
        first = 1 if legacy else 0
        for n, (step, length) in enumerate(zip((1, 1, 0.011, 0.0125), PATTERNS.shape, strict=True)):
            group[f"dim{n + first}"] = step * (np.arange(length) - length // 2)
            group[f"dim{n + first}"].attrs["units"] = "[A^-1]" if n > 1 else "[nm]"


def nexus(path):
    with h5py.File(path, "w") as handle:
        group = handle.create_group("entry/data")
        group.attrs["NX_class"], group.attrs["signal"] = "NXdata", "counts"
        group.attrs["axes"] = np.array(["y", "x", "ky", "kx"], dtype=object)
        group["counts"] = PATTERNS
        for name, step, length in zip(("ky", "kx"), (0.11, 0.125), (32, 40), strict=True):
            group[name] = step * np.arange(length)
            group[name].attrs["units"] = "1/nm"
        handle["entry/other"] = np.ones((3, 4, 5))


def hyperspy(path, unit="$A^{-1}$", scales=(0.011, 0.0125), energy=None):
    with h5py.File(path, "w") as handle:
        group = handle.create_group("Experiments/test")
        group["data"] = PATTERNS
        for n, scale in enumerate((1.0, 1.0, *scales)):
            axis = group.create_group(f"axis-{n}")
            axis.attrs["scale"], axis.attrs["units"] = scale, unit if n > 1 else "nm"
            axis.attrs["navigate"] = n < 2
        if energy is not None:
            group.create_group("metadata/Acquisition_instrument/TEM").attrs["beam_energy"] = energy


@pytest.mark.parametrize(
    ("ending", "write", "size", "aspect"),
    [
        ("h5", py4dstem, 0.125, 1.0),
        ("h5", emd, 0.125, 0.88),
        ("emd", emd, 0.125, 0.88),
        ("emd", emd_backwards, 0.125, 0.88),
        ("nxs", nexus, 0.125, 0.88),
        ("h5", nexus, 0.125, 0.88),
        ("hspy", hyperspy, 0.125, 0.88),
    ],
)
def test_what_files_say_of_their_pixels(tmp_path, ending, write, size, aspect):
    path = tmp_path / f"a.{ending}"
    write(path)
    found = read_stack(path)
    assert found.pixel_size == pytest.approx(size)
    assert found.aspect == pytest.approx(aspect)
    assert same(found)
    assert read_stack(path, pixel_size=0.2).aspect == 1.0


@pytest.mark.parametrize("axes", [[".", ".", "x", "y"], [".", ".", ".", "."], ["a", "b", "c", "words"]])
def test_axes_of_nexus_without_values(tmp_path, axes):
    with h5py.File(tmp_path / "a.nxs", "w") as handle:
        group = handle.create_group("entry/data")
        group.attrs.update({"NX_class": "NXdata", "signal": "data", "axes": axes})
        group["data"] = np.ones((2, 3, 16, 16))
        group["words"] = np.array([b"one", b"two"])
    assert read_stack(tmp_path / "a.nxs", pixel_size=0.1).pixel_size == 0.1
    with pytest.raises(InputError, match="pixel size not in the file"):
        read_stack(tmp_path / "a.nxs")


def test_units_and_energy_of_a_file(tmp_path):
    emd(tmp_path / "a.h5", legacy=True)
    assert read_stack(tmp_path / "a.h5").aspect == pytest.approx(0.88)
    hyperspy(tmp_path / "b.hspy", "mrad", (0.5, 0.5), energy=200.0)
    assert read_stack(tmp_path / "b.hspy").pixel_size == pytest.approx(0.1994, abs=1e-4)
    hyperspy(tmp_path / "c.hspy", "k_nm^-1", (-0.1, 0.1))
    assert read_stack(tmp_path / "c.hspy").pixel_size == pytest.approx(0.1)
    hyperspy(tmp_path / "d.hspy", "px")
    with pytest.raises(InputError, match=r"0\.0125 in units 'px'; allowed: .* given as --pixel-size"):
        read_stack(tmp_path / "d.hspy")
    assert read_stack(tmp_path / "d.hspy", pixel_unit="1/A").pixel_size == pytest.approx(0.125)
    py4dstem(tmp_path / "e.h5", 1, "pixels")
    with pytest.raises(InputError, match="in units 'pixels'"):
        read_stack(tmp_path / "e.h5")


def dectris(folder, *, link="a_data_{:06d}.h5"):
    line = PATTERNS.reshape(12, 32, 40)
    mask = np.zeros((32, 40), dtype=np.uint32)
    mask[3, 5] = 1
    with h5py.File(folder / "a_master.h5", "w") as handle:
        for n in range(2):
            with h5py.File(folder / f"a_data_{n + 1:06d}.h5", "w") as part:
                part["entry/data/data"] = line[5 * n : 5 + 7 * n]
            name = link.format(n + 1)
            handle[f"entry/data/data_{n + 1:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
        special = handle.create_group("entry/instrument/detector/detectorSpecific")
        special["pixel_mask"], special["ntrigger"], special["nimages"] = mask, 3, 4
        handle["entry/instrument/detector/x_pixel_size"] = 75e-6
        handle["entry/instrument/detector/y_pixel_size"] = 75e-6
        handle["entry/instrument/detector/detector_distance"] = 0.25
        handle["entry/instrument/beam/incident_wavelength"] = 0.02508
    return folder / "a_master.h5"


def test_a_dectris_master_and_its_data(tmp_path):
    found = read_stack(dectris(tmp_path))
    assert same(found)
    # 75 µm over 250 mm and 2.508 pm.
    assert found.pixel_size == pytest.approx(0.1196, abs=1e-4)
    assert found.mask.sum() == found.mask.size - 1
    assert not found.mask[3, 5]


@pytest.mark.parametrize("link", ["../a_data_{:06d}.h5", "other.h5", "{:d}/a_data_000001.h5"])
def test_a_dectris_master_that_links_elsewhere_is_refused(tmp_path, link):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="of the same folder"):
        read_stack(dectris(tmp_path / "in", link=link))


def test_data_of_a_master_that_are_not_there_or_lead_elsewhere(tmp_path):
    path = dectris(tmp_path)
    (tmp_path / "a_data_000002.h5").unlink()
    with pytest.raises(InputError, match=r"a_data_000002\.h5: no such file"):
        read_stack(path)
    (tmp_path / "a_data_000002.h5").symlink_to(tmp_path / "a_data_000001.h5")
    with pytest.raises(InputError, match="no such file"):
        read_stack(path)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("version", [2, 3])
def test_zspy(tmp_path, zipped, version):
    zarr = pytest.importorskip("zarr", minversion="3.0")
    path = tmp_path / "a.zspy"
    store = zarr.storage.ZipStore(path, mode="w") if zipped else str(path)
    root = zarr.create_group(store, zarr_format=version)
    group = root.create_group("Experiments").create_group("__unnamed__")
    group.create_array("data", shape=PATTERNS.shape, chunks=(2, 4, 32, 40), dtype="u2")[...] = PATTERNS
    for n, scale in enumerate((1.0, 1.0, 0.11, 0.1)):
        group.create_group(f"axis-{n}", attributes={"scale": scale, "units": "1/nm", "navigate": n < 2})
    if zipped:
        store.close()
    found = read_stack(path)
    assert same(found)
    assert found.pixel_size == pytest.approx(0.1)
    assert found.aspect == pytest.approx(1.1)


def test_folders_that_are_no_zspy(tmp_path):
    pytest.importorskip("zarr")
    (tmp_path / "a.zspy").mkdir()
    with pytest.raises(InputError, match=r"not a \.zspy folder"):
        read_stack(tmp_path / "a.zspy")
    (tmp_path / "a.hspy").mkdir()
    with pytest.raises(InputError, match="no such file"):
        read_stack(tmp_path / "a.hspy")


def test_masks(tmp_path):
    counts = np.ones((32, 40), dtype=bool)
    counts[:5] = False
    np.save(tmp_path / "a.npy", counts)
    np.savetxt(tmp_path / "a.txt", counts.astype(int), fmt="%d")
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle["mask"] = 255 * counts.astype(np.uint8)
    from matplotlib.image import imsave

    imsave(tmp_path / "a.png", counts, cmap="gray")
    for ending in ("npy", "txt", "h5", "png"):
        assert np.array_equal(read_mask(tmp_path / f"a.{ending}", (32, 40)), counts), ending
    with pytest.raises(InputError, match=r"allowed: that of a pattern, \(40, 32\)"):
        read_mask(tmp_path / "a.npy", (40, 32))
    np.save(tmp_path / "b.npy", np.arange(32 * 40).reshape(32, 40))
    with pytest.raises(InputError, match="allowed: two"):
        read_mask(tmp_path / "b.npy", (32, 40))
    np.save(tmp_path / "c.npy", np.zeros((32, 40)))
    with pytest.raises(InputError, match="mask of zeros"):
        read_mask(tmp_path / "c.npy", (32, 40))
    (tmp_path / "d.txt").write_text("a b c")
    for name in ("d.txt", "missing.npy"):
        with pytest.raises(InputError, match="allowed"):
            read_mask(tmp_path / name, (32, 40))
