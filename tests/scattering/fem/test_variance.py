"""FEM against brute force, analytic limits and the behaviour that a microscopist expects."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from alzmodel.composition import glass_composition, ion_counts
from alzmodel.errors import InputError
from alzmodel.io import json_text
from alzmodel.models.columns import embed_clusters, gas_column, gas_source, glass_column
from alzmodel.models.packing import random_packing
from alzmodel.scattering.fem import waves as fem_waves
from alzmodel.scattering.fem.attribution import attribute
from alzmodel.scattering.fem.fit import fit_fem_peaks, with_peaks
from alzmodel.scattering.fem.settings import semi_angle_of
from alzmodel.scattering.fem.variance import (
    VARIANCES,
    FEMSettings,
    column_moments,
    fem,
    fem_of_model,
    intensities,
    pool,
    speckle_floor,
)
from alzmodel.scattering.fem.waves import (
    at_positions,
    disc_overlap,
    intensity_blocks,
    object_waves,
    plane_of,
)
from alzmodel.scattering.form_factors import electron_factor

ELEMENTS = ("Li", "La", "Zr", "O")
EXACT = FEMSettings(k_min=2.9, k_max=3.1, k_step=0.1, ring_width=0.06, tolerance=1e-13)
CELLS = {
    "square": [[128.0, 0, 0], [0, 128.0, 0], [0, 0, 40.0]],
    "oblique": [[131.0, 0, 0], [-40.0, 133.0, 0], [0, 0, 40.0]],
}


def gas(n, seed, cell=CELLS["square"]):
    rng = np.random.default_rng(seed)
    symbols = rng.choice(ELEMENTS, n, p=[0.3, 0.13, 0.08, 0.49])
    return Atoms(symbols, positions=rng.random((n, 3)) @ np.array(cell), cell=cell, pbc=[True, True, False])


def direct_wave(atoms, q, curvature_square, wavelength):
    """Σ_j f_j exp(−2πi q·r) exp(iπλ s z) by plain summation; q of shape (..., 2), s of shape (...)."""
    wave = np.zeros(q.shape[:-1], dtype=complex)
    z = atoms.positions[:, 2] - 0.5 * (atoms.positions[:, 2].max() + atoms.positions[:, 2].min())
    length = np.linalg.norm(q, axis=-1)
    for element in ELEMENTS:
        for n in np.flatnonzero(np.array(atoms.get_chemical_symbols()) == element):
            phase = -2 * q @ atoms.positions[n, :2] + wavelength * curvature_square * z[n]
            wave += electron_factor(element, length) * np.exp(1j * math.pi * phase)
    return wave


@pytest.fixture(scope="module")
def packing():
    return random_packing(ion_counts(glass_composition(3.0), 600), seed=1)


@pytest.fixture(scope="module")
def columns(packing):
    return [glass_column(packing, seed=seed) for seed in range(4)]


@settings(max_examples=25, deadline=None)
@given(
    radius=st.floats(0.1, 6.0),
    edge=st.floats(0.3, 3.0),
    skew=st.floats(-1.0, 1.0),
    handed=st.sampled_from([-1.0, 1.0]),
)
def test_parallelograms_of_a_lattice_share_out_the_whole_disc(radius, edge, skew, handed):
    spanning = np.array([[edge, 0.0], [skew, 0.7 * handed]])
    n = np.arange(-40, 41)
    centres = np.stack(np.meshgrid(n, n), axis=-1).reshape(-1, 2) @ spanning + [0.1, 0.2]
    shares = disc_overlap(centres, spanning, radius)
    assert shares.sum() == pytest.approx(math.pi * radius**2, rel=1e-9)
    assert shares.max() <= abs(np.linalg.det(spanning)) * (1 + 1e-12)


def test_an_overlap_known_by_hand():
    quarter = disc_overlap(np.array([[1.0, 1.0]]), 2 * np.eye(2), 1.0)
    assert quarter[0] == pytest.approx(math.pi / 4, rel=1e-14)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_waves_equal_the_plain_sum(cell):
    atoms = gas(150, 1, cell)
    plane = EXACT.plane(plane_of(atoms))
    whole = [np.ones(len(atoms), dtype=bool)]
    (wave,) = object_waves(atoms, whole, plane, EXACT.wavelength, tolerance=1e-13)
    seen = (plane.pixels[:, None] - plane.beams[None]).reshape(-1, 2)[::37]
    q = seen @ plane.reciprocal
    expected = direct_wave(atoms, q, np.sum(q**2, axis=-1), EXACT.wavelength)
    found = wave[tuple((seen + np.array(plane.half)).T)]
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
    (flat,) = object_waves(atoms, whole, plane, EXACT.wavelength, curved=False, tolerance=1e-13)
    assert (
        np.abs(flat[tuple((seen + np.array(plane.half)).T)] - expected).max() > 0.05 * np.abs(expected).max()
    )


@pytest.mark.parametrize("changes", [{}, {"source_fwhm": 12.0}, {"defocus": 4000.0}], ids=str)
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_moments_equal_the_interference_sums(cell, changes):
    """⟨I⟩ = C_0 and ⟨I²⟩ = Σ_Δ |C_Δ|², with C_Δ summed pair of beams by pair of beams."""
    instrument = FEMSettings(k_min=2.9, k_max=3.1, k_step=0.1, ring_width=0.06, tolerance=1e-13, **changes)
    atoms = gas(120, 2, cell)
    plane = instrument.plane(plane_of(atoms))
    moments = column_moments(atoms, instrument)
    q = (plane.pixels[:, None] - plane.beams[None]) @ plane.reciprocal
    waves = direct_wave(atoms, q, np.sum(q**2, axis=-1), instrument.wavelength) * plane.amplitudes
    sigma = instrument.source_fwhm / math.sqrt(8 * math.log(2))
    terms = {}
    for a in range(len(plane.beams)):
        for b in range(len(plane.beams)):
            delta = tuple(plane.beams[a] - plane.beams[b])
            damping = math.exp(-2 * (math.pi * sigma) ** 2 * np.sum((delta @ plane.reciprocal) ** 2))
            terms[delta] = terms.get(delta, 0) + damping * waves[:, a] * waves[:, b].conj() / plane.area
    mean = plane.rings @ terms[(0, 0)].real
    omega = sum(np.abs(plane.rings @ c.real + 1j * (plane.rings @ c.imag)) ** 2 for c in terms.values())
    square = sum(np.abs(c) ** 2 for c in terms.values())
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-10)
    np.testing.assert_allclose(moments.omega, omega, rtol=1e-10)
    np.testing.assert_allclose(moments.ensemble, plane.rings @ square, rtol=1e-10)
    result = pool([moments], instrument)
    image = plane.rings @ (square / terms[(0, 0)].real ** 2) - 1
    np.testing.assert_allclose(result.variance["image"], image, rtol=1e-9)


@pytest.mark.parametrize("thickness", [50.0, 150.0, 300.0])
def test_beams_of_a_thick_column_walk_off(thickness):
    """Patterns against the plain sum with the phase πλ(q² − b²)z of every beam: the size of what is dropped."""
    atoms = gas(60, 4, [[128.0, 0, 0], [0, 128.0, 0], [0, 0, thickness]])
    plane = EXACT.plane(plane_of(atoms))
    out = plane.pixels @ plane.reciprocal
    beams = plane.beams @ plane.reciprocal
    square = np.sum(out**2, axis=-1)[:, None] - np.sum(beams**2, axis=-1)[None]
    exact = direct_wave(atoms, out[:, None] - beams[None], square, EXACT.wavelength)
    exact_pattern = np.square(np.abs(at_positions(exact, plane))) / plane.area
    found = np.concatenate([part for _, part in intensities(atoms, EXACT, plane)])
    error = np.sqrt(np.mean(np.square(found - exact_pattern))) / exact_pattern.std()
    assert 0.003 < error < 0.015
    # Without slabs it grows with the thickness.
    whole = [np.ones(len(atoms), dtype=bool)]
    waves = object_waves(atoms, whole, plane, EXACT.wavelength, tolerance=1e-13)
    dropped = np.concatenate([np.square(np.abs(psi)) for _, (psi,) in intensity_blocks(waves, plane)])
    left_out = np.sqrt(np.mean(np.square(dropped / plane.area - exact_pattern))) / exact_pattern.std()
    assert left_out == pytest.approx(0.0103 * thickness / 50, rel=0.25)


def test_sampled_probes_converge_to_the_same_values():
    """A finer grid of probes, off the one that is used, gives the same averages, also of "r"."""
    atoms = gas(300, 3)
    plane = EXACT.plane(plane_of(atoms))
    q = (plane.pixels[:, None] - plane.beams[None]) @ plane.reciprocal
    waves = direct_wave(atoms, q, np.sum(q**2, axis=-1), EXACT.wavelength) * plane.amplitudes
    steps = (np.arange(29) + 0.37) / 29
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    intensity = np.abs(waves @ np.exp(-2j * math.pi * plane.beams @ grid.T)) ** 2
    ring, ring_square = plane.rings @ intensity, plane.rings @ intensity**2
    result = fem(atoms, EXACT)
    omega = np.mean(ring**2, axis=1) / ring.mean(axis=1) ** 2 - 1
    np.testing.assert_allclose(result.variance["omega"], omega, rtol=1e-9)
    np.testing.assert_allclose(
        result.variance["re"], ring_square.mean(axis=1) / ring.mean(axis=1) ** 2 - 1, rtol=1e-9
    )
    np.testing.assert_allclose(result.variance["r"], np.mean(ring_square / ring**2, axis=1) - 1, rtol=2e-3)


def test_one_atom():
    """The pattern of one atom is flat: no variance around a ring, and the probe's own everywhere else."""
    atoms = Atoms("La", positions=[[30, 40, 5]], cell=CELLS["square"], pbc=[True, True, False])
    result = fem(atoms, FEMSettings(k_min=3, k_max=3.2, k_step=0.1))
    plane = result.moments[0].plane
    c = plane.amplitudes
    power = {}
    for a, beam in enumerate(plane.beams):
        for b, other in enumerate(plane.beams):
            delta = tuple(beam - other)
            power[delta] = power.get(delta, 0) + c[a] * c[b].conj()
    # The factor varies by a few percent over the aperture; with it constant the variance is the probe's own.
    expected = sum(abs(value) ** 2 for value in power.values()) - 1
    np.testing.assert_allclose(result.variance["omega"], expected, rtol=0.01)
    np.testing.assert_allclose(result.variance["image"], expected, rtol=0.01)
    np.testing.assert_allclose(result.variance["r"], 0, atol=0.02)
    np.testing.assert_allclose(result.mean_intensity, electron_factor("La", 0.1 * result.k) ** 2, rtol=0.01)


