"""Crystals relaxed with the potential, and displaced by heat or at random."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ase.units import kB

from alzmodel.crystals import crystal, nanocrystal, supercell
from alzmodel.errors import InputError
from alzmodel.forcefields.static import single_point
from alzmodel.models.crystal_models import (
    displaced,
    relaxed_cell,
    relaxed_model,
    rms_displacements,
    thermal_crystal,
    thermal_unit,
)
from alzmodel.pyrochlore import off_stoichiometric_pyrochlore

T = 100.0


def test_relaxed_cells_are_at_rest_and_say_so():
    cell = relaxed_cell("MgO")
    point = single_point(cell)
    assert abs(point.pressure) < 0.05
    assert np.abs(point.forces).max() < 1e-2
    provenance = cell.info["provenance"]
    assert provenance["lattice_parameters"][0] == pytest.approx(cell.cell.lengths()[0], abs=1e-5)
    assert provenance["published_a"] == pytest.approx(crystal("MgO").cell.lengths()[0])
    assert provenance["lattice_relaxed_with"] == "du-teter"
    cell.positions += 1
    assert relaxed_cell("MgO").positions[0] == pytest.approx(crystal("MgO").positions[0], abs=0.01)
    with pytest.raises(InputError, match="no parameters"):
        relaxed_cell("Li2CO3")


def test_off_stoichiometric_cells_relax_too():
    before = off_stoichiometric_pyrochlore(1, -0.25, seed=1)
    after = relaxed_model(before)
    assert after.cell.lengths()[0] != pytest.approx(before.cell.lengths()[0], abs=0.01)
    assert (after.numbers == before.numbers).all()
    assert abs(single_point(after).pressure) < 0.1
    assert after.info["provenance"]["excess_la"] == -0.25
    assert after.info["provenance"]["lattice_relaxed_with"] == "du-teter"


def harmonic_rms(atoms):
    """Classical displacements from the force constants of the same cell, by finite differences and translations."""
    n, step = len(atoms), 0.01
    constants = np.zeros((n, 3, n, 3))
    scaled = atoms.get_scaled_positions()
    for symbol in ("Mg", "O"):
        mine = np.flatnonzero(atoms.symbols == symbol)
        rows = []
        for axis in range(3):
            forces = []
            for sign in (1, -1):
                moved = atoms.copy()
                moved.positions[mine[0], axis] += sign * step
                forces.append(single_point(moved).forces)
            rows.append(-(forces[0] - forces[1]) / (2 * step))
        for other in mine:
            shifted = (scaled + scaled[other] - scaled[mine[0]]) % 1
            gap = shifted[:, None] - scaled[None]
            target = np.linalg.norm(gap - np.round(gap), axis=2).argmin(axis=1)
            for axis in range(3):
                constants[other, axis, target] = rows[axis]
    matrix = constants.reshape(3 * n, 3 * n)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    assert values[3:].min() > 0.1
    # Equipartition: each mode of stiffness k has a mean square of kT / k; the three translations are none.
    squares = (vectors[:, 3:] ** 2 / values[3:] * kB * T).sum(axis=1).reshape(n, 3).mean(axis=1)
    return {symbol: math.sqrt(squares[atoms.symbols == symbol].mean()) for symbol in ("Mg", "O")}


@pytest.mark.slow
def test_molecular_dynamics_displaces_as_the_force_constants_say():
    magnesia = supercell(relaxed_cell("MgO"), 2)
    run = thermal_crystal(magnesia, T, n_frames=40, seed=2)
    expected = harmonic_rms(magnesia)
    for symbol, u in run.rms.items():
        assert u == pytest.approx(expected[symbol], rel=0.08)


def test_frames_of_molecular_dynamics_say_what_they_are():
    cell = relaxed_cell("MgO")
    run = thermal_crystal(cell, 300.0, n_frames=3, seed=2)
    assert len(run.frames) == 3
    for frame in run.frames:
        assert frame.cell.lengths() == pytest.approx(cell.cell.lengths())
        assert (frame.numbers == cell.numbers).all()
        assert frame.get_initial_charges().sum() == 0
    record = run.frames[-1].info["provenance"]["displacements"]
    assert record["method"] == "molecular dynamics, classical"
    assert record["temperature"] == 300.0
    assert record["cell"] == "fixed"
    assert record["rms_per_axis"] == run.rms == rms_displacements(cell, run.frames)
    assert record["b_factor"]["O"] == pytest.approx(8 * math.pi**2 * run.rms["O"] ** 2)
    assert all(0.02 < u < 0.12 for u in run.rms.values())
    again = thermal_crystal(cell, 300.0, n_frames=1, seed=2).frames[0]
    assert again.positions == pytest.approx(run.frames[0].positions, abs=1e-6)


def test_displacements_are_measured_in_a_strained_and_drifting_cell():
    sites = supercell(crystal("MgO"), 2)
    rng = np.random.default_rng(1)
    frames = []
    for _ in range(50):
        frame = sites.copy()
        frame.set_cell(sites.cell.array * 1.01, scale_atoms=True)
        frame.positions += rng.normal(scale=0.07, size=(len(sites), 3)) + rng.normal(size=3)
        frame.wrap()
        frames.append(frame)
    # One atom's share of the drift goes with it.
    assert rms_displacements(sites, frames) == pytest.approx({"Mg": 0.07, "O": 0.07}, rel=0.03)


@pytest.mark.slow
def test_a_free_cell_grows_with_heat_and_alike_axes_stay_alike():
    cell = relaxed_cell("MgO")
    hot, rms = thermal_unit(cell, 1500.0, free_cell=True, seed=1)
    lengths = hot.cell.lengths()
    assert lengths == pytest.approx([lengths[0]] * 3)
    # Oxides expand by some 1e-5 per K.
    assert 0.008 < lengths[0] / cell.cell.lengths()[0] - 1 < 0.035
    assert hot.info["provenance"]["lattice_at"] == "1500 K"
    assert hot.info["provenance"]["lattice_parameters"][0] == pytest.approx(lengths[0], abs=1e-5)
    assert 0.08 < rms["O"] < 0.25
    assert hot.get_scaled_positions() == pytest.approx(cell.get_scaled_positions())


def test_random_displacements_have_the_asked_rms_by_element():
    sphere = nanocrystal("La2Zr2O7", 60.0, seed=1)
    asked = {"La": 0.08, "O": 0.11}
    moved = displaced(sphere, asked, seed=3)
    shift = moved.positions - sphere.positions
    for symbol in ("La", "Zr", "O"):
        mine = shift[sphere.symbols == symbol]
        error = 4 / math.sqrt(2 * mine.size)
        assert np.sqrt((mine**2).mean(axis=0)) == pytest.approx([asked.get(symbol, 0.0)] * 3, rel=2 * error)
        assert mine.mean(axis=0) == pytest.approx([0, 0, 0], abs=error * asked.get(symbol, 0.0) + 1e-12)
    assert moved.get_initial_charges().sum() == 0
    record = moved.info["provenance"]["displacements"]
    assert record["method"] == "isotropic Gaussian, uncorrelated"
    assert record["rms_per_axis"] == asked
    assert record["b_factor"]["La"] == pytest.approx(0.5053, abs=1e-3)
    assert "displacements" not in sphere.info["provenance"]
    assert (displaced(sphere, asked, seed=3).positions == moved.positions).all()


def test_bad_temperatures_and_displacements():
    cell = crystal("MgO")
    for bad in (0.0, -5.0, math.nan, 1e4):
        with pytest.raises(InputError, match=r"temperature: .* K; allowed: 1 to 3000 K"):
            thermal_crystal(cell, bad)
    with pytest.raises(InputError, match="number of frames: 0"):
        thermal_crystal(cell, 300.0, n_frames=0)
    with pytest.raises(InputError, match="displacement: La is not in the model; allowed: Mg, O"):
        displaced(cell, {"La": 0.1}, seed=1)
    for bad in (-0.1, 0.6, math.nan):
        with pytest.raises(InputError, match=r"displacement of O: .*; allowed: 0 to 0.5 Å"):
            displaced(cell, {"O": bad}, seed=1)
