"""Relaxations with ASE's small calculators: analytic limits, interruptions, provenance, refusals."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from scipy.optimize import minimize_scalar

from alzmodel.crystals import crystal
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.forcefields.calculators import NamedCalculator, calculator_of
from alzmodel.forcefields.refinement import PRESSURE_TOLERANCE, refine
from alzmodel.forcefields.static import relax
from alzmodel.io import read_structure, write_structure

if TYPE_CHECKING:
    from ase import Atoms

pytestmark = pytest.mark.slow

ARGON = {"sigma": 3.4, "epsilon": 0.0104, "rc": 7.0, "smooth": True, "ro": 5.5}


class Alloy(EMT):
    """EMT that is interrupted, or goes wrong, at one of its evaluations."""

    def __init__(self, stop: int | None = None, error: BaseException | None = None) -> None:
        super().__init__()
        self.stop, self.error, self.evaluations = stop, error or KeyboardInterrupt(), 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=("positions",)):  # noqa: ARG002  ASE passes it
        self.evaluations += 1
        if self.evaluations == self.stop:
            raise self.error
        # EMT's neighbour list remembers where it was made, and with it the order of the sums.
        super().calculate(atoms, properties, all_changes)


def named(calculator) -> NamedCalculator:
    return NamedCalculator("alloy", calculator, {"name": "alloy", "versions": {}})


def alloy(seed: int = 1) -> Atoms:
    atoms = bulk("Cu", cubic=True) * (2, 1, 1)
    atoms.numbers[::3] = 79
    atoms.rattle(0.1, seed=seed)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) * 1.03 + 0.01), scale_atoms=True)
    return atoms


def test_argon_finds_the_minimum_of_its_lattice_sum():
    """Cell and energy of the fcc Lennard-Jones crystal from a plain sum over lattice points."""
    points = np.array([p for p in itertools.product(range(-4, 5), repeat=3) if any(p)]) @ (
        np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    )
    lengths = np.linalg.norm(points, axis=1)

    def energy(a: float) -> float:
        # ASE tapers both the energy and the force between ro and rc by the same polynomial in r².
        r2 = (lengths[lengths * a < ARGON["rc"]] * a) ** 2
        ro2, rc2 = ARGON["ro"] ** 2, ARGON["rc"] ** 2
        taper = np.where(r2 < ro2, 1.0, (rc2 - r2) ** 2 * (rc2 + 2 * r2 - 3 * ro2) / (rc2 - ro2) ** 3)
        c6 = (ARGON["sigma"] ** 2 / r2) ** 3
        return float(2 * ARGON["epsilon"] * (taper * (c6**2 - c6)).sum())

    best = minimize_scalar(energy, bounds=(5.0, 5.6), options={"xatol": 1e-8})
    start = bulk("Ar", "fcc", 5.5, cubic=True)
    start.rattle(0.02, seed=2)
    found = refine(start, calculator_of("lj", ARGON), fmax=2e-3)
    assert found.converged
    assert found.fmax <= 2e-3
    assert found.energy_after / 4 == pytest.approx(best.fun, abs=1e-4)
    # 0.1 GPa is a hundredth of a crystal this soft, so it is the energy that tells.
    assert found.atoms.cell.lengths() == pytest.approx([best.x] * 3, rel=0.02)
    assert abs(found.pressure) < PRESSURE_TOLERANCE
    assert found.energy_before > found.energy_after == found.energies[-1]
    assert len(found.energies) == found.steps + 1


@pytest.mark.parametrize(("cell", "changes"), [("fixed", 0), ("iso", 1), ("full", 6)])
def test_only_that_of_the_cell_changes_which_may(cell, changes):
    start = alloy()
    found = refine(start, calculator_of("emt"), fmax=0.01, cell=cell)
    assert found.converged
    strain = np.linalg.solve(start.cell.array, found.atoms.cell.array) - np.eye(3)
    if changes == 0:
        assert np.array_equal(found.atoms.cell.array, start.cell.array)
    elif changes == 1:
        assert strain == pytest.approx(np.eye(3) * strain[0, 0], abs=1e-9)
        assert abs(strain[0, 0]) > 1e-3
        assert abs(found.pressure) < PRESSURE_TOLERANCE
    else:
        assert abs(strain[0, 1]) > 1e-3
    assert found.density == pytest.approx(
        found.density_before * start.get_volume() / found.atoms.get_volume(), rel=1e-12
    )


@pytest.mark.parametrize("optimizer", ["lbfgs", "fire"])
@pytest.mark.parametrize("cell", ["fixed", "iso", "full"])
def test_an_interrupted_relaxation_ends_as_if_undisturbed(tmp_path, cell, optimizer):
    start, settings = alloy(), {"fmax": 0.02, "cell": cell, "optimizer": optimizer, "keep_frames": True}
    whole_alloy = Alloy()
    whole = refine(start, named(whole_alloy), **settings)
    folder = tmp_path / "work"
    spent = 0
    for stop in (1, 6, 9):
        broken = Alloy(stop)
        with pytest.raises(KeyboardInterrupt):
            refine(start, named(broken), restart=folder, **settings)
        spent += broken.evaluations
    last = Alloy()
    again = refine(start, named(last), restart=folder, **settings)
    assert np.array_equal(again.energies, whole.energies)
    assert np.array_equal(again.atoms.positions, whole.atoms.positions)
    assert np.array_equal(again.atoms.cell.array, whole.atoms.cell.array)
    assert again.provenance == whole.provenance
    assert len(again.frames) == len(whole.frames) == whole.steps + 1
    for ours, theirs in zip(again.frames, whole.frames, strict=True):
        assert np.array_equal(ours.positions, theirs.positions)
        assert ours.info == theirs.info
    # Nothing is computed twice but the state it was left in, and the one that was under way.
    assert spent + last.evaluations <= whole_alloy.evaluations + 2 * 3


def test_steps_that_run_out_say_so_and_go_on(tmp_path):
    start = alloy()
    whole = refine(start, calculator_of("emt"), fmax=0.02)
    first = refine(start, calculator_of("emt"), fmax=0.02, steps=3, restart=tmp_path)
    assert not first.converged
    assert first.steps == first.provenance["steps"] == 3
    assert first.provenance["converged"] is False
    assert first.fmax > 0.02
    second = refine(start, calculator_of("emt"), fmax=0.02, restart=tmp_path)
    assert second.converged
    assert np.array_equal(second.energies, whole.energies)
    none = refine(start, calculator_of("emt"), steps=0)
    assert none.steps == 0
    assert none.energy_before == none.energy_after


def test_energies_never_come_from_two_models():
    start = alloy()
    start.calc = SinglePointCalculator(start, energy=-1000.0, forces=np.zeros((8, 3)))
    start.info["provenance"] = {
        "method": "melt-quench",
        "formula": "CuAu",
        "seed": 4,
        "energy_per_atom": -8.4,
        "potential": {"name": "du-teter", "provisional": ["Ga3+"]},
    }
    found = refine(start, calculator_of("emt"), fmax=0.1)
    bare = start.copy()
    bare.calc = EMT()
    assert found.energy_before == pytest.approx(bare.get_potential_energy(), abs=1e-12)
    top = found.provenance
    assert top["calculator"]["name"] == "emt"
    assert top["energy_per_atom"] == pytest.approx(found.energy_after / 8)
    assert "potential" not in top
    assert top["source"]["energy_per_atom"] == -8.4
    assert (top["formula"], top["seed"], top["method"]) == ("CuAu", 4, "refinement")
    assert found.atoms.calc is None
    assert start.info["provenance"]["method"] == "melt-quench"


def test_provenance_survives_extxyz(tmp_path):
    found = refine(alloy(), calculator_of("emt"), fmax=0.1)
    write_structure(found.atoms, tmp_path / "model.extxyz")
    assert read_structure(tmp_path / "model.extxyz").info["provenance"] == found.provenance


def test_a_pair_potential_relaxes_as_lammps_does():
    oxide = crystal("MgO")
    oxide.set_cell(oxide.cell.array * 1.01, scale_atoms=True)
    found = refine(oxide, calculator_of("du-teter"), fmax=0.02)
    known = relax(oxide, potential="du-teter", cell="iso")
    assert found.converged
    assert found.energy_after == pytest.approx(known.energy, abs=2e-3)
    assert found.atoms.cell.lengths() == pytest.approx(known.atoms.cell.lengths(), rel=3e-4)


def test_progress_goes_up_and_tells_the_force():
    told: list[tuple[float, str]] = []
    found = refine(
        alloy(), calculator_of("emt"), progress=lambda fraction, words: told.append((fraction, words))
    )
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < fractions[-1] < 1
    assert f"step {found.steps}, fmax {found.fmax:.3f} eV/Å" in told[-1][1]


def test_failures_keep_what_was_computed(tmp_path):
    with pytest.raises(AlzmodelError, match=r"alloy failed after 4 steps: out of order"):
        refine(alloy(), named(Alloy(6, RuntimeError("out of order"))), restart=tmp_path)
    whole = refine(alloy(), named(Alloy()))
    assert np.array_equal(refine(alloy(), named(Alloy()), restart=tmp_path).energies, whole.energies)


@pytest.mark.parametrize(
    ("change", "named_words"),
    [
        ({"fmax": 0.0}, "fmax: 0"),
        ({"fmax": math.nan}, "fmax: nan"),
        ({"steps": -1}, "steps: -1"),
        ({"cell": "cubic"}, "cell: 'cubic'; allowed: fixed, iso, full"),
        ({"optimizer": "magic"}, "optimizer: 'magic'; allowed: lbfgs, fire"),
    ],
)
def test_settings_out_of_range_are_named(change, named_words):
    with pytest.raises(InputError, match=named_words):
        refine(alloy(), calculator_of("emt"), **change)


def test_models_that_cannot_be_computed_are_refused(tmp_path):
    cluster = alloy()
    cluster.pbc = (True, True, False)
    with pytest.raises(InputError, match=r"pbc: \[True, True, False\]; allowed: models that are periodic"):
        refine(cluster, calculator_of("emt"))
    with pytest.raises(InputError, match=r"emt cannot compute this model .*La.*; allowed: elements"):
        refine(crystal("La2O3"), calculator_of("emt"))
    refine(alloy(), calculator_of("emt"), steps=2, restart=tmp_path)
    with pytest.raises(InputError, match=r"holds another relaxation \(with emt, cell iso, lbfgs\)"):
        refine(alloy(seed=2), calculator_of("emt"), restart=tmp_path)
    with pytest.raises(InputError, match=r"was begun without a trajectory"):
        refine(alloy(), calculator_of("emt"), restart=tmp_path, keep_frames=True)
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(InputError, match=r"state\.json: is no state of a relaxation"):
        refine(alloy(), calculator_of("emt"), restart=tmp_path)
