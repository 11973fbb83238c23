"""A study of several potentials: each makes every glass, nothing mixes them, and verdicts say what holds on which."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from alzmodel.cli import main
from alzmodel.compare.comparison import compare_models
from alzmodel.compare.measured import load_measured
from alzmodel.errors import InputError
from alzmodel.models.library import add_model
from alzmodel.models.packing import random_packing
from alzmodel.study import runner
from alzmodel.study.index import collect_records, gather
from alzmodel.study.settings import load_study, parse_study
from alzmodel.study.stages import STAGES
from alzmodel.study.store import Store
from alzmodel.study.study_file import merged_toml, study_toml
from alzmodel.study.tasks import plan
from tests.study.synthetic import make_study

if TYPE_CHECKING:
    from pathlib import Path

    from alzmodel.study.settings import StudySettings

STUDY = """
fem = false
xrd = false
reference = false
local_order = { r_max = 6.0 }
[glass]
la = [3.0]
seeds = [1, 2]
atoms = 90
potentials = ["du-teter", "grimes"]
protocol_changes = { cutoff = 6.0 }
"""
BASE = "[glass]\nla = [1.5, 3.0]\nseeds = [1, 2]\n"


def study(text: str) -> StudySettings:
    return parse_study(BASE + text, "test")


def test_each_potential_makes_every_glass_and_its_own_relaxed_crystal() -> None:
    single, several = plan(study("")), plan(study('potentials = ["du-teter", "grimes", "learned"]\n'))
    made = [task for task in several if task.stage == "glass"]
    assert [task.inputs["model"]["potential"] for task in made] == (
        ["du-teter"] * 4 + ["grimes"] * 4 + ["learned-2"] * 4
    )
    assert len({task.key for task in several}) == len(several)
    for stage in ("local_order", "xrd", "fem"):
        assert sum(task.stage == stage for task in several) == 12
    crystals = [task for task in several if task.stage == "crystal"]
    relaxed = [task.inputs["relax"]["potential"] for task in crystals if task.inputs["relax"]]
    assert relaxed == ["du-teter", "grimes", "learned"]
    # What is not relaxed depends on no potential: it is done once, and is what a study of one potential has.
    plain = {task.key for task in crystals if not task.inputs["relax"]}
    assert plain == {task.key for task in single if task.stage == "crystal" and not task.inputs["relax"]}


def test_one_potential_in_a_list_is_one_potential() -> None:
    assert [task.key for task in plan(study('potentials = ["grimes"]\n'))] == [
        task.key for task in plan(study('potential = "grimes"\n'))
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('potential = "grimes"\npotentials = ["du-teter"]\n', "either potential or potentials, not both"),
        ("potentials = []\n", "at least one entry"),
        ('potentials = ["du-teter", "nobody"]\n', "'nobody' is unknown; allowed: du-teter, grimes"),
        ('potentials = ["learned", "learned-2"]\n', "learned-2 stands there twice"),
        ("li = [7.0, 7.0]\n", "at least one Li content, each once"),
        ("li = []\n", "at least one Li content"),
    ],
)
def test_what_cannot_be_is_one_line(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        plan(study(text))
    (tmp_path / "study.toml").write_text(BASE + text, encoding="utf-8")
    assert main(["run", str(tmp_path / "study.toml"), "--out", str(tmp_path / "out"), "--dry-run"]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1


def test_the_file_of_a_study_says_what_counts_alone() -> None:
    several = study('potentials = ["du-teter", "grimes"]\n')
    text = study_toml(several)
    assert 'potentials = ["du-teter", "grimes"]' in text
    assert "potential =" not in text
    assert parse_study(text, "written") == several
    one = study("")
    assert "potentials" not in study_toml(one)
    # A file that had one gets several, and back.
    assert parse_study(merged_toml(study_toml(one), several), "merged") == several
    assert parse_study(merged_toml(text, one), "merged") == one


def test_potential_on_the_command_line_takes_the_place_of_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "study.toml"
    path.write_text(BASE + 'potentials = ["du-teter", "learned"]\n', encoding="utf-8")
    words = ["run", str(path), "--out", str(tmp_path / "out"), "--dry-run", "--json", "--potential", "grimes"]
    assert main(words) == 0
    labels = [row["label"] for row in json.loads(capsys.readouterr().out)["tasks"]]
    assert labels == [task.label for task in plan(study('potential = "grimes"\n'))]


def test_several_li_contents_are_told_apart() -> None:
    tasks = [task for task in plan(study("li = [5.0, 7.0]\n")) if task.stage == "glass"]
    assert [task.inputs["model"]["li_content"] for task in tasks] == [5.0, 5.0, 7.0, 7.0] * 2
    assert "glass x=1.5 Li 5 seed 1" in [task.label for task in tasks]
    single = [task for task in plan(study("li = 7.0\n")) if task.stage == "glass"]
    assert all("li_content" not in task.inputs["model"] for task in single)
    assert [task.key for task in single] == [task.key for task in plan(study("")) if task.stage == "glass"]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Library of two potentials, with packings for glasses."""
    for name, protocols in {"grimes": ["annealed-low-Tf"], "learned-2": ["annealed-low-Tf", "slow"]}.items():
        for protocol in protocols:
            atoms = random_packing({"Li+": 14, "La3+": 6, "Zr4+": 4, "O2-": 24}, seed=1)
            atoms.info["provenance"] = {
                "seed": 1,
                "protocol": {"name": protocol},
                "potential": {"name": name},
                "formula": "Li7La3Zr2O12",
            }
            add_model(f"{name}-{protocol}", atoms, [atoms], la=3.0, li=7.0, folder=tmp_path / "models")
    return tmp_path / "models"


