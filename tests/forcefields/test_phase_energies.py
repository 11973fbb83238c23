"""Energies with nothing cut off: against a plain lattice sum, and their convergence."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy.integrate import quad

from alzmodel.composition import ion_labels
from alzmodel.crystals import crystal, supercell
from alzmodel.errors import InputError
from alzmodel.forcefields.phase_energies import dispersion_tail, phase_energy, short_range_energy
from alzmodel.forcefields.potentials import potential


def plain_sum(atoms, name, reach):
    """Buckingham energy of every pair nearer than `reach`, image by image; no pair may reach into the splice."""
    ions = potential(name).ions
    labels = ion_labels(atoms)
    heights = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    numbers = [range(-int(n), int(n) + 1) for n in np.ceil(reach / heights) + 1]
    shifts = np.array(list(product(*numbers))) @ atoms.cell.array
    total = 0.0
    for i, first in enumerate(labels):
        for j, second in enumerate(labels):
            if "O2-" not in (first, second):
                continue
            ion = ions[second if first == "O2-" else first]
            r = np.linalg.norm(atoms.positions[j] - atoms.positions[i] + shifts, axis=1)
            r = r[(r > 1e-6) & (r < reach)]
            assert r.min() > 2.0
            total += 0.5 * (ion.A * np.exp(-r / ion.rho) - ion.C / r**6).sum()
    return total


@pytest.mark.parametrize("name", ["du-teter", "grimes"])
def test_energy_agrees_with_a_lattice_sum_to_infinity(name):
    atoms = crystal("La2O3")
    atoms.rattle(0.03, seed=2)
    found = phase_energy(atoms, potential=name)
    pot, labels = potential(name), ion_labels(atoms)
    coulomb = found.shifted - short_range_energy(atoms, labels, pot)
    assert found.total - coulomb == pytest.approx(plain_sum(atoms, name, 80.0), abs=5 * 1e-4)
    assert found.per_atom == found.total / 5
    assert found.tail < 0


@pytest.mark.parametrize("phase", ["La2O3", "La2Zr2O7", "Li2O"])
def test_the_tail_makes_the_cut_off_irrelevant(phase):
    atoms, pot = crystal(phase), potential("du-teter")
    labels = ion_labels(atoms)

    def per_atom(cutoff, tail=True):
        energy = short_range_energy(atoms, labels, pot, cutoff)
        beyond = dispersion_tail(pot, Counter(labels), atoms.cell.volume, cutoff)
        return (energy + (beyond if tail else 0.0)) / len(atoms)

    far = per_atom(28.0)
    for cutoff in (14.0, 16.0, 20.0):
        assert per_atom(cutoff) == pytest.approx(far, abs=2e-4)
    assert per_atom(14.0, tail=False) - far > 1e-3


def test_the_tail_is_the_integral_of_the_dispersion_and_grows_with_the_cell():
    pot = potential("du-teter")
    counts, volume, cutoff = Counter({"La3+": 4, "O2-": 6}), 160.0, 12.0
    integral = 0.0
    for pairs, dispersion in ((4 * 6, pot.ion("La3+").C), (0.5 * 6 * 6, pot.ion("O2-").C)):
        integral -= pairs / volume * dispersion * quad(lambda r: 4 * np.pi * r**-4, cutoff, np.inf)[0]
    assert dispersion_tail(pot, counts, volume, cutoff) == pytest.approx(integral)
    doubled = Counter({label: 2 * n for label, n in counts.items()})
    assert dispersion_tail(pot, doubled, 2 * volume, cutoff) == pytest.approx(2 * integral)


def test_a_supercell_has_the_same_energy_per_atom():
    atoms = crystal("La2O3")
    again = supercell(atoms, (2, 2, 1))
    assert phase_energy(again).per_atom == pytest.approx(phase_energy(atoms).per_atom, abs=5e-5)


def test_short_cut_offs_are_refused():
    for cutoff in (7.9, 0.0, np.nan, np.inf):
        with pytest.raises(InputError, match=r"cut-off: .*allowed: at least 8 Å"):
            phase_energy(crystal("La2O3"), cutoff=cutoff)
