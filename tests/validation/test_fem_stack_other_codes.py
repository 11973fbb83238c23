"""Measured stacks against pyxem on the same patterns, and through files that rosettasciio writes.

pyxem brings HyperSpy, scikit-learn and more and is not installed with the tests; 0.21 was used: ``pip install pyxem``.
"""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from alzmodel.scattering.fem.detector import PatternStack
from alzmodel.scattering.fem.stack import Geometry, measure_stack, read_stack

HALF = 60
RINGS = {"k_min": 2.0, "k_max": 5.0, "k_step": 0.25, "ring_width": 0.25}


def speckle():
    """Thirty patterns of speckles four pixels wide that fall off with k."""
    rng = np.random.default_rng(1)
    at = np.arange(-HALF, HALF + 1)
    envelope = 1e4 * np.exp(-np.hypot(*np.meshgrid(at, at)) / 40)
    waves = gaussian_filter(rng.normal(size=(2, 30, at.size, at.size)), (0, 0, 2, 2))
    return (np.square(waves).sum(axis=0) * envelope).reshape(5, 6, at.size, at.size)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_four_variances_and_the_radial_profile_equal_those_of_pyxem():
    pyxem = pytest.importorskip("pyxem")
    patterns = speckle()
    ours = measure_stack(
        PatternStack(patterns, 0.1, "speckle"),
        geometry=Geometry((HALF, HALF)),
        ellipse=False,
        n_bootstrap=2,
        **RINGS,
    )
    theirs = pyxem.signals.Diffraction2D(patterns)
    theirs.calibration.scale = 0.1
    theirs.calibration.units = "k_nm^-1"
    theirs.calibration.center = (HALF, HALF)
    same = {"npt": len(ours.k), "radial_range": (RINGS["k_min"] - 0.125, RINGS["k_max"] + 0.125)}
    profile = theirs.get_azimuthal_integral1d(mean=True, **same).data.mean(axis=(0, 1))
    np.testing.assert_allclose(ours.mean_intensity, profile, rtol=2e-3)
    # Both share pixels among rings, by polygons there and by sixteen parts here: omega, a difference, feels it most.
    for name, method, rtol in (
        ("omega", "Omega", 0.01),
        ("r", "r", 2e-3),
        ("re", "re", 2e-3),
        ("image", "VImage", 2e-3),
    ):
        found = theirs.get_variance(method=method, **same).data
        np.testing.assert_allclose(ours.variance_raw[name], found, rtol=rtol, err_msg=name)
        assert np.ptp(found) > 10 * rtol * found.mean()


@pytest.mark.parametrize(
    ("module", "units", "pixel_size"), [("blockfile", "cm", 0.08), ("hspy", "1/Å", None)]
)
def test_files_that_rosettasciio_writes(tmp_path, module, units, pixel_size):
    if module == "blockfile":
        pytest.importorskip("skimage")
    writer = pytest.importorskip(f"rsciio.{module}").file_writer
    patterns = np.random.default_rng(1).integers(0, 250, (3, 4, 32, 32)).astype(np.uint8)
    axes = [
        {
            "name": name,
            "size": patterns.shape[n],
            "scale": 2.0 if n < 2 else 0.008,
            "offset": 0.0,
            "units": "nm" if n < 2 else units,
            "navigate": n < 2,
            "index_in_array": n,
        }
        for n, name in enumerate(("y", "x", "ky", "kx"))
    ]
    signal = {
        "data": patterns,
        "axes": axes,
        "metadata": {"General": {"title": ""}, "Signal": {"signal_type": ""}},
        "original_metadata": {},
        "tmp_parameters": {},
        "attributes": {"_lazy": False},
        "learning_results": {},
        "models": {},
        "package_info": {},
    }
    path = tmp_path / {"blockfile": "stack.blo", "hspy": "stack.hspy"}[module]
    writer(str(path), signal)
    stack = read_stack(path, pixel_size=pixel_size)
    assert stack.pixel_size == pytest.approx(0.08)
    assert np.array_equal(stack.patterns, patterns)
