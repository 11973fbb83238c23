"""A study of two protocols: each stands for its state of the film, and no figure, row or verdict mixes them."""

import csv
import random
from dataclasses import replace

import numpy as np
import pytest

from alzmodel.compare.comparison import compare_models
from alzmodel.compare.measured import load_measured
from alzmodel.compare.verdicts import judge_hypotheses
from alzmodel.study import runner
from alzmodel.study.index import collect_records, gather
from alzmodel.study.settings import load_study
from alzmodel.study.store import Store
from alzmodel.study.tasks import plan
from tests.study.synthetic import SETTINGS, make_study

ANNEALED, HOT = "annealed-low-Tf", "as-deposited-high-Tf"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    text = SETTINGS.replace("atoms = 180", f'atoms = 180\nprotocol = ["{HOT}", "{ANNEALED}"]')
    text = text.replace("seeds = [1, 2]", "seeds = [1]")
    return make_study(tmp_path_factory.mktemp("two") / "study", settings_text=text)


@pytest.fixture(scope="module")
def numbers(study):
    return gather(collect_records(plan(load_study(study / "study.toml")), Store(study))).quantities


def test_models_of_both_protocols_have_names_of_their_own(numbers):
    models = {(q.model, q.protocol) for q in numbers if q.source == "glass"}
    assert len({name for name, _ in models}) == len(models) == 4
    assert {protocol for _, protocol in models} == {ANNEALED, HOT}


def test_rows_and_verdicts_take_one_protocol(numbers):
    rows = compare_models(numbers, load_measured())
    used = {(row.state, row.protocol) for row in rows if row.source == "glass" and row.n_models}
    assert used == {("annealed", ANNEALED), ("as deposited", HOT)}
    assert all(row.n_models == 1 for row in rows if row.source == "glass" and row.model is not None)
    parts = [part for verdict in judge_hypotheses(numbers) for part in verdict.parts if not part.problem]
    assert parts
    assert {part.protocol for part in parts} == {ANNEALED}


def test_the_annealed_models_alone_give_the_same_verdicts_in_any_order(numbers):
    verdicts = judge_hypotheses(numbers)
    alone = [q for q in numbers if q.protocol != HOT]
    assert judge_hypotheses(alone) == verdicts
    random.Random(3).shuffle(alone)
    assert judge_hypotheses(alone) == verdicts
    moved = [replace(q, value=q.value + 1) if q.protocol == HOT else q for q in numbers]
    assert judge_hypotheses(moved) == verdicts


def test_curves_of_both_stand_apart(study, tmp_path):
    for name in ("pdf", "fem", "sharing"):
        target = runner.plot(name, study, tmp_path / f"{name}.csv")
        text = target.read_text(encoding="utf-8")
        for x in ("x = 1.5", "x = 3"):
            assert f"{x}, {ANNEALED}" in text
            assert f"{x}, {HOT}" in text
    with runner.plot("fem_peaks", study, tmp_path / "peaks.csv").open(encoding="utf-8", newline="") as handle:
        table = list(csv.DictReader(handle))
    assert {row["protocol"] for row in table if row["model"]} == {ANNEALED}
    bonds = [float(row["Zr–O of the glass"]) for row in table if row["Zr–O of the glass"]]
    records = collect_records(plan(load_study(study / "study.toml")), Store(study))
    own = [
        q["value"]
        for record in records
        if record.stage == "local_order" and record.inputs["model"]["protocol"] == ANNEALED
        for q in record.quantities
        if q["name"] == "zr_o_distance"
    ]
    np.testing.assert_allclose(sorted(bonds), sorted(own), rtol=1e-6)


def test_the_report_says_which_models_stand_for_what(study, tmp_path):
    text = runner.report(study, tmp_path / "report.html").read_text(encoding="utf-8")
    top = text[: text.index('id="verdicts"')]
    assert f"Models of {ANNEALED} stand for annealed films" in top
    assert f"Models of {HOT} stand for as deposited films" in top
    assert "quenched at 100 and 300 K/ps" in top
    for name in (ANNEALED, HOT):
        assert f"steps.{name}.quench_rate" in text
    # Rivals, and every part with its power, stand with the verdicts.
    assert "H7 and its rival H7R" in text
    assert "Every part of every claim" in text
