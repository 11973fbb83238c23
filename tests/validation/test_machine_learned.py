"""Machine-learned potentials with the weights of their wheels: the published cell of pyrochlore, and a small glass."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.composition import glass_composition
from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.forcefields.calculators import calculator_of, quietly
from alzmodel.forcefields.refinement import refine
from alzmodel.models.melt_quench import melt_quench
from alzmodel.neighbours import neighbour_list

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module", params=["7net-mf-0", "chgnet"])
def machine_learned(request):
    pytest.importorskip({"7net-mf-0": "sevenn", "chgnet": "chgnet"}[request.param])
    return calculator_of(request.param, {"device": "cpu"})


@pytest.mark.parametrize(("name", "a"), [("7net-mf-0", 10.808), ("chgnet", 10.897)])
def test_cell_of_pyrochlore_is_found_from_afar(name, a):
    """Where the pressures of four fixed cells pass through zero; measured 10.805 Å.

    The cell comes 2 % too large. A pressure of 0.1 GPa, where the relaxation may end, is 0.002 Å.
    """
    pytest.importorskip({"7net-mf-0": "sevenn", "chgnet": "chgnet"}[name])
    start = crystal("La2Zr2O7", lattice_parameter=11.0)
    found = refine(start, calculator_of(name, {"device": "cpu"}), fmax=0.01, cell="full")
    assert found.converged
    assert found.atoms.cell.lengths() == pytest.approx([a] * 3, abs=0.005)
    assert found.atoms.cell.angles() == pytest.approx([90] * 3, abs=0.05)


def test_stress_is_the_slope_of_the_energy(machine_learned):
    # Squeezed by 3 %, where the pressure is 18 GPa.
    atoms = crystal("La2O3", lattice_parameter=0.97 * crystal("La2O3").cell.lengths()[0])
    atoms.rattle(0.05, seed=1)
    atoms.calc = machine_learned.calculator
    h, ends = 2e-3, []
    with quietly():
        stress = atoms.get_stress(voigt=False)
        for sign in (1, -1):
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array * (1 + sign * h), scale_atoms=True)
            strained.calc = machine_learned.calculator
            ends.append(strained.get_potential_energy())
    assert (ends[0] - ends[1]) / (2 * h) / atoms.get_volume() == pytest.approx(np.trace(stress), rel=0.005)


def test_a_small_glass_keeps_its_units_and_loses_energy(machine_learned):
    glass = melt_quench(glass_composition(3.0), 96, seed=1, protocol="quick").model
    found = refine(glass, machine_learned, fmax=0.15, steps=100)
    assert found.converged
    assert found.energy_after < found.energy_before
    assert 0.9 < found.density / found.density_before < 1.1
    symbols = np.array(found.atoms.get_chemical_symbols())
    bonds = neighbour_list(found.atoms, 2.95, of=symbols == "Zr", among=symbols == "O")
    assert 5.5 < len(bonds) / (symbols == "Zr").sum() < 7
    assert 2.05 < bonds.distance.mean() < 2.2
    assert found.provenance["calculator"]["parameters"]["device"] == "cpu"


def test_elements_without_training_are_named(machine_learned):
    atoms = crystal("MgO")
    atoms.numbers[0] = 100
    with pytest.raises(InputError, match=rf"element: Fm is unknown to {machine_learned.name}"):
        refine(atoms, machine_learned)
