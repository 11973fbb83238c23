"""Quenches by ASE calculators."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from alzmodel.composition import glass_composition
from alzmodel.errors import InputError
from alzmodel.forcefields.calculators import calculator_of
from alzmodel.models import protocols
from alzmodel.models.direct_quench import direct_hash, direct_quench, seconds_of

SHORT = {
    "timestep": 0.001,
    "melt_temperature": 2000.0,
    "melt_time": 0.1,
    "quench_rate": 40000.0,
    "hot_rate": 40000.0,
    "final_time": 0.05,
    "frames": 5,
}


def springs():
    return calculator_of("lj", {"sigma": 1.7, "epsilon": 0.3, "rc": 3.4})


@pytest.fixture(autouse=True)
def _short_protocols_are_allowed(monkeypatch):
    monkeypatch.setattr(protocols, "_RANGES", {**protocols._RANGES, "final_time": (0.01, 10.0, "ps")})


class StopError(Exception):
    """Of the test below."""


@pytest.mark.slow
def test_a_broken_run_goes_on_to_the_same_glass(tmp_path):
    composition = glass_composition(3.0)
    whole = direct_quench(composition, 24, springs(), seed=3, protocol=SHORT)

    def stop(fraction, _):
        if fraction > 0.5:
            raise StopError

    with pytest.raises(StopError):
        direct_quench(composition, 24, springs(), seed=3, protocol=SHORT, progress=stop, workdir=tmp_path)
    again = direct_quench(composition, 24, springs(), seed=3, protocol=SHORT, workdir=tmp_path)
    assert again.model.positions == pytest.approx(whole.model.positions, abs=1e-6)
    assert len(again.frames) == 5
    assert np.ptp([frame.get_volume() for frame in again.frames]) > 0
    assert again.provenance["calculator"]["name"] == "lj"
    assert again.provenance["density_300K"] == pytest.approx(whole.provenance["density_300K"])


def test_the_time_is_that_of_the_steps_and_the_hash_that_of_the_inputs():
    composition = glass_composition(3.0)
    assert 0 < seconds_of(composition, 24, springs(), SHORT) < 60
    assert direct_hash(composition, 24, springs(), seed=1) != direct_hash(composition, 24, springs(), seed=2)
    other = calculator_of("lj", {"sigma": 1.8})
    assert direct_hash(composition, 24, springs(), seed=1) != direct_hash(composition, 24, other, seed=1)


def test_a_calculator_without_stress_is_refused():
    class ForcesAlone:
        implemented_properties = ("energy", "forces")

    bare = dataclasses.replace(springs(), calculator=ForcesAlone())
    with pytest.raises(InputError, match="stress"):
        direct_quench(glass_composition(3.0), 24, bare, seed=1, protocol=SHORT)
