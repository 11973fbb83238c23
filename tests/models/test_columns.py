"""Columns: what they are made of, that nothing overlaps or repeats, and what is put into them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from ase import Atoms
from scipy.spatial import cKDTree

from alzmodel.composition import glass_composition, ion_counts
from alzmodel.crystals import crystal, supercell
from alzmodel.errors import BuildError, InputError
from alzmodel.local_order.pdf import partial_rdf
from alzmodel.models.columns import (
    CLUSTER,
    embed_clusters,
    gas_column,
    gas_source,
    glass_column,
    slab_columns,
)
from alzmodel.models.library import library, load_model
from alzmodel.models.packing import random_packing
from alzmodel.models.patches import contact_distances, fill_patches, ion_kinds, patch_spacing

WIDTH, THICKNESS = 80.0, 50.0


@pytest.fixture(scope="module")
def source():
    return random_packing(ion_counts(glass_composition(3.0), 600), seed=1)


@pytest.fixture(scope="module")
def column(source):
    return glass_column(source, width=WIDTH, thickness=THICKNESS, seed=4)


def counts_per_volume(atoms):
    return {symbol: n / atoms.cell.volume for symbol, n in Counter(atoms.get_chemical_symbols()).items()}


def test_density_composition_and_charge_are_those_of_the_source(source, column):
    wanted = counts_per_volume(source)
    for symbol, density in counts_per_volume(column).items():
        assert density == pytest.approx(wanted[symbol], rel=0.002)
    assert column.get_initial_charges().sum() == 0
    assert column.pbc.tolist() == [True, True, False]
    assert column.cell.lengths().tolist() == [WIDTH, WIDTH, THICKNESS]
    assert (column.positions >= 0).all()
    assert (column.positions <= [WIDTH, WIDTH, THICKNESS]).all()
    assert column.info["kind"] == "column"
    assert column.info["provenance"]["column"]["seed"] == 4


def test_density_is_even(column):
    """No slab of a tenth of the column is emptier than the rest, neither along the beam nor across it."""
    for axis in (0, 2):
        filled, _ = np.histogram(column.positions[:, axis], bins=10, range=(0, column.cell[axis, axis]))
        assert np.abs(filled / filled.mean() - 1).max() < 0.1


def test_patches_leave_no_holes():
    """A glass has less mass-thickness contrast than ions at random have; holes between patches would give it more."""
    glass = load_model(next(entry for entry in library() if entry.kind == "glass"))
    column = glass_column(glass, seed=3)
    assert mass_thickness_rms(column) < 0.8 * mass_thickness_rms(gas_column(column, 4))


def mass_thickness_rms(column, probe=22.0):
    """Relative spread of the ions' number, weighted by Z², under a Gaussian probe over all its places."""
    edge, pixels = column.cell[0, 0], 64
    image, _, _ = np.histogram2d(
        *column.positions[:, :2].T,
        bins=pixels,
        range=[[0, edge]] * 2,
        weights=column.numbers.astype(float) ** 2,
    )
    q = 2 * np.pi * np.fft.fftfreq(pixels, edge / pixels)
    blur = np.exp(-(q[:, None] ** 2 + q**2) * (probe / 2.355) ** 2 / 2)
    seen = np.fft.ifft2(np.fft.fft2(image) * blur).real
    return seen.std() / seen.mean()


def test_first_shells_survive_the_seams(source, column):
    before, after = (partial_rdf(model, r_max=5.0, dr=0.1) for model in (source, column))
    contact = contact_distances([source], *[ion_kinds([source])[1]], len(ion_kinds([source])[0]))
    assert contact.max() <= 2.6
    for pair, shortest in (("Zr-O", 1.6), ("O-O", 2.0), ("La-O", 1.9)):
        too_close = after.counts[pair][after.r < shortest - 0.1].sum() / len(column)
        assert too_close < 0.02
        assert before.counts[pair][before.r < shortest - 0.1].sum() == 0


def test_same_seed_same_column(source, column):
    again = glass_column([source], width=WIDTH, thickness=THICKNESS, seed=4)
    assert np.array_equal(again.positions, column.positions)
    assert np.array_equal(again.numbers, column.numbers)
    other = glass_column([source], width=WIDTH, thickness=THICKNESS, seed=5)
    assert not np.array_equal(other.positions, column.positions)


