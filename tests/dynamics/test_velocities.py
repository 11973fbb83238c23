"""Density of states from velocities: known motions, and molecular dynamics against the harmonic one."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units

from alzmodel.crystals import crystal as crystal_of
from alzmodel.crystals import supercell
from alzmodel.dynamics.harmonic import HarmonicSettings
from alzmodel.dynamics.harmonic import harmonic as ready
from alzmodel.dynamics.hessian import pair_forces
from alzmodel.dynamics.spectra import gaussian_kernel
from alzmodel.dynamics.velocities import CM_PS, velocity_spectrum
from alzmodel.dynamics.vibrations import vibrations
from alzmodel.errors import InputError
from alzmodel.forcefields.calculators import calculator_of

FWHM = 20.0
GRID = np.linspace(0.0, 800.0, 401)


def oscillators(frequencies, n_frames=4000, frame_time=0.004):
    """Pairs of atoms, each moving apart and together at one frequency, of equal energy."""
    n = len(frequencies)
    atoms = Atoms("Ar" * 2 * n, positions=np.zeros((2 * n, 3)))
    frames = []
    for step in range(n_frames):
        velocities = np.zeros((2 * n, 3))
        for k, frequency in enumerate(frequencies):
            velocity = np.cos(2 * np.pi * CM_PS * frequency * step * frame_time + k)
            velocities[2 * k, k % 3], velocities[2 * k + 1, k % 3] = velocity, -velocity
        copy = atoms.copy()
        copy.set_velocities(velocities)
        frames.append(copy)
    return frames


def test_known_motions_give_their_lines():
    frequencies = np.array([150.0, 400.0, 410.0])
    expected = gaussian_kernel(GRID, frequencies, FWHM).sum(axis=1) * 18 / 3
    found = velocity_spectrum(oscillators(frequencies, 1500), 0.004, GRID, expected, FWHM)
    assert np.trapezoid(found.total, GRID) == pytest.approx(18, rel=0.02)
    assert found.overlap > 0.98
    assert found.total == pytest.approx(expected, abs=0.08 * expected.max())
    wrong = gaussian_kernel(GRID, np.array([250.0]), FWHM).sum(axis=1)
    assert velocity_spectrum(oscillators(frequencies, 1500), 0.004, GRID, wrong, FWHM).overlap < 0.3


def test_what_no_trajectory_shows_is_refused():
    density = gaussian_kernel(GRID, np.array([400.0]), FWHM).sum(axis=1)
    frames = oscillators([400.0], 400)
    still = [Atoms("Ar2", positions=np.zeros((2, 3))) for _ in range(400)]
    for bad, time, width, words in (
        (frames, 0.004, 1.0, "more than"),
        (frames, 0.1, FWHM, "ends at 167 cm⁻¹"),
        (frames[:10], 0.004, FWHM, "10 frames"),
        (frames, 0.0, FWHM, "frame time: 0 ps"),
        (still, 0.008, FWHM, "no velocities"),
        ([*frames, Atoms("Ar")], 0.008, FWHM, "atoms change"),
    ):
        with pytest.raises(InputError, match=words):
            velocity_spectrum(bad, time, GRID, density, width)


@pytest.mark.slow
def test_molecular_dynamics_at_20_kelvin_has_the_harmonic_density():
    """Every mode begins with the same energy: in so small a crystal it would keep that of chance."""
    from ase.build import bulk
    from ase.calculators.emt import EMT
    from ase.md.verlet import VelocityVerlet

    copper = bulk("Cu", cubic=True, a=3.5895) * (2, 2, 2)
    copper.info["kind"] = "glass"
    emt = calculator_of("emt")
    harmonic = vibrations(copper, calculator=emt, units=False)
    modes = ready(copper, calculator=emt).spectra
    signs = np.random.default_rng(1).choice([-1.0, 1.0], modes.vectors.shape[1] - 3)
    weighted = (modes.vectors[:, 3:] @ signs).reshape(-1, 3)
    copper.set_velocities(np.sqrt(40 * units.kB) * weighted / np.sqrt(copper.get_masses())[:, None])
    copper.calc = EMT()
    motion = VelocityVerlet(copper, timestep=5 * units.fs)
    frames = []
    motion.attach(lambda: frames.append(copper.copy()), interval=4)
    motion.run(3000)
    found = velocity_spectrum(frames, 0.02, harmonic.vdos.grid, harmonic.vdos.total, 10.0)
    assert found.temperature == pytest.approx(20, rel=0.1)
    assert found.overlap >= 0.96


@pytest.mark.slow
def test_lithia_at_20_kelvin_has_the_harmonic_density():
    """An oxide with its Coulomb forces: 96 atoms of Li2O by du-teter, 4.5 ps, every mode begun with the same energy."""
    crystal = supercell(crystal_of("Li2O"), (2, 2, 2))
    crystal.info["kind"] = "glass"
    settings = HarmonicSettings(resolution=FWHM)
    harmonic = vibrations(crystal, settings, units=False)
    modes = ready(crystal, settings).spectra
    signs = np.random.default_rng(1).choice([-1.0, 1.0], modes.vectors.shape[1] - 3)
    masses, step = crystal.get_masses()[:, None], 2.5 * units.fs
    velocities = np.sqrt(40 * units.kB) * (modes.vectors[:, 3:] @ signs).reshape(-1, 3) / np.sqrt(masses)
    moving, frames = crystal.copy(), []
    forces = pair_forces(moving)
    for number in range(1800):
        velocities = velocities + step / 2 * forces / masses
        moving.positions += step * velocities
        forces = pair_forces(moving)
        velocities = velocities + step / 2 * forces / masses
        if number % 2:
            moving.set_velocities(velocities)
            frames.append(moving.copy())
    found = velocity_spectrum(frames, 0.005, harmonic.vdos.grid, harmonic.vdos.total, FWHM)
    assert found.temperature == pytest.approx(20, rel=0.1)
    assert found.overlap >= 0.96
