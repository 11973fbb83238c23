"""A study gets its report whatever became of it, and what is missing is named at the top."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.study import runner
from alzmodel.study.index import collect_records, gather, write_results
from alzmodel.study.settings import load_study
from alzmodel.study.stages import STAGES
from alzmodel.study.store import Store
from alzmodel.study.tasks import plan
from tests.study.synthetic import make_study

if TYPE_CHECKING:
    from pathlib import Path


LIBRARY = """
name = "from the library"
local_order = false
xrd = false
fem = false
reference = false
[glass]
la = [3.0]
seeds = [1]
protocol = "as-deposited-high-Tf"
models = "library"
"""


@pytest.fixture(scope="module")
def text(synthetic_study: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("page") / "report.html"
    assert runner.report(synthetic_study, target) == target
    return target.read_text(encoding="utf-8")


def warnings(text: str) -> list[str]:
    notice = " ".join(re.findall(r'class="warnings".*?</(?:div|details)>', text, re.DOTALL))
    return [html.unescape(words) for words in re.findall(r"<li>(.*?)</li>", notice)]


def models(text: str) -> list[dict]:
    (data,) = re.findall(r'id="view-data">(.*?)</script>', text)
    return json.loads(data)


def test_a_finished_study(text: str) -> None:
    told = " ".join(warnings(text))
    assert "not done" not in told.lower()
    assert "The potential of La3+ is provisional" in told
    assert "FEM columns for each model: 1" in told
    assert "quenched at 100 K/ps" in told
    assert "support no hypothesis" in told
    for title in ("Partial pair distribution", "Coordination", "X-ray powder", "FEM of the glasses alone"):
        assert title in text
    assert text.count('download="') == text.count('<figure id="figure-')
    assert "protocol.quench_rate" not in text
    assert "steps.quench_rate" in text
    assert "Study: synthetic &lt;study&gt;" in text
    assert len(text) < 15e6


def test_models_of_the_library_are_named_with_their_own_protocol(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "study", settings_text=LIBRARY, glass=STAGES["glass"])
    target = tmp_path / "report.html"
    runner.report(folder, target)
    text = target.read_text(encoding="utf-8")
    told = " ".join(warnings(text))
    assert "glasses are finished models of the package's library" in told
    assert "quenched at 300 K/ps" in told
    shown = dict(re.findall(r"<td>steps\.(\w+)</td><td>(.*?)</td>", text))
    assert shown["name"] == "as-deposited-high-Tf"
    assert float(shown["quench_rate"]) == 300.0


def test_every_output_marks_provisional_ions(
    synthetic_study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "provisional potential parameters for La3+"
    words: tuple[str, ...]
    for words in (
        ("compare", str(synthetic_study), "--json"),
        ("plot", "pdf", str(synthetic_study), "-o", str(tmp_path / "pdf.svg")),
        ("report", str(synthetic_study), "-o", str(tmp_path / "page.html")),
    ):
        assert main(list(words)) == 0
        caught = capsys.readouterr()
        assert told in caught.err
        if "--json" in words:
            assert json.loads(caught.out)["provisional"] == ["La3+"]
    assert "Provisional potential parameters: La3+" in (tmp_path / "pdf.svg").read_text(encoding="utf-8")
    _, tasks, store = runner._open(synthetic_study)
    write_results(gather(collect_records(tasks, store)), tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    # Of seed 2 alone, in every analysis of it.
    assert {row["provisional"] for row in rows if row["seed"] == "1"} == {""}
    assert {row["provisional"] for row in rows if row["seed"] == "2"} == {"La3+"}
    assert len({row["task"] for row in rows if row["seed"] == "2"}) > 2


def test_every_model_can_be_seen(text: str) -> None:
    names = [one["name"] for one in models(text)]
    assert names == [
        *(f"glass x={la} seed {seed}" for la in ("1.5", "3") for seed in (1, 2)),
        "glass with a nucleus (assumed), x=1.5 seed 1",
        "crystal La2Zr2O7",
        "crystal MgO",
    ]
    for one in models(text)[:4]:
        assert {"oxygens around it", "bond-valence sum", "formal charge"} <= set(one["numbers"])
        assert one["shells"]


def test_the_nucleus_is_in_the_middle_of_what_is_drawn(text: str) -> None:
    one = next(one for one in models(text) if "nucleus" in one["name"])
    number = np.array(one["numbers"]["number of the nucleus"]["values"])
    xyz = np.reshape(one["xyz"], (-1, 3)) / 100
    assert (number == 1).sum() > 1500
    assert (number == 0).sum() > 1500
    middle = (xyz.min(axis=0) + xyz.max(axis=0)) / 2
    inside = np.linalg.norm(xyz[number == 1] - middle, axis=1)
    assert inside.max() < 32
    assert one["start"] == {"colour": "number of the nucleus", "cut": 50}
    assert "did not grow" in one["note"]


def test_what_failed_and_what_is_missing_stand_at_the_top(synthetic_study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(synthetic_study, folder)
    store = Store(folder)
    tasks = {task.label: task for task in plan(load_study(folder / "study.toml"))}
    gone = [label for label in tasks if label.endswith("x=3 seed 1")] + ["crystal MgO"]
    for label in gone:
        shutil.rmtree(store.runs / tasks[label].key)
    store.fail(tasks["glass x=3 seed 1"], "it <boiled>")
    text = runner.report(folder).read_text(encoding="utf-8")
    told = warnings(text)
    assert told[0].startswith(f"5 of {len(tasks)} tasks of the study are not done")
    assert "Failed: glass x=3 seed 1: it <boiled>" in told
    words = "local order x=3 seed 1, XRD x=3 seed 1, FEM x=3 seed 1"
    assert f"Not done without glass x=3 seed 1: {words}" in told
    assert "Not done yet: crystal MgO" in told
    assert "glass x=3 seed 1" not in [one["name"] for one in models(text)]
    assert text.index("it &lt;boiled&gt;") < text.index('id="verdicts"')


def test_only_crystals(synthetic_study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(synthetic_study, folder)
    for path in (folder / "runs").iterdir():
        if not path.name.startswith("crystal-"):
            shutil.rmtree(path)
    text = runner.report(folder).read_text(encoding="utf-8")
    assert [one["name"] for one in models(text)] == ["crystal La2Zr2O7", "crystal MgO"]
    assert "17 of 19 tasks" in warnings(text)[0]
