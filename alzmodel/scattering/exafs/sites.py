"""χ(k) of a model: of single sites, and their average over sites and frames."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.crystals import checked_seed
from alzmodel.errors import InputError
from alzmodel.local_order.pdf import frame_list
from alzmodel.neighbours import check_apart, neighbour_list
from alzmodel.progress import Progress, silent
from alzmodel.results import Result, holds
from alzmodel.scattering.exafs.edges import Edge, edge_of
from alzmodel.scattering.exafs.feff import (
    K_GRID,
    PATH_RADIUS,
    Cluster,
    PhaseStore,
    check_installed,
    chi_of_sites,
)
from alzmodel.scattering.exafs.transform import Window, fourier_transform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = [
    "ENOUGH_SITES",
    "Exafs",
    "ExafsSettings",
    "cluster_around",
    "exafs",
    "missing_sigma2",
    "thermal_note",
]

ENOUGH_SITES: Final = 200
"""Over 24 sites of a glass the place of the first peak scatters by 0.01 Å."""
PHASE_RADII: Final = (8.0, 12.0, 16.0)
"""Å; the atoms that potentials are made from: the first radius at which a site sees every kind of atom."""
_NEAREST: Final = 6
CANDIDATES: Final = 5
"""Sites that are tried for the potentials: of a glass, a chosen one may be odd by chance."""
MOST_UNKNOWNS: Final = 4
"""Of a fit of the first shell."""
STRETCH: Final = 550.0
"""cm⁻¹; a Zr–O stretching vibration (Raman of La2Zr2O7 and of the glasses: 500 to 590)."""
ROOM: Final = 300.0
"""K."""
_CM_TO_KELVIN: Final = 1.438777
"""hc/k, cm K (CODATA 2018)."""


@dataclass(frozen=True, slots=True)
class ExafsSettings:
    """How χ(k) is computed and transformed.

    Attributes
    ----------
    edge
        Which.
    n_sites
        Absorbers that are drawn from all frames, without repeats; all if there are fewer.
    seed
        Of the draw.
    k_weight
        w of k^w in the transform and the fit.
    k_range, dk, window
        Of the transform, Å⁻¹; None takes the range of the edge.
    path_radius
        Å; half the length of the longest path.
    stretch
        cm⁻¹; wave number of the absorber's bond to oxygen. The σ² that classical frames at 300 K lack of it is added,
        see :func:`missing_sigma2`; None adds nothing.
    """

    edge: Edge
    n_sites: int = ENOUGH_SITES
    seed: int = 0
    k_weight: int = 2
    k_range: tuple[float, float] | None = None
    dk: float = 1.0
    window: Window = "hanning"
    path_radius: float = PATH_RADIUS
    stretch: float | None = None

    def __post_init__(self) -> None:
        if self.n_sites < 1:
            raise InputError(f"sites: {self.n_sites}; allowed: at least 1")
        checked_seed(self.seed)
        if self.k_weight not in {0, 1, 2, 3}:
            raise InputError(f"k weight: {self.k_weight}; allowed: 0, 1, 2, 3")
        first, last = self.range
        if not 0 < first < last or last > self.edge.k_limit:
            raise InputError(
                f"k range: {first:g} to {last:g}; allowed at the {self.edge.name} edge: rising, above 0, "
                f"up to {self.edge.k_limit:g}"
            )
        if not 0 < self.dk <= last - first:
            raise InputError(
                f"dk: {self.dk:g}; allowed: above 0, up to the width of the range, {last - first:g}"
            )
        if not 2.5 <= self.path_radius <= 8.0:
            raise InputError(f"path radius: {self.path_radius:g} Å; allowed: 2.5 to 8")
        if self.stretch is not None and not 50 <= self.stretch <= 2000:
            raise InputError(f"stretch: {self.stretch:g}; allowed: 50 to 2000 cm⁻¹")

    @property
    def added_sigma2(self) -> float:
        """Å² that are added to the variance of every path."""
        return 0.0 if self.stretch is None else missing_sigma2(self.edge, self.stretch)

    @property
    def range(self) -> tuple[float, float]:
        """First and last k, Å⁻¹."""
        return self.k_range or self.edge.k_range

    def transform(self, chi: FloatArray) -> tuple[FloatArray, NDArray[np.complex128]]:
        """R and the complex transform of χ on :data:`~alzmodel.scattering.exafs.feff.K_GRID`."""
        return fourier_transform(
            K_GRID, chi, k_weight=self.k_weight, k_range=self.range, dk=self.dk, window=self.window
        )


@dataclass(frozen=True, slots=True, repr=False)
class Exafs(Result):
    """χ(k) of a model at one edge.

    Attributes
    ----------
    k, chi, sem
        Å⁻¹, mean over sites and its standard error, shape (401,); with S₀² = 1.
    r, ft, ft_real
        Å (not corrected for the phase), magnitude and real part of the transform of k^w χ, Å^−(w+1), shape (p,).
    edge, k_weight, k_range
        What was asked for.
    n_sites, n_absorbers
        Averaged over, of how many in all frames.
    peak, peak_sem
        Å; where the transform is largest between the ends of the edge's oxygen shell, and its standard error (jackknife
        over sites).
    notes
        What to know before comparing with a measurement.
    frames, atoms
        Frame and index of each site, shape (n_sites,).
    site_chi
        χ of each, shape (n_sites, 401).
    """

    k: FloatArray = field(metadata=holds("Å⁻¹", role="axis"))
    chi: FloatArray
    sem: FloatArray
    r: FloatArray = field(metadata=holds("Å", role="axis"))
    ft: FloatArray
    ft_real: FloatArray
    edge: str
    k_weight: int = field(metadata=holds(role="axis"))
    k_range: tuple[float, float] = field(metadata=holds(role="axis"))
    n_sites: int
    n_absorbers: int
    peak: float = field(metadata=holds("Å"))
    peak_sem: float = field(metadata=holds("Å"))
    notes: tuple[str, ...]
    frames: NDArray[np.int64] = field(metadata=holds(hidden=True))
    atoms: NDArray[np.int64] = field(metadata=holds(hidden=True))
    site_chi: FloatArray = field(metadata=holds(hidden=True))

    def sites(self) -> list[dict[str, Any]]:
        """Frame, index and χ(k) of every single site."""
        return [
            {"frame": int(frame), "atom": int(atom), "chi": chi}
            for frame, atom, chi in zip(self.frames, self.atoms, self.site_chi, strict=True)
        ]


def cluster_around(atoms: Atoms, centre: int, radius: float) -> Cluster:
    """Atoms within `radius` Å of one atom, periodic images told apart; the atom itself first."""
    of = np.zeros(len(atoms), dtype=bool)
    of[centre] = True
    pairs = neighbour_list(atoms, radius, of=of)
    return _clusters(atoms, [centre], pairs.i, pairs.j, pairs.vector, pairs.distance)[0]


def _clusters(
    atoms: Atoms,
    centres: Sequence[int],
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    vector: FloatArray,
    distance: FloatArray,
) -> list[Cluster]:
    symbols = np.array(atoms.get_chemical_symbols())
    found = []
    for centre in centres:
        mine = np.flatnonzero(i == centre)
        mine = mine[np.argsort(distance[mine], kind="stable")]
        places = np.concatenate([np.zeros((1, 3)), vector[mine]])
        found.append(Cluster((str(symbols[centre]), *map(str, symbols[j[mine]])), places))
    return found


def exafs(
    model: Atoms | Sequence[Atoms],
    edge: str | ExafsSettings,
    *,
    store: PhaseStore | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> Exafs:
    """Compute χ(k) of a model, averaged over sites and frames.

    Parameters
    ----------
    model
        One structure or frames of one.
    edge
        Name of an edge, or all settings.
    store
        Phases that are known already; those of the model's composition are added.
    workers
        Processes at a time; None takes the cores that there are.
    progress
        Told after each site.

    Raises
    ------
    InputError
        If the model lacks the absorber, an absorber has no neighbours, or the engine is not installed.
    AlzmodelError
        If FEFF fails.

    Examples
    --------
    >>> import alzmodel as am  # doctest: +SKIP
    >>> exafs(am.crystal("La2Zr2O7"), "Zr-K").peak.round(1)  # doctest: +SKIP
    1.6
    """
    settings = edge if isinstance(edge, ExafsSettings) else ExafsSettings(edge_of(edge))
    check_installed()
    frames = frame_list(model)
    for number, atoms in enumerate(frames):
        check_apart(atoms, number)
    chosen, n_absorbers = _choose(frames, settings)
    clusters = _all_clusters(frames, chosen, settings.path_radius + 0.1)
    for (frame, atom), cluster in zip(chosen, clusters, strict=True):
        if len(cluster.symbols) == 1:
            raise InputError(
                f"frame {frame}, atom {atom} ({cluster.symbols[0]}): no atom within {settings.path_radius:g} Å "
                "scatters; allowed: absorbers with neighbours"
            )
    elements = tuple(sorted(set(frames[0].get_chemical_symbols())))
    progress(0.0, "potentials and phases")
    workers = workers or cores()
    phases = (store or PhaseStore(workers=workers)).of(
        _reduced(frames[0]), _typical(frames, chosen, elements), elements, settings.edge
    )
    chi = chi_of_sites(
        clusters,
        phases,
        path_radius=settings.path_radius,
        workers=workers,
        progress=progress,
    )
    return averaged(chi, chosen, n_absorbers, settings)


def averaged(
    chi: FloatArray, chosen: Sequence[tuple[int, int]], n_absorbers: int, settings: ExafsSettings
) -> Exafs:
    """Average over sites, and transform."""
    n = len(chi)
    chi = chi * np.exp(-2 * K_GRID**2 * settings.added_sigma2)
    mean = chi.mean(axis=0)
    r, transform = settings.transform(mean)
    peak, peak_sem = _peak(chi, settings)
    notes = [_added_note(settings) if settings.stretch else thermal_note()]
    if n < ENOUGH_SITES:
        notes.append(
            f"{n} of {n_absorbers} sites: the first peak scatters by about {0.01 * math.sqrt(24 / n):.3f} Å in a "
            f"glass; {ENOUGH_SITES} sites and more are enough"
        )
    return Exafs(
        k=K_GRID,
        chi=mean,
        sem=chi.std(axis=0, ddof=1) / math.sqrt(n) if n > 1 else np.full(K_GRID.shape, math.nan),
        r=r,
        ft=np.abs(transform),
        ft_real=transform.real,
        edge=settings.edge.name,
        k_weight=settings.k_weight,
        k_range=settings.range,
        n_sites=n,
        n_absorbers=n_absorbers,
        peak=peak,
        peak_sem=peak_sem,
        notes=tuple(notes),
        frames=np.array([frame for frame, _ in chosen], dtype=np.int64),
        atoms=np.array([atom for _, atom in chosen], dtype=np.int64),
        site_chi=chi,
    )


def check_r_range(r_range: tuple[float, float], settings: ExafsSettings) -> tuple[float, float]:
    """Return a range of R for a fit, Å; refuse one that does not rise or holds too few independent numbers.

    Raises
    ------
    InputError
        In one line.
    """
    first, last = r_range
    if not 0.5 <= first < last <= 4.0:
        raise InputError(f"R range: {first:g} to {last:g} Å; allowed: rising, from 0.5 to 4")
    independent = 2 * (settings.range[1] - settings.range[0]) * (last - first) / math.pi
    if independent < MOST_UNKNOWNS:
        raise InputError(
            f"R range: {first:g} to {last:g} Å holds {independent:.1f} independent points with this range of k; "
            f"allowed: at least {MOST_UNKNOWNS}, as many as the fit has unknowns"
        )
    return r_range


def thermal_note() -> str:
    """Words on what frames of classical dynamics cannot show.

    The mean square of an oscillator of frequency ν is (x/2) coth(x/2) times the classical one, x = hν/kT.
    """
    half = _CM_TO_KELVIN * STRETCH / ROOM / 2
    factor = half / math.tanh(half)
    return (
        f"frames of classical dynamics at {ROOM:g} K have too small a thermal σ² (a bond at {STRETCH:g} cm⁻¹: "
        f"{factor:.1f} times), minimised models none: a measured χ(k) is damped more"
    )


def missing_sigma2(edge: Edge, stretch: float, temperature: float = ROOM) -> float:
    """Å² by which classical dynamics has too small a variance of a bond to oxygen.

    A harmonic bond of the wave number ν has σ² = ħ/(2μω) coth(ħω/2kT) with ω = 2πcν, classically kT/(μω²). Further
    shells move more slowly and lack less: taken for every path, it is too much for them, by at most itself.

    Parameters
    ----------
    edge
        Of the absorber.
    stretch
        cm⁻¹.
    temperature
        Of the frames, K.

    References
    ----------
    G. Beni and P. M. Platzman, Phys. Rev. B 14, 1514 (1976).

    Examples
    --------
    >>> from alzmodel.scattering.exafs.edges import edge_of
    >>> round(missing_sigma2(edge_of("Zr-K"), 550.0), 5)
    0.00089
    """
    from ase.data import atomic_masses, atomic_numbers
    from scipy import constants

    one, two = (float(atomic_masses[atomic_numbers[element]]) for element in (edge.element, "O"))
    reduced = one * two / (one + two) * constants.atomic_mass
    omega = 2 * math.pi * constants.c * 100 * stretch
    half = constants.hbar * omega / (2 * constants.k * temperature)
    classical = constants.k * temperature / (reduced * omega**2)
    return classical * (half / math.tanh(half) - 1) * 1e20


def _added_note(settings: ExafsSettings) -> str:
    return (
        f"{settings.added_sigma2:.5f} Å² are added to σ²: what classical frames at {ROOM:g} K lack of a bond at "
        f"{settings.stretch:g} cm⁻¹; for minimised models, which lack all of it, that is too little"
    )


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_sites(frames: Sequence[Atoms], settings: ExafsSettings) -> int:
    """Count the sites that :func:`exafs` will compute; 0 where the model lacks the absorber."""
    there = sum(int((atoms.symbols == settings.edge.element).sum()) for atoms in frames)
    return min(there, settings.n_sites)


def check_absorber(frames: Sequence[Atoms], settings: ExafsSettings) -> None:
    """Refuse a model without the absorber.

    Raises
    ------
    InputError
        In one line.
    """
    if not count_sites(frames, settings):
        edge = settings.edge
        raise InputError(
            f"model: {frames[0].get_chemical_formula()} holds no {edge.element}; allowed at the {edge.name} edge: "
            f"models with {edge.element}"
        )


def _choose(frames: Sequence[Atoms], settings: ExafsSettings) -> tuple[list[tuple[int, int]], int]:
    """Frame and index of the sites that are computed, and how many there are."""
    check_absorber(frames, settings)
    every = [
        (number, int(atom))
        for number, atoms in enumerate(frames)
        for atom in np.flatnonzero(atoms.symbols == settings.edge.element)
    ]
    if len(every) <= settings.n_sites:
        return every, len(every)
    drawn = np.random.default_rng(settings.seed).choice(len(every), settings.n_sites, replace=False)
    return [every[number] for number in np.sort(drawn)], len(every)


def _all_clusters(frames: Sequence[Atoms], chosen: Sequence[tuple[int, int]], radius: float) -> list[Cluster]:
    found = []
    for number, atoms in enumerate(frames):
        centres = [atom for frame, atom in chosen if frame == number]
        if centres:
            of = np.zeros(len(atoms), dtype=bool)
            of[centres] = True
            pairs = neighbour_list(atoms, radius, of=of)
            found += _clusters(atoms, centres, pairs.i, pairs.j, pairs.vector, pairs.distance)
    return found


def _typical(
    frames: Sequence[Atoms], chosen: Sequence[tuple[int, int]], elements: Sequence[str]
) -> list[Cluster]:
    """Sites for the potentials: by the mean distance of their six nearest neighbours those nearest to the median.

    Only sites count that see every kind of atom; those of equal distance, as in crystals, stand for each other.
    """
    for radius in PHASE_RADII:
        whole = [
            cluster
            for cluster in _all_clusters(frames, chosen, radius)
            if set(cluster.symbols[1:]) == set(elements)
        ]
        if whole:
            near = [np.linalg.norm(one.positions[1 : _NEAREST + 1], axis=1).mean() for one in whole]
            unlike, first = np.unique(np.round(near, 4), return_index=True)
            order = np.argsort(np.abs(unlike - np.median(near)), kind="stable")
            return [whole[first[number]] for number in order[:CANDIDATES]]
    raise InputError(
        f"model: no site of {len(chosen)} has {', '.join(elements)} all within {PHASE_RADII[-1]:g} Å; "
        "allowed: models where one has"
    )


def _reduced(atoms: Atoms) -> str:
    counts: dict[str, Any] = atoms.symbols.formula.count()
    divisor = math.gcd(*counts.values())
    return " ".join(f"{element}{counts[element] // divisor}" for element in sorted(counts))


def _peak(chi: FloatArray, settings: ExafsSettings) -> tuple[float, float]:
    """Place of the oxygen peak and its standard error, by leaving out each site in turn."""
    mean = chi.mean(axis=0)
    r, transform = settings.transform(mean)
    whole = _top(r, np.abs(transform), settings.edge.r_range)
    n = len(chi)
    if n < 2:
        return whole, math.nan
    # The transform is linear: that of the mean without one site follows from those of both.
    each = settings.transform(chi)[1]
    left = [_top(r, np.abs(n * transform - one) / (n - 1), settings.edge.r_range) for one in each]
    return whole, float(np.sqrt((n - 1) / n * np.sum((np.array(left) - np.mean(left)) ** 2)))


def _top(r: FloatArray, magnitude: FloatArray, r_range: tuple[float, float]) -> float:
    """Top of a parabola through the highest point inside a range and its two neighbours, Å."""
    inside = np.flatnonzero((r >= r_range[0]) & (r <= r_range[1]))
    top = int(inside[np.argmax(magnitude[inside])])
    a, b, c = magnitude[top - 1 : top + 2]
    bend = a - 2 * b + c
    return float(r[top] + (0.5 * (a - c) / bend * (r[1] - r[0]) if bend < 0 else 0.0))
