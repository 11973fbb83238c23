"""Vibrations of a model: densities of states, its building units, and the modes of a crystal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.dynamics.harmonic import DIFFERENCES, Harmonic, HarmonicSettings, harmonic
from alzmodel.dynamics.local_modes import UnitSet, mean_squares, unit_sets
from alzmodel.dynamics.spectra import (
    UNSTABLE,
    Chebyshev,
    Modes,
    dense_modes,
    dynamical_matrix,
    frequency_grid,
    wavenumber,
)
from alzmodel.errors import InputError
from alzmodel.progress import Progress, silent
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.dynamics.symmetry import CrystalMode
    from alzmodel.forcefields.calculators import NamedCalculator

__all__ = [
    "FEWEST_UNITS",
    "Imaginary",
    "Population",
    "UnitModes",
    "Vdos",
    "Vibrations",
    "vibrations",
]

FEWEST_UNITS: Final = 30
"""Units of a glass below which they get no value."""
WARNED_BELOW: Final = -5.0
"""cm⁻¹."""
MOST_WARNED: Final = 3
"""So many modes below :data:`WARNED_BELOW` pass without a word."""
LISTED_ATOMS: Final = 5
PROBES: Final = 4
"""Random vectors of each element and of each kind of unit, where modes are too many to be found."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Vdos(Result):
    """Densities of states.

    Attributes
    ----------
    grid
        cm⁻¹, from 0.
    total
        Modes a cm⁻¹; its integral is 3 n_atoms. Imaginary modes count at zero.
    by_element
        The share of each element, by kinetic energy; they add up to the total.
    """

    grid: NDArray[np.float64] = field(metadata=holds("cm⁻¹", role="axis"))
    total: NDArray[np.float64] = field(metadata=holds("cm"))
    by_element: Mapping[str, NDArray[np.float64]] = field(metadata=holds("cm"))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UnitModes(Result):
    """One symmetry coordinate of all units of a kind.

    Attributes
    ----------
    n
        Units.
    rms_cm
        √⟨Q|D|Q⟩ over all units: the root of a second moment, and no peak. None of fewer than 30 units of a glass.
    sd_units
        Standard deviation over units of the root of their own mean-square frequency.
    spectrum
        Weight by frequency on the grid of the densities, of unit area, 1/cm⁻¹.
    """

    n: int
    rms_cm: float | None = field(metadata=holds("cm⁻¹"))
    sd_units: float | None = field(metadata=holds("cm⁻¹"))
    spectrum: NDArray[np.float64] | None = field(metadata=holds("cm"))


@dataclass(frozen=True, slots=True, repr=False)
class Population(Result):
    """How many cations are centres of a kind of unit, and of how many."""

    n: int
    n_centres: int


@dataclass(frozen=True, slots=True, repr=False)
class Imaginary(Result):
    """A mode of imaginary frequency: its cm⁻¹ (negative), and the atoms (from 0) that move most in it."""

    cm: float = field(metadata=holds("cm⁻¹"))
    atoms: tuple[int, ...]
    elements: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Vibrations(Result):
    """Vibrations of one model.

    Attributes
    ----------
    formula, n_atoms
        Of the model.
    potential, derivatives, max_force
        What gave the forces, how they were differentiated, and the largest that the minimum has, eV/Å.
    method, resolution
        ``"dense"`` or ``"kpm"``, and the width of the Gaussian in spectra, cm⁻¹.
    vdos
        Densities of states.
    units
        By kind and symmetry, such as ``"ZrO6 A1g"``; empty where units were not asked for.
    populations
        By kind of unit.
    imaginary
        Modes of imaginary frequency; by moments only the lowest that was come upon, without atoms.
    participation
        ``"cm"`` and ``"ratio"`` of every mode; None by moments.
    modes
        Of a crystal: degenerate sets at Γ of its primitive cell.
    notes
        Sentences on what limits the numbers.
    """

    formula: str
    n_atoms: int
    potential: str
    derivatives: str
    max_force: float = field(metadata=holds("eV/Å"))
    method: str
    resolution: float = field(metadata=holds("cm⁻¹"))
    vdos: Vdos
    units: Mapping[str, UnitModes]
    populations: Mapping[str, Population]
    imaginary: tuple[Imaginary, ...]
    participation: Mapping[str, NDArray[np.float64]] | None = field(metadata=holds(optional=True))
    modes: tuple[CrystalMode, ...] | None = field(metadata=holds(optional=True))
    notes: tuple[str, ...]