def test_shifts_and_quarter_turns_change_nothing():
    atoms = gas(400, 5)
    moved = atoms.copy()
    moved.positions += [17.3, -250.1, 31.0]
    turned = atoms.copy()
    turned.positions = np.column_stack([-atoms.positions[:, 1], atoms.positions[:, 0], atoms.positions[:, 2]])
    reference = fem(atoms, EXACT)
    for other in (moved, turned):
        result = fem(other, EXACT)
        np.testing.assert_allclose(result.mean_intensity, reference.mean_intensity, rtol=1e-9)
        np.testing.assert_allclose(result.variance["re"], reference.variance["re"], rtol=1e-9)
        # A shift off the grid of positions leaves the exact averages alone.
        np.testing.assert_allclose(result.variance["omega"], reference.variance["omega"], rtol=1e-9)


def test_walk_off_of_the_beams_is_negligible():
    """q² in place of q² − b² of the beam b: patterns of a 10 nm column correlate to better than 0.9998."""
    cell = [[128.0, 0, 0], [0, 128.0, 0], [0, 0, 100.0]]
    atoms = gas(200, 6, cell)
    instrument = FEMSettings(k_min=5.0, k_max=5.0, ring_width=0.01)
    plane = instrument.plane(plane_of(atoms))
    points = plane.pixels @ plane.reciprocal
    beams = plane.beams @ plane.reciprocal
    q = points[:, None] - beams[None]
    exact_square = np.sum(points**2, axis=-1)[:, None] - np.sum(beams**2, axis=-1)[None]
    used = direct_wave(atoms, q, np.sum(q**2, axis=-1), instrument.wavelength) @ plane.amplitudes
    exact = direct_wave(atoms, q, exact_square, instrument.wavelength) @ plane.amplitudes
    correlation = np.corrcoef(np.abs(used) ** 2, np.abs(exact) ** 2)[0, 1]
    assert correlation > 0.999
    flat = direct_wave(atoms, q, np.zeros(q.shape[:-1]), instrument.wavelength) @ plane.amplitudes
    assert np.corrcoef(np.abs(flat) ** 2, np.abs(exact) ** 2)[0, 1] < 0.9


