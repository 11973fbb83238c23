"""Reference patterns against what they must be, and their files in the hands of other readers."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.io import read_structure
from alzmodel.local_order.pdf import partial_rdf
from alzmodel.scattering.form_factors import spectrum_of
from alzmodel.scattering.reference_patterns import ReferenceSettings, damped_partials, write_reference
from alzmodel.scattering.totals import scattering_strength
from alzmodel.scattering.xrd.data import read_curve
from alzmodel.scattering.xrd.pattern import nanocrystal_pattern

FAST = ReferenceSettings(two_theta=(10.0, 60.0, 0.05), r_max=10.0, columns=1, thickness=20.0)


def test_displacements_spread_a_shell_and_keep_its_neighbours():
    b = 0.8
    rdf = damped_partials(partial_rdf(crystal("MgO"), r_max=6.0, dr=0.005), b_iso=b)
    shell = (rdf.r > 1.3) & (rdf.r < 2.9)
    r, g = rdf.r[shell], rdf.g["Mg-O"][shell]
    oxygen = 4 * math.pi * rdf.number_density / 2
    neighbours = oxygen * float((r**2 * g).sum()) * rdf.dr
    assert neighbours == pytest.approx(6, rel=5e-3)
    # r g(r) of one shell is a Gaussian about the distance, of twice the variance of one atom.
    weight = r * g
    mean = float((weight * r).sum() / weight.sum())
    assert mean == pytest.approx(4.211 / 2, abs=0.01)
    variance = float((weight * (r - mean) ** 2).sum() / weight.sum())
    assert variance == pytest.approx(2 * b / (8 * math.pi**2), rel=0.02)


def test_structure_factor_of_spheres_is_their_debye_sum(tmp_path):
    size, b, wavelength = 30.0, 0.6, 0.25
    settings = ReferenceSettings(size=size, b_iso=b, q=(1.5, 12.0, 0.01), dr=0.005)
    paths = write_reference(["La2Zr2O7"], tmp_path, settings, kinds=["sq"])
    assert [path.name.partition("-")[2] for path in paths] == ["xray.sq", "neutron.sq", "electron.sq"]
    curve = read_curve(paths[0], "Q")
    two_theta = np.degrees(2 * np.arcsin(curve.x * wavelength / (4 * np.pi)))
    pattern = nanocrystal_pattern(
        "La2Zr2O7", size, wavelength=wavelength, two_theta=two_theta, b_iso=b, polarization="none"
    )
    c = {"La": 2 / 11, "Zr": 2 / 11, "O": 7 / 11}
    f = {element: scattering_strength(element, "xray", curve.x) for element in c}
    mean = sum(c[e] * f[e] for e in c)
    own = sum(c[e] * f[e] ** 2 for e in c)
    intensity = own + mean**2 * (curve.y - 1)
    # The Debye sum has dispersion (small at 0.25 Å) and the sphere's small-angle tail; the rest is the same number.
    difference = np.sqrt(np.mean((intensity - pattern.intensity) ** 2)) / np.ptp(pattern.intensity)
    assert difference < 0.01
    assert np.corrcoef(intensity, pattern.intensity)[0, 1] > 0.9995


def test_files_of_a_phase_are_read_by_other_programs(tmp_path):
    from pymatgen.core import Structure
    from pymatgen.io.lammps.data import LammpsData

    settings = ReferenceSettings(
        wavelength="CuKb1", size=20.0, two_theta=(10.0, 60.0, 0.05), r_max=10.0, columns=1, thickness=20.0
    )
    paths = write_reference(["pyrochlore"], tmp_path, settings)
    names = sorted(path.name for path in paths)
    assert len(names) == len(set(names)) == 8 + 2 + 3 + 3 + 1
    assert all(path.parent == tmp_path / "La2Zr2O7" for path in paths)
    place = tmp_path / "La2Zr2O7"
    for ending in (".cif", ".vasp"):
        structure = Structure.from_file(place / f"La2Zr2O7{ending}")
        assert structure.composition.reduced_formula == "La2Zr2O7"
        assert structure.density == pytest.approx(6.03, abs=0.02)
    data = LammpsData.from_file(str(place / "La2Zr2O7.lmp"), atom_style="charge")
    assert data.structure.composition.reduced_formula == "La2Zr2O7"
    assert data.atoms["q"].sum() == pytest.approx(0)
    sphere = read_structure(place / "La2Zr2O7-sphere.lmp")
    assert np.ptp(sphere.positions, axis=0).max() < 20
    assert sphere.get_initial_charges().sum() == pytest.approx(0)
    for name, abscissa in (
        ("La2Zr2O7-xrd.xy", "two_theta"),
        ("La2Zr2O7-neutron.gr", "r"),
        ("La2Zr2O7-electron.sq", "Q"),
        ("La2Zr2O7-fem.dat", "k"),
    ):
        curve = read_curve(place / name, abscissa)
        assert len(curve.x) > 100
        # A header says what it is, who made it from what; ASCII, so that every program takes it.
        text = (place / name).read_bytes().decode("ascii")
        for words in ("# phase: La2Zr2O7", "space group 227", "Whittle", "made by: alzmodel"):
            assert words in text, (name, words)
    assert (read_curve(place / "La2Zr2O7-xray.gr", "r").x <= 10).all()


def test_sticks_have_indices_and_obey_bragg(tmp_path):
    _, path = write_reference(
        ["MgO"], tmp_path, ReferenceSettings(wavelength="MoKa1", two_theta=(5.0, 60.0, 0.05)), kinds=["xrd"]
    )
    lines = [line for line in path.read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert [(row["h"], row["k"], row["l"]) for row in rows[:3]] == [
        ("1", "1", "1"),
        ("2", "0", "0"),
        ("2", "2", "0"),
    ]
    assert [row["multiplicity"] for row in rows[:3]] == ["8", "6", "12"]
    assert rows[1]["intensity"] == "100.0000"
    ((wavelength, _),) = spectrum_of("MoKa1")
    for row in rows:
        d = 4.211 / math.sqrt(sum(int(row[index]) ** 2 for index in "hkl"))
        assert float(row["d_A"]) == pytest.approx(d, rel=1e-4)
        angle = 2 * math.degrees(math.asin(wavelength / (2 * float(row["d_A"]))))
        assert float(row["two_theta_deg"]) == pytest.approx(angle, abs=2e-4)


def test_a_crystallite_has_wider_lines_than_a_crystal(tmp_path):
    def width(settings, folder):
        curve = read_curve(
            write_reference(["MgO"], tmp_path / folder, settings, kinds=["xrd"])[0], "two_theta"
        )
        near = (curve.x > 40) & (curve.x < 46)
        return float((curve.y[near] > curve.y[near].max() / 2).sum()) * 0.05

    grid = (38.0, 48.0, 0.05)
    infinite = width(ReferenceSettings(two_theta=grid), "a")
    small = width(ReferenceSettings(two_theta=grid, size=50.0), "b")
    assert infinite == pytest.approx(0.1, abs=0.06)
    # FWHM of a 50 Å sphere: 1.107 lambda / (D cos theta).
    assert small == pytest.approx(
        math.degrees(1.107 * 1.5406 / (50 * math.cos(math.radians(21.45)))), abs=0.12
    )


@pytest.mark.parametrize(
    ("change", "kinds", "words"),
    [
        ({"size": 5.0}, ["xrd"], "--size 5"),
        ({"size": 200.0}, ["sq"], "up to 150"),
        ({"wavelength": "CuKz"}, ["xrd"], "CuKb1"),
        ({"b_iso": math.nan}, ["xrd"], "--b-iso nan"),
        ({"two_theta": (60.0, 10.0, 0.1)}, ["xrd"], "two_theta"),
        ({}, ["xray"], "models, xrd, pdf, sq, fem"),
    ],
)
def test_what_cannot_be_is_refused_before_work(tmp_path, change, kinds, words):
    with pytest.raises(InputError, match="allowed") as caught:
        write_reference(["MgO"], tmp_path / "new", ReferenceSettings(**change), kinds=kinds)
    assert words in str(caught.value)
    assert not (tmp_path / "new").exists()