def vibrations(
    atoms: Atoms,
    settings: HarmonicSettings | None = None,
    *,
    calculator: NamedCalculator | None = None,
    units: bool = True,
    seed: int = 0,
    source: str = "F",
    progress: Progress = silent,
) -> Vibrations:
    """Vibrations of a model at a minimum.

    The calculation is harmonic, at 0 K and wave vector Γ of the cell, and classical positions stand for quantum ones.

    Parameters
    ----------
    atoms
        Periodic in three directions, no force above 0.01 eV/Å.
    settings
        How it is done.
    calculator
        In place of the potential of the settings.
    units
        Whether the building units of an oxide are looked at.
    seed
        Of the random vectors above 1500 atoms: the noise they leave is some 5 % of a density a resolution wide for
        5000 atoms; the root mean squares of units have none.
    source
        File of the model, for messages.
    progress
        Told how far the work is.

    Raises
    ------
    InputError
        See :func:`alzmodel.dynamics.harmonic.harmonic`.
    """
    settings = settings or HarmonicSettings()
    found = harmonic(atoms, settings, calculator=calculator, source=source, progress=progress)
    return describe(found, settings, calculator=calculator, units=units, seed=seed, progress=progress)


def describe(
    found: Harmonic,
    settings: HarmonicSettings,
    *,
    calculator: NamedCalculator | None = None,
    units: bool = True,
    seed: int = 0,
    progress: Progress = silent,
) -> Vibrations:
    """Densities, units and modes of what :func:`alzmodel.dynamics.harmonic.harmonic` made ready."""
    from alzmodel.crystals import is_crystal

    atoms, spectra = found.atoms, found.spectra
    crystal = is_crystal(atoms)
    sets = _unit_sets(atoms) if units else []
    kept = [one for one in sets if crystal or len(one.coordinates) >= FEWEST_UNITS]
    highest = (
        float(spectra.frequencies[-1])
        if isinstance(spectra, Modes)
        else float(wavenumber(np.array([spectra.high]))[0])
    )
    grid = frequency_grid(highest, settings.resolution)
    if isinstance(spectra, Modes):
        by_element, curves = _by_modes(found, spectra, kept, grid, settings.resolution)
    else:
        by_element, curves = _by_probes(found, spectra, kept, grid, settings.resolution, seed)
    described = {}
    for one in sets:
        value = one in kept
        squares = mean_squares(one, found.matrix) if value else np.empty(0)
        described[one.name] = UnitModes(
            n=len(one.coordinates),
            rms_cm=_root(squares.mean()) if value else None,
            sd_units=float(np.std([_root(square) for square in squares])) if value else None,
            spectrum=curves.get(one.name),
        )
    imaginary = _imaginary(found)
    return Vibrations(
        formula=atoms.get_chemical_formula("metal"),
        n_atoms=len(atoms),
        potential=found.potential,
        derivatives=found.derivatives,
        max_force=found.max_force,
        method=spectra.name,
        resolution=settings.resolution,
        vdos=Vdos(grid, np.sum(list(by_element.values()), axis=0), by_element),
        units=described,
        populations=_populations(atoms, sets),
        imaginary=imaginary,
        participation=(
            {"cm": spectra.frequencies, "ratio": spectra.participation()}
            if isinstance(spectra, Modes)
            else None
        ),
        modes=_crystal_modes(found, settings, calculator, progress) if crystal else None,
        notes=tuple(_notes(found, sets, kept, imaginary)),
    )


def _root(square: float) -> float:
    """Root of a mean-square frequency, negative of an unstable one."""
    return float(np.sign(square) * np.sqrt(abs(square)))


def _unit_sets(atoms: Atoms) -> list[UnitSet]:
    from alzmodel.local_order.shells import bonded

    try:
        model = bonded(atoms)
    except InputError:
        # No oxide: it has no building units.
        return []
    return unit_sets(model, atoms.get_masses())


