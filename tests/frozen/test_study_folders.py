"""Folders of studies that an earlier version left: they open, nothing in them is computed twice, they go on."""

import contextlib
import io
import json
import re
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
    # What has a newer version is made again.
    assert done["finished"] == [8, 11]
    assert done["half-melted"] == [1, 5]
    assert done["failed"] == [4, 13]


NEWER = {"crystallite", "local_order"}
"""Stages whose version was raised since these folders were made, see the table of CHANGELOG.md."""


def _new_stages(before, after):
    """Stages of which there are new results; the older ones are as they were."""
    assert {name: after.get(name) for name in before} == before
    return {name.partition("/")[0].rpartition("-")[0] for name in after if name not in before}


@pytest.mark.slow
def test_a_finished_study_is_not_done_again(tmp_path):
    """But for what has a newer version; the older results are kept."""
    study = unpack("finished", tmp_path)
    before = fingerprint(study / "runs")
    assert run("run", study / "study.toml", "--out", study)[0] == 0
    assert _new_stages(before, fingerprint(study / "runs")) == NEWER


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
    tables = {name: file_tree(study / name) for name in ("screen.csv", "screen.json")}
    (study / "screen.csv").unlink()
    code, said = run("run", study / "study.toml", "--out", study, "--json")
    assert code == 3
    result = json.loads(said)
    assert result["tasks"] == {"done": 7, "failed": 2, "left": 4}
    # Fewer than three glasses of a dopant have no rank any longer.
    changed = ["/screen.csv/columns[16][0]: 1.0, now None", "/screen.json/rows[0]/rank: 1, now None"]
    found = differences(tables, {name: file_tree(study / name) for name in tables})
    # What the score is stands in other words.
    assert [words for words in found if not words.startswith("/screen.json/score: ")] == changed
    assert all("needed: more than 10 Å²" in failure["reason"] for failure in result["failures"])
    assert _new_stages(before, fingerprint(study / "runs")) == NEWER


SINCE = {"exafs", "transport", "vibrations", "crystal_modes", "nucleus_shells"}
"""Stages that were not there yet."""


def _same_task(before, runs):
    """Folder of the task with the label of an older one."""
    label = json.loads((before / "record.json").read_text(encoding="utf-8"))["label"]
    stage = before.name.rpartition("-")[0]
    (found,) = [
        path
        for path in runs.glob(f"{stage}-*")
        if json.loads((path / "record.json").read_text(encoding="utf-8"))["label"] == label
    ]
    return found


def _is_more(line, stage):
    """Whether a newer version says more; a line that is broader than its window has no numbers any longer."""
    absent = stage == "crystallite" and (line.endswith(", now None") or "/line_222/" in line)
    return absent or line.endswith(": new") or " entries, now " in line


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
        now = _same_task(before, study / "runs") if stage in NEWER else study / "runs" / key
        assert now.is_dir(), f"{key}: has another key now"
        rtol = RTOL.get(stage, 1e-5)
        found = differences(_record(before), _record(now), rtol)
        # Cells of a crystal are alike: their spread was that of a jitter, and is rounding now.
        found = [line for line in found if not re.search(r"/voronoi/\w+/std: \S+e-0[6-9], now", line)]
        # A newer version may tell more.
        assert [line for line in found if stage not in NEWER or not _is_more(line, stage)] == [], key
        assert differences(_curves(before), _curves(now), rtol) == [], key
        checked.add(stage)
    assert checked == set(versions) - {"glass"} - SINCE


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