def test_a_random_gas_has_speckle_and_no_peaks(columns):
    result = fem([gas_column(column, seed) for seed, column in enumerate(columns)])
    inside = (result.k > 2) & (result.k < 7)
    assert result.variance["re"][inside].mean() == pytest.approx(1, abs=0.02)
    assert result.variance["image"][inside].mean() == pytest.approx(1, abs=0.05)
    ratio = (result.variance["omega"] / result.floor)[inside]
    assert ratio.mean() == pytest.approx(1.06, abs=0.1)
    assert ratio.max() < 1.6
    for mode in ("four", "two", "free"):
        assert fit_fem_peaks(result, mode).significant == ()


@pytest.mark.parametrize("changes", [{}, {"source_fwhm": 20.0, "ring_width": 0.4}], ids=str)
def test_the_floor_is_what_gases_average_to(changes):
    """Beside the floor of speckles, N atoms at random add the variance of one atom over N: their number fluctuates."""
    instrument = FEMSettings(k_min=2.0, k_max=6.0, k_step=0.5, **changes)
    cell = [128.0, 128.0, 50.0]
    rng = np.random.default_rng(8)
    moments = []
    for _ in range(16):
        atoms = Atoms("O5000", positions=rng.random((5000, 3)) * cell, cell=cell, pbc=[True, True, False])
        moments.append(column_moments(atoms, instrument))
    result = pool(moments, instrument, n_bootstrap=0)
    one = fem(Atoms("O", cell=cell, pbc=[True, True, False]), instrument).variance["omega"]
    ratio = result.variance["omega"] / (result.floor + one / 5000)
    scatter = math.sqrt(2 / (16 * moments[0].plane.independent_positions))
    assert ratio.mean() == pytest.approx(1, abs=0.05)
    assert np.abs(ratio - 1).max() < 4 * scatter


