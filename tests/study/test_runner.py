"""The main job with its real stages: the light ones always, a whole miniature study when slow tests are wanted."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import ase.db
import numpy as np
import pytest

from alzmodel import limits
from alzmodel.cli import main
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.io import read_frames, read_structure
from alzmodel.models.protocols import PROTOCOLS
from alzmodel.study import runner
from alzmodel.study.executors import LocalExecutor
from alzmodel.study.index import gather, write_database
from alzmodel.study.screen_settings import screen_study
from alzmodel.study.settings import StudySettings, parse_study, preset
from alzmodel.study.store import Store, read_curves
from alzmodel.study.tasks import plan

from .processes import command

if TYPE_CHECKING:
    from alzmodel.study.outcomes import StudyResult
    from alzmodel.study.scheduler import StudyEvent

LIGHT = parse_study(
    "fem = false\n[glass]\nla = [3.0]\nseeds = [1]\n[reference]\nphases = ['MgO', 'Li2O']\nrelax = []\n",
    "light",
)


def only_reference(settings: StudySettings):
    return tuple(task for task in plan(settings) if task.stage in {"crystal", "crystallite"})


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory):
    """A study of two reference crystals and one crystallite, run once."""
    folder = tmp_path_factory.mktemp("light") / "study"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "plan", only_reference)
        return runner.run(LIGHT, folder)


def test_a_light_study_leaves_what_it_promises(light: StudyResult) -> None:
    assert light.tasks == {"done": 3, "failed": 0, "left": 0}
    assert light.exit_code == 0
    names = {str(path.relative_to(light.out)) for path in light.files}
    assert {"study.toml", "results.csv", "study.db", "comparison.json", "report.html"} <= names
    for figure in ("xrd", "reference", "comparison"):
        assert {f"figures/{figure}.png", f"figures/{figure}.svg"} <= names
    # No glass, no figure of it.
    assert "figures/pdf.png" not in names
    assert all(path.is_file() and path.stat().st_size for path in light.files)
    assert {verdict.verdict for verdict in light.hypotheses} == {"not testable"}


def test_a_plan_refuses_files_that_are_not_there(tmp_path: Path) -> None:
    study = LIGHT.model_copy(
        update={"compare": LIGHT.compare.model_copy(update={"measured": "nowhere.toml"})}
    )
    with pytest.raises(InputError, match="nowhere"):
        runner.plan_study(study, tmp_path / "out")


def test_results_say_unit_and_kind(light: StudyResult) -> None:
    with (light.out / "results.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert rows
    assert all(row["kind"] == "assumed" and row["source"] == "glass-ceramic" for row in rows)
    line = next(row for row in rows if row["quantity"] == "xrd_222_two_theta")
    assert float(line["value"]) == pytest.approx(28.57, abs=0.05)
    assert line["unit"] == "°"


def test_the_database_finds_models_by_keys(light: StudyResult) -> None:
    with ase.db.connect(light.out / "study.db") as database:
        (row,) = database.select(phase="MgO")
        assert row.formula == "Mg4O4"
        assert row.kind == "crystal"
        assert row.data["provenance"]
        assert database.count("Li>2") == 1


def test_running_again_does_nothing_and_changes_no_byte(
    light: StudyResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "plan", only_reference)
    before = {
        path: path.read_bytes() for path in light.out.rglob("*") if path.is_file() and path.name != ".lock"
    }
    kinds: list[str] = []
    again = runner.run(LIGHT, light.out, listen=lambda event: kinds.append(event.kind))
    assert again == light
    assert set(kinds) == {"step"}
    after = {
        path: path.read_bytes() for path in light.out.rglob("*") if path.is_file() and path.name != ".lock"
    }
    assert before == after


def test_curves_have_units(light: StudyResult) -> None:
    (folder,) = (light.out / "runs").glob("crystallite-*")
    curves = read_curves(folder / "curves.h5")
    assert curves["xrd/two_theta"].unit == "degrees"
    assert curves["xrd/two_theta"].values.shape == curves["xrd/intensity"].values.shape


def test_a_look_at_a_study(light: StudyResult, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runner, "plan", only_reference)
    found = runner.status(light.out)
    assert found.tasks == light.tasks
    assert not found.at_work
    assert found.fraction == 1
    rows, verdicts = runner.compare(light.out)
    assert rows == light.measured
    assert verdicts == light.hypotheses
    target = runner.plot("xrd", light.out, tmp_path / "one.svg")
    assert target.read_text(encoding="utf-8").startswith("<?xml")
    page = runner.report(light.out, tmp_path / "page.html").read_text(encoding="utf-8")
    assert page == (light.out / "report.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="did you mean 'sharing'"):
        runner.plot("sharin", light.out, tmp_path / "one.svg")
    with pytest.raises(InputError, match="no finished local order"):
        runner.plot("pdf", light.out, tmp_path / "one.svg")
    with pytest.raises(InputError, match="does not exist"):
        runner.plot("xrd", light.out, tmp_path / "none" / "one.svg")


def test_the_plan_knows_what_is_done(light: StudyResult, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = runner.plan_study(LIGHT, light.out)
    assert sum(row["done"] for row in whole.tasks) == 3
    assert whole.seconds > 10
    assert whole.megabytes > 0.5
    monkeypatch.setattr(runner, "plan", only_reference)
    rest = runner.plan_study(LIGHT, light.out)
    assert rest.seconds == 0
    assert rest.megabytes == 0


def test_room_told_is_of_the_size_of_that_taken(tmp_path: Path) -> None:
    """MB of 24 library glasses of 5000 atoms with all analyses, and of eight built ones of 200, as measured."""
    paper = preset("paper")
    library = paper.model_copy(update={"glass": paper.glass.model_copy(update={"models": "library"})})
    assert 70 < runner.plan_study(library, tmp_path).megabytes < 150
    small = screen_study(["Ca", "Y", "La"], seeds=2, atoms=200)
    told = runner.plan_study(small, tmp_path).megabytes
    assert 7 < told < 28
    # A position is a line of 71 characters; the head of each frame is shared out on top.
    large = small.model_copy(update={"glass": small.glass.model_copy(update={"atoms": 5000})})
    glasses = sum(task.stage == "glass" for task in plan(small))
    positions = glasses * (5000 - 200) * (1 + PROTOCOLS["quick"].frames)
    assert 71 <= 1e6 * (runner.plan_study(large, tmp_path).megabytes - told) / positions < 150


def test_planning_touches_nothing(tmp_path: Path) -> None:
    planned = runner.plan_study(preset("quick"), tmp_path / "study")
    assert not (tmp_path / "study").exists()
    assert planned.seconds < 300


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"workers": 0}, "--workers: 0"),
        ({"executor": "cloud"}, "--executor: 'cloud'"),
        ({"measured": "none.toml"}, "none.toml"),
        ({"study": "none.toml"}, "none.toml"),
    ],
)
def test_bad_requests_are_refused_before_anything_is_written(
    tmp_path: Path, change: dict, words: str
) -> None:
    arguments = {"study": LIGHT, "out": tmp_path / "study"} | change
    with pytest.raises(InputError, match=words):
        runner.run(**arguments)
    assert not (tmp_path / "study").exists()


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        runner.run(LIGHT, tmp_path / "file")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    with pytest.raises(InputError, match="not writable"):
        runner.run(LIGHT, locked / "study")
    for look in (runner.status, runner.compare, runner.report):
        with pytest.raises(InputError, match=r"holds no study\.toml"):
            look(tmp_path)


def test_nothing_done_yet(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("[glass]\nla = [3.0]\nseeds = [1]\n", encoding="utf-8")
    assert runner.status(tmp_path).tasks["done"] == 0
    for look in (runner.compare, runner.report):
        with pytest.raises(InputError, match="nothing of the study is done"):
            look(tmp_path)


def test_a_failed_stage_is_told_and_the_rest_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(settings: StudySettings):
        first, *rest = only_reference(settings)
        from alzmodel.study.tasks import make_task

        return (make_task("crystal", "no such thing", {**first.inputs, "phase": "unobtainium"}), *rest)

    monkeypatch.setattr(runner, "plan", spoilt)
    result = runner.run(LIGHT.model_copy(update={"xrd": False}), tmp_path / "study")
    assert result.tasks == {"done": 1, "failed": 1, "left": 0}
    assert result.exit_code == 3
    (failure,) = result.failures
    assert "unobtainium" in failure["reason"]
    assert "unobtainium" in Path(failure["log"]).read_text(encoding="utf-8")
    assert "unobtainium" in (tmp_path / "study" / "report.html").read_text(encoding="utf-8")
    assert runner.status(tmp_path / "study").failures[0]["reason"] == failure["reason"]


MINIATURE = """
name = "miniature"
local_order = { r_max = 12.0 }
reference = { phases = ["La2Zr2O7"] }
[glass]
la = [1.5, 3.0]
seeds = [1]
atoms = 180
protocol_changes = { cutoff = 6.0, melt_time = 6.0, melt_temperature = 4200.0, quench_rate = 800.0 }
[fem]
columns = 1
"""


@pytest.mark.slow
def test_a_miniature_study_from_end_to_end(tmp_path: Path) -> None:
    """A driver killed in the middle of a melt, finished by another, equals one that was left alone."""
    study = tmp_path / "study.toml"
    study.write_text(MINIATURE, encoding="utf-8")
    script = f"from alzmodel.study import runner; runner.run({str(study)!r}, {str(tmp_path / 'a')!r})"
    driver = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, start_new_session=True)
    # Killed as soon as the first restart file of a melt is there.
    end = time.monotonic() + 60
    while not list((tmp_path / "a").glob("work/glass-*/scratch/*/*.restart")):
        assert time.monotonic() < end
        assert driver.poll() is None, driver.stderr.read().decode()
        time.sleep(0.05)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()

    killed: list[int] = []

    def kill_lammps(event: StudyEvent) -> None:
        """LAMMPS itself, once, in the middle of a glass of this study: others may run on the machine."""
        if event.kind != "progress" or event.fraction < 0.1 or killed:
            return
        for entry in Path("/proc").glob("[0-9]*"):
            words = command(int(entry.name))
            if "lammps_worker" in words and str(tmp_path) in words and not killed:
                killed.append(int(entry.name))
                os.kill(killed[0], signal.SIGKILL)

    disturbed = runner.run(study, tmp_path / "a", listen=kill_lammps)
    assert killed
    calm = runner.run(study, tmp_path / "b", workers=1)
    assert disturbed.tasks == calm.tasks == {"done": 10, "failed": 0, "left": 0}
    for path in sorted((tmp_path / "b").rglob("*")):
        if path.is_file() and path.name not in {"log", "timing.json", ".lock"}:
            assert path.read_bytes() == (tmp_path / "a" / path.relative_to(tmp_path / "b")).read_bytes(), path

    store = Store(tmp_path / "a")
    (task,) = [task for task in plan(parse_study(MINIATURE, "m")) if task.label == "glass x=3 seed 1"]
    folder = store.runs / task.key
    model = read_structure(folder / "model.extxyz")
    assert len(model) >= 180
    assert model.get_initial_charges().sum() == pytest.approx(0)
    provenance = model.info["provenance"]
    assert provenance["seed"] == 1
    assert min(provenance["msd_melt"].values()) > 10
    assert len(read_frames(folder / "frames.extxyz")) >= 5
    with (tmp_path / "a" / "results.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    for name in (
        "density",
        "zr_o_distance",
        "edge_fraction_zr_la",
        "xrd_halo_two_theta",
        "fem_peak1_excess",
        "d222",
    ):
        assert {row["la"] for row in rows if row["quantity"] == name} == {"1.5", "3.0"}, name
    predicted = {row["source"] for row in rows if row["kind"] == "predicted"}
    assert predicted == {"glass", "crystal"}
    with ase.db.connect(tmp_path / "a" / "study.db") as database:
        (row,) = database.select(la=3.0)
        assert row.density == pytest.approx(provenance["density_300K"])
        assert np.allclose(row.toatoms().positions, model.positions)
    note = json.loads((tmp_path / "a" / "comparison.json").read_text(encoding="utf-8"))
    # One model a composition judges nothing, and says so.
    assert not [v for v in note["hypotheses"] if v["verdict"] in {"supported", "contradicted"}]
    assert {row["kind"] for row in note["measured"]} == {"predicted", "assumed", "not modelled"}


@pytest.mark.parametrize(
    ("words", "function", "told"),
    [
        (
            ["run", "--out"],
            "run",
            "alzmodel: interrupted: finished results are kept; run the same command to resume\n",
        ),
        (
            ["screen", "--dopants", "Ca", "-o"],
            "run",
            "alzmodel: interrupted: finished results are kept; run the same command to resume\n",
        ),
        (["status"], "status", "alzmodel: interrupted\n"),
    ],
)
def test_after_ctrl_c_one_line_says_how_to_go_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    function: str,
    told: str,
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, function, interrupt)
    assert main([*words, str(tmp_path / "study")]) == 130
    assert capsys.readouterr().err == told


FAILING = """
from alzmodel.errors import BuildError
from alzmodel.study.worker import main

