"""Verdicts of several studies side by side: what depends on the study and what does not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from alzmodel.compare.quantities import Quantity
from alzmodel.compare.side_by_side import side_by_side
from alzmodel.compare.verdicts import judge_hypotheses
from alzmodel.errors import InputError
from alzmodel.report.table import print_side_by_side


def study(slope: float, seed: int, spread: float = 0.001):
    """Six models a content whose La-O distance grows by `slope` from x = 1.5 to 3.0, and as the paper says else."""
    rng = np.random.default_rng(seed)
    numbers = []
    for x in (1.5, 3.0, 4.5):
        for model in range(6):
            for name, base in (("zr_o_distance", 2.1), ("la_o_distance", 2.4), ("zr_la_distance", 3.6)):
                value = base + slope * (x - 1.5) / 1.5 + spread * rng.standard_normal()
                numbers.append(Quantity(name, x, f"{x}-{model}", value))
    return judge_hypotheses(numbers)


def rows_of(*slopes):
    return {
        (row.id, row.quantity): row
        for row in side_by_side({str(n): study(slope, n) for n, slope in enumerate(slopes)})
    }


def test_studies_that_disagree_are_told_from_those_that_do_not():
    agree, disagree = rows_of(0.02, 0.02), rows_of(0.02, -0.02)
    keys = [key for key in agree if key[1] == "La–O distance"]
    assert keys
    for key in keys:
        assert agree[key].depends is not True
        assert disagree[key].depends is True
        assert disagree[key].effects[0] * disagree[key].effects[1] < 0
    # Nothing was modelled of these: no opinion.
    assert any(row.depends is None and row.effects == (None, None) for row in agree.values())


def test_order_of_the_studies_does_not_matter_to_what_depends():
    ahead, back = rows_of(0.02, -0.02), rows_of(-0.02, 0.02)
    assert {key: row.depends for key, row in ahead.items()} == {key: row.depends for key, row in back.items()}


def test_too_few_or_unlike_studies_are_refused():
    with pytest.raises(InputError, match="studies: 1 given; allowed: at least two"):
        side_by_side({"one": study(0.02, 1)})
    with pytest.raises(InputError, match="two: judges other hypotheses than one"):
        side_by_side({"one": study(0.02, 1), "two": study(0.02, 2)[1:]})


def test_table_names_the_studies_and_the_units():
    out = io.StringIO()
    rows = side_by_side({"du-teter": study(0.02, 1), "grimes": study(-0.02, 2)})
    print_side_by_side(rows, ["du-teter", "grimes"], console=Console(file=out, width=250))
    text = out.getvalue()
    assert "du-teter" in text
    assert "grimes" in text
    assert "La–O distance" in text
    assert "Å" in text
    assert "yes" in text