def test_a_flat_sphere_gives_too_much_variance():
    column = gas(60000, 9, [[128.0, 0, 0], [0, 128.0, 0], [0, 0, 100.0]])
    curved = FEMSettings(k_min=6, k_max=7, k_step=0.25)
    flat = FEMSettings(k_min=6, k_max=7, k_step=0.25, curved=False)
    ratio = fem(column, flat).variance["omega"].mean() / fem(column, curved).variance["omega"].mean()
    assert ratio > 1.25


def test_a_repeated_box_is_a_crystal_of_itself_and_a_patched_column_is_not(packing):
    """Spots of a box smaller than the probe lie too far apart to interfere: no variance, and rings of spots."""
    source = gas_source(packing, 3)
    repeated = source.repeat((7, 7, 3))
    repeated.pbc = [True, True, False]
    instrument = FEMSettings(k_min=2.0, k_max=7.0, k_step=0.25)
    patched = fem([glass_column(source, seed=seed) for seed in range(3)], instrument)
    assert (patched.variance["omega"] / patched.floor).mean() == pytest.approx(1.05, abs=0.2)
    assert patched.variance["re"].mean() == pytest.approx(1, abs=0.03)
    wrong = fem(repeated, instrument)
    assert wrong.variance["omega"].max() < 1e-6
    assert wrong.variance["re"].mean() > 2


def test_disorder_shows_no_peaks_and_pyrochlore_clusters_show_theirs(columns):
    plain = fem(columns)
    assert fit_fem_peaks(plain, "free").significant == ()
    clusters = [
        embed_clusters(column, diameter=40.0, volume_fraction=0.2, seed=seed)
        for seed, column in enumerate(columns)
    ]
    result = fem(clusters)
    expected = {"k3.2": 3.206, "k3.7": 3.702, "k5.2": 5.235, "k6.1": 6.139}
    four = {peak.label: peak for peak in fit_fem_peaks(result, "four").significant}
    for label in ("k3.2", "k5.2", "k6.1"):
        peak = four[label]
        assert peak.k == pytest.approx(expected[label], abs=0.06)
        low, high = peak.k_ci95
        assert low < peak.k < high
        assert 0.002 < high - low < 0.3
        assert 0.1 < peak.fwhm < 0.6
        assert peak.fwhm_ci95[0] < peak.fwhm < peak.fwhm_ci95[1]
        assert peak.d == pytest.approx(10 / peak.k)
        assert peak.d_ci95[0] < peak.d < peak.d_ci95[1]
    free = [peak.k for peak in fit_fem_peaks(result, "free").significant]
    for label in ("k3.2", "k5.2", "k6.1"):
        assert min(abs(k - expected[label]) for k in free) < 0.1
    two = fit_fem_peaks(result, "two")
    assert [peak.label for peak in two.peaks] == ["k3.2", "k5.3"]
    assert two["k3.2"].k == pytest.approx(3.206, abs=0.06)
    assert two["k5.3"].k == pytest.approx(5.235, abs=0.06)

    parts = attribute(clusters[:1], by="regions")
    total = sum(parts.variance.values())
    np.testing.assert_allclose(total, parts.total_variance, rtol=0, atol=1e-12)
    np.testing.assert_allclose(parts.total_variance, fem(clusters[:1]).variance["omega"], rtol=0, atol=1e-12)
    shares = parts.shares(5.05, 5.4)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-12)
    assert shares["cluster"] > 0.8