def test_models_of_a_library_are_chosen_by_potential(models: Path) -> None:
    text = '[glass]\nla = [3.0]\nseeds = [1]\nmodels = "library"\nprotocol = "annealed-low-Tf"\n'
    text += f'library = "{models}"\n'
    made = plan(parse_study(text + 'potentials = ["grimes", "learned"]\n', "test"))
    taken = [task.inputs["library"]["name"] for task in made if task.stage == "glass"]
    assert taken == ["grimes-annealed-low-Tf", "learned-2-annealed-low-Tf"]
    assert [task.inputs["model"]["potential"] for task in made if task.stage == "glass"] == [
        "grimes",
        "learned-2",
    ]
    one = plan(parse_study(text + 'potential = "learned"\n', "test"))
    assert [task.inputs["library"]["name"] for task in one if task.stage == "glass"] == [
        "learned-2-annealed-low-Tf"
    ]
    with pytest.raises(
        InputError, match=r"with potential du-teter; allowed: x = 3, .* potential grimes or learned-2"
    ):
        plan(parse_study(text, "test"))
    built = text.replace('models = "library"', 'models = "build"')
    with pytest.raises(InputError, match="with models that are built; allowed: models = "):
        plan(parse_study(built, "test"))
    with pytest.raises(InputError, match=r"holds no index.json; allowed: a folder of finished models"):
        plan(parse_study(text.replace(str(models), str(models.parent)), "test"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("several") / "study", settings_text=STUDY)


def test_no_number_mixes_two_potentials(folder: Path) -> None:
    found = gather(collect_records(plan(load_study(folder / "study.toml")), Store(folder)))
    names = {(q.model, q.potential) for q in found.quantities if q.source == "glass"}
    assert len({model for model, _ in names}) == len(names) == 4
    rows = [row for row in compare_models(found.quantities, load_measured()) if row.n_models]
    glasses = [row for row in rows if row.source == "glass"]
    assert glasses
    assert {row.potential for row in glasses} == {"du-teter", "grimes"}
    assert {row.n_models for row in glasses} == {2}
    assert all(row.id.endswith(f"[{row.potential}]") for row in glasses)


def test_terminal_and_json_show_them_side_by_side(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "170")
    assert main(["compare", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    h4 = next(one for one in told["hypotheses"] if one["id"] == "H4")
    assert [one["potential"] for one in h4["by_potential"]] == ["du-teter", "grimes"]
    assert all(one["n_models"] == 2 and one["effect"] is not None for one in h4["by_potential"])
    assert "du-teter" in h4["words"]
    assert main(["compare", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "verdicts by potential" in text
    assert "made with du-teter and grimes" in text


@pytest.mark.slow
def test_page_and_tables_show_them_side_by_side(folder: Path) -> None:
    result = runner.run(load_study(folder / "study.toml"), folder, listen=lambda _: None)
    assert result.exit_code == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Every claim on every potential" in page
    assert "H5, grimes" in page
    with (folder / "verdicts.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 2 * len(result.hypotheses)
    with (folder / "results.csv").open(encoding="utf-8", newline="") as handle:
        assert {row["potential"] for row in csv.DictReader(handle) if row["source"] == "glass"} == {
            "du-teter",
            "grimes",
        }


def test_vibrations_are_left_out_aloud_for_what_has_no_second_derivatives() -> None:
    several = study('potentials = ["grimes", "learned"]\n[vibrations]\n')
    tasks = plan(several)
    for stage in ("vibrations", "crystal_modes"):
        used = {task.inputs["potential"] for task in tasks if task.stage == stage}
        assert used == {"grimes"}
    words = STAGES["vibrations"].caveats([], dict(several), load_measured())
    assert "No vibrations with learned: studies have them of pair potentials alone." in list(words)
    with pytest.raises(InputError, match="vibrations: potential 'learned' has no second derivatives"):
        plan(study('potential = "learned"\n[vibrations]\n'))
