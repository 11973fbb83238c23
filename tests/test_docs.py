"""What docs/ shows is what happens."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
import sys
import tomllib
from pathlib import Path

import ase.cli.main
import matplotlib.pyplot as plt
import pytest

from alzmodel.cli import main
from alzmodel.crystals import crystal
from alzmodel.forcefields.pair_tables import Coulomb
from alzmodel.local_order.roles import DIETZEL, roles
from alzmodel.local_order.shapes import SHAPES
from alzmodel.scattering.totals import TAPER_RATIO, TAPER_START
from alzmodel.scattering.xrd.lines import SCHERRER_CONSTANT, SPHERE_CONSTANT
from alzmodel.study import runner
from alzmodel.study.executors import LocalExecutor

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"<!-- test: (sh|python|file \S+) -->\n```\w+\n(.*?)```", re.DOTALL)
SYNTHETIC = (sys.executable, str(Path(__file__).parent / "study" / "synthetic.py"))


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def run_line(line):
    """One line of shell, as a user types it."""
    program, *words = shlex.split(line, comments=True)
    if program == "ase":
        ase.cli.main.main(args=words)
    else:
        assert program == "alzmodel"
        assert main(words) == 0, line


def run_python(code, names):
    """Lines whose print is told in a comment print that."""
    said = [line.split("  # ")[1] for line in code.splitlines() if re.match(r"\s*print\(.*  # ", line)]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, names)
    assert_same_lines(_sets_in_order(out.getvalue().splitlines()), _sets_in_order(said))


def assert_same_lines(printed, told):
    """Words are equal, numbers within one and a half units of the last digit that is told."""
    number = r"-?\d+\.\d+"
    assert len(printed) == len(told)
    for line, other in zip(printed, told, strict=True):
        assert re.split(number, line) == re.split(number, other)
        for value, expected in zip(re.findall(number, line), re.findall(number, other), strict=True):
            unit = 10.0 ** -len(expected.split(".")[1])
            assert float(value) == pytest.approx(float(expected), abs=1.5 * unit), line


def test_pip_lines_work_as_printed():
    """This package is on no index: it is installed from its folder, with extras that there are, in quotes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = 0
    for file in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "alzmodel").rglob("*.py")):
        text = file.read_text(encoding="utf-8").replace("\\\\[", "[")
        assert not re.search(r"alzmodel\[\w+\]", text), file
        for words in re.findall(r"pip install ([^`#\n]+)", text):
            named = re.findall(r"""(['"])\.\[([\w,]+|\{name\})\]\1""", words)
            assert words.count("[") == len(named), f"{file}: {words}"
            extras = {extra for _, some in named if some != "{name}" for extra in some.split(",")}
            assert extras <= set(project["optional-dependencies"])
            plain = re.split(r"\s|[;),&]", words)[0]
            assert named or plain in {".", "-e", "--require-hashes", "--no-deps", "jupyterlab"}, (
                f"{file}: {words}"
            )
            found += 1
    assert found >= 10


def _sets_in_order(lines):
    """A printed set has no order."""
    return [
        ", ".join(sorted(line.strip("{}").split(", "))) if line.startswith("{") and ":" not in line else line
        for line in lines
    ]


