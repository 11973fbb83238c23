from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from ase import Atoms
from scipy.optimize import linear_sum_assignment
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from alzmodel.crystals import crystal
from alzmodel.local_order.polyhedra import _hull_volume, polyhedra, unit_angles
from alzmodel.local_order.shapes import SHAPES, _best_pairing, _measures, _turns, shape_measures
from alzmodel.local_order.shells import bonded
from alzmodel.local_order.unit_geometry import unit_geometry
from alzmodel.neighbours import neighbour_list
from tests.local_order.models import rough_glass, rutile


def measure(points: np.ndarray, name: str) -> float:
    return float(_measures(np.ascontiguousarray(points)[None], SHAPES[name].corners, _turns(name))[0])


def by_all_pairings(points: np.ndarray, corners: np.ndarray) -> float:
    """The definition, with every pairing of corners and singular values."""
    q, p = np.vstack([points, np.zeros(3)]), np.vstack([corners, np.zeros(3)])
    q, p = q - q.mean(axis=0), p - p.mean(axis=0)
    orders = np.array(list(permutations(range(len(points)))))
    turned = np.concatenate([p[orders], np.repeat(p[None, -1:], len(orders), axis=0)], axis=1)
    h = np.einsum("nki,kj->nij", turned, q)
    values = np.linalg.svd(h, compute_uv=False)
    trace = values[:, 0] + values[:, 1] + np.sign(np.linalg.det(h)) * values[:, 2]
    return 100 * (1 - trace.max() ** 2 / ((q**2).sum() * (p**2).sum()))


@pytest.mark.parametrize(
    ("one", "other", "published"),
    [
        # Pinsky and Avnir 1998; Casanova et al. 2004 for eight corners.
        ("square", "tetrahedron", 33.33),
        ("octahedron", "trigonal prism", 16.74),
        ("cube", "square antiprism", 10.99),
        ("square antiprism", "triangular dodecahedron", 2.85),
        ("cube", "triangular dodecahedron", 7.95),
    ],
)
def test_published_distances_between_ideal_units(one, other, published):
    assert measure(SHAPES[one].corners, other) == pytest.approx(published, abs=0.006)
    assert measure(SHAPES[other].corners, one) == pytest.approx(published, abs=0.006)


def test_octahedron_without_a_corner():
    vacant = np.delete(SHAPES["octahedron"].corners, 1, axis=0)
    assert measure(vacant, "trigonal bipyramid") == pytest.approx(7.34, abs=0.006)


@pytest.mark.parametrize("name", SHAPES)
def test_ideal_units_measure_zero_however_they_lie(name):
    corners = SHAPES[name].corners
    turned = Rotation.from_rotvec([0.3, -1.1, 0.7]).apply(2.3 * corners[::-1])
    assert measure(turned, name) == pytest.approx(0, abs=1e-9)
    # A mirror image of a unit with a mirror plane is the same.
    assert measure(turned * [1, 1, -1], name) == pytest.approx(0, abs=1e-9)
    assert measure(turned + 0.1 * np.eye(len(corners), 3), name) > 0.01


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if len(shape.corners) < 7])
def test_equals_the_best_of_all_pairings(name):
    rng = np.random.default_rng(3)
    corners = SHAPES[name].corners
    for spread in (0.1, 0.2, 0.35):
        points = 2.1 * (corners + rng.normal(size=corners.shape) * spread)
        assert measure(points, name) == pytest.approx(by_all_pairings(points, corners), abs=1e-8)


def test_pairings_of_seven():
    rng = np.random.default_rng(4)
    corners = SHAPES["capped trigonal prism"].corners
    points = corners + rng.normal(size=corners.shape) * 0.25
    assert measure(points, "capped trigonal prism") == pytest.approx(
        by_all_pairings(points, corners), abs=1e-8
    )


def repulsion(corners: np.ndarray) -> float:
    distance = np.linalg.norm(corners[:, None] - corners[None], axis=2)
    return float((1 / distance[np.triu_indices(len(corners), 1)]).sum())


@pytest.mark.parametrize("name", ["square pyramid", "capped octahedron", "capped trigonal prism"])
def test_free_angles_repel_least(name):
    corners = SHAPES[name].corners
    least = repulsion(corners)
    # Moves that keep each symmetry: along the axis through the first corner, mirrored corners alike.
    axis = corners[0]
    heights = np.round(corners @ axis, 6)
    for height in np.unique(heights[1:]):
        for change in (-0.004, 0.004):
            moved = corners.copy()
            moved[heights == height] += change * axis
            moved /= np.linalg.norm(moved, axis=1, keepdims=True)
            assert repulsion(moved) > least


@pytest.mark.parametrize("n", [4, 6, 8])
def test_best_pairing_equals_scipys(n):
    rng = np.random.default_rng(n)
    paired, work = np.empty(n, dtype=np.int64), np.empty((6, n + 1))
    for kind in range(300):
        gain = rng.normal(size=(n, n))
        if kind % 3 == 0:
            # Columns that several rows want, and equal values.
            gain = np.round(gain + 3 * rng.normal(size=n))
        _best_pairing(gain, paired, work)
        rows, columns = linear_sum_assignment(gain, maximize=True)
        assert sorted(paired) == list(range(n))
        assert gain[rows, paired].sum() == pytest.approx(gain[rows, columns].sum(), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "order"), [("tetrahedron", 12), ("cube", 24), ("trigonal prism", 6), ("square antiprism", 8)]
)
def test_turns_of_ideal_units_are_their_rotation_groups(name, order):
    assert len(np.unique(_turns(name), axis=0)) == order


