"""A Gaussian process against brute force, and its errors against a function that is known."""

import numpy as np
import pytest
from scipy.stats import qmc

from alzmodel.compare.emulator import learn
from alzmodel.errors import InputError


def truth(points):
    return np.column_stack(
        [np.sin(2 * points[:, 0]) + points[:, 1], np.exp(-0.3 * points[:, 1]) * points[:, 0]]
    )


@pytest.fixture(scope="module")
def learned():
    random = np.random.default_rng(1)
    specimens = 2 * qmc.Sobol(2, seed=1).random_base2(7) - 1
    owners = np.repeat(np.arange(128), 2)
    inputs = specimens[owners] + 0.02 * random.normal(size=(256, 2))
    noise = 0.1 * random.normal(size=(128, 2))[owners] + 0.05 * random.normal(size=(256, 2))
    return learn(inputs, truth(inputs) + noise, owners), inputs, owners


def test_new_specimens_lie_within_the_predicted_error(learned):
    """Errors of 400 new specimens, with their noise, over the predicted ones: root mean square 1.

    Noise of 128 specimens is known to 6 %, so that three standard errors are 0.2.
    """
    emulator, _, _ = learned
    random = np.random.default_rng(2)
    points = random.uniform(-0.9, 0.9, (400, 2))
    seen = truth(points) + np.sqrt(0.1**2 + 0.05**2) * random.normal(size=(400, 2))
    predicted = [emulator.predict(point) for point in points]
    relative = (seen - [mean for mean, _ in predicted]) / np.sqrt([variance for _, variance in predicted])
    assert np.sqrt(np.mean(relative**2, axis=0)) == pytest.approx([1, 1], abs=0.2)
    assert emulator.error == pytest.approx(np.hypot(0.1, 0.05), rel=0.4)


def test_a_specimen_left_out_is_really_left_out(learned):
    """Closed form against a system without the rows of the specimen."""
    emulator, inputs, owners = learned
    whole = np.linalg.inv(emulator.inverse)
    members, others = np.flatnonzero(owners == 7), np.flatnonzero(owners != 7)
    standard = whole @ emulator.weights
    solved = np.linalg.solve(whole[np.ix_(others, others)], standard[others])
    errors = standard[members] - whole[np.ix_(members, others)] @ solved
    rest = whole[np.ix_(members, others)] @ np.linalg.solve(
        whole[np.ix_(others, others)], whole[np.ix_(others, members)]
    )
    spread = np.sqrt(np.diagonal(whole[np.ix_(members, members)] - rest))
    # `scale` is the unit of `left_out`; weights are in the unit of the outputs.
    assert errors / spread[:, None] / emulator.scale == pytest.approx(emulator.left_out[members], rel=1e-6)
    assert len(inputs) == 256


def test_too_few_rows_are_refused():
    with pytest.raises(InputError, match="emulator: 5 rows; allowed: at least 12"):
        learn(np.zeros((5, 1)), np.zeros((5, 1)))
