"""Results write themselves in one way: JSON, tables, HDF5, the text of a notebook."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import alzmodel
from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.local_order.building_units import building_units
from alzmodel.local_order.pdf import partial_rdf
from alzmodel.results import Item, Result, _short, holds, plain, roles_of, together
from alzmodel.scattering.curves.scan import MeasuredCurve
from alzmodel.scattering.xrd.data import lay_over
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


def test_a_notebook_gets_a_table_of_the_same_lines():
    html = outer()._repr_html_()
    assert html.startswith("<table><caption>Outer</caption>")
    assert "<td style='text-align:left'>2 values 1 to 2 Å</td>" in html


def test_curves_are_drawn_with_their_units():
    axes = outer().plot()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x (Å)", "parts (Å⁻²)")
    assert axes.lines[0].get_ydata().tolist() == [2.0, 3.0]
    axes = outer().plot(axes, what="raw", against=([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]))
    assert [line.get_label() for line in axes.lines][-1] == "measured"
    plt.close("all")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"what": "none"}, "what: 'none' is no curve; allowed: parts/a, raw"),
        ({"against": ([1.0], [1.0, 2.0])}, "against: no pair of curves"),
        ({"against": ([1.0],)}, "against: no pair of curves"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, words):
    with pytest.raises(InputError, match=re.escape(words)):
        outer().plot(**options)
    with pytest.raises(InputError, match="Inner: has no curve"):
        Inner("one", 0.5).plot()


@dataclass(frozen=True, slots=True, repr=False)
class Whole(Result):
    """Without an axis of its own, as building units are."""

    name: str
    parts: dict[str, Outer]
    ends: tuple[float, float] = field(default=(1.0, 2.0), metadata=holds("Å"))


def test_a_result_without_curves_draws_those_in_it_and_lists_its_numbers():
    whole = Whole("all", {"Zr": outer(), "La": outer()})
    axes = whole.plot(against=([1.0], [2.0]))
    assert [line.get_label() for line in axes.lines] == ["Zr", "La", "measured"]
    assert len({line.get_linestyle() for line in axes.lines}) == 3
    assert axes.get_xlabel() == "x (Å)"
    frame = whole.to_dataframe().set_index("quantity")
    assert frame.loc["parts.La.rows.0.width"].tolist() == [0.5, "Å"]
    assert frame.loc["ends.1"].tolist() == [2.0, "Å"]
    assert frame.loc["name", "value"] == "all"
    # Arrays are curves: they stand in the tables of their own results.
    assert "parts.La.x" not in frame.index
    plt.close("all")


def test_every_result_has_the_short_text():
    """A dataclass that makes its own would print all its arrays."""
    sources = [path.read_text(encoding="utf-8") for path in Path(alzmodel.__file__).parent.rglob("*.py")]
    made = [one for text in sources for one in re.findall(r"@dataclass\((.*)\)\nclass \w+\(Result\)", text)]
    assert len(made) > 60
    assert [one for one in made if "repr=False" not in one] == []


def test_partials_are_drawn_as_g_of_r():
    axes = partial_rdf(crystal("MgO"), r_max=5.0).plot()
    assert axes.get_ylabel() == "partial g(r)"
    assert [line.get_label() for line in axes.lines] == ["Mg-Mg", "Mg-O", "O-O"]
    plt.close("all")


def test_building_units_draw_their_angles_and_become_a_table():
    units = building_units(crystal("MgO"))
    assert units.plot().get_xlabel() == "angles (°)"
    frame = units.to_dataframe().set_index("quantity")
    assert frame.loc["units.Mg.mean_coordination", "value"] == 6.0
    plt.close("all")


def test_fem_draws_its_variance():
    from alzmodel.scattering.fem.variance import FEMResult

    assert FEMResult.shown == "variance/omega"


def test_arrays_tell_their_range_not_their_ends():
    x = np.array([1.0, 2.0, 3.0])
    hill = Outer(x, {}, np.array([0.0, np.nan, 7.0]), ())
    assert "x: 3 values 1 to 3 Å" in repr(hill)
    values = np.array([0.5, 9.0, np.nan])
    assert _short(values, "Å") == "3 values 0.5 to 9 Å"
    assert _short(np.array([np.nan]), "Å") == "1 value Å"


def test_what_was_measured_is_drawn_and_laid_over():
    x = np.linspace(10.0, 60.0, 101)
    curve = MeasuredCurve(x, np.cos(x) + 3, None, "two_theta", "a.xy")
    axes = curve.plot()
    assert axes.get_xlabel() == "2θ (°)"
    assert np.array_equal(curve.plot(against=curve).lines[1].get_ydata(), curve.y)
    fit = lay_over(curve, x, np.cos(x) + 1)
    axes = fit.plot()
    assert [line.get_label() for line in axes.lines] == ["observed", "calculated", "background"]
    assert len({line.get_linestyle() for line in axes.lines}) == 3
    assert len(repr(curve)) < 300
    assert list(curve.to_dataframe()) == ["x", "y"]
    plt.close("all")


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
