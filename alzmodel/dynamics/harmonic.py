"""A model at a minimum, made ready for its vibrations: its dynamical matrix and what gives spectra of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from alzmodel.dynamics.hessian import (
    COULOMBS,
    CoulombSum,
    difference_hessian,
    largest_force,
    pair_forces,
    pair_hessian,
    sparse_pair_hessian,
)
from alzmodel.dynamics.spectra import (
    DENSE_ATOMS,
    Chebyshev,
    Modes,
    chebyshev,
    dense_modes,
    dynamical_matrix,
)
from alzmodel.errors import InputError
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ase import Atoms
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from alzmodel.forcefields.calculators import NamedCalculator

__all__ = [
    "DIFFERENCES",
    "MAX_FORCE",
    "METHODS",
    "Harmonic",
    "HarmonicSettings",
    "Method",
    "all_modes",
    "check_minimum",
    "harmonic",
    "is_sparse",
    "memory_needed",
    "single_model",
    "with_masses",
]

Method = Literal["auto", "dense", "kpm"]
METHODS: Final = ("auto", "dense", "kpm")
MAX_FORCE: Final = 0.01
"""eV/Å; with a larger force on an atom the model lies in no minimum, and modes about it mean nothing."""
SPARSE_BYTES: Final = 1.5e5
"""An atom, with a sparse matrix."""
DIFFERENCES: Final = "differences of forces"
_BATCH: Final = 60
"""Displaced models that one child process computes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HarmonicSettings:
    """How vibrations are computed.

    Attributes
    ----------
    potential
        Name of a potential; not looked at with a calculator.
    coulomb
        Sum of the second derivatives of a pair potential: ``"ewald"``, or ``"dsf"`` in its place, which moves the
        modes of La2Zr2O7 by 2 cm⁻¹ rms. Minimum and forces are those of the Ewald sum in either case.
    method
        ``"dense"``: all modes; ``"kpm"``: Chebyshev moments; ``"auto"``: all modes up to 1500 atoms.
    resolution
        Full width at half maximum of the Gaussian that broadens spectra, cm⁻¹.
    masses
        Of elements in u, where they are not the usual ones.
    """

    potential: str = "du-teter"
    coulomb: CoulombSum = "ewald"
    method: Method = "auto"
    resolution: float = 10.0
    masses: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Refuse what no calculation can go by.

        Raises
        ------
        InputError
            If a value is not one of the allowed.
        """
        potential_of(self.potential)
        if self.coulomb not in COULOMBS:
            raise InputError(f"coulomb: {self.coulomb!r}; allowed: {', '.join(COULOMBS)}")
        if self.method not in METHODS:
            raise InputError(f"method: {self.method!r}; allowed: {', '.join(METHODS)}")
        if not 0.1 <= self.resolution <= 200:
            raise InputError(f"resolution: {self.resolution:g} cm⁻¹; allowed: 0.1 to 200")
        for element, mass in self.masses.items():
            if not 0.1 <= mass <= 400:
                raise InputError(f"mass of {element}: {mass:g} u; allowed: 0.1 to 400")


@dataclass(frozen=True, slots=True, eq=False)
class Harmonic:
    """Small motions of a model about its minimum.

    Attributes
    ----------
    atoms
        The model, with the masses that were used.
    hessian
        Second derivatives, eV/Å², shape (3n, 3n); None above 1500 atoms.
    matrix
        Dynamical matrix, eV/(Å² u); sparse where moments of the damped shifted force are asked for.
    spectra
        All modes, or Chebyshev moments.
    potential
        What gave the forces.
    derivatives
        ``"closed form, ewald"``, ``"closed form, dsf"`` or ``"differences of forces"``.
    max_force
        Of the atoms, eV/Å.
    """

    atoms: Atoms
    hessian: NDArray[np.floating] | None
    matrix: NDArray[np.floating] | csr_array
    spectra: Modes | Chebyshev
    potential: str
    derivatives: str
    max_force: float


def single_model(frames: list[Atoms]) -> Atoms:
    """Return the one frame of a model.

    Raises
    ------
    InputError
        If there are several.
    """
    if len(frames) > 1:
        raise InputError(
            f"model: {len(frames)} frames; allowed: one model at a minimum (frames at temperature: --trajectory)"
        )
    return frames[0]


def with_masses(atoms: Atoms, masses: Mapping[str, float]) -> Atoms:
    """Return a copy in which elements have other masses (u).

    Raises
    ------
    InputError
        If an element is not in the model.
    """
    copy = atoms.copy()
    symbols = np.array(atoms.get_chemical_symbols())
    values = copy.get_masses()
    for element, mass in masses.items():
        if element not in symbols:
            raise InputError(
                f"mass of {element}: not in the model; allowed: {', '.join(sorted(set(symbols)))}"
            )
        values[symbols == element] = mass
    copy.set_masses(values)
    return copy


def check_minimum(forces: NDArray[np.float64], name: str, source: str = "F") -> float:
    """Refuse a model that lies in no minimum, and return its largest force (eV/Å).

    Parameters
    ----------
    forces
        eV/Å, shape (n_atoms, 3).
    name
        Of the potential or calculator.
    source
        File of the model, for the command that the message names.

    Raises
    ------
    InputError
        If a force is larger than :data:`MAX_FORCE`.
    """
    largest = largest_force(forces)
    if not largest <= MAX_FORCE:
        raise InputError(
            f"largest force: {largest:.3g} eV/Å, no minimum of {name}; allowed: up to {MAX_FORCE:g} eV/Å, as after "
            f"'alzmodel refine {source} --calculator {name} --cell fixed --fmax 0.005 -o MINIMUM.extxyz'"
        )
    return largest


def harmonic(
    atoms: Atoms,
    settings: HarmonicSettings | None = None,
    *,
    calculator: NamedCalculator | None = None,
    source: str = "F",
    progress: Progress = silent,
) -> Harmonic:
    """Make a model ready for its vibrations.

    Second derivatives come in closed form from pair potentials, and from 6 n_atoms evaluations of the forces from
    learned potentials and from calculators.

    Parameters
    ----------
    atoms
        A model at a minimum, periodic in three directions.
    settings
        How it is done.
    calculator
        In place of the potential of the settings.
    source
        File of the model, for messages.
    progress
        Told how far the work is.

    Raises
    ------
    InputError
        If the model or a setting cannot be used, a force is above 0.01 eV/Å, or the memory does not suffice.
    """
    from alzmodel.limits import check_memory

    settings = settings or HarmonicSettings()
    name = calculator.name if calculator is not None else settings.potential
    dense = all_modes(len(atoms), settings.method)
    closed = calculator is None and potential_of(name).many_body is None
    check_memory(f"model: {len(atoms)} atoms", memory_needed(len(atoms), settings, closed=closed))
    hessian, max_force = (
        _closed_form(atoms, settings, dense, source, progress)
        if closed
        else _by_differences(atoms, name, calculator, source, progress)
    )
    moved = with_masses(atoms, settings.masses)
    kept = hessian.copy() if isinstance(hessian, np.ndarray) and len(atoms) <= DENSE_ATOMS else None
    matrix = dynamical_matrix(hessian, moved.get_masses())
    progress(0.5, "modes" if dense else "moments")
    spectra: Modes | Chebyshev = (
        dense_modes(np.array(matrix))
        if dense
        else chebyshev(matrix, progress=lambda f, m: progress(0.5 + f / 2, m))
    )
    derivatives = f"closed form, {settings.coulomb}" if closed else DIFFERENCES
    return Harmonic(moved, kept, matrix, spectra, name, derivatives, max_force)


def all_modes(n_atoms: int, method: Method) -> bool:
    """Whether so many atoms are diagonalised."""
    return method == "dense" or (method == "auto" and n_atoms <= DENSE_ATOMS)


def is_sparse(n_atoms: int, settings: HarmonicSettings) -> bool:
    """Whether the second derivatives of so many atoms are held as a sparse matrix."""
    return settings.coulomb == "dsf" and not all_modes(n_atoms, settings.method)


def memory_needed(n_atoms: int, settings: HarmonicSettings, *, closed: bool = True) -> float:
    """Bytes that the vibrations of so many atoms take at most; `closed` where derivatives come in closed form."""
    if closed and is_sparse(n_atoms, settings):
        return 3e8 + n_atoms * SPARSE_BYTES
    dense = all_modes(n_atoms, settings.method)
    return 3e8 + (9 * n_atoms**2) * (8 * 4.5 if dense or not closed else 4 * 1.5) + n_atoms * 4e4


def _closed_form(
    atoms: Atoms, settings: HarmonicSettings, dense: bool, source: str, progress: Progress
) -> tuple[NDArray[np.floating] | csr_array, float]:
    max_force = check_minimum(pair_forces(atoms, potential=settings.potential), settings.potential, source)
    if is_sparse(len(atoms), settings):
        return sparse_pair_hessian(atoms, potential=settings.potential), max_force
    hessian = pair_hessian(
        atoms,
        potential=settings.potential,
        coulomb=settings.coulomb,
        dtype=np.float64 if dense else np.float32,
        progress=lambda fraction, message: progress(fraction / 2, message),
    )
    return hessian, max_force


def _by_differences(
    atoms: Atoms, name: str, calculator: NamedCalculator | None, source: str, progress: Progress
) -> tuple[NDArray[np.floating], float]:
    if calculator is not None:
        calculator.refuse(atoms)
    forces_of = _forces_of(name, calculator)
    (forces,) = forces_of([atoms])
    max_force = check_minimum(forces, name, source)
    hessian = difference_hessian(
        atoms, forces_of, progress=lambda fraction, message: progress(fraction / 2, message)
    )
    return hessian, max_force


def _forces_of(
    name: str, calculator: NamedCalculator | None
) -> Callable[[Iterable[Atoms]], Iterator[NDArray[np.float64]]]:
    """Return what gives forces of many models in turn: our potentials by one child process for each batch."""
    from alzmodel.forcefields.calculators import PairPotential, quietly
    from alzmodel.forcefields.static import single_points

    def by_batches(models: Iterable[Atoms]) -> Iterator[NDArray[np.float64]]:
        waiting = iter(models)
        while batch := list(islice(waiting, _BATCH)):
            for point in single_points(batch, potential=name):
                yield point.forces

    def one_by_one(models: Iterable[Atoms]) -> Iterator[NDArray[np.float64]]:
        assert calculator is not None
        for model in models:
            with quietly():
                forces = np.asarray(calculator.calculator.get_forces(model), dtype=np.float64)
            if not math.isfinite(float(forces.sum())):
                raise InputError(f"forces of {name}: not finite; allowed: a calculator that knows the model")
            yield forces

    ours = calculator is None or isinstance(calculator.calculator, PairPotential)
    return by_batches if ours else one_by_one
