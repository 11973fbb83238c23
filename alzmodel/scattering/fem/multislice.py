"""Multislice in place of single scattering: diffracted waves of every beam of the probe, by abTEM.

abTEM is under the GPL and no part of alzmodel: this module alone imports it, when it is asked for
(``pip install '.[multislice]'``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import InputError
from alzmodel.units import electron_wavelength, relativistic_factor

if TYPE_CHECKING:
    from ase import Atoms

    from alzmodel.scattering.fem.waves import Plane

__all__ = ["REFINEMENTS", "beam_waves", "check_abtem"]

ComplexArray = NDArray[np.complex128]

REFINEMENTS: Final = ((0.25, 2.5), (0.18, 1.8), (0.125, 1.25), (0.09, 0.9))
"""Pixels of the potential and thickness of its slices, Å: each step about 1.4 times finer than the one before."""

_ANTIALIASING: Final = 2 / 3
"""Share of the sampled frequencies that abTEM keeps."""


def check_abtem() -> None:
    """Refuse the engine where abTEM is not installed.

    Raises
    ------
    InputError
        If abTEM cannot be imported.
    """
    from importlib.util import find_spec

    if find_spec("abtem") is None:
        raise InputError(
            "engine multislice: abTEM is not installed; allowed: kinematic, or multislice after "
            "`pip install '.[multislice]'`"
        )


def beam_waves(
    column: Atoms,
    plane: Plane,
    energy_kev: float,
    *,
    sampling: float,
    slice_thickness: float,
) -> ComplexArray:
    """Diffracted wave in every detector pixel for each beam of the probe, by multislice.

    Multislice is linear in the incident wave, and the probe is a sum of a few tens of plane waves of the column's own
    lattice: propagated one by one they give the waves of all probe positions (this is PRISM with every beam kept;
    C. Ophus, Adv. Struct. Chem. Imaging 3 (2017) 13).

    Parameters
    ----------
    column
        Rectangular in the plane, beam along z.
    plane
        From :meth:`alzmodel.scattering.fem.variance.FEMSettings.plane`.
    energy_kev
        Electron energy, keV.
    sampling, slice_thickness
        Largest pixel of the potential and thickness of its slices, Å.

    Returns
    -------
    numpy.ndarray
        Ψ_b(q) in Å, shape (pixels, beams), on the scale of :func:`alzmodel.scattering.fem.waves.object_waves`: for a
        thin column of light atoms it is F(q − b), but for a phase common to all. Transmitted electrons excepted.

    Raises
    ------
    InputError
        If the cell is not rectangular, or the pixels are too coarse for the outermost ring.
    """
    import abtem
    from abtem.core.axes import OrdinalAxis

    cell = plane.cell
    if abs(cell[0, 1]) > 1e-6 or abs(cell[1, 0]) > 1e-6:
        raise InputError(
            f"engine multislice: cell vectors {cell[0].round(3).tolist()}, {cell[1].round(3).tolist()}; "
            "allowed: a cell that is rectangular in the plane"
        )
    edges = np.diag(cell)
    shape = tuple(_even_fast(math.ceil(edge / sampling)) for edge in edges)
    reach = np.abs(plane.pixels).max(axis=0) + np.abs(plane.beams).max(axis=0)
    if any(2 * n > _ANTIALIASING * size for n, size in zip(reach, shape, strict=True)):
        raise InputError(
            f"engine multislice: pixels of {sampling:g} Å for rings up to {reach[0] / edges[0]:.2f} 1/Å; "
            f"allowed: at most {_ANTIALIASING * edges[0] / (2 * reach[0]):.2g} Å"
        )
    atoms, middle, depth = _boxed(column, cell, slice_thickness)
    wavelength = electron_wavelength(energy_kev)
    square = np.sum((plane.beams @ plane.reciprocal) ** 2, axis=1)
    # In focus at the middle of the column, as the kinematic probe is.
    start = np.exp(1j * math.pi * wavelength * square * middle)
    spectrum = np.zeros((len(plane.beams), *shape), dtype=np.complex64)
    at = plane.beams % np.array(shape)
    spectrum[np.arange(len(at)), at[:, 0], at[:, 1]] = start * shape[0] * shape[1]
    incident = np.fft.ifft2(spectrum).astype(np.complex64)

    with abtem.config.set({"local_diagnostics.progress_bar": False}):
        potential = abtem.Potential(
            atoms,
            gpts=shape,
            slice_thickness=slice_thickness,
            parametrization="lobato",
            projection="infinite",
        ).build(lazy=False)
        waves = abtem.Waves(
            incident,
            energy=1e3 * energy_kev,
            extent=tuple(edges.tolist()),
            ensemble_axes_metadata=[OrdinalAxis(values=tuple(range(len(at))))],
        )
        exit_waves: Any = waves.multislice(potential).compute()
    far = np.fft.fft2(np.asarray(exit_waves.array)) / (shape[0] * shape[1])
    pixels = plane.pixels % np.array(shape)
    # Per incident electron and pixel the amplitude is iλγF/A.
    scale = plane.area / (1j * wavelength * relativistic_factor(energy_kev))
    diffracted: ComplexArray = far[:, pixels[:, 0], pixels[:, 1]].T.astype(np.complex128) * scale
    # Propagated back from the exit surface to the middle, the plane that kinematic phases are counted from.
    q_square = np.sum((plane.pixels @ plane.reciprocal) ** 2, axis=1)
    return diffracted * np.exp(1j * math.pi * wavelength * q_square * (depth - middle))[:, None]


def _boxed(column: Atoms, cell: NDArray[np.float64], margin: float) -> tuple[Atoms, float, float]:
    """Column in a box with a margin before and behind: atoms, height of the middle and of the box."""
    from ase import Atoms

    z = column.positions[:, 2]
    low, depth = float(z.min()), float(np.ptp(z)) + 2 * margin
    positions = column.positions - np.array([0.0, 0.0, low - margin])
    positions[:, :2] = np.mod(positions[:, :2], np.diag(cell))
    atoms = Atoms(
        numbers=column.numbers, positions=positions, cell=[*np.diag(cell), depth], pbc=[True, True, False]
    )
    return atoms, 0.5 * depth, depth


def _even_fast(number: int) -> int:
    from scipy.fft import next_fast_len

    return 2 * int(next_fast_len(math.ceil(number / 2)))
