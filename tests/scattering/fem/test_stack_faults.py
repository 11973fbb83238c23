"""Faults of measured stacks: planted in patterns whose variance is known, found, told, and the variance back."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.models.columns import embed_clusters, glass_column
from alzmodel.models.packing import random_packing
from alzmodel.scattering.fem.detector import Camera, PatternStack, simulate_stack
from alzmodel.scattering.fem.stack import Corrections, Geometry, measure_stack
from alzmodel.scattering.fem.variance import FEMSettings

SIZE, PIXEL, N = 96, 0.13, 16
MIDDLE = (47.5, 47.5)
RINGS = {"k_min": 1.5, "k_max": 5.5, "k_step": 0.1, "ring_width": 0.13, "n_bootstrap": 4}
CAMERA = Camera(electrons=1.0)
SPREAD = 0.05
"""Of the ring at 3.2 nm⁻¹: its brightness alone differs between patterns, so omega and re are this and r is 0."""
FACTORS = 1 + np.sqrt(SPREAD) * np.repeat([-1.0, 1.0], N // 2)


def ring_patterns(center=MIDDLE, scale=(1.0, 1.0), strength=1.0, seed=1):
    """Rings with counting noise; `scale` are the sizes of pixels along x and y over 0.13 nm⁻¹."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    k = PIXEL * np.hypot(scale[0] * (x - center[0]), scale[1] * (y - center[1]))
    first = 1.0 / (1 + np.exp((np.abs(k - 3.2) - 0.6) / 0.02))
    # Around 3.2 nm⁻¹ the intensity is flat along k, and all of it is the ring.
    still = (1 - first) * (300 * np.exp(-k / 3) + 150 * np.exp(-(((k - 5.0) / 0.4) ** 2)) + 20)
    beam = 4e4 * np.exp(-((k / 0.25) ** 2))
    mean = still + beam + FACTORS[:, None, None] * first * 600
    return np.random.default_rng(seed).poisson(strength * mean).astype(np.uint16)


def measured(patterns, *, pixel_size=PIXEL, aspect=1.0, mask=None, **options):
    stack = PatternStack(patterns, pixel_size, "planted", aspect, mask)
    return measure_stack(stack, camera=CAMERA, **{**RINGS, **options})


def at_ring(found):
    n = int(np.argmin(np.abs(found.k - 3.2)))
    return {name: float(curve[n]) for name, curve in found.variance.items()}


def is_right(found, within=0.003):
    values = at_ring(found)
    assert values["omega"] == pytest.approx(SPREAD, abs=within)
    assert values["re"] == pytest.approx(SPREAD, abs=within)
    assert values["r"] == pytest.approx(0, abs=within)
    return True


def test_nothing_is_found_where_nothing_is_wrong():
    found = measured(ring_patterns())
    assert is_right(found)
    assert dict(found.masked) == {}
    assert found.dead_frames == ()
    assert np.isnan(found.full_scale)
    assert found.rings_end == ""
    assert found.drift < 1e-6
    assert found.geometry.center == pytest.approx(MIDDLE, abs=0.05)


def arm(image, *, wide=9, left=True, radius=10.0, center=MIDDLE):
    y, x = np.mgrid[:SIZE, :SIZE]
    side = x < center[0] if left else x > center[0]
    return (side & (np.abs(y - center[1]) < wide / 2)) | (np.hypot(x - center[0], y - center[1]) < radius)


STOPS = {
    "arm from the left": arm(None),
    "arm from the right": arm(None, left=False, wide=13),
    "from below": arm(None, radius=9.0).T[::-1],
    "disc that reaches the rings": arm(None, radius=16.0),
}


@pytest.mark.parametrize("name", STOPS)
def test_a_beam_stop_is_found_and_the_geometry_under_it(name):
    stop = STOPS[name]
    patterns = ring_patterns() * ~stop
    found = measured(patterns, k_min=2.6)
    assert is_right(found)
    assert found.geometry.center == pytest.approx(MIDDLE, abs=0.1)
    assert found.geometry.ratio == pytest.approx(1.0, abs=0.004)
    # The direct beam's own place is of no ring.
    y, x = np.mgrid[:SIZE, :SIZE] - 47.5
    assert not found.mask[stop & (np.hypot(x, y) > 8)].any()
    assert found.masked["beam stop"] < 2.0 * stop.sum()
    bare = measured(patterns, k_min=2.6, corrections=Corrections(pixels=False))
    assert at_ring(bare)["r"] > 0.02


def darker(where, share):
    """Patterns of which the pixels `where`, a function of k and azimuth, keep a share of their brightness."""
    y, x = np.mgrid[:SIZE, :SIZE] - 47.5
    dim = where(PIXEL * np.hypot(x, y), np.arctan2(y, x))
    return np.random.default_rng(2).binomial(ring_patterns(), np.where(dim, share, 1.0))


