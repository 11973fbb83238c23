"""Fictive temperature of made-up quenches whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.models.fictive import fictive_temperature


def quench(freezes_at, lag=0.0, points=150, noise=0.0):
    """Cooled from 4000 to 300 K: a liquid above `freezes_at`, a glass below, then another Coulomb sum at 300 K."""
    T = np.linspace(4000, 300, points)
    liquid = -5.8 + 2.4e-4 * T + lag
    glass = -5.8 + 2.4e-4 * freezes_at + lag + 1.6e-4 * (T - freezes_at)
    energy = np.where(freezes_at < T, liquid, glass)
    rng = np.random.default_rng(1)
    energy = np.append(energy + noise * rng.standard_normal(points), [-8.6, -8.6])
    temperature = np.append(T, [302.0, 299.0])
    return {
        "time_ps": list(range(points + 2)),
        "temperature": temperature.tolist(),
        "energy": energy.tolist(),
    }


@pytest.mark.parametrize("freezes_at", [900.0, 1300.0, 1600.0])
def test_lines_meet_where_the_liquid_froze(freezes_at):
    assert fictive_temperature(quench(freezes_at)) == pytest.approx(freezes_at, abs=0.01)
    assert fictive_temperature(quench(freezes_at, noise=1e-4)) == pytest.approx(freezes_at, abs=15)


def test_a_hasty_liquid_is_replaced_by_a_slower_one():
    hasty = quench(1300.0, lag=0.008)
    assert fictive_temperature(hasty) == pytest.approx(1300.0, abs=0.01)
    # 8 meV above the liquid in equilibrium are 100 K of it at a difference of 0.8e-4 eV/K.
    assert fictive_temperature(hasty, liquid=quench(1000.0)) == pytest.approx(1400.0, abs=0.01)


def test_quenches_that_say_nothing_are_refused():
    with pytest.raises(InputError, match="no energies"):
        fictive_temperature({"temperature": [300.0]})
    short = {key: values[:40] for key, values in quench(1300.0).items()}
    with pytest.raises(InputError, match="fewer than 4 points between 320 and 600 K"):
        fictive_temperature(short)
    flat = quench(1300.0)
    flat["energy"] = [1.6e-4 * T for T in flat["temperature"]]
    with pytest.raises(InputError, match="takes up more heat"):
        fictive_temperature(flat)
