"""Vibrations of whole models: sum rules, refusals, both methods."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from alzmodel.crystals import crystal, supercell
from alzmodel.dynamics.harmonic import HarmonicSettings, harmonic, memory_needed
from alzmodel.dynamics.symmetry import primitive_cell
from alzmodel.dynamics.vibrations import vibrations
from alzmodel.errors import InputError
from alzmodel.forcefields.calculators import calculator_of
from tests.dynamics.models import lithia, pyrochlore


@pytest.fixture(scope="module", autouse=True)
def no_names():
    """Names of symmetries take seconds, and test_symmetry looks at them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "phonopy", None)
        yield


@pytest.fixture(scope="module")
def dense():
    return vibrations(pyrochlore(), HarmonicSettings(resolution=20.0))


def test_densities_add_up(dense):
    density = dense.vdos
    assert np.trapezoid(density.total, density.grid) == pytest.approx(3 * 88, rel=1e-6)
    assert sum(density.by_element.values()) == pytest.approx(density.total)
    for element, n in (("Zr", 16), ("La", 16), ("O", 56)):
        assert np.trapezoid(density.by_element[element], density.grid) == pytest.approx(3 * n, rel=1e-6)


def test_units_and_modes_of_a_crystal(dense):
    assert dense.populations["ZrO6"].to_dict() == {"n": 16, "n_centres": 16}
    unit = dense.units["ZrO6 A1g"]
    assert unit.rms_cm == pytest.approx(794, abs=1)
    assert unit.sd_units < 0.01
    assert np.trapezoid(unit.spectrum, dense.vdos.grid) == pytest.approx(1.0, rel=1e-6)
    second = np.trapezoid(unit.spectrum * dense.vdos.grid**2, dense.vdos.grid)
    assert np.sqrt(second) == pytest.approx(unit.rms_cm, abs=0.1)
    assert sum(one.degeneracy for one in dense.modes) == 63
    assert dense.imaginary == ()
    assert dense.notes == ()


def test_moments_agree_with_all_modes(dense):
    moments = vibrations(pyrochlore(), HarmonicSettings(resolution=20.0, method="kpm"))
    assert moments.participation is None
    assert np.trapezoid(moments.vdos.total, moments.vdos.grid) == pytest.approx(264, rel=1e-6)
    for name, unit in dense.units.items():
        assert moments.units[name].rms_cm == pytest.approx(unit.rms_cm, abs=0.01)
    length = len(dense.vdos.grid)
    centroids = [
        np.average(one.vdos.grid[:length], weights=one.vdos.total[:length]) for one in (dense, moments)
    ]
    # Sixteen random vectors of 88 atoms.
    assert centroids[1] == pytest.approx(centroids[0], abs=15)


def test_a_sparse_matrix_gives_what_the_dense_one_gives():
    """Moments of the damped sum, and unit frequencies against its modes."""
    settings = HarmonicSettings(resolution=20.0, coulomb="dsf", method="kpm")
    found = harmonic(pyrochlore(), settings)
    assert found.matrix.nnz <= 264**2
    assert found.hessian is None
    all_modes = vibrations(pyrochlore(), replace(settings, method="dense"), units=True)
    moments = vibrations(pyrochlore(), settings)
    for name, unit in all_modes.units.items():
        assert moments.units[name].rms_cm == pytest.approx(unit.rms_cm, abs=0.01)
        assert moments.units[name].sd_units == pytest.approx(unit.sd_units, abs=0.05)
    # One probe is exact: the vector itself.
    grid = all_modes.vdos.grid
    vector = np.random.default_rng(2).standard_normal((264, 1))
    modes = harmonic(pyrochlore(), replace(settings, method="dense")).spectra
    dense = modes.spectrum(vector, grid, 20.0)
    assert found.spectra.spectrum(vector, grid, 20.0) == pytest.approx(dense, abs=1e-3 * dense.max())


def test_memory_of_moments():
    """What the 5000 atoms of a library glass may take: 3 GB with the Ewald sum, less than 1 GB when it is damped."""
    assert memory_needed(5022, HarmonicSettings()) < 3e9
    assert memory_needed(5022, HarmonicSettings(coulomb="dsf")) < 1.2e9
    assert memory_needed(5022, HarmonicSettings(method="dense")) > 7e9


