"""Names, units and averaging of model values."""

import math

import pytest

from alzmodel.compare.quantities import QUANTITIES, Quantity, convert, per_model, quantity_info
from alzmodel.errors import InputError


def test_units_are_the_quantitys_own():
    assert Quantity("density", 3.0, "m", 4.6).unit == "g/cm³"
    assert Quantity("scherrer_size", 3.0, "m", 7.0, unit="nm") == Quantity(
        "scherrer_size", 3.0, "m", 70.0, unit="Å"
    )
    assert Quantity("fem_peak1_k", 3.0, "m", 0.52, unit="Å⁻¹").value == pytest.approx(5.2)
    with pytest.raises(InputError, match="'°' cannot be turned into 'Å'"):
        Quantity("d222", 3.0, "m", 28.0, unit="°")
    assert convert(1.0, "nm", "Å") == 10.0


def test_families_of_names():
    assert quantity_info("ce_o_distance").label == "Ce–O distance"
    assert quantity_info("xrd_440_two_theta").unit == "°"
    for name in QUANTITIES:
        assert quantity_info(name).name == name


def test_unknown_names_get_a_hint():
    with pytest.raises(InputError, match="did you mean 'packing_fraction'"):
        quantity_info("packing_fractoin")
    with pytest.raises(InputError, match="allowed: density, packing_fraction"):
        Quantity("qqqq", 3.0, "m", 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"kind": "guessed"}, "kind"), ({"source": "gas"}, "source"), ({"x": math.nan}, "x of density")],
)
def test_bad_fields_are_named(change, message):
    fields = {"name": "density", "x": 3.0, "model": "m", "value": 4.6} | change
    with pytest.raises(InputError, match=message):
        Quantity(**fields)


def test_values_of_one_model_are_one_value():
    values = [
        Quantity("fem_peak2_k", 3.0, "b", 3.3),
        Quantity("fem_peak2_k", 3.0, "a", 3.1),
        Quantity("fem_peak2_k", 3.0, "a", 3.3),
        Quantity("fem_peak2_k", 3.0, "a", math.nan),
        Quantity("fem_peak2_k", 3.0, "c", math.nan),
    ]
    assert per_model(values) == pytest.approx({"a": 3.2, "b": 3.3})
    assert list(per_model(values[::-1])) == ["a", "b"]