def test_attribution_to_elements_adds_up():
    atoms = gas(800, 11)
    instrument = FEMSettings(k_min=3, k_max=4, k_step=0.25)
    parts = attribute(atoms, instrument)
    assert len(parts.variance) == 10
    assert "Zr-La" in parts.variance
    np.testing.assert_allclose(sum(parts.mean_intensity.values()), parts.total_intensity, rtol=1e-12)
    np.testing.assert_allclose(sum(parts.variance.values()), parts.total_variance, atol=1e-12)
    only = atoms[[symbol == "La" for symbol in atoms.get_chemical_symbols()]]
    only.set_cell(atoms.cell)
    # The mid-plane of fewer atoms lies elsewhere, which is a shift of focus by a few Å.
    np.testing.assert_allclose(parts.alone["La"], fem(only, instrument).variance["omega"], rtol=1e-3)


def test_more_columns_narrow_the_bootstrap_and_one_has_none():
    instrument = FEMSettings(k_min=3, k_max=4, k_step=0.25)
    moments = [column_moments(gas(500, seed), instrument) for seed in range(12)]
    one, few, many = (pool(moments[:n], instrument) for n in (1, 3, 12))
    assert np.isnan(one.variance_ci95["omega"]).all()
    for name in VARIANCES:
        low, high = many.variance_ci95[name].T
        assert (low <= many.variance[name]).all()
        assert (many.variance[name] <= high).all()
    assert (
        np.ptp(many.variance_ci95["re"], axis=1).mean() < np.ptp(few.variance_ci95["re"], axis=1).mean() * 1.2
    )
    again = pool(moments[:3], instrument)
    assert json_text(again.to_dict()) == json_text(few.to_dict())


def test_image_variance_of_different_cells_is_averaged():
    instrument = FEMSettings(k_min=3, k_max=3.2, k_step=0.1)
    a, b = gas(300, 1), gas(300, 2, CELLS["oblique"])
    both = fem([a, b], instrument).variance["image"]
    apart = [fem(model, instrument).variance["image"] for model in (a, b)]
    np.testing.assert_allclose(both, np.mean(apart, axis=0), rtol=1e-12)


def test_a_wide_column_costs_pixels_and_keeps_the_variance():
    """Detector pixels are thinned out on a finer reciprocal lattice; floor and ring shares stay the same."""
    wide = gas(400, 4, [[260.0, 0, 0], [0, 260.0, 0], [0, 0, 40.0]])
    instrument = FEMSettings(k_min=3, k_max=5, k_step=0.5)
    narrow, broad = instrument.plane(plane_of(gas(10, 1))), instrument.plane(plane_of(wide))
    assert len(broad.pixels) < 1.3 * len(narrow.pixels)
    np.testing.assert_allclose(
        speckle_floor(broad, instrument, 40.0), speckle_floor(narrow, instrument, 40.0), rtol=0.06
    )


def test_cost_grows_evenly_with_the_column():
    """Pixels times probe positions, per area: what an atom costs, whatever the width."""
    instrument = FEMSettings(k_min=3, k_max=3.2, k_step=0.2)
    costs = []
    for width in np.geomspace(130.0, 400.0, 14):
        plane = instrument.plane(((width, 0.0), (0.0, width)))
        costs.append(len(plane.pixels) * math.prod(plane.positions) / width**2)
    assert max(costs) < 2.6 * min(costs)


