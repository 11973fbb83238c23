"""The learned potential as it ships."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from alzmodel.composition import glass_composition
from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.forcefields.calculators import calculator_of
from alzmodel.forcefields.known_range import range_distances
from alzmodel.forcefields.potentials import WALL, potential
from alzmodel.forcefields.static import single_points
from alzmodel.models.melt_quench import estimate_seconds, input_hash
from alzmodel.models.protocols import for_potential, protocol_of


def displaced(phase, seed=0, size=0.05):
    atoms = crystal(phase)
    atoms.positions += np.random.default_rng(seed).normal(0, size, atoms.positions.shape)
    return atoms


def test_forces_and_stress_are_the_slopes_of_the_energy():
    atoms = displaced("La2O3").repeat((2, 2, 1))
    h = 2e-3
    models = [atoms]
    for index in (0, 3):
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[index, 1] += sign * h
            models.append(moved)
    for sign in (1, -1):
        models.append(atoms.copy())
        models[-1].set_cell(atoms.cell.array * (1 + sign * h), scale_atoms=True)
    point, *others = single_points(models, potential="learned")
    for number, index in enumerate((0, 3)):
        slope = (others[2 * number].energy - others[2 * number + 1].energy) / (2 * h)
        assert -slope == pytest.approx(point.forces[index, 1], abs=5e-3)
    slope = (others[4].energy - others[5].energy) / (2 * h)
    assert -slope / (3 * atoms.get_volume()) * 160.21766 == pytest.approx(point.pressure, abs=0.1)


def test_the_order_of_the_atoms_and_missing_elements_do_not_matter():
    atoms = displaced("ZrO2")
    order = np.random.default_rng(1).permutation(len(atoms))
    one, other = single_points([atoms, atoms[order]], potential="learned")
    assert other.energy == pytest.approx(one.energy, abs=1e-6)
    assert other.forces == pytest.approx(one.forces[order], abs=1e-6)


def test_a_crystal_is_in_range_and_a_torn_one_is_not():
    atoms = displaced("La2Zr2O7", size=0.02)
    torn = displaced("La2Zr2O7", size=0.6)
    near, far = range_distances([atoms, torn], "learned")
    assert near.max() < 1.5
    assert far.max() > 2


def test_the_alias_is_the_recommended_potential_and_other_ions_are_refused():
    assert potential("learned").many_body is not None
    assert potential("learned") is potential(potential("learned").name)
    with pytest.raises(InputError, match="Al3"):
        potential("learned").ion("Al3+")
    made = calculator_of("learned")
    assert made.provenance["fingerprint"] == potential("learned").many_body.fingerprint


def test_the_wall_is_smooth_and_stands_only_below_its_radius():
    added = potential("learned").many_body
    radius = added.core["Zr-O"]
    r = np.array([radius - 0.2, radius, radius + 0.1])
    energy, force = added.wall("O2-", "Zr4+", r)
    assert energy == pytest.approx([WALL * 0.008, 0, 0])
    assert force == pytest.approx([3 * WALL * 0.04, 0, 0])


def test_cations_that_meet_have_a_stiffer_wall_and_it_counts_in_the_fingerprint():
    added = potential("learned").many_body
    r = np.array([added.core["La-Zr"] - 0.1])
    energy, force = added.wall("La3+", "Zr4+", r)
    assert energy == pytest.approx([3000 * 0.001])
    assert force == pytest.approx([3 * 3000 * 0.01])
    assert dataclasses.replace(added, stiff={}).fingerprint != added.fingerprint


def test_a_learned_potential_moves_in_steps_of_a_femtosecond():
    slow, fast = protocol_of("quick"), for_potential(protocol_of("quick"), potential("learned"))
    assert (slow.timestep, fast.timestep) == (0.002, 0.001)
    assert next(one.steps for one in fast.stages()) == 2 * slow.stages()[0].steps
    assert for_potential(slow, potential("du-teter")) is slow
    short = protocol_of({"timestep": 0.0005})
    assert for_potential(short, potential("learned")) is short
    assert estimate_seconds(200, "quick", "learned") == estimate_seconds(200, fast, "learned")


def test_hashes_of_pair_potential_glasses_are_those_of_before():
    made = input_hash(glass_composition(3.0), 200, seed=1)
    assert made == "a0c07312838305e94644a2f0e38200b1045ad30c2c047e005667770c5ba8bbb9"
    assert input_hash(glass_composition(3.0), 200, seed=1, potential="learned") != made
