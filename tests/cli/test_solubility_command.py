"""``alzmodel solubility`` by the command line: what it prints, and what it refuses before any work."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms

from alzmodel.cli import main
from alzmodel.compare import glass_energies
from alzmodel.forcefields.phase_energies import PhaseEnergy
from alzmodel.io import write_structure

CRYSTALS = {"La2O3": -50.0, "ZrO2": -30.0, "La2Zr2O7": -111.2, "Li2O": -10.0}
"""eV; La2Zr2O7 forms with -115.8 kJ/mol: the gate is passed."""


def glass(la: int, seed: int) -> Atoms:
    """Li14La(2x)Zr4O(15+3x) on a grid, La2O3-like oxygens or not by the seed."""
    symbols = np.array(["Li"] * 14 + ["La"] * (2 * la) + ["Zr"] * 4 + ["O"] * (15 + 3 * la))
    places = np.argwhere(np.ones((5, 5, 5)))[: len(symbols)]
    atoms = Atoms(np.random.default_rng(seed).permutation(symbols), 2.2 * places, cell=[11.0] * 3, pbc=True)
    atoms.info["seed"] = seed
    return atoms


@pytest.fixture
def glasses(tmp_path):
    paths = []
    for la in (2, 4, 6):
        for seed in (1, 2):
            paths.append(tmp_path / f"la{la}-{seed}.extxyz")
            write_structure(glass(la, seed), paths[-1])
    return paths


@pytest.fixture
def energies(monkeypatch):
    """Energies of a parabola about x = 4 in place of those of LAMMPS, per formula unit: all models hold two."""

    def energy(atoms, *, potential):
        assert potential == "grimes"
        x = 2 * atoms.symbols.formula.count()["La"] / 4
        scatter = 0.01 * (-1) ** atoms.info["seed"]
        total = 2 * (-150 - 25 * x + 0.3 * (x - 4) ** 2 + scatter)
        return PhaseEnergy(total, total, 0.0, len(atoms))

    monkeypatch.setattr(glass_energies, "phase_energy", energy)
    monkeypatch.setattr(glass_energies, "crystal_energies", lambda *_: CRYSTALS)


def run(capsys, *words):
    code = main([str(word) for word in words])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


@pytest.mark.usefixtures("energies")
def test_the_limit_is_where_the_tangent_touches(capsys, glasses):
    code, out, err = run(capsys, "solubility", *glasses, "--potential", "grimes", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["x"] == [2, 4, 6]
    assert found["limit"] == 4
    assert found["oxide"] == -25
    # From 4 to 6: 0.3 (6 - 4)² over 2 more La.
    assert [one["effect"] for one in found["slopes"]] == pytest.approx([-0.6, 0.6])
    assert found["bend"]["effect"] == pytest.approx(0.6)
    assert found["gate"]["passed"]
    assert found["gate"]["model"] == pytest.approx(-115.8, abs=0.1)
    assert found["words"]["verdict"].startswith("The limit lies at x = 4; 4 to 4 over")
    assert found["words"]["beside_measured"].startswith("That does not contradict")
    assert [one["la"] for one in found["models"]] == [2, 2, 4, 4, 6, 6]
    code, out, _ = run(capsys, "solubility", *glasses, "--potential", "grimes")
    assert code == 0
    assert "The limit lies at x = 4" in out


def test_the_plan_computes_nothing(capsys, glasses):
    code, out, err = run(capsys, "solubility", *glasses, "--dry-run", "--json")
    assert code == 0, err
    assert [one["la"] for one in json.loads(out)["models"]] == [2, 2, 4, 4, 6, 6]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda paths: paths[:-1], "models: 2 at x = 2, 2 at x = 4, 1 at x = 6; allowed: at least two"),
        (lambda paths: paths[:4], "at least three La contents"),
        (lambda paths: [*paths, paths[0]], "named twice"),
        (lambda paths: [*paths, "--potential", "none"], "none"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(capsys, glasses, change, named):
    code, _, err = run(capsys, "solubility", *change(glasses))
    assert code == 2
    assert named in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("symbols", "named"),
    [("Si2O4", "allowed: glasses Li7LaxZr2O"), ("LiLaZrO9", "composition: LaLiO9Zr")],
)
def test_another_composition_is_refused(capsys, glasses, symbols, named):
    atoms = Atoms(symbols)
    atoms.set_positions(2.2 * np.argwhere(np.ones((3, 3, 3)))[: len(atoms)])
    atoms.set_cell([7.0] * 3)
    atoms.pbc = True
    write_structure(atoms, glasses[0])
    write_structure(atoms, glasses[1])
    code, _, err = run(capsys, "solubility", *glasses)
    assert code == 2
    assert named in err
    assert len(err.splitlines()) == 1
