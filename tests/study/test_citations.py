"""What is to be cited with a model or a study."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

import alzmodel as am
from alzmodel.cli import main
from alzmodel.crystals import PHASES, crystal
from alzmodel.forcefields.potentials import potential
from alzmodel.study.citations import Citation, bibtex, citations_of
from alzmodel.study.stages import STAGES

ROOT = Path(__file__).parents[2]
MODEL = "x3-annealed-low-Tf-seed1"


def run(capsys, *words):
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_without_words_it_is_the_program_and_the_measurement(capsys):
    code, out, _ = run(capsys, "cite")
    assert code == 0
    assert f"alzmodel {am.__version__}" in out
    assert "https://doi.org/10.1002/adma.202302438" in out
    assert len(citations_of()) == 2


def test_the_title_of_the_paper_is_that_of_the_citation_file():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    (title,) = re.findall(r'^    title: "(.+)"$', text, re.MULTILINE)
    assert citations_of()[1].title == title


def test_a_model_names_the_sources_of_its_ions_and_the_engine():
    found = {one.key: one for one in citations_of([MODEL])}
    assert found["hu-2020"].ions == ("Li+", "La3+", "Zr4+", "O2-")
    assert found["kalahe-2025"].ions == ("O2-",)
    texts = {source for ion in found["hu-2020"].ions for source in potential("du-teter").ion(ion).sources}
    assert texts <= {one.text for one in found.values()}
    assert {"lammps", "ase"} <= set(found)
    assert "whittle-2009" not in found


def test_a_crystal_names_where_its_cell_is_from(tmp_path):
    am.write(crystal("La2Zr2O7"), tmp_path / "cell.extxyz")
    keys = [one.key for one in citations_of([tmp_path / "cell.extxyz", MODEL])]
    assert "whittle-2009" in keys
    assert len(keys) == len(set(keys))


def test_every_crystal_and_every_source_of_a_potential_has_an_entry():
    for phase in PHASES.values():
        assert bibtex(Citation("a", "b", phase.citation)).startswith(("@article{a,", "@misc{a,"))
    with (ROOT / "alzmodel" / "data" / "citations.toml").open("rb") as file:
        rows = tomllib.load(file)["sources"]
    for key, row in rows.items():
        entry = bibtex(Citation(key, row["words"], row["text"], title=row["title"]))
        assert entry.startswith(f"@article{{{key},"), key
        assert " year = {" in entry
        assert set(row["stages"]) <= {*STAGES, "reference"}
        assert key == "feff10" or re.search(r"doi 10\.\d{4,}/", row["text"])


def test_bibtex_has_authors_apart_and_signs_escaped():
    entry = bibtex(
        Citation(
            "a",
            "b",
            "A. One, B. Two and C. Three, J. Test & Co. 12 (2001) 3-9, doi 10.1000/x_y",
            "10.1000/x_y",
        )
    )
    assert "author = {A. One and B. Two and C. Three}" in entry
    assert r"journal = {J. Test \& Co.}" in entry
    assert "pages = {3--9}" in entry
    assert r"doi = {10.1000/x\_y}" in entry


def test_a_study_names_what_its_stages_use(capsys, synthetic_study):
    code, out, _ = run(capsys, "cite", synthetic_study, "--json")
    assert code == 0
    keys = {one["key"] for one in json.loads(out)["citations"]}
    assert {"zhu-2024", "shannon-1976", "waasmaier-1995", "lobato-2014", "threedmol-2015"} <= keys
    assert "feff10" not in keys
    assert all(one["bibtex"].startswith("@") for one in json.loads(out)["citations"])


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["nowhere.extxyz"], "nowhere.extxyz: no such file"),
        (["plain.extxyz"], "plain.extxyz: does not say how it was made; allowed: "),
        ([MODEL, "--format", "bibtex", "--json"], "--format bibtex and --json: both; allowed: one of them"),
        (["."], "holds no study.toml; allowed: "),
        ([MODEL, "--format", "word"], "'word' is not one of"),
    ],
)
def test_what_cannot_be_cited_is_refused(capsys, tmp_path, monkeypatch, words, named):
    monkeypatch.chdir(tmp_path)
    plain = crystal("MgO")
    plain.info.clear()
    plain.write("plain.extxyz")
    code, out, err = run(capsys, "cite", *words)
    assert (code, out) == (2, "")
    assert named in err
    assert err.count("\n") == 1
