from __future__ import annotations

import math

import numpy as np
import pytest
from ase import Atoms

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.local_order.building_units import building_units
from alzmodel.local_order.criteria import CRITERIA
from alzmodel.local_order.sensitivity import sensitivity
from alzmodel.local_order.shells import bonded
from tests.local_order.models import quartz, rough_glass, rutile


def shell(distances, criterion):
    """Coordination of one Zr with oxygens at these distances, in directions that do not matter."""
    rng = np.random.default_rng(1)
    ways = rng.normal(size=(len(distances), 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    places = np.array(distances)[:, None] * ways
    atoms = Atoms(f"ZrO{len(distances)}", positions=[[0, 0, 0], *places])
    model = bonded(atoms, cutoffs={"Zr-O": 3.0}, criterion=criterion)
    return len(model.bonds[0])


def test_solid_angle_by_hand():
    # Four at 2.0: the caps close at 2 · 4 / (4 − 2) = 4.0 > 3.2, so the fifth counts; then at 11.2 / 3 = 3.73.
    assert shell([2, 2, 2, 2, 3.2, 3.8], "solid angle") == 5
    # Six at 2.0 close at 12 / 4 = 3.0.
    assert shell([2] * 6 + [3.05, 3.1], "solid angle") == 6
    assert shell([2] * 6 + [2.95, 3.1], "solid angle") == 7


def test_relative_gap_by_hand():
    assert shell([2, 2.1, 2.1, 2.2, 2.9, 3.0, 3.9], "relative gap") == 4
    # 3.9 / 2.9 = 1.345 is more than 2.9 / 2.2 = 1.318.
    assert shell([2, 2.1, 2.1, 2.2, 2.9, 3.9], "relative gap") == 5
    # Nothing up to 4 Å, where the search ends, is a gap too: 4 / 3 = 1.333.
    assert shell([2, 2.1, 2.1, 2.2, 2.9, 3.0], "relative gap") == 6
    # At least three.
    assert shell([1.5, 2.5, 2.6, 3.9], "relative gap") == 3


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize(
    ("atoms", "numbers"),
    [
        (crystal("La2Zr2O7"), {"Zr": 6, "La": 8}),
        (crystal("MgO"), {"Mg": 6}),
        (rutile(), {"Ti": 6}),
        (quartz(), {"Si": 4}),
        (crystal("LLZO-tetragonal"), {"Zr": 6, "La": 8}),
    ],
    ids=["pyrochlore", "MgO", "rutile", "quartz", "garnet"],
)
def test_all_criteria_agree_on_ordered_crystals(atoms, numbers, criterion):
    model = bonded(atoms, criterion=criterion)
    found = np.bincount(model.bonds[0].i, minlength=len(atoms))
    for element, number in numbers.items():
        assert set(found[atoms.symbols == element]) == {number}, element


def test_one_criterion_after_another_is_the_same():
    atoms = rough_glass()
    one = bonded(atoms)
    told = one.with_criterion("solid angle")
    assert told.criterion == "solid angle"
    assert len(told.bonds[0]) != len(one.bonds[0])
    np.testing.assert_array_equal(told.with_criterion("first minimum").bonds[0].j, one.bonds[0].j)
    np.testing.assert_array_equal(bonded(atoms, criterion="solid angle").bonds[0].j, told.bonds[0].j)
    with pytest.raises(InputError, match="solid angle"):
        bonded(atoms, criterion="angle")


def test_criterion_reaches_the_units():
    atoms = rough_glass()
    plain, told = building_units(atoms), building_units(atoms, criterion="relative gap")
    assert plain.units["La"].cutoff_source == "first minimum"
    assert told.units["La"].cutoff_source == "relative gap"
    assert math.isnan(told.units["La"].coordination_range[0])
    expected = sensitivity(atoms)["relative_gap"]["units"]["La"]
    assert told.units["La"].mean_coordination == pytest.approx(expected["mean_coordination"])
    assert told.units["La"].mean_distance == pytest.approx(expected["mean_distance"])
    assert told.units["La"].mean_coordination != plain.units["La"].mean_coordination


def test_sensitivity_repeats_every_count():
    model = bonded(rough_glass())
    table = sensitivity(model)
    for row in table.values():
        modes = row["sharing"]["Zr-La"]
        assert sum(modes[mode] for mode in ("corner", "edge", "face", "none")) == pytest.approx(1)
        assert 0 < row["mean_qn"] < 8
    assert table["first_minimum"]["non_bridging_fraction"] == pytest.approx(
        building_units(rough_glass()).network.non_bridging_fraction
    )
    spread = [row["units"]["Li"]["mean_coordination"] for row in table.values()]
    assert max(spread) - min(spread) > 0.2


def test_a_split_shell_is_one_shell():
    # Li of garnet has oxygens from 1.9 to 2.7 Å, with gaps between them.
    model = bonded(crystal("LLZO-cubic"))
    assert model.shells.cutoffs["Li-O"] > 1.15 * (0.76 + 1.40)
    number = np.bincount(model.bonds[0].i, minlength=192)[crystal("LLZO-cubic").symbols == "Li"]
    assert number.min() >= 4


def test_thinned_keeps_the_last_frame():
    frames = [rough_glass(seed=seed) for seed in range(3)]
    model = bonded(frames)
    assert model.thinned(3) is model
    few = model.thinned(2)
    assert len(few.frames) == len(few.bonds) == len(few.far_bonds) == 2
    assert few.frames[-1] is model.frames[-1]
    assert few.shells is model.shells
