"""scripts/network_modifier.py on a study that took no molecular dynamics."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.errors import InputError
from scripts import network_modifier as script
from tests.study.synthetic import make_study

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
name = "roles"
fem = false
xrd = false
reference = false
[local_order]
r_max = 6.0
[glass]
la = [1.5, 3.0]
seeds = [1, 2]
atoms = 180
"""


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    # They take most of the time, and other tests look at them.
    monkeypatch.setattr("alzmodel.study.figures.draw_all", lambda *_: [])


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A study file, and the folder in which all of it is done."""
    folder = tmp_path_factory.mktemp("roles")
    file = folder / "study.toml"
    file.write_text(SETTINGS, encoding="utf-8")
    return file, make_study(folder / "out", settings_text=SETTINGS)


def test_verdicts_roles_and_the_answer(study: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    file, folder = study
    assert script.main(["--study", str(file), "--out", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["tasks"] == {"done": 8, "failed": 0, "left": 0}
    assert [one["id"] for one in told["hypotheses"]] == [one.id for one in load_hypotheses()]
    assert [(row["ion"], row["la"], row["n_models"]) for row in told["roles"]] == [
        (ion, la, 2) for la in (1.5, 3.0) for ion in ("Zr4+", "Li+", "La3+")
    ]
    # Two models at each x support nothing.
    assert told["answer"]["answer"] == "undecided"
    of_model = [
        json.loads(path.read_text(encoding="utf-8"))["results"]["roles"]["ions"]["La3+"]["sun_class"]
        for path in folder.glob("runs/local_order-*/record.json")
    ]
    sun = told["answer"]["evidence"][0]
    for name in set(of_model):
        assert f"{name} in {of_model.count(name)} of 4 models" in sun["words"]
    with (folder / "roles.csv").open(encoding="utf-8") as handle:
        assert len(list(csv.DictReader(handle))) == 6


def test_nothing_is_said_of_la_without_local_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SETTINGS.replace("[local_order]\nr_max = 6.0\n", "").replace("fem", "local_order = false\nfem")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    folder = make_study(tmp_path / "out", settings_text=text)
    with pytest.raises(script.AlzmodelError, match="nothing is said of La"):
        script.main(["--study", str(tmp_path / "study.toml"), "--out", str(folder)])
    capsys.readouterr()


def test_presets_and_options() -> None:
    def settings(*words: str):
        return script.settings_of(script.parse_arguments(["--out", "x", *words]))

    paper = settings()
    assert paper.name == "paper"
    assert paper.glass.models == "build"
    assert settings("--models", "library").glass.models == "library"
    trial = settings("--quick", "--seeds", "5", "--atoms", "200", "--potential", "grimes", "--dopants", "Ca")
    assert trial.name == "quick"
    assert trial.glass.seeds == [1, 2, 3, 4, 5]
    assert trial.glass.atoms == 200
    assert trial.glass.potential == "grimes"
    assert trial.glass.dopants[0].ion == "Ca"
    with pytest.raises(InputError, match=r"--seeds with models of the library.*allowed: --models build"):
        settings("--models", "library", "--seeds", "5")
    with pytest.raises(InputError, match="--atoms 0; allowed"):
        settings("--atoms", "0")


def test_the_plan_of_the_whole_study_is_shown_and_nothing_done(tmp_path: Path) -> None:
    words = [sys.executable, script.__file__, "--out", tmp_path / "out", "--dry-run", "--json"]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    glasses = [task for task in json.loads(run.stdout)["tasks"] if task["stage"] == "glass"]
    assert len(glasses) == 3 * 6 * 2
    assert not (tmp_path / "out").exists()


def test_pytest_finds_no_test_in_the_script() -> None:
    assert not [name for name in vars(script) if name.lower().startswith("test")]
