"""Symmetry coordinates of units: orthonormal, turning with the unit, exact second moments."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from alzmodel.dynamics.hessian import pair_hessian
from alzmodel.dynamics.local_modes import mean_squares, octahedron, shell, tetrahedron, unit_sets
from alzmodel.dynamics.spectra import dense_modes, dynamical_matrix, frequency_grid
from alzmodel.local_order.shells import bonded
from tests.dynamics.models import pyrochlore

OCTAHEDRON = 2.1 * np.concatenate([np.eye(3), -np.eye(3)])
TETRAHEDRON = 1.1 * np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
SHELL = np.random.default_rng(5).standard_normal((7, 3)) * 1.4

KINDS = {
    "octahedron": (octahedron, OCTAHEDRON),
    "tetrahedron": (lambda bonds: tetrahedron(bonds, 6.94, 15.999), TETRAHEDRON),
    "shell": (shell, SHELL),
}


def distorted(bonds, amount=0.25, seed=3):
    return bonds + amount * np.random.default_rng(seed).standard_normal(bonds.shape)


def projector(vectors):
    """Onto the space that degenerate vectors span."""
    flat = vectors.reshape(len(vectors), -1)
    return flat.T @ flat


@pytest.mark.parametrize("kind", KINDS)
def test_coordinates_are_orthonormal_in_distorted_units_too(kind):
    make, ideal = KINDS[kind]
    for bonds in (ideal, distorted(ideal)):
        every = np.concatenate([vectors.reshape(len(vectors), -1) for vectors in make(bonds).values()])
        assert every @ every.T == pytest.approx(np.eye(len(every)), abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mirror", [1, -1])
def test_coordinates_turn_with_the_unit(kind, mirror):
    make, ideal = KINDS[kind]
    bonds = distorted(ideal)
    turn = mirror * Rotation.from_rotvec([0.3, -1.1, 2.2]).as_matrix()
    plain, turned = make(bonds), make(bonds @ turn.T)
    for name, vectors in plain.items():
        assert projector(turned[name]) == pytest.approx(projector(vectors @ turn.T), abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_ligands_does_not_matter(kind):
    make, ideal = KINDS[kind]
    bonds = distorted(ideal)
    order = np.random.default_rng(2).permutation(len(bonds))
    plain, mixed = make(bonds), make(bonds[order])
    for name, vectors in plain.items():
        centre = vectors.shape[1] - len(bonds)
        places = np.concatenate([np.arange(centre), centre + order])
        assert projector(mixed[name]) == pytest.approx(projector(vectors[:, places]), abs=1e-9)


def test_coordinates_of_an_ideal_octahedron():
    found = octahedron(OCTAHEDRON)
    outward = OCTAHEDRON / 2.1
    assert np.abs(np.sum(found["A1g"][0] * outward, axis=1)) == pytest.approx(np.full(6, 1 / math.sqrt(6)))
    stretches = np.sum(found["Eg"] * outward, axis=2)
    assert np.abs(stretches).max() == pytest.approx(2 / math.sqrt(12))
    assert stretches.sum(axis=1) == pytest.approx([0, 0], abs=1e-12)
    assert np.abs(np.sum(found["T2g"] * outward, axis=2)).max() < 1e-12


def test_coordinates_of_an_ideal_tetrahedron():
    found = tetrahedron(TETRAHEDRON, 7.0, 16.0)
    outward = TETRAHEDRON / np.linalg.norm(TETRAHEDRON, axis=1)[:, None]
    assert np.sum(found["A1"][0, 1:] * outward, axis=1) == pytest.approx(np.full(4, 0.5))
    assert np.abs(np.sum(found["E"][:, 1:] * outward, axis=2)).max() < 1e-12
    roots = np.sqrt([7.0, 16.0, 16.0, 16.0, 16.0])
    # No momentum: the sum of m u is that of √m times the mass-weighted displacement.
    assert np.einsum("m,dmx->dx", roots, found["cage"]) == pytest.approx(np.zeros((3, 3)), abs=1e-12)
    assert abs(found["cage"][0, 0]).max() > 0.9


def test_mean_square_is_that_of_the_spectrum():
    atoms = pyrochlore()
    matrix = dynamical_matrix(pair_hessian(atoms), atoms.get_masses())
    modes = dense_modes(matrix.copy())
    sets = unit_sets(bonded(atoms), atoms.get_masses())
    assert [one.name for one in sets] == ["ZrO6 A1g", "ZrO6 Eg", "ZrO6 T2g", "LaOn radial", "LaOn strain"]
    for one in sets:
        assert (len(one.coordinates), one.n_centres) == (16, 16)
        weights = (one.columns(len(atoms)).T @ modes.vectors) ** 2
        second = np.mean(weights @ modes.frequencies**2)
        assert np.mean(mean_squares(one, matrix)) == pytest.approx(second, rel=1e-9)
        assert weights.sum(axis=1) == pytest.approx(1.0)


def test_mean_squares_do_not_hang_on_the_axes():
    atoms = pyrochlore()
    turned = atoms.copy()
    turn = Rotation.from_rotvec([0.4, 0.9, -0.2]).as_matrix()
    turned.set_cell(atoms.cell.array @ turn.T)
    turned.positions = atoms.positions @ turn.T
    values = []
    for model in (atoms, turned):
        matrix = dynamical_matrix(pair_hessian(model), model.get_masses())
        sets = unit_sets(bonded(model), model.get_masses())
        values.append([np.sqrt(mean_squares(one, matrix).mean()) for one in sets])
    assert values[1] == pytest.approx(values[0], abs=1e-3)
    assert frequency_grid(855.0, 10.0)[-1] == 900
