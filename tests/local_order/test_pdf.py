from __future__ import annotations

import itertools
import math

import numba
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from alzmodel.errors import InputError
from alzmodel.ions import pair_label
from alzmodel.local_order.pdf import PartialRDF, coordination_from_rdf, partial_rdf


def brute_force(atoms: Atoms, r_max: float, dr: float) -> dict[str, np.ndarray]:
    """Histogram of every distance to every image that could be in reach, each pair once."""
    cell = atoms.cell.complete().array
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    span = np.linalg.norm(np.ptp(atoms.positions, axis=0)) + r_max
    reach = [math.ceil(span / heights[k]) if atoms.pbc[k] else 0 for k in range(3)]
    shifts = np.array(list(itertools.product(*(range(-m, m + 1) for m in reach)))) @ cell
    n_bins = round(r_max / dr)
    symbols = atoms.get_chemical_symbols()
    counts: dict[str, np.ndarray] = {}
    for i, j in itertools.product(range(len(atoms)), repeat=2):
        distance = np.linalg.norm(atoms.positions[j] - atoms.positions[i] + shifts, axis=1)
        if i == j:
            distance = distance[distance > 1e-9]
        bins = (distance / dr).astype(int)
        label = pair_label(symbols[i], symbols[j])
        counts.setdefault(label, np.zeros(n_bins))
        counts[label] += np.bincount(bins[bins < n_bins], minlength=n_bins) / 2
    return counts


def random_model(seed: int, pbc: tuple[bool, ...], n_atoms: int = 9) -> Atoms:
    rng = np.random.default_rng(seed)
    while True:
        cell = rng.normal(size=(3, 3)) + 4 * np.eye(3)
        if abs(np.linalg.det(cell)) > 25:
            break
    symbols = rng.choice(["Li", "La", "Zr", "O"], n_atoms)
    return Atoms(symbols, positions=rng.uniform(-6, 6, (n_atoms, 3)), cell=cell, pbc=pbc)


def gas(n_atoms: int, seed: int = 0, density: float = 0.08) -> Atoms:
    rng = np.random.default_rng(seed)
    edge = (n_atoms / density) ** (1 / 3)
    symbols = ["Li", "La", "O", "O"] * (n_atoms // 4)
    return Atoms(symbols, positions=rng.uniform(0, edge, (len(symbols), 3)), cell=[edge] * 3, pbc=True)


def total(rdf: PartialRDF) -> float:
    return float(sum(counts.sum() for counts in rdf.counts.values()))


@pytest.mark.parametrize("pbc", list(itertools.product([False, True], repeat=3)))
def test_counts_equal_brute_force_to_the_last_count(pbc):
    # Small triclinic cells, twice the half cell and more; atoms outside the cell.
    for seed in range(3):
        atoms = random_model(seed, pbc)
        rdf = partial_rdf(atoms, r_max=9.0, dr=0.05)
        reference = brute_force(atoms, 9.0, 0.05)
        for label, counts in rdf.counts.items():
            np.testing.assert_array_equal(counts, reference.get(label, np.zeros(180)), err_msg=label)
        assert set(reference) <= set(rdf.counts)


def test_counts_of_a_large_box_equal_brute_force():
    # Many boxes of the search grid along every direction, orthogonal cell.
    atoms = gas(600)
    rdf = partial_rdf(atoms, r_max=5.0, dr=0.1)
    distances = atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)]
    assert total(rdf) == (distances < 5.0).sum()
    expected = np.bincount((distances[distances < 5.0] / 0.1).astype(int), minlength=50)
    np.testing.assert_array_equal(sum(rdf.counts.values()), expected)


def test_counts_of_a_sheared_large_box_equal_brute_force():
    atoms = gas(600)
    sheared = atoms.copy()
    sheared.set_cell(atoms.cell.array @ [[1, 0, 0], [0.45, 1, 0], [-0.3, 0.4, 1.1]], scale_atoms=True)
    rdf = partial_rdf(sheared, r_max=5.0, dr=0.1)
    distances = sheared.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)]
    assert total(rdf) == (distances < 5.0).sum()


