"""χ(k) files as other programs write them."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.scattering.exafs.data import lay_beside, read_chi, write_chi
from alzmodel.scattering.exafs.edges import EDGES
from alzmodel.scattering.exafs.feff import K_GRID
from alzmodel.scattering.exafs.sites import ExafsSettings, averaged, missing_sigma2

SETTINGS = ExafsSettings(EDGES["Zr-K"])
CHI = np.sin(4.2 * K_GRID + 0.3) * np.exp(-0.02 * K_GRID**2) / (K_GRID + 1)


@pytest.fixture(scope="module")
def found():
    return averaged(np.array([0.9 * CHI, 1.1 * CHI]), [(0, 3), (0, 7)], 2, SETTINGS)


def athena(columns, names):
    rows = "\n".join("  ".join(f"{value:.7f}" for value in row) for row in np.column_stack(columns))
    return (
        f"# Athena data file -- Athena version 0.9.26\n# Element: Zr   Edge: K\n#------\n#  {names}\n{rows}\n"
    )


@pytest.mark.parametrize(
    ("ending", "names", "columns"),
    [
        (
            ".chi",
            "k  chi  chik  chik2  chik3  win  energy",
            (K_GRID, CHI, K_GRID * CHI, CHI, CHI, CHI, K_GRID),
        ),
        (".chik", "k chik", (K_GRID, K_GRID * CHI)),
        (".chik2", "k chik2", (K_GRID, K_GRID**2 * CHI)),
        (".dat", "energy k chi", (8000 + K_GRID, K_GRID, CHI)),
        (".txt", "a file of ours", (K_GRID, CHI)),
    ],
)
def test_columns_are_found_by_their_names(tmp_path, ending, names, columns):
    file = tmp_path / f"zr{'.chi' if ending == '.chik2' else ending}"
    file.write_text(athena(columns, names), encoding="utf-8")
    measured = read_chi(file)
    np.testing.assert_allclose(measured.k, K_GRID, atol=1e-6)
    np.testing.assert_allclose(measured.chi[40:], CHI[40:], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.chi", None, "no such file"),
        ("a.prj", "x", "ending .prj"),
        ("a.chi", "", "0 rows"),
        ("a.chi", athena((K_GRID, np.nan * CHI), "k chi"), "NaN"),
        ("a.chi", athena((K_GRID[::-1], CHI), "k chi"), "rising"),
        ("a.chi", athena((9000 + K_GRID, CHI), "energy xmu"), "energy"),
        ("a.chi", athena((9000 + K_GRID, CHI), "x y"), "rising"),
        ("a.chi", athena((K_GRID, 0 * CHI), "k chi"), "above 2"),
        ("a.chi", athena((K_GRID, 1e6 + CHI), "k chi"), "above 2"),
        ("a.chi", athena((K_GRID, CHI), "k chi") + "20.05 0.1 0.2\n", "as many"),
        ("a.chi", athena((K_GRID, CHI), "k chi") + "the end\n", "among the numbers"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said) as caught:
        read_chi(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_the_scale_of_a_weaker_measurement_is_found(tmp_path, found):
    file = tmp_path / "weak.chi"
    file.write_text(athena((K_GRID, 0.8 * CHI), "k chi"), encoding="utf-8")
    agreement = lay_beside(found, read_chi(file))
    assert agreement.scale == pytest.approx(0.8, abs=1e-4)
    assert agreement.r_factor < 1e-8
    assert agreement.k[0] >= 3.0
    assert agreement.k[-1] <= 12.0


def test_what_is_written_is_read(tmp_path, found):
    write_chi(tmp_path / "mean.chi", found)
    measured = read_chi(tmp_path / "mean.chi")
    np.testing.assert_allclose(measured.chi, found.chi, atol=1e-8)
    transformed = measured.transformed(SETTINGS)
    np.testing.assert_allclose(transformed["ft"], found.ft, atol=1e-6)


def test_mean_and_error_are_over_sites(found):
    np.testing.assert_allclose(found.chi, CHI, atol=1e-12)
    np.testing.assert_allclose(found.sem, 0.1 * np.abs(CHI), atol=1e-12)
    assert [one["atom"] for one in found.sites()] == [3, 7]
    # Both sites have their peak at one place.
    assert found.peak_sem == pytest.approx(0.0, abs=1e-9)
    assert any("200 sites" in note for note in found.notes)
    assert any("1.5 times" in note for note in found.notes)


def test_the_missing_thermal_spread_is_that_of_an_oscillator():
    zr = EDGES["Zr-K"]
    # In amu, Å and cm⁻¹, with ħ/(2πc) = 33.715 amu Å² cm⁻¹: by hand from σ² = ħ/(2μω) coth(ħω/2kT).
    reduced, kt, square = 91.224 * 15.999 / (91.224 + 15.999), 300 / 1.438777, 33.71526
    whole = square / (2 * reduced * 550) / np.tanh(550 / (2 * kt))
    classical = square * kt / (reduced * 550**2)
    assert missing_sigma2(zr, 550.0) == pytest.approx(whole - classical, rel=1e-4)
    # Hot frames lack ħ²/(12μkT), whatever the frequency.
    assert missing_sigma2(zr, 550.0, 3000.0) == pytest.approx(square / (12 * reduced * 10 * kt), rel=0.005)


def test_a_stretch_damps_the_curve_and_says_so():
    settings = ExafsSettings(EDGES["Zr-K"], stretch=550.0)
    damped = averaged(np.array([0.9 * CHI, 1.1 * CHI]), [(0, 3), (0, 7)], 2, settings)
    extra = missing_sigma2(EDGES["Zr-K"], 550.0)
    np.testing.assert_allclose(damped.chi, CHI * np.exp(-2 * K_GRID**2 * extra), atol=1e-12)
    assert damped.notes[0].startswith("0.00089 Å² are added")
    with pytest.raises(InputError, match=r"stretch: 10; allowed: 50 to 2000"):
        ExafsSettings(EDGES["Zr-K"], stretch=10.0)


def test_the_error_of_the_peak_is_the_jackknife_over_sites():
    chi = np.array(
        [np.sin(2 * K_GRID * r - 0.8 * K_GRID) * np.exp(-0.02 * K_GRID**2) for r in (2.0, 2.1, 2.25)]
    )
    sites = [(0, 0), (0, 1), (0, 2)]
    left = [averaged(np.delete(chi, n, axis=0), sites[1:], 3, SETTINGS).peak for n in range(3)]
    expected = np.sqrt(2 / 3 * np.sum((np.array(left) - np.mean(left)) ** 2))
    assert expected > 0.01
    assert averaged(chi, sites, 3, SETTINGS).peak_sem == pytest.approx(expected, rel=1e-6)
