"""Results write themselves in one way: JSON, tables, HDF5, the text of a notebook."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from alzmodel.crystals import crystal
from alzmodel.local_order.building_units import building_units
from alzmodel.local_order.pdf import partial_rdf
from alzmodel.results import Item, Result, holds, plain, roles_of, together
from alzmodel.scattering.xrd.pattern import powder_pattern


@dataclass(frozen=True, slots=True, repr=False)
class Inner(Result):
    name: str = field(metadata=holds(role="label"))
    width: float = field(metadata=holds("Å"))


@dataclass(frozen=True, slots=True, repr=False)
class Outer(Result):
    x: np.ndarray = field(metadata=holds("Å", role="axis"))
    g: dict[str, np.ndarray] = field(metadata=holds("Å⁻²", key="partials", stored="parts"))
    raw: np.ndarray = field(metadata=holds("counts", hidden=True))
    rows: tuple[Inner, ...] = ()
    extra: Inner | None = field(default=None, metadata=holds(optional=True))

    def items(self):
        yield from Result.items(self)
        yield Item("total", 3.0)


def outer() -> Outer:
    x = np.array([1.0, 2.0])
    return Outer(x, {"a": x + 1}, np.array([3, 4]), (Inner("one", 0.5),))


def test_json_has_keys_in_order_and_leaves_out_what_is_hidden_or_does_not_apply():
    table = outer().to_dict()
    assert list(table) == ["x", "partials", "rows", "total"]
    assert table["rows"] == [{"name": "one", "width": 0.5}]


def test_hdf5_has_every_array_with_its_unit():
    columns = outer().columns()
    assert {name: unit for name, (_, unit) in columns.items()} == {
        "x": "Å",
        "parts/a": "Å⁻²",
        "raw": "counts",
    }


def test_table_starts_with_the_axis_and_names_units():
    frame = outer().to_dataframe()
    assert list(frame.columns) == ["x (Å)", "parts/a (Å⁻²)", "raw (counts)"]
    assert frame["raw (counts)"].tolist() == [3, 4]


def test_text_is_short_and_names_the_units():
    lines = repr(outer()).splitlines()
    assert lines[:3] == ["Outer", "  x: 2 values 1 to 2 Å", "  partials: a Å⁻²"]
    assert len(lines) == 5


def test_roles_follow_the_results_inside():
    assert roles_of(outer()) == {
        "x": "axis",
        "partials": {"a": "value"},
        "rows": {"name": "label", "width": "value"},
        "total": "value",
    }
    assert roles_of(Inner) == {"name": "label", "width": "value"}


def test_together_the_later_value_counts():
    joined = together(outer(), {"total": 4.0, "more": [1]})
    assert joined.to_dict()["total"] == 4.0
    assert roles_of(joined)["x"] == "axis"
    assert plain([joined])[0]["more"] == [1]


@pytest.mark.parametrize("analyse", [partial_rdf, powder_pattern])
def test_curves_of_the_package_become_tables(analyse):
    frame = analyse(crystal("MgO")).to_dataframe()
    assert " (" in frame.columns[0]
    assert len(frame) > 100


def test_texts_of_the_package_fit_a_screen():
    cell = crystal("MgO")
    for result in (partial_rdf(cell), powder_pattern(cell), building_units(cell)):
        assert len(repr(result)) < 2000
