"""Measured beside modelled: differences, errors, and what may not be said."""

import math
import random

import pytest

from alzmodel.compare.comparison import compare_models
from alzmodel.compare.measured import load_measured
from alzmodel.compare.quantities import Quantity
from alzmodel.io import json_text

KEYS = {"id", "measured", "error", "systematic", "model", "model_std", "n_models", "kind", "z"}


def rows_of(quantities, measured=None):
    rows = compare_models(quantities, measured or load_measured())
    assert len({row.id for row in rows}) == len(rows)
    return {row.id: row for row in rows}


def zr_o(*values, **fields):
    return [Quantity("zr_o_distance", 3.0, f"m{i}", value, **fields) for i, value in enumerate(values)]


def test_every_measured_value_has_a_row_even_without_models():
    measured = load_measured()
    rows = rows_of([])
    assert list(rows) == [value.id for value in measured.values]
    assert {row.kind for row in rows.values()} == {"not modelled"}
    assert "bond polarizabilities" in rows["raman_centre_651"].reason
    assert rows["fem_peak1_d@3"].reason == "no model of it in this study"
    assert set(rows["fem_peak1_d@3"].to_dict()) >= KEYS


def test_z_by_hand():
    row = rows_of(zr_o(2.10, 2.11, 2.12, 2.13))["zr_o_allzo@3"]
    spread = math.sqrt((0.015**2 + 0.005**2) * 2 / 3)
    assert row.model == pytest.approx(2.115)
    assert row.model_std == pytest.approx(spread)
    assert row.difference == pytest.approx(-0.005)
    assert row.z == pytest.approx(-0.005 / math.hypot(0.005 / math.sqrt(3), spread / 2))
    assert (row.kind, row.agreement, row.n_models) == ("predicted", "compatible", 4)


def test_model_that_disagrees_is_said_to_differ():
    assert rows_of(zr_o(2.20, 2.21, 2.20, 2.21))["zr_o_allzo@3"].agreement == "differs"


def test_limit_widens_for_few_models():
    """The same z is a difference for many models and none for two."""
    two = rows_of(zr_o(2.14, 2.16))["zr_o_allzo@3"]
    many = rows_of(zr_o(*[2.14, 2.16] * 10))["zr_o_allzo@3"]
    assert two.z > 2
    assert two.agreement == "too few models"
    assert many.agreement == "differs"


def test_systematic_error_is_kept_apart():
    angles = [
        Quantity("xrd_222_two_theta", 3.0, f"m{i}", v, source="glass-ceramic")
        for i, v in enumerate((28.40, 28.41))
    ]
    row = rows_of(angles)["xrd_222_two_theta@3"]
    error = math.hypot(0.01, 0.005)
    assert row.z == pytest.approx(0.085 / error)
    assert row.z_beyond_systematic == 0
    assert row.agreement == "within systematic"
    far = [
        Quantity("xrd_222_two_theta", 3.0, f"m{i}", v, source="glass-ceramic")
        for i, v in enumerate((28.60, 28.61))
    ]
    row = rows_of(far)["xrd_222_two_theta@3"]
    assert row.z_beyond_systematic == pytest.approx((0.285 - 0.1) / error)
    assert row.agreement == "differs"


def test_assumed_values_never_agree():
    exact = [Quantity("d222", 3.0, f"m{i}", 3.15, kind="assumed", source="glass-ceramic") for i in range(5)]
    row = rows_of(exact)["d222@3"]
    assert (row.kind, row.agreement) == ("assumed", "assumed")
    mixed = [*exact, Quantity("d222", 3.0, "m9", 3.15, source="glass-ceramic")]
    assert rows_of(mixed)["d222@3"].kind == "assumed"


def test_assumed_values_still_show_how_far_off_they_are():
    line = [Quantity("xrd_222_two_theta", 1.5, "sphere", 28.58, kind="assumed", source="glass-ceramic")]
    row = rows_of(line)["xrd_222_two_theta@1.5"]
    assert row.z == pytest.approx(-23.0)
    assert row.z_beyond_systematic == pytest.approx(-13.0)
    assert row.agreement == "assumed"


def test_one_model_has_no_z():
    row = rows_of(zr_o(2.12))["zr_o_allzo@3"]
    assert (row.z, row.model_std, row.agreement, row.reason) == (
        None,
        None,
        "not comparable",
        "one model has no spread",
    )
    assert '"z": null' in json_text(row.to_dict())


def test_a_crystal_needs_no_spread():
    cell = [Quantity("la2zr2o7_lattice_parameter", None, "La2Zr2O7", 10.9, source="crystal")]
    row = rows_of(cell)["la2zr2o7_lattice_parameter"]
    assert row.difference == pytest.approx(0.095)
    assert row.agreement == "differs"


def test_columns_of_one_model_count_once():
    values = [
        Quantity("fem_peak2_k", 3.0, model, v)
        for model, v in (("a", 3.1), ("a", 3.3), ("b", 3.2), ("b", 3.2))
    ]
    row = rows_of(values)["fem_peak2_k@3/glass"]
    assert row.n_models == 2
    assert row.model_std == pytest.approx(0.0, abs=1e-12)


