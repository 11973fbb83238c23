"""Posterior and evidence against integrals on a grid, and coverage of intervals by a simulator that is known."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import norm

from alzmodel.compare.measured import load_measured
from alzmodel.compare.posterior import (
    Datum,
    Evidence,
    Posterior,
    data_of,
    log_likelihood,
    sample,
    sample_together,
    summarise,
    teach,
    verdict,
    words_of,
)
from alzmodel.errors import InputError
from alzmodel.scattering.fem.draws import FEM_NUMBERS, PARAMETERS, Rows, draw_points

NUISANCE = {one.name: one for one in PARAMETERS if one.nuisance}
NOISE = np.array([0.03, 0.05, 0.08, 0.12, 0.1])


def simulator(coordinates, random):
    """Numbers of the peaks of a reading with a film and a background."""
    film, background = coordinates
    mean = [
        3.2 + 0.05 * film,
        5.3 + 0.1 * background,
        0.1 - 0.4 * background + 0.1 * film**2,
        0.6 - 0.2 * background,
        0.5 + 0.3 * film,
    ]
    return np.array(mean) + NOISE * random.normal(size=5)


@pytest.fixture(scope="module")
def taught():
    random = np.random.default_rng(1)
    names = ("film", "background")
    points = draw_points([NUISANCE[name] for name in names], 96, 1)
    values = np.array([[point[name] for name in names] for point in points])
    coordinates = np.column_stack([NUISANCE[name].coordinate(values[:, n]) for n, name in enumerate(names)])
    numbers = np.array([simulator(one, random) for one in coordinates])
    rows = Rows(names, values, np.arange(96) // 2, numbers)
    return teach("halo", rows, [{}] * 48, np.full((48, 2), math.nan))


def measured_of(numbers):
    return [Datum(name, value, value, 0.0) for name, value in zip(FEM_NUMBERS[:4], numbers[:4], strict=True)]


def on_a_grid(taught, data, ends, count=41):
    """Weights of the posterior, and the evidence, by a sum over the prior."""
    axes = [np.linspace(low, high, 2 * count + 1)[1::2] for low, high in ends]
    grid = np.array([[one, other] for one in axes[0] for other in axes[1]])
    logs = np.array([log_likelihood(taught, data, point)[0] for point in grid])
    weights = np.exp(logs - logs.max())
    return grid, weights / weights.sum(), logs.max() + math.log(weights.mean())


def test_posterior_and_evidence_are_those_of_a_sum_over_the_prior(taught):
    data = measured_of(simulator(np.array([0.2, -0.3]), np.random.default_rng(5)))
    for scale in (0.5, 1.0):
        found = sample(taught, data, live=120, seed=2, scale=scale)
        grid, weights, evidence = on_a_grid(taught, data, found.ends)
        assert found.log_evidence == pytest.approx(evidence, abs=4 * found.log_evidence_error)
        mean = weights @ grid
        deviation = np.sqrt(weights @ (grid - mean) ** 2)
        assert np.abs(found.coordinates.mean(axis=0) - mean) == pytest.approx(
            [0, 0], abs=0.3 * deviation.max()
        )
        assert found.coordinates.std(axis=0) == pytest.approx(deviation, rel=0.2)


def test_priors_grow_about_their_middle_or_from_zero(taught):
    data = measured_of(simulator(np.zeros(2), np.random.default_rng(1)))
    film, background = NUISANCE["film"], NUISANCE["background"]
    half, double = (sample(taught, data, live=30, seed=1, scale=scale).ends for scale in (0.5, 2.0))
    assert film.value(half[0]) == pytest.approx([200 / math.sqrt(2), 200 * math.sqrt(2)])
    assert film.value(double[0]) == pytest.approx([50, 800])
    # Even in the root: half of the root is a quarter.
    assert background.value(half[1]) == pytest.approx([0, 0.5])
    assert background.value(double[1]) == pytest.approx([0, 8])


@pytest.mark.slow
def test_intervals_cover_truths_from_the_prior(taught):
    """100 truths from the prior, data by the simulator: coverage of 95 % and 68 % intervals, as on a grid."""
    random = np.random.default_rng(11)
    inside95, inside68 = np.zeros(2), np.zeros(2)
    for _ in range(100):
        ends = sample_ends()
        truth = ends[:, 0] + random.random(2) * (ends[:, 1] - ends[:, 0])
        grid, weights, _ = on_a_grid(taught, measured_of(simulator(truth, random)), ends, 25)
        for n in range(2):
            order = np.argsort(grid[:, n])
            below = float(weights[order][grid[order, n] < truth[n]].sum())
            inside95[n] += 0.025 <= below <= 0.975
            inside68[n] += 0.16 <= below <= 0.84
    assert (inside95 >= 90).all()
    assert ((inside68 >= 58) & (inside68 <= 78)).all()


def sample_ends():
    return np.array(
        [
            NUISANCE[name].coordinate(np.array([NUISANCE[name].low, NUISANCE[name].high]))
            for name in ("film", "background")
        ]
    )


@pytest.mark.slow
def test_films_together_ask_for_a_rising_ratio(taught):
    """Equal films: the ratio rises in half of all cases, so that the evidence is less by ln 2 or more, and not by 2."""
    data = measured_of(simulator(np.array([0.0, 0.0]), np.random.default_rng(3)))
    one = sample(taught, [*data, *data], live=120, seed=1)
    both = sample_together({1.5: (taught, data), 4.5: (taught, data)}, live=120, seed=1)
    assert both.names == ("film", "background")
    assert both.log_evidence - one.log_evidence == pytest.approx(math.log(0.5), abs=0.6)


def test_published_numbers_of_a_film():
    """x = 3: widths lie between those of the others; errors are 95 % intervals, widths logarithms."""
    data = {one.name: one for one in data_of(load_measured(None), 3.0)}
    assert set(data) == {*FEM_NUMBERS[:4], "xrd_222_two_theta", "xrd_222_fwhm"}
    assert (data["fem_peak2_k"].low, data["fem_peak2_k"].error) == (
        3.19,
        pytest.approx(0.01 / 1.96, rel=1e-3),
    )
    width = data["fem_peak1_fwhm"]
    assert (math.exp(width.low), math.exp(width.high)) == (pytest.approx(1.77), pytest.approx(1.89))
    assert data["xrd_222_two_theta"].error > 0.1 / math.sqrt(3)


def test_a_range_has_the_mean_density_of_its_numbers():
    one = Datum("fem_peak1_fwhm", 0.2, 0.8, 0.1)
    x = np.linspace(0.2, 0.8, 6001)
    expected = np.trapezoid(norm.pdf(x, 0.4, math.hypot(0.1, 0.3)), x) / 0.6
    assert one.log_density(0.4, 0.3**2) == pytest.approx(math.log(expected), abs=1e-6)


def test_words_tell_what_is_not_determined_and_what_trades():
    random = np.random.default_rng(1)
    first = random.normal(size=2000)
    wide = random.uniform(-1, 1, 2000)
    coordinates = np.column_stack([0.1 * first, -0.1 * first + 0.02 * random.normal(size=2000), wide])
    parameters = PARAMETERS[:3]
    posterior = Posterior(
        tuple(one.name for one in parameters),
        parameters,
        np.array([[-1.0, 1.0]] * 3),
        coordinates,
        0.0,
        0.1,
        1,
    )
    unknown, trade = words_of(posterior)
    assert unknown.startswith("disorder: not determined")
    assert trade.startswith(
        "diameter and fraction: more of one goes with less of the other (rank correlation -0.9"
    )
    assert summarise(posterior)[0].median == pytest.approx(30, rel=0.02)
    # As every result it has a short text, a table and a plot.
    assert len(repr(posterior)) < 600
    frame = posterior.to_dataframe()
    assert frame.shape == (2000, 3)
    assert frame.columns[0] == "diameter (Å)"
    axes = posterior.plot(what="disorder", against=([0.0, 1.0], [1.0, 1.0]))
    assert axes.get_xlabel().startswith("disorder")
    (histogram,) = axes.patches
    corners = histogram.get_xy()
    assert corners[:, 1].max() == pytest.approx(
        np.histogram(frame.iloc[:, 2], bins=30, density=True)[0].max()
    )
    assert np.array_equal(axes.lines[0].get_ydata(), [1.0, 1.0])
    plt.close(axes.figure)
    with pytest.raises(InputError, match="what: 'size' is no number here; allowed: diameter"):
        posterior.plot(what="size")
    # As every result it has a short text, a table and a plot.
    assert len(repr(posterior)) < 600
    frame = posterior.to_dataframe()
    assert frame.shape == (2000, 3)
    assert frame.columns[0] == "diameter (Å)"
    axes = posterior.plot(what="disorder", against=([0.0, 1.0], [1.0, 1.0]))
    assert axes.get_xlabel().startswith("disorder")
    heights, edges = np.histogram(posterior.values()[:, 2], bins=30, density=True)
    assert axes.dataLim.height == pytest.approx(max(heights), rel=1e-6)
    assert axes.dataLim.width == pytest.approx(edges[-1] - edges[0], rel=0.6)
    plt.close(axes.figure)
    with pytest.raises(InputError, match="what: 'size' is no number here; allowed: diameter"):
        posterior.plot(what="size")


def test_a_reading_without_peaks_has_no_evidence():
    rows = Rows(("film",), np.full((30, 1), 200.0), np.arange(30), np.full((30, 5), math.nan))
    taught = teach("bonds", rows, [{}] * 30, np.full((30, 2), math.nan))
    assert (taught.numbers, taught.share) == (None, 0.0)
    assert not len(sample(taught, ()).coordinates)
    evidence = [Evidence("bonds", False, 1.0, None, None, 0.0)]
    evidence += [Evidence("halo", False, scale, 3.0, 0.1, 0.5) for scale in (0.5, 1.0, 2.0)]
    evidence += [
        Evidence("all", False, scale, gap, 0.1, 0.5) for scale, gap in ((0.5, 4.0), (1.0, -3.0), (2.0, 0.0))
    ]
    assert verdict(evidence) == (
        "most likely: halo; very strong over all (ln 6.0); two peaks hardly ever in: bonds; "
        "not the first with priors halved and doubled"
    )