def test_no_atom_of_the_source_is_used_twice_in_a_patch(source):
    """Turned back and shifted, a patch fits into one copy of the source's cell: its longest extent is the diagonal."""
    _, labels = ion_kinds([source])
    spacing = patch_spacing([source])
    pieces = fill_patches([source], labels, spacing, WIDTH, THICKNESS, np.random.default_rng(3))
    patch, depth = pieces.patch, pieces.depth
    volume = source.cell.volume
    density = len(source) / volume
    sizes = np.bincount(patch)
    assert sizes.max() <= len(source)
    assert (depth > 0).sum() == pytest.approx(density * WIDTH * WIDTH * THICKNESS, rel=0.15)
    assert len(sizes) > WIDTH * WIDTH * THICKNESS / spacing**3


def test_patches_of_a_crystal_point_everywhere():
    """In a cubic pyrochlore every vector between neighbouring Zr has one component of zero; turned patches do not."""
    source = supercell(crystal("La2Zr2O7"), 2)
    column = glass_column(source, width=WIDTH, thickness=30.0, seed=1)
    zr = column.positions[column.numbers == 40]
    tree = cKDTree(zr)
    pairs = tree.query_pairs(3.9, output_type="ndarray")
    vectors = zr[pairs[:, 1]] - zr[pairs[:, 0]]
    kept = vectors[np.linalg.norm(vectors, axis=1) > 3.7]
    flat = np.abs(kept).min(axis=1) / np.linalg.norm(kept, axis=1) < 0.02
    assert len(kept) > 200
    assert flat.mean() < 0.25


def test_gas_controls(source, column):
    gas = gas_column(column, 3)
    assert Counter(gas.get_chemical_symbols()) == Counter(column.get_chemical_symbols())
    assert gas.info["kind"] == "gas"
    assert np.array_equal(gas.cell, column.cell)
    g = partial_rdf(gas, r_max=4.0, dr=0.5).g["O-O"]
    assert np.abs(g[1:] - 1).max() < 0.3
    patched = glass_column(gas_source(source, 3), width=WIDTH, thickness=THICKNESS, seed=4)
    assert len(patched) == len(column)


@pytest.fixture(scope="module")
def filled(column):
    return embed_clusters(column, diameter=30.0, volume_fraction=0.15, seed=2)


def test_clusters_are_where_and_what_they_are_said_to_be(column, filled):
    stated = filled.info["provenance"]["clusters"]
    marks = filled.arrays[CLUSTER]
    assert stated["n_clusters"] == marks.max() == round(0.15 * column.cell.volume / (np.pi / 6 * 30**3))
    assert stated["volume_fraction"] == pytest.approx(0.15, abs=0.025)
    assert stated["phase"] == "La2Zr2O7"
    assert stated["lattice_parameter"] == pytest.approx(10.805, abs=0.02)
    assert "diameter" in stated["assumed"]
    assert filled.info["provenance"]["column"]["seed"] == 4
    for number in range(1, marks.max() + 1):
        part = filled[marks == number]
        symbols = Counter(part.get_chemical_symbols())
        assert symbols["La"] == symbols["Zr"] == symbols["O"] * 2 / 7
        # Unfolded about one of its own atoms, the sphere has the diameter that was asked for.
        offset = part.positions - part.positions[0]
        offset[:, :2] -= WIDTH * np.rint(offset[:, :2] / WIDTH)
        radius = np.linalg.norm(offset - offset.mean(axis=0), axis=1).max()
        assert 13.0 < radius < 17.0
        assert part.positions[:, 2].min() > -1
        assert part.positions[:, 2].max() < THICKNESS + 1
    assert filled.get_initial_charges().sum() == 0
    # Density falls only by the difference between glass and crystal and a thin gap.
    assert len(filled) == pytest.approx(len(column), rel=0.1)


