"""Stacks of patterns: the camera undone, rings made round, noise taken off."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.cli.app import main
from alzmodel.errors import InputError
from alzmodel.models.columns import embed_clusters, glass_column
from alzmodel.models.packing import random_packing
from alzmodel.scattering.fem.detector import Camera, PatternStack, simulate_stack, write_stack
from alzmodel.scattering.fem.stack import Corrections, Geometry, find_geometry, measure_stack, read_stack
from alzmodel.scattering.fem.variance import FEMSettings, fem

SETTINGS = FEMSettings(semi_angle_mrad=1.0, k_min=2.0, k_max=7.0, ring_width=0.3)
RINGS = {"k_min": 2.0, "k_max": 7.0, "ring_width": 0.3}


@pytest.fixture(scope="module")
def column():
    packing = random_packing({"Li+": 140, "La3+": 60, "Zr4+": 40, "O2-": 240}, seed=1)
    glass = glass_column(packing, width=64.0, thickness=30.0, seed=1)
    return embed_clusters(glass, diameter=20.0, volume_fraction=0.2, seed=1)


@pytest.fixture(scope="module")
def perfect(column):
    return simulate_stack(column, SETTINGS)


def middle(stack):
    n = stack.patterns.shape[-1] // 2
    return Geometry((float(n), float(n)))


def test_a_perfect_stack_gives_the_variance_of_the_model(column, perfect):
    exact = fem(column, SETTINGS, n_bootstrap=0)
    found = measure_stack(perfect, geometry=middle(perfect), n_bootstrap=2, **RINGS)
    assert found.k == pytest.approx(exact.k)
    for name, curve in exact.variance.items():
        # Pixels are shared among rings by area there, by sixteen parts here.
        assert np.mean(np.abs(found.variance[name] - curve)) < 0.02 * np.mean(curve), name


def test_no_electron_is_made(perfect):
    total = perfect.patterns.sum(axis=(-2, -1))
    assert total.max() < 1 + 1e-4
    assert total.min() > 0.9


def test_noise_is_taken_off(column, perfect):
    for camera in (Camera(electrons=6e4), Camera(electrons=6e4, gain=7.0, readout=3.0, psf_fwhm=1.5)):
        still = simulate_stack(column, SETTINGS, Camera(psf_fwhm=camera.psf_fwhm))
        truth = measure_stack(still, geometry=middle(perfect), n_bootstrap=2, **RINGS).variance
        found = [
            measure_stack(
                simulate_stack(column, SETTINGS, camera, seed=seed),
                geometry=middle(perfect),
                camera=camera,
                n_bootstrap=2,
                **RINGS,
            )
            for seed in range(3)
        ]
        for name, curve in truth.items():
            raw = np.mean([result.variance_raw[name] - curve for result in found])
            left = np.mean([result.variance[name] - curve for result in found])
            assert raw > 0, name
            assert abs(left) < 0.15 * raw, (name, camera)


def test_counting_statistics_alone():
    # The same pattern every time: all variance is noise, 1 / (counts of a ring) for "omega".
    rng = np.random.default_rng(2)
    patterns = rng.poisson(5.0, size=(400, 81, 81)).astype(np.float32)
    camera = Camera(electrons=1.0)
    found = measure_stack(
        PatternStack(patterns, 0.1, "noise"),
        k_min=1.0,
        k_max=3.5,
        k_step=0.5,
        ring_width=0.3,
        geometry=Geometry((40.0, 40.0)),
        camera=camera,
        n_bootstrap=50,
    )
    counts = 5.0 * 2 * np.pi * found.k * 0.3 / 0.1**2
    assert found.variance_raw["omega"] == pytest.approx(1 / counts, rel=0.35)
    assert np.abs(found.variance["omega"]).max() < 0.3 / counts.min()
    for name in ("r", "re", "image"):
        assert found.variance_raw[name] == pytest.approx(0.2, rel=0.05)
        assert np.abs(found.variance[name]).max() < 0.01


@pytest.mark.parametrize(("ratio", "angle"), [(1.0, 0.0), (1.06, 30.0), (1.02, 120.0)])
def test_centre_and_ellipse_are_found(ratio, angle):
    truth = Geometry((62.3, 58.9), ratio, angle)
    y, x = np.mgrid[0:121, 0:121].astype(float)
    r = truth.radius(x, y)
    rings = 1e5 * np.exp(-((r / 3) ** 2)) + 200 * np.exp(-r / 25) + 80 * np.exp(-(((r - 30) / 4) ** 2))
    rings += 30 * np.exp(-(((r - 48) / 5) ** 2))
    noisy = np.random.default_rng(1).poisson(50 * rings) / 50
    found = find_geometry(noisy)
    assert found.center == pytest.approx(truth.center, abs=0.1)
    assert found.ratio == pytest.approx(ratio, abs=0.003)
    if ratio > 1.01:
        assert found.angle == pytest.approx(angle, abs=3.0)
    assert find_geometry(noisy, ellipse=False).ratio == 1.0


@pytest.mark.parametrize("ending", [".npy", ".h5", ".hspy"])
def test_stacks_come_back(tmp_path, perfect, ending):
    if ending == ".hspy":
        pytest.importorskip("rsciio")
    path = tmp_path / f"stack{ending}"
    write_stack(perfect, path)
    again = read_stack(path, pixel_size=perfect.pixel_size if ending == ".npy" else None)
    assert again.pixel_size == pytest.approx(perfect.pixel_size)
    assert np.array_equal(again.patterns, perfect.patterns)


def test_binning_keeps_the_counts(column, perfect):
    binned = simulate_stack(column, SETTINGS, Camera(binning=2))
    assert binned.pixel_size == pytest.approx(2 * perfect.pixel_size)
    assert binned.patterns.shape[-1] % 2 == 1
    assert binned.patterns[0, 0].sum() == pytest.approx(perfect.patterns[0, 0].sum(), rel=0.01)


@pytest.mark.parametrize(
    ("array", "pixel_size", "words"),
    [
        (np.zeros((4, 4, 20, 20)), None, "pixel size not in the file"),
        (np.zeros((20, 20)), 0.1, "shape"),
        (np.zeros((1, 20, 20)), 0.1, "one pattern"),
        (np.zeros((4, 8, 8)), 0.1, "16"),
        (np.zeros((4, 20, 20)), -1.0, "pixel size -1"),
    ],
)
def test_what_is_no_stack_is_refused(tmp_path, array, pixel_size, words):
    path = tmp_path / "stack.npy"
    np.save(path, array)
    with pytest.raises(InputError, match=words):
        read_stack(path, pixel_size=pixel_size)


def test_rings_beyond_the_camera_and_nan_are_refused(perfect):
    with pytest.raises(InputError, match="largest whole circle"):
        measure_stack(perfect, k_max=30.0, geometry=middle(perfect))
    bad = perfect.patterns.copy()
    bad[0, 0, 51, 70] = np.nan
    with pytest.raises(InputError, match="NaN"):
        measure_stack(
            PatternStack(bad, perfect.pixel_size, "bad"), corrections=Corrections(pixels=False), **RINGS
        )
    with pytest.raises(InputError, match="gain"):
        Camera(gain=-1.0)


def test_rings_end_where_a_pattern_has_no_counts(perfect):
    patterns = perfect.patterns.copy()
    n = patterns.shape[-1]
    y, x = np.mgrid[:n, :n] - n // 2
    patterns.reshape(-1, n, n)[3][np.hypot(x, y) * perfect.pixel_size > 5.0] = 0
    dark = PatternStack(patterns, perfect.pixel_size, "a.npy")
    options = {"geometry": middle(perfect), "n_bootstrap": 50, "k_min": 2.0, "ring_width": 0.3}
    found = measure_stack(dark, **options)
    assert 4.9 < found.k[-1] <= 5.2
    for curve in found.variance.values():
        assert np.isfinite(curve).all()
    same = measure_stack(dark, k_max=float(found.k[-1]), **options)
    assert same.variance["omega"] == pytest.approx(found.variance["omega"])
    assert "pattern 3 has no counts in the ring at 5" in found.rings_end
    with pytest.raises(InputError, match="pattern 3 has no counts in the ring at 5"):
        measure_stack(dark, k_max=6.0, **options)
    assert measure_stack(dark, **{**options, "k_min": 5.5}).dead_frames == (3,)


def test_the_command_reads_a_stack(tmp_path, capsys, perfect):
    path = tmp_path / "stack.h5"
    write_stack(perfect, path)
    assert main(["fem", str(path), "--json", "--fit", "free", "--ring-width", "0.3"]) == 0
    out, err = capsys.readouterr()
    assert '"variance_raw"' in out
    assert "196 patterns" in err
    assert "centre (" in err
    assert main(["fem", str(path), str(path)]) == 2
