"""Diffusion coefficients by kinisi, the optional extra ``kinisi``: a second estimate from other statistics.

kinisi samples the posterior of a straight line through the mean square displacements with the covariance between lags
of a random walk: A. R. McCluskey, S. W. Coles and B. J. Morgan, J. Chem. Theory Comput. 21, 79 (2025).
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alzmodel.dynamics.trajectory import Trajectory

__all__ = ["KinisiDiffusion", "by_kinisi", "check_kinisi"]

LAGS: Final = 12
"""Between both ends of the window."""
SAMPLES, BURN = 500, 200
SEED: Final = 1


@dataclass(frozen=True, slots=True, repr=False)
class KinisiDiffusion(Result):
    """Mean over runs in cm²/s, standard error by the posteriors, and the 95 % interval of a normal distribution."""

    value: float = field(metadata=holds("cm²/s"))
    ci95: tuple[float, float] = field(metadata=holds("cm²/s", role="interval", key="value_ci95"))
    se: float = field(metadata=holds("cm²/s"))


def check_kinisi() -> None:
    """Refuse to go on without the package.

    Raises
    ------
    InputError
        In one line that names the extra.
    """
    if importlib.util.find_spec("kinisi") is None:
        raise InputError('--kinisi: kinisi is not installed; allowed after: pip install ".[kinisi]"')


def by_kinisi(
    runs: Sequence[Trajectory], windows: Sequence[tuple[float, float]], mobile: str = "Li"
) -> KinisiDiffusion:
    """Estimate the diffusion coefficient of independent runs.

    Parameters
    ----------
    runs
        Of one temperature, with drift or without.
    windows
        First and last lag of each, ps.
    mobile
        Element.

    Raises
    ------
    InputError
        If kinisi is not installed, or there is none of the element.
    """
    check_kinisi()
    means, errors = [], []
    for run, window in zip(runs, windows, strict=True):
        samples = _samples(run, window, mobile)
        means.append(float(samples.mean()))
        errors.append(float(samples.std(ddof=1)))
    value, se = float(np.mean(means)), float(np.linalg.norm(errors)) / len(runs)
    half = 1.959964 * max(se, float(np.std(means, ddof=1)) / math.sqrt(len(means)) if len(means) > 1 else 0.0)
    return KinisiDiffusion(value, (value - half, value + half), se)


def _samples(run: Trajectory, window: tuple[float, float], mobile: str) -> np.ndarray:
    """Of the posterior of D, cm²/s."""
    with warnings.catch_warnings():
        # Of packages that kinisi brings.
        warnings.simplefilter("ignore")
        import scipp
        from kinisi.analyze import DiffusionAnalyzer

        frames = run.relative_to_framework(mobile).to_atoms()
        for atoms in frames:
            atoms.wrap()
        lags = np.unique(np.rint(np.linspace(*window, LAGS) / run.frame_time)) * run.frame_time
        found = DiffusionAnalyzer.from_ase(
            frames,
            specie=mobile,
            time_step=scipp.scalar(run.frame_time, unit="ps"),
            step_skip=scipp.scalar(1, unit="dimensionless"),
            dt=scipp.array(dims=["time interval"], values=lags, unit="ps"),
            progress=False,
        )
        found.diffusion(
            scipp.scalar(float(lags[0]), unit="ps"),
            n_samples=SAMPLES,
            n_burn=BURN,
            progress=False,
            random_state=np.random.RandomState(SEED),
        )
        return np.asarray(found.D.values, dtype=float)
