"""Protocols as data."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest

from alzmodel.errors import InputError
from alzmodel.models.protocols import PROTOCOLS, Protocol, protocol_of


@pytest.mark.parametrize("name", list(PROTOCOLS))
def test_stages_join_and_take_the_time_that_the_rate_says(name):
    protocol = PROTOCOLS[name]
    stages = protocol.stages()
    assert protocol.name == name
    assert [stage.name for stage in stages[:1]] == ["melt"]
    assert stages[-1].name == "final"
    assert stages[-1].start == stages[-1].stop == protocol.final_temperature
    for one, two in pairwise(stages):
        assert one.stop == two.start
    cooling = [stage for stage in stages if stage.start != stage.stop]
    time = sum(stage.steps for stage in cooling) * protocol.timestep
    hot = protocol.melt_temperature - protocol.hold_volume_above
    fall = protocol.hold_volume_above - protocol.final_temperature
    assert time == pytest.approx(hot / protocol.hot_rate + fall / protocol.quench_rate, rel=1e-3)
    assert stages[-1].steps * protocol.timestep >= 5.0 - 1e-9
    assert protocol.total_steps == sum(stage.steps for stage in stages)


def test_volume_is_held_while_the_melt_would_boil():
    stages = {stage.name: stage for stage in Protocol(melt_temperature=4000.0).stages()}
    assert [
        (s.ensemble, s.start, s.stop) for s in (stages["melt"], stages["hot_quench"], stages["quench"])
    ] == [
        ("nvt", 4000.0, 4000.0),
        ("nvt", 4000.0, 3000.0),
        ("npt", 3000.0, 300.0),
    ]
    cool = Protocol(melt_temperature=2800.0, melt_ensemble="npt").stages()
    assert [stage.name for stage in cool] == ["melt", "quench", "final"]
    assert {stage.ensemble for stage in cool} == {"npt"}


def test_annealing_interrupts_the_quench():
    stages = Protocol(anneal_temperature=900.0, anneal_time=4.0, quench_rate=50.0).stages()
    assert [(s.name, s.start, s.stop) for s in stages[1:]] == [
        ("hot_quench_to_anneal", 4200.0, 3000.0),
        ("quench_to_anneal", 3000.0, 900.0),
        ("anneal", 900.0, 900.0),
        ("quench", 900.0, 300.0),
        ("final", 300.0, 300.0),
    ]
    assert stages[3].name == "anneal"
    assert stages[3].steps == 2000
    assert len({stage.name for stage in stages}) == len(stages)
    # An anneal above the boiling point comes before the volume is freed.
    hot = Protocol(anneal_temperature=3300.0, anneal_time=1.0).stages()
    assert [stage.stop for stage in hot] == [4200.0, 3300.0, 3300.0, 3000.0, 300.0, 300.0]
    assert [stage.ensemble for stage in hot] == ["nvt", "nvt", "nvt", "nvt", "npt", "npt"]


def test_frames_come_from_the_last_four_fifths_of_the_final_stage():
    protocol = Protocol(final_time=5.0, frames=7)
    assert (
        protocol.frame_interval * protocol.frames
        <= 0.8 * protocol.stages()[-1].steps + protocol.frame_interval
    )
    assert protocol.stages()[-1].steps % protocol.frame_interval == 0


def test_overrides_stand_on_a_named_protocol():
    changed = protocol_of({"base": "standard", "melt_time": 30, "name": "long melt"})
    assert changed == dataclasses.replace(PROTOCOLS["standard"], melt_time=30, name="long melt")
    assert protocol_of({"frames": 6}).name == "custom"
    assert protocol_of(changed) is changed
    assert protocol_of(changed.to_dict()) == changed


def test_a_protocol_may_be_a_file(tmp_path):
    path = tmp_path / "slow.toml"
    path.write_text('base = "standard"\nquench_rate = 5.0\n')
    assert protocol_of(str(path)) == dataclasses.replace(PROTOCOLS["standard"], quench_rate=5.0, name="slow")
    for text in ("quench_rate = ", "quench_rate = " + "[" * 5000):
        path.write_text(text)
        with pytest.raises(InputError, match=r"slow.toml cannot be read .*allowed: TOML"):
            protocol_of(str(path))
    with pytest.raises(InputError, match=r"none.toml cannot be read"):
        protocol_of("none.toml")
    path.write_text("quench_rat = 5.0\n")
    with pytest.raises(InputError, match="did you mean quench_rate"):
        protocol_of(str(path))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ("fast", "protocol: 'fast' is unknown; allowed: quick, standard"),
        ({"base": "fast"}, "protocol base: 'fast' is unknown; allowed: quick, standard"),
        ({"base": "mine.toml"}, "protocol base: 'mine.toml'"),
        ({"name": 3}, "protocol name: 3; allowed"),
        ({"quench_rat": 3}, "protocol key: 'quench_rat' is unknown .did you mean quench_rate"),
        ({"timestep": 0.005}, "protocol timestep: 0.005; allowed: .*0.002 ps"),
        ({"melt_time": float("nan")}, "protocol melt_time: nan"),
        ({"melt_time": "10"}, "protocol melt_time: 10"),
        ({"frames": 5.5}, "protocol frames: 5.5; allowed: a whole"),
        ({"frames": True}, "protocol frames: True"),
        ({"final_time": 1.0}, "protocol final_time: 1.0; allowed: a number from 5 to"),
        ({"melt_ensemble": "nve"}, "protocol melt_ensemble: 'nve'; allowed: nvt, npt"),
        ({"anneal_time": 1.0, "anneal_temperature": 200.0}, "protocol anneal_temperature: 200"),
        (
            {"melt_temperature": 1000.0, "final_temperature": 1000.0, "anneal_time": 0.0},
            "protocol final_temperature: 1000",
        ),
        ({"cutoff": 3.0}, "protocol cutoff: 3.0"),
    ],
)
def test_bad_protocols_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        protocol_of(changes)
