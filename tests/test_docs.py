"""What docs/ shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

from alzmodel.crystals import crystal
from alzmodel.local_order.roles import DIETZEL, roles
from alzmodel.local_order.shapes import SHAPES

DOCS = Path(__file__).parents[1] / "docs"


def test_example_of_local_order_prints_what_it_says(capsys):
    text = (DOCS / "local-order.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- test: local order -->\n```python\n(.*?)```", text, re.DOTALL)[1]
    exec(block, {})
    said = [line.split("  # ")[1] for line in block.splitlines() if "  # " in line]
    assert capsys.readouterr().out.splitlines() == said
    assert len(said) == 4


def test_thresholds_of_local_order_are_those_of_the_program():
    text = (DOCS / "local-order.md").read_text(encoding="utf-8")
    for name, (low, high) in DIETZEL.items():
        assert f"{name} {low}–{high}" in text
    limits = roles(crystal("La2Zr2O7")).to_dict()["thresholds"]["sun"]
    assert f"above {limits['former_above']:.0f} kJ/mol" in text
    assert f"below {limits['modifier_below']:.0f} " in text
    assert "octahedron" in SHAPES
