"""Runs of the learned potential by itself."""

from __future__ import annotations

import pytest

from alzmodel.composition import glass_composition, ion_counts
from alzmodel.learning.active import FRAMES_PER_STAGE, own_run
from alzmodel.models.packing import estimated_density


@pytest.mark.slow
def test_an_own_run_has_the_content_density_and_temperatures_that_are_asked_for():
    run = own_run(0, "learned", [3300.0, 3300.0], la=4.5, n_atoms=110, density=0.9, hold=0.024)
    assert run.completed
    assert len(run.frames) == 1 + 2 * FRAMES_PER_STAGE
    assert {frame.info["temperature"] for frame in run.frames} == {3300.0}
    assert {frame.info["la"] for frame in run.frames} == {4.5}
    counts = ion_counts(glass_composition(4.5), 110)
    symbols = run.frames[-1].get_chemical_symbols()
    assert symbols.count("La") == counts["La3+"]
    density = sum(run.frames[0].get_masses()) / run.frames[0].get_volume() * 1.66053907
    assert density == pytest.approx(0.9 * estimated_density(counts), rel=1e-3)
