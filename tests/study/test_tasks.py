from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alzmodel.errors import InputError
from alzmodel.models.library import LibraryModel
from alzmodel.study.settings import PRESETS, StudySettings, parse_study, preset
from alzmodel.study.stages import STAGES
from alzmodel.study.tasks import make_task, plan

if TYPE_CHECKING:
    from alzmodel.study.task import Task

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
    assert {task.stage for task in tasks} == {name for name, stage in STAGES.items() if not stage.optional}
    assert all(task.seconds > 0 for task in tasks)


def test_times_told_are_of_the_size_of_those_taken() -> None:
    """CPU-s of a library glass of 5000 atoms, as measured: 7, 0.7 and 12."""
    glass = preset("paper").glass.model_copy(update={"models": "library"})
    tasks = plan(preset("paper").model_copy(update={"glass": glass}))
    told = {task.stage: task.seconds for task in tasks}
    for stage, seconds in {"local_order": 7, "xrd": 0.7, "fem": 12}.items():
        assert seconds / 2 < told[stage] < 2 * seconds
    assert 400 < sum(task.seconds for task in tasks) < 700


def test_planning_again_gives_the_same_hashes() -> None:
    assert [task.key for task in plan(study())] == [task.key for task in plan(study())]


def changed(before: StudySettings, after: StudySettings) -> set[str]:
    """Stages of the tasks of `after` that `before` does not have."""
    known = {task.key for task in plan(before)}
    return {task.stage for task in plan(after) if task.key not in known}


def test_a_changed_parameter_changes_what_depends_on_it_only() -> None:
    base = study()
    assert changed(base, study("[fem]\nthickness = 60.0\n")) == {"fem"}
    assert changed(base, study("[fem.instrument]\nenergy_kev = 300\n")) == {"fem"}
    assert changed(base, study("[fem.observed]\non = true\n")) == {"fem"}
    for thickness, treated in ((60.0, None), (61.0, "slabs")):
        tasks = [task for task in plan(study(f"[fem]\nthickness = {thickness}\n")) if task.stage == "fem"]
        assert {task.inputs.get("walk_off") for task in tasks} == {treated}
    # What would count if it were on changes nothing while it is off.
    assert changed(base, study("[fem.observed]\nfilm = 100\n")) == set()
    assert changed(base, study("[fem.instrument]\nenergy_kev = 200\n")) == set()
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


def test_only_large_glasses_depend_on_the_force_that_ends_their_minimisation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small, large = study("atoms = 5900\n"), study("atoms = 6100\n")
    before = {task.key for task in plan(small)}, {task.key for task in plan(large) if task.stage == "glass"}
    monkeypatch.setattr("alzmodel.models.protocol_run.RMS_FORCE", 1e-4)
    assert {task.key for task in plan(small)} == before[0]
    assert before[1].isdisjoint(task.key for task in plan(large))


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


def test_protocols_multiply_the_grid_and_are_told_apart() -> None:
    text = "protocol = ['annealed-low-Tf', 'mine']\n[protocols.mine]\nbase = 'quick'\npressure = 1.0\n"
    tasks = plan(study(text))
    glasses = by_label(tuple(task for task in tasks if task.stage == "glass"))
    assert len(glasses) == 8
    mine = glasses["glass x=3 mine seed 2"].inputs
    assert mine["model"] == {"la": 3.0, "li": 7.0, "protocol": "mine", "seed": 2}
    assert mine["protocol"]["pressure"] == 1.0
    assert mine["protocol"]["name"] == "mine"
    assert glasses["glass x=3 annealed-low-Tf seed 2"].inputs["protocol"]["anneal_temperature"] == 1300.0
    # Of one protocol models are named as ever, and a change for all does not merge them.
    alone = plan(study("protocol = 'annealed-low-Tf'\n"))
    assert "glass x=3 seed 2" in by_label(alone)
    both = plan(study("protocol = ['quick', 'annealed-low-Tf']\nprotocol_changes = { pressure = 2.0 }\n"))
    made = [task.inputs for task in both if task.stage == "glass"]
    assert {one["model"]["protocol"] for one in made} == {"quick", "annealed-low-Tf"}
    assert {one["protocol"]["pressure"] for one in made} == {2.0}