@pytest.mark.parametrize(
    "name", [pytest.param("studies.md", marks=pytest.mark.slow), "screening.md", "slurm.md", "python-api.md"]
)
def test_examples_do_what_the_page_says(name, tmp_path, monkeypatch, capsys):
    """Everything is real but the molecular dynamics, in place of which ions are packed, and figures not asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("alzmodel.study.figures.draw_all", lambda *_: [])
    monkeypatch.setattr(
        runner, "make_executor", lambda _, store, slots, __: LocalExecutor(store, slots, SYNTHETIC)
    )
    blocks = BLOCK.findall(page(name))
    assert blocks
    names: dict = {}
    for kind, text in blocks:
        if kind == "sh":
            for line in text.splitlines():
                run_line(line)
                capsys.readouterr()
        elif kind == "python":
            run_python(text, names)
        else:
            Path(kind.split()[1]).write_text(text, encoding="utf-8")


def test_lines_for_measured_data_draw_a_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").symlink_to(DOCS)
    blocks = BLOCK.findall(page("my-data.md"))
    # The gallery shows what the same lines make.
    lines = [text for kind, text in blocks if kind == "sh"]
    assert lines == [text for _, text in BLOCK.findall(page("gallery.md"))]
    for kind, text in blocks:
        if kind == "python":
            # The five lines for a notebook.
            assert len([line for line in text.splitlines() if line]) <= 5
            run_python(text, {})
            (axes,) = plt.gcf().axes
            assert axes.get_xlabel() == "k (nm⁻¹)"
            assert axes.lines[-1].get_label() == "measured"
            plt.close("all")
            continue
        for line in text.splitlines():
            run_line(line)
            capsys.readouterr()
    assert {path.name for path in tmp_path.glob("*.png")} == {"xrd.png", "fem.png", "pdf.png"}


def test_the_site_has_every_page():
    """Its menu is written by hand."""
    named = set(re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    pages = [*DOCS.rglob("*.md"), *(path.with_suffix(".md") for path in DOCS.rglob("*.ipynb"))]
    assert named == {str(path.relative_to(DOCS)) for path in pages}


@pytest.mark.slow
def test_the_study_of_the_page_melts_and_is_done(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (text,) = (block for kind, block in BLOCK.findall(page("studies.md")) if kind == "file study.toml")
    Path("study.toml").write_text(text, encoding="utf-8")
    assert main(["run", "study.toml", "--out", "my-study"]) == 0
    assert "15 tasks done" in capsys.readouterr().err


def test_links_lead_somewhere_and_readme_names_every_page():
    for file in (ROOT / "README.md", *DOCS.rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).is_file(), f"{file.name}: {target}"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for file in DOCS.glob("*.md"):
        assert f"docs/{file.name}" in readme or file.name in {"index.md", "api.md"}


def test_scripts_that_pages_name_take_those_options(capsys):
    named = set()
    for file in (ROOT / "README.md", *DOCS.rglob("*.md")):
        named |= set(re.findall(r"`python (scripts/[\w/]+)\.py([^`]*)`", file.read_text(encoding="utf-8")))
    assert len(named) > 5
    for script, words in sorted(named):
        assert (ROOT / f"{script}.py").is_file()
        parse = getattr(importlib.import_module(script.replace("/", ".")), "parse_arguments", None)
        if parse is not None and words and not {"--help", "KEY=NUMBER"} & set(words.split()):
            parse(shlex.split(words))
    capsys.readouterr()


def test_theory_names_what_is_there_and_numbers_that_are_used():
    text = page("theory.md")
    names = re.findall(r"`(alzmodel(?:\.\w+)+)`", text)
    assert len(names) >= 20
    for name in names:
        module, _, attribute = name.rpartition(".")
        try:
            assert hasattr(importlib.import_module(module), attribute), name
        except ModuleNotFoundError:
            importlib.import_module(name)
    coulomb = Coulomb("dsf")
    assert f"α = {coulomb.damping:.2f} Å⁻¹, R = {coulomb.cutoff:g} Å" in text
    assert f"at most {TAPER_START:g} Å, and falls as cos² to {TAPER_RATIO:g} times" in text
    assert f"K = {SCHERRER_CONSTANT:g}" in text
    assert f"{SCHERRER_CONSTANT / SPHERE_CONSTANT:.2f} of the diameter" in text
    assert f"own constant is {SPHERE_CONSTANT:g}" in text


def test_example_of_local_order_prints_what_it_says():
    run_python(
        re.search(r"<!-- test: local order -->\n```python\n(.*?)```", page("local-order.md"), re.DOTALL)[1],
        {},
    )


def test_thresholds_of_local_order_are_those_of_the_program():
    text = page("local-order.md")
    for name, (low, high) in DIETZEL.items():
        assert f"{name} {low}–{high}" in text
    limits = roles(crystal("La2Zr2O7")).to_dict()["thresholds"]["sun"]
    assert f"above {limits['former_above']:.0f} kJ/mol" in text
    assert f"below {limits['modifier_below']:.0f} " in text
    assert "octahedron" in SHAPES


def test_example_of_xrd_prints_what_it_says(capsys):
    text = (DOCS / "xrd.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- test: xrd -->\n```python\n(.*?)```", text, re.DOTALL)[1]
    exec(block, {})
    said = [line.split("  # ")[1] for line in block.splitlines() if "  # " in line]
    assert_same_lines(capsys.readouterr().out.splitlines(), said)
    assert len(said) == 4
