"""Trajectories: frames that are evenly spaced in time, unwrapped, at rest relative to the framework."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from ase import Atoms

from alzmodel.errors import InputError
from alzmodel.formats.structures import AS_IT_IS, Reading
from alzmodel.io import STANDARD_STREAM, read_frames
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "Trajectory",
    "check_frame_time",
    "read_trajectory",
    "trajectory_of",
    "unwrapped",
]

LARGEST_STEP: Final = 0.4
"""Of the cell: an ion that moves further between two frames could have gone either way around."""
FEWEST_FRAMES: Final = 51
"""Five blocks of ten steps."""
_STEP_LINES: Final = (
    ("ITEM: TIMESTEP", re.compile(rb"ITEM: TIMESTEP\s+(\d+)")),
    ("configuration", re.compile(rb"configuration=\s*(\d+)")),
)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Positions of ions over time.

    Attributes
    ----------
    symbols
        (n,), chemical symbols.
    positions
        (frames, n, 3), Å; unwrapped, so that differences are displacements.
    cell
        (3, 3), Å; vectors as rows, mean over the frames.
    frame_time
        ps from frame to frame.
    name
        Of the file or the run.
    """

    symbols: NDArray[np.str_]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    frame_time: float
    name: str = "trajectory"

    @property
    def duration(self) -> float:
        """Time from the first frame to the last, ps."""
        return (len(self.positions) - 1) * self.frame_time

    @property
    def volume(self) -> float:
        """Of the cell, Å³."""
        return abs(float(np.linalg.det(self.cell)))

    def elements(self) -> tuple[str, ...]:
        """Chemical symbols, each once, in the order of the ions."""
        return tuple(dict.fromkeys(map(str, self.symbols)))

    def of(self, element: str) -> NDArray[np.float64]:
        """Positions (frames, ions, 3) of one element, Å.

        Raises
        ------
        InputError
            If there is none of it.
        """
        chosen = self.symbols == element
        if not chosen.any():
            raise InputError(f"{self.name}: no {element}; allowed: {', '.join(self.elements())}")
        return self.positions[:, chosen]

    def relative_to_framework(self, mobile: str) -> Trajectory:
        """Take the drift out: the centre of mass of all ions but the mobile ones stays where it is.

        Where all ions are mobile ones, their own centre of mass stays.

        Parameters
        ----------
        mobile
            Element.

        Raises
        ------
        InputError
            If there is none of it.
        """
        self.of(mobile)
        framework = self.symbols != mobile
        if not framework.any():
            framework = ~framework
        masses = Atoms(list(self.symbols[framework])).get_masses()
        centre = np.einsum("i,tik->tk", masses / masses.sum(), self.positions[:, framework])
        positions = self.positions - (centre - centre[0])[:, None]
        return Trajectory(self.symbols, positions, self.cell, self.frame_time, self.name)

    def to_atoms(self, numbers: Iterable[int] | None = None) -> list[Atoms]:
        """Frames as :class:`ase.Atoms` with unwrapped positions and the time in ``info["time_ps"]``.

        Parameters
        ----------
        numbers
            Of the frames; all by default.
        """
        symbols = list(self.symbols)
        return [
            Atoms(
                symbols,
                positions=self.positions[number],
                cell=self.cell,
                pbc=True,
                info={"time_ps": round(int(number) * self.frame_time, 9)},
            )
            for number in (range(len(self.positions)) if numbers is None else numbers)
        ]


def check_frame_time(frame_time: float) -> None:
    """Refuse a time between frames that cannot be.

    Raises
    ------
    InputError
        If it is not above 0 and up to 1000 ps.
    """
    if not (math.isfinite(frame_time) and 1e-6 <= frame_time <= 1000.0):
        raise InputError(f"--frame-time {frame_time:g}; allowed: 1e-6 to 1000 ps between frames")


def unwrapped(scaled: NDArray[np.float64], name: str = "trajectory") -> NDArray[np.float64]:
    """Undo the wrapping of fractional coordinates: each step is the shortest one.

    Parameters
    ----------
    scaled
        (frames, n, 3), wrapped or not.
    name
        Of the trajectory, for the message.

    Returns
    -------
    ndarray, shape (frames, n, 3)

    Raises
    ------
    InputError
        If an ion moves more than :data:`LARGEST_STEP` of the cell between two frames.

    Notes
    -----
    Steps are added up in fractions of the cell, and turned into Å with the mean cell by whoever calls: breathing of
    the cell then adds nothing to displacements (M. Kulke and J. V. Vermaas, J. Chem. Theory Comput. 18 (2022) 6161,
    on what goes wrong otherwise).
    """
    steps = np.diff(scaled, axis=0)
    steps -= np.rint(steps)
    if steps.size:
        frame, atom, _ = np.unravel_index(int(np.argmax(np.abs(steps))), steps.shape)
        largest = float(np.abs(steps[frame, atom]).max())
        if largest > LARGEST_STEP:
            raise InputError(
                f"{name}: atom {atom} moves {largest:.2f} of the cell between frames {frame} and {frame + 1}; "
                f"allowed: up to {LARGEST_STEP:g}, with frames closer in time"
            )
    return np.concatenate([scaled[:1], scaled[:1] + np.cumsum(steps, axis=0)])


