"""The models that come with the package: whole, neutral, at rest, and none of them a small one repeated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ase.geometry import wrap_positions
from scipy.spatial import cKDTree

from alzmodel.composition import formal_charges, glass_composition, ion_counts, ion_labels
from alzmodel.forcefields.static import single_point
from alzmodel.models.library import library, library_folder, load_frames, load_model
from alzmodel.models.packing import random_packing

FRACTIONS = (0.0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4)
NEAR = 0.3
"""Å."""


def largest_repeat(atoms, fractions=FRACTIONS):
    """Largest share of atoms that a translation by fractions of the box brings onto like atoms within 0.3 Å."""
    length = atoms.cell.lengths()
    positions = wrap_positions(atoms.positions, atoms.cell)
    kinds = atoms.numbers
    trees = {kind: cKDTree(positions[kinds == kind] % length, boxsize=length) for kind in np.unique(kinds)}
    largest = 0.0
    for shift in itertools.product(fractions, repeat=3):
        if any(shift):
            hits = 0
            for kind, tree in trees.items():
                moved = (positions[kinds == kind] + np.array(shift) * length) % length
                distance, _ = tree.query(moved, distance_upper_bound=NEAR)
                hits += np.isfinite(distance).sum()
            largest = max(largest, hits / len(atoms))
    return largest


def test_the_check_sees_a_repeated_model():
    packing = random_packing(ion_counts(glass_composition(3.0), 150), seed=1)
    assert largest_repeat(packing.repeat(2)) == pytest.approx(1.0)
    thermal = packing.repeat((2, 1, 1))
    thermal.rattle(0.08, seed=2)
    assert largest_repeat(thermal) > 0.8


MODELS = library()


def test_the_library_is_small_and_complete():
    for x, protocol in itertools.product((1.5, 3.0, 4.5), ("annealed-low-Tf", "as-deposited-high-Tf")):
        seeds = {e.seed for e in MODELS if e.kind == "glass" and e.la == x and e.protocol == protocol}
        assert len(seeds) >= 4
    assert any(e.kind == "glass-ceramic" and e.n_atoms >= 20_000 for e in MODELS)
    files = {path.name for path in library_folder().iterdir()}
    for entry in MODELS:
        assert {f"{entry.name}.extxyz.xz", f"{entry.name}-300K.extxyz.xz"} <= files
    assert sum(path.stat().st_size for path in library_folder().iterdir()) < 40e6
    assert all(entry.n_atoms >= 5000 for entry in MODELS)


@pytest.mark.slow
@pytest.mark.parametrize("entry", MODELS, ids=lambda entry: entry.name)
def test_models_are_neutral_at_rest_and_not_tiled(entry):
    model, frames = load_model(entry), load_frames(entry)
    assert model.get_chemical_formula() == frames[0].get_chemical_formula()
    labels = ion_labels(model)
    assert {label: labels.count(label) for label in dict.fromkeys(labels)} == model.info["provenance"][
        "composition"
    ]
    assert np.sum(formal_charges(model)) == 0
    point = single_point(model, potential=entry.potential)
    assert abs(point.pressure) < 0.2
    assert np.sqrt((point.forces**2).mean()) < 0.01
    assert point.energy / len(model) == pytest.approx(model.info["provenance"]["energy_per_atom"], abs=2e-4)
    assert largest_repeat(model) < 0.01
