"""The teacher's own dynamics."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from alzmodel.learning.liquid import SAVED_STEPS, teacher_liquid


def test_a_run_that_was_cut_goes_on_as_the_whole_one(tmp_path):
    atoms = bulk("Cu", cubic=True).repeat(2)
    settings = {"temperature": 1000.0, "timestep": 2.0, "seed": 3}
    whole, pressures = teacher_liquid(atoms, EMT(), tmp_path / "whole", time=80.0, **settings)
    teacher_liquid(atoms, EMT(), tmp_path / "cut", time=40.0, **settings)
    cut, again = teacher_liquid(atoms, EMT(), tmp_path / "cut", time=80.0, **settings)
    assert len(whole) == len(cut) == 80 / (2 * SAVED_STEPS)
    assert np.allclose(pressures, again, atol=1e-6)
    for one, other in zip(whole, cut, strict=True):
        assert np.allclose(one.positions, other.positions, atol=1e-6)


def test_heat_alone_presses(tmp_path):
    """Nearly free atoms: p = N k T / V, with the three degrees of freedom at rest."""
    atoms = bulk("Cu", cubic=True).repeat(2)
    atoms.set_cell(5 * atoms.cell, scale_atoms=True)
    _, pressures = teacher_liquid(atoms, EMT(), tmp_path, temperature=3000.0, time=20.0, timestep=0.01)
    ideal = (len(atoms) - 1) * 8.617333e-5 * 3000 / atoms.get_volume() * 160.21766
    assert pressures[0] == pytest.approx(ideal, rel=0.25)
    assert ideal > 0
