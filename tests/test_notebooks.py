"""The notebooks of docs/ as they are stored: whole, without faults or traces of a machine, loading nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
LARGEST = 600_000
"""Bytes of a notebook with its outputs."""


def cells(path, kind):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


def outputs(path):
    for cell in cells(path, "code"):
        yield from cell["outputs"]


def texts(path):
    for output in outputs(path):
        yield "".join(output.get("text", ""))
        for kind, data in output.get("data", {}).items():
            if kind.startswith("text/"):
                yield "".join(data)


def test_there_are_three():
    assert [path.stem for path in NOTEBOOKS] == ["screen", "study", "your-structure"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_was_run_in_order_and_none_failed(path):
    assert [cell["execution_count"] for cell in cells(path, "code")] == [
        *range(1, len(cells(path, "code")) + 1)
    ]
    assert {output["output_type"] for output in outputs(path)} <= {"execute_result", "display_data", "stream"}
    assert not [output for output in outputs(path) if output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_small_and_name_no_machine_and_load_nothing(path):
    assert path.stat().st_size < LARGEST
    for text in texts(path):
        assert not re.search(r"(?<![\w.])/(tmp|home|root|work|Users)/", text)
        assert not re.search(r"""(src|href)=["']?https?:""", text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_of_notebooks_lead_somewhere(path):
    for cell in cells(path, "markdown"):
        for target in re.findall(r"\]\(([^)#:]+)\)", "".join(cell["source"])):
            assert (path.parent / target).is_file(), target