def fail(work):
    raise BuildError("no luck")

main({"crystal": fail, "crystallite": fail})
"""


def test_a_study_of_which_nothing_is_done_ends_with_its_reasons(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runner, "plan", only_reference)
    monkeypatch.setattr(limits, "LONG", 0.1)
    heard = []
    result = runner.run(
        LIGHT,
        tmp_path / "study",
        executor=lambda store, slots: LocalExecutor(store, slots, (sys.executable, "-c", FAILING)),
        listen=heard.append,
    )
    # What it takes is told before it begins.
    assert heard[0].kind == "plan"
    assert heard[0].label.startswith("3 tasks, 2 at a time: about ")
    assert result.tasks == {"done": 0, "failed": 3, "left": 0}
    assert result.exit_code == 1
    assert {failure["reason"] for failure in result.failures} == {"no luck"}
    assert "no luck" in (result.out / "report.html").read_text(encoding="utf-8")
    with ase.db.connect(result.out / "study.db") as database:
        assert database.count() == 0


def test_a_database_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("ase.db.connect", full)
    with pytest.raises(AlzmodelError, match=r"study\.db: cannot be written \(database or disk is full\)"):
        write_database(gather([]), Store(tmp_path), tmp_path / "study.db")
    assert not list(tmp_path.iterdir())