@pytest.mark.parametrize("cell", [[[190.0, 0], [0, 190.0]], [[310.0, 0], [-155.0, 270.0]]])
def test_thinned_pixels_keep_every_variance(cell, monkeypatch):
    """Against every lattice point of the plane as a pixel; the columns are gases, whose speckles are smallest."""
    instrument = FEMSettings(k_min=3, k_max=4, k_step=0.1)
    model = gas(600, 4, [[*cell[0], 0], [*cell[1], 0], [0, 0, 40.0]])
    thinned = fem(model, instrument)
    monkeypatch.setattr(fem_waves, "_PIXELS_PER_RADIUS", 1e9)
    fem_waves.probe_plane.cache_clear()
    full = fem(model, instrument)
    fem_waves.probe_plane.cache_clear()
    assert len(full.moments[0].plane.pixels) > 1.9 * len(thinned.moments[0].plane.pixels)
    np.testing.assert_allclose(thinned.mean_intensity, full.mean_intensity, rtol=0.01)
    for name in ("r", "re", "image"):
        np.testing.assert_allclose(thinned.variance[name], full.variance[name], rtol=0.03)
    ratio = thinned.variance["omega"] / full.variance["omega"]
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert ratio.std() < 0.04


def test_columns_are_made_from_any_periodic_model(packing, columns):
    instrument = FEMSettings(k_min=3.0, k_max=4.0, k_step=0.5)
    made = fem_of_model(packing, n_columns=2, thickness=20.0, seed=3, settings=instrument)
    assert made.n_columns == 2
    assert "narrower than 12 nm" in made.note
    given = fem_of_model(columns[0], settings=instrument)
    assert given.n_columns == 1
    np.testing.assert_allclose(
        given.variance["omega"], fem(columns[0], instrument).variance["omega"], rtol=1e-9
    )


def test_json_keys():
    result = fem(gas(100, 1), FEMSettings(k_min=2.0, k_max=8.0, k_step=0.1))
    plain = json.loads(json_text(with_peaks(result, fit_fem_peaks(result))))
    assert {"k", "variance", "mean_intensity", "peaks"} <= set(plain)
    assert set(plain["variance"]) == {"omega", "r", "re", "image"}
    assert len(plain["k"]) == len(plain["variance"]["omega"]) == 61


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"energy_kev": 0.0}, "energy_kev"),
        ({"semi_angle_mrad": math.nan}, "semi_angle_mrad"),
        ({"k_min": 4.0, "k_max": 3.0}, "k_max"),
        ({"ring_width": -1.0}, "ring_width"),
        ({"k_min": 0.2}, "k_min"),
        ({"tolerance": 1.0}, "tolerance"),
    ],
)
def test_settings_out_of_range_are_refused(changes, word):
    with pytest.raises(InputError, match=f"FEM {word}.*allowed"):
        FEMSettings(**changes)


def test_unusable_columns_are_refused():
    narrow = gas(10, 1, [[60.0, 0, 0], [0, 130.0, 0], [0, 0, 40.0]])
    with pytest.raises(InputError, match=r"60\.0 Å wide.*allowed: at least 119 Å"):
        fem(narrow)
    cluster = gas(10, 1)
    cluster.pbc = False
    with pytest.raises(InputError, match="periodic in the plane"):
        fem(cluster)
    tilted = gas(10, 1, [[130.0, 0, 5.0], [0, 130.0, 0], [0, 0, 40.0]])
    with pytest.raises(InputError, match="xy plane"):
        fem(tilted)
    with pytest.raises(InputError, match="no columns"):
        fem([])
    with pytest.raises(InputError, match="no atoms"):
        fem(gas(10, 1)[:0])
    with pytest.raises(InputError, match="no clusters"):
        attribute(gas(10, 1), by="regions")
    with pytest.raises(InputError, match="attribution by: atoms"):
        attribute(gas(10, 1), by="atoms")
    result = fem(gas(50, 1), FEMSettings(k_min=3.0, k_max=4.0))
    assert "the fit 'four' was left out" in fit_fem_peaks(result, "four").note
    with pytest.raises(InputError, match="FEM fit: five"):
        fit_fem_peaks(result, "five")


def test_engines_are_named_and_multislice_needs_abtem(monkeypatch):
    atoms = gas(20, 1)
    with pytest.raises(InputError, match="engine"):
        fem(atoms, EXACT, engine="bloch")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(InputError, match="abTEM is not installed"):
        fem(atoms, EXACT, engine="multislice")


def test_a_probe_named_by_its_width():
    assert FEMSettings(semi_angle_mrad=semi_angle_of(25.0, 200.0)).probe_fwhm == pytest.approx(25.0)
    with pytest.raises(InputError, match=r"allowed: 1\.3 to 645 Å at 200 keV"):
        semi_angle_of(0.0, 200.0)
