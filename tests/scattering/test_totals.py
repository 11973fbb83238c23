"""Totals against exact cases: no correlations, hard neighbours, one element, and what weights must add up to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from scipy.integrate import trapezoid

from alzmodel.errors import InputError
from alzmodel.local_order.pdf import PartialRDF, partial_rdf
from alzmodel.scattering.form_factors import neutron_length
from alzmodel.scattering.totals import (
    OPEN_TAPER,
    RADIATIONS,
    broadened,
    constant_weights,
    cosine_taper,
    default_taper,
    faber_ziman_weights,
    lorch_window,
    model_structure_factor,
    partial_structure_factors,
    resolved_totals,
    scattering_strength,
    structure_factor,
    total_pdf,
    totals_dict,
)


def synthetic(curves, concentrations, density=0.08, r_max=40.0, dr=0.02, periodic=True):
    r = (np.arange(int(r_max / dr)) + 0.5) * dr
    g = {label: curve(r) for label, curve in curves.items()}
    return PartialRDF(
        r=r,
        dr=dr,
        counts={label: np.zeros_like(r) for label in g},
        g=g,
        concentrations=concentrations,
        number_density=density,
        n_atoms=1000,
        n_frames=1,
        repeat_length=40.0 if periodic else np.inf,
        periodic=periodic,
    )


LI_LA_O = {"La": 0.2, "Li": 0.3, "O": 0.5}
LABELS = ("La-La", "La-Li", "La-O", "Li-Li", "Li-O", "O-O")


def test_no_correlations_means_one():
    rdf = synthetic(dict.fromkeys(LABELS, np.ones_like), LI_LA_O)
    Q = np.linspace(0.5, 20, 50)
    result = structure_factor(rdf, Q)
    for radiation in RADIATIONS:
        assert result.total[radiation] == pytest.approx(np.ones(50), abs=1e-12)
        assert result.reduced(radiation) == pytest.approx(np.zeros(50), abs=1e-10)
        assert pytest.approx(np.zeros(rdf.r.size), abs=1e-10) == total_pdf(rdf, radiation).G


def test_gaussian_correlation_has_its_known_transform():
    # h(r) = A exp(-r²/2s²) in three dimensions: S − 1 = ρ A (2π s²)^(3/2) exp(−Q² s²/2).
    amplitude, width = -0.9, 1.3
    rdf = synthetic(
        {"Zr-Zr": lambda r: 1 + amplitude * np.exp(-(r**2) / (2 * width**2))}, {"Zr": 1.0}, density=0.05
    )
    Q = np.linspace(0.2, 8, 60)
    expected = 1 + 0.05 * amplitude * (2 * np.pi * width**2) ** 1.5 * np.exp(-(Q**2) * width**2 / 2)
    assert partial_structure_factors(rdf, Q)["Zr-Zr"] == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("radiation", RADIATIONS)
def test_weights_add_up_to_one(radiation):
    Q = np.linspace(0.1, 20, 30)
    factors = {element: scattering_strength(element, radiation, Q) for element in LI_LA_O}
    weights = faber_ziman_weights(LI_LA_O, factors)
    assert sum(weights.values()) == pytest.approx(np.ones(30))
    rdf = synthetic(dict.fromkeys(LABELS, np.ones_like), LI_LA_O)
    assert sum(constant_weights(rdf, radiation).values()) == pytest.approx(1)


def test_lithium_and_oxygen_count_negative_for_neutrons():
    weights = constant_weights(synthetic(dict.fromkeys(LABELS, np.ones_like), LI_LA_O), "neutron")
    assert weights["Li-O"] < 0 < weights["Li-Li"]
    mean = sum(c * neutron_length(element) for element, c in LI_LA_O.items())
    assert weights["Li-O"] == pytest.approx(
        2 * 0.3 * 0.5 * neutron_length("Li") * neutron_length("O") / mean**2
    )


def test_xray_weights_are_electron_numbers():
    weights = constant_weights(synthetic(dict.fromkeys(LABELS, np.ones_like), LI_LA_O), "xray")
    mean = 0.2 * 57 + 0.3 * 3 + 0.5 * 8
    assert weights["La-O"] == pytest.approx(2 * 0.2 * 0.5 * 57 * 8 / mean**2, rel=2e-3)


def test_peak_areas_count_neighbours():
    # r T(r) of one element, integrated over the first shell, is its coordination number: 12 in a dense packing.
    rng = np.random.default_rng(1)
    atoms = bulk("Zr", "fcc", a=4.5, cubic=True).repeat(4)
    atoms.positions += rng.normal(0, 0.08, atoms.positions.shape)
    total = total_pdf(partial_rdf(atoms, r_max=9.0, dr=0.02), "xray")
    inside = total.r < 3.85
    assert trapezoid((total.r * total.T)[inside], total.r[inside]) == pytest.approx(12, abs=0.02)


def test_transform_back_keeps_areas_and_puts_ripples():
    rdf = synthetic(
        {"Zr-Zr": lambda r: 1 - np.exp(-((r / 2.0) ** 8)) + 1.5 * np.exp(-(((r - 3.0) / 0.15) ** 2))},
        {"Zr": 1.0},
    )
    sharp = total_pdf(rdf, "neutron")
    back = total_pdf(rdf, "neutron", q_max=25.0)
    inside = (rdf.r > 2.2) & (rdf.r < 4.0)
    assert trapezoid(back.G[inside], rdf.r[inside]) == pytest.approx(
        trapezoid(sharp.G[inside], rdf.r[inside]), rel=0.01
    )
    assert np.abs(back.G - sharp.G)[rdf.r > 1.0].max() < 0.02 * sharp.G.max()
    limited = total_pdf(rdf, "neutron", q_max=12.0)
    smoothed = total_pdf(rdf, "neutron", q_max=12.0, window="lorch")
    assert limited.G.max() < back.G.max()
    ripple = rdf.r > 4.5
    assert np.abs(smoothed.G[ripple]).max() < 0.3 * np.abs(limited.G[ripple]).max()
    damped = total_pdf(rdf, "neutron", q_damp=0.05)
    assert pytest.approx(sharp.G * np.exp(-0.5 * (0.05 * rdf.r) ** 2)) == damped.G
    assert pytest.approx(sharp.G * neutron_length("Zr") ** 2) == sharp.D


def test_limited_range_is_the_closed_sum_over_shells():
    # Each shell of n neighbours at R becomes n/R of sin(Qm(r - R))/(r - R) over pi, less its mirror image; the uniform
    # density likewise. Pairs from ASE, integrals by quadrature, nothing through S(Q).
    atoms = bulk("Zr", "fcc", a=4.5, cubic=True).repeat(2)
    atoms.rattle(0.1, seed=3)
    Q_max, start, end = 15.0, 13.0, 23.0
    total = resolved_totals(atoms, r_max=8.0, dr=0.005, q_max=Q_max)["neutron"]
    r = total.r[100::50]

    def broadened(R):
        return (
            Q_max
            / np.pi
            * (np.sinc(Q_max * (r - R[:, None]) / np.pi) - np.sinc(Q_max * (r + R[:, None]) / np.pi))
        )

    distances = neighbor_list("d", atoms, end)
    shells = (cosine_taper(distances, (start, end)) / distances / len(atoms)) @ broadened(distances)
    fine = (np.arange(23000) + 0.5) * 1e-3
    density = 4 * np.pi * len(atoms) / atoms.cell.volume * 1e-3
    expected = shells - (density * fine * cosine_taper(fine, (start, end))) @ broadened(fine)
    assert np.abs(total.G[100::50] - expected).max() < 1e-3 * np.abs(expected).max()


def test_limits_of_the_range_widen_and_damp():
    atoms = bulk("Zr", "fcc", a=4.5, cubic=True)
    plain = resolved_totals(atoms, r_max=9.0, q_max=20.0)["xray"]
    damped = resolved_totals(atoms, r_max=9.0, q_max=20.0, q_damp=0.06)["xray"]
    assert pytest.approx(plain.G * np.exp(-0.5 * (0.06 * plain.r) ** 2)) == damped.G
    lorch = resolved_totals(atoms, r_max=9.0, q_max=20.0, window="lorch")["xray"]
    assert lorch.G.max() < 0.7 * plain.G.max()
    einsteinium = bulk("Es", "fcc", a=5.75)
    assert set(resolved_totals(einsteinium, r_max=5.0, q_max=20.0)) == {"electron"}
    with pytest.raises(InputError, match="cluster"):
        resolved_totals(Atoms("Zr2", [[0, 0, 0], [0, 0, 3]]), r_max=5.0, q_max=20.0)


def test_resolution_that_grows_with_q_widens_far_pairs():
    """One shell 0.1 Å wide becomes √(1 + (Q_broad r)²) times as wide, as in PDFgui, and keeps its pairs."""

    def shell(place):
        return synthetic(
            {"Zr-Zr": lambda r: np.exp(-0.5 * ((r - place) / 0.1) ** 2)}, {"Zr": 1.0}, periodic=False
        )

    for place in (4.0, 7.0):
        for q_broad in (0.0005, 0.05, 0.2):
            before, after = shell(place), broadened(shell(place), q_broad)
            r = before.r
            numbers = [trapezoid(r * one.g["Zr-Zr"], r) for one in (before, after)]
            assert numbers[1] == pytest.approx(numbers[0], rel=1e-3)
            weight = r * after.g["Zr-Zr"] / numbers[1]
            mean = trapezoid(weight * r, r)
            width = math.sqrt(trapezoid(weight * (r - mean) ** 2, r))
            assert mean == pytest.approx(place, abs=0.02)
            assert width == pytest.approx(0.1 * math.sqrt(1 + (q_broad * place) ** 2), rel=5e-3)
    sharp, blunt = (total_pdf(shell(7.0), "xray", q_broad=q_broad).G.max() for q_broad in (0.0, 0.2))
    assert blunt < 0.7 * sharp


def test_resolution_goes_with_the_limits_of_the_range():
    """Widened first and cut afterwards; a wide range gives the same as none."""
    rdf = synthetic(
        {"Zr-Zr": lambda r: 1 - np.exp(-((r / 2.0) ** 8)) + 1.5 * np.exp(-(((r - 6.0) / 0.15) ** 2))},
        {"Zr": 1.0},
    )
    plain, direct = total_pdf(rdf, "neutron"), total_pdf(rdf, "neutron", q_broad=0.3)
    through = total_pdf(rdf, "neutron", q_max=25.0, q_broad=0.3)
    assert direct.G.max() < 0.6 * plain.G.max()
    assert np.abs(direct.G - through.G)[rdf.r > 1.0].max() < 0.02 * direct.G.max()


def test_structure_factor_of_a_crystal_peaks_at_its_reflections():
    found = model_structure_factor(bulk("Zr", "fcc", a=4.5, cubic=True), (2.0, 4.0, 0.005))
    top = found.Q[found.total["neutron"].argmax()]
    assert top == pytest.approx(2 * np.pi * np.sqrt(3) / 4.5, abs=0.006)
    assert found.taper == OPEN_TAPER
    with pytest.raises(InputError, match="Q range"):
        model_structure_factor(bulk("Zr"), (4.0, 2.0, 0.01))


def test_cluster_is_compared_with_its_shape():
    # A sphere filled at random has g = γ(r): no structure is left, but for the 4 % that its hull is smaller.
    rng = np.random.default_rng(4)
    points = rng.uniform(-15, 15, (40000, 3))
    points = points[np.linalg.norm(points, axis=1) < 15][:8000]
    rdf = partial_rdf(Atoms("Zr8000", positions=points), r_max=25.0, dr=0.5)
    total = total_pdf(rdf, "xray")
    density = 4 * np.pi * rdf.r * rdf.number_density
    assert np.abs(total.G / density)[2:].max() < 0.06


def test_default_taper():
    assert default_taper(50.0) == (20.0, 35.0)
    assert default_taper(10.0) == (10.0, 17.5)
    assert default_taper(50.0, 14.0) == (8.0, 14.0)
    r = np.array([0.0, 10.0, 13.75, 17.5, 30.0])
    assert cosine_taper(r, (10.0, 17.5)) == pytest.approx([1, 1, 0.5, 0, 0], abs=1e-12)
    assert lorch_window(np.array([0.0, 10.0]), 10.0) == pytest.approx([1, 0], abs=1e-12)


def test_totals_have_the_three_radiations():
    rdf = synthetic(dict.fromkeys(LABELS, np.ones_like), LI_LA_O)
    totals = totals_dict(rdf)
    assert tuple(totals) == ("xray", "neutron", "electron")
    assert all(curve.shape == rdf.r.shape for curve in totals.values())
    assert set(structure_factor(rdf, [1.0, 2.0]).to_dict()) == {"Q", "partials", "total", "taper"}


GAS = synthetic(dict.fromkeys(LABELS, np.ones_like), LI_LA_O)
CLUSTER = synthetic(dict.fromkeys(LABELS, np.ones_like), LI_LA_O, periodic=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: structure_factor(GAS, [0.0, 1.0]), "Q"),
        (lambda: structure_factor(GAS, [np.nan]), "Q"),
        (lambda: structure_factor(GAS, [1.0], taper=(20.0, 50.0)), "taper"),
        (lambda: structure_factor(GAS, [1.0], taper=(20.0, 10.0)), "taper"),
        (lambda: structure_factor(CLUSTER, [1.0]), "cluster"),
        (lambda: total_pdf(GAS, "muon"), "muon"),
        (lambda: total_pdf(GAS, "xray", q_max=-1.0), "Q range"),
        (lambda: total_pdf(GAS, "xray", q_max=10.0, q_min=12.0), "Q range"),
        (lambda: total_pdf(GAS, "xray", window="hann"), "hann"),
        (lambda: total_pdf(GAS, "xray", q_damp=-0.1), "q_damp"),
        (lambda: total_pdf(GAS, "xray", q_broad=np.nan), "q_broad: nan Å⁻¹; allowed: 0 to 1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
