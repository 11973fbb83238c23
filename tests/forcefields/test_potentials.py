"""The parameter tables and the splice that keeps a Buckingham pair from collapsing."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.forcefields.potentials import POTENTIALS, potential, provisional_ions, splice
from alzmodel.ions import IONS

CHARGES = {"du-teter": 0.6, "grimes": 1.0, "learned-1": 0.6 * 0.3**0.5, "learned-2": 0.6 * 0.3**0.5}
EVERY_ION = [(name, label) for name, pot in POTENTIALS.items() for label in pot.ions]


def test_splice_of_oxygen_is_the_published_one():
    # Deng & Du 2019 list B 46.34, D -0.3275, n 3.424 for O-O.
    oxygen = potential("du-teter").ion("O2-")
    branch = splice(oxygen.A, oxygen.rho, oxygen.C)
    assert (branch.B, branch.D, branch.n) == pytest.approx((46.34, -0.3275, 3.424), rel=2e-4)
    assert branch.r0 == pytest.approx(1.9055, abs=1e-4)


@pytest.mark.parametrize(("label", "r0"), [("La3+", 1.3014), ("Zr4+", 1.2240)])
def test_splice_distance_of_cations(label, r0):
    ion = potential("du-teter").ion(label)
    assert splice(ion.A, ion.rho, ion.C).r0 == pytest.approx(r0, abs=1e-4)


@pytest.mark.parametrize(("name", "label"), EVERY_ION)
def test_energy_and_its_two_derivatives_are_continuous_and_repulsive_inside(name, label):
    pot = potential(name)
    ion = pot.ion(label)
    branch = splice(ion.A, ion.rho, ion.C)
    if branch is None:
        assert ion.C == 0
        return
    h = 1e-6
    r = branch.r0 + np.array([-2 * h, -h, h, 2 * h])
    energy, force = pot.short_range(label, "O2-", r)
    assert energy[1] - energy[2] == pytest.approx(2 * h * force[1], rel=1e-3)
    assert force[1] == pytest.approx(force[2], rel=1e-3)
    stiffness = (force[0] - force[1]) / h, (force[2] - force[3]) / h
    assert stiffness[0] == pytest.approx(stiffness[1], rel=1e-3)
    inside = np.linspace(0.3, branch.r0, 300)
    assert (np.diff(pot.short_range(label, "O2-", inside)[1]) < 0).all()


@pytest.mark.parametrize(("name", "label"), EVERY_ION)
def test_short_range_force_is_the_slope_of_the_energy_and_ends_smoothly(name, label):
    pot = potential(name)
    r = np.linspace(0.8, 8.5, 2001)
    h = 1e-5
    slope = (pot.short_range(label, "O2-", r + h)[0] - pot.short_range(label, "O2-", r - h)[0]) / (2 * h)
    assert -slope == pytest.approx(pot.short_range(label, "O2-", r)[1], rel=1e-5, abs=1e-6)
    energy, force = pot.short_range(label, "O2-", np.array([8.0 - 1e-9, 8.0, 9.0]))
    assert np.abs([*energy, *force]).max() < 1e-9


def test_cations_feel_no_short_range_force():
    energy, force = potential("du-teter").short_range("La3+", "Zr4+", np.array([1.0, 3.0]))
    assert not energy.any()
    assert not force.any()


@pytest.mark.parametrize(("name", "label"), EVERY_ION)
def test_ions_agree_with_the_composition_table(name, label):
    ion = potential(name).ion(label)
    assert (ion.element, ion.valence) == (IONS[label].element, IONS[label].valence)
    assert ion.charge == pytest.approx(CHARGES[name] * ion.valence)
    assert ion.sources


def test_provisional_ions_are_marked():
    pot = potential("du-teter")
    assert pot.provisional(["Li+", "Ga3+", "Ta5+", "Ce3+", "Ce4+"]) == ("Ga3+", "Ta5+", "Ce4+")
    assert potential("grimes").provisional(["La3+", "Zr4+"]) == ("Zr4+",)


def test_the_mark_of_provisional_ions_is_found_at_any_depth():
    tantalum = potential("du-teter").provenance(["Li+", "Ta5+", "O2-", "Li+"])
    assert tantalum["ions"] == ["Li+", "Ta5+", "O2-"]
    assert tantalum["provisional"] == ["Ta5+"]
    zirconium = {"potential": potential("grimes").provenance(["La3+", "Zr4+"])}
    made_of_two = {"matrix": {"potential": tantalum}, "nuclei": [zirconium, zirconium], "seed": 1}
    assert provisional_ions(made_of_two, None) == ("Ta5+", "Zr4+")
    assert provisional_ions({"potential": potential("du-teter").provenance(["La3+"])}) == ()


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match=r"'reax'.*allowed: du-teter, grimes"):
        potential("reax")
    with pytest.raises(InputError, match=r"Hf4\+.*'grimes'.*allowed: O2-"):
        potential("grimes").ion("Hf4+")
    with pytest.raises(InputError, match="no repulsive wall"):
        splice(1.0, 0.3, 1e6)
