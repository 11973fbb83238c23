"""The dopant screen: what its numbers are on records whose effects are known."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.compare.measured import load_measured
from alzmodel.errors import InputError
from alzmodel.io import json_text
from alzmodel.ions import ion
from alzmodel.study import runner
from alzmodel.study.figures import draw
from alzmodel.study.index import Findings
from alzmodel.study.page import _doubts
from alzmodel.study.screen_settings import screen_study
from alzmodel.study.screening import COLUMNS, MOBILITY, screen_csv, screen_rows, table_rows, trends
from alzmodel.study.settings import parse_study
from alzmodel.study.stage import StageResult
from alzmodel.study.store import Record, Store
from alzmodel.study.study_file import study_toml
from alzmodel.study.tasks import plan
from alzmodel.study.worker import perform

SPREADS = {column.name: 0.1 + 0.2 * number for number, column in enumerate(COLUMNS)}
# Without a dopant the site is La.
SPREADS |= {f"site_o_{what}": SPREADS[f"la_o_{what}"] for what in ("distance", "coordination")}


def records_of(dopant, n, rng, *, shift=0.0, fraction=0.1, la=3.0, first=1):
    """Glasses and their local order, every quantity normal with its spread, `shift` spreads away from the undoped."""
    found = []
    for seed in range(first, first + n):
        model = {"la": la, "li": 7.0}
        if dopant:
            model |= {"dopant": dopant, "fraction": fraction, "compensate": "li"}
        model["seed"] = seed
        draw = {name: 10 + spread * (shift + rng.normal()) for name, spread in SPREADS.items()}
        provenance = {"formula": "F", "potential": {"provisional": ["Ga3+"] if dopant == "Ga3+" else []}}
        common = {"hash": f"{dopant}{seed}{la}", "label": "", "inputs": {"model": model}, "needs": {}}
        density = [{"name": "density", "value": draw["density"]}]
        found.append(Record("glass", quantities=density, results={"provenance": provenance}, **common))
        rows = [
            {"name": column.name, "value": draw[column.name]}
            for column in COLUMNS[1:]
            if not column.where and not column.name.startswith("site_")
        ]
        if dopant and dopant != "La3+":
            element = ion(dopant).element.lower()
            for what in ("distance", "coordination"):
                # The mean over the site is what was drawn for it.
                host, site = draw[f"la_o_{what}"], draw[f"site_o_{what}"]
                rows.append({"name": f"{element}_o_{what}", "value": host + (site - host) / fraction})
        results: dict = {}
        for column in COLUMNS:
            place = results
            for step in column.where[:-1]:
                place = place.setdefault(step, {})
            if column.where:
                place[column.where[-1]] = draw[column.name]
        found.append(Record("local_order", quantities=rows, results=results, **common))
    return found


def test_effects_and_score_are_what_was_put_in():
    rng = np.random.default_rng(1)
    records = records_of(None, 400, rng) + records_of("Ca2+", 400, rng, shift=1.5)
    (row,) = screen_rows(records)
    assert row.score == pytest.approx(1.5, abs=0.12)
    assert row.score_ci95[0] < 1.5 < row.score_ci95[1]
    assert row.score_ci95[1] - row.score_ci95[0] < 0.4
    assert row.p < 0.001
    for column in COLUMNS:
        found = row.effects[column.name]
        assert found.effect == pytest.approx(1.5 * SPREADS[column.name], abs=0.35 * SPREADS[column.name])
        assert found.ci95[0] < found.effect < found.ci95[1]
        assert found.std == pytest.approx(SPREADS[column.name], rel=0.2)
    own = row.effects["dopant_o_coordination"]
    doped, undoped = (
        [q["value"] for r in part[1::2] for q in r.quantities if q["name"] == f"{element}_o_coordination"]
        for part, element in ((records[800:], "ca"), (records[:800], "la"))
    )
    assert own.value == pytest.approx(np.mean(doped))
    assert own.effect == pytest.approx(np.mean(doped) - np.mean(undoped))


def with_transport(records, value, jumps=None):
    """The same glasses with Li moved: `value` in 10⁻⁶ cm²/s and `jumps` in 1/ns by seed."""
    glasses = [record for record in records if record.stage == "glass"]
    return [
        *records,
        *(
            dataclasses.replace(
                record,
                stage="transport",
                quantities=[
                    {"name": name, "value": of(record.inputs["model"]["seed"])}
                    for name, of in (("li_diffusivity", value), ("li_jump_rate", jumps))
                    if of is not None
                ],
                results={},
            )
            for record in glasses
        ),
    ]


def test_what_a_dopant_does_to_li_stands_beside_and_leaves_the_score_alone():
    rng = np.random.default_rng(3)
    plain, doped = records_of(None, 6, rng), records_of("Ca2+", 6, rng, shift=1.0)
    (before,) = screen_rows(plain + doped)
    (row,) = screen_rows(
        with_transport(plain, lambda seed: 10.0 + 0.1 * seed)
        + with_transport(doped, lambda seed: 13.0 + 0.1 * seed)
    )
    assert MOBILITY.name not in before.effects
    assert (row.score, row.p) == (before.score, before.p)
    found = row.effects[MOBILITY.name]
    assert found.effect == pytest.approx(3.0)
    assert found.ci95[0] < 3.0 < found.ci95[1]
    assert "Δ D of Li" in table_rows([row])[0]
    assert "li_diffusivity_effect_ci95_low" in screen_csv([row])
    assert MOBILITY.name in {trend.quantity for trend in trends([row])}
    assert MOBILITY.name not in {trend.quantity for trend in trends([before])}
    # Where Li does not diffuse there is no effect, and no error either.
    (still,) = screen_rows(with_transport(plain, lambda _: 10.0) + with_transport(doped, lambda _: math.nan))
    assert math.isnan(still.effects[MOBILITY.name].effect)


def test_dopants_are_listed_by_how_fast_li_is(capsys):
    from alzmodel.cli.screen import _print_mobility

    rng = np.random.default_rng(4)
    speeds = {None: 10.0, "Ca2+": 12.0, "Er3+": math.nan, "Sr2+": 15.0}
    records = []
    for dopant, speed in speeds.items():
        records += with_transport(records_of(dopant, 2, rng), lambda seed, speed=speed: speed + 0.01 * seed)
    _print_mobility(screen_rows(records))
    out = capsys.readouterr().out
    assert out.index("Sr2+") < out.index("Ca2+") < out.index("Er3+")
    # Where Li diffuses in none, its jumps tell.
    records = []
    for dopant, rate in {None: 50.0, "Ca2+": 40.0, "Er3+": 70.0}.items():
        records += with_transport(
            records_of(dopant, 2, rng), lambda _: math.nan, lambda seed, rate=rate: rate + 0.01 * seed
        )
    _print_mobility(screen_rows(records))
    out = capsys.readouterr().out
    assert out.index("Er3+") < out.index("Ca2+")
    assert "+20.0" in out
    _print_mobility(screen_rows(records_of(None, 2, rng) + records_of("Ca2+", 2, rng)))
    assert capsys.readouterr().out == ""


def test_a_screen_of_how_fast_li_is_has_its_tasks():
    without, moved = (screen_study(["Sr"], seeds=2, transport=wanted) for wanted in (False, True))
    tasks = {task.key for task in plan(without)}
    more = [task for task in plan(moved) if task.key not in tasks]
    assert [task.stage for task in more] == ["transport"] * 4
    assert all(task.inputs["temperature"] == 900.0 for task in more)


def test_a_dopant_that_does_nothing_scores_nothing():
    """Over many screens the score of the control is near 0, and p is below 0.05 as often as it should be."""
    rng = np.random.default_rng(2)
    rows = []
    for _ in range(60):
        records = records_of(None, 4, rng) + records_of("La3+", 4, rng, first=5)
        rows += screen_rows(records)
    below = np.mean([row.p < 0.05 for row in rows])
    assert below < 0.15
    assert 0.3 < np.mean([row.p for row in rows]) < 0.7
    # What chance gives is taken off: as often too much as too little.
    assert 0.4 < np.mean([row.score == 0 for row in rows]) < 0.9
    assert np.mean([row.score for row in rows]) < 0.3
    covered = [
        found.ci95[0] <= 0 <= found.ci95[1] for row in rows for found in list(row.effects.values())[:-2]
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)


def test_ranks_follow_the_size_of_the_effect_within_one_content():
    rng = np.random.default_rng(3)
    records = [*records_of(None, 6, rng), *records_of(None, 6, rng, la=1.5)]
    for dopant, shift in (("Ca2+", 3.0), ("Y3+", 1.5), ("Ga3+", 6.0)):
        records += records_of(dopant, 6, rng, shift=shift)
        records += records_of(dopant, 6, rng, shift=4 - shift, la=1.5)
    rows = screen_rows(records)
    assert [(row.la, row.rank, row.dopant) for row in rows] == [
        (1.5, 1, "Y3+"),
        (1.5, 2, "Ga3+"),
        (1.5, 3, "Ca2+"),
        (3.0, 1, "Ga3+"),
        (3.0, 2, "Ca2+"),
        (3.0, 3, "Y3+"),
    ]
    assert [row.dopant for row in rows if row.provisional] == ["Ga3+", "Ga3+"]
    assert [row.dopant for row in rows if not row.isovalent] == ["Ca2+", "Ca2+"]
    shuffled = [records[index] for index in rng.permutation(len(records))]
    again = screen_rows(shuffled)
    assert [row.dopant for row in again] == [row.dopant for row in rows]
    assert [row.score for row in again] == pytest.approx([row.score for row in rows])


def test_ties_and_too_few_models_have_no_rank_and_no_interval():
    rng = np.random.default_rng(11)
    records = records_of(None, 2, rng) + records_of("Ca2+", 2, rng) + records_of("Ga3+", 2, rng, shift=20.0)
    rows = screen_rows(records)
    assert all(math.isnan(row.score_ci95[0]) for row in rows)
    assert rows[0].rank == 1
    assert rows[0].dopant == "Ga3+"
    many = records_of(None, 4, rng)
    for dopant in ("Ca2+", "Y3+", "Al3+", "Sr2+", "Nd3+", "Er3+", "Ba2+"):
        many += records_of(dopant, 4, rng)
    rows = screen_rows(many)
    nothing = [row for row in rows if row.score == 0]
    assert len(nothing) > 1
    assert {row.rank for row in nothing} == {None}
    assert all(row.score_ci95[1] != 0 for row in rows)
    lone = screen_rows(records_of(None, 1, rng) + records_of("Y3+", 1, rng))
    assert lone[0].rank is None
    header, line = screen_csv(lone).splitlines()
    assert line.split(",")[header.split(",").index("rank")] == ""


def test_one_model_gives_values_and_no_errors():
    rng = np.random.default_rng(4)
    (row,) = screen_rows(records_of(None, 1, rng) + records_of("Y3+", 1, rng))
    assert math.isfinite(row.effects["density"].effect)
    assert math.isnan(row.effects["density"].ci95[0])
    assert math.isnan(row.score)
    assert json.loads(json_text(row.to_dict()))["score"] is None
    assert screen_rows(records_of("Y3+", 2, rng)) == []
    assert screen_rows(records_of(None, 2, rng)) == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rounding", [0.0, 1e-15])
def test_a_quantity_that_all_models_share_leaves_p_alone(rounding):
    """Six neighbours of every Zr in small models, of that dopant and of the undoped glass alike."""
    rng = np.random.default_rng(8)
    records = records_of(None, 3, rng) + records_of("Ca2+", 3, rng) + records_of("Y3+", 3, rng)

    def with_coordination(change):
        for record in records[1::2]:
            for row in record.quantities:
                if row["name"] == "zr_o_coordination":
                    row["value"] = change(record, row["value"])
        return next(row for row in screen_rows(records) if row.dopant == "Ca2+")

    without = with_coordination(lambda record, value: math.nan if "Ca" in record.hash else value)
    same = with_coordination(
        lambda record, _: 6.0 + rng.normal() if "Y" in record.hash else 6.0 + rng.integers(2) * rounding
    )
    assert same.p == without.p > 0
    assert same.score < without.score or same.score == 0


def test_trends_keep_isovalent_ions_apart():
    rng = np.random.default_rng(5)
    records = records_of(None, 3, rng)
    isovalent = ("Al3+", "Y3+", "Er3+", "Nd3+", "Ce3+")
    for dopant in isovalent:
        records += records_of(dopant, 3, rng, shift=40 * ion(dopant).field_strength)
    for dopant in ("Ca2+", "Ta5+", "Ce4+"):
        records += records_of(dopant, 3, rng, shift=-60 * ion(dopant).field_strength)
    found = {(t.quantity, t.group): t for t in trends(screen_rows(records))}
    alone = found["packing_fraction", "isovalent"]
    together = found["packing_fraction", "all"]
    assert alone.n_ions == 5
    assert together.n_ions == 8
    assert alone.r > 0.9
    assert alone.ci95[0] < alone.r < alone.ci95[1]
    assert together.r < 0
    two = trends(screen_rows(records_of(None, 2, rng) + records_of("Y3+", 2, rng)))
    assert all(math.isnan(trend.r) for trend in two)


def test_tables_hold_what_was_promised():
    rng = np.random.default_rng(6)
    rows = screen_rows(records_of(None, 4, rng) + records_of("Ga3+", 4, rng, shift=2))
    table = list(csv.DictReader(io.StringIO(screen_csv(rows))))
    assert float(table[0]["field_strength"]) == pytest.approx(3 / ion("Ga3+").radius_cn6)
    assert float(table[0]["dietzel_field_strength"]) == pytest.approx(ion("Ga3+").dietzel_field_strength)
    for name in (*SPREADS, "dopant_o_distance", "dopant_o_coordination"):
        for ending in ("", "_effect", "_effect_ci95_low", "_effect_ci95_high"):
            assert float(table[0][name + ending])
    assert table[0]["provisional"] == "True"
    assert "provisional" in table_rows(rows)[0]["dopant"]


def test_the_figure_shows_the_content_with_most_ions(tmp_path):
    rng = np.random.default_rng(7)
    records = records_of(None, 3, rng)
    for dopant in ("Y3+", "Al3+", "Ca2+"):
        records += records_of(dopant, 3, rng, fraction=0.2)
    records += records_of("Y3+", 3, rng, fraction=0.5)
    files = draw(
        "screen", Findings(records, [], [], ()), Store(tmp_path), [], load_measured(), tmp_path / "screen"
    )
    assert [path.suffix for path in files] == [".png", ".svg", ".csv"]
    rows = list(csv.DictReader(io.StringIO(files[2].read_text(encoding="utf-8"))))
    assert len(rows) == 4 * 3
    expected = {row.dopant: row for row in screen_rows(records) if row.fraction == 0.2}
    for row in rows[:3]:
        found = expected[row["ion"]].effects["packing_fraction"]
        assert float(row["effect"]) == pytest.approx(found.effect, rel=1e-6)
        assert float(row["low"]) == pytest.approx(found.ci95[0], rel=1e-6)
        assert row["isovalent"] == str(row["ion"].endswith("3+"))
    with pytest.raises(InputError, match="no finished dopants"):
        draw(
            "screen",
            Findings(records[:6], [], [], ()),
            Store(tmp_path),
            [],
            load_measured(),
            tmp_path / "screen",
        )


def test_the_study_of_a_screen():
    study = screen_study(["Ce", "Ca", "La"], fractions=[0.1, 0.2], seeds=3, compensate=["li", "oxygen"])
    ions = [(entry.ion, entry.compensate, entry.seeds) for entry in study.glass.dopants]
    assert ions == [
        ("Ce3+", "li", None),
        ("Ce4+", "li", None),
        ("Ce4+", "oxygen", None),
        ("Ca2+", "li", None),
        ("Ca2+", "oxygen", None),
        # The control has other seeds: else it would be the undoped glass itself.
        ("La3+", "li", [4, 5, 6]),
    ]
    tasks = plan(study)
    assert sum(task.stage == "glass" for task in tasks) == 3 * (1 + 6 * 2)
    assert {task.stage for task in tasks} == {"glass", "local_order"}
    assert parse_study(study_toml(study), "copy") == study


def test_an_exchange_is_part_of_the_study_and_of_its_results(tmp_path):
    """The control is in the study file: whoever looks at the folder later sees the same tasks."""
    seen = {}

    def stage(work):
        model = work.inputs["model"]
        seen.setdefault(model.get("dopant", ""), set()).add((ion("Y3+").radius_cn6, model.get("exchange")))
        return StageResult([], {"provenance": {"formula": "F", "potential": {"provisional": []}}})

    own = ion("Y3+").radius_cn6, ion("Al3+").radius_cn6
    options = {"fractions": [0.3], "seeds": 1}
    control = screen_study(["Y", "Al"], exchange=["Y3+", "Al3+"], **options)
    plain = {task.label: task.key for task in plan(screen_study(["Y", "Al"], **options))}
    tasks = {task.label: task.key for task in plan(control)}
    # Of the glasses without either ion nothing changes.
    assert {label for label in tasks if tasks[label] == plain[label]} == {
        label for label in tasks if " Y3+ " not in label and " Al3+ " not in label
    }
    store = Store(tmp_path / "screen")
    store.prepare()
    for task in plan(control):
        perform(task, store, stage, lambda *_: None)
    # Both stages of a glass.
    assert seen == {
        "": {(own[0], None)},
        "Y3+": {(own[1], "Al3+ Y3+")},
        "Al3+": {(own[1], "Al3+ Y3+")},
    }
    assert ion("Y3+").radius_cn6 == own[0]
    (store.folder / "study.toml").write_text(study_toml(control), encoding="utf-8")
    assert runner.status(store.folder).tasks == {"done": 6, "failed": 0, "left": 0}
    assert {row.dopant: row.radius for row in runner.screen(store.folder)} == {"Y3+": own[1], "Al3+": own[0]}
    assert any(
        "A control, no prediction: Y3+ and Al3+" in words
        for words in _doubts(control, Findings([], [], [], ()), load_measured())
    )


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--dopants", "Xx"], "'Xx'"),
        (["--dopants", ","], "--dopants"),
        (["--dopants", "Ca,Ca2+"], "named twice"),
        (["--dopants", "Gd"], "Gd3+"),
        (["--dopants", "Ca", "--fractions", "1.5"], "--fractions 1.5"),
        (["--dopants", "Ca", "--fractions", "much"], "--fractions much"),
        (["--dopants", "Ca", "--fractions", ""], "--fractions: none"),
        (["--dopants", "Ca", "--la", ","], "--la: none"),
        (["--dopants", "Ca", "--compensate", ""], "--compensate: none"),
        (["--dopants", "Ca", "--workers", "0"], "workers: 0 is refused; allowed: greater than or equal to 1"),
        (["--dopants", "Ca", "--fractions", "0.1,0.1"], "glass.dopants: x=3 Ca2+ 0.1 stands there twice"),
        (["--dopants", "Ca", "--seeds", "0"], "--seeds 0"),
        (["--dopants", "Ca", "--compensate", "air"], "--compensate air"),
        (
            ["--dopants", "Ta", "--la", "6", "--fractions", "1"],
            "Li content: -5 would be left after compensating Ta5+ for 1 of the La",
        ),
        (["--dopants", "Ca", "--atoms", "0"], "atoms"),
        (["--dopants", "Ca", "--executor", "cloud"], "'cloud'"),
        (["--dopants", "Ca", "--executor", "cloud", "--dry-run"], "'cloud'"),
    ],
)
def test_bad_screens_end_in_one_line(capsys, tmp_path, words, named):
    assert main(["screen", *words, "-o", str(tmp_path / "screen")]) == 2
    caught = capsys.readouterr()
    assert caught.out == ""
    assert named in caught.err
    assert caught.err.count("\n") == 1
    assert not (tmp_path / "screen").exists()


def test_dry_run_shows_tasks_time_and_disk(capsys, tmp_path):
    words = ["screen", "--dopants", "Ca", "-o", str(tmp_path / "screen"), "--dry-run", "--json"]
    assert main(words) == 0
    planned = json.loads(capsys.readouterr().out)
    assert len(planned["tasks"]) == 16
    assert planned["seconds"] > 100
    assert planned["megabytes"] > 1
    assert not (tmp_path / "screen").exists()


def test_a_dry_run_refuses_files_that_are_not_there(capsys, tmp_path):
    for option in ("--measured", "--hypotheses"):
        words = ["run", "--out", str(tmp_path / "study"), "--dry-run", option, str(tmp_path / "none.toml")]
        assert main(words) == 2
        assert "none.toml: cannot be read" in capsys.readouterr().err


def test_a_group_of_commands_without_one_shows_its_help_and_nothing_else(capsys):
    assert main(["study"]) == 2
    caught = capsys.readouterr()
    assert "Study files" in caught.out + caught.err
    assert "alzmodel: " not in caught.err
