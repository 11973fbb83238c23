"""Effects in words: one number of decimals for the effect and both ends, and true minus signs."""

from __future__ import annotations

import math

import pytest

from alzmodel.compare.digits import decimals_of, interval_text


@pytest.mark.parametrize(
    ("effect", "ci95", "unit", "wanted"),
    [
        (-0.0113, (-0.026, 0.00341), "Å", "−0.011 (−0.026 to +0.003) Å"),
        (-17.49, (-25.1, -9.82), "cm⁻¹", "−17.5 (−25.1 to −9.8) cm⁻¹"),
        (0.00932, (0.00762, 0.0110), "", "+0.0093 (+0.0076 to +0.0110)"),
        (1234.0, (1100.0, 1368.0), "", "+1234 (+1100 to +1368)"),
        (-0.25, None, "GPa", "−0.25 GPa"),
        (0.5, (0.5, 0.5), "", "+0.5 (+0.5 to +0.5)"),
        (None, None, "Å", ""),
    ],
)
def test_an_effect_and_its_interval(effect, ci95, unit, wanted) -> None:
    assert interval_text(effect, ci95, unit) == wanted


def test_an_interval_without_a_width_has_no_decimals() -> None:
    assert decimals_of(None) is None
    assert decimals_of((1.0, 1.0)) is None
    assert decimals_of((-math.inf, 1.0)) is None
