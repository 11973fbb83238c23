"""Displaced crystals against frames with Gaussian displacements."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.scattering.displaced import counted

B = {"Mg": 0.8, "O": 1.2}


def test_displaced_distances_are_those_of_displaced_atoms():
    atoms = crystal("MgO").repeat(4)
    rng = np.random.default_rng(1)
    spread = np.sqrt([B[symbol] / (8 * math.pi**2) for symbol in atoms.symbols])
    frames = []
    for _ in range(20):
        moved = atoms.copy()
        moved.positions += rng.normal(size=(len(atoms), 3)) * spread[:, None]
        frames.append(moved)
    simulated = counted(frames, r_max=5.0, dr=0.05)
    exact = counted(crystal("MgO"), r_max=5.0, dr=0.05, b_iso=B)
    for label in ("Mg-O", "O-O", "Mg-Mg"):
        # Some 30 000 distances of the first shell in ten bins: three standard errors are 5 % of the maximum.
        assert np.abs(simulated.g[label] - exact.g[label]).max() < 0.05 * exact.g[label].max()
    assert exact.first_peaks()["Mg-O"]["r"] == pytest.approx(2.106, abs=0.02)
    width = 2 * math.sqrt(2 * math.log(2) * (B["Mg"] + B["O"]) / (8 * math.pi**2))
    assert exact.first_peaks()["Mg-O"]["fwhm"] == pytest.approx(width, rel=0.05)
    # All six neighbours are still there.
    sharp = counted(crystal("MgO"), r_max=5.0, dr=0.05)
    near = exact.r < 2.7
    assert exact.counts["Mg-O"][near].sum() == pytest.approx(sharp.counts["Mg-O"][near].sum(), rel=0.01)


def test_no_displacement_changes_nothing():
    sharp = counted(crystal("MgO"), r_max=5.0, dr=0.05)
    still = counted(crystal("MgO"), r_max=5.0, dr=0.05, b_iso={"Mg": 0.0})
    assert len(still.r) == len(sharp.r)
    assert still.g["Mg-O"] == pytest.approx(sharp.g["Mg-O"])


@pytest.mark.parametrize(
    ("b_iso", "words"), [({"Zr": 0.5}, "'Zr' is not in the model"), (-1.0, "-1"), (30.0, "30")]
)
def test_bad_displacements_are_refused(b_iso, words):
    with pytest.raises(InputError, match=words):
        counted(crystal("MgO"), r_max=5.0, dr=0.05, b_iso=b_iso)
