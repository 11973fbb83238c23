"""Measured curves over those of a study."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.errors import InputError
from alzmodel.scattering.xrd.data import lay_over, read_curve
from alzmodel.study import runner
from alzmodel.study.against import measured_curves
from alzmodel.study.settings import load_study
from alzmodel.study.tasks import plan

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def gixrd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("measured") / "gixrd.xy"
    angle = np.arange(15.0, 70.0, 0.1)
    np.savetxt(file, np.c_[angle, 1e4 * np.exp(-(((angle - 29) / 5) ** 2)) + 500], header="2theta (deg) y")
    return file


def test_each_composition_is_scaled_onto_the_measured_points(
    synthetic_study: Path, gixrd: Path, tmp_path: Path
) -> None:
    target = tmp_path / "xrd.csv"
    assert (
        main(["plot", "against_xrd", str(synthetic_study), "-o", str(target), "--against", f"xrd={gixrd}"])
        == 0
    )
    with target.open(encoding="utf-8", newline="") as handle:
        head, *rows = csv.reader(handle)
    assert head[:2] == ["2θ (°)", "observed"]
    assert [name.split(" (")[0] for name in head[2:]] == ["calculated x = 1.5", "calculated x = 3"]
    table = np.array(rows, dtype=float)
    # The same as laying over what the study's own figure shows.
    own = tmp_path / "own.csv"
    runner.plot("xrd", synthetic_study, own)
    with own.open(encoding="utf-8", newline="") as handle:
        names, *rows = csv.reader(handle)
    at = next(i for i, name in enumerate(names) if name.startswith("2θ (°) glass, x = 3"))
    x, y = np.array([[row[at], row[at + 1]] for row in rows if row[at]], dtype=float).T
    found = lay_over(read_curve(gixrd, "two_theta"), x, y, background=1)
    assert table[:, 3] == pytest.approx(found.calculated, rel=1e-6)


def test_the_page_shows_them_and_a_study_file_may_name_them(
    synthetic_study: Path, gixrd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    words = ["report", str(synthetic_study), "-o", str(page), "--against", f"xrd={gixrd}"]
    assert main(words) == 0
    # What stands first on the page is said here too.
    said = capsys.readouterr().out
    assert said.startswith("Study synthetic")
    assert "Verdicts: " in said
    text = page.read_text(encoding="utf-8")
    assert "Measured XRD over the models" in text
    assert "Measured V(k) over the models" not in text
    assert "gixrd.xy over the glasses of this study" in text
    study = tmp_path / "study.toml"
    own = (synthetic_study / "study.toml").read_text(encoding="utf-8")
    study.write_text(own.replace("[compare]\n", f'[compare]\nagainst = ["xrd={gixrd}"]\n'), encoding="utf-8")
    named = load_study(study)
    assert named.compare.against == (f"xrd={gixrd}",)
    # What is compared changes no task.
    assert [task.key for task in plan(named)] == [
        task.key for task in plan(load_study(synthetic_study / "study.toml"))
    ]


def test_a_file_says_its_unit_or_is_told_it(tmp_path: Path) -> None:
    file = tmp_path / "v.csv"
    k = np.linspace(0.15, 0.8, 60)
    np.savetxt(file, np.c_[k, 0.01 + k**2], delimiter=",", header="k (1/A),V", comments="")
    assert measured_curves([f"fem:k-A={file}"], 1.5406)["fem"].x == pytest.approx(10 * k)
    with pytest.raises(Exception, match=r"fem:k-A=FILE"):
        measured_curves([f"fem={file}"], 1.5406)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("v.csv", "allowed: KIND=FILE with fem, xrd, pdf"),
        ("raman=v.csv", "allowed: KIND=FILE"),
        ("xrd=", "allowed: KIND=FILE"),
        ("xrd=none.xy", "no such file"),
    ],
)
def test_what_cannot_be_used_is_named_before_any_work(
    synthetic_study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    for command in (
        ["report", str(synthetic_study), "-o", str(tmp_path / "p.html")],
        ["run", "--out", str(tmp_path / "new"), "--dry-run"],
        ["compare", str(synthetic_study)],
        ["screen", "--dopants", "Ca", "-o", str(tmp_path / "screen")],
        ["demo", "-o", str(tmp_path / "demo.html")],
    ):
        assert main([*command, "--against", text]) == 2
        assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_compare_says_how_well_each_composition_fits(
    synthetic_study: Path, gixrd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compare", str(synthetic_study), "--against", f"xrd={gixrd}"]
    assert main([*words, "--json"]) == 0
    ((name, found),) = json.loads(capsys.readouterr().out)["against"].items()
    assert name == f"xrd: {gixrd}"
    own = runner.laid_over(synthetic_study, [f"xrd={gixrd}"])[name]
    assert list(found) == list(own)
    assert {label: one["rwp"] for label, one in found.items()} == pytest.approx(
        {label: one.rwp for label, one in own.items()}
    )
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "Rwp" in text
    assert all(label in text for label in own)
    # Without a measured curve nothing of it stands there.
    assert main(["compare", str(synthetic_study), "--json"]) == 0
    assert "against" not in json.loads(capsys.readouterr().out)


def test_several_studies_are_each_laid_over(
    synthetic_study: Path, gixrd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(synthetic_study, other)
    assert main(["compare", str(synthetic_study), str(other), "--against", f"xrd={gixrd}", "--json"]) == 0
    studies = json.loads(capsys.readouterr().out)["studies"]
    assert [list(one["against"]) for one in studies.values()] == [[f"xrd: {gixrd}"]] * 2


def test_screens_and_the_page_of_the_library_take_them_too(
    gixrd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, object] = {}

    def plan_study(study: object, out: object, **named: object) -> NoReturn:
        given.update(named)
        raise InputError("enough")

    monkeypatch.setattr(runner, "plan_study", plan_study)
    words = ["screen", "--dopants", "Ca", "-o", str(tmp_path / "screen"), "--dry-run"]
    assert main([*words, "--against", f"xrd={gixrd}"]) == 2
    assert given["against"] == [f"xrd={gixrd}"]
    page = tmp_path / "demo.html"
    assert main(["demo", "-o", str(page), "--against", f"xrd={gixrd}"]) == 0
    text = page.read_text(encoding="utf-8")
    assert "gixrd.xy over the glasses of the library" in text
    assert text.index("Measured XRD over the models") < text.index("FEM of the glasses")


def test_one_file_of_each_kind(
    synthetic_study: Path, gixrd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = ["--against", f"xrd={gixrd}", "--against", f"xrd={gixrd}"]
    assert main(["report", str(synthetic_study), *twice]) == 2
    assert "xrd twice" in capsys.readouterr().err
