"""A number of each atom is declared once: files, studies, the viewer, the report and hypotheses have it."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alzmodel.compare.quantities import quantity_info
from alzmodel.errors import InputError
from alzmodel.local_order import per_atom
from alzmodel.local_order.per_atom import AtomQuantity, with_atom_arrays
from alzmodel.study import runner
from alzmodel.study.index import write_results
from tests.study.synthetic import make_study

if TYPE_CHECKING:
    from pathlib import Path

STUDY = """
local_order = { r_max = 6.0 }
xrd = false
fem = false
reference = false
[glass]
la = [3.0]
seeds = [1]
atoms = 100
protocol_changes = { cutoff = 6.0 }
"""

LONGEST = AtomQuantity(
    "twice_bonds",
    "twice the bonds",
    "Å",
    lambda around: np.where(around.cation, 2 * around.number, -1),
    in_viewer=True,
    recorded=True,
)

HYPOTHESES = """
schema = 1
[[hypothesis]]
id = "H1"
title = "bonds"
statement = "Zr has bonds"
[[hypothesis.parts]]
quantity = "zr_twice_bonds"
test = "above"
target = 1.0
"""


def test_a_number_of_atoms_is_declared_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'zr_twice_bonds' is not known"):
        quantity_info("zr_twice_bonds")
    monkeypatch.setattr("alzmodel.study.figures.draw_all", lambda *_: [])
    monkeypatch.setattr(per_atom, "ATOM_QUANTITIES", [*per_atom.ATOM_QUANTITIES, LONGEST])
    assert quantity_info("zr_twice_bonds").label == "twice the bonds, mean over Zr"
    folder = make_study(tmp_path / "study", settings_text=STUDY)
    _, tasks, store = runner._open(folder)
    found = runner._finished(folder, tasks, store)
    numbers = {q.name: q.value for q in found.quantities}
    assert numbers["zr_twice_bonds"] == pytest.approx(2 * numbers["zr_o_coordination"])
    write_results(found, tmp_path / "results.csv")
    assert "zr_twice_bonds," in (tmp_path / "results.csv").read_text(encoding="utf-8")
    (tmp_path / "hypotheses.toml").write_text(HYPOTHESES, encoding="utf-8")
    _, (verdict,) = runner.compare(folder, hypotheses=tmp_path / "hypotheses.toml")
    assert verdict.effect == pytest.approx(numbers["zr_twice_bonds"] - 1)
    page = runner.report(folder).read_text(encoding="utf-8")
    assert "twice the bonds, mean over Zr (Å)" in html.unescape(page)
    (data,) = re.findall(r'id="view-data">(.*?)</script>', page)
    (model,) = json.loads(data)
    values = np.array(model["numbers"]["twice the bonds (Å)"]["values"])
    (glass,) = [record for record in found.records if record.stage == "glass"]
    from alzmodel.io import read_structure

    atoms = read_structure(store.runs / f"glass-{glass.hash}" / "model.extxyz")
    assert len(values) == len(atoms)
    assert "twice_bonds" in with_atom_arrays(atoms)[0].arrays
