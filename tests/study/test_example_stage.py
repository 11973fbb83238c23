"""A new analysis is one file and its name in the list of stages: all else follows."""

from __future__ import annotations

import csv
import dataclasses
import html
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.compare import quantities
from alzmodel.errors import InputError
from alzmodel.study import runner, stages
from alzmodel.study.index import write_results
from alzmodel.study.settings import commented_template, parse_study
from alzmodel.study.store import read_curves
from alzmodel.study.study_file import study_toml
from alzmodel.study.tasks import plan
from tests.study.example_stage import SHIFT
from tests.study.synthetic import make_study

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STUDY = """
name = "with shifts"
local_order = false
xrd = false
fem = false
reference = false
[glass]
la = [3.0]
seeds = [1, 2]
atoms = 100
protocol_changes = { cutoff = 6.0 }
[shift]
bins = 20
"""


@pytest.fixture(scope="module")
def registered() -> Iterator[None]:
    stages.add(SHIFT)
    yield
    del stages.STAGES["shift"]
    del quantities._TABLE["mean_shift"]


@pytest.fixture(scope="module")
def folder(registered, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("shift") / "study", settings_text=STUDY)


def test_its_settings_stand_in_the_template_and_are_checked(registered) -> None:
    text = commented_template()
    assert (
        "[shift]\n# Å; shifts are counted up to here.\nlongest = 3.0\n# Of the histogram.\nbins = 30\n"
        in text
    )
    assert parse_study(text, "template").shift.bins == 30
    assert parse_study(study_toml(parse_study(STUDY, "study")), "copy").shift.bins == 20
    with pytest.raises(InputError, match=r"shift\.binz: unknown key; did you mean 'bins'"):
        parse_study(STUDY.replace("bins", "binz"), "study")
    with pytest.raises(InputError, match=r"shift\.longest: -1\.0 is refused"):
        parse_study(STUDY + "longest = -1.0\n", "study")


def test_it_stands_in_the_plan_with_time_and_room(registered, tmp_path: Path, capsys) -> None:
    path = tmp_path / "study.toml"
    path.write_text(STUDY, encoding="utf-8")
    assert main(["run", str(path), "--out", str(tmp_path / "out"), "--dry-run", "--json"]) == 0
    rows = [row for row in json.loads(capsys.readouterr().out)["tasks"] if row["stage"] == "shift"]
    assert [row["label"] for row in rows] == ["shifts x=3 seed 1", "shifts x=3 seed 2"]
    assert all(row["seconds"] == pytest.approx(0.1 + 1e-6 * 100 * 10) for row in rows)
    without = parse_study("shift = false\n" + STUDY.partition("[shift]")[0], "without")
    more = runner.plan_study(parse_study(STUDY, "with"), tmp_path / "out").megabytes
    assert more - runner.plan_study(without, tmp_path / "out").megabytes == pytest.approx(0.1)
    assert "shift" not in {task.stage for task in plan(without)}


def test_its_numbers_stand_in_csv_and_curves(folder: Path, tmp_path: Path) -> None:
    _, tasks, store = runner._open(folder)
    write_results(runner._finished(folder, tasks, store), tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["quantity"] == "mean_shift"]
    assert [(row["seed"], row["unit"], row["kind"]) for row in rows] == [
        ("1", "Å", "predicted"),
        ("2", "Å", "predicted"),
    ]
    keys = [task.key for task in tasks if task.stage == "shift"]
    for row, key in zip(rows, keys, strict=True):
        curves = read_curves(store.runs / key / "curves.h5")
        assert curves["atoms/shift"].values.mean() == pytest.approx(float(row["value"]))
        assert curves["shift/r"].unit == "Å"


def test_it_stands_on_the_page_and_in_the_viewer(folder: Path, tmp_path: Path) -> None:
    page = runner.report(folder, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Shifts of 2 models, from few frames." in html.unescape(page)
    assert "How far atoms are from their places" in page
    assert "mean shift from its place" in page
    (data,) = re.findall(r'id="view-data">(.*?)</script>', page)
    for model in json.loads(data):
        shift = model["numbers"]["shift (Å)"]["values"]
        assert len(shift) == len(model["element"])
        assert 0 < np.mean(shift) < 0.2
    assert runner.plot("shift", folder, tmp_path / "shift.svg").is_file()


def test_hypotheses_may_speak_of_its_quantities(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "hypotheses.toml"
    path.write_text(
        'schema = 1\n[[hypothesis]]\nid = "H1"\ntitle = "atoms stay"\nstatement = "atoms stay"\n'
        '[[hypothesis.parts]]\nquantity = "mean_shift"\ntest = "below"\ntarget = 0.2\n',
        encoding="utf-8",
    )
    _, (verdict,) = runner.compare(folder, hypotheses=path)
    assert verdict.quantity == "mean shift from its place"
    assert verdict.n_models == 2
    assert verdict.effect < 0


def test_a_name_and_a_quantity_mean_one_thing(registered) -> None:
    with pytest.raises(InputError, match="stage 'shift': stands there already"):
        stages.add(SHIFT)
    with pytest.raises(InputError, match="quantity density"):
        quantities.declare(quantities.QuantityInfo("density", "number of atoms", "1/Å³"))


def test_an_optional_analysis_waits_for_its_table(registered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stages.STAGES, "shift", dataclasses.replace(SHIFT, optional=True))
    head = STUDY.partition("[shift]")[0]
    assert parse_study(head, "without").shift is False
    assert "shift" not in {task.stage for task in plan(parse_study(head, "without"))}
    assert "shift" in {task.stage for task in plan(parse_study(STUDY, "with"))}
    assert "\n# [shift]\n# # Å; shifts are counted up to here.\n# longest = 3.0\n" in commented_template()


def test_an_analysis_without_what_it_needs_is_refused(registered, monkeypatch: pytest.MonkeyPatch) -> None:
    needy = dataclasses.replace(SHIFT, needs=("glass", "local_order"))
    monkeypatch.setitem(stages.STAGES, "shift", needy)
    with pytest.raises(InputError, match=r"shift: needs local_order; allowed: a table \[local_order\]"):
        plan(parse_study(STUDY, "study"))
    tasks = plan(parse_study(STUDY.replace("local_order = false\n", ""), "study"))
    keys = {task.key for task in tasks if task.stage == "local_order"}
    assert {task.needs["local_order"] for task in tasks if task.stage == "shift"} == keys
