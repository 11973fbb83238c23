from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.spatial import ConvexHull, HalfspaceIntersection

from alzmodel.crystals import crystal, nanocrystal
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.local_order import voids
from alzmodel.local_order.free_volume import free_volume, ionic_radii
from alzmodel.local_order.shells import bonded
from alzmodel.local_order.space import packing
from alzmodel.local_order.voids import Clearance, accessible, bottleneck_radius, clearance, left_beside
from alzmodel.local_order.voronoi import voronoi_volumes
from tests.local_order.models import random_oxide, rough_glass


def test_equal_sites_share_the_cell():
    atoms = crystal("MgO")
    np.testing.assert_allclose(voronoi_volumes(atoms), atoms.get_volume() / 8, rtol=1e-5)


def test_planes_stand_where_tangents_are_equal():
    # Layers of two kinds of atom: the plane between them is at (d² + R² − r²) / 2 d.
    d, large, small = 2.0, 1.2, 0.5
    atoms = Atoms("OZr", positions=[[0, 0, 0], [0, 0, d]], cell=[2.5, 2.5, 2 * d], pbc=True)
    plane = (d**2 + large**2 - small**2) / (2 * d)
    volumes = voronoi_volumes(atoms, [large, small])
    np.testing.assert_allclose(volumes, [2.5**2 * 2 * plane, 2.5**2 * 2 * (d - plane)], rtol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_cells_fill_triclinic_boxes(seed):
    atoms = random_oxide(seed)
    volumes = voronoi_volumes(atoms, np.linspace(0.5, 1.2, len(atoms)))
    assert volumes.sum() == pytest.approx(atoms.get_volume(), rel=1e-9)
    # One of these lies inside a larger one.
    assert (volumes > 0).sum() >= len(atoms) - (seed == 4)
    more = voronoi_volumes(atoms * (1, 2, 1), np.tile(np.linspace(0.5, 1.2, len(atoms)), 2))
    np.testing.assert_allclose(more, np.tile(volumes, 2), rtol=1e-4)


def cell_by_planes(atoms: Atoms, radii: np.ndarray, index: int) -> float:
    """Volume from all planes at once by Qhull, over the images within 12 Å."""
    shifts = np.array(list(itertools.product(range(-4, 5), repeat=3))) @ atoms.cell.array
    towards = (atoms.positions[:, None] + shifts - atoms.positions[index]).reshape(-1, 3)
    square = (towards**2).sum(axis=1)
    near = (square > 0) & (square < 144)
    offset = (square + radii[index] ** 2 - np.repeat(radii, len(shifts)) ** 2) / 2
    planes = np.column_stack([towards, -offset])[near]
    # A point inside, as far from all planes as may be.
    lengths = np.linalg.norm(planes[:, :3], axis=1)
    best = linprog(
        [0, 0, 0, -1], np.column_stack([planes[:, :3], lengths]), -planes[:, 3], bounds=[(None, None)] * 4
    )
    if best.x[3] <= 1e-9:
        return 0.0
    return float(ConvexHull(HalfspaceIntersection(planes, best.x[:3]).intersections).volume)


@pytest.mark.parametrize("seed", range(3))
def test_cells_against_all_planes_at_once(seed):
    atoms = random_oxide(seed)
    radii = np.random.default_rng(seed).uniform(0.4, 1.5, len(atoms))
    expected = [cell_by_planes(atoms, radii, index) for index in range(len(atoms))]
    np.testing.assert_allclose(voronoi_volumes(atoms, radii), expected, rtol=1e-9, atol=1e-9)


def test_cells_where_more_than_four_meet():
    # Cubes, rhombic dodecahedra and truncated octahedra, and cells of one atom that meet their own images.
    for atoms in (bulk("Po", "sc", a=3.3), bulk("Cu", cubic=True), bulk("Fe") * (1, 2, 1)):
        np.testing.assert_allclose(voronoi_volumes(atoms), atoms.get_volume() / len(atoms), rtol=1e-12)
    shaken = bulk("Cu", cubic=True) * 3
    for step in (1e-7, 1e-9, 1e-10, 1e-11, 1e-13):
        shaken.positions += np.random.default_rng(0).normal(scale=step, size=shaken.positions.shape)
        np.testing.assert_allclose(voronoi_volumes(shaken), shaken.get_volume() / len(shaken), rtol=1e-5)


def test_shares_of_atoms_and_planes_change_nothing(monkeypatch):
    atoms = crystal("LLZO-tetragonal")
    atoms.rattle(0.1, seed=1)
    radii = np.where(atoms.symbols == "O", 1.4, 0.8)
    volumes, field = voronoi_volumes(atoms, radii), clearance(atoms, radii)
    monkeypatch.setattr("alzmodel.local_order.voronoi._SHARE", 7)
    monkeypatch.setattr("alzmodel.local_order.voids._SHARE", 9)
    np.testing.assert_array_equal(voronoi_volumes(atoms, radii), volumes)
    np.testing.assert_array_equal(clearance(atoms, radii).values, field.values)


def test_two_atoms_at_one_place_have_no_cells():
    atoms = Atoms("O2", positions=[[1, 1, 1], [1, 1, 1]], cell=[3, 3, 3], pbc=True)
    with pytest.raises(AlzmodelError, match="at one place"):
        voronoi_volumes(atoms)


def test_cells_in_thin_gas_and_at_the_edge_of_the_void():
    assert voronoi_volumes(Atoms("O", cell=[300, 300, 300], pbc=True)) == pytest.approx([2.7e7])
    layer = bulk("Cu", cubic=True)
    layer.set_cell([3.6, 3.6, 43.6])
    volumes = voronoi_volumes(layer)
    assert volumes.sum() == pytest.approx(layer.get_volume(), rel=1e-12)
    layer.set_cell([3.6, 3.6, 103.6])
    with pytest.raises(AlzmodelError, match="25 Å"):
        voronoi_volumes(layer)


def test_what_is_known_of_the_way_through_changes_no_bottleneck():
    atoms = crystal("LLZO-cubic")
    frame = atoms[atoms.numbers != 3]
    field = clearance(frame, np.full(len(frame), 1.2))
    plain = bottleneck_radius(field)
    for radius in (plain - 0.2, plain + 0.2):
        through = bool((accessible(field, radius).dimensions > 0).any())
        assert through == (radius < plain)
        assert bottleneck_radius(field, known=(radius, through)) == plain


def test_cells_against_a_grid():
    atoms = rough_glass()
    radii = np.where(atoms.symbols == "O", 1.4, 0.8)
    volumes = voronoi_volumes(atoms, radii)
    n = 40
    points = (np.stack(np.meshgrid(*[np.arange(n) / n] * 3, indexing="ij"), axis=-1)).reshape(-1, 3)
    edge = atoms.cell.lengths()[0]
    nearest = np.full(len(points), math.inf)
    owner = np.zeros(len(points), dtype=int)
    for index, place in enumerate(atoms.get_scaled_positions()):
        away = points - place
        power = edge**2 * ((away - np.rint(away)) ** 2).sum(axis=1) - radii[index] ** 2
        owner[power < nearest] = index
        nearest = np.minimum(nearest, power)
    counted = np.bincount(owner, minlength=len(atoms)) * edge**3 / n**3
    np.testing.assert_allclose(volumes, counted, atol=0.6)
    assert np.corrcoef(volumes, counted)[0, 1] > 0.999


@settings(deadline=None, max_examples=5)
@given(st.tuples(*[st.floats(-1, 1)] * 3), st.floats(0, 180))
def test_volumes_turn_and_move_with_the_model(axis, angle):
    atoms = rough_glass()
    radii = np.where(atoms.symbols == "O", 1.4, 0.8)
    moved = atoms.copy()
    if np.linalg.norm(axis) > 0.1:
        moved.rotate(angle, axis, rotate_cell=True)
    moved.positions += axis
    moved = moved[::-1]
    np.testing.assert_allclose(
        voronoi_volumes(moved, radii[::-1])[::-1], voronoi_volumes(atoms, radii), rtol=1e-4
    )


def test_one_sphere():
    atoms = Atoms("O", positions=[[1, 2, 3]], cell=[6, 6, 6], pbc=True)
    field = clearance(atoms, [1.4], spacing=0.1)
    assert field.fraction(0.0) == pytest.approx(1 - 4 / 3 * math.pi * 1.4**3 / 216, abs=1e-3)
    assert field.fraction(0.8) == pytest.approx(1 - 4 / 3 * math.pi * 2.2**3 / 216, abs=1e-3)
    space = accessible(field, 0.5)
    assert space.dimensions.tolist() == [3]
    assert space.percolating_fraction == 1
    # The widest way is along the edges of the cell's dual: half the distance to the next sphere across a face.
    assert bottleneck_radius(field) == pytest.approx(3 * math.sqrt(2) - 1.4, abs=0.06)


def test_a_wall_leaves_two_directions():
    # A dense square lattice of spheres closes one direction.
    n, a = 4, 1.5
    grid = [[a * i, a * j, 0] for i in range(n) for j in range(n)]
    atoms = Atoms(f"O{n * n}", positions=grid, cell=[n * a, n * a, 8], pbc=True)
    field = clearance(atoms, np.full(n * n, 1.4), spacing=0.2)
    space = accessible(field, 0.3)
    assert space.dimensions.tolist() == [2]
    # A second wall makes two rooms of one.
    both = atoms + Atoms(f"O{n * n}", positions=np.add(grid, [0, 0, 3.6]), cell=atoms.cell)
    rooms = accessible(clearance(both, np.full(2 * n * n, 1.4), spacing=0.2), 0.1)
    assert rooms.dimensions.tolist() == [2, 2]
    assert rooms.volumes[0] > rooms.volumes[1]
    assert rooms.fraction == pytest.approx(rooms.volumes.sum() / both.get_volume())


def test_a_closed_room_does_not_percolate():
    # A primitive lattice of touching large spheres: the middle of the cell is a room without doors.
    atoms = Atoms("O", positions=[[0, 0, 0]], cell=[3, 3, 3], pbc=True)
    field = clearance(atoms, [2.0], spacing=0.1)
    middle = 1.5 * math.sqrt(3) - 2.0
    assert float(field.values.max()) == pytest.approx(middle, abs=0.06)
    space = accessible(field, 0.4)
    assert space.dimensions.tolist() == [0]
    assert space.percolating_fraction == 0
    assert bottleneck_radius(field) == pytest.approx(1.5 * math.sqrt(2) - 2.0, abs=0.06)


def regions_by_walking(open_points):
    """Size and dimension of each region, largest first: point by point, over the edges of the grid."""
    shape = np.array(open_points.shape)
    cells, found = {}, []
    for start in map(tuple, np.argwhere(open_points)):
        if start in cells:
            continue
        cells[start], todo, loops = np.zeros(3, dtype=int), [start], [np.zeros(3)]
        for point in todo:
            for step in np.concatenate([np.eye(3, dtype=int), -np.eye(3, dtype=int)]):
                turns, place = np.divmod(np.add(point, step), shape)
                if not open_points[tuple(place)]:
                    continue
                if tuple(place) in cells:
                    loops.append(cells[point] + turns - cells[tuple(place)])
                else:
                    cells[tuple(place)] = cells[point] + turns
                    todo.append(tuple(place))
        found.append((len(todo), np.linalg.matrix_rank(np.array(loops))))
    return sorted(found, key=lambda region: -region[0])


@settings(deadline=None, max_examples=60)
@given(st.tuples(*[st.integers(1, 6)] * 3), st.floats(0.1, 0.9), st.integers(0, 1000))
def test_regions_of_any_grid_as_by_walking(shape, closed, seed):
    values = np.random.default_rng(seed).random(shape).astype(np.float32)
    field = Clearance(values, np.diag(shape).astype(float))
    space = accessible(field, closed)
    expected = regions_by_walking(values > np.float32(closed))
    assert space.fraction * values.size == pytest.approx(sum(size for size, _ in expected))
    assert sorted(zip(space.volumes.round().astype(int), space.dimensions, strict=True)) == sorted(expected)
    assert (np.diff(space.volumes) <= 0).all()
    assert (bottleneck_radius(field) > closed) <= any(dimension for _, dimension in expected)


def test_further_ions_are_put_on_slab_by_slab(monkeypatch):
    atoms = random_oxide(2)
    radii = np.linspace(0.6, 1.3, len(atoms))
    few = np.arange(len(atoms)) % 3 > 0
    whole = clearance(atoms, radii, spacing=0.2)
    for slab in (1, 700, voids._SLAB):
        monkeypatch.setattr(voids, "_SLAB", slab)
        field = clearance(atoms[few], radii[few], spacing=0.2)
        before = field.values.copy()
        outside, largest = left_beside(field, atoms[~few], radii[~few])
        assert outside == whole.fraction(0.0) < field.fraction(0.0)
        assert largest == whole.values.max()
        np.testing.assert_array_equal(field.values, before)


def test_slanted_cells_and_supercells():
    atoms = random_oxide(1)
    radii = np.linspace(0.6, 1.3, len(atoms))
    one = clearance(atoms, radii, spacing=0.15)
    more = clearance(atoms * (2, 1, 1), np.tile(radii, 2), spacing=0.15)
    assert more.fraction(0.2) == pytest.approx(one.fraction(0.2), abs=0.01)
    n = np.array(one.values.shape)
    rng = np.random.default_rng(0)
    for point in rng.integers(0, n, (50, 3)):
        away = point / n @ atoms.cell.array - atoms.positions
        images = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3), axis=-1).reshape(-1, 3) @ atoms.cell.array
        distance = np.linalg.norm(away[:, None] + images[None], axis=2).min(axis=1) - radii
        assert one.values[tuple(point)] == pytest.approx(distance.min(), abs=1e-5)


