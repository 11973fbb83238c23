from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from alzmodel.errors import InputError
from alzmodel.study.settings import (
    PRESETS,
    RunSettings,
    SlurmSettings,
    StudySettings,
    commented_template,
    load_study,
    parse_study,
    preset,
    write_template,
)
from alzmodel.study.stages.fem import FEMStudySettings
from alzmodel.study.stages.glass import Dopant, GlassSettings
from alzmodel.study.study_file import study_toml

if TYPE_CHECKING:
    from pathlib import Path


def test_quick_is_what_was_promised() -> None:
    study = preset("quick")
    assert study.glass.la == [1.5, 3.0, 4.5]
    assert len(study.glass.seeds) == 2
    assert study.glass.atoms >= 600
    assert study.run.workers == 2
    assert "La2Zr2O7" in study.reference.phases


def test_presets_grow() -> None:
    sizes = [len(s.glass.la) * len(s.glass.seeds) * s.glass.atoms for s in map(preset, PRESETS)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[1] < sizes[2]
    # A verdict needs four models a composition.
    assert len(preset("paper").glass.seeds) >= 4


@pytest.mark.parametrize("name", PRESETS)
def test_written_and_read_again_is_the_same(name: str) -> None:
    study = preset(name)
    assert parse_study(study_toml(study), "copy") == study


@settings(deadline=None, max_examples=25)
@given(
    name=st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=20),
    la=st.lists(st.floats(0.1, 6), min_size=1, max_size=3),
    atoms=st.integers(1, 10**6),
    dopants=st.lists(
        st.builds(
            Dopant, ion=st.sampled_from(["Ce", "Ca2+"]), fraction=st.lists(st.floats(0.01, 1), min_size=1)
        ),
        max_size=2,
    ),
    fem=st.one_of(st.just(False), st.builds(FEMStudySettings, width=st.floats(120, 400))),
)
def test_any_study_survives_its_file(name, la, atoms, dopants, fem) -> None:
    glass = GlassSettings(
        la=la, seeds=[1], atoms=atoms, dopants=dopants, protocol_changes={"quench_rate": 5.0}
    )
    study = StudySettings(name=name, glass=glass, fem=fem)
    assert parse_study(study_toml(study), "copy") == study


def test_the_template_says_every_key_and_its_default() -> None:
    text = commented_template()
    study = parse_study(text, "template")
    assert study == StudySettings(
        glass=GlassSettings(la=[1.5, 3.0, 4.5], seeds=[1, 2, 3, 4]),
        run=RunSettings(),
    )
    fields = StudySettings.model_fields
    for table in ("glass", "local_order", "xrd", "fem", "reference", "compare", "run"):
        assert f"[{table}]" in text
        default = fields[table].default if table != "glass" else study.glass
        for key in type(default).model_fields:
            assert f"{key} =" in text or f"[glass.{key}]" in text or f"[{table}.{key}]" in text, key
    assert all(f"{key} =" in text for key in SlurmSettings.model_fields)


