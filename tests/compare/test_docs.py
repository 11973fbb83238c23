"""The files shown in docs/verdicts.md do what the page says."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from alzmodel.cli.app import app, main
from alzmodel.compare.comparison import compare_models
from alzmodel.compare.hypotheses import Test, load_hypotheses
from alzmodel.compare.measured import load_measured
from alzmodel.compare.quantities import Quantity
from alzmodel.compare.verdicts import judge_hypotheses

PAGE = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")


@pytest.fixture
def shown(tmp_path):
    """Write a marked block of the page to a file."""

    def write(marker):
        file = tmp_path / f"{marker}.toml"
        block = re.search(rf"<!-- test: {marker} -->\n```toml\n(.*?)```", PAGE, re.DOTALL)[1]
        file.write_text(block, encoding="utf-8")
        return file

    return write


def glasses(**means):
    rng = np.random.default_rng(41)
    return [
        Quantity(name, x, f"{x}-{i}", mean + slope * x + rng.normal(0, 0.004))
        for name, (mean, slope) in means.items()
        for x, i in itertools.product((1.5, 3.0, 4.5), range(5))
    ]


def test_every_test_is_in_the_table():
    rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    assert set(Test.__args__) <= set(re.findall(r"`(\w+)`", rows))


def test_hypotheses_over_x(shown):
    hypotheses = load_hypotheses(shown("hypotheses"))
    right = glasses(zr_o_coordination=(6.0, 0), zr_o_distance=(2.1, 0), density=(4.0, 0.2))
    assert [v.verdict for v in judge_hypotheses(right, hypotheses)] == ["supported", "supported"]
    wrong = glasses(zr_o_coordination=(6.5, 0), zr_o_distance=(2.1, 0), density=(5.0, -0.2))
    assert [v.verdict for v in judge_hypotheses(wrong, hypotheses)] == ["contradicted", "contradicted"]


def test_hypotheses_over_dopants(shown):
    rng = np.random.default_rng(42)
    values = [
        Quantity("packing_fraction", 3.0, f"{ion}-{i}", base + rng.normal(0, 0.001), dopant=ion, fraction=0.1)
        for ion, base in (("Sr2+", 0.50), ("Er3+", 0.52), ("Ce4+", 0.53))
        for i in range(4)
    ]
    (verdict,) = judge_hypotheses(values, load_hypotheses(shown("dopants")))
    assert verdict.verdict == "supported"
    assert verdict.parts[0].levels == ("Sr2+", "Er3+", "Ce4+")


def test_measured_values(shown):
    rows = {
        row.id: row
        for row in compare_models(glasses(zr_o_distance=(2.11, 0)), load_measured(shown("measured")))
    }
    assert list(rows) == ["zr_o@1.5", "zr_o@3", "zr_o@4.5"]
    assert rows["zr_o@1.5"].agreement == "compatible"
    assert rows["zr_o@1.5"].systematic == 0.01
    assert rows["zr_o@3"].difference == 0
    assert rows["zr_o@4.5"].measured == "not resolved"
    assert "vanadium" in rows["zr_o@3"].footnotes["container"]


def test_both_files_on_the_command_line(synthetic_study, shown, tmp_path):
    files = ["--measured", str(shown("measured")), "--hypotheses", str(shown("hypotheses"))]
    run = CliRunner().invoke(app, ["compare", str(synthetic_study), *files, "--json"])
    assert run.exit_code == 0, run.stderr
    # Older versions of click put what goes to stderr before it.
    told = json.loads(run.stdout[run.stdout.index("{") :])
    assert [one["id"] for one in told["hypotheses"]] == ["network", "density"]
    assert {one["id"].split("@")[0] for one in told["measured"]} == {"zr_o"}
    # Two models at each x, so nothing is decided.
    assert {one["verdict"] for one in told["hypotheses"]} <= {"undecided", "not testable"}
    page = tmp_path / "page.html"
    run = CliRunner().invoke(app, ["report", str(synthetic_study), *files, "-o", str(page)])
    assert run.exit_code == 0, run.stderr
    text = page.read_text(encoding="utf-8")
    assert "Zr stays six-fold" in text
    assert "Against Neutron diffraction" in text
    assert "La stretches" not in text


def test_a_file_that_is_wrong_is_named_before_work(synthetic_study, tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text("schema = 1\n", encoding="utf-8")
    assert main(["compare", str(synthetic_study), "--hypotheses", str(file)]) == 2
    told = capsys.readouterr().err
    assert "mine.toml: hypothesis" in told
    assert "allowed" in told
