"""The first shell of oxygen, fitted as an experimenter would, beside the truth of the model.

A measured χ(k) is fitted with FEFF's path of a crystal whose structure is known. S₀² and E₀ come from a fit to that
crystal, with its coordination number held; then the number N, the distance R and the spread σ² of the unknown follow
with S₀² and E₀ held, for N and S₀² are one number in the amplitude. The cumulant expansion is that of G. Bunker, Nucl.
Instrum. Methods 207, 437 (1983), in the form of IFEFFIT (M. Newville, J. Synchrotron Rad. 8, 322, 2001).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.crystals import crystal
from alzmodel.errors import AlzmodelError
from alzmodel.local_order.pdf import frame_list
from alzmodel.local_order.shells import bonded
from alzmodel.progress import Progress, silent
from alzmodel.results import Result, holds
from alzmodel.scattering.exafs.feff import K_GRID, ScatteringPath, chi_of_sites, compute_phases, paths_of_site
from alzmodel.scattering.exafs.sites import PHASE_RADII, ExafsSettings, cluster_around, cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.scattering.exafs.sites import Exafs

    FloatArray = NDArray[np.float64]

__all__ = [
    "STANDARD",
    "Shell",
    "ShellFit",
    "Standard",
    "Truth",
    "fit_shell",
    "shell_beside_truth",
    "shell_chi",
    "standard_of",
    "true_shell",
]

STANDARD: Final = "La2Zr2O7"
STANDARD_SHAKE: Final = 0.05
"""Å; standard deviation of each coordinate in the crystal, atoms alone: σ² of a bond is 0.005 Å², as oxides show
at room temperature. The far shells of a crystal that stood still would reach into the first."""
STANDARD_CELLS: Final = 2
_KINETIC: Final = 3.80998
"""ħ²/2m of the electron, eV Å² (CODATA 2018)."""
OXYGEN_WITHIN: Final = 3.0
"""Å; where the first shell of La and Zr in the standard ends."""


@dataclass(frozen=True, slots=True, repr=False)
class Shell(Result):
    """A shell of neighbours as EXAFS has it.

    Attributes
    ----------
    N
        Neighbours.
    R
        Å; their mean distance.
    sigma2
        Å²; variance of the distance.
    C3
        Å³; its third cumulant; zero where it was held so.
    N_error, R_error, sigma2_error, C3_error
        Standard errors by the fit, which knows nothing of other shells or of S₀² and E₀; NaN for what was held.
    r_factor
        Sum of squared residuals over that of the data.
    """

    N: float
    R: float = field(metadata=holds("Å"))
    sigma2: float = field(metadata=holds("Å²"))
    C3: float = field(metadata=holds("Å³"))
    N_error: float
    R_error: float = field(metadata=holds("Å"))
    sigma2_error: float = field(metadata=holds("Å²"))
    C3_error: float = field(metadata=holds("Å³"))
    r_factor: float


@dataclass(frozen=True, slots=True, repr=False)
class Truth(Result):
    """First oxygen shell of the sites that were averaged, counted in the model.

    Attributes
    ----------
    CN
        Mean number of neighbours.
    r, var, C3
        Mean distance (Å), its variance (Å²; with what was added to σ²) and third central moment (Å³), over all bonds.
    cutoff
        Å; where the shell ends: the first minimum of the pair function.
    """

    CN: float
    r: float = field(metadata=holds("Å"))
    var: float = field(metadata=holds("Å²"))
    C3: float = field(metadata=holds("Å³"))
    cutoff: float = field(metadata=holds("Å"))


@dataclass(frozen=True, slots=True, repr=False)
class Standard(Result):
    """What is transferred from the fit of the crystal.

    Attributes
    ----------
    phase
        The crystal.
    S02, E0
        Amplitude factor, and shift of the edge in eV.
    R, sigma2
        Å and Å²; mean distance, and mean square change of the distances of each kind, by that fit.
    truth
        What they are in the shaken crystal; its `var` is over all distances, of all kinds.
    N
        Held.
    r_factor, r_range
        Of the fit; Å.
    path
        To the nearest oxygen of the crystal.
    """

    phase: str
    S02: float
    E0: float = field(metadata=holds("eV"))
    R: float = field(metadata=holds("Å"))
    sigma2: float = field(metadata=holds("Å²"))
    truth: Truth
    N: float
    r_factor: float
    r_range: tuple[float, float] = field(metadata=holds(role="label"))
    path: ScatteringPath = field(metadata=holds(hidden=True))


@dataclass(frozen=True, slots=True, repr=False)
class ShellFit(Result):
    """Fits of the first shell beside the truth.

    Attributes
    ----------
    fit
        With N, R and σ² free: the usual one.
    fit_C3
        With C₃ free too.
    truth
        Of the model.
    standard
        Where S₀² and E₀ come from.
    """

    fit: Shell
    fit_C3: Shell
    truth: Truth
    standard: Standard


def shell_chi(
    path: ScatteringPath,
    *,
    N: float,
    R: float,
    sigma2: float,
    C3: float = 0.0,
    E0: float = 0.0,
    S02: float = 1.0,
    k: FloatArray = K_GRID,
) -> FloatArray:
    """χ(k) of a shell by the cumulant expansion around a path of FEFF.

    With p = p' + i/λ, ΔR = R − R_eff and q² = k² − E₀·2m/ħ²:
    χ = Im{N S₀² f/(q R²) exp[−2 R_eff/λ − 2p²σ² + i(2q R_eff + φ + 2p(ΔR − 2σ²/R_eff) − 4p³C₃/3)]}. The term
    2σ²/R_eff is for the weight 1/r² of near neighbours.

    Parameters
    ----------
    path
        Of single scattering.
    N, R, sigma2, C3
        As in :class:`Shell`.
    E0
        eV.
    S02
        Amplitude factor.
    k
        Å⁻¹, shape (n,).

    Returns
    -------
    ndarray
        Shape (n,); 0 where q² is not positive.
    """
    q2 = k**2 - E0 / _KINETIC
    q = np.sqrt(np.clip(q2, 1e-8, None))
    amplitude, phase, wave, free = (
        np.interp(q, path.k, values)
        for values in (path.amplitude, path.phase, path.wave_number, path.mean_free_path)
    )
    p = wave + 1j / free
    shift = R - path.reff - 2 * sigma2 / path.reff
    exponent = (
        -2 * path.reff / free
        - 2 * p**2 * sigma2
        + 1j * (2 * q * path.reff + phase + 2 * p * shift - 4 * p**3 * C3 / 3)
    )
    chi = N * S02 * amplitude / (q * R**2) * np.exp(exponent)
    return np.where(q2 > 1e-4, chi.imag, 0.0)


def _fit(
    data: FloatArray,
    settings: ExafsSettings,
    r_range: tuple[float, float],
    model: Callable[[dict[str, float]], FloatArray],
    start: dict[str, tuple[float, float, float]],
) -> tuple[dict[str, float], dict[str, float], float]:
    """Least squares on real and imaginary part of the transform inside `r_range`: values, errors, r factor."""
    import lmfit

    r, observed = settings.transform(data)
    inside = (r >= r_range[0]) & (r <= r_range[1])
    width = settings.range[1] - settings.range[0]
    # Nyquist: points of the transform are far more than independent numbers.
    independent = 2 * width * (r_range[1] - r_range[0]) / math.pi
    parameters = lmfit.Parameters()
    for name, (value, low, high) in start.items():
        parameters.add(name, value=value, min=low, max=high)

    def residual(now: Any) -> FloatArray:
        difference = (observed - settings.transform(model(now.valuesdict()))[1])[inside]
        return np.concatenate([difference.real, difference.imag])

    found = lmfit.minimize(residual, parameters, method="least_squares")
    if not found.success:
        raise AlzmodelError(f"fit of the first shell: {found.message}")
    total = float(np.sum(np.abs(observed[inside]) ** 2))
    # Errors are for the independent points, not for all that the transform has.
    scale = math.sqrt(found.nfree / max(independent - len(start), 1e-9)) * math.sqrt(
        independent / found.ndata
    )
    values = {name: float(one.value) for name, one in found.params.items()}
    errors = {
        name: math.nan if one.stderr is None else float(one.stderr) * scale
        for name, one in found.params.items()
    }
    return values, errors, float(np.sum(found.residual**2)) / total


def _shaken(atoms: Atoms) -> list[Atoms]:
    """Cells whose atoms have moved from their places, each alone and by a normal distribution."""
    moved = []
    for seed in range(STANDARD_CELLS):
        cell = atoms.copy()
        cell.positions += np.random.default_rng(seed).normal(0.0, STANDARD_SHAKE, cell.positions.shape)
        moved.append(cell)
    return moved


def standard_of(
    settings: ExafsSettings,
    r_range: tuple[float, float],
    *,
    workers: int | None = None,
    progress: Progress = silent,
) -> Standard:
    """Fit the crystal: S₀², E₀, one change of all its first distances and σ² free, the numbers of neighbours held.

    Parameters
    ----------
    settings
        Of edge and transform.
    r_range
        Å, of the fit.
    workers
        Processes at a time; None takes the cores that there are.
    progress
        Told after each site of the crystal.

    Raises
    ------
    AlzmodelError
        If FEFF or the fit fails.
    """
    atoms = crystal(STANDARD)
    sites = np.flatnonzero(np.array(atoms.get_chemical_symbols()) == settings.edge.element).tolist()
    elements = tuple(sorted(set(atoms.get_chemical_symbols())))
    phases = compute_phases([cluster_around(atoms, sites[0], PHASE_RADII[0])], elements, settings.edge)
    reach = settings.path_radius + 0.1
    frames = _shaken(atoms)
    chi = chi_of_sites(
        [cluster_around(frame, site, reach) for frame in frames for site in sites],
        phases,
        path_radius=settings.path_radius,
        workers=workers or cores(),
        progress=progress,
    ).mean(axis=0)
    cluster = cluster_around(atoms, sites[0], reach)
    shells = [
        path
        for path in paths_of_site(cluster, phases, path_radius=settings.path_radius)
        if path.scatterers == ("O",) and path.reff < OXYGEN_WITHIN
    ]
    numbers = np.array([path.number for path in shells])

    def model(now: dict[str, float]) -> FloatArray:
        return np.sum(
            [
                shell_chi(
                    path,
                    N=path.number,
                    R=path.reff + now["change"],
                    sigma2=now["sigma2"],
                    E0=now["E0"],
                    S02=now["S02"],
                )
                for path in shells
            ],
            axis=0,
        )

    start = {
        "S02": (1.0, 0.3, 2.0),
        "E0": (0.0, -20.0, 20.0),
        "change": (0.0, -0.3, 0.3),
        "sigma2": (2 * STANDARD_SHAKE**2, -0.01, 0.05),
    }
    values, _, r_factor = _fit(chi, settings, r_range, model, start)
    mean = float(np.average([path.reff for path in shells], weights=numbers))
    truth = true_shell(
        frames, [(n, site) for n in range(len(frames)) for site in sites], settings.edge.element
    )
    return Standard(
        phase=STANDARD,
        S02=values["S02"],
        E0=values["E0"],
        R=mean + values["change"],
        sigma2=values["sigma2"],
        truth=truth,
        N=float(numbers.sum()),
        r_factor=r_factor,
        r_range=r_range,
        path=shells[int(np.argmax(numbers))],
    )


def fit_shell(
    chi: FloatArray,
    settings: ExafsSettings,
    standard: Standard,
    *,
    third: bool = False,
) -> Shell:
    """Fit one shell with S₀² and E₀ of the standard.

    Parameters
    ----------
    chi
        On :data:`~alzmodel.scattering.exafs.feff.K_GRID`, shape (401,).
    settings
        Of edge and transform.
    standard
        From :func:`standard_of`; its range of R is used.
    third
        Whether C₃ is free.

    Raises
    ------
    InputError
        If the ranges hold fewer independent points than there are unknowns.
    """

    def model(now: dict[str, float]) -> FloatArray:
        return shell_chi(
            standard.path,
            N=now["N"],
            R=now["R"],
            sigma2=now["sigma2"],
            C3=now.get("C3", 0.0),
            E0=standard.E0,
            S02=standard.S02,
        )

    start = {
        "N": (standard.N, 0.1, 30.0),
        "R": (standard.path.reff, standard.path.reff - 0.5, standard.path.reff + 0.5),
        "sigma2": (0.006, -0.01, 0.1),
    }
    if third:
        start["C3"] = (0.0, -0.02, 0.02)
    values, errors, r_factor = _fit(chi, settings, standard.r_range, model, start)
    return Shell(
        **{name: values.get(name, 0.0) for name in ("N", "R", "sigma2", "C3")},
        **{f"{name}_error": errors.get(name, math.nan) for name in ("N", "R", "sigma2", "C3")},
        r_factor=r_factor,
    )


def true_shell(model: Atoms | Sequence[Atoms], sites: Sequence[tuple[int, int]], element: str) -> Truth:
    """Count the oxygen shell of sites of a model.

    Parameters
    ----------
    model
        Frames.
    sites
        Frame and index of each.
    element
        Of the sites.

    Raises
    ------
    InputError
        If the model is no oxide.
    """
    bonds = bonded(frame_list(model))
    lengths = []
    for number, pairs in enumerate(bonds.bonds):
        of = np.zeros(pairs.n_atoms, dtype=bool)
        of[[atom for frame, atom in sites if frame == number]] = True
        lengths.append(pairs.distance[of[pairs.i]])
    every = np.concatenate(lengths)
    nothing = every.size == 0
    mean = math.nan if nothing else float(every.mean())
    label = next(name for name in bonds.shells.cutoffs if set(name.split("-")) == {element, "O"})
    return Truth(
        CN=every.size / len(sites),
        r=mean,
        var=math.nan if nothing else float(np.mean((every - mean) ** 2)),
        C3=math.nan if nothing else float(np.mean((every - mean) ** 3)),
        cutoff=bonds.shells.cutoffs[label],
    )


def shell_beside_truth(
    found: Exafs, model: Atoms | Sequence[Atoms], settings: ExafsSettings, standard: Standard
) -> ShellFit:
    """Fit the first shell of a computed χ(k), and count it in the model.

    Parameters
    ----------
    found
        From :func:`~alzmodel.scattering.exafs.sites.exafs`.
    model
        That it was computed from.
    settings
        The same.
    standard
        From :func:`standard_of`; its range of R is used.

    Raises
    ------
    InputError
        As :func:`fit_shell` and :func:`true_shell`.
    """
    sites = list(zip(found.frames.tolist(), found.atoms.tolist(), strict=True))
    truth = true_shell(model, sites, settings.edge.element)
    return ShellFit(
        fit=fit_shell(found.chi, settings, standard),
        fit_C3=fit_shell(found.chi, settings, standard, third=True),
        truth=replace(truth, var=truth.var + settings.added_sigma2),
        standard=standard,
    )
