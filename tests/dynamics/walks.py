"""Trajectories of known motion."""

from __future__ import annotations

import numpy as np

from alzmodel.dynamics.trajectory import Trajectory

FRAME_TIME = 0.1


def trajectory(ions, *, edge=20.0, framework=None):
    """Li at `ions` (frames, n, 3), and two La and four O that rest or move like `framework` (frames, 3)."""
    frames, n, _ = ions.shape
    rest = np.random.default_rng(0).random((6, 3)) * edge
    positions = np.zeros((frames, n + 6, 3))
    positions[:, :n] = ions
    positions[:, n:] = rest
    if framework is not None:
        positions += framework[:, None]
    symbols = np.array(["Li"] * n + ["La"] * 2 + ["O"] * 4)
    return Trajectory(symbols, positions, np.eye(3) * edge, FRAME_TIME, "walk")


def walk(rng, *, diffusivity=1.0, n=20, frames=401):
    """Steps of Brownian motion, `diffusivity` in Å²/ps."""
    steps = rng.normal(0.0, np.sqrt(2 * diffusivity * FRAME_TIME), (frames - 1, n, 3))
    return np.concatenate([np.zeros((1, n, 3)), steps.cumsum(axis=0)]) + rng.random((n, 3)) * 20


def rattling(rng, *, n=20, frames=401, size=0.3):
    """Ions that move about their places."""
    return rng.random((n, 3)) * 20 + rng.normal(0.0, size, (frames, n, 3))
