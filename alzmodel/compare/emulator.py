"""A Gaussian process that stands for a simulator: what it would give between the points that were computed.

All outputs share lengths and noise, so that one product serves them all; each has its own scale, from errors of
prediction with a whole specimen left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Emulator", "learn"]

FloatArray = NDArray[np.float64]

_LEAST: Final = 12
"""Rows; fewer teach nothing."""

_BOUNDS: Final = {"length": (0.3, 20.0), "specimen": (1e-4, 10.0), "noise": (1e-3, 10.0)}
"""Of lengths on coordinates from −1 to 1, and of variances over that of the process."""


@dataclass(frozen=True)
class Emulator:
    """Outcome of :func:`learn`.

    Attributes
    ----------
    inputs
        Coordinates of the rows, shape (rows, inputs).
    lengths
        Over which outputs change, for each input, shape (inputs,).
    own
        Variance of a new specimen and of its noise, over that of the process.
    trend
        Linear trend, shape (1 + inputs, outputs).
    weights
        Shape (rows, outputs).
    inverse
        Of the covariance of the rows, shape (rows, rows).
    scale
        Standard deviation of the process, shape (outputs,).
    left_out
        Errors of prediction of every row with its specimen left out, over what is predicted for them, shape (rows,
        outputs): root mean square 1 by construction of `scale`.
    error
        The same errors in the unit of the output, root mean squares, shape (outputs,).
    """

    inputs: FloatArray
    lengths: FloatArray
    own: float
    trend: FloatArray
    weights: FloatArray
    inverse: FloatArray
    scale: FloatArray
    left_out: FloatArray
    error: FloatArray

    def predict(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of the outputs of a new specimen at coordinates of shape (inputs,), shape (outputs,).

        The variance is that of the simulator there: what is not known of it, and its own noise.
        """
        shifted = (self.inputs - point) / self.lengths
        near = np.exp(-0.5 * np.einsum("ij,ij->i", shifted, shifted))
        mean = self.trend[0] + point @ self.trend[1:] + near @ self.weights
        unknown = max(1.0 - float(near @ (self.inverse @ near)), 0.0) + self.own
        return mean, unknown * np.square(self.scale)


def learn(inputs: FloatArray, outputs: FloatArray, specimen: NDArray[np.int64] | None = None) -> Emulator:
    """Learn a simulator from rows of it.

    Parameters
    ----------
    inputs
        Coordinates, about −1 to 1, shape (rows, inputs).
    outputs
        Shape (rows, outputs), finite.
    specimen
        Of each row, shape (rows,): rows of one specimen share an error. None: each row has its own.

    Returns
    -------
    Emulator
        Covariance exp(−Σ (Δ/length)²/2) + τ² of one specimen + σ² of one row, on a linear trend; lengths, τ² and σ² by
        the largest marginal likelihood summed over outputs, each with its best scale.

    Raises
    ------
    InputError
        If there are fewer than 12 rows.

    References
    ----------
    C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning (2006), eqs. 5.8, 5.9 and 5.12;
    groups left out: S. Sundararajan and S. S. Keerthi, Neural Comput. 13 (2001) 1103.
    """
    count, size = inputs.shape
    if count < _LEAST:
        raise InputError(f"emulator: {count} rows; allowed: at least {_LEAST}")
    owners = np.arange(count) if specimen is None else np.asarray(specimen)
    same = (owners[:, None] == owners[None, :]).astype(np.float64)
    single = len(np.unique(owners)) == count
    design = np.column_stack([np.ones(count), inputs])
    trend = np.asarray(np.linalg.lstsq(design, outputs, rcond=None)[0], dtype=np.float64)
    rest = outputs - design @ trend
    spread = np.maximum(rest.std(axis=0), 1e-12)
    standard = rest / spread
    squares = np.square(inputs[:, None, :] - inputs[None, :, :])

    def misfit(logs: FloatArray) -> tuple[float, FloatArray]:
        smooth, whole = _covariance(squares, same, logs)
        factor = cho_factor(whole, lower=True)
        inverse = cho_solve(factor, np.eye(count))
        solved = inverse @ standard
        energy = np.maximum(np.einsum("ij,ij->j", standard, solved), 1e-12)
        outer = (solved * (count / energy)) @ solved.T
        slope = standard.shape[1] * inverse - outer
        value = 0.5 * count * float(np.log(energy / count).sum())
        value += standard.shape[1] * float(np.log(np.diagonal(factor[0])).sum())
        lengths = np.exp(logs[:size])
        weighted = slope * smooth
        gradient = [0.5 * float(np.sum(weighted * squares[:, :, n])) / lengths[n] ** 2 for n in range(size)]
        gradient.append(0.5 * float(np.sum(slope * same)) * np.exp(logs[size]))
        gradient.append(0.5 * float(np.trace(slope)) * np.exp(logs[size + 1]))
        return value, np.array(gradient)

    start = np.log([*([1.5] * size), 1e-4 if single else 0.1, 0.1])
    bounds = [
        *([_BOUNDS["length"]] * size),
        (1e-4, 1e-4) if single else _BOUNDS["specimen"],
        _BOUNDS["noise"],
    ]
    found = minimize(
        misfit, start, jac=True, method="L-BFGS-B", bounds=np.log(bounds), options={"maxiter": 60}
    ).x
    whole = _covariance(squares, same, found)[1]
    inverse = cho_solve(cho_factor(whole, lower=True), np.eye(count))
    weights = inverse @ standard
    errors, relative = np.empty_like(standard), np.empty_like(standard)
    for members in _groups(owners):
        block = np.linalg.inv(inverse[np.ix_(members, members)])
        errors[members] = block @ weights[members]
        relative[members] = errors[members] / np.sqrt(np.diagonal(block))[:, None]
    scale = np.sqrt(np.mean(np.square(relative), axis=0))
    return Emulator(
        inputs=inputs,
        lengths=np.exp(found[:size]),
        own=float(np.exp(found[size]) + np.exp(found[size + 1])),
        trend=trend,
        weights=weights * spread,
        inverse=inverse,
        scale=scale * spread,
        left_out=relative / scale,
        error=np.sqrt(np.mean(np.square(errors), axis=0)) * spread,
    )


def _covariance(squares: FloatArray, same: FloatArray, logs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Covariance of the process at the rows, and with all noise."""
    size = squares.shape[2]
    smooth = np.exp(-0.5 * (squares @ np.exp(-2 * logs[:size])))
    whole = smooth + np.exp(logs[size]) * same
    whole[np.diag_indices_from(whole)] += np.exp(logs[size + 1])
    return smooth, whole


def _groups(owners: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for one in np.unique(owners):
        yield np.flatnonzero(owners == one)