def test_kinds_of_model_stand_apart():
    values = [
        *(
            Quantity("fem_peak2_k", 3.0, f"m{i}", 3.2, kind="assumed", source="glass-ceramic")
            for i in range(2)
        ),
        *(Quantity("fem_peak2_k", 3.0, f"m{i}", 3.0 + 0.1 * i) for i in range(2)),
    ]
    rows = rows_of(values)
    assert rows["fem_peak2_k@3"].kind == "assumed"
    assert rows["fem_peak2_k@3/glass"].kind == "predicted"
    assert "fem_peak2_nominal@3" in rows


def test_values_for_every_x_are_compared_at_every_x():
    halos = [Quantity("xrd_halo_two_theta", x, f"{x}-{i}", 29 + i / 10) for x in (2.0, 3.0) for i in range(2)]
    rows = rows_of(halos)
    assert {"xrd_as_deposited_hump@2", "xrd_as_deposited_hump@3"} <= set(rows)


def test_ranges_and_words():
    values = [Quantity("fem_peak1_fwhm", 3.0, f"m{i}", v) for i, v in enumerate((1.80, 1.82))]
    ratios = [Quantity("fem_ratio", 3.0, f"m{i}", v) for i, v in enumerate((2.0, 2.1))]
    rows = rows_of([*values, *ratios])
    assert rows["fem_peak1_fwhm@3/glass"].difference == 0
    assert rows["fem_ratio@3/glass"].reason == "measured in words only"
    below = [Quantity("fem_peak1_fwhm", 3.0, f"m{i}", v) for i, v in enumerate((1.50, 1.51))]
    assert rows_of(below)["fem_peak1_fwhm@3/glass"].difference == pytest.approx(1.505 - 1.77)


def test_model_without_the_feature_is_told():
    row = rows_of([Quantity("fem_peak1_k", 3.0, "m", math.nan)])["fem_peak1_k@3/glass"]
    assert (row.model, row.n_models, row.reason) == (None, 0, "no such peak in the models")


def test_units_are_those_of_the_measurement():
    size = [
        Quantity("scherrer_size", 3.0, f"m{i}", 70.0, kind="assumed", source="glass-ceramic")
        for i in range(2)
    ]
    row = rows_of(size)["scherrer_size@3"]
    assert (row.unit, row.model) == ("nm", pytest.approx(7.0))


def test_doped_models_are_left_out():
    assert rows_of(zr_o(2.1, 2.2, dopant="Ce4+"))["zr_o_allzo@3"].kind == "not modelled"


def test_order_of_models_does_not_matter():
    values = [
        Quantity(name, x, f"{x}-{i}", base + 0.013 * i**1.7 + x / 100)
        for name, base in (("zr_o_distance", 2.1), ("fem_peak2_k", 3.1), ("fem_peak1_fwhm", 1.7))
        for x in (1.5, 3.0, 4.5)
        for i in range(5)
    ]
    rows = compare_models(values, load_measured())
    random.Random(4).shuffle(values)
    assert compare_models(values, load_measured()) == rows


def test_footnotes_travel_with_the_row():
    row = rows_of([])["xrd_222_two_theta@1.5"]
    assert set(row.footnotes) == {"cells", "swapped-222"}
    assert "other way round" in row.footnotes["swapped-222"]


def halo(protocol, base, n=3):
    return [
        Quantity("xrd_halo_two_theta", 3.0, f"{protocol}-{i}", base + 0.1 * i, protocol=protocol)
        for i in range(n)
    ]


def test_states_of_the_film_have_models_of_their_own():
    """What was measured as deposited is laid beside models of that state alone, all else beside the annealed ones."""
    zr = zr_o(2.10, 2.11, 2.12, protocol="annealed-low-Tf") + [
        Quantity("zr_o_distance", 3.0, f"h{i}", 2.5, protocol="as-deposited-high-Tf") for i in range(3)
    ]
    rows = rows_of([*halo("annealed-low-Tf", 20.0), *halo("as-deposited-high-Tf", 28.0), *zr])
    hump = rows["xrd_as_deposited_hump@3"]
    assert (hump.state, hump.protocol, hump.n_models) == ("as deposited", "as-deposited-high-Tf", 3)
    assert hump.model == pytest.approx(28.1)
    bond = rows["zr_o_allzo@3"]
    assert (bond.state, bond.protocol, bond.n_models) == ("annealed", "annealed-low-Tf", 3)
    assert bond.model == pytest.approx(2.11)


def test_two_protocols_of_one_state_are_two_rows():
    rows = rows_of(zr_o(2.10, 2.12, protocol="quick") + zr_o(2.2, 2.22, protocol="standard"))
    assert {name for name in rows if name.startswith("zr_o_allzo")} == {
        "zr_o_allzo@3[quick]",
        "zr_o_allzo@3[standard]",
    }
    assert rows["zr_o_allzo@3[quick]"].model == pytest.approx(2.11)


def test_a_state_without_models_is_told():
    row = rows_of(halo("annealed-low-Tf", 20.0))["xrd_as_deposited_hump"]
    assert (row.kind, row.reason) == ("not modelled", "no model of the as deposited film in this study")


def test_models_without_a_protocol_stand_for_every_state():
    rows = rows_of([*halo(None, 28.0), *zr_o(2.1, 2.12)])
    assert rows["xrd_as_deposited_hump@3"].n_models == 3
    assert rows["zr_o_allzo@3"].n_models == 2