def test_crystals():
    atoms = crystal("MgO")
    pairs = bonded(atoms).bonds[0]
    magnesium = atoms.symbols == "Mg"
    measures = shape_measures(pairs)
    np.testing.assert_allclose(measures["octahedron"][magnesium], 0, atol=1e-8)
    np.testing.assert_allclose(measures["trigonal prism"][magnesium], 16.737, atol=1e-3)
    assert np.isnan(measures["octahedron"][~magnesium]).all()
    assert np.isnan(measures["cube"]).all()
    parts = unit_geometry(crystal("La2Zr2O7"))
    assert parts["Zr"].shapes["octahedron"]["nearest"] == 1
    assert parts["Zr"].shapes["octahedron"]["mean"] < 1
    # The eight oxygens of La lie on a cube drawn out along one diagonal.
    assert parts["La"].shapes["cube"]["nearest"] == 1
    parts = unit_geometry(crystal("LLZO-tetragonal"))
    assert parts["Zr"].shapes["octahedron"]["mean"] < 0.3
    measured = {name for name, row in parts["La"].shapes.items() if row["nearest"] or row["mean"] > 0}
    assert measured == {"cube", "square antiprism", "triangular dodecahedron"}
    # The unit of garnet lies between a cube and a dodecahedron.
    assert parts["La"].shapes["cube"]["mean"] == pytest.approx(2.27, abs=0.1)
    assert parts["La"].shapes["triangular dodecahedron"]["mean"] == pytest.approx(3.16, abs=0.1)


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "square"])
def test_hull_volume_of_ideal_units(name):
    corners = SHAPES[name].corners
    assert _hull_volume(corners) == pytest.approx(ConvexHull(corners).volume, rel=1e-9)


def test_hull_volume_of_any_points():
    rng = np.random.default_rng(0)
    for n in (4, 6, 9, 13):
        points = rng.normal(size=(n, 3))
        assert _hull_volume(points) == pytest.approx(ConvexHull(points).volume, rel=1e-9)


def test_distortion_of_regular_units_is_none():
    bodies = polyhedra(bonded(crystal("MgO")).bonds[0])
    a = crystal("MgO").cell.lengths()[0]
    magnesium = crystal("MgO").symbols == "Mg"
    np.testing.assert_allclose(bodies.volume[magnesium], 4 / 3 * (a / 2) ** 3)
    np.testing.assert_allclose(bodies.quadratic_elongation[magnesium], 1)
    np.testing.assert_allclose(bodies.angle_variance[magnesium], 0, atol=1e-18)
    np.testing.assert_allclose(bodies.bond_length_distortion[magnesium], 0, atol=1e-15)
    assert np.isnan(bodies.volume[~magnesium]).all()
    tetrahedra = polyhedra(bonded(crystal("Li2O")).bonds[0])
    lithium = crystal("Li2O").symbols == "Li"
    np.testing.assert_allclose(tetrahedra.quadratic_elongation[lithium], 1)
    np.testing.assert_allclose(tetrahedra.angle_variance[lithium], 0, atol=1e-15)


def test_distortion_of_rutile_by_hand():
    atoms = rutile()
    bodies = polyhedra(bonded(atoms).bonds[0])
    titanium = atoms.symbols == "Ti"
    a, c, u = 4.594, 2.959, 0.305
    two, four = a * u * math.sqrt(2), math.hypot((0.5 - u) * a * math.sqrt(2), c / 2)
    mean = (2 * two + 4 * four) / 6
    expected = (2 * abs(two - mean) + 4 * abs(four - mean)) / (6 * mean)
    np.testing.assert_allclose(bodies.bond_length_distortion[titanium], expected)
    # A rectangle of edges c and (1 − 2 u) a √2 between two apices.
    volume = c * (1 - 2 * u) * a * math.sqrt(2) * 2 * two / 3
    np.testing.assert_allclose(bodies.volume[titanium], volume)
    narrow = 2 * math.degrees(math.asin(c / 2 / four))
    variance = (2 * (narrow - 90) ** 2 + 2 * (180 - narrow - 90) ** 2) / 11
    np.testing.assert_allclose(bodies.angle_variance[titanium], variance)
    elongation = (2 * two**2 + 4 * four**2) / 6 / (volume * 3 / 4) ** (2 / 3)
    np.testing.assert_allclose(bodies.quadratic_elongation[titanium], elongation)


def test_unit_angles_of_a_bent_unit():
    atoms = Atoms("OZr2", positions=[[0, 0, 0], [2, 0, 0], [0, 2, 0]])
    assert unit_angles(neighbour_list(atoms, 2.1)) == pytest.approx([90])


def test_nothing_changes_in_a_turned_cell():
    atoms = rough_glass()
    turned = atoms.copy()
    turned.rotate(37, (1, 2, -1), rotate_cell=True)
    one, other = shape_measures(bonded(atoms).bonds[0]), shape_measures(bonded(turned).bonds[0])
    for name in SHAPES:
        np.testing.assert_allclose(one[name], other[name], atol=1e-7)
    assert np.isfinite(one["octahedron"]).any()
