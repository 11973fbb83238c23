"""The region of a scan that matches a measurement, and the answer that there is none."""

import math

import pytest

from alzmodel.compare.inverse import CRITERIA, MARGINS, criteria_of, ratio_order, search
from alzmodel.compare.measured import load_measured
from alzmodel.errors import InputError

MEASURED = load_measured()
AXES = ("diameter", "fraction")
GOOD = {
    1.5: (5.52, 1.89, 3.25, 0.99, 28.81, 1.07),
    3.0: (5.05, 1.83, 3.19, 1.08, 28.32, 1.16),
    4.5: (5.21, 1.77, 3.19, 1.17, 28.82, 1.04),
}


def point(x=3.0, diameter=20.0, fraction=0.1, ratio=1.0, half=0.0, **changes):
    numbers = dict(zip(CRITERIA, GOOD[round(2 * x) / 2], strict=True)) | changes
    return {
        "x": x,
        "diameter": diameter,
        "fraction": fraction,
        "refused": None,
        "numbers": numbers | {"fem_ratio": ratio},
        "half_widths": dict.fromkeys(CRITERIA, half),
    }


def test_criteria_are_the_measured_numbers():
    film, criteria = criteria_of(MEASURED, 2.9)
    assert film == 3.0
    assert [one.name for one in criteria] == list(CRITERIA)
    width = criteria[1]
    assert (width.low, width.high) == (1.77, 1.89)
    assert width.tolerance == MARGINS["fem_peak1_fwhm"]
    angle = criteria[4]
    assert angle.tolerance == pytest.approx(MARGINS["xrd_222_two_theta"] + 0.1)
    assert width.miss(1.80) == 0
    assert width.miss(1.89 + 0.6) == pytest.approx(2)
    assert width.miss(1.89 + 0.6, half_width=0.3) == pytest.approx(1)
    # An interval without end does not make everything match.
    assert width.miss(1.89 + 0.6, half_width=50.0) == pytest.approx(1)
    assert width.miss(math.nan) == math.inf
    with pytest.raises(InputError, match="La content: 6"):
        criteria_of(MEASURED, 6.0)


def test_a_region_that_was_put_in_is_found():
    points = [
        point(diameter=diameter, fraction=fraction, fem_peak2_fwhm=0.2 + 16 / diameter)
        for diameter in (8.0, 16.0, 20.0, 40.0)
        for fraction in (0.1, 0.2)
    ]
    points.append({**point(diameter=90.0), "refused": "too large", "numbers": {}, "half_widths": {}})
    (film,) = search(points, MEASURED, AXES)
    assert film.region == {"diameter": (16.0, 20.0), "fraction": (0.1, 0.2)}
    assert film.matching == (2, 3, 4, 5)
    assert (film.n_points, film.n_refused) == (8, 1)
    assert film.closest in film.matching
    assert "4 of 8 specimens" in film.summary
    assert film.to_dict()["region"]["diameter"] == [16.0, 20.0]


def test_no_region_is_an_answer_with_its_reasons():
    points = [
        point(diameter=10.0, fem_peak1_fwhm=1.8, xrd_222_fwhm=9.0, fem_peak2_k=None),
        point(diameter=90.0, fem_peak1_fwhm=0.2, xrd_222_fwhm=1.1, fem_peak2_k=9.0),
    ]
    (film,) = search(points, MEASURED, AXES)
    assert film.region == {}
    assert film.to_dict()["region"] is None
    assert ("fem_peak1_fwhm", "xrd_222_fwhm") in film.conflicts
    assert film.alone["fem_peak2_k"] == (0, {})
    assert film.alone["fem_peak1_fwhm"] == (1, {"diameter": (10.0, 10.0), "fraction": (0.1, 0.1)})
    assert film.closest == 1
    assert "no such region" in film.summary
    assert "met by none: FEM peak 2, k" in film.summary
    with pytest.raises(InputError, match="no points"):
        search([], MEASURED, AXES)


def test_the_ratio_must_rise_over_the_films():
    def said(*ratios):
        points = [point(x=x, ratio=ratio) for x, ratio in zip((1.5, 3.0, 4.5), ratios, strict=True)]
        return ratio_order(search(points, MEASURED, AXES), points)

    assert "can be chosen" in said(0.5, 1.0, 2.0)
    assert "no choice" in said(0.5, 2.0, 1.0)
    one = [point()]
    assert "only where two films" in ratio_order(search(one, MEASURED, AXES), one)


def test_tables_have_labels_with_units_and_say_which_tolerances_are_ours(capsys, monkeypatch):
    from types import SimpleNamespace

    from alzmodel.cli.inverse import _print

    monkeypatch.setenv("COLUMNS", "160")
    films = search([point(), point(diameter=30.0)], MEASURED, AXES)
    flags = {one.name: one.ours for one in films[0].criteria}
    assert flags["fem_peak1_fwhm"]
    assert films[0].to_dict()["criteria"][1]["tolerance_is"] == "ours"
    assert criteria_of(MEASURED, 1.5)[1][0].ours == (
        criteria_of(MEASURED, 1.5)[1][0].tolerance == MARGINS["fem_peak1_k"]
    )
    _print(SimpleNamespace(films=films, ratio="none", files=()))
    out = capsys.readouterr().out
    assert "FEM peak 1, FWHM (nm⁻¹)" in out
    assert "fem_peak1_fwhm" not in out
    assert "0.3 (ours)" in out
    assert "(ours): the paper's errors are those of fits only." in out
