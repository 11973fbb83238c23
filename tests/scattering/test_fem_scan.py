"""Specimens of an inverse scan: what is refused, and what comes out."""

import itertools
import math

import numpy as np
import pytest
from ase import Atoms

from alzmodel.build.columns import embed_clusters, glass_column
from alzmodel.build.packing import random_packing
from alzmodel.composition import formal_charges, glass_composition, ion_counts
from alzmodel.errors import InputError
from alzmodel.scattering.fem import FEMSettings, fem
from alzmodel.scattering.fem_fit import fit_fem_peaks
from alzmodel.scattering.fem_scan import Grid, ScanPoint, prepare, scan_point
from alzmodel.scattering.xrd import fit_line, nanocrystal_pattern

SETTINGS = FEMSettings(k_min=2.5, k_max=5.9, k_step=0.1)


@pytest.fixture(scope="module")
def packing():
    return random_packing(ion_counts(glass_composition(3.0), 600), seed=1)


@pytest.fixture(scope="module")
def matrix(packing):
    return prepare("glass", [packing])


def test_a_point_is_what_its_parts_give(packing, matrix):
    """Columns, spheres, fit and line put together by hand."""
    scan = Grid((24.0,), (0.15,), SETTINGS, thicknesses=(40.0,), n_columns=2, seed=3)
    (point,) = scan.points(["glass"])
    found = scan_point(matrix, point, scan)
    columns = [
        embed_clusters(
            glass_column(packing, width=scan.width, thickness=40.0, seed=seed),
            diameter=24.0,
            volume_fraction=0.15,
            lattice_parameter=10.805,
            displacement=0.08,
            seed=seed,
        )
        for seed in (3, 4)
    ]
    result = fem(columns, SETTINGS, n_bootstrap=0)
    np.testing.assert_allclose(found["variance"], result.variance["omega"], rtol=1e-12)
    peak = fit_fem_peaks(result, "two")["k3.2"]
    assert found["numbers"]["fem_peak2_k"] == pytest.approx(peak.k)
    assert found["half_widths"]["fem_peak2_k"] == pytest.approx(np.ptp(peak.k_ci95) / 2)
    assert found["x"] == pytest.approx(3.0)
    assert found["fraction_built"] == pytest.approx(0.15, abs=0.01)
    assert found["refused"] is None


def test_the_line_is_that_of_the_spheres_and_the_glass_widens_it(matrix):
    from alzmodel.scattering.fem_scan import _line

    sharp = _line(matrix, ScanPoint("glass", 80.0, 0.2, 0.0, 10.9, 80.0), 0.2)
    pattern = nanocrystal_pattern("La2Zr2O7", 80.0, lattice_parameter=10.9, two_theta=(24.0, 33.0, 0.02))
    line = fit_line(pattern, 28.5, window=(26.5, 30.5))
    assert sharp["xrd_222_two_theta"] == pytest.approx(line.two_theta)
    assert sharp["xrd_222_fwhm"] == pytest.approx(line.fwhm)
    assert sharp["xrd_222_two_theta"] == pytest.approx(28.34, abs=0.1)
    assert sharp["xrd_mixture_fwhm"] != pytest.approx(sharp["xrd_222_fwhm"], rel=1e-3)
    small = _line(matrix, ScanPoint("glass", 12.0, 0.1, 0.0, 10.805, 80.0), 0.1)
    assert math.isnan(small["xrd_222_fwhm"])


def test_points_share_columns_and_cover_the_grid():
    scan = Grid((20.0, 30.0), (0.1, 0.2), SETTINGS, displacements=(0.05, 0.2), thicknesses=(40.0, 60.0))
    points = list(scan.points(["a", "b"]))
    assert len(points) == len(set(points)) == 32
    owners = [(point.glass, point.thickness) for point in points]
    changes = sum(one != other for one, other in itertools.pairwise(owners))
    assert changes == 3


def test_what_cannot_be_built_is_told(matrix):
    scan = Grid((20.0, 60.0), (0.02, 0.3), SETTINGS, thicknesses=(50.0, 80.0))
    assert scan.refusal(60.0, 0.3, 50.0) == "spheres of 60 Å in 50 Å"
    assert "not one sphere" in scan.refusal(60.0, 0.02, 80.0)
    assert scan.refusal(60.0, 0.3, 80.0) == ""
    point = ScanPoint("glass", 60.0, 0.3, 0.08, 10.805, 50.0)
    assert scan_point(matrix, point, scan)["refused"] == "spheres of 60 Å in 50 Å"
    assert "no place" in Grid((8.0,), (0.05, 0.2), SETTINGS).refusal(8.0, 0.2, 50.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"diameters": (60.0,)}, "60 Å, but the thickest column has 50 Å"),
        ({"diameters": (95.0,), "thicknesses": (120.0,)}, "95 Å in columns 130 Å wide"),
        ({"diameters": (40.0,), "fractions": (0.001,)}, "40 Å fits no fraction"),
        ({"diameters": ()}, "diameter: no value"),
        ({"fractions": (0.0,)}, "fraction: 0"),
        ({"displacements": (math.nan,)}, "displacement: nan"),
        ({"lattice_parameters": (5.4,)}, "lattice_parameter: 5.4"),
        ({"n_columns": 0}, "columns: 0"),
    ],
)
def test_grids_that_hold_nothing_are_refused(changes, words):
    given = {"diameters": (20.0,), "fractions": (0.1,), **changes}
    with pytest.raises(InputError, match=words):
        Grid(given.pop("diameters"), given.pop("fractions"), SETTINGS, **given)


def test_glasses_without_a_film_are_refused():
    with pytest.raises(InputError, match=r"silica: OSi; allowed"):
        prepare("silica", [Atoms("SiO", cell=[9] * 3, pbc=True)])
    with pytest.raises(InputError, match="periodic along"):
        prepare("slab", [Atoms("LaZr", cell=[9] * 3, pbc=[True, True, False])])


def test_spheres_of_less_than_a_nanometre_are_whole_pieces_of_the_crystal(packing):
    column = glass_column(packing, width=60.0, thickness=30.0, seed=1)
    small = embed_clusters(column, diameter=8.0, volume_fraction=0.05, seed=1)
    marks = small.arrays["cluster"]
    built = small.info["provenance"]["clusters"]["n_clusters"]
    assert set(marks.tolist()) == set(range(built + 1))
    # About 88 atoms in 1261 Å³, cut as they come.
    assert np.mean(np.bincount(marks)[1:]) == pytest.approx(88 / 1261 * math.pi / 6 * 8**3, rel=0.15)
    assert abs(formal_charges(small).sum()) < 2
