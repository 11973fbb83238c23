"""What every build asks of its request."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.composition import Composition, glass_composition, ion_counts
from alzmodel.errors import InputError
from alzmodel.models.requests import check_seed, la_content


def test_la_content_is_per_two_zr():
    composition = glass_composition(3.0)
    assert la_content(ion_counts(composition, 500), composition) == pytest.approx(3.0, abs=0.05)


def test_la_content_without_zr_is_that_of_the_formula():
    composition = Composition({"La3+": 2, "O2-": 3})
    assert la_content(ion_counts(composition, 500), composition) == composition.la


@pytest.mark.parametrize("seed", [0, 7, np.uint32(7)])
def test_a_seed_is_a_whole_number(seed):
    assert check_seed(seed) == seed
    assert type(check_seed(seed)) is int


@pytest.mark.parametrize("seed", [-1, True, 1.0, "1"])
def test_anything_else_is_refused(seed):
    with pytest.raises(InputError, match="whole number of at least 0"):
        check_seed(seed)
