"""Specimens of an inverse scan: what is refused, and what comes out."""

import itertools
import math

import numpy as np
import pytest
from ase import Atoms

from alzmodel.composition import formal_charges, glass_composition, ion_counts
from alzmodel.errors import InputError
from alzmodel.models.columns import embed_clusters, glass_column
from alzmodel.models.packing import random_packing
from alzmodel.scattering.fem.fit import fit_fem_peaks
from alzmodel.scattering.fem.scan import Grid, ScanPoint, prepare, scan_point
from alzmodel.scattering.fem.variance import FEMSettings, fem
from alzmodel.scattering.xrd.pattern import fit_line, nanocrystal_pattern

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
            glass_column(packing, width=scan.width(24.0, 0.15, 40.0), thickness=40.0, seed=seed),
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
    from alzmodel.scattering.fem.scan import line_of

    scan = Grid((80.0,), (0.2,), SETTINGS, thicknesses=(80.0,))
    sharp = line_of(matrix, ScanPoint("glass", 80.0, 0.2, 0.0, 0.0, 0.0, 10.9, 80.0), 0.2, scan)
    pattern = nanocrystal_pattern("La2Zr2O7", 80.0, lattice_parameter=10.9, two_theta=(24.0, 33.0, 0.02))
    line = fit_line(pattern, 28.5, window=(26.5, 30.5))
    assert sharp["xrd_222_two_theta"] == pytest.approx(line.two_theta)
    assert sharp["xrd_222_fwhm"] == pytest.approx(line.fwhm)
    assert sharp["xrd_222_two_theta"] == pytest.approx(28.34, abs=0.1)
    assert sharp["xrd_mixture_fwhm"] != pytest.approx(sharp["xrd_222_fwhm"], rel=1e-3)
    small = line_of(matrix, ScanPoint("glass", 12.0, 0.1, 0.0, 0.0, 0.0, 10.805, 80.0), 0.1, scan)
    assert math.isnan(small["xrd_222_fwhm"])


def test_points_share_columns_and_cover_the_grid():
    scan = Grid((20.0, 30.0), (0.1, 0.2), SETTINGS, displacements=(0.05, 0.2), thicknesses=(40.0, 60.0))
    points = list(scan.points(["a", "b"]))
    assert len(points) == len(set(points)) == 32
    owners = [(point.glass, point.thickness) for point in points]
    changes = sum(one != other for one, other in itertools.pairwise(owners))
    assert changes == 3


def test_disorder_and_formula_of_spheres_are_those_asked_for(matrix):
    """Cations of the spheres, counted in the columns; the line stays where it is, and loses none of its width."""
    from alzmodel.scattering.fem.scan import columns_of, line_of

    scan = Grid(
        (30.0,),
        (0.1,),
        SETTINGS,
        disorders=(0.0, 1.0),
        excesses_la=(0.0, 0.5),
        thicknesses=(40.0,),
        n_columns=1,
    )
    known: list = []
    ratio = {}
    for point in scan.points(["glass"]):
        if point.disorder and point.excess_la:
            assert (
                scan_point(matrix, point, scan)["refused"] == "disorder and excess La are not built together"
            )
            continue
        (column,) = columns_of(matrix, point, scan, known)
        inside = column.arrays["cluster"] > 0
        symbols = np.array(column.get_chemical_symbols())[inside]
        ratio[point.disorder, point.excess_la] = (symbols == "La").sum() / (symbols == "Zr").sum()
        assert abs(formal_charges(column).sum()) < 2
    plain, rich, fluorite = known
    assert ratio[0.0, 0.0] == 1
    assert ratio[1.0, 0.0] == pytest.approx(1, abs=0.05)
    assert ratio[0.0, 0.5] == pytest.approx(2.5 / 1.5, abs=0.1)
    assert "antisite_fraction" not in plain
    assert fluorite["antisite_fraction"] == pytest.approx(0.5)
    assert rich["excess_la"] == pytest.approx(0.5, abs=0.02)
    lines = [
        line_of(matrix, ScanPoint("glass", 60.0, 0.1, 0.0, disorder, 0.0, 10.805, 80.0), 0.1, scan)
        for disorder in (0.0, 1e-9, 1.0)
    ]
    # Next to no disorder goes the other way, through spheres cut and summed over pairs.
    assert lines[1]["xrd_222_two_theta"] == pytest.approx(lines[0]["xrd_222_two_theta"], abs=0.02)
    assert lines[1]["xrd_222_fwhm"] == pytest.approx(lines[0]["xrd_222_fwhm"], rel=0.03)
    # (222) of pyrochlore is (111) of fluorite.
    assert lines[2]["xrd_222_two_theta"] == pytest.approx(lines[0]["xrd_222_two_theta"], abs=0.05)
    assert lines[2]["xrd_222_fwhm"] == pytest.approx(lines[0]["xrd_222_fwhm"], rel=0.05)


