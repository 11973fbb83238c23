"""The verdicts of a study, whose models they rest on, and what stands first."""

from __future__ import annotations

import json
import lzma
import math
import shutil
from pathlib import Path

import pytest

from alzmodel.cli import main
from alzmodel.errors import AlzmodelError
from alzmodel.models.library import library, load_frames
from alzmodel.study import runner
from alzmodel.study.basis import FILE, library_results
from alzmodel.study.settings import parse_study, preset
from alzmodel.study.stages import STAGES
from tests.study.synthetic import make_study

STUDY = """
fem = false
xrd = false
reference = false
local_order = { r_max = 6.0 }
[glass]
la = [3.0]
seeds = [1, 2]
atoms = 100
protocol_changes = { cutoff = 6.0 }
[compare]
verdicts = "library"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("judged") / "study", settings_text=STUDY)


def test_the_results_are_of_the_models_and_stages_that_there_are() -> None:
    """After a change of a stage's version: scripts/make_library_results.py."""
    results = library_results()
    assert results is not None
    assert results.stages == {name: STAGES[name].version for name in results.stages}
    assert {"glass", "local_order", "xrd", "fem"} <= set(results.stages)
    glasses = {one.name: list(one.sha256) for one in library() if one.kind == "glass"}
    assert {name: glasses.get(name) for name in results.sha256} == results.sha256
    assert len(results.sha256) == 24


def test_the_numbers_are_those_of_the_models() -> None:
    """Density and shells, computed here from one of the models."""
    from alzmodel.local_order.building_units import building_units

    model = next(one for one in library() if one.name == "x3-annealed-low-Tf-seed1")
    frames = load_frames(model)[:1]
    results = library_results()
    assert results is not None
    stored = {
        row["quantity"]: row["value"]
        for row in results.rows
        if row["model"] == "x3-annealed-low-Tf-seed1" and row.get("source") == "glass"
    }
    density = frames[0].get_masses().sum() / frames[0].get_volume() * 1.66053907
    assert stored["density"] == pytest.approx(density, rel=5e-3)
    units = building_units(frames).units
    assert stored["la_o_coordination"] == pytest.approx(units["La"].mean_coordination, rel=5e-3)
    assert stored["zr_o_coordination"] == pytest.approx(units["Zr"].mean_coordination, rel=5e-3)


def test_the_quick_study_is_judged_by_the_library(folder: Path) -> None:
    assert preset("quick").compare.verdicts == "library"
    judged = runner.judged_of(folder)
    assert judged.basis.models == "library"
    assert judged.basis.n_models == 24
    assert "24 finished glasses of the library" in judged.opening.judged_by
    assert "not on the 2 glasses of this study" in judged.opening.judged_by
    words = {verdict.id: verdict.verdict for verdict in judged.verdicts}
    assert (words["H2"], words["H4"], words["H5"]) == ("contradicted", "supported", "contradicted")
    assert {verdict.n_models for verdict in judged.verdicts if verdict.verdict == "supported"} == {4}
    assert {row.n_models for row in judged.rows if row.model is not None and row.source == "glass"} == {2}


@pytest.mark.parametrize(
    "change",
    [
        {"verdicts": "study"},
        {"potential": "grimes"},
        {"li": 6.0},
        {"dopants": [{"ion": "Ca2+", "fraction": 0.1}]},
    ],
)
def test_models_made_otherwise_are_judged_by_themselves(folder: Path, change: dict[str, object]) -> None:
    from alzmodel.study.basis import basis_of
    from alzmodel.study.index import Findings
    from alzmodel.study.stages.glass import Dopant

    study = parse_study(STUDY, "study")
    if "verdicts" in change:
        study = study.model_copy(update={"compare": study.compare.model_copy(update=change)})
    else:
        doped = {"dopants": [Dopant.model_validate(one) for one in change.get("dopants", [])]}
        study = study.model_copy(update={"glass": study.glass.model_copy(update={**change, **doped})})
    basis = basis_of(study, Findings((), (), (), ()))
    assert basis.models == "study"
    assert basis.words.startswith("Verdicts rest on the 0 glasses of this study")


def test_models_first_then_verdicts_and_rows_on_request(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    assert main(["compare", str(folder)]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[0] == "Study study: glasses Li7LaxZr2O(12-d) at x = 3."
    assert max(map(len, lines)) <= 150
    order = ["2 glasses of 1", "Verdicts: ", "What stands out:", "1. ", "Next: ", "hypotheses"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert "measured and modelled" not in text
    assert main(["compare", str(folder), "--full"]) == 0
    assert "measured and modelled" in capsys.readouterr().out


def test_a_narrow_terminal_gets_a_list(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["compare", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert "H2  contradicted  packing is loosest at x = 3.0" in [line.rstrip() for line in lines]


def test_json_says_whose_models_and_what_stands_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["judged_by"]["models"] == "library"
    found = told["summary"]["findings"]
    assert len(found) == 3
    for one in found:
        low, high = one["ci95"]
        assert low * high > 0
        assert math.isclose(one["ratio"], abs(one["effect"]) / ((high - low) / 2))
    assert sum(told["summary"]["counts"].values()) == len(told["hypotheses"])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(lzma.compress(b"[1]"))
    with pytest.raises(AlzmodelError, match=r"no results of models .*; reinstall alzmodel"):
        library_results(tmp_path)
    assert library_results(tmp_path / "none") is None


def test_the_page_opens_with_it(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "study"))
    page = runner.report(copy).read_text(encoding="utf-8")
    assert page.index('<section id="summary"') < page.index('<section id="verdicts"')
    assert page.index('<section id="figures"') < page.index('<section id="comparison"')
    assert "24 finished glasses of the library" in page
