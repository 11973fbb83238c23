"""What measured FEM peaks and the (222) line say of a specimen and its recording, and of four readings of the peaks.

Bayes' rule over an emulator of the simulator: prior and likelihood give a posterior of all that is not known at once,
and the evidence, the likelihood averaged over the prior, by which readings are compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, spearmanr

from alzmodel.compare.emulator import Emulator, learn
from alzmodel.errors import InputError
from alzmodel.results import Item, Result, holds, measured_pair
from alzmodel.scattering.fem.draws import FEM_NUMBERS, PARAMETERS, XRD_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from alzmodel.compare.measured import Measured
    from alzmodel.scattering.fem.draws import Parameter, Rows

__all__ = [
    "READINGS",
    "Datum",
    "Evidence",
    "Interval",
    "Posterior",
    "Taught",
    "data_of",
    "log_likelihood",
    "sample",
    "sample_together",
    "summarise",
    "teach",
    "verdict",
    "words_of",
]

FloatArray = NDArray[np.float64]

READINGS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "all": ("spheres, background and spread of thickness together", tuple(one.name for one in PARAMETERS)),
    "reflections": (
        "pyrochlore spheres alone (H7R)",
        ("diameter", "fraction", "disorder", "displacement", "lattice_parameter", "film"),
    ),
    "halo": ("the halo of the glass through a background (H7G)", ("film", "background")),
    "spread": ("a spread of thickness of the glass (H7T)", ("film", "thickness_spread")),
    "bonds": ("the glass alone, as bonds would have it (H7)", ("film",)),
}
"""Words for each reading, and what is unknown in it; all else is not there."""

_BINS: Final = 30

LINE: Final = ("diameter", "disorder", "displacement", "lattice_parameter")
"""What the (222) line depends on."""

_LOGARITHMS: Final = frozenset({"fem_peak2_fwhm", "fem_peak1_fwhm", "fem_ratio", "xrd_222_fwhm"})
_NEVER: Final = -1e3
_NORMAL_95: Final = 1.959964
_FEWEST: Final = 16
"""Rows with peaks; fewer are no emulator, and such a reading shows peaks by chance only."""

_NARROWED: Final = 0.8
"""Of the width of the prior; a posterior wider than this says nothing."""

_TOGETHER: Final = 0.4
"""Rank correlation from which two numbers are told as one trading for the other."""


@dataclass(frozen=True, slots=True)
class Datum:
    """One measured number.

    Attributes
    ----------
    name
        Of :data:`FEM_NUMBERS` or :data:`XRD_NUMBERS`.
    low, high
        Twice the number, or the ends of a range; logarithms of widths.
    error
        Standard deviation.
    """

    name: str
    low: float
    high: float
    error: float

    def log_density(self, mean: float, variance: float) -> float:
        """Logarithm of the chance of the number, if the simulator gives `mean` with `variance`."""
        spread = math.sqrt(variance + self.error**2)
        if self.high > self.low:
            inside = norm.cdf((self.high - mean) / spread) - norm.cdf((self.low - mean) / spread)
            return math.log(max(float(inside), 1e-300) / (self.high - self.low))
        return -0.5 * ((self.low - mean) / spread) ** 2 - math.log(spread * math.sqrt(2 * math.pi))


def data_of(measured: Measured, x: float) -> tuple[Datum, ...]:
    """Measured numbers of one film.

    A stated error is a 95 % interval; a stated systematic error e is taken for an even chance from −e to e.
    """
    found = []
    for name in (*FEM_NUMBERS, *XRD_NUMBERS):
        for value in measured.values:
            if value.series != name or value.x != x:
                continue
            ends = (value.value, value.value) if value.value is not None else (value.low, value.high)
            if ends[0] is None or ends[1] is None:
                continue
            error = math.hypot(value.standard_error or 0.0, (value.systematic or 0.0) / math.sqrt(3))
            if name in _LOGARITHMS:
                error /= 0.5 * (ends[0] + ends[1])
                found.append(Datum(name, math.log(ends[0]), math.log(ends[1]), error))
            else:
                found.append(Datum(name, ends[0], ends[1], error))
    return tuple(found)


@dataclass(frozen=True)
class Taught:
    """What a reading shows for one glass, as emulators.

    Attributes
    ----------
    reading
        Key of :data:`READINGS`.
    parameters
        What is unknown.
    share
        Part of the rows that show both peaks.
    seen
        Emulator of whether both peaks are there; None if they always or hardly ever are.
    numbers
        Emulator of :data:`FEM_NUMBERS`; None if peaks are hardly ever there.
    line
        Emulator of :data:`XRD_NUMBERS`; None without spheres.
    line_seen
        Emulator of whether the spheres show the line at all; None if they always do.
    """

    reading: str
    parameters: tuple[Parameter, ...]
    share: float
    seen: Emulator | None
    numbers: Emulator | None
    line: Emulator | None
    line_seen: Emulator | None = None

    def errors(self) -> dict[str, float]:
        """Root mean square error of each number with its specimen left out; widths and ratio relative."""
        found: dict[str, float] = {}
        for names, emulator in ((FEM_NUMBERS, self.numbers), (XRD_NUMBERS, self.line)):
            if emulator is not None:
                found |= dict(zip(names, emulator.error.tolist(), strict=True))
        return found


def teach(reading: str, rows: Rows, specimens: Sequence[Mapping[str, float]], lines: FloatArray) -> Taught:
    """Learn a reading.

    Parameters
    ----------
    reading
        Key of :data:`READINGS`.
    rows
        From :func:`alzmodel.scattering.fem.draws.record_rows`.
    specimens, lines
        Values of the specimens, and place and width of their (222) line, shape (specimens, 2).
    """
    names = READINGS[reading][1]
    parameters = tuple(one for one in PARAMETERS if one.name in names)
    at = {one.name: rows.values[:, rows.parameters.index(one.name)] for one in parameters}
    inputs = np.column_stack([one.coordinate(at[one.name]) for one in parameters])
    there = np.asarray(np.isfinite(rows.numbers).all(axis=1), dtype=np.bool_)
    numbers = seen = line = line_seen = None
    if there.sum() >= _FEWEST and len(np.unique(rows.specimen[there])) > 2:
        numbers = learn(inputs[there], rows.numbers[there], rows.specimen[there])
        if not there.all():
            seen = learn(inputs, there[:, None].astype(np.float64), rows.specimen)
    whole = np.asarray(np.isfinite(lines).all(axis=1), dtype=np.bool_)
    if "diameter" in names and whole.sum() >= _FEWEST:
        chosen = tuple(one for one in PARAMETERS if one.name in LINE)
        points = np.column_stack(
            [one.coordinate(np.array([specimen[one.name] for specimen in specimens])) for one in chosen]
        )
        line = learn(points[whole], np.column_stack([lines[whole, 0], np.log(lines[whole, 1])]))
        if not whole.all():
            line_seen = learn(points, whole[:, None].astype(np.float64))
    return Taught(reading, parameters, float(there.mean()), seen, numbers, line, line_seen)


def log_likelihood(
    taught: Taught, data: Sequence[Datum], point: FloatArray
) -> tuple[float, tuple[float, float]]:
    """Logarithm of the likelihood at coordinates of shape (parameters,); mean and variance of ln V(3.2)/V(5.3).

    The chance that both peaks are there, times that of their numbers, times that of the line; the error of the emulator
    is added to that of the measurement.
    """
    if taught.numbers is None:
        return _NEVER, (0.0, math.inf)
    found = math.log(_chance(taught.seen, point))
    mean, variance = taught.numbers.predict(point)
    for datum in data:
        if datum.name in FEM_NUMBERS:
            number = FEM_NUMBERS.index(datum.name)
            found += datum.log_density(float(mean[number]), float(variance[number]))
    lines = [datum for datum in data if datum.name in XRD_NUMBERS]
    if lines:
        if taught.line is None:
            return _NEVER, (0.0, math.inf)
        index = [n for n, one in enumerate(taught.parameters) if one.name in LINE]
        found += math.log(_chance(taught.line_seen, point[index]))
        centre, spread = taught.line.predict(point[index])
        for datum in lines:
            number = XRD_NUMBERS.index(datum.name)
            found += datum.log_density(float(centre[number]), float(spread[number]))
    return max(found, _NEVER), (float(mean[-1]), float(variance[-1]))


def _chance(seen: Emulator | None, point: FloatArray) -> float:
    """Chance that something is there, never quite zero: one more row might have shown it."""
    if seen is None:
        return 1.0
    return min(max(float(seen.predict(point)[0][0]), 1 / (len(seen.inputs) + 2)), 1.0)


@dataclass(frozen=True, repr=False)
class Posterior(Result):
    """Samples of one reading.

    Attributes
    ----------
    names
        Of the unknown numbers; those of one film of several with "x=…" before them.
    parameters
        The same numbers, as they are drawn.
    ends
        Coordinates of the ends of the prior, shape (parameters, 2).
    coordinates
        Samples of equal weight, shape (samples, parameters).
    log_evidence, log_evidence_error
        Natural logarithm, and its standard error by the sampler.
    calls
        Of the likelihood.
    """

    names: tuple[str, ...] = field(metadata=holds(hidden=True))
    parameters: tuple[Parameter, ...] = field(metadata=holds(hidden=True))
    ends: FloatArray = field(metadata=holds(hidden=True))
    coordinates: FloatArray = field(metadata=holds(hidden=True))
    log_evidence: float
    log_evidence_error: float
    calls: int

    def items(self) -> Iterator[Item]:
        """Evidence and calls, then the samples of each number."""
        yield from Result.items(self)
        values = self.values()
        for n, (name, one) in enumerate(zip(self.names, self.parameters, strict=True)):
            yield Item(name, values[:, n], unit=one.unit)

    def to_dataframe(self) -> pd.DataFrame:
        """Lay the samples out: a row for each, a column for each number."""
        import pandas as pd

        units = (f" ({one.unit})" if one.unit else "" for one in self.parameters)
        return pd.DataFrame(
            self.values(), columns=[name + unit for name, unit in zip(self.names, units, strict=True)]
        )

    def plot(self, ax: Axes | None = None, *, what: str | None = None, against: Any = None) -> Axes:
        """Draw how the samples of one number lie; :func:`alzmodel.report.posterior_figure.plot_posterior` draws all.

        Parameters
        ----------
        ax
            Where; a new figure by default.
        what
            One of `names`; by default the first.
        against
            Another density, as a pair of arrays: values of the number and density.

        Returns
        -------
        matplotlib.axes.Axes
            A histogram whose area is one.

        Raises
        ------
        InputError
            If there are no samples, no such number, or `against` is no pair of arrays of one length.
        """
        from matplotlib import pyplot as plt

        name = what or self.names[0]
        if name not in self.names:
            raise InputError(f"what: {name!r} is no number here; allowed: {', '.join(self.names)}")
        if not len(self.coordinates):
            raise InputError("posterior: no samples; allowed: a reading that some specimen fits")
        other = measured_pair(against)
        place = self.names.index(name)
        unit = self.parameters[place].unit
        target = plt.subplots(layout="constrained")[1] if ax is None else ax
        target.hist(
            self.values()[:, place],
            bins=_BINS,
            density=True,
            histtype="stepfilled",
            color="0.75",
            edgecolor="black",
            label=f"{len(self.coordinates)} samples",
        )
        if other is not None:
            target.plot(*other, color="black", linestyle="--", label="given")
            target.legend()
        target.set_xlabel(f"{name} ({unit})" if unit else name)
        target.set_ylabel(f"density (1/{unit})" if unit else "density")
        return target

    def values(self) -> FloatArray:
        """Return the samples in their units, shape (samples, parameters)."""
        return np.column_stack([one.value(self.coordinates[:, n]) for n, one in enumerate(self.parameters)])


def _prior_ends(parameter: Parameter, scale: float) -> tuple[float, float]:
    """Coordinates of a prior that is `scale` times as wide, cut at the ends of what is drawn.

    It grows about its middle, or from zero where that is its lower end.
    """
    low, high = (float(parameter.coordinate(end)) for end in (parameter.low, parameter.high))
    middle, half = 0.5 * (low + high), 0.5 * scale * (high - low)
    if parameter.low == 0 and parameter.nuisance:
        middle = low + half
    return max(middle - half, -1.0), min(middle + half, 1.0)


def sample(
    taught: Taught, data: Sequence[Datum], *, live: int = 200, seed: int = 1, scale: float = 1.0
) -> Posterior:
    """Sample the posterior of one film.

    Parameters
    ----------
    taught
        From :func:`teach`.
    data
        From :func:`data_of`.
    live
        Live points of the nested sampling; the error of the evidence falls as one over their root.
    seed
        Of the samples.
    scale
        Factor on the widths of the priors.

    Raises
    ------
    InputError
        If dynesty is missing.

    References
    ----------
    J. Skilling, Bayesian Anal. 1 (2006) 833; J. S. Speagle, Mon. Not. R. Astron. Soc. 493 (2020) 3132 (dynesty).
    """
    ends = np.array([_prior_ends(one, scale) for one in taught.parameters])
    names = tuple(one.name for one in taught.parameters)
    if taught.numbers is None:
        nothing = np.empty((0, len(names)))
        return Posterior(names, taught.parameters, ends, nothing, _NEVER, math.nan, 0)
    return _nested(
        lambda point: log_likelihood(taught, data, point)[0], names, taught.parameters, ends, live, seed
    )


def sample_together(
    films: Mapping[float, tuple[Taught, Sequence[Datum]]], *, live: int = 200, seed: int = 1
) -> Posterior:
    """Sample all films at once: specimens of their own, one recording, and a ratio of heights that rises with x.

    Parameters
    ----------
    films
        By La content, of the same reading.
    live, seed
        As for :func:`sample`.
    """
    ordered = sorted(films)
    first = films[ordered[0]][0].parameters
    shared = [one for one in first if one.nuisance]
    own = [one for one in first if not one.nuisance]
    names = (*(f"x={x:g} {one.name}" for x in ordered for one in own), *(one.name for one in shared))
    parameters = (*(own * len(ordered)), *shared)
    index = [
        np.array([*range(n * len(own), (n + 1) * len(own)), *range(len(ordered) * len(own), len(parameters))])
        for n in range(len(ordered))
    ]

    def likelihood(point: FloatArray) -> float:
        total, before = 0.0, None
        for x, chosen in zip(ordered, index, strict=True):
            value, ratio = log_likelihood(*films[x], point[chosen])
            total += value
            if before is not None:
                risen = (ratio[0] - before[0]) / math.sqrt(ratio[1] + before[1])
                total += float(norm.logcdf(risen))
            before = ratio
        return max(total, _NEVER * len(ordered))

    ends = np.array([_prior_ends(one, 1.0) for one in parameters])
    return _nested(likelihood, names, parameters, ends, live, seed)


def _nested(
    likelihood: Callable[[FloatArray], float],
    names: tuple[str, ...],
    parameters: tuple[Parameter, ...],
    ends: FloatArray,
    live: int,
    seed: int,
) -> Posterior:
    try:
        from dynesty import NestedSampler
    except ImportError:
        raise InputError(
            "a posterior needs dynesty, which is not installed: pip install '.[posterior]'"
        ) from None
    random = np.random.default_rng(seed)
    sampler = NestedSampler(
        likelihood,
        lambda unit: ends[:, 0] + unit * (ends[:, 1] - ends[:, 0]),
        len(names),
        nlive=live,
        sample="unif" if len(names) < 3 else "rwalk",
        rstate=random,
    )
    sampler.run_nested(dlogz=0.1, print_progress=False)
    results = sampler.results
    weights = np.exp(results.logwt - results.logz[-1])
    weights /= weights.sum()
    # Systematic resampling: each sample comes about as often as its weight says.
    count = 2000
    steps = (np.arange(count) + random.random()) / count
    chosen = np.minimum(np.searchsorted(np.cumsum(weights), steps), len(weights) - 1)
    return Posterior(
        names=names,
        parameters=parameters,
        ends=ends,
        coordinates=np.asarray(results.samples)[chosen],
        log_evidence=float(results.logz[-1]),
        log_evidence_error=float(results.logzerr[-1]),
        calls=int(np.sum(results.ncall)),
    )


@dataclass(frozen=True, slots=True)
class Interval:
    """What is known of one number.

    Attributes
    ----------
    name, unit
        Of the number.
    median, ci68, ci95
        Of the posterior, in its unit.
    of_prior
        Width of the 95 % interval over that of the prior, both on the scale on which the prior is even.
    """

    name: str
    unit: str
    median: float
    ci68: tuple[float, float]
    ci95: tuple[float, float]
    of_prior: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def summarise(posterior: Posterior) -> tuple[Interval, ...]:
    """Medians and intervals of all numbers; empty without samples."""
    if not len(posterior.coordinates):
        return ()
    cuts = np.quantile(posterior.coordinates, [0.025, 0.16, 0.5, 0.84, 0.975], axis=0)
    found = []
    for n, (name, one) in enumerate(zip(posterior.names, posterior.parameters, strict=True)):
        low95, low68, median, high68, high95 = (float(value) for value in one.value(cuts[:, n]))
        width = 0.95 * float(posterior.ends[n, 1] - posterior.ends[n, 0])
        found.append(
            Interval(
                name,
                one.unit,
                median,
                (low68, high68),
                (low95, high95),
                float(cuts[4, n] - cuts[0, n]) / width,
            )
        )
    return tuple(found)


def words_of(posterior: Posterior) -> tuple[str, ...]:
    """Say which numbers are not determined, and which trade for each other."""
    intervals = summarise(posterior)
    found = [
        f"{one.name}: not determined, its 95 % interval is {one.of_prior:.0%} of its prior's"
        for one in intervals
        if one.of_prior > _NARROWED
    ]
    for first in range(len(intervals)):
        for second in range(first + 1, len(intervals)):
            rank = float(
                spearmanr(posterior.coordinates[:, first], posterior.coordinates[:, second]).statistic
            )
            if abs(rank) >= _TOGETHER:
                way = "more" if rank > 0 else "less"
                found.append(
                    f"{intervals[first].name} and {intervals[second].name}: more of one goes with {way} of the other "
                    f"(rank correlation {rank:.2f})"
                )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence of one reading.

    Attributes
    ----------
    reading
        Key of :data:`READINGS`.
    with_line
        Whether the (222) line counts, beside the FEM peaks.
    prior_scale
        Factor on the widths of the priors, which end where the draws end.
    log_evidence, error
        Natural logarithm and its standard error; None where the reading hardly ever shows two peaks.
    peaks_in
        Part of the draws that show both peaks.
    """

    reading: str
    with_line: bool
    prior_scale: float
    log_evidence: float | None
    error: float | None
    peaks_in: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def verdict(evidence: Sequence[Evidence]) -> str:
    """Compare readings by the FEM peaks alone, for every width of the priors.

    The words for differences of ln Z are those of R. E. Kass and A. E. Raftery, J. Am. Stat. Assoc. 90 (1995) 773.
    """
    by_scale: dict[float, list[Evidence]] = {}
    for one in evidence:
        if not one.with_line and one.log_evidence is not None:
            by_scale.setdefault(one.prior_scale, []).append(one)
    if not by_scale:
        return "no reading shows both peaks"
    ranked = {
        scale: sorted(found, key=lambda one: -(one.log_evidence or 0.0)) for scale, found in by_scale.items()
    }
    order = ranked[1.0]
    best = order[0]
    parts = []
    for one in order[1:]:
        gap = (best.log_evidence or 0.0) - (one.log_evidence or 0.0)
        parts.append(f"{_strength(gap)} over {one.reading} (ln {gap:.1f})")
    never = [one.reading for one in evidence if one.log_evidence is None and one.prior_scale == 1.0]
    if never:
        parts.append(f"two peaks hardly ever in: {', '.join(never)}")
    stable = all(found[0].reading == best.reading for found in ranked.values())
    kept = "also" if stable else "not"
    return f"most likely: {best.reading}; {'; '.join(parts)}; {kept} the first with priors halved and doubled"


def _strength(gap: float) -> str:
    for least, words in ((5.0, "very strong"), (3.0, "strong"), (1.0, "positive")):
        if gap > least:
            return words
    return "barely"