def test_clusters_overlap_nothing(filled):
    marks = filled.arrays[CLUSTER]
    positions = filled.positions.copy()
    positions[:, :2] %= WIDTH
    box = [WIDTH, WIDTH, 0]
    inside, matrix = positions[marks > 0], positions[marks == 0]
    gaps, _ = cKDTree(inside, boxsize=box).query(matrix)
    assert gaps.min() > 1.69
    spheres = [cKDTree(positions[marks == n], boxsize=box) for n in range(1, marks.max() + 1)]
    for n, one in enumerate(spheres):
        for other in spheres[:n]:
            assert other.query(one.data)[0].min() > 1.5


def test_clusters_are_turned_and_shaken(column, filled):
    still = embed_clusters(column, diameter=30.0, volume_fraction=0.15, seed=2, displacement=0.0)
    marks = still.arrays[CLUSTER]
    axes = []
    for number in (1, 2):
        part = still[(marks == number) & (still.numbers == 57)]
        vectors = part.get_all_distances(vector=True)
        vectors[..., :2] -= WIDTH * np.rint(vectors[..., :2] / WIDTH)
        length = np.linalg.norm(vectors, axis=-1)
        first = vectors[(length > 3.7) & (length < 3.9)]
        axes.append(first[np.argmax(first[:, 2])])
    assert not np.allclose(axes[0], axes[1], atol=0.05)
    shift = filled.positions[filled.arrays[CLUSTER] > 0] - still.positions[marks > 0]
    shift[:, :2] -= WIDTH * np.rint(shift[:, :2] / WIDTH)
    assert shift.std() == pytest.approx(0.08, rel=0.1)


def test_another_lattice_parameter(column):
    wide = embed_clusters(
        column, diameter=30.0, volume_fraction=0.05, seed=2, displacement=0.0, lattice_parameter=11.0
    )
    zr = wide[(wide.arrays[CLUSTER] == 1) & (wide.numbers == 40)]
    gaps = cKDTree(zr.positions).query(zr.positions, k=2)[0][:, 1]
    assert np.median(gaps) == pytest.approx(11.0 / np.sqrt(8), rel=1e-6)


def test_slabs_of_a_wide_model_hold_every_atom_once_per_direction():
    rng = np.random.default_rng(1)
    model = Atoms("O3000", positions=rng.random((3000, 3)) * [130, 130, 60], cell=[130, 130, 60], pbc=True)
    slabs = slab_columns(model, thickness=30.0)
    assert [len(slab) > 0 for slab in slabs] == [True, True]
    assert sum(len(slab) for slab in slabs) == 3000
    assert {round(slab.cell[2, 2], 9) for slab in slabs} == {30.0}
    cube = Atoms("O3000", positions=rng.random((3000, 3)) * 130, cell=[130] * 3, pbc=True)
    assert len(slab_columns(cube, thickness=50.0)) == 9


def test_unusable_input_is_refused(source, column):
    cluster = source.copy()
    cluster.pbc = False
    for bad, word in (([], "none"), ([cluster], "periodic"), ([source[:0]], "atoms")):
        with pytest.raises(InputError, match=word):
            glass_column(bad, seed=1)
    with pytest.raises(InputError, match="column width: 10"):
        glass_column(source, width=10.0, seed=1)
    with pytest.raises(InputError, match="column thickness: nan"):
        glass_column(source, thickness=float("nan"), seed=1)
    with pytest.raises(InputError, match="seed: -1"):
        glass_column(source, seed=-1)
    with pytest.raises(InputError, match="cluster diameter: 60"):
        embed_clusters(column, diameter=60.0, volume_fraction=0.1, seed=1)
    with pytest.raises(InputError, match="not one sphere"):
        embed_clusters(column, diameter=40.0, volume_fraction=0.001, seed=1)
    with pytest.raises(InputError, match=r"volume fraction: 1\.5"):
        embed_clusters(column, diameter=40.0, volume_fraction=1.5, seed=1)
    with pytest.raises(InputError, match="displacement"):
        embed_clusters(column, diameter=40.0, volume_fraction=0.2, seed=1, displacement=-1.0)
    with pytest.raises(BuildError, match="find no place"):
        embed_clusters(column, diameter=45.0, volume_fraction=0.7, seed=1)
    with pytest.raises(InputError, match="rectangular"):
        embed_clusters(cluster, diameter=10.0, volume_fraction=0.1, seed=1)
