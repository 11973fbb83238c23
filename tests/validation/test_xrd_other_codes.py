"""Powder patterns against pymatgen, DebyeCalculator and dynasor."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from scipy.signal import find_peaks

from alzmodel.crystals import crystal, nanocrystal
from alzmodel.local_order.pdf import partial_rdf
from alzmodel.scattering.form_factors import xray_factor
from alzmodel.scattering.totals import partial_structure_factors
from alzmodel.scattering.xrd.crystal import hkl_text
from alzmodel.scattering.xrd.debye import debye_intensity, histogram_step, pair_histogram
from alzmodel.scattering.xrd.pattern import nanocrystal_pattern, reflections

WAVELENGTH = 1.5406


def pymatgen_pattern(atoms, wavelength=WAVELENGTH, two_theta=(10.0, 90.0)):
    calculator = pytest.importorskip("pymatgen.analysis.diffraction.xrd").XRDCalculator(wavelength=wavelength)
    from pymatgen.io.ase import AseAtomsAdaptor

    return calculator.get_pattern(AseAtomsAdaptor.get_structure(atoms), two_theta_range=two_theta)


@pytest.mark.parametrize("phase", ["La2Zr2O7", "La2O3", "MgO", "Li2CO3", "ZrO2", "LLZO-tetragonal"])
def test_reflections_of_pymatgen(phase):
    atoms = crystal(phase)
    atoms.set_initial_charges(np.zeros(len(atoms)))
    theirs = pymatgen_pattern(atoms)
    ours = reflections(atoms, WAVELENGTH, two_theta=(10.0, 90.0))
    angles = np.array([line.two_theta for line in ours])
    heights = np.array([line.intensity for line in ours]) * 100
    for angle, height in zip(theirs.x, theirs.y, strict=True):
        if height < 2:
            continue
        near = np.abs(angles - angle) < 0.01
        assert near.any(), angle
        # Other form factors (Cromer and Mann) and no dispersion there: a few percent of the strongest line.
        assert heights[near].sum() == pytest.approx(height, abs=4, rel=0.1)
    strong = heights > 5
    assert all(np.abs(np.array(theirs.x) - angle).min() < 0.01 for angle in angles[strong])


def test_miller_indices_of_pymatgen():
    atoms = crystal("La2Zr2O7", lattice_parameter=10.805)
    theirs = pymatgen_pattern(atoms)
    ours = {round(line.two_theta, 2): line for line in reflections(atoms, WAVELENGTH, two_theta=(10.0, 90.0))}
    for angle, height, families in zip(theirs.x, theirs.y, theirs.hkls, strict=True):
        if height < 1:
            continue
        labels = {
            hkl_text(tuple(sorted((abs(i) for i in family["hkl"]), reverse=True))) for family in families
        }
        line = next(line for key, line in ours.items() if abs(key - angle) < 0.011)
        assert hkl_text(line.hkl) in labels
        assert line.multiplicity == sum(family["multiplicity"] for family in families) or len(families) > 1


def test_large_spheres_have_the_lines_of_pymatgen():
    theirs = pymatgen_pattern(crystal("La2Zr2O7", lattice_parameter=10.805), two_theta=(20.0, 60.0))
    pattern = nanocrystal_pattern(
        "La2Zr2O7", 300.0, lattice_parameter=10.805, two_theta=(20.0, 60.0, 0.005), polarization="none"
    )
    tops, _ = find_peaks(pattern.intensity, prominence=0.05 * pattern.intensity.max())
    found = pattern.two_theta[tops]
    assert len(found) >= 5
    for angle in found:
        assert np.abs(np.array(theirs.x) - angle).min() < 0.01


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # its own and those of torch
def test_intensities_of_debyecalculator():
    # DebyeCalculator sums each pair once: its pattern is half of the Debye sum.
    try:
        from debyecalculator import DebyeCalculator
    except ImportError:
        pytest.skip("DebyeCalculator or torch is not installed")
    cluster = nanocrystal("La2Zr2O7", 30.0, lattice_parameter=10.805)
    # Neutral atoms of one table on both sides: formal charges play no part.
    plain = Atoms(cluster.get_chemical_symbols(), positions=cluster.positions)
    calculator = DebyeCalculator(qmin=1.0, qmax=8.0, qstep=0.02, biso=0.0, device="cpu")
    Q, theirs = calculator.iq(plain)
    Q = np.asarray(Q, dtype=float)
    # It knows no dispersion, so ours is left out as well.
    histogram = pair_histogram(plain.positions, plain.get_chemical_symbols(), histogram_step(8.0))
    ours = debye_intensity(histogram, Q, xray_factor)
    theirs = 2 * np.asarray(theirs, dtype=float) / len(plain)
    assert np.abs(ours - theirs).max() < 1e-3 * theirs.max()


@pytest.mark.slow
def test_structure_factor_of_dynasor(tmp_path):
    # S(q) at all reciprocal lattice points of boxes of a simple fluid, against the transform of their g(r). Beyond
    # half the box g(r) is one, so that a taper there changes nothing.
    dynasor = pytest.importorskip("dynasor")
    from dynasor.qpoints import get_spherical_qpoints

    rng = np.random.default_rng(3)
    length = 24.0
    frames = [
        Atoms("Zr500O400", positions=poisson_discs(rng, 900, length, 2.1), cell=[length] * 3, pbc=True)
        for _ in range(3)
    ]
    path = tmp_path / "fluid.xyz"
    write(path, frames, format="extxyz")
    symbols = np.array(frames[0].get_chemical_symbols())
    indices = {name: np.flatnonzero(symbols == name).tolist() for name in ("Zr", "O")}
    trajectory = dynasor.Trajectory(str(path), trajectory_format="extxyz", atomic_indices=indices)
    points = get_spherical_qpoints(np.eye(3) * length, q_max=5.2, q_min=1.8)
    sample = dynasor.compute_static_structure_factors(trajectory, points)
    q = np.linalg.norm(sample.q_points, axis=1)
    edges = np.arange(2.0, 5.01, 0.3)
    centres = (edges[:-1] + edges[1:]) / 2
    which = np.digitize(q, edges) - 1
    theirs = np.array([np.asarray(sample.Sq).ravel()[which == k].mean() for k in range(len(centres))])
    fine = np.linspace(2.0, 5.0, 301)
    rdf = partial_rdf(frames, r_max=21.0, dr=0.01)
    partials = partial_structure_factors(rdf, fine, taper=(12.0, 21.0))
    c = rdf.concentrations
    total = 1 + sum(
        c[a] * c[b] * (partials["Zr-O" if a != b else f"{a}-{a}"] - 1)
        for a in ("Zr", "O")
        for b in ("Zr", "O")
    )
    ours = np.array([total[(fine >= low) & (fine < high)].mean() for low, high in itertools.pairwise(edges)])
    assert np.ptp(ours) > 0.4
    # Thousands of points a bin, each with a relative spread of one over four frames.
    assert ours == pytest.approx(theirs, abs=0.06)


def poisson_discs(rng, number, length, spacing):
    """Points at random with no two closer than `spacing` in the periodic cube."""
    points = np.empty((0, 3))
    for _ in range(200_000):
        candidate = rng.uniform(0, length, 3)
        gap = points - candidate
        gap -= length * np.round(gap / length)
        if len(points) == 0 or (gap**2).sum(axis=1).min() > spacing**2:
            points = np.vstack([points, candidate])
        if len(points) == number:
            break
    return points