def _by_modes(
    found: Harmonic, modes: Modes, sets: list[UnitSet], grid: NDArray[np.float64], width: float
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """Partial densities and spectra of units from all modes."""
    symbols = np.array(found.atoms.get_chemical_symbols())
    shares = modes.shares()
    weights = [shares[symbols == element].sum(axis=0) for element in _elements(symbols)]
    weights += [np.mean((one.columns(len(symbols)).T @ modes.vectors) ** 2, axis=0) for one in sets]
    curves = modes.broadened(np.array(weights), grid, width)
    return _named(curves, _elements(symbols), sets)


def _by_probes(
    found: Harmonic,
    solver: Chebyshev,
    sets: list[UnitSet],
    grid: NDArray[np.float64],
    width: float,
    seed: int,
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """Partial densities and spectra of units from random combinations of what they sum over."""
    symbols = np.array(found.atoms.get_chemical_symbols())
    rng = np.random.default_rng(seed)
    probes = []
    for element in _elements(symbols):
        own = np.repeat(symbols == element, 3)
        probes += [np.where(own, rng.choice([-1.0, 1.0], own.size), 0.0) for _ in range(PROBES)]
    for one in sets:
        columns = one.columns(len(symbols))
        probes += [
            columns @ rng.choice([-1.0, 1.0], columns.shape[1]) / np.sqrt(columns.shape[1])
            for _ in range(PROBES)
        ]
    curves = solver.spectrum(np.array(probes).T, grid, width)
    means = curves.reshape(-1, PROBES, len(grid)).mean(axis=1)
    of_units = means[len(_elements(symbols)) :]
    of_units /= np.trapezoid(of_units, grid, axis=1)[:, None]
    return _named(means, _elements(symbols), sets)


def _named(
    curves: NDArray[np.float64], elements: list[str], sets: list[UnitSet]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    n = len(elements)
    return dict(zip(elements, curves[:n], strict=True)), dict(
        zip((one.name for one in sets), curves[n:], strict=True)
    )


def _elements(symbols: NDArray[Any]) -> list[str]:
    from alzmodel.ions import ELEMENT_ORDER

    found = set(symbols.tolist())
    return [*(element for element in ELEMENT_ORDER if element in found), *sorted(found - set(ELEMENT_ORDER))]


def _populations(atoms: Atoms, sets: list[UnitSet]) -> dict[str, Population]:
    found = {one.name.partition(" ")[0]: Population(len(one.coordinates), one.n_centres) for one in sets}
    lithium = int(np.sum(atoms.numbers == 3))
    for kind in ("LiO4", "LiO6"):
        if lithium and sets:
            found.setdefault(kind, Population(0, lithium))
    return found


def _imaginary(found: Harmonic) -> tuple[Imaginary, ...]:
    spectra = found.spectra
    if isinstance(spectra, Chebyshev):
        return (Imaginary(spectra.lowest, (), ()),) if spectra.lowest < -UNSTABLE else ()
    symbols = found.atoms.get_chemical_symbols()
    listed = []
    for mode in np.flatnonzero(spectra.frequencies < -UNSTABLE):
        share = np.sum(spectra.vectors[:, mode].reshape(-1, 3) ** 2, axis=1)
        most = np.argsort(-share, kind="stable")[:LISTED_ATOMS]
        listed.append(
            Imaginary(
                float(spectra.frequencies[mode]), tuple(map(int, most)), tuple(symbols[atom] for atom in most)
            )
        )
    return tuple(listed)


def _notes(
    found: Harmonic, sets: list[UnitSet], kept: list[UnitSet], imaginary: tuple[Imaginary, ...]
) -> list[str]:
    notes = []
    unstable = [one for one in imaginary if one.cm < WARNED_BELOW]
    if isinstance(found.spectra, Chebyshev):
        if unstable:
            notes.append(f"a mode of {unstable[0].cm:.0f} cm⁻¹ (imaginary): the model lies in no minimum")
    elif len(unstable) > MOST_WARNED:
        words = "; ".join(
            f"{one.cm:.0f} cm⁻¹ by {', '.join(f'{e}{a}' for e, a in zip(one.elements, one.atoms, strict=True))}"
            for one in unstable[: 2 * MOST_WARNED]
        )
        notes.append(
            f"{len(unstable)} imaginary modes below {WARNED_BELOW:g} cm⁻¹, the model lies in no minimum: {words}"
        )
    few = dict.fromkeys(
        f"{one.name.partition(' ')[0]} ({len(one.coordinates)} of {one.n_centres})"
        for one in sets
        if one not in kept
    )
    if few:
        notes.append(f"too few for a value, {FEWEST_UNITS} are asked for: {', '.join(few)}")
    return notes


def _crystal_modes(
    found: Harmonic, settings: HarmonicSettings, calculator: NamedCalculator | None, progress: Progress
) -> tuple[CrystalMode, ...]:
    """Modes of the primitive cell of a crystal."""
    from dataclasses import replace

    from alzmodel.dynamics.symmetry import crystal_modes, primitive_cell, symmetrised

    cell = primitive_cell(found.atoms)
    small = found
    if len(cell) < len(found.atoms) or not isinstance(found.spectra, Modes) or found.hessian is None:
        plain = replace(settings, method="dense", masses={})
        small = harmonic(cell, plain, calculator=calculator, progress=progress)
    assert isinstance(small.spectra, Modes)
    assert small.hessian is not None
    hessian, modes = np.asarray(small.hessian, dtype=np.float64), small.spectra
    if small.derivatives == DIFFERENCES:
        hessian = symmetrised(hessian, small.atoms)
        modes = dense_modes(dynamical_matrix(hessian.copy(), small.atoms.get_masses()))
    return tuple(crystal_modes(small.atoms, modes, hessian))
