"""Specimens and recordings drawn from ranges of all that is not known, and the peaks that each would show.

A grid of eight unknown numbers is too large. So specimens are drawn evenly from their ranges, one column each, and each
is recorded with several draws of what the recording adds. What :mod:`alzmodel.compare.posterior` learns from them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from alzmodel.errors import AlzmodelError
from alzmodel.scattering.fem.deciding import PATTERNS, sampling_noise
from alzmodel.scattering.fem.observed import Incoherent, film_of, observe, prepared
from alzmodel.scattering.fem.scan import Grid, ScanPoint, bare_columns, columns_of, line_of
from alzmodel.scattering.fem.settings import FEMSettings
from alzmodel.scattering.fem.thermal import thermal_moments
from alzmodel.scattering.fem.two_peaks import BACKGROUNDS, RANGES, fit_once

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alzmodel.scattering.fem.observed import Coherent
    from alzmodel.scattering.fem.scan import Matrix

__all__ = [
    "COLUMN",
    "FEM_NUMBERS",
    "PARAMETERS",
    "SEEN",
    "SETTINGS",
    "XRD_NUMBERS",
    "Parameter",
    "Rows",
    "coherent_from",
    "draw_points",
    "glass_column",
    "record_rows",
    "recorded_numbers",
    "specimen_column",
]

FloatArray = NDArray[np.float64]

SETTINGS: Final = FEMSettings(k_min=2.0, k_max=7.5, k_step=0.1)
"""Rings of the range that is fitted."""

COLUMN: Final = 100.0
"""Å; thickness of the columns. Films of other thickness are stacks of them (:class:`Incoherent`)."""

MEMBRANE: Final = 100.0
"""Å of nitride, as published (Zhu et al., Adv. Mater. 2024)."""

FEM_NUMBERS: Final = ("fem_peak2_k", "fem_peak1_k", "fem_peak2_fwhm", "fem_peak1_fwhm", "fem_ratio")
"""In the order in which peaks are fitted: 3.2, then 5.3 nm⁻¹. Widths and ratio are kept as logarithms."""

SEEN: Final[Mapping[str, tuple[float, float]]] = {
    "fem_peak2_k": (2.8, 3.6),
    "fem_peak1_k": (4.7, 5.9),
    "fem_peak2_fwhm": (0.1, 2.5),
    "fem_peak1_fwhm": (0.1, 2.8),
    "fem_ratio": (0.2, 8.0),
}
"""Two peaks as published: near the published places, both high enough to be seen. What a specimen shows instead of them
is no number to compare, only the absence of them."""

XRD_NUMBERS: Final = ("xrd_222_two_theta", "xrd_222_fwhm")


@dataclass(frozen=True, slots=True)
class Parameter:
    """An unknown number.

    Attributes
    ----------
    name, unit
        As in :class:`~alzmodel.scattering.fem.scan.ScanPoint` or :class:`~alzmodel.scattering.fem.observed.Incoherent`.
    low, high
        Ends of its prior.
    lowest, highest
        Ends of what is drawn.
    scale
        In which it is evenly distributed: the number, its logarithm or its square root.
    nuisance
        Whether it belongs to the recording, and not to the specimen.
    """

    name: str
    unit: str
    low: float
    high: float
    lowest: float
    highest: float
    scale: Literal["linear", "log", "root"] = "linear"
    nuisance: bool = False

    def coordinate(self, value: float | FloatArray) -> FloatArray:
        """Value on its scale, from −1 at the lower to 1 at the upper end of what is drawn."""
        low, high = (self._scaled(end) for end in (self.lowest, self.highest))
        return np.asarray(2 * (self._scaled(value) - low) / (high - low) - 1, dtype=np.float64)

    def value(self, coordinate: float | FloatArray) -> FloatArray:
        """Inverse of :meth:`coordinate`."""
        low, high = (self._scaled(end) for end in (self.lowest, self.highest))
        scaled = low + 0.5 * (np.asarray(coordinate, dtype=np.float64) + 1) * (high - low)
        match self.scale:
            case "log":
                return np.asarray(np.exp(scaled))
            case "root":
                return np.square(scaled)
            case _:
                return np.asarray(scaled)

    def _scaled(self, value: float | FloatArray) -> FloatArray:
        found = np.asarray(value, dtype=np.float64)
        match self.scale:
            case "log":
                return np.asarray(np.log(found))
            case "root":
                return np.asarray(np.sqrt(found))
            case _:
                return found


PARAMETERS: Final = (
    Parameter("diameter", "Å", 10.0, 90.0, 10.0, 90.0, "log"),
    Parameter("fraction", "", 0.05, 0.25, 0.05, 0.25, "log"),
    Parameter("disorder", "", 0.0, 1.0, 0.0, 1.0),
    Parameter("displacement", "Å", 0.08, 0.24, 0.03, 0.32),
    Parameter("lattice_parameter", "Å", 10.6, 11.0, 10.4, 11.2),
    Parameter("film", "Å", 100.0, 400.0, 50.0, 800.0, "log", nuisance=True),
    Parameter("background", "", 0.0, 2.0, 0.0, 8.0, "root", nuisance=True),
    Parameter("thickness_spread", "", 0.0, 0.15, 0.0, 0.3, nuisance=True),
)
"""Ours: sizes and fractions are those that a column holds, displacements those of heat to those of a strained lattice,
the rest what nobody published. Where it can, the drawn range is twice the prior, so that the prior can be doubled."""

_SPECIMEN: Final = tuple(one for one in PARAMETERS if not one.nuisance)


def draw_points(
    parameters: Sequence[Parameter], count: int, seed: int, *, prior: bool = False
) -> list[dict[str, float]]:
    """Draw evenly from the drawn ranges, or from the priors, by a scrambled Sobol sequence.

    Returns
    -------
    list of dict
        `count` values by name; the first n of a longer list of the same seed are those of a shorter one.
    """
    from scipy.stats import qmc

    unit = qmc.Sobol(len(parameters), seed=seed).random_base2(max(1, math.ceil(math.log2(count))))[:count]
    found = []
    for row in unit:
        point = {}
        for one, share in zip(parameters, row, strict=True):
            ends = one.coordinate(np.array([one.low, one.high])) if prior else (-1.0, 1.0)
            point[one.name] = float(one.value(ends[0] + share * (ends[1] - ends[0])))
        found.append(point)
    return found


def specimen_column(matrix: Matrix, values: Mapping[str, float], seed: int) -> dict[str, Any]:
    """Compute one column of a glass with spheres.

    Parameters
    ----------
    matrix
        The glass.
    values
        By name of the parameters of the specimen.
    seed
        Of column and spheres.

    Returns
    -------
    dict
        "refused", why it cannot be built, empty if it can; else what :func:`coherent_from` takes, and "xrd", place
        and width of (222) of the spheres in degrees, NaN without a line.
    """
    point = ScanPoint(
        matrix.name, **{one.name: values[one.name] for one in _SPECIMEN}, excess_la=0.0, thickness=COLUMN
    )
    try:
        grid = Grid(
            (point.diameter,),
            (point.fraction,),
            SETTINGS,
            displacements=(point.displacement,),
            disorders=(point.disorder,),
            lattice_parameters=(point.lattice_parameter,),
            thicknesses=(COLUMN,),
            n_columns=1,
            seed=seed,
        )
        clusters: list[dict[str, Any]] = []
        (column,) = columns_of(matrix, point, grid, clusters)
        line = line_of(matrix, point, float(clusters[0]["volume_fraction"]), grid)
    except AlzmodelError as error:
        return {"refused": str(error)}
    return {**_kept(column), "xrd": np.array([line[name] for name in XRD_NUMBERS])}


def glass_column(matrix: Matrix, seed: int) -> dict[str, Any]:
    """Compute one column of a glass alone; as :func:`specimen_column`, without a line."""
    (column,) = bare_columns(matrix, COLUMN, SETTINGS, seed)
    return {**_kept(column), "xrd": np.full(len(XRD_NUMBERS), math.nan)}


def _kept(column: Any) -> dict[str, Any]:
    moments = thermal_moments([column], SETTINGS)
    number, thickness = film_of([column])
    return {
        "refused": "",
        "mean": moments.mean,
        "cross": moments.cross,
        "elements": np.array(list(number)),
        "numbers": np.array(list(number.values())),
        "thickness": thickness,
        "cell": column.cell.array[:2, :2].copy(),
    }


def coherent_from(kept: Mapping[str, Any]) -> Coherent:
    """Coherent scattering of a column that was kept."""
    mean = np.asarray(kept["mean"])
    cell = np.asarray(kept["cell"])
    plane = SETTINGS.plane(((float(cell[0, 0]), float(cell[0, 1])), (float(cell[1, 0]), float(cell[1, 1]))))
    averages = {
        "mean": mean,
        "single": np.asarray(kept["cross"]) / np.outer(mean, mean) - 1,
        "averaged": None,
    }
    number = dict(
        zip(np.asarray(kept["elements"]).tolist(), np.asarray(kept["numbers"]).tolist(), strict=True)
    )
    return prepared(averages, plane, SETTINGS, number, float(kept["thickness"]))


@dataclass(frozen=True)
class Rows:
    """Recordings of specimens.

    Attributes
    ----------
    parameters
        Names of the columns of `values`.
    values
        Shape (rows, parameters).
    specimen
        Number of the specimen of each row, shape (rows,).
    numbers
        :data:`FEM_NUMBERS`, shape (rows, 5); NaN in all five where the two peaks of :data:`SEEN` are not there.
    """

    parameters: tuple[str, ...]
    values: FloatArray
    specimen: NDArray[np.int64]
    numbers: FloatArray


def recorded_numbers(
    coherent: Coherent, values: Mapping[str, float], random: np.random.Generator
) -> FloatArray:
    """Peaks of one recording, shape (5,), as in :class:`Rows`.

    V has the sampling noise of :data:`~alzmodel.scattering.fem.deciding.PATTERNS` patterns. Values that are not given
    are 0, the film is 200 Å. Background and range of the published fit are not known: they are drawn from
    :data:`~alzmodel.scattering.fem.two_peaks.BACKGROUNDS` and :data:`~alzmodel.scattering.fem.two_peaks.RANGES`, and
    what that changes counts as noise.
    """
    incoherent = Incoherent(
        film=values.get("film", 200.0),
        membrane=MEMBRANE,
        thermal=False,
        background=values.get("background", 0.0),
        thickness_spread=values.get("thickness_spread", 0.0),
    )
    variance = observe(coherent, incoherent).variance
    error = sampling_noise(coherent, PATTERNS, random)
    background = BACKGROUNDS[int(random.integers(len(BACKGROUNDS)))]
    window = RANGES[int(random.integers(len(RANGES)))]
    fit = fit_once(coherent.k, variance * (1 + error), background=background, window=window)
    if any(fit.at_bound) or not (fit.heights > 0).all():
        return np.full(len(FEM_NUMBERS), math.nan)
    ratio = float(fit.heights[0] / fit.heights[1])
    found = np.array([*fit.positions, *fit.fwhm, ratio])
    inside = all(low <= number <= high for number, (low, high) in zip(found, SEEN.values(), strict=True))
    return np.array([*found[:2], *np.log(found[2:])]) if inside else np.full(len(FEM_NUMBERS), math.nan)


def record_rows(
    columns: Sequence[Mapping[str, Any]],
    specimens: Sequence[Mapping[str, float]],
    nuisance: Sequence[Parameter],
    each: int,
    seed: int,
) -> Rows:
    """Record every specimen several times.

    Parameters
    ----------
    columns, specimens
        From :func:`specimen_column` or :func:`glass_column`, none of them refused, and their values (empty for glass).
    nuisance
        What is drawn anew for each recording.
    each
        Recordings of one specimen.
    seed
        Of draws and noise.
    """
    random = np.random.default_rng(seed)
    draws = iter(draw_points(nuisance, each * len(columns), seed))
    names = (*(specimens[0] if specimens else ()), *(one.name for one in nuisance))
    values, owners, numbers = [], [], []
    for number, (kept, specimen) in enumerate(zip(columns, specimens, strict=True)):
        coherent = coherent_from(kept)
        for _ in range(each):
            point = {**specimen, **next(draws)}
            values.append([point[name] for name in names])
            owners.append(number)
            numbers.append(recorded_numbers(coherent, point, random))
    return Rows(names, np.array(values), np.array(owners, dtype=np.int64), np.array(numbers))
