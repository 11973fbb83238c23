from __future__ import annotations

import functools
import warnings

import pytest

from alzmodel.errors import InputError
from alzmodel.formats.cif import read_cif
from alzmodel.formats.notes import ReadingNote
from alzmodel.ordering import ordered, usual_charge
from tests.formats.files import YSZ, cif

LITHIUM = cif(
    [
        "Li1 Li 0.125 0.125 0.125 0.5",
        "Li2 Li 0.11 0.11 0.11 0.25",
        "Zr Zr 0.5 0.5 0.5 0.5",
        "O O .25 .25 .25 0.5",
    ],
    a=9.0,
    group="'P m -3 m'",
    number="221",
)


@functools.cache
def build(text, seed):
    """Ordered supercell of a CIF, and what is told of it."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ReadingNote)
        found = ordered(read_cif(text, "x")[0], seed)
    return found, str(told[-1].message)


def test_zirconia_with_yttria_is_neutral_and_near():
    found, words = build(YSZ, 1)
    numbers = found.symbols.formula.count()
    # 108 cation sites at 0.85 and 0.15, 216 oxygen sites at 0.925.
    assert numbers["Zr"] + numbers["Y"] == 108
    assert sum(usual_charge(symbol) for symbol in found.symbols) == 0
    assert abs(numbers["Zr"] - 91.8) < 3
    assert "Zr92Y16O208 for Zr91.8Y16.2O199.8, neutral" in words
    assert min(found.get_all_distances(mic=True)[0][1:]) > 2.0
    assert "occupancy" not in found.arrays


def test_the_seed_makes_the_arrangement():
    first, again, other = build(YSZ, 1)[0], build.__wrapped__(YSZ, 1)[0], build(YSZ, 2)[0]
    assert (first.positions == again.positions).all()
    assert not (first.positions == other.positions).all()


def test_split_sites_are_not_both_held():
    found, words = build(LITHIUM, 3)
    assert "split sites" not in words
    assert sum(usual_charge(symbol) for symbol in found.symbols) == 0
    lithium = found[found.symbols == "Li"]
    distances = lithium.get_all_distances(mic=True)
    assert distances[distances > 0].min() > 1.3


def test_split_sites_that_shares_force_are_told():
    # More lithium than pairs of places.
    crowded = (
        LITHIUM.replace("0.125 0.5", "0.125 0.9").replace("0.11 0.25", "0.11 0.9").replace(".25 0.5", ".25 1")
    )
    _, words = build(crowded, 3)
    assert "pairs of split sites nearer than 1.3 Å are both held" in words


def test_a_mixed_site_keeps_its_whole_numbers():
    text = cif(["Ga Ga 0 0 0 0.5", "Mg Mg 0 0 0 0.5", "O O .5 .5 .5 1"], a=4.2)
    found, words = build(text, 1)
    assert "neutral" in words
    assert found.symbols.formula.count()["O"] == 108


def test_oxygen_leaves_where_a_file_forgets_its_vacancies():
    text = cif(["Zr Zr 0 0 0 0.8", "Y Y 0 0 0 0.2", "O O .25 .25 .25 1"])
    assert "Zr86Y22O205 for Zr86.4Y21.6O216, neutral" in build(text, 1)[1]


# Li6PS5Cl, its chlorine and the sulphur beside the units exchanged in part (H.-J. Deiseroth et al., 2008, shares ours).
ARGYRODITE = cif(
    [
        "Li Li 0.3145 0.0245 0.6855 0.42",
        "P P 0 0 0.5 1",
        "S1 S 0.1193 -0.1193 0.6193 1",
        "S2 S 0.25 0.25 0.75 0.6",
        "Cl2 Cl 0.25 0.25 0.75 0.4",
        "S3 S 0 0 0 0.4",
        "Cl3 Cl 0 0 0 0.6",
    ],
    a=9.857,
    group="'F -4 3 m'",
    number="216",
)


@pytest.mark.parametrize("seed", [1, 2])
def test_units_of_formers_stay_whole(seed):
    found, words = build(ARGYRODITE, seed)
    assert "units of formers" not in words
    assert sum(usual_charge(symbol) for symbol in found.symbols) == 0
    phosphorus = found.symbols.search("P")
    sulphur = found.symbols.search("S")
    for centre in phosphorus:
        near = found.get_distances(centre, sulphur, mic=True) < 2.4
        assert near.sum() == 4


def test_whole_models_are_handed_back_and_bad_seeds_refused():
    whole = read_cif(cif(["Zr Zr 0 0 0 1", "O O .25 .25 .25 1"]), "x")[0]
    assert ordered(whole, 1) is whole
    with pytest.raises(InputError, match="seed"):
        ordered(whole, -1)
