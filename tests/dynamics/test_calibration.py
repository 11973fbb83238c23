"""Crystals beside reference lines, and lines that overlap."""

from __future__ import annotations

import sys

import pytest

from alzmodel.dynamics.calibration import modes_at, overlaps, raman_lines
from alzmodel.forcefields.calculators import calculator_of
from tests.dynamics.models import lithia


@pytest.fixture(scope="module", autouse=True)
def no_names():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "phonopy", None)
        yield


def test_lines_say_where_they_come_from():
    for about in raman_lines().values():
        assert about["kind"] in {"measured", "calculation"}
        assert len(about["source"]) > 20
        assert all(20 < line["cm"] < 1200 for line in about["lines"])


def test_lines_of_lanthana_lie_near_others():
    assert overlaps("La2O3") == [
        (110.0, "Li2CO3", 101.0),
        (197.0, "Li2CO3", 198.0),
        (410.0, "the band read as LiO6", 407.0),
    ]
    # Of two that lie near, the nearer one: 410 of La2O3 is two away from 408.
    assert overlaps("La2Zr2O7") == [(408.0, "the band read as LiO6", 407.0)]


@pytest.mark.slow
def test_a_calculator_relaxes_the_crystal_too():
    """The same potential as a calculator: cell, minimum and modes agree."""
    closed = modes_at(lithia(), "du-teter")
    by_forces = modes_at(lithia(), "grimes", calculator=calculator_of("du-teter"))
    assert [one.cm for one in by_forces] == pytest.approx([one.cm for one in closed], abs=2)
    assert [one.degeneracy for one in by_forces] == [3, 3]
