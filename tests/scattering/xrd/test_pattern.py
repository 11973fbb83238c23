"""Powder patterns against the plain Debye sum, Bragg's law, analytic limits and each other."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from scipy.spatial.transform import Rotation

from alzmodel.crystals import crystal, nanocrystal, supercell
from alzmodel.errors import InputError
from alzmodel.scattering.form_factors import xray_factor
from alzmodel.scattering.xrd.corrections import broaden, polarization_factor, resolution_width
from alzmodel.scattering.xrd.crystal import hkl_text
from alzmodel.scattering.xrd.debye import debye_intensity, histogram_step, pair_histogram
from alzmodel.scattering.xrd.lattice import lattice_histogram, lattice_vectors, sphere_histogram
from alzmodel.scattering.xrd.lines import SPHERE_CONSTANT, bragg_spacing, size_from_width
from alzmodel.scattering.xrd.pattern import (
    PowderPattern,
    crystal_pattern,
    fit_line,
    mix_patterns,
    nanocrystal_pattern,
    powder_pattern,
    reflections,
    two_theta_grid,
)

A = 10.805
GRID = (10.0, 80.0, 0.25)


def momentum(two_theta, wavelength=1.5406):
    return 4 * np.pi * np.sin(np.radians(two_theta) / 2) / wavelength


def plain_debye(atoms, Q, wavelength=1.5406):
    """Sum over pairs in double precision, straight from the formula, per atom."""
    symbols = atoms.get_chemical_symbols()
    factors = {name: xray_factor(name, Q, wavelength) for name in set(symbols)}
    own = np.array([factors[name] for name in symbols])
    total = np.sum(np.abs(own) ** 2, axis=0)
    for i in range(len(atoms) - 1):
        r = np.linalg.norm(atoms.positions[i + 1 :] - atoms.positions[i], axis=1)
        x = np.outer(r, Q)
        total += 2 * np.sum(np.real(own[i] * np.conj(own[i + 1 :])) * np.sin(x) / x, axis=0)
    return total / len(atoms)


@pytest.fixture(scope="module")
def small_cluster():
    return nanocrystal("La2Zr2O7", 30.0, lattice_parameter=A)


@pytest.fixture(scope="module")
def plain(small_cluster):
    return plain_debye(small_cluster, momentum(two_theta_grid(GRID)))


def test_pairs_match_the_double_sum(small_cluster, plain):
    pattern = powder_pattern(small_cluster, two_theta=GRID, method="debye", polarization="none")
    assert np.abs(pattern.intensity - plain).max() < 1e-5 * plain.max()


def test_lattice_route_matches_the_double_sum(small_cluster, plain):
    pattern = powder_pattern(small_cluster, two_theta=GRID, polarization="none")
    assert pattern.method == "lattice"
    assert np.abs(pattern.intensity - plain).max() < 1e-6 * plain.max()


def test_displaced_cluster_takes_the_pairs_and_lattice_refuses(small_cluster):
    moved = small_cluster.copy()
    moved.positions += np.random.default_rng(2).normal(0, 0.05, moved.positions.shape)
    with pytest.raises(InputError, match="off the lattice"):
        powder_pattern(moved, two_theta=GRID, method="lattice")
    pattern = powder_pattern(moved, two_theta=GRID, polarization="none")
    expected = plain_debye(moved, momentum(pattern.two_theta))
    assert pattern.method == "debye"
    assert np.abs(pattern.intensity - expected).max() < 1e-5 * expected.max()


def test_one_displaced_atom_is_noticed(small_cluster):
    moved = small_cluster.copy()
    moved.positions[100, 1] += 0.01
    with pytest.raises(InputError, match=r"1 [A-Z]"):
        lattice_histogram(moved, crystal("La2Zr2O7", lattice_parameter=A), 5.0)


def test_foreign_and_doubled_atoms_are_refused(small_cluster):
    unit = crystal("La2Zr2O7", lattice_parameter=A)
    foreign = small_cluster.copy()
    foreign.symbols[3] = "Ce"
    with pytest.raises(InputError, match="Ce"):
        lattice_histogram(foreign, unit, 5.0)
    with pytest.raises(InputError, match=r"two .* atoms on one"):
        lattice_histogram(small_cluster + small_cluster[:1], unit, 5.0)


def test_counts_of_both_exact_routes_are_the_number_of_pairs(small_cluster):
    numbers = {name: small_cluster.get_chemical_symbols().count(name) for name in ("La", "O", "Zr")}
    by_pairs = pair_histogram(small_cluster.positions, small_cluster.get_chemical_symbols(), 0.004)
    by_lattice = lattice_histogram(small_cluster, crystal("La2Zr2O7", lattice_parameter=A), 5.0)
    for histogram in (by_pairs, by_lattice):
        for (a, b), counts in histogram.counts.items():
            expected = numbers[a] * (numbers[a] - 1) / 2 if a == b else numbers[a] * numbers[b]
            assert counts.sum() == expected
    r = (np.arange(by_pairs.counts["La", "O"].size) + 0.5) * by_pairs.dr
    mean = (by_pairs.counts["La", "O"] @ r + by_pairs.offsets["La", "O"].sum()) / by_pairs.counts[
        "La", "O"
    ].sum()
    la, o = (small_cluster.positions[small_cluster.symbols == name] for name in ("La", "O"))
    assert mean == pytest.approx(np.linalg.norm(la[:, None] - o[None], axis=2).mean(), rel=1e-6)


def test_one_atom_and_two_atoms():
    Q = np.linspace(0.5, 8, 40)
    f = xray_factor("Zr", Q, 1.5406)
    alone = debye_intensity(
        pair_histogram(np.zeros((1, 3)), ["Zr"], 0.01), Q, lambda s, q: xray_factor(s, q, 1.5406)
    )
    assert alone == pytest.approx(np.abs(f) ** 2)
    pair = debye_intensity(
        pair_histogram(np.array([[0, 0, 0], [0, 0, 3.3333]]), ["Zr", "Zr"], 0.01),
        Q,
        lambda s, q: xray_factor(s, q, 1.5406),
    )
    assert pair == pytest.approx(np.abs(f) ** 2 * (1 + np.sin(3.3333 * Q) / (3.3333 * Q)), rel=1e-5)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**31), shift=st.floats(-100, 100))
def test_debye_does_not_depend_on_orientation_place_or_order(seed, shift):
    rng = np.random.default_rng(seed)
    atoms = Atoms("La10O20", positions=rng.uniform(0, 12, (30, 3)))
    turned = atoms[rng.permutation(30)]
    turned.positions = turned.positions @ Rotation.random(random_state=seed).as_matrix() + shift
    first = powder_pattern(atoms, two_theta=GRID).intensity
    assert powder_pattern(turned, two_theta=GRID).intensity == pytest.approx(first, rel=1e-4)


def test_lattice_route_does_not_depend_on_the_orientation(small_cluster):
    turn = Rotation.from_rotvec([0.3, -0.5, 1.1]).as_matrix()
    unit = crystal("La2Zr2O7", lattice_parameter=A)
    turned, turned_unit = small_cluster.copy(), unit.copy()
    turned.positions = turned.positions @ turn + 3.0
    turned_unit.set_cell(unit.cell.array @ turn, scale_atoms=True)
    first = powder_pattern(small_cluster, two_theta=GRID, unit=unit).intensity
    pattern = powder_pattern(turned, two_theta=GRID, unit=turned_unit)
    assert pattern.method == "lattice"
    assert pattern.intensity == pytest.approx(first, rel=1e-5)


def test_primitive_vectors_of_a_centred_cell():
    vectors = lattice_vectors(crystal("La2Zr2O7", lattice_parameter=A))
    assert abs(np.linalg.det(vectors)) == pytest.approx(A**3 / 4)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([A / np.sqrt(2)] * 3)


def test_averaged_sphere_is_the_mean_of_many_spheres():
    Q = momentum(two_theta_grid((20.0, 60.0, 0.25)))
    spheres = [
        plain_debye(nanocrystal("La2Zr2O7", 16.0, lattice_parameter=A, neutral=False, seed=seed), Q)
        for seed in range(60)
    ]
    sizes = [
        len(nanocrystal("La2Zr2O7", 16.0, lattice_parameter=A, neutral=False, seed=seed))
        for seed in range(60)
    ]
    expected = np.average(spheres, axis=0, weights=sizes)
    histogram = sphere_histogram(crystal("La2Zr2O7", lattice_parameter=A), 16.0, Q.max())
    computed = debye_intensity(histogram, Q, lambda s, q: xray_factor(s, q, 1.5406))
    assert np.abs(computed - expected).max() < 0.02 * expected.max()


def test_lines_of_an_80_angstrom_sphere():
    # Where the issue wants them, by the averaged sphere and by one sphere.
    averaged = nanocrystal_pattern("La2Zr2O7", 80.0, lattice_parameter=A)
    single = powder_pattern(nanocrystal("La2Zr2O7", 80.0, lattice_parameter=A))
    for pattern in (averaged, single):
        lines = {peak.hkl: peak for peak in pattern.peaks}
        for hkl, two_theta in {"222": 28.56, "400": 33.11, "440": 47.54, "622": 56.40}.items():
            assert lines[hkl].two_theta == pytest.approx(two_theta, abs=0.05)
            assert lines[hkl].d == pytest.approx(bragg_spacing(two_theta, 1.5406), abs=0.006)
            # A pseudo-Voigt finds the diameter of a sphere to 6 %, with the sphere's own constant.
            assert lines[hkl].size_sphere == pytest.approx(80, rel=0.06)
            assert lines[hkl].size_scherrer == pytest.approx(0.9 / SPHERE_CONSTANT * lines[hkl].size_sphere)


def test_width_of_the_line_of_a_sphere():
    # One kind of atom on a lattice, no neighbouring lines: FWHM·D = 1.107 in 2 sin θ/λ, read off the curve.
    diameter = 300.0
    histogram = sphere_histogram(bulk("Zr", "sc", a=4.0), diameter, 4.0)
    s = np.linspace(0.245, 0.255, 2001)
    curve = debye_intensity(histogram, 2 * np.pi * s, lambda _, q: np.ones_like(q)) * s
    top = int(curve.argmax())
    left = np.interp(curve[top] / 2, curve[: top + 1], s[: top + 1])
    right = np.interp(curve[top] / 2, curve[top:][::-1], s[top:][::-1])
    assert (right - left) * diameter == pytest.approx(1.107, abs=0.005)
    # Half height of the cosine transform of γ itself.
    x = np.linspace(0, 1, 4001)
    profile = [
        trapezoid((1 - 1.5 * x + 0.5 * x**3) * np.cos(np.pi * width * x), x)
        for width in (0.0, SPHERE_CONSTANT)
    ]
    assert profile[1] / profile[0] == pytest.approx(0.5, abs=5e-4)


def test_fit_of_the_222_line_as_in_the_paper():
    pattern = nanocrystal_pattern("La2Zr2O7", 75.0, lattice_parameter=A)
    fit = fit_line(pattern, 28.5, window=(26.5, 30.5), shape="gaussian")
    assert fit.window == (26.5, 30.5)
    assert fit.two_theta == pytest.approx(28.58, abs=0.03)
    assert fit.d_ci95[0] < fit.d < fit.d_ci95[1]
    assert fit.d == pytest.approx(3.12, abs=0.005)
    # K = 0.9 on a sphere gives 0.8 to 0.87 of its diameter, by profile.
    assert 0.78 < fit.size_scherrer / 75.0 < 0.88
    assert set(fit.to_dict()) >= {"two_theta", "fwhm", "d", "size_scherrer", "size_sphere", "shape", "window"}


def test_instrument_width_is_taken_off_the_size():
    pattern = nanocrystal_pattern("La2Zr2O7", 80.0, lattice_parameter=A, fwhm=0.5)
    bare = nanocrystal_pattern("La2Zr2O7", 80.0, lattice_parameter=A)
    raw, corrected = fit_line(pattern, 28.56), fit_line(pattern, 28.56, instrument_fwhm=0.5)
    assert raw.size_sphere < 0.95 * fit_line(bare, 28.56).size_sphere
    assert corrected.size_sphere == pytest.approx(fit_line(bare, 28.56).size_sphere, rel=0.02)


@pytest.mark.parametrize(
    ("hkl", "two_theta"), [("111", 14.19), ("331", 36.21), ("222", 28.59), ("662", 76.85)]
)
def test_bragg_angles_of_pyrochlore(hkl, two_theta):
    lines = {
        hkl_text(line.hkl): line for line in reflections(crystal("La2Zr2O7", lattice_parameter=A), 1.5406)
    }
    assert lines[hkl].two_theta == pytest.approx(two_theta, abs=0.01)
    indices = np.array([int(digit) for digit in hkl])
    assert lines[hkl].d == pytest.approx(A / np.linalg.norm(indices))


def test_extinctions_and_multiplicities():
    lines = {line.hkl: line for line in reflections(bulk("Fe", "fcc", a=3.6, cubic=True), 1.5406)}
    assert set(lines) >= {(1, 1, 1), (2, 0, 0), (2, 2, 0), (3, 1, 1)}
    assert (1, 0, 0) not in lines
    assert (2, 1, 0) not in lines
    assert [lines[hkl].multiplicity for hkl in [(1, 1, 1), (2, 0, 0), (2, 2, 0), (3, 1, 1)]] == [8, 6, 12, 24]


def area(pattern, low, high):
    inside = (pattern.two_theta >= low) & (pattern.two_theta <= high)
    x, y = pattern.two_theta[inside], pattern.intensity[inside]
    return trapezoid(y - np.interp(x, [x[0], x[-1]], [y[0], y[-1]]), x)


def test_all_routes_share_one_scale():
    # The area of one line: Bragg sum, spheres, pair functions of the periodic crystal. The tails that leave the window
    # fall with one over the diameter.
    unit = bulk("Zr", "fcc", a=4.6)
    grid = (31.0, 36.5, 0.01)
    bragg = area(powder_pattern(unit, two_theta=grid, fwhm=0.3), 31.2, 36.2)
    small, large = (
        area(observed_sphere(unit, diameter, two_theta_grid(grid)), 31.2, 36.2) for diameter in (150.0, 300.0)
    )
    assert 2 * large - small == pytest.approx(bragg, rel=0.01)
    pairs = powder_pattern(unit, two_theta=grid, method="pdf", taper=(0.0, 150.0), b_iso=0.3)
    damped = powder_pattern(unit, two_theta=grid, method="crystal", fwhm=0.3, b_iso=0.3)
    assert area(pairs, 32.2, 35.2) == pytest.approx(area(damped, 32.2, 35.2), rel=0.02)


def observed_sphere(unit, diameter, grid):
    Q = momentum(grid)
    histogram = sphere_histogram(unit, diameter, Q.max())
    intensity = debye_intensity(histogram, Q, lambda s, q: xray_factor(s, q, 1.5406))
    return PowderPattern(grid, intensity * polarization_factor(grid, "unpolarized"), 1.5406, "sphere", "")


def test_supercell_changes_nothing():
    unit = crystal("La2Zr2O7", lattice_parameter=A)
    one, eight = (powder_pattern(model, two_theta=GRID) for model in (unit, supercell(unit, 2)))
    assert eight.intensity == pytest.approx(one.intensity, rel=1e-6, abs=1e-6 * one.intensity.max())
    assert [peak.hkl for peak in eight.peaks] == [peak.hkl for peak in one.peaks]


def test_random_gas_scatters_like_its_atoms():
    rng = np.random.default_rng(5)
    frames = [
        Atoms("La300O600", positions=rng.uniform(0, 25, (900, 3)), cell=[25] * 3, pbc=True) for _ in range(8)
    ]
    pattern = powder_pattern(frames, polarization="none")
    assert pattern.method == "pdf"
    Q = pattern.Q
    expected = (np.abs(xray_factor("La", Q, 1.5406)) ** 2 + 2 * np.abs(xray_factor("O", Q, 1.5406)) ** 2) / 3
    deviation = pattern.intensity / expected - 1
    assert abs(deviation.mean()) < 0.02
    assert deviation.std() < 0.1


def test_pdf_route_is_the_tapered_sum_over_images():
    rng = np.random.default_rng(8)
    cell = np.array([[9.0, 0, 0], [2.0, 8.5, 0], [-1.5, 1.0, 9.5]])
    atoms = Atoms("Zr6O12", scaled_positions=rng.random((18, 3)), cell=cell, pbc=True)
    end, start = 14.0, 8.0
    pattern = powder_pattern(
        atoms, method="pdf", taper=(start, end), two_theta=(15.0, 75.0, 1.0), polarization="none"
    )
    Q = pattern.Q
    factors = {name: xray_factor(name, Q, 1.5406) for name in ("Zr", "O")}
    own = [factors[name] for name in atoms.get_chemical_symbols()]
    shifts = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3), axis=-1).reshape(-1, 3) @ cell
    total = np.sum(np.abs(own) ** 2, axis=0)
    for i in range(18):
        for j in range(18):
            r = np.linalg.norm(atoms.positions[j] - atoms.positions[i] + shifts, axis=1)
            r = r[(r > 1e-6) & (r < end)]
            window = np.cos(0.5 * np.pi * np.clip((r - start) / (end - start), 0, 1)) ** 2
            total += np.real(own[i] * np.conj(own[j])) * (window @ (np.sin(np.outer(r, Q)) / np.outer(r, Q)))
    fine = np.linspace(1e-4, end, 20001)
    window = np.cos(0.5 * np.pi * np.clip((fine - start) / (end - start), 0, 1)) ** 2
    gas = [trapezoid(4 * np.pi * fine**2 * window * np.sin(q * fine) / (q * fine), fine) for q in Q]
    total -= np.abs(np.sum(own, axis=0)) ** 2 * np.array(gas) / atoms.cell.volume
    expected = total / 18
    # A few hundred discrete distances, each somewhere in its bin of 0.002 Å.
    assert np.abs(pattern.intensity - expected).max() < 1e-3 * np.abs(expected).max()


def test_displacements_move_intensity_from_pairs_to_background(small_cluster):
    still = powder_pattern(small_cluster, two_theta=GRID, polarization="none")
    moving = powder_pattern(
        small_cluster, two_theta=GRID, polarization="none", b_iso={"La": 1.0, "Zr": 1.0, "O": 1.0}
    )
    Q = still.Q
    fractions = {name: small_cluster.get_chemical_symbols().count(name) for name in ("La", "Zr", "O")}
    own = sum(n * np.abs(xray_factor(name, Q, 1.5406)) ** 2 for name, n in fractions.items()) / len(
        small_cluster
    )
    damping = np.exp(-2 * 1.0 * (Q / (4 * np.pi)) ** 2)
    assert moving.intensity == pytest.approx(own + damping * (still.intensity - own), rel=1e-9)


def test_doublet_is_the_sum_of_its_lines(small_cluster):
    both = powder_pattern(small_cluster, wavelength="CuKa", two_theta=GRID).intensity
    first = powder_pattern(small_cluster, wavelength="CuKa1", two_theta=GRID).intensity
    second = powder_pattern(small_cluster, wavelength="CuKa2", two_theta=GRID).intensity
    assert both == pytest.approx((2 * first + second) / 3, rel=1e-5)


def test_polarisation_factors():
    angles = np.array([0.0, 45.0, 90.0])
    assert polarization_factor(angles, "none") == pytest.approx([1, 1, 1])
    assert polarization_factor(angles, "unpolarized") == pytest.approx([1, 0.75, 0.5])
    assert polarization_factor(angles, 0.0) == pytest.approx([1, 0.75, 0.5])
    assert polarization_factor(angles, 90.0) == pytest.approx([1, 1, 1])


def test_broadening_keeps_area_and_adds_widths():
    x = np.arange(10, 60, 0.01)
    sharp = np.exp(-4 * np.log(2) * ((x - 35) / 0.3) ** 2)
    wide = broaden(x, sharp, x, 0.4)
    assert trapezoid(wide, x) == pytest.approx(trapezoid(sharp, x), rel=1e-3)
    above = x[wide > wide.max() / 2]
    assert above[-1] - above[0] == pytest.approx(0.5, abs=0.025)
    assert broaden(x, sharp, x, 0.0) == pytest.approx(sharp)
    assert resolution_width(np.array([90.0]), (0.01, -0.004, 0.003)) == pytest.approx(np.sqrt(0.009))


def test_mixture_by_weight():
    grid = (20.0, 60.0, 0.05)
    zirconate = crystal_pattern(crystal("La2Zr2O7"), two_theta=grid)
    oxide = crystal_pattern(crystal("La2O3"), two_theta=grid)
    mixed = mix_patterns([zirconate, oxide], [3.0, 1.0])
    per_mass = 0.75 * zirconate.intensity / zirconate.atom_mass + 0.25 * oxide.intensity / oxide.atom_mass
    assert mixed.intensity / mixed.atom_mass == pytest.approx(per_mass)
    assert mix_patterns([zirconate, oxide], [1, 0]).intensity == pytest.approx(zirconate.intensity)
    with pytest.raises(InputError, match="weights"):
        mix_patterns([zirconate, oxide], [1.0, -1.0])
    measured = PowderPattern(zirconate.two_theta, zirconate.intensity, 1.5406, "measured", "")
    with pytest.raises(InputError, match="measured"):
        mix_patterns([zirconate, measured], [1.0, 1.0])


def test_size_from_width():
    # Zhu et al.: 1.07° at 28.81° is 7.68 nm with K = 0.9.
    assert size_from_width(28.81, 1.07, 1.5406, 0.9) == pytest.approx(76.8, abs=0.8)
    assert np.isnan(size_from_width(28.81, 0.1, 1.5406, 0.9, instrument_fwhm=0.2))


def test_json_keys(small_cluster):
    plain = powder_pattern(small_cluster).to_dict()
    assert {"two_theta", "intensity", "peaks"} <= set(plain)
    assert {"two_theta", "fwhm", "d", "hkl", "size_scherrer", "size_sphere"} <= set(plain["peaks"][0])


def test_step_gets_finer_with_the_range():
    assert histogram_step(5.0) == pytest.approx(0.004)
    assert histogram_step(0.1) == 0.01


SLAB = Atoms("Zr2", positions=[[0, 0, 0], [0, 0, 3.0]], cell=[10, 10, 10], pbc=[True, True, False])
CLUSTER = Atoms("Zr2", positions=[[0, 0, 0], [0, 0, 3.0]])


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (CLUSTER, {"wavelength": "CuKb"}, "CuKb"),
        (CLUSTER, {"two_theta": (80.0, 10.0, 0.1)}, "rising"),
        (CLUSTER, {"two_theta": (0.0, 10.0, 0.1)}, "0 to 10"),
        (CLUSTER, {"two_theta": [1.0, 2.0, np.nan]}, "rising"),
        (CLUSTER, {"two_theta": (10.0, 190.0, 0.1)}, "190"),
        (CLUSTER, {"method": "magic"}, "magic"),
        (CLUSTER, {"method": "pdf"}, "pdf"),
        (CLUSTER, {"method": "lattice"}, "unit"),
        (CLUSTER, {"b_iso": -1.0}, "b_iso"),
        (CLUSTER, {"polarization": "circular"}, "circular"),
        (CLUSTER, {"fwhm": -0.1}, "fwhm"),
        (SLAB, {}, "2 directions"),
        (SLAB, {"method": "debye"}, "periodic"),
        (bulk("Fe"), {"fwhm": 0.0}, "above zero"),
        (bulk("Fe"), {"method": "pdf", "taper": (30.0, 20.0)}, "taper"),
    ],
)
def test_bad_input_is_named(model, options, message):
    with pytest.raises(InputError, match=message):
        powder_pattern(model, **options)


@pytest.mark.parametrize("centre", [5.0, 79.5])
def test_line_outside_of_the_pattern_is_refused(centre, small_cluster):
    with pytest.raises(InputError, match="window"):
        fit_line(powder_pattern(small_cluster, two_theta=GRID), centre)


@pytest.mark.parametrize("diameter", [0.0, -10.0, np.nan, 5000.0])
def test_sphere_diameter_is_checked(diameter):
    with pytest.raises(InputError, match="diameter"):
        nanocrystal_pattern("La2Zr2O7", diameter)
