"""Tables against the closed form, in our own hands and as LAMMPS evaluates them."""

from __future__ import annotations

from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from ase import Atoms
from scipy.special import erfc

from alzmodel.composition import ion_labels
from alzmodel.forcefields.engine import Segment, System, read_dump, run_job
from alzmodel.forcefields.pair_tables import (
    Coulomb,
    damped_shifted_force,
    dsf_self_energy,
    pair_energy_force,
    pppm_coulomb,
    table_text,
)
from alzmodel.forcefields.potentials import potential
from alzmodel.models.packing import random_packing
from alzmodel.neighbours import neighbour_list
from alzmodel.units import COULOMB_EV_A

LABELS = ("Li+", "La3+", "Zr4+", "O2-")


def test_damped_shifted_force_is_that_of_fennell_and_gezelter():
    r, alpha, end = 2.5, 0.2, 9.0

    def bare(x):
        return erfc(alpha * x) / x**2 + 2 * alpha / np.sqrt(np.pi) * np.exp(-((alpha * x) ** 2)) / x

    energy, force = damped_shifted_force(np.array([r, end, 12.0]), alpha, end)
    assert force[0] == pytest.approx(COULOMB_EV_A * (bare(r) - bare(end)), rel=1e-12)
    expected = erfc(alpha * r) / r - erfc(alpha * end) / end + bare(end) * (r - end)
    assert energy[0] == pytest.approx(COULOMB_EV_A * expected, rel=1e-12)
    assert not energy[1:].any()
    assert not force[1:].any()


@pytest.mark.parametrize("coulomb", [Coulomb("dsf"), pppm_coulomb()], ids=["dsf", "pppm"])
@pytest.mark.parametrize("name", ["du-teter", "grimes"])
def test_tabulated_force_is_the_slope_of_the_tabulated_energy(name, coulomb):
    pot = potential(name)
    r = np.linspace(0.6, 8.99, 3000)
    h = 1e-5
    for first, second in combinations_with_replacement(LABELS, 2):
        up, down = (pair_energy_force(pot, first, second, coulomb, r + step)[0] for step in (h, -h))
        force = pair_energy_force(pot, first, second, coulomb, r)[1]
        assert -(up - down) / (2 * h) == pytest.approx(force, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("coulomb", [Coulomb("dsf"), pppm_coulomb()], ids=["dsf", "pppm"])
@pytest.mark.parametrize("name", ["du-teter", "grimes"])
def test_lammps_evaluates_the_tables_to_1e_4(tmp_path, name, coulomb):
    """Over every distance that a melt samples, between the rows of the table too."""
    pot = potential(name)
    system = System(pot, LABELS)
    system.write_tables(tmp_path, coulomb)
    atoms = Atoms("LiLaZrO4", positions=3.0 * np.arange(21).reshape(7, 3) / 3, cell=[30] * 3, pbc=True)
    system.write_data(atoms, [*LABELS[:3], *["O2-"] * 4], tmp_path / "start.data")
    kinds = list(combinations_with_replacement(range(1, 5), 2))
    writes = [f"pair_write {i} {j} 4001 r 1.0 8.99 pair-{i}-{j}.txt P" for i, j in kinds]
    done = "write_restart end.part"
    run_job(
        tmp_path, [Segment("tables", (*system.setup("start.data", coulomb), *writes, done), "end", 1.0, "")]
    )
    for i, j in kinds:
        table = np.loadtxt(tmp_path / f"pair-{i}-{j}.txt", skiprows=5)
        energy, force = pair_energy_force(pot, LABELS[i - 1], LABELS[j - 1], coulomb, table[:, 1])
        # Below 1.5 Å, where no pair of a melt goes, relative to forces of hundreds of eV/Å.
        far = table[:, 1] > 1.5
        assert np.abs(table[far, 3] - force[far]).max() < 1e-4, (i, j)
        assert np.abs(table[far, 2] - energy[far]).max() < 1e-4, (i, j)
        assert np.abs(table[:, 3] / force - 1)[np.abs(force) > 1].max() < 1e-4, (i, j)


def test_forces_of_a_melt_are_those_of_the_closed_form(tmp_path):
    """A melt at 3000 K and what it feels in LAMMPS, against a plain sum over its pairs."""
    counts = {"Li+": 42, "La3+": 18, "Zr4+": 12, "O2-": 72}
    pot, coulomb = potential("du-teter"), Coulomb("dsf", 6.0)
    system = System(pot, tuple(counts))
    start = random_packing(counts, seed=3)
    labels = ion_labels(start)
    system.write_tables(tmp_path, coulomb)
    system.write_data(start, labels, tmp_path / "start.data")
    commands = (
        *system.setup("start.data", coulomb),
        "timestep 0.002",
        "minimize 0 0 50 200",
        "velocity all create 3000 5",
        "fix melt all nvt temp 3000 3000 0.1",
        "run 500",
        "write_dump all custom place.dump id type xsu ysu zsu modify sort id format float %.17g",
        "write_dump all custom force.dump.part id type fx fy fz modify sort id format float %.17g",
    )
    run_job(tmp_path, [Segment("melt", commands, "force.dump", 1.0, "melt")])
    ((_, cell, scaled),) = read_dump(tmp_path / "place.dump")
    ((_, _, forces),) = read_dump(tmp_path / "force.dump")
    melt = Atoms(start.symbols, scaled_positions=scaled, cell=cell, pbc=True)
    pairs = neighbour_list(melt, coulomb.cutoff)
    kinds = np.array(labels)
    assert pairs.distance[(kinds[pairs.i] == "Zr4+") & (kinds[pairs.j] == "O2-")].min() < 1.9
    expected = np.zeros_like(forces)
    for first, second in product(counts, repeat=2):
        mine = (kinds[pairs.i] == first) & (kinds[pairs.j] == second)
        size = pair_energy_force(pot, first, second, coulomb, pairs.distance[mine])[1]
        along = pairs.vector[mine] / pairs.distance[mine, None]
        np.add.at(expected, pairs.i[mine], -size[:, None] * along)
    assert np.abs(forces).max() > 5
    assert np.abs(forces - expected).max() < 1e-4


def test_table_file_has_a_block_for_every_pair():
    text = table_text(potential("du-teter"), LABELS, Coulomb("dsf"), points=50)
    assert text.count("\nN 50 RSQ 0.5 9.0\n") == 10
    last = text.rstrip().splitlines()[-1].split()
    assert [float(word) for word in last] == [50, 9.0, 0.0, 0.0]


def test_self_energy_is_the_limit_of_the_pair_energy():
    coulomb = Coulomb("dsf", 9.0, 0.2)
    r = np.array([1e-4])
    limit = damped_shifted_force(r, 0.2, 9.0)[0] - COULOMB_EV_A / r
    assert dsf_self_energy(np.array([1.0, -2.0]), coulomb) == pytest.approx(2.5 * limit[0], rel=1e-3)
