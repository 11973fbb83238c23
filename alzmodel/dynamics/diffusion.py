"""Diffusion coefficients of one run, from mean square displacements in blocks of time, and whether they are any."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.dynamics.displacements import mean_square_displacements, non_gaussian, spaced_lags
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from alzmodel.dynamics.trajectory import Trajectory

__all__ = ["CM2_PER_S", "MSD_NEEDED", "SLOPE_NEEDED", "RunDiffusion", "run_diffusion"]

MSD_NEEDED: Final = 10.0
"""Å² that the mobile ions must go within a block: about one jump each."""
SLOPE_NEEDED: Final = 0.9
"""Of ln MSD over ln time, where the coefficient is fitted; 1 is diffusion, less is a cage that still holds."""
BLOCK_COUNTS: Final = (20, 10, 5)
"""Into so many blocks a run is cut: the most that are long enough for diffusion, or the fewest."""
SHORTEST_BLOCK: Final = 10
"""Steps from frame to frame."""
WINDOW_START: Final = 1 / 3
"""Of a block; the fit goes from there to its end."""
CM2_PER_S: Final = 1e-4
"""cm²/s in 1 Å²/ps."""


@dataclass(frozen=True, slots=True, repr=False)
class RunDiffusion(Result):
    """What one run says about the motion of its ions, drift taken out.

    Attributes
    ----------
    name
        Of the file or run.
    mobile
        Element that conducts.
    duration
        ps.
    lag
        (m,), ps; evenly spaced in their logarithm, up to half of the run.
    msd
        By element (m,), Å², over all ions and origins of time.
    non_gaussian
        (m,), α₂ of the mobile ions.
    n_blocks
        Into which the run is cut; they share no displacement.
    window
        First and last lag of the fit, ps; from a third of a block to its end.
    window_msd
        Å² of the mobile ions at the end of the window.
    slope
        Of ln MSD over ln time in the window.
    diffusive
        More than :data:`MSD_NEEDED` and :data:`SLOPE_NEEDED`.
    framework_moves
        Other elements that go further than √10 Å in half of the run: it is no solid.
    ion_slopes
        By element (blocks, ions), D of each ion in each block in Å²/ps.
    collective
        (blocks,), D in Å²/ps of the sum of all displacements of the mobile ions, over √N.
    ion_density
        Mobile ions in 1 Å³.
    """

    name: str = field(metadata=holds(role="label"))
    mobile: str = field(metadata=holds(role="label"))
    duration: float = field(metadata=holds("ps"))
    lag: NDArray[np.float64] = field(metadata=holds("ps", role="axis"))
    msd: Mapping[str, NDArray[np.float64]] = field(metadata=holds("Å²"))
    non_gaussian: NDArray[np.float64] = field(metadata=holds())
    n_blocks: int = field(metadata=holds())
    window: tuple[float, float] = field(metadata=holds("ps"))
    window_msd: float = field(metadata=holds("Å²"))
    slope: float = field(metadata=holds())
    diffusive: bool = field(metadata=holds())
    framework_moves: tuple[str, ...] = field(metadata=holds())
    ion_slopes: Mapping[str, NDArray[np.float64]] = field(metadata=holds("Å²/ps", hidden=True))
    collective: NDArray[np.float64] = field(metadata=holds("Å²/ps", hidden=True))
    ion_density: float = field(metadata=holds("1/Å³"))


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Lags and weights of the fit in blocks of `length` steps.

    The weights of the straight line with free intercept, A + 6 D t, are those of Brownian motion: the variance of a
    displacement squared, averaged over the overlapping origins of a block, goes about as t³ / (length + 1 − t). They
    depend on the lag alone, so that D is linear in the displacements squared, and has no bias. The intercept is what
    rattling in a cage adds.
    """

    n: int
    length: int

    @property
    def lags(self) -> NDArray[np.int64]:
        return np.arange(int(np.ceil(WINDOW_START * self.length)), self.length + 1)

    def _weights(self, power: int) -> NDArray[np.float64]:
        t = self.lags / self.length
        weights: NDArray[np.float64] = (1 - t + 1 / self.length) / t**power
        return weights / weights.sum()

    def displacements(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """(blocks, lags, ions), mean square displacements in Å² at the lags of the fit."""
        starts = range(0, self.n * self.length, self.length)
        return np.array(
            [mean_square_displacements(positions[at : at + self.length + 1])[self.lags] for at in starts]
        )

    def coefficients(self, squared: NDArray[np.float64], frame_time: float) -> NDArray[np.float64]:
        """(blocks, ions), D in Å²/ps."""
        weights, time = self._weights(3), self.lags * frame_time
        apart = time - weights @ time
        row = weights * apart / (weights @ apart**2) / 6
        return np.einsum("l,bli->bi", row, squared)

    def log_slope(self, squared: NDArray[np.float64]) -> float:
        """Of ln MSD over ln lag; 0 where nothing moves."""
        msd = squared.mean(axis=(0, 2))
        if not (msd > 0).all():
            return 0.0
        weights, time = self._weights(1), np.log(self.lags)
        apart = time - weights @ time
        return float(weights * apart @ np.log(msd) / (weights @ apart**2))


def run_diffusion(trajectory: Trajectory, mobile: str = "Li") -> RunDiffusion:
    """Mean square displacements and diffusion coefficients of one run.

    The run is cut into blocks, as many of 20, 10 or 5 as are long enough for :data:`MSD_NEEDED` and
    :data:`SLOPE_NEEDED` within each, and five where none are. D of an ion in a block is a sixth of the slope of its
    mean square displacement (A. Einstein, Ann. Phys. 322 (1905) 549) from a third of the block to its end.

    Parameters
    ----------
    trajectory
        With drift or without: the framework is brought to rest.
    mobile
        Element that conducts; all others are the framework.

    Raises
    ------
    InputError
        If there is none of the element.
    """
    still = trajectory.relative_to_framework(mobile)
    steps = len(still.positions) - 1
    ions = still.of(mobile)
    for count in BLOCK_COUNTS:
        blocks = _Blocks(count, steps // count)
        if blocks.length < SHORTEST_BLOCK and count != BLOCK_COUNTS[-1]:
            continue
        squared = blocks.displacements(ions)
        reached = float(squared[:, -1].mean())
        slope = blocks.log_slope(squared)
        diffusive = reached > MSD_NEEDED and slope > SLOPE_NEEDED
        if diffusive:
            break
    half = max(steps // 2, 1)
    lags = spaced_lags(half)
    curves = {
        element: mean_square_displacements(still.of(element)).mean(axis=1) for element in still.elements()
    }
    coefficients = {
        element: blocks.coefficients(
            squared if element == mobile else blocks.displacements(still.of(element)), still.frame_time
        )
        for element in still.elements()
    }
    together = ions.sum(axis=1, keepdims=True) / np.sqrt(ions.shape[1])
    return RunDiffusion(
        name=still.name,
        mobile=mobile,
        duration=still.duration,
        lag=np.round(lags * still.frame_time, 9),
        msd={element: curve[lags] for element, curve in curves.items()},
        non_gaussian=non_gaussian(ions, lags),
        n_blocks=blocks.n,
        window=(float(blocks.lags[0] * still.frame_time), float(blocks.lags[-1] * still.frame_time)),
        window_msd=reached,
        slope=slope,
        diffusive=diffusive,
        framework_moves=tuple(
            element for element, curve in curves.items() if element != mobile and curve[half] > MSD_NEEDED
        ),
        ion_slopes=coefficients,
        collective=blocks.coefficients(blocks.displacements(together), still.frame_time)[:, 0],
        ion_density=ions.shape[1] / still.volume,
    )
