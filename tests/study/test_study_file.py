"""Every study that can be run can be opened again, and what users wrote into its file stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alzmodel.errors import InputError
from alzmodel.study.settings import PRESETS, StudySettings, load_study, parse_study, preset
from alzmodel.study.stages.glass import Dopant, GlassSettings
from alzmodel.study.store import HEADER, Store
from alzmodel.study.study_file import merged_toml, study_toml, write_study

if TYPE_CHECKING:
    from pathlib import Path

ANY_TEXT = st.text(alphabet=st.characters(blacklist_categories=("Cs",)), max_size=12)
NUMBERS = st.one_of(ANY_TEXT, st.integers(), st.floats(allow_nan=False, allow_infinity=False))
STUDIES = st.builds(
    lambda name, protocols, changes, potential: StudySettings(
        name=name,
        protocols=protocols,
        glass=GlassSettings(la=[3.0, name], seeds=[1], protocol_changes=changes, potential=potential),
    ),
    name=ANY_TEXT,
    protocols=st.dictionaries(ANY_TEXT, st.dictionaries(ANY_TEXT, NUMBERS, max_size=2), max_size=2),
    changes=st.dictionaries(ANY_TEXT, NUMBERS, max_size=2),
    potential=ANY_TEXT,
)
MINE = """\
# A study of alzmodel, and my notes on it
name = "a"  # to be changed

fem = false   # takes too long

[glass]       # what is built
# Contents of the paper.
la = [1.5,    # poor
      3.0]    # rich
seeds = [1]   # more later
protocol = 'quick'

[[glass.dopants]]
# Divalent.
ion = "Ca2+"   # calcium
fraction = 0.1 # a tenth

[run]
workers = 4 # of eight

[run.slurm]
partition = "long" # nights
# the end
"""


@pytest.mark.parametrize(
    "name", ['"', "'''", "\x00", "\x1b[31m", "\r\n", "\\", "\x7f", "# no", " a ", "名", "\u2028"]
)
def test_every_name_survives_its_file(tmp_path: Path, name: str) -> None:
    text = study_toml(preset("quick").model_copy(update={"name": name}))
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    assert parse_study((tmp_path / "study.toml").read_text(encoding="utf-8"), "copy").name == name


@settings(deadline=None, max_examples=40)
@given(study=STUDIES, before=st.one_of(STUDIES, st.sampled_from([preset(name) for name in PRESETS])))
def test_any_study_survives_its_file_new_or_changed(study: StudySettings, before: StudySettings) -> None:
    text = study_toml(study)
    assert text.startswith(HEADER)
    assert parse_study(text, "copy") == study
    assert merged_toml(text, study) == text
    changed = merged_toml(study_toml(before), study)
    assert parse_study(changed, "copy") == study


def test_what_no_file_can_hold_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be written; allowed: text in UTF-8"):
        study_toml(preset("quick").model_copy(update={"name": "\udc80"}))
    # A study file with it is refused; a program may put it there all the same.
    study = preset("quick")
    changes = {"protocol_changes": {"quench_rate": float("nan")}}
    nan = study.model_copy(update={"glass": study.glass.model_copy(update=changes)})
    with pytest.raises(InputError, match="quench_rate: nan is refused; allowed: a finite number"):
        study_toml(nan)


def test_comments_of_a_user_stay(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / "study.toml").write_text(MINE, encoding="utf-8")
    study = parse_study(MINE, "mine")
    glass = study.glass.model_copy(
        update={"seeds": [1, 2], "dopants": [Dopant(ion="Ca2+", fraction=[0.2], seeds=[5])]}
    )
    write_study(store, study.model_copy(update={"name": "b", "glass": glass}))
    text = (tmp_path / "study.toml").read_text(encoding="utf-8")
    read = parse_study(text, "changed")
    assert (read.name, read.glass.seeds) == ("b", [1, 2])
    assert read.glass.dopants == glass.dopants
    comments = [line.partition("#")[2] for line in MINE.splitlines() if "#" in line]
    assert [comment for comment in comments if f"#{comment}" not in text] == []
    # Of values that say the same, the words stay too; keys that were left out are added.
    assert "la = [1.5,    # poor\n      3.0]    # rich\n" in text
    assert "protocol = 'quick'\n" in text
    assert "retries = 2" in text
    write_study(store, read)
    assert (tmp_path / "study.toml").read_text(encoding="utf-8") == text
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]


def test_a_file_that_says_the_same_is_left_as_it_is(tmp_path: Path) -> None:
    text = "# mine\n" + MINE.partition("\n")[2]
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    write_study(Store(tmp_path), parse_study(text, "mine"))
    assert (tmp_path / "study.toml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", ["# mine\n" + MINE.partition("\n")[2], "no study", "\udcff"])
def test_a_file_of_a_user_is_kept_under_another_name(tmp_path: Path, text: str) -> None:
    raw = text.encode(errors="surrogateescape")
    (tmp_path / "study.toml").write_bytes(raw)
    (tmp_path / "study-1.toml").touch()
    write_study(Store(tmp_path), preset("quick"))
    assert (tmp_path / "study-2.toml").read_bytes() == raw
    written = (tmp_path / "study.toml").read_text(encoding="utf-8")
    assert written.startswith(HEADER)
    assert parse_study(written, "copy") == preset("quick")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_study_file_of_an_editor_that_marks_texts(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "study.toml").write_bytes(MINE.encode(encoding))
    study = load_study(tmp_path / "study.toml")
    assert study == parse_study(MINE, "study")
    store = Store(tmp_path)
    store.check()
    write_study(store, study)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.toml"]
    assert load_study(tmp_path / "study.toml") == study