def test_free_volume_of_crystals():
    result = free_volume(crystal("La2Zr2O7"))
    atoms = crystal("La2Zr2O7")
    volumes = result.voronoi
    assert 16 * (volumes["Zr"]["mean"] + volumes["La"]["mean"]) + 56 * volumes["O"]["mean"] == pytest.approx(
        atoms.get_volume()
    )
    # Spheres that overlap fill less than the packing fraction counts.
    assert result.fraction > 1 - packing(atoms).by_coordination
    assert math.isnan(result.li_inside)
    garnet = free_volume(crystal("LLZO-cubic"), probe_radius=0.2)
    assert garnet.dimensions == 3
    assert garnet.percolating_fraction > 0.8
    assert garnet.bottleneck > 0.2
    assert garnet.li_inside > 0.5
    # Without its Li the garnet has room in three directions, pyrochlore has less.
    assert garnet.bottleneck > result.bottleneck


@pytest.mark.parametrize(("beyond", "share"), [(-0.001, 1.0), (0.001, 0.0)])
def test_room_of_li_is_told_by_distances(beyond, share):
    # Four oxygens around each Li, at √3 / 4 of the edge: no grid has this resolution.
    atoms = crystal("Li2O")
    room = math.sqrt(3) / 4 * atoms.cell.lengths()[0] - 1.40
    assert free_volume(atoms, probe_radius=room + beyond).li_inside == share


def test_radii_follow_the_coordination():
    atoms = crystal("La2Zr2O7")
    radii = ionic_radii(atoms, bonded(atoms).bonds[0])
    assert set(radii[atoms.symbols == "La"]) == {1.16}
    assert set(radii[atoms.symbols == "Zr"]) == {0.72}


@pytest.mark.parametrize("probe", [-0.1, 3.0, math.nan])
def test_bad_probes(probe):
    with pytest.raises(InputError, match="probe"):
        free_volume(crystal("MgO"), probe_radius=probe)


def test_open_ends_are_refused():
    with pytest.raises(InputError, match="periodic"):
        voronoi_volumes(nanocrystal("MgO", 12))
    with pytest.raises(InputError, match="periodic"):
        clearance(nanocrystal("MgO", 12), np.ones(1))
    with pytest.raises(InputError, match="spacing"):
        clearance(crystal("MgO"), np.ones(8), spacing=0.0)
    with pytest.raises(InputError, match="radii"):
        voronoi_volumes(crystal("MgO"), [1.0])