def test_antisites_disorder_the_cations_only_as_far_as_asked(matrix):
    """(331) of pyrochlore, which fluorite has not, in the waves of the spheres: it is weaker by (1 − D)²."""
    from alzmodel.models.specimen import Clusters
    from alzmodel.scattering.xrd.crystal import squared_structure_factors

    def strength(disorder):
        unit = Clusters(30.0, 0.1, lattice_parameter=10.805, displacement=0.0, disorder=disorder).unit(1)
        q = 2 * math.pi * math.sqrt(19) / 10.805
        _, _, squared = squared_structure_factors(
            unit,
            (q - 1e-3, q + 1e-3),
            lambda element, Q: np.full(len(Q), {"La": 57, "Zr": 40, "O": 8}[element]),
        )
        return squared.mean()

    ordered = strength(1e-9)
    assert strength(0.5) == pytest.approx(0.25 * ordered, rel=0.25)
    assert strength(1.0) < 0.05 * ordered


def test_the_fraction_that_was_asked_for_is_built(matrix):
    """No rounding to whole spheres beyond 2 %, no specimen twice; small spheres share one width."""
    scan = Grid((20.0, 30.0, 50.0, 80.0), (0.05, 0.1, 0.2), SETTINGS, thicknesses=(100.0,))
    seen = set()
    for point in scan.points(["glass"]):
        width = scan.width(point.diameter, point.fraction, point.thickness)
        if scan.refusal(point.diameter, point.fraction, point.thickness):
            continue
        sphere = math.pi / 6 * point.diameter**3
        count = round(point.fraction * width**2 * point.thickness / sphere)
        assert count * sphere / (width**2 * point.thickness) == pytest.approx(point.fraction, rel=0.0205)
        assert width >= max(130.0, point.diameter + 40)
        seen.add((point.diameter, count, width))
    assert len(seen) == 12
    assert {width for diameter, _, width in seen if diameter == 20.0} == {130.0}
    coarse = Grid((50.0,), (0.1,), SETTINGS, thicknesses=(60.0,), n_columns=1)
    (point,) = coarse.points(["glass"])
    found = scan_point(matrix, point, coarse)
    assert found["fraction_built"] == pytest.approx(0.1, rel=0.02)
    assert found["width"] > 130


def test_a_scan_ends_each_point_by_its_own_error(matrix):
    """As soon as the error that is told is reached, or with the last column."""
    told = {}
    for rule, least in ((0.9, 4), (0.001, 5), (None, 5)):
        scan = Grid((16.0,), (0.1,), SETTINGS, thicknesses=(25.0,), n_columns=5, relative_error=rule)
        (point,) = scan.points(["glass"])
        found = scan_point(matrix, point, scan)
        assert found["n_columns"] == len(found["n_spheres"]) == least
        told[rule] = found["error"]
    assert 0.001 < told[0.001] == told[None]
    assert told[0.9] <= 0.9


def test_what_cannot_be_built_is_told(matrix):
    scan = Grid((20.0, 60.0), (0.01, 0.2), SETTINGS, thicknesses=(50.0, 80.0))
    assert scan.refusal(60.0, 0.2, 50.0) == "spheres of 60 Å in 50 Å"
    assert "less than one in a column 300 Å wide" in scan.refusal(60.0, 0.01, 80.0)
    assert "side by side" in scan.refusal(60.0, 0.4, 80.0)
    assert scan.refusal(60.0, 0.2, 80.0) == ""
    point = ScanPoint("glass", 60.0, 0.2, 0.08, 0.0, 0.0, 10.805, 50.0)
    assert scan_point(matrix, point, scan)["refused"] == "spheres of 60 Å in 50 Å"
    assert "no place" in Grid((8.0,), (0.05, 0.2), SETTINGS).refusal(8.0, 0.2, 50.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"diameters": (60.0,)}, "60 Å, but the thickest column has 50 Å"),
        (
            {"diameters": (95.0,), "fractions": (0.01,), "thicknesses": (120.0,)},
            "less than one in a column 300 Å",
        ),
        ({"relative_error": 1.5}, "error to reach: 1.5"),
        ({"relative_error": 0.1, "n_columns": 3}, "columns: 3 with an error to reach; allowed: at least 4"),
        ({"fractions": (0.1, 0.102)}, "0.1 and 0.102; allowed: at least 4% apart"),
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