def trajectory_of(frames: Sequence[Atoms], frame_time: float, name: str = "trajectory") -> Trajectory:
    """Trajectory of frames that are `frame_time` ps apart, wrapped or not.

    Parameters
    ----------
    frames
        The same ions in the same order in each; periodic in three directions.
    frame_time
        ps.
    name
        Of the file or the run.

    Raises
    ------
    InputError
        If there are fewer than :data:`FEWEST_FRAMES` frames, ions change, a frame is not periodic, steps are too
        large, or the frames say other times.
    """
    check_frame_time(frame_time)
    if len(frames) < FEWEST_FRAMES:
        raise InputError(f"{name}: {len(frames)} frames; allowed: at least {FEWEST_FRAMES}")
    symbols = np.array(frames[0].get_chemical_symbols())
    for number, atoms in enumerate(frames):
        if not np.array_equal(atoms.numbers, frames[0].numbers):
            raise InputError(
                f"{name}: frame {number} has other atoms, or in another order, than frame 0; "
                "allowed: the same in every frame"
            )
        if not atoms.pbc.all():
            raise InputError(
                f"{name}: frame {number} is not periodic in three directions; allowed: periodic frames"
            )
    _check_times(frames, frame_time, name)
    scaled = np.array([atoms.cell.scaled_positions(atoms.positions) for atoms in frames])
    cell = np.mean([atoms.cell.array for atoms in frames], axis=0)
    return Trajectory(symbols, unwrapped(scaled, name) @ cell, cell, float(frame_time), name)


def _check_times(frames: Sequence[Atoms], frame_time: float, name: str) -> None:
    """Refuse frames that say another time than was given."""
    times = [atoms.info.get("time_ps") for atoms in frames]
    if any(not isinstance(time, int | float | np.number) for time in times):
        return
    steps = np.diff(np.array(times, dtype=float))
    if not np.allclose(steps, frame_time, rtol=1e-3, atol=0):
        wrong = float(steps[int(np.argmax(np.abs(steps - frame_time)))])
        raise InputError(
            f"{name}: its frames are {wrong:g} ps apart by their time_ps, not {frame_time:g}; "
            "allowed: the time between frames that the file says"
        )


def read_trajectory(
    path: str | Path, frame_time: float, *, max_atoms: int = MAX_ATOMS, reading: Reading = AS_IT_IS
) -> Trajectory:
    """Read a trajectory: extended XYZ, a LAMMPS dump, XDATCAR, or anything else with several frames that ASE reads.

    Parameters
    ----------
    path
        File; ``-`` is extended XYZ on standard input.
    frame_time
        ps between frames of the file.
    max_atoms
        Of all frames together.
    reading
        Which frames, and what the file does not say. Every tenth frame is ten times as far from the next.

    Raises
    ------
    InputError
        As :func:`alzmodel.io.read_frames` and :func:`trajectory_of`; also if the file counts its steps, and they are
        not evenly spaced.
    """
    check_frame_time(frame_time)
    frames = read_frames(path, max_atoms=max_atoms, reading=reading)
    if str(path) != STANDARD_STREAM:
        _check_steps(Path(path), reading.frames.chosen)
    return trajectory_of(frames, frame_time * (reading.frames.chosen.step or 1), str(path))


def _check_steps(path: Path, chosen: slice) -> None:
    """Refuse a file whose own step numbers are not evenly spaced: a join of runs, or frames left out."""
    with path.open("rb") as handle:
        head = handle.read(4096)
        pattern = next((one for words, one in _STEP_LINES if words.encode() in head), None)
        if pattern is None:
            return
        handle.seek(0)
        steps = [int(found) for found in pattern.findall(handle.read())][chosen]
    apart = np.diff(steps)
    uneven = np.flatnonzero(apart != apart[:1])
    if uneven.size:
        first = int(uneven[0])
        raise InputError(
            f"{path}: steps {steps[first]} and {steps[first + 1]} follow each other where frames are "
            f"{apart[0]} steps apart; allowed: frames evenly spaced in time"
        )
