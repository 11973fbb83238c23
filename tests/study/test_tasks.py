from __future__ import annotations

import pytest

from alzmodel.errors import InputError
from alzmodel.study.settings import PRESETS, StudySettings, parse_study, preset
from alzmodel.study.tasks import STAGE_VERSIONS, Task, make_task, plan

BASE = "[glass]\nla = [1.5, 3.0]\nseeds = [1, 2]\n"


def study(text: str = "", head: str = "") -> StudySettings:
    return parse_study(head + BASE + text, "test")


def by_label(tasks: tuple[Task, ...]) -> dict[str, Task]:
    return {task.label: task for task in tasks}


def test_every_model_is_built_and_analysed() -> None:
    tasks = plan(study())
    stages = [task.stage for task in tasks]
    for stage in ("glass", "local_order", "xrd", "fem"):
        assert stages.count(stage) == 4
    assert stages.count("crystal") == 9
    assert stages.count("crystallite") == 1
    keys = [task.key for task in tasks]
    assert len(set(keys)) == len(keys)
    for position, task in enumerate(tasks):
        assert all(keys.index(needed) < position for needed in task.needs.values())


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_planned(name: str) -> None:
    tasks = plan(preset(name))
    assert {task.stage for task in tasks} == set(STAGE_VERSIONS)
    assert all(task.seconds > 0 for task in tasks)


def test_planning_again_gives_the_same_hashes() -> None:
    assert [task.key for task in plan(study())] == [task.key for task in plan(study())]


def changed(before: StudySettings, after: StudySettings) -> set[str]:
    """Stages of the tasks of `after` that `before` does not have."""
    known = {task.key for task in plan(before)}
    return {task.stage for task in plan(after) if task.key not in known}


def test_a_changed_parameter_changes_what_depends_on_it_only() -> None:
    base = study()
    assert changed(base, study("[fem]\nthickness = 60.0\n")) == {"fem"}
    assert changed(base, study("[local_order]\nr_max = 15.0\n")) == {"local_order", "crystal"}
    assert changed(base, study("[xrd]\nwavelength = 1.2\n")) == {"xrd", "crystallite", "crystal"}
    assert changed(base, study("[xrd]\ncrystallite_diameter = 60.0\n")) == {"crystallite"}
    assert changed(base, study("atoms = 640\n")) == {"glass", "local_order", "xrd", "fem"}
    assert changed(base, study("protocol_changes = { quench_rate = 50.0 }\n")) == {
        "glass",
        "local_order",
        "xrd",
        "fem",
    }
    assert changed(base, study("[run]\nworkers = 4\nretries = 0\n")) == set()
    assert changed(base, study("", "name = 'another'\n")) == set()
    # A seed more leaves what is there alone.
    more = parse_study("[glass]\nla = [1.5, 3.0]\nseeds = [1, 2, 3]\n", "test")
    assert len({task.key for task in plan(base)} - {task.key for task in plan(more)}) == 0


def test_the_hash_covers_version_inputs_and_needs() -> None:
    first = make_task("xrd", "a", {"w": 1.0})
    assert make_task("xrd", "other words", {"w": 1.0}, seconds=9).key == first.key
    assert make_task("xrd", "a", {"w": 1.1}).key != first.key
    assert make_task("xrd", "a", {"w": 1.0}, version=99).key != first.key
    below, changed_below = make_task("glass", "g", {"x": 1}), make_task("glass", "g", {"x": 2})
    keys = {make_task("xrd", "a", {"w": 1.0}, needs={"glass": task}).key for task in (below, changed_below)}
    assert len(keys | {first.key}) == 3
    # The order of keys means nothing.
    assert make_task("xrd", "a", {"a": 1, "b": 2}).key == make_task("xrd", "a", {"b": 2, "a": 1}).key


def test_mol_percent_names_the_same_model() -> None:
    one = plan(parse_study("[glass]\nla = ['50mol%']\nseeds = [1]\n", "test"))
    other = plan(parse_study("[glass]\nla = [1.5]\nseeds = [1]\n", "test"))
    assert [task.key for task in one] == [task.key for task in other]


def test_dopants_multiply_the_grid() -> None:
    tasks = plan(study("[[glass.dopants]]\nion = 'Ce'\nfraction = [0.1, 0.2]\n"))
    glasses = by_label(tuple(task for task in tasks if task.stage == "glass"))
    # Undoped, and two valences times two fractions, for two contents and two seeds.
    assert len(glasses) == 4 + 2 * 2 * 2 * 2
    doped = glasses["glass x=3 Ce4+ 0.1 seed 1"].inputs
    assert doped["model"]["dopant"] == "Ce4+"
    assert doped["amounts"]["Ce4+"] == pytest.approx(0.3)
    assert doped["amounts"]["Li+"] == pytest.approx(6.7)
    assert "Ce4+" in doped["potential"]["ions"]


def test_analyses_that_are_left_out() -> None:
    short = study("", "fem = false\nxrd = false\nreference = false\nlocal_order = false\n")
    assert {task.stage for task in plan(short)} == {"glass"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[glass]\nla = [-1.0]\nseeds = [1]\n", "La content: -1"),
        ("[glass]\nla = [nan]\nseeds = [1]\n", "La content: nan"),
        ("[glass]\nla = [3.0, '100mol%']\nseeds = [1]\n", "content twice"),
        ("[glass]\nla = [5.5]\noxygen = '12'\nseeds = [1]\n", "5.5"),
        ("[glass]\nla = [3.0]\nseeds = [1]\natoms = 30\n", "smaller than 10 Å"),
        ("[glass]\nla = [3.0]\nseeds = [1]\nprotocol = 'slow'\n", "slow"),
        ("[glass]\nla = [3.0]\nseeds = [1]\nprotocol_changes = { quench = 1.0 }\n", "quench"),
        ("[glass]\nla = [3.0]\nseeds = [1]\npotential = 'none'\n", "none"),
        (BASE + "[[glass.dopants]]\nion = 'Xx'\nfraction = 0.1\n", "Xx"),
        (BASE + "[reference]\nphases = ['unobtainium']\nrelax = []\n", "unobtainium"),
        (BASE + "[reference]\nphases = ['MgO']\nrelax = ['La2O3']\n", "La2O3"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan(parse_study(text, "test"))


def test_a_dopant_may_have_seeds_of_its_own_and_both_ways_of_balance_have_names() -> None:
    text = """
fem = false
xrd = false
reference = false
local_order = false
[glass]
la = [3.0]
seeds = [1, 2]
[[glass.dopants]]
ion = "La3+"
fraction = 0.1
seeds = [11, 12, 13]
[[glass.dopants]]
ion = "Ca"
fraction = 0.1
[[glass.dopants]]
ion = "Ca"
fraction = 0.1
compensate = "oxygen"
"""
    tasks = plan(parse_study(text, "test"))
    seeds = [task.inputs["model"]["seed"] for task in tasks]
    assert seeds == [1, 2, 11, 12, 13, 1, 2, 1, 2]
    assert len({task.label for task in tasks}) == len({task.key for task in tasks}) == 9
    assert tasks[0].inputs["amounts"] == tasks[2].inputs["amounts"]
