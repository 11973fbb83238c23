"""Vibrations in a study: off by default, bands in windows, rows beside what was measured."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from alzmodel.compare.quantities import Quantity
from alzmodel.dynamics.calibration import band_in_window, calibrate, stretch_stiffness
from alzmodel.errors import InputError
from alzmodel.io import write_structure
from alzmodel.study.files import CURVES, MODEL
from alzmodel.study.settings import parse_study
from alzmodel.study.stage import Work
from alzmodel.study.stages import STAGES
from alzmodel.study.store import read_curves
from alzmodel.study.tasks import plan
from tests.dynamics.models import pyrochlore

STUDY = """
name = "bands"
local_order = false
xrd = false
fem = false
reference = false
[glass]
la = [3.0]
seeds = [1]
atoms = 100
"""


@pytest.fixture(scope="module", autouse=True)
def no_names():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "phonopy", None)
        yield


def stages_of(text):
    return {task.stage for task in plan(parse_study(text, "study.toml"))}


def test_it_is_off_unless_its_table_stands_there():
    assert not {"vibrations", "crystal_modes"} & stages_of(STUDY)
    assert {"vibrations", "crystal_modes"} <= stages_of(f"{STUDY}[vibrations]\n")


def test_only_another_sum_changes_the_task():
    def inputs_of(text):
        return next(task.inputs for task in plan(parse_study(text, "s.toml")) if task.stage == "vibrations")

    plain, same, damped = (
        inputs_of(f"{STUDY}[vibrations]\n{words}") for words in ("", 'coulomb = "ewald"', 'coulomb = "dsf"')
    )
    assert plain == same
    assert damped == {**plain, "coulomb": "dsf"}


def test_a_learned_potential_is_refused():
    text = STUDY.replace("atoms = 100", 'atoms = 100\npotential = "learned"')
    with pytest.raises(InputError, match=r"vibrations: potential 'learned'.* no second derivatives"):
        stages_of(f"{text}[vibrations]\n")


def work(folder, inputs, needs=None):
    folder.mkdir(exist_ok=True)
    return Work(inputs, needs or {}, folder, folder, lambda *_: None)


def values_of(result):
    return {row["name"]: row["value"] for row in result.quantities}


def test_crystals_say_where_the_modes_of_the_paper_would_go(tmp_path):
    inputs = {"potential": "du-teter", "lattice_parameters": [10.73, 10.91]}
    result = STAGES["crystal_modes"](work(tmp_path / "modes", inputs))
    values = values_of(result)
    # The paper prints +10 for the larger cell; a larger cell makes the mode softer.
    assert values["pyrochlore_eg_shift"] == pytest.approx(-24, abs=1)
    assert values["la2o3_eg"] == pytest.approx(93, abs=2)
    rms = {one["phase"]: one["rms_cm"] for one in result.results["calibration"]}
    assert rms["La2Zr2O7"] == pytest.approx(48.5, abs=1)
    overlap, misses = STAGES["crystal_modes"].caveats([type("R", (), {"results": result.results})], {}, None)
    assert "110 cm⁻¹ beside Li2CO3 at 101, 197 cm⁻¹ beside Li2CO3 at 198" in overlap
    assert "410 cm⁻¹ beside the band read as LiO6 at 407" in overlap
    assert "La2Zr2O7 48 (calculation), La2O3 39 (measured)" in misses
    for row in result.quantities:
        Quantity(row["name"], 3.0, "m", row["value"], kind=row.get("kind", "predicted"), source="crystal")


def test_a_glass_gets_bands_and_no_band_without_a_carrier(tmp_path):
    glass = tmp_path / "glass"
    glass.mkdir()
    write_structure(pyrochlore(), glass / MODEL)
    result = STAGES["vibrations"](
        work(tmp_path / "out", {"potential": "du-teter", "resolution": 20.0}, {"glass": glass})
    )
    values = values_of(result)
    assert np.isnan(values["lio6_eg_band"])
    assert values["zro6_a1g_rms"] == pytest.approx(794, abs=1)
    stiffness = result.results["stretch_stiffness"]
    assert stiffness == pytest.approx(1.125, abs=0.01)
    curves = read_curves(tmp_path / "out" / CURVES, "units")
    assert "units/ZrO6 A1g" in curves
    (note,) = STAGES["vibrations"].caveats([type("R", (), {"results": result.results})], {}, None)
    assert "13 % too stiff" in note


def test_stiffness_is_that_of_two_stretches():
    assert stretch_stiffness(()) != stretch_stiffness(())
    found = calibrate("du-teter")
    assert stretch_stiffness(found) == pytest.approx((545.6 / 481 + 821.8 / 736) / 2, abs=2e-3)
    assert {one.phase: len(one.irreps) for one in found} == {"La2Zr2O7": 6, "La2O3": 4}
    for one in found:
        miss = np.subtract(one.computed, one.reference)
        assert one.rms_cm == pytest.approx(np.sqrt(np.mean(miss**2)))
        assert one.unstable == 0


def test_a_band_is_the_centroid_of_its_upper_half():
    x = np.arange(0.0, 1000.0, 2.0)
    band = np.exp(-(((x - 600) / 30) ** 2)) + 0.6 * np.exp(-(((x - 800) / 20) ** 2))
    assert band_in_window(x, band, (500, 900)) == pytest.approx(600, abs=0.5)
    assert band_in_window(x, band, (700, 900)) == pytest.approx(800, abs=0.5)
    assert band_in_window(x, band, (610, 700)) is None
    assert band_in_window(x, 0 * x, (500, 900)) is None
