"""Second derivatives of pair potentials: against forces, against LAMMPS, sum rules."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.composition import ion_labels
from alzmodel.crystals import crystal, supercell
from alzmodel.dynamics.hessian import (
    difference_hessian,
    displaced,
    pair_curvature,
    pair_forces,
    pair_hessian,
    sparse_pair_hessian,
)
from alzmodel.dynamics.spectra import dense_modes, dynamical_matrix
from alzmodel.errors import InputError
from alzmodel.forcefields.engine import Segment, System, run_job
from alzmodel.forcefields.pair_tables import pppm_coulomb
from alzmodel.forcefields.potentials import potential
from alzmodel.forcefields.static import single_point
from alzmodel.neighbours import neighbour_list
from tests.dynamics.models import lithia


def rattled(name, amount=0.05):
    atoms = crystal(name)
    atoms.rattle(amount, seed=1)
    return atoms


def by_differences(atoms, coulomb):
    def forces_of(models):
        for model in models:
            yield pair_forces(model, coulomb=coulomb)

    # The curvature of the damped shifted force ends at its cut-off: no pair may cross it.
    return difference_hessian(atoms, forces_of, step=2e-5 if coulomb == "dsf" else 2e-4)


@pytest.mark.parametrize("coulomb", ["ewald", "dsf"])
def test_closed_form_is_the_derivative_of_the_forces(coulomb):
    # Hexagonal, so that nothing depends on a cubic cell.
    atoms = rattled("La2O3")
    closed = pair_hessian(atoms, coulomb=coulomb)
    numeric = by_differences(atoms, coulomb=coulomb)
    assert np.abs(closed - numeric).max() < 3e-6 * np.abs(closed).max()


@pytest.mark.parametrize("phase", ["La2O3", "Li2ZrO3"])
def test_sparse_second_derivatives_are_those_of_the_damped_sum(phase):
    # Cells far smaller than the cut-off: many images of each pair.
    atoms = rattled(phase)
    dense = pair_hessian(atoms, coulomb="dsf")
    sparse = sparse_pair_hessian(atoms, dtype=np.float64)
    assert np.abs(sparse.toarray() - dense).max() < 1e-12 * np.abs(dense).max()
    masses = atoms.get_masses()
    scaled = dynamical_matrix(sparse, masses).toarray()
    assert scaled == pytest.approx(dynamical_matrix(dense, masses), rel=1e-12, abs=1e-12)


def test_sparse_matrix_of_a_long_cell_holds_what_lies_within_the_cutoff():
    atoms = supercell(crystal("MgO"), (8, 1, 1))
    sparse = sparse_pair_hessian(atoms)
    pairs = neighbour_list(atoms, 9.0)
    within = {(i, j) for i, j in zip(pairs.i.tolist(), pairs.j.tolist(), strict=True)}
    assert sparse.dtype == np.float32
    assert sparse.nnz == 9 * len(within)
    assert sparse.nnz < 0.7 * (3 * len(atoms)) ** 2


def test_forces_are_those_of_lammps():
    atoms = rattled("La2O3")
    assert pair_forces(atoms) == pytest.approx(single_point(atoms).forces, abs=1e-4)


@pytest.mark.parametrize("coulomb", ["ewald", "dsf"])
def test_rows_sum_to_zero_and_the_matrix_is_symmetric(coulomb):
    hessian = pair_hessian(rattled("Li2ZrO3"), coulomb=coulomb)
    largest = np.abs(hessian).max()
    n = len(hessian) // 3
    assert np.abs(hessian.reshape(-1, n, 3).sum(axis=1)).max() < 1e-10 * largest
    assert np.abs(hessian - hessian.T).max() < 1e-10 * largest


def test_curvature_is_the_derivative_of_the_force_on_both_sides_of_the_splice():
    pot = potential("du-teter")
    r = np.array([1.0, 1.2, 1.7, 1.9, 1.95, 2.5, 5.0, 7.9, 8.1])
    for other in ("O2-", "Li+", "La3+", "Zr4+"):
        step = 1e-5
        slope = (pot.short_range("O2-", other, r - step)[1] - pot.short_range("O2-", other, r + step)[1]) / (
            2 * step
        )
        assert pair_curvature(pot, "O2-", other, r) == pytest.approx(slope, rel=1e-5, abs=1e-6)
    assert not pair_curvature(pot, "Zr4+", "La3+", r).any()


def test_a_smaller_number_of_digits_and_another_origin_change_little():
    atoms = rattled("Li2O")
    moved = atoms.copy()
    moved.positions += [3.3, -7.7, 25.1]
    plain = pair_hessian(atoms)
    assert pair_hessian(moved) == pytest.approx(plain, abs=1e-7)
    assert pair_hessian(atoms, dtype=np.float32) == pytest.approx(plain, abs=1e-4)


def test_a_learned_potential_has_no_closed_form():
    with pytest.raises(InputError, match=r"'learned' has no second derivatives in closed form"):
        pair_hessian(lithia(), potential="learned")
    with pytest.raises(InputError, match=r"coulomb: 'wolf'"):
        pair_hessian(lithia(), coulomb="wolf")


def test_displaced_models_come_in_order():
    models = list(displaced(lithia(), 0.1))
    assert len(models) == 72
    moves = np.array([model.positions - lithia().positions for model in models[:4]])
    assert moves[:, 0] == pytest.approx(np.array([[0.1, 0, 0], [-0.1, 0, 0], [0, 0.1, 0], [0, -0.1, 0]]))


def test_dynamical_matrix_of_lammps(tmp_path):
    """LAMMPS differentiates its own forces; frequencies agree to 0.01 cm⁻¹."""
    atoms = rattled("Li2O", 0.02)
    labels = ion_labels(atoms)
    system = System(potential("du-teter"), tuple(dict.fromkeys(labels)))
    coulomb = pppm_coulomb(accuracy=1e-7)
    system.write_tables(tmp_path, coulomb)
    system.write_data(atoms, labels, tmp_path / "model.data")
    setup = list(system.setup("model.data", coulomb))
    setup.insert(
        next(k for k, line in enumerate(setup) if line.startswith("read_data")), "atom_modify map yes"
    )
    commands = (*setup, "dynamical_matrix all regular 1e-3 file matrix.dat.part")
    run_job(tmp_path, [Segment("matrix", commands, "matrix.dat", 1.0, "dynamical matrix")])
    # LAMMPS writes it by rows in 1/(eV/Å² u) of its own units.
    matrix = np.loadtxt(tmp_path / "matrix.dat").reshape(3 * len(atoms), -1)
    ours = dynamical_matrix(pair_hessian(atoms), atoms.get_masses())
    scale = np.trace(matrix) / np.trace(ours)
    theirs = dense_modes((matrix + matrix.T) / (2 * scale)).frequencies
    assert scale == pytest.approx(1.0, rel=1e-5)
    assert dense_modes(ours).frequencies[3:] == pytest.approx(theirs[3:], abs=0.01)
