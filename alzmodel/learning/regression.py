"""Linear fits of potentials on POD descriptors: basis, weights, normal equations, solution, files for LAMMPS.

The proper orthogonal descriptors (N. C. Nguyen, A. Rohskopf, J. Comput. Phys. 480 (2023) 112030) are LAMMPS's; the
least squares are ours, since ``fitpod`` takes neither stresses nor weights by temperature, and starts anew each time.
"""

from __future__ import annotations

import json
import lzma
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.child_process import child_environment, last_error, python_module
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.forcefields.static import single_points
from alzmodel.io import atomic_path, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = [
    "Basis",
    "Normal",
    "Targets",
    "base_targets",
    "coefficients_text",
    "load_normal",
    "normal_equations",
    "save_normal",
    "solve",
    "targets_of",
    "write_potential",
]

ENERGY_ERROR = 0.002
"""eV per atom; one unit of weighted residual."""

FORCE_SHARE, FORCE_FLOOR = 0.12, 0.07
"""One unit of weighted residual of a force: this share of the model's rms force, at least the floor in eV/Å."""

PRESSURE_ERROR = 0.3
"""GPa; one unit of weighted residual of a strain derivative is this pressure times the volume."""

BOOST = 3.0
"""Factor on the weights of energies and strains: of each there is one to some hundred forces."""

SMALL = 60
"""Atoms; smaller cells are cheap, and all their rows are used."""

EV_PER_A3 = 160.21766208
"""GPa."""


