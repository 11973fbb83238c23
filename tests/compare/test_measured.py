"""The data file holds every number of the publication, and bad files are refused by name."""

import math

import pytest

from alzmodel.compare.measured import load_measured
from alzmodel.errors import InputError

# Read anew from Zhu et al., Adv. Mater. 2024, 2302438 (§2.1–2.3, Figs. 5d, 6b, 6e, 6f, S4, S7).
PUBLISHED = {
    "fem_peak1_d": ((1.81, 1.98, 1.92), (0.01, 0.01, 0.01)),
    "fem_peak2_d": ((3.08, 3.13, 3.13), (0.01, 0.01, 0.01)),
    "xrd_222_two_theta": ((28.81, 28.32, 28.82), (0.01, 0.01, 0.01)),
    "xrd_222_fwhm": ((1.07, 1.16, 1.04), (0.01, 0.02, 0.01)),
    "scherrer_size": ((7.68, 7.09, 7.90), (0.08, 0.09, 0.08)),
}


@pytest.fixture(scope="module")
def zhu():
    return load_measured()


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_numbers(zhu, name):
    values, errors = PUBLISHED[name]
    series = zhu.series(name)
    assert [v.x for v in series] == [1.5, 3.0, 4.5]
    assert tuple(v.value for v in series) == values
    assert tuple(v.error for v in series) == errors


def test_numbers_agree_with_each_other(zhu):
    """What follows from other numbers does, to its last digit."""
    wavelength = 1.5406
    for angle, d, size, width, cell in zip(
        *(
            zhu.series(n)
            for n in (
                "xrd_222_two_theta",
                "d222",
                "scherrer_size",
                "xrd_222_fwhm",
                "cluster_lattice_parameter",
            )
        ),
        strict=True,
    ):
        theta = math.radians(angle.value / 2)
        bragg = wavelength / (2 * math.sin(theta))
        assert bragg == pytest.approx(d.value, abs=0.006)
        assert bragg * math.sqrt(12) == pytest.approx(cell.value, abs=0.006)
        scherrer = 0.9 * wavelength / (math.radians(width.value) * math.cos(theta)) / 10
        assert scherrer == pytest.approx(size.value, abs=0.1)
        assert d.systematic == pytest.approx(bragg / math.tan(theta) * math.radians(0.05), abs=0.0006)
    for d, k in zip(zhu.series("fem_peak1_d"), zhu.series("fem_peak1_k"), strict=True):
        assert 10 / d.value == pytest.approx(k.value, abs=0.005)
        assert k.error == pytest.approx(10 * d.error / d.value**2, abs=0.006)
    for d, k in zip(zhu.series("fem_peak2_d"), zhu.series("fem_peak2_k"), strict=True):
        assert 10 / d.value == pytest.approx(k.value, abs=0.006)
    for size, sphere in zip(zhu.series("scherrer_size"), zhu.series("sphere_size"), strict=True):
        assert size.value * 1.107 / 0.9 == pytest.approx(sphere.value, abs=0.06)


def test_every_row_has_source_unit_and_a_meaning_of_its_error(zhu):
    for value in zhu.values:
        assert value.source
        assert value.method in zhu.methods
        if isinstance(value.shown, float):
            assert value.unit
            assert value.error is not None, value.id
        if value.error is not None:
            assert value.coverage in {"ci95", "unstated", "rounding"}, value.id
        assert (value.quantity is None) == (value.not_modelled is not None)
        assert all(note in zhu.footnotes for note in value.footnotes)


def test_systematic_error_of_diffraction_is_kept_apart(zhu):
    assert all(v.systematic == 0.1 for v in zhu.series("xrd_222_two_theta"))
    assert all(v.systematic is None for v in zhu.series("fem_peak2_d"))


def test_standard_errors_follow_their_coverage(zhu):
    fem, xrd, rounded = (zhu.series(n)[0] for n in ("fem_peak2_d", "xrd_222_two_theta", "zr_o_allzo"))
    assert fem.standard_error == pytest.approx(0.01 / 1.96, rel=1e-3)
    assert xrd.standard_error == 0.01
    assert rounded.standard_error == pytest.approx(0.005 / math.sqrt(3))


