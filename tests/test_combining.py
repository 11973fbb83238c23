"""Results of several models as one: axes, words, peaks, what one of them lacks."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from alzmodel import statistics
from alzmodel.combining import combine
from alzmodel.errors import InputError
from alzmodel.results import Result, holds, roles_of


@dataclass(frozen=True)
class Peak(Result):
    label: str = field(metadata=holds(role="label"))
    k: float
    k_ci95: tuple[float, float] = field(metadata=holds(role="interval"))


@dataclass(frozen=True)
class Shells(Result):
    histogram: dict[str, float] = field(metadata=holds(role="frequency"))


@dataclass(frozen=True)
class Curves(Result):
    r: list[float] = field(metadata=holds("Å", role="axis"))
    partials: dict[str, list[float]]
    density: float = 4.5
    method: str = "pdf"
    note: str = "a"
    peaks: tuple[Peak, ...] = ()
    units: dict[str, Shells] = field(default_factory=dict)


def test_combine_means_spreads_axes_words_and_peaks():
    one = Curves(
        [0.1, 0.2, 0.3],
        {"La-O": [1.0, 2.0, 3.0]},
        peaks=(Peak("k3.2", 3.2, (3.1, 3.3)), Peak("k5.2", 5.2, (5, 5.4))),
        units={"Zr": Shells({"6": 1.0})},
    )
    two = Curves(
        [0.1, 0.2],
        {"La-O": [3.0, 2.0]},
        density=4.7,
        note="b",
        peaks=(Peak("k5.2", 5.3, (5, 5.4)),),
        units={"Zr": Shells({"6": 0.5, "7": 0.5})},
    )
    joined = combine([one, two])
    assert joined["n_models"] == 2
    np.testing.assert_allclose(joined["r"], [0.1, 0.2])
    assert "r_std" not in joined
    np.testing.assert_allclose(joined["partials"]["La-O"], [2.0, 2.0])
    np.testing.assert_allclose(joined["partials"]["La-O_std"], [math.sqrt(2), 0.0])
    assert joined["density"] == pytest.approx(4.6)
    assert joined["density_std"] == pytest.approx(math.sqrt(0.02))
    assert joined["method"] == "pdf"
    assert joined["note"] == ["a", "b"]
    first, second = joined["peaks"]
    assert (first["label"], first["n_models"]) == ("k3.2", 1)
    assert second["k"] == pytest.approx(5.25)
    assert second["n_models"] == 2
    assert second["k_ci95"] == pytest.approx(statistics.student_ci([5.2, 5.3]))
    assert joined["units"]["Zr"]["histogram"]["7"] == pytest.approx(0.25)


def test_combine_joins_peaks_that_one_model_lacks():
    joined = combine([Curves([0.1], {}), Curves([0.1], {}, peaks=(Peak("k5.2", 5.3, (5, 5.4)),))])
    assert [(peak["label"], peak["k"], peak["n_models"]) for peak in joined["peaks"]] == [("k5.2", 5.3, 1)]


def test_combine_of_one_and_of_none():
    assert combine([{"density": 4.5}]) == {"density": 4.5, "n_models": 1}
    with pytest.raises(InputError, match="results: none"):
        combine([])


def test_combine_skips_what_is_not_finite():
    joined = combine([{"a": [1.0, math.nan]}, {"a": [3.0, 2.0]}, {"a": None}])
    np.testing.assert_allclose(joined["a"], [2.0, 2.0])
    np.testing.assert_allclose(joined["a_std"], [math.sqrt(2), math.nan])


def test_combine_refuses_different_axes():
    with pytest.raises(InputError, match="r: the models' axes differ"):
        combine([Curves([0.1, 0.2], {}), Curves([0.1, 0.3], {})])


def test_combine_guesses_nothing_from_a_name():
    result = combine([{"r": [0.1, 0.2]}, {"r": [0.1, 0.4]}])
    assert result["r"] == pytest.approx([0.1, 0.3])
    result = combine([{"La-O": {"r": 2.4}}, {"La-O": {"r": 2.5}}])
    assert result["La-O"]["r"] == pytest.approx(2.45)
    assert result["La-O"]["r_std"] == pytest.approx(0.1 / 2**0.5)


def test_combine_takes_roles_for_tables_that_were_read_from_disk():
    tables = [{"units": {"Zr": {"histogram": {"6": 1.0}}}}, {"units": {"Zr": {"histogram": {"7": 1.0}}}}]
    joined = combine(tables, {"units": {"*": roles_of(Shells)}})
    assert joined["units"]["Zr"]["histogram"]["6"] == pytest.approx(0.5)