@pytest.mark.parametrize(
    ("where", "share"),
    [
        (lambda k, _: (k > 2.0) & (k < 2.4), 0.02),
        (lambda k, _: (k > 0.6) & (k < 2.3), 0.03),
        (lambda k, _: (k > 4.0) & (k < 4.4), 0.1),
        # A texture has its gaps on both sides of the centre.
        (lambda k, phi: (abs(k - 4.8) < 0.4) & (abs(np.sin(phi)) > 0.8), 0.2),
    ],
)
def test_a_dark_ring_is_no_beam_stop(where, share):
    found = measured(darker(where, share))
    assert dict(found.masked) == {}
    assert is_right(found)
    assert found.geometry.center == pytest.approx(MIDDLE, abs=0.05)


def test_the_bottom_of_a_dark_ring_is_not_dead():
    y, x = np.mgrid[:SIZE, :SIZE] - 47.5
    share = 1 - 0.97 * np.exp(-(((PIXEL * np.hypot(x, y) - 2.1) / 0.3) ** 2))
    found = measured(np.random.default_rng(3).binomial(ring_patterns(), share))
    assert dict(found.masked) == {}


def test_dust_and_a_stop_beside_a_dark_ring():
    def dust(k, phi):
        return (k > 2.8) & (k < 3.6) & (abs(phi - 0.6) < 0.12)

    found = measured(darker(dust, 0.1))
    assert found.masked["beam stop"] > 50
    assert is_right(found)
    stop = arm(None)
    found = measured(darker(lambda k, _: (k > 4.0) & (k < 4.4), 0.05) * ~stop, k_min=2.6)
    assert is_right(found)
    assert found.masked["beam stop"] < 2.0 * stop.sum()