def test_the_library_stands_in_for_what_would_be_built(monkeypatch) -> None:
    entries = tuple(
        LibraryModel(
            f"x{la:g}-{protocol}-seed{seed}",
            "glass",
            la,
            7.0,
            seed,
            protocol,
            "du-teter",
            "",
            5000,
            ("a", "b"),
        )
        for la in (1.5, 3.0)
        for protocol in ("annealed-low-Tf", "as-deposited-high-Tf")
        for seed in (1, 2, 3)
    )
    monkeypatch.setattr("alzmodel.models.library.library", lambda _folder=None: entries)
    tasks = plan(study("models = 'library'\n"))
    glasses = [task for task in tasks if task.stage == "glass"]
    assert len(glasses) == 12
    assert {task.inputs["model"]["protocol"] for task in glasses} == {
        "annealed-low-Tf",
        "as-deposited-high-Tf",
    }
    assert len([task for task in tasks if task.stage == "fem"]) == 12
    one = plan(study("models = 'library'\nprotocol = 'annealed-low-Tf'\n"))
    glasses = [task for task in one if task.stage == "glass"]
    assert {task.inputs["library"]["name"] for task in glasses} == {
        f"x{la:g}-annealed-low-Tf-seed{seed}" for la in (1.5, 3.0) for seed in (1, 2, 3)
    }
    assert all("protocol" not in task.inputs["model"] for task in glasses)
    for text in (
        "models = 'library'\nli = 6.0\n",
        "models = 'library'\npotential = 'grimes'\n",
        "models = 'library'\n[[glass.dopants]]\nion = 'Ca'\nfraction = 0.1\n",
    ):
        with pytest.raises(
            InputError, match=r"models: the library has no glass x=1.5.*; allowed: x = 1.5, x = 3"
        ):
            plan(study(text))
    with pytest.raises(
        InputError, match=r"protocol_changes: quench_rate with models from the library.*allowed"
    ):
        plan(study("models = 'library'\nprotocol_changes = { quench_rate = 20.0 }\n"))


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
        (BASE + "[protocols.quick]\nbase = 'standard'\n", "protocols.quick: stands in the package"),
        (
            BASE.replace("[glass]", "[glass]\nprotocol = 'a'") + "[protocols.a]\nrate = 1.0\n",
            "'rate' is unknown",
        ),
        # Though no glass uses it.
        (BASE + "[protocols.mine]\nbase = 'nix'\n", "nix"),
        (
            BASE
            + "[[glass.dopants]]\nion = 'Ca'\nfraction = 0.1\n[[glass.dopants]]\nion = 'Ca2+'\nfraction = 0.1\n",
            "glass.dopants: x=.* Ca2\\+ 0.1 stands there twice",
        ),
        ("[glass]\nla = [3.0]\nseeds = [1]\nprotocol_changes = { quench = 1.0 }\n", "quench"),
        ("[glass]\nla = [3.0]\nseeds = [1]\npotential = 'none'\n", "none"),
        (BASE + "[[glass.dopants]]\nion = 'Xx'\nfraction = 0.1\n", "Xx"),
        (BASE + "[reference]\nphases = ['unobtainium']\nrelax = []\n", "unobtainium"),
        (BASE + "[reference]\nphases = ['MgO']\nrelax = ['La2O3']\n", "La2O3"),
        (BASE + "[xrd]\nwavelength = 'XyKa'\n", "XyKa"),
        (BASE + "[fem.instrument]\nsemi_angle_mrad = 0.3\n", r"fem.width: 130 Å .* allowed: at least 203 Å"),
        (BASE + "[fem.instrument]\nenergy_kev = 5.0\n", "energy_kev: 5"),
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
