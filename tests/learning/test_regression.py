"""The fit gives a potential back that made the labels, by the pair style that will run it."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.forcefields import potentials
from alzmodel.forcefields.static import single_points
from alzmodel.learning.regression import (
    Basis,
    base_targets,
    load_normal,
    normal_equations,
    save_normal,
    solve,
    write_potential,
)

SMALL = Basis(rcut=4.5, radial=(4, 2, 0), angular=(1, 0), coefficients=228)
CARD = {
    "title": "for a test",
    "base": "du-teter",
    "base_share": 0.5,
    "core": {f"{a}-{b}": 1.0 for i, a in enumerate(SMALL.elements) for b in SMALL.elements[i:]},
    "reach": SMALL.rcut,
    "ions": ["Li+", "La3+", "Zr4+", "O2-"],
}


@pytest.fixture
def truth(tmp_path, monkeypatch):
    """A potential with random coefficients, and displaced crystals that it labelled."""
    rng = np.random.default_rng(1)
    coefficients = rng.normal(0, 0.02, SMALL.coefficients)
    write_potential(tmp_path / "truth", SMALL, coefficients, CARD)
    made = potentials.learned_potential(tmp_path / "truth", potentials.POTENTIALS)
    table = MappingProxyType({**potentials.POTENTIALS, "truth": made})
    monkeypatch.setattr(potentials, "POTENTIALS", table)
    models = []
    for phase, number in (("ZrO2-cubic", 4), ("Li2O", 3), ("La2O3", 5), ("La2Zr2O7", 1)):
        for _ in range(number):
            atoms = crystal(phase)
            atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(0, 0.02, (3, 3))), scale_atoms=True)
            atoms.positions += rng.normal(0, 0.08, atoms.positions.shape)
            models.append(atoms)
    for atoms, point in zip(models, single_points(models, potential="truth"), strict=True):
        atoms.calc = SinglePointCalculator(
            atoms,
            energy=point.energy,
            forces=point.forces,
            stress=point.stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] * GPa,
        )
    return models, coefficients


def test_the_fit_gives_back_the_potential_that_made_the_labels(truth):
    models, _ = truth
    halves = [normal_equations(SMALL, part, base_targets(part)) for part in (models[::2], models[1::2])]
    values, residual = solve(halves[0] + halves[1], np.array([1.0, -0.5]), ridge=1e-12)
    # In units of 12 % of the force or 0.07 eV/Å, 2 meV an atom, 0.3 GPa: the mesh and the strain steps are left.
    assert residual < 0.02
    assert solve(halves[0] + halves[1], np.array([1.0, -0.4]))[1] > 5 * residual
    assert np.isfinite(values).all()


def test_normal_equations_are_kept_with_the_names_of_their_models(truth, tmp_path):
    models, _ = truth
    normal = normal_equations(SMALL, models[:2], base_targets(models[:2]))
    save_normal(tmp_path / "normal.npz", ["a", "b"], normal)
    names, again = load_normal(tmp_path / "normal.npz")
    assert names == ["a", "b"]
    assert again.gram == pytest.approx(normal.gram)
    assert again.rows == normal.rows
    assert load_normal(tmp_path / "missing.npz") == ([], None)


def test_an_element_without_descriptors_is_refused():
    atoms = crystal("MgO")
    atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=np.zeros((8, 3)), stress=np.zeros(6))
    with pytest.raises(InputError, match="element: Mg"):
        normal_equations(SMALL, [atoms], base_targets([atoms]))