GLASS = "[glass]\nla = [3.0]\nseeds = [1]\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GLASS + "sead = 3\n", ["glass.sead: unknown key", "did you mean 'seeds'", "protocol"]),
        (GLASS + "[fem]\ncolumsn = 3\n", ["fem.columsn: unknown key", "did you mean 'columns'"]),
        (GLASS + "[glas]\n", ["glas: unknown key", "did you mean 'glass'"]),
        (
            GLASS + "[[glass.dopants]]\nions = 'Ca'\nfraction = 0.1\n",
            ["glass.dopants.0.ions: unknown key", "'ion'"],
        ),
        (GLASS + "atoms = 'many'\n", ["glass.atoms", "'many'", "allowed"]),
        (GLASS + "atoms = true\n", ["glass.atoms: True is refused; allowed: a valid integer"]),
        (GLASS + "atoms = '600'\n", ["glass.atoms: '600' is refused"]),
        ("[glass]\nla = [true]\nseeds = [1]\n", ["glass.la.0: True is refused"]),
        (GLASS + "dopants = 3\n", ["glass.dopants: 3 is refused; allowed: tables [[glass.dopants]]"]),
        (
            GLASS + "[[glass.dopants]]\nion = 'Ca'\nfraction = 0.1\nseeds = []\n",
            ["glass.dopants.0.seeds: [] is refused; allowed: at least one entry"],
        ),
        (GLASS + "atoms = 0\n", ["glass.atoms", "0", "greater than or equal to 1"]),
        (GLASS + "oxygen = '13'\n", ["glass.oxygen", "'13'", "'balance' or '12'"]),
        (
            "[glass]\nla = [3.0]\nseeds = [1, 1]\n",
            ["glass.seeds: [1, 1] is refused; allowed: each seed once"],
        ),
        (
            GLASS + "exchange = ['Y3+']\n",
            ["glass.exchange: ['Y3+'] is refused; allowed: two ions of one charge"],
        ),
        ("[glass]\nla = []\nseeds = [1]\n", ["glass.la: [] is refused; allowed: at least one entry"]),
        ("[glass]\nla = 3.0\nseeds = [1]\n", ["glass.la: 3.0 is refused; allowed: a list"]),
        ("xrd = true\n" + GLASS, ["xrd: True is refused; allowed: a table of keys, or false"]),
        (GLASS + "[xrd]\nwavelength = 15.4\n", ["xrd.wavelength: 15.4", "5"]),
        (GLASS + "[[glass.dopants]]\nion = 'Ca'\nfraction = 1.5\n", ["glass.dopants.0.fraction.0", "1.5"]),
        (
            GLASS + "[[glass.dopants]]\nion = 'Ca'\nfraction = 0\n",
            ["fraction.0: 0 is refused; allowed: greater than 0"],
        ),
        (GLASS + "[fem]\nwidth = 50\n", ["fem.width", "50", "120"]),
        (GLASS + "[fem.instrument]\nenergy = 300\n", ["fem.instrument.energy", "did you mean 'energy_kev'"]),
        (GLASS + "[xrd]\ntwo_theta = [80, 10, 0.1]\n", ["xrd.two_theta", "first < last"]),
        (GLASS + "[xrd]\nwavelength = nan\n", ["xrd.wavelength", "nan"]),
        ("name = 'a'\n", ["glass: is missing"]),
        (GLASS + "[run]\nretries = 99\n", ["run.retries", "99"]),
        (
            GLASS + "[run.slurm]\npartition = 'a\\nb'\n".replace("'", '"'),
            ["run.slurm.partition", "letters, digits"],
        ),
        (GLASS + "[run.slurm]\nqueue = 'long'\n", ["run.slurm.queue: unknown key", "partition"]),
        ("[glass\n", ["no valid TOML"]),
    ],
)
def test_faults_are_named_in_one_line(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_study(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "allowed" in message
    assert "\n" not in message
    for word in words:
        assert word in message


def test_missing_files_and_presets(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        load_study(tmp_path / "none.toml")
    assert str(caught.value).count("none.toml") == 1
    with pytest.raises(InputError, match="'fast' is unknown; allowed: quick, paper, production"):
        preset("fast")


def test_init_writes_a_file_that_loads_and_overwrites_nothing(tmp_path: Path) -> None:
    path = write_template(tmp_path / "mine.toml")
    assert load_study(path).glass.seeds == [1, 2, 3, 4]
    with pytest.raises(InputError, match="exists already"):
        write_template(path)
    with pytest.raises(InputError, match="does not exist"):
        write_template(tmp_path / "none" / "mine.toml")


def test_an_analysis_can_be_left_out() -> None:
    study = parse_study("fem = false\nxrd = false\n" + GLASS, "short")
    assert study.fem is False
    assert study.xrd is False
    assert study.local_order
    assert parse_study(study_toml(study), "copy") == study


BAD = [
    "a\nb",
    "a\rb",
    "a b",
    "$(id)",
    "`id`",
    "a;b",
    "a&b",
    "a|b",
    "a>b",
    "a<b",
    "a'b",
    'a"b',
    "a\\b",
    "a\n",
    "",
    "*",
    "~",
    "#a",
]


@pytest.mark.parametrize(
    "field", ["partition", "account", "walltime", "memory", "interface", "local_directory"]
)
def test_fields_of_slurm_take_no_shell(field: str) -> None:
    for value in BAD:
        with pytest.raises(ValidationError, match=field):
            SlurmSettings(**{field: value})


def test_directives_of_slurm_take_no_shell_and_constraints_their_signs() -> None:
    for value in (
        *BAD,
        "--nice=1\n#SBATCH --x",
        "--nice=$(id)",
        "--nice=1 # a",
        "--nice=1;id",
        "--nice=a&b",
        "-C a`b`",
    ):
        with pytest.raises(ValidationError, match="directives"):
            SlurmSettings(directives=[value])
    SlurmSettings(
        directives=[
            "--nice=100",
            "--exclusive",
            "-q normal",
            "--gres=gpu:1",
            "--constraint=[rack1|rack2]&ssd*2",
        ],
        prologue=["module load python && ulimit -c 0", "export A=$HOME"],
        partition="long-jobs,short",
        account="proj_1@site.org",
        walltime="2-12:00:00",
        memory="1.5 GiB",
        interface="ib0",
        local_directory="/scratch/me/job-1",
    )


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("local_order", "r_max = 1e6"),
        ("local_order", "dr = 1e-9"),
        ("xrd", "crystallite_diameter = 1e5"),
        ("xrd", "two_theta = [10.0, 80.0, 1e-9]"),
        ("fem", "thickness = 1e6"),
        ("fem", "columns = 1000000000"),
        ("fem", "width = 1e5"),
        ("fem", "cluster_diameter = true"),
        ("run", "workers = 100000000"),
        ("run", "workers = true"),
        ("glass.protocol_changes", "cutoff = true"),
        ("glass.protocol_changes", "cutoff = nan"),
        ("protocols.mine", "melt_temperature = true"),
    ],
)
def test_what_no_machine_can_do_and_true_for_a_number(tmp_path: Path, table: str, line: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(GLASS + f"[{table}]\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=line.split(maxsplit=1)[0]):
        load_study(path)


def test_columns_that_need_more_memory_than_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "study.toml"
    path.write_text(GLASS + "[fem]\nwidth = 900.0\nthickness = 900.0\n", encoding="utf-8")
    monkeypatch.setattr("alzmodel.limits.memory_there", lambda: 1e11)
    with pytest.raises(InputError, match="columns of 900 × 900 × 900 Å: needs about"):
        load_study(path)
