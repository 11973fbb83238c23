"""What is made again is told before it is, and results of older versions are kept and shown."""

from __future__ import annotations

import dataclasses
import html
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from alzmodel.cli import main
from alzmodel.study import runner, stages
from alzmodel.study.earlier import again_words, earlier_words, with_earlier
from alzmodel.study.settings import parse_study
from alzmodel.study.store import Store
from alzmodel.study.tasks import plan
from tests.study.synthetic import make_study

if TYPE_CHECKING:
    from alzmodel.study.scheduler import StudyEvent

STUDY = """
local_order = { r_max = 6.0 }
fem = false
reference = false
[glass]
la = [3.0]
seeds = [1, 2]
atoms = 100
protocol_changes = { cutoff = 6.0 }
[xrd]
two_theta = [10.0, 80.0, 0.5]
crystallite_diameter = 20.0
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("made") / "study", settings_text=STUDY)


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("alzmodel.study.figures.draw_all", lambda *_: [])
    return Path(shutil.copytree(made, tmp_path / "study"))


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Version of XRD patterns."""
    newer = dataclasses.replace(stages.STAGES["xrd"], version=stages.STAGES["xrd"].version + 1)
    monkeypatch.setitem(stages.STAGES, "xrd", newer)


def test_nothing_is_said_where_nothing_is_made_again(folder: Path, tmp_path: Path) -> None:
    tasks = plan(parse_study(STUDY, "study"))
    assert again_words(tasks, Store(folder)) == []
    assert earlier_words(with_earlier(tasks, Store(folder))) == []
    assert with_earlier(tasks, Store(folder)) == tasks
    # Nor of what was never done.
    assert again_words(tasks, Store(tmp_path / "none")) == []


def test_a_newer_version_is_told_before_anything_is_made(
    folder: Path, raised: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*")}
    told = (
        "xrd: 2 results are made again, since they are of version 1 of the stage, which is 2 now; "
        f"the old ones stay in {folder.resolve() / 'runs'}"
    )
    assert main(["run", str(folder / "study.toml"), "--out", str(folder), "--dry-run"]) == 0
    assert told in capsys.readouterr().err
    events: list[StudyEvent] = []
    result = runner.run(folder / "study.toml", folder, workers=1, listen=events.append)
    assert result.tasks == {"done": 7, "failed": 0, "left": 0}
    assert (events[0].kind, events[0].label) == ("again", told)
    assert [event.label for event in events if event.kind == "done"] == ["XRD x=3 seed 1", "XRD x=3 seed 2"]
    after = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*")}
    # The old ones are kept.
    assert {path: time for path, time in after.items() if path in before} == {
        path: time if path != folder / "runs" else after[path] for path, time in before.items()
    }


def test_looking_at_an_old_folder_shows_what_is_there_and_makes_nothing(
    folder: Path, raised: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*")}
    assert runner.status(folder).tasks == {"done": 5, "failed": 0, "left": 2}
    told = "xrd: 2 results are of version 1, which is 2 now; 'alzmodel run' makes them again"
    assert main(["plot", "xrd", str(folder), "-o", str(tmp_path / "xrd.csv")]) == 0
    assert told in capsys.readouterr().err
    assert "glass, x = 3" in (tmp_path / "xrd.csv").read_text(encoding="utf-8")
    assert main(["compare", str(folder), "--json"]) == 0
    assert told in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*")} == before


def test_the_report_says_so(folder: Path, raised: None) -> None:
    page = html.unescape(runner.report(folder).read_text(encoding="utf-8"))
    assert "xrd: 2 results are of version 1, which is 2 now" in page
    assert "are not done" not in page


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "r_max = 6.0",
            "r_max = 7.0",
            ["local_order: 2 results are made again, since r_max is 7.0 in place of 6.0"],
        ),
        (
            "cutoff = 6.0",
            "cutoff = 6.5",
            [
                "glass: 2 results are made again, since protocol.cutoff is 6.5 in place of 6.0",
                "local_order: 2 results are made again, since they were made from another glass",
                "xrd: 2 results are made again, since they were made from another glass",
            ],
        ),
        ("seeds = [1, 2]", "seeds = [1, 3]", []),
    ],
)
def test_changed_settings_are_named(folder: Path, old: str, new: str, told: list[str]) -> None:
    tasks = plan(parse_study(STUDY.replace(old, new), "study"))
    words = again_words(tasks, Store(folder))
    assert [line.partition(";")[0] for line in words] == told
