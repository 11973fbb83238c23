"""LAMMPS from outside: systems to files, segments of a run to a child process, logs and dumps back.

The parent never loads LAMMPS. A job is a folder; each of its segments ends in a file that appears whole, so
that starting the same job again goes on after the last finished segment. Each segment of a molecular-dynamics
run starts from the restart file of the one before, disturbed or not, so that the result does not depend on
interruptions.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields
from itertools import combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from alzmodel.child_process import child_environment, last_error, python_module
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.forcefields.pair_tables import TABLE_POINTS, pppm_coulomb, table_text
from alzmodel.io import write_text
from alzmodel.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms

    from alzmodel.forcefields.pair_tables import Coulomb
    from alzmodel.forcefields.potentials import Potential

__all__ = [
    "Segment",
    "System",
    "Thermo",
    "check_ranks",
    "read_dump",
    "read_thermo",
    "run_job",
]

THERMO_COLUMNS = ("step", "temp", "press", "density", "pe", "vol")
POLL_SECONDS = 0.25
BASIS_FILE, COEFFICIENT_FILE = "learned.pod", "learned.coeff"


@dataclass(frozen=True, slots=True)
class Segment:
    """One uninterruptible part of a job.

    Attributes
    ----------
    name
        Of its log file.
    commands
        LAMMPS commands; they write ``output`` + ``".part"`` last.
    output
        File that stands when the segment is done.
    weight
        Expected share of the work, in any one unit.
    first_step, steps
        Range of time steps, for the progress inside the segment; 0 steps for a minimisation.
    message
        What the segment does.
    """

    name: str
    commands: tuple[str, ...]
    output: str
    weight: float
    message: str
    first_step: int = 0
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Thermo:
    """Log of a run: arrays of one length.

    Attributes
    ----------
    step
        Time steps.
    temperature
        K.
    pressure
        GPa.
    density
        g cm⁻³.
    energy
        Potential energy in eV.
    volume
        Å³.
    """

    step: np.ndarray
    temperature: np.ndarray
    pressure: np.ndarray
    density: np.ndarray
    energy: np.ndarray
    volume: np.ndarray

    def after(self, step: int) -> Thermo:
        """Only the rows past a time step."""
        keep = self.step > step
        return Thermo(*(getattr(self, field.name)[keep] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class System:
    """Ions, potential and Coulomb treatments that the segments of a job share.

    Attributes
    ----------
    potential
        Pair parameters.
    labels
        Ion labels in the order of the LAMMPS atom types.
    """

    potential: Potential
    labels: tuple[str, ...]

    @property
    def types(self) -> tuple[str, ...]:
        """Ion labels by LAMMPS atom type: a learned potential always has all of its own, in its order."""
        return self.potential.many_body.labels if self.potential.many_body else self.labels

    def _treated(self, coulomb: Coulomb) -> Coulomb:
        # A learned potential was fitted to what an Ewald sum leaves.
        if self.potential.many_body and coulomb.kind == "dsf":
            return pppm_coulomb(coulomb.cutoff, 1e-4)
        return coulomb

    def write_tables(self, folder: Path, coulomb: Coulomb) -> None:
        """Write the pair tables of one Coulomb treatment, and what is added to them, into a job folder."""
        coulomb = self._treated(coulomb)
        write_text(folder / _table_name(coulomb), table_text(self.potential, self.types, coulomb))
        if self.potential.many_body:
            write_text(folder / BASIS_FILE, self.potential.many_body.basis)
            write_text(folder / COEFFICIENT_FILE, self.potential.many_body.coefficients)

    def write_data(self, atoms: Atoms, labels: Sequence[str], path: Path, *, triclinic: bool = False) -> None:
        """Write a LAMMPS data file; `labels` holds the ion label of each atom.

        `triclinic` lets the angles of an orthogonal cell change later.

        The cell may have any shape; it is turned so that its first vector lies along x, as LAMMPS wants it.
        """
        cell, positions = _lammps_frame(atoms)
        (xx, _, _), (xy, yy, _), (xz, yz, zz) = cell
        types = [self.types.index(label) + 1 for label in labels]
        charges = [self.potential.ion(label).charge for label in labels]
        lines = [
            f"{self.potential.title}\n",
            f"{len(atoms)} atoms",
            f"{len(self.types)} atom types\n",
            f"0 {xx:.16g} xlo xhi\n0 {yy:.16g} ylo yhi\n0 {zz:.16g} zlo zhi",
            f"{xy:.16g} {xz:.16g} {yz:.16g} xy xz yz\n"
            if triclinic or max(abs(xy), abs(xz), abs(yz)) > 1e-9
            else "",
            "Masses\n",
        ]
        for number, label in enumerate(self.types, start=1):
            element = self.potential.ion(label).element
            lines.append(f"{number} {atomic_masses[atomic_numbers[element]]:.10g}")
        lines.append("\nAtoms # charge\n")
        for number, (kind, charge, (x, y, z)) in enumerate(
            zip(types, charges, positions, strict=True), start=1
        ):
            lines.append(f"{number} {kind} {charge:.10g} {x:.16g} {y:.16g} {z:.16g}")
        write_text(path, "\n".join(lines) + "\n")

    def setup(self, source: str, coulomb: Coulomb) -> list[str]:
        """Return the commands that load `source` (a data or a restart file) and the forces."""
        coulomb = self._treated(coulomb)
        reader = "read_data" if source.endswith(".data") else "read_restart"
        commands = [
            # On one thread: these pair loops are a sixth faster than the plain ones, and add in the same order.
            "package omp 1",
            "units metal",
            "atom_style charge",
            "boundary p p p",
            "newton on",
            f"{reader} {source}",
            *self._pair_commands(coulomb),
        ]
        if coulomb.kind == "pppm":
            commands += [
                f"kspace_style pppm {coulomb.accuracy:g}",
                f"kspace_modify gewald {coulomb.damping:.10g}",
            ]
        return [
            *commands,
            "neighbor 2.0 bin",
            "neigh_modify every 1 delay 0 check yes",
            "thermo_style custom " + " ".join(THERMO_COLUMNS),
            "thermo_modify format float %.12g flush yes",
        ]

    def _pair_commands(self, coulomb: Coulomb) -> list[str]:
        style = f"table/omp spline {TABLE_POINTS}" + (" pppm" if coulomb.kind == "pppm" else "")
        added = self.potential.many_body
        sub = "table/omp " if added else ""
        tables = [
            f"pair_coeff {i} {j} {sub}{_table_name(coulomb)} P_{i}_{j} {coulomb.cutoff}"
            for i, j in combinations_with_replacement(range(1, len(self.types) + 1), 2)
        ]
        if added is None:
            return [f"pair_style {style}", *tables]
        return [
            f"pair_style hybrid/overlay {style} pod",
            *tables,
            f"pair_coeff * * pod {BASIS_FILE} {COEFFICIENT_FILE} {' '.join(added.elements)}",
        ]


def _table_name(coulomb: Coulomb) -> str:
    return f"{coulomb.kind}.table"


def _lammps_frame(atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
    cell = atoms.cell.standard_form()[0].array
    return cell, atoms.get_scaled_positions(wrap=True) @ cell


def check_ranks(ranks: int) -> None:
    """Refuse a number of MPI ranks that cannot be started here.

    Raises
    ------
    InputError
        If it is not a whole number from 1 to the number of cores, or mpiexec is missing.
    """
    cores = os.cpu_count() or 1
    if not isinstance(ranks, int) or isinstance(ranks, bool) or not 1 <= ranks <= cores:
        raise InputError(f"ranks: {ranks}; allowed: a whole number from 1 to {cores}")
    if ranks > 1 and _mpiexec() is None:
        raise InputError(f"ranks: {ranks}, but there is no mpiexec; allowed: 1, or install mpich")


def _mpiexec() -> str | None:
    beside = Path(sys.executable).with_name("mpiexec")
    return str(beside) if beside.exists() else shutil.which("mpiexec")


def run_job(
    folder: Path,
    segments: Sequence[Segment],
    *,
    upto: int | None = None,
    ranks: int = 1,
    progress: Progress = silent,
) -> None:
    """Run segments in a LAMMPS child process; those whose output stands already are skipped.

    The child ends when this process does, also when it is killed.

    Parameters
    ----------
    folder
        Holds every file that the segments name.
    segments
        In order.
    upto
        Stop after this many segments; the progress still counts all of them.
    ranks
        MPI ranks.
    progress
        Told the fraction of the summed weights, the stage and the temperature.

    Raises
    ------
    AlzmodelError
        If LAMMPS fails; the message ends with its own.
    """
    left = [segment for segment in segments[:upto] if not (folder / segment.output).exists()]
    total = sum(segment.weight for segment in segments)
    before = sum(segment.weight for segment in segments if (folder / segment.output).exists())
    if not left:
        return
    for segment in left:
        # What an interrupted run left would be taken for progress.
        (folder / f"{segment.name}.log").unlink(missing_ok=True)
    job = {
        "ranks": ranks,
        "segments": [
            {"name": segment.name, "commands": segment.commands, "output": segment.output} for segment in left
        ],
    }
    write_text(folder / "job.json", json.dumps(job))
    command = [*python_module("alzmodel.forcefields.lammps_worker"), str(folder.resolve())]
    if ranks > 1:
        command = [str(_mpiexec()), "-n", str(ranks), *command]
    with (folder / "worker.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=child_environment(OMP_NUM_THREADS="1"),
        )
        try:
            reached = 0.0
            while process.poll() is None:
                reached = _tell(folder, left, before, total, reached, progress)
                try:
                    process.wait(POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            _end(process)
    if process.returncode != 0:
        text = (folder / "worker.log").read_text(encoding="utf-8", errors="replace")
        raise AlzmodelError(f"LAMMPS failed: {last_error(text) or f'exit status {process.returncode}'}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is None:
        # mpiexec hands the signal to its ranks.
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tell(
    folder: Path,
    left: Sequence[Segment],
    before: float,
    total: float,
    reached: float,
    progress: Progress,
) -> float:
    """Report and return the work done so far, never less than `reached`: the log of a segment may be silent."""
    done = 0.0
    for segment in left:
        if (folder / segment.output).exists():
            done += segment.weight
            continue
        step, temperature = _last_step(folder / f"{segment.name}.log")
        fraction = 0.0
        if segment.steps and step is not None:
            fraction = min(max((step - segment.first_step) / segment.steps, 0.0), 1.0)
        done += segment.weight * fraction
        message = segment.message if temperature is None else f"{segment.message}, {temperature:.0f} K"
        break
    else:
        return done
    done = max(done, reached)
    progress((before + done) / total, message)
    return done


def _last_step(log: Path) -> tuple[int | None, float | None]:
    try:
        with log.open("rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(handle.tell() - 600, 0))
            lines = handle.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return None, None
    for line in reversed(lines[1:]):
        row = _thermo_row(line)
        if row is not None:
            return int(row[0]), row[1]
    return None, None


def _thermo_row(line: str) -> list[float] | None:
    words = line.split()
    if len(words) != len(THERMO_COLUMNS):
        return None
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def read_thermo(logs: Sequence[Path]) -> Thermo:
    """Join the logs of consecutive segments.

    Of each log the last run counts (a minimisation before it is left out); a step that two logs share is kept once.
    """
    rows: dict[int, list[float]] = {}
    for log in logs:
        last: list[list[float]] = []
        for line in log.read_text(encoding="utf-8").splitlines():
            if line.split() and line.split()[0] == "Step":
                last = []
            row = _thermo_row(line)
            if row is not None:
                last.append(row)
        rows |= {int(row[0]): row for row in last}
    table = np.array([rows[step] for step in sorted(rows)])
    step, temperature, pressure, density, energy, volume = table.T
    return Thermo(step.astype(np.int64), temperature, pressure * 1e-4, density, energy, volume)


def read_dump(path: Path) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Read a text dump ``id type xsu ysu zsu`` sorted by id.

    Yields
    ------
    step, cell, scaled
        Time step, cell vectors as rows (3, 3) in Å, unwrapped fractional coordinates (n, 3).
    """
    with path.open(encoding="utf-8") as handle:
        while handle.readline():
            step = int(handle.readline())
            handle.readline()
            n_atoms = int(handle.readline())
            handle.readline()
            bounds = np.array([[float(word) for word in handle.readline().split()] for _ in range(3)])
            handle.readline()
            rows = np.loadtxt(handle, max_rows=n_atoms, ndmin=2)
            yield step, _cell_of_bounds(bounds), rows[:, 2:5]


def _cell_of_bounds(bounds: np.ndarray) -> np.ndarray:
    xy, xz, yz = bounds[:, 2] if bounds.shape[1] == 3 else (0.0, 0.0, 0.0)
    # LAMMPS writes the box that bounds the tilted cell.
    x_low = bounds[0, 0] - min(0.0, xy, xz, xy + xz)
    x_high = bounds[0, 1] - max(0.0, xy, xz, xy + xz)
    y_low = bounds[1, 0] - min(0.0, yz)
    y_high = bounds[1, 1] - max(0.0, yz)
    lengths = (x_high - x_low, y_high - y_low, bounds[2, 1] - bounds[2, 0])
    return np.array([[lengths[0], 0, 0], [xy, lengths[1], 0], [xz, yz, lengths[2]]])
