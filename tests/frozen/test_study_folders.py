"""Folders of studies that an earlier version left: they open, nothing in them is computed twice, they go on."""

import contextlib
import io
import json
import shutil
import subprocess

import pytest

from tests.frozen.folders import NAMES, fingerprint, unpack
from tests.frozen.frozen import load
from tests.frozen.paths import main, read_curves
from tests.frozen.trees import differences, file_tree, numbers, tree


def run(*words):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main([str(word) for word in words])
    return code, said.getvalue()


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    target = tmp_path_factory.mktemp("studies")
    return {name: unpack(name, target) for name in NAMES}


@pytest.fixture
def idle(monkeypatch):
    """Refuse to start a process: each task, and each run of LAMMPS, has one of its own."""
    import finufft

    start = subprocess.Popen.__init__

    def refuse(*words, **_):
        raise AssertionError(f"something is computed: {words}")

    def start_others(process, command, *rest, **options):
        if "alzmodel" in str(command) or "python" in str(command):
            process.returncode = None
            refuse(command)
        start(process, command, *rest, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", start_others)
    for name in dir(finufft):
        if name.startswith("nufft"):
            monkeypatch.setattr(finufft, name, refuse)


LOOKS = {
    "status": ("status", "{study}", "--json"),
    "compare": ("compare", "{study}", "--json"),
    "plot": ("plot", "xrd", "{study}", "-o", "{out}/xrd.svg"),
    "plot of a comparison": ("study", "plot", "comparison", "{study}", "-o", "{out}/comparison.png"),
    "plan": ("run", "{study}/study.toml", "--out", "{study}", "--dry-run"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("look", LOOKS)
def test_looking_at_a_study_computes_nothing(studies, idle, tmp_path, name, look):
    study = studies[name]
    words = [word.format(study=study, out=tmp_path) for word in LOOKS[look]]
    before = fingerprint(study)
    code, _ = run(*words)
    nothing_to_draw = name == "half-melted" and look == "plot"
    assert code == (2 if nothing_to_draw else 0)
    assert fingerprint(study) == before


@pytest.mark.parametrize("name", ["finished", pytest.param("failed", marks=pytest.mark.slow)])
def test_the_report_of_a_study_computes_nothing(studies, idle, tmp_path, name):
    before = fingerprint(studies[name])
    code, _ = run("report", studies[name], "-o", tmp_path / "page.html")
    assert code == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "frozen, " + name in page
    assert fingerprint(studies[name]) == before


def test_the_plan_of_a_study_knows_what_is_done(studies):
    done = {}
    for name, study in studies.items():
        rows = json.loads(run("run", study / "study.toml", "--out", study, "--dry-run", "--json")[1])["tasks"]
        done[name] = [sum(row["done"] for row in rows), len(rows)]
    assert done["finished"] == [11, 11]
    assert done["half-melted"] == [1, 5]
    assert done["failed"] == [7, 13]


@pytest.mark.slow
def test_a_finished_study_is_not_done_again(tmp_path, idle):
    study = unpack("finished", tmp_path)
    before = fingerprint(study / "runs")
    assert run("run", study / "study.toml", "--out", study)[0] == 0
    assert fingerprint(study / "runs") == before


@pytest.mark.slow
def test_a_half_melted_study_goes_on(tmp_path):
    study = unpack("half-melted", tmp_path)
    before = fingerprint(study / "runs")
    restart = next(study.glob("work/glass-*/scratch/*/0-melt-0.restart"))
    key = restart.parents[2].name
    code, said = run("run", study / "study.toml", "--out", study, "--json")
    assert code == 0
    assert json.loads(said)["tasks"] == {"done": 5, "failed": 0, "left": 0}
    after = fingerprint(study / "runs")
    assert {name: after.get(name) for name in before} == before
    record = json.loads((study / "runs" / key / "record.json").read_text(encoding="utf-8"))
    assert record["results"]["provenance"]["seed"] == 2
    assert not restart.exists()


@pytest.mark.slow
def test_a_failed_study_tries_again_what_failed_and_that_alone(tmp_path):
    study = unpack("failed", tmp_path)
    before = fingerprint(study / "runs")
    tables = {name: file_tree(study / name) for name in ("screen.csv", "screen.json", "results.csv")}
    (study / "screen.csv").unlink()
    code, said = run("run", study / "study.toml", "--out", study, "--json")
    assert code == 3
    result = json.loads(said)
    assert result["tasks"] == {"done": 7, "failed": 2, "left": 4}
    assert differences(tables, {name: file_tree(study / name) for name in tables}) == []
    assert all("needed: more than 10 Å²" in failure["reason"] for failure in result["failures"])
    assert fingerprint(study / "runs") == before


RTOL = {"crystal": 1e-4}
"""The relaxed cell is LAMMPS's, which ends where forces are small."""


@pytest.mark.slow
def test_analyses_of_the_same_glasses_give_the_same_numbers(tmp_path, studies):
    """Each stage but the melt, from the same frames: all that its record and its curves hold."""
    study, versions = unpack("finished", tmp_path), load("task_keys.json")["versions"]
    old = {path.name: path for path in (studies["finished"] / "runs").iterdir()}
    for path in (study / "runs").iterdir():
        if not path.name.startswith("glass-"):
            shutil.rmtree(path)
    assert run("run", study / "study.toml", "--out", study)[0] == 0
    checked = set()
    for key, before in old.items():
        stage = key.rpartition("-")[0]
        if stage == "glass":
            continue
        now = study / "runs" / key
        assert now.is_dir(), f"{key}: has another key now"
        rtol = RTOL.get(stage, 1e-5)
        assert differences(_record(before), _record(now), rtol) == [], key
        assert differences(_curves(before), _curves(now), rtol) == [], key
        checked.add(stage)
    assert checked == set(versions) - {"glass"}


def _record(folder):
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    return tree(
        {name: record[name] for name in ("stage", "label", "inputs", "needs", "quantities", "results")}
    )


def _curves(folder):
    return {
        name: {"unit": curve.unit, **numbers(curve.values)}
        for name, curve in read_curves(folder / "curves.h5").items()
    }
