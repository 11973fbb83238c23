"""Attribution to the last digit, and the numbers that tell a bond from a reflection."""

import csv
import math

import numpy as np
import pytest
from ase import Atoms

from alzmodel.compare.rivals import rival_numbers
from alzmodel.composition import glass_composition, ion_counts
from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.models.columns import embed_clusters, gas_column, glass_column
from alzmodel.models.packing import random_packing
from alzmodel.report.readings_figure import plot_readings
from alzmodel.scattering.fem.attribution import attribute, only_elements
from alzmodel.scattering.fem.readings import EHRENFEST, bond_lengths, read_peaks
from alzmodel.scattering.fem.variance import FEMSettings, fem

SETTINGS = FEMSettings(k_min=2.5, k_max=5.9, k_step=0.1)
FINE = FEMSettings(k_min=3.0, k_max=3.4, k_step=0.2, tolerance=1e-13)


@pytest.fixture(scope="module")
def columns():
    packing = random_packing(ion_counts(glass_composition(3.0), 600), seed=1)
    return [
        embed_clusters(
            glass_column(packing, width=122.0, thickness=40.0, seed=seed),
            diameter=24.0,
            volume_fraction=0.2,
            seed=seed,
        )
        for seed in range(2)
    ]


@pytest.fixture(scope="module")
def readings(columns):
    gas = [gas_column(columns[0], 1)]
    return read_peaks(
        columns,
        fem(columns, SETTINGS),
        gas_columns=gas,
        gas=fem(gas, SETTINGS),
        bonds={"Zr-O": 2.1, "La-O": 2.45, "Zr-La": 3.6},
    )


@pytest.mark.parametrize("by", ["elements", "regions"])
def test_parts_add_up_to_the_whole(columns, by):
    parts = attribute(columns, FINE, by=by)
    whole = fem(columns, FINE, n_bootstrap=0)
    per_area = np.mean([len(column) for column in columns]) / 122.0**2
    np.testing.assert_allclose(sum(parts.variance.values()), parts.total_variance, rtol=1e-12)
    np.testing.assert_allclose(sum(parts.mean_intensity.values()), parts.total_intensity, rtol=1e-12)
    # And the whole is that of another way to sum: all atoms in one wave.
    np.testing.assert_allclose(parts.total_variance, whole.variance["omega"], rtol=1e-10)
    np.testing.assert_allclose(parts.total_intensity, whole.mean_intensity * per_area, rtol=1e-10)
    assert sum(parts.shares(3.0, 3.4).values()) == pytest.approx(1, rel=1e-12)


def test_parts_differ_from_each_other(columns):
    shares = attribute(columns[:1], FINE, by="regions").shares(3.0, 3.4)
    assert set(shares) == {"cluster", "matrix", "cross"}
    assert shares["cluster"] > 3 * abs(shares["matrix"])


def test_only_some_elements_scatter(columns):
    """Left out of the model, or left out of the sum over pairs."""
    parts = attribute(columns[:1], FINE, subsets=[("La", "Zr"), ("Li", "La", "Zr", "O")])
    heavy = only_elements(columns[:1], ["La", "Zr"])
    assert set(heavy[0].get_chemical_symbols()) == {"La", "Zr"}
    np.testing.assert_allclose(
        parts.alone["La+Zr"], fem(heavy, FINE, n_bootstrap=0).variance["omega"], rtol=1e-3
    )
    np.testing.assert_allclose(parts.alone["Li+La+Zr+O"], parts.total_variance, rtol=1e-12)
    assert np.abs(parts.alone["La+Zr"] / parts.total_variance - 1).max() > 0.05
    with pytest.raises(InputError, match="'Ce'; allowed"):
        attribute(columns[:1], FINE, subsets=[("Ce",)])
    with pytest.raises(InputError, match="'Ce'; allowed"):
        only_elements(columns, ["Ce"])
    pure = Atoms("La", cell=[130, 130, 5], pbc=[True, True, False])
    with pytest.raises(InputError, match="column 1: no Zr"):
        only_elements([columns[0], pure], ["Zr"])


def test_clusters_read_as_reflections(readings):
    numbers = readings.numbers()
    assert numbers["fem_peak2_k"] == pytest.approx(3.206, abs=0.1)
    assert numbers["fem_peak2_share_cations"] > 0.8
    assert numbers["fem_peak1_share_bonds"] < 0.3
    assert numbers["fem_peak2_excess"] > 0.01
    assert numbers["zr_o_distance"] == 2.1
    rows = {row.quantity: row for row in rival_numbers(numbers)}
    width = rows["FEM peak 2, FWHM"]
    assert width.value == numbers["fem_peak2_fwhm"]
    assert width.met == (False, True)
    less = rows["FEM peak 1, d = 1/k less Zr–O distance"]
    assert less.value == pytest.approx(numbers["fem_peak1_d"] - 2.1)
    assert less.met[1] is None
    plain = readings.to_dict()
    assert [peak["label"] for peak in plain["peaks"]] == ["k5.3", "k3.2"]
    for peak in plain["peaks"]:
        for key in ("shares", "shares_gas", "shares_regions"):
            assert sum(peak[key].values()) == pytest.approx(1, rel=1e-12)
    assert plain["ratio"] == pytest.approx(plain["peaks"][1]["height"] / plain["peaks"][0]["height"])


def test_a_gas_has_no_number_for_either_reading(columns):
    gas = [gas_column(column, seed) for seed, column in enumerate(columns)]
    result = fem(gas, SETTINGS)
    read = read_peaks(gas, result, gas=result, always=False)
    assert read.parts is None
    numbers = read.numbers()
    assert math.isnan(numbers["fem_peak1_k"])
    assert numbers["fem_peak1_excess"] == 0
    rows = {row.quantity: row for row in rival_numbers(numbers)}
    assert rows["FEM peak 1, k"].met == (None, None)
    assert rows["FEM peak 1, height above a random gas"].met == (False, False)


def test_a_pair_alone_scatters_most_at_the_ehrenfest_place():
    x = 2 * math.pi * np.linspace(0.8, 1.6, 200001)
    assert x[np.argmax(np.sin(x) / x)] / (2 * math.pi) == pytest.approx(EHRENFEST, abs=1e-4)


def test_bonds_of_pyrochlore():
    bonds = bond_lengths(crystal("La2Zr2O7"))
    assert bonds["Zr-O"] == pytest.approx(2.10, abs=0.02)
    assert bonds["Zr-La"] == pytest.approx(10.805 / math.sqrt(8), abs=0.02)
    assert bond_lengths(Atoms("Li", cell=[3, 3, 3], pbc=True)) == {}


def test_the_figure_holds_the_numbers(readings, tmp_path):
    measured = [("measured", 3.2, 1.0)]
    png, svg, table = plot_readings(readings, tmp_path / "peaks", measured=measured)
    assert png.stat().st_size > 10_000
    again = plot_readings(readings, tmp_path / "again", measured=measured)
    assert svg.read_bytes() == again[1].read_bytes()
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    parts = [name for name in rows[0] if name.startswith("V of ")]
    for row in rows[: len(SETTINGS.k)]:
        assert sum(float(row[name]) for name in parts) == pytest.approx(float(row["V"]), rel=1e-5)
    shares = [float(row["share k3.2"]) for row in rows if row["share k3.2"]]
    assert sum(shares) == pytest.approx(1, rel=1e-6)
