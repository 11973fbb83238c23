"""Transport at one temperature from one or several runs, and over temperatures.

Errors are kept apart: from blocks of time, from ions, and from seeds, that is, from independent models.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from ase import Atoms
from scipy import constants, special

from alzmodel.composition import formal_charges
from alzmodel.dynamics.arrhenius import PUBLISHED, Arrhenius, PublishedConductivity, arrhenius
from alzmodel.dynamics.diffusion import CM2_PER_S, MSD_NEEDED, SLOPE_NEEDED, run_diffusion
from alzmodel.dynamics.jumps import jumps_of
from alzmodel.dynamics.kinisi_engine import by_kinisi, check_kinisi
from alzmodel.dynamics.room import room_against_diffusion, room_of
from alzmodel.errors import InputError
from alzmodel.results import Item, Result, holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from alzmodel.dynamics.diffusion import RunDiffusion
    from alzmodel.dynamics.jumps import Jumps
    from alzmodel.dynamics.kinisi_engine import KinisiDiffusion
    from alzmodel.dynamics.room import Room, RoomAgainstDiffusion
    from alzmodel.dynamics.trajectory import Trajectory

__all__ = [
    "FEWEST_WINDOWS",
    "Diffusivity",
    "Haven",
    "RoomConductivity",
    "Surroundings",
    "TemperatureTransport",
    "Transport",
    "at_temperature",
    "check_one_composition",
    "nernst_einstein",
    "over_temperatures",
    "transport_of",
]

FEWEST_WINDOWS: Final = 20
"""Independent windows of time that a collective displacement needs: it is one vector, whatever the size of the cell."""
ROOM_TEMPERATURE: Final = 300.0
SAME_SHARE: Final = 0.01
"""Of all ions; whole ions make shares uneven by less in cells of some hundred."""


@dataclass(frozen=True, slots=True, repr=False)
class Diffusivity(Result):
    """Tracer diffusion coefficient of one element, cm²/s.

    Attributes
    ----------
    value
        Mean over runs; NaN where the motion is not diffusive.
    ci95
        Student's interval, of the blocks for one run. Of several runs that of the blocks or that of the runs,
        whichever is wider.
    se_blocks, se_ions, se_seeds
        Standard error of `value` by the spread over blocks of time, over ions, and over runs (NaN for one run). That
        of the ions takes them as independent, which ions that push each other are not.
    apparent
        The slope whether it is diffusion or not.
    """

    value: float = field(metadata=holds("cm²/s"))
    ci95: tuple[float, float] = field(metadata=holds("cm²/s", role="interval", key="value_ci95"))
    se_blocks: float = field(metadata=holds("cm²/s"))
    se_ions: float = field(metadata=holds("cm²/s"))
    se_seeds: float = field(metadata=holds("cm²/s"))
    apparent: float = field(metadata=holds("cm²/s"))

    @property
    def se(self) -> float:
        """Standard error of `value` that a fit over temperatures takes: the largest that counts time or models."""
        return self.se_blocks if math.isnan(self.se_seeds) else max(self.se_blocks, self.se_seeds)


@dataclass(frozen=True, slots=True, repr=False)
class Haven(Result):
    """Haven ratio D / D_σ of tracer and collective diffusion; below 1 where ions follow each other.

    Attributes
    ----------
    value, ci95
        The interval is that of the collective coefficient, by Student over windows; its end is NaN where that
        coefficient may be zero.
    n_windows
        Independent windows of time, of all runs.
    """

    value: float = field(metadata=holds())
    ci95: tuple[float, float] = field(metadata=holds(role="interval", key="value_ci95"))
    n_windows: int = field(metadata=holds())


@dataclass(frozen=True, slots=True, repr=False)
class Surroundings(Result):
    """What the ions jump through, at one temperature.

    Attributes
    ----------
    jumps, jumps_reason
        None where they cannot be told, and why.
    room, room_reason
        One each run; empty where it cannot be told, and why.
    room_against_D
        Over the runs, whether those with more room diffuse faster.
    """

    jumps: Jumps | None = field(metadata=holds())
    jumps_reason: str = field(metadata=holds())
    room: tuple[Room, ...] = field(metadata=holds())
    room_reason: str = field(metadata=holds())
    room_against_D: RoomAgainstDiffusion | None = field(metadata=holds())


@dataclass(frozen=True, slots=True, repr=False)
class TemperatureTransport(Result):
    """Transport at one temperature.

    Attributes
    ----------
    temperature
        K; NaN if not known.
    runs
        Names.
    duration
        ps, of the shortest run.
    lag, msd, non_gaussian
        As :class:`~alzmodel.dynamics.diffusion.RunDiffusion`; mean over the runs, on the lags of the shortest.
    D
        By element.
    window, slope, window_msd
        Of the fit; the smallest over the runs.
    diffusive
        Whether every run is.
    reason
        Why not; empty if it is.
    framework_moves
        Elements of the framework that do.
    haven, haven_reason
        None where it would be noise, and why.
    sigma_NE, sigma
        S/cm; conductivity by Nernst and Einstein with formal charges, and by the collective displacement.
    surroundings
        Jumps, and the room for them; None where only displacements are known.
    kinisi
        D of the mobile ions by kinisi, where that was asked for and the motion is diffusive.
    """

    temperature: float = field(metadata=holds("K", key="T", role="label"))
    runs: tuple[str, ...] = field(metadata=holds())
    duration: float = field(metadata=holds("ps"))
    lag: NDArray[np.float64] = field(metadata=holds("ps", role="axis"))
    msd: Mapping[str, NDArray[np.float64]] = field(metadata=holds("Å²"))
    non_gaussian: NDArray[np.float64] = field(metadata=holds())
    D: Mapping[str, Diffusivity] = field(metadata=holds("cm²/s"))
    window: tuple[float, float] = field(metadata=holds("ps"))
    window_msd: float = field(metadata=holds("Å²"))
    slope: float = field(metadata=holds())
    diffusive: bool = field(metadata=holds())
    reason: str = field(metadata=holds())
    framework_moves: tuple[str, ...] = field(metadata=holds())
    haven: Haven | None = field(metadata=holds())
    haven_reason: str = field(metadata=holds())
    sigma_NE: float = field(metadata=holds("S/cm"))
    sigma: float = field(metadata=holds("S/cm"))
    ion_density: float = field(metadata=holds("1/Å³"))
    mobile: str = field(metadata=holds(role="label"))
    surroundings: Surroundings | None = field(default=None, metadata=holds(optional=True))
    kinisi: KinisiDiffusion | None = field(default=None, metadata=holds(optional=True))

    @property
    def usable(self) -> bool:
        """Whether a fit over temperatures takes it."""
        return self.diffusive and not self.framework_moves and math.isfinite(self.temperature)


@dataclass(frozen=True, slots=True, repr=False)
class RoomConductivity(Result):
    """Conductivity at 300 K by Nernst and Einstein, extrapolated, S/cm.

    Attributes
    ----------
    value, lo, hi
        And the ends of its 95 % interval.
    """

    value: float = field(metadata=holds("S/cm"))
    lo: float = field(metadata=holds("S/cm"))
    hi: float = field(metadata=holds("S/cm"))

    def items(self) -> Iterator[Item]:
        """With the mark, and published values beside it."""
        yield from Result.items(self)
        yield Item("extrapolated", True)
        yield Item("published", self.published)

    @property
    def published(self) -> tuple[PublishedConductivity, ...]:
        """What was measured and computed elsewhere, near room temperature."""
        return PUBLISHED


@dataclass(frozen=True, slots=True, repr=False)
class Transport(Result):
    """Transport over temperatures of one composition and potential.

    Attributes
    ----------
    temperatures
        In rising order.
    fit
        Over temperatures; None where there are too few that are diffusive.
    fit_reason
        Why there is none.
    sigma_300K
        None without a fit.
    """

    temperatures: tuple[TemperatureTransport, ...] = field(metadata=holds())
    fit: Arrhenius | None = field(metadata=holds(hidden=True))
    fit_reason: str = field(metadata=holds())
    sigma_300K: RoomConductivity | None = field(metadata=holds())

    def items(self) -> Iterator[Item]:
        """Temperatures, activation energy, and what follows at 300 K."""
        found = list(Result.items(self))
        yield found[0]
        yield Item("Ea", None if self.fit is None else self.fit.to_dict())
        yield from found[1:]


def nernst_einstein(diffusivity: float, ion_density: float, charge: float, temperature: float) -> float:
    """Conductivity σ = n z² e² D / (k T) of ions that move independently.

    Parameters
    ----------
    diffusivity
        cm²/s.
    ion_density
        Ions in 1 Å³.
    charge
        e.
    temperature
        K.

    Returns
    -------
    float
        S/cm.

    References
    ----------
    G. E. Murch, Solid State Ionics 7 (1982) 177, eq. 1.

    Examples
    --------
    >>> round(nernst_einstein(1e-5, 0.03, 1, 300), 3)
    1.859
    """
    per_cm3 = ion_density * 1e24
    return per_cm3 * charge**2 * constants.e**2 * diffusivity / (constants.k * temperature)


def at_temperature(
    runs: Sequence[RunDiffusion], temperature: float = math.nan, *, charge: float = 1.0
) -> TemperatureTransport:
    """Join independent runs at one temperature.

    Parameters
    ----------
    runs
        Of different models of one composition, with the same elements: the seeds.
    temperature
        K; NaN leaves conductivities out.
    charge
        Formal, of the mobile ion, e.

    """
    first = runs[0]
    shortest = min(runs, key=lambda run: run.duration)
    diffusive = all(run.diffusive for run in runs)
    reason = next((_reason(run) for run in runs if not run.diffusive), "")
    diffusivities = {element: _diffusivity(runs, element, diffusive=diffusive) for element in first.msd}
    density = float(np.mean([run.ion_density for run in runs]))
    haven, haven_reason = _haven(runs, diffusivities[first.mobile])
    own = nernst_einstein(diffusivities[first.mobile].value, density, charge, temperature)

    def mean(curves: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        on = [
            np.interp(shortest.lag, run.lag, curve, right=math.nan)
            for run, curve in zip(runs, curves, strict=True)
        ]
        return np.asarray(np.mean(on, axis=0))

    return TemperatureTransport(
        temperature=float(temperature),
        runs=tuple(run.name for run in runs),
        duration=shortest.duration,
        lag=shortest.lag,
        msd={element: mean([run.msd[element] for run in runs]) for element in first.msd},
        non_gaussian=mean([run.non_gaussian for run in runs]),
        D=diffusivities,
        window=min((run.window for run in runs), key=lambda window: window[1]),
        window_msd=min(run.window_msd for run in runs),
        slope=min(run.slope for run in runs),
        diffusive=diffusive,
        reason=reason,
        framework_moves=tuple(dict.fromkeys(element for run in runs for element in run.framework_moves)),
        haven=haven,
        haven_reason=haven_reason,
        sigma_NE=own,
        sigma=own / haven.value if haven else math.nan,
        ion_density=density,
        mobile=first.mobile,
    )


def _reason(run: RunDiffusion) -> str:
    return (
        f"not diffusive: {run.mobile} has gone {run.window_msd:.2g} Å² in {run.window[1]:.3g} ps with a slope of "
        f"{run.slope:.2f}; needed: more than {MSD_NEEDED:g} Å² and {SLOPE_NEEDED:g}"
    )


def _diffusivity(runs: Sequence[RunDiffusion], element: str, *, diffusive: bool) -> Diffusivity:
    by_run = [run.ion_slopes[element] * CM2_PER_S for run in runs]
    means = np.array([one.mean() for one in by_run])
    of_blocks = [one.mean(axis=1).std(ddof=1) / math.sqrt(len(one)) for one in by_run]
    of_ions = [
        one.mean(axis=0).std(ddof=1) / math.sqrt(one.shape[1]) if one.shape[1] > 1 else math.nan
        for one in by_run
    ]
    n = len(runs)
    se_blocks = float(np.linalg.norm(of_blocks)) / n
    se_seeds = float(means.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    apparent = float(means.mean())
    half = _student(sum(len(one) - 1 for one in by_run)) * se_blocks
    if n > 1:
        half = max(half, _student(n - 1) * se_seeds)
    # Only the mobile ions are known to diffuse.
    shown = diffusive and (element == runs[0].mobile)
    return Diffusivity(
        value=apparent if shown else math.nan,
        ci95=(apparent - half, apparent + half) if shown else (math.nan, math.nan),
        se_blocks=se_blocks,
        se_ions=float(np.linalg.norm(of_ions)) / n,
        se_seeds=se_seeds,
        apparent=apparent,
    )


def _student(freedom: int) -> float:
    return float(special.stdtrit(freedom, 0.975))


def _haven(runs: Sequence[RunDiffusion], own: Diffusivity) -> tuple[Haven | None, str]:
    windows = np.concatenate([run.collective for run in runs]) * CM2_PER_S
    if math.isnan(own.value):
        return None, "not diffusive"
    if len(windows) < FEWEST_WINDOWS:
        return None, (
            f"{len(windows)} independent windows of time; needed: {FEWEST_WINDOWS}, from longer runs or more models"
        )
    mean = float(windows.mean())
    half = _student(len(windows) - 1) * float(windows.std(ddof=1)) / math.sqrt(len(windows))
    if mean <= half:
        return None, "the collective diffusion coefficient is zero within its error"
    return Haven(own.value / mean, (own.value / (mean + half), own.value / (mean - half)), len(windows)), ""


def over_temperatures(found: Sequence[TemperatureTransport], *, charge: float = 1.0) -> Transport:
    """Fit the diffusive temperatures of one composition and potential.

    Parameters
    ----------
    found
        One entry a temperature.
    charge
        Formal, of the mobile ion, e.
    """
    ordered = tuple(sorted(found, key=lambda one: one.temperature))
    usable = [one for one in ordered if one.usable]
    mobile = [one.D[one.mobile] for one in usable]
    try:
        fit = arrhenius(
            [one.temperature for one in usable], [one.value for one in mobile], [one.se for one in mobile]
        )
    except InputError as error:
        return Transport(ordered, None, str(error), None)
    values = [
        nernst_einstein(one, usable[0].ion_density, charge, ROOM_TEMPERATURE)
        for one in fit.at(ROOM_TEMPERATURE)
    ]
    return Transport(ordered, fit, "", RoomConductivity(*values))


def transport_of(
    runs: Sequence[tuple[Trajectory, float]], mobile: str = "Li", *, kinisi: bool = False
) -> Transport:
    """Transport from trajectories of one composition.

    Parameters
    ----------
    runs
        Trajectories with their temperatures in K; those of one temperature are seeds. NaN is a temperature that is
        not known: coefficients are then given without conductivities.
    mobile
        Element that conducts; its formal charge is taken.
    kinisi
        Whether kinisi estimates D too, where the motion is diffusive.

    Raises
    ------
    InputError
        If there is none of the element, its charge is not known, compositions differ, a run is given twice, or kinisi
        is not installed.
    """
    if kinisi:
        check_kinisi()
    check_one_composition([(one.name, list(map(str, one.symbols))) for one, _ in runs])
    for (one, at), (other, there) in itertools.combinations(runs, 2):
        same_place = np.array_equal(one.positions, other.positions)
        if same_place and (at == there or math.isnan(at)):
            raise InputError(f"{other.name}: the same as {one.name}; allowed: runs that are independent")
    charge = 0.0
    for trajectory, _ in runs:
        charge = _charge(trajectory, mobile)
    # NaN equals nothing, itself included.
    known = dict.fromkeys(kelvin for _, kelvin in runs if not math.isnan(kelvin))
    groups = [(kelvin, [one for one, at in runs if at == kelvin]) for kelvin in known]
    unknown = [one for one, kelvin in runs if math.isnan(kelvin)]
    if unknown:
        groups.append((math.nan, unknown))
    found = []
    for kelvin, same in groups:
        diffusion = [run_diffusion(one, mobile) for one in same]
        joined = at_temperature(diffusion, kelvin, charge=charge)
        second = (
            by_kinisi(same, [one.window for one in diffusion], mobile)
            if kinisi and joined.diffusive
            else None
        )
        found.append(replace(joined, surroundings=_surroundings(same, diffusion, mobile), kinisi=second))
    return over_temperatures(found, charge=charge)


def _surroundings(same: Sequence[Trajectory], diffusion: Sequence[RunDiffusion], mobile: str) -> Surroundings:
    """Look at jumps and room; what cannot be told of a foreign trajectory is no error."""
    jumps, rooms, why_no_jumps, why_no_room = None, [], "", ""
    try:
        jumps = jumps_of(same, mobile)
    except InputError as error:
        why_no_jumps = str(error)
    try:
        rooms = [room_of(one, mobile) for one in same]
    except InputError as error:
        why_no_room = str(error)
    slopes = [float(one.ion_slopes[mobile].mean()) for one in diffusion]
    return Surroundings(
        jumps,
        why_no_jumps,
        tuple(rooms),
        why_no_room,
        room_against_diffusion(rooms, slopes) if rooms else None,
    )


def check_one_composition(models: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Refuse models of different compositions.

    Parameters
    ----------
    models
        Their names and chemical symbols.

    Raises
    ------
    InputError
        If the share of an element differs by more than :data:`SAME_SHARE`.
    """
    (first, own), *others = [
        (name, {one: list(symbols).count(one) / len(symbols) for one in set(symbols)})
        for name, symbols in models
    ]
    for name, shares in others:
        if any(abs(shares.get(one, 0.0) - own.get(one, 0.0)) > SAME_SHARE for one in {*shares, *own}):
            raise InputError(f"{name}: another composition than {first}; allowed: one composition at a time")


def _charge(trajectory: Trajectory, mobile: str) -> float:
    """Formal charge of the mobile ion, whatever the others are."""
    trajectory.of(mobile)
    return float(formal_charges(Atoms(mobile))[0])