def test_a_stop_that_lets_a_tenth_through_and_a_center_off_the_middle():
    center = (45.0, 50.5)
    stop = arm(None, center=center)
    patterns = ring_patterns(center=center)
    patterns = np.where(stop, patterns // 10, patterns).astype(np.uint16)
    found = measured(patterns, k_max=4.9)
    assert is_right(found)
    assert found.geometry.center == pytest.approx(center, abs=0.1)


def test_a_mask_that_is_given_serves_the_geometry_too():
    stop = arm(None)
    patterns = ring_patterns() * ~stop
    found = measured(patterns, mask=~stop, corrections=Corrections(pixels=False))
    assert is_right(found)
    assert found.geometry.center == pytest.approx(MIDDLE, abs=0.1)
    assert dict(found.masked) == {"file": int(stop.sum())}
    with pytest.raises(InputError, match="allowed: that of a pattern"):
        measure_stack(PatternStack(patterns, PIXEL, "planted"), mask=np.ones((4, 4), dtype=bool), **RINGS)
    everything = np.ones((SIZE, SIZE), dtype=bool)
    everything[np.abs(np.hypot(*np.mgrid[:SIZE, :SIZE]) - 60) < 90] = False
    with pytest.raises(InputError, match="allowed: some of every ring"):
        measured(patterns, mask=everything)


def planted(patterns, name):
    """A copy with a fault at a pixel in the ring at 3.2 nm⁻¹, and the pixels that have it."""
    broken = patterns.copy()
    row, column = 47, 72
    if name == "hot in all frames":
        broken[:, row, column] = 60000
    elif name == "hit in one frame":
        broken[5, row, column] = 50000
    elif name == "three side by side":
        broken[:, row, column : column + 3] = 40000
    elif name == "flickers":
        broken[::2, row, column] += 30000
    elif name == "dead":
        broken[:, row, column] = 0
    elif name == "stuck":
        broken[:, row, column] = 7
    elif name == "weak":
        broken[:, row, column] //= 8
    return broken, {"three side by side": 3}.get(name, 1)


FAULTS = ("hot in all frames", "hit in one frame", "three side by side", "flickers", "dead", "stuck", "weak")


@pytest.mark.parametrize("name", FAULTS)
def test_faulty_pixels_are_left_out_and_counted(name):
    broken, number = planted(ring_patterns(), name)
    found = measured(broken)
    assert is_right(found)
    assert dict(found.masked) == {"dead" if name in {"dead", "stuck", "weak"} else "hot": number}
    assert not found.mask[47, 72]
    bare = measured(broken, corrections=Corrections(pixels=False))
    assert abs(at_ring(bare)["r"]) > 0.003


@pytest.mark.parametrize("name", ["hot in all frames", "dead", "hit in one frame"])
def test_faulty_pixels_of_sparse_counts(name):
    # 0.18 electrons in a pixel of the ring: most counts are 0, and a count of 3 is no fault.
    sparse = ring_patterns(strength=3e-4)
    assert dict(measured(sparse, k_min=2.8, k_max=3.6).masked) == {}
    broken, _ = planted(sparse, name)
    expected = {} if name == "dead" else {"hot": 1}
    assert dict(measured(broken, k_min=2.8, k_max=3.6).masked) == expected


def test_a_narrow_direct_beam_and_reflections_are_no_hot_pixels():
    patterns = ring_patterns().astype(np.float32)
    patterns[:, 47:49, 47:49] = 3e6
    y, x = np.mgrid[:SIZE, :SIZE]
    disc = np.hypot(x - 60, y - 60) < 1.6
    patterns[3, disc] += 9000
    found = measured(patterns, geometry=Geometry(MIDDLE))
    assert dict(found.masked) == {}
    assert measured(patterns).geometry.center == pytest.approx(MIDDLE, abs=0.1)


@pytest.mark.parametrize(("top", "kind"), [(400, np.uint16), (255, np.uint8), (511.5, np.float32)])
def test_saturation_is_told(top, kind):
    clipped = np.minimum(ring_patterns(), top).astype(kind)
    found = measured(clipped)
    assert found.full_scale == top
    n = int(np.argmin(np.abs(found.k - 3.2)))
    assert found.at_full_scale[n] > 0.4
    assert at_ring(found)["omega"] < 0.7 * SPREAD
    assert found.at_full_scale[np.argmin(np.abs(found.k - 4.2))] == 0


def test_a_direct_beam_that_saturates_leaves_the_rings_alone():
    found = measured(np.minimum(ring_patterns(), 4095).astype(np.uint16))
    assert is_right(found)
    assert found.full_scale == 4095
    assert found.at_full_scale.max() == 0


def test_pixels_that_always_saturate_are_left_out():
    patterns = np.minimum(ring_patterns(), 4095).astype(np.uint16)
    patterns[:, 20:22, 60:63] = 4095
    found = measured(patterns)
    assert is_right(found)
    assert not found.mask[20:22, 60:63].any()


@pytest.mark.parametrize("value", ["zero", "offset", "noise"])
def test_dead_frames_are_left_out_and_told(value):
    patterns = ring_patterns().astype(np.float32)
    dark = np.random.default_rng(2).normal(0, 3, patterns.shape[1:])
    fill = {"zero": 0.0, "offset": 5.0, "noise": 5.0 + dark}[value]
    broken = np.insert(patterns, (3, 12), fill, axis=0)
    found = measured(broken)
    assert is_right(found)
    assert found.dead_frames == (3, 13)
    assert found.n_patterns == N
    assert found.evidence.offset["dead_frames"] == pytest.approx(0 if value == "zero" else 5, abs=0.1)
    with pytest.raises(InputError, match="allowed: at least two"):
        measured(np.zeros((4, SIZE, SIZE)))


def test_an_offset_of_the_camera_is_taken_off():
    patterns = ring_patterns() + 200
    lowered = at_ring(measured(patterns))
    assert lowered["omega"] == pytest.approx(SPREAD * (600 / 800) ** 2, rel=0.05)
    assert is_right(measured(patterns, corrections=Corrections(offset=200.0)))


@pytest.mark.parametrize("ratio", [1.3, 0.8])
def test_pixels_with_unequal_sides(ratio):
    size = PIXEL / max(ratio, 1)
    patterns = ring_patterns(scale=(size / PIXEL, size * ratio / PIXEL))
    options = {"k_max": 3.4, "k_min": 2.0, "ring_width": 0.17}
    found = measured(patterns, pixel_size=size, aspect=ratio, **options)
    assert is_right(found)
    assert found.geometry.ratio == pytest.approx(1.0, abs=0.01)
    square = measured(patterns, pixel_size=size, ellipse=False, **options)
    assert found.variance["omega"][np.abs(found.k - 2.4) < 0.05].max() < 1e-3
    assert np.abs(found.variance["omega"] - square.variance["omega"]).max() > 5e-3


def test_nothing_is_lost_where_rings_end_early():
    patterns = ring_patterns().astype(np.float32)
    y, x = np.mgrid[:SIZE, :SIZE]
    patterns[3][PIXEL * np.hypot(x - 47.5, y - 47.5) > 5.0] = 0
    found = measured(patterns, k_max=None)
    assert 4.8 < found.k[-1] < 5.15
    assert "pattern 3 has no counts" in found.rings_end
    assert is_right(found)


# Stacks of the project's own simulator, with speckles.

SETTINGS = FEMSettings(semi_angle_mrad=1.0, k_min=2.0, k_max=6.5, ring_width=0.3)
SPECKLE = {"k_min": 2.0, "k_max": 6.0, "ring_width": 0.3, "n_bootstrap": 4, "camera": Camera(electrons=1.0)}


@pytest.fixture(scope="module")
def simulated():
    packing = random_packing({"Li+": 140, "La3+": 60, "Zr4+": 40, "O2-": 240}, seed=1)
    glass = glass_column(packing, width=64.0, thickness=30.0, seed=1)
    column = embed_clusters(glass, diameter=20.0, volume_fraction=0.2, seed=1)
    stack = simulate_stack(column, SETTINGS, Camera(electrons=1e6), seed=1)
    return PatternStack(stack.patterns[:8, :8], stack.pixel_size, "simulated")


@pytest.fixture(scope="module")
def truth(simulated):
    found = measure_stack(simulated, **SPECKLE)
    # Eight pixels at the edge of the aperture, of which the simulated probe has no beam.
    assert dict(found.masked) == {"dead": 8}
    assert found.dead_frames == ()
    return found


def of_stop(stack):
    n = stack.patterns.shape[-1]
    y, x = np.mgrid[:n, :n] - n // 2
    return (np.hypot(x, y) < 9) | ((x < 0) & (np.abs(y) < 4))


def compared(found, right, within):
    for name in ("omega", "r", "re"):
        off = np.mean(np.abs(found.variance[name] - right.variance[name]))
        assert off < within * np.mean(right.variance[name]), name


def again(stack, patterns, **options):
    return measure_stack(PatternStack(patterns, stack.pixel_size, "planted"), **SPECKLE | options)


def test_speckles_beside_a_beam_stop(simulated, truth):
    stop = of_stop(simulated)
    found = again(simulated, simulated.patterns * ~stop)
    assert found.masked["beam stop"] >= stop.sum()
    assert found.geometry.center == pytest.approx(truth.geometry.center, abs=0.3)
    told = again(simulated, simulated.patterns, mask=found.mask, corrections=Corrections(pixels=False))
    compared(found, told, 0.01)
    # A seventh of the inner rings is gone, and so many speckles fewer.
    compared(found, truth, 0.15)


def test_speckles_with_hot_and_dead_pixels(simulated, truth):
    patterns = simulated.patterns.copy()
    patterns[..., 30, 70] = 60000
    patterns[2, 3, 60, 70] = 60000
    patterns[..., 65, 40] = 0
    found = again(simulated, patterns)
    assert dict(found.masked) == {"hot": 2, "dead": 9}
    compared(found, truth, 0.02)


def test_speckles_with_dead_frames(simulated):
    patterns = simulated.patterns.copy()
    patterns[4, 2:6] = 0
    found = again(simulated, patterns)
    assert found.dead_frames == (34, 35, 36, 37)
    n = patterns.shape[-1]
    kept = np.delete(simulated.patterns.reshape(-1, n, n), found.dead_frames, axis=0)
    compared(found, again(simulated, kept), 1e-3)


def descanned(patterns):
    """Patterns that move over the camera by whole pixels, and by how much in x and y."""
    moved = np.empty_like(patterns)
    by = np.zeros((*patterns.shape[:2], 2), dtype=int)
    for row in range(patterns.shape[0]):
        for column in range(patterns.shape[1]):
            by[row, column] = -(column - 4), row - 4
            moved[row, column] = np.roll(patterns[row, column], by[row, column][::-1], axis=(0, 1))
    return moved, by


def test_the_direct_beam_is_followed(simulated, truth):
    moved, by = descanned(simulated.patterns)
    found = again(simulated, moved)
    moves = found.centers - found.centers.mean(axis=0)
    expected = by.reshape(-1, 2) - by.reshape(-1, 2).mean(axis=0)
    assert np.abs(moves - expected).max() <= 0.26
    compared(found, truth, 0.06)
    with_one_center = again(simulated, moved, corrections=Corrections(descan=False))
    with pytest.raises(AssertionError):
        compared(with_one_center, truth, 0.06)
    assert truth.drift < 1e-6


def test_descan_behind_a_beam_stop_follows_a_plane(simulated, truth):
    moved, _ = descanned(simulated.patterns)
    found = again(simulated, moved * ~of_stop(simulated))
    x, y = found.centers.reshape(8, 8, 2).transpose(2, 0, 1)
    assert np.polyfit(np.arange(8), x.mean(axis=0), 1)[0] == pytest.approx(-1, abs=0.15)
    assert np.polyfit(np.arange(8), y.mean(axis=1), 1)[0] == pytest.approx(1, abs=0.15)
    compared(found, truth, 0.15)
