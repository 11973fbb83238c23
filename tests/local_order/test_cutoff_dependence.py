"""Coordination over the cut-off: a crystal climbs in steps at its distances, and the curve of a study is the same."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.crystals import crystal, supercell
from alzmodel.io import write_structure
from alzmodel.local_order.building_units import building_units
from alzmodel.local_order.cutoff_dependence import CUTOFFS, cutoff_dependence
from alzmodel.local_order.shells import bonded


def pyrochlore_steps() -> dict[str, list[tuple[float, int]]]:
    """Distances and numbers of the oxygens around La and Zr of La2Zr2O7, from the coordinates alone."""
    cell = crystal("La2Zr2O7")
    found = {}
    for element in ("La", "Zr"):
        (first, *_) = [i for i, symbol in enumerate(cell.symbols) if symbol == element]
        big = cell.repeat(3)
        middle = cell.positions[first] + cell.cell.array.sum(axis=0)
        oxygen = big.positions[np.array(big.get_chemical_symbols()) == "O"]
        lengths = np.sort(np.linalg.norm(oxygen - middle, axis=1))
        values, counts = np.unique(np.round(lengths[lengths < 4.0], 4), return_counts=True)
        found[element] = list(zip(values.tolist(), counts.tolist(), strict=True))
    return found


def test_a_crystal_climbs_in_steps_at_its_distances() -> None:
    curves = cutoff_dependence(bonded(supercell(crystal("La2Zr2O7"), 1)))
    a = crystal("La2Zr2O7").cell.lengths()[0]
    steps = pyrochlore_steps()
    # Two oxygens of La sit in the middle of La tetrahedra.
    assert steps["La"][0] == (pytest.approx(a * np.sqrt(3) / 8, abs=1e-3), 2)
    assert steps["La"][1][1] == steps["Zr"][0][1] == 6
    for element, expected in steps.items():
        distances, numbers = map(np.array, zip(*expected, strict=True))
        clear = np.abs(CUTOFFS[:, None] - distances).min(axis=1) > 1e-3
        wanted = np.array([numbers[distances <= cutoff].sum() for cutoff in CUTOFFS])
        np.testing.assert_allclose(curves[element].coordination[clear], wanted[clear], atol=1e-12)
    assert curves["La"].coordination[CUTOFFS == 3.1] == curves["La"].coordination[CUTOFFS == 3.5] == 8


def test_the_curve_meets_the_coordination_at_the_cut_off_in_use() -> None:
    rng = np.random.default_rng(5)
    frames = [supercell(crystal("La2Zr2O7"), 1) for _ in range(2)]
    for frame in frames:
        frame.positions += rng.normal(0, 0.15, frame.positions.shape)
    model = bonded(frames, cutoffs={"La-O": 3.05, "Zr-O": 2.5})
    units, curves = building_units(model).units, cutoff_dependence(model)
    for element, used in {"La": 3.05, "Zr": 2.5}.items():
        assert curves[element].used == used
        at = curves[element].coordination[np.isclose(CUTOFFS, used)]
        assert at == pytest.approx(units[element].mean_coordination)
    assert (np.diff(curves["La"].coordination) >= 0).all()


def test_lbu_tells_it_in_json_and_words(tmp_path, capsys) -> None:
    write_structure(supercell(crystal("La2Zr2O7"), 1), tmp_path / "crystal.extxyz")
    words = ["lbu", str(tmp_path / "crystal.extxyz"), "--only", "cutoff_dependence"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["cutoff_dependence"]["La"]
    assert found["coordination"][found["cutoffs"].index(3.1)] == 8
    assert main(words) == 0
    assert "3.1: 8.00" in capsys.readouterr().out
    target = tmp_path / "cutoffs.csv"
    assert main([*words, "--plot-cutoffs", str(target)]) == 0
    capsys.readouterr()
    with target.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    name = next(key for key in rows[0] if key.startswith("oxygens of La"))
    assert max(float(row[name]) for row in rows if row[name]) >= 8


def test_a_study_draws_what_the_counts_say() -> None:
    """From g(r) in bins, as a record holds it: within what a bin of 0.02 Å holds."""
    from types import SimpleNamespace

    from alzmodel.local_order.pdf import partial_rdf
    from alzmodel.study.stages.local_order import coordination_curves, pdf_curves

    rng = np.random.default_rng(6)
    frame = supercell(crystal("La2Zr2O7"), 1)
    frame.positions += rng.normal(0, 0.15, frame.positions.shape)
    rdf = partial_rdf(frame, r_max=5.0, dr=0.02)
    record = SimpleNamespace(results={"number_density": rdf.number_density})
    curves = coordination_curves(pdf_curves(rdf), record, "La0.5Zr0.5O1.75")
    counted = cutoff_dependence(bonded(frame))
    for element in ("La", "Zr"):
        r, n = curves[element]
        np.testing.assert_allclose(
            np.interp(CUTOFFS, r, n), counted[element].coordination, atol=0.15, rtol=0.01
        )
