"""Every number of local order is the model's, whatever way it lies in space, is listed or repeated."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from alzmodel.crystals import crystal
from alzmodel.local_order.building_units import building_units
from alzmodel.local_order.per_atom import atom_arrays
from alzmodel.local_order.shells import bonded
from tests.local_order.models import rough_glass

EXTENSIVE = {"n_centres", "counts", "n_pairs", "n_atoms", "cluster_sizes", "largest_cluster"}
"""What doubles with the cell."""
BY_SIZE = {"largest_fraction", "n_clusters", "cluster_sizes", "n_voids"}
"""What may depend on the size of the cell: islands become twice as many."""
ON_GRID = {
    "fraction",
    "largest_void",
    "accessible_fraction",
    "percolating_fraction",
    "bottleneck",
}
"""What is read off a grid of 0.25 Å that lies elsewhere in a moved model."""


def glass():
    return rough_glass(n_units=5)


def hot_pyrochlore():
    """Pyrochlore with some La and Zr exchanged, every atom moved: order that is neither nothing nor all."""
    atoms = crystal("La2Zr2O7")
    rng = np.random.default_rng(4)
    atoms.positions += rng.normal(size=atoms.positions.shape) * 0.25
    for element, other in (("La", "Zr"), ("Zr", "La")):
        where = np.flatnonzero(crystal("La2Zr2O7").symbols == element)[:2]
        atoms.symbols[where] = other
    return atoms


MODELS = [glass, hot_pyrochlore]


@functools.cache
def numbers(make) -> dict:
    return dict(leaves(building_units(make(), ring_criterion="king", largest_ring=8).to_dict()))


def leaves(table, path=()):
    """Every entry of nested dictionaries by its path: numbers, arrays, words."""
    if isinstance(table, dict):
        for key, value in table.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(table, list | tuple | np.ndarray):
        found = np.array(table)
        yield path, ", ".join(found) if found.dtype.kind == "U" else found
    else:
        yield path, table


def moved(atoms, seed):
    rng = np.random.default_rng(seed)
    atoms = atoms.copy()
    atoms.rotate(float(rng.uniform(0, 360)), rng.normal(size=3), rotate_cell=True)
    atoms.positions += rng.uniform(-20, 20, 3)
    order = rng.permutation(len(atoms))
    return atoms[order], order


def tolerance(path, value):
    """Of a number that is read off a grid, half a spacing or what a few points are."""
    if path[0] != "free_volume" or not ON_GRID & set(path):
        return {"rel": 1e-6, "abs": 1e-6}
    return {"abs": {"largest_void": 0.1, "bottleneck": 0.13, "percolating_fraction": 1}.get(path[-1], 0.03)}


def alike(path, one, two, factor=1):
    if isinstance(one, str | bool) or one is None:
        assert two == one, path
    else:
        expected = pytest.approx(factor * np.asarray(one, dtype=float), nan_ok=True, **tolerance(path, one))
        assert np.asarray(two, dtype=float) == expected, path


SHARES = {
    "histogram", "paper_units", "oxygen", "former_neighbours", "qn", "random_mixture", "nearest", "signatures",
    "corner", "edge", "face", "none", "linked_beyond", "non_bridging_fraction", "free_fraction", "bridging_fraction",
    "fluorite_fraction", "pyrochlore_fraction", "li_inside",
}  # fmt: skip
"""Shares of atoms or pairs: what each one is, is yes or no."""
OF_THE_WHOLE = {
    "n_atoms", "n_frames", "n_detail_frames", "n_centres", "n_pairs", "n_clusters", "largest_fraction",
    "dimensions", "largest_cluster", "packing", "packing_fraction", "fraction", "largest_void",
    "accessible_fraction", "percolating_fraction", "n_voids", "bottleneck", "global_instability_index",
    "skew_distance", "counts",
}  # fmt: skip
"""Of a model there is one of these."""
GIVEN = {
    "cutoff", "valence", "largest", "probe_radius", "spacing", "thresholds", "field_strength", "dietzel_radii",
    "sun_table", "used",
}  # fmt: skip
BESIDE = {"per_centre", "rings"}
"""Means whose spread stands with another one: of rings through each cation."""


@pytest.mark.slow
def test_every_mean_has_its_spread_over_atoms():
    found = numbers(glass)
    spreads = 0
    for path, value in found.items():
        if not isinstance(value, int | float) or any("std" in part for part in path):
            continue
        *table, name = path
        short = name.removeprefix("mean_")
        twins = {(*table, f"std_{short}"), (*table, "std")}
        if table:
            # A table of means, such as one value a pair: its spreads are a table beside it.
            *above, last = table
            twins |= {(*above, f"std_{last}", name), (*above, f"{last.removesuffix('s')}_stds", name)}
        if twins & found.keys():
            spreads += 1
        else:
            assert set(path) & (SHARES | OF_THE_WHOLE | GIVEN | BESIDE), path
    assert spreads > 150


@pytest.mark.parametrize("make", MODELS)
def test_no_entry_changes_in_a_turned_moved_and_reordered_model(make):
    one = numbers(make)
    two = dict(leaves(building_units(moved(make(), 1)[0], ring_criterion="king", largest_ring=8).to_dict()))
    assert set(two) == set(one)
    assert len(one) > 500
    for path, value in one.items():
        alike(path, value, two[path])


@pytest.mark.parametrize("make", MODELS)
def test_no_entry_changes_in_a_supercell(make):
    one = numbers(make)
    double = building_units(make() * (1, 2, 1), ring_criterion="king", largest_ring=8).to_dict()
    two = dict(leaves(double))
    assert set(two) == set(one)
    for path, value in one.items():
        if BY_SIZE & set(path):
            continue
        if any("std" in part for part in path):
            # The same numbers twice: only n − 1 differs. With two of them the spread becomes 0.816 of what it was.
            if value is not None and np.isfinite(value) and value > 1e-9:
                assert math.sqrt(2 / 3) - 1e-6 <= two[path] / value <= 1 + 1e-6, path
            continue
        alike(path, value, two[path], 2 if EXTENSIVE & set(path) else 1)


@pytest.mark.parametrize("make", MODELS)
def test_arrays_go_with_their_atoms(make):
    other, order = moved(make(), 2)
    one, two = atom_arrays(bonded(make())), atom_arrays(bonded(other))
    assert set(one) == set(two)
    for name, values in one.items():
        # Atoms are moved by 1e-7 Å in the order that they come in, so that no five lie on one sphere.
        loose = {"atol": 1e-4} if name == "voronoi_volume" else {"atol": 1e-6}
        np.testing.assert_allclose(two[name], values[order], rtol=1e-6, err_msg=name, **loose)
    assert len(set(one["surroundings"].tolist())) == (2 if make is glass else 4)
