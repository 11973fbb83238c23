"""Energies against the crystalline oxide on made-up lines and curves; gathering of La in crystals and at random."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from alzmodel.compare.solubility import (
    GATE_PER_LA,
    Exsolution,
    exsolution,
    formation_gate,
    gathering_words,
    mixing_entropy,
    per_formula_unit,
    solubility,
    trend,
    whole_cell,
)
from alzmodel.crystals import crystal, supercell
from alzmodel.errors import InputError
from alzmodel.units import EV_TO_KJ_PER_MOL

OXIDE = -24.5
X = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


def models(energy, spread=0.01):
    return {x: [energy(x) - spread, energy(x), energy(x) + spread] for x in X}


def gate(enthalpy):
    energies = {"La2O3": -49.0, "ZrO2": -46.0}
    return formation_gate({**energies, "La2Zr2O7": -141.0 + enthalpy / EV_TO_KJ_PER_MOL})


def test_the_limit_of_a_parabola_is_its_lowest_point_against_the_oxide():
    found = solubility(models(lambda x: -150 + OXIDE * x + 0.3 * (x - 3) ** 2), OXIDE)
    assert found.limit == 3
    assert found.limit_range[0] <= 3 <= found.limit_range[1]
    # The slope of a parabola between two points is that in their middle.
    assert [one.effect for one in found.slopes] == pytest.approx([0.6 * (x + 0.5 - 3) for x in X[:-1]])
    assert [one.effect for one in found.curvatures] == pytest.approx([0.6] * 4)
    assert found.excess()[0] == pytest.approx([0.3 * ((x - 3) ** 2 - 4) for x in X])
    assert "x = 3" in found.verdict(gate(-107.3))


def test_ideal_mixing_takes_its_slope_off_that_of_the_energy():
    k = 8.617333e-5
    for x in (0.5, 3.0, 6.0):
        slope = (mixing_entropy(x + 1e-4) - mixing_entropy(x - 1e-4)) / 2e-4
        assert slope == pytest.approx(-k * np.log(x / (9 + x)), rel=1e-5)
    # Li and Zr alone, seven and two.
    assert mixing_entropy(0.0) == pytest.approx(-9 * k * (7 / 9 * np.log(7 / 9) + 2 / 9 * np.log(2 / 9)))
    # Energies that rise by 0.1 eV per La above the oxide: 873 K outweigh that up to c = exp(-0.1 / kT), x = 3.24.
    found = solubility(models(lambda x: -150 + (OXIDE + 0.1) * x), OXIDE)
    assert (found.limit, found.limit_at(873.0), found.limit_at(1.0)) == (1.0, 3.0, 1.0)
    words = found.mixing()
    assert "takes 0.17 eV per La at x = 1 and 0.07 at 6 off dE/dx" in words
    assert "the limit moves from x = 1 to 3. Entropy of vibrations is left out." in words


@given(shift=st.floats(-50, 50), oxide=st.floats(-60, 0))
@settings(max_examples=20, deadline=None)
def test_the_zero_of_energy_does_not_matter(shift, oxide):
    plain = solubility(models(lambda x: OXIDE * x + 0.3 * (x - 3) ** 2), OXIDE)
    # Energy of Li7Zr2O7.5 and of La2O3, each with a zero of its own.
    moved = solubility(models(lambda x: OXIDE * x + 0.3 * (x - 3) ** 2 + shift + (oxide - OXIDE) * x), oxide)
    assert moved.limit == plain.limit
    assert moved.limit_range == plain.limit_range
    assert [one.effect for one in moved.slopes] == pytest.approx(
        [one.effect for one in plain.slopes], abs=1e-9
    )


def test_words_follow_the_numbers():
    rising = solubility(models(lambda x: (OXIDE + 1) * x), OXIDE)
    falling = solubility(models(lambda x: (OXIDE - 1) * x), OXIDE)
    level = solubility(models(lambda x: OXIDE * x), OXIDE)
    good, bad = gate(-107.3), gate(-150.0)
    assert rising.limit == 1
    assert "at or below x = 1" in rising.verdict(good)
    assert "No limit up to x = 6" in falling.verdict(good)
    assert level.limit_range == (1, 6)
    assert level.verdict(good).startswith("The model cannot tell: within its own errors")
    low, inside, high = (
        solubility(models(lambda x, top=top: OXIDE * x + 0.1 * (x - top) ** 2), OXIDE).verdict(good)
        for top in (1.2, 3, 5.8)
    )
    assert low.startswith("The limit lies at or below x = 1; at or below 2 over the scatter")
    assert inside.startswith("The limit lies at x = 3; 2 to 4 over the scatter")
    assert high.startswith("The limit lies at or above x = 6; at or above 5 over the scatter")
    for one in (rising, falling, level):
        assert one.verdict(bad).startswith("The model cannot tell: gate: fails")
        assert one.verdict(None).startswith("The model cannot tell")
        assert "not usable" in one.verdict(bad)
    assert level.convexity().startswith("Whether E(x) is convex cannot be told")
    parting = solubility(models(lambda x: OXIDE * x - 0.3 * (x - 3.5) ** 2), OXIDE)
    assert all(one.ci95[1] < 0 for one in parting.curvatures)
    assert parting.bend.effect == pytest.approx(-0.6)
    assert parting.convexity().startswith("E(x) is concave")
    assert solubility(models(lambda x: 0.3 * x * x), OXIDE).convexity().startswith("E(x) is convex")


def test_glasses_of_the_refinement_study_are_compared_by_calculator(tmp_path):
    """Three contents with two seeds are enough; fewer are named, and so are glasses that stopped before the end."""
    root = Path(__file__).parents[2]
    of_refinement = runpy.run_path(str(root / "scripts" / "solubility_limit.py"))["of_refinement"]
    table = tmp_path / "refinement.csv"
    shutil.copy(root / "docs" / "results" / "refinement-crystals.csv", tmp_path)
    lines = ["calculator,x,cell,energy_eV,converged"]
    for x in (2, 3, 4):
        cell = f"Li56La{8 * x}Zr16O{60 + 12 * x}"
        for seed in (0, 1):
            lines += [
                f"du-teter,{x},{cell},-1,True",
                f"7net-mf-0,{x},{cell},{8 * (x * -48.0 + 0.1 * seed)},{x < 4}",
            ]
    table.write_text("\n".join([*lines, "chgnet,3.0,Li56La24Zr16O96,-1300,True"]) + "\n")
    series = of_refinement(table)
    (result,), notes = series.results, series.notes
    assert result.source == "7net-mf-0, 200 atoms"
    assert "some 200 atoms, relaxed ([refinement.md](refinement.md))" in series.title
    assert result.gate.passed
    assert [one.effect for one in result.found.slopes] == pytest.approx([-48.0 - result.found.oxide] * 2)
    assert notes[0] == "7net-mf-0: 2 of 6 glasses stopped when their steps ran out.\n"
    assert notes[1].startswith("chgnet, 1 glasses, too few to compare: gate: fails")
    for text, complaint in (
        ("x,y\n1,2\n", "not read .*calculator"),
        ("calculator,x,cell,energy_eV,converged\ndu-teter,3,LiO,-1,True\n", "holds no refined glass"),
    ):
        table.write_text(text)
        with pytest.raises(InputError, match=rf"refinement.csv: {complaint}.*; allowed: a table"):
            of_refinement(table)


def test_a_refined_glass_that_lacks_ions_is_brought_to_its_composition_with_the_calculators_oxides(tmp_path):
    """One Li2O taken away with its energy: the glass is where it was."""
    root = Path(__file__).parents[2]
    script = runpy.run_path(str(root / "scripts" / "solubility_limit.py"))
    shutil.copy(root / "docs" / "results" / "refinement-crystals.csv", tmp_path)
    lithia = script["refined_crystals"]("7net-mf-0", tmp_path / "refinement-crystals.csv")["Li2O"]
    lines = ["calculator,x,cell,energy_eV,converged"]
    for x in (2, 3, 4):
        lines += [f"7net-mf-0,{x},Li56La{8 * x}Zr16O{60 + 12 * x},{-400.0 * x},True"]
        lines += [f"7net-mf-0,{x},Li54La{8 * x}Zr16O{59 + 12 * x},{-400.0 * x - lithia},True"]
    (tmp_path / "refinement.csv").write_text("\n".join(lines) + "\n")
    (result,) = script["of_refinement"](tmp_path / "refinement.csv").results
    assert result.found.excess()[1] == pytest.approx([0, 0, 0], abs=1e-9)


@pytest.mark.parametrize(
    ("la", "least", "size"), [(1.0, 600, 608), (1.5, 1, 81), (3, 600, 600), (4.5, 100, 111)]
)
def test_a_whole_cell_is_the_smallest_that_holds_whole_ions(la, least, size):
    """By hand: x = 1.5 needs four units for whole La and O, x = 3 one of 24 atoms."""
    assert whole_cell(la, least) == size


def test_a_content_that_no_cell_holds_is_refused():
    with pytest.raises(InputError, match=r"La content: 3\.14159; allowed"):
        whole_cell(3.14159, 10)


def test_a_crystal_bound_too_weakly_moves_the_limit_up():
    """Slope 0.2 eV above the oxide at every step; the crystal lacks 0.4 eV for each La."""
    rising = solubility(models(lambda x: (OXIDE + 0.2) * x), OXIDE)
    weak = gate(-107.3 + 2 * 0.4 * EV_TO_KJ_PER_MOL)
    assert weak.difference == pytest.approx(0.4 * EV_TO_KJ_PER_MOL)
    assert not weak.passed
    assert rising.limit_with(0.1) == 1
    assert rising.limit_with(0.4) == 6
    assert "the limit moves from x = 1 to 6" in rising.verdict(weak)
    assert "the limit stays at x = 1" in rising.verdict(gate(-107.3 + 2 * 0.16 * EV_TO_KJ_PER_MOL))


def test_a_limit_is_told_beside_the_measured_one():
    rising = solubility(models(lambda x: (OXIDE + 0.2) * x), OXIDE)
    falling = solubility(models(lambda x: (OXIDE - 0.2) * x), OXIDE)
    assert "below the measured limit, x = 3 to 4.5: at 0 K the model contradicts" in rising.beside(3.0, 4.5)
    assert "+0.20 eV per La (2.3 k_B at 1000 K)" in rising.beside(3.0, 4.5)
    assert "above the measured limit, x = 3 to 4.5: the model contradicts" in falling.beside(3.0, 4.5)
    for one, ends in ((rising, (1.0, 4.5)), (falling, (3.0, 6.0))):
        assert one.beside(*ends).startswith("That does not contradict the measured limit")


def test_trends_are_those_of_a_fit_through_all_models():
    rng = np.random.default_rng(8)
    values = {x: list(rng.normal(0.3 * x * x, 0.2, 2 + int(x) % 2)) for x in X}
    every = [(x, one) for x, group in values.items() for one in group]
    line = np.polyfit(*zip(*every, strict=True), 1)
    parabola = np.polyfit(*zip(*every, strict=True), 2)
    assert trend(values).effect == pytest.approx(line[0])
    assert trend(values, 2).effect == pytest.approx(2 * parabola[0])
    assert trend(values, 2).ci95[0] < 0.6 < trend(values, 2).ci95[1]


def test_scatter_is_pooled_over_contents():
    """Two models that happen to agree do not make an energy exact."""
    energies = {1.0: [0.0, 0.0], 2.0: [-0.1, 0.1], 3.0: [0.9, 1.1]}
    found = solubility(energies, 0.0)
    error = np.sqrt(2 * (0.1**2 + 0.1**2) / 3 / 2)
    assert found.excess()[1] == pytest.approx([error] * 3)


def test_words_on_gathering_follow_the_surplus():
    def order(surplus, bridges=0.0):
        return Exsolution(-0.2, bridges, 0.05 + surplus, 0.05, 0.0, 0.0)

    rising = {x: [order(0.01 * (x - 3.5) + 1e-4 * k, -0.01 * x + 1e-4 * k) for k in (-1, 0, 1)] for x in X}
    words = gathering_words(rising)
    assert "More oxygens than at random are bonded to La alone at x = 4, 5, 6" in words
    assert "Fewer oxygens than at random are bonded to La alone at x = 1, 2, 3" in words
    assert "surplus rises with x: +1.00 % of all oxygens for each La" in words
    assert "of bonds falls: -0.010" in words
    same = {x: [order(0.001 * k) for k in (-1, 0, 1)] for x in X}
    assert gathering_words(same).startswith("At no x do the oxygens")
    assert "surplus shows no resolved change with x" in gathering_words(same)


def test_the_gate_is_the_distance_of_two_calorimetries():
    assert pytest.approx(14.25) == GATE_PER_LA
    assert gate(-107.3 - 2 * GATE_PER_LA + 0.01).passed
    assert not gate(-107.3 - 2 * GATE_PER_LA - 0.01).passed
    assert gate(-90.0).model == pytest.approx(-90.0)
    assert "differ by 8.7 kJ per mole of La" in str(gate(-90.0 + 0.1))
    with pytest.raises(InputError, match="no energy of ZrO2"):
        formation_gate({"La2O3": -49.0, "La2Zr2O7": -141.0})


def test_energies_of_other_compositions_are_refused():
    glass = Atoms("Li14La2Zr4O18")
    assert per_formula_unit(glass, -300.0) == -150.0
    for formula in ("Li13La2Zr4O18", "Li14La2Zr4O17", "Li14La2Zr4O18Ca"):
        with pytest.raises(InputError, match=r"allowed: whole units of Li7LaxZr2O"):
            per_formula_unit(Atoms(formula), -300.0)
    # Two Li and one O too few, of oxides with -10 eV for Li2O.
    oxides = {"Li2O": -10.0, "La2O3": -49.0}
    odd = Atoms("Li26La6Zr8O38")
    assert per_formula_unit(odd, -600.0, la=1.5, oxides=oxides) == pytest.approx((-600 - 2 * 5) / 4)
    with pytest.raises(InputError, match="allowed: whole units"):
        per_formula_unit(odd, -600.0)
    with pytest.raises(InputError, match=r"x = 3\b"):
        per_formula_unit(odd, -600.0, la=3.0, oxides=oxides)
    with pytest.raises(InputError, match="at least three contents"):
        solubility({1.0: [1, 2], 2.0: [1, 2]}, OXIDE)


def test_the_oxide_is_oxide_like_and_other_crystals_are_not():
    oxide = exsolution(supercell(crystal("La2O3"), (3, 3, 2)))
    assert oxide.la_only_oxygen == oxide.la_only_oxygen_random == oxide.oxide_like_la == 1
    pyrochlore = exsolution(supercell(crystal("La2Zr2O7"), 2))
    # One oxygen in seven, 8b, stands among four La; every La has six others too.
    assert pyrochlore.la_only_oxygen == pytest.approx(1 / 7)
    assert pyrochlore.oxide_like_la == 0
    assert pyrochlore.la_only_shell == pytest.approx(2 / 8)
    assert oxide.la_only_shell == 1
    assert exsolution(crystal("LLZO-tetragonal")).la_only_oxygen == 0
    with pytest.raises(InputError, match="models with La"):
        exsolution(crystal("ZrO2"))


def test_la_thrown_at_random_does_not_gather():
    """Fluorite with La and Zr at random: as many La-only oxygens as the product of the shares says."""
    rng = np.random.default_rng(4)
    atoms = supercell(crystal("CeO2"), 6)
    cerium = np.flatnonzero(atoms.symbols == "Ce")
    for share in (0.5, 0.75):
        mixed = atoms.copy()
        mixed.set_initial_charges(None)
        chosen = rng.random(len(cerium)) < share
        mixed.symbols[cerium[chosen]] = "La"
        mixed.symbols[cerium[~chosen]] = "Zr"
        found = exsolution(mixed)
        assert found.la_only_oxygen / found.la_only_oxygen_random == pytest.approx(1, abs=0.15)
        assert found.la_la_order == pytest.approx(0, abs=0.05)
        assert found.la_la_bridges == pytest.approx(0, abs=0.05)
        # Of the four cations around an oxygen that La is bonded to, three others.
        assert found.la_only_shell == pytest.approx(share**3, abs=0.03)
    parted = atoms.copy()
    parted.set_initial_charges(None)
    left = parted.get_scaled_positions()[cerium, 0] < 0.5
    parted.symbols[cerium[left]] = "La"
    parted.symbols[cerium[~left]] = "Zr"
    apart = exsolution(parted)
    assert apart.la_only_oxygen > 4 * apart.la_only_oxygen_random
    assert apart.gathering == apart.la_only_oxygen - apart.la_only_oxygen_random
    assert apart.la_la_order < -0.5
    assert apart.la_la_bridges < -0.5