def test_cluster_counts_every_pair_once():
    rng = np.random.default_rng(1)
    cluster = Atoms("LaO2" * 30, positions=rng.normal(0, 6, (90, 3)))
    assert total(partial_rdf(cluster, r_max=80.0)) == 90 * 89 / 2
    assert not partial_rdf(cluster).periodic
    assert partial_rdf(cluster).repeat_length == math.inf


def test_threads_do_not_change_the_counts():
    atoms = gas(8000)
    many = partial_rdf(atoms, r_max=12.0)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        one = partial_rdf(atoms, r_max=12.0)
    finally:
        numba.set_num_threads(before)
    for label in one.counts:
        np.testing.assert_array_equal(one.counts[label], many.counts[label])


def test_gas_is_one_and_has_no_first_shell():
    rdf = partial_rdf(gas(4000), r_max=12.0)
    for label, curve in rdf.g.items():
        # Standard error from the counts; the mean over the outer shells is one within four of them.
        outer = rdf.r > 4
        error = 1 / math.sqrt(rdf.counts[label][outer].sum())
        weights = rdf.r[outer] ** 2
        assert abs(np.average(curve[outer], weights=weights) - 1) < 4 * error + 1e-3
    assert rdf.cutoffs() == {}
    assert all(math.isnan(peak["r"]) for peak in rdf.first_peaks().values())


def test_shells_of_rock_salt():
    rdf = partial_rdf(bulk("MgO", "rocksalt", a=4.21), r_max=6.0, dr=0.013)
    per_mg = rdf.counts["Mg-O"] / (rdf.concentrations["Mg"] * rdf.n_atoms)
    shells = [
        per_mg[np.abs(rdf.r - d) < 0.02].sum() for d in (4.21 / 2, 4.21 / 2 * 3**0.5, 4.21 / 2 * 5**0.5)
    ]
    assert shells == [6, 8, 24]
    assert per_mg.sum() == 38
    assert coordination_from_rdf(rdf, "Mg", "O", 2.8) == 6
    assert coordination_from_rdf(rdf, "Mg", "Mg", 3.3) == 12


def test_coordination_splits_the_bin_of_the_cutoff_by_volume():
    rdf = partial_rdf(gas(4000), r_max=8.0, dr=0.5)
    inside = coordination_from_rdf(rdf, "La", "O", 7.2)
    assert coordination_from_rdf(rdf, "La", "O", 7.0) < inside < coordination_from_rdf(rdf, "La", "O", 7.5)
    expected = 4 / 3 * math.pi * 7.2**3 * 0.08 * 0.5
    assert inside == pytest.approx(expected, rel=0.02)


def test_first_peaks_find_position_and_width_of_thermal_shells():
    rng = np.random.default_rng(3)
    crystal = bulk("MgO", "rocksalt", a=4.21, cubic=True) * (4, 4, 4)
    frames = []
    for _ in range(12):
        frame = crystal.copy()
        frame.positions += rng.normal(0, 0.06, frame.positions.shape)
        frames.append(frame)
    peak = partial_rdf(frames).first_peaks()["Mg-O"]
    sigma = 0.06 * math.sqrt(2)
    # Mean r of a displaced pair is d + s²/d; the mode of counts/r² lies 2 s²/d below the mode of the counts.
    assert peak["r"] == pytest.approx(2.105 - sigma**2 / 2.105, abs=0.004)
    assert peak["fwhm"] == pytest.approx(sigma * math.sqrt(8 * math.log(2)), rel=0.05)


def test_first_peaks_of_a_skewed_shell_are_its_mode():
    """A shell with a long far side, as La-O in glasses has: gamma-distributed distances of known mode."""
    rng = np.random.default_rng(8)
    frames = []
    for _ in range(40):
        distances = 2.2 + rng.gamma(4.0, 0.07, 400)
        lanthanum = rng.uniform(0, 400, (400, 3))
        directions = rng.normal(size=(400, 3))
        oxygen = lanthanum + directions / np.linalg.norm(directions, axis=1)[:, None] * distances[:, None]
        frames.append(Atoms("La400O400", np.vstack([lanthanum, oxygen]), cell=[400] * 3, pbc=True))
    r = np.linspace(2.2, 3.0, 8001)[1:]
    mode = r[((r - 2.2) ** 3 * np.exp(-(r - 2.2) / 0.07) / r**2).argmax()]
    assert partial_rdf(frames, r_max=6.0).first_peaks()["La-O"]["r"] == pytest.approx(mode, abs=0.008)


