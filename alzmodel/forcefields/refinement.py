"""Relaxation of a model with any calculator: kept on disk step by step, taken up where it was left.

The optimisers and the treatment of the cell are ASE's. Each state is saved with the optimiser's own memory, so that an
interrupted relaxation goes on as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE, LBFGS
from ase.units import GPa

from alzmodel import __version__
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.folders import check_ours, hold
from alzmodel.forcefields.calculators import quietly
from alzmodel.io import parse_json, write_text
from alzmodel.progress import Progress, silent
from alzmodel.units import mass_density

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms

    from alzmodel.forcefields.calculators import NamedCalculator

__all__ = ["PRESSURE_TOLERANCE", "Refined", "check_refinement", "refine", "refinement_hash"]

Cell = Literal["fixed", "iso", "full"]
"""What of a cell may change: nothing, its volume, everything."""
OptimizerName = Literal["lbfgs", "fire"]

PRESSURE_TOLERANCE = 0.1
"""GPa; no component of the stress of a relaxed cell is larger. At a bulk modulus of 150 GPa: 2e-4 of a length."""

SAVE_SECONDS = 1.0
"""Steps that took less than this together are saved together; a slow disk gets a tenth of the time."""

CELL_WEIGHT = 1.5
"""Times √N: the length in Å that a strain of 1 counts as. The second derivative of the energy, 9 K V over the square of
it, is then some 8 eV/Å² (K = 100 GPa, 12 Å³ an atom) for a model of any size, as stiff as an atom in its cage. ASE's
own choice, N, leaves cells soft that converge last: three times the steps for 256 atoms of a disordered alloy."""

LBFGS_MEMORY = 30
"""Steps that stand for the Hessian; each costs its share of the restart file."""

STATE, FRAMES = "state.json", "frames.f64"

KEPT = ("formula", "formula_requested", "la_content", "composition", "phase", "seed")
"""What a refined model inherits from the one it came from; all else stands under ``source``."""


@dataclass(frozen=True)
class Refined:
    """A relaxed model.

    Attributes
    ----------
    atoms
        The model; ``info["provenance"]`` names the calculator beside its energy.
    energy_before, energy_after
        eV for the whole cell, by the same calculator.
    fmax
        Largest force on an atom that is left, eV/Å.
    pressure_before, pressure
        GPa; NaN for a calculator without stress.
    density_before, density
        g cm⁻³.
    steps
        Steps that were taken in all.
    converged
        Whether the forces, and the stress if the cell was free, came below what was asked for.
    energies
        eV, of every state from the first to the last.
    frames
        Every state, if they were asked for.
    """

    atoms: Atoms
    energy_before: float
    energy_after: float
    fmax: float
    pressure_before: float
    pressure: float
    density_before: float
    density: float
    steps: int
    converged: bool
    energies: np.ndarray
    frames: list[Atoms]

    @property
    def provenance(self) -> dict[str, Any]:
        """The nested dictionary of the model."""
        return dict(self.atoms.info["provenance"])


def check_refinement(
    atoms: Atoms,
    calculator: NamedCalculator,
    *,
    fmax: float = 0.05,
    steps: int = 500,
    cell: str = "iso",
    optimizer: str = "lbfgs",
) -> None:
    """Refuse what cannot be refined, before anything is computed.

    Raises
    ------
    InputError
        If the model is not periodic in three directions, the calculator does not know its elements or has no stress
        for a free cell, or a setting is out of range.
    """
    if not atoms.pbc.all():
        raise InputError(f"pbc: {atoms.pbc.tolist()}; allowed: models that are periodic in three directions")
    if not (math.isfinite(fmax) and 0 < fmax <= 10):
        raise InputError(f"fmax: {fmax}; allowed: more than 0, up to 10 eV/Å")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise InputError(f"steps: {steps}; allowed: a whole number of at least 0")
    if cell not in get_args(Cell):
        raise InputError(f"cell: {cell!r}; allowed: {', '.join(get_args(Cell))}")
    if optimizer not in get_args(OptimizerName):
        raise InputError(f"optimizer: {optimizer!r}; allowed: {', '.join(get_args(OptimizerName))}")
    if cell != "fixed" and not calculator.has_stress:
        raise InputError(f"cell: {cell!r}, but {calculator.name} computes no stress; allowed: 'fixed'")
    calculator.refuse(atoms)


def refinement_hash(atoms: Atoms, calculator: NamedCalculator, cell: str, optimizer: str) -> str:
    """Hash of all that the way of a relaxation depends on; how far it goes is no part of it."""
    text = json.dumps(
        {
            "version": 1,
            "numbers": atoms.numbers.tolist(),
            "positions": atoms.positions.tolist(),
            "cell": atoms.cell.array.tolist(),
            "charges": atoms.get_initial_charges().tolist(),
            "calculator": calculator.provenance,
            "move": cell,
            "optimizer": optimizer,
        },
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def refine(
    atoms: Atoms,
    calculator: NamedCalculator,
    *,
    fmax: float = 0.05,
    steps: int = 500,
    cell: Cell = "iso",
    optimizer: OptimizerName = "lbfgs",
    restart: str | Path | None = None,
    keep_frames: bool = False,
    progress: Progress = silent,
) -> Refined:
    """Relax a model at zero pressure.

    Parameters
    ----------
    atoms
        Periodic in three directions. Energies that it carries are dropped: they may be another model's.
    calculator
        From :func:`alzmodel.forcefields.calculators.calculator_of`.
    fmax
        eV/Å; the relaxation ends when no force on an atom is larger, and no component of the stress larger than
        :data:`PRESSURE_TOLERANCE` if the cell is free.
    steps
        Most steps, those of earlier calls with the same `restart` counted.
    cell
        ``"fixed"``; ``"iso"``: the volume follows, the shape stays; ``"full"``: lengths and angles follow.
    optimizer
        ``"lbfgs"``, limited-memory quasi-Newton without line search; ``"fire"``, slower and hard to upset
        (E. Bitzek et al., Phys. Rev. Lett. 97 (2006) 170201).
    restart
        Folder that keeps the state, written every second and when the call ends, however it ends; a later call with
        the same model, calculator, `cell` and `optimizer` goes on from there, to the same result as without a
        break (but for rounding, where a calculator remembers a neighbour list). The caller removes it once the
        result is safe.
    keep_frames
        Return every state.
    progress
        Told how far the forces have come down on a logarithmic scale, or the steps, whichever is further.

    Returns
    -------
    Refined

    Raises
    ------
    InputError
        See :func:`check_refinement`; also if the calculator refuses the model at its first evaluation, or the
        restart folder holds another relaxation or is in use.
    AlzmodelError
        If energies or forces stop being finite, or the calculator fails later on.
    """
    check_refinement(atoms, calculator, fmax=fmax, steps=steps, cell=cell, optimizer=optimizer)
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="alzmodel-refine-"))
        run = _Run(atoms, calculator, cell, optimizer, Path(name) / "optimizer.json", keep_frames)
        store = None if restart is None else _Store(Path(restart), run.identity)
        if store is not None:
            stack.enter_context(_held(store.folder))
            saved = store.load(keep_frames)
            if saved is not None:
                run.resume(saved)
        converged = False
        try:
            for _ in run.states(steps):
                if store is not None:
                    store.offer(run.state(), run.frames)
                converged = run.fmax <= fmax and (cell == "fixed" or run.stress <= PRESSURE_TOLERANCE)
                progress(*run.told(fmax, steps))
                if converged:
                    break
        finally:
            if store is not None:
                store.flush()
        return run.result(converged, fmax)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    made = not folder.exists()
    check_ours(folder, _is_restart, "the restart folder of the same refinement", ignore=f".{STATE}")
    folder.mkdir(parents=True, exist_ok=True)
    with hold(folder):
        try:
            yield
        finally:
            # A model that was refused at its first evaluation leaves no state, and then no folder.
            if made and [path.name for path in folder.iterdir()] == [".lock"]:
                (folder / ".lock").unlink()
                folder.rmdir()


def _is_restart(folder: Path) -> bool:
    """Whether a folder holds what :class:`_Store` writes; frames may stand there before the first state."""
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    return names <= {STATE, FRAMES}


class _Run:
    """The model under way, the optimiser, and what each state was like."""

    def __init__(
        self,
        atoms: Atoms,
        calculator: NamedCalculator,
        cell: str,
        optimizer: str,
        memory: Path,
        keep_frames: bool,
    ) -> None:
        self.source = atoms
        self.calculator = calculator
        self.settings = {"cell": cell, "optimizer": optimizer}
        self.identity = refinement_hash(atoms, calculator, cell, optimizer)
        self.memory = memory
        self.keep_frames = keep_frames
        self.atoms = atoms.copy()
        self.atoms.calc = calculator.calculator
        self.moved = (
            self.atoms
            if cell == "fixed"
            else FrechetCellFilter(
                self.atoms,
                hydrostatic_strain=cell == "iso",
                exp_cell_factor=CELL_WEIGHT * math.sqrt(len(atoms)),
            )
        )
        self.engine: Any = None
        self.energies: list[float] = []
        self.forces: list[float] = []
        self.pressures: list[float] = []
        self.frames: list[np.ndarray] = []
        self.stress = math.nan

    @property
    def steps(self) -> int:
        """Steps taken."""
        return len(self.energies) - 1

    @property
    def fmax(self) -> float:
        """Largest force on an atom."""
        return self.forces[-1]

    def resume(self, saved: dict[str, Any]) -> None:
        """Go to a saved state; the cell stays measured from the one the model came in."""
        self.atoms.set_cell(saved["cell_vectors"])
        self.atoms.set_positions(saved["positions"], apply_constraint=False)
        self.energies = saved["energies"][:-1]
        self.forces = saved["forces"][:-1]
        self.pressures = [math.nan if value is None else value for value in saved["pressures"][:-1]]
        self.frames = saved["frames"]
        if saved["optimizer_memory"]:
            self.memory.write_text(saved["optimizer_memory"], encoding="utf-8")
        self._start()
        for name, value in saved["extra"].items():
            setattr(self.engine, name, value)

    def _start(self) -> None:
        with warnings.catch_warnings():
            # ASE warns that it does not know the cell that strains are measured from: here it is the model's own.
            warnings.filterwarnings("ignore", message="WARNING: restart function is untested")
            if self.settings["optimizer"] == "fire":
                self.engine = FIRE(self.moved, restart=self.memory, logfile=None)
            else:
                self.engine = LBFGS(self.moved, restart=self.memory, logfile=None, memory=LBFGS_MEMORY)

    def states(self, steps: int) -> Iterator[None]:
        """Yield at the first state and after each step, until `steps` have been taken in all."""
        if self.engine is None:
            self._start()
        left = max(0, steps - len(self.energies))
        walk = self.engine.irun(fmax=0.0, steps=left)
        first = True
        while True:
            try:
                with quietly():
                    if next(walk, None) is None:
                        return
                    self._look()
            except Exception as error:
                raise self._failure(error, first=first and not self.energies) from error
            first = False
            yield

    def _failure(self, error: Exception, *, first: bool) -> Exception:
        if isinstance(error, AlzmodelError):
            return error
        reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
        if first:
            return InputError(
                f"calculator: {self.calculator.name} cannot compute this model ({reason}); allowed: elements and "
                "cells that it is made for"
            )
        return AlzmodelError(f"{self.calculator.name} failed after {self.steps} steps: {reason}")

    def _look(self) -> None:
        # What is not finite is refused below, in words; a calculator's warning of it says nothing more.
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            energy = float(self.atoms.get_potential_energy())
            force = float(np.linalg.norm(self.atoms.get_forces(), axis=1).max())
        pressure = math.nan
        if self.calculator.has_stress:
            stress = self.atoms.get_stress(voigt=False) / GPa
            pressure = -float(np.trace(stress)) / 3
            self.stress = abs(pressure) if self.settings["cell"] == "iso" else float(np.abs(stress).max())
        if not (math.isfinite(energy) and math.isfinite(force)):
            where = f"after {len(self.energies)} steps" if self.energies else "of the model as it came"
            raise AlzmodelError(f"{self.calculator.name}: energy or forces {where} are not finite")
        self.energies.append(energy)
        self.forces.append(force)
        self.pressures.append(pressure)
        if self.keep_frames:
            self.frames.append(np.vstack([self.atoms.cell.array, self.atoms.positions]))

    def told(self, fmax: float, steps: int) -> tuple[float, str]:
        """Return fraction done and words for the progress."""
        lowest = min(self.forces)
        first = self.forces[0]
        down = math.log(first / max(lowest, fmax)) / math.log(first / fmax) if first > fmax else 1.0
        # The stress may be left when the forces are done.
        fraction = min(max(down, self.steps / steps if steps else 1.0), 0.99)
        words = f"step {self.steps}, fmax {self.fmax:.3f} eV/Å"
        if self.settings["cell"] != "fixed":
            words += f", {self.pressures[-1]:.2f} GPa"
        return fraction, words

    def state(self) -> dict[str, Any]:
        """Everything that a later call needs, as JSON-like values."""
        memory = self.memory.read_text(encoding="utf-8") if self.memory.exists() else ""
        # ASE leaves these out of its file, or overwrites them on reading it.
        extra = {
            name: getattr(self.engine, name) for name in ("dt", "a", "Nsteps") if hasattr(self.engine, name)
        }
        return {
            "alzmodel": __version__,
            "identity": self.identity,
            "calculator": self.calculator.provenance,
            **self.settings,
            "cell_vectors": self.atoms.cell.array.tolist(),
            "positions": self.atoms.positions.tolist(),
            "energies": list(self.energies),
            "forces": list(self.forces),
            "pressures": [None if math.isnan(value) else value for value in self.pressures],
            "optimizer_memory": memory,
            "extra": extra,
        }

    def result(self, converged: bool, fmax: float) -> Refined:
        """Return the model as it stands, with its provenance."""
        atoms = self.source.copy()
        atoms.set_cell(self.atoms.cell)
        atoms.set_positions(self.atoms.positions, apply_constraint=False)
        source = self.source.info.get("provenance", {})
        numbers: dict[str, Any] = {
            "energy_before": self.energies[0],
            "energy_after": self.energies[-1],
            "fmax": self.fmax,
            "pressure_before": self.pressures[0],
            "pressure": self.pressures[-1],
            "density_before": mass_density(self.source),
            "density": mass_density(atoms),
            "steps": self.steps,
            "converged": converged,
        }
        # The formula of a model that came without provenance is the one it has.
        inherited = {key: source[key] for key in KEPT if key in source} if isinstance(source, dict) else {}
        atoms.info["provenance"] = {
            "method": "refinement",
            "formula": atoms.get_chemical_formula(),
            **inherited,
            "n_atoms": len(atoms),
            "calculator": self.calculator.provenance,
            **self.settings,
            "fmax_asked": fmax,
            "pressure_tolerance": PRESSURE_TOLERANCE,
            **{key: None if math.isnan(value) else value for key, value in numbers.items()},
            "energy_per_atom": self.energies[-1] / len(atoms),
            "input_hash": self.identity,
            "alzmodel": __version__,
            "provisional": list(self.calculator.provisional(self.source)),
            "source": source,
        }
        return Refined(atoms=atoms, energies=np.array(self.energies), frames=self._trajectory(), **numbers)

    def _trajectory(self) -> list[Atoms]:
        found = []
        for number, (frame, energy) in enumerate(zip(self.frames, self.energies, strict=False)):
            atoms = self.source.copy()
            atoms.set_cell(frame[:3])
            atoms.set_positions(frame[3:], apply_constraint=False)
            atoms.info = {
                "step": number,
                "energy_eV": energy,
                "fmax": self.forces[number],
                "calculator": self.calculator.name,
            }
            found.append(atoms)
        return found


class _Store:
    """The folder that keeps a relaxation: one state as JSON, and the raw numbers of every state if they are wanted."""

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder
        self.state_path = folder / STATE
        self.frames_path = folder / FRAMES
        self.identity = identity
        self.next_save = time.monotonic() + SAVE_SECONDS
        self.state: dict[str, Any] | None = None
        self.frames: list[np.ndarray] = []
        self.written = 0

    def load(self, keep_frames: bool) -> dict[str, Any] | None:
        if not self.state_path.exists():
            self.frames_path.unlink(missing_ok=True)
            return None
        try:
            state = parse_json(self.state_path.read_text(encoding="utf-8"))
            same = state["identity"] == self.identity
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.state_path}: is no state of a relaxation; allowed: another folder, or remove it"
            ) from error
        if not same:
            raise InputError(
                f"{self.folder}: holds another relaxation (with {state['calculator']['name']}, cell {state['cell']}, "
                f"{state['optimizer']}); allowed: the same model, calculator, cell and optimiser, or remove it"
            )
        # The last state is looked at again: that costs one evaluation, and needs no results on disk.
        self.written = len(state["energies"]) - 1
        shape = (len(state["positions"]) + 3, 3)
        frames = np.zeros((0, *shape))
        if keep_frames:
            raw = np.fromfile(self.frames_path) if self.frames_path.exists() else np.zeros(0)
            frames = raw[: self.written * math.prod(shape)].reshape(-1, *shape)
            if len(frames) < self.written:
                raise InputError(
                    f"{self.folder}: was begun without a trajectory; allowed: to go on without one, or remove it"
                )
        return {**state, "frames": list(frames)}

    def offer(self, state: dict[str, Any], frames: list[np.ndarray]) -> None:
        """Take a state; write it if the last one was written long enough ago."""
        self.state, self.frames = state, frames
        if time.monotonic() >= self.next_save:
            self.flush()

    def flush(self) -> None:
        """Write the last state that was offered."""
        if self.state is None:
            return
        started = time.monotonic()
        n_states = len(self.state["energies"])
        if self.frames:
            with self.frames_path.open("r+b" if self.frames_path.exists() else "wb") as handle:
                handle.seek(self.written * self.frames[0].nbytes)
                for frame in self.frames[self.written : n_states]:
                    handle.write(np.ascontiguousarray(frame).tobytes())
        write_text(self.state_path, json.dumps(self.state))
        self.written = n_states
        self.state = None
        now = time.monotonic()
        self.next_save = now + max(SAVE_SECONDS, 10 * (now - started))
