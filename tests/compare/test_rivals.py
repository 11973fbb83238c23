"""Two readings of the FEM peaks side by side."""

import math

import pytest

from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.quantities import Quantity
from alzmodel.compare.rivals import rival_rows


def fem(**values):
    """Two models at each of two contents: nothing in the glass, peaks of clusters that were put in."""
    rows = []
    for x in (1.5, 3.0):
        for i in range(2):
            model = f"{x}-{i}"
            rows.append(Quantity("zr_o_distance", x, model, 2.10 + 0.01 * i, **values))
            for name, value in (
                ("fem_peak1_d", 1.91),
                ("fem_peak1_k", 5.236),
                ("fem_peak1_fwhm", 0.28 + 0.02 * i),
            ):
                rows.append(Quantity(name, x, model, math.nan, **values))
                rows.append(Quantity(name, x, model, value, kind="assumed", source="glass-ceramic", **values))
    return rows


def rows_of(quantities):
    return {row.quantity: row for row in rival_rows(quantities) if row.ids == ("H7", "H7R")}


def test_every_property_of_both_readings_has_a_row():
    rows = rows_of([])
    widths = rows["FEM peak 1, FWHM"]
    assert widths.ids == ("H7", "H7R")
    assert widths.claims == ("above 0.7", "below 0.7")
    assert "1.89 to 1.77" in widths.evidence
    assert (widths.predicted, widths.assumed) == ((), ())
    assert rows["FEM peak 1, k"].claims == ("", "5.236 ± 0.15")
    assert rows["FEM peak 1, d = 1/k less Zr–O distance"].claims == ("0 ± 0.15", "")
    parts = sum(len(one.parts) for one in load_hypotheses() if one.id in {"H7", "H7R"})
    assert sum(bool(claim) for row in rows.values() for claim in row.claims) == parts


def test_what_was_put_in_is_shown_apart():
    width = rows_of(fem())["FEM peak 1, FWHM"]
    assert width.predicted == ((1.5, None, 0), (3.0, None, 0))
    assert [(x, n) for x, _, n in width.assumed] == [(1.5, 2), (3.0, 2)]
    assert width.assumed[0][1] == pytest.approx(0.29)
    less = rows_of(fem())["FEM peak 1, d = 1/k less Zr–O distance"]
    assert less.assumed[1][1] == pytest.approx(1.91 - 2.105)


def test_protocols_are_not_mixed():
    two = [*fem(protocol="quick"), *fem(protocol="standard")]
    assert rows_of(two)["FEM peak 1, FWHM"].assumed == ()
    states = [*fem(protocol="annealed-low-Tf"), *fem(protocol="as-deposited-high-Tf")]
    assert [n for *_, n in rows_of(states)["FEM peak 1, FWHM"].assumed] == [2, 2]


def test_four_readings_stand_side_by_side():
    pairs = dict.fromkeys(row.ids for row in rival_rows([]))
    assert list(pairs) == [("H7", "H7R"), ("H7", "H7G"), ("H7", "H7T")]
    halo = next(row for row in rival_rows([]) if row.quantity.startswith("background that the halo needs"))
    assert halo.claims == ("", "below 1.5")