def test_first_peaks_of_a_still_crystal_are_its_distances():
    peaks = partial_rdf(bulk("MgO", "rocksalt", a=4.21), dr=0.01).first_peaks()
    assert peaks["Mg-O"]["r"] == pytest.approx(2.105, abs=0.005)
    assert peaks["Mg-Mg"]["r"] == pytest.approx(4.21 / math.sqrt(2), abs=0.005)
    assert peaks["Mg-O"]["fwhm"] < 0.01


def test_frames_are_averaged_with_their_own_volumes():
    small, large = gas(400, seed=1), gas(400, seed=2, density=0.07)
    both = partial_rdf([small, large], r_max=5.0)
    apart = [partial_rdf(frame, r_max=5.0) for frame in (small, large)]
    for label in both.counts:
        np.testing.assert_allclose(both.counts[label], (apart[0].counts[label] + apart[1].counts[label]) / 2)
        np.testing.assert_allclose(both.g[label], (apart[0].g[label] + apart[1].g[label]) / 2)
    assert both.n_frames == 2


@given(seed=st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_g_survives_rotation_translation_order_and_supercell(seed):
    rng = np.random.default_rng(seed)
    atoms = random_model(seed, (True, True, True), n_atoms=5)
    moved = atoms * (2, 1, 1)
    moved.rotate(float(rng.uniform(0, 360)), rng.normal(size=3), rotate_cell=True)
    moved.positions += rng.uniform(-20, 20, 3)
    moved = moved[rng.permutation(len(moved))]
    # Rounding may move a distance across a bin's edge, so compare running counts with a tolerance of a bin.
    one, two = partial_rdf(atoms, r_max=7.0), partial_rdf(moved, r_max=7.0)
    for label, counts in one.counts.items():
        np.testing.assert_allclose(np.cumsum(two.counts[label]), 2 * np.cumsum(counts), atol=8)
        assert two.counts[label].sum() == pytest.approx(2 * counts.sum(), abs=8)


def test_labels_follow_the_fixed_order():
    rdf = partial_rdf(Atoms("OLiLaZr", positions=np.eye(4, 3) * 3, cell=[6, 6, 6], pbc=True))
    assert list(rdf.g) == [
        "Zr-Zr", "Zr-La", "Zr-Li", "Zr-O", "La-La", "La-Li", "La-O", "Li-Li", "Li-O", "O-O",
    ]  # fmt: skip
    np.testing.assert_array_equal(rdf.pair("O", "La"), rdf.g["La-O"])
    assert set(rdf.to_dict()) >= {"r", "partials", "first_peaks"}


def test_default_range_is_the_repeat_length_within_limits():
    assert partial_rdf(gas(4000)).r[-1] == pytest.approx(18.42, abs=0.05)
    assert partial_rdf(bulk("MgO", "rocksalt", a=4.21)).r[-1] == pytest.approx(9.99)


def test_flat_cluster_has_counts_but_no_g():
    rdf = partial_rdf(Atoms("O3", positions=[[0, 0, 0], [1, 0, 0], [0, 1, 0]]))
    assert rdf.counts["O-O"].sum() == 3
    assert np.isnan(rdf.g["O-O"]).all()
    assert rdf.cutoffs() == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dr": 0.0}, "dr"),
        ({"dr": math.nan}, "dr"),
        ({"r_max": -1.0}, "r_max"),
        ({"r_max": math.inf}, "r_max"),
    ],
)
def test_bad_numbers_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        partial_rdf(gas(40), **arguments)


def test_frames_must_belong_together():
    with pytest.raises(InputError, match="none given"):
        partial_rdf([])
    with pytest.raises(InputError, match="without atoms"):
        partial_rdf(Atoms())
    with pytest.raises(InputError, match="frame 1"):
        partial_rdf([gas(40), gas(44)])


def test_coordination_refuses_what_is_not_there():
    rdf = partial_rdf(gas(40), r_max=4.0)
    with pytest.raises(InputError, match="Zr"):
        coordination_from_rdf(rdf, "Zr", "O", 3.0)
    with pytest.raises(InputError, match="cut-off"):
        coordination_from_rdf(rdf, "La", "O", 4.5)
