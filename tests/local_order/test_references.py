"""The two ends that order in a glass is held against."""

from __future__ import annotations

from pathlib import Path

import pytest

from alzmodel.io import read_frames
from alzmodel.local_order.cation_order import cation_order
from alzmodel.local_order.references import reference_order

FRAMES = Path(__file__).parent / "ends"


@pytest.mark.parametrize("title", list(reference_order()))
def test_numbers_are_those_of_the_frames(title):
    row = reference_order()[title]
    frames = read_frames(FRAMES / row["frames"])
    assert frames[0].info["provenance"]["title"] == title
    order = cation_order(frames).to_dict()
    for name in ("q4", "q6", "signatures"):
        for key, value in order[name].items():
            assert row["order"][name][key] == pytest.approx(value), (name, key)
    for name in ("coherent_neighbours", "fluorite_fraction", "pyrochlore_fraction", "largest_cluster"):
        assert row["order"][name] == pytest.approx(order[name]), name


def test_the_ends_lie_apart():
    ends = {title: row["order"] for title, row in reference_order().items()}
    crystal, liquid = ends["La2Zr2O7 crystal, 300 K"], ends["La2Zr2O7 liquid, 2500 K"]
    # Heat of 300 K leaves all cations of pyrochlore in place; a liquid of the same ions has none of it.
    assert crystal["pyrochlore_fraction"] == 1
    assert crystal["largest_cluster"] == 256
    assert crystal["q6"]["Zr"]["mean"] == pytest.approx(0.57, abs=0.01)
    assert liquid["fluorite_fraction"] < 0.01
    assert liquid["coherent_neighbours"] < 3
    # Garnet is no fluorite.
    assert ends["LLZO crystal, 300 K"]["fluorite_fraction"] == 0


def test_they_are_crystals_and_liquids():
    for title, row in reference_order().items():
        wanted = float(title.split(",")[1].split()[0])
        assert row["temperature"] == pytest.approx(wanted, rel=0.02)
        assert abs(row["density_drift"]) < 0.01
        frames = read_frames(FRAMES / row["frames"])
        # Neutral, and both frames of one composition.
        assert frames[0].get_chemical_formula() == frames[1].get_chemical_formula()