def test_contradictions_of_the_paper_stand_by_the_numbers_they_touch(zhu):
    touched = {note: [v.id for v in zhu.values if note in v.footnotes] for note in zhu.footnotes}
    assert touched["swapped-222"] == ["xrd_222_two_theta@1.5", "xrd_222_two_theta@4.5"]
    assert "fem_peak2_d@4.5" in touched["d2-drop"]
    assert "fem_peak1_d@3" in touched["not-a-bond"]
    assert touched["redshift"] == [
        *("raman_pyrochlore_eg@1.5", "raman_pyrochlore_eg@3", "raman_pyrochlore_eg_shift@3"),
    ]
    assert "raman_la2o3_197@4.5" in touched["raman-overlap"]
    assert "film_density@3" in touched["sem-density"]
    assert "xrd_622_nominal" in touched["four-lines"]
    for note, rows in touched.items():
        assert rows or note in zhu.general_footnotes, f"footnote {note} touches nothing"


def test_raman_bands_of_units_are_modelled_and_sums_of_bands_are_not(zhu):
    raman = [v for v in zhu.values if v.method == "raman"]
    assert len(raman) > 15
    modelled = {v.series for v in raman if v.not_modelled is None}
    assert modelled == {
        *("raman_lio6_eg", "raman_lio6_t2g", "raman_zro6_a1g", "raman_pyrochlore_eg_shift"),
        *("raman_la2o3_110", "raman_la2o3_197", "raman_la2o3_410"),
    }
    (reason,) = {v.not_modelled for v in raman} - {None}
    assert "bond polarizabilities that nobody has published" in reason


GOOD = """
schema = 1
title = "T"
citation = "C"
[footnotes]
odd = "O"
[methods.m]
label = "M"
[[series]]
id = "s"
label = "S"
quantity = "zr_o_distance"
unit = "Å"
method = "m"
source = "p. 1"
coverage = "unstated"
points = [{ x = 3.0, value = 2.1, error = 0.01 }]
"""


def test_other_files_can_be_read(tmp_path):
    file = tmp_path / "other.toml"
    file.write_text(GOOD, encoding="utf-8")
    (value,) = load_measured(file).values
    assert (value.id, value.shown, value.sources) == ("s@3", 2.1, ("glass", "glass-ceramic", "crystal"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema = 1", "schema = 2", "schema: 2; allowed: input should be 1"),
        ('unit = "Å"', 'unit = "°"', "s: unit: 'Å' cannot be turned into '°'"),
        ("zr_o_distance", "zr_o_distanze", "did you mean 'zr_o_distance'"),
        ('method = "m"', 'method = "n"', "method of s: 'n'; allowed: m"),
        ('source = "p. 1"', 'sauce = "p. 1"', r"unknown key 'series\[s\].sauce'"),
        ('source = "p. 1"', "", r"series\[s\].source: is missing; allowed: a value"),
        (
            "error = 0.01",
            "error = -0.01",
            r"series\[s\].points\[0\].error: -0.01; allowed: .* greater than 0",
        ),
        ("value = 2.1", "value = nan", "value: nan; allowed: .*finite"),
        ("value = 2.1,", "", "s@3: no value; allowed: one of value, low with high, or text"),
        ("value = 2.1", 'value = 2.1, text = "a"', "s@3: .*; allowed: one of"),
        ("value = 2.1", "low = 3.0, high = 2.0", "low 3.0 is above high 2.0"),
        ("error = 0.01 }]", "error = 0.01 }, { x = 3.0, value = 2.0 }]", "'s@3' stands there twice"),
        ("error = 0.01 }", 'error = 0.01, footnotes = ["none"] }', "footnote of s@3: 'none'; allowed: odd"),
        ('coverage = "unstated"', "", "coverage of s: 'none' beside an error"),
        ('title = "T"', "title = ", "not TOML"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, old, new, message):
    file = tmp_path / "bad.toml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        load_measured(file)
    assert "bad.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_measured(tmp_path / "none.toml")


def test_unknown_series_is_refused(zhu):
    with pytest.raises(InputError, match="measured series: 'zzz'"):
        zhu.series("zzz")