def test_too_few_units_of_what_is_no_crystal_get_no_value():
    atoms = pyrochlore().copy()
    atoms.info["kind"] = "glass"
    found = vibrations(atoms)
    assert found.modes is None
    assert found.units["ZrO6 A1g"].rms_cm is None
    assert found.units["ZrO6 A1g"].spectrum is None
    assert found.units["ZrO6 A1g"].n == 16
    assert any("too few for a value, 30 are asked for: ZrO6 (16 of 16)" in note for note in found.notes)


def test_a_model_in_no_minimum_is_refused_with_the_command_that_helps():
    atoms = pyrochlore().copy()
    atoms.positions[3] += 0.01
    with pytest.raises(InputError) as caught:
        vibrations(atoms, source="models/glass.extxyz")
    words = str(caught.value)
    assert "largest force" in words
    assert "'alzmodel refine models/glass.extxyz --calculator du-teter --cell fixed --fmax 0.005 -o" in words


def test_unstable_modes_are_listed_with_their_atoms():
    """Rock salt of zirconium and oxygen with a cell far too large: held by symmetry, stable in no direction."""
    atoms = supercell(crystal("MgO"), (2, 1, 1))
    atoms.set_cell(atoms.cell * 1.35, scale_atoms=True)
    found = vibrations(atoms)
    unstable = [one for one in found.imaginary if one.cm < -5]
    assert len(unstable) > 3
    assert all(after.cm >= before.cm for before, after in pairwise(found.imaginary))
    assert any(
        "imaginary modes below -5 cm⁻¹" in note and unstable[0].elements[0] in note for note in found.notes
    )
    assert np.trapezoid(found.vdos.total, found.vdos.grid) == pytest.approx(3 * len(atoms), rel=1e-3)


def test_masses_and_what_is_refused():
    light = vibrations(lithia(), HarmonicSettings(masses={"Li": 6.015}))
    plain = vibrations(lithia())
    assert light.modes[-1].cm / plain.modes[-1].cm == pytest.approx(np.sqrt(6.94 / 6.015), rel=1e-6)
    for settings, words in (
        ({"masses": {"Zr": 90.0}}, "mass of Zr: not in the model"),
        ({"masses": {"Li": -1.0}}, "mass of Li: -1 u"),
        ({"resolution": 0.0}, "resolution: 0 cm⁻¹"),
        ({"method": "lanczos"}, "method: 'lanczos'"),
        ({"coulomb": "wolf"}, "coulomb: 'wolf'"),
        ({"potential": "none"}, "potential: 'none' is unknown"),
    ):
        with pytest.raises(InputError, match=words):
            vibrations(lithia(), HarmonicSettings(**settings))
    cluster = lithia().copy()
    cluster.pbc = False
    with pytest.raises(InputError, match="periodic"):
        vibrations(cluster)


def test_damped_sum_lies_near_the_ewald_sum():
    cells = [
        harmonic(primitive_cell(pyrochlore()), HarmonicSettings(coulomb=one)) for one in ("ewald", "dsf")
    ]
    difference = cells[0].spectra.frequencies - cells[1].spectra.frequencies
    assert 0.1 < np.sqrt(np.mean(difference**2)) < 5


def test_a_calculator_gives_what_the_closed_form_gives():
    atoms = primitive_cell(lithia())
    settings = HarmonicSettings(method="dense")
    closed = harmonic(atoms, settings)
    by_forces = harmonic(atoms, settings, calculator=calculator_of("du-teter"))
    assert by_forces.derivatives == "differences of forces"
    assert by_forces.spectra.frequencies[3:] == pytest.approx(closed.spectra.frequencies[3:], abs=0.5)


def test_any_calculator_of_ase_will_do():
    from ase.build import bulk

    copper = bulk("Cu", cubic=True, a=3.5895)
    found = vibrations(copper, calculator=calculator_of("emt"))
    assert found.units == {}
    assert found.potential == "emt"
    assert found.modes == ()
    assert 150 < found.participation["cm"][-1] < 350