@dataclass(frozen=True, slots=True)
class Basis:
    """A set of POD descriptors.

    Attributes
    ----------
    elements
        In the order of the coefficients.
    rin, rcut
        Inner and outer radius in Å.
    bessel, inverse
        Degrees of the radial snapshots.
    radial
        Numbers of radial functions of two-, three-, four-, five- and six-body terms.
    angular
        Angular degrees of three-, four-, five- and six-body terms.
    coefficients
        Their number, as LAMMPS counts it: it refuses another.
    """

    elements: tuple[str, ...] = ("Li", "La", "Zr", "O")
    rin: float = 0.9
    rcut: float = 5.5
    bessel: int = 4
    inverse: int = 10
    radial: tuple[int, ...] = (10, 6, 4)
    angular: tuple[int, ...] = (4, 2)
    coefficients: int = 2644

    def text(self) -> str:
        """Content of the file that LAMMPS reads."""
        names = ("twobody", "threebody", "fourbody", "fivebody", "sixbody")
        lines = [
            f"species {' '.join(self.elements)}",
            "pbc 1 1 1",
            f"rin {self.rin}",
            f"rcut {self.rcut}",
            f"bessel_polynomial_degree {self.bessel}",
            f"inverse_polynomial_degree {self.inverse}",
            "onebody 1",
            *(
                f"{name}_number_radial_basis_functions {n}"
                for name, n in zip(names, self.radial, strict=False)
            ),
            *(f"{name}_angular_degree {n}" for name, n in zip(names[1:], self.angular, strict=False)),
        ]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Targets:
    """What a model's rows are fitted to.

    Attributes
    ----------
    energy
        eV, columns: one or several sets of targets, shape (k,).
    forces
        eV/Å, (3 n_atoms, k).
    stress
        eV/Å³, (3, 3, k); positive where the model is stretched.
    """

    energy: np.ndarray
    forces: np.ndarray
    stress: np.ndarray


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal equations AᵀA, Aᵀy and yᵀy of weighted rows; sums of them are those of all the rows."""

    gram: np.ndarray
    right: np.ndarray
    square: np.ndarray
    rows: int

    def __add__(self, other: Normal) -> Normal:
        return Normal(
            self.gram + other.gram,
            self.right + other.right,
            self.square + other.square,
            self.rows + other.rows,
        )

    def times(self, factor: int) -> Normal:
        """Every row counted `factor` times."""
        return Normal(factor * self.gram, factor * self.right, factor * self.square, factor * self.rows)


def targets_of(results: Sequence[tuple[float, np.ndarray, np.ndarray]]) -> Targets:
    """Targets with a column for each (energy, forces (n, 3), stress (3, 3) in eV/Å³)."""
    return Targets(
        np.array([energy for energy, _, _ in results]),
        np.stack([forces.ravel() for _, forces, _ in results], axis=1),
        np.stack([stress for _, _, stress in results], axis=2),
    )


def _weights(atoms: Atoms, strains: int, boost: float, number: int) -> np.ndarray:
    """Weights of the rows of a model; zero for half of the atoms of a large one, and their rows are left out."""
    one = 1 / max(FORCE_SHARE * _rms(atoms.get_forces()), FORCE_FLOOR)
    force = np.full(len(atoms), one)
    if len(atoms) >= SMALL:
        left_out = np.random.default_rng(number).permutation(len(atoms))[: len(atoms) // 2]
        force[left_out] = 0.0
    energy = boost / (ENERGY_ERROR * len(atoms))
    strain = boost / (PRESSURE_ERROR / EV_PER_A3 * atoms.get_volume())
    return np.array([energy, *np.repeat(force, 3), *[strain / 3] * strains])


def normal_equations(
    basis: Basis, models: Sequence[Atoms], targets: Sequence[Targets], *, boost: float = BOOST
) -> Normal:
    """Sum the weighted normal equations of models.

    Parameters
    ----------
    basis
        Descriptors.
    models
        Periodic, with the basis's elements only; their own labels set the weights of their forces.
    targets
        Of each model.
    boost
        Factor on the weights of energies and strains.

    Raises
    ------
    InputError
        If a model holds another element.
    AlzmodelError
        If the child process fails.
    """
    spans, positions, types, cells, weights, rows, strains, strain_of = [], [], [], [], [], [], [], []
    start = 0
    for number, (atoms, target) in enumerate(zip(models, targets, strict=True)):
        symbols = atoms.get_chemical_symbols()
        for symbol in dict.fromkeys(symbols):
            if symbol not in basis.elements:
                raise InputError(f"element: {symbol}; allowed: {', '.join(basis.elements)}")
        spans.append((start, start + len(atoms)))
        start += len(atoms)
        positions.append(atoms.positions)
        types.append([basis.elements.index(symbol) + 1 for symbol in symbols])
        cells.append(atoms.cell.array)
        here = _directions(atoms, number)
        strains += here
        strain_of += [number] * len(here)
        weights.append(_weights(atoms, len(here), boost, number))
        strain_rows = [atoms.get_volume() * np.einsum("ijk,ij->k", target.stress, one) for one in here]
        rows.append(np.vstack([target.energy[None], target.forces, *strain_rows]))
    with tempfile.TemporaryDirectory(prefix="alzmodel-design-") as name:
        folder = Path(name)
        (folder / "basis.pod").write_text(basis.text(), encoding="utf-8")
        n = basis.coefficients
        (folder / "basis.coeff").write_text(coefficients_text(np.zeros(n)), encoding="utf-8")
        job = {"elements": basis.elements, "coefficients": n, "cutoff": basis.rcut + 0.1}
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        np.savez(
            folder / "models.npz",
            spans=np.array(spans),
            positions=np.concatenate(positions),
            types=np.concatenate(types),
            cells=np.array(cells),
            weights=np.concatenate(weights),
            targets=np.concatenate(rows),
            strains=np.array(strains).reshape(-1, 3, 3),
            strain_of=np.array(strain_of),
        )
        with (folder / "worker.log").open("wb") as log:
            # The child ends when the pipe closes: when this process does.
            process = subprocess.Popen(
                [*python_module("alzmodel.learning.design_worker"), name],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=child_environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),
            )
            try:
                code = process.wait()
            finally:
                if process.stdin is not None:
                    process.stdin.close()
        if code != 0:
            text = (folder / "worker.log").read_text(encoding="utf-8", errors="replace")
            raise AlzmodelError(f"normal equations: {last_error(text)}")
        with np.load(folder / "normal.npz") as data:
            return Normal(data["gram"], data["right"], data["square"], int(data["rows"]))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _directions(atoms: Atoms, number: int) -> list[np.ndarray]:
    """Isotropic strain for every second model and every small cell; for those a random change of shape beside it."""
    if number % 2 and len(atoms) >= SMALL:
        return []
    directions = [np.eye(3)]
    if len(atoms) < SMALL:
        shape = np.random.default_rng(number).normal(size=(3, 3))
        shape = (shape + shape.T) / 2
        shape -= np.trace(shape) / 3 * np.eye(3)
        directions.append(shape / np.linalg.norm(shape) * np.sqrt(3))
    return directions


def coefficients_text(values: np.ndarray) -> str:
    """Content of the coefficient file that LAMMPS reads."""
    return f"model_coefficients: {len(values)} 0 0\n" + "\n".join(f"{value:.17g}" for value in values) + "\n"


def solve(normal: Normal, mix: np.ndarray, *, ridge: float = 1e-9) -> tuple[np.ndarray, float]:
    """Coefficients for the targets' columns mixed by `mix`, and the weighted rms residual.

    Columns are scaled to unit norm first, so that `ridge` is relative.
    """
    from scipy.linalg import cho_factor, cho_solve

    scale = np.sqrt(np.maximum(np.diag(normal.gram), 1e-300))
    used = np.diag(normal.gram) > 0
    gram = normal.gram / np.outer(scale, scale)
    gram[np.diag_indices_from(gram)] = np.where(used, 1.0 + ridge, 1.0)
    right = normal.right @ mix
    solution = cho_solve(cho_factor(gram, lower=True), right / scale) / scale
    solution[~used] = 0.0
    residual = mix @ normal.square @ mix - 2 * solution @ right + solution @ normal.gram @ solution
    return solution, float(np.sqrt(max(residual, 0) / normal.rows))


def base_targets(models: Sequence[Atoms], potential: str = "du-teter") -> list[Targets]:
    """Targets in two columns: of the labels, and of a pair potential at the same positions."""
    from ase.stress import voigt_6_to_full_3x3_stress

    return [
        targets_of(
            [
                (
                    atoms.get_potential_energy(),
                    atoms.get_forces(),
                    voigt_6_to_full_3x3_stress(atoms.get_stress()),
                ),
                (point.energy, point.forces, point.stress / EV_PER_A3),
            ]
        )
        for atoms, point in zip(models, single_points(models, potential=potential), strict=True)
    ]


def save_normal(path: Path, names: Sequence[str], normal: Normal) -> None:
    """Write normal equations and the names of the models in them."""
    with atomic_path(path) as partial, partial.open("wb") as handle:
        np.savez(
            handle,
            names=np.array(names),
            gram=normal.gram,
            right=normal.right,
            square=normal.square,
            rows=normal.rows,
        )


def load_normal(path: Path) -> tuple[list[str], Normal | None]:
    """Names and normal equations of a file of :func:`save_normal`; nothing if there is none."""
    if not path.exists():
        return [], None
    with np.load(path) as data:
        normal = Normal(data["gram"], data["right"], data["square"], int(data["rows"]))
        return data["names"].tolist(), normal


def write_potential(folder: Path, basis: Basis, values: np.ndarray, card: dict[str, Any]) -> None:
    """Write a fit as a learned potential that :func:`alzmodel.forcefields.potentials.learned_potential` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "basis.pod", basis.text())
    with atomic_path(folder / "coefficients.xz") as partial:
        partial.write_bytes(lzma.compress(coefficients_text(values).encode()))
    write_text(folder / "card.json", json.dumps(card, indent=1) + "\n")
